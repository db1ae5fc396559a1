//! Nodes for tests, from YAML, with the real composer's places.

use crate::config::node::{Data, Entry, FileId, Node, Place};

/// The nodes of a YAML text; every mapping and value gets a place of its own, counted from 1.
pub fn node(yaml: &str) -> Node {
    let value: serde_yaml::Value = serde_yaml::from_str(yaml).expect("the sample is YAML");
    let mut count = 0;
    convert(&value, &mut count)
}

fn place(count: &mut u32) -> Place {
    *count += 1;
    Place { file: FileId(0), start: *count, end: *count, line: *count, column: 1 }
}

fn convert(value: &serde_yaml::Value, count: &mut u32) -> Node {
    use serde_yaml::Value;
    let at = place(count);
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(value) => Data::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Data::Int(value),
            None => Data::Float(number.as_f64().expect("a number")),
        },
        Value::String(text) => Data::String(text.clone()),
        Value::Sequence(items) => Data::List(items.iter().map(|item| convert(item, count)).collect()),
        Value::Mapping(map) => Data::Map(
            map.iter()
                .map(|(key, value)| {
                    let key = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
                    (key, Entry { key_place: place(count), value: convert(value, count) })
                })
                .collect(),
        ),
        Value::Tagged(tagged) => return tag(tagged, at, count),
    };
    Node::new(data, at)
}

fn tag(tagged: &serde_yaml::value::TaggedValue, at: Place, count: &mut u32) -> Node {
    let name = tagged.tag.to_string();
    let name = name.trim_start_matches('!');
    let key = if name == "Ref" || name == "Condition" { name.to_owned() } else { format!("Fn::{name}") };
    let value = convert(&tagged.value, count);
    let map = [(key, Entry { key_place: at, value })].into_iter().collect();
    Node::new(Data::Map(map), at)
}

/// Messages of diagnostics, for comparing.
pub fn messages(diagnostics: &[crate::config::diagnostic::Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect()
}
