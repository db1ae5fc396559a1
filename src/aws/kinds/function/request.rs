//! A function's properties as Lambda's requests, and how each one is taken away again.
//!
//! UpdateFunctionConfiguration merges: what is left out keeps its value. So every property has a value that clears it.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html>

use std::collections::{BTreeSet, HashMap};

use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder as Create;
use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder as Update;
use aws_sdk_lambda::types::{
    Architecture, DeadLetterConfig, DurableConfig, Environment, EphemeralStorage, FileSystemConfig, ImageConfig,
    LoggingConfig, PackageType, Runtime, SnapStart, SnapStartApplyOn, TenancyConfig, TracingConfig, TracingMode,
    VpcConfig,
};

use crate::aws::kinds::properties::{boolean, integer, items, required, text, text_map, texts};
use crate::engine::failure::{Failure, Reason};
use crate::engine::plan::FieldChange;
use crate::engine::value::Value;

/// Which calls an update takes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Top-level properties that go into UpdateFunctionConfiguration.
    pub configuration: BTreeSet<String>,
    /// Code or architecture: UpdateFunctionCode.
    pub code: bool,
    pub concurrency: bool,
    pub runtime_management: bool,
    pub recursion: bool,
}

impl Steps {
    /// The calls for the fields that differ.
    pub fn of(fields: &[FieldChange]) -> Self {
        let mut steps = Self::default();
        for field in fields {
            match field.path.split('.').next().unwrap_or_default() {
                "Code" | "Architectures" => steps.code = true,
                "ReservedConcurrentExecutions" => steps.concurrency = true,
                "RuntimeManagementConfig" => steps.runtime_management = true,
                "RecursiveLoop" => steps.recursion = true,
                "Tags" => {}
                top => {
                    steps.configuration.insert(top.to_owned());
                }
            }
        }
        steps
    }
}

/// Everything but code, publishing and tags.
pub fn create(request: Create, p: &Value) -> Result<Create, Failure> {
    let package = text(p, &["PackageType"]).unwrap_or_else(|| "Zip".to_owned());
    let architectures: Vec<Architecture> =
        texts(p, &["Architectures"]).iter().map(|name| Architecture::from(name.as_str())).collect();
    let tenancy = text(p, &["TenancyConfig", "TenantIsolationMode"])
        .map(|mode| TenancyConfig::builder().tenant_isolation_mode(mode.as_str().into()).build())
        .transpose()
        .map_err(|error| invalid("TenancyConfig", &error))?;
    let some_layers = Some(texts(p, &["Layers"])).filter(|layers| !layers.is_empty());
    let some_systems = Some(file_systems(p)?).filter(|systems| !systems.is_empty());
    let has = |key: &str| p.get(key).is_some();
    Ok(request
        .function_name(required(p, "FunctionName")?)
        .role(required(p, "Role")?)
        .package_type(PackageType::from(package.as_str()))
        .set_architectures((!architectures.is_empty()).then_some(architectures))
        .set_runtime(text(p, &["Runtime"]).map(|name| Runtime::from(name.as_str())))
        .set_handler(text(p, &["Handler"]))
        .set_description(text(p, &["Description"]))
        .set_timeout(integer(p, &["Timeout"]))
        .set_memory_size(integer(p, &["MemorySize"]))
        .set_vpc_config(has("VpcConfig").then(|| vpc(p)))
        .set_dead_letter_config(has("DeadLetterConfig").then(|| dead_letter(p)))
        .set_environment(has("Environment").then(|| environment(p)))
        .set_kms_key_arn(text(p, &["KmsKeyArn"]))
        .tracing_config(tracing(p))
        .set_layers(some_layers)
        .set_file_system_configs(some_systems)
        .set_image_config(has("ImageConfig").then(|| image(p)))
        .ephemeral_storage(storage(p)?)
        .set_snap_start(has("SnapStart").then(|| snap_start(p)))
        .set_logging_config(has("LoggingConfig").then(|| logging(p)))
        .set_durable_config(durable(p))
        .set_tenancy_config(tenancy)
        .set_tags(Some(text_map(p, &["Tags"]).into_iter().collect())))
}

