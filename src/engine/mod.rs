//! From `Desired` and `Live` to a `Plan` and its `Outcome`. Knows no AWS and no screen.

pub mod address;
pub mod apply;
pub mod diff;
pub mod evaluate;
pub mod event;
pub mod failure;
pub mod fingerprint;
pub mod graph;
pub mod guard;
pub mod kind;
pub mod lease;
pub mod limits;
pub mod plan;
pub mod planner;
pub mod resource;
pub mod retry;
pub mod stop;
pub mod summary;
pub mod value;

#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod memory;
