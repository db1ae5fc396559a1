//! From what the SDK gives for a call that failed to what hoist says about it.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::engine::failure::Reason;
use crate::engine::retry::{CallError, Fate};

/// No error text is longer: services echo whole documents at times.
const LONGEST_MESSAGE: usize = 1_000;

const CREDENTIALS_HELP: &str =
    "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --aws-profile";
const LOGIN_HELP: &str =
    "sign in again (`aws sso login`, or whatever gave you these credentials) and run the same command once more";
const CLOCK_HELP: &str = "set this machine's clock: AWS refuses requests that are more than five minutes off";
const PERMISSIONS_HELP: &str = "docs/permissions.md has the smallest policy for each command";

/// What an error code means for a person, whichever service sends it. The first line that fits counts.
struct Meaning {
    /// The whole code, or its end after `*`, or its beginning before `*`.
    code: &'static str,
    /// A part of the message.
    message: &'static str,
    reason: Reason,
    help: &'static str,
}

const fn means(code: &'static str, message: &'static str, reason: Reason, help: &'static str) -> Meaning {
    Meaning { code, message, reason, help }
}

const MEANINGS: &[Meaning] = &[
    // Clocks: a signature from another time.
    means("RequestTimeTooSkewed", "", Reason::Credentials, CLOCK_HELP),
    means("RequestExpired", "", Reason::Credentials, CLOCK_HELP),
    means("*", "Signature expired", Reason::Credentials, CLOCK_HELP),
    means("*", "Signature not yet current", Reason::Credentials, CLOCK_HELP),
    // Credentials.
    means("ExpiredToken*", "", Reason::Credentials, LOGIN_HELP),
    means("*", "security token included in the request is expired", Reason::Credentials, LOGIN_HELP),
    means("TokenRefreshRequired", "", Reason::Credentials, LOGIN_HELP),
    means("UnrecognizedClientException", "", Reason::Credentials, CREDENTIALS_HELP),
    means("InvalidClientTokenId", "", Reason::Credentials, CREDENTIALS_HELP),
    means("InvalidAccessKeyId", "", Reason::Credentials, CREDENTIALS_HELP),
    means("InvalidSignatureException", "", Reason::Credentials, "check the secret access key"),
    means("SignatureDoesNotMatch", "", Reason::Credentials, "check the secret access key"),
    means("MissingAuthenticationToken*", "", Reason::Credentials, CREDENTIALS_HELP),
    means("IncompleteSignature*", "", Reason::Credentials, CREDENTIALS_HELP),
    means("AuthFailure", "", Reason::Credentials, CREDENTIALS_HELP),
    means("OptInRequired", "", Reason::Denied, "the account is not signed up for this service, or the region is off"),
    means(
        "*",
        "cannot be assumed by Lambda",
        Reason::Invalid,
        "the role's trust policy must name lambda.amazonaws.com",
    ),
    means("AccessDenied*", "", Reason::Denied, PERMISSIONS_HELP),
    means("UnauthorizedOperation", "", Reason::Denied, PERMISSIONS_HELP),
    means("Unauthorized*", "", Reason::Denied, PERMISSIONS_HELP),
    means("*", "is not authorized to perform", Reason::Denied, PERMISSIONS_HELP),
    // Quotas.
    means("CodeStorageExceededException", "", Reason::Quota, "delete old versions of functions and layers"),
    means("ServiceQuotaExceededException", "", Reason::Quota, "ask for a higher quota in the Service Quotas console"),
    means("LimitExceeded*", "", Reason::Quota, "ask for a higher quota in the Service Quotas console"),
    means("TooManyBuckets", "", Reason::Quota, "ask for a higher quota in the Service Quotas console"),
    means("PolicyLengthExceededException", "", Reason::Quota, "a function's resource policy holds 20 KB"),
    // The thing itself.
    means(
        "PreconditionFailed*",
        "",
        Reason::Conflict,
        "somebody else changed it meanwhile: run the same command again",
    ),
    means("*NotFoundException", "", Reason::NotFound, ""),
    means("*NotFound", "", Reason::NotFound, ""),
    means("*DoesNotExistException", "", Reason::NotFound, ""),
    means("NoSuch*", "", Reason::NotFound, ""),
    means("*NonExistentQueue", "", Reason::NotFound, ""),
    means("QueueDoesNotExist", "", Reason::NotFound, ""),
    means("*AlreadyExists*", "", Reason::Conflict, ""),
    means("*ConflictException", "", Reason::Conflict, ""),
    means("DeleteConflict", "", Reason::Conflict, ""),
    means("Throttl*", "", Reason::Throttled, ""),
    means("TooManyRequestsException", "", Reason::Throttled, ""),
];

