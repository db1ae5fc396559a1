//! `${cf:stack.Output}`: outputs of CloudFormation stacks.

use super::{Request, Resolver, Source, Stop, Value, misused, need_address};
use crate::config::node::Data;
use crate::config::variables::remote::{Found, Lookup};

pub(super) struct Cf;

impl Source for Cf {
    fn name(&self) -> &'static str {
        "cf"
    }

    fn about(&self) -> &'static str {
        "an output of a CloudFormation stack: `${cf:stack.Output}`, `${cf(us-east-1):stack.Output}`"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let address = need_address(request, resolver, "${cf:stack.Output}")?;
        let Some((stack, output)) = address.split_once('.') else {
            let message = format!("`{}` names no output of the stack", request.variable.written);
            return Err(misused(request, resolver, &message, "write it as `${cf:stack.Output}`"));
        };
        let account = resolver.account(request, super::region_of(request))?;
        let Found::Outputs(outputs) = resolver.lookup(request, Lookup::Stack { account, name: stack.to_owned() })?
        else {
            return Err(Stop::Missing);
        };
        let text = outputs.get(output).ok_or(Stop::Missing)?.clone();
        Ok(resolver.value(request, Data::String(text), false))
    }

    fn explain_missing(&self, request: &Request<'_>, _: &mut Resolver<'_>) -> Option<String> {
        let address = request.address()?;
        let (stack, output) = address.split_once('.')?;
        Some(format!("there is no stack `{stack}`, or it has no output `{output}`, in this region and account"))
    }
}
