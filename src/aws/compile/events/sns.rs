//! `sns`: messages of a topic that the service makes, or of one that is there.

use super::super::output::Output;
use super::super::plan::{Plan, Triggered};
use super::super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::language::events::Trigger;
use crate::config::language::events::sns::{RedrivePolicy, Sns};
use crate::engine::value::Value;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::Sns(sns) => Some(&sns.0),
        _ => None,
    });
    for event in events {
        compile_one(plan, &event, output);
    }
}

fn compile_one(plan: &Plan, event: &Triggered<Sns>, output: &mut Output) {
    let (function, sns) = (event.function, event.settings);
    let given = sns.topic_name.as_ref().map(|name| name.as_str());
    let in_arn = sns.arn.as_ref().and_then(|arn| arn.last_in_arn(&[':']));
    let Some(name) = given.or(in_arn.as_deref()) else {
        output.problem(
            event
                .problem("missing-key", "the topic has no name")
                .help("add `topicName`: it is needed where `arn` is a CloudFormation function"),
        );
        return;
    };
    let arn: Value = match &sns.arn {
        Some(arn) => arn.into(),
        None => tree::join(
            "",
            vec![
                "arn:".into(),
                tree::reference("AWS::Partition"),
                ":sns:".into(),
                tree::reference("AWS::Region"),
                ":".into(),
                tree::reference("AWS::AccountId"),
                ":".into(),
                name.into(),
            ],
        ),
    };
    let subscription_id = function.id(&format!("SnsSubscription{}", naming::plain(name)));
    let redrive =
        sns.redrive_policy.as_ref().map(|policy| redrive(event, policy, (name, &subscription_id), &arn, output));
    let subscription = Properties::new()
        .with("Protocol", "lambda")
        .with("Endpoint", function.target())
        .maybe("FilterPolicy", sns.filter_policy.as_deref().map(tree::from_node))
        .maybe("FilterPolicyScope", sns.filter_policy_scope.as_deref())
        .maybe("RedrivePolicy", redrive.clone());
    if let Some(topic) = &sns.arn {
        let region = topic
            .as_str()
            .and_then(|arn| arn.split(':').nth(3))
            .filter(|region| !region.is_empty() && !region.contains('$') && *region != plan.names.region);
        let subscription = subscription.with("TopicArn", topic).maybe("Region", region);
        output.add(subscription_id, function.beneath("AWS::SNS::Subscription", subscription));
    } else {
        let topic_id = format!("SNSTopic{}", naming::plain(name));
        topic(event, &topic_id, name, output);
        if sns.filter_policy.is_some() || redrive.is_some() {
            let subscription = subscription.with("TopicArn", tree::reference(&topic_id));
            output.add(subscription_id, function.beneath("AWS::SNS::Subscription", subscription));
        } else {
            subscribe(&topic_id, subscription.into(), output);
        }
    }
    let permission = function.permission("sns.amazonaws.com").with("SourceArn", arn);
    let permission_id = naming::permission(function.key, &format!("{}SNS", naming::plain(name)));
    output.add_once(permission_id, function.beneath("AWS::Lambda::Permission", permission));
}

