//! API keys, usage plans, and which key belongs to which plan.

use super::super::super::output::Output;
use super::super::super::plan::Plan;
use super::super::super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::api::{ApiKey, UsagePlan, UsagePlans};
use crate::engine::value::Value;

pub(super) fn compile(plan: &Plan, api: &Value, stage: &str, output: &mut Output) {
    let provider = &plan.service.provider;
    let settings = provider.api_gateway.as_ref();
    let keys = settings.and_then(|settings| settings.api_keys.as_ref()).or(provider.api_keys.as_ref());
    let plans = settings.and_then(|settings| settings.usage_plan.as_ref()).or(provider.usage_plan.as_ref());
    if keys.is_none() && plans.is_none() {
        return;
    }
    match plans {
        Some(UsagePlans::Named(plans)) => {
            for (name, usage) in plans {
                usage_plan(plan, Some(name), Some(usage), api, stage, output);
            }
        }
        Some(UsagePlans::One(usage)) => usage_plan(plan, None, Some(usage), api, stage, output),
        None => usage_plan(plan, None, None, api, stage, output),
    }
    let mut number = 0;
    for group in keys.iter().flat_map(|keys| &keys.0) {
        let known = |name: &str| matches!(plans, Some(UsagePlans::Named(plans)) if plans.contains_key(name));
        let named = group.plan.as_deref();
        if let Some(name) = named
            && !known(name)
        {
            output.problem(
                Diagnostic::error(
                    "unknown-plan",
                    format!("provider.apiGateway.apiKeys: there is no usage plan `{name}`"),
                )
                .path("provider.apiGateway.apiKeys")
                .at(settings.map_or(provider.place, |settings| settings.place_of("apiKeys")))
                .help("declare it beneath `provider.apiGateway.usagePlan`"),
            );
            continue;
        }
        if named.is_some() {
            number = 0;
        }
        for key in &group.keys {
            number += 1;
            let value = key.value.as_ref().filter(|value| !value.is_deferred()).and_then(|value| value.as_str());
            if value.is_some_and(|value| !KEY_LENGTH.contains(&value.chars().count())) {
                output.problem(
                    Diagnostic::error(
                        "out-of-range",
                        "provider.apiGateway.apiKeys: the value of a key has 20 to 128 characters",
                    )
                    .path("provider.apiGateway.apiKeys")
                    .at(key.place_of("value"))
                    .help("leave `value` out, and AWS makes one"),
                );
            }
            let key_id = naming::api_key(named, number);
            output.add(key_id.clone(), api_key(key, api, stage));
            let properties = Properties::new()
                .with("KeyId", tree::reference(key_id))
                .with("KeyType", "API_KEY")
                .with("UsagePlanId", tree::reference(naming::usage_plan(named)));
            let resource = TemplateResource::new("AWS::ApiGateway::UsagePlanKey", properties.into())
                .beneath(naming::usage_plan(named));
            output.add(naming::usage_plan_key(named, number), resource);
        }
    }
}

/// Characters of a key's value (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html>).
const KEY_LENGTH: std::ops::RangeInclusive<usize> = 20..=128;

fn api_key(key: &ApiKey, api: &Value, stage: &str) -> TemplateResource {
    let stage = Properties::new().with("RestApiId", api.clone()).with("StageName", stage);
    let properties = Properties::new()
        .with("Enabled", key.enabled.unwrap_or(true))
        .maybe("Name", key.name.as_ref())
        .maybe("Value", key.value.as_ref().map(secret))
        .maybe("Description", key.description.as_deref())
        .maybe("CustomerId", key.customer_id.as_deref())
        .with("StageKeys", Value::List(vec![stage.into()]));
    TemplateResource::new("AWS::ApiGateway::ApiKey", properties.into()).after([naming::REST_DEPLOYMENT])
}

/// A key in the file is a secret wherever it came from.
fn secret(value: &crate::config::decode::Cf) -> Value {
    match Value::from(value) {
        Value::String(text) => Value::Secret(crate::engine::value::Secret::new(text)),
        other => other,
    }
}

fn usage_plan(
    plan: &Plan,
    name: Option<&str>,
    usage: Option<&UsagePlan>,
    api: &Value,
    stage: &str,
    output: &mut Output,
) {
    let names = &plan.names;
    let (called, description) = match name {
        Some(name) => (
            format!("{}-{name}-{}", names.service, names.stage),
            format!("Usage plan \"{name}\" for {} {} stage", names.service, names.stage),
        ),
        None => (names.prefix(), format!("Usage plan for {} {} stage", names.service, names.stage)),
    };
    if let Some(quota) = usage.and_then(|usage| usage.quota.as_ref()) {
        for (key, missing) in [("limit", quota.limit.is_none()), ("period", quota.period.is_none())] {
            // One that is there and has no value yet is what only an account knows.
            if missing && quota.places.get(key).is_none() {
                output.problem(
                    Diagnostic::error("missing-key", format!("the quota of a usage plan needs its `{key}`"))
                        .path("provider.apiGateway.usagePlan")
                        .at(quota.place)
                        .help("write for instance `quota: {limit: 5000, period: MONTH}`"),
                );
            }
        }
    }
    let quota = usage.and_then(|usage| usage.quota.as_ref()).map(|quota| {
        Properties::new()
            .maybe("Limit", quota.limit.map(|calls| calls.get()))
            .maybe("Offset", quota.offset.map(|days| days.get()))
            .maybe("Period", quota.period.map(|period| period.as_str()))
    });
    let throttle = usage.and_then(|usage| usage.throttle.as_ref()).map(|throttle| {
        Properties::new()
            .maybe("BurstLimit", throttle.burst_limit.map(|calls| calls.get()))
            .maybe("RateLimit", throttle.rate_limit.map(tree::decimal))
    });
    let of_stage = Properties::new().with("ApiId", api.clone()).with("Stage", stage);
    let properties = Properties::new()
        .with("ApiStages", Value::List(vec![of_stage.into()]))
        .with("UsagePlanName", called)
        .with("Description", description)
        .maybe("Quota", quota)
        .maybe("Throttle", throttle);
    let own_stage = output.template.resources.contains_key(naming::REST_STAGE).then_some(naming::REST_STAGE);
    let resource = TemplateResource::new("AWS::ApiGateway::UsagePlan", properties.into())
        .after([naming::REST_DEPLOYMENT])
        .after(own_stage);
    output.add(naming::usage_plan(name), resource);
}
