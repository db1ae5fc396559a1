//! What the kinds learnt or did in this run and tell each other.

/// Shared by all kinds of one connection.
#[derive(Debug, Default)]
pub struct Run {}
