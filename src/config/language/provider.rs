//! `provider`: the cloud, the stage, and what all functions have in common.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::decode::{
    Bounded, Cf, CfList, CfOr, Decoder, FreeMapping, Schemas, Short, Shorthand, Toggle, keywords, mapping_at, object,
    text,
};
use super::super::node::{Data, Node};
use super::api::{ApiGateway, ApiKeys, HttpApi, UsagePlans};
use super::custom::domains::DomainForm;
use super::iam::Iam;
use super::lambda::{
    Architecture, Environment, ImageUri, LambdaLogs, LogRetention, MemorySize, RuntimeManagement, Secrets, Statement,
    Tags, Timeout, Tracing, VpcConfig,
};
use super::names::{Region, StackName, StageName};
use super::stack::{RollbackConfiguration, StackParameter};

object! {
    /// The cloud, the stage, and what all functions have in common.
    pub struct Provider {
        /// The cloud: `aws`.
        name "name": ProviderName,
        /// The stage. `--stage` wins.
        stage "stage" = "dev": Option<StageName>,
        /// The AWS region. `--region` wins.
        region "region" = "us-east-1": Option<Region>,
        /// A profile of the AWS configuration files.
        profile "profile": Option<String>,
        /// The Lambda runtime of functions that name none.
        runtime "runtime": Option<String>,
        /// Memory in MB of functions that name none.
        memory_size "memorySize" = 1024: Option<CfOr<MemorySize>>,
        /// Seconds after which a call is ended, for functions that name none.
        timeout "timeout" = 6: Option<Timeout>,
        /// The processor of functions that name none.
        architecture "architecture" = "x86_64": Option<Architecture>,
        /// Environment variables of all functions.
        environment "environment": Environment,
        /// Secrets that become encrypted environment variables of all functions at deploy.
        secrets "secrets": Secrets,
        /// Whether versions of functions are published.
        version_functions "versionFunctions" = true: Option<bool>,
        /// When Lambda updates runtimes.
        runtime_management "runtimeManagement" = "auto": Option<Shorthand<RuntimeManagement>>,
        /// Days that logs are kept. Default: for ever.
        log_retention_in_days "logRetentionInDays": Option<LogRetention>,
        /// What CloudWatch masks in the logs.
        log_data_protection_policy "logDataProtectionPolicy": Option<FreeMapping>,
        /// The KMS key for the environments.
        kms_key_arn "kmsKeyArn": Option<Cf>,
        /// Layers of functions that name none.
        layers "layers": Option<Vec<Cf>>,
        /// Subnets and security groups of the functions.
        vpc "vpc": Option<VpcConfig>,
        /// Tags of functions and APIs.
        tags "tags": Tags,
        /// Tags of everything.
        stack_tags "stackTags": Tags,
        /// The name of the stack that holds `resources`. Default: `<service>-<stage>`.
        stack_name "stackName": Option<StackName>,
        /// The roles of the service.
        iam "iam": Option<Iam>,
        /// The role that hoist assumes for the deployment (older form of `iam.deploymentRole`).
        cfn_role "cfnRole": Option<Cf>,
        /// An existing role of all functions (older form of `iam.role`).
        role "role": Option<Cf>,
        /// The permissions boundary of the generated role (older form).
        role_permissions_boundary "rolePermissionsBoundary": Option<Cf>,
        /// Statements of the generated role (older form of `iam.role.statements`).
        iam_role_statements "iamRoleStatements": Option<Vec<Statement>>,
        /// Managed policies of the generated role (older form of `iam.role.managedPolicies`).
        iam_managed_policies "iamManagedPolicies": Vec<Cf>,
        /// The bucket for artifacts. Default: hoist's own, one per account and region.
        deployment_bucket "deploymentBucket": Option<Shorthand<DeploymentBucket>>,
        /// The prefix of keys in the deployment bucket.
        deployment_prefix "deploymentPrefix" = "serverless": Option<String>,
        /// Whether `remove` refuses, for all or for some stages.
        deletion_protection "deletionProtection": Option<Toggle<DeletionProtection>>,
        /// How many versions of functions are kept; `true` is 10.
        prune_function_versions "pruneFunctionVersions": Option<Toggle<PruneVersions>>,
        /// X-Ray tracing; `true` alone is that of the functions.
        tracing "tracing": Option<Shorthand<TracingConfig>>,
        /// The REST API.
        api_gateway "apiGateway": Option<ApiGateway>,
        /// The name of the REST API. Default: `<stage>-<service>`.
        api_name "apiName": Option<String>,
        /// Where the REST API is reached.
        endpoint_type "endpointType" = "EDGE": Option<EndpointType>,
        /// VPC endpoints of a private REST API.
        vpc_endpoint_ids "vpcEndpointIds": Option<CfList>,
        /// API keys of the REST API (older form of `apiGateway.apiKeys`).
        api_keys "apiKeys": Option<ApiKeys>,
        /// The usage plan of the REST API (older form of `apiGateway.usagePlan`).
        usage_plan "usagePlan": Option<UsagePlans>,
        /// The resource policy of the REST API (older form of `apiGateway.resourcePolicy`).
        resource_policy "resourcePolicy": Option<Vec<FreeMapping>>,
        /// The HTTP API.
        http_api "httpApi": Option<HttpApi>,
        /// The name of the WebSocket API. Default: `<stage>-<service>-websockets`.
        websockets_api_name "websocketsApiName": Option<String>,
        /// What a WebSocket message is routed by.
        websockets_api_route_selection_expression "websocketsApiRouteSelectionExpression" = "$request.body.action":
            Option<String>,
        /// The description of the WebSocket API.
        websockets_description "websocketsDescription" = "Serverless Websockets": Option<String>,
        /// The WebSocket API.
        websocket "websocket": Option<WebsocketSettings>,
        /// Application load balancers.
        alb "alb": Option<AlbSettings>,
        /// Logs of APIs and functions.
        logs "logs": Option<Logs>,
        /// Container images that the service builds.
        ecr "ecr": Option<Ecr>,
        /// Settings of buckets that `s3` events make.
        s3 "s3": IndexMap<String, Node>,
        /// CloudFront.
        cloud_front "cloudFront": Option<CloudFront>,
        /// Kinesis.
        kinesis "kinesis": Option<Kinesis>,
        /// A custom domain of the APIs (v4).
        domain "domain": Option<DomainForm>,
        /// Custom domains of the APIs (v4).
        domains "domains": Option<Vec<DomainForm>>,
        /// Capacity providers (v4).
        capacity_providers "capacityProviders": Option<Node>,
        /// Parameters of the stack that holds `resources`.
        stack_parameters "stackParameters": Vec<StackParameter>,
        /// Whether a failed change of the stack that holds `resources` stays as it is.
        disable_rollback "disableRollback": Option<bool>,
        /// Alarms that turn a change of the stack that holds `resources` back.
        rollback_configuration "rollbackConfiguration": Option<RollbackConfiguration>,
        /// Topics that hear of every event of the stack that holds `resources`.
        notification_arns "notificationArns": Vec<Cf>,
        /// Statements that say which of `resources` an update may replace or delete.
        stack_policy "stackPolicy": Vec<FreeMapping>,
    }
    ignored {
        "deploymentMethod": "hoist calls the services directly, so there is no method to choose",
        "lambdaHashingVersion": "it chose between two ways in which versions were named",
        "eventBridge": "hoist always uses the service itself, so there is nothing to choose",
        "build": "it chose the builder of v4; hoist finds it from the handler",
        "enableLegacyDeploymentBucket": "hoist has its own bucket, one per account and region",
        "resolver": "it named the credentials of v4's variables; hoist uses those of the deployment",
        "variableSyntax": "hoist reads the usual `${…}`; a file that writes variables in another way is refused",
        "cfLogs": "logs have been read from CloudWatch ever since v1"
    }
    noted {
        "deploymentBucket": "code, records and the lease are kept in hoist's own bucket, one per account and region",
        "deploymentPrefix": "hoist has its own keys in its own bucket"
    }
    unbuilt {
        "capacityProviders": "no capacity providers are made"
    }
}

