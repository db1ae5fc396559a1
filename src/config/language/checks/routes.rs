//! Routes of the APIs: each only once, and not more than an API takes.

use std::collections::HashMap;

use super::Checked;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::http::Method;
use crate::config::language::events::{Event, Trigger};
use crate::config::node::Place;

/// Routes of an HTTP API and resources of a REST API:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>.
const MAX_ROUTES: usize = 300;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<(&'static str, String), (String, Place)> = HashMap::new();
    let mut routes: HashMap<&'static str, usize> = HashMap::new();
    for one in &checked.functions {
        for event in &one.function.events {
            let Some(Route { kind, route, taken }) = route_of(event) else { continue };
            let path = format!("functions.{}.events[{}].{kind}", one.key, event.index);
            if route.contains("${") {
                continue;
            }
            if kind == "http" && route.ends_with(" /*") {
                diagnostics.push(
                    Diagnostic::error("bad-format", format!("{path}: a REST API has no path `*`"))
                        .path(path)
                        .at(event.place)
                        .help("write `ANY /{proxy+}` for every path, and `ANY /` beside it for the root; `*` is for `httpApi`"),
                );
                continue;
            }
            if let Some((problem, help)) = misshapen(&event.trigger) {
                diagnostics.push(
                    Diagnostic::error("bad-format", format!("{path}: {problem}")).path(path).at(event.place).help(help),
                );
                continue;
            }
            *routes.entry(kind).or_default() += 1;
            if let Some((first, first_place)) = seen.get(&(kind, taken.clone())) {
                diagnostics.push(
                    Diagnostic::error("duplicate-route", format!("{path}: `{route}` is the route of {first} too"))
                        .path(path)
                        .at(event.place)
                        .related("the first", *first_place)
                        .help("an API has each route once: take one away or change its method or path"),
                );
            } else {
                seen.insert((kind, taken), (path, event.place));
            }
        }
    }
    for (kind, count) in routes {
        // A REST API counts resources (paths), which only what is live can tell when it is shared.
        if kind == "httpApi" && count > MAX_ROUTES {
            let service = checked.service;
            diagnostics.push(
                Diagnostic::warning(
                    "too-many-routes",
                    format!("functions: {count} routes are more than the {MAX_ROUTES} that an HTTP API has unless the quota was raised"),
                )
                .path("functions")
                .at(service.place_of("functions")),
            );
        }
    }
}

/// What is wrong with a route's path by itself, and what to write.
fn misshapen(trigger: &Trigger) -> Option<(String, &'static str)> {
    let (path, of_http_api) = match trigger {
        Trigger::Http(http) => (http.path.as_str(), false),
        Trigger::HttpApi(route) => (route.path.as_str(), true),
        _ => return None,
    };
    if of_http_api && path != "*" && !path.starts_with('/') {
        return Some((format!("the path `{path}` does not begin with `/`"), "write `/` before it"));
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    if parts.len() > 1 && parts.iter().any(|part| part.is_empty()) {
        return Some((format!("the path `{path}` has an empty part"), "take one `/` away"));
    }
    let wrong = parts.iter().enumerate().find(|(index, part)| !may_stand(part, index + 1 == parts.len(), of_http_api));
    wrong.map(|(_, part)| {
        let help = "a variable takes a whole part, `{id}`, and one for all the rest, `{rest+}`, is the last";
        (format!("`{part}` cannot be a part of the path `{path}`"), help)
    })
}

/// Whether API Gateway takes a part of a path. Whether an HTTP API takes a variable inside of a part is not documented.
fn may_stand(part: &str, is_last: bool, of_http_api: bool) -> bool {
    match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => {
            let plain = name.strip_suffix('+').filter(|_| is_last).unwrap_or(name);
            !plain.is_empty() && !plain.contains(['{', '}', '+'])
        }
        None => of_http_api || !part.contains(['{', '}']),
    }
}

/// A route of one of the APIs.
struct Route {
    kind: &'static str,
    route: String,
    /// In the form in which two of them clash: whatever its name, a variable of an HTTP API takes the same.
    taken: String,
}

fn route_of(event: &Event) -> Option<Route> {
    let (kind, route) = match &event.trigger {
        Trigger::Http(http) => ("http", format!("{} /{}", http.method.as_str(), http.path.trim_matches('/'))),
        Trigger::HttpApi(route) if route.path.as_str() == "*" => ("httpApi", "*".to_owned()),
        Trigger::HttpApi(route) => {
            ("httpApi", format!("{} {}", route.method.unwrap_or(Method::Any).as_str(), route.path.as_str()))
        }
        Trigger::Websocket(websocket) => ("websocket", websocket.route.clone()),
        _ => return None,
    };
    let part = |part: &str| match part.strip_prefix('{').filter(|_| kind == "httpApi") {
        Some(name) if name.ends_with("+}") => "{+}".to_owned(),
        Some(name) if name.ends_with('}') => "{}".to_owned(),
        _ => part.to_owned(),
    };
    let taken = route.split('/').map(part).collect::<Vec<_>>().join("/");
    Some(Route { kind, route, taken })
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn paths_that_no_api_takes_are_refused() {
        insta::assert_snapshot!(
            in_functions(
                "  a: {handler: a.b, events: [httpApi: {path: a, method: get}, httpApi: 'GET /{a+}/x', http: GET /a//b, httpApi: 'GET /x/{a}', httpApi: 'GET /x/{b}', http: 'GET /a/{x', http: 'GET /a/{x+}/b', http: 'GET /a/x{y}']}\n"
            ),
            @r"
        4:30 error[bad-format] functions.a.events[0].httpApi: the path `a` does not begin with `/`
        4:63 error[bad-format] functions.a.events[1].httpApi: `{a+}` cannot be a part of the path `/{a+}/x`
        4:87 error[bad-format] functions.a.events[2].http: the path `/a//b` has an empty part
        4:127 error[duplicate-route] functions.a.events[4].httpApi: `GET /x/{b}` is the route of functions.a.events[3].httpApi too
        4:150 error[bad-format] functions.a.events[5].http: `{x` cannot be a part of the path `/a/{x`
        4:169 error[bad-format] functions.a.events[6].http: `{x+}` cannot be a part of the path `/a/{x+}/b`
        4:192 error[bad-format] functions.a.events[7].http: `x{y}` cannot be a part of the path `/a/x{y}`
        "
        );
    }

    #[test]
    fn each_route_is_there_once() {
        insta::assert_snapshot!(
            in_functions(
                "  a: {handler: a.b, events: [http: GET /users, httpApi: 'GET /users', httpApi: '*']}\n  b: {handler: a.b, events: [http: {path: users, method: get}, httpApi: '*', http: POST /users]}\n"
            ),
            @r"
        5:30 error[duplicate-route] functions.b.events[0].http: `GET /users` is the route of functions.a.events[0].http too
        5:64 error[duplicate-route] functions.b.events[1].httpApi: `*` is the route of functions.a.events[2].httpApi too
        "
        );
    }
}
