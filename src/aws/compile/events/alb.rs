//! `alb`: requests that an application load balancer passes on: a target group and a listener rule per event.

use super::super::output::Output;
use super::super::plan::{FunctionPlan, Plan, Triggered};
use super::super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::decode::{Cf, Toggle};
use crate::config::language::events::Trigger;
use crate::config::language::events::alb::{Alb, AlbConditions, HealthCheck};
use crate::config::language::provider::{AlbAuthorizer, AlbAuthorizerKind, OnUnauthenticated};
use crate::config::variables::grammar::has_variables;
use crate::engine::value::{Secret, Value};

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::Alb(alb) => Some(alb.as_ref()),
        _ => None,
    });
    let mut taken: Vec<(String, String, i64)> = Vec::new();
    let events: Vec<_> = events.collect();
    for event in &events {
        let (function, alb) = (event.function, event.settings);
        let listener = match alb.listener_arn.as_str() {
            Some(arn) => arn.to_owned(),
            None => tree::source_name(&alb.listener_arn),
        };
        let priority = alb.priority.get();
        if taken.iter().any(|(key, other, same)| *same == priority && ((*other == listener) || (key == function.key))) {
            output.problem(
                event
                    .problem("duplicate-priority", format!("the priority {priority} is already in use"))
                    .help("give every rule of a listener, and every rule of a function, a priority of its own"),
            );
            continue;
        }
        taken.push((function.key.to_owned(), listener, priority));
        // Several rules of a function may share one target group: what the last of them says of it holds.
        let sharing = || events.iter().rev().filter(|other| group_id(other) == group_id(event)).map(|one| one.settings);
        let of_group = OfGroup {
            name: sharing().find_map(|alb| alb.target_group_name.as_deref()),
            health_check: sharing().find_map(|alb| alb.health_check.as_ref()),
        };
        compile_one(plan, event, &of_group, output);
    }
}

/// What the events that share a target group say of it.
struct OfGroup<'a> {
    name: Option<&'a str>,
    health_check: Option<&'a Toggle<HealthCheck>>,
}

/// The logical id of an event's target group.
fn group_id(event: &Triggered<Alb>) -> String {
    let mark = if event.settings.multi_value_headers == Some(true) { "MultiValue" } else { "" };
    event.function.id(&format!("Alb{mark}TargetGroup{}", naming::alphanumeric(&balancer(event))))
}

fn compile_one(plan: &Plan, event: &Triggered<Alb>, of_group: &OfGroup<'_>, output: &mut Output) {
    let (function, alb) = (event.function, event.settings);
    let group_id = group_id(event);
    let register_id = naming::permission(function.key, "RegisterTarget");
    let group = target_group(plan, function, of_group, &balancer(event), alb.multi_value_headers == Some(true));
    output.add_once(
        group_id.clone(),
        function.beside("AWS::ElasticLoadBalancingV2::TargetGroup", group).after([register_id.as_str()]),
    );

    let mut actions = authorizers(plan, event, output);
    let mut forward = Properties::new().with("Type", "forward").with("TargetGroupArn", tree::reference(&group_id));
    if !actions.is_empty() {
        forward = forward.with("Order", i64::try_from(actions.len() + 1).unwrap_or(i64::MAX));
    }
    actions.push(forward.into());
    let conditions = conditions(&alb.conditions);
    if conditions.is_empty() {
        output.problem(
            event.problem("missing-key", "there is no condition").help("add `conditions: {path: /…}` or another one"),
        );
    }
    let rule = Properties::new()
        .with("Actions", Value::List(actions))
        .with("Conditions", Value::List(conditions))
        .with("ListenerArn", &alb.listener_arn)
        .with("Priority", alb.priority.get());
    let mut rule = TemplateResource::new("AWS::ElasticLoadBalancingV2::ListenerRule", rule.into());
    rule.condition = function.function.condition.clone();
    output.add(function.id(&format!("AlbListenerRule{}", alb.priority.get())), rule);

    let principal = "elasticloadbalancing.amazonaws.com";
    let call = function.permission(principal).with("SourceArn", tree::reference(&group_id));
    output.add_once(naming::permission(function.key, "Alb"), function.beneath("AWS::Lambda::Permission", call));
    // Registering a target checks that the balancer may call it, before the target group has an ARN to name.
    let register = function.permission(principal);
    output.add_once(register_id, function.beneath("AWS::Lambda::Permission", register));
}

