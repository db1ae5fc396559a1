//! `package` of the service, of a function and of a layer.

use super::super::decode::{object, text};

text! {
    /// A finished zip.
    pub struct FinishedZip: "a path or an S3 URL", empty Absent
}

object! {
    /// What goes into the service's zip, and how zips are made.
    pub struct Package {
        /// Globs in order, the last match wins; `!` takes files out.
        patterns "patterns": Vec<String>,
        /// Whether every function gets its own zip.
        individually "individually" = false: Option<bool>,
        /// A finished zip: a path or an S3 URL.
        artifact "artifact": Option<FinishedZip>,
        /// Whether development dependencies are left out.
        exclude_dev_dependencies "excludeDevDependencies" = true: Option<bool>,
        /// Globs to take in, applied before `patterns` (up to v3).
        include "include": Vec<String>,
        /// Globs to leave out, applied before `patterns` (up to v3).
        exclude "exclude": Vec<String>,
        /// The folder that `hoist package` writes to.
        path "path": Option<String>,
    }
}

object! {
    /// What goes into one function's zip.
    pub struct FunctionPackage {
        /// Globs in order, the last match wins, after those of the service.
        patterns "patterns": Vec<String>,
        /// Whether this function gets its own zip.
        individually "individually": Option<bool>,
        /// A finished zip: a path or an S3 URL.
        artifact "artifact": Option<FinishedZip>,
        /// Globs to take in (up to v3).
        include "include": Vec<String>,
        /// Globs to leave out (up to v3).
        exclude "exclude": Vec<String>,
        /// Whether this function is not packaged at all.
        disable "disable" = false: Option<bool>,
        /// Whether development dependencies are left out of this function's zip.
        exclude_dev_dependencies "excludeDevDependencies": Option<bool>,
    }
}

object! {
    /// What goes into a layer's zip.
    pub struct LayerPackage {
        /// Globs in order, the last match wins.
        patterns "patterns": Vec<String>,
        /// A finished zip: a path or an S3 URL.
        artifact "artifact": Option<FinishedZip>,
        /// Globs to take in (up to v3).
        include "include": Vec<String>,
        /// Globs to leave out (up to v3).
        exclude "exclude": Vec<String>,
    }
}
