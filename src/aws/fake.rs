//! An AWS for tests that never leaves the process: answers by operation, and every request recorded.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::client::{Aws, behaviour, lock};
use super::ownership::Scope;

/// A request as a test sees it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `X-Amz-Target`, or the `Action` of a form; empty for REST.
    pub action: String,
    pub body: String,
}

impl Asked {
    /// The body as JSON.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or(Json::Null)
    }
}

/// An answer: status (0 where none comes), error code if it is one, body.
#[derive(Clone, Debug)]
pub struct Told {
    pub status: u16,
    pub code: Option<&'static str>,
    pub body: String,
}

impl Told {
    pub fn ok(body: impl ToString) -> Self {
        Self { status: 200, code: None, body: body.to_string() }
    }

    /// No answer, ever.
    pub fn never() -> Self {
        Self { status: 0, code: None, body: String::new() }
    }

    /// An error of a JSON service.
    pub fn refused(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code: Some(code), body: serde_json::json!({ "message": message }).to_string() }
    }
}

type Answering = dyn Fn(&Asked) -> Told + Send + Sync;

/// The service side.
#[derive(Clone)]
pub struct Fake {
    answer: Arc<Answering>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    /// A connection for service `shop`, stage `dev`, in account 123456789012 and us-east-1, whose every request gets
    /// what `answer` says.
    pub fn connect(answer: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> (Arc<Aws>, Self) {
        Self::connect_until(CancellationToken::new(), answer)
    }

    /// The same for a run that can be stopped.
    pub fn connect_until(
        stop: CancellationToken,
        answer: impl Fn(&Asked) -> Told + Send + Sync + 'static,
    ) -> (Arc<Aws>, Self) {
        let fake = Self { answer: Arc::new(answer), asked: Arc::default() };
        let client = SharedHttpClient::new(fake.clone());
        let keys = Credentials::new("AK", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .region(Region::new("us-east-1"))
            .behavior_version(behaviour())
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(client.clone())
            .retry_config(RetryConfig::disabled())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .build();
        (Aws::with_config(Scope::new("shop", "dev"), config, client, stop), fake)
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }
}

impl HttpClient for Fake {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: http::Uri = request.uri().parse().unwrap_or_default();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let form = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default();
        let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let asked = Asked {
            method: request.method().to_owned(),
            path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            action: target.unwrap_or(form).to_owned(),
            body,
        };
        lock(&self.asked).push(asked.clone());
        let told = (self.answer)(&asked);
        HttpConnectorFuture::new(async move {
            if told.status == 0 {
                std::future::pending::<()>().await;
            }
            let mut response = HttpResponse::new(
                told.status.try_into().map_err(|_| {
                    aws_smithy_runtime_api::client::result::ConnectorError::user("no such status".into())
                })?,
                SdkBody::from(told.body),
            );
            response.headers_mut().insert("x-amzn-requestid", "request-1");
            if let Some(code) = told.code {
                response.headers_mut().insert("x-amzn-errortype", code);
            }
            Ok(response)
        })
    }
}
