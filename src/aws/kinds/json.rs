//! Request bodies made of property trees, and trees made of answers, for services whose JSON has CloudFormation's names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::properties::{as_text, from_json, is_empty, text_map, to_json};
use crate::aws::client::{Aws, incomplete};
use crate::aws::ownership::is_reserved;
use crate::aws::signed::{Signed, segment};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress;
use crate::engine::plan::FieldChange;
use crate::engine::value::Value;

/// The listed properties as members of a request, secrets in the clear; what has no value is left out.
pub fn pick(properties: &Value, keys: &[&str]) -> Map<String, Json> {
    keys.iter()
        .filter_map(|key| Some(((*key).to_owned(), properties.get(key).filter(|value| !is_empty(value))?)))
        .map(|(key, value)| (key, to_json(value)))
        .collect()
}

fn with_first(key: &str, change: fn(char) -> char) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |letter| std::iter::once(change(letter)).chain(letters).collect())
}

fn renamed(json: Json, change: fn(char) -> char) -> Json {
    match json {
        Json::Object(map) => map
            .into_iter()
            .map(|(key, value)| (with_first(&key, change), renamed(value, change)))
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(items) => items.into_iter().map(|item| renamed(item, change)).collect(),
        other => other,
    }
}

/// `FunctionArn` as `functionArn`.
pub fn lower_first(key: &str) -> String {
    with_first(key, |letter| letter.to_ascii_lowercase())
}

/// As services write it whose members begin with small letters: keys at every depth.
pub fn lower(json: Json) -> Json {
    renamed(json, |letter| letter.to_ascii_lowercase())
}

/// The same as CloudFormation writes it.
pub fn upper(json: Json) -> Json {
    renamed(json, |letter| letter.to_ascii_uppercase())
}

/// The first parts of the paths that differ: the properties that an update has to send.
pub fn changed(fields: &[FieldChange]) -> BTreeSet<&str> {
    fields.iter().filter_map(|field| field.path.split('.').next()).collect()
}

/// A property, and what has to be sent to take it away.
pub type Clear = (&'static str, fn() -> Json);

/// The properties that changed, as members of a request that merges: what lost its value is sent as its line in `clears`
/// says. A property without a line cannot be cleared by its own and is left out.
pub fn merge(properties: &Value, changed: &BTreeSet<&str>, clears: &[Clear]) -> Map<String, Json> {
    let mut body = Map::new();
    for key in changed {
        let value = properties.get(key).filter(|value| !is_empty(value)).map(to_json);
        let cleared = || clears.iter().find(|(name, _)| name == key).map(|(_, clear)| clear());
        if let Some(value) = value.or_else(cleared) {
            body.insert((*key).to_owned(), value);
        }
    }
    body
}

/// The listed members of an answer as properties.
pub fn properties(answer: &Json, keys: &[&str]) -> BTreeMap<String, Value> {
    keys.iter()
        .filter_map(|key| Some(((*key).to_owned(), answer.get(*key).filter(|value| !value.is_null())?.clone())))
        .map(|(key, value)| (key, from_json(value)))
        .collect()
}

/// A text of an answer.
pub fn member<'a>(answer: &'a Json, key: &str) -> Option<&'a str> {
    answer.get(key).and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// A text of an answer that AWS says is always there.
///
/// # Errors
/// Names the operation and what its answer lacks.
pub fn expect(answer: &Json, key: &str, operation: &str) -> Result<String, Failure> {
    member(answer, key).map(str::to_owned).ok_or_else(|| incomplete(operation, key))
}

/// What a list gives, and nothing where the account does not allow to list: what we may not see we did not make. A service
/// without APIs needs no permission to look at APIs.
///
/// # Errors
/// Every failure but a refusal.
pub fn where_allowed<T>(listed: Result<Vec<T>, Failure>) -> Result<Vec<T>, Failure> {
    match listed {
        Err(failure) if failure.reason == Reason::Denied => Ok(Vec::new()),
        other => other,
    }
}

/// The items of a list in an answer.
pub fn members<'a>(answer: &'a Json, key: &str) -> &'a [Json] {
    answer.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// Tags of an answer, whether they are a map or a list of `Key` and `Value`.
