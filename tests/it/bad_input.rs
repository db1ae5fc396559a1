//! Wrong files and wrong circumstances: one clear error each, exit code 1, and nothing changed in AWS.

use crate::support::{Cloud, Project};

const GOOD: &str = "service: shop\nprovider:\n  name: aws\n  runtime: python3.13\nfunctions:\n  hello:\n    handler: handler.handler\n";

/// Runs `deploy` on a cloud of its own account and expects it to fail without a write.
#[track_caller]
fn refused(project: &Project, expected: &[&str]) {
    let cloud = Cloud::shared();
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    for text in expected {
        assert!(ran.stderr.contains(text), "{text:?} is not in\n{}", ran.stderr);
    }
    assert_eq!(ran.stdout, "", "errors go to standard error only");
    let made = cloud.boto().call("lambda", "list_functions", serde_json::json!({}));
    assert_eq!(made["Functions"].as_array().map(Vec::len), Some(0), "nothing may be made");
}

#[test]
fn files_that_are_wrong() {
    let cases: &[(&str, &[&str])] = &[
        ("service: [unclosed\n", &["error", "serverless.yml:"]),
        ("service: shop\nprovider:\n\tname: aws\n", &["tab", "serverless.yml:3"]),
        ("service: shop\nservice: other\nprovider: {name: aws}\n", &["serverless.yml:2", "first here", "again here"]),
        (
            &GOOD.replace("handler: handler", "memroySize: 512\n    handler: handler"),
            &["memroySize", "memorySize", "serverless.yml:7"],
        ),
        (
            &GOOD.replace("handler: handler", "memorySize: 64\n    handler: handler"),
            &["functions.hello.memorySize: 64 is below the minimum of 128", "serverless.yml:7"],
        ),
        (
            &GOOD.replace("handler: handler", "timeout: soon\n    handler: handler"),
            &["functions.hello.timeout", "serverless.yml:7"],
        ),
        (
            &GOOD.replace("handler: handler", "description: ${env:NOT_THERE}\n    handler: handler"),
            &["NOT_THERE", "serverless.yml:7"],
        ),
        (&format!("{GOOD}custom:\n  a: ${{self:custom.b}}\n  b: ${{self:custom.a}}\n"), &["custom.a", "custom.b"]),
        (
            &GOOD.replace("handler.handler", "nowhere.handler"),
            &["nowhere", "functions.hello.handler", "serverless.yml:7"],
        ),
        (&GOOD.replace("python3.13", "pyhton3.13"), &["pyhton3.13", "python3.13", "serverless.yml:4"]),
    ];
    for (config, expected) in cases {
        refused(&Project::new(config), expected);
    }
}

#[test]
fn a_role_that_names_too_much_stops_before_a_change() {
    let events: String =
        (0..250).map(|number| format!("      - sqs: arn:aws:sqs:us-east-1:123456789012:jobs-{number}\n")).collect();
    let config = format!("{GOOD}    timeout: 5\n    events:\n{events}");
    refused(&Project::new(&config), &["shop-dev-us-east-1-lambdaRole", "more than the 10240", "perFunction"]);
}

#[test]
fn a_missing_file_is_named_with_what_was_looked_for() {
    refused(&Project::empty(), &["serverless.yml"]);
    let ran = Project::empty().run(["package", "-c", "other.yml"]).code(1);
    assert!(ran.stderr.contains("other.yml"), "{}", ran.stderr);
}

#[test]
fn a_command_line_that_is_wrong_is_not_a_difference() {
    let project = Project::new(GOOD);
    project.run(["diff", "--exit-cod"]).code(1).says("--exit-code");
    project.run(["difff"]).code(1).says("diff");
    project.run(["--help"]).success();
}

#[test]
fn all_problems_of_a_file_come_in_one_run() {
    let config =
        GOOD.replace("handler: handler", "memorySize: 64\n    timeout: 1000\n    nonsense: 1\n    handler: nowhere");
    refused(&Project::new(&config), &["memorySize: 64", "timeout: 1000", "nonsense", "nowhere.py"]);
}

#[test]
fn no_credentials_are_an_error_that_says_where_they_come_from() {
    let cloud = Cloud::shared();
    let project = Project::new(GOOD);
    let ran = project.command(["deploy", "--yes"]).env("AWS_ENDPOINT_URL", cloud.url()).output().unwrap();
    let ran = crate::support::Ran::of(ran).code(1);
    for text in ["credentials", "AWS_PROFILE"] {
        assert!(ran.stderr.contains(text), "{text:?} is not in\n{}", ran.stderr);
    }
}

#[test]
fn an_unreachable_endpoint_is_named() {
    let project = Project::new(GOOD);
    let mut command = project.command(["deploy", "--yes"]);
    command
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let ran = crate::support::Ran::of(command.output().unwrap()).code(1);
    assert!(ran.stderr.contains("127.0.0.1:9"), "{}", ran.stderr);
}

