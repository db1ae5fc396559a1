//! Plugins that act around a deployment: pruning, static files, shell hooks.

use indexmap::IndexMap;

use super::PluginSettings;
use crate::config::decode::{Bounded, Cf, alternatives, object};
use crate::config::node::Node;

object! {
    /// How many versions are kept.
    pub struct Prune {
        /// Whether old versions are deleted after each deploy.
        automatic "automatic": Option<bool>,
        /// How many are kept.
        number "number": Option<Bounded<0, { i64::MAX }>>,
        /// Whether layer versions are deleted, too.
        include_layers "includeLayers": Option<bool>,
    }
}

impl PluginSettings for Prune {
    const PLUGIN: &'static str = "serverless-prune-plugin";
    const KEY: &'static str = "prune";
}

alternatives! {
    /// Folders that are copied to buckets: a list, or settings with one.
    pub enum S3Sync {
        Buckets(Vec<SyncedBucket>),
        Settings(S3SyncSettings),
    }
}

impl PluginSettings for S3Sync {
    const PLUGIN: &'static str = "serverless-s3-sync";
    const KEY: &'static str = "s3Sync";
}

object! {
    /// Folders that are copied to buckets.
    pub struct S3SyncSettings {
        /// The folders and their buckets.
        buckets "buckets": Vec<SyncedBucket>,
        /// The address of S3.
        endpoint "endpoint": Option<String>,
        /// Whether files are copied after a deploy.
        no_sync "noSync": Option<bool>,
        /// Hooks that copy files.
        hooks "hooks": Vec<String>,
    }
}

object! {
    /// A folder that is copied to a bucket.
    pub struct SyncedBucket {
        /// The bucket.
        bucket_name "bucketName": Option<Cf>,
        /// The output of the stack that names the bucket.
        bucket_name_key "bucketNameKey": Option<String>,
        /// The folder.
        local_dir "localDir": String,
        /// What keys begin with.
        bucket_prefix "bucketPrefix": Option<String>,
        /// Whether objects without a file are deleted.
        delete_removed "deleteRemoved" = true: Option<bool>,
        /// Who may read.
        acl "acl": Option<String>,
        /// Whether links are followed.
        follow_symlinks "followSymlinks": Option<bool>,
        /// The type of files without one.
        default_content_type "defaultContentType": Option<String>,
        /// Headers by pattern.
        params "params": Option<Node>,
        /// Tags of the bucket.
        bucket_tags "bucketTags": IndexMap<String, String>,
        /// Whether the folder is copied.
        enabled "enabled" = true: Option<bool>,
        /// A command that runs before.
        pre_command "preCommand": Option<String>,
        /// Only files of these endings.
        only_for_env "onlyForEnv": Option<String>,
        /// Only for these stages.
        only_for_stage "onlyForStage": Option<Node>,
    }
}

object! {
    /// Shell commands at steps of a deployment.
    pub struct Scripts {
        /// Commands by step.
        hooks "hooks": IndexMap<String, Node>,
        /// Commands of their own.
        commands "commands": IndexMap<String, Node>,
    }
}

impl PluginSettings for Scripts {
    const PLUGIN: &'static str = "serverless-plugin-scripts";
    const KEY: &'static str = "scripts";
}
