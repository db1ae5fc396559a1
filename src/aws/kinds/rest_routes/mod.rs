//! Routes of a REST API that is somebody else's: `AWS::ApiGateway::Resource`, `Method` and what these refer to, one by
//! one.
//!
//! A document cannot do that: it names the whole API, and an import that merges says nothing of what it takes away.
//! What is ours carries a mark ([`marks`]) and is found through the policies of our functions, which say which APIs may
//! call them. Nothing of it answers requests before the API is deployed anew.

pub(super) mod deployed;
mod live;
pub mod marks;
pub mod method;
mod method_shape;
pub mod part;
pub mod resource;

use std::sync::Arc;

use serde_json::Value as Json;

use self::marks::Marks;
use super::json::{member, tags_of, where_allowed};
use super::{rest_api, rest_deployment, v2};
use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::resource::Ownership;

pub use self::live::state;
use self::live::{Routes, routes};

/// All changes of REST APIs wait for each other: API Gateway refuses two of one API at the same time.
/// What is found in APIs of others by way of the functions that they may call: a function, and what lets an API call it,
/// stay until all of it is gone, or nothing would lead there any more.
pub const BY_WAY_OF_FUNCTIONS: [&str; 9] = [
    method::TYPE,
    resource::TYPE,
    part::AUTHORIZER.type_name,
    part::MODEL.type_name,
    part::VALIDATOR.type_name,
    rest_deployment::TYPE,
    v2::part::ROUTE.type_name,
    v2::part::INTEGRATION.type_name,
    v2::part::AUTHORIZER.type_name,
];

const WRITER: &str = "apigateway rest";
const PARTS: &str = "arn:${Partition}:apigateway:${Region}::/restapis/*";

/// The marks of the service and stage that this run is about.
pub(super) fn our_marks(aws: &Aws) -> Marks {
    let scope = aws.scope();
    Marks::of(&scope.service, &scope.stage)
}

/// The resources of an API with their methods, as they are now.
/// <https://docs.aws.amazon.com/apigateway/latest/api/API_GetResources.html> (5 calls in two seconds)
pub(super) async fn list(aws: &Aws, api: &str) -> Result<Vec<Json>, Failure> {
    let request = Signed::rest("GET", format!("{}/resources", rest_api::path(api)))
        .query("embed", "methods")
        .query("limit", "500");
    aws.pages("apigateway", "GetResources", request, ("position", "position"), "item").await
}

/// The same as it was when this run first asked.
pub(super) async fn listed(aws: &Aws, api: &str) -> Result<Arc<Vec<Json>>, Failure> {
    let cell = aws.run.rest_routes(api);
    cell.get_or_try_init(|| async { list(aws, api).await.map(Arc::new) }).await.cloned()
}

/// The APIs of any kind that a function may be called by because we allowed it.
async fn callers(aws: &Aws, function: &str) -> Result<Vec<String>, Failure> {
    let mut apis: Vec<String> = aws
        .invoked_from(function, "apigateway.amazonaws.com")
        .await?
        .iter()
        .filter_map(|arn| Some(super::after(arn, "execute-api", "")?.split('/').next()?.to_owned()))
        .collect();
    apis.sort_unstable();
    apis.dedup();
    Ok(apis)
}

/// Those of them that are REST APIs and not ours, and those that are no REST APIs.
async fn of_others(aws: &Aws, apis: Vec<String>) -> Result<(Vec<String>, Vec<String>), Failure> {
    if apis.is_empty() {
        return Ok((apis, Vec::new()));
    }
    let scope = aws.scope();
    let all = where_allowed(rest_api::listed(aws).await.map(|all| all.to_vec()))?;
    let about = |id: &String| all.iter().find(|api| member(api, "id") == Some(id));
    let (mut rest, other): (Vec<String>, Vec<String>) = apis.into_iter().partition(|id| about(id).is_some());
    rest.retain(|id| about(id).is_some_and(|api| scope.ownership(&tags_of(api.get("tags"))) != Ownership::Ours));
    Ok((rest, other))
}
