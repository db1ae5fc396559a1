//! `Custom::S3`: a function's notifications on a bucket that the service did not make.
//!
//! Properties, as the Serverless Framework's helper function takes them: `FunctionName`, `FunctionArn`, `BucketName`, and
//! `BucketConfigs`, a list of `{Event, Rules}` where each rule is `{Prefix}` or `{Suffix}`. Lives beneath the function,
//! one for each bucket, and is found through the permission that the function gives to the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::notification::{Buckets, Document, Entry, read};
use crate::aws::client::Aws;
use crate::aws::kinds::properties::{drop_empty, items, required, text};
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
    buckets: Buckets,
}

impl ExistingBucket {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, buckets: Buckets::default() }
    }

    /// What the ids of our entries begin with.
    fn prefix(&self) -> String {
        format!("hoist-{}", self.aws.scope().prefix())
    }

    fn live(&self, bucket: &str, function: &str, document: &Document, address: Address) -> Option<Live> {
        let mut entries = document.entries(&self.prefix());
        entries.retain(|entry| entry.function == function);
        if entries.is_empty() {
            return None;
        }
        let configs = entries.iter().map(config).collect();
        let properties = BTreeMap::from([
            ("BucketConfigs".to_owned(), Value::List(configs)),
            ("BucketName".to_owned(), Value::string(bucket)),
            ("FunctionArn".to_owned(), Value::string(function)),
        ]);
        Some(Live {
            address,
            physical_id: format!("{bucket}|{function}"),
            properties: Value::Map(properties),
            attributes: BTreeMap::from([("Ref".to_owned(), Value::string(bucket))]),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn set(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (bucket, function) = (required(&wanted, "BucketName")?, required(&wanted, "FunctionArn")?);
        let entries = entries(&wanted, &function);
        self.buckets.set(&self.aws, (&bucket, &self.prefix()), &function, entries, progress).await?;
        Ok(Live::made(
            desired,
            BTreeMap::from([("Ref".to_owned(), Value::string(bucket.as_str()))]),
            format!("{bucket}|{function}"),
            wanted,
        ))
    }
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
fn entries(properties: &Value, function: &str) -> Vec<Entry> {
    let all: BTreeSet<Entry> = items(properties, &["BucketConfigs"])
        .iter()
        .filter_map(|config| {
            let rules = items(config, &["Rules"])
                .iter()
                .flat_map(|rule| {
                    ["Prefix", "Suffix"].iter().filter_map(|name| Some((name.to_lowercase(), text(rule, &[name])?)))
                })
                .collect();
            Some(Entry { function: function.to_owned(), event: text(config, &["Event"])?, rules })
        })
        .collect();
    all.into_iter().collect()
}

impl Findable for ExistingBucket {}

#[async_trait]
impl Kind for ExistingBucket {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("BucketName", Trait::Immutable), ("FunctionArn", Trait::Immutable), ("BucketConfigs", Trait::Unordered)]
    }

    fn normalise(&self, properties: &mut Value) {
        let Value::Map(map) = properties else { return };
        // For the framework's helper function only.
        map.remove("FunctionName");
        map.remove("ServiceToken");
        drop_empty(map, &[]);
        if map.contains_key("BucketConfigs") {
            let configs = entries(properties, "").iter().map(config).collect();
            if let Value::Map(map) = properties {
                map.insert("BucketConfigs".to_owned(), Value::List(configs));
            }
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key)?.text();
        Some(format!("{}|{}", part("BucketName")?, part("FunctionArn")?))
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let name = desired.properties.get("BucketName").and_then(Value::text);
        name.map(|name| BTreeMap::from([("Ref".to_owned(), Value::string(name))])).unwrap_or_default()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let properties = &desired.properties;
        let (Some(bucket), Some(function)) = (text(properties, &["BucketName"]), text(properties, &["FunctionArn"]))
        else {
            return Ok(None);
        };
        let document = read(&self.aws, &bucket).await?;
        Ok(document.and_then(|document| self.live(&bucket, &function, &document, desired.address.clone())))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let Some(function) = parent.attributes.get("Arn").and_then(Value::text) else { return Ok(Vec::new()) };
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
            // Of the function itself and of its aliases.
            let functions: BTreeSet<String> = document
                .entries(&self.prefix())
                .into_iter()
                .map(|entry| entry.function)
                .filter(|arn| arn.strip_prefix(function).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
                .collect();
            for target in functions {
                let address = Address::new(TYPE, format!("{}:{bucket}", parent.address.logical_id));
                found.extend(
                    self.live(bucket, &target, &document, address)
                        .map(|live| Live { parent: Some(parent.address.logical_id.clone()), ..live }),
                );
            }
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
        let Some((bucket, function)) = live.physical_id.split_once('|') else { return Ok(()) };
        self.buckets.set(&self.aws, (bucket, &self.prefix()), function, Vec::new(), progress).await
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
        let file = tree_of(json!({ "BucketConfigs": [
            { "Event": "s3:ObjectRemoved:*", "Rules": [] },
            { "Event": "s3:ObjectCreated:*", "Rules": [{ "Suffix": ".jpg" }, { "Prefix": "in/" }] },
            { "Event": "s3:ObjectRemoved:*" },
        ] }));
        let entries = entries(&file, "f");
        assert_eq!(entries.len(), 2);
        let back: Vec<Value> = entries.iter().map(config).collect();
        assert_eq!(
            Value::List(back),
            tree_of(json!([
                { "Event": "s3:ObjectCreated:*", "Rules": [{ "Prefix": "in/" }, { "Suffix": ".jpg" }] },
                { "Event": "s3:ObjectRemoved:*" },
            ]))
        );
    }
}
