//! `AWS::S3::Bucket`: a bucket that a service made for its events.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>
//!
//! Only what an event source needs: name, notifications, tags, versioning. A bucket with objects in it is never deleted.

pub mod existing;
mod notification;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Tag, Tagging, VersioningConfiguration,
};

use self::notification::{Document, Entry};
use super::json::changed;
use super::names::generated;
use super::properties::{drop_empty, items, own_tags, tags_to_map, text, text_map};
use super::{Findable, after};
use crate::aws::client::Aws;
use crate::aws::ownership::{ID, SERVICE, STAGE, is_reserved};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `AWS::S3::Bucket`
pub const TYPE: &str = "AWS::S3::Bucket";

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
const LONGEST_NAME: usize = 63;
/// The only region whose name CreateBucket does not take.
const WITHOUT_CONSTRAINT: &str = "us-east-1";
const PROPERTIES: &[&str] = &["BucketName", "NotificationConfiguration", "Tags", "VersioningConfiguration"];

const BUCKETS: &str = "arn:${Partition}:s3:::*";

/// Reads, makes, changes and deletes buckets.
pub struct Bucket {
    aws: Arc<Aws>,
}

impl Bucket {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// Unlike those on buckets of others, which have ids of their own.
    fn prefix(&self) -> String {
        format!("hoisted-{}", self.aws.scope().prefix())
    }

    fn name(&self, desired: &Desired) -> Option<String> {
        match desired.properties.get("BucketName") {
            Some(name) => name.text().map(str::to_owned),
            None => Some(generated(self.aws.scope(), &desired.address.logical_id, LONGEST_NAME).to_lowercase()),
        }
    }

    /// What the tags of a bucket say of whose it is, with the tags.
    async fn owner(&self, name: &str) -> Result<Option<(Ownership, BTreeMap<String, String>)>, Failure> {
        Ok(match self.tags(name).await? {
            Tags::Missing => None,
            Tags::Hidden => Some((Ownership::Unmarked, BTreeMap::new())),
            // A deploy was killed before it could tag what it had made.
            Tags::Shown(tags) if tags.is_empty() && self.aws.run.was_noted(TYPE, name) => Some((Ownership::Ours, tags)),
            Tags::Shown(tags) => Some((self.aws.scope().ownership(&tags), tags)),
        })
    }

    async fn tags(&self, name: &str) -> Result<Tags, Failure> {
        let sent = self
            .aws
            .call("s3", "GetBucketTagging")
            .send(|| self.aws.s3().get_bucket_tagging().bucket(name).send())
            .await;
        match sent {
            Ok(answer) => {
                let tags = answer.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
                Ok(Tags::Shown(tags.collect()))
            }
            Err(failure) if failure.code.as_deref() == Some("NoSuchTagSet") => Ok(Tags::Shown(BTreeMap::new())),
            Err(failure) if failure.reason == Reason::NotFound => Ok(Tags::Missing),
            // Names are unique in the world: it is there, and not ours.
            Err(failure) if failure.reason == Reason::Denied => Ok(Tags::Hidden),
            Err(failure) => Err(failure),
        }
    }

    /// Our notifications as CloudFormation writes them.
    fn notifications(&self, document: &Document) -> Option<(String, Value)> {
        let entries = document.entries(&self.prefix());
        let configurations: Vec<Value> = entries.iter().map(configuration).collect();
        (!configurations.is_empty()).then(|| {
            let map = BTreeMap::from([("LambdaConfigurations".to_owned(), Value::List(configurations))]);
            ("NotificationConfiguration".to_owned(), Value::Map(map))
        })
    }

    fn attributes(&self, name: &str) -> BTreeMap<String, Value> {
        let partition = self.aws.partition();
        BTreeMap::from([
            ("Ref".to_owned(), Value::string(name)),
            ("Arn".to_owned(), Value::string(format!("arn:{}:s3:::{name}", partition.name))),
            ("DomainName".to_owned(), Value::string(format!("{name}.s3.{}", partition.dns_suffix))),
            (
                "RegionalDomainName".to_owned(),
                Value::string(format!("{name}.s3.{}.{}", self.aws.region(), partition.dns_suffix)),
            ),
        ])
    }

