//! How new versions get the traffic, and how many old ones are kept.

use super::super::decode::{Cf, Decoder, Short, Shorthand, keywords, mapping_at, object};
use super::super::node::Node;
use super::custom::PluginSettings;
use super::custom::deployment::Prune;
use super::effective::EffectiveFunction;
use super::function::Function;
use super::pace::Pace;
use super::service::Service;

/// The alias that carries the traffic when none is named.
pub const ALIAS: &str = "live";
/// How many versions `pruneFunctionVersions: true` keeps.
const KEPT: usize = 10;

object! {
    /// Traffic shifting of serverless-plugin-canary-deployments. hoist moves the alias itself, or has CodeDeploy do it
    /// where `codeDeployRole` or `triggerConfigurations` names it.
    pub struct DeploymentSettings {
        /// How traffic moves: `AllAtOnce`, `Linear10PercentEvery1Minute`, `Canary10Percent5Minutes`, …
        kind "type": Option<String>,
        /// The alias that carries the traffic.
        alias "alias" = "live": Option<String>,
        /// A function that is called before traffic moves.
        pre_traffic_hook "preTrafficHook": Option<String>,
        /// A function that is called after traffic moved.
        post_traffic_hook "postTrafficHook": Option<String>,
        /// CloudWatch alarms that turn the shift back, by name or as `Ref` to one of `resources:`.
        alarms "alarms": Option<Vec<Shorthand<Alarm>>>,
        /// SNS topics that CodeDeploy tells about the shift, which it does then.
        trigger_configurations "triggerConfigurations": Option<Vec<DeploymentTrigger>>,
        /// The ARN of the role that CodeDeploy takes for the shift, which it does then.
        code_deploy_role "codeDeployRole": Option<Cf>,
        /// The permissions boundary of the role that is made for CodeDeploy where none is named.
        code_deploy_role_permissions_boundary "codeDeployRolePermissionsBoundary": Option<Cf>,
        /// Stages that shift. Default: all.
        stages "stages": Vec<String>,
    }
}

impl PluginSettings for DeploymentSettings {
    const PLUGIN: &'static str = "serverless-plugin-canary-deployments";
    const KEY: &'static str = "deploymentSettings";
}

object! {
    /// An alarm of CloudWatch.
    pub struct Alarm {
        /// Its name.
        name "name": Cf,
    }
}

impl Short for Alarm {
    const SHORT: &'static str = "the name of an alarm";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("name", node.clone())]))
    }
}

impl DeploymentSettings {
    /// Whether they name CodeDeploy: by what only it can use.
    pub fn name_code_deploy(&self) -> bool {
        self.code_deploy_role.is_some() || self.trigger_configurations.is_some()
    }
}

object! {
    /// A topic that CodeDeploy tells about deployments.
    pub struct DeploymentTrigger {
        /// The trigger's name.
        name "TriggerName": Cf,
        /// What is told.
        events "TriggerEvents": Vec<TriggerEvent>,
        /// The ARN of the topic.
        target "TriggerTargetArn": Cf,
    }
}

keywords! {
    /// What CodeDeploy tells about.
    pub enum TriggerEvent {
        DeploymentStart = "DeploymentStart",
        DeploymentSuccess = "DeploymentSuccess",
        DeploymentFailure = "DeploymentFailure",
        DeploymentStop = "DeploymentStop",
        DeploymentRollback = "DeploymentRollback",
        DeploymentReady = "DeploymentReady",
        InstanceStart = "InstanceStart",
        InstanceSuccess = "InstanceSuccess",
        InstanceFailure = "InstanceFailure",
        InstanceReady = "InstanceReady",
    }
}

/// A topic that CodeDeploy tells about deployments.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    pub name: Cf,
    pub events: Vec<TriggerEvent>,
    /// The ARN of the topic.
    pub target: Cf,
}

impl From<&DeploymentTrigger> for Trigger {
    fn from(written: &DeploymentTrigger) -> Self {
        let DeploymentTrigger { name, events, target, .. } = written.clone();
        Self { name, events, target }
    }
}

/// A shift that is CodeDeploy's.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeDeploy {
    /// Which of its configurations says how fast: `Canary10Percent5Minutes`.
    pub configuration: String,
    /// The role that it takes. `None` has one made.
    pub role: Option<Cf>,
    /// The permissions boundary of one that is made.
    pub boundary: Option<Cf>,
    pub triggers: Vec<Trigger>,
    /// Whether it does this shift: what the command line asks for is hoist's own.
    pub shifts: bool,
}

