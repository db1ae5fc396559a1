//! `cognitoUserPool`: steps of signing up and signing in, of a pool that the service makes or of one that is there.
//!
//! For a pool that is there, the framework writes a `Custom::CognitoUserPool` resource that a helper function acts upon.
//! hoist keeps that shape, edits the pool itself, and writes the permission that the helper would add.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::output::Output;
use super::super::plan::{Plan, Triggered};
use super::super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::language::events::Trigger;
use crate::config::language::events::cognito::{CognitoTrigger, CognitoUserPool};
use crate::engine::value::Value;

/// The version of the event of custom senders that name none.
const SENDER_VERSION: &str = "V1_0";

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::CognitoUserPool(event) => Some(event.as_ref()),
        _ => None,
    });
    let mut taken: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut pools: IndexMap<&str, (Properties, Vec<String>)> = IndexMap::new();
    for event in events {
        let (function, settings) = (event.function, event.settings);
        check(&event, output);
        if settings.existing == Some(true) {
            existing(&event, output);
            continue;
        }
        let pool = settings.pool.as_str();
        if !taken.insert((pool, settings.trigger.as_str())) {
            output.problem(
                event
                    .problem(
                        "duplicate-event",
                        format!("`{pool}` has a function for {} already", settings.trigger.as_str()),
                    )
                    .help("a pool calls one function for a trigger: let that one call the other"),
            );
        }
        let (config, after) = pools.entry(pool).or_default();
        *config = with_trigger(std::mem::take(config), &event);
        let dependency = function.alias_id().unwrap_or(&function.logical_id).to_owned();
        if !after.contains(&dependency) {
            after.push(dependency);
        }
        let source = tree::attribute(pool_id(pool), "Arn");
        permission(&event, source, output);
    }
    for (pool, (config, after)) in pools {
        let properties = Properties::new().with("UserPoolName", pool).with("LambdaConfig", config);
        output.add(pool_id(pool), TemplateResource::new("AWS::Cognito::UserPool", properties.into()).after(after));
    }
}

fn pool_id(pool: &str) -> String {
    format!("CognitoUserPool{}", naming::plain(pool))
}

fn is_sender(trigger: CognitoTrigger) -> bool {
    matches!(trigger, CognitoTrigger::CustomSmsSender | CognitoTrigger::CustomEmailSender)
}

fn check(event: &Triggered<CognitoUserPool>, output: &mut Output) {
    let settings = event.settings;
    if is_sender(settings.trigger) && settings.kms_key_id.is_none() {
        output.problem(
            event
                .problem("missing-key", format!("`{}` needs a KMS key", settings.trigger.as_str()))
                .help("add `kmsKeyId`: Cognito encrypts the codes that the function sends"),
        );
    }
    let versioned = is_sender(settings.trigger) || settings.trigger == CognitoTrigger::PreTokenGeneration;
    if settings.lambda_version.is_some() && !versioned {
        output.problem(
            event
                .problem("conflict", format!("`{}` has one version only", settings.trigger.as_str()))
                .help("leave out `lambdaVersion`"),
        );
    }
}

fn with_trigger(config: Properties, event: &Triggered<CognitoUserPool>) -> Properties {
    let (settings, target) = (event.settings, event.function.target());
    let versioned = |version: &str| Properties::new().with("LambdaArn", target.clone()).with("LambdaVersion", version);
    match (settings.trigger, settings.lambda_version.as_deref()) {
        (trigger, version) if is_sender(trigger) => config
            .with(trigger.as_str(), versioned(version.unwrap_or(SENDER_VERSION)))
            .maybe("KMSKeyID", settings.kms_key_id.as_ref()),
        (CognitoTrigger::PreTokenGeneration, Some(version)) => {
            config.with("PreTokenGenerationConfig", versioned(version))
        }
        (trigger, _) => config.with(trigger.as_str(), target),
    }
}

fn existing(event: &Triggered<CognitoUserPool>, output: &mut Output) {
    let (function, settings) = (event.function, event.settings);
    let pool: Value = settings.pool.as_str().into();
    let version = settings.lambda_version.as_deref().or(is_sender(settings.trigger).then_some(SENDER_VERSION));
    let config: Value = Properties::new()
        .with("Trigger", settings.trigger.as_str())
        .maybe("LambdaVersion", version)
        .maybe("KMSKeyID", settings.kms_key_id.as_ref())
        .into();
    let id = |number: usize| function.id(&format!("CustomCognitoUserPool{number}"));
    let mut number = 1;
    while let Some(resource) = output.template.resources.get_mut(&id(number)) {
        if resource.properties.get("UserPoolName") == Some(&pool) {
            if let Value::Map(properties) = &mut resource.properties
                && let Some(Value::List(configs)) = properties.get_mut("UserPoolConfigs")
            {
                configs.push(config);
            }
            permission(event, tree::attribute(id(number), "Arn"), output);
            return;
        }
        number += 1;
    }
    let properties = Properties::new()
        .with("FunctionName", function.name.as_str())
        .with("FunctionArn", function.target())
        .with("UserPoolName", pool)
        .with("UserPoolConfigs", Value::List(vec![config]));
    output.add(id(number), function.beside("Custom::CognitoUserPool", properties).after([&function.logical_id]));
    permission(event, tree::attribute(id(number), "Arn"), output);
}

/// Cognito may call the function, for this pool.
fn permission(event: &Triggered<CognitoUserPool>, source: Value, output: &mut Output) {
    let settings = event.settings;
    let permission = event.function.permission("cognito-idp.amazonaws.com").with("SourceArn", source);
    let who = format!(
        "CognitoUserPool{}TriggerSource{}",
        naming::plain(settings.pool.as_str()),
        naming::plain(settings.trigger.as_str())
    );
    output.add(
        naming::permission(event.function.key, &who),
        event.function.beneath("AWS::Lambda::Permission", permission),
    );
}
