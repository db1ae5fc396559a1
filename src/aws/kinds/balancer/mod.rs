//! Kinds of Elastic Load Balancing: what of a load balancer belongs to a function. The load balancer and its listeners
//! are somebody else's.

pub mod listener_rule;
mod rule_shape;
pub mod target_group;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::{Signed, each};
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;
use crate::engine::value::Value;

use super::json::{Retag, tags_of};

/// As in quotas and retries.
const SERVICE: &str = "elbv2";

/// The tags of one resource.
///
/// # Errors
/// As every call.
async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
    let request = Signed::action("DescribeTags", json!({ "ResourceArns": [arn] }));
    let answer = aws.look_for(SERVICE, "DescribeTags", &request).await?;
    let described = answer.as_ref().map(|answer| each(answer, "TagDescriptions")).unwrap_or_default();
    Ok(tags_of(described.first().and_then(|one| one.get("Tags"))))
}

/// Brings the tags of a resource from what is live to what is wanted.
///
/// # Errors
/// As every call.
async fn retag(aws: &Aws, arn: &str, live: &Value, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
    let Retag { set, remove } = Retag::between(live, wanted);
    if !set.is_empty() {
        let tags: Json = set.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let request = Signed::action("AddTags", json!({ "ResourceArns": [arn], "Tags": tags }));
        aws.ask(SERVICE, "AddTags", &request, progress).await?;
    }
    if !remove.is_empty() {
        let request = Signed::action("RemoveTags", json!({ "ResourceArns": [arn], "TagKeys": remove }));
        aws.ask(SERVICE, "RemoveTags", &request, progress).await?;
    }
    Ok(())
}
