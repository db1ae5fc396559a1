//! What hoist makes of the plugins of the Serverless Framework that a file names: one line each.

use super::super::decode::nearest;
use super::super::diagnostic::Diagnostic;
use super::service::{PluginName, Service};

/// What hoist makes of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Built in: its configuration is honoured, or there is nothing left to do.
    Native,
    /// It only matters on a developer's machine.
    LocalOnly,
    /// Known, and what it does is not built in: what is missing.
    Missing(&'static str),
}

/// A plugin that hoist knows.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// Its name on npm.
    pub name: &'static str,
    pub support: Support,
    /// Keys beneath `custom` that it reads.
    pub custom: &'static [&'static str],
}

const fn native(name: &'static str, custom: &'static [&'static str]) -> Plugin {
    Plugin { name, support: Support::Native, custom }
}

const fn local(name: &'static str, custom: &'static [&'static str]) -> Plugin {
    Plugin { name, support: Support::LocalOnly, custom }
}

const fn missing(name: &'static str, custom: &'static [&'static str], what: &'static str) -> Plugin {
    Plugin { name, support: Support::Missing(what), custom }
}

/// Every plugin that hoist knows. One that gets built in moves from `missing` to `native`.
pub const PLUGINS: &[Plugin] = &[
    local("serverless-offline", &["serverless-offline"]),
    local("serverless-offline-sqs", &["serverless-offline-sqs"]),
    local("serverless-offline-sns", &["serverless-offline-sns"]),
    local("serverless-offline-ssm", &["serverless-offline-ssm"]),
    local("serverless-offline-kinesis", &["serverless-offline-kinesis"]),
    local("serverless-offline-scheduler", &[]),
    local("serverless-offline-direct-lambda", &[]),
    local("serverless-offline-dynamodb-streams", &["serverless-offline-dynamodb-streams"]),
    local("serverless-offline-aws-eventbridge", &["serverless-offline-aws-eventbridge"]),
    local("serverless-offline-lambda", &[]),
    local("serverless-offline-python", &[]),
    local("serverless-offline-ses-v2", &["serverless-offline-ses-v2"]),
    local("serverless-offline-watcher", &["serverless-offline-watcher"]),
    local("serverless-dynamodb-local", &["dynamodb"]),
    local("serverless-dynamodb", &["serverless-dynamodb"]),
    local("serverless-s3-local", &["s3"]),
    local("serverless-localstack", &["localstack"]),
    local("serverless-ministack", &["ministack"]),
    local("serverless-plugin-offline-dynamodb-stream", &[]),
    local("serverless-jest-plugin", &["jest"]),
    local("serverless-mocha-plugin", &["serverless-mocha-plugin"]),
    local("serverless-simulate", &["simulate"]),
    local("serverless-reload", &[]),
    local("serverless-openapi-documenter", &["documentation"]),
    local("serverless-openapi-documentation", &["documentation"]),
    local("serverless-aws-documentation", &["documentation"]),
    local("serverless-auto-swagger", &["autoswagger"]),
    local("serverless-webpack-prisma", &[]),
    local("serverless-step-functions-local", &["stepFunctionsLocal"]),
    local("serverless-step-functions-offline", &["stepFunctionsOffline"]),
    local("serverless-offline-step-functions", &["serverless-offline-step-functions"]),
    local("serverless-ngrok-tunnel", &["ngrokTunnel"]),
    local("serverless-analyze-bundle-plugin", &[]),
    local("serverless-deployment-bucket-lint", &[]),
    native("serverless-iam-roles-per-function", &["serverless-iam-roles-per-function"]),
    native("serverless-pseudo-parameters", &["pseudoParameters"]),
    native("serverless-dotenv-plugin", &["dotenv"]),
    native("serverless-better-credentials", &["betterCredentials"]),
    native("serverless-mfa", &[]),
    native("serverless-plugin-split-stacks", &["splitStacks"]),
    native("serverless-plugin-nested-stack", &[]),
    native("serverless-nested-stack", &[]),
    native("serverless-plugin-tracing", &[]),
    native("serverless-nestedstack", &[]),
    native("serverless-plugin-log-retention", &["logRetentionInDays"]),
    native("serverless-plugin-disable-functions", &[]),
    native("serverless-domain-manager", &["customDomain", "customDomains"]),
    native("serverless-plugin-canary-deployments", &["deploymentSettings"]),
    native("serverless-prune-plugin", &["prune"]),
    native("serverless-provisioned-concurrency-autoscaling", &[]),
    native("serverless-api-gateway-throttling", &["apiGatewayThrottling"]),
    native("serverless-deployment-bucket", &["deploymentBucket"]),
    native("serverless-jetpack", &["jetpack"]),
    missing("serverless-esbuild", &["esbuild"], "the code is not bundled"),
    missing("serverless-webpack", &["webpack"], "the code is not bundled"),
    missing("serverless-bundle", &["bundle"], "the code is not bundled"),
    missing("serverless-plugin-typescript", &["serverlessPluginTypescript"], "TypeScript is not compiled"),
    missing("serverless-plugin-optimize", &["optimize"], "the code is not bundled"),
    missing("serverless-plugin-include-dependencies", &["includeDependencies"], "dependencies are not traced"),
    missing("serverless-plugin-common-excludes", &[], "its patterns are not added"),
    missing("serverless-plugin-monorepo", &["serverlessMonoRepo"], "linked packages are not copied"),
    missing("serverless-python-requirements", &["pythonRequirements"], "Python requirements are not installed"),
    missing("serverless-wsgi", &["wsgi"], "the WSGI handler is not added"),
    missing("serverless-plugin-aws-alerts", &["alerts"], "no alarms are made"),
    missing("serverless-s3-sync", &["s3Sync"], "files are not copied to the bucket"),
    missing("serverless-cloudfront-invalidate", &["cloudfrontInvalidate"], "nothing is invalidated"),
    missing("serverless-finch", &["client"], "the site is not uploaded"),
    missing("serverless-step-functions", &[], "no state machines are made"),
    missing("serverless-appsync-plugin", &["appSync"], "no GraphQL API is made"),
    missing("serverless-apigateway-service-proxy", &["apiGatewayServiceProxies"], "no service proxies are made"),
    missing("serverless-plugin-additional-stacks", &["additionalStacks"], "the other stacks are not deployed"),
    missing("serverless-plugin-warmup", &["warmup"], "functions are not kept warm"),
    missing("serverless-plugin-log-forwarding", &["logForwarding"], "logs are not forwarded"),
    missing("serverless-log-forwarding", &["logForwarding"], "logs are not forwarded"),
    missing("serverless-plugin-lambda-insights", &["lambdaInsights"], "Lambda Insights stays off"),
    missing("serverless-plugin-datadog", &["datadog"], "functions are not instrumented"),
    missing("serverless-newrelic-lambda-layers", &["newRelic"], "functions are not instrumented"),
    missing("serverless-plugin-resource-tagging", &[], "further tags are not set"),
    missing("serverless-associate-waf", &["associateWaf"], "no web ACL is associated"),
    missing(
        "serverless-plugin-stack-termination-protection",
        &["serverlessTerminationProtection"],
        "a removal is not refused; `provider.deletionProtection` does that",
    ),
    missing(
        "serverless-stack-termination-protection",
        &["serverlessTerminationProtection"],
        "a removal is not refused; `provider.deletionProtection` does that",
    ),
    missing("serverless-export-env", &["export-env"], "no file is written"),
    missing("serverless-stack-output", &["output"], "no file is written; `hoist info --json` gives the outputs"),
    missing(
        "serverless-export-outputs",
        &["exportOutputs"],
        "no file is written; `hoist info --json` gives the outputs",
    ),
    missing("serverless-manifest-plugin", &["manifest"], "no file is written; `hoist info --json` gives the outputs"),
    missing("serverless-plugin-scripts", &["scripts"], "the hooks are not run"),
    missing("serverless-scriptable-plugin", &["scriptable", "scriptHooks"], "the hooks are not run"),
    missing("serverless-hooks-plugin", &["hooks"], "the hooks are not run"),
    missing("serverless-lift", &[], "no constructs are made"),
    missing("./vendor/bref/bref", &["bref"], "the PHP runtimes are not there"),
    missing(
        "serverless-apigw-binary",
        &["apigwBinary"],
        "media types are not set; `provider.apiGateway.binaryMediaTypes` does that",
    ),
    missing(
        "serverless-api-compression",
        &["contentCompression"],
        "compression is not set; `provider.apiGateway.minimumCompressionSize` does that",
    ),
    missing("serverless-lambda-edge-pre-existing-cloudfront", &[], "the distribution is not changed"),
    missing("serverless-stage-manager", &["stages"], "stages are not checked"),
    missing("serverless-api-gateway-caching", &["apiGatewayCaching"], "caching stays off"),
    missing("serverless-plugin-lambda-dead-letter", &[], "dead-letter queues are not set; `onError` does that"),
    missing("serverless-latest-layer-version", &[], "`:latest` of a layer is not resolved"),
    missing("serverless-vpc-discovery", &["vpcDiscovery"], "subnets and security groups are not looked up"),
    missing("serverless-plugin-ifelse", &["serverlessIfElse"], "its conditions are not applied"),
    missing(
        "serverless-plugin-git-variables",
        &["gitVariablesEnvPrefix"],
        "functions get no variables of git; `${git:branch}` and its kin are built in",
    ),
    missing("serverless-rust", &["rust"], "the code is not compiled"),
    missing("serverless-go-plugin", &["go"], "the code is not compiled"),
    missing("serverless-layers", &["serverless-layers"], "no layer of the dependencies is made"),
    missing("serverless-ssm-fetch", &["serverlessSsmFetch"], "its parameters are not read; `secrets:` does that"),
    missing("serverless-kms-secrets", &["kmsSecrets"], "secrets are not decrypted; `secrets:` keeps them elsewhere"),
    missing("serverless-secrets-plugin", &[], "secrets are not decrypted; `secrets:` keeps them elsewhere"),
    missing("serverless-reqvalidator-plugin", &[], "request validators are not shared"),
    missing("serverless-add-api-key", &["apiKeys"], "API keys are not made; `provider.apiGateway.apiKeys` does that"),
    missing("serverless-plugin-chrome", &["chrome"], "Chrome is not put into the zip"),
    missing("aws-amplify-serverless-plugin", &["amplify"], "no file is written; `hoist info --json` gives the outputs"),
    missing("serverless-certificate-creator", &["customCertificate"], "no certificate is made"),
    missing(
        "serverless-tag-api-gateway",
        &["apiGatewayTags"],
        "these tags are not set; `provider.tags` are, on the stage of the API",
    ),
    missing("serverless-tag-sqs", &["sqsTags"], "these tags are not set; `provider.stackTags` are"),
];

/// The plugin of a name, as a file writes it.
pub fn find(name: &str) -> Option<&'static Plugin> {
    PLUGINS.iter().find(|plugin| plugin.name == name)
}

/// Plugins that are known, and read keys of functions and events that the language does not have.
const READ_KEYS: &[&str] = &[
    "serverless-api-gateway-caching",
    "serverless-auto-swagger",
    "serverless-aws-documentation",
    "serverless-go-plugin",
    "serverless-lambda-edge-pre-existing-cloudfront",
    "serverless-openapi-documentation",
    "serverless-openapi-documenter",
    "serverless-plugin-datadog",
    "serverless-plugin-resource-tagging",
    "serverless-reqvalidator-plugin",
    "serverless-rust",
];

/// The plugins of a service that may read keys that hoist does not know: those that do, and all that it does not know.
pub fn with_keys(service: &Service) -> impl Iterator<Item = &PluginName> {
    let reads = |plugin: &&PluginName| find(&plugin.name).is_none_or(|known| READ_KEYS.contains(&known.name));
    names(service).iter().filter(reads)
}

fn names(service: &Service) -> &[PluginName] {
    service.plugins.as_ref().map(super::service::Plugins::names).unwrap_or_default()
}

/// Says what becomes of the plugins: local ones once together, the others one by one. `strict` makes errors of those
/// that change what is deployed and are not built in.
pub fn check(service: &Service, strict: bool, diagnostics: &mut Vec<Diagnostic>) {
    let mut local = Vec::new();
    for plugin in names(service) {
        let found = find(&plugin.name);
        let message = match found.map(|found| found.support) {
            Some(Support::Native) => continue,
            Some(Support::LocalOnly) => {
                local.push(plugin);
                continue;
            }
            Some(Support::Missing(what)) => {
                format!("plugins: `{}` is not built into hoist: {what}", plugin.name)
            }
            None => format!("plugins: hoist does not know `{}` and does not run it", plugin.name),
        };
        let code = if found.is_some() { "plugin-missing" } else { "plugin-unknown" };
        let diagnostic = if strict { Diagnostic::error(code, message) } else { Diagnostic::warning(code, message) };
        let mut diagnostic = diagnostic.path("plugins").at(plugin.place);
        if found.is_none() {
            diagnostic = diagnostic.help("what it adds to the service is not deployed; check whether that matters");
            if let Some(meant) = meant(&plugin.name) {
                diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
            }
        }
        diagnostics.push(diagnostic);
    }
    if let Some(first) = local.first() {
        let names: Vec<String> = local.iter().map(|plugin| format!("`{}`", plugin.name)).collect();
        let message = format!("plugins: without effect on a deploy: {}", names.join(", "));
        diagnostics.push(Diagnostic::note("plugin-local", message).path("plugins").at(first.place));
    }
}

/// The plugin that a name is a slip of: what all names begin and end with makes none alike.
fn meant(name: &str) -> Option<&'static str> {
    let own = own_name(name);
    let near = nearest(own, PLUGINS.iter().map(|known| own_name(known.name)).filter(|known| known.len() > 3))?;
    PLUGINS.iter().map(|known| known.name).find(|known| own_name(known) == near)
}

/// What a plugin's name says of it: `serverless-plugin-warmup` is `warmup`.
fn own_name(name: &str) -> &str {
    let name = name.strip_prefix("serverless-").unwrap_or(name);
    let name = name.strip_prefix("plugin-").unwrap_or(name);
    name.strip_suffix("-plugin").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::super::decode::sample;
    use super::super::super::diagnostic::Severity;
    use super::super::decode_service;
    use super::*;

    fn findings(plugins: &str, strict: bool) -> Vec<(Severity, &'static str, String)> {
        let yaml = format!("service: shop\nprovider: aws\nplugins: {plugins}\n");
        let (service, _) = decode_service(&sample::node(&yaml));
        let mut diagnostics = Vec::new();
        check(&service.expect("a service"), strict, &mut diagnostics);
        diagnostics.into_iter().map(|found| (found.severity, found.code, found.message)).collect()
    }

    #[test]
    fn says_what_becomes_of_each_plugin() {
        let found = findings(
            "[serverless-offline, serverless-s3-local, serverless-iam-roles-per-function, serverless-finch, my-plugin]",
            false,
        );
        let codes: Vec<_> = found.iter().map(|(severity, code, _)| (*severity, *code)).collect();
        assert_eq!(
            codes,
            [
                (Severity::Warning, "plugin-missing"),
                (Severity::Warning, "plugin-unknown"),
                (Severity::Note, "plugin-local"),
            ]
        );
        assert_eq!(found[2].2, "plugins: without effect on a deploy: `serverless-offline`, `serverless-s3-local`");
    }

    #[test]
    fn strict_makes_errors_of_plugins_that_are_not_built_in() {
        let found = findings("{localPath: ./x, modules: [my-plugin, serverless-offline]}", true);
        assert_eq!(found[0].0, Severity::Error);
        assert_eq!(found[1].0, Severity::Note);
    }

    #[test]
    fn what_all_names_share_makes_no_two_alike() {
        for (name, wanted) in [
            ("serverless-sam", None),
            ("serverless-wasm", None),
            ("serverless-ofline", Some("serverless-offline")),
            ("serverless-plugin-esbiuld", Some("serverless-esbuild")),
            ("serverless-domain-manger", Some("serverless-domain-manager")),
            ("my-plugin", None),
        ] {
            assert_eq!(meant(name), wanted, "{name}");
        }
    }

    #[test]
    fn no_plugin_is_listed_twice() {
        for (index, plugin) in PLUGINS.iter().enumerate() {
            assert!(PLUGINS[index + 1..].iter().all(|other| other.name != plugin.name), "{}", plugin.name);
        }
    }
}
