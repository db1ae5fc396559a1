//! A short digest of everything desired beneath a resource, kept in the resource itself, so that an unchanged
//! resource's children need not be read.

use sha2::{Digest, Sha256};

use super::resource::Desired;
use super::value::{Expression, MASK, Value};

/// Ends the fingerprint of a resource beneath which nothing outlives it.
const NOTHING_OUTLIVES: &str = "-";

/// Digest of resources and their properties: 20 hexadecimal digits, the same on every run and machine and for any
/// order of `children`, and a hyphen where none of them `outlives` what it stands beneath. A secret counts by its place
/// only, never by its text; what is not known yet counts as the expression that it is.
pub fn fingerprint<'a>(children: impl IntoIterator<Item = &'a Desired>, outlives: impl Fn(&Desired) -> bool) -> String {
    let mut children: Vec<&Desired> = children.into_iter().collect();
    let end = if children.iter().any(|child| outlives(child)) { "" } else { NOTHING_OUTLIVES };
    children.sort_by(|a, b| a.address.cmp(&b.address));
    let mut digest = Sha256::new();
    for child in children {
        text(&mut digest, &child.address.kind);
        text(&mut digest, &child.address.logical_id);
        value(&mut digest, &child.properties);
    }
    hexadecimal(&digest.finalize()[..10]) + end
}

/// Bytes as hexadecimal digits, two each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first bytes of a text's SHA-256 in hexadecimal: `2 * bytes` digits that tell texts apart.
pub fn short_digest(text: &str, bytes: usize) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes())[..bytes])
}

/// Whether a fingerprint says that everything beneath goes when the resource itself goes.
pub fn nothing_outlives(fingerprint: &str) -> bool {
    fingerprint.ends_with(NOTHING_OUTLIVES)
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
        super::fingerprint(children, |_| true)
    }

    #[test]
    fn it_tells_whether_anything_outlives_the_resource() {
        let (a, b) = (child("A", Value::string("x")), child("B", Value::string("y")));
        let outlives = |child: &Desired| child.address.logical_id == "A";
        assert!(!nothing_outlives(&super::fingerprint([&a, &b], outlives)));
        assert!(nothing_outlives(&super::fingerprint([&b], outlives)));
        assert!(nothing_outlives(&super::fingerprint([], outlives)));
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
