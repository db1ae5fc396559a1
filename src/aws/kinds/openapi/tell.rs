//! The differences between two documents as a person says them: by route, `GET /orders/{id}: authorizer added`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::compare::{ANY, SIGNED, canonical_operation, canonical_part, methods};
use crate::aws::kinds::properties::to_json;
use crate::engine::plan::FieldChange;
use crate::engine::value::Value;

/// The security scheme of API keys, in hoist's documents and in API Gateway's exports.
const KEY: &str = "api_key";
/// Models that every new API has.
const OWN_MODELS: &[&str] = &["Empty", "Error"];

/// The same changes, with those of the document told by route. What no sentence tells stays as it is.
pub fn tell(live: &Value, wanted: &Value, fields: Vec<FieldChange>) -> Vec<FieldChange> {
    let is_inside = |field: &FieldChange| field.path == "Body" || field.path.starts_with("Body.");
    let (Some(live), Some(wanted)) = (live.get("Body"), wanted.get("Body")) else { return fields };
    if !fields.iter().any(is_inside) {
        return fields;
    }
    let sentences = sentences(&to_json(live), &to_json(wanted));
    if sentences.is_empty() {
        return fields;
    }
    let told = sentences.into_iter().map(|sentence| FieldChange {
        path: "Body".to_owned(),
        before: None,
        after: None,
        sensitive: false,
        bookkeeping: false,
        told: Some(sentence),
    });
    let outside: Vec<FieldChange> = fields.iter().filter(|field| !is_inside(field)).cloned().collect();
    told.chain(outside).collect()
}

fn sentences(before: &Json, after: &Json) -> Vec<String> {
    let mut all = Vec::new();
    let (old, new) = (routes(before), routes(after));
    let places: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    for place in places {
        let said = match (old.get(place), new.get(place)) {
            (before, after) if [before, after].into_iter().flatten().all(is_preflight) => preflight(before, after),
            (None, _) => vec!["added".to_owned()],
            (_, None) => vec!["removed".to_owned()],
            (Some(before), Some(after)) => operation(before, after),
        };
        let name = match [old.get(place), new.get(place)].into_iter().flatten().all(is_preflight) {
            true => place.0.clone(),
            false => label(place),
        };
        all.extend(said.into_iter().map(|what| format!("{name}: {what}")));
    }
    all.extend(parts(before, after));
    all
}

/// `GET /orders/{id}`, as files write it.
fn label((path, method): &(String, String)) -> String {
    match method.as_str() {
        _ if path == "/$default" => "$default".to_owned(),
        ANY => format!("ANY {path}"),
        method => format!("{} {path}", method.to_uppercase()),
    }
}

/// Path and method of every route, with what decides how it answers.
fn routes(document: &Json) -> BTreeMap<(String, String), Json> {
    let paths = document.get("paths").and_then(Json::as_object);
    let mut all = BTreeMap::new();
    for (path, item) in paths.into_iter().flatten() {
        let Json::Object(methods) = methods(item) else { continue };
        all.extend(methods.into_iter().map(|(method, operation)| {
            let operation = canonical_operation(&operation, document);
            ((path.clone(), method), operation)
        }));
    }
    all
}

/// Whether a route only answers a browser that asks what it may do.
fn is_preflight(operation: &Json) -> bool {
    let integration = operation.get("integration");
    let is_mock = integration.and_then(|all| all.get("type")).and_then(Json::as_str) == Some("mock");
    let answers = integration.and_then(|all| all.get("responses")).and_then(Json::as_object);
    is_mock
        && answers.into_iter().flat_map(Map::values).any(|answer| {
            let headers = answer.get("responseParameters").and_then(Json::as_object);
            headers
                .into_iter()
                .flat_map(Map::keys)
                .any(|name| name.to_ascii_lowercase().ends_with("header.access-control-allow-origin"))
        })
}

fn preflight(before: Option<&Json>, after: Option<&Json>) -> Vec<String> {
    match (before, after) {
        (None, _) => vec!["CORS added".to_owned()],
        (_, None) => vec!["CORS removed".to_owned()],
        (Some(before), Some(after)) if before != after => vec!["CORS changed".to_owned()],
        _ => Vec::new(),
    }
}

