//! serverless-iam-roles-per-function.

use super::PluginSettings;
use crate::config::decode::{Cf, object};

object! {
    /// Roles of functions that have statements of their own.
    pub struct RolesPerFunction {
        /// Whether they also have the provider's statements.
        default_inherit "defaultInherit" = false: Option<bool>,
        /// The permissions boundary of all of them.
        iam_global_permissions_boundary "iamGlobalPermissionsBoundary": Option<Cf>,
    }
}

impl PluginSettings for RolesPerFunction {
    const PLUGIN: &'static str = "serverless-iam-roles-per-function";
    const KEY: &'static str = "serverless-iam-roles-per-function";
}
