//! `httpApi`: the HTTP API, as one document; routes of an API that is there, one by one.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::output::Output;
use super::super::plan::{FunctionPlan, Plan, Triggered};
use super::super::tree::{self, Properties};
use super::throttling::Limits;
use super::{SIGNED, caller, endpoint, foreign_permission, invocation, log_group, permission, signed_scheme, tag_map};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::decode::{CfList, Toggle};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::api::{HttpApi, HttpApiAuthorizer, HttpApiAuthorizerKind, HttpApiCors};
use crate::config::language::custom::throttling::RouteThrottling;
use crate::config::language::events::Trigger;
use crate::config::language::events::http::Method;
use crate::config::language::events::http_api::{HttpApiRoute, RouteAuthorizerKind};
use crate::config::variables::grammar::has_variables;
use crate::engine::value::Value;

/// The longest that an integration may take, in milliseconds
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const TIMEOUT: i64 = 30_000;
/// Routes of one API.
const ROUTES: usize = 300;
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "OPTIONS", "HEAD", "DELETE"];
const ALLOWED_HEADERS: &[&str] = &[
    "Content-Type",
    "X-Amz-Date",
    "Authorization",
    "X-Api-Key",
    "X-Amz-Security-Token",
    "X-Amz-User-Agent",
    "X-Amzn-Trace-Id",
];
const LOG_FORMAT: &str = concat!(
    r#"{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","#,
    r#""requestTime":"$context.requestTime","httpMethod":"$context.httpMethod","routeKey":"$context.routeKey","#,
    r#""status":"$context.status","protocol":"$context.protocol","responseLength":"$context.responseLength"}"#
);

/// One route: `GET /orders`, or `$default`.
struct Route<'p, 'a> {
    function: &'p FunctionPlan<'a>,
    /// `None` with no path: the default route.
    place: Option<(String, String)>,
    authorizer: Authorizer<'a>,
    scopes: Vec<String>,
    throttling: Option<&'a RouteThrottling>,
}

enum Authorizer<'a> {
    None,
    Signed,
    /// One of `provider.httpApi.authorizers`.
    Named(&'a str),
    /// One that is there, of an API that is there.
    Existing(Value, &'static str),
}

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::HttpApi(route) => Some(&route.0),
        _ => None,
    });
    let settings = plan.service.provider.http_api.as_ref();
    let mut routes: IndexMap<String, Route> = IndexMap::new();
    for event in events {
        if let Some((key, route)) = route(&event, settings, output) {
            if routes.contains_key(&key) {
                output.problem(
                    event
                        .problem("duplicate-route", format!("the route `{key}` is there already"))
                        .help("a route calls one function only"),
                );
            }
            routes.insert(key, route);
        }
    }
    if routes.is_empty() {
        return;
    }
    if routes.len() > ROUTES {
        output.problem(
            Diagnostic::error("too-many", format!("{} routes are more than the {ROUTES} of an HTTP API", routes.len()))
                .help("split the service, or let one function serve several routes with `{proxy+}`"),
        );
    }
    let external = settings.and_then(|settings| settings.id.as_ref());
    let api = external.map_or_else(|| tree::reference(naming::HTTP_API), tree::as_text);
    let mut seen: Vec<&str> = Vec::new();
    for route in routes.values() {
        if !seen.contains(&route.function.key) {
            seen.push(route.function.key);
            let source = caller(api.clone(), "/*");
            output.add(naming::permission(route.function.key, "HttpApi"), permission(route.function, source));
        }
    }
    match external {
        Some(_) => attach(plan, &api, &routes, output),
        None => own(plan, settings, &routes, output),
    }
}

