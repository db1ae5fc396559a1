//! `AWS::Logs::LogGroup`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html>
//!
//! The groups of this service's functions are listed once for all of them, fifty to a page, and their tags come from the
//! tagging API: one call for each group would take a fifth of a second of quota.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::types::{DataProtectionStatus, LogGroup as Found, LogGroupClass};

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::pages::Pages;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::properties::{
    default_to, document, drop_empty, integer, number, number_in_place, own_tags, parsed_document, put, required,
    sorted, string, tags_to_map, text, text_map,
};
use super::tags::TagChange;
use super::{Findable, after, function};

/// `AWS::Logs::LogGroup`
pub const TYPE: &str = "AWS::Logs::LogGroup";

/// What the names of functions' own log groups begin with.
const LAMBDA: &str = "/aws/lambda/";

const GROUP_ARN: &str = "arn:${Partition}:logs:${Region}:${Account}:log-group:/aws/lambda/${Service}-${Stage}-*";

const fn needs(step: Step, action: &'static str) -> Permission {
    Permission { step, action, resource: GROUP_ARN }
}

/// How long the tagging API may not know a group: assumed, with a wide margin.
const NEW: Duration = Duration::from_secs(300);

type Tags = BTreeMap<String, String>;

/// Whose the function of a log group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Ours,
    Others,
    /// There is no such function.
    Nobody,
}

/// Log groups by name.
pub type LogGroups = BTreeMap<String, Found>;

/// Reads, makes, changes and deletes log groups.
pub struct LogGroup {
    aws: Arc<Aws>,
}

