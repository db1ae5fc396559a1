//! Whole services, compiled and compared with what the framework makes of them.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::*;
use crate::config::decode::sample;
use crate::config::language::decode_service;
use crate::config::node::{FileId, Node};
use crate::config::yaml::compose;
use crate::engine::value::Value;

/// A document as a tree.
pub(super) fn node(yaml: &str) -> Node {
    let composed = compose(yaml, FileId(0));
    assert_eq!(sample::messages(&composed.diagnostics), Vec::<&str>::new());
    composed.root.expect("a document")
}

/// A service from YAML, compiled for `dev` in `us-east-1`.
pub(super) fn compiled(yaml: &str) -> Compiled {
    let (service, problems) = decode_service(&node(yaml));
    assert_eq!(sample::messages(&problems), Vec::<&str>::new());
    let target = Target { stage: "dev".into(), region: "us-east-1".into(), ..Target::default() };
    compile(&service.expect("a service"), &target)
}

/// The resources of a service without problems, as JSON.
pub(super) fn resources(yaml: &str) -> Json {
    let compiled = compiled(yaml);
    assert_eq!(sample::messages(&compiled.problems), Vec::<&str>::new());
    compiled.template.to_json()["resources"].take()
}

/// The messages of what is wrong with a service.
pub(super) fn problems(yaml: &str) -> Vec<String> {
    compiled(yaml).problems.into_iter().map(|problem| problem.message).collect()
}

const HELLO: &str = "
service: shop
provider: {name: aws, runtime: python3.12}
functions:
  hello: {handler: handler.hello}
";

#[test]
fn a_function_comes_with_its_role_log_group_and_version() {
    let arn = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/shop-dev*";
    assert_eq!(
        resources(HELLO),
        json!({
            "HelloLogGroup": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": { "LogGroupName": "/aws/lambda/shop-dev-hello" },
            },
            "HelloLambdaFunction": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {},
                    "FunctionName": "shop-dev-hello",
                    "Handler": "handler.hello",
                    "MemorySize": 1024,
                    "Role": { "Fn::GetAtt": ["IamRoleLambdaExecution", "Arn"] },
                    "Runtime": "python3.12",
                    "Timeout": 6,
                },
                "DependsOn": ["HelloLogGroup"],
            },
            "HelloLambdaVersion": {
                "Type": "AWS::Lambda::Version",
                "Properties": { "FunctionName": { "Ref": "HelloLambdaFunction" } },
                "DeletionPolicy": "Retain",
            },
            "IamRoleLambdaExecution": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [{
                            "Effect": "Allow",
                            "Principal": { "Service": ["lambda.amazonaws.com"] },
                            "Action": ["sts:AssumeRole"],
                        }],
                    },
                    "Path": "/",
                    "Policies": [{
                        "PolicyName": { "Fn::Join": ["-", ["shop", "dev", "lambda"]] },
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": ["logs:CreateLogStream", "logs:CreateLogGroup", "logs:TagResource"],
                                    "Resource": [{ "Fn::Sub": format!("{arn}:*") }],
                                },
                                {
                                    "Effect": "Allow",
                                    "Action": ["logs:PutLogEvents"],
                                    "Resource": [{ "Fn::Sub": format!("{arn}:*:*") }],
                                },
                            ],
                        },
                    }],
                    "RoleName": { "Fn::Join": ["-", ["shop", "dev", { "Ref": "AWS::Region" }, "lambdaRole"]] },
                },
            },
        })
    );
}

#[test]
fn an_empty_key_or_role_is_none() {
    let all = resources(
        "
service: shop
provider: {name: aws, runtime: python3.12, kmsKeyArn: '', iam: {role: {permissionsBoundary: ''}}}
functions:
  hello: {handler: handler.hello, role: '', onError: ''}
",
    );
    let hello = &all["HelloLambdaFunction"]["Properties"];
    assert_eq!(hello["Role"], json!({ "Fn::GetAtt": ["IamRoleLambdaExecution", "Arn"] }));
    assert_eq!((&hello["KmsKeyArn"], &hello["DeadLetterConfig"]), (&Json::Null, &Json::Null));
    let role = all["IamRoleLambdaExecution"].to_string();
    assert!(!role.contains("kms:") && !role.contains("PermissionsBoundary"), "{role}");
}

