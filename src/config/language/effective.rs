//! What holds for one function once the provider's defaults are merged under its own settings.

use indexmap::IndexMap;

use super::super::decode::{Cf, CfList, CfOr, Toggle};
use super::super::node::{Node, Place};
use super::events::Trigger;
use super::function::Function;
use super::iam::Role;
use super::lambda::{
    Architecture, EnvironmentVariable, Image, LambdaLogs, LogRetention, MemorySize, RuntimeManagement, SecretReference,
    Statement, Tracing, VpcConfig, VpcSetting,
};
use super::provider::Provider;
use super::service::Service;

/// The runtime of functions when neither they nor the provider name one.
pub const DEFAULT_RUNTIME: &str = "nodejs24.x";
/// Memory in MB when none is named.
pub const DEFAULT_MEMORY_SIZE: i64 = 1024;
/// Timeout in seconds when none is named.
pub const DEFAULT_TIMEOUT: i64 = 6;

/// Memory in MB of a function at the edge that names none: the most that those between viewer and cache may have
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html>).
pub const EDGE_MEMORY_SIZE: i64 = 128;
/// The same for its timeout, in seconds.
pub const EDGE_TIMEOUT: i64 = 5;

/// A function with the provider's defaults beneath it.
#[derive(Clone, Copy, Debug)]
pub struct EffectiveFunction<'a> {
    pub key: &'a str,
    pub function: &'a Function,
    pub service: &'a Service,
    pub stage: &'a str,
}

/// Subnets and security groups of a function; VPC only when both are there.
#[derive(Clone, Copy, Debug)]
pub struct EffectiveVpc<'a> {
    pub security_group_ids: Option<&'a CfList>,
    pub subnet_ids: Option<&'a CfList>,
    pub ipv6_allowed_for_dual_stack: Option<bool>,
}

impl<'a> EffectiveVpc<'a> {
    /// Both lists, when the function is attached to a VPC.
    pub fn attached(&self) -> Option<(&'a CfList, &'a CfList)> {
        match (self.security_group_ids, self.subnet_ids) {
            (Some(groups), Some(subnets)) if !groups.is_empty() && !subnets.is_empty() => Some((groups, subnets)),
            _ => None,
        }
    }
}

/// Where the role of a function comes from.
#[derive(Clone, Copy, Debug)]
pub enum RoleChoice<'a> {
    /// A role that is there.
    Existing(&'a Cf),
    /// A generated role of the function's own.
    Own,
    /// The generated role that functions share.
    Shared,
}

impl Service {
    /// Every function of CloudFront that is deployed, with its key, in the order of the file.
    pub fn edge_functions(&self) -> impl Iterator<Item = (&String, &Function)> {
        self.functions.iter().filter(|(_, function)| function.enabled != Some(false) && function.kind.is_some())
    }

    /// Every function of Lambda that is deployed, with the provider's defaults, in the order of the file.
    pub fn effective_functions<'a>(&'a self, stage: &'a str) -> impl Iterator<Item = EffectiveFunction<'a>> {
        self.functions
            .iter()
            .filter(|(_, function)| function.enabled != Some(false) && function.kind.is_none())
            .map(move |(key, function)| EffectiveFunction { key, function, service: self, stage })
    }

    /// One function by its key.
    pub fn effective_function<'a>(&'a self, key: &str, stage: &'a str) -> Option<EffectiveFunction<'a>> {
        self.functions.get_key_value(key).map(|(key, function)| EffectiveFunction {
            key,
            function,
            service: self,
            stage,
        })
    }
}

