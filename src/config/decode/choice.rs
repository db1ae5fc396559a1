//! Words from a fixed list, and values that have several forms.

use serde_json::{Value, json};

use super::super::node::{Data, Node};
use super::{Decoder, nearest, shown};

impl Decoder {
    /// The position of the word in `words` (each with its other spellings), or an error with the nearest.
    pub fn keyword(&mut self, node: &Node, words: &[&[&'static str]], ignore_case: bool) -> Option<usize> {
        let text = match &node.data {
            Data::String(text) => text.clone(),
            Data::Bool(value) => value.to_string(),
            Data::Int(value) => value.to_string(),
            Data::Float(value) => format!("{value:?}"),
            _ => {
                self.wrong_type(node, &one_of(words));
                return None;
            }
        };
        let matches = |word: &&&str| if ignore_case { word.eq_ignore_ascii_case(&text) } else { **word == text };
        if let Some(found) = words.iter().position(|spellings| spellings.iter().any(|word| matches(&word))) {
            return Some(found);
        }
        let mut diagnostic = self.error("unknown-value", node, format!("{} is not {}", shown(node), one_of(words)));
        if let Some(meant) = nearest(&text, words.iter().filter_map(|spellings| spellings.first().copied())) {
            diagnostic = diagnostic.label(format!("did you mean `{meant}`?")).help(format!("write `{meant}`"));
        }
        self.report(diagnostic);
        None
    }

    /// Reports a value that has none of the forms that a union knows.
    pub fn no_form(&mut self, node: &Node, forms: &[String]) {
        self.wrong_type(node, &forms.join(", or "));
    }
}

/// The words as a person would list them.
pub fn one_of(words: &[&[&'static str]]) -> String {
    let words: Vec<String> =
        words.iter().filter_map(|spellings| spellings.first()).map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", words.join(", ")),
    }
}

/// The schema of a list of words.
pub fn words_schema(words: &[&[&'static str]], ignore_case: bool) -> Value {
    let first: Vec<&str> = words.iter().flat_map(|spellings| spellings.iter().copied()).collect();
    if ignore_case {
        json!({"anyOf": [{"enum": first}, {"type": "string", "pattern": case_pattern(&first)}]})
    } else {
        json!({"enum": first})
    }
}

/// JSON Schema's patterns know no case flag: `[Gg][Ee][Tt]`.
fn case_pattern(words: &[&str]) -> String {
    let forms: Vec<String> = words
        .iter()
        .map(|word| {
            word.chars()
                .map(|c| match c {
                    c if c.is_ascii_alphabetic() => {
                        format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase())
                    }
                    '*' | '.' | '$' => format!("\\{c}"),
                    c => c.to_string(),
                })
                .collect()
        })
        .collect();
    format!("^({})$", forms.join("|"))
}

/// The schema of a value with several forms.
pub fn forms_schema(forms: Vec<Value>) -> Value {
    let mut all = Vec::new();
    for form in forms {
        match form {
            Value::Object(mut map) if map.len() == 1 && map.get("anyOf").is_some_and(Value::is_array) => {
                if let Some(Value::Array(inner)) = map.remove("anyOf") {
                    all.extend(inner);
                }
            }
            other => all.push(other),
        }
    }
    let mut seen = Vec::new();
    all.retain(|form| {
        !seen.contains(form) && {
            seen.push(form.clone());
            true
        }
    });
    json!({"anyOf": all})
}

/// Declares words from a fixed list: an enum with its spellings (the first is the one to write), decoder and schema.
macro_rules! keywords {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident $([$case:ident])? {
            $( $(#[doc = $vdoc:literal])* $variant:ident = $word:literal $(| $alias:literal)* ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[doc = $vdoc])* $variant ),*
        }

        impl $name {
            const WORDS: &'static [&'static [&'static str]] = &[$(&[$word $(, $alias)*]),*];
            const ALL: &'static [$name] = &[$($name::$variant),*];
            const IGNORE_CASE: bool = [$($crate::config::decode::ignores_case(stringify!($case)),)? false][0];

            /// The word as it is written first.
            pub fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word ),*
                }
            }
        }

        impl $crate::config::decode::Decode for $name {
            fn decode(
                node: &$crate::config::node::Node,
                cx: &mut $crate::config::decode::Decoder,
            ) -> Option<Self> {
                let position = cx.keyword(node, Self::WORDS, Self::IGNORE_CASE)?;
                Self::ALL.get(position).copied()
            }

            fn fits(node: &$crate::config::node::Node) -> bool {
                node.as_str().is_some()
            }

            fn expects() -> String {
                $crate::config::decode::one_of(Self::WORDS)
            }

            fn schema(_: &mut $crate::config::decode::Schemas) -> serde_json::Value {
                $crate::config::decode::words_schema(Self::WORDS, Self::IGNORE_CASE)
            }
        }
    };
}
pub(crate) use keywords;

/// Whether a `keywords!` list was declared with `[ignore_case]`.
pub const fn ignores_case(flag: &str) -> bool {
    !flag.is_empty()
}

/// Declares a value with several forms: the first whose shape fits is read; no form gives an error that names all.
macro_rules! alternatives {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident {
            $( $(#[doc = $vdoc:literal])* $variant:ident($ty:ty) ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub enum $name {
            $( $(#[doc = $vdoc])* $variant($ty) ),*
        }

        impl $crate::config::decode::Decode for $name {
            fn decode(
                node: &$crate::config::node::Node,
                cx: &mut $crate::config::decode::Decoder,
            ) -> Option<Self> {
                $(
                    if <$ty as $crate::config::decode::Decode>::fits(node) {
                        return <$ty as $crate::config::decode::Decode>::decode(node, cx).map(Self::$variant);
                    }
                )*
                cx.no_form(node, &[$(<$ty as $crate::config::decode::Decode>::expects()),*]);
                None
            }

            fn fits(node: &$crate::config::node::Node) -> bool {
                false $(|| <$ty as $crate::config::decode::Decode>::fits(node))*
            }

            fn expects() -> String {
                [$(<$ty as $crate::config::decode::Decode>::expects()),*].join(", or ")
            }

            fn schema(schemas: &mut $crate::config::decode::Schemas) -> serde_json::Value {
                let forms = vec![$(<$ty as $crate::config::decode::Decode>::schema(schemas)),*];
                $crate::config::decode::forms_schema(forms)
            }
        }
    };
}
pub(crate) use alternatives;
