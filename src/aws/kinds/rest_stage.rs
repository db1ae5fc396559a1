//! `AWS::ApiGateway::Stage`, beneath its REST API.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-stage.html>
//!
//! Settings are patched field by field. Stages that others made on our API are left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::Findable;
use super::json::{Retag, changed, member, members, retag, tags_of};
use super::patch::{Patch, pointer};
use super::properties::{
    as_text, boolean, boolean_in_place, drop_empty, from_json, number_in_place, own_tags, required, tags_to_map, text,
    text_in_place, text_map,
};
use super::rest_api;

/// `AWS::ApiGateway::Stage`
pub const STAGE: &str = "AWS::ApiGateway::Stage";

/// The description of stages and deployments of ours that the file does not describe.
pub(super) const MARK: &str = "made by hoist";

/// Settings of methods: CloudFormation's name, the name in answers, the path in patches, and what is set when nothing is.
const METHOD_SETTINGS: &[(&str, &str, &str, &[&str])] = &[
    ("LoggingLevel", "loggingLevel", "logging/loglevel", &["OFF"]),
    ("DataTraceEnabled", "dataTraceEnabled", "logging/dataTrace", &["false"]),
    ("MetricsEnabled", "metricsEnabled", "metrics/enabled", &["false"]),
    ("ThrottlingBurstLimit", "throttlingBurstLimit", "throttling/burstLimit", &["-1"]),
    ("ThrottlingRateLimit", "throttlingRateLimit", "throttling/rateLimit", &["-1"]),
    ("CachingEnabled", "cachingEnabled", "caching/enabled", &["false"]),
    ("CacheTtlInSeconds", "cacheTtlInSeconds", "caching/ttlInSeconds", &["300"]),
    ("CacheDataEncrypted", "cacheDataEncrypted", "caching/dataEncrypted", &["false"]),
];

/// The place of what holds for all routes.
const EVERY_METHOD: &str = "*/*";
const LIMITS: [&str; 2] = ["ThrottlingBurstLimit", "ThrottlingRateLimit"];
/// What only the account limits.
const UNLIMITED: &str = "-1";

const STAGES: &str = "arn:${Partition}:apigateway:${Region}::/restapis/*/stages*";

fn stage_path(api: &str, stage: &str) -> String {
    format!("{}/stages/{}", rest_api::path(api), segment(stage))
}

pub(super) async fn get(aws: &Aws, api: &str, stage: &str) -> Result<Option<Json>, Failure> {
    aws.look_for("apigateway", "GetStage", &Signed::rest("GET", stage_path(api, stage))).await
}

/// The stages of an API as they were when this run first asked.
pub(super) async fn listed(aws: &Aws, api: &str) -> Result<Arc<Vec<Json>>, Failure> {
    let ask = || async {
        let request = Signed::rest("GET", format!("{}/stages", rest_api::path(api)));
        let answer = aws.look_for("apigateway", "GetStages", &request).await?.unwrap_or(Json::Null);
        Ok(Arc::new(members(&answer, "item").to_vec()))
    };
    aws.run.stages(api).get_or_try_init(ask).await.cloned()
}

/// One of these stages.
pub(super) async fn known(aws: &Aws, api: &str, name: &str) -> Result<Option<Json>, Failure> {
    Ok(listed(aws, api).await?.iter().find(|stage| member(stage, "stageName") == Some(name)).cloned())
}

/// Whether we made a stage: by its name, its tags or its description.
pub(super) fn is_ours(aws: &Aws, stage: &Json) -> bool {
    let tags = tags_of(stage.get("tags"));
    member(stage, "stageName") == Some(aws.scope().stage.as_str())
        || member(stage, "description") == Some(MARK)
        || aws.scope().ownership(&tags) == Ownership::Ours
}

/// API and stage of a resource of either kind, once both are known.
pub(super) fn place(properties: &Value) -> Option<(String, String)> {
    let part = |key: &str| properties.get(key)?.text().map(str::to_owned);
    Some((part("RestApiId")?, part("StageName")?))
}

fn physical((api, stage): &(String, String)) -> String {
    format!("{api}/{stage}")
}

/// Reads, makes, changes and deletes stages of REST APIs.
pub struct Stage {
    aws: Arc<Aws>,
}

