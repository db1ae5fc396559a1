//! A function's properties: from Lambda's answer, in one normal form, and their digest.

use std::collections::BTreeMap;

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::FunctionConfiguration;

use crate::aws::kinds::properties::{
    at_mut, boolean_in_place, default_to, drop_empty, holds_later, is_empty, list, map, number, number_in_place,
    own_tags, put, sorted, string, tags_to_map, text_in_place, to_json,
};
use crate::engine::fingerprint::short_digest;
use crate::engine::value::Value;

/// On a function: which settings it has that GetFunction does not tell, so that they are read only where there are any.
pub const EXTRA: &str = "hoist:extra";

/// Settings with calls of their own that GetFunction does not give, and their words in the [`EXTRA`] tag.
const EXTRAS: &[(&str, &str)] = &[("RuntimeManagementConfig", "runtime"), ("RecursiveLoop", "recursion")];

/// What does not become part of a published version.
const NOT_VERSIONED: &[&str] =
    &["Code", "ReservedConcurrentExecutions", "Tags", "RuntimeManagementConfig", "RecursiveLoop"];

const NUMBERS: &[&[&str]] = &[
    &["MemorySize"],
    &["Timeout"],
    &["ReservedConcurrentExecutions"],
    &["EphemeralStorage", "Size"],
    &["DurableConfig", "ExecutionTimeout"],
    &["DurableConfig", "RetentionPeriodInDays"],
];

/// The properties of a live function, normalised.
pub fn live(answer: &GetFunctionOutput, extra: [Option<Value>; 2]) -> Value {
    let mut properties = answer.configuration().map(configuration).unwrap_or_default();
    if let Some(image) = answer.code().and_then(|code| code.resolved_image_uri().or(code.image_uri())) {
        properties.insert("Code".to_owned(), map([("ImageUri", string(Some(image)))]).unwrap_or(Value::Null));
    }
    let reserved = answer.concurrency().and_then(|concurrency| concurrency.reserved_concurrent_executions());
    put(&mut properties, "ReservedConcurrentExecutions", number(reserved));
    for ((key, _), value) in EXTRAS.iter().zip(extra) {
        put(&mut properties, key, value);
    }
    let tags = sorted(answer.tags());
    normalise(&mut properties);
    // The tag that is really there, not the one that would follow from what was read.
    properties.insert("Tags".to_owned(), own_tags(&tags));
    Value::Map(properties)
}

/// The properties of a function or of one of its versions, from what Lambda says of either. Not yet normalised.
pub fn configuration(live: &FunctionConfiguration) -> BTreeMap<String, Value> {
    let mut properties = BTreeMap::new();
    let mut set = |key: &str, value: Option<Value>| put(&mut properties, key, value);
    set("FunctionName", string(live.function_name()));
    set("Runtime", string(live.runtime().map(|runtime| runtime.as_str())));
    set("Role", string(live.role()));
    set("Handler", string(live.handler()));
    set("Description", string(live.description()));
    set("Timeout", number(live.timeout()));
    set("MemorySize", number(live.memory_size()));
    set("Code", map([("Sha256", string(live.code_sha256()))]));
    set("PackageType", string(live.package_type().map(|kind| kind.as_str())));
    set("KmsKeyArn", string(live.kms_key_arn()));
    set("Architectures", list(live.architectures().iter().map(|name| name.as_str())));
    set("Layers", list(live.layers().iter().filter_map(|layer| layer.arn())));
    if let Some(vpc) = live.vpc_config() {
        let dual = vpc.ipv6_allowed_for_dual_stack().map(Value::Bool);
        set(
            "VpcConfig",
            map([
                ("SubnetIds", list(vpc.subnet_ids())),
                ("SecurityGroupIds", list(vpc.security_group_ids())),
                ("Ipv6AllowedForDualStack", dual),
            ]),
        );
    }
    let target = live.dead_letter_config().and_then(|config| config.target_arn());
    set("DeadLetterConfig", map([("TargetArn", string(target))]));
    if let Some(variables) = live.environment().and_then(|environment| environment.variables()) {
        let variables = variables.iter().map(|(key, value)| (key.clone(), Value::string(value.as_str()))).collect();
        set("Environment", map([("Variables", Some(Value::Map(variables)))]));
    }
    let mode = live.tracing_config().and_then(|tracing| tracing.mode()).map(|mode| mode.as_str());
    set("TracingConfig", map([("Mode", string(mode))]));
    let systems: Vec<Value> = live
        .file_system_configs()
        .iter()
        .filter_map(|system| {
            map([("Arn", string(Some(system.arn()))), ("LocalMountPath", string(Some(system.local_mount_path())))])
        })
        .collect();
    set("FileSystemConfigs", Some(Value::List(systems)));
    if let Some(image) = live.image_config_response().and_then(|response| response.image_config()) {
        set(
            "ImageConfig",
            map([
                ("EntryPoint", list(image.entry_point())),
                ("Command", list(image.command())),
                ("WorkingDirectory", string(image.working_directory())),
            ]),
        );
    }
    set("EphemeralStorage", map([("Size", number(live.ephemeral_storage().map(|storage| storage.size())))]));
    let apply_on = live.snap_start().and_then(|snap_start| snap_start.apply_on()).map(|on| on.as_str());
    set("SnapStart", map([("ApplyOn", string(apply_on))]));
    if let Some(logging) = live.logging_config() {
        set(
            "LoggingConfig",
            map([
                ("LogFormat", string(logging.log_format().map(|format| format.as_str()))),
                ("ApplicationLogLevel", string(logging.application_log_level().map(|level| level.as_str()))),
                ("SystemLogLevel", string(logging.system_log_level().map(|level| level.as_str()))),
                ("LogGroup", string(logging.log_group())),
            ]),
        );
    }
    if let Some(durable) = live.durable_config() {
        set(
            "DurableConfig",
            map([
                ("ExecutionTimeout", number(durable.execution_timeout())),
                ("RetentionPeriodInDays", number(durable.retention_period_in_days())),
            ]),
        );
    }
    let mode = live.tenancy_config().map(|tenancy| tenancy.tenant_isolation_mode().as_str());
    set("TenancyConfig", map([("TenantIsolationMode", string(mode))]));
    properties
}

