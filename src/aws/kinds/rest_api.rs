//! `AWS::ApiGateway::RestApi` with its routes in `Body`, an OpenAPI document with `x-amazon-apigateway-*` extensions.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-restapi.html>
//!
//! APIs have no unique names: ours is the one with our tags. The whole document goes up with PutRestApi; what is live is
//! what the stage exports, so a document that was put but not deployed is put again. A change of a deployed API ends with
//! a deployment: a refused one leaves the stage as it was. The tags `hoist:body` and `hoist:export` say which document
//! was deployed and what the stage exported then, so that what API Gateway fills in is never taken for a change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::{ID, SERVICE, STAGE};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::domains::mapping;
use super::json::{Retag, changed, expect, member, retag, tags_of, where_allowed};
use super::openapi::{self, BODY, EXPORT, is_deployed};
use super::patch::{Patch, pointer};
use super::properties::{
    as_text, boolean_in_place, default_to, document as document_text, drop_empty, from_json, number_in_place, own_tags,
    tags_to_map, text, text_map, texts, to_json,
};
use super::{Findable, after, alias, function, rest_stage};

/// `AWS::ApiGateway::RestApi`
pub const TYPE: &str = "AWS::ApiGateway::RestApi";

pub(super) const TAGS: (&str, &str, &str) = ("apigateway", "PUT", "/tags/");
/// What a permission to tag is about, whatever is tagged.
pub(super) const OF_TAGS: &str = "arn:${Partition}:apigateway:${Region}::/tags/*";

/// Properties that a stage has from its deployment.
const DEPLOYED: &[&str] =
    &["ApiKeySourceType", "BinaryMediaTypes", "Body", "DisableExecuteApiEndpoint", "MinimumCompressionSize", "Policy"];

const APIS: &str = "arn:${Partition}:apigateway:${Region}::/restapis*";

/// Reads, makes, changes and deletes REST APIs.
pub struct RestApi {
    aws: Arc<Aws>,
}

impl RestApi {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// Our API of that logical id among these. Two of them are one too many to guess.
    fn ours(&self, all: &[Json], logical_id: &str) -> Result<Option<Json>, Failure> {
        let scope = self.aws.scope();
        let ours = all.iter().filter(|api| {
            let tags = tags_of(api.get("tags"));
            scope.ownership(&tags) == Ownership::Ours && tags.get(ID).map(String::as_str) == Some(logical_id)
        });
        let mut found: Vec<Json> = ours.cloned().collect();
        if found.len() > 1 {
            let ids: Vec<&str> = found.iter().filter_map(|api| member(api, "id")).collect();
            let text = format!("{} REST APIs carry the tags of {logical_id}: {}", ids.len(), ids.join(", "));
            return Err(Failure::new(Reason::Conflict, text)
                .help("delete the one that is not in use, or take the hoist: tags off it"));
        }
        Ok(found.pop())
    }

    /// The stage whose routes are live: the one of our stage's name, or the only one.
    async fn stage(&self, api: &str) -> Result<Option<String>, Failure> {
        let stages = rest_stage::listed(&self.aws, api).await?;
        let names: Vec<&str> = stages.iter().filter_map(|stage| member(stage, "stageName")).collect();
        let ours = names.iter().find(|name| **name == self.aws.scope().stage).or(names.first());
        Ok(ours.map(|name| (*name).to_owned()))
    }

    /// What a stage answers requests with, as a document. `None` where it cannot be exported.
    async fn export(&self, api: &str, stage: &str) -> Result<Option<Json>, Failure> {
        let request = Signed::rest("GET", format!("{}/stages/{}/exports/oas30", path(api), segment(stage)))
            .query("extensions", "apigateway");
        self.aws.look_for("apigateway", "GetExport", &request).await
    }

