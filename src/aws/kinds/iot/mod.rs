//! Kinds of AWS IoT, and what they share: its names begin with small letters, and its tags hang on ARNs.

pub mod provisioning_template;
pub mod topic_rule;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;
use crate::engine::value::Value;

use super::json::{Retag, tags_of};

/// The tags of a resource.
///
/// # Errors
/// As every call.
async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
    let request = Signed::rest("GET", "/tags").query("resourceArn", arn);
    let pages = aws.pages("iot", "ListTagsForResource", request, ("nextToken", "nextToken"), "tags").await?;
    Ok(tags_of(Some(&Json::Array(pages))))
}

/// Brings the tags of a resource from what is live to what is wanted.
///
/// # Errors
/// As every call.
async fn retag(aws: &Aws, arn: &str, live: &Value, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
    let Retag { set, remove } = Retag::between(live, wanted);
    if !set.is_empty() {
        let tags: Json = set.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let request = Signed::rest("POST", "/tags").body(json!({ "resourceArn": arn, "tags": tags }));
        aws.ask("iot", "TagResource", &request, progress).await?;
    }
    if !remove.is_empty() {
        let request = Signed::rest("POST", "/untag").body(json!({ "resourceArn": arn, "tagKeys": remove }));
        aws.ask("iot", "UntagResource", &request, progress).await?;
    }
    Ok(())
}
