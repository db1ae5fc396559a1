//! `AWS::ApiGatewayV2::Stage`, beneath its API.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-stage.html>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use super::api::{self, api_of};
use super::{TAGS, decode, encode};
use crate::aws::client::Aws;
use crate::aws::kinds::Findable;
use crate::aws::kinds::json::{Retag, changed, member, retag, tags_of};
use crate::aws::kinds::properties::{
    boolean_in_place, drop_empty, number_in_place, own_tags, required, tags_to_map, text, text_in_place, text_map,
};
use crate::aws::kinds::rest_api::{OF_TAGS, arn};
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `AWS::ApiGatewayV2::Stage`
pub const TYPE: &str = "AWS::ApiGatewayV2::Stage";

const PROPERTIES: &[&str] = &[
    "AccessLogSettings",
    "AutoDeploy",
    "ClientCertificateId",
    "DefaultRouteSettings",
    "DeploymentId",
    "Description",
    "RouteSettings",
    "StageName",
    "StageVariables",
];

const STAGES: &str = "arn:${Partition}:apigateway:${Region}::/apis/*/stages*";

/// Reads, makes, changes and deletes stages of HTTP and WebSocket APIs.
pub struct Stage {
    aws: Arc<Aws>,
}

impl Stage {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn get(&self, api: &str, name: &str) -> Result<Option<Json>, Failure> {
        self.aws.look_for("apigatewayv2", "GetStage", &Signed::rest("GET", path(api, name))).await
    }

