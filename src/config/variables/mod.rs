//! Variables: `${self:custom.table}`, `${opt:stage, 'dev'}`, `${file(./x.yml):key}`.

mod cells;
pub mod grammar;
pub mod remote;
mod resolver;
mod sources;

/// What the values that variables make may take in memory, in bytes.
const MAX_BYTES: usize = 64 << 20;
