//! What is known of a raw resource before CloudFormation makes it, because the file gives it a name.

use std::collections::BTreeMap;

use crate::engine::value::Value;

use super::template::OUTPUTS;

/// Where the name of a type stands, and what follows from it. URLs of queues do not: AWS has several for each.
struct Named {
    kind: &'static str,
    property: &'static str,
    service: &'static str,
    /// Before the name in the ARN.
    marker: &'static str,
    /// Attributes that are the name.
    names: &'static [&'static str],
    /// Attributes that are the ARN.
    arns: &'static [&'static str],
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>
const NAMED: &[Named] = &[
    Named {
        kind: "AWS::DynamoDB::Table",
        property: "TableName",
        service: "dynamodb",
        marker: "table/",
        names: &["Ref"],
        arns: &["Arn"],
    },
    Named {
        kind: "AWS::S3::Bucket",
        property: "BucketName",
        service: "s3",
        marker: "",
        names: &["Ref"],
        arns: &["Arn"],
    },
    Named {
        kind: "AWS::SNS::Topic",
        property: "TopicName",
        service: "sns",
        marker: "",
        names: &["TopicName"],
        arns: &["Ref", "TopicArn"],
    },
    Named {
        kind: "AWS::SQS::Queue",
        property: "QueueName",
        service: "sqs",
        marker: "",
        names: &["QueueName"],
        arns: &["Arn"],
    },
];

/// The outputs of a stack's desired properties that are known beforehand, as attributes. `arn` makes one of a service and
/// what stands behind the account.
pub fn outputs(properties: &Value, arn: &dyn Fn(&str, &str) -> Option<String>) -> BTreeMap<String, Value> {
    let Some(template) = properties.get("TemplateBody") else { return BTreeMap::new() };
    let Some(Value::Map(outputs)) = template.get("Outputs") else { return BTreeMap::new() };
    let known = |output: &Value| {
        let value = output.get("Value")?;
        let (logical_id, attribute) = match (value.get("Ref"), value.get("Fn::GetAtt")) {
            (Some(Value::String(logical_id)), _) => (logical_id.as_str(), "Ref"),
            (_, Some(Value::List(path))) => match path.as_slice() {
                [Value::String(logical_id), Value::String(attribute)] => (logical_id.as_str(), attribute.as_str()),
                _ => return None,
            },
            _ => return None,
        };
        let resource = template.at(&["Resources", logical_id])?;
        let kind = resource.get("Type").and_then(Value::text)?;
        let named = NAMED.iter().find(|named| named.kind == kind)?;
        let Some(Value::String(name)) = resource.at(&["Properties", named.property]) else { return None };
        if named.names.contains(&attribute) {
            Some(Value::string(name))
        } else if named.arns.contains(&attribute) {
            arn(named.service, &format!("{}{name}", named.marker)).map(Value::String)
        } else {
            None
        }
    };
    outputs.iter().filter_map(|(name, output)| Some((format!("{OUTPUTS}{name}"), known(output)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    #[test]
    fn what_has_a_name_has_an_arn_before_it_is_made() {
        let output = |value: serde_json::Value| json!({ "Value": value });
        let stack = tree_of(json!({ "TemplateBody": {
            "Resources": {
                "Table": { "Type": "AWS::DynamoDB::Table", "Properties": { "TableName": "orders" } },
                "Jobs": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "jobs" } },
                "Files": { "Type": "AWS::S3::Bucket", "Properties": { "BucketName": { "Fn::Sub": "x-${AWS::AccountId}" } } },
                "News": { "Type": "AWS::SNS::Topic" },
            },
            "Outputs": {
                "HoistTable": output(json!({ "Ref": "Table" })),
                "HoistTableArn": output(json!({ "Fn::GetAtt": ["Table", "Arn"] })),
                "HoistTableStreamArn": output(json!({ "Fn::GetAtt": ["Table", "StreamArn"] })),
                "HoistJobs": output(json!({ "Ref": "Jobs" })),
                "HoistJobsArn": output(json!({ "Fn::GetAtt": ["Jobs", "Arn"] })),
                "HoistFiles": output(json!({ "Ref": "Files" })),
                "HoistNews": output(json!({ "Ref": "News" })),
            },
        } }));
        let found = outputs(&stack, &|service, rest| Some(format!("arn:{service}:{rest}")));
        let text = |name: &str| found.get(&format!("Outputs.{name}")).and_then(Value::text);
        assert_eq!(text("HoistTable"), Some("orders"));
        assert_eq!(text("HoistTableArn"), Some("arn:dynamodb:table/orders"));
        assert_eq!(text("HoistJobsArn"), Some("arn:sqs:jobs"));
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
