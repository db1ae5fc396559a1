//! `alb`: requests that an application load balancer passes on.

use indexmap::IndexMap;

use crate::config::decode::{Bounded, Cf, Toggle, object, text};

text! {
    /// The name of a target group.
    pub struct TargetGroupName: "a target group name (letters, digits and hyphens)",
        pattern "^[a-zA-Z0-9-]+$", min 1, max 32
}

object! {
    /// Requests that an application load balancer passes on.
    pub struct Alb {
        /// The ARN of the listener.
        listener_arn "listenerArn": Cf,
        /// The position among the listener's rules; each only once.
        priority "priority": Bounded<1, 50000>,
        /// Which requests.
        conditions "conditions": AlbConditions,
        /// How the function's health is checked; `true` with defaults.
        health_check "healthCheck": Option<Toggle<HealthCheck>>,
        /// Whether headers and parameters come as lists.
        multi_value_headers "multiValueHeaders" = false: Option<bool>,
        /// The name of the target group.
        target_group_name "targetGroupName": Option<TargetGroupName>,
        /// Authorizers of `provider.alb.authorizers`, in order.
        authorizer "authorizer": Vec<String>,
    }
}

object! {
    /// Which requests: all that are given must match.
    pub struct AlbConditions {
        /// Path patterns.
        path "path": Vec<String>,
        /// Methods.
        method "method": Vec<String>,
        /// Host patterns.
        host "host": Vec<String>,
        /// Headers with their values.
        header "header": Vec<HeaderCondition>,
        /// Query parameters.
        query "query": IndexMap<String, String>,
        /// Address ranges of callers.
        ip "ip": Vec<String>,
    }
}

object! {
    /// A header with its values.
    pub struct HeaderCondition {
        /// The header.
        name "name": String,
        /// The values, any of which matches.
        values "values": Vec<String>,
    }
}

object! {
    /// How the function's health is checked.
    pub struct HealthCheck {
        /// The path that is called.
        path "path" = "/": Option<String>,
        /// Seconds between two checks.
        interval_seconds "intervalSeconds" = 35: Option<Bounded<5, 300>>,
        /// Seconds that a check may take.
        timeout_seconds "timeoutSeconds" = 30: Option<Bounded<2, 120>>,
        /// Successes until a target is healthy.
        healthy_threshold_count "healthyThresholdCount" = 5: Option<Bounded<2, 10>>,
        /// Failures until a target is not.
        unhealthy_threshold_count "unhealthyThresholdCount" = 5: Option<Bounded<2, 10>>,
        /// Which answers are a success.
        matcher "matcher": Option<Matcher>,
    }
}

text! {
    /// HTTP status codes.
    pub struct HttpCodes: "HTTP status codes such as `200` or `200-299`", pattern "^\\d{3}(-\\d{3})?(,\\d{3}(-\\d{3})?)*$"
}

object! {
    /// Which answers are a success.
    pub struct Matcher {
        /// HTTP status codes: `200`, `200-299`.
        http_code "httpCode" = "200": Option<HttpCodes>,
    }
}
