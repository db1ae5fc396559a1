//! One file a command: parsed arguments in, calls to the layers below out.

mod change;
mod cli;
mod completions;
mod connection;
mod deploy;
mod desired;
mod diff;
mod error;
mod function;
mod holder;
mod info;
mod interrupt;
mod invoke;
mod logs;
mod package;
mod prepare;
mod print;
mod remove;
mod schema;
mod secrets;
mod stand;
mod validate;

pub use cli::main;
pub use error::{CommandError, Exit};
