//! Raw `resources:`: CloudFormation makes them, in stacks that hold nothing else, and the rest of the file uses them.

use serde_json::{Value, json};

use crate::crash::{DEPLOY, Scene, at_every_call};
use crate::support::{Boto, Cloud, Project};

const CONFIG: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  stackTags: {team: blue}
  stackParameters: [{ParameterKey: Size, ParameterValue: '7'}]
  iam: {role: {statements: [{Effect: Allow, Action: 'dynamodb:GetItem', Resource: !GetAtt Table.Arn}]}}
  environment: {TABLE: !Ref Table, WHERE: !Sub 'https://${Table}.example.com/${Jobs.QueueName}', SIZE: !Ref Size}
functions:
  hello:
    handler: handler.handler
    events:
      - sqs: {arn: !GetAtt Jobs.Arn}
      - s3: {bucket: !Ref Files, existing: true}
  other: {handler: handler.handler, environment: {TOPIC: !Ref Topic}}
resources:
  Parameters: {Size: {Type: Number, Default: 5}}
  Conditions: {Never: !Equals [a, b]}
  Resources:
    Table:
      Type: AWS::DynamoDB::Table
      Properties:
        BillingMode: PAY_PER_REQUEST
        AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
        KeySchema: [{AttributeName: id, KeyType: HASH}]
    Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
    Files: {Type: AWS::S3::Bucket}
    Topic: {Type: AWS::SNS::Topic}
    Absent: {Type: AWS::SQS::Queue, Condition: Never}
    Hears:
      Type: AWS::SNS::Subscription
      Properties: {TopicArn: !Ref Topic, Protocol: lambda, Endpoint: !GetAtt HelloLambdaFunction.Arn}
    Says:
      Type: AWS::SSM::Parameter
      Properties:
        Type: String
        Name: /shop/says
        Value: !Sub '${HelloLambdaFunction} of ${AWS::StackName} in ${AWS::Region} reads ${Table}'
  Outputs:
    TableName: {Value: !Ref Table, Export: {Name: shop-table}}
    Arn: {Value: !GetAtt HelloLambdaFunction.Arn, Export: {Name: shop-hello}}
";

/// A file in which the stack has another resource, and two others changed or left.
fn changed() -> String {
    CONFIG
        .replace("        BillingMode:", "        Tags: [{Key: a, Value: b}]\n        BillingMode:")
        .replace("QueueName: jobs}", "QueueName: jobs, VisibilityTimeout: 60}")
        .replace("    Absent:", "    More: {Type: AWS::SQS::Queue, Properties: {QueueName: more}}\n    Absent:")
        .replace("SIZE: !Ref Size", "MORE: !Ref More")
        .replace("    Says:\n", "    Tells:\n")
        .replace("/shop/says", "/shop/tells")
}

fn without() -> String {
    CONFIG
        .split("resources:\n")
        .next()
        .unwrap()
        .lines()
        .filter(|line| !["environment:", "iam:", "events:", "- sqs", "- s3"].iter().any(|key| line.contains(key)))
        .fold(String::new(), |all, line| format!("{all}{line}\n"))
}

fn stack(boto: &Boto, name: &str) -> Option<Value> {
    let found = boto.try_call("cloudformation", "describe_stacks", json!({"StackName": name})).ok()?;
    Some(found["Stacks"][0].clone())
}

