//! Removing is a deploy with nothing desired.

use serde_json::json;

use crate::support::{Cloud, Project};

const CONFIG: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    url: true
";

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
