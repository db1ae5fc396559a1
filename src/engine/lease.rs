//! One deploy at a time: a small record in a store that can write on a condition.
//!
//! The plan is made without holding anything; [`look`] only reads, and a deploy that finds nothing to do writes nothing.
//! To write, the record is taken with the etag that was seen before planning: that it succeeds proves that nobody
//! deployed in between, so the plan still holds. Otherwise the caller plans again.
//!
//! Clocks of different machines are never compared. How old a record is says the store, by its own clock on both ends;
//! a store that cannot say is watched for a whole lease length by our clock. The holder counts from the moment *before*
//! it sent its last renewal, so it always knows that it lost the lease before anybody else may take it. `expires_at`
//! is for people only.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::failure::{Failure, Reason};
use super::guard::{Guard, LOST};
use super::kind::Progress;
use super::notes::{Note, Notes};

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

/// Takes the lease as it was seen before planning. Waits for another holder to end, as long as the options say.
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

/// The lease while it is held. Renewed in the background; dropped without a release, it expires.
pub struct Lease {
    store: Arc<dyn LeaseStore>,
    hold: Arc<Hold>,
    current: Arc<tokio::sync::Mutex<Current>>,
    heart: AbortHandle,
    notes: Notes,
}

struct Current {
    record: Record,
    etag: String,
}

impl Lease {
    fn start(store: Arc<dyn LeaseStore>, record: Record, etag: String, sent: Sent, options: &LeaseOptions) -> Self {
        let hold = Arc::new(Hold {
            length: options.length,
            state: Mutex::new(HoldState { sent, lost: false, released: false }),
        });
        let current = Arc::new(tokio::sync::Mutex::new(Current { record, etag }));
        let heart = tokio::spawn(beat(Arc::clone(&store), Arc::clone(&current), Arc::clone(&hold), options.beat));
        Self { store, hold, current, heart: heart.abort_handle(), notes: options.notes.clone() }
    }

    /// What says before each write whether the lease is still ours.
    pub fn guard(&self) -> Arc<dyn Guard> {
        Arc::clone(&self.hold) as Arc<dyn Guard>
    }

    /// How many deploys of this stage there were, this one included.
    pub async fn serial(&self) -> u64 {
        self.current.lock().await.record.serial
    }

