//! `${s3:bucket/key}`: the body of an object, as text.

use super::{Request, Resolver, Source, Stop, Value, misused, need_address};
use crate::config::node::Data;
use crate::config::variables::remote::{Found, Lookup};

pub(super) struct S3;

impl Source for S3 {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn about(&self) -> &'static str {
        "the body of an object as text: `${s3:bucket/key}`"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let address = need_address(request, resolver, "${s3:bucket/key}")?;
        let Some((bucket, key)) = address.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
        else {
            let message = format!("`{}` names no object", request.variable.written);
            return Err(misused(request, resolver, &message, "write it as `${s3:bucket/key}`"));
        };
        let account = resolver.account(request, super::region_of(request))?;
        let lookup = Lookup::Object { account, bucket: bucket.to_owned(), key: key.to_owned() };
        match resolver.lookup(request, lookup)? {
            Found::Text(text) => Ok(resolver.value(request, Data::String(text), false)),
            _ => Err(Stop::Missing),
        }
    }

    fn explain_missing(&self, request: &Request<'_>, _: &mut Resolver<'_>) -> Option<String> {
        Some(format!("there is no object `{}`", request.address()?))
    }
}
