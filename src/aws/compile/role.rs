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
use crate::config::diagnostic::Diagnostic;
use crate::config::language::Service;
use crate::config::language::function::Function;
use crate::config::language::iam::{Role, RoleConfig, RoleMode};
use crate::config::language::lambda::{Statement, VpcSetting};
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
    pub(super) fn of(service: &Service, key: &str, function: &Function) -> Self {
        let own = naming::of_function(key, naming::SHARED_ROLE);
        if let Some(role) = &function.role {
            return Self::existing(role);
        }
        match function.iam.as_ref().and_then(|iam| iam.role.as_ref()) {
            Some(Role::Existing(role)) => return Self::existing(role),
            Some(Role::Generated(_)) => return Self::Generated(own),
            None => {}
        }
        if function.iam_role_statements.as_ref().is_some_and(|statements| !statements.is_empty()) {
            return Self::Generated(own);
        }
        match provider_role(service) {
            Some(Role::Existing(role)) => Self::existing(role),
            Some(Role::Generated(config)) if config.mode == Some(RoleMode::PerFunction) => Self::Generated(own),
            _ => match &service.provider.role {
                Some(role) => Self::existing(role),
                None => Self::Generated(naming::SHARED_ROLE.to_owned()),
            },
        }
    }

    fn existing(role: &Cf) -> Self {
        match (role.as_str(), role.intrinsic()) {
            _ if role.is_deferred() => Self::Existing { arn: role.into(), after: None },
            (Some(naming::SHARED_ROLE), _) => Self::Generated(naming::SHARED_ROLE.to_owned()),
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

fn provider_role(service: &Service) -> Option<&Role> {
    service.provider.iam.as_ref()?.role.as_ref()
}

fn provider_config(service: &Service) -> Option<&RoleConfig> {
    match provider_role(service) {
        Some(Role::Generated(config)) => Some(config),
        _ => None,
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
        let role = role(plan, &functions, own, wishes, output);
        output.add(logical_id, role);
    }
}

fn role(
    plan: &Plan,
    functions: &[&FunctionPlan],
    own: Option<&FunctionPlan>,
    wishes: Wishes,
    output: &mut Output,
) -> TemplateResource {
    let provider = &plan.service.provider;
    let shared = provider_config(plan.service);
    let config = match own.and_then(|one| one.function.iam.as_ref()).and_then(|iam| iam.role.as_ref()) {
        Some(Role::Generated(config)) => Some(config.as_ref()),
        _ => None,
    };

    let mut statements = log_statements(plan, functions, own);
    statements.extend(user_statements(plan, own, config));
    for (actions, resources) in wishes.grants {
        statements.push(allow(actions, resources));
    }

    let mut managed: Vec<Value> = match config.filter(|config| !config.managed_policies.is_empty()).or(shared) {
        Some(config) if !config.managed_policies.is_empty() => {
            config.managed_policies.iter().map(Value::from).collect()
        }
        _ => provider.iam_managed_policies.iter().map(Value::from).collect(),
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
        .or(shared.and_then(|config| config.permissions_boundary.as_ref()))
        .or(provider.role_permissions_boundary.as_ref());
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
        .with("RoleName", role_name(plan, own, config, output))
        .list("ManagedPolicyArns", managed)
        .maybe("PermissionsBoundary", boundary)
        .list("Tags", tags.map(super::functions::tag_list).unwrap_or_default());
    TemplateResource::new("AWS::IAM::Role", properties.into())
}

/// The role's name. One that is known and longer than the 64 characters of IAM is an error before any call.
fn role_name(plan: &Plan, own: Option<&FunctionPlan>, config: Option<&RoleConfig>, output: &mut Output) -> Value {
    let given = match own {
        Some(one) => one
            .function
            .iam_role_statements_name
            .as_deref()
            .or(config.and_then(|config| config.name.as_ref()).map(|name| name.as_str())),
        None => provider_config(plan.service).and_then(|config| config.name.as_ref()).map(|name| name.as_str()),
    };
    if let Some(name) = given {
        return name.into();
    }
    let (name, place) = match own {
        Some(one) => (plan.names.function_role(one.key), plan.service.functions.key_place(one.key)),
        None => (plan.names.role(), Some(plan.service.service.place_of("name"))),
    };
    if name.chars().count() > 64 {
        let message = format!("the role would be called `{name}`, which is longer than the 64 characters of IAM");
        let key = if own.is_some() { "iamRoleStatementsName" } else { "provider.iam.role.name" };
        let mut problem = Diagnostic::error("name-too-long", message).help(format!("name the role with `{key}`"));
        problem.place = place;
        output.problem(problem);
    }
    let mut parts: Vec<Value> = vec![plan.names.service.as_str().into(), plan.names.stage.as_str().into()];
    parts.extend(own.map(|one| one.key.into()));
    parts.extend([tree::reference("AWS::Region"), "lambdaRole".into()]);
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
fn user_statements(plan: &Plan, own: Option<&FunctionPlan>, config: Option<&RoleConfig>) -> Vec<Value> {
    let provider = &plan.service.provider;
    let empty = Vec::new();
    let shared: &Vec<Statement> = provider_config(plan.service)
        .and_then(|config| config.statements.as_ref())
        .or(provider.iam_role_statements.as_ref())
        .unwrap_or(&empty);
    let Some(one) = own else { return to_values(shared) };
    let mut statements = Vec::new();
    if inherits(plan.service, one.function) {
        statements.extend(to_values(shared));
    }
    statements
        .extend(config.and_then(|config| config.statements.as_ref()).map(|own| to_values(own)).unwrap_or_default());
    statements.extend(one.function.iam_role_statements.as_ref().map(|own| to_values(own)).unwrap_or_default());
    statements
}

/// Whether a function's own role also has the provider's statements. Where roles are per function for the whole
/// service, the provider's statements are meant for all of them.
fn inherits(service: &Service, function: &Function) -> bool {
    let default = || {
        service
            .custom
            .as_ref()
            .and_then(|custom| custom.get("serverless-iam-roles-per-function"))
            .and_then(|plugin| plugin.get("defaultInherit"))
            .is_some_and(|flag| flag.data == Data::Bool(true))
    };
    function
        .iam_role_statements_inherit
        .or(function.iam.as_ref().and_then(|iam| iam.inherit_statements))
        .unwrap_or_else(|| {
            default() || provider_config(service).is_some_and(|config| config.mode == Some(RoleMode::PerFunction))
        })
}

fn to_values(statements: &[Statement]) -> Vec<Value> {
    statements.iter().map(|statement| tree::from_node(&statement.0)).collect()
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