fn made_by(boto: &Boto, name: &str) -> Vec<String> {
    let found = boto.call("cloudformation", "list_stack_resources", json!({"StackName": name}));
    let all = found["StackResourceSummaries"].as_array().unwrap().iter();
    let mut all: Vec<String> = all.map(|one| one["LogicalResourceId"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

fn variables(boto: &Boto, function: &str) -> Value {
    boto.function(function).unwrap()["Configuration"]["Environment"]["Variables"].clone()
}

fn in_time(cloud: &Cloud) {
    cloud.set(json!({"cloudformation.enabled": true, "cloudformation.scale": 0.02}));
}

#[test]
fn what_the_file_says_of_them_is_there_used_changed_and_gone() {
    let cloud = Cloud::own("calm");
    in_time(&cloud);
    let boto = cloud.boto();
    let project = Project::new(CONFIG);
    project.on(&cloud, ["validate", "--strict"]).success();
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    assert!(diff.stdout.contains("    AWS::DynamoDB::Table Table\n"), "{}", diff.stdout);
    project.settles(&cloud);

    assert_eq!(made_by(&boto, "shop-dev"), ["Files", "Jobs", "Table", "Topic"]);
    assert_eq!(made_by(&boto, "shop-dev-after"), ["Says"]);
    let main = stack(&boto, "shop-dev").unwrap();
    let tags: Vec<&str> = main["Tags"].as_array().unwrap().iter().map(|tag| tag["Key"].as_str().unwrap()).collect();
    assert_eq!(tags, ["STAGE", "hoist:resources", "team"], "the marks of what is ours would go on to what is in it");
    let env = variables(&boto, "shop-dev-hello");
    let table = env["TABLE"].as_str().unwrap();
    boto.call("dynamodb", "describe_table", json!({"TableName": table}));
    assert_eq!((&env["WHERE"], &env["SIZE"]), (&json!(format!("https://{table}.example.com/jobs")), &json!("7")));
    let said = boto.call("ssm", "get_parameter", json!({"Name": "/shop/says"}));
    assert_eq!(said["Parameter"]["Value"], format!("shop-dev-hello of shop-dev in us-east-1 reads {table}"));
    let mappings = boto.call("lambda", "list_event_source_mappings", json!({"FunctionName": "shop-dev-hello"}));
    assert!(mappings["EventSourceMappings"][0]["EventSourceArn"].as_str().unwrap().ends_with(":jobs"));
    let exports = boto.call("cloudformation", "list_exports", json!({}));
    let mut exports: Vec<&str> =
        exports["Exports"].as_array().unwrap().iter().map(|one| one["Name"].as_str().unwrap()).collect();
    exports.sort_unstable();
    assert_eq!(exports, ["shop-hello", "shop-table"]);

    cloud.forget_calls();
    project.deploy(&cloud).says("nothing to do");
    let asked = cloud.own_calls();
    let of_stacks = asked.iter().filter(|call| call["service"] == "cloudformation");
    assert_eq!(of_stacks.count(), 4, "each stack and its template are read once");

    project.write("serverless.yml", &changed());
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    for text in [
        "AWS::SQS::Queue More is created",
        "AWS::SSM::Parameter Says is deleted",
        "TemplateBody.Resources.Jobs.Properties.VisibilityTimeout",
    ] {
        assert!(diff.stdout.contains(text), "{text} is not in\n{}", diff.stdout);
    }
    assert!(!diff.stdout.contains("TemplateBody.Outputs"), "{}", diff.stdout);
    assert!(!diff.stdout.contains("event source mapping"), "the queue stays where it is:\n{}", diff.stdout);
    let asked = project.on(&cloud, ["deploy"]).code(1);
    assert!(asked.stderr.contains("--yes"), "Says is deleted: {}", asked.stderr);
    project.settles(&cloud);
    let env = variables(&boto, "shop-dev-hello");
    assert_eq!(env["TABLE"], table, "a change in place keeps what it is");
    assert!(env["MORE"].as_str().unwrap().ends_with("/more"), "{env}");
    assert!(boto.try_call("ssm", "get_parameter", json!({"Name": "/shop/says"})).is_err());

    project.write("serverless.yml", &without());
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    assert!(diff.stdout.contains("    AWS::DynamoDB::Table Table\n"), "what is lost is said: {}", diff.stdout);
    project.settles(&cloud);
    assert!(stack(&boto, "shop-dev").is_none() && stack(&boto, "shop-dev-after").is_none());
    assert!(boto.try_call("dynamodb", "describe_table", json!({"TableName": table})).is_err());

    project.write("serverless.yml", CONFIG);
    project.deploy(&cloud);
    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(stack(&boto, "shop-dev").is_none() && stack(&boto, "shop-dev-after").is_none());
    project.on(&cloud, ["remove", "--yes"]).success();
}

const HEARS: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions: {hello: {handler: handler.handler, events: [{sqs: {arn: !GetAtt Jobs.Arn}}]}}
resources: {Resources: {Jobs: {Type: 'AWS::SQS::Queue', Properties: {QueueName: jobs}}}}
";

/// Nothing beneath the function is read where its fingerprint says that nothing changed.
#[test]
fn a_function_follows_a_queue_that_is_made_anew() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(HEARS);
    project.settles(&cloud);
    project.write("serverless.yml", &HEARS.replace("QueueName: jobs", "QueueName: others"));
    project.on(&cloud, ["diff", "--exit-code"]).code(2);
    project.deploy(&cloud);
    let mappings = boto.call("lambda", "list_event_source_mappings", json!({"FunctionName": "shop-dev-hello"}));
    let [mapping] = mappings["EventSourceMappings"].as_array().unwrap().as_slice() else { panic!("{mappings}") };
    assert!(mapping["EventSourceArn"].as_str().unwrap().ends_with(":others"), "{mapping}");
    project.deploy(&cloud).says("nothing to do");
}

const FAILS: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello: {handler: handler.handler, environment: {FILES: !Ref Files}}
resources:
  Resources:
    Files: {Type: AWS::S3::Bucket, Properties: {BucketName: taken-by-others}}
";

#[test]
fn what_cloudformation_cannot_make_is_named_and_the_next_deploy_makes_it() {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    let other = cloud.another();
    other.boto().call("s3", "create_bucket", json!({"Bucket": "taken-by-others"}));
    let project = Project::new(FAILS);
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(ran.stderr.contains("Files (AWS::S3::Bucket)"), "{}", ran.stderr);
    assert!(boto.function("shop-dev-hello").is_none(), "what it is used by was not made");
    let state = stack(&boto, "shop-dev").unwrap()["StackStatus"].as_str().unwrap().to_owned();
    assert!(state.contains("ROLLBACK"), "{state}");
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    assert!(diff.stdout.contains(&state), "{}", diff.stdout);

    project.write("serverless.yml", &FAILS.replace("taken-by-others", "not-taken"));
    project.settles(&cloud);
    assert_eq!(variables(&boto, "shop-dev-hello")["FILES"], "not-taken");

    project.write("serverless.yml", FAILS);
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(ran.stderr.contains("Files (AWS::S3::Bucket)") && ran.stderr.contains("ROLLBACK"), "{}", ran.stderr);
    assert_eq!(variables(&boto, "shop-dev-hello")["FILES"], "not-taken");
    project.write("serverless.yml", &FAILS.replace("taken-by-others", "not-taken"));
    project.settles(&cloud);
}

const TAKEN_OVER: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions: {hello: {handler: handler.handler, environment: {JOBS: !Ref Jobs}}}
resources: {Resources: {Jobs: {Type: 'AWS::SQS::Queue', Properties: {QueueName: jobs}}}}
";

#[test]
fn a_stack_that_makes_something_else_is_refused_and_one_of_raw_resources_is_taken_over() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let queue = json!({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "jobs"}});
    let template = |resources: Value| json!({"Resources": resources}).to_string();
    let both = template(json!({"Jobs": queue, "HelloLogGroup": {"Type": "AWS::Logs::LogGroup"}}));
    boto.call("cloudformation", "create_stack", json!({"StackName": "shop-dev", "TemplateBody": both}));
    let project = Project::new(TAKEN_OVER);
    for flags in [&["deploy", "--yes"][..], &["deploy", "--yes", "--adopt"]] {
        let ran = project.on(&cloud, flags).code(1);
        for text in ["shop-dev", "HelloLogGroup", "DeletionPolicy: Retain"] {
            assert!(ran.stderr.contains(text), "{text} is not in\n{}", ran.stderr);
        }
    }
    assert_eq!(made_by(&boto, "shop-dev"), ["HelloLogGroup", "Jobs"]);

    let only = template(json!({"Jobs": queue}));
    boto.call("cloudformation", "update_stack", json!({"StackName": "shop-dev", "TemplateBody": only}));
    let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(ran.stderr.contains("--adopt"), "{}", ran.stderr);
    project.on(&cloud, ["deploy", "--yes", "--adopt"]).success();
    project.deploy(&cloud).says("nothing to do");
    assert!(variables(&boto, "shop-dev-hello")["JOBS"].as_str().unwrap().ends_with("/jobs"));
}

