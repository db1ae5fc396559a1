//! The lease in the hand: renewed in the background, asked before each write, given back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{Condition, LeaseOptions, LeaseStore, Record, Seen, State, Written, body, look, unix_seconds};
use crate::engine::failure::{Failure, Reason};
use crate::engine::guard::{Guard, LOST};
use crate::engine::notes::Notes;

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
    pub(super) fn start(
        store: Arc<dyn LeaseStore>,
        record: Record,
        etag: String,
        sent: Sent,
        options: &LeaseOptions,
    ) -> Self {
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

    /// Writes down what a plan makes and takes away, before anything of it is done. Writes nothing where nobody would
    /// have to know it.
    ///
    /// # Errors
    /// When it could not be written, or the lease was lost.
    pub async fn note(&mut self, notes: Notes) -> Result<(), Failure> {
        self.notes = notes;
        if !self.notes.count_beforehand() {
            return Ok(());
        }
        self.hold.check()?;
        let mut current = self.current.lock().await;
        current.record.heartbeat += 1;
        current.record.notes = self.notes.after(&current.record.notes, unix_seconds());
        let heartbeat = current.record.heartbeat;
        self.put(&mut current, |there| there.heartbeat == heartbeat).await
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
        self.put(&mut current, |there| there.state == State::Free).await?;
        self.hold.release();
        Ok(())
    }

    /// Writes the record as it is now. Where an answer was lost, the record there says whether it `is_written`.
    async fn put(&self, current: &mut Current, is_written: impl Fn(&Record) -> bool + Send) -> Result<(), Failure> {
        let mut last = Failure::new(Reason::Server, "the lease could not be written");
        for _ in 0..3 {
            let condition = Condition::IfMatch(current.etag.clone());
            match self.store.put(body(&current.record)?, condition).await {
                Ok(Written::Etag(etag)) => {
                    current.etag = etag;
                    return Ok(());
                }
                Ok(Written::Conflict) => match look(self.store.as_ref()).await {
                    Ok(Seen { record: Some(there), etag: Some(etag), .. }) if there.id == current.record.id => {
                        current.etag = etag;
                        if is_written(&there) {
                            return Ok(());
                        }
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
pub(super) struct Sent {
    monotonic: Instant,
    wall: SystemTime,
}

impl Sent {
    pub(super) fn now() -> Self {
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
