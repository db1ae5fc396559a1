//! Strings with a form: a pattern and lengths.

use regex::Regex;
use serde_json::{Value, json};

use super::super::node::{Data, Node};
use super::{Decoder, shown};

/// What a string must look like.
pub struct Form {
    /// What a person would call it: `a stage name (letters, digits and hyphens)`.
    pub name: &'static str,
    pub pattern: Option<&'static str>,
    pub min: usize,
    pub max: usize,
}

impl Decoder {
    /// The text of a node, checked against a form. A text that does not fit is reported and still given.
    pub fn text(&mut self, node: &Node, form: &Form, regex: Option<&Regex>) -> Option<String> {
        let text = match &node.data {
            Data::Deferred(text) => return Some(text.clone()),
            Data::String(text) => text.clone(),
            Data::Bool(value) => value.to_string(),
            Data::Int(value) => value.to_string(),
            Data::Float(value) => value.to_string(),
            _ => {
                self.wrong_type(node, form.name);
                return None;
            }
        };
        let length = text.chars().count();
        let problem = if length > form.max {
            Some(format!("{length} characters are more than the {} that are allowed", form.max))
        } else if length < form.min {
            Some(format!("{} is shorter than {} characters", shown(node), form.min))
        } else if regex.is_some_and(|regex| !regex.is_match(&text)) {
            Some(format!("{} is not {}", shown(node), form.name))
        } else {
            None
        };
        if let Some(problem) = problem {
            let mut diagnostic = self.error("bad-format", node, problem);
            if let Some(pattern) = form.pattern {
                diagnostic = diagnostic.help(format!("it must match `{pattern}`"));
            }
            self.report(diagnostic);
        }
        Some(text)
    }
}

/// The schema of a string with a form.
pub fn text_schema(form: &Form) -> Value {
    let mut schema = json!({"type": "string"});
    if let Some(pattern) = form.pattern {
        schema["pattern"] = json!(pattern);
    }
    if form.min > 0 {
        schema["minLength"] = json!(form.min);
    }
    if form.max != usize::MAX {
        schema["maxLength"] = json!(form.max);
    }
    schema
}

/// Declares a string with a form: a newtype that derefs to `str`, with decoder and schema.
macro_rules! text {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident: $what:literal $(, pattern $pattern:literal)? $(, min $min:literal)? $(, max $max:literal)? $(, empty $empty:ident)? $(,)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub String);

        impl $name {
            const FORM: $crate::config::decode::Form = $crate::config::decode::Form {
                name: $what,
                pattern: [$(Some($pattern),)? None][0],
                min: [$($min,)? 0][0],
                max: [$($max,)? usize::MAX][0],
            };

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl $crate::config::decode::Decode for $name {
            $(const EMPTY: $crate::config::decode::Empty = $crate::config::decode::Empty::$empty;)?

            fn decode(
                node: &$crate::config::node::Node,
                cx: &mut $crate::config::decode::Decoder,
            ) -> Option<Self> {
                static REGEX: std::sync::LazyLock<Option<regex::Regex>> =
                    std::sync::LazyLock::new(|| $name::FORM.pattern.map($crate::config::pattern::compiled));
                cx.text(node, &Self::FORM, REGEX.as_ref()).map(Self)
            }

            fn fits(node: &$crate::config::node::Node) -> bool {
                <String as $crate::config::decode::Decode>::fits(node)
            }

            fn expects() -> String {
                Self::FORM.name.to_owned()
            }

            fn schema(_: &mut $crate::config::decode::Schemas) -> serde_json::Value {
                $crate::config::decode::text_schema(&Self::FORM)
            }
        }
    };
}
pub(crate) use text;
