//! Parts that routes of ours refer to in an API that is somebody else's: `AWS::ApiGateway::Authorizer`, `Model` and
//! `RequestValidator`. They differ in their properties, in how they are called, and in where our mark stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::method_shape::encode;
use super::{PARTS, WRITER, method, our_marks};
use crate::aws::client::Aws;
use crate::aws::kinds::json::{changed, expect, member};
use crate::aws::kinds::openapi::text_set;
use crate::aws::kinds::patch::Patch;
use crate::aws::kinds::properties::{
    as_text, boolean_in_place, default_to, document, drop_empty, from_json, number_in_place, parsed_document, required,
};
use crate::aws::kinds::{Findable, rest_api};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// One kind of part.
#[derive(Debug)]
pub struct Shape {
    /// `AWS::ApiGateway::Authorizer`
    pub(super) type_name: &'static str,
    /// `authorizers`, in paths.
    collection: &'static str,
    /// The member of an answer by which a part is addressed.
    id: &'static str,
    create: &'static str,
    read: &'static str,
    update: &'static str,
    delete: &'static str,
    /// Properties and their names in calls.
    properties: &'static [(&'static str, &'static str)],
    /// The member of an answer with our mark.
    mark: &'static str,
    traits: &'static [PropertyTrait],
}

/// `AWS::ApiGateway::Authorizer`.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-authorizer.html>
pub const AUTHORIZER: Shape = Shape {
    type_name: "AWS::ApiGateway::Authorizer",
    collection: "authorizers",
    id: "id",
    create: "CreateAuthorizer",
    read: "GetAuthorizers",
    update: "UpdateAuthorizer",
    delete: "DeleteAuthorizer",
    properties: &[
        ("AuthType", "authType"),
        ("AuthorizerCredentials", "authorizerCredentials"),
        ("AuthorizerResultTtlInSeconds", "authorizerResultTtlInSeconds"),
        ("AuthorizerUri", "authorizerUri"),
        ("IdentitySource", "identitySource"),
        ("IdentityValidationExpression", "identityValidationExpression"),
        ("Name", "name"),
        ("ProviderARNs", "providerARNs"),
        ("Type", "type"),
    ],
    mark: "authType",
    traits: &[
        ("RestApiId", Trait::Immutable),
        ("Name", Trait::Immutable),
        ("Type", Trait::Immutable),
        ("ProviderARNs", Trait::Unordered),
        ("AuthType", Trait::Bookkeeping),
    ],
};

/// `AWS::ApiGateway::Model`. Its name says what its schema is, so that another schema is another model, and the method that
/// has it another method: nothing of an API that changes in its place gets to a stage.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-model.html>
pub const MODEL: Shape = Shape {
    type_name: "AWS::ApiGateway::Model",
    collection: "models",
    id: "name",
    create: "CreateModel",
    read: "GetModels",
    update: "UpdateModel",
    delete: "DeleteModel",
    properties: &[("ContentType", "contentType"), ("Description", "description"), ("Name", "name"), (SCHEMA, "schema")],
    mark: "description",
    traits: &[
        ("RestApiId", Trait::Immutable),
        ("Name", Trait::Immutable),
        ("ContentType", Trait::Immutable),
        ("Description", Trait::Bookkeeping),
    ],
};

/// `AWS::ApiGateway::RequestValidator`. It has room for our mark in its name only.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-requestvalidator.html>
pub const VALIDATOR: Shape = Shape {
    type_name: "AWS::ApiGateway::RequestValidator",
    collection: "requestvalidators",
    id: "id",
    create: "CreateRequestValidator",
    read: "GetRequestValidators",
    update: "UpdateRequestValidator",
    delete: "DeleteRequestValidator",
    properties: &[
        ("Name", "name"),
        ("ValidateRequestBody", "validateRequestBody"),
        ("ValidateRequestParameters", "validateRequestParameters"),
    ],
    mark: "name",
    traits: &[("RestApiId", Trait::Immutable), ("Name", Trait::Immutable)],
};

/// A JSON Schema: a mapping for us, a text for API Gateway.
const SCHEMA: &str = "Schema";

