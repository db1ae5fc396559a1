//! `websocket`: the WebSocket API, route by route, since there is no import for it.

use sha2::{Digest, Sha256};

use super::super::output::Output;
use super::super::plan::{FunctionPlan, Plan, Triggered};
use super::super::role::FunctionRole;
use super::super::tree::{self, Properties};
use super::{caller, endpoint, foreign_permission, invocation, log_group, tag_map};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::language::events::Trigger;
use crate::config::language::events::websocket::{Websocket, WebsocketAuthorizer};
use crate::config::language::provider::ApiLogs;
use crate::config::variables::grammar::has_variables;
use crate::engine::fingerprint;
use crate::engine::value::Value;

const DESCRIPTION: &str = "Serverless Websockets";
const SELECTION: &str = "$request.body.action";
const IDENTITY_SOURCE: &str = "route.request.header.Auth";
const DEPLOYMENT: &str = "WebsocketsDeployment";
const LOG_FORMAT: &str = "$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] \"$context.eventType $context.routeKey $context.connectionId\" $context.requestId";
/// What functions may do with the connections of any API of the account.
const CONNECTIONS: &str = "arn:${AWS::Partition}:execute-api:*:*:*/@connections/*";

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events: Vec<Triggered<Websocket>> = plan
        .events(|trigger| match trigger {
            Trigger::Websocket(route) => Some(&route.0),
            _ => None,
        })
        .collect();
    if events.is_empty() {
        return;
    }
    let external = plan.service.provider.api_gateway.as_ref().and_then(|api| api.websocket_api_id.as_ref());
    let api = external.map_or_else(|| tree::reference(naming::WEBSOCKET_API), tree::as_text);
    if external.is_none() {
        own_api(plan, output);
    }
    // The framework lets its shared role answer, whichever function asks; a role of one function's own, that function.
    for function in &plan.functions {
        let is_called = || events.iter().any(|event| event.function.key == function.key);
        if function.role == FunctionRole::shared() || is_called() {
            output.grant(function, &["execute-api:ManageConnections"], [tree::sub(CONNECTIONS)]);
        }
    }
    let mut routes: Vec<String> = Vec::new();
    for event in &events {
        route(plan, event, &api, external.is_none(), &mut routes, output);
    }
    let stage = &plan.names.stage;
    let description = plan.service.provider.websockets_description.as_deref().unwrap_or(DESCRIPTION);
    let deployment = Properties::new()
        .with("ApiId", api.clone())
        .with("Description", description)
        .maybe("StageName", external.map(|_| stage.as_str()));
    let mut deployment = TemplateResource::new("AWS::ApiGatewayV2::Deployment", deployment.into()).after(routes);
    if external.is_none() {
        deployment = deployment.beneath(naming::WEBSOCKET_API);
        own_stage(plan, &api, description, output);
    }
    output.add(DEPLOYMENT, deployment);
    output.output("ServiceEndpointWebsocket", endpoint("wss", api, &format!("/{stage}")));
}

fn own_api(plan: &Plan, output: &mut Output) {
    let provider = &plan.service.provider;
    let tagged = provider.websocket.as_ref().is_some_and(|settings| settings.use_provider_tags == Some(true));
    let selection = provider.websockets_api_route_selection_expression.as_deref().unwrap_or(SELECTION);
    let name = provider.websockets_api_name.clone().unwrap_or_else(|| plan.names.websocket_api());
    let properties = Properties::new()
        .with("Name", name)
        .with("RouteSelectionExpression", selection)
        .with("Description", provider.websockets_description.as_deref().unwrap_or(DESCRIPTION))
        .with("ProtocolType", "WEBSOCKET")
        .maybe("Tags", tag_map(plan).filter(|_| tagged));
    output.add(naming::WEBSOCKET_API, TemplateResource::new("AWS::ApiGatewayV2::Api", properties.into()));
}

