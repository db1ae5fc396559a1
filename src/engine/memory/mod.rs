//! A cloud in memory, for tests of the engine: it keeps rules as a real one does, takes its time, fails and is killed.

mod kinds;
mod store;
mod world;

pub(super) use kinds::{MemoryCloud, SERVICE, object};
pub(super) use store::MemoryStore;
pub(super) use world::{Fault, Owner, Thing, World};
