//! Signed calls without a typed client: for services that have none here, for documents that must come back whole (what
//! a typed client does not know yet would be lost), and where a request's fields are CloudFormation's own.
//!
//! ```text
//! aws.call("events", "PutRule").send(|| aws.signed("events", Signed::action("PutRule", body.clone())))
//! ```
//!
//! Requests and answers are trees of JSON whatever the service speaks: JSON, XML, or forms that are answered in XML. The
//! SDK's own machinery carries them: its credentials, connections, timeouts and signatures.

mod answer;
mod dialect;
mod form;
mod xml;

use std::error::Error;
use std::fmt;

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};
use serde_json::Value as Json;

use crate::engine::failure::Failure;
use crate::engine::kind::Progress;

use super::calls::Answer;
use super::client::{Aws, behaviour};
use super::pages::Pages;

pub use answer::Refused;
use dialect::{Dialect, Protocol};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const XML: &str = "text/xml";

/// One request.
#[derive(Clone)]
pub struct Signed {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
    /// The action of a service that has no paths.
    action: Option<&'static str>,
    body: Option<Json>,
    /// Not the run's own.
    region: Option<&'static str>,
}

impl fmt::Debug for Signed {
    /// Without the body: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.method, self.action.unwrap_or_default(), self.path)
    }
}

impl Signed {
    /// An action of a service that speaks JSON 1.x or the query protocol: `PutRule`, `CreateTargetGroup`.
    pub fn action(action: &'static str, body: Json) -> Self {
        Self { action: Some(action), body: Some(body), ..Self::rest("POST", "/") }
    }