    fn live(&self, api: &str, stage: &Json, address: Option<Address>) -> Live {
        let name = member(stage, "stageName").unwrap_or_default();
        let tags = tags_of(stage.get("tags"));
        let mut map = decode(stage, PROPERTIES);
        map.insert("ApiId".to_owned(), Value::string(api));
        normalise(&mut map);
        map.insert("Tags".to_owned(), own_tags(&tags));
        Live {
            // A stage of an API of ours that the file names is ours to change.
            ownership: match address {
                Some(_) => Ownership::Ours,
                None => self.aws.scope().ownership(&tags),
            },
            address: address.unwrap_or_else(|| Address::new(TYPE, tags.get(ID).map_or(name, String::as_str))),
            physical_id: format!("{api}/{name}"),
            properties: Value::Map(map),
            attributes: BTreeMap::from([("Ref".to_owned(), Value::string(name))]),
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }
}

/// The stages of an API as they were when this run first asked.
pub(super) async fn listed(aws: &Aws, api: &str) -> Result<Arc<Vec<Json>>, Failure> {
    let ask = || async {
        let request = Signed::rest("GET", format!("{}/stages", api::path(api)));
        aws.pages("apigatewayv2", "GetStages", request, ("nextToken", "nextToken"), "items").await.map(Arc::new)
    };
    aws.run.stages(api).get_or_try_init(ask).await.cloned()
}

fn path(api: &str, stage: &str) -> String {
    format!("{}/stages/{}", api::path(api), segment(stage))
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(value) = properties.get_mut("AutoDeploy") {
        boolean_in_place(value);
    }
    if properties.get("AutoDeploy") == Some(&Value::Bool(false)) {
        properties.remove("AutoDeploy");
    }
    if let Some(Value::Map(variables)) = properties.get_mut("StageVariables") {
        variables.values_mut().for_each(text_in_place);
    }
    if let Some(Value::Map(settings)) = properties.get_mut("DefaultRouteSettings") {
        plain_settings(settings);
    }
    if let Some(Value::Map(routes)) = properties.get_mut("RouteSettings") {
        for settings in routes.values_mut() {
            if let Value::Map(settings) = settings {
                plain_settings(settings);
            }
        }
    }
    if let Some(Value::Map(logs)) = properties.get_mut("AccessLogSettings")
        && let Some(Value::String(arn)) = logs.get_mut("DestinationArn")
        && let Some(short) = arn.strip_suffix(":*")
    {
        *arn = short.to_owned();
    }
    drop_empty(properties, &[]);
}

/// Settings of routes without what they are when nothing is said.
fn plain_settings(settings: &mut BTreeMap<String, Value>) {
    for (key, value) in settings.iter_mut() {
        if key.starts_with("Throttling") {
            number_in_place(value)
        } else {
            boolean_in_place(value)
        }
        // 10 and 10.0 are the same rate.
        if let Value::Number(number) = value
            && let Some(whole) = number.as_f64().filter(|rate| rate.fract() == 0.0)
        {
            *value = Value::Number((whole as i64).into());
        }
    }
    settings.retain(|key, value| {
        *value != Value::Bool(false)
            && value.text() != Some("OFF")
            && !(key.starts_with("Throttling") && *value == Value::Number(0.into()))
    });
}

/// The body of UpdateStage: what changed, with what was taken away cleared, and the routes whose settings go by a call
/// of their own.
fn update(live: &Value, wanted: &Value, changed: &BTreeSet<&str>) -> (Map<String, Json>, Vec<String>) {
    let keys: Vec<&str> =
        PROPERTIES.iter().copied().filter(|key| *key != "StageName" && changed.contains(key)).collect();
    let mut body = encode(wanted, &keys);
    for (key, member, cleared) in [
        ("AutoDeploy", "autoDeploy", json!(false)),
        ("ClientCertificateId", "clientCertificateId", json!("")),
        ("Description", "description", json!("")),
    ] {
        if changed.contains(key) {
            body.entry(member).or_insert(cleared);
        }
    }
    if changed.contains("DefaultRouteSettings") {
        let settings = body.entry("defaultRouteSettings").or_insert_with(|| json!({}));
        // These merge too.
        for (key, member, cleared) in [
            ("DataTraceEnabled", "dataTraceEnabled", json!(false)),
            ("DetailedMetricsEnabled", "detailedMetricsEnabled", json!(false)),
            ("LoggingLevel", "loggingLevel", json!("OFF")),
            ("ThrottlingBurstLimit", "throttlingBurstLimit", json!(0)),
            ("ThrottlingRateLimit", "throttlingRateLimit", json!(0)),
        ] {
            let before = live.at(&["DefaultRouteSettings", key]).is_some();
            if before && settings.get(member).is_none() {
                settings[member] = cleared;
            }
        }
    }
    if changed.contains("StageVariables") {
        let variables = body.entry("stageVariables").or_insert_with(|| json!({}));
        let after = text_map(wanted, &["StageVariables"]);
        for name in text_map(live, &["StageVariables"]).keys().filter(|name| !after.contains_key(*name)) {
            variables[name] = "".into();
        }
    }
    let routes = |tree: &Value| match tree.get("RouteSettings") {
        Some(Value::Map(routes)) => routes.keys().cloned().collect(),
        _ => BTreeSet::new(),
    };
    let gone = routes(live).difference(&routes(wanted)).cloned().collect();
    (body, gone)
}

impl Findable for Stage {}

#[async_trait]
impl Kind for Stage {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("ApiId", Trait::Immutable), ("StageName", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        Some(format!("{}/{}", api_of(&desired.properties)?, desired.properties.get("StageName")?.text()?))
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let name = desired.properties.get("StageName").and_then(Value::text);
        name.map(|name| BTreeMap::from([("Ref".to_owned(), Value::string(name))])).unwrap_or_default()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let (Some(api), Some(name)) = (api_of(&desired.properties), text(&desired.properties, &["StageName"])) else {
            return Ok(None);
        };
        let stages = listed(&self.aws, &api).await?;
        let found = stages.iter().find(|stage| member(stage, "stageName") == Some(&name));
        Ok(found.map(|stage| self.live(&api, stage, Some(desired.address.clone()))))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let api = parent.physical_id.as_str();
        Ok(listed(&self.aws, api)
            .await?
            .iter()
            .map(|stage| Live { parent: Some(parent.address.logical_id.clone()), ..self.live(api, stage, None) })
            .collect())
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(api::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (api, name) = (required(&wanted, "ApiId")?, required(&wanted, "StageName")?);
        let mut body = encode(&wanted, PROPERTIES);
        body.insert("tags".to_owned(), json!(text_map(&wanted, &["Tags"])));
        let request = Signed::rest("POST", format!("{}/stages", api::path(&api))).body(Json::Object(body));
        let find = || self.get(&api, &name);
        let call = self.aws.call("apigatewayv2", "CreateStage").progress(progress);
        call.create(find, || self.aws.signed("apigatewayv2", request.clone())).await?;
        Ok(Live::made(
            desired,
            BTreeMap::from([("Ref".to_owned(), Value::string(name.as_str()))]),
            format!("{api}/{name}"),
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
        let Some((api, name)) = live.physical_id.split_once('/') else { return Ok(live.clone()) };
        let path = path(api, name);
        let changed = changed(fields);
        let (body, gone) = update(&live.properties, &wanted, &changed);
        for route in gone {
            let request = Signed::rest("DELETE", format!("{path}/routesettings/{}", segment(&route)));
            self.aws.look_for("apigatewayv2", "DeleteRouteSettings", &request).await?;
        }
        if changed.contains("AccessLogSettings") && wanted.get("AccessLogSettings").is_none() {
            let request = Signed::rest("DELETE", format!("{path}/accesslogsettings"));
            self.aws.look_for("apigatewayv2", "DeleteAccessLogSettings", &request).await?;
        }
        if !body.is_empty() {
            let request = Signed::rest("PATCH", path.as_str()).body(Json::Object(body));
            self.aws.ask("apigatewayv2", "UpdateStage", &request, progress).await?;
        }
        let change = Retag::between(&live.properties, &wanted);
        let arn = arn(&self.aws, &format!("/apis/{api}/stages/{name}"));
        retag(&self.aws, TAGS, ("tags", "tagKeys"), &arn, &change, progress).await?;
        Ok(Live { address: desired.address.clone(), properties: wanted, ownership: Ownership::Ours, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((api, name)) = live.physical_id.split_once('/') else { return Ok(()) };
        let request = Signed::rest("DELETE", path(api, name));
        let call = self.aws.call("apigatewayv2", "DeleteStage").progress(progress);
        call.find(|| self.aws.signed("apigatewayv2", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: STAGES }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            needs(Step::Create, "apigateway:POST"),
            needs(Step::Create, "apigateway:TagResource"),
            needs(Step::Update, "apigateway:PATCH"),
            needs(Step::Update, "apigateway:DELETE"),
            Permission { step: Step::Update, action: "apigateway:POST", resource: OF_TAGS },
            Permission { step: Step::Update, action: "apigateway:DELETE", resource: OF_TAGS },
            needs(Step::Delete, "apigateway:DELETE"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    fn normal(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn every_setting_can_be_cleared() {
        let live = normal(json!({
            "StageName": "dev", "AutoDeploy": true, "Description": "d", "StageVariables": { "a": "1", "b": "1" },
            "DefaultRouteSettings": { "LoggingLevel": "INFO", "ThrottlingRateLimit": 10.0 },
            "RouteSettings": { "GET /a": { "ThrottlingBurstLimit": 1 } },
        }));
        let wanted = normal(json!({ "StageName": "dev", "StageVariables": { "b": 2 } }));
        let fields = crate::engine::diff::difference(&live, &wanted, &[]).fields;
        let (body, gone) = update(&live, &wanted, &changed(&fields));
        assert_eq!(
            Json::Object(body),
            json!({
                "autoDeploy": false, "description": "", "stageVariables": { "a": "", "b": "2" },
                "defaultRouteSettings": { "loggingLevel": "OFF", "throttlingRateLimit": 0 },
            })
        );
        assert_eq!(gone, ["GET /a"]);
    }

    #[test]
    fn settings_that_say_nothing_are_no_difference() {
        let live = normal(json!({ "StageName": "$default", "AutoDeploy": true,
            "DefaultRouteSettings": { "DetailedMetricsEnabled": false, "LoggingLevel": "OFF" } }));
        assert_eq!(live, normal(json!({ "StageName": "$default", "AutoDeploy": "true" })));
    }
}
