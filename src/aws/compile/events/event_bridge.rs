//! `eventBridge` and `cloudwatchEvent`: events of a bus that match a pattern.

use super::super::output::Output;
use super::super::plan::{Plan, Triggered};
use super::super::tree::{self, Properties};
use super::input::{input_text, one_input, transformer};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::language::events::Trigger;
use crate::config::language::events::event_bridge::EventBridge;
use crate::engine::value::Value;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::EventBridge(event) => Some(event.as_ref()),
        _ => None,
    });
    for event in events {
        compile_one(&event, output);
    }
}

fn compile_one(event: &Triggered<EventBridge>, output: &mut Output) {
    let (function, settings) = (event.function, event.settings);
    if settings.pattern.is_none() && settings.schedule.is_none() {
        output.problem(
            event.problem("missing-key", "there is neither a `pattern` nor a `schedule`").help("add one of them"),
        );
    }
    let inputs = [settings.input.is_some(), settings.input_path.is_some(), settings.input_transformer.is_some()];
    one_input(event, &inputs, output);
    // Names count by the position among all events of the function.
    let index = event.event.index + 1;
    let generated = format!("{}-rule-{index}", function.name);
    let name = match &settings.name {
        Some(name) => name.as_str().to_owned(),
        None => naming::cut(&generated, &format!("rule-{index}")),
    };
    let bus = Bus::of(settings);
    let bus_id = bus.made.as_ref().map(|name| {
        let logical_id = naming::alphanumeric(&naming::of_function(name, "EventBridgeEventBus"));
        let properties = Properties::new().with("Name", name.as_str());
        output.add_once(logical_id.clone(), TemplateResource::new("AWS::Events::EventBus", properties.into()));
        logical_id
    });
    let retries = settings.retry_policy.as_ref().map(|policy| {
        Properties::new()
            .maybe("MaximumEventAgeInSeconds", policy.maximum_event_age.map(|age| age.get()))
            .maybe("MaximumRetryAttempts", policy.maximum_retry_attempts.map(|count| count.get()))
    });
    let dead_letters = settings.dead_letter_queue_arn.as_ref().map(|arn| Properties::new().with("Arn", arn));
    let target = Properties::new()
        .with("Arn", function.target())
        .with("Id", naming::cut(&format!("{name}-target"), "target"))
        .maybe("RetryPolicy", retries)
        .maybe("DeadLetterConfig", dead_letters)
        .maybe("Input", settings.input.as_ref().map(tree::json_value))
        .maybe("InputPath", settings.input_path.as_deref())
        .maybe("InputTransformer", settings.input_transformer.as_ref().map(transformer));
    let properties = Properties::new()
        .with("Name", name.as_str())
        .maybe("Description", settings.description.as_ref().map(|text| text.as_str()))
        .maybe("EventBusName", bus.name.clone())
        .maybe("EventPattern", settings.pattern.as_deref().map(tree::from_node))
        .maybe("ScheduleExpression", settings.schedule.as_ref().map(|rate| Value::from(&rate.0)))
        .with("State", state(settings.enabled))
        .with("Targets", Value::List(vec![target.into()]));
    let rule_id = naming::alphanumeric(&format!("{}EventBridgeRule", naming::plain(&generated)));
    output.add(rule_id, function.beside("AWS::Events::Rule", properties).after(bus_id));

    let mut path = vec!["rule".into()];
    path.extend(bus.in_arn);
    path.push(name.into());
    let source = tree::join(
        ":",
        vec![
            "arn".into(),
            tree::reference("AWS::Partition"),
            "events".into(),
            tree::reference("AWS::Region"),
            tree::reference("AWS::AccountId"),
            tree::join("/", path),
        ],
    );
    let permission = function.permission("events.amazonaws.com").with("SourceArn", source);
    output.add(
        function.id(&format!("EventBridgeLambdaPermission{index}")),
        function.beneath("AWS::Lambda::Permission", permission),
    );
}

/// The bus that a rule listens to.
struct Bus {
    /// As the rule names it; `None` is the default bus.
    name: Option<Value>,
    /// As the ARN of the rule names it.
    in_arn: Option<Value>,
    /// The name of a bus that the service makes.
    made: Option<String>,
}

impl Bus {
    fn of(settings: &EventBridge) -> Self {
        let Some(bus) = &settings.event_bus else { return Self { name: None, in_arn: None, made: None } };
        match bus.as_str() {
            None => Self { name: Some(bus.into()), in_arn: Some(bus.into()), made: None },
            // The rules of the default bus have no bus in their ARN, also where the file names it.
            Some("default") => Self { name: None, in_arn: None, made: None },
            Some(text) if text.starts_with("arn") => {
                let name: Value = text.split_once('/').map_or(text, |(_, name)| name).into();
                if name == "default".into() {
                    return Self { name: None, in_arn: None, made: None };
                }
                Self { name: Some(name.clone()), in_arn: Some(name), made: None }
            }
            Some(text) => Self { name: Some(text.into()), in_arn: Some(text.into()), made: Some(text.to_owned()) },
        }
    }
}

fn state(enabled: Option<bool>) -> &'static str {
    if enabled == Some(false) { "DISABLED" } else { "ENABLED" }
}

pub(super) fn compile_cloudwatch(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::CloudwatchEvent(event) => Some(event.as_ref()),
        _ => None,
    });
    for event in events {
        let (function, settings) = (event.function, event.settings);
        let inputs = [settings.input.is_some(), settings.input_path.is_some(), settings.input_transformer.is_some()];
        one_input(&event, &inputs, output);
        let target = Properties::new()
            .with("Arn", function.target())
            .with("Id", format!("{}CloudWatchEvent", function.key))
            .maybe("Input", settings.input.as_ref().map(input_text))
            .maybe("InputPath", settings.input_path.as_deref())
            .maybe("InputTransformer", settings.input_transformer.as_ref().map(transformer));
        let properties = Properties::new()
            .with("EventPattern", tree::from_node(&settings.event))
            .with("State", state(settings.enabled))
            .maybe("Name", settings.name.as_ref().map(|name| name.as_str()))
            .maybe("Description", settings.description.as_ref().map(|text| text.as_str()))
            .with("Targets", Value::List(vec![target.into()]));
        let logical_id = function.id(&format!("EventsRuleCloudWatchEvent{}", event.number));
        output.add(logical_id.clone(), function.beside("AWS::Events::Rule", properties));
        let permission =
            function.permission("events.amazonaws.com").with("SourceArn", tree::attribute(&logical_id, "Arn"));
        output.add(
            naming::permission(function.key, &format!("EventsRuleCloudWatchEvent{}", event.number)),
            function.beneath("AWS::Lambda::Permission", permission),
        );
    }
}
