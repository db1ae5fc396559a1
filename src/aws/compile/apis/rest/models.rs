//! Models that request bodies are validated against.

use indexmap::IndexMap;

use super::super::super::output::Output;
use super::super::super::plan::{Plan, Triggered};
use super::super::super::tree::{self, Properties};
use super::method;
use crate::aws::naming;
use crate::config::language::events::http::Http;
use crate::config::node::{Data, Node};
use crate::engine::value::Value;

/// The models of an API by name.
#[derive(Default)]
pub(super) struct Models {
    pub all: IndexMap<String, Value>,
}

impl Models {
    /// The content types of a route with the names of their models.
    pub(super) fn of(
        &mut self,
        plan: &Plan,
        event: &Triggered<Http>,
        path: &str,
        output: &mut Output,
    ) -> Vec<(String, String)> {
        let mut models = Vec::new();
        for (content_type, given) in event.settings.request.iter().flat_map(|request| &request.schemas) {
            let Some((name, schema)) = model(plan, event, path, content_type, given) else {
                output.problem(
                    event
                        .problem("not-a-schema", format!("the schema for `{content_type}` is not a JSON Schema"))
                        .help("give a mapping, a file (`${file(schema.json)}`), or a name of `provider.apiGateway.request.schemas`"),
                );
                continue;
            };
            self.all.insert(name.clone(), schema);
            models.push((content_type.clone(), name));
        }
        models
    }
}

/// The name and the schema of a model: one that the provider names, one with settings, or a schema alone.
fn model(
    plan: &Plan,
    event: &Triggered<Http>,
    path: &str,
    content_type: &str,
    given: &Node,
) -> Option<(String, Value)> {
    let shared = plan.service.provider.api_gateway.as_ref().and_then(|settings| settings.request.as_ref());
    let generated = || {
        let kind: String = content_type.split(|c: char| !c.is_ascii_alphanumeric()).map(naming::upper_first).collect();
        format!("{}{kind}Model", method::logical_id(path, event.settings.method.as_str()))
    };
    match &given.data {
        Data::String(name) => {
            if let Some(named) = shared.and_then(|request| request.schemas.get(name)) {
                let model = named.name.clone().unwrap_or_else(|| format!("{}Model", naming::plain(name)));
                return Some((naming::alphanumeric(&model), schema(&named.schema)?));
            }
            let parsed: serde_json::Value = serde_json::from_str(name).ok()?;
            parsed.is_object().then(|| (generated(), from_json(parsed)))
        }
        Data::Map(_) => match given.get("schema").filter(|inner| matches!(inner.data, Data::Map(_))) {
            Some(inner) => {
                let name = given.get("name").and_then(|name| name.as_str()).map(naming::alphanumeric);
                Some((name.unwrap_or_else(generated), schema(inner)?))
            }
            None => Some((generated(), schema(given)?)),
        },
        _ => None,
    }
}

/// The schema itself; which draft it follows is not for the document.
fn schema(node: &Node) -> Option<Value> {
    match tree::from_node(node) {
        Value::Map(mut map) => {
            map.remove("$schema");
            map.remove("$id");
            Some(Value::Map(map))
        }
        _ => None,
    }
}

fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => flag.into(),
        serde_json::Value::Number(number) => Value::Number(number),
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(map) => map
            .into_iter()
            .filter(|(key, _)| key != "$schema" && key != "$id")
            .fold(Properties::new(), |all, (key, value)| all.with(&key, from_json(value)))
            .into(),
    }
}
