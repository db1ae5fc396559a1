//! Signed JSON calls without a typed client: for services that have none here, for documents that must come back
//! whole (what a typed client does not know yet would be lost), and where a request's fields are CloudFormation's own.
//!
//! ```text
//! aws.call("events", "PutRule").send(|| aws.signed("events", Signed::action("PutRule", body.clone())))
//! ```
//!
//! The SDK's own machinery carries them: its credentials, connections, timeouts and signatures.

use std::error::Error;
use std::fmt;

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};
use serde_json::Value as Json;

use crate::engine::failure::Failure;
use crate::engine::kind::Progress;

use super::calls::Answer;
use super::client::{Aws, behaviour};
use super::pages::Pages;

/// How a service is spoken to.
struct Dialect {
    /// As in quotas and retries.
    service: &'static str,
    /// The first part of the host name.
    host: &'static str,
    /// The name that signatures are made for.
    signing: &'static str,
    /// What stands before the action in `X-Amz-Target`, for services that speak JSON 1.x.
    target: &'static str,
    /// The content type of a body.
    content: &'static str,
}

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";
const REST: &str = "application/json";

const fn rest(service: &'static str, host: &'static str, signing: &'static str) -> Dialect {
    Dialect { service, host, signing, target: "", content: REST }
}

const fn json(service: &'static str, host: &'static str, target: &'static str, content: &'static str) -> Dialect {
    Dialect { service, host, signing: host, target, content }
}

/// Every service that can be called this way.
const DIALECTS: &[Dialect] = &[
    rest("apigateway", "apigateway", "apigateway"),
    rest("apigatewayv2", "apigateway", "apigateway"),
    json("application-autoscaling", "application-autoscaling", "AnyScaleFrontendService", JSON_1_1),
    json("cloudwatch", "monitoring", "GraniteServiceVersion20100801", JSON_1_0),
    json("codedeploy", "codedeploy", "CodeDeploy_20141006", JSON_1_1),
    json("cognito-idp", "cognito-idp", "AWSCognitoIdentityProviderService", JSON_1_1),
    json("dynamodb", "dynamodb", "DynamoDB_20120810", JSON_1_0),
    json("ecr", "api.ecr", "AmazonEC2ContainerRegistry_V20150921", JSON_1_1),
    json("events", "events", "AWSEvents", JSON_1_1),
    rest("iot", "iot", "iot"),
    json("kinesis", "kinesis", "Kinesis_20131202", JSON_1_1),
    json("kms", "kms", "TrentService", JSON_1_1),
    rest("lambda", "lambda", "lambda"),
    json("logs", "logs", "Logs_20140328", JSON_1_1),
    rest("scheduler", "scheduler", "scheduler"),
    json("secretsmanager", "secretsmanager", "secretsmanager", JSON_1_1),
    json("ssm", "ssm", "AmazonSSM", JSON_1_1),
    json("tagging", "tagging", "ResourceGroupsTaggingAPI_20170126", JSON_1_1),
];

/// One request.
#[derive(Clone)]
pub struct Signed {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    /// The action of a service that speaks JSON 1.x.
    action: Option<&'static str>,
    body: Option<Json>,
}

impl fmt::Debug for Signed {
    /// Without the body: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.method, self.action.unwrap_or_default(), self.path)
    }
}

impl Signed {
    /// An action of a service that speaks JSON 1.x: `PutRule`.
    pub fn action(action: &'static str, body: Json) -> Self {
        Self { method: "POST", path: "/".to_owned(), query: Vec::new(), action: Some(action), body: Some(body) }
    }