#[test]
fn a_template_that_is_too_large_for_a_request_goes_through_the_bucket() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let text = "x".repeat(60_000);
    let large = TAKEN_OVER.replace("Properties:", &format!("Metadata: {{text: {text}}}, Properties:"));
    let project = Project::new(&large);
    project.settles(&cloud);
    assert_eq!(made_by(&boto, "shop-dev"), ["Jobs"]);
    let bucket = format!("hoist-{}-us-east-1", cloud.account);
    let left = boto.call("s3", "list_objects_v2", json!({"Bucket": bucket, "Prefix": "templates/"}));
    assert_eq!(left.get("Contents").and_then(Value::as_array).map_or(0, Vec::len), 0, "{left}");
}

const SETTINGS: &str = "
  stackPolicy: [{Effect: Deny, Principal: '*', Action: 'Update:Delete', Resource: 'LogicalResourceId/Jobs'}]
  notificationArns: ['arn:aws:sns:us-east-1:ACCOUNT:heard']
  disableRollback: true
  rollbackConfiguration:
    MonitoringTimeInMinutes: 5
    RollbackTriggers: [{Arn: 'arn:aws:cloudwatch:us-east-1:ACCOUNT:alarm:a', Type: 'AWS::CloudWatch::Alarm'}]
functions:";

