//! The two unions that the language is full of: `true | {…}` and `text | {…}`.

use std::ops::Deref;

use serde_json::{Value, json};

use super::super::node::{Data, Node};
use super::{Decode, Decoder, Empty, Schemas};

/// A feature that is switched by `true` or `false`, or described by a mapping.
#[derive(Clone, Debug)]
pub enum Toggle<T> {
    Off,
    On,
    With(Box<T>),
}

impl<T> Toggle<T> {
    /// Whether the feature is on, with or without settings.
    pub fn is_on(&self) -> bool {
        !matches!(self, Self::Off)
    }

    /// The settings, when there are any.
    pub fn settings(&self) -> Option<&T> {
        match self {
            Self::With(settings) => Some(settings),
            _ => None,
        }
    }
}

impl<T: Decode> Decode for Toggle<T> {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        if bool::fits(node) {
            return bool::decode(node, cx).map(|on| if on { Self::On } else { Self::Off });
        }
        if T::fits(node) {
            return T::decode(node, cx).map(|settings| Self::With(Box::new(settings)));
        }
        cx.wrong_type(node, &Self::expects());
        None
    }

    fn fits(node: &Node) -> bool {
        bool::fits(node) || T::fits(node)
    }

    fn expects() -> String {
        format!("a boolean (`true` or `false`), or {}", T::expects())
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let settings = T::schema(schemas);
        super::forms_schema(vec![json!({"type": "boolean"}), settings])
    }
}

/// An object that may be written as a single value: `sqs: arn:…` for `sqs: {arn: arn:…}`.
pub trait Short: Decode {
    /// What the single value is, for messages: `an ARN`.
    const SHORT: &'static str;

    /// What `''` is where the value may be left out.
    const EMPTY: Empty = Empty::Value;

    /// The mapping that the single value stands for; `None` when it cannot stand for any. What is wrong with the
    /// value goes to `cx`.
    fn expand(node: &Node, cx: &mut Decoder) -> Option<Node>;

    /// Whether the value has the short shape.
    fn is_short(node: &Node) -> bool {
        matches!(node.data, Data::String(_) | Data::Deferred(_))
    }

    /// The schema of the single value.
    fn short_schema(_: &mut Schemas) -> Value {
        json!({"type": "string"})
    }
}

/// Reads an object in its long or its short form; both give the same struct.
#[derive(Clone, Debug)]
pub struct Shorthand<T>(pub T);

impl<T> Deref for Shorthand<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Short> Decode for Shorthand<T> {
    const EMPTY: Empty = <T as Short>::EMPTY;

    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        if T::is_short(node) {
            let Some(long) = T::expand(node, cx) else {
                cx.left_out(node);
                return None;
            };
            return cx.within_expanded(&long, |cx| T::decode(&long, cx)).map(Self);
        }
        if T::fits(node) {
            return T::decode(node, cx).map(Self);
        }
        cx.wrong_type(node, &Self::expects());
        None
    }

    fn fits(node: &Node) -> bool {
        T::is_short(node) || T::fits(node)
    }

    fn expects() -> String {
        format!("{}, or {}", T::SHORT, T::expects())
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let short = T::short_schema(schemas);
        let long = T::schema(schemas);
        super::forms_schema(vec![short, long])
    }
}

/// A mapping made of single values, all standing where `at` stands.
pub fn mapping_at(at: &Node, entries: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    let map = entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), super::super::node::Entry { key_place: at.place, value }))
        .collect();
    Node { data: Data::Map(map), place: at.place, origins: at.origins.clone(), secret: at.secret, reference: None }
}

/// A string node standing where `at` stands.
pub fn string_at(at: &Node, text: impl Into<String>) -> Node {
    Node {
        data: Data::String(text.into()),
        place: at.place,
        origins: at.origins.clone(),
        secret: at.secret,
        reference: None,
    }
}
