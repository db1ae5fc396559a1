//! Traffic that is sampled.

use std::time::{Duration, Instant};

/// Calls so long, though no more than 300 times, and expects that share of the answers to come from the new version.
#[track_caller]
pub fn assert_split(share: f64, within: Duration, mut is_new: impl FnMut() -> bool) {
    let (mut all, mut new) = (0_u32, 0_u32);
    let until = Instant::now() + within;
    while all < 300 && Instant::now() < until {
        new += u32::from(is_new());
        all += 1;
    }
    assert!(all >= 30, "only {all} calls");
    // Five standard deviations: one run in a million is beyond them by chance.
    let (expected, spread) = (f64::from(all) * share, 5.0 * (f64::from(all) * share * (1.0 - share)).sqrt());
    assert!((f64::from(new) - expected).abs() <= spread, "{new} of {all} calls, {expected} ± {spread} expected");
}