impl<'a> EffectiveFunction<'a> {
    fn provider(&self) -> &'a Provider {
        &self.service.provider
    }

    /// The physical name: `<service>-<stage>-<key>` unless the function has one of its own.
    pub fn name(&self) -> String {
        match &self.function.name {
            Some(name) => name.as_str().to_owned(),
            None => format!("{}-{}-{}", self.service.name(), self.stage, self.key),
        }
    }

    /// The runtime; `None` for a container image.
    pub fn runtime(&self) -> Option<&'a str> {
        if self.function.image.is_some() {
            return None;
        }
        let named = self.function.runtime.as_deref().or(self.provider().runtime.as_deref());
        Some(named.unwrap_or(DEFAULT_RUNTIME))
    }

    /// Where the runtime is named.
    pub fn runtime_place(&self) -> Place {
        if self.function.runtime.is_some() {
            self.function.place_of("runtime")
        } else {
            self.provider().place_of("runtime")
        }
    }

    /// Whether CloudFront calls it.
    pub fn is_at_edge(&self) -> bool {
        self.function.events.iter().any(|event| matches!(event.trigger, Trigger::CloudFront(_)))
    }

    /// Memory in MB; the default where only CloudFormation's functions give it.
    pub fn memory_size(&self) -> i64 {
        let default = if self.is_at_edge() { EDGE_MEMORY_SIZE } else { DEFAULT_MEMORY_SIZE };
        self.written_memory_size().and_then(CfOr::value).map_or(default, |size| size.get())
    }

    /// The memory as it is written. The provider's does not count at the edge, which has limits of its own.
    pub fn written_memory_size(&self) -> Option<&'a CfOr<MemorySize>> {
        let of_provider = self.provider().memory_size.as_ref().filter(|_| !self.is_at_edge());
        self.function.memory_size.as_ref().or(of_provider)
    }

    /// Timeout in seconds. The provider's does not count at the edge.
    pub fn timeout(&self) -> i64 {
        if self.is_at_edge() {
            return self.function.timeout.as_ref().map_or(EDGE_TIMEOUT, |timeout| timeout.get());
        }
        self.function.timeout.or(self.provider().timeout).map_or(DEFAULT_TIMEOUT, |timeout| timeout.get())
    }

    /// Whether the file names a timeout at all.
    pub fn has_timeout(&self) -> bool {
        self.function.timeout.is_some() || self.provider().timeout.is_some()
    }

    /// The processor, when the file names one.
    pub fn architecture(&self) -> Option<Architecture> {
        self.function.architecture.or(self.provider().architecture)
    }

    /// Environment variables: the provider's, with the function's over them, without those that are `null`.
    pub fn environment(&self) -> IndexMap<&'a str, &'a Cf> {
        self.environment_variables()
            .into_iter()
            .filter_map(|(name, variable)| variable.value.as_ref().map(|value| (name, value)))
            .collect()
    }

    /// As [`Self::environment`], with `null`s and places.
    pub fn environment_variables(&self) -> IndexMap<&'a str, &'a EnvironmentVariable> {
        let mut merged: IndexMap<&str, &EnvironmentVariable> =
            self.provider().environment.0.iter().map(|(name, variable)| (name.as_str(), variable)).collect();
        merged.extend(self.function.environment.0.iter().map(|(name, variable)| (name.as_str(), variable)));
        merged
    }

    /// Secrets: the provider's, with the function's over them; a plain variable of the function takes one away.
    pub fn secrets(&self) -> IndexMap<&'a str, &'a SecretReference> {
        let mut merged: IndexMap<&str, &SecretReference> = self
            .provider()
            .secrets
            .iter()
            .filter(|(name, _)| !self.function.environment.0.contains_key(*name))
            .map(|(name, secret)| (name.as_str(), secret))
            .collect();
        merged.extend(self.function.secrets.iter().map(|(name, secret)| (name.as_str(), secret)));
        merged
    }

    /// Tags: the provider's, with the function's over them.
    pub fn tags(&self) -> IndexMap<&'a str, &'a Cf> {
        let mut merged: IndexMap<&str, &Cf> =
            self.provider().tags.iter().map(|(key, value)| (key.as_str(), value)).collect();
        merged.extend(self.function.tags.iter().map(|(key, value)| (key.as_str(), value)));
        merged
    }

    /// Layers: the function's, else the provider's.
    pub fn layers(&self) -> &'a [Cf] {
        self.function.layers.as_deref().or(self.provider().layers.as_deref()).unwrap_or_default()
    }

    /// The VPC configuration, each list from the function or else the provider; `None` when there is none or the
    /// function opted out.
    pub fn vpc(&self) -> Option<EffectiveVpc<'a>> {
        let provider = self.provider().vpc.as_ref();
        let own: Option<&VpcConfig> = match &self.function.vpc {
            Some(VpcSetting::OptOut(_)) => return None,
            Some(VpcSetting::Config(config)) => Some(config),
            None => None,
        };
        if own.is_none() && provider.is_none() {
            return None;
        }
        fn pick<'b, T>(
            own: Option<&'b VpcConfig>,
            provider: Option<&'b VpcConfig>,
            field: impl Fn(&'b VpcConfig) -> Option<T>,
        ) -> Option<T> {
            own.and_then(&field).or_else(|| provider.and_then(&field))
        }
        Some(EffectiveVpc {
            security_group_ids: pick(own, provider, |vpc| vpc.security_group_ids.as_ref()),
            subnet_ids: pick(own, provider, |vpc| vpc.subnet_ids.as_ref()),
            ipv6_allowed_for_dual_stack: pick(own, provider, |vpc| vpc.ipv6_allowed_for_dual_stack),
        })
    }

    /// The KMS key of the environment: the function's, the provider's, or that of the old `service` object.
    pub fn kms_key_arn(&self) -> Option<&'a Cf> {
        self.function.kms_key_arn.as_ref().or(self.provider().kms_key_arn.as_ref()).or(self
            .service
            .service
            .aws_kms_key_arn
            .as_ref())
    }

    /// Days that logs are kept; `None` is for ever.
    pub fn log_retention_in_days(&self) -> Option<LogRetention> {
        let named = self.function.log_retention_in_days.or(self.provider().log_retention_in_days);
        named.or_else(|| self.service.plugin_log_retention())
    }

    /// What CloudWatch masks in the logs.
    pub fn log_data_protection_policy(&self) -> Option<&'a Node> {
        self.function.log_data_protection_policy.as_deref().or(self.provider().log_data_protection_policy.as_deref())
    }

    /// X-Ray tracing; `None` when nothing is said.
    pub fn tracing(&self) -> Option<Tracing> {
        self.function.tracing.or(self.provider().tracing.as_ref().and_then(|tracing| tracing.lambda))
    }

    /// When Lambda updates the runtime.
    pub fn runtime_management(&self) -> Option<&'a RuntimeManagement> {
        let management = self.function.runtime_management.as_ref().or(self.provider().runtime_management.as_ref());
        management.map(|management| &management.0)
    }

    /// Whether versions are published.
    pub fn version_function(&self) -> bool {
        self.function.version_function.or(self.provider().version_functions).unwrap_or(true)
    }

    /// How logs are written.
    pub fn logs(&self) -> Option<&'a LambdaLogs> {
        self.function.logs.as_ref().or(self.provider().logs.as_ref().and_then(|logs| logs.lambda.as_ref()))
    }

    /// The container image.
    pub fn image(&self) -> Option<&'a Image> {
        self.function.image.as_ref().map(|image| &image.0)
    }

    /// Where the role comes from.
    pub fn role(&self) -> RoleChoice<'a> {
        if let Some(role) = &self.function.role {
            return RoleChoice::Existing(role);
        }
        match self.function.iam.as_ref().and_then(|iam| iam.role.as_ref()) {
            Some(Role::Existing(role)) => return RoleChoice::Existing(role),
            Some(Role::Generated(_)) => return RoleChoice::Own,
            None => {}
        }
        if self.function.iam_role_statements.is_some() {
            return RoleChoice::Own;
        }
        match self.service.provider.existing_role() {
            Some(role) => RoleChoice::Existing(role),
            None if self.service.provider.roles_per_function() => RoleChoice::Own,
            None => RoleChoice::Shared,
        }
    }

    /// The statements of the function's own role, in either spelling.
    pub fn own_statements(&self) -> &'a [Statement] {
        if let Some(statements) = &self.function.iam_role_statements {
            return statements;
        }
        match self.function.iam.as_ref().and_then(|iam| iam.role.as_ref()) {
            Some(Role::Generated(role)) => role.statements.as_deref().unwrap_or_default(),
            _ => &[],
        }
    }

    /// Whether the function's own role also has the provider's statements; `default` is the plugin's
    /// `defaultInherit`.
    pub fn inherits_statements(&self, default: bool) -> bool {
        self.function
            .iam_role_statements_inherit
            .or(self.function.iam.as_ref().and_then(|iam| iam.inherit_statements))
            .unwrap_or(default)
    }
}

