//! Where a function's code is, and the way that it goes to Lambda.

use std::path::{Path, PathBuf};

use super::super::properties::{required, text};
use super::Function;
use crate::engine::failure::{Failure, Reason};
use crate::engine::resource::Desired;
use crate::engine::value::Value;

/// Zips up to here go in the request itself. The quota is 50 MB; but what is kept in the deployment bucket in any case
/// need not be sent twice, and the zip that many functions share only once.
const DIRECT_UPLOAD: u64 = 4 * 1000 * 1000;

/// Where a function's code comes from.
#[derive(Clone, Debug)]
pub(super) enum Code {
    Zip { path: PathBuf, size: u64 },
    Stored { bucket: String, key: String },
    Image(String),
}

impl Function {
    /// Where the code is, uploaded to the deployment bucket when it is too large for a request. Without a file it is
    /// code that was deployed before.
    pub(super) async fn code(&self, desired: &Desired) -> Result<Code, Failure> {
        if let Some(uri) = text(&desired.properties, &["Code", "ImageUri"]) {
            return Ok(Code::Image(uri));
        }
        if let (Some(bucket), Some(key)) =
            (text(&desired.properties, &["Code", "S3Bucket"]), text(&desired.properties, &["Code", "S3Key"]))
        {
            return Ok(Code::Stored { bucket, key });
        }
        let digest = required(desired.properties.get("Code").unwrap_or(&Value::Null), "Sha256")?;
        let Some(path) = desired.hints.get("Artifact").and_then(Value::text) else {
            let name = required(&desired.properties, "FunctionName")?;
            let stored = self.aws.archived(&name, &digest).await?;
            return Ok(Code::Stored { bucket: stored.bucket, key: stored.key });
        };
        let path = PathBuf::from(path);
        let size = tokio::fs::metadata(&path).await.map_err(|error| unreadable(&path, &error))?.len();
        if size <= DIRECT_UPLOAD {
            return Ok(Code::Zip { path, size });
        }
        let stored = self.aws.bucket().store_artifact(&path, &digest).await?;
        Ok(Code::Stored { bucket: stored.bucket, key: stored.key })
    }

    /// Keeps the code that Lambda has by now, for the way back.
    pub(super) async fn keep(&self, code: &Code, desired: &Desired) {
        if let (Code::Zip { path, .. }, Some(digest)) = (code, text(&desired.properties, &["Code", "Sha256"])) {
            self.aws.keep_artifact(path, &digest).await;
        }
    }

    pub(super) async fn room(&self, code: &Code) -> Option<tokio::sync::SemaphorePermit<'_>> {
        match code {
            Code::Zip { size, .. } => self.aws.run.room_for(*size).await,
            _ => None,
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Reason::Invalid, format!("{} cannot be read: {error}", path.display()))
}

/// The bytes that go in the request itself; `None` where they lie elsewhere.
pub(super) async fn read(code: &Code) -> Result<Option<Vec<u8>>, Failure> {
    match code {
        Code::Zip { path, .. } => tokio::fs::read(path).await.map(Some).map_err(|error| unreadable(path, &error)),
        _ => Ok(None),
    }
}
