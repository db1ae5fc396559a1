//! `AWS::Lambda::LayerVersion`, and `AWS::Lambda::LayerVersionPermission` beneath it.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-layerversion.html>
//!
//! `Content` is `{"Sha256": <base64 of the zip's digest>}` with the zip's path in the hint `Artifact`, or
//! `{"S3Bucket", "S3Key"}`. A version never changes: what differs from the newest one is published as another. Versions
//! carry no tags, and other services may use them, so older ones stay.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_lambda::types::{Architecture, LayerVersionContentInput, Runtime};
use serde_json::{Value as Json, json};

use crate::aws::client::{Aws, incomplete};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::Findable;
use super::json::{member, members, properties};
use super::properties::{drop_empty, required, text, texts};

/// `AWS::Lambda::LayerVersion`
pub const TYPE: &str = "AWS::Lambda::LayerVersion";
/// `AWS::Lambda::LayerVersionPermission`
pub const PERMISSION: &str = "AWS::Lambda::LayerVersionPermission";

const LAYER_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:layer:*";

/// Reads and publishes versions of layers.
pub struct LayerVersion {
    aws: Arc<Aws>,
}

impl LayerVersion {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn newest(&self, name: &str) -> Result<Option<Json>, Failure> {
        let path = format!("/2018-10-31/layers/{}/versions", segment(name));
        let request = Signed::rest("GET", path.as_str()).query("MaxItems", "1");
        let list = self.aws.look_for("lambda", "ListLayerVersions", &request).await?;
        let version = list.as_ref().and_then(|list| members(list, "LayerVersions").first()?.get("Version")?.as_i64());
        let Some(version) = version else { return Ok(None) };
        self.aws.look_for("lambda", "GetLayerVersion", &Signed::rest("GET", format!("{path}/{version}"))).await
    }

    async fn content(&self, desired: &Desired) -> Result<LayerVersionContentInput, Failure> {
        let input = LayerVersionContentInput::builder();
        let at = |key: &str| text(&desired.properties, &["Content", key]);
        if let (Some(bucket), Some(key)) = (at("S3Bucket"), at("S3Key")) {
            return Ok(input.s3_bucket(bucket).s3_key(key).set_s3_object_version(at("S3ObjectVersion")).build());
        }
        let digest = at("Sha256").ok_or_else(|| Failure::new(Reason::Bug, "a layer without a digest"))?;
        let path = desired.hints.get("Artifact").and_then(Value::text).map(PathBuf::from);
        // Layers are large and change rarely: they go through the bucket, where they are kept.
        let stored = match path {
            Some(path) => self.aws.bucket().store_artifact(&path, &digest).await?,
            None => self.aws.kept_artifact(&digest).await?.ok_or_else(|| {
                let message =
                    format!("the content of {} is kept nowhere (SHA-256 {digest})", desired.address.logical_id);
                Failure::new(Reason::NotFound, message)
                    .help("Check out the commit that it was deployed from, and deploy that.")
            })?,
        };
        Ok(input.s3_bucket(stored.bucket).s3_key(stored.key).build())
    }
}

fn attributes(arn: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(arn)), ("LayerVersionArn".to_owned(), Value::string(arn))])
}

fn decode(name: &str, answer: &Json) -> BTreeMap<String, Value> {
    let keys = ["CompatibleArchitectures", "CompatibleRuntimes", "Description", "LicenseInfo"];
    let mut map = properties(answer, &keys);
    map.insert("LayerName".to_owned(), Value::string(name));
    if let Some(digest) = answer.pointer("/Content/CodeSha256").and_then(Json::as_str) {
        let content = BTreeMap::from([("Sha256".to_owned(), Value::string(digest))]);
        map.insert("Content".to_owned(), Value::Map(content));
    }
    drop_empty(&mut map, &[]);
    map
}

/// `name` of `name` or of the ARN of a layer.
fn layer_name(text: &str) -> &str {
    text.split_once(":layer:").map_or(text, |(_, name)| name.split(':').next().unwrap_or(name))
}

impl Findable for LayerVersion {}

