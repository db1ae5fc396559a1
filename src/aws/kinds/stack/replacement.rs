//! Which changes of a raw resource CloudFormation carries out in place, and what is lost by the others.

use crate::engine::value::Value;

/// Types that many files have, each with the properties whose change needs a new resource, as the type's page says
/// ("Update requires: Replacement"; what is replaced only sometimes counts too).
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>
const REPLACING: &[(&str, &[&str])] = &[
    (
        "AWS::DynamoDB::Table",
        &["AttributeDefinitions", "ImportSourceSpecification", "KeySchema", "LocalSecondaryIndexes", "TableName"],
    ),
    ("AWS::S3::Bucket", &["BucketName", "BucketNamePrefix", "BucketNamespace", "ObjectLockEnabled"]),
    ("AWS::SNS::Topic", &["FifoTopic", "TopicName"]),
    ("AWS::SQS::Queue", &["FifoQueue", "QueueName"]),
];

/// Attributes of these that stay for as long as the resource is the same.
const LASTING: &[&str] = &["Arn", "QueueName", "QueueUrl", "Ref", "TopicArn", "TopicName"];

/// What of a resource says nothing about what it is.
const BESIDE: &[&str] = &["DeletionPolicy", "DependsOn", "Metadata", "UpdateReplacePolicy"];

/// Whether CloudFormation may make another resource of it. It does for what no table here says otherwise.
pub fn may_be_replaced(before: &Value, after: &Value) -> bool {
    if !is_same_kind(before, after) {
        return true;
    }
    match replacing(after) {
        Some(properties) => properties.iter().any(|property| differs(before, after, property)),
        None => before != after,
    }
}

/// Whether an attribute may be another one though the resource stays what it is.
pub fn is_lasting(attribute: &str, resource: &Value) -> bool {
    replacing(resource).is_some() && LASTING.contains(&attribute)
}

/// The logical ids of what an update of a stack from its live to its desired properties takes away or, as far as hoist
/// knows the type, makes anew. What says itself that it is kept is not among them.
pub fn losses(live: &Value, desired: &Value) -> Vec<String> {
    match (live.get("TemplateBody"), desired.get("TemplateBody")) {
        (Some(before), Some(after)) => lost(before, after),
        _ => Vec::new(),
    }
}

/// The same from one template to the other.
pub fn lost(before: &Value, after: &Value) -> Vec<String> {
    let Some(Value::Map(resources)) = before.get("Resources") else { return Vec::new() };
    let is_lost = |logical_id: &str, resource: &Value| match after.at(&["Resources", logical_id]) {
        Some(now) => replacing(now).is_some() && may_be_replaced(resource, now),
        None => true,
    };
    let keeps = |resource: &Value| {
        let policy = resource.get("DeletionPolicy").and_then(Value::text);
        policy.is_some_and(|policy| policy.starts_with("Retain"))
    };
    let lost = resources.iter().filter(|(logical_id, resource)| !keeps(resource) && is_lost(logical_id, resource));
    lost.map(|(logical_id, _)| logical_id.clone()).collect()
}

fn replacing(resource: &Value) -> Option<&'static [&'static str]> {
    let kind = resource.get("Type").and_then(Value::text)?;
    REPLACING.iter().find(|(name, _)| *name == kind).map(|(_, properties)| *properties)
}

fn differs(before: &Value, after: &Value, property: &str) -> bool {
    before.at(&["Properties", property]) != after.at(&["Properties", property])
}

/// Whether nothing but the properties differs, and what says nothing.
fn is_same_kind(before: &Value, after: &Value) -> bool {
    let (Value::Map(before), Value::Map(after)) = (before, after) else { return before == after };
    let keys = before.keys().chain(after.keys()).map(String::as_str);
    let telling = |key: &&str| *key != "Properties" && !BESIDE.contains(key);
    keys.filter(telling).all(|key| before.get(key) == after.get(key))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    fn queue(name: &str, timeout: u32) -> Json {
        json!({ "Type": "AWS::SQS::Queue", "Properties": { "QueueName": name, "VisibilityTimeout": timeout } })
    }

    #[test]
    fn a_queue_stays_itself_for_as_long_as_its_name_does() {
        let replaced = |before: Json, after: Json| may_be_replaced(&tree_of(before), &tree_of(after));
        assert!(!replaced(queue("a", 1), queue("a", 2)));
        assert!(replaced(queue("a", 1), queue("b", 1)));
        let alarm = |period: u32| json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": { "Period": period } });
        assert!(replaced(alarm(1), alarm(2)), "nothing is known of it");
        assert!(!replaced(alarm(1), alarm(1)));
        let mut kept = queue("a", 1);
        kept["DeletionPolicy"] = json!("Retain");
        assert!(!replaced(queue("a", 1), kept.clone()));
        kept["Condition"] = json!("IsProd");
        assert!(replaced(queue("a", 1), kept));
    }

    #[test]
    fn what_goes_or_is_made_anew_is_lost() {
        let mut kept = queue("k", 1);
        kept["DeletionPolicy"] = json!("RetainExceptOnCreate");
        let template = |resources: Json| tree_of(json!({ "Resources": resources }));
        let before =
            template(json!({ "Goes": queue("a", 1), "Anew": queue("b", 1), "Stays": queue("c", 1), "Kept": kept }));
        let after = template(json!({ "Anew": queue("bb", 1), "Stays": queue("c", 2) }));
        assert_eq!(lost(&before, &after), ["Anew", "Goes"]);
    }
}
