//! Triggers that move to another source, and those that leave: nothing of them stays behind, and what is foreign on the same
//! topics, buckets, queues, buses, pools and listeners stays, whatever happens in between.
//!
//! Each time the account ends as one in which nothing but the last file was ever deployed.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, difference};

const WITNESS: &str = "
service: witness
provider: {name: aws, runtime: python3.13}
functions:
  stands:
    handler: handler.handler
";

/// An event, and the same from another source. `ACCOUNT` is the account, `FRONT` and `BACK` are listeners.
const MOVES: &[(&str, &str)] = &[
    ("sns: made-one", "sns: made-two"),
    ("sns: made-one", "sns: 'arn:aws:sns:us-east-1:ACCOUNT:one'"),
    ("sns: 'arn:aws:sns:us-east-1:ACCOUNT:one'", "sns: 'arn:aws:sns:us-east-1:ACCOUNT:two'"),
    (
        "sns: {arn: 'arn:aws:sns:us-east-1:ACCOUNT:one', filterPolicy: {a: [b]}, redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:ACCOUNT:one'}}",
        "sns: {arn: 'arn:aws:sns:us-east-1:ACCOUNT:two', filterPolicy: {a: [b]}, redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:ACCOUNT:two'}}",
    ),
    ("s3: made-one-ACCOUNT", "s3: made-two-ACCOUNT"),
    ("s3: {bucket: one-ACCOUNT, existing: true}", "s3: {bucket: two-ACCOUNT, existing: true}"),
    ("s3: made-one-ACCOUNT", "s3: {bucket: two-ACCOUNT, existing: true}"),
    ("sqs: 'arn:aws:sqs:us-east-1:ACCOUNT:one'", "sqs: 'arn:aws:sqs:us-east-1:ACCOUNT:two'"),
    (
        "stream: 'arn:aws:kinesis:us-east-1:ACCOUNT:stream/one'",
        "stream: 'arn:aws:kinesis:us-east-1:ACCOUNT:stream/two'",
    ),
    (
        "stream: {arn: 'arn:aws:kinesis:us-east-1:ACCOUNT:stream/one', consumer: true}",
        "stream: {arn: 'arn:aws:kinesis:us-east-1:ACCOUNT:stream/two', consumer: true}",
    ),
    (
        "msk: {arn: 'arn:aws:kafka:us-east-1:ACCOUNT:cluster/one/6a2a1c0e-8d4d-4f5b-9d6e-0c1b2a3d4e5f-1', topic: one}",
        "msk: {arn: 'arn:aws:kafka:us-east-1:ACCOUNT:cluster/two/6a2a1c0e-8d4d-4f5b-9d6e-0c1b2a3d4e5f-1', topic: two}",
    ),
    (
        "activemq: {arn: 'arn:aws:mq:us-east-1:ACCOUNT:broker:one:b-1', queue: jobs, basicAuthArn: 'arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:a'}",
        "activemq: {arn: 'arn:aws:mq:us-east-1:ACCOUNT:broker:two:b-1', queue: jobs, basicAuthArn: 'arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:a'}",
    ),
    (
        "rabbitmq: {arn: 'arn:aws:mq:us-east-1:ACCOUNT:broker:one:b-1', queue: jobs, virtualHost: /a, basicAuthArn: 'arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:a'}",
        "rabbitmq: {arn: 'arn:aws:mq:us-east-1:ACCOUNT:broker:two:b-1', queue: jobs, virtualHost: /b, basicAuthArn: 'arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:a'}",
    ),
    (
        "kafka: {topic: one, bootstrapServers: ['one.example.com:9092'], accessConfigurations: {saslScram512Auth: 'arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:a'}}",
        "kafka: {topic: one, bootstrapServers: ['two.example.com:9092'], accessConfigurations: {saslScram512Auth: 'arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:a'}}",
    ),
    ("schedule: rate(1 hour)", "schedule: {rate: rate(1 hour), method: scheduler}"),
    ("schedule: {rate: rate(1 hour), name: one}", "schedule: {rate: rate(1 hour), name: two}"),
    ("eventBridge: {pattern: {source: [a]}}", "eventBridge: {eventBus: made-one, pattern: {source: [a]}}"),
    (
        "eventBridge: {eventBus: made-one, pattern: {source: [a]}}",
        "eventBridge: {eventBus: made-two, pattern: {source: [a]}}",
    ),
    (
        "eventBridge: {eventBus: 'arn:aws:events:us-east-1:ACCOUNT:event-bus/one', pattern: {source: [a]}}",
        "eventBridge: {eventBus: 'arn:aws:events:us-east-1:ACCOUNT:event-bus/two', pattern: {source: [a]}}",
    ),
    ("cloudwatchEvent: {event: {source: [a]}}", "cloudwatchEvent: {event: {source: [b]}}"),
    ("cloudwatchLog: /outside/one", "cloudwatchLog: /outside/two"),
    ("iot: {sql: \"SELECT * FROM 'one'\", name: one}", "iot: {sql: \"SELECT * FROM 'two'\", name: two}"),
    (
        "cognitoUserPool: {pool: one, trigger: PreSignUp, existing: true}",
        "cognitoUserPool: {pool: two, trigger: PreSignUp, existing: true}",
    ),
    ("cognitoUserPool: {pool: made-one, trigger: PreSignUp}", "cognitoUserPool: {pool: made-two, trigger: PreSignUp}"),
    (
        "cognitoUserPool: {pool: made-one, trigger: PreSignUp}",
        "cognitoUserPool: {pool: two, trigger: PreSignUp, existing: true}",
    ),
    (
        "alb: {listenerArn: FRONT, priority: 5, conditions: {path: /a}}",
        "alb: {listenerArn: BACK, priority: 5, conditions: {path: /a}}",
    ),
    ("alexaSkill: amzn1.ask.skill.1", "alexaSkill: amzn1.ask.skill.2"),
    ("alexaSmartHome: amzn1.ask.skill.1", "alexaSmartHome: amzn1.ask.skill.2"),
];

