//! Amazon Web Services: what a service compiles to, and how each kind of resource is read and changed.
