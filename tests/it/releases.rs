//! New versions get the traffic: warmed, in steps, watched, and back again; old ones go.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, Ran, assert_split, signal};

/// A handler that says which one it is.
fn handler(which: u32) -> String {
    format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': 'code {which}'}}\n")
}

fn project(config: &str) -> Project {
    Project::new(config).file("handler.py", &handler(1))
}

fn config(rest: &str) -> String {
    format!(
        "service: shop\nprovider: {{name: aws, runtime: python3.13}}\nfunctions:\n  hello:\n    handler: handler.handler\n{rest}"
    )
}

fn shifting(kind: &str) -> String {
    config(&format!("    deploymentSettings: {{type: {kind}}}\n"))
}

fn alias(boto: &Boto, name: &str) -> Value {
    boto.call("lambda", "get_alias", json!({"FunctionName": "shop-dev-hello", "Name": name}))
}

/// The version of an alias, with the weights of others: `1`, `1 {"2":0.3}`.
fn routing(boto: &Boto, name: &str) -> String {
    let alias = alias(boto, name);
    let weights = &alias["RoutingConfig"]["AdditionalVersionWeights"];
    let version = alias["FunctionVersion"].as_str().unwrap();
    if weights.as_object().is_none_or(serde_json::Map::is_empty) {
        version.to_owned()
    } else {
        format!("{version} {weights}")
    }
}

fn wait_for_routing(boto: &Boto, name: &str, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while routing(boto, name) != wanted {
        assert!(Instant::now() < deadline, "the alias is at {}, not at {wanted}", routing(boto, name));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a call of an alias says.
fn called(boto: &Boto, name: &str) -> Result<String, String> {
    let answer = boto.try_call("lambda", "invoke", json!({"FunctionName": "shop-dev-hello", "Qualifier": name}))?;
    let payload: Value = serde_json::from_str(answer["Payload"].as_str().unwrap()).unwrap();
    payload["body"].as_str().map(str::to_owned).ok_or_else(|| payload.to_string())
}

/// Versions that are published, with their descriptions.
fn versions(boto: &Boto, function: &str) -> BTreeMap<String, String> {
    let found = boto.call("lambda", "list_versions_by_function", json!({"FunctionName": function}));
    let published = found["Versions"].as_array().unwrap().iter().filter(|version| version["Version"] != "$LATEST");
    published
        .map(|version| {
            let text = |key: &str| version[key].as_str().unwrap_or_default().to_owned();
            (text("Version"), text("Description"))
        })
        .collect()
}

fn operations<'a>(calls: &'a [Value], names: &[&str]) -> Vec<&'a Value> {
    calls.iter().filter(|call| names.contains(&call["operation"].as_str().unwrap_or_default())).collect()
}

fn git(project: &Project, args: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(args);
    assert!(command.current_dir(project.path()).output().unwrap().status.success(), "git {args:?}");
}

#[test]
fn versions_are_published_when_something_changed_and_say_the_commit() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let with_plain = format!("{}  plain:\n    handler: handler.handler\n", shifting("AllAtOnce"));
    let project = project(&with_plain);
    git(&project, &["init", "-q"]);
    git(&project, &["add", "handler.py"]);
    git(&project, &["commit", "-q", "-m", "first"]);
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    git(&project, &["commit", "-q", "-a", "-m", "second"]);
    let before = cloud.own_calls().len();
    project.deploy(&cloud);
    let calls = cloud.own_calls().split_off(before);
    let published = operations(&calls, &["PublishVersion"]);
    assert_eq!(published.len(), 2, "{published:?}");
    assert_eq!(operations(&calls, &["UpdateFunctionCode"]).len(), 2);
    let shop = versions(&boto, "shop-dev-hello");
    assert_eq!(shop.len(), 2);
    assert!(shop.values().all(|text| text.starts_with("commit ")), "{shop:?}");
    assert_ne!(shop["1"], shop["2"]);
    assert_eq!(versions(&boto, "shop-dev-plain"), shop, "the same commits");
    assert_eq!(routing(&boto, "live"), "2");

    // Another commit without another zip makes nothing.
    git(&project, &["commit", "-q", "--allow-empty", "-m", "third"]);
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(versions(&boto, "shop-dev-hello").len(), 2);
}

