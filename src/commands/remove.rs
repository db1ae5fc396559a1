//! `hoist remove`: a deploy with nothing desired.

use clap::Args;

use super::change::{Errand, change};
use super::cli::Global;
use super::connection::{Connection, remote};
use super::deploy::Lock;
use super::interrupt::{interruptible, stoppable};
use super::manner::Manner;
use super::prepare::{Purpose, Read, read};
use super::recording::Entry;
use super::{CommandError, Exit, stand};
use crate::config::diagnostic::Diagnostic;
use crate::engine::history::{Artifacts, What};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::screen::Screen;

/// What `provider.deletionProtection` forbids.
fn refuse_the_protected(read: &Read) -> Result<(), CommandError> {
    let (provider, stage) = (&read.service.provider, read.target.stage.as_str());
    if !provider.is_protected(stage) {
        return Ok(());
    }
    let place = provider.place_of("deletionProtection");
    let problem = format!("provider.deletionProtection: the stage `{stage}` is protected from removal");
    let diagnostic = Diagnostic::error("deletion-protected", problem)
        .path("provider.deletionProtection")
        .at(place)
        .help("nothing was changed; take the protection away first if the stage is to go");
    Err(CommandError::Configuration { diagnostics: vec![diagnostic], sources: read.sources.clone() })
}

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
            refuse_the_protected(&read)?;
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
