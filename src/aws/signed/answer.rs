//! What a service answered: a tree whatever it was written in, or why it did not do as it was asked.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use serde_json::Value as Json;

use super::dialect::Protocol;
use super::xml;

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

/// The answer of one attempt. Of XML, what is in the document's element; of the query protocol, what is in its result. An
/// `ETag` that came beside XML is a member of its own, as in CloudFront's API: changes there are conditional on it.
pub fn answer(protocol: Protocol, response: &HttpResponse) -> Result<Json, OrchestratorError<Refused>> {
    let body = response.body().bytes().unwrap_or_default();
    if !response.status().is_success() {
        let refused = match protocol {
            Protocol::Json { .. } | Protocol::RestJson => {
                json_refusal(response.headers().get("x-amzn-errortype"), body)
            }
            Protocol::RestXml { .. } | Protocol::Query { .. } => xml_refusal(body),
        };
        return Err(OrchestratorError::operation(refused));
    }
    let unreadable = |error: Box<dyn Error + Send + Sync>| OrchestratorError::response(error);
    let mut content = if body.iter().all(u8::is_ascii_whitespace) {
        Json::Null
    } else {
        match protocol {
            Protocol::Json { .. } | Protocol::RestJson => {
                serde_json::from_slice(body).map_err(|error| unreadable(error.into()))?
            }
            // What a function of CloudFront is made of comes as it is.
            Protocol::RestXml { .. }
                if response.headers().get("content-type").is_some_and(|kind| !kind.contains("xml")) =>
            {
                Json::String(String::from_utf8_lossy(body).into_owned())
            }
            Protocol::RestXml { .. } => xml::read(body).map_err(|error| unreadable(error.into()))?.1,
            Protocol::Query { .. } => result(xml::read(body).map_err(|error| unreadable(error.into()))?.1),
        }
    };
    if let (Protocol::RestXml { .. }, Json::Object(members), Some(tag)) =
        (protocol, &mut content, response.headers().get("etag"))
    {
        members.insert("ETag".to_owned(), tag.into());
    }
    Ok(content)
}

/// `<XResponse><XResult>…</XResult><ResponseMetadata/></XResponse>`; some actions have no result.
fn result(response: Json) -> Json {
    let Json::Object(mut members) = response else { return Json::Null };
    let name = members.keys().find(|name| name.ends_with("Result")).cloned();
    name.and_then(|name| members.shift_remove(&name)).unwrap_or(Json::Null)
}

/// The error code and message of an answer: the header and fields that the JSON protocols name.
/// <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>
fn json_refusal(header: Option<&str>, body: &[u8]) -> Refused {
    let body: Json = serde_json::from_slice(body).unwrap_or(Json::Null);
    let field = |names: &[&str]| names.iter().find_map(|name| body.get(name)?.as_str()).map(str::to_owned);
    let code = header.map(str::to_owned).or_else(|| field(&["__type", "code", "Code"]));
    let code = code.map(|code| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    });
    refused(code.as_deref(), field(&["message", "Message", "errorMessage"]).as_deref())
}

/// The error code and message of an XML answer. Route 53 names one error by the document's element and lists messages.
/// <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html#operation-error-serialization>
fn xml_refusal(body: &[u8]) -> Refused {
    let Ok((name, content)) = xml::read(body) else { return refused(None, None) };
    let error = content.get("Error").unwrap_or(&content);
    let text = |key: &str| error.get(key).and_then(Json::as_str);
    let listed = error.pointer("/Messages/Message").map(|messages| match messages {
        Json::Array(several) => several.iter().filter_map(Json::as_str).collect::<Vec<_>>().join("; "),
        one => one.as_str().unwrap_or_default().to_owned(),
    });
    let code = text("Code").or_else(|| listed.is_some().then_some(name.as_str()));
    refused(code, text("Message").or(listed.as_deref()))
}

fn refused(code: Option<&str>, message: Option<&str>) -> Refused {
    let mut meta = ErrorMetadata::builder();
    if let Some(code) = code {
        meta = meta.code(code);
    }
    if let Some(message) = message {
        meta = meta.message(message);
    }
    Refused(meta.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;

    const XML: Protocol = Protocol::RestXml { namespace: "https://ns/" };
    const QUERY: Protocol = Protocol::Query { version: "1" };

    fn response(status: u16, body: &str) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
    }

    fn said(refused: &Refused) -> (Option<&str>, Option<&str>) {
        (refused.0.code(), refused.0.message())
    }

    #[test]
    fn errors_are_found_in_header_and_body() {
        let in_header = json_refusal(Some("ResourceConflictException:http://internal"), br#"{"Message":"in use"}"#);
        assert_eq!(said(&in_header), (Some("ResourceConflictException"), Some("in use")));
        let in_body = json_refusal(None, br#"{"__type":"com.amazon#ResourceNotFoundException","message":"no rule"}"#);
        assert_eq!(said(&in_body), (Some("ResourceNotFoundException"), Some("no rule")));
        assert_eq!(said(&json_refusal(None, b"<html>")), (None, None));
    }

    #[test]
    fn errors_are_found_in_xml() {
        let usual = xml_refusal(
            b"<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchHostedZone</Code><Message>No zone</Message></Error>\
            <RequestId>1</RequestId></ErrorResponse>",
        );
        assert_eq!(said(&usual), (Some("NoSuchHostedZone"), Some("No zone")));
        let batch = "<Messages><Message>one</Message><Message>two</Message></Messages><RequestId>1</RequestId>";
        let batch = xml_refusal(format!("<InvalidChangeBatch>{batch}</InvalidChangeBatch>").as_bytes());
        assert_eq!(said(&batch), (Some("InvalidChangeBatch"), Some("one; two")));
        assert_eq!(said(&xml_refusal(b"<html><body>no</body></html>")), (None, None));
        assert_eq!(said(&xml_refusal(b"oops")), (None, None));
    }

    #[test]
    fn an_answer_is_what_is_in_the_envelope() {
        let body = "<DescribeRulesResponse><DescribeRulesResult><Rules><member><Priority>1</Priority></member></Rules>\
            </DescribeRulesResult><ResponseMetadata/></DescribeRulesResponse>";
        assert_eq!(answer(QUERY, &response(200, body)).unwrap(), json!({ "Rules": [{ "Priority": "1" }] }));
        let empty = "<DeleteRuleResponse><ResponseMetadata/></DeleteRuleResponse>";
        assert_eq!(answer(QUERY, &response(200, empty)).unwrap(), Json::Null);
        let mut tagged = response(200, "<Distribution><Id>E1</Id></Distribution>");
        tagged.headers_mut().insert("etag", "E2Q");
        assert_eq!(answer(XML, &tagged).unwrap(), json!({ "Id": "E1", "ETag": "E2Q" }));
        assert_eq!(answer(XML, &response(204, "")).unwrap(), Json::Null);
        assert!(answer(XML, &response(200, "<a>")).is_err());
    }
}
