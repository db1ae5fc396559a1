//! `AWS::Scheduler::Schedule`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html>
//!
//! A schedule carries no tags (its group does). It lives beneath the function that it calls, and is ours when its name
//! begins as ours do or when it works with a role of ours. Updates replace it whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use tokio::sync::OnceCell;

use crate::aws::client::Aws;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::{member, pick, properties};
use super::names::generated;
use super::properties::{at_mut, default_to, document, drop_empty, number_in_place, text};

/// `AWS::Scheduler::Schedule`
pub const TYPE: &str = "AWS::Scheduler::Schedule";

/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>
const LONGEST_NAME: usize = 64;

const PROPERTIES: &[&str] = &[
    "ActionAfterCompletion",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
];

const SCHEDULE_ARN: &str = "arn:${Partition}:scheduler:${Region}:${Account}:schedule/*";

/// Reads, makes, changes and deletes schedules of EventBridge Scheduler.
pub struct Schedule {
    aws: Arc<Aws>,
    /// All of the account, as they were when the plan was made.
    listed: OnceCell<Vec<Json>>,
}

impl Schedule {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, listed: OnceCell::new() }
    }

    /// Group and name.
    fn name(&self, desired: &Desired) -> Option<(String, String)> {
        let given = |key: &str| match desired.properties.get(key) {
            Some(value) => value.text().map(|text| Some(text.to_owned())),
            None => Some(None),
        };
        let name =
            given("Name")?.unwrap_or_else(|| generated(self.aws.scope(), &desired.address.logical_id, LONGEST_NAME));
        Some((given("GroupName")?.unwrap_or_else(|| "default".to_owned()), name))
    }

    async fn get(&self, group: &str, name: &str) -> Result<Option<Json>, Failure> {
        self.aws.look_for("scheduler", "GetSchedule", &request("GET", group, name)).await
    }

    fn live(&self, answer: &Json, group: &str, name: &str, desired: Option<&Desired>, parent: Option<&Live>) -> Live {
        let mut map = properties(answer, PROPERTIES);
        normalise(&mut map);
        let scope = self.aws.scope();
        let prefix = scope.prefix();
        let role = answer.pointer("/Target/RoleArn").and_then(Json::as_str).unwrap_or_default();
        let is_ours =
            name.starts_with(&prefix) || role.rsplit('/').next().is_some_and(|role| role.starts_with(&prefix));
        let logical_id = match desired {
            Some(desired) => desired.address.logical_id.as_str(),
            None => name.strip_prefix(&prefix).unwrap_or(name),
        };
        if desired.is_none_or(|desired| desired.properties.get("Name").is_none())
            && name == generated(scope, logical_id, LONGEST_NAME)
        {
            map.remove("Name");
        }
        Live {
            address: Address::new(TYPE, logical_id),
            physical_id: physical(group, name),
            properties: Value::Map(map),
            attributes: self.attributes(group, name),
            ownership: if is_ours { Ownership::Ours } else { Ownership::Unmarked },
            fingerprint: None,
            revision: None,
            parent: parent.map(|parent| parent.address.logical_id.clone()),
        }
    }

    fn attributes(&self, group: &str, name: &str) -> BTreeMap<String, Value> {
        let mut attributes = BTreeMap::from([("Ref".to_owned(), Value::string(name))]);
        let arn = self.aws.arn("scheduler", &format!("schedule/{group}/{name}"));
        attributes.extend(arn.map(|arn| ("Arn".to_owned(), Value::String(arn))));
        attributes
    }

    async fn write(
        &self,
        step: (&'static str, &'static str),
        desired: &Desired,
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (group, name) = desired.named(self.name(desired))?;
        let (method, operation) = step;
        let request = request_body(method, &group, &name, &wanted);
        self.aws.ask("scheduler", operation, &request, progress).await?;
        Ok(Live::made(desired, self.attributes(&group, &name), physical(&group, &name), wanted))
    }
}

/// `name`, or `group|name` outside of the default group.
fn physical(group: &str, name: &str) -> String {
    if group == "default" { name.to_owned() } else { format!("{group}|{name}") }
}

fn request(method: &'static str, group: &str, name: &str) -> Signed {
    Signed::rest(method, format!("/schedules/{}", segment(name))).query("groupName", group)
}

fn request_body(method: &'static str, group: &str, name: &str, properties: &Value) -> Signed {
    let mut body = pick(properties, PROPERTIES);
    body.remove("Name");
    body.insert("GroupName".to_owned(), group.into());
    if let Some(input) = properties.at(&["Target", "Input"])
        && let Some(target) = body.get_mut("Target")
    {
        target["Input"] = document(input).into();
    }
    for key in ["StartDate", "EndDate"] {
        if let Some(time) = body.get(key).and_then(Json::as_str).and_then(seconds) {
            body.insert(key.to_owned(), json!(time));
        }
    }
    Signed::rest(method, format!("/schedules/{}", segment(name))).body(Json::Object(body))
}

