//! `AWS::ApiGateway::Deployment`, beneath its REST API.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-deployment.html>
//!
//! It stands for "a stage runs the API": it is made once, for that stage, and again by [`super::rest_api::RestApi`]
//! whenever the document changes. In an API that is somebody else's it stands for "a stage runs our routes"
//! ([`super::rest_routes`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::naming;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::member;
use super::properties::{required, text, texts};
use super::rest_routes::deployed;
pub use super::rest_routes::deployed::{PLACES, ROUTES, path_of};
use super::rest_routes::method;
use super::rest_stage::{MARK, get, is_ours, known, listed, place};
use super::{Findable, rest_api};

/// `AWS::ApiGateway::Deployment`
pub const TYPE: &str = "AWS::ApiGateway::Deployment";

/// Makes a deployment of what an API says, and brings it onto a stage. One in five seconds for the account.
///
/// # Errors
/// As every call. The stage then runs what it ran before.
pub(super) async fn deploy(aws: &Aws, api: &str, stage: Option<&str>, progress: &Progress) -> Result<Json, Failure> {
    let mut body = json!({ "description": MARK });
    if let Some(stage) = stage {
        body["stageName"] = stage.into();
    }
    let request = Signed::rest("POST", format!("{}/deployments", rest_api::path(api))).body(body);
    aws.ask("apigateway", "CreateDeployment", &request, progress).await
}

/// What a deployment is told by: the API, and the stage where the file gives one to the deployment itself (as it does for
/// an API that is somebody else's).
fn deployment_id(api: &str, stage: Option<&str>) -> String {
    stage.map_or_else(|| api.to_owned(), |stage| format!("{api}/{stage}"))
}

/// Reads and makes deployments.
pub struct Deployment {
    aws: Arc<Aws>,
}

impl Deployment {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn live(&self, api: &str, stage: &Json, named: bool, address: Address) -> Live {
        let name = member(stage, "stageName").unwrap_or_default();
        let mut properties = BTreeMap::from([("RestApiId".to_owned(), Value::string(api))]);
        if named {
            properties.insert("StageName".to_owned(), Value::string(name));
        }
        Live {
            address,
            physical_id: deployment_id(api, named.then_some(name)),
            properties: Value::Map(properties),
            attributes: attributes(member(stage, "deploymentId").unwrap_or_default()),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }
}

/// Our deployment of an API that is somebody else's. Once no route of ours is there (`has_routes`), only one whose stage
/// still runs some.
pub(super) async fn of_others(aws: &Aws, api: &str, has_routes: bool) -> Result<Option<Live>, Failure> {
    let Some((stage, _)) =
        deployed::last(aws, api).await?.filter(|(_, digest)| has_routes || !deployed::is_empty(digest))
    else {
        return Ok(None);
    };
    let properties =
        [("RestApiId", api), ("StageName", &stage)].map(|(key, text)| (key.to_owned(), Value::string(text)));
    Ok(Some(Live {
        address: Address::new(TYPE, naming::REST_DEPLOYMENT),
        physical_id: deployment_id(api, Some(&stage)),
        properties: Value::Map(BTreeMap::from(properties)),
        attributes: BTreeMap::new(),
        ownership: Ownership::Ours,
        fingerprint: None,
        revision: None,
        parent: None,
    }))
}

fn attributes(id: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(id)), ("DeploymentId".to_owned(), Value::string(id))])
}

impl Findable for Deployment {}

#[async_trait]
impl Kind for Deployment {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("RestApiId", Trait::Immutable),
            ("StageName", Trait::Immutable),
            (PLACES, Trait::WriteOnly),
            ("Description", Trait::WriteOnly),
            ("StageDescription", Trait::WriteOnly),
        ]
    }

    fn normalise(&self, _: &mut Value) {}

    fn tell(&self, _: &Value, _: &Value, mut fields: Vec<FieldChange>) -> Vec<FieldChange> {
        for field in fields.iter_mut().filter(|field| field.path == ROUTES) {
            field.told = Some("the stage does not run the routes of the file yet".to_owned());
        }
        fields
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let api = desired.properties.get("RestApiId")?.text()?;
        let stage = desired.properties.get("StageName").map(|stage| stage.text());
        match stage {
            Some(stage) => Some(deployment_id(api, Some(stage?))),
            None => Some(deployment_id(api, None)),
        }
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some((api, stage)) = place(&desired.properties) else { return Ok(None) };
        deployed::check(&self.aws, &api, &desired.properties).await?;
        let Some(found) = known(&self.aws, &api, &stage).await? else { return Ok(None) };
        let mut live = self.live(&api, &found, true, desired.address.clone());
        if let Value::Map(map) = &mut live.properties {
            let running = deployed::running(&self.aws, &api, &stage).await?;
            map.insert(ROUTES.to_owned(), running.routes);
            live.attributes.extend(running.attributes);
        }
        Ok(Some(live))
    }

    /// The deployment that our stage runs. Without a stage there is none worth keeping: what was put may be newer.
    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let api = parent.physical_id.as_str();
        let stages = listed(&self.aws, api).await?;
        let ours = stages.iter().find(|stage| is_ours(&self.aws, stage));
        Ok(ours
            .map(|stage| {
                let mut live = self.live(api, stage, false, Address::new(TYPE, "ApiGatewayDeployment"));
                live.parent = Some(parent.address.logical_id.clone());
                live
            })
            .into_iter()
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
        let api = required(&desired.properties, "RestApiId")?;
        let stage = text(&desired.properties, &["StageName"]);
        let attributes = match &stage {
            Some(stage) => {
                deployed::deploy(&self.aws, &api, stage, &texts(&desired.properties, &[ROUTES]), progress).await?
            }
            None => {
                let answer = deploy(&self.aws, &api, None, progress).await?;
                attributes(member(&answer, "id").unwrap_or_default())
            }
        };
        let id = deployment_id(&api, stage.as_deref());
        Ok(Live::made(desired, attributes, id, desired.properties.clone()))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        match desired.properties.get(ROUTES) {
            Some(_) => self.create(desired, progress).await,
            None => Ok(live.clone()),
        }
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        // What is deployed is what is left of the API.
        &[method::TYPE]
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        if let Some((api, stage)) = place(&live.properties) {
            if get(&self.aws, &api, &stage).await?.is_some() {
                deployed::deploy(&self.aws, &api, &stage, &[], progress).await?;
            }
            return Ok(());
        }
        // One that a stage runs cannot be deleted, and costs nothing: it goes with its API.
        progress.say("stays until its API is deleted");
        Ok(())
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: "arn:${Partition}:apigateway:${Region}::/restapis/*/stages*" }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            Permission {
                step: Step::Create,
                action: "apigateway:POST",
                resource: "arn:${Partition}:apigateway:${Region}::/restapis/*/deployments",
            },
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_told_by_its_api_and_by_a_stage_that_is_its_own() {
        assert_eq!(deployment_id("a", None), "a");
        assert_eq!(deployment_id("a", Some("dev")), "a/dev");
    }
}
