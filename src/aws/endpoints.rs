//! What answers requests, and under which name: the summary after a deploy, from what is live.

use crate::config::language::Service;
use crate::config::language::events::Trigger;
use crate::engine::resource::Live;

use super::kinds::domains::mapping::{API, BASE_PATH};
use super::kinds::rest_deployment;
use super::naming::{self, rest_method};
use super::partition::Partition;

/// A function of the file that is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedFunction {
    /// The key in the file.
    pub key: String,
    /// The name in AWS.
    pub name: String,
}

/// An address that answers requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `GET`, or `ANY` where every method is taken.
    pub method: String,
    pub url: String,
    /// The key of the function that answers.
    pub function: String,
}

/// Functions in the order of the file, as far as they are live.
pub fn functions<'a>(service: &Service, live: impl Iterator<Item = &'a Live> + Clone) -> Vec<DeployedFunction> {
    let keys = service.functions.keys();
    keys.filter_map(|key| {
        let id = format!("{}LambdaFunction", naming::function(key));
        let found = live.clone().find(|one| one.address.logical_id == id)?;
        Some(DeployedFunction { key: key.clone(), name: found.physical_id.clone() })
    })
    .collect()
}

/// Addresses, in the order of the functions that answer and of their events. What is not live yet is left out.
pub fn endpoints<'a>(
    service: &Service,
    place: Where<'_>,
    live: impl Iterator<Item = &'a Live> + Clone,
) -> Vec<Endpoint> {
    let attribute = |logical_id: &str, name: &str| {
        let found = live.clone().find(|one| one.address.logical_id == logical_id)?;
        found.attributes.get(name)?.text().map(str::to_owned)
    };
    let own_stage = service.provider.api_gateway.as_ref().and_then(|settings| settings.stage.as_deref());
    let rest_place = Where { stage: own_stage.unwrap_or(place.stage), ..place };
    let rest = attribute("ApiGatewayRestApi", "Ref")
        .map(|id| mapped("https", &id, live.clone()).unwrap_or_else(|| rest_place.stage_url("https", &id)));
    // Routes in somebody else's API are told by the deployment that brought them.
    let others = live.clone().find(|one| one.address.kind == rest_deployment::TYPE).and_then(|one| {
        let text = |key: &str| one.properties.get(key).and_then(|value| value.text());
        let (api, stage) = (text("RestApiId")?, text("StageName")?);
        Some((one, Where { stage, ..place }.stage_url("https", api)))
    });
    let http = attribute("HttpApi", "Ref").and_then(|id| mapped("https", &id, live.clone()));
    let http = http.or_else(|| attribute("HttpApi", "ApiEndpoint"));
    let websocket = attribute("WebsocketsApi", "Ref")
        .map(|id| mapped("wss", &id, live.clone()).unwrap_or_else(|| place.stage_url("wss", &id)));
    let mut endpoints = Vec::new();
    for (key, function) in service.functions.iter() {
        let mut add = |method: &str, url: String| {
            endpoints.push(Endpoint { method: method.to_owned(), url, function: key.clone() });
        };
        for event in &function.events {
            match &event.trigger {
                Trigger::Http(route) => {
                    if let Some(base) = &rest {
                        add(route.method.as_str(), join(base, route.path.as_str()));
                    } else if let Some((deployment, base)) = &others {
                        let path = route.path.as_str().trim_matches('/');
                        let id = rest_method(if path == "*" { "" } else { path }, route.method.as_str());
                        let path =
                            deployment.attributes.get(&rest_deployment::path_of(&id)).and_then(|path| path.text());
                        path.into_iter().for_each(|path| add(route.method.as_str(), join(base, path)));
                    }
                }
                Trigger::HttpApi(route) => {
                    if let Some(base) = &http {
                        let method = route.method.map_or("ANY", |method| method.as_str());
                        add(if method == "*" { "ANY" } else { method }, join(base, route.path.as_str()));
                    }
                }
                Trigger::Websocket(route) => {
                    if let Some(base) = &websocket {
                        add(&route.route, base.clone());
                    }
                }
                _ => {}
            }
        }
        let url = format!("{}LambdaFunctionUrl", naming::function(key));
        if let Some(url) = attribute(&url, "FunctionUrl") {
            add("ANY", url);
        }
    }
    endpoints
}

/// The address of an API beneath its custom domain, when it has one.
fn mapped<'a>(scheme: &str, api: &str, mut live: impl Iterator<Item = &'a Live>) -> Option<String> {
    let text = |one: &Live, key: &str| one.properties.get(key).and_then(|value| value.text().map(str::to_owned));
    let mapping = live.find(|one| {
        [BASE_PATH.type_name, API.type_name].contains(&one.address.kind.as_str())
            && [text(one, "RestApiId"), text(one, "ApiId")].iter().flatten().any(|id| id == api)
    })?;
    let path = text(mapping, "BasePath").or_else(|| text(mapping, "ApiMappingKey")).unwrap_or_default();
    Some(join(&format!("{scheme}://{}", text(mapping, "DomainName")?), &path))
}

/// The address of a path that begins with `/`: on the API that has a route for it, else on the one that there is, HTTP
/// before REST. `None` without an API that is live.
pub fn address<'a>(
    service: &Service,
    place: Where<'_>,
    live: impl Iterator<Item = &'a Live> + Clone,
    path: &str,
) -> Option<String> {
    let attribute = |logical_id: &str, name: &str| {
        let found = live.clone().find(|one| one.address.logical_id == logical_id)?;
        found.attributes.get(name)?.text().map(str::to_owned)
    };
    let rest = attribute("ApiGatewayRestApi", "Ref").map(|id| place.stage_url("https", &id));
    let http = attribute("HttpApi", "ApiEndpoint");
    let plain = path.split('?').next().unwrap_or(path).trim_matches('/');
    let mut triggers = service.functions.values().flat_map(|function| &function.events);
    let is_rest = triggers.any(|event| match &event.trigger {
        Trigger::Http(route) => route.path.as_str().trim_matches('/') == plain,
        _ => false,
    });
    let base = if is_rest { rest.or(http) } else { http.or(rest) };
    base.map(|base| format!("{}{path}", base.trim_end_matches('/')))
}

/// Where APIs are: what their addresses are made of.
#[derive(Clone, Copy, Debug)]
pub struct Where<'a> {
    pub region: &'a str,
    pub partition: Partition,
    /// The name of the REST or WebSocket API's stage.
    pub stage: &'a str,
}

impl Where<'_> {
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html>
    fn stage_url(&self, scheme: &str, id: &str) -> String {
        format!("{scheme}://{id}.execute-api.{}.{}/{}", self.region, self.partition.dns_suffix, self.stage)
    }
}

fn join(base: &str, path: &str) -> String {
    let path = if path == "*" { "" } else { path };
    format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'))
}
