//! Whole lives of services on the cloud in memory: deployed, changed, killed, deployed again, removed.

mod process;
mod reverts;
mod runs;
mod service;
mod worlds;
