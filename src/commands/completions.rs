//! `hoist completions SHELL`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{CommandError, Exit};
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Completions {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

impl Completions {
    pub fn run<C: CommandFactory>(self, screen: &Screen) -> Result<Exit, CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "hoist", &mut script);
        screen.raw(&script);
        Ok(Exit::Done)
    }
}
