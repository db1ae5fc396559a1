//! `Custom::S3`: the service's notifications on a bucket that it did not make.
//!
//! Properties: `BucketName`, and `Functions`, a list of `{FunctionArn, BucketConfigs}` where the latter is a list of `{Event,
//! Rules}` and each rule is `{Prefix}` or `{Suffix}`: what the Serverless Framework hands its helper function for each
//! function by itself. S3 has one document for a bucket, so it is one resource, and one write. It is found through the
//! permissions that functions give to the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::notification::{Document, Entry, read, set};
use crate::aws::client::Aws;
use crate::aws::kinds::properties::{drop_empty, holds_later, items, required, text};
use crate::aws::kinds::{Findable, function};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `Custom::S3`
pub const TYPE: &str = "Custom::S3";

const BUCKETS: &str = "arn:${Partition}:s3:::*";

/// Reads, makes, changes and deletes notifications on buckets of others.
pub struct ExistingBucket {
    aws: Arc<Aws>,
}

impl ExistingBucket {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// What the ids of our entries begin with.
    fn prefix(&self) -> String {
        format!("hoist-{}", self.aws.scope().prefix())
    }

    fn live(&self, bucket: &str, document: &Document, address: Address) -> Option<Live> {
        let entries = document.entries(&self.prefix());
        if entries.is_empty() {
            return None;
        }
        let properties = BTreeMap::from([
            ("BucketName".to_owned(), Value::string(bucket)),
            ("Functions".to_owned(), functions(&entries)),
        ]);
        Some(Live {
            address,
            physical_id: bucket.to_owned(),
            properties: Value::Map(properties),
            attributes: attributes(bucket),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn set(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let bucket = required(&wanted, "BucketName")?;
        set(&self.aws, (&bucket, &self.prefix()), &entries(&wanted), progress).await?;
        Ok(Live::made(desired, attributes(&bucket), bucket, wanted))
    }
}

fn attributes(bucket: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(bucket))])
}

/// What each function gets, in the order of their names.
fn functions(entries: &[Entry]) -> Value {
    let mut all: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for entry in entries {
        all.entry(&entry.function).or_default().push(config(entry));
    }
    let of = |(function, configs): (&str, Vec<Value>)| {
        Value::Map(BTreeMap::from([
            ("BucketConfigs".to_owned(), Value::List(configs)),
            ("FunctionArn".to_owned(), Value::string(function)),
        ]))
    };
    Value::List(all.into_iter().map(of).collect())
}

/// An entry as the file has it.
fn config(entry: &Entry) -> Value {
    let mut config = BTreeMap::from([("Event".to_owned(), Value::string(entry.event.as_str()))]);
    let rules: Vec<Value> = entry
        .rules
        .iter()
        .map(|(name, value)| {
            let name = if name == "prefix" { "Prefix" } else { "Suffix" };
            Value::Map(BTreeMap::from([(name.to_owned(), Value::string(value.as_str()))]))
        })
        .collect();
    if !rules.is_empty() {
        config.insert("Rules".to_owned(), Value::List(rules));
    }
    Value::Map(config)
}

/// The entries that a resource asks for, in order and none of them twice.
fn entries(properties: &Value) -> Vec<Entry> {
    let of_function = |one: &Value| {
        let function = text(one, &["FunctionArn"])?;
        let of_config = |config: &Value| {
            let rules = items(config, &["Rules"])
                .iter()
                .flat_map(|rule| {
                    ["Prefix", "Suffix"].iter().filter_map(|name| Some((name.to_lowercase(), text(rule, &[name])?)))
                })
                .collect();
            Some(Entry { function: function.clone(), event: text(config, &["Event"])?, rules })
        };
        Some(items(one, &["BucketConfigs"]).iter().filter_map(of_config).collect::<Vec<_>>())
    };
    let all: BTreeSet<Entry> = items(properties, &["Functions"]).iter().filter_map(of_function).flatten().collect();
    all.into_iter().collect()
}

