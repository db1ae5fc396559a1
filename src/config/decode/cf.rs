//! Values that may be CloudFormation intrinsics: kept as trees, evaluated when resources are compiled.

use serde_json::{Value, json};

use super::super::node::{Data, Node, Place};
use super::{Decode, Decoder, Empty, Schemas, intrinsic};

/// A string, a number, a boolean, or a CloudFormation function that gives one.
#[derive(Clone, Debug, PartialEq)]
pub struct Cf(pub Node);

impl Cf {
    /// The text, when the value is one; the variable as it is written for what only an account knows (see
    /// [`Cf::is_deferred`]). Numbers and booleans are in [`Cf::to_text`].
    pub fn as_str(&self) -> Option<&str> {
        match &self.0.data {
            Data::String(text) | Data::Deferred(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the value is one that only an account knows, and none is at hand: nothing can be said about it.
    pub fn is_deferred(&self) -> bool {
        matches!(self.0.data, Data::Deferred(_))
    }

    /// An ARN as it is written: the plain text, or that of `Fn::Sub`. The names of its variables have no colons, so that it
    /// can be taken apart at those that it has itself.
    pub fn written_arn(&self) -> Option<String> {
        let text = match self.intrinsic() {
            None => self.as_str()?,
            Some(("Fn::Sub", argument)) => argument.as_str()?,
            Some(_) => return None,
        };
        Some(text.replace("AWS::", "AWS."))
    }

    /// What an ARN ends with, behind the last of some signs; `None` when only CloudFormation can tell.
    pub fn last_in_arn(&self, signs: &[char]) -> Option<String> {
        let text = self.written_arn()?;
        let last = text.rsplit(signs).next()?;
        (self.as_str().is_some() || !last.contains('}')).then(|| last.to_owned())
    }

    /// The value as the text that AWS would see, when it is a plain scalar.
    pub fn to_text(&self) -> Option<String> {
        match &self.0.data {
            Data::String(text) => Some(text.clone()),
            Data::Bool(value) => Some(value.to_string()),
            Data::Int(value) => Some(value.to_string()),
            Data::Float(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The function and its argument, when the value is an intrinsic.
    pub fn intrinsic(&self) -> Option<(&str, &Node)> {
        intrinsic(&self.0)
    }

    /// The value as a node, for compiling.
    pub fn node(&self) -> &Node {
        &self.0
    }

    /// Where the value stands.
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// Whether the value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.0.secret
    }
}

impl Decode for Cf {
    /// As in the framework, which asks whether there is anything: no ARN, role or key is empty.
    const EMPTY: Empty = Empty::Absent;

    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        if Self::fits(node) {
            return Some(Self(node.clone()));
        }
        cx.wrong_type(node, &Self::expects());
        None
    }

    fn fits(node: &Node) -> bool {
        match &node.data {
            Data::String(_) | Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Deferred(_) => true,
            Data::Map(_) => intrinsic(node).is_some(),
            Data::Null | Data::List(_) => false,
        }
    }

    fn expects() -> String {
        "a string or a CloudFormation function".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        json!({"anyOf": [{"type": ["string", "number", "boolean"]}, schemas.intrinsic()]})
    }
}

/// A list of values that may be intrinsics, or one intrinsic that gives a list (`Fn::Split`, `Ref` of a list).
#[derive(Clone, Debug, PartialEq)]
pub enum CfList {
    Items(Vec<Cf>),
    Intrinsic(Cf),
}

impl CfList {
    /// How many items there are, when that is known now.
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Items(items) => Some(items.len()),
            Self::Intrinsic(_) => None,
        }
    }

    /// Whether the list is known to hold nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

impl Decode for CfList {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        match &node.data {
            Data::Deferred(_) => Some(Self::Intrinsic(Cf(node.clone()))),
            Data::Map(_) if intrinsic(node).is_some() => Some(Self::Intrinsic(Cf(node.clone()))),
            _ => Vec::<Cf>::decode(node, cx).map(Self::Items),
        }
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::List(_)) || intrinsic(node).is_some()
    }

    fn expects() -> String {
        "a list, or a CloudFormation function that gives one".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let list = Vec::<Cf>::schema(schemas);
        super::forms_schema(vec![list, schemas.intrinsic()])
    }
}

/// A typed value, or a CloudFormation function that gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum CfOr<T> {
    Value(T),
    Cf(Cf),
}

impl<T> CfOr<T> {
    /// The typed value, when it is known now.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Cf(_) => None,
        }
    }
}

impl<T: Decode> Decode for CfOr<T> {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        if matches!(node.data, Data::Deferred(_)) || intrinsic(node).is_some() {
            return Some(Self::Cf(Cf(node.clone())));
        }
        T::decode(node, cx).map(Self::Value)
    }

    fn fits(node: &Node) -> bool {
        intrinsic(node).is_some() || T::fits(node)
    }

    fn expects() -> String {
        format!("{}, or a CloudFormation function", T::expects())
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let value = T::schema(schemas);
        json!({"anyOf": [value, schemas.intrinsic()]})
    }
}