#[test]
fn old_versions_go_but_none_that_an_alias_points_to() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let pruning = "service: shop\nprovider: {name: aws, runtime: python3.13, pruneFunctionVersions: {number: 2, includeLayers: true}}\n\
        layers: {tools: {path: tools, retain: true}}\nfunctions:\n  hello: {handler: handler.handler}\n";
    let project = project(pruning).file("tools/python/tool.py", "A = 1\n");
    project.deploy(&cloud);
    boto.call(
        "lambda",
        "create_alias",
        json!({"FunctionName": "shop-dev-hello", "Name": "kept", "FunctionVersion": "1"}),
    );
    for which in 2..=6 {
        project.write("handler.py", &handler(which));
        project.write("tools/python/tool.py", &format!("A = {which}\n"));
        if which == 4 {
            // Somebody shifts: the third version has a part of the traffic only.
            let weights = json!({"AdditionalVersionWeights": {"3": 0.1}});
            let shift = json!({"FunctionName": "shop-dev-hello", "Name": "kept", "RoutingConfig": weights});
            boto.call("lambda", "update_alias", shift);
        }
        project.deploy(&cloud);
    }
    assert_eq!(versions(&boto, "shop-dev-hello").into_keys().collect::<Vec<_>>(), ["1", "3", "5", "6"]);
    let layers = boto.call("lambda", "list_layer_versions", json!({"LayerName": "tools"}));
    let numbers: Vec<_> =
        layers["LayerVersions"].as_array().unwrap().iter().map(|layer| layer["Version"].as_u64()).collect();
    assert_eq!(numbers, [Some(6), Some(5)]);
    let before = cloud.own_calls().len();
    project.deploy(&cloud).says("nothing to do");
    assert!(operations(&cloud.own_calls().split_off(before), &["ListVersionsByFunction", "DeleteFunction"]).is_empty());
}

#[test]
fn the_settings_of_the_plugin_prune_too_and_who_wants_no_versions_gets_none() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let config = |custom: &str, provider: &str, other: &str| {
        format!(
            "service: shop\nplugins: [serverless-prune-plugin]\ncustom: {{prune: {custom}}}\nprovider: {{name: aws, runtime: python3.13{provider}}}\n\
             functions:\n  hello: {{handler: handler.handler}}\n  other: {{handler: handler.handler{other}}}\n"
        )
    };
    let numbers = |name: &str| versions(&boto, name).into_keys().collect::<Vec<_>>();
    let project = project(&config("{automatic: false, number: 1}", "", ""));
    let deploy = |which: u32| {
        project.write("handler.py", &handler(which));
        project.deploy(&cloud);
    };
    (1..=2).for_each(deploy);
    assert_eq!(numbers("shop-dev-hello"), ["1", "2"], "only by hand");
    project.write("serverless.yml", &config("{automatic: true, number: 1}", "", ""));
    deploy(3);
    assert_eq!(numbers("shop-dev-hello"), ["3"]);

    // None for all but one, and none for that one.
    project
        .write("serverless.yml", &config("{automatic: false}", ", versionFunctions: false", ", versionFunction: true"));
    deploy(4);
    assert_eq!(
        (numbers("shop-dev-hello"), numbers("shop-dev-other")),
        (vec!["3".into()], vec!["3".into(), "4".into()])
    );
    assert_eq!(called(&boto, "$LATEST").as_deref(), Ok("code 4"));
    project.write("serverless.yml", &config("{automatic: false}", "", ", versionFunction: false"));
    deploy(5);
    assert_eq!(numbers("shop-dev-other"), ["3", "4"]);
    project.deploy(&cloud).says("nothing to do");
}

