//! What a WebSocket API is made of, beneath it: `AWS::ApiGatewayV2::Integration`, `Route`, `RouteResponse`, `Authorizer`
//! and `Deployment`. Also for APIs of others, to which a service adds routes.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html>
//!
//! All of them are found by what sets them apart in their API: a route by its key, an authorizer by its name, an
//! integration by what it calls, a deployment by the logical id at the end of its description.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use super::api::{self, api_of};
use super::{decode, encode};
use crate::aws::client::Aws;
use crate::aws::kinds::Findable;
use crate::aws::kinds::json::{changed, expect, member};
use crate::aws::kinds::properties::{boolean_in_place, drop_empty, number_in_place, required, text};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// One kind of part.
#[derive(Debug)]
pub struct Shape {
    /// `AWS::ApiGatewayV2::Route`
    type_name: &'static str,
    /// `routes`, in paths.
    collection: &'static str,
    /// `routeId`, in answers.
    id: &'static str,
    /// The attribute that holds it.
    attribute: &'static str,
    create: &'static str,
    read: &'static str,
    update: &'static str,
    delete: &'static str,
    properties: &'static [&'static str],
    /// The property that sets it apart in its API.
    key: &'static str,
    traits: &'static [PropertyTrait],
    /// Properties and what is sent when they lost their value.
    clears: &'static [(&'static str, &'static str)],
}

/// `AWS::ApiGatewayV2::Integration`
pub const INTEGRATION: Shape = Shape {
    type_name: "AWS::ApiGatewayV2::Integration",
    collection: "integrations",
    id: "integrationId",
    attribute: "IntegrationId",
    create: "CreateIntegration",
    read: "GetIntegrations",
    update: "UpdateIntegration",
    delete: "DeleteIntegration",
    properties: &[
        "ConnectionId",
        "ConnectionType",
        "ContentHandlingStrategy",
        "CredentialsArn",
        "Description",
        "IntegrationMethod",
        "IntegrationSubtype",
        "IntegrationType",
        "IntegrationUri",
        "PassthroughBehavior",
        "PayloadFormatVersion",
        "RequestParameters",
        "RequestTemplates",
        "TemplateSelectionExpression",
        "TimeoutInMillis",
    ],
    key: "IntegrationUri",
    traits: &[("ApiId", Trait::Immutable), ("IntegrationUri", Trait::Immutable)],
    clears: &[("CredentialsArn", ""), ("Description", ""), ("ConnectionId", "")],
};

/// `AWS::ApiGatewayV2::Route`
pub const ROUTE: Shape = Shape {
    type_name: "AWS::ApiGatewayV2::Route",
    collection: "routes",
    id: "routeId",
    attribute: "RouteId",
    create: "CreateRoute",
    read: "GetRoutes",
    update: "UpdateRoute",
    delete: "DeleteRoute",
    properties: &[
        "ApiKeyRequired",
        "AuthorizationScopes",
        "AuthorizationType",
        "AuthorizerId",
        "ModelSelectionExpression",
        "OperationName",
        "RouteKey",
        "RouteResponseSelectionExpression",
        "Target",
    ],
    key: "RouteKey",
    traits: &[
        ("ApiId", Trait::Immutable),
        ("RouteKey", Trait::Immutable),
        // What is answered cannot be taken back from a route.
        ("RouteResponseSelectionExpression", Trait::Immutable),
        ("AuthorizationScopes", Trait::Unordered),
    ],
    clears: &[("OperationName", ""), ("ModelSelectionExpression", "")],
};

/// `AWS::ApiGatewayV2::Authorizer`
pub const AUTHORIZER: Shape = Shape {
    type_name: "AWS::ApiGatewayV2::Authorizer",
    collection: "authorizers",
    id: "authorizerId",
    attribute: "AuthorizerId",
    create: "CreateAuthorizer",
    read: "GetAuthorizers",
    update: "UpdateAuthorizer",
    delete: "DeleteAuthorizer",
    properties: &[
        "AuthorizerCredentialsArn",
        "AuthorizerPayloadFormatVersion",
        "AuthorizerResultTtlInSeconds",
        "AuthorizerType",
        "AuthorizerUri",
        "EnableSimpleResponses",
        "IdentitySource",
        "JwtConfiguration",
        "Name",
    ],
    key: "Name",
    traits: &[
        ("ApiId", Trait::Immutable),
        ("Name", Trait::Immutable),
        ("AuthorizerType", Trait::Immutable),
        ("IdentitySource", Trait::Unordered),
    ],
    clears: &[("AuthorizerCredentialsArn", "")],
};

