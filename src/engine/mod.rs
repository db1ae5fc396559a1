//! From `Desired` and `Live` to a `Plan` and its `Outcome`. Knows no AWS and no screen.
//!
//! Read in this order: [`value`] and [`resource`] (what is wanted, what is live), [`kind`] (what a provider brings),
//! [`diff`], [`planner`] (read, decide, order), [`lease`] (one deploy at a time; [`notes`] of what it makes), [`apply`]
//! (schedule, stop, failures),
//! [`summary`]. Beneath every call: [`limits`] (quotas) and [`retry`] (a table). `lifecycle` lives whole lives of random
//! services on the cloud of `memory`: `HOIST_WORLDS` says how many, `HOIST_SEED` which.

pub mod address;
pub mod apply;
pub mod diff;
pub mod evaluate;
pub mod event;
pub mod failure;
pub mod fingerprint;
pub mod graph;
pub mod guard;
pub mod history;
pub mod kind;
pub mod lease;
pub mod limits;
pub mod notes;
pub mod plan;
pub mod planner;
pub mod resource;
pub mod retry;
pub mod revert;
pub mod stop;
pub mod summary;
pub mod value;

#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod memory;