fn route<'p, 'a>(
    event: &Triggered<'p, 'a, HttpApiRoute>,
    settings: Option<&'a HttpApi>,
    output: &mut Output,
) -> Option<(String, Route<'p, 'a>)> {
    let (function, http) = (event.function, event.settings);
    let method = http.method.unwrap_or(Method::Any);
    let place = if http.path.as_str() == "*" {
        if method != Method::Any {
            output.problem(
                event
                    .problem("bad-format", "the path `*` takes every method")
                    .help("leave out `method`, or name a path"),
            );
        }
        None
    } else {
        Some((method.as_str().to_owned(), http.path.as_str().to_owned()))
    };
    let mut scopes = Vec::new();
    let authorizer = match http.authorizer.as_deref() {
        None => Authorizer::None,
        Some(wanted) if wanted.kind == Some(RouteAuthorizerKind::AwsIam) => {
            if wanted.name.is_some() || wanted.id.is_some() || !wanted.scopes.is_empty() {
                output.problem(
                    event
                        .problem("conflict", "`type: aws_iam` takes no further settings")
                        .help("leave out `name`, `id` and `scopes`"),
                );
            }
            Authorizer::Signed
        }
        Some(wanted) => {
            scopes.clone_from(&wanted.scopes);
            let known = settings.map(|settings| &settings.authorizers);
            match (&wanted.name, &wanted.id) {
                (_, Some(id)) if settings.is_some_and(|settings| settings.id.is_some()) => {
                    let kind = if wanted.kind == Some(RouteAuthorizerKind::Request) { "CUSTOM" } else { "JWT" };
                    Authorizer::Existing(id.into(), kind)
                }
                (_, Some(_)) => {
                    output.problem(
                        event
                            .problem(
                                "unknown-authorizer",
                                "`id` is for an API that is there, and this API is made here",
                            )
                            .help("declare the authorizer beneath `provider.httpApi.authorizers` and name it"),
                    );
                    Authorizer::None
                }
                (Some(name), None) => match known.and_then(|known| known.get_key_value(name.as_str())) {
                    Some((name, declared)) => {
                        if declared.kind == Some(HttpApiAuthorizerKind::Request) && !scopes.is_empty() {
                            output.problem(
                                event
                                    .problem("conflict", "scopes are for `jwt` authorizers only")
                                    .help("leave out `scopes`"),
                            );
                        }
                        Authorizer::Named(declared.name.as_deref().unwrap_or(name))
                    }
                    // Only the account knows who may call: nobody whom AWS does not know stands in for that.
                    None if has_variables(name) => {
                        output.problem(event.left_out(name));
                        Authorizer::Signed
                    }
                    None => {
                        output.problem(
                            event
                                .problem("unknown-authorizer", format!("there is no authorizer `{name}`"))
                                .help("declare it beneath `provider.httpApi.authorizers`"),
                        );
                        Authorizer::None
                    }
                },
                (None, None) => {
                    output.problem(
                        event
                            .problem("missing-key", "the authorizer has no `name`")
                            .help("name one of `provider.httpApi.authorizers`"),
                    );
                    Authorizer::None
                }
            }
        }
    };
    let key = match &place {
        Some((method, path)) => format!("{method} {path}"),
        None => "$default".to_owned(),
    };
    let throttling = http.throttling.as_ref();
    if let Some(place) = http.places.get("throttling") {
        let is_external = settings.is_some_and(|settings| settings.id.is_some());
        if is_external || throttling.is_some_and(|own| own.disabled == Some(true)) {
            let what = if is_external {
                "the stage of an API that is there is not changed"
            } else {
                "an HTTP API limits every route as soon as it limits all"
            };
            let problem = event.problem("conflict", format!("throttling: {what}"));
            output.problem(problem.at(place).help("leave out `throttling`, or give the route higher limits"));
        }
    }
    Some((key, Route { function, place, authorizer, scopes, throttling }))
}

/// The payload format of a function's events.
fn payload(plan: &Plan, function: &FunctionPlan) -> &'static str {
    let own = function.function.http_api.as_ref().and_then(|settings| settings.payload);
    let provider = plan.service.provider.http_api.as_ref().and_then(|settings| settings.payload);
    own.or(provider).map_or("2.0", |version| version.as_str())
}

