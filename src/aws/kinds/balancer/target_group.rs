//! `AWS::ElasticLoadBalancingV2::TargetGroup` with one function in it.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-targetgroup.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, each};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::super::json::{changed, expect, member, pick, plain_in_place, tag_list};
use super::super::names::generated;
use super::super::properties::{
    boolean, default_to, drop_empty, items, own_tags, put, tags_to_map, text, text_in_place, text_map,
};
use super::super::{Findable, after};
use super::{SERVICE, listener_rule, retag, tags};

/// `AWS::ElasticLoadBalancingV2::TargetGroup`
pub const TYPE: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
const LONGEST_NAME: usize = 32;

/// How the health of a function is checked: what AWS assumes where nothing is said.
const HEALTH: &[(&str, &str)] = &[
    ("HealthCheckIntervalSeconds", "35"),
    ("HealthCheckPath", "/"),
    ("HealthCheckTimeoutSeconds", "30"),
    ("HealthyThresholdCount", "5"),
    ("UnhealthyThresholdCount", "2"),
];
const MATCHER: &str = "200";
/// The attributes of a target group with a function in it, as AWS sets them.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
const ATTRIBUTES: &[(&str, &str)] = &[("lambda.multi_value_headers.enabled", "false")];

const GROUP_ARN: &str = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:targetgroup/*";

/// Reads, makes, changes and deletes target groups.
pub struct TargetGroup {
    aws: Arc<Aws>,
}

impl TargetGroup {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn name(&self, desired: &Desired) -> Option<String> {
        match desired.properties.get("Name") {
            Some(name) => name.text().map(str::to_owned),
            None => Some(generated(self.aws.scope(), &desired.address.logical_id, LONGEST_NAME)),
        }
    }

    async fn described(&self, name: &str) -> Result<Option<Json>, Failure> {
        let request = Signed::action("DescribeTargetGroups", json!({ "Names": [name] }));
        let answer = self.aws.look_for(SERVICE, "DescribeTargetGroups", &request).await?;
        Ok(answer.and_then(|answer| each(&answer, "TargetGroups").first().cloned()))
    }

    async fn beneath(&self, operation: &'static str, arn: &str, list: &str) -> Result<Vec<Json>, Failure> {
        let request = Signed::action(operation, json!({ "TargetGroupArn": arn }));
        let answer = self.aws.look_for(SERVICE, operation, &request).await?;
        Ok(answer.map(|answer| each(&answer, list).to_vec()).unwrap_or_default())
    }

    async fn send(&self, operation: &'static str, body: Json, progress: &Progress) -> Result<Json, Failure> {
        // A load balancer asks whether it may call the function when that becomes a target.
        let call = self.aws.call(SERVICE, operation).progress(progress).fresh(true);
        let request = Signed::action(operation, body);
        call.send(|| self.aws.signed(SERVICE, request.clone())).await
    }

    /// A group has room for one function: the old one leaves first.
    async fn set_targets(&self, arn: &str, live: &Value, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
        let (before, after) = (target_ids(live), target_ids(wanted));
        let ids = |these: &[String], those: &[String]| -> Json {
            these.iter().filter(|id| !those.contains(id)).map(|id| json!({ "Id": id })).collect()
        };
        for (operation, targets) in
            [("DeregisterTargets", ids(&before, &after)), ("RegisterTargets", ids(&after, &before))]
        {
            if targets.as_array().is_some_and(|targets| !targets.is_empty()) {
                self.send(operation, json!({ "TargetGroupArn": arn, "Targets": targets }), progress).await?;
            }
        }
        Ok(())
    }

    async fn set_attributes(&self, arn: &str, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
        let mut attributes: BTreeMap<String, String> =
            ATTRIBUTES.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        attributes.extend(text_map(wanted, &["TargetGroupAttributes"]));
        let list: Json = attributes.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let body = json!({ "TargetGroupArn": arn, "Attributes": list });
        self.send("ModifyTargetGroupAttributes", body, progress).await.map(drop)
    }
}

fn attributes_of(name: &str, arn: &str) -> BTreeMap<String, Value> {
    let full = arn.split_once(":targetgroup/").map(|(_, rest)| format!("targetgroup/{rest}")).unwrap_or_default();
    BTreeMap::from([
        ("Ref".to_owned(), Value::string(arn)),
        ("TargetGroupArn".to_owned(), Value::string(arn)),
        ("TargetGroupName".to_owned(), Value::string(name)),
        ("TargetGroupFullName".to_owned(), Value::String(full)),
    ])
}

fn target_ids(properties: &Value) -> Vec<String> {
    items(properties, &["Targets"]).iter().filter_map(|target| text(target, &["Id"])).collect()
}

fn decode(group: &Json, attributes: Vec<Json>, targets: &[Json]) -> BTreeMap<String, Value> {
    let keys = HEALTH.iter().map(|(key, _)| *key).chain(["HealthCheckEnabled", "TargetType"]);
    let mut map: BTreeMap<String, Value> =
        keys.filter_map(|key| Some((key.to_owned(), Value::string(member(group, key)?)))).collect();
    let codes = group.pointer("/Matcher/HttpCode").and_then(Json::as_str);
    let matcher = codes.map(|codes| Value::Map(BTreeMap::from([("HttpCode".to_owned(), Value::string(codes))])));
    put(&mut map, "Matcher", matcher);
    let attributes = attributes.iter().filter_map(|one| {
        let (key, value) = (member(one, "Key")?, one.get("Value")?.as_str()?);
        ATTRIBUTES.iter().any(|(known, _)| *known == key).then(|| (key.to_owned(), Value::string(value)))
    });
    map.insert("TargetGroupAttributes".to_owned(), Value::Map(attributes.collect()));
    let target = |id: &str| Value::Map(BTreeMap::from([("Id".to_owned(), Value::string(id))]));
    let leaving = |one: &&Json| one.pointer("/TargetHealth/State").and_then(Json::as_str) != Some("draining");
    let ids = targets.iter().filter(leaving).filter_map(|one| one.pointer("/Target/Id").and_then(Json::as_str));
    map.insert("Targets".to_owned(), Value::List(ids.map(target).collect()));
    normalise(&mut map);
    map
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(Value::List(list)) = properties.get("TargetGroupAttributes") {
        let pairs = list.iter().filter_map(|one| Some((text(one, &["Key"])?, one.get("Value")?.clone())));
        let pairs = pairs.collect();
        properties.insert("TargetGroupAttributes".to_owned(), Value::Map(pairs));
    }
    if let Some(Value::Map(attributes)) = properties.get_mut("TargetGroupAttributes") {
        attributes.values_mut().for_each(text_in_place);
        attributes
            .retain(|key, value| !ATTRIBUTES.iter().any(|(known, usual)| known == key && value.text() == Some(usual)));
    }
    default_to(properties, "HealthCheckEnabled", Value::Bool(false));
    plain_in_place(properties, &[], &["HealthCheckEnabled"]);
    if properties.get("HealthCheckEnabled") == Some(&Value::Bool(true)) {
        for (key, usual) in HEALTH {
            default_to(properties, key, Value::string(*usual));
        }
        let usual = BTreeMap::from([("HttpCode".to_owned(), Value::string(MATCHER))]);
        default_to(properties, "Matcher", Value::Map(usual));
    } else {
        // What is not checked needs no rule for it.
        properties.retain(|key, _| key != "Matcher" && !HEALTH.iter().any(|(known, _)| known == key));
    }
    let numbers: Vec<&str> = HEALTH.iter().map(|(key, _)| *key).filter(|key| *key != "HealthCheckPath").collect();
    plain_in_place(properties, &numbers, &[]);
    if properties.get("TargetType").and_then(Value::text) == Some("lambda") {
        properties.remove("TargetType");
    }
    drop_empty(properties, &[]);
}

/// The members that say how health is checked.
fn health(wanted: &Value) -> Map<String, Json> {
    let mut body = pick(wanted, &HEALTH.iter().map(|(key, _)| *key).chain(["Matcher"]).collect::<Vec<_>>());
    body.insert("HealthCheckEnabled".to_owned(), boolean(wanted, &["HealthCheckEnabled"]).unwrap_or(false).into());
    body
}

#[async_trait]
impl Findable for TargetGroup {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "elasticloadbalancing", "targetgroup/")?.split('/').next().map(str::to_owned)
    }
}

#[async_trait]
impl Kind for TargetGroup {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("Name", Trait::Immutable), ("TargetType", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        self.name(desired)
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let Some(group) = self.described(name).await? else { return Ok(None) };
        let arn = expect(&group, "TargetGroupArn", "elbv2.DescribeTargetGroups")?;
        let (tags, attributes, targets) = tokio::try_join!(
            tags(&self.aws, &arn),
            self.beneath("DescribeTargetGroupAttributes", &arn, "Attributes"),
            self.beneath("DescribeTargetHealth", &arn, "TargetHealthDescriptions"),
        )?;
        let mut map = decode(&group, attributes, &targets);
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        let is_made_up = logical_id.is_some_and(|id| generated(self.aws.scope(), id, LONGEST_NAME) == name);
        if desired.map_or(!is_made_up, |desired| desired.properties.get("Name").is_some()) {
            map.insert("Name".to_owned(), Value::string(name));
        }
        map.insert("Tags".to_owned(), own_tags(&tags));
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(map),
            attributes: attributes_of(name, &arn),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = desired.named(self.name(desired))?;
        let mut body = Json::Object(health(&wanted));
        body["Name"] = name.as_str().into();
        body["TargetType"] = text(&wanted, &["TargetType"]).unwrap_or_else(|| "lambda".to_owned()).into();
        body["Tags"] = tag_list(&wanted);
        let request = Signed::action("CreateTargetGroup", body);
        let answer = self
            .aws
            .call(SERVICE, "CreateTargetGroup")
            .progress(progress)
            .fresh(self.aws.retry().fresh.any())
            .create(
                || async {
                    let found = self.find(&name, None).await?.filter(|live| live.ownership == Ownership::Ours);
                    let arn =
                        found.and_then(|live| live.attributes.get("Ref").and_then(Value::text).map(str::to_owned));
                    Ok(arn.map(|arn| json!({ "TargetGroups": [{ "TargetGroupArn": arn }] })))
                },
                || self.aws.signed(SERVICE, request.clone()),
            )
            .await?;
        let made = each(&answer, "TargetGroups").first().cloned().unwrap_or_default();
        let arn = expect(&made, "TargetGroupArn", "elbv2.CreateTargetGroup")?;
        if wanted.get("TargetGroupAttributes").is_some() {
            self.set_attributes(&arn, &wanted, progress).await?;
        }
        self.set_targets(&arn, &Value::Null, &wanted, progress).await?;
        Ok(Live::made(desired, attributes_of(&name, &arn), name, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let arn = text(&Value::Map(live.attributes.clone()), &["Ref"]).unwrap_or_default();
        let changed = changed(fields);
        if changed
            .iter()
            .any(|key| ["HealthCheckEnabled", "Matcher"].contains(key) || HEALTH.iter().any(|(k, _)| k == key))
        {
            let mut body = health(&wanted);
            body.insert("TargetGroupArn".to_owned(), arn.as_str().into());
            self.send("ModifyTargetGroup", Json::Object(body), progress).await?;
        }
        if changed.contains("TargetGroupAttributes") {
            self.set_attributes(&arn, &wanted, progress).await?;
        }
        if changed.contains("Targets") {
            self.set_targets(&arn, &live.properties, &wanted, progress).await?;
        }
        retag(&self.aws, &arn, &live.properties, &wanted, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let arn = text(&Value::Map(live.attributes.clone()), &["Ref"]).unwrap_or_default();
        let request = Signed::action("DeleteTargetGroup", json!({ "TargetGroupArn": arn }));
        let call = self.aws.call(SERVICE, "DeleteTargetGroup").progress(progress);
        call.find(|| self.aws.signed(SERVICE, request.clone())).await.map(drop)
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[listener_rule::TYPE]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn reads(action: &'static str) -> Permission {
            Permission { step: Step::Read, action, resource: "*" }
        }
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: GROUP_ARN }
        }
        const ALL: &[Permission] = &[
            reads("elasticloadbalancing:DescribeTargetGroups"),
            reads("elasticloadbalancing:DescribeTargetGroupAttributes"),
            reads("elasticloadbalancing:DescribeTargetHealth"),
            reads("elasticloadbalancing:DescribeTags"),
            needs(Step::Create, "elasticloadbalancing:CreateTargetGroup"),
            needs(Step::Create, "elasticloadbalancing:AddTags"),
            needs(Step::Create, "elasticloadbalancing:ModifyTargetGroupAttributes"),
            needs(Step::Create, "elasticloadbalancing:RegisterTargets"),
            needs(Step::Update, "elasticloadbalancing:ModifyTargetGroup"),
            needs(Step::Update, "elasticloadbalancing:ModifyTargetGroupAttributes"),
            needs(Step::Update, "elasticloadbalancing:RegisterTargets"),
            needs(Step::Update, "elasticloadbalancing:DeregisterTargets"),
            needs(Step::Update, "elasticloadbalancing:AddTags"),
            needs(Step::Update, "elasticloadbalancing:RemoveTags"),
            needs(Step::Delete, "elasticloadbalancing:DeleteTargetGroup"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::properties::tests::tree_of;
    use super::*;

    fn normal(file: Json) -> BTreeMap<String, Value> {
        let Value::Map(mut map) = tree_of(file) else { panic!("a map") };
        normalise(&mut map);
        map
    }

    /// What AWS says of a group whose health nobody checks.
    fn live() -> Json {
        json!({
            "TargetGroupArn": "arn", "TargetGroupName": "g", "TargetType": "lambda", "HealthCheckEnabled": "false",
            "HealthCheckIntervalSeconds": "35", "HealthCheckTimeoutSeconds": "30", "HealthCheckPath": "/",
            "HealthyThresholdCount": "5", "UnhealthyThresholdCount": "2", "Matcher": { "HttpCode": "200" },
        })
    }

    #[test]
    fn a_group_comes_back_as_the_file_has_it() {
        let file = normal(json!({
            "TargetType": "lambda", "Targets": [{ "Id": "f" }], "HealthCheckEnabled": false,
            "TargetGroupAttributes": [{ "Key": "lambda.multi_value_headers.enabled", "Value": true }],
        }));
        let attributes = vec![
            json!({ "Key": "lambda.multi_value_headers.enabled", "Value": "true" }),
            json!({ "Key": "deregistration_delay.timeout_seconds", "Value": "300" }),
        ];
        let targets = [
            json!({ "Target": { "Id": "f" }, "TargetHealth": { "State": "unavailable" } }),
            json!({ "Target": { "Id": "old" }, "TargetHealth": { "State": "draining" } }),
        ];
        assert_eq!(decode(&live(), attributes, &targets), file);
    }

    #[test]
    fn health_is_told_whole_or_not_at_all() {
        let off = normal(json!({ "Targets": [{ "Id": "f" }] }));
        assert_eq!(Json::Object(health(&Value::Map(off))), json!({ "HealthCheckEnabled": false }));
        let on = Value::Map(normal(json!({ "HealthCheckEnabled": "true", "HealthCheckIntervalSeconds": "60" })));
        let body = Json::Object(health(&on));
        assert_eq!((&body["HealthCheckIntervalSeconds"], &body["HealthCheckPath"]), (&json!(60), &json!("/")));
        assert_eq!(body["Matcher"], json!({ "HttpCode": "200" }));
    }
}
