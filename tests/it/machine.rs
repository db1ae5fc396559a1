//! `--json`: every line of every command is as `schemas/output.schema.json` says.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Cloud, Project, python};

const CONFIG: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
functions:
  hello:
    handler: handler.handler
    url: true
    secrets: {TOKEN: ssm:/shop/dev/TOKEN}
  other:
    handler: handler.handler
    timeout: 9
deploy:
  verify:
    - function: other
";

/// What the schema has against lines, and which of its types they were.
fn judged(lines: &str) -> (Vec<Value>, Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut judge = Command::new(python())
        .arg(root.join("tests/it/support/lines.py"))
        .arg(root.join("schemas/output.schema.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    judge.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let said = judge.wait_with_output().unwrap();
    assert!(said.status.success());
    let mut said: Vec<Value> =
        String::from_utf8(said.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen =
        said.pop().unwrap()["seen"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    (said, seen)
}

#[test]
fn every_line_is_as_the_schema_says() {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    let project = Project::new(CONFIG);
    let mut lines = String::new();
    let mut run = |project: &Project, args: &[&str], code: i32| {
        let ran = project.on(&cloud, args.iter().copied().chain(["--json"])).code(code);
        assert!(!ran.stdout.is_empty(), "{args:?} says nothing");
        lines.push_str(&ran.stdout);
        ran
    };

    // The secret is not there yet.
    run(&project, &["deploy", "--yes"], 1);
    let secret = project.join("secret");
    std::fs::write(&secret, "hidden-77").unwrap();
    let mut set = project.command_on(&cloud, ["secrets", "set", "TOKEN", "--json"]);
    let set = set.stdin(File::open(&secret).unwrap()).output().unwrap();
    assert!(set.status.success());
    let set = String::from_utf8(set.stdout).unwrap();

    run(&project, &["validate"], 0);
    run(&project, &["package"], 0);
    run(&project, &["diff"], 0);
    run(&project, &["deploy", "--yes"], 0);
    run(&project, &["deploy", "--yes"], 0);
    run(&project, &["info"], 0);
    run(&project, &["invoke", "-f", "other"], 0);
    assert!(boto.hears("shop-dev-other", "REPORT"));
    run(&project, &["logs", "-f", "other"], 0);
    run(&project, &["secrets", "list"], 0);

    // A change in place, a replacement, something that goes, a failure and what waits for it.
    project.write("serverless.yml", &CONFIG.replace("timeout: 9", "timeout: 10").replace("    url: true\n", ""));
    run(&project, &["diff"], 0);
    cloud.fault("lambda.UpdateFunctionConfiguration", 1, "expired-token", 1);
    run(&project, &["deploy", "--yes"], 1);
    run(&project, &["deploy", "--yes"], 0);
    let told = run(&project, &["history"], 0).json();
    let last = told.iter().find(|line| line["type"] == "deployment").unwrap();
    run(&project, &["history", last["id"].as_str().unwrap()], 0);
    run(&project, &["rollback", "--previous", "--yes"], 0);

    // What is wrong with a file, and with what it checks.
    let verified = CONFIG.replace("- function: other", "- {function: other, expect: {payload: never}}");
    project.write("serverless.yml", &verified.replace("timeout: 9", "timeout: 11"));
    run(&project, &["deploy", "--yes"], 1);
    project.write("serverless.yml", &CONFIG.replace("timeout: 9", "timeout: 9000"));
    run(&project, &["validate"], 1);
    project.write("serverless.yml", CONFIG);
    run(&project, &["remove", "--yes"], 0);
    run(&project, &["secrets", "remove", "TOKEN", "--yes"], 0);
    run(&project, &["secrets", "list"], 0);
    run(&project, &["secrets", "remove", "TOKEN", "--yes"], 1);

    lines.push_str(&set);
    let (against, seen) = judged(&lines);
    assert_eq!(against, Vec::<Value>::new());
    for kind in [
        "answer",
        "artifact",
        "change-done",
        "change-started",
        "check",
        "deployed",
        "deployment",
        "diagnostic",
        "difference",
        "error",
        "log",
        "recorded",
        "resources",
        "result",
        "result-of-diff",
        "result-of-nothing",
        "result-of-validate",
        "secret",
        "target",
        "warning",
    ] {
        assert!(seen.iter().any(|one| one == kind), "no {kind} among {seen:?}");
    }
}

#[test]
fn the_schema_refuses_what_no_command_says() {
    let wrong = [
        json!({"type": "result", "differs": "yes"}),
        json!({"type": "change", "state": "done", "logicalId": "A"}),
        json!({"type": "gossip"}),
        json!({"type": "warning", "message": "m", "colour": "red"}),
    ];
    let lines: String = wrong.iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(judged(&lines).0.len(), wrong.len());
}
