//! `AWS::IoT::ProvisioningTemplate`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-provisioningtemplate.html>
//!
//! Another body is another version; five are kept (<https://docs.aws.amazon.com/general/latest/gr/iot-core.html>), so the
//! oldest that is not in use makes room.

use std::collections::BTreeMap;
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

use super::super::json::{changed, lower, member, pick, tag_list, upper};
use super::super::names::generated;
use super::super::properties::{
    boolean_in_place, default_to, document, drop_empty, from_json, own_tags, parsed_document, tags_to_map, text,
};
use super::super::{Findable, after};
use super::{retag, tags};

/// `AWS::IoT::ProvisioningTemplate`
pub const TYPE: &str = "AWS::IoT::ProvisioningTemplate";

/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateProvisioningTemplate.html>
const LONGEST_NAME: usize = 36;
const MOST_VERSIONS: usize = 5;
/// What AWS assumes where a hook names no version.
const PAYLOAD_VERSION: &str = "2020-04-01";
const FLEET: &str = "FLEET_PROVISIONING";

/// Properties that UpdateProvisioningTemplate changes.
const CHANGEABLE: &[&str] = &["Description", "Enabled", "PreProvisioningHook", "ProvisioningRoleArn"];

const TEMPLATE_ARN: &str = "arn:${Partition}:iot:${Region}:${Account}:provisioningtemplate/*";

/// Reads, makes, changes and deletes provisioning templates.
pub struct ProvisioningTemplate {
    aws: Arc<Aws>,
}

impl ProvisioningTemplate {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn name(&self, desired: &Desired) -> Option<String> {
        match desired.properties.get("TemplateName") {
            Some(name) => name.text().map(str::to_owned),
            None => Some(generated(self.aws.scope(), &desired.address.logical_id, LONGEST_NAME)),
        }
    }

    fn attributes(&self, name: &str) -> BTreeMap<String, Value> {
        let mut attributes = BTreeMap::from([("Ref".to_owned(), Value::string(name))]);
        let arn = self.aws.arn("iot", &format!("provisioningtemplate/{name}"));
        attributes.extend(arn.map(|arn| ("TemplateArn".to_owned(), Value::String(arn))));
        attributes
    }

    /// Makes a body the one that counts.
    async fn set_body(&self, name: &str, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
        let versions = format!("{}/versions", path(name));
        let list = Signed::rest("GET", versions.as_str());
        let token = ("nextToken", "nextToken");
        let mut all = self.aws.pages("iot", "ListProvisioningTemplateVersions", list, token, "versions").await?;
        all.sort_by_key(|version| version.get("versionId").and_then(Json::as_i64));
        let idle = all.iter().find(|version| version.get("isDefaultVersion") != Some(&Json::Bool(true)));
        if let Some(oldest) = idle.filter(|_| all.len() >= MOST_VERSIONS)
            && let Some(id) = oldest.get("versionId").and_then(Json::as_i64)
        {
            let request = Signed::rest("DELETE", format!("{versions}/{id}"));
            let call = self.aws.call("iot", "DeleteProvisioningTemplateVersion").progress(progress);
            call.find(|| self.aws.signed("iot", request.clone())).await?;
        }
        let body = wanted.get("TemplateBody").map(document).unwrap_or_default();
        let request =
            Signed::rest("POST", versions).query("setAsDefault", "true").body(json!({ "templateBody": body }));
        self.aws.ask("iot", "CreateProvisioningTemplateVersion", &request, progress).await.map(drop)
    }
}

fn path(name: &str) -> String {
    format!("/provisioning-templates/{}", segment(name))
}

fn decode(answer: &Json) -> BTreeMap<String, Value> {
    let Value::Map(mut map) = from_json(upper(answer.clone())) else { return BTreeMap::new() };
    if let Some(kind) = map.remove("Type") {
        map.insert("TemplateType".to_owned(), kind);
    }
    map.retain(|key, _| CHANGEABLE.contains(&key.as_str()) || ["TemplateBody", "TemplateType"].contains(&key.as_str()));
    normalise(&mut map);
    map
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    default_to(properties, "Enabled", Value::Bool(false));
    if let Some(enabled) = properties.get_mut("Enabled") {
        boolean_in_place(enabled);
    }
    if let Some(Value::String(body)) = properties.get("TemplateBody") {
        let body = parsed_document(body);
        properties.insert("TemplateBody".to_owned(), body);
    }
    if let Some(Value::Map(hook)) = properties.get_mut("PreProvisioningHook") {
        default_to(hook, "PayloadVersion", Value::string(PAYLOAD_VERSION));
    }
    if properties.get("TemplateType").and_then(Value::text) == Some(FLEET) {
        properties.remove("TemplateType");
    }
    drop_empty(properties, &["TemplateBody"]);
}

/// The members of CreateProvisioningTemplate.
fn creation(name: &str, wanted: &Value) -> Json {
    let mut body = Json::Object(pick(wanted, CHANGEABLE));
    body = lower(body);
    body["templateName"] = name.into();
    body["templateBody"] = wanted.get("TemplateBody").map(document).unwrap_or_default().into();
    body["tags"] = tag_list(wanted);
    if let Some(kind) = text(wanted, &["TemplateType"]) {
        body["type"] = kind.into();
    }
    body
}

