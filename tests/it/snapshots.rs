//! `snapStart`: versions start from a snapshot, and everything that calls the function goes through the alias `snapstart`.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

fn config(snap_start: bool) -> String {
    format!(
        "service: shop
provider: {{name: aws, runtime: python3.13}}
functions:
  hello:
    handler: handler.handler
    snapStart: {snap_start}
    url: true
    maximumRetryAttempts: 1
    events:
      - schedule: rate(1 hour)
      - sns: shop-dev-orders
      - sqs: arn:aws:sqs:us-east-1:ACCOUNT:jobs
      - httpApi: GET /hello
"
    )
}

fn handler(which: u32) -> String {
    format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': 'code {which}'}}\n")
}

/// The qualifiers through which the function is called: of its URL, its rule, its subscription, its mapping, its route and its
/// permissions.
fn called_through(boto: &Boto) -> Vec<String> {
    let last = |arn: &Value| arn.as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let named = json!({"FunctionName": "shop-dev-hello"});
    let mut found = vec![];
    for qualifier in [None, Some("snapstart")] {
        let mut asked = named.clone();
        if let Some(qualifier) = qualifier {
            asked["Qualifier"] = qualifier.into();
        }
        if boto.try_call("lambda", "get_function_url_config", asked.clone()).is_ok() {
            found.push(format!("url {}", qualifier.unwrap_or("shop-dev-hello")));
        }
        if let Ok(policy) = boto.try_call("lambda", "get_policy", asked) {
            let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
            let all = policy["Statement"].as_array().unwrap().iter();
            found.extend(all.map(|one| format!("permission {}", last(&one["Resource"]))));
        }
    }
    let rule = boto.call("events", "list_rules", json!({}))["Rules"][0]["Name"].clone();
    found.push(format!(
        "rule {}",
        last(&boto.call("events", "list_targets_by_rule", json!({"Rule": rule}))["Targets"][0]["Arn"])
    ));
    let subscriptions = boto.call("sns", "list_subscriptions", json!({}));
    let all = subscriptions["Subscriptions"].as_array().unwrap().iter();
    found.extend(all.map(|one| format!("topic {}", last(&one["Endpoint"]))));
    let mappings = boto.call("lambda", "list_event_source_mappings", json!({}));
    found.extend(
        mappings["EventSourceMappings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("queue {}", last(&one["FunctionArn"]))),
    );
    let api = boto.call("apigatewayv2", "get_apis", json!({}))["Items"][0]["ApiId"].clone();
    let integrations = boto.call("apigatewayv2", "get_integrations", json!({"ApiId": api}));
    let uri = integrations["Items"][0]["IntegrationUri"].as_str().unwrap().trim_end_matches("/invocations").to_owned();
    found.push(format!("route {}", last(&uri.into())));
    found.sort();
    found.dedup();
    found
}

#[test]
fn triggers_go_through_the_alias_as_long_as_there_are_snapshots() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    boto.call("sqs", "create_queue", json!({"QueueName": "jobs"}));
    let text = |snap_start| config(snap_start).replace("ACCOUNT", &cloud.account);
    let project = Project::new(&text(true)).file("handler.py", &handler(1));
    project.deploy(&cloud);
    let ways = ["permission", "queue", "route", "rule", "topic", "url"];
    let all_through = |qualifier: &str| ways.map(|way| format!("{way} {qualifier}"));
    assert_eq!(called_through(&boto), all_through("snapstart"));
    let function = boto.function("shop-dev-hello").unwrap();
    assert_eq!(function["Configuration"]["SnapStart"]["ApplyOn"], "PublishedVersions");
    let alias = || {
        let asked = json!({"FunctionName": "shop-dev-hello", "Name": "snapstart"});
        boto.try_call("lambda", "get_alias", asked).map(|alias| alias["FunctionVersion"].clone())
    };
    assert_eq!(alias(), Ok(json!("1")));
    project.deploy(&cloud).says("nothing to do");

    // The alias only moves to a version whose snapshot is there.
    project.write("handler.py", &handler(2));
    project.deploy(&cloud);
    assert_eq!(alias(), Ok(json!("2")));
    let version = json!({"FunctionName": "shop-dev-hello", "Qualifier": "2"});
    let version = boto.call("lambda", "get_function_configuration", version);
    assert_eq!((&version["State"], &version["SnapStart"]["OptimizationStatus"]), (&json!("Active"), &json!("On")));
    let url = json!({"FunctionName": "shop-dev-hello", "Qualifier": "snapstart"});
    let url = boto.call("lambda", "get_function_url_config", url)["FunctionUrl"].as_str().unwrap().to_owned();
    assert_eq!(cloud.get(&url), (200, "code 2".to_owned()));
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");

    // And back: everything calls the function itself, and the alias is gone.
    project.write("serverless.yml", &text(false));
    project.deploy(&cloud);
    assert_eq!(called_through(&boto), all_through("shop-dev-hello"));
    assert!(alias().is_err());
    let function = boto.function("shop-dev-hello").unwrap();
    assert_eq!(function["Configuration"]["SnapStart"]["ApplyOn"], "None");
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
}
