//! Execution roles: the shared one, one per function, and those that are there already.
//!
//! A role's inline policies hold 10,240 characters in all
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>), so what features ask for is merged
//! into one statement per set of actions.

use indexmap::IndexMap;

use super::output::Output;
use super::plan::{FunctionPlan, Plan};
use super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::decode::Cf;
use crate::config::language::custom::roles::RolesPerFunction;
use crate::config::language::effective::{EffectiveFunction, RoleChoice};
use crate::config::language::iam::{Role, RoleConfig};
use crate::config::language::lambda::VpcSetting;
use crate::config::node::Data;
use crate::engine::value::Value;

/// The role that a function runs with.
#[derive(Clone, Debug, PartialEq)]
pub enum FunctionRole {
    /// One that hoist makes: its logical id.
    Generated(String),
    /// One that is there, or that the raw resources make: its ARN, and what it waits for.
    Existing { arn: Value, after: Option<String> },
}

impl FunctionRole {
    /// The role of a function: its own, else the provider's, else the shared one.
    pub(super) fn of(function: &EffectiveFunction) -> Self {
        match function.role() {
            RoleChoice::Existing(role) => Self::existing(role),
            RoleChoice::Own => Self::Generated(naming::of_function(function.key, naming::SHARED_ROLE)),
            RoleChoice::Shared => Self::shared(),
        }
    }

    /// The generated role that functions share.
    pub(super) fn shared() -> Self {
        Self::Generated(naming::SHARED_ROLE.to_owned())
    }

    fn existing(role: &Cf) -> Self {
        match (role.as_str(), role.intrinsic()) {
            _ if role.is_deferred() => Self::Existing { arn: role.into(), after: None },
            (Some(naming::SHARED_ROLE), _) => Self::shared(),
            (Some(text), _) if text.starts_with("arn:") => Self::Existing { arn: text.into(), after: None },
            (Some(logical_id), _) => {
                Self::Existing { arn: tree::attribute(logical_id, "Arn"), after: Some(logical_id.to_owned()) }
            }
            (None, Some(("Fn::GetAtt", argument))) => {
                let after = match &argument.data {
                    Data::List(items) => items.first().and_then(|item| item.as_str()).map(str::to_owned),
                    _ => None,
                };
                Self::Existing { arn: role.into(), after }
            }
            _ => Self::Existing { arn: role.into(), after: None },
        }
    }

    /// The role's ARN.
    pub fn arn(&self) -> Value {
        match self {
            Self::Generated(logical_id) => tree::attribute(logical_id, "Arn"),
            Self::Existing { arn, .. } => arn.clone(),
        }
    }

    /// The logical id of the role, where it is one of the file's.
    pub fn logical_id(&self) -> Option<&str> {
        match self {
            Self::Generated(logical_id) => Some(logical_id),
            Self::Existing { after, .. } => after.as_deref(),
        }
    }
}

/// What features ask of the roles that hoist makes.
#[derive(Debug, Default)]
pub struct Roles {
    generated: IndexMap<String, Wishes>,
}

#[derive(Debug, Default)]
struct Wishes {
    services: Vec<&'static str>,
    grants: IndexMap<&'static [&'static str], Vec<Value>>,
}

impl Roles {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut roles = Self::default();
        for function in &plan.functions {
            if let FunctionRole::Generated(logical_id) = &function.role {
                roles.generated.entry(logical_id.clone()).or_default();
            }
        }
        roles
    }

    /// Allows actions on resources; the same wish twice is one.
    pub(super) fn grant(
        &mut self,
        role: &FunctionRole,
        actions: &'static [&'static str],
        resources: impl IntoIterator<Item = Value>,
    ) {
        let FunctionRole::Generated(logical_id) = role else { return };
        let Some(wishes) = self.generated.get_mut(logical_id) else { return };
        let granted = wishes.grants.entry(actions).or_default();
        for resource in resources {
            if !granted.contains(&resource) {
                granted.push(resource);
            }
        }
    }

    /// Lets a service take the role, beside Lambda.
    pub(super) fn trust(&mut self, role: &FunctionRole, service: &'static str) {
        let FunctionRole::Generated(logical_id) = role else { return };
        if let Some(wishes) = self.generated.get_mut(logical_id)
            && !wishes.services.contains(&service)
        {
            wishes.services.push(service);
        }
    }
}

