//! What holds for one stage (`stages`, v4), and which `.env` files a stage reads (`useDotenv`). Variables read both before
//! anything is decoded; here their form is checked.

use std::ops::Deref;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::decode::{Decode, Decoder, FreeMapping, Schemas, object};
use super::super::node::{Data, Node};

object! {
    /// What holds for a stage, or for all with the key `default` (v4).
    pub struct StageSettings {
        /// Values for `${param:…}`.
        params "params": Option<FreeMapping>,
        /// Sources of variables by name.
        resolvers "resolvers": IndexMap<String, FreeMapping>,
    }
    ignored {
        "observability": "hoist knows no dashboard",
        "integrations": "hoist knows no dashboard"
    }
}

/// `useDotenv`: a switch, a path, or several.
#[derive(Clone, Debug, PartialEq)]
pub struct DotenvFiles(Node);

impl Deref for DotenvFiles {
    type Target = Node;
    fn deref(&self) -> &Node {
        &self.0
    }
}

impl Decode for DotenvFiles {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        if Self::fits(node) {
            return Some(Self(node.clone()));
        }
        cx.wrong_type(node, &Self::expects());
        None
    }

    fn fits(node: &Node) -> bool {
        match &node.data {
            Data::Bool(_) | Data::String(_) | Data::Deferred(_) => true,
            Data::List(items) => items.iter().all(|item| matches!(item.data, Data::String(_) | Data::Deferred(_))),
            _ => false,
        }
    }

    fn expects() -> String {
        "a boolean (`true` or `false`), the path of a `.env` file, or a list of paths".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"anyOf": [
            {"type": "boolean"},
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}}
        ]})
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::decode::sample;
    use super::super::decode_service;

    fn found(yaml: &str) -> String {
        let (_, found) = decode_service(&sample::node(&format!("service: shop\nprovider: aws\n{yaml}\n")));
        sample::summary(&found)
    }

    #[test]
    fn what_has_no_further_form_still_has_an_outer_one() {
        for (yaml, message) in [
            ("custom: 5", "3:9 error[wrong-type] custom: expected a mapping, found the number 5"),
            ("custom: [a]", "3:9 error[wrong-type] custom: expected a mapping, found a list"),
            ("params: [1]", "3:9 error[wrong-type] params: expected a mapping, found a list"),
            ("params: {dev: 3}", "3:15 error[wrong-type] params.dev: expected a mapping, found the number 3"),
            ("stages: 3", "3:9 error[wrong-type] stages: expected a mapping, found the number 3"),
            (
                "stages: {dev: {params: 3}}",
                "3:24 error[wrong-type] stages.dev.params: expected a mapping, found the number 3",
            ),
            ("stages: {dev: {parms: {}}}", "3:16 error[unknown-key] stages.dev.parms: unknown key"),
            ("frameworkVersion: [1]", "3:19 error[wrong-type] frameworkVersion: expected a string, found a list"),
            ("frameworkVersion: {a: 1}", "3:19 error[wrong-type] frameworkVersion: expected a string, found a mapping"),
            (
                "useDotenv: 5",
                "3:12 error[wrong-type] useDotenv: expected a boolean (`true` or `false`), the path of a `.env` file, or a list of paths, found the number 5",
            ),
            (
                "plugins: 3",
                "3:10 error[wrong-type] plugins: expected a list (of the name of a plugin), or a mapping (`localPath`, `modules`), found the number 3",
            ),
        ] {
            assert_eq!(found(yaml), message);
        }
    }

    #[test]
    fn the_forms_of_every_version_are_read() {
        for yaml in [
            "frameworkVersion: '>=1.1.0 <2.0.0'",
            "frameworkVersion: 3",
            "useDotenv: true",
            "useDotenv: .env.local",
            "useDotenv: [.env, .env.local]",
            "params: {default: {a: 1}, dev: null}",
            "stages: {default: {observability: true, params: {a: 1}, resolvers: {acct: {type: aws}}}, dev: null}",
        ] {
            assert_eq!(found(yaml), "", "{yaml}");
        }
    }
}
