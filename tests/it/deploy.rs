//! The whole road: deploy, deploy again, change, diff, kill.

use serde_json::{Value, json};

use crate::support::{Cloud, Project};

const CONFIG: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  logRetentionInDays: 7
  environment:
    MODE: plain
functions:
  hello:
    handler: handler.handler
    url: true
  other:
    handler: handler.handler
";

#[test]
fn what_the_file_says_is_what_is_live() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(CONFIG);
    project.deploy(&cloud).says("shop-dev-hello").says("http");

    let hello = boto.function("shop-dev-hello").unwrap();
    assert_eq!(hello["Configuration"]["Runtime"], "python3.13");
    assert_eq!(hello["Configuration"]["MemorySize"], 1024);
    assert_eq!(hello["Configuration"]["Timeout"], 6);
    assert_eq!(hello["Configuration"]["Environment"]["Variables"], json!({"MODE": "plain"}));
    assert_eq!(hello["Tags"]["hoist:service"], "shop");
    assert_eq!(hello["Tags"]["hoist:stage"], "dev");
    assert_eq!(hello["Tags"]["hoist:id"], "HelloLambdaFunction");
    assert_eq!(hello["Tags"]["STAGE"], "dev");

    let role = boto.call("iam", "get_role", json!({"RoleName": "shop-dev-us-east-1-lambdaRole"}));
    assert_eq!(hello["Configuration"]["Role"], role["Role"]["Arn"]);
    let policy = boto.call(
        "iam",
        "get_role_policy",
        json!({"RoleName": "shop-dev-us-east-1-lambdaRole", "PolicyName": "shop-dev-lambda"}),
    );
    assert!(policy.to_string().contains("logs:PutLogEvents"), "{policy}");
    let groups = boto.call("logs", "describe_log_groups", json!({"logGroupNamePrefix": "/aws/lambda/shop-dev-"}));
    let groups = groups["logGroups"].as_array().unwrap();
    assert_eq!(groups.len(), 2);
    assert!(groups.iter().all(|group| group["retentionInDays"] == 7), "{groups:?}");
    let versions = boto.call("lambda", "list_versions_by_function", json!({"FunctionName": "shop-dev-hello"}));
    assert_eq!(versions["Versions"].as_array().unwrap().len(), 2, "$LATEST and one published version");

    let url = boto.call("lambda", "get_function_url_config", json!({"FunctionName": "shop-dev-hello"}));
    assert_eq!(url["AuthType"], "NONE");
    let policy = boto.call("lambda", "get_policy", json!({"FunctionName": "shop-dev-hello"}));
    let policy = policy["Policy"].as_str().unwrap();
    assert!(policy.contains("lambda:InvokeFunctionUrl") && policy.contains("lambda:InvokeFunction\""), "{policy}");
}

#[test]
fn a_second_deploy_finds_nothing_to_do_and_writes_nothing() {
    let cloud = Cloud::own("calm");
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    cloud.forget_calls();
    project.deploy(&cloud).says("nothing to do");
    let calls = cloud.calls();
    let writes: Vec<_> = calls
        .iter()
        .filter(|call| {
            let operation = call["operation"].as_str().unwrap();
            !["Get", "List", "Describe", "Head"].iter().any(|read| operation.starts_with(read))
        })
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    project.on(&cloud, ["diff", "--exit-code"]).success().says("nothing to do");
}

#[test]
fn a_permission_does_not_wait_until_its_new_function_is_active() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"consistency.function_pending_ms": 1500}));
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    let calls = cloud.calls();
    let sent = |operation: &str| -> Vec<u64> {
        let is_it =
            |call: &&Value| call["operation"] == operation && call["params"]["FunctionName"] == "shop-dev-hello";
        calls.iter().filter(is_it).map(|call| call["seq"].as_u64().unwrap()).collect()
    };
    let (permissions, url) = (sent("AddPermission"), sent("CreateFunctionUrlConfig"));
    let looks: Vec<u64> = sent("GetFunction").into_iter().filter(|look| *look > sent("CreateFunction")[0]).collect();
    assert!(looks.len() > 2, "{looks:?}");
    assert!(permissions.iter().all(|added| added < looks.last().unwrap()), "{permissions:?} {looks:?}");
    // Whoever knows a URL may call it: that one waits.
    assert!(url[0] > *looks.last().unwrap(), "{url:?} {looks:?}");
    project.on(&cloud, ["diff", "--exit-code"]).success();
}

