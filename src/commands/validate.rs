//! `hoist validate`: everything that is wrong with the file and the code that it names, without AWS and without packaging.

use clap::Args;
use serde_json::json;

use super::cli::Global;
use super::prepare::{Purpose, inspect, show_or_fail};
use super::{CommandError, Exit};
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Validate {}

impl Validate {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let (file, problems, sources) = inspect(global).await?;
        show_or_fail(screen, Purpose::Deploy, problems, &sources)?;
        screen.result(&format!("{file} is in order"));
        screen.json(&json!({"type": "result", "valid": true, "file": file}));
        Ok(Exit::Done)
    }
}
