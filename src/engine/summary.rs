//! What a run came to: how many of what, how long, and where the time went.

use std::time::Duration;

use super::address::Address;
use super::apply::{Applied, Outcome, Timing};
use super::event::Verb;
use super::failure::Failure;
use super::plan::{Action, Change, Plan};

/// How many changes there are of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub create: usize,
    pub update: usize,
    pub replace: usize,
    pub delete: usize,
    pub adopt: usize,
    /// Left the file and stays.
    pub retain: usize,
    pub unchanged: usize,
    /// Of the unchanged, how many were taken from a fingerprint instead of being read.
    pub assumed: usize,
}

impl Counts {
    fn add(&mut self, verb: Verb) {
        match verb {
            Verb::Create => self.create += 1,
            Verb::Update => self.update += 1,
            Verb::Replace => self.replace += 1,
            Verb::Delete => self.delete += 1,
            Verb::Adopt => self.adopt += 1,
        }
    }

    /// All that write.
    pub fn writes(&self) -> usize {
        self.create + self.update + self.replace + self.delete + self.adopt
    }
}

impl Plan {
    /// What a person would count: changes of nothing but our own marks are unchanged.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            match change.action.verb() {
                Some(verb) if change.is_visible() => counts.add(verb),
                None if change.action == Action::Retain => counts.retain += 1,
                _ => counts.unchanged += 1,
            }
            counts.assumed += usize::from(change.assumed);
        }
        counts
    }
}

/// One link of the chain that decided how long it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub address: Address,
    pub verb: Verb,
    pub timing: Timing,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// What was done, as a person counts it.
    pub done: Counts,
    /// Failed, with why; only the root causes.
    pub failed: Vec<(Address, Failure)>,
    /// Not tried because of a failure: what, and because of which.
    pub skipped: Vec<(Address, Address)>,
    /// Not started because of a stop.
    pub not_started: Vec<Address>,
    /// Let go while it ran: the next deploy reads what became of it.
    pub let_go: Vec<Address>,
    /// Old ones of replaced resources that are still there.
    pub left_over: Vec<Address>,
    pub stopped: bool,
    pub took: Duration,
    /// The chain of changes, first to last, that decided how long it took.
    pub critical_path: Vec<Link>,
    /// What the next deploy will do about the rest, one sentence each.
    pub next: Vec<String>,
}

/// Sums up a run of a plan.
pub fn summarise(plan: &Plan, applied: &Applied) -> Summary {
    let mut summary = Summary {
        stopped: applied.stopped,
        took: applied.took,
        left_over: applied.left_over.clone(),
        critical_path: critical_path(plan, applied),
        ..Summary::default()
    };
    for (position, (change, outcome)) in plan.changes.iter().zip(&applied.outcomes).enumerate() {
        let ran = applied.timings.get(position).copied().flatten().is_some();
        match (outcome, change.action.verb()) {
            (Outcome::Done, Some(verb)) if change.is_visible() => summary.done.add(verb),
            (Outcome::Done | Outcome::Unchanged, _) if change.action == Action::Retain => summary.done.retain += 1,
            (Outcome::Done | Outcome::Unchanged, _) => {
                summary.done.unchanged += 1;
                summary.done.assumed += usize::from(change.assumed);
            }
            (Outcome::Failed(failure), _) => summary.failed.push((change.address.clone(), failure.clone())),
            (Outcome::Skipped { cause }, _) => summary.skipped.push((change.address.clone(), cause.clone())),
            (Outcome::Interrupted, _) if ran => summary.let_go.push(change.address.clone()),
            (Outcome::Interrupted, _) => summary.not_started.push(change.address.clone()),
        }
    }
    summary.next = next(plan, applied, &summary);
    summary
}

fn next(plan: &Plan, applied: &Applied, summary: &Summary) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut open = Counts::default();
    for (change, outcome) in plan.changes.iter().zip(&applied.outcomes) {
        let is_open = matches!(outcome, Outcome::Failed(_) | Outcome::Skipped { .. } | Outcome::Interrupted);
        if let (true, Some(verb)) = (is_open, change.action.verb()) {
            open.add(verb);
        }
    }
    if open.writes() > 0 {
        let done = if summary.done.writes() > 0 { " What is done stays." } else { "" };
        sentences.push(format!("The next deploy goes on with the rest: {}.{done}", listed(&open)));
    }
    if !summary.let_go.is_empty() {
        sentences.push("It first reads what became of the changes that were let go.".to_owned());
    }
    if !summary.left_over.is_empty() {
        let names: Vec<&str> = summary.left_over.iter().map(|address| address.logical_id.as_str()).collect();
        sentences.push(format!("It deletes the old {}, which nothing needs any more.", names.join(", ")));
    }
    sentences
}

