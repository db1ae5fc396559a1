//! `AWS::CodeDeploy::DeploymentGroup`: how CodeDeploy shifts the traffic of one function.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codedeploy-deploymentgroup.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::kinds::Findable;
use crate::aws::kinds::json::{
    Clear, changed, expect, lower, member, members, merge, pick, plain_in_place, properties, upper,
};
use crate::aws::kinds::properties::{drop_empty, own_tags, required, tags_to_map};
use crate::aws::ownership::ID;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live};
use crate::engine::value::Value;

use super::{SERVICE, application, retag, tag_list, tags};

/// `AWS::CodeDeploy::DeploymentGroup`
pub const TYPE: &str = "AWS::CodeDeploy::DeploymentGroup";

/// BatchGetDeploymentGroups takes so many names at once.
const AT_ONCE: usize = 100;
const PROPERTIES: &[&str] = &[
    "AlarmConfiguration",
    "AutoRollbackConfiguration",
    "DeploymentConfigName",
    "DeploymentStyle",
    "ServiceRoleArn",
    "TriggerConfigurations",
];
/// What an update keeps that is not sent.
const CLEARS: &[Clear] = &[
    ("AlarmConfiguration", || json!({ "Enabled": false, "Alarms": [] })),
    ("AutoRollbackConfiguration", || json!({ "Enabled": false, "Events": [] })),
    ("TriggerConfigurations", || json!([])),
];
const GROUP_ARN: &str = "arn:${Partition}:codedeploy:${Region}:${Account}:deploymentgroup:${Service}-${Stage}-*";
const ROLE_ARN: &str = "arn:${Partition}:iam::${Account}:role/${Service}-${Stage}-*";

/// Reads, makes, changes and deletes deployment groups.
pub struct DeploymentGroup {
    aws: Arc<Aws>,
}

impl DeploymentGroup {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn arn(&self, id: &str) -> String {
        self.aws.arn(SERVICE, &format!("deploymentgroup:{id}")).unwrap_or_default()
    }

    /// A group as CodeDeploy tells it, with its tags.
    async fn live(&self, answer: &Json, logical_id: Option<&str>) -> Result<Live, Failure> {
        let part = |key: &str| expect(answer, key, "codedeploy.GetDeploymentGroup");
        let (application, name) = (part("applicationName")?, part("deploymentGroupName")?);
        let id = physical(&application, &name);
        let tags = tags(&self.aws, &self.arn(&id)).await?;
        let mut map = decode(answer);
        map.insert("ApplicationName".to_owned(), Value::String(application));
        map.insert("DeploymentGroupName".to_owned(), Value::string(name.as_str()));
        map.insert("Tags".to_owned(), own_tags(&tags));
        normalise(&mut map);
        Ok(Live {
            address: Address::new(TYPE, logical_id.or(tags.get(ID).map(String::as_str)).unwrap_or(&id)),
            attributes: attributes(&name),
            physical_id: id,
            properties: Value::Map(map),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn send(&self, operation: &'static str, body: Json, progress: &Progress) -> Result<Json, Failure> {
        // CodeDeploy looks whether it may take the role.
        let call = self.aws.call(SERVICE, operation).progress(progress).fresh(true);
        let request = Signed::action(operation, body);
        call.send(|| self.aws.signed(SERVICE, request.clone())).await
    }
}

fn physical(application: &str, name: &str) -> String {
    format!("{application}/{name}")
}

fn attributes(name: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(name))])
}

fn decode(answer: &Json) -> BTreeMap<String, Value> {
    properties(&upper(answer.clone()), PROPERTIES)
}

fn encode(properties: Map<String, Json>, application: &str) -> Map<String, Json> {
    let Json::Object(mut body) = lower(Json::Object(properties)) else { return Map::new() };
    body.insert("applicationName".to_owned(), application.into());
    body
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    for (key, members) in [("AlarmConfiguration", "Alarms"), ("AutoRollbackConfiguration", "Events")] {
        let Some(Value::Map(map)) = properties.get_mut(key) else { continue };
        plain_in_place(map, &[], &["Enabled", "IgnorePollAlarmFailure"]);
        if map.get("IgnorePollAlarmFailure") == Some(&Value::Bool(false)) {
            map.remove("IgnorePollAlarmFailure");
        }
        drop_empty(map, &[]);
        // What is off and lists nothing is what CodeDeploy tells of a group that has none.
        if map.get("Enabled") != Some(&Value::Bool(true)) && !map.contains_key(members) {
            properties.remove(key);
        }
    }
    drop_empty(properties, &[]);
}