#[test]
fn all_of_a_function_has_its_condition() {
    let all = resources(
        "
service: shop
provider: {name: aws, runtime: python3.12}
functions:
  hello: {handler: handler.hello, condition: Wanted, url: true, events: [{schedule: rate(1 day)}]}
resources: {Conditions: {Wanted: {'Fn::Equals': [a, b]}}}
",
    );
    for (id, resource) in all.as_object().unwrap().iter().filter(|(id, _)| id.starts_with("Hello")) {
        assert_eq!(resource["Condition"], "Wanted", "{id}");
    }
}

#[test]
fn the_memory_may_depend_on_a_condition() {
    let all = resources(
        "
service: shop
provider: {name: aws, memorySize: !Ref Size}
functions:
  hello: {handler: a.b, memorySize: !If [IsDev, 512, 1024]}
  other: {handler: a.b}
",
    );
    let memory = |id: &str| all[id]["Properties"]["MemorySize"].clone();
    assert_eq!(memory("HelloLambdaFunction"), json!({ "Fn::If": ["IsDev", 512, 1024] }));
    assert_eq!(memory("OtherLambdaFunction"), json!({ "Ref": "Size" }));
}

#[test]
fn every_setting_of_a_function_becomes_a_property() {
    let all = resources(
        "
service: shop
provider:
  name: aws
  runtime: nodejs22.x
  environment: {SHARED: a, TAKEN: b, NUMBER: 7}
  tags: {team: one, cost: x}
  vpc: {securityGroupIds: [sg-1], subnetIds: [subnet-1]}
  tracing: {lambda: true}
  kmsKeyArn: arn:aws:kms:us-east-1:123456789012:key/k
  secrets: {TOKEN: 'ssm:/shop/token'}
functions:
  hello:
    handler: a.b
    memorySize: 256
    timeout: 9
    description: Says hello
    architecture: arm64
    environment: {TAKEN: null, OWN: !Ref Table}
    tags: {team: two}
    layers: ['arn:aws:lambda:us-east-1:123456789012:layer:x:1']
    reservedConcurrency: 0
    ephemeralStorageSize: 1024
    onError: arn:aws:sns:us-east-1:123456789012:dead
    fileSystemConfig: {arn: 'arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-0d0d0d0d0d0d0d0d0', localMountPath: /mnt/data}
    runtimeManagement: onFunctionUpdate
    logs: {logFormat: JSON, logGroup: /custom}
    versionFunction: false
    dependsOn: [Table]
  outside: {image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/x@sha256:abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0', vpc: false}
resources:
  Resources:
    Table: {Type: 'AWS::DynamoDB::Table'}
",
    );
    let hello = &all["HelloLambdaFunction"];
    assert_eq!(hello["DependsOn"], json!(["HelloLogGroup", "Table"]));
    assert_eq!(
        hello["Properties"],
        json!({
            "Architectures": ["arm64"],
            "Code": {},
            "DeadLetterConfig": { "TargetArn": "arn:aws:sns:us-east-1:123456789012:dead" },
            "Description": "Says hello",
            "Environment": { "Variables": {
                "NUMBER": "7",
                "OWN": { "Ref": "Table" },
                "SHARED": "a",
                "TOKEN": "{{resolve:ssm-secure:/shop/token}}",
            } },
            "EphemeralStorage": { "Size": 1024 },
            "FileSystemConfigs": [{
                "Arn": "arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-0d0d0d0d0d0d0d0d0",
                "LocalMountPath": "/mnt/data",
            }],
            "FunctionName": "shop-dev-hello",
            "Handler": "a.b",
            "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
            "Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:x:1"],
            "LoggingConfig": { "LogFormat": "JSON", "LogGroup": "/custom" },
            "MemorySize": 256,
            "ReservedConcurrentExecutions": 0,
            "Role": { "Fn::GetAtt": ["IamRoleLambdaExecution", "Arn"] },
            "Runtime": "nodejs22.x",
            "RuntimeManagementConfig": { "UpdateRuntimeOn": "FunctionUpdate" },
            "Tags": [{ "Key": "team", "Value": "two" }, { "Key": "cost", "Value": "x" }],
            "Timeout": 9,
            "TracingConfig": { "Mode": "Active" },
            "VpcConfig": { "SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-1"] },
        })
    );
    assert_eq!(all.get("HelloLambdaVersion"), None);
    let outside = &all["OutsideLambdaFunction"]["Properties"];
    assert_eq!(outside["PackageType"], "Image");
    assert_eq!(
        outside["Code"]["ImageUri"],
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/x@sha256:abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0"
    );
    assert_eq!((outside.get("VpcConfig"), outside.get("Runtime")), (None, None));
    let role = &all["IamRoleLambdaExecution"]["Properties"];
    assert_eq!(role["ManagedPolicyArns"].as_array().map(Vec::len), Some(1));
    let actions: Vec<&Json> = role["Policies"][0]["PolicyDocument"]["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["Action"])
        .collect();
    assert_eq!(
        actions[2..],
        [
            &json!(["sns:Publish"]),
            &json!(["kms:Decrypt"]),
            &json!(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]),
            &json!(["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]),
        ]
    );
}

#[test]
fn a_role_is_made_only_for_functions_that_have_none() {
    let all = resources(
        "
service: shop
provider: {name: aws, iam: {role: 'arn:aws:iam::123456789012:role/there'}}
functions:
  plain: {handler: a.b}
  other: {handler: a.b, role: OtherRole}
  own:
    handler: a.b
    iamRoleStatements: [{Effect: Allow, Action: 's3:*', Resource: '*'}]
resources: {Resources: {OtherRole: {Type: 'AWS::IAM::Role'}}}
",
    );
    assert_eq!(all["PlainLambdaFunction"]["Properties"]["Role"], "arn:aws:iam::123456789012:role/there");
    assert_eq!(all["OtherLambdaFunction"]["DependsOn"], json!(["OtherLogGroup", "OtherRole"]));
    assert_eq!(
        all["OwnLambdaFunction"]["Properties"]["Role"],
        json!({ "Fn::GetAtt": ["OwnIamRoleLambdaExecution", "Arn"] })
    );
    assert_eq!(all.get("IamRoleLambdaExecution"), None);
    let role = &all["OwnIamRoleLambdaExecution"]["Properties"];
    assert_eq!(
        role["RoleName"],
        json!({ "Fn::Join": ["-", ["shop", "dev", "own", { "Ref": "AWS::Region" }, "lambdaRole"]] })
    );
    assert_eq!(role["Policies"][0]["PolicyDocument"]["Statement"][2]["Action"], "s3:*");
}

#[test]
fn a_role_of_its_own_has_what_the_plugin_gives_it() {
    let long = "l".repeat(40);
    let all = resources(&format!(
        "
service: shop
plugins: [serverless-iam-roles-per-function]
custom: {{serverless-iam-roles-per-function: {{iamGlobalPermissionsBoundary: 'arn:aws:iam::1:policy/edge'}}}}
provider: {{name: aws, iam: {{role: {{managedPolicies: ['arn:aws:iam::aws:policy/AdministratorAccess'], statements: [{{Effect: Allow, Action: 's3:*', Resource: '*'}}]}}}}}}
functions:
  plain: {{handler: a.b}}
  {long}: {{handler: a.b, iamRoleStatements: []}}
  own: {{handler: a.b, iamRoleStatements: [], iamRoleStatementsInherit: true, iamPermissionsBoundary: 'arn:aws:iam::1:policy/own'}}
"
    ));
    let role = |key: &str| &all[format!("{key}IamRoleLambdaExecution")]["Properties"];
    let (shared, narrow, own) = (role(""), role(&format!("L{}", &long[1..])), role("Own"));
    assert_eq!(shared["ManagedPolicyArns"], json!(["arn:aws:iam::aws:policy/AdministratorAccess"]));
    assert_eq!(shared["PermissionsBoundary"], "arn:aws:iam::1:policy/edge");
    assert_eq!((narrow.get("ManagedPolicyArns"), own.get("ManagedPolicyArns")), (None, None));
    assert_eq!(narrow["PermissionsBoundary"], "arn:aws:iam::1:policy/edge");
    assert_eq!(own["PermissionsBoundary"], "arn:aws:iam::1:policy/own");
    let statements = |role: &Json| role["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap().len();
    assert_eq!((statements(narrow), statements(own)), (2, 3), "logs, and what is inherited");
    // `shop-dev-<40 letters>-us-east-1-lambdaRole` would be too long for IAM.
    assert_eq!(narrow["RoleName"], json!({ "Fn::Join": ["-", ["shop", "dev", long, { "Ref": "AWS::Region" }]] }));
}

#[test]
fn a_public_url_gets_both_permissions_and_a_signed_one_none() {
    let all = resources(
        "
service: shop
provider: {name: aws}
functions:
  open: {handler: a.b, url: {cors: {allowedOrigins: [https://a, https://a], allowedHeaders: null, maxAge: 5}}}
  signed: {handler: a.b, url: {authorizer: aws_iam, invokeMode: RESPONSE_STREAM}, provisionedConcurrency: 2}
",
    );
    assert_eq!(
        all["OpenLambdaFunctionUrl"]["Properties"]["Cors"],
        json!({ "AllowMethods": ["*"], "AllowOrigins": ["https://a"], "MaxAge": 5 })
    );
    assert_eq!(all["OpenLambdaPermissionFnUrl"]["Properties"]["FunctionUrlAuthType"], "NONE");
    assert_eq!(all["OpenLambdaPermissionFn"]["Properties"]["InvokedViaFunctionUrl"], true);
    assert_eq!(
        all["SignedLambdaFunctionUrl"],
        json!({
            "Type": "AWS::Lambda::Url",
            "Properties": {
                "AuthType": "AWS_IAM",
                "InvokeMode": "RESPONSE_STREAM",
                "TargetFunctionArn": {
                    "Fn::Join": [":", [{ "Fn::GetAtt": ["SignedLambdaFunction", "Arn"] }, "provisioned"]],
                },
            },
            "DependsOn": ["SignedProvConcLambdaAlias"],
        })
    );
    assert_eq!(all.get("SignedLambdaPermissionFnUrl"), None);
}

#[test]
fn destinations_are_allowed_in_the_role_and_set_on_the_alias() {
    let all = resources(
        "
service: shop
provider: {name: aws}
functions:
  one:
    handler: a.b
    maximumRetryAttempts: 0
    destinations: {onSuccess: two, onFailure: {type: sqs, arn: !GetAtt Dead.Arn}}
  two: {handler: a.b, snapStart: true}
resources: {Resources: {Dead: {Type: 'AWS::SQS::Queue'}}}
",
    );
    let config = &all["OneLambdaEvConf"];
    assert_eq!(config["Properties"]["MaximumRetryAttempts"], 0);
    assert_eq!(config["Properties"]["Qualifier"], "$LATEST");
    assert_eq!(
        config["Properties"]["DestinationConfig"],
        json!({
            "OnSuccess": { "Destination": { "Fn::Join": [":", [{ "Fn::GetAtt": ["TwoLambdaFunction", "Arn"] }, "snapstart"]] } },
            "OnFailure": { "Destination": { "Fn::GetAtt": ["Dead", "Arn"] } },
        })
    );
    assert_eq!(config["DependsOn"], json!(["TwoSnapStartLambdaAlias", "IamRoleLambdaExecution"]));
    // An alias is not covered by what its function is allowed for.
    let two = |ending: &str| {
        let arn = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:shop-dev-two";
        json!({ "Fn::Sub": format!("{arn}{ending}") })
    };
    let policy = &all["IamRoleLambdaExecution"]["Properties"]["Policies"][0]["PolicyDocument"];
    let invokes = |statement: &&Json| statement["Action"] == json!(["lambda:InvokeFunction"]);
    let statement = policy["Statement"].as_array().unwrap().iter().find(invokes);
    assert_eq!(statement.unwrap()["Resource"], json!([two(""), two(":snapstart")]));
}

#[test]
fn scaled_concurrency_is_a_target_for_the_version_and_a_policy() {
    let all = resources(
        "
service: my-shop
provider: {name: aws, runtime: python3.13}
functions:
  get-it: {handler: a.b, provisionedConcurrency: 2, concurrencyAutoscaling: {maximum: 5, usage: 0.5}}
  still: {handler: a.b, provisionedConcurrency: 2, concurrencyAutoscaling: false}
  none: {handler: a.b, provisionedConcurrency: 0, concurrencyAutoscaling: true}
",
    );
    let found = all.as_object().unwrap().keys().filter(|name| name.contains("AutoScaling")).collect::<Vec<_>>();
    let (target, policy) = ("MyshopGetitAutoScalingTargetDevUseast1", "MyshopGetitAutoScalingPolicyDevUseast1");
    assert_eq!(found, [target, policy], "names are those of the plugin");
    assert_eq!(
        all[target],
        json!({
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "DependsOn": ["GetDashitProvConcLambdaAlias"],
            "Properties": {
                "MaxCapacity": 5, "MinCapacity": 1, "ScalableDimension": "lambda:function:ProvisionedConcurrency",
                "ServiceNamespace": "lambda",
                "ResourceId": { "Fn::Join": [":", [
                    "function", { "Ref": "GetDashitLambdaFunction" },
                    { "Fn::GetAtt": ["GetDashitLambdaVersion", "Version"] },
                ]] },
            },
        })
    );
    assert_eq!(
        all[policy]["Properties"],
        json!({
            "PolicyName": policy, "PolicyType": "TargetTrackingScaling", "ScalingTargetId": { "Ref": target },
            "TargetTrackingScalingPolicyConfiguration": {
                "ScaleInCooldown": 120, "ScaleOutCooldown": 0, "TargetValue": 0.5,
                "PredefinedMetricSpecification": { "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization" },
            },
        })
    );
}

#[test]
fn raw_resources_are_laid_over_generated_ones_or_go_into_stacks() {
    let compiled = compiled(
        "
service: shop
provider: {name: aws}
functions:
  hello: {handler: a.b}
resources:
  - Conditions: {IsDev: !Equals [dev, dev]}
    Resources:
      HelloLogGroup: {Properties: {RetentionInDays: 5}, DeletionPolicy: Retain}
      Table: {Type: 'AWS::DynamoDB::Table', Properties: {TableName: t}}
      Alarm: {Type: 'AWS::CloudWatch::Alarm', Properties: {Dimensions: [{Name: F, Value: !Ref HelloLambdaFunction}]}}
      Watcher: {Type: 'AWS::CloudWatch::CompositeAlarm', Properties: {AlarmRule: !Sub 'ALARM(${Alarm})'}}
    Outputs:
      TableName: {Value: !Ref Table}
      FunctionArn: {Value: !GetAtt HelloLambdaFunction.Arn}
  - extensions:
      HelloLambdaFunction: {Properties: {MemorySize: 512}}
",
    );
    assert_eq!(compiled.problems, []);
    let json = compiled.template.to_json();
    assert_eq!(json["resources"]["HelloLogGroup"]["Properties"]["RetentionInDays"], 5);
    assert_eq!(json["resources"]["HelloLogGroup"]["DeletionPolicy"], "Retain");
    assert_eq!(json["resources"]["HelloLambdaFunction"]["Properties"]["MemorySize"], 512);
    let keys =
        |stack: &str| json["stacks"][stack]["Resources"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys("shop-dev"), ["Table"]);
    assert_eq!(keys("shop-dev-after"), ["Alarm", "Watcher"]);
    assert_eq!(json["stacks"]["shop-dev"]["Outputs"], json!({ "TableName": { "Value": { "Ref": "Table" } } }));
    assert!(json["stacks"]["shop-dev-after"]["Outputs"]["FunctionArn"].is_object());
    assert!(compiled.template.sections.contains_key("Conditions"));
}

#[test]
fn what_the_file_puts_beneath_our_functions_itself_is_ours() {
    let compiled = compiled(
        "
service: shop
provider: {name: aws}
functions: {hello: {handler: a.b}}
resources:
  Resources:
    Jobs: {Type: 'AWS::SQS::Queue'}
    Reads:
      Type: AWS::Lambda::EventSourceMapping
      DependsOn: Jobs
      Properties: {FunctionName: !Ref HelloLambdaFunction, EventSourceArn: !GetAtt Jobs.Arn}
    Lets:
      Type: AWS::Lambda::Permission
      Properties: {FunctionName: 'arn:aws:lambda:eu-west-1:123456789012:function:theirs', Action: 'lambda:*', Principal: '*'}
",
    );
    assert_eq!(compiled.problems, []);
    let reads = &compiled.template.resources["Reads"];
    assert_eq!(
        (reads.parent.as_deref(), reads.depends_on.as_slice()),
        (Some("HelloLambdaFunction"), &["Jobs".to_owned()][..])
    );
    let stacks = &compiled.template.to_json()["stacks"];
    assert!(stacks["shop-dev"]["Resources"]["Lets"].is_object() && stacks["shop-dev-after"].is_null(), "{stacks}");
}

#[test]
fn outputs_without_a_stack_are_kept_and_said() {
    let of = |more: &str| {
        compiled(&format!(
            "
service: shop
provider: {{name: aws}}
functions: {{hello: {{handler: a.b}}}}
resources: {{Outputs: {{Arn: {{Value: !GetAtt HelloLambdaFunction.Arn{more}}}}}}}
"
        ))
    };
    let plain = of("");
    assert_eq!(plain.problems.len(), 1, "{:?}", plain.problems);
    let value = json!({ "Value": { "Fn::GetAtt": ["HelloLambdaFunction", "Arn"] } });
    assert_eq!(plain.template.to_json()["stacks"], json!({ "shop-dev-after": { "Outputs": { "Arn": value } } }));
    // A deploy stops at one that others wait for: nothing is left to be warned of.
    assert_eq!(of(", Export: {Name: n}").problems, []);
}

#[test]
fn a_sealed_template_names_versions_by_their_digest() {
    let artifacts = |digest: &str| Artifacts {
        functions: [("hello".to_owned(), Artifact { path: Some(PathBuf::from("x.zip")), sha256: digest.to_owned() })]
            .into(),
        ..Artifacts::default()
    };
    let sealed = |digest: &str| {
        let mut template = compiled(HELLO).template;
        template.seal(&artifacts(digest));
        template
    };
    let (first, again, other) = (sealed("aaa"), sealed("aaa"), sealed("bbb"));
    let version = |template: &Template| {
        let is_version = |id: &&String| id.starts_with("HelloLambdaVersion");
        template.resources.keys().find(is_version).unwrap().clone()
    };
    assert_eq!(version(&first), version(&again));
    assert_ne!(version(&first), version(&other));
    assert!(version(&first).len() > "HelloLambdaVersion".len() + 30);
    assert_eq!(
        first.resources["HelloLambdaFunction"].properties.at(&["Code", "Sha256"]).and_then(|value| value.text()),
        Some("aaa")
    );
    let output = crate::aws::template::masked(&first.outputs["HelloLambdaFunctionQualifiedArn"]);
    assert_eq!(output, json!({ "Ref": version(&first) }));
}

#[test]
fn layers_can_be_shared_and_kept() {
    let all = resources(
        "
service: shop
provider: {name: aws}
layers:
  tools: {path: layer, description: Tools, allowedAccounts: ['*'], retain: true}
",
    );
    assert_eq!(
        all,
        json!({
            "ToolsLambdaLayer": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": { "Content": {}, "Description": "Tools", "LayerName": "tools" },
                "DeletionPolicy": "Retain",
            },
            "ToolsWildLambdaLayerPermission": {
                "Type": "AWS::Lambda::LayerVersionPermission",
                "Properties": {
                    "Action": "lambda:GetLayerVersion",
                    "LayerVersionArn": { "Ref": "ToolsLambdaLayer" },
                    "Principal": "*",
                },
                "DeletionPolicy": "Retain",
            },
        })
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let messages = problems(
        "
service: shop
provider: {name: aws}
functions:
  none: {runtime: python3.12}
  both: {handler: a.b, image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/y@sha256:abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0abc0}
  files: {handler: a.b, fileSystemConfig: {arn: 'arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-0d0d0d0d0d0d0d0d0', localMountPath: /mnt/d}}
  lost: {handler: a.b, destinations: {onSuccess: nobody}}
resources:
  Resources:
    Unknown: {Properties: {}}
    Lost: {Type: 'AWS::X::Y', DependsOn: ApiGatewayMethodUsersGet, Properties: {A: !Sub ['${a}${AWS::Region}', {a: b}]}}
  extensions: {Nothing: {Properties: {}}}
",
    );
    let expected = [
        "there is neither a `handler` nor an `image`",
        "`handler` and `image` exclude each other",
        "`fileSystemConfig` needs a VPC",
        "there is no function `nobody`",
        "resources.Resources.Unknown has no `Type`",
        "resources.Resources.Lost: there is no resource and no parameter `ApiGatewayMethodUsersGet`",
        "resources.extensions.Nothing: hoist generates no such resource",
    ];
    for want in expected {
        assert!(messages.iter().any(|message| message.contains(want)), "{want}: {messages:#?}");
    }
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
}

/// A service with something of everything.
const EVERYTHING: &str = "
service: shop
provider:
  name: aws
  httpApi: {authorizers: {own: {type: request, functionName: guard}}}
  apiGateway: {apiKeys: [one], usagePlan: {quota: {limit: 5, period: DAY}}}
  logs: {restApi: true, httpApi: true, websocket: true}
layers:
  tools: {path: layer, retain: true, allowedAccounts: ['*']}
functions:
  guard: {handler: a.b, snapStart: true}
  work:
    handler: a.c
    url: true
    provisionedConcurrency: 1
    layers: [!Ref ToolsLambdaLayer]
    destinations: {onFailure: guard}
    events:
      - http: {path: 'orders/{id}', method: get, cors: true, private: true, authorizer: guard}
      - httpApi: {path: /orders, method: get, authorizer: {name: own}}
      - websocket: {route: $connect, authorizer: guard}
      - schedule: rate(1 hour)
      - schedule: {rate: rate(1 hour), method: scheduler}
      - sqs: 'arn:aws:sqs:us-east-1:123456789012:jobs'
      - stream: {type: kinesis, arn: 'arn:aws:kinesis:us-east-1:123456789012:stream/clicks', consumer: true}
      - sns: news
      - sns: {topicName: other, filterPolicy: {a: [b]}}
      - s3: photos-of-mine
      - s3: {bucket: there, existing: true, rules: [{prefix: b/}]}
      - eventBridge: {eventBus: bus, pattern: {source: [a]}}
      - cloudwatchLog: /aws/lambda/shop-dev-guard
      - cognitoUserPool: {pool: people, trigger: PreSignUp}
      - cognitoUserPool: {pool: there, trigger: PreSignUp, existing: true}
      - iot: {sql: SELECT 1}
      - alexaSkill: amzn1.x
      - alb: {listenerArn: 'arn:aws:elasticloadbalancing:us-east-1:1:listener/app/web/50dc/f2f7', priority: 1, conditions: {path: /x}}
  again:
    handler: a.d
    events:
      - sns: news
      - s3: {bucket: there, existing: true, rules: [{prefix: a/}]}
";

#[test]
fn everything_evaluates_to_resources_that_refer_to_each_other() {
    let compiled = compiled(EVERYTHING);
    assert_eq!(sample::messages(&compiled.problems), Vec::<&str>::new());
    let mut template = compiled.template;
    let zip = |key: &str| (key.to_owned(), Artifact { path: Some(PathBuf::from("x.zip")), sha256: "abc".to_owned() });
    template.seal(&Artifacts {
        functions: ["guard", "work", "again"].map(zip).into(),
        layers: ["tools"].map(zip).into(),
        ..Artifacts::default()
    });
    let context = crate::aws::intrinsics::Context {
        partition: "aws".into(),
        region: "us-east-1".into(),
        account_id: "123456789012".into(),
        url_suffix: "amazonaws.com".into(),
        ..Default::default()
    };
    let first = crate::aws::intrinsics::evaluate(&template, &context);
    assert_eq!(sample::messages(&first.problems), Vec::<&str>::new());
    assert_eq!(first.needs, Default::default());
    let resources = &first.desired.resources;
    let is_there = |id: &str| resources.iter().any(|one| one.address.logical_id == id);
    for one in resources {
        for id in one.depends_on.iter().chain(&one.parent) {
            assert!(is_there(id), "{} names {id}, which is not there", one.address);
        }
        for id in crate::aws::template::mentioned(&tree_of(&crate::aws::template::masked(&one.properties))) {
            assert!(is_there(&id), "{} refers to {id}, which is not there", one.address);
        }
        assert!(one.address.kind != "AWS::SNS::Topic" || one.properties.get("Subscription").is_none());
    }
    let count = |kind: &str| resources.iter().filter(|one| one.address.kind == kind).count();
    // Notifications on one existing bucket: one resource for both functions.
    assert_eq!((count("AWS::SNS::Subscription"), count("Custom::S3")), (3, 1));
    // The same file gives the same state on every run: fingerprints among it.
    assert_eq!(first, crate::aws::intrinsics::evaluate(&template, &context));
}

/// A property tree from JSON.
fn tree_of(json: &Json) -> Value {
    match json {
        Json::Array(items) => Value::List(items.iter().map(tree_of).collect()),
        Json::Object(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), tree_of(value))).collect()),
        Json::String(text) => Value::string(text),
        _ => Value::Null,
    }
}

#[test]
fn a_function_that_is_called_as_an_api_has_a_log_group_beside_the_access_log() {
    let all = resources(
        "service: shop
provider: {name: aws, logs: {websocket: true, httpApi: true, restApi: true}}
functions:
  websockets: {handler: a.b, events: [{websocket: $connect}]}
  httpApi: {handler: a.b, events: [{httpApi: '*'}]}
  apiGateway: {handler: a.b, events: [{http: GET /}]}
",
    );
    let name = |id: &str| all[id]["Properties"]["LogGroupName"].clone();
    for (api, function, access_log) in [
        ("WebsocketsLogGroup", "websockets", "/aws/websocket/shop-dev"),
        ("HttpApiLogGroup", "httpApi", "/aws/http-api/shop-dev"),
        ("ApiGatewayLogGroup", "apiGateway", "/aws/api-gateway/shop-dev"),
    ] {
        assert_eq!(name(api), access_log);
        let id = api.replace("LogGroup", "FunctionLogGroup");
        assert_eq!(name(&id), format!("/aws/lambda/shop-dev-{function}"));
        let after = &all[api.replace("LogGroup", "LambdaFunction")]["DependsOn"];
        assert!(after.as_array().is_some_and(|ids| ids.contains(&json!(id))), "{after}");
    }
}

#[test]
fn functions_that_come_to_the_same_ids_are_told_once_at_the_second() {
    let yaml = "service: shop
provider: {name: aws}
functions:
  f: {handler: a.b}
  f-a: {handler: a.b}
  fDasha: {handler: a.b}
";
    let problems = compiled(yaml).problems;
    assert_eq!(
        sample::summary(&problems),
        "6:3 error[duplicate-resource] two resources come to the logical id `FDashaLogGroup`"
    );
    assert_eq!(problems[0].related.len(), 1);
}
