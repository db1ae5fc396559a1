//! Free-form parts of which only the outer form is known.

use std::ops::Deref;

use serde_json::{Value, json};

use super::super::node::{Data, Node};
use super::{Decode, Decoder, Schemas};

/// A mapping of anything, kept as it stands; so is a variable that only live state can resolve.
#[derive(Clone, Debug, PartialEq)]
pub struct FreeMapping(Node);

impl Deref for FreeMapping {
    type Target = Node;
    fn deref(&self) -> &Node {
        &self.0
    }
}

impl Decode for FreeMapping {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        if Self::fits(node) {
            return Some(Self(node.clone()));
        }
        cx.wrong_type(node, &Self::expects());
        None
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::Map(_) | Data::Deferred(_))
    }

    fn expects() -> String {
        "a mapping".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "object"})
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn only_the_outer_form_counts() {
        let read = |yaml: &str| {
            let mut cx = Decoder::new();
            let mapping = cx.within("custom", |cx| FreeMapping::decode(&sample::node(yaml), cx));
            (mapping.is_some(), sample::summary(&cx.into_diagnostics()))
        };
        assert_eq!(read("{a: [1, {b: null}]}"), (true, String::new()));
        assert_eq!(read("[a]"), (false, "1:1 error[wrong-type] custom: expected a mapping, found a list".to_owned()));
    }
}
