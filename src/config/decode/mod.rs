//! Turns nodes into typed values, collecting every problem with its place instead of stopping at the first.

mod cf;
mod choice;
mod collections;
mod forms;
mod free;
mod object;
#[cfg(test)]
pub mod sample;
mod scalars;
mod schema;
mod text;

use indexmap::IndexMap;
use serde_json::Value;

use super::diagnostic::{Diagnostic, left_out};
use super::node::{Data, Entry, Node, Place};

pub use super::suggest::nearest;
pub use cf::{Cf, CfList, CfOr};
pub(crate) use choice::{alternatives, keywords};
pub use choice::{forms_schema, ignores_case, one_of, words_schema};
pub use forms::{Short, Shorthand, Toggle, mapping_at, string_at};
pub use free::FreeMapping;
pub(crate) use object::object;
pub use object::{FieldInfo, Places, Shape, expects_object, field_schema, object_schema, prose};
pub use scalars::Bounded;
pub use schema::{Schemas, or_variable};
pub(crate) use text::text;
pub use text::{Form, text_schema};

/// What can be read from a node of the configuration.
pub trait Decode: Sized {
    /// Whether `null` means something here; elsewhere `null` is as good as absent.
    const KEEPS_NULL: bool = false;

    /// What `''` is where the value may be left out.
    const EMPTY: Empty = Empty::Value;

    /// Reads the node; problems go to `cx`. `None` when nothing usable is left.
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self>;

    /// The value of a key that is not there; `None` when the key is required.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether the node has the shape of this type, so that a union can choose between its forms.
    fn fits(node: &Node) -> bool;

    /// What a person would call a value of this type: `a whole number from 128 to 10240`.
    fn expects() -> String;

    /// The JSON Schema of a value; named types add themselves to `schemas` and give a reference.
    fn schema(schemas: &mut Schemas) -> Value;
}

/// What an empty text is, in place of a value that may be left out: files give one where a setting is for some stages only
/// (`${self:custom.authorizer.${sls:stage}, ''}`).
#[derive(Clone, Copy, Debug)]
pub enum Empty {
    /// A text like any other.
    Value,
    /// As good as nothing.
    Absent,
    /// As good as nothing, which is said with what follows from it.
    Told(&'static str),
}

/// One step from a value to a value inside it.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// Where the decoder stands, and what it found so far.
#[derive(Debug, Default)]
pub struct Decoder {
    path: Vec<Step>,
    diagnostics: Vec<Diagnostic>,
    /// Addresses of the mappings that short forms stand for, outermost first: nobody wrote their keys, so paths leave
    /// them out.
    expanded: Vec<usize>,
}

impl Decoder {
    /// A decoder at the root of a configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything that was reported, in the order of the file's keys.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// The dotted path of the current value: `functions.api.events[0].http`.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path
    }

    /// The key that the current value stands under; empty at the root and in lists.
    pub fn key(&self) -> &str {
        match self.path.last() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }

    /// The position in a list that the current value stands at; 0 elsewhere.
    pub fn index(&self) -> usize {
        match self.path.last() {
            Some(Step::Index(index)) => *index,
            _ => 0,
        }
    }

