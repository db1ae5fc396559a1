//! `AWS::ApiGateway::Deployment`, beneath its REST API.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-deployment.html>
//!
//! It stands for "a stage runs the API": it is made once, for that stage, and again by [`super::rest_api::RestApi`]
//! whenever the document changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::member;
use super::properties::{required, text};
use super::rest_stage::{MARK, all, get, is_ours, place};
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
            attributes: deployed(member(stage, "deploymentId").unwrap_or_default()),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }
}

fn deployed(id: &str) -> BTreeMap<String, Value> {
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
            ("Description", Trait::WriteOnly),
            ("StageDescription", Trait::WriteOnly),
        ]
    }

    fn normalise(&self, _: &mut Value) {}

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
        let found = get(&self.aws, &api, &stage).await?;
        Ok(found.map(|stage| self.live(&api, &stage, true, desired.address.clone())))
    }

    /// The deployment that our stage runs. Without a stage there is none worth keeping: what was put may be newer.
    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let api = parent.physical_id.as_str();
        let stages = all(&self.aws, api).await?;
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
        let answer = deploy(&self.aws, &api, stage.as_deref(), progress).await?;
        Ok(Live::made(
            desired,
            deployed(member(&answer, "id").unwrap_or_default()),
            deployment_id(&api, stage.as_deref()),
            desired.properties.clone(),
        ))
    }

    async fn update(&self, live: &Live, _: &Desired, _: &[FieldChange], _: &Progress) -> Result<Live, Failure> {
        Ok(live.clone())
    }

    async fn delete(&self, _: &Live, progress: &Progress) -> Result<(), Failure> {
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
