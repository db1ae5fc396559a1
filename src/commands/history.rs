//! `hoist history`

use clap::Args;
use jiff::Timestamp;

use super::cli::Global;
use super::connection::{Connection, remote};
use super::prepare::locate;
use super::{CommandError, Exit, stand};
use crate::engine::history::{HistoryStore, Record};
use crate::engine::stop::Stop;
use crate::screen::{Screen, history as show};

#[derive(Args, Debug)]
pub struct History {
    /// One deployment in full, by its id
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// How many, from the newest on
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

impl History {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        let place = locate(global, Some(&remote(global, &stop))).await?;
        let connection = Connection::to(global, &place, &stop).await?;
        stand::head(screen, &place, &connection);
        let now = Timestamp::now().as_second();
        if let Some(id) = &self.id {
            let record = find(connection.history.as_ref(), id).await?;
            screen.result(&show::text(&record, now));
            screen.json(&show::json(&record, true));
            return Ok(Exit::Done);
        }
        let records = connection.history.newest(usize::from(self.limit)).await?;
        if records.is_empty() {
            screen.note("nothing was deployed here yet");
        } else {
            screen.result(&show::table(&records, now));
        }
        records.iter().for_each(|record| screen.json(&show::json(record, false)));
        Ok(Exit::Done)
    }
}

/// The record of an id that was typed.
///
/// # Errors
/// There is none.
pub async fn find(history: &dyn HistoryStore, id: &str) -> Result<Record, CommandError> {
    history.read(id).await?.ok_or_else(|| {
        CommandError::plain(format!("there is no deployment {id} of this stage"), ["`hoist history` lists them."])
    })
}
