//! The notifications of a bucket: one document for everybody, of which only our own entries are touched.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>
//!
//! S3 has no way to add one entry: the document is read, our entries are replaced, it is written and read again. What all
//! functions want of one bucket goes into one write.

use std::collections::BTreeSet;

use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName, LambdaFunctionConfiguration,
    NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter, TopicConfiguration,
};

use crate::aws::client::Aws;
use crate::engine::failure::{Failure, Reason};
use crate::engine::fingerprint::short_digest;
use crate::engine::kind::Progress;

/// How often a document that somebody else wrote over is written again.
const MOST_TRIES: u32 = 4;

/// So many bytes of a digest end an id, in hexadecimal.
const DIGEST: usize = 8;

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
        format!("{prefix}{}", short_digest(&format!("{self:?}"), DIGEST))
    }
}

/// Whether an id is of our making. A service whose name only begins like ours has more than a digest there.
fn is_ours(id: Option<&str>, prefix: &str) -> bool {
    let digest = id.and_then(|id| id.strip_prefix(prefix));
    digest.is_some_and(|rest| rest.len() == 2 * DIGEST && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
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
    /// The entries that are ours. One with several events counts as several.
    pub fn entries(&self, prefix: &str) -> Vec<Entry> {
        let ours = self.lambdas.iter().filter(|entry| is_ours(entry.id(), prefix));
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

    /// The document with our entries replaced by these; all others stay as they are.
    fn with(&self, prefix: &str, wanted: &[Entry]) -> Result<Self, Failure> {
        let mut document = self.clone();
        document.lambdas.retain(|entry| !is_ours(entry.id(), prefix));
        for entry in wanted {
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

/// Makes these our entries in a bucket's document, those of all functions at once: entries of ours that are not among them
/// are taken away.
///
/// # Errors
/// As every call; what S3 refuses is explained.
pub async fn set(
    aws: &Aws,
    (bucket, prefix): (&str, &str),
    wanted: &[Entry],
    progress: &Progress,
) -> Result<(), Failure> {
    for _ in 0..MOST_TRIES {
        let Some(before) = read(aws, bucket).await? else {
            if wanted.is_empty() {
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
    fn only_our_entries_are_replaced() {
        let before = Document {
            lambdas: vec![
                foreign("theirs", "f"),
                // Of the service `shop` in the stage `dev-x`.
                foreign("hoist-shop-dev-x-0123456789abcdef", "x"),
                configuration(&entry("f", "s3:ObjectCreated:*", "old/"), PREFIX).unwrap(),
                configuration(&entry("g", "s3:ObjectCreated:*", "g/"), PREFIX).unwrap(),
            ],
            bridge: Some(EventBridgeConfiguration::builder().build()),
            ..Document::default()
        };
        let wanted = [entry("f", "s3:ObjectCreated:*", "new/"), entry("g", "s3:ObjectCreated:*", "g/")];
        let after = before.with(PREFIX, &wanted).unwrap();
        assert_eq!(after.entries(PREFIX), wanted);
        assert!(after.ids().contains(&("theirs".to_owned(), "f".to_owned())));
        assert!(after.bridge.is_some());
        let gone = after.with(PREFIX, &[]).unwrap();
        assert_eq!(gone.entries(PREFIX), []);
        assert_eq!(gone.lambdas.len(), 2);
    }

    #[test]
    fn an_entry_has_the_same_id_whoever_writes_it() {
        let one = entry("f", "s3:ObjectCreated:*", "a/");
        assert_eq!(one.id(PREFIX), one.clone().id(PREFIX));
        assert_ne!(one.id(PREFIX), entry("f", "s3:ObjectCreated:*", "b/").id(PREFIX));
        assert!(one.id(PREFIX).starts_with(PREFIX));
    }
}
