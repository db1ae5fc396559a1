//! What everything is called: the Serverless Framework's logical ids and physical names, so that an existing
//! deployment can be taken over and given back.
//!
//! A logical id is letters and digits only
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html>).

use super::ownership::Scope;
use crate::config::language::Service;
use crate::engine::fingerprint::hexadecimal;

/// What the names of generated roles end with.
pub const ROLE_ENDING: &str = "lambdaRole";
/// The role that functions share unless they bring their own.
pub const SHARED_ROLE: &str = "IamRoleLambdaExecution";
/// The REST API of a service.
pub const REST_API: &str = "ApiGatewayRestApi";
/// The stage of the REST API.
pub const REST_STAGE: &str = "ApiGatewayStage";
/// The deployment of the REST API. The framework appends a new random suffix on every run; hoist never does, since
/// a deployment is made only when the document changed.
pub const REST_DEPLOYMENT: &str = "ApiGatewayDeployment";
/// The access log group of the REST API.
pub const REST_LOG_GROUP: &str = "ApiGatewayLogGroup";
/// The only usage plan of a service that names none.
pub const USAGE_PLAN: &str = "ApiGatewayUsagePlan";
/// The HTTP API of a service.
pub const HTTP_API: &str = "HttpApi";
/// The `$default` stage of the HTTP API.
pub const HTTP_STAGE: &str = "HttpApiStage";
/// The access log group of the HTTP API.
pub const HTTP_LOG_GROUP: &str = "HttpApiLogGroup";
/// The WebSocket API of a service.
pub const WEBSOCKET_API: &str = "WebsocketsApi";
/// The stage of the WebSocket API.
pub const WEBSOCKET_STAGE: &str = "WebsocketsDeploymentStage";
/// The access log group of the WebSocket API.
pub const WEBSOCKET_LOG_GROUP: &str = "WebsocketsLogGroup";

/// The role that CodeDeploy takes where the file names none.
pub const CODE_DEPLOY_ROLE: &str = "CodeDeployServiceRole";

/// The first letter in upper case, the rest as it is.
pub fn upper_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Only ASCII letters and digits stay.
pub fn alphanumeric(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A name as the middle of a logical id: letters and digits, the first in upper case (`my-queue` → `Myqueue`).
pub fn plain(name: &str) -> String {
    upper_first(&alphanumeric(name))
}

/// A function key as the beginning of a logical id (`get-user_v2` → `GetDashuserUnderscorev2`).
pub fn function(key: &str) -> String {
    upper_first(&key.replace('-', "Dash").replace('_', "Underscore"))
}

/// One part of a path as part of a logical id (`{userId}` → `UseridVar`, `my-path` → `MyDashpath`).
pub fn path_part(part: &str) -> String {
    let lower = part.to_lowercase().replace('-', "Dash");
    let marked = match (lower.find('{'), lower.rfind('}')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}{}Var{}", &lower[..open], &lower[open + 1..close], &lower[close + 1..])
        }
        _ => lower,
    };
    plain(&marked)
}

/// A whole path as part of a logical id (`/users/{id}` → `UsersIdVar`).
pub fn path(path: &str) -> String {
    path.split('/').map(path_part).collect()
}

/// An HTTP method as part of a logical id (`GET` → `Get`).
pub fn method(method: &str) -> String {
    upper_first(&method.to_lowercase())
}

/// `ApiGatewayMethodOrdersIdVarGet` for `orders/{id}` and `get`.
pub fn rest_method(path: &str, verb: &str) -> String {
    format!("ApiGatewayMethod{}{}", self::path(path), method(verb))
}

/// Physical names, which all begin with the service's name and stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub service: String,
    pub stage: String,
    pub region: String,
    /// `provider.stackName`, where it is given.
    pub stack_name: Option<String>,
}

impl Names {
    /// The names of a service at a stage, with the stack's as the file has it.
    pub fn of(service: &Service, stage: &str, region: &str) -> Self {
        let stack_name = service.provider.stack_name.as_ref().map(|name| name.as_str().to_owned());
        Self { stack_name, ..Self::new(service.name(), stage, region) }
    }

