//! What the deployment bucket keeps, it does not keep for ever: old records go, and code that no record refers to.
//!
//! The bucket is one for the account and region, and the same zip has the same digest in every service and stage. So code
//! goes only when the records of all of them were read, nobody else is deploying, and it has lain there for a day. That
//! takes some calls: it is done when a few records more than are kept have come together, not with every deploy.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::task::JoinSet;

use crate::engine::failure::{Failure, Reason};
use crate::engine::history::{Artifacts, Record};
use crate::engine::lease::{self, State};

use super::bucket::{Object, artifact_key};
use super::client::Aws;
use super::history_store;

/// Where code lies.
const CODE: &str = "artifacts/";
/// So many records more than are kept come together at the most.
const SLACK: usize = 20;
/// One sweep deletes, and reads, no more than so many objects: a deploy waits for it.
const MOST: usize = 1000;
/// Calls at once. S3 serves thousands a second.
const AT_ONCE: usize = 32;
/// Code that was brought there, or a lease that was renewed, within so many seconds may be in use by somebody who has no
/// record yet.
const A_DAY: i64 = 86_400;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub records: usize,
    pub artifacts: usize,
}

/// Whether so many more records of this stage than `keep` have come together that it is time for a sweep.
///
/// # Errors
/// As every call.
pub async fn is_due(aws: &Arc<Aws>, keep: usize) -> Result<bool, Failure> {
    let most = keep + (keep / 2).min(SLACK);
    Ok(aws.bucket().keys(&history_store::prefix(aws.scope()), most + 1).await?.len() > most)
}

/// Deletes the oldest records of this stage beyond the newest `keep`, and then the code that no record of any service
/// refers to.
///
/// # Errors
/// As every call. Nothing is lost by it: the next sweep goes on.
pub async fn sweep(aws: &Arc<Aws>, keep: usize) -> Result<Swept, Failure> {
    let own = history_store::prefix(aws.scope());
    let mut records = aws.bucket().keys(&own, keep + MOST).await?;
    if records.len() <= keep {
        return Ok(Swept::default());
    }
    let old = records.split_off(keep);
    delete(aws, &old).await?;
    let unused = unused_code(aws, &own).await?;
    delete(aws, &unused).await?;
    Ok(Swept { records: old.len(), artifacts: unused.len() })
}

/// Code that nobody needs any more; nothing where that cannot be told.
async fn unused_code(aws: &Arc<Aws>, own: &str) -> Result<Vec<String>, Failure> {
    let records = aws.bucket().objects("history/", MOST + 1).await?;
    // The newest record of this stage was written a moment ago.
    let newest = records.iter().filter(|record| record.key.starts_with(own)).map(|record| record.written).max();
    let (Some(now), true) = (newest, records.len() <= MOST) else { return Ok(Vec::new()) };
    let leases = aws.bucket().objects("leases/", MOST + 1).await?;
    let mine = format!("leases/{}", own.trim_start_matches("history/").trim_end_matches('/')) + ".json";
    let others: Vec<String> = leases
        .into_iter()
        .filter(|lease| lease.key != mine && now - lease.written < A_DAY)
        .map(|lease| lease.key)
        .collect();
    let held = each(aws, others, |key, body| {
        let is_held = serde_json::from_slice::<lease::Record>(body).map_or(true, |record| record.state == State::Held);
        Ok(is_held.then(|| key.to_owned()))
    });
    if !held.await?.is_empty() {
        return Ok(Vec::new());
    }
    let code = aws.bucket().objects(CODE, MOST).await?;
    let old = |object: &Object| now - object.written >= A_DAY;
    let mut unused: BTreeSet<String> = code.into_iter().filter(old).map(|object| object.key).collect();
    if unused.is_empty() {
        return Ok(Vec::new());
    }
    let keys = records.into_iter().map(|record| record.key).collect();
    for used in each(aws, keys, |key, body| used_by(key, body).map(Some)).await?.into_iter().flatten() {
        unused.remove(&used);
    }
    Ok(unused.into_iter().collect())
}

/// The keys of the code that a record refers to. One that cannot be read may refer to anything.
fn used_by(key: &str, body: &[u8]) -> Result<Vec<String>, Failure> {
    /// What a newer hoist still has to say for this one to understand it.
    #[derive(Deserialize)]
    struct Uses {
        format: u32,
        artifacts: Artifacts,
    }
    let unreadable = |why: String| Failure::new(Reason::Invalid, format!("the record {key} cannot be read: {why}"));
    let uses: Uses = serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
    if uses.format != Record::FORMAT {
        return Err(unreadable("a newer version of hoist wrote it".to_owned()));
    }
    let Artifacts { functions, layers } = uses.artifacts;
    Ok(functions.values().chain(layers.values()).map(|digest| artifact_key(digest)).collect())
}

/// Reads objects, a few at a time, and gives what `told` makes of those that are there.
async fn each<T: Send + 'static>(
    aws: &Arc<Aws>,
    keys: Vec<String>,
    told: impl Fn(&str, &[u8]) -> Result<Option<T>, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut found = Vec::new();
    for some in keys.chunks(AT_ONCE) {
        let mut tasks = JoinSet::new();
        for key in some {
            let (aws, key) = (Arc::clone(aws), key.clone());
            tasks.spawn(async move {
                let object = aws.bucket().read(&key).await;
                (key, object)
            });
        }
        while let Some(done) = tasks.join_next().await {
            let (key, object) = done.map_err(|_| lost())?;
            if let Some(object) = object? {
                found.extend(told(&key, &object.body)?);
            }
        }
    }
    Ok(found)
}

