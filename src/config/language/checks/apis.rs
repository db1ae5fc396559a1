//! Authorizers and existing APIs of the provider: what each kind needs.

use super::Checked;
use crate::config::decode::nearest;
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
    functions_exist(checked, diagnostics);
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
}
