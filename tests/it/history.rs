//! Records of deployments, and the way back to them: `history`, `rollback`, `--rollback-on-failure`, `deploy.verify`.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, Ran, difference};

const TOKEN: &str = "token-one-of-the-test";

/// A service with a secret, a URL, a schedule and a permission to read a queue.
const FIRST: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  environment:
    TOKEN: ${ssm:/shop/token}
    DATABASE: 'db://shop:${ssm:/shop/token}@${env:DATABASE_HOST}'
functions:
  hello:
    handler: handler.handler
    url: true
    events: [{schedule: rate(1 hour)}]
  stays:
    handler: handler.handler
";

/// The same with something of everything changed.
const SECOND: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  environment:
    TOKEN: ${ssm:/shop/token}
    MODE: second
functions:
  hello:
    handler: handler.handler
    memorySize: 512
    events: [{schedule: rate(2 hours)}]
  other:
    handler: handler.handler
";

const FIRST_CODE: &str = "def handler(event, context):\n    return 'the first'\n";
const SECOND_CODE: &str = "def handler(event, context):\n    return 'the second'\n";

fn put_token(boto: &Boto, value: &str) {
    let parameter = json!({"Name": "/shop/token", "Value": value, "Type": "SecureString", "Overwrite": true});
    boto.call("ssm", "put_parameter", parameter);
}

/// Runs with the variable that the first configuration needs.
fn run(project: &Project, cloud: &Cloud, args: &[&str]) -> Ran {
    Ran::of(project.command_on(cloud, args).env("DATABASE_HOST", "db.example.com").output().unwrap())
}

/// Records of a stage, newest first.
fn records(project: &Project, cloud: &Cloud) -> Vec<Value> {
    let lines = run(project, cloud, &["history", "--json"]).success().json();
    lines.into_iter().filter(|line| line["type"] == "deployment").collect()
}

fn answer(project: &Project, cloud: &Cloud, function: &str) -> String {
    run(project, cloud, &["invoke", "-f", function]).success().stdout.trim().to_owned()
}

/// Everything in the deployment bucket, as text.
fn bucket(boto: &Boto, cloud: &Cloud) -> String {
    let bucket = format!("hoist-{}-us-east-1", cloud.account);
    let listed = boto.call("s3", "list_objects_v2", json!({"Bucket": bucket}));
    let keys: Vec<String> = listed["Contents"].as_array().unwrap().iter().map(|one| one["Key"].to_string()).collect();
    let read = |key: &String| {
        let key: String = serde_json::from_str(key).unwrap();
        format!("{key} {}", boto.call("s3", "get_object", json!({"Bucket": bucket, "Key": key}))["Body"])
    };
    keys.iter().map(read).collect()
}

