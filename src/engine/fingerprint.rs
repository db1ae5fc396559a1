//! A short digest of everything desired beneath a resource, kept in the resource itself, so that an unchanged
//! resource's children need not be read.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::resource::{Desired, DesiredState};
use super::value::{Expression, MASK, Value};

/// Between the digest and the types of what outlives the resource.
const LEFT: char = '-';
/// Between those types.
const AND: char = '/';

/// What is there of a resource when the one that it stands beneath is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Nothing,
    /// It is found by looking for its own type.
    Itself,
    /// It is found by looking for everything.
    Unsaid,
}

/// Digest of resources and their properties: 20 hexadecimal digits, the same on every run and machine and for any
/// order of `children`. A secret counts by its place only, never by its text; what is not known yet counts as the
/// expression that it is. Behind it the types of what is `left` of them without the resource, where they say all.
pub fn fingerprint<'a>(children: impl IntoIterator<Item = &'a Desired>, left: impl Fn(&Desired) -> Left) -> String {
    let mut children: Vec<&Desired> = children.into_iter().collect();
    children.sort_by(|a, b| a.address.cmp(&b.address));
    let mut digest = Sha256::new();
    let mut types = BTreeSet::new();
    let mut all_is_said = true;
    for child in children {
        text(&mut digest, &child.address.kind);
        text(&mut digest, &child.address.logical_id);
        value(&mut digest, &child.properties);
        match left(child) {
            Left::Nothing => {}
            Left::Itself => drop(types.insert(child.address.kind.as_str())),
            Left::Unsaid => all_is_said = false,
        }
    }
    let mut fingerprint = hexadecimal(&digest.finalize()[..10]);
    if all_is_said {
        fingerprint.push(LEFT);
        fingerprint.push_str(&Vec::from_iter(types).join(&AND.to_string()));
    }
    fingerprint
}

/// The types of what stays when the resource of this fingerprint goes; `None` where it does not say.
pub fn types_left(fingerprint: &str) -> Option<Vec<&str>> {
    let (_, types) = fingerprint.split_once(LEFT)?;
    Some(types.split(AND).filter(|name| !name.is_empty()).collect())
}

/// Digest of everything that a file wants, by the same rules.
pub fn of_all(desired: &DesiredState) -> String {
    fingerprint(&desired.resources, |_| Left::Unsaid)
}

/// Bytes as hexadecimal digits, two each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first bytes of a text's SHA-256 in hexadecimal: `2 * bytes` digits that tell texts apart.
pub fn short_digest(text: &str, bytes: usize) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes())[..bytes])
}

/// Adds a property tree to a digest: every value with a letter for its type and, where it has one, its length, so
/// that no two trees give the same bytes. Secrets count by their place only.
pub fn value(digest: &mut Sha256, tree: &Value) {
    match tree {
        Value::Null => digest.update(b"n"),
        Value::Bool(flag) => digest.update(if *flag { b"t" } else { b"f" }),
        Value::Number(number) => {
            digest.update(b"#");
            text(digest, &number.to_string());
        }
        Value::String(string) => {
            digest.update(b"s");
            text(digest, string);
        }
        Value::Secret(_) => {
            digest.update(b"x");
            text(digest, MASK);
        }
        Value::List(items) => list(digest, items),
        Value::Map(map) => {
            digest.update(b"m");
            length(digest, map.len());
            for (key, item) in map {
                text(digest, key);
                value(digest, item);
            }
        }
        Value::Later(expression) => later(digest, expression),
    }
}

fn later(digest: &mut Sha256, expression: &Expression) {
    match expression {
        Expression::Attribute { logical_id, attribute } => {
            digest.update(b"a");
            text(digest, logical_id);
            text(digest, attribute);
        }
        Expression::Join { separator, parts } => {
            digest.update(b"j");
            text(digest, separator);
            list(digest, parts);
        }
        Expression::Select { index, from } => {
            digest.update(b"i");
            length(digest, *index);
            value(digest, from);
        }
        Expression::Split { separator, text: whole } => {
            digest.update(b"p");
            text(digest, separator);
            value(digest, whole);
        }
        Expression::Base64(inner) => {
            digest.update(b"b");
            value(digest, inner);
        }
    }
}

fn list(digest: &mut Sha256, items: &[Value]) {
    digest.update(b"l");
    length(digest, items.len());
    for item in items {
        value(digest, item);
    }
}

fn text(digest: &mut Sha256, text: &str) {
    length(digest, text.len());
    digest.update(text.as_bytes());
}

fn length(digest: &mut Sha256, length: usize) {
    digest.update((length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::address::Address;
    use crate::engine::value::Secret;

    fn child(logical_id: &str, property: Value) -> Desired {
        Desired {
            address: Address::new("AWS::Lambda::Permission", logical_id),
            properties: Value::Map(BTreeMap::from([("P".to_owned(), property)])),
            depends_on: Vec::new(),
            parent: None,
            fingerprint: None,
            hints: BTreeMap::new(),
        }
    }

    fn fingerprint<'a>(children: impl IntoIterator<Item = &'a Desired>) -> String {
        super::fingerprint(children, |_| Left::Unsaid)
    }

    #[test]
    fn it_tells_what_outlives_the_resource() {
        let (a, b) = (child("A", Value::string("x")), child("B", Value::string("y")));
        let mapping = |id: &str| Desired {
            address: Address::new("AWS::Lambda::EventSourceMapping", id),
            ..child(id, Value::Null)
        };
        let left = |child: &Desired| match child.address.logical_id.as_str() {
            "A" => Left::Unsaid,
            "B" => Left::Nothing,
            _ => Left::Itself,
        };
        let of = |children: &[&Desired]| super::fingerprint(children.iter().copied(), left);
        let (all, none) = (of(&[&a, &b, &mapping("M")]), of(&[&b]));
        assert_eq!((types_left(&all), types_left(&none), types_left(&of(&[]))), (None, Some(vec![]), Some(vec![])));
        let some = of(&[&mapping("N"), &b, &mapping("M")]);
        assert_eq!(types_left(&some), Some(vec!["AWS::Lambda::EventSourceMapping"]));
    }

    #[test]
    fn order_does_not_matter_and_every_property_does() {
        let (a, b) = (child("A", Value::string("x")), child("B", Value::attribute("Api", "Ref")));
        assert_eq!(fingerprint([&a, &b]), fingerprint([&b, &a]));
        assert_eq!(fingerprint([&a, &b]).len(), 20);
        let changed = child("B", Value::attribute("Api", "Arn"));
        assert_ne!(fingerprint([&a, &b]), fingerprint([&a, &changed]));
        assert_ne!(fingerprint([&a]), fingerprint([&a, &b]));
        assert_ne!(fingerprint([&child("A", Value::Bool(true))]), fingerprint([&child("A", Value::string("true"))]));
    }

    #[test]
    fn a_secret_counts_by_its_place_only() {
        let with = |text: &str| fingerprint([&child("A", Value::Secret(Secret::new(text)))]);
        assert_eq!(with("one"), with("another"));
    }
}
