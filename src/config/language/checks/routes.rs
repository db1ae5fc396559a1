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
            let Some((kind, route)) = route_of(event) else { continue };
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
            *routes.entry(kind).or_default() += 1;
            if let Some((first, first_place)) = seen.get(&(kind, route.clone())) {
                diagnostics.push(
                    Diagnostic::error("duplicate-route", format!("{path}: `{route}` is the route of {first} too"))
                        .path(path)
                        .at(event.place)
                        .related("the first", *first_place)
                        .help("an API has each route once: take one away or change its method or path"),
                );
            } else {
                seen.insert((kind, route), (path, event.place));
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

/// A route in the form in which two of them clash.
fn route_of(event: &Event) -> Option<(&'static str, String)> {
    match &event.trigger {
        Trigger::Http(http) => {
            let path = http.path.trim_matches('/');
            Some(("http", format!("{} /{path}", http.method.as_str())))
        }
        Trigger::HttpApi(route) if route.path.as_str() == "*" => Some(("httpApi", "*".to_owned())),
        Trigger::HttpApi(route) => {
            Some(("httpApi", format!("{} {}", route.method.unwrap_or(Method::Any).as_str(), route.path.as_str())))
        }
        Trigger::Websocket(websocket) => Some(("websocket", websocket.route.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

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
