//! How many requests the routes of an API take, set on their stage, changed, and taken away.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

fn config(all: &str, rest: &str, http: &str) -> String {
    format!(
        "service: shop\nplugins: [serverless-api-gateway-throttling]\n{all}provider: {{name: aws, runtime: python3.13, timeout: 10, apiGateway: {{metrics: true}}}}\n\
         functions:\n  api:\n    handler: handler.handler\n    events:\n\
         \x20     - http: GET /plain\n      - http: {{method: any, path: 'busy/{{id}}'{rest}}}\n\
         \x20     - httpApi: GET /calm\n      - httpApi: {{method: GET, path: /loud{http}}}\n"
    )
}

/// Rate and burst of every place in the REST API's stage that has some.
fn of_rest(boto: &Boto) -> Vec<String> {
    let api = boto.call("apigateway", "get_rest_apis", json!({}))["items"][0]["id"].clone();
    let stage = boto.call("apigateway", "get_stage", json!({"restApiId": api, "stageName": "dev"}));
    let settings = stage["methodSettings"].as_object().cloned().unwrap_or_default();
    let shown = |(place, one): (String, Value)| {
        format!(
            "{place} {} {} {}",
            one["throttlingRateLimit"].as_f64().unwrap_or(-1.0),
            one["throttlingBurstLimit"].as_f64().unwrap_or(-1.0),
            one["metricsEnabled"]
        )
    };
    let mut all: Vec<String> = settings.into_iter().map(shown).collect();
    all.sort();
    all
}

/// What all routes of the HTTP API take, and what single ones do.
fn of_http(boto: &Boto) -> Value {
    let api = boto.call("apigatewayv2", "get_apis", json!({}))["Items"][0]["ApiId"].clone();
    let stage = boto.call("apigatewayv2", "get_stage", json!({"ApiId": api, "StageName": "$default"}));
    let all = &stage["DefaultRouteSettings"];
    json!([all["ThrottlingRateLimit"], all["ThrottlingBurstLimit"], stage["RouteSettings"]["GET /loud"]])
}

#[test]
fn routes_take_what_the_file_says_and_no_more() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let all = "custom: {apiGatewayThrottling: {maxRequestsPerSecond: 100.5, maxConcurrentRequests: 50}}\n";
    let project = Project::new(&config(
        all,
        ", throttling: {maxRequestsPerSecond: 10}",
        ", throttling: {maxConcurrentRequests: 5}",
    ))
    .file("handler.py", "def handler(event, context):\n    return {'statusCode': 200}\n");
    let settled = || {
        project.deploy(&cloud);
        project.on(&cloud, ["diff", "--exit-code"]).success().says("nothing to do");
    };
    settled();
    let methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let busy = |limits: &str| methods.map(|method| format!("/busy/{{id}}/{method} {limits} true")).to_vec();
    let mut expected = vec!["*/* 100.5 50 true".to_owned()];
    expected.extend(busy("10 50"));
    assert_eq!(of_rest(&boto), expected);
    let found = of_http(&boto);
    assert_eq!((&found[0], &found[1]), (&json!(100.5), &json!(50)));
    assert_eq!(
        (&found[2]["ThrottlingRateLimit"], &found[2]["ThrottlingBurstLimit"]),
        (&json!(100.5), &json!(5)),
        "what a route does not say is as for all"
    );

    // Other limits, and a route that takes as many as the account does.
    project.write(
        "serverless.yml",
        &config(
            &all.replace("100.5", "200"),
            ", throttling: {disabled: true}",
            ", throttling: {maxConcurrentRequests: 7}",
        ),
    );
    settled();
    let mut expected = vec!["*/* 200 50 true".to_owned()];
    expected.extend(busy("-1 -1"));
    assert_eq!(of_rest(&boto), expected);
    let found = of_http(&boto);
    assert_eq!((found[0].as_f64(), &found[2]["ThrottlingBurstLimit"]), (Some(200.0), &json!(7)));

    // Without a word none is left but what an account takes by itself.
    project.write("serverless.yml", &config("", "", ""));
    settled();
    let left = of_rest(&boto);
    assert!(left.len() == 1 && left[0].starts_with("*/* ") && !left[0].contains("200"), "{left:?}");
    assert_eq!(of_http(&boto)[2], Value::Null);

    // Where nothing can be set, nothing is promised.
    let refused = |rest: &str, http: &str, said: &str| {
        project.write("serverless.yml", &config("", rest, http));
        project.on(&cloud, ["deploy", "--yes"]).code(1).says(said);
    };
    refused("", ", throttling: {disabled: true}", "limits every route as soon as it limits all");
    refused(", throttling: {maxRequestsPerSecond: many}", "", "maxRequestsPerSecond");
}