/// An API of the service's own.
fn own(plan: &Plan, settings: Option<&HttpApi>, routes: &IndexMap<String, Route>, output: &mut Output) {
    let name = match settings.and_then(|settings| settings.name.as_deref()) {
        Some(name) => name.to_owned(),
        None => plan.names.api(settings.is_some_and(|all| all.should_start_name_with_service == Some(true))),
    };
    let cors = settings.and_then(|settings| settings.cors.as_ref()).and_then(|cors| cors_rules(cors, routes));
    let schemes = schemes(plan, settings, routes, output);
    let description = settings.and_then(|settings| settings.description.as_deref());
    let disabled = settings.and_then(|settings| settings.disable_default_endpoint);
    let properties = Properties::new()
        .with("Name", name.as_str())
        .with("ProtocolType", "HTTP")
        .maybe("Description", description)
        .maybe("DisableExecuteApiEndpoint", disabled)
        .maybe("CorsConfiguration", cors)
        .maybe("Tags", tag_map(plan))
        .with("Body", document(plan, &name, routes, schemes));
    let aliases: Vec<&str> = routes.values().filter_map(|route| route.function.alias_id()).collect();
    output.add(naming::HTTP_API, TemplateResource::new("AWS::ApiGatewayV2::Api", properties.into()).after(aliases));

    let metrics = settings.and_then(|settings| settings.metrics).unwrap_or(false);
    let logs = plan.service.provider.logs.as_ref().and_then(|logs| logs.http_api.as_ref()).filter(|logs| logs.is_on());
    let format = logs.map(|logs| logs.settings().and_then(|logs| logs.format.as_deref()).unwrap_or(LOG_FORMAT));
    let access = format.map(|format| {
        Properties::new().with("DestinationArn", tree::attribute(naming::HTTP_LOG_GROUP, "Arn")).with("Format", format)
    });
    let limits = Limits::of_all(plan);
    let of_all = Properties::new().with("DetailedMetricsEnabled", metrics);
    // A route with settings of its own takes none over from the stage.
    let own = routes.iter().filter_map(|(key, route)| Some((key, limits.or_of(route.throttling?))));
    let of_routes = own.fold(Properties::new(), |all, (key, own)| all.with(key, own.add_to(of_all.clone())));
    let stage = Properties::new()
        .with("ApiId", tree::reference(naming::HTTP_API))
        .with("StageName", "$default")
        .with("AutoDeploy", true)
        .with("DefaultRouteSettings", limits.add_to(of_all.clone()))
        .maybe("RouteSettings", of_routes.some())
        .maybe("AccessLogSettings", access)
        .maybe("Tags", tag_map(plan));
    let mut stage = TemplateResource::new("AWS::ApiGatewayV2::Stage", stage.into()).beneath(naming::HTTP_API);
    if format.is_some() {
        stage = stage.after([naming::HTTP_LOG_GROUP]);
        output.add(naming::HTTP_LOG_GROUP, log_group(plan, format!("/aws/http-api/{}", plan.names.stack())));
    }
    output.add(naming::HTTP_STAGE, stage);
    output.output("HttpApiId", tree::reference(naming::HTTP_API));
    output.output("HttpApiUrl", endpoint("https", tree::reference(naming::HTTP_API), ""));
}

fn document(plan: &Plan, name: &str, routes: &IndexMap<String, Route>, schemes: Properties) -> Properties {
    let mut paths: IndexMap<String, Properties> = IndexMap::new();
    let mut integrations = Properties::new();
    for (key, route) in routes {
        let integration = naming::function(route.function.key);
        integrations = integrations.with(
            &integration,
            Properties::new()
                .with("type", "aws_proxy")
                .with("httpMethod", "POST")
                .with("uri", invocation(route.function.target()))
                .with("payloadFormatVersion", payload(plan, route.function))
                .with("connectionType", "INTERNET")
                .with("timeoutInMillis", TIMEOUT),
        );
        let reference = format!("#/components/x-amazon-apigateway-integrations/{integration}");
        let security = match &route.authorizer {
            Authorizer::Named(scheme) => Some((*scheme, route.scopes.clone())),
            Authorizer::Signed => Some((SIGNED, Vec::new())),
            Authorizer::None | Authorizer::Existing(..) => None,
        };
        let security =
            security.map(|(scheme, scopes)| vec![Value::from(Properties::new().with(scheme, Value::from(scopes)))]);
        let answer = Properties::new().with("description", format!("The answer of {}", route.function.name));
        let (method, path) = match &route.place {
            Some((method, path)) if method == "ANY" => ("x-amazon-apigateway-any-method".to_owned(), path.as_str()),
            Some((method, path)) => (method.to_lowercase(), path.as_str()),
            None => ("x-amazon-apigateway-any-method".to_owned(), "/$default"),
        };
        let operation = Properties::new()
            .with("responses", Properties::new().with("default", answer))
            .with("x-amazon-apigateway-integration", Properties::new().with("$ref", reference))
            .maybe("isDefaultRoute", (key == "$default").then_some(true))
            .list("parameters", path_parameters(path))
            .maybe("security", security);
        let item = paths.entry(path.to_owned()).or_default();
        *item = std::mem::take(item).with(&method, operation);
    }
    let paths = paths.into_iter().fold(Properties::new(), |all, (path, item)| all.with(&path, item));
    let components = Properties::new()
        .with("x-amazon-apigateway-integrations", integrations)
        .maybe("securitySchemes", schemes.some());
    Properties::new()
        .with("openapi", "3.0.1")
        .with("info", Properties::new().with("title", name).with("version", "1.0"))
        .with("paths", paths)
        .with("components", components)
}

