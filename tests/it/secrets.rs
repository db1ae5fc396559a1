//! `secrets:`, dynamic references and imports: read once, set at deploy, and never shown; and `hoist secrets`.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Cloud, Project, Ran};

const TOKEN: &str = "marker-of-the-token-5521";
const PASSWORD: &str = "marker-of-the-password-9083";

const CONFIG: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  secrets:
    TOKEN: ssm:/shop/dev/TOKEN
functions:
  hello:
    handler: handler.handler
    secrets:
      PASSWORD: secretsmanager:db:password
    environment:
      DSN: 'postgres://{{resolve:secretsmanager:db:SecretString:user}}:{{resolve:secretsmanager:db:SecretString:password}}@db'
      PLAIN: '{{resolve:ssm:/shop/url}}'
      JOINED: !Sub '{{resolve:ssm-secure:/${AWS::Region}/key}}'
      VPC: !ImportValue net-Vpc
  other:
    handler: handler.handler
";

const STACK: &str = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "t"}}},
    "Outputs": {"Vpc": {"Value": "vpc-77", "Export": {"Name": "net-Vpc"}}}}"#;

/// An account with everything that the file refers to.
fn account() -> Cloud {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    let put = |name: &str, kind: &str, value: &str| {
        boto.call("ssm", "put_parameter", json!({"Name": name, "Type": kind, "Value": value}));
    };
    put("/shop/dev/TOKEN", "SecureString", TOKEN);
    put("/shop/url", "String", "https://shop.example");
    put("/us-east-1/key", "SecureString", &format!("{TOKEN}-key"));
    let text = json!({"user": "me", "password": PASSWORD}).to_string();
    boto.call("secretsmanager", "create_secret", json!({"Name": "db", "SecretString": text}));
    boto.call("cloudformation", "create_stack", json!({"StackName": "net", "TemplateBody": STACK}));
    cloud
}

fn variables(cloud: &Cloud, function: &str) -> Value {
    cloud.boto().function(function).unwrap()["Configuration"]["Environment"]["Variables"].clone()
}

/// Nothing said, and no file of the project, holds one of the secrets.
fn keeps_quiet(project: &Project, ran: &Ran) {
    for marker in [TOKEN, PASSWORD] {
        assert!(!ran.said().contains(marker), "it says {marker}:\n{}", ran.said());
    }
    let hoist = project.join(".hoist");
    for entry in std::fs::read_dir(hoist).into_iter().flatten() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(TOKEN) && !text.contains(PASSWORD), "{} holds it", path.display());
    }
}

#[test]
fn secrets_and_references_are_read_once_set_and_never_shown() {
    let cloud = account();
    let project = Project::new(CONFIG);
    keeps_quiet(&project, &project.on(&cloud, ["package", "-vv"]).success());
    keeps_quiet(&project, &project.on(&cloud, ["print", "-vv"]).success());
    keeps_quiet(&project, &project.on(&cloud, ["diff", "-vv", "--exit-code"]).code(2));
    cloud.forget_calls();
    keeps_quiet(&project, &project.on(&cloud, ["deploy", "--yes", "-vv"]).success());
    let count = |operation: &str| cloud.own_calls().iter().filter(|call| call["operation"] == operation).count();
    assert_eq!((count("GetParameters"), count("GetSecretValue"), count("ListExports")), (1, 1, 1));
    assert_eq!(
        variables(&cloud, "shop-dev-hello"),
        json!({
            "TOKEN": TOKEN, "PASSWORD": PASSWORD, "DSN": format!("postgres://me:{PASSWORD}@db"),
            "PLAIN": "https://shop.example", "JOINED": format!("{TOKEN}-key"), "VPC": "vpc-77",
        })
    );
    assert_eq!(variables(&cloud, "shop-dev-other"), json!({"TOKEN": TOKEN}));
    keeps_quiet(&project, &project.on(&cloud, ["diff", "--exit-code"]).success().says("nothing to do"));
    keeps_quiet(&project, &project.on(&cloud, ["info", "-vv", "--json"]).success());

    // Another value: told as changed, for those who read it.
    let other =
        json!({"Name": "/shop/dev/TOKEN", "Type": "SecureString", "Value": format!("{TOKEN}-2"), "Overwrite": true});
    cloud.boto().call("ssm", "put_parameter", other);
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2).says("Variables.TOKEN: changed ••••••");
    keeps_quiet(&project, &diff);
    keeps_quiet(&project, &project.on(&cloud, ["diff", "--json"]).success());
    keeps_quiet(&project, &project.on(&cloud, ["deploy", "--yes", "--json"]).success());
    assert_eq!(variables(&cloud, "shop-dev-other"), json!({"TOKEN": format!("{TOKEN}-2")}));

    // A secret that left the file is not shown on its way out.
    project.write("serverless.yml", &CONFIG.replace("      PASSWORD: secretsmanager:db:password", "      {}"));
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2).says("Variables.PASSWORD: removed");
    keeps_quiet(&project, &diff);
}

