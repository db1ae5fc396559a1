//! `AWS::ElasticLoadBalancingV2::ListenerRule`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-listenerrule.html>
//!
//! A rule is found by its place: a listener has one for each priority.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, each};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::super::json::{changed, expect, member, tag_list};
use super::super::properties::{drop_empty, from_json, number_in_place, own_tags, put, required, tags_to_map, text};
use super::super::{Findable, after};
use super::{SERVICE, retag, rule_shape, tags};

/// `AWS::ElasticLoadBalancingV2::ListenerRule`
pub const TYPE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";

const RULE_ARN: &str = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:listener-rule/app/*";
const LISTENER_ARN: &str = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:listener/app/*";

/// Reads, makes, changes and deletes rules of listeners.
pub struct ListenerRule {
    aws: Arc<Aws>,
}

impl ListenerRule {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn at(&self, listener: &str, priority: &str) -> Result<Option<Json>, Failure> {
        let request = Signed::action("DescribeRules", json!({ "ListenerArn": listener }));
        let all = self.aws.pages(SERVICE, "DescribeRules", request, ("NextMarker", "Marker"), "Rules").await?;
        Ok(all.into_iter().find(|rule| member(rule, "Priority") == Some(priority)))
    }

    async fn live(&self, rule: Json, desired: Option<&Desired>) -> Result<Live, Failure> {
        let arn = expect(&rule, "RuleArn", "elbv2.DescribeRules")?;
        let tags = tags(&self.aws, &arn).await?;
        let mut map = decode(rule, &arn);
        // The balancer never tells a secret. The note beside it tells when the file's is another one.
        let mut shown = tags.clone();
        let noted = shown.remove(SECRETS);
        if let Some(desired) = desired
            && (noted.is_none() || noted == rule_shape::secrets_note(&desired.properties))
        {
            rule_shape::borrow_secrets(&mut map, &desired.properties);
        }
        map.insert("Tags".to_owned(), own_tags(&shown));
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        Ok(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(&arn)),
            properties: Value::Map(map),
            attributes: attributes(&arn),
            physical_id: arn,
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }
}

/// On a rule: a note of the client secrets that it was given.
const SECRETS: &str = "hoist:secrets";

fn attributes(arn: &str) -> BTreeMap<String, Value> {
    ["Ref", "RuleArn"].into_iter().map(|key| (key.to_owned(), Value::string(arn))).collect()
}

/// The listener that a rule's ARN names: the rule's own id is its last part.
fn listener_of(rule: &str) -> Option<String> {
    let (listener, _) = rule.rsplit_once('/')?;
    Some(listener.replacen(":listener-rule/", ":listener/", 1))
}

fn decode(rule: Json, arn: &str) -> BTreeMap<String, Value> {
    let Value::Map(mut map) = from_json(rule_shape::plain_maps(rule)) else { return BTreeMap::new() };
    map.retain(|key, _| ["Actions", "Conditions", "Priority"].contains(&key.as_str()));
    put(&mut map, "ListenerArn", listener_of(arn).map(Value::String));
    normalise(&mut map);
    map
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(priority) = properties.get_mut("Priority") {
        number_in_place(priority);
    }
    rule_shape::normalise(properties);
    drop_empty(properties, &[]);
}

#[async_trait]
impl Findable for ListenerRule {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "elasticloadbalancing", "listener-rule/").map(|_| arn.to_owned())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        let request = Signed::action("DescribeRules", json!({ "RuleArns": [physical_id] }));
        let answer = self.aws.look_for(SERVICE, "DescribeRules", &request).await?;
        match answer.and_then(|answer| each(&answer, "Rules").first().cloned()) {
            Some(rule) => self.live(rule, None).await.map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Kind for ListenerRule {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("ListenerArn", Trait::Immutable), ("Priority", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, _: &Desired) -> Option<String> {
        None
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    /// A priority is taken once.
    fn place(&self, properties: &Value) -> Option<String> {
        Some(format!("{} {}", text(properties, &["ListenerArn"])?, text(properties, &["Priority"])?))
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let part = |key: &str| text(&desired.properties, &[key]);
        let (Some(listener), Some(priority)) = (part("ListenerArn"), part("Priority")) else { return Ok(None) };
        match self.at(&listener, &priority).await? {
            Some(rule) => self.live(rule, Some(desired)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (listener, priority) = (required(&wanted, "ListenerArn")?, required(&wanted, "Priority")?);
        let mut tags = tag_list(&wanted);
        if let (Json::Array(tags), Some(note)) = (&mut tags, rule_shape::secrets_note(&wanted)) {
            tags.push(json!({ "Key": SECRETS, "Value": note }));
        }
        let request = Signed::action(
            "CreateRule",
            json!({
                "ListenerArn": listener, "Priority": priority, "Conditions": rule_shape::conditions(&wanted),
                "Actions": rule_shape::actions(&wanted), "Tags": tags,
            }),
        );
        let answer = self
            .aws
            .call(SERVICE, "CreateRule")
            .progress(progress)
            .fresh(self.aws.retry().fresh.any())
            .create(
                || async {
                    let Some(rule) = self.at(&listener, &priority).await? else { return Ok(None) };
                    let live = self.live(rule.clone(), None).await?;
                    Ok((live.ownership == Ownership::Ours).then(|| json!({ "Rules": [rule] })))
                },
                || self.aws.signed(SERVICE, request.clone()),
            )
            .await?;
        let made = each(&answer, "Rules").first().cloned().unwrap_or_default();
        let arn = expect(&made, "RuleArn", "elbv2.CreateRule")?;
        Ok(Live::made(desired, attributes(&arn), arn, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let changed = changed(fields);
        if changed.contains("Actions") || changed.contains("Conditions") {
            let body = json!({
                "RuleArn": live.physical_id, "Conditions": rule_shape::conditions(&wanted),
                "Actions": rule_shape::actions(&wanted),
            });
            self.aws.ask(SERVICE, "ModifyRule", &Signed::action("ModifyRule", body), progress).await?;
            if let Some(note) = rule_shape::secrets_note(&wanted) {
                let tags = json!([{ "Key": SECRETS, "Value": note }]);
                let body = json!({ "ResourceArns": [live.physical_id], "Tags": tags });
                self.aws.ask(SERVICE, "AddTags", &Signed::action("AddTags", body), progress).await?;
            }
        }
        retag(&self.aws, &live.physical_id, &live.properties, &wanted, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::action("DeleteRule", json!({ "RuleArn": live.physical_id }));
        let call = self.aws.call(SERVICE, "DeleteRule").progress(progress);
        call.find(|| self.aws.signed(SERVICE, request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: RULE_ARN }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "elasticloadbalancing:DescribeRules", resource: "*" },
            Permission { step: Step::Read, action: "elasticloadbalancing:DescribeTags", resource: "*" },
            Permission { step: Step::Create, action: "elasticloadbalancing:CreateRule", resource: LISTENER_ARN },
            needs(Step::Create, "elasticloadbalancing:AddTags"),
            needs(Step::Update, "elasticloadbalancing:ModifyRule"),
            needs(Step::Update, "elasticloadbalancing:AddTags"),
            needs(Step::Update, "elasticloadbalancing:RemoveTags"),
            needs(Step::Delete, "elasticloadbalancing:DeleteRule"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_its_listener() {
        let rule = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/lb/1/2/3";
        let listener = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/lb/1/2";
        assert_eq!(listener_of(rule).as_deref(), Some(listener));
    }
}
