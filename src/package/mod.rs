//! From a function's or layer's source files to an `Artifact`: a reproducible zip with its digest.
//!
//! `Packaging` (what to package) → `tree` (one walk) and `rules` (ordered patterns) → `selection` (which files) →
//! `archive` (the bytes), unless `cache` says that nothing changed → `Artifact`.

pub mod archive;
pub mod artifact;
pub mod braces;
pub mod build;
pub mod cache;
pub mod dev_dependencies;
pub mod edge;
pub mod glob;
pub mod handler;
pub mod request;
pub mod rules;
pub mod selection;
pub mod service;
pub mod stamp;
#[cfg(test)]
mod testing;
pub mod tree;

pub use artifact::{Artifact, Excess};
pub use build::{Built, build, build_beside};
pub use handler::Check;
pub use request::{Content, Packaging, Request};
pub use service::{ServiceArtifacts, ServicePackages, from_service};