/// All sources at the same time.
const ALL: &[&str] = &[
    "sns: made-one",
    "sns: {topicName: made-two, filterPolicy: {a: [b]}}",
    "sns: {arn: 'arn:aws:sns:us-east-1:ACCOUNT:one', redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:ACCOUNT:one'}}",
    "s3: made-one-ACCOUNT",
    "s3: {bucket: one-ACCOUNT, existing: true}",
    "sqs: 'arn:aws:sqs:us-east-1:ACCOUNT:one'",
    "stream: {arn: 'arn:aws:kinesis:us-east-1:ACCOUNT:stream/one', consumer: true}",
    "msk: {arn: 'arn:aws:kafka:us-east-1:ACCOUNT:cluster/one/6a2a1c0e-8d4d-4f5b-9d6e-0c1b2a3d4e5f-1', topic: one}",
    "kafka: {topic: one, bootstrapServers: ['one.example.com:9092'], accessConfigurations: {saslScram512Auth: 'arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:a'}}",
    "rabbitmq: {arn: 'arn:aws:mq:us-east-1:ACCOUNT:broker:one:b-1', queue: jobs, basicAuthArn: 'arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:a'}",
    "schedule: rate(1 hour)",
    "schedule: {rate: rate(2 hours), method: scheduler}",
    "eventBridge: {eventBus: made-one, pattern: {source: [a]}}",
    "cloudwatchEvent: {event: {source: [a]}}",
    "cloudwatchLog: /outside/one",
    "iot: {sql: \"SELECT * FROM 'one'\"}",
    "iotFleetProvisioning: {provisioningRoleArn: 'arn:aws:iam::ACCOUNT:role/fleet', templateBody: {Parameters: {S: {Type: String}}, Resources: {c: {Type: 'AWS::IoT::Certificate', Properties: {CertificateId: {Ref: 'AWS::IoT::Certificate::Id'}, Status: Active}}}}}",
    "cognitoUserPool: {pool: one, trigger: PreSignUp, existing: true}",
    "cognitoUserPool: {pool: made-one, trigger: PreSignUp}",
    "alb: {listenerArn: FRONT, priority: 5, conditions: {path: /a}}",
    "alexaSkill: amzn1.ask.skill.1",
];

/// An account with sources of others, each of which a foreign function hears too.
struct Account {
    cloud: Cloud,
    boto: Boto,
    project: Project,
    front: String,
    back: String,
}

