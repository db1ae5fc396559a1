//! Bounds of a scalable target that change at certain times, its `ScheduledActions`.
//! <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html>
//!
//! What an action made of the bounds is not fought: those of the file stand in a tag, [`MARK`], and these are compared.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{DIMENSION, NAMESPACE, SERVICE, about, send, take_away};
use crate::aws::client::Aws;
use crate::aws::kinds::json::{properties, where_allowed};
use crate::aws::kinds::properties::{drop_empty, number_in_place, to_json};
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;
use crate::engine::value::Value;

/// The property with the actions.
pub const ACTIONS: &str = "ScheduledActions";
/// Beside actions it stands in place of `MinCapacity` and `MaxCapacity`: `1..10`.
pub const BOUNDS: &str = "Bounds";
/// The tag with the bounds of the file. Only a target with actions of ours has it.
pub const MARK: &str = "hoist:bounds";

const FIELDS: &[&str] =
    &["EndTime", "ScalableTargetAction", "Schedule", "ScheduledActionName", "StartTime", "Timezone"];

/// Brings actions into one form, and the bounds beside them.
pub fn normalise(properties: &mut BTreeMap<String, Value>) {
    let Some(Value::List(actions)) = properties.get_mut(ACTIONS) else { return };
    for action in actions.iter_mut() {
        let Value::Map(action) = action else { continue };
        for key in ["EndTime", "StartTime"] {
            let time = action.get(key).and_then(Value::text).and_then(|text| text.parse::<jiff::Timestamp>().ok());
            if let Some(time) = time {
                action.insert(key.to_owned(), Value::Number(time.as_second().into()));
            } else if let Some(Value::Number(time)) = action.get(key) {
                // Application Auto Scaling tells seconds with a fraction.
                let seconds = time.as_f64().map_or(0, |time| time as i64);
                action.insert(key.to_owned(), Value::Number(seconds.into()));
            }
        }
        if let Some(Value::Map(bounds)) = action.get_mut("ScalableTargetAction") {
            bounds.values_mut().for_each(number_in_place);
        }
        drop_empty(action, &[]);
    }
    if actions.is_empty() {
        properties.remove(ACTIONS);
        return;
    }
    if let (Some(least), Some(most)) = (number(properties, "MinCapacity"), number(properties, "MaxCapacity")) {
        properties.insert(BOUNDS.to_owned(), Value::String(format!("{least}..{most}")));
    }
    properties.remove("MinCapacity");
    properties.remove("MaxCapacity");
}

fn number(map: &BTreeMap<String, Value>, key: &str) -> Option<i64> {
    match map.get(key)? {
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
}

/// The bounds of normalised properties: `MinCapacity` and `MaxCapacity`.
pub fn bounds(properties: &Value) -> Option<(i64, i64)> {
    let Value::Map(map) = properties else { return None };
    match map.get(BOUNDS).and_then(Value::text).and_then(|text| text.split_once("..")) {
        Some((least, most)) => Some((least.parse().ok()?, most.parse().ok()?)),
        None => Some((number(map, "MinCapacity")?, number(map, "MaxCapacity")?)),
    }
}

/// The actions of normalised properties.
fn actions(properties: &Value) -> &[Value] {
    match properties.get(ACTIONS) {
        Some(Value::List(actions)) => actions,
        _ => &[],
    }
}

/// Whether one of the actions leads from the bounds of the file to these.
pub fn leads_to(wanted: &Value, reached: (i64, i64)) -> bool {
    let Some(file) = bounds(wanted) else { return false };
    actions(wanted).iter().any(|action| {
        let Some(Value::Map(set)) = action.get("ScalableTargetAction") else { return false };
        let one = |key: &str, unset: i64| number(set, key).unwrap_or(unset);
        (one("MinCapacity", file.0), one("MaxCapacity", file.1)) == reached
    })
}

/// The actions of a target that is live. Who may not ask is told of none.
///
/// # Errors
/// As every call.
pub async fn read(aws: &Aws, resource: &str) -> Result<Value, Failure> {
    let body = json!({
        "ServiceNamespace": NAMESPACE, "ResourceId": resource, "ScalableDimension": DIMENSION,
    });
    let request = Signed::action("DescribeScheduledActions", body);
    let token = ("NextToken", "NextToken");
    let found = aws.pages(SERVICE, "DescribeScheduledActions", request, token, "ScheduledActions").await;
    let found = where_allowed(found)?;
    Ok(Value::List(found.iter().map(|action| Value::Map(properties(action, FIELDS))).collect()))
}

/// Makes the actions of a target those of the file.
///
/// # Errors
/// As every call.
pub async fn write(
    aws: &Aws,
    resource: &str,
    live: &Value,
    wanted: &Value,
    progress: &Progress,
) -> Result<(), Failure> {
    let name = |action: &Value| action.get("ScheduledActionName").and_then(Value::text).unwrap_or_default().to_owned();
    for old in actions(live).iter().filter(|old| !actions(wanted).contains(old)) {
        // One that is put again keeps what is not said.
        let named = about(resource, json!({ "ScheduledActionName": name(old) }));
        take_away(aws, "DeleteScheduledAction", named, progress).await?;
    }
    for new in actions(wanted).iter().filter(|new| !actions(live).contains(new)) {
        let Json::Object(more) = to_json(new) else { continue };
        send(aws, "PutScheduledAction", about(resource, Json::Object(more)), progress).await?;
    }
    Ok(())
}

/// The tag of a target with actions; `None` for one without.
pub fn mark(wanted: &Value) -> Option<(String, String)> {
    let text = wanted.get(BOUNDS).and_then(Value::text)?;
    Some((MARK.to_owned(), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    fn in_one_form(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn times_and_bounds_have_one_form() {
        let action = |start: Json, least: Json| {
            json!({ "ScheduledActionName": "open", "Schedule": "cron(30 8 ? * 1-6 *)", "StartTime": start,
                "ScalableTargetAction": { "MinCapacity": least } })
        };
        let written = in_one_form(json!({ "MinCapacity": 1, "MaxCapacity": 10,
            "ScheduledActions": [action(json!("2027-01-01T00:00:00.000Z"), json!("5"))] }));
        let told =
            in_one_form(json!({ "Bounds": "1..10", "ScheduledActions": [action(json!(1_798_761_600.0), json!(5))] }));
        assert_eq!(written, told);
        assert_eq!(bounds(&written), Some((1, 10)));
        assert_eq!((leads_to(&written, (5, 10)), leads_to(&written, (1, 10))), (true, false));
        assert_eq!(in_one_form(json!({ "MinCapacity": 1, "MaxCapacity": 10, "ScheduledActions": [] })), {
            in_one_form(json!({ "MinCapacity": 1, "MaxCapacity": 10 }))
        });
    }
}
