//! `hoist remove`: a deploy with nothing desired.

use clap::Args;

use super::change::{Manner, change};
use super::cli::Global;
use super::connection::{Connection, remote};
use super::deploy::Lock;
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
        let read = read(global, screen, Purpose::Look, Some(&remote(global, &stop))).await?;
        let connection = Connection::open(global, &read, &stop).await?;
        stand::head(screen, &read, &connection);
        let manner =
            Manner { yes: self.yes, adopt: false, drift: true, lock_timeout: self.lock.lock_timeout, done: "removed" };
        Ok(change(&connection, screen, &DesiredState::default(), manner, &stop).await?.exit)
    }
}
