//! `hoist info`: what is deployed, from what is live and from the record of the newest run. What the file says by now is not
//! deployed yet.

use clap::Args;

use super::cli::Global;
use super::connection::{Connection, remote};
use super::prepare::{Purpose, locate, prepare, read};
use super::recorded::Recorded;
use super::{CommandError, Exit, desired, stand};
use crate::engine::planner::{PlanOptions, plan};
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
        let (read, wanted) = match connection.history.newest(1).await?.pop() {
            // The newest run removed everything.
            Some(record) if record.configuration.is_none() => {
                screen.note("nothing is deployed here");
                return Ok(Exit::Done);
            }
            Some(record) => {
                let recorded = Recorded { global, screen, stop: &stop, place: &place, connection: &connection };
                let read = recorded.read(&record).await?;
                let wanted = recorded.wanted(&read, &record.artifacts).await?;
                (read, wanted)
            }
            // Where no run left a record, the file is all there is to go by.
            None => {
                let read = read(global, screen, Purpose::Look, Some(&remote(global, &stop))).await?;
                let prepared = prepare(&read, screen, Purpose::Look, None, stop.token()).await?;
                let wanted = desired::of(&read, &prepared, &connection).await?;
                (read, wanted)
            }
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
