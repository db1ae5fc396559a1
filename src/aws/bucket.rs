//! The deployment bucket, one for each account and region: large artifacts by digest, leases, records of deployments.
//! A cache and a history, never the truth: losing it costs an upload. It is made when it is first needed.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat as Format};
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration, Tag, Tagging,
};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::engine::failure::{Failure, Reason};

use super::client::{Aws, lock};

/// Leases and records are far smaller; nothing else is read into memory.
const LARGEST_DOCUMENT: usize = 4 << 20;

/// How often a document is read whose answer breaks off.
const READS: u32 = 4;
/// Keys that S3 lists at once.
const LARGEST_PAGE: i32 = 1000;
const BROKE_OFF: &str = "broke-off";
const NO_BUCKET: &str = "NoSuchBucket";

/// The deployment bucket of a connection.
#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    aws: &'a Aws,
}

/// Where an artifact is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub bucket: String,
    pub key: String,
}

/// A small object and the tag that changes with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub body: Vec<u8>,
    pub etag: String,
    /// How long ago it was written, by S3's own clock.
    pub age: Option<Duration>,
}

/// An object as a list tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    /// Seconds since 1970, by S3's clock.
    pub written: i64,
}

/// When a document may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum If<'a> {
    /// Always.
    Any,
    /// Only when there is none of that key (`If-None-Match: *`).
    Absent,
    /// Only when it still has this tag (`If-Match`).
    Unchanged(&'a str),
}

impl Aws {
    /// The deployment bucket.
    pub fn bucket(&self) -> Bucket<'_> {
        Bucket { aws: self }
    }
}

