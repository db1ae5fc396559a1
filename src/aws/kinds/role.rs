//! `AWS::IAM::Role`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html>
//!
//! Inline policies are shared ground: only those that the file names, or whose name begins with `<service>-<stage>-`,
//! are read, changed and deleted. Managed policies of our own role are those of the file, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_iam::types::{Role as Found, Tag};

use crate::aws::client::{Aws, incomplete};
use crate::aws::ownership::ID;
use crate::aws::pages::Pages;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::codedeploy::deployment_group;
use super::properties::{
    as_text, default_to, document, drop_empty, integer, items, list, map, number, number_in_place, own_tags,
    parsed_document, percent_decoded, put, required, string, tags_to_map, text, text_map, texts,
};
use super::tags::TagChange;
use super::{Findable, after, function, stack};

/// Characters of all inline policies of a role together, without white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const LARGEST_INLINE: usize = 10_240;

/// `AWS::IAM::Role`
pub const TYPE: &str = "AWS::IAM::Role";

/// A role that is younger may not count everywhere yet, whoever made it: an earlier run that was cut off, perhaps.
const YOUNG: Duration = Duration::from_secs(600);

/// How much of [`LARGEST_INLINE`] the policies among a role's properties take, as far as their values are known.
pub fn inline_size(properties: &Value) -> usize {
    let policies = match properties.get("Policies") {
        Some(Value::List(policies)) => policies.as_slice(),
        _ => &[],
    };
    let texts = policies.iter().filter_map(|policy| policy.get("PolicyDocument")).map(document);
    texts.map(|text| text.chars().filter(|letter| !letter.is_whitespace()).count()).sum()
}

const ROLE_ARN: &str = "arn:${Partition}:iam::${Account}:role/${Service}-${Stage}-*";

const fn needs(step: Step, action: &'static str) -> Permission {
    Permission { step, action, resource: ROLE_ARN }
}

/// Reads, makes, changes and deletes roles.
pub struct Role {
    aws: Arc<Aws>,
}

impl Role {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// The live role of that name. `wanted` are inline policies that count as ours whatever their names.
    pub async fn find(
        &self,
        name: &str,
        logical_id: Option<&str>,
        wanted: &BTreeSet<String>,
    ) -> Result<Option<Live>, Failure> {
        let call = self.aws.call("iam", "GetRole").fresh(self.aws.retry().fresh.is_noted(&born(name)));
        let answer = call.find(|| self.aws.iam().get_role().role_name(name).send()).await?;
        let Some(found) = answer.and_then(|answer| answer.role) else { return Ok(None) };
        self.note_if_young(&found);
        // Those of the file are most often all that there are, and need not wait for the list of names.
        let of_the_file = async {
            let mut found = BTreeMap::new();
            for policy in wanted {
                found.extend(self.policy(name, policy, false).await?.map(|document| (policy.clone(), document)));
            }
            Ok(found)
        };
        let (inline, managed, found_early): (_, _, BTreeMap<String, Value>) =
            tokio::try_join!(self.inline_names(name), self.managed(name), of_the_file)?;
        let prefix = self.aws.scope().prefix();
        let mut policies = Vec::new();
        for policy in inline.iter().filter(|policy| wanted.contains(*policy) || policy.starts_with(&prefix)) {
            // One that is listed is there, though not everywhere yet where the role is new.
            let fresh = self.aws.retry().fresh.is_noted(&born(name));
            match found_early.get(policy) {
                Some(document) => policies.push(document.clone()),
                None => policies.extend(self.policy(name, policy, fresh).await?),
            }
        }
        self.live(&found, logical_id, policies, &managed).map(Some)
    }

