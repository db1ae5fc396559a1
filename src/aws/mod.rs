//! Amazon Web Services: what a service compiles to, and how each kind of resource is read and changed.

pub mod compile;
pub mod intrinsics;
pub mod naming;
pub mod template;