/// The topic, which several functions may share.
fn topic(event: &Triggered<Sns>, topic_id: &str, name: &str, output: &mut Output) {
    let sns = event.settings;
    let mut properties = Properties::new()
        .with("TopicName", name)
        .maybe("DisplayName", sns.display_name.as_deref())
        .maybe("KmsMasterKeyId", sns.kms_master_key_id.as_ref());
    if name.ends_with(".fifo") {
        properties = properties.with("FifoTopic", true);
    }
    let there = output.template.resources.get(topic_id).and_then(|topic| topic.properties.get("TopicName"));
    if let Some(other) = there.and_then(Value::text).filter(|other| *other != name) {
        let problem = format!("the topics `{other}` and `{name}` differ in signs only, and would be one resource");
        output.problem(event.problem("duplicate-resource", problem).help("give one of them another name"));
    }
    // As in the framework, the first event makes the topic.
    for (key, property, wanted) in [
        ("displayName", "DisplayName", sns.display_name.as_deref().map(Value::from)),
        ("kmsMasterKeyId", "KmsMasterKeyId", sns.kms_master_key_id.as_ref().map(Value::from)),
    ] {
        if let (Some(made), Some(wanted)) = (output.template.resources.get(topic_id), wanted)
            && made.properties.get(property) != Some(&wanted)
        {
            let what = format!(
                "`{key}` has no effect: the topic `{name}` is made by an earlier event that says something else"
            );
            let help = format!("say `{key}` in the first event of the topic");
            output.problem(event.problem("conflict", what).as_warning().help(help));
        }
    }
    output.add_once(topic_id, TemplateResource::new("AWS::SNS::Topic", properties.into()));
    if let (Some(topic), Some(alias)) = (output.template.resources.get_mut(topic_id), event.function.alias_id()) {
        *topic = topic.clone().after([alias]);
    }
}

/// Adds a subscription to the topic itself, as the framework does where it is a plain one.
fn subscribe(topic_id: &str, subscription: Value, output: &mut Output) {
    let Some(topic) = output.template.resources.get_mut(topic_id) else { return };
    let Value::Map(properties) = &mut topic.properties else { return };
    match properties.get_mut("Subscription") {
        Some(Value::List(all)) => all.push(subscription),
        _ => {
            properties.insert("Subscription".to_owned(), Value::List(vec![subscription]));
        }
    }
}

/// Where messages go that could not be delivered, with the policy of that queue: beneath the subscription, which leads to
/// the queue also when neither is in the file any more.
fn redrive(
    event: &Triggered<Sns>,
    policy: &RedrivePolicy,
    (name, subscription_id): (&str, &str),
    topic: &Value,
    output: &mut Output,
) -> Value {
    let import = |name: &str| -> Value { Properties::new().with("Fn::ImportValue", name).into() };
    let (arn, url): (Value, Value) =
        match (&policy.dead_letter_target_arn, &policy.dead_letter_target_ref, &policy.dead_letter_target_import) {
            (Some(arn), ..) => (arn.into(), queue_url(arn.as_str().unwrap_or_default())),
            (None, Some(queue), _) => (tree::attribute(queue, "Arn"), tree::reference(queue)),
            (None, None, Some(exports)) => (import(&exports.arn), import(&exports.url)),
            (None, None, None) => {
                output.problem(
                    event.problem("missing-key", "`redrivePolicy` names no queue").help("add `deadLetterTargetArn`"),
                );
                return Value::Null;
            }
        };
    let policy_id = naming::redrive(event.function.key, name);
    let condition = Properties::new().with("ArnEquals", Properties::new().with("aws:SourceArn", topic.clone()));
    let statement = Properties::new()
        .with("Effect", "Allow")
        .with("Principal", Properties::new().with("Service", "sns.amazonaws.com"))
        .with("Action", "sqs:SendMessage")
        .with("Resource", arn.clone())
        .with("Condition", condition);
    let document = Properties::new()
        .with("Version", "2012-10-17")
        .with("Id", policy_id.as_str())
        .with("Statement", Value::List(vec![statement.into()]));
    let properties = Properties::new().with("PolicyDocument", document).with("Queues", Value::List(vec![url]));
    let policy = event.function.beside("AWS::SQS::QueuePolicy", properties).beneath(subscription_id);
    output.add_once(policy_id, policy);
    Properties::new().with("deadLetterTargetArn", arn).into()
}

/// `https://sqs.<region>.amazonaws.com/<account>/<queue>` of a queue's ARN.
fn queue_url(arn: &str) -> Value {
    let mut parts = arn.rsplit(':');
    let (queue, account, region) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    tree::join(
        "",
        vec![
            Value::String(format!("https://sqs.{region}.")),
            tree::reference("AWS::URLSuffix"),
            Value::String(format!("/{account}/{queue}")),
        ],
    )
}
