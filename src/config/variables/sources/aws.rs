//! `${aws:accountId}`, `${aws:region}`, and v4's spellings `${aws:ssm:..}`, `${aws:cf:..}`, `${aws:s3:..}`.

use super::{Request, Resolver, Source, Stop, Value, misused};
use crate::config::node::Data;
use crate::config::variables::remote::{Found, Lookup};

pub(super) struct Aws;

impl Source for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn about(&self) -> &'static str {
        "`${aws:accountId}` and `${aws:region}`; `${aws:ssm:/path}`, `${aws:cf:stack.Output}`, `${aws:s3:bucket/key}` as in v4"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let address = request.address().unwrap_or_default();
        match address.as_str() {
            "region" => {
                let region = resolver.region()?;
                Ok(resolver.value(request, Data::String(region), false))
            }
            "accountId" => {
                let account = resolver.account(request, super::region_of(request))?;
                match resolver.lookup(request, Lookup::AccountId(account))? {
                    Found::Text(text) => Ok(resolver.value(request, Data::String(text), false)),
                    _ => Err(Stop::Missing),
                }
            }
            _ => {
                let Some((head, rest)) = address.split_once(':') else { return Err(unknown(request, resolver)) };
                // `${aws:ssm(eu-west-1, raw):/path}`: parameters may stand at either name.
                let (name, inner) = head.strip_suffix(')').and_then(|head| head.split_once('(')).unwrap_or((head, ""));
                let source = match name {
                    "ssm" | "cf" | "s3" => super::find(name),
                    _ => None,
                };
                let Some(source) = source else { return Err(unknown(request, resolver)) };
                let inner = inner.split(',').map(|param| Data::String(param.trim().to_owned()));
                let request = Request {
                    kind: name,
                    params: request.params.iter().cloned().chain(inner).collect(),
                    address: Some(Data::String(rest.trim().to_owned())),
                    ..*request
                };
                source.resolve(&request, resolver)
            }
        }
    }
}

fn unknown(request: &Request<'_>, resolver: &mut Resolver<'_>) -> Stop {
    let message = format!("`{}` is nothing that `aws` knows", request.variable.written);
    misused(request, resolver, &message, "it knows accountId, region, ssm:/path, cf:stack.Output and s3:bucket/key")
}
