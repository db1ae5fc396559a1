//! The top level of a `serverless.yml`.

use std::ops::Deref;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::decode::{
    Cf, Decode, Decoder, FreeMapping, Schemas, Short, Shorthand, alternatives, keywords, mapping_at, object,
};
use super::super::node::{Data, Entry, Node, Place};
use super::function::Function;
use super::hoist::Deploy;
use super::layer::Layer;
use super::names::ServiceName;
use super::package::Package;
use super::provider::Provider;
use super::stages::{DotenvFiles, StageSettings};

object! {
    /// A service: its functions, what calls them, and what they need.
    pub struct Service {
        /// The name of the service; part of every generated name.
        service "service": Shorthand<ServiceIdentity>,
        /// The cloud, the stage, and what all functions have in common.
        provider "provider": Shorthand<Provider>,
        /// Functions by key; a list of such mappings is merged.
        functions "functions": Functions,
        /// Layers by key.
        layers "layers": IndexMap<String, Layer>,
        /// What goes into zips.
        package "package": Option<Package>,
        /// CloudFormation resources, outputs and conditions; a list of such mappings is merged.
        resources "resources": Option<Node>,
        /// Free-form values, and the settings of plugins.
        custom "custom": Option<FreeMapping>,
        /// Plugins of the Serverless Framework: known ones are built in.
        plugins "plugins": Option<Plugins>,
        /// Values by stage, for `${param:…}`.
        params "params": IndexMap<String, FreeMapping>,
        /// Values and resolvers by stage, for `${param:…}` (v4).
        stages "stages": IndexMap<String, StageSettings>,
        /// Whether `.env` files are read: `true`, a path, or several.
        use_dotenv "useDotenv": Option<DotenvFiles>,
        /// Which versions of the framework the file is for: hoist reads those of all.
        framework_version "frameworkVersion": Option<String>,
        /// How hoist deploys the service.
        deploy "deploy": Option<Deploy>,
        /// How code is built (v4).
        build "build": Option<FreeMapping>,
        /// What a problem of the configuration is: an error, a warning, or nothing.
        config_validation_mode "configValidationMode" = "error": Option<ValidationMode>,
        /// State machines (serverless-step-functions).
        step_functions "stepFunctions": Option<FreeMapping>,
        /// A GraphQL API (serverless-appsync-plugin).
        app_sync "appSync": Option<FreeMapping>,
        /// Constructs (serverless-lift).
        constructs "constructs": IndexMap<String, FreeMapping>,
        /// Values that other services read (v4).
        outputs "outputs": Option<FreeMapping>,
    }
    ignored {
        "deprecationNotificationMode": "hoist has no deprecations of the framework to say",
        "disabledDeprecations": "hoist has no deprecations of the framework to say",
        "unresolvedVariablesNotificationMode": "a variable that does not resolve is always an error",
        "variablesResolutionMode": "there is one way in which variables are resolved",
        "projectDir": "files are found from the folder of the service",
        "org": "hoist knows no dashboard",
        "app": "hoist knows no dashboard",
        "tenant": "hoist knows no dashboard",
        "console": "hoist knows no dashboard",
        "dashboard": "hoist knows no dashboard",
        "licenseKey": "hoist needs no licence",
        "enableLocalInstallationFallback": "hoist is one program",
        "state": "hoist keeps no state but AWS itself",
        "enterprise": "hoist knows no dashboard",
        "excludeDevDependencies": "it belongs beneath `package`, where the framework reads it",
        "$schema": "it tells editors where the schema lies"
    }
    noted {
        "mcp": "servers of v4 for agents are not deployed",
        "ai": "agents of v4 are not deployed",
        "sandboxes": "sandboxes of v4 are not deployed"
    }
    unbuilt {
        "build": "code is packaged as it is",
        "stepFunctions": "no state machines are made",
        "appSync": "no GraphQL API is made",
        "constructs": "no constructs are made",
        "outputs": "no values are published"
    }
}

