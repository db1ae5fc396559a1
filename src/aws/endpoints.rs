//! What answers requests, and under which name: the summary after a deploy, from what is live.

use crate::config::decode::Cf;
use crate::config::language::Service;
use crate::config::language::events::Trigger;
use crate::config::language::events::http::Http;
use crate::config::variables::grammar::has_variables;
use crate::engine::resource::Live;

use super::kinds::domains::mapping::{API, BASE_PATH};
use super::kinds::rest_deployment;
use super::kinds::v2::part::ROUTE;
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
    let bases = Bases::of(service, place, live.clone());
    let mut endpoints = Vec::new();
    for (key, function) in service.functions.iter() {
        let mut add = |method: &str, url: String| {
            endpoints.push(Endpoint { method: method.to_owned(), url, function: key.clone() });
        };
        for event in &function.events {
            match &event.trigger {
                Trigger::Http(route) => {
                    bases.of_rest(route).into_iter().for_each(|url| add(route.method.as_str(), url));
                }
                Trigger::HttpApi(route) => {
                    if let Some(base) = &bases.http {
                        let method = route.method.map_or("ANY", |method| method.as_str());
                        add(if method == "*" { "ANY" } else { method }, join(base, route.path.as_str()));
                    }
                }
                Trigger::Websocket(route) => {
                    if let Some(base) = &bases.websocket {
                        add(&route.route, base.clone());
                    }
                }
                _ => {}
            }
        }
        let url = format!("{}LambdaFunctionUrl", naming::function(key));
        if let Some(url) = attribute(live.clone(), &url, "FunctionUrl") {
            add("ANY", url);
        }
    }
    endpoints
}

/// The address of a path that begins with `/`: on the API that has a route for it, else on the one that there is, HTTP
/// before REST. It is API Gateway's own: the name of a custom domain may not be everywhere yet. `None` without an API that
/// is live.
pub fn address<'a>(
    service: &Service,
    place: Where<'_>,
    live: impl Iterator<Item = &'a Live> + Clone,
    path: &str,
) -> Option<String> {
    let bases = Bases::of(service, place, live.filter(|one| !is_mapping(one)));
    let plain = path.split('?').next().unwrap_or(path).trim_matches('/');
    let mut triggers = service.functions.values().flat_map(|function| &function.events);
    let of_rest = triggers.find_map(|event| match &event.trigger {
        Trigger::Http(route) if route.path.as_str().trim_matches('/') == plain => Some(route),
        _ => None,
    });
    match of_rest {
        Some(route) if bases.deployment.is_some() => {
            let query = path.find('?').map_or("", |at| &path[at..]);
            bases.of_rest(route).map(|url| format!("{url}{query}"))
        }
        Some(_) => Some(join(bases.rest.as_ref().or(bases.http.as_ref())?, path)),
        None => Some(join(bases.http.as_ref().or(bases.rest.as_ref())?, path)),
    }
}

fn attribute<'a>(mut live: impl Iterator<Item = &'a Live>, logical_id: &str, name: &str) -> Option<String> {
    let found = live.find(|one| one.address.logical_id == logical_id)?;
    found.attributes.get(name)?.text().map(str::to_owned)
}

/// The addresses that routes hang from.
struct Bases<'a> {
    rest: Option<String>,
    /// Where the REST API is somebody else's: our deployment in it, which knows where our routes are.
    deployment: Option<&'a Live>,
    http: Option<String>,
    websocket: Option<String>,
}

impl<'a> Bases<'a> {
    fn of(service: &Service, place: Where<'_>, live: impl Iterator<Item = &'a Live> + Clone) -> Self {
        let attribute = |logical_id: &str, name: &str| attribute(live.clone(), logical_id, name);
        let text = |one: &Live, key: &str| one.properties.get(key).and_then(|value| value.text().map(str::to_owned));
        let settings = service.provider.api_gateway.as_ref();
        let own_stage = settings.and_then(|settings| settings.stage.as_deref());
        let rest_place = Where { stage: own_stage.unwrap_or(place.stage), ..place };
        let own = attribute("ApiGatewayRestApi", "Ref")
            .map(|id| mapped("https", &id, live.clone()).unwrap_or_else(|| rest_place.stage_url("https", &id)));
        let deployment = live.clone().find(|one| own.is_none() && one.address.kind == rest_deployment::TYPE);
        let of_others = |one: &Live| {
            Some(Where { stage: &text(one, "StageName")?, ..place }.stage_url("https", &text(one, "RestApiId")?))
        };
        // Which API of somebody else's it is, the file says, or our routes in it do.
        let api_of = |told: Option<&Cf>, ours: &dyn Fn(&str) -> bool| {
            let mut routes = live.clone().filter(|one| one.address.kind == ROUTE.type_name);
            let told = told?;
            let route = || routes.find(|one| ours(&one.address.logical_id)).and_then(|one| text(one, "ApiId"));
            told.as_str().filter(|id| !has_variables(id)).map(str::to_owned).or_else(route)
        };
        let told_http = service.provider.http_api.as_ref().and_then(|settings| settings.id.as_ref());
        let told_websocket = settings.and_then(|settings| settings.websocket_api_id.as_ref());
        let http = attribute("HttpApi", "Ref").and_then(|id| mapped("https", &id, live.clone()));
        let http = http.or_else(|| attribute("HttpApi", "ApiEndpoint"));
        let http = http.or_else(|| Some(place.url("https", &api_of(told_http, &|id| id.starts_with("HttpApiRoute"))?)));
        let websocket =
            attribute("WebsocketsApi", "Ref").or_else(|| api_of(told_websocket, &|id| id.ends_with("WebsocketsRoute")));
        let websocket =
            websocket.map(|id| mapped("wss", &id, live.clone()).unwrap_or_else(|| place.stage_url("wss", &id)));
        Self { rest: own.or_else(|| of_others(deployment?)), deployment, http, websocket }
    }

