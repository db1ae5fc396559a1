//! Authorizers and existing APIs of the provider: what each kind needs.

use super::Checked;
use crate::config::decode::{Places, Toggle, nearest};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::api::HttpApiAuthorizerKind;
use crate::config::language::provider::AlbAuthorizerKind;
use crate::config::node::Place;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    let mut need = |path: String, place: Place, keys: &[(&str, bool)], why: &str| {
        for (key, given) in keys {
            if !given {
                diagnostics.push(
                    Diagnostic::error("missing-key", format!("{path}: `{key}` is missing"))
                        .path(&path)
                        .at(place)
                        .help(format!("{why} needs it")),
                );
            }
        }
    };
    if let Some(api) = &provider.api_gateway
        && api.rest_api_id.is_some()
    {
        let root = api.rest_api_root_resource_id.is_some();
        need(
            "provider.apiGateway".to_owned(),
            api.place,
            &[("restApiRootResourceId", root)],
            "adding routes to an API that is there",
        );
    }
    for (name, authorizer) in provider.http_api.iter().flat_map(|api| &api.authorizers) {
        let path = format!("provider.httpApi.authorizers.{name}");
        match authorizer.kind.unwrap_or(HttpApiAuthorizerKind::Jwt) {
            HttpApiAuthorizerKind::Jwt => need(
                path,
                authorizer.place,
                &[
                    ("identitySource", authorizer.identity_source.is_some()),
                    ("issuerUrl", authorizer.issuer_url.is_some()),
                    ("audience", authorizer.audience.is_some()),
                ],
                "a `jwt` authorizer",
            ),
            HttpApiAuthorizerKind::Request => need(
                path,
                authorizer.place,
                &[("functionName", authorizer.function_name.is_some() || authorizer.function_arn.is_some())],
                "a `request` authorizer without `functionArn`",
            ),
        }
    }
    for (name, authorizer) in provider.alb.iter().flat_map(|alb| &alb.authorizers) {
        let path = format!("provider.alb.authorizers.{name}");
        let (keys, why): (Vec<(&str, bool)>, &str) = match authorizer.kind {
            AlbAuthorizerKind::Oidc => (
                vec![
                    ("authorizationEndpoint", authorizer.authorization_endpoint.is_some()),
                    ("clientId", authorizer.client_id.is_some()),
                    ("issuer", authorizer.issuer.is_some()),
                    ("tokenEndpoint", authorizer.token_endpoint.is_some()),
                    ("userInfoEndpoint", authorizer.user_info_endpoint.is_some()),
                ],
                "an `oidc` authorizer",
            ),
            AlbAuthorizerKind::Cognito => (
                vec![
                    ("userPoolArn", authorizer.user_pool_arn.is_some()),
                    ("userPoolClientId", authorizer.user_pool_client_id.is_some()),
                    ("userPoolDomain", authorizer.user_pool_domain.is_some()),
                ],
                "a `cognito` authorizer",
            ),
        };
        need(path, authorizer.place, &keys, why);
    }
    of_somebody_elses(checked, diagnostics);
    functions_exist(checked, diagnostics);
}

/// Settings of an API that is somebody else's, which are left as they are. What guards or records requests is an error:
/// whoever wrote it relies on it. The framework takes the rest without a word, so that files that deploy have it.
fn of_somebody_elses(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    let mut told = |path: &str, key: &str, places: &Places, whole: &str, is_relied_on: bool| {
        let Some(place) = places.get(key) else { return };
        let path = format!("{path}.{key}");
        let problem = format!("{path}: the API of `{whole}` is somebody else's, and stays as it is");
        let help = "set it where the API is made, and take it away here";
        let diagnostic = match is_relied_on {
            true => Diagnostic::error("conflict", problem),
            false => Diagnostic::warning("ignored-key", problem),
        };
        diagnostics.push(diagnostic.path(path).at(place).help(help));
    };
    let logs = provider.logs.as_ref();
    if let Some(api) = provider.http_api.as_ref().filter(|api| api.id.is_some()) {
        let whole = "provider.httpApi.id";
        for key in ["authorizers", "cors"] {
            told("provider.httpApi", key, &api.places, whole, true);
        }
        for key in [
            "name",
            "description",
            "disableDefaultEndpoint",
            "metrics",
            "useProviderTags",
            "shouldStartNameWithService",
        ] {
            told("provider.httpApi", key, &api.places, whole, false);
        }
        if let Some(logs) = logs.filter(|logs| logs.http_api.as_ref().is_some_and(Toggle::is_on)) {
            told("provider.logs", "httpApi", &logs.places, whole, true);
        }
    }
    let Some(api) = provider.api_gateway.as_ref() else { return };
    if api.rest_api_id.is_some() {
        let whole = "provider.apiGateway.restApiId";
        told("provider.apiGateway", "resourcePolicy", &api.places, whole, true);
        told("provider", "resourcePolicy", &provider.places, whole, true);
        for key in [
            "apiKeySourceType",
            "binaryMediaTypes",
            "description",
            "disableDefaultEndpoint",
            "endpoint",
            "metrics",
            "minimumCompressionSize",
            "shouldStartNameWithService",
        ] {
            told("provider.apiGateway", key, &api.places, whole, false);
        }
        for key in ["endpointType", "vpcEndpointIds", "apiName"] {
            told("provider", key, &provider.places, whole, false);
        }
        if let Some(logs) = logs.filter(|logs| logs.rest_api.as_ref().is_some_and(Toggle::is_on)) {
            told("provider.logs", "restApi", &logs.places, whole, true);
        }
        if let Some(tracing) = provider.tracing.as_deref().filter(|tracing| tracing.api_gateway == Some(true)) {
            told("provider.tracing", "apiGateway", &tracing.places, whole, true);
        }
    }
    if api.websocket_api_id.is_some() {
        let whole = "provider.apiGateway.websocketApiId";
        if let Some(logs) = logs.filter(|logs| logs.websocket.as_ref().is_some_and(Toggle::is_on)) {
            told("provider.logs", "websocket", &logs.places, whole, true);
        }
        for key in ["websocketsApiName", "websocketsApiRouteSelectionExpression"] {
            told("provider", key, &provider.places, whole, false);
        }
    }
}

