//! `AWS::ApiGateway::ApiKey`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-apikey.html>
//!
//! Names of keys are not unique: ours is the one with our tags. Its value is a secret and cannot be changed.

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
use crate::engine::value::{Secret, Value};

use super::json::{Retag, changed, expect, member, retag, tags_of, where_allowed};
use super::patch::Patch;
use super::properties::{
    boolean, boolean_in_place, default_to, drop_empty, from_json, own_tags, tags_to_map, text, text_map,
};
use super::rest_api::{TAGS, arn};
use super::{Findable, after};

/// `AWS::ApiGateway::ApiKey`
pub const TYPE: &str = "AWS::ApiGateway::ApiKey";

const KEYS: &str = "arn:${Partition}:apigateway:${Region}::/apikeys*";

/// Reads, makes, changes and deletes API keys.
pub struct ApiKey {
    aws: Arc<Aws>,
}

impl ApiKey {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn live(&self, key: &Json, desired: Option<&Desired>) -> Result<Live, Failure> {
        let id = expect(key, "id", "apigateway.GetApiKeys")?;
        let tags = tags_of(key.get("tags"));
        let mut map = decode(key);
        // A value that AWS made up is nothing that a file could ask for.
        if desired.is_none_or(|desired| desired.properties.get("Value").is_none()) {
            map.remove("Value");
        }
        map.insert("Tags".to_owned(), own_tags(&tags));
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        Ok(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(&id)),
            attributes: attributes(&id),
            physical_id: id,
            properties: Value::Map(map),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn ours(&self, desired: &Desired) -> Result<Option<Json>, Failure> {
        let id = Some(desired.address.logical_id.as_str());
        let all = all(&self.aws).await?;
        Ok(all.into_iter().find(|key| tags_of(key.get("tags")).get(ID).map(String::as_str) == id))
    }
}

/// Every key of the account that carries our marks, with its value.
pub(super) async fn all(aws: &Aws) -> Result<Vec<Json>, Failure> {
    let request = Signed::rest("GET", "/apikeys").query("limit", "500").query("includeValues", "true");
    let keys = aws.pages("apigateway", "GetApiKeys", request, ("position", "position"), "item").await?;
    Ok(keys.into_iter().filter(|key| aws.scope().ownership(&tags_of(key.get("tags"))) == Ownership::Ours).collect())
}

fn attributes(id: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(id)), ("APIKeyId".to_owned(), Value::string(id))])
}

fn path(id: &str) -> String {
    format!("/apikeys/{}", segment(id))
}

fn decode(key: &Json) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::new();
    for (property, name) in
        [("CustomerId", "customerId"), ("Description", "description"), ("Enabled", "enabled"), ("Name", "name")]
    {
        if let Some(value) = key.get(name).filter(|value| !value.is_null()) {
            map.insert(property.to_owned(), from_json(value.clone()));
        }
    }
    if let Some(value) = member(key, "value") {
        map.insert("Value".to_owned(), Value::Secret(Secret::new(value)));
    }
    normalise(&mut map);
    map
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    // Usage plans say which stages a key is for; this property is of the time before them.
    properties.remove("StageKeys");
    properties.remove("GenerateDistinctId");
    if let Some(value) = properties.get_mut("Enabled") {
        boolean_in_place(value);
    }
    drop_empty(properties, &[]);
    default_to(properties, "Enabled", Value::Bool(false));
}

fn creation(properties: &Value) -> Json {
    let mut body = Map::new();
    for (name, key) in
        [("customerId", "CustomerId"), ("description", "Description"), ("name", "Name"), ("value", "Value")]
    {
        if let Some(value) = text(properties, &[key]) {
            body.insert(name.to_owned(), value.into());
        }
    }
    body.insert("enabled".to_owned(), boolean(properties, &["Enabled"]).unwrap_or(false).into());
    body.insert("tags".to_owned(), json!(text_map(properties, &["Tags"])));
    Json::Object(body)
}

#[async_trait]
impl Findable for ApiKey {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "apigateway", "/apikeys/").map(str::to_owned)
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        let request = Signed::rest("GET", path(physical_id));
        match self.aws.look_for("apigateway", "GetApiKey", &request).await? {
            Some(key) => self.live(&key, None).map(Some),
            None => Ok(None),
        }
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let keys = where_allowed(all(&self.aws).await)?;
        Ok(keys.iter().filter_map(|key| Some((TYPE, member(key, "id")?.to_owned()))).collect())
    }
}

#[async_trait]
impl Kind for ApiKey {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("Value", Trait::Immutable), ("Value", Trait::Sensitive)]
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

    /// The value of a key is taken once.
    fn place(&self, _: &Value) -> Option<String> {
        Some(String::new())
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        self.ours(desired).await?.map(|key| self.live(&key, Some(desired))).transpose()
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        self.aws.keep_secret(&wanted);
        let request = Signed::rest("POST", "/apikeys").body(creation(&wanted));
        let call = self.aws.call("apigateway", "CreateApiKey").progress(progress);
        let key = call.create(|| self.ours(desired), || self.aws.signed("apigateway", request.clone())).await?;
        let id = expect(&key, "id", "apigateway.CreateApiKey")?;
        Ok(Live::made(desired, attributes(&id), id, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let changed = changed(fields);
        let mut patch = Patch::default();
        for (key, at) in
            [("CustomerId", "/customerId"), ("Description", "/description"), ("Enabled", "/enabled"), ("Name", "/name")]
        {
            if changed.contains(key) {
                patch.replace(at, &text(&wanted, &[key]).unwrap_or_default());
            }
        }
        let path = path(&live.physical_id);
        if !patch.is_empty() {
            self.aws.ask("apigateway", "UpdateApiKey", &patch.request(&path), progress).await?;
        }
        let change = Retag::between(&live.properties, &wanted);
        retag(&self.aws, TAGS, ("tags", "tagKeys"), &arn(&self.aws, &path), &change, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("DELETE", path(&live.physical_id));
        let call = self.aws.call("apigateway", "DeleteApiKey").progress(progress);
        call.find(|| self.aws.signed("apigateway", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: KEYS }
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

    #[test]
    fn a_key_keeps_its_value_to_itself() {
        let live = decode(&json!({ "id": "k", "name": "n", "value": "hunter2-hunter2-hunter2", "enabled": true }));
        assert!(!format!("{live:?}").contains("hunter2"));
        let Value::Map(mut file) =
            tree_of(json!({ "Name": "n", "Enabled": "true", "StageKeys": [{ "StageName": "dev" }] }))
        else {
            panic!("a map")
        };
        normalise(&mut file);
        assert_eq!(file, tree_map(json!({ "Name": "n", "Enabled": true })));
        let secret = Value::Map(BTreeMap::from([("Value".to_owned(), Value::Secret(Secret::new("s")))]));
        assert_eq!(creation(&secret)["value"], json!("s"));
    }

    fn tree_map(json: Json) -> BTreeMap<String, Value> {
        let Value::Map(map) = tree_of(json) else { panic!("a map") };
        map
    }
}