#[async_trait]
impl Kind for LayerVersion {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("CompatibleArchitectures", Trait::Immutable),
            ("CompatibleArchitectures", Trait::Unordered),
            ("CompatibleRuntimes", Trait::Immutable),
            ("CompatibleRuntimes", Trait::Unordered),
            ("Content", Trait::Immutable),
            ("Description", Trait::Immutable),
            ("LayerName", Trait::Immutable),
            ("LicenseInfo", Trait::Immutable),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            map.remove("RetentionPolicy");
            drop_empty(map, &[]);
        }
    }

    /// Only what is published has an ARN, and it may be one of many.
    fn identity(&self, _: &Desired) -> Option<String> {
        None
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    /// The newest version, when it is what the file wants: another one is no older form of it.
    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(name) = text(&desired.properties, &["LayerName"]) else { return Ok(None) };
        let name = layer_name(&name);
        let Some(newest) = self.newest(name).await? else { return Ok(None) };
        let properties = Value::Map(decode(name, &newest));
        let wanted = self.normalised(desired);
        if !crate::engine::diff::difference(&properties, &wanted, self.traits()).fields.is_empty() {
            return Ok(None);
        }
        let arn = member(&newest, "LayerVersionArn").unwrap_or_default();
        Ok(Some(Live::made(desired, attributes(arn), arn.to_owned(), properties)))
    }

    fn is_retained(&self) -> bool {
        true
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = required(&wanted, "LayerName")?;
        let content = self.content(desired).await?;
        let runtimes: Vec<Runtime> =
            texts(&wanted, &["CompatibleRuntimes"]).iter().map(|name| Runtime::from(name.as_str())).collect();
        let architectures: Vec<Architecture> =
            texts(&wanted, &["CompatibleArchitectures"]).iter().map(|name| Architecture::from(name.as_str())).collect();
        let find = || async {
            let found = self.read(desired).await?;
            Ok(found.map(|live| live.physical_id))
        };
        let send = || async {
            let request = self.aws.lambda_patient().publish_layer_version().layer_name(layer_name(&name));
            let answer = request
                .content(content.clone())
                .set_description(text(&wanted, &["Description"]))
                .set_license_info(text(&wanted, &["LicenseInfo"]))
                .set_compatible_runtimes((!runtimes.is_empty()).then(|| runtimes.clone()))
                .set_compatible_architectures((!architectures.is_empty()).then(|| architectures.clone()))
                .send()
                .await?;
            Ok(answer.layer_version_arn().unwrap_or_default().to_owned())
        };
        let arn = self.aws.call("lambda", "PublishLayerVersion").progress(progress).create(find, send).await?;
        if arn.is_empty() {
            return Err(incomplete("lambda.PublishLayerVersion", "ARN"));
        }
        Ok(Live::made(desired, attributes(&arn), arn, wanted))
    }

    async fn update(&self, live: &Live, _: &Desired, _: &[FieldChange], _: &Progress) -> Result<Live, Failure> {
        Ok(live.clone())
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((name, version)) = place(&live.physical_id) else { return Ok(()) };
        let path = format!("/2018-10-31/layers/{}/versions/{version}", segment(name));
        let request = Signed::rest("DELETE", path);
        let call = self.aws.call("lambda", "DeleteLayerVersion").progress(progress);
        call.find(|| self.aws.signed("lambda", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: LAYER_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "lambda:ListLayerVersions"),
            needs(Step::Read, "lambda:GetLayerVersion"),
            needs(Step::Create, "lambda:PublishLayerVersion"),
            needs(Step::Delete, "lambda:DeleteLayerVersion"),
        ];
        ALL
    }
}

/// Name and version of a layer version's ARN.
fn place(arn: &str) -> Option<(&str, &str)> {
    arn.split_once(":layer:")?.1.split_once(':')
}

/// Reads, adds and removes permissions to use a version of a layer.
pub struct LayerVersionPermission {
    aws: Arc<Aws>,
}

