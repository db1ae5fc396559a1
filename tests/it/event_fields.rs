//! Every setting of every event can be set, and taken away again: read with an independent client, and nothing to do after
//! it.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

/// One setting: what is added to the event, where the look shows it, what it shows, and what once it is gone.
struct Field {
    yaml: &'static str,
    pointer: &'static str,
    set: Value,
    gone: Value,
}

fn field(yaml: &'static str, pointer: &'static str, set: Value, gone: Value) -> Field {
    Field { yaml, pointer, set, gone }
}

/// What is absent may be null, empty or missing: all the same to a user.
fn plain(shown: Option<&Value>) -> Value {
    match shown {
        Some(Value::String(text)) if text.is_empty() => Value::Null,
        Some(Value::Array(list)) if list.is_empty() => Value::Null,
        Some(Value::Object(map)) if map.is_empty() => Value::Null,
        Some(shown) => shown.clone(),
        None => Value::Null,
    }
}

/// A service in the account with real functions: its one function has one event.
struct Scene {
    cloud: Cloud,
    boto: Boto,
    /// Lines of the provider, beyond its name and runtime.
    provider: &'static str,
}

const NAME: &str = "set-dev-does";

impl Scene {
    fn new() -> Self {
        let cloud = Cloud::with_apis();
        let boto = cloud.boto();
        boto.call("sqs", "create_queue", json!({"QueueName": "lost"}));
        Self { cloud, boto, provider: "" }
    }

    fn config(&self, event: &str) -> String {
        format!(
            "service: set\nprovider:\n  name: aws\n  runtime: python3.13\n{}functions:\n  does:\n    handler: handler.handler\n    events:\n      - {event}\n",
            self.provider
        )
    }

