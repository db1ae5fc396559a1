//! `hoist schema`: the JSON Schema of serverless.yml, for editors.

use clap::Args;

use super::Exit;
use crate::config::language::schema::schema_text;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Schema {}

impl Schema {
    pub fn run(self, screen: &Screen) -> Exit {
        screen.raw(schema_text().as_bytes());
        Exit::Done
    }
}
