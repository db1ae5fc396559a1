//! What happens after asynchronous calls: retries, age, destinations.

use super::output::Output;
use super::plan::{FunctionPlan, Plan};
use super::role::FunctionRole;
use super::tree::{self, Properties};
use crate::aws::template::TemplateResource;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::function::{Destination, DestinationKind};
use crate::config::variables::grammar::has_variables;
use crate::engine::value::Value;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    for one in &plan.functions {
        let function = one.function;
        if function.destinations.is_none()
            && function.maximum_event_age.is_none()
            && function.maximum_retry_attempts.is_none()
        {
            continue;
        }
        let mut destinations = Properties::new();
        let mut aliases = Vec::new();
        for (name, destination) in [
            ("OnSuccess", function.destinations.as_ref().and_then(|all| all.on_success.as_ref())),
            ("OnFailure", function.destinations.as_ref().and_then(|all| all.on_failure.as_ref())),
        ] {
            if let Some(Destination::Name(key)) = destination {
                aliases.extend(plan.function(key).and_then(FunctionPlan::alias_id));
            }
            if let Some(arn) = destination.and_then(|destination| target(plan, one, destination, output)) {
                destinations = destinations.with(name, Properties::new().with("Destination", arn));
            }
        }
        let properties = Properties::new()
            .with("FunctionName", tree::reference(&one.logical_id))
            .with("Qualifier", one.alias.as_ref().map_or("$LATEST", |alias| alias.name.as_str()))
            .with("DestinationConfig", destinations)
            .maybe("MaximumEventAgeInSeconds", function.maximum_event_age.map(|age| age.get()))
            .maybe("MaximumRetryAttempts", function.maximum_retry_attempts.map(|count| count.get()));
        let mut resource = TemplateResource::new("AWS::Lambda::EventInvokeConfig", properties.into())
            .beneath(&one.logical_id)
            .after(one.alias_id().into_iter().chain(aliases));
        // Lambda checks that the role may use the destinations when they are set.
        if let (FunctionRole::Generated(role), Some(_)) = (&one.role, &function.destinations) {
            resource.depends_on.push(role.clone());
        }
        resource.condition = function.condition.clone();
        output.add(one.id("LambdaEvConf"), resource);
    }
}

/// Parts of an ARN with what they are and the action that reaches them.
const BY_ARN: &[(&str, &[&str])] = &[
    (":function:", &["lambda:InvokeFunction"]),
    (":sqs:", &["sqs:SendMessage"]),
    (":sns:", &["sns:Publish"]),
    (":event-bus/", &["events:PutEvents"]),
];

/// The ARN of a destination, and the function allowed to reach it.
fn target(plan: &Plan, one: &FunctionPlan, destination: &Destination, output: &mut Output) -> Option<Value> {
    match destination {
        Destination::Typed(typed) => {
            let action: &'static [&'static str] = match typed.kind {
                DestinationKind::Function => &["lambda:InvokeFunction"],
                DestinationKind::Sqs => &["sqs:SendMessage"],
                DestinationKind::Sns => &["sns:Publish"],
                DestinationKind::EventBus => &["events:PutEvents"],
            };
            output.grant(one, action, [(&typed.arn).into()]);
            Some((&typed.arn).into())
        }
        // Only the account knows what it is.
        Destination::Name(arn) if has_variables(arn) => Some(arn.as_str().into()),
        Destination::Name(arn) if arn.starts_with("arn:") => {
            match BY_ARN.iter().find(|(part, _)| arn.contains(part)) {
                Some((_, action)) => output.grant(one, action, [arn.as_str().into()]),
                None => problem(one, format!("`{arn}` is no function, queue, topic or event bus"), output),
            }
            Some(arn.as_str().into())
        }
        Destination::Name(key) => match plan.function(key) {
            Some(other) => {
                // The name and not the ARN: both functions may share the role, which would go in a circle.
                let name = &other.name;
                let arn =
                    format!("arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{name}");
                // The function alone does not cover its aliases.
                let qualified = other.alias.as_ref().map(|alias| tree::sub(format!("{arn}:{}", alias.name)));
                output.grant(one, &["lambda:InvokeFunction"], std::iter::once(tree::sub(arn)).chain(qualified));
                Some(other.target())
            }
            None => {
                problem(one, format!("there is no function `{key}`"), output);
                None
            }
        },
    }
}

fn problem(one: &FunctionPlan, what: String, output: &mut Output) {
    output.problem(
        Diagnostic::error("unknown-destination", format!("functions.{}.destinations: {what}", one.key))
            .path(format!("functions.{}.destinations", one.key))
            .at(one.function.place_of("destinations"))
            .help("a destination is the key of a function or the ARN of a function, queue, topic or event bus"),
    );
}
