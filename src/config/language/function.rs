//! `functions.<key>`: one Lambda function with its triggers.

use super::super::decode::{Bounded, Cf, CfOr, FreeMapping, Shorthand, Toggle, alternatives, keywords, object, text};
use super::super::node::Node;
use super::events::Event;
use super::iam::FunctionIam;
use super::lambda::{
    Architecture, Environment, Image, LambdaLogs, LogRetention, MemorySize, RuntimeManagement, Secrets, Statement,
    Tags, Timeout, Tracing, VpcSetting,
};
use super::names::FunctionName;
use super::package::FunctionPackage;
use super::releases::DeploymentSettings;
use super::scaling::ConcurrencyAutoscaling;

object! {
    /// A Lambda function: its code, its settings and what calls it.
    pub struct Function {
        /// `cloudfront-function` for a few lines of JavaScript that CloudFront itself runs. Default: a function of Lambda.
        kind "type": Option<FunctionKind>,
        /// The entry point: `src/handler.main`. Needed unless there is `image`. Of a CloudFront Function, its file.
        handler "handler": Option<String>,
        /// A container image instead of a handler.
        image "image": Option<Shorthand<Image>>,
        /// The physical name. Default: `<service>-<stage>-<key>`.
        name "name": Option<FunctionName>,
        /// What the function is for, up to 256 characters.
        description "description": Option<Cf>,
        /// The Lambda runtime. Default: the provider's.
        runtime "runtime": Option<String>,
        /// Memory in MB. Default: the provider's, or 1024.
        memory_size "memorySize" = 1024: Option<CfOr<MemorySize>>,
        /// Seconds after which a call is ended. Default: the provider's, or 6.
        timeout "timeout" = 6: Option<Timeout>,
        /// The processor. Default: the provider's, or x86_64.
        architecture "architecture": Option<Architecture>,
        /// Environment variables, over those of the provider; `null` takes one away.
        environment "environment": Environment,
        /// Secrets that become encrypted environment variables at deploy, over those of the provider.
        secrets "secrets": Secrets,
        /// Tags, over those of the provider.
        tags "tags": Tags,
        /// Layers by ARN or reference; they replace the provider's.
        layers "layers": Option<Vec<Cf>>,
        /// Subnets and security groups; `false` or `null` stays out of the provider's.
        vpc "vpc": Option<VpcSetting>,
        /// The KMS key for the environment.
        kms_key_arn "kmsKeyArn" | "awsKmsKeyArn": Option<Cf>,
        /// Days that logs are kept.
        log_retention_in_days "logRetentionInDays": Option<LogRetention>,
        /// What CloudWatch masks in the logs.
        log_data_protection_policy "logDataProtectionPolicy": Option<FreeMapping>,
        /// X-Ray tracing.
        tracing "tracing": Option<Tracing>,
        /// An existing role: ARN, logical id or CloudFormation function.
        role "role": Option<Cf>,
        /// When Lambda updates the runtime.
        runtime_management "runtimeManagement" = "auto": Option<Shorthand<RuntimeManagement>>,
        /// What calls the function.
        events "events": Vec<Event>,
        /// What goes into the zip.
        package "package": Option<FunctionPackage>,
        /// Statements of a role of the function's own.
        iam_role_statements "iamRoleStatements": Option<Vec<Statement>>,
        /// Whether the function's own role also has the provider's statements.
        iam_role_statements_inherit "iamRoleStatementsInherit": Option<bool>,
        /// The name of the function's own role.
        iam_role_statements_name "iamRoleStatementsName": Option<String>,
        /// The permissions boundary of the function's own role.
        iam_permissions_boundary "iamPermissionsBoundary": Option<Cf>,
        /// The function's own role, as v4 writes it.
        iam "iam": Option<FunctionIam>,
        /// Calls at once that are kept for this function; 0 stops it.
        reserved_concurrency "reservedConcurrency": Option<CfOr<Bounded<0, { i64::MAX }>>>,
        /// Environments that are kept warm, behind the alias `provisioned`.
        provisioned_concurrency "provisionedConcurrency": Option<ProvisionedConcurrency>,
        /// Whether versions start from a snapshot, behind the alias `snapstart`.
        snap_start "snapStart" = false: Option<bool>,
        /// Durable execution, behind the alias `durable`.
        durable_config "durableConfig": Option<DurableConfig>,
        /// Size of `/tmp` in MB.
        ephemeral_storage_size "ephemeralStorageSize" = 512: Option<Bounded<512, 10240>>,
        /// Retries of asynchronous calls.
        maximum_retry_attempts "maximumRetryAttempts": Option<Bounded<0, 2>>,
        /// Seconds that asynchronous calls may wait.
        maximum_event_age "maximumEventAge": Option<Bounded<60, 21600>>,
        /// Where results of asynchronous calls go.
        destinations "destinations": Option<Destinations>,
        /// The dead-letter topic or queue of asynchronous calls.
        on_error "onError": Option<Cf>,
        /// An EFS access point. Needs a VPC.
        file_system_config "fileSystemConfig": Option<FileSystemConfig>,
        /// An HTTPS address of the function's own.
        url "url": Option<Toggle<FunctionUrl>>,
        /// Whether the function may not write logs.
        disable_logs "disableLogs" = false: Option<bool>,
        /// How logs are written.
        logs "logs": Option<LambdaLogs>,
        /// Whether versions are published. Default: `provider.versionFunctions`.
        version_function "versionFunction" | "versionFunctions": Option<bool>,
        /// A condition of `resources.Conditions` that everything generated for the function gets.
        condition "condition": Option<String>,
        /// Logical ids that the function waits for.
        depends_on "dependsOn": Vec<String>,
        /// Whether Lambda stops the function when it calls itself in a loop.
        recursive_loop "recursiveLoop" = "Terminate": Option<RecursiveLoop>,
        /// How the function takes part in an HTTP API.
        http_api "httpApi": Option<FunctionHttpApi>,
        /// Isolation per tenant (v4).
        tenancy "tenancy": Option<Node>,
        /// The capacity provider that runs the function (v4).
        capacity_provider "capacityProvider": Option<Node>,
        /// How the function's code is built (v4).
        build "build": Option<Node>,
        /// CloudWatch alarms (serverless-plugin-aws-alerts).
        alarms "alarms": Option<Node>,
        /// Traffic shifting (serverless-plugin-canary-deployments).
        deployment_settings "deploymentSettings": Option<DeploymentSettings>,
        /// Target tracking of provisioned concurrency (serverless-provisioned-concurrency-autoscaling).
        concurrency_autoscaling "concurrencyAutoscaling": Option<Toggle<ConcurrencyAutoscaling>>,
        /// A scheduled call that keeps the function warm (serverless-plugin-warmup).
        warmup "warmup": Option<Node>,
        /// How many versions are kept (serverless-prune-plugin).
        prune "prune": Option<Node>,
        /// Whether the function is deployed (serverless-plugin-disable-functions).
        enabled "enabled": Option<bool>,
        /// The Python module of the function (serverless-python-requirements).
        module "module": Option<String>,
        /// What CloudWatch Logs forwards (serverless-plugin-log-forwarding).
        log_forwarding "logForwarding": Option<Node>,
        /// Lambda Insights (serverless-plugin-lambda-insights).
        lambda_insights "lambdaInsights": Option<bool>,
        /// Lambda@Edge (serverless-lambda-edge-pre-existing-cloudfront).
        lambda_at_edge "lambdaAtEdge": Option<Node>,
        /// A folder of Python packages that go along (serverless-python-requirements).
        vendor "vendor": Option<Node>,
        /// Whether and how the function is bundled (serverless-plugin-optimize).
        optimize "optimize": Option<Node>,
        /// The source that is bundled for an image (serverless-webpack).
        entrypoint "entrypoint": Option<Node>,
        /// An entry point per function (serverless-webpack, serverless-esbuild).
        entry "entry": Option<Node>,
        /// Whether esbuild leaves the function alone (serverless-esbuild).
        skip_esbuild "skipEsbuild" | "disableEsbuild": Option<bool>,
    }
    ignored {
        "retain": "versions are kept anyway until they are pruned",
        "cors": "CORS belongs to the event or to the URL",
        "dotenv": "the settings of serverless-dotenv-plugin are service-wide",
        "datadog": "the Datadog plugin is not run",
        "newRelic": "the New Relic plugin is not run"
    }
    noted {
        "deadLetter": "serverless-plugin-lambda-dead-letter is not run; `onError` sets a dead-letter queue",
        "ephemeralStorage": "the key is `ephemeralStorageSize`",
        "vpcDiscovery": "serverless-vpc-discovery is not run; name the lists in `vpc`"
    }
    unbuilt {
        "tenancy": "calls are not isolated by tenant",
        "capacityProvider": "the function runs on Lambda's own capacity",
        "build": "code is packaged as it is",
        "alarms": "no alarms are made",
        "warmup": "the function is not kept warm",
        "prune": "old versions are not deleted",
        "vendor": "the folder is not put into the zip",
        "optimize": "code is packaged as it is",
        "entrypoint": "code is packaged as it is",
        "module": "Python requirements are not installed",
        "logForwarding": "logs are not forwarded",
        "lambdaInsights": "Lambda Insights stays off",
        "lambdaAtEdge": "no distribution is changed",
        "entry": "code is packaged as it is"
    }
}

