//! The OpenAPI document of an API: what is sent, and how it is compared with what a stage exports.
//!
//! API Gateway exports more than it was given: defaults, ids, dates. So each route is first brought to the parts that
//! matter, without what API Gateway assumes anyway; where both sides then agree, the file's own words are taken.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::aws::kinds::properties::{as_text, document, holds_later, is_empty, text, texts, to_json};
use crate::engine::value::Value;

/// Parts of a document beside its paths that are compared entry by entry, as paths of keys.
const SECTIONS: &[&[&str]] = &[
    &["components", "schemas"],
    &["components", "securitySchemes"],
    &["x-amazon-apigateway-gateway-responses"],
    &["x-amazon-apigateway-request-validators"],
];

/// What an integration has when nothing is said.
const INTEGRATION_DEFAULTS: &[(&str, &[&str])] = &[
    ("connectionType", &["INTERNET"]),
    ("passthroughBehavior", &["when_no_match", "WHEN_NO_MATCH"]),
    ("timeoutInMillis", &["29000"]),
    ("responseTransferMode", &["BUFFERED"]),
];

/// Twelve hexadecimal digits of a document's digest; `None` while parts of it are not known.
pub fn digest(body: &Value) -> Option<String> {
    (!holds_later(body)).then(|| digest_json(&to_json(body)))
}

/// The same of what a stage exports, without what changes by itself.
pub fn export_digest(export: &Json) -> String {
    let mut stable = export.clone();
    if let Json::Object(map) = &mut stable {
        map.remove("info");
        map.remove("servers");
    }
    digest_json(&stable)
}