    /// Gives it back. `settled` says whether everything that was planned was done.
    ///
    /// # Errors
    /// When it could not be written: it then expires by itself.
    pub async fn release(self, settled: bool) -> Result<(), Failure> {
        self.heart.abort();
        self.hold.check()?;
        let mut current = self.current.lock().await;
        current.record.state = State::Free;
        current.record.settled = settled;
        if settled {
            self.notes.done(&mut current.record.notes);
        }
        let mut last = Failure::new(Reason::Server, "the lease could not be given back");
        for _ in 0..3 {
            let condition = Condition::IfMatch(current.etag.clone());
            match self.store.put(body(&current.record)?, condition).await {
                Ok(Written::Etag(_)) => {
                    self.hold.release();
                    return Ok(());
                }
                Ok(Written::Conflict) => match look(self.store.as_ref()).await {
                    Ok(Seen { record: Some(there), etag: Some(etag), .. }) if there.id == current.record.id => {
                        if there.state == State::Free {
                            self.hold.release();
                            return Ok(());
                        }
                        current.etag = etag;
                    }
                    Ok(_) => return Err(lost()),
                    Err(failure) => last = failure,
                },
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

/// When a renewal was sent, by two clocks: the monotonic one stands still while a machine sleeps, the other may be set.
#[derive(Clone, Copy)]
struct Sent {
    monotonic: Instant,
    wall: SystemTime,
}

impl Sent {
    fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// The longer of what both clocks say.
    fn elapsed(&self) -> Duration {
        self.monotonic.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

struct Hold {
    length: Duration,
    state: Mutex<HoldState>,
}

struct HoldState {
    sent: Sent,
    lost: bool,
    /// Given back: nothing is under way any more, and what only reads may go on.
    released: bool,
}

impl Hold {
    fn renewed(&self, sent: Sent) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).sent = sent;
    }

    fn release(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).released = true;
    }

    fn lose(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lost = true;
    }
}

impl Guard for Hold {
    fn check(&self) -> Result<(), Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.released {
            return Ok(());
        }
        // Once lost it stays lost: somebody else may have written since.
        state.lost |= state.sent.elapsed() >= self.length;
        if state.lost { Err(lost()) } else { Ok(()) }
    }
}

fn lost() -> Failure {
    let mut failure = Failure::new(Reason::Conflict, "the lease on this stage was lost, so nothing more is written")
        .help("This process was paused or cut off for too long. Run it again: it goes on from what is live.");
    failure.code = Some(LOST.to_owned());
    failure
}

/// Renews the lease until it is lost.
async fn beat(store: Arc<dyn LeaseStore>, current: Arc<tokio::sync::Mutex<Current>>, hold: Arc<Hold>, every: Duration) {
    let mut pause = every;
    // Renewals without an answer, by their number.
    let mut unanswered: Vec<(u64, Sent)> = Vec::new();
    loop {
        tokio::time::sleep(pause).await;
        let mut current = current.lock().await;
        if hold.check().is_err() {
            return;
        }
        current.record.heartbeat += 1;
        current.record.expires_at = unix_seconds() + hold.length.as_secs();
        let Ok(text) = body(&current.record) else { return };
        let sent = Sent::now();
        // An answer that does not come must not keep the next renewal from being sent.
        let put = store.put(text, Condition::IfMatch(current.etag.clone()));
        let put = tokio::time::timeout(hold.length / 4, put);
        let put = put.await.unwrap_or_else(|_| Err(Failure::new(Reason::Unreachable, "no answer came")));
        match put {
            Ok(Written::Etag(etag)) => {
                current.etag = etag;
                hold.renewed(sent);
                unanswered.clear();
                pause = every;
            }
            Ok(Written::Conflict) => match look(store.as_ref()).await {
                // A renewal of ours whose answer was lost: it counts from when it was sent.
                Ok(Seen { record: Some(there), etag: Some(etag), .. }) if there.id == current.record.id => {
                    current.etag = etag;
                    if let Some((_, sent)) = unanswered.iter().find(|(number, _)| *number == there.heartbeat) {
                        hold.renewed(*sent);
                    }
                    pause = every / 4;
                }
                Ok(_) => return hold.lose(),
                Err(_) => pause = every / 4,
            },
            Err(_) => {
                unanswered.push((current.record.heartbeat, sent));
                pause = every / 4;
            }
        }
    }
}

fn body(record: &Record) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec_pretty(record).map_err(|error| Failure::new(Reason::Bug, format!("the lease: {error}")))
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::guard::is_lost;
    use crate::engine::memory::{Fault, MemoryStore, World};

    fn store() -> (Arc<World>, Arc<MemoryStore>, Arc<dyn LeaseStore>) {
        let world = Arc::new(World::default());
        let memory = Arc::new(MemoryStore::new(Arc::clone(&world)));
        (world, Arc::clone(&memory), memory)
    }

    fn options(id: &str, wait: u64) -> LeaseOptions {
        let wait_until = Instant::now() + Duration::from_secs(wait);
        LeaseOptions { wait_until, ..LeaseOptions::new(id, format!("{id}@host")) }
    }

    async fn take(store: &Arc<dyn LeaseStore>, id: &str) -> Lease {
        let seen = look(store.as_ref()).await.unwrap();
        match acquire(store, &seen, &options(id, 0), &Progress::silent()).await.unwrap() {
            Acquired::Held(lease) => lease,
            Acquired::Moved(seen) => panic!("moved: {seen:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_settled_release_lets_the_next_one_trust() {
        let (_, _, store) = store();
        assert!(!look(store.as_ref()).await.unwrap().is_settled());
        let lease = take(&store, "one").await;
        assert!(look(store.as_ref()).await.unwrap().was_cut_off());
        let guard = lease.guard();
        lease.release(true).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(guard.check(), Ok(()), "what comes after a release is not stopped");
        assert!(look(store.as_ref()).await.unwrap().is_settled());
        let lease = take(&store, "two").await;
        assert_eq!(lease.serial().await, 2);
        lease.release(false).await.unwrap();
        let seen = look(store.as_ref()).await.unwrap();
        assert!(!seen.is_settled() && !seen.was_cut_off() && seen.holder().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_plan_that_is_no_longer_right_does_not_get_the_lease() {
        let (_, _, store) = store();
        let seen = look(store.as_ref()).await.unwrap();
        take(&store, "other").await.release(true).await.unwrap();
        let acquired = acquire(&store, &seen, &options("late", 0), &Progress::silent()).await.unwrap();
        assert!(matches!(acquired, Acquired::Moved(now) if now.is_settled()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_wait_hears_who_holds_it() {
        let (_, _, store) = store();
        let _held = take(&store, "anna").await;
        let seen = look(store.as_ref()).await.unwrap();
        let refused = acquire(&store, &seen, &options("ben", 0), &Progress::silent()).await.err().unwrap();
        assert_eq!(refused.reason, Reason::Conflict);
        assert_eq!(refused.message, "anna@host is deploying this stage");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_plans_again_when_it_is_free() {
        let (_, _, store) = store();
        let lease = take(&store, "anna").await;
        let seen = look(store.as_ref()).await.unwrap();
        let began = Instant::now();
        let release = async {
            tokio::time::sleep(Duration::from_secs(120)).await;
            lease.release(true).await
        };
        let options = options("ben", 600);
        let silent = Progress::silent();
        let (acquired, released) = tokio::join!(acquire(&store, &seen, &options, &silent), release);
        released.unwrap();
        // The holder renewed it all the time: it was not taken over.
        assert!(began.elapsed() >= Duration::from_secs(120));
        assert!(matches!(acquired.unwrap(), Acquired::Moved(now) if now.is_settled()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_holder_is_taken_over_after_a_lease_length() {
        for tells_age in [true, false] {
            let world = Arc::new(World::default());
            let mut memory = MemoryStore::new(Arc::clone(&world));
            memory.tells_age = tells_age;
            let store: Arc<dyn LeaseStore> = Arc::new(memory);
            drop(take(&store, "dead").await);
            let began = Instant::now();
            let seen = look(store.as_ref()).await.unwrap();
            let moved = acquire(&store, &seen, &options("next", 600), &Progress::silent()).await.unwrap();
            let Acquired::Moved(seen) = moved else { panic!("took it from under a holder") };
            assert!(seen.holder().is_none() && seen.was_cut_off() && !seen.is_settled());
            assert!(began.elapsed() > Duration::from_secs(28) && began.elapsed() < Duration::from_secs(35));
            let held = acquire(&store, &seen, &options("next", 0), &Progress::silent()).await.unwrap();
            assert!(matches!(held, Acquired::Held(_)), "age told: {tells_age}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_holder_knows_that_it_lost_before_anybody_may_take_it() {
        let (_, memory, store) = store();
        let lease = take(&store, "one").await;
        let guard = lease.guard();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(guard.check(), Ok(()));
        *memory.cut_off.lock().unwrap() = true;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(is_lost(&guard.check().unwrap_err()));
        *memory.cut_off.lock().unwrap() = false;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(guard.check().is_err(), "once lost, it stays lost");
        assert!(lease.release(true).await.is_err());
        assert!(!look(store.as_ref()).await.unwrap().is_settled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_taken_over_holder_learns_it_at_its_next_renewal() {
        let (_, memory, store) = store();
        let lease = take(&store, "one").await;
        let stored = memory.get().await.unwrap().unwrap();
        let mut record: Record = serde_json::from_slice(&stored.body).unwrap();
        record.id = "thief".into();
        memory.put(body(&record).unwrap(), Condition::IfMatch(stored.etag)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(lease.guard().check().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn lost_answers_are_no_lost_lease() {
        let (world, _, store) = store();
        // Taking it, then every second renewal.
        let cut: std::collections::BTreeMap<u64, Fault> =
            (2..200).step_by(3).map(|call| (call, Fault::CutAfter)).collect();
        world.weather(cut);
        let lease = take(&store, "one").await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(lease.guard().check(), Ok(()));
        lease.release(true).await.unwrap();
        assert!(look(store.as_ref()).await.unwrap().is_settled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_of_the_future_is_refused() {
        let (_, memory, store) = store();
        memory.put(b"{\"format\": 2}".to_vec(), Condition::IfNoneMatch).await.unwrap();
        let failure = look(store.as_ref()).await.unwrap_err();
        assert!(failure.message.starts_with("the lease cannot be read"));
    }
}
