//! `cloudFront`: Lambda@Edge behind a distribution.

use crate::config::decode::{Cf, FreeMapping, keywords, object};
use crate::config::node::Node;

object! {
    /// A step of a request through a CloudFront distribution.
    pub struct CloudFrontEvent {
        /// The step.
        event_type "eventType": CloudFrontStep,
        /// Where CloudFront gets what it serves: an address, or an origin in CloudFormation's keys.
        origin "origin": Option<Node>,
        /// The behaviour, in CloudFormation's keys.
        behavior "behavior": Option<FreeMapping>,
        /// Which paths. Default: all.
        path_pattern "pathPattern": Option<String>,
        /// Whether this origin serves what no other does.
        is_default_origin "isDefaultOrigin": Option<bool>,
        /// Whether the function gets the body.
        include_body "includeBody": Option<bool>,
        /// The cache policy: an id, or a name in `provider.cloudFront.cachePolicies`.
        cache_policy "cachePolicy": Option<CachePolicy>,
    }
}

keywords! {
    /// A step of a request through CloudFront.
    pub enum CloudFrontStep {
        ViewerRequest = "viewer-request",
        OriginRequest = "origin-request",
        OriginResponse = "origin-response",
        ViewerResponse = "viewer-response",
    }
}

object! {
    /// A cache policy: one of the two.
    pub struct CachePolicy {
        /// The id of a policy that is there.
        id "id": Option<Cf>,
        /// A name in `provider.cloudFront.cachePolicies`.
        name "name": Option<String>,
    }
}
