//! What a stage of somebody else's API runs of our routes, and how it gets to run others.
//!
//! A deployment takes the whole API as it is, whoever makes it: so what counts is the last one that was ours. Its
//! description says which of our routes there were, and any later one has them too.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::live::digest;
use super::{Routes, list, listed, method, our_marks, routes};
use crate::aws::client::Aws;
use crate::aws::kinds::json::member;
use crate::aws::kinds::properties::texts;
use crate::aws::kinds::rest_api;
use crate::aws::signed::Signed;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress;
use crate::engine::value::Value;

/// The property that lists our routes with what each is: `ApiGatewayMethodOrdersGet=1a2b3c4d5e6f`.
pub const ROUTES: &str = "Routes";
/// The property that lists the places of our routes: `a1b2c3/GET`.
pub const PLACES: &str = "Places";

/// Stage and digest of our last deployment.
pub async fn last(aws: &Aws, api: &str) -> Result<Option<(String, String)>, Failure> {
    let request = Signed::rest("GET", format!("{}/deployments", rest_api::path(api))).query("limit", "500");
    let all = aws.pages("apigateway", "GetDeployments", request, ("position", "position"), "item").await?;
    let marks = our_marks(aws);
    let made = |deployment: &Json| deployment.get("createdDate").and_then(Json::as_f64).unwrap_or_default();
    let ours = all.iter().filter_map(|deployment| {
        let (stage, digest) = marks.read_deployment(member(deployment, "description")?)?;
        Some((made(deployment), (stage.to_owned(), digest.to_owned())))
    });
    Ok(ours.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, found)| found))
}

/// Whether the digest of a deployment is that of none of our routes.
pub fn is_empty(deployed: &str) -> bool {
    deployed == digest("")
}

/// The attribute that says where a route of ours is in the API.
pub fn path_of(logical_id: &str) -> String {
    format!("Path.{logical_id}")
}

/// Where our routes are, for whoever tells their addresses.
fn paths(routes: &Routes) -> BTreeMap<String, Value> {
    routes.methods.iter().map(|ours| (path_of(&ours.logical_id), Value::string(ours.path.as_str()))).collect()
}

/// A deployment, and where our routes are in it.
pub struct Deployed {
    /// What a stage runs, as [`ROUTES`] lists it.
    pub routes: Value,
    pub attributes: BTreeMap<String, Value>,
}

/// Our routes that a stage runs.
pub async fn running(aws: &Aws, api: &str, stage: &str) -> Result<Deployed, Failure> {
    let ours = routes(api, &listed(aws, api).await?, &our_marks(aws));
    let states = ours.states();
    let is_deployed = last(aws, api).await? == Some((stage.to_owned(), digest(&states.join("\n"))));
    let first = (!is_deployed).then(|| "not deployed".to_owned());
    let routes = Value::List(first.into_iter().chain(states).map(Value::String).collect());
    Ok(Deployed { routes, attributes: paths(&ours) })
}

/// Refuses routes that somebody else has in the API.
pub async fn check(aws: &Aws, api: &str, wanted: &Value) -> Result<(), Failure> {
    let all = Routes { resources: listed(aws, api).await?.to_vec(), methods: Vec::new() };
    let clashes = texts(wanted, &[PLACES]).into_iter().filter_map(|place| {
        let (id, verb) = place.split_once('/')?;
        let resource = all.resource(id)?;
        let found = resource.get("resourceMethods")?.get(verb).filter(|found| method::is_foreign(aws, found));
        found.map(|_| format!("{verb} {}", member(resource, "path").unwrap_or_default()))
    });
    let clashes: Vec<String> = clashes.collect();
    if clashes.is_empty() {
        return Ok(());
    }
    let text = format!("the REST API {api} has {} already, and it is somebody else's", clashes.join(", "));
    Err(Failure::new(Reason::NotOurs, text).help("give the route another path, or take it out of the API first"))
}

/// Brings the API as it is onto a stage, with none of our routes but the wanted ones.
pub async fn deploy(
    aws: &Aws,
    api: &str,
    stage: &str,
    wanted: &[String],
    progress: &Progress,
) -> Result<BTreeMap<String, Value>, Failure> {
    let marks = our_marks(aws);
    let now = routes(api, &list(aws, api).await?, &marks);
    let is_wanted = |id: &str| wanted.iter().any(|one| one.split_once('=').is_some_and(|(wanted, _)| wanted == id));
    let mut left = method_count(&now);
    for ours in now.methods.iter().filter(|ours| !is_wanted(&ours.logical_id)) {
        method::delete(aws, &method::place(api, &ours.resource, &ours.verb), progress).await?;
        left -= 1;
    }
    if left == 0 {
        progress.kept("no route is left in the API that could be deployed");
        return Ok(BTreeMap::new());
    }
    let description = marks.deployment(stage, &digest(&wanted.join("\n")));
    let body = json!({ "stageName": stage, "description": description });
    let request = Signed::rest("POST", format!("{}/deployments", rest_api::path(api))).body(body);
    aws.ask("apigateway", "CreateDeployment", &request, progress).await?;
    Ok(paths(&now))
}

fn method_count(routes: &Routes) -> usize {
    let of =
        |resource: &Json| resource.get("resourceMethods").and_then(Json::as_object).map_or(0, serde_json::Map::len);
    routes.resources.iter().map(of).sum()
}