impl Bucket<'_> {
    /// `hoist-123456789012-eu-central-1`
    ///
    /// # Errors
    /// The account could not be asked for.
    pub async fn name(&self) -> Result<String, Failure> {
        Ok(format!("hoist-{}-{}", self.aws.account().await?.id, self.aws.region()))
    }

    /// Puts a file under its digest (base64 of its SHA-256), unless it is there.
    ///
    /// # Errors
    /// The file cannot be read, or the bucket cannot be made or written.
    pub async fn store_artifact(&self, path: &Path, digest: &str) -> Result<Stored, Failure> {
        let (bucket, key) = (self.name().await?, artifact_key(digest));
        if self.stored_artifact(digest).await?.is_none() {
            self.made(&bucket, |fresh| {
                let (bucket, key) = (&bucket, &key);
                async move {
                    // Read anew for every attempt: a file is streamed, never held.
                    let body = || async {
                        let body = ByteStream::from_path(path).await;
                        body.map_err(aws_sdk_s3::error::SdkError::construction_failure)
                    };
                    self.aws
                        .call("s3", "PutObject")
                        .fresh(fresh)
                        .send(|| async {
                            let body = body().await?;
                            self.aws.s3().put_object().bucket(bucket).key(key).body(body).send().await
                        })
                        .await
                }
            })
            .await?;
        }
        Ok(Stored { bucket, key })
    }

    /// The file of that digest, if it is there.
    ///
    /// # Errors
    /// The bucket cannot be read.
    pub async fn stored_artifact(&self, digest: &str) -> Result<Option<Stored>, Failure> {
        let (bucket, key) = (self.name().await?, artifact_key(digest));
        let there = self
            .aws
            .call("s3", "HeadObject")
            .find(|| self.aws.s3().head_object().bucket(&bucket).key(&key).send())
            .await?;
        Ok(there.map(|_| Stored { bucket, key }))
    }

    /// A small document, or `None`.
    ///
    /// # Errors
    /// The bucket cannot be read, or the document is larger than any that hoist writes.
    pub async fn read(&self, key: &str) -> Result<Option<Document>, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.read_once(key).await {
                // The body comes after the call is over, where the retry table does not see it.
                Err(failure) if tries < READS && failure.code.as_deref() == Some(BROKE_OFF) => {}
                read => return read,
            }
        }
    }

    async fn read_once(&self, key: &str) -> Result<Option<Document>, Failure> {
        let bucket = self.name().await?;
        let now = ServerClock::default();
        let answer = self
            .aws
            .call("s3", "GetObject")
            .send(|| self.aws.s3().get_object().bucket(&bucket).key(key).customize().interceptor(now.clone()).send())
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) if failure.reason == Reason::NotFound => {
                self.aws.run.bucket_is_missing(failure.code.as_deref() == Some(NO_BUCKET));
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        let age = now.since(answer.last_modified());
        let etag = answer.e_tag().unwrap_or_default().to_owned();
        let broken = |what: String| Failure::new(Reason::Server, format!("s3://{bucket}/{key}: {what}"));
        let mut body = answer.body;
        let mut bytes = Vec::new();
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| {
                let mut failure = broken(format!("the answer broke off: {error}"));
                failure.code = Some(BROKE_OFF.to_owned());
                failure
            })?;
            if bytes.len() + part.len() > LARGEST_DOCUMENT {
                return Err(broken("is larger than anything that hoist writes there".to_owned()));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(Some(Document { body: bytes, etag, age }))
    }

    /// Writes a small document and gives its new tag; `None` when the condition does not hold.
    ///
    /// # Errors
    /// The bucket cannot be made or written.
    pub async fn write(&self, key: &str, body: &[u8], condition: If<'_>) -> Result<Option<String>, Failure> {
        let bucket = self.name().await?;
        let written = self
            .made(&bucket, |fresh| {
                let bucket = &bucket;
                async move {
                    self.aws
                        .call("s3", "PutObject")
                        .fresh(fresh)
                        .send(|| {
                            let request = self.aws.s3().put_object().bucket(bucket).key(key);
                            let request = match condition {
                                If::Any => request,
                                If::Absent => request.if_none_match("*"),
                                If::Unchanged(etag) => request.if_match(etag),
                            };
                            request.content_type("application/json").body(ByteStream::from(body.to_vec())).send()
                        })
                        .await
                }
            })
            .await;
        match written {
            Ok(answer) => Ok(Some(answer.e_tag().unwrap_or_default().to_owned())),
            Err(failure) if condition != If::Any && is_unmet(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes a document, when it still has this tag if one is given. `false` when it has another.
    ///
    /// # Errors
    /// The bucket cannot be written.
    pub async fn delete(&self, key: &str, etag: Option<&str>) -> Result<bool, Failure> {
        let bucket = self.name().await?;
        let deleted = self
            .aws
            .call("s3", "DeleteObject")
            .find(|| {
                let request = self.aws.s3().delete_object().bucket(&bucket).key(key);
                request.set_if_match(etag.map(str::to_owned)).send()
            })
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(failure) if etag.is_some() && is_unmet(&failure) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Keys that begin with a prefix, in order, at most `most` of them.
    ///
    /// # Errors
    /// The bucket cannot be read.
    pub async fn keys(&self, prefix: &str, most: usize) -> Result<Vec<String>, Failure> {
        Ok(self.objects(prefix, most).await?.into_iter().map(|object| object.key).collect())
    }

    /// The same with when each was written.
    ///
    /// # Errors
    /// The bucket cannot be read.
    pub async fn objects(&self, prefix: &str, most: usize) -> Result<Vec<Object>, Failure> {
        let bucket = self.name().await?;
        let mut objects: Vec<Object> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self
                .aws
                .call("s3", "ListObjectsV2")
                .find(|| {
                    let request = self.aws.s3().list_objects_v2().bucket(&bucket).prefix(prefix);
                    let request = request.max_keys(i32::try_from(most).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE));
                    request.set_start_after(after.clone()).send()
                })
                .await?;
            let Some(page) = page else { return Ok(objects) };
            objects.extend(page.contents().iter().filter_map(|object| {
                Some(Object { key: object.key()?.to_owned(), written: object.last_modified()?.secs() })
            }));
            let last = objects.last().map(|object| object.key.clone());
            // A page that does not move on would be asked for again for ever.
            if page.is_truncated() != Some(true) || objects.len() >= most || last == after {
                objects.truncate(most);
                return Ok(objects);
            }
            after = last;
        }
    }

    /// Does something with the bucket, and once more after making it if there is none.
    async fn made<T, F, Fut>(&self, bucket: &str, act: F) -> Result<T, Failure>
    where
        F: Fn(bool) -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        if !self.aws.run.is_bucket_missing() {
            match act(false).await {
                Err(failure) if failure.code.as_deref() == Some(NO_BUCKET) => {}
                other => return other,
            }
        }
        self.create(bucket).await?;
        self.aws.run.bucket_is_missing(false);
        // A new bucket lets nobody in, and S3 encrypts what is in it: what says so for good need not be waited for.
        let ((), (), done) = tokio::try_join!(self.block_public_access(bucket), self.tag(bucket), act(true))?;
        Ok(done)
    }

    async fn create(&self, bucket: &str) -> Result<(), Failure> {
        let aws = self.aws;
        let elsewhere = (aws.region() != "us-east-1").then(|| {
            let region = BucketLocationConstraint::from(aws.region());
            CreateBucketConfiguration::builder().location_constraint(region).build()
        });
        let created = aws
            .call("s3", "CreateBucket")
            .send(|| aws.s3().create_bucket().bucket(bucket).set_create_bucket_configuration(elsewhere.clone()).send())
            .await;
        match created {
            Ok(_) => Ok(()),
            // Another deploy was faster.
            Err(failure) if failure.code.as_deref() == Some("BucketAlreadyOwnedByYou") => Ok(()),
            Err(failure) if failure.code.as_deref() == Some("BucketAlreadyExists") => Err(failure.help(format!(
                "the bucket {bucket} belongs to another account: names of buckets are the same for the whole world"
            ))),
            Err(failure) => Err(failure),
        }
    }

    async fn block_public_access(&self, bucket: &str) -> Result<(), Failure> {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        let request = self.aws.s3().put_public_access_block().bucket(bucket).public_access_block_configuration(block);
        let call = self.aws.call("s3", "PutPublicAccessBlock").fresh(true);
        call.send(|| request.clone().send()).await.map(drop)
    }

    /// No service's tag: the bucket belongs to all of them.
    async fn tag(&self, bucket: &str) -> Result<(), Failure> {
        let invalid =
            |error: aws_smithy_types::error::operation::BuildError| Failure::new(Reason::Bug, format!("s3: {error}"));
        let tag = Tag::builder().key("hoist:purpose").value("deployments").build().map_err(invalid)?;
        let tagging = Tagging::builder().tag_set(tag).build().map_err(invalid)?;
        let request = self.aws.s3().put_bucket_tagging().bucket(bucket).tagging(tagging);
        self.aws.call("s3", "PutBucketTagging").fresh(true).send(|| request.clone().send()).await.map(drop)
    }
}