fn digest_json(json: &Json) -> String {
    let text = sorted(json).to_string();
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The same JSON with the keys of every object in the order of the alphabet.
fn sorted(json: &Json) -> Json {
    match json {
        Json::Object(map) => {
            let map: BTreeMap<&String, Json> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            map.into_iter().map(|(key, value)| (key.clone(), value)).collect::<Map<_, _>>().into()
        }
        Json::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// The document as it is sent: with what the other properties of the API say in the places where an import looks for it.
pub fn rest(properties: &Value) -> Json {
    let mut body = skeleton(properties);
    let binary = texts(properties, &["BinaryMediaTypes"]);
    if !binary.is_empty() {
        body["x-amazon-apigateway-binary-media-types"] = json!(binary);
    }
    if let Some(source) = text(properties, &["ApiKeySourceType"]) {
        body["x-amazon-apigateway-api-key-source"] = source.into();
    }
    if let Some(size) = properties.get("MinimumCompressionSize").filter(|size| !is_empty(size)) {
        body["x-amazon-apigateway-minimum-compression-size"] = to_json(size);
    }
    if let Some(policy) = properties.get("Policy").filter(|policy| !is_empty(policy)) {
        body["x-amazon-apigateway-policy"] = serde_json::from_str(&document(policy)).unwrap_or(Json::Null);
    }
    body
}

/// The document of an HTTP API as it is sent. An import takes tags and cross-origin rules from the document, and takes
/// away what is not in it.
pub fn http(properties: &Value, tags: &BTreeMap<String, String>) -> Json {
    let mut body = skeleton(properties);
    let tags: Vec<Json> =
        tags.iter().map(|(key, value)| json!({ "name": key, "x-amazon-apigateway-tag-value": value })).collect();
    body["tags"] = tags.into();
    if let Some(Value::Map(cors)) = properties.get("CorsConfiguration") {
        let lower = |key: &str| key.chars().take(1).flat_map(char::to_lowercase).chain(key.chars().skip(1)).collect();
        let cors = cors.iter().map(|(key, value)| (lower(key), to_json(value))).collect::<Map<String, Json>>();
        body["x-amazon-apigateway-cors"] = cors.into();
    }
    if properties.get("DisableExecuteApiEndpoint") == Some(&Value::Bool(true)) {
        body["x-amazon-apigateway-endpoint-configuration"] = json!({ "disableExecuteApiEndpoint": true });
    }
    body
}

/// What every document must have, with the API's own name and description.
fn skeleton(properties: &Value) -> Json {
    let mut body = properties.get("Body").map_or_else(|| json!({}), to_json);
    if !body.is_object() {
        body = json!({});
    }
    let info = body.get("info").cloned().unwrap_or_else(|| json!({}));
    let mut info = if info.is_object() { info } else { json!({}) };
    info["title"] = text(properties, &["Name"]).unwrap_or_default().into();
    if info.get("version").is_none() {
        info["version"] = "1.0".into();
    }
    if let Some(description) = text(properties, &["Description"]) {
        info["description"] = description.into();
    }
    body["info"] = info;
    if body.get("openapi").is_none() && body.get("swagger").is_none() {
        body["openapi"] = "3.0.1".into();
    }
    if body.get("paths").is_none() {
        body["paths"] = json!({});
    }
    body
}

/// What is live of a document, told in the file's words wherever both mean the same.
pub fn live(export: &Json, wanted: &Value) -> Value {
    let wanted_json = to_json(wanted);
    let mut live = wanted.clone();
    let Value::Map(live_map) = &mut live else { return super::properties::from_json(export.clone()) };
    let paths = same_words(
        export.get("paths"),
        wanted.get("paths"),
        |item| canonical_path(item, export),
        |item| canonical_path(item, &wanted_json),
    );
    live_map.insert("paths".to_owned(), paths);
    for section in SECTIONS {
        let Some((last, before)) = section.split_last() else { continue };
        let exported = section.iter().try_fold(export, |json, key| json.get(*key));
        let part = same_words(exported, wanted.at(section), canonical_entry, canonical_entry);
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

/// The entries of a live section: the file's where both mean the same, else what is live in its shortest form.
fn same_words(
    live: Option<&Json>,
    wanted: Option<&Value>,
    canonical_live: impl Fn(&Json) -> Json,
    canonical_wanted: impl Fn(&Json) -> Json,
) -> Value {
    let Some(Json::Object(live)) = live else { return Value::Map(BTreeMap::new()) };
    live.iter()
        .map(|(key, entry)| {
            let canonical = canonical_live(entry);
            let value = match wanted.and_then(|wanted| wanted.get(key)) {
                Some(wanted) if !holds_later(wanted) && canonical_wanted(&to_json(wanted)) == canonical => {
                    wanted.clone()
                }
                _ => super::properties::from_json(canonical),
            };
            (key.clone(), value)
        })
        .collect::<BTreeMap<_, _>>()
        .into_value()
}

trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for BTreeMap<String, Value> {
    fn into_value(self) -> Value {
        Value::Map(self)
    }
}

fn canonical_entry(entry: &Json) -> Json {
    without_empty(sorted(entry))
}

/// One path with its methods, each reduced to what decides how a request is answered.
fn canonical_path(item: &Json, whole: &Json) -> Json {
    let Json::Object(methods) = item else { return Json::Null };
    methods
        .iter()
        .filter(|(method, operation)| operation.is_object() && !method.starts_with('$'))
        .map(|(method, operation)| (method.to_lowercase(), canonical_operation(operation, whole)))
        .collect::<Map<_, _>>()
        .into()
}

fn canonical_operation(operation: &Json, whole: &Json) -> Json {
    let mut map = Map::new();
    for key in ["security", "parameters", "requestBody", "x-amazon-apigateway-request-validator", "isDefaultRoute"] {
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
    let integration = operation.get("x-amazon-apigateway-integration");
    if let Some(integration) = integration.map(|integration| resolved(integration, whole)) {
        map.insert("integration".to_owned(), canonical_integration(integration));
    }
    without_empty(sorted(&map.into()))
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
                && live.iter().all(|(key, uri)| uri.is_empty() || wanted.get(key) == Some(uri))
        }
    }
}

/// What sets one route apart from another, for a comparison that survives everything API Gateway fills in.
pub fn routes(body: &Json) -> BTreeMap<String, String> {
    let mut routes = BTreeMap::new();
    for (path, item) in body.get("paths").and_then(Json::as_object).into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten().filter(|(_, operation)| operation.is_object())
        {
            let integration =
                operation.get("x-amazon-apigateway-integration").map(|integration| resolved(integration, body));
            let uri = integration.and_then(|integration| integration.get("uri")).and_then(Json::as_str);
            routes.insert(format!("{} {path}", method.to_uppercase()), uri.unwrap_or_default().to_owned());
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

/// A resource policy with the API's own ARN written short, as files have it: `execute-api:/*`.
pub fn short_policy(policy: &Value) -> Value {
    match policy {
        Value::String(text) => match text.splitn(6, ':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "execute-api", _, _, resource] => {
                Value::string(format!("execute-api:/{}", resource.split_once('/').map_or("*", |(_, rest)| rest)))
            }
            _ => policy.clone(),
        },
        Value::List(items) => Value::List(items.iter().map(short_policy).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), short_policy(value))).collect()),
        other => other.clone(),
    }
}

/// A policy as API Gateway answers with it: JSON whose quotes are escaped once more.
pub fn parsed_policy(text: &str) -> Value {
    let plain = serde_json::from_str::<Json>(text).ok().filter(Json::is_object);
    let unescaped = || serde_json::from_str::<Json>(&text.replace("\\\"", "\"").replace("\\/", "/")).ok();
    plain.or_else(unescaped).map_or_else(|| Value::string(text), super::properties::from_json)
}

/// A list of texts as a set, for patches.
pub fn text_set(value: Option<&Value>) -> std::collections::BTreeSet<String> {
    match value {
        Some(Value::List(items)) => items.iter().filter_map(as_text).collect(),
        _ => Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    fn wanted() -> Value {
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

    fn export() -> Json {
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
    fn digests_do_not_depend_on_dates_and_order() {
        let mut other = export();
        other["info"]["version"] = json!("2027");
        assert_eq!(export_digest(&export()), export_digest(&other));
        assert_eq!(digest(&wanted()).unwrap().len(), 12);
    }

    #[test]
    fn the_other_properties_go_into_the_document() {
        let properties = tree_of(json!({
            "Name": "dev-shop", "Body": { "paths": { "/a": {} } }, "BinaryMediaTypes": ["*/*"],
            "Policy": { "Statement": [] }, "MinimumCompressionSize": 1024,
        }));
        assert_eq!(
            rest(&properties),
            json!({
                "openapi": "3.0.1", "info": { "title": "dev-shop", "version": "1.0" }, "paths": { "/a": {} },
                "x-amazon-apigateway-binary-media-types": ["*/*"],
                "x-amazon-apigateway-minimum-compression-size": 1024,
                "x-amazon-apigateway-policy": { "Statement": [] },
            })
        );
    }

    #[test]
    fn an_http_api_takes_tags_and_cors_from_its_document() {
        let properties = tree_of(json!({
            "Name": "n", "Body": { "paths": {} }, "CorsConfiguration": { "AllowOrigins": ["*"], "MaxAge": 5 },
            "DisableExecuteApiEndpoint": true,
        }));
        let body = http(&properties, &BTreeMap::from([("team".to_owned(), "a".to_owned())]));
        assert_eq!(body["tags"], json!([{ "name": "team", "x-amazon-apigateway-tag-value": "a" }]));
        assert_eq!(body["x-amazon-apigateway-cors"], json!({ "allowOrigins": ["*"], "maxAge": 5 }));
        assert_eq!(body["x-amazon-apigateway-endpoint-configuration"], json!({ "disableExecuteApiEndpoint": true }));
    }

    #[test]
    fn a_policy_is_the_same_in_short_and_in_full() {
        let live = parsed_policy(r#"{\"Resource\":\"arn:aws:execute-api:eu-central-1:1:abc\/*\/GET\"}"#);
        assert_eq!(short_policy(&live), tree_of(json!({ "Resource": "execute-api:/*/GET" })));
    }

    #[test]
    fn routes_are_told_apart_by_where_they_lead() {
        assert_eq!(routes(&export()), BTreeMap::from([("GET /orders/{id}".to_owned(), "u".to_owned())]));
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
        let exported = BTreeMap::from([tag(BODY, digest(&wanted).unwrap()), tag(EXPORT, export_digest(&other))]);
        assert!(is_deployed(&other, &wanted, &exported), "exactly what was exported after the deployment");
        assert!(!is_deployed(&body(), &wanted, &exported));
    }
}
