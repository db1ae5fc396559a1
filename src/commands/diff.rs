//! `hoist diff`

use clap::Args;
use serde_json::json;

use super::cli::Global;
use super::connection::{Connection, remote};
use super::prepare::{Purpose, prepare, read};
use super::{CommandError, Exit, desired, stand};
use crate::engine::planner::{PlanOptions, plan};
use crate::engine::stop::Stop;
use crate::screen::{Screen, json as machine, plan as show};

#[derive(Args, Debug)]
pub struct Diff {
    /// End with 2 when something differs
    #[arg(long)]
    exit_code: bool,
    /// As if unmarked resources of the same name were to be taken over
    #[arg(long)]
    adopt: bool,
}

impl Diff {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        let read = read(global, screen, Purpose::Deploy, Some(&remote(global, &stop))).await?;
        let (connection, prepared) = tokio::join!(
            Connection::open(global, &read, &stop),
            prepare(&read, screen, Purpose::Deploy, None, stop.token())
        );
        let prepared = prepared?;
        let connection = connection?;
        stand::head(screen, &read.place(), &connection);
        let wanted = desired::of(&read, &prepared, &connection).await?;
        let options = PlanOptions { adopt: self.adopt, ..PlanOptions::default() };
        let plan = plan(&wanted, &connection.cloud, options).await?;
        screen.result(&show::text(&plan));
        for change in plan.changes.iter().filter(|change| change.is_visible()) {
            let mut line = machine::change(change);
            if let Some(object) = line.as_object_mut() {
                object.insert("type".into(), "difference".into());
            }
            screen.json(&line);
        }
        // What left the file and is kept is shown, and is no difference: a deploy would do nothing about it.
        let differs = plan.changes.iter().any(|change| change.is_visible() && change.is_write());
        screen.json(&json!({"type": "result", "differs": differs}));
        Ok(if differs && self.exit_code { Exit::Differences } else { Exit::Done })
    }
}
