//! Every field that can be set can be changed, and can be taken away again.

use serde_json::{Value, json};

use crate::support::{Cloud, Project};

/// One field: what is written under the function, where boto3 shows it, what it shows, and what once it is gone.
struct Field {
    yaml: &'static str,
    pointer: &'static str,
    set: Value,
    gone: Value,
}

fn field(yaml: &'static str, pointer: &'static str, set: Value, gone: Value) -> Field {
    Field { yaml, pointer, set, gone }
}

fn fields() -> Vec<Field> {
    vec![
        field("description: says hello", "/Configuration/Description", json!("says hello"), json!("")),
        field("memorySize: 512", "/Configuration/MemorySize", json!(512), json!(1024)),
        field("timeout: 30", "/Configuration/Timeout", json!(30), json!(6)),
        field("runtime: python3.12", "/Configuration/Runtime", json!("python3.12"), json!("python3.13")),
        field("environment: {MODE: '1'}", "/Configuration/Environment/Variables/MODE", json!("1"), Value::Null),
        field("tracing: Active", "/Configuration/TracingConfig/Mode", json!("Active"), json!("PassThrough")),
        field("ephemeralStorageSize: 1024", "/Configuration/EphemeralStorage/Size", json!(1024), json!(512)),
        field("reservedConcurrency: 0", "/Concurrency/ReservedConcurrentExecutions", json!(0), Value::Null),
        field("reservedConcurrency: 5", "/Concurrency/ReservedConcurrentExecutions", json!(5), Value::Null),
        field(
            "kmsKeyArn: arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012",
            "/Configuration/KMSKeyArn",
            json!("arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"),
            Value::Null,
        ),
        field(
            "onError: arn:aws:sns:us-east-1:ACCOUNT:failed",
            "/Configuration/DeadLetterConfig/TargetArn",
            json!("arn:aws:sns:us-east-1:ACCOUNT:failed"),
            Value::Null,
        ),
        field(
            "vpc: {securityGroupIds: [sg-12345678], subnetIds: [subnet-12345678]}",
            "/Configuration/VpcConfig/SubnetIds",
            json!(["subnet-12345678"]),
            json!([]),
        ),
        field("tags: {owner: me}", "/Tags/owner", json!("me"), Value::Null),
        field(
            "logs: {logFormat: JSON, applicationLogLevel: WARN}",
            "/Configuration/LoggingConfig/ApplicationLogLevel",
            json!("WARN"),
            Value::Null,
        ),
        field("handler: handler.other", "/Configuration/Handler", json!("handler.other"), json!("handler.handler")),
    ]
}

fn config(lines: &str) -> String {
    let handler = if lines.contains("handler:") { "" } else { "    handler: handler.handler\n" };
    format!("service: shop\nprovider: {{name: aws, runtime: python3.13}}\nfunctions:\n  hello:\n{handler}    {lines}\n")
}

/// What boto3 shows for an absent value may be null, empty or missing: all the same to a user.
fn same(shown: Option<&Value>, expected: &Value) -> bool {
    match shown {
        Some(shown) if shown == expected => true,
        Some(Value::String(text)) if text.is_empty() => expected.is_null(),
        Some(Value::Array(list)) if list.is_empty() => expected.is_null(),
        None => {
            expected.is_null() || *expected == json!("") || *expected == json!([]) || *expected == json!("PassThrough")
        }
        _ => false,
    }
}

#[test]
fn each_field_is_set_and_taken_away() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let plain = config("versionFunction: false");
    let project = Project::new(&plain);
    project.deploy(&cloud);
    boto.call("sns", "create_topic", json!({"Name": "failed"}));
    for mut field in fields() {
        let yaml = field.yaml.replace("ACCOUNT", &cloud.account);
        if let Value::String(text) = &mut field.set {
            *text = text.replace("ACCOUNT", &cloud.account);
        }
        project.write("serverless.yml", &config(&format!("versionFunction: false\n    {yaml}")));
        project.deploy(&cloud);
        let live = boto.function("shop-dev-hello").unwrap();
        assert!(
            same(live.pointer(field.pointer), &field.set),
            "{} gives {:?}",
            field.yaml,
            live.pointer(field.pointer)
        );
        project.on(&cloud, ["diff", "--exit-code"]).success();

        project.write("serverless.yml", &plain);
        project.deploy(&cloud);
        let live = boto.function("shop-dev-hello").unwrap();
        assert!(
            same(live.pointer(field.pointer), &field.gone),
            "without {}: {:?}",
            field.yaml,
            live.pointer(field.pointer)
        );
        project.on(&cloud, ["diff", "--exit-code"]).success();
    }
}
