//! `AWS::Cognito::UserPool`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cognito-userpool.html>
//!
//! Names of pools are not unique: ours is the one that carries our marks. A pool with users is never deleted and never
//! replaced: nobody could bring them back.

mod shape;
pub mod triggers;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::{ID, SERVICE, STAGE, is_reserved};
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership, REPLACES};
use crate::engine::value::Value;

use super::json::{changed, expect, member, pick, tags_of};
use super::properties::{required, text, text_map};
use super::{Findable, after};

/// `AWS::Cognito::UserPool`
pub const TYPE: &str = "AWS::Cognito::UserPool";

/// What DescribeUserPool tells and UpdateUserPool does not take.
const TOLD_ONLY: &[&str] = &[
    "AliasAttributes",
    "Arn",
    "CreationDate",
    "CustomDomain",
    "Domain",
    "EmailConfigurationFailure",
    "EstimatedNumberOfUsers",
    "Id",
    "LastModifiedDate",
    "Name",
    "SchemaAttributes",
    "SmsConfigurationFailure",
    "Status",
    "UsernameAttributes",
    "UsernameConfiguration",
];

const POOLS: &str = "arn:${Partition}:cognito-idp:${Region}:${Account}:userpool/*";

/// Reads, makes, changes and deletes user pools.
pub struct UserPool {
    aws: Arc<Aws>,
}

/// What Cognito says of a pool.
///
/// # Errors
/// As every call.
async fn describe(aws: &Aws, id: &str) -> Result<Option<Json>, Failure> {
    let request = Signed::action("DescribeUserPool", json!({ "UserPoolId": id }));
    let answer = aws.look_for("cognito-idp", "DescribeUserPool", &request).await?;
    Ok(answer.and_then(|mut answer| answer.get_mut("UserPool").map(Json::take)))
}

/// Ids of the pools of that name, the oldest first.
///
/// # Errors
/// As every call.
async fn named(aws: &Aws, name: &str) -> Result<Vec<String>, Failure> {
    let request = Signed::action("ListUserPools", json!({ "MaxResults": 60 }));
    let token = ("NextToken", "NextToken");
    let mut all = aws.pages("cognito-idp", "ListUserPools", request, token, "UserPools").await?;
    all.retain(|pool| member(pool, "Name") == Some(name));
    all.sort_by(|one, other| {
        let made = |pool: &Json| pool.get("CreationDate").and_then(Json::as_f64).unwrap_or_default();
        made(one).total_cmp(&made(other))
    });
    Ok(all.iter().filter_map(|pool| member(pool, "Id")).map(str::to_owned).collect())
}

/// UpdateUserPool replaces the whole pool: a body that sends back everything that it has, known or not.
fn unchanged(pool: &Json) -> Map<String, Json> {
    let mut body = pool.as_object().cloned().unwrap_or_default();
    body.insert("UserPoolId".to_owned(), pool.get("Id").cloned().unwrap_or_default());
    if let Some(name) = pool.get("Name") {
        body.insert("PoolName".to_owned(), name.clone());
    }
    // What has no value is told empty, and refused empty.
    let is_nothing =
        |value: &Json| value.is_null() || value.as_str() == Some("") || value.as_object().is_some_and(Map::is_empty);
    body.retain(|key, value| !TOLD_ONLY.contains(&key.as_str()) && !is_nothing(value));
    // Told twice, taken once: the password policy has it too.
    if pool.pointer("/Policies/PasswordPolicy/TemporaryPasswordValidityDays").is_some()
        && let Some(Json::Object(admin)) = body.get_mut("AdminCreateUserConfig")
    {
        admin.remove("UnusedAccountValidityDays");
    }
    body
}

impl UserPool {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn live(&self, pool: &Json, desired: Option<&Desired>) -> Result<Live, Failure> {
        let id = expect(pool, "Id", "cognito-idp.DescribeUserPool")?;
        let tags = tags_of(pool.get("UserPoolTags"));
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        Ok(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(&id)),
            properties: shape::decode(pool, desired.map(|desired| &desired.properties)),
            attributes: self.attributes(pool, &id),
            physical_id: id,
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    fn attributes(&self, pool: &Json, id: &str) -> BTreeMap<String, Value> {
        let provider = format!("cognito-idp.{}.{}/{id}", self.aws.region(), self.aws.partition().dns_suffix);
        let mut attributes = BTreeMap::from([
            ("ProviderURL".to_owned(), Value::String(format!("https://{provider}"))),
            ("ProviderName".to_owned(), Value::String(provider)),
        ]);
        attributes.extend(["Ref", "UserPoolId"].map(|key| (key.to_owned(), Value::string(id))));
        let arn = member(pool, "Arn").map(str::to_owned);
        let arn = arn.or_else(|| self.aws.arn("cognito-idp", &format!("userpool/{id}")));
        attributes.extend(arn.map(|arn| ("Arn".to_owned(), Value::String(arn))));
        attributes
    }

    /// Ours of that name and logical id; else, to be adopted or refused, the oldest of that name that is nobody's. Those of
    /// other services and stages stand beside it: the same name is allowed.
    async fn find(&self, name: &str, desired: &Desired) -> Result<Option<Live>, Failure> {
        let mut unmarked = None;
        for id in named(&self.aws, name).await? {
            let Some(pool) = describe(&self.aws, &id).await? else { continue };
            let live = self.live(&pool, Some(desired))?;
            let is_replaced = desired.hints.get(REPLACES).and_then(Value::text) == Some(id.as_str());
            let own = tags_of(pool.get("UserPoolTags"));
            let is_that = own.get(ID).map(String::as_str) == Some(desired.address.logical_id.as_str());
            match live.ownership {
                Ownership::Ours if is_that && !is_replaced => return Ok(Some(live)),
                Ownership::Ours | Ownership::OtherService { .. } => {}
                Ownership::Unmarked | Ownership::Stack { .. } => unmarked = unmarked.or(Some(live)),
            }
        }
        Ok(unmarked)
    }

