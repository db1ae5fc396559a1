//! How many management calls AWS allows, and which call draws from which quota. Nothing else in hoist knows a rate.
//!
//! Rates without a remark are documented and cannot be raised. Where AWS publishes nothing, the word is 'assumed':
//! such buckets only keep bursts polite, and the limiter slows them down when a throttle says that they were too high.
//! AWS documents the burst of API Gateway only; elsewhere one second's worth is assumed.

use crate::engine::limits::{Bucket, Limiter};

/// Which buckets a call draws from: the first line whose service and operation fit (`*` is any).
struct Draw {
    service: &'static str,
    operation: &'static str,
    buckets: &'static [&'static str],
}

const fn draw(service: &'static str, operation: &'static str, buckets: &'static [&'static str]) -> Draw {
    Draw { service, operation, buckets }
}

const DRAWS: &[Draw] = &[
    // https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests
    draw("lambda", "GetFunction", &["lambda.GetFunction"]),
    draw("lambda", "GetPolicy", &["lambda.GetPolicy"]),
    draw("lambda", "Invoke", &[]),
    draw("lambda", "*", &["lambda"]),
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    draw("apigateway", "CreateRestApi", &["apigateway", "apigateway.CreateRestApi"]),
    draw("apigateway", "ImportRestApi", &["apigateway", "apigateway.CreateRestApi"]),
    draw("apigateway", "DeleteRestApi", &["apigateway", "apigateway.DeleteRestApi"]),
    draw("apigateway", "PutRestApi", &["apigateway", "apigateway.PutRestApi"]),
    draw("apigateway", "CreateDeployment", &["apigateway", "apigateway.CreateDeployment"]),
    draw("apigateway", "CreateResource", &["apigateway", "apigateway.CreateResource"]),
    draw("apigateway", "DeleteResource", &["apigateway", "apigateway.DeleteResource"]),
    draw("apigateway", "CreateApiKey", &["apigateway", "apigateway.CreateApiKey"]),
    draw("apigateway", "DeleteApiKey", &["apigateway", "apigateway.DeleteApiKey"]),
    draw("apigateway", "GetResources", &["apigateway", "apigateway.GetResources"]),
    draw("apigateway", "CreateDomainName", &["apigateway", "apigateway.CreateDomainName"]),
    draw("apigateway", "UpdateDomainName", &["apigateway", "apigateway.UpdateDomainName"]),
    draw("apigateway", "DeleteDomainName", &["apigateway", "apigateway.DeleteDomainName"]),
    draw("apigateway", "UpdateUsagePlan", &["apigateway", "apigateway.UpdateUsagePlan"]),
    draw("apigateway", "UpdateAccount", &["apigateway", "apigateway.UpdateAccount"]),
    draw("apigateway", "*", &["apigateway"]),
    // Versions 1 and 2 share the account's total.
    draw("apigatewayv2", "CreateDomainName", &["apigateway", "apigateway.CreateDomainName"]),
    draw("apigatewayv2", "UpdateDomainName", &["apigateway", "apigateway.UpdateDomainName"]),
    draw("apigatewayv2", "DeleteDomainName", &["apigateway", "apigateway.DeleteDomainName"]),
    draw("apigatewayv2", "CreateVpcLink", &["apigateway", "apigateway.CreateVpcLink"]),
    draw("apigatewayv2", "DeleteVpcLink", &["apigateway", "apigateway.DeleteVpcLink"]),
    draw("apigatewayv2", "*", &["apigateway"]),
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
    draw("logs", "FilterLogEvents", &["logs.FilterLogEvents"]),
    draw("logs", "GetLogEvents", &["logs.GetLogEvents"]),
    draw("logs", "CreateLogGroup", &["logs.CreateLogGroup"]),
    draw("logs", "DeleteLogGroup", &["logs.DeleteLogGroup"]),
    draw("logs", "DescribeLogGroups", &["logs.DescribeLogGroups"]),
    draw("logs", "DescribeLogStreams", &["logs.DescribeLogStreams"]),
    draw("logs", "PutRetentionPolicy", &["logs.PutRetentionPolicy"]),
    draw("logs", "DeleteRetentionPolicy", &["logs.DeleteRetentionPolicy"]),
    draw("logs", "TagResource", &["logs.TagResource"]),
    draw("logs", "UntagResource", &["logs.UntagResource"]),
    draw("logs", "ListTagsForResource", &["logs.ListTagsForResource"]),
    draw("logs", "AssociateKmsKey", &["logs.AssociateKmsKey"]),
    draw("logs", "DisassociateKmsKey", &["logs.AssociateKmsKey"]),
    draw("logs", "PutSubscriptionFilter", &["logs.PutSubscriptionFilter"]),
    draw("logs", "DeleteSubscriptionFilter", &["logs.PutSubscriptionFilter"]),
    draw("logs", "*", &["logs"]),
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html (raisable)
    draw("events", "*", &["events"]),
    // IAM publishes no rates: writes go to one global control plane and are kept slower. Assumed.
    draw("iam", "CreateRole", &["iam.write"]),
    draw("iam", "DeleteRole", &["iam.write"]),
    draw("iam", "PutRolePolicy", &["iam.write"]),
    draw("iam", "DeleteRolePolicy", &["iam.write"]),
    draw("iam", "AttachRolePolicy", &["iam.write"]),
    draw("iam", "DetachRolePolicy", &["iam.write"]),
    draw("iam", "UpdateRole", &["iam.write"]),
    draw("iam", "UpdateAssumeRolePolicy", &["iam.write"]),
    draw("iam", "TagRole", &["iam.write"]),
    draw("iam", "UntagRole", &["iam.write"]),
    draw("iam", "PutRolePermissionsBoundary", &["iam.write"]),
    draw("iam", "DeleteRolePermissionsBoundary", &["iam.write"]),
    draw("iam", "*", &["iam.read"]),
    draw("tagging", "*", &["tagging"]),
    draw("cloudformation", "*", &["cloudformation"]),
    draw("scheduler", "*", &["scheduler"]),
    // https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html (UserPoolRead and UserPoolUpdate: 15)
    draw("cognito-idp", "*", &["cognito-idp"]),
    draw("iot", "*", &["iot"]),
    // https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html: for each stream, which is slower.
    draw("kinesis", "RegisterStreamConsumer", &["kinesis.consumers"]),
    draw("kinesis", "DeregisterStreamConsumer", &["kinesis.consumers"]),
    draw("kinesis", "*", &["kinesis"]),
    // None of these publishes a rate.
    draw("cloudfront", "*", &["cloudfront"]),
    draw("codedeploy", "*", &["codedeploy"]),
    draw("elbv2", "*", &["elbv2"]),
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html (raisable)
    draw("cloudwatch", "DescribeAlarms", &["cloudwatch.DescribeAlarms"]),
    draw("application-autoscaling", "*", &["application-autoscaling"]),
    draw("sns", "*", &["sns"]),
    // https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
    draw("acm", "*", &["acm"]),
    // https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
    draw("route53", "*", &["route53"]),
    draw("sqs", "*", &["sqs"]),
    draw("ssm", "*", &["ssm"]),
    draw("secretsmanager", "*", &["secretsmanager"]),
];

