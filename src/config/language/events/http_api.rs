//! `httpApi`: a route of the HTTP API.

use serde_json::Value;

use super::http::{Method, Path, expand_route, route_schema};
use crate::config::decode::{Cf, Decoder, Empty, Schemas, Short, Shorthand, keywords, mapping_at, object};
use crate::config::language::custom::throttling::RouteThrottling;
use crate::config::node::Node;

object! {
    /// A route of the HTTP API. Path `*` is the default route.
    pub struct HttpApiRoute {
        /// The path: `/users/{id}`.
        path "path": Path,
        /// The method. Default: every method.
        method "method" = "*": Option<Method>,
        /// Who may call: an authorizer of `provider.httpApi.authorizers`, `aws_iam`, or a mapping.
        authorizer "authorizer": Option<Shorthand<RouteAuthorizer>>,
        /// Throttling of the route (serverless-api-gateway-throttling).
        throttling "throttling": Option<RouteThrottling>,
    }
    ignored {
        "documentation": "plugins that write API documents are not run",
        "openapi": "plugins that write API documents are not run",
        "timeout": "the timeout of an HTTP API follows from the function's"
    }
    noted {
        "cors": "the cross-origin rules of an HTTP API are in `provider.httpApi.cors`",
        "payload": "the payload format is in `provider.httpApi.payload` or `functions.<key>.httpApi.payload`"
    }
}

impl Short for HttpApiRoute {
    const SHORT: &'static str = "`METHOD /path` or `*`";

    fn expand(node: &Node, cx: &mut Decoder) -> Option<Node> {
        expand_route(node, cx)
    }

    fn short_schema(_: &mut Schemas) -> Value {
        route_schema()
    }
}

object! {
    /// Who may call a route of the HTTP API.
    pub struct RouteAuthorizer {
        /// An authorizer of `provider.httpApi.authorizers`.
        name "name": Option<String>,
        /// An authorizer that is there.
        id "id": Option<Cf>,
        /// `jwt`, `request` or `aws_iam`.
        kind "type": Option<RouteAuthorizerKind>,
        /// Scopes that a caller must have.
        scopes "scopes": Vec<String>,
    }
}

impl Short for RouteAuthorizer {
    const SHORT: &'static str = "the name of an authorizer";
    const EMPTY: Empty = Empty::Told("the route is open to everybody");

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        let key = if node.as_str() == Some("aws_iam") { "type" } else { "name" };
        Some(mapping_at(node, [(key, node.clone())]))
    }
}

keywords! {
    /// The kind of a route's authorizer.
    pub enum RouteAuthorizerKind {
        Jwt = "jwt",
        Request = "request",
        AwsIam = "aws_iam",
    }
}
