//! `AWS::Kinesis::StreamConsumer`: a share of a Kinesis stream that one function has to itself.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kinesis-streamconsumer.html>
//!
//! Its ARN ends in the time at which it was made, so it is known by its stream and its name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::retry::Look;
use crate::engine::value::Value;

use super::json::{Retag, expect, member, tags_of};
use super::properties::{drop_empty, own_tags, required, tags_to_map, text, text_map, tree};
use super::{Findable, after, event_source_mapping};

/// `AWS::Kinesis::StreamConsumer`
pub const TYPE: &str = "AWS::Kinesis::StreamConsumer";

const CONSUMER_ARN: &str = "arn:${Partition}:kinesis:${Region}:${Account}:stream/*";
/// Between stream and name in a consumer's ARN.
const MARKER: &str = "/consumer/";
/// AWS promises no time; minutes have been seen on large streams.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);

/// Reads, makes, changes and deletes consumers of streams.
pub struct StreamConsumer {
    aws: Arc<Aws>,
}

impl StreamConsumer {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn send(&self, operation: &'static str, body: Json, progress: &Progress) -> Result<Json, Failure> {
        self.aws.ask("kinesis", operation, &Signed::action(operation, body), progress).await
    }

    /// What Kinesis says of a consumer. One that is on its way out is not there any more.
    async fn describe(&self, stream: &str, name: &str) -> Result<Option<Json>, Failure> {
        let body = json!({ "StreamARN": stream, "ConsumerName": name });
        let request = Signed::action("DescribeStreamConsumer", body);
        let answer = self.aws.look_for("kinesis", "DescribeStreamConsumer", &request).await?;
        let described = answer.and_then(|mut answer| answer.get_mut("ConsumerDescription").map(Json::take));
        Ok(described.filter(|consumer| member(consumer, "ConsumerStatus") != Some("DELETING")))
    }

