//! `${opt:stage}`: options of the command line, by their long names.

use indexmap::IndexMap;

use super::{Request, Resolver, Source, Stop, Value};
use crate::config::node::{Data, Entry, Node};

pub(super) struct Opt;

impl Source for Opt {
    fn name(&self) -> &'static str {
        "opt"
    }

    fn about(&self) -> &'static str {
        "an option of the command line, by its long name: `${opt:stage}`"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let options = &resolver.inputs.options;
        match request.address().as_deref() {
            None | Some("") => {
                let place = resolver.place(request.cell, Some(request.variable));
                let entry =
                    |text: &String| Entry { key_place: place, value: Node::new(Data::String(text.clone()), place) };
                let map: IndexMap<_, _> = options.iter().map(|(name, text)| (name.clone(), entry(text))).collect();
                Ok(resolver.value(request, Data::Map(map), false))
            }
            Some(name) => {
                let name = match name {
                    "s" => "stage",
                    "r" => "region",
                    name => name,
                };
                let text = options.get(name).ok_or(Stop::Missing)?.clone();
                Ok(resolver.value(request, Data::String(text), false))
            }
        }
    }

    fn explain_missing(&self, request: &Request<'_>, _: &mut Resolver<'_>) -> Option<String> {
        let name = request.address()?;
        Some(match name.as_str() {
            "stage" | "region" | "aws-profile" | "config" => format!("give it on the command line: --{name} VALUE"),
            _ => format!("hoist has no option --{name}: write `${{param:{name}}}` and give `--param {name}=VALUE`"),
        })
    }
}
