//! Removing is a deploy with nothing desired.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, Ran, difference};

const CONFIG: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    url: true
";

#[test]
fn a_protected_stage_is_not_removed() {
    let cloud = Cloud::shared().another();
    let protected = CONFIG.replace("runtime: python3.13}", "runtime: python3.13, deletionProtection: {stages: [dev]}}");
    let project = Project::new(&protected);
    project.deploy(&cloud);
    let before = cloud.own_calls().len();
    let refused = project.on(&cloud, ["remove", "--yes"]).code(1);
    refused.says("error[deletion-protected]").says("serverless.yml:3:").says("the stage `dev` is protected");
    assert_eq!(cloud.own_calls().len(), before, "nothing was asked");
    project.write("serverless.yml", &protected.replace("[dev]", "[prod]"));
    project.on(&cloud, ["remove", "--yes"]).success();
}

/// Lambda gives 15 reads a second of each of these kinds, and as many writes.
#[test]
fn a_function_with_a_queue_needs_no_more_reads_than_one_without() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let mut config = "service: shop\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n".to_owned();
    for name in ["a", "b", "c"] {
        boto.call("sqs", "create_queue", json!({"QueueName": name}));
        let queue = format!("arn:aws:sqs:us-east-1:{}:{name}", cloud.account);
        config +=
            &format!("  {name}:\n    handler: handler.handler\n    events: [sqs: '{queue}', httpApi: GET /{name}]\n");
    }
    let project = Project::new(&config);
    project.deploy(&cloud);
    cloud.forget_calls();
    project.on(&cloud, ["remove", "--yes"]).success();
    let calls = cloud.own_calls();
    let reads = calls.iter().filter(|call| call["service"] == "lambda" && call["reads"] == true);
    let mut reads: Vec<&str> = reads.map(|call| call["operation"].as_str().unwrap()).collect();
    reads.sort_unstable();
    reads.dedup_by(|one, other| one == other && *one != "ListEventSourceMappings");
    assert_eq!(reads, ["GetFunction", "ListEventSourceMappings"]);
    assert_eq!(boto.call("lambda", "list_event_source_mappings", json!({}))["EventSourceMappings"], json!([]));
}

/// What only a tag tells to be ours once it left the file: none of these names begins with the service's.
const BY_TAG_ALONE: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  stays:
    handler: handler.handler
  hello:
    handler: handler.handler
    name: called-otherwise
    disableLogs: true
    events:
      - sns: orders
      - s3: uploads-of-ACCOUNT
      - eventBridge: {eventBus: deliveries, pattern: {source: [van]}}
";

const WITHOUT: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  stays:
    handler: handler.handler
";

/// An account whose tagging API lists nothing new while the test runs.
fn behind_the_times() -> (Cloud, Boto, Project) {
    static LATE: OnceLock<Cloud> = OnceLock::new();
    let late = LATE.get_or_init(|| {
        let cloud = Cloud::own("calm");
        cloud.set(json!({"consistency.tagging_s": 600}));
        cloud
    });
    let cloud = late.another();
    let boto = cloud.boto();
    let project = Project::new(&BY_TAG_ALONE.replace("ACCOUNT", &cloud.account));
    (cloud, boto, project)
}

/// Everything in the account, buckets and buses too.
fn everything(cloud: &Cloud, boto: &Boto) -> Value {
    let mut state = boto.state(&cloud.account);
    let names = |list: &Value, key: &str| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|one| one[key].clone()).filter(|name| *name != "default").collect()
    };
    let buckets = names(&boto.call("s3", "list_buckets", json!({}))["Buckets"], "Name");
    let of_files: Vec<Value> =
        buckets.into_iter().filter(|name| !name.as_str().unwrap().starts_with("hoist-")).collect();
    state["buckets"] = of_files.into();
    state["buses"] = names(&boto.call("events", "list_event_buses", json!({}))["EventBuses"], "Name").into();
    state
}

fn assert_same(wanted: &Value, found: &Value) {
    assert_eq!(wanted, found, "{}", difference(wanted, found, ""));
}

#[test]
fn everything_goes_and_a_second_removal_finds_nothing() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    let asked = project.on(&cloud, ["remove"]).code(1);
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function("shop-dev-hello").is_none());
    assert!(boto.try_call("iam", "get_role", json!({"RoleName": "shop-dev-us-east-1-lambdaRole"})).is_err());
    let groups = boto.call("logs", "describe_log_groups", json!({"logGroupNamePrefix": "/aws/lambda/shop-dev-"}));
    assert_eq!(groups["logGroups"].as_array().unwrap().len(), 0);
    project.on(&cloud, ["remove", "--yes"]).success().says("nothing to do");
}

