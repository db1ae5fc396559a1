//! From what is wanted to what was done: plan, ask, take the lease, apply, tell. Deploy and remove are both this.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::connection::Connection;
use super::interrupt::{before_any_change, stoppable};
use super::outcome::{PutBack, Run};
use super::prepare::Read;
use super::recording::{Entry, Recording};
use super::{CommandError, Exit, holder, stand, verify};
use crate::aws::release::{describe as commits, leave, preflight, prune};
use crate::aws::sweep::{self, Swept};
use crate::config::language::releases::Kept;
use crate::engine::apply::{Applied, ApplyOptions, apply};
use crate::engine::failure::{Failure, Reason};
use crate::engine::fingerprint::of_all;
use crate::engine::kind::Progress as Say;
use crate::engine::lease::{self, Acquired, Lease, LeaseOptions, Seen};
use crate::engine::notes::Notes;
use crate::engine::plan::Plan;
use crate::engine::planner::{PlanOptions, plan};
use crate::engine::resource::{DesiredState, Live};
use crate::engine::revert::{self, Back};
use crate::engine::stop::Stop;
use crate::engine::summary::{Summary, summarise};
use crate::screen::progress::Progress;
use crate::screen::{Screen, describe, json as machine, plan as show};

/// After a stop, how long the lease may still take: CI systems kill after 10 s, and what is under way takes 6 of them.
const LAST_CALL: Duration = Duration::from_millis(1500);

/// Whoever cannot give a lease back for so long need not try any more.
const LEASE_LENGTH: Duration = Duration::from_secs(30);

/// How long the end of a run waits for copies of code that are still on their way into the bucket.
const COPIES: Duration = Duration::from_secs(10);

/// How long the end of a run waits for its record. It is worth a moment, and no more.
const RECORD: Duration = Duration::from_secs(5);

/// How a change is carried out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Agreed to deletions and replacements beforehand.
    pub yes: bool,
    /// Take over unmarked resources of the same name.
    pub adopt: bool,
    /// Read everything, whatever the fingerprints say.
    pub drift: bool,
    /// How long to wait for another deploy of the stage.
    pub lock_timeout: Duration,
    /// Show the plan before it is carried out, also where nobody has to agree to it.
    pub show: bool,
    /// Put back what was done when not all of it could be done, or it does not pass its checks.
    pub put_back: bool,
    /// `deployed`, `removed`
    pub done: &'static str,
    /// How many versions stay afterwards; `None` keeps all.
    pub keep: Option<Kept>,
    /// How many records of deployments stay afterwards; `None` keeps all.
    pub records: Option<usize>,
}

/// What is to be made, and what is said of it.
pub struct Errand<'a> {
    pub desired: &'a DesiredState,
    /// `None` for what lies between two states: nobody goes back to it, and it has no record.
    pub entry: Option<Entry>,
    /// The file whose `deploy.verify` says what is looked at afterwards.
    pub checked: Option<&'a Read>,
}

/// What came of it.
pub struct Changed {
    pub plan: Plan,
    /// `None` when there was nothing to do.
    pub applied: Option<Applied>,
    pub exit: Exit,
}