#[test]
fn what_the_provider_says_of_the_stack_is_set_changed_and_cleared() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    boto.call("sns", "create_topic", json!({"Name": "heard"}));
    let with = |provider: &str| {
        let plain = TAKEN_OVER
            .replace("provider: {name: aws, runtime: python3.13}", "provider:\n  name: aws\n  runtime: python3.13");
        plain.replace("\nfunctions:", provider).replace("ACCOUNT", &cloud.account)
    };
    let project = Project::new(&with(SETTINGS));
    project.settles(&cloud);
    let policy = || {
        let told = boto.call("cloudformation", "get_stack_policy", json!({"StackName": "shop-dev"}));
        serde_json::from_str::<Value>(told["StackPolicyBody"].as_str().unwrap()).unwrap()
    };
    assert_eq!(policy()["Statement"][0]["Action"], "Update:Delete");
    let live = stack(&boto, "shop-dev").unwrap();
    assert_eq!(live["RollbackConfiguration"]["MonitoringTimeInMinutes"], 5);
    assert_eq!(live["NotificationARNs"].as_array().unwrap().len(), 1);

    project.write("serverless.yml", &with(&SETTINGS.replace("Update:Delete", "Update:Replace").replace(": 5", ": 10")));
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    for text in ["StackPolicyBody", "RollbackConfiguration.MonitoringTimeInMinutes"] {
        assert!(diff.stdout.contains(text), "{text} is not in\n{}", diff.stdout);
    }
    project.settles(&cloud);
    assert_eq!(policy()["Statement"][0]["Action"], "Update:Replace");

    project.write("serverless.yml", &with("\nfunctions:"));
    project.settles(&cloud);
    let live = stack(&boto, "shop-dev").unwrap();
    let alarms = live["RollbackConfiguration"]["RollbackTriggers"].as_array().map_or(0, Vec::len);
    assert_eq!((live["NotificationARNs"].as_array().map_or(0, Vec::len), alarms), (0, 0), "{live}");
}

/// What CloudFormation does it goes on with, whatever becomes of hoist.
#[test]
fn a_stack_that_is_still_being_made_is_waited_for() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"cloudformation.enabled": true, "cloudformation.scale": 0.1}));
    let boto = cloud.boto();
    let project = Project::new(TAKEN_OVER);
    let mut child = project.start(&cloud, ["deploy", "--yes"]);
    while stack(&boto, "shop-dev").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    assert!(diff.stdout.contains("CREATE_IN_PROGRESS"), "{}", diff.stdout);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    assert!(variables(&boto, "shop-dev-hello")["JOBS"].as_str().unwrap().ends_with("/jobs"));
}

const SMALL: &str = "
service: shop
provider: {name: aws, runtime: python3.13, logRetentionInDays: 7}
functions: {hello: {handler: handler.handler, environment: {JOBS: !Ref Jobs}}}
resources:
  Resources:
    Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
    Says: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /shop/says, Value: !GetAtt HelloLambdaFunction.Arn}}
";

const SMALL_CHANGED: &str = "
service: shop
provider: {name: aws, runtime: python3.13, logRetentionInDays: 7}
functions: {hello: {handler: handler.handler, environment: {JOBS: !Ref More}}}
resources:
  Resources:
    More: {Type: AWS::SQS::Queue, Properties: {QueueName: more}}
    Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs, VisibilityTimeout: 60}}
";

