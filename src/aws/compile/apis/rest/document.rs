//! The OpenAPI document of a REST API, with everything that a deployment of it needs
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api.html>).

use indexmap::IndexMap;

use super::super::super::tree::Properties;
use super::super::SIGNED;
use super::super::http::path_parameters;
use super::authorizers::{Authorization, Schemes};
use super::method::Method;
use super::models::Models;
use crate::engine::value::Value;

/// Names of `Integration` in CloudFormation and in the document.
const NAMES: &[(&str, &str)] = &[
    ("Type", "type"),
    ("IntegrationHttpMethod", "httpMethod"),
    ("Uri", "uri"),
    ("ConnectionType", "connectionType"),
    ("ConnectionId", "connectionId"),
    ("ContentHandling", "contentHandling"),
    ("PassthroughBehavior", "passthroughBehavior"),
    ("RequestParameters", "requestParameters"),
    ("RequestTemplates", "requestTemplates"),
    ("TimeoutInMillis", "timeoutInMillis"),
    ("ResponseTransferMode", "responseTransferMode"),
    ("StatusCode", "statusCode"),
    ("ResponseParameters", "responseParameters"),
    ("ResponseTemplates", "responseTemplates"),
];
/// Values that the document writes in lower case.
const LOWER: &[&str] = &["Type", "PassthroughBehavior"];

pub(super) fn document(name: &str, methods: &[Method], schemes: &Schemes, models: &Models) -> Properties {
    let mut paths: IndexMap<&str, Properties> = IndexMap::new();
    for method in methods {
        let item = paths.entry(&method.path).or_default();
        let verb = match method.verb {
            "ANY" => "x-amazon-apigateway-any-method".to_owned(),
            verb => verb.to_lowercase(),
        };
        *item = std::mem::take(item).with(&verb, operation(method));
    }
    let paths = paths.into_iter().fold(Properties::new(), |all, (path, item)| all.with(path, item));
    let validators =
        methods.iter().filter_map(|method| method.validator.as_deref()).fold(Properties::new(), |all, name| {
            all.with(name, Properties::new().with("validateRequestBody", true).with("validateRequestParameters", true))
        });
    let signed = methods.iter().any(|method| method.authorization == Authorization::Signed);
    let keys = methods.iter().any(|method| method.needs_key);
    let components = Properties::new()
        .maybe("securitySchemes", schemes.security(signed, keys).some())
        .maybe("schemas", models.components().some());
    Properties::new()
        .with("openapi", "3.0.1")
        .with("info", Properties::new().with("title", name).with("version", "1.0"))
        .with("paths", paths)
        .maybe("components", components.some())
        .maybe("x-amazon-apigateway-request-validators", validators.some())
}

fn operation(method: &Method) -> Properties {
    let body = method.models.iter().fold(Properties::new(), |all, (content_type, model)| {
        let schema = Properties::new().with("$ref", format!("#/components/schemas/{model}"));
        all.with(content_type, Properties::new().with("schema", schema))
    });
    Properties::new()
        .maybe("operationId", method.operation.as_deref())
        .list("parameters", parameters(method))
        .maybe("requestBody", body.some().map(|content| Properties::new().with("content", content)))
        .with("responses", responses(method))
        .maybe("security", security(method))
        .maybe("x-amazon-apigateway-request-validator", method.validator.as_deref())
        .with("x-amazon-apigateway-integration", integration(method))
}

/// The variables of the path, and whatever else the route names.
fn parameters(method: &Method) -> Vec<Value> {
    let mut all = path_parameters(&method.path);
    for (name, required) in &method.parameters {
        let Some((place, name)) = name.strip_prefix("method.request.").and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        // A variable of the path is always required, and is there already.
        if place == "path" && method.path.contains(&format!("{{{name}")) {
            continue;
        }
        let place = if place == "querystring" { "query" } else { place };
        let parameter = Properties::new()
            .with("name", name)
            .with("in", place)
            .with("required", *required)
            .with("schema", Properties::new().with("type", "string"));
        all.push(parameter.into());
    }
    all
}

/// What the method answers with; OpenAPI wants one answer at least.
fn responses(method: &Method) -> Properties {
    if method.responses.is_empty() {
        return Properties::new().with("200", Properties::new().with("description", "200 response"));
    }
    method.responses.iter().fold(Properties::new(), |all, (code, headers)| {
        let headers = headers.iter().fold(Properties::new(), |all, name| {
            all.with(name, Properties::new().with("schema", Properties::new().with("type", "string")))
        });
        let response = Properties::new().with("description", format!("{code} response"));
        all.with(code, response.maybe("headers", headers.some()))
    })
}

/// Who may call: an authorizer and a key are both needed where both are named.
fn security(method: &Method) -> Option<Vec<Value>> {
    let mut needed = Properties::new();
    match &method.authorization {
        Authorization::Signed => needed = needed.with(SIGNED, Value::List(Vec::new())),
        Authorization::Scheme { name, scopes, .. } => needed = needed.with(name, Value::List(scopes.clone())),
        Authorization::None | Authorization::Existing { .. } => {}
    }
    if method.needs_key {
        needed = needed.with("api_key", Value::List(Vec::new()));
    }
    needed.some().map(|needed| vec![needed])
}

fn integration(method: &Method) -> Properties {
    let Value::Map(integration) = Value::from(method.integration.clone()) else { return Properties::new() };
    let mut extension = Properties::new();
    for (key, value) in &integration {
        if key == "IntegrationResponses" {
            extension = extension.with("responses", integration_responses(value));
        } else {
            extension = renamed(extension, key, value);
        }
    }
    extension
}

fn renamed(extension: Properties, key: &str, value: &Value) -> Properties {
    let Some((_, name)) = NAMES.iter().find(|(from, _)| *from == key) else { return extension };
    match value {
        Value::String(text) if LOWER.contains(&key) => extension.with(name, text.to_lowercase()),
        value => extension.with(name, value.clone()),
    }
}

/// The answers of an integration by what chooses them; `default` is the one that nothing else chooses.
fn integration_responses(list: &Value) -> Properties {
    let Value::List(list) = list else { return Properties::new() };
    list.iter().fold(Properties::new(), |all, response| {
        let Value::Map(map) = response else { return all };
        let pattern = map.get("SelectionPattern").and_then(|pattern| pattern.text()).unwrap_or_default();
        let key = if pattern.is_empty() { "default" } else { pattern };
        let response = map
            .iter()
            .filter(|(_, value)| !matches!(value, Value::Map(map) if map.is_empty()))
            .fold(Properties::new(), |response, (key, value)| renamed(response, key, value));
        all.with(key, response)
    })
}