    fn live(
        &self,
        found: &Found,
        logical_id: Option<&str>,
        policies: Vec<Value>,
        managed: &BTreeSet<String>,
    ) -> Result<Live, Failure> {
        let trust = found.assume_role_policy_document().map(percent_decoded);
        let trust = trust.ok_or_else(|| incomplete("iam.GetRole", "trust policy"))?;
        let tags: BTreeMap<String, String> =
            found.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        let mut properties = BTreeMap::new();
        let mut set = |key: &str, value: Option<Value>| put(&mut properties, key, value);
        set("RoleName", string(Some(found.role_name())));
        set("Path", string(Some(found.path())));
        set("AssumeRolePolicyDocument", Some(parsed_document(&trust)));
        set("Description", string(found.description()));
        set("MaxSessionDuration", number(found.max_session_duration()));
        let boundary = found.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
        set("PermissionsBoundary", string(boundary));
        set("ManagedPolicyArns", list(managed));
        set("Policies", Some(Value::List(policies)));
        set("Tags", Some(own_tags(&tags)));
        normalise(&mut properties);
        Ok(Live {
            address: Address::new(TYPE, logical_id.or(tags.get(ID).map(String::as_str)).unwrap_or(found.role_name())),
            physical_id: found.role_name().to_owned(),
            properties: Value::Map(properties),
            attributes: BTreeMap::from([
                ("Arn".to_owned(), Value::string(found.arn())),
                ("RoleId".to_owned(), Value::string(found.role_id())),
                ("Ref".to_owned(), Value::string(found.role_name())),
            ]),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    fn note_if_young(&self, found: &Found) {
        let made = SystemTime::try_from(*found.create_date());
        if made.is_ok_and(|made| made.elapsed().map_or(true, |age| age < YOUNG)) {
            self.aws.retry().fresh.note(found.arn());
        }
    }

    async fn inline_names(&self, role: &str) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        let mut pages = Pages::new("ListRolePolicies");
        let mut marker = None;
        loop {
            let page = self
                .aws
                .call("iam", "ListRolePolicies")
                .find(|| self.aws.iam().list_role_policies().role_name(role).set_marker(marker.clone()).send())
                .await?;
            let Some(page) = page else { return Ok(names) };
            marker = pages.next(page.marker().filter(|_| page.is_truncated()))?;
            names.extend(page.policy_names);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    async fn managed(&self, role: &str) -> Result<BTreeSet<String>, Failure> {
        let mut arns = BTreeSet::new();
        let mut pages = Pages::new("ListAttachedRolePolicies");
        let mut marker = None;
        loop {
            let page = self
                .aws
                .call("iam", "ListAttachedRolePolicies")
                .find(|| self.aws.iam().list_attached_role_policies().role_name(role).set_marker(marker.clone()).send())
                .await?;
            let Some(page) = page else { return Ok(arns) };
            arns.extend(page.attached_policies().iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)));
            marker = pages.next(page.marker().filter(|_| page.is_truncated()))?;
            if marker.is_none() {
                return Ok(arns);
            }
        }
    }

    /// A policy, `None` where there is none; waited for when `fresh`.
    async fn policy(&self, role: &str, policy: &str, fresh: bool) -> Result<Option<Value>, Failure> {
        let answer = self
            .aws
            .call("iam", "GetRolePolicy")
            .fresh(fresh)
            .find(|| self.aws.iam().get_role_policy().role_name(role).policy_name(policy).send())
            .await?;
        Ok(answer.and_then(|answer| {
            let document = percent_decoded(answer.policy_document());
            map([("PolicyName", string(Some(policy))), ("PolicyDocument", Some(parsed_document(&document)))])
        }))
    }

    async fn put_policy(&self, role: &str, name: &str, text: &str, progress: &Progress) -> Result<(), Failure> {
        self.aws
            .call("iam", "PutRolePolicy")
            .progress(progress)
            .fresh(self.aws.retry().fresh.contains(&born(role)))
            .send(|| self.aws.iam().put_role_policy().role_name(role).policy_name(name).policy_document(text).send())
            .await?;
        Ok(())
    }

    async fn delete_policy(&self, role: &str, name: &str, progress: &Progress) -> Result<(), Failure> {
        self.aws
            .call("iam", "DeleteRolePolicy")
            .progress(progress)
            .find(|| self.aws.iam().delete_role_policy().role_name(role).policy_name(name).send())
            .await?;
        Ok(())
    }

    async fn attach(&self, role: &str, arn: &str, progress: &Progress) -> Result<(), Failure> {
        self.aws
            .call("iam", "AttachRolePolicy")
            .progress(progress)
            .fresh(self.aws.retry().fresh.contains(&born(role)))
            .send(|| self.aws.iam().attach_role_policy().role_name(role).policy_arn(arn).send())
            .await?;
        Ok(())
    }

    async fn detach(&self, role: &str, arn: &str, progress: &Progress) -> Result<(), Failure> {
        self.aws
            .call("iam", "DetachRolePolicy")
            .progress(progress)
            .find(|| self.aws.iam().detach_role_policy().role_name(role).policy_arn(arn).send())
            .await?;
        Ok(())
    }

    /// Brings the inline policies that are ours to those of the file.
    async fn write_policies(
        &self,
        role: &str,
        before: &BTreeMap<String, Value>,
        after: &BTreeMap<String, Value>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        // What is added first: a function that runs meanwhile keeps its permissions.
        for (name, wanted) in after.iter().filter(|(name, wanted)| before.get(*name) != Some(*wanted)) {
            self.put_policy(role, name, &document(wanted), progress).await?;
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.delete_policy(role, name, progress).await?;
        }
        Ok(())
    }

    async fn write_managed(
        &self,
        role: &str,
        before: &BTreeSet<String>,
        after: &BTreeSet<String>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        for arn in after.difference(before) {
            self.attach(role, arn, progress).await?;
        }
        for arn in before.difference(after) {
            self.detach(role, arn, progress).await?;
        }
        Ok(())
    }

    async fn set_boundary(&self, role: &str, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        match text(properties, &["PermissionsBoundary"]) {
            Some(arn) => {
                self.aws
                    .call("iam", "PutRolePermissionsBoundary")
                    .progress(progress)
                    .send(|| {
                        let request = self.aws.iam().put_role_permissions_boundary().role_name(role);
                        request.permissions_boundary(&arn).send()
                    })
                    .await?;
            }
            None => {
                self.aws
                    .call("iam", "DeleteRolePermissionsBoundary")
                    .progress(progress)
                    .find(|| self.aws.iam().delete_role_permissions_boundary().role_name(role).send())
                    .await?;
            }
        }
        Ok(())
    }

    async fn set_tags(&self, role: &str, change: &TagChange, progress: &Progress) -> Result<(), Failure> {
        if !change.set.is_empty() {
            let tags = tags(&change.set)?;
            self.aws
                .call("iam", "TagRole")
                .progress(progress)
                .send(|| self.aws.iam().tag_role().role_name(role).set_tags(Some(tags.clone())).send())
                .await?;
        }
        if !change.remove.is_empty() {
            self.aws
                .call("iam", "UntagRole")
                .progress(progress)
                .send(|| {
                    let keys = change.remove.iter().cloned().collect();
                    self.aws.iam().untag_role().role_name(role).set_tag_keys(Some(keys)).send()
                })
                .await?;
        }
        Ok(())
    }

    async fn read_back(&self, desired: &Desired, name: &str) -> Result<Live, Failure> {
        let found = self.find(name, Some(&desired.address.logical_id), &policy_names(&desired.properties)).await?;
        found.ok_or_else(|| Failure::new(Reason::Conflict, format!("the role {name} was deleted meanwhile")))
    }
}

/// What a role that was made in this run is noted as.
fn born(role: &str) -> String {
    format!("role {role}")
}

fn tags(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, Failure> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::new(Reason::Bug, format!("iam: {error}")))
}

/// Inline policies by name.
fn policies(properties: &Value) -> BTreeMap<String, Value> {
    items(properties, &["Policies"])
        .iter()
        .filter_map(|policy| Some((text(policy, &["PolicyName"])?, policy.get("PolicyDocument")?.clone())))
        .collect()
}

fn policy_names(properties: &Value) -> BTreeSet<String> {
    policies(properties).into_keys().collect()
}

fn managed_arns(properties: &Value) -> BTreeSet<String> {
    texts(properties, &["ManagedPolicyArns"]).into_iter().collect()
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(value) = properties.get_mut("MaxSessionDuration") {
        number_in_place(value);
    }
    for key in ["AssumeRolePolicyDocument"] {
        if let Some(value) = properties.get_mut(key)
            && let Value::String(text) = value
        {
            *value = parsed_document(text);
        }
    }
    if let Some(Value::List(policies)) = properties.get_mut("Policies") {
        for policy in policies.iter_mut() {
            if let Value::Map(policy) = policy
                && let Some(value) = policy.get_mut("PolicyDocument")
                && let Value::String(text) = value
            {
                *value = parsed_document(text);
            }
        }
        policies.sort_by_key(|policy| text(policy, &["PolicyName"]));
    }
    if let Some(Value::List(arns)) = properties.get_mut("ManagedPolicyArns") {
        arns.sort_by_key(as_text);
        arns.dedup();
    }
    drop_empty(properties, &["Tags", "AssumeRolePolicyDocument"]);
    default_to(properties, "Path", Value::string("/"));
    default_to(properties, "MaxSessionDuration", Value::Number(3600.into()));
}

#[async_trait]
impl Kind for Role {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("RoleName", Trait::Immutable),
            ("Path", Trait::Immutable),
            ("AssumeRolePolicyDocument", Trait::Document),
            ("Policies", Trait::Unordered),
            ("Policies.*.PolicyDocument", Trait::Document),
            ("ManagedPolicyArns", Trait::Unordered),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        desired.properties.get("RoleName")?.text().map(str::to_owned)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let (Some(name), Some(account)) = (self.identity(desired), self.aws.known_account()) else {
            return BTreeMap::new();
        };
        let path = text(&desired.properties, &["Path"]).unwrap_or_else(|| "/".to_owned());
        let arn = format!("arn:{}:iam::{account}:role{path}{name}", self.aws.partition().name);
        BTreeMap::from([("Arn".to_owned(), Value::String(arn)), ("Ref".to_owned(), Value::String(name))])
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(name) = self.identity(desired) else { return Ok(None) };
        self.find(&name, Some(&desired.address.logical_id), &policy_names(&desired.properties)).await
    }

