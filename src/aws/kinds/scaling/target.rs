//! `AWS::ApplicationAutoScaling::ScalableTarget`: between which bounds provisioned concurrency may be scaled.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalabletarget.html>
//!
//! A target is known by what it scales, `function:<name>:<version>`: a new version gets a target of its own, and the old
//! one goes when the new one is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};
use tokio::sync::Mutex;

use crate::aws::client::Aws;
use crate::aws::kinds::json::{Retag, changed, expect, member, plain_in_place, properties, tags_of, where_allowed};
use crate::aws::kinds::properties::{default_to, drop_empty, own_tags, required, tags_to_map, text_map};
use crate::aws::kinds::{Findable, function};
use crate::aws::ownership::ID;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::{DIMENSION, NAMESPACE, SERVICE, about, scheduled, send, take_away};

/// `AWS::ApplicationAutoScaling::ScalableTarget`
pub const TYPE: &str = "AWS::ApplicationAutoScaling::ScalableTarget";

const PROPERTIES: &[&str] = &["MaxCapacity", "MinCapacity", "ResourceId", "ScalableDimension", "ServiceNamespace"];

const TARGET_ARN: &str = "arn:${Partition}:application-autoscaling:${Region}:${Account}:scalable-target/*";
const FUNCTION_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";
const LINKED_ROLE_ARN: &str = "arn:${Partition}:iam::${Account}:role/aws-service-role/lambda.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency";

/// Reads, makes, changes and deletes scalable targets.
pub struct ScalableTarget {
    aws: Arc<Aws>,
    /// All of the account: one list for all functions, until something of it is changed.
    listed: Mutex<Option<Arc<Vec<Json>>>>,
}

impl ScalableTarget {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, listed: Mutex::new(None) }
    }

    async fn all(&self) -> Result<Arc<Vec<Json>>, Failure> {
        let mut listed = self.listed.lock().await;
        if let Some(listed) = &*listed {
            return Ok(Arc::clone(listed));
        }
        let body = json!({ "ServiceNamespace": NAMESPACE, "ScalableDimension": DIMENSION });
        let request = Signed::action("DescribeScalableTargets", body);
        let token = ("NextToken", "NextToken");
        let found = self.aws.pages(SERVICE, "DescribeScalableTargets", request, token, "ScalableTargets").await;
        let found = Arc::new(where_allowed(found)?);
        *listed = Some(Arc::clone(&found));
        Ok(found)
    }

    async fn find(&self, resource: &str) -> Result<Option<Json>, Failure> {
        let body = json!({ "ServiceNamespace": NAMESPACE, "ResourceIds": [resource] });
        let request = Signed::action("DescribeScalableTargets", body);
        let answer = self.aws.look_for(SERVICE, "DescribeScalableTargets", &request).await?;
        Ok(answer.and_then(|answer| answer.pointer("/ScalableTargets/0").cloned()))
    }

    async fn live(&self, answer: &Json, parent: Option<String>) -> Result<Live, Failure> {
        let resource = expect(answer, "ResourceId", "application-autoscaling.DescribeScalableTargets")?;
        let mut tags = match member(answer, "ScalableTargetARN") {
            Some(arn) => {
                let request = Signed::action("ListTagsForResource", json!({ "ResourceARN": arn }));
                let answer = self.aws.look_for(SERVICE, "ListTagsForResource", &request).await?;
                tags_of(answer.as_ref().and_then(|answer| answer.get("Tags")))
            }
            None => BTreeMap::new(),
        };
        let bounds = tags.remove(scheduled::MARK);
        let mut map = properties(answer, PROPERTIES);
        map.insert("Tags".to_owned(), own_tags(&tags));
        if let Some(bounds) = bounds {
            map.insert(scheduled::ACTIONS.to_owned(), scheduled::read(&self.aws, &resource).await?);
            map.insert(scheduled::BOUNDS.to_owned(), Value::String(bounds));
            // What an action made of them is nobody's wish.
            map.retain(|key, _| key != "MaxCapacity" && key != "MinCapacity");
        }
        normalise(&mut map);
        Ok(Live {
            address: Address::new(TYPE, tags.get(ID).map_or(resource.as_str(), String::as_str)),
            attributes: attributes(&resource),
            physical_id: resource,
            properties: Value::Map(map),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: member(answer, "ScalableTargetARN").map(str::to_owned),
            parent,
        })
    }

    /// Sets the bounds, which makes the target where it is not there. `tags` only go with what is new.
    async fn register(
        &self,
        resource: &str,
        bounds: Option<(i64, i64)>,
        tags: Option<Map<String, Json>>,
        progress: &Progress,
    ) -> Result<Json, Failure> {
        let mut more = Map::new();
        if let Some((least, most)) = bounds {
            more.insert("MaxCapacity".to_owned(), most.into());
            more.insert("MinCapacity".to_owned(), least.into());
        }
        more.extend(tags.map(|tags| ("Tags".to_owned(), Json::Object(tags))));
        let answer = send(&self.aws, "RegisterScalableTarget", about(resource, Json::Object(more)), progress).await;
        *self.listed.lock().await = None;
        answer
    }

    /// The bounds that a new target begins with: those of the file, or what an action made of them on the version before.
    async fn first_bounds(&self, resource: &str, wanted: &Value) -> Result<Option<(i64, i64)>, Failure> {
        let file = scheduled::bounds(wanted);
        if wanted.get(scheduled::ACTIONS).is_none() {
            return Ok(file);
        }
        let of_function = resource.rsplit_once(':').map_or(resource, |(function, _)| function);
        let all = self.all().await?;
        let reached = all.iter().filter(|one| {
            member(one, "ResourceId")
                .and_then(|id| id.rsplit_once(':'))
                .is_some_and(|(function, _)| function == of_function)
        });
        let mut reached =
            reached.filter_map(|one| Some((one.get("MinCapacity")?.as_i64()?, one.get("MaxCapacity")?.as_i64()?)));
        Ok(reached.find(|bounds| scheduled::leads_to(wanted, *bounds)).or(file))
    }
}