impl LogGroup {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// The log groups whose names begin as those of this service's functions do. Read once in a run.
    pub async fn of_functions(&self) -> Result<Arc<LogGroups>, Failure> {
        let mut known = self.aws.run.log_groups.lock().await;
        if let Some(known) = known.as_ref() {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(self.list(&self.prefix()).await?);
        *known = Some(Arc::clone(&found));
        Ok(found)
    }

    fn prefix(&self) -> String {
        format!("{LAMBDA}{}", self.aws.scope().prefix())
    }

    async fn list(&self, prefix: &str) -> Result<LogGroups, Failure> {
        let mut groups = LogGroups::new();
        let mut pages = Pages::new("DescribeLogGroups");
        let mut token = None;
        loop {
            let page = self
                .aws
                .call("logs", "DescribeLogGroups")
                .send(|| {
                    let request = self.aws.logs().describe_log_groups().log_group_name_prefix(prefix).limit(50);
                    request.set_next_token(token.clone()).send()
                })
                .await?;
            token = pages.next(page.next_token())?;
            let found = page.log_groups.unwrap_or_default();
            groups.extend(found.into_iter().filter_map(|group| Some((group.log_group_name.clone()?, group))));
            if token.is_none() {
                return Ok(groups);
            }
        }
    }

    async fn group(&self, name: &str) -> Result<Option<Found>, Failure> {
        if name.starts_with(&self.prefix()) {
            return Ok(self.of_functions().await?.get(name).cloned());
        }
        Ok(self.list(name).await?.remove(name))
    }

    /// After a write the list is no longer true.
    async fn forget(&self) {
        *self.aws.run.log_groups.lock().await = None;
    }

    /// The live log group of that name. `desired` are the properties that it is compared with, if any.
    pub async fn find(
        &self,
        name: &str,
        logical_id: Option<&str>,
        desired: Option<&Value>,
    ) -> Result<Option<Live>, Failure> {
        match self.group(name).await? {
            Some(found) => self.live(&found, name, logical_id, desired).await.map(Some),
            None => Ok(None),
        }
    }

    async fn live(
        &self,
        found: &Found,
        name: &str,
        logical_id: Option<&str>,
        desired: Option<&Value>,
    ) -> Result<Live, Failure> {
        let arn = self.group_arn(found, name).await?;
        let known = self.aws.tagged().await?.get(&arn).cloned();
        let (tags, ownership) = match desired {
            Some(desired) => self.of_a_wanted(found, &arn, name, known, desired).await?,
            None => self.of_an_orphan(&arn, name, known).await?,
        };
        let mut properties = BTreeMap::new();
        let mut set = |key: &str, value: Option<Value>| put(&mut properties, key, value);
        set("LogGroupName", string(Some(name)));
        set("RetentionInDays", number(found.retention_in_days()));
        set("KmsKeyId", string(found.kms_key_id()));
        set("LogGroupClass", string(found.log_group_class().map(LogGroupClass::as_str)));
        set("Tags", Some(own_tags(&tags)));
        let wanted = desired.is_some_and(|desired| desired.get("DataProtectionPolicy").is_some());
        if wanted || found.data_protection_status() == Some(&DataProtectionStatus::Activated) {
            set("DataProtectionPolicy", self.data_protection(name).await?);
        }
        normalise(&mut properties);
        Ok(Live {
            address: Address::new(TYPE, logical_id.or(tags.get(ID).map(String::as_str)).unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(properties),
            attributes: attributes(&arn, name),
            ownership,
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn group_arn(&self, found: &Found, name: &str) -> Result<String, Failure> {
        if let Some(arn) = found.log_group_arn().or_else(|| found.arn().map(|arn| arn.trim_end_matches(":*"))) {
            return Ok(arn.to_owned());
        }
        self.aws.account().await?;
        Ok(self.aws.arn("logs", &format!("log-group:{name}")).unwrap_or_default())
    }

    /// Tags and owner of a group that the file names. What the tagging API says counts when it is what the file wants;
    /// it costs one call for all groups, and CloudWatch itself answers for five a second.
    async fn of_a_wanted(
        &self,
        found: &Found,
        arn: &str,
        name: &str,
        known: Option<Tags>,
        desired: &Value,
    ) -> Result<(Tags, Ownership), Failure> {
        let wanted = text_map(desired, &["Tags"]);
        if let Some(known) = known.as_ref()
            && own_tags(known) == own_tags(&wanted)
        {
            return Ok((known.clone(), self.aws.scope().ownership(known)));
        }
        // The tagging API lags behind for half a minute: a new group of a function of ours carries what it was made with.
        let is_settled = !self.aws.retry().fresh.contains("*");
        if known.is_none() && is_settled && is_new(found) && self.function_of(name).await? == Of::Ours {
            return Ok((wanted, Ownership::Ours));
        }
        let tags = self.tags_now(arn).await?;
        let mut ownership = self.aws.scope().ownership(&tags);
        // Lambda makes groups by itself, for functions that log before there is one, and after it was deleted.
        if tags.is_empty() && self.function_of(name).await? != Of::Others {
            ownership = Ownership::Ours;
        }
        Ok((tags, ownership))
    }

    /// Tags and owner of a group that no file names: before it is deleted, it is known by more than its name.
    async fn of_an_orphan(&self, arn: &str, name: &str, known: Option<Tags>) -> Result<(Tags, Ownership), Failure> {
        if let Some(known) = known.filter(|_| name.starts_with(&self.prefix())) {
            let ownership = self.aws.scope().ownership(&known);
            return Ok((known, ownership));
        }
        if self.function_of(name).await? == Of::Ours {
            return Ok((Tags::new(), Ownership::Ours));
        }
        let tags = self.tags_now(arn).await?;
        let ownership = self.aws.scope().ownership(&tags);
        Ok((tags, ownership))
    }

    async fn tags_now(&self, arn: &str) -> Result<Tags, Failure> {
        let answer = self
            .aws
            .call("logs", "ListTagsForResource")
            .find(|| self.aws.logs().list_tags_for_resource().resource_arn(arn).send())
            .await?;
        Ok(sorted(answer.as_ref().and_then(|answer| answer.tags())))
    }

    /// Whose the function is that writes to a group of this name.
    async fn function_of(&self, name: &str) -> Result<Of, Failure> {
        let Some(function) = name.strip_prefix(LAMBDA) else { return Ok(Of::Others) };
        Ok(match function::Function::shared(&self.aws, function).await? {
            Some(found) if self.aws.scope().ownership(&sorted(found.tags())) == Ownership::Ours => Of::Ours,
            Some(_) => Of::Others,
            None => Of::Nobody,
        })
    }

    async fn data_protection(&self, name: &str) -> Result<Option<Value>, Failure> {
        let answer = self
            .aws
            .call("logs", "GetDataProtectionPolicy")
            .find(|| self.aws.logs().get_data_protection_policy().log_group_identifier(name).send())
            .await?;
        Ok(answer.and_then(|answer| answer.policy_document().map(parsed_document)))
    }

    async fn set_retention(&self, name: &str, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        match integer(properties, &["RetentionInDays"]) {
            Some(days) => {
                self.aws
                    .call("logs", "PutRetentionPolicy")
                    .progress(progress)
                    .send(|| self.aws.logs().put_retention_policy().log_group_name(name).retention_in_days(days).send())
                    .await?;
            }
            None => {
                self.aws
                    .call("logs", "DeleteRetentionPolicy")
                    .progress(progress)
                    .find(|| self.aws.logs().delete_retention_policy().log_group_name(name).send())
                    .await?;
            }
        }
        Ok(())
    }

    async fn set_key(&self, name: &str, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        match text(properties, &["KmsKeyId"]) {
            Some(key) => {
                self.aws
                    .call("logs", "AssociateKmsKey")
                    .progress(progress)
                    .send(|| self.aws.logs().associate_kms_key().log_group_name(name).kms_key_id(&key).send())
                    .await?;
            }
            None => {
                self.aws
                    .call("logs", "DisassociateKmsKey")
                    .progress(progress)
                    .find(|| self.aws.logs().disassociate_kms_key().log_group_name(name).send())
                    .await?;
            }
        }
        Ok(())
    }

    async fn set_data_protection(&self, name: &str, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        match properties.get("DataProtectionPolicy") {
            Some(policy) => {
                let text = document(policy);
                self.aws
                    .call("logs", "PutDataProtectionPolicy")
                    .progress(progress)
                    .send(|| {
                        let request = self.aws.logs().put_data_protection_policy();
                        request.log_group_identifier(name).policy_document(&text).send()
                    })
                    .await?;
            }
            None => {
                self.aws
                    .call("logs", "DeleteDataProtectionPolicy")
                    .progress(progress)
                    .find(|| self.aws.logs().delete_data_protection_policy().log_group_identifier(name).send())
                    .await?;
            }
        }
        Ok(())
    }

    async fn set_tags(&self, arn: &str, change: &TagChange, progress: &Progress) -> Result<(), Failure> {
        if !change.set.is_empty() {
            self.aws
                .call("logs", "TagResource")
                .progress(progress)
                .send(|| {
                    let tags = change.set.clone().into_iter().collect();
                    self.aws.logs().tag_resource().resource_arn(arn).set_tags(Some(tags)).send()
                })
                .await?;
        }
        if !change.remove.is_empty() {
            self.aws
                .call("logs", "UntagResource")
                .progress(progress)
                .send(|| {
                    let keys = change.remove.iter().cloned().collect();
                    self.aws.logs().untag_resource().resource_arn(arn).set_tag_keys(Some(keys)).send()
                })
                .await?;
        }
        Ok(())
    }
}

/// Whether a group is too new for the tagging API, by this machine's clock.
fn is_new(found: &Found) -> bool {
    let made = found.creation_time().and_then(|made| u64::try_from(made).ok()).map(Duration::from_millis);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    made.is_some_and(|made| now.abs_diff(made) < NEW)
}

fn attributes(arn: &str, name: &str) -> BTreeMap<String, Value> {
    // CloudFormation's `Arn` ends so, and policies count on it.
    BTreeMap::from([("Arn".to_owned(), Value::String(format!("{arn}:*"))), ("Ref".to_owned(), Value::string(name))])
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(value) = properties.get_mut("RetentionInDays") {
        number_in_place(value);
    }
    if let Some(value) = properties.get_mut("DataProtectionPolicy")
        && let Value::String(text) = value
    {
        *value = parsed_document(text);
    }
    drop_empty(properties, &["Tags", "DataProtectionPolicy"]);
    default_to(properties, "LogGroupClass", Value::string("STANDARD"));
}

#[async_trait]
impl Kind for LogGroup {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("LogGroupName", Trait::Immutable),
            ("LogGroupClass", Trait::Immutable),
            ("DataProtectionPolicy", Trait::Document),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        desired.properties.get("LogGroupName")?.text().map(str::to_owned)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let Some(name) = self.identity(desired) else { return BTreeMap::new() };
        match self.aws.arn("logs", &format!("log-group:{name}")) {
            Some(arn) => attributes(&arn, &name),
            None => BTreeMap::from([("Ref".to_owned(), Value::String(name))]),
        }
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(name) = self.identity(desired) else { return Ok(None) };
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        self.find(&name, Some(&desired.address.logical_id), Some(&properties)).await
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        // A function that still runs would make its group anew.
        &[function::TYPE]
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["LogGroupName"]).map(|name| format!("logs {name}"))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        let name = required(&properties, "LogGroupName")?;
        self.aws.account().await?;
        let arn = self.aws.arn("logs", &format!("log-group:{name}")).unwrap_or_default();
        let class = text(&properties, &["LogGroupClass"]).filter(|class| class != "STANDARD");
        let created = self
            .aws
            .call("logs", "CreateLogGroup")
            .progress(progress)
            .send(|| {
                self.aws
                    .logs()
                    .create_log_group()
                    .log_group_name(&name)
                    .set_kms_key_id(text(&properties, &["KmsKeyId"]))
                    .set_log_group_class(class.as_deref().map(LogGroupClass::from))
                    .set_tags(Some(text_map(&properties, &["Tags"]).into_iter().collect()))
                    .send()
            })
            .await;
        self.forget().await;
        if let Err(failure) = created {
            if failure.code.as_deref() != Some("ResourceAlreadyExistsException") {
                return Err(failure);
            }
            // An attempt whose answer was lost, or Lambda, which makes groups by itself.
            let found = self.find(&name, None, Some(&properties)).await?;
            let Some(found) = found.filter(|found| found.ownership == Ownership::Ours) else { return Err(failure) };
            if found.properties.get("Tags") != properties.get("Tags") {
                let set = text_map(&properties, &["Tags"]);
                self.set_tags(&arn, &TagChange { set, ..TagChange::default() }, progress).await?;
            }
            if found.properties.get("KmsKeyId") != properties.get("KmsKeyId") {
                self.set_key(&name, &properties, progress).await?;
            }
        }
        if properties.get("RetentionInDays").is_some() {
            self.set_retention(&name, &properties, progress).await?;
        }
        if properties.get("DataProtectionPolicy").is_some() {
            self.set_data_protection(&name, &properties, progress).await?;
        }
        Ok(Live::made(desired, attributes(&arn, &name), name, properties))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        let name = live.physical_id.as_str();
        let changes = |top: &str| fields.iter().any(|field| field.path.split('.').next() == Some(top));
        if changes("RetentionInDays") {
            self.set_retention(name, &properties, progress).await?;
        }
        if changes("KmsKeyId") {
            self.set_key(name, &properties, progress).await?;
        }
        if changes("DataProtectionPolicy") {
            self.set_data_protection(name, &properties, progress).await?;
        }
        let arn = live.attributes.get("Arn").and_then(Value::text).map(|arn| arn.trim_end_matches(":*"));
        let arn = arn.ok_or_else(|| Failure::new(Reason::Bug, format!("{name} has no ARN")))?;
        self.set_tags(arn, &TagChange::of(fields, &properties), progress).await?;
        self.forget().await;
        Ok(Live { properties, ownership: Ownership::Ours, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        self.aws
            .call("logs", "DeleteLogGroup")
            .progress(progress)
            .find(|| self.aws.logs().delete_log_group().log_group_name(&live.physical_id).send())
            .await?;
        self.forget().await;
        Ok(())
    }

    fn permissions(&self) -> &'static [Permission] {
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "logs:DescribeLogGroups", resource: "*" },
            Permission { step: Step::Read, action: "tag:GetResources", resource: "*" },
            needs(Step::Read, "logs:ListTagsForResource"),
            needs(Step::Read, "logs:GetDataProtectionPolicy"),
            needs(Step::Create, "logs:CreateLogGroup"),
            needs(Step::Create, "logs:TagResource"),
            needs(Step::Create, "logs:PutRetentionPolicy"),
            needs(Step::Create, "logs:PutDataProtectionPolicy"),
            needs(Step::Update, "logs:PutRetentionPolicy"),
            needs(Step::Update, "logs:DeleteRetentionPolicy"),
            needs(Step::Update, "logs:AssociateKmsKey"),
            needs(Step::Update, "logs:DisassociateKmsKey"),
            needs(Step::Update, "logs:PutDataProtectionPolicy"),
            needs(Step::Update, "logs:DeleteDataProtectionPolicy"),
            needs(Step::Update, "logs:TagResource"),
            needs(Step::Update, "logs:UntagResource"),
            needs(Step::Delete, "logs:DeleteLogGroup"),
        ];
        ALL
    }
}

#[async_trait]
impl Findable for LogGroup {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        Some(after(arn, "logs", "log-group:")?.trim_end_matches(":*").to_owned())
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        // Every function leaves a group behind, even one that the tagging API does not list yet.
        let groups = self.of_functions().await?;
        let names = groups.keys().flat_map(|group| {
            let function = group.strip_prefix(LAMBDA).map(|name| (function::TYPE, name.to_owned()));
            std::iter::once((TYPE, group.clone())).chain(function)
        });
        Ok(names.collect())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        self.find(physical_id, None, None).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use serde_json::json;

    #[test]
    fn both_sides_of_a_log_group_look_alike() {
        let Value::Map(mut file) = tree_of(json!({ "LogGroupName": "g", "RetentionInDays": "14", "Tags": [] })) else {
            panic!("a map")
        };
        let Value::Map(mut live) = tree_of(json!({
            "LogGroupName": "g", "RetentionInDays": 14, "LogGroupClass": "STANDARD", "Tags": {}, "KmsKeyId": "",
        })) else {
            panic!("a map")
        };
        normalise(&mut file);
        normalise(&mut live);
        assert_eq!(file, live);
    }
}
