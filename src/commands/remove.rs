//! `hoist remove`: a deploy with nothing desired.

use clap::Args;

use super::change::{Errand, Manner, change};
use super::cli::Global;
use super::connection::{Connection, remote};
use super::deploy::Lock;
use super::interrupt::{interruptible, stoppable};
use super::prepare::{Purpose, read};
use super::recording::Entry;
use super::{CommandError, Exit, stand};
use crate::engine::history::{Artifacts, What};
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
            stand::head(screen, &read.place(), &connection);
            Ok::<_, CommandError>((connection, read.directory))
        });
        let (connection, directory) = connection.await??;
        let manner =
            Manner { yes: self.yes, lock_timeout: self.lock.lock_timeout, done: "removed", ..Manner::default() };
        let entry = Entry {
            what: What::Remove,
            back_to: None,
            configuration: None,
            artifacts: Artifacts::default(),
            directory,
        };
        let errand = Errand { desired: &DesiredState::default(), entry: Some(entry), checked: None };
        Ok(change(&connection, screen, errand, manner, stop).await?.exit)
    }
}
