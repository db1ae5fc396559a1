//! `${strToBool(..)}`: a text that means a boolean.

use super::{Request, Resolver, Source, Stop, Value, misused};
use crate::config::node::Data;

pub(super) struct StrToBool;

impl Source for StrToBool {
    fn name(&self) -> &'static str {
        "strToBool"
    }

    fn about(&self) -> &'static str {
        "`true`, `1`, `false` or `0` as a boolean: `${strToBool(${env:DEBUG})}`"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let Some(text) = request.param(0) else {
            let message = format!("`{}` has nothing to turn into a boolean", request.variable.written);
            return Err(misused(request, resolver, &message, "write it as `${strToBool(${env:NAME})}`"));
        };
        let value = match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            // The text may be a secret, so it is not shown.
            _ => {
                let message = format!("`{}` is given a text that is not a boolean", request.variable.written);
                return Err(misused(request, resolver, &message, "it takes `true`, `1`, `false` or `0`"));
            }
        };
        Ok(resolver.value(request, Data::Bool(value), request.secret))
    }
}