fn route(
    plan: &Plan,
    event: &Triggered<Websocket>,
    api: &Value,
    own: bool,
    routes: &mut Vec<String>,
    output: &mut Output,
) {
    let (function, websocket) = (event.function, event.settings);
    let route_id = naming::websocket_route(&websocket.route);
    if routes.contains(&route_id) {
        output.problem(
            event
                .problem("duplicate-route", format!("the route `{}` is there already", websocket.route))
                .help("a route calls one function only"),
        );
        return;
    }
    let place = |resource| beneath(resource, function, own);
    let integration_id = function.id("WebsocketsIntegration");
    let integration = Properties::new()
        .with("ApiId", api.clone())
        .with("IntegrationType", "AWS_PROXY")
        .with("IntegrationUri", invocation(function.target()));
    output.add_once(integration_id.clone(), place(function.beside("AWS::ApiGatewayV2::Integration", integration)));
    let permission = allowed(function.permission("apigateway.amazonaws.com"), api, own);
    output.add_once(
        naming::permission(function.key, "Websockets"),
        function.beneath("AWS::Lambda::Permission", permission),
    );
    if websocket.authorizer.is_some() && websocket.route != "$connect" && !has_variables(&websocket.route) {
        output.problem(
            event
                .problem("conflict", format!("the route `{}` cannot have an authorizer", websocket.route))
                .help("a WebSocket API asks on `$connect` only: put the authorizer there"),
        );
    }
    let authorizer =
        websocket.authorizer.as_deref().and_then(|wanted| authorizer(plan, event, wanted, api, own, output));
    let selection = websocket.route_response_selection_expression.map(|expression| expression.as_str());
    let properties = Properties::new()
        .with("ApiId", api.clone())
        .with("RouteKey", websocket.route.as_str())
        .with("AuthorizationType", if authorizer.is_some() { "CUSTOM" } else { "NONE" })
        .maybe("AuthorizerId", authorizer.map(tree::reference))
        .with("Target", tree::join("/", vec!["integrations".into(), tree::reference(integration_id)]))
        .maybe("RouteResponseSelectionExpression", selection);
    output.add(route_id.clone(), place(TemplateResource::new("AWS::ApiGatewayV2::Route", properties.into())));
    if selection.is_some() {
        let response = Properties::new()
            .with("ApiId", api.clone())
            .with("RouteId", tree::reference(&route_id))
            .with("RouteResponseKey", "$default");
        let response_id = format!("{route_id}Response");
        output.add(
            response_id.clone(),
            place(TemplateResource::new("AWS::ApiGatewayV2::RouteResponse", response.into())),
        );
        routes.push(response_id);
    }
    routes.push(route_id);
}

/// A part of the API: it lives beneath an API of ours, and in somebody else's beneath the function that it calls, through
/// whose policy it is found again.
fn beneath(resource: TemplateResource, function: &FunctionPlan, own: bool) -> TemplateResource {
    resource.beneath(if own { naming::WEBSOCKET_API } else { &function.logical_id })
}

/// A permission of API Gateway. For an API that is somebody else's it names the API: so the routes in it are found again when
/// they leave the file.
fn allowed(permission: Properties, api: &Value, own: bool) -> Properties {
    permission.maybe("SourceArn", (!own).then(|| caller(api.clone(), "/*")))
}