    async fn find(&self, stream: &str, name: &str, logical_id: Option<&str>) -> Result<Option<Live>, Failure> {
        let Some(consumer) = self.describe(stream, name).await? else { return Ok(None) };
        let arn = expect(&consumer, "ConsumerARN", "kinesis.DescribeStreamConsumer")?;
        let request = Signed::action("ListTagsForResource", json!({ "ResourceARN": arn }));
        let answer = self.aws.look_for("kinesis", "ListTagsForResource", &request).await?;
        let tags = tags_of(answer.as_ref().and_then(|answer| answer.get("Tags")));
        let properties = tree([
            ("StreamARN", Some(Value::string(stream))),
            ("ConsumerName", Some(Value::string(name))),
            ("Tags", Some(own_tags(&tags))),
        ]);
        let address = Address::new(TYPE, logical_id.or(tags.get(ID).map(String::as_str)).unwrap_or(name));
        let ownership = self.aws.scope().ownership(&tags);
        Ok(Some(Live {
            attributes: attributes(stream, name, &consumer),
            physical_id: format!("{stream}{MARKER}{name}"),
            address,
            properties,
            ownership,
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    /// Waits until a function can read through it: a mapping is refused before.
    async fn active(&self, stream: &str, name: &str, progress: &Progress) -> Result<Json, Failure> {
        let body = json!({ "StreamARN": stream, "ConsumerName": name });
        let request = Signed::action("DescribeStreamConsumer", body);
        self.aws
            .call("kinesis", "DescribeStreamConsumer")
            .progress(progress)
            .fresh(true)
            .wait(
                SETTLED_WITHIN,
                || self.aws.signed("kinesis", request.clone()),
                |answer: Json| match answer.pointer("/ConsumerDescription/ConsumerStatus").and_then(Json::as_str) {
                    Some("CREATING") => Look::NotYet("the consumer to become active"),
                    _ => Look::Ready(answer.get("ConsumerDescription").cloned().unwrap_or_default()),
                },
            )
            .await
    }
}

/// Stream and name of a consumer that a physical id or an ARN names; the latter ends in a time.
fn split(id: &str) -> Option<(&str, &str)> {
    let (stream, name) = id.split_once(MARKER)?;
    Some((stream, name.split(':').next().unwrap_or(name)))
}

fn attributes(stream: &str, name: &str, consumer: &Json) -> BTreeMap<String, Value> {
    let mut attributes = BTreeMap::from([
        ("StreamARN".to_owned(), Value::string(stream)),
        ("ConsumerName".to_owned(), Value::string(name)),
    ]);
    if let Some(arn) = member(consumer, "ConsumerARN") {
        attributes.extend(["Ref", "ConsumerARN"].map(|key| (key.to_owned(), Value::string(arn))));
    }
    attributes
}

#[async_trait]
impl Findable for StreamConsumer {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "kinesis", "stream/")?;
        split(arn).map(|(stream, name)| format!("{stream}{MARKER}{name}"))
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        match split(physical_id) {
            Some((stream, name)) => self.find(stream, name, None).await,
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Kind for StreamConsumer {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("StreamARN", Trait::Immutable), ("ConsumerName", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            tags_to_map(map);
            drop_empty(map, &[]);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key)?.text();
        Some(format!("{}{MARKER}{}", part("StreamARN")?, part("ConsumerName")?))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let part = |key: &str| text(&desired.properties, &[key]);
        let (Some(stream), Some(name)) = (part("StreamARN"), part("ConsumerName")) else { return Ok(None) };
        self.find(&stream, &name, Some(&desired.address.logical_id)).await
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (stream, name) = (required(&wanted, "StreamARN")?, required(&wanted, "ConsumerName")?);
        let tags = text_map(&wanted, &["Tags"]);
        let request = Signed::action(
            "RegisterStreamConsumer",
            json!({ "StreamARN": stream, "ConsumerName": name, "Tags": tags }),
        );
        self.aws
            .call("kinesis", "RegisterStreamConsumer")
            .progress(progress)
            .fresh(self.aws.retry().fresh.any())
            .create(
                || async {
                    let found = self.find(&stream, &name, None).await?;
                    Ok(found.filter(|live| live.ownership == Ownership::Ours).map(|_| Json::Null))
                },
                || self.aws.signed("kinesis", request.clone()),
            )
            .await?;
        let consumer = self.active(&stream, &name, progress).await?;
        Ok(Live::made(desired, attributes(&stream, &name, &consumer), format!("{stream}{MARKER}{name}"), wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let arn = text(&Value::Map(live.attributes.clone()), &["Ref"]).unwrap_or_default();
        let Retag { set, remove } = Retag::between(&live.properties, &wanted);
        if !set.is_empty() {
            let tags: Map<String, Json> = set.into_iter().map(|(key, value)| (key, value.into())).collect();
            self.send("TagResource", json!({ "ResourceARN": arn, "Tags": tags }), progress).await?;
        }
        if !remove.is_empty() {
            self.send("UntagResource", json!({ "ResourceARN": arn, "TagKeys": remove }), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((stream, name)) = split(&live.physical_id) else { return Ok(()) };
        let body = json!({ "StreamARN": stream, "ConsumerName": name });
        let request = Signed::action("DeregisterStreamConsumer", body.clone());
        let call = self.aws.call("kinesis", "DeregisterStreamConsumer").progress(progress);
        if call.find(|| self.aws.signed("kinesis", request.clone())).await?.is_none() {
            return Ok(());
        }
        // Its name is taken until it is really gone.
        let request = Signed::action("DescribeStreamConsumer", body);
        let gone = self
            .aws
            .call("kinesis", "DescribeStreamConsumer")
            .progress(progress)
            .wait(
                SETTLED_WITHIN,
                || self.aws.signed("kinesis", request.clone()),
                |answer: Json| match answer.pointer("/ConsumerDescription/ConsumerStatus").and_then(Json::as_str) {
                    Some("DELETING") => Look::NotYet("the consumer to end"),
                    _ => Look::Ready(()),
                },
            )
            .await;
        match gone {
            Err(failure) if failure.reason == Reason::NotFound => Ok(()),
            other => other,
        }
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[event_source_mapping::TYPE]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: CONSUMER_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "kinesis:DescribeStreamConsumer"),
            needs(Step::Read, "kinesis:ListTagsForResource"),
            needs(Step::Create, "kinesis:RegisterStreamConsumer"),
            needs(Step::Create, "kinesis:TagResource"),
            needs(Step::Update, "kinesis:TagResource"),
            needs(Step::Update, "kinesis:UntagResource"),
            needs(Step::Delete, "kinesis:DeregisterStreamConsumer"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_is_known_by_stream_and_name() {
        let stream = "arn:aws:kinesis:us-east-1:123456789012:stream/flow";
        assert_eq!(split(&format!("{stream}/consumer/eats:1700000000")), Some((stream, "eats")));
        assert_eq!(split(&format!("{stream}/consumer/eats")), Some((stream, "eats")));
        assert_eq!(split(stream), None);
    }
}
