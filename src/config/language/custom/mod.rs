//! `custom.<key>`: the settings of plugins whose work hoist does or will do. They are read when the plugin is in
//! `plugins`; elsewhere `custom` is the user's own.

pub mod bundling;
pub mod deployment;
pub mod domains;
pub mod dotenv;
pub mod roles;
pub mod throttling;

use super::super::decode::{Decode, Decoder};
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::node::Node;
use super::lambda::LogRetention;
use super::releases::DeploymentSettings;
use super::service::Service;

/// The settings of one plugin.
pub trait PluginSettings: Decode {
    /// The plugin's name on npm.
    const PLUGIN: &'static str;
    /// The key beneath `custom`.
    const KEY: &'static str;
}

/// Reads settings for what is wrong with them.
struct Settings {
    plugin: &'static str,
    key: &'static str,
    check: fn(&Node, &mut Decoder),
}

const fn settings<T: PluginSettings>() -> Settings {
    Settings {
        plugin: T::PLUGIN,
        key: T::KEY,
        check: |node, cx| {
            T::decode(node, cx);
        },
    }
}

/// Every plugin whose settings are declared.
const SETTINGS: &[Settings] = &[
    settings::<bundling::Esbuild>(),
    settings::<bundling::PythonRequirements>(),
    settings::<domains::CustomDomain>(),
    settings::<domains::CustomDomains>(),
    settings::<deployment::Prune>(),
    settings::<deployment::S3Sync>(),
    settings::<deployment::Scripts>(),
    settings::<DeploymentSettings>(),
    settings::<dotenv::Dotenv>(),
    settings::<roles::RolesPerFunction>(),
    Settings {
        plugin: LOG_RETENTION,
        key: "logRetentionInDays",
        check: |node, cx| {
            LogRetention::decode(node, cx);
        },
    },
    settings::<throttling::ApiThrottling>(),
];

const LOG_RETENTION: &str = "serverless-plugin-log-retention";

impl Service {
    /// Whether a plugin is in `plugins`.
    pub fn has_plugin(&self, name: &str) -> bool {
        self.plugins.as_ref().is_some_and(|plugins| plugins.names().iter().any(|plugin| plugin.name == name))
    }

    /// The settings of a plugin, when it is in `plugins` and has any.
    pub fn settings<T: PluginSettings>(&self) -> Option<T> {
        if !self.has_plugin(T::PLUGIN) {
            return None;
        }
        T::decode(self.custom.as_ref()?.get(T::KEY)?, &mut Decoder::new())
    }

    /// The retention that serverless-plugin-log-retention sets for functions that have none.
    pub(super) fn plugin_log_retention(&self) -> Option<LogRetention> {
        if !self.has_plugin(LOG_RETENTION) {
            return None;
        }
        LogRetention::decode(self.custom.as_ref()?.get("logRetentionInDays")?, &mut Decoder::new())
    }
}

/// Looks at the settings of every plugin in `plugins`. Plugins are lenient about them, so all of it is warnings.
pub fn check(service: &Service, diagnostics: &mut Vec<Diagnostic>) {
    let Some(custom) = &service.custom else { return };
    for settings in SETTINGS {
        let Some(node) = custom.get(settings.key).filter(|_| service.has_plugin(settings.plugin)) else { continue };
        let mut cx = Decoder::new();
        cx.within("custom", |cx| cx.within(settings.key, |cx| (settings.check)(node, cx)));
        diagnostics.extend(
            cx.into_diagnostics()
                .into_iter()
                .map(|found| Diagnostic { severity: found.severity.min(Severity::Warning), ..found }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::decode::sample;
    use super::super::decode_service;
    use super::deployment::Prune;
    use super::*;

    fn service(yaml: &str) -> Service {
        let (service, _) = decode_service(&sample::node(&format!("service: shop\nprovider: aws\n{yaml}")));
        service.expect("a service")
    }

    #[test]
    fn settings_belong_to_a_plugin_that_is_there() {
        let with = service("plugins: [serverless-prune-plugin]\ncustom: {prune: {automatic: true, number: 3}}\n");
        assert_eq!(with.settings::<Prune>().and_then(|prune| prune.number).map(|number| number.get()), Some(3));
        let without = service("custom: {prune: {automatic: true, number: 3}}\n");
        assert!(without.settings::<Prune>().is_none());
    }

    #[test]
    fn what_is_wrong_with_settings_is_a_warning() {
        let service = service("plugins: [serverless-prune-plugin]\ncustom: {prune: {automatic: yes, nubmer: 3}}\n");
        let mut found = Vec::new();
        check(&service, &mut found);
        insta::assert_snapshot!(sample::summary(&found), @r"
        4:34 warning[unknown-key] custom.prune.nubmer: unknown key
        4:29 warning[wrong-type] custom.prune.automatic: expected a boolean (`true` or `false`), found the string `yes`
        ");
    }

    #[test]
    fn a_retention_that_cannot_be_is_not_lost_in_silence() {
        let service = service("plugins: [serverless-plugin-log-retention]\ncustom: {logRetentionInDays: often}\n");
        let mut found = Vec::new();
        check(&service, &mut found);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path.as_deref(), Some("custom.logRetentionInDays"));
    }

    #[test]
    fn every_declared_plugin_is_known() {
        for settings in SETTINGS {
            let plugin = super::super::plugins::find(settings.plugin).expect(settings.plugin);
            assert!(plugin.custom.contains(&settings.key), "{}", settings.key);
        }
    }
}
