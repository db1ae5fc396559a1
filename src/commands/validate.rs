//! `hoist validate`: everything that is wrong with the file, without AWS.

use clap::Args;
use serde_json::json;

use super::cli::Global;
use super::prepare::{Purpose, read};
use super::{CommandError, Exit};
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Validate {}

impl Validate {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let read = read(global, screen, Purpose::Deploy, None).await?;
        screen.result(&format!("{} is in order", read.config_file));
        screen.json(&json!({"type": "result", "valid": true, "file": read.config_file}));
        Ok(Exit::Done)
    }
}
