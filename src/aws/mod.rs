//! Amazon Web Services: what a service compiles to, and how each kind of resource is read and changed.

pub mod account;
pub mod archive;
mod bounded;
pub mod bucket;
pub mod calls;
pub mod client;
pub mod cloud;
pub mod compile;
pub mod endpoints;
mod errors;
#[cfg(test)]
mod fake;
pub mod history_store;
pub mod intrinsics;
pub mod invoke;
pub mod kinds;
pub mod lease_store;
pub mod log_events;
pub mod lookups;
pub mod naming;
pub mod ownership;
mod pages;
pub mod parameters;
pub mod partition;
pub mod permissions;
pub mod quotas;
pub mod release;
pub mod remote;
pub mod retries;
pub mod signed;
pub mod stacks;
pub mod sweep;
pub mod template;
pub mod web;
