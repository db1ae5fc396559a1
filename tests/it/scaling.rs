//! Provisioned concurrency that follows the load: targets and policies come, follow the version, change and go, and what
//! was scaled meanwhile is kept.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

fn config(rest: &str) -> String {
    format!(
        "service: shop\nprovider: {{name: aws, runtime: python3.13}}\nfunctions:\n  hello:\n    handler: handler.handler\n{rest}"
    )
}

fn scaled(settings: &str) -> String {
    config(&format!("    provisionedConcurrency: 2\n    concurrencyAutoscaling: {settings}\n"))
}

fn handler(which: u32) -> String {
    format!("def handler(event, context):\n    return {which}\n")
}

/// `function:shop-dev-hello:1 2..9`: what is scaled, and between which bounds.
fn targets(boto: &Boto) -> Vec<String> {
    let asked = json!({"ServiceNamespace": "lambda"});
    let found = boto.call("application-autoscaling", "describe_scalable_targets", asked);
    let all = found["ScalableTargets"].as_array().unwrap().iter();
    all.map(|one| format!("{} {}..{}", one["ResourceId"].as_str().unwrap(), one["MinCapacity"], one["MaxCapacity"]))
        .collect()
}

/// What each policy follows.
fn policies(boto: &Boto) -> Vec<Value> {
    let asked = json!({"ServiceNamespace": "lambda"});
    let mut found = boto.call("application-autoscaling", "describe_scaling_policies", asked);
    let all = found["ScalingPolicies"].as_array_mut().unwrap().iter_mut();
    all.map(|one| one["TargetTrackingScalingPolicyConfiguration"].take()).collect()
}

fn allocated(boto: &Boto, version: &str) -> Option<u64> {
    let asked = json!({"FunctionName": "shop-dev-hello", "Qualifier": version});
    let found = boto.try_call("lambda", "get_provisioned_concurrency_config", asked).ok()?;
    found["RequestedProvisionedConcurrentExecutions"].as_u64()
}

/// What Application Auto Scaling does when there is load.
fn scale(boto: &Boto, version: &str, count: u32) {
    let scaled =
        json!({"FunctionName": "shop-dev-hello", "Qualifier": version, "ProvisionedConcurrentExecutions": count});
    boto.call("lambda", "put_provisioned_concurrency_config", scaled);
}

#[test]
fn what_is_scaled_follows_the_version_and_keeps_what_the_load_made_of_it() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = Project::new(&scaled("true")).file("handler.py", &handler(1));
    project.deploy(&cloud);
    assert_eq!(targets(&boto), ["function:shop-dev-hello:1 1..10"]);
    let predefined = json!({"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"});
    let tracking = json!({"TargetValue": 0.75, "ScaleInCooldown": 120, "ScaleOutCooldown": 0,
        "PredefinedMetricSpecification": predefined});
    assert_eq!(policies(&boto), [tracking]);
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();

    // Within the bounds it is no difference, and the next version begins where this one is.
    scale(&boto, "1", 7);
    project.on(&cloud, ["diff", "--exit-code"]).success();
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
    project.write("handler.py", &handler(2));
    project.deploy(&cloud);
    assert_eq!(targets(&boto), ["function:shop-dev-hello:2 1..10"]);
    assert_eq!(policies(&boto).len(), 1);
    assert_eq!(["1", "2"].map(|version| allocated(&boto, version)), [None, Some(7)]);
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");

    // Every setting changes in place, and goes back to its default.
    let every = "{minimum: 2, maximum: 9, usage: 1, scaleInCooldown: 5, scaleOutCooldown: 6, customMetric: {statistic: maximum}}";
    project.write("serverless.yml", &scaled(every));
    project.deploy(&cloud);
    assert_eq!(targets(&boto), ["function:shop-dev-hello:2 2..9"]);
    let metric = json!({"Namespace": "AWS/Lambda", "MetricName": "ProvisionedConcurrencyUtilization",
        "Statistic": "Maximum", "Unit": "Count", "Dimensions": [
            {"Name": "FunctionName", "Value": "shop-dev-hello"}, {"Name": "Resource", "Value": "shop-dev-hello:2"}]});
    let tracking = json!({"TargetValue": 1.0, "ScaleInCooldown": 5, "ScaleOutCooldown": 6,
        "CustomizedMetricSpecification": metric});
    assert_eq!(policies(&boto), [tracking]);
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");

    // Nobody scales it any more: then the number is that of the file.
    scale(&boto, "2", 8);
    project.write("serverless.yml", &config("    provisionedConcurrency: 2\n"));
    project.deploy(&cloud);
    assert_eq!((targets(&boto), policies(&boto).len(), allocated(&boto, "2")), (vec![], 0, Some(2)));
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");

    project.write("serverless.yml", &scaled("true"));
    project.deploy(&cloud);
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(targets(&boto), Vec::<String>::new());
}

