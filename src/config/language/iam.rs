//! `provider.iam`, `functions.<key>.iam`: roles that hoist makes, and roles that are there.

use super::super::decode::{Cf, alternatives, keywords, object};
use super::lambda::{Statement, Tags};
use super::names::{RoleName, RolePath};

object! {
    /// The roles of the service.
    pub struct Iam {
        /// The role of the functions: an existing one, or what a generated one is made of.
        role "role": Option<Role>,
        /// The role that hoist assumes for the deployment.
        deployment_role "deploymentRole": Option<Cf>,
    }
}

alternatives! {
    /// An existing role, or what a generated one is made of.
    pub enum Role {
        /// An ARN, a logical id or a CloudFormation function.
        Existing(Cf),
        Generated(Box<RoleConfig>),
    }
}

object! {
    /// What a generated role is made of.
    pub struct RoleConfig {
        /// The physical name. Default: `<service>-<stage>-<region>-lambdaRole`.
        name "name": Option<RoleName>,
        /// The path.
        path "path" = "/": Option<RolePath>,
        /// Statements beside those that the features need.
        statements "statements": Option<Vec<Statement>>,
        /// Managed policies by ARN.
        managed_policies "managedPolicies": Vec<Cf>,
        /// The most that the role may ever allow, by ARN.
        permissions_boundary "permissionsBoundary" | "permissionBoundary": Option<Cf>,
        /// Tags of the role.
        tags "tags": Tags,
        /// One role for all functions, or one each (v4).
        mode "mode" = "shared": Option<RoleMode>,
    }
}

keywords! {
    /// One role for all functions, or one each.
    pub enum RoleMode {
        Shared = "shared",
        PerFunction = "perFunction",
    }
}

object! {
    /// A function's own role, as v4 writes it.
    pub struct FunctionIam {
        /// Whether the provider's statements hold too.
        inherit_statements "inheritStatements": Option<bool>,
        /// The role: an existing one, or what a generated one is made of.
        role "role": Option<Role>,
    }
}
