//! What stands behind a method, in CloudFormation's words
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-method-integration.html>).

use indexmap::IndexMap;

use super::super::super::output::Output;
use super::super::super::plan::Triggered;
use super::super::super::tree::Properties;
use super::super::{invocation, invocation_at};
use super::authorizers::Authorization;
use super::method::all_parameters;
use super::{cors, templates};
use crate::config::decode::Toggle;
use crate::config::language::events::http::{
    ContentHandling, Http, Integration, PassThrough, StatusCode, StatusTemplate, TransferMode,
};
use crate::engine::value::Value;

/// Answers of a function that is called without the proxy form: the status, and what its error text matches.
const STATUS_CODES: &[(&str, &str)] = &[
    ("200", ""),
    ("400", r"[\s\S]*\[400\][\s\S]*"),
    ("401", r"[\s\S]*\[401\][\s\S]*"),
    ("403", r"[\s\S]*\[403\][\s\S]*"),
    ("404", r"[\s\S]*\[404\][\s\S]*"),
    ("422", r"[\s\S]*\[422\][\s\S]*"),
    ("500", r"[\s\S]*(Process\s?exited\s?before\s?completing\s?request|\[500\])[\s\S]*"),
    ("502", r"[\s\S]*\[502\][\s\S]*"),
    ("504", r"([\s\S]*\[504\][\s\S]*)|(.*Task timed out after \d+\.\d+ seconds$)"),
];

/// The kind of integration in API Gateway's words.
pub(super) fn kind(http: &Http) -> &'static str {
    match http.integration {
        Some(Integration::LambdaProxy) => "AWS_PROXY",
        Some(Integration::Lambda | Integration::Aws) => "AWS",
        Some(Integration::Http) => "HTTP",
        Some(Integration::HttpProxy) => "HTTP_PROXY",
        Some(Integration::Mock) => "MOCK",
        None if http.asynchronous == Some(true) => "AWS",
        None => "AWS_PROXY",
    }
}

pub(super) fn integration(
    event: &Triggered<Http>,
    authorization: &Authorization,
    timeout: Option<i64>,
    output: &mut Output,
) -> Properties {
    let (function, http) = (event.function, event.settings);
    let kind = kind(http);
    let request = http.request.as_ref();
    let transfer = http.response.as_ref().and_then(|response| response.transfer_mode);
    check(event, kind, transfer, output);
    if matches!(kind, "AWS" | "HTTP" | "MOCK") {
        tell_answers_apart(event, output);
    }
    let mut integration =
        Properties::new().with("Type", kind).with("IntegrationHttpMethod", "POST").maybe("TimeoutInMillis", timeout);
    match kind {
        "AWS_PROXY" if transfer == Some(TransferMode::Stream) => {
            let uri = invocation_at(function.target(), "2021-11-15", "/response-streaming-invocations");
            integration = integration.with("Uri", uri);
        }
        "AWS" | "AWS_PROXY" => integration = integration.with("Uri", invocation(function.target())),
        "HTTP" | "HTTP_PROXY" => {
            let own = request.and_then(|request| request.method).filter(|_| kind == "HTTP");
            let method = own.unwrap_or(http.method);
            integration = integration
                .with("IntegrationHttpMethod", method.as_str())
                .maybe("Uri", request.and_then(|request| request.uri.as_ref()))
                .maybe("ConnectionType", http.connection_type.map(|_| "VPC_LINK"))
                .maybe("ConnectionId", http.connection_id.as_ref().filter(|_| http.connection_type.is_some()));
        }
        _ => {}
    }
    if matches!(kind, "AWS" | "HTTP" | "MOCK") {
        let pass_through = request.and_then(|request| request.pass_through).map(PassThrough::as_str);
        integration = integration
            .maybe("PassthroughBehavior", pass_through.or((kind == "AWS").then_some("NEVER")))
            .maybe("ContentHandling", request.and_then(|request| request.content_handling).map(ContentHandling::as_str))
            .maybe("RequestTemplates", request_templates(http, kind, authorization).some())
            .list("IntegrationResponses", integration_responses(http));
    }
    let mut parameters = Properties::new();
    if matches!(kind, "AWS" | "HTTP" | "HTTP_PROXY") {
        for (name, parameter) in all_parameters(http) {
            let mapped = match parameter {
                Toggle::With(settings) => settings.mapped_value.as_ref(),
                _ => None,
            };
            let value = mapped.map_or_else(|| name.as_str().into(), Value::from);
            parameters = parameters.with(&name.replacen("method.", "integration.", 1), value);
        }
    }
    if http.asynchronous == Some(true) {
        parameters = parameters.with("integration.request.header.X-Amz-Invocation-Type", "'Event'");
    }
    let proxies = matches!(kind, "AWS_PROXY" | "HTTP_PROXY");
    integration
        .maybe("RequestParameters", parameters.some())
        .maybe("ResponseTransferMode", transfer.filter(|_| proxies).map(TransferMode::as_str))
}

