//! Ctrl-C, a closed terminal and CI's kill: the first asks to finish what is in flight, the second stops at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

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