impl Short for Provider {
    const SHORT: &'static str = "`aws`";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("name", node.clone())]))
    }

    fn short_schema(_: &mut Schemas) -> Value {
        json!({"const": "aws"})
    }
}

keywords! {
    /// The cloud.
    pub enum ProviderName {
        Aws = "aws",
    }
}

keywords! {
    /// Where a REST API is reached.
    pub enum EndpointType [ignore_case] {
        Edge = "EDGE",
        Regional = "REGIONAL",
        Private = "PRIVATE",
    }
}

text! {
    /// The name of a bucket.
    pub struct BucketName: "a bucket name (3 to 63 lower-case letters, digits, dots and hyphens)",
        pattern "^(([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])$", min 3, max 63
}

object! {
    /// The bucket for artifacts.
    pub struct DeploymentBucket {
        /// An existing bucket.
        name "name": Option<BucketName>,
        /// How many deployments are kept.
        max_previous_deployment_artifacts "maxPreviousDeploymentArtifacts" = 5: Option<Bounded<0, { i64::MAX }>>,
        /// How objects are encrypted.
        server_side_encryption "serverSideEncryption": Option<ServerSideEncryption>,
        /// The KMS key for `aws:kms`.
        sse_kms_key_id "sseKMSKeyId": Option<String>,
        /// Tags of the bucket.
        tags "tags": Tags,
    }
    ignored {
        "createBucket": "it was serverless-deployment-bucket's; hoist makes its own bucket",
        "blockPublicAccess": "hoist's bucket never allows public access; a bucket of your own stays as it is",
        "skipPolicySetup": "hoist does not write a policy on a bucket of your own",
        "versioning": "hoist does not change a bucket of your own",
        "sseCustomerAlgorithim": "keys of the caller's own are not stored",
        "sseCustomerKey": "keys of the caller's own are not stored",
        "sseCustomerKeyMD5": "keys of the caller's own are not stored",
        "codeStorageMode": "hoist sends small artifacts directly",
        "policy": "hoist does not write a policy on a bucket of your own"
    }
}