/// What CloudFormation calls a target.
fn reference(resource: &str) -> String {
    format!("{resource}|{DIMENSION}|{NAMESPACE}")
}

fn attributes(resource: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::String(reference(resource)))])
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    // Only Lambda's own role can be used, and it is made by AWS.
    properties.remove("RoleARN");
    plain_in_place(properties, &["MaxCapacity", "MinCapacity"], &[]);
    scheduled::normalise(properties);
    tags_to_map(properties);
    drop_empty(properties, &[]);
    default_to(properties, "ScalableDimension", Value::string(DIMENSION));
    default_to(properties, "ServiceNamespace", Value::string(NAMESPACE));
}

impl Findable for ScalableTarget {}

#[async_trait]
impl Kind for ScalableTarget {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("ResourceId", Trait::Immutable),
            ("ScalableDimension", Trait::Immutable),
            ("ServiceNamespace", Trait::Immutable),
            (scheduled::ACTIONS, Trait::Unordered),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        desired.properties.get("ResourceId").and_then(Value::text).map(str::to_owned)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        self.identity(desired).map(|resource| attributes(&resource)).unwrap_or_default()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(resource) = self.identity(desired) else { return Ok(None) };
        match self.find(&resource).await? {
            Some(answer) => {
                let live = self.live(&answer, desired.parent.clone()).await?;
                Ok(Some(Live { address: desired.address.clone(), ..live }))
            }
            None => Ok(None),
        }
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let beginning = format!("function:{}:", parent.physical_id);
        let mut found = Vec::new();
        for answer in self.all().await?.iter() {
            if member(answer, "ResourceId").is_some_and(|resource| resource.starts_with(&beginning)) {
                found.push(self.live(answer, Some(parent.address.logical_id.clone())).await?);
            }
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(function::TYPE)
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let resource = required(&wanted, "ResourceId")?;
        // One that is there refuses tags. If it is ours, an earlier attempt made it.
        let tags = match self.find(&resource).await? {
            Some(answer) if self.live(&answer, None).await?.ownership != Ownership::Ours => {
                let message = format!("{} ({resource}) is there already and is not marked as ours", desired.address);
                return Err(Failure::new(Reason::NotOurs, message).help("Take it over with --adopt, or deregister it."));
            }
            Some(_) => None,
            None => {
                let tags = text_map(&wanted, &["Tags"]).into_iter().chain(scheduled::mark(&wanted));
                Some(tags.map(|(key, value)| (key, value.into())).collect())
            }
        };
        let bounds = self.first_bounds(&resource, &wanted).await?;
        let answer = self.register(&resource, bounds, tags, progress).await?;
        scheduled::write(&self.aws, &resource, &Value::Null, &wanted, progress).await?;
        let arn = member(&answer, "ScalableTargetARN").map(str::to_owned);
        Ok(Live { revision: arn, ..Live::made(desired, attributes(&resource), resource, wanted) })
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let mut arn = live.revision.clone();
        let changed = changed(fields);
        if changed.iter().any(|key| !["Tags", scheduled::ACTIONS].contains(key)) {
            let answer = self.register(&live.physical_id, scheduled::bounds(&wanted), None, progress).await?;
            arn = member(&answer, "ScalableTargetARN").map(str::to_owned).or(arn);
        }
        let Retag { mut set, mut remove } = Retag::between(&live.properties, &wanted);
        let marks = [&live.properties, &wanted].map(scheduled::mark);
        if marks[0] != marks[1] {
            match &marks[1] {
                Some((key, value)) => drop(set.insert(key.clone(), value.clone())),
                None => drop(remove.insert(scheduled::MARK.to_owned())),
            }
        }
        if let Some(arn) = &arn {
            if !set.is_empty() {
                send(&self.aws, "TagResource", json!({ "ResourceARN": arn, "Tags": set }), progress).await?;
            }
            if !remove.is_empty() {
                send(&self.aws, "UntagResource", json!({ "ResourceARN": arn, "TagKeys": remove }), progress).await?;
            }
        }
        scheduled::write(&self.aws, &live.physical_id, &live.properties, &wanted, progress).await?;
        Ok(Live { revision: arn, ..live.now(wanted) })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        // Its policies and actions go with it.
        let gone =
            take_away(&self.aws, "DeregisterScalableTarget", about(&live.physical_id, Json::Null), progress).await;
        *self.listed.lock().await = None;
        gone
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str, resource: &'static str) -> Permission {
            Permission { step, action, resource }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "application-autoscaling:DescribeScalableTargets", "*"),
            needs(Step::Read, "application-autoscaling:ListTagsForResource", TARGET_ARN),
            needs(Step::Read, "application-autoscaling:DescribeScheduledActions", "*"),
            needs(Step::Create, "application-autoscaling:RegisterScalableTarget", TARGET_ARN),
            needs(Step::Create, "application-autoscaling:TagResource", TARGET_ARN),
            // The first target of an account makes the role that scales; what is scaled is looked at.
            needs(Step::Create, "iam:CreateServiceLinkedRole", LINKED_ROLE_ARN),
            needs(Step::Create, "lambda:GetProvisionedConcurrencyConfig", FUNCTION_ARN),
            needs(Step::Create, "application-autoscaling:PutScheduledAction", TARGET_ARN),
            needs(Step::Update, "application-autoscaling:PutScheduledAction", TARGET_ARN),
            needs(Step::Update, "application-autoscaling:DeleteScheduledAction", TARGET_ARN),
            needs(Step::Update, "application-autoscaling:RegisterScalableTarget", TARGET_ARN),
            needs(Step::Update, "application-autoscaling:TagResource", TARGET_ARN),
            needs(Step::Update, "application-autoscaling:UntagResource", TARGET_ARN),
            needs(Step::Delete, "application-autoscaling:DeregisterScalableTarget", TARGET_ARN),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::fake::{Fake, Told};
    use crate::aws::kinds::properties::tests::tree_of;

