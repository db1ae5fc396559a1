//! What differs between a resource as it is live and as the file wants it.
//!
//! Both trees were normalised by their kind. Maps are compared key by key; lists and documents are told as a whole.
//! An absent key and `Null` are the same. A value that is not known yet counts as a difference: it cannot be shown to be equal.

use std::collections::BTreeMap;

use serde_json::Number;

use super::evaluate::{holds_secret, is_known};
use super::kind::{PropertyTrait, Trait};
use super::plan::FieldChange;
use super::value::{Secret, Value};

/// The fields that differ, in the order of their paths, and those of them that cannot be changed in place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    pub fields: Vec<FieldChange>,
    /// Paths of the fields that need a new resource.
    pub forced_by: Vec<String>,
}

/// Compares a live tree with a desired one. Fields that are [`Trait::WriteOnly`] are left out: nothing is known of them.
pub fn difference(live: &Value, desired: &Value, traits: &[PropertyTrait]) -> Difference {
    let mut walk = Walk { traits: Traits::new(traits), path: Vec::new(), found: Vec::new() };
    walk.compare(present(live), present(desired), Marks::default());
    let forced_by = walk.found.iter().filter(|found| found.immutable).map(|found| found.change.path.clone()).collect();
    Difference { fields: walk.found.into_iter().map(|found| found.change).collect(), forced_by }
}

/// Makes secrets of the live texts that stand where the file has a secret or the kind says [`Trait::Sensitive`], so that
/// a live tree can be kept and printed.
pub fn seal(live: &mut Value, desired: Option<&Value>, traits: &[PropertyTrait]) {
    seal_at(live, desired, &Traits::new(traits), &mut Vec::new(), false);
}

fn seal_at(live: &mut Value, desired: Option<&Value>, traits: &Traits, path: &mut Vec<String>, inherited: bool) {
    let secret = inherited
        || traits.has(path, Trait::Sensitive)
        || desired.is_some_and(|desired| !matches!(desired, Value::Map(_)) && holds_secret(desired));
    match live {
        Value::Map(map) => {
            for (key, value) in map {
                path.push(key.clone());
                seal_at(value, desired.and_then(|desired| desired.get(key)), traits, path, secret);
                path.pop();
            }
        }
        Value::List(items) => {
            for item in items {
                path.push("*".to_owned());
                seal_at(item, None, traits, path, secret);
                path.pop();
            }
        }
        Value::String(text) if secret => *live = Value::Secret(Secret::new(std::mem::take(text))),
        _ => {}
    }
}

/// A kind's traits with their paths taken apart.
struct Traits {
    all: Vec<(Vec<&'static str>, Trait)>,
}

impl Traits {
    fn new(traits: &[PropertyTrait]) -> Self {
        Self { all: traits.iter().map(|(path, what)| (path.split('.').collect(), *what)).collect() }
    }

    /// Whether the property at exactly this path has the trait.
    fn has(&self, path: &[String], wanted: Trait) -> bool {
        self.all.iter().any(|(pattern, what)| {
            *what == wanted
                && pattern.len() == path.len()
                && pattern.iter().zip(path).all(|(pattern, key)| *pattern == "*" || pattern == key || key == "*")
        })
    }
}

/// Traits that hold for everything beneath a property.
#[derive(Clone, Copy, Default)]
struct Marks {
    immutable: bool,
    sensitive: bool,
    bookkeeping: bool,
    document: bool,
}

struct Found {
    change: FieldChange,
    immutable: bool,
}

struct Walk {
    traits: Traits,
    path: Vec<String>,
    found: Vec<Found>,
}

impl Walk {
    fn compare(&mut self, live: Option<&Value>, desired: Option<&Value>, inherited: Marks) {
        if self.traits.has(&self.path, Trait::WriteOnly) {
            return;
        }
        let marks = Marks {
            immutable: inherited.immutable || self.traits.has(&self.path, Trait::Immutable),
            sensitive: inherited.sensitive || self.traits.has(&self.path, Trait::Sensitive),
            bookkeeping: inherited.bookkeeping || self.traits.has(&self.path, Trait::Bookkeeping),
            document: inherited.document || self.traits.has(&self.path, Trait::Document),
        };
        if marks.document && !inherited.document {
            let (live, desired) = (live.map(parsed), desired.map(parsed));
            let outside = std::mem::take(&mut self.found);
            self.compare_values(live.as_ref(), desired.as_ref(), marks);
            // It is written as a whole, so it is told as a whole.
            if !std::mem::replace(&mut self.found, outside).is_empty() {
                self.report(live.as_ref(), desired.as_ref(), marks);
            }
        } else {
            self.compare_values(live, desired, marks);
        }
    }