    /// Sets each field of an event by itself and takes it away; `event` is open: `sqs: {arn: x`.
    #[track_caller]
    fn each(&self, event: &str, fields: &[Field], look: impl Fn(&Boto) -> Value) {
        let plain_event = format!("{event}}}");
        let project = Project::new(&self.config(&plain_event));
        project.deploy(&self.cloud);
        let mut wrong = Vec::new();
        for field in fields {
            for (text, expected) in
                [(format!("{event}, {}}}", field.yaml), &field.set), (plain_event.clone(), &field.gone)]
            {
                project.write("serverless.yml", &self.config(&text));
                let ran = project.on(&self.cloud, ["deploy", "--yes"]);
                if ran.code != 0 {
                    wrong.push(format!("{text}: {}", ran.said()));
                    continue;
                }
                let live = look(&self.boto);
                let shown = plain(live.pointer(field.pointer));
                if shown != *expected {
                    wrong.push(format!("{text}: {} is {shown} instead of {expected}", field.pointer));
                }
                let diff = project.on(&self.cloud, ["diff", "--exit-code"]);
                if diff.code != 0 {
                    wrong.push(format!("{text}: the diff says\n{}", diff.said()));
                }
            }
        }
        project.on(&self.cloud, ["remove", "--yes"]).success();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// The only item of a list, or null.
fn only(list: &Value) -> Value {
    let list = list.as_array().unwrap();
    assert!(list.len() <= 1, "{list:?}");
    list.first().cloned().unwrap_or_default()
}

fn mapping(boto: &Boto) -> Value {
    let all = boto.call("lambda", "list_event_source_mappings", json!({"FunctionName": NAME}));
    only(&all["EventSourceMappings"])
}

/// The first filter of a mapping as text.
const PATTERN: &str = "/FilterCriteria/Filters/0/Pattern";

/// What brokers and clusters share.
fn polled() -> Vec<Field> {
    vec![
        field("batchSize: 7", "/BatchSize", json!(7), json!(100)),
        field("enabled: false", "/State", json!("Disabled"), json!("Enabled")),
        field("filterPatterns: [{value: {a: [1]}}]", PATTERN, json!("{\"value\":{\"a\":[1]}}"), Value::Null),
    ]
}

#[test]
fn settings_of_queues() {
    let scene = Scene::new();
    scene.boto.call("sqs", "create_queue", json!({"QueueName": "jobs"}));
    let fields = [
        field("batchSize: 5", "/BatchSize", json!(5), json!(10)),
        field("enabled: false", "/State", json!("Disabled"), json!("Enabled")),
        field("maximumBatchingWindow: 9", "/MaximumBatchingWindowInSeconds", json!(9), json!(0)),
        field(
            "functionResponseType: ReportBatchItemFailures",
            "/FunctionResponseTypes",
            json!(["ReportBatchItemFailures"]),
            Value::Null,
        ),
        field("filterPatterns: [{body: {a: [1]}}]", PATTERN, json!("{\"body\":{\"a\":[1]}}"), Value::Null),
        field("maximumConcurrency: 4", "/ScalingConfig/MaximumConcurrency", json!(4), Value::Null),
    ];
    scene.each("sqs: {arn: 'arn:aws:sqs:us-east-1:123456789012:jobs'", &fields, mapping);
}

#[test]
fn settings_of_streams() {
    let scene = Scene::new();
    scene.boto.call("kinesis", "create_stream", json!({"StreamName": "flow", "ShardCount": 1}));
    let mut fields = vec![
        field("batchSize: 5", "/BatchSize", json!(5), json!(10)),
        field("enabled: false", "/State", json!("Disabled"), json!("Enabled")),
        field("batchWindow: 9", "/MaximumBatchingWindowInSeconds", json!(9), json!(0)),
        field("startingPosition: LATEST", "/StartingPosition", json!("LATEST"), json!("TRIM_HORIZON")),
        field(
            "startingPosition: AT_TIMESTAMP, startingPositionTimestamp: 1000000000",
            "/StartingPosition",
            json!("AT_TIMESTAMP"),
            json!("TRIM_HORIZON"),
        ),
        field("parallelizationFactor: 3", "/ParallelizationFactor", json!(3), json!(1)),
        field("maximumRetryAttempts: 2", "/MaximumRetryAttempts", json!(2), json!(-1)),
        field("bisectBatchOnFunctionError: true", "/BisectBatchOnFunctionError", json!(true), json!(false)),
        field("maximumRecordAgeInSeconds: 90", "/MaximumRecordAgeInSeconds", json!(90), json!(-1)),
        field("tumblingWindowInSeconds: 30", "/TumblingWindowInSeconds", json!(30), Value::Null),
        field(
            "functionResponseType: ReportBatchItemFailures",
            "/FunctionResponseTypes",
            json!(["ReportBatchItemFailures"]),
            Value::Null,
        ),
        field("filterPatterns: [{data: {a: [1]}}]", PATTERN, json!("{\"data\":{\"a\":[1]}}"), Value::Null),
        field(
            "destinations: {onFailure: 'arn:aws:sqs:us-east-1:123456789012:lost'}",
            "/DestinationConfig/OnFailure/Destination",
            json!("arn:aws:sqs:us-east-1:123456789012:lost"),
            Value::Null,
        ),
        field(
            "consumer: true",
            "/EventSourceArn",
            json!("consumer"),
            json!("arn:aws:kinesis:us-east-1:123456789012:stream/flow"),
        ),
    ];
    // The ARN of a consumer ends in the time at which it was made; its stream is what comes before.
    let look = |boto: &Boto| {
        let mut live = mapping(boto);
        if live["EventSourceArn"].as_str().unwrap().contains("stream/flow/consumer/doesflowConsumer:") {
            live["EventSourceArn"] = json!("consumer");
        }
        live
    };
    scene.each("stream: {arn: 'arn:aws:kinesis:us-east-1:123456789012:stream/flow'", &fields, look);
    let consumers = json!({"StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/flow"});
    assert_eq!(scene.boto.call("kinesis", "list_stream_consumers", consumers)["Consumers"], json!([]));

    // A table's stream has all of it but consumers and a point in time.
    let table = scene.boto.call(
        "dynamodb",
        "create_table",
        json!({"TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}}),
    );
    let arn = table["TableDescription"]["LatestStreamArn"].as_str().unwrap();
    fields.retain(|field| !field.yaml.contains("consumer") && !field.yaml.contains("AT_TIMESTAMP"));
    scene.each(&format!("stream: {{arn: '{arn}'"), &fields, mapping);
}

#[test]
fn settings_of_clusters() {
    let scene = Scene::new();
    let mut fields = polled();
    fields.extend([
        field("maximumBatchingWindow: 5", "/MaximumBatchingWindowInSeconds", json!(5), json!(0)),
        field("startingPosition: LATEST", "/StartingPosition", json!("LATEST"), json!("TRIM_HORIZON")),
        field(
            "startingPosition: AT_TIMESTAMP, startingPositionTimestamp: 1000000000",
            "/StartingPosition",
            json!("AT_TIMESTAMP"),
            json!("TRIM_HORIZON"),
        ),
        field("consumerGroupId: ours", "/Group", json!("ours"), json!("made up")),
        field(
            "provisionedPollerConfig: {minimumPollers: 2}",
            "/ProvisionedPollerConfig/MinimumPollers",
            json!(2),
            Value::Null,
        ),
        field(
            "provisionedPollerConfig: {maximumPollers: 9}",
            "/ProvisionedPollerConfig/MaximumPollers",
            json!(9),
            Value::Null,
        ),
    ]);
    // Lambda makes up a group where none is given: the id of the mapping.
    let look = |boto: &Boto| {
        let mut live = mapping(boto);
        let keys = ["AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"];
        let group = keys.iter().find_map(|key| live.get(key)?.get("ConsumerGroupId").cloned()).unwrap();
        live["Group"] = if group == live["UUID"] { json!("made up") } else { group };
        live
    };
    let msk = "msk: {arn: 'arn:aws:kafka:us-east-1:123456789012:cluster/orders/6a2a1c0e-8d4d-4f5b-9d6e-0c1b2a3d4e5f-1', topic: orders";
    scene.each(msk, &fields, look);
    fields.extend([
        field(
            "onFailureDestination: 'arn:aws:sqs:us-east-1:123456789012:lost'",
            "/DestinationConfig/OnFailure/Destination",
            json!("arn:aws:sqs:us-east-1:123456789012:lost"),
            Value::Null,
        ),
        field(
            "accessConfigurations: {saslScram512Auth: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:a'}",
            "/SourceAccessConfigurations/0/Type",
            json!("SASL_SCRAM_512_AUTH"),
            json!("VPC_SECURITY_GROUP"),
        ),
        field(
            "accessConfigurations: {serverRootCaCertificate: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:a'}",
            "/SourceAccessConfigurations/0/Type",
            json!("SERVER_ROOT_CA_CERTIFICATE"),
            json!("VPC_SECURITY_GROUP"),
        ),
    ]);
    let open = "kafka: {topic: orders, bootstrapServers: ['b.example.com:9092', 'a.example.com:9092']";
    let with_access = |field: &Field| field.yaml.starts_with("accessConfigurations");
    let (access, rest): (Vec<Field>, Vec<Field>) = fields.into_iter().partition(with_access);
    let within = "accessConfigurations: {vpcSubnet: subnet-12345678, vpcSecurityGroup: sg-12345678}";
    let group_first = |boto: &Boto| {
        let mut live = look(boto);
        live["SourceAccessConfigurations"].as_array_mut().unwrap().sort_by_key(|one| one["Type"].to_string());
        live
    };
    scene.each(&format!("{open}, {within}"), &rest, group_first);
    // What gives access is one setting: it is set anew as a whole.
    let project = Project::new(&scene.config(&format!("{open}, {within}}}")));
    for field in &access {
        for (text, expected) in [(field.yaml, &field.set), (within, &field.gone)] {
            project.write("serverless.yml", &scene.config(&format!("{open}, {text}}}")));
            project.deploy(&scene.cloud);
            assert_eq!(group_first(&scene.boto).pointer(field.pointer), Some(expected), "{text}");
            project.on(&scene.cloud, ["diff", "--exit-code"]).success();
        }
    }
    project.on(&scene.cloud, ["remove", "--yes"]).success();
    assert_eq!(mapping(&scene.boto), Value::Null);
}

#[test]
fn settings_of_brokers() {
    let scene = Scene::new();
    let mut fields = polled();
    fields.push(field("maximumBatchingWindow: 5", "/MaximumBatchingWindowInSeconds", json!(5), json!(0)));
    let secret = "basicAuthArn: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:a'";
    let broker = "arn:aws:mq:us-east-1:123456789012:broker:orders:b-1";
    scene.each(&format!("activemq: {{arn: '{broker}', queue: jobs, {secret}"), &fields, mapping);
    fields.push(field("virtualHost: /own", "/Host", json!("/own"), Value::Null));
    let look = |boto: &Boto| {
        let mut live = mapping(boto);
        let access = live["SourceAccessConfigurations"].as_array().unwrap();
        let host = access.iter().find(|one| one["Type"] == "VIRTUAL_HOST").map(|one| one["URI"].clone());
        live["Host"] = host.unwrap_or_default();
        live
    };
    scene.each(&format!("rabbitmq: {{arn: '{broker}', queue: jobs, {secret}"), &fields, look);
}

#[test]
fn settings_of_topics() {
    let scene = Scene::new();
    let topic = |name: &str| format!("arn:aws:sns:us-east-1:123456789012:{name}");
    scene.boto.call("sns", "create_topic", json!({"Name": "outside"}));
    let subscription = |name: &str| {
        let topic = topic(name);
        move |boto: &Boto| {
            let found = boto.call("sns", "list_subscriptions_by_topic", json!({"TopicArn": topic}));
            let arn = json!({"SubscriptionArn": only(&found["Subscriptions"])["SubscriptionArn"]});
            let mut live = boto.call("sns", "get_subscription_attributes", arn)["Attributes"].clone();
            for key in ["FilterPolicy", "RedrivePolicy"] {
                live[key] = live[key].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            }
            // Without a filter its scope means nothing.
            if plain(live.get("FilterPolicy")) == Value::Null {
                live["FilterPolicyScope"] = Value::Null;
            }
            live
        }
    };
    let fields = [
        field("filterPolicy: {kind: [a]}", "/FilterPolicy/kind", json!(["a"]), Value::Null),
        field(
            "filterPolicy: {kind: [a]}, filterPolicyScope: MessageBody",
            "/FilterPolicyScope",
            json!("MessageBody"),
            Value::Null,
        ),
        field(
            "redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:123456789012:lost'}",
            "/RedrivePolicy/deadLetterTargetArn",
            json!("arn:aws:sqs:us-east-1:123456789012:lost"),
            Value::Null,
        ),
    ];
    scene.each("sns: {arn: 'arn:aws:sns:us-east-1:123456789012:outside'", &fields, subscription("outside"));
    scene.each("sns: {topicName: made", &fields, subscription("made"));
    let of_topic = [
        field("displayName: Shop", "/DisplayName", json!("Shop"), Value::Null),
        field("kmsMasterKeyId: alias/aws/sns", "/KmsMasterKeyId", json!("alias/aws/sns"), Value::Null),
    ];
    let arn = topic("made");
    let look =
        move |boto: &Boto| boto.call("sns", "get_topic_attributes", json!({"TopicArn": arn}))["Attributes"].clone();
    scene.each("sns: {topicName: made", &of_topic, look);
}

/// The only rule of a bus, with its only target.
fn rule(boto: &Boto, bus: &str) -> Value {
    let rules = boto.call("events", "list_rules", json!({"EventBusName": bus}));
    let mut rule = only(&rules["Rules"]);
    let named = json!({"Rule": rule["Name"], "EventBusName": bus});
    rule["Target"] = only(&boto.call("events", "list_targets_by_rule", named)["Targets"]);
    rule
}

/// How what a rule hands on is made.
fn inputs() -> Vec<Field> {
    vec![
        field("input: {a: 1}", "/Target/Input", json!("{\"a\":1}"), Value::Null),
        field("inputPath: $.detail", "/Target/InputPath", json!("$.detail"), Value::Null),
        field(
            "inputTransformer: {inputPathsMap: {x: $.id}, inputTemplate: '{\"x\": <x>}'}",
            "/Target/InputTransformer",
            json!({"InputPathsMap": {"x": "$.id"}, "InputTemplate": "{\"x\": <x>}"}),
            Value::Null,
        ),
        field("enabled: false", "/State", json!("DISABLED"), json!("ENABLED")),
        field("description: says so", "/Description", json!("says so"), Value::Null),
    ]
}

#[test]
fn settings_of_rules() {
    let scene = Scene::new();
    let look = |boto: &Boto| rule(boto, "default");
    let mut fields = inputs();
    fields.push(field("name: given", "/Name", json!("given"), json!("set-dev-DoesEventsRuleCloudWatchEvent1")));
    scene.each("cloudwatchEvent: {event: {source: [a]}", &fields, look);
    fields.pop();
    fields.push(field("name: given", "/Name", json!("given"), json!("set-dev-DoesEventsRuleSchedule1")));
    scene.each("schedule: {rate: rate(1 hour)", &fields, look);
    fields.pop();
    fields.extend([
        field("name: given", "/Name", json!("given"), json!("set-dev-does-rule-1")),
        field(
            "retryPolicy: {maximumEventAge: 90}",
            "/Target/RetryPolicy/MaximumEventAgeInSeconds",
            json!(90),
            Value::Null,
        ),
        field(
            "retryPolicy: {maximumRetryAttempts: 3}",
            "/Target/RetryPolicy/MaximumRetryAttempts",
            json!(3),
            Value::Null,
        ),
        field(
            "deadLetterQueueArn: 'arn:aws:sqs:us-east-1:123456789012:lost'",
            "/Target/DeadLetterConfig/Arn",
            json!("arn:aws:sqs:us-east-1:123456789012:lost"),
            Value::Null,
        ),
    ]);
    scene.each("eventBridge: {schedule: rate(1 hour)", &fields, look);
    fields.push(field("schedule: rate(1 hour)", "/ScheduleExpression", json!("rate(1 hour)"), Value::Null));
    scene.each("eventBridge: {pattern: {source: [a]}", &fields, look);
    fields.pop();
    scene.each("eventBridge: {eventBus: own, pattern: {source: [a]}", &fields, |boto| rule(boto, "own"));
}

#[test]
fn settings_of_schedules() {
    let scene = Scene::new();
    let role = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": ["scheduler.amazonaws.com", "lambda.amazonaws.com"]}}]});
    scene.boto.call("iam", "create_role", json!({"RoleName": "ticks", "AssumeRolePolicyDocument": role.to_string()}));
    scene.boto.call("scheduler", "create_schedule_group", json!({"Name": "group"}));
    let look = |boto: &Boto| {
        let all = boto.call("scheduler", "list_schedules", json!({}));
        let one = only(&all["Schedules"]);
        let named = json!({"Name": one["Name"], "GroupName": one["GroupName"]});
        let mut live = boto.call("scheduler", "get_schedule", named);
        let role = live["Target"]["RoleArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        live["Role"] = json!(role);
        live
    };
    let fields = [
        field("input: {a: 1}", "/Target/Input", json!("{\"a\":1}"), Value::Null),
        field("input: {body: '{\"a\": 1}'}", "/Target/Input", json!("{\"body\":{\"a\":1}}"), Value::Null),
        field("input: just text", "/Target/Input", json!("just text"), Value::Null),
        field("enabled: false", "/State", json!("DISABLED"), json!("ENABLED")),
        field("description: says so", "/Description", json!("says so"), Value::Null),
        field("timezone: Europe/Berlin", "/ScheduleExpressionTimezone", json!("Europe/Berlin"), json!("UTC")),
        field("name: given", "/Name", json!("given"), json!("set-dev-DoesSchedulerSchedule1")),
        field("groupName: group", "/GroupName", json!("group"), json!("default")),
        field(
            "roleArn: 'arn:aws:iam::123456789012:role/ticks'",
            "/Role",
            json!("ticks"),
            json!("set-dev-us-east-1-lambdaRole"),
        ),
    ];
    scene.each("schedule: {rate: rate(1 hour), method: scheduler", &fields, look);
}

#[test]
fn settings_of_log_groups() {
    let scene = Scene::new();
    scene.boto.call("logs", "create_log_group", json!({"logGroupName": "/outside/group"}));
    let look = |boto: &Boto| {
        let found = boto.call("logs", "describe_subscription_filters", json!({"logGroupName": "/outside/group"}));
        only(&found["subscriptionFilters"])
    };
    let fields = [field("filter: '{$.x = 1}'", "/filterPattern", json!("{$.x = 1}"), Value::Null)];
    scene.each("cloudwatchLog: {logGroup: /outside/group", &fields, look);
}

#[test]
fn settings_of_buckets() {
    let scene = Scene::new();
    scene.boto.call("s3", "create_bucket", json!({"Bucket": "there"}));
    let look = |bucket: &'static str| {
        move |boto: &Boto| {
            let found = boto.call("s3", "get_bucket_notification_configuration", json!({"Bucket": bucket}));
            let mut live = only(&found["LambdaFunctionConfigurations"]);
            let rules = live.pointer("/Filter/Key/FilterRules").and_then(Value::as_array).cloned().unwrap_or_default();
            for rule in rules {
                let name = rule["Name"].as_str().unwrap().to_lowercase();
                live[name] = rule["Value"].clone();
            }
            live
        }
    };
    let fields = [
        field("event: 's3:ObjectRemoved:*'", "/Events/0", json!("s3:ObjectRemoved:*"), json!("s3:ObjectCreated:*")),
        field("rules: [{prefix: in/}]", "/prefix", json!("in/"), Value::Null),
        field("rules: [{suffix: .jpg}]", "/suffix", json!(".jpg"), Value::Null),
    ];
    scene.each("s3: {bucket: there, existing: true", &fields, look("there"));
    scene.each("s3: {bucket: made-by-set", &fields, look("made-by-set"));
}

#[test]
fn settings_of_devices() {
    let scene = Scene::new();
    let look = |boto: &Boto| {
        let rules = boto.call("iot", "list_topic_rules", json!({}));
        let named = json!({"ruleName": only(&rules["rules"])["ruleName"]});
        boto.call("iot", "get_topic_rule", named)["rule"].clone()
    };
    let fields = [
        field("description: says so", "/description", json!("says so"), Value::Null),
        field("enabled: false", "/ruleDisabled", json!(true), json!(false)),
        field("sqlVersion: '2016-03-23'", "/awsIotSqlVersion", json!("2016-03-23"), json!("2015-10-08")),
        field("name: given", "/ruleName", json!("given"), json!("set_dev_DoesIotTopicRule1")),
    ];
    scene.each("iot: {sql: \"SELECT * FROM 'a'\"", &fields, look);
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "iot.amazonaws.com"}}]});
    scene.boto.call("iam", "create_role", json!({"RoleName": "fleet", "AssumeRolePolicyDocument": trust.to_string()}));
    let look = |boto: &Boto| {
        let all = boto.call("iot", "list_provisioning_templates", json!({}));
        let name = only(&all["templates"])["templateName"].clone();
        let mut live = boto.call("iot", "describe_provisioning_template", json!({"templateName": name}));
        live["generated"] = json!(name.as_str().unwrap().starts_with("set-dev-Does"));
        live
    };
    let fields = [
        field("enabled: false", "/enabled", json!(false), json!(true)),
        field("templateName: given", "/generated", json!(false), json!(true)),
    ];
    let body = "templateBody: {Parameters: {S: {Type: String}}, Resources: {c: {Type: 'AWS::IoT::Certificate', Properties: {CertificateId: {Ref: 'AWS::IoT::Certificate::Id'}, Status: Active}}}}";
    scene.each(
        &format!("iotFleetProvisioning: {{provisioningRoleArn: 'arn:aws:iam::123456789012:role/fleet', {body}"),
        &fields,
        look,
    );
}

