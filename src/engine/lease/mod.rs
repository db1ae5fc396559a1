//! One deploy at a time: a small record in a store that can write on a condition.
//!
//! The plan is made without holding anything; [`look`] only reads, and a deploy that finds nothing to do writes nothing.
//! To write, the record is taken with the etag that was seen before planning: that it succeeds proves that nobody
//! deployed in between, so the plan still holds. Otherwise the caller plans again. A run that is to make something else
//! than the last one will write ([`Seen::is_behind`]): it takes the record while it plans, with the same proof, and
//! notes what it makes when it knows.
//!
//! Clocks of different machines are never compared. How old a record is says the store, by its own clock on both ends;
//! a store that cannot say is watched for a whole lease length by our clock. The holder counts from the moment *before*
//! it sent its last renewal, so it always knows that it lost the lease before anybody else may take it. `expires_at`
//! is for people only.

mod held;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::failure::{Failure, Reason};
use super::kind::Progress;
use super::notes::{Note, Notes};
pub use held::Lease;
use held::Sent;

/// What the store holds, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// 1
    pub format: u32,
    /// Unique to one run, to know its own writes again.
    pub id: String,
    /// Who, for people: `anna@laptop (pid 4711)`.
    pub holder: String,
    pub run_url: Option<String>,
    /// Counts the deploys of the stage.
    pub serial: u64,
    pub state: State,
    /// Whether the deploy that wrote this did everything that it planned.
    pub settled: bool,
    /// Seconds since 1970 by the holder's clock, for people only.
    pub expires_at: u64,
    /// Seconds after its last renewal after which the record counts for nothing.
    pub length: u64,
    /// Counts the renewals.
    pub heartbeat: u64,
    /// What this deploy and those a moment before it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Digest of everything that the run was to make, see [`LeaseOptions::desired`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Held,
    Free,
}

/// An object of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub body: Vec<u8>,
    pub etag: String,
    /// How long ago it was written, by the store's own clock (`Date` minus `Last-Modified`).
    pub age: Option<Duration>,
}

/// On what condition a write happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing is there.
    IfNoneMatch,
    /// What is there has this etag.
    IfMatch(String),
}

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    Etag(String),
    /// The condition did not hold.
    Conflict,
}

/// Where the record is kept.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// The record, if there is one. Not having the bucket is not having the record.
    async fn get(&self) -> Result<Option<Stored>, Failure>;

    async fn put(&self, body: Vec<u8>, condition: Condition) -> Result<Written, Failure>;
}

/// How a lease is taken.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    /// Unique to this run.
    pub id: String,
    pub holder: String,
    pub run_url: Option<String>,
    /// How long the lease outlives its last renewal.
    pub length: Duration,
    /// Time between renewals; well under a third of the length.
    pub beat: Duration,
    /// Until when to wait for another holder (`--lock-timeout`).
    pub wait_until: Instant,
    /// What the plan makes and takes away.
    pub notes: Notes,
    /// Digest of everything that the run is to make ([`super::fingerprint::of_all`]). A hint, nothing depends on it.
    pub desired: Option<String>,
}

impl LeaseOptions {
    /// 30 s, renewed every 8 s, without waiting for others.
    pub fn new(id: impl Into<String>, holder: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            holder: holder.into(),
            run_url: None,
            length: Duration::from_secs(30),
            beat: Duration::from_secs(8),
            wait_until: Instant::now(),
            notes: Notes::default(),
            desired: None,
        }
    }
}

/// What was seen of the lease before planning.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub record: Option<Record>,
    etag: Option<String>,
    expired: bool,
    since: Instant,
}

impl Seen {
    /// Whether fingerprints can be trusted: the last deploy ended, and did everything.
    pub fn is_settled(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.state == State::Free && record.settled)
    }

    /// Whether the last deploy was cut off: what it changed a moment ago may still be spreading, see
    /// [`super::retry::Fresh::note_everything`].
    pub fn was_cut_off(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.state == State::Held)
    }

    /// What was made a moment ago, and a list of tags may not know yet.
    /// `None` when nobody deployed yet, or the record was lost.
    pub fn notes(&self) -> Option<&[Note]> {
        self.record.as_ref().map(|record| record.notes.as_slice())
    }

    /// Who holds it, when somebody does.
    pub fn holder(&self) -> Option<&Record> {
        self.record.as_ref().filter(|record| record.state == State::Held && !self.expired)
    }

    /// Whether the last run was to make something else than this one, and nobody holds the lease: there will be
    /// something to write.
    pub fn is_behind(&self, options: &LeaseOptions) -> bool {
        let last = self.record.as_ref().and_then(|record| record.desired.as_ref());
        self.holder().is_none() && last.is_some() && options.desired.is_some() && last != options.desired.as_ref()
    }

    /// Says that the holder is known to be gone (its process on this machine ended): it need not be waited for.
    pub fn holder_is_gone(&mut self) {
        self.expired = true;
    }
}