impl Account {
    fn new(cloud: &Cloud) -> Self {
        let cloud = cloud.another();
        let boto = cloud.boto();
        let account = cloud.account.clone();
        Project::new(WITNESS).deploy(&cloud);
        let stranger = format!("arn:aws:lambda:us-east-1:{account}:function:witness-dev-stands");
        for service in ["sns", "s3", "logs", "events", "elasticloadbalancing"] {
            let permission = json!({"FunctionName": "witness-dev-stands", "StatementId": format!("own-{service}"),
                "Action": "lambda:InvokeFunction", "Principal": format!("{service}.amazonaws.com")});
            boto.call("lambda", "add_permission", permission);
        }
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "iot.amazonaws.com"}}]});
        boto.call("iam", "create_role", json!({"RoleName": "fleet", "AssumeRolePolicyDocument": trust.to_string()}));
        for name in ["one", "two"] {
            let topic = boto.call("sns", "create_topic", json!({"Name": name}))["TopicArn"].clone();
            boto.call("sns", "subscribe", json!({"TopicArn": topic, "Protocol": "lambda", "Endpoint": stranger}));
            let statement = json!({"Sid": "strangers", "Effect": "Allow", "Action": "sqs:SendMessage",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Resource": format!("arn:aws:sqs:us-east-1:{account}:{name}")});
            let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
            boto.call("sqs", "create_queue", json!({"QueueName": name, "Attributes": {"Policy": policy.to_string()}}));
            let bucket = format!("{name}-{account}");
            boto.call("s3", "create_bucket", json!({"Bucket": bucket}));
            let entry = json!({"Id": "strangers", "LambdaFunctionArn": stranger, "Events": ["s3:ObjectRemoved:*"]});
            let document = json!({"LambdaFunctionConfigurations": [entry]});
            let document = json!({"Bucket": bucket, "NotificationConfiguration": document});
            boto.call("s3", "put_bucket_notification_configuration", document);
            boto.call("kinesis", "create_stream", json!({"StreamName": name, "ShardCount": 1}));
            let stream = format!("arn:aws:kinesis:us-east-1:{account}:stream/{name}");
            boto.call("kinesis", "register_stream_consumer", json!({"StreamARN": stream, "ConsumerName": "strangers"}));
            boto.call("events", "create_event_bus", json!({"Name": name}));
            let rule = json!({"Name": "strangers", "EventBusName": name, "EventPattern": "{\"source\": [\"a\"]}"});
            boto.call("events", "put_rule", rule);
            let target = json!({"Rule": "strangers", "EventBusName": name, "Targets": [{"Id": "t", "Arn": stranger}]});
            boto.call("events", "put_targets", target);
            let group = format!("/outside/{name}");
            boto.call("logs", "create_log_group", json!({"logGroupName": group}));
            let filter = json!({"logGroupName": group, "filterName": "strangers", "filterPattern": "", "destinationArn": stranger});
            boto.call("logs", "put_subscription_filter", filter);
            let triggers = json!({"PostConfirmation": stranger});
            boto.call("cognito-idp", "create_user_pool", json!({"PoolName": name, "LambdaConfig": triggers}));
        }
        let rule = json!({"sql": "SELECT * FROM 'one'", "actions": [{"lambda": {"functionArn": stranger}}]});
        boto.call("iot", "create_topic_rule", json!({"ruleName": "strangers", "topicRulePayload": rule}));
        let made = json!({"Name": "front", "Subnets": ["subnet-1", "subnet-2"]});
        let balancer = boto.call("elbv2", "create_load_balancer", made)["LoadBalancers"][0]["LoadBalancerArn"].clone();
        let listener = |port: u16| {
            let otherwise = json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}});
            let made =
                json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": [otherwise]});
            let made = boto.call("elbv2", "create_listener", made)["Listeners"][0]["ListenerArn"].clone();
            let theirs = json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}});
            let theirs = json!({"ListenerArn": made, "Priority": 7, "Actions": [theirs],
                "Conditions": [{"Field": "path-pattern", "Values": ["/theirs*"]}]});
            boto.call("elbv2", "create_rule", theirs);
            made.as_str().unwrap().to_owned()
        };
        let (front, back) = (listener(80), listener(81));
        Self { cloud, boto, project: Project::new(""), front, back }
    }

    fn write(&self, events: &[&str]) {
        let mut text = "service: moves\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n  does:\n    handler: handler.handler\n".to_owned();
        if !events.is_empty() {
            text.push_str("    events:\n");
        }
        for event in events {
            let event =
                event.replace("ACCOUNT", &self.cloud.account).replace("FRONT", &self.front).replace("BACK", &self.back);
            text.push_str(&format!("      - {event}\n"));
        }
        self.project.write("serverless.yml", &text);
    }

    /// Deploys these events, after which there is nothing to do.
    #[track_caller]
    fn deploy(&self, events: &[&str]) {
        self.write(events);
        self.project.deploy(&self.cloud);
        self.project.deploy(&self.cloud).says("nothing to do");
        let diff = self.project.on(&self.cloud, ["diff", "--exit-code"]);
        assert_eq!(diff.code, 0, "{events:?}: {}", diff.said());
    }

    /// Somebody else lets a topic call the function.
    fn foreign_permission(&self) {
        let foreign = json!({"FunctionName": "moves-dev-does", "StatementId": "strangers", "Action": "lambda:InvokeFunction",
            "Principal": "sns.amazonaws.com", "SourceArn": format!("arn:aws:sns:us-east-1:{}:one", self.cloud.account)});
        self.boto.call("lambda", "add_permission", foreign);
    }
}

