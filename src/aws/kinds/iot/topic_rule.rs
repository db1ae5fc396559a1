//! `AWS::IoT::TopicRule`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-topicrule.html>
//!
//! ReplaceTopicRule replaces all of it, so what was taken away is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live};
use crate::engine::value::Value;

use super::super::json::{changed, lower, upper};
use super::super::names::generated;
use super::super::properties::{
    at_mut, boolean_in_place, default_to, drop_empty, from_json, own_tags, tags_to_map, text_map, to_json,
};
use super::super::{Findable, after};
use super::{retag, tags};

/// `AWS::IoT::TopicRule`
pub const TYPE: &str = "AWS::IoT::TopicRule";

/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateTopicRule.html>
const LONGEST_NAME: usize = 128;
/// What AWS documents as the version of a rule that names none; it is always said, so that nobody else chooses.
const SQL_VERSION: &str = "2015-10-08";
const RULE_ARN: &str = "arn:${Partition}:iot:${Region}:${Account}:rule/*";

/// Reads, makes, changes and deletes rules of AWS IoT.
pub struct TopicRule {
    aws: Arc<Aws>,
}

impl TopicRule {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// Letters, digits and underscores only.
    fn generated(&self, logical_id: &str) -> String {
        generated(self.aws.scope(), logical_id, LONGEST_NAME)
            .replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")
    }

    fn name(&self, desired: &Desired) -> Option<String> {
        match desired.properties.get("RuleName") {
            Some(name) => name.text().map(str::to_owned),
            None => Some(self.generated(&desired.address.logical_id)),
        }
    }

    fn attributes(&self, name: &str) -> BTreeMap<String, Value> {
        let mut attributes = BTreeMap::from([("Ref".to_owned(), Value::string(name))]);
        let arn = self.aws.arn("iot", &format!("rule/{name}"));
        attributes.extend(arn.map(|arn| ("Arn".to_owned(), Value::String(arn))));
        attributes
    }

    async fn retag(&self, name: &str, live: &Value, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
        let arn = self.aws.arn("iot", &format!("rule/{name}")).unwrap_or_default();
        retag(&self.aws, &arn, live, wanted, progress).await
    }
}

fn path(name: &str) -> String {
    format!("/rules/{}", segment(name))
}

fn payload(rule: &Json) -> Value {
    let mut rule = upper(rule.clone());
    if let Json::Object(map) = &mut rule {
        map.remove("RuleName");
        map.remove("CreatedAt");
    }
    from_json(rule)
}

fn body(properties: &Value) -> Json {
    lower(properties.get("TopicRulePayload").map_or_else(|| json!({}), to_json))
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(Value::Map(payload)) = properties.get_mut("TopicRulePayload") {
        if let Some(disabled) = payload.get_mut("RuleDisabled") {
            boolean_in_place(disabled);
        }
        if payload.get("RuleDisabled") == Some(&Value::Bool(false)) {
            payload.remove("RuleDisabled");
        }
        default_to(payload, "AwsIotSqlVersion", Value::string(SQL_VERSION));
    }
    if let Some(Value::List(actions)) = at_mut(properties, &["TopicRulePayload", "Actions"]) {
        for action in actions {
            if let Value::Map(action) = action {
                drop_empty(action, &[]);
            }
        }
    }
    drop_empty(properties, &[]);
}

#[async_trait]
impl Findable for TopicRule {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "iot", "rule/").map(str::to_owned)
    }
}

#[async_trait]
impl Kind for TopicRule {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("RuleName", Trait::Immutable)]
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
        self.name(desired).map(|name| self.attributes(&name)).unwrap_or_default()
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let found = self.aws.look_for("iot", "GetTopicRule", &Signed::rest("GET", path(name))).await;
        let answer = match found {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(None),
            // What is not there is not shown to anybody.
            Err(failure) if failure.code.as_deref() == Some("UnauthorizedException") => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let arn = answer.get("ruleArn").and_then(Json::as_str).unwrap_or_default();
        let tags = tags(&self.aws, arn).await?;
        let mut map =
            BTreeMap::from([("TopicRulePayload".to_owned(), payload(answer.get("rule").unwrap_or(&Json::Null)))]);
        normalise(&mut map);
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        let is_made_up = logical_id.is_some_and(|id| self.generated(id) == name);
        if desired.map_or(!is_made_up, |desired| desired.properties.get("RuleName").is_some()) {
            map.insert("RuleName".to_owned(), Value::string(name));
        }
        map.insert("Tags".to_owned(), own_tags(&tags));
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(map),
            attributes: self.attributes(name),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = desired.named(self.name(desired))?;
        // With its marks from the first moment on: without them nobody could tell whose it is.
        let pairs = text_map(&wanted, &["Tags"]);
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{}={}", segment(key), segment(value))).collect();
        let request = Signed::rest("POST", path(&name)).header("x-amz-tagging", pairs.join("&")).body(body(&wanted));
        let find = || async { Ok(self.find(&name, None).await?.map(|_| Json::Null)) };
        let call = self.aws.call("iot", "CreateTopicRule").progress(progress).fresh(true);
        call.create(find, || self.aws.signed("iot", request.clone())).await?;
        Ok(Live::made(desired, self.attributes(&name), name, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = live.physical_id.as_str();
        if changed(fields).contains("TopicRulePayload") {
            let request = Signed::rest("PATCH", path(name)).body(body(&wanted));
            self.aws.ask("iot", "ReplaceTopicRule", &request, progress).await?;
        }
        self.retag(name, &live.properties, &wanted, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("DELETE", path(&live.physical_id));
        let call = self.aws.call("iot", "DeleteTopicRule").progress(progress);
        call.find(|| self.aws.signed("iot", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: RULE_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "iot:GetTopicRule"),
            needs(Step::Read, "iot:ListTagsForResource"),
            needs(Step::Create, "iot:CreateTopicRule"),
            needs(Step::Create, "iot:TagResource"),
            needs(Step::Update, "iot:ReplaceTopicRule"),
            needs(Step::Update, "iot:TagResource"),
            needs(Step::Update, "iot:UntagResource"),
            needs(Step::Delete, "iot:DeleteTopicRule"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::properties::tests::tree_of;
    use super::*;

    #[test]
    fn a_rule_comes_back_as_the_file_has_it() {
        let Value::Map(mut file) = tree_of(json!({ "TopicRulePayload": {
            "RuleDisabled": "false", "Sql": "SELECT * FROM 'a'", "Actions": [{ "Lambda": { "FunctionArn": "f" } }],
        } })) else {
            panic!("a map")
        };
        normalise(&mut file);
        let file = Value::Map(file);
        let sent = body(&file);
        assert_eq!(
            sent,
            json!({ "actions": [{ "lambda": { "functionArn": "f" } }], "awsIotSqlVersion": "2015-10-08", "sql": "SELECT * FROM 'a'" })
        );
        let mut live = sent;
        live["ruleDisabled"] = false.into();
        live["ruleName"] = "r".into();
        let mut live = BTreeMap::from([("TopicRulePayload".to_owned(), payload(&live))]);
        normalise(&mut live);
        assert_eq!(Value::Map(live), file);
    }
}
