//! `cloudFront`: functions of Lambda and of CloudFront itself, at the edge of one distribution
//! (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-functions-restrictions.html>).

use std::collections::BTreeMap;

use super::super::output::Output;
use super::super::plan::{FunctionPlan, Plan};
use super::super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::{TemplateResource, masked};
use crate::config::diagnostic::{Diagnostic, left_out};
use crate::config::language::events::cloud_front::CloudFrontEvent;
use crate::config::language::events::{Event, Trigger};
use crate::config::language::function::Function;
use crate::config::node::{Data, Node};
use crate::config::variables::grammar::has_variables;
use crate::engine::value::Value;

const DISTRIBUTION: &str = "CloudFrontDistribution";
/// The managed cache policy `CachingOptimized`.
const CACHING_OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";
/// Keys of a behavior that say how long and by what is cached: no cache policy goes with them.
const OWN_CACHING: &[&str] = &["CachePolicyId", "ForwardedValues", "MaxTTL", "MinTTL", "DefaultTTL"];
/// Logs are written in the regions where the function runs.
const LOG_ACTIONS: &[&str] = &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:TagResource"];

/// What CloudFront Functions run on where nothing is said.
const JAVASCRIPT: &str = "cloudfront-js-2.0";

type Map = BTreeMap<String, Value>;

/// One event: a function at one step of a request.
struct Step<'p, 'a> {
    key: &'a str,
    event: &'a Event,
    settings: &'a CloudFrontEvent,
    /// The function of Lambda; `None` for one of CloudFront itself.
    lambda: Option<&'p FunctionPlan<'a>>,
}

impl Step<'_, '_> {
    /// An error about the event, at its place.
    fn problem(&self, code: &'static str, what: impl std::fmt::Display) -> Diagnostic {
        let path = format!("functions.{}.events[{}].cloudFront", self.key, self.event.index);
        Diagnostic::error(code, format!("{path}: {what}")).path(path).at(self.event.place)
    }

    /// Where a behavior lists its function, and the entry.
    fn association(&self) -> (&'static str, Properties) {
        let step = Properties::new().with("EventType", self.settings.event_type.as_str());
        match self.lambda {
            Some(function) => (
                "LambdaFunctionAssociations",
                step.maybe("LambdaFunctionARN", function.version.as_ref().map(tree::reference))
                    .maybe("IncludeBody", self.settings.include_body),
            ),
            None => (
                "FunctionAssociations",
                step.with("FunctionARN", tree::attribute(function_id(self.key), "FunctionARN")),
            ),
        }
    }
}

fn function_id(key: &str) -> String {
    naming::of_function(key, "CloudFrontFunction")
}

/// Every `cloudFront` event of functions in the order of the file, first of Lambda's.
fn steps<'p, 'a>(plan: &'p Plan<'a>) -> Vec<Step<'p, 'a>> {
    fn of(function: &Function) -> impl Iterator<Item = (&Event, &CloudFrontEvent)> {
        function.events.iter().filter_map(|event| match &event.trigger {
            Trigger::CloudFront(settings) => Some((event, settings.as_ref())),
            _ => None,
        })
    }
    let mut all = Vec::new();
    for lambda in &plan.functions {
        let step = |(event, settings)| Step { key: lambda.key, event, settings, lambda: Some(lambda) };
        all.extend(of(lambda.function).map(step));
    }
    for (key, function) in plan.service.edge_functions() {
        all.extend(of(function).map(|(event, settings)| Step { key, event, settings, lambda: None }));
    }
    all
}

