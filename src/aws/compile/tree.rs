//! Building property trees: from nodes of the configuration, and piece by piece.

use std::collections::BTreeMap;

use serde_json::Number;

use crate::aws::template::masked;
use crate::config::decode::{Cf, CfList, CfOr, intrinsic};
use crate::config::language::lambda::Tags;
use crate::config::node::{Data, Node};
use crate::engine::value::{Secret, Value};

/// The properties of a resource, set one by one.
#[derive(Clone, Debug, Default)]
pub struct Properties(BTreeMap<String, Value>);

impl Properties {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a property.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Sets a property that may not be there.
    #[must_use]
    pub fn maybe(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Sets a list, unless it is empty.
    #[must_use]
    pub fn list(self, key: &str, items: Vec<Value>) -> Self {
        if items.is_empty() { self } else { self.with(key, Value::List(items)) }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The properties by their names.
    pub fn into_map(self) -> BTreeMap<String, Value> {
        self.0
    }

    /// The tree, when anything was set.
    pub fn some(self) -> Option<Value> {
        if self.is_empty() { None } else { Some(self.into()) }
    }
}

impl From<Properties> for Value {
    fn from(properties: Properties) -> Self {
        Self::Map(properties.0)
    }
}

/// Tags as the list that most types take.
pub fn tag_list(tags: &Tags) -> Vec<Value> {
    tags.iter().map(|(key, value)| tag(key, value)).collect()
}

/// One of them.
pub fn tag(key: &str, value: &Cf) -> Value {
    Properties::new().with("Key", key).with("Value", as_text(value)).into()
}

/// `{"Ref": logical_id}`
pub fn reference(logical_id: impl Into<String>) -> Value {
    Properties::new().with("Ref", Value::String(logical_id.into())).into()
}

/// `{"Fn::GetAtt": [logical_id, attribute]}`
pub fn attribute(logical_id: impl Into<String>, attribute: &str) -> Value {
    Properties::new().with("Fn::GetAtt", Value::List(vec![Value::String(logical_id.into()), attribute.into()])).into()
}

/// `{"Fn::Join": [separator, parts]}`
pub fn join(separator: &str, parts: Vec<Value>) -> Value {
    Properties::new().with("Fn::Join", Value::List(vec![separator.into(), Value::List(parts)])).into()
}

/// `{"Fn::Sub": text}`
pub fn sub(text: impl Into<String>) -> Value {
    Properties::new().with("Fn::Sub", Value::String(text.into())).into()
}

/// The tree of a node. Keys without a value are left out, as the framework does; what came from a secret is secret;
/// what only the account can resolve stays the text that it was written as.
pub fn from_node(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::Null,
        Data::List(items) => Value::List(items.iter().map(|item| from_node(&inherit(item, node))).collect()),
        Data::Map(map) => Value::Map(
            map.iter()
                .filter(|(_, entry)| !matches!(entry.value.data, Data::Null))
                .map(|(key, entry)| (key.clone(), from_node(&inherit(&entry.value, node))))
                .collect(),
        ),
        scalar => {
            let value = from_scalar(scalar);
            if node.secret { Value::Secret(Secret::new(scalar_text(&value))) } else { value }
        }
    }
}

/// A part of a secret is secret.
fn inherit<'a>(child: &'a Node, parent: &Node) -> std::borrow::Cow<'a, Node> {
    if parent.secret && !child.secret {
        std::borrow::Cow::Owned(Node { secret: true, ..child.clone() })
    } else {
        std::borrow::Cow::Borrowed(child)
    }
}

