//! `AWS::SNS::Subscription`: what a topic sends to.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html>
//!
//! Lives beneath the function that is subscribed, and is found by topic and endpoint: through the permissions that the
//! function gives to topics. The topic may be in another region; its ARN says which.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_sns::types::Subscription as Summary;
use aws_types::region::Region;

use crate::aws::client::{Aws, incomplete};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::Findable;
use super::json::changed;
use super::properties::{as_text, default_to, document, drop_empty, parsed_document, required, text, text_in_place};
use super::topic::region_of;

/// `AWS::SNS::Subscription`
pub const TYPE: &str = "AWS::SNS::Subscription";

/// Instead of an ARN, until whoever owns the endpoint has said yes.
const PENDING: &str = "PendingConfirmation";

/// Attributes, and what is set for one that was taken away. `None`: it is set to no value at all, since SNS refuses an
/// empty one.
const ATTRIBUTES: &[(&str, Option<&str>)] = &[
    ("DeliveryPolicy", None),
    ("FilterPolicy", Some("{}")),
    ("FilterPolicyScope", Some("MessageAttributes")),
    ("RawMessageDelivery", Some("false")),
    ("RedrivePolicy", None),
    ("SubscriptionRoleArn", None),
];
const DOCUMENTS: &[&str] = &["DeliveryPolicy", "FilterPolicy", "RedrivePolicy"];

/// Reads, makes, changes and deletes subscriptions.
pub struct Subscription {
    aws: Arc<Aws>,
}

impl Subscription {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// The settings of a call that goes to the topic's own region.
    fn there(&self, topic: &str) -> aws_sdk_sns::config::Builder {
        let region = region_of(topic).unwrap_or_else(|| self.aws.region().to_owned());
        aws_sdk_sns::config::Builder::new().region(Region::new(region))
    }

