//! How many requests an API takes, as serverless-api-gateway-throttling writes it.

use super::PluginSettings;
use crate::config::decode::{Bounded, object};

object! {
    /// How many requests each route takes that says nothing else.
    pub struct ApiThrottling {
        /// Requests a second. Default: 10,000, what an account takes in all.
        max_requests_per_second "maxRequestsPerSecond": Option<f64>,
        /// Requests at once. Default: 5,000.
        max_concurrent_requests "maxConcurrentRequests": Option<Bounded<0, { i32::MAX as i64 }>>,
    }
}

impl PluginSettings for ApiThrottling {
    const PLUGIN: &'static str = "serverless-api-gateway-throttling";
    const KEY: &'static str = "apiGatewayThrottling";
}

object! {
    /// How many requests one route takes; what is not said is as for every route.
    pub struct RouteThrottling {
        /// Requests a second.
        max_requests_per_second "maxRequestsPerSecond": Option<f64>,
        /// Requests at once.
        max_concurrent_requests "maxConcurrentRequests": Option<Bounded<0, { i32::MAX as i64 }>>,
        /// Whether the route takes as many as the account does, whatever holds for the others.
        disabled "disabled" = false: Option<bool>,
    }
}