    /// IAM does not look whether there is what a policy names. What it looks for has an id that nobody knows beforehand.
    fn only_names(&self, type_name: &str) -> bool {
        type_name == stack::TYPE
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[function::TYPE, deployment_group::TYPE]
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["RoleName"]).map(|name| format!("iam {name}"))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        self.aws.keep_secret(&properties);
        let name = required(&properties, "RoleName")?;
        let trust = properties.get("AssumeRolePolicyDocument").map(document).unwrap_or_default();
        let tags = tags(&text_map(&properties, &["Tags"]))?;
        let request = self
            .aws
            .iam()
            .create_role()
            .role_name(&name)
            .assume_role_policy_document(trust)
            .set_path(text(&properties, &["Path"]))
            .set_description(text(&properties, &["Description"]))
            .set_max_session_duration(integer(&properties, &["MaxSessionDuration"]))
            .set_permissions_boundary(text(&properties, &["PermissionsBoundary"]))
            .set_tags(Some(tags));
        let created =
            self.aws.call("iam", "CreateRole").progress(progress).fresh(true).send(|| request.clone().send()).await;
        // Made just now, or by an attempt whose answer was lost: what asks for it next may not find it yet.
        self.aws.retry().fresh.note(born(&name));
        let mut before = BTreeMap::new();
        let mut attached = BTreeSet::new();
        let made = match created {
            Ok(answer) => answer.role,
            // Its name is unique, so a second attempt meets what the first one made.
            Err(failure) if failure.code.as_deref() == Some("EntityAlreadyExists") => {
                let found = self.find(&name, None, &policy_names(&properties)).await?;
                let Some(found) = found.filter(|found| found.ownership == Ownership::Ours) else {
                    return Err(failure);
                };
                before = policies(&found.properties);
                attached = managed_arns(&found.properties);
                None
            }
            Err(failure) => return Err(failure),
        };
        if let Some(made) = &made {
            self.aws.retry().fresh.note(made.arn());
        }
        let after = policies(&properties);
        let arns = managed_arns(&properties);
        tokio::try_join!(
            self.write_policies(&name, &before, &after, progress),
            self.write_managed(&name, &attached, &arns, progress),
        )?;
        match made {
            // What was just written needs no reading: IAM may not even show it yet.
            Some(made) => {
                let mut live = self.live(&made, Some(&desired.address.logical_id), Vec::new(), &arns)?;
                live.properties = properties;
                live.ownership = Ownership::Ours;
                Ok(live)
            }
            None => self.read_back(desired, &name).await,
        }
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
        self.aws.keep_secret(&properties);
        let name = live.physical_id.as_str();
        let changes =
            |top: &str| fields.iter().any(|field| field.path == top || field.path.split('.').next() == Some(top));
        if changes("AssumeRolePolicyDocument") {
            let trust = properties.get("AssumeRolePolicyDocument").map(document).unwrap_or_default();
            self.aws
                .call("iam", "UpdateAssumeRolePolicy")
                .progress(progress)
                .fresh(true)
                .send(|| self.aws.iam().update_assume_role_policy().role_name(name).policy_document(&trust).send())
                .await?;
        }
        if changes("Description") || changes("MaxSessionDuration") {
            self.aws
                .call("iam", "UpdateRole")
                .progress(progress)
                .send(|| {
                    self.aws
                        .iam()
                        .update_role()
                        .role_name(name)
                        .description(text(&properties, &["Description"]).unwrap_or_default())
                        .max_session_duration(integer(&properties, &["MaxSessionDuration"]).unwrap_or(3600))
                        .send()
                })
                .await?;
        }
        if changes("PermissionsBoundary") {
            self.set_boundary(name, &properties, progress).await?;
        }
        if changes("Policies") {
            self.write_policies(name, &policies(&live.properties), &policies(&properties), progress).await?;
        }
        if changes("ManagedPolicyArns") {
            let (before, after) = (managed_arns(&live.properties), managed_arns(&properties));
            self.write_managed(name, &before, &after, progress).await?;
        }
        self.set_tags(name, &TagChange::of(fields, &properties), progress).await?;
        if ["AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", "PermissionsBoundary"].into_iter().any(changes)
            && let Some(arn) = live.attributes.get("Arn").and_then(Value::text)
        {
            self.aws.retry().fresh.note(arn);
        }
        // IAM shows what was written with a delay: what was written is what is live.
        Ok(Live { properties, ownership: Ownership::Ours, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let name = live.physical_id.as_str();
        // A role with any policy left cannot be deleted, whoever put it there.
        let (inline, managed) = tokio::try_join!(self.inline_names(name), self.managed(name))?;
        for policy in &inline {
            self.delete_policy(name, policy, progress).await?;
        }
        for arn in &managed {
            self.detach(name, arn, progress).await?;
        }
        self.aws
            .call("iam", "DeleteRole")
            .progress(progress)
            .find(|| self.aws.iam().delete_role().role_name(name).send())
            .await?;
        Ok(())
    }

    fn permissions(&self) -> &'static [Permission] {
        const ALL: &[Permission] = &[
            needs(Step::Read, "iam:GetRole"),
            needs(Step::Read, "iam:GetRolePolicy"),
            needs(Step::Read, "iam:ListRolePolicies"),
            needs(Step::Read, "iam:ListAttachedRolePolicies"),
            needs(Step::Create, "iam:CreateRole"),
            needs(Step::Create, "iam:TagRole"),
            needs(Step::Create, "iam:PutRolePolicy"),
            needs(Step::Create, "iam:AttachRolePolicy"),
            needs(Step::Update, "iam:UpdateRole"),
            needs(Step::Update, "iam:UpdateAssumeRolePolicy"),
            needs(Step::Update, "iam:PutRolePermissionsBoundary"),
            needs(Step::Update, "iam:DeleteRolePermissionsBoundary"),
            needs(Step::Update, "iam:PutRolePolicy"),
            needs(Step::Update, "iam:DeleteRolePolicy"),
            needs(Step::Update, "iam:AttachRolePolicy"),
            needs(Step::Update, "iam:DetachRolePolicy"),
            needs(Step::Update, "iam:TagRole"),
            needs(Step::Update, "iam:UntagRole"),
            needs(Step::Delete, "iam:DeleteRole"),
            needs(Step::Delete, "iam:DeleteRolePolicy"),
            needs(Step::Delete, "iam:DetachRolePolicy"),
        ];
        ALL
    }
}