    async fn of_topic(&self, topic: &str) -> Result<Vec<Summary>, Failure> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = self
                .aws
                .call("sns", "ListSubscriptionsByTopic")
                .find(|| {
                    let request = self.aws.sns().list_subscriptions_by_topic().topic_arn(topic);
                    let request = request.set_next_token(token.clone()).customize();
                    request.config_override(self.there(topic)).send()
                })
                .await?;
            let Some(page) = page else { return Ok(all) };
            all.extend(page.subscriptions().iter().cloned());
            match page.next_token() {
                Some(next) if token.as_deref() != Some(next) => token = Some(next.to_owned()),
                _ => return Ok(all),
            }
        }
    }

    async fn live(&self, topic: &str, summary: &Summary, address: Address) -> Result<Option<Live>, Failure> {
        let arn = summary.subscription_arn().unwrap_or(PENDING);
        let mut map = if arn == PENDING {
            BTreeMap::new()
        } else {
            let answer = self
                .aws
                .call("sns", "GetSubscriptionAttributes")
                .find(|| {
                    let request = self.aws.sns().get_subscription_attributes().subscription_arn(arn).customize();
                    request.config_override(self.there(topic)).send()
                })
                .await?;
            let Some(answer) = answer else { return Ok(None) };
            decode(answer.attributes().into_iter().flatten())
        };
        let (protocol, endpoint) = (summary.protocol().unwrap_or_default(), summary.endpoint().unwrap_or_default());
        map.insert("TopicArn".to_owned(), Value::string(topic));
        map.insert("Protocol".to_owned(), Value::string(protocol));
        map.insert("Endpoint".to_owned(), Value::string(endpoint));
        normalise(&mut map);
        Ok(Some(Live {
            address,
            physical_id: [topic, protocol, endpoint].join("|"),
            properties: Value::Map(map),
            attributes: attributes(arn),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn set(
        &self,
        topic: &str,
        arn: &str,
        key: &str,
        value: Option<&str>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        self.aws
            .call("sns", "SetSubscriptionAttributes")
            .progress(progress)
            .fresh(self.aws.retry().fresh.any())
            .send(|| {
                let request = self.aws.sns().set_subscription_attributes().subscription_arn(arn).attribute_name(key);
                let request = request.set_attribute_value(value.map(str::to_owned)).customize();
                request.config_override(self.there(topic)).send()
            })
            .await
            .map(drop)
    }
}

fn attributes(arn: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Arn".to_owned(), Value::string(arn)), ("Ref".to_owned(), Value::string(arn))])
}

fn decode<'a>(attributes: impl Iterator<Item = (&'a String, &'a String)>) -> BTreeMap<String, Value> {
    attributes
        .filter(|(key, _)| ATTRIBUTES.iter().any(|(name, _)| name == key))
        .map(|(key, value)| {
            let value = if DOCUMENTS.contains(&key.as_str()) { parsed_document(value) } else { Value::string(value) };
            (key.clone(), value)
        })
        .collect()
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    // The topic's ARN says it.
    properties.remove("Region");
    if let Some(value) = properties.get_mut("RawMessageDelivery") {
        text_in_place(value);
    }
    for key in DOCUMENTS {
        if let Some(Value::String(document)) = properties.get(*key) {
            let parsed = parsed_document(document);
            properties.insert((*key).to_owned(), parsed);
        }
    }
    drop_empty(properties, &["FilterPolicy"]);
    default_to(properties, "RawMessageDelivery", Value::string("false"));
    // Without a filter its scope means nothing.
    if properties.contains_key("FilterPolicy") {
        default_to(properties, "FilterPolicyScope", Value::string("MessageAttributes"));
    } else {
        properties.remove("FilterPolicyScope");
    }
}

/// The value of an attribute as SNS takes it.
fn attribute(properties: &Value, key: &str) -> Option<String> {
    match properties.get(key) {
        Some(value) if DOCUMENTS.contains(&key) => Some(document(value)),
        Some(value) => as_text(value),
        None => ATTRIBUTES.iter().find(|(name, _)| *name == key).and_then(|(_, clear)| clear.map(str::to_owned)),
    }
}

/// Topic, protocol and endpoint: what makes it the same subscription.
fn identity(properties: &Value) -> Option<String> {
    let part = |key: &str| properties.get(key)?.text().map(str::to_owned);
    Some([part("TopicArn")?, part("Protocol")?, part("Endpoint")?].join("|"))
}

impl Findable for Subscription {}

#[async_trait]
impl Kind for Subscription {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("TopicArn", Trait::Immutable),
            ("Protocol", Trait::Immutable),
            ("Endpoint", Trait::Immutable),
            ("DeliveryPolicy", Trait::Document),
            ("FilterPolicy", Trait::Document),
            ("RedrivePolicy", Trait::Document),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        identity(&desired.properties)
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let (Some(topic), Some(identity)) = (text(&desired.properties, &["TopicArn"]), identity(&desired.properties))
        else {
            return Ok(None);
        };
        for summary in self.of_topic(&topic).await? {
            let same = [&topic, summary.protocol().unwrap_or_default(), summary.endpoint().unwrap_or_default()];
            if same.join("|") == identity {
                return self.live(&topic, &summary, desired.address.clone()).await;
            }
        }
        Ok(None)
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let Some(function) = parent.attributes.get("Arn").and_then(Value::text) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for topic in self.aws.invoked_from(&parent.physical_id, "sns.amazonaws.com").await? {
            let summaries = match self.of_topic(&topic).await {
                Ok(summaries) => summaries,
                // Another account's topic that does not let itself be looked at.
                Err(failure) if matches!(failure.reason, Reason::Denied | Reason::Invalid) => continue,
                Err(failure) => return Err(failure),
            };
            for summary in summaries {
                let endpoint = summary.endpoint().unwrap_or_default();
                let is_beneath =
                    endpoint.strip_prefix(function).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
                if !is_beneath {
                    continue;
                }
                let name = topic.rsplit(':').next().unwrap_or(&topic);
                let address = Address::new(TYPE, format!("{}:{name}", parent.address.logical_id));
                if let Some(mut live) = self.live(&topic, &summary, address).await? {
                    live.parent = Some(parent.address.logical_id.clone());
                    found.push(live);
                }
            }
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(super::function::TYPE)
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let topic = required(&wanted, "TopicArn")?;
        let (protocol, endpoint) = (required(&wanted, "Protocol")?, required(&wanted, "Endpoint")?);
        let settings: HashMap<String, String> = ATTRIBUTES
            .iter()
            .filter(|(key, _)| wanted.get(key).is_some())
            .filter_map(|(key, _)| Some(((*key).to_owned(), attribute(&wanted, key)?)))
            .collect();
        let answer = self
            .aws
            .call("sns", "Subscribe")
            .progress(progress)
            .fresh(self.aws.retry().fresh.any())
            .send(|| {
                let request = self.aws.sns().subscribe().topic_arn(&topic).protocol(&protocol).endpoint(&endpoint);
                let request = request.set_attributes(Some(settings.clone())).return_subscription_arn(true);
                request.customize().config_override(self.there(&topic)).send()
            })
            .await;
        let arn = match answer {
            Ok(answer) => {
                answer.subscription_arn().ok_or_else(|| incomplete("sns.Subscribe", "subscription ARN"))?.to_owned()
            }
            // There already, with other attributes.
            Err(failure) => match self.read(desired).await? {
                Some(live) => {
                    let fields = crate::engine::diff::difference(&live.properties, &wanted, self.traits()).fields;
                    return self.update(&live, desired, &fields, progress).await;
                }
                None => return Err(failure),
            },
        };
        Ok(Live::made(desired, attributes(&arn), [topic, protocol, endpoint].join("|"), wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let arn = live.attributes.get("Arn").and_then(Value::text).unwrap_or(PENDING);
        if arn == PENDING {
            return Err(Failure::new(Reason::Invalid, "the subscription is not confirmed yet")
                .help("whoever owns the endpoint confirms it; then run the same command again"));
        }
        let topic = required(&wanted, "TopicArn")?;
        // The scope decides how the filter is read: it goes first.
        let mut keys: Vec<&str> =
            changed(fields).into_iter().filter(|key| ATTRIBUTES.iter().any(|(name, _)| name == key)).collect();
        keys.sort_by_key(|key| *key != "FilterPolicyScope");
        for key in keys {
            self.set(&topic, arn, key, attribute(&wanted, key).as_deref(), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let arn = live.attributes.get("Arn").and_then(Value::text).unwrap_or(PENDING);
        if arn == PENDING {
            // SNS forgets it by itself after three days.
            progress.say("was never confirmed: SNS drops it by itself");
            return Ok(());
        }
        let topic = text(&live.properties, &["TopicArn"]).unwrap_or_default();
        self.aws
            .call("sns", "Unsubscribe")
            .progress(progress)
            .find(|| {
                let request = self.aws.sns().unsubscribe().subscription_arn(arn).customize();
                request.config_override(self.there(&topic)).send()
            })
            .await
            .map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: "*" }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "sns:ListSubscriptionsByTopic"),
            needs(Step::Read, "sns:GetSubscriptionAttributes"),
            needs(Step::Create, "sns:Subscribe"),
            needs(Step::Update, "sns:SetSubscriptionAttributes"),
            needs(Step::Delete, "sns:Unsubscribe"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;
    use serde_json::json;

    fn normal(json: serde_json::Value) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn a_filter_is_the_same_as_text_and_as_a_tree() {
        let tree = normal(json!({ "FilterPolicy": { "pet": ["dog"] }, "Region": "eu-west-1" }));
        let text = normal(json!({ "FilterPolicy": "{\"pet\": [\"dog\"]}", "FilterPolicyScope": "MessageAttributes" }));
        assert_eq!(tree, text);
        assert_eq!(normal(json!({ "FilterPolicyScope": "MessageBody" })), normal(json!({})));
    }

    #[test]
    fn every_attribute_can_be_taken_away() {
        let empty = normal(json!({ "TopicArn": "t" }));
        assert_eq!(attribute(&empty, "FilterPolicy").as_deref(), Some("{}"));
        assert_eq!(attribute(&empty, "FilterPolicyScope").as_deref(), Some("MessageAttributes"));
        assert_eq!(attribute(&empty, "RawMessageDelivery").as_deref(), Some("false"));
        assert_eq!(attribute(&empty, "RedrivePolicy"), None);
    }

    #[test]
    fn a_topic_elsewhere_is_called_where_it_is() {
        assert_eq!(region_of("arn:aws:sns:eu-west-1:1:orders").as_deref(), Some("eu-west-1"));
        let properties = normal(json!({ "TopicArn": "t", "Protocol": "lambda", "Endpoint": "f" }));
        assert_eq!(identity(&properties).as_deref(), Some("t|lambda|f"));
        assert_eq!(identity(&normal(json!({ "TopicArn": "t" }))), None);
    }
}
