//! What is tried again, how often and for how long: a table, and the loop that follows it.
//!
//! The provider's own client must not retry by itself, or the buckets of [`super::limits`] are overdrawn unseen.

mod error;
mod look;
mod table;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use error::{CallError, Fate};
pub use table::{Budget, Budgets, Class, Rule, Table};

use self::look::{Watch, until_next_look};
use super::failure::{Failure, Reason};
use super::guard::Guard;
use super::kind::Progress;
use super::limits::Limiter;

/// Whether a call may be sent again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// Twice is the same as once (a put, a delete, a create with a token or a name that is unique).
    Idempotent,
    /// Only after a look whether the first one was carried out: see [`Retry::create`].
    CheckFirst,
}

/// One call as the loop sees it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The buckets that every attempt draws from.
    pub buckets: &'a [&'a str],
    pub resend: Resend,
    /// Whether a role or policy that the call rests on changed in this run: only then is it worth waiting for it.
    pub fresh: bool,
}

impl<'a> Call<'a> {
    /// A call that may be sent twice.
    pub const fn new(buckets: &'a [&'a str]) -> Self {
        Self { buckets, resend: Resend::Idempotent, fresh: false }
    }

    /// A call that must not be sent twice unseen.
    #[must_use]
    pub const fn check_first(mut self) -> Self {
        self.resend = Resend::CheckFirst;
        self
    }

    /// Waits for roles and policies to spread when `fresh`.
    #[must_use]
    pub const fn fresh(mut self, fresh: bool) -> Self {
        self.fresh = fresh;
        self
    }
}

/// What changed in this run and may not count everywhere yet: role names, ARNs, whatever the kinds agree on.
#[derive(Clone, Debug, Default)]
pub struct Fresh {
    names: Arc<Mutex<BTreeSet<String>>>,
}

/// Stands for everything: the run before was cut off, so what it changed a moment ago is not known.
const EVERYTHING: &str = "*";