/// One changed property, with the value that clears it where there is none any more.
pub fn update(request: Update, key: &str, p: &Value) -> Result<Update, Failure> {
    Ok(match key {
        "Role" => request.role(required(p, "Role")?),
        "Handler" => request.set_handler(text(p, &["Handler"])),
        "Runtime" => request.set_runtime(text(p, &["Runtime"]).map(|name| Runtime::from(name.as_str()))),
        "Description" => request.description(text(p, &["Description"]).unwrap_or_default()),
        "Timeout" => request.timeout(integer(p, &["Timeout"]).unwrap_or(3)),
        "MemorySize" => request.memory_size(integer(p, &["MemorySize"]).unwrap_or(128)),
        "VpcConfig" => request.vpc_config(vpc(p)),
        "DeadLetterConfig" => request.dead_letter_config(dead_letter(p)),
        "Environment" => request.environment(environment(p)),
        "KmsKeyArn" => request.kms_key_arn(text(p, &["KmsKeyArn"]).unwrap_or_default()),
        "TracingConfig" => request.tracing_config(tracing(p)),
        "Layers" => request.set_layers(Some(texts(p, &["Layers"]))),
        "FileSystemConfigs" => request.set_file_system_configs(Some(file_systems(p)?)),
        "ImageConfig" => request.image_config(image(p)),
        "EphemeralStorage" => request.ephemeral_storage(storage(p)?),
        "SnapStart" => request.snap_start(snap_start(p)),
        "LoggingConfig" => request.logging_config(logging(p)),
        "DurableConfig" => match durable(p) {
            Some(config) => request.durable_config(config),
            None => {
                return Err(Failure::new(Reason::Invalid, "DurableConfig cannot be taken away from a function")
                    .help("remove the function and deploy it again, or keep the setting"));
            }
        },
        other => {
            return Err(Failure::new(Reason::Invalid, format!("{other} of a function cannot be changed")));
        }
    })
}

fn invalid(property: &str, error: &impl std::fmt::Display) -> Failure {
    Failure::new(Reason::Invalid, format!("{property}: {error}"))
}

fn vpc(p: &Value) -> VpcConfig {
    let path = |key: &'static str| ["VpcConfig", key];
    let dual = boolean(p, &path("Ipv6AllowedForDualStack")).unwrap_or(false);
    let subnets = texts(p, &path("SubnetIds"));
    // Without subnets nothing else may be said.
    let dual = (!subnets.is_empty()).then_some(dual);
    VpcConfig::builder()
        .set_subnet_ids(Some(subnets))
        .set_security_group_ids(Some(texts(p, &path("SecurityGroupIds"))))
        .set_ipv6_allowed_for_dual_stack(dual)
        .build()
}

fn dead_letter(p: &Value) -> DeadLetterConfig {
    DeadLetterConfig::builder().target_arn(text(p, &["DeadLetterConfig", "TargetArn"]).unwrap_or_default()).build()
}

fn environment(p: &Value) -> Environment {
    let variables: HashMap<String, String> = text_map(p, &["Environment", "Variables"]).into_iter().collect();
    Environment::builder().set_variables(Some(variables)).build()
}

fn tracing(p: &Value) -> TracingConfig {
    let mode = text(p, &["TracingConfig", "Mode"]);
    TracingConfig::builder().mode(TracingMode::from(mode.as_deref().unwrap_or("PassThrough"))).build()
}

fn file_systems(p: &Value) -> Result<Vec<FileSystemConfig>, Failure> {
    items(p, &["FileSystemConfigs"])
        .iter()
        .map(|system| {
            FileSystemConfig::builder()
                .arn(required(system, "Arn")?)
                .local_mount_path(required(system, "LocalMountPath")?)
                .build()
                .map_err(|error| invalid("FileSystemConfigs", &error))
        })
        .collect()
}

fn image(p: &Value) -> ImageConfig {
    ImageConfig::builder()
        .set_entry_point(Some(texts(p, &["ImageConfig", "EntryPoint"])))
        .set_command(Some(texts(p, &["ImageConfig", "Command"])))
        .working_directory(text(p, &["ImageConfig", "WorkingDirectory"]).unwrap_or_default())
        .build()
}

fn storage(p: &Value) -> Result<EphemeralStorage, Failure> {
    EphemeralStorage::builder()
        .size(integer(p, &["EphemeralStorage", "Size"]).unwrap_or(512))
        .build()
        .map_err(|error| invalid("EphemeralStorage", &error))
}

fn snap_start(p: &Value) -> SnapStart {
    let apply_on = text(p, &["SnapStart", "ApplyOn"]);
    SnapStart::builder().apply_on(SnapStartApplyOn::from(apply_on.as_deref().unwrap_or("None"))).build()
}