#[test]
fn a_target_that_somebody_else_registered_is_left_alone() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = Project::new(&config("    provisionedConcurrency: 2\n"));
    project.deploy(&cloud);
    let theirs = json!({"ServiceNamespace": "lambda", "ResourceId": "function:shop-dev-hello:1",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency", "MinCapacity": 3, "MaxCapacity": 4});
    boto.call("application-autoscaling", "register_scalable_target", theirs);
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
    project.write("serverless.yml", &scaled("true"));
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    ran.says("is there already and is not marked as ours").says("--adopt");
    assert_eq!(targets(&boto), ["function:shop-dev-hello:1 3..4"]);
    project.on(&cloud, ["deploy", "--yes", "--adopt"]).success();
    assert_eq!(targets(&boto), ["function:shop-dev-hello:1 1..10"]);
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
}

/// A target's scheduled actions: their names, and what boto3 shows of them.
fn actions(boto: &Boto) -> Vec<(String, Value)> {
    let asked = json!({"ServiceNamespace": "lambda"});
    let found = boto.call("application-autoscaling", "describe_scheduled_actions", asked);
    let all = found["ScheduledActions"].as_array().unwrap().iter();
    let part = |one: &Value, key: &str| one.get(key).cloned().unwrap_or(Value::Null);
    let mut all: Vec<(String, Value)> = all
        .map(|one| {
            let name =
                format!("{} {}", one["ResourceId"].as_str().unwrap(), one["ScheduledActionName"].as_str().unwrap());
            let shown = ["Schedule", "Timezone", "StartTime", "ScalableTargetAction"].map(|key| part(one, key));
            (name, json!(shown))
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn bounds_that_change_at_certain_times_are_not_fought() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let open = "{name: open, schedule: 'cron(30 8 ? * MON-FRI *)', timezone: Europe/Berlin, startTime: '2027-01-01T00:00:00.000Z', action: {minimum: 5, maximum: 50}}";
    let close = "{name: close, schedule: 'cron(30 18 ? * MON-FRI *)', action: {minimum: 1}}";
    let settings =
        |minimum: u32, actions: &str| scaled(&format!("{{minimum: {minimum}, scheduledActions: [{actions}]}}"));
    let project = Project::new(&settings(1, &format!("{open}, {close}"))).file("handler.py", &handler(1));
    let settled = || {
        project.deploy(&cloud).says("nothing to do");
        project.on(&cloud, ["diff", "--exit-code"]).success();
        project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
    };
    project.deploy(&cloud);
    assert_eq!(targets(&boto), ["function:shop-dev-hello:1 1..10"]);
    let made = actions(&boto);
    assert_eq!(
        made[0],
        (
            "function:shop-dev-hello:1 close".to_owned(),
            json!(["cron(30 18 ? * MON-FRI *)", null, null, {"MinCapacity": 1}])
        )
    );
    assert_eq!((made.len(), made[1].0.as_str()), (2, "function:shop-dev-hello:1 open"));
    let shown = &made[1].1;
    assert_eq!(
        (&shown[0], &shown[1], &shown[3]),
        (&json!("cron(30 8 ? * MON-FRI *)"), &json!("Europe/Berlin"), &json!({"MinCapacity": 5, "MaxCapacity": 50}))
    );
    assert!(shown[2].as_str().unwrap().starts_with("2027-01-01T00:00:00"), "{shown}");
    settled();

    // It is half past eight: the bounds stay as they are, on the next version too.
    let mut now = json!({"ServiceNamespace": "lambda", "ResourceId": "function:shop-dev-hello:1",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency"});
    now["MinCapacity"] = 5.into();
    now["MaxCapacity"] = 50.into();
    boto.call("application-autoscaling", "register_scalable_target", now);
    settled();
    project.write("handler.py", &handler(2));
    project.deploy(&cloud);
    assert_eq!(targets(&boto), ["function:shop-dev-hello:2 5..50"]);
    assert_eq!(
        actions(&boto).into_iter().map(|one| one.0).collect::<Vec<_>>(),
        ["function:shop-dev-hello:2 close", "function:shop-dev-hello:2 open"]
    );
    settled();

    // One action goes, what the other does not say any more is gone, and bounds that the file changes are changed.
    project.write(
        "serverless.yml",
        &settings(2, &open.replace("timezone: Europe/Berlin, startTime: '2027-01-01T00:00:00.000Z', ", "")),
    );
    project.deploy(&cloud);
    assert_eq!(targets(&boto), ["function:shop-dev-hello:2 2..10"]);
    let left = (
        "function:shop-dev-hello:2 open".to_owned(),
        json!(["cron(30 8 ? * MON-FRI *)", null, null, {"MinCapacity": 5, "MaxCapacity": 50}]),
    );
    assert_eq!(actions(&boto), [left]);
    settled();

    // Without actions the bounds are those of the file, whatever they were.
    project.write("serverless.yml", &scaled("{minimum: 2}"));
    project.deploy(&cloud);
    assert_eq!((targets(&boto), actions(&boto)), (vec!["function:shop-dev-hello:2 2..10".to_owned()], vec![]));
    settled();
    project.write("serverless.yml", &settings(2, open));
    project.deploy(&cloud);
    assert_eq!(actions(&boto).len(), 1);
    settled();
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!((targets(&boto), actions(&boto)), (vec![], vec![]));
}
