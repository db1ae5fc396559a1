//! Shifts that CodeDeploy does: an application for the service, a deployment group for each function, a role that
//! CodeDeploy takes, and leave for hooks to say how they went. Named as serverless-plugin-canary-deployments names them.

use super::output::Output;
use super::plan::{FunctionPlan, Plan};
use super::tree::{self, Properties};
use crate::aws::kinds::codedeploy::{application, deployment_group};
use crate::aws::kinds::role;
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::language::releases::{CodeDeploy, Release, Trigger};
use crate::engine::value::Value;

/// What a hook does to say how it went.
const ANSWERS: &[&str] = &["codedeploy:PutLifecycleEventHookExecutionStatus"];
/// What the role that is made may do: move aliases; call hooks, whatever their names; and tell topics.
const MOVES: &str = "service-role/AWSCodeDeployRoleForLambdaLimited";
const CALLS: &str = "AWSLambda_FullAccess";
const TELLS: &str = "AmazonSNSFullAccess";

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let shifted: Vec<(&FunctionPlan, &Release, &CodeDeploy)> = plan
        .functions
        .iter()
        .filter_map(|one| {
            let release = one.release.as_ref()?;
            Some((one, release, release.code_deploy.as_ref()?))
        })
        .collect();
    if shifted.is_empty() {
        return;
    }
    let application = naming::code_deploy_application(&plan.names);
    let properties = Properties::new().with("ComputePlatform", "Lambda");
    output.add(application.clone(), TemplateResource::new(application::TYPE, properties.into()));
    if let Some(made) = service_role(plan, &shifted) {
        output.add(naming::CODE_DEPLOY_ROLE, made);
    }
    for (one, release, code_deploy) in shifted {
        let name = naming::deployment_group_name(&plan.names, &one.logical_id);
        let group = group(&application, &name, release, code_deploy);
        let mut resource = TemplateResource::new(deployment_group::TYPE, group.into()).beneath(&application);
        resource.condition = one.function.condition.clone();
        output.add(naming::deployment_group(&one.logical_id), resource);
        for hook in [&release.before, &release.after].into_iter().flatten() {
            let Some(hook) = plan.function(hook) else { continue };
            let arn = format!(
                "arn:${{AWS::Partition}}:codedeploy:${{AWS::Region}}:${{AWS::AccountId}}:deploymentgroup:${{{application}}}/{name}"
            );
            output.grant(hook, ANSWERS, [tree::sub(arn)]);
        }
    }
}

