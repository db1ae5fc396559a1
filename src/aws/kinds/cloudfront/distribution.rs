//! `AWS::CloudFront::Distribution`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudfront-distribution.html>
//!
//! Nobody waits for a change to reach all edges but a deletion: only what is switched off everywhere can be deleted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::{Aws, incomplete};
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::retry::Look;
use crate::engine::value::Value;

use super::super::Findable;
use super::super::json::{changed, expect, member, tag_list};
use super::super::properties::{own_tags, tags_to_map, text};
use super::{SERVICE, distribution_shape, path, retag, tags};

/// `AWS::CloudFront::Distribution`
pub const TYPE: &str = "AWS::CloudFront::Distribution";

/// A change takes minutes to reach all edges.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HowToUpdateDistribution.html>
const SPREAD_WITHIN: Duration = Duration::from_secs(45 * 60);
const CONFIG: &str = "DistributionConfig";

const DISTRIBUTION_ARN: &str = "arn:${Partition}:cloudfront::${Account}:distribution/*";

/// Reads, makes, changes and deletes distributions.
pub struct Distribution {
    aws: Arc<Aws>,
}

impl Distribution {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn described(&self, id: &str) -> Result<Option<Json>, Failure> {
        let request = Signed::rest("GET", path(&format!("distribution/{}", segment(id))));
        self.aws.look_for(SERVICE, "GetDistribution", &request).await
    }

    /// Ours of that logical id. The tagging API lags behind, so that those count too that say about themselves what ours
    /// says.
    async fn find(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let tagged = self.aws.tagged().await?;
        let comment = text(&desired.properties, &[CONFIG, "Comment"]).unwrap_or_default();
        let list = Signed::rest("GET", path("distribution"));
        let all =
            self.aws.pages(SERVICE, "ListDistributions", list, ("NextMarker", "Marker"), "Items/DistributionSummary");
        for summary in all.await? {
            let (Some(arn), Some(id)) = (member(&summary, "ARN"), member(&summary, "Id")) else { continue };
            if !tagged.contains_key(arn) && member(&summary, "Comment").unwrap_or_default() != comment {
                continue;
            }
            let tags = tags(&self.aws, arn).await?;
            let is_that = tags.get(ID) == Some(&desired.address.logical_id);
            if is_that && self.aws.scope().ownership(&tags) == Ownership::Ours {
                let Some(found) = self.described(id).await? else { continue };
                return self.live(&found, &tags, Some(desired)).map(Some);
            }
        }
        Ok(None)
    }

    fn live(&self, found: &Json, tags: &BTreeMap<String, String>, desired: Option<&Desired>) -> Result<Live, Failure> {
        let id = expect(found, "Id", "cloudfront.GetDistribution")?;
        let wanted = desired.and_then(|desired| desired.properties.get(CONFIG));
        let config = found.get(CONFIG).cloned().unwrap_or_default();
        let properties = BTreeMap::from([
            (CONFIG.to_owned(), distribution_shape::live(&config, wanted)),
            ("Tags".to_owned(), own_tags(tags)),
        ]);
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        Ok(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(&id)),
            properties: Value::Map(properties),
            attributes: attributes(found, &id),
            physical_id: id,
            ownership: self.aws.scope().ownership(tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    /// Puts a configuration in the place of the one that was read with it.
    async fn put(&self, id: &str, config: Json, tag: &str, progress: &Progress) -> Result<Json, Failure> {
        let request = Signed::rest("PUT", path(&format!("distribution/{}/config", segment(id))))
            .header("if-match", tag)
            .body(json!({ CONFIG: config }));
        self.aws
            .call(SERVICE, "UpdateDistribution")
            .progress(progress)
            // The version that it names was published, and its permission added, a moment ago.
            .fresh(true)
            .send(|| self.aws.signed(SERVICE, request.clone()))
            .await
    }
}

fn attributes(found: &Json, id: &str) -> BTreeMap<String, Value> {
    let mut attributes: BTreeMap<String, Value> =
        ["Ref", "Id"].into_iter().map(|key| (key.to_owned(), Value::string(id))).collect();
    for (key, name) in [("DomainName", "DomainName"), ("Arn", "ARN")] {
        attributes.extend(member(found, name).map(|value| (key.to_owned(), Value::string(value))));
    }
    attributes
}

#[async_trait]
impl Findable for Distribution {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        let (start, id) = arn.split_once(":distribution/")?;
        start.contains(":cloudfront:").then(|| id.to_owned())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        let Some(found) = self.described(physical_id).await? else { return Ok(None) };
        let tags = tags(&self.aws, member(&found, "ARN").unwrap_or_default()).await?;
        self.live(&found, &tags, None).map(Some)
    }
}

#[async_trait]
impl Kind for Distribution {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[]
    }

