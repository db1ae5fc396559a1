//! What every test starts from: a project on disk, a cloud to deploy it to, the binary, and a look from outside.

mod boto;
mod cloud;
mod project;
mod split;

pub use boto::{Boto, difference};
pub use cloud::{Cloud, python};
pub use project::{Project, Ran, signal};
pub use split::assert_split;