    /// A request of a service that speaks REST. The path begins with `/`; its variable parts went through [`segment`].
    pub fn rest(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), action: None, body: None }
    }

    /// Adds the JSON body.
    #[must_use]
    pub fn body(mut self, body: Json) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds a parameter to the query; may be repeated.
    #[must_use]
    pub fn query(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((key.into(), value.into()));
        self
    }

    fn page(mut self, key: &str, token: Option<&str>) -> Self {
        match (token, &mut self.body) {
            (Some(token), Some(body)) if self.action.is_some() => body[key] = token.into(),
            (Some(token), _) => self.query.push((key.to_owned(), token.to_owned())),
            (None, _) => {}
        }
        self
    }

    fn uri(&self) -> String {
        let query: Vec<String> =
            self.query.iter().map(|(key, value)| format!("{}={}", segment(key), segment(value))).collect();
        if query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, query.join("&")) }
    }

    fn into_http(self, dialect: &Dialect) -> Result<HttpRequest, Box<dyn Error + Send + Sync>> {
        let uri = self.uri();
        let body = self.body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let mut request = http::Request::builder().method(self.method).uri(uri).header("accept", REST);
        if let Some(action) = self.action {
            request = request.header("x-amz-target", format!("{}.{action}", dialect.target));
        }
        if !body.is_empty() {
            request = request.header("content-type", dialect.content);
        }
        if self.method != "GET" {
            request = request.header("content-length", body.len());
        }
        Ok(HttpRequest::try_from(request.body(SdkBody::from(body))?)?)
    }
}

/// A text as one part of a path or query: everything but letters, digits and `-._~` encoded.
pub fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// What a service answered that did not do as it was asked.
#[derive(Debug)]
pub struct Refused(ErrorMetadata);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// The error code and message of an answer: the header and fields that the JSON protocols name.
/// <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>
fn refusal(header: Option<&str>, body: &[u8]) -> Refused {
    let body: Json = serde_json::from_slice(body).unwrap_or(Json::Null);
    let field = |names: &[&str]| names.iter().find_map(|name| body.get(name)?.as_str()).map(str::to_owned);
    let code = header.map(str::to_owned).or_else(|| field(&["__type", "code", "Code"]));
    let code = code.map(|code| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    });
    let mut meta = ErrorMetadata::builder();
    if let Some(code) = code {
        meta = meta.code(code);
    }
    if let Some(message) = field(&["message", "Message", "errorMessage"]) {
        meta = meta.message(message);
    }
    Refused(meta.build())
}