    /// A request of a service that speaks REST. The path begins with `/`; its variable parts went through [`segment`].
    pub fn rest(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            action: None,
            body: None,
            region: None,
        }
    }

    /// Adds the body. That of a service that speaks XML has one member, named as the document's element.
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

    /// Adds a header, by its name in lower case: `if-match`.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Goes to another region than that of the run.
    #[must_use]
    pub fn in_region(mut self, region: &'static str) -> Self {
        self.region = Some(region);
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

    fn into_http(self, protocol: Protocol) -> Result<HttpRequest, Box<dyn Error + Send + Sync>> {
        let uri = self.uri();
        let accept = match protocol {
            Protocol::Json { .. } | Protocol::RestJson => JSON,
            // Asked for JSON, some of them would answer in JSON of their own kind.
            Protocol::RestXml { .. } | Protocol::Query { .. } => XML,
        };
        let mut request = http::Request::builder().method(self.method).uri(uri).header("accept", accept);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let action = self.action.unwrap_or_default();
        let (content, body) = match (protocol, self.body) {
            (_, None) => ("", String::new()),
            (Protocol::Json { target, content }, Some(body)) => {
                request = request.header("x-amz-target", format!("{target}.{action}"));
                (content, body.to_string())
            }
            (Protocol::RestJson, Some(body)) => (JSON, body.to_string()),
            (Protocol::RestXml { namespace }, Some(body)) => match body.as_object().and_then(|root| root.iter().next())
            {
                Some((name, body)) => (XML, xml::write(name, namespace, body)),
                None => return Err("an XML document needs an element".into()),
            },
            (Protocol::Query { version }, Some(parameters)) => (FORM, form::form(action, version, &parameters)),
        };
        if !body.is_empty() {
            request = request.header("content-type", content);
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

/// The values at a path of an answer, one or several: XML does not tell a list of one from what stands alone.
pub fn each<'a>(answer: &'a Json, path: &str) -> &'a [Json] {
    match path.split('/').try_fold(answer, |at, name| at.get(name)) {
        Some(Json::Array(several)) => several,
        None | Some(Json::Null) => &[],
        Some(Json::String(text)) if text.is_empty() => &[],
        Some(one) => std::slice::from_ref(one),
    }
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
    /// as `next` (into the query of a REST request, into the body of an action). `items` is the list, by its name or, in
    /// XML, by its path (`Items/DistributionSummary`). Nothing where the owner is not there.
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
            let Some(page) = self.look_for(service, operation, &page).await? else { return Ok(all) };
            all.extend(each(&page, items).iter().cloned());
            last = walk.next(page.get(token).and_then(Json::as_str).filter(|token| !token.is_empty()))?;
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
        let Some(dialect) = Dialect::of(service) else {
            return Err(SdkError::construction_failure(format!("no signed calls to {service}")));
        };
        let Some(http) = self.config.http_client() else {
            return Err(SdkError::construction_failure("no HTTP client"));
        };
        let region = request.region.unwrap_or(&self.region);
        let endpoint = self.endpoint().map_or_else(|| format!("https://{}", dialect.host(region)), str::to_owned);
        let mut operation = Operation::builder()
            .service_name(service)
            .operation_name(request.action.unwrap_or(request.method))
            .behavior_version(behaviour())
            .http_client(http)
            .endpoint_url(&endpoint)
            .no_retry()
            .with_connection_poisoning()
            .runtime_plugin(self.signature(dialect, region));
        if let Some(timeouts) = self.config.timeout_config() {
            operation = operation.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = self.config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        if let Some(time) = self.config.time_source() {
            operation = operation.time_source(time);
        }
        let protocol = dialect.protocol;
        let operation = operation
            .serializer(move |request: Signed| request.into_http(protocol))
            .deserializer(move |response| answer::answer(protocol, response))
            .build();
        operation.invoke(request).await
    }

    /// How a request is signed: with the run's credentials, from the cache that all clients share.
    fn signature(&self, dialect: &Dialect, region: &str) -> StaticRuntimePlugin {
        let mut layer = Layer::new("signature");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigningName::from_static(dialect.signing));
        layer.store_put(SigningRegion::from(Region::new(dialect.region(region).to_owned())));
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

    fn http(request: Signed, service: &str) -> HttpRequest {
        request.into_http(Dialect::of(service).unwrap().protocol).unwrap()
    }

    #[test]
    fn an_action_names_its_target() {
        let request = http(Signed::action("PutRule", json!({ "Name": "n" })), "events");
        assert_eq!((request.method(), request.uri()), ("POST", "/"));
        assert_eq!(request.headers().get("x-amz-target"), Some("AWSEvents.PutRule"));
        assert_eq!(request.headers().get("content-type"), Some("application/x-amz-json-1.1"));
        assert_eq!(request.headers().get("content-length"), Some("12"));
    }

    #[test]
    fn an_action_of_the_query_protocol_is_a_form() {
        let request = http(Signed::action("CreateRule", json!({ "Priority": 1 })), "elbv2");
        assert_eq!((request.method(), request.uri()), ("POST", "/"));
        assert_eq!(request.headers().get("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(request.headers().get("accept"), Some("text/xml"));
        assert_eq!(request.body().bytes(), Some(b"Action=CreateRule&Version=2015-12-01&Priority=1".as_slice()));
    }

    #[test]
    fn a_body_in_xml_is_one_element() {
        let body = json!({ "DistributionConfig": { "Comment": "c" } });
        let request = http(Signed::rest("PUT", "/d").header("if-match", "E1").body(body), "cloudfront");
        assert_eq!(request.headers().get("if-match"), Some("E1"));
        let sent = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
        let element =
            "<DistributionConfig xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Comment>c</Comment>";
        assert!(sent.ends_with(&format!("{element}</DistributionConfig>")), "{sent}");
    }

    #[test]
    fn one_is_a_list_too() {
        let answer = json!({ "Items": { "A": "x", "B": ["x", "y"] }, "None": "" });
        assert_eq!(each(&answer, "Items/A"), [json!("x")]);
        assert_eq!(each(&answer, "Items/B").len(), 2);
        assert!(each(&answer, "None").is_empty() && each(&answer, "None/A").is_empty());
    }

    #[test]
    fn what_varies_in_a_path_or_query_is_encoded() {
        let request = Signed::rest("GET", format!("/tags/{}", segment("arn:aws:s3:::a/b")))
            .query("tagKeys", "hoist:id")
            .query("tagKeys", "ä b");
        assert_eq!(request.uri(), "/tags/arn%3Aaws%3As3%3A%3A%3Aa%2Fb?tagKeys=hoist%3Aid&tagKeys=%C3%A4%20b");
        let request = http(request, "lambda");
        assert_eq!((request.headers().get("content-type"), request.headers().get("content-length")), (None, None));
    }

    #[test]
    fn a_request_keeps_its_body_out_of_debug_output() {
        let request = Signed::action("PutParameter", json!({ "Value": "hunter2" }));
        assert_eq!(format!("{request:?}"), "POST PutParameter /");
    }
}
