//! `hoist print`: the configuration with its variables resolved, secrets masked.

use clap::{Args, ValueEnum};

use super::cli::Global;
use super::prepare::{Purpose, load, show_or_fail};
use super::{CommandError, Exit};
use crate::config::print;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Print {
    /// As what
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Only the value at a dotted path: functions.api.environment
    #[arg(long, value_name = "PATH", default_value = "")]
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

impl Print {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let loaded = load(global, None).await?;
        show_or_fail(screen, Purpose::Look, loaded.diagnostics, &loaded.sources)?;
        let Some(root) = loaded.root else {
            return Err(CommandError::plain("the configuration could not be read", [""; 0]));
        };
        let value = print::at(&root, &self.path)
            .map_err(|message| CommandError::plain(message, ["`hoist print` without --path shows everything."]))?;
        let text = match self.format {
            Format::Yaml if !screen.is_json() => print::yaml(value),
            _ => print::json(value),
        };
        screen.raw(text.as_bytes());
        Ok(Exit::Done)
    }
}
