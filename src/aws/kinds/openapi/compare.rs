//! What is live of a document, and whether it is what the file says.
//!
//! API Gateway exports more than it was given: defaults, ids, dates. So each route is first brought to the parts that
//! matter, without what API Gateway assumes anyway; where both sides then agree, the file's own words are taken.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{digest, export_digest, sorted};
use crate::aws::kinds::properties::{from_json, holds_later, is_empty, to_json};
use crate::engine::value::Value;

/// Parts of a document beside its paths that are compared entry by entry, as paths of keys.
pub(super) const SECTIONS: &[&[&str]] = &[
    &["components", "schemas"],
    &["components", "securitySchemes"],
    &["x-amazon-apigateway-gateway-responses"],
    &["x-amazon-apigateway-request-validators"],
];

/// The security scheme of requests that are signed with AWS credentials, in hoist's documents.
pub(super) const SIGNED: &str = "sigv4";
/// How a document writes the method that answers to all of them.
pub(super) const ANY: &str = "x-amazon-apigateway-any-method";

/// What an integration has when nothing is said.
const INTEGRATION_DEFAULTS: &[(&str, &[&str])] = &[
    ("connectionType", &["INTERNET"]),
    ("passthroughBehavior", &["when_no_match", "WHEN_NO_MATCH"]),
    ("timeoutInMillis", &["29000"]),
    ("responseTransferMode", &["BUFFERED"]),
];