/// Reads the lease. Writes nothing.
///
/// # Errors
/// The store's, or `Invalid` when the record was written by a newer version.
pub async fn look(store: &dyn LeaseStore) -> Result<Seen, Failure> {
    let since = Instant::now();
    let Some(stored) = store.get().await? else {
        return Ok(Seen { record: None, etag: None, expired: false, since });
    };
    let record: Record = serde_json::from_slice(&stored.body).map_err(|error| {
        Failure::new(Reason::Invalid, format!("the lease cannot be read: {error}"))
            .help("A newer version of hoist may have written it: update hoist. Or delete the object.")
    })?;
    let expired = stored.age.is_some_and(|age| age > Duration::from_secs(record.length));
    Ok(Seen { record: Some(record), etag: Some(stored.etag), expired, since })
}

/// What came of trying to take the lease.
pub enum Acquired {
    Held(Lease),
    /// Somebody else held it, or deployed, since `seen`: plan again with what is seen now, then try again.
    Moved(Seen),
}

/// Takes the lease as it was seen before planning, or before it began. Waits for another holder to end, as long as the options say.
///
/// # Errors
/// `Conflict` with the holder's name when waiting did not help; the store's.
pub async fn acquire(
    store: &Arc<dyn LeaseStore>,
    seen: &Seen,
    options: &LeaseOptions,
    progress: &Progress,
) -> Result<Acquired, Failure> {
    if seen.holder().is_some() {
        return wait(store.as_ref(), seen, options, progress).await.map(Acquired::Moved);
    }
    let record = Record {
        format: 1,
        id: options.id.clone(),
        holder: options.holder.clone(),
        run_url: options.run_url.clone(),
        serial: seen.record.as_ref().map_or(0, |record| record.serial).saturating_add(1),
        state: State::Held,
        settled: false,
        expires_at: unix_seconds() + options.length.as_secs(),
        length: options.length.as_secs(),
        heartbeat: 0,
        notes: options.notes.after(seen.notes().unwrap_or_default(), unix_seconds()),
        desired: options.desired.clone(),
    };
    let condition = seen.etag.clone().map_or(Condition::IfNoneMatch, Condition::IfMatch);
    let sent = Sent::now();
    let etag = match store.put(body(&record)?, condition).await {
        Ok(Written::Etag(etag)) => etag,
        unclear => {
            // An answer may have been lost: the record says whether it was written.
            let now = look(store.as_ref()).await?;
            match (&now.record, &now.etag) {
                (Some(there), Some(etag)) if there.id == options.id && there.state == State::Held => etag.clone(),
                _ if now.etag == seen.etag => {
                    return Err(unclear
                        .err()
                        .unwrap_or_else(|| Failure::new(Reason::Server, "the lease could not be written")));
                }
                _ => return Ok(Acquired::Moved(now)),
            }
        }
    };
    Ok(Acquired::Held(Lease::start(Arc::clone(store), record, etag, sent, options)))
}

/// Waits until the lease is free, or its holder is gone.
async fn wait(
    store: &dyn LeaseStore,
    seen: &Seen,
    options: &LeaseOptions,
    progress: &Progress,
) -> Result<Seen, Failure> {
    let mut last = seen.clone();
    loop {
        let Some(holder) = last.holder() else { return Ok(last) };
        let length = Duration::from_secs(holder.length);
        let unchanged = last.since.elapsed();
        if unchanged > length {
            last.expired = true;
            return Ok(last);
        }
        let left = options.wait_until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(held_by(holder));
        }
        progress.say(format!("waiting for {}", holder.holder));
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
        let now = look(store).await?;
        // The same record still: the time that we have watched it goes on.
        last = if now.etag == last.etag { Seen { since: last.since, ..now } } else { now };
    }
}

fn held_by(record: &Record) -> Failure {
    let link = record.run_url.as_ref().map(|url| format!(" ({url})")).unwrap_or_default();
    Failure::new(Reason::Conflict, format!("{}{link} is deploying this stage", record.holder))
        .help("Wait for it with --lock-timeout 10m, or run this again later.")
}

fn body(record: &Record) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec_pretty(record).map_err(|error| Failure::new(Reason::Bug, format!("the lease: {error}")))
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
