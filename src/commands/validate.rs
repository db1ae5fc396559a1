//! `hoist validate`: everything that is wrong with the file, without AWS.

use clap::Args;
use serde_json::json;

use super::cli::Global;
use super::prepare::{Purpose, read, show_or_fail};
use super::{CommandError, Exit, desired};
use crate::aws::compile::{Compiled, compile};
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Validate {}

impl Validate {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let read = read(global, screen, Purpose::Deploy, None).await?;
        let Compiled { template, mut problems } = compile(&read.service, &read.target);
        problems.extend(desired::problems(&read, &template));
        show_or_fail(screen, Purpose::Deploy, problems, &read.sources)?;
        screen.result(&format!("{} is in order", read.config_file));
        screen.json(&json!({"type": "result", "valid": true, "file": read.config_file}));
        Ok(Exit::Done)
    }
}
