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
    let diagnostic = &diagnostic.without(&sources.secrets);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
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
    let diagnostic = &diagnostic.without(&sources.secrets);
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
    let diagnostic = &diagnostic.without(&sources.secrets);
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
        // What GitHub calls it too.
        Severity::Note => "notice",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::{LoadOptions, load};

    /// What people see when they load these files; the first is the configuration.
    fn shown(files: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for (path, text) in files {
            std::fs::write(directory.path().join(path), text).expect("writable");
        }
        let options = LoadOptions { directory: directory.path().to_owned(), ..LoadOptions::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let loaded = runtime.block_on(load(&options, None));
        report(&loaded.diagnostics, &loaded.sources, Look::default())
    }

    #[test]
    fn a_tab_is_pointed_at() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider:\n\tname: aws\n")]), @r#"
        error[yaml-tab]: a tab is used where YAML allows only spaces
         --> serverless.yml:3:1
          |
        3 |     name: aws
          | ^
          |
          = help: indent with spaces: replace each tab of the file by two spaces

        1 error
        "#);
    }

    #[test]
    fn duplicate_keys_show_both_places() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider: aws\nfunctions:\n  api:\n    handler: a.b\n  api:\n    handler: c.d\n")]), @r#"
        error[duplicate-key]: the key `api` stands twice in the same mapping
         --> serverless.yml:6:3
          |
        4 |   api:
          |   --- first here
        5 |     handler: a.b
        6 |   api:
          |   ^^^ again here
          |
          = help: keep one of the two, or put both values under one key

        1 error
        "#);
    }

    #[test]
    fn misspelt_variables_suggest_the_right_one() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider: aws\ncustom:\n  tableName: items\nfunctions:\n  api:\n    handler: a.b\n    environment:\n      TABLE: prefix-${self:custom.tabelName}-x\n      OTHER: ${slef:custom.tableName}\n")]), @r#"
        error[variable-missing]: functions.api.environment.TABLE: `${self:custom.tabelName}` has no value
         --> serverless.yml:9:21
          |
        9 |       TABLE: prefix-${self:custom.tabelName}-x
          |                     ^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: did you mean `${self:custom.tableName}`?
          = help: or give it a fallback: `${self:custom.tabelName, 'fallback'}`

        error[variable-unknown-source]: functions.api.environment.OTHER: `slef` in `${slef:custom.tableName}` is not a source of variables
          --> serverless.yml:10:14
           |
        10 |       OTHER: ${slef:custom.tableName}
           |              ^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: did you mean `self`?
           = help: write `\${slef:custom.tableName}` if it is not a variable

        2 errors
        "#);
    }

    #[test]
    fn a_circle_is_named_whole() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider: aws\ncustom:\n  a: ${self:custom.b}\n  b: x-${self:custom.c}\n  c: ${self:custom.a}\n")]), @r#"
        error[variable-cycle]: variables go in a circle: custom.a → custom.b → custom.c → custom.a
         --> serverless.yml:4:6
          |
        4 |   a: ${self:custom.b}
          |      ^^^^^^^^^^^^^^^^
        5 |   b: x-${self:custom.c}
          |      ------------------ `custom.b`
        6 |   c: ${self:custom.a}
          |      ---------------- `custom.c`
          |
          = help: let one of them be a value that does not depend on the others

        1 error
        "#);
    }

    #[test]
    fn a_mapping_inside_a_text_is_refused() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider: aws\ncustom:\n  table: {name: x}\n  text: the ${self:custom.table}\n")]), @r#"
        error[non-string-variable]: custom.text: `${self:custom.table}` is a mapping, which cannot be part of a text
         --> serverless.yml:5:13
          |
        5 |   text: the ${self:custom.table}
          |             ^^^^^^^^^^^^^^^^^^^^
          |
          = help: a variable inside a text has to be a text, a number or a boolean; one that is the whole value may be anything

        1 error
        "#);
    }

    #[test]
    fn a_variable_that_is_not_closed_is_pointed_at() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider: aws\ncustom:\n  a: \"${self:custom.b\"\n")]), @r#"
        error[variable-syntax]: custom.a: the `}` that closes this variable is missing
         --> serverless.yml:4:7
          |
        4 |   a: "${self:custom.b"
          |       ^^^^^^^^^^^^^^^
          |
          = help: write `\${` for a `${` that is not a variable

        1 error
        "#);
    }

    #[test]
    fn a_problem_in_another_file_shows_that_file() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider: aws\ncustom: ${file(more.yml)}\n"), ("more.yml", "a: 1\nb:\n  c: ${env:NOT_SET}\n")]), @r#"
        error[variable-missing]: `${env:NOT_SET}` has no value
         --> more.yml:3:6
          |
        3 |   c: ${env:NOT_SET}
          |      ^^^^^^^^^^^^^^
          |
          = help: set NOT_SET in the environment, or put it into a `.env` file and set `useDotenv: true`
          = help: or give it a fallback: `${env:NOT_SET, 'fallback'}`

        1 error
        "#);
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let many = |name: &str| (0..30).map(|i| format!("{name}{i}: value{i}")).collect::<Vec<_>>().join(", ");
        let config = format!(
            "service: api\nprovider: aws\ncustom: {{{}, x: '${{env:NOT_SET}}', {}}}\n",
            many("key"),
            many("more")
        );
        insta::assert_snapshot!(shown(&[("serverless.yml", &config)]), @r#"
        error[variable-missing]: custom.x: `${env:NOT_SET}` has no value
         --> serverless.yml:3:474
          |
        3 | ...alue28, key29: value29, x: '${env:NOT_SET}', more0: value0, more1: val...
          |                                ^^^^^^^^^^^^^^
          |
          = help: set NOT_SET in the environment, or put it into a `.env` file and set `useDotenv: true`
          = help: or give it a fallback: `${env:NOT_SET, 'fallback'}`

        1 error
        "#);
    }

    #[test]
    fn an_open_bracket_is_pointed_at() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider: aws\nfunctions:\n  api: {handler: a.b\n")]), @r#"
        error[yaml-syntax]: `{` is opened and never closed
         --> serverless.yml:4:8
          |
        4 |   api: {handler: a.b
          |        ^
          |
          = help: add the closing bracket

        1 error
        "#);
    }

    #[test]
    fn a_misspelt_anchor_suggests_the_right_one() {
        insta::assert_snapshot!(shown(&[("serverless.yml", "service: api\nprovider: aws\ncustom:\n  base: &base\n    x: 1\n  all: *bas\n")]), @r#"
        error[unknown-anchor]: no anchor `&bas` stands before this `*bas`
         --> serverless.yml:6:8
          |
        6 |   all: *bas
          |        ^^^^
          |
          = help: did you mean `*base`?
          = help: put the value in quotes if the `*` belongs to it

        1 error
        "#);
    }

    #[test]
    fn machines_get_json_and_annotations() {
        let mut sources = Sources::default();
        let file = sources.add("serverless.yml", "a: 1\nfunctions: {\u{e9}: x}\n");
        let place = Place { file, start: 17, end: 19, line: 2, column: 13 };
        let diagnostic = Diagnostic::error("unknown-key", "functions: no such key: 100%")
            .path("functions.\u{e9}")
            .at(place)
            .related("first here", Place { start: 0, end: 1, line: 1, column: 1, ..place })
            .help("remove it");
        assert_eq!(
            json(&diagnostic, &sources),
            json!({
                "code": "unknown-key", "severity": "error", "message": "functions: no such key: 100%", "path": "functions.\u{e9}",
                "file": "serverless.yml", "line": 2, "column": 13, "endLine": 2, "endColumn": 14,
                "related": [{"message": "first here", "file": "serverless.yml", "line": 1, "column": 1, "endLine": 1, "endColumn": 2}],
                "help": ["remove it"],
            })
        );
        assert_eq!(
            github(&diagnostic, &sources),
            "::error file=serverless.yml,line=2,col=13,endLine=2,endColumn=14,title=unknown-key::functions: no such key: 100%25%0Aremove it"
        );
    }

    #[test]
    fn a_place_outside_its_file_harms_nobody() {
        let mut sources = Sources::default();
        let file = sources.add("x.yml", "\u{e9}");
        for (start, end) in [(1, 9), (9, 1), (0, u32::MAX), (u32::MAX, 0)] {
            let place = Place { file, start, end, line: 9, column: 9 };
            let diagnostic = Diagnostic::warning("x", "m").at(place).related("r", place);
            text(&diagnostic, &sources, Look { colour: true, width: 10 });
            json(&diagnostic, &sources);
            github(&diagnostic, &sources);
        }
    }
}