pub fn artifact_key(digest: &str) -> String {
    // Base64 has a slash, and a key is a path.
    format!("artifacts/{}.zip", digest.replace('/', "_").replace('+', "-").trim_end_matches('='))
}

/// Notes the time that S3 has when it answers: clocks of different machines are not compared.
#[derive(Clone, Debug, Default)]
struct ServerClock(Arc<Mutex<Option<DateTime>>>);

impl ServerClock {
    /// How long before the answer that was. A second is the resolution of both.
    fn since(&self, then: Option<&DateTime>) -> Option<Duration> {
        let now = (*lock(&self.0))?;
        Some(Duration::from_secs(u64::try_from(now.secs() - then?.secs()).unwrap_or(0)))
    }
}

#[dyn_dispatch_hint]
impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        *lock(&self.0) = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        Ok(())
    }
}

/// Whether a conditional write was refused for its condition.
fn is_unmet(failure: &Failure) -> bool {
    matches!(failure.code.as_deref(), Some("PreconditionFailed" | "ConditionalRequestConflict"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_by_the_servers_clock() {
        let clock = ServerClock::default();
        assert_eq!(clock.since(Some(&DateTime::from_secs(5))), None);
        *lock(&clock.0) = Some(DateTime::from_secs(100));
        assert_eq!(clock.since(Some(&DateTime::from_secs(40))), Some(Duration::from_secs(60)));
        assert_eq!(clock.since(Some(&DateTime::from_secs(101))), Some(Duration::ZERO));
        assert_eq!(clock.since(None), None);
    }
}