#[test]
fn a_version_is_warm_before_the_alias_moves_and_the_old_one_is_released_last() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"consistency.provisioned_ms": 1200}));
    let boto = cloud.boto();
    let project = project(&config("    provisionedConcurrency: 2\n    url: true\n"));
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    let before = cloud.own_calls().len();
    project.deploy(&cloud);
    let names = ["PutProvisionedConcurrencyConfig", "UpdateAlias", "DeleteProvisionedConcurrencyConfig"];
    let calls = cloud.own_calls().split_off(before);
    let order: Vec<_> =
        operations(&calls, &names).iter().map(|call| call["operation"].as_str().unwrap().to_owned()).collect();
    assert_eq!(order, names);
    let last_look = operations(&calls, &["GetProvisionedConcurrencyConfig"]).last().unwrap()["seq"].as_u64();
    assert!(last_look < operations(&calls, &["UpdateAlias"])[0]["seq"].as_u64(), "moved only when it was ready");
    assert_eq!(routing(&boto, "provisioned"), "2");
    let allocated = |version: &str| {
        let asked = json!({"FunctionName": "shop-dev-hello", "Qualifier": version});
        boto.try_call("lambda", "get_provisioned_concurrency_config", asked)
            .ok()
            .and_then(|found| found["RequestedProvisionedConcurrentExecutions"].as_u64())
    };
    assert_eq!(["1", "2", "provisioned"].map(allocated), [None, Some(2), None]);
    project.deploy(&cloud).says("nothing to do");

    // What cannot be warmed gets no traffic, and costs nothing.
    cloud.set(json!({"consistency.provisioned_ms": 0, "consistency.provisioned_fails": true}));
    project.write("handler.py", &handler(3));
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    ran.says("FUNCTION_ERROR_INIT_FAILURE").says("All traffic stays on version 2").says("hoist logs");
    assert_eq!((routing(&boto, "provisioned").as_str(), called(&boto, "provisioned").as_deref()), ("2", Ok("code 2")));
    assert_eq!(["2", "3"].map(allocated), [Some(2), None]);
    cloud.set(json!({"consistency.provisioned_fails": false}));
    project.deploy(&cloud);
    assert_eq!(["2", "3"].map(allocated), [None, Some(2)]);

    // Scaled by somebody else: not fought, and carried over to the next version.
    let target = json!({"ServiceNamespace": "lambda", "ResourceId": "function:shop-dev-hello:3",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency", "MinCapacity": 1, "MaxCapacity": 9});
    boto.call("application-autoscaling", "register_scalable_target", target);
    let scaled = json!({"FunctionName": "shop-dev-hello", "Qualifier": "3", "ProvisionedConcurrentExecutions": 7});
    boto.call("lambda", "put_provisioned_concurrency_config", scaled);
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
    project.write("handler.py", &handler(4));
    project.deploy(&cloud);
    assert_eq!(["3", "4"].map(allocated), [None, Some(7)]);

    // By hand it is a difference.
    let by_hand = json!({"FunctionName": "shop-dev-hello", "Qualifier": "4", "ProvisionedConcurrentExecutions": 1});
    boto.call("lambda", "put_provisioned_concurrency_config", by_hand);
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success();
    assert_eq!(allocated("4"), Some(2));
}

#[test]
fn where_there_is_room_for_one_version_only_the_old_one_gives_way() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"consistency.provisioned_ms": 600}));
    let boto = cloud.boto();
    let project = project(&config("    reservedConcurrency: 2\n    provisionedConcurrency: 2\n"));
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    project.deploy(&cloud);
    assert_eq!(routing(&boto, "provisioned"), "2");
    let listed = || {
        let all =
            boto.call("lambda", "list_provisioned_concurrency_configs", json!({"FunctionName": "shop-dev-hello"}));
        let all = all["ProvisionedConcurrencyConfigs"].as_array().unwrap().clone();
        let of = |one: &Value| one["FunctionArn"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        all.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(listed(), ["2"]);
    project.deploy(&cloud).says("nothing to do");

    // What cannot be warmed leaves the traffic, and its environments, where they were.
    cloud.set(json!({"consistency.provisioned_fails": true}));
    project.write("handler.py", &handler(3));
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("All traffic stays on version 2");
    assert_eq!((routing(&boto, "provisioned").as_str(), listed()), ("2", vec!["2".to_owned()]));
    cloud.set(json!({"consistency.provisioned_fails": false}));
    project.deploy(&cloud);
    assert_eq!((routing(&boto, "provisioned").as_str(), listed()), ("3", vec!["3".to_owned()]));
}

#[test]
fn an_alias_never_points_to_a_version_that_is_not_active() {
    let cloud = Cloud::own("calm");
    let project = project(&shifting("AllAtOnce"));
    project.deploy(&cloud);
    let boto = cloud.boto();
    // The first call starts a runtime, which takes its time.
    assert_eq!(called(&boto, "live").as_deref(), Ok("code 1"));
    cloud.set(json!({"consistency.version_pending_ms": 4000}));
    project.write("handler.py", &handler(2));
    let mut running = project.start(&cloud, ["deploy", "--yes"]);
    let mut heard = Vec::new();
    while running.try_wait().unwrap().is_none() {
        heard.push(called(&boto, "live"));
    }
    heard.push(called(&boto, "live"));
    assert!(running.wait().unwrap().success());
    assert!(heard.len() > 5 && heard.iter().all(Result::is_ok), "{heard:?}");
    assert_eq!(heard.last().unwrap().as_deref(), Ok("code 2"));
    // It was looked at while it was not: otherwise this shows nothing.
    let looks = operations(&cloud.own_calls(), &["GetFunction"])
        .iter()
        .filter(|call| call["params"]["Qualifier"] == "2")
        .count();
    assert!(looks > 1, "{looks}");
}

#[test]
fn during_a_shift_traffic_is_split_as_configured() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = project(&shifting("Linear40PercentEvery20Seconds"));
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    let running = project.start(&cloud, ["deploy", "--yes", "--json"]);
    for share in [0.4, 0.8] {
        let wanted = format!("1 {{\"2\":{share}}}");
        wait_for_routing(&boto, "live", &wanted);
        assert_split(share, Duration::from_secs(12), || called(&boto, "live").unwrap() == "code 2");
        assert_eq!(routing(&boto, "live"), wanted, "it moved while it was sampled");
    }
    let ran = Ran::of(running.wait_with_output().unwrap()).success();
    let steps: Vec<Value> =
        ran.json().into_iter().filter(|line| line["state"] == "step").map(|line| line["what"].clone()).collect();
    assert_eq!(
        steps,
        [
            "40 % of the traffic goes to version 2 for 20 s",
            "80 % of the traffic goes to version 2 for 20 s",
            "all traffic goes to version 2"
        ]
    );
    assert_eq!((routing(&boto, "live").as_str(), called(&boto, "live").as_deref()), ("2", Ok("code 2")));
    project.deploy(&cloud).says("nothing to do");
}