impl Provider {
    /// The role that is there for all functions, in either spelling.
    pub fn existing_role(&self) -> Option<&Cf> {
        match self.iam.as_ref().and_then(|iam| iam.role.as_ref()) {
            Some(Role::Existing(role)) => Some(role),
            Some(Role::Generated(_)) => None,
            None => self.role.as_ref(),
        }
    }

    /// What the generated role is made of, when the file says so in the newer spelling.
    pub fn role_config(&self) -> Option<&super::iam::RoleConfig> {
        match self.iam.as_ref().and_then(|iam| iam.role.as_ref()) {
            Some(Role::Generated(config)) => Some(config),
            _ => None,
        }
    }

    /// The user's statements of the generated role: `iam.role.statements`, else `iamRoleStatements`.
    pub fn role_statements(&self) -> &[Statement] {
        self.role_config()
            .and_then(|config| config.statements.as_deref())
            .or(self.iam_role_statements.as_deref())
            .unwrap_or_default()
    }

    /// The user's managed policies of the generated role, in either spelling.
    pub fn managed_policies(&self) -> &[Cf] {
        match self.role_config() {
            Some(config) if !config.managed_policies.is_empty() => &config.managed_policies,
            _ => &self.iam_managed_policies,
        }
    }

    /// The permissions boundary of the generated role, in either spelling.
    pub fn permissions_boundary(&self) -> Option<&Cf> {
        self.role_config()
            .and_then(|config| config.permissions_boundary.as_ref())
            .or(self.role_permissions_boundary.as_ref())
    }

