//! Conditions and actions of a listener rule in one form. AWS tells values twice (as `Values` and in the condition's own
//! member), numbers as texts, and what was left out with its default.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::engine::fingerprint::hexadecimal;
use crate::engine::value::Value;

use super::super::json::sort_texts;
use super::super::properties::{as_text, default_to, drop_empty, integer, text, text_in_place, to_json};

/// A kind of condition, and the member that has its values.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html>
const CONDITIONS: &[(&str, &str)] = &[
    ("host-header", "HostHeaderConfig"),
    ("http-header", "HttpHeaderConfig"),
    ("http-request-method", "HttpRequestMethodConfig"),
    ("path-pattern", "PathPatternConfig"),
    ("query-string", "QueryStringConfig"),
    ("source-ip", "SourceIpConfig"),
];

/// What AWS assumes of a user who has to sign in.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateOidcActionConfig.html>
const SIGN_IN: &[(&str, &str)] = &[
    ("OnUnauthenticatedRequest", "authenticate"),
    ("Scope", "openid"),
    ("SessionCookieName", "AWSELBAuthSessionCookie"),
    ("SessionTimeout", "604800"),
];
const AUTHENTICATE: &[&str] = &["AuthenticateCognitoConfig", "AuthenticateOidcConfig"];

pub(super) fn normalise(properties: &mut BTreeMap<String, Value>) {
    if let Some(Value::List(conditions)) = properties.get_mut("Conditions") {
        conditions.iter_mut().for_each(condition);
        conditions.sort_by_key(|condition| to_json(condition).to_string());
    }
    if let Some(Value::List(actions)) = properties.get_mut("Actions") {
        actions.sort_by_key(|action| integer(action, &["Order"]));
        actions.iter_mut().for_each(action);
    }
}

