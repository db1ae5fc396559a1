//! How each service is spoken to: protocol, host name, and the name and region that signatures are made for.

use crate::aws::partition::Partition;

/// A service that can be called by signed requests.
pub struct Dialect {
    /// As in quotas and retries.
    pub service: &'static str,
    /// The first part of the host name.
    host: &'static str,
    /// The name that signatures are made for.
    pub signing: &'static str,
    pub protocol: Protocol,
    /// One endpoint for all regions of a partition.
    global: bool,
}

/// What requests and answers look like. Callers see trees of JSON with each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON 1.x: the action is named in `X-Amz-Target`, behind that prefix.
    Json { target: &'static str, content: &'static str },
    /// The action is method and path.
    RestJson,
    /// The action is method and path; a body is one element of that namespace.
    RestXml { namespace: &'static str },
    /// A form with `Action` and that `Version`; answers are XML.
    Query { version: &'static str },
}

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";

const fn rest(service: &'static str, host: &'static str) -> Dialect {
    Dialect { service, host, signing: host, protocol: Protocol::RestJson, global: false }
}

const fn json(service: &'static str, host: &'static str, target: &'static str, content: &'static str) -> Dialect {
    Dialect { service, host, signing: host, protocol: Protocol::Json { target, content }, global: false }
}

const fn global_xml(service: &'static str, namespace: &'static str) -> Dialect {
    Dialect { service, host: service, signing: service, protocol: Protocol::RestXml { namespace }, global: true }
}

const fn query(service: &'static str, host: &'static str, version: &'static str) -> Dialect {
    Dialect { service, host, signing: host, protocol: Protocol::Query { version }, global: false }
}

/// Every service that can be called this way.
const DIALECTS: &[Dialect] = &[
    json("acm", "acm", "CertificateManager", JSON_1_1),
    rest("apigateway", "apigateway"),
    rest("apigatewayv2", "apigateway"),
    json("application-autoscaling", "application-autoscaling", "AnyScaleFrontendService", JSON_1_1),
    query("cloudformation", "cloudformation", "2010-05-15"),
    global_xml("cloudfront", "http://cloudfront.amazonaws.com/doc/2020-05-31/"),
    json("cloudwatch", "monitoring", "GraniteServiceVersion20100801", JSON_1_0),
    json("codedeploy", "codedeploy", "CodeDeploy_20141006", JSON_1_1),
    json("cognito-idp", "cognito-idp", "AWSCognitoIdentityProviderService", JSON_1_1),
    json("dynamodb", "dynamodb", "DynamoDB_20120810", JSON_1_0),
    json("ecr", "api.ecr", "AmazonEC2ContainerRegistry_V20150921", JSON_1_1),
    query("elbv2", "elasticloadbalancing", "2015-12-01"),
    json("events", "events", "AWSEvents", JSON_1_1),
    rest("iot", "iot"),
    json("kinesis", "kinesis", "Kinesis_20131202", JSON_1_1),
    json("kms", "kms", "TrentService", JSON_1_1),
    rest("lambda", "lambda"),
    json("logs", "logs", "Logs_20140328", JSON_1_1),
    global_xml("route53", "https://route53.amazonaws.com/doc/2013-04-01/"),
    rest("scheduler", "scheduler"),
    json("secretsmanager", "secretsmanager", "secretsmanager", JSON_1_1),
    json("ssm", "ssm", "AmazonSSM", JSON_1_1),
    json("tagging", "tagging", "ResourceGroupsTaggingAPI_20170126", JSON_1_1),
];

/// Endpoints of global services whose names do not follow the rule: service, partition, host.
/// <https://docs.aws.amazon.com/general/latest/gr/r53.html>,
/// <https://docs.aws.amazon.com/general/latest/gr/cf_region.html>
const IRREGULAR: &[(&str, &str, &str)] = &[
    ("route53", "aws-us-gov", "route53.us-gov.amazonaws.com"),
    ("cloudfront", "aws-cn", "cloudfront.cn-northwest-1.amazonaws.com.cn"),
];

impl Dialect {
    /// The dialect of a service, by its name in quotas and retries.
    pub fn of(service: &str) -> Option<&'static Self> {
        DIALECTS.iter().find(|dialect| dialect.service == service)
    }

    /// The region that signatures are made for: a global service has one for all.
    pub fn region<'a>(&self, region: &'a str) -> &'a str {
        if self.global { Partition::of(region).global_region } else { region }
    }

    /// `lambda.eu-central-1.amazonaws.com`, `route53.amazonaws.com`
    pub fn host(&self, region: &str) -> String {
        let partition = Partition::of(region);
        if !self.global {
            return format!("{}.{region}.{}", self.host, partition.dns_suffix);
        }
        let irregular = IRREGULAR.iter().find(|(service, name, _)| (*service, *name) == (self.service, partition.name));
        irregular.map_or_else(|| format!("{}.{}", self.host, partition.dns_suffix), |(_, _, host)| (*host).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_regions_are_those_of_the_partition() {
        let cases = [
            ("lambda", "eu-central-1", "lambda.eu-central-1.amazonaws.com", "eu-central-1"),
            ("ecr", "cn-north-1", "api.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("elbv2", "eu-west-1", "elasticloadbalancing.eu-west-1.amazonaws.com", "eu-west-1"),
            ("route53", "eu-central-1", "route53.amazonaws.com", "us-east-1"),
            ("route53", "cn-north-1", "route53.amazonaws.com.cn", "cn-northwest-1"),
            ("route53", "us-gov-east-1", "route53.us-gov.amazonaws.com", "us-gov-west-1"),
            ("route53", "us-isof-east-1", "route53.csp.hci.ic.gov", "us-isof-south-1"),
            ("cloudfront", "ap-south-1", "cloudfront.amazonaws.com", "us-east-1"),
            ("cloudfront", "cn-north-1", "cloudfront.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
        ];
        for (service, region, host, signed_for) in cases {
            let dialect = Dialect::of(service).unwrap();
            assert_eq!(
                (dialect.host(region).as_str(), dialect.region(region)),
                (host, signed_for),
                "{service} {region}"
            );
        }
        assert!(Dialect::of("none").is_none());
    }
}
