//! A log group for every function that writes logs.

use super::output::Output;
use super::plan::Plan;
use super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::language::lambda::LogRetention;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let provider = &plan.service.provider;
    for one in &plan.functions {
        if one.function.disable_logs == Some(true) {
            continue;
        }
        let retention: Option<LogRetention> = one.function.log_retention_in_days.or(provider.log_retention_in_days);
        let policy = one.function.log_data_protection_policy.as_ref().or(provider.log_data_protection_policy.as_ref());
        let properties = Properties::new()
            .with("LogGroupName", naming::log_group(&one.name))
            .maybe("RetentionInDays", retention.map(|days| days.0))
            .maybe("DataProtectionPolicy", policy.map(tree::from_node));
        output.add(one.id("LogGroup"), TemplateResource::new("AWS::Logs::LogGroup", properties.into()));
    }
}
