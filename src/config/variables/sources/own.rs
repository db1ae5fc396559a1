//! `${self:a.b.0}`: the configuration itself.

use super::{Request, Resolver, Source, Stop, Value};
use crate::config::node::Data;
use crate::config::suggest;
use crate::config::variables::cells::State;

pub(super) struct Own;

fn is_text(resolver: &mut Resolver<'_>, value: Value) -> Result<bool, Stop> {
    let settled = resolver.settle(value.cell)?;
    Ok(resolver.scalar(settled.cell).is_some())
}

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
        resolver.asked.insert(address.clone());
        let keys: Vec<&str> = address.split('.').collect();
        match (resolver.navigate(root, &keys), keys.as_slice()) {
            // The framework puts the stage in where the file does not say it, and so does this the region.
            (Err(Stop::Missing), ["provider", "stage"]) => {
                let stage = resolver.inputs.stage.clone().ok_or(Stop::Missing)?;
                Ok(resolver.value(request, Data::String(stage), false))
            }
            (Err(Stop::Missing), ["provider", "region"]) => {
                let region = resolver.region()?;
                Ok(resolver.value(request, Data::String(region), false))
            }
            // The name of the service, in both forms of `service` and by both addresses.
            (Err(Stop::Missing), ["service", "name"]) => match resolver.navigate(root, &["service"])? {
                service if is_text(resolver, service)? => Ok(service),
                _ => Err(Stop::Missing),
            },
            (Ok(service), ["service"]) if !is_text(resolver, service)? => {
                resolver.navigate(root, &["service", "name"]).or(Ok(service))
            }
            (found, _) => found,
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
