//! `http`: a route of the REST API.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::config::decode::{
    Bounded, Cf, Decode, Decoder, Empty, Schemas, Short, Shorthand, Toggle, alternatives, intrinsic, keywords,
    mapping_at, object, shown, string_at, text,
};
use crate::config::language::custom::throttling::RouteThrottling;
use crate::config::node::{Data, Node};

keywords! {
    /// The method of a route.
    pub enum Method [ignore_case] {
        Any = "ANY" | "*",
        Get = "GET",
        Post = "POST",
        Put = "PUT",
        Patch = "PATCH",
        Options = "OPTIONS",
        Head = "HEAD",
        Delete = "DELETE",
    }
}

text! {
    /// The path of a route.
    pub struct Path: "a path without spaces", pattern "^(\\*|/?\\S*)$"
}

object! {
    /// A route of the REST API.
    pub struct Http {
        /// The path: `users/{id}`.
        path "path": Path,
        /// The method.
        method "method": Method,
        /// Cross-origin rules; `true` allows every origin.
        cors "cors": Option<Toggle<Cors>>,
        /// Whether calls need an API key.
        private "private" = false: Option<bool>,
        /// Who may call: a function of the service, an ARN, `aws_iam`, or a mapping.
        authorizer "authorizer": Option<Shorthand<Authorizer>>,
        /// How the request reaches the function.
        integration "integration" = "lambda-proxy": Option<Integration>,
        /// Whether the caller does not wait for the function.
        asynchronous "async" = false: Option<bool>,
        /// What the request must have and how it is changed.
        request "request": Option<Request>,
        /// What the answer is made of.
        response "response": Option<Response>,
        /// `vpc-link` to reach an address in a VPC.
        connection_type "connectionType": Option<ConnectionType>,
        /// The id of the VPC link.
        connection_id "connectionId": Option<Cf>,
        /// The operation's name in SDKs.
        operation_id "operationId": Option<String>,
        /// Milliseconds that the integration may take.
        timeout_in_millis "timeoutInMillis": Option<Bounded<50, { i64::MAX }>>,
        /// Caching of the route (serverless-api-gateway-caching).
        caching "caching": Option<Node>,
        /// Throttling of the route (serverless-api-gateway-throttling).
        throttling "throttling": Option<RouteThrottling>,
    }
    ignored {
        "documentation": "plugins that write API documents are not run",
        "openapi": "plugins that write API documents are not run",
        "summary": "plugins that write API documents are not run",
        "reqValidatorName": "request validators come from `request`",
        "swaggerTags": "plugins that write API documents are not run",
        "responseData": "plugins that write API documents are not run",
        "responses": "plugins that write API documents are not run",
        "bodyType": "plugins that write API documents are not run",
        "description": "plugins that write API documents are not run"
    }
    unbuilt {
        "caching": "caching stays off"
    }
}

/// Splits `GET /users` into method and path; `*` is every method of every path.
pub(super) fn expand_route(node: &Node, cx: &mut Decoder) -> Option<Node> {
    let text = node.as_str().unwrap_or_default();
    if text.trim() == "*" {
        return Some(mapping_at(node, [("method", string_at(node, "*")), ("path", string_at(node, "*"))]));
    }
    let mut parts = text.split_whitespace();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(path), None) => {
            if !path.starts_with('/') && path != "*" {
                let diagnostic = cx
                    .warning("bad-format", node, format!("the path in {} does not begin with `/`", shown(node)))
                    .help(format!("write `{method} /{path}`"));
                cx.report(diagnostic);
            }
            Some(mapping_at(node, [("method", string_at(node, method)), ("path", string_at(node, path))]))
        }
        _ if matches!(node.data, Data::Deferred(_)) => None,
        _ => {
            let diagnostic = cx
                .error("bad-format", node, format!("{} is not a method and a path", shown(node)))
                .help("write for instance `GET /users/{id}`");
            cx.report(diagnostic);
            None
        }
    }
}

