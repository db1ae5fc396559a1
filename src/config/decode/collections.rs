//! Optional values, lists, mappings with free keys, and free-form parts.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::node::{Data, Node};
use super::{Decode, Decoder, Empty, Schemas, intrinsic, or_variable};

impl<T: Decode> Decode for Option<T> {
    const KEEPS_NULL: bool = T::KEEPS_NULL;
    const EMPTY: Empty = T::EMPTY;

    /// A value that could not be read is reported and then counts as absent, so that the rest is still checked.
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        if matches!(node.data, Data::Null) && !T::KEEPS_NULL {
            return Some(None);
        }
        if node.as_str() == Some("") {
            match T::EMPTY {
                Empty::Value => {}
                Empty::Absent => return Some(None),
                Empty::Told(what) => {
                    cx.report(cx.warning("empty-value", node, format!("is empty: {what}")));
                    return Some(None);
                }
            }
        }
        Some(T::decode(node, cx))
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn fits(node: &Node) -> bool {
        T::fits(node)
    }

    fn expects() -> String {
        T::expects()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

impl<T: Decode> Decode for Box<T> {
    const KEEPS_NULL: bool = T::KEEPS_NULL;

    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        T::decode(node, cx).map(Box::new)
    }

    fn absent() -> Option<Self> {
        T::absent().map(Box::new)
    }

    fn fits(node: &Node) -> bool {
        T::fits(node)
    }

    fn expects() -> String {
        T::expects()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }
}

impl<T: Decode> Decode for Vec<T> {
    /// A single value is a list of one, as in the framework; `null` items are left out.
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        match &node.data {
            Data::List(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .filter(|(_, item)| T::KEEPS_NULL || !matches!(item.data, Data::Null))
                    .filter_map(|(index, item)| cx.within_item(index, |cx| T::decode(item, cx)))
                    .collect(),
            ),
            Data::Null => Some(Vec::new()),
            _ if T::fits(node) => T::decode(node, cx).map(|item| vec![item]),
            _ => {
                cx.wrong_type(node, &Self::expects());
                None
            }
        }
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::List(_))
    }

    fn expects() -> String {
        format!("a list (of {})", plural(&T::expects()))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let item = T::schema(schemas);
        let list = json!({"type": "array", "items": or_variable(item.clone())});
        // A single value may stand for a list of one, except where nobody could tell the two apart.
        match item.as_object().is_some_and(serde_json::Map::is_empty) {
            true => list,
            false => super::forms_schema(vec![list, item]),
        }
    }
}

/// `a string` in the plural, as far as lists need it.
fn plural(one: &str) -> String {
    match one.strip_prefix("a ").or_else(|| one.strip_prefix("an ")) {
        Some(word) if !word.contains(' ') => format!("{word}s"),
        _ => one.to_owned(),
    }
}

impl<T: Decode> Decode for IndexMap<String, T> {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let map = cx.mapping(node, Self::expects)?;
        let mut values = IndexMap::with_capacity(map.len());
        for (key, entry) in map {
            if matches!(entry.value.data, Data::Null) && !T::KEEPS_NULL {
                continue;
            }
            if let Some(value) = cx.within(key, |cx| T::decode(&entry.value, cx)) {
                values.insert(key.clone(), value);
            }
        }
        Some(values)
    }

    fn absent() -> Option<Self> {
        Some(IndexMap::new())
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::Map(_)) && intrinsic(node).is_none()
    }

    fn expects() -> String {
        "a mapping".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let values = or_variable(T::schema(schemas));
        json!({"type": "object", "additionalProperties": values})
    }
}

/// Free-form parts stay as they are.
impl Decode for Node {
    fn decode(node: &Node, _: &mut Decoder) -> Option<Self> {
        Some(node.clone())
    }

    fn fits(_: &Node) -> bool {
        true
    }

    fn expects() -> String {
        "any value".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({})
    }
}