#[test]
fn what_is_not_there_stops_the_deploy_with_the_line_of_the_file() {
    let cloud = Cloud::shared();
    let project = Project::new(CONFIG);
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    for text in [
        "provider.secrets.TOKEN: the parameter `/shop/dev/TOKEN` is not in this account in us-east-1",
        "serverless.yml:7",
        "`hoist secrets set TOKEN`",
        "functions.hello.secrets.PASSWORD: `password` of the secret `db` is not in this account",
        "functions.hello.environment.VPC: the export `net-Vpc` is not in this account",
    ] {
        assert!(ran.stderr.contains(text), "{text:?} is not in\n{}", ran.stderr);
    }
    assert!(cloud.boto().function("shop-dev-hello").is_none());
}

#[test]
fn a_secret_that_makes_the_environment_too_large_is_told_before_anything_is_changed() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let long = json!({"Name": "/shop/dev/TOKEN", "Type": "SecureString", "Value": "s".repeat(4090)});
    boto.call("ssm", "put_parameter", long);
    let config = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    secrets: {TOKEN: ssm:/shop/dev/TOKEN}
    environment: {MODE: loud}
";
    let project = Project::new(config);
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    for text in ["functions.hello.environment: 4103 bytes", "the largest variable is `TOKEN`", "serverless.yml:8"] {
        assert!(ran.stderr.contains(text), "{text:?} is not in\n{}", ran.stderr);
    }
    assert!(!ran.said().contains("ssss"), "{}", ran.said());
    assert!(
        cloud.own_calls().iter().filter(|call| call["reads"] != true).all(|call| call["operation"] == "PutParameter")
    );
}

