//! Token buckets for the quotas that a service sets on its own management calls, shared by the whole process.
//!
//! A call draws before it is sent, so that a quota is met by waiting a moment and not by being refused. Tokens are
//! taken at the moment that the call may go, from all of its buckets together: a call that waits for a slow bucket
//! holds nothing of a fast one, and a token that was granted is used at once, so the server never sees two tokens
//! bunched into one instant.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How much of a burst is counted on: networks bunch calls, and the server counts by its own clock. What is left of it
/// stays there for good, and answers for every call that comes too close behind another. Right after a rest it may be
/// drawn ahead of what comes back in the next moment: see [`Level::ahead`].
const BURST: f64 = 0.85;
/// How much of a quota is used after that.
const PACE: f64 = 0.99;
/// The same where nothing is left of a burst.
const PACE_WITHOUT_BURST: f64 = 0.97;
/// What a throttle leaves of the current pace.
const REDUCTION: f64 = 0.7;
/// No throttle slows a bucket to less than this share of its quota.
const SLOWEST: f64 = 0.05;
/// How much of the full pace comes back in each second without a throttle.
const RECOVERY_PER_SECOND: f64 = 0.02;
/// Calls in flight together are refused together: throttles this close to each other count as one.
const ONE_THROTTLE: Duration = Duration::from_secs(1);
/// Rounding must not make a waiter sleep for nothing.
const ROUNDING: f64 = 1e-9;

/// One quota: so many calls a second, after a burst.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// What a call names when it draws: `lambda`, `apigateway.CreateDeployment`.
    pub name: &'static str,
    /// Tokens that come back each second.
    pub per_second: f64,
    /// Tokens that may be drawn at once after a rest; at least 1.
    pub burst: f64,
}

/// All the buckets of a process. One is made at the start and shared by every client.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    buckets: Vec<Level>,
    /// In order of arrival.
    queue: VecDeque<Waiter>,
    next_ticket: u64,
    /// The waiter that sleeps until the next token, on behalf of all.
    leader: Option<u64>,
    /// Until when the leader sleeps.
    wake: Option<Instant>,
}

#[derive(Debug)]
struct Level {
    quota: Bucket,
    tokens: f64,
    /// Share of the quota that is used at present, lowered by throttles.
    factor: f64,
    refilled: Instant,
    /// When it was last full. `None` after a throttle.
    full: Option<Instant>,
    throttled: Option<Instant>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    buckets: Vec<usize>,
    bell: Arc<Notify>,
}

impl Limiter {
    /// Buckets that are full.
    pub fn new(buckets: impl IntoIterator<Item = Bucket>) -> Self {
        let now = Instant::now();
        let buckets = buckets
            .into_iter()
            .map(|quota| Level {
                quota,
                tokens: usable_burst(&quota),
                factor: 1.0,
                refilled: now,
                full: Some(now),
                throttled: None,
            })
            .collect();
        let state = State { buckets, queue: VecDeque::new(), next_ticket: 0, leader: None, wake: None };
        Self { state: Mutex::new(state) }
    }

    /// A limiter without any bucket: nothing waits.
    pub fn unlimited() -> Self {
        Self::new([])
    }

    /// Whether there is a bucket of that name. A name without a bucket is not limited.
    pub fn knows(&self, bucket: &str) -> bool {
        self.lock().buckets.iter().any(|level| level.quota.name == bucket)
    }

