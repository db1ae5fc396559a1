//! What provider and functions have in common: environment, VPC, tracing, layers, secrets, retention.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::decode::{
    Bounded, Cf, CfList, Decode, Decoder, Schemas, Short, keywords, mapping_at, object, shown, text,
};
use super::super::node::{Data, Node, Place};

/// Memory of a function in MB: 128 to 10,240; up to 32,768 on capacity providers.
pub type MemorySize = Bounded<128, 32768>;

/// Timeout of a function in seconds: 1 to 900.
pub type Timeout = Bounded<1, 900>;

keywords! {
    /// The processor that a function runs on.
    pub enum Architecture {
        X86_64 = "x86_64",
        Arm64 = "arm64",
    }
}

keywords! {
    /// X-Ray tracing of a function; `true` is `Active`.
    pub enum Tracing {
        Active = "Active" | "true",
        PassThrough = "PassThrough",
        Off = "false",
    }
}

keywords! {
    /// When Lambda moves a function to a new patch version of its runtime.
    pub enum RuntimeUpdates {
        Auto = "auto",
        OnFunctionUpdate = "onFunctionUpdate",
        Manual = "manual",
    }
}

object! {
    /// How Lambda updates the runtime beneath a function.
    pub struct RuntimeManagement {
        /// `auto`, `onFunctionUpdate` or `manual`.
        mode "mode" = "auto": RuntimeUpdates,
        /// The runtime version to stay on, with `manual`.
        arn "arn": Option<Cf>,
    }
}

impl Short for RuntimeManagement {
    const SHORT: &'static str = "`auto` or `onFunctionUpdate`";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("mode", node.clone())]))
    }

    fn short_schema(_: &mut Schemas) -> Value {
        json!({"enum": ["auto", "onFunctionUpdate"]})
    }
}

object! {
    /// Subnets and security groups that functions are attached to. Both lists are needed.
    pub struct VpcConfig {
        /// Up to 5 security groups.
        security_group_ids "securityGroupIds": Option<CfList>,
        /// Up to 16 subnets.
        subnet_ids "subnetIds": Option<CfList>,
        /// Whether outbound IPv6 is allowed in dual-stack subnets.
        ipv6_allowed_for_dual_stack "ipv6AllowedForDualStack": Option<bool>,
    }
}

/// A function's `vpc`: its own configuration, or `null`/`false` to stay out of the provider's.
#[derive(Clone, Debug)]
pub enum VpcSetting {
    OptOut(Place),
    Config(Box<VpcConfig>),
}

impl Decode for VpcSetting {
    const KEEPS_NULL: bool = true;

    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        match &node.data {
            Data::Null | Data::Bool(false) => Some(Self::OptOut(node.place)),
            _ => VpcConfig::decode(node, cx).map(|config| Self::Config(Box::new(config))),
        }
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::Null | Data::Bool(false)) || VpcConfig::fits(node)
    }

    fn expects() -> String {
        format!("{}, or `false`", VpcConfig::expects())
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let config = VpcConfig::schema(schemas);
        json!({"anyOf": [config, {"const": false}, {"type": "null"}]})
    }
}

/// One variable of an environment.
#[derive(Clone, Debug)]
pub struct EnvironmentVariable {
    /// `None` (written `null`) takes away what the provider sets.
    pub value: Option<Cf>,
    /// Where the name stands.
    pub key_place: Place,
}

/// Environment variables by name.
#[derive(Clone, Debug, Default)]
pub struct Environment(pub IndexMap<String, EnvironmentVariable>);

impl Decode for Environment {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let map = cx.mapping(node, Self::expects)?;
        let mut variables = IndexMap::with_capacity(map.len());
        for (name, entry) in map {
            cx.within(name, |cx| {
                if !name.chars().all(is_of_a_name) {
                    let at_key = Node::new(Data::Null, entry.key_place);
                    let diagnostic = cx
                        .error("bad-format", &at_key, "is not a name that Lambda accepts for an environment variable")
                        .help(VARIABLE_NAMES);
                    cx.report(diagnostic);
                }
                let value = match &entry.value.data {
                    Data::Null => Some(None),
                    _ => Cf::decode(&entry.value, cx).map(Some),
                };
                if let Some(value) = value {
                    variables.insert(name.clone(), EnvironmentVariable { value, key_place: entry.key_place });
                }
            });
        }
        Some(Self(variables))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::Map(_))
    }

    fn expects() -> String {
        "a mapping of environment variables".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.named("Environment", |schemas| {
            let value = Cf::schema(schemas);
            json!({
                "type": "object",
                "description": "Environment variables. `null` takes away what the provider sets.",
                "patternProperties": {"^[A-Za-z][a-zA-Z0-9_]+$": {"anyOf": [value, {"type": "null"}]}},
                "additionalProperties": false
            })
        })
    }
}