impl Findable for DeploymentGroup {}

#[async_trait]
impl Kind for DeploymentGroup {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("ApplicationName", Trait::Immutable),
            ("DeploymentGroupName", Trait::Immutable),
            ("AlarmConfiguration.Alarms", Trait::Unordered),
            ("AutoRollbackConfiguration.Events", Trait::Unordered),
            ("TriggerConfigurations", Trait::Unordered),
            ("TriggerConfigurations.*.TriggerEvents", Trait::Unordered),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key).and_then(Value::text);
        Some(physical(part("ApplicationName")?, part("DeploymentGroupName")?))
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let name = desired.properties.get("DeploymentGroupName").and_then(Value::text);
        name.map(attributes).unwrap_or_default()
    }

    async fn find(&self, id: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let Some((application, name)) = id.split_once('/') else { return Ok(None) };
        let body = json!({ "applicationName": application, "deploymentGroupName": name });
        let request = Signed::action("GetDeploymentGroup", body);
        let answer = self.aws.look_for(SERVICE, "GetDeploymentGroup", &request).await?;
        let Some(answer) = answer.as_ref().and_then(|answer| answer.get("deploymentGroupInfo")) else {
            return Ok(None);
        };
        let logical_id = desired.map(|desired| desired.address.logical_id.as_str());
        self.live(answer, logical_id).await.map(Some)
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let application = parent.physical_id.as_str();
        let request = Signed::action("ListDeploymentGroups", json!({ "applicationName": application }));
        let token = ("nextToken", "nextToken");
        let names = self.aws.pages(SERVICE, "ListDeploymentGroups", request, token, "deploymentGroups").await?;
        let mut found = Vec::new();
        for names in names.chunks(AT_ONCE) {
            let body = json!({ "applicationName": application, "deploymentGroupNames": names });
            let request = Signed::action("BatchGetDeploymentGroups", body);
            let answer = self.aws.look_for(SERVICE, "BatchGetDeploymentGroups", &request).await?.unwrap_or_default();
            for group in members(&answer, "deploymentGroupsInfo") {
                // A group that went meanwhile has no name.
                if member(group, "deploymentGroupName").is_some() {
                    let live = self.live(group, None).await?;
                    found.push(Live { parent: Some(parent.address.logical_id.clone()), ..live });
                }
            }
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(application::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (application, name) = (required(&wanted, "ApplicationName")?, required(&wanted, "DeploymentGroupName")?);
        let id = physical(&application, &name);
        let mut body = encode(pick(&wanted, PROPERTIES), &application);
        body.insert("deploymentGroupName".to_owned(), name.as_str().into());
        body.insert("tags".to_owned(), tag_list(&wanted));
        let request = Signed::action("CreateDeploymentGroup", Json::Object(body));
        let find = || async { Ok(self.find(&id, None).await?.map(|_| Json::Null)) };
        // CodeDeploy looks whether it may take the role.
        let call = self.aws.call(SERVICE, "CreateDeploymentGroup").progress(progress).fresh(true);
        call.create(find, || self.aws.signed(SERVICE, request.clone())).await?;
        Ok(Live::made(desired, attributes(&name), id, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (application, name) = live.physical_id.split_once('/').unwrap_or_default();
        let mut changes = changed(fields);
        changes.remove("Tags");
        if !changes.is_empty() {
            let mut body = encode(merge(&wanted, &changes, CLEARS), application);
            body.insert("currentDeploymentGroupName".to_owned(), name.into());
            self.send("UpdateDeploymentGroup", Json::Object(body), progress).await?;
        }
        retag(&self.aws, &self.arn(&live.physical_id), &live.properties, &wanted, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((application, name)) = live.physical_id.split_once('/') else { return Ok(()) };
        let body = json!({ "applicationName": application, "deploymentGroupName": name });
        let request = Signed::action("DeleteDeploymentGroup", body);
        let call = self.aws.call(SERVICE, "DeleteDeploymentGroup").progress(progress);
        call.find(|| self.aws.signed(SERVICE, request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: GROUP_ARN }
        }
        const fn passes(step: Step) -> Permission {
            Permission { step, action: "iam:PassRole", resource: ROLE_ARN }
        }
        const fn of_application(step: Step, action: &'static str) -> Permission {
            const ARN: &str = "arn:${Partition}:codedeploy:${Region}:${Account}:application:${Service}-${Stage}-*";
            Permission { step, action, resource: ARN }
        }
        const ALL: &[Permission] = &[
            of_application(Step::Read, "codedeploy:ListDeploymentGroups"),
            needs(Step::Read, "codedeploy:BatchGetDeploymentGroups"),
            needs(Step::Read, "codedeploy:GetDeploymentGroup"),
            needs(Step::Read, "codedeploy:ListTagsForResource"),
            needs(Step::Create, "codedeploy:CreateDeploymentGroup"),
            needs(Step::Create, "codedeploy:TagResource"),
            passes(Step::Create),
            needs(Step::Update, "codedeploy:UpdateDeploymentGroup"),
            needs(Step::Update, "codedeploy:TagResource"),
            needs(Step::Update, "codedeploy:UntagResource"),
            passes(Step::Update),
            needs(Step::Delete, "codedeploy:ListDeployments"),
            needs(Step::Delete, "codedeploy:GetDeployment"),
            needs(Step::Delete, "codedeploy:StopDeployment"),
            needs(Step::Delete, "codedeploy:DeleteDeploymentGroup"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::fake::{Fake, Told};
    use crate::aws::kinds::properties::tests::tree_of;

    fn in_one_form(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    fn group() -> Json {
        json!({
            "DeploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce",
            "ServiceRoleArn": "role",
            "AutoRollbackConfiguration": { "Enabled": "true", "Events": ["DEPLOYMENT_FAILURE"] },
            "AlarmConfiguration": { "Enabled": true, "Alarms": [{ "Name": "errors" }] },
            "TriggerConfigurations": [{ "TriggerName": "t", "TriggerEvents": ["DeploymentStart"], "TriggerTargetArn": "arn" }],
        })
    }

    #[test]
    fn a_group_comes_back_as_the_file_has_it() {
        let wanted = in_one_form(group());
        let mut told = encode(pick(&wanted, PROPERTIES), "app");
        assert_eq!(told["alarmConfiguration"]["alarms"][0]["name"], "errors");
        told.insert("loadBalancerInfo".to_owned(), json!({}));
        told["alarmConfiguration"]["ignorePollAlarmFailure"] = false.into();
        let mut live = decode(&Json::Object(told));
        normalise(&mut live);
        assert_eq!(Value::Map(live), wanted);
    }

    #[test]
    fn a_group_without_alarms_has_none_however_that_is_told() {
        let none = json!({ "AlarmConfiguration": { "Enabled": false, "Alarms": [], "IgnorePollAlarmFailure": false },
            "AutoRollbackConfiguration": { "Enabled": false }, "TriggerConfigurations": [] });
        assert_eq!(in_one_form(none), in_one_form(json!({})));
        let off = json!({ "AlarmConfiguration": { "Enabled": false, "Alarms": [{ "Name": "errors" }] } });
        assert_ne!(in_one_form(off), in_one_form(json!({})));
    }

    #[tokio::test]
    async fn what_is_taken_away_is_sent_as_none() {
        let (aws, fake) = Fake::connect(|_| Told::ok("{}"));
        let kind = DeploymentGroup::new(aws);
        let place = json!({ "ApplicationName": "app", "DeploymentGroupName": "group" });
        let desired = Desired {
            address: Address::new(TYPE, "Group"),
            properties: tree_of(place),
            depends_on: vec![],
            parent: None,
            fingerprint: None,
            hints: BTreeMap::new(),
        };
        let live = Live::made(&desired, BTreeMap::new(), "app/group", in_one_form(group()));
        let field = |path: &str| FieldChange {
            path: path.to_owned(),
            before: Some(Value::Null),
            after: None,
            sensitive: false,
            bookkeeping: false,
            told: None,
        };
        let fields = ["AlarmConfiguration", "TriggerConfigurations"].map(field);
        kind.update(&live, &desired, &fields, &Progress::silent()).await.unwrap();
        let asked = fake.asked();
        assert_eq!(asked[0].action, "UpdateDeploymentGroup");
        assert_eq!(
            asked[0].json(),
            json!({ "applicationName": "app", "currentDeploymentGroupName": "group",
                "alarmConfiguration": { "enabled": false, "alarms": [] }, "triggerConfigurations": [] })
        );
    }
}
