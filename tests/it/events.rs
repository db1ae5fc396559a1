//! Real messages: each source is deployed, fires, is changed, and is silent once it left the file. A foreign function
//! on the same topic, bucket, queue and log group hears everything throughout.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const ACCOUNT: &str = "123456789012";
const SAYS: &str = "import json\ndef handler(event, context):\n    print('heard', json.dumps(event))\n    return {}\n";
const WITNESS: &str = "
service: witness
provider: {name: aws, runtime: python3.13}
functions:
  stands:
    handler: handler.handler
";

/// The foreign function: it stands beside the service and hears what the service hears.
fn witness(cloud: &Cloud, boto: &Boto) -> String {
    Project::new(WITNESS).file("handler.py", SAYS).deploy(cloud);
    for service in ["sns", "s3", "logs", "events"] {
        let permission = json!({"FunctionName": "witness-dev-stands", "StatementId": format!("own-{service}"),
            "Action": "lambda:InvokeFunction", "Principal": format!("{service}.amazonaws.com")});
        boto.call("lambda", "add_permission", permission);
    }
    format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:witness-dev-stands")
}

#[track_caller]
fn settled(project: &Project, cloud: &Cloud) {
    project.deploy(cloud).says("nothing to do");
    project.on(cloud, ["diff", "--exit-code"]).success().says("nothing to do");
}

/// Deploys, and the second time there is nothing to do.
#[track_caller]
fn settles(project: &Project, cloud: &Cloud) {
    project.deploy(cloud);
    settled(project, cloud);
}

fn count(boto: &Boto, service: &str, operation: &str, parameters: Value, list: &str) -> usize {
    boto.call(service, operation, parameters)[list].as_array().map_or(0, Vec::len)
}

const PUSHED: &str = "
service: push
provider: {name: aws, runtime: python3.13}
functions:
  orders:
    handler: handler.handler
    events:
      - sns: alerts
      - sns: {topicName: filtered, filterPolicy: {kind: [a]}}
      - sns: arn:aws:sns:us-east-1:123456789012:outside
      - eventBridge: {pattern: {source: [shop.orders]}}
      - eventBridge: {eventBus: own-bus, pattern: {source: [bus.orders]}, inputTransformer: {inputPathsMap: {x: $.detail.x}, inputTemplate: '{\"x\": <x>}'}}
      - cloudwatchEvent: {event: {source: [shop.bills]}}
      - cloudwatchLog: /outside/group
      - s3: {bucket: made-by-push, rules: [{prefix: in/}, {suffix: .txt}]}
      - s3: {bucket: outside-bucket, existing: true, rules: [{prefix: up/}]}
";

