//! What is to be packaged, in plain types.

use std::path::{Path, PathBuf};

use super::handler::Check;
use super::rules::{Defaults, Written};

/// All packages of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packaging {
    /// The directory of the configuration file.
    pub service_dir: PathBuf,
    /// Where zips go: `.hoist` in the service directory, or `package.path`.
    pub output: PathBuf,
    pub defaults: Defaults,
    pub requests: Vec<Request>,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The zip's file name without `.zip`, unique in its service: the service's name, or the function's or layer's key.
    pub name: String,
    /// What asks for it, as a dotted path of the configuration: `functions.api`, `layers.common`, `package`.
    pub path: String,
    pub content: Content,
    /// `package.excludeDevDependencies`, on unless set. Has no effect on layers, as in the framework.
    pub exclude_dev_dependencies: bool,
    /// Functions that run from it, with what each needs to find in it.
    pub checks: Vec<Check>,
}

/// Where a package's content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Files beneath a directory: the service's, or a layer's `path` (whose content is then at the root of the zip).
    Files { root: PathBuf, written: Written },
    /// `package.artifact` as it was written: a path relative to the service directory, or an S3 URL.
    Artifact(String),
}

impl Packaging {
    /// Nothing yet, with the defaults of a service in `service_dir`.
    pub fn new(service_dir: impl Into<PathBuf>) -> Self {
        let service_dir = service_dir.into();
        Self { output: service_dir.join(".hoist"), service_dir, defaults: Defaults::default(), requests: Vec::new() }
    }

    /// Where a request's zip is written.
    pub fn zip_path(&self, request: &Request) -> PathBuf {
        self.output.join(format!("{}.zip", request.name))
    }
}

impl Request {
    /// A package of files.
    pub fn files(name: impl Into<String>, path: impl Into<String>, root: impl Into<PathBuf>, written: Written) -> Self {
        Self::new(name.into(), path.into(), Content::Files { root: root.into(), written })
    }

    /// A zip that somebody else made.
    pub fn artifact(name: impl Into<String>, path: impl Into<String>, artifact: impl Into<String>) -> Self {
        Self::new(name.into(), path.into(), Content::Artifact(artifact.into()))
    }

    fn new(name: String, path: String, content: Content) -> Self {
        Self { name, path, content, exclude_dev_dependencies: true, checks: Vec::new() }
    }

    /// The directory that it is packaged from; `None` for an artifact.
    pub fn root(&self) -> Option<&Path> {
        match &self.content {
            Content::Files { root, .. } => Some(root),
            Content::Artifact(_) => None,
        }
    }

    pub(super) fn written(&self) -> &Written {
        const NOTHING: &Written = &Written {
            service_exclude: Vec::new(),
            own_exclude: Vec::new(),
            service_patterns: Vec::new(),
            own_patterns: Vec::new(),
        };
        match &self.content {
            Content::Files { written, .. } => written,
            Content::Artifact(_) => NOTHING,
        }
    }

    pub(super) fn is_layer(&self) -> bool {
        self.path.starts_with("layers.")
    }
}