/// What is live of a document, told in the file's words wherever both mean the same.
pub fn live(export: &Json, wanted: &Value) -> Value {
    let wanted_json = to_json(wanted);
    let mut live = wanted.clone();
    let Value::Map(live_map) = &mut live else { return from_json(export.clone()) };
    let paths = paths(export, wanted, &wanted_json);
    live_map.insert("paths".to_owned(), paths);
    for section in SECTIONS {
        let Some((last, before)) = section.split_last() else { continue };
        let exported = section.iter().try_fold(export, |json, key| json.get(*key));
        let part = same_words(exported, wanted.at(section), canonical_part, canonical_part);
        let mut map = &mut *live_map;
        for key in before {
            let entry = map.entry((*key).to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
            let Value::Map(inner) = entry else { return live };
            map = inner;
        }
        if is_empty(&part) {
            map.remove(*last);
        } else {
            map.insert((*last).to_owned(), part);
        }
        for key in before {
            if wanted.get(key).is_none() && live_map.get(*key).is_some_and(is_empty) {
                live_map.remove(*key);
            }
        }
    }
    live
}

/// The live paths with their methods.
fn paths(export: &Json, wanted: &Value, wanted_json: &Json) -> Value {
    let Some(Json::Object(paths)) = export.get("paths") else { return Value::Map(BTreeMap::new()) };
    let paths = paths.iter().map(|(path, item)| {
        let operations = same_words(
            Some(&methods(item)),
            wanted.at(&["paths", path]),
            |operation| canonical_operation(operation, export),
            |operation| canonical_operation(operation, wanted_json),
        );
        (path.clone(), operations)
    });
    Value::Map(paths.collect())
}

/// The entries of a live section: the file's where both mean the same, else what is live in its shortest form.
fn same_words(
    live: Option<&Json>,
    wanted: Option<&Value>,
    canonical_live: impl Fn(&Json) -> Json,
    canonical_wanted: impl Fn(&Json) -> Json,
) -> Value {
    let Some(Json::Object(live)) = live else { return Value::Map(BTreeMap::new()) };
    let entries = live.iter().map(|(key, entry)| {
        let canonical = canonical_live(entry);
        let value = match wanted.and_then(|wanted| wanted.get(key)) {
            Some(wanted) if !holds_later(wanted) && canonical_wanted(&to_json(wanted)) == canonical => wanted.clone(),
            _ => from_json(canonical),
        };
        (key.clone(), value)
    });
    Value::Map(entries.collect())
}

/// A model, a gateway response, a validator, or an authorizer without what API Gateway assumes or adds to it.
pub(super) fn canonical_part(entry: &Json) -> Json {
    let mut entry = entry.clone();
    if let Some(Json::Object(authorizer)) = entry.get_mut("x-amazon-apigateway-authorizer") {
        if authorizer.get("authorizerResultTtlInSeconds").and_then(Json::as_u64) == Some(300) {
            authorizer.remove("authorizerResultTtlInSeconds");
        }
        // What a token or a pool is sent in is the scheme's own name.
        let kind = authorizer.get("type").and_then(Json::as_str).unwrap_or_default().to_lowercase();
        if ["token", "cognito_user_pools"].contains(&kind.as_str()) {
            authorizer.remove("identitySource");
        }
        if let Json::Object(entry) = &mut entry {
            // It only says the type once more.
            entry.remove("x-amazon-apigateway-authtype");
            if kind == "request" {
                entry.remove("name");
            }
        }
    }
    without_empty(sorted(&entry))
}

/// The methods of a path, without what else may stand there.
pub(super) fn methods(item: &Json) -> Json {
    let Json::Object(methods) = item else { return Json::Null };
    let methods = methods.iter().filter(|(method, operation)| operation.is_object() && !method.starts_with('$'));
    methods.map(|(method, operation)| (method.to_lowercase(), operation.clone())).collect::<Map<_, _>>().into()
}

/// One method, reduced to what decides how a request is answered; again of what is reduced already, it changes nothing.
pub(super) fn canonical_operation(operation: &Json, whole: &Json) -> Json {
    let mut map = Map::new();
    for key in ["parameters", "requestBody", "x-amazon-apigateway-request-validator", "isDefaultRoute"] {
        if let Some(value) = operation.get(key) {
            map.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(Json::Array(parameters)) = map.get_mut("parameters") {
        // Path variables follow from the path.
        parameters.retain(|one| one.get("in").and_then(Json::as_str) != Some("path"));
        for one in parameters.iter_mut() {
            if let Json::Object(one) = one {
                one.remove("schema");
                if one.get("required") == Some(&Json::Bool(false)) {
                    one.remove("required");
                }
            }
        }
        parameters.sort_by_key(Json::to_string);
    }
    if let Some(Json::Object(responses)) = operation.get("responses") {
        let responses: Map<String, Json> = responses
            .iter()
            .filter_map(|(status, response)| {
                let mut kept = Map::new();
                for key in ["headers", "content"] {
                    if let Some(Json::Object(parts)) = response.get(key).filter(|parts| !is_nothing(parts)) {
                        let names: Map<String, Json> =
                            parts.keys().map(|name| (name.clone(), Json::Bool(true))).collect();
                        kept.insert(key.to_owned(), names.into());
                    }
                }
                (!kept.is_empty()).then(|| (status.clone(), kept.into()))
            })
            .collect();
        map.insert("responses".to_owned(), responses.into());
    }
    let integration = operation.get("x-amazon-apigateway-integration").or_else(|| operation.get("integration"));
    if let Some(integration) = integration.map(|integration| resolved(integration, whole)) {
        map.insert("integration".to_owned(), canonical_integration(integration));
    }
    let mut canonical = without_empty(sorted(&map.into()));
    // An authorizer without scopes is an empty list beneath its name, and says something all the same.
    if let Some(security) = operation.get("security").filter(|security| !is_nothing(security)) {
        canonical["security"] = sorted(&with_one_name_for_signatures(security, whole));
    }
    canonical
}

/// Exports give the scheme of signed requests a name of their own.
fn with_one_name_for_signatures(security: &Json, whole: &Json) -> Json {
    let schemes = whole.pointer("/components/securitySchemes");
    let is_signed = |name: &str| {
        let kind = schemes.and_then(|all| all.get(name)?.get("x-amazon-apigateway-authtype")?.as_str());
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("awsSigv4"))
    };
    let needed = security.as_array().into_iter().flatten().filter_map(Json::as_object).map(|needed| {
        let named = needed.iter().map(|(name, scopes)| {
            let name = if is_signed(name) { SIGNED } else { name.as_str() };
            (name.to_owned(), scopes.clone())
        });
        Json::Object(named.collect())
    });
    needed.collect()
}

/// An integration itself, also when the operation only points at it.
fn resolved<'a>(integration: &'a Json, whole: &'a Json) -> &'a Json {
    let target = integration.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#'));
    target.and_then(|path| whole.pointer(path)).unwrap_or(integration)
}

fn canonical_integration(integration: &Json) -> Json {
    let Json::Object(map) = integration else { return integration.clone() };
    let mut map = map.clone();
    for key in ["cacheNamespace", "cacheKeyParameters"] {
        map.remove(key);
    }
    for (key, defaults) in INTEGRATION_DEFAULTS {
        let value = map.get(*key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        if value.is_some_and(|value| defaults.contains(&value.as_str())) {
            map.remove(*key);
        }
    }
    // The default of an HTTP API.
    if map.contains_key("payloadFormatVersion") && map.get("timeoutInMillis") == Some(&30_000.into()) {
        map.remove("timeoutInMillis");
    }
    let kind = map.get("type").and_then(Json::as_str).unwrap_or_default().to_lowercase();
    if kind.ends_with("_proxy") {
        // A proxy's answer goes through as it is.
        map.remove("responses");
    }
    map.insert("type".to_owned(), kind.into());
    map.into()
}

/// On an API: the digest of the document that was deployed.
pub const BODY: &str = "hoist:body";
/// On an API: the digest of what it exported then.
pub const EXPORT: &str = "hoist:export";

/// Whether an API runs the wanted document: it is the one that was deployed, and nobody changed it since.
pub fn is_deployed(export: &Json, wanted: &Value, tags: &BTreeMap<String, String>) -> bool {
    if tags.get(BODY).is_none() || digest(wanted).as_ref() != tags.get(BODY) {
        return false;
    }
    match tags.get(EXPORT) {
        Some(noted) => *noted == export_digest(export),
        // The first deployment of an API leaves no note of its export.
        None => {
            let (live, wanted) = (routes(export), routes(&to_json(wanted)));
            live.keys().eq(wanted.keys())
                && live.iter().all(|(key, live)| wanted.get(key).is_some_and(|it| it.runs(live)))
        }
    }
}

/// What sets one route apart from another, for a comparison that survives everything API Gateway fills in.
#[derive(Debug, PartialEq)]
struct Route {
    /// Where it leads; empty where it is not said.
    uri: String,
    /// Who may use it: keys, scopes, and what its authorizers call.
    guard: Json,
}

impl Route {
    fn runs(&self, live: &Self) -> bool {
        (live.uri.is_empty() || self.uri == live.uri) && self.guard == live.guard
    }
}

/// What a route needs, with what decides it.
fn guard(operation: &Json, whole: &Json) -> Json {
    let Some(security) = operation.get("security").filter(|security| !is_nothing(security)) else { return Json::Null };
    let judge = |name: &String| {
        let authorizer =
            whole.pointer("/components/securitySchemes")?.get(name)?.get("x-amazon-apigateway-authorizer")?;
        ["authorizerUri", "providerARNs", "jwtConfiguration"].iter().find_map(|key| authorizer.get(*key))
    };
    let names = security.as_array().into_iter().flatten().filter_map(Json::as_object).flat_map(Map::keys);
    let judges: Vec<Json> = names.filter_map(judge).map(sorted).collect();
    Json::from(vec![sorted(&with_one_name_for_signatures(security, whole)), judges.into()])
}

fn routes(body: &Json) -> BTreeMap<String, Route> {
    let mut routes = BTreeMap::new();
    for (path, item) in body.get("paths").and_then(Json::as_object).into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten().filter(|(_, operation)| operation.is_object())
        {
            let integration =
                operation.get("x-amazon-apigateway-integration").map(|integration| resolved(integration, body));
            let uri = integration.and_then(|integration| integration.get("uri")).and_then(Json::as_str);
            let route = Route { uri: uri.unwrap_or_default().to_owned(), guard: guard(operation, body) };
            routes.insert(format!("{} {path}", method.to_uppercase()), route);
        }
    }
    routes
}

fn is_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Object(map) => map.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::String(text) => text.is_empty(),
        _ => false,
    }
}

