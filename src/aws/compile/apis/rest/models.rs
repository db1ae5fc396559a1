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
            if let Some(open) = open(plan, given) {
                output.problem(event.left_out(open.as_variable().unwrap_or_default()).at(open.place));
                continue;
            }
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

    /// The schemas of a document. There `#` is the document, and not a schema by itself as in a model that is made alone:
    /// what a schema defines stands beside it.
    pub(super) fn components(&self) -> Properties {
        let mut all = Properties::new();
        for (name, schema) in &self.all {
            let mut schema = schema.clone();
            let mut parts = Vec::new();
            if let Value::Map(map) = &mut schema {
                for key in DEFINITIONS {
                    let Some(Value::Map(definitions)) = map.remove(*key) else { continue };
                    parts.extend(
                        definitions.into_iter().map(|(part, schema)| (format!("#/{key}/{part}"), part, schema)),
                    );
                }
            }
            let mut places = vec![("#".to_owned(), format!("#/components/schemas/{name}"))];
            let mut beside = Vec::new();
            for (written, part, schema) in parts {
                let mut own = format!("{name}{}", naming::upper_first(&naming::alphanumeric(&part)));
                while self.all.contains_key(&own) || beside.iter().any(|(taken, _)| *taken == own) {
                    own.push('x');
                }
                places.push((written, format!("#/components/schemas/{own}")));
                beside.push((own, schema));
            }
            for (name, mut schema) in std::iter::once((name.clone(), schema)).chain(beside) {
                refer(&mut schema, &places);
                all = all.with(&name, schema);
            }
        }
        all
    }
}

/// What holds the parts of a schema that it refers to.
const DEFINITIONS: &[&str] = &["definitions", "$defs"];

/// Turns references to places of a schema into those of the document.
fn refer(schema: &mut Value, places: &[(String, String)]) {
    match schema {
        Value::List(items) => items.iter_mut().for_each(|item| refer(item, places)),
        Value::Map(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && !reference.starts_with("#/components/")
            {
                // `#`, which all references begin with, is the first of them and tried last.
                let within = |place: &str| {
                    let rest = reference.strip_prefix(place)?;
                    (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
                };
                let found = places.iter().rev().find_map(|(written, there)| Some((there, within(written)?)));
                if let Some((there, rest)) = found {
                    *reference = format!("{there}{rest}");
                }
            }
            map.values_mut().for_each(|value| refer(value, places));
        }
        _ => {}
    }
}

/// The schema that only an account knows: nothing is validated against it here.
fn open<'n>(plan: &'n Plan, given: &'n Node) -> Option<&'n Node> {
    let shared = plan.service.provider.api_gateway.as_ref().and_then(|settings| settings.request.as_ref());
    let named = given.as_str().and_then(|name| Some(&*shared?.schemas.get(name)?.schema));
    [given, named.unwrap_or(given)].into_iter().find(|node| matches!(node.data, Data::Deferred(_)))
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
                return Some((
                    naming::alphanumeric(&model),
                    described(schema(&named.schema)?, named.description.as_deref()),
                ));
            }
            let parsed: serde_json::Value = serde_json::from_str(name).ok()?;
            let schema = from_json(parsed);
            (matches!(schema, Value::Map(_)) && is_schema(&schema)).then(|| (generated(), schema))
        }
        Data::Map(_) => match given.get("schema").filter(|inner| matches!(inner.data, Data::Map(_))) {
            Some(inner) => {
                let name = given.get("name").and_then(|name| name.as_str()).map(naming::alphanumeric);
                let description = given.get("description").and_then(Node::as_str);
                Some((name.unwrap_or_else(generated), described(schema(inner)?, description)))
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
            let schema = Value::Map(map);
            is_schema(&schema).then_some(schema)
        }
        _ => None,
    }
}

/// A schema with what it is for, unless it says so itself. A model of a document has no description beside its schema.
fn described(mut schema: Value, description: Option<&str>) -> Value {
    if let (Value::Map(map), Some(text)) = (&mut schema, description) {
        map.entry("description".to_owned()).or_insert_with(|| Value::string(text));
    }
    schema
}

/// What the types of JSON Schema are called.
const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];
/// Words one of which every schema has that says anything.
const WORDS: &[&str] = &[
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "definitions",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "uniqueItems",
];

/// Whether a mapping can be a JSON Schema: types that there are, properties that are schemas.
fn is_schema(value: &Value) -> bool {
    let Value::Map(map) = value else { return matches!(value, Value::Bool(_)) };
    let is_type = |name: &Value| name.text().is_none_or(|name| TYPES.contains(&name) || name.contains("${"));
    let types = match map.get("type") {
        None => true,
        Some(Value::List(names)) => names.iter().all(|name| name.text().is_some() && is_type(name)),
        Some(Value::Number(_) | Value::Bool(_) | Value::Null) => false,
        Some(name) => is_type(name),
    };
    let properties = match map.get("properties") {
        Some(Value::Map(properties)) => properties.values().all(is_schema),
        other => other.is_none(),
    };
    let items = match map.get("items") {
        Some(Value::List(items)) => items.iter().all(is_schema),
        Some(items) => is_schema(items),
        None => true,
    };
    let says = map.is_empty() || map.keys().any(|key| WORDS.contains(&key.as_str()) || key.starts_with("Fn::"));
    types && properties && items && says
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
