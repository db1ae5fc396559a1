//! Provisioned concurrency that follows the load. What is scaled is the version and not its alias: hoist gives versions
//! their environments before the alias moves (`kinds::alias::capacity`), so each version has a target of its own.

use super::output::Output;
use super::plan::{FunctionPlan, Plan};
use super::tree::{self, Properties};
use crate::aws::kinds::scaling::{DIMENSION, NAMESPACE, PREDEFINED, policy, target};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::language::scaling::Scaling;
use crate::engine::value::Value;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    for one in &plan.functions {
        let (Some(scaling), Some(version)) = (one.function.scaling(), &one.version) else { continue };
        let name = |part: &str| naming::scaling(&plan.names, one.key, part);
        let (target_id, policy_id) = (name("Target"), name("Policy"));
        let number = tree::attribute(version, "Version");
        let bounds = Properties::new()
            .with("MaxCapacity", scaling.maximum)
            .with("MinCapacity", scaling.minimum)
            .with("ResourceId", tree::join(":", vec!["function".into(), tree::reference(&one.logical_id), number]))
            .with("ScalableDimension", DIMENSION)
            .with("ServiceNamespace", NAMESPACE);
        output.add(target_id.clone(), one.beneath(target::TYPE, bounds));
        let followed = Properties::new()
            .with("PolicyName", policy_id.as_str())
            .with("PolicyType", "TargetTrackingScaling")
            .with("ScalingTargetId", tree::reference(&target_id))
            .with("TargetTrackingScalingPolicyConfiguration", tracking(one, version, &scaling));
        let mut resource = TemplateResource::new(policy::TYPE, followed.into()).beneath(&target_id);
        resource.condition = one.function.condition.clone();
        output.add(policy_id, resource);
    }
}

fn tracking(one: &FunctionPlan, version: &str, scaling: &Scaling) -> Properties {
    let share = serde_json::Number::from_f64(scaling.usage).map_or(Value::Null, Value::Number);
    let tracking = Properties::new()
        .with("ScaleInCooldown", scaling.scale_in_cooldown)
        .with("ScaleOutCooldown", scaling.scale_out_cooldown)
        .with("TargetValue", share);
    let Some(statistic) = scaling.statistic else {
        let metric = Properties::new().with("PredefinedMetricType", PREDEFINED);
        return tracking.with("PredefinedMetricSpecification", metric);
    };
    let dimension = |name: &str, value: Value| Properties::new().with("Name", name).with("Value", value).into();
    let function = || tree::reference(&one.logical_id);
    let resource = tree::join(":", vec![function(), tree::attribute(version, "Version")]);
    let metric = Properties::new()
        .with("Namespace", "AWS/Lambda")
        .with("MetricName", "ProvisionedConcurrencyUtilization")
        .list("Dimensions", vec![dimension("FunctionName", function()), dimension("Resource", resource)])
        .with("Statistic", statistic.as_str())
        .with("Unit", "Count");
    tracking.with("CustomizedMetricSpecification", metric)
}