async fn delete(aws: &Arc<Aws>, keys: &[String]) -> Result<(), Failure> {
    for some in keys.chunks(AT_ONCE) {
        let mut tasks = JoinSet::new();
        for key in some {
            let (aws, key) = (Arc::clone(aws), key.clone());
            tasks.spawn(async move { aws.bucket().delete(&key, None).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.map_err(|_| lost())??;
        }
    }
    Ok(())
}

fn lost() -> Failure {
    Failure::new(Reason::Bug, "sweeping the bucket ended without a result")
}

/// How long a run waits for a sweep at its end. What is not done then is done the next time.
pub const WITHIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::aws::fake::{Asked, Fake, Told};

    /// Seconds since 1970.
    const NOW: i64 = 1_800_000_000;

    /// A bucket: keys with their age in seconds and their body.
    #[derive(Clone)]
    struct Kept(Arc<Mutex<Vec<(String, i64, String)>>>);

    impl Kept {
        fn new(objects: &[(&str, i64, String)]) -> Self {
            let objects = objects.iter().map(|(key, age, body)| ((*key).to_owned(), *age, body.clone()));
            Self(Arc::new(Mutex::new(objects.collect())))
        }

        fn keys(&self) -> Vec<String> {
            self.0.lock().unwrap().iter().map(|(key, ..)| key.clone()).collect()
        }

        fn answer(&self, asked: &Asked) -> Told {
            let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
            let mut objects = self.0.lock().unwrap();
            if asked.action == "GetCallerIdentity" {
                return Told::ok(
                    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/u</Arn>\
                     <UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
                     </GetCallerIdentityResponse>",
                );
            }
            if query.contains("list-type=2") {
                let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or("");
                let prefix = prefix.replace("%2F", "/");
                let listed = objects.iter().filter(|(key, ..)| key.starts_with(&prefix)).map(|(key, age, _)| {
                    let written = jiff::Timestamp::from_second(NOW - age).unwrap();
                    format!("<Contents><Key>{key}</Key><LastModified>{written}</LastModified></Contents>")
                });
                let listed: String = listed.collect();
                return Told::ok(format!(
                    "<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"
                ));
            }
            let at = objects.iter().position(|(key, ..)| path.ends_with(key.as_str()));
            match (asked.method.as_str(), at) {
                ("DELETE", Some(at)) => {
                    objects.remove(at);
                    Told::ok("")
                }
                (_, Some(at)) => Told::ok(&objects[at].2),
                (_, None) => Told::refused(404, "NoSuchKey", ""),
            }
        }
    }

    fn record(digest: &str) -> String {
        json!({ "format": 1, "artifacts": { "functions": { "hello": digest }, "layers": {} } }).to_string()
    }

    fn lease(state: &str) -> String {
        json!({
            "format": 1, "id": "r", "holder": "h", "run_url": null, "serial": 1, "state": state, "settled": true,
            "expires_at": 0, "length": 30, "heartbeat": 0,
        })
        .to_string()
    }

    async fn swept(objects: &[(&str, i64, String)], keep: usize) -> (Result<Swept, Failure>, Vec<String>) {
        let kept = Kept::new(objects);
        let bucket = kept.clone();
        let (aws, _) = Fake::connect(move |asked| bucket.answer(asked));
        (sweep(&aws, keep).await, kept.keys())
    }

    const OLD: i64 = 2 * A_DAY;

    /// Four records of this stage, the newest first; one of another service; code of each, and of nobody.
    fn objects() -> Vec<(&'static str, i64, String)> {
        vec![
            ("history/shop/dev/1.json", 0, record("one")),
            ("history/shop/dev/2.json", OLD, record("one")),
            ("history/shop/dev/3.json", OLD, record("three")),
            ("history/shop/dev/4.json", OLD, record("both")),
            ("history/cart/dev/1.json", OLD, record("both")),
            ("leases/shop/dev.json", 0, lease("held")),
            ("leases/cart/dev.json", OLD, lease("held")),
            ("leases/cart/prod.json", 0, lease("free")),
            ("artifacts/one.zip", OLD, String::new()),
            ("artifacts/three.zip", OLD, String::new()),
            ("artifacts/both.zip", OLD, String::new()),
            ("artifacts/fresh.zip", 60, String::new()),
        ]
    }

    #[tokio::test]
    async fn old_records_go_with_the_code_that_nobody_refers_to() {
        let (swept, left) = swept(&objects(), 2).await;
        assert_eq!(swept, Ok(Swept { records: 2, artifacts: 1 }));
        let gone = ["history/shop/dev/3.json", "history/shop/dev/4.json", "artifacts/three.zip"];
        let rest = objects().into_iter().map(|(key, ..)| key).filter(|key| !gone.contains(key));
        assert_eq!(left, rest.collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_few_too_many_come_together_first() {
        let bucket = Kept::new(&objects());
        let (aws, _) = Fake::connect(move |asked| bucket.answer(asked));
        assert_eq!((is_due(&aws, 3).await, is_due(&aws, 2).await), (Ok(false), Ok(true)));
    }

    #[tokio::test]
    async fn code_stays_while_somebody_deploys_or_a_record_cannot_be_read() {
        let mut busy = objects();
        busy[7].2 = lease("held");
        let (done, left) = swept(&busy, 2).await;
        assert_eq!(done, Ok(Swept { records: 2, artifacts: 0 }));
        assert!(left.contains(&"artifacts/three.zip".to_owned()));
        for unreadable in ["{}".to_owned(), record("x").replace("\"format\":1", "\"format\":2")] {
            let mut newer = objects();
            newer[4].2 = unreadable;
            let (done, left) = swept(&newer, 2).await;
            assert!(done.unwrap_err().message.contains("history/cart/dev/1.json"));
            assert!(left.contains(&"artifacts/three.zip".to_owned()));
        }
    }
}