/// The id of the load balancer in the listener's ARN, or the logical id of the listener.
fn balancer(event: &Triggered<Alb>) -> String {
    let arn = &event.settings.listener_arn;
    match arn.as_str() {
        Some(text) => text.split('/').nth(3).unwrap_or(text).to_owned(),
        None => tree::source_name(arn),
    }
}

fn target_group(
    plan: &Plan,
    function: &FunctionPlan,
    of_group: &OfGroup<'_>,
    balancer: &str,
    multi_value: bool,
) -> Properties {
    let names = &plan.names;
    let tag = |marked: bool| {
        let mark = if marked { "multi-value-" } else { "" };
        format!("{}-{}-{balancer}-{mark}{}", names.service, function.key, names.stage)
    };
    let prefix = plan.service.provider.alb.as_ref().and_then(|alb| alb.target_group_prefix.as_deref());
    let name = match of_group.name {
        Some(name) => name.to_owned(),
        None => {
            let name = format!("{}{}", prefix.unwrap_or_default(), naming::md5(&tag(multi_value)));
            name.chars().take(32).collect()
        }
    };
    let pair = |key: &str, value: Value| -> Value { Properties::new().with("Key", key).with("Value", value).into() };
    let target = Properties::new().with("Id", function.target());
    let properties = Properties::new()
        .with("TargetType", "lambda")
        .with("Targets", Value::List(vec![target.into()]))
        .with("Name", name)
        .with("Tags", Value::List(vec![pair("Name", tag(false).into())]))
        .with(
            "TargetGroupAttributes",
            Value::List(vec![pair("lambda.multi_value_headers.enabled", multi_value.into())]),
        );
    match of_group.health_check {
        None | Some(Toggle::Off) => properties.with("HealthCheckEnabled", false),
        Some(Toggle::On) => health_check(properties, None),
        Some(Toggle::With(check)) => health_check(properties, Some(check)),
    }
}

fn health_check(properties: Properties, check: Option<&HealthCheck>) -> Properties {
    let number = |value: Option<i64>, default: i64| value.unwrap_or(default);
    let codes = check.and_then(|check| check.matcher.as_ref()).and_then(|matcher| matcher.http_code.as_ref());
    properties
        .with("HealthCheckEnabled", true)
        .with("HealthCheckPath", check.and_then(|check| check.path.as_deref()).unwrap_or("/"))
        .with("HealthCheckIntervalSeconds", number(check.and_then(|check| check.interval_seconds).map(|n| n.get()), 35))
        .with("HealthCheckTimeoutSeconds", number(check.and_then(|check| check.timeout_seconds).map(|n| n.get()), 30))
        .with(
            "HealthyThresholdCount",
            number(check.and_then(|check| check.healthy_threshold_count).map(|n| n.get()), 5),
        )
        .with(
            "UnhealthyThresholdCount",
            number(check.and_then(|check| check.unhealthy_threshold_count).map(|n| n.get()), 5),
        )
        .with("Matcher", Properties::new().with("HttpCode", codes.map_or("200", |codes| codes.as_str())))
}

