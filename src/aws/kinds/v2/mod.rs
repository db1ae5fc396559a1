//! `AWS::ApiGatewayV2::*`: HTTP APIs, whose routes are one OpenAPI document, and WebSocket APIs, route by route.

pub mod api;
pub(super) mod others;
pub mod part;
pub mod stage;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::aws::kinds::json::{lower, lower_first, upper};
use crate::aws::kinds::properties::{from_json, is_empty, to_json};
use crate::engine::value::Value;

/// Maps whose keys are names, not members: they are written as they are.
const NAMES: &[&str] = &[
    "RequestModels",
    "RequestParameters",
    "RequestTemplates",
    "ResponseModels",
    "ResponseParameters",
    "RouteSettings",
    "StageVariables",
    "Tags",
];

/// Tags of everything that has any, as `/v2/tags/{arn}`.
pub(super) const TAGS: (&str, &str, &str) = ("apigatewayv2", "POST", "/v2/tags/");

/// The listed properties as members of a request: `RouteKey` is `routeKey` there.
fn encode(properties: &Value, keys: &[&str]) -> Map<String, Json> {
    keys.iter()
        .filter_map(|key| Some((*key, properties.get(key).filter(|value| !is_empty(value))?)))
        .map(|(key, value)| {
            let json = if NAMES.contains(&key) { named(to_json(value)) } else { lower(to_json(value)) };
            (lower_first(key), json)
        })
        .collect()
}

/// The members of an answer as the listed properties.
fn decode(answer: &Json, keys: &[&str]) -> BTreeMap<String, Value> {
    keys.iter()
        .filter_map(|key| {
            let value = answer.get(lower_first(key))?;
            let value = if NAMES.contains(key) { named_back(value.clone()) } else { upper(value.clone()) };
            Some(((*key).to_owned(), from_json(value)))
        })
        .filter(|(_, value)| !is_empty(value))
        .collect()
}

/// The keys of the map itself are names; what is beneath them is not.
fn named(json: Json) -> Json {
    match json {
        Json::Object(map) => map.into_iter().map(|(key, value)| (key, lower(value))).collect::<Map<_, _>>().into(),
        other => other,
    }
}

fn named_back(json: Json) -> Json {
    match json {
        Json::Object(map) => map.into_iter().map(|(key, value)| (key, upper(value))).collect::<Map<_, _>>().into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use serde_json::json;

    #[test]
    fn members_change_their_first_letter_and_names_do_not() {
        let properties = tree_of(json!({
            "CorsConfiguration": { "AllowOrigins": ["*"] }, "StageVariables": { "Mode": "x" }, "Other": 1,
            "RouteSettings": { "GET /A": { "ThrottlingBurstLimit": 1 } },
        }));
        let keys = ["CorsConfiguration", "RouteSettings", "StageVariables"];
        let body = Json::Object(encode(&properties, &keys));
        assert_eq!(
            body,
            json!({
                "corsConfiguration": { "allowOrigins": ["*"] }, "stageVariables": { "Mode": "x" },
                "routeSettings": { "GET /A": { "throttlingBurstLimit": 1 } },
            })
        );
        let Value::Map(mut map) = properties else { panic!("a map") };
        map.remove("Other");
        assert_eq!(decode(&body, &keys), map);
    }
}
