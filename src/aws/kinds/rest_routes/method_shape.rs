//! A method as API Gateway answers with it and as it takes it, in CloudFormation's words.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::aws::kinds::properties::{
    as_text, boolean_in_place, drop_empty, from_json, is_empty, items, number_in_place, to_json,
};
use crate::engine::value::Value;

/// Properties of a method and their names in calls; what else a method has is an integration or an answer.
pub const METHOD: &[(&str, &str)] = &[
    ("ApiKeyRequired", "apiKeyRequired"),
    ("AuthorizationScopes", "authorizationScopes"),
    ("AuthorizationType", "authorizationType"),
    ("AuthorizerId", "authorizerId"),
    ("OperationName", "operationName"),
    ("RequestModels", "requestModels"),
    ("RequestParameters", "requestParameters"),
    ("RequestValidatorId", "requestValidatorId"),
];
pub const INTEGRATION: &[(&str, &str)] = &[
    ("CacheKeyParameters", "cacheKeyParameters"),
    ("CacheNamespace", "cacheNamespace"),
    ("ConnectionId", "connectionId"),
    ("ConnectionType", "connectionType"),
    ("ContentHandling", "contentHandling"),
    ("Credentials", "credentials"),
    ("IntegrationHttpMethod", "httpMethod"),
    ("PassthroughBehavior", "passthroughBehavior"),
    ("RequestParameters", "requestParameters"),
    ("RequestTemplates", "requestTemplates"),
    ("ResponseTransferMode", "responseTransferMode"),
    ("TimeoutInMillis", "timeoutInMillis"),
    ("Type", "type"),
    ("Uri", "uri"),
];
pub const METHOD_RESPONSE: &[(&str, &str)] =
    &[("ResponseModels", "responseModels"), ("ResponseParameters", "responseParameters")];
pub const INTEGRATION_RESPONSE: &[(&str, &str)] = &[
    ("ContentHandling", "contentHandling"),
    ("ResponseParameters", "responseParameters"),
    ("ResponseTemplates", "responseTemplates"),
    ("SelectionPattern", "selectionPattern"),
];

/// The listed properties as members of a request.
pub fn encode(properties: &Value, names: &[(&str, &str)]) -> Map<String, Json> {
    names
        .iter()
        .filter_map(|(key, name)| {
            let value = properties.get(key).filter(|value| !is_empty(value))?;
            Some(((*name).to_owned(), to_json(value)))
        })
        .collect()
}

/// The answers of a method or of its integration, with their status codes.
pub fn responses<'a>(properties: &'a Value, path: &[&str]) -> Vec<(String, &'a Value)> {
    let coded = |one: &'a Value| Some((as_text(one.get("StatusCode")?)?, one));
    items(properties, path).iter().filter_map(coded).collect()
}

pub fn decode(api: &str, resource: &str, verb: &str, method: &Json) -> Value {
    let mut map = members(method, METHOD);
    for (key, text) in [("RestApiId", api), ("ResourceId", resource), ("HttpMethod", verb)] {
        map.insert(key.to_owned(), Value::string(text));
    }
    map.insert("MethodResponses".to_owned(), coded(method.get("methodResponses"), METHOD_RESPONSE));
    if let Some(integration) = method.get("methodIntegration") {
        let mut inner = members(integration, INTEGRATION);
        let answers = coded(integration.get("integrationResponses"), INTEGRATION_RESPONSE);
        inner.insert("IntegrationResponses".to_owned(), answers);
        map.insert("Integration".to_owned(), Value::Map(inner));
    }
    normalise(&mut map);
    Value::Map(map)
}

fn members(answer: &Json, names: &[(&str, &str)]) -> BTreeMap<String, Value> {
    names.iter().filter_map(|(key, name)| Some(((*key).to_owned(), from_json(answer.get(*name)?.clone())))).collect()
}

/// Answers by their status code, as a list.
fn coded(answers: Option<&Json>, names: &[(&str, &str)]) -> Value {
    let answers = answers.and_then(Json::as_object).into_iter().flatten();
    let answers = answers.map(|(code, answer)| {
        let mut map = members(answer, names);
        map.insert("StatusCode".to_owned(), Value::string(code));
        Value::Map(map)
    });
    Value::List(answers.collect())
}