    fn compare_values(&mut self, live: Option<&Value>, desired: Option<&Value>, marks: Marks) {
        match (live, desired) {
            (None, None) => {}
            (Some(Value::Map(live)), Some(Value::Map(desired))) => self.compare_maps(live, desired, marks),
            // Field by field also when one side has nothing yet: each field then has its own traits.
            (None, Some(Value::Map(desired))) if !desired.is_empty() => {
                self.compare_maps(&BTreeMap::new(), desired, marks);
            }
            (Some(Value::Map(live)), None) if !live.is_empty() => self.compare_maps(live, &BTreeMap::new(), marks),
            (Some(Value::List(live_items)), Some(Value::List(desired_items))) => {
                let unordered = self.traits.has(&self.path, Trait::Unordered);
                let (same, immutable) = self.same_lists(live_items, desired_items, unordered, marks);
                if !same {
                    self.report(live, desired, Marks { immutable: marks.immutable || immutable, ..marks });
                }
            }
            (Some(one), Some(other)) => {
                if !(same_leaves(one, other) || marks.document && same_as_single(one, other)) {
                    self.report(live, desired, marks);
                }
            }
            _ => self.report(live, desired, marks),
        }
    }

    fn compare_maps(&mut self, live: &BTreeMap<String, Value>, desired: &BTreeMap<String, Value>, marks: Marks) {
        let keys: std::collections::BTreeSet<&String> = live.keys().chain(desired.keys()).collect();
        for key in keys {
            self.path.push(key.clone());
            self.compare(live.get(key).and_then(present), desired.get(key).and_then(present), marks);
            self.path.pop();
        }
    }

    /// Whether two lists are the same, and whether something in them that differs cannot be changed.
    fn same_lists(&mut self, live: &[Value], desired: &[Value], unordered: bool, marks: Marks) -> (bool, bool) {
        if live.len() != desired.len() {
            return (false, false);
        }
        if !unordered {
            let differing = live.iter().zip(desired).fold(Vec::new(), |mut all, (live, desired)| {
                all.extend(self.item_difference(live, desired, marks));
                all
            });
            return (differing.is_empty(), differing.iter().any(|found| found.immutable));
        }
        let mut rest: Vec<&Value> = desired.iter().collect();
        for item in live {
            match rest.iter().position(|candidate| self.item_difference(item, candidate, marks).is_empty()) {
                Some(index) => {
                    rest.swap_remove(index);
                }
                None => return (false, false),
            }
        }
        (true, false)
    }

    fn item_difference(&mut self, live: &Value, desired: &Value, marks: Marks) -> Vec<Found> {
        let outside = std::mem::take(&mut self.found);
        self.path.push("*".to_owned());
        self.compare(present(live), present(desired), marks);
        self.path.pop();
        std::mem::replace(&mut self.found, outside)
    }

    fn report(&mut self, live: Option<&Value>, desired: Option<&Value>, marks: Marks) {
        let live_is_secret = live.is_some_and(holds_secret);
        let desired_is_secret = desired.is_some_and(holds_secret);
        let keep = |value: &Value, hide| if hide { hidden(value) } else { value.clone() };
        self.found.push(Found {
            change: FieldChange {
                path: self.path.join("."),
                // What is live beside a secret, or where one may have been, is not shown; what the file says in the
                // clear is.
                before: live.map(|live| keep(live, marks.sensitive || live_is_secret || desired_is_secret)),
                after: desired.map(|desired| keep(desired, desired_is_secret)),
                sensitive: desired_is_secret || desired.is_none() && (marks.sensitive || live_is_secret),
                bookkeeping: marks.bookkeeping,
                told: None,
            },
            immutable: marks.immutable,
        });
    }
}

/// `Null` says the same as nothing.
fn present(value: &Value) -> Option<&Value> {
    (!matches!(value, Value::Null)).then_some(value)
}

/// Every text and number in it made a secret: it stands beside one, or may have been one.
fn hidden(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(hidden).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), hidden(value))).collect()),
        Value::String(text) => Value::Secret(Secret::new(text.clone())),
        Value::Number(number) => Value::Secret(Secret::new(number.to_string())),
        other => other.clone(),
    }
}

