//! From what is wanted to what was done: plan, ask, take the lease, apply, tell. Deploy and remove are both this.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::connection::Connection;
use super::interrupt::Interrupts;
use super::{CommandError, Exit, holder};
use crate::engine::apply::{Applied, ApplyOptions, apply};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress as Say;
use crate::engine::lease::{self, Acquired, Lease, LeaseOptions, Seen};
use crate::engine::plan::Plan;
use crate::engine::planner::{PlanOptions, plan};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::engine::summary::summarise;
use crate::screen::outcome::lines as show_summary;
use crate::screen::progress::Progress;
use crate::screen::{Screen, describe, json as machine, plan as show};

/// How a change is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Agreed to deletions and replacements beforehand.
    pub yes: bool,
    /// Take over unmarked resources of the same name.
    pub adopt: bool,
    /// Read everything, whatever the fingerprints say.
    pub drift: bool,
    /// How long to wait for another deploy of the stage.
    pub lock_timeout: Duration,
    /// `deployed`, `removed`
    pub done: &'static str,
}

/// What came of it.
pub struct Changed {
    pub plan: Plan,
    /// `None` when there was nothing to do.
    pub applied: Option<Applied>,
    pub exit: Exit,
}

/// Makes the account match `desired`.
///
/// # Errors
/// What stands in the way before anything is changed. Failures while changing are shown, and are in the exit code.
pub async fn change(
    connection: &Connection,
    screen: &Screen,
    desired: &DesiredState,
    manner: Manner,
    stop: &Stop,
) -> Result<Changed, CommandError> {
    let began = Instant::now();
    let signals = watch(stop)?;
    let result = tokio::select! {
        result = run(connection, screen, desired, manner, stop, began) => result,
        () = stop.told_at_once() => Err(CommandError::Stopped { message: "stopped at once; the next run finishes what was under way".into() }),
    };
    signals.abort();
    result
}

/// Turns signals into the two stages of a stop.
fn watch(stop: &Stop) -> Result<tokio::task::AbortHandle, CommandError> {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| CommandError::plain(format!("signals cannot be handled: {error}"), [""; 0]))?;
    let stop = stop.clone();
    let task = tokio::spawn(async move {
        loop {
            interrupts.next().await;
            stop.signal();
        }
    });
    Ok(task.abort_handle())
}

async fn run(
    connection: &Connection,
    screen: &Screen,
    desired: &DesiredState,
    manner: Manner,
    stop: &Stop,
    began: Instant,
) -> Result<Changed, CommandError> {
    let (plan, lease) = settle(connection, screen, desired, manner, stop).await?;
    let Some(lease) = lease else {
        screen.result(&show::counts(&plan));
        screen.json(&json!({"type": "result", "changed": false, "seconds": machine::seconds(began.elapsed())}));
        return Ok(Changed { plan, applied: None, exit: Exit::Done });
    };
    // A change is several calls: each asks whether the lease is still ours.
    connection.aws.retry().guard_with(lease.guard());
    let progress = Progress::new(*screen, &plan);
    let options = ApplyOptions { events: progress.events(), guard: Some(lease.guard()), ..ApplyOptions::default() };
    let applied = apply(&plan, &connection.cloud, stop, &options).await;
    progress.finish();
    if let Err(failure) = lease.release(applied.is_complete()).await {
        screen.warning(&format!("the lease expires by itself: {failure}"));
    }
    let exit = tell(screen, &plan, &applied, manner, began.elapsed());
    Ok(Changed { plan, applied: Some(applied), exit })
}

/// A plan, agreed to, and the lease under which it is still true; no lease when there is nothing to do.
async fn settle(
    connection: &Connection,
    screen: &Screen,
    desired: &DesiredState,
    manner: Manner,
    stop: &Stop,
) -> Result<(Plan, Option<Lease>), CommandError> {
    let mut options = LeaseOptions::new(holder::run_id(), holder::name());
    options.run_url = holder::run_url();
    options.wait_until = Instant::now() + manner.lock_timeout;
    let mut seen = lease::look(connection.lease_store.as_ref()).await?;
    let mut agreed: Option<Vec<String>> = None;
    loop {
        if seen.holder().is_some_and(|record| holder::is_gone(&record.holder)) {
            seen.holder_is_gone();
        }
        if seen.was_cut_off() {
            // What the last run changed a moment ago may not count everywhere yet.
            connection.aws.retry().fresh.note_everything();
        }
        let plan_options = PlanOptions {
            trust_fingerprints: seen.is_settled() && !manner.drift,
            adopt: manner.adopt,
            ..PlanOptions::default()
        };
        connection.aws.forget_reads().await;
        let planned = stoppable(stop, plan(desired, &connection.cloud, plan_options)).await??;
        if planned.is_empty() {
            return Ok((planned, None));
        }
        // Asked again only when another deploy made it a different question.
        let losses = losses(&planned);
        if agreed.as_ref() != Some(&losses) {
            agree(screen, &planned, &losses, manner)?;
            agreed = Some(losses);
        }
        match stoppable(stop, take(connection, screen, &seen, &options)).await?? {
            Acquired::Held(lease) => return Ok((planned, Some(lease))),
            Acquired::Moved(now) => seen = now,
        }
    }
}

async fn take(
    connection: &Connection,
    screen: &Screen,
    seen: &Seen,
    options: &LeaseOptions,
) -> Result<Acquired, Failure> {
    if let Some(record) = seen.holder() {
        screen.note(&format!("waiting for {}, who is deploying this stage", record.holder));
    }
    lease::acquire(&connection.lease_store, seen, options, &Say::silent()).await
}

/// Nothing is under way yet: the first signal ends it.
async fn stoppable<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T, CommandError> {
    tokio::select! {
        done = work => Ok(done),
        () = stop.asked() => Err(CommandError::Stopped { message: "stopped before anything was changed".into() }),
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

fn agree(screen: &Screen, plan: &Plan, losses: &[String], manner: Manner) -> Result<(), CommandError> {
    if losses.is_empty() || manner.yes {
        return Ok(());
    }
    screen.note(&show::text(plan));
    let number = describe::count(losses.len(), "resource");
    match screen.confirm(&format!("Delete or replace {number}?")) {
        Some(true) => Ok(()),
        Some(false) => Err(CommandError::Stopped { message: "nothing was changed".into() }),
        None => Err(CommandError::plain(
            format!("{number} would be deleted or replaced, and nobody can be asked here"),
            ["Look at it with `hoist diff`, then run this with --yes."],
        )),
    }
}

/// The last lines: what was done, where the time went, what was not done, and what the next run will do.
fn tell(screen: &Screen, plan: &Plan, applied: &Applied, manner: Manner, took: Duration) -> Exit {
    let summary = summarise(plan, applied);
    screen.json(&machine::summary(&summary, applied.is_complete(), took));
    for line in show_summary(&summary, manner.done, applied.is_complete(), took) {
        screen.note(&line);
    }
    if applied.is_complete() {
        return Exit::Done;
    }
    let was_stopped = summary.stopped && summary.failed.iter().all(|(_, failure)| failure.reason == Reason::Cancelled);
    if was_stopped { Exit::Interrupted } else { Exit::Failed }
}
