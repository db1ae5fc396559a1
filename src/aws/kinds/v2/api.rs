//! `AWS::ApiGatewayV2::Api`. The routes of an HTTP API are its `Body`, an OpenAPI document that goes up in one call.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-api.html>
//!
//! APIs have no unique names: ours is the one with our tags. What is live is what the API exports; the tags `hoist:body`
//! and `hoist:export` say which document was put up and what was exported then.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::{TAGS, decode, encode, stage};
use crate::aws::client::Aws;
use crate::aws::kinds::domains::mapping::{self, is_mark};
use crate::aws::kinds::json::{Retag, changed, expect, member, retag, tags_of, where_allowed};
use crate::aws::kinds::openapi::{self, BODY, EXPORT, is_deployed};
use crate::aws::kinds::properties::{
    boolean_in_place, default_to, drop_empty, from_json, number_in_place, own_tags, tags_to_map, text, text_map,
};
use crate::aws::kinds::rest_api::{OF_TAGS, arn};
use crate::aws::kinds::{Findable, after, alias, function};
use crate::aws::ownership::{ID, SERVICE, STAGE, is_reserved};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `AWS::ApiGatewayV2::Api`
pub const TYPE: &str = "AWS::ApiGatewayV2::Api";

/// Everything but `Body` and `Tags`.
const PROPERTIES: &[&str] = &[
    "ApiKeySelectionExpression",
    "CorsConfiguration",
    "Description",
    "DisableExecuteApiEndpoint",
    "DisableSchemaValidation",
    "IpAddressType",
    "Name",
    "ProtocolType",
    "RouteSelectionExpression",
    "Version",
];

const APIS: &str = "arn:${Partition}:apigateway:${Region}::/apis*";

/// Reads, makes, changes and deletes HTTP and WebSocket APIs.
pub struct Api {
    aws: Arc<Aws>,
}

/// `/v2/apis/abc`
pub(super) fn path(api: &str) -> String {
    format!("/v2/apis/{}", segment(api))
}

/// The APIs of the account, as they are now.
async fn all(aws: &Aws) -> Result<Vec<Json>, Failure> {
    let request = Signed::rest("GET", "/v2/apis").query("maxResults", "500");
    aws.pages("apigatewayv2", "GetApis", request, ("nextToken", "nextToken"), "items").await
}

/// The same as they were when this run first asked.
pub(super) async fn listed(aws: &Aws) -> Result<Arc<Vec<Json>>, Failure> {
    let cell = aws.run.v2_apis();
    cell.get_or_try_init(|| async { all(aws).await.map(Arc::new) }).await.cloned()
}

impl Api {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// Those of them that carry our marks.
    fn with_our_tags(&self, all: &[Json]) -> Vec<Json> {
        let scope = self.aws.scope();
        let is_ours = |api: &&Json| scope.ownership(&tags_of(api.get("tags"))) == Ownership::Ours;
        all.iter().filter(is_ours).cloned().collect()
    }

    /// Our API of that logical id among these. Two of them are one too many to guess.
    fn ours(&self, all: &[Json], logical_id: &str) -> Result<Option<Json>, Failure> {
        let mut found = self.with_our_tags(all);
        found.retain(|api| tags_of(api.get("tags")).get(ID).map(String::as_str) == Some(logical_id));
        if found.len() > 1 {
            let ids: Vec<&str> = found.iter().filter_map(|api| member(api, "apiId")).collect();
            let text = format!("{} APIs carry the tags of {logical_id}: {}", ids.len(), ids.join(", "));
            return Err(Failure::new(Reason::Conflict, text)
                .help("delete the one that is not in use, or take the hoist: tags off it"));
        }
        Ok(found.pop())
    }

    /// The routes of an HTTP API as a document. `None` where it cannot be exported.
    async fn export(&self, api: &str) -> Result<Option<Json>, Failure> {
        let request = Signed::rest("GET", format!("{}/exports/OAS30", path(api)))
            .query("outputType", "JSON")
            .query("includeExtensions", "true");
        self.aws.look_for("apigatewayv2", "ExportApi", &request).await
    }