#[test]
fn an_alarm_or_a_hook_brings_traffic_back_and_the_next_deploy_tries_again() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let watched = |hook: &str| {
        let settings = format!("{{type: Canary50Percent30Seconds, alarms: [errors]{hook}}}");
        config(&format!("    deploymentSettings: {settings}\n  check: {{handler: check.handler}}\n"))
    };
    let checks = |text: &str| format!("def handler(event, context):\n    {text}\n");
    let project = project(&watched("")).file("check.py", &checks("raise Exception('it is not good')"));

    // Nothing is made while the alarm does not exist.
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("the alarm errors").says("does not exist");
    assert!(
        cloud.own_calls().iter().all(|call| call["reads"] == true || call["service"] == "sts"),
        "nothing was written"
    );
    let alarm = json!({"AlarmName": "errors", "MetricName": "Errors", "Namespace": "AWS/Lambda", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"});
    boto.call("cloudwatch", "put_metric_alarm", alarm);
    let ring = |state: &str| {
        let state = json!({"AlarmName": "errors", "StateValue": state, "StateReason": "5 of 5 failed"});
        boto.call("cloudwatch", "set_alarm_state", state);
    };
    ring("OK");
    project.deploy(&cloud);

    project.write("handler.py", &handler(2));
    let running = project.start(&cloud, ["deploy", "--yes"]);
    wait_for_routing(&boto, "live", "1 {\"2\":0.5}");
    ring("ALARM");
    let ran = Ran::of(running.wait_with_output().unwrap()).code(1);
    ran.says("the alarm errors rings: 5 of 5 failed").says("All traffic is back on version 1");
    assert_eq!((routing(&boto, "live").as_str(), called(&boto, "live").as_deref()), ("1", Ok("code 1")));
    ring("OK");

    // The hook is asked before anything moves.
    project.write("serverless.yml", &watched(", preTrafficHook: check"));
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    ran.says("the preTrafficHook shop-dev-check says no").says("it is not good").says("all traffic stays on version 1");
    assert_eq!(routing(&boto, "live"), "1");
    project.write("check.py", &checks("return {'status': 'Succeeded'}"));
    let everything = watched(", preTrafficHook: check").replace("Canary50Percent30Seconds", "Canary50Percent1Second");
    project.write("serverless.yml", &everything);
    project.deploy(&cloud).says("all traffic goes to version");
    assert_eq!(called(&boto, "live").as_deref(), Ok("code 2"));
    project.deploy(&cloud).says("nothing to do");
}

#[test]
fn ctrl_c_brings_traffic_back_and_the_next_deploy_finishes() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = project(&shifting("Canary30Percent10Minutes"));
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    let running = project.start(&cloud, ["deploy", "--yes"]);
    wait_for_routing(&boto, "live", "1 {\"2\":0.3}");
    let began = Instant::now();
    signal(running.id(), "INT");
    let ran = Ran::of(running.wait_with_output().unwrap()).code(130);
    ran.says("all traffic is back on version 1").says("HelloLambdaFunctionAliaslive let go while it ran");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(routing(&boto, "live"), "1");
    project.write("serverless.yml", &shifting("Canary30Percent1Second"));
    project.deploy(&cloud);
    assert_eq!((routing(&boto, "live").as_str(), called(&boto, "live").as_deref()), ("2", Ok("code 2")));
}

