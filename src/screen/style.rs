//! The few colours, each with one meaning. Everything stays readable without them.

use anstyle::{AnsiColor, Style};

pub const CREATE: Style = AnsiColor::Green.on_default();
pub const UPDATE: Style = AnsiColor::Yellow.on_default();
pub const DELETE: Style = AnsiColor::Red.on_default();
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub const HINT: Style = AnsiColor::Cyan.on_default();
pub const HEAD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
