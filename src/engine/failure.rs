//! What went wrong with one call or one change.

use std::fmt;
use std::time::Duration;

/// What kind of failure it is; decides what the screen advises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The account does not allow the call.
    Denied,
    /// No credentials, or expired ones.
    Credentials,
    /// The endpoint could not be reached.
    Unreachable,
    NotFound,
    /// Something of that name is there, or another update is in progress.
    Conflict,
    Throttled,
    /// A role or policy that was made moments ago is not visible everywhere yet.
    Propagating,
    /// The service failed on its side.
    Server,
    /// The request was refused as it is: trying again will not help.
    Invalid,
    /// A quota of the account is used up.
    Quota,
    /// The resource is somebody else's.
    NotOurs,
    /// Stopped by the user before it was done.
    Cancelled,
    /// The resource ended in a failed state on the service's side.
    Failed,
    /// hoist itself is wrong.
    Bug,
}

/// A failure with everything that a person needs to act on it. Secrets are masked before it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub reason: Reason,
    /// One sentence without a full stop.
    pub message: String,
    /// `lambda.CreateFunction`, when a call failed.
    pub operation: Option<String>,
    /// The service's own error code.
    pub code: Option<String>,
    pub request_id: Option<String>,
    /// How often it was tried, and over what time.
    pub attempts: u32,
    pub elapsed: Duration,
    /// What to do, one sentence each.
    pub help: Vec<String>,
}

impl Failure {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            operation: None,
            code: None,
            request_id: None,
            attempts: 1,
            elapsed: Duration::ZERO,
            help: Vec::new(),
        }
    }

    /// Adds a sentence that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
