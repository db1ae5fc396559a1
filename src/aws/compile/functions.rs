//! The functions themselves.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html>

use super::output::Output;
use super::plan::{FunctionPlan, Plan};
use super::tree::{self, Properties};
use crate::aws::template::TemplateResource;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::lambda::{Image, RuntimeManagement, RuntimeUpdates, SecretSource, Tracing};
use crate::config::language::provider::Provider;
use crate::engine::value::Value;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    for one in &plan.functions {
        let function = function(plan, one, output);
        output.add(one.logical_id.clone(), function);
    }
}

fn function(plan: &Plan, one: &FunctionPlan, output: &mut Output) -> TemplateResource {
    let (function, effective) = (one.function, &one.effective);
    check(plan, one, output);
    let reserved = function.reserved_concurrency.as_ref().map(tree::number);
    let memory = effective.written_memory_size().map_or_else(|| effective.memory_size().into(), tree::number);
    let mut properties = code(one, plan)
        .with("FunctionName", one.name.as_str())
        .with("MemorySize", memory)
        .with("Timeout", effective.timeout())
        .with("Role", one.role.arn())
        .maybe("Architectures", effective.architecture().map(|name| vec![name.as_str()]))
        .maybe("Description", function.description.as_ref().map(tree::as_text))
        .maybe(
            "EphemeralStorage",
            function.ephemeral_storage_size.map(|size| Properties::new().with("Size", size.get())),
        )
        .maybe("RecursiveLoop", function.recursive_loop.map(|choice| choice.as_str()))
        .maybe("ReservedConcurrentExecutions", reserved)
        .list("Layers", effective.layers().iter().map(Value::from).collect())
        .maybe("Environment", environment(one).some().map(|all| Properties::new().with("Variables", all)))
        .maybe("VpcConfig", vpc(one))
        .maybe("LoggingConfig", logging(one))
        .list("Tags", tags(one));
    if function.snap_start == Some(true) {
        properties = properties.with("SnapStart", Properties::new().with("ApplyOn", "PublishedVersions"));
    }
    if let Some(target) = &function.on_error {
        properties = properties.with("DeadLetterConfig", Properties::new().with("TargetArn", target));
        let action: &'static [&'static str] = match target.as_str() {
            Some(arn) if arn.contains(":sqs:") => &["sqs:SendMessage"],
            _ => &["sns:Publish"],
        };
        if target.as_str().is_some() {
            output.grant(one, action, [target.into()]);
        }
    }
    if let Some(key) = effective.kms_key_arn() {
        properties = properties.with("KmsKeyArn", key);
        if key.as_str().is_some() {
            output.grant(one, &["kms:Decrypt"], [key.into()]);
        }
    }
    if let Some(mode @ (Tracing::Active | Tracing::PassThrough)) = effective.tracing() {
        properties = properties.with("TracingConfig", Properties::new().with("Mode", mode.as_str()));
        output.grant(one, &["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*".into()]);
    }
    if let Some(system) = &function.file_system_config {
        let config =
            Properties::new().with("Arn", &system.arn).with("LocalMountPath", system.local_mount_path.as_str());
        properties = properties.with("FileSystemConfigs", Value::List(vec![config.into()]));
        output.grant(one, &["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"], [(&system.arn).into()]);
    }
    if let Some(durable) = &function.durable_config {
        let config = Properties::new()
            .with("ExecutionTimeout", durable.execution_timeout.get())
            .maybe("RetentionPeriodInDays", durable.retention_period_in_days.map(|days| days.get()));
        properties = properties.with("DurableConfig", config);
        let name = &one.name;
        let arn =
            tree::sub(format!("arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{name}:*"));
        output.grant(one, &["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"], [arn]);
    }

    let mut resource = TemplateResource::new("AWS::Lambda::Function", properties.into());
    if function.disable_logs != Some(true) {
        resource = resource.after([one.log_group_id()]);
    }
    if let super::role::FunctionRole::Existing { after: Some(after), .. } = &one.role {
        resource = resource.after([after]);
    }
    resource = resource.after(&function.depends_on);
    resource.condition = function.condition.clone();
    if one.version.is_some() {
        resource = resource.hint("Publish", true.into());
    }
    if function.image.is_none() {
        resource = resource.hint("Artifact", one.key.into());
    }
    resource
}