fn check(event: &Triggered<Http>, kind: &str, transfer: Option<TransferMode>, output: &mut Output) {
    let http = event.settings;
    if kind == "HTTP_PROXY" && http.request.as_ref().is_some_and(|request| request.method.is_some()) {
        let problem = event.problem("ignored-key", "`request.method` has no effect with `http-proxy`").as_warning();
        output
            .problem(problem.help("the backend gets the method of the route; `integration: http` has one of its own"));
    }
    let mut refuse = |holds: bool, code, what: String, help: &str| {
        if holds {
            output.problem(event.problem(code, what).help(help));
        }
    };
    let backend = matches!(kind, "HTTP" | "HTTP_PROXY");
    let uri = http.request.as_ref().and_then(|request| request.uri.as_ref());
    refuse(
        backend && uri.is_none(),
        "missing-key",
        format!("the integration `{kind}` needs an address"),
        "add `request: {uri: https://…}`",
    );
    refuse(
        backend && http.connection_type.is_some() && http.connection_id.is_none(),
        "missing-key",
        "a VPC link needs its id".to_owned(),
        "add `connectionId`",
    );
    refuse(
        transfer.is_some() && !matches!(kind, "AWS_PROXY" | "HTTP_PROXY"),
        "conflict",
        format!("`transferMode` is not for the integration `{kind}`"),
        "use `lambda-proxy` or `http-proxy`, or leave it out",
    );
}

/// The templates that make an event of a request; `null` takes a default away.
fn request_templates(http: &Http, kind: &str, authorization: &Authorization) -> Properties {
    let mut all = indexmap::IndexMap::new();
    if kind == "AWS" {
        all.insert("application/json".to_owned(), templates::json());
        all.insert("application/x-www-form-urlencoded".to_owned(), templates::form());
    }
    for (content_type, template) in http.request.iter().flat_map(|request| &request.template) {
        match &template.0 {
            Some(template) => {
                all.insert(content_type.clone(), template.clone());
            }
            None => {
                all.shift_remove(content_type);
            }
        }
    }
    let claims = authorization.claims();
    all.into_iter().fold(Properties::new(), |templates, (content_type, template)| {
        templates.with(&content_type, template.replacen(templates::CLAIMS, &claims, 1))
    })
}

/// A status code: what chooses it, its own headers and templates.
struct Answer<'a> {
    code: String,
    pattern: String,
    config: Option<&'a StatusCode>,
}

/// The answers of an integration that is no proxy. Without any, those of a function are known; without one that is for
/// all other results (no `pattern`), there is one for success.
fn answers(http: &Http) -> Vec<Answer<'_>> {
    let kind = kind(http);
    let Some(response) = &http.response else {
        return if kind == "AWS" { defaults(STATUS_CODES) } else { Vec::new() };
    };
    if response.status_codes.is_empty() {
        return defaults(STATUS_CODES);
    }
    let mut answers: Vec<Answer> = response
        .status_codes
        .iter()
        .map(|(code, config)| Answer {
            code: code.clone(),
            pattern: config.pattern.clone().unwrap_or_default(),
            config: Some(config),
        })
        .collect();
    if answers.iter().all(|answer| !answer.pattern.is_empty()) {
        answers.retain(|answer| answer.code != "200");
        answers.extend(defaults(&STATUS_CODES[..1]));
    }
    answers
}