    pub fn new(service: impl Into<String>, stage: impl Into<String>, region: impl Into<String>) -> Self {
        Self { service: service.into(), stage: stage.into(), region: region.into(), stack_name: None }
    }

    /// The stack of the raw resources.
    pub fn stack(&self) -> String {
        self.stack_name.clone().unwrap_or_else(|| self.prefix())
    }

    /// `<service>-<stage>`: the beginning of most names.
    pub fn prefix(&self) -> String {
        format!("{}-{}", self.service, self.stage)
    }

    /// The stack of the resources that refer to functions.
    pub fn after_stack(&self) -> String {
        format!("{}-after", self.stack())
    }

    /// A function without a `name`. At most 64 characters
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>).
    pub fn function(&self, key: &str) -> String {
        format!("{}-{key}", self.prefix())
    }

    /// The shared role. At most 64 characters (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>).
    pub fn role(&self) -> String {
        format!("{}-{}-{ROLE_ENDING}", self.prefix(), self.region)
    }

    /// A role for one function, in at most 64 characters where leaving out the ending is enough for that.
    pub fn function_role(&self, key: &str) -> String {
        let short = format!("{}-{key}-{}", self.prefix(), self.region);
        let whole = format!("{short}-{ROLE_ENDING}");
        if whole.chars().count() > 64 { short } else { whole }
    }

    /// The role that is made for CodeDeploy.
    pub fn code_deploy_role(&self) -> String {
        cut(&format!("{}-{}-codeDeployRole", self.prefix(), self.region), "codeDeployRole")
    }

    /// The inline policy of every role that hoist makes.
    pub fn role_policy(&self) -> String {
        format!("{}-lambda", self.prefix())
    }

    /// REST and HTTP APIs. `provider.apiGateway.shouldStartNameWithService` turns it around.
    pub fn api(&self, start_with_service: bool) -> String {
        if start_with_service { self.prefix() } else { format!("{}-{}", self.stage, self.service) }
    }

    /// The WebSocket API.
    pub fn websocket_api(&self) -> String {
        format!("{}-{}-websockets", self.stage, self.service)
    }
}

/// The log group that Lambda writes a function's output to.
pub fn log_group(function_name: &str) -> String {
    format!("/aws/lambda/{function_name}")
}

/// A resource that belongs to one function: its logical id is the function's key and a fixed ending.
pub fn of_function(key: &str, ending: &str) -> String {
    format!("{}{ending}", function(key))
}

