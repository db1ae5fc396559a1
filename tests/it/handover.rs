//! What takes over is there, and may be used, before what it takes the place of goes; where it does not come, the old one
//! stays.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, difference};

const CODE: &str = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'here'}\n";

fn project(config: &str) -> Project {
    Project::new(config).file("handler.py", CODE)
}

#[track_caller]
fn settles(project: &Project, cloud: &Cloud) {
    project.deploy(cloud);
    project.deploy(cloud).says("nothing to do");
    project.on(cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
}

/// Where among the writes an operation stands: the first and the last time.
struct Writes(Vec<(String, String)>);

impl Writes {
    fn of(cloud: &Cloud, run: impl FnOnce()) -> Self {
        let before = cloud.own_calls().len();
        run();
        let calls = cloud.own_calls().split_off(before);
        let writes = calls.iter().filter(|call| call["reads"] == false);
        Self(writes.map(|call| (call["operation"].as_str().unwrap().to_owned(), call["params"].to_string())).collect())
    }

    #[track_caller]
    fn at(&self, operation: &str, with: &str) -> Vec<usize> {
        let fits = |(name, params): &(String, String)| name == operation && params.contains(with);
        let found: Vec<usize> = (0..self.0.len()).filter(|&at| fits(&self.0[at])).collect();
        assert!(!found.is_empty(), "no {operation} {with} in {:?}", self.0);
        found
    }

    /// Every one of the first operation comes before any of the second.
    #[track_caller]
    fn precedes(&self, earlier: (&str, &str), later: (&str, &str)) {
        let (last, first) = (self.at(earlier.0, earlier.1), self.at(later.0, later.1));
        assert!(last.last() < first.first(), "{earlier:?} before {later:?}: {:?}", self.0);
    }
}

const CALLED: &str = "
service: over
provider: {name: aws, runtime: python3.13}
functions:
  called:
    handler: handler.handler
    url: true
    events:
      - http: GET /a
      - httpApi: GET /b
      - schedule: rate(1 hour)
      - sns: news
      - cognitoUserPool: {pool: outside, trigger: PreSignUp, existing: true}
      - websocket: $default
";

#[test]
fn callers_are_let_in_before_they_come_and_nothing_is_taken_from_those_who_do_not() {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    boto.call("cognito-idp", "create_user_pool", json!({"PoolName": "outside"}));
    let project = project(CALLED);
    settles(&project, &cloud);
    let before = boto.triggers();

    // A version that cannot be warmed leaves everybody where they were.
    let warm = CALLED.replace("    url: true\n", "    url: true\n    provisionedConcurrency: 1\n");
    project.write("serverless.yml", &warm);
    cloud.set(json!({"consistency.provisioned_fails": true}));
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("could not be warmed");
    let after = boto.triggers();
    assert_eq!(before, after, "{}", difference(&before, &after, ""));

    cloud.set(json!({"consistency.provisioned_fails": false}));
    let writes = Writes::of(&cloud, || drop(project.deploy(&cloud)));
    let callers = [
        ("PutRestApi", "PermissionApiGateway"),
        ("ReimportApi", "PermissionHttpApi"),
        ("PutTargets", "PermissionEvents"),
        ("UpdateRoute", "PermissionWebsockets"),
        ("Subscribe", "PermissionNewsSNS"),
        ("UpdateUserPool", "PermissionCognito"),
    ];
    for (caller, permission) in callers {
        // The old subscription is there until the new one is heard. The ARN of a pool that was there is known only when its
        // triggers are set.
        if !["PermissionNewsSNS", "PermissionCognito"].contains(&permission) {
            writes.precedes(("AddPermission", permission), (caller, ""));
        }
        writes.precedes((caller, ""), ("RemovePermission", permission));
    }
    writes.precedes(("CreateDeployment", ""), ("RemovePermission", "PermissionApiGateway"));
    writes.precedes(("Subscribe", ""), ("Unsubscribe", ""));
    settles(&project, &cloud);

    // And back: a rule that cannot be moved keeps the alias that it leads to.
    let warmed = boto.triggers();
    project.write("serverless.yml", CALLED);
    cloud.fault("events.PutTargets", 1, "expired-token", 1);
    project.on(&cloud, ["deploy", "--yes"]).code(1);
    let policy = json!({"FunctionName": "over-dev-called", "Qualifier": "provisioned"});
    let kept = boto.call("lambda", "get_policy", policy)["Policy"].as_str().unwrap().to_owned();
    assert!(kept.contains("events.amazonaws.com"), "{kept}");
    settles(&project, &cloud);
    let back = boto.triggers();
    assert_eq!(before, back, "{}", difference(&before, &back, ""));
    assert_ne!(before, warmed);
    project.on(&cloud, ["remove", "--yes"]).success();
}

#[test]
fn a_function_that_is_called_otherwise_is_there_before_the_old_one_goes() {
    let cloud = Cloud::own("calm");
    let pool = "      - cognitoUserPool: {pool: outside, trigger: PreSignUp, existing: true}\n";
    let config = CALLED.replace(pool, "");
    let project = project(&config);
    settles(&project, &cloud);
    project.write("serverless.yml", &config.replace("  called:", "  named:"));

    // Where the new one cannot be made, the old one keeps all that calls it.
    let boto = cloud.boto();
    let before = boto.triggers();
    cloud.fault("lambda.CreateFunction", 1, "expired-token", 1);
    project.on(&cloud, ["deploy", "--yes"]).code(1);
    let after = boto.triggers();
    for kept in ["policies", "topics", "buses"] {
        assert_eq!(before[kept], after[kept], "{}", difference(&before, &after, ""));
    }

    let writes = Writes::of(&cloud, || drop(project.deploy(&cloud)));
    for caller in ["PutRestApi", "CreateDeployment", "UpdateRoute", "Subscribe"] {
        writes.precedes((caller, ""), ("DeleteFunction", ""));
    }
    writes.precedes(("UpdateRoute", ""), ("DeleteIntegration", ""));
    writes.precedes(("AddPermission", "PermissionApiGateway"), ("PutRestApi", ""));
    settles(&project, &cloud);
    project.on(&cloud, ["remove", "--yes"]).success();
}

fn versions(boto: &Boto) -> Vec<String> {
    let found = boto.call("lambda", "list_versions_by_function", json!({"FunctionName": "over-dev-hello"}));
    found["Versions"].as_array().unwrap().iter().map(|one| one["Version"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_known_only_when_it_is_made_is_in_the_next_version_too() {
    let config = "
service: over
provider: {name: aws, runtime: python3.13}
layers: {tools: {path: tools}}
functions:
  hello:
    handler: handler.handler
    layers: [{Ref: ToolsLambdaLayer}]
    environment: {ROUND: '0'}
    provisionedConcurrency: 1
";
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let project = project(config).file("tools/python/tool.py", "ROUND = 0\n");
    settles(&project, &cloud);
    let warm = || {
        let found = json!({"FunctionName": "over-dev-hello", "Qualifier": "provisioned"});
        let live = boto.call("lambda", "get_function_configuration", found);
        let layer = live["Layers"][0]["Arn"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        (live["Version"].clone(), layer, live["Environment"]["Variables"]["ROUND"].clone())
    };
    assert_eq!(warm(), (json!("1"), "1".to_owned(), json!("0")));
    project.write("tools/python/tool.py", "ROUND = 1\n");
    project.write("serverless.yml", &config.replace("ROUND: '0'", "ROUND: '1'"));
    settles(&project, &cloud);
    assert_eq!(warm(), (json!("2"), "2".to_owned(), json!("1")));
    // The layer alone.
    project.write("tools/python/tool.py", "ROUND = 2\n");
    settles(&project, &cloud);
    assert_eq!(warm(), (json!("3"), "3".to_owned(), json!("1")));
    // Code and layer together are one version.
    project.write("tools/python/tool.py", "ROUND = 3\n");
    project.write("handler.py", &CODE.replace("here", "there"));
    settles(&project, &cloud);
    assert_eq!(
        (warm(), versions(&boto)),
        ((json!("4"), "4".to_owned(), json!("1")), ["$LATEST", "1", "2", "3", "4"].map(str::to_owned).to_vec())
    );
    project.on(&cloud, ["remove", "--yes"]).success();
}

#[test]
fn a_stage_that_is_called_otherwise_goes() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let config = |stage: &str| {
        format!(
            "service: over\nprovider: {{name: aws, runtime: python3.13, apiGateway: {{stage: {stage}}}}}\nfunctions:\n  hello: {{handler: handler.handler, events: [{{http: GET /a}}]}}\n"
        )
    };
    let project = project(&config("v7"));
    settles(&project, &cloud);
    let stages = || -> Vec<Value> {
        let api = boto.call("apigateway", "get_rest_apis", json!({}))["items"][0]["id"].clone();
        let found = boto.call("apigateway", "get_stages", json!({"restApiId": api}));
        found["item"].as_array().unwrap().iter().map(|stage| stage["stageName"].clone()).collect()
    };
    assert_eq!(stages(), [json!("v7")]);
    project.write("serverless.yml", &config("v8"));
    settles(&project, &cloud);
    assert_eq!(stages(), [json!("v8")]);
    project.on(&cloud, ["remove", "--yes"]).success();
}

#[test]
fn limits_of_a_usage_plan_are_let_go_one_by_one() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let config = |throttle: &str| {
        format!(
            "service: over\nprovider:\n  name: aws\n  runtime: python3.13\n  apiGateway: {{apiKeys: [one], usagePlan: {{throttle: {{{throttle}}}}}}}\nfunctions:\n  hello: {{handler: handler.handler, events: [{{http: {{method: get, path: a, private: true}}}}]}}\n"
        )
    };
    let project = project(&config("burstLimit: 200, rateLimit: 100"));
    // What is not limited is shown as 0.
    for (throttle, burst, rate) in [
        ("burstLimit: 200, rateLimit: 100", 200.0, 100.0),
        ("rateLimit: 100", 0.0, 100.0),
        ("burstLimit: 50", 50.0, 0.0),
    ] {
        project.write("serverless.yml", &config(throttle));
        settles(&project, &cloud);
        let limits = boto.call("apigateway", "get_usage_plans", json!({}))["items"][0]["throttle"].clone();
        assert_eq!(
            (limits["burstLimit"].as_f64(), limits["rateLimit"].as_f64()),
            (Some(burst), Some(rate)),
            "{throttle}"
        );
    }
    project.on(&cloud, ["remove", "--yes"]).success();
}

#[test]
fn info_says_what_is_deployed_and_not_what_will_be() {
    let cloud = Cloud::shared().another();
    let config = |key: &str, path: &str| {
        format!(
            "service: over\nprovider: {{name: aws, runtime: python3.13}}\nfunctions:\n  {key}: {{handler: handler.handler, events: [{{http: GET /{path}}}]}}\n"
        )
    };
    let project = project(&config("old", "was"));
    project.deploy(&cloud);
    project.write("serverless.yml", &config("new", "will"));
    let info = project.on(&cloud, ["info"]).success().stdout;
    assert!(info.contains("over-dev-old") && info.contains("/dev/was"), "{info}");
    assert!(!info.contains("new") && !info.contains("will"), "{info}");
    project.deploy(&cloud);
    assert!(project.on(&cloud, ["info"]).success().stdout.contains("/dev/will"));
    project.on(&cloud, ["rollback", "--previous", "--yes"]).success();
    assert!(project.on(&cloud, ["info"]).success().stdout.contains("/dev/was"));
    project.on(&cloud, ["remove", "--yes"]).success();
    project.on(&cloud, ["info"]).success().says("nothing is deployed here");
}
