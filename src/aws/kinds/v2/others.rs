//! Our routes in an HTTP API that is somebody else's: those that lead to a function of ours.

use std::sync::Arc;

use serde_json::Value as Json;

use super::api;
use super::part::{INTEGRATION, Part, ROUTE};
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
    let mut found = Vec::new();
    for api in apis.iter().filter(is_others) {
        let (integrations, routes) = (Part::new(Arc::clone(aws), &INTEGRATION), Part::new(Arc::clone(aws), &ROUTE));
        let calls = |integration: &Json| {
            let rest = member(integration, "integrationUri").and_then(|uri| uri.strip_prefix(arn));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        };
        let mut calling = integrations.of(api).await?;
        calling.retain(calls);
        let targets: Vec<String> = calling
            .iter()
            .filter_map(|integration| Some(format!("integrations/{}", member(integration, "integrationId")?)))
            .collect();
        let mut leading = if targets.is_empty() { Vec::new() } else { routes.of(api).await? };
        leading.retain(|route| member(route, "target").is_some_and(|target| targets.iter().any(|one| one == target)));
        found.extend(leading.iter().filter_map(|route| routes.in_others(api, route)));
        found.extend(calling.iter().filter_map(|integration| integrations.in_others(api, integration)));
    }
    Ok(found)
}