/// `AWS::ApiGatewayV2::RouteResponse`
pub const ROUTE_RESPONSE: Shape = Shape {
    type_name: "AWS::ApiGatewayV2::RouteResponse",
    collection: "routeresponses",
    id: "routeResponseId",
    attribute: "RouteResponseId",
    create: "CreateRouteResponse",
    read: "GetRouteResponses",
    update: "UpdateRouteResponse",
    delete: "DeleteRouteResponse",
    properties: &["ModelSelectionExpression", "ResponseModels", "ResponseParameters", "RouteResponseKey"],
    key: "RouteResponseKey",
    traits: &[("ApiId", Trait::Immutable), ("RouteId", Trait::Immutable), ("RouteResponseKey", Trait::Immutable)],
    clears: &[],
};

/// `AWS::ApiGatewayV2::Deployment`
pub const DEPLOYMENT: Shape = Shape {
    type_name: "AWS::ApiGatewayV2::Deployment",
    collection: "deployments",
    id: "deploymentId",
    attribute: "DeploymentId",
    create: "CreateDeployment",
    read: "GetDeployments",
    update: "UpdateDeployment",
    delete: "DeleteDeployment",
    properties: &["Description", "StageName"],
    key: "",
    traits: &[("ApiId", Trait::Immutable), ("StageName", Trait::WriteOnly), ("Description", Trait::WriteOnly)],
    clears: &[],
};

const APIS: &str = "arn:${Partition}:apigateway:${Region}::/apis/*";

/// Reads, makes, changes and deletes parts of one kind.
pub struct Part {
    aws: Arc<Aws>,
    shape: &'static Shape,
}

impl Part {
    pub fn new(aws: Arc<Aws>, shape: &'static Shape) -> Self {
        Self { aws, shape }
    }

    /// Where parts of this kind are listed: a route's answers beneath their route.
    fn collection(&self, api: &str, properties: &Value) -> Option<String> {
        let name = self.shape.collection;
        if self.shape.type_name != ROUTE_RESPONSE.type_name {
            return Some(format!("{}/{name}", api::path(api)));
        }
        let route = properties.get("RouteId")?.text()?;
        Some(format!("{}/routes/{}/{name}", api::path(api), segment(route)))
    }

    async fn list(&self, collection: &str) -> Result<Vec<Json>, Failure> {
        let request = Signed::rest("GET", collection).query("maxResults", "500");
        self.aws.pages("apigatewayv2", self.shape.read, request, ("nextToken", "nextToken"), "items").await
    }

    /// The parts of an API.
    pub(super) async fn of(&self, api: &str) -> Result<Vec<Json>, Failure> {
        self.list(&format!("{}/{}", api::path(api), self.shape.collection)).await
    }

    /// A part of ours in an API of somebody else's.
    pub(super) fn in_others(&self, api: &str, answer: &Json) -> Option<Live> {
        self.live(api, &Value::Null, answer, None)
    }

    /// The answers of a route of ours in an API of somebody else's.
    pub(super) async fn of_route(&self, api: &str, route: &Json) -> Result<Vec<Live>, Failure> {
        let owner = route_id(member(route, "routeId").unwrap_or_default());
        let Some(collection) = self.collection(api, &owner) else { return Ok(Vec::new()) };
        let all = self.list(&collection).await?;
        Ok(all.iter().filter_map(|answer| self.live(api, &owner, answer, None)).collect())
    }

    /// What sets a live part apart: the value of its key, or the logical id at the end of its description.
    fn key_of(&self, answer: &Json) -> Option<String> {
        if self.shape.key.is_empty() {
            return member(answer, "description").and_then(logical_id_in).map(str::to_owned);
        }
        text(&Value::Map(decode(answer, &[self.shape.key])), &[self.shape.key])
    }

    fn key_wanted(&self, desired: &Desired) -> Option<String> {
        match self.shape.key {
            "" => Some(desired.address.logical_id.clone()),
            key => desired.properties.get(key)?.text().map(str::to_owned),
        }
    }