    /// Waits until one token can be taken from each of the buckets, and takes them.
    /// Whoever came first goes first, except that nobody waits for a bucket that is not their own.
    /// A call that is dropped while it waits takes nothing.
    pub async fn draw(&self, buckets: &[&str]) {
        let Some(mut place) = self.enqueue(buckets) else { return };
        loop {
            let sleep_until = {
                let mut state = self.lock();
                state.serve(Instant::now());
                if !state.is_waiting(place.ticket) {
                    place.done = true;
                    state.pass_on(place.ticket);
                    return;
                }
                if state.leader.is_none() {
                    state.leader = Some(place.ticket);
                }
                if state.leader == Some(place.ticket) { state.wake } else { None }
            };
            match sleep_until {
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = place.bell.notified() => {}
                    }
                }
                None => place.bell.notified().await,
            }
        }
    }

    /// Tells that the service refused a call for its rate: the narrowest bucket that the call drew from is emptied and
    /// refills slower, and comes back to its full pace over the next minute. Somebody else in the account draws from the
    /// same quota.
    pub fn slow_down_narrowest(&self, buckets: &[&str]) {
        let narrowest = {
            let state = self.lock();
            let drawn = state.buckets.iter().filter(|level| buckets.contains(&level.quota.name));
            drawn
                .min_by(|one, other| one.quota.per_second.total_cmp(&other.quota.per_second))
                .map(|level| level.quota.name)
        };
        if let Some(narrowest) = narrowest {
            self.slow_down(narrowest);
        }
    }

    /// Tells that the service refused a call for its rate: the bucket is emptied and refills slower, and comes back to
    /// its full pace over the next minute.
    pub fn slow_down(&self, bucket: &str) {
        let now = Instant::now();
        let mut state = self.lock();
        let Some(level) = state.buckets.iter_mut().find(|level| level.quota.name == bucket) else { return };
        level.refill(now);
        level.tokens = level.tokens.min(0.0);
        level.full = None;
        if level.throttled.is_none_or(|last| now.duration_since(last) >= ONE_THROTTLE) {
            level.factor = (level.factor * REDUCTION).max(SLOWEST);
            level.throttled = Some(now);
        }
    }

    fn enqueue(&self, names: &[&str]) -> Option<Place<'_>> {
        let mut state = self.lock();
        let buckets: Vec<usize> = (0..state.buckets.len())
            .filter(|&index| names.iter().any(|name| state.buckets[index].quota.name == *name))
            .collect();
        if buckets.is_empty() {
            return None;
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let bell = Arc::new(Notify::new());
        state.queue.push_back(Waiter { ticket, buckets: buckets.clone(), bell: Arc::clone(&bell) });
        Some(Place { limiter: self, ticket, buckets, bell, done: false })
    }

    /// A poisoned lock still holds whole numbers: no code between lock and unlock can leave them half-written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives tokens to everybody who can go now, in order of arrival, and sets when to look again.
    fn serve(&mut self, now: Instant) {
        for level in &mut self.buckets {
            level.refill(now);
        }
        let Self { buckets, queue, .. } = self;
        queue.retain(|waiter| {
            let goes = waiter.buckets.iter().all(|&index| buckets[index].gives(now));
            if goes {
                for &index in &waiter.buckets {
                    buckets[index].tokens -= 1.0;
                }
                waiter.bell.notify_one();
            }
            !goes
        });
        let before = self.wake;
        self.wake = self
            .queue
            .iter()
            .map(|waiter| waiter.buckets.iter().map(|&index| self.buckets[index].ready(now)).max().unwrap_or(now))
            .min();
        // A newcomer may be ready before the time that the leader sleeps to.
        if let (Some(wake), Some(leader)) = (self.wake, self.leader)
            && before.is_none_or(|before| wake < before)
        {
            self.ring(leader);
        }
    }

    fn is_waiting(&self, ticket: u64) -> bool {
        self.queue.iter().any(|waiter| waiter.ticket == ticket)
    }

    fn ring(&self, ticket: u64) {
        if let Some(waiter) = self.queue.iter().find(|waiter| waiter.ticket == ticket) {
            waiter.bell.notify_one();
        }
    }

    /// Lets the next in the queue watch the clock when nobody else does any more. Whoever was to watch it next may leave
    /// without ever having done so: a call that drew from another bucket has seen that it could go.
    fn pass_on(&mut self, leaving: u64) {
        if self.leader == Some(leaving) {
            self.leader = None;
        }
        if self.leader.is_none()
            && let Some(next) = self.queue.front()
        {
            next.bell.notify_one();
        }
    }
}

impl Level {
    fn refill(&mut self, now: Instant) {
        let seconds = now.duration_since(self.refilled).as_secs_f64();
        let most = usable_burst(&self.quota);
        self.tokens = (self.tokens + seconds * self.pace()).min(most);
        if self.tokens >= most {
            self.full = Some(now);
        }
        self.factor = (self.factor + seconds * RECOVERY_PER_SECOND).min(1.0);
        self.refilled = now;
    }

    /// Whether a token can be taken.
    fn gives(&self, now: Instant) -> bool {
        self.tokens + self.ahead(now) >= 1.0 - ROUNDING
    }

    /// Tokens that may be taken before they have come back. A server whose bucket was full serves a whole burst at once;
    /// from then on it refills, and nobody knows since when, as the first call takes its time to arrive. So as many are
    /// given as a burst has, and as time passes not one more, until what came back has made up for them.
    fn ahead(&self, now: Instant) -> f64 {
        let Some(full) = self.full else { return 0.0 };
        let reserve = self.quota.burst - usable_burst(&self.quota);
        (reserve - now.duration_since(full).as_secs_f64() * self.pace()).max(0.0)
    }

    /// Tokens a second.
    fn pace(&self) -> f64 {
        let spares = usable_burst(&self.quota) < self.quota.burst;
        self.quota.per_second * if spares { PACE } else { PACE_WITHOUT_BURST } * self.factor
    }

