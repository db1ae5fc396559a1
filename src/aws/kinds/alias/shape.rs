//! What an alias looks like: in Lambda's answers and requests, and as properties.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::aws::kinds::json::{expect, member};
use crate::aws::kinds::properties::{
    at_mut, boolean, drop_empty, from_json, integer, items, number_in_place, text, text_in_place, to_json,
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
/// Whether Application Auto Scaling changes the number for us. CloudFormation has no word for it either: there the target
/// says so.
pub(super) const SCALED: [&str; 2] = [CAPACITY, "Scaled"];

/// The versions that an alias sends traffic to.
pub(super) fn routes(answer: &Json) -> Vec<String> {
    let weights = answer.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Json::as_object);
    let others = weights.into_iter().flatten().map(|(version, _)| version.clone());
    member(answer, "FunctionVersion").map(str::to_owned).into_iter().chain(others).collect()
}

pub(super) fn capacity_property(count: Option<i64>, scaled: bool, left: &[&str]) -> Value {
    let mut map = BTreeMap::new();
    if scaled && count.is_some() {
        map.insert(SCALED[1].to_owned(), Value::Bool(true));
    }
    if let Some(count) = count {
        map.insert(COUNT[1].to_owned(), Value::Number(count.into()));
    }
    if !left.is_empty() {
        map.insert(LEFT_ON[1].to_owned(), Value::List(left.iter().map(|version| Value::string(*version)).collect()));
    }
    Value::Map(map)
}

/// What the description of an alias that the file does not describe says: that it is ours, how many environments were asked
/// for, and whether they are scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) count: Option<i64>,
    pub(super) scaled: bool,
}

/// How the mark ends of an alias with environments.
const PROVISIONED: &str = " provisioned";
/// What follows where they are scaled.
const AND_SCALED: &str = ", scaled";

impl Mark {
    pub(super) fn of(properties: &Value) -> Self {
        let count = integer(properties, &COUNT).map(i64::from);
        Self { count, scaled: count.is_some() && boolean(properties, &SCALED) == Some(true) }
    }

    /// What a description says; `None` for one that is not ours.
    pub(super) fn read(description: &str) -> Option<Self> {
        let rest = description.strip_prefix(MARK)?;
        let Some(rest) = rest.strip_prefix(", ") else { return rest.is_empty().then(Self::default) };
        let (rest, scaled) = match rest.strip_suffix(AND_SCALED) {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        Some(Self { count: Some(rest.strip_suffix(PROVISIONED)?.parse().ok()?), scaled })
    }

    fn text(self) -> String {
        let scaled = if self.scaled { AND_SCALED } else { "" };
        self.count.map_or_else(|| MARK.to_owned(), |count| format!("{MARK}, {count}{PROVISIONED}{scaled}"))
    }
}

pub(super) fn live(function: &str, answer: &Json) -> Result<Live, Failure> {
    let name = expect(answer, "Name", "lambda.GetAlias")?;
    let arn = expect(answer, "AliasArn", "lambda.GetAlias")?;
    let is_ours = member(answer, "Description").and_then(Mark::read).is_some();
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
    if properties.get("Description").and_then(Value::text).and_then(Mark::read).is_some() {
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
    let description = description.unwrap_or_else(|| Mark::of(properties).text());
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
    fn the_mark_says_how_many_environments_were_asked_for() {
        for (count, scaled) in [(None, false), (Some(2), false), (Some(40), true)] {
            let mark = Mark { count, scaled };
            assert_eq!(Mark::read(&mark.text()), Some(mark));
        }
        assert_eq!(Mark { count: Some(2), scaled: true }.text(), "made by hoist, 2 provisioned, scaled");
        for foreign in ["", "somebody's", "made by hoist, two provisioned", "made by hoisting", "made by hoist, scaled"]
        {
            assert_eq!(Mark::read(foreign), None, "{foreign}");
        }
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
