//! Plugins that act around a deployment: domains, pruning, static files, shell hooks.

use indexmap::IndexMap;
use serde_json::Value;

use super::PluginSettings;
use crate::config::decode::{Bounded, Cf, Decode, Decoder, Schemas, alternatives, keywords, object};
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

keywords! {
    /// The API behind a domain.
    pub enum DomainApi [ignore_case] {
        Rest = "rest",
        Http = "http",
        Websocket = "websocket",
    }
}

object! {
    /// A custom domain of an API.
    pub struct CustomDomain {
        /// The domain.
        domain_name "domainName": Option<Cf>,
        /// The path beneath which the API is.
        base_path "basePath": Option<String>,
        /// The stage of the API.
        stage "stage": Option<String>,
        /// The certificate.
        certificate_arn "certificateArn": Option<Cf>,
        /// The certificate by its domain.
        certificate_name "certificateName": Option<String>,
        /// Whether Route 53 gets a record.
        create_route53_record "createRoute53Record" = true: Option<bool>,
        /// Whether it gets one for IPv6.
        create_route53_ipv6_record "createRoute53IPv6Record" = true: Option<bool>,
        /// Where the domain is reached.
        endpoint_type "endpointType" = "EDGE": Option<super::super::provider::EndpointType>,
        /// The API behind it.
        api_type "apiType" = "rest": Option<DomainApi>,
        /// The oldest TLS.
        security_policy "securityPolicy" = "TLS_1_2": Option<String>,
        /// The hosted zone.
        hosted_zone_id "hostedZoneId": Option<String>,
        /// Whether the hosted zone is private.
        hosted_zone_private "hostedZonePrivate": Option<bool>,
        /// Whether there are a public and a private zone.
        split_horizon_dns "splitHorizonDns": Option<bool>,
        /// Whether a deploy makes the domain.
        auto_domain "autoDomain": Option<bool>,
        /// Seconds to wait for it.
        auto_domain_wait_for "autoDomainWaitFor": Option<Bounded<0, { i64::MAX }>>,
        /// Whether a mapping is found by its path.
        allow_path_matching "allowPathMatching": Option<bool>,
        /// Whether mappings of others stay.
        preserve_external_path_mappings "preserveExternalPathMappings": Option<bool>,
        /// The trust store for mutual TLS.
        tls_truststore_uri "tlsTruststoreUri": Option<String>,
        /// Its version.
        tls_truststore_version "tlsTruststoreVersion": Option<String>,
        /// Settings of the record.
        route53_params "route53Params": Option<Node>,
        /// The profile for Route 53.
        route53_profile "route53Profile": Option<String>,
        /// The region for Route 53.
        route53_region "route53Region": Option<String>,
        /// Whether the domain is handled at all.
        enabled "enabled" = true: Option<bool>,
        /// Settings by API.
        rest "rest": Option<Box<CustomDomain>>,
        /// Settings by API.
        http "http": Option<Box<CustomDomain>>,
        /// Settings by API.
        websocket "websocket": Option<Box<CustomDomain>>,
        /// How the mode of access is checked.
        access_mode "accessMode": Option<String>,
        /// Tags of the domain.
        tags "tags": IndexMap<String, Cf>,
    }
}

impl PluginSettings for CustomDomain {
    const PLUGIN: &'static str = "serverless-domain-manager";
    const KEY: &'static str = "customDomain";
}

/// Several custom domains.
#[derive(Clone, Debug)]
pub struct CustomDomains(pub Vec<CustomDomain>);

impl Decode for CustomDomains {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        Vec::decode(node, cx).map(Self)
    }

    fn fits(node: &Node) -> bool {
        Vec::<CustomDomain>::fits(node)
    }

    fn expects() -> String {
        Vec::<CustomDomain>::expects()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        Vec::<CustomDomain>::schema(schemas)
    }
}

impl PluginSettings for CustomDomains {
    const PLUGIN: &'static str = "serverless-domain-manager";
    const KEY: &'static str = "customDomains";
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