pub fn normalise(properties: &mut BTreeMap<String, Value>) {
    without(properties, "AuthorizationType", &["NONE"]);
    if let Some(required) = properties.get_mut("ApiKeyRequired") {
        boolean_in_place(required);
        if *required == Value::Bool(false) {
            properties.remove("ApiKeyRequired");
        }
    }
    answers(properties, "MethodResponses");
    flags(properties, "RequestParameters");
    if let Some(Value::Map(integration)) = properties.get_mut("Integration") {
        if let Some(timeout) = integration.get_mut("TimeoutInMillis") {
            number_in_place(timeout);
            if *timeout == Value::Number(29_000.into()) {
                integration.remove("TimeoutInMillis");
            }
        }
        if integration.get("Type").and_then(Value::text) == Some("MOCK") {
            // It calls nothing.
            integration.remove("IntegrationHttpMethod");
        }
        without(integration, "ConnectionType", &["INTERNET"]);
        without(integration, "PassthroughBehavior", &["WHEN_NO_MATCH"]);
        without(integration, "ResponseTransferMode", &["BUFFERED"]);
        answers(integration, "IntegrationResponses");
    }
    drop_empty(properties, &[]);
}

/// Takes away what API Gateway assumes anyway.
fn without(properties: &mut BTreeMap<String, Value>, key: &str, defaults: &[&str]) {
    if properties.get(key).and_then(Value::text).is_some_and(|value| defaults.contains(&value)) {
        properties.remove(key);
    }
}

fn flags(properties: &mut BTreeMap<String, Value>, key: &str) {
    if let Some(Value::Map(flags)) = properties.get_mut(key) {
        flags.values_mut().for_each(boolean_in_place);
    }
}

/// Answers in the order of their codes, without what is empty in them.
fn answers(properties: &mut BTreeMap<String, Value>, key: &str) {
    let Some(Value::List(all)) = properties.get_mut(key) else { return };
    for answer in all.iter_mut() {
        if let Value::Map(answer) = answer {
            if let Some(code) = answer.get("StatusCode").and_then(as_text) {
                answer.insert("StatusCode".to_owned(), Value::String(code));
            }
            if key == "MethodResponses" {
                flags(answer, "ResponseParameters");
            }
            drop_empty(answer, &[]);
        }
    }
    all.sort_by_key(|answer| answer.get("StatusCode").and_then(as_text));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    #[test]
    fn what_api_gateway_answers_is_what_the_file_says() {
        let live = decode(
            "a",
            "r",
            "GET",
            &json!({
                "httpMethod": "GET", "authorizationType": "NONE", "apiKeyRequired": false, "requestParameters": {},
                "methodResponses": { "200": { "statusCode": "200", "responseParameters": { "method.response.header.X": true } } },
                "methodIntegration": {
                    "type": "MOCK", "httpMethod": "POST", "uri": "", "connectionType": "INTERNET", "timeoutInMillis": 29000,
                    "passthroughBehavior": "WHEN_NO_MATCH", "cacheNamespace": "m", "cacheKeyParameters": [],
                    "integrationResponses": { "200": { "statusCode": "200", "selectionPattern": "", "responseTemplates": {},
                        "responseParameters": { "method.response.header.X": "'1'" } } },
                },
            }),
        );
        let Value::Map(mut file) = tree_of(json!({
            "RestApiId": "a", "ResourceId": "r", "HttpMethod": "GET", "ApiKeyRequired": "false", "AuthorizationType": "NONE",
            "MethodResponses": [{ "StatusCode": 200, "ResponseParameters": { "method.response.header.X": true } }],
            "Integration": { "Type": "MOCK", "CacheNamespace": "m", "IntegrationResponses": [
                { "StatusCode": "200", "SelectionPattern": "", "ResponseParameters": { "method.response.header.X": "'1'" } },
            ] },
        })) else {
            panic!("a map")
        };
        normalise(&mut file);
        assert_eq!(live, Value::Map(file));
        assert_eq!(responses(&live, &["Integration", "IntegrationResponses"])[0].0, "200");
        let sent = encode(live.get("Integration").unwrap(), INTEGRATION);
        assert_eq!(Json::Object(sent), json!({ "type": "MOCK", "cacheNamespace": "m" }));
    }
}
