//! Amazon Web Services: what a service compiles to, and how each kind of resource is read and changed.

pub mod account;
mod bounded;
pub mod bucket;
pub mod calls;
pub mod client;
pub mod cloud;
mod errors;
pub mod kinds;
pub mod lease_store;
pub mod ownership;
pub mod partition;
pub mod quotas;
pub mod raw;
pub mod retries;
