//! `http`: the REST API, as one document; routes of an API that is there, one by one.

mod authorizers;
mod cors;
mod document;
mod external;
mod integration;
mod keys;
mod method;
mod models;
mod raw;
mod templates;

use std::collections::{BTreeMap, BTreeSet};

use self::authorizers::Schemes;
use self::method::{Method, Verb};
use self::models::Models;
use super::super::output::Output;
use super::super::plan::{Plan, Triggered};
use super::super::tree::{self, Properties};
use super::throttling::Limits;
use super::{caller, endpoint, log_group, permission};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::Trigger;
use crate::config::language::events::http::Http;
use crate::config::language::provider::{ApiLogs, EndpointType};
use crate::engine::value::Value;

pub(in super::super) use self::raw::absorb;

/// Resources of one API, which paths become
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>).
const RESOURCES: usize = 300;
/// The longest that an integration of an edge endpoint may take, in milliseconds.
const TIMEOUT: i64 = 29_000;
const LOG_FORMAT: &str = "requestId: $context.requestId, ip: $context.identity.sourceIp, caller: $context.identity.caller, user: $context.identity.user, requestTime: $context.requestTime, httpMethod: $context.httpMethod, resourcePath: $context.resourcePath, status: $context.status, protocol: $context.protocol, responseLength: $context.responseLength";

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events: Vec<Triggered<Http>> = plan
        .events(|trigger| match trigger {
            Trigger::Http(http) => Some(&http.0),
            _ => None,
        })
        .collect();
    if events.is_empty() {
        return;
    }
    let settings = plan.service.provider.api_gateway.as_ref();
    let external = settings.and_then(|settings| settings.rest_api_id.as_ref());
    let api = external.map_or_else(|| tree::reference(naming::REST_API), tree::as_text);
    check_paths(&events, output);
    let mut schemes = Schemes::default();
    let mut models = Models::default();
    let mut methods = Vec::with_capacity(events.len());
    for event in &events {
        let permission_id = naming::permission(event.function.key, "ApiGateway");
        output.add_once(permission_id, permission(event.function, caller(api.clone(), "/*/*")));
        methods.push(method::method(plan, event, &api, &mut schemes, &mut models, output));
    }
    methods.extend(cors::preflights(&events, &methods));
    let stage = stage_name(plan).to_owned();
    match external {
        Some(_) => external::attach(plan, &api, &methods, &schemes, &models, &events, output),
        None => {
            own(plan, &methods, &schemes, &models, output);
            own_stage(plan, &stage, &events, output);
        }
    }
    deployment(plan, &api, external.is_some(), &stage, &methods, output);
    keys::compile(plan, &api, &stage, output);
    output.output("ServiceEndpoint", endpoint("https", api, &format!("/{stage}")));
}

/// The stage of the API: the service's, unless it has one of its own.
fn stage_name<'p>(plan: &'p Plan) -> &'p str {
    let own = plan.service.provider.api_gateway.as_ref().and_then(|settings| settings.stage.as_deref());
    own.unwrap_or(&plan.names.stage)
}

/// Each route once, each place in a path with one name for its variable, and no more than the API holds.
fn check_paths(events: &[Triggered<Http>], output: &mut Output) {
    let mut taken: BTreeMap<(Verb, String), ()> = BTreeMap::new();
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let mut resources: BTreeSet<String> = BTreeSet::new();
    for event in events {
        let (verb, path) = method::route(event.settings);
        if taken.insert((verb, path.clone()), ()).is_some() {
            output.problem(
                event
                    .problem("duplicate-route", format!("the route `{} {path}` is there already", verb.as_str()))
                    .help("a route calls one function only"),
            );
        }
        let mut beginning = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if part.starts_with('{') {
                let first = variables.entry(beginning.clone()).or_insert_with(|| part.to_owned());
                if first != part {
                    output.problem(
                        event
                            .problem(
                                "two-variables",
                                format!(
                                    "`{beginning}/{part}` and `{beginning}/{first}` are the same place with two names"
                                ),
                            )
                            .help(format!("API Gateway takes one name for a place in a path: write `{first}` in both")),
                    );
                }
            }
            beginning.push('/');
            beginning.push_str(part);
            resources.insert(beginning.clone());
        }
    }
    if resources.len() > RESOURCES {
        let message = format!(
            "the routes need {} resources, one for each part of a path, and a REST API has {RESOURCES} at the most",
            resources.len()
        );
        output.problem(
            Diagnostic::error("too-many", message)
                .help("split the service, or let one function serve several routes with `{proxy+}`"),
        );
    }
}

