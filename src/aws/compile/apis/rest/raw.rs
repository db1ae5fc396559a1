//! Raw resources that are a part of the API: what would be lost with the next change of the document becomes a part of
//! it.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::super::super::output::Output;
use super::super::super::tree::Properties;
use super::authorizers::scheme_of_resource;
use crate::aws::naming;
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Entry;
use crate::engine::value::Value;

/// Types whose resources live in a REST API.
const OWN_TYPES: &[&str] = &[
    "AWS::ApiGateway::Authorizer",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Model",
    "AWS::ApiGateway::RequestValidator",
    "AWS::ApiGateway::Resource",
];

/// Takes gateway responses and authorizers of our API out of the raw resources and into its document. Anything else
/// in our API cannot stay: each change of the document would take it away.
pub(in super::super::super) fn absorb(
    raw: &mut IndexMap<String, Value>,
    written: &IndexMap<&String, &Entry>,
    output: &mut Output,
) {
    if !output.template.resources.contains_key(naming::REST_API) {
        return;
    }
    let ours = |resource: &Value| {
        resource.at(&["Properties", "RestApiId", "Ref"]).and_then(|id| id.text()) == Some(naming::REST_API)
    };
    let parts: Vec<String> = raw
        .iter()
        .filter(|(_, resource)| {
            let kind = resource.get("Type").and_then(|kind| kind.text()).unwrap_or_default();
            OWN_TYPES.contains(&kind) && ours(resource)
        })
        .map(|(logical_id, _)| logical_id.clone())
        .collect();
    for logical_id in parts {
        let Some(resource) = raw.get(&logical_id) else { continue };
        let properties = resource.get("Properties").cloned().unwrap_or(Value::Null);
        match resource.get("Type").and_then(|kind| kind.text()) {
            Some("AWS::ApiGateway::GatewayResponse") => {
                let kind =
                    properties.get("ResponseType").and_then(|kind| kind.text()).unwrap_or("DEFAULT_4XX").to_owned();
                let response = Properties::new()
                    .maybe("statusCode", properties.get("StatusCode").cloned())
                    .maybe("responseParameters", properties.get("ResponseParameters").cloned())
                    .maybe("responseTemplates", properties.get("ResponseTemplates").cloned());
                insert(output, &["x-amazon-apigateway-gateway-responses"], &kind, response.into());
                raw.shift_remove(&logical_id);
            }
            Some("AWS::ApiGateway::Authorizer") => {
                let scheme = scheme_of_resource(&properties);
                insert(output, &["components", "securitySchemes"], &logical_id, scheme.into());
                raw.shift_remove(&logical_id);
            }
            kind => {
                let kind = kind.unwrap_or_default();
                let mut problem = Diagnostic::warning(
                    "lost-with-document",
                    format!("resources.Resources.{logical_id}: hoist writes its API as one document, which a {kind} beside it does not survive"),
                )
                .path(format!("resources.Resources.{logical_id}"))
                .help("describe it in the `http` events, or give the API to `provider.apiGateway.restApiId`");
                problem.place = written.get(&logical_id).map(|entry| entry.key_place);
                output.problem(problem);
            }
        }
    }
}

/// Puts a value into the document, beneath mappings that are made on first need.
fn insert(output: &mut Output, path: &[&str], key: &str, value: Value) {
    let Some(api) = output.template.resources.get_mut(naming::REST_API) else { return };
    let mut place = &mut api.properties;
    for step in std::iter::once(&"Body").chain(path) {
        let Value::Map(map) = place else { return };
        place = map.entry((*step).to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
    }
    if let Value::Map(map) = place {
        map.insert(key.to_owned(), value);
    }
}
