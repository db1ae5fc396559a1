//! The one way to call AWS: quota first, then the request, then the retry table, and an error that a person can use.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress;
use crate::engine::retry::{Call, CallError, Look, Resend};

use super::client::Aws;
use super::errors::call_error;
use super::quotas;

/// What the SDK gives for a request.
pub type Answer<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// One operation about to be called.
pub struct Request<'a> {
    aws: &'a Aws,
    service: &'static str,
    operation: &'static str,
    progress: Progress,
    resend: Resend,
    fresh: bool,
}

impl Aws {
    /// A call of one operation. Unless something else is said it may be sent twice, waits for no permission to spread,
    /// and shows nobody what it waits for.
    pub fn call(&self, service: &'static str, operation: &'static str) -> Request<'_> {
        Request {
            aws: self,
            service,
            operation,
            progress: Progress::silent(),
            resend: Resend::Idempotent,
            fresh: false,
        }
    }
}

impl Request<'_> {
    /// Shows what it waits for.
    #[must_use]
    pub fn progress(mut self, progress: &Progress) -> Self {
        self.progress = progress.clone();
        self
    }

    /// Something that the call rests on was made or changed in this run: wait until it counts everywhere.
    #[must_use]
    pub fn fresh(mut self, fresh: bool) -> Self {
        self.fresh = fresh;
        self
    }

    /// Twice is not the same as once: after an error that leaves open whether it was carried out it is not sent again.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.resend = Resend::CheckFirst;
        self
    }

    /// Sends it until it succeeds or the table says that it will not.
    ///
    /// # Errors
    /// The last error, with its operation, attempts, time and request id.
    pub async fn send<T, E, F, Fut>(self, send: F) -> Result<T, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Answer<T, E>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.aws.retry.run(self.call(), &self.progress, |_| self.attempt(&send)).await
    }

    /// As [`Request::send`], with `None` for what is not there.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub async fn find<T, E, F, Fut>(self, send: F) -> Result<Option<T>, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Answer<T, E>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        match self.send(send).await {
            Ok(answer) => Ok(Some(answer)),
            Err(failure) if failure.reason == Reason::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends a create that must not happen twice: when it is not known what became of an attempt, `find` looks first.
    ///
    /// # Errors
    /// As [`Request::send`], of the create or of the look.
    pub async fn create<T, E, F, Fut, G, Gut>(self, find: G, send: F) -> Result<T, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Answer<T, E>>,
        E: ProvideErrorMetadata + Error + 'static,
        G: Fn() -> Gut,
        Gut: Future<Output = Result<Option<T>, Failure>>,
    {
        self.aws.retry.create(self.call(), &self.progress, find, |_| self.attempt(&send)).await
    }

    /// Asks again and again until `look` is satisfied with the answer: first at once, later every second.
    ///
    /// # Errors
    /// As [`Request::send`]; `Failed` when the time is over.
    pub async fn wait<T, U, E, F, Fut, L>(self, within: Duration, send: F, look: L) -> Result<U, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Answer<T, E>>,
        E: ProvideErrorMetadata + Error + 'static,
        L: Fn(T) -> Look<U>,
    {
        let look = &look;
        self.aws
            .retry
            .wait_until(self.call(), &self.progress, within, |_| async { self.attempt(&send).await.map(look) })
            .await
    }

    fn call(&self) -> Call<'static> {
        let mut call = Call::new(quotas::buckets(self.service, self.operation)).fresh(self.fresh);
        call.resend = self.resend;
        call
    }

    async fn attempt<T, E, F, Fut>(&self, send: &F) -> Result<T, CallError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Answer<T, E>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.aws.count(self.service, self.operation);
        // SDK futures are kilobytes large: on the heap they do not blow up every future that awaits them.
        Box::pin(send()).await.map_err(|error| {
            let error = call_error(self.service, self.operation, &error, |text| self.aws.mask(text));
            match self.aws.endpoint().filter(|_| error.reason == Reason::Unreachable) {
                Some(endpoint) => error.help(format!("the address is {endpoint}, from AWS_ENDPOINT_URL")),
                None => error,
            }
        })
    }
}