impl Meaning {
    fn fits(&self, code: &str, message: &str) -> bool {
        let code_fits = match (self.code.strip_prefix('*'), self.code.strip_suffix('*')) {
            (Some(middle), Some(_)) if self.code.len() > 1 => code.contains(middle.trim_end_matches('*')),
            (Some(end), _) => code.ends_with(end),
            (None, Some(beginning)) => code.starts_with(beginning),
            (None, None) => code == self.code,
        };
        code_fits && (self.message.is_empty() || message.to_lowercase().contains(&self.message.to_lowercase()))
    }
}

/// What went wrong with one attempt. `mask` takes secrets out of whatever the service echoes.
pub fn call_error<E>(
    service: &'static str,
    operation: &'static str,
    error: &SdkError<E, HttpResponse>,
    mask: impl Fn(&str) -> String,
) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(context) if !context.raw().status().is_success() => {
            let raw = context.raw();
            let meta = context.err().meta();
            answered(
                service,
                operation,
                raw.status().as_u16(),
                meta.code(),
                &mask(meta.message().unwrap_or_default()),
                request_id(raw),
            )
        }
        // The SDK calls an answer of success that it cannot read an error of the service.
        SdkError::ServiceError(context) => unreadable(service, operation, context.raw(), &root_cause(error), &mask),
        SdkError::ResponseError(context) => unreadable(service, operation, context.raw(), &root_cause(error), &mask),
        SdkError::TimeoutError(_) => {
            CallError::new(service, operation, Fate::Unknown, format!("{service} did not answer in time"))
                .reason(Reason::Unreachable)
        }
        SdkError::DispatchFailure(context) => {
            let timed_out = context.is_timeout();
            unsent(service, operation, error, timed_out, &mask)
        }
        SdkError::ConstructionFailure(_) => {
            // A credentials provider that fails comes here as well as through the connector.
            let mut failed = unsent(service, operation, error, false, &mask);
            if failed.reason == Reason::Unreachable {
                failed.reason = Reason::Invalid;
            }
            failed
        }
        other => CallError::new(service, operation, Fate::Unknown, shorten(&mask(&root_cause(other)))),
    }
}

/// An answer that is not what the service should give.
fn unreadable(
    service: &'static str,
    operation: &'static str,
    raw: &HttpResponse,
    cause: &str,
    mask: &impl Fn(&str) -> String,
) -> CallError {
    let status = raw.status().as_u16();
    // After success it was carried out, though what came back cannot be read.
    let fate = if status < 300 { Fate::Unknown } else { Fate::Answered(status) };
    let text = format!("{service} gave an answer that cannot be read: {cause}");
    let mut failed = CallError::new(service, operation, fate, shorten(&mask(&text))).reason(Reason::Server);
    failed.request_id = request_id(raw);
    failed.help.push("something between here and AWS may have changed it: a proxy, a captive portal".to_owned());
    failed
}

/// The error of a service's own answer.
fn answered(
    service: &'static str,
    operation: &'static str,
    status: u16,
    code: Option<&str>,
    message: &str,
    request_id: Option<String>,
) -> CallError {
    let text = match (message.is_empty(), code) {
        (false, _) => shorten(message),
        (true, Some(code)) => format!("{service} refused {operation}: {code}"),
        (true, None) => format!("{service} answered {operation} with HTTP status {status}"),
    };
    let mut error = CallError::new(service, operation, Fate::Answered(status), text);
    error.code = code.map(str::to_owned);
    error.request_id = request_id;
    if let Some(meaning) = MEANINGS.iter().find(|meaning| meaning.fits(code.unwrap_or_default(), message)) {
        error.reason = meaning.reason;
        if !meaning.help.is_empty() {
            error.help.push(meaning.help.to_owned());
        }
    }
    error
}

