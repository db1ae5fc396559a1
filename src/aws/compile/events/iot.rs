//! `iot` and `iotFleetProvisioning`: messages and new devices of AWS IoT.

use super::super::output::Output;
use super::super::plan::Plan;
use super::super::tree::{self, Properties};
use crate::aws::naming;
use crate::config::language::events::Trigger;
use crate::engine::value::Value;

pub(super) fn compile_rule(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::Iot(iot) => Some(iot.as_ref()),
        _ => None,
    });
    for event in events {
        let (function, iot) = (event.function, event.settings);
        let one_line = |text: &str| text.replace(['\r', '\n'], "");
        let action = Properties::new().with("Lambda", Properties::new().with("FunctionArn", function.target()));
        let payload = Properties::new()
            .with("RuleDisabled", iot.enabled == Some(false))
            .with("Sql", one_line(&iot.sql))
            .with("Actions", Value::List(vec![action.into()]))
            .maybe("AwsIotSqlVersion", iot.sql_version.map(|version| version.as_str()))
            .maybe("Description", iot.description.as_deref().map(one_line));
        let properties =
            Properties::new().maybe("RuleName", iot.name.as_deref().map(one_line)).with("TopicRulePayload", payload);
        let rule_id = function.id(&format!("IotTopicRule{}", event.number));
        output.add(rule_id.clone(), function.beside("AWS::IoT::TopicRule", properties));
        let source = tree::join(
            "",
            vec![
                "arn:".into(),
                tree::reference("AWS::Partition"),
                ":iot:".into(),
                tree::reference("AWS::Region"),
                ":".into(),
                tree::reference("AWS::AccountId"),
                ":rule/".into(),
                tree::reference(rule_id),
            ],
        );
        let permission = function.permission("iot.amazonaws.com").with("SourceArn", source);
        output.add(
            naming::permission(function.key, &format!("IotTopicRule{}", event.number)),
            function.beneath("AWS::Lambda::Permission", permission),
        );
    }
}

pub(super) fn compile_fleet(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::IotFleetProvisioning(fleet) => Some(fleet.as_ref()),
        _ => None,
    });
    for event in events {
        let (function, fleet) = (event.function, event.settings);
        if event.number > 1 {
            output.problem(
                event
                    .problem("duplicate-event", "a function can be the hook of one provisioning template only")
                    .help("use another function for the second template"),
            );
            continue;
        }
        let permission_id = naming::permission(function.key, "IotProvisioningTemplate");
        let properties = Properties::new()
            .with("Enabled", fleet.enabled.unwrap_or(true))
            .with("PreProvisioningHook", Properties::new().with("TargetArn", function.target()))
            .with("ProvisioningRoleArn", &fleet.provisioning_role_arn)
            // Its references are for AWS IoT to resolve: `Ref: AWS::IoT::Certificate::Id`.
            .with("TemplateBody", tree::json_text(&fleet.template_body))
            .maybe("TemplateName", fleet.template_name.as_deref());
        let template = function.beside("AWS::IoT::ProvisioningTemplate", properties).after([permission_id.as_str()]);
        output.add(function.id("IotProvisioningTemplate"), template);
        let permission = function.permission("iot.amazonaws.com");
        output.add(permission_id, function.beneath("AWS::Lambda::Permission", permission));
    }
}
