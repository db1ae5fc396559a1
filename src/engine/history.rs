//! What a deploy leaves behind for people, and for the way back: a record of what it did and of what was wanted.
//!
//! A record is written when the first change may begin and again when the run is over, so that one whose run was cut
//! off says so. It is a history, never the truth: nothing that a deploy decides rests on it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::apply::{Applied, Outcome};
use super::event::Verb;
use super::failure::Failure;
use super::plan::Plan;

/// One run that changed something, as JSON in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// [`Record::FORMAT`]
    pub format: u32,
    /// About when it began: `20261127-172904`, UTC. No two runs of a stage share it, and a later run has a later one.
    pub id: String,
    /// Unique to the run, to know its own writes again.
    pub run: String,
    /// Seconds since 1970 by the clock of whoever deployed.
    pub began: i64,
    /// The same; `None` while it runs, and for ever where it was cut off.
    pub ended: Option<i64>,
    /// `anna@laptop (pid 4711)`
    pub who: String,
    /// A link to the CI run.
    pub run_url: Option<String>,
    /// Of hoist.
    pub version: String,
    /// What git said of the service's directory.
    pub commit: Option<Commit>,
    pub what: What,
    /// The record that a rollback goes back to, or the version of a function.
    pub back_to: Option<String>,
    pub ending: Ending,
    pub changes: Vec<Changed>,
    /// Why it failed, one sentence each, secrets masked.
    pub failures: Vec<String>,
    /// Digests of the code that was wanted (base64 of SHA-256).
    pub artifacts: Artifacts,
    /// The configuration, resolved but for what must not be kept; `None` where nothing was wanted.
    pub configuration: Option<Json>,
}

impl Record {
    /// What this version of hoist writes.
    pub const FORMAT: u32 = 1;
}

/// A commit of the service's directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Forty hexadecimal digits.
    pub id: String,
    pub branch: Option<String>,
    /// Whether files were changed that the commit does not have.
    pub dirty: bool,
}

/// Which command it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Deploy,
    Remove,
    Rollback,
    RollbackFunction,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It runs, or was cut off.
    Open,
    Done,
    /// Something of it was not done.
    Failed,
    /// Everything was done, and did not pass its checks.
    Unverified,
    /// Somebody stopped it.
    Stopped,
    /// It failed, and what it had done was put back.
    PutBack,
}

/// Code by the key of a function or layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifacts {
    pub functions: BTreeMap<String, String>,
    pub layers: BTreeMap<String, String>,
}

/// What happened to one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    pub resource_type: String,
    pub logical_id: String,
    pub action: Action,
    pub fate: Fate,
    /// Paths of the fields that differed, without their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What was to be done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Create,
    Update,
    Replace,
    Delete,
    Adopt,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Not yet known.
    Planned,
    Done,
    Failed,
    /// Not tried, or not told.
    Open,
}

/// Where records are kept, for one service and stage.
#[async_trait]
pub trait HistoryStore: Send + Sync {
    /// Writes a new record, under an id later than those of all runs before it; gives that id.
    async fn begin(&self, record: &Record) -> Result<String, Failure>;

    /// Writes a record whole, over what it was when it began.
    async fn end(&self, record: &Record) -> Result<(), Failure>;

    /// The newest records, newest first.
    async fn newest(&self, most: usize) -> Result<Vec<Record>, Failure>;

    /// The record of an id, if there is one.
    async fn read(&self, id: &str) -> Result<Option<Record>, Failure>;
}

/// The id of a run that began at a time (seconds since 1970).
pub fn id_at(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y%m%d-%H%M%S").to_string()
}

/// The time of an id; `None` for what is no id.
pub fn time_of(id: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", id).ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    (id_at(time) == id).then_some(time)
}

/// What of a plan a person would count, with what became of it; `None` for a plan that has just begun.
pub fn changed(plan: &Plan, applied: Option<&Applied>) -> Vec<Changed> {
    let visible = plan.changes.iter().enumerate().filter(|(_, change)| change.is_visible());
    visible
        .filter_map(|(position, change)| {
            let action = match change.action.verb()? {
                Verb::Create => Action::Create,
                Verb::Update => Action::Update,
                Verb::Replace => Action::Replace,
                Verb::Delete => Action::Delete,
                Verb::Adopt => Action::Adopt,
            };
            let fate = match applied.map(|applied| &applied.outcomes[position]) {
                None => Fate::Planned,
                Some(Outcome::Done | Outcome::Unchanged) => Fate::Done,
                Some(Outcome::Failed(_)) => Fate::Failed,
                Some(Outcome::Skipped { .. } | Outcome::Interrupted) => Fate::Open,
            };
            let fields = change.action.fields().iter().filter(|field| !field.bookkeeping);
            Some(Changed {
                resource_type: change.address.kind.clone(),
                logical_id: change.address.logical_id.clone(),
                action,
                fate,
                fields: fields.map(|field| field.path.clone()).collect(),
            })
        })
        .collect()
}

impl Record {
    /// Whether the account was as this record wants it when it ended: something to go back to.
    pub fn is_good(&self) -> bool {
        self.ending == Ending::Done
    }
}

/// The record that `--previous` means, of records from the newest on: the state before the newest run. That is the
/// last good one before it.
pub fn previous(records: &[Record]) -> Option<&Record> {
    records.iter().skip(1).find(|record| record.is_good())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn record(id: &str, ending: Ending) -> Record {
        Record {
            format: 1,
            id: id.to_owned(),
            run: id.to_owned(),
            began: time_of(id).unwrap(),
            ended: None,
            who: "anna".into(),
            run_url: None,
            version: "1".into(),
            commit: None,
            what: What::Deploy,
            back_to: None,
            ending,
            changes: Vec::new(),
            failures: Vec::new(),
            artifacts: Artifacts::default(),
            configuration: None,
        }
    }

    #[test]
    fn an_id_is_a_time() {
        assert_eq!(id_at(1_795_800_544), "20261127-172904");
        assert_eq!(time_of("20261127-172904"), Some(1_795_800_544));
        for wrong in ["", "20261127", "20261327-172904", "20261127-172904x", "../20261127-172904"] {
            assert_eq!(time_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn previous_is_the_last_good_one_before_the_newest() {
        let of = |endings: &[Ending]| {
            let ids = ["20261127-000004", "20261127-000003", "20261127-000002", "20261127-000001"];
            let records: Vec<Record> = ids.iter().zip(endings).map(|(id, ending)| record(id, *ending)).collect();
            previous(&records).map(|record| record.id.clone())
        };
        let at = |number: u8| Some(format!("20261127-00000{number}"));
        assert_eq!(of(&[Ending::Done, Ending::Done]), at(3));
        assert_eq!(of(&[Ending::Failed, Ending::Done]), at(3));
        assert_eq!(of(&[Ending::Done, Ending::Failed, Ending::PutBack, Ending::Done]), at(1));
        assert_eq!(of(&[Ending::Done]), None);
    }
}
