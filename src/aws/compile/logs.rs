//! A log group for every function that writes logs.

use super::output::Output;
use super::plan::Plan;
use super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    for one in &plan.functions {
        if one.function.disable_logs == Some(true) {
            continue;
        }
        let properties = Properties::new()
            .with("LogGroupName", naming::log_group(&one.name))
            .maybe("RetentionInDays", one.effective.log_retention_in_days().map(|days| days.0))
            .maybe("DataProtectionPolicy", one.effective.log_data_protection_policy().map(tree::from_node));
        let mut group = TemplateResource::new("AWS::Logs::LogGroup", properties.into());
        group.condition = one.function.condition.clone();
        output.add(one.log_group_id(), group);
    }
}
