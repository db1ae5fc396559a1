//! Carries out a plan: a change starts the moment that everything before it is done, the longest remaining path first.

mod schedule;
mod step;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::address::Address;
use super::event::{Event, Verb};
use super::failure::{Failure, Reason};
use super::guard::{Guard, is_lost};
use super::kind::{Cloud, Progress, Word};
use super::plan::{Action, Plan};
use super::resource::Live;
use super::stop::Stop;
use super::value::Value;
use schedule::{Node, Schedule};
use step::{Done, Step};

/// Where events go. Called from many tasks, in the order in which things happen.
pub type Events = Arc<dyn Fn(Event) + Send + Sync>;

/// How a plan is carried out.
#[derive(Clone)]
pub struct ApplyOptions {
    /// How many changes may run at once. Quotas are kept by [`super::limits`]; this only bounds memory, and most of them wait
    /// for a quota: with few, those of one narrow quota would keep all others from starting.
    pub parallel: usize,
    /// After the user asked to stop, how long what is under way may take. CI systems kill after 10 s.
    pub grace: Duration,
    pub events: Events,
    pub guard: Option<Arc<dyn Guard>>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self { parallel: 1024, grace: Duration::from_secs(6), events: Arc::new(|_| {}), guard: None }
    }
}

impl fmt::Debug for ApplyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplyOptions").field("parallel", &self.parallel).finish_non_exhaustive()
    }
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// There was nothing to do.
    Unchanged,
    Done,
    Failed(Failure),
    /// Not tried, because this one failed.
    Skipped {
        cause: Address,
    },
    /// Not started, because the run was stopped; or let go while it ran, if it has a timing.
    Interrupted,
}

/// When a change ran, counted from the start of the apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    pub began: Duration,
    pub took: Duration,
}

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// For each change of the plan.
    pub outcomes: Vec<Outcome>,
    /// For each change of the plan that ran.
    pub timings: Vec<Option<Timing>>,
    /// What is live now, by logical id, as far as it is known: what was made and changed, and what stayed.
    pub live: BTreeMap<String, Live>,
    /// Replaced resources whose old one could not be deleted (yet): the next deploy does it.
    pub left_over: Vec<Address>,
    /// Whether the user, or a lost lease, ended it early.
    pub stopped: bool,
    pub took: Duration,
}

impl Applied {
    /// Whether everything was done: what the lease record says as `settled`.
    pub fn is_complete(&self) -> bool {
        self.left_over.is_empty()
            && self.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Unchanged | Outcome::Done))
    }

    /// The failures at the root, with what they are about.
    pub fn failures<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = (&'a Address, &'a Failure)> {
        plan.changes.iter().zip(&self.outcomes).filter_map(|(change, outcome)| match outcome {
            Outcome::Failed(failure) => Some((&change.address, failure)),
            _ => None,
        })
    }
}

/// Carries out a plan. Failures are in the result: each skips what depends on it, the rest goes on.
pub async fn apply(plan: &Plan, cloud: &Arc<dyn Cloud>, stop: &Stop, options: &ApplyOptions) -> Applied {
    let mut run = Run::new(plan, cloud, stop, options);
    run.go().await;
    run.finish()
}

struct Run<'a> {
    plan: &'a Plan,
    cloud: &'a Arc<dyn Cloud>,
    stop: &'a Stop,
    options: &'a ApplyOptions,
    schedule: Schedule,
    tasks: JoinSet<Result<Done, Failure>>,
    running: HashMap<Id, Running>,
    /// Nodes say here that what they make is there.
    arrivals: (UnboundedSender<Node>, UnboundedReceiver<Node>),
    /// Attributes of what is live by now, by logical id.
    known: HashMap<String, BTreeMap<String, Value>>,
    result: Applied,
    began: Instant,
    /// The guard said no.
    lost: bool,
}

