//! `hoist info`: what is deployed, from what is live.

use clap::Args;

use super::cli::Global;
use super::connection::{Connection, remote};
use super::prepare::{Purpose, prepare, read};
use super::{CommandError, Exit, desired, stand};
use crate::engine::planner::{PlanOptions, plan};
use crate::engine::stop::Stop;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Info {}

impl Info {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        let read = read(global, screen, Purpose::Look, Some(&remote(global, &stop))).await?;
        let (connection, prepared) = tokio::join!(
            Connection::open(global, &read, &stop),
            prepare(&read, screen, Purpose::Look, None, stop.token())
        );
        let prepared = prepared?;
        let connection = connection?;
        stand::head(screen, &read.place(), &connection);
        let wanted = desired::of(&read, &prepared, &connection).await?;
        let plan = plan(&wanted, &connection.cloud, PlanOptions::default()).await?;
        let live: Vec<_> = plan.changes.iter().filter_map(|change| change.live.as_ref()).collect();
        if live.is_empty() {
            screen.note("nothing is deployed here");
        }
        stand::show(screen, &read, live.iter().copied());
        Ok(Exit::Done)
    }
}