impl Stage {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn live(&self, api: &str, stage: &Json, address: Option<Address>) -> Live {
        let name = member(stage, "stageName").unwrap_or_default();
        let tags = tags_of(stage.get("tags"));
        let mut map = decode(stage);
        map.insert("RestApiId".to_owned(), Value::string(api));
        map.insert("Tags".to_owned(), own_tags(&tags));
        Live {
            address: address.unwrap_or_else(|| Address::new(STAGE, tags.get(ID).map_or(name, String::as_str))),
            physical_id: format!("{api}/{name}"),
            properties: Value::Map(map),
            attributes: BTreeMap::from([("Ref".to_owned(), Value::string(name))]),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    async fn apply(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let Some((api, stage)) = live.physical_id.split_once('/') else { return Ok(live.clone()) };
        let path = stage_path(api, stage);
        let patch = patch(&live.properties, &wanted, &changed(fields));
        if !patch.is_empty() {
            self.aws.ask("apigateway", "UpdateStage", &patch.request(&path), progress).await?;
        }
        let arn = rest_api::arn(&self.aws, &path);
        let change = Retag::between(&live.properties, &wanted);
        retag(&self.aws, rest_api::TAGS, ("tags", "tagKeys"), &arn, &change, progress).await?;
        Ok(Live { address: desired.address.clone(), properties: wanted, ownership: Ownership::Ours, ..live.clone() })
    }
}

fn decode(stage: &Json) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::new();
    for (key, name) in [
        ("CacheClusterEnabled", "cacheClusterEnabled"),
        ("CacheClusterSize", "cacheClusterSize"),
        ("ClientCertificateId", "clientCertificateId"),
        ("Description", "description"),
        ("StageName", "stageName"),
        ("TracingEnabled", "tracingEnabled"),
        ("Variables", "variables"),
    ] {
        if let Some(value) = stage.get(name).filter(|value| !value.is_null()) {
            map.insert(key.to_owned(), from_json(value.clone()));
        }
    }
    if let Some(logs) = stage.get("accessLogSettings") {
        let pick = |name: &str| logs.get(name).cloned().map_or(Value::Null, from_json);
        let logs = [("DestinationArn", pick("destinationArn")), ("Format", pick("format"))];
        let logs = logs.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        map.insert("AccessLogSetting".to_owned(), Value::Map(logs));
    }
    if let Some(Json::Object(settings)) = stage.get("methodSettings") {
        let settings = settings.iter().map(|(place, setting)| {
            let fields = METHOD_SETTINGS
                .iter()
                .filter_map(|(key, name, ..)| Some(((*key).to_owned(), from_json(setting.get(*name)?.clone()))))
                .collect();
            (place_in_answer(place), Value::Map(fields))
        });
        map.insert("MethodSettings".to_owned(), Value::Map(settings.collect()));
    }
    normalise(&mut map);
    map
}

/// `*/*` or `~1orders/GET`: where a setting holds, as API Gateway names it.
fn setting_place(setting: &Value) -> String {
    let path = text(setting, &["ResourcePath"]).unwrap_or_else(|| "/*".to_owned());
    let method = text(setting, &["HttpMethod"]).unwrap_or_else(|| "*".to_owned());
    let path = if path == "/*" || path == "*" { "*".to_owned() } else { pointer(&path) };
    format!("{path}/{method}")
}

/// A place as an answer names it, in the form of [`setting_place`]: whether slashes are escaped and the path begins with
/// one depends on how the setting was made.
fn place_in_answer(place: &str) -> String {
    let (path, method) = place.rsplit_once('/').unwrap_or((place, "*"));
    if path == "*" {
        return place.to_owned();
    }
    let path = path.replace("~1", "/").replace("~0", "~");
    format!("{}/{method}", pointer(&format!("/{}", path.trim_start_matches('/'))))
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if properties.get("Description").and_then(Value::text) == Some(MARK) {
        properties.remove("Description");
    }
    if let Some(Value::List(settings)) = properties.get("MethodSettings") {
        let by_place = settings.iter().map(|setting| {
            let mut setting_map = match setting {
                Value::Map(map) => map.clone(),
                _ => BTreeMap::new(),
            };
            setting_map.retain(|key, _| METHOD_SETTINGS.iter().any(|(name, ..)| name == key));
            (setting_place(setting), Value::Map(setting_map))
        });
        let by_place = by_place.collect();
        properties.insert("MethodSettings".to_owned(), Value::Map(by_place));
    }
    if let Some(Value::Map(settings)) = properties.get_mut("MethodSettings") {
        for (place, setting) in settings.iter_mut() {
            let Value::Map(setting) = setting else { continue };
            for value in setting.values_mut() {
                text_in_place(value);
            }
            // A route that takes as much as the account does is not one that takes what all do.
            let of_route = place != EVERY_METHOD;
            let limits = LIMITS.map(|key| (key, setting.remove(key).as_ref().and_then(as_text)));
            setting.retain(|key, value| {
                let default = METHOD_SETTINGS.iter().find(|(name, ..)| name == key).map(|(.., defaults)| *defaults);
                !default.is_some_and(|defaults| value.text().is_some_and(|text| defaults.contains(&text)))
            });
            for (key, limit) in limits {
                let limit = limit.unwrap_or_else(|| UNLIMITED.to_owned());
                // 10 and 10.0 are the same rate.
                let limit = limit.strip_suffix(".0").unwrap_or(&limit);
                if of_route || ![UNLIMITED, "10000", "5000"].contains(&limit) {
                    setting.insert(key.to_owned(), Value::string(limit));
                }
            }
        }
    }
    for key in ["TracingEnabled", "CacheClusterEnabled"] {
        if let Some(value) = properties.get_mut(key) {
            boolean_in_place(value);
        }
        if properties.get(key) == Some(&Value::Bool(false)) {
            properties.remove(key);
        }
    }
    if let Some(Value::Map(variables)) = properties.get_mut("Variables") {
        variables.values_mut().for_each(text_in_place);
    }
    if let Some(value) = properties.get_mut("CacheClusterSize") {
        number_in_place(value);
    }
    if !properties.contains_key("CacheClusterEnabled") {
        properties.remove("CacheClusterSize");
    }
    // An access log's ARN may end as that of the group does for policies.
    if let Some(Value::Map(logs)) = properties.get_mut("AccessLogSetting")
        && let Some(Value::String(arn)) = logs.get_mut("DestinationArn")
        && let Some(short) = arn.strip_suffix(":*")
    {
        *arn = short.to_owned();
    }
    drop_empty(properties, &[]);
}

/// The body of CreateStage: what it takes of a stage; the rest is patched.
fn creation(properties: &Value) -> Json {
    let mut body = Map::new();
    for (name, key) in [
        ("cacheClusterEnabled", "CacheClusterEnabled"),
        ("cacheClusterSize", "CacheClusterSize"),
        ("deploymentId", "DeploymentId"),
        ("description", "Description"),
        ("stageName", "StageName"),
    ] {
        if let Some(value) = text(properties, &[key]) {
            body.insert(name.to_owned(), value.into());
        }
    }
    body.entry("description").or_insert_with(|| MARK.into());
    if let Some(enabled) = boolean(properties, &["CacheClusterEnabled"]) {
        body.insert("cacheClusterEnabled".to_owned(), enabled.into());
    }
    if let Some(enabled) = boolean(properties, &["TracingEnabled"]) {
        body.insert("tracingEnabled".to_owned(), enabled.into());
    }
    for (name, key) in [("tags", "Tags"), ("variables", "Variables")] {
        let texts = text_map(properties, &[key]);
        if !texts.is_empty() {
            body.insert(name.to_owned(), json!(texts));
        }
    }
    Json::Object(body)
}

/// What UpdateStage does for the properties that changed, removals included.
fn patch(live: &Value, wanted: &Value, changed: &BTreeSet<&str>) -> Patch {
    let mut patch = Patch::default();
    for (key, path, cleared) in [
        ("CacheClusterEnabled", "/cacheClusterEnabled", "false"),
        ("ClientCertificateId", "/clientCertificateId", ""),
        ("Description", "/description", MARK),
        ("TracingEnabled", "/tracingEnabled", "false"),
    ] {
        if changed.contains(key) {
            patch.replace(path, wanted.get(key).and_then(as_text).as_deref().unwrap_or(cleared));
        }
    }
    if changed.contains("CacheClusterSize")
        && let Some(size) = wanted.get("CacheClusterSize").and_then(as_text)
    {
        patch.replace("/cacheClusterSize", &size);
    }
    if changed.contains("AccessLogSetting") {
        match wanted.get("AccessLogSetting") {
            Some(logs) => {
                for (key, path) in
                    [("DestinationArn", "/accessLogSettings/destinationArn"), ("Format", "/accessLogSettings/format")]
                {
                    if let Some(value) = text(logs, &[key]) {
                        patch.replace(path, &value);
                    }
                }
            }
            None => patch.remove("/accessLogSettings"),
        }
    }
    if changed.contains("Variables") {
        let (before, after) = (text_map(live, &["Variables"]), text_map(wanted, &["Variables"]));
        before
            .keys()
            .filter(|name| !after.contains_key(*name))
            .for_each(|name| patch.remove(&format!("/variables/{name}")));
        for (name, value) in after.iter().filter(|(name, value)| before.get(*name) != Some(value)) {
            patch.replace(&format!("/variables/{name}"), value);
        }
    }
    if changed.contains("MethodSettings") {
        settings_patch(live, wanted, &mut patch);
    }
    patch
}

fn settings_patch(live: &Value, wanted: &Value, patch: &mut Patch) {
    let empty = BTreeMap::new();
    let settings = |tree: &'_ Value| match tree.get("MethodSettings") {
        Some(Value::Map(map)) => map.clone(),
        _ => BTreeMap::new(),
    };
    let (before, after) = (settings(live), settings(wanted));
    before.keys().filter(|place| !after.contains_key(*place)).for_each(|place| patch.remove(&format!("/{place}")));
    for (place, setting) in &after {
        let old = match before.get(place) {
            Some(Value::Map(old)) => old,
            _ => &empty,
        };
        for (key, _, path, defaults) in METHOD_SETTINGS {
            let value = setting.get(key).and_then(as_text);
            if value != old.get(*key).and_then(as_text) {
                let default = defaults.first().copied().unwrap_or_default();
                patch.replace(&format!("/{place}/{path}"), value.as_deref().unwrap_or(default));
            }
        }
    }
}

