//! One file for each kind of resource: its properties, how it is read, made, changed and deleted.

pub mod event_source_mapping;
pub mod function;
mod json;
pub mod log_group;
mod names;
pub mod permission;
mod properties;
pub mod role;
pub mod rule;
pub mod run;
pub mod tags;
pub mod url;
pub mod version;
