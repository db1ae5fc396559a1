//! Shifts that CodeDeploy does: begun, watched, failed, stopped, joined by the next deploy, and nothing of it left behind.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, Ran, assert_split, signal};

/// A hook in the way of the plugin: it tells CodeDeploy how it went.
const HOOK: &str = r#"import boto3, os

def handler(event, context):
    client = boto3.client("codedeploy", endpoint_url=os.environ["CLOUD"], region_name="us-east-1",
                          aws_access_key_id=os.environ["ACCOUNT"], aws_secret_access_key="test")
    client.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"], lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status=STATUS)
"#;

fn hook(status: &str) -> String {
    HOOK.replace("STATUS", &format!("{status:?}"))
}

fn handler(which: u32) -> String {
    format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': 'code {which}'}}\n")
}

/// With these settings beside the alias, which is `live`.
fn config(cloud: &Cloud, settings: &str) -> String {
    let (url, account) = (cloud.url(), &cloud.account);
    format!(
        "service: shop\nplugins: [serverless-plugin-canary-deployments]\n\
         provider: {{name: aws, runtime: python3.13, timeout: 20, environment: {{CLOUD: '{url}', ACCOUNT: '{account}'}}}}\n\
         functions:\n  hello: {{handler: handler.handler, deploymentSettings: {{alias: live, {settings}}}}}\n  check: {{handler: check.handler}}\n"
    )
}

fn project(cloud: &Cloud, settings: &str) -> Project {
    Project::new(&config(cloud, settings)).file("handler.py", &handler(1)).file("check.py", &hook("Succeeded"))
}

/// The version of the alias, with the weights of others: `1`, `1 {"2":0.1}`.
fn routing(boto: &Boto) -> String {
    let alias = boto.call("lambda", "get_alias", json!({"FunctionName": "shop-dev-hello", "Name": "live"}));
    let weights = &alias["RoutingConfig"]["AdditionalVersionWeights"];
    let version = alias["FunctionVersion"].as_str().unwrap();
    if weights.as_object().is_none_or(serde_json::Map::is_empty) {
        version.to_owned()
    } else {
        format!("{version} {weights}")
    }
}

