//! How many requests an API takes: for all of its routes, and for one.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html>

use super::super::plan::Plan;
use super::super::tree::Properties;
use crate::config::language::custom::throttling::{ApiThrottling, RouteThrottling};

/// Requests a second, and requests at once. `None`: what the account takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Limits {
    rate: Option<f64>,
    burst: Option<i64>,
}

impl Limits {
    /// What holds for every route that says nothing else.
    pub(super) fn of_all(plan: &Plan) -> Self {
        let settings = plan.service.settings::<ApiThrottling>();
        settings.map_or_else(Self::default, |all| Self {
            rate: all.max_requests_per_second,
            burst: all.max_concurrent_requests.map(|count| count.get()),
        })
    }

    /// What holds for one route.
    pub(super) fn or_of(self, route: &RouteThrottling) -> Self {
        if route.disabled == Some(true) {
            return Self::default();
        }
        Self {
            rate: route.max_requests_per_second.or(self.rate),
            burst: route.max_concurrent_requests.map(|count| count.get()).or(self.burst),
        }
    }

    /// Adds them to a stage's settings of a route.
    pub(super) fn add_to(self, settings: Properties) -> Properties {
        let rate = self.rate.and_then(serde_json::Number::from_f64);
        settings
            .maybe("ThrottlingRateLimit", rate.map(crate::engine::value::Value::Number))
            .maybe("ThrottlingBurstLimit", self.burst)
    }
}
