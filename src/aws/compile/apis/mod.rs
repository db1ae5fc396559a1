//! Routes: REST APIs and HTTP APIs as one OpenAPI document each, WebSocket APIs route by route.
//!
//! The extensions of the documents:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html>.

mod http;
mod rest;
mod throttling;
mod websocket;

use super::output::Output;
use super::plan::{FunctionPlan, Plan};
use super::tree::{self, Properties};
use crate::aws::template::TemplateResource;
use crate::engine::value::Value;

pub(super) use self::rest::absorb;

/// Keys of the events that are compiled here.
const KEYS: &[&str] = &["http", "httpApi", "websocket"];

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    rest::compile(plan, output);
    websocket::compile(plan, output);
    http::compile(plan, output);
}

/// Whether events of that key are compiled here.
pub(super) fn knows(key: &str) -> bool {
    KEYS.contains(&key)
}

/// What is done once everything else is laid over the APIs.
pub(super) fn finish(_: &Plan, output: &mut Output) {
    websocket::finish(output);
}

/// The address that API Gateway calls a function at.
fn invocation(function: Value) -> Value {
    invocation_at(function, "2015-03-31", "/invocations")
}

fn invocation_at(function: Value, version: &str, ending: &str) -> Value {
    let mut parts = vec![
        "arn:".into(),
        tree::reference("AWS::Partition"),
        ":apigateway:".into(),
        tree::reference("AWS::Region"),
        Value::String(format!(":lambda:path/{version}/functions/")),
    ];
    // An alias is a join of its own: its parts stand here without one.
    match function.get("Fn::Join") {
        Some(Value::List(join)) => match join.as_slice() {
            [Value::String(separator), Value::List(inner)] => {
                for (index, part) in inner.iter().enumerate() {
                    if index > 0 {
                        parts.push(separator.as_str().into());
                    }
                    parts.push(part.clone());
                }
            }
            _ => parts.push(function),
        },
        _ => parts.push(function),
    }
    parts.push(ending.into());
    tree::join("", parts)
}

/// `arn:<partition>:execute-api:<region>:<account>:<api><ending>`: who calls, for a permission.
fn caller(api: Value, ending: &str) -> Value {
    tree::join(
        "",
        vec![
            "arn:".into(),
            tree::reference("AWS::Partition"),
            ":execute-api:".into(),
            tree::reference("AWS::Region"),
            ":".into(),
            tree::reference("AWS::AccountId"),
            ":".into(),
            api,
            ending.into(),
        ],
    )
}

/// API Gateway may call the function.
fn permission(function: &FunctionPlan, source: Value) -> TemplateResource {
    function
        .beneath("AWS::Lambda::Permission", function.permission("apigateway.amazonaws.com").with("SourceArn", source))
}

/// API Gateway may call a function that is not one of the service's.
fn foreign_permission(arn: Value, source: Option<Value>) -> TemplateResource {
    let properties = Properties::new()
        .with("FunctionName", arn)
        .with("Action", "lambda:InvokeFunction")
        .with("Principal", "apigateway.amazonaws.com")
        .maybe("SourceArn", source);
    TemplateResource::new("AWS::Lambda::Permission", properties.into())
}

/// The address of an API's stage.
fn endpoint(scheme: &str, api: Value, ending: &str) -> Value {
    let mut parts = vec![
        Value::String(format!("{scheme}://")),
        api,
        ".execute-api.".into(),
        tree::reference("AWS::Region"),
        ".".into(),
        tree::reference("AWS::URLSuffix"),
    ];
    if !ending.is_empty() {
        parts.push(ending.into());
    }
    tree::join("", parts)
}

/// The log group of an API's access log.
fn log_group(plan: &Plan, name: String) -> TemplateResource {
    let provider = &plan.service.provider;
    let properties = Properties::new()
        .with("LogGroupName", name)
        .maybe("RetentionInDays", provider.log_retention_in_days.map(|days| days.0))
        .maybe("DataProtectionPolicy", provider.log_data_protection_policy.as_deref().map(tree::from_node));
    TemplateResource::new("AWS::Logs::LogGroup", properties.into())
}

/// The provider's tags as a mapping.
fn tag_map(plan: &Plan) -> Option<Value> {
    plan.service
        .provider
        .tags
        .iter()
        .fold(Properties::new(), |all, (key, value)| all.with(key, tree::as_text(value)))
        .some()
}

/// Beginnings of user pool ARNs: such an authorizer is one of Cognito.
fn is_user_pool(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("cognito-idp")
}

/// The security scheme of requests that are signed with AWS credentials.
const SIGNED: &str = "sigv4";

fn signed_scheme() -> Properties {
    Properties::new()
        .with("type", "apiKey")
        .with("name", "Authorization")
        .with("in", "header")
        .with("x-amazon-apigateway-authtype", "awsSigv4")
}

#[cfg(test)]
mod tests;
