//! The record of a run: begun in the shadow of the first changes, ended with what became of them.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::outcome::Run;
use super::{commit, holder};
use crate::engine::failure::{Failure, Reason};
use crate::engine::history::{Artifacts, Ending, HistoryStore, Record, What, changed, id_at};
use crate::engine::plan::Plan;

/// What a record says of a run beyond its plan.
#[derive(Clone, Debug)]
pub struct Entry {
    pub what: What,
    /// The record or version that a rollback goes back to.
    pub back_to: Option<String>,
    /// What was wanted; `None` when that is nothing.
    pub configuration: Option<Json>,
    pub artifacts: Artifacts,
    /// Where git is asked.
    pub directory: PathBuf,
}

/// A record that was begun.
pub struct Recording {
    store: Arc<dyn HistoryStore>,
    begun: JoinHandle<(Record, Result<(), Failure>)>,
}

impl Recording {
    /// Begins to write it, and does not wait.
    pub fn begin(connection: &Connection, entry: Entry, plan: &Plan) -> Self {
        let began = Timestamp::now().as_second();
        let record = Record {
            format: Record::FORMAT,
            id: id_at(began),
            run: holder::run_id(),
            began,
            ended: None,
            who: holder::name(),
            run_url: holder::run_url(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: None,
            what: entry.what,
            back_to: entry.back_to,
            ending: Ending::Open,
            changes: changed(plan, None),
            failures: Vec::new(),
            artifacts: entry.artifacts,
            configuration: entry.configuration,
        };
        let store = Arc::clone(&connection.history);
        let begun = tokio::spawn(async move {
            let mut record = Record { commit: commit::of(&entry.directory).await, ..record };
            let written = store.begin(&record).await.map(|id| record.id = id);
            (record, written)
        });
        Self { store: Arc::clone(&connection.history), begun }
    }

    /// Writes what became of it, and gives its id.
    ///
    /// # Errors
    /// It could not be written.
    pub async fn end(self, run: &Run) -> Result<String, Failure> {
        let record = match self.begun.await {
            // What was not written when it began may be now.
            Ok((record, _)) => record,
            Err(_) => return Err(Failure::new(Reason::Bug, "writing it ended without a result")),
        };
        let record = Record {
            ending: run.ending(),
            ended: Some(Timestamp::now().as_second()),
            changes: changed(&run.plan, Some(&run.applied)),
            failures: run.reasons(),
            ..record
        };
        self.store.end(&record).await.map(|()| record.id)
    }
}