/// How a function's traffic moves, with the defaults of `custom.deploymentSettings` beneath its own settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    pub pace: Pace,
    pub alias: String,
    /// The key of a function.
    pub before: Option<String>,
    /// The key of a function.
    pub after: Option<String>,
    /// Names of alarms, or what gives them.
    pub alarms: Vec<Cf>,
    /// What CodeDeploy is told, where the settings name it.
    pub code_deploy: Option<CodeDeploy>,
}

impl Function {
    /// The setting that puts an alias before the function by itself, with the alias' name. Provisioned concurrency wins
    /// where several do.
    pub fn alias_of_its_own(&self) -> Option<(&'static str, &str)> {
        let provisioned = self.provisioned_concurrency.as_ref();
        if let Some(provisioned) = provisioned.filter(|provisioned| provisioned.executions() != Some(0)) {
            return Some(("provisionedConcurrency", provisioned.alias()));
        }
        if self.snap_start == Some(true) {
            return Some(("snapStart", "snapstart"));
        }
        self.durable_config.as_ref().map(|_| ("durableConfig", "durable"))
    }
}

impl EffectiveFunction<'_> {
    /// How the function's traffic moves, when it has `deploymentSettings` that hold in this stage. `faster` is what the
    /// command line says instead of `type`; with it, functions without settings shift, too.
    pub fn release(&self, faster: Option<Pace>) -> Option<Release> {
        let defaults = self.service.settings::<DeploymentSettings>();
        let defaults = defaults.as_ref();
        let own = self.function.deployment_settings.as_ref().filter(|own| {
            let stages = |settings: &DeploymentSettings| !settings.stages.is_empty();
            let limits = Some(*own).filter(|own| stages(own)).or(defaults.filter(|defaults| stages(defaults)));
            limits.is_none_or(|limits| limits.stages.iter().any(|stage| stage == self.stage))
        });
        if own.is_none() && faster.is_none() {
            return None;
        }
        let text = |get: fn(&DeploymentSettings) -> Option<&String>| {
            own.and_then(get).or_else(|| defaults.and_then(get)).cloned()
        };
        let alarms = own.and_then(|own| own.alarms.as_ref());
        let alarms = alarms.or_else(|| defaults.and_then(|defaults| defaults.alarms.as_ref()));
        let named = text(|settings| settings.kind.as_ref()).and_then(|name| Pace::parse(&name).ok());
        let all: Vec<&DeploymentSettings> = own.into_iter().flat_map(|own| [Some(own), defaults]).flatten().collect();
        let cf = |get: fn(&DeploymentSettings) -> Option<&Cf>| all.iter().find_map(|settings| get(settings)).cloned();
        let code_deploy = all.iter().any(|settings| settings.name_code_deploy()).then(|| {
            let triggers = all.iter().find_map(|settings| settings.trigger_configurations.as_ref());
            Some(CodeDeploy {
                configuration: named.and_then(Pace::predefined)?,
                role: cf(|settings| settings.code_deploy_role.as_ref()),
                boundary: cf(|settings| settings.code_deploy_role_permissions_boundary.as_ref()),
                triggers: triggers.into_iter().flatten().map(Trigger::from).collect(),
                shifts: faster.is_none(),
            })
        });
        Some(Release {
            pace: faster.or(named).unwrap_or(Pace::AllAtOnce),
            alias: text(|settings| settings.alias.as_ref()).unwrap_or_else(|| ALIAS.to_owned()),
            before: text(|settings| settings.pre_traffic_hook.as_ref()),
            after: text(|settings| settings.post_traffic_hook.as_ref()),
            alarms: alarms.into_iter().flatten().map(|alarm| alarm.name.clone()).collect(),
            code_deploy: code_deploy.flatten(),
        })
    }
}

/// How many versions stay when a deploy is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The newest so many, at least one: a deploy compares with the newest.
    pub number: usize,
    /// Whether versions of layers are pruned, too.
    pub layers: bool,
}

