//! How often what is being waited for is looked at.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// No two looks at the same are closer together.
const SOONEST_LOOK: Duration = Duration::from_millis(75);
/// No two looks at the same are further apart.
const LATEST_LOOK: Duration = Duration::from_secs(1);
/// All looks of the process together: some 40 a second, where AWS gives 100 of Lambda's `GetFunction`.
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// How long to wait before the next look at what was waited for so long already: it costs a twelfth more of that time at
/// the most, unless many others are looked at as well.
pub(super) fn until_next_look(elapsed: Duration, watched: usize) -> Duration {
    let crowd = BETWEEN_LOOKS.saturating_mul(u32::try_from(watched).unwrap_or(u32::MAX));
    (elapsed / 12).max(SOONEST_LOOK).max(crowd).min(LATEST_LOOK)
}

/// One thing that is being waited for.
pub(super) struct Watch<'a> {
    watched: &'a AtomicUsize,
}

impl<'a> Watch<'a> {
    pub(super) fn begin(watched: &'a AtomicUsize) -> Self {
        watched.fetch_add(1, Ordering::Relaxed);
        Self { watched }
    }

    /// How many there are of them, this one counted.
    pub(super) fn all(&self) -> usize {
        self.watched.load(Ordering::Relaxed)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.watched.fetch_sub(1, Ordering::Relaxed);
    }
}