fn from_scalar(data: &Data) -> Value {
    match data {
        Data::Bool(flag) => Value::Bool(*flag),
        Data::Int(number) => Value::Number((*number).into()),
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            // A whole number within the exact range of f64: written without a fraction, as JavaScript does.
            Value::Number((*number as i64).into())
        }
        Data::Float(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        Data::String(text) | Data::Deferred(text) => Value::string(text),
        Data::Null | Data::List(_) | Data::Map(_) => Value::Null,
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// The JSON text of a node, keys in the order of the file, as the framework writes it.
pub fn json_text(node: &Node) -> String {
    json(node).to_string()
}

/// JSON text of a node as a value: where intrinsics stand inside, the text is made when they are known.
pub fn json_value(node: &Node) -> Value {
    if has_intrinsic(node) {
        Properties::new().with("Fn::ToJsonString", from_node(node)).into()
    } else {
        Value::String(json_text(node))
    }
}

fn has_intrinsic(node: &Node) -> bool {
    intrinsic(node).is_some()
        || match &node.data {
            Data::List(items) => items.iter().any(has_intrinsic),
            Data::Map(map) => map.values().any(|entry| has_intrinsic(&entry.value)),
            _ => false,
        }
}

/// A number that may have a fraction.
pub fn decimal(number: f64) -> Value {
    from_scalar(&Data::Float(number))
}

fn json(node: &Node) -> serde_json::Value {
    match &node.data {
        Data::List(items) => items.iter().map(json).collect(),
        Data::Map(map) => {
            let entries = map.iter().map(|(key, entry)| (key.clone(), json(&entry.value)));
            serde_json::Value::Object(entries.collect())
        }
        scalar => masked(&from_scalar(scalar)),
    }
}

/// What a logical id calls the source that an ARN names: the last part of its text, or the resource, export or last
/// part that an intrinsic mentions.
pub fn source_name(arn: &Cf) -> String {
    let last = |text: &str| text.rsplit([':', '/']).next().unwrap_or(text).to_owned();
    if let Some(text) = arn.as_str() {
        return last(text);
    }
    let Some((function, argument)) = arn.intrinsic() else { return String::new() };
    let first = match &argument.data {
        Data::List(items) => items.first(),
        _ => Some(argument),
    };
    match (function, &argument.data) {
        ("Fn::Join", Data::List(items)) => match items.get(1).map(|list| &list.data) {
            Some(Data::List(parts)) => parts.last().map(|part| source_name(&Cf(part.clone()))).unwrap_or_default(),
            _ => String::new(),
        },
        ("Fn::Sub", _) => {
            let text = first.and_then(|text| text.as_str()).unwrap_or_default();
            last(text.trim_end_matches(".Arn}").trim_end_matches('}'))
        }
        ("Fn::GetAtt", Data::String(text)) => text.split('.').next().unwrap_or(text).to_owned(),
        ("Fn::ImportValue", _) if argument.as_str().is_none() => source_name(&Cf(argument.clone())),
        _ => first.and_then(|first| first.as_str()).map(str::to_owned).unwrap_or_default(),
    }
}

/// A value that AWS takes as text: numbers and booleans become texts, intrinsics stay.
pub fn as_text(cf: &Cf) -> Value {
    match from_node(cf.node()) {
        scalar @ (Value::Bool(_) | Value::Number(_)) => Value::String(scalar_text(&scalar)),
        other => other,
    }
}

/// What AWS takes in such places is text: an id without quotes may be all digits.
impl From<&Cf> for Value {
    fn from(cf: &Cf) -> Self {
        as_text(cf)
    }
}

impl From<&CfList> for Value {
    fn from(list: &CfList) -> Self {
        match list {
            CfList::Items(items) => Self::List(items.iter().map(Into::into).collect()),
            CfList::Intrinsic(cf) => cf.into(),
        }
    }
}

/// A whole number, or the intrinsic that gives it.
pub fn number<const MIN: i64, const MAX: i64>(count: &CfOr<crate::config::decode::Bounded<MIN, MAX>>) -> Value {
    match count {
        CfOr::Value(count) => count.get().into(),
        CfOr::Cf(cf) => cf.into(),
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::config::node::{Entry, FileId, Place};

    const PLACE: Place = Place { file: FileId(0), start: 0, end: 0, line: 1, column: 1 };

    fn node(data: Data) -> Node {
        Node::new(data, PLACE)
    }

    #[test]
    fn what_is_taken_as_text_is_text_without_quotes_too() {
        for (data, text) in [(Data::Int(21_596_199), "21596199"), (Data::Bool(true), "true"), (Data::Float(1.5), "1.5")]
        {
            assert_eq!(Value::from(&Cf(node(data))), Value::string(text));
        }
        assert_eq!(from_node(&node(Data::Int(5))), Value::Number(5.into()), "a part of a document stays what it is");
    }

    #[test]
    fn everything_inside_of_a_secret_is_secret() {
        let mut map = IndexMap::new();
        map.insert("port".to_owned(), Entry { key_place: PLACE, value: node(Data::Int(5432)) });
        map.insert("none".to_owned(), Entry { key_place: PLACE, value: node(Data::Null) });
        let mut secret = node(Data::Map(map));
        secret.secret = true;
        let tree = from_node(&secret);
        assert_eq!(tree.get("port"), Some(&Value::Secret(Secret::new("5432"))));
        assert_eq!(tree.get("none"), None);
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        assert_eq!(from_node(&node(Data::Float(3.0))), Value::from(3));
        assert_eq!(as_text(&Cf(node(Data::Float(1.5)))), Value::from("1.5"));
        assert_eq!(as_text(&Cf(node(Data::Bool(true)))), Value::from("true"));
    }
}
