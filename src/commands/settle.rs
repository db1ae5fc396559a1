//! From what is wanted to a plan that somebody agreed to, and the lease under which it holds.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::interrupt::{before_any_change, stoppable};
use super::manner::Manner;
use super::{CommandError, holder};
use crate::aws::kinds::stack;
use crate::aws::release::{describe as commits, preflight};
use crate::engine::fingerprint::of_all;
use crate::engine::kind::Progress as Say;
use crate::engine::lease::{self, Acquired, Lease, LeaseOptions, Seen};
use crate::engine::notes::Notes;
use crate::engine::plan::{Change, Plan};
use crate::engine::planner::{PlanOptions, plan};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::screen::{Screen, describe, plan as show};

/// After a stop, how long the lease may still take: CI systems kill after 10 s, and what is under way takes 6 of them.
pub(super) const LAST_CALL: Duration = Duration::from_millis(1500);

/// Whoever cannot give a lease back for so long need not try any more.
const LEASE_LENGTH: Duration = Duration::from_secs(30);

/// A plan, agreed to, and the lease under which it is still true.
pub(super) struct Settled {
    pub plan: Plan,
    /// `None` when there is nothing to do.
    pub lease: Option<Lease>,
    /// Whether the run before this one ended well.
    pub was_settled: bool,
}

/// Plans, asks whoever has to agree, and takes the lease under which the plan is still true.
///
/// # Errors
/// What stands in the way before anything is changed.
pub(super) async fn settle(
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
pub(super) async fn give_back(screen: &Screen, lease: Lease, settled: bool, stop: &Stop) {
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

/// What a person has to agree to: logical ids of what is deleted or replaced, also within a stack.
fn losses(plan: &Plan) -> Vec<String> {
    let of = |change: &Change| match (&change.live, &change.desired) {
        _ if change.is_destructive() => vec![change.address.logical_id.clone()],
        (Some(live), Some(desired)) if change.address.kind == stack::TYPE && change.is_write() => {
            stack::losses(&live.properties, &desired.properties)
        }
        _ => Vec::new(),
    };
    plan.changes.iter().flat_map(of).collect()
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
