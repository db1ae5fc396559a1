//! From what is wanted to what was done: settle on a plan, apply it, tell. Deploy and remove are both this.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::connection::Connection;
use super::manner::Manner;
use super::outcome::{PutBack, Run};
use super::prepare::Read;
use super::recording::{Entry, Recording};
use super::settle::{LAST_CALL, Settled, give_back, settle};
use super::{CommandError, Exit, stand, verify};
use crate::aws::release::{leave, prune};
use crate::aws::sweep::{self, Swept};
use crate::config::language::releases::Kept;
use crate::engine::apply::{Applied, ApplyOptions, apply};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress as Say;
use crate::engine::lease::Lease;
use crate::engine::plan::Plan;
use crate::engine::resource::{DesiredState, Live};
use crate::engine::revert::{self, Back};
use crate::engine::stop::Stop;
use crate::engine::summary::{Summary, summarise};
use crate::screen::progress::Progress;
use crate::screen::{Screen, describe, json as machine, plan as show};

/// How long the end of a run waits for copies of code that are still on their way into the bucket.
const COPIES: Duration = Duration::from_secs(10);

/// How long the end of a run waits for its record. It is worth a moment, and no more.
const RECORD: Duration = Duration::from_secs(5);

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