/// The functions of CloudFront itself. Their code is in their files: packaging says what is in those.
fn edge_functions(plan: &Plan, output: &mut Output) {
    for (key, function) in plan.service.edge_functions() {
        let name = function.name.as_ref().map_or_else(|| plan.names.function(key), |name| name.as_str().to_owned());
        let config = Properties::new()
            .maybe("Comment", function.description.as_ref())
            .with("Runtime", function.runtime.as_deref().unwrap_or(JAVASCRIPT));
        let properties = Properties::new().with("Name", name).with("AutoPublish", true).with("FunctionConfig", config);
        let mut resource = TemplateResource::new("AWS::CloudFront::Function", properties.into());
        resource.hints.insert("Artifact".to_owned(), key.as_str().into());
        resource.condition = function.condition.clone();
        output.add(function_id(key), resource);
    }
}

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    edge_functions(plan, output);
    let events = steps(plan);
    let Some(first) = events.first() else { return };
    if plan.names.region != "us-east-1" {
        output.problem(
            first
                .problem("wrong-region", "CloudFront takes functions of us-east-1 only")
                .help("deploy the service to us-east-1"),
        );
    }
    cache_policies(plan, output);
    let mut origins: Vec<Map> = Vec::new();
    let mut behaviors: Vec<Map> = Vec::new();
    let mut default_origin: Option<String> = None;
    for event in &events {
        if let Some(function) = event.lambda {
            lambda_at_edge(function, output);
        }
        let Some(id) = origin(event, &mut origins, output) else { continue };
        if event.settings.is_default_origin == Some(true) {
            if default_origin.as_ref().is_some_and(|known| *known != id) {
                output.problem(
                    event
                        .problem("conflict", "another origin is the default one already")
                        .help("leave out `isDefaultOrigin` in all events but those of one origin"),
                );
            }
            default_origin = Some(id.clone());
        }
        behavior(plan, event, &id, &mut behaviors, output);
    }
    behaviors.sort_by_key(|behavior| behavior.contains_key("PathPattern"));
    let Some(default) = behaviors.first().cloned() else { return };
    // The default behavior has no pattern: where no event describes it, it takes the settings of the first one.
    if default.contains_key("PathPattern") {
        let only = origins.first().and_then(|origin| origin.get("Id")).and_then(|id| id.text()).map(str::to_owned);
        let target = match (default_origin, origins.len()) {
            (Some(id), _) => Some(id),
            (None, 1) => only,
            (None, _) => {
                output.problem(
                    first
                        .problem("missing-key", "there are several origins and none is the default one")
                        .help("add `isDefaultOrigin: true` to an event of the default origin"),
                );
                return;
            }
        };
        let mut default = default;
        default.remove("PathPattern");
        default.remove("LambdaFunctionAssociations");
        default.remove("FunctionAssociations");
        default.extend(target.map(|id| ("TargetOriginId".to_owned(), Value::String(id))));
        behaviors.insert(0, default);
    }
    let mut behaviors = behaviors.into_iter().map(Value::Map);
    let config = Properties::new()
        .with("Comment", format!("{} {}", plan.names.service, plan.names.stage))
        .with("Enabled", true)
        .maybe("DefaultCacheBehavior", behaviors.next())
        .list("CacheBehaviors", behaviors.collect())
        .with("Origins", Value::List(origins.into_iter().map(Value::Map).collect()));
    let properties = Properties::new().with("DistributionConfig", config);
    output.add(DISTRIBUTION, TemplateResource::new("AWS::CloudFront::Distribution", properties.into()));
    output.output(DISTRIBUTION, tree::reference(DISTRIBUTION));
    output.output("CloudFrontDistributionDomainName", tree::attribute(DISTRIBUTION, "DomainName"));
}

/// What Lambda@Edge demands of a function, and what it may do.
fn lambda_at_edge(function: &FunctionPlan, output: &mut Output) {
    if let Some(resource) = output.template.resources.get_mut(&function.logical_id) {
        if let Value::Map(properties) = &mut resource.properties {
            // Of the provider; a function that names its own is refused.
            properties.remove("Layers");
            properties.remove("VpcConfig");
            properties.remove("Environment");
        }
        // Replicas can be deleted hours after the distribution only.
        resource.attributes.insert("DeletionPolicy".to_owned(), "Retain".into());
    }
    output.roles.trust(&function.role, "edgelambda.amazonaws.com");
    output.grant(function, LOG_ACTIONS, [tree::sub("arn:${AWS::Partition}:logs:*:*:*")]);
}

/// The origin of an event, each once: its id.
fn origin(event: &Step, origins: &mut Vec<Map>, output: &mut Output) -> Option<String> {
    let made = match event.settings.origin.as_ref().map(|node| (&node.data, node)) {
        Some((Data::String(url), _)) => of_url(url),
        Some((Data::Deferred(variable), _)) => of_url(&format!("https://{variable}")),
        Some((Data::Map(_), node)) => match tree::from_node(node) {
            Value::Map(map) => Some(map),
            _ => None,
        },
        _ => None,
    };
    let Some(mut made) = made else {
        output.problem(
            event
                .problem("missing-key", "there is no origin")
                .help("add `origin: https://…`, `s3://…`, or the origin in CloudFormation's words"),
        );
        return None;
    };
    let domain = match made.get("DomainName") {
        Some(Value::String(name)) => name.clone(),
        Some(other) => naming::plain(&masked(other).to_string()),
        None => String::new(),
    };
    let kind = if made.contains_key("S3OriginConfig") { "s3" } else { "custom" };
    let path = made.get("OriginPath").and_then(|path| path.text()).unwrap_or_default();
    let id = format!("{kind}/{domain}{path}");
    made.insert("Id".to_owned(), id.as_str().into());
    match origins.iter_mut().find(|origin| origin.get("Id") == made.get("Id")) {
        Some(known) => extend(known, made),
        None => origins.push(made),
    }
    Some(id)
}

