//! From a function's or layer's source files to an `Artifact`: a reproducible zip with its digest.

pub mod braces;
pub mod dev_dependencies;
pub mod glob;
pub mod rules;
#[cfg(test)]
mod testing;
pub mod tree;
