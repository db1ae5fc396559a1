//! Reading typed values out of a property tree, and the normal forms that many kinds share.

use std::collections::{BTreeMap, HashMap};

use serde_json::Number;

use crate::engine::failure::{Failure, Reason};
use crate::engine::value::Value;

use crate::aws::ownership::is_reserved;

/// The text of a property; numbers and booleans as AWS would write them.
pub fn text(properties: &Value, path: &[&str]) -> Option<String> {
    as_text(properties.at(path)?)
}

/// A leaf as text.
pub fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Secret(secret) => Some(secret.reveal().to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text of a property that must be there by the time that a call is made.
///
/// # Errors
/// Names the property: the file left it out, or what it refers to has no value.
pub fn required(properties: &Value, key: &str) -> Result<String, Failure> {
    text(properties, &[key])
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Failure::new(Reason::Invalid, format!("{key} has no value")))
}

/// A whole number, also when it came as text.
pub fn integer(properties: &Value, path: &[&str]) -> Option<i32> {
    match properties.at(path)? {
        Value::Number(number) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A yes or no, also when it came as text.
pub fn boolean(properties: &Value, path: &[&str]) -> Option<bool> {
    match properties.at(path)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A list of texts; empty when there is none.
pub fn texts(properties: &Value, path: &[&str]) -> Vec<String> {
    match properties.at(path) {
        Some(Value::List(items)) => items.iter().filter_map(as_text).collect(),
        Some(single) => as_text(single).into_iter().collect(),
        None => Vec::new(),
    }
}

/// A map of texts; empty when there is none.
pub fn text_map(properties: &Value, path: &[&str]) -> BTreeMap<String, String> {
    match properties.at(path) {
        Some(Value::Map(map)) => map.iter().filter_map(|(key, value)| Some((key.clone(), as_text(value)?))).collect(),
        _ => BTreeMap::new(),
    }
}

/// The items of a list; empty when there is none.
pub fn items<'a>(properties: &'a Value, path: &[&str]) -> &'a [Value] {
    match properties.at(path) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The tags of a resource as its live answer gives them, without those that AWS set.
pub fn own_tags(tags: &BTreeMap<String, String>) -> Value {
    Value::Map(
        tags.iter()
            .filter(|(key, _)| !is_reserved(key))
            .map(|(key, value)| (key.clone(), Value::string(value.as_str())))
            .collect(),
    )
}

/// A map of an SDK answer in the order of its keys.
pub fn sorted(map: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    map.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Puts a value into a map of properties, unless there is none.
pub fn put(properties: &mut BTreeMap<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        properties.insert(key.to_owned(), value);
    }
}

/// A text property.
pub fn string(text: Option<&str>) -> Option<Value> {
    text.map(Value::string)
}

/// A number property.
pub fn number(number: Option<i32>) -> Option<Value> {
    number.map(|number| Value::Number(Number::from(number)))
}

/// A list of texts as a property; `None` when it is empty.
pub fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Option<Value> {
    let texts: Vec<Value> = texts.into_iter().map(|text| Value::string(text.as_ref())).collect();
    (!texts.is_empty()).then_some(Value::List(texts))
}

/// A map property from pairs, without those that have no value; `None` when nothing is left.
pub fn map<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Option<Value> {
    let map: BTreeMap<String, Value> =
        pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    (!map.is_empty()).then_some(Value::Map(map))
}

/// A whole property tree from pairs.
pub fn tree<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Value {
    map(pairs).unwrap_or_else(|| Value::Map(BTreeMap::new()))
}

/// `Tags` as a map, whether they came as `[{"Key": .., "Value": ..}]` or as a map. Values become texts.
pub fn tags_to_map(properties: &mut BTreeMap<String, Value>) {
    let Some(tags) = properties.get_mut("Tags") else { return };
    let mut pairs: BTreeMap<String, Value> = match std::mem::replace(tags, Value::Null) {
        Value::Map(map) => map,
        Value::List(items) => items
            .into_iter()
            .filter_map(|item| {
                let Value::Map(mut item) = item else { return None };
                let key = as_text(item.get("Key")?)?;
                Some((key, item.remove("Value").unwrap_or_else(|| Value::string(""))))
            })
            .collect(),
        other => {
            *tags = other;
            return;
        }
    };
    for value in pairs.values_mut() {
        text_in_place(value);
    }
    *tags = Value::Map(pairs);
}

/// Makes a text of a number or a boolean.
pub fn text_in_place(value: &mut Value) {
    if let Value::Number(_) | Value::Bool(_) = value
        && let Some(text) = as_text(value)
    {
        *value = Value::String(text);
    }
}

/// Makes a number of a text that is one.
pub fn number_in_place(value: &mut Value) {
    if let Value::String(text) = value
        && let Ok(number) = text.trim().parse::<i64>()
    {
        *value = Value::Number(number.into());
    }
}

/// Makes a boolean of a text that is one.
pub fn boolean_in_place(value: &mut Value) {
    if let Value::String(text) = value
        && let Ok(flag) = text.parse::<bool>()
    {
        *value = Value::Bool(flag);
    }
}

/// The value at a path of map keys, to change it.
pub fn at_mut<'a>(properties: &'a mut BTreeMap<String, Value>, path: &[&str]) -> Option<&'a mut Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(properties.get_mut(*first)?, |value, key| match value {
        Value::Map(map) => map.get_mut(*key),
        _ => None,
    })
}