/// A name that is cut to 64 characters when it is longer: its beginning, its MD5 and its ending, as the framework cuts
/// the names of rules and targets.
pub fn cut(name: &str, ending: &str) -> String {
    if name.chars().count() <= 64 {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(31_usize.saturating_sub(ending.len())).collect();
    format!("{beginning}{}-{ending}", md5(name))
}

/// The MD5 of a text in hexadecimal: not for security, but for names that the framework makes so.
pub fn md5(text: &str) -> String {
    use md5::{Digest, Md5};
    hexadecimal(&Md5::digest(text.as_bytes()))
}

/// The logical id of a function.
pub fn lambda(key: &str) -> String {
    of_function(key, "LambdaFunction")
}

/// What all logical ids of a function begin with, from that of the function itself.
pub fn key_of_lambda(logical_id: &str) -> Option<&str> {
    logical_id.strip_suffix("LambdaFunction")
}

/// The logical id of the policy that lets a topic send to a queue what a function did not take.
pub fn redrive(key: &str, topic: &str) -> String {
    format!("{}{}", plain(topic), redrive_ending(&function(key)))
}

/// What such a logical id ends with for the function whose logical ids begin so.
pub fn redrive_ending(beginning: &str) -> String {
    format!("To{beginning}DLQPolicy")
}

/// The logical id of a published version: the digest says which.
pub fn version(key: &str, digest: &str) -> String {
    of_function(key, &format!("LambdaVersion{}", alphanumeric(digest)))
}

/// The logical id of a permission to invoke a function, named after who may.
pub fn permission(key: &str, who: &str) -> String {
    of_function(key, &format!("LambdaPermission{who}"))
}

/// The logical id of an event source mapping: `kind` is `SQS`, `Dynamodb`, `Kinesis`, `MSK` and so on.
pub fn mapping(key: &str, kind: &str, source: &str) -> String {
    of_function(key, &format!("EventSourceMapping{kind}{}", plain(source)))
}

/// The logical id of a layer.
pub fn layer(key: &str) -> String {
    of_function(key, "LambdaLayer")
}

/// The logical id of a REST authorizer.
pub fn rest_authorizer(name: &str) -> String {
    format!("{}ApiGatewayAuthorizer", function(name))
}

/// The logical id of an HTTP API authorizer.
pub fn http_authorizer(name: &str) -> String {
    format!("HttpApiAuthorizer{}", function(name))
}

/// The logical id of what scales a function's provisioned concurrency, its `Target` or its `Policy`: that of
/// serverless-provisioned-concurrency-autoscaling.
pub fn scaling(names: &Names, key: &str, part: &str) -> String {
    let Names { service, stage, region, .. } = names;
    let (service, function) = (upper_first(service), upper_first(key));
    alphanumeric(&format!("{service}{function}AutoScaling{part}{}{}", upper_first(stage), upper_first(region)))
}

/// Whether a policy of a function of ours has such a name.
pub fn is_scaling(scope: &Scope, name: &str) -> bool {
    let (service, stage) = (plain(&scope.service), plain(&scope.stage));
    let rest = name.strip_prefix(&service).and_then(|rest| rest.split_once("AutoScalingPolicy"));
    rest.is_some_and(|(_, rest)| rest.starts_with(&stage))
}

/// The logical id of the application of CodeDeploy.
pub fn code_deploy_application(names: &Names) -> String {
    format!("{}DeploymentApplication", plain(&names.stack()))
}

/// The logical id of what CodeDeploy knows about shifts of a function, by the function's.
pub fn deployment_group(function: &str) -> String {
    format!("{function}DeploymentGroup")
}

/// Its name. At most 100 characters
/// (<https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html>).
pub fn deployment_group_name(names: &Names, function: &str) -> String {
    format!("{}-{}", names.stack(), deployment_group(function)).chars().take(100).collect()
}

/// The logical id of an API key: counted from 1, beneath a named plan or not.
pub fn api_key(plan: Option<&str>, number: usize) -> String {
    format!("ApiGatewayApiKey{}{number}", plan.map(upper_first).unwrap_or_default())
}

/// The logical id of a usage plan.
pub fn usage_plan(plan: Option<&str>) -> String {
    format!("{USAGE_PLAN}{}", plan.map(upper_first).unwrap_or_default())
}

/// The logical id of what ties an API key to a usage plan.
pub fn usage_plan_key(plan: Option<&str>, number: usize) -> String {
    format!("ApiGatewayUsagePlanKey{}{number}", plan.map(upper_first).unwrap_or_default())
}

/// The logical id of a WebSocket route (`$connect` → `SconnectWebsocketsRoute`).
pub fn websocket_route(route: &str) -> String {
    let mut id = String::new();
    for letter in route.chars() {
        match WEBSOCKET_LETTERS.iter().find(|(from, _)| *from == letter) {
            Some((_, word)) => id.push_str(word),
            None => id.push(letter),
        }
    }
    format!("{}WebsocketsRoute", alphanumeric(&id))
}

/// What stands in a logical id for a letter of a WebSocket route.
const WEBSOCKET_LETTERS: &[(char, &str)] =
    &[('$', "S"), ('/', "Slash"), ('-', "Dash"), ('_', "Underscore"), ('.', "Period")];

/// The partition of a region: `aws-cn`, `aws-us-gov`, the isolated ones, or `aws`.
pub fn partition(region: &str) -> &'static str {
    PARTITIONS.iter().find(|(prefix, ..)| region.starts_with(prefix)).map_or("aws", |(_, partition, _)| partition)
}

/// The service in whose name the custom domains of a service are kept: no service can be called so.
pub fn domains_of(service: &str) -> String {
    format!("{service}{DOMAINS_OF}")
}

/// What such a name ends in.
pub const DOMAINS_OF: &str = ".domains";

/// The domain that service addresses of a region end in.
pub fn url_suffix(region: &str) -> &'static str {
    PARTITIONS.iter().find(|(prefix, ..)| region.starts_with(prefix)).map_or("amazonaws.com", |(.., suffix)| suffix)
}