#[test]
fn ctrl_c_brings_traffic_back_while_a_hook_takes_its_time() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let settings = "{type: AllAtOnce, postTrafficHook: check}";
    let hooked = config(&format!("    deploymentSettings: {settings}\n  check: {{handler: handler.handler}}\n"));
    let project = project(&hooked);
    project.deploy(&cloud);
    project.write("handler.py", &handler(2));
    let held = cloud.hold("lambda.Invoke", "before");
    // Putting back what else it did is not for somebody who wants to leave.
    let running = project.start(&cloud, ["deploy", "--yes", "--rollback-on-failure"]);
    held.caught();
    assert_eq!(routing(&boto, "live"), "2");
    let began = Instant::now();
    signal(running.id(), "INT");
    let ran = Ran::of(running.wait_with_output().unwrap()).code(130);
    ran.says("stopped before the postTrafficHook shop-dev-check had answered").says("all traffic is back on version 1");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(routing(&boto, "live"), "1");
    drop(held);
    project.deploy(&cloud);
    assert_eq!((routing(&boto, "live").as_str(), called(&boto, "live").as_deref()), ("2", Ok("code 2")));
}

/// One function shifts to its end, the next is stopped by its alarm: all that the run did is put back, traffic first.
#[test]
fn what_was_shifted_already_is_put_back_when_a_later_shift_fails() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let alarm = json!({"AlarmName": "errors", "MetricName": "Errors", "Namespace": "AWS/Lambda", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"});
    boto.call("cloudwatch", "put_metric_alarm", alarm);
    let ring = |state: &str| {
        let state = json!({"AlarmName": "errors", "StateValue": state, "StateReason": "5 of 5 failed"});
        boto.call("cloudwatch", "set_alarm_state", state);
    };
    ring("OK");
    let text = |memory: u32, fresh: &str| {
        let watched = "{type: Canary50Percent5Minutes, alarms: [errors]}";
        config(&format!(
            "    memorySize: {memory}\n    deploymentSettings: {{type: AllAtOnce}}\n  other: {{handler: handler.handler, memorySize: {memory}, deploymentSettings: {watched}}}\n{fresh}deploy: {{onFailure: rollback}}\n"
        ))
    };
    let project = project(&text(128, ""));
    project.deploy(&cloud);
    let fresh = "  fresh: {handler: handler.handler, events: [{schedule: rate(1 hour)}]}\n";
    project.write("serverless.yml", &text(256, fresh));
    let running = project.start(&cloud, ["deploy", "--yes"]);
    wait_for_routing(&boto, "live", "2");
    let other = || {
        let asked = json!({"FunctionName": "shop-dev-other", "Name": "live"});
        let alias = boto.call("lambda", "get_alias", asked);
        (alias["FunctionVersion"].clone(), alias["RoutingConfig"]["AdditionalVersionWeights"]["2"].clone())
    };
    let deadline = Instant::now() + Duration::from_secs(90);
    while other() != (json!("1"), json!(0.5)) {
        assert!(Instant::now() < deadline, "the other is at {:?}", other());
        std::thread::sleep(Duration::from_millis(100));
    }
    let before = cloud.own_calls().len();
    ring("ALARM");
    let ran = Ran::of(running.wait_with_output().unwrap()).code(1);
    ran.says("the alarm errors rings").says("put back: ");
    // Traffic first, then what it went to; the trigger of what came before its function.
    let calls = cloud.own_calls().split_off(before);
    let at = |operations: &[&str], function: &str| {
        let is = |call: &&Value| operations.contains(&call["operation"].as_str().unwrap_or_default());
        let of = |call: &&Value| call["params"].to_string().contains(function);
        let found = calls.iter().find(|call| is(call) && of(call) && call["status"] != 404);
        found
            .map(|call| call["seq"].as_u64().unwrap())
            .unwrap_or_else(|| panic!("no {operations:?} of {function} in {calls:#?}"))
    };
    assert!(at(&["UpdateAlias"], "shop-dev-hello") < at(&["UpdateFunctionConfiguration"], "shop-dev-hello"));
    assert!(at(&["UpdateAlias"], "shop-dev-other") < at(&["UpdateFunctionConfiguration"], "shop-dev-other"));
    assert!(at(&["DeleteRule"], "Fresh") < at(&["DeleteFunction"], "shop-dev-fresh"));
    assert!(boto.function("shop-dev-fresh").is_none());
    assert_eq!((routing(&boto, "live").as_str(), other()), ("1", (json!("1"), Value::Null)));
    for name in ["shop-dev-hello", "shop-dev-other"] {
        assert_eq!(boto.function(name).unwrap()["Configuration"]["MemorySize"], 128, "{name}");
    }
}

#[test]
fn a_canary_needs_no_configuration() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = project(&config("    url: true\n"));
    let ran = project.deploy(&cloud);
    assert!(!ran.said().contains("alias"), "{}", ran.said());
    project.write("handler.py", &handler(2));
    let running = project.start(&cloud, ["deploy", "--yes", "--canary", "30", "--bake", "15s"]);
    let deadline = Instant::now() + Duration::from_secs(90);
    while boto.try_call("lambda", "get_alias", json!({"FunctionName": "shop-dev-hello", "Name": "live"})).is_err() {
        assert!(Instant::now() < deadline, "there is no alias");
        std::thread::sleep(Duration::from_millis(100));
    }
    wait_for_routing(&boto, "live", "1 {\"2\":0.3}");
    let url = |qualifier: &str| {
        let asked = json!({"FunctionName": "shop-dev-hello", "Qualifier": qualifier});
        boto.call("lambda", "get_function_url_config", asked)["FunctionUrl"].as_str().unwrap().to_owned()
    };
    let address = url("live");
    assert_split(0.3, Duration::from_secs(9), || cloud.get(&address).1 == "code 2");
    assert_eq!(routing(&boto, "live"), "1 {\"2\":0.3}", "it moved while it was sampled");
    Ran::of(running.wait_with_output().unwrap()).success().says("30 % of the traffic goes to version 2");
    assert_eq!(routing(&boto, "live"), "2");
    assert_eq!(cloud.get(&address).1, "code 2");
}

