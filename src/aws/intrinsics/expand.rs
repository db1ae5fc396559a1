//! From the framework's shapes to what single calls make: subscriptions out of their topic, all triggers of one user pool
//! together.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::aws::template::{Template, TemplateResource};
use crate::engine::value::Value;

/// A template in which every resource is what one kind reads and writes.
pub(super) fn expand(template: &Template) -> Template {
    let mut template = template.clone();
    subscriptions(&mut template);
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