/// Makes the account match what is desired.
///
/// # Errors
/// What stands in the way before anything is changed. Failures while changing are shown, and are in the exit code.
pub async fn change(
    connection: &Connection,
    screen: &Screen,
    errand: Errand<'_>,
    manner: Manner,
    stop: &Stop,
) -> Result<Changed, CommandError> {
    let began = Instant::now();
    let Errand { desired, entry, checked } = errand;
    let checked = checked.filter(|read| verify::has_checks(read));
    let Settled { plan, lease, was_settled } = settle(connection, screen, desired, manner, stop).await?;
    let Some(lease) = lease else {
        screen.result(&show::counts(&plan));
        // What did not pass its checks the last time is looked at again: running it once more must not hide it.
        let failed = match checked.filter(|_| !was_settled) {
            Some(read) => {
                let live: Vec<Live> = plan.changes.iter().filter_map(|change| change.live.clone()).collect();
                verify::run(connection, screen, read, &live, stop).await
            }
            None => Vec::new(),
        };
        screen.json(&json!({
            "type": "result", "changed": false, "complete": failed.is_empty(),
            "seconds": machine::seconds(began.elapsed()),
        }));
        let exit = if failed.is_empty() { Exit::Done } else { Exit::Failed };
        return Ok(Changed { plan, applied: None, exit });
    };
    // A change is several calls: each asks whether the lease is still ours.
    connection.aws.retry().guard_with(lease.guard());
    let recording = entry.map(|entry| Recording::begin(connection, entry, &plan));
    // Whether there are old records is found out in the shadow of the changes.
    let due = manner.records.map(|keep| {
        let aws = Arc::clone(&connection.aws);
        tokio::spawn(async move { sweep::is_due(&aws, keep).await.unwrap_or(false) })
    });
    stop_leaving(connection, screen, &plan).await;
    let applied = carry_out(connection, screen, &plan, &lease, stop).await;
    let failed = match checked.filter(|_| applied.is_complete() && !stop.is_asked()) {
        Some(read) => {
            let live = stand::live(connection, &plan, &applied).await;
            verify::run(connection, screen, read, &live, stop).await
        }
        None => Vec::new(),
    };
    let mut run = Run { plan, applied, failed, put_back: None, took: Duration::ZERO };
    if manner.put_back && !run.is_good() && !run.was_stopped() {
        run.put_back = Some(put_back(connection, screen, &run, &lease, stop).await);
    }
    if let Some(keep) = manner.keep.filter(|_| run.is_good()) {
        prune(connection, screen, keep, &run.plan, &run.applied).await;
    }
    // Whoever asked to stop does not wait for what is only for later.
    let (copies, record) = if stop.is_asked() { (Duration::ZERO, LAST_CALL) } else { (COPIES, RECORD) };
    for failure in connection.aws.artifacts_kept(copies).await {
        screen.warning(&format!("code was not kept for a rollback: {failure}"));
    }
    let recorded = async {
        let ended = tokio::time::timeout(record, recording?.end(&run)).await;
        Some(ended.unwrap_or_else(|_| Err(Failure::new(Reason::Unreachable, "no answer came"))))
    };
    let tidy = async {
        if let (Some(keep), Some(due)) = (manner.records, due)
            && run.is_good()
            && !stop.is_asked()
            && tokio::time::timeout(RECORD, due).await.is_ok_and(|due| due.unwrap_or(false))
        {
            sweep(connection, screen, keep).await;
        }
        give_back(screen, lease, run.is_good(), stop).await;
    };
    let (record, ()) = tokio::join!(recorded, tidy);
    run.took = began.elapsed();
    run.tell(screen, manner);
    match record {
        Some(Ok(id)) => screen.json(&json!({"type": "recorded", "id": id})),
        Some(Err(failure)) => screen.warning(&format!("this run is not in the history: {failure}")),
        None => {}
    }
    let exit = run.exit();
    Ok(Changed { plan: run.plan, applied: Some(run.applied), exit })
}

/// Stops deployments of CodeDeploy whose group this plan deletes. One that cannot be stopped is said: it goes on by itself.
async fn stop_leaving(connection: &Connection, screen: &Screen, plan: &Plan) {
    match leave::stop(&connection.aws, plan).await {
        Ok(stopped) => {
            for id in stopped {
                screen.note(&format!("stopped CodeDeploy's deployment {id}, which was still shifting traffic"));
            }
        }
        Err(failure) => screen.warning(&format!("what CodeDeploy is deploying could not be stopped: {failure}")),
    }
}

/// Carries out a plan under a lease, and shows it.
async fn carry_out(connection: &Connection, screen: &Screen, plan: &Plan, lease: &Lease, stop: &Stop) -> Applied {
    let progress = Progress::new(screen.clone(), plan);
    let options = ApplyOptions { events: progress.events(), guard: Some(lease.guard()), ..ApplyOptions::default() };
    let applied = apply(plan, &connection.cloud, stop, &options).await;
    progress.finish();
    applied
}

/// Undoes what a run did. Gives what that came to.
async fn put_back(connection: &Connection, screen: &Screen, run: &Run, lease: &Lease, stop: &Stop) -> PutBack {
    screen.note("putting back what was done");
    screen.json(&json!({"type": "phase", "name": "putting-back"}));
    // What was read for the first plan is no longer what is live.
    connection.aws.forget_reads().await;
    match revert::back(&run.plan, &run.applied, &connection.cloud).await {
        Ok(Back { plan, stays }) => {
            let applied = carry_out(connection, screen, &plan, lease, stop).await;
            PutBack { summary: summarise(&plan, &applied), complete: applied.is_complete(), stays }
        }
        Err(failures) => {
            failures.iter().for_each(|failure| screen.failure(failure));
            PutBack { summary: Summary::default(), complete: false, stays: Vec::new() }
        }
    }
}

