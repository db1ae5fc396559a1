//! Code that was deployed, kept for the way back: in the deployment bucket by digest, or else in a published version.
//!
//! A small zip goes to Lambda in the request itself, and into the bucket only once Lambda has it, while Lambda settles:
//! nobody waits for that copy. A large one goes through the bucket anyway.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::engine::failure::{Failure, Reason};

use super::bucket::Stored;
use super::client::{Aws, lock};
use super::pages::Pages;

/// Copies of this run that are under way, and the digests of all that were begun.
#[derive(Debug, Default)]
pub struct Keeping {
    begun: Mutex<BTreeSet<String>>,
    tasks: tokio::sync::Mutex<JoinSet<Result<(), Failure>>>,
}

impl Aws {
    /// Copies a zip into the deployment bucket in the background, once for each digest (base64 of its SHA-256).
    pub async fn keep_artifact(self: &Arc<Self>, path: &Path, digest: &str) {
        if !lock(&self.run.keeping.begun).insert(digest.to_owned()) {
            return;
        }
        let (aws, path, digest) = (Arc::clone(self), path.to_owned(), digest.to_owned());
        let copy = async move { aws.bucket().store_artifact(&path, &digest).await.map(drop) };
        self.run.keeping.tasks.lock().await.spawn(copy);
    }

    /// Waits for the copies that are under way, though not for long; gives what went wrong with them.
    pub async fn artifacts_kept(&self, within: Duration) -> Vec<Failure> {
        let mut tasks = self.run.keeping.tasks.lock().await;
        let mut failures = Vec::new();
        let all = async {
            while let Some(done) = tasks.join_next().await {
                let lost = || Failure::new(Reason::Bug, "a copy of the code ended without a result");
                failures.extend(done.unwrap_or_else(|_| Err(lost())).err());
            }
        };
        if tokio::time::timeout(within, all).await.is_err() {
            tasks.abort_all();
            failures.push(Failure::new(Reason::Unreachable, format!("not done after {} s", within.as_secs())));
        }
        failures
    }

    /// Where code of that digest is kept; `None` when it is not in the bucket.
    ///
    /// # Errors
    /// As every call.
    pub async fn kept_artifact(&self, digest: &str) -> Result<Option<Stored>, Failure> {
        self.bucket().stored_artifact(digest).await
    }

    /// The published versions of a function, oldest first: number and digest of the code.
    ///
    /// # Errors
    /// As every call.
    pub async fn versions(&self, function: &str) -> Result<Vec<(String, String)>, Failure> {
        let mut found: Vec<(u64, String)> = Vec::new();
        let mut pages = Pages::new("ListVersionsByFunction");
        let mut marker = None;
        loop {
            let page = self
                .call("lambda", "ListVersionsByFunction")
                .find(|| {
                    let request = self.lambda().list_versions_by_function().function_name(function);
                    request.set_marker(marker.clone()).send()
                })
                .await?;
            let Some(page) = page else { break };
            found.extend(page.versions().iter().filter_map(|version| {
                // `$LATEST` is no number.
                Some((version.version()?.parse().ok()?, version.code_sha256()?.to_owned()))
            }));
            marker = pages.next(page.next_marker())?;
            if marker.is_none() {
                break;
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(number, digest)| (number.to_string(), digest)).collect())
    }

    /// A published version of a function with code of that digest.
    ///
    /// # Errors
    /// As every call.
    pub async fn version_with_code(&self, function: &str, digest: &str) -> Result<Option<String>, Failure> {
        let versions = self.versions(function).await?;
        Ok(versions.into_iter().rev().find(|(_, code)| code == digest).map(|(version, _)| version))
    }

    /// Brings the code of a function's version into the bucket.
    ///
    /// # Errors
    /// There is no such version, or its code cannot be fetched or stored.
    pub async fn keep_version(&self, function: &str, version: &str) -> Result<Stored, Failure> {
        let gone = || Failure::new(Reason::NotFound, format!("{function} has no version {version} with code"));
        let answer = self
            .call("lambda", "GetFunction")
            .find(|| self.lambda().get_function().function_name(function).qualifier(version).send())
            .await?
            .ok_or_else(gone)?;
        let digest = answer.configuration().and_then(|found| found.code_sha256()).ok_or_else(gone)?.to_owned();
        if let Some(stored) = self.kept_artifact(&digest).await? {
            return Ok(stored);
        }
        let location = answer.code().and_then(|code| code.location()).ok_or_else(gone)?;
        let unwritable = |error: std::io::Error| {
            Failure::new(Reason::Invalid, format!("the code of {function} cannot be written down: {error}"))
        };
        let mut file = tempfile::NamedTempFile::new().map_err(unwritable)?;
        self.download(location, &mut file).await?;
        let path: PathBuf = file.path().to_owned();
        let bytes = tokio::fs::read(&path).await.map_err(unwritable)?;
        // Nothing is ever kept, and nothing deployed, under a digest that it does not have.
        if STANDARD.encode(Sha256::digest(&bytes)) != digest {
            let message = format!("what Lambda gave as the code of version {version} of {function} is not that code");
            return Err(Failure::new(Reason::Server, message));
        }
        self.bucket().store_artifact(&path, &digest).await
    }

    /// Code of that digest, from wherever it is kept: `function` is whose versions may have it.
    ///
    /// # Errors
    /// It is kept nowhere; as every call.
    pub async fn archived(&self, function: &str, digest: &str) -> Result<Stored, Failure> {
        if let Some(stored) = self.kept_artifact(digest).await? {
            return Ok(stored);
        }
        match self.version_with_code(function, digest).await? {
            Some(version) => self.keep_version(function, &version).await,
            None => {
                let message = format!("the code that {function} had is kept nowhere (SHA-256 {digest})");
                Err(Failure::new(Reason::NotFound, message)
                    .help("Check out the commit that it was deployed from, and deploy that."))
            }
        }
    }
}
