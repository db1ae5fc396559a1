//! A user pool's properties: which there are, what AWS assumes, and how both sides come to one form.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::engine::failure::{Failure, Reason};
use crate::engine::value::Value;

use super::super::json::{member, members};
use super::super::properties::{
    boolean, default_to, drop_empty, from_json, is_empty, items, text, text_in_place, to_json,
};

/// Properties that CreateUserPool takes under the same name.
pub(super) const SETTABLE: &[&str] = &[
    "AccountRecoverySetting",
    "AdminCreateUserConfig",
    "AliasAttributes",
    "AutoVerifiedAttributes",
    "DeletionProtection",
    "DeviceConfiguration",
    "EmailConfiguration",
    "EmailVerificationMessage",
    "EmailVerificationSubject",
    "LambdaConfig",
    "MfaConfiguration",
    "Policies",
    "Schema",
    "SmsAuthenticationMessage",
    "SmsConfiguration",
    "SmsVerificationMessage",
    "UserAttributeUpdateSettings",
    "UserPoolAddOns",
    "UserPoolTags",
    "UserPoolTier",
    "UsernameAttributes",
    "UsernameConfiguration",
    "VerificationMessageTemplate",
];

/// What is decided when a pool is made.
pub(super) const FIXED: &[&str] = &["AliasAttributes", "UsernameAttributes", "UsernameConfiguration"];

/// Properties whose value AWS chooses by the account's age or plan: compared only where the file names them.
const CHOSEN_BY_AWS: &[&str] = &[
    "AccountRecoverySetting",
    "AliasAttributes",
    "EmailConfiguration",
    "UserPoolTier",
    "UsernameAttributes",
    "UsernameConfiguration",
];

/// What a pool has where nothing is said.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html>
fn defaults() -> Json {
    json!({
        "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7 },
        "DeletionProtection": "INACTIVE",
        "EmailConfiguration": { "EmailSendingAccount": "COGNITO_DEFAULT" },
        "MfaConfiguration": "OFF",
        "Policies": { "SignInPolicy": { "AllowedFirstAuthFactors": ["PASSWORD"] } },
        "VerificationMessageTemplate": { "DefaultEmailOption": "CONFIRM_WITH_CODE" },
    })
}

/// The password policy of a pool where the file gives none. One that gives a part is whole: the rest of it is not required.
fn password_policy(required: bool) -> Json {
    json!({
        "MinimumLength": 8, "RequireLowercase": required, "RequireNumbers": required, "RequireSymbols": required,
        "RequireUppercase": required, "TemporaryPasswordValidityDays": 7,
    })
}

/// Takes away what AWS assumes anyway, at every depth.
fn without(value: &mut Value, assumed: &Json) {
    let (Value::Map(map), Json::Object(assumed)) = (value, assumed) else { return };
    for (key, usual) in assumed {
        let Some(value) = map.get_mut(key) else { continue };
        if usual.is_object() {
            without(value, usual);
        }
        if is_empty(value) || to_json(value) == *usual {
            map.remove(key);
        }
    }
}

pub(super) fn normalise(properties: &mut BTreeMap<String, Value>) {
    if let Some(Value::Map(tags)) = properties.get_mut("UserPoolTags") {
        tags.values_mut().for_each(text_in_place);
    }
    if let Some(Value::Map(policies)) = properties.get_mut("Policies")
        && let Some(Value::Map(policy)) = policies.get_mut("PasswordPolicy")
        && !policy.is_empty()
    {
        policy.retain(|key, value| key != "PasswordHistorySize" || to_json(value) != 0);
        if let Json::Object(rest) = password_policy(false) {
            rest.into_iter().for_each(|(key, value)| default_to(policy, &key, from_json(value)));
        }
        if to_json(&Value::Map(policy.clone())) == password_policy(true) {
            policies.remove("PasswordPolicy");
        }
    }
    if let Some(Value::Map(triggers)) = properties.get_mut("LambdaConfig") {
        // The trigger and its version say the same function.
        if triggers.contains_key("PreTokenGenerationConfig") {
            triggers.remove("PreTokenGeneration");
        }
    }
    let mut tree = Value::Map(std::mem::take(properties));
    without(&mut tree, &defaults());
    if let Value::Map(map) = tree {
        *properties = map;
    }
    drop_empty(properties, &["UserPoolTags"]);
}

/// The properties of a live pool. `wanted` is what the file says: what AWS chooses, and attributes, are compared with it.
pub(super) fn decode(pool: &Json, wanted: Option<&Value>) -> Value {
    let mut map: BTreeMap<String, Value> = SETTABLE
        .iter()
        .filter(|key| {
            !CHOSEN_BY_AWS.contains(key) || wanted.is_some_and(|wanted| wanted.get(key).is_some_and(|v| !is_empty(v)))
        })
        .filter_map(|key| Some(((*key).to_owned(), from_json(pool.get(*key)?.clone()))))
        .collect();
    map.extend(member(pool, "Name").map(|name| ("UserPoolName".to_owned(), Value::string(name))));
    if let Some(Value::Map(tags)) = map.get_mut("UserPoolTags") {
        tags.retain(|key, _| !crate::aws::ownership::is_reserved(key));
    }
    let schema = wanted.map(|wanted| items(wanted, &["Schema"])).unwrap_or_default();
    let there: Vec<Value> = schema.iter().filter(|attribute| is_there(pool, attribute)).cloned().collect();
    if !there.is_empty() {
        map.insert("Schema".to_owned(), Value::List(there));
    }
    normalise(&mut map);
    Value::Map(map)
}

