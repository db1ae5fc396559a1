//! From the framework's shapes to what single calls make: subscriptions out of their topic, all notifications of one
//! bucket and all triggers of one user pool together.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::aws::naming;
use crate::aws::template::{Template, TemplateResource, masked};
use crate::engine::value::Value;

/// A template in which every resource is what one kind reads and writes.
pub(super) fn expand(template: &Template) -> Template {
    let mut template = template.clone();
    subscriptions(&mut template);
    together(&mut template, "Custom::S3", "BucketName", notifications);
    together(&mut template, "Custom::CognitoUserPool", "UserPoolName", triggers);
    template
}

/// Takes the subscriptions out of topics: each is made, found and taken away by itself.
fn subscriptions(template: &mut Template) {
    let mut taken = Vec::new();
    for (topic_id, topic) in &mut template.resources {
        if topic.kind != "AWS::SNS::Topic" {
            continue;
        }
        let Value::Map(properties) = &mut topic.properties else { continue };
        let Some(Value::List(all)) = properties.remove("Subscription") else { continue };
        // What a subscription waits for, the topic need not: an alias.
        let after = std::mem::take(&mut topic.depends_on);
        for (index, subscription) in all.into_iter().enumerate() {
            let Value::Map(mut subscription) = subscription else { continue };
            let name = topic_id.strip_prefix("SNSTopic").unwrap_or(topic_id);
            let function = subscription.get("Endpoint").and_then(function_of);
            let logical_id = match &function {
                Some(function) => format!("{}SnsSubscription{name}", function.trim_end_matches("LambdaFunction")),
                None => format!("{topic_id}Subscription{}", index + 1),
            };
            let reference = Value::Map(BTreeMap::from([("Ref".to_owned(), Value::string(topic_id))]));
            subscription.insert("TopicArn".to_owned(), reference);
            let mut resource = TemplateResource::new("AWS::SNS::Subscription", Value::Map(subscription));
            resource.parent = function;
            taken.push((logical_id, resource.after(after.clone())));
        }
    }
    for (logical_id, resource) in taken {
        template.resources.entry(logical_id).or_insert(resource);
    }
}

/// The logical id of the function behind an ARN or the ARN of its alias.
fn function_of(arn: &Value) -> Option<String> {
    let of = |tree: &Value| match tree.get("Fn::GetAtt") {
        Some(Value::List(items)) => items.first().and_then(|id| id.text()).map(str::to_owned),
        _ => None,
    };
    of(arn).or_else(|| match arn.get("Fn::Join") {
        Some(Value::List(join)) => match join.get(1) {
            Some(Value::List(parts)) => parts.iter().find_map(of),
            _ => None,
        },
        _ => None,
    })
}

/// Makes one resource of all that write to the same bucket or pool: one read and one write for them all.
fn together(
    template: &mut Template,
    kind: &str,
    key: &str,
    join: fn(&BTreeMap<String, Value>, &mut BTreeMap<String, Value>),
) {
    let mut first: Vec<(Value, String)> = Vec::new();
    let mut renamed = BTreeMap::new();
    let old: IndexMap<String, TemplateResource> = std::mem::take(&mut template.resources);
    for (logical_id, resource) in old {
        let (true, Some(target), Value::Map(properties)) =
            (resource.kind == kind, resource.properties.get(key), &resource.properties)
        else {
            template.resources.insert(logical_id, resource);
            continue;
        };
        match first.iter().find(|(known, _)| known == target) {
            Some((_, first_id)) => {
                if let Some(into) = template.resources.get_mut(first_id) {
                    if let Value::Map(all) = &mut into.properties {
                        join(properties, all);
                    }
                    *into = into.clone().after(resource.depends_on.clone());
                }
                renamed.insert(logical_id, first_id.clone());
            }
            None => {
                first.push((target.clone(), logical_id.clone()));
                let mut all = BTreeMap::from([(key.to_owned(), target.clone())]);
                join(properties, &mut all);
                template.resources.insert(logical_id, TemplateResource { properties: Value::Map(all), ..resource });
            }
        }
    }
    template.rename(&renamed);
}

/// `LambdaConfigurations` as in `AWS::S3::Bucket`, each with an id of ours by which it is found again.
fn notifications(from: &BTreeMap<String, Value>, into: &mut BTreeMap<String, Value>) {
    let function = from.get("FunctionArn").cloned().unwrap_or(Value::Null);
    let name = from.get("FunctionName").and_then(|name| name.text()).unwrap_or_default();
    let Some(Value::List(configs)) = from.get("BucketConfigs") else { return };
    let all = into.entry("LambdaConfigurations".to_owned()).or_insert_with(|| Value::List(Vec::new()));
    let Value::List(all) = all else { return };
    for config in configs {
        let digest: String = naming::md5(&masked(config).to_string()).chars().take(8).collect();
        let mut notification = BTreeMap::from([
            ("Id".to_owned(), Value::String(format!("{name}-{digest}"))),
            ("Event".to_owned(), config.get("Event").cloned().unwrap_or(Value::Null)),
            ("Function".to_owned(), function.clone()),
        ]);
        let rules: Vec<Value> = match config.get("Rules") {
            Some(Value::List(rules)) => rules.iter().filter_map(rule).collect(),
            _ => Vec::new(),
        };
        if !rules.is_empty() {
            let key = Value::Map(BTreeMap::from([("Rules".to_owned(), Value::List(rules))]));
            notification.insert("Filter".to_owned(), Value::Map(BTreeMap::from([("S3Key".to_owned(), key)])));
        }
        all.push(Value::Map(notification));
    }
}

