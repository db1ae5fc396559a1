//! `AWS::SNS::Topic`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html>
//!
//! Subscriptions are resources of their own (`AWS::SNS::Subscription`). A topic with subscriptions of others is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_sns::types::Tag;

use crate::aws::client::{Aws, incomplete};
use crate::aws::ownership::{ID, SERVICE, STAGE};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::{Retag, changed};
use super::names::generated;
use super::properties::{
    as_text, default_to, document, drop_empty, own_tags, parsed_document, tags_to_map, text_in_place, text_map,
};
use super::{Findable, after};

/// `AWS::SNS::Topic`
pub const TYPE: &str = "AWS::SNS::Topic";

/// <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>
const LONGEST_NAME: usize = 256;

/// Attributes, and what they are when nothing is said: what is set for a property that was taken away.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("ArchivePolicy", ""),
    ("ContentBasedDeduplication", "false"),
    ("DeliveryPolicy", ""),
    ("DisplayName", ""),
    ("FifoThroughputScope", ""),
    ("FifoTopic", "false"),
    ("KmsMasterKeyId", ""),
    ("SignatureVersion", "1"),
    ("TracingConfig", "PassThrough"),
];
const DOCUMENTS: &[&str] = &["ArchivePolicy", "DeliveryPolicy"];

const TOPIC_ARN: &str = "arn:${Partition}:sns:${Region}:${Account}:*";

/// Reads, makes, changes and deletes topics.
pub struct Topic {
    aws: Arc<Aws>,
}

impl Topic {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn name(&self, desired: &Desired) -> Option<String> {
        match desired.properties.get("TopicName") {
            Some(name) => name.text().map(str::to_owned),
            None => Some(generated(self.aws.scope(), &desired.address.logical_id, LONGEST_NAME)),
        }
    }

    async fn arn(&self, name: &str) -> Result<String, Failure> {
        self.aws.account().await?;
        self.aws.arn("sns", name).ok_or_else(|| incomplete("sts.GetCallerIdentity", "account"))
    }

    async fn set(&self, arn: &str, name: &str, value: &str, progress: &Progress) -> Result<(), Failure> {
        self.aws
            .call("sns", "SetTopicAttributes")
            .progress(progress)
            .fresh(self.aws.retry().fresh.any())
            .send(|| {
                self.aws.sns().set_topic_attributes().topic_arn(arn).attribute_name(name).attribute_value(value).send()
            })
            .await
            .map(drop)
    }

    async fn untag(&self, arn: &str, keys: Vec<String>, progress: &Progress) -> Result<(), Failure> {
        self.aws
            .call("sns", "UntagResource")
            .progress(progress)
            .send(|| self.aws.sns().untag_resource().resource_arn(arn).set_tag_keys(Some(keys.clone())).send())
            .await
            .map(drop)
    }
}

fn attributes_of(name: &str, arn: Option<String>) -> BTreeMap<String, Value> {
    let mut attributes = BTreeMap::from([("TopicName".to_owned(), Value::string(name))]);
    for key in ["Ref", "TopicArn", "Arn"] {
        attributes.extend(arn.as_ref().map(|arn| (key.to_owned(), Value::string(arn.as_str()))));
    }
    attributes
}

fn decode<'a>(attributes: impl Iterator<Item = (&'a String, &'a String)>) -> BTreeMap<String, Value> {
    let mut map: BTreeMap<String, Value> = attributes
        .filter(|(key, _)| ATTRIBUTES.iter().any(|(name, _)| name == key))
        .map(|(key, value)| {
            let value = if DOCUMENTS.contains(&key.as_str()) { parsed_document(value) } else { Value::string(value) };
            (key.clone(), value)
        })
        .collect();
    normalise(&mut map);
    map
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    for (key, default) in ATTRIBUTES {
        if let Some(value) = properties.get_mut(*key) {
            text_in_place(value);
        }
        if !default.is_empty() {
            default_to(properties, key, Value::string(*default));
        }
    }
    drop_empty(properties, &[]);
}

/// The value of an attribute as SNS takes it; what is to be when the property is not there.
fn attribute(properties: &Value, key: &str) -> String {
    match properties.get(key) {
        Some(value) if DOCUMENTS.contains(&key) => document(value),
        Some(value) => as_text(value).unwrap_or_default(),
        None => ATTRIBUTES.iter().find(|(name, _)| *name == key).map_or("", |(_, default)| default).to_owned(),
    }
}

#[async_trait]
impl Findable for Topic {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "sns", "").filter(|name| !name.contains(':')).map(str::to_owned)
    }
}