impl Fresh {
    /// Notes that it changed.
    pub fn note(&self, name: impl Into<String>) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into());
    }

    /// Notes that anything may have changed a moment ago: the deploy before this one did not end well.
    pub fn note_everything(&self) {
        self.note(EVERYTHING);
    }

    /// Whether anything changed, for what rests on more than it can name.
    pub fn any(&self) -> bool {
        !self.names.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether it was noted by this name: nothing is concluded from a run before that was cut off.
    pub fn is_noted(&self, name: &str) -> bool {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// Whether it changed, or may have in a run before that was cut off.
    pub fn contains(&self, name: &str) -> bool {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.contains(name) || names.contains(EVERYTHING)
    }
}

/// The loop: one for a process, cheap to clone, shared by every kind.
#[derive(Clone)]
pub struct Retry {
    table: Arc<Table>,
    limiter: Arc<Limiter>,
    stop: CancellationToken,
    seed: u64,
    guard: Arc<Mutex<Option<Arc<dyn Guard>>>>,
    /// How many things are being waited for at present.
    watched: Arc<AtomicUsize>,
    /// What changed in this run.
    pub fresh: Fresh,
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// How much is known when a look (`wait_until`) is over.
pub enum Look<T> {
    /// It is as it should be.
    Ready(T),
    /// Look again; the text says what for: `the function to become active`.
    NotYet(&'static str),
}

impl Retry {
    /// `stop` ends every wait between attempts: what was refused is not in flight. An attempt that is under way, and what
    /// is only watched until it is done, go on. `seed` decides the jitter.
    pub fn new(table: Arc<Table>, limiter: Arc<Limiter>, stop: CancellationToken, seed: u64) -> Self {
        Self { table, limiter, stop, seed, guard: Arc::default(), watched: Arc::default(), fresh: Fresh::default() }
    }

    /// From now on, asks before every attempt whether it may still be sent. Holds for all clones.
    pub fn guard_with(&self, guard: Arc<dyn Guard>) {
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    }

    /// Whether the user asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Ends when the user asked to stop.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Waits for so long; whether the time passed without a stop.
    pub async fn rest(&self, time: Duration) -> bool {
        self.sleep(time).await
    }

    /// The buckets that it draws from.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Sends a call until it succeeds or the table says that it will not. `attempt` is given the number of the attempt,
    /// from 1. A call that is [`Resend::CheckFirst`] is not sent again after an ambiguous error.
    ///
    /// # Errors
    /// The last error, with the attempts, the time and the request id; or `Cancelled`.
    pub async fn run<T, F, Fut>(&self, call: Call<'_>, progress: &Progress, mut attempt: F) -> Result<T, Failure>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
    {
        let mut trial = Trial::new(call);
        loop {
            match self.send(&mut trial, progress, &mut attempt).await? {
                Ok(value) => return Ok(value),
                Err(error) => {
                    if call.resend == Resend::CheckFirst && error.is_ambiguous() {
                        return Err(trial.give_up(error));
                    }
                    self.pause(&mut trial, error, progress).await?;
                }
            }
        }
    }

    /// Sends a create that must not happen twice. When it is not known what became of an attempt, `find` looks for what
    /// it made, and only if that finds nothing is it sent again.
    ///
    /// # Errors
    /// As [`Retry::run`], of the create or of the look.
    pub async fn create<T, F, Fut, G, Gut>(
        &self,
        call: Call<'_>,
        progress: &Progress,
        mut find: G,
        mut attempt: F,
    ) -> Result<T, Failure>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
        G: FnMut() -> Gut,
        Gut: Future<Output = Result<Option<T>, Failure>>,
    {
        let mut trial = Trial::new(call);
        loop {
            match self.send(&mut trial, progress, &mut attempt).await? {
                Ok(value) => return Ok(value),
                Err(error) => {
                    let ambiguous = error.is_ambiguous();
                    self.pause(&mut trial, error, progress).await?;
                    if ambiguous && let Some(found) = find().await? {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// Looks again and again until something is as it should be: at once, after less than 0.1 s, and later every second;
    /// all the slower, the more is being waited for.
    ///
    /// # Errors
    /// What [`Retry::run`] gives for a look that fails, `Failed` when `within` is over.
    pub async fn wait_until<T, F, Fut>(
        &self,
        call: Call<'_>,
        progress: &Progress,
        within: Duration,
        mut look: F,
    ) -> Result<T, Failure>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<Look<T>, CallError>>,
    {
        let watch = Watch::begin(&self.watched);
        let began = Instant::now();
        for turn in 1.. {
            let what = match self.run(call, progress, &mut look).await? {
                Look::Ready(value) => return Ok(value),
                Look::NotYet(what) => what,
            };
            let elapsed = began.elapsed();
            let delay = jittered(until_next_look(elapsed, watch.all()), self.seed, u64::from(turn));
            if elapsed + delay > within {
                let mut failure = Failure::new(Reason::Failed, format!("waited {} s for {what}", elapsed.as_secs()));
                failure.attempts = turn;
                failure.elapsed = elapsed;
                return Err(failure);
            }
            progress.say(format!("waiting for {what} ({} s)", elapsed.as_secs()));
            tokio::time::sleep(delay).await;
        }
        Err(Failure::new(Reason::Bug, "looked more often than can be counted"))
    }

    /// One attempt, after its tokens. The outer error is the guard's.
    async fn send<T, F, Fut>(
        &self,
        trial: &mut Trial<'_>,
        progress: &Progress,
        attempt: &mut F,
    ) -> Result<Result<T, CallError>, Failure>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
    {
        if progress.has_begun() {
            self.limiter.draw(trial.call.buckets).await;
        } else {
            // A change that has only waited for its turn is not under way.
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(trial.stopped()),
                () = self.limiter.draw(trial.call.buckets) => {}
            }
        }
        progress.begin();
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(guard) = guard {
            guard.check()?;
        }
        trial.attempts += 1;
        Ok(attempt(trial.attempts).await)
    }

    /// Waits before the next attempt, or gives up.
    async fn pause(&self, trial: &mut Trial<'_>, error: CallError, progress: &Progress) -> Result<(), Failure> {
        let class = match self.table.classify(&error) {
            Class::Propagating if !trial.call.fresh => Class::Final,
            class => class,
        };
        let Some(budget) = self.table.budget(&error, class) else { return Err(trial.give_up(error)) };
        if class == Class::Throttled {
            self.limiter.slow_down_narrowest(trial.call.buckets);
        }
        let now = Instant::now();
        let spell = trial.spell(class, now);
        let delay = jittered(budget.delay(spell.failed), self.seed ^ hash(error.operation), u64::from(trial.attempts));
        if now + delay > spell.since + budget.total {
            return Err(trial.give_up(CallError { reason: gave_up(class, error.reason), ..error }));
        }
        let waited = now.duration_since(trial.began).as_secs();
        progress.say(format!("waiting for {} ({waited} s)", self.table.words(&error, class)));
        trial.last = Some(error);
        if self.sleep(delay).await { Ok(()) } else { Err(trial.stopped()) }
    }

    /// Whether the time passed without a stop.
    async fn sleep(&self, delay: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(delay) => true,
        }
    }
}

/// A class's reason, for what is given up after all of its time.
fn gave_up(class: Class, reason: Reason) -> Reason {
    match class {
        Class::Propagating => Reason::Propagating,
        Class::Throttled => Reason::Throttled,
        Class::Busy => Reason::Conflict,
        Class::Server | Class::Final => reason,
    }
}

/// The attempts of one call so far.
struct Trial<'a> {
    call: Call<'a>,
    began: Instant,
    attempts: u32,
    spells: Vec<Spell>,
    last: Option<CallError>,
}

/// The errors of one class so far.
#[derive(Clone, Copy)]
struct Spell {
    class: Class,
    since: Instant,
    failed: u32,
}

impl<'a> Trial<'a> {
    fn new(call: Call<'a>) -> Self {
        Self { call, began: Instant::now(), attempts: 0, spells: Vec::new(), last: None }
    }

    fn spell(&mut self, class: Class, now: Instant) -> Spell {
        let index = match self.spells.iter().position(|spell| spell.class == class) {
            Some(index) => index,
            None => {
                self.spells.push(Spell { class, since: now, failed: 0 });
                self.spells.len() - 1
            }
        };
        let spell = &mut self.spells[index];
        spell.failed += 1;
        *spell
    }

    fn give_up(&self, error: CallError) -> Failure {
        Failure {
            reason: error.reason,
            message: error.message,
            operation: Some(format!("{}.{}", error.service, error.operation)),
            code: error.code,
            request_id: error.request_id,
            attempts: self.attempts,
            elapsed: self.began.elapsed(),
            help: error.help,
        }
    }

    fn stopped(&mut self) -> Failure {
        let mut failure = match self.last.take() {
            Some(error) => self.give_up(error),
            None => Failure::new(Reason::Cancelled, "stopped before it was sent"),
        };
        failure.reason = Reason::Cancelled;
        failure
    }
}

/// Between three quarters of the delay and all of it, the same for the same seed.
fn jittered(delay: Duration, seed: u64, turn: u64) -> Duration {
    let share = (scramble(seed ^ turn.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 11) as f64 / (1u64 << 53) as f64;
    delay.mul_f64(0.75 + 0.25 * share)
}

/// The finaliser of splitmix64: every bit of the input moves half of the output.
fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests;