    /// When there will be a whole token, if nobody takes one before.
    fn ready(&self, now: Instant) -> Instant {
        let missing = 1.0 - self.tokens;
        let seconds = if missing <= ROUNDING { 0.0 } else { missing / self.pace().max(1e-6) };
        // The clock counts in milliseconds at the finest: sleeping too short would spin.
        now + Duration::from_secs_f64(seconds.min(86_400.0)) + Duration::from_micros(1)
    }
}

fn usable_burst(quota: &Bucket) -> f64 {
    (quota.burst * BURST).max(1.0)
}

/// A place in the queue, given up when the call is dropped.
struct Place<'a> {
    limiter: &'a Limiter,
    ticket: u64,
    buckets: Vec<usize>,
    bell: Arc<Notify>,
    done: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut state = self.limiter.lock();
        let waiting = state.queue.len();
        state.queue.retain(|waiter| waiter.ticket != self.ticket);
        if state.queue.len() == waiting {
            // Served, but dropped before it could go: the tokens were not used.
            for &index in &self.buckets {
                state.buckets[index].tokens += 1.0;
            }
        }
        state.pass_on(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::Poll;

    use super::*;

    const TOTAL: Bucket = Bucket { name: "total", per_second: 10.0, burst: 40.0 };
    const SLOW: Bucket = Bucket { name: "slow", per_second: 1.0 / 30.0, burst: 1.0 };

    /// What the service counts: a bucket by its own clock.
    struct Server {
        bucket: Bucket,
        tokens: f64,
        last: Instant,
        served: u32,
        refused: u32,
    }

    impl Server {
        fn new(bucket: Bucket) -> Self {
            Self { bucket, tokens: bucket.burst, last: Instant::now(), served: 0, refused: 0 }
        }

        fn call(&mut self) {
            let now = Instant::now();
            let passed = now.duration_since(self.last).as_secs_f64();
            self.tokens = (self.tokens + passed * self.bucket.per_second).min(self.bucket.burst);
            self.last = now;
            if self.tokens >= 1.0 {
                self.tokens -= 1.0;
                self.served += 1;
            } else {
                self.refused += 1;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_calls_take_what_the_quota_allows_and_no_more() {
        let limiter = Arc::new(Limiter::new([TOTAL]));
        let server = Arc::new(Mutex::new(Server::new(TOTAL)));
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..400 {
            let (limiter, server) = (Arc::clone(&limiter), Arc::clone(&server));
            tasks.spawn(async move {
                limiter.draw(&["total"]).await;
                server.lock().unwrap().call();
            });
        }
        tasks.join_all().await;
        let floor = (400.0 - 40.0) / 10.0;
        let took = began.elapsed().as_secs_f64();
        assert_eq!(server.lock().unwrap().refused, 0);
        assert!(took < floor * 1.03, "{took} s where the quota allows {floor} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_bunches_calls_overdraws_nothing() {
        let lambda = Bucket { name: "lambda", per_second: 15.0, burst: 15.0 };
        let limiter = Arc::new(Limiter::new([lambda, SLOW]));
        let servers = [lambda, SLOW].map(|bucket| Arc::new(Mutex::new(Server::new(bucket))));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..303_u64 {
            let is_slow = number >= 300;
            let (limiter, server) = (Arc::clone(&limiter), Arc::clone(&servers[usize::from(is_slow)]));
            tasks.spawn(async move {
                limiter.draw(&[if is_slow { "slow" } else { "lambda" }]).await;
                // The way there takes between 10 and 90 ms.
                tokio::time::sleep(Duration::from_millis(10 + number * 37 % 81)).await;
                server.lock().unwrap().call();
            });
        }
        tasks.join_all().await;
        assert_eq!(servers.map(|server| server.lock().unwrap().refused), [0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_a_burst_goes_at_once_and_what_was_given_ahead_has_to_come_back() {
        let reads = Bucket { name: "reads", per_second: 100.0, burst: 100.0 };
        let limiter = Arc::new(Limiter::new([reads]));
        for _ in 0..2 {
            let server = Arc::new(Mutex::new(Server::new(reads)));
            let began = Instant::now();
            let mut arriving = tokio::task::JoinSet::new();
            for number in 0..300 {
                limiter.draw(&["reads"]).await;
                match number {
                    0..100 => assert_eq!(began.elapsed(), Duration::ZERO, "{number}"),
                    100 => assert!(began.elapsed() > Duration::from_millis(150), "{:?}", began.elapsed()),
                    _ => {}
                }
                let server = Arc::clone(&server);
                // Those of the burst make a connection each.
                let way = Duration::from_millis(if number < 100 { 140 } else { 5 });
                arriving.spawn(async move {
                    tokio::time::sleep(way).await;
                    server.lock().unwrap().call();
                });
            }
            arriving.join_all().await;
            assert_eq!(server.lock().unwrap().refused, 0);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        // A throttle says that the bucket was not as full as it seemed.
        limiter.slow_down("reads");
        let began = Instant::now();
        limiter.draw(&["reads"]).await;
        assert!(began.elapsed() > Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_for_a_slow_bucket_holds_nothing_of_a_fast_one() {
        let limiter = Arc::new(Limiter::new([TOTAL, SLOW]));
        limiter.draw(&["total", "slow"]).await;
        let began = Instant::now();
        let blocked = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.draw(&["total", "slow"]).await }
        });
        tokio::task::yield_now().await;
        for _ in 0..30 {
            limiter.draw(&["total"]).await;
        }
        assert!(began.elapsed() < Duration::from_millis(10));
        blocked.await.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(30));
        assert!(began.elapsed() < Duration::from_secs(32));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_came_first_goes_first() {
        let limiter = Arc::new(Limiter::new([Bucket { name: "one", per_second: 1.0, burst: 1.0 }]));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for turn in 0..20 {
            let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
            tasks.spawn(async move {
                limiter.draw(&["one"]).await;
                order.lock().unwrap().push(turn);
            });
            tokio::task::yield_now().await;
        }
        tasks.join_all().await;
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_call_takes_nothing_and_blocks_nobody() {
        let limiter = Arc::new(Limiter::new([Bucket { name: "one", per_second: 1.0, burst: 1.0 }]));
        limiter.draw(&["one"]).await;
        let leader = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.draw(&["one"]).await }
        });
        tokio::task::yield_now().await;
        let began = Instant::now();
        let second = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.draw(&["one"]).await }
        });
        tokio::task::yield_now().await;
        leader.abort();
        second.await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(1100), "{:?}", began.elapsed());
    }

    /// Whether it is done when it is looked at now.
    async fn looked_at(mut call: Pin<&mut impl Future<Output = ()>>) -> bool {
        std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_watches_the_clock_as_long_as_anybody_waits() {
        let second = Duration::from_secs(1);
        let slow = Bucket { name: "slow", per_second: 1.1, burst: 1.0 };
        let limiter = Limiter::new([slow, TOTAL]);
        limiter.draw(&["slow"]).await;
        let mut first = pin!(limiter.draw(&["slow"]));
        let mut next = pin!(limiter.draw(&["slow"]));
        let mut last = pin!(limiter.draw(&["slow"]));
        for waits in [first.as_mut(), next.as_mut(), last.as_mut()] {
            assert!(!looked_at(waits).await);
        }
        tokio::time::advance(second).await;
        // It watched the clock, and leaves that to the next.
        assert!(looked_at(first.as_mut()).await);
        tokio::time::advance(second).await;
        // Before the next comes to it, a call of something else sees that it can go.
        limiter.draw(&["total"]).await;
        assert!(looked_at(next.as_mut()).await);
        assert!(!looked_at(last.as_mut()).await);
        tokio::time::advance(second).await;
        assert!(looked_at(last.as_mut()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_slows_the_bucket_and_calm_brings_it_back() {
        let limiter = Limiter::new([TOTAL]);
        limiter.slow_down("total");
        limiter.slow_down("total");
        let began = Instant::now();
        for _ in 0..20 {
            limiter.draw(&["total"]).await;
        }
        let slowed = began.elapsed();
        assert!(slowed > Duration::from_millis(2500), "{slowed:?}");
        assert!(slowed < Duration::from_millis(3500), "two throttles at once count as one: {slowed:?}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let began = Instant::now();
        for _ in 0..66 {
            limiter.draw(&["total"]).await;
        }
        assert!(began.elapsed() < Duration::from_millis(3300), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_is_the_narrowest_buckets() {
        let limiter = Limiter::new([TOTAL, SLOW]);
        limiter.slow_down_narrowest(&["total", "slow", "elsewhere"]);
        let began = Instant::now();
        for _ in 0..30 {
            limiter.draw(&["total"]).await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        limiter.draw(&["slow"]).await;
        assert!(began.elapsed() > Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_without_a_bucket_is_not_limited() {
        let limiter = Limiter::new([TOTAL]);
        let began = Instant::now();
        for _ in 0..1000 {
            limiter.draw(&["elsewhere"]).await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(limiter.knows("total") && !limiter.knows("elsewhere"));
    }
}