#[test]
fn a_changed_line_changes_that_function_alone() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    let before = boto.function("shop-dev-other").unwrap();

    project.write("serverless.yml", &CONFIG.replace("    url: true", "    url: true\n    memorySize: 512"));
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    assert!(diff.stdout.contains("MemorySize: 1024 → 512"), "{}", diff.stdout);
    assert!(!diff.stdout.contains("OtherLambdaFunction"), "{}", diff.stdout);
    assert_eq!(boto.function("shop-dev-hello").unwrap()["Configuration"]["MemorySize"], 1024, "diff changes nothing");

    project.deploy(&cloud);
    assert_eq!(boto.function("shop-dev-hello").unwrap()["Configuration"]["MemorySize"], 512);
    assert_eq!(
        boto.function("shop-dev-other").unwrap()["Configuration"]["RevisionId"],
        before["Configuration"]["RevisionId"]
    );
    project.on(&cloud, ["diff", "--exit-code"]).success();
}

#[test]
fn changed_code_is_sent_and_unchanged_code_is_not() {
    let cloud = Cloud::own("calm");
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    cloud.forget_calls();
    project.write("serverless.yml", &CONFIG.replace("MODE: plain", "MODE: loud"));
    project.deploy(&cloud);
    assert!(cloud.calls().iter().all(|call| call["operation"] != "UpdateFunctionCode"), "only the settings changed");
    cloud.forget_calls();
    project.write("handler.py", "def handler(event, context):\n    return 'new'\n");
    project.deploy(&cloud);
    let sent = cloud.calls().iter().filter(|call| call["operation"] == "UpdateFunctionCode").count();
    assert_eq!(sent, 2, "both functions share the zip");
    project.on(&cloud, ["invoke", "-f", "hello"]).success().says("new");
}

#[test]
fn drift_is_shown_and_repaired() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    boto.call("lambda", "update_function_configuration", json!({"FunctionName": "shop-dev-hello", "Timeout": 99}));
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    assert!(diff.stdout.contains("Timeout: 99 → 6"), "{}", diff.stdout);
    project.deploy(&cloud);
    assert_eq!(boto.function("shop-dev-hello").unwrap()["Configuration"]["Timeout"], 6);
}

#[test]
fn a_function_that_left_the_file_is_found_and_removed() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    project.write("serverless.yml", CONFIG.split("  other:").next().unwrap());
    let asked = project.on(&cloud, ["deploy"]).code(1);
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert!(boto.function("shop-dev-other").is_some(), "nothing is deleted without a yes");
    project.deploy(&cloud);
    assert!(boto.function("shop-dev-other").is_none());
    assert!(boto.function("shop-dev-hello").is_some());
    let groups = boto.call("logs", "describe_log_groups", json!({"logGroupNamePrefix": "/aws/lambda/shop-dev-other"}));
    assert_eq!(groups["logGroups"].as_array().unwrap().len(), 0);
    project.on(&cloud, ["diff", "--exit-code"]).success();
}

#[test]
fn with_json_every_line_is_an_object_and_nothing_else_is_said() {
    let cloud = Cloud::shared();
    let project = Project::new(CONFIG);
    let ran = project.on(&cloud, ["deploy", "--yes", "--json"]).success();
    assert_eq!(ran.stderr, "");
    let lines = ran.json();
    let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"target"), Some(&"deployed")), "{kinds:?}");
    let result = lines.iter().find(|line| line["type"] == "result").unwrap();
    assert_eq!((&result["complete"], &result["changed"]), (&json!(true), &json!(true)));
    assert!(lines.last().unwrap()["endpoints"][0]["url"].as_str().unwrap().starts_with("http"));
}

#[test]
fn a_version_that_is_kept_is_no_difference() {
    let cloud = Cloud::shared().another();
    let config =
        "service: shop\nprovider: {name: aws, runtime: python3.13}\nfunctions: {hello: {handler: handler.handler}}\n";
    let project = Project::new(config);
    project.deploy(&cloud);
    project.write("serverless.yml", &config.replace("python3.13}", "python3.13, versionFunctions: false}"));
    project.deploy(&cloud);
    project.on(&cloud, ["diff", "--exit-code"]).success().says("nothing to do").says("kept");
}

#[test]
fn a_hundred_functions_are_read_in_115_calls_and_unchanged_nothing_is_written() {
    let cloud = Cloud::own("calm");
    let functions: String = (0..100).map(|number| format!("  f{number}: {{handler: handler.handler}}\n")).collect();
    let project =
        Project::new(&format!("service: wide\nprovider: {{name: aws, runtime: python3.13}}\nfunctions:\n{functions}"));
    project.deploy(&cloud);
    cloud.forget_calls();
    project.deploy(&cloud).says("nothing to do");
    let calls = cloud.own_calls();
    let reads = calls.iter().filter(|call| call["reads"] == true).count();
    assert!(reads <= 115, "{reads} reads");
    assert_eq!(calls.len(), reads, "nothing to do and something written");
}
