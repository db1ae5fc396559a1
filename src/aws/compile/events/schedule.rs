//! `schedule`: calls by the clock, through EventBridge rules or EventBridge Scheduler.

use super::super::output::Output;
use super::super::plan::{Plan, Triggered};
use super::super::tree::{self, Properties};
use super::input::{input_text, transformer};
use crate::aws::naming;
use crate::config::language::events::Trigger;
use crate::config::language::events::schedule::{Schedule, ScheduleMethod};
use crate::engine::value::Value;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::Schedule(schedule) => Some(&schedule.0),
        _ => None,
    });
    let mut number = 0;
    let mut last = None;
    for event in events {
        // Rates are numbered through all schedules of a function.
        if last != Some(event.function.key) {
            (number, last) = (0, Some(event.function.key));
        }
        check(&event, output);
        for rate in &event.settings.rate {
            number += 1;
            match event.settings.method {
                Some(ScheduleMethod::Scheduler) => scheduler(&event, (&rate.0).into(), number, output),
                _ => rule(&event, (&rate.0).into(), number, output),
            }
        }
    }
}

fn check(event: &Triggered<Schedule>, output: &mut Output) {
    let schedule = event.settings;
    let scheduler = schedule.method == Some(ScheduleMethod::Scheduler);
    let mut refuse = |holds: bool, what: &str, help: &str| {
        if holds {
            output.problem(event.problem("conflict", what).help(help));
        }
    };
    refuse(
        schedule.name.is_some() && schedule.rate.len() > 1,
        "one name cannot be given to several rates",
        "leave out `name`, or write one event per rate",
    );
    refuse(
        scheduler && schedule.input_transformer.is_some(),
        "`inputTransformer` is not for the scheduler",
        "use `input`, or leave out `method`",
    );
    refuse(
        scheduler && schedule.input_path.is_some(),
        "`inputPath` is not for the scheduler",
        "use `input`, or leave out `method`",
    );
    refuse(
        !scheduler && schedule.timezone.is_some(),
        "`timezone` is for the scheduler only",
        "add `method: scheduler`",
    );
}

fn state(schedule: &Schedule) -> &'static str {
    if schedule.enabled == Some(false) { "DISABLED" } else { "ENABLED" }
}

fn scheduler(event: &Triggered<Schedule>, rate: Value, number: usize, output: &mut Output) {
    let (function, schedule) = (event.function, event.settings);
    let role = schedule.role_arn.as_ref().map_or_else(|| function.role.arn(), Value::from);
    let target = Properties::new()
        .with("Arn", function.target())
        .with("RoleArn", role)
        .maybe("Input", schedule.input.as_ref().map(input_text));
    let properties = Properties::new()
        .with("ScheduleExpression", rate)
        .with("State", state(schedule))
        .with("Target", target)
        .with("FlexibleTimeWindow", Properties::new().with("Mode", "OFF"))
        .maybe("Name", schedule.name.as_ref().map(|name| name.as_str()))
        .maybe("Description", schedule.description.as_ref().map(|text| text.as_str()))
        .maybe("GroupName", schedule.group_name.as_ref())
        .maybe("ScheduleExpressionTimezone", schedule.timezone.as_deref());
    let role = function.role.logical_id().filter(|_| schedule.role_arn.is_none());
    let resource = function.beneath("AWS::Scheduler::Schedule", properties).after(role);
    output.add(function.id(&format!("SchedulerSchedule{number}")), resource);
    if schedule.role_arn.is_none() {
        // The name and not the ARN: the function itself waits for this role.
        let arn = |ending: &str| {
            tree::sub(format!(
                "arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{}{ending}",
                function.name
            ))
        };
        output.grant(function, &["lambda:InvokeFunction"], [arn(""), arn(":*")]);
        output.roles.trust(&function.role, "scheduler.amazonaws.com");
    }
}

fn rule(event: &Triggered<Schedule>, rate: Value, number: usize, output: &mut Output) {
    let (function, schedule) = (event.function, event.settings);
    let target = Properties::new()
        .with("Arn", function.target())
        .with("Id", format!("{}Schedule", function.key))
        .maybe("Input", schedule.input.as_ref().map(input_text))
        .maybe("InputPath", schedule.input_path.as_deref())
        .maybe("InputTransformer", schedule.input_transformer.as_ref().map(transformer));
    let properties = Properties::new()
        .with("ScheduleExpression", rate)
        .with("State", state(schedule))
        .maybe("Name", schedule.name.as_ref().map(|name| name.as_str()))
        .maybe("Description", schedule.description.as_ref().map(|text| text.as_str()))
        .with("Targets", Value::List(vec![target.into()]));
    let logical_id = function.id(&format!("EventsRuleSchedule{number}"));
    output.add(logical_id.clone(), function.beside("AWS::Events::Rule", properties));
    let permission = function.permission("events.amazonaws.com").with("SourceArn", tree::attribute(&logical_id, "Arn"));
    let permission_id = naming::permission(function.key, &format!("EventsRuleSchedule{number}"));
    output.add(permission_id, function.beneath("AWS::Lambda::Permission", permission));
}