/// Brings a function's properties to one form, whichever side they come from.
pub fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    for path in NUMBERS {
        if let Some(value) = at_mut(properties, path) {
            number_in_place(value);
        }
    }
    if let Some(value) = at_mut(properties, &["VpcConfig", "Ipv6AllowedForDualStack"]) {
        boolean_in_place(value);
    }
    if let Some(Value::Map(variables)) = at_mut(properties, &["Environment", "Variables"]) {
        variables.retain(|_, value| *value != Value::Null);
        variables.values_mut().for_each(text_in_place);
    }
    for list in ["SubnetIds", "SecurityGroupIds"] {
        if let Some(Value::List(ids)) = at_mut(properties, &["VpcConfig", list]) {
            ids.sort_by_key(|id| id.text().map(str::to_owned));
        }
    }
    drop_empty(properties, &["Variables", "Tags"]);
    without_subnets(properties);
    drop_default(properties, &["SnapStart", "ApplyOn"], "None");
    drop_default(properties, &["TenancyConfig", "TenantIsolationMode"], "NONE");
    drop_default(properties, &["RuntimeManagementConfig", "UpdateRuntimeOn"], "Auto");
    drop_default(properties, &["RecursiveLoop"], "Terminate");
    default_logging(properties);
    default_to(properties, "PackageType", Value::string("Zip"));
    default_to(properties, "MemorySize", Value::Number(128.into()));
    default_to(properties, "Timeout", Value::Number(3.into()));
    default_to(properties, "Architectures", Value::List(vec![Value::string("x86_64")]));
    default_to(properties, "TracingConfig", text_map_of("Mode", Value::string("PassThrough")));
    default_to(properties, "EphemeralStorage", text_map_of("Size", Value::Number(512.into())));
    mark_extras(properties);
}

fn text_map_of(key: &str, value: Value) -> Value {
    Value::Map(BTreeMap::from([(key.to_owned(), value)]))
}

/// A VPC without subnets is no VPC; `false` is what dual stack is without being said.
fn without_subnets(properties: &mut BTreeMap<String, Value>) {
    let Some(Value::Map(vpc)) = properties.get_mut("VpcConfig") else { return };
    vpc.remove("VpcId");
    if vpc.get("Ipv6AllowedForDualStack") == Some(&Value::Bool(false)) {
        vpc.remove("Ipv6AllowedForDualStack");
    }
    if !vpc.contains_key("SubnetIds") && !vpc.contains_key("SecurityGroupIds") {
        properties.remove("VpcConfig");
    }
}

/// Takes a property away that has the value that it has without being set.
fn drop_default(properties: &mut BTreeMap<String, Value>, path: &[&str], default: &str) {
    let Some(value) = at_mut(properties, path) else { return };
    if value.text() == Some(default) {
        *value = Value::Null;
        drop_empty(properties, &["Variables", "Tags"]);
    }
}

fn default_logging(properties: &mut BTreeMap<String, Value>) {
    let own_group = properties.get("FunctionName").and_then(Value::text).map(|name| format!("/aws/lambda/{name}"));
    let Some(Value::Map(logging)) = properties.get_mut("LoggingConfig") else { return };
    if own_group.is_some() && logging.get("LogGroup").and_then(Value::text) == own_group.as_deref() {
        logging.remove("LogGroup");
    }
    // Levels exist only for JSON, and INFO is what they are without being set.
    for level in ["ApplicationLogLevel", "SystemLogLevel"] {
        if logging.get(level).and_then(Value::text) == Some("INFO") {
            logging.remove(level);
        }
    }
    if logging.get("LogFormat").and_then(Value::text) == Some("Text") {
        logging.remove("LogFormat");
    }
    if logging.is_empty() {
        properties.remove("LoggingConfig");
    }
}

