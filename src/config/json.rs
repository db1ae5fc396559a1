//! Between nodes and JSON values.

use serde_json::{Number, Value};

use super::node::{Data, Entry, Node, Place};

/// A JSON value as a tree whose every node stands at one place.
pub fn to_node(value: &Value, place: Place, secret: bool) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(value) => Data::Bool(*value),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Data::Float(number.as_f64().unwrap_or(f64::NAN)), Data::Int)
        }
        Value::String(text) => Data::String(text.clone()),
        Value::Array(items) => Data::List(items.iter().map(|item| to_node(item, place, secret)).collect()),
        Value::Object(map) => Data::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), Entry { key_place: place, value: to_node(value, place, secret) }))
                .collect(),
        ),
    };
    Node { secret, ..Node::new(data, place) }
}

/// A tree as a JSON value; `secret` says what stands for a secret. Infinities and not-a-number become null, as in
/// JavaScript, and a variable that is left open its text.
pub fn from_node(node: &Node, secret: &impl Fn(&Node) -> Value) -> Value {
    if node.secret {
        return secret(node);
    }
    from_data(&node.data, &|node| from_node(node, secret))
}

/// As [`from_node`], with secrets in the clear: for the user's own scripts and functions, never for people.
pub fn in_the_clear(node: &Node) -> Value {
    from_data(&node.data, &in_the_clear)
}

fn from_data(data: &Data, child: &impl Fn(&Node) -> Value) -> Value {
    match data {
        Data::Null => Value::Null,
        Data::Bool(value) => Value::Bool(*value),
        Data::Int(value) => Value::from(*value),
        Data::Float(value) => number(*value),
        Data::String(text) | Data::Deferred(text) => Value::from(text.as_str()),
        Data::List(items) => items.iter().map(child).collect(),
        Data::Map(map) => map.iter().map(|(key, entry)| (key.clone(), child(&entry.value))).collect(),
    }
}

/// A number as JavaScript writes it: a whole one without a point.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
