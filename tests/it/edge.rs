//! CloudFront: functions of Lambda at its edge, functions of its own, a distribution that the service makes.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const EDGE: &str = "
service: edge
provider:
  name: aws
  runtime: python3.13
  cloudFront: {cachePolicies: {images: {MinTTL: 1, DefaultTTL: 60, MaxTTL: 600, ParametersInCacheKeyAndForwardedToOrigin: {EnableAcceptEncodingGzip: true, CookiesConfig: {CookieBehavior: none}, HeadersConfig: {HeaderBehavior: whitelist, Headers: [Accept]}, QueryStringsConfig: {QueryStringBehavior: none}}}}}
functions:
  looks:
    handler: handler.handler
    memorySize: 128
    timeout: 5
    events:
      - cloudFront: {eventType: viewer-request, origin: 'https://www.example.com/site'}
      - cloudFront: {eventType: origin-response, origin: 's3://pictures.s3.amazonaws.com', pathPattern: /img/*, cachePolicy: {name: images}}
";

fn distributions(boto: &Boto) -> Vec<Value> {
    let listed = boto.call("cloudfront", "list_distributions", json!({}));
    listed["DistributionList"]["Items"].as_array().cloned().unwrap_or_default()
}

fn configuration(boto: &Boto, distribution: &Value) -> Value {
    let found = boto.call("cloudfront", "get_distribution", json!({"Id": distribution["Id"]}));
    found["Distribution"]["DistributionConfig"].clone()
}

fn policies(boto: &Boto) -> Vec<Value> {
    let listed = boto.call("cloudfront", "list_cache_policies", json!({"Type": "custom"}));
    let items = listed["CachePolicyList"]["Items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|one| one["CachePolicy"]["CachePolicyConfig"].clone()).collect()
}

#[test]
fn functions_stand_at_the_edge_and_leave_it() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"consistency.distribution_ms": 600, "consistency.replicas_s": 30}));
    let boto = cloud.boto();
    let project = Project::new(EDGE);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
    let made = distributions(&boto);
    assert_eq!(made.len(), 1);
    let config = configuration(&boto, &made[0]);
    let function = format!("arn:aws:lambda:us-east-1:{}:function:edge-dev-looks", cloud.account);
    let first = &config["DefaultCacheBehavior"]["LambdaFunctionAssociations"]["Items"][0];
    assert_eq!(
        (&first["LambdaFunctionARN"], &first["EventType"]),
        (&json!(format!("{function}:1")), &json!("viewer-request"))
    );
    assert_eq!(config["CacheBehaviors"]["Items"][0]["PathPattern"], "/img/*");
    assert_eq!(config["Origins"]["Quantity"], 2);
    assert_eq!(policies(&boto)[0]["Name"], "edge-dev-images");

    // New code is a new version, and the distribution follows; what left the file goes back to what is usual.
    let changed = EDGE
        .replace("origin: 'https://www.example.com/site'", "origin: 'https://www.example.com/site', behavior: {ViewerProtocolPolicy: redirect-to-https, Compress: true}")
        .replace("DefaultTTL: 60", "DefaultTTL: 90");
    project.write("serverless.yml", &changed);
    project.write("handler.py", "def handler(event, context):\n    return event['Records'][0]['cf']['request']\n");
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    let config = configuration(&boto, &made[0]);
    let behavior = &config["DefaultCacheBehavior"];
    assert_eq!(behavior["LambdaFunctionAssociations"]["Items"][0]["LambdaFunctionARN"], json!(format!("{function}:2")));
    assert_eq!((&behavior["ViewerProtocolPolicy"], &behavior["Compress"]), (&json!("redirect-to-https"), &json!(true)));
    assert_eq!(policies(&boto)[0]["DefaultTTL"], 90);
    project.write("serverless.yml", EDGE);
    project.deploy(&cloud);
    let config = configuration(&boto, &made[0]);
    assert_eq!(config["DefaultCacheBehavior"]["Compress"], false);
    assert_eq!(distributions(&boto).len(), 1);

    // Its replicas stay for hours: that is said, and no failure.
    project.on(&cloud, ["remove", "--yes"]).success().says("replica");
    assert!(distributions(&boto).is_empty() && policies(&boto).is_empty());
    assert!(boto.function("edge-dev-looks").is_some());
    cloud.set(json!({"consistency.replicas_s": 0}));
    boto.call("lambda", "get_function", json!({"FunctionName": "edge-dev-looks"}));
}

const OWN: &str = "
service: own
provider: {name: aws}
functions:
  turns:
    type: cloudfront-function
    handler: turn.js
    description: turns
    events:
      - cloudFront: {eventType: viewer-request, origin: 'https://www.example.com'}
";

#[test]
fn functions_of_cloudfront_are_tried_before_they_are_published() {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    let source =
        |text: &str| format!("function handler(event) {{ event.request.uri = '{text}'; return event.request; }}");
    let project = Project::new(OWN).file("turn.js", &source("/one"));
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
    let live = || {
        boto.call("cloudfront", "get_function", json!({"Name": "own-dev-turns", "Stage": "LIVE"}))["FunctionCode"]
            .clone()
    };
    assert_eq!(live(), json!(source("/one")));
    let made = distributions(&boto);
    let first = &configuration(&boto, &made[0])["DefaultCacheBehavior"]["FunctionAssociations"]["Items"][0];
    assert!(first["FunctionARN"].as_str().unwrap().ends_with(":function/own-dev-turns"), "{first}");
    assert!(boto.function("own-dev-turns").is_none(), "it is none of Lambda");

    project.write("turn.js", &source("/two"));
    project.deploy(&cloud);
    assert_eq!(live(), json!(source("/two")));
    // What throws is not published: what served traffic before still does.
    project.write("turn.js", "function handler(event) { return nothing.at.all; }");
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("nothing is not defined");
    assert_eq!(live(), json!(source("/two")));
    project.write("turn.js", &source("/three"));
    project.deploy(&cloud);
    assert_eq!(live(), json!(source("/three")));

    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(distributions(&boto).is_empty());
    assert!(boto.try_call("cloudfront", "describe_function", json!({"Name": "own-dev-turns"})).is_err());
}
