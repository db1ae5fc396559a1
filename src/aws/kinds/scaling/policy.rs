//! `AWS::ApplicationAutoScaling::ScalingPolicy`: what a target's number follows.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalingpolicy.html>
//!
//! A policy lives beneath its target and carries no tags: ours is told by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Number, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::kinds::Findable;
use crate::aws::kinds::json::{expect, member, pick, plain_in_place, properties};
use crate::aws::kinds::properties::{at_mut, drop_empty, required, text};
use crate::aws::naming;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::{NAMESPACE, SERVICE, about, take_away, target};

/// `AWS::ApplicationAutoScaling::ScalingPolicy`
pub const TYPE: &str = "AWS::ApplicationAutoScaling::ScalingPolicy";

const TARGET: &str = "ScalingTargetId";
const TRACKING: &str = "TargetTrackingScalingPolicyConfiguration";
const PROPERTIES: &[&str] = &["PolicyName", "PolicyType", TRACKING];

/// Reads, makes, changes and deletes scaling policies.
pub struct ScalingPolicy {
    aws: Arc<Aws>,
}

impl ScalingPolicy {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn put(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (name, resource) = (required(&wanted, "PolicyName")?, required(&wanted, TARGET)?);
        let resource = resource_of(&resource);
        // It replaces the whole policy, and makes it where it is not there.
        let body = about(resource, Json::Object(pick(&wanted, PROPERTIES)));
        let request = Signed::action("PutScalingPolicy", body);
        let call = self.aws.call(SERVICE, "PutScalingPolicy").progress(progress).fresh(true);
        call.send(|| self.aws.signed(SERVICE, request.clone())).await?;
        Ok(Live::made(desired, BTreeMap::new(), physical(resource, &name), wanted))
    }
}

/// `function:f:3|lambda:function:ProvisionedConcurrency|lambda` names a target; the first part is what it scales.
fn resource_of(target: &str) -> &str {
    target.split('|').next().unwrap_or(target)
}

fn physical(resource: &str, name: &str) -> String {
    format!("{resource} {name}")
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    if let Some(share) = at_mut(properties, &[TRACKING, "TargetValue"])
        && let Some(number) =
            text(share, &[]).and_then(|text| text.trim().parse::<f64>().ok()).and_then(Number::from_f64)
    {
        *share = Value::Number(number);
    }
    if let Some(Value::Map(tracking)) = properties.get_mut(TRACKING) {
        plain_in_place(tracking, &["ScaleInCooldown", "ScaleOutCooldown"], &["DisableScaleIn"]);
        if tracking.get("DisableScaleIn") == Some(&Value::Bool(false)) {
            tracking.remove("DisableScaleIn");
        }
    }
    drop_empty(properties, &[]);
}

impl Findable for ScalingPolicy {}

#[async_trait]
impl Kind for ScalingPolicy {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("PolicyName", Trait::Immutable), (TARGET, Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key).and_then(Value::text);
        Some(physical(resource_of(part(TARGET)?), part("PolicyName")?))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let resource = parent.physical_id.as_str();
        let body = json!({ "ServiceNamespace": NAMESPACE, "ResourceId": resource });
        let request = Signed::action("DescribeScalingPolicies", body);
        let token = ("NextToken", "NextToken");
        let found = self.aws.pages(SERVICE, "DescribeScalingPolicies", request, token, "ScalingPolicies").await?;
        let reference = parent.attributes.get("Ref").cloned().unwrap_or_else(|| Value::string(resource));
        let policy = |answer: &Json| {
            let name = expect(answer, "PolicyName", "application-autoscaling.DescribeScalingPolicies")?;
            let mut map = properties(answer, PROPERTIES);
            map.insert(TARGET.to_owned(), reference.clone());
            normalise(&mut map);
            let is_ours = naming::is_scaling(self.aws.scope(), &name);
            Ok(Live {
                address: Address::new(TYPE, name.as_str()),
                physical_id: physical(resource, &name),
                properties: Value::Map(map),
                attributes: BTreeMap::new(),
                ownership: if is_ours { Ownership::Ours } else { Ownership::Unmarked },
                fingerprint: None,
                revision: None,
                parent: Some(parent.address.logical_id.clone()),
            })
        };
        found.iter().filter(|answer| member(answer, "ResourceId") == Some(resource)).map(policy).collect()
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(target::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        self.put(desired, progress).await
    }

    async fn update(
        &self,
        _: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.put(desired, progress).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((resource, name)) = live.physical_id.split_once(' ') else { return Ok(()) };
        let mut more = Map::new();
        more.insert("PolicyName".to_owned(), name.into());
        take_away(&self.aws, "DeleteScalingPolicy", about(resource, Json::Object(more)), progress).await
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            const ARN: &str = "arn:${Partition}:application-autoscaling:${Region}:${Account}:scalable-target/*";
            Permission { step, action, resource: ARN }
        }
        // Application Auto Scaling keeps two alarms for each policy, in the caller's name.
        const fn alarms(step: Step, action: &'static str) -> Permission {
            const ARN: &str =
                "arn:${Partition}:cloudwatch:${Region}:${Account}:alarm:TargetTracking-function:${Service}-${Stage}-*";
            Permission { step, action, resource: ARN }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "application-autoscaling:DescribeScalingPolicies", resource: "*" },
            needs(Step::Create, "application-autoscaling:PutScalingPolicy"),
            alarms(Step::Create, "cloudwatch:PutMetricAlarm"),
            needs(Step::Update, "application-autoscaling:PutScalingPolicy"),
            alarms(Step::Update, "cloudwatch:PutMetricAlarm"),
            needs(Step::Delete, "application-autoscaling:DeleteScalingPolicy"),
            alarms(Step::Delete, "cloudwatch:DeleteAlarms"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    fn in_one_form(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn a_share_is_a_number_however_it_was_written() {
        let tracking = |share: Json| in_one_form(json!({ TRACKING: { "TargetValue": share, "ScaleInCooldown": "0" } }));
        assert_eq!(tracking(json!("1")), tracking(json!(1.0)));
        assert_eq!(tracking(json!(1)), tracking(json!(1.0)));
        assert_ne!(tracking(json!(0.7)), tracking(json!(0.75)));
        let no = in_one_form(json!({ TRACKING: { "TargetValue": 1, "ScaleInCooldown": 0, "DisableScaleIn": false } }));
        assert_eq!(no, tracking(json!(1)));
    }

    #[test]
    fn a_policy_is_known_by_target_and_name() {
        let target = "function:f:3|lambda:function:ProvisionedConcurrency|lambda";
        assert_eq!(resource_of(target), "function:f:3");
        assert_eq!(physical(resource_of(target), "P").split_once(' '), Some(("function:f:3", "P")));
    }
}
