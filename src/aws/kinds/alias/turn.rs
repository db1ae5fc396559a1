//! What an update of an alias has to do: from which version to which, how far it has come, and who has environments.

use serde_json::Value as Json;

use super::capacity::Allocation;
use super::shape::{COUNT, Mark, weights};
use crate::aws::kinds::properties::{integer, required, text};
use crate::engine::failure::Failure;
use crate::engine::resource::Live;
use crate::engine::value::Value;

/// What an update has to do.
pub(super) struct Turn {
    pub(super) from: String,
    pub(super) to: String,
    /// The percentage that `to` has already.
    pub(super) share: u8,
    /// Versions that are neither have weights.
    pub(super) others: bool,
    /// What is live, by version and by alias, when environments play a part.
    pub(super) allocations: Vec<Allocation>,
    /// What the new version is to have.
    pub(super) count: Option<i64>,
}

impl Turn {
    pub(super) fn new(live: &Live, wanted: &Value, name: &str, allocations: Vec<Allocation>) -> Result<Self, Failure> {
        let from = text(&live.properties, &["FunctionVersion"]).unwrap_or_default();
        let to = required(wanted, "FunctionVersion")?;
        let weights = weights(&live.properties);
        // Weights have two digits at most, as they were sent.
        let share = weights.get(&to).and_then(Json::as_f64).map_or(0.0, |weight| (weight * 100.0).round());
        let share = (1..=99).find(|percent| f64::from(*percent) >= share).filter(|_| share > 0.0).unwrap_or(0);
        let others = weights.keys().any(|version| *version != to);
        let desired = integer(wanted, &COUNT).map(i64::from);
        // The number that is live stands for what was asked for where somebody scales it: what they reached is kept, until
        // nobody is to scale it any more.
        let (asked, asks) = (Mark::of(&live.properties), Mark::of(wanted));
        let keeps = desired == asked.count && (asks.scaled || !asked.scaled);
        let reached = allocated(&allocations, name, &from).filter(|_| keeps);
        let count = desired.map(|desired| reached.map_or(desired, |reached| reached.max(desired)));
        Ok(Self { from, to, share, others, allocations, count })
    }

    pub(super) fn moves(&self) -> bool {
        self.from != self.to
    }

    pub(super) fn has(&self, qualifier: &str) -> Option<i64> {
        self.allocations.iter().find(|one| one.qualifier == qualifier).map(|one| one.requested)
    }
}

/// What is allocated to an alias, or to the version that it points to.
pub(super) fn allocated(allocations: &[Allocation], name: &str, version: &str) -> Option<i64> {
    let of = |qualifier: &str| allocations.iter().find(|one| one.qualifier == qualifier).map(|one| one.requested);
    of(name).or_else(|| of(version))
}
