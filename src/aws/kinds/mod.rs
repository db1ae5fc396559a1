//! One file for each kind of resource: its properties, how it is read, made, changed and deleted.

pub mod event_bus;
pub mod event_source_mapping;
pub mod function;
mod json;
mod names;
mod properties;
pub mod rule;
pub mod run;
pub mod schedule;
