//! The last lines of a deploy: what was done, where the time went, and what was not.

use std::time::Duration;

use super::describe;
use super::plan::listed;
use super::style::DIM;
use crate::engine::summary::Summary;

/// The longest links of the chain that decided how long it took; more would not help anybody.
const LINKS: usize = 3;
/// So many names of what was not done are shown: each was told when it happened.
const NAMES: usize = 4;
/// A run that was quicker needs no explanation.
const QUICK: Duration = Duration::from_secs(2);

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The word for it: `deployed`, `removed`.
    pub done: &'static str,
    /// Whether everything that was planned was done.
    pub complete: bool,
    pub checks_failed: usize,
    /// What undoing it came to, and whether all of it was undone.
    pub put_back: Option<(&'a Summary, bool)>,
    /// From the plan to the end.
    pub took: Duration,
}

/// What was done and what was not, what that means for the next run, and where the time went.
pub fn lines(summary: &Summary, ended: &Ended<'_>) -> Vec<String> {
    let tally = tally(summary);
    let took_text = describe::duration(ended.took);
    let mut lines = Vec::new();
    if ended.complete && ended.checks_failed == 0 {
        let tally = if tally.is_empty() { "our own marks only".to_owned() } else { tally };
        lines.push(format!("{} in {took_text}: {tally}", ended.done));
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
        parts.extend(
            (ended.checks_failed > 0)
                .then(|| format!("{} did not pass", describe::count(ended.checks_failed, "check"))),
        );
        lines.push(format!("not finished after {took_text}: {}", parts.join(", ")));
        lines.extend(not_done(summary));
        if let Some((back, complete)) = ended.put_back {
            let tally = self::tally(back);
            let tally = if tally.is_empty() { "nothing was to be undone".to_owned() } else { tally };
            let word = if complete { "put back" } else { "not all of it was put back" };
            lines.push(format!("{word}: {tally}"));
        }
        lines.extend(summary.next.iter().cloned());
    }
    lines.extend(where_it_went(summary, ended.took));
    lines
}

fn tally(summary: &Summary) -> String {
    listed(&summary.done, ["created", "updated", "adopted", "replaced", "deleted"])
}

/// The names of what was not done, as far as they fit a line.
fn not_done(summary: &Summary) -> Option<String> {
    let failed = summary.failed.iter().map(|(address, _)| address);
    let skipped = summary.skipped.iter().map(|(address, _)| address);
    let rest = summary.not_started.iter().chain(&summary.let_go);
    let names: Vec<&str> = failed.chain(skipped).chain(rest).map(|address| address.logical_id.as_str()).collect();
    let shown = names.iter().take(NAMES).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMES);
    (!names.is_empty()).then(|| match more {
        0 => format!("not done: {shown}"),
        _ => format!("not done: {shown} and {more} more"),
    })
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

    fn ended(complete: bool, seconds: u64) -> Ended<'static> {
        let took = Duration::from_secs(seconds);
        Ended { done: "deployed", complete, checks_failed: 0, put_back: None, took }
    }

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
        let lines = lines(&summary, &ended(true, 9));
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
        let told = lines(&summary, &ended(false, 1));
        assert_eq!(
            told,
            [
                "not finished after 1.0 s: 1 created, 1 failed",
                "not done: Hello",
                "The next deploy goes on with the rest: 1 to create.",
            ]
        );
        let back = Summary { done: Counts { delete: 1, ..Counts::default() }, ..Summary::default() };
        let told = lines(&summary, &Ended { put_back: Some((&back, true)), ..ended(false, 1) });
        assert_eq!(told[2], "put back: 1 deleted");
        let unverified = Summary { failed: Vec::new(), ..summary };
        let told = lines(&unverified, &Ended { checks_failed: 2, ..ended(true, 1) });
        assert_eq!(told[0], "not finished after 1.0 s: 1 created, 2 checks did not pass");
    }
}