/// Writes every role that a function uses and hoist makes.
pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let roles = std::mem::take(&mut output.roles);
    for (logical_id, wishes) in roles.generated {
        let functions: Vec<&FunctionPlan> =
            plan.functions.iter().filter(|one| one.role == FunctionRole::Generated(logical_id.clone())).collect();
        let own = if logical_id == naming::SHARED_ROLE { None } else { functions.first().copied() };
        let role = role(plan, &functions, own, wishes);
        output.add(logical_id, role);
    }
}

fn role(plan: &Plan, functions: &[&FunctionPlan], own: Option<&FunctionPlan>, wishes: Wishes) -> TemplateResource {
    let provider = &plan.service.provider;
    let plugin = plan.service.settings::<RolesPerFunction>();
    let shared = provider.role_config();
    let config = match own.and_then(|one| one.function.iam.as_ref()).and_then(|iam| iam.role.as_ref()) {
        Some(Role::Generated(config)) => Some(config.as_ref()),
        _ => None,
    };
    let inherits = own.is_none_or(|one| inherits(one, plugin.as_ref()));

    let mut statements = log_statements(plan, functions, own);
    statements.extend(user_statements(plan, own, inherits));
    for (actions, resources) in wishes.grants {
        statements.push(allow(actions, resources));
    }

    let mut managed: Vec<Value> = match config.map(|config| &config.managed_policies) {
        Some(own) if !own.is_empty() => own.iter().map(Value::from).collect(),
        // As in the plugin, a function that has statements of its own has no policy that it does not name.
        _ if !inherits || own.is_some_and(|one| one.function.iam_role_statements.is_some()) => Vec::new(),
        _ => provider.managed_policies().iter().map(Value::from).collect(),
    };
    if provider.vpc.is_some() || functions.iter().any(|one| matches!(one.function.vpc, Some(VpcSetting::Config(_)))) {
        managed.push(tree::join(
            "",
            vec![
                "arn:".into(),
                tree::reference("AWS::Partition"),
                ":iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole".into(),
            ],
        ));
    }

    let boundary = own
        .and_then(|one| one.function.iam_permissions_boundary.as_ref())
        .or(config.and_then(|config| config.permissions_boundary.as_ref()))
        .or(plugin.as_ref().and_then(|plugin| plugin.iam_global_permissions_boundary.as_ref()))
        .or(provider.permissions_boundary());
    let path = config.or(shared).and_then(|config| config.path.as_ref()).map_or("/", |path| path.as_str());
    let tags = config.filter(|config| !config.tags.is_empty()).or(shared).map(|config| &config.tags);
    let trusted: Vec<Value> = std::iter::once("lambda.amazonaws.com").chain(wishes.services).map(Value::from).collect();

    let trust = Properties::new()
        .with("Effect", "Allow")
        .with("Principal", Properties::new().with("Service", Value::List(trusted)))
        .with("Action", vec!["sts:AssumeRole"]);
    let policy = Properties::new()
        .with(
            "PolicyName",
            tree::join(
                "-",
                vec![plan.names.service.as_str().into(), plan.names.stage.as_str().into(), "lambda".into()],
            ),
        )
        .with("PolicyDocument", document(statements));
    let properties = Properties::new()
        .with("AssumeRolePolicyDocument", document(vec![trust.into()]))
        .with("Policies", Value::List(vec![policy.into()]))
        .with("Path", path)
        .with("RoleName", role_name(plan, own, config))
        .list("ManagedPolicyArns", managed)
        .maybe("PermissionsBoundary", boundary)
        .list("Tags", tags.map(tree::tag_list).unwrap_or_default());
    TemplateResource::new("AWS::IAM::Role", properties.into())
}

