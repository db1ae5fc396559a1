//! What an alias looks like: in Lambda's answers and requests, and as properties.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::aws::kinds::json::{expect, member};
use crate::aws::kinds::properties::{
    at_mut, drop_empty, from_json, integer, items, number_in_place, text, text_in_place, to_json,
};
use crate::aws::kinds::version::function_name;
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::resource::{Live, Ownership};
use crate::engine::value::Value;

use super::{TYPE, attributes};

/// How the description begins of an alias that the file does not describe.
pub(super) const MARK: &str = "made by hoist";
/// The property of provisioned environments.
pub(super) const CAPACITY: &str = "ProvisionedConcurrencyConfig";
/// How many of them there are.
pub(super) const COUNT: [&str; 2] = [CAPACITY, "ProvisionedConcurrentExecutions"];
/// Versions that have environments and no traffic: what a deploy that was cut off left. CloudFormation has no word for it.
pub(super) const LEFT_ON: [&str; 2] = [CAPACITY, "LeftOn"];
/// The versions that an alias sends traffic to.
pub(super) fn routes(answer: &Json) -> Vec<String> {
    let weights = answer.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Json::as_object);
    let others = weights.into_iter().flatten().map(|(version, _)| version.clone());
    member(answer, "FunctionVersion").map(str::to_owned).into_iter().chain(others).collect()
}

pub(super) fn capacity_property(count: Option<i64>, left: &[&str]) -> Value {
    let mut map = BTreeMap::new();
    if let Some(count) = count {
        map.insert(COUNT[1].to_owned(), Value::Number(count.into()));
    }
    if !left.is_empty() {
        map.insert(LEFT_ON[1].to_owned(), Value::List(left.iter().map(|version| Value::string(*version)).collect()));
    }
    Value::Map(map)
}

/// The description of an alias that the file does not describe: ours, and how many environments were asked for.
pub(super) fn mark(count: Option<i64>) -> String {
    count.map_or_else(|| MARK.to_owned(), |count| format!("{MARK}, {count} provisioned"))
}

pub(super) fn is_mark(description: &str) -> bool {
    description.strip_prefix(MARK).is_some_and(|rest| rest.is_empty() || rest.ends_with(" provisioned"))
}

pub(super) fn noted(description: Option<&str>) -> Option<i64> {
    description?.strip_prefix(MARK)?.strip_prefix(", ")?.strip_suffix(" provisioned")?.parse().ok()
}

pub(super) fn live(function: &str, answer: &Json) -> Result<Live, Failure> {
    let name = expect(answer, "Name", "lambda.GetAlias")?;
    let arn = expect(answer, "AliasArn", "lambda.GetAlias")?;
    let is_ours = member(answer, "Description").is_some_and(is_mark);
    Ok(Live {
        address: Address::new(TYPE, format!("{function}:{name}")),
        physical_id: format!("{function}:{name}"),
        properties: Value::Map(decode(function, answer)),
        attributes: attributes(&arn),
        ownership: if is_ours { Ownership::Ours } else { Ownership::Unmarked },
        fingerprint: None,
        revision: None,
        parent: None,
    })
}

pub(super) fn decode(function: &str, answer: &Json) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::from([("FunctionName".to_owned(), Value::string(function))]);
    for key in ["Description", "FunctionVersion", "Name"] {
        map.extend(member(answer, key).map(|text| (key.to_owned(), Value::string(text))));
    }
    // `{"2": 0.1}` there, `[{FunctionVersion, FunctionWeight}]` here.
    if let Some(Json::Object(weights)) = answer.pointer("/RoutingConfig/AdditionalVersionWeights") {
        let weights = weights.iter().map(|(version, weight)| {
            let weight = [
                ("FunctionVersion".to_owned(), Value::string(version.as_str())),
                ("FunctionWeight".to_owned(), from_json(weight.clone())),
            ];
            Value::Map(weight.into_iter().collect())
        });
        let routing = BTreeMap::from([("AdditionalVersionWeights".to_owned(), Value::List(weights.collect()))]);
        map.insert("RoutingConfig".to_owned(), Value::Map(routing));
    }
    normalise(&mut map);
    map
}

pub(super) fn normalise(properties: &mut BTreeMap<String, Value>) {
    if let Some(Value::String(name)) = properties.get_mut("FunctionName") {
        *name = function_name(name).to_owned();
    }
    if let Some(version) = properties.get_mut("FunctionVersion") {
        text_in_place(version);
    }
    if let Some(count) = at_mut(properties, &COUNT) {
        number_in_place(count);
        if *count == Value::Number(0.into()) {
            properties.remove(CAPACITY);
        }
    }
    if properties.get("Description").and_then(Value::text).is_some_and(is_mark) {
        properties.remove("Description");
    }
    drop_empty(properties, &[]);
}

/// Weights of further versions.
pub(super) fn weights(properties: &Value) -> Map<String, Json> {
    let weights = items(properties, &["RoutingConfig", "AdditionalVersionWeights"]).iter();
    weights.filter_map(|one| Some((text(one, &["FunctionVersion"])?, to_json(one.get("FunctionWeight")?)))).collect()
}

/// The body of CreateAlias and UpdateAlias. Routing that was taken away is sent as none: leaving it out would keep it.
pub(super) fn body(properties: &Value) -> Map<String, Json> {
    let mut body = Map::new();
    body.insert("FunctionVersion".to_owned(), text(properties, &["FunctionVersion"]).unwrap_or_default().into());
    let description = text(properties, &["Description"]);
    let description = description.unwrap_or_else(|| mark(integer(properties, &COUNT).map(i64::from)));
    body.insert("Description".to_owned(), description.into());
    body.insert("RoutingConfig".to_owned(), json!({ "AdditionalVersionWeights": weights(properties) }));
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    #[test]
    fn an_alias_without_a_description_carries_ours() {
        let plain = tree_of(json!({ "FunctionName": "f", "Name": "live", "FunctionVersion": "3" }));
        assert_eq!(
            Json::Object(body(&plain)),
            json!({ "FunctionVersion": "3", "Description": MARK, "RoutingConfig": { "AdditionalVersionWeights": {} } })
        );
        let answer = json!({ "Name": "live", "FunctionVersion": "3", "Description": MARK, "AliasArn": "a" });
        assert_eq!(Value::Map(decode("f", &answer)), plain);
    }

    #[test]
    fn weights_are_a_map_in_requests_and_a_list_in_files() {
        let answer = json!({ "Name": "live", "FunctionVersion": "3",
            "RoutingConfig": { "AdditionalVersionWeights": { "2": 0.1 } } });
        let live = Value::Map(decode("f", &answer));
        assert_eq!(body(&live)["RoutingConfig"], json!({ "AdditionalVersionWeights": { "2": 0.1 } }));
        let Value::Map(mut none) = tree_of(json!({
            "FunctionVersion": 3, "ProvisionedConcurrencyConfig": { "ProvisionedConcurrentExecutions": "0" },
        })) else {
            panic!("a map")
        };
        normalise(&mut none);
        assert_eq!(Value::Map(none), tree_of(json!({ "FunctionVersion": "3" })));
    }
}