keywords! {
    /// What a function is, where it is none of Lambda.
    pub enum FunctionKind {
        CloudFront = "cloudfront-function",
    }
}

alternatives! {
    /// A number of environments, or the number with the alias that gets them (v4).
    pub enum ProvisionedConcurrency {
        Executions(CfOr<Bounded<0, { i64::MAX }>>),
        Settings(ProvisionedSettings),
    }
}

impl ProvisionedConcurrency {
    /// How many environments are kept warm, when that is known now.
    pub fn executions(&self) -> Option<i64> {
        self.value().value().map(|count| count.get())
    }

    /// The number as written.
    pub fn value(&self) -> &CfOr<Bounded<0, { i64::MAX }>> {
        match self {
            Self::Executions(count) => count,
            Self::Settings(settings) => &settings.executions,
        }
    }

    /// The alias that gets the environments.
    pub fn alias(&self) -> &str {
        match self {
            Self::Settings(settings) => settings.alias.as_deref().unwrap_or("provisioned"),
            Self::Executions(_) => "provisioned",
        }
    }
}

object! {
    /// Provisioned concurrency with its alias.
    pub struct ProvisionedSettings {
        /// How many environments are kept warm.
        executions "executions": CfOr<Bounded<0, { i64::MAX }>>,
        /// The alias that gets them.
        alias "alias" = "provisioned": Option<String>,
    }
}