fn wait_for_routing(boto: &Boto, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while routing(boto) != wanted {
        assert!(Instant::now() < deadline, "the alias is at {}, not at {wanted}", routing(boto));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn applications(boto: &Boto) -> Value {
    boto.call("codedeploy", "list_applications", json!({}))["applications"].take()
}

const APPLICATION: &str = "shop-dev-ShopdevDeploymentApplication";

fn group(boto: &Boto) -> Value {
    let place =
        json!({"applicationName": APPLICATION, "deploymentGroupName": "shop-dev-HelloLambdaFunctionDeploymentGroup"});
    boto.call("codedeploy", "get_deployment_group", place)["deploymentGroupInfo"].take()
}

fn roles(boto: &Boto) -> Vec<String> {
    let found = boto.call("iam", "list_roles", json!({}));
    let names = found["Roles"].as_array().unwrap().iter().map(|role| role["RoleName"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Deployments with that status, the newest first.
fn deployments(boto: &Boto, status: &str) -> Vec<Value> {
    let asked = json!({"applicationName": APPLICATION, "includeOnlyStatuses": [status],
        "deploymentGroupName": "shop-dev-HelloLambdaFunctionDeploymentGroup"});
    boto.call("codedeploy", "list_deployments", asked)["deployments"].as_array().unwrap().clone()
}

fn writes(cloud: &Cloud, since: usize) -> Vec<Value> {
    let calls = cloud.own_calls().split_off(since).into_iter();
    calls.filter(|call| call["reads"] == false && call["service"] != "s3").collect()
}

#[test]
fn code_deploy_moves_the_alias_and_leaves_nothing_when_it_is_taken_away() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let topic = boto.call("sns", "create_topic", json!({"Name": "told"}))["TopicArn"].as_str().unwrap().to_owned();
    let alarm = json!({"AlarmName": "errors", "MetricName": "Errors", "Namespace": "AWS/Lambda", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"});
    boto.call("cloudwatch", "put_metric_alarm", alarm);
    let told = format!(
        "triggerConfigurations: [{{TriggerName: all, TriggerEvents: [DeploymentFailure], TriggerTargetArn: '{topic}'}}]"
    );
    let whole = format!("type: Canary10Percent5Minutes, alarms: [errors], {told}");
    let project = project(&cloud, &whole);

    // The first deploy has nothing to shift from; the second has nothing to do.
    project.deploy(&cloud);
    assert!(cloud.own_calls().iter().all(|call| call["operation"] != "CreateDeployment"));
    assert_eq!((routing(&boto).as_str(), applications(&boto)), ("1", json!([APPLICATION])));
    let made = group(&boto);
    assert_eq!(made["deploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes");
    assert_eq!(made["alarmConfiguration"]["alarms"], json!([{"name": "errors"}]));
    assert_eq!(made["triggerConfigurations"][0]["triggerTargetArn"], topic.as_str());
    assert!(made["serviceRoleArn"].as_str().unwrap().ends_with("role/shop-dev-us-east-1-codeDeployRole"));
    let before = cloud.own_calls().len();
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
    assert_eq!(writes(&cloud, before), Vec::<Value>::new());

    // Code is shifted.
    project.write("handler.py", &handler(2));
    let running = project.start(&cloud, ["deploy", "--yes", "--json"]);
    wait_for_routing(&boto, "1 {\"2\":0.1}");
    let ran = Ran::of(running.wait_with_output().unwrap()).success();
    let steps: Vec<String> = ran
        .json()
        .into_iter()
        .filter(|line| line["state"] == "step")
        .map(|line| line["what"].as_str().unwrap().to_owned())
        .collect();
    let done = deployments(&boto, "Succeeded");
    assert_eq!(done.len(), 1);
    assert_eq!(
        steps,
        [
            format!("CodeDeploy shifts the traffic to version 2: deployment {}", done[0].as_str().unwrap()),
            "10 % of the traffic goes to version 2".to_owned(),
            "all traffic goes to version 2".to_owned(),
        ]
    );
    assert_eq!(routing(&boto), "2");
    let before = cloud.own_calls().len();
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(writes(&cloud, before), Vec::<Value>::new());

    // Every setting changes in place and goes again; a role of somebody else's takes the place of ours.
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"codedeploy.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = boto.call("iam", "create_role", json!({"RoleName": "deployer", "AssumeRolePolicyDocument": trust}));
    let role = role["Role"]["Arn"].as_str().unwrap();
    project.write("serverless.yml", &config(&cloud, &format!("type: AllAtOnce, codeDeployRole: '{role}'")));
    project.deploy(&cloud);
    let changed = group(&boto);
    assert_eq!(changed["deploymentConfigName"], "CodeDeployDefault.LambdaAllAtOnce");
    assert_eq!((&changed["alarmConfiguration"]["alarms"], &changed["triggerConfigurations"]), (&json!([]), &json!([])));
    assert_eq!(changed["serviceRoleArn"], role);
    assert_eq!(roles(&boto), ["deployer", "shop-dev-us-east-1-lambdaRole"]);
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");

    // hoist shifts itself: nothing of CodeDeploy stays, and the alias is where it was.
    project.write("serverless.yml", &config(&cloud, "type: AllAtOnce"));
    project.deploy(&cloud);
    assert_eq!((applications(&boto), routing(&boto).as_str()), (json!([]), "2"));
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");

    project.write("serverless.yml", &config(&cloud, &whole));
    project.deploy(&cloud);
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!((applications(&boto), roles(&boto)), (json!([]), vec!["deployer".to_owned()]));
}

#[test]
fn a_hook_that_says_no_brings_it_back_and_one_that_says_yes_lets_it_go_on() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = project(&cloud, "type: AllAtOnce, triggerConfigurations: [], postTrafficHook: check");
    project.write("check.py", &hook("Failed"));
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    let failed = deployments(&boto, "Failed");
    ran.says(&format!("CodeDeploy's deployment {} failed: ", failed[0].as_str().unwrap()))
        .says("(HOOK_EXECUTION_FAILURE)")
        .says("`hoist logs` of shop-dev-check says more")
        .says("All traffic is back on version 1");
    assert_eq!(routing(&boto), "1");

    // The hook is in the same zip: there is a third version.
    project.write("check.py", &hook("Succeeded"));
    project.deploy(&cloud).says("all traffic goes to version 3");
    assert_eq!(routing(&boto), "3");
    project.deploy(&cloud).says("nothing to do");
}

#[test]
fn ctrl_c_stops_the_deployment_and_brings_traffic_back() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = project(&cloud, "type: Canary10Percent30Minutes, triggerConfigurations: []");
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    let running = project.start(&cloud, ["deploy", "--yes"]);
    wait_for_routing(&boto, "1 {\"2\":0.1}");
    let began = Instant::now();
    signal(running.id(), "INT");
    let ran = Ran::of(running.wait_with_output().unwrap()).code(130);
    ran.says("all traffic is back on version 1: stopped before all traffic had moved");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!((routing(&boto).as_str(), deployments(&boto, "Stopped").len()), ("1", 1));
    project.write("serverless.yml", &config(&cloud, "type: AllAtOnce, triggerConfigurations: []"));
    project.deploy(&cloud);
    assert_eq!(routing(&boto), "2");
}

#[test]
fn what_an_earlier_run_left_behind_is_joined_or_stopped() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = project(&cloud, "type: Canary10Percent10Minutes, triggerConfigurations: []");
    project.deploy(&cloud);
    let killed = |which: u32, shifting: &str| {
        project.write("handler.py", &handler(which));
        let mut running = project.start(&cloud, ["deploy", "--yes"]);
        wait_for_routing(&boto, shifting);
        running.kill().unwrap();
        running.wait().unwrap();
    };
    killed(2, "1 {\"2\":0.1}");
    let left = deployments(&boto, "InProgress");
    project.deploy(&cloud).says(&format!("goes on with CodeDeploy's deployment {}", left[0].as_str().unwrap()));
    assert_eq!((routing(&boto).as_str(), deployments(&boto, "Succeeded")), ("2", left));

    killed(3, "2 {\"3\":0.1}");
    let left = deployments(&boto, "InProgress");
    project.write("handler.py", &handler(4));
    project.write("serverless.yml", &config(&cloud, "type: AllAtOnce, triggerConfigurations: []"));
    project.deploy(&cloud).says(&format!("stops CodeDeploy's deployment {}", left[0].as_str().unwrap()));
    assert_eq!((routing(&boto).as_str(), deployments(&boto, "Stopped")), ("4", left));
    project.deploy(&cloud).says("nothing to do");
}

/// Its role is a moment old when the deployment begins, and CodeDeploy may not take it yet.
#[test]
fn code_deploy_shifts_the_code_that_comes_together_with_it() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"consistency.role_assumable_s": 3, "consistency.role_policy_s": 2}));
    let boto = cloud.boto();
    let project = project(&cloud, "type: AllAtOnce");
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    project.write("serverless.yml", &config(&cloud, "type: Canary10Percent5Minutes, triggerConfigurations: []"));
    project.deploy(&cloud).says("CodeDeploy shifts the traffic to version 2");
    assert_eq!((routing(&boto).as_str(), deployments(&boto, "Succeeded").len()), ("2", 1));
    project.deploy(&cloud).says("nothing to do");
}

#[test]
fn while_code_deploy_shifts_traffic_is_split_as_configured() {
    let cloud = Cloud::own("calm");
    // A canary of five minutes takes 15 s.
    cloud.set(json!({"codedeploy.scale": 0.05}));
    let boto = cloud.boto();
    let project = project(&cloud, "type: Canary10Percent5Minutes, triggerConfigurations: []");
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    let running = project.start(&cloud, ["deploy", "--yes"]);
    wait_for_routing(&boto, "1 {\"2\":0.1}");
    let heard = || {
        let asked = json!({"FunctionName": "shop-dev-hello", "Qualifier": "live"});
        boto.call("lambda", "invoke", asked)["Payload"].as_str().unwrap().contains("code 2")
    };
    assert_split(0.1, Duration::from_secs(9), heard);
    assert_eq!(routing(&boto), "1 {\"2\":0.1}", "it moved while it was sampled");
    Ran::of(running.wait_with_output().unwrap()).success();
    assert_eq!(routing(&boto), "2");
}