/// What Lambda takes: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.
pub const VARIABLE_NAMES: &str = "use letters, digits and underscores, at least two of them, beginning with a letter";

/// Whether Lambda takes a name for an environment variable.
pub fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.len() > 1 && name.chars().all(is_of_a_name)
}

/// Whether a letter may stand in such a name.
pub fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Tags by key.
pub type Tags = IndexMap<String, Cf>;

/// Where a secret lies: what `secrets: {NAME: …}` names. The value is read at deploy.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretReference {
    pub source: SecretSource,
    pub place: Place,
}

/// The store that a secret comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretSource {
    /// `ssm:/path`: a parameter of the Systems Manager.
    Ssm { name: String },
    /// `secretsmanager:id[:json-key]`: a secret, or one key of a secret that holds a JSON object.
    SecretsManager { id: String, json_key: Option<String> },
}

impl Decode for SecretReference {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let Some(text) = node.as_str() else {
            cx.wrong_type(node, &Self::expects());
            return None;
        };
        if let Some(source) = SecretSource::parse(text) {
            return Some(Self { source, place: node.place });
        }
        let diagnostic = cx
            .error("bad-format", node, format!("{} does not say where the secret lies", shown(node)))
            .help("write `ssm:/path/of/parameter` or `secretsmanager:id`, with `:key` behind it for one key of a JSON secret");
        cx.report(diagnostic);
        None
    }

    fn fits(node: &Node) -> bool {
        node.as_str().is_some()
    }

    fn expects() -> String {
        "the place of a secret (`ssm:/path` or `secretsmanager:id[:json-key]`)".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "string", "pattern": "^(ssm:.+|secretsmanager:.+)$"})
    }
}

impl SecretSource {
    /// Reads `ssm:/path`, `secretsmanager:id`, `secretsmanager:id:key`; ARNs may stand for the id.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("ssm:") {
            return (!name.is_empty()).then(|| Self::Ssm { name: name.to_owned() });
        }
        let rest = text.strip_prefix("secretsmanager:")?;
        // An ARN has seven parts of its own: arn:aws:secretsmanager:region:account:secret:name.
        let own_colons = if rest.starts_with("arn:") { 6 } else { 0 };
        let split = rest.match_indices(':').nth(own_colons).map(|(at, _)| at);
        let (id, key) = match split {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        if id.is_empty() || key == Some("") {
            return None;
        }
        Some(Self::SecretsManager { id: id.to_owned(), json_key: key.map(str::to_owned) })
    }
}

/// Secrets by the name of their environment variable.
pub type Secrets = IndexMap<String, SecretReference>;

/// How many days CloudWatch keeps logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRetention(pub i64);

/// The retentions that CloudWatch Logs has: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>.
const RETENTIONS: [i64; 23] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, 3654];

impl Decode for LogRetention {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let days = i64::decode(node, cx)?;
        if !RETENTIONS.contains(&days) {
            let near = RETENTIONS.iter().min_by_key(|known| (*known - days).abs()).copied().unwrap_or(30);
            let diagnostic = cx
                .error("unknown-value", node, format!("{days} days is not a retention that CloudWatch Logs has"))
                .help(format!("the nearest is {near}"));
            cx.report(diagnostic);
        }
        Some(Self(days))
    }

    fn fits(node: &Node) -> bool {
        i64::fits(node)
    }

    fn expects() -> String {
        "a number of days".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"enum": RETENTIONS})
    }
}

object! {
    /// How Lambda writes a function's logs.
    pub struct LambdaLogs {
        /// `Text` or `JSON`.
        log_format "logFormat" = "Text": Option<LogFormat>,
        /// The least level of the function's own records that is kept. Needs `JSON`.
        application_log_level "applicationLogLevel": Option<ApplicationLogLevel>,
        /// The least level of Lambda's records that is kept. Needs `JSON`.
        system_log_level "systemLogLevel": Option<SystemLogLevel>,
        /// A log group of your own instead of `/aws/lambda/<function>`.
        log_group "logGroup": Option<super::names::LogGroupName>,
    }
}

keywords! {
    /// The form of a function's log records.
    pub enum LogFormat {
        Text = "Text",
        Json = "JSON",
    }
}

keywords! {
    /// The least level of a function's own log records.
    pub enum ApplicationLogLevel {
        Trace = "TRACE",
        Debug = "DEBUG",
        Info = "INFO",
        Warn = "WARN",
        Error = "ERROR",
        Fatal = "FATAL",
    }
}

keywords! {
    /// The least level of Lambda's own log records.
    pub enum SystemLogLevel {
        Debug = "DEBUG",
        Info = "INFO",
        Warn = "WARN",
    }
}

/// A statement of an IAM policy, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement(pub Node);

/// The keys of an IAM statement: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>.
const STATEMENT_KEYS: [&str; 9] =
    ["Sid", "Effect", "Action", "NotAction", "Principal", "NotPrincipal", "Resource", "NotResource", "Condition"];

