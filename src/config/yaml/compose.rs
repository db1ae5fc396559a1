//! From the parser's events to a tree of nodes: places, tags, anchors, merge keys, duplicate keys, limits.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use indexmap::IndexMap;

use super::{merge, scalar, syntax, tags};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::{Data, Entry, FileId, Node, Origin, Place};
use crate::config::suggest;

/// How deep mappings and lists may be nested. CloudFormation templates stay far below it, and recursion over a tree of
/// this depth fits every thread's stack.
const MAX_DEPTH: usize = 100;

/// What a composed tree may take in memory, aliases expanded, in bytes. A file of 5,000 lines takes 2 MB.
const MAX_BYTES: usize = 64 << 20;

/// What a node takes beside its text: itself, its entry in a mapping and that entry's key.
const NODE_BYTES: usize = 256;

/// A text as a tree, as far as it could be read, with everything that is wrong with it.
#[derive(Debug)]
pub struct Composed {
    /// `None` when the text is not YAML, or too large; `Data::Null` for an empty text.
    pub root: Option<Node>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads one YAML or JSON document. Never panics, and takes time and memory in proportion to the text, up to a limit
/// that aliases count towards.
pub fn compose(text: &str, file: FileId) -> Composed {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let composer = Composer {
        text,
        file,
        shift: text.len() - body.len(),
        frames: Vec::new(),
        anchors: HashMap::new(),
        bytes: 0,
        diagnostics: Vec::new(),
        root: None,
    };
    composer.run(body)
}

/// What a value costs: aliases multiply both.
#[derive(Clone, Copy)]
struct Size {
    bytes: usize,
    /// Levels of mappings and lists, itself included.
    depth: usize,
}

/// A value that is complete, with what it weighs.
struct Finished {
    node: Node,
    size: Size,
    /// A plain scalar, which alone can be the merge key.
    plain: bool,
}

struct Anchored {
    name: Option<String>,
    place: Place,
    /// `None` while the node is still being read: an alias to it would hold itself.
    value: Option<(Node, Size)>,
}

/// A mapping or list that is being read.
struct Frame {
    place: Place,
    tag: Option<tags::Tag>,
    anchor: usize,
    size: Size,
    children: Children,
}

enum Children {
    List(Vec<Node>),
    Map {
        entries: IndexMap<String, Entry>,
        /// The key whose value comes next; its text is `None` when the key itself was refused.
        key: Option<(Option<String>, Place, bool)>,
        /// Keys that a merge brought and that the mapping's own keys may replace.
        merged: HashSet<String>,
        /// Written on lines of its own rather than in braces.
        block: bool,
    },
}

struct Composer<'a> {
    text: &'a str,
    file: FileId,
    /// Bytes of the byte order mark that the parser does not see.
    shift: usize,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    bytes: usize,
    diagnostics: Vec<Diagnostic>,
    root: Option<Node>,
}

/// The composer cannot go on; why is among the diagnostics.
struct Stop;

