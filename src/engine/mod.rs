//! From `Desired` and `Live` to a `Plan` and its `Outcome`. Knows no AWS and no screen.

pub mod address;
pub mod event;
pub mod failure;
pub mod fingerprint;
pub mod kind;
pub mod plan;
pub mod resource;
pub mod value;
