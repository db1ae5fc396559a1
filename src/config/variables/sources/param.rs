//! `${param:name}`: parameters of the command line and of the stage.

use super::{Inputs, Request, Resolver, Source, Stop, Value, need_address};
use crate::config::compose_file::ComposeFile;
use crate::config::node::Data;
use crate::config::variables::cells::State;

pub(super) struct Param;

impl Source for Param {
    fn name(&self) -> &'static str {
        "param"
    }

    fn about(&self) -> &'static str {
        "a parameter: `--param name=value`, or `params.<stage>`, `stages.<stage>.params`, or those of `default`"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let name = need_address(request, resolver, "${param:name}")?;
        if let Some(text) = resolver.inputs.params.get(&name) {
            let text = text.clone();
            return Ok(resolver.value(request, Data::String(text), false));
        }
        let Some(stage) = resolver.inputs.stage.clone() else {
            let message = format!("`{}` cannot decide the stage: parameters depend on it", request.variable.written);
            return Err(super::misused(request, resolver, &message, "use `${opt:stage}` or `${env:..}` there"));
        };
        let root = resolver.root;
        let dotted: Vec<&str> = name.split('.').collect();
        for stage in [stage.as_str(), "default"] {
            for section in [&["params", stage][..], &["stages", stage, "params"]] {
                for tail in [&[name.as_str()][..], &dotted] {
                    let keys: Vec<&str> = section.iter().chain(tail).copied().collect();
                    let found = match resolver.navigate(root, &keys) {
                        Err(Stop::Missing) => continue,
                        found => found?,
                    };
                    let value = resolver.settle(found.cell)?;
                    if !matches!(resolver.cells.get(value.cell).state, State::Plain(Data::Null)) {
                        return Ok(Value { secret: found.secret || value.secret, ..value });
                    }
                }
            }
        }
        Err(Stop::Missing)
    }

    fn is_private(&self, request: &Request<'_>, inputs: &Inputs) -> bool {
        request.address().is_some_and(|name| inputs.params.contains_key(&name))
    }

    fn explain_missing(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Option<String> {
        let name = request.address()?;
        let stage = resolver.inputs.stage.as_deref().unwrap_or("default");
        let directory = &resolver.inputs.directory;
        if let Some(above) = ComposeFile::above(directory)
            && let Some(written) = above.parameter(directory, &name)
        {
            let file = above.name;
            return Some(format!(
                "{file} gives `{written}`, and hoist does not read that file: give `--param {name}=VALUE`; `hoist info --json` in the other service says its outputs"
            ));
        }
        Some(format!("give `--param {name}=VALUE`, or set it under `params.{stage}` or `params.default`"))
    }
}