impl Composer<'_> {
    fn run(mut self, body: &str) -> Composed {
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            simple_key_max_lookahead: 64 * 1024,
        };
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(body, options) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let mark = *error.marker();
                    let place = self.place(&Span::empty(mark));
                    let rest = &self.text[self.line_start(place.start as usize)..];
                    self.diagnostics.push(syntax::diagnose(&error, place, rest));
                    return Composed { root: None, diagnostics: self.diagnostics };
                }
            };
            if matches!(event, Event::DocumentStart(..)) {
                documents += 1;
                if documents > 1 {
                    let place = self.place(&span);
                    self.diagnostics.push(
                        Diagnostic::error("several-documents", "the file holds more than one YAML document")
                            .at(place)
                            .help("remove the `---` line, or move what follows it to a file of its own"),
                    );
                    break;
                }
            }
            if self.take(event, &span).is_err() {
                return Composed { root: None, diagnostics: self.diagnostics };
            }
        }
        let root = self
            .root
            .take()
            .unwrap_or_else(|| Node::new(Data::Null, Place { file: self.file, start: 0, end: 0, line: 1, column: 1 }));
        Composed { root: Some(root), diagnostics: self.diagnostics }
    }

    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let place = self.place(span);
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let size = self.weigh(text.len(), place)?;
                let tag = tag.and_then(|tag| self.tag(&tag, span));
                let node = match tag {
                    Some(tag) => {
                        tags::scalar(tag, text.into_owned(), style != ScalarStyle::Plain, self.with_tag(place, span))
                    }
                    None if style == ScalarStyle::Plain => {
                        let data = scalar::plain(&text);
                        if let Some(problem) = scalar::loss(&text, &data) {
                            self.diagnostics.push(problem.at(place).help("if it is a text, put it in quotes"));
                        }
                        Node::new(data, place)
                    }
                    None => Node::new(Data::String(text.into_owned()), place),
                };
                self.open_anchor(anchor, place);
                self.finish(Finished { node, size, plain }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let tag = tag.and_then(|tag| self.tag(&tag, span));
                self.open(Children::List(Vec::new()), tag, anchor, span)
            }
            Event::MappingStart(style, anchor, tag) => {
                let tag = tag.and_then(|tag| self.tag(&tag, span));
                let block = style == StructureStyle::Block;
                let children = Children::Map { entries: IndexMap::new(), key: None, merged: HashSet::new(), block };
                self.open(children, tag, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Anchor(anchor, name) => {
                let place = self.place(span);
                if let Some(anchored) = self.anchors.get_mut(&anchor) {
                    anchored.name = Some(name.into_owned());
                    anchored.place = place;
                }
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::UnresolvedAlias(name) => {
                let place = self.place(span);
                let known = self.anchors.values().filter_map(|anchored| anchored.name.as_deref());
                let mut diagnostic =
                    Diagnostic::error("unknown-anchor", format!("no anchor `&{name}` stands before this `*{name}`"))
                        .at(place);
                if let Some(near) = suggest::nearest(&name, known) {
                    diagnostic = diagnostic.help(format!("did you mean `*{near}`?"));
                }
                diagnostic = diagnostic.help("put the value in quotes if the `*` belongs to it");
                self.diagnostics.push(diagnostic);
                let size = self.weigh(0, place)?;
                self.finish(Finished { node: Node::new(Data::Null, place), size, plain: false }, 0)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, children: Children, tag: Option<tags::Tag>, anchor: usize, span: &Span) -> Result<(), Stop> {
        let place = self.with_tag(self.place(span), span);
        if self.frames.len() >= MAX_DEPTH {
            self.diagnostics.push(
                Diagnostic::error("too-deep", format!("mappings and lists are nested more than {MAX_DEPTH} deep"))
                    .at(place),
            );
            return Err(Stop);
        }
        let size = self.weigh(0, place)?;
        self.open_anchor(anchor, place);
        self.frames.push(Frame { place, tag, anchor, size: Size { depth: 1, ..size }, children });
        Ok(())
    }

    fn close(&mut self, span: &Span) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let mut place = frame.place;
        place.end = self.offset(span.end.byte_offset()).max(place.start);
        let data = match frame.children {
            Children::List(items) => Data::List(items),
            Children::Map { entries, .. } => Data::Map(entries),
        };
        let node = Node::new(data, place);
        let node = match frame.tag {
            Some(tags::Tag::Function(key)) => tags::function(key, node),
            Some(tags::Tag::Merge) => merge::list(node, &mut self.diagnostics),
            _ => node,
        };
        self.finish(Finished { node, size: frame.size, plain: false }, frame.anchor)
    }

    /// Puts a complete value where it belongs: into the anchor's memory, and into the mapping or list around it.
    fn finish(&mut self, finished: Finished, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            // The anchor keeps a copy, which counts like any other.
            self.charge(finished.size.bytes, finished.node.place)?;
            if let Some(anchored) = self.anchors.get_mut(&anchor) {
                anchored.value = Some((finished.node.clone(), finished.size));
            }
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root.get_or_insert(finished.node);
            return Ok(());
        };
        frame.size.bytes += finished.size.bytes;
        frame.size.depth = frame.size.depth.max(finished.size.depth + 1);
        match &mut frame.children {
            Children::List(items) => items.push(finished.node),
            Children::Map { key: key @ None, block, .. } => {
                let place = finished.node.place;
                let text = match finished.node.data {
                    Data::String(text) => Ok(text),
                    Data::Int(value) => Ok(value.to_string()),
                    Data::Bool(value) => Ok(value.to_string()),
                    Data::Null => Ok(String::from("null")),
                    Data::Float(value) => Ok(value.to_string()),
                    data => Err(data),
                };
                let diagnostic = text.as_ref().err().map(|data| {
                    let what = Node::new(data.clone(), place).type_name();
                    Diagnostic::error("complex-key", format!("{what} cannot be a key"))
                        .at(place)
                        .help("put the text in quotes if it begins with `{`, `[` or `!`")
                });
                *key = Some((text.ok(), place, finished.plain));
                self.diagnostics.extend(diagnostic);
                if *block {
                    let indentation = &self.text[self.line_start(place.start as usize)..place.start as usize];
                    if indentation.contains('\t') && indentation.trim().is_empty() {
                        self.diagnostics.push(syntax::tab(place, indentation));
                    }
                }
            }
            Children::Map { entries, key, merged, .. } => {
                let Some((Some(text), key_place, plain)) = key.take() else { return Ok(()) };
                let found = if plain && text == "<<" {
                    merge::key(entries, merged, finished.node, key_place)
                } else {
                    merge::insert(entries, merged, text, Entry { key_place, value: finished.node })
                };
                self.diagnostics.extend(found);
            }
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Stop> {
        let place = self.place(span);
        let known = self.anchors.get(&anchor);
        let name = known.and_then(|anchored| anchored.name.clone()).unwrap_or_default();
        let Some((node, size)) = known.and_then(|anchored| anchored.value.as_ref()) else {
            let mut diagnostic =
                Diagnostic::error("alias-cycle", format!("`*{name}` stands inside the value that it refers to"))
                    .at(place);
            if let Some(anchored) = known {
                diagnostic = diagnostic.related("the anchor is here", anchored.place);
            }
            self.diagnostics.push(diagnostic);
            let size = self.weigh(0, place)?;
            return self.finish(Finished { node: Node::new(Data::Null, place), size, plain: false }, 0);
        };
        let size = *size;
        if self.frames.len() + size.depth > MAX_DEPTH {
            return self.too_deep(place);
        }
        if self.bytes.saturating_add(size.bytes) > MAX_BYTES {
            return self.charge(size.bytes, place);
        }
        let mut node = node.clone();
        let origin = Origin { how: format!("anchor `&{name}`"), place: known.map_or(place, |anchored| anchored.place) };
        node.origins.insert(0, origin);
        node.place = place;
        self.charge(size.bytes, place)?;
        self.finish(Finished { node, size, plain: false }, 0)
    }

    fn open_anchor(&mut self, anchor: usize, place: Place) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { name: None, place, value: None });
        }
    }

    fn tag(&mut self, tag: &granit_parser::Tag, span: &Span) -> Option<tags::Tag> {
        let understood = tags::understand(tag.handle(), tag.suffix());
        if understood.is_none() {
            let place = span.tag_span().map_or_else(|| self.place(span), |span| self.place(&span));
            let mut diagnostic = Diagnostic::error(
                "unknown-tag",
                format!("`{}` is not a tag that CloudFormation knows", tag.original()),
            )
            .at(place);
            diagnostic = match suggest::nearest(tag.suffix(), tags::names()) {
                Some(near) => diagnostic.help(format!("did you mean `!{near}`?")),
                None => diagnostic.help("put the value in quotes if the `!` belongs to it"),
            };
            self.diagnostics.push(diagnostic);
        }
        understood
    }

    /// Counts a new node with `text` bytes of text of its own.
    fn weigh(&mut self, text: usize, place: Place) -> Result<Size, Stop> {
        let bytes = NODE_BYTES + text;
        self.charge(bytes, place)?;
        Ok(Size { bytes, depth: 0 })
    }

    fn too_deep(&mut self, place: Place) -> Result<(), Stop> {
        let message = format!("mappings and lists are nested more than {MAX_DEPTH} deep");
        self.diagnostics.push(Diagnostic::error("too-deep", message).at(place));
        Err(Stop)
    }

    fn charge(&mut self, bytes: usize, place: Place) -> Result<(), Stop> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= MAX_BYTES {
            return Ok(());
        }
        self.diagnostics.push(
            Diagnostic::error("too-large", format!("the file takes more than {} MB when it is read", MAX_BYTES >> 20))
                .at(place)
                .help("every alias counts with all that it stands for: use fewer, or split the file"),
        );
        Err(Stop)
    }

    fn offset(&self, bytes: Option<usize>) -> u32 {
        let at = bytes.unwrap_or(0).saturating_add(self.shift).min(self.text.len());
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    fn place(&self, span: &Span) -> Place {
        let start = self.offset(span.start.byte_offset());
        Place {
            file: self.file,
            start,
            end: self.offset(span.end.byte_offset()).max(start),
            line: u32::try_from(span.start.line()).unwrap_or(u32::MAX),
            column: u32::try_from(span.start.col() + 1).unwrap_or(u32::MAX),
        }
    }

    /// A tagged value begins at its tag.
    fn with_tag(&self, place: Place, span: &Span) -> Place {
        match span.tag_span() {
            Some(tag) => Place { end: place.end.max(place.start), ..self.place(&tag) },
            None => place,
        }
    }

    fn line_start(&self, at: usize) -> usize {
        let at = self.text.floor_char_boundary(at);
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const FILE: FileId = FileId(0);

    fn plain(node: &Node) -> Value {
        match &node.data {
            Data::Null => Value::Null,
            Data::Bool(value) => json!(value),
            Data::Int(value) => json!(value),
            Data::Float(value) => json!(value),
            Data::String(text) | Data::Deferred(text) => json!(text),
            Data::List(items) => items.iter().map(plain).collect(),
            Data::Map(map) => map.iter().map(|(key, entry)| (key.clone(), plain(&entry.value))).collect(),
        }
    }

    fn read(text: &str) -> Value {
        let composed = compose(text, FILE);
        assert_eq!(composed.diagnostics, [], "{text}");
        plain(&composed.root.expect("no diagnostics"))
    }

    /// Each problem as `code line:column message`.
    fn problems(text: &str) -> Vec<String> {
        let composed = compose(text, FILE);
        let at =
            |place: Option<Place>| place.map_or_else(String::new, |place| format!("{}:{}", place.line, place.column));
        composed
            .diagnostics
            .iter()
            .map(|found| format!("{} {} {}", found.code, at(found.place), found.message))
            .collect()
    }

    #[test]
    fn documents_become_trees() {
        let table = [
            ("", json!(null)),
            ("# only a comment\n", json!(null)),
            ("a: 1\nb: [x, 'y', \"z\\n\"]\n", json!({"a": 1, "b": ["x", "y", "z\n"]})),
            ("\u{feff}a: 1\n", json!({"a": 1})),
            ("---\na: 1\n...\n", json!({"a": 1})),
            ("a:\r\n  b: c\r\n", json!({"a": {"b": "c"}})),
            ("a: '010'\nb: \"true\"\n", json!({"a": "010", "b": "true"})),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", json!({"a": "x\ny\n", "b": "x y"})),
            ("1: a\n0x10: b\ntrue: c\n~: d\n", json!({"1": "a", "16": "b", "true": "c", "null": "d"})),
            ("a:\nb: ~\n", json!({"a": null, "b": null})),
            ("a:\n- 1\n- b: 2\n  c: 3\n", json!({"a": [1, {"b": 2, "c": 3}]})),
            ("a: !!str 12\nb: !!int '12'\n", json!({"a": "12", "b": 12})),
            ("a: ${self:custom.b}\n", json!({"a": "${self:custom.b}"})),
            ("a: \"\\u00e9\\/\\ud83d\\ude00\"\n", json!({"a": "\u{e9}/\u{1f600}"})),
            (
                "{\"a\": [1, 2.5, null, true],\n\t\"b\": {\"c\": \"d\\/e\"}}",
                json!({"a": [1, 2.5, null, true], "b": {"c": "d/e"}}),
            ),
        ];
        for (text, value) in table {
            assert_eq!(read(text), value, "{text}");
        }
    }

    #[test]
    fn short_tags_become_long() {
        let table = [
            ("!Ref Table", json!({"Ref": "Table"})),
            ("!GetAtt Table.Arn", json!({"Fn::GetAtt": ["Table", "Arn"]})),
            ("!GetAtt Stack.Outputs.Url", json!({"Fn::GetAtt": ["Stack", "Outputs.Url"]})),
            ("!GetAtt [Table, Arn]", json!({"Fn::GetAtt": ["Table", "Arn"]})),
            ("!Sub 'arn:${AWS::Partition}:x'", json!({"Fn::Sub": "arn:${AWS::Partition}:x"})),
            ("!Join ['-', [a, !Ref B]]", json!({"Fn::Join": ["-", ["a", {"Ref": "B"}]]})),
            ("!If [Prod, !Ref 'AWS::NoValue', 1]", json!({"Fn::If": ["Prod", {"Ref": "AWS::NoValue"}, 1]})),
            ("!Condition Prod", json!({"Condition": "Prod"})),
            ("!Base64 text", json!({"Fn::Base64": "text"})),
            ("!GetAZs ''", json!({"Fn::GetAZs": ""})),
            (
                "!Transform {Name: Include, Parameters: {Location: x}}",
                json!({"Fn::Transform": {"Name": "Include", "Parameters": {"Location": "x"}}}),
            ),
            ("!ImportValue\n  Fn::Sub: x", json!({"Fn::ImportValue": {"Fn::Sub": "x"}})),
            ("!merge [{a: 1}, {b: 2}]", json!({"a": 1, "b": 2})),
            ("!merge [[1], [2, 3]]", json!([1, 2, 3])),
        ];
        for (text, value) in table {
            assert_eq!(read(&format!("x: {text}\n")), json!({"x": value}), "{text}");
        }
    }

    #[test]
    fn merges_fill_in_and_own_keys_win_wherever_they_stand() {
        let anchors = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\n";
        let table = [
            ("<<: *a\n  y: 9", json!({"x": 1, "y": 9})),
            ("y: 9\n  <<: *a", json!({"y": 9, "x": 1})),
            ("<<: [*a, *b]", json!({"x": 1, "y": 2, "z": 4})),
            ("<<: {q: 1}", json!({"q": 1})),
            ("'<<': *a", json!({"<<": {"x": 1, "y": 2}})),
        ];
        for (text, value) in table {
            assert_eq!(read(&format!("{anchors}c:\n  {text}\n"))["c"], value, "{text}");
        }
    }

    #[test]
    fn every_node_and_key_knows_its_place() {
        let text = "service: api\nfunctions:\n  \u{e9}t\u{e9}: {handler: !Sub 'x'}\n";
        let root = compose(text, FILE).root.expect("valid");
        let functions = root.get("functions").expect("there");
        let Data::Map(map) = &functions.data else { panic!("a mapping") };
        let key = map["\u{e9}t\u{e9}"].key_place;
        assert_eq!((key.line, key.column, &text[key.start as usize..key.end as usize]), (3, 3, "\u{e9}t\u{e9}"));
        let handler = map["\u{e9}t\u{e9}"].value.get("handler").expect("there").place;
        assert_eq!((handler.line, handler.column), (3, 18));
        assert_eq!(&text[handler.start as usize..handler.end as usize], "!Sub 'x'");
    }

    #[test]
    fn an_alias_stands_where_it_is_written_and_names_its_anchor() {
        let root = compose("a: &name {x: 1}\nb: *name\n", FILE).root.expect("valid");
        let alias = root.get("b").expect("there");
        assert_eq!((alias.place.line, alias.place.column), (2, 4));
        assert_eq!(alias.origins[0].how, "anchor `&name`");
        assert_eq!((alias.origins[0].place.line, alias.origins[0].place.column), (1, 4));
        assert_eq!(alias.get("x").expect("there").place.line, 1);
    }

    #[test]
    fn duplicate_keys_are_all_reported_with_both_places() {
        let found = compose("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", FILE).diagnostics;
        let places: Vec<_> = found.iter().map(|d| (d.place.expect("placed").line, d.related[0].1.line)).collect();
        assert_eq!(places, [(4, 3), (5, 1)]);
    }

    #[test]
    fn what_is_not_yaml_is_named_with_its_place() {
        let table = [
            ("a:\n\tb: 1\n", "yaml-tab 2:1"),
            ("a:\n  b: 1\n\tc: 2\n", "yaml-tab 3:1"),
            ("functions:\n  api:\n    \thandler: x\n", "yaml-tab 3:5"),
            ("a: 'open\n", "yaml-syntax 2:1 a quote is opened and never closed"),
            ("a: [1, 2\nb: 3\n", "yaml-syntax"),
            ("a: {b: 1\n", "yaml-syntax"),
            ("a: b: c\n", "yaml-syntax 1:5 `: ` is not expected here"),
            ("a: 1\n  b: 2\n", "yaml-syntax 2:4 `: ` is not expected here"),
            ("a: @b\n", "yaml-syntax 1:4 a value cannot begin with `@`"),
            ("a: *\n", "yaml-syntax"),
            ("a: *.js\n", "unknown-anchor 1:4 no anchor `&.js`"),
            ("a: &base 1\nb: *bse\n", "unknown-anchor 2:4"),
            ("a: &a [*a]\n", "alias-cycle 1:8"),
            ("a: !Reff b\n", "unknown-tag 1:4 `!Reff`"),
            ("a: {{ b }}\n", "complex-key 1:5 a mapping cannot be a key"),
            ("a: 1\n---\nb: 2\n", "several-documents 2:1"),
            ("<<: 1\n", "bad-merge 1:5"),
            ("a\nb: 1\n", "yaml-syntax"),
            ("%a: 1\n", "yaml-syntax"),
        ];
        for (text, start) in table {
            let found = problems(text);
            assert!(found.first().is_some_and(|first| first.starts_with(start)), "{text:?}: {found:?}");
        }
    }

    #[test]
    fn a_suggestion_comes_with_a_misspelt_tag_or_anchor() {
        assert!(compose("a: !GetAt b.c\n", FILE).diagnostics[0].help[0].contains("`!GetAtt`"));
        let found = compose("a: &base 1\nb: *bse\n", FILE).diagnostics;
        assert!(found[0].help.iter().any(|help| help.contains("`*base`")));
    }

    #[test]
    fn bombs_are_refused_before_they_go_off() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..20 {
            let alias = format!("*a{}", level - 1);
            laughs += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 9].join(", "));
        }
        assert!(problems(&laughs)[0].starts_with("too-large"));

        let mut tower = String::from("a0: &a0 [x]\n");
        for level in 1..200 {
            tower += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
        }
        assert!(problems(&tower)[0].starts_with("too-deep"));
        assert!(problems(&"[".repeat(100_000))[0].starts_with("too-deep"));
        assert!(problems(&"- ".repeat(100_000))[0].starts_with("too-deep"));

        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), ["*a"; 5000].join(", "));
        assert!(problems(&long)[0].starts_with("too-large"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            compose(&text, FILE);
        }

        #[test]
        fn no_text_that_looks_like_yaml_makes_it_panic(
            parts in proptest::collection::vec(
                prop::sample::select(vec![
                    "a", "b: ", ": ", "- ", "\n", "\n  ", "\n    ", "\t", "{", "}", "[", "]", ",", "&a ", "*a", "<<: ", "!Ref ", "!GetAtt ",
                    "'", "\"", "\\", "|", ">", "# c", "---", "...", "%", "? ", "${self:a}", "\u{e9}", "\u{feff}", "!!str ", "\r\n", "0x1", "~",
                ]),
                0..60,
            )
        ) {
            compose(&parts.concat(), FILE);
        }
    }
}