#[test]
fn settings_of_alexa() {
    let scene = Scene::new();
    let statements = |boto: &Boto| {
        let policy = boto.try_call("lambda", "get_policy", json!({"FunctionName": NAME}));
        let policy: Value = policy.map_or(json!({"Statement": []}), |policy| {
            serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap()
        });
        json!({"statement": only(&policy["Statement"])})
    };
    // Not enabled: Alexa may not call.
    let may = "/statement/Action";
    let (yes, no) = (json!("lambda:InvokeFunction"), json!("lambda:DisableInvokeFunction"));
    let fields = [field("enabled: false", may, no.clone(), yes.clone())];
    scene.each("alexaSkill: {appId: amzn1.ask.skill.1", &fields, statements);
    let token = "/statement/Condition/StringEquals/lambda:EventSourceToken";
    let another = [field("appId: amzn1.ask.skill.2", token, json!("amzn1.ask.skill.2"), json!("amzn1.ask.skill.1"))];
    let project = Project::new(&scene.config("alexaSkill: amzn1.ask.skill.1"));
    for field in &another {
        for (skill, expected) in [("1", &field.gone), ("2", &field.set), ("1", &field.gone)] {
            project.write("serverless.yml", &scene.config(&format!("alexaSkill: amzn1.ask.skill.{skill}")));
            project.deploy(&scene.cloud);
            assert_eq!(statements(&scene.boto).pointer(field.pointer), Some(expected));
            project.on(&scene.cloud, ["diff", "--exit-code"]).success();
        }
    }
    project.on(&scene.cloud, ["remove", "--yes"]).success();
    let fields = [field("enabled: false", may, no, yes)];
    scene.each("alexaSmartHome: {appId: amzn1.ask.skill.1", &fields, statements);
}