/// Deletes old versions, while nobody else can begin to shift traffic to one. The deploy itself is done: what cannot be
/// deleted is only said.
async fn prune(connection: &Connection, screen: &Screen, keep: Kept, plan: &Plan, applied: &Applied) {
    let pruned = match prune::prune(&connection.aws, keep, plan, applied, &Say::silent()).await {
        Ok(pruned) => pruned,
        Err(failure) => return screen.warning(&format!("old versions could not be deleted: {failure}")),
    };
    if !pruned.deleted.is_empty() {
        let rest = if pruned.left > 0 { format!(", {} more with the next deploy", pruned.left) } else { String::new() };
        screen.note(&format!("deleted {}{rest}", describe::count(pruned.deleted.len(), "old version")));
        screen.json(&json!({"type": "pruned", "deleted": pruned.deleted, "left": pruned.left}));
    }
}

/// Deletes old records and their code. That is for tidiness only: what goes wrong is said and tried again the next time.
async fn sweep(connection: &Connection, screen: &Screen, keep: usize) {
    let late = || Failure::new(Reason::Unreachable, "no answer came");
    let swept = tokio::time::timeout(sweep::WITHIN, sweep::sweep(&connection.aws, keep)).await;
    match swept.unwrap_or_else(|_| Err(late())) {
        Ok(Swept { records: 0, .. }) => {}
        Ok(Swept { records, artifacts }) => {
            let code = if artifacts > 0 { format!(", and {artifacts} of code") } else { String::new() };
            screen.note(&format!("deleted {} of deployments{code}", describe::count(records, "old record")));
            screen.json(&json!({"type": "swept", "records": records, "artifacts": artifacts}));
        }
        Err(failure) => screen.warning(&format!("old records could not be deleted: {failure}")),
    }
}

/// A plan, agreed to, and the lease under which it is still true.
struct Settled {
    plan: Plan,
    /// `None` when there is nothing to do.
    lease: Option<Lease>,
    /// Whether the run before this one ended well.
    was_settled: bool,
}

async fn settle(
    connection: &Connection,
    screen: &Screen,
    desired: &DesiredState,
    manner: Manner,
    stop: &Stop,
) -> Result<Settled, CommandError> {
    let mut options = LeaseOptions::new(holder::run_id(), holder::name());
    options.run_url = holder::run_url();
    options.desired = Some(of_all(desired));
    if let Some(length) = holder::lease_length() {
        options.length = length;
        options.beat = length / 4;
    }
    options.wait_until = Instant::now() + manner.lock_timeout;
    let mut seen = stoppable(stop, lease::look(connection.lease_store.as_ref())).await??;
    let mut agreed: Option<Vec<String>> = None;
    loop {
        if seen.holder().is_some_and(|record| holder::is_gone(&record.holder)) {
            seen.holder_is_gone();
        }
        let was_settled = seen.is_settled();
        // What is surely going to write takes the lease in the shadow of the reads.
        let ahead = async {
            if seen.is_behind(&options) {
                take(connection, screen, &seen, &options, stop).await.map(Some)
            } else {
                Ok(None)
            }
        };
        let considered = consider(connection, screen, desired, &seen, manner, &mut agreed, stop);
        let (considered, ahead) = tokio::join!(considered, ahead);
        let held = match ahead {
            Ok(Some(Acquired::Moved(now))) => {
                seen = now;
                continue;
            }
            Ok(Some(Acquired::Held(lease))) => Some(lease),
            Ok(None) => None,
            Err(error) => return Err(considered.err().unwrap_or(error)),
        };
        let plan = match considered {
            Ok(plan) if !plan.is_empty() => plan,
            nothing_to_write => {
                if let Some(lease) = held {
                    give_back(screen, lease, was_settled, stop).await;
                }
                return nothing_to_write.map(|plan| Settled { plan, lease: None, was_settled });
            }
        };
        let notes = Notes::of(&plan, connection.cloud.as_ref());
        let lease = if let Some(mut lease) = held {
            let noted = tokio::select! {
                noted = lease.note(notes) => noted,
                () = asked_some_time_ago(stop) => return Err(before_any_change()),
            };
            if let Err(failure) = noted {
                give_back(screen, lease, was_settled, stop).await;
                return Err(failure.into());
            }
            lease
        } else {
            options.notes = notes;
            match take(connection, screen, &seen, &options, stop).await? {
                Acquired::Held(lease) => lease,
                Acquired::Moved(now) => {
                    seen = now;
                    continue;
                }
            }
        };
        if stop.is_asked() {
            give_back(screen, lease, was_settled, stop).await;
            return Err(before_any_change());
        }
        return Ok(Settled { plan, lease: Some(lease), was_settled });
    }
}