fn same_leaves(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_numbers(one, other),
        (Value::Secret(secret), plain) | (plain, Value::Secret(secret)) => match plain {
            Value::Secret(other) => other == secret,
            Value::String(text) => text == secret.reveal(),
            Value::Number(number) => number.to_string() == secret.reveal(),
            Value::Bool(flag) => flag.to_string() == secret.reveal(),
            _ => false,
        },
        (Value::Later(_), _) | (_, Value::Later(_)) => false,
        (one, other) => one == other,
    }
}

fn same_numbers(one: &Number, other: &Number) -> bool {
    one == other || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one == other)
}

/// In a document, a list of one text says the same as the text (`"Action": "x"` and `"Action": ["x"]`).
fn same_as_single(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(items), single) | (single, Value::List(items)) => {
            matches!(items.as_slice(), [item] if !matches!(single, Value::Map(_)) && same_leaves(item, single))
        }
        _ => false,
    }
}

/// A document as a tree, when it came as text.
fn parsed(document: &Value) -> Value {
    let (text, secret) = match document {
        Value::String(text) => (text.as_str(), false),
        Value::Secret(secret) => (secret.reveal(), true),
        other => return other.clone(),
    };
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) => {
            let tree = from_json(json);
            if secret { hidden(&tree) } else { tree }
        }
        _ => document.clone(),
    }
}

/// A JSON value as a property tree.
pub fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(number) => Value::Number(number),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.into_iter().map(|(key, item)| (key, from_json(item))).collect())
        }
    }
}

