//! `${self:a.b.0}`: the configuration itself.

use super::{Request, Resolver, Source, Stop, Value};
use crate::config::node::Data;
use crate::config::suggest;
use crate::config::variables::cells::State;

pub(super) struct Own;

impl Source for Own {
    fn name(&self) -> &'static str {
        "self"
    }

    fn about(&self) -> &'static str {
        "another value of the same file, by its dotted path: `${self:custom.table}`; nothing after the colon is the whole file"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let root = resolver.root;
        let Some(address) = request.address().filter(|address| !address.is_empty()) else {
            return Ok(Value { cell: root, secret: false });
        };
        let keys: Vec<&str> = address.split('.').collect();
        match resolver.navigate(root, &keys) {
            // The framework puts the stage in where the file does not say it.
            Err(Stop::Missing) if keys == ["provider", "stage"] => {
                let stage = resolver.inputs.stage.clone().ok_or(Stop::Missing)?;
                Ok(resolver.value(request, Data::String(stage), false))
            }
            found => found,
        }
    }

    fn explain_missing(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Option<String> {
        let address = request.address()?;
        let keys: Vec<&str> = address.split('.').collect();
        let mut here = resolver.root;
        for (index, key) in keys.iter().enumerate() {
            let settled = resolver.settle(here).ok()?.cell;
            if let Some(next) = resolver.child(settled, key) {
                here = next;
                continue;
            }
            let State::Map(map) = &resolver.cells.get(settled).state else { return None };
            let near = suggest::nearest(key, map.keys().map(String::as_str))?;
            let mut path = keys.clone();
            path[index] = near;
            return Some(format!("did you mean `${{self:{}}}`?", path.join(".")));
        }
        Some(format!("`{address}` is null"))
    }
}
