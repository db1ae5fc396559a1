//! Plain requests to the web, unsigned: the checks after a deploy, and code that Lambda gives by a link.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::engine::failure::{Failure, Reason};

use super::client::{Aws, behaviour};

/// Larger code than Lambda takes is not fetched: 250 MB unzipped.
const DOWNLOADS_WITHIN: Duration = Duration::from_secs(300);

/// One request.
#[derive(Clone, Debug)]
pub struct Get<'a> {
    pub url: &'a str,
    pub method: &'a str,
    pub headers: Vec<(String, String)>,
    /// How long the whole of it may take.
    pub within: Duration,
}

/// What was answered, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Aws {
    /// Sends a request once and gives what was answered. Redirects are answers, too.
    ///
    /// # Errors
    /// What is no URL, and no answer in time.
    pub async fn fetch(&self, get: &Get<'_>) -> Result<Got, Failure> {
        let uri: http::Uri = get.url.parse().map_err(|error| invalid(get.url, &error))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(invalid(get.url, &"it has no host"));
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let mut request = http::Request::builder().method(get.method).uri(path);
        for (name, value) in &get.headers {
            request = request.header(name, value);
        }
        let request = request.body(SdkBody::empty()).map_err(|error| invalid(get.url, &error))?;
        let timeouts = TimeoutConfig::builder().connect_timeout(get.within).operation_timeout(get.within).build();
        let mut operation = Operation::builder()
            .service_name("web")
            .operation_name("Fetch")
            .behavior_version(behaviour())
            .http_client(self.streaming.clone())
            .endpoint_url(&format!("{scheme}://{authority}"))
            .no_auth()
            .no_retry()
            .timeout_config(timeouts);
        if let Some(sleep) = self.config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        if let Some(time) = self.config.time_source() {
            operation = operation.time_source(time);
        }
        let operation = operation
            .serializer(|request: http::Request<SdkBody>| Ok(HttpRequest::try_from(request)?))
            .deserializer(|response: &HttpResponse| {
                let body = response.body().bytes().unwrap_or_default().to_vec();
                Ok::<_, OrchestratorError<Never>>(Got { status: response.status().as_u16(), body })
            })
            .build();
        let sent = tokio::time::timeout(get.within, operation.invoke(request)).await;
        match sent {
            Ok(Ok(got)) => Ok(got),
            Ok(Err(error)) => Err(unreachable_because(get.url, &innermost(&error))),
            Err(_) => Err(unreachable_because(get.url, &format!("no answer within {} s", get.within.as_secs()))),
        }
    }

    /// Writes what a link leads to into a file.
    ///
    /// # Errors
    /// It cannot be fetched or written.
    pub async fn download(&self, url: &str, file: &mut impl Write) -> Result<(), Failure> {
        let get = Get { url, method: "GET", headers: Vec::new(), within: DOWNLOADS_WITHIN };
        // The link is as good as the credentials that it was made with: only its path is shown.
        let bare = url.split('?').next().unwrap_or_default();
        let got = self
            .fetch(&get)
            .await
            .map_err(|failure| Failure { message: failure.message.replace(url, bare), ..failure })?;
        if got.status != 200 {
            return Err(unreachable_because(bare, &format!("it answered {}", got.status)));
        }
        file.write_all(&got.body)
            .and_then(|()| file.flush())
            .map_err(|error| Failure::new(Reason::Invalid, format!("{bare} cannot be written down: {error}")))
    }
}

/// No answer is an error here.
#[derive(Debug)]
enum Never {}

impl std::fmt::Display for Never {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl Error for Never {}

fn invalid(url: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(Reason::Invalid, format!("{url} cannot be fetched: {why}"))
}

fn unreachable_because(url: &str, why: &str) -> Failure {
    Failure::new(Reason::Unreachable, format!("{url} cannot be reached: {why}"))
}

/// The last cause of an error, which is the one that a person can use.
fn innermost(error: &SdkError<Never, HttpResponse>) -> String {
    let mut here: &dyn Error = error;
    while let Some(deeper) = here.source() {
        here = deeper;
    }
    here.to_string()
}
