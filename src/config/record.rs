//! A configuration as a record of a deployment keeps it: every variable replaced by its value, except those whose value
//! must not be kept. These stay variables, and are resolved again when the record is read.

use std::collections::HashSet;

use serde_json::Value;

use super::json;
use super::language::lints::looks_secret;
use super::node::{Data, Node};
use super::variables::grammar::escaped;

/// The tree of a resolved configuration. Secrets, values of the environment and values of `--param` are the variables
/// that they came out of, and so is what looks like a secret, where it came out of a variable.
pub fn configuration(root: &Node) -> Value {
    let mut telling = HashSet::new();
    suspicious(root, "", &mut telling);
    kept(root, &telling)
}

/// Values that look like secrets, by the name of their key or by their form.
fn suspicious<'n>(node: &'n Node, key: &str, found: &mut HashSet<&'n str>) {
    match &node.data {
        Data::String(text) if looks_secret(key, text) => {
            found.insert(text);
        }
        Data::List(items) => items.iter().for_each(|item| suspicious(item, key, found)),
        Data::Map(map) => map.iter().for_each(|(key, entry)| suspicious(&entry.value, key, found)),
        _ => {}
    }
}

fn kept(node: &Node, telling: &HashSet<&str>) -> Value {
    if let Some(reference) = &node.reference
        && (reference.private || node.secret || node.as_str().is_some_and(|text| telling.contains(text)))
    {
        return Value::from(&*reference.text);
    }
    match &node.data {
        // Nobody knows how to ask for it again, and it must not be written down.
        _ if node.secret => Value::Null,
        Data::String(text) => Value::from(escaped(text)),
        Data::Deferred(text) => Value::from(text.as_str()),
        Data::List(items) => items.iter().map(|item| kept(item, telling)).collect(),
        Data::Map(map) => map.iter().map(|(key, entry)| (key.clone(), kept(&entry.value, telling))).collect(),
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) => json::from_node(node, &|_| Value::Null),
    }
}
