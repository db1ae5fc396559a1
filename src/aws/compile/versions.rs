//! Published versions, and the aliases that stand before them.

use super::output::Output;
use super::plan::{AliasPlan, FunctionPlan, Plan};
use super::tree::{self, Properties};
use crate::aws::kinds::version::COMMIT;
use crate::aws::naming;
use crate::aws::release::shift;
use crate::aws::template::TemplateResource;
use crate::engine::value::Value;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    for one in &plan.functions {
        let Some(version) = &one.version else { continue };
        let properties = Properties::new()
            .with("FunctionName", tree::reference(&one.logical_id))
            .maybe("Description", one.function.description.as_ref().map(tree::as_text));
        let mut resource = TemplateResource::new("AWS::Lambda::Version", properties.into())
            .beneath(&one.logical_id)
            .attribute("DeletionPolicy", "Retain".into());
        resource.condition = one.function.condition.clone();
        if let Some(commit) = plan.commit {
            // A hint, as it must not make a difference: not every commit changes every function.
            resource = resource.hint(COMMIT, commit.into());
        }
        output.add(version.clone(), resource);
        output.output(format!("{}QualifiedArn", one.logical_id), tree::reference(version));
        if let Some(alias) = &one.alias {
            output.add(alias.logical_id.clone(), alias_resource(plan, one, alias, version));
        }
    }
}

fn alias_resource(plan: &Plan, one: &FunctionPlan, alias: &AliasPlan, version: &str) -> TemplateResource {
    let provisioned = one
        .function
        .provisioned_concurrency
        .as_ref()
        .map(|settings| Properties::new().with("ProvisionedConcurrentExecutions", tree::number(settings.value())));
    let properties = Properties::new()
        .with("FunctionName", tree::reference(&one.logical_id))
        .with("FunctionVersion", tree::attribute(version, "Version"))
        .with("Name", alias.name.as_str())
        .maybe("ProvisionedConcurrencyConfig", provisioned);
    let mut resource = TemplateResource::new("AWS::Lambda::Alias", properties.into())
        .beneath(&one.logical_id)
        .after([&one.logical_id]);
    resource.condition = one.function.condition.clone();
    let Some(release) = &one.release else { return resource };
    let hooks = [&release.before, &release.after].map(|hook| plan.function(hook.as_deref()?));
    let [before, after] = hooks.map(|hook| hook.map(|hook| hook.name.as_str()));
    let alarms = release.alarms.iter().map(Value::from).collect();
    let mut hint = shift::hint(release.pace, before, after, alarms);
    if let Some(code_deploy) = &release.code_deploy {
        let application = naming::code_deploy_application(&plan.names);
        let group = naming::deployment_group(&one.logical_id);
        let hook = |hook: Option<&FunctionPlan>| hook.map(|hook| tree::reference(&hook.logical_id));
        let update = Properties::new()
            .with("ApplicationName", tree::reference(&application))
            .with("DeploymentGroupName", tree::reference(&group))
            .maybe("BeforeAllowTrafficHook", hook(hooks[0]))
            .maybe("AfterAllowTrafficHook", hook(hooks[1]));
        let policy = Properties::new().with("CodeDeployLambdaAliasUpdate", update);
        resource = resource.attribute("UpdatePolicy", policy.into()).after([&group]);
        if code_deploy.shifts {
            hint = shift::by_code_deploy(hint, tree::reference(application), tree::reference(group));
        }
    }
    resource.after(hooks.into_iter().flatten().map(|hook| &hook.logical_id)).hint(shift::HINT, hint)
}