/// What calls functions where these events alone were ever deployed.
fn fresh(cloud: &Cloud, events: &[&str]) -> Value {
    let account = Account::new(cloud);
    account.deploy(events);
    account.foreign_permission();
    account.boto.triggers()
}

fn same(wanted: &Value, found: &Value, what: &str) -> Option<String> {
    (wanted != found).then(|| format!("{what}:{}", difference(wanted, found, "")))
}

/// Every third move, from one of them on: three tests share them. One account has only ever what an event moves to, and
/// nothing in between; in the other it moves.
fn moves(first: usize) {
    let cloud = Cloud::own("calm");
    let (straight, account) = (Account::new(&cloud), Account::new(&cloud));
    let mut nothing = Vec::new();
    for one in [&straight, &account] {
        one.deploy(&[]);
        one.foreign_permission();
        nothing.push(one.boto.triggers());
    }
    assert_eq!(nothing[0], nothing[1]);
    let mut wrong = Vec::new();
    for (one, other) in MOVES.iter().skip(first).step_by(3) {
        straight.deploy(&[other]);
        account.deploy(&[one]);
        account.deploy(&[other]);
        let moved = same(&straight.boto.triggers(), &account.boto.triggers(), &format!("{one} → {other}"));
        wrong.extend(moved);
        for where_it_was in [&straight, &account] {
            where_it_was.deploy(&[]);
            wrong.extend(same(&nothing[0], &where_it_was.boto.triggers(), &format!("{one} → {other} is gone")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn triggers_move_to_another_source_first_third() {
    moves(0);
}

#[test]
fn triggers_move_to_another_source_second_third() {
    moves(1);
}

#[test]
fn triggers_move_to_another_source_last_third() {
    moves(2);
}

/// Creates and changes, each of which may be carried out without anybody hearing of it.
const WRITES: &[&str] = &[
    "cognito-idp.CreateUserPool",
    "cognito-idp.UpdateUserPool",
    "elbv2.CreateRule",
    "elbv2.CreateTargetGroup",
    "elbv2.RegisterTargets",
    "events.CreateEventBus",
    "events.PutRule",
    "events.PutTargets",
    "iot.CreateProvisioningTemplate",
    "iot.CreateTopicRule",
    "kinesis.RegisterStreamConsumer",
    "lambda.AddPermission",
    "lambda.CreateEventSourceMapping",
    "lambda.CreateFunction",
    "logs.PutSubscriptionFilter",
    "s3.CreateBucket",
    "s3.PutBucketNotificationConfiguration",
    "scheduler.CreateSchedule",
    "sns.CreateTopic",
    "sns.Subscribe",
    "sqs.SetQueueAttributes",
];

#[test]
fn what_was_made_without_an_answer_is_not_made_twice() {
    let cloud = Cloud::own("calm");
    let wanted = fresh(&cloud, ALL);
    for fault in ["cut-after", "status-500-after"] {
        let account = Account::new(&cloud);
        for write in WRITES {
            account.cloud.fault(write, 1, fault, 1);
        }
        account.cloud.forget_calls();
        account.write(ALL);
        account.project.deploy(&account.cloud);
        let calls = account.cloud.own_calls();
        for write in WRITES {
            let met = calls.iter().any(|call| {
                call["fault"] == fault
                    && format!("{}.{}", call["service"].as_str().unwrap(), call["operation"].as_str().unwrap())
                        == *write
            });
            assert!(met, "no {write} met {fault}");
        }
        account.deploy(ALL);
        account.foreign_permission();
        let problem = same(&wanted, &account.boto.triggers(), fault);
        assert!(problem.is_none(), "{}", problem.unwrap());
    }
}

#[test]
fn what_left_the_file_is_found_by_looking_at_the_account() {
    let cloud = Cloud::own("calm");
    let mut nothing = fresh(&cloud, &[]);
    let account = Account::new(&cloud);
    account.deploy(ALL);
    account.foreign_permission();
    // No record, no lease, no list of tags that would know anything; and the marks of mappings are gone.
    let bucket = format!("hoist-{}-us-east-1", account.cloud.account);
    let kept = account.boto.call("s3", "list_objects_v2", json!({"Bucket": bucket}));
    for object in kept["Contents"].as_array().unwrap() {
        account.boto.call("s3", "delete_object", json!({"Bucket": bucket, "Key": object["Key"]}));
    }
    account.boto.call("s3", "delete_bucket", json!({"Bucket": bucket}));
    for mapping in
        account.boto.call("lambda", "list_event_source_mappings", json!({}))["EventSourceMappings"].as_array().unwrap()
    {
        let keys = json!(["hoist:service", "hoist:stage", "hoist:id"]);
        account.boto.call(
            "lambda",
            "untag_resource",
            json!({"Resource": mapping["EventSourceMappingArn"], "TagKeys": keys}),
        );
    }
    account.deploy(&[]);
    let mut left = account.boto.triggers();
    nothing["roles"] = Value::Null;
    left["roles"] = Value::Null;
    let problem = same(&nothing, &left, "left");
    assert!(problem.is_none(), "{}", problem.unwrap());
}

#[test]
fn a_function_that_leaves_takes_all_its_triggers_along() {
    let cloud = Cloud::own("calm");
    let nothing = Account::new(&cloud);
    let stays =
        "service: moves\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n  stays: {handler: handler.handler}\n";
    nothing.project.write("serverless.yml", stays);
    nothing.project.deploy(&nothing.cloud);
    let account = Account::new(&cloud);
    account.deploy(ALL);
    account.project.write("serverless.yml", stays);
    account.project.deploy(&account.cloud);
    account.project.deploy(&account.cloud).says("nothing to do");
    let problem = same(&nothing.boto.triggers(), &account.boto.triggers(), "another function in its place");
    assert!(problem.is_none(), "{}", problem.unwrap());
    account.deploy(ALL);
    account.project.on(&account.cloud, ["remove", "--yes"]).success();
    nothing.project.on(&nothing.cloud, ["remove", "--yes"]).success();
    let problem = same(&nothing.boto.triggers(), &account.boto.triggers(), "removed");
    assert!(problem.is_none(), "{}", problem.unwrap());
}

/// What takes something away, one call of each.
const LEAVING: &[&str] = &[
    "cognito-idp.DeleteUserPool",
    "cognito-idp.UpdateUserPool",
    "elbv2.DeleteRule",
    "elbv2.DeleteTargetGroup",
    "events.DeleteRule",
    "events.RemoveTargets",
    "iot.DeleteProvisioningTemplate",
    "iot.DeleteTopicRule",
    "kinesis.DeregisterStreamConsumer",
    "lambda.DeleteEventSourceMapping",
    "lambda.RemovePermission",
    "logs.DeleteSubscriptionFilter",
    "s3.DeleteBucket",
    "s3.PutBucketNotificationConfiguration",
    "scheduler.DeleteSchedule",
    "sns.DeleteTopic",
    "sns.Unsubscribe",
    "sqs.SetQueueAttributes",
];

#[test]
fn a_run_that_was_killed_while_it_took_away_leaves_what_the_next_one_finds() {
    let cloud = Cloud::own("calm");
    let nothing = fresh(&cloud, &[]);
    let account = Account::new(&cloud);
    account.deploy(ALL);
    account.foreign_permission();
    let mut wrong = Vec::new();
    for write in LEAVING {
        account.deploy(ALL);
        account.write(&[]);
        let poised = account.project.poise(&account.cloud, ["deploy", "--yes"]);
        let trap =
            json!({"pid": poised.pid(), "call": 1, "when": "after", "match": write, "account": account.cloud.account});
        account.cloud.control("POST", "/_cloud/kill-at", Some(&trap));
        let killed = poised.go().wait_with_output().unwrap();
        assert_eq!(killed.status.code(), None, "{write} was never called");
        account.deploy(&[]);
        let mut left = account.boto.triggers();
        left["roles"] = nothing["roles"].clone();
        wrong.extend(same(&nothing, &left, &format!("killed after {write}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const TWO: &str = "
service: many
provider: {name: aws, runtime: python3.13}
functions:
  a: {handler: handler.handler, events: [{s3: {bucket: one-ACCOUNT, existing: true, rules: [{prefix: a/}]}}]}
  b: {handler: handler.handler, events: [{s3: {bucket: one-ACCOUNT, existing: true, rules: [{prefix: b/}]}}]}
  c: {handler: handler.handler, events: [{s3: {bucket: one-ACCOUNT, existing: true, rules: [{prefix: c/}]}}]}
";

#[test]
fn all_functions_on_one_bucket_take_one_write() {
    let cloud = Cloud::own("calm");
    let account = Account::new(&cloud);
    let config = TWO.replace("ACCOUNT", &account.cloud.account);
    let bucket = json!({"Bucket": format!("one-{}", account.cloud.account)});
    let entries = || {
        let found = account.boto.call("s3", "get_bucket_notification_configuration", bucket.clone());
        let of = |entry: &Value| {
            let prefix = entry.pointer("/Filter/Key/FilterRules/0/Value").and_then(Value::as_str).unwrap_or("");
            let function = entry["LambdaFunctionArn"].as_str().unwrap().rsplit(':').next().unwrap();
            format!("{function} {prefix}")
        };
        let mut all: Vec<String> = found["LambdaFunctionConfigurations"].as_array().unwrap().iter().map(of).collect();
        all.sort();
        all
    };
    let deploy = |config: &str, writes: usize| {
        account.project.write("serverless.yml", config);
        account.cloud.forget_calls();
        account.project.deploy(&account.cloud);
        let calls = account.cloud.own_calls();
        let written = calls.iter().filter(|call| call["operation"] == "PutBucketNotificationConfiguration").count();
        assert_eq!(written, writes, "{config}");
        account.project.deploy(&account.cloud).says("nothing to do");
        account.project.on(&account.cloud, ["diff", "--exit-code"]).success();
    };
    let stranger = "witness-dev-stands ";
    deploy(&config, 1);
    assert_eq!(entries(), ["many-dev-a a/", "many-dev-b b/", "many-dev-c c/", stranger]);
    // Every function changes something, and one more takes a place that another leaves.
    let changed = config
        .replace("prefix: a/", "prefix: d/")
        .replace("prefix: b/", "prefix: a/")
        .replace("prefix: c/", "prefix: e/");
    deploy(&changed, 1);
    assert_eq!(entries(), ["many-dev-a d/", "many-dev-b a/", "many-dev-c e/", stranger]);
    // The first leaves with its event, the second altogether.
    let fewer: String = changed.lines().filter(|line| !line.contains("  b:")).map(|line| format!("{line}\n")).collect();
    let fewer = fewer.replace(
        &format!(
            ", events: [{{s3: {{bucket: one-{}, existing: true, rules: [{{prefix: d/}}]}}}}]",
            account.cloud.account
        ),
        "",
    );
    deploy(&fewer, 1);
    assert_eq!(entries(), ["many-dev-c e/", stranger]);
    deploy(fewer.split("  c:").next().unwrap(), 1);
    assert_eq!(entries(), [stranger]);
    // Overlapping ones are found before the first call.
    account.project.write("serverless.yml", &config.replace("prefix: b/", "prefix: a/b/"));
    account.cloud.forget_calls();
    account
        .project
        .on(&account.cloud, ["deploy", "--yes"])
        .code(1)
        .says("overlapping-notifications")
        .says("functions.b.events[0].s3");
    assert_eq!(account.cloud.own_calls(), Vec::<Value>::new());
    account.project.write("serverless.yml", &config);
    account.project.deploy(&account.cloud);
    account.project.on(&account.cloud, ["remove", "--yes"]).success();
    assert_eq!(entries(), [stranger]);
}