/// Reads, makes, changes and deletes parts of one kind.
pub struct Part {
    aws: Arc<Aws>,
    shape: &'static Shape,
}

impl Part {
    pub fn new(aws: Arc<Aws>, shape: &'static Shape) -> Self {
        Self { aws, shape }
    }

    async fn all(&self, api: &str) -> Result<Vec<Json>, Failure> {
        let request = Signed::rest("GET", self.collection(api)).query("limit", "500");
        self.aws.pages("apigateway", self.shape.read, request, ("position", "position"), "item").await
    }

    async fn named(&self, api: &str, name: &str) -> Result<Option<Json>, Failure> {
        Ok(self.all(api).await?.into_iter().find(|one| member(one, "name") == Some(name)))
    }

    fn collection(&self, api: &str) -> String {
        format!("{}/{}", rest_api::path(api), self.shape.collection)
    }

    fn path(&self, live: &Live) -> Result<Option<String>, Failure> {
        let Some(id) = live.attributes.get("Ref").and_then(Value::text) else { return Ok(None) };
        Ok(Some(format!("{}/{}", self.collection(&required(&live.properties, "RestApiId")?), segment(id))))
    }

    fn live(&self, api: &str, answer: &Json, address: Option<Address>) -> Option<Live> {
        let (id, name) = (member(answer, self.shape.id)?, member(answer, "name")?);
        let marks = our_marks(&self.aws);
        let logical_id = member(answer, self.shape.mark).and_then(|mark| marks.read_part(mark)).map(str::to_owned);
        let known = self.shape.properties.iter();
        let known = known.filter_map(|(key, name)| Some(((*key).to_owned(), from_json(answer.get(*name)?.clone()))));
        let mut map: BTreeMap<String, Value> = known.collect();
        map.insert("RestApiId".to_owned(), Value::string(api));
        normalise(self.shape, &mut map);
        Some(Live {
            ownership: if logical_id.is_some() { Ownership::Ours } else { Ownership::Unmarked },
            address: address
                .unwrap_or_else(|| Address::new(self.shape.type_name, logical_id.unwrap_or_else(|| name.to_owned()))),
            physical_id: format!("{api}/{name}"),
            properties: Value::Map(map),
            attributes: self.attributes(id),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    fn attributes(&self, id: &str) -> BTreeMap<String, Value> {
        let own = format!("{}Id", self.shape.type_name.rsplit(':').next().unwrap_or_default());
        ["Ref".to_owned(), own].into_iter().map(|key| (key, Value::string(id))).collect()
    }
}

/// The parts of an API that the service made.
pub(super) async fn ours(aws: &Arc<Aws>, api: &str) -> Result<Vec<Live>, Failure> {
    let mut found = Vec::new();
    for shape in [&AUTHORIZER, &MODEL, &VALIDATOR] {
        let part = Part::new(Arc::clone(aws), shape);
        let all = part.all(api).await?;
        found.extend(all.iter().filter_map(|answer| part.live(api, answer, None)));
    }
    found.retain(|live| live.ownership == Ownership::Ours);
    Ok(found)
}

fn normalise(shape: &Shape, properties: &mut BTreeMap<String, Value>) {
    if let Some(seconds) = properties.get_mut("AuthorizerResultTtlInSeconds") {
        number_in_place(seconds);
    }
    for key in ["ValidateRequestBody", "ValidateRequestParameters"] {
        properties.get_mut(key).into_iter().for_each(boolean_in_place);
    }
    if let Some(Value::String(schema)) = properties.get(SCHEMA) {
        let schema = parsed_document(schema);
        properties.insert(SCHEMA.to_owned(), schema);
    }
    drop_empty(properties, &[]);
    if shape.type_name == AUTHORIZER.type_name {
        default_to(properties, "AuthorizerResultTtlInSeconds", Value::Number(300.into()));
    }
}

fn patch(shape: &Shape, live: &Value, wanted: &Value, changed: &BTreeSet<&str>) -> Patch {
    let mut patch = Patch::default();
    for (key, name) in shape.properties {
        if !changed.contains(key) {
            continue;
        }
        match *key {
            "ProviderARNs" => {
                let (before, after) = (text_set(live.get(key)), text_set(wanted.get(key)));
                after.difference(&before).for_each(|arn| patch.add("/providerARNs", arn));
                before.difference(&after).for_each(|arn| patch.remove_value("/providerARNs", arn));
            }
            SCHEMA => patch.replace("/schema", &wanted.get(SCHEMA).map(document).unwrap_or_default()),
            _ => patch.replace(&format!("/{name}"), &wanted.get(key).and_then(as_text).unwrap_or_default()),
        }
    }
    patch
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
            normalise(self.shape, map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key)?.text();
        Some(format!("{}/{}", part("RestApiId")?, part("Name")?))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let part = |key: &str| desired.properties.get(key).and_then(Value::text);
        let (Some(api), Some(name)) = (part("RestApiId"), part("Name")) else { return Ok(None) };
        let found = self.named(api, name).await?;
        Ok(found.and_then(|answer| self.live(api, &answer, Some(desired.address.clone()))))
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[method::TYPE]
    }

    fn writer(&self, _: &Value) -> Option<String> {
        Some(WRITER.to_owned())
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (api, name) = (required(&wanted, "RestApiId")?, required(&wanted, "Name")?);
        let mut body = encode(&wanted, self.shape.properties);
        if let Some(schema) = wanted.get(SCHEMA) {
            body.insert("schema".to_owned(), document(schema).into());
        }
        let request = Signed::rest("POST", self.collection(&api)).body(Json::Object(body));
        let call = self.aws.call("apigateway", self.shape.create).progress(progress);
        let find = || self.named(&api, &name);
        let answer = call.create(find, || self.aws.signed("apigateway", request.clone())).await?;
        let id = expect(&answer, self.shape.id, self.shape.create)?;
        Ok(Live::made(desired, self.attributes(&id), format!("{api}/{name}"), wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let patch = patch(self.shape, &live.properties, &wanted, &changed(fields));
        if let (Some(path), false) = (self.path(live)?, patch.is_empty()) {
            self.aws.ask("apigateway", self.shape.update, &patch.request(&path), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some(path) = self.path(live)? else { return Ok(()) };
        let call = self.aws.call("apigateway", self.shape.delete).progress(progress);
        call.find(|| self.aws.signed("apigateway", Signed::rest("DELETE", &path))).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: PARTS }
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
    use serde_json::json;

    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    #[test]
    fn every_setting_can_be_changed_and_cleared() {
        let live =
            tree_of(json!({ "IdentityValidationExpression": "x", "ProviderARNs": ["a", "b"], "AuthorizerUri": "u" }));
        let wanted = tree_of(json!({ "ProviderARNs": ["b", "c"], "AuthorizerUri": "v" }));
        let fields = crate::engine::diff::difference(&live, &wanted, &[]).fields;
        let mut expected = Patch::default();
        expected.replace("/authorizerUri", "v");
        expected.replace("/identityValidationExpression", "");
        expected.add("/providerARNs", "c");
        expected.remove_value("/providerARNs", "a");
        assert_eq!(patch(&AUTHORIZER, &live, &wanted, &changed(&fields)), expected);
    }

    #[test]
    fn a_schema_is_a_mapping_here_and_a_text_there() {
        let mut live = BTreeMap::from([(SCHEMA.to_owned(), Value::string("{\n \"type\": \"object\"}"))]);
        normalise(&MODEL, &mut live);
        assert_eq!(Value::Map(live.clone()), tree_of(json!({ "Schema": { "type": "object" } })));
        let wanted = tree_of(json!({ "Schema": { "type": "array" } }));
        let fields = crate::engine::diff::difference(&Value::Map(live.clone()), &wanted, &[]).fields;
        let mut expected = Patch::default();
        expected.replace("/schema", "{\"type\":\"array\"}");
        assert_eq!(patch(&MODEL, &Value::Map(live), &wanted, &changed(&fields)), expected);
    }
}