fn condition(condition: &mut Value) {
    texts(condition);
    let field = text(condition, &["Field"]);
    let Some((_, member)) = CONDITIONS.iter().find(|(name, _)| field.as_deref() == Some(name)) else { return };
    let Value::Map(map) = condition else { return };
    if let Some(values) = map.remove("Values").filter(|values| matches!(values, Value::List(list) if !list.is_empty()))
    {
        let config = map.entry((*member).to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
        if let Value::Map(config) = config {
            config.entry("Values".to_owned()).or_insert(values);
        }
    }
    // The others that AWS tells are empty.
    map.retain(|key, _| key == "Field" || key == member);
    if let Some(Value::Map(config)) = map.get_mut(*member) {
        match config.get_mut("Values") {
            Some(Value::List(pairs)) if pairs.iter().any(|pair| matches!(pair, Value::Map(_))) => {
                pairs.sort_by_key(|pair| to_json(pair).to_string());
            }
            Some(values) => sort_texts(values),
            None => {}
        }
    }
}

fn action(action: &mut Value) {
    texts(action);
    let Value::Map(map) = action else { return };
    // Their places in the list say it.
    map.remove("Order");
    if map.contains_key("TargetGroupArn") {
        map.remove("ForwardConfig");
    }
    for key in AUTHENTICATE {
        if let Some(Value::Map(config)) = map.get_mut(*key) {
            for (name, usual) in SIGN_IN {
                default_to(config, name, Value::string(*usual));
            }
        }
    }
    drop_empty(map, &[]);
}

/// Makes texts of all numbers and flags, at every depth.
fn texts(value: &mut Value) {
    match value {
        Value::List(items) => items.iter_mut().for_each(texts),
        Value::Map(map) => map.values_mut().for_each(texts),
        leaf => text_in_place(leaf),
    }
}

/// Conditions as the API takes them.
pub(super) fn conditions(properties: &Value) -> Json {
    properties.get("Conditions").map_or_else(|| Json::Array(Vec::new()), to_json)
}

/// Actions as the API takes them, in their order.
pub(super) fn actions(properties: &Value) -> Json {
    let Some(Json::Array(mut actions)) = properties.get("Actions").map(to_json) else { return Json::Array(Vec::new()) };
    if actions.len() > 1 {
        for (action, order) in actions.iter_mut().zip(1..) {
            action["Order"] = order.into();
        }
    }
    for action in &mut actions {
        for key in AUTHENTICATE {
            if let Some(Json::Object(extra)) = action.pointer_mut(&format!("/{key}/AuthenticationRequestExtraParams")) {
                // A map of the query protocol.
                let entries = std::mem::take(extra).into_iter();
                let pairs = entries.map(|(key, value)| serde_json::json!({ "key": key, "value": value }));
                let pairs = pairs.zip(1..).map(|(pair, number)| (number.to_string(), pair)).collect();
                extra.insert("entry".to_owned(), Json::Object(pairs));
            }
        }
    }
    actions.into()
}

/// Maps of the query protocol (`{"entry": [{"key": .., "value": ..}]}`) as maps, at every depth.
pub(super) fn plain_maps(answer: Json) -> Json {
    match answer {
        Json::Array(items) => items.into_iter().map(plain_maps).collect(),
        Json::Object(mut map) => {
            if let (1, Some(entries)) = (map.len(), map.get_mut("entry").map(Json::take)) {
                let entries = if let Json::Array(all) = entries { all } else { vec![entries] };
                let pair = |mut one: Json| Some((one["key"].as_str()?.to_owned(), one["value"].take()));
                return Json::Object(entries.into_iter().filter_map(pair).collect());
            }
            map.into_iter().map(|(key, value)| (key, plain_maps(value))).collect::<serde_json::Map<_, _>>().into()
        }
        leaf => leaf,
    }
}

/// A client's secret is never told: the live side takes the file's where everything else of the action is the same.
/// Which client secrets a rule was given last: too little of a digest to find one by.
pub(super) fn secrets_note(properties: &Value) -> Option<String> {
    let Some(Value::List(actions)) = properties.get("Actions") else { return None };
    let mut digest = Sha256::new();
    let mut any = false;
    for config in actions.iter().filter_map(|action| action.get("AuthenticateOidcConfig")) {
        let Some(secret) = config.get("ClientSecret").and_then(as_text) else { continue };
        any = true;
        for part in ["Issuer", "ClientId"].iter().filter_map(|key| config.get(key).and_then(as_text)) {
            digest.update(part);
        }
        digest.update(secret);
    }
    any.then(|| hexadecimal(&digest.finalize()[..4]))
}

pub(super) fn borrow_secrets(live: &mut BTreeMap<String, Value>, wanted: &Value) {
    const CONFIG: &str = "AuthenticateOidcConfig";
    let (Some(Value::List(live)), Some(Value::List(wanted))) = (live.get_mut("Actions"), wanted.get("Actions")) else {
        return;
    };
    for (live, wanted) in live.iter_mut().zip(wanted) {
        let (Value::Map(live), Some(Value::Map(wanted))) = (live, wanted.get(CONFIG)) else { continue };
        let Some(Value::Map(config)) = live.get_mut(CONFIG) else { continue };
        let is_the_same = ["ClientId", "Issuer"]
            .iter()
            .all(|key| config.get(*key).and_then(as_text) == wanted.get(*key).and_then(as_text));
        if is_the_same {
            for key in ["ClientSecret", "UseExistingClientSecret"] {
                config.extend(wanted.get(key).map(|value| {
                    let mut value = value.clone();
                    text_in_place(&mut value);
                    (key.to_owned(), value)
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::properties::tests::tree_of;
    use super::*;
    use serde_json::json;

    fn normal(file: Json) -> BTreeMap<String, Value> {
        let Value::Map(mut map) = tree_of(file) else { panic!("a map") };
        normalise(&mut map);
        map
    }

    #[test]
    fn a_rule_comes_back_as_the_file_has_it() {
        let file = normal(json!({
            "Conditions": [
                { "Field": "path-pattern", "Values": ["/b", "/a"] },
                { "Field": "query-string", "QueryStringConfig": { "Values": [{ "Key": "q", "Value": "1" }] } },
                { "Field": "host-header", "HostHeaderConfig": { "Values": ["x.example"] } },
            ],
            "Actions": [
                { "Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": { "UserPoolArn": "p",
                    "AuthenticationRequestExtraParams": { "display": "page" }, "SessionTimeout": 60 } },
                { "Type": "forward", "TargetGroupArn": "g", "Order": 2 },
            ],
        }));
        let live = json!({
            "Conditions": [
                { "Field": "host-header", "Values": ["x.example"], "HostHeaderConfig": { "Values": ["x.example"] } },
                { "Field": "path-pattern", "Values": ["/b", "/a"], "PathPatternConfig": { "Values": ["/b", "/a"] } },
                { "Field": "query-string", "Values": "", "QueryStringConfig": { "Values": [{ "Key": "q", "Value": "1" }] } },
            ],
            "Actions": [
                { "Type": "forward", "TargetGroupArn": "g", "Order": "2", "ForwardConfig": { "TargetGroups": [
                    { "TargetGroupArn": "g", "Weight": "1" }] } },
                { "Type": "authenticate-cognito", "Order": "1", "AuthenticateCognitoConfig": { "UserPoolArn": "p",
                    "AuthenticationRequestExtraParams": { "entry": { "key": "display", "value": "page" } },
                    "SessionTimeout": "60", "Scope": "openid", "OnUnauthenticatedRequest": "authenticate",
                    "SessionCookieName": "AWSELBAuthSessionCookie" } },
            ],
        });
        assert_eq!(normal(plain_maps(live)), file);
        let sent = actions(&Value::Map(file.clone()));
        assert_eq!((&sent[0]["Order"], &sent[1]["Order"]), (&json!(1), &json!(2)));
        let extra = &sent[0]["AuthenticateCognitoConfig"]["AuthenticationRequestExtraParams"];
        assert_eq!(*extra, json!({ "entry": { "1": { "key": "display", "value": "page" } } }));
        assert_eq!(normal(to_json(&Value::Map(file.clone()))), file, "once more changes nothing");
    }

    #[test]
    fn another_secret_leaves_another_note() {
        let note = |secret: Option<&str>| {
            let mut config = json!({ "ClientId": "c", "Issuer": "i" });
            config["ClientSecret"] = secret.into();
            let actions = json!({ "Actions": [{ "Type": "authenticate-oidc", "AuthenticateOidcConfig": config }] });
            secrets_note(&Value::Map(normal(actions)))
        };
        assert_eq!(note(None), None);
        assert_eq!(note(Some("a")), note(Some("a")));
        assert_ne!(note(Some("a")), note(Some("b")));
    }

    #[test]
    fn a_secret_that_is_never_told_is_no_difference() {
        let oidc = |secret: Option<&str>| {
            let mut config = json!({ "ClientId": "c", "Issuer": "i" });
            config["ClientSecret"] = secret.into();
            normal(json!({ "Actions": [{ "Type": "authenticate-oidc", "AuthenticateOidcConfig": config }] }))
        };
        let (mut live, file) = (oidc(None), oidc(Some("s")));
        assert_ne!(live, file);
        borrow_secrets(&mut live, &Value::Map(file.clone()));
        assert_eq!(live, file);
    }
}