/// Sends one message to every source; what names it is the number of the round.
fn send_all(boto: &Boto, round: &str, prefix: &str, kind: &str) {
    let publish = |topic: &str| {
        let message = json!({"TopicArn": format!("arn:aws:sns:us-east-1:{ACCOUNT}:{topic}"), "Message": format!("{topic}-{round}"),
            "MessageAttributes": {"kind": {"DataType": "String", "StringValue": kind}}});
        boto.try_call("sns", "publish", message)
    };
    let put = |bucket: &str, prefix: &str| {
        let object = json!({"Bucket": bucket, "Key": format!("{prefix}/{bucket}-{round}.txt"), "Body": "x"});
        boto.try_call("s3", "put_object", object)
    };
    let tell = |bus: &str, source: &str| {
        let event = json!({"Source": source, "DetailType": "x", "Detail": json!({"x": format!("{source}-{round}")}).to_string(), "EventBusName": bus});
        boto.try_call("events", "put_events", json!({"Entries": [event]}))
    };
    // What the service made may be gone by the last round; what stands outside is not.
    let _ = (publish("alerts"), publish("filtered"), put("made-by-push", prefix), tell("own-bus", "bus.orders"));
    publish("outside").unwrap();
    put("outside-bucket", "up").unwrap();
    for source in ["shop.orders", "shop.bills"] {
        tell("default", source).unwrap();
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    boto.call("logs", "create_log_stream", json!({"logGroupName": "/outside/group", "logStreamName": round}));
    let lines = json!([{"timestamp": now, "message": round}]);
    let lines = json!({"logGroupName": "/outside/group", "logStreamName": round, "logEvents": lines});
    boto.call("logs", "put_log_events", lines);
}

#[test]
fn pushed_events_fire_change_and_fall_silent() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let stranger = witness(&cloud, &boto);
    let outside = format!("arn:aws:sns:us-east-1:{ACCOUNT}:outside");
    boto.call("sns", "create_topic", json!({"Name": "outside"}));
    boto.call("sns", "subscribe", json!({"TopicArn": outside, "Protocol": "lambda", "Endpoint": stranger}));
    boto.call("s3", "create_bucket", json!({"Bucket": "outside-bucket"}));
    let entry = json!({"Id": "strangers", "LambdaFunctionArn": stranger, "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "theirs/"}]}}});
    let document = json!({"LambdaFunctionConfigurations": [entry]});
    boto.call(
        "s3",
        "put_bucket_notification_configuration",
        json!({"Bucket": "outside-bucket", "NotificationConfiguration": document}),
    );
    boto.call("logs", "create_log_group", json!({"logGroupName": "/outside/group"}));
    let filter = json!({"logGroupName": "/outside/group", "filterName": "strangers", "filterPattern": "", "destinationArn": stranger});
    boto.call("logs", "put_subscription_filter", filter);

    let project = Project::new(PUSHED).file("handler.py", SAYS);
    settles(&project, &cloud);
    let foreign = json!({"FunctionName": "push-dev-orders", "StatementId": "strangers", "Action": "lambda:InvokeFunction",
        "Principal": "sns.amazonaws.com", "SourceArn": outside});
    boto.call("lambda", "add_permission", foreign);

    let orders = "push-dev-orders";
    let all = |round: &str| -> Vec<String> {
        let names = [
            "alerts",
            "filtered",
            "outside",
            "made-by-push",
            "outside-bucket",
            "shop.orders",
            "shop.bills",
            "bus.orders",
        ];
        names.iter().map(|name| format!("{name}-{round}")).collect()
    };
    send_all(&boto, "first", "in", "a");
    for text in all("first").iter().map(String::as_str).chain(["awslogs"]) {
        assert!(boto.hears(orders, text), "{text} was not heard");
    }
    assert!(boto.heard(orders, "{\"x\": \"bus.orders-first\"}"), "the transformer was at work");

    let changed = PUSHED
        .replace("kind: [a]", "kind: [b]")
        .replace("prefix: in/", "prefix: inbox/")
        .replace("prefix: up/", "prefix: up/o")
        .replace("source: [shop.bills]", "source: [shop.bills, shop.more]")
        .replace("cloudwatchLog: /outside/group", "cloudwatchLog: {logGroup: /outside/group, filter: '{$.x = 1}'}");
    project.write("serverless.yml", &changed);
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    for name in ["OrdersSnsSubscriptionFiltered", "S3BucketMadebypush", "OrdersCustomS31", "CloudWatchLog1"] {
        assert!(diff.stdout.contains(name), "{name} is not in\n{}", diff.stdout);
    }
    assert!(!diff.stdout.contains("SNSTopicAlerts"), "{}", diff.stdout);
    settles(&project, &cloud);
    send_all(&boto, "second", "in", "a");
    assert!(boto.hears(orders, "alerts-second") && boto.hears(orders, "outside-bucket-second"));
    assert!(boto.hears("witness-dev-stands", "outside-second"));
    send_all(&boto, "third", "inbox", "b");
    for text in all("third") {
        assert!(boto.hears(orders, &text), "{text} was not heard");
    }
    for text in ["filtered-second", "made-by-push-second"] {
        assert!(!boto.heard(orders, text), "{text} was heard");
    }

    project.write("serverless.yml", PUSHED.split("    events:").next().unwrap());
    settles(&project, &cloud);
    send_all(&boto, "last", "inbox", "b");
    assert!(boto.hears("witness-dev-stands", "outside-last"), "the stranger still hears");
    for text in all("last") {
        assert!(!boto.heard(orders, &text), "{text} was heard");
    }
    let policy = boto.call("lambda", "get_policy", json!({"FunctionName": orders}));
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert!(statements.len() == 1 && statements[0]["Sid"] == "strangers", "{policy}");
    assert_eq!(count(&boto, "sns", "list_topics", json!({}), "Topics"), 1);
    assert_eq!(count(&boto, "sns", "list_subscriptions", json!({}), "Subscriptions"), 1);
    assert_eq!(count(&boto, "events", "list_rules", json!({}), "Rules"), 0);
    assert_eq!(count(&boto, "events", "list_event_buses", json!({}), "EventBuses"), 1);
    let filters = boto.call("logs", "describe_subscription_filters", json!({"logGroupName": "/outside/group"}));
    assert_eq!(filters["subscriptionFilters"][0]["filterName"], "strangers");
    assert_eq!(filters["subscriptionFilters"].as_array().unwrap().len(), 1);
    let document = boto.call("s3", "get_bucket_notification_configuration", json!({"Bucket": "outside-bucket"}));
    let entries = document["LambdaFunctionConfigurations"].as_array().unwrap();
    assert!(entries.len() == 1 && entries[0]["Id"] == "strangers", "{document}");

    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function(orders).is_none());
    assert!(boto.function("witness-dev-stands").is_some());
}

const POLLED: &str = "
service: poll
provider: {name: aws, runtime: python3.13}
functions:
  eats:
    handler: handler.handler
    events:
      - stream: {type: dynamodb, arn: 'TABLE', batchSize: 10, filterPatterns: [{eventName: [INSERT]}]}
      - sqs: arn:aws:sqs:us-east-1:123456789012:jobs
      - stream: {arn: 'arn:aws:kinesis:us-east-1:123456789012:stream/flow', functionResponseType: ReportBatchItemFailures}
      - stream: {arn: 'arn:aws:kinesis:us-east-1:123456789012:stream/fan', consumer: true}
";

#[test]
fn polled_sources_fire_change_and_fall_silent() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let queue = boto.call("sqs", "create_queue", json!({"QueueName": "jobs"}))["QueueUrl"].clone();
    for stream in ["flow", "fan"] {
        boto.call("kinesis", "create_stream", json!({"StreamName": stream, "ShardCount": 1}));
    }
    let fan = format!("arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/fan");
    boto.call("kinesis", "register_stream_consumer", json!({"StreamARN": fan, "ConsumerName": "strangers"}));
    let table = boto.call(
        "dynamodb",
        "create_table",
        json!({"TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}}),
    );
    let config = POLLED.replace("TABLE", table["TableDescription"]["LatestStreamArn"].as_str().unwrap());
    let project = Project::new(&config).file("handler.py", SAYS);
    settles(&project, &cloud);

    let send = |text: &str| {
        boto.call("sqs", "send_message", json!({"QueueUrl": queue, "MessageBody": format!("sqs-{text}")}));
        boto.call("dynamodb", "put_item", json!({"TableName": "table", "Item": {"id": {"S": format!("row-{text}")}}}));
        for stream in ["flow", "fan"] {
            let record = json!({"StreamName": stream, "Data": text, "PartitionKey": format!("{stream}-{text}")});
            boto.call("kinesis", "put_record", record);
        }
    };
    send("first");
    for text in ["sqs-first", "row-first", "flow-first", "fan-first"] {
        assert!(boto.hears("poll-dev-eats", text), "{text} was not heard");
    }
    let consumers = || {
        let found = boto.call("kinesis", "list_stream_consumers", json!({"StreamARN": fan}))["Consumers"].clone();
        let names = found.as_array().unwrap().iter().map(|one| one["ConsumerName"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(consumers(), ["strangers", "eatsfanConsumer"]);

    let mappings = || {
        let found = boto.call("lambda", "list_event_source_mappings", json!({"FunctionName": "poll-dev-eats"}));
        found["EventSourceMappings"].as_array().unwrap().clone()
    };
    let ids = |found: &[Value]| -> Vec<String> {
        let mut ids: Vec<String> = found.iter().map(|one| one["UUID"].to_string()).collect();
        ids.sort();
        ids
    };
    let before = ids(&mappings());
    assert_eq!(before.len(), 4);
    let changed = config
        .replace("batchSize: 10, filterPatterns: [{eventName: [INSERT]}]", "batchSize: 20")
        .replace(
            "sqs: arn:aws:sqs:us-east-1:123456789012:jobs",
            "sqs: {arn: 'arn:aws:sqs:us-east-1:123456789012:jobs', enabled: false, batchSize: 5}",
        )
        .replace(", functionResponseType: ReportBatchItemFailures", "");
    project.write("serverless.yml", &changed);
    project.on(&cloud, ["diff", "--exit-code"]).code(2).says("BatchSize: 10 → 20");
    settles(&project, &cloud);
    let after = mappings();
    assert_eq!(ids(&after), before, "changed in place");
    let of = |service: &str| {
        let is_it = |one: &&Value| one["EventSourceArn"].as_str().unwrap().contains(&format!(":{service}:"));
        after.iter().find(is_it).unwrap().clone()
    };
    assert_eq!(of("dynamodb")["BatchSize"], 20);
    let filters = of("dynamodb")["FilterCriteria"]["Filters"].as_array().map_or(0, Vec::len);
    assert_eq!(filters, 0, "the filter is gone");
    assert_eq!(of("sqs")["BatchSize"], 5);
    assert_eq!(of("sqs")["State"], "Disabled");
    let kinds = of("kinesis")["FunctionResponseTypes"].as_array().map_or(0, Vec::len);
    assert_eq!(kinds, 0, "the response type is gone");

    // Another queue in place of the first.
    boto.call("sqs", "create_queue", json!({"QueueName": "moved"}));
    let moved = boto.call("sqs", "get_queue_url", json!({"QueueName": "moved"}))["QueueUrl"].clone();
    project.write("serverless.yml", &config.replace("123456789012:jobs", "123456789012:moved"));
    settles(&project, &cloud);
    boto.call("sqs", "send_message", json!({"QueueUrl": moved, "MessageBody": "sqs-moved"}));
    boto.call("sqs", "send_message", json!({"QueueUrl": queue, "MessageBody": "sqs-left-behind"}));
    assert!(boto.hears("poll-dev-eats", "sqs-moved"));
    assert!(!boto.heard("poll-dev-eats", "sqs-left-behind"));

    project.write("serverless.yml", config.split("    events:").next().unwrap());
    settles(&project, &cloud);
    assert!(mappings().is_empty());
    assert_eq!(consumers(), ["strangers"]);
    send("last");
    std::thread::sleep(std::time::Duration::from_secs(2));
    for text in ["sqs-last", "row-last", "flow-last", "fan-last"] {
        assert!(!boto.heard("poll-dev-eats", text), "{text} was heard");
    }
    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function("poll-dev-eats").is_none());
}

const TIMED: &str = "
service: timed
provider: {name: aws, runtime: python3.13}
functions:
  ticks:
    handler: handler.handler
    events:
      - schedule: rate(1 minute)
      - schedule: {rate: ['rate(2 minutes)', 'cron(0 12 * * ? *)'], input: {a: 1}, enabled: false}
      - schedule: {rate: rate(1 hour), method: scheduler, timezone: Europe/Berlin, input: {b: 2}}
      - eventBridge: {schedule: rate(5 minutes), retryPolicy: {maximumEventAge: 120, maximumRetryAttempts: 2}}
";

#[test]
fn schedules_come_change_and_go() {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let project = Project::new(TIMED).file("handler.py", SAYS);
    settles(&project, &cloud);
    let rules = || boto.call("events", "list_rules", json!({}))["Rules"].as_array().unwrap().clone();
    let states = |state: &str| rules().iter().filter(|rule| rule["State"] == state).count();
    assert_eq!((states("ENABLED"), states("DISABLED")), (2, 2));
    for rule in rules() {
        let targets = boto.call("events", "list_targets_by_rule", json!({"Rule": rule["Name"]}));
        let target = &targets["Targets"][0];
        assert!(target["Arn"].as_str().unwrap().ends_with(":function:timed-dev-ticks"), "{targets}");
        if rule["State"] == "DISABLED" {
            assert_eq!(target["Input"], "{\"a\":1}");
        }
        if rule["ScheduleExpression"] == "rate(5 minutes)" {
            assert_eq!(target["RetryPolicy"], json!({"MaximumEventAgeInSeconds": 120, "MaximumRetryAttempts": 2}));
        }
    }
    let schedules = || boto.call("scheduler", "list_schedules", json!({}))["Schedules"].as_array().unwrap().clone();
    let name = schedules()[0]["Name"].clone();
    let schedule = || boto.call("scheduler", "get_schedule", json!({"Name": name}));
    assert_eq!(schedule()["ScheduleExpressionTimezone"], "Europe/Berlin");
    assert_eq!(schedule()["Target"]["Input"], "{\"b\":2}");

    project.write(
        "serverless.yml",
        &TIMED
            .replace("timezone: Europe/Berlin, input: {b: 2}", "input: {b: 3}")
            .replace("enabled: false", "enabled: true")
            .replace("rate(1 minute)", "rate(3 minutes)"),
    );
    settles(&project, &cloud);
    assert_eq!((states("ENABLED"), states("DISABLED")), (4, 0));
    assert!(rules().iter().any(|rule| rule["ScheduleExpression"] == "rate(3 minutes)"));
    assert_eq!(schedule()["Target"]["Input"], "{\"b\":3}");
    assert_ne!(schedule()["ScheduleExpressionTimezone"], "Europe/Berlin");

    project.write("serverless.yml", TIMED.split("    events:").next().unwrap());
    settles(&project, &cloud);
    assert!(rules().is_empty() && schedules().is_empty(), "{:?} {:?}", rules(), schedules());
    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function("timed-dev-ticks").is_none());
}

#[test]
fn schedules_fire() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let config = "
service: clock
provider: {name: aws, runtime: python3.13}
functions:
  ticks:
    handler: handler.handler
    events:
      - schedule: {rate: rate(1 minute), input: {by: the-rule}}
      - schedule: {rate: rate(1 minute), method: scheduler, input: {by: the-scheduler}}
";
    Project::new(config).file("handler.py", SAYS).deploy(&cloud);
    for who in ["the-rule", "the-scheduler"] {
        // The first time is a minute after it was made.
        assert!((0..5).any(|_| boto.hears("clock-dev-ticks", who)), "{who} was not heard");
    }
}

#[test]
fn databases_are_heard_as_the_documentation_says() {
    let page = include_str!("../../docs/events.md");
    let (_, section) = page.split_once("## Databases").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let examples: Vec<&str> =
        section.split("```yaml\nfunctions:\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert_eq!(examples.len(), 2);
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let head = "service: shop\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n";
    let code = "def handler(event, context):\n    print(event)\n";
    // Nobody but RDS itself may speak for `aws.rds`.
    let examples = examples.concat().replace("aws.rds", "not.rds");
    let project = Project::new(&format!("{head}{examples}")).file("src/watch.py", code).file("src/hear.py", code);
    settles(&project, &cloud);

    let failover = json!({"EventCategories": ["failover"], "SourceIdentifier": "orders"});
    let event = |detail: &Value| json!({"Source": "not.rds", "DetailType": "RDS DB Cluster Event", "Detail": detail.to_string()});
    let quiet = json!({"EventCategories": ["backup"], "SourceIdentifier": "quiet"});
    let sent = boto.call("events", "put_events", json!({"Entries": [event(&quiet), event(&failover)]}));
    assert_eq!(sent["FailedEntryCount"], 0, "{sent}");
    assert!(boto.hears("shop-dev-watch", "orders"));
    assert!(!boto.heard("shop-dev-watch", "quiet"));
    let topic = format!("arn:aws:sns:us-east-1:{}:database-events", cloud.account);
    boto.call("sns", "publish", json!({"TopicArn": topic, "Message": "failover started"}));
    assert!(boto.hears("shop-dev-hear", "failover started"));
    project.on(&cloud, ["remove", "--yes"]).success();
}