impl Service {
    /// How many versions are kept: `provider.pruneFunctionVersions`, else `custom.prune` of serverless-prune-plugin.
    /// `None` keeps all.
    pub fn kept_versions(&self) -> Option<Kept> {
        let kept = |number: Option<i64>, layers: Option<bool>| Kept {
            number: number.and_then(|number| usize::try_from(number).ok()).unwrap_or(KEPT).max(1),
            layers: layers.unwrap_or(false),
        };
        if let Some(toggle) = &self.provider.prune_function_versions {
            let settings = toggle.settings();
            let number = settings.map(|settings| settings.number.get());
            return toggle.is_on().then(|| kept(number, settings.and_then(|settings| settings.include_layers)));
        }
        let prune = self.settings::<Prune>().filter(|prune| prune.automatic == Some(true))?;
        Some(kept(Some(prune.number?.get()), prune.include_layers))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::decode::sample;
    use super::super::decode_service;
    use super::*;

    fn service(rest: &str) -> Service {
        let yaml = format!("service: shop\nprovider: {{name: aws, runtime: python3.13}}\n{rest}");
        let (service, diagnostics) = decode_service(&sample::node(&yaml));
        assert_eq!(sample::messages(&diagnostics), Vec::<&str>::new());
        service.expect("a service")
    }

    #[test]
    fn settings_of_a_function_stand_over_those_of_the_plugin() {
        let service = service(
            "plugins: [serverless-plugin-canary-deployments]\ncustom: {deploymentSettings: {type: AllAtOnce, alias: Live, alarms: [a], stages: [prod]}}\nfunctions:\n  one: {handler: a.b, deploymentSettings: {type: Canary10Percent5Minutes, preTrafficHook: two}}\n  two: {handler: a.b}\n",
        );
        let release = |key: &str, stage: &str, faster| {
            let release = service.effective_function(key, stage).unwrap().release(faster)?;
            let alarms: Vec<String> = release.alarms.iter().filter_map(Cf::to_text).collect();
            Some((Release { alarms: Vec::new(), ..release }, alarms))
        };
        let pace = Pace::Canary { percent: 10, bake: Duration::from_secs(300) };
        let of_one = Release {
            pace,
            alias: "Live".into(),
            before: Some("two".into()),
            after: None,
            alarms: vec![],
            code_deploy: None,
        };
        assert_eq!(release("one", "prod", None), Some((of_one, vec!["a".to_owned()])));
        assert_eq!(release("one", "dev", None), None);
        assert_eq!(release("two", "prod", None), None);
        let faster = Pace::Canary { percent: 20, bake: Duration::from_secs(2) };
        let of_two = Release {
            pace: faster,
            alias: "Live".into(),
            before: None,
            after: None,
            alarms: vec![],
            code_deploy: None,
        };
        assert_eq!(release("two", "dev", Some(faster)), Some((of_two, vec!["a".to_owned()])));
    }

    #[test]
    fn code_deploy_shifts_where_it_is_named_but_not_at_a_pace_of_the_command_line() {
        let service = service(
            "plugins: [serverless-plugin-canary-deployments]\ncustom: {deploymentSettings: {codeDeployRole: r, stages: [prod]}}\nfunctions:\n  one: {handler: a.b, deploymentSettings: {type: Linear10PercentEvery2Minutes}}\n  two: {handler: a.b}\n",
        );
        let found = |key: &str, stage: &str, faster| {
            let release = service.effective_function(key, stage).unwrap().release(faster)?;
            let named = release.code_deploy?;
            Some((named.configuration, named.role?.to_text()?, named.shifts))
        };
        let configuration = "Linear10PercentEvery2Minutes".to_owned();
        assert_eq!(found("one", "prod", None), Some((configuration.clone(), "r".to_owned(), true)));
        assert_eq!(found("one", "dev", None), None);
        let faster = Some(Pace::AllAtOnce);
        assert_eq!(found("one", "prod", faster), Some((configuration, "r".to_owned(), false)));
        assert_eq!(found("two", "prod", faster), None, "nobody named it for this one");
    }

    #[test]
    fn how_many_versions_are_kept_is_said_in_two_places() {
        let kept = |rest: &str| service(rest).kept_versions();
        assert_eq!(kept(""), None);
        let plugin = "plugins: [serverless-prune-plugin]\ncustom: {prune: ";
        assert_eq!(
            kept(&format!("{plugin}{{automatic: true, number: 3, includeLayers: true}}}}\n")),
            Some(Kept { number: 3, layers: true })
        );
        assert_eq!(
            kept(&format!("{plugin}{{automatic: true, number: 0}}}}\n")),
            Some(Kept { number: 1, layers: false })
        );
        assert_eq!(kept(&format!("{plugin}{{number: 3}}}}\n")), None);
    }
}
