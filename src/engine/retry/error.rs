//! One failed attempt of one call.

use crate::engine::failure::Reason;

/// What became of a request that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The service answered with an error and this HTTP status.
    Answered(u16),
    /// It never left: no connection, no name, no credentials.
    NotSent,
    /// It left and no answer came: it may have been carried out.
    Unknown,
}

/// An error of one attempt of one call, secrets already masked.
#[derive(Clone, Debug, PartialEq)]
pub struct CallError {
    /// `lambda`
    pub service: &'static str,
    /// `CreateFunction`
    pub operation: &'static str,
    /// The service's own error code.
    pub code: Option<String>,
    pub message: String,
    pub fate: Fate,
    pub request_id: Option<String>,
    /// What it is for the screen when it is final.
    pub reason: Reason,
    pub help: Vec<String>,
}

impl CallError {
    pub fn new(service: &'static str, operation: &'static str, fate: Fate, message: impl Into<String>) -> Self {
        let reason = match fate {
            Fate::Answered(500..) => Reason::Server,
            Fate::Answered(429) => Reason::Throttled,
            Fate::Answered(404) => Reason::NotFound,
            Fate::Answered(403) => Reason::Denied,
            Fate::Answered(409) => Reason::Conflict,
            Fate::Answered(_) => Reason::Invalid,
            Fate::NotSent | Fate::Unknown => Reason::Unreachable,
        };
        Self {
            service,
            operation,
            code: None,
            message: message.into(),
            fate,
            request_id: None,
            reason,
            help: Vec::new(),
        }
    }

    /// Adds the service's error code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Says what it is for the screen, instead of what the HTTP status suggests.
    #[must_use]
    pub fn reason(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self
    }

    /// Adds the id that the service's support asks for.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Adds a sentence that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Whether the request may have been carried out all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self.fate, Fate::Unknown | Fate::Answered(500..))
    }
}