    /// `api/key`, or `api/route/key`.
    fn name(&self, api: &str, properties: &Value, key: &str) -> Option<String> {
        if self.shape.type_name != ROUTE_RESPONSE.type_name {
            return Some(format!("{api}/{key}"));
        }
        Some(format!("{api}/{}/{key}", properties.get("RouteId")?.text()?))
    }

    fn live(&self, api: &str, owner: &Value, answer: &Json, address: Option<Address>) -> Option<Live> {
        let key = self.key_of(answer)?;
        let mut map = decode(answer, self.shape.properties);
        map.insert("ApiId".to_owned(), Value::string(api));
        if let Some(route) = owner.get("RouteId") {
            map.insert("RouteId".to_owned(), route.clone());
        }
        normalise(&mut map);
        let id = member(answer, self.shape.id).unwrap_or_default();
        let logical_id = if self.shape.key.is_empty() { key.clone() } else { format!("{api}:{key}") };
        Some(Live {
            address: address.unwrap_or_else(|| Address::new(self.shape.type_name, logical_id)),
            physical_id: self.name(api, owner, &key)?,
            properties: Value::Map(map),
            attributes: attributes(self.shape, id),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn find(&self, desired: &Desired) -> Result<Option<Json>, Failure> {
        let properties = &desired.properties;
        let (Some(api), Some(key)) = (api_of(properties), self.key_wanted(desired)) else { return Ok(None) };
        let Some(collection) = self.collection(&api, properties) else { return Ok(None) };
        let all = self.list(&collection).await?;
        Ok(all.into_iter().find(|answer| self.key_of(answer).as_ref() == Some(&key)))
    }

    /// Routes are read one by one only in an API that is somebody else's. One that leads to a function of another service
    /// is not ours to change.
    async fn refuse_foreign(&self, api: &str, route: &Json, desired: &Desired) -> Result<(), Failure> {
        let target = member(route, "target").unwrap_or_default();
        if self.shape.type_name != ROUTE.type_name || text(&desired.properties, &["Target"]).as_deref() == Some(target)
        {
            return Ok(());
        }
        let integrations = Self { aws: Arc::clone(&self.aws), shape: &INTEGRATION }.of(api).await?;
        let is_target =
            |one: &&Json| member(one, "integrationId").is_some_and(|id| target == format!("integrations/{id}"));
        let uri = integrations.iter().find(is_target).and_then(|one| member(one, "integrationUri")).unwrap_or_default();
        if uri.contains(&format!(":function:{}", self.aws.scope().prefix())) {
            return Ok(());
        }
        let text = format!(
            "the API {api} has the route {} already, and it is somebody else's",
            member(route, "routeKey").unwrap_or_default()
        );
        Err(Failure::new(Reason::NotOurs, text).help("give the route another path, or take it out of the API first"))
    }

    /// The path of a live part.
    fn place(&self, live: &Live) -> Result<String, Failure> {
        let missing = || Failure::new(Reason::Bug, format!("no id of {}", live.address));
        let id = live.attributes.get("Ref").and_then(Value::text).ok_or_else(missing)?;
        let api = required(&live.properties, "ApiId")?;
        let collection = self.collection(&api, &live.properties).ok_or_else(missing)?;
        Ok(format!("{collection}/{}", segment(id)))
    }
}

/// The properties that say which route an answer is of.
fn route_id(id: &str) -> Value {
    Value::Map(BTreeMap::from([("RouteId".to_owned(), Value::string(id))]))
}

fn attributes(shape: &Shape, id: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(id)), (shape.attribute.to_owned(), Value::string(id))])
}

/// A deployment's description with the logical id by which it is found again.
fn described(description: Option<&str>, logical_id: &str) -> String {
    format!("{} [{logical_id}]", description.unwrap_or_default()).trim_start().to_owned()
}