/// `2 to create, 1 to delete`
fn listed(counts: &Counts) -> String {
    let words = [
        (counts.create, "create"),
        (counts.update, "update"),
        (counts.replace, "replace"),
        (counts.delete, "delete"),
        (counts.adopt, "take over"),
    ];
    let parts: Vec<String> =
        words.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} to {word}")).collect();
    parts.join(", ")
}

/// From the change that ended last back to what it waited for last, and so on.
fn critical_path(plan: &Plan, applied: &Applied) -> Vec<Link> {
    let end = |position: usize| {
        applied.timings.get(position).copied().flatten().map(|timing| (timing.began + timing.took, position))
    };
    let mut links = Vec::new();
    let mut at = (0..plan.changes.len()).filter_map(end).max();
    while let Some((_, position)) = at {
        let Change { address, action, .. } = &plan.changes[position];
        if let (Some(timing), Some(verb)) = (applied.timings[position], action.verb()) {
            links.push(Link { address: address.clone(), verb, timing });
        }
        if links.len() > plan.changes.len() {
            break;
        }
        at = plan.after.get(position).into_iter().flatten().filter_map(|&earlier| end(earlier)).max();
    }
    links.reverse();
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::failure::Reason;
    use crate::engine::plan::FieldChange;

    fn change(id: &str, action: Action) -> Change {
        let address = Address::new("Mem::Thing", id);
        Change { address, action, why: String::new(), assumed: false, desired: None, live: None }
    }

    fn timing(began: u64, took: u64) -> Option<Timing> {
        Some(Timing { began: Duration::from_secs(began), took: Duration::from_secs(took) })
    }

    #[test]
    fn it_says_what_was_done_what_was_not_and_what_comes_next() {
        let mark = FieldChange {
            path: "Tags.x".into(),
            before: None,
            after: None,
            sensitive: false,
            bookkeeping: true,
            told: None,
        };
        let plan = Plan {
            changes: vec![
                change("Role", Action::Create),
                change("Function", Action::Create),
                change("Url", Action::Create),
                change("Queue", Action::Update { fields: vec![mark] }),
                change("Old", Action::Delete),
                change("Other", Action::Nothing),
            ],
            after: vec![vec![], vec![0], vec![1], vec![], vec![], vec![]],
        };
        assert_eq!(plan.counts(), Counts { create: 3, delete: 1, unchanged: 2, ..Counts::default() });
        let denied = Failure::new(Reason::Denied, "not allowed");
        let cause = Address::new("Mem::Thing", "Function");
        let applied = Applied {
            outcomes: vec![
                Outcome::Done,
                Outcome::Failed(denied.clone()),
                Outcome::Skipped { cause: cause.clone() },
                Outcome::Done,
                Outcome::Interrupted,
                Outcome::Unchanged,
            ],
            timings: vec![timing(0, 2), timing(2, 7), None, timing(0, 1), timing(1, 1), None],
            stopped: true,
            ..Applied::default()
        };
        let summary = summarise(&plan, &applied);
        assert_eq!(summary.done, Counts { create: 1, unchanged: 2, ..Counts::default() });
        assert_eq!(summary.failed, [(cause.clone(), denied)]);
        assert_eq!(summary.skipped, [(Address::new("Mem::Thing", "Url"), cause)]);
        assert_eq!(summary.let_go, [Address::new("Mem::Thing", "Old")]);
        assert_eq!(
            summary.next,
            [
                "The next deploy goes on with the rest: 2 to create, 1 to delete. What is done stays.",
                "It first reads what became of the changes that were let go.",
            ]
        );
        let path: Vec<&str> = summary.critical_path.iter().map(|link| link.address.logical_id.as_str()).collect();
        assert_eq!(path, ["Role", "Function"]);
    }

    #[test]
    fn a_run_that_did_everything_has_no_next() {
        let plan = Plan { changes: vec![change("Role", Action::Create)], after: vec![vec![]] };
        let applied = Applied { outcomes: vec![Outcome::Done], timings: vec![timing(0, 2)], ..Applied::default() };
        let summary = summarise(&plan, &applied);
        assert_eq!((summary.done.writes(), summary.next), (1, vec![]));
    }
}
