//! hoist's own keys: what happens when a deploy fails, what is checked after it, which lints are allowed.

use indexmap::IndexMap;

use super::super::decode::{Bounded, Decoder, Short, Shorthand, keywords, mapping_at, object};
use super::super::node::Node;
use super::service::Service;

object! {
    /// How hoist deploys the service.
    pub struct Deploy {
        /// What happens when a deploy fails half-way, or does not pass its checks (`--rollback-on-failure` is `rollback`).
        on_failure "onFailure" = "stop": Option<OnFailure>,
        /// How many deployments of a stage stay in `hoist history`, with their code, for `hoist rollback`. Up to half as many
        /// more, and no more than 20, come together before the oldest are deleted.
        history "history" = 50: Option<Bounded<2, 1000>>,
        /// What is called or fetched after a deploy; a failure counts as a failed deploy.
        verify "verify": Vec<Shorthand<Verify>>,
        /// Codes of lints that are not reported for this service.
        allow "allow": Vec<String>,
    }
}

/// Two months of a deploy each weekday, and some.
const RECORDS: usize = 50;

impl Service {
    /// How many records of deployments stay.
    pub fn kept_records(&self) -> usize {
        let history = self.deploy.as_ref().and_then(|deploy| deploy.history);
        history.and_then(|count| usize::try_from(count.get()).ok()).unwrap_or(RECORDS)
    }
}

keywords! {
    /// What happens when a deploy fails half-way.
    pub enum OnFailure {
        /// What was done stays; the next deploy goes on.
        Stop = "stop",
        /// What this run did is put back, in reverse order.
        Rollback = "rollback",
    }
}

object! {
    /// One check after a deploy: a function to invoke or a URL to fetch, with what is expected.
    pub struct Verify {
        /// The key of a function to invoke, once (needs `lambda:InvokeFunction`).
        function "function": Option<String>,
        /// What the function gets.
        payload "payload": Option<Node>,
        /// A URL to fetch, or a path of the service's API that begins with `/`. It is fetched until it answers as
        /// expected, or the time is over: a new API does not answer everywhere at once.
        url "url": Option<String>,
        /// The method of the request.
        method "method" = "GET": Option<String>,
        /// Headers of the request.
        headers "headers": IndexMap<String, String>,
        /// The HTTP status that is expected of a URL (default 200), or the `statusCode` in a function's answer.
        status "status": Option<Bounded<100, 599>>,
        /// A text that the answer must contain.
        contains "contains": Option<String>,
        /// Values that the answer, as JSON, must have.
        expect "expect": Option<Node>,
        /// Seconds that the check may take.
        timeout "timeout" = 30: Option<Bounded<1, 900>>,
    }
}

impl Short for Verify {
    const SHORT: &'static str = "a function's key, a URL or a path";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        let text = node.as_str().unwrap_or_default();
        let key = if text.starts_with('/') || text.contains("://") { "url" } else { "function" };
        Some(mapping_at(node, [(key, node.clone())]))
    }
}
