//! The example deploys, runs, shows its logs and is removed.

use std::path::Path;

use crate::support::{Cloud, Project};

/// `serverless.yml.example` with the sources it names.
fn example() -> Project {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::empty();
    project.write("serverless.yml", &std::fs::read_to_string(root.join("serverless.yml.example")).unwrap());
    for entry in std::fs::read_dir(root.join("templates/example/src")).unwrap() {
        let entry = entry.unwrap();
        let name = format!("src/{}", entry.file_name().to_string_lossy());
        project.write(&name, &std::fs::read_to_string(entry.path()).unwrap());
    }
    project
}

#[test]
fn the_example_deploys_runs_and_is_removed() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = example();
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");

    let url = boto.call("lambda", "get_function_url_config", serde_json::json!({"FunctionName": "shop-dev-hello"}));
    let url = url["FunctionUrl"].as_str().unwrap().trim_end_matches('/').to_owned();
    let (status, body) = cloud.get(&format!("{url}/?name=you"));
    assert_eq!((status, body.contains("Hello, you!")), (200, true), "{url}: {body}");

    let invoked = project.on(&cloud, ["invoke", "-f", "report", "-d", r#"{"orders": [3, 4.5]}"#]).success();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&invoked.stdout).unwrap()["total"], 7.5);
    let logs = project.on(&cloud, ["logs", "-f", "report"]).success();
    assert!(logs.stdout.contains("adding up 2 orders"), "{}", logs.stdout);

    let info = project.on(&cloud, ["info"]).success();
    assert!(info.stdout.contains("shop-dev-hello") && info.stdout.contains("http"), "{}", info.stdout);

    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function("shop-dev-hello").is_none());
}

#[test]
fn a_function_that_fails_fails_the_command() {
    let cloud = Cloud::shared();
    let project = Project::new("service: shop\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n  hello:\n    handler: handler.handler\n")
        .file("handler.py", "def handler(event, context):\n    raise Exception('broken on purpose')\n");
    project.deploy(&cloud);
    let ran = project.on(&cloud, ["invoke", "-f", "hello"]).code(1);
    assert!(ran.said().contains("broken on purpose"), "{}", ran.said());
    let ran = project.on(&cloud, ["invoke", "-f", "helo"]).code(1);
    assert!(ran.stderr.contains("hello"), "a misspelt function suggests the right one: {}", ran.stderr);
}

/// `package` needs no account and stops at nothing that only a deploy needs, and says it all the same.
#[test]
fn what_a_deploy_would_miss_is_said_when_it_is_packaged() {
    let project = Project::new(
        "service: shop
provider: {name: aws, runtime: python3.13, timeout: 6, environment: {API_ID: !Ref WebsocketApi}}
functions: {hello: {handler: handler.handler}}
",
    );
    let cloud = Cloud::shared();
    project.on(&cloud, ["package"]).success().says("warning[unknown-resource]").says(".hoist/resources.json");
    project.on(&cloud, ["validate"]).code(1).says("error[unknown-resource]");
}