/// The role's name; an own one that would be too long for IAM does without its last part, as in the plugin.
fn role_name(plan: &Plan, own: Option<&FunctionPlan>, config: Option<&RoleConfig>) -> Value {
    let own_name = own.and_then(|one| one.function.iam_role_statements_name.as_deref());
    let config = if own.is_some() { config } else { plan.service.provider.role_config() };
    let given = own_name.or(config.and_then(|config| config.name.as_ref()).map(|name| name.as_str()));
    if let Some(name) = given {
        return name.into();
    }
    let name = own.map_or_else(|| plan.names.role(), |one| plan.names.function_role(one.key));
    let mut parts: Vec<Value> = vec![plan.names.service.as_str().into(), plan.names.stage.as_str().into()];
    parts.extend(own.map(|one| one.key.into()));
    parts.push(tree::reference("AWS::Region"));
    parts.extend(name.ends_with(naming::ROLE_ENDING).then(|| naming::ROLE_ENDING.into()));
    tree::join("-", parts)
}

/// Streams may be made and written in the functions' own log groups. Functions with the service's prefix share one
/// entry; one that must not write is denied.
fn log_statements(plan: &Plan, functions: &[&FunctionPlan], own: Option<&FunctionPlan>) -> Vec<Value> {
    let prefix = plan.names.prefix();
    let mut groups = Vec::new();
    let mut silent = Vec::new();
    let mut shared_entry = false;
    for one in functions {
        let group = naming::log_group(&one.name);
        let custom = one.function.logs.as_ref().and_then(|logs| logs.log_group.as_ref());
        match (one.function.disable_logs == Some(true), custom) {
            (true, _) if one.name.starts_with(&prefix) => silent.push(log_group_arn(&format!("{group}:*"))),
            (true, _) => {}
            (false, Some(custom)) => groups.push(custom.as_str().to_owned()),
            (false, None) if one.name.starts_with(&prefix) && own.is_none() => shared_entry = true,
            (false, None) => groups.push(group),
        }
    }
    let provider_group = plan
        .service
        .provider
        .logs
        .as_ref()
        .and_then(|logs| logs.lambda.as_ref())
        .and_then(|logs| logs.log_group.as_ref());
    groups.extend(provider_group.map(|group| group.as_str().to_owned()));
    if shared_entry {
        groups.push(format!("{}*", naming::log_group(&prefix)));
    }
    groups.dedup();
    let mut statements = Vec::new();
    if !groups.is_empty() {
        let arns = |ending: &str| groups.iter().map(|group| log_group_arn(&format!("{group}{ending}"))).collect();
        statements.push(allow(&["logs:CreateLogStream", "logs:CreateLogGroup", "logs:TagResource"], arns(":*")));
        statements.push(allow(&["logs:PutLogEvents"], arns(":*:*")));
    }
    if !silent.is_empty() {
        statements.push(
            Properties::new()
                .with("Effect", "Deny")
                .with("Action", "logs:PutLogEvents")
                .with("Resource", Value::List(silent))
                .into(),
        );
    }
    statements
}

fn log_group_arn(group: &str) -> Value {
    tree::sub(format!("arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{group}"))
}

/// The statements that the file gives: for a role of the function's own, its own and, where it inherits, the
/// provider's.
fn user_statements(plan: &Plan, own: Option<&FunctionPlan>, inherits: bool) -> Vec<Value> {
    let shared = if inherits { plan.service.provider.role_statements() } else { &[] };
    let own = own.map_or(&[][..], |one| one.effective.own_statements());
    shared.iter().chain(own).map(|statement| tree::from_node(&statement.0)).collect()
}

/// Whether a function's own role also has the provider's statements. Where roles are per function for the whole
/// service, the provider's statements are meant for all of them.
fn inherits(one: &FunctionPlan, plugin: Option<&RolesPerFunction>) -> bool {
    let default = plugin.is_some_and(|plugin| plugin.default_inherit == Some(true))
        || one.effective.service.provider.roles_per_function();
    one.effective.inherits_statements(default)
}

fn allow(actions: &[&str], resources: Vec<Value>) -> Value {
    Properties::new()
        .with("Effect", "Allow")
        .with("Action", actions.to_vec())
        .with("Resource", Value::List(resources))
        .into()
}

fn document(statements: Vec<Value>) -> Value {
    Properties::new().with("Version", "2012-10-17").with("Statement", Value::List(statements)).into()
}