#[test]
fn a_runtime_that_is_gone_can_be_looked_at_and_not_deployed() {
    let project = Project::new(&GOOD.replace("python3.13", "python3.6"));
    project.run(["package"]).success().says("has not accepted `python3.6` since it was deprecated on 2022-07-18");
    assert_eq!(project.resources()["resources"]["HelloLambdaFunction"]["Properties"]["Runtime"], "python3.6");
    refused(&project, &["error[runtime-removed]"]);
}

#[test]
fn what_cannot_be_compiled_or_resolved_is_found_without_an_account() {
    let with = |value: &str| {
        GOOD.replace("handler: handler", &format!("environment: {{MODE: {value}}}\n    handler: handler"))
    };
    for (value, expected) in [
        ("!Ref Nothing", "functions.hello.environment.MODE: there is no resource and no parameter `Nothing`"),
        ("!FindInMap [A, b, c]", "`Mappings` has no `A.b.c`"),
        ("'{{resolve:vault:x}}'", "`{{resolve:vault:x}}`: expected `ssm:name`"),
        ("!Sub '${Nothing.Arn}'", "there is no resource and no parameter `Nothing`"),
    ] {
        let project = Project::new(&with(value));
        let ran = project.run(["validate"]).code(1).says(expected);
        assert!(ran.stderr.contains("serverless.yml:7"), "{}", ran.stderr);
    }
    Project::new(&with("!ImportValue x")).run(["validate"]).success();
}

#[test]
fn a_reference_is_told_once_and_where_the_file_has_it() {
    let events = "    events:\n      - sqs:\n          arn: !GetAtt Nope.Arn\n";
    let project = Project::new(&format!("{GOOD}{events}"));
    let ran = project.run(["validate"]).code(1);
    let line = format!("serverless.yml:{}", GOOD.lines().count() + 3);
    for text in ["functions.hello.events.0.sqs.arn: there is no resource and no parameter `Nope`", &line] {
        assert!(ran.stderr.contains(text), "{text:?} is not in\n{}", ran.stderr);
    }
    assert_eq!(ran.stderr.matches("error[").count(), 1, "{}", ran.stderr);
}

#[test]
fn everything_is_wrong_in_one_run_and_counted_once() {
    let config = "service: shop\nprovider: {name: aws, runtime: python3.12}\nfunctions:\n  a: {handler: gone.main}\n  b:\n    handler: handler.handler\n    package: {individually: true, artifact: gone.zip}\n    environment: {MODE: !Ref Nothing, NAME: !ImportValue y}\n    events: [{sns: !Ref Topic}]\n";
    let expected = [
        "error[handler-not-found]",
        "error[artifact-not-found]",
        "error[unknown-resource]: functions.b.environment.MODE",
        "error[missing-key]: functions.b.events[0].sns: the topic has no name",
    ];
    // The same with a problem of the file itself, which is found before the others.
    for (config, own) in [(config.to_owned(), None), (format!("{config}colour: red\n"), Some("error[unknown-key]"))] {
        let project = Project::new(&config);
        let ran = project.run(["validate"]).code(1);
        for text in expected.into_iter().chain(own) {
            assert_eq!(ran.stderr.matches(text).count(), 1, "{text:?}\n{}", ran.stderr);
        }
        let count = format!("{} errors", expected.len() + usize::from(own.is_some()));
        assert!(ran.stderr.trim_end().ends_with(&count), "{}", ran.stderr);
        assert!(!project.path().join(".hoist").exists(), "nothing is written");
    }
}

#[test]
fn a_service_that_is_named_in_the_account_is_packaged_under_a_name_of_a_file() {
    let project = Project::new(&GOOD.replacen("service: shop", "service: ${ssm:/id}-x", 1));
    let ran = project.run(["package"]).success();
    assert!(ran.stdout.contains(".hoist/ssm--id--x.zip"), "{}", ran.stdout);
}

#[test]
fn a_profile_that_is_not_there_is_named() {
    let project = Project::new(GOOD);
    let ran = project.run(["diff", "--aws-profile", "nosuch"]).code(1);
    assert!(ran.stderr.contains("the profile `nosuch` was asked for by --aws-profile"), "{}", ran.stderr);
}

#[test]
fn what_one_failure_leaves_undone_is_named_shortly() {
    let cloud = Cloud::shared().another();
    let functions: String = (0..12).map(|number| format!("  f{number}: {{handler: handler.handler}}\n")).collect();
    let config = format!("service: shop\nprovider: {{name: aws, runtime: python3.13}}\nfunctions:\n{functions}");
    cloud.fault("iam.CreateRole", 1, "expired-token", 0);
    let ran = Project::new(&config).on(&cloud, ["deploy", "--yes"]).code(1);
    let skipped = ran.stderr.lines().filter(|line| line.contains(" skipped: IamRoleLambdaExecution failed")).count();
    assert_eq!(skipped, 6, "{}", ran.stderr);
    ran.says("19 more skipped: IamRoleLambdaExecution failed");
}
