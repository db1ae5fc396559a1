//! What is tried again, how often and for how long: a table, and the loop that follows it.
//!
//! The provider's own client must not retry by itself, or the buckets of [`super::limits`] are overdrawn unseen.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Reason};
use super::kind::Progress;
use super::limits::Limiter;

/// What an error means for the call that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// A role or policy that changed moments ago does not count everywhere yet.
    Propagating,
    /// Too many calls.
    Throttled,
    /// Another change of the same resource is running.
    Busy,
    /// The service failed, or the connection did.
    Server,
    /// Trying again will not help.
    Final,
}

/// How long a class of errors is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Before the second attempt.
    pub first: Duration,
    /// What each delay is multiplied by for the next.
    pub growth: f64,
    /// No delay is longer.
    pub cap: Duration,
    /// From the first error of the class to giving up.
    pub total: Duration,
}

impl Budget {
    pub const fn new(first_ms: u64, growth: f64, cap_ms: u64, total_s: u64) -> Self {
        Self {
            first: Duration::from_millis(first_ms),
            growth,
            cap: Duration::from_millis(cap_ms),
            total: Duration::from_secs(total_s),
        }
    }

    /// The delay after so many failed attempts (1 is the first), before jitter.
    fn delay(&self, failed: u32) -> Duration {
        let exponent = i32::try_from(failed.saturating_sub(1)).unwrap_or(i32::MAX).min(64);
        let seconds = self.first.as_secs_f64() * self.growth.powi(exponent);
        Duration::from_secs_f64(seconds.min(self.cap.as_secs_f64()))
    }
}

/// A budget for each class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budgets {
    pub propagating: Budget,
    pub throttled: Budget,
    pub busy: Budget,
    pub server: Budget,
    /// For an endpoint that cannot be reached at all: shorter, because it is mostly a mistake of the user's.
    pub unreachable: Budget,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            // Seconds as a rule, minutes at worst; others gave up too soon at 15, 30 and 48 s.
            propagating: Budget::new(250, 1.5, 2_000, 300),
            // The slowest quotas give one call in 30 s.
            throttled: Budget::new(400, 1.8, 10_000, 600),
            // A function in a VPC takes minutes to update.
            busy: Budget::new(250, 1.5, 2_000, 600),
            server: Budget::new(200, 2.0, 5_000, 60),
            unreachable: Budget::new(200, 2.0, 2_000, 10),
        }
    }
}

impl Budgets {
    fn of(&self, class: Class) -> Option<Budget> {
        match class {
            Class::Propagating => Some(self.propagating),
            Class::Throttled => Some(self.throttled),
            Class::Busy => Some(self.busy),
            Class::Server => Some(self.server),
            Class::Final => None,
        }
    }
}

/// One line of the table. `"*"` stands for any service, operation or code; the first line that fits counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// `lambda`
    pub service: &'static str,
    /// `CreateFunction`
    pub operation: &'static str,
    /// `InvalidParameterValueException`
    pub code: &'static str,
    /// A part of the message, compared without regard to case.
    pub message: Option<&'static str>,
    pub class: Class,
    /// Instead of the class's own total.
    pub within: Option<Duration>,
    /// What a person reads while it lasts: `IAM`. `None`: the class's own words.
    pub waiting_for: Option<&'static str>,
}

impl Rule {
    pub const fn new(service: &'static str, operation: &'static str, code: &'static str, class: Class) -> Self {
        Self { service, operation, code, message: None, class, within: None, waiting_for: None }
    }

    /// Only when the message contains this.
    #[must_use]
    pub const fn message(mut self, part: &'static str) -> Self {
        self.message = Some(part);
        self
    }

    /// Gives up after so many seconds.
    #[must_use]
    pub const fn within(mut self, seconds: u64) -> Self {
        self.within = Some(Duration::from_secs(seconds));
        self
    }

    /// What a person reads while it lasts.
    #[must_use]
    pub const fn waiting_for(mut self, what: &'static str) -> Self {
        self.waiting_for = Some(what);
        self
    }

    fn fits(&self, error: &CallError) -> bool {
        let any_or = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        any_or(self.service, error.service)
            && any_or(self.operation, error.operation)
            && any_or(self.code, error.code.as_deref().unwrap_or_default())
            && self.message.is_none_or(|part| contains_ignoring_case(&error.message, part))
    }
}

fn contains_ignoring_case(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// What became of a request that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The service answered with an error and this HTTP status.
    Answered(u16),
    /// It never left: no connection, no name, no credentials.
    NotSent,
    /// It left and no answer came: it may have been carried out.
    Unknown,
}

/// An error of one attempt of one call, secrets already masked.
#[derive(Clone, Debug, PartialEq)]
pub struct CallError {
    /// `lambda`
    pub service: &'static str,
    /// `CreateFunction`
    pub operation: &'static str,
    /// The service's own error code.
    pub code: Option<String>,
    pub message: String,
    pub fate: Fate,
    pub request_id: Option<String>,
    /// What it is for the screen when it is final.
    pub reason: Reason,
    pub help: Vec<String>,
}

impl CallError {
    pub fn new(service: &'static str, operation: &'static str, fate: Fate, message: impl Into<String>) -> Self {
        let reason = match fate {
            Fate::Answered(500..) => Reason::Server,
            Fate::Answered(429) => Reason::Throttled,
            Fate::Answered(404) => Reason::NotFound,
            Fate::Answered(403) => Reason::Denied,
            Fate::Answered(409) => Reason::Conflict,
            Fate::Answered(_) => Reason::Invalid,
            Fate::NotSent | Fate::Unknown => Reason::Unreachable,
        };
        Self {
            service,
            operation,
            code: None,
            message: message.into(),
            fate,
            request_id: None,
            reason,
            help: Vec::new(),
        }
    }