    fn normalise(&self, properties: &mut Value) {
        let Value::Map(map) = properties else { return };
        tags_to_map(map);
        if let Some(config) = map.get_mut(CONFIG) {
            *config = distribution_shape::normal(config);
        }
    }

    fn identity(&self, _: &Desired) -> Option<String> {
        None
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        self.find(desired).await
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
        // The same reference twice is the same distribution.
        let reference = format!("{}{}-{now}", self.aws.scope().prefix(), desired.address.logical_id);
        let config = wanted.get(CONFIG).cloned().unwrap_or(Value::Null);
        let config = distribution_shape::request(&config, &reference, &Json::Null);
        let request = Signed::rest("POST", path("distribution")).query("WithTags", "").body(json!({
            "DistributionConfigWithTags": { CONFIG: config, "Tags": { "Items": { "Tag": tag_list(&wanted) } } },
        }));
        let made = self
            .aws
            .call(SERVICE, "CreateDistributionWithTags")
            .progress(progress)
            .fresh(true)
            .create(
                || async {
                    let Some(live) = self.find(desired).await? else { return Ok(None) };
                    self.described(&live.physical_id).await
                },
                || self.aws.signed(SERVICE, request.clone()),
            )
            .await?;
        let id = expect(&made, "Id", "cloudfront.CreateDistributionWithTags")?;
        Ok(Live::made(desired, attributes(&made, &id), id, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let id = live.physical_id.as_str();
        if changed(fields).contains(CONFIG) {
            let Some(found) = self.described(id).await? else {
                return Err(Failure::new(Reason::NotFound, format!("the distribution {id} is gone")));
            };
            let tag = expect(&found, "ETag", "cloudfront.GetDistribution")?;
            let before = found.get(CONFIG).cloned().unwrap_or_default();
            let reference = expect(&before, "CallerReference", "cloudfront.GetDistribution")?;
            let config = wanted.get(CONFIG).cloned().unwrap_or(Value::Null);
            let config = distribution_shape::request(&config, &reference, &before);
            self.put(id, config, &tag, progress).await?;
        }
        let arn = text(&Value::Map(live.attributes.clone()), &["Arn"])
            .ok_or_else(|| incomplete("cloudfront.GetDistribution", "ARN"))?;
        retag(&self.aws, &arn, &live.properties, &wanted, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let id = live.physical_id.as_str();
        let Some(found) = self.described(id).await? else { return Ok(()) };
        let mut config = found.get(CONFIG).cloned().unwrap_or_default();
        if member(&config, "Enabled") != Some("false") {
            if let Json::Object(config) = &mut config {
                config.insert("Enabled".to_owned(), "false".into());
            }
            let tag = expect(&found, "ETag", "cloudfront.GetDistribution")?;
            self.put(id, config, &tag, progress).await?;
        }
        let request = Signed::rest("GET", path(&format!("distribution/{}", segment(id))));
        let off = self
            .aws
            .call(SERVICE, "GetDistribution")
            .progress(progress)
            .wait(
                SPREAD_WITHIN,
                || self.aws.signed(SERVICE, request.clone()),
                |answer: Json| match member(&answer, "Status") {
                    Some("Deployed") => Look::Ready(answer),
                    _ => Look::NotYet("CloudFront to switch it off everywhere"),
                },
            )
            .await?;
        let tag = expect(&off, "ETag", "cloudfront.GetDistribution")?;
        let request = Signed::rest("DELETE", path(&format!("distribution/{}", segment(id)))).header("if-match", tag);
        let call = self.aws.call(SERVICE, "DeleteDistribution").progress(progress);
        call.find(|| self.aws.signed(SERVICE, request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: DISTRIBUTION_ARN }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "cloudfront:ListDistributions", resource: "*" },
            needs(Step::Read, "cloudfront:GetDistribution"),
            needs(Step::Read, "cloudfront:ListTagsForResource"),
            needs(Step::Create, "cloudfront:CreateDistribution"),
            needs(Step::Create, "cloudfront:TagResource"),
            Permission {
                step: Step::Create,
                action: "lambda:EnableReplication",
                resource: "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*",
            },
            Permission {
                step: Step::Create,
                action: "iam:CreateServiceLinkedRole",
                resource: "arn:${Partition}:iam::${Account}:role/aws-service-role/replicator.lambda.amazonaws.com/*",
            },
            needs(Step::Update, "cloudfront:UpdateDistribution"),
            needs(Step::Update, "cloudfront:TagResource"),
            needs(Step::Update, "cloudfront:UntagResource"),
            needs(Step::Delete, "cloudfront:UpdateDistribution"),
            needs(Step::Delete, "cloudfront:DeleteDistribution"),
        ];
        ALL
    }
}