/// Seconds since 1970, as the API counts time, of a date as CloudFormation writes it.
fn seconds(date: &str) -> Option<i64> {
    date.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    for key in ["StartDate", "EndDate"] {
        if let Some(value) = properties.get_mut(key) {
            let time = match value {
                Value::String(date) => seconds(date),
                Value::Number(number) => number.as_f64().map(|seconds| seconds as i64),
                _ => None,
            };
            if let Some(time) = time {
                *value = Value::Number(time.into());
            }
        }
    }
    for path in [
        &["FlexibleTimeWindow", "MaximumWindowInMinutes"][..],
        &["Target", "RetryPolicy", "MaximumEventAgeInSeconds"],
        &["Target", "RetryPolicy", "MaximumRetryAttempts"],
    ] {
        if let Some(value) = at_mut(properties, path) {
            number_in_place(value);
        }
    }
    drop_empty(properties, &[]);
    default_to(properties, "GroupName", Value::string("default"));
    default_to(properties, "State", Value::string("ENABLED"));
    default_to(properties, "ScheduleExpressionTimezone", Value::string("UTC"));
    default_to(properties, "ActionAfterCompletion", Value::string("NONE"));
    if let Some(Value::Map(target)) = properties.get_mut("Target") {
        // What the scheduler does when nothing is said: a day, 185 times.
        let mut policy = match target.remove("RetryPolicy") {
            Some(Value::Map(policy)) => policy,
            _ => BTreeMap::new(),
        };
        default_to(&mut policy, "MaximumEventAgeInSeconds", Value::Number(86_400.into()));
        default_to(&mut policy, "MaximumRetryAttempts", Value::Number(185.into()));
        target.insert("RetryPolicy".to_owned(), Value::Map(policy));
    }
}

impl super::Findable for Schedule {}

#[async_trait]
impl Kind for Schedule {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("Name", Trait::Immutable), ("GroupName", Trait::Immutable), ("Target.Input", Trait::Document)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        self.name(desired).map(|(group, name)| physical(&group, &name))
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        self.name(desired).map(|(group, name)| self.attributes(&group, &name)).unwrap_or_default()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some((group, name)) = self.name(desired) else { return Ok(None) };
        Ok(self.get(&group, &name).await?.map(|answer| self.live(&answer, &group, &name, Some(desired), None)))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let all = self
            .listed
            .get_or_try_init(|| async {
                let request = Signed::rest("GET", "/schedules").query("MaxResults", "100");
                self.aws.pages("scheduler", "ListSchedules", request, ("NextToken", "NextToken"), "Schedules").await
            })
            .await?;
        let arn = text(&Value::Map(parent.attributes.clone()), &["Arn"]).unwrap_or_default();
        let mut found = Vec::new();
        for summary in all {
            let target = summary.pointer("/Target/Arn").and_then(Json::as_str).unwrap_or_default();
            let is_beneath = !arn.is_empty()
                && target.strip_prefix(arn.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
            let (Some(name), true) = (member(summary, "Name"), is_beneath) else { continue };
            let group = member(summary, "GroupName").unwrap_or("default");
            if let Some(answer) = self.get(group, name).await? {
                found.push(self.live(&answer, group, name, None, Some(parent)));
            }
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(super::function::TYPE)
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let created = self.write(("POST", "CreateSchedule"), desired, progress).await;
        match created {
            // An earlier attempt made it.
            Err(failure) if failure.reason == Reason::Conflict => match self.read(desired).await? {
                Some(live) if live.ownership == Ownership::Ours => {
                    self.write(("PUT", "UpdateSchedule"), desired, progress).await
                }
                _ => Err(failure),
            },
            other => other,
        }
    }

    async fn update(
        &self,
        _: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.write(("PUT", "UpdateSchedule"), desired, progress).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let (group, name) = live.physical_id.split_once('|').unwrap_or(("default", &live.physical_id));
        let request = request("DELETE", group, name);
        let call = self.aws.call("scheduler", "DeleteSchedule").progress(progress);
        call.find(|| self.aws.signed("scheduler", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: SCHEDULE_ARN }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "scheduler:ListSchedules", resource: "*" },
            needs(Step::Read, "scheduler:GetSchedule"),
            needs(Step::Create, "scheduler:CreateSchedule"),
            needs(Step::Update, "scheduler:UpdateSchedule"),
            needs(Step::Delete, "scheduler:DeleteSchedule"),
            Permission {
                step: Step::Create,
                action: "iam:PassRole",
                resource: "arn:${Partition}:iam::${Account}:role/${Service}-${Stage}-*",
            },
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    fn normal(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn what_the_scheduler_fills_in_is_no_difference() {
        let file = normal(json!({
            "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": { "Mode": "OFF" }, "Name": "n",
            "Target": { "Arn": "f", "RoleArn": "r" }, "StartDate": "2030-01-01T00:00:00Z",
        }));
        let live = normal(json!({
            "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": { "Mode": "OFF" }, "GroupName": "default",
            "Name": "n", "ScheduleExpressionTimezone": "UTC", "State": "ENABLED", "ActionAfterCompletion": "NONE",
            "Target": { "Arn": "f", "RoleArn": "r",
                "RetryPolicy": { "MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185 } },
            "StartDate": 1_893_456_000.0,
        }));
        assert_eq!(file, live);
    }

    #[test]
    fn a_request_is_whole_and_its_input_a_text() {
        let properties =
            normal(json!({ "ScheduleExpression": "rate(1 hour)", "Target": { "Arn": "f", "Input": { "a": 1 } } }));
        let text = format!("{:?}", request_body("PUT", "g", "a b", &properties));
        assert!(text.contains("/schedules/a%20b"), "{text}");
        assert_eq!(physical("default", "n"), "n");
        assert_eq!(physical("g", "n"), "g|n");
    }
}
