//! What a command says of how it changes things.

use std::time::Duration;

use crate::config::language::releases::Kept;

/// How a change is carried out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Agreed to deletions and replacements beforehand.
    pub yes: bool,
    /// Take over unmarked resources of the same name.
    pub adopt: bool,
    /// Read everything, whatever the fingerprints say.
    pub drift: bool,
    /// How long to wait for another deploy of the stage.
    pub lock_timeout: Duration,
    /// Show the plan before it is carried out, also where nobody has to agree to it.
    pub show: bool,
    /// Put back what was done when not all of it could be done, or it does not pass its checks.
    pub put_back: bool,
    /// `deployed`, `removed`
    pub done: &'static str,
    /// How many versions stay afterwards; `None` keeps all.
    pub keep: Option<Kept>,
    /// How many records of deployments stay afterwards; `None` keeps all.
    pub records: Option<usize>,
}