#[async_trait]
impl Kind for Topic {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("TopicName", Trait::Immutable),
            ("FifoTopic", Trait::Immutable),
            ("ArchivePolicy", Trait::Document),
            ("DeliveryPolicy", Trait::Document),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        self.name(desired)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        self.name(desired).map(|name| attributes_of(&name, self.aws.arn("sns", &name))).unwrap_or_default()
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let arn = self.arn(name).await?;
        let attributes = async {
            let call = self.aws.call("sns", "GetTopicAttributes");
            call.find(|| self.aws.sns().get_topic_attributes().topic_arn(&arn).send()).await
        };
        let tags = async {
            let call = self.aws.call("sns", "ListTagsForResource");
            call.find(|| self.aws.sns().list_tags_for_resource().resource_arn(&arn).send()).await
        };
        let (Some(answer), tags) = tokio::try_join!(attributes, tags)? else { return Ok(None) };
        let tags: BTreeMap<String, String> = tags
            .iter()
            .flat_map(|answer| answer.tags())
            .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
            .collect();
        let mut map = decode(answer.attributes().into_iter().flatten());
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        let is_made_up = logical_id.is_some_and(|id| generated(self.aws.scope(), id, LONGEST_NAME) == name);
        if desired.map_or(!is_made_up, |desired| desired.properties.get("TopicName").is_some()) {
            map.insert("TopicName".to_owned(), Value::string(name));
        }
        map.insert("Tags".to_owned(), own_tags(&tags));
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(map),
            attributes: attributes_of(name, Some(arn)),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut desired = desired.clone();
        self.normalise(&mut desired.properties);
        let name = desired.named(self.name(&desired))?;
        let tags: Vec<Tag> = text_map(&desired.properties, &["Tags"])
            .iter()
            .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
            .collect();
        let attributes: std::collections::HashMap<String, String> = ATTRIBUTES
            .iter()
            .map(|(key, default)| (*key, *default, attribute(&desired.properties, key)))
            .filter(|(_, default, value)| default != value)
            .map(|(key, _, value)| (key.to_owned(), value))
            .collect();
        // The same topic with the same attributes once more is no error to SNS.
        let answer = self
            .aws
            .call("sns", "CreateTopic")
            .progress(progress)
            .send(|| {
                let request = self.aws.sns().create_topic().name(&name).set_tags(Some(tags.clone()));
                request.set_attributes(Some(attributes.clone())).send()
            })
            .await?;
        let arn = answer.topic_arn().ok_or_else(|| incomplete("sns.CreateTopic", "topic ARN"))?.to_owned();
        Ok(Live {
            address: desired.address,
            attributes: attributes_of(&name, Some(arn)),
            physical_id: name,
            properties: desired.properties,
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: desired.parent,
        })
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let arn = self.arn(&live.physical_id).await?;
        for key in changed(fields) {
            if ATTRIBUTES.iter().any(|(name, _)| *name == key) {
                self.set(&arn, key, &attribute(&wanted, key), progress).await?;
            }
        }
        let Retag { set, remove } = Retag::between(&live.properties, &wanted);
        if !set.is_empty() {
            let tags: Vec<Tag> =
                set.iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect();
            self.aws
                .call("sns", "TagResource")
                .progress(progress)
                .send(|| self.aws.sns().tag_resource().resource_arn(&arn).set_tags(Some(tags.clone())).send())
                .await?;
        }
        if !remove.is_empty() {
            self.untag(&arn, remove.into_iter().collect(), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let arn = self.arn(&live.physical_id).await?;
        let call = self.aws.call("sns", "ListSubscriptionsByTopic");
        let left = call.find(|| self.aws.sns().list_subscriptions_by_topic().topic_arn(&arn).send()).await?;
        // Ours went before it, or their functions did: SNS takes those along with the topic.
        let of_ours = format!(":function:{}", self.aws.scope().prefix());
        let is_ours = |endpoint: Option<&str>| endpoint.is_some_and(|endpoint| endpoint.contains(&of_ours));
        if left.is_some_and(|answer| !answer.subscriptions().iter().all(|one| is_ours(one.endpoint()))) {
            progress.kept("others are subscribed to this topic");
            return self.untag(&arn, [SERVICE, STAGE, ID].map(str::to_owned).to_vec(), progress).await;
        }
        let call = self.aws.call("sns", "DeleteTopic").progress(progress);
        call.find(|| self.aws.sns().delete_topic().topic_arn(&arn).send()).await.map(drop)
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[super::subscription::TYPE]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: TOPIC_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "sns:GetTopicAttributes"),
            needs(Step::Read, "sns:ListTagsForResource"),
            needs(Step::Create, "sns:CreateTopic"),
            needs(Step::Create, "sns:TagResource"),
            needs(Step::Update, "sns:SetTopicAttributes"),
            needs(Step::Update, "sns:TagResource"),
            needs(Step::Update, "sns:UntagResource"),
            needs(Step::Delete, "sns:ListSubscriptionsByTopic"),
            needs(Step::Delete, "sns:DeleteTopic"),
        ];
        ALL
    }
}

/// The region in an ARN.
pub(super) fn region_of(arn: &str) -> Option<String> {
    arn.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_sns_answers_for_a_plain_topic_is_what_the_file_says() {
        let answer = [("TopicArn", "arn"), ("DisplayName", ""), ("Policy", "{}"), ("SubscriptionsConfirmed", "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let live = decode(answer.iter().map(|(key, value)| (key, value)));
        let Value::Map(mut file) = tree_of(json!({ "FifoTopic": false })) else { panic!("a map") };
        normalise(&mut file);
        assert_eq!(live, file);
    }

    #[test]
    fn every_attribute_has_a_value_to_go_back_to() {
        let empty = tree_of(json!({}));
        for (key, default) in ATTRIBUTES {
            assert_eq!(attribute(&empty, key), *default);
        }
        let set = tree_of(json!({ "DeliveryPolicy": { "http": {} }, "DisplayName": "Orders" }));
        assert_eq!(attribute(&set, "DeliveryPolicy"), r#"{"http":{}}"#);
        assert_eq!(attribute(&set, "DisplayName"), "Orders");
    }
}
