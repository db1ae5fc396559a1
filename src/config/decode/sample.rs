//! Samples for tests: nodes from YAML, and what was said about them.

use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::node::{Node, Sources};
use crate::config::yaml;

/// The nodes of a YAML text.
pub fn node(text: &str) -> Node {
    let file = Sources::default().add("serverless.yml", text);
    let composed = yaml::compose(text, file);
    assert!(composed.diagnostics.is_empty(), "the sample is not YAML: {:?}", composed.diagnostics);
    composed.root.expect("the sample is not empty")
}

/// Messages of diagnostics, for comparing.
pub fn messages(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect()
}

/// Code, severity and message of diagnostics, one to a line, with the line that each points to.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|found| {
            let severity = match found.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let line = found.place.map_or_else(String::new, |place| format!("{}:{} ", place.line, place.column));
            format!("{line}{severity}[{}] {}", found.code, found.message)
        })
        .collect();
    lines.join("\n")
}