fn endpoint_type(plan: &Plan) -> EndpointType {
    let provider = &plan.service.provider;
    let own = provider.api_gateway.as_ref().and_then(|api| api.endpoint.as_ref()).and_then(|endpoint| endpoint.kind);
    own.or(provider.endpoint_type).unwrap_or(EndpointType::Edge)
}

/// An API of the service's own.
fn own(plan: &Plan, methods: &[Method], schemes: &Schemes, models: &Models, output: &mut Output) {
    let provider = &plan.service.provider;
    let settings = provider.api_gateway.as_ref();
    let kind = endpoint_type(plan);
    if provider.vpc_endpoint_ids.is_some() && kind != EndpointType::Private {
        output.problem(
            Diagnostic::error("conflict", "provider.vpcEndpointIds: only private APIs have VPC endpoints")
                .path("provider.vpcEndpointIds")
                .at(provider.place_of("vpcEndpointIds"))
                .help("add `endpointType: PRIVATE`, or leave out `vpcEndpointIds`"),
        );
    }
    let name = match &provider.api_name {
        Some(name) => name.clone(),
        None => plan.names.api(settings.is_some_and(|all| all.should_start_name_with_service == Some(true))),
    };
    let endpoint = Properties::new()
        .with("Types", vec![kind.as_str()])
        .maybe("VpcEndpointIds", provider.vpc_endpoint_ids.as_ref());
    let statements =
        settings.and_then(|settings| settings.resource_policy.as_ref()).or(provider.resource_policy.as_ref());
    let policy: Value = match statements {
        Some(statements) if !statements.is_empty() => Properties::new()
            .with("Version", "2012-10-17")
            .with("Statement", Value::List(statements.iter().map(|statement| tree::from_node(statement)).collect()))
            .into(),
        // Always there, so that a policy that left the file is taken away.
        _ => "".into(),
    };
    let media: Vec<Value> =
        settings.iter().flat_map(|settings| &settings.binary_media_types).map(|kind| kind.as_str().into()).collect();
    let security = settings.and_then(|settings| settings.endpoint.as_ref());
    let tags = tree::tag_list(&provider.tags);
    let properties = Properties::new()
        .with("Name", name.as_str())
        .maybe("Description", settings.and_then(|settings| settings.description.as_deref()))
        .with("EndpointConfiguration", endpoint)
        .with("Policy", policy)
        .list("BinaryMediaTypes", media)
        .maybe("DisableExecuteApiEndpoint", settings.and_then(|settings| settings.disable_default_endpoint))
        .maybe("SecurityPolicy", security.and_then(|endpoint| endpoint.security_policy.as_deref()))
        .maybe("EndpointAccessMode", security.and_then(|endpoint| endpoint.access_mode).map(|mode| mode.as_str()))
        .maybe("ApiKeySourceType", settings.and_then(|settings| settings.api_key_source_type).map(|kind| kind.as_str()))
        .maybe(
            "MinimumCompressionSize",
            settings.and_then(|settings| settings.minimum_compression_size).map(|bytes| bytes.get()),
        )
        .list("Tags", tags)
        .with("Body", document::document(&name, methods, schemes, models));
    let aliases: Vec<&str> = methods.iter().filter_map(|method| method.after.as_deref()).collect();
    output.add(naming::REST_API, TemplateResource::new("AWS::ApiGateway::RestApi", properties.into()).after(aliases));
}

fn deployment(plan: &Plan, api: &Value, external: bool, stage: &str, methods: &[Method], output: &mut Output) {
    let description = plan.service.provider.api_gateway.as_ref().and_then(|settings| settings.description.as_deref());
    let properties = Properties::new().with("RestApiId", api.clone()).maybe("Description", description);
    let resource = if external {
        let properties = properties.with("StageName", stage);
        TemplateResource::new("AWS::ApiGateway::Deployment", properties.into())
            .after(methods.iter().map(|method| method.logical_id.clone()))
    } else {
        TemplateResource::new("AWS::ApiGateway::Deployment", properties.into()).beneath(naming::REST_API)
    };
    output.add(naming::REST_DEPLOYMENT, resource);
}