fn group(application: &str, name: &str, release: &Release, code_deploy: &CodeDeploy) -> Properties {
    let role = code_deploy.role.as_ref();
    let role = role.map_or_else(|| tree::attribute(naming::CODE_DEPLOY_ROLE, "Arn"), Value::from);
    let rollback = Properties::new()
        .with("Enabled", true)
        .with("Events", vec!["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]);
    let style = Properties::new().with("DeploymentType", "BLUE_GREEN").with("DeploymentOption", "WITH_TRAFFIC_CONTROL");
    let alarms: Vec<Value> =
        release.alarms.iter().map(|name| Properties::new().with("Name", Value::from(name)).into()).collect();
    let watched = (!alarms.is_empty()).then(|| Properties::new().list("Alarms", alarms).with("Enabled", true));
    Properties::new()
        .with("ApplicationName", tree::reference(application))
        .with("DeploymentGroupName", name)
        .with("ServiceRoleArn", role)
        .with("DeploymentConfigName", format!("CodeDeployDefault.Lambda{}", code_deploy.configuration))
        .with("DeploymentStyle", style)
        .with("AutoRollbackConfiguration", rollback)
        .maybe("AlarmConfiguration", watched)
        .list("TriggerConfigurations", code_deploy.triggers.iter().map(trigger).collect())
}

fn trigger(trigger: &Trigger) -> Value {
    let events: Vec<&str> = trigger.events.iter().map(|event| event.as_str()).collect();
    Properties::new()
        .with("TriggerName", Value::from(&trigger.name))
        .with("TriggerEvents", events)
        .with("TriggerTargetArn", Value::from(&trigger.target))
        .into()
}

/// The role of those that name none.
fn service_role(plan: &Plan, shifted: &[(&FunctionPlan, &Release, &CodeDeploy)]) -> Option<TemplateResource> {
    let without: Vec<&CodeDeploy> =
        shifted.iter().map(|(.., code_deploy)| *code_deploy).filter(|code_deploy| code_deploy.role.is_none()).collect();
    let first = without.first()?;
    let tells = without.iter().any(|code_deploy| !code_deploy.triggers.is_empty());
    let policy = |name: &&str| tree::sub(format!("arn:${{AWS::Partition}}:iam::aws:policy/{name}"));
    let policies = [MOVES, CALLS].iter().chain(tells.then_some(&TELLS)).map(policy).collect();
    let trust = Properties::new()
        .with("Effect", "Allow")
        .with("Principal", Properties::new().with("Service", vec!["codedeploy.amazonaws.com"]))
        .with("Action", vec!["sts:AssumeRole"]);
    let document = Properties::new().with("Version", "2012-10-17").with("Statement", Value::List(vec![trust.into()]));
    let properties = Properties::new()
        .with("AssumeRolePolicyDocument", document)
        .with("RoleName", plan.names.code_deploy_role())
        .list("ManagedPolicyArns", policies)
        .maybe("PermissionsBoundary", first.boundary.as_ref().map(Value::from));
    Some(TemplateResource::new(role::TYPE, properties.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::resources;

    const HEAD: &str = "
service: shop
plugins: [serverless-plugin-canary-deployments]
provider: {name: aws, runtime: python3.12}
";

    #[test]
    fn topics_alone_bring_an_application_a_group_a_role_and_leave_to_answer() {
        let all = resources(&format!(
            "{HEAD}functions:
  hello:
    handler: handler.hello
    deploymentSettings:
      type: Canary10Percent5Minutes
      preTrafficHook: check
      alarms: [errors, {{name: !Ref Alarm}}]
      triggerConfigurations:
        - {{TriggerName: all, TriggerEvents: [DeploymentStart, DeploymentFailure], TriggerTargetArn: !Ref Topic}}
  check: {{handler: handler.check}}
  plain: {{handler: handler.plain}}
"
        ));
        assert_eq!(
            all["ShopdevDeploymentApplication"],
            json!({ "Type": "AWS::CodeDeploy::Application", "Properties": { "ComputePlatform": "Lambda" } })
        );
        assert_eq!(
            all["HelloLambdaFunctionDeploymentGroup"],
            json!({
                "Type": "AWS::CodeDeploy::DeploymentGroup",
                "Properties": {
                    "ApplicationName": { "Ref": "ShopdevDeploymentApplication" },
                    "DeploymentGroupName": "shop-dev-HelloLambdaFunctionDeploymentGroup",
                    "ServiceRoleArn": { "Fn::GetAtt": ["CodeDeployServiceRole", "Arn"] },
                    "DeploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
                    "DeploymentStyle": {
                        "DeploymentType": "BLUE_GREEN",
                        "DeploymentOption": "WITH_TRAFFIC_CONTROL",
                    },
                    "AutoRollbackConfiguration": {
                        "Enabled": true,
                        "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
                    },
                    "AlarmConfiguration": {
                        "Enabled": true,
                        "Alarms": [{ "Name": "errors" }, { "Name": { "Ref": "Alarm" } }],
                    },
                    "TriggerConfigurations": [{
                        "TriggerName": "all",
                        "TriggerEvents": ["DeploymentStart", "DeploymentFailure"],
                        "TriggerTargetArn": { "Ref": "Topic" },
                    }],
                },
            })
        );
        let policy = |name: &str| json!({ "Fn::Sub": format!("arn:${{AWS::Partition}}:iam::aws:policy/{name}") });
        let role = &all["CodeDeployServiceRole"]["Properties"];
        assert_eq!(
            role["ManagedPolicyArns"],
            json!([
                policy("service-role/AWSCodeDeployRoleForLambdaLimited"),
                policy("AWSLambda_FullAccess"),
                policy("AmazonSNSFullAccess"),
            ])
        );
        assert_eq!(role["RoleName"], "shop-dev-us-east-1-codeDeployRole");
        let statements = all["IamRoleLambdaExecution"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
            .as_array()
            .unwrap();
        assert_eq!(
            statements.last().unwrap(),
            &json!({
                "Effect": "Allow",
                "Action": ["codedeploy:PutLifecycleEventHookExecutionStatus"],
                "Resource": [{ "Fn::Sub": "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:deploymentgroup:\
                    ${ShopdevDeploymentApplication}/shop-dev-HelloLambdaFunctionDeploymentGroup" }],
            })
        );
        let alias = &all["HelloLambdaFunctionAliaslive"];
        assert_eq!(
            alias["UpdatePolicy"],
            json!({ "CodeDeployLambdaAliasUpdate": {
                "ApplicationName": { "Ref": "ShopdevDeploymentApplication" },
                "DeploymentGroupName": { "Ref": "HelloLambdaFunctionDeploymentGroup" },
                "BeforeAllowTrafficHook": { "Ref": "CheckLambdaFunction" },
            } })
        );
        let waits = json!(["HelloLambdaFunction", "HelloLambdaFunctionDeploymentGroup", "CheckLambdaFunction"]);
        assert_eq!(alias["DependsOn"], waits);
        assert_eq!(all.get("PlainLambdaFunctionDeploymentGroup"), None);
    }

    #[test]
    fn a_role_that_is_named_is_taken_and_shifts_of_hoists_own_bring_nothing() {
        let named = resources(&format!(
            "{HEAD}custom: {{deploymentSettings: {{codeDeployRole: 'arn:aws:iam::123456789012:role/deployer'}}}}
functions:
  hello: {{handler: handler.hello, deploymentSettings: {{type: AllAtOnce}}}}
"
        ));
        let group = &named["HelloLambdaFunctionDeploymentGroup"]["Properties"];
        assert_eq!(group["ServiceRoleArn"], "arn:aws:iam::123456789012:role/deployer");
        assert_eq!((group.get("AlarmConfiguration"), group.get("TriggerConfigurations")), (None, None));
        assert_eq!(named.get("CodeDeployServiceRole"), None);
        let own = resources(&format!(
            "{HEAD}functions:\n  hello: {{handler: handler.hello, deploymentSettings: {{type: AllAtOnce}}}}\n"
        ));
        let text = own.to_string();
        assert!(!text.contains("CodeDeploy") && !text.contains("codedeploy"), "{text}");
    }
}