/// What a route asks of its caller, and what stands behind it.
fn operation(before: &Json, after: &Json) -> Vec<String> {
    let mut said = Vec::new();
    let (old, new) = (Security::of(before), Security::of(after));
    said.extend(told("authorizer", old.authorizer.as_deref(), new.authorizer.as_deref()));
    if old.authorizer == new.authorizer || old.authorizer.is_none() {
        said.extend(told("scopes", old.scopes.as_deref(), new.scopes.as_deref()));
    }
    match (old.key, new.key) {
        (false, true) => said.push("API key required".to_owned()),
        (true, false) => said.push("API key no longer required".to_owned()),
        _ => {}
    }
    let validator = |operation: &Json| {
        operation.get("x-amazon-apigateway-request-validator").and_then(Json::as_str).map(str::to_owned)
    };
    said.extend(match (validator(before), validator(after)) {
        (None, Some(_)) => Some("validator added".to_owned()),
        (Some(_), None) => Some("validator removed".to_owned()),
        (old, new) => told("validator", old.as_deref(), new.as_deref()),
    });
    let of = |operation: &Json, key: &str| operation.get(key).cloned().unwrap_or(Json::Null);
    for (key, what) in [("parameters", "parameters"), ("requestBody", "schema"), ("responses", "answers")] {
        said.extend(match (of(before, key), of(after, key)) {
            (old, new) if old == new => None,
            (Json::Null, _) => Some(format!("{what} added")),
            (_, Json::Null) => Some(format!("{what} removed")),
            _ => Some(format!("{what} changed")),
        });
    }
    let differing = differing_keys(&of(before, "integration"), &of(after, "integration"));
    if !differing.is_empty() {
        said.push(format!("integration changed ({})", differing.join(", ")));
    }
    said
}

/// What a route asks of its caller.
struct Security {
    authorizer: Option<String>,
    scopes: Option<String>,
    key: bool,
}

impl Security {
    fn of(operation: &Json) -> Self {
        let mut security = Self { authorizer: None, scopes: None, key: false };
        let needed = operation.get("security").and_then(Json::as_array).into_iter().flatten();
        for (name, scopes) in needed.filter_map(Json::as_object).flatten() {
            if name == KEY {
                security.key = true;
                continue;
            }
            security.authorizer = Some(if name == SIGNED { "AWS_IAM".to_owned() } else { name.clone() });
            let scopes: Vec<&str> = scopes.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            security.scopes = (!scopes.is_empty()).then(|| scopes.join(", "));
        }
        security
    }
}

fn told(what: &str, before: Option<&str>, after: Option<&str>) -> Option<String> {
    match (before, after) {
        (None, Some(after)) => Some(format!("{what} added ({after})")),
        (Some(before), None) => Some(format!("{what} removed ({before})")),
        (Some(before), Some(after)) if before != after => Some(format!("{what} changed ({before} → {after})")),
        _ => None,
    }
}

/// Keys of two objects whose values are not the same.
fn differing_keys(before: &Json, after: &Json) -> Vec<String> {
    let keys = |json: &Json| json.as_object().into_iter().flat_map(Map::keys).cloned().collect::<Vec<_>>();
    let all: BTreeSet<String> = keys(before).into_iter().chain(keys(after)).collect();
    all.into_iter().filter(|key| before.get(key) != after.get(key)).collect()
}

