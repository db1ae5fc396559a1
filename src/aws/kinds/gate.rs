//! How functions wait for a new role together: a few ask whether it counts already, the others follow.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

/// How many calls test whether a new role counts already; the others wait until one of them succeeds.
const PROBES: usize = 2;
/// How many may follow a call that seems to be carried out: less than what Lambda takes in a second.
const FOLLOWERS: usize = 12;

/// Lets a few calls through until one of them succeeds, then all. A hundred functions that all ask at once whether their
/// new role counts already would spend the quota that they need when it does.
#[derive(Debug)]
pub struct Gate {
    probes: Semaphore,
    open: AtomicBool,
    /// How long the slowest refusal took, in milliseconds; 0 as long as there was none.
    refusal: AtomicU64,
    hinted: AtomicBool,
}

impl Default for Gate {
    fn default() -> Self {
        let probes = Semaphore::new(PROBES);
        Self { probes, open: AtomicBool::new(false), refusal: AtomicU64::new(0), hinted: AtomicBool::new(false) }
    }
}

impl Gate {
    /// Waits for a turn to try.
    pub async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if self.is_open() {
            return None;
        }
        self.probes.acquire().await.ok().filter(|_| !self.is_open())
    }

    /// Carries out one attempt. A refusal comes fast, and what takes much longer than the refusals before it is being
    /// carried out: a few more may follow before its answer is there, as many as the quota allows in that time.
    pub async fn watch<T, E>(&self, attempt: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        if self.is_open() {
            return attempt.await;
        }
        let began = Instant::now();
        let mut attempt = std::pin::pin!(attempt);
        let answer = match self.refusal.load(Ordering::Relaxed) {
            0 => attempt.await,
            refusal => match timeout(Duration::from_millis(refusal * 3), attempt.as_mut()).await {
                Ok(answer) => answer,
                Err(_) => {
                    if !self.hinted.swap(true, Ordering::Relaxed) {
                        self.probes.add_permits(FOLLOWERS);
                    }
                    attempt.await
                }
            },
        };
        if answer.is_err() {
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).clamp(1, 10_000);
            self.refusal.fetch_max(took, Ordering::Relaxed);
        }
        answer
    }

    /// One got through: nobody waits any more.
    pub fn open(&self) {
        self.open.store(true, Ordering::Release);
        self.probes.close();
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_gate_lets_a_few_through_and_then_everybody() {
        let gate = Arc::new(Gate::default());
        let first = [gate.enter().await, gate.enter().await];
        assert!(first.iter().all(Option::is_some));
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.enter().await.is_none() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        gate.open();
        assert!(waiting.await.unwrap());
        assert!(gate.enter().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_than_a_refusal_lets_a_few_more_through() {
        let gate = Arc::new(Gate::default());
        let (_first, _second) = (gate.enter().await.unwrap(), gate.enter().await.unwrap());
        let waits = || async { timeout(Duration::from_millis(1), gate.enter()).await.is_err() };
        let attempt = |millis: u64, answer: Result<(), ()>| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            answer
        };
        assert_eq!(gate.watch(attempt(60, Err(()))).await, Err(()));
        assert_eq!(gate.watch(attempt(150, Err(()))).await, Err(()));
        assert!(waits().await, "a refusal that took its time is a refusal");
        assert_eq!(gate.watch(attempt(460, Ok(()))).await, Ok(()));
        let mut followers = Vec::new();
        for _ in 0..FOLLOWERS {
            followers.push(gate.enter().await.unwrap());
        }
        assert!(waits().await, "all others wait for the answer");
        gate.open();
        assert!(gate.enter().await.is_none());
    }
}