fn logical_id_in(description: &str) -> Option<&str> {
    let (_, id) = description.strip_suffix(']')?.rsplit_once('[')?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    for key in ["TimeoutInMillis", "AuthorizerResultTtlInSeconds"] {
        if let Some(value) = properties.get_mut(key) {
            number_in_place(value);
        }
    }
    for key in ["ApiKeyRequired", "EnableSimpleResponses"] {
        if let Some(value) = properties.get_mut(key) {
            boolean_in_place(value);
        }
    }
    drop_empty(properties, &[]);
    // What API Gateway answers when nothing is said.
    for (key, defaults) in [
        ("ApiKeyRequired", &[Value::Bool(false)][..]),
        ("AuthorizationType", &[Value::string("NONE")]),
        ("AuthorizerResultTtlInSeconds", &[Value::Number(0.into()), Value::Number(300.into())]),
        ("ConnectionType", &[Value::string("INTERNET")]),
        ("EnableSimpleResponses", &[Value::Bool(false)]),
        ("IntegrationMethod", &[Value::string("POST")]),
        ("PassthroughBehavior", &[Value::string("WHEN_NO_MATCH")]),
        ("PayloadFormatVersion", &[Value::string("1.0")]),
        ("TimeoutInMillis", &[Value::Number(29_000.into()), Value::Number(30_000.into())]),
    ] {
        if properties.get(key).is_some_and(|value| defaults.contains(value)) {
            properties.remove(key);
        }
    }
    if !properties.contains_key("AuthorizationType") {
        properties.remove("AuthorizerId");
    }
    // WebSockets know one format only, whatever is answered.
    let uri = properties.get("IntegrationUri").and_then(Value::text).unwrap_or_default();
    if uri.contains(":apigateway:") {
        properties.remove("PayloadFormatVersion");
    }
    properties.remove("AuthorizerPayloadFormatVersion");
}

/// The body of an update: what changed, with what was taken away set back.
fn update(shape: &Shape, wanted: &Value, fields: &[FieldChange]) -> Map<String, Json> {
    let changed = changed(fields);
    let keys: Vec<&str> = shape.properties.iter().copied().filter(|key| changed.contains(key)).collect();
    let mut body = encode(wanted, &keys);
    let mut clear = |key: &str, value: Json| {
        if keys.contains(&key) && wanted.get(key).is_none() {
            let name: String = key.chars().take(1).flat_map(char::to_lowercase).chain(key.chars().skip(1)).collect();
            body.insert(name, value);
        }
    };
    for (key, value) in shape.clears {
        clear(key, json!(value));
    }
    for (key, value) in [
        ("ApiKeyRequired", json!(false)),
        ("AuthorizationType", json!("NONE")),
        ("AuthorizationScopes", json!([])),
        ("AuthorizerId", json!("")),
        ("AuthorizerResultTtlInSeconds", json!(300)),
        ("EnableSimpleResponses", json!(false)),
        ("IdentitySource", json!([])),
        ("PassthroughBehavior", json!("WHEN_NO_MATCH")),
        ("PayloadFormatVersion", json!("1.0")),
        ("TimeoutInMillis", json!(29_000)),
    ] {
        clear(key, value);
    }
    // A route whose authorizer is gone does not keep its id.
    if body.get("authorizationType") == Some(&json!("NONE")) {
        body.remove("authorizerId");
    }
    body
}

impl Findable for Part {}

