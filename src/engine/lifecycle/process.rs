//! One run of a deploy, as `hoist deploy` does it, in a process that can be killed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::service::SECRET;
use crate::engine::apply::{Applied, ApplyOptions, apply};
use crate::engine::event::Event;
use crate::engine::failure::Failure;
use crate::engine::fingerprint::of_all;
use crate::engine::kind::{Cloud, Progress};
use crate::engine::lease::{Acquired, LeaseOptions, LeaseStore, acquire, look};
use crate::engine::memory::{Fault, MemoryCloud, MemoryStore, World};
use crate::engine::plan::Plan;
use crate::engine::planner::{PlanOptions, plan};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;

/// How a process ended.
#[derive(Debug)]
pub enum End {
    Killed,
    /// The plan, and what became of it when there was anything to do.
    Ran(Plan, Option<Applied>),
    Refused(#[expect(dead_code, reason = "shown by Debug when a test fails")] Vec<Failure>),
}

impl End {
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Ran(_, applied) if applied.as_ref().is_none_or(Applied::is_complete))
    }

    pub fn wrote_nothing(&self) -> bool {
        matches!(self, Self::Ran(_, None))
    }
}

/// The account that processes run on.
pub struct Account {
    pub world: Arc<World>,
    pub store: Arc<MemoryStore>,
    pub events: Arc<Mutex<Vec<Event>>>,
    /// Reads everything, whatever the fingerprints say.
    pub drift: Mutex<bool>,
    runs: Mutex<u32>,
}

impl Account {
    pub fn new() -> Self {
        let world = Arc::new(World::default());
        let store = Arc::new(MemoryStore::new(Arc::clone(&world)));
        Self { world, store, events: Arc::default(), drift: Mutex::new(false), runs: Mutex::new(0) }
    }

    pub async fn deploy(&self, desired: &DesiredState) -> End {
        self.deploy_in(desired, BTreeMap::new()).await
    }

    /// Deploys while calls fail, or the process is killed at one of them.
    pub async fn deploy_in(&self, desired: &DesiredState, faults: BTreeMap<u64, Fault>) -> End {
        self.run(desired, faults, &Stop::new(), ApplyOptions::default()).await
    }

    pub async fn run(
        &self,
        desired: &DesiredState,
        faults: BTreeMap<u64, Fault>,
        stop: &Stop,
        options: ApplyOptions,
    ) -> End {
        let killed = self.world.weather(faults);
        let told_before = self.events.lock().unwrap().len();
        let end = tokio::select! {
            biased;
            () = killed.cancelled() => End::Killed,
            end = self.process(desired, stop, options) => end,
        };
        let told = format!("{end:?} {:?}", self.events.lock().unwrap().get(told_before..));
        assert!(!told.contains(SECRET), "a secret was told: {told}");
        end
    }

    async fn process(&self, desired: &DesiredState, stop: &Stop, options: ApplyOptions) -> End {
        let memory = MemoryCloud::new(Arc::clone(&self.world), stop.token());
        let retry = memory.retry.clone();
        let cloud: Arc<dyn Cloud> = Arc::new(memory);
        let store: Arc<dyn LeaseStore> = Arc::clone(&self.store) as _;
        let run = {
            let mut runs = self.runs.lock().unwrap();
            *runs += 1;
            *runs
        };
        let lease_options = LeaseOptions {
            wait_until: Instant::now() + Duration::from_secs(600),
            desired: Some(of_all(desired)),
            ..LeaseOptions::new(format!("run-{run}"), "tester")
        };
        let mut seen = match look(store.as_ref()).await {
            Ok(seen) => seen,
            Err(failure) => return End::Refused(vec![failure]),
        };
        let mut tries = 0;
        let (plan, lease) = loop {
            if seen.was_cut_off() {
                retry.fresh.note_everything();
            }
            let plan_options = PlanOptions {
                trust_fingerprints: seen.is_settled() && !*self.drift.lock().unwrap(),
                ..PlanOptions::default()
            };
            let silent = Progress::silent();
            let ahead = async {
                if !seen.is_behind(&lease_options) {
                    return None;
                }
                acquire(&store, &seen, &lease_options, &silent).await.ok()
            };
            let (planned, ahead) = tokio::join!(plan(desired, &cloud, plan_options), ahead);
            let ahead = match ahead {
                Some(Acquired::Moved(now)) => {
                    seen = now;
                    continue;
                }
                Some(Acquired::Held(lease)) => Some(lease),
                None => None,
            };
            let plan = match planned {
                Ok(plan) if !plan.is_empty() => plan,
                nothing_to_write => {
                    if let Some(lease) = ahead {
                        let _ = lease.release(seen.is_settled()).await;
                    }
                    return match nothing_to_write {
                        Ok(plan) => End::Ran(plan, None),
                        Err(failures) => End::Refused(failures),
                    };
                }
            };
            if let Some(lease) = ahead {
                break (plan, lease);
            }
            match acquire(&store, &seen, &lease_options, &Progress::silent()).await {
                Ok(Acquired::Held(lease)) => break (plan, lease),
                Ok(Acquired::Moved(now)) => seen = now,
                Err(_) if tries < 5 => tries += 1,
                Err(failure) => return End::Refused(vec![failure]),
            }
        };
        retry.guard_with(lease.guard());
        let events = Arc::clone(&self.events);
        let options = ApplyOptions {
            events: Arc::new(move |event| events.lock().unwrap().push(event)),
            guard: Some(lease.guard()),
            ..options
        };
        let applied = apply(&plan, &cloud, stop, &options).await;
        // What cannot be given back expires.
        let _ = lease.release(applied.is_complete()).await;
        End::Ran(plan, Some(applied))
    }
}

/// Runs a test on a clock that only moves when everybody waits.
pub fn on_paused_clock<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
}