#[test]
fn what_was_deployed_is_gone_back_to_with_secrets_resolved_again() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    put_token(&boto, TOKEN);
    let project = Project::new(FIRST).file("handler.py", FIRST_CODE);
    run(&project, &cloud, &["deploy", "--yes"]).success();
    let first = boto.state(&cloud.account);
    project.write("serverless.yml", SECOND);
    project.write("handler.py", SECOND_CODE);
    run(&project, &cloud, &["deploy", "--yes"]).success();
    assert!(answer(&project, &cloud, "hello").contains("the second"));

    let known = records(&project, &cloud);
    assert_eq!(known.len(), 2, "{known:?}");
    assert!(known.iter().all(|record| record["ending"] == "done" && record["what"] == "deploy"), "{known:?}");
    let kept = bucket(&boto, &cloud);
    assert!(kept.contains("history/shop/dev/") && kept.contains("${ssm:/shop/token}"), "{kept}");
    assert!(!kept.contains(TOKEN) && !kept.contains("db.example.com"), "a value was kept: {kept}");

    // Without the sources of then, and with a file that is broken by now.
    std::fs::remove_file(project.join("handler.py")).unwrap();
    project.write("serverless.yml", "service: shop\nfunctions: {hello: {}}\n");
    put_token(&boto, "token-two-of-the-test");
    let asked = run(&project, &cloud, &["rollback", "--previous"]).code(1).says("--yes");
    assert!(asked.stderr.contains("MemorySize: 512 → 1024"), "the plan is shown: {}", asked.stderr);
    let back = run(&project, &cloud, &["rollback", "--previous", "--yes"]).success().says("rolled back in");
    assert!(!back.said().contains("token-"), "{}", back.said());

    let hello = boto.function("shop-dev-hello").unwrap();
    let environment = &hello["Configuration"]["Environment"]["Variables"];
    assert_eq!(environment["TOKEN"], "token-two-of-the-test", "resolved again");
    assert_eq!(environment["DATABASE"], "db://shop:token-two-of-the-test@db.example.com");
    // But for the secret and the versions that were published meanwhile, everything is as it was.
    put_token(&boto, TOKEN);
    let id = records(&project, &cloud)[2]["id"].as_str().unwrap().to_owned();
    run(&project, &cloud, &["rollback", &id, "--yes"]).success();
    let same = |mut state: Value| {
        for function in state["functions"].as_object_mut().unwrap().values_mut() {
            function.as_object_mut().unwrap().remove("versions");
        }
        state
    };
    let (was, is) = (same(first), same(boto.state(&cloud.account)));
    assert!(was == is, "{}", difference(&was, &is, ""));
    project.write("serverless.yml", FIRST);
    assert!(answer(&project, &cloud, "hello").contains("the first"));
    assert!(answer(&project, &cloud, "stays").contains("the first"));
    let latest = records(&project, &cloud);
    assert_eq!((&latest[0]["what"], &latest[0]["backTo"]), (&json!("rollback"), &json!(id)));
    assert_eq!(latest[0]["artifacts"], latest[3]["artifacts"]);
}

#[test]
fn a_variable_that_is_not_set_any_more_stops_a_rollback_before_any_change() {
    let cloud = Cloud::own("calm");
    put_token(&cloud.boto(), TOKEN);
    let project = Project::new(FIRST);
    run(&project, &cloud, &["deploy", "--yes"]).success();
    project.write("serverless.yml", SECOND);
    run(&project, &cloud, &["deploy", "--yes"]).success();
    cloud.forget_calls();
    project.on(&cloud, ["rollback", "--previous", "--yes"]).code(1).says("DATABASE_HOST");
    let writes = cloud.calls().iter().filter(|call| call["operation"].as_str().unwrap().starts_with("Update")).count();
    assert_eq!(writes, 0);
    run(&project, &cloud, &["rollback", "20010101-000000"]).code(1).says("there is no deployment 20010101-000000");
    run(&project, &cloud, &["rollback"]).code(2);
}

#[test]
fn nothing_to_do_leaves_no_record_and_a_removal_does() {
    let cloud = Cloud::shared();
    let project = Project::new(SECOND);
    put_token(&cloud.boto(), TOKEN);
    project.on(&cloud, ["history"]).success().says("nothing was deployed here yet");
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(records(&project, &cloud).len(), 1);
    project.on(&cloud, ["remove", "--yes"]).success();
    let known = records(&project, &cloud);
    assert_eq!((known.len(), &known[0]["what"]), (2, &json!("remove")));
    let table = project.on(&cloud, ["history"]).success();
    assert!(table.stdout.lines().all(|line| line.chars().count() <= 80), "{}", table.stdout);
    // What was removed comes back, code and all.
    project.on(&cloud, ["rollback", "--previous", "--yes"]).success();
    project.on(&cloud, ["invoke", "-f", "hello"]).success().says("echo");
    project.on(&cloud, ["diff", "--exit-code"]).success();
}