fn of_url(url: &str) -> Option<Map> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let mut origin = Map::from([("DomainName".to_owned(), host.into())]);
    if !path.is_empty() {
        origin.insert("OriginPath".to_owned(), Value::String(format!("/{path}")));
    }
    if scheme == "s3" {
        origin.insert("S3OriginConfig".to_owned(), Value::Map(Map::new()));
    } else {
        let config = Properties::new().with("OriginProtocolPolicy", "match-viewer");
        origin.insert("CustomOriginConfig".to_owned(), config.into());
    }
    Some(origin)
}

/// The behavior of a pattern, with one function for each step.
fn behavior(plan: &Plan, event: &Step, origin: &str, behaviors: &mut Vec<Map>, output: &mut Output) {
    let settings = event.settings;
    let mut made = Map::from([("ViewerProtocolPolicy".to_owned(), Value::from("allow-all"))]);
    match settings.behavior.as_deref().map(tree::from_node) {
        Some(Value::Map(given)) => made.extend(given),
        Some(open) => {
            let what = left_out(open.text().unwrap_or_default());
            output.problem(event.problem("needs-account", what).as_warning());
        }
        None => {}
    }
    match &settings.cache_policy {
        Some(policy) => {
            let id = match (&policy.id, &policy.name) {
                (Some(id), _) => Some(id.into()),
                (None, Some(name)) if known_policies(plan).any(|(known, _)| known == name) => {
                    Some(tree::reference(policy_id(name)))
                }
                // Only the account knows which.
                (None, Some(name)) if has_variables(name) => Some(name.as_str().into()),
                (None, name) => {
                    let name = name.as_deref().unwrap_or_default();
                    output.problem(
                        event
                            .problem("unknown-cache-policy", format!("there is no cache policy `{name}`"))
                            .help("declare it beneath `provider.cloudFront.cachePolicies`, or give its `id`"),
                    );
                    None
                }
            };
            made.extend(id.map(|id| ("CachePolicyId".to_owned(), id)));
        }
        None if !OWN_CACHING.iter().any(|key| made.contains_key(*key)) => {
            made.insert("CachePolicyId".to_owned(), CACHING_OPTIMIZED.into());
        }
        None => {}
    }
    let (list, association) = event.association();
    made.insert("TargetOriginId".to_owned(), origin.into());
    made.insert(list.to_owned(), Value::List(vec![association.into()]));
    if let Some(pattern) = settings.path_pattern.as_deref() {
        made.insert("PathPattern".to_owned(), pattern.into());
    }
    let known = behaviors.iter_mut().find(|known| known.get("PathPattern") == made.get("PathPattern"));
    let Some(known) = known else {
        behaviors.push(made);
        return;
    };
    if known.get("TargetOriginId") != made.get("TargetOriginId") {
        output.problem(
            event
                .problem("conflict", "another origin has a behavior of that pattern already")
                .help("give each origin a `pathPattern` of its own"),
        );
        return;
    }
    let step = settings.event_type.as_str();
    let taken = ["LambdaFunctionAssociations", "FunctionAssociations"].iter().any(|list| {
        matches!(known.get(*list), Some(Value::List(all))
            if all.iter().any(|one| one.get("EventType").and_then(|kind| kind.text()) == Some(step)))
    });
    if taken {
        output.problem(
            event
                .problem("duplicate-event", format!("`{step}` of that pattern has a function already"))
                .help("a behavior has one function for each step"),
        );
        return;
    }
    extend(known, made);
}

/// Adds what is not there yet: lists grow, values that are there stay.
fn extend(known: &mut Map, more: Map) {
    for (key, value) in more {
        match (known.get_mut(&key), value) {
            (Some(Value::List(all)), Value::List(new)) => {
                for one in new {
                    if !all.contains(&one) {
                        all.push(one);
                    }
                }
            }
            (Some(Value::Map(inner)), Value::Map(new)) => extend(inner, new),
            (Some(_), _) => {}
            (None, value) => {
                known.insert(key, value);
            }
        }
    }
}

fn known_policies<'p>(plan: &'p Plan) -> impl Iterator<Item = (&'p String, &'p Node)> {
    let all = plan.service.provider.cloud_front.iter().flat_map(|settings| &settings.cache_policies);
    all.map(|(name, policy)| (name, &**policy))
}

fn policy_id(name: &str) -> String {
    format!("CloudFrontCachePolicy{}", naming::function(name))
}

fn cache_policies(plan: &Plan, output: &mut Output) {
    for (name, node) in known_policies(plan) {
        let Value::Map(mut config) = tree::from_node(node) else { continue };
        config.insert("Name".to_owned(), Value::String(format!("{}-{name}", plan.names.prefix())));
        let properties = Properties::new().with("CachePolicyConfig", Value::Map(config));
        output.add(policy_id(name), TemplateResource::new("AWS::CloudFront::CachePolicy", properties.into()));
    }
}