impl Short for DeploymentBucket {
    const SHORT: &'static str = "the name of a bucket";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("name", node.clone())]))
    }
}

keywords! {
    /// How objects in a bucket are encrypted.
    pub enum ServerSideEncryption {
        Aes256 = "AES256",
        AwsKms = "aws:kms",
    }
}

object! {
    /// Stages whose service cannot be removed.
    pub struct DeletionProtection {
        /// The stages.
        stages "stages": Vec<StageName>,
    }
}

object! {
    /// How many versions of functions are kept.
    pub struct PruneVersions {
        /// The number of versions.
        number "number": Bounded<1, { i64::MAX }>,
        /// Whether layer versions are pruned too.
        include_layers "includeLayers": Option<bool>,
    }
}

object! {
    /// X-Ray tracing.
    pub struct TracingConfig {
        /// Of the REST API.
        api_gateway "apiGateway": Option<bool>,
        /// Of the functions.
        lambda "lambda": Option<Tracing>,
    }
}

/// As serverless-plugin-tracing has it.
impl Short for TracingConfig {
    const SHORT: &'static str = "`true`, `Active` or `PassThrough`";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("lambda", node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        matches!(node.data, Data::Bool(_) | Data::String(_) | Data::Deferred(_))
    }

    fn short_schema(_: &mut Schemas) -> Value {
        json!({"enum": [true, false, "Active", "PassThrough"]})
    }
}

object! {
    /// The WebSocket API.
    pub struct WebsocketSettings {
        /// Whether it gets `provider.tags`.
        use_provider_tags "useProviderTags": Option<bool>,
    }
}

object! {
    /// Application load balancers.
    pub struct AlbSettings {
        /// What the names of target groups begin with, up to 16 characters.
        target_group_prefix "targetGroupPrefix": Option<String>,
        /// Authorizers by name.
        authorizers "authorizers": IndexMap<String, AlbAuthorizer>,
    }
}

object! {
    /// An OIDC or Cognito authorizer of a load balancer.
    pub struct AlbAuthorizer {
        /// `oidc` or `cognito`.
        kind "type": AlbAuthorizerKind,
        /// OIDC: the authorization endpoint.
        authorization_endpoint "authorizationEndpoint": Option<String>,
        /// OIDC: the client id.
        client_id "clientId": Option<String>,
        /// OIDC: the client secret.
        client_secret "clientSecret": Option<Cf>,
        /// OIDC: the issuer.
        issuer "issuer": Option<String>,
        /// OIDC: the token endpoint.
        token_endpoint "tokenEndpoint": Option<String>,
        /// OIDC: the endpoint of user information.
        user_info_endpoint "userInfoEndpoint": Option<String>,
        /// Cognito: the user pool.
        user_pool_arn "userPoolArn": Option<Cf>,
        /// Cognito: the client id.
        user_pool_client_id "userPoolClientId": Option<Cf>,
        /// Cognito: the domain prefix or custom domain.
        user_pool_domain "userPoolDomain": Option<Cf>,
        /// What happens to callers who are not signed in.
        on_unauthenticated_request "onUnauthenticatedRequest": Option<OnUnauthenticated>,
        /// Further query parameters for the authorization endpoint.
        request_extra_params "requestExtraParams": IndexMap<String, String>,
        /// The scope.
        scope "scope": Option<String>,
        /// The name of the session's cookie.
        session_cookie_name "sessionCookieName": Option<String>,
        /// Seconds that a session lasts.
        session_timeout "sessionTimeout": Option<Bounded<0, { i64::MAX }>>,
    }
}