/// The variables of a path, which OpenAPI wants declared.
pub(super) fn path_parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            Properties::new()
                .with("name", name.trim_end_matches('+'))
                .with("in", "path")
                .with("required", true)
                .with("schema", Properties::new().with("type", "string"))
                .into()
        })
        .collect()
}

/// Cross-origin rules; methods that nobody names are those of the routes.
fn cors_rules(cors: &Toggle<HttpApiCors>, routes: &IndexMap<String, Route>) -> Option<Value> {
    if !cors.is_on() {
        return None;
    }
    let mut methods = vec!["OPTIONS".to_owned()];
    for route in routes.values() {
        let mut allow = |method: &str| {
            if !methods.iter().any(|one| one == method) {
                methods.push(method.to_owned());
            }
        };
        match &route.place {
            Some((method, _)) if method != "ANY" => allow(method),
            _ => METHODS.iter().for_each(|method| allow(method)),
        }
    }
    let given = cors.settings();
    let list = |names: Option<&Vec<String>>, default: Vec<String>| Value::from(names.cloned().unwrap_or(default));
    let headers = ALLOWED_HEADERS.iter().map(|name| (*name).to_owned()).collect();
    let properties = Properties::new()
        .maybe("AllowCredentials", given.and_then(|cors| cors.allow_credentials).filter(|allowed| *allowed))
        .with("AllowHeaders", list(given.and_then(|cors| cors.allowed_headers.as_ref()), headers))
        .with("AllowMethods", list(given.and_then(|cors| cors.allowed_methods.as_ref()), methods))
        .with("AllowOrigins", list(given.and_then(|cors| cors.allowed_origins.as_ref()), vec!["*".to_owned()]))
        .maybe("ExposeHeaders", given.and_then(|cors| cors.exposed_response_headers.clone()))
        .maybe("MaxAge", given.and_then(|cors| cors.max_age).map(|seconds| seconds.get()));
    Some(properties.into())
}

/// The authorizers of the API, with the permissions to call their functions.
fn schemes(
    plan: &Plan,
    settings: Option<&HttpApi>,
    routes: &IndexMap<String, Route>,
    output: &mut Output,
) -> Properties {
    let mut schemes = Properties::new();
    let mut names = BTreeSet::new();
    for (key, authorizer) in settings.iter().flat_map(|settings| &settings.authorizers) {
        let name = authorizer.name.as_deref().unwrap_or(key);
        if !names.insert(name) {
            let what = format!("another authorizer is called `{name}` too");
            problem(authorizer, key, &what, "give each a `name` of its own", output);
        }
        let scheme = match authorizer.kind {
            Some(HttpApiAuthorizerKind::Request) => request_scheme(plan, key, authorizer, output),
            _ => jwt_scheme(key, authorizer, output),
        };
        if let Some(scheme) = scheme {
            schemes = schemes.with(name, scheme);
        }
    }
    if routes.values().any(|route| matches!(route.authorizer, Authorizer::Signed)) {
        schemes = schemes.with(SIGNED, signed_scheme());
    }
    schemes
}

fn sources(authorizer: &HttpApiAuthorizer) -> Option<Value> {
    match &authorizer.identity_source {
        Some(CfList::Items(items)) if items.len() == 1 => items.first().map(Value::from),
        Some(list) => Some(list.into()),
        None => None,
    }
}

fn problem(authorizer: &HttpApiAuthorizer, key: &str, what: &str, help: &str, output: &mut Output) {
    let path = format!("provider.httpApi.authorizers.{key}");
    output.problem(
        Diagnostic::error("bad-authorizer", format!("{path}: {what}")).path(path).at(authorizer.place).help(help),
    );
}

fn jwt_scheme(key: &str, authorizer: &HttpApiAuthorizer, output: &mut Output) -> Option<Properties> {
    let (Some(issuer), Some(audience)) = (&authorizer.issuer_url, &authorizer.audience) else {
        problem(
            authorizer,
            key,
            "a `jwt` authorizer needs an issuer and an audience",
            "add `issuerUrl` and `audience`",
            output,
        );
        return None;
    };
    let Some(source) = sources(authorizer) else {
        problem(
            authorizer,
            key,
            "there is no `identitySource`",
            "add `identitySource: $request.header.Authorization`",
            output,
        );
        return None;
    };
    let audience = match audience {
        CfList::Intrinsic(cf) => Value::List(vec![cf.into()]),
        list => list.into(),
    };
    let jwt = Properties::new().with("issuer", issuer).with("audience", audience);
    let extension = Properties::new().with("type", "jwt").with("jwtConfiguration", jwt).with("identitySource", source);
    Some(
        Properties::new()
            .with("type", "oauth2")
            .with("flows", Properties::new())
            .with("x-amazon-apigateway-authorizer", extension),
    )
}

