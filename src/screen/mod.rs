//! The one place that writes to the terminal: for people, and as JSON lines for machines.

pub mod diagnostics;
