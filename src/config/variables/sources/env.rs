//! `${env:NAME}`: environment variables, those of `.env` files included.

use super::{Inputs, Request, Resolver, Source, Stop, Value, need_address};
use crate::config::node::Data;

pub(super) struct Env;

impl Source for Env {
    fn name(&self) -> &'static str {
        "env"
    }

    fn about(&self) -> &'static str {
        "an environment variable, also one of a `.env` file that is loaded: `${env:HOME}`"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let name = need_address(request, resolver, "${env:NAME}")?;
        let text = resolver.inputs.env.get(&name).ok_or(Stop::Missing)?.clone();
        Ok(resolver.value(request, Data::String(text), false))
    }

    fn is_private(&self, _: &Request<'_>, _: &Inputs) -> bool {
        true
    }

    fn explain_missing(&self, request: &Request<'_>, _: &mut Resolver<'_>) -> Option<String> {
        let name = request.address()?;
        Some(format!("set {name} in the environment, or put it into a `.env` file and set `useDotenv: true`"))
    }
}
