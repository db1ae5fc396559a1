//! `provider.apiGateway` and `provider.httpApi`: the APIs in front of the functions.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::decode::{
    Bounded, Cf, CfList, Decode, Decoder, FreeMapping, Schemas, Short, Shorthand, Toggle, alternatives, keywords,
    mapping_at, object, text,
};
use super::super::node::{Data, Node};
use super::function::PayloadVersion;

/// A number of at least 0.
pub type Count = Bounded<0, { i64::MAX }>;

text! {
    /// A media type: `image/png`, `*/*`.
    pub struct MediaType: "a media type such as `image/png`", pattern "^\\S+/\\S+$"
}

object! {
    /// The REST API.
    pub struct ApiGateway {
        /// API keys, or keys by usage plan.
        api_keys "apiKeys": Option<ApiKeys>,
        /// Where the API key of a request comes from.
        api_key_source_type "apiKeySourceType" = "HEADER": Option<ApiKeySource>,
        /// Media types that are binary.
        binary_media_types "binaryMediaTypes": Vec<MediaType>,
        /// What the API is for.
        description "description": Option<String>,
        /// Whether the address of AWS does not work.
        disable_default_endpoint "disableDefaultEndpoint": Option<bool>,
        /// The endpoint.
        endpoint "endpoint": Option<ApiEndpoint>,
        /// Whether detailed metrics are kept.
        metrics "metrics": Option<bool>,
        /// Bytes from which answers are compressed.
        minimum_compression_size "minimumCompressionSize": Option<Bounded<0, 10485760>>,
        /// Who may call the API.
        resource_policy "resourcePolicy": Option<Vec<FreeMapping>>,
        /// An API that is there, to which the routes are added.
        rest_api_id "restApiId": Option<Cf>,
        /// The root resource of that API.
        rest_api_root_resource_id "restApiRootResourceId": Option<Cf>,
        /// Resources of that API, by path.
        rest_api_resources "restApiResources": Option<RestApiResources>,
        /// Shared parts of requests.
        request "request": Option<ApiRequest>,
        /// Whether the name is `<service>-<stage>` instead of `<stage>-<service>`.
        should_start_name_with_service "shouldStartNameWithService": Option<bool>,
        /// The stage of the API. Default: the service's.
        stage "stage": Option<String>,
        /// Milliseconds that an integration may take.
        timeout_in_millis "timeoutInMillis": Option<Bounded<50, { i64::MAX }>>,
        /// A usage plan, or several by name.
        usage_plan "usagePlan": Option<UsagePlans>,
        /// A WebSocket API that is there, to which the routes are added.
        websocket_api_id "websocketApiId": Option<Cf>,
    }
}

keywords! {
    /// Where the API key of a request comes from.
    pub enum ApiKeySource [ignore_case] {
        Header = "HEADER",
        Authorizer = "AUTHORIZER",
    }
}

object! {
    /// The endpoint of a REST API.
    pub struct ApiEndpoint {
        /// Where it is reached.
        kind "type": Option<super::provider::EndpointType>,
        /// The security policy of the endpoint.
        security_policy "securityPolicy": Option<String>,
        /// How strictly the host of a request is checked.
        access_mode "accessMode": Option<AccessMode>,
    }
}

keywords! {
    /// How strictly the host of a request is checked.
    pub enum AccessMode [ignore_case] {
        Basic = "BASIC",
        Strict = "STRICT",
        None = "",
    }
}

object! {
    /// Shared parts of requests.
    pub struct ApiRequest {
        /// Schemas by name, that events refer to.
        schemas "schemas": IndexMap<String, NamedSchema>,
    }
}

object! {
    /// A schema that events refer to by its key.
    pub struct NamedSchema {
        /// The JSON Schema.
        schema "schema": FreeMapping,
        /// The name of the model.
        name "name": Option<String>,
        /// What the model is for.
        description "description": Option<String>,
    }
}

alternatives! {
    /// Resources of an existing API: ids by path, or a list.
    pub enum RestApiResources {
        List(Vec<RestApiResource>),
        ByPath(IndexMap<String, Cf>),
    }
}