#[test]
fn what_cannot_be_is_refused_before_the_first_write() {
    let cloud = Cloud::shared().another();
    let cases = [
        (shifting("Canary100Percent5Minutes"), "not a percentage from 1 to 99"),
        (shifting("Purple"), "no way to shift traffic"),
        (config("    deploymentSettings: {type: AllAtOnce, preTrafficHook: nobody}\n"), "`nobody` is not a function"),
        (config("    reservedConcurrency: 3\n    provisionedConcurrency: 4\n"), "above the reserved concurrency of 3"),
        (config("    reservedConcurrency: 901\n"), "Lambda keeps 100"),
        (
            config(
                "    provisionedConcurrency: 2\n    concurrencyAutoscaling: {scheduledActions: [{schedule: rate(1 hour), action: {minimum: 5, maximum: 2}}]}\n",
            ),
            "the minimum of 5 is above the maximum of 2",
        ),
    ];
    for (config, wanted) in cases {
        project(&config).on(&cloud, ["deploy", "--yes"]).code(1).says(wanted);
    }
    let fine = project(&config(""));
    for (percent, bake) in [("0", "5m"), ("100", "5m"), ("ten", "5m"), ("10", "0s"), ("10", "2d")] {
        fine.on(&cloud, ["deploy", "--yes", "--canary", percent, "--bake", bake]).code(1);
    }
    let writes: Vec<_> = cloud.own_calls().into_iter().filter(|call| call["reads"] == false).collect();
    assert!(writes.is_empty(), "{writes:?}");

    // 0 is a number like any other: it stops the function.
    let stopped = project(&config("    reservedConcurrency: 0\n"));
    stopped.deploy(&cloud);
    let boto = cloud.boto();
    let found = boto.call("lambda", "get_function_concurrency", json!({"FunctionName": "shop-dev-hello"}));
    assert_eq!(found["ReservedConcurrentExecutions"], 0);
    stopped.write("serverless.yml", &config(""));
    stopped.deploy(&cloud);
    let found = boto.call("lambda", "get_function_concurrency", json!({"FunctionName": "shop-dev-hello"}));
    assert_eq!(found["ReservedConcurrentExecutions"], Value::Null);
}

