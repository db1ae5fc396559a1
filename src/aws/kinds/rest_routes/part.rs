//! `AWS::ApiGateway::Authorizer`, in an API that is somebody else's.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-authorizer.html>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::method_shape::encode;
use super::{PARTS, WRITER, our_marks};
use crate::aws::client::Aws;
use crate::aws::kinds::json::{changed, expect, member};
use crate::aws::kinds::openapi::text_set;
use crate::aws::kinds::patch::Patch;
use crate::aws::kinds::properties::{default_to, drop_empty, from_json, number_in_place, required, text};
use crate::aws::kinds::{Findable, rest_api};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `AWS::ApiGateway::Authorizer`
pub const TYPE: &str = "AWS::ApiGateway::Authorizer";

/// Properties and their names in calls.
const PROPERTIES: &[(&str, &str)] = &[
    ("AuthType", "authType"),
    ("AuthorizerCredentials", "authorizerCredentials"),
    ("AuthorizerResultTtlInSeconds", "authorizerResultTtlInSeconds"),
    ("AuthorizerUri", "authorizerUri"),
    ("IdentitySource", "identitySource"),
    ("IdentityValidationExpression", "identityValidationExpression"),
    ("Name", "name"),
    ("ProviderARNs", "providerARNs"),
    ("Type", "type"),
];

/// Reads, makes, changes and deletes authorizers.
pub struct Authorizer {
    aws: Arc<Aws>,
}

impl Authorizer {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn named(&self, api: &str, name: &str) -> Result<Option<Json>, Failure> {
        let all = all(&self.aws, api).await?;
        Ok(all.into_iter().find(|authorizer| member(authorizer, "name") == Some(name)))
    }
}

fn collection(api: &str) -> String {
    format!("{}/authorizers", rest_api::path(api))
}

async fn all(aws: &Aws, api: &str) -> Result<Vec<Json>, Failure> {
    let request = Signed::rest("GET", collection(api)).query("limit", "500");
    aws.pages("apigateway", "GetAuthorizers", request, ("position", "position"), "item").await
}

fn mark(authorizer: &Json) -> &str {
    member(authorizer, "authType").unwrap_or_default()
}

fn attributes(id: &str) -> BTreeMap<String, Value> {
    ["Ref", "AuthorizerId"].into_iter().map(|key| (key.to_owned(), Value::string(id))).collect()
}

fn live(aws: &Aws, api: &str, authorizer: &Json, address: Option<Address>) -> Option<Live> {
    let (id, name) = (member(authorizer, "id")?, member(authorizer, "name")?);
    let logical_id = our_marks(aws).read_authorizer(mark(authorizer)).map(str::to_owned);
    let known = PROPERTIES
        .iter()
        .filter_map(|(key, name)| Some(((*key).to_owned(), from_json(authorizer.get(*name)?.clone()))));
    let mut map: BTreeMap<String, Value> = known.collect();
    map.insert("RestApiId".to_owned(), Value::string(api));
    normalise(&mut map);
    Some(Live {
        ownership: if logical_id.is_some() { Ownership::Ours } else { Ownership::Unmarked },
        address: address.unwrap_or_else(|| Address::new(TYPE, logical_id.unwrap_or_else(|| name.to_owned()))),
        physical_id: format!("{api}/{name}"),
        properties: Value::Map(map),
        attributes: attributes(id),
        fingerprint: None,
        revision: None,
        parent: None,
    })
}

/// The authorizers of an API that the service made.
pub(super) async fn ours(aws: &Aws, api: &str) -> Result<Vec<Live>, Failure> {
    let all = all(aws, api).await?;
    let lives = all.iter().filter_map(|authorizer| live(aws, api, authorizer, None));
    Ok(lives.filter(|live| live.ownership == Ownership::Ours).collect())
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    if let Some(seconds) = properties.get_mut("AuthorizerResultTtlInSeconds") {
        number_in_place(seconds);
    }
    drop_empty(properties, &[]);
    default_to(properties, "AuthorizerResultTtlInSeconds", Value::Number(300.into()));
}

fn patch(live: &Value, wanted: &Value, changed: &BTreeSet<&str>) -> Patch {
    let mut patch = Patch::default();
    for (key, name) in PROPERTIES {
        if !changed.contains(key) {
            continue;
        }
        if *key == "ProviderARNs" {
            let (before, after) = (text_set(live.get(key)), text_set(wanted.get(key)));
            after.difference(&before).for_each(|arn| patch.add("/providerARNs", arn));
            before.difference(&after).for_each(|arn| patch.remove_value("/providerARNs", arn));
        } else {
            patch.replace(&format!("/{name}"), &text(wanted, &[key]).unwrap_or_default());
        }
    }
    patch
}

impl Findable for Authorizer {}

#[async_trait]
impl Kind for Authorizer {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("RestApiId", Trait::Immutable),
            ("Name", Trait::Immutable),
            ("Type", Trait::Immutable),
            ("ProviderARNs", Trait::Unordered),
            ("AuthType", Trait::Bookkeeping),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
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
        Ok(found.and_then(|authorizer| live(&self.aws, api, &authorizer, Some(desired.address.clone()))))
    }

    fn writer(&self, _: &Value) -> Option<String> {
        Some(WRITER.to_owned())
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (api, name) = (required(&wanted, "RestApiId")?, required(&wanted, "Name")?);
        let request = Signed::rest("POST", collection(&api)).body(Json::Object(encode(&wanted, PROPERTIES)));
        let call = self.aws.call("apigateway", "CreateAuthorizer").progress(progress);
        let find = || self.named(&api, &name);
        let answer = call.create(find, || self.aws.signed("apigateway", request.clone())).await?;
        let id = expect(&answer, "id", "apigateway.CreateAuthorizer")?;
        Ok(Live::made(desired, attributes(&id), format!("{api}/{name}"), wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let patch = patch(&live.properties, &wanted, &changed(fields));
        if let (Some(id), false) = (live.attributes.get("Ref").and_then(Value::text), patch.is_empty()) {
            let path = format!("{}/{}", collection(&required(&wanted, "RestApiId")?), segment(id));
            self.aws.ask("apigateway", "UpdateAuthorizer", &patch.request(&path), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some(id) = live.attributes.get("Ref").and_then(Value::text) else { return Ok(()) };
        let path = format!("{}/{}", collection(&required(&live.properties, "RestApiId")?), segment(id));
        let call = self.aws.call("apigateway", "DeleteAuthorizer").progress(progress);
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
        assert_eq!(patch(&live, &wanted, &changed(&fields)), expected);
    }
}