fn answer(response: &HttpResponse) -> Result<Json, OrchestratorError<Refused>> {
    let body = response.body().bytes().unwrap_or_default();
    if !response.status().is_success() {
        return Err(OrchestratorError::operation(refusal(response.headers().get("x-amzn-errortype"), body)));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    serde_json::from_slice(body).map_err(|error| OrchestratorError::response(error.into()))
}

impl Aws {
    /// Calls an operation until it succeeds or the retry table says that it will not.
    ///
    /// # Errors
    /// As every call.
    pub async fn ask(
        &self,
        service: &'static str,
        operation: &'static str,
        request: &Signed,
        progress: &Progress,
    ) -> Result<Json, Failure> {
        self.call(service, operation)
            .progress(progress)
            .fresh(self.retry().fresh.any())
            .send(|| self.signed(service, request.clone()))
            .await
    }

    /// As [`Aws::ask`], with `None` for what is not there. Waits for nothing to spread.
    ///
    /// # Errors
    /// As every call.
    pub async fn look_for(
        &self,
        service: &'static str,
        operation: &'static str,
        request: &Signed,
    ) -> Result<Option<Json>, Failure> {
        self.call(service, operation).find(|| self.signed(service, request.clone())).await
    }

    /// Every page of a list: `token` is the member of the answer that leads to the next page, and goes into the request
    /// as `next` (into the query of a REST request, into the body of an action). Nothing where the owner is not there.
    ///
    /// # Errors
    /// As every call; `Server` for a list that does not end.
    pub async fn pages(
        &self,
        service: &'static str,
        operation: &'static str,
        request: Signed,
        (token, next): (&str, &str),
        items: &str,
    ) -> Result<Vec<Json>, Failure> {
        let mut all = Vec::new();
        let mut walk = Pages::new(operation);
        let mut last: Option<String> = None;
        loop {
            let page = request.clone().page(next, last.as_deref());
            let Some(mut page) = self.look_for(service, operation, &page).await? else { return Ok(all) };
            if let Some(Json::Array(some)) = page.get_mut(items).map(Json::take) {
                all.extend(some);
            }
            last = walk.next(page.get(token).and_then(Json::as_str))?;
            if last.is_none() {
                return Ok(all);
            }
        }
    }

    /// Sends one attempt. Goes into [`super::calls::Request::send`], which knows quotas and retries.
    ///
    /// # Errors
    /// As the SDK's own clients.
    pub async fn signed(&self, service: &'static str, request: Signed) -> Answer<Json, Refused> {
        let Some(dialect) = DIALECTS.iter().find(|dialect| dialect.service == service) else {
            return Err(SdkError::construction_failure(format!("no signed calls to {service}")));
        };
        let Some(http) = self.config.http_client() else {
            return Err(SdkError::construction_failure("no HTTP client"));
        };
        let endpoint = self.endpoint().map_or_else(
            || format!("https://{}.{}.{}", dialect.host, self.region, self.partition.dns_suffix),
            str::to_owned,
        );
        let mut operation = Operation::builder()
            .service_name(service)
            .operation_name(request.action.unwrap_or(request.method))
            .behavior_version(behaviour())
            .http_client(http)
            .endpoint_url(&endpoint)
            .no_retry()
            .with_connection_poisoning()
            .runtime_plugin(self.signature(dialect));
        if let Some(timeouts) = self.config.timeout_config() {
            operation = operation.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = self.config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        if let Some(time) = self.config.time_source() {
            operation = operation.time_source(time);
        }
        let operation = operation.serializer(|request: Signed| request.into_http(dialect)).deserializer(answer).build();
        operation.invoke(request).await
    }

    /// How a request is signed: with the run's credentials, from the cache that all clients share.
    fn signature(&self, dialect: &Dialect) -> StaticRuntimePlugin {
        let mut layer = Layer::new("signature");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigningName::from_static(dialect.signing));
        layer.store_put(SigningRegion::from(Region::new(self.region.clone())));
        layer.store_put(SigV4OperationSigningConfig::default());
        let mut components = RuntimeComponentsBuilder::new("signature")
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
                StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
            )))
            .with_identity_cache(self.config.identity_cache());
        if let Some(credentials) = self.config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn dialect(service: &str) -> &'static Dialect {
        DIALECTS.iter().find(|dialect| dialect.service == service).unwrap()
    }

    #[test]
    fn an_action_names_its_target() {
        let request = Signed::action("PutRule", json!({ "Name": "n" })).into_http(dialect("events")).unwrap();
        assert_eq!((request.method(), request.uri()), ("POST", "/"));
        assert_eq!(request.headers().get("x-amz-target"), Some("AWSEvents.PutRule"));
        assert_eq!(request.headers().get("content-type"), Some("application/x-amz-json-1.1"));
        assert_eq!(request.headers().get("content-length"), Some("12"));
    }

    #[test]
    fn what_varies_in_a_path_or_query_is_encoded() {
        let request = Signed::rest("GET", format!("/tags/{}", segment("arn:aws:s3:::a/b")))
            .query("tagKeys", "hoist:id")
            .query("tagKeys", "ä b");
        assert_eq!(request.uri(), "/tags/arn%3Aaws%3As3%3A%3A%3Aa%2Fb?tagKeys=hoist%3Aid&tagKeys=%C3%A4%20b");
        let request = request.into_http(dialect("lambda")).unwrap();
        assert_eq!((request.headers().get("content-type"), request.headers().get("content-length")), (None, None));
    }

    #[test]
    fn errors_are_found_in_header_and_body() {
        let in_header = refusal(Some("ResourceConflictException:http://internal"), br#"{"Message":"in use"}"#);
        assert_eq!((in_header.0.code(), in_header.0.message()), (Some("ResourceConflictException"), Some("in use")));
        let in_body = refusal(None, br#"{"__type":"com.amazon#ResourceNotFoundException","message":"no rule"}"#);
        assert_eq!((in_body.0.code(), in_body.0.message()), (Some("ResourceNotFoundException"), Some("no rule")));
        let empty = refusal(None, b"<html>");
        assert_eq!((empty.0.code(), empty.0.message()), (None, None));
    }

    #[test]
    fn a_request_keeps_its_body_out_of_debug_output() {
        let request = Signed::action("PutParameter", json!({ "Value": "hunter2" }));
        assert_eq!(format!("{request:?}"), "POST PutParameter /");
    }
}
