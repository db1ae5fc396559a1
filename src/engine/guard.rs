//! Whether this run may still write.

use super::failure::Failure;

/// Asked before each change and each call, so it must be cheap: the lease answers from its own clock.
pub trait Guard: Send + Sync {
    /// # Errors
    /// Why nothing may be written any more.
    fn check(&self) -> Result<(), Failure>;
}

/// Error code of what was not done because a guard said no.
pub const LOST: &str = "lease-lost";

/// Whether a failure is a guard's.
pub fn is_lost(failure: &Failure) -> bool {
    failure.code.as_deref() == Some(LOST)
}