#[async_trait]
impl Findable for Role {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        Some(after(arn, "iam", "role/")?.rsplit('/').next()?.to_owned())
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        // The tagging API knows no roles.
        let name = format!("{}{}-lambdaRole", self.aws.scope().prefix(), self.aws.region());
        Ok(vec![(TYPE, name)])
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        self.find(physical_id, None, &BTreeSet::new()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use serde_json::json;

    #[test]
    fn both_sides_of_a_role_look_alike() {
        let trust = json!({ "Version": "2012-10-17", "Statement": [] });
        let Value::Map(mut file) = tree_of(json!({
            "RoleName": "r", "AssumeRolePolicyDocument": trust, "MaxSessionDuration": "3600",
            "Policies": [{ "PolicyName": "b", "PolicyDocument": { "S": 1 } }, { "PolicyName": "a", "PolicyDocument": {} }],
            "ManagedPolicyArns": ["arn:2", "arn:1", "arn:2"], "Tags": [{ "Key": "k", "Value": "v" }],
        })) else {
            panic!("a map")
        };
        let Value::Map(mut live) = tree_of(json!({
            "RoleName": "r", "Path": "/", "Description": "", "AssumeRolePolicyDocument": trust.to_string(),
            "MaxSessionDuration": 3600, "Tags": { "k": "v" }, "ManagedPolicyArns": ["arn:1", "arn:2"],
            "Policies": [{ "PolicyName": "a", "PolicyDocument": "{}" }, { "PolicyName": "b", "PolicyDocument": "{\"S\":1}" }],
        })) else {
            panic!("a map")
        };
        normalise(&mut file);
        normalise(&mut live);
        assert_eq!(file, live);
    }
}
