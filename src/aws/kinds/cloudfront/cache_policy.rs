//! `AWS::CloudFront::CachePolicy`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudfront-cachepolicy.html>
//!
//! Policies cannot be tagged. Their names are unique in an account, and their comment says whose they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::super::Findable;
use super::super::json::{expect, member, sort_texts};
use super::super::properties::{default_to, drop_empty, from_json, text, to_json};
use super::{SERVICE, distribution, path, texts, words};

/// `AWS::CloudFront::CachePolicy`
pub const TYPE: &str = "AWS::CloudFront::CachePolicy";

const CONFIG: &str = "CachePolicyConfig";
/// <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CachePolicyConfig.html>
const LONGEST_COMMENT: usize = 128;

const POLICY_ARN: &str = "arn:${Partition}:cloudfront::${Account}:cache-policy/*";

/// Reads, makes, changes and deletes cache policies.
pub struct CachePolicy {
    aws: Arc<Aws>,
}

/// Where a comment says whose a policy is: `… [hoist shop/dev/CloudFrontCachePolicyImages]`.
struct Mark {
    service: String,
    stage: String,
    id: String,
}

impl Mark {
    /// A comment without its mark, and the mark.
    fn read(comment: &str) -> (&str, Option<Self>) {
        let parsed = comment.rfind("[hoist ").and_then(|at| {
            let (before, mark) = comment.split_at(at);
            let mut parts = mark.strip_prefix("[hoist ")?.strip_suffix(']')?.split('/').map(str::to_owned);
            let (service, stage, id) = (parts.next()?, parts.next()?, parts.next()?);
            Some((before.trim_end(), Self { service, stage, id }))
        });
        parsed.map_or((comment, None), |(before, mark)| (before, Some(mark)))
    }

    fn write(&self, comment: &str) -> String {
        format!("{comment} [hoist {}/{}/{}]", self.service, self.stage, self.id).trim_start().to_owned()
    }
}

impl CachePolicy {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// Ids and configurations of the account's own policies.
    async fn all(&self) -> Result<Vec<(String, Json)>, Failure> {
        let request = Signed::rest("GET", path("cache-policy")).query("Type", "custom");
        let token = ("NextMarker", "Marker");
        let all = self.aws.pages(SERVICE, "ListCachePolicies", request, token, "Items/CachePolicySummary").await?;
        let parts = |one: &Json| {
            let policy = one.get("CachePolicy")?;
            Some((member(policy, "Id")?.to_owned(), policy.get(CONFIG)?.clone()))
        };
        Ok(all.iter().filter_map(parts).collect())
    }

    fn live(&self, id: &str, config: &Json, logical_id: Option<&str>) -> Live {
        let mut config = words::to_cfn(config);
        let comment = member(&config, "Comment").unwrap_or_default().to_owned();
        let (rest, mark) = Mark::read(&comment);
        if let Json::Object(config) = &mut config {
            config.insert("Comment".to_owned(), rest.into());
        }
        let scope = self.aws.scope();
        let ownership = match &mark {
            Some(mark) if mark.service == scope.service && mark.stage == scope.stage => Ownership::Ours,
            Some(mark) => Ownership::OtherService { service: mark.service.clone(), stage: mark.stage.clone() },
            None => Ownership::Unmarked,
        };
        let logical_id = logical_id.or(mark.as_ref().map(|mark| mark.id.as_str())).unwrap_or(id);
        let mut properties = Value::Map(BTreeMap::from([(CONFIG.to_owned(), from_json(config))]));
        self.normalise(&mut properties);
        Live {
            address: Address::new(TYPE, logical_id),
            physical_id: id.to_owned(),
            properties,
            attributes: attributes(id),
            ownership,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    async fn named(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(name) = text(&desired.properties, &[CONFIG, "Name"]) else { return Ok(None) };
        let found = self.all().await?.into_iter().find(|(_, config)| member(config, "Name") == Some(&name));
        Ok(found.map(|(id, config)| self.live(&id, &config, Some(&desired.address.logical_id))))
    }

    /// The configuration as CloudFront takes it, with our mark in its comment.
    fn request(&self, wanted: &Value, logical_id: &str) -> Result<Json, Failure> {
        let mut config = wanted.get(CONFIG).map(to_json).unwrap_or_default();
        let scope = self.aws.scope();
        let mark = Mark { service: scope.service.clone(), stage: scope.stage.clone(), id: logical_id.to_owned() };
        let comment = mark.write(member(&config, "Comment").unwrap_or_default());
        if comment.chars().count() > LONGEST_COMMENT {
            let what = format!("the comment of {logical_id} has no room for hoist's mark");
            return Err(Failure::new(Reason::Invalid, what)
                .help(format!("with it, it may have {LONGEST_COMMENT} characters: {comment}")));
        }
        config["Comment"] = comment.into();
        Ok(json!({ CONFIG: words::to_api(&config) }))
    }
}

/// Names that make a key are a set.
fn sort_lists(value: &mut Value) {
    match value {
        Value::List(_) => sort_texts(value),
        Value::Map(map) => map.values_mut().for_each(sort_lists),
        _ => {}
    }
}

fn attributes(id: &str) -> BTreeMap<String, Value> {
    ["Ref", "Id"].into_iter().map(|key| (key.to_owned(), Value::string(id))).collect()
}

#[async_trait]
impl Findable for CachePolicy {
    /// A list for all who use CloudFront, and a call for nobody else.
    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        if !self.aws.tagged().await?.keys().any(|arn| arn.contains(":cloudfront:")) {
            return Ok(Vec::new());
        }
        let scope = self.aws.scope();
        let is_ours = |config: &Json| {
            let mark = Mark::read(member(config, "Comment").unwrap_or_default()).1;
            mark.is_some_and(|mark| mark.service == scope.service && mark.stage == scope.stage)
        };
        let ours = self.all().await?.into_iter().filter(|(_, config)| is_ours(config));
        Ok(ours.map(|(id, _)| (TYPE, id)).collect())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        let request = Signed::rest("GET", path(&format!("cache-policy/{}", segment(physical_id))));
        let answer = self.aws.look_for(SERVICE, "GetCachePolicy", &request).await?;
        Ok(answer.and_then(|answer| Some(self.live(physical_id, answer.get(CONFIG)?, None))))
    }
}

#[async_trait]
impl Kind for CachePolicy {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("CachePolicyConfig.Name", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        let Value::Map(map) = properties else { return };
        let Some(Value::Map(config)) = map.get_mut(CONFIG) else { return };
        config.values_mut().for_each(texts);
        for (key, usual) in [("MinTTL", "0"), ("DefaultTTL", "86400"), ("MaxTTL", "31536000")] {
            default_to(config, key, Value::string(usual));
        }
        if let Some(Value::Map(parameters)) = config.get_mut("ParametersInCacheKeyAndForwardedToOrigin") {
            default_to(parameters, "EnableAcceptEncodingBrotli", Value::string("false"));
        }
        config.values_mut().for_each(sort_lists);
        drop_empty(config, &[]);
    }

