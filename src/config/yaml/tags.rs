//! CloudFormation's short tags (`!Ref`, `!GetAtt`, …) in their long form, and the core schema's own (`!!str`).

use indexmap::IndexMap;

use super::scalar;
use crate::config::node::{Data, Entry, Node, Place};

/// The functions that have a short tag, by the tag's name.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>
const FUNCTIONS: &[(&str, &str)] = &[
    ("And", "Fn::And"),
    ("Base64", "Fn::Base64"),
    ("Cidr", "Fn::Cidr"),
    ("Condition", "Condition"),
    ("Contains", "Fn::Contains"),
    ("EachMemberEquals", "Fn::EachMemberEquals"),
    ("EachMemberIn", "Fn::EachMemberIn"),
    ("Equals", "Fn::Equals"),
    ("FindInMap", "Fn::FindInMap"),
    ("GetAZs", "Fn::GetAZs"),
    ("GetAtt", "Fn::GetAtt"),
    ("If", "Fn::If"),
    ("ImportValue", "Fn::ImportValue"),
    ("Join", "Fn::Join"),
    ("Length", "Fn::Length"),
    ("Not", "Fn::Not"),
    ("Or", "Fn::Or"),
    ("Ref", "Ref"),
    ("RefAll", "Fn::RefAll"),
    ("Select", "Fn::Select"),
    ("Split", "Fn::Split"),
    ("Sub", "Fn::Sub"),
    ("ToJsonString", "Fn::ToJsonString"),
    ("Transform", "Fn::Transform"),
    ("ValueOf", "Fn::ValueOf"),
    ("ValueOfAll", "Fn::ValueOfAll"),
];

/// A tag that stands before a node, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A CloudFormation function: the long form's key.
    Function(&'static str),
    /// `!!str` and `!`: the text as it is written.
    Text,
    /// `!!int`, `!!float`, `!!bool`, `!!null`: what the plain scalar means; `!!map` and `!!seq` say what is seen anyway.
    Core,
    /// `!merge`: the framework's own, one mapping (or list) of several.
    Merge,
}

/// Understands a tag by its resolved handle and suffix; `None` for one that nothing here knows.
pub fn understand(handle: &str, suffix: &str) -> Option<Tag> {
    match (handle, suffix) {
        ("!", "") | ("", "!") | ("tag:yaml.org,2002:", "str") => Some(Tag::Text),
        ("tag:yaml.org,2002:", "int" | "float" | "bool" | "null" | "map" | "seq" | "merge") => Some(Tag::Core),
        ("!", "merge") => Some(Tag::Merge),
        ("!", name) => {
            FUNCTIONS.binary_search_by_key(&name, |(tag, _)| tag).ok().map(|at| Tag::Function(FUNCTIONS[at].1))
        }
        _ => None,
    }
}

/// The names of the short tags, for a suggestion.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(tag, _)| *tag)
}

/// A scalar under a tag.
pub fn scalar(tag: Tag, text: String, quoted: bool, place: Place) -> Node {
    match tag {
        Tag::Text => Node::new(Data::String(text), place),
        Tag::Core => Node::new(scalar::plain(&text), place),
        Tag::Function(key) => {
            let argument = if quoted { Data::String(text) } else { scalar::plain(&text) };
            function(key, Node::new(argument, place))
        }
        Tag::Merge => Node::new(Data::String(text), place),
    }
}

/// The long form of a function: `{key: argument}`. `GetAtt`'s string is split at its first dot, as CloudFormation does.
pub fn function(key: &str, argument: Node) -> Node {
    let place = argument.place;
    let argument = match argument.data {
        Data::String(text) if key == "Fn::GetAtt" => {
            let (name, attribute) = text.split_once('.').unwrap_or((&text, ""));
            let parts = [name, attribute].map(|part| Node::new(Data::String(part.to_owned()), place));
            Node { data: Data::List(parts.into()), ..Node::new(Data::Null, place) }
        }
        data => Node { data, ..argument },
    };
    let map = IndexMap::from([(key.to_owned(), Entry { key_place: place, value: argument })]);
    Node::new(Data::Map(map), place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(FUNCTIONS.is_sorted_by_key(|(tag, _)| *tag));
    }
}
