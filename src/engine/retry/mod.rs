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
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::engine::kind::Word;
    use crate::engine::limits::Bucket;

    const RULES: [Rule; 4] = [
        Rule::new("lambda", "CreateFunction", "InvalidParameterValueException", Class::Propagating)
            .message("cannot be assumed")
            .waiting_for("IAM"),
        Rule::new("lambda", "*", "ResourceConflictException", Class::Busy).message("in progress"),
        Rule::new("*", "*", "Throttling", Class::Throttled),
        Rule::new("s3", "PutBucketNotificationConfiguration", "InvalidArgument", Class::Busy).within(30),
    ];

    fn retry() -> Retry {
        let limiter = Limiter::new([Bucket { name: "lambda", per_second: 1000.0, burst: 1000.0 }]);
        Retry::new(Arc::new(Table::new(RULES)), Arc::new(limiter), CancellationToken::new(), 7)
    }

    fn error(code: &str, message: &str) -> CallError {
        CallError::new("lambda", "CreateFunction", Fate::Answered(400), message).code(code).request_id("r-1")
    }

    fn assumed() -> CallError {
        error("InvalidParameterValueException", "The role defined for the function CANNOT BE ASSUMED by Lambda.")
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_role_is_waited_for_and_the_wait_is_told() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let progress = Progress::new({
            let told = Arc::clone(&told);
            move |word| {
                if let Word::Waiting(what) = word {
                    told.lock().unwrap().push(what);
                }
            }
        });
        let began = Instant::now();
        let done = retry()
            .run(Call::new(&["lambda"]).fresh(true), &progress, |_| async move {
                if began.elapsed() < Duration::from_secs(8) { Err(assumed()) } else { Ok("made") }
            })
            .await;
        assert_eq!(done, Ok("made"));
        assert!(began.elapsed() < Duration::from_secs(10));
        let told = told.lock().unwrap();
        assert_eq!(told.first().map(String::as_str), Some("waiting for IAM (0 s)"));
        assert!(told.iter().any(|line| line.starts_with("waiting for IAM (6 s)")), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_only_waits_for_its_turn_is_not_sent_after_a_stop() {
        let (limiter, stop) =
            (Limiter::new([Bucket { name: "slow", per_second: 0.1, burst: 1.0 }]), CancellationToken::new());
        let retry = Retry::new(Arc::new(Table::new(RULES)), Arc::new(limiter), stop.clone(), 7);
        let send = |progress: Progress| {
            let retry = retry.clone();
            tokio::spawn(async move {
                retry.run(Call::new(&["slow"]), &progress, |_| async { Ok::<_, CallError>("sent") }).await
            })
        };
        let under_way = Progress::new(|_| {});
        assert_eq!(send(under_way.clone()).await.unwrap(), Ok("sent"));
        let (waiting, going_on) = (send(Progress::new(|_| {})), send(under_way));
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
        assert_eq!(waiting.await.unwrap().unwrap_err().reason, Reason::Cancelled);
        assert_eq!(going_on.await.unwrap(), Ok("sent"), "its change is under way");
        assert_eq!(send(Progress::silent()).await.unwrap(), Ok("sent"), "what gives the lease back, say");
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_did_not_change_is_not_waited_for() {
        let began = Instant::now();
        let failure = retry()
            .run(Call::new(&["lambda"]), &Progress::silent(), |_| async { Err::<(), _>(assumed()) })
            .await
            .unwrap_err();
        assert_eq!((failure.attempts, began.elapsed()), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_says_what_how_long_and_the_request_id() {
        let failure = retry()
            .run(Call::new(&["lambda"]).fresh(true), &Progress::silent(), |_| async { Err::<(), _>(assumed()) })
            .await
            .unwrap_err();
        assert_eq!(failure.reason, Reason::Propagating);
        assert_eq!(failure.operation.as_deref(), Some("lambda.CreateFunction"));
        assert_eq!(failure.request_id.as_deref(), Some("r-1"));
        assert!(failure.elapsed > Duration::from_secs(290) && failure.elapsed <= Duration::from_secs(300));
        assert!(failure.attempts > 100 && failure.attempts < 450, "{}", failure.attempts);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rule_may_shorten_its_budget() {
        let began = Instant::now();
        let refused = || CallError::new("s3", "PutBucketNotificationConfiguration", Fate::Answered(400), "Unable");
        let result = retry()
            .run(Call::new(&[]), &Progress::silent(), |_| async { Err::<(), _>(refused().code("InvalidArgument")) })
            .await;
        assert_eq!(result.unwrap_err().reason, Reason::Conflict);
        assert!(began.elapsed() <= Duration::from_secs(30) && began.elapsed() > Duration::from_secs(26));
    }

    #[tokio::test(start_paused = true)]
    async fn a_create_with_no_answer_is_looked_for_before_it_is_sent_again() {
        let made = Arc::new(Mutex::new(0));
        let cut = || CallError::new("lambda", "CreateEventSourceMapping", Fate::Unknown, "connection reset");
        let created = retry()
            .create(
                Call::new(&["lambda"]).check_first(),
                &Progress::silent(),
                || async { Ok(if *made.lock().unwrap() > 0 { Some("found") } else { None }) },
                |turn| {
                    let made = Arc::clone(&made);
                    async move {
                        // The first never arrived, the second was carried out and its answer lost.
                        if turn == 2 {
                            *made.lock().unwrap() += 1;
                        }
                        Err(cut())
                    }
                },
            )
            .await;
        assert_eq!((created, *made.lock().unwrap()), (Ok("found"), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_look_it_is_not_sent_again() {
        let failure = retry()
            .run(Call::new(&[]).check_first(), &Progress::silent(), |_| async {
                Err::<(), _>(CallError::new("lambda", "CreateEventSourceMapping", Fate::Answered(500), "oops"))
            })
            .await
            .unwrap_err();
        assert_eq!((failure.attempts, failure.reason), (1, Reason::Server));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_between_attempts() {
        let stop = CancellationToken::new();
        let retry = Retry::new(Arc::new(Table::new(RULES)), Arc::new(Limiter::unlimited()), stop.clone(), 0);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.cancel();
        });
        let began = Instant::now();
        let failure = retry
            .run(Call::new(&[]).fresh(true), &Progress::silent(), |_| async { Err::<(), _>(assumed()) })
            .await
            .unwrap_err();
        assert_eq!(failure.reason, Reason::Cancelled);
        assert!(began.elapsed() <= Duration::from_millis(3001), "{:?}", began.elapsed());
        assert!(failure.message.contains("CANNOT BE ASSUMED"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_slows_everybody_down() {
        let limiter = Arc::new(Limiter::new([Bucket { name: "slow", per_second: 10.0, burst: 10.0 }]));
        let retry = Retry::new(Arc::new(Table::new(RULES)), Arc::clone(&limiter), CancellationToken::new(), 0);
        let began = Instant::now();
        let done = retry
            .run(Call::new(&["slow"]), &Progress::silent(), |turn| async move {
                if turn == 1 { Err(error("Throttling", "Rate exceeded")) } else { Ok(()) }
            })
            .await;
        assert_eq!(done, Ok(()));
        for _ in 0..7 {
            limiter.draw(&["slow"]).await;
        }
        assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_is_looked_at_until_it_is_so() {
        let began = Instant::now();
        let state = retry()
            .wait_until(Call::new(&[]), &Progress::silent(), Duration::from_secs(60), |_| async move {
                Ok(if began.elapsed() > Duration::from_secs(5) { Look::Ready("Active") } else { Look::NotYet("it") })
            })
            .await;
        assert_eq!(state, Ok("Active"));
        let never = retry()
            .wait_until(Call::new(&[]), &Progress::silent(), Duration::from_secs(60), |_| async {
                Ok(Look::<()>::NotYet("the function to become active"))
            })
            .await;
        assert_eq!(never.unwrap_err().message, "waited 59 s for the function to become active");
    }

    /// How long after it became ready a thing was seen to be so, and how many looks there were each second.
    async fn watched(things: u64, ready: Duration) -> (Duration, f64) {
        let (retry, looks, began) = (retry(), Arc::new(AtomicUsize::new(0)), Instant::now());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..things {
            let (retry, looks) = (retry.clone(), Arc::clone(&looks));
            tasks.spawn(async move {
                let look = |_| async {
                    looks.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(60)).await;
                    Ok(if began.elapsed() >= ready { Look::Ready(began.elapsed()) } else { Look::NotYet("it") })
                };
                retry.wait_until(Call::new(&[]), &Progress::silent(), Duration::from_secs(600), look).await.unwrap()
            });
        }
        let seen = tasks.join_all().await.into_iter().max().unwrap();
        (seen - ready, looks.load(Ordering::Relaxed) as f64 / seen.as_secs_f64())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_is_seen_soon_and_a_crowd_is_not_asked_about_more_than_the_quota_allows() {
        for (ready_ms, late_ms) in [(1000, 250), (1500, 280), (6000, 650), (25_000, 1100)] {
            let (late, looks) = watched(1, Duration::from_millis(ready_ms)).await;
            assert!(late <= Duration::from_millis(late_ms), "{ready_ms} ms: {late:?} late");
            assert!(looks <= 10.0, "{ready_ms} ms: {looks} looks a second");
        }
        let (late, looks) = watched(40, Duration::from_secs(3)).await;
        assert!(late <= Duration::from_millis(800) && looks <= 80.0, "{late:?} late, {looks} looks a second");
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let delays = |seed| (1..20).map(|turn| jittered(Duration::from_secs(1), seed, turn)).collect::<Vec<_>>();
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
        assert!(delays(3).iter().all(|delay| (0.75..=1.0).contains(&delay.as_secs_f64())));
    }

    #[test]
    fn after_a_run_that_was_cut_off_everything_is_fresh() {
        let fresh = Fresh::default();
        fresh.note("role-a");
        assert!(fresh.any() && fresh.contains("role-a") && !fresh.contains("role-b"));
        fresh.note_everything();
        assert!(fresh.contains("role-b"));
    }
}
