//! One small signed JSON call, for services of which hoist needs a handful of operations: a typed client for each would
//! cost more to build than all the others. Credentials, endpoint, connections, quotas and retries are those of
//! every other call.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::timeout::TimeoutConfig;
use serde_json::Value as Json;

use crate::engine::failure::{Failure, Reason};

use super::calls::Answer;
use super::client::Aws;

/// Credentials that end sooner are fetched anew.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);
/// More pages than any list that hoist reads can have.
const MOST_PAGES: usize = 10_000;

/// A service that speaks JSON with the operation in the header `X-Amz-Target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// What quotas, retries and counts know it by: `ssm`.
    pub name: &'static str,
    /// The first part of its host name, and what it is signed as.
    pub host: &'static str,
    pub signing_name: &'static str,
    /// What stands before the operation: `AmazonSSM`.
    pub target: &'static str,
    /// `1.1` or `1.0`
    pub version: &'static str,
}

/// Resource Groups Tagging: which resources carry which tags.
pub const TAGGING: Service = Service {
    name: "tagging",
    host: "tagging",
    signing_name: "tagging",
    target: "ResourceGroupsTaggingAPI_20170126",
    version: "1.1",
};

/// Systems Manager: parameters.
pub const SSM: Service = Service { name: "ssm", host: "ssm", signing_name: "ssm", target: "AmazonSSM", version: "1.1" };

/// Secrets Manager.
pub const SECRETS: Service = Service {
    name: "secretsmanager",
    host: "secretsmanager",
    signing_name: "secretsmanager",
    target: "secretsmanager",
    version: "1.1",
};

/// The error of a raw call: the code and message of the service.
#[derive(Debug)]
pub struct RawError(ErrorMetadata);

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Error for RawError {}

impl ProvideErrorMetadata for RawError {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Aws {
    /// Calls one operation of a JSON service in this connection's region.
    ///
    /// # Errors
    /// As every call.
    pub async fn raw(&self, service: Service, operation: &'static str, input: &Json) -> Result<Json, Failure> {
        self.raw_in(self.region(), service, operation, input).await
    }

    /// The same in another region.
    ///
    /// # Errors
    /// As every call.
    pub async fn raw_in(
        &self,
        region: &str,
        service: Service,
        operation: &'static str,
        input: &Json,
    ) -> Result<Json, Failure> {
        let body = input.to_string();
        self.call(service.name, operation).send(|| self.send_raw(region, service, operation, &body)).await
    }

    /// All the pages of a list: `token` is the member of the answer that leads to the next page, and goes into the
    /// request as `next`. Every page is given to `take`.
    ///
    /// # Errors
    /// As every call; `Server` for a list that does not end.
    pub async fn raw_pages(
        &self,
        service: Service,
        operation: &'static str,
        mut input: Json,
        (token, next): (&str, &str),
        mut take: impl FnMut(&Json),
    ) -> Result<(), Failure> {
        let mut pages = Pages::new(operation);
        loop {
            let page = self.raw(service, operation, &input).await?;
            take(&page);
            match pages.next(page.get(token).and_then(Json::as_str))? {
                Some(token) => input[next] = token.into(),
                None => return Ok(()),
            }
        }
    }

    async fn send_raw(&self, region: &str, service: Service, operation: &str, body: &str) -> Answer<Json, RawError> {
        let url = self.endpoint().map_or_else(
            || format!("https://{}.{region}.{}/", service.host, self.partition().dns_suffix),
            |endpoint| format!("{}/", endpoint.trim_end_matches('/')),
        );
        let credentials = self.credentials().await?;
        let request =
            signed(&url, region, service, operation, body, credentials).map_err(SdkError::construction_failure)?;
        let client = self.config.http_client().ok_or_else(|| SdkError::construction_failure("no HTTP client"))?;
        let timeouts = self.config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
        let call = Operation::builder()
            .service_name(service.name)
            .operation_name(operation.to_owned())
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(client)
            .endpoint_url(&url)
            .no_auth()
            .no_retry()
            .timeout_config(timeouts)
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .serializer(|request: HttpRequest| Ok(request))
            .deserializer(read_answer)
            .build();
        call.invoke(request).await
    }

