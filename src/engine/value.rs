//! Property trees: plain values, secrets, and what is not known before another resource exists.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Number;

/// One value of a property tree. Both sides of a diff are such trees.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// Known, never shown and never written to disk in the clear.
    Secret(Secret),
    /// Known once the resources that it mentions exist ("known after apply").
    Later(Expression),
}

/// A secret text. `Debug` and `Display` give `••••••`; only [`Secret::reveal`] gives the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What stands in place of every secret.
pub const MASK: &str = "••••••";

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the request that sets it and for comparison. Never for output.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// How a value that is not known yet will be computed. The functions are those of every template language;
/// the vocabulary is CloudFormation's.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// An attribute of another resource of the service. `Ref` is the attribute `"Ref"`.
    Attribute {
        logical_id: String,
        attribute: String,
    },
    Join {
        separator: String,
        parts: Vec<Value>,
    },
    Select {
        index: usize,
        from: Box<Value>,
    },
    Split {
        separator: String,
        text: Box<Value>,
    },
    Base64(Box<Value>),
}

impl Value {
    /// A string value.
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// An attribute of another resource.
    pub fn attribute(logical_id: impl Into<String>, attribute: impl Into<String>) -> Self {
        Self::Later(Expression::Attribute { logical_id: logical_id.into(), attribute: attribute.into() })
    }

    /// The value at a path of map keys, when it is there.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| match value {
            Value::Map(map) => map.get(*key),
            _ => None,
        })
    }

    /// The value under one key of a map.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.at(&[key])
    }

    /// The text of a string or a secret.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Secret(secret) => Some(secret.reveal()),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