impl Decode for Statement {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let map = cx.mapping(node, Self::expects)?;
        if super::super::decode::intrinsic(node).is_some() {
            return Some(Self(node.clone()));
        }
        for (key, entry) in map {
            if !STATEMENT_KEYS.contains(&key.as_str()) {
                cx.unknown_key(key, &Node::new(Data::Null, entry.key_place), &STATEMENT_KEYS);
            }
        }
        let mut need = |keys: &[&str]| {
            if !keys.iter().any(|key| map.contains_key(*key)) {
                let diagnostic = cx.error("missing-key", node, format!("the statement has no `{}`", keys[0]));
                cx.report(diagnostic);
            }
        };
        need(&["Effect"]);
        need(&["Action", "NotAction"]);
        need(&["Resource", "NotResource"]);
        if let Some(effect) = map.get("Effect")
            && effect.value.as_str().is_some_and(|effect| effect != "Allow" && effect != "Deny")
        {
            cx.within("Effect", |cx| cx.keyword(&effect.value, &[&["Allow"], &["Deny"]], false));
        }
        Some(Self(node.clone()))
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::Map(_))
    }

    fn expects() -> String {
        "an IAM statement (a mapping with `Effect`, `Action`, `Resource`)".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.named("Statement", |_| {
            let properties: serde_json::Map<String, Value> =
                STATEMENT_KEYS.iter().map(|key| ((*key).to_owned(), json!({}))).collect();
            let mut schema = json!({"type": "object", "description": "A statement of an IAM policy.",
                "properties": properties, "required": ["Effect"]});
            schema["properties"]["Effect"] = json!({"enum": ["Allow", "Deny"]});
            schema
        })
    }
}

text! {
    /// The URI of an image in a private registry of ECR: Lambda takes no other.
    pub struct ImageUri: "an image in ECR (`<account>.dkr.ecr.<region>.amazonaws.com/<name>:<tag>`)",
        pattern "^\\d{12}\\.dkr[.-]ecr[\\w-]*\\.[a-z0-9-]+\\.(amazonaws\\.com(\\.cn)?|on\\.[a-z.]+)/[^:@]+(:[^:@]+)?(@sha256:[0-9a-f]{64})?$"
}

object! {
    /// A container image of a function.
    pub struct Image {
        /// The key of an image in `provider.ecr.images`.
        name "name": Option<super::names::ImageName>,
        /// An image in ECR, with `@sha256:…` or with a tag that is resolved to its digest.
        uri "uri": Option<ImageUri>,
        /// Overrides the image's `CMD`.
        command "command": Vec<String>,
        /// Overrides the image's `ENTRYPOINT`.
        entry_point "entryPoint": Vec<String>,
        /// Overrides the image's `WORKDIR`.
        working_directory "workingDirectory": Option<String>,
    }
}

impl Short for Image {
    const SHORT: &'static str = "the name of an image in `provider.ecr.images` or an image URI";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        // What only an account knows is a URI: names are those of the file.
        let is_uri = node.as_str().is_none_or(|text| text.contains(['/', '@', ':']));
        Some(mapping_at(node, [(if is_uri { "uri" } else { "name" }, node.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_effect_action_and_resource() {
        use super::super::super::decode::sample;
        let mut cx = Decoder::new();
        Statement::decode(&sample::node("{Effect: Alow, Actoin: 's3:*', Condition: {}}"), &mut cx);
        Statement::decode(&sample::node("{Effect: Allow, NotAction: 's3:*', NotResource: '*'}"), &mut cx);
        insta::assert_snapshot!(sample::summary(&cx.into_diagnostics()), @r"
        1:16 error[unknown-key] Actoin: unknown key
        1:1 error[missing-key] the statement has no `Action`
        1:1 error[missing-key] the statement has no `Resource`
        1:10 error[unknown-value] Effect: `Alow` is not one of `Allow`, `Deny`
        ");
    }

    #[test]
    fn reads_the_places_of_secrets() {
        assert_eq!(SecretSource::parse("ssm:/a/b"), Some(SecretSource::Ssm { name: "/a/b".into() }));
        assert_eq!(
            SecretSource::parse("secretsmanager:db:password"),
            Some(SecretSource::SecretsManager { id: "db".into(), json_key: Some("password".into()) })
        );
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";
        assert_eq!(
            SecretSource::parse(&format!("secretsmanager:{arn}:user")),
            Some(SecretSource::SecretsManager { id: arn.into(), json_key: Some("user".into()) })
        );
        assert_eq!(
            SecretSource::parse(&format!("secretsmanager:{arn}")),
            Some(SecretSource::SecretsManager { id: arn.into(), json_key: None })
        );
        assert_eq!(SecretSource::parse("ssm:"), None);
        assert_eq!(SecretSource::parse("plain"), None);
    }
}