keywords! {
    /// The kind of a load balancer's authorizer.
    pub enum AlbAuthorizerKind {
        Oidc = "oidc",
        Cognito = "cognito",
    }
}

keywords! {
    /// What a load balancer does with callers who are not signed in.
    pub enum OnUnauthenticated {
        Allow = "allow",
        Authenticate = "authenticate",
        Deny = "deny",
    }
}

object! {
    /// Logs of APIs and functions.
    pub struct Logs {
        /// Of the REST API.
        rest_api "restApi": Option<Toggle<ApiLogs>>,
        /// Of the WebSocket API.
        websocket "websocket": Option<Toggle<ApiLogs>>,
        /// Of the HTTP API.
        http_api "httpApi": Option<Toggle<HttpApiLogs>>,
        /// Of the functions.
        lambda "lambda": Option<LambdaLogs>,
    }
    ignored {
        "frameworkLambda": "hoist needs no helper functions, so there are no logs of theirs"
    }
}

object! {
    /// Access and execution logs of an API.
    pub struct ApiLogs {
        /// Whether requests are logged.
        access_logging "accessLogging" = true: Option<bool>,
        /// Whether the execution of requests is logged.
        execution_logging "executionLogging" = true: Option<bool>,
        /// The form of an access log record.
        format "format": Option<String>,
        /// Whether request and response bodies are logged.
        full_execution_data "fullExecutionData": Option<bool>,
        /// The least level of execution logs.
        level "level" = "INFO": Option<ApiLogLevel>,
        /// The role that API Gateway logs with, for the whole account and region.
        role "role": Option<Cf>,
        /// Whether that role is left alone.
        role_managed_externally "roleManagedExternally" = false: Option<bool>,
    }
}

keywords! {
    /// The least level of execution logs.
    pub enum ApiLogLevel {
        Info = "INFO",
        Error = "ERROR",
    }
}

object! {
    /// Access logs of the HTTP API.
    pub struct HttpApiLogs {
        /// The form of a record.
        format "format": Option<String>,
    }
}

object! {
    /// Container images that the service builds.
    pub struct Ecr {
        /// Whether images are scanned when they are pushed.
        scan_on_push "scanOnPush" = false: Option<bool>,
        /// Images by name.
        images "images": IndexMap<String, Shorthand<EcrImage>>,
        /// How many images are kept.
        max_image_count "maxImageCount" | "maxImages": Option<Bounded<1, { i64::MAX }>>,
    }
    noted {
        "scanOnPush": "hoist pushes no images",
        "maxImageCount": "hoist pushes no images",
        "maxImages": "hoist pushes no images"
    }
}

object! {
    /// An image to build, or one that is there.
    pub struct EcrImage {
        /// An image that is there.
        uri "uri": Option<ImageUri>,
        /// The folder to build.
        path "path": Option<String>,
        /// The Dockerfile.
        file "file" = "Dockerfile": Option<String>,
        /// Arguments of the build.
        build_args "buildArgs": IndexMap<String, String>,
        /// Further options of `docker build`.
        build_options "buildOptions": Vec<String>,
        /// Images whose layers may be reused.
        cache_from "cacheFrom": Vec<String>,
        /// The platform: `linux/arm64`.
        platform "platform": Option<String>,
        /// What `docker build --provenance` gets.
        provenance "provenance": Option<String>,
    }
}

impl Short for EcrImage {
    const SHORT: &'static str = "an image URI";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        // The framework takes a bare string as the folder or the URI; a URI has a registry in front.
        // What only an account knows was made there.
        let key = if node.as_str().is_none_or(|text| text.contains(".dkr.ecr.")) { "uri" } else { "path" };
        Some(mapping_at(node, [(key, node.clone())]))
    }
}

object! {
    /// CloudFront.
    pub struct CloudFront {
        /// Cache policies by name, in CloudFormation's keys.
        cache_policies "cachePolicies": IndexMap<String, FreeMapping>,
    }
}

object! {
    /// Kinesis.
    pub struct Kinesis {
        /// `serviceSpecific` puts the service into the names of stream consumers.
        consumer_naming_mode "consumerNamingMode": Option<ConsumerNaming>,
    }
}

keywords! {
    /// How stream consumers are named.
    pub enum ConsumerNaming {
        ServiceSpecific = "serviceSpecific",
    }
}
