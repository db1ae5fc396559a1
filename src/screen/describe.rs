//! Words for things: resource types, durations, sizes, values.

use std::time::Duration;

use crate::engine::plan::{Action, Change};
use crate::engine::value::{Expression, MASK, Value};

/// Everyday words for CloudFormation's types; what is not listed is called by the last part of its type.
const NOUNS: &[(&str, &str)] = &[
    ("AWS::ApiGateway::Account", "account setting of APIs"),
    ("AWS::ApiGateway::ApiKey", "API key"),
    ("AWS::ApiGateway::Authorizer", "API authorizer"),
    ("AWS::ApiGateway::BasePathMapping", "domain mapping"),
    ("AWS::ApiGateway::Deployment", "API deployment"),
    ("AWS::ApiGateway::DomainName", "custom domain"),
    ("AWS::ApiGateway::Method", "API method"),
    ("AWS::ApiGateway::Model", "API model"),
    ("AWS::ApiGateway::RequestValidator", "API request validator"),
    ("AWS::ApiGateway::Resource", "API resource"),
    ("AWS::ApiGateway::RestApi", "REST API"),
    ("AWS::ApiGateway::Stage", "API stage"),
    ("AWS::ApiGateway::UsagePlan", "usage plan"),
    ("AWS::ApiGateway::UsagePlanKey", "usage plan key"),
    ("AWS::ApiGatewayV2::Api", "API"),
    ("AWS::ApiGatewayV2::ApiMapping", "domain mapping"),
    ("AWS::ApiGatewayV2::Authorizer", "API authorizer"),
    ("AWS::ApiGatewayV2::Deployment", "API deployment"),
    ("AWS::ApiGatewayV2::Integration", "API integration"),
    ("AWS::ApiGatewayV2::Route", "API route"),
    ("AWS::ApiGatewayV2::RouteResponse", "API route response"),
    ("AWS::ApiGatewayV2::Stage", "API stage"),
    ("AWS::ApplicationAutoScaling::ScalableTarget", "scalable target"),
    ("AWS::ApplicationAutoScaling::ScalingPolicy", "scaling policy"),
    ("AWS::CloudFormation::Stack", "stack"),
    ("AWS::CloudFront::CachePolicy", "cache policy"),
    ("AWS::CloudFront::Distribution", "distribution"),
    ("AWS::CloudFront::Function", "CloudFront function"),
    ("AWS::CodeDeploy::Application", "CodeDeploy application"),
    ("AWS::CodeDeploy::DeploymentGroup", "CodeDeploy group"),
    ("AWS::Cognito::UserPool", "user pool"),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "listener rule"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "target group"),
    ("AWS::Events::EventBus", "event bus"),
    ("AWS::Events::Rule", "rule"),
    ("AWS::IAM::Role", "role"),
    ("AWS::IoT::ProvisioningTemplate", "provisioning template"),
    ("AWS::IoT::TopicRule", "IoT rule"),
    ("AWS::Kinesis::StreamConsumer", "stream consumer"),
    ("AWS::Lambda::Alias", "alias"),
    ("AWS::Lambda::EventInvokeConfig", "async settings"),
    ("AWS::Lambda::EventSourceMapping", "event source mapping"),
    ("AWS::Lambda::Function", "function"),
    ("AWS::Lambda::LayerVersion", "layer"),
    ("AWS::Lambda::LayerVersionPermission", "layer permission"),
    ("AWS::Lambda::Permission", "permission"),
    ("AWS::Lambda::Url", "function URL"),
    ("AWS::Lambda::Version", "version"),
    ("AWS::Logs::LogGroup", "log group"),
    ("AWS::Logs::SubscriptionFilter", "subscription filter"),
    ("AWS::Route53::RecordSet", "DNS record"),
    ("AWS::S3::Bucket", "bucket"),
    ("AWS::SNS::Subscription", "subscription"),
    ("AWS::SNS::Topic", "topic"),
    ("AWS::SQS::QueuePolicy", "queue policy"),
    ("AWS::Scheduler::Schedule", "schedule"),
    ("Custom::CognitoUserPool", "user pool triggers"),
    ("Custom::S3", "bucket notifications"),
];

/// What comes or goes with a stack, by type and name: `AWS::DynamoDB::Table Orders`.
pub fn parts(change: &Change) -> Vec<String> {
    let properties = match &change.action {
        Action::Create => change.desired.as_ref().map(|desired| &desired.properties),
        Action::Delete => change.live.as_ref().map(|live| &live.properties),
        _ => None,
    };
    let Some(Value::Map(resources)) = properties.and_then(|all| all.at(&["TemplateBody", "Resources"])) else {
        return Vec::new();
    };
    let part =
        |(name, resource): (&String, &Value)| Some(format!("{} {name}", resource.get("Type").and_then(Value::text)?));
    resources.iter().filter_map(part).collect()
}

/// `log group` for `AWS::Logs::LogGroup`.
pub fn noun(kind: &str) -> String {
    match NOUNS.iter().find(|(name, _)| *name == kind) {
        Some((_, noun)) => (*noun).to_owned(),
        None => kind.rsplit("::").next().unwrap_or(kind).to_owned(),
    }
}

/// `0.4 s`, `12 s`, `2 m 05 s`.
pub fn duration(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds < 60.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{} m {:02} s", took.as_secs() / 60, took.as_secs() % 60)
    }
}

/// `812 B`, `1.2 kB`, `34 MB`, in powers of ten as AWS states its limits to people.
pub fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB"];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 999.5 && unit + 1 < units.len() {
        amount /= 1000.0;
        unit += 1;
    }
    if unit == 0 || amount >= 10.0 {
        format!("{amount:.0} {}", units[unit])
    } else {
        format!("{amount:.1} {}", units[unit])
    }
}

/// A value on one line: JSON for what is known, `(known after apply)` for what is not, the mask for secrets.
pub fn value(value: &Value) -> String {
    match value {
        Value::Secret(_) => MASK.to_owned(),
        Value::Later(expression) => later(expression),
        other => crate::screen::json::value(other).to_string(),
    }
}

fn later(expression: &Expression) -> String {
    match expression {
        Expression::Attribute { logical_id, attribute } if attribute == "Ref" => {
            format!("({logical_id}, known after apply)")
        }
        Expression::Attribute { logical_id, attribute } => format!("({logical_id}.{attribute}, known after apply)"),
        _ => "(known after apply)".to_owned(),
    }
}

/// Cuts a line at `width` characters with an ellipsis.
pub fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `1 function`, `3 functions`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = match noun {
        _ if number == 1 => noun.to_owned(),
        _ if noun.ends_with('y') => format!("{}ies", &noun[..noun.len() - 1]),
        _ => format!("{noun}s"),
    };
    format!("{number} {plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_two_digits_that_matter() {
        let durations = [(0.04, "0.0 s"), (1.25, "1.2 s"), (9.96, "10 s"), (59.0, "59 s"), (125.0, "2 m 05 s")];
        for (seconds, text) in durations {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), text);
        }
        let sizes = [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (12_345, "12 kB"), (250_000_000, "250 MB")];
        for (bytes, text) in sizes {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn what_is_many_is_named_so() {
        assert_eq!(count(1, "policy"), "1 policy");
        assert_eq!(count(2, "policy"), "2 policies");
        assert_eq!(count(0, "function"), "0 functions");
    }

    #[test]
    fn types_without_a_word_of_their_own_keep_their_last_part() {
        assert_eq!(noun("AWS::Logs::LogGroup"), "log group");
        assert_eq!(noun("AWS::SQS::Queue"), "Queue");
    }
}