/// Functions that authorizers and checks after a deploy name by their key.
fn functions_exist(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let service = checked.service;
    let authorizers = service.provider.http_api.iter().flat_map(|api| &api.authorizers).filter_map(|(key, found)| {
        let name = found.function_name.as_deref()?;
        let path = format!("provider.httpApi.authorizers.{key}.functionName");
        Some((name, path, found.place_of("functionName")))
    });
    let verified = service.deploy.iter().flat_map(|deploy| &deploy.verify).enumerate().filter_map(|(index, verify)| {
        let name = verify.function.as_deref()?;
        Some((name, format!("deploy.verify[{index}].function"), verify.place_of("function")))
    });
    for (name, path, place) in authorizers.chain(verified) {
        if service.functions.contains_key(name) || name.contains("${") {
            continue;
        }
        let near = nearest(name, service.functions.keys().map(String::as_str));
        let diagnostic =
            Diagnostic::error("unknown-function", format!("{path}: `{name}` is not a function of this service"))
                .path(path)
                .at(place);
        diagnostics.push(match near {
            Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
            None => diagnostic,
        });
    }
    for (index, verify) in service.deploy.iter().flat_map(|deploy| &deploy.verify).enumerate() {
        let path = format!("deploy.verify[{index}]");
        if let Some(url) = verify.url.as_ref().filter(|url| !is_address(url)) {
            diagnostics.push(
                Diagnostic::error("bad-format", format!("{path}: `{url}` is neither a URL nor a path"))
                    .path(path.as_str())
                    .at(verify.place_of("url"))
                    .help("write https://… or, for the service's own API, a path that begins with `/`"),
            );
        }
        if verify.function.is_some() == verify.url.is_some() {
            diagnostics.push(
                Diagnostic::error("missing-key", format!("{path}: exactly one of `function` and `url` is needed"))
                    .path(path)
                    .at(verify.place),
            );
        }
    }
}

/// Whether it can be fetched, also where it is known from live state only.
fn is_address(url: &str) -> bool {
    url.starts_with('/') || url.starts_with("https://") || url.starts_with("http://") || url.contains("${")
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;

    #[test]
    fn authorizers_have_what_their_kind_needs() {
        let found = findings(
            "service: shop
provider:
  name: aws
  runtime: nodejs24.x
  apiGateway: {restApiId: abc}
  httpApi:
    authorizers:
      users: {identitySource: $request.header.Authorization, issuerUrl: https://example.com}
      own: {type: request, functionName: gaurd}
deploy: {verify: [guard, /health, {timeout: 3}, ftp://example.com]}
functions: {guard: {handler: a.b}}
",
        );
        insta::assert_snapshot!(found, @r"
        5:15 error[missing-key] provider.apiGateway: `restApiRootResourceId` is missing
        8:14 error[missing-key] provider.httpApi.authorizers.users: `audience` is missing
        9:42 error[unknown-function] provider.httpApi.authorizers.own.functionName: `gaurd` is not a function of this service
        10:35 error[missing-key] deploy.verify[2]: exactly one of `function` and `url` is needed
        10:49 error[bad-format] deploy.verify[3]: `ftp://example.com` is neither a URL nor a path
        ");
    }

    #[test]
    fn an_api_of_somebody_elses_is_not_set_up_in_silence() {
        let found = findings(
            "service: shop
provider:
  name: aws
  runtime: nodejs24.x
  apiName: n
  tracing: {apiGateway: true}
  logs: {restApi: true, httpApi: false}
  apiGateway: {restApiId: abc, restApiRootResourceId: r, metrics: true, resourcePolicy: []}
  httpApi:
    id: xyz
    cors: true
    metrics: true
    disableDefaultEndpoint: true
    authorizers: {people: {type: jwt, identitySource: a, issuerUrl: https://example.com, audience: [x]}}
functions: {guard: {handler: a.b}}
",
        );
        insta::assert_snapshot!(found, @r"
        14:18 error[conflict] provider.httpApi.authorizers: the API of `provider.httpApi.id` is somebody else's, and stays as it is
        11:11 error[conflict] provider.httpApi.cors: the API of `provider.httpApi.id` is somebody else's, and stays as it is
        13:29 warning[ignored-key] provider.httpApi.disableDefaultEndpoint: the API of `provider.httpApi.id` is somebody else's, and stays as it is
        12:14 warning[ignored-key] provider.httpApi.metrics: the API of `provider.httpApi.id` is somebody else's, and stays as it is
        8:89 error[conflict] provider.apiGateway.resourcePolicy: the API of `provider.apiGateway.restApiId` is somebody else's, and stays as it is
        8:67 warning[ignored-key] provider.apiGateway.metrics: the API of `provider.apiGateway.restApiId` is somebody else's, and stays as it is
        5:12 warning[ignored-key] provider.apiName: the API of `provider.apiGateway.restApiId` is somebody else's, and stays as it is
        7:19 error[conflict] provider.logs.restApi: the API of `provider.apiGateway.restApiId` is somebody else's, and stays as it is
        6:25 error[conflict] provider.tracing.apiGateway: the API of `provider.apiGateway.restApiId` is somebody else's, and stays as it is
        ");
    }
}