struct Running {
    node: Node,
    began: Instant,
    writer: Option<String>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, cloud: &'a Arc<dyn Cloud>, stop: &'a Stop, options: &'a ApplyOptions) -> Self {
        let mut known = HashMap::new();
        let mut live = BTreeMap::new();
        for change in &plan.changes {
            let Some(desired) = &change.desired else { continue };
            let keeps = matches!(change.action, Action::Nothing | Action::Update { .. } | Action::Adopt { .. });
            let mut attributes = BTreeMap::new();
            if matches!(change.action, Action::Nothing)
                && let Some(kind) = cloud.kind(&change.address.kind)
            {
                attributes = kind.predict(desired);
            }
            if let (true, Some(found)) = (keeps, &change.live) {
                attributes.extend(found.attributes.clone());
                live.insert(change.address.logical_id.clone(), found.clone());
            }
            known.insert(change.address.logical_id.clone(), attributes);
        }
        let outcomes = vec![Outcome::Unchanged; plan.changes.len()];
        let timings = vec![None; plan.changes.len()];
        Self {
            plan,
            cloud,
            stop,
            options,
            schedule: Schedule::new(plan, cloud.as_ref()),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            arrivals: unbounded_channel(),
            known,
            result: Applied { outcomes, timings, live, ..Applied::default() },
            began: Instant::now(),
            lost: false,
        }
    }

    async fn go(&mut self) {
        let stop = self.stop.clone();
        let mut deadline: Option<Instant> = None;
        loop {
            if deadline.is_none() && !self.lost && !stop.is_asked() {
                self.start_what_can();
            }
            if self.tasks.is_empty() {
                return;
            }
            let give_up_at = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
            tokio::select! {
                Some(done) = self.tasks.join_next_with_id() => self.take(done),
                Some(node) = self.arrivals.1.recv() => self.arrive(node),
                () = stop.asked(), if deadline.is_none() => deadline = Some(Instant::now() + self.options.grace),
                () = stop.told_at_once() => return self.let_go(),
                () = tokio::time::sleep_until(give_up_at), if deadline.is_some() => return self.let_go(),
            }
        }
    }

    fn start_what_can(&mut self) {
        while self.tasks.len() < self.options.parallel.max(1) {
            let Some(node) = self.schedule.next() else { return };
            let step = match Step::new(self.plan, node, self.cloud.as_ref(), &self.known, &self.result.live) {
                Ok(Some(step)) => step,
                Ok(None) => {
                    self.schedule.done(node);
                    continue;
                }
                Err(failure) => {
                    self.fail(node, Duration::ZERO, failure);
                    continue;
                }
            };
            let writer = step.writer(self.cloud.as_ref());
            if let Some(writer) = &writer
                && !self.schedule.take_writer(node, writer)
            {
                continue;
            }
            self.spawn(node, step, writer);
        }
    }

    fn spawn(&mut self, node: Node, step: Step, writer: Option<String>) {
        let (address, verb) = self.name(node);
        (self.options.events)(Event::Started { address: address.clone(), verb });
        let events = Arc::clone(&self.options.events);
        let arrivals = self.arrivals.0.clone();
        let progress = Progress::new(move |word| {
            let address = address.clone();
            events(match word {
                Word::Waiting(what) => Event::Waiting { address, what },
                Word::Step(what) => Event::Step { address, what },
                Word::Kept(why) => Event::Kept { address, why },
                Word::There => {
                    // Nobody listens any more when the run is over.
                    let _ = arrivals.send(node);
                    return;
                }
            });
        });
        let (cloud, guard) = (Arc::clone(self.cloud), self.options.guard.clone());
        let task = self.tasks.spawn(async move { step.run(cloud.as_ref(), guard.as_deref(), &progress).await });
        self.running.insert(task.id(), Running { node, began: Instant::now(), writer });
    }

    /// What follows early may write, too: the node itself only waits by now.
    fn arrive(&mut self, node: Node) {
        let writer =
            self.running.values_mut().find(|running| running.node == node).and_then(|running| running.writer.take());
        if let Some(writer) = writer {
            self.schedule.free_writer(&writer);
        }
        self.schedule.there(node);
    }

    fn take(&mut self, done: Result<(Id, Result<Done, Failure>), JoinError>) {
        let (id, result) = match done {
            Ok((id, result)) => (id, result),
            // The text of a panic may hold anything, secrets too: it is not passed on.
            Err(error) => (error.id(), Err(Failure::new(Reason::Bug, "hoist broke while it made this change"))),
        };
        let Some(Running { node, began, writer }) = self.running.remove(&id) else { return };
        if let Some(writer) = writer {
            self.schedule.free_writer(&writer);
        }
        let took = began.elapsed();
        if let Node::Change(position) = node {
            self.result.timings[position] = Some(Timing { began: began.duration_since(self.began), took });
        }
        match result {
            Ok(done) => self.succeed(node, took, done),
            // It gave up waiting because of the stop: it stays open, and so does what comes after it.
            Err(failure) if failure.reason == Reason::Cancelled && self.stop.is_asked() => {}
            Err(failure) => {
                self.lost |= is_lost(&failure);
                self.fail(node, took, failure);
            }
        }
    }

    fn succeed(&mut self, node: Node, took: Duration, done: Done) {
        let (address, verb) = self.name(node);
        if let Node::Change(position) = node {
            self.result.outcomes[position] = if done.wrote { Outcome::Done } else { Outcome::Unchanged };
            let logical_id = address.logical_id.clone();
            if self.plan.changes[position].desired.is_some() {
                self.known.insert(logical_id.clone(), done.attributes);
                if let Some(live) = done.live {
                    self.result.live.insert(logical_id, live);
                }
            }
        }
        (self.options.events)(Event::Done { address, verb, took });
        self.schedule.done(node);
    }

    fn fail(&mut self, node: Node, took: Duration, failure: Failure) {
        let (address, verb) = self.name(node);
        match node {
            Node::Change(position) => self.result.outcomes[position] = Outcome::Failed(failure.clone()),
            Node::Cleanup(position) => {
                self.result.outcomes[position] = Outcome::Failed(failure.clone());
                self.result.left_over.push(address.clone());
            }
        }
        (self.options.events)(Event::Failed { address: address.clone(), verb, took, failure });
        for skipped in self.schedule.fail(node) {
            let (skipped_address, verb) = self.name(skipped);
            match skipped {
                Node::Change(position) => {
                    self.result.outcomes[position] = Outcome::Skipped { cause: address.clone() };
                    let cause = address.clone();
                    (self.options.events)(Event::Skipped { address: skipped_address, verb, cause });
                }
                Node::Cleanup(position) => self.leave_over(position),
            }
        }
    }

    /// Lets go of what is under way. What became of it is read by the next deploy.
    fn let_go(&mut self) {
        self.tasks.abort_all();
        for Running { node, began, .. } in self.running.drain().map(|(_, running)| running) {
            if let Node::Change(position) = node {
                let timing = Timing { began: began.duration_since(self.began), took: began.elapsed() };
                self.result.timings[position] = Some(timing);
            }
        }
    }

    fn finish(mut self) -> Applied {
        let open = self.schedule.open();
        self.result.stopped = self.lost || self.stop.is_asked() && (!open.is_empty() || !self.result.is_complete());
        for node in open {
            let (address, verb) = self.name(node);
            match node {
                Node::Change(position) => {
                    self.result.outcomes[position] = Outcome::Interrupted;
                    let ran = self.result.timings[position].is_some();
                    (self.options.events)(Event::Interrupted { address, verb, ran });
                }
                Node::Cleanup(position) => self.leave_over(position),
            }
        }
        self.result.left_over.sort();
        self.result.left_over.dedup();
        self.result.took = self.began.elapsed();
        self.result
    }

    /// The old one of a replaced resource stays for now, if there are two of them.
    fn leave_over(&mut self, position: usize) {
        let change = &self.plan.changes[position];
        let new = self.result.live.get(&change.address.logical_id).map(|live| &live.physical_id);
        let old = change.live.as_ref().map(|live| &live.physical_id);
        if self.result.outcomes[position] == Outcome::Done && new.is_some() && new != old {
            self.result.left_over.push(change.address.clone());
        }
    }

    fn name(&self, node: Node) -> (Address, Verb) {
        let (position, cleanup) = match node {
            Node::Change(position) => (position, false),
            Node::Cleanup(position) => (position, true),
        };
        let change = &self.plan.changes[position];
        let verb = if cleanup { Verb::Delete } else { change.action.verb().unwrap_or(Verb::Update) };
        (change.address.clone(), verb)
    }
}