    async fn live(&self, api: &Json, desired: Option<&Desired>) -> Result<Live, Failure> {
        let id = expect(api, "apiId", "apigatewayv2.GetApis")?;
        let tags = tags_of(api.get("tags"));
        let mut map = decode(api, PROPERTIES);
        normalise(&mut map);
        if let Some(wanted) = desired.and_then(|desired| desired.properties.get("Body")) {
            // Whoever reads the stages next finds them here.
            let (export, _) = tokio::try_join!(self.export(&id), stage::listed(&self.aws, &id))?;
            let body = match export {
                Some(export) if is_deployed(&export, wanted, &tags) => wanted.clone(),
                Some(export) => openapi::live(&export, wanted),
                // An API that cannot be exported is what was put up last.
                None if tags.contains_key(BODY) && openapi::digest(wanted).as_ref() == tags.get(BODY) => wanted.clone(),
                None => Value::Null,
            };
            map.insert("Body".to_owned(), body);
        }
        let mut shown = tags.clone();
        shown.remove(BODY);
        shown.remove(EXPORT);
        let domains = mapping::take_marks(&mut shown);
        map.insert("Tags".to_owned(), own_tags(&shown));
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        Ok(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(&id)),
            attributes: attributes(api, &id).into_iter().chain(domains).collect(),
            physical_id: id,
            properties: Value::Map(map),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    /// Puts the whole document up, with all tags in it: whether they replace those of the API or come on top, the answer
    /// says.
    async fn put(&self, api: &str, properties: &Value, id: &str, progress: &Progress) -> Result<(), Failure> {
        let mut tags = self.marked(properties, id);
        tags.extend(properties.get("Body").and_then(openapi::digest).map(|digest| (BODY.to_owned(), digest)));
        let document = openapi::http(properties, &tags);
        let request = Signed::rest("PUT", path(api)).body(json!({ "body": document.to_string() }));
        let answer = self.aws.ask("apigatewayv2", "ReimportApi", &request, progress).await?;
        let live = tags_of(answer.get("tags"));
        let is_left = |key: &&String| !tags.contains_key(*key) && *key != EXPORT && !is_mark(key) && !is_reserved(key);
        let remove = live.keys().filter(is_left).cloned().collect();
        let set = tags.into_iter().filter(|(key, value)| live.get(key) != Some(value)).collect();
        self.retag(api, &Retag { set, remove }, progress).await
    }

    /// The tags of an API. Without our marks it could not be found again.
    fn marked(&self, properties: &Value, id: &str) -> BTreeMap<String, String> {
        let mut tags = text_map(properties, &["Tags"]);
        let scope = self.aws.scope();
        for (key, value) in [(SERVICE, scope.service.as_str()), (STAGE, &scope.stage), (ID, id)] {
            tags.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        tags
    }

    async fn retag(&self, api: &str, change: &Retag, progress: &Progress) -> Result<(), Failure> {
        let arn = arn(&self.aws, &format!("/apis/{api}"));
        retag(&self.aws, TAGS, ("tags", "tagKeys"), &arn, change, progress).await
    }
}

fn attributes(api: &Json, id: &str) -> BTreeMap<String, Value> {
    let mut attributes =
        BTreeMap::from([("Ref".to_owned(), Value::string(id)), ("ApiId".to_owned(), Value::string(id))]);
    if let Some(endpoint) = api.get("apiEndpoint") {
        attributes.insert("ApiEndpoint".to_owned(), from_json(endpoint.clone()));
    }
    attributes
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(Value::String(text)) = properties.get("Body")
        && let Ok(body @ Json::Object(_)) = serde_json::from_str(text)
    {
        properties.insert("Body".to_owned(), from_json(body));
    }
    // Of the request, not of the API.
    for key in ["FailOnWarnings", "BasePath", "BodyS3Location"] {
        properties.remove(key);
    }
    for key in ["DisableExecuteApiEndpoint", "DisableSchemaValidation"] {
        if let Some(value) = properties.get_mut(key) {
            boolean_in_place(value);
        }
        if properties.get(key) == Some(&Value::Bool(false)) {
            properties.remove(key);
        }
    }
    if let Some(Value::Map(cors)) = properties.get_mut("CorsConfiguration") {
        if let Some(value) = cors.get_mut("MaxAge") {
            number_in_place(value);
        }
        if cors.get("AllowCredentials") == Some(&Value::Bool(false)) {
            cors.remove("AllowCredentials");
        }
        if cors.get("MaxAge") == Some(&Value::Number(0.into())) {
            cors.remove("MaxAge");
        }
        // Names of headers have no case, and API Gateway lowers them.
        for key in ["AllowHeaders", "ExposeHeaders"] {
            if let Some(Value::List(names)) = cors.get_mut(key) {
                for name in names {
                    if let Value::String(name) = name {
                        *name = name.to_lowercase();
                    }
                }
            }
        }
    }
    if properties.get("IpAddressType").and_then(Value::text) == Some("ipv4") {
        properties.remove("IpAddressType");
    }
    // The document's own version and API Gateway's defaults say nothing.
    properties.remove("Version");
    drop_empty(properties, &["Body"]);
    default_to(properties, "ProtocolType", Value::string("HTTP"));
    default_to(properties, "ApiKeySelectionExpression", Value::string("$request.header.x-api-key"));
    if properties.get("ProtocolType").and_then(Value::text) == Some("HTTP") {
        default_to(properties, "RouteSelectionExpression", Value::string("$request.method $request.path"));
    }
}

#[async_trait]
impl Findable for Api {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "apigateway", "/apis/").filter(|id| !id.contains('/')).map(str::to_owned)
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        if !self.aws.run.may_be_untold(TYPE) {
            return Ok(Vec::new());
        }
        let all = where_allowed(listed(&self.aws).await.map(|all| self.with_our_tags(&all)))?;
        Ok(all.iter().filter_map(|api| Some((TYPE, member(api, "apiId")?.to_owned()))).collect())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        match self.aws.look_for("apigatewayv2", "GetApi", &Signed::rest("GET", path(physical_id))).await? {
            Some(api) => self.live(&api, None).await.map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Kind for Api {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("ProtocolType", Trait::Immutable),
            ("CorsConfiguration.AllowHeaders", Trait::Unordered),
            ("CorsConfiguration.AllowMethods", Trait::Unordered),
            ("CorsConfiguration.AllowOrigins", Trait::Unordered),
            ("CorsConfiguration.ExposeHeaders", Trait::Unordered),
        ]
    }

    fn tell(&self, live: &Value, desired: &Value, fields: Vec<FieldChange>) -> Vec<FieldChange> {
        openapi::tell(live, desired, fields)
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, _: &Desired) -> Option<String> {
        None
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    /// API Gateway looks for the functions of a document only when they are called.
    fn only_names(&self, type_name: &str) -> bool {
        [alias::TYPE, function::TYPE].contains(&type_name)
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        match self.ours(&listed(&self.aws).await?, &desired.address.logical_id)? {
            Some(api) => self.live(&api, Some(desired)).await.map(Some),
            None => Ok(None),
        }
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        // An API that a domain leads to cannot be deleted.
        &[mapping::API.type_name]
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let id = desired.address.logical_id.as_str();
        let mut body = encode(&wanted, PROPERTIES);
        body.insert("tags".to_owned(), json!(self.marked(&wanted, id)));
        let request = Signed::rest("POST", "/v2/apis").body(Json::Object(body));
        let find = || async { self.ours(&all(&self.aws).await?, id) };
        let api = match find().await? {
            Some(api) => api,
            None => {
                let call = self.aws.call("apigatewayv2", "CreateApi").progress(progress);
                call.create(find, || self.aws.signed("apigatewayv2", request.clone())).await?
            }
        };
        let physical_id = expect(&api, "apiId", "apigatewayv2.CreateApi")?;
        if wanted.get("Body").is_some() {
            self.put(&physical_id, &wanted, id, progress).await?;
        }
        Ok(Live::made(desired, attributes(&api, &physical_id), physical_id, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let api = live.physical_id.as_str();
        let changed = changed(fields);
        let settings: Vec<&str> = PROPERTIES.iter().copied().filter(|key| changed.contains(key)).collect();
        if changed.contains("Body") {
            self.put(api, &wanted, &desired.address.logical_id, progress).await?;
            // Says what the API looks like now, so that what API Gateway fills in is never taken for a change.
            if let Some(export) = self.export(api).await? {
                let note = (EXPORT.to_owned(), openapi::export_digest(&export));
                self.retag(api, &Retag { set: BTreeMap::from([note]), ..Retag::default() }, progress).await?;
            }
        }
        let in_document = ["Name", "Description", "CorsConfiguration"];
        let rest: Vec<&str> = match changed.contains("Body") {
            true => settings.iter().copied().filter(|key| !in_document.contains(key)).collect(),
            false => settings,
        };
        if changed.contains("CorsConfiguration") && wanted.get("CorsConfiguration").is_none() {
            let request = Signed::rest("DELETE", format!("{}/cors", path(api)));
            self.aws.look_for("apigatewayv2", "DeleteCorsConfiguration", &request).await?;
        }
        let mut body = encode(&wanted, &rest);
        for (key, member, cleared) in [
            ("Description", "description", json!("")),
            ("DisableExecuteApiEndpoint", "disableExecuteApiEndpoint", json!(false)),
            ("DisableSchemaValidation", "disableSchemaValidation", json!(false)),
            ("IpAddressType", "ipAddressType", json!("ipv4")),
        ] {
            if rest.contains(&key) {
                body.entry(member).or_insert(cleared);
            }
        }
        if !body.is_empty() {
            let request = Signed::rest("PATCH", path(api)).body(Json::Object(body));
            self.aws.ask("apigatewayv2", "UpdateApi", &request, progress).await?;
        }
        if changed.contains("Tags") && !changed.contains("Body") {
            self.retag(api, &Retag::between(&live.properties, &wanted), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("DELETE", path(&live.physical_id));
        let call = self.aws.call("apigatewayv2", "DeleteApi").progress(progress);
        call.find(|| self.aws.signed("apigatewayv2", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: APIS }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            needs(Step::Create, "apigateway:POST"),
            needs(Step::Create, "apigateway:PUT"),
            needs(Step::Create, "apigateway:TagResource"),
            Permission { step: Step::Create, action: "apigateway:POST", resource: OF_TAGS },
            needs(Step::Update, "apigateway:PUT"),
            needs(Step::Update, "apigateway:PATCH"),
            Permission { step: Step::Update, action: "apigateway:POST", resource: OF_TAGS },
            Permission { step: Step::Update, action: "apigateway:DELETE", resource: OF_TAGS },
            needs(Step::Delete, "apigateway:DELETE"),
        ];
        ALL
    }
}

/// The text of a property that says which API something belongs to.
pub(super) fn api_of(properties: &Value) -> Option<String> {
    properties.get("ApiId")?.text().map(str::to_owned).or_else(|| text(properties, &["ApiId"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    #[test]
    fn what_api_gateway_answers_is_what_the_file_says() {
        let mut live = decode(
            &json!({
                "apiId": "a", "name": "dev-shop", "protocolType": "HTTP", "disableExecuteApiEndpoint": false,
                "routeSelectionExpression": "$request.method $request.path", "apiEndpoint": "https://x",
                "apiKeySelectionExpression": "$request.header.x-api-key", "version": "1.0", "ipAddressType": "ipv4",
                "corsConfiguration": { "allowHeaders": ["content-type"], "allowOrigins": ["*"], "maxAge": 0,
                    "allowCredentials": false },
            }),
            PROPERTIES,
        );
        normalise(&mut live);
        let Value::Map(mut file) = tree_of(json!({
            "Name": "dev-shop", "ProtocolType": "HTTP",
            "CorsConfiguration": { "AllowHeaders": ["Content-Type"], "AllowOrigins": ["*"] },
        })) else {
            panic!("a map")
        };
        normalise(&mut file);
        assert_eq!(live, file);
    }
}