    /// Reads something beneath a key.
    pub fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step::Key(key.to_owned()));
        let value = read(self);
        self.path.pop();
        value
    }

    /// Reads the mapping that a short form stands for.
    fn within_expanded<T>(&mut self, long: &Node, read: impl FnOnce(&mut Self) -> T) -> T {
        self.expanded.push(address(long));
        let value = read(self);
        self.expanded.pop();
        value
    }

    /// Reads an item of a list.
    pub fn within_item<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step::Index(index));
        let value = read(self);
        self.path.pop();
        value
    }

    /// Adds a finished diagnostic.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// An error about `node`, as `path: problem`; the caller may add help before reporting it.
    pub fn error(&self, code: &'static str, node: &Node, problem: impl std::fmt::Display) -> Diagnostic {
        let path = self.path();
        let message = if path.is_empty() { problem.to_string() } else { format!("{path}: {problem}") };
        with_origins(Diagnostic::error(code, message).path(path).at(node.place), node)
    }

    /// A warning about `node`, as `path: problem`.
    pub fn warning(&self, code: &'static str, node: &Node, problem: impl std::fmt::Display) -> Diagnostic {
        self.error(code, node, problem).as_warning()
    }

    /// Says that a value has the wrong type; of a variable that only live state can resolve, that it is left out.
    pub fn wrong_type(&mut self, node: &Node, expected: &str) {
        self.wrong_type_with(node, expected, None);
    }

    /// As [`Self::wrong_type`], with a sentence that says what to write.
    pub fn wrong_type_with(&mut self, node: &Node, expected: &str, help: Option<String>) {
        if matches!(node.data, Data::Deferred(_)) {
            self.left_out(node);
            return;
        }
        let found = describe(node);
        let mut diagnostic = self.error("wrong-type", node, format!("expected {expected}, found {found}"));
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        if intrinsic(node).is_some() {
            diagnostic = diagnostic.help(
                "CloudFormation functions cannot be used here: hoist needs the value before anything is deployed",
            );
        }
        if expected.contains("boolean")
            && let Some(meant) = node.as_str().and_then(boolean_word)
        {
            diagnostic =
                diagnostic.help(format!("YAML 1.2 reads `yes`, `no`, `on` and `off` as strings: write `{meant}`"));
        }
        self.report(diagnostic);
    }

    /// Says of a variable that only live state can resolve that nothing could be made of it here; once for each place.
    pub fn left_out(&mut self, node: &Node) {
        let Data::Deferred(variable) = &node.data else { return };
        let told = |known: &Diagnostic| known.code == "needs-account" && known.place == Some(node.place);
        if self.diagnostics.iter().any(told) {
            return;
        }
        let diagnostic = self.warning("needs-account", node, left_out(variable));
        self.report(diagnostic);
    }

    /// The entries of a mapping, or an error that says what was expected.
    pub fn mapping<'a>(
        &mut self,
        node: &'a Node,
        expected: impl FnOnce() -> String,
    ) -> Option<&'a IndexMap<String, Entry>> {
        match &node.data {
            Data::Map(map) => Some(map),
            _ => {
                self.wrong_type(node, &expected());
                None
            }
        }
    }

    /// Reads the first of several spellings of a key; an absent required key is an error.
    pub fn field<T: Decode>(
        &mut self,
        map: &IndexMap<String, Entry>,
        keys: &[&'static str],
        owner: &Node,
    ) -> Option<T> {
        for key in keys {
            let Some(entry) = map.get(*key) else { continue };
            if matches!(entry.value.data, Data::Null) && !T::KEEPS_NULL {
                continue;
            }
            let read = match self.expanded.last() == Some(&address(owner)) {
                true => T::decode(&entry.value, self),
                false => self.within(key, |cx| T::decode(&entry.value, cx)),
            };
            // What could not be read was reported, or only an account knows it: it counts as absent, so that the rest
            // is still checked.
            let read = read.or_else(T::absent);
            if read.is_none() {
                self.within(key, |cx| cx.left_out(&entry.value));
            }
            return read;
        }
        let absent = T::absent();
        if absent.is_none() {
            let key = keys.first().copied().unwrap_or_default();
            let mut diagnostic = self.error("missing-key", owner, format!("`{key}` is missing"));
            if map.get(key).is_some() {
                diagnostic = diagnostic.help(format!("`{key}` is there but empty (`null`)"));
            }
            diagnostic = diagnostic.help(format!("add `{key}`: {}", T::expects()));
            self.report(diagnostic);
        }
        absent
    }
}

/// Where a node lies in memory, to know it again while it is borrowed.
fn address(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}

/// Adds the places behind a value: the anchor, the file that a variable read.
fn with_origins(mut diagnostic: Diagnostic, node: &Node) -> Diagnostic {
    for origin in &node.origins {
        diagnostic = diagnostic.related(origin.how.clone(), origin.place);
    }
    diagnostic
}

/// The value of a node in an error text; secrets and long values are not shown.
pub fn describe(node: &Node) -> String {
    if node.secret {
        return format!("{} (a secret)", node.type_name());
    }
    match &node.data {
        Data::String(text) if text.chars().count() <= 60 => format!("the string `{text}`"),
        Data::Bool(value) => format!("`{value}`"),
        Data::Int(value) => format!("the number {value}"),
        Data::Float(value) => format!("the number {value}"),
        Data::Map(_) => match intrinsic(node) {
            Some((name, _)) => format!("the CloudFormation function `{name}`"),
            None => "a mapping".to_owned(),
        },
        _ => node.type_name().to_owned(),
    }
}