/// Beginnings of region names, with partition and domain.
const PARTITIONS: &[(&str, &str, &str)] = &[
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scales_is_ours_by_its_name() {
        let scope = Scope::new("my-shop", "dev");
        let ours = scaling(&Names::new("my-shop", "dev", "us-east-1"), "get-it", "Policy");
        assert!(is_scaling(&scope, &ours), "{ours}");
        let others = [Names::new("shop", "dev", "us-east-1"), Names::new("my-shop", "prod", "us-east-1")];
        for other in others.iter().map(|names| scaling(names, "get-it", "Policy")) {
            assert!(!is_scaling(&scope, &other), "{other}");
        }
        assert!(!is_scaling(&scope, "by-hand"));
    }

    #[test]
    fn logical_ids_are_those_of_the_framework() {
        let table = [
            (lambda("hello"), "HelloLambdaFunction"),
            (lambda("get-user_v2"), "GetDashuserUnderscorev2LambdaFunction"),
            (lambda("4x"), "4xLambdaFunction"),
            (of_function("hello", "LogGroup"), "HelloLogGroup"),
            (version("hello", "ab+c/9="), "HelloLambdaVersionabc9"),
            (permission("hello", "ApiGateway"), "HelloLambdaPermissionApiGateway"),
            (mapping("work", "SQS", "my-jobs.fifo"), "WorkEventSourceMappingSQSMyjobsfifo"),
            (layer("ffmpeg"), "FfmpegLambdaLayer"),
            (path("/users/{userId}/my-Things"), "UsersUseridVarMyDashthings"),
            (path("{proxy+}"), "ProxyVar"),
            (path("/"), ""),
            (method("ANY"), "Any"),
            (rest_authorizer("check-it"), "CheckDashitApiGatewayAuthorizer"),
            (http_authorizer("my-jwt"), "HttpApiAuthorizerMyDashjwt"),
            (api_key(None, 1), "ApiGatewayApiKey1"),
            (api_key(Some("free"), 2), "ApiGatewayApiKeyFree2"),
            (usage_plan(Some("free")), "ApiGatewayUsagePlanFree"),
            (usage_plan_key(None, 1), "ApiGatewayUsagePlanKey1"),
            (websocket_route("$connect"), "SconnectWebsocketsRoute"),
            (
                scaling(&Names::new("my-shop", "dev", "us-east-1"), "get-it", "Target"),
                "MyshopGetitAutoScalingTargetDevUseast1",
            ),
        ];
        for (have, want) in table {
            assert_eq!(have, want);
        }
    }

    #[test]
    fn physical_names_are_those_of_the_framework() {
        let names = Names::new("shop", "dev", "eu-west-1");
        let table = [
            (names.prefix(), "shop-dev"),
            (names.after_stack(), "shop-dev-after"),
            (names.function("hello"), "shop-dev-hello"),
            (names.role(), "shop-dev-eu-west-1-lambdaRole"),
            (names.function_role("hello"), "shop-dev-hello-eu-west-1-lambdaRole"),
            (names.role_policy(), "shop-dev-lambda"),
            (names.api(false), "dev-shop"),
            (names.api(true), "shop-dev"),
            (names.websocket_api(), "dev-shop-websockets"),
            (log_group("shop-dev-hello"), "/aws/lambda/shop-dev-hello"),
        ];
        for (have, want) in table {
            assert_eq!(have, want);
        }
    }

    #[test]
    fn long_rule_names_are_cut_as_the_framework_cuts_them() {
        assert_eq!(cut("short-rule-1", "rule-1"), "short-rule-1");
        let long = format!("{}-rule-1", "a".repeat(60));
        assert_eq!(cut(&long, "rule-1"), format!("{}{}-rule-1", "a".repeat(25), md5(&long)));
        assert_eq!(cut(&long, "rule-1").len(), 64);
        assert_eq!(md5("abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn a_region_says_its_partition() {
        for (region, want, suffix) in [
            ("us-east-1", "aws", "amazonaws.com"),
            ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ] {
            assert_eq!(partition(region), want);
            assert_eq!(url_suffix(region), suffix);
        }
    }
}