#[test]
fn settings_of_load_balancers() {
    let mut scene = Scene::new();
    scene.provider = "  alb: {authorizers: {users: {type: cognito, userPoolArn: 'arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a', userPoolClientId: c, userPoolDomain: d}, others: {type: oidc, authorizationEndpoint: 'https://a.example.com/a', clientId: i, clientSecret: s, issuer: 'https://a.example.com', tokenEndpoint: 'https://a.example.com/t', userInfoEndpoint: 'https://a.example.com/u'}}}\n";
    let made = json!({"Name": "front", "Subnets": ["subnet-1", "subnet-2"]});
    let balancer =
        scene.boto.call("elbv2", "create_load_balancer", made)["LoadBalancers"][0]["LoadBalancerArn"].clone();
    let otherwise = json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}});
    let listener = json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [otherwise]});
    let listener = scene.boto.call("elbv2", "create_listener", listener)["Listeners"][0]["ListenerArn"].clone();
    let rule = |boto: &Boto| {
        let rules = boto.call("elbv2", "describe_rules", json!({"ListenerArn": listener}))["Rules"].clone();
        let rules: Vec<Value> =
            rules.as_array().unwrap().iter().filter(|one| one["Priority"] != "default").cloned().collect();
        let mut live = only(&json!(rules));
        for condition in live["Conditions"].as_array().unwrap().clone() {
            live[condition["Field"].as_str().unwrap()] = condition.clone();
        }
        let group = only(&boto.call("elbv2", "describe_target_groups", json!({}))["TargetGroups"]);
        let arn = json!({"TargetGroupArn": group["TargetGroupArn"]});
        let attributes = boto.call("elbv2", "describe_target_group_attributes", arn)["Attributes"].clone();
        for attribute in attributes.as_array().unwrap() {
            live[attribute["Key"].as_str().unwrap()] = attribute["Value"].clone();
        }
        live["generated"] = json!(group["TargetGroupName"] != "given");
        live["group"] = group;
        live
    };
    let open = format!("alb: {{listenerArn: {listener}, ");
    let in_place = [
        field("multiValueHeaders: true", "/lambda.multi_value_headers.enabled", json!("true"), Value::Null),
        field("targetGroupName: given", "/generated", json!(false), json!(true)),
        field("authorizer: [users]", "/Actions/0/Type", json!("authenticate-cognito"), json!("forward")),
        field("authorizer: [others]", "/Actions/0/Type", json!("authenticate-oidc"), json!("forward")),
        field("healthCheck: true", "/group/HealthCheckEnabled", json!(true), json!(false)),
    ];
    scene.each(&format!("{open}priority: 5, conditions: {{path: /a}}"), &in_place, rule);
    // What is said of a health check is taken away, and the check stays.
    let checks = [
        ("path: /up", "HealthCheckPath", json!("/up"), json!("/")),
        ("intervalSeconds: 77", "HealthCheckIntervalSeconds", json!(77), json!(35)),
        ("timeoutSeconds: 11", "HealthCheckTimeoutSeconds", json!(11), json!(30)),
        ("healthyThresholdCount: 3", "HealthyThresholdCount", json!(3), json!(5)),
        ("unhealthyThresholdCount: 3", "UnhealthyThresholdCount", json!(3), json!(5)),
        ("matcher: {httpCode: 200-299}", "Matcher/HttpCode", json!("200-299"), json!("200")),
    ];
    let project = Project::new("");
    for (key, place, set, gone) in &checks {
        for (check, expected) in [(format!("{{{key}}}"), set), ("true".to_owned(), gone)] {
            let event = format!("{open}priority: 5, conditions: {{path: /a}}, healthCheck: {check}}}");
            project.write("serverless.yml", &scene.config(&event));
            project.deploy(&scene.cloud);
            assert_eq!(rule(&scene.boto).pointer(&format!("/group/{place}")), Some(expected), "{event}");
            project.on(&scene.cloud, ["diff", "--exit-code"]).success();
        }
    }
    // Conditions stand in a map of their own, and the priority is always there: changed from one to another.
    let conditions = [
        ("priority: 5, conditions: {path: /a}", "/Priority", json!("5")),
        ("priority: 6, conditions: {path: /a}", "/Priority", json!("6")),
        ("priority: 6, conditions: {path: [/b, /c]}", "/path-pattern/PathPatternConfig/Values", json!(["/b", "/c"])),
        (
            "priority: 6, conditions: {path: /a, method: GET}",
            "/http-request-method/HttpRequestMethodConfig/Values",
            json!(["GET"]),
        ),
        (
            "priority: 6, conditions: {path: /a, host: a.example.com}",
            "/host-header/HostHeaderConfig/Values",
            json!(["a.example.com"]),
        ),
        (
            "priority: 6, conditions: {path: /a, header: {name: X-A, values: [b]}}",
            "/http-header/HttpHeaderConfig",
            json!({"HttpHeaderName": "X-A", "Values": ["b"]}),
        ),
        (
            "priority: 6, conditions: {path: /a, query: {q: '1'}}",
            "/query-string/QueryStringConfig/Values",
            json!([{"Key": "q", "Value": "1"}]),
        ),
        (
            "priority: 6, conditions: {path: /a, ip: 10.0.0.0/8}",
            "/source-ip/SourceIpConfig/Values",
            json!(["10.0.0.0/8"]),
        ),
        ("priority: 6, conditions: {path: /a}", "/source-ip", Value::Null),
    ];
    for (text, pointer, expected) in conditions {
        project.write("serverless.yml", &scene.config(&format!("{open}{text}}}")));
        project.deploy(&scene.cloud);
        let live = rule(&scene.boto);
        assert_eq!(plain(live.pointer(pointer)), expected, "{text}: {live}");
        project.on(&scene.cloud, ["diff", "--exit-code"]).success();
    }
    project.on(&scene.cloud, ["remove", "--yes"]).success();
}