#[test]
fn another_stage_stays() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    project.on(&cloud, ["deploy", "--yes", "-s", "prod"]).success();
    project.on(&cloud, ["remove", "--yes", "-s", "prod"]).success();
    assert!(boto.function("shop-prod-hello").is_none());
    assert!(boto.function("shop-dev-hello").is_some());
}

#[test]
fn right_after_a_deploy_nothing_is_left_behind_though_no_list_of_tags_has_it_yet() {
    let (cloud, boto, project) = behind_the_times();
    let before = everything(&cloud, &boto);
    project.deploy(&cloud);
    let there = everything(&cloud, &boto);
    assert_eq!(there["buckets"].as_array().unwrap().len(), 1, "{there}");
    assert_eq!(there["buses"], json!(["deliveries"]));
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_same(&before, &everything(&cloud, &boto));
    let calls = cloud.own_calls().len();
    project.on(&cloud, ["remove", "--yes"]).success().says("nothing to do");
    let again = cloud.own_calls().split_off(calls);
    assert!(again.iter().all(|call| call["operation"] != "GetTopicAttributes"), "what is gone is not looked for again");
}

#[test]
fn what_left_the_file_right_after_it_was_made_goes_too() {
    let (cloud, boto, project) = behind_the_times();
    project.write("serverless.yml", WITHOUT);
    project.deploy(&cloud);
    let before = everything(&cloud, &boto);
    project.write("serverless.yml", &BY_TAG_ALONE.replace("ACCOUNT", &cloud.account));
    project.deploy(&cloud);
    project.write("serverless.yml", WITHOUT);
    project.deploy(&cloud);
    assert_same(&before, &everything(&cloud, &boto));
}

#[test]
fn what_a_killed_deploy_made_is_found() {
    let (cloud, boto, project) = behind_the_times();
    let before = everything(&cloud, &boto);
    let poised = project.poise(&cloud, ["deploy", "--yes"]);
    let trap = json!({
        "pid": poised.pid(), "call": 1, "when": "after", "match": "events.CreateEventBus", "account": cloud.account,
    });
    cloud.control("POST", "/_cloud/kill-at", Some(&trap));
    assert_eq!(Ran::of(poised.go().wait_with_output().unwrap()).code, -1);
    assert_eq!(everything(&cloud, &boto)["buses"], json!(["deliveries"]));
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_same(&before, &everything(&cloud, &boto));
}

#[test]
fn a_rule_of_any_name_is_found_by_the_function_that_it_invokes() {
    let (cloud, boto, project) = behind_the_times();
    let schedule = "    events: [{schedule: {rate: rate(1 hour), name: hourly}}]\n";
    project.write("serverless.yml", &format!("{WITHOUT}{schedule}"));
    project.deploy(&cloud);
    let rules = || boto.call("events", "list_rules", json!({"NamePrefix": "hourly"}))["Rules"].clone();
    assert_eq!(rules().as_array().unwrap().len(), 1);
    // Nobody remembers what the last run made.
    let bucket = boto.call("s3", "list_buckets", json!({}))["Buckets"][0]["Name"].clone();
    boto.call("s3", "delete_object", json!({"Bucket": bucket, "Key": "leases/shop/dev.json"}));
    project.write("serverless.yml", WITHOUT);
    project.on(&cloud, ["diff", "--exit-code"]).code(2).says("StaysEventsRuleSchedule1");
    project.deploy(&cloud);
    assert_eq!(rules(), json!([]));
    project.on(&cloud, ["remove", "--yes"]).success();
}

#[test]
fn a_rule_is_found_again_by_a_deploy_that_waited_and_reads_once_more() {
    let (cloud, boto, project) = behind_the_times();
    let with =
        |more: &str| format!("{WITHOUT}{more}    events: [{{schedule: {{rate: rate(1 hour), name: hourly}}}}]\n");
    project.write("serverless.yml", &with(""));
    project.deploy(&cloud);
    let bucket = boto.call("s3", "list_buckets", json!({}))["Buckets"][0]["Name"].clone();
    boto.call("s3", "delete_object", json!({"Bucket": bucket, "Key": "leases/shop/dev.json"}));
    project.write("serverless.yml", &with("    memorySize: 256\n"));
    let held = cloud.hold("lambda.UpdateFunctionConfiguration", "before");
    let first = project.start(&cloud, ["deploy", "--yes"]);
    held.caught();
    let other = Project::new(WITHOUT);
    let second = other.start(&cloud, ["deploy", "--yes", "--lock-timeout", "60s"]);
    // It has made a plan by then, and has to make another one.
    std::thread::sleep(std::time::Duration::from_secs(4));
    held.release();
    Ran::of(first.wait_with_output().unwrap()).success();
    Ran::of(second.wait_with_output().unwrap()).success();
    let rules = boto.call("events", "list_rules", json!({"NamePrefix": "hourly"}))["Rules"].clone();
    assert_eq!(rules, json!([]));
    other.on(&cloud, ["remove", "--yes"]).success();
}