/// The alias of a function that lasts for days is another one: it goes through the same doors.
#[test]
fn a_durable_function_has_an_alias_of_its_own() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let durable = |time: u32| {
        config(&format!(
            "    url: true\n    durableConfig: {{executionTimeout: {time}, retentionPeriodInDays: 3}}\n    deploymentSettings: {{type: AllAtOnce}}\n"
        ))
    };
    let project = project(&durable(600));
    project.deploy(&cloud);
    let kept = || boto.function("shop-dev-hello").unwrap()["Configuration"]["DurableConfig"].clone();
    assert_eq!(kept(), json!({"ExecutionTimeout": 600, "RetentionPeriodInDays": 3}));
    assert_eq!(routing(&boto, "durable"), "1");
    project.deploy(&cloud).says("nothing to do");
    project.write("serverless.yml", &durable(900));
    project.write("handler.py", &handler(2));
    project.deploy(&cloud).says("all traffic goes to version 2");
    assert_eq!((routing(&boto, "durable").as_str(), called(&boto, "durable").as_deref()), ("2", Ok("code 2")));
    assert_eq!(kept()["ExecutionTimeout"], 900);
    let asked = json!({"FunctionName": "shop-dev-hello", "Qualifier": "durable"});
    let address = boto.call("lambda", "get_function_url_config", asked)["FunctionUrl"].as_str().unwrap().to_owned();
    assert_eq!(cloud.get(&address).1, "code 2");
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
}
