//! An application load balancer with functions behind it, beside a stranger's rule.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const ANSWERS: &str = "import json
def handler(event, context):
    print('heard', json.dumps(event))
    return {'statusCode': 200, 'headers': {'content-type': 'text/plain'}, 'body': 'from ' + event.get('path', '')}
";

fn config(listener: &str) -> String {
    format!(
        "
service: lb
provider: {{name: aws, runtime: python3.13, alb: {{authorizers: {{users: {{type: cognito, userPoolArn: 'arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a', userPoolClientId: c, userPoolDomain: d}}}}}}}}
functions:
  answers:
    handler: handler.handler
    events:
      - alb: {{listenerArn: '{listener}', priority: 5, conditions: {{path: [/shop*], method: GET}}}}
      - alb: {{listenerArn: '{listener}', priority: 6, conditions: {{path: [/never*], header: {{name: X-A, values: [b]}}, query: {{q: '1'}}, ip: [10.0.0.0/8]}}}}
"
    )
}

struct Balancer {
    listener: String,
    stranger: String,
}

fn balancer(boto: &Boto) -> Balancer {
    let made = json!({"Name": "front", "Subnets": ["subnet-1", "subnet-2"]});
    let balancer = boto.call("elbv2", "create_load_balancer", made)["LoadBalancers"][0]["LoadBalancerArn"].clone();
    let otherwise = json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "nobody", "ContentType": "text/plain"}});
    let listener = json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [otherwise]});
    let listener = boto.call("elbv2", "create_listener", listener)["Listeners"][0]["ListenerArn"].clone();
    let theirs = json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "stranger", "ContentType": "text/plain"}});
    let theirs = json!({"ListenerArn": listener, "Priority": 7, "Actions": [theirs],
        "Conditions": [{"Field": "path-pattern", "Values": ["/theirs*"]}]});
    let stranger = boto.call("elbv2", "create_rule", theirs)["Rules"][0]["RuleArn"].as_str().unwrap().to_owned();
    Balancer { listener: listener.as_str().unwrap().to_owned(), stranger }
}

#[test]
fn requests_come_through_a_load_balancer() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let Balancer { listener, stranger } = balancer(&boto);
    let get = |path: &str| {
        let (status, body) = cloud.get(&format!("/_alb/front{path}"));
        (status, body)
    };
    let project = Project::new(&config(&listener)).file("handler.py", ANSWERS);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
    assert_eq!(get("/shop/first"), (200, "from /shop/first".to_owned()));
    assert!(boto.hears("lb-dev-answers", "/shop/first"));

    let rules = || boto.call("elbv2", "describe_rules", json!({"ListenerArn": listener}))["Rules"].clone();
    let at = |priority: &str| rules().as_array().unwrap().iter().find(|rule| rule["Priority"] == priority).cloned();
    let before = at("5").unwrap()["RuleArn"].clone();
    // Two rules, one group.
    let groups = || boto.call("elbv2", "describe_target_groups", json!({}))["TargetGroups"].clone();
    assert_eq!(groups().as_array().unwrap().len(), 1, "{}", groups());
    let group = groups()[0].clone();
    assert_eq!(group["HealthCheckEnabled"], false);

    // Other paths, a health check, lists of headers, an authorizer: all in place.
    let changed = config(&listener)
        .replace("/shop*", "/store*")
        .replace(
            "priority: 5,",
            "priority: 5, multiValueHeaders: false, healthCheck: {path: /health, intervalSeconds: 60},",
        )
        .replace("priority: 6,", "priority: 6, authorizer: [users],");
    project.write("serverless.yml", &changed);
    project.on(&cloud, ["diff", "--exit-code"]).code(2).says("/store*").says("HealthCheckEnabled");
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(at("5").unwrap()["RuleArn"], before, "changed in place");
    let actions = at("6").unwrap()["Actions"].clone();
    assert_eq!(actions[0]["Type"], "authenticate-cognito", "{actions}");
    let live = groups()[0].clone();
    assert_eq!(
        (&live["TargetGroupArn"], &live["HealthCheckPath"], &live["HealthCheckIntervalSeconds"]),
        (&group["TargetGroupArn"], &json!("/health"), &json!(60))
    );
    assert_eq!(get("/store/second").1, "from /store/second");
    assert_eq!(get("/shop/second"), (404, "nobody".to_owned()));

    // Back again: the check and the authorizer are taken away.
    project.write("serverless.yml", &config(&listener));
    project.deploy(&cloud);
    assert_eq!(groups()[0]["HealthCheckEnabled"], false);
    assert_eq!(at("6").unwrap()["Actions"].as_array().unwrap().len(), 1);

    // A place that is taken is refused before anything is written.
    let taken = config(&listener).replace("priority: 6", "priority: 7");
    project.write("serverless.yml", &taken);
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("AnswersAlbListenerRule7");

    project.write("serverless.yml", config(&listener).split("    events:").next().unwrap());
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(get("/shop/last"), (404, "nobody".to_owned()));
    assert_eq!(get("/theirs/last"), (200, "stranger".to_owned()));
    assert!(!boto.heard("lb-dev-answers", "/shop/last"));
    assert_eq!(groups(), json!([]));
    let left: Vec<Value> = rules().as_array().unwrap().iter().map(|rule| rule["RuleArn"].clone()).collect();
    assert!(left.len() == 2 && left.contains(&json!(stranger)), "{left:?}");
    assert!(boto.try_call("lambda", "get_policy", json!({"FunctionName": "lb-dev-answers"})).is_err());
    project.on(&cloud, ["remove", "--yes"]).success();
}
