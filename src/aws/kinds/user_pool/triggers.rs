//! `Custom::CognitoUserPool`: a function's triggers on a user pool that the service did not make.
//!
//! Properties, as the Serverless Framework's helper function takes them: `FunctionName`, `FunctionArn`, `UserPoolName`, and
//! `UserPoolConfigs`, a list of `{Trigger, LambdaVersion, KMSKeyID}`. UpdateUserPool replaces the whole pool: every field
//! that it had is sent back, known or not, and only our triggers are changed.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::super::json::{member, tags_of};
use super::super::properties::{drop_empty, items, required, text};
use super::super::{Findable, function};
use super::{POOLS, describe, named, unchanged};

/// `Custom::CognitoUserPool`
pub const TYPE: &str = "Custom::CognitoUserPool";

/// Triggers whose value is `{LambdaArn, LambdaVersion}`.
const VERSIONED: &[&str] = &["CustomEmailSender", "CustomSMSSender", "InboundFederation"];

/// Reads, makes, changes and deletes triggers of user pools.
pub struct UserPoolTriggers {
    aws: Arc<Aws>,
}

impl UserPoolTriggers {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// The pool of that name; names are not unique, and the first made counts, as in the framework.
    async fn named(&self, name: &str) -> Result<Option<Json>, Failure> {
        match named(&self.aws, name).await?.first() {
            Some(id) => describe(&self.aws, id).await,
            None => Ok(None),
        }
    }

    fn is_ours(&self, pool: &Json) -> bool {
        self.aws.scope().ownership(&tags_of(pool.get("UserPoolTags"))) == Ownership::Ours
    }

    fn live(&self, pool: &Json, function: &str, address: Address) -> Option<Live> {
        let configs = configs(pool, function);
        if configs.is_empty() {
            return None;
        }
        let name = member(pool, "Name").unwrap_or_default();
        let mut properties = BTreeMap::from([
            ("FunctionArn".to_owned(), Value::string(function)),
            ("UserPoolName".to_owned(), Value::string(name)),
            ("UserPoolConfigs".to_owned(), Value::List(configs)),
        ]);
        drop_empty(&mut properties, &[]);
        Some(Live {
            address,
            physical_id: format!("{name}|{function}"),
            properties: Value::Map(properties),
            attributes: attributes(pool),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    /// Makes these the triggers of a function, and leaves every other trigger and setting as it is.
    async fn set(&self, pool: &Json, function: &str, configs: &[Value], progress: &Progress) -> Result<(), Failure> {
        let Some(body) = update(pool, function, configs) else { return Ok(()) };
        let request = Signed::action("UpdateUserPool", body);
        self.aws.ask("cognito-idp", "UpdateUserPool", &request, progress).await.map(drop)
    }

    async fn apply(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (name, function) = (required(&wanted, "UserPoolName")?, required(&wanted, "FunctionArn")?);
        let Some(pool) = self.named(&name).await? else {
            return Err(Failure::new(Reason::NotFound, format!("there is no user pool {name}"))
                .help("make it first, or take `existing: true` away so that it is made here"));
        };
        self.set(&pool, &function, items(&wanted, &["UserPoolConfigs"]), progress).await?;
        Ok(Live::made(desired, attributes(&pool), format!("{name}|{function}"), wanted))
    }
}

fn attributes(pool: &Json) -> BTreeMap<String, Value> {
    [("Arn", "Arn"), ("Ref", "Id")]
        .into_iter()
        .filter_map(|(key, name)| Some((key.to_owned(), Value::string(member(pool, name)?))))
        .collect()
}

/// The function and version that a trigger calls.
fn called(value: &Json) -> (&str, Option<&str>) {
    match value.as_str() {
        Some(arn) => (arn, None),
        None => (member(value, "LambdaArn").unwrap_or_default(), member(value, "LambdaVersion")),
    }
}

/// The triggers of a pool that call a function, in order, as the file has them.
fn configs(pool: &Json, function: &str) -> Vec<Value> {
    let triggers = pool.get("LambdaConfig").and_then(Json::as_object);
    let key = pool.pointer("/LambdaConfig/KMSKeyID").and_then(Json::as_str);
    // A version of the token trigger stands beside the trigger itself.
    let token = pool.pointer("/LambdaConfig/PreTokenGenerationConfig").map(called);
    let mut configs: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, value) in triggers.into_iter().flatten() {
        let (arn, mut version) = called(value);
        if arn != function || name == "KMSKeyID" {
            continue;
        }
        let name = if name == "PreTokenGenerationConfig" { "PreTokenGeneration" } else { name.as_str() };
        if name == "PreTokenGeneration" {
            version = token.filter(|(arn, _)| *arn == function).and_then(|(_, version)| version);
        }
        let mut config = BTreeMap::from([("Trigger".to_owned(), Value::string(name))]);
        config.extend(
            version
                .filter(|version| *version != "V1_0")
                .map(|version| ("LambdaVersion".to_owned(), Value::string(version))),
        );
        if VERSIONED.contains(&name) {
            config.extend(key.map(|key| ("KMSKeyID".to_owned(), Value::string(key))));
        }
        configs.insert(name, Value::Map(config));
    }
    configs.into_values().collect()
}

/// The body of UpdateUserPool with the pool's own settings and these triggers; `None` when nothing would change.
fn update(pool: &Json, function: &str, configs: &[Value]) -> Option<Json> {
    let before = pool.get("LambdaConfig").and_then(Json::as_object).cloned().unwrap_or_default();
    let mut triggers: Map<String, Json> = before
        .iter()
        .filter(|(_, value)| called(value).0 != function)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for config in configs {
        let Some(name) = text(config, &["Trigger"]) else { continue };
        let version = text(config, &["LambdaVersion"]);
        let versioned = |version: &str| json!({ "LambdaArn": function, "LambdaVersion": version });
        if VERSIONED.contains(&name.as_str()) {
            triggers.insert(name, versioned(version.as_deref().unwrap_or("V1_0")));
        } else if let (true, Some(version)) = (name == "PreTokenGeneration", &version) {
            triggers.insert("PreTokenGenerationConfig".to_owned(), versioned(version));
        } else {
            triggers.insert(name, function.into());
        }
        if let Some(key) = text(config, &["KMSKeyID"]) {
            triggers.insert("KMSKeyID".to_owned(), key.into());
        }
    }
    if triggers == before {
        return None;
    }
    let mut body = unchanged(pool);
    body.insert("LambdaConfig".to_owned(), triggers.into());
    Some(body.into())
}

impl Findable for UserPoolTriggers {}

#[async_trait]
impl Kind for UserPoolTriggers {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("FunctionArn", Trait::Immutable), ("UserPoolName", Trait::Immutable), ("UserPoolConfigs", Trait::Unordered)]
    }

