//! `hoist info`: what is deployed, from what is live and from the record of the newest run. What the file says by now is not
//! deployed yet.

use clap::Args;

use super::cli::Global;
use super::connection::{Connection, remote};
use super::prepare::{Place, Purpose, Read, locate, prepare, read, recompile, reread};
use super::{CommandError, Exit, desired, stand};
use crate::engine::history::Record;
use crate::engine::planner::{PlanOptions, plan};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Info {}

impl Info {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        let place = locate(global, Some(&remote(global, &stop))).await?;
        let connection = Connection::to(global, &place, &stop).await?;
        stand::head(screen, &place, &connection);
        let from = From { global, screen, stop: &stop, place: &place, connection: &connection };
        let known = match connection.history.newest(1).await?.pop() {
            Some(record) => from.record(&record).await?,
            None => Some(from.file().await?),
        };
        let Some((read, wanted)) = known else {
            screen.note("nothing is deployed here");
            return Ok(Exit::Done);
        };
        let plan = plan(&wanted, &connection.cloud, PlanOptions::default()).await?;
        let live: Vec<_> = plan.changes.iter().filter_map(|change| change.live.as_ref()).collect();
        if live.is_empty() {
            screen.note("nothing is deployed here");
        }
        stand::show(screen, &read, live.iter().copied());
        Ok(Exit::Done)
    }
}

/// From where it is looked up what was wanted.
struct From<'a> {
    global: &'a Global,
    screen: &'a Screen,
    stop: &'a Stop,
    place: &'a Place,
    connection: &'a Connection,
}

impl From<'_> {
    /// What the newest run wanted; `None` where it removed everything.
    async fn record(&self, record: &Record) -> Result<Option<(Read, DesiredState)>, CommandError> {
        let Some(kept) = &record.configuration else { return Ok(None) };
        let remote = remote(self.global, self.stop);
        let read = reread(self.global, self.screen, self.place, kept, Some(&remote)).await?;
        let template = recompile(&read, self.screen, &record.artifacts)?;
        let wanted = desired::of_template(&read, &template, self.connection).await?;
        Ok(Some((read, wanted)))
    }

    /// What the file wants: the only thing to go by where no run left a record.
    async fn file(&self) -> Result<(Read, DesiredState), CommandError> {
        let read = read(self.global, self.screen, Purpose::Look, Some(&remote(self.global, self.stop))).await?;
        let prepared = prepare(&read, self.screen, Purpose::Look, None, self.stop.token()).await?;
        let wanted = desired::of(&read, &prepared, self.connection).await?;
        Ok((read, wanted))
    }
}
