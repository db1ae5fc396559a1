//! The engine's lease, kept as an object of the deployment bucket: S3 writes on a condition.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::engine::failure::{Failure, Reason};
use crate::engine::lease::{Condition, LeaseStore, Stored, Written};

use super::bucket::If;
use super::client::Aws;

const PATIENCE: Duration = Duration::from_secs(40);

/// The lease of one service and stage.
pub struct S3Lease {
    aws: Arc<Aws>,
    key: String,
}

impl S3Lease {
    /// The lease of the connection's service and stage.
    pub fn new(aws: &Arc<Aws>) -> Self {
        let scope = aws.scope();
        Self { key: format!("leases/{}/{}.json", scope.service, scope.stage), aws: Arc::clone(aws) }
    }
}

/// A record of a few hundred bytes needs none of the patience that uploads have.
async fn soon<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Err(Failure::new(Reason::Unreachable, "s3 did not answer in time"));
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(late)
}

#[async_trait]
impl LeaseStore for S3Lease {
    async fn get(&self) -> Result<Option<Stored>, Failure> {
        let found = soon(self.aws.bucket().read(&self.key)).await?;
        Ok(found.map(|found| Stored { body: found.body, etag: found.etag, age: found.age }))
    }

    async fn put(&self, body: Vec<u8>, condition: Condition) -> Result<Written, Failure> {
        let condition = match &condition {
            Condition::IfNoneMatch => If::Absent,
            Condition::IfMatch(etag) => If::Unchanged(etag),
        };
        let written = soon(self.aws.bucket().write(&self.key, &body, condition)).await?;
        Ok(written.map_or(Written::Conflict, Written::Etag))
    }
}
