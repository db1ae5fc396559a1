//! Kinds of CodeDeploy: what it has to know to shift the traffic of functions. Its names begin with small letters, and its
//! tags hang on ARNs.

pub mod application;
pub mod deployment_group;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;
use crate::engine::value::Value;

use super::json::{Retag, tag_list, tags_of};

/// As quotas, retries and signatures know it.
pub const SERVICE: &str = "codedeploy";

/// The tags of a resource.
///
/// # Errors
/// As every call.
async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
    let request = Signed::action("ListTagsForResource", json!({ "ResourceArn": arn }));
    let pages = aws.pages(SERVICE, "ListTagsForResource", request, ("NextToken", "NextToken"), "Tags").await?;
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
        let request = Signed::action("TagResource", json!({ "ResourceArn": arn, "Tags": tags }));
        aws.ask(SERVICE, "TagResource", &request, progress).await?;
    }
    if !remove.is_empty() {
        let request = Signed::action("UntagResource", json!({ "ResourceArn": arn, "TagKeys": remove }));
        aws.ask(SERVICE, "UntagResource", &request, progress).await?;
    }
    Ok(())
}