/// Fills in what AWS assumes when a property is left out.
pub fn default_to(properties: &mut BTreeMap<String, Value>, key: &str, value: Value) {
    let entry = properties.entry(key.to_owned()).or_insert(Value::Null);
    if is_empty(entry) {
        *entry = value;
    }
}

/// Takes away what is empty, at every depth of maps: AWS makes no difference between empty and absent.
/// Properties under `keep` are left as they are: an environment variable may well be empty.
pub fn drop_empty(properties: &mut BTreeMap<String, Value>, keep: &[&str]) {
    properties.retain(|key, value| {
        if let Value::Map(map) = value
            && !keep.contains(&key.as_str())
        {
            drop_empty(map, keep);
        }
        !is_empty(value)
    });
}

/// Null, or a text, list or map with nothing in it.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

/// A tree as JSON, secrets in the clear: for the request that carries it.
pub fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Later(_) => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => number.clone().into(),
        Value::String(text) => text.as_str().into(),
        Value::Secret(secret) => secret.reveal().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
    }
}

/// JSON as a tree.
pub fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(number) => Value::Number(number),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.into_iter().map(|(key, value)| (key, from_json(value))).collect())
        }
    }
}

/// A policy document as the text that AWS takes, whether it came as text or as a tree.
pub fn document(value: &Value) -> String {
    value.text().map_or_else(|| to_json(value).to_string(), str::to_owned)
}

/// A policy document as a tree, when it is one.
pub fn parsed_document(text: &str) -> Value {
    serde_json::from_str(text).map_or_else(|_| Value::string(text), from_json)
}

/// A text in which IAM wrote some bytes as `%2F`. What is not such a sequence stays as it is.
pub fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        let digits = text.get(position + 1..position + 3).filter(|_| *byte == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                position += 3;
            }
            None => {
                decoded.push(*byte);
                position += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Whether any part of a tree is not known yet.
pub fn holds_later(value: &Value) -> bool {
    match value {
        Value::Later(_) => true,
        Value::List(items) => items.iter().any(holds_later),
        Value::Map(map) => map.values().any(holds_later),
        _ => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A tree written as JSON, for tests.
    pub fn tree_of(json: serde_json::Value) -> Value {
        from_json(json)
    }

    #[test]
    fn documents_of_iam_are_decoded() {
        assert_eq!(percent_decoded("%7B%22a%22%3A%22%C3%A4%22%7D"), "{\"a\":\"ä\"}");
        assert_eq!(percent_decoded("100%, %zz, %"), "100%, %zz, %");
    }

    #[test]
    fn tags_have_one_form() {
        let mut list = BTreeMap::from([(
            "Tags".to_owned(),
            tree_of(serde_json::json!([{ "Key": "team", "Value": "a" }, { "Key": "cost", "Value": 7 }])),
        )]);
        let mut map = BTreeMap::from([("Tags".to_owned(), tree_of(serde_json::json!({ "team": "a", "cost": "7" })))]);
        tags_to_map(&mut list);
        tags_to_map(&mut map);
        assert_eq!(list, map);
    }

    #[test]
    fn empty_is_absent_except_where_it_means_something() {
        let Value::Map(mut properties) = tree_of(serde_json::json!({
            "Description": "", "Layers": [], "VpcConfig": { "SubnetIds": [] },
            "Environment": { "Variables": { "A": "" } },
        })) else {
            panic!("a map")
        };
        drop_empty(&mut properties, &["Variables"]);
        assert_eq!(Value::Map(properties), tree_of(serde_json::json!({ "Environment": { "Variables": { "A": "" } } })));
    }
}
