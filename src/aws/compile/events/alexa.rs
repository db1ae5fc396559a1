//! `alexaSkill` and `alexaSmartHome`: Alexa may call the function.

use super::super::output::Output;
use super::super::plan::{FunctionPlan, Plan};
use crate::aws::naming;
use crate::config::decode::Cf;
use crate::config::language::events::Trigger;

pub(super) fn compile_skill(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::AlexaSkill(skill) => Some(&skill.0),
        _ => None,
    });
    for event in events {
        let (app, enabled) = (event.settings.app_id.as_ref(), event.settings.enabled != Some(false));
        let id = naming::permission(event.function.key, &format!("AlexaSkill{}", event.number));
        permission(event.function, id, "alexa-appkit.amazon.com", app, enabled, output);
    }
}

pub(super) fn compile_smart_home(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::AlexaSmartHome(skill) => Some(&skill.0),
        _ => None,
    });
    for event in events {
        let (app, enabled) = (Some(&event.settings.app_id), event.settings.enabled != Some(false));
        let id = naming::permission(event.function.key, &format!("AlexaSmartHome{}", event.number));
        permission(event.function, id, "alexa-connectedhome.amazon.com", app, enabled, output);
    }
}

fn permission(
    function: &FunctionPlan,
    logical_id: String,
    principal: &str,
    app: Option<&Cf>,
    enabled: bool,
    output: &mut Output,
) {
    let action = if enabled { "lambda:InvokeFunction" } else { "lambda:DisableInvokeFunction" };
    let permission = function.permission(principal).with("Action", action).maybe("EventSourceToken", app);
    output.add(logical_id, function.beneath("AWS::Lambda::Permission", permission));
}
