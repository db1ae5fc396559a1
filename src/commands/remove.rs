//! `hoist remove`: a deploy with nothing desired.

use clap::Args;

use super::change::{Manner, change};
use super::cli::Global;
use super::connection::{Connection, remote};
use super::deploy::Lock;
use super::interrupt::{interruptible, stoppable};
use super::prepare::{Purpose, read};
use super::{CommandError, Exit, stand};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Remove {
    /// Agree without being asked
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    lock: Lock,
}

impl Remove {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        interruptible(&stop, self.remove(global, screen, &stop)).await
    }

    async fn remove(self, global: &Global, screen: &Screen, stop: &Stop) -> Result<Exit, CommandError> {
        let connection = stoppable(stop, async {
            let read = read(global, screen, Purpose::Look, Some(&remote(global, stop))).await?;
            let connection = Connection::open(global, &read, stop).await?;
            stand::head(screen, &read, &connection);
            Ok::<_, CommandError>(connection)
        });
        let connection = connection.await??;
        let manner = Manner {
            yes: self.yes,
            adopt: false,
            drift: true,
            lock_timeout: self.lock.lock_timeout,
            done: "removed",
            keep: None,
        };
        Ok(change(&connection, screen, &DesiredState::default(), manner, stop).await?.exit)
    }
}