object! {
    /// A resource of an existing API.
    pub struct RestApiResource {
        /// Its path.
        path "path": String,
        /// Its id.
        resource_id "resourceId": Cf,
    }
}

/// API keys: plain ones, and those that belong to a named usage plan (`plan` is `None` for the plain ones).
#[derive(Clone, Debug, Default)]
pub struct ApiKeys(pub Vec<PlanKeys>);

/// The API keys of one usage plan.
#[derive(Clone, Debug)]
pub struct PlanKeys {
    /// The name of the plan; `None` for the only plan.
    pub plan: Option<String>,
    pub keys: Vec<Shorthand<ApiKey>>,
}

object! {
    /// An API key.
    pub struct ApiKey {
        /// The name.
        name "name": Option<Cf>,
        /// The key itself, at least 20 characters. Default: made by AWS.
        value "value": Option<Cf>,
        /// What it is for.
        description "description": Option<String>,
        /// The customer of the AWS Marketplace.
        customer_id "customerId": Option<String>,
        /// Whether it may be used.
        enabled "enabled" = true: Option<bool>,
    }
}

impl Short for ApiKey {
    const SHORT: &'static str = "the name of a key";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("name", node.clone())]))
    }
}

impl Decode for ApiKeys {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let Data::List(items) = &node.data else {
            cx.wrong_type(node, &Self::expects());
            return None;
        };
        let mut plain = PlanKeys { plan: None, keys: Vec::new() };
        let mut plans = Vec::new();
        for (index, item) in items.iter().enumerate() {
            cx.within_item(index, |cx| match &item.data {
                Data::Null => {}
                // `- free: [a, b]`: one key that is no property of an API key names a plan.
                Data::Map(map)
                    if map.len() == 1 && map.values().all(|entry| matches!(entry.value.data, Data::List(_))) =>
                {
                    for (plan, entry) in map {
                        let keys = cx.within(plan, |cx| Vec::decode(&entry.value, cx)).unwrap_or_default();
                        plans.push(PlanKeys { plan: Some(plan.clone()), keys });
                    }
                }
                _ => plain.keys.extend(Shorthand::<ApiKey>::decode(item, cx)),
            });
        }
        if !plain.keys.is_empty() {
            plans.insert(0, plain);
        }
        Some(Self(plans))
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::List(_))
    }

    fn expects() -> String {
        "a list of API keys, or of `plan: [keys]`".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let key = Shorthand::<ApiKey>::schema(schemas);
        let plan = json!({"type": "object", "maxProperties": 1,
            "additionalProperties": {"type": "array", "items": key.clone()}});
        json!({"type": "array", "items": {"anyOf": [key, plan]}})
    }
}

/// Usage plans: one without a name, or several by name.
#[derive(Clone, Debug)]
pub enum UsagePlans {
    One(Box<UsagePlan>),
    Named(IndexMap<String, UsagePlan>),
}

impl Decode for UsagePlans {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let Data::List(items) = &node.data else {
            if UsagePlan::fits(node) {
                return UsagePlan::decode(node, cx).map(|plan| Self::One(Box::new(plan)));
            }
            cx.wrong_type(node, &Self::expects());
            return None;
        };
        let mut plans = IndexMap::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(named) = cx.within_item(index, |cx| IndexMap::<String, UsagePlan>::decode(item, cx)) {
                plans.extend(named);
            }
        }
        Some(Self::Named(plans))
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::List(_)) || UsagePlan::fits(node)
    }

    fn expects() -> String {
        "a usage plan (`quota`, `throttle`), or a list of `name: plan`".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let plan = UsagePlan::schema(schemas);
        let named = json!({"type": "array", "items": {"type": "object", "additionalProperties": plan.clone()}});
        json!({"anyOf": [plan, named]})
    }
}

object! {
    /// A usage plan: how much and how fast the holders of its keys may call.
    pub struct UsagePlan {
        /// How many calls in a period.
        quota "quota": Option<Quota>,
        /// How fast.
        throttle "throttle": Option<Throttle>,
    }
}