/// What must be there, and what excludes what.
fn check(plan: &Plan, one: &FunctionPlan, output: &mut Output) {
    let function = one.function;
    let mut problem = |code, what: &str, key: &str, help: &str| {
        let path = format!("functions.{}.{key}", one.key);
        let place = function.places.get(key).or(plan.service.functions.key_place(one.key)).unwrap_or(function.place);
        output
            .problem(Diagnostic::error(code, format!("functions.{}: {what}", one.key)).path(path).at(place).help(help));
    };
    match (&function.handler, &function.image) {
        (None, None) => problem(
            "missing-key",
            "there is neither a `handler` nor an `image`",
            "handler",
            "add `handler: file.function`, or `image` for a container image",
        ),
        (Some(_), Some(_)) => {
            problem("conflict", "`handler` and `image` exclude each other", "image", "keep the one that holds the code")
        }
        _ => {}
    }
    if one.name.chars().count() > 64 {
        problem(
            "name-too-long",
            &format!("the function would be called `{}`, which is longer than the 64 characters of Lambda", one.name),
            "name",
            "name the function with `name`",
        );
    }
    if function.snap_start == Some(true) && function.provisioned_concurrency.is_some() {
        problem(
            "conflict",
            "`snapStart` and `provisionedConcurrency` exclude each other",
            "provisionedConcurrency",
            "keep one of them",
        );
    }
    if function.file_system_config.is_some() && vpc(one).is_none() {
        problem(
            "missing-key",
            "`fileSystemConfig` needs a VPC",
            "fileSystemConfig",
            "add `vpc` with `subnetIds` and `securityGroupIds` to the function or the provider",
        );
    }
}

/// What runs: a handler with its runtime, or an image. The digest of a zip is put in by
/// [`crate::aws::template::Template::seal`].
fn code(one: &FunctionPlan, plan: &Plan) -> Properties {
    if let Some(image) = one.effective.image() {
        return image_code(image, &plan.service.provider);
    }
    Properties::new()
        .with("Code", Properties::new())
        .maybe("Handler", one.function.handler.as_deref())
        .maybe("Runtime", one.effective.runtime())
        .maybe("RuntimeManagementConfig", one.effective.runtime_management().and_then(runtime_updates))
}

fn image_code(image: &Image, provider: &Provider) -> Properties {
    let built = image.name.as_ref().map(|name| name.as_str());
    let elsewhere = built
        .and_then(|name| provider.ecr.as_ref()?.images.get(name))
        .and_then(|image| image.uri.as_deref())
        .or(image.uri.as_deref());
    let config = Properties::new()
        .list("Command", image.command.iter().map(|word| word.as_str().into()).collect())
        .list("EntryPoint", image.entry_point.iter().map(|word| word.as_str().into()).collect())
        .maybe("WorkingDirectory", image.working_directory.as_deref());
    let code = match elsewhere {
        Some(uri) => Properties::new().with("ImageUri", uri),
        // The name of an image that is still to be built, until the artifacts are known.
        None => Properties::new().maybe("ImageName", built),
    };
    Properties::new().with("PackageType", "Image").with("Code", code).maybe("ImageConfig", config.some())
}

/// `auto` is what Lambda does by itself.
fn runtime_updates(management: &RuntimeManagement) -> Option<Value> {
    let config = match management.mode {
        RuntimeUpdates::Auto => return None,
        RuntimeUpdates::OnFunctionUpdate => Properties::new().with("UpdateRuntimeOn", "FunctionUpdate"),
        RuntimeUpdates::Manual => {
            Properties::new().with("UpdateRuntimeOn", "Manual").maybe("RuntimeVersionArn", management.arn.as_ref())
        }
    };
    Some(config.into())
}

/// Variables and secrets. A secret stands as a dynamic reference, in CloudFormation's own words, until the deploy
/// resolves it.
fn environment(one: &FunctionPlan) -> Properties {
    let secrets = one.effective.secrets();
    let variables = one.effective.environment();
    let plain =
        variables.into_iter().fold(Properties::new(), |all, (name, value)| all.with(name, tree::as_text(value)));
    secrets.into_iter().fold(plain, |all, (name, secret)| all.with(name, secret_reference(&secret.source)))
}

fn secret_reference(source: &SecretSource) -> Value {
    let reference = match source {
        SecretSource::Ssm { name } => format!("ssm-secure:{name}"),
        SecretSource::SecretsManager { id, json_key: None } => format!("secretsmanager:{id}"),
        SecretSource::SecretsManager { id, json_key: Some(key) } => {
            format!("secretsmanager:{id}:SecretString:{key}")
        }
    };
    Value::String(format!("{{{{resolve:{reference}}}}}"))
}

/// The VPC that the function is attached to.
fn vpc(one: &FunctionPlan) -> Option<Value> {
    let vpc = one.effective.vpc()?;
    let (groups, subnets) = vpc.attached()?;
    Some(
        Properties::new()
            .with("SecurityGroupIds", groups)
            .with("SubnetIds", subnets)
            .maybe("Ipv6AllowedForDualStack", vpc.ipv6_allowed_for_dual_stack.filter(|allowed| *allowed))
            .into(),
    )
}

fn logging(one: &FunctionPlan) -> Option<Value> {
    let logs = one.effective.logs()?;
    Properties::new()
        .maybe("LogFormat", logs.log_format.map(|format| format.as_str()))
        .maybe("ApplicationLogLevel", logs.application_log_level.map(|level| level.as_str()))
        .maybe("SystemLogLevel", logs.system_log_level.map(|level| level.as_str()))
        .maybe("LogGroup", logs.log_group.as_ref().map(|group| group.as_str()))
        .some()
}

fn tags(one: &FunctionPlan) -> Vec<Value> {
    one.effective.tags().into_iter().map(|(key, value)| tree::tag(key, value)).collect()
}
