//! Every field that can be set can be changed, and can be taken away again.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

/// Where a field stands in the file.
#[derive(Clone, Copy, PartialEq)]
enum Under {
    Function,
    Provider,
}

/// One field: what is written and where, where boto3 shows it, what it shows, and what once it is gone.
struct Field {
    under: Under,
    yaml: &'static str,
    pointer: &'static str,
    set: Value,
    gone: Value,
}

fn field(yaml: &'static str, pointer: &'static str, set: Value, gone: Value) -> Field {
    Field { under: Under::Function, yaml, pointer, set, gone }
}

fn of_the_provider(yaml: &'static str, pointer: &'static str, set: Value, gone: Value) -> Field {
    Field { under: Under::Provider, ..field(yaml, pointer, set, gone) }
}

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn of_functions() -> Vec<Field> {
    vec![
        field("description: says hello", "/Configuration/Description", json!("says hello"), json!("")),
        field("memorySize: 512", "/Configuration/MemorySize", json!(512), json!(1024)),
        field("timeout: 30", "/Configuration/Timeout", json!(30), json!(6)),
        field("runtime: python3.12", "/Configuration/Runtime", json!("python3.12"), json!("python3.13")),
        field("architecture: arm64", "/Configuration/Architectures", json!(["arm64"]), json!(["x86_64"])),
        field("environment: {MODE: '1'}", "/Configuration/Environment/Variables/MODE", json!("1"), Value::Null),
        field("tracing: Active", "/Configuration/TracingConfig/Mode", json!("Active"), json!("PassThrough")),
        field("ephemeralStorageSize: 1024", "/Configuration/EphemeralStorage/Size", json!(1024), json!(512)),
        field("reservedConcurrency: 0", "/Concurrency/ReservedConcurrentExecutions", json!(0), Value::Null),
        field("reservedConcurrency: 5", "/Concurrency/ReservedConcurrentExecutions", json!(5), Value::Null),
        field("layers: [LAYER]", "/Configuration/Layers/0/Arn", json!("LAYER"), Value::Null),
        field(
            "role: arn:aws:iam::ACCOUNT:role/theirs",
            "/Configuration/Role",
            json!("arn:aws:iam::ACCOUNT:role/theirs"),
            json!("arn:aws:iam::ACCOUNT:role/shop-dev-us-east-1-lambdaRole"),
        ),
        field(
            "kmsKeyArn: arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012",
            "/Configuration/KMSKeyArn",
            json!(KEY),
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
        field(
            "vpc: {securityGroupIds: [sg-12345678], subnetIds: [subnet-12345678], ipv6AllowedForDualStack: true}",
            "/Configuration/VpcConfig/Ipv6AllowedForDualStack",
            json!(true),
            json!(false),
        ),
        field(
            "fileSystemConfig: {localMountPath: /mnt/x, arn: 'arn:aws:elasticfilesystem:us-east-1:ACCOUNT:access-point/fsap-0123456789abcdef0'}\n    vpc: {securityGroupIds: [sg-12345678], subnetIds: [subnet-12345678]}",
            "/Configuration/FileSystemConfigs/0/LocalMountPath",
            json!("/mnt/x"),
            Value::Null,
        ),
        field("tags: {owner: me}", "/Tags/owner", json!("me"), Value::Null),
        field(
            "logs: {logFormat: JSON, applicationLogLevel: WARN}",
            "/Configuration/LoggingConfig/ApplicationLogLevel",
            json!("WARN"),
            Value::Null,
        ),
        field("handler: handler.other", "/Configuration/Handler", json!("handler.other"), json!("handler.handler")),
        field(
            "runtimeManagement: onFunctionUpdate",
            "/RuntimeManagement/UpdateRuntimeOn",
            json!("FunctionUpdate"),
            json!("Auto"),
        ),
        field(
            "runtimeManagement: {mode: manual, arn: 'arn:aws:lambda:us-east-1::runtime:0123456789'}",
            "/RuntimeManagement/RuntimeVersionArn",
            json!("arn:aws:lambda:us-east-1::runtime:0123456789"),
            Value::Null,
        ),
        field("recursiveLoop: Allow", "/RecursiveLoop", json!("Allow"), json!("Terminate")),
        field("maximumRetryAttempts: 0", "/Asynchronous/MaximumRetryAttempts", json!(0), Value::Null),
        field("maximumEventAge: 3600", "/Asynchronous/MaximumEventAgeInSeconds", json!(3600), Value::Null),
        field("logRetentionInDays: 7", "/LogGroup/retentionInDays", json!(7), Value::Null),
        field(
            "logDataProtectionPolicy: {Name: masks, Version: '2021-06-01', Statement: []}",
            "/DataProtection/Name",
            json!("masks"),
            Value::Null,
        ),
        field("url: true", "/Url/AuthType", json!("NONE"), Value::Null),
        field("url: {authorizer: aws_iam}", "/Url/AuthType", json!("AWS_IAM"), Value::Null),
        field("url: {invokeMode: RESPONSE_STREAM}", "/Url/InvokeMode", json!("RESPONSE_STREAM"), Value::Null),
        field(
            "url: {cors: {allowedOrigins: ['https://a.example'], maxAge: 60}}",
            "/Url/Cors/MaxAge",
            json!(60),
            Value::Null,
        ),
        field("iamRoleStatementsName: its-own\n    iamRoleStatements: []", "/RoleName", json!("its-own"), json!(ROLE)),
    ]
}

const ROLE: &str = "shop-dev-us-east-1-lambdaRole";

fn of_providers() -> Vec<Field> {
    vec![
        of_the_provider("memorySize: 512", "/Configuration/MemorySize", json!(512), json!(1024)),
        of_the_provider("stage: dev\n  tags: {team: a}", "/Tags/team", json!("a"), Value::Null),
        of_the_provider("stackTags: {cost: b}", "/LogGroupTags/cost", json!("b"), Value::Null),
        of_the_provider("environment: {ALL: '1'}", "/Configuration/Environment/Variables/ALL", json!("1"), Value::Null),
        of_the_provider("logRetentionInDays: 14", "/LogGroup/retentionInDays", json!(14), Value::Null),
        of_the_provider(
            "tracing: {lambda: true}",
            "/Configuration/TracingConfig/Mode",
            json!("Active"),
            json!("PassThrough"),
        ),
        of_the_provider("layers: [LAYER]", "/Configuration/Layers/0/Arn", json!("LAYER"), Value::Null),
        of_the_provider(
            "iam: {role: {statements: [{Effect: Allow, Action: ['s3:GetObject'], Resource: 'arn:aws:s3:::b/*'}]}}",
            "/Allows/s3:GetObject",
            json!("arn:aws:s3:::b/*"),
            Value::Null,
        ),
        of_the_provider(
            "iamRoleStatements: [{Effect: Allow, Action: ['s3:PutObject'], Resource: 'arn:aws:s3:::b/*'}]",
            "/Allows/s3:PutObject",
            json!("arn:aws:s3:::b/*"),
            Value::Null,
        ),
        of_the_provider(
            "iam: {role: {managedPolicies: ['arn:aws:iam::aws:policy/ReadOnlyAccess']}}",
            "/ManagedPolicies/0/PolicyArn",
            json!(READ_ONLY),
            Value::Null,
        ),
        of_the_provider(
            "iam: {role: {permissionsBoundary: 'arn:aws:iam::aws:policy/ReadOnlyAccess'}}",
            "/Role/PermissionsBoundary/PermissionsBoundaryArn",
            json!(READ_ONLY),
            Value::Null,
        ),
        of_the_provider("iam: {role: {tags: {team: r}}}", "/RoleTags/team", json!("r"), Value::Null),
        of_the_provider("iam: {role: {path: /teams/}}", "/Role/Path", json!("/teams/"), json!("/")),
        of_the_provider("iam: {role: {name: another}}", "/RoleName", json!("another"), json!(ROLE)),
        of_the_provider(
            "iam: {role: 'arn:aws:iam::ACCOUNT:role/theirs'}",
            "/Configuration/Role",
            json!("arn:aws:iam::ACCOUNT:role/theirs"),
            json!("arn:aws:iam::ACCOUNT:role/shop-dev-us-east-1-lambdaRole"),
        ),
    ]
}

fn config(field: Option<(Under, &str)>) -> String {
    let of = |under: Under| field.filter(|field| field.0 == under).map_or("", |field| field.1);
    let (function, provider) = (of(Under::Function), of(Under::Provider));
    let handler = if function.contains("handler:") { "" } else { "    handler: handler.handler\n" };
    format!(
        "service: shop\nprovider:\n  name: aws\n  runtime: python3.13\n  {provider}\nfunctions:\n  hello:\n{handler}    versionFunction: false\n    {function}\n"
    )
}

/// What boto3 shows of the function and of what stands around it, in one tree.
fn shown(boto: &Boto) -> Value {
    const NAME: &str = "shop-dev-hello";
    const GROUP: &str = "/aws/lambda/shop-dev-hello";
    let named = json!({"FunctionName": NAME});
    let latest = json!({"FunctionName": NAME, "Qualifier": "$LATEST"});
    let ask = |service: &str, operation: &str, parameters: Value| boto.try_call(service, operation, parameters).ok();
    let mut tree = boto.function(NAME).unwrap();
    tree["RuntimeManagement"] = json!(ask("lambda", "get_runtime_management_config", named.clone()));
    let recursion = ask("lambda", "get_function_recursion_config", named.clone());
    tree["RecursiveLoop"] = recursion.unwrap_or_default()["RecursiveLoop"].take();
    tree["Asynchronous"] = json!(ask("lambda", "get_function_event_invoke_config", latest));
    tree["Url"] = json!(ask("lambda", "get_function_url_config", named));
    let groups = boto.call("logs", "describe_log_groups", json!({"logGroupNamePrefix": GROUP}));
    tree["LogGroup"] = groups["logGroups"][0].clone();
    let arn = groups["logGroups"][0]["arn"].as_str().map(|arn| arn.trim_end_matches(":*"));
    tree["LogGroupTags"] =
        ask("logs", "list_tags_for_resource", json!({"resourceArn": arn})).unwrap_or_default()["tags"].take();
    let protection =
        ask("logs", "get_data_protection_policy", json!({"logGroupIdentifier": GROUP})).unwrap_or_default();
    let policy = protection["policyDocument"].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap());
    tree["DataProtection"] = json!(policy);
    let role = tree["Configuration"]["Role"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let named = json!({"RoleName": role});
    tree["RoleName"] = json!(role);
    tree["Role"] = boto.call("iam", "get_role", named.clone())["Role"].take();
    let tags = tree["Role"]["Tags"].as_array().cloned().unwrap_or_default();
    tree["RoleTags"] = tags.iter().map(|tag| (tag["Key"].as_str().unwrap().to_owned(), tag["Value"].clone())).collect();
    tree["ManagedPolicies"] = boto.call("iam", "list_attached_role_policies", named.clone())["AttachedPolicies"].take();
    let names = boto.call("iam", "list_role_policies", named)["PolicyNames"].take();
    // What the role may do: actions with what they are allowed on.
    let texts = |value: &Value| match value {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let (mut allows, mut denies) = (serde_json::Map::new(), false);
    for name in names.as_array().unwrap() {
        let policy = json!({"RoleName": role, "PolicyName": name});
        let document = boto.call("iam", "get_role_policy", policy)["PolicyDocument"].take();
        for statement in document["Statement"].as_array().unwrap() {
            if statement["Effect"] == "Deny" {
                denies = true;
                continue;
            }
            let actions = texts(&statement["Action"]);
            allows.extend(
                actions.iter().map(|action| (action.as_str().unwrap().to_owned(), statement["Resource"].clone())),
            );
        }
    }
    tree["Allows"] = allows.into();
    tree["Denies"] = denies.into();
    tree
}

/// What boto3 shows for an absent value may be null, empty or missing: all the same to a user.
fn same(shown: Option<&Value>, expected: &Value) -> bool {
    match shown {
        Some(shown) if shown == expected => true,
        Some(Value::String(text)) if text.is_empty() => expected.is_null(),
        Some(Value::Array(list)) if list.is_empty() => expected.is_null(),
        Some(Value::Null) | None => {
            let absent = [json!(""), json!([]), json!(false), json!("PassThrough"), json!("Terminate")];
            expected.is_null() || absent.contains(expected)
        }
        _ => false,
    }
}

fn each_is_set_and_taken_away(fields: Vec<Field>) {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let plain = config(None);
    let project = Project::new(&plain);
    project.deploy(&cloud);
    boto.call("sns", "create_topic", json!({"Name": "failed"}));
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}
    }]});
    boto.call("iam", "create_role", json!({"RoleName": "theirs", "AssumeRolePolicyDocument": trust.to_string()}));
    let zip = json!({"ZipFile": {"base64": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}});
    let layer = boto.call("lambda", "publish_layer_version", json!({"LayerName": "tools", "Content": zip}));
    let fill = |text: &str| {
        text.replace("ACCOUNT", &cloud.account).replace("LAYER", layer["LayerVersionArn"].as_str().unwrap())
    };
    let check = |told: &str, pointer: &str, expected: &Value| {
        let live = shown(&boto);
        let expected: Value = serde_json::from_str(&fill(&expected.to_string())).unwrap();
        assert!(same(live.pointer(pointer), &expected), "{told}: {:?}, not {expected}", live.pointer(pointer));
        project.on(&cloud, ["diff", "--exit-code"]).success();
    };
    for field in fields {
        project.write("serverless.yml", &config(Some((field.under, &fill(field.yaml)))));
        project.on(&cloud, ["deploy", "--yes"]).success();
        check(field.yaml, field.pointer, &field.set);
        project.write("serverless.yml", &plain);
        project.on(&cloud, ["deploy", "--yes"]).success();
        check(&format!("without {}", field.yaml), field.pointer, &field.gone);
    }
}

#[test]
fn each_field_of_a_function_is_set_and_taken_away() {
    each_is_set_and_taken_away(of_functions());
}

#[test]
fn each_field_of_the_provider_is_set_and_taken_away() {
    each_is_set_and_taken_away(of_providers());
}

#[test]
fn a_function_without_logs_may_not_write_any() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(&config(Some((Under::Function, "disableLogs: true"))));
    let groups = || boto.call("logs", "describe_log_groups", json!({}))["logGroups"].as_array().unwrap().len();
    let denies = || shown(&boto)["Denies"] == true;
    project.deploy(&cloud);
    assert!(groups() == 0 && denies());
    project.write("serverless.yml", &config(None));
    project.deploy(&cloud);
    assert!(groups() == 1 && !denies());
    project.write("serverless.yml", &config(Some((Under::Function, "disableLogs: true"))));
    project.on(&cloud, ["deploy", "--yes"]).success();
    assert!(groups() == 0 && denies());
    project.on(&cloud, ["diff", "--exit-code"]).success();
}