/// The members of UpdateProvisioningTemplate that bring about what changed; nothing when none did.
fn update(wanted: &Value, fields: &[FieldChange]) -> Map<String, Json> {
    let changed = changed(fields);
    let of_ours: Vec<&str> = CHANGEABLE.iter().copied().filter(|key| changed.contains(key)).collect();
    let Json::Object(mut body) = lower(Json::Object(pick(wanted, &of_ours))) else { return Map::new() };
    if of_ours.contains(&"Description") {
        body.entry("description").or_insert_with(|| "".into());
    }
    if of_ours.contains(&"PreProvisioningHook") && !body.contains_key("preProvisioningHook") {
        body.insert("removePreProvisioningHook".to_owned(), true.into());
    }
    body
}

#[async_trait]
impl Findable for ProvisioningTemplate {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "iot", "provisioningtemplate/").map(str::to_owned)
    }
}

#[async_trait]
impl Kind for ProvisioningTemplate {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("TemplateName", Trait::Immutable), ("TemplateType", Trait::Immutable), ("TemplateBody", Trait::Document)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        self.name(desired)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        self.name(desired).map(|name| self.attributes(&name)).unwrap_or_default()
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let request = Signed::rest("GET", path(name));
        let Some(answer) = self.aws.look_for("iot", "DescribeProvisioningTemplate", &request).await? else {
            return Ok(None);
        };
        let tags = tags(&self.aws, member(&answer, "templateArn").unwrap_or_default()).await?;
        let mut map = decode(&answer);
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        let is_made_up = logical_id.is_some_and(|id| generated(self.aws.scope(), id, LONGEST_NAME) == name);
        if desired.map_or(!is_made_up, |desired| desired.properties.get("TemplateName").is_some()) {
            map.insert("TemplateName".to_owned(), Value::string(name));
        }
        map.insert("Tags".to_owned(), own_tags(&tags));
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(map),
            attributes: self.attributes(name),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = desired.named(self.name(desired))?;
        let request = Signed::rest("POST", "/provisioning-templates").body(creation(&name, &wanted));
        self.aws
            .call("iot", "CreateProvisioningTemplate")
            .progress(progress)
            // The hook's permission was added a moment ago.
            .fresh(true)
            .create(
                || async {
                    let found = self.find(&name, None).await?;
                    Ok(found.filter(|live| live.ownership == Ownership::Ours).map(|_| Json::Null))
                },
                || self.aws.signed("iot", request.clone()),
            )
            .await?;
        Ok(Live::made(desired, self.attributes(&name), name, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = live.physical_id.as_str();
        if changed(fields).contains("TemplateBody") {
            self.set_body(name, &wanted, progress).await?;
        }
        let body = update(&wanted, fields);
        if !body.is_empty() {
            let request = Signed::rest("PATCH", path(name)).body(Json::Object(body));
            self.aws.ask("iot", "UpdateProvisioningTemplate", &request, progress).await?;
        }
        let arn = text(&Value::Map(self.attributes(name)), &["TemplateArn"]).unwrap_or_default();
        retag(&self.aws, &arn, &live.properties, &wanted, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("DELETE", path(&live.physical_id));
        let call = self.aws.call("iot", "DeleteProvisioningTemplate").progress(progress);
        call.find(|| self.aws.signed("iot", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: TEMPLATE_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "iot:DescribeProvisioningTemplate"),
            needs(Step::Read, "iot:ListTagsForResource"),
            needs(Step::Create, "iot:CreateProvisioningTemplate"),
            needs(Step::Create, "iot:TagResource"),
            // Hands the provisioning role to IoT.
            Permission {
                step: Step::Create,
                action: "iam:PassRole",
                resource: "arn:${Partition}:iam::${Account}:role/*",
            },
            needs(Step::Update, "iot:CreateProvisioningTemplateVersion"),
            needs(Step::Update, "iot:DeleteProvisioningTemplateVersion"),
            needs(Step::Update, "iot:ListProvisioningTemplateVersions"),
            needs(Step::Update, "iot:UpdateProvisioningTemplate"),
            needs(Step::Update, "iot:TagResource"),
            needs(Step::Update, "iot:UntagResource"),
            needs(Step::Delete, "iot:DeleteProvisioningTemplate"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::properties::tests::tree_of;
    use super::*;

    fn normal(file: Json) -> Value {
        let Value::Map(mut map) = tree_of(file) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    fn field(path: &str) -> FieldChange {
        FieldChange { path: path.into(), before: None, after: None, sensitive: false, bookkeeping: false, told: None }
    }

    #[test]
    fn a_template_comes_back_as_the_file_has_it() {
        let file = normal(json!({
            "Enabled": "true", "ProvisioningRoleArn": "r", "TemplateBody": "{\"Parameters\": {}}",
            "PreProvisioningHook": { "TargetArn": "f" }, "TemplateType": "FLEET_PROVISIONING",
        }));
        let mut sent = creation("t", &file);
        assert_eq!(sent["templateBody"], "{\"Parameters\":{}}");
        assert_eq!(sent["preProvisioningHook"], json!({ "targetArn": "f", "payloadVersion": "2020-04-01" }));
        sent["templateArn"] = "arn".into();
        sent["defaultVersionId"] = 1.into();
        sent["type"] = "FLEET_PROVISIONING".into();
        assert_eq!(Value::Map(decode(&sent)), file);
    }

    #[test]
    fn what_left_the_file_is_taken_away() {
        let file = normal(json!({ "ProvisioningRoleArn": "r", "TemplateBody": {} }));
        let sent = update(&file, &[field("Description"), field("PreProvisioningHook.TargetArn"), field("Enabled")]);
        let wanted = json!({ "description": "", "removePreProvisioningHook": true, "enabled": false });
        assert_eq!(Json::Object(sent), wanted);
        assert!(update(&file, &[field("TemplateBody.Parameters"), field("Tags.a")]).is_empty());
    }
}