    fn identity(&self, _: &Desired) -> Option<String> {
        None
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        self.named(desired).await
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let body = self.request(&wanted, &desired.address.logical_id)?;
        let request = Signed::rest("POST", path("cache-policy")).body(body);
        let made = self
            .aws
            .call(SERVICE, "CreateCachePolicy")
            .progress(progress)
            .create(
                || async {
                    let found = self.named(desired).await?.filter(|live| live.ownership == Ownership::Ours);
                    Ok(found.map(|live| json!({ "Id": live.physical_id })))
                },
                || self.aws.signed(SERVICE, request.clone()),
            )
            .await?;
        let id = expect(&made, "Id", "cloudfront.CreateCachePolicy")?;
        Ok(Live::made(desired, attributes(&id), id, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let place = path(&format!("cache-policy/{}", segment(&live.physical_id)));
        let found = self.aws.ask(SERVICE, "GetCachePolicy", &Signed::rest("GET", place.as_str()), progress).await?;
        let tag = expect(&found, "ETag", "cloudfront.GetCachePolicy")?;
        let body = self.request(&wanted, &desired.address.logical_id)?;
        let request = Signed::rest("PUT", place).header("if-match", tag).body(body);
        self.aws.ask(SERVICE, "UpdateCachePolicy", &request, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let place = path(&format!("cache-policy/{}", segment(&live.physical_id)));
        let request = Signed::rest("GET", place.as_str());
        let Some(found) = self.aws.look_for(SERVICE, "GetCachePolicy", &request).await? else { return Ok(()) };
        let tag = expect(&found, "ETag", "cloudfront.GetCachePolicy")?;
        let request = Signed::rest("DELETE", place).header("if-match", tag);
        let call = self.aws.call(SERVICE, "DeleteCachePolicy").progress(progress);
        call.find(|| self.aws.signed(SERVICE, request.clone())).await.map(drop)
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[distribution::TYPE]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: POLICY_ARN }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "cloudfront:ListCachePolicies", resource: "*" },
            needs(Step::Read, "cloudfront:GetCachePolicy"),
            Permission { step: Step::Create, action: "cloudfront:CreateCachePolicy", resource: "*" },
            needs(Step::Update, "cloudfront:UpdateCachePolicy"),
            needs(Step::Delete, "cloudfront:DeleteCachePolicy"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_says_whose_a_policy_is() {
        let mark = Mark { service: "shop".into(), stage: "dev".into(), id: "P".into() };
        for comment in ["", "for images", "with [brackets]"] {
            let written = mark.write(comment);
            let (rest, read) = Mark::read(&written);
            assert_eq!((rest, read.map(|mark| mark.id)), (comment, Some("P".to_owned())));
        }
        assert!(Mark::read("[hoist broken").1.is_none());
        assert_eq!(Mark::read("plain").0, "plain");
    }
}
