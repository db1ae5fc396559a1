//! From the framework's shapes to what single calls make: subscriptions out of their topic.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::aws::kinds::rest_deployment::{self, PLACES, ROUTES};
use crate::aws::kinds::rest_routes::method;
use crate::aws::template::{Template, TemplateResource};
use crate::engine::value::Value;

/// A template in which every resource is what one kind reads and writes. Most are so from the beginning.
pub(super) fn expand(template: &Template) -> Cow<'_, Template> {
    if !template.resources.values().any(|resource| has_subscriptions(resource) || is_of_routes(resource)) {
        return Cow::Borrowed(template);
    }
    let mut template = template.clone();
    subscriptions(&mut template);
    routes(&mut template);
    Cow::Owned(template)
}

fn has_subscriptions(resource: &TemplateResource) -> bool {
    resource.kind == "AWS::SNS::Topic" && resource.properties.get("Subscription").is_some()
}

/// Whether it is a deployment of somebody else's API, which names the stage that it goes to.
fn is_of_routes(resource: &TemplateResource) -> bool {
    resource.kind == rest_deployment::TYPE && resource.properties.get("StageName").is_some()
}

/// Tells a deployment of somebody else's API which routes of ours it is to bring, so that it is made when they change.
fn routes(template: &mut Template) {
    let mut all: Vec<(&String, &TemplateResource)> =
        template.resources.iter().filter(|(_, resource)| resource.kind == method::TYPE).collect();
    all.sort_by_key(|(logical_id, _)| *logical_id);
    let call = |name: &str, argument: Value| Value::Map(BTreeMap::from([(name.to_owned(), argument)]));
    let text = |text: &str| Value::string(text);
    let joined = |separator: &str, parts: Vec<Value>, condition: Option<&String>| {
        let joined = call("Fn::Join", Value::List(vec![text(separator), Value::List(parts)]));
        match condition {
            Some(name) => {
                let nothing = call("Ref", text("AWS::NoValue"));
                call("Fn::If", Value::List(vec![text(name), joined, nothing]))
            }
            None => joined,
        }
    };
    let (mut routes, mut places) = (Vec::new(), Vec::new());
    for (logical_id, resource) in all {
        let condition = resource.condition.as_ref();
        let state = call("Fn::GetAtt", Value::List(vec![text(logical_id), text(method::STATE)]));
        routes.push(joined("=", vec![text(logical_id), state], condition));
        let part = |key: &str| resource.properties.get(key).cloned().unwrap_or(Value::Null);
        places.push(joined("/", vec![part("ResourceId"), part("HttpMethod")], condition));
    }
    let deployments = template.resources.values_mut().filter(|resource| is_of_routes(resource));
    for deployment in deployments {
        if let Value::Map(properties) = &mut deployment.properties
            && !routes.is_empty()
        {
            properties.insert(ROUTES.to_owned(), Value::List(routes.clone()));
            properties.insert(PLACES.to_owned(), Value::List(places.clone()));
        }
    }
}

/// Takes the subscriptions out of topics: each is made, found and taken away by itself.
fn subscriptions(template: &mut Template) {
    let mut taken = Vec::new();
    for (topic_id, topic) in template.resources.iter_mut().filter(|(_, topic)| has_subscriptions(topic)) {
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
}