/// The error of a request that did not get an answer.
fn unsent(
    service: &'static str,
    operation: &'static str,
    error: &(dyn Error + 'static),
    timed_out: bool,
    mask: &impl Fn(&str) -> String,
) -> CallError {
    if let Some(credentials) = find::<CredentialsError>(error) {
        return credentials_error(service, operation, credentials, mask);
    }
    let chain = chain(error);
    let lower = chain.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let cause = shorten(&mask(&root_cause(error)));
    let (fate, text, help) = if has(&["no identity resolver", "identity resolver failed", "failed to load credentials"])
    {
        return CallError::new(service, operation, Fate::NotSent, format!("no usable AWS credentials: {cause}"))
            .reason(Reason::Credentials)
            .help(CREDENTIALS_HELP);
    } else if has(&["dns error", "failed to lookup address", "name or service not known", "nodename nor servname"]) {
        (
            Fate::NotSent,
            format!("the host name of {service} does not resolve"),
            "check the region's name and this machine's network; behind a proxy set HTTPS_PROXY",
        )
    } else if has(&["certificate", "tls", "handshake"]) {
        (
            Fate::NotSent,
            format!("no trusted connection to {service}: {cause}"),
            "something between here and AWS answers in its place, or this machine's root certificates are missing",
        )
    } else if has(&[
        "connection refused",
        "tcp connect error",
        "(connect)",
        "network is unreachable",
        "no route to host",
    ]) {
        (
            Fate::NotSent,
            format!("{service} cannot be reached: {cause}"),
            "check the network, AWS_ENDPOINT_URL and HTTPS_PROXY",
        )
    } else if timed_out {
        (Fate::Unknown, format!("{service} did not answer in time"), "")
    } else {
        (Fate::Unknown, format!("the connection to {service} broke: {cause}"), "")
    };
    let mut failed = CallError::new(service, operation, fate, text).reason(Reason::Unreachable);
    if !help.is_empty() {
        failed.help.push(help.to_owned());
    }
    failed
}

fn credentials_error(
    service: &'static str,
    operation: &'static str,
    error: &CredentialsError,
    mask: &impl Fn(&str) -> String,
) -> CallError {
    let cause = shorten(&mask(&chain(error)));
    let (text, help) = match error {
        CredentialsError::CredentialsNotLoaded(_) => ("no AWS credentials found".to_owned(), CREDENTIALS_HELP),
        CredentialsError::ProviderTimedOut(_) => {
            ("whatever gives the AWS credentials did not answer in time".to_owned(), CREDENTIALS_HELP)
        }
        CredentialsError::InvalidConfiguration(_) => {
            (format!("the AWS profile cannot be used: {cause}"), "see ~/.aws/config and ~/.aws/credentials")
        }
        _ => (format!("no AWS credentials: {cause}"), CREDENTIALS_HELP),
    };
    CallError::new(service, operation, Fate::NotSent, text).reason(Reason::Credentials).help(help)
}

/// The first error of that type among an error and its sources.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// All the texts of an error and its sources.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// The text of the innermost source.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn request_id(response: &HttpResponse) -> Option<String> {
    ["x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id", "apigw-requestid"]
        .iter()
        .find_map(|name| response.headers().get(*name))
        .filter(|id| id.len() <= 100)
        .map(str::to_owned)
}