fn logging(p: &Value) -> LoggingConfig {
    let read = |key: &str| text(p, &["LoggingConfig", key]);
    let name = text(p, &["FunctionName"]).unwrap_or_default();
    let format = read("LogFormat").unwrap_or_else(|| "Text".to_owned());
    // Levels exist only for JSON, and there one that was taken away goes back to INFO.
    let level = |key: &str| (format == "JSON").then(|| read(key).unwrap_or_else(|| "INFO".to_owned()));
    LoggingConfig::builder()
        .log_format(format.as_str().into())
        .log_group(read("LogGroup").unwrap_or_else(|| format!("/aws/lambda/{name}")))
        .set_application_log_level(level("ApplicationLogLevel").map(|level| level.as_str().into()))
        .set_system_log_level(level("SystemLogLevel").map(|level| level.as_str().into()))
        .build()
}

fn durable(p: &Value) -> Option<DurableConfig> {
    p.get("DurableConfig")?;
    Some(
        DurableConfig::builder()
            .set_execution_timeout(integer(p, &["DurableConfig", "ExecutionTimeout"]))
            .set_retention_period_in_days(integer(p, &["DurableConfig", "RetentionPeriodInDays"]))
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use serde_json::json;

    fn request() -> Update {
        let config = aws_sdk_lambda::Config::builder()
            .behavior_version(aws_sdk_lambda::config::BehaviorVersion::v2026_01_12())
            .build();
        aws_sdk_lambda::Client::from_conf(config).update_function_configuration()
    }

    fn field(path: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
        FieldChange { path: path.into(), before, after, sensitive: false, bookkeeping: false, told: None }
    }

    #[test]
    fn every_property_that_can_be_set_can_be_cleared() {
        let nothing = tree_of(json!({ "FunctionName": "f" }));
        let cleared = [
            "Description",
            "Timeout",
            "MemorySize",
            "VpcConfig",
            "DeadLetterConfig",
            "Environment",
            "KmsKeyArn",
            "TracingConfig",
            "Layers",
            "FileSystemConfigs",
            "ImageConfig",
            "EphemeralStorage",
            "SnapStart",
            "LoggingConfig",
        ]
        .into_iter()
        .fold(request(), |request, key| update(request, key, &nothing).unwrap());
        let input = cleared.as_input().clone().build().unwrap();
        assert_eq!(input.description(), Some(""));
        assert_eq!((input.timeout(), input.memory_size()), (Some(3), Some(128)));
        assert_eq!(input.vpc_config().unwrap().subnet_ids.as_deref(), Some(&[][..]));
        assert_eq!(input.dead_letter_config().unwrap().target_arn(), Some(""));
        assert_eq!(input.environment().unwrap().variables().map(HashMap::len), Some(0));
        assert_eq!(input.kms_key_arn(), Some(""));
        assert_eq!(input.tracing_config().unwrap().mode().unwrap().as_str(), "PassThrough");
        assert_eq!(input.layers.as_deref(), Some(&[][..]));
        assert_eq!(input.file_system_configs.as_deref(), Some(&[][..]));
        assert_eq!(input.image_config().unwrap().working_directory(), Some(""));
        assert_eq!(input.ephemeral_storage().unwrap().size(), 512);
        assert_eq!(input.snap_start().unwrap().apply_on().unwrap().as_str(), "None");
        assert_eq!(input.logging_config().unwrap().log_group(), Some("/aws/lambda/f"));
    }

    #[test]
    fn a_changed_field_takes_only_the_calls_that_it_needs() {
        let steps = Steps::of(&[
            field("Code.Sha256", None, None),
            field("Environment.Variables.MODE", None, Some(Value::string("x"))),
            field("Environment.Variables.OLD", Some(Value::string("x")), None),
            field("Tags.team", None, Some(Value::string("a"))),
        ]);
        assert!(steps.code && !steps.concurrency && !steps.recursion && !steps.runtime_management);
        assert_eq!(steps.configuration, BTreeSet::from(["Environment".to_owned()]));
    }

    #[test]
    fn a_removed_json_level_goes_back_to_info() {
        let p = tree_of(json!({ "FunctionName": "f", "LoggingConfig": { "LogFormat": "JSON" } }));
        let input = update(request(), "LoggingConfig", &p).unwrap().as_input().clone().build().unwrap();
        let logging = input.logging_config().unwrap();
        assert_eq!(logging.application_log_level().unwrap().as_str(), "INFO");
    }
}
