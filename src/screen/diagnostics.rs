//! Shows problems with a configuration: to people with the line and a caret, to machines as JSON, to GitHub as annotations.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Renderer, Snippet, normalize_untrusted_str,
};
use serde_json::{Value, json};

use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::node::{FileId, Place, SourceFile, Sources};

/// How many related places are shown; a variable's way through a file can be longer than is any use.
const MAX_RELATED: usize = 4;

/// How diagnostics look on a screen.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub colour: bool,
    /// Columns of the screen; longer lines are cut around the caret.
    pub width: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { colour: false, width: 80 }
    }
}

/// A diagnostic as people read it: the message, the line with a caret, related lines, what to do. No newline at the end.
pub fn text(diagnostic: &Diagnostic, sources: &Sources, look: Look) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(normalize_untrusted_str(&diagnostic.message)).id(diagnostic.code);
    let mut elements: Vec<Element<'_>> = Vec::new();
    // One snippet for each file, the one with the caret first.
    let mut files: Vec<(FileId, Vec<Annotation<'_>>)> = Vec::new();
    let mut mark = |place: Place, kind: AnnotationKind, label: Option<&str>| {
        let Some(file) = sources.get(place.file) else { return };
        let annotation = kind.span(shown(place, file)).label(label.map(normalize_untrusted_str));
        match files.iter_mut().find(|(id, _)| *id == place.file) {
            Some((_, annotations)) => annotations.push(annotation),
            None => files.push((place.file, vec![annotation])),
        }
    };
    if let Some(place) = diagnostic.place {
        mark(place, AnnotationKind::Primary, diagnostic.label.as_deref());
    }
    for (what, place) in diagnostic.related.iter().take(MAX_RELATED) {
        mark(*place, AnnotationKind::Context, Some(what));
    }
    for (id, annotations) in files {
        let Some(file) = sources.get(id) else { continue };
        elements.push(Snippet::source(&*file.text).path(file.path.as_str()).annotations(annotations).into());
    }
    for help in &diagnostic.help {
        elements.push(Level::HELP.message(normalize_untrusted_str(help)).into());
    }
    let renderer = if look.colour { Renderer::styled() } else { Renderer::plain() };
    let group = match elements.is_empty() {
        true => Group::with_title(title),
        false => title.elements(elements),
    };
    renderer.term_width(look.width).render(&[group])
}

/// All of them, errors last so that they stand next to the prompt, with a count at the end; empty for none.
pub fn report(diagnostics: &[Diagnostic], sources: &Sources, look: Look) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    let position = |diagnostic: &Diagnostic| diagnostic.place.map(|place| (place.file, place.start));
    sorted.sort_by_key(|diagnostic| (diagnostic.severity, position(diagnostic)));
    let texts: Vec<String> = sorted.into_iter().map(|diagnostic| text(diagnostic, sources, look)).collect();
    format!("{}\n\n{}\n", texts.join("\n\n"), count(diagnostics))
}

/// `2 errors, 1 warning`.
pub fn count(diagnostics: &[Diagnostic]) -> String {
    let of = |severity: Severity, name: &str| {
        let count = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        match count {
            0 => None,
            1 => Some(format!("1 {name}")),
            _ => Some(format!("{count} {name}s")),
        }
    };
    let parts = [of(Severity::Error, "error"), of(Severity::Warning, "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A diagnostic as one JSON object: code, severity, message, path, file, line, column, endLine, endColumn, related, help.
/// Lines and columns count from 1, columns in characters; what is not known is left out.
pub fn json(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut object = serde_json::Map::new();
    object.insert("code".into(), diagnostic.code.into());
    object.insert("severity".into(), severity(diagnostic.severity).into());
    object.insert("message".into(), diagnostic.message.as_str().into());
    if let Some(path) = &diagnostic.path {
        object.insert("path".into(), path.as_str().into());
    }
    if let Some(place) = diagnostic.place {
        object.extend(position(place, sources));
    }
    if let Some(label) = &diagnostic.label {
        object.insert("label".into(), label.as_str().into());
    }
    let related = diagnostic.related.iter().map(|(what, place)| {
        let mut object = BTreeMap::from([(String::from("message"), json!(what))]);
        object.extend(position(*place, sources));
        json!(object)
    });
    object.insert("related".into(), related.collect());
    object.insert("help".into(), json!(diagnostic.help));
    Value::Object(object)
}

/// A diagnostic as a workflow command, which GitHub shows beside the line in a pull request.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message>
pub fn github(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut properties = Vec::new();
    if let Some(place) = diagnostic.place {
        let position = position(place, sources);
        let number = |key: &str| position.get(key).map(ToString::to_string).unwrap_or_default();
        if let Some(file) = position.get("file").and_then(Value::as_str) {
            properties.push(format!("file={}", property(file)));
        }
        properties.push(format!("line={}", number("line")));
        properties.push(format!("col={}", number("column")));
        properties.push(format!("endLine={}", number("endLine")));
        properties.push(format!("endColumn={}", number("endColumn")));
    }
    properties.push(format!("title={}", property(diagnostic.code)));
    let message = std::iter::once(&diagnostic.message).chain(&diagnostic.help).map(String::as_str).collect::<Vec<_>>();
    format!("::{} {}::{}", severity(diagnostic.severity), properties.join(","), data(&message.join("\n")))
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn position(place: Place, sources: &Sources) -> serde_json::Map<String, Value> {
    let mut object = serde_json::Map::new();
    let Some(file) = sources.get(place.file) else { return object };
    let width = file.text.get(shown(place, file)).map_or(0, |text| text.chars().count());
    object.insert("file".into(), file.path.as_str().into());
    object.insert("line".into(), place.line.into());
    object.insert("column".into(), place.column.into());
    object.insert("endLine".into(), place.line.into());
    object.insert("endColumn".into(), (place.column as usize + width).into());
    object
}

/// The part of a place that is marked: its first line, without blanks at the end.
fn shown(place: Place, file: &SourceFile) -> Range<usize> {
    let start = file.text.floor_char_boundary(place.start as usize);
    let end = file.text.floor_char_boundary(place.end as usize).max(start);
    let line = file.text[start..end].lines().next().unwrap_or_default();
    start..start + line.trim_end().len()
}