/// What stands beside the routes. Authorizers and validators that come or go are told with the routes that use them.
fn parts(before: &Json, after: &Json) -> Vec<String> {
    let entries = |document: &Json, pointer: &str| {
        document.pointer(pointer).and_then(Json::as_object).cloned().unwrap_or_default()
    };
    let mut said = Vec::new();
    for (pointer, what, alone) in [
        ("/components/securitySchemes", "authorizer", false),
        ("/x-amazon-apigateway-request-validators", "validator", false),
        ("/components/schemas", "model", true),
        ("/x-amazon-apigateway-gateway-responses", "gateway response", true),
    ] {
        let (old, new) = (entries(before, pointer), entries(after, pointer));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let how = match (old.get(name), new.get(name)) {
                (None, _) if alone => "added",
                (Some(_), None) if alone && !OWN_MODELS.contains(&name.as_str()) => "removed",
                (Some(old), Some(new)) if canonical_part(old) != canonical_part(new) => "changed",
                _ => continue,
            };
            said.push(format!("{what} {name}: {how}"));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(operation: Json) -> Json {
        json!({ "paths": { "/orders/{id}": { "get": operation } } })
    }

    fn plain() -> Json {
        json!({ "x-amazon-apigateway-integration": { "type": "AWS_PROXY", "uri": "u", "httpMethod": "POST" } })
    }

    /// What is said when a route has this more than before; and when it loses it again.
    fn with(key: &str, value: Json) -> (Vec<String>, Vec<String>) {
        let mut more = plain();
        more[key] = value;
        let (less, more) = (document(plain()), document(more));
        (sentences(&less, &more), sentences(&more, &less))
    }

    #[track_caller]
    fn says(said: &(Vec<String>, Vec<String>), added: &[&str], removed: &[&str]) {
        let full = |all: &[&str]| all.iter().map(|what| format!("GET /orders/{{id}}: {what}")).collect::<Vec<_>>();
        assert_eq!((&said.0, &said.1), (&full(added), &full(removed)));
    }

    #[test]
    fn a_route_says_what_it_asks_of_its_caller() {
        says(
            &with("security", json!([{ "guard": [] }])),
            &["authorizer added (guard)"],
            &["authorizer removed (guard)"],
        );
        says(
            &with("security", json!([{ "sigv4": [] }])),
            &["authorizer added (AWS_IAM)"],
            &["authorizer removed (AWS_IAM)"],
        );
        says(&with("security", json!([{ "api_key": [] }])), &["API key required"], &["API key no longer required"]);
        let scoped = with("security", json!([{ "pool": ["read", "write"] }]));
        assert_eq!(scoped.0.len(), 2, "{scoped:?}");
        let two = |scopes: &[&str]| {
            let mut operation = plain();
            operation["security"] = json!([{ "pool": scopes }]);
            document(operation)
        };
        let changed = sentences(&two(&["read"]), &two(&["read", "write"]));
        assert_eq!(changed, ["GET /orders/{id}: scopes changed (read → read, write)"]);
    }

    #[test]
    fn a_route_says_what_is_checked_and_what_stands_behind_it() {
        let validator = "x-amazon-apigateway-request-validator";
        says(&with(validator, json!("v")), &["validator added"], &["validator removed"]);
        let query = json!([{ "name": "q", "in": "query", "required": true }]);
        says(&with("parameters", query), &["parameters added"], &["parameters removed"]);
        let body = json!({ "content": { "application/json": { "schema": { "$ref": "#/x" } } } });
        says(&with("requestBody", body), &["schema added"], &["schema removed"]);
        let slower = json!({ "type": "AWS_PROXY", "uri": "u", "httpMethod": "POST", "timeoutInMillis": 5000 });
        let changed = &["integration changed (timeoutInMillis)"][..];
        says(&with("x-amazon-apigateway-integration", slower), changed, changed);
    }

    #[test]
    fn routes_and_preflights_come_and_go() {
        let preflight = |origin: &str| {
            json!({ "x-amazon-apigateway-integration": { "type": "mock", "responses": { "default": {
                "responseParameters": { "method.response.header.Access-Control-Allow-Origin": origin } } } } })
        };
        let with = |options: Option<Json>| {
            let mut document = document(plain());
            if let Some(options) = options {
                document["paths"]["/orders/{id}"]["options"] = options;
            }
            document
        };
        let (none, any, one) = (with(None), with(Some(preflight("'*'"))), with(Some(preflight("'https://a'"))));
        assert_eq!(sentences(&none, &any), ["/orders/{id}: CORS added"]);
        assert_eq!(sentences(&any, &one), ["/orders/{id}: CORS changed"]);
        assert_eq!(sentences(&one, &none), ["/orders/{id}: CORS removed"]);
        let other = json!({ "paths": { "/$default": { "x-amazon-apigateway-any-method": plain() } } });
        assert_eq!(sentences(&none, &other), ["$default: added", "GET /orders/{id}: removed"]);
    }

    #[test]
    fn what_api_gateway_writes_otherwise_is_not_told() {
        let scheme = |extension: Json, kind: &str| {
            json!({ "components": { "securitySchemes": { "guard": {
                "type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": kind,
                "x-amazon-apigateway-authorizer": extension,
            } } } })
        };
        let file = scheme(json!({ "type": "token", "authorizerUri": "u" }), "custom");
        let live =
            scheme(json!({ "type": "token", "authorizerUri": "u", "authorizerResultTtlInSeconds": 300 }), "Custom");
        assert_eq!(sentences(&live, &file), Vec::<String>::new());
        let other = scheme(json!({ "type": "token", "authorizerUri": "v" }), "custom");
        assert_eq!(sentences(&live, &other), ["authorizer guard: changed"]);
    }

    #[test]
    fn only_the_document_is_told_so() {
        let field = |path: &str| FieldChange {
            path: path.to_owned(),
            before: None,
            after: None,
            sensitive: false,
            bookkeeping: false,
            told: None,
        };
        let tree = |json: Json| crate::aws::kinds::properties::from_json(json!({ "Body": json }));
        let fields = vec![field("Body.paths./orders/{id}.get.security"), field("Name")];
        let mut guarded = plain();
        guarded["security"] = json!([{ "guard": [] }]);
        let all = tell(&tree(document(plain())), &tree(document(guarded)), fields.clone());
        let told: Vec<Option<&str>> = all.iter().map(|field| field.told.as_deref()).collect();
        assert_eq!(told, [Some("GET /orders/{id}: authorizer added (guard)"), None]);
        let same = tell(&tree(document(plain())), &tree(document(plain())), fields.clone());
        assert_eq!(same, fields, "what has no words stays");
    }
}