/// Says which answers hide one another: the document names each by what chooses it.
fn tell_answers_apart(event: &Triggered<Http>, output: &mut Output) {
    let mut known: IndexMap<String, String> = IndexMap::new();
    for Answer { code, pattern, .. } in answers(event.settings) {
        let Some(hidden) = known.insert(pattern.clone(), code.clone()) else { continue };
        let which = match pattern.as_str() {
            "" => "have no `pattern`".to_owned(),
            _ => format!("have the `pattern` `{pattern}`"),
        };
        let what = format!("the answers `{hidden}` and `{code}` {which}, so only `{code}` is given");
        output.problem(
            event
                .problem("conflict", what)
                .as_warning()
                .help("give each a `pattern` of its own; one may have none, for all other results"),
        );
    }
}

fn defaults(codes: &[(&str, &str)]) -> Vec<Answer<'static>> {
    codes
        .iter()
        .map(|(code, pattern)| Answer { code: (*code).to_owned(), pattern: (*pattern).to_owned(), config: None })
        .collect()
}

/// Headers of every answer: those of CORS, then the response's.
fn common_headers(http: &Http) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    // The framework adds CORS headers to an integration's answers only where the file describes the response, or for
    // functions, whose answers are always known.
    if let Some(cors) = cors::Rules::of(http) {
        headers.push(("Access-Control-Allow-Origin".to_owned(), format!("'{}'", cors.origins.join(","))));
        if cors.allow_credentials {
            headers.push(("Access-Control-Allow-Credentials".to_owned(), "'true'".to_owned()));
        }
    }
    if let Some(response) = &http.response {
        headers.extend(response.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    headers
}

fn integration_responses(http: &Http) -> Vec<Value> {
    let common = common_headers(http);
    let response = http.response.as_ref();
    answers(http)
        .into_iter()
        .map(|answer| {
            let own = answer.config.iter().flat_map(|config| &config.headers);
            let headers = common.iter().map(|(name, value)| (name, value)).chain(own);
            let parameters = headers.fold(Properties::new(), |all, (name, value)| {
                all.with(&format!("method.response.header.{name}"), value.as_str())
            });
            let mut templates =
                Properties::new().maybe("application/json", response.and_then(|response| response.template.as_deref()));
            match answer.config.and_then(|config| config.template.as_ref()) {
                Some(StatusTemplate::One(template)) => {
                    templates = templates.with("application/json", template.as_str())
                }
                Some(StatusTemplate::ByContentType(all)) => {
                    templates = all.iter().fold(templates, |all, (kind, template)| all.with(kind, template.as_str()));
                }
                None => {}
            }
            let handling =
                response.and_then(|response| response.content_handling).filter(|_| answer.code.starts_with('2'));
            Properties::new()
                .with("StatusCode", answer.code)
                .with("SelectionPattern", answer.pattern)
                .with("ResponseParameters", parameters)
                .with("ResponseTemplates", templates)
                .maybe("ContentHandling", handling.map(ContentHandling::as_str))
                .into()
        })
        .collect()
}

/// The status codes of a method with the names of their headers.
pub(super) fn method_responses(http: &Http) -> Vec<(String, Vec<String>)> {
    if !matches!(kind(http), "AWS" | "HTTP" | "MOCK") {
        return Vec::new();
    }
    let common = common_headers(http);
    answers(http)
        .into_iter()
        .map(|answer| {
            let own = answer.config.iter().flat_map(|config| config.headers.keys());
            let mut names: Vec<String> = common.iter().map(|(name, _)| name).chain(own).cloned().collect();
            names.sort();
            names.dedup();
            (answer.code, names)
        })
        .collect()
}