pub fn tags_of(answer: Option<&Json>) -> BTreeMap<String, String> {
    match answer {
        Some(Json::Object(map)) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        }
        Some(Json::Array(items)) => items
            .iter()
            .filter_map(|item| Some((member(item, "Key")?.to_owned(), item.get("Value")?.as_str()?.to_owned())))
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// The tags of a property tree as the list of `Key` and `Value` that most services take.
pub fn tag_list(properties: &Value) -> Json {
    text_map(properties, &["Tags"]).iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// What has to be done to a resource's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retag {
    pub set: BTreeMap<String, String>,
    pub remove: BTreeSet<String>,
}

impl Retag {
    /// From the tags that are live to those of the desired properties; AWS's own tags stay.
    pub fn between(live: &Value, desired: &Value) -> Self {
        let (live, desired) = (text_map(live, &["Tags"]), text_map(desired, &["Tags"]));
        Self {
            remove: live.keys().filter(|key| !desired.contains_key(*key) && !is_reserved(key)).cloned().collect(),
            set: desired.into_iter().filter(|(key, value)| live.get(key) != Some(value)).collect(),
        }
    }
}

/// Changes tags the way that Lambda, API Gateway and EventBridge Scheduler share: `/tags/{arn}`. `path` is what stands
/// before the ARN, `tags` and `keys` are what the members are called.
///
/// # Errors
/// As every call.
pub async fn retag(
    aws: &Aws,
    (service, method, path): (&'static str, &'static str, &str),
    (tags, keys): (&str, &str),
    arn: &str,
    change: &Retag,
    progress: &Progress,
) -> Result<(), Failure> {
    let path = format!("{path}{}", segment(arn));
    if !change.set.is_empty() {
        let body = if service == "scheduler" {
            change.set.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
        } else {
            json!(change.set)
        };
        let request = Signed::rest(method, path.as_str()).body(json!({ tags: body }));
        aws.call(service, "TagResource").progress(progress).send(|| aws.signed(service, request.clone())).await?;
    }
    if !change.remove.is_empty() {
        let request =
            change.remove.iter().fold(Signed::rest("DELETE", path), |request, key| request.query(keys, key.as_str()));
        aws.call(service, "UntagResource").progress(progress).send(|| aws.signed(service, request.clone())).await?;
    }
    Ok(())
}

/// A list of texts in the order of the alphabet: for lists whose order means nothing.
pub fn sort_texts(value: &mut Value) {
    if let Value::List(items) = value {
        items.sort_by_key(as_text);
    }
}

/// Numbers and booleans that came as text, at the listed properties of the first level.
pub fn plain_in_place(properties: &mut BTreeMap<String, Value>, numbers: &[&str], flags: &[&str]) {
    for key in numbers {
        if let Some(value) = properties.get_mut(*key) {
            super::properties::number_in_place(value);
        }
    }
    for key in flags {
        if let Some(value) = properties.get_mut(*key) {
            super::properties::boolean_in_place(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    #[test]
    fn what_lost_its_value_is_cleared_by_name() {
        let desired = tree_of(json!({ "BatchSize": 5, "Description": "" }));
        let clears: &[Clear] =
            &[("FilterCriteria", || json!({})), ("Description", || json!("")), ("BatchSize", || json!(10))];
        let changed = BTreeSet::from(["BatchSize", "Description", "FilterCriteria", "Unknown"]);
        let body = Json::Object(merge(&desired, &changed, clears));
        assert_eq!(body, json!({ "BatchSize": 5, "Description": "", "FilterCriteria": {} }));
    }

    #[test]
    fn a_list_that_nobody_may_see_is_empty() {
        let failed = |reason| where_allowed::<()>(Err(Failure::new(reason, "no")));
        assert_eq!(failed(Reason::Denied), Ok(Vec::new()));
        assert!(failed(Reason::Server).is_err());
    }

    #[test]
    fn tags_that_aws_set_are_left_alone() {
        let live = tree_of(json!({ "Tags": { "aws:x": "1", "old": "1", "same": "1", "other": "1" } }));
        let desired = tree_of(json!({ "Tags": { "same": "1", "other": "2" } }));
        let change = Retag::between(&live, &desired);
        assert_eq!(change.set, BTreeMap::from([("other".to_owned(), "2".to_owned())]));
        assert_eq!(change.remove, BTreeSet::from(["old".to_owned()]));
    }
}
