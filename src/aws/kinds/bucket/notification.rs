//! The notifications of a bucket: one document for everybody, of which only our own entries are touched.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>
//!
//! S3 has no way to add one entry: the document is read, our entries are replaced, it is written and read again. What
//! several functions want of one bucket at the same time goes into one write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName, LambdaFunctionConfiguration,
    NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter, TopicConfiguration,
};
use sha2::{Digest, Sha256};

use crate::aws::client::{Aws, lock};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress;

/// How often a document that somebody else wrote over is written again.
const MOST_TRIES: u32 = 4;

/// One entry of ours: an event of a bucket that calls a function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub function: String,
    /// `s3:ObjectCreated:*`
    pub event: String,
    /// `("prefix", "uploads/")`, in order.
    pub rules: BTreeSet<(String, String)>,
}

impl Entry {
    /// The id under which it stands in the document: the same for the same entry.
    pub fn id(&self, prefix: &str) -> String {
        let digest = Sha256::digest(format!("{self:?}").as_bytes());
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{prefix}{digest}")
    }
}

/// The whole document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    lambdas: Vec<LambdaFunctionConfiguration>,
    queues: Vec<QueueConfiguration>,
    topics: Vec<TopicConfiguration>,
    bridge: Option<EventBridgeConfiguration>,
}

impl Document {
    /// The entries whose ids begin with `prefix`. One with several events counts as several.
    pub fn entries(&self, prefix: &str) -> Vec<Entry> {
        let ours = self.lambdas.iter().filter(|entry| entry.id().is_some_and(|id| id.starts_with(prefix)));
        let mut entries: Vec<Entry> = ours
            .flat_map(|entry| {
                let rules: BTreeSet<(String, String)> = entry
                    .filter()
                    .and_then(|filter| filter.key())
                    .into_iter()
                    .flat_map(|key| key.filter_rules())
                    .filter_map(|rule| {
                        Some((rule.name()?.as_str().to_lowercase(), rule.value().unwrap_or_default().to_owned()))
                    })
                    .collect();
                entry.events().iter().map(move |event| Entry {
                    function: entry.lambda_function_arn().to_owned(),
                    event: event.as_str().to_owned(),
                    rules: rules.clone(),
                })
            })
            .collect();
        entries.sort();
        entries
    }

    /// The document with the entries of these functions replaced; all others stay as they are.
    fn with(&self, prefix: &str, wanted: &BTreeMap<String, Vec<Entry>>) -> Result<Self, Failure> {
        let mut document = self.clone();
        document.lambdas.retain(|entry| {
            !(entry.id().is_some_and(|id| id.starts_with(prefix)) && wanted.contains_key(entry.lambda_function_arn()))
        });
        for entry in wanted.values().flatten() {
            document.lambdas.push(configuration(entry, prefix)?);
        }
        Ok(document)
    }

    fn request(&self) -> NotificationConfiguration {
        NotificationConfiguration::builder()
            .set_lambda_function_configurations(Some(self.lambdas.clone()))
            .set_queue_configurations(Some(self.queues.clone()))
            .set_topic_configurations(Some(self.topics.clone()))
            .set_event_bridge_configuration(self.bridge.clone())
            .build()
    }

    /// What is there by id and function, for a comparison that survives S3's own order.
    fn ids(&self) -> BTreeSet<(String, String)> {
        let lambdas = self.lambdas.iter().map(|entry| (entry.id(), entry.lambda_function_arn()));
        let queues = self.queues.iter().map(|entry| (entry.id(), entry.queue_arn()));
        let topics = self.topics.iter().map(|entry| (entry.id(), entry.topic_arn()));
        lambdas
            .chain(queues)
            .chain(topics)
            .map(|(id, target)| (id.unwrap_or_default().to_owned(), target.to_owned()))
            .collect()
    }
}

fn configuration(entry: &Entry, prefix: &str) -> Result<LambdaFunctionConfiguration, Failure> {
    let rules: Vec<FilterRule> = entry
        .rules
        .iter()
        .map(|(name, value)| FilterRule::builder().name(FilterRuleName::from(name.as_str())).value(value).build())
        .collect();
    let filter = (!rules.is_empty()).then(|| {
        let key = S3KeyFilter::builder().set_filter_rules(Some(rules)).build();
        NotificationConfigurationFilter::builder().key(key).build()
    });
    LambdaFunctionConfiguration::builder()
        .id(entry.id(prefix))
        .lambda_function_arn(&entry.function)
        .events(Event::from(entry.event.as_str()))
        .set_filter(filter)
        .build()
        .map_err(|error| Failure::new(Reason::Bug, format!("no notification: {error}")))
}

/// Who waits to change which bucket.
#[derive(Debug, Default)]
pub struct Buckets {
    queues: Mutex<BTreeMap<String, Arc<Queue>>>,
}

#[derive(Debug, Default)]
struct Queue {
    turn: tokio::sync::Mutex<()>,
    /// Entries by function that nobody has written yet.
    pending: Mutex<BTreeMap<String, Vec<Entry>>>,
}

impl Buckets {
    /// Makes these the entries of a function in a bucket's document. Whoever's turn it is writes for all that wait.
    ///
    /// # Errors
    /// As every call; what S3 refuses is explained.
    pub async fn set(
        &self,
        aws: &Aws,
        (bucket, prefix): (&str, &str),
        function: &str,
        entries: Vec<Entry>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let queue = Arc::clone(lock(&self.queues).entry(bucket.to_owned()).or_default());
        lock(&queue.pending).insert(function.to_owned(), entries);
        let _turn = queue.turn.lock().await;
        let batch = std::mem::take(&mut *lock(&queue.pending));
        if !batch.contains_key(function) {
            // Somebody wrote it along with theirs; what came meanwhile is for whoever brought it.
            lock(&queue.pending).extend(batch);
            return Ok(());
        }
        let written = write(aws, bucket, prefix, &batch, progress).await;
        if written.is_err() {
            // Whose entry was refused is not said: everybody else tries alone.
            let mut pending = lock(&queue.pending);
            for (other, entries) in batch {
                if other != function {
                    pending.entry(other).or_insert(entries);
                }
            }
        }
        written
    }
}