    async fn live(&self, api: &Json, desired: Option<&Desired>) -> Result<Live, Failure> {
        let id = expect(api, "id", "apigateway.GetRestApis")?;
        let tags = tags_of(api.get("tags"));
        let mut map = decode(api);
        // The stage is nearly always the one of our stage's name: its document need not wait for the list of stages.
        let likely = &self.aws.scope().stage;
        let likely_export = async { if desired.is_some() { self.export(&id, likely).await } else { Ok(None) } };
        let (stage, likely_export) = tokio::try_join!(self.stage(&id), likely_export)?;
        if let (Some(stage), Some(desired)) = (&stage, desired) {
            let wanted = desired.properties.get("Body").cloned().unwrap_or(Value::Null);
            let export = if stage == likely { likely_export } else { self.export(&id, stage).await? };
            let body = match &export {
                Some(export) if is_deployed(export, &wanted, &tags) => wanted,
                Some(export) => openapi::live(export, &wanted),
                // An API that cannot be exported is what was deployed last.
                None if tags.contains_key(BODY) && openapi::digest(&wanted).as_ref() == tags.get(BODY) => wanted,
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
        let mut attributes = attributes(&id, member(api, "rootResourceId"));
        attributes.extend(domains);
        attributes.extend(stage.map(|stage| ("StageName".to_owned(), Value::String(stage))));
        Ok(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(&id)),
            physical_id: id,
            properties: Value::Map(map),
            attributes,
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn put(&self, api: &str, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("PUT", path(api)).query("mode", "overwrite").body(openapi::rest(properties));
        self.aws.ask("apigateway", "PutRestApi", &request, progress).await.map(drop)
    }

    /// Makes what was put live, and notes what the stage then says of itself.
    async fn deploy(&self, live: &Live, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
        let Some(stage) = live.attributes.get("StageName").and_then(Value::text) else { return Ok(()) };
        let api = live.physical_id.as_str();
        super::rest_deployment::deploy(&self.aws, api, Some(stage), progress).await?;
        let body = wanted.get("Body").and_then(openapi::digest);
        let export = self.export(api, stage).await?;
        let mut change = Retag::default();
        change.set.extend(body.map(|digest| (BODY.to_owned(), digest)));
        change.set.extend(export.map(|export| (EXPORT.to_owned(), openapi::export_digest(&export))));
        self.retag(api, &change, progress).await
    }

    async fn retag(&self, api: &str, change: &Retag, progress: &Progress) -> Result<(), Failure> {
        retag(&self.aws, TAGS, ("tags", "tagKeys"), &arn(&self.aws, &path(api)), change, progress).await
    }
}

/// The REST APIs of the account, as they are now.
async fn all(aws: &Aws) -> Result<Vec<Json>, Failure> {
    let request = Signed::rest("GET", "/restapis").query("limit", "500");
    aws.pages("apigateway", "GetRestApis", request, ("position", "position"), "item").await
}

/// The same as they were when this run first asked.
pub(super) async fn listed(aws: &Aws) -> Result<Arc<Vec<Json>>, Failure> {
    let cell = aws.run.rest_apis();
    cell.get_or_try_init(|| async { all(aws).await.map(Arc::new) }).await.cloned()
}

/// `arn:aws:apigateway:eu-central-1::/restapis/abc`
pub(super) fn arn(aws: &Aws, path: &str) -> String {
    format!("arn:{}:apigateway:{}::{path}", aws.partition().name, aws.region())
}

/// `/restapis/abc`
pub(super) fn path(api: &str) -> String {
    format!("/restapis/{}", segment(api))
}

fn attributes(id: &str, root: Option<&str>) -> BTreeMap<String, Value> {
    let mut attributes =
        BTreeMap::from([("Ref".to_owned(), Value::string(id)), ("RestApiId".to_owned(), Value::string(id))]);
    attributes.extend(root.map(|root| ("RootResourceId".to_owned(), Value::string(root))));
    attributes
}

fn decode(api: &Json) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::new();
    for (key, name) in [
        ("ApiKeySourceType", "apiKeySource"),
        ("BinaryMediaTypes", "binaryMediaTypes"),
        ("Description", "description"),
        ("DisableExecuteApiEndpoint", "disableExecuteApiEndpoint"),
        ("EndpointAccessMode", "endpointAccessMode"),
        ("MinimumCompressionSize", "minimumCompressionSize"),
        ("Name", "name"),
        ("SecurityPolicy", "securityPolicy"),
    ] {
        if let Some(value) = api.get(name).filter(|value| !value.is_null()) {
            map.insert(key.to_owned(), from_json(value.clone()));
        }
    }
    if let Some(endpoint) = api.get("endpointConfiguration") {
        let pick = |name: &str| endpoint.get(name).cloned().map_or(Value::Null, from_json);
        let endpoint = BTreeMap::from([
            ("Types".to_owned(), pick("types")),
            ("VpcEndpointIds".to_owned(), pick("vpcEndpointIds")),
            ("IpAddressType".to_owned(), pick("ipAddressType")),
        ]);
        map.insert("EndpointConfiguration".to_owned(), Value::Map(endpoint));
    }
    if let Some(policy) = member(api, "policy") {
        map.insert("Policy".to_owned(), openapi::parsed_policy(policy));
    }
    normalise(&mut map);
    map
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(Value::String(text)) = properties.get("Body")
        && let Ok(body @ Json::Object(_)) = serde_json::from_str(text)
    {
        properties.insert("Body".to_owned(), from_json(body));
    }
    // Of the request, not of the API.
    for key in ["FailOnWarnings", "Mode", "Parameters", "BodyS3Location", "CloneFrom"] {
        properties.remove(key);
    }
    for (key, fix) in
        [("MinimumCompressionSize", number_in_place as fn(&mut Value)), ("DisableExecuteApiEndpoint", boolean_in_place)]
    {
        if let Some(value) = properties.get_mut(key) {
            fix(value);
        }
    }
    if let Some(policy) = properties.get("Policy") {
        let parsed = policy.text().map(openapi::parsed_policy);
        let short = openapi::short_policy(parsed.as_ref().unwrap_or(policy));
        properties.insert("Policy".to_owned(), short);
    }
    let mut endpoint = match properties.remove("EndpointConfiguration") {
        Some(Value::Map(endpoint)) => endpoint,
        _ => BTreeMap::new(),
    };
    default_to(&mut endpoint, "Types", Value::List(vec![Value::string("EDGE")]));
    if endpoint.get("IpAddressType").and_then(Value::text) == Some("ipv4") {
        endpoint.remove("IpAddressType");
    }
    properties.insert("EndpointConfiguration".to_owned(), Value::Map(endpoint));
    drop_empty(properties, &["Body"]);
    default_to(properties, "ApiKeySourceType", Value::string("HEADER"));
    default_to(properties, "DisableExecuteApiEndpoint", Value::Bool(false));
}

/// The body of CreateRestApi: everything but the routes.
fn creation(properties: &Value, tags: &BTreeMap<String, String>) -> Json {
    let mut body = Map::new();
    for (name, key) in [
        ("name", "Name"),
        ("description", "Description"),
        ("apiKeySource", "ApiKeySourceType"),
        ("binaryMediaTypes", "BinaryMediaTypes"),
        ("disableExecuteApiEndpoint", "DisableExecuteApiEndpoint"),
        ("endpointAccessMode", "EndpointAccessMode"),
        ("minimumCompressionSize", "MinimumCompressionSize"),
        ("securityPolicy", "SecurityPolicy"),
    ] {
        if let Some(value) = properties.get(key) {
            body.insert(name.to_owned(), to_json(value));
        }
    }
    let mut endpoint = Map::new();
    for (name, key) in [("types", "Types"), ("vpcEndpointIds", "VpcEndpointIds"), ("ipAddressType", "IpAddressType")] {
        if let Some(value) = properties.at(&["EndpointConfiguration", key]) {
            endpoint.insert(name.to_owned(), to_json(value));
        }
    }
    body.insert("endpointConfiguration".to_owned(), endpoint.into());
    if let Some(policy) = properties.get("Policy") {
        body.insert("policy".to_owned(), document_text(policy).into());
    }
    body.insert("tags".to_owned(), json!(tags));
    Json::Object(body)
}

/// What UpdateRestApi does for the properties that changed, removals included.
fn patch(live: &Value, wanted: &Value, changed: &BTreeSet<&str>) -> Patch {
    let mut patch = Patch::default();
    let value = |key: &str| wanted.get(key).and_then(as_text);
    for (key, path, cleared) in [
        ("Name", "/name", Some("")),
        ("Description", "/description", Some("")),
        ("ApiKeySourceType", "/apiKeySource", Some("HEADER")),
        ("DisableExecuteApiEndpoint", "/disableExecuteApiEndpoint", Some("false")),
        ("EndpointAccessMode", "/endpointAccessMode", Some("BASIC")),
        ("MinimumCompressionSize", "/minimumCompressionSize", None),
        ("SecurityPolicy", "/securityPolicy", Some("")),
    ] {
        if changed.contains(key) {
            patch.set(path, value(key).as_deref().or(cleared));
        }
    }
    if changed.contains("Policy") {
        patch.replace("/policy", &wanted.get("Policy").map(document_text).unwrap_or_default());
    }
    if changed.contains("BinaryMediaTypes") {
        let (before, after) =
            (openapi::text_set(live.get("BinaryMediaTypes")), openapi::text_set(wanted.get("BinaryMediaTypes")));
        before.difference(&after).for_each(|kind| patch.remove(&format!("/binaryMediaTypes/{}", pointer(kind))));
        after.difference(&before).for_each(|kind| patch.add(&format!("/binaryMediaTypes/{}", pointer(kind)), ""));
    }
    if changed.contains("EndpointConfiguration") {
        let types = |tree: &Value| texts(tree, &["EndpointConfiguration", "Types"]);
        if let (Some(before), Some(after)) = (types(live).first(), types(wanted).first())
            && before != after
        {
            patch.replace(&format!("/endpointConfiguration/types/{before}"), after);
        }
        let ids = |tree: &Value| openapi::text_set(tree.at(&["EndpointConfiguration", "VpcEndpointIds"]));
        let (before, after) = (ids(live), ids(wanted));
        after.difference(&before).for_each(|id| patch.add("/endpointConfiguration/vpcEndpointIds", id));
        before.difference(&after).for_each(|id| patch.remove_value("/endpointConfiguration/vpcEndpointIds", id));
        let address = |tree: &Value| text(tree, &["EndpointConfiguration", "IpAddressType"]);
        if address(live) != address(wanted) {
            patch
                .replace("/endpointConfiguration/ipAddressType", &address(wanted).unwrap_or_else(|| "ipv4".to_owned()));
        }
    }
    patch
}

#[async_trait]
impl Findable for RestApi {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "apigateway", "/restapis/").filter(|id| !id.contains('/')).map(str::to_owned)
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let scope = self.aws.scope();
        if !self.aws.run.may_be_untold(TYPE) {
            return Ok(Vec::new());
        }
        let all = where_allowed(listed(&self.aws).await.map(|all| all.to_vec()))?;
        let ours = all.iter().filter(|api| scope.ownership(&tags_of(api.get("tags"))) == Ownership::Ours);
        Ok(ours.filter_map(|api| Some((TYPE, member(api, "id")?.to_owned()))).collect())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        let request = Signed::rest("GET", path(physical_id));
        match self.aws.look_for("apigateway", "GetRestApi", &request).await? {
            Some(api) => self.live(&api, None).await.map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Kind for RestApi {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("BinaryMediaTypes", Trait::Unordered),
            ("EndpointConfiguration.VpcEndpointIds", Trait::Unordered),
            ("Policy", Trait::Document),
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

    fn writer(&self, _: &Value) -> Option<String> {
        // API Gateway refuses changes of one API at the same time; a service has one.
        Some("apigateway rest".to_owned())
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let mut tags = text_map(&wanted, &["Tags"]);
        // Without these the API could not be found again.
        let scope = self.aws.scope();
        for (key, value) in [(SERVICE, &scope.service), (STAGE, &scope.stage), (ID, &desired.address.logical_id)] {
            tags.entry(key.to_owned()).or_insert_with(|| value.clone());
        }
        tags.extend(wanted.get("Body").and_then(openapi::digest).map(|digest| (BODY.to_owned(), digest)));
        let request = Signed::rest("POST", "/restapis").body(creation(&wanted, &tags));
        let find = || async { self.ours(&all(&self.aws).await?, &desired.address.logical_id) };
        let api = match find().await? {
            Some(api) => api,
            None => {
                let call = self.aws.call("apigateway", "CreateRestApi").progress(progress);
                call.create(find, || self.aws.signed("apigateway", request.clone())).await?
            }
        };
        let id = expect(&api, "id", "apigateway.CreateRestApi")?;
        self.put(&id, &wanted, progress).await?;
        Ok(Live::made(desired, attributes(&id, member(&api, "rootResourceId")), id, wanted))
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
        let patch = patch(&live.properties, &wanted, &changed);
        if !patch.is_empty() {
            self.aws.ask("apigateway", "UpdateRestApi", &patch.request(&path(api)), progress).await?;
        }
        // None of these reaches a stage without a deployment, and what is deployed is the document that was put last: a
        // deploy that failed may have left another one.
        let deploys = DEPLOYED.iter().any(|key| changed.contains(key));
        if deploys {
            self.put(api, &wanted, progress).await?;
        }
        let mut retagging = Retag::between(&live.properties, &wanted);
        retagging.remove.remove(BODY);
        retagging.remove.remove(EXPORT);
        self.retag(api, &retagging, progress).await?;
        if deploys {
            self.deploy(live, &wanted, progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("DELETE", path(&live.physical_id));
        let call = self.aws.call("apigateway", "DeleteRestApi").progress(progress);
        call.find(|| self.aws.signed("apigateway", request.clone())).await.map(drop)
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        // An API that a domain leads to cannot be deleted.
        &[super::usage_plan::TYPE, mapping::BASE_PATH.type_name]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: APIS }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            needs(Step::Create, "apigateway:POST"),
            needs(Step::Create, "apigateway:PUT"),
            needs(Step::Update, "apigateway:PATCH"),
            needs(Step::Update, "apigateway:PUT"),
            needs(Step::Update, "apigateway:POST"),
            Permission { step: Step::Update, action: "apigateway:PUT", resource: OF_TAGS },
            Permission { step: Step::Update, action: "apigateway:DELETE", resource: OF_TAGS },
            needs(Step::Delete, "apigateway:DELETE"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    fn normal(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn what_api_gateway_answers_is_what_the_file_says() {
        let live = Value::Map(decode(&json!({
            "id": "a", "name": "dev-shop", "apiKeySource": "HEADER", "disableExecuteApiEndpoint": false,
            "endpointConfiguration": { "types": ["EDGE"], "ipAddressType": "ipv4" }, "rootResourceId": "r",
        })));
        assert_eq!(live, normal(json!({ "Name": "dev-shop", "Policy": "" })));
    }

    #[test]
    fn every_setting_can_be_cleared() {
        let live = normal(json!({
            "Name": "n", "Description": "d", "BinaryMediaTypes": ["image/png"], "MinimumCompressionSize": 1,
            "Policy": { "Statement": [{ "Effect": "Deny" }] }, "DisableExecuteApiEndpoint": true, "ApiKeySourceType": "AUTHORIZER",
            "EndpointConfiguration": { "Types": ["PRIVATE"], "VpcEndpointIds": ["vpce-1"] },
        }));
        let wanted = normal(json!({ "Name": "n" }));
        let fields = crate::engine::diff::difference(&live, &wanted, &[]).fields;
        let patch = format!("{:?}", patch(&live, &wanted, &changed(&fields)));
        for path in [
            "/description",
            "/binaryMediaTypes/image~1png",
            "/minimumCompressionSize",
            "/policy",
            "/disableExecuteApiEndpoint",
            "/apiKeySource",
            "/endpointConfiguration/types/PRIVATE",
            "/endpointConfiguration/vpcEndpointIds",
        ] {
            assert!(patch.contains(path), "{path} stays");
        }
    }

    #[test]
    fn an_api_is_made_with_its_tags() {
        let tags = BTreeMap::from([("hoist:id".to_owned(), "A".to_owned())]);
        assert_eq!(
            creation(&normal(json!({ "Name": "n" })), &tags),
            json!({
                "apiKeySource": "HEADER", "disableExecuteApiEndpoint": false, "name": "n",
                "endpointConfiguration": { "types": ["EDGE"] }, "tags": { "hoist:id": "A" },
            })
        );
    }
}
