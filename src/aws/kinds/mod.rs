//! One file for each kind of resource: its properties, how it is read, made, changed and deleted.

pub mod function;
mod properties;
pub mod run;