#[test]
fn a_run_that_failed_or_was_killed_is_in_the_history() {
    let cloud = Cloud::shared();
    let project = Project::new(SECOND);
    put_token(&cloud.boto(), TOKEN);
    cloud.fault("lambda.CreateFunction", 2, "expired-token", 1);
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("not done: ").says("The next deploy goes on with the rest");
    let known = records(&project, &cloud);
    assert_eq!((known.len(), &known[0]["ending"]), (1, &json!("failed")));
    assert!(!known[0]["failures"].as_array().unwrap().is_empty(), "{known:?}");
    let fates: Vec<&Value> = known[0]["changes"].as_array().unwrap().iter().map(|change| &change["fate"]).collect();
    assert!(fates.contains(&&json!("done")) && fates.contains(&&json!("failed")), "{fates:?}");
    project.deploy(&cloud);

    project.write("handler.py", SECOND_CODE);
    let held = cloud.hold("lambda.UpdateFunctionCode", "before");
    let begun = || {
        let own = cloud.own_calls();
        let key = |call: &Value| call["params"]["Key"].as_str().unwrap_or_default().starts_with("history/");
        own.iter().filter(|call| call["operation"] == "PutObject" && key(call) && call["status"] == 200).count()
    };
    let before = begun();
    let mut killed = project.start(&cloud, ["deploy", "--yes"]);
    held.caught();
    // The record is begun beside the first changes.
    while begun() == before {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    held.release();
    assert_eq!(records(&project, &cloud)[0]["ending"], "open");
    project.write("handler.py", FIRST_CODE);
    project.deploy(&cloud);
    let known = records(&project, &cloud);
    let endings: Vec<&Value> = known.iter().map(|record| &record["ending"]).collect();
    assert_eq!(endings, ["done", "open", "done", "failed"]);
}

#[test]
fn what_a_failed_run_did_is_put_back() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    put_token(&boto, TOKEN);
    let project = Project::new(FIRST).file("handler.py", FIRST_CODE);
    run(&project, &cloud, &["deploy", "--yes"]).success();
    // The code of the first deploy is back, too.
    let was = boto.state(&cloud.account);
    project.write("handler.py", SECOND_CODE);
    let rollback = "deploy: {onFailure: rollback}\n";
    let changed = SECOND.replace("  other:", "  stays:\n    handler: handler.handler\n  other:");
    project.write("serverless.yml", &format!("{changed}{rollback}"));
    cloud.fault("lambda.CreateFunction", 1, "expired-token", 1);
    let failed = run(&project, &cloud, &["deploy", "--yes"]).code(1);
    let failed = failed.says("putting back what was done").says("put back: ").says("not done: ");
    assert!(!failed.said().contains(TOKEN), "{}", failed.said());
    let without_versions = |mut state: Value| {
        for function in state["functions"].as_object_mut().unwrap().values_mut() {
            function.as_object_mut().unwrap().remove("versions");
        }
        state
    };
    let (was, is) = (without_versions(was), without_versions(boto.state(&cloud.account)));
    assert!(was == is, "{}\n{}", difference(&was, &is, ""), failed.said());
    assert_eq!(records(&project, &cloud)[0]["ending"], "put-back");
    // The next deploy does it all.
    run(&project, &cloud, &["deploy", "--yes"]).success();
    run(&project, &cloud, &["diff", "--exit-code"]).success();
}

#[test]
fn a_deploy_that_does_not_pass_its_checks_has_failed() {
    let cloud = Cloud::own("calm");
    put_token(&cloud.boto(), TOKEN);
    let checks = |expected: &str| {
        format!(
            "{SECOND}deploy:\n  verify:\n    - function: hello\n      contains: {expected}\n    - {{url: '{}/_cloud/summary', timeout: 20}}\n",
            cloud.url()
        )
    };
    let project = Project::new(&checks("the first")).file("handler.py", FIRST_CODE);
    project.deploy(&cloud).says("✓ function hello").says("✓ GET ");
    project.write("handler.py", SECOND_CODE);
    let failed = project.on(&cloud, ["deploy", "--yes"]).code(1);
    let failed = failed.says("✗ function hello").says("the answer does not contain \"the first\"");
    failed.says("1 check did not pass").says("hoist rollback --previous");
    assert_eq!(records(&project, &cloud)[0]["ending"], "unverified");
    // Once more is not better; and nothing is called where nothing changed and all was well.
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("nothing to do").says("✗ function hello");
    project.on(&cloud, ["deploy", "--yes", "--json"]).code(1);
    project.write("serverless.yml", &checks("the second"));
    project.deploy(&cloud).says("nothing to do").says("✓ function hello");

    project.write("handler.py", FIRST_CODE);
    project.on(&cloud, ["deploy", "--yes", "--rollback-on-failure"]).code(1).says("put back: ");
    assert!(answer(&project, &cloud, "hello").contains("the second"), "the code of before answers again");
}

