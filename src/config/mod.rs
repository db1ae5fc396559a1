//! From files, environment and command line to a typed `Service` in which every node knows its place.

pub mod codes;
mod compose_file;
pub mod decode;
pub mod diagnostic;
pub mod dotenv;
mod foreign;
pub mod json;
pub mod language;
pub mod load;
pub mod node;
pub(crate) mod pattern;
pub mod print;
mod pseudo;
mod read;
pub mod record;
pub mod secrets;
mod shape;
pub mod suggest;
pub mod variables;
pub mod yaml;
