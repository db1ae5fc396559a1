//! The last lines of a deploy: what was done, where the time went, and what was not.

use std::time::Duration;

use super::describe;
use super::plan::listed;
use super::style::DIM;
use crate::engine::summary::Summary;

/// The longest links of the chain that decided how long it took; more would not help anybody.
const LINKS: usize = 3;
/// A run that was quicker needs no explanation.
const QUICK: Duration = Duration::from_secs(2);

/// `done` is the word for it: `deployed`, `removed`.
pub fn lines(summary: &Summary, done: &str, complete: bool, took: Duration) -> Vec<String> {
    let words = ["created", "updated", "adopted", "replaced", "deleted"];
    let tally = listed(&summary.done, words);
    let took_text = describe::duration(took);
    let mut lines = Vec::new();
    if complete {
        let tally = if tally.is_empty() { "our own marks only".to_owned() } else { tally };
        lines.push(format!("{done} in {took_text}: {tally}"));
    } else {
        let mut parts = Vec::new();
        parts.extend((!tally.is_empty()).then_some(tally));
        let open = [
            (summary.failed.len(), "failed"),
            (summary.skipped.len(), "skipped"),
            (summary.not_started.len(), "not started"),
            (summary.let_go.len(), "let go while it ran"),
        ];
        parts.extend(open.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")));
        lines.push(format!("not finished after {took_text}: {}", parts.join(", ")));
        lines.extend(summary.next.iter().cloned());
    }
    lines.extend(where_it_went(summary, took));
    lines
}

fn where_it_went(summary: &Summary, took: Duration) -> Option<String> {
    let mut links: Vec<_> = summary.critical_path.iter().collect();
    links.sort_by_key(|link| std::cmp::Reverse(link.timing.took));
    let named: Vec<String> = links
        .iter()
        .take(LINKS)
        .filter(|link| link.timing.took * 10 > took)
        .map(|link| format!("{} {}", link.address.logical_id, describe::duration(link.timing.took)))
        .collect();
    (took > QUICK && !named.is_empty()).then(|| format!("{DIM}most of it: {}{DIM:#}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::address::Address;
    use crate::engine::apply::Timing;
    use crate::engine::event::Verb;
    use crate::engine::failure::{Failure, Reason};
    use crate::engine::summary::{Counts, Link};

    fn link(id: &str, took: u64) -> Link {
        let timing = Timing { began: Duration::ZERO, took: Duration::from_secs(took) };
        Link { address: Address::new("AWS::Lambda::Function", id), verb: Verb::Create, timing }
    }

    #[test]
    fn a_long_run_says_where_the_time_went() {
        let summary = Summary {
            done: Counts { create: 3, update: 1, ..Counts::default() },
            critical_path: vec![link("Role", 1), link("Hello", 8)],
            ..Summary::default()
        };
        let lines = lines(&summary, "deployed", true, Duration::from_secs(9));
        assert_eq!(lines[0], "deployed in 9.0 s: 3 created, 1 updated");
        assert!(lines[1].contains("most of it: Hello 8.0 s, Role 1.0 s"), "{lines:?}");
    }

    #[test]
    fn a_run_that_failed_says_what_the_next_one_does() {
        let failed = (Address::new("AWS::Lambda::Function", "Hello"), Failure::new(Reason::Invalid, "no"));
        let summary = Summary {
            done: Counts { create: 1, ..Counts::default() },
            failed: vec![failed],
            next: vec!["The next deploy goes on with the rest: 1 to create.".to_owned()],
            ..Summary::default()
        };
        let lines = lines(&summary, "deployed", false, Duration::from_secs(1));
        assert_eq!(lines[0], "not finished after 1.0 s: 1 created, 1 failed");
        assert_eq!(lines[1], "The next deploy goes on with the rest: 1 to create.");
    }
}
