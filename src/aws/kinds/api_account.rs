//! `AWS::ApiGateway::Account`: the role with which API Gateway writes logs, one for account and region.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-account.html>
//!
//! Every API of the account shares it. A role that the file names is set; where it names none, whichever is set does, and
//! an account without any gets the one that the Serverless Framework makes too. Nobody takes any of it away.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value as Json;

use crate::aws::client::{Aws, incomplete};
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live};
use crate::engine::value::Value;

use super::Findable;
use super::json::member;
use super::patch::Patch;
use super::properties::text;

/// `AWS::ApiGateway::Account`
pub const TYPE: &str = "AWS::ApiGateway::Account";

const ROLE: &str = "CloudWatchRoleArn";
/// There is one.
const IDENTITY: &str = "apigateway-account";
const ACCOUNT: &str = "arn:${Partition}:apigateway:${Region}::/account";
/// The role of all services of an account that name none.
const SHARED_ROLE: &str = "serverlessApiGatewayCloudWatchRole";
const SHARED_ROLE_ARN: &str = "arn:${Partition}:iam::${Account}:role/serverlessApiGatewayCloudWatchRole";
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html>
const LOG_POLICY: &str = "service-role/AmazonAPIGatewayPushToCloudWatchLogs";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// Reads and sets the role of API Gateway's logs.
pub struct ApiAccount {
    aws: Arc<Aws>,
}

impl ApiAccount {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn role(&self) -> Result<Option<String>, Failure> {
        let answer = self.aws.look_for("apigateway", "GetAccount", &Signed::rest("GET", "/account")).await?;
        Ok(answer.as_ref().and_then(|answer| member(answer, "cloudwatchRoleArn")).map(str::to_owned))
    }

    /// The ARN of the shared role, which is made where it is missing.
    async fn shared_role(&self, progress: &Progress) -> Result<String, Failure> {
        let iam = self.aws.iam();
        let request = iam.create_role().role_name(SHARED_ROLE).assume_role_policy_document(TRUST);
        let made =
            self.aws.call("iam", "CreateRole").progress(progress).fresh(true).send(|| request.clone().send()).await;
        let role = match made {
            Ok(made) => made.role,
            Err(failure) if failure.code.as_deref() == Some("EntityAlreadyExists") => {
                let request = iam.get_role().role_name(SHARED_ROLE);
                self.aws.call("iam", "GetRole").progress(progress).send(|| request.clone().send()).await?.role
            }
            Err(failure) => return Err(failure),
        };
        let arn = role.ok_or_else(|| incomplete("CreateRole", "role"))?.arn;
        let policy = format!("arn:{}:iam::aws:policy/{LOG_POLICY}", self.aws.partition().name);
        let request = iam.attach_role_policy().role_name(SHARED_ROLE).policy_arn(policy);
        self.aws.call("iam", "AttachRolePolicy").progress(progress).send(|| request.clone().send()).await?;
        Ok(arn)
    }

    async fn set(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let role = match text(&desired.properties, &[ROLE]) {
            Some(role) => role,
            None => self.shared_role(progress).await?,
        };
        let mut patch = Patch::default();
        patch.replace("/cloudwatchRoleArn", &role);
        let _: Json = self.aws.ask("apigateway", "UpdateAccount", &patch.request("/account"), progress).await?;
        Ok(live(desired, &role))
    }
}

/// Whichever role is set does, unless the file names one.
fn live(desired: &Desired, role: &str) -> Live {
    let named = desired.properties.get(ROLE).map(|_| (ROLE.to_owned(), Value::string(role)));
    Live::made(
        desired,
        BTreeMap::from([("Ref".to_owned(), Value::string(IDENTITY))]),
        IDENTITY,
        Value::Map(named.into_iter().collect()),
    )
}

impl Findable for ApiAccount {}

#[async_trait]
impl Kind for ApiAccount {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[]
    }

    fn normalise(&self, _: &mut Value) {}

    fn identity(&self, _: &Desired) -> Option<String> {
        Some(IDENTITY.to_owned())
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::from([("Ref".to_owned(), Value::string(IDENTITY))])
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        Ok(self.role().await?.map(|role| live(desired, &role)))
    }

    fn is_retained(&self) -> bool {
        true
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        self.set(desired, progress).await
    }

    async fn update(
        &self,
        _: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.set(desired, progress).await
    }

    async fn delete(&self, _: &Live, _: &Progress) -> Result<(), Failure> {
        Ok(())
    }

    fn permissions(&self) -> &'static [Permission] {
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "apigateway:GET", resource: ACCOUNT },
            Permission { step: Step::Create, action: "apigateway:PATCH", resource: ACCOUNT },
            Permission { step: Step::Create, action: "iam:CreateRole", resource: SHARED_ROLE_ARN },
            Permission { step: Step::Create, action: "iam:GetRole", resource: SHARED_ROLE_ARN },
            Permission { step: Step::Create, action: "iam:AttachRolePolicy", resource: SHARED_ROLE_ARN },
            Permission { step: Step::Create, action: "iam:PassRole", resource: SHARED_ROLE_ARN },
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::address::Address;
    use crate::engine::diff::difference;

    #[test]
    fn any_role_that_is_set_does_unless_one_is_named() {
        let fields = |named: Option<&str>| {
            let named = named.map(|name| (ROLE.to_owned(), Value::string(name)));
            let desired = Desired {
                address: Address::new(TYPE, "Account"),
                properties: Value::Map(named.into_iter().collect()),
                depends_on: Vec::new(),
                parent: None,
                fingerprint: None,
                hints: BTreeMap::new(),
            };
            difference(&live(&desired, "theirs").properties, &desired.properties, &[]).fields.len()
        };
        assert_eq!((fields(None), fields(Some("theirs")), fields(Some("ours"))), (0, 0, 1));
    }
}