/// Whether the fields hold a value that is not known yet.
pub fn waits(fields: &[FieldChange]) -> bool {
    fields.iter().any(|field| field.after.as_ref().is_some_and(|after| !is_known(after)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(json: serde_json::Value) -> Value {
        from_json(json)
    }

    fn secret(text: &str) -> Value {
        Value::Secret(Secret::new(text))
    }

    fn paths(difference: &Difference) -> Vec<&str> {
        difference.fields.iter().map(|field| field.path.as_str()).collect()
    }

    #[test]
    fn each_field_is_named_once_and_in_order() {
        let live =
            tree(json!({"Timeout": 6, "Environment": {"Variables": {"B": "1", "C": "2"}}, "Layers": ["a", "b"]}));
        let wanted = tree(json!({"MemorySize": 128, "Environment": {"Variables": {"B": "9"}}, "Layers": ["b", "a"]}));
        let found = difference(&live, &wanted, &[]);
        assert_eq!(
            paths(&found),
            ["Environment.Variables.B", "Environment.Variables.C", "Layers", "MemorySize", "Timeout"]
        );
        assert_eq!(found.fields[1].before, Some(Value::string("2")));
        assert_eq!(found.fields[1].after, None);
        assert_eq!(found.fields[3].before, None);
    }

    #[test]
    fn equal_trees_have_no_difference() {
        let live = tree(json!({"A": null, "N": 1.0, "L": [{"x": 1}]}));
        let wanted = tree(json!({"N": 1, "L": [{"x": 1, "y": null}]}));
        assert_eq!(difference(&live, &wanted, &[]), Difference::default());
    }

    #[test]
    fn an_immutable_field_forces_a_replacement_also_from_beneath() {
        let traits = [("PackageType", Trait::Immutable), ("Vpc", Trait::Immutable), ("Keys.*.Type", Trait::Immutable)];
        let live =
            tree(json!({"PackageType": "Zip", "Vpc": {"Subnets": ["a"]}, "Timeout": 1, "Keys": [{"Type": "S"}]}));
        let wanted =
            tree(json!({"PackageType": "Image", "Vpc": {"Subnets": ["b"]}, "Timeout": 2, "Keys": [{"Type": "N"}]}));
        let found = difference(&live, &wanted, &traits);
        assert_eq!(found.forced_by, ["Keys", "PackageType", "Vpc.Subnets"]);
        assert_eq!(found.fields.len(), 4);
    }

    #[test]
    fn the_order_of_an_unordered_list_means_nothing() {
        let traits = [("Ids", Trait::Unordered)];
        let of = |live, wanted| difference(&tree(live), &tree(wanted), &traits).fields.len();
        assert_eq!(of(json!({"Ids": ["a", "b", "b"]}), json!({"Ids": ["b", "a", "b"]})), 0);
        assert_eq!(of(json!({"Ids": ["a", "a", "b"]}), json!({"Ids": ["b", "a", "b"]})), 1);
        assert_eq!(of(json!({"Ids": ["a"]}), json!({"Ids": ["a", "b"]})), 1);
    }

    #[test]
    fn documents_are_compared_by_meaning() {
        let traits = [("Policy", Trait::Document), ("Policies.*.Document", Trait::Document)];
        let live = tree(json!({
            "Policy": r#"{"Version":"2012-10-17","Statement":[{"Action":["s3:Get"],"Effect":"Allow"}]}"#,
            "Policies": [{"Document": "{\"a\": 1}"}],
        }));
        let wanted = tree(json!({
            "Policy": {"Statement": [{"Effect": "Allow", "Action": "s3:Get"}], "Version": "2012-10-17"},
            "Policies": [{"Document": {"a": 1}}],
        }));
        assert_eq!(difference(&live, &wanted, &traits), Difference::default());
        let other = tree(json!({"Policy": {"Statement": [], "Version": "2012-10-17"}, "Policies": []}));
        assert_eq!(paths(&difference(&live, &other, &traits)), ["Policies", "Policy"]);
    }

    #[test]
    fn secrets_are_compared_and_never_shown() {
        let mut wanted = tree(json!({"Variables": {"PLAIN": "x"}}));
        let Value::Map(map) = &mut wanted else { unreachable!() };
        let Some(Value::Map(variables)) = map.get_mut("Variables") else { unreachable!() };
        variables.insert("SAME".into(), secret("token-1"));
        variables.insert("OTHER".into(), secret("token-2"));
        let live = tree(json!({"Variables": {"PLAIN": "x", "SAME": "token-1", "OTHER": "token-0", "GONE": "token-3"}}));
        let traits = [("Variables.GONE", Trait::Sensitive)];
        let found = difference(&live, &wanted, &traits);
        assert_eq!(paths(&found), ["Variables.GONE", "Variables.OTHER"]);
        assert!(found.fields.iter().all(|field| field.sensitive));
        assert!(!format!("{found:?}").contains("token"), "{found:?}");

        let mut kept = live;
        seal(&mut kept, Some(&wanted), &traits);
        assert!(!format!("{kept:?}").contains("token"), "{kept:?}");
        assert_eq!(kept.at(&["Variables", "PLAIN"]), Some(&Value::string("x")));
        assert_eq!(difference(&kept, &wanted, &traits).fields.len(), 2);
    }

    #[test]
    fn where_a_secret_may_have_been_only_what_the_file_says_is_shown() {
        let (live, wanted) = (tree(json!({"Env": {"MODE": "token-1"}})), tree(json!({"Env": {"MODE": "plain"}})));
        let found = difference(&live, &wanted, &[("Env.*", Trait::Sensitive)]);
        assert_eq!(found.fields[0].before, Some(secret("token-1")));
        assert_eq!(found.fields[0].after, Some(Value::string("plain")));
        assert!(!found.fields[0].sensitive);
    }

    #[test]
    fn what_is_never_read_back_makes_no_difference() {
        let traits = [("Code", Trait::WriteOnly)];
        let found = difference(&tree(json!({})), &tree(json!({"Code": {"S3Key": "k"}})), &traits);
        assert_eq!(found, Difference::default());
    }

    #[test]
    fn our_own_mark_is_a_difference_that_nobody_sees() {
        let traits = [("Tags.hoist:applied", Trait::Bookkeeping)];
        let found = difference(
            &tree(json!({"Tags": {"hoist:applied": "1"}})),
            &tree(json!({"Tags": {"hoist:applied": "2"}})),
            &traits,
        );
        assert!(found.fields.len() == 1 && found.fields[0].bookkeeping);
    }

    #[test]
    fn what_is_not_known_yet_is_a_difference() {
        let wanted = Value::Map(BTreeMap::from([("Role".to_owned(), Value::attribute("Role", "Arn"))]));
        let found = difference(&tree(json!({"Role": "arn:1"})), &wanted, &[]);
        assert_eq!(paths(&found), ["Role"]);
        assert!(waits(&found.fields));
    }
}