fn conditions(conditions: &AlbConditions) -> Vec<Value> {
    let mut all = Vec::new();
    let mut add = |field: &str, config: Properties| all.push(config.with("Field", field).into());
    let values = |values: &Vec<String>| Properties::new().with("Values", Value::from(values.clone()));
    if !conditions.path.is_empty() {
        add("path-pattern", values(&conditions.path));
    }
    if !conditions.host.is_empty() {
        add("host-header", Properties::new().with("HostHeaderConfig", values(&conditions.host)));
    }
    if !conditions.method.is_empty() {
        add("http-request-method", Properties::new().with("HttpRequestMethodConfig", values(&conditions.method)));
    }
    for header in &conditions.header {
        let config = values(&header.values).with("HttpHeaderName", header.name.as_str());
        add("http-header", Properties::new().with("HttpHeaderConfig", config));
    }
    if !conditions.query.is_empty() {
        let pairs = conditions
            .query
            .iter()
            .map(|(key, value)| Value::from(Properties::new().with("Key", key.as_str()).with("Value", value.as_str())));
        let config = Properties::new().with("Values", Value::List(pairs.collect()));
        add("query-string", Properties::new().with("QueryStringConfig", config));
    }
    if !conditions.ip.is_empty() {
        add("source-ip", Properties::new().with("SourceIpConfig", values(&conditions.ip)));
    }
    all
}

fn authorizers(plan: &Plan, event: &Triggered<Alb>, output: &mut Output) -> Vec<Value> {
    let known = plan.service.provider.alb.as_ref().map(|alb| &alb.authorizers);
    let mut actions = Vec::new();
    for name in &event.settings.authorizer {
        match known.and_then(|known| known.get(name)) {
            Some(authorizer) => {
                let order = i64::try_from(actions.len() + 1).unwrap_or(i64::MAX);
                actions.push(authorize(authorizer).with("Order", order).into());
            }
            None if has_variables(name) => output.problem(event.left_out(name)),
            None => output.problem(
                event
                    .problem("unknown-authorizer", format!("there is no authorizer `{name}`"))
                    .help("declare it beneath `provider.alb.authorizers`"),
            ),
        }
    }
    actions
}

/// A secret, also where it stands in the file in clear text.
fn hidden(secret: &Cf) -> Value {
    secret.as_str().map_or_else(|| secret.into(), |text| Value::Secret(Secret::new(text)))
}

fn authorize(authorizer: &AlbAuthorizer) -> Properties {
    let extra = authorizer
        .request_extra_params
        .iter()
        .fold(Properties::new(), |all, (name, value)| all.with(name, value.as_str()));
    let unauthenticated = authorizer.on_unauthenticated_request.unwrap_or(OnUnauthenticated::Deny);
    let config = Properties::new()
        .with("OnUnauthenticatedRequest", unauthenticated.as_str())
        .maybe("AuthenticationRequestExtraParams", extra.some())
        .maybe("Scope", authorizer.scope.as_deref())
        .maybe("SessionCookieName", authorizer.session_cookie_name.as_deref())
        .maybe("SessionTimeout", authorizer.session_timeout.map(|seconds| seconds.get()));
    match authorizer.kind {
        AlbAuthorizerKind::Cognito => Properties::new().with("Type", "authenticate-cognito").with(
            "AuthenticateCognitoConfig",
            config
                .maybe("UserPoolArn", authorizer.user_pool_arn.as_ref())
                .maybe("UserPoolClientId", authorizer.user_pool_client_id.as_ref())
                .maybe("UserPoolDomain", authorizer.user_pool_domain.as_ref()),
        ),
        AlbAuthorizerKind::Oidc => {
            let config = config
                .maybe("AuthorizationEndpoint", authorizer.authorization_endpoint.as_deref())
                .maybe("ClientId", authorizer.client_id.as_deref())
                .maybe("Issuer", authorizer.issuer.as_deref())
                .maybe("TokenEndpoint", authorizer.token_endpoint.as_deref())
                .maybe("UserInfoEndpoint", authorizer.user_info_endpoint.as_deref());
            let config = match &authorizer.client_secret {
                Some(secret) => config.with("ClientSecret", hidden(secret)),
                None => config.with("UseExistingClientSecret", true),
            };
            Properties::new().with("Type", "authenticate-oidc").with("AuthenticateOidcConfig", config)
        }
    }
}
