//! `AWS::ApiGateway::Method`, in an API that is somebody else's.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-method.html>
//!
//! A changed method is made anew: until the API is deployed nobody sees that it was away.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::live::{OurMethod, state};
use super::{PARTS, Routes, WRITER, callers, listed, method_shape, of_others, our_marks, part, resource, routes};
use crate::aws::client::Aws;
use crate::aws::kinds::properties::{holds_later, required};
use crate::aws::kinds::{Findable, function, rest_api, rest_deployment, v2};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `AWS::ApiGateway::Method`
pub const TYPE: &str = "AWS::ApiGateway::Method";

/// The attribute that says what a method is, for the deployment that brings it onto a stage.
pub const STATE: &str = "State";

/// Reads, makes, changes and deletes methods.
pub struct Method {
    aws: Arc<Aws>,
}

impl Method {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn get(&self, place: &str) -> Result<Option<Json>, Failure> {
        self.aws.look_for("apigateway", "GetMethod", &Signed::rest("GET", place)).await
    }

    async fn put(&self, place: &str, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
        let body = |properties: &Value, names| Json::Object(method_shape::encode(properties, names));
        let mut method = body(wanted, method_shape::METHOD);
        if method.get("authorizationType").is_none() {
            method["authorizationType"] = "NONE".into();
        }
        let request = Signed::rest("PUT", place).body(method);
        let call = self.aws.call("apigateway", "PutMethod").progress(progress);
        call.create(|| self.get(place), || self.aws.signed("apigateway", request.clone())).await?;
        for (code, answer) in method_shape::responses(wanted, &["MethodResponses"]) {
            let path = format!("{place}/responses/{}", segment(&code));
            let request = Signed::rest("PUT", path).body(body(answer, method_shape::METHOD_RESPONSE));
            self.aws.ask("apigateway", "PutMethodResponse", &request, progress).await?;
        }
        let Some(integration) = wanted.get("Integration") else { return Ok(()) };
        let path = format!("{place}/integration");
        let request = Signed::rest("PUT", &path).body(body(integration, method_shape::INTEGRATION));
        self.aws.ask("apigateway", "PutIntegration", &request, progress).await?;
        for (code, answer) in method_shape::responses(integration, &["IntegrationResponses"]) {
            let path = format!("{path}/responses/{}", segment(&code));
            let request = Signed::rest("PUT", path).body(body(answer, method_shape::INTEGRATION_RESPONSE));
            self.aws.ask("apigateway", "PutIntegrationResponse", &request, progress).await?;
        }
        Ok(())
    }
}

/// `/restapis/abc/resources/def/methods/GET`
pub fn place(api: &str, resource: &str, verb: &str) -> String {
    format!("{}/resources/{}/methods/{}", rest_api::path(api), segment(resource), segment(verb))
}

fn place_of(properties: &Value) -> Result<String, Failure> {
    let part = |key| required(properties, key);
    Ok(place(&part("RestApiId")?, &part("ResourceId")?, &part("HttpMethod")?))
}

/// Takes a method away.
pub async fn delete(aws: &Aws, place: &str, progress: &Progress) -> Result<(), Failure> {
    let request = Signed::rest("DELETE", place);
    let call = aws.call("apigateway", "DeleteMethod").progress(progress);
    call.find(|| aws.signed("apigateway", request.clone())).await.map(drop)
}

fn live(api: &str, method: &OurMethod) -> Live {
    Live {
        address: Address::new(TYPE, method.logical_id.as_str()),
        physical_id: format!("{api}/{}/{}", method.resource, method.verb),
        properties: method.properties.clone(),
        attributes: BTreeMap::from([(STATE.to_owned(), Value::String(state(&method.properties)))]),
        ownership: Ownership::Ours,
        fingerprint: None,
        revision: None,
        parent: None,
    }
}

/// Whether a method is somebody else's. One without an integration cannot be deployed: it is what a deploy that was cut
/// off left.
pub fn is_foreign(aws: &Aws, method: &Json) -> bool {
    let mark = method.pointer("/methodIntegration/cacheNamespace").and_then(Json::as_str);
    method.get("methodIntegration").is_some_and(Json::is_object)
        && mark.is_none_or(|mark| our_marks(aws).read_method(mark).is_none())
}

impl Findable for Method {}

#[async_trait]
impl Kind for Method {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("RestApiId", Trait::Immutable),
            ("ResourceId", Trait::Immutable),
            ("HttpMethod", Trait::Immutable),
            ("AuthorizationScopes", Trait::Unordered),
            ("Integration.CacheNamespace", Trait::Bookkeeping),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            method_shape::normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key)?.text();
        Some(format!("{}/{}/{}", part("RestApiId")?, part("ResourceId")?, part("HttpMethod")?))
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        if holds_later(&desired.properties) {
            return BTreeMap::new();
        }
        BTreeMap::from([(STATE.to_owned(), Value::String(state(&desired.properties)))])
    }

    fn changes_attribute(&self, name: &str, _: &Live, _: &Desired) -> bool {
        name == STATE
    }

    /// A path has one variable, whatever its name, and that has the methods.
    fn place(&self, properties: &Value) -> Option<String> {
        properties.get("RestApiId")?.text().map(str::to_owned)
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(api) = desired.properties.get("RestApiId").and_then(Value::text) else { return Ok(None) };
        let identity = self.identity(desired);
        let all = routes(api, &listed(&self.aws, api).await?, &our_marks(&self.aws));
        let found = all.methods.iter().map(|method| live(api, method));
        Ok(found.into_iter().find(|live| Some(&live.physical_id) == identity.as_ref()))
    }

    /// Everything of ours in the APIs that may call a function: it is told by its place, whichever function it is for.
    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let (rest, other) = of_others(&self.aws, callers(&self.aws, &parent.physical_id).await?).await?;
        let mut found = v2::others::ours(&self.aws, parent, &other).await?;
        for api in rest {
            let all: Routes = routes(&api, &listed(&self.aws, &api).await?, &our_marks(&self.aws));
            // Where there are none any more, a run may have been cut off that took everything away.
            found.extend(all.methods.iter().map(|method| live(&api, method)));
            found.extend(resource::ours(&self.aws, &api, &all));
            found.extend(part::ours(&self.aws, &api).await?);
            found.extend(rest_deployment::of_others(&self.aws, &api, !all.methods.is_empty()).await?);
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(function::TYPE)
    }

    fn writer(&self, _: &Value) -> Option<String> {
        Some(WRITER.to_owned())
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let place = place_of(&wanted)?;
        match self.get(&place).await? {
            Some(found) if is_foreign(&self.aws, &found) => {
                return Err(Failure::new(Reason::NotOurs, format!("{place} is there already and is somebody else's")));
            }
            Some(_) => delete(&self.aws, &place, progress).await?,
            None => {}
        }
        self.put(&place, &wanted, progress).await?;
        let attributes = BTreeMap::from([(STATE.to_owned(), Value::String(state(&wanted)))]);
        Ok(Live::made(desired, attributes, self.identity(desired).unwrap_or(place), wanted))
    }

    async fn update(
        &self,
        _: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.create(desired, progress).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        delete(&self.aws, &place_of(&live.properties)?, progress).await
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: PARTS }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            needs(Step::Create, "apigateway:PUT"),
            needs(Step::Update, "apigateway:PUT"),
            needs(Step::Update, "apigateway:DELETE"),
            needs(Step::Delete, "apigateway:DELETE"),
        ];
        ALL
    }
}
