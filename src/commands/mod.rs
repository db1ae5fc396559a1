//! One file a command: parsed arguments in, calls to the layers below out.

mod change;
mod cli;
mod commit;
mod completions;
mod connection;
mod deploy;
mod desired;
mod diff;
mod domain;
mod error;
mod function;
mod history;
mod holder;
mod in_the_file;
mod info;
mod interrupt;
mod invoke;
mod logs;
mod manner;
mod outcome;
mod package;
mod prepare;
mod print;
mod recorded;
mod recording;
mod remove;
mod rollback;
mod schema;
mod secrets;
mod settle;
mod stand;
mod validate;
mod verify;

pub use cli::main;
pub use error::{CommandError, Exit};
