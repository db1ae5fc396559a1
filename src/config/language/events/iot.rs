//! `iot` and `iotFleetProvisioning`: messages and new devices of AWS IoT.

use crate::config::decode::{Cf, keywords, object};
use crate::config::node::Node;

object! {
    /// Messages of AWS IoT that a query selects.
    pub struct Iot {
        /// The query.
        sql "sql": String,
        /// The version of the query's language.
        sql_version "sqlVersion": Option<SqlVersion>,
        /// The name of the rule.
        name "name": Option<String>,
        /// What it is for.
        description "description": Option<String>,
        /// Whether calls are made.
        enabled "enabled" = true: Option<bool>,
    }
}

keywords! {
    /// The version of the query's language.
    pub enum SqlVersion {
        V2015 = "2015-10-08",
        V2016 = "2016-03-23",
        Beta = "beta",
    }
}

object! {
    /// New devices: the function decides whether one is provisioned.
    pub struct IotFleetProvisioning {
        /// The provisioning template.
        template_body "templateBody": Node,
        /// The role that provisions.
        provisioning_role_arn "provisioningRoleArn": Cf,
        /// The name of the template.
        template_name "templateName": Option<String>,
        /// Whether the template is used.
        enabled "enabled" = true: Option<bool>,
    }
}
