//! Our routes in an HTTP or WebSocket API that is somebody else's: those that lead to a function of ours with
//! their answers, and the authorizers that ask one or that only such routes have.

use std::sync::Arc;

use serde_json::Value as Json;

use super::api;
use super::part::{AUTHORIZER, INTEGRATION, Part, ROUTE, ROUTE_RESPONSE};
use crate::aws::client::Aws;
use crate::aws::kinds::json::{member, tags_of, where_allowed};
use crate::engine::failure::Failure;
use crate::engine::resource::{Live, Ownership};
use crate::engine::value::Value;

/// The integrations that call a function, and the routes that lead to them, in those of the APIs that are not ours.
pub(in crate::aws::kinds) async fn ours(
    aws: &Arc<Aws>,
    function: &Live,
    apis: &[String],
) -> Result<Vec<Live>, Failure> {
    let Some(arn) = function.attributes.get("Arn").and_then(Value::text).filter(|_| !apis.is_empty()) else {
        return Ok(Vec::new());
    };
    let all = where_allowed(api::listed(aws).await.map(|all| all.to_vec()))?;
    let scope = aws.scope();
    let is_others = |id: &&String| {
        let found = all.iter().find(|api| member(api, "apiId") == Some(id.as_str()));
        found.is_some_and(|api| scope.ownership(&tags_of(api.get("tags"))) != Ownership::Ours)
    };
    let part = |shape| Part::new(Arc::clone(aws), shape);
    let (integrations, routes) = (part(&INTEGRATION), part(&ROUTE));
    let (authorizers, responses) = (part(&AUTHORIZER), part(&ROUTE_RESPONSE));
    let calls = |one: &Json, key: &str| member(one, key).is_some_and(|uri| leads_to(uri, arn));
    let mut found = Vec::new();
    for api in apis.iter().filter(is_others) {
        let mut calling = integrations.of(api).await?;
        calling.retain(|one| calls(one, "integrationUri"));
        let targets: Vec<String> = calling
            .iter()
            .filter_map(|integration| Some(format!("integrations/{}", member(integration, "integrationId")?)))
            .collect();
        let leads = |route: &Json| member(route, "target").is_some_and(|at| targets.iter().any(|one| one == at));
        let all_routes = if targets.is_empty() { Vec::new() } else { routes.of(api).await? };
        let (leading, others): (Vec<Json>, Vec<Json>) = all_routes.into_iter().partition(leads);
        found.extend(leading.iter().filter_map(|route| routes.in_others(api, route)));
        found.extend(calling.iter().filter_map(|integration| integrations.in_others(api, integration)));
        let is_websocket =
            |one: &Json| member(one, "apiId") == Some(api) && member(one, "protocolType") == Some("WEBSOCKET");
        if !all.iter().any(is_websocket) {
            // An HTTP API gets no authorizers of ours, and its routes have no answers of their own.
            continue;
        }
        for route in leading.iter().filter(|route| member(route, "routeResponseSelectionExpression").is_some()) {
            found.extend(responses.of_route(api, route).await?);
        }
        let asks = |route: &Json, id: &str| member(route, "authorizerId") == Some(id);
        let mut asking = authorizers.of(api).await?;
        asking.retain(|one| {
            let id = member(one, "authorizerId").unwrap_or_default();
            let only_ours = leading.iter().any(|route| asks(route, id)) && !others.iter().any(|route| asks(route, id));
            only_ours || calls(one, "authorizerUri")
        });
        found.extend(asking.iter().filter_map(|one| authorizers.in_others(api, one)));
    }
    Ok(found)
}

/// Whether an address is that of a function or of one of its aliases. An HTTP API names the function, a WebSocket API the
/// path of its invocations.
fn leads_to(uri: &str, function: &str) -> bool {
    let path = uri.split_once(":lambda:path/").and_then(|(_, path)| path.split_once("/functions/"));
    let called = path.map_or(Some(uri), |(_, called)| called.strip_suffix("/invocations"));
    let rest = called.and_then(|called| called.strip_prefix(function));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::leads_to;

    #[test]
    fn a_function_is_called_by_its_name_or_by_its_path() {
        let function = "arn:aws:lambda:eu-west-1:1:function:shop-dev-a";
        let path =
            |name: &str| format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{name}/invocations");
        for uri in [function.to_owned(), format!("{function}:live"), path(function), path(&format!("{function}:live"))]
        {
            assert!(leads_to(&uri, function), "{uri}");
        }
        for uri in [format!("{function}b"), path(&format!("{function}b")), "https://example.com".to_owned()] {
            assert!(!leads_to(&uri, function), "{uri}");
        }
    }
}
