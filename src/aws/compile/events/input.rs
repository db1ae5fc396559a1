//! What a rule hands its function instead of the event.

use super::super::output::Output;
use super::super::plan::Triggered;
use super::super::tree::{self, Properties};
use crate::config::language::events::event_bridge::InputTransformer;
use crate::config::node::{Data, Node};
use crate::engine::value::Value;

/// The input as text: a text as it is, anything else as JSON. `body` may hold JSON as a text, which becomes a part of
/// the whole.
pub(super) fn input_text(input: &Node) -> Value {
    match &input.data {
        Data::String(text) => text.as_str().into(),
        Data::Map(map) => {
            let body = map.get("body").and_then(|entry| entry.value.as_str());
            match body.and_then(|body| serde_json::from_str::<serde_json::Value>(body).ok()) {
                Some(parsed) if map.len() == 1 => Value::String(serde_json::json!({ "body": parsed }).to_string()),
                _ => tree::json_value(input),
            }
        }
        _ => tree::json_value(input),
    }
}

/// How an event is changed before the function gets it.
pub(super) fn transformer(transformer: &InputTransformer) -> Properties {
    let paths =
        transformer.input_paths_map.iter().fold(Properties::new(), |all, (name, path)| all.with(name, path.as_str()));
    Properties::new().maybe("InputPathsMap", paths.some()).with("InputTemplate", transformer.input_template.as_str())
}

pub(super) fn one_input<T>(event: &Triggered<T>, inputs: &[bool], output: &mut Output) {
    if inputs.iter().filter(|given| **given).count() > 1 {
        output.problem(
            event
                .problem("conflict", "`input`, `inputPath` and `inputTransformer` exclude each other")
                .help("keep one of them"),
        );
    }
}
