//! One method of a path, in CloudFormation's words: what the document and single resources are made of.

use super::super::super::output::Output;
use super::super::super::plan::{Plan, Triggered};
use super::super::super::tree::Properties;
use super::authorizers::{Authorization, Schemes};
use super::integration;
use super::models::Models;
use super::{TIMEOUT, endpoint_type};
use crate::aws::naming;
use crate::config::decode::Toggle;
use crate::config::language::events::http::{Http, RequestParameter};
use crate::config::language::provider::EndpointType;
use crate::engine::value::Value;

pub(super) use crate::config::language::events::http::Method as Verb;

/// One method of a path.
pub(super) struct Method {
    pub verb: &'static str,
    /// With its first slash and without its last; `/` is the root.
    pub path: String,
    pub logical_id: String,
    pub operation: Option<String>,
    pub needs_key: bool,
    pub authorization: Authorization,
    /// `method.request.path.id`, and whether it is required.
    pub parameters: Vec<(String, bool)>,
    /// Content types with the name of their model.
    pub models: Vec<(String, String)>,
    /// The name of the validator, where something is validated.
    pub validator: Option<String>,
    /// `Integration` of `AWS::ApiGateway::Method`.
    pub integration: Properties,
    /// Status codes with the names of their headers.
    pub responses: Vec<(String, Vec<String>)>,
    /// Logical id of the alias that must be there first.
    pub after: Option<String>,
    /// Logical id of the function whose route it is.
    pub function: String,
    /// The condition of that function.
    pub condition: Option<String>,
}

/// Method and path of a route.
pub(super) fn route(http: &Http) -> (Verb, String) {
    let path = http.path.as_str();
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    (http.method, format!("/{path}"))
}

pub(super) fn logical_id(path: &str, verb: &str) -> String {
    naming::rest_method(path, verb)
}

pub(super) fn method(
    plan: &Plan,
    event: &Triggered<Http>,
    api: &Value,
    schemes: &mut Schemes,
    models: &mut Models,
    output: &mut Output,
) -> Method {
    let http = event.settings;
    let (verb, path) = route(http);
    let parameters = parameters(http);
    let request_models = models.of(plan, event, &path, output);
    let validated = !request_models.is_empty() || parameters.iter().any(|(_, required)| *required);
    let authorization = schemes.of(plan, event, api, output);
    let timeout = http
        .timeout_in_millis
        .or(plan.service.provider.api_gateway.as_ref().and_then(|settings| settings.timeout_in_millis))
        .map(|millis| millis.get());
    if timeout.is_some_and(|millis| millis > TIMEOUT) && endpoint_type(plan) == EndpointType::Edge {
        output.problem(
            event
                .problem(
                    "out-of-range",
                    format!("an integration of an edge endpoint may take {TIMEOUT} ms at the most"),
                )
                .help(
                    "lower `timeoutInMillis`, or set `provider.endpointType: REGIONAL` and raise the account's quota",
                ),
        );
    }
    Method {
        verb: verb.as_str(),
        logical_id: logical_id(&path, verb.as_str()),
        operation: http.operation_id.clone(),
        needs_key: http.private == Some(true),
        parameters,
        models: request_models,
        validator: validated
            .then(|| format!("{} | Validate request body and querystring parameters", plan.names.prefix())),
        integration: integration::integration(event, &authorization, timeout, output),
        responses: integration::method_responses(http),
        after: event.function.alias_id().map(str::to_owned),
        function: event.function.logical_id.clone(),
        condition: event.function.function.condition.clone(),
        authorization,
        path,
    }
}

/// The parameters of a request, by API Gateway's names.
fn parameters(http: &Http) -> Vec<(String, bool)> {
    all_parameters(http).into_iter().map(|(name, parameter)| (name, is_required(parameter))).collect()
}

/// Every parameter with its settings.
pub(super) fn all_parameters(http: &Http) -> Vec<(String, &Toggle<RequestParameter>)> {
    let Some(given) = http.request.as_ref().and_then(|request| request.parameters.as_ref()) else {
        return Vec::new();
    };
    [("querystring", &given.querystrings), ("path", &given.paths), ("header", &given.headers)]
        .into_iter()
        .flat_map(|(place, all)| {
            all.iter().map(move |(name, parameter)| (format!("method.request.{place}.{name}"), parameter))
        })
        .collect()
}

fn is_required(parameter: &Toggle<RequestParameter>) -> bool {
    match parameter {
        Toggle::Off => false,
        Toggle::On => true,
        Toggle::With(settings) => settings.required.unwrap_or(true),
    }
}
