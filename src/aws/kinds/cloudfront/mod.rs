//! Kinds of CloudFront. It is one service for all regions; what is there is changed under a condition: the `ETag` that was
//! read must still be its own.

pub mod cache_policy;
pub mod distribution;
mod distribution_shape;
pub mod function;
mod words;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;
use crate::engine::value::Value;

use super::json::{Retag, tags_of};
use super::properties::text_in_place;

/// As in quotas and retries.
const SERVICE: &str = "cloudfront";

/// A path of the API.
fn path(rest: &str) -> String {
    format!("/2020-05-31/{rest}")
}

/// The tags of a resource.
///
/// # Errors
/// As every call.
async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
    let request = Signed::rest("GET", path("tagging")).query("Resource", arn);
    let answer = aws.look_for(SERVICE, "ListTagsForResource", &request).await?;
    Ok(tags_of(answer.as_ref().and_then(|answer| answer.pointer("/Items/Tag")).map(listed).as_ref()))
}

/// One element or several, as a list.
fn listed(value: &Json) -> Json {
    if value.is_array() { value.clone() } else { json!([value]) }
}

/// Brings the tags of a resource from what is live to what is wanted.
///
/// # Errors
/// As every call.
async fn retag(aws: &Aws, arn: &str, live: &Value, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
    let Retag { set, remove } = Retag::between(live, wanted);
    let request = |operation: &str, body: Json| {
        Signed::rest("POST", path("tagging")).query("Operation", operation).query("Resource", arn).body(body)
    };
    if !set.is_empty() {
        let tags: Json = set.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let request = request("Tag", json!({ "Tags": { "Items": { "Tag": tags } } }));
        aws.ask(SERVICE, "TagResource", &request, progress).await?;
    }
    if !remove.is_empty() {
        let request = request("Untag", json!({ "TagKeys": { "Items": { "Key": remove } } }));
        aws.ask(SERVICE, "UntagResource", &request, progress).await?;
    }
    Ok(())
}

/// Makes texts of all numbers and flags, at every depth: XML knows nothing else.
fn texts(value: &mut Value) {
    match value {
        Value::List(items) => items.iter_mut().for_each(texts),
        Value::Map(map) => map.values_mut().for_each(texts),
        leaf => text_in_place(leaf),
    }
}