/// The schema of `GET /users`.
pub(super) fn route_schema() -> Value {
    json!({"type": "string", "pattern":
        "^(\\*|([Gg][Ee][Tt]|[Pp][Oo][Ss][Tt]|[Pp][Uu][Tt]|[Pp][Aa][Tt][Cc][Hh]|[Oo][Pp][Tt][Ii][Oo][Nn][Ss]|[Hh][Ee][Aa][Dd]|[Dd][Ee][Ll][Ee][Tt][Ee]|[Aa][Nn][Yy]|\\*) (\\*|/\\S*))$"})
}

impl Short for Http {
    const SHORT: &'static str = "`METHOD /path`";

    fn expand(node: &Node, cx: &mut Decoder) -> Option<Node> {
        expand_route(node, cx)
    }

    fn short_schema(_: &mut Schemas) -> Value {
        route_schema()
    }
}

object! {
    /// Cross-origin rules of a route.
    pub struct Cors {
        /// The origin that may call.
        origin "origin" = "*": Option<String>,
        /// The origins that may call.
        origins "origins": Vec<String>,
        /// Methods that requests may use. Default: those of the path's routes.
        methods "methods": Option<Vec<Method>>,
        /// Headers that requests may have.
        headers "headers": Option<Vec<String>>,
        /// Whether cookies and credentials are allowed.
        allow_credentials "allowCredentials": Option<bool>,
        /// Seconds that a browser may keep the answer to a preflight request.
        max_age "maxAge": Option<Bounded<1, { i64::MAX }>>,
        /// The `Cache-Control` of the answer to a preflight request.
        cache_control "cacheControl": Option<String>,
    }
}

keywords! {
    /// The kind of an authorizer.
    pub enum AuthorizerKind [ignore_case] {
        Token = "token",
        Request = "request",
        CognitoUserPools = "cognito_user_pools",
        AwsIam = "aws_iam",
        Custom = "custom",
    }
}

object! {
    /// Who may call a route.
    pub struct Authorizer {
        /// A function of the service, or the name of the authorizer that `arn` gives.
        name "name": Option<String>,
        /// A function elsewhere, or a user pool.
        arn "arn": Option<Cf>,
        /// An authorizer that is there.
        authorizer_id "authorizerId": Option<Cf>,
        /// The kind of the authorizer.
        kind "type": Option<AuthorizerKind>,
        /// Where the token or the identity comes from.
        identity_source "identitySource" = "method.request.header.Authorization": Option<String>,
        /// What a token must look like.
        identity_validation_expression "identityValidationExpression": Option<String>,
        /// Seconds that an answer is kept.
        result_ttl_in_seconds "resultTtlInSeconds" = 300: Option<Bounded<0, 3600>>,
        /// Claims that reach the function (`lambda` integration).
        claims "claims": Vec<String>,
        /// Scopes that a caller must have.
        scopes "scopes": Vec<Cf>,
        /// Whether the permission to call the authorizer's function is left to others.
        managed_externally "managedExternally": Option<bool>,
    }
}