/// A scalar as it is written, for messages like `64 is below the minimum of 128`; masked when secret.
pub fn shown(node: &Node) -> String {
    if node.secret {
        return "••••••".to_owned();
    }
    match &node.data {
        Data::String(text) if text.chars().count() > 80 => {
            format!("`{}…`", text.chars().take(77).collect::<String>())
        }
        Data::String(text) => format!("`{text}`"),
        Data::Bool(value) => value.to_string(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => value.to_string(),
        _ => node.type_name().to_owned(),
    }
}

/// The function and its argument, when the node is a CloudFormation intrinsic: `{Ref: x}`, `{"Fn::Sub": x}`.
pub fn intrinsic(node: &Node) -> Option<(&str, &Node)> {
    let Data::Map(map) = &node.data else { return None };
    if map.len() != 1 {
        return None;
    }
    let (name, entry) = map.first()?;
    (name == "Ref" || name == "Condition" || name.starts_with("Fn::")).then_some((name.as_str(), &entry.value))
}

fn boolean_word(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => Some(true),
        "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// The place of a key in a mapping, for problems with the key itself.
pub fn key_place(node: &Node, key: &str) -> Place {
    match &node.data {
        Data::Map(map) => map.get(key).map_or(node.place, |entry| entry.key_place),
        _ => node.place,
    }
}

#[cfg(test)]
#[expect(dead_code, reason = "the samples declare more than the tests ask for")]
mod tests {
    use super::*;

    object! {
        /// A sample object.
        pub struct Sample {
            /// A number.
            size "size" = 5: Option<Bounded<1, 10>>,
            /// A word.
            colour "colour" | "color": Option<Colour>,
            /// A switch.
            cors "cors": Option<Toggle<Inner>>,
            /// A list.
            names "names": Vec<String>,
            /// Needed.
            name "name": Code,
        }
        ignored { "old": "it is old" }
        noted { "loud": "nobody hears it" }
        refused { "never": "write `name`" }
    }

    object! {
        /// An inner object.
        pub struct Inner {
            /// A number.
            depth "depth": i64,
        }
    }

    keywords! {
        /// Colours.
        pub enum Colour {
            Red = "red" | "RED",
            Green = "green",
        }
    }

    text! {
        /// A code.
        pub struct Code: "a code of capital letters", pattern "^[A-Z]+$", max 4
    }

    fn decode(yaml: &str) -> (Option<Sample>, String) {
        let mut cx = Decoder::new();
        let sample = cx.within("sample", |cx| Sample::decode(&sample::node(yaml), cx));
        (sample, sample::summary(&cx.into_diagnostics()))
    }

    #[test]
    fn every_problem_is_reported_with_its_place() {
        let (sample, problems) = decode(
            "size: 64\ncolour: gren\ncors: yes\nnames: [a, {b: c}, 3]\nname: abc\nsiez: 1\nold: x\nloud: x\nnever: x\n",
        );
        insta::assert_snapshot!(problems, @r"
        6:1 error[unknown-key] sample.siez: unknown key
        8:1 warning[ignored-key] sample.loud: has no effect: nobody hears it
        9:1 error[refused-key] sample.never: is not supported by hoist
        1:7 error[out-of-range] sample.size: 64 is above the maximum of 10
        2:9 error[unknown-value] sample.colour: `gren` is not one of `red`, `green`
        3:7 error[wrong-type] sample.cors: expected a boolean (`true` or `false`), or a mapping (`depth`), found the string `yes`
        4:12 error[wrong-type] sample.names[1]: expected a string, found a mapping
        5:7 error[bad-format] sample.name: `abc` is not a code of capital letters
        ");
        let sample = sample.expect("what could be read is there");
        assert_eq!(sample.names, ["a", "3"]);
        assert_eq!(sample.size.map(Bounded::get), Some(64));
        assert_eq!(sample.place_of("size").line, 1);
    }

    #[test]
    fn a_missing_key_is_an_error_and_null_is_missing() {
        let (sample, problems) = decode("size: null\nname: null\n");
        assert!(sample.is_none());
        assert_eq!(problems, "1:1 error[missing-key] sample: `name` is missing");
    }

    #[test]
    fn coerces_as_the_framework_does() {
        let (sample, problems) = decode("size: '7'\ncolor: RED\ncors: 'true'\nnames: one\nname: ABC\n");
        assert_eq!(problems, "");
        let sample = sample.expect("a sample");
        assert_eq!((sample.size.map(Bounded::get), sample.colour), (Some(7), Some(Colour::Red)));
        assert!(sample.cors.is_some_and(|cors| cors.is_on()));
        assert_eq!(sample.names, ["one"]);
    }

    #[test]
    fn hints_at_words_that_are_no_booleans_and_units_that_are_no_numbers() {
        let mut cx = Decoder::new();
        assert_eq!(bool::decode(&sample::node("yes"), &mut cx), None);
        assert_eq!(Bounded::<128, 10240>::decode(&sample::node("1536MB"), &mut cx).map(Bounded::get), Some(1536));
        let found = cx.into_diagnostics();
        assert!(found[0].help[0].contains("write `true`"), "{:?}", found[0].help);
        assert_eq!(found[1].help, ["write `1536`"]);
    }

    #[test]
    fn secrets_do_not_reach_a_message() {
        let mut node = sample::node("hunter2");
        node.secret = true;
        let mut cx = Decoder::new();
        Code::decode(&node, &mut cx);
        i64::decode(&node, &mut cx);
        Colour::decode(&node, &mut cx);
        let found = cx.into_diagnostics();
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|found| !format!("{found:?}").contains("hunter2")), "{found:?}");
    }

    #[test]
    fn a_variable_that_is_not_known_yet_is_no_error_and_not_lost_in_silence() {
        let mut node = sample::node("x");
        node.data = Data::Deferred("${ssm:/size}".to_owned());
        let mut cx = Decoder::new();
        assert_eq!(Option::<Bounded<1, 10>>::decode(&node, &mut cx), Some(None));
        assert_eq!(Option::<bool>::decode(&node, &mut cx), Some(None));
        assert_eq!(Code::decode(&node, &mut cx).as_deref(), Some("${ssm:/size}"));
        // That it counts as absent is said, and once.
        assert_eq!(
            sample::summary(&cx.into_diagnostics()),
            "1:1 warning[needs-account] only an account knows `${ssm:/size}`, and what depends on it is left out here"
        );
    }
}