impl Findable for ExistingBucket {}

#[async_trait]
impl Kind for ExistingBucket {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("BucketName", Trait::Immutable),
            ("Functions", Trait::Unordered),
            ("Functions.*.BucketConfigs", Trait::Unordered),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        let Value::Map(map) = properties else { return };
        drop_empty(map, &[]);
        // What names functions that are not known yet stays as it is.
        if map.get("Functions").is_some_and(|all| !holds_later(all)) {
            let all = functions(&entries(properties));
            if let Value::Map(map) = properties {
                map.insert("Functions".to_owned(), all);
            }
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        text(&desired.properties, &["BucketName"])
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        self.identity(desired).map(|bucket| attributes(&bucket)).unwrap_or_default()
    }

    /// Two entries of a bucket must not overlap.
    fn place(&self, properties: &Value) -> Option<String> {
        text(properties, &["BucketName"])
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(bucket) = self.identity(desired) else { return Ok(None) };
        let document = read(&self.aws, &bucket).await?;
        Ok(document.and_then(|document| self.live(&bucket, &document, desired.address.clone())))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let mut found = Vec::new();
        for source in self.aws.invoked_from(&parent.physical_id, "s3.amazonaws.com").await? {
            let Some(bucket) = source.rsplit(":::").next().filter(|name| !name.contains(['*', ':'])) else { continue };
            let document = match read(&self.aws, bucket).await {
                Ok(Some(document)) => document,
                Ok(None) => continue,
                // A bucket that is not ours to look at has no entries that we could have made.
                Err(failure) if failure.reason == Reason::Denied => continue,
                Err(failure) => return Err(failure),
            };
            let address = Address::new(TYPE, format!("{}:{bucket}", parent.address.logical_id));
            // What the file wants stands beside the functions, and is found by the bucket's name: here it is the same.
            found.extend(self.live(bucket, &document, address));
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(function::TYPE)
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        self.set(desired, progress).await
    }

    async fn update(
        &self,
        _: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.set(desired, progress).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        set(&self.aws, (&live.physical_id, &self.prefix()), &[], progress).await
    }

    fn permissions(&self) -> &'static [Permission] {
        permissions()
    }
}

fn permissions() -> &'static [Permission] {
    const fn needs(step: Step, action: &'static str) -> Permission {
        Permission { step, action, resource: BUCKETS }
    }
    const ALL: &[Permission] = &[
        needs(Step::Read, "s3:GetBucketNotification"),
        needs(Step::Create, "s3:PutBucketNotification"),
        needs(Step::Update, "s3:PutBucketNotification"),
        needs(Step::Delete, "s3:PutBucketNotification"),
    ];
    ALL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use serde_json::json;

    #[test]
    fn what_the_file_asks_for_becomes_entries_and_comes_back() {
        let file = tree_of(json!({ "Functions": [
            { "FunctionArn": "g", "BucketConfigs": [{ "Event": "s3:ObjectRemoved:*", "Rules": [{ "Prefix": "g/" }] }] },
            { "FunctionArn": "f", "BucketConfigs": [
                { "Event": "s3:ObjectRemoved:*", "Rules": [] },
                { "Event": "s3:ObjectCreated:*", "Rules": [{ "Suffix": ".jpg" }, { "Prefix": "in/" }] },
                { "Event": "s3:ObjectRemoved:*" },
            ] },
        ] }));
        let entries = entries(&file);
        assert_eq!(entries.len(), 3);
        assert_eq!(
            functions(&entries),
            tree_of(json!([
                { "FunctionArn": "f", "BucketConfigs": [
                    { "Event": "s3:ObjectCreated:*", "Rules": [{ "Prefix": "in/" }, { "Suffix": ".jpg" }] },
                    { "Event": "s3:ObjectRemoved:*" },
                ] },
                { "FunctionArn": "g", "BucketConfigs": [{ "Event": "s3:ObjectRemoved:*", "Rules": [{ "Prefix": "g/" }] }] },
            ]))
        );
    }
}
