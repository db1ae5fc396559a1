//! How a command ends, and every way in which it can fail, with what to say about it.

use std::process::ExitCode;

use crate::config::diagnostic::Diagnostic;
use crate::config::node::Sources;
use crate::engine::failure::Failure;
use crate::screen::Screen;

/// How a command ended. The numbers are part of the interface: CI steps branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or no difference found.
    Done,
    Failed,
    /// `diff --exit-code` found differences.
    Differences,
    /// Stopped by Ctrl-C or a signal.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Differences => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub enum CommandError {
    /// Problems of the configuration, all of them, with the texts they point into.
    Configuration { diagnostics: Vec<Diagnostic>, sources: Sources },
    /// What AWS, or looking at AWS, refused.
    Failures(Vec<Failure>),
    /// Anything else that the user can put right: one sentence, then what to do.
    Plain { message: String, help: Vec<String> },
    /// The user said no, or a signal stopped it before anything was changed.
    Stopped { message: String },
}

impl CommandError {
    /// A sentence and what to do about it.
    pub fn plain<H: Into<String>>(message: impl Into<String>, help: impl IntoIterator<Item = H>) -> Self {
        Self::Plain { message: message.into(), help: help.into_iter().map(Into::into).collect() }
    }

    /// Says it on the screen, with what to do.
    pub fn show(&self, screen: &Screen) {
        match self {
            CommandError::Configuration { diagnostics, sources } => screen.diagnostics(diagnostics, sources),
            CommandError::Failures(failures) => failures.iter().for_each(|failure| screen.failure(failure)),
            CommandError::Plain { message, help } => screen.error(message, help),
            CommandError::Stopped { message } => screen.stopped(message),
        }
    }

    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            CommandError::Stopped { .. } => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        CommandError::Failures(vec![failure])
    }
}

impl From<Vec<Failure>> for CommandError {
    fn from(failures: Vec<Failure>) -> Self {
        CommandError::Failures(failures)
    }
}
