//! What a run came to: how it ended, what is said of it, and the exit code.

use std::time::Duration;

use super::Exit;
use crate::engine::address::Address;
use crate::engine::apply::Applied;
use crate::engine::failure::{Failure, Reason};
use crate::engine::history::Ending;
use crate::engine::plan::Plan;
use crate::engine::summary::{Summary, summarise};
use crate::screen::{Screen, json as machine, outcome as show};

use super::manner::Manner;

/// A plan that was carried out.
pub struct Run {
    pub plan: Plan,
    pub applied: Applied,
    /// Checks that did not pass.
    pub failed: Vec<Failure>,
    /// What became of undoing it, where that was asked for.
    pub put_back: Option<PutBack>,
    /// From the plan to the end.
    pub took: Duration,
}

/// What undoing a run came to.
pub struct PutBack {
    pub summary: Summary,
    pub complete: bool,
    /// What could not be put back as it was, and why.
    pub stays: Vec<(Address, String)>,
}

impl Run {
    /// Whether everything was done and passed its checks.
    pub fn is_good(&self) -> bool {
        self.applied.is_complete() && self.failed.is_empty()
    }

    /// Whether nothing failed by itself: somebody stopped it.
    pub fn was_stopped(&self) -> bool {
        let mut failures = self.applied.failures(&self.plan);
        self.applied.stopped && failures.all(|(_, failure)| failure.reason == Reason::Cancelled)
    }

    /// How the record says that it ended.
    pub fn ending(&self) -> Ending {
        match &self.put_back {
            _ if self.is_good() => Ending::Done,
            Some(back) if back.complete => Ending::PutBack,
            _ if self.was_stopped() => Ending::Stopped,
            _ if self.applied.is_complete() => Ending::Unverified,
            _ => Ending::Failed,
        }
    }

    /// Why it failed, for the record.
    pub fn reasons(&self) -> Vec<String> {
        let changes = self.applied.failures(&self.plan);
        let changes = changes.map(|(address, failure)| format!("{}: {}", address.logical_id, failure.message));
        changes.chain(self.failed.iter().map(|failure| failure.message.clone())).collect()
    }

    pub fn exit(&self) -> Exit {
        match self.ending() {
            Ending::Done => Exit::Done,
            Ending::Stopped => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    /// The last lines: what was done, where the time went, what was not done, and what the next run will do.
    pub fn tell(&self, screen: &Screen, manner: Manner) {
        let mut summary = summarise(&self.plan, &self.applied);
        if let Some(back) = &self.put_back {
            summary.next = back.next();
        } else if !self.failed.is_empty() {
            summary.next = vec![
                "What was deployed stays. `hoist rollback --previous` goes back to what was there before.".to_owned(),
            ];
        }
        let ended = show::Ended {
            done: manner.done,
            complete: self.applied.is_complete(),
            checks_failed: self.failed.len(),
            put_back: self.put_back.as_ref().map(|back| (&back.summary, back.complete)),
            took: self.took,
        };
        screen.json(&machine::summary(&summary, &ended));
        for line in show::lines(&summary, &ended) {
            screen.note(&line);
        }
    }
}

impl PutBack {
    /// What is left to do, one sentence each.
    fn next(&self) -> Vec<String> {
        let mut sentences: Vec<String> =
            self.stays.iter().map(|(address, why)| format!("{} {why}.", address.logical_id)).collect();
        if self.complete && sentences.is_empty() {
            sentences.push("Everything is as it was before; the next deploy begins from there.".to_owned());
        }
        if !self.complete {
            sentences.push("The next deploy, or `hoist rollback --previous`, goes on from what is live.".to_owned());
        }
        sentences
    }
}