/// The stage, whose settings the framework makes outside of its template.
fn own_stage(plan: &Plan, name: &str, events: &[Triggered<Http>], output: &mut Output) {
    let provider = &plan.service.provider;
    let metrics = provider.api_gateway.as_ref().and_then(|settings| settings.metrics);
    let tracing = provider.tracing.as_ref().and_then(|tracing| tracing.api_gateway);
    let logs = provider.logs.as_ref().and_then(|logs| logs.rest_api.as_ref()).filter(|logs| logs.is_on());
    let given = logs.and_then(|logs| logs.settings());
    let on = |flag: Option<bool>| flag.unwrap_or(true);
    let mut settings = Properties::new().maybe("MetricsEnabled", metrics);
    let mut access = None;
    let mut account_id = None;
    if logs.is_some() {
        let level = match on(given.and_then(|logs| logs.execution_logging)) {
            true => given.and_then(|logs| logs.level).map_or("INFO", |level| level.as_str()),
            false => "OFF",
        };
        settings = settings
            .with("LoggingLevel", level)
            .with("DataTraceEnabled", on(given.and_then(|logs| logs.full_execution_data)));
        if on(given.and_then(|logs| logs.access_logging)) {
            let arn = format!(
                "arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{}}}",
                naming::REST_LOG_GROUP
            );
            let format = given.and_then(|logs| logs.format.as_deref()).unwrap_or(LOG_FORMAT);
            access = Some(Properties::new().with("DestinationArn", tree::sub(arn)).with("Format", format));
            output.add(naming::REST_LOG_GROUP, log_group(plan, format!("/aws/api-gateway/{}", plan.names.prefix())));
        }
        account_id = account(given, output);
    }
    let limits = Limits::of_all(plan);
    // A route with settings of its own takes none over from the stage.
    let on_route = settings.clone();
    let of_all = limits.add_to(settings).some().map(|settings| at(settings, "*", "/*"));
    let of_routes = events.iter().filter_map(|event| Some((event, event.settings.throttling.as_ref()?)));
    let of_routes = of_routes.flat_map(|(event, own)| {
        let (verb, path) = method::route(event.settings);
        let settings: Value = limits.or_of(own).add_to(on_route.clone()).into();
        let verbs = if verb == Verb::Any { EVERY_METHOD } else { &[verb.as_str()][..] };
        verbs.iter().map(|verb| at(settings.clone(), verb, &path)).collect::<Vec<_>>()
    });
    let properties = Properties::new()
        .with("RestApiId", tree::reference(naming::REST_API))
        .with("DeploymentId", tree::reference(naming::REST_DEPLOYMENT))
        .with("StageName", name)
        .maybe("TracingEnabled", tracing)
        .maybe("AccessLogSetting", access)
        .list("MethodSettings", of_all.into_iter().chain(of_routes).collect())
        .list("Tags", tree::tag_list(&provider.tags));
    let stage = TemplateResource::new("AWS::ApiGateway::Stage", properties.into()).beneath(naming::REST_API);
    output.add(naming::REST_STAGE, stage.after(account_id));
}

/// What `ANY` stands for where API Gateway takes no such method.
const EVERY_METHOD: &[&str] = &["GET", "DELETE", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Settings of a method of a path.
fn at(settings: Value, method: &str, path: &str) -> Value {
    let place = [("HttpMethod", method), ("ResourcePath", path)];
    let place = place.map(|(key, value)| (key.to_owned(), Value::string(value)));
    match settings {
        Value::Map(mut map) => {
            map.extend(place);
            Value::Map(map)
        }
        _ => Value::Map(place.into()),
    }
}

/// The account-wide role that API Gateway logs with.
const ACCOUNT: &str = "CustomApiGatewayAccountCloudWatchRole";

/// API Gateway can only log with a role that is set for the whole account and region. Gives what the stage waits for.
pub(super) fn account(logs: Option<&ApiLogs>, output: &mut Output) -> Option<&'static str> {
    if logs.is_some_and(|logs| logs.role_managed_externally == Some(true)) {
        return None;
    }
    let properties = Properties::new().maybe("CloudWatchRoleArn", logs.and_then(|logs| logs.role.as_ref()));
    output.add_once(ACCOUNT, TemplateResource::new("AWS::ApiGateway::Account", properties.into()));
    Some(ACCOUNT)
}