#[test]
fn one_function_goes_back_to_the_code_of_a_version() {
    let cloud = Cloud::shared();
    put_token(&cloud.boto(), TOKEN);
    let project = Project::new(SECOND).file("handler.py", FIRST_CODE);
    project.deploy(&cloud);
    project.write("handler.py", SECOND_CODE);
    project.deploy(&cloud);
    project.on(&cloud, ["rollback", "function", "-f", "hello"]).success().says("version 1 of shop-dev-hello");
    assert!(answer(&project, &cloud, "hello").contains("the first"));
    assert!(answer(&project, &cloud, "other").contains("the second"));
    project.on(&cloud, ["rollback", "function", "-f", "hello", "--version", "2"]).success();
    assert!(answer(&project, &cloud, "hello").contains("the second"));
    project.on(&cloud, ["rollback", "function", "-f", "hello", "--version", "77"]).code(1).says("no version 77");
    project.on(&cloud, ["rollback", "function", "-f", "helo"]).code(1).says("Did you mean hello?");
    let known = records(&project, &cloud);
    assert_eq!(known[0]["what"], "rollback-function");
    assert_eq!(known[0]["backTo"], "shop-dev-hello:2");
}

/// The practice cloud gives the newest code by the link of every version, where AWS gives that of the version.
#[test]
fn code_that_is_kept_nowhere_stops_a_rollback_before_any_change() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    put_token(&boto, TOKEN);
    let project = Project::new(SECOND).file("handler.py", FIRST_CODE);
    project.deploy(&cloud);
    project.write("handler.py", SECOND_CODE);
    project.deploy(&cloud);
    let bucket = format!("hoist-{}-us-east-1", cloud.account);
    let listed = boto.call("s3", "list_objects_v2", json!({"Bucket": bucket, "Prefix": "artifacts/"}));
    let kept = listed["Contents"].as_array().unwrap();
    assert_eq!(kept.len(), 2, "each zip once, though two functions share it: {kept:?}");
    for object in kept {
        boto.call("s3", "delete_object", json!({"Bucket": bucket, "Key": object["Key"]}));
    }
    let was = boto.state(&cloud.account);
    project.on(&cloud, ["rollback", "--previous", "--yes"]).code(1).says("is not that code");
    assert!(was == boto.state(&cloud.account), "something was changed");
}

#[test]
fn the_newest_records_stay_and_can_be_gone_back_to() {
    let cloud = Cloud::shared().another();
    let config = |memory: u32| {
        format!(
            "service: shop\nprovider: {{name: aws, runtime: python3.13}}\ndeploy: {{history: 2}}\nfunctions:\n  hello: {{handler: handler.handler, memorySize: {memory}}}\n"
        )
    };
    let project = Project::new(&config(128));
    let mut swept = 0;
    for memory in [128, 192, 256, 320, 384, 448, 512] {
        project.write("serverless.yml", &config(memory));
        swept += u32::from(project.deploy(&cloud).said().contains("old record"));
    }
    // A few more come together first, and whether they have is asked while they are being written.
    assert!((1..=4).contains(&swept), "{swept}");
    let known = records(&project, &cloud);
    assert!((2..=4).contains(&known.len()), "{known:?}");
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["rollback", "--previous", "--yes"]).success();
    let hello = cloud.boto().function("shop-dev-hello").unwrap();
    assert_eq!(hello["Configuration"]["MemorySize"], 448);
}