    async fn send(&self, operation: &'static str, body: Json, progress: &Progress) -> Result<Json, Failure> {
        self.aws.ask("cognito-idp", operation, &Signed::action(operation, body), progress).await
    }
}

#[async_trait]
impl Findable for UserPool {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "cognito-idp", "userpool/").map(str::to_owned)
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        match describe(&self.aws, physical_id).await? {
            Some(pool) => self.live(&pool, None).map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Kind for UserPool {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("AutoVerifiedAttributes", Trait::Unordered),
            ("AliasAttributes", Trait::Unordered),
            ("UsernameAttributes", Trait::Unordered),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            shape::normalise(map);
        }
    }

    fn identity(&self, _: &Desired) -> Option<String> {
        None
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        match text(&desired.properties, &["UserPoolName"]) {
            Some(name) => self.find(&name, desired).await,
            None => Ok(None),
        }
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        shape::check(&wanted)?;
        let name = required(&wanted, "UserPoolName")?;
        let mut body = Json::Object(pick(&wanted, shape::SETTABLE));
        body["PoolName"] = name.as_str().into();
        let request = Signed::action("CreateUserPool", body);
        let answer = self
            .aws
            .call("cognito-idp", "CreateUserPool")
            .progress(progress)
            .fresh(self.aws.retry().fresh.any())
            .create(
                || async {
                    let found = self.find(&name, desired).await?.filter(|live| live.ownership == Ownership::Ours);
                    let Some(live) = found else { return Ok(None) };
                    Ok(describe(&self.aws, &live.physical_id).await?.map(|pool| json!({ "UserPool": pool })))
                },
                || self.aws.signed("cognito-idp", request.clone()),
            )
            .await?;
        let pool = answer.get("UserPool").cloned().unwrap_or_default();
        let live = self.live(&pool, Some(desired))?;
        Ok(Live { properties: wanted, ownership: Ownership::Ours, ..live })
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        shape::check(&wanted)?;
        let changed = changed(fields);
        if let Some(fixed) = shape::FIXED.iter().find(|key| changed.contains(*key)) {
            return Err(Failure::new(Reason::Invalid, format!("{fixed} of a user pool cannot be changed"))
                .help("users live in the pool: write it as it was, or give the new pool another name"));
        }
        let Some(pool) = describe(&self.aws, &live.physical_id).await? else {
            return Err(Failure::new(Reason::NotFound, format!("the user pool {} is gone", live.physical_id)));
        };
        let new = shape::new_attributes(&live.properties, &wanted)?;
        if !new.is_empty() {
            let body = json!({ "UserPoolId": live.physical_id, "CustomAttributes": new });
            self.send("AddCustomAttributes", body, progress).await?;
        }
        if changed.iter().any(|key| *key != "Schema") {
            let mut body = unchanged(&pool);
            for key in changed.iter().filter(|key| shape::SETTABLE.contains(*key)) {
                body.remove(*key);
            }
            let keys: Vec<&str> = shape::SETTABLE.iter().copied().filter(|key| changed.contains(key)).collect();
            body.extend(pick(&wanted, &keys).into_iter().filter(|(key, _)| key != "Schema"));
            body.insert("PoolName".to_owned(), required(&wanted, "UserPoolName")?.into());
            // All tags are replaced: those that AWS set go back as they are.
            let mut tags = tags_of(pool.get("UserPoolTags"));
            tags.retain(|key, _| is_reserved(key));
            tags.extend(text_map(&wanted, &["UserPoolTags"]));
            body.insert("UserPoolTags".to_owned(), json!(tags));
            self.send("UpdateUserPool", Json::Object(body), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let id = live.physical_id.as_str();
        let Some(pool) = describe(&self.aws, id).await? else { return Ok(()) };
        if pool.get("EstimatedNumberOfUsers").and_then(Json::as_i64).is_some_and(|users| users > 0) {
            progress.kept("there are users in it");
            let mut body = unchanged(&pool);
            // Its triggers are functions of ours, which go.
            body.remove("LambdaConfig");
            if let Some(Json::Object(tags)) = body.get_mut("UserPoolTags") {
                tags.retain(|key, _| ![SERVICE, STAGE, ID].contains(&key.as_str()));
            }
            return self.send("UpdateUserPool", Json::Object(body), progress).await.map(drop);
        }
        let request = Signed::action("DeleteUserPool", json!({ "UserPoolId": id }));
        let call = self.aws.call("cognito-idp", "DeleteUserPool").progress(progress);
        call.find(|| self.aws.signed("cognito-idp", request.clone())).await.map(drop)
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        // A pool is written whole: one after the other.
        text(properties, &["UserPoolName"]).map(|name| format!("cognito {name}"))
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: POOLS }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "cognito-idp:ListUserPools", resource: "*" },
            needs(Step::Read, "cognito-idp:DescribeUserPool"),
            Permission { step: Step::Create, action: "cognito-idp:CreateUserPool", resource: "*" },
            needs(Step::Create, "cognito-idp:TagResource"),
            needs(Step::Update, "cognito-idp:UpdateUserPool"),
            needs(Step::Update, "cognito-idp:TagResource"),
            needs(Step::Update, "cognito-idp:UntagResource"),
            needs(Step::Update, "cognito-idp:AddCustomAttributes"),
            needs(Step::Delete, "cognito-idp:UpdateUserPool"),
            needs(Step::Delete, "cognito-idp:DeleteUserPool"),
        ];
        ALL
    }
}