    async fn set_tags(&self, name: &str, tags: &BTreeMap<String, String>, progress: &Progress) -> Result<(), Failure> {
        let tags: Vec<Tag> = tags
            .iter()
            .filter(|(key, _)| !is_reserved(key))
            .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
            .collect();
        let tagging = Tagging::builder()
            .set_tag_set(Some(tags))
            .build()
            .map_err(|error| Failure::new(Reason::Bug, format!("no tags: {error}")))?;
        self.aws
            .call("s3", "PutBucketTagging")
            .progress(progress)
            .fresh(true)
            .send(|| self.aws.s3().put_bucket_tagging().bucket(name).tagging(tagging.clone()).send())
            .await
            .map(drop)
    }

    async fn set_versioning(&self, name: &str, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        let status = text(properties, &["VersioningConfiguration", "Status"]);
        let status = BucketVersioningStatus::from(status.as_deref().unwrap_or("Suspended"));
        let configuration = VersioningConfiguration::builder().status(status).build();
        self.aws
            .call("s3", "PutBucketVersioning")
            .progress(progress)
            .fresh(true)
            .send(|| {
                let request = self.aws.s3().put_bucket_versioning().bucket(name);
                request.versioning_configuration(configuration.clone()).send()
            })
            .await
            .map(drop)
    }

    /// Writes the entries of all functions, in one write.
    async fn set_notifications(&self, name: &str, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
        notification::set(&self.aws, (name, &self.prefix()), &entries(wanted), progress).await
    }
}

fn configuration(entry: &Entry) -> Value {
    let string = |text: &str| Value::string(text);
    let mut map =
        BTreeMap::from([("Event".to_owned(), string(&entry.event)), ("Function".to_owned(), string(&entry.function))]);
    let rules: Vec<Value> = entry
        .rules
        .iter()
        .map(|(name, value)| {
            Value::Map(BTreeMap::from([("Name".to_owned(), string(name)), ("Value".to_owned(), string(value))]))
        })
        .collect();
    if !rules.is_empty() {
        let key = Value::Map(BTreeMap::from([("Rules".to_owned(), Value::List(rules))]));
        map.insert("Filter".to_owned(), Value::Map(BTreeMap::from([("S3Key".to_owned(), key)])));
    }
    Value::Map(map)
}

/// What `NotificationConfiguration.LambdaConfigurations` asks for, in order and nothing twice.
fn entries(properties: &Value) -> Vec<Entry> {
    let all: BTreeSet<Entry> = items(properties, &["NotificationConfiguration", "LambdaConfigurations"])
        .iter()
        .filter_map(|one| {
            let rules = items(one, &["Filter", "S3Key", "Rules"])
                .iter()
                .filter_map(|rule| Some((text(rule, &["Name"])?.to_lowercase(), text(rule, &["Value"])?)))
                .collect();
            Some(Entry { function: text(one, &["Function"])?, event: text(one, &["Event"])?, rules })
        })
        .collect();
    all.into_iter().collect()
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    drop_empty(properties, &[]);
    let status = properties.get("VersioningConfiguration").and_then(|versioning| versioning.get("Status"));
    if status.and_then(Value::text) == Some("Suspended") {
        properties.remove("VersioningConfiguration");
    }
}

/// What is seen of a bucket's tags.
enum Tags {
    /// There is no such bucket.
    Missing,
    /// It is somebody else's.
    Hidden,
    Shown(BTreeMap<String, String>),
}

#[async_trait]
impl Findable for Bucket {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "s3", "").map(str::to_owned)
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        // The deployment bucket is tagged too, and outlives every service.
        let is_of_a_file =
            |live: &Live| live.properties.at(&["Tags", ID]).is_some() || self.aws.run.was_noted(TYPE, physical_id);
        Ok(self.find(physical_id, None).await?.filter(is_of_a_file))
    }
}

