//! Booleans, numbers and strings, with the coercions that the framework's validator makes.

use serde_json::{Value, json};

use super::super::node::{Data, Node};
use super::{Decode, Decoder, Schemas, shown};

impl Decode for bool {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        match &node.data {
            Data::Bool(value) => Some(*value),
            Data::Int(0) => Some(false),
            Data::Int(1) => Some(true),
            Data::String(text) if text == "true" => Some(true),
            Data::String(text) if text == "false" => Some(false),
            _ => {
                cx.wrong_type(node, &Self::expects());
                None
            }
        }
    }

    fn fits(node: &Node) -> bool {
        match &node.data {
            Data::Bool(_) => true,
            Data::String(text) => text == "true" || text == "false",
            _ => false,
        }
    }

    fn expects() -> String {
        "a boolean (`true` or `false`)".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "boolean"})
    }
}

impl Decode for String {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        match &node.data {
            Data::String(text) | Data::Deferred(text) => Some(text.clone()),
            Data::Bool(value) => Some(value.to_string()),
            Data::Int(value) => Some(value.to_string()),
            Data::Float(value) => Some(value.to_string()),
            _ => {
                cx.wrong_type(node, "a string");
                None
            }
        }
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::String(_) | Data::Deferred(_) | Data::Int(_) | Data::Float(_))
    }

    fn expects() -> String {
        "a string".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "string"})
    }
}

/// The whole number in a node, also when it was written as a string.
fn integer(node: &Node) -> Option<i64> {
    match &node.data {
        Data::Int(value) => Some(*value),
        // A whole float within the exact range of f64 converts without loss.
        Data::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
        Data::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl Decode for i64 {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let value = integer(node);
        if value.is_none() {
            cx.wrong_type(node, &Self::expects());
        }
        value
    }

    fn fits(node: &Node) -> bool {
        integer(node).is_some()
    }

    fn expects() -> String {
        "a whole number".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "integer"})
    }
}

impl Decode for f64 {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let value = match &node.data {
            Data::Int(value) => Some(*value as f64),
            Data::Float(value) => Some(*value),
            Data::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if value.is_none() {
            cx.wrong_type(node, &Self::expects());
        }
        value
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::Int(_) | Data::Float(_))
    }

    fn expects() -> String {
        "a number".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "number"})
    }
}

/// The number in `1536MB` and `30s`: a value with a unit that the language does not have.
fn leading_number(node: &Node) -> Option<i64> {
    let text = node.as_str()?.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
    let unit = text[end..].trim();
    (unit.len() <= 8 && unit.chars().all(char::is_alphabetic)).then(|| text[..end].parse().ok()).flatten()
}

/// A whole number with both ends included; `i64::MAX` as the upper end means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<const MIN: i64, const MAX: i64>(pub i64);

impl<const MIN: i64, const MAX: i64> Bounded<MIN, MAX> {
    /// The number. It is out of range only when that was reported.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Decode for Bounded<MIN, MAX> {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let Some(value) = integer(node) else {
            let meant = leading_number(node);
            cx.wrong_type_with(node, &Self::expects(), meant.map(|number| format!("write `{number}`")));
            return meant.map(Self);
        };
        let problem = if value < MIN {
            Some(format!("{} is below the minimum of {MIN}", shown(node)))
        } else if value > MAX {
            Some(format!("{} is above the maximum of {MAX}", shown(node)))
        } else {
            None
        };
        if let Some(problem) = problem {
            let diagnostic = cx.error("out-of-range", node, problem);
            cx.report(diagnostic);
        }
        Some(Self(value))
    }

    fn fits(node: &Node) -> bool {
        integer(node).is_some()
    }

    fn expects() -> String {
        match (MIN, MAX) {
            (i64::MIN, i64::MAX) => "a whole number".to_owned(),
            (min, i64::MAX) => format!("a whole number of at least {min}"),
            (min, max) => format!("a whole number from {min} to {max}"),
        }
    }

    fn schema(_: &mut Schemas) -> Value {
        let mut schema = json!({"type": "integer"});
        if MIN != i64::MIN {
            schema["minimum"] = json!(MIN);
        }
        if MAX != i64::MAX {
            schema["maximum"] = json!(MAX);
        }
        schema
    }
}