/// The authorizer of a route, made on first need, with the permission to call its function: its logical id.
fn authorizer(
    plan: &Plan,
    event: &Triggered<Websocket>,
    wanted: &WebsocketAuthorizer,
    api: &Value,
    own: bool,
    output: &mut Output,
) -> Option<String> {
    let in_arn = wanted.arn.as_ref().and_then(|arn| arn.last_in_arn(&[':']));
    let Some(name) = wanted.name.as_deref().or(in_arn.as_deref()) else {
        output.problem(
            event
                .problem("missing-key", "the authorizer has no name")
                .help("add `name`: it is needed where `arn` is a CloudFormation function"),
        );
        return None;
    };
    let permission_id = naming::permission(name, "Websockets");
    let (target, alias) = match &wanted.arn {
        Some(arn) => {
            output.add_once(permission_id, foreign_permission(arn.into(), None));
            (Value::from(arn), None)
        }
        None => {
            let Some(function) = plan.function(name) else {
                if has_variables(name) {
                    // Only the account knows it: no authorizer has this id.
                    return Some(name.to_owned());
                }
                output.problem(
                    event
                        .problem("unknown-authorizer", format!("there is no function `{name}`"))
                        .help("name a function of the service, or give the ARN of one"),
                );
                return None;
            };
            let permission = allowed(function.permission("apigateway.amazonaws.com"), api, own);
            output.add_once(permission_id, function.beneath("AWS::Lambda::Permission", permission));
            (function.target(), function.alias_id())
        }
    };
    let sources: Vec<&str> = match wanted.identity_source.as_slice() {
        [] => vec![IDENTITY_SOURCE],
        given => given.iter().map(String::as_str).collect(),
    };
    let properties = Properties::new()
        .with("ApiId", api.clone())
        .with("Name", name)
        .with("AuthorizerType", "REQUEST")
        .with("AuthorizerUri", invocation(target))
        .with("IdentitySource", sources);
    let logical_id = naming::of_function(name, "WebsocketsAuthorizer");
    let resource = TemplateResource::new("AWS::ApiGatewayV2::Authorizer", properties.into()).after(alias);
    output.add_once(logical_id.clone(), beneath(resource, plan.function(name).unwrap_or(event.function), own));
    Some(logical_id)
}

fn own_stage(plan: &Plan, api: &Value, description: &str, output: &mut Output) {
    let mut stage = Properties::new()
        .with("ApiId", api.clone())
        .with("StageName", plan.names.stage.as_str())
        .with("Description", description)
        .with("DeploymentId", tree::reference(DEPLOYMENT));
    let logs = plan.service.provider.logs.as_ref().and_then(|logs| logs.websocket.as_ref());
    let mut account_id = None;
    if let Some(logs) = logs.filter(|logs| logs.is_on()) {
        let given: Option<&ApiLogs> = logs.settings();
        let on = |flag: Option<bool>| flag.unwrap_or(true);
        let level = match on(given.and_then(|logs| logs.execution_logging)) {
            true => given.and_then(|logs| logs.level).map_or("INFO", |level| level.as_str()),
            false => "OFF",
        };
        stage = stage.with(
            "DefaultRouteSettings",
            Properties::new()
                .with("DataTraceEnabled", on(given.and_then(|logs| logs.full_execution_data)))
                .with("LoggingLevel", level),
        );
        if on(given.and_then(|logs| logs.access_logging)) {
            let group = naming::WEBSOCKET_LOG_GROUP;
            let arn =
                format!("arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{group}}}");
            let format = given.and_then(|logs| logs.format.as_deref()).unwrap_or(LOG_FORMAT);
            stage = stage.with(
                "AccessLogSettings",
                Properties::new().with("DestinationArn", tree::sub(arn)).with("Format", format),
            );
        }
        output.add(naming::WEBSOCKET_LOG_GROUP, log_group(plan, format!("/aws/websocket/{}", plan.names.prefix())));
        account_id = super::rest::account(given, output);
    }
    let resource = TemplateResource::new("AWS::ApiGatewayV2::Stage", stage.into()).beneath(naming::WEBSOCKET_API);
    output.add(naming::WEBSOCKET_STAGE, resource.after(account_id));
}

/// Names the deployment after everything that it deploys: a change of a route makes a new one.
pub(super) fn finish(output: &mut Output) {
    if !output.template.resources.contains_key(DEPLOYMENT) {
        return;
    }
    let mut digest = Sha256::new();
    for (logical_id, resource) in &output.template.resources {
        let of_api = ["Integration", "Route", "RouteResponse", "Authorizer"]
            .iter()
            .any(|kind| resource.kind == format!("AWS::ApiGatewayV2::{kind}"));
        if of_api || logical_id == naming::WEBSOCKET_API {
            fingerprint::value(&mut digest, &Value::string(logical_id));
            fingerprint::value(&mut digest, &resource.properties);
        }
    }
    let digest = fingerprint::hexadecimal(&digest.finalize()[..10]);
    output.template.rename_one(DEPLOYMENT, &format!("{DEPLOYMENT}{digest}"));
}