/// What is live, and the stacks: their templates have the account in them.
fn look(boto: &Boto, account: &str) -> Value {
    let found = boto.call_in(account, "cloudformation", "describe_stacks", json!({}));
    let stacks = found["Stacks"].as_array().unwrap().iter().map(|stack| {
        let template = json!({"StackName": stack["StackName"]});
        let template = boto.call_in(account, "cloudformation", "get_template", template);
        json!({"name": stack["StackName"], "state": stack["StackStatus"].as_str().unwrap().contains("ROLLBACK"),
            "tags": stack["Tags"], "outputs": stack["Outputs"], "template": template["TemplateBody"]})
    });
    let stacks = Value::from_iter(stacks).to_string().replace(account, "ACCOUNT");
    json!({"state": boto.state(account), "stacks": serde_json::from_str::<Value>(&stacks).unwrap()})
}

#[test]
fn a_first_deploy_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { config: SMALL, look, ..DEPLOY });
}

#[test]
fn a_change_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(SMALL), config: SMALL_CHANGED, look, ..DEPLOY });
}

#[test]
fn a_removal_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(SMALL), config: SMALL, command: &["remove", "--yes"], look, ..DEPLOY });
}

const NAMED: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  iam: {role: {statements: [{Effect: Allow, Action: 'dynamodb:GetItem', Resource: !GetAtt Table.Arn}]}}
functions: {hello: {handler: handler.handler, environment: {TABLE: !Ref Table}}}
resources:
  Resources:
    Table:
      Type: AWS::DynamoDB::Table
      Properties:
        TableName: orders
        BillingMode: PAY_PER_REQUEST
        AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
        KeySchema: [{AttributeName: id, KeyType: HASH}]
";

/// IAM takes its time, and CloudFormation too: at the same time, where the file says what a table is called.
#[test]
fn a_role_does_not_wait_for_what_its_policy_only_names() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"cloudformation.enabled": true, "cloudformation.scale": 0.05}));
    let project = Project::new(NAMED);
    project.deploy(&cloud);
    let calls = cloud.own_calls();
    let operations: Vec<&str> = calls.iter().map(|call| call["operation"].as_str().unwrap()).collect();
    let at = |name: &str| operations.iter().rposition(|operation| *operation == name).unwrap();
    assert!(at("CreateRole") < at("DescribeStacks") && at("DescribeStacks") < at("CreateFunction"), "{operations:?}");
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
}

const BENEATH: &str = "
service: shop
provider: {name: aws, runtime: python3.13, iam: {role: {statements: [{Effect: Allow, Action: 'sqs:*', Resource: '*'}]}}}
functions: {hello: {handler: handler.handler}}
resources:
  Resources:
    Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
    Reads:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {FunctionName: !Ref HelloLambdaFunction, EventSourceArn: !GetAtt Jobs.Arn, BatchSize: 5}
    Tries:
      Type: AWS::Lambda::EventInvokeConfig
      Properties: {FunctionName: !Ref HelloLambdaFunction, Qualifier: $LATEST, MaximumRetryAttempts: 1}
    Lets:
      Type: AWS::Lambda::Permission
      Properties: {FunctionName: !GetAtt HelloLambdaFunction.Arn, Action: 'lambda:InvokeFunction', Principal: events.amazonaws.com}
    Answers:
      Type: AWS::Lambda::Url
      Properties: {TargetFunctionArn: !GetAtt HelloLambdaFunction.Arn, AuthType: AWS_IAM}
";

