//! What the last deploys made and took away, as the lease's record notes it before anything is written.
//!
//! A provider finds what left the file by its tags, and lists of tags lag behind. A note bridges that time; and where the
//! mark goes before what it is on ([`super::kind::Kind::is_told_by_notes`]), a run that was cut off in between. It is a hint,
//! as a tag is: what it names is asked of its own service and has to carry our marks. Losing the notes costs nothing but
//! the wait.

use serde::{Deserialize, Serialize};

use super::kind::{Cloud, Kind};
use super::plan::{Action, Change, Plan};

/// Lists of tags have caught up with everything older. Seconds, far more than the lags that were seen.
const KEPT: u64 = 3600;

/// One resource that a deploy was about to make, or to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// `AWS::SNS::Topic`
    #[serde(rename = "type")]
    pub kind: String,
    /// The name under which it is live. Empty where the provider gives the name: then only that there is one is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Seconds since 1970 by the clock of whoever made it: only how long it is kept depends on it.
    pub at: u64,
}

/// What a plan makes and takes away that stands by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    making: Vec<(String, String)>,
    removing: Vec<(String, String)>,
    /// Of what is removed, what only a note can tell.
    unmarked: Vec<(String, String)>,
}

impl Notes {
    /// What is to be noted of a plan.
    pub fn of(plan: &Plan, cloud: &dyn Cloud) -> Self {
        let made = |change: &Change| {
            let makes = matches!(change.action, Action::Create | Action::Replace { .. } | Action::Adopt { .. });
            let desired = change.desired.as_ref().filter(|desired| makes && desired.parent.is_none())?;
            let id = cloud.kind(&desired.address.kind)?.identity(desired).unwrap_or_default();
            Some((desired.address.kind.clone(), id))
        };
        let removed = |change: &Change| {
            let live = change.live.as_ref().filter(|_| change.action == Action::Delete)?;
            Some((live.address.kind.clone(), live.physical_id.clone()))
        };
        let removing: Vec<_> = plan.changes.iter().filter_map(removed).collect();
        let is_unmarked = |(kind, _): &&(String, String)| cloud.kind(kind).is_some_and(Kind::is_told_by_notes);
        Self {
            making: plan.changes.iter().filter_map(made).collect(),
            unmarked: removing.iter().filter(is_unmarked).cloned().collect(),
            removing,
        }
    }

    /// Whether there is anything that has to be noted before it is done.
    pub fn count_beforehand(&self) -> bool {
        !self.making.is_empty() || !self.unmarked.is_empty()
    }

    /// The notes of a run that begins: those that still count, and its own.
    pub fn after(&self, earlier: &[Note], now: u64) -> Vec<Note> {
        let own = || self.making.iter().chain(&self.unmarked);
        let is_own = |note: &&Note| own().any(|(kind, id)| *kind == note.kind && *id == note.id);
        let kept = earlier.iter().filter(|note| note.at.saturating_add(KEPT) > now && !is_own(note)).cloned();
        let now = own().map(|(kind, id)| Note { kind: kind.clone(), id: id.clone(), at: now });
        kept.chain(now).collect()
    }

    /// The notes of a run that did everything: what it took away need not be looked for again.
    pub fn done(&self, notes: &mut Vec<Note>) {
        notes.retain(|note| !self.removing.iter().any(|(kind, id)| *kind == note.kind && *id == note.id));
    }
}

#[cfg(test)]
impl Notes {
    /// Of a plan that makes one resource.
    pub fn making(kind: &str, id: &str) -> Self {
        Self { making: vec![(kind.to_owned(), id.to_owned())], ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: &str, at: u64) -> Note {
        Note { kind: "Mem::Queue".into(), id: id.into(), at }
    }

    fn place(id: &str) -> (String, String) {
        ("Mem::Queue".into(), id.into())
    }

    #[test]
    fn notes_are_kept_until_lists_of_tags_have_caught_up() {
        let notes = Notes { making: vec![place("new"), place("again")], ..Notes::default() };
        let now = 10_000;
        let after = notes.after(&[note("old", now - KEPT), note("young", now - KEPT + 1), note("again", now - 5)], now);
        assert_eq!(after, [note("young", now - KEPT + 1), note("new", now), note("again", now)]);
    }

    #[test]
    fn what_was_taken_away_is_forgotten_only_when_all_was_done() {
        let notes = Notes { removing: vec![place("gone")], ..Notes::default() };
        let mut after = notes.after(&[note("gone", 9), note("stays", 9)], 10);
        assert_eq!(after.len(), 2, "a run that is cut off leaves them");
        notes.done(&mut after);
        assert_eq!(after, [note("stays", 9)]);
    }

    #[test]
    fn what_loses_its_mark_on_the_way_is_noted_until_all_was_done() {
        let notes = Notes { removing: vec![place("goes")], unmarked: vec![place("goes")], ..Notes::default() };
        let mut after = notes.after(&[note("stays", 9)], 10);
        assert_eq!(after, [note("stays", 9), note("goes", 10)]);
        notes.done(&mut after);
        assert_eq!(after, [note("stays", 9)]);
    }
}
