//! Sources of CloudFront Functions: one file each, sent as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::config::diagnostic::Diagnostic;
use crate::config::language::Service;

/// Bytes of a function.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-functions>
const LARGEST: usize = 10_240;

/// A source as it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub path: PathBuf,
    /// SHA-256 of the file in base64.
    pub sha256: String,
}

/// The sources of a service's CloudFront Functions by function key, and what is wrong with them.
pub fn sources(service: &Service, directory: &Path) -> (BTreeMap<String, Source>, Vec<Diagnostic>) {
    let (mut found, mut problems) = (BTreeMap::new(), Vec::new());
    for (key, function) in service.edge_functions() {
        let Some(handler) = function.handler.as_deref() else { continue };
        let path = directory.join(handler);
        let mut wrong = |code, problem: String, help: &str| {
            let at = format!("functions.{key}.handler");
            let message = format!("{at}: {problem}");
            problems.push(Diagnostic::error(code, message).path(at).at(function.place_of("handler")).help(help));
        };
        match std::fs::read(&path) {
            Ok(source) if source.len() > LARGEST => {
                let problem = format!("{} bytes are more than the {LARGEST} of a CloudFront Function", source.len());
                wrong("package-too-large", problem, "shorten it, or make it a function of Lambda");
            }
            Ok(source) => {
                let sha256 = STANDARD.encode(Sha256::digest(&source));
                found.insert(key.clone(), Source { path, sha256 });
            }
            Err(error) => {
                let problem = format!("{handler} cannot be read: {error}");
                wrong("handler-not-found", problem, "write the path from the folder of the configuration");
            }
        }
    }
    (found, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::decode::sample::node;
    use crate::config::language::decode_service;

    #[test]
    fn a_source_is_its_file() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.js"), "abc").unwrap();
        std::fs::write(directory.path().join("big.js"), "x".repeat(LARGEST + 1)).unwrap();
        let (service, _) = decode_service(&node(
            "
service: shop
provider: aws
functions:
  a: {type: cloudfront-function, handler: a.js}
  b: {type: cloudfront-function, handler: b.js}
  big: {type: cloudfront-function, handler: big.js}
",
        ));
        let (found, problems) = sources(&service.unwrap(), directory.path());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(found["a"].sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["handler-not-found", "package-too-large"]);
    }
}
