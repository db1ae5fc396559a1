//! `websocket`: a route of the WebSocket API.

use serde_json::Value;

use crate::config::decode::{
    Cf, Decode, Decoder, Empty, Schemas, Short, Shorthand, intrinsic, keywords, mapping_at, object,
};
use crate::config::node::{Data, Node};

object! {
    /// A route of the WebSocket API.
    pub struct Websocket {
        /// The route: `$connect`, `$disconnect`, `$default` or one of your own.
        route "route": String,
        /// Who may connect: a function of the service, an ARN, or a mapping. Only for `$connect`.
        authorizer "authorizer": Option<Shorthand<WebsocketAuthorizer>>,
        /// `$default` sends the function's result back to the caller.
        route_response_selection_expression "routeResponseSelectionExpression": Option<RouteResponse>,
    }
}

impl Short for Websocket {
    const SHORT: &'static str = "a route";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("route", node.clone())]))
    }
}

keywords! {
    /// Which results are sent back.
    pub enum RouteResponse {
        Default = "$default",
    }
}

object! {
    /// Who may connect.
    pub struct WebsocketAuthorizer {
        /// A function of the service, or the name of the authorizer that `arn` gives.
        name "name": Option<String>,
        /// A function elsewhere.
        arn "arn": Option<Cf>,
        /// Where the identity comes from.
        identity_source "identitySource": Vec<String>,
    }
}

impl Short for WebsocketAuthorizer {
    const SHORT: &'static str = "a function's key or an ARN";
    const EMPTY: Empty = Empty::Told("everybody may connect");

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        let key = match node.as_str() {
            Some(text) if !text.starts_with("arn:") => "name",
            _ => "arn",
        };
        Some(mapping_at(node, [(key, node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        matches!(node.data, Data::String(_) | Data::Deferred(_)) || intrinsic(node).is_some()
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        Cf::schema(schemas)
    }
}
