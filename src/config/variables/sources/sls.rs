//! `${sls:stage}`, `${sls:instanceId}`: what the tool itself knows.

use super::{Request, Resolver, Source, Stop, Value, misused};
use crate::config::node::Data;

pub(super) struct Sls;

impl Source for Sls {
    fn name(&self) -> &'static str {
        "sls"
    }

    fn about(&self) -> &'static str {
        "`${sls:stage}` is the stage (`--stage`, or `provider.stage`, or `dev`); `${sls:instanceId}` is new in every run"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let text = match request.address().as_deref() {
            Some("stage") => match &resolver.inputs.stage {
                Some(stage) => stage.clone(),
                None => {
                    let message = "the stage cannot depend on `${sls:stage}`, which is the stage";
                    return Err(misused(request, resolver, message, "use `${opt:stage, 'dev'}`"));
                }
            },
            Some("instanceId") => resolver.inputs.instance.clone(),
            _ => {
                let message =
                    format!("`{}` is neither `${{sls:stage}}` nor `${{sls:instanceId}}`", request.variable.written);
                return Err(misused(request, resolver, &message, "the two are all that `sls` knows"));
            }
        };
        Ok(resolver.value(request, Data::String(text), false))
    }
}
