//! `deploy.verify`: what is called and fetched after a deploy, what is expected of the answers, and what a failure leads to.

use serde_json::{Value, json};

use crate::support::{Cloud, Project};

/// Gives back what it got, and the path of a request in a header.
const ECHO: &str = "
import json
def handler(event, context):
    if 'httpMethod' in event:
        return {'statusCode': 201, 'body': json.dumps({'method': event['httpMethod'], 'path': event['path'],
                'token': event['headers'].get('X-Token') or event['headers'].get('x-token')})}
    return {'statusCode': 202, 'got': event, 'version': VERSION}
def broken(event, context):
    raise Exception('it is broken')
";

fn echo(version: u32) -> String {
    ECHO.replace("VERSION", &version.to_string())
}

fn config(checks: &str, more: &str) -> String {
    format!(
        "service: shop\nprovider: {{name: aws, runtime: python3.13, timeout: 10}}\nfunctions:\n  \
         hello: {{handler: handler.handler, events: [{{http: ANY /orders}}{more}]}}\n  \
         broken: {{handler: handler.broken}}\ndeploy:\n{checks}"
    )
}

fn endings(project: &Project, cloud: &Cloud) -> Vec<Value> {
    let lines = project.on(cloud, ["history", "--json"]).success().json();
    lines.into_iter().filter(|line| line["type"] == "deployment").map(|line| line["ending"].clone()).collect()
}

#[test]
fn payload_status_values_and_a_route_of_a_rest_api_are_looked_at() {
    let cloud = Cloud::with_apis();
    let project = Project::new(&config("  history: 5\n", "")).file("handler.py", &echo(1));
    project.deploy(&cloud);
    let id = cloud.boto().call("apigateway", "get_rest_apis", json!({}))["items"][0]["id"].clone();
    let at = format!("{}/_aws/execute-api/{}/dev", cloud.url(), id.as_str().unwrap());
    let right = format!(
        "  verify:
    - {{function: hello, payload: {{name: anna, list: [1, 2]}}, status: 202, expect: {{got: {{name: anna, list: [1, 2]}}}}}}
    - {{url: '{at}/orders', method: PUT, headers: {{X-Token: abc}}, status: 201, expect: {{method: PUT, path: /orders, token: abc}}}}
"
    );
    project.write("serverless.yml", &config(&right, ""));
    project.write("handler.py", &echo(2));
    project.deploy(&cloud).says("✓ function hello").says("✓ PUT http");

    // Each of these would have passed with one word less.
    let wrong = format!(
        "  verify:
    - {{function: hello, payload: {{name: anna}}, expect: {{got: {{name: bert}}}}}}
    - {{function: hello, status: 200}}
    - broken
    - {{url: '{at}/orders', status: 200, timeout: 10}}
    - {{url: '{at}/orders', status: 201, expect: {{method: POST}}, timeout: 10}}
    - {{url: '{at}/nowhere', timeout: 10}}
"
    );
    project.write("serverless.yml", &config(&wrong, ""));
    project.write("handler.py", &echo(3));
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    for said in [
        "✗ function hello",
        "the answer differs at got.name",
        "it answered 202 where 200 was expected",
        "✗ function broken",
        "it is broken",
        "it answered 201 where 200 was expected",
        "the answer differs at method",
        "/nowhere",
        "6 checks did not pass",
    ] {
        assert!(ran.said().contains(said), "{said:?} is not in\n{}", ran.said());
    }
    assert_eq!(endings(&project, &cloud), ["unverified", "done", "done"]);
}

#[test]
fn a_deploy_that_does_not_pass_is_put_back_where_the_file_says_so() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let checks = "  onFailure: rollback\n  verify:\n    - {function: hello, expect: {version: 1}}\n";
    let project = Project::new(&config(checks, "")).file("handler.py", &echo(1));
    project.deploy(&cloud);
    let id = boto.call("apigateway", "get_rest_apis", json!({}))["items"][0]["id"].as_str().unwrap().to_owned();
    let answers = |path: &str| cloud.get(&format!("/_aws/execute-api/{id}/dev/{path}")).0 == 201;
    assert!(answers("orders") && !answers("bills"));

    project.write("serverless.yml", &config(checks, ", {http: GET /bills}, {schedule: rate(1 hour)}"));
    project.write("handler.py", &echo(2));
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    ran.says("✗ function hello").says("putting back what was done").says("put back: ");
    assert!(answers("orders") && !answers("bills"), "the route that came is gone, and the other answers");
    assert_eq!(boto.call("events", "list_rules", json!({}))["Rules"], json!([]));
    let answer = project.on(&cloud, ["invoke", "-f", "hello"]).success().stdout;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["version"], 1, "the code of before answers again");
    assert_eq!(endings(&project, &cloud), ["put-back", "done"]);
}

/// A machine that is busy cuts off a later try: what was answered before is what helps.
#[test]
fn what_was_answered_is_said_where_a_later_try_is_cut_off() {
    let cloud = Cloud::with_apis();
    let project = Project::new(
        "service: shop
provider: {name: aws, runtime: python3.13, timeout: 20}
functions: {slow: {handler: handler.handler, events: [{httpApi: GET /slow}]}}
deploy: {verify: [{url: /slow, timeout: 6}]}
",
    )
    .file(
        "handler.py",
        "import time\ncalls = []\ndef handler(event, context):\n    calls.append(1)\n    if len(calls) > 1:\n        time.sleep(10)\n    return {'statusCode': 201, 'body': 'first'}\n",
    );
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    ran.says("it answered 201 where 200 was expected");
}