#[test]
fn a_path_of_the_api_is_fetched_after_a_deploy() {
    let cloud = Cloud::with_apis();
    let config = |expected: &str| {
        format!(
            "service: shop\nprovider: {{name: aws, runtime: python3.13}}\ndeploy:\n  verify:\n    - /hello\n    - {{url: '/hello?name=x', contains: '{expected}', timeout: 3}}\nfunctions:\n  hello: {{handler: handler.handler, events: [{{httpApi: GET /hello}}]}}\n"
        )
    };
    let project = Project::new(&config("the first")).file("handler.py", FIRST_CODE);
    let ran = project.deploy(&cloud);
    assert_eq!(ran.said().matches("✓ GET /hello").count(), 2, "{}", ran.said());
    project.write("serverless.yml", &config("the second"));
    project.on(&cloud, ["deploy", "--yes"]).success().says("nothing to do");
    project.write("handler.py", "def handler(event, context):\n    return 'the third'\n");
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1).says("✓ GET /hello ").says("✗ GET /hello ");
    ran.says("the answer does not contain \"the second\": the third");
}

/// Who, from which commit, when, what changed, which code, and secrets by their names only.
#[test]
fn a_record_says_who_deployed_what_from_which_commit() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    put_token(&boto, TOKEN);
    let project = Project::new(FIRST).file("handler.py", FIRST_CODE).file(".gitignore", ".hoist\n.home\n");
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(args);
        let output = command.current_dir(project.path()).output().unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let deploy = || {
        let mut command = project.command_on(&cloud, ["deploy", "--yes"]);
        let run_url = [("GITHUB_SERVER_URL", "https://g"), ("GITHUB_REPOSITORY", "a/b"), ("GITHUB_RUN_ID", "7")];
        command.env("DATABASE_HOST", "db.example.com").env("USER", "anna").envs(run_url);
        Ran::of(command.output().unwrap()).success();
        // The newest key comes first.
        let bucket = format!("hoist-{}-us-east-1", cloud.account);
        let listed = boto.call("s3", "list_objects_v2", json!({"Bucket": bucket, "Prefix": "history/shop/dev/"}));
        let key = &listed["Contents"][0]["Key"];
        let body = boto.call("s3", "get_object", json!({"Bucket": bucket, "Key": key}))["Body"].clone();
        serde_json::from_str::<Value>(body.as_str().unwrap()).unwrap()
    };
    let digest = |name: &str| boto.function(name).unwrap()["Configuration"]["CodeSha256"].clone();
    git(&["init", "-q", "-b", "trunk"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    let began = now();
    let first = deploy();
    assert_eq!(
        (&first["what"], &first["ending"], &first["version"]),
        (&json!("deploy"), &json!("done"), &json!(env!("CARGO_PKG_VERSION")))
    );
    let who = first["who"].as_str().unwrap();
    assert!(who.starts_with("anna@") && who.contains("(pid "), "{who}");
    assert_eq!(first["runUrl"], "https://g/a/b/actions/runs/7");
    assert_eq!(first["commit"], json!({"id": git(&["rev-parse", "HEAD"]), "branch": "trunk", "dirty": false}));
    let times = [began, first["began"].as_u64().unwrap(), first["ended"].as_u64().unwrap(), now()];
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(first["artifacts"]["functions"]["hello"], digest("shop-dev-hello"));
    let made = first["changes"].as_array().unwrap();
    assert!(
        made.iter().any(|change| change["logicalId"] == "StaysLambdaFunction" && change["action"] == "create"),
        "{made:?}"
    );

    // The second says the second commit, that files differ from it, and which field of which resource changed.
    project.write("handler.py", SECOND_CODE);
    git(&["commit", "-q", "-a", "-m", "second"]);
    project.write("serverless.yml", &FIRST.replace("    url: true\n", "    url: true\n    memorySize: 512\n"));
    let second = deploy();
    assert_eq!(second["commit"], json!({"id": git(&["rev-parse", "HEAD"]), "branch": "trunk", "dirty": true}));
    assert_ne!(second["commit"]["id"], first["commit"]["id"]);
    let hello =
        second["changes"].as_array().unwrap().iter().find(|change| change["logicalId"] == "HelloLambdaFunction");
    let hello = hello.unwrap_or_else(|| panic!("{}", second["changes"]));
    assert_eq!(
        (&hello["resourceType"], &hello["action"], &hello["fate"]),
        (&json!("AWS::Lambda::Function"), &json!("update"), &json!("done"))
    );
    assert!(hello["fields"].as_array().unwrap().contains(&json!("MemorySize")), "{hello}");
    assert_eq!(second["artifacts"]["functions"]["hello"], digest("shop-dev-hello"));
    assert_ne!(second["artifacts"], first["artifacts"]);
    for record in [first, second] {
        let text = record.to_string();
        assert!(
            text.contains("${ssm:/shop/token}") && !text.contains(TOKEN) && !text.contains("db.example.com"),
            "{text}"
        );
    }
}

/// Routes of both kinds of API and triggers of every way to be called.
const ROUTED: &str = "
service: shop
provider: {name: aws, runtime: python3.13, timeout: 10}
functions:
  hello:
    handler: handler.handler
    url: true
    events:
      - http: GET /old
      - http: {method: post, path: both, private: true}
      - httpApi: GET /old
      - schedule: rate(1 hour)
      - sns: shop-old
      - sqs: {arn: 'arn:aws:sqs:us-east-1:123456789012:jobs', batchSize: 5}
      - eventBridge: {pattern: {source: [old]}}
";

/// Each of them changed, gone, or new.
const REROUTED: &str = "
service: shop
provider: {name: aws, runtime: python3.13, timeout: 10}
functions:
  hello:
    handler: handler.handler
    events:
      - http: GET /new
      - http: {method: post, path: both}
      - httpApi: GET /new
      - schedule: rate(2 hours)
      - sns: shop-new
      - sqs: {arn: 'arn:aws:sqs:us-east-1:123456789012:jobs', batchSize: 7}
      - eventBridge: {pattern: {source: [new]}}
";

#[test]
fn routes_and_triggers_go_back_with_the_code() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    boto.call("sqs", "create_queue", json!({"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "60"}}));
    let code =
        |text: &str| format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': '{text}'}}\n");
    let project = Project::new(ROUTED).file("handler.py", &code("the first"));
    project.deploy(&cloud);
    let rest = boto.call("apigateway", "get_rest_apis", json!({}))["items"][0]["id"].as_str().unwrap().to_owned();
    let http = boto.call("apigatewayv2", "get_apis", json!({}))["Items"][0]["ApiId"].as_str().unwrap().to_owned();
    let fetched = |verb: &str, path: &str| {
        let (status, _, body) = cloud.request(verb, path, &[]);
        if status == 200 { body } else { status.to_string() }
    };
    let routes = || {
        [
            fetched("GET", &format!("/_aws/execute-api/{rest}/dev/old")),
            fetched("GET", &format!("/_aws/execute-api/{rest}/dev/new")),
            fetched("POST", &format!("/_aws/execute-api/{rest}/dev/both")),
            fetched("GET", &format!("/_aws/execute-api/{http}/$default/old")),
            fetched("GET", &format!("/_aws/execute-api/{http}/$default/new")),
        ]
    };
    let was = (routes(), boto.state(&cloud.account));
    assert_eq!(was.0.clone().map(|text| text == "the first"), [true, false, false, true, false], "{:?}", was.0);
    project.write("serverless.yml", REROUTED);
    project.write("handler.py", &code("the second"));
    project.deploy(&cloud);
    let between = routes();
    assert_eq!(between.clone().map(|text| text == "the second"), [false, true, true, false, true], "{between:?}");

    let ran = project.on(&cloud, ["rollback", "--previous", "--yes"]).success();
    for said in ["GET /old: added", "GET /new: removed", "POST /both: API key required", "BatchSize: 7 → 5"] {
        assert!(ran.said().contains(said), "the plan does not say {said:?}:\n{}", ran.said());
    }
    let without_versions = |mut state: Value| {
        for function in state["functions"].as_object_mut().unwrap().values_mut() {
            function.as_object_mut().unwrap().remove("versions");
            // A URL that was taken away comes back at another address.
            function["url"].as_object_mut().unwrap().remove("FunctionUrl");
        }
        state
    };
    assert_eq!(routes(), was.0);
    let (was, is) = (without_versions(was.1), without_versions(boto.state(&cloud.account)));
    assert!(was == is, "{}", difference(&was, &is, ""));
    project.write("serverless.yml", ROUTED);
    project.on(&cloud, ["diff", "--exit-code"]).code(2).says("Code");
}
