//! What a record of a deployment wanted, read and compiled again.

use super::cli::Global;
use super::connection::{Connection, remote};
use super::prepare::{Place, Read, recompile, reread};
use super::{CommandError, desired};
use crate::engine::history::{Artifacts, Record};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::screen::Screen;

/// From where records are read.
pub struct Recorded<'a> {
    pub global: &'a Global,
    pub screen: &'a Screen,
    pub stop: &'a Stop,
    pub place: &'a Place,
    pub connection: &'a Connection,
}

impl Recorded<'_> {
    /// The service that a record wanted, with its secrets resolved again.
    ///
    /// # Errors
    /// A record of a removal, one of another service, and what cannot be resolved any more.
    pub async fn read(&self, record: &Record) -> Result<Read, CommandError> {
        let Some(kept) = &record.configuration else {
            return Err(CommandError::plain(
                format!("{} removed everything: there is nothing to go back to", record.id),
                ["`hoist remove` removes everything."],
            ));
        };
        let remote = remote(self.global, self.stop);
        let read = reread(self.global, self.screen, self.place, kept, Some(&remote)).await?;
        if read.service.name() != self.place.service {
            return Err(CommandError::plain(
                format!("{} was called {}, and this is {}", record.id, read.service.name(), self.place.service),
                ["Its name came out of a variable: set that to what it was then."],
            ));
        }
        Ok(read)
    }

    /// What such a service is, with the code of its record.
    ///
    /// # Errors
    /// What does not compile any more, and calls that fail.
    pub async fn wanted(&self, read: &Read, artifacts: &Artifacts) -> Result<DesiredState, CommandError> {
        let template = recompile(read, self.screen, artifacts)?;
        desired::of_template(read, &template, self.connection).await
    }
}
