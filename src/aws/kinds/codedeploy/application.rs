//! `AWS::CodeDeploy::Application`: what the deployment groups of a service live beneath.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codedeploy-application.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::kinds::json::member;
use crate::aws::kinds::names::generated;
use crate::aws::kinds::properties::{drop_empty, own_tags, required, tags_to_map};
use crate::aws::kinds::{Findable, after, role};
use crate::aws::naming::Names;
use crate::aws::ownership::ID;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live};
use crate::engine::value::Value;

use super::{SERVICE, retag, tag_list, tags};

/// `AWS::CodeDeploy::Application`
pub const TYPE: &str = "AWS::CodeDeploy::Application";

/// <https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateApplication.html>
const LONGEST_NAME: usize = 100;
const APPLICATION_ARN: &str = "arn:${Partition}:codedeploy:${Region}:${Account}:application:${Service}-${Stage}-*";

/// Reads, makes, changes and deletes applications.
pub struct Application {
    aws: Arc<Aws>,
}

impl Application {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn generated(&self, logical_id: &str) -> String {
        generated(self.aws.scope(), logical_id, LONGEST_NAME)
    }

    fn name(&self, desired: &Desired) -> Option<String> {
        match desired.properties.get("ApplicationName") {
            Some(name) => name.text().map(str::to_owned),
            None => Some(self.generated(&desired.address.logical_id)),
        }
    }

    fn arn(&self, name: &str) -> String {
        self.aws.arn(SERVICE, &format!("application:{name}")).unwrap_or_default()
    }
}

fn attributes(name: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(name))])
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    drop_empty(properties, &[]);
}

#[async_trait]
impl Findable for Application {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, SERVICE, "application:").map(str::to_owned)
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        // The tagging API knows no roles: where there is an application, there may be one that was made for CodeDeploy.
        let tagged = self.aws.tagged().await?;
        if !tagged.keys().any(|arn| self.physical_id_of(arn).is_some()) {
            return Ok(Vec::new());
        }
        let scope = self.aws.scope();
        let names = Names::new(scope.service.as_str(), scope.stage.as_str(), self.aws.region());
        Ok(vec![(role::TYPE, names.code_deploy_role())])
    }
}

#[async_trait]
impl Kind for Application {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("ApplicationName", Trait::Immutable), ("ComputePlatform", Trait::Immutable)]
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
        self.name(desired).map(|name| attributes(&name)).unwrap_or_default()
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let request = Signed::action("GetApplication", json!({ "applicationName": name }));
        let Some(answer) = self.aws.look_for(SERVICE, "GetApplication", &request).await? else { return Ok(None) };
        let tags = tags(&self.aws, &self.arn(name)).await?;
        let platform = answer.get("application").and_then(|application| member(application, "computePlatform"));
        let mut map = BTreeMap::from([("Tags".to_owned(), own_tags(&tags))]);
        map.extend(platform.map(|platform| ("ComputePlatform".to_owned(), Value::string(platform))));
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        let is_made_up = logical_id.is_some_and(|id| self.generated(id) == name);
        if desired.map_or(!is_made_up, |desired| desired.properties.get("ApplicationName").is_some()) {
            map.insert("ApplicationName".to_owned(), Value::string(name));
        }
        normalise(&mut map);
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(map),
            attributes: attributes(name),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = desired.named(self.name(desired))?;
        let body = json!({
            "applicationName": name, "computePlatform": required(&wanted, "ComputePlatform")?, "tags": tag_list(&wanted),
        });
        let request = Signed::action("CreateApplication", body);
        let find = || async { Ok(self.find(&name, None).await?.map(|_| Json::Null)) };
        let call = self.aws.call(SERVICE, "CreateApplication").progress(progress);
        call.create(find, || self.aws.signed(SERVICE, request.clone())).await?;
        Ok(Live::made(desired, attributes(&name), name, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        retag(&self.aws, &self.arn(&live.physical_id), &live.properties, &wanted, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        // Its groups go with it.
        let request = Signed::action("DeleteApplication", json!({ "applicationName": live.physical_id }));
        let call = self.aws.call(SERVICE, "DeleteApplication").progress(progress);
        call.find(|| self.aws.signed(SERVICE, request.clone())).await.map(drop)
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        // It leads to the role that was made for CodeDeploy.
        &[role::TYPE]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: APPLICATION_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "codedeploy:GetApplication"),
            needs(Step::Read, "codedeploy:ListTagsForResource"),
            needs(Step::Create, "codedeploy:CreateApplication"),
            needs(Step::Create, "codedeploy:TagResource"),
            needs(Step::Update, "codedeploy:TagResource"),
            needs(Step::Update, "codedeploy:UntagResource"),
            needs(Step::Delete, "codedeploy:DeleteApplication"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::fake::{Fake, Told};

    #[tokio::test]
    async fn the_role_for_code_deploy_is_looked_for_where_there_is_an_application() {
        let here = "arn:aws:codedeploy:us-east-1:123456789012:application:shop-dev-App";
        for (arn, looks) in [(here, true), ("arn:aws:sns:us-east-1:123456789012:topic", false)] {
            let (aws, _) = Fake::connect(move |_| {
                Told::ok(json!({ "ResourceTagMappingList": [{ "ResourceARN": arn, "Tags": [] }] }))
            });
            let name = format!("shop-dev-{}-codeDeployRole", aws.region());
            let found = Application::new(aws).by_name().await.unwrap();
            assert_eq!(found, if looks { vec![(role::TYPE, name)] } else { vec![] });
        }
    }
}
