//! From files, environment and command line to a typed `Service` in which every node knows its place.

pub mod decode;
pub mod diagnostic;
pub mod json;
pub mod language;
pub mod node;
mod read;
pub mod suggest;
pub mod variables;
pub mod yaml;