fn without_empty(json: Json) -> Json {
    match json {
        Json::Object(map) => {
            let map = map.into_iter().map(|(key, value)| (key, without_empty(value)));
            map.filter(|(_, value)| !is_nothing(value)).collect::<Map<_, _>>().into()
        }
        Json::Array(items) => items.into_iter().map(without_empty).collect(),
        other => other,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    pub fn wanted() -> Value {
        tree_of(json!({
            "openapi": "3.0.1",
            "paths": { "/orders/{id}": { "get": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
                "security": [{ "auth": [] }],
                "x-amazon-apigateway-integration": { "type": "AWS_PROXY", "httpMethod": "POST", "uri": "u" },
            } } },
            "components": { "securitySchemes": { "auth": { "type": "apiKey", "name": "Authorization", "in": "header" } } },
        }))
    }

    pub fn export() -> Json {
        json!({
            "openapi": "3.0.1", "info": { "title": "t", "version": "2026-01-01T00:00:00Z" },
            "servers": [{ "url": "https://x" }],
            "paths": { "/orders/{id}": { "get": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
                "responses": {}, "security": [{ "auth": [] }],
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy", "httpMethod": "POST", "uri": "u", "passthroughBehavior": "when_no_match",
                    "responses": { "default": { "statusCode": "200" } }, "timeoutInMillis": 29000,
                },
            } } },
            "components": { "schemas": {}, "securitySchemes": {
                "auth": { "in": "header", "name": "Authorization", "type": "apiKey" } } },
        })
    }

    #[test]
    fn what_api_gateway_fills_in_is_no_difference() {
        assert_eq!(live(&export(), &wanted()), wanted());
    }

    #[test]
    fn a_changed_route_is_a_difference_of_that_route_only() {
        let mut changed = export();
        changed["paths"]["/orders/{id}"]["get"]["x-amazon-apigateway-integration"]["uri"] = json!("other");
        changed["paths"]["/extra"] = json!({ "get": {} });
        let live = live(&changed, &wanted());
        assert_ne!(live.at(&["paths", "/orders/{id}"]), wanted().at(&["paths", "/orders/{id}"]));
        assert!(live.at(&["paths", "/extra"]).is_some());
        assert_eq!(live.get("components"), wanted().get("components"));
    }

    #[test]
    fn a_route_that_changes_its_authorizer_is_a_difference() {
        let mut changed = export();
        changed["paths"]["/orders/{id}"]["get"]["security"] = json!([{ "judge": [] }]);
        let live = live(&changed, &wanted());
        assert_ne!(live.at(&["paths", "/orders/{id}"]), wanted().at(&["paths", "/orders/{id}"]));
    }

    #[test]
    fn routes_are_told_apart_by_where_they_lead_and_who_may_use_them() {
        let route = Route { uri: "u".to_owned(), guard: json!([[{ "auth": [] }], []]) };
        assert_eq!(routes(&export()), BTreeMap::from([("GET /orders/{id}".to_owned(), route)]));
        let judged = |uri: &str| {
            let mut judged = export();
            judged["components"]["securitySchemes"]["auth"]["x-amazon-apigateway-authorizer"] =
                json!({ "type": "token", "authorizerUri": uri });
            routes(&judged)
        };
        assert_ne!(judged("one"), judged("other"), "the authorizer calls another function");
    }

    fn body() -> Json {
        json!({ "paths": { "/a": { "get": { "x-amazon-apigateway-integration": { "type": "aws_proxy", "uri": "u" } } } } })
    }

    #[test]
    fn a_deployed_document_is_known_by_its_note_and_its_routes() {
        let wanted = tree_of(body());
        let tag = |key: &str, value: String| (key.to_owned(), value);
        let noted = BTreeMap::from([tag(BODY, digest(&wanted).unwrap())]);
        assert!(is_deployed(&body(), &wanted, &noted));
        let mut other = body();
        other["paths"]["/b"] = json!({ "get": {} });
        assert!(!is_deployed(&other, &wanted, &noted), "a route that somebody added");
        assert!(!is_deployed(&body(), &tree_of(other.clone()), &noted), "a route that the file added");
        let guarded = {
            let mut guarded = body();
            guarded["paths"]["/a"]["get"]["security"] = json!([{ "api_key": [] }]);
            guarded
        };
        let wanted_guarded = tree_of(guarded.clone());
        let noted_guarded = BTreeMap::from([tag(BODY, digest(&wanted_guarded).unwrap())]);
        assert!(is_deployed(&guarded, &wanted_guarded, &noted_guarded));
        assert!(!is_deployed(&body(), &wanted_guarded, &noted_guarded), "somebody took the guard away");
        let exported = BTreeMap::from([tag(BODY, digest(&wanted).unwrap()), tag(EXPORT, export_digest(&other))]);
        assert!(is_deployed(&other, &wanted, &exported), "exactly what was exported after the deployment");
        assert!(!is_deployed(&body(), &wanted, &exported));
    }
}