    fn normalise(&self, properties: &mut Value) {
        let Value::Map(map) = properties else { return };
        // For the framework's helper function only.
        map.remove("FunctionName");
        map.remove("ServiceToken");
        if let Some(Value::List(configs)) = map.get_mut("UserPoolConfigs") {
            for config in configs {
                if let Value::Map(config) = config
                    && config.get("LambdaVersion").and_then(Value::text) == Some("V1_0")
                {
                    config.remove("LambdaVersion");
                }
            }
        }
        drop_empty(map, &[]);
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key)?.text();
        Some(format!("{}|{}", part("UserPoolName")?, part("FunctionArn")?))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let properties = &desired.properties;
        let (Some(name), Some(function)) = (text(properties, &["UserPoolName"]), text(properties, &["FunctionArn"]))
        else {
            return Ok(None);
        };
        let pool = self.named(&name).await?;
        Ok(pool.and_then(|pool| self.live(&pool, &function, desired.address.clone())))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let Some(function) = parent.attributes.get("Arn").and_then(Value::text) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for source in self.aws.invoked_from(&parent.physical_id, "cognito-idp.amazonaws.com").await? {
            let Some((_, id)) = source.split_once(":userpool/") else { continue };
            // A pool of ours has its triggers in its own properties.
            let Some(pool) = describe(&self.aws, id).await?.filter(|pool| !self.is_ours(pool)) else { continue };
            let address = Address::new(TYPE, format!("{}:{id}", parent.address.logical_id));
            // What the file wants stands beside the function, and is found by the pool's name: here it is the same.
            found.extend(self.live(&pool, function, address).map(|mut live| {
                // By the pool's ARN the permission would seem to lead here, and be taken away before: it is the only trace.
                live.attributes.remove("Arn");
                live
            }));
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(function::TYPE)
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        // A pool is written whole: one after the other.
        text(properties, &["UserPoolName"]).map(|name| format!("cognito {name}"))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        self.apply(desired, progress).await
    }

    async fn update(
        &self,
        _: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.apply(desired, progress).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let id = live.attributes.get("Ref").and_then(Value::text).unwrap_or_default();
        let function = required(&live.properties, "FunctionArn")?;
        match describe(&self.aws, id).await? {
            Some(pool) => self.set(&pool, &function, &[], progress).await,
            None => Ok(()),
        }
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: POOLS }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "cognito-idp:ListUserPools", resource: "*" },
            needs(Step::Read, "cognito-idp:DescribeUserPool"),
            needs(Step::Create, "cognito-idp:UpdateUserPool"),
            needs(Step::Update, "cognito-idp:UpdateUserPool"),
            needs(Step::Delete, "cognito-idp:UpdateUserPool"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::properties::tests::tree_of;
    use super::*;

    fn pool() -> Json {
        json!({
            "Id": "p", "Name": "users", "Arn": "arn", "Status": "Enabled", "MfaConfiguration": "OFF",
            "SomethingNew": { "Of": "next year" },
            "Policies": { "PasswordPolicy": { "TemporaryPasswordValidityDays": 7 } },
            "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7 },
            "LambdaConfig": { "PreSignUp": "f", "PostConfirmation": "theirs" },
        })
    }

    #[test]
    fn everything_that_a_pool_has_is_sent_back() {
        let configs = [tree_of(json!({ "Trigger": "CustomMessage" }))];
        assert_eq!(
            update(&pool(), "f", &configs),
            Some(json!({
                "UserPoolId": "p", "PoolName": "users", "MfaConfiguration": "OFF",
                "SomethingNew": { "Of": "next year" },
                "Policies": { "PasswordPolicy": { "TemporaryPasswordValidityDays": 7 } },
                "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": false },
                "LambdaConfig": { "CustomMessage": "f", "PostConfirmation": "theirs" },
            }))
        );
    }

    #[test]
    fn nothing_is_written_that_is_there() {
        let configs = configs(&pool(), "f");
        assert_eq!(configs, [tree_of(json!({ "Trigger": "PreSignUp" }))]);
        assert_eq!(update(&pool(), "f", &configs), None);
    }

    #[test]
    fn versioned_triggers_come_back_as_the_file_has_them() {
        let wanted = [
            tree_of(json!({ "Trigger": "CustomEmailSender", "KMSKeyID": "k" })),
            tree_of(json!({ "Trigger": "PreTokenGeneration", "LambdaVersion": "V2_0" })),
        ];
        let body = update(&pool(), "f", &wanted).unwrap();
        let live = json!({ "LambdaConfig": body["LambdaConfig"] });
        assert_eq!(configs(&live, "f"), wanted);
    }
}