/// Notes in a tag which settings must be read by calls of their own.
fn mark_extras(properties: &mut BTreeMap<String, Value>) {
    let words: Vec<&str> =
        EXTRAS.iter().filter(|(key, _)| properties.contains_key(*key)).map(|(_, word)| *word).collect();
    if let Some(Value::Map(tags)) = properties.get_mut("Tags")
        && !words.is_empty()
    {
        tags.insert(EXTRA.to_owned(), Value::String(words.join(" ")));
    }
}

/// Which settings must be read by calls of their own: those that the live tag names or the file wants.
pub fn extras_to_read(live_tags: Option<&str>, desired: &Value) -> [bool; 2] {
    let wanted = |(key, word): &(&str, &str)| {
        live_tags.is_some_and(|tag| tag.split(' ').any(|each| each == *word))
            || desired.get(key).is_some_and(|value| !is_empty(value))
    };
    [wanted(&EXTRAS[0]), wanted(&EXTRAS[1])]
}

/// Digest of what a published version of a function with these properties holds, its code aside. Both sides of a diff
/// give the same text for the same configuration. `None` while a part is not known yet.
pub fn config_digest(properties: &Value) -> Option<String> {
    let Value::Map(map) = properties else { return None };
    let mut map = map.clone();
    normalise(&mut map);
    map.retain(|key, _| !NOT_VERSIONED.contains(&key.as_str()));
    let versioned = Value::Map(map);
    if holds_later(&versioned) {
        return None;
    }
    Some(short_digest(&to_json(&versioned).to_string(), 16))
}

/// Digest of a function's code: that of its zip, or the image with its digest.
pub fn code_digest(properties: &Value) -> Option<String> {
    let code = properties.get("Code")?;
    code.get("Sha256").or_else(|| code.get("ImageUri"))?.text().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use serde_json::json;

    fn normal(json: serde_json::Value) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn what_lambda_assumes_is_filled_in_and_what_is_empty_is_gone() {
        let file = json!({ "FunctionName": "f", "Handler": "a.b", "MemorySize": "256", "Environment": {} });
        let live = json!({
            "FunctionName": "f", "Handler": "a.b", "MemorySize": 256, "Timeout": 3, "Description": "", "Layers": [],
            "PackageType": "Zip", "Architectures": ["x86_64"], "TracingConfig": { "Mode": "PassThrough" },
            "EphemeralStorage": { "Size": 512 }, "SnapStart": { "ApplyOn": "None" }, "FileSystemConfigs": [],
            "VpcConfig": { "SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": false, "VpcId": "" },
            "LoggingConfig": { "LogFormat": "Text", "LogGroup": "/aws/lambda/f" }, "KmsKeyArn": "",
            "RuntimeManagementConfig": { "UpdateRuntimeOn": "Auto" }, "RecursiveLoop": "Terminate",
            "DeadLetterConfig": { "TargetArn": "" }, "ImageConfig": { "Command": [] },
        });
        assert_eq!(normal(file), normal(live));
    }

    #[test]
    fn an_empty_environment_variable_stays() {
        let with = normal(json!({ "Environment": { "Variables": { "A": "", "B": 1, "C": null } } }));
        assert_eq!(with.get("Environment"), Some(&tree_of(json!({ "Variables": { "A": "", "B": "1" } }))));
    }

    #[test]
    fn json_logs_at_the_usual_level_need_no_levels() {
        let live = normal(json!({ "FunctionName": "f", "LoggingConfig": {
            "LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN", "LogGroup": "/aws/lambda/f" } }));
        assert_eq!(live.get("LoggingConfig"), Some(&tree_of(json!({ "LogFormat": "JSON", "SystemLogLevel": "WARN" }))));
    }

    #[test]
    fn settings_that_need_their_own_calls_are_marked_and_read_where_marked() {
        let desired = normal(json!({ "Tags": { "a": "b" }, "RecursiveLoop": "Allow" }));
        assert_eq!(desired.at(&["Tags", EXTRA]).and_then(Value::text), Some("recursion"));
        assert_eq!(extras_to_read(None, &desired), [false, true]);
        assert_eq!(extras_to_read(Some("runtime recursion"), &normal(json!({}))), [true, true]);
        assert_eq!(extras_to_read(None, &normal(json!({ "RecursiveLoop": "Terminate" }))), [false, false]);
    }

    #[test]
    fn the_digest_is_that_of_a_version() {
        let one = json!({ "FunctionName": "f", "Handler": "a.b", "Code": { "Sha256": "1" }, "Tags": { "a": "b" } });
        let other = json!({ "FunctionName": "f", "Handler": "a.b", "Timeout": 3, "ReservedConcurrentExecutions": 5 });
        let digest = config_digest(&tree_of(one)).unwrap();
        assert_eq!(config_digest(&tree_of(other.clone())), Some(digest.clone()));
        assert_eq!(digest.len(), 32);
        let mut changed = other;
        changed["Timeout"] = json!(4);
        assert_ne!(config_digest(&tree_of(changed)), Some(digest));
        let later = Value::Map(BTreeMap::from([("Role".to_owned(), Value::attribute("R", "Arn"))]));
        assert_eq!(config_digest(&later), None);
    }
}
