//! One file for each kind of resource: its properties, how it is read, made, changed and deleted.

pub mod function;
pub mod log_group;
pub mod permission;
mod properties;
pub mod role;
pub mod run;
pub mod tags;
pub mod url;
pub mod version;
