//! What is not ours is named and left alone.

use serde_json::json;

use crate::support::{Boto, Cloud, Project};

const CONFIG: &str =
    "service: shop\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n  hello:\n    handler: handler.handler\n";

fn make_function(boto: &Boto, name: &str, tags: serde_json::Value) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role =
        boto.call("iam", "create_role", json!({"RoleName": "somebody", "AssumeRolePolicyDocument": trust.to_string()}));
    // x.py with one line, zipped and stored.
    let zip = "UEsDBBQAAAAAAAAAIQB0DzwIEAAAABAAAAAEAAAAeC5weWRlZiB5KGUsYyk6cGFzcwpQSwECFAMUAAAAAAAAACEAdA88CBAAAAAQAAAABAAAAAAAAAAAAAAAgAEAAAAAeC5weVBLBQYAAAAAAQABADIAAAAyAAAAAAA=";
    boto.call(
        "lambda",
        "create_function",
        json!({"FunctionName": name, "Runtime": "python3.13", "Handler": "x.y", "Role": role["Role"]["Arn"],
               "Code": {"ZipFile": {"base64": zip}}, "Tags": tags}),
    );
}

#[test]
fn a_foreign_function_of_the_same_name_is_refused_and_untouched() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    make_function(&boto, "shop-dev-hello", json!({}));
    let before = boto.function("shop-dev-hello").unwrap();
    let project = Project::new(CONFIG);
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(ran.stderr.contains("shop-dev-hello") && ran.stderr.contains("--adopt"), "{}", ran.stderr);
    assert_eq!(boto.function("shop-dev-hello").unwrap()["Configuration"], before["Configuration"]);
    assert!(boto.try_call("iam", "get_role", json!({"RoleName": "shop-dev-us-east-1-lambdaRole"})).is_err());

    project.on(&cloud, ["deploy", "--yes", "--adopt"]).success();
    assert_eq!(boto.function("shop-dev-hello").unwrap()["Tags"]["hoist:service"], "shop");
}

#[test]
fn a_function_of_a_stack_is_refused_with_the_way_out() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    make_function(&boto, "shop-dev-hello", json!({"aws:cloudformation:stack-name": "shop-dev"}));
    let ran = Project::new(CONFIG).on(&cloud, ["deploy", "--yes", "--adopt"]).code(1);
    assert!(ran.stderr.contains("stack") && ran.stderr.contains("shop-dev"), "{}", ran.stderr);
}

#[test]
fn a_function_of_another_service_is_refused_and_survives_our_removal() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    make_function(
        &boto,
        "shop-dev-hello",
        json!({"hoist:service": "other", "hoist:stage": "dev", "hoist:id": "HelloLambdaFunction"}),
    );
    let project = Project::new(CONFIG);
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(ran.stderr.contains("other"), "{}", ran.stderr);
    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function("shop-dev-hello").is_some());
}

#[test]
fn a_foreign_role_of_the_same_name_is_refused() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    boto.call(
        "iam",
        "create_role",
        json!({"RoleName": "shop-dev-us-east-1-lambdaRole", "AssumeRolePolicyDocument": trust.to_string()}),
    );
    let ran = Project::new(CONFIG).on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(ran.stderr.contains("shop-dev-us-east-1-lambdaRole"), "{}", ran.stderr);
    assert!(boto.function("shop-dev-hello").is_none());
}
