//! Safe to run: credentials and secrets stay where they are, and files are for their owner only.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Cloud, Project, Ran, python};

const SECRET: &str = "hunter2-marker-of-the-secret";
const KEY: &str = "marker-of-the-credentials-x7";

const CONFIG: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  environment:
    PASSWORD: ${ssm:/shop/password}
    URL: postgres://user:${ssm:/shop/password}@db
functions:
  hello:
    handler: handler.handler
    url: true
";

/// A project whose parameter store holds the secret.
fn with_secret(cloud: &Cloud) -> Project {
    let parameter = json!({"Name": "/shop/password", "Type": "SecureString", "Value": SECRET});
    cloud.boto().call("ssm", "put_parameter", parameter);
    Project::new(CONFIG)
}

fn run(project: &Project, cloud: &Cloud, args: &[&str]) -> Ran {
    let mut command = project.command_on(cloud, args);
    command.env("AWS_SECRET_ACCESS_KEY", KEY).env("AWS_SESSION_TOKEN", format!("{KEY}-token"));
    // Whatever the libraries beneath would say.
    command.env("RUST_LOG", "trace").env("HOIST_LOG", "trace").env("RUST_BACKTRACE", "1");
    Ran::of(command.output().unwrap())
}

/// Every file beneath a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn neither_secrets_nor_credentials_are_said_or_written() {
    let cloud = Cloud::shared().another();
    let project = with_secret(&cloud);
    let check = |args: &[&str], code: i32| {
        let ran = run(&project, &cloud, args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.said());
        for marker in [SECRET, KEY] {
            assert!(!ran.said().contains(marker), "{args:?} says {marker}:\n{}", ran.said());
        }
        for path in files(project.path()) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!contains(&bytes, SECRET) && !contains(&bytes, KEY), "{args:?} wrote it to {}", path.display());
        }
    };
    check(&["print", "-vv"], 0);
    check(&["package", "-vv"], 0);
    check(&["diff", "-vv", "--exit-code"], 2);
    check(&["deploy", "--yes", "-vv"], 0);
    check(&["diff", "-vv", "--json"], 0);
    check(&["info", "-vv", "--json"], 0);
    let live = cloud.boto().function("shop-dev-hello").unwrap();
    assert_eq!(live["Configuration"]["Environment"]["Variables"]["PASSWORD"], SECRET, "it did arrive");

    // Changed by somebody else: the difference is told, neither of the values is.
    let changed = json!({"FunctionName": "shop-dev-hello", "Environment": {"Variables": {"PASSWORD": format!("{SECRET}-other")}}});
    cloud.boto().call("lambda", "update_function_configuration", changed);
    check(&["diff", "-vv", "--exit-code"], 2);
    check(&["diff", "--json", "--exit-code"], 2);
    check(&["deploy", "--yes", "-vv", "--json"], 0);
    let bucket = cloud.boto().call("s3", "list_buckets", json!({}))["Buckets"][0]["Name"].clone();
    let objects = cloud.boto().call("s3", "list_objects_v2", json!({"Bucket": bucket}));
    for object in objects["Contents"].as_array().unwrap() {
        let found = cloud.boto().call("s3", "get_object", json!({"Bucket": bucket, "Key": object["Key"]}));
        assert!(!found.to_string().contains(SECRET), "{}", object["Key"]);
    }
}

#[test]
fn what_aws_echoes_is_masked() {
    let cloud = Cloud::shared().another();
    let project = with_secret(&cloud);
    // 4 KB of environment is refused, by hoist or by AWS, and the refusal may show what was sent.
    let long = "x".repeat(5000);
    project.write("serverless.yml", &CONFIG.replace("    URL:", &format!("    LONG: {long}\n    URL:")));
    let ran = run(&project, &cloud, &["deploy", "--yes", "-vv"]);
    assert_eq!(ran.code, 1, "{}", ran.said());
    assert!(!ran.said().contains(SECRET) && !ran.said().contains(KEY), "{}", ran.said());
}

#[test]
fn files_are_for_their_owner_only() {
    let cloud = Cloud::shared().another();
    let project = with_secret(&cloud);
    run(&project, &cloud, &["package"]).success();
    run(&project, &cloud, &["deploy", "--yes"]).success();
    let written = files(&project.path().join(".hoist"));
    assert!(!written.is_empty());
    for path in written {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

#[test]
fn no_name_in_a_zip_leaves_the_service_directory() {
    let project = Project::empty();
    project.write("outside.txt", "not part of it");
    project.write("service/handler.py", "def handler(e, c): return 1\n");
    project.write(
        "service/serverless.yml",
        "service: shop\nprovider: {name: aws, runtime: python3.13}\npackage: {patterns: ['../outside.txt', '../**']}\nfunctions:\n  hello:\n    handler: handler.handler\n",
    );
    let mut command = project.command(["package"]);
    command.current_dir(project.join("service"));
    let ran = Ran::of(command.output().unwrap());
    assert!(!ran.said().contains("panicked"), "{}", ran.said());
    // A file from above may be asked for, as with the framework; its name in the zip stays inside.
    let mut listing = Command::new(python());
    listing.args(["-m", "zipfile", "-l", "service/.hoist/shop.zip"]);
    let names = String::from_utf8(listing.current_dir(project.path()).output().unwrap().stdout).unwrap();
    assert!(names.contains("handler.py"), "{names}");
    assert!(names.lines().all(|line| !line.contains("..") && !line.starts_with('/')), "{names}");
}

#[test]
fn a_name_with_the_signs_of_a_shell_is_a_name() {
    // Written by whoever hands one of these to a shell.
    let name = "a;>pwned;`>pwned`&&>pwned|>pwned";
    let project = Project::empty();
    project.write(&format!("{name}/handler.py"), "def handler(e, c): return 1\n");
    project.write(&format!("{name}.js"), "module.exports = () => ({ word: 'said' });\n");
    let config = format!(
        "service: shop\nprovider: {{name: aws, runtime: python3.13}}\ncustom: {{said: '${{file(./{name}.js):word}}'}}\nfunctions:\n  hello:\n    handler: '{name}/handler.handler'\n    description: ${{self:custom.said}}\n"
    );
    project.write("serverless.yml", &config);
    let ran = project.run(["package"]).success();
    assert_eq!(
        project.resources()["resources"]["HelloLambdaFunction"]["Properties"]["Description"],
        "said",
        "{}",
        ran.said()
    );
    let pwned: Vec<_> = files(project.path()).into_iter().filter(|path| path.ends_with("pwned")).collect();
    assert!(pwned.is_empty(), "{pwned:?}");
}