object! {
    /// Durable execution: <https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html>.
    pub struct DurableConfig {
        /// Seconds that an execution may take, up to 366 days.
        execution_timeout "executionTimeout": Bounded<1, 31622400>,
        /// Days that the state of ended executions is kept.
        retention_period_in_days "retentionPeriodInDays": Option<Bounded<1, 90>>,
    }
}

object! {
    /// Where the results of asynchronous calls go.
    pub struct Destinations {
        /// After a call that succeeded.
        on_success "onSuccess": Option<Destination>,
        /// After a call that failed for good.
        on_failure "onFailure": Option<Destination>,
    }
}

alternatives! {
    /// A destination: a function of the service, an ARN, or a typed target.
    pub enum Destination {
        /// The key of a function, or an ARN.
        Name(String),
        /// A target whose kind cannot be seen from its ARN.
        Typed(TypedDestination),
    }
}

object! {
    /// A destination with its kind.
    pub struct TypedDestination {
        /// What the target is.
        kind "type": DestinationKind,
        /// Its ARN.
        arn "arn": Cf,
    }
}

keywords! {
    /// The kind of a destination.
    pub enum DestinationKind {
        Function = "function",
        Sns = "sns",
        Sqs = "sqs",
        EventBus = "eventBus",
    }
}

text! {
    /// Where a file system is mounted.
    pub struct MountPath: "a path below `/mnt/`", pattern "^/mnt/[a-zA-Z0-9-_.]+$"
}