object! {
    /// How many calls in a period.
    pub struct Quota {
        /// Calls.
        limit "limit": Option<Count>,
        /// Days into the period at which counting begins.
        offset "offset": Option<Count>,
        /// The period.
        period "period": Option<QuotaPeriod>,
    }
}

keywords! {
    /// The period of a quota.
    pub enum QuotaPeriod {
        Day = "DAY",
        Week = "WEEK",
        Month = "MONTH",
    }
}

object! {
    /// How fast calls may come.
    pub struct Throttle {
        /// Calls at once.
        burst_limit "burstLimit": Option<Count>,
        /// Calls a second.
        rate_limit "rateLimit": Option<f64>,
    }
}

object! {
    /// The HTTP API.
    pub struct HttpApi {
        /// An API that is there, to which the routes are added.
        id "id": Option<Cf>,
        /// The name. Default: `<stage>-<service>`.
        name "name": Option<String>,
        /// What the API is for.
        description "description": Option<String>,
        /// The payload format.
        payload "payload" = "2.0": Option<PayloadVersion>,
        /// Cross-origin rules; `true` allows every origin and the methods of the routes.
        cors "cors": Option<Toggle<HttpApiCors>>,
        /// Authorizers by name.
        authorizers "authorizers": IndexMap<String, HttpApiAuthorizer>,
        /// Whether detailed metrics are kept.
        metrics "metrics": Option<bool>,
        /// Whether the API gets `provider.tags`.
        use_provider_tags "useProviderTags": Option<bool>,
        /// Whether the address of AWS does not work.
        disable_default_endpoint "disableDefaultEndpoint": Option<bool>,
        /// Whether the name is `<service>-<stage>` instead of `<stage>-<service>`.
        should_start_name_with_service "shouldStartNameWithService": Option<bool>,
    }
    ignored {
        "timeout": "the timeout of an HTTP API follows from the function's"
    }
}

object! {
    /// Cross-origin rules of the HTTP API.
    pub struct HttpApiCors {
        /// Whether cookies and credentials are allowed.
        allow_credentials "allowCredentials": Option<bool>,
        /// Headers that requests may have.
        allowed_headers "allowedHeaders": Option<Vec<String>>,
        /// Methods that requests may use.
        allowed_methods "allowedMethods": Option<Vec<String>>,
        /// Origins that may call.
        allowed_origins "allowedOrigins": Option<Vec<String>>,
        /// Headers that a page may read.
        exposed_response_headers "exposedResponseHeaders": Option<Vec<String>>,
        /// Seconds that a browser may keep the answer to a preflight request.
        max_age "maxAge": Option<Count>,
    }
}

object! {
    /// An authorizer of the HTTP API: `jwt` or `request`.
    pub struct HttpApiAuthorizer {
        /// `jwt` (default) or `request`.
        kind "type" = "jwt": Option<HttpApiAuthorizerKind>,
        /// The name. Default: the key.
        name "name": Option<String>,
        /// Where the token or the identity comes from: `$request.header.Authorization`.
        identity_source "identitySource": Option<CfList>,
        /// `jwt`: who issues the tokens.
        issuer_url "issuerUrl": Option<Cf>,
        /// `jwt`: whom the tokens are for.
        audience "audience": Option<CfList>,
        /// `request`: a function of the service.
        function_name "functionName": Option<String>,
        /// `request`: a function elsewhere.
        function_arn "functionArn": Option<Cf>,
        /// `request`: whether the permission to call that function is left to others.
        managed_externally "managedExternally": Option<bool>,
        /// `request`: seconds that an answer is kept.
        result_ttl_in_seconds "resultTtlInSeconds": Option<Bounded<0, 3600>>,
        /// `request`: whether the function answers with a boolean instead of a policy.
        enable_simple_responses "enableSimpleResponses": Option<bool>,
        /// `request`: the payload format.
        payload_version "payloadVersion" = "2.0": Option<PayloadVersion>,
    }
}

keywords! {
    /// The kind of an HTTP API's authorizer.
    pub enum HttpApiAuthorizerKind {
        Jwt = "jwt",
        Request = "request",
    }
}
