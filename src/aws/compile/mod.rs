//! From a `Service` to a `Template`: one file per feature.
