//! How traffic moves to new versions: names of ways to shift, aliases, hooks.

use super::{Checked, function_error};
use crate::config::decode::nearest;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::pace::Pace;
use crate::config::language::releases::DeploymentSettings;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let defaults = checked.service.settings::<DeploymentSettings>();
    let defaults = defaults.as_ref();
    for one in &checked.functions {
        let Some(own) = &one.function.deployment_settings else { continue };
        let whole = one.function.place_of("deploymentSettings");
        let by_code_deploy = own.name_code_deploy() || defaults.is_some_and(DeploymentSettings::name_code_deploy);
        let mut problem = |code: &'static str, key: &str, problem: String, help: &str| {
            let path =
                if key.is_empty() { "deploymentSettings".to_owned() } else { format!("deploymentSettings.{key}") };
            let place = own.places.get(key).unwrap_or(whole);
            diagnostics.push(function_error(code, one, &path, place, problem).help(help));
        };
        let kind = own.kind.as_deref().or_else(|| defaults?.kind.as_deref());
        match kind.map(Pace::parse) {
            None => problem(
                "missing-key",
                "",
                "says no way to shift traffic".to_owned(),
                "add `type`, for instance `type: Canary10Percent5Minutes`",
            ),
            Some(Err(what)) => problem(
                "unknown-value",
                "type",
                what,
                "write `AllAtOnce`, `Canary10Percent5Minutes` or `Linear10PercentEvery1Minute`, with any percentage from 1 to 99 and any time",
            ),
            // The file asks for CodeDeploy: shifting without it would be a surprise in the middle of a release.
            Some(Ok(pace)) if pace.predefined().is_none() && by_code_deploy => problem(
                "code-deploy",
                "type",
                format!("`{}` is no pace that CodeDeploy has a configuration for", kind.unwrap_or_default()),
                "write `AllAtOnce`, `Canary10Percent5Minutes` (or 10, 15, 30) or `Linear10PercentEvery1Minute` (or 2, 3, 10); or \
                 take `codeDeployRole` and `triggerConfigurations` away (from `custom.deploymentSettings` too): hoist itself \
                 shifts at any pace",
            ),
            Some(Ok(_)) => {}
        }
        let alias = own.alias.as_deref().or_else(|| defaults?.alias.as_deref());
        if let Some(alias) = alias.filter(|alias| !is_alias(alias)) {
            problem(
                "bad-format",
                "alias",
                format!("`{alias}` is no name of an alias"),
                "use letters, digits, `-` and `_`, and not digits alone: those are versions",
            );
        }
        let hooks = [
            ("preTrafficHook", own.pre_traffic_hook.as_ref().or_else(|| defaults?.pre_traffic_hook.as_ref())),
            ("postTrafficHook", own.post_traffic_hook.as_ref().or_else(|| defaults?.post_traffic_hook.as_ref())),
        ];
        for (key, hook) in hooks {
            let Some(hook) = hook else { continue };
            if !checked.functions.iter().any(|function| function.key == hook) {
                let near = nearest(hook, checked.functions.iter().map(|function| function.key));
                let help = near.map_or_else(
                    || "name a function by its key in `functions`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                problem("unknown-function", key, format!("`{hook}` is not a function of this service"), &help);
            }
        }
        // One alias stands before a function: with two, callers would have to know which one is warm.
        if let (Some(named), Some((key, taken))) = (alias, one.function.alias_of_its_own())
            && named != taken
        {
            let place = own.places.get("alias").unwrap_or(whole);
            let text = format!("`{named}` is not made: traffic shifts on `{taken}`, the alias of `{key}`");
            let help = if key == "provisionedConcurrency" {
                format!("`provisionedConcurrency: {{executions: .., alias: {named}}}` gives that alias this name")
            } else {
                format!("whoever calls the function by an alias calls `{taken}`")
            };
            let warning = function_error("other-alias", one, "deploymentSettings.alias", place, text).help(help);
            diagnostics.push(warning.as_warning());
        }
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html>
pub(super) fn is_alias(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    !name.is_empty()
        && name.len() <= 128
        && name.chars().all(fits)
        && !name.chars().all(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{findings, in_functions};

    #[test]
    fn code_deploy_shifts_at_its_own_paces_only() {
        let of_the_plugin = "service: shop\nplugins: [serverless-plugin-canary-deployments]\ncustom: {deploymentSettings: {type: Canary10Percent7Minutes, codeDeployRole: r}}\nprovider: {name: aws, runtime: nodejs24.x}\nfunctions:\n  plain: {handler: a.b}\n";
        // Nobody shifts.
        assert_eq!(findings(of_the_plugin), "");
        insta::assert_snapshot!(
            findings(&format!(
                "{of_the_plugin}  a: {{handler: a.b, deploymentSettings: {{alias: live}}}}\n  b: {{handler: a.b, deploymentSettings: {{type: Linear10PercentEvery3Minutes}}}}\n"
            )),
            @"7:41 error[code-deploy] functions.a.deploymentSettings.type: `Canary10Percent7Minutes` is no pace that CodeDeploy has a configuration for"
        );
        insta::assert_snapshot!(
            in_functions("  a: {handler: a.b, deploymentSettings: {type: Canary20Percent5Minutes, triggerConfigurations: [{TriggerName: t, TriggerEvents: [DeploymentStart], TriggerTargetArn: arn}]}}\n"),
            @"4:48 error[code-deploy] functions.a.deploymentSettings.type: `Canary20Percent5Minutes` is no pace that CodeDeploy has a configuration for"
        );
    }

    #[test]
    fn the_alias_of_another_setting_is_shifted_and_that_is_said() {
        insta::assert_snapshot!(
            in_functions(
                "  a: {handler: a.b, provisionedConcurrency: 1, deploymentSettings: {type: AllAtOnce, alias: live}}\n  b: {handler: a.b, runtime: python3.13, snapStart: true, deploymentSettings: {type: AllAtOnce, alias: live}}\n  c: {handler: a.b, provisionedConcurrency: {executions: 1, alias: live}, deploymentSettings: {type: AllAtOnce, alias: live}}\n  d: {handler: a.b, provisionedConcurrency: 1, deploymentSettings: {type: AllAtOnce}}\n"
            ),
            @r"
        4:93 warning[other-alias] functions.a.deploymentSettings.alias: `live` is not made: traffic shifts on `provisioned`, the alias of `provisionedConcurrency`
        5:104 warning[other-alias] functions.b.deploymentSettings.alias: `live` is not made: traffic shifts on `snapstart`, the alias of `snapStart`
        "
        );
    }

    #[test]
    fn what_cannot_be_shifted_is_said_before_anything_is_asked() {
        insta::assert_snapshot!(
            in_functions(
                "  a: {handler: a.b, deploymentSettings: {type: Canary100Percent5Minutes, alias: '7'}}\n  b: {handler: a.b, deploymentSettings: {alias: live, preTrafficHook: aa}}\n  c: {handler: a.b, deploymentSettings: {type: Blue, postTrafficHook: b}}\n"
            ),
            @r"
        4:48 error[unknown-value] functions.a.deploymentSettings.type: `Canary100Percent5Minutes`: `100` is not a percentage from 1 to 99
        4:81 error[bad-format] functions.a.deploymentSettings.alias: `7` is no name of an alias
        5:41 error[missing-key] functions.b.deploymentSettings: says no way to shift traffic
        5:71 error[unknown-function] functions.b.deploymentSettings.preTrafficHook: `aa` is not a function of this service
        6:48 error[unknown-value] functions.c.deploymentSettings.type: `Blue` is no way to shift traffic
        "
        );
    }
}