impl Buckets {
    /// The same for several functions, by one who brings all of them.
    ///
    /// # Errors
    /// As [`Buckets::set`].
    pub async fn set_all(
        &self,
        aws: &Aws,
        (bucket, prefix): (&str, &str),
        entries: BTreeMap<String, Vec<Entry>>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let queue = Arc::clone(lock(&self.queues).entry(bucket.to_owned()).or_default());
        let _turn = queue.turn.lock().await;
        write(aws, bucket, prefix, &entries, progress).await
    }
}

/// A bucket's document; `None` when there is no such bucket.
///
/// # Errors
/// As every call.
pub async fn read(aws: &Aws, bucket: &str) -> Result<Option<Document>, Failure> {
    let answer = aws
        .call("s3", "GetBucketNotificationConfiguration")
        .find(|| aws.s3().get_bucket_notification_configuration().bucket(bucket).send())
        .await?;
    Ok(answer.map(|answer| Document {
        lambdas: answer.lambda_function_configurations().to_vec(),
        queues: answer.queue_configurations().to_vec(),
        topics: answer.topic_configurations().to_vec(),
        bridge: answer.event_bridge_configuration().cloned(),
    }))
}

async fn write(
    aws: &Aws,
    bucket: &str,
    prefix: &str,
    wanted: &BTreeMap<String, Vec<Entry>>,
    progress: &Progress,
) -> Result<(), Failure> {
    for _ in 0..MOST_TRIES {
        let Some(before) = read(aws, bucket).await? else {
            if wanted.values().all(Vec::is_empty) {
                return Ok(());
            }
            return Err(Failure::new(Reason::NotFound, format!("there is no bucket {bucket}"))
                .help("make it first, or take `existing: true` away so that it is made here"));
        };
        let after = before.with(prefix, wanted)?;
        if after.ids() == before.ids() {
            return Ok(());
        }
        aws.call("s3", "PutBucketNotificationConfiguration")
            .progress(progress)
            // The permission was added a moment ago.
            .fresh(true)
            .send(|| {
                let request = aws.s3().put_bucket_notification_configuration().bucket(bucket);
                request.notification_configuration(after.request()).send()
            })
            .await
            .map_err(explained)?;
        // The last writer wins: whoever wrote between our read and our write must not lose, and neither must we.
        let now = read(aws, bucket).await?.unwrap_or_default();
        if now.ids() == after.ids() {
            return Ok(());
        }
        progress.say("somebody else changed the bucket's notifications meanwhile");
    }
    Err(Failure::new(Reason::Conflict, format!("somebody else keeps changing the notifications of {bucket}"))
        .help("run the same command again"))
}

fn explained(failure: Failure) -> Failure {
    if failure.message.contains("Unable to validate") || failure.message.contains("overlapping") {
        failure
            .help("S3 takes no two notifications of one event whose prefixes and suffixes overlap, whoever made the other")
            .help("the function must let the bucket invoke it")
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "hoist-shop-dev-";

    fn entry(function: &str, event: &str, prefix: &str) -> Entry {
        Entry {
            function: function.to_owned(),
            event: event.to_owned(),
            rules: [("prefix".to_owned(), prefix.to_owned())].into(),
        }
    }

    fn foreign(id: &str, function: &str) -> LambdaFunctionConfiguration {
        LambdaFunctionConfiguration::builder()
            .id(id)
            .lambda_function_arn(function)
            .events(Event::from("s3:ObjectRemoved:*"))
            .build()
            .unwrap()
    }

    #[test]
    fn only_our_entries_of_these_functions_are_replaced() {
        let before = Document {
            lambdas: vec![
                foreign("theirs", "f"),
                configuration(&entry("f", "s3:ObjectCreated:*", "old/"), PREFIX).unwrap(),
                configuration(&entry("g", "s3:ObjectCreated:*", "g/"), PREFIX).unwrap(),
            ],
            bridge: Some(EventBridgeConfiguration::builder().build()),
            ..Document::default()
        };
        let wanted = BTreeMap::from([("f".to_owned(), vec![entry("f", "s3:ObjectCreated:*", "new/")])]);
        let after = before.with(PREFIX, &wanted).unwrap();
        assert_eq!(
            after.entries(PREFIX),
            [entry("f", "s3:ObjectCreated:*", "new/"), entry("g", "s3:ObjectCreated:*", "g/")]
        );
        assert!(after.ids().contains(&("theirs".to_owned(), "f".to_owned())));
        assert!(after.bridge.is_some());
        let gone = after.with(PREFIX, &BTreeMap::from([("f".to_owned(), Vec::new())])).unwrap();
        assert_eq!(gone.entries(PREFIX), [entry("g", "s3:ObjectCreated:*", "g/")]);
    }

    #[test]
    fn an_entry_has_the_same_id_whoever_writes_it() {
        let one = entry("f", "s3:ObjectCreated:*", "a/");
        assert_eq!(one.id(PREFIX), one.clone().id(PREFIX));
        assert_ne!(one.id(PREFIX), entry("f", "s3:ObjectCreated:*", "b/").id(PREFIX));
        assert!(one.id(PREFIX).starts_with(PREFIX));
    }
}
