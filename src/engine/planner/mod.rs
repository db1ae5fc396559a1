//! From what a file wants and what is live to a [`Plan`].

mod deciding;
mod ordering;
mod reading;
mod wanted;

use std::sync::Arc;

use super::failure::{Failure, Reason};
use super::kind::Cloud;
use super::plan::Plan;
use super::resource::DesiredState;

use wanted::Wanted;
pub(super) use wanted::evaluated;

/// How a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanOptions {
    /// Whether what stands beneath a resource may be taken from its fingerprint instead of being read. Only right when
    /// the deploy before this one ended well: a fingerprint is written before what it tells of.
    pub trust_fingerprints: bool,
    /// Whether a resource of the same name that carries no mark becomes ours.
    pub adopt: bool,
    /// How many reads may be under way at once.
    pub parallel: usize,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { trust_fingerprints: false, adopt: false, parallel: 64 }
    }
}

/// Reads what is live, as little as possible and in parallel, and says what has to change and in which order.
/// Writes nothing. Everything desired being absent, it is the plan that removes all.
///
/// # Errors
/// Everything that stands in the way, at once: references to what is not in the file, circles, reads that failed, and
/// resources that are somebody else's.
pub async fn plan(desired: &DesiredState, cloud: &Arc<dyn Cloud>, options: PlanOptions) -> Result<Plan, Vec<Failure>> {
    find(desired, cloud, options).await.map_err(|mut failures| {
        // Without credentials or a network every read fails alike: once is enough.
        for reason in [Reason::Credentials, Reason::Unreachable] {
            let mut seen = false;
            failures.retain(|failure| failure.reason != reason || !std::mem::replace(&mut seen, true));
        }
        failures
    })
}

async fn find(desired: &DesiredState, cloud: &Arc<dyn Cloud>, options: PlanOptions) -> Result<Plan, Vec<Failure>> {
    let wanted = Wanted::new(desired, cloud.as_ref())?;
    let found = reading::read(&wanted, cloud, options).await?;
    let changes = deciding::decide(&wanted, cloud.as_ref(), found, options)?;
    let after = ordering::order(&desired.resources, &changes, cloud.as_ref());
    Ok(Plan { changes, after })
}

#[cfg(test)]
mod tests;