#[test]
fn settings_of_user_pools() {
    let scene = Scene::new();
    scene.boto.call("cognito-idp", "create_user_pool", json!({"PoolName": "there"}));
    let look = |name: &'static str| {
        move |boto: &Boto| {
            let found = boto.call("cognito-idp", "list_user_pools", json!({"MaxResults": 60}));
            let all = found["UserPools"].as_array().unwrap();
            let pool = all.iter().find(|pool| pool["Name"] == name).unwrap();
            boto.call("cognito-idp", "describe_user_pool", json!({"UserPoolId": pool["Id"]}))["UserPool"].clone()
        }
    };
    let version = [field(
        "lambdaVersion: V2_0",
        "/LambdaConfig/PreTokenGenerationConfig/LambdaVersion",
        json!("V2_0"),
        Value::Null,
    )];
    scene.each("cognitoUserPool: {pool: there, existing: true, trigger: PreTokenGeneration", &version, look("there"));
    scene.each("cognitoUserPool: {pool: made, trigger: PreTokenGeneration", &version, look("made"));
    for existing in ["there, existing: true", "made"] {
        let name = if existing == "made" { "made" } else { "there" };
        let project = Project::new("");
        // Each trigger in place of the one before.
        let triggers = [
            "PreSignUp",
            "PostConfirmation",
            "PreAuthentication",
            "PostAuthentication",
            "PreTokenGeneration",
            "CustomMessage",
            "DefineAuthChallenge",
            "CreateAuthChallenge",
            "VerifyAuthChallengeResponse",
            "UserMigration",
            "CustomSMSSender",
            "CustomEmailSender",
        ];
        for (number, trigger) in triggers.iter().enumerate() {
            let key = format!("arn:aws:kms:us-east-1:123456789012:key/{number}");
            let kms = if trigger.ends_with("Sender") { format!(", kmsKeyId: '{key}'") } else { String::new() };
            project.write(
                "serverless.yml",
                &scene.config(&format!("cognitoUserPool: {{pool: {existing}, trigger: {trigger}{kms}}}")),
            );
            project.deploy(&scene.cloud);
            let live = look(name)(&scene.boto)["LambdaConfig"].clone();
            let mut keys: Vec<&String> = live.as_object().unwrap().keys().filter(|key| *key != "KMSKeyID").collect();
            keys.sort();
            assert_eq!(keys, [trigger], "{live}");
            if !kms.is_empty() {
                assert_eq!(live["KMSKeyID"], json!(key));
            }
            project.on(&scene.cloud, ["diff", "--exit-code"]).success();
        }
        project.on(&scene.cloud, ["remove", "--yes"]).success();
    }
}