object! {
    /// A file system that the function mounts.
    pub struct FileSystemConfig {
        /// The ARN of the access point.
        arn "arn": Cf,
        /// Where it is mounted: `/mnt/name`.
        local_mount_path "localMountPath": MountPath,
        /// `efs` or `s3files` (v4).
        kind "type" = "efs": Option<FileSystemKind>,
    }
}

keywords! {
    /// The kind of a file system.
    pub enum FileSystemKind {
        Efs = "efs",
        S3Files = "s3files",
    }
}

object! {
    /// A function URL.
    pub struct FunctionUrl {
        /// `aws_iam` for signed calls only. Default: anybody may call.
        authorizer "authorizer": Option<UrlAuthorizer>,
        /// Cross-origin rules; `true` allows every origin.
        cors "cors": Option<Toggle<FunctionUrlCors>>,
        /// Whether answers are streamed.
        invoke_mode "invokeMode" = "BUFFERED": Option<InvokeMode>,
    }
}

keywords! {
    /// Who may call a function URL.
    pub enum UrlAuthorizer {
        AwsIam = "aws_iam",
    }
}

keywords! {
    /// How a function URL gives its answer.
    pub enum InvokeMode {
        Buffered = "BUFFERED",
        ResponseStream = "RESPONSE_STREAM",
    }
}

object! {
    /// Cross-origin rules of a function URL. `null` takes a default away.
    pub struct FunctionUrlCors {
        /// Whether cookies and credentials are allowed.
        allow_credentials "allowCredentials": Option<bool>,
        /// Headers that requests may have.
        allowed_headers "allowedHeaders": Cleared<Vec<String>>,
        /// Methods that requests may use.
        allowed_methods "allowedMethods": Cleared<Vec<String>>,
        /// Origins that may call.
        allowed_origins "allowedOrigins": Cleared<Vec<String>>,
        /// Headers that a page may read.
        exposed_response_headers "exposedResponseHeaders": Option<Vec<String>>,
        /// Seconds that a browser may keep the answer to a preflight request.
        max_age "maxAge": Option<Bounded<0, 86400>>,
    }
}

/// A value whose `null` takes a default away, which absence does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Cleared<T> {
    /// The key is not there: the default holds.
    Absent,
    /// `null`: not even the default.
    Null,
    Value(T),
}

impl<T> Cleared<T> {
    /// The value, when one was given.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}

impl<T: super::super::decode::Decode> super::super::decode::Decode for Cleared<T> {
    const KEEPS_NULL: bool = true;

    fn decode(node: &Node, cx: &mut super::super::decode::Decoder) -> Option<Self> {
        match node.data {
            super::super::node::Data::Null => Some(Self::Null),
            _ => T::decode(node, cx).map(Self::Value),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::Absent)
    }

    fn fits(node: &Node) -> bool {
        T::fits(node)
    }

    fn expects() -> String {
        T::expects()
    }

    fn schema(schemas: &mut super::super::decode::Schemas) -> serde_json::Value {
        let value = T::schema(schemas);
        serde_json::json!({"anyOf": [value, {"type": "null"}]})
    }
}

keywords! {
    /// What Lambda does about a function that calls itself in a loop.
    pub enum RecursiveLoop {
        Allow = "Allow",
        Terminate = "Terminate",
    }
}

object! {
    /// How a function takes part in an HTTP API.
    pub struct FunctionHttpApi {
        /// The payload format: `1.0` or `2.0`.
        payload "payload": Option<PayloadVersion>,
    }
}

keywords! {
    /// The payload format of an HTTP API.
    pub enum PayloadVersion {
        V1 = "1.0" | "1",
        V2 = "2.0" | "2",
    }
}