#[async_trait]
impl Kind for Bucket {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("BucketName", Trait::Immutable), ("NotificationConfiguration.LambdaConfigurations", Trait::Unordered)]
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
        self.name(desired).map(|name| self.attributes(&name)).unwrap_or_default()
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let Some((ownership, tags)) = self.owner(name).await? else { return Ok(None) };
        let mut map = BTreeMap::new();
        if ownership == Ownership::Ours {
            let versioning = async {
                let call = self.aws.call("s3", "GetBucketVersioning");
                call.find(|| self.aws.s3().get_bucket_versioning().bucket(name).send()).await
            };
            let (document, versioning) = tokio::try_join!(notification::read(&self.aws, name), versioning)?;
            let document = document.unwrap_or_default();
            map.extend(self.notifications(&document));
            if let Some(status) = versioning.as_ref().and_then(|answer| answer.status()) {
                let status = BTreeMap::from([("Status".to_owned(), Value::string(status.as_str()))]);
                map.insert("VersioningConfiguration".to_owned(), Value::Map(status));
            }
        }
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        let is_made_up =
            logical_id.is_some_and(|id| generated(self.aws.scope(), id, LONGEST_NAME).to_lowercase() == name);
        if desired.map_or(!is_made_up, |desired| desired.properties.get("BucketName").is_some()) {
            map.insert("BucketName".to_owned(), Value::string(name));
        }
        normalise(&mut map);
        map.insert("Tags".to_owned(), own_tags(&tags));
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(map),
            attributes: self.attributes(name),
            ownership,
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        if let Value::Map(map) = &wanted
            && let Some(key) = map.keys().find(|key| !PROPERTIES.contains(&key.as_str()))
        {
            return Err(Failure::new(Reason::Invalid, format!("hoist does not set {key} of a bucket"))
                .help("declare the bucket under `resources`, and give its event `existing: true`"));
        }
        let name = desired.named(self.name(desired))?;
        let region = self.aws.region();
        let place = (region != WITHOUT_CONSTRAINT).then(|| {
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
        });
        let made = self
            .aws
            .call("s3", "CreateBucket")
            .progress(progress)
            .send(|| {
                let request = self.aws.s3().create_bucket().bucket(&name);
                request.set_create_bucket_configuration(place.clone()).send()
            })
            .await;
        match made {
            Err(failure) if failure.code.as_deref() != Some("BucketAlreadyOwnedByYou") => return Err(failure),
            _ => {}
        }
        self.set_tags(&name, &text_map(&wanted, &["Tags"]), progress).await?;
        if wanted.get("VersioningConfiguration").is_some() {
            self.set_versioning(&name, &wanted, progress).await?;
        }
        self.set_notifications(&name, &wanted, progress).await?;
        Ok(Live::made(desired, self.attributes(&name), name, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = live.physical_id.as_str();
        let changed = changed(fields);
        if changed.contains("NotificationConfiguration") {
            self.set_notifications(name, &wanted, progress).await?;
        }
        if changed.contains("VersioningConfiguration") {
            self.set_versioning(name, &wanted, progress).await?;
        }
        if changed.contains("Tags") {
            self.set_tags(name, &text_map(&wanted, &["Tags"]), progress).await?;
        }
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let name = live.physical_id.as_str();
        let call = self.aws.call("s3", "DeleteBucket").progress(progress);
        match call.find(|| self.aws.s3().delete_bucket().bucket(name).send()).await {
            Err(failure) if failure.code.as_deref() == Some("BucketNotEmpty") => {
                progress.kept("there are objects in it");
                self.set_notifications(name, &Value::Null, progress).await?;
                let Tags::Shown(mut tags) = self.tags(name).await? else { return Ok(()) };
                tags.retain(|key, _| ![SERVICE, STAGE, ID].contains(&key.as_str()));
                self.set_tags(name, &tags, progress).await
            }
            other => other.map(drop),
        }
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: BUCKETS }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "s3:GetBucketTagging"),
            needs(Step::Read, "s3:GetBucketNotification"),
            needs(Step::Read, "s3:GetBucketVersioning"),
            needs(Step::Create, "s3:CreateBucket"),
            needs(Step::Create, "s3:PutBucketTagging"),
            needs(Step::Create, "s3:PutBucketNotification"),
            needs(Step::Create, "s3:PutBucketVersioning"),
            needs(Step::Update, "s3:PutBucketNotification"),
            needs(Step::Update, "s3:PutBucketVersioning"),
            needs(Step::Update, "s3:PutBucketTagging"),
            needs(Step::Delete, "s3:DeleteBucket"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;
    use serde_json::json;

    #[test]
    fn notifications_come_back_as_the_file_has_them() {
        let file = tree_of(json!({ "NotificationConfiguration": { "LambdaConfigurations": [
            { "Event": "s3:ObjectCreated:*", "Function": "f",
              "Filter": { "S3Key": { "Rules": [{ "Name": "prefix", "Value": "in/" }] } } },
            { "Event": "s3:ObjectRemoved:*", "Function": "f" },
        ] } }));
        let entries = entries(&file);
        let back = Value::List(entries.iter().map(configuration).collect());
        assert_eq!(Some(&back), file.at(&["NotificationConfiguration", "LambdaConfigurations"]));
    }
}