/// One line, not too long, without a full stop: services end their messages as they like.
fn shorten(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.');
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    fn response(status: u16) -> HttpResponse {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(""));
        response.headers_mut().insert("x-amzn-requestid", "id-1");
        response
    }

    fn refused(status: u16, code: &str, message: &str) -> CallError {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        let error = SdkError::service_error(GenericError(meta), response(status));
        call_error("lambda", "GetFunction", &error, |text| text.replace("hunter2", "••••••"))
    }

    #[derive(Debug)]
    struct GenericError(ErrorMetadata);

    impl std::fmt::Display for GenericError {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}", self.0)
        }
    }

    impl Error for GenericError {}

    impl ProvideErrorMetadata for GenericError {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    fn broken(source: &str) -> CallError {
        let error: SdkError<GenericError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::io(source.to_owned().into()));
        call_error("lambda", "GetFunction", &error, str::to_owned)
    }

    #[test]
    fn codes_become_reasons_with_a_way_out() {
        let cases = [
            (
                403,
                "ExpiredTokenException",
                "The security token included in the request is expired",
                Reason::Credentials,
            ),
            (403, "UnrecognizedClientException", "The security token is invalid", Reason::Credentials),
            (403, "InvalidSignatureException", "Signature expired: 1 is now earlier than 2", Reason::Credentials),
            (403, "AccessDeniedException", "User: u is not authorized to perform: lambda:GetFunction", Reason::Denied),
            (400, "ResourceNotFoundException", "The specified log group does not exist.", Reason::NotFound),
            (404, "NoSuchEntity", "The role with name r cannot be found.", Reason::NotFound),
            (409, "EntityAlreadyExists", "Role with name r already exists.", Reason::Conflict),
            (400, "CodeStorageExceededException", "Code storage limit exceeded.", Reason::Quota),
            (412, "PreconditionFailedException", "The Revision Id provided does not match", Reason::Conflict),
            (500, "ServiceException", "oops", Reason::Server),
        ];
        for (status, code, message, reason) in cases {
            let error = refused(status, code, message);
            assert_eq!(error.reason, reason, "{code}");
            assert_eq!(error.request_id.as_deref(), Some("id-1"));
            assert!(!error.message.ends_with('.'));
        }
        assert!(refused(403, "InvalidSignatureException", "Signature expired: 1").help[0].contains("clock"));
    }

    #[test]
    fn an_answer_without_a_body_still_says_something() {
        assert_eq!(refused(503, "", "").message, "lambda refused GetFunction: ");
        let error = SdkError::service_error(GenericError(ErrorMetadata::builder().build()), response(500));
        let error = call_error("sqs", "SetQueueAttributes", &error, str::to_owned);
        assert_eq!(error.message, "sqs answered SetQueueAttributes with HTTP status 500");
    }

    #[test]
    fn an_answer_of_success_that_cannot_be_read_may_have_been_carried_out() {
        let error = refused(200, "", "");
        assert_eq!((error.fate, error.reason), (Fate::Unknown, Reason::Server));
        assert!(error.message.starts_with("lambda gave an answer that cannot be read"), "{}", error.message);
    }

    #[test]
    fn secrets_do_not_come_back_in_error_texts() {
        let error = refused(400, "InvalidParameterValueException", "environment {\"P\": \"hunter2\"} is too large");
        assert_eq!(error.message, "environment {\"P\": \"••••••\"} is too large");
    }

    #[test]
    fn broken_connections_say_what_broke() {
        let refused = broken("client error (Connect): tcp connect error: Connection refused (os error 111)");
        assert_eq!((refused.fate, refused.reason), (Fate::NotSent, Reason::Unreachable));
        let unknown = broken("dns error: failed to lookup address information");
        assert_eq!(unknown.message, "the host name of lambda does not resolve");
        let tls = broken("invalid peer certificate: UnknownIssuer");
        assert!(tls.message.starts_with("no trusted connection to lambda"));
        let cut = broken("connection closed before message completed");
        assert_eq!(cut.fate, Fate::Unknown);
    }

    #[test]
    fn missing_credentials_are_no_network_problem() {
        let source = CredentialsError::not_loaded("no providers in chain provided credentials");
        let error: SdkError<GenericError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::other(source.into(), None));
        let error = call_error("sts", "GetCallerIdentity", &error, str::to_owned);
        assert_eq!((error.fate, error.reason), (Fate::NotSent, Reason::Credentials));
        assert_eq!(error.message, "no AWS credentials found");
    }
}
