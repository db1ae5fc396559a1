//! What all event source mappings have in common
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html>).

use super::super::plan::FunctionPlan;
use super::super::role::FunctionRole;
use super::super::tree::{self, Properties};
use crate::aws::template::TemplateResource;
use crate::config::decode::FreeMapping;
use crate::engine::value::Value;

/// The key of the time at which reading begins. One that is there and has no value yet is what only an account knows.
pub(super) const TIMESTAMP: &str = "startingPositionTimestamp";

/// The network actions that Lambda needs to reach a cluster or broker in a VPC.
pub(super) const NETWORK_ACTIONS: &[&str] = &[
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
];

/// The secrets that hold the credentials of a cluster or broker.
pub(super) const SECRET_ACTIONS: &[&str] = &["secretsmanager:GetSecretValue"];

/// The properties that every mapping begins with.
pub(super) fn properties(function: &FunctionPlan, enabled: Option<bool>) -> Properties {
    Properties::new().with("FunctionName", function.target()).with("Enabled", enabled.unwrap_or(true))
}

/// A mapping beneath its function. It waits for the role: Lambda checks when it is made that the source can be read.
pub(super) fn resource(function: &FunctionPlan, properties: Properties) -> TemplateResource {
    let mapping = function.beneath("AWS::Lambda::EventSourceMapping", properties);
    match &function.role {
        FunctionRole::Generated(role) => mapping.after([role]),
        FunctionRole::Existing { after, .. } => mapping.after(after),
    }
}

/// Filters as the JSON texts that AWS takes.
pub(super) fn filters(patterns: &[FreeMapping]) -> Option<Value> {
    let filters = patterns.iter().map(|pattern| Properties::new().with("Pattern", tree::json_text(pattern)).into());
    let filters: Vec<Value> = filters.collect();
    Properties::new().list("Filters", filters).some()
}