const fn bucket(name: &'static str, per_second: f64, burst: f64) -> Bucket {
    Bucket { name, per_second, burst }
}

const BUCKETS: &[Bucket] = &[
    bucket("lambda.GetFunction", 100.0, 100.0),
    bucket("lambda.GetPolicy", 15.0, 15.0),
    bucket("lambda", 15.0, 15.0),
    bucket("apigateway", 10.0, 40.0),
    bucket("apigateway.CreateRestApi", 1.0 / 3.0, 1.0),
    bucket("apigateway.DeleteRestApi", 1.0 / 30.0, 1.0),
    bucket("apigateway.PutRestApi", 1.0, 1.0),
    bucket("apigateway.CreateDeployment", 0.2, 1.0),
    bucket("apigateway.CreateResource", 5.0, 5.0),
    bucket("apigateway.DeleteResource", 5.0, 5.0),
    bucket("apigateway.CreateApiKey", 5.0, 5.0),
    bucket("apigateway.DeleteApiKey", 5.0, 5.0),
    bucket("apigateway.GetResources", 2.5, 5.0),
    bucket("apigateway.CreateDomainName", 1.0 / 30.0, 1.0),
    bucket("apigateway.UpdateDomainName", 1.0 / 30.0, 1.0),
    bucket("apigateway.DeleteDomainName", 1.0 / 30.0, 1.0),
    bucket("apigateway.UpdateUsagePlan", 0.05, 1.0),
    bucket("apigateway.UpdateAccount", 0.05, 1.0),
    bucket("apigateway.CreateVpcLink", 1.0 / 15.0, 1.0),
    bucket("apigateway.DeleteVpcLink", 1.0 / 30.0, 1.0),
    bucket("acm", 5.0, 5.0),
    bucket("route53", 5.0, 5.0),
    bucket("logs.CreateLogGroup", 10.0, 10.0),
    bucket("logs.DeleteLogGroup", 10.0, 10.0),
    bucket("logs.DescribeLogGroups", 10.0, 10.0),
    bucket("logs.DescribeLogStreams", 25.0, 25.0),
    bucket("logs.PutRetentionPolicy", 5.0, 5.0),
    bucket("logs.DeleteRetentionPolicy", 5.0, 5.0),
    bucket("logs.TagResource", 5.0, 5.0),
    bucket("logs.UntagResource", 5.0, 5.0),
    bucket("logs.ListTagsForResource", 5.0, 5.0),
    bucket("logs.AssociateKmsKey", 5.0, 5.0),
    bucket("logs.PutSubscriptionFilter", 5.0, 5.0),
    bucket("logs.GetLogEvents", 10.0, 10.0),
    // What remains of the service: assumed, by its slowest published rate.
    bucket("logs", 5.0, 5.0),
    bucket("events", 50.0, 50.0),
    bucket("iam.write", 10.0, 10.0),     // assumed
    bucket("iam.read", 20.0, 20.0),      // assumed
    bucket("tagging", 5.0, 5.0),         // assumed
    bucket("cloudformation", 5.0, 10.0), // assumed
    bucket("scheduler", 50.0, 50.0),     // assumed
    bucket("cloudwatch.DescribeAlarms", 9.0, 9.0),
    bucket("application-autoscaling", 10.0, 10.0), // assumed
    bucket("cognito-idp", 15.0, 15.0),
    bucket("iot", 10.0, 10.0), // assumed
    bucket("kinesis.consumers", 5.0, 5.0),
    bucket("kinesis", 20.0, 20.0),
    bucket("cloudfront", 5.0, 10.0), // assumed
    bucket("codedeploy", 5.0, 10.0), // assumed
    bucket("elbv2", 10.0, 20.0),     // assumed
    bucket("sns", 30.0, 30.0),       // assumed
    bucket("sqs", 30.0, 30.0),       // assumed
    bucket("ssm", 40.0, 40.0),
    bucket("secretsmanager", 50.0, 50.0), // assumed
];