    /// Adds the service's error code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Says what it is for the screen, instead of what the HTTP status suggests.
    #[must_use]
    pub fn reason(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self
    }

    /// Adds the id that the service's support asks for.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Adds a sentence that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Whether the request may have been carried out all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self.fate, Fate::Unknown | Fate::Answered(500..))
    }
}

/// The retry table of a provider.
#[derive(Clone, Debug)]
pub struct Table {
    rules: Vec<Rule>,
    budgets: Budgets,
}

impl Table {
    /// The provider's rules; what none of them names is classified by how the request ended.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: rules.into_iter().collect(), budgets: Budgets::default() }
    }

    /// With other budgets.
    #[must_use]
    pub fn budgets(mut self, budgets: Budgets) -> Self {
        self.budgets = budgets;
        self
    }

    /// What the error means.
    pub fn classify(&self, error: &CallError) -> Class {
        self.rule(error).map_or_else(|| by_fate(error), |rule| rule.class)
    }

    fn rule(&self, error: &CallError) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.fits(error))
    }

    fn budget(&self, error: &CallError, class: Class) -> Option<Budget> {
        let rule = self.rule(error);
        let mut budget = match (rule, error.fate) {
            (None, Fate::NotSent) if class == Class::Server => self.budgets.unreachable,
            _ => self.budgets.of(class)?,
        };
        if let Some(total) = rule.and_then(|rule| rule.within) {
            budget.total = total;
        }
        Some(budget)
    }

    fn words(&self, error: &CallError, class: Class) -> &'static str {
        self.rule(error).and_then(|rule| rule.waiting_for).unwrap_or(match class {
            Class::Propagating => "permissions to spread",
            Class::Throttled => "the request quota",
            Class::Busy => "another change to finish",
            Class::Server | Class::Final => "the service to recover",
        })
    }
}

fn by_fate(error: &CallError) -> Class {
    match error.fate {
        // No connection is worth another try; no credentials are not.
        Fate::NotSent if error.reason == Reason::Unreachable => Class::Server,
        Fate::NotSent => Class::Final,
        Fate::Unknown | Fate::Answered(500..) => Class::Server,
        Fate::Answered(429) => Class::Throttled,
        Fate::Answered(_) => Class::Final,
    }
}

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

    /// Whether it changed.
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
        Self { table, limiter, stop, seed, fresh: Fresh::default() }
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
            match self.send(&mut trial, &mut attempt).await {
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
            match self.send(&mut trial, &mut attempt).await {
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

    /// Looks again and again until something is as it should be: first after 0.25 s, later every second.
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
        let pace = Budget::new(250, 1.3, 1_000, within.as_secs());
        let began = Instant::now();
        for turn in 1.. {
            let what = match self.run(call, progress, &mut look).await? {
                Look::Ready(value) => return Ok(value),
                Look::NotYet(what) => what,
            };
            let elapsed = began.elapsed();
            let delay = jittered(pace.delay(turn), self.seed, u64::from(turn));
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

    /// One attempt, after its tokens.
    async fn send<T, F, Fut>(&self, trial: &mut Trial<'_>, attempt: &mut F) -> Result<T, CallError>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
    {
        self.limiter.draw(trial.call.buckets).await;
        trial.attempts += 1;
        attempt(trial.attempts).await
    }

    /// Waits before the next attempt, or gives up.
    async fn pause(&self, trial: &mut Trial<'_>, error: CallError, progress: &Progress) -> Result<(), Failure> {
        let class = match self.table.classify(&error) {
            Class::Propagating if !trial.call.fresh => Class::Final,
            class => class,
        };
        let Some(budget) = self.table.budget(&error, class) else { return Err(trial.give_up(error)) };
        if class == Class::Throttled {
            for bucket in trial.call.buckets {
                self.limiter.slow_down(bucket);
            }
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
    use super::*;
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

    #[test]
    fn the_message_decides_what_a_code_means() {
        let table = Table::new(RULES);
        assert_eq!(table.classify(&assumed()), Class::Propagating);
        assert_eq!(table.classify(&error("InvalidParameterValueException", "Bad handler")), Class::Final);
        assert_eq!(table.classify(&error("ResourceConflictException", "An update is in progress")), Class::Busy);
        assert_eq!(table.classify(&error("ResourceConflictException", "Function already exist")), Class::Final);
        assert_eq!(table.classify(&error("Throttling", "Rate exceeded")), Class::Throttled);
    }

    #[test]
    fn what_no_rule_names_is_classified_by_how_the_request_ended() {
        let table = Table::new([]);
        let of = |fate| table.classify(&CallError::new("sqs", "SetQueueAttributes", fate, ""));
        assert_eq!(of(Fate::Answered(500)), Class::Server);
        assert_eq!(of(Fate::Answered(429)), Class::Throttled);
        assert_eq!(of(Fate::Answered(400)), Class::Final);
        assert_eq!(of(Fate::Unknown), Class::Server);
        assert_eq!(of(Fate::NotSent), Class::Server);
        let expired = CallError::new("sqs", "x", Fate::NotSent, "").reason(Reason::Credentials);
        assert_eq!(table.classify(&expired), Class::Final);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_role_is_waited_for_and_the_wait_is_told() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let progress = Progress::new({
            let told = Arc::clone(&told);
            move |what| told.lock().unwrap().push(what)
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
        assert!(failure.attempts > 100 && failure.attempts < 250, "{}", failure.attempts);
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
        assert!(fresh.contains("role-a") && !fresh.contains("role-b"));
        fresh.note_everything();
        assert!(fresh.contains("role-b"));
    }
}