#[async_trait]
impl Kind for Part {
    fn type_name(&self) -> &'static str {
        self.shape.type_name
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        self.shape.traits
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            // The payload of an HTTP API is said, not assumed: its default is another one than a WebSocket's.
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        self.name(&api_of(&desired.properties)?, &desired.properties, &self.key_wanted(desired)?)
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(api) = api_of(&desired.properties) else { return Ok(None) };
        let found = self.find(desired).await?;
        if let Some(found) = &found {
            self.refuse_foreign(&api, found, desired).await?;
        }
        Ok(found.and_then(|answer| self.live(&api, &desired.properties, &answer, Some(desired.address.clone()))))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        // The parts of an HTTP API are its document.
        if text(&parent.properties, &["ProtocolType"]).as_deref() != Some("WEBSOCKET") {
            return Ok(Vec::new());
        }
        let api = parent.physical_id.as_str();
        let mut owners = vec![Value::Null];
        if self.shape.type_name == ROUTE_RESPONSE.type_name {
            let routes = Self { aws: Arc::clone(&self.aws), shape: &ROUTE };
            let routes = routes.list(&format!("{}/routes", api::path(api))).await?;
            owners = routes
                .iter()
                .filter(|route| member(route, "routeResponseSelectionExpression").is_some())
                .filter_map(|route| member(route, "routeId"))
                .map(route_id)
                .collect();
        }
        let mut found = Vec::new();
        for owner in owners {
            let Some(collection) = self.collection(api, &owner) else { continue };
            let all = self.list(&collection).await?;
            found.extend(all.iter().filter_map(|answer| {
                let mut live = self.live(api, &owner, answer, None)?;
                live.parent = Some(parent.address.logical_id.clone());
                Some(live)
            }));
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(api::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        match self.shape.type_name {
            // A route holds on to what it leads to.
            "AWS::ApiGatewayV2::Integration" | "AWS::ApiGatewayV2::Authorizer" => &["AWS::ApiGatewayV2::Route"],
            _ => &[],
        }
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        // Changes of one API at the same time are refused.
        text(properties, &["ApiId"]).map(|api| format!("apigatewayv2 {api}"))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let api = required(&wanted, "ApiId")?;
        let missing = || Failure::new(Reason::Invalid, format!("{} has no place in its API", desired.address));
        let key = self.key_wanted(desired).ok_or_else(missing)?;
        let collection = self.collection(&api, &wanted).ok_or_else(missing)?;
        let mut body = encode(&wanted, self.shape.properties);
        if self.shape.key.is_empty() {
            body.insert("description".to_owned(), described(text(&wanted, &["Description"]).as_deref(), &key).into());
        }
        let request = Signed::rest("POST", collection).body(Json::Object(body));
        let call = self.aws.call("apigatewayv2", self.shape.create).progress(progress);
        let answer = call.create(|| self.find(desired), || self.aws.signed("apigatewayv2", request.clone())).await?;
        let id = expect(&answer, self.shape.id, self.shape.create)?;
        Ok(Live::made(
            desired,
            attributes(self.shape, &id),
            self.name(&api, &wanted, &key).ok_or_else(missing)?,
            wanted,
        ))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let body = update(self.shape, &wanted, fields);
        if !body.is_empty() {
            let request = Signed::rest("PATCH", self.place(live)?).body(Json::Object(body));
            self.aws.ask("apigatewayv2", self.shape.update, &request, progress).await?;
        }
        Ok(Live { address: desired.address.clone(), properties: wanted, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("DELETE", self.place(live)?);
        let call = self.aws.call("apigatewayv2", self.shape.delete).progress(progress);
        call.find(|| self.aws.signed("apigatewayv2", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: APIS }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            needs(Step::Create, "apigateway:POST"),
            needs(Step::Update, "apigateway:PATCH"),
            needs(Step::Delete, "apigateway:DELETE"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    #[test]
    fn a_deployment_is_found_by_the_logical_id_in_its_description() {
        let text = described(Some("Serverless Websockets"), "WebsocketsDeployment12ab");
        assert_eq!(text, "Serverless Websockets [WebsocketsDeployment12ab]");
        assert_eq!(logical_id_in(&text), Some("WebsocketsDeployment12ab"));
        assert_eq!(logical_id_in(&described(None, "A")), Some("A"));
        assert_eq!(logical_id_in("Automatic deployment [of something]"), None);
    }

    #[test]
    fn what_api_gateway_fills_in_is_no_difference() {
        let answer = json!({
            "integrationId": "i", "connectionType": "INTERNET", "integrationMethod": "POST", "timeoutInMillis": 29000,
            "integrationType": "AWS_PROXY", "integrationUri": "u", "passthroughBehavior": "WHEN_NO_MATCH",
            "payloadFormatVersion": "1.0",
        });
        let mut live = decode(&answer, INTEGRATION.properties);
        normalise(&mut live);
        assert_eq!(Value::Map(live), tree_of(json!({ "IntegrationType": "AWS_PROXY", "IntegrationUri": "u" })));
    }

    #[test]
    fn an_authorizer_can_be_taken_from_a_route() {
        let field = |path: &str| FieldChange {
            path: path.to_owned(),
            before: None,
            after: None,
            sensitive: false,
            bookkeeping: false,
            told: None,
        };
        let wanted = tree_of(json!({ "ApiId": "a", "RouteKey": "$connect" }));
        let body = update(&ROUTE, &wanted, &[field("AuthorizationType"), field("AuthorizerId")]);
        assert_eq!(Json::Object(body), json!({ "authorizationType": "NONE" }));
        let body = update(&AUTHORIZER, &wanted, &[field("AuthorizerResultTtlInSeconds"), field("IdentitySource")]);
        assert_eq!(Json::Object(body), json!({ "authorizerResultTtlInSeconds": 300, "identitySource": [] }));
    }
}