    /// The address of a route of the REST API.
    fn of_rest(&self, route: &Http) -> Option<String> {
        let base = self.rest.as_ref()?;
        let Some(deployment) = self.deployment else { return Some(join(base, route.path.as_str())) };
        let path = route.path.as_str().trim_matches('/');
        let id = rest_method(if path == "*" { "" } else { path }, route.method.as_str());
        let path = deployment.attributes.get(&rest_deployment::path_of(&id))?;
        Some(join(base, path.text()?))
    }
}

fn is_mapping(one: &Live) -> bool {
    [BASE_PATH.type_name, API.type_name].contains(&one.address.kind.as_str())
}

/// The address of an API beneath its custom domain, when it has one.
fn mapped<'a>(scheme: &str, api: &str, mut live: impl Iterator<Item = &'a Live>) -> Option<String> {
    let text = |one: &Live, key: &str| one.properties.get(key).and_then(|value| value.text().map(str::to_owned));
    let mapping = live.find(|one| {
        is_mapping(one) && [text(one, "RestApiId"), text(one, "ApiId")].iter().flatten().any(|id| id == api)
    })?;
    let path = text(mapping, "BasePath").or_else(|| text(mapping, "ApiMappingKey")).unwrap_or_default();
    Some(join(&format!("{scheme}://{}", text(mapping, "DomainName")?), &path))
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
        format!("{}/{}", self.url(scheme, id), self.stage)
    }

    /// The address of an HTTP API's default stage.
    fn url(&self, scheme: &str, id: &str) -> String {
        format!("{scheme}://{id}.execute-api.{}.{}", self.region, self.partition.dns_suffix)
    }
}

fn join(base: &str, path: &str) -> String {
    let path = if path == "*" { "" } else { path };
    format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::decode::sample;
    use crate::config::language::decode_service;
    use crate::engine::address::Address;
    use crate::engine::resource::Ownership;
    use crate::engine::value::Value;

    fn live(kind: &str, id: &str, attributes: &[(&str, &str)], properties: &[(&str, &str)]) -> Live {
        let texts = |all: &[(&str, &str)]| -> BTreeMap<String, Value> {
            all.iter().map(|(key, text)| ((*key).to_owned(), Value::string(*text))).collect()
        };
        Live {
            address: Address::new(kind, id),
            physical_id: id.to_owned(),
            properties: Value::Map(texts(properties)),
            attributes: texts(attributes),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    #[test]
    fn a_path_is_fetched_as_it_is_written_and_not_by_the_name_of_a_domain() {
        let yaml = "service: shop\nprovider: {name: aws, runtime: python3.13}\n\
                    functions: {a: {handler: a.b, events: [{http: GET /orders}]}}\n";
        let (service, _) = decode_service(&sample::node(yaml));
        let all = [
            live("AWS::ApiGateway::RestApi", "ApiGatewayRestApi", &[("Ref", "abc")], &[]),
            live(BASE_PATH.type_name, "Mapping", &[], &[("RestApiId", "abc"), ("DomainName", "shop.example")]),
        ];
        let place = Where { region: "eu-west-1", partition: Partition::of("eu-west-1"), stage: "dev" };
        let service = service.expect("a service");
        let found = |path: &str| address(&service, place, all.iter(), path);
        let base = "https://abc.execute-api.eu-west-1.amazonaws.com/dev";
        for path in ["/orders", "/orders/", "/orders?x=1", "/orders/?x=1", "/other/"] {
            assert_eq!(found(path), Some(format!("{base}{path}")));
        }
        assert_eq!(endpoints(&service, place, all.iter())[0].url, "https://shop.example/orders");
    }
}