impl Findable for Stage {}

#[async_trait]
impl Kind for Stage {
    fn type_name(&self) -> &'static str {
        STAGE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("RestApiId", Trait::Immutable),
            ("StageName", Trait::Immutable),
            // Which deployment it runs follows from the document.
            ("DeploymentId", Trait::WriteOnly),
            ("DocumentationVersion", Trait::WriteOnly),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        place(&desired.properties).as_ref().map(physical)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let name = desired.properties.get("StageName").and_then(Value::text);
        name.map(|name| BTreeMap::from([("Ref".to_owned(), Value::string(name))])).unwrap_or_default()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some((api, stage)) = place(&desired.properties) else { return Ok(None) };
        let found = known(&self.aws, &api, &stage).await?;
        Ok(found.map(|stage| self.live(&api, &stage, Some(desired.address.clone()))))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let api = parent.physical_id.as_str();
        let stages = listed(&self.aws, api).await?;
        // A stage without settings and marks of ours is nothing that could be taken away.
        let ours = stages.iter().filter(|stage| {
            let tags = tags_of(stage.get("tags"));
            self.aws.scope().ownership(&tags) == Ownership::Ours
        });
        Ok(ours
            .map(|stage| Live { parent: Some(parent.address.logical_id.clone()), ..self.live(api, stage, None) })
            .collect())
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(rest_api::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    fn writer(&self, _: &Value) -> Option<String> {
        Some("apigateway rest".to_owned())
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (api, name) = (required(&wanted, "RestApiId")?, required(&wanted, "StageName")?);
        let stage = match get(&self.aws, &api, &name).await? {
            Some(stage) => stage,
            None => {
                let body = creation(&wanted);
                let request = Signed::rest("POST", format!("{}/stages", rest_api::path(&api))).body(body);
                let find = || get(&self.aws, &api, &name);
                let call = self.aws.call("apigateway", "CreateStage").progress(progress);
                call.create(find, || self.aws.signed("apigateway", request.clone())).await?
            }
        };
        let live = self.live(&api, &stage, Some(desired.address.clone()));
        let fields = crate::engine::diff::difference(&live.properties, &wanted, self.traits()).fields;
        self.apply(&live, desired, &fields, progress).await
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.apply(live, desired, fields, progress).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((api, stage)) = live.physical_id.split_once('/') else { return Ok(()) };
        let request = Signed::rest("DELETE", stage_path(api, stage));
        let call = self.aws.call("apigateway", "DeleteStage").progress(progress);
        call.find(|| self.aws.signed("apigateway", request.clone())).await.map(drop)
    }

    /// A stage that a usage plan or a domain leads to cannot be deleted.
    fn deleted_after(&self) -> &'static [&'static str] {
        &[super::usage_plan::TYPE, super::domains::mapping::BASE_PATH.type_name]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: STAGES }
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
    use super::super::properties::tests::tree_of;
    use super::*;

