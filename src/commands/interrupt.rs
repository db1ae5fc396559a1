//! Ctrl-C, a closed terminal and CI's kill: the first asks to finish what is in flight, the second stops at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CommandError;
use crate::engine::stop::Stop;

/// The signals that ask a program to end: Ctrl-C, `kill`, a closed terminal.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupts {
    /// Takes the signals over from their default, which would end the process in the middle of a call.
    ///
    /// # Errors
    /// When the system has no room for another handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next of them, and names it.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "a closed terminal",
        }
    }
}

/// Does a command's work while signals are heard: the first asks it to stop, the second lets go of it.
///
/// # Errors
/// The work's, or `Stopped` after the second signal.
pub async fn interruptible<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| CommandError::plain(format!("signals cannot be handled: {error}"), [""; 0]))?;
    let signalled = stop.clone();
    let listening = tokio::spawn(async move {
        loop {
            interrupts.next().await;
            signalled.signal();
        }
    });
    let done = tokio::select! {
        done = work => done,
        () = stop.told_at_once() => Err(CommandError::Stopped {
            message: "stopped at once; the next run finishes what was under way".into(),
        }),
    };
    listening.abort();
    done
}

/// Does what changes nothing yet: the first signal ends it.
///
/// # Errors
/// `Stopped`.
pub async fn stoppable<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T, CommandError> {
    tokio::select! {
        // What is done is done, whatever came meanwhile.
        biased;
        done = work => Ok(done),
        () = stop.asked() => Err(before_any_change()),
    }
}

/// Stopped in time.
pub fn before_any_change() -> CommandError {
    CommandError::Stopped { message: "stopped before anything was changed".into() }
}