impl LayerVersionPermission {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn live(&self, arn: &str, sid: &str, properties: Value, address: Address) -> Live {
        Live {
            address,
            physical_id: format!("{arn}#{sid}"),
            properties,
            attributes: BTreeMap::from([("Id".to_owned(), Value::string(sid))]),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    fn policy_path(arn: &str) -> Option<String> {
        let (name, version) = place(arn)?;
        Some(format!("/2018-10-31/layers/{}/versions/{version}/policy", segment(name)))
    }

    async fn find(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(arn) = text(&desired.properties, &["LayerVersionArn"]) else { return Ok(None) };
        let (sid, Some(path)) = (statement_id(&desired.properties), Self::policy_path(&arn)) else { return Ok(None) };
        let answer = self.aws.look_for("lambda", "GetLayerVersionPolicy", &Signed::rest("GET", path)).await?;
        let policy: Json = answer
            .as_ref()
            .and_then(|answer| serde_json::from_str(member(answer, "Policy")?).ok())
            .unwrap_or(Json::Null);
        let there =
            members(&policy, "Statement").iter().any(|statement| member(statement, "Sid") == Some(sid.as_str()));
        Ok(there.then(|| self.live(&arn, &sid, desired.properties.clone(), desired.address.clone())))
    }
}

/// `hoist-123456789012`, `hoist-all`: whom a permission lets in.
fn statement_id(properties: &Value) -> String {
    let who = |key: &str| text(properties, &[key]).unwrap_or_default();
    let name: String = format!("{}{}", who("Principal").replace('*', "all"), who("OrganizationId"))
        .replace(':', "-")
        .replace('/', "-");
    format!("hoist-{name}")
}

impl Findable for LayerVersionPermission {}

#[async_trait]
impl Kind for LayerVersionPermission {
    fn type_name(&self) -> &'static str {
        PERMISSION
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("Action", Trait::Immutable),
            ("LayerVersionArn", Trait::Immutable),
            ("OrganizationId", Trait::Immutable),
            ("Principal", Trait::Immutable),
        ]
    }

    fn normalise(&self, _: &mut Value) {}

    fn identity(&self, desired: &Desired) -> Option<String> {
        let arn = desired.properties.get("LayerVersionArn")?.text()?;
        Some(format!("{arn}#{}", statement_id(&desired.properties)))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        self.find(desired).await
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let arn = required(&desired.properties, "LayerVersionArn")?;
        let missing = || Failure::new(Reason::Invalid, format!("{arn} is no version of a layer"));
        let sid = statement_id(&desired.properties);
        let mut body = json!({
            "Action": required(&desired.properties, "Action")?,
            "Principal": required(&desired.properties, "Principal")?,
            "StatementId": sid,
        });
        if let Some(organisation) = text(&desired.properties, &["OrganizationId"]) {
            body["OrganizationId"] = organisation.into();
        }
        let request = Signed::rest("POST", Self::policy_path(&arn).ok_or_else(missing)?).body(body);
        match self.aws.ask("lambda", "AddLayerVersionPermission", &request, progress).await {
            // The id says whom it lets in: whatever has it is the same.
            Err(failure) if failure.reason != Reason::Conflict => return Err(failure),
            _ => {}
        }
        Ok(self.live(&arn, &sid, desired.properties.clone(), desired.address.clone()))
    }

    async fn update(&self, live: &Live, _: &Desired, _: &[FieldChange], _: &Progress) -> Result<Live, Failure> {
        Ok(live.clone())
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((arn, sid)) = live.physical_id.split_once('#') else { return Ok(()) };
        let Some(path) = Self::policy_path(arn) else { return Ok(()) };
        let request = Signed::rest("DELETE", format!("{path}/{}", segment(sid)));
        let call = self.aws.call("lambda", "RemoveLayerVersionPermission").progress(progress);
        call.find(|| self.aws.signed("lambda", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: LAYER_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "lambda:GetLayerVersionPolicy"),
            needs(Step::Create, "lambda:AddLayerVersionPermission"),
            needs(Step::Delete, "lambda:RemoveLayerVersionPermission"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    #[test]
    fn a_version_is_what_it_holds() {
        let live = decode(
            "tools",
            &json!({ "Content": { "CodeSha256": "abc=", "Location": "https://x" }, "Version": 3, "Description": "" }),
        );
        assert_eq!(Value::Map(live), tree_of(json!({ "Content": { "Sha256": "abc=" }, "LayerName": "tools" })));
    }

    #[test]
    fn arns_give_name_and_version() {
        let arn = "arn:aws:lambda:eu-central-1:1:layer:tools:3";
        assert_eq!(place(arn), Some(("tools", "3")));
        assert_eq!(layer_name(arn), "tools");
        assert_eq!(layer_name("tools"), "tools");
        assert_eq!(statement_id(&tree_of(json!({ "Principal": "*" }))), "hoist-all");
    }
}
