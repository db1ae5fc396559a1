//! What the engine tells while it works. The screen and the JSON output both listen to this and nothing else.

use std::time::Duration;

use super::address::Address;
use super::failure::Failure;

/// What a change does, without its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    Create,
    Update,
    Replace,
    Delete,
    Adopt,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A phase began: `reading`, `packaging`, `applying`.
    Phase {
        name: &'static str,
    },
    Started {
        address: Address,
        verb: Verb,
    },
    /// A running change waits for something that a person would want to know.
    Waiting {
        address: Address,
        what: String,
    },
    /// What should have gone stays, and why. The change is done all the same.
    Kept {
        address: Address,
        why: String,
    },
    /// A running change took a step that stays worth reading: so much traffic goes to the new version.
    Step {
        address: Address,
        what: String,
    },
    Done {
        address: Address,
        verb: Verb,
        took: Duration,
    },
    Failed {
        address: Address,
        verb: Verb,
        took: Duration,
        failure: Failure,
    },
    /// Not tried, because `cause` failed.
    Skipped {
        address: Address,
        verb: Verb,
        cause: Address,
    },
    /// Not done, because the user asked to stop.
    Interrupted {
        address: Address,
        verb: Verb,
        /// Whether it had begun: then it was let go while it ran.
        ran: bool,
    },
}