fn request_scheme(plan: &Plan, key: &str, authorizer: &HttpApiAuthorizer, output: &mut Output) -> Option<Properties> {
    let name = authorizer.name.as_deref().unwrap_or(key);
    let source = caller(tree::reference(naming::HTTP_API), "/*");
    let permission_id = naming::of_function(name, "LambdaAuthorizerPermissionHttpApi");
    let target = match (&authorizer.function_name, &authorizer.function_arn) {
        (Some(_), Some(_)) => {
            problem(authorizer, key, "`functionName` and `functionArn` exclude each other", "keep one of them", output);
            return None;
        }
        (Some(function), None) => {
            let Some(function) = plan.function(function) else {
                if has_variables(function) {
                    let what = format!("provider.httpApi.authorizers.{key}: only an account knows `{function}`");
                    let problem = Diagnostic::warning("needs-account", what).at(authorizer.place);
                    output.problem(problem.help("without it the authorizer is left out here"));
                    return None;
                }
                let what = format!("there is no function `{function}`");
                problem(authorizer, key, &what, "name a function of the service, or give its `functionArn`", output);
                return None;
            };
            if authorizer.managed_externally != Some(true) {
                output.add(permission_id, permission(function, source));
            }
            function.target()
        }
        (None, Some(arn)) => {
            if authorizer.managed_externally != Some(true) {
                output.add(permission_id, foreign_permission(arn.into(), Some(source)));
            }
            arn.into()
        }
        (None, None) => {
            problem(
                authorizer,
                key,
                "a `request` authorizer needs a function",
                "add `functionName` or `functionArn`",
                output,
            );
            return None;
        }
    };
    let ttl = authorizer.result_ttl_in_seconds.map(|seconds| seconds.get());
    let sources = sources(authorizer);
    if ttl.unwrap_or(0) > 0 && sources.is_none() {
        problem(
            authorizer,
            key,
            "answers can only be kept by an identity source",
            "add `identitySource`, or leave out `resultTtlInSeconds`",
            output,
        );
    }
    let extension = Properties::new()
        .with("type", "request")
        .with("authorizerUri", invocation(target))
        .with("authorizerPayloadFormatVersion", authorizer.payload_version.map_or("2.0", |version| version.as_str()))
        .maybe("identitySource", sources)
        .maybe("authorizerResultTtlInSeconds", ttl)
        .maybe("enableSimpleResponses", authorizer.enable_simple_responses);
    Some(
        Properties::new()
            .with("type", "apiKey")
            .with("name", "Authorization")
            .with("in", "header")
            .with("x-amazon-apigateway-authorizer", extension),
    )
}

/// Routes of an API that is there: it is not ours, so its document is not touched.
fn attach(plan: &Plan, api: &Value, routes: &IndexMap<String, Route>, output: &mut Output) {
    for (key, route) in routes {
        let function = route.function;
        let integration_id = format!("HttpApiIntegration{}", naming::function(function.key));
        let integration = Properties::new()
            .with("ApiId", api.clone())
            .with("IntegrationType", "AWS_PROXY")
            .with("IntegrationUri", function.target())
            .with("PayloadFormatVersion", payload(plan, function))
            .with("TimeoutInMillis", TIMEOUT);
        output.add_once(integration_id.clone(), function.beneath("AWS::ApiGatewayV2::Integration", integration));
        let (kind, authorizer) = match &route.authorizer {
            Authorizer::Signed => (Some("AWS_IAM"), None),
            Authorizer::Existing(id, kind) => (Some(*kind), Some(id.clone())),
            Authorizer::None | Authorizer::Named(_) => (None, None),
        };
        let properties = Properties::new()
            .with("ApiId", api.clone())
            .with("RouteKey", key.as_str())
            .with("Target", tree::join("/", vec!["integrations".into(), tree::reference(&integration_id)]))
            .maybe("AuthorizationType", kind)
            .maybe("AuthorizerId", authorizer)
            .list("AuthorizationScopes", route.scopes.iter().map(|scope| scope.as_str().into()).collect());
        let route_id = match &route.place {
            Some(_) => format!("HttpApiRoute{}", naming::path(key)),
            None => "HttpApiRouteDefault".to_owned(),
        };
        let resource = function.beneath("AWS::ApiGatewayV2::Route", properties);
        output.add(route_id, resource.after([integration_id]));
    }
}