object! {
    /// The name of the service, as v1 and v2 wrote it.
    pub struct ServiceIdentity {
        /// The name.
        name "name": ServiceName,
        /// The KMS key for the environments of all functions.
        aws_kms_key_arn "awsKmsKeyArn": Option<Cf>,
    }
}

impl Short for ServiceIdentity {
    const SHORT: &'static str = "a service name";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("name", node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        String::fits(node)
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        ServiceName::schema(schemas)
    }
}

keywords! {
    /// What a problem of the configuration is.
    pub enum ValidationMode {
        Error = "error",
        Warn = "warn",
        Off = "off",
    }
}

/// The functions of a service by key, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    by_key: IndexMap<String, Function>,
    key_places: IndexMap<String, Place>,
}

impl Functions {
    /// Where a function's key stands.
    pub fn key_place(&self, key: &str) -> Option<Place> {
        self.key_places.get(key).copied()
    }
}

impl Deref for Functions {
    type Target = IndexMap<String, Function>;
    fn deref(&self) -> &IndexMap<String, Function> {
        &self.by_key
    }
}

impl Functions {
    fn read(&mut self, map: &IndexMap<String, Entry>, cx: &mut Decoder) {
        for (key, entry) in map {
            if matches!(entry.value.data, Data::Null) {
                continue;
            }
            cx.within(key, |cx| {
                if !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') || key.is_empty() {
                    let at_key = Node::new(Data::Null, entry.key_place);
                    let diagnostic = cx
                        .error("bad-format", &at_key, "is not a key that a function can have")
                        .help("use letters, digits, `-` and `_`");
                    cx.report(diagnostic);
                }
                if let Some(function) = Function::decode(&entry.value, cx) {
                    self.by_key.insert(key.clone(), function);
                    self.key_places.insert(key.clone(), entry.key_place);
                }
            });
        }
    }
}

impl Decode for Functions {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let mut functions = Self::default();
        match &node.data {
            Data::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if matches!(item.data, Data::Null) {
                        continue;
                    }
                    // The parts are merged, so paths name functions as if there were one mapping.
                    let map = cx.within_item(index, |cx| cx.mapping(item, || "a mapping of functions".to_owned()));
                    if let Some(map) = map {
                        functions.read(map, cx);
                    }
                }
            }
            _ => functions.read(cx.mapping(node, Self::expects)?, cx),
        }
        Some(functions)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::Map(_) | Data::List(_))
    }

    fn expects() -> String {
        "a mapping of functions, or a list of such mappings".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        let function = Function::schema(schemas);
        let map = json!({"type": "object",
            "patternProperties": {"^[a-zA-Z0-9-_]+$":
                {"anyOf": [function, {"type": "null"}, {"$ref": "#/definitions/Variable"}]}},
            "additionalProperties": false});
        json!({"anyOf": [
            map.clone(),
            {"type": "array", "items": {"anyOf": [map, {"$ref": "#/definitions/Variable"}]}}
        ]})
    }
}

/// A plugin that the file names.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginName {
    pub name: String,
    pub place: Place,
}

impl Decode for PluginName {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        String::decode(node, cx).map(|name| Self { name, place: node.place })
    }

    fn fits(node: &Node) -> bool {
        String::fits(node)
    }

    fn expects() -> String {
        "the name of a plugin".to_owned()
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({"type": "string"})
    }
}

alternatives! {
    /// Plugins: a list, or a list with the folder of local ones.
    pub enum Plugins {
        List(Vec<PluginName>),
        Local(LocalPlugins),
    }
}

impl Plugins {
    /// The plugins in the order of the file.
    pub fn names(&self) -> &[PluginName] {
        match self {
            Self::List(names) => names,
            Self::Local(local) => &local.modules,
        }
    }
}

object! {
    /// Plugins with the folder of local ones.
    pub struct LocalPlugins {
        /// The folder.
        local_path "localPath" = ".serverless_plugins": Option<String>,
        /// The plugins.
        modules "modules": Vec<PluginName>,
    }
}

impl Service {
    /// The name of the service.
    pub fn name(&self) -> &str {
        self.service.name.as_str()
    }
}