/// Whether a pool has an attribute of the file. Custom ones are told with a prefix.
fn is_there(pool: &Json, attribute: &Value) -> bool {
    let Some(name) = text(attribute, &["Name"]) else { return false };
    let marked = [name.clone(), format!("custom:{name}"), format!("dev:custom:{name}")];
    members(pool, "SchemaAttributes").iter().any(|live| {
        let same_flag = |key: &str| boolean(attribute, &[key]).is_none_or(|flag| live.get(key) == Some(&flag.into()));
        member(live, "Name").is_some_and(|name| marked.iter().any(|one| one == name))
            && same_flag("Required")
            && same_flag("Mutable")
            && text(attribute, &["AttributeDataType"])
                .is_none_or(|kind| member(live, "AttributeDataType") == Some(kind.as_str()))
    })
}

/// Attributes of the file that the pool lacks, as AddCustomAttributes takes them.
///
/// # Errors
/// `Invalid` for an attribute that is there in another form: Cognito never changes one.
pub(super) fn new_attributes(live: &Value, wanted: &Value) -> Result<Vec<Json>, Failure> {
    let there = items(live, &["Schema"]);
    let new: Vec<&Value> = items(wanted, &["Schema"]).iter().filter(|one| !there.contains(one)).collect();
    if let Some(standard) = new.iter().find(|one| boolean(one, &["Required"]) == Some(true)) {
        let name = text(standard, &["Name"]).unwrap_or_default();
        let what = format!("the attribute {name} cannot become required in a user pool that is there");
        return Err(Failure::new(Reason::Invalid, what).help("only optional custom attributes can be added"));
    }
    Ok(new.into_iter().map(to_json).collect())
}

/// Refuses what hoist would leave out.
///
/// # Errors
/// Names the property.
pub(super) fn check(properties: &Value) -> Result<(), Failure> {
    let Value::Map(map) = properties else { return Ok(()) };
    match map.keys().find(|key| *key != "UserPoolName" && !SETTABLE.contains(&key.as_str())) {
        Some(key) => Err(Failure::new(Reason::Invalid, format!("hoist cannot set {key} of a user pool"))
            .help("declare the pool beneath `resources:` and use it with `existing: true`")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::properties::tests::tree_of;
    use super::*;

    fn normal(file: Json) -> Value {
        let Value::Map(mut map) = tree_of(file) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    /// What DescribeUserPool says of a pool that was made with its name only.
    fn plain() -> Json {
        json!({
            "Id": "p", "Name": "users", "Arn": "arn", "CreationDate": 1, "EstimatedNumberOfUsers": 0,
            "Policies": { "PasswordPolicy": password_policy(true) }, "DeletionProtection": "INACTIVE", "LambdaConfig": {},
            "SchemaAttributes": [{ "Name": "sub", "AttributeDataType": "String" },
                { "Name": "custom:plan", "AttributeDataType": "String", "Mutable": true, "Required": false }],
            "VerificationMessageTemplate": { "DefaultEmailOption": "CONFIRM_WITH_CODE" }, "MfaConfiguration": "OFF",
            "EmailConfiguration": { "EmailSendingAccount": "COGNITO_DEFAULT" }, "UserPoolTags": {},
            "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7 },
            "UserPoolTier": "ESSENTIALS", "AccountRecoverySetting": { "RecoveryMechanisms": [] },
        })
    }

    #[test]
    fn a_pool_that_says_nothing_is_its_name() {
        assert_eq!(decode(&plain(), None), normal(json!({ "UserPoolName": "users" })));
        let spelt_out = json!({ "UserPoolName": "users", "MfaConfiguration": "OFF", "AutoVerifiedAttributes": [] });
        assert_eq!(decode(&plain(), None), normal(spelt_out));
    }

    #[test]
    fn what_is_set_shows_also_when_the_file_no_longer_says_it() {
        let mut pool = plain();
        pool["EmailVerificationSubject"] = "Hello".into();
        pool["Policies"]["PasswordPolicy"]["MinimumLength"] = 12.into();
        pool["UserPoolTags"] = json!({ "aws:x": "1", "team": "a" });
        let wanted = json!({
            "UserPoolName": "users", "EmailVerificationSubject": "Hello", "UserPoolTags": { "team": "a" },
            "Policies": { "PasswordPolicy": { "MinimumLength": 12, "RequireLowercase": true, "RequireNumbers": true,
                "RequireSymbols": true, "RequireUppercase": true } },
        });
        let wanted = normal(wanted);
        assert_eq!(decode(&pool, None), wanted);
        assert_eq!(normal(to_json(&wanted)), wanted, "once more changes nothing");
    }

    #[test]
    fn attributes_are_added_and_never_changed() {
        let wanted = normal(json!({ "Schema": [
            { "Name": "plan", "AttributeDataType": "String", "Mutable": true },
            { "Name": "age", "AttributeDataType": "Number" },
        ] }));
        let live = decode(&plain(), Some(&wanted));
        let new = new_attributes(&live, &wanted).unwrap();
        assert_eq!(new, [json!({ "Name": "age", "AttributeDataType": "Number" })]);
        let required = normal(json!({ "Schema": [{ "Name": "email", "Required": true }] }));
        assert!(new_attributes(&live, &required).is_err());
    }

    #[test]
    fn nothing_is_left_out_in_silence() {
        assert!(check(&normal(json!({ "UserPoolName": "u", "LambdaConfig": { "PreSignUp": "f" } }))).is_ok());
        assert!(check(&normal(json!({ "UserPoolName": "u", "EnabledMfas": ["SMS_MFA"] }))).is_err());
    }
}
