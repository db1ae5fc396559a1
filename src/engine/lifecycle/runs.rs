//! Lives that are worth a name.