/// Calls a second of FilterLogEvents where it is not 10: the one quota that differs by region.
const FILTER_LOG_EVENTS: &[(&str, f64)] = &[
    ("us-east-1", 25.0),
    ("ap-northeast-3", 5.0),
    ("ap-southeast-3", 5.0),
    ("ca-west-1", 5.0),
    ("eu-central-1", 5.0),
    ("il-central-1", 5.0),
];

/// The buckets that a call draws from before it is sent. None for what has no published quota and no need of one
/// (STS, S3).
pub fn buckets(service: &str, operation: &str) -> &'static [&'static str] {
    DRAWS
        .iter()
        .find(|line| line.service == service && (line.operation == operation || line.operation == "*"))
        .map_or(&[], |line| line.buckets)
}

/// Full buckets for one account and region.
pub fn limiter(region: &str) -> Limiter {
    let filter = FILTER_LOG_EVENTS.iter().find(|(name, _)| *name == region).map_or(10.0, |(_, rate)| *rate);
    Limiter::new(BUCKETS.iter().copied().chain([bucket("logs.FilterLogEvents", filter, filter)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polling_a_function_leaves_the_shared_quota_alone() {
        assert_eq!(buckets("lambda", "GetFunction"), ["lambda.GetFunction"]);
        assert_eq!(buckets("lambda", "UpdateFunctionCode"), ["lambda"]);
        assert_eq!(buckets("lambda", "Invoke"), [""; 0]);
        assert_eq!(buckets("apigateway", "CreateDeployment"), ["apigateway", "apigateway.CreateDeployment"]);
        assert_eq!(buckets("sts", "GetCallerIdentity"), [""; 0]);
    }

    #[test]
    fn every_bucket_that_is_drawn_from_exists_and_every_bucket_is_drawn_from() {
        let limiter = limiter("eu-central-1");
        for line in DRAWS {
            for name in line.buckets {
                assert!(limiter.knows(name), "{}.{} draws from {name}", line.service, line.operation);
            }
        }
        for bucket in BUCKETS {
            assert!(DRAWS.iter().any(|line| line.buckets.contains(&bucket.name)), "nothing draws from {}", bucket.name);
        }
    }

    #[test]
    fn no_line_stands_behind_one_that_always_fits_first() {
        for (position, line) in DRAWS.iter().enumerate() {
            let hidden = DRAWS[..position].iter().any(|earlier| {
                earlier.service == line.service && (earlier.operation == "*" || earlier.operation == line.operation)
            });
            assert!(!hidden, "{}.{} is never reached", line.service, line.operation);
        }
    }
}
