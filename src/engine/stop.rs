//! How a run is stopped, in two stages: first nothing new is started, then what is under way is let go.

use tokio_util::sync::CancellationToken;

/// Shared by everybody who starts something; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: CancellationToken,
    now: CancellationToken,
}

impl Stop {
    pub fn new() -> Self {
        Self::default()
    }

    /// A signal came. The first one asks to stop, the second one stops at once.
    pub fn signal(&self) {
        if self.asked.is_cancelled() { self.at_once() } else { self.ask() }
    }

    /// Start nothing new, finish what is under way.
    pub fn ask(&self) {
        self.asked.cancel();
    }

    /// Let go of what is under way.
    pub fn at_once(&self) {
        self.asked.cancel();
        self.now.cancel();
    }

    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    pub fn is_at_once(&self) -> bool {
        self.now.is_cancelled()
    }

    /// Ends when [`Stop::ask`] or [`Stop::at_once`] was called.
    pub async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Ends when [`Stop::at_once`] was called.
    pub async fn told_at_once(&self) {
        self.now.cancelled().await;
    }

    /// The first stage as a token, for [`super::retry::Retry::new`].
    pub fn token(&self) -> CancellationToken {
        self.asked.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_signal_stops_at_once() {
        let stop = Stop::new();
        let other = stop.clone();
        stop.signal();
        other.asked().await;
        assert!(other.is_asked() && !other.is_at_once());
        stop.signal();
        other.told_at_once().await;
        assert!(other.token().is_cancelled());
    }
}
