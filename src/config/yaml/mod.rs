//! Reads YAML (and JSON, which is YAML) into [`Node`](super::node::Node)s that know where they stand.

mod compose;
mod merge;
mod scalar;
mod syntax;
mod tags;

use super::diagnostic::Severity;
use super::node::FileId;

pub use compose::{Composed, compose};
pub(crate) use scalar::plain as plain_scalar;

/// Reads a JSON document. JSON parsers keep the last of two equal keys in silence, so a file that has them works
/// elsewhere: they are a warning here.
pub fn compose_json(text: &str, file: FileId) -> Composed {
    let mut composed = compose(text, file);
    for diagnostic in composed.diagnostics.iter_mut().filter(|diagnostic| diagnostic.code == "duplicate-key") {
        diagnostic.severity = Severity::Warning;
    }
    composed
}