#[test]
fn settings_at_the_edge() {
    let scene = Scene::new();
    let look = |boto: &Boto| {
        let listed = boto.call("cloudfront", "list_distributions", json!({}));
        let one = only(&listed["DistributionList"]["Items"]);
        let found = boto.call("cloudfront", "get_distribution", json!({"Id": one["Id"]}));
        found["Distribution"]["DistributionConfig"].clone()
    };
    let associated = "/DefaultCacheBehavior/LambdaFunctionAssociations/Items/0";
    let body: &'static str = Box::leak(format!("{associated}/IncludeBody").into_boxed_str());
    let fields = [
        field("includeBody: true", body, json!(true), Value::Null),
        field("behavior: {Compress: true}", "/DefaultCacheBehavior/Compress", json!(true), json!(false)),
        field(
            "behavior: {ViewerProtocolPolicy: https-only}",
            "/DefaultCacheBehavior/ViewerProtocolPolicy",
            json!("https-only"),
            json!("allow-all"),
        ),
        field(
            "cachePolicy: {id: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad}",
            "/DefaultCacheBehavior/CachePolicyId",
            json!("4135ea2d-6df8-44a3-9df3-4b5a84be39ad"),
            json!("658327ea-f89d-4fab-a63d-7e88639e58f6"),
        ),
        field("pathPattern: /img/*", "/CacheBehaviors/Items/0/PathPattern", json!("/img/*"), Value::Null),
    ];
    scene.each("cloudFront: {eventType: origin-request, origin: 'https://www.example.com'", &fields, look);
}
