//! `AWS::Events::EventBus`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbus.html>
//!
//! A bus with rules of others on it is kept: deleting it would silence them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::{ID, SERVICE, STAGE};
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::{Retag, expect, pick, properties, tag_list, tags_of};
use super::properties::{drop_empty, own_tags, required, tags_to_map, text};
use super::{Findable, after};

/// `AWS::Events::EventBus`
pub const TYPE: &str = "AWS::Events::EventBus";

const PROPERTIES: &[&str] =
    &["DeadLetterConfig", "Description", "EventSourceName", "KmsKeyIdentifier", "LogConfig", "Name"];

const BUS_ARN: &str = "arn:${Partition}:events:${Region}:${Account}:event-bus/*";

/// Reads, makes, changes and deletes event buses.
pub struct EventBus {
    aws: Arc<Aws>,
}

impl EventBus {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn send(&self, operation: &'static str, body: Json, progress: &Progress) -> Result<Json, Failure> {
        self.aws.ask("events", operation, &Signed::action(operation, body), progress).await
    }
}

fn attributes(name: &str, arn: Option<String>) -> BTreeMap<String, Value> {
    let mut attributes =
        BTreeMap::from([("Ref".to_owned(), Value::string(name)), ("Name".to_owned(), Value::string(name))]);
    attributes.extend(arn.map(|arn| ("Arn".to_owned(), Value::String(arn))));
    attributes
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    drop_empty(properties, &[]);
}

#[async_trait]
impl Findable for EventBus {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "events", "event-bus/").map(str::to_owned)
    }
}

#[async_trait]
impl Kind for EventBus {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("Name", Trait::Immutable), ("EventSourceName", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        desired.properties.get("Name")?.text().map(str::to_owned)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let Some(name) = self.identity(desired) else { return BTreeMap::new() };
        attributes(&name, self.aws.arn("events", &format!("event-bus/{name}")))
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let logical_id = desired.map(|desired| desired.address.logical_id.as_str());
        let request = Signed::action("DescribeEventBus", json!({ "Name": name }));
        let Some(bus) = self.aws.look_for("events", "DescribeEventBus", &request).await? else { return Ok(None) };
        let arn = expect(&bus, "Arn", "events.DescribeEventBus")?;
        let request = Signed::action("ListTagsForResource", json!({ "ResourceARN": arn }));
        let answer = self.aws.look_for("events", "ListTagsForResource", &request).await?;
        let tags = tags_of(answer.as_ref().and_then(|answer| answer.get("Tags")));
        let mut map = properties(&bus, PROPERTIES);
        normalise(&mut map);
        map.insert("Tags".to_owned(), own_tags(&tags));
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.or(tags.get(ID).map(String::as_str)).unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(map),
            attributes: attributes(name, Some(arn)),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = required(&wanted, "Name")?;
        let mut body = Json::Object(pick(&wanted, PROPERTIES));
        body["Tags"] = tag_list(&wanted);
        let request = Signed::action("CreateEventBus", body);
        let answer = self
            .aws
            .call("events", "CreateEventBus")
            .progress(progress)
            .create(
                || async {
                    let found = self.find(&name, None).await?.filter(|live| live.ownership == Ownership::Ours);
                    Ok(found.map(|live| json!({ "EventBusArn": live.attributes.get("Arn").and_then(Value::text) })))
                },
                || self.aws.signed("events", request.clone()),
            )
            .await?;
        let arn = expect(&answer, "EventBusArn", "events.CreateEventBus")?;
        Ok(Live::made(desired, attributes(&name, Some(arn)), name, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        if fields.iter().any(|field| !field.path.starts_with("Tags")) {
            // Whatever is left out stays: everything that can be changed is said.
            let mut body = pick(&wanted, &["DeadLetterConfig", "KmsKeyIdentifier", "LogConfig"]);
            body.insert("Name".to_owned(), live.physical_id.as_str().into());
            body.insert("Description".to_owned(), text(&wanted, &["Description"]).unwrap_or_default().into());
            body.entry("DeadLetterConfig").or_insert_with(|| json!({}));
            body.entry("KmsKeyIdentifier").or_insert_with(|| "".into());
            self.send("UpdateEventBus", Json::Object(body), progress).await?;
        }
        let arn = text(&Value::Map(live.attributes.clone()), &["Arn"]).unwrap_or_default();
        let Retag { set, remove } = Retag::between(&live.properties, &wanted);
        if !set.is_empty() {
            let tags: Json = set.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            self.send("TagResource", json!({ "ResourceARN": arn, "Tags": tags }), progress).await?;
        }
        if !remove.is_empty() {
            self.send("UntagResource", json!({ "ResourceARN": arn, "TagKeys": remove }), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let name = live.physical_id.as_str();
        let request = Signed::action("ListRules", json!({ "EventBusName": name, "Limit": 1 }));
        let rules = self.aws.look_for("events", "ListRules", &request).await?;
        if rules.is_some_and(|answer| !super::json::members(&answer, "Rules").is_empty()) {
            progress.kept("others have rules on this bus");
            let arn = text(&Value::Map(live.attributes.clone()), &["Arn"]).unwrap_or_default();
            let body = json!({ "ResourceARN": arn, "TagKeys": [SERVICE, STAGE, ID] });
            return self.send("UntagResource", body, progress).await.map(drop);
        }
        let request = Signed::action("DeleteEventBus", json!({ "Name": name }));
        let call = self.aws.call("events", "DeleteEventBus").progress(progress);
        call.find(|| self.aws.signed("events", request.clone())).await.map(drop)
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[super::rule::TYPE]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: BUS_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "events:DescribeEventBus"),
            needs(Step::Read, "events:ListTagsForResource"),
            needs(Step::Create, "events:CreateEventBus"),
            needs(Step::Create, "events:TagResource"),
            needs(Step::Update, "events:UpdateEventBus"),
            needs(Step::Update, "events:TagResource"),
            needs(Step::Update, "events:UntagResource"),
            needs(Step::Delete, "events:ListRules"),
            needs(Step::Delete, "events:DeleteEventBus"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    #[test]
    fn a_bus_without_anything_is_its_name() {
        let Value::Map(mut map) =
            tree_of(json!({ "Name": "orders", "Description": "", "DeadLetterConfig": {}, "Tags": [] }))
        else {
            panic!("a map")
        };
        normalise(&mut map);
        assert_eq!(Value::Map(map), tree_of(json!({ "Name": "orders" })));
    }
}