    async fn credentials(&self) -> Result<Credentials, SdkError<RawError, HttpResponse>> {
        let mut cached = self.raw_credentials.lock().await;
        let soon = SystemTime::now() + EXPIRY_MARGIN;
        if let Some(credentials) = cached.as_ref().filter(|found| found.expiry().is_none_or(|end| end > soon)) {
            return Ok(credentials.clone());
        }
        let fail = |error: Box<dyn Error + Send + Sync>| SdkError::dispatch_failure(ConnectorError::other(error, None));
        let provider = self.config.credentials_provider().ok_or_else(|| fail("no identity resolver".into()))?;
        let fetched = provider.provide_credentials().await.map_err(|error| fail(error.into()))?;
        *cached = Some(fetched.clone());
        Ok(fetched)
    }
}

fn signed(
    url: &str,
    region: &str,
    service: Service,
    operation: &str,
    body: &str,
    credentials: Credentials,
) -> Result<HttpRequest, Box<dyn Error + Send + Sync>> {
    let mut request = http::Request::builder()
        .method("POST")
        .uri(url)
        .header("content-type", format!("application/x-amz-json-{}", service.version))
        .header("x-amz-target", format!("{}.{operation}", service.target))
        .body(SdkBody::from(body))?;
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service.signing_name)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| Ok((name.to_string(), value.to_str()?.to_owned())))
        .collect::<Result<_, http::header::ToStrError>>()?;
    let signable = SignableRequest::new(
        "POST",
        url,
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        SignableBody::Bytes(body.as_bytes()),
    )?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(HttpRequest::try_from(request)?)
}

fn read_answer(response: &HttpResponse) -> Result<Json, OrchestratorError<RawError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        if body.is_empty() {
            return Ok(Json::Null);
        }
        return serde_json::from_slice(body).map_err(OrchestratorError::other);
    }
    let json: Json = serde_json::from_slice(body).unwrap_or(Json::Null);
    let text = |key: &str| json.get(key).and_then(Json::as_str);
    let code = response.headers().get("x-amzn-errortype").or_else(|| text("__type")).or_else(|| text("code"));
    // `com.amazonaws.ssm#ParameterNotFound:http://...` in all its forms.
    let code = code.map(|code| code.split(':').next().unwrap_or(code).rsplit('#').next().unwrap_or(code));
    let mut meta = ErrorMetadata::builder();
    meta = code.map(|code| ErrorMetadata::builder().code(code)).unwrap_or(meta);
    if let Some(message) = text("message").or_else(|| text("Message")) {
        meta = meta.message(message);
    }
    Err(OrchestratorError::operation(RawError(meta.build())))
}

/// Walks through the pages of a list, and notices one that never ends.
#[derive(Debug)]
pub struct Pages {
    operation: &'static str,
    last: Option<String>,
    seen: usize,
}

impl Pages {
    pub fn new(operation: &'static str) -> Self {
        Self { operation, last: None, seen: 0 }
    }

    /// The token of the page to ask for next, if there is one.
    ///
    /// # Errors
    /// The token is the one that was just used, or there are more pages than any list can have.
    pub fn next(&mut self, token: Option<&str>) -> Result<Option<String>, Failure> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        self.seen += 1;
        if self.last.as_deref() == Some(token) || self.seen > MOST_PAGES {
            return Err(Failure::new(Reason::Server, format!("{} gives pages without an end", self.operation)));
        }
        self.last = Some(token.to_owned());
        Ok(Some(token.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Json, String> {
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        read_answer(&response).map_err(|error| match error.as_operation_error() {
            Some(error) => format!("{:?} {:?}", error.code(), error.message()),
            None => "not an answer".to_owned(),
        })
    }

    #[test]
    fn answers_and_errors_are_read() {
        assert_eq!(answer(200, r#"{"A": 1}"#), Ok(serde_json::json!({ "A": 1 })));
        assert_eq!(answer(200, ""), Ok(Json::Null));
        assert_eq!(answer(200, "<html>"), Err("not an answer".to_owned()));
        let body = r#"{"__type": "com.amazonaws.ssm#ParameterNotFound", "message": "gone"}"#;
        assert_eq!(answer(400, body), Err(r#"Some("ParameterNotFound") Some("gone")"#.to_owned()));
        assert_eq!(answer(503, "oops"), Err("None None".to_owned()));
    }

    #[test]
    fn a_request_carries_target_and_signature() {
        let credentials = Credentials::new("AK", "secret", None, None, "test");
        let request =
            signed("http://127.0.0.1:1/", "eu-central-1", TAGGING, "GetResources", "{}", credentials).unwrap();
        let header = |name: &str| request.headers().get(name).unwrap().to_owned();
        assert_eq!(header("x-amz-target"), "ResourceGroupsTaggingAPI_20170126.GetResources");
        assert!(header("authorization").contains("/eu-central-1/tagging/aws4_request"));
    }

    #[test]
    fn a_list_without_an_end_is_an_error() {
        let mut pages = Pages::new("GetResources");
        assert_eq!(pages.next(Some("a")).unwrap().as_deref(), Some("a"));
        assert_eq!(pages.next(Some("b")).unwrap().as_deref(), Some("b"));
        assert!(pages.next(Some("b")).is_err());
        assert_eq!(pages.next(Some("")).unwrap(), None);
    }
}
