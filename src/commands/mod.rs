//! One file a command: parsed arguments in, calls to the layers below out.

mod cli;
mod completions;
mod error;
mod interrupt;

pub use cli::main;
pub use error::{CommandError, Exit};
