//! `AWS::ApiGateway::Account`: the role with which API Gateway writes logs, one for account and region.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-account.html>
//!
//! Every API of the account shares it: a role that is set is left as it is, and nobody takes it away.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value as Json;

use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live};
use crate::engine::value::Value;

use super::Findable;
use super::json::member;
use super::patch::Patch;
use super::properties::required;

/// `AWS::ApiGateway::Account`
pub const TYPE: &str = "AWS::ApiGateway::Account";

/// There is one.
const IDENTITY: &str = "apigateway-account";
const ACCOUNT: &str = "arn:${Partition}:apigateway:${Region}::/account";

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

    async fn set(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let role = required(&desired.properties, "CloudWatchRoleArn")?;
        let mut patch = Patch::default();
        patch.replace("/cloudwatchRoleArn", &role);
        let _: Json = self.aws.ask("apigateway", "UpdateAccount", &patch.request("/account"), progress).await?;
        Ok(live(desired))
    }
}

fn live(desired: &Desired) -> Live {
    Live::made(
        desired,
        BTreeMap::from([("Ref".to_owned(), Value::string(IDENTITY))]),
        IDENTITY,
        desired.properties.clone(),
    )
}

impl Findable for ApiAccount {}

#[async_trait]
impl Kind for ApiAccount {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        // Whichever role is set does.
        &[("CloudWatchRoleArn", Trait::WriteOnly)]
    }

    fn normalise(&self, _: &mut Value) {}

    fn identity(&self, _: &Desired) -> Option<String> {
        Some(IDENTITY.to_owned())
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::from([("Ref".to_owned(), Value::string(IDENTITY))])
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        Ok(self.role().await?.map(|_| live(desired)))
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
            Permission {
                step: Step::Create,
                action: "iam:PassRole",
                resource: "arn:${Partition}:iam::${Account}:role/${Service}-${Stage}-*",
            },
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
    fn any_role_that_is_set_does() {
        let role = |name: &str| Value::Map(BTreeMap::from([("CloudWatchRoleArn".to_owned(), Value::string(name))]));
        let desired = Desired {
            address: Address::new(TYPE, "Account"),
            properties: role("ours"),
            depends_on: Vec::new(),
            parent: None,
            fingerprint: None,
            hints: BTreeMap::new(),
        };
        assert_eq!(live(&desired).physical_id, IDENTITY);
        let traits: &[PropertyTrait] = &[("CloudWatchRoleArn", Trait::WriteOnly)];
        assert!(difference(&role("theirs"), &role("ours"), traits).fields.is_empty());
    }
}