    /// Whether every function gets a role of its own (v4's `iam.role.mode: perFunction`).
    pub fn roles_per_function(&self) -> bool {
        self.role_config().and_then(|config| config.mode) == Some(super::iam::RoleMode::PerFunction)
    }

    /// Whether `remove` refuses a stage. Without `stages`, all are protected.
    pub fn is_protected(&self, stage: &str) -> bool {
        match &self.deletion_protection {
            None | Some(Toggle::Off) => false,
            Some(protection) => protection.settings().is_none_or(|protection| {
                protection.stages.is_empty() || protection.stages.iter().any(|one| one.as_str() == stage)
            }),
        }
    }

    /// The role that hoist assumes for the deployment, in either spelling.
    pub fn deployment_role(&self) -> Option<&Cf> {
        self.iam.as_ref().and_then(|iam| iam.deployment_role.as_ref()).or(self.cfn_role.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::decode::sample;
    use super::super::decode_service;
    use super::*;

    fn service(yaml: &str) -> Service {
        let (service, diagnostics) = decode_service(&sample::node(yaml));
        assert_eq!(sample::messages(&diagnostics), Vec::<&str>::new());
        service.expect("the sample is a service")
    }

    #[test]
    fn merges_the_provider_under_the_function() {
        let service = service(
            r"
service: shop
provider:
  name: aws
  memorySize: 512
  environment: {A: provider, B: provider, C: provider}
  tags: {team: core, cost: low}
  layers: [arn:aws:lambda:eu-west-1:123456789012:layer:a:1]
  vpc: {securityGroupIds: [sg-1], subnetIds: [subnet-1]}
functions:
  api:
    handler: a.b
    timeout: 20
    environment: {A: own, B: null}
    tags: {cost: high}
    vpc: {subnetIds: [subnet-2]}
  out:
    name: named
    handler: a.c
    layers: []
    vpc: null
",
        );
        let api = service.effective_function("api", "dev").expect("api");
        assert_eq!(api.name(), "shop-dev-api");
        assert_eq!((api.memory_size(), api.timeout(), api.runtime()), (512, 20, Some(DEFAULT_RUNTIME)));
        let environment: Vec<_> =
            api.environment().into_iter().map(|(name, value)| (name, value.to_text().unwrap_or_default())).collect();
        assert_eq!(environment, [("A", "own".to_owned()), ("C", "provider".to_owned())]);
        let tags: Vec<_> = api.tags().into_iter().filter_map(|(key, value)| Some((key, value.as_str()?))).collect();
        assert_eq!(tags, [("team", "core"), ("cost", "high")]);
        assert_eq!(api.layers().len(), 1);
        let vpc = api.vpc().and_then(|vpc| vpc.attached()).expect("attached");
        let CfList::Items(subnets) = vpc.1 else { panic!("a list") };
        assert_eq!(subnets[0].as_str(), Some("subnet-2"));

        let out = service.effective_function("out", "dev").expect("out");
        assert_eq!(out.name(), "named");
        assert!(out.vpc().is_none());
        assert!(out.layers().is_empty());
        assert_eq!(out.timeout(), DEFAULT_TIMEOUT);
    }

    #[test]
    fn tracing_alone_is_that_of_the_functions() {
        let service = service(
            "service: shop\nprovider: {name: aws, tracing: true}\nfunctions: {a: {handler: a.b}, b: {handler: a.b, tracing: PassThrough}}\n",
        );
        let tracing = |key: &str| service.effective_function(key, "dev").and_then(|function| function.tracing());
        assert_eq!((tracing("a"), tracing("b")), (Some(Tracing::Active), Some(Tracing::PassThrough)));
    }

    #[test]
    fn finds_the_role_in_every_spelling() {
        let service = service(
            r"
service: shop
provider:
  name: aws
  iamRoleStatements:
    - {Effect: Allow, Action: 's3:*', Resource: '*'}
  iamManagedPolicies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
functions:
  shared: {handler: a.b}
  own: {handler: a.b, iamRoleStatements: [{Effect: Allow, Action: 'sqs:*', Resource: '*'}]}
  v4: {handler: a.b, iam: {role: {statements: []}}}
  existing: {handler: a.b, role: arn:aws:iam::123456789012:role/x}
",
        );
        let role = |key: &str| service.effective_function(key, "dev").map(|function| function.role());
        assert!(matches!(role("shared"), Some(RoleChoice::Shared)));
        assert!(matches!(role("own"), Some(RoleChoice::Own)));
        assert!(matches!(role("v4"), Some(RoleChoice::Own)));
        assert!(matches!(role("existing"), Some(RoleChoice::Existing(_))));
        assert_eq!(service.provider.role_statements().len(), 1);
        assert_eq!(service.provider.managed_policies().len(), 1);
    }
}