/// `hoist secrets …` with a value on standard input.
fn with_input(project: &Project, cloud: &Cloud, args: &[&str], input: &str) -> Ran {
    let mut command = project.command_on(cloud, args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn secrets_are_kept_listed_and_removed() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let config = "
service: shop
provider:
  name: aws
  runtime: python3.13
  stackTags: {team: blue}
functions:
  hello:
    handler: handler.handler
    secrets: {TOKEN: 'ssm:/shop/dev/TOKEN'}
";
    let project = Project::new(config);
    project.on(&cloud, ["secrets", "list"]).success().says("TOKEN is used by the file and not set");

    let ran = with_input(&project, &cloud, &["secrets", "set", "TOKEN"], &format!("{TOKEN}\n")).success();
    keeps_quiet(&project, &ran);
    assert!(ran.stdout.contains("set /shop/dev/TOKEN, version 1"), "{}", ran.stdout);
    let kept = boto.call("ssm", "get_parameter", json!({"Name": "/shop/dev/TOKEN", "WithDecryption": true}));
    assert_eq!((&kept["Parameter"]["Value"], &kept["Parameter"]["Type"]), (&json!(TOKEN), &json!("SecureString")));
    let tags = json!({"ResourceType": "Parameter", "ResourceId": "/shop/dev/TOKEN"});
    let tags = boto.call("ssm", "list_tags_for_resource", tags).to_string();
    assert!(tags.contains("hoist:service") && tags.contains("team"), "{tags}");

    let ran = with_input(&project, &cloud, &["secrets", "set", "TOKEN", "--json"], &format!("{TOKEN}-2")).success();
    keeps_quiet(&project, &ran);
    let line = ran.json().into_iter().find(|line| line["type"] == "secret").unwrap();
    assert_eq!((&line["action"], &line["version"]), (&json!("changed"), &json!(2)));

    with_input(&project, &cloud, &["secrets", "set", "SPARE"], "x").success().says("nothing in the file uses it yet");
    let listed = project.on(&cloud, ["secrets", "list", "--json"]).success().json();
    let lines: Vec<&Value> = listed.iter().filter(|line| line["type"] == "secret").collect();
    assert_eq!(lines.len(), 2, "{listed:?}");
    assert_eq!((&lines[0]["name"], &lines[0]["used_by"]), (&json!("SPARE"), &json!([])));
    assert_eq!(lines[1]["used_by"], json!(["functions.hello.secrets.TOKEN"]));
    project.on(&cloud, ["secrets", "list"]).success().says("TOKEN  version 2").says("not used by the file");
    project.deploy(&cloud);
    assert_eq!(variables(&cloud, "shop-dev-hello"), json!({"TOKEN": format!("{TOKEN}-2")}));

    project.on(&cloud, ["secrets", "remove", "TOKEN"]).code(1).says("nobody can be asked here");
    project.on(&cloud, ["secrets", "remove", "TOKEN", "--yes"]).success().says("removed /shop/dev/TOKEN");
    project.on(&cloud, ["secrets", "remove", "TOKEN", "--yes"]).code(1).says("there is no secret /shop/dev/TOKEN");
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("functions.hello.secrets.TOKEN");
}

#[test]
fn a_secret_never_stands_on_the_command_line() {
    let project = Project::new(CONFIG);
    for args in [["secrets", "set", "TOKEN=hunter2"].as_slice(), &["secrets", "set", "TOKEN", "hunter2"]] {
        project.run(args).code(1);
    }
    let cloud = Cloud::shared();
    with_input(&project, &cloud, &["secrets", "set", "TOKEN"], "\n").code(1).says("there is no value");
    with_input(&project, &cloud, &["secrets", "set", "TOKEN"], &"x".repeat(5000)).code(1).says("4096 bytes");
}

/// Fields of plain text hold variables, too: the value goes to AWS and nowhere else.
#[test]
fn a_secret_in_a_plain_field_is_not_shown_either() {
    let cloud = account();
    let config = |more: &str| {
        format!(
            "
service: shop
provider: {{name: aws, runtime: python3.13}}
functions:
  hello:
    handler: handler.handler
    description: token ${{ssm:/shop/dev/TOKEN}}{more}
    events:
      - schedule: {{rate: rate(1 hour), name: 'every-${{ssm:/shop/dev/TOKEN}}', input: {{token: '${{ssm:/shop/dev/TOKEN}}'}}}}
      - http: {{path: '/${{ssm:/shop/dev/TOKEN}}', method: get}}
"
        )
    };
    let project = Project::new(&config(""));
    keeps_quiet(&project, &project.on(&cloud, ["package"]).success());
    keeps_quiet(&project, &project.on(&cloud, ["diff"]).success());
    keeps_quiet(&project, &project.on(&cloud, ["deploy", "--yes"]).success());
    let live = cloud.boto().function("shop-dev-hello").unwrap();
    assert_eq!(live["Configuration"]["Description"], format!("token {TOKEN}"));
    project.write("serverless.yml", &config(" and more"));
    for command in [&["diff"][..], &["diff", "--json"], &["info"], &["info", "--json"], &["history"]] {
        keeps_quiet(&project, &project.on(&cloud, command).success());
    }
    keeps_quiet(&project, &project.on(&cloud, ["deploy", "--yes", "--json"]).success());
    keeps_quiet(&project, &project.on(&cloud, ["remove", "--yes"]).success());
}

#[test]
fn a_short_secret_in_a_plain_field_is_not_shown_either() {
    let cloud = account();
    cloud.boto().call("ssm", "put_parameter", json!({"Name": "/shop/dev/PIN", "Type": "SecureString", "Value": "q7#"}));
    let config = |description: &str| {
        format!(
            "
service: shop
provider: {{name: aws, runtime: python3.13}}
functions:
  hello:
    handler: handler.handler
    description: '{description}'
    events:
      - schedule: {{rate: rate(1 hour), input: {{pin: '${{ssm:/shop/dev/PIN}}'}}}}
"
        )
    };
    let project = Project::new(&config("${ssm:/shop/dev/PIN}"));
    let quiet = |ran: &Ran| assert!(!ran.said().contains("q7#"), "{}", ran.said());
    for command in [&["package"][..], &["diff"], &["diff", "--json"], &["deploy", "--yes"]] {
        quiet(&project.on(&cloud, command).success());
    }
    let written = std::fs::read_to_string(project.path().join(".hoist/resources.json")).unwrap();
    assert!(!written.contains("q7#"));
    assert_eq!(cloud.boto().function("shop-dev-hello").unwrap()["Configuration"]["Description"], "q7#");
    project.on(&cloud, ["deploy", "--yes"]).success().says("nothing to do");
    cloud.boto().call(
        "lambda",
        "update_function_configuration",
        json!({"FunctionName": "shop-dev-hello", "Description": "somebody's"}),
    );
    for command in [&["diff"][..], &["diff", "--json"], &["deploy", "--yes", "--json"]] {
        quiet(&project.on(&cloud, command).success());
    }
    assert_eq!(cloud.boto().function("shop-dev-hello").unwrap()["Configuration"]["Description"], "q7#");
}
