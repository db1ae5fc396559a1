//! The machine-readable form of plans, events and failures: one JSON object a line.

use serde_json::{Map, Value as Json, json};

use super::outcome::Ended;
use crate::engine::address::Address;
use crate::engine::event::{Event, Verb};
use crate::engine::failure::Failure;
use crate::engine::plan::{Action, Change, FieldChange};
use crate::engine::summary::Summary;
use crate::engine::value::{MASK, Value};

/// A property tree as JSON: secrets masked, unknown values as `{"knownAfterApply": true}`.
pub fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(number) => Json::Number(number.clone()),
        Value::String(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(self::value).collect()),
        Value::Map(map) => Json::Object(map.iter().map(|(key, item)| (key.clone(), self::value(item))).collect()),
        Value::Secret(_) => Json::String(MASK.to_owned()),
        Value::Later(_) => json!({"knownAfterApply": true}),
    }
}

/// `create`, `update`, `replace`, `delete`, `adopt`, `retain`, `nothing`.
pub fn action(action: &Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update { .. } => "update",
        Action::Replace { .. } => "replace",
        Action::Delete => "delete",
        Action::Adopt { .. } => "adopt",
        Action::Retain => "retain",
        Action::Nothing => "nothing",
    }
}

/// The verb of an event, in the words of [`action`].
pub fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Replace => "replace",
        Verb::Delete => "delete",
        Verb::Adopt => "adopt",
    }
}

/// One change of a plan.
pub fn change(change: &Change) -> Json {
    let mut object = address(&change.address);
    object.insert("action".into(), action(&change.action).into());
    object.insert("why".into(), change.why.clone().into());
    if let Some(live) = &change.live {
        object.insert("physicalId".into(), live.physical_id.clone().into());
    }
    if let Action::Update { fields } | Action::Replace { fields, .. } | Action::Adopt { fields } = &change.action {
        let shown = fields.iter().filter(|field| !field.bookkeeping).map(self::field).collect();
        object.insert("fields".into(), Json::Array(shown));
    }
    if let Action::Replace { forced_by, .. } = &change.action {
        object.insert("forcedBy".into(), json!(forced_by));
    }
    if change.assumed {
        object.insert("assumed".into(), true.into());
    }
    Json::Object(object)
}

fn field(field: &FieldChange) -> Json {
    let side = |side: &Option<Value>| match side {
        None => Json::Null,
        Some(_) if field.sensitive => MASK.into(),
        Some(known) => value(known),
    };
    let mut json = json!({"path": field.path, "before": side(&field.before), "after": side(&field.after)});
    if let Some(told) = &field.told {
        json["told"] = told.as_str().into();
    }
    json
}

/// One thing that happened while a plan was applied.
pub fn event(event: &Event) -> Json {
    let on = |at: &Address, state: &str, more: Json| {
        let mut object = Map::new();
        object.insert("type".into(), "change".into());
        object.insert("state".into(), state.into());
        object.extend(address(at));
        if let Json::Object(more) = more {
            object.extend(more);
        }
        Json::Object(object)
    };
    match event {
        Event::Phase { name } => json!({"type": "phase", "name": name}),
        Event::Started { address, verb } => on(address, "started", json!({"action": self::verb(*verb)})),
        Event::Waiting { address, what } => on(address, "waiting", json!({"for": what})),
        Event::Kept { address, why } => on(address, "kept", json!({"because": why})),
        Event::Step { address, what } => on(address, "step", json!({"what": what})),
        Event::Done { address, verb, took } => {
            on(address, "done", json!({"action": self::verb(*verb), "seconds": seconds(*took)}))
        }
        Event::Failed { address, verb, took, failure } => on(
            address,
            "failed",
            json!({"action": self::verb(*verb), "seconds": seconds(*took), "error": self::failure(failure)}),
        ),
        Event::Skipped { address, verb, cause } => {
            on(address, "skipped", json!({"action": self::verb(*verb), "because": cause.logical_id}))
        }
        Event::Interrupted { address, verb, ran } => {
            on(address, "interrupted", json!({"action": self::verb(*verb), "ran": ran}))
        }
    }
}

/// A failure with everything that a program could branch on.
pub fn failure(failure: &Failure) -> Json {
    json!({
        "reason": format!("{:?}", failure.reason),
        "message": failure.message,
        "operation": failure.operation,
        "code": failure.code,
        "requestId": failure.request_id,
        "attempts": failure.attempts,
        "seconds": seconds(failure.elapsed),
        "help": failure.help,
    })
}

/// What a run came to, as the last line of a deploy.
pub fn summary(summary: &Summary, ended: &Ended<'_>) -> Json {
    let ids = |addresses: &[Address]| addresses.iter().map(|one| one.logical_id.clone()).collect::<Vec<_>>();
    let failed: Vec<Json> = summary
        .failed
        .iter()
        .map(|(at, failure)| {
            let mut object = address(at);
            object.insert("error".into(), self::failure(failure));
            Json::Object(object)
        })
        .collect();
    json!({
        "type": "result", "changed": true, "complete": ended.complete && ended.checks_failed == 0,
        "seconds": seconds(ended.took), "checksFailed": ended.checks_failed,
        "putBack": ended.put_back.map(|(_, complete)| complete),
        "created": summary.done.create, "updated": summary.done.update, "replaced": summary.done.replace,
        "deleted": summary.done.delete, "adopted": summary.done.adopt, "unchanged": summary.done.unchanged,
        "failed": failed, "skipped": summary.skipped.iter().map(|(one, _)| one.logical_id.clone()).collect::<Vec<_>>(),
        "notStarted": ids(&summary.not_started), "letGo": ids(&summary.let_go), "leftOver": ids(&summary.left_over),
        "next": summary.next,
    })
}

/// Seconds to the millisecond.
pub fn seconds(took: std::time::Duration) -> Json {
    json!((took.as_secs_f64() * 1000.0).round() / 1000.0)
}

fn address(address: &Address) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("resourceType".into(), address.kind.clone().into());
    object.insert("logicalId".into(), address.logical_id.clone().into());
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::value::Secret;

    #[test]
    fn neither_secrets_nor_sensitive_fields_are_written() {
        let secret = Value::Map([("A".to_owned(), Value::Secret(Secret::new("hunter2")))].into());
        assert_eq!(value(&secret), json!({"A": MASK}));
        let change = FieldChange {
            path: "Environment.Variables.A".into(),
            before: Some(Value::string("hunter1")),
            after: None,
            sensitive: true,
            bookkeeping: false,
            told: None,
        };
        assert_eq!(field(&change), json!({"path": "Environment.Variables.A", "before": MASK, "after": null}));
    }
}
