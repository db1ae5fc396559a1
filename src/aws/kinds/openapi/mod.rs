//! The OpenAPI document of an API: what is sent, how it is compared with what a stage exports, and how a difference is
//! told.

mod compare;
mod tell;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::aws::kinds::properties::{as_text, document, from_json, holds_later, is_empty, text, texts, to_json};
use crate::engine::fingerprint::short_digest;
use crate::engine::value::Value;

pub use self::compare::{BODY, EXPORT, is_deployed, live};
pub use self::tell::tell;

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
    short_digest(&sorted(json).to_string(), 6)
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
    plain.or_else(unescaped).map_or_else(|| Value::string(text), from_json)
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
    use super::compare::tests::{export, wanted};
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

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
}