    fn parent() -> Live {
        Live {
            address: Address::new(function::TYPE, "Hello"),
            physical_id: "shop-dev-hello".to_owned(),
            properties: Value::Null,
            attributes: BTreeMap::new(),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    #[tokio::test]
    async fn targets_of_a_function_are_ours_by_their_tags() {
        let (aws, fake) = Fake::connect(|asked| match asked.action.as_str() {
            "DescribeScalableTargets" => {
                let target = |resource: &str, arn: &str| json!({ "ResourceId": resource, "ScalableTargetARN": arn, "MinCapacity": 1, "MaxCapacity": 9, "RoleARN": "r" });
                Told::ok(json!({ "ScalableTargets": [
                    target("function:shop-dev-hello:7", "ours"), target("function:shop-dev-hello:live", "theirs"),
                    target("function:shop-dev-hello-2:1", "another"),
                ] }))
            }
            _ if asked.json()["ResourceARN"] == "ours" => Told::ok(
                json!({ "Tags": { "hoist:service": "shop", "hoist:stage": "dev", "hoist:id": "HelloTarget" } }),
            ),
            _ => Told::ok(json!({ "Tags": {} })),
        });
        let kind = ScalableTarget::new(aws);
        let found = kind.beneath(&parent()).await.unwrap();
        let owners: Vec<_> =
            found.iter().map(|live| (live.address.logical_id.as_str(), live.ownership.clone())).collect();
        assert_eq!(owners, [("HelloTarget", Ownership::Ours), ("function:shop-dev-hello:live", Ownership::Unmarked)]);
        assert_eq!(found[0].properties.get("MaxCapacity"), Some(&Value::Number(9.into())));
        assert_eq!(found[0].properties.get("RoleARN"), None);
        kind.beneath(&parent()).await.unwrap();
        let lists = fake.asked().iter().filter(|asked| asked.action == "DescribeScalableTargets").count();
        assert_eq!(lists, 1, "one list serves all functions");
    }

    #[tokio::test]
    async fn tags_go_only_with_a_target_that_is_new() {
        let wanted = |resource: &str| Desired {
            address: Address::new(TYPE, "T"),
            properties: tree_of(
                json!({ "ResourceId": resource, "MinCapacity": 1, "MaxCapacity": "9", "Tags": { "a": "b" } }),
            ),
            depends_on: vec![],
            parent: None,
            fingerprint: None,
            hints: BTreeMap::new(),
        };
        let ours = json!({ "hoist:service": "shop", "hoist:stage": "dev" });
        let (aws, fake) = Fake::connect(move |asked| match asked.json()["ResourceIds"][0].as_str() {
            Some(resource @ ("function:f:1" | "function:f:3")) => {
                let target = json!({ "ResourceId": resource, "ScalableTargetARN": resource });
                Told::ok(json!({ "ScalableTargets": [target] }))
            }
            _ if asked.json()["ResourceARN"] == "function:f:1" => Told::ok(json!({ "Tags": ours })),
            _ => Told::ok(json!({ "ScalableTargetARN": "arn" })),
        });
        let kind = ScalableTarget::new(aws);
        for resource in ["function:f:1", "function:f:2"] {
            kind.create(&wanted(resource), &Progress::silent()).await.unwrap();
        }
        let theirs = kind.create(&wanted("function:f:3"), &Progress::silent()).await.unwrap_err();
        assert_eq!(theirs.reason, Reason::NotOurs);
        let sent: Vec<Json> =
            fake.asked().iter().filter(|one| one.action.starts_with("Reg")).map(|one| one.json()).collect();
        let body = |resource: &str, tags: Option<Json>| {
            let mut body = about(resource, json!({ "MaxCapacity": 9, "MinCapacity": 1 }));
            if let Some(tags) = tags {
                body["Tags"] = tags;
            }
            body
        };
        assert_eq!(sent, [body("function:f:1", None), body("function:f:2", Some(json!({ "a": "b" })))]);
    }
}
