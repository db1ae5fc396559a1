//! The tree that a configuration file is read into: values that remember where they stand.

use std::sync::Arc;

use indexmap::IndexMap;

use super::secrets::Secrets;

/// A file that was read, by its position in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A stretch of one file: byte offsets into its text, and the line and column (both from 1) of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
    pub line: u32,
    pub column: u32,
}

/// The texts of all files that took part in a load, so that a diagnostic can show a line of any of them, and what no
/// diagnostic may show.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// What came out of the files' variables and is secret.
    pub secrets: Secrets,
}

/// One file as it was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as the user would write it, relative to the service directory where it lies inside.
    pub path: String,
    pub text: Arc<str>,
}

impl Sources {
    /// Keeps a file's text and gives the id that its nodes carry.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push(SourceFile { path: path.into(), text: text.into() });
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// The file behind an id; `None` for an id of another load.
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }
}

/// A value of the configuration with its place.
#[derive(Clone, PartialEq)]
pub struct Node {
    pub data: Data,
    /// Where the value stands: for a value that came out of a variable, the place of the variable.
    pub place: Place,
    /// Where else it came from, nearest first: the anchor behind an alias, the file behind `${file(..)}`.
    pub origins: Vec<Origin>,
    /// Whether the value, or anything it was made from, must never be shown.
    pub secret: bool,
    /// How to ask for the value again, when it came out of a variable.
    pub reference: Option<Reference>,
}

/// The variables that a value came out of, as they can be asked again: `postgres://shop:${ssm:/db/password}@db`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub text: Arc<str>,
    /// Whether only this may be kept, and not the value: it is a secret, or it is the machine's and not the file's.
    pub private: bool,
}

/// A further place that a value came from, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    pub how: String,
    pub place: Place,
}

/// What a node holds. CloudFormation's short tags are already in their long form (`{"Fn::GetAtt": [..]}`).
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    List(Vec<Node>),
    Map(IndexMap<String, Entry>),
    /// A variable that only live state can resolve (`${aws:accountId}`, `${ssm:/x}`) when no account is at hand:
    /// the text as written.
    Deferred(String),
}

/// A value of a mapping, with the place of its key.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key_place: Place,
    pub value: Node,
}

/// A secret shows its place and not its value, wherever a tree is printed.
impl std::fmt::Debug for Node {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Node");
        match self.secret {
            true => shown.field("data", &"••••••"),
            false => shown.field("data", &self.data),
        };
        shown.field("place", &self.place).field("origins", &self.origins).finish()
    }
}

impl Node {
    /// A plain node with no origins.
    pub fn new(data: Data, place: Place) -> Self {
        Self { data, place, origins: Vec::new(), secret: false, reference: None }
    }

    /// The value under `key`, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.data {
            Data::Map(map) => map.get(key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The variable as it is written, when only live state can resolve it.
    pub fn as_variable(&self) -> Option<&str> {
        match &self.data {
            Data::Deferred(variable) => Some(variable),
            _ => None,
        }
    }

    /// The text, when this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// What a person would call this value: `a string`, `a mapping`, `null`.
    pub fn type_name(&self) -> &'static str {
        match &self.data {
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Int(_) => "a whole number",
            Data::Float(_) => "a number",
            Data::String(_) => "a string",
            Data::List(_) => "a list",
            Data::Map(_) => "a mapping",
            Data::Deferred(_) => "a variable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let place = Place { file: FileId(0), start: 0, end: 7, line: 1, column: 1 };
        let mut node = Node::new(Data::String("hunter2".to_owned()), place);
        assert!(format!("{node:?}").contains("hunter2"));
        node.secret = true;
        assert!(!format!("{node:?}").contains("hunter2"));
    }
}