impl Short for Authorizer {
    const SHORT: &'static str = "a function's key, an ARN or `aws_iam`";
    const EMPTY: Empty = Empty::Told("the route is open to everybody");

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        let key = match node.as_str() {
            Some(text) if text.eq_ignore_ascii_case("aws_iam") => "type",
            Some(text) if text.starts_with("arn:") => "arn",
            Some(_) => "name",
            None => "arn",
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

keywords! {
    /// How a request reaches what answers it.
    pub enum Integration [ignore_case] {
        LambdaProxy = "lambda-proxy" | "lambda_proxy" | "aws_proxy" | "aws-proxy",
        Lambda = "lambda",
        Aws = "aws",
        Http = "http",
        HttpProxy = "http-proxy" | "http_proxy",
        Mock = "mock",
    }
}

keywords! {
    /// How the integration is reached.
    pub enum ConnectionType [ignore_case] {
        VpcLink = "vpc-link" | "vpc_link",
    }
}

keywords! {
    /// How bodies are converted.
    pub enum ContentHandling {
        ConvertToBinary = "CONVERT_TO_BINARY",
        ConvertToText = "CONVERT_TO_TEXT",
    }
}

keywords! {
    /// What happens to requests that no template is for.
    pub enum PassThrough {
        Never = "NEVER",
        WhenNoMatch = "WHEN_NO_MATCH",
        WhenNoTemplates = "WHEN_NO_TEMPLATES",
    }
}

object! {
    /// What a request must have and how it is changed.
    pub struct Request {
        /// Parameters that are passed on.
        parameters "parameters": Option<RequestParameters>,
        /// JSON Schemas of the body by content type: a schema, a mapping with `schema`, or a key of `provider.apiGateway.request.schemas`.
        schemas "schemas" | "schema": IndexMap<String, Node>,
        /// Mapping templates by content type.
        template "template": IndexMap<String, NullableText>,
        /// What happens to requests that no template is for.
        pass_through "passThrough": Option<PassThrough>,
        /// How the body is converted.
        content_handling "contentHandling": Option<ContentHandling>,
        /// The address behind an `http` integration.
        uri "uri": Option<Cf>,
        /// The method of the call to that address.
        method "method": Option<Method>,
    }
    noted {
        "path": "`parameters` has `paths`; variables of a path are required anyway",
        "paths": "it belongs beneath `parameters`; variables of a path are required anyway"
    }
}

/// A text, or `null` to take a default away.
#[derive(Clone, Debug, PartialEq)]
pub struct NullableText(pub Option<String>);

impl Decode for NullableText {
    const KEEPS_NULL: bool = true;

    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        match node.data {
            Data::Null => Some(Self(None)),
            _ => String::decode(node, cx).map(|text| Self(Some(text))),
        }
    }

    fn fits(node: &Node) -> bool {
        String::fits(node)
    }

    fn expects() -> String {
        String::expects()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"type": ["string", "null"]})
    }
}

object! {
    /// Parameters that are passed on, and whether they are required.
    pub struct RequestParameters {
        /// Of the query.
        querystrings "querystrings" | "querystring": IndexMap<String, Toggle<RequestParameter>>,
        /// Headers.
        headers "headers": IndexMap<String, Toggle<RequestParameter>>,
        /// Of the path.
        paths "paths": IndexMap<String, Toggle<RequestParameter>>,
    }
}

object! {
    /// One parameter.
    pub struct RequestParameter {
        /// Whether a request without it is refused.
        required "required": Option<bool>,
        /// What is passed on instead.
        mapped_value "mappedValue": Option<Cf>,
    }
}

object! {
    /// What an answer is made of (`lambda` and `http` integrations).
    pub struct Response {
        /// Headers, with mapping expressions as values.
        headers "headers": IndexMap<String, String>,
        /// The mapping template of the body.
        template "template": Option<String>,
        /// Answers by HTTP status.
        status_codes "statusCodes": IndexMap<String, StatusCode>,
        /// How the body is converted.
        content_handling "contentHandling": Option<ContentHandling>,
        /// Whether the answer is streamed.
        transfer_mode "transferMode": Option<TransferMode>,
    }
}

keywords! {
    /// How an answer is sent.
    pub enum TransferMode [ignore_case] {
        Buffered = "BUFFERED",
        Stream = "STREAM",
    }
}

object! {
    /// One answer.
    pub struct StatusCode {
        /// Which results of the function it is for.
        pattern "pattern": Option<String>,
        /// Headers.
        headers "headers": IndexMap<String, String>,
        /// The mapping template of the body, or templates by content type.
        template "template": Option<StatusTemplate>,
    }
}

alternatives! {
    /// One mapping template, or several by content type.
    pub enum StatusTemplate {
        One(String),
        ByContentType(IndexMap<String, String>),
    }
}