    fn normal(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn method_settings_are_told_by_their_place() {
        let live = Value::Map(decode(&json!({
            "stageName": "dev", "deploymentId": "d", "description": MARK, "cacheClusterEnabled": false,
            "tracingEnabled": true,
            "methodSettings": { "*/*": { "metricsEnabled": true, "loggingLevel": "INFO", "dataTraceEnabled": false,
                "throttlingBurstLimit": 5000, "throttlingRateLimit": 10000.0, "cachingEnabled": false,
                "cacheTtlInSeconds": 300, "cacheDataEncrypted": false } },
        })));
        let file = normal(json!({
            "StageName": "dev", "TracingEnabled": "true",
            "MethodSettings": [{ "HttpMethod": "*", "ResourcePath": "/*", "LoggingLevel": "INFO",
                "MetricsEnabled": true, "DataTraceEnabled": false }],
        }));
        assert_eq!(live, file);
        let one = tree_of(json!({ "HttpMethod": "GET", "ResourcePath": "/orders/{id}" }));
        assert_eq!(setting_place(&one), "~1orders~1{id}/GET");
        for told in ["~1orders~1{id}/GET", "orders~1{id}/GET", "/orders/{id}/GET"] {
            assert_eq!(place_in_answer(told), "~1orders~1{id}/GET", "{told}");
        }
        assert_eq!((place_in_answer("*/*"), place_in_answer("~1/GET")), ("*/*".to_owned(), "~1/GET".to_owned()));
    }

    #[test]
    fn every_setting_can_be_cleared() {
        let live = normal(json!({
            "StageName": "dev", "TracingEnabled": true, "Variables": { "a": "1", "b": "2" },
            "AccessLogSetting": { "DestinationArn": "arn:*", "Format": "$context" }, "Description": "d",
            "MethodSettings": [{ "HttpMethod": "*", "ResourcePath": "/*", "LoggingLevel": "INFO" },
                { "HttpMethod": "GET", "ResourcePath": "/a", "MetricsEnabled": true }],
        }));
        let wanted = normal(json!({
            "StageName": "dev", "Variables": { "b": "3" },
            "MethodSettings": [{ "HttpMethod": "*", "ResourcePath": "/*", "MetricsEnabled": true },
                { "HttpMethod": "GET", "ResourcePath": "/open", "ThrottlingRateLimit": -1 }],
        }));
        let fields = crate::engine::diff::difference(&live, &wanted, &[]).fields;
        let mut expected = Patch::default();
        expected.replace("/description", MARK);
        expected.replace("/tracingEnabled", "false");
        expected.remove("/accessLogSettings");
        expected.remove("/variables/a");
        expected.replace("/variables/b", "3");
        expected.remove("/~1a/GET");
        expected.replace("/*/*/logging/loglevel", "OFF");
        expected.replace("/*/*/metrics/enabled", "true");
        // A route that takes as many as the account does, whatever holds for the others.
        expected.replace("/~1open/GET/throttling/burstLimit", "-1");
        expected.replace("/~1open/GET/throttling/rateLimit", "-1");
        assert_eq!(patch(&live, &wanted, &changed(&fields)), expected);
    }
}