const LEADING_HERE: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions: {hello: {handler: handler.handler}}
resources:
  Resources:
    Topic: {Type: AWS::SNS::Topic}
    TopicLets: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref HelloLambdaFunction, Action: 'lambda:InvokeFunction', Principal: sns.amazonaws.com, SourceArn: !Ref Topic}}
    Hears: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, Protocol: lambda, Endpoint: !GetAtt HelloLambdaFunction.Arn}}
    Rule: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 hour), Targets: [{Id: a, Arn: !GetAtt HelloLambdaFunction.Arn}]}}
    RuleLets: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref HelloLambdaFunction, Action: 'lambda:InvokeFunction', Principal: events.amazonaws.com, SourceArn: !GetAtt Rule.Arn}}
    Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: other-group}}
    GroupLets: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref HelloLambdaFunction, Action: 'lambda:InvokeFunction', Principal: logs.amazonaws.com, SourceArn: !GetAtt Group.Arn}}
    Filter: {Type: AWS::Logs::SubscriptionFilter, DependsOn: GroupLets, Properties: {LogGroupName: !Ref Group, FilterPattern: '', DestinationArn: !GetAtt HelloLambdaFunction.Arn}}
    Bucket: {Type: AWS::S3::Bucket, DependsOn: BucketLets, Properties: {BucketName: leading-here, NotificationConfiguration: {LambdaConfigurations: [{Event: 's3:ObjectCreated:*', Function: !GetAtt HelloLambdaFunction.Arn}]}}}
    BucketLets: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref HelloLambdaFunction, Action: 'lambda:InvokeFunction', Principal: s3.amazonaws.com, SourceArn: 'arn:aws:s3:::leading-here'}}
    Pool: {Type: AWS::Cognito::UserPool, Properties: {UserPoolName: raw-pool, LambdaConfig: {PreSignUp: !GetAtt HelloLambdaFunction.Arn}}}
    PoolLets: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref HelloLambdaFunction, Action: 'lambda:InvokeFunction', Principal: cognito-idp.amazonaws.com, SourceArn: !GetAtt Pool.Arn}}
    Thing: {Type: AWS::IoT::TopicRule, Properties: {RuleName: raw_rule, TopicRulePayload: {Sql: \"SELECT * FROM 'things'\", Actions: [{Lambda: {FunctionArn: !GetAtt HelloLambdaFunction.Arn}}]}}}
    ThingLets: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref HelloLambdaFunction, Action: 'lambda:InvokeFunction', Principal: iot.amazonaws.com, SourceArn: !Sub 'arn:aws:iot:${AWS::Region}:${AWS::AccountId}:rule/raw_rule'}}
    Later: {Type: AWS::Scheduler::Schedule, Properties: {Name: raw-schedule, ScheduleExpression: rate(1 hour), FlexibleTimeWindow: {Mode: 'OFF'}, Target: {Arn: !GetAtt HelloLambdaFunction.Arn, RoleArn: !GetAtt IamRoleLambdaExecution.Arn}}}
";

/// What leads to a function is found through the function: what the file itself has among its raw resources stays.
#[test]
fn what_raw_resources_lead_to_our_functions_is_not_taken_away() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(LEADING_HERE);
    project.settles(&cloud);
    project.on(&cloud, ["deploy", "--yes", "--drift"]).success().says("nothing to do");
    let pools = boto.call("cognito-idp", "list_user_pools", json!({"MaxResults": 10}));
    let pool = json!({"UserPoolId": pools["UserPools"][0]["Id"]});
    let pool = boto.call("cognito-idp", "describe_user_pool", pool);
    assert!(pool["UserPool"]["LambdaConfig"]["PreSignUp"].as_str().unwrap().ends_with(":shop-dev-hello"), "{pool}");
    boto.call("scheduler", "get_schedule", json!({"Name": "raw-schedule"}));
    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(stack(&boto, "shop-dev").is_none() && stack(&boto, "shop-dev-after").is_none());
}

/// Whatever else stands beneath a function of ours is taken for something that left the file.
#[test]
fn what_stands_beneath_a_function_is_no_affair_of_a_stack() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(BENEATH);
    project.settles(&cloud);
    assert_eq!(made_by(&boto, "shop-dev"), ["Jobs"]);
    assert!(stack(&boto, "shop-dev-after").is_none());
    let of = |operation: &str| boto.call("lambda", operation, json!({"FunctionName": "shop-dev-hello"}));
    assert_eq!(of("list_event_source_mappings")["EventSourceMappings"][0]["BatchSize"], 5);
    assert_eq!(of("list_function_event_invoke_configs")["FunctionEventInvokeConfigs"][0]["MaximumRetryAttempts"], 1);
    assert_eq!(of("get_function_url_config")["AuthType"], "AWS_IAM");
    assert!(of("get_policy")["Policy"].as_str().unwrap().contains("events.amazonaws.com"));
    project.write("serverless.yml", &BENEATH.replace("BatchSize: 5", "BatchSize: 6"));
    project.settles(&cloud);
    assert_eq!(of("list_event_source_mappings")["EventSourceMappings"][0]["BatchSize"], 6);
    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function("shop-dev-hello").is_none() && stack(&boto, "shop-dev").is_none());
}