/// `{"Prefix": x}` as `{"Name": "prefix", "Value": x}`.
fn rule(rule: &Value) -> Option<Value> {
    let Value::Map(map) = rule else { return None };
    let (name, value) = map.iter().next()?;
    Some(Value::Map(BTreeMap::from([
        ("Name".to_owned(), Value::String(name.to_lowercase())),
        ("Value".to_owned(), value.clone()),
    ])))
}

/// Triggers whose function is named together with the version of its event.
const VERSIONED: &[&str] = &["CustomSMSSender", "CustomEmailSender"];

/// `LambdaConfig` as in `AWS::Cognito::UserPool`.
fn triggers(from: &BTreeMap<String, Value>, into: &mut BTreeMap<String, Value>) {
    let function = from.get("FunctionArn").cloned().unwrap_or(Value::Null);
    let Some(Value::List(configs)) = from.get("UserPoolConfigs") else { return };
    let all = into.entry("LambdaConfig".to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
    let Value::Map(all) = all else { return };
    for config in configs {
        let Some(trigger) = config.get("Trigger").and_then(|trigger| trigger.text()) else { continue };
        match config.get("LambdaVersion") {
            Some(version) => {
                let name = if VERSIONED.contains(&trigger) { trigger.to_owned() } else { format!("{trigger}Config") };
                all.insert(
                    name,
                    Value::Map(BTreeMap::from([
                        ("LambdaArn".to_owned(), function.clone()),
                        ("LambdaVersion".to_owned(), version.clone()),
                    ])),
                );
            }
            None => {
                all.insert(trigger.to_owned(), function.clone());
            }
        }
        if let Some(key) = config.get("KMSKeyID") {
            all.insert("KMSKeyID".to_owned(), key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::tests::tree;
    use super::*;

    fn expanded(resources: &[(&str, &str, Json)]) -> Json {
        let mut template = Template { service: "shop".into(), stage: "dev".into(), ..Template::default() };
        for (logical_id, kind, properties) in resources {
            let resource = TemplateResource::new(*kind, tree(properties.clone()));
            template.resources.insert((*logical_id).to_owned(), resource);
        }
        expand(&template).to_json()["resources"].take()
    }

    fn arn(function: &str) -> Json {
        json!({ "Fn::GetAtt": [format!("{function}LambdaFunction"), "Arn"] })
    }

    #[test]
    fn subscriptions_leave_their_topic() {
        let alias = json!({ "Fn::Join": [":", [arn("B"), "provisioned"]] });
        let all = expanded(&[(
            "SNSTopicNews",
            "AWS::SNS::Topic",
            json!({ "TopicName": "news", "Subscription": [
                { "Endpoint": arn("A"), "Protocol": "lambda" }, { "Endpoint": alias, "Protocol": "lambda" },
            ] }),
        )]);
        assert_eq!(all["SNSTopicNews"]["Properties"], json!({ "TopicName": "news" }));
        assert_eq!(
            all["ASnsSubscriptionNews"]["Properties"],
            json!({ "Endpoint": arn("A"), "Protocol": "lambda", "TopicArn": { "Ref": "SNSTopicNews" } })
        );
        assert_eq!(all["BSnsSubscriptionNews"]["Properties"]["Endpoint"], alias);
    }

    #[test]
    fn notifications_of_one_bucket_are_one_resource() {
        let custom = |function: &str, prefix: &str| {
            json!({
                "BucketName": "there", "FunctionName": format!("shop-dev-{function}"), "FunctionArn": arn(function),
                "BucketConfigs": [{ "Event": "s3:ObjectCreated:*", "Rules": [{ "Prefix": prefix }] }],
            })
        };
        let all = expanded(&[
            ("ACustomS31", "Custom::S3", custom("A", "a/")),
            ("BCustomS31", "Custom::S3", custom("B", "b/")),
            ("User", "AWS::Lambda::Permission", json!({ "SourceArn": { "Fn::GetAtt": ["BCustomS31", "Arn"] } })),
        ]);
        assert_eq!(all.get("BCustomS31"), None);
        assert_eq!(all["User"]["Properties"]["SourceArn"], json!({ "Fn::GetAtt": ["ACustomS31", "Arn"] }));
        let configurations = all["ACustomS31"]["Properties"]["LambdaConfigurations"].as_array().unwrap();
        assert_eq!(configurations.len(), 2);
        assert_eq!(configurations[1]["Function"], arn("B"));
        assert_eq!(configurations[1]["Filter"], json!({ "S3Key": { "Rules": [{ "Name": "prefix", "Value": "b/" }] } }));
        let ids: Vec<&str> = configurations.iter().map(|one| one["Id"].as_str().unwrap()).collect();
        assert!(ids[0].starts_with("shop-dev-A-") && ids[1].starts_with("shop-dev-B-"), "{ids:?}");
    }

    #[test]
    fn triggers_of_one_pool_are_one_resource() {
        let custom = |function: &str, config: Json| json!({ "UserPoolName": "people", "FunctionName": function, "FunctionArn": arn(function), "UserPoolConfigs": [config] });
        let all = expanded(&[
            ("A", "Custom::CognitoUserPool", custom("A", json!({ "Trigger": "PreSignUp" }))),
            (
                "B",
                "Custom::CognitoUserPool",
                custom("B", json!({ "Trigger": "CustomEmailSender", "LambdaVersion": "V1_0", "KMSKeyID": "k" })),
            ),
        ]);
        assert_eq!(
            all["A"]["Properties"],
            json!({
                "LambdaConfig": {
                    "CustomEmailSender": { "LambdaArn": arn("B"), "LambdaVersion": "V1_0" },
                    "KMSKeyID": "k",
                    "PreSignUp": arn("A"),
                },
                "UserPoolName": "people",
            })
        );
    }
}