/// A plan for what was `seen` of the lease, looked through and agreed to.
async fn consider(
    connection: &Connection,
    screen: &Screen,
    desired: &DesiredState,
    seen: &Seen,
    manner: Manner,
    agreed: &mut Option<Vec<String>>,
    stop: &Stop,
) -> Result<Plan, CommandError> {
    if seen.was_cut_off() {
        // What the last run changed a moment ago may not count everywhere yet.
        connection.aws.retry().fresh.note_everything();
    }
    let options = PlanOptions {
        trust_fingerprints: seen.is_settled() && !manner.drift,
        adopt: manner.adopt,
        ..PlanOptions::default()
    };
    connection.aws.forget_reads().await;
    connection.aws.expect(seen.notes());
    let mut planned = stoppable(stop, plan(desired, &connection.cloud, options)).await??;
    commits::describe(&mut planned);
    if planned.is_empty() {
        return Ok(planned);
    }
    if manner.show && agreed.is_none() {
        screen.note(&show::text(&planned));
    }
    stoppable(stop, preflight::check(&connection.aws, &planned)).await??;
    // Asked again only when another deploy made it a different question.
    let losses = losses(&planned);
    if agreed.as_ref() != Some(&losses) {
        agree(screen, &planned, &losses, manner, stop).await?;
        *agreed = Some(losses);
    }
    Ok(planned)
}

async fn take(
    connection: &Connection,
    screen: &Screen,
    seen: &Seen,
    options: &LeaseOptions,
    stop: &Stop,
) -> Result<Acquired, CommandError> {
    let silent = Say::silent();
    let taking = lease::acquire(&connection.lease_store, seen, options, &silent);
    if let Some(record) = seen.holder() {
        screen.note(&format!("waiting for {}, who is deploying this stage", record.holder));
        return Ok(stoppable(stop, taking).await??);
    }
    // Cut off in the middle it may be held by nobody: what becomes of it is waited for, though not for long.
    tokio::select! {
        taken = taking => Ok(taken?),
        () = asked_some_time_ago(stop) => Err(before_any_change()),
    }
}

/// Ends when a stop was asked for and the time for what is under way is over.
async fn asked_some_time_ago(stop: &Stop) {
    stop.asked().await;
    tokio::time::sleep(LAST_CALL).await;
}

/// Gives the lease back. When it cannot be, it expires, and that is said.
async fn give_back(screen: &Screen, lease: Lease, settled: bool, stop: &Stop) {
    let given = tokio::select! {
        given = tokio::time::timeout(LEASE_LENGTH, lease.release(settled)) => match given {
            Ok(given) => given.map_err(|failure| failure.to_string()),
            Err(_) => Err("no answer came".to_owned()),
        },
        () = asked_some_time_ago(stop) => Err("it could not be given back in time".to_owned()),
    };
    if let Err(why) = given {
        screen.warning(&format!("the lease expires by itself: {why}"));
    }
}

/// What a person has to agree to: logical ids of what is deleted or replaced.
fn losses(plan: &Plan) -> Vec<String> {
    plan.changes
        .iter()
        .filter(|change| change.is_destructive())
        .map(|change| change.address.logical_id.clone())
        .collect()
}

async fn agree(
    screen: &Screen,
    plan: &Plan,
    losses: &[String],
    manner: Manner,
    stop: &Stop,
) -> Result<(), CommandError> {
    if losses.is_empty() || manner.yes {
        return Ok(());
    }
    if !manner.show {
        screen.note(&show::text(plan));
    }
    let number = describe::count(losses.len(), "resource");
    let (screen, question) = (screen.clone(), format!("Delete or replace {number}?"));
    // A thread that waits for a key must not keep signals from being heard.
    let asked = tokio::task::spawn_blocking(move || screen.confirm(&question));
    match stoppable(stop, asked).await?.unwrap_or(Some(false)) {
        Some(true) => Ok(()),
        Some(false) => Err(CommandError::Stopped { message: "nothing was changed".into() }),
        None => Err(CommandError::plain(
            format!("{number} would be deleted or replaced, and nobody can be asked here"),
            ["Look at it with `hoist diff`, then run this with --yes."],
        )),
    }
}
