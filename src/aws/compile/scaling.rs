//! Provisioned concurrency that follows the load. What is scaled is the version and not its alias: hoist gives versions
//! their environments before the alias moves (`kinds::alias::capacity`), so each version has a target of its own.

use super::output::Output;
use super::plan::{FunctionPlan, Plan};
use super::tree::{self, Properties};
use crate::aws::kinds::scaling::{DIMENSION, NAMESPACE, PREDEFINED, policy, target};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::diagnostic::Diagnostic;
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
            .with("ServiceNamespace", NAMESPACE)
            .list("ScheduledActions", scheduled(one, output));
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

/// Bounds that change at certain times.
fn scheduled(one: &FunctionPlan, output: &mut Output) -> Vec<Value> {
    let mut names: Vec<String> = Vec::new();
    let mut actions = Vec::new();
    for (index, action) in one.function.scheduled_actions().iter().enumerate() {
        let path = format!("functions.{}.concurrencyAutoscaling.scheduledActions[{index}]", one.key);
        let mut refuse = |key: &str, what: String, help: &str| {
            let place = action.places.get(key).unwrap_or(action.place);
            let text = format!("{path}: {what}");
            output.problem(Diagnostic::error("conflict", text).path(path.as_str()).at(place).help(help));
        };
        let name = action.name.clone().unwrap_or_else(|| format!("ScheduledAction{}", index + 1));
        if names.contains(&name) {
            refuse("name", format!("there is another action `{name}`"), "give each action a name of its own");
        }
        for (key, time) in [("startTime", &action.start_time), ("endTime", &action.end_time)] {
            if let Some(time) = time.as_deref().filter(|time| time.parse::<jiff::Timestamp>().is_err()) {
                refuse(key, format!("`{time}` is no time"), "write it as `2027-01-01T00:00:00.000Z`");
            }
        }
        let bounds = &action.action;
        let (least, most) = (bounds.minimum.map(|count| count.get()), bounds.maximum.map(|count| count.get()));
        if least.is_none() && most.is_none() {
            refuse("action", "nothing changes".to_owned(), "add `minimum`, `maximum` or both to `action`");
        }
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            refuse(
                "action",
                format!("the minimum of {least} is above the maximum of {most}"),
                "lower the one or raise the other",
            );
        }
        let target = Properties::new().maybe("MinCapacity", least).maybe("MaxCapacity", most);
        let properties = Properties::new()
            .with("ScheduledActionName", name.as_str())
            .with("Schedule", action.schedule.as_str())
            .maybe("Timezone", action.timezone.as_deref())
            .maybe("StartTime", action.start_time.as_deref())
            .maybe("EndTime", action.end_time.as_deref())
            .with("ScalableTargetAction", target);
        names.push(name);
        actions.push(properties.into());
    }
    actions
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
