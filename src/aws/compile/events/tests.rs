//! Every kind of event, compared with what the framework makes of it.

use serde_json::{Value as Json, json};

use super::super::tests::{node, problems, resources};
use crate::config::diagnostic::Severity;
use crate::config::language::{Context, validate};

/// The resources of a function `work` with these events, without what every function has.
fn of(events: &str) -> Json {
    let mut all = resources(&format!(
        "{{service: shop, provider: {{name: aws}}, functions: {{work: {{handler: a.b, events: {events}}}}}}}"
    ));
    let map = all.as_object_mut().unwrap();
    for key in ["WorkLogGroup", "WorkLambdaFunction", "WorkLambdaVersion"] {
        map.remove(key);
    }
    all
}

/// What the role may do beyond writing logs: actions with resources.
fn granted(all: &Json) -> Vec<(Json, Json)> {
    let statements = &all["IamRoleLambdaExecution"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    statements.as_array().unwrap()[2..].iter().map(|one| (one["Action"].clone(), one["Resource"].clone())).collect()
}

fn arn() -> Json {
    json!({ "Fn::GetAtt": ["WorkLambdaFunction", "Arn"] })
}

fn events_of(functions: &str) -> Vec<String> {
    problems(&format!("{{service: shop, provider: {{name: aws}}, functions: {functions}}}"))
}

#[test]
fn a_queue_is_polled_after_the_role() {
    let all = of("[{sqs: {arn: 'arn:aws:sqs:us-east-1:123456789012:my-jobs', batchSize: 20, maximumBatchingWindow: 5,
        functionResponseType: ReportBatchItemFailures, maximumConcurrency: 2, filterPatterns: [{body: {b: [1], a: [x]}}]}}]");
    assert_eq!(
        all["WorkEventSourceMappingSQSMyjobs"],
        json!({
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "BatchSize": 20,
                "Enabled": true,
                "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:my-jobs",
                "FilterCriteria": { "Filters": [{ "Pattern": "{\"body\":{\"b\":[1],\"a\":[\"x\"]}}" }] },
                "FunctionName": arn(),
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "MaximumBatchingWindowInSeconds": 5,
                "ScalingConfig": { "MaximumConcurrency": 2 },
            },
            "DependsOn": ["IamRoleLambdaExecution"],
        })
    );
    let actions = json!(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]);
    assert_eq!(granted(&all), [(actions, json!(["arn:aws:sqs:us-east-1:123456789012:my-jobs"]))]);
}

#[test]
fn streams_are_named_by_their_table_and_read_through_a_consumer_where_there_is_one() {
    let all = of("[{stream: 'arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2020'},
        {stream: {type: kinesis, arn: {'Fn::GetAtt': [Clicks, Arn]}, consumer: true, startingPosition: LATEST,
        destinations: {onFailure: 'arn:aws:sns:us-east-1:123456789012:bad'}}}]");
    let table = &all["WorkEventSourceMappingDynamodbOrders"]["Properties"];
    assert_eq!((&table["BatchSize"], &table["StartingPosition"]), (&json!(10), &json!("TRIM_HORIZON")));
    let clicks = &all["WorkEventSourceMappingKinesisClicks"];
    assert_eq!(clicks["Properties"]["EventSourceArn"], json!({ "Ref": "WorkClicksConsumerStreamConsumer" }));
    assert_eq!(clicks["DependsOn"], json!(["IamRoleLambdaExecution", "WorkClicksConsumerStreamConsumer"]));
    assert_eq!(
        all["WorkClicksConsumerStreamConsumer"]["Properties"],
        json!({ "ConsumerName": "workClicksConsumer", "StreamARN": { "Fn::GetAtt": ["Clicks", "Arn"] } })
    );
    let firsts: Vec<Json> = granted(&all).into_iter().map(|(actions, _)| actions[0].clone()).collect();
    assert_eq!(firsts, ["dynamodb:GetRecords", "kinesis:GetRecords", "kinesis:SubscribeToShard", "sns:Publish"]);
}

#[test]
fn rates_are_numbered_through_a_function() {
    let all = of("[{schedule: rate(1 hour)}, {schedule: {rate: [rate(2 hours), cron(0 12 * * ? *)], enabled: false,
        input: {a: 1}}}, {schedule: {rate: rate(1 day), method: scheduler, timezone: Europe/Berlin}}]");
    assert_eq!(
        all["WorkEventsRuleSchedule1"]["Properties"],
        json!({
            "ScheduleExpression": "rate(1 hour)",
            "State": "ENABLED",
            "Targets": [{ "Arn": arn(), "Id": "workSchedule" }],
        })
    );
    let third = &all["WorkEventsRuleSchedule3"]["Properties"];
    assert_eq!((&third["State"], &third["Targets"][0]["Input"]), (&json!("DISABLED"), &json!("{\"a\":1}")));
    assert_eq!(
        all["WorkLambdaPermissionEventsRuleSchedule3"]["Properties"]["SourceArn"],
        json!({ "Fn::GetAtt": ["WorkEventsRuleSchedule3", "Arn"] })
    );
    let scheduler = &all["WorkSchedulerSchedule4"];
    assert_eq!(scheduler["Properties"]["ScheduleExpressionTimezone"], "Europe/Berlin");
    assert_eq!(scheduler["Properties"]["FlexibleTimeWindow"], json!({ "Mode": "OFF" }));
    let trust = &all["IamRoleLambdaExecution"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"], json!(["lambda.amazonaws.com", "scheduler.amazonaws.com"]));
    let target = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:shop-dev-work";
    assert_eq!(granted(&all)[0].1, json!([{ "Fn::Sub": target }, { "Fn::Sub": format!("{target}:*") }]));
}

#[test]
fn rules_of_a_bus_are_named_by_the_position_of_the_event() {
    let all = of("[{alexaSkill: amzn1.x}, {eventBridge: {eventBus: shop-bus, pattern: {source: [a]},
        retryPolicy: {maximumRetryAttempts: 1}}}]");
    assert_eq!(all["ShopDashbusEventBridgeEventBus"]["Properties"], json!({ "Name": "shop-bus" }));
    assert_eq!(
        all["Shopdevworkrule2EventBridgeRule"],
        json!({
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventBusName": "shop-bus",
                "EventPattern": { "source": ["a"] },
                "Name": "shop-dev-work-rule-2",
                "State": "ENABLED",
                "Targets": [{
                    "Arn": arn(),
                    "Id": "shop-dev-work-rule-2-target",
                    "RetryPolicy": { "MaximumRetryAttempts": 1 },
                }],
            },
            "DependsOn": ["ShopDashbusEventBridgeEventBus"],
        })
    );
    let source = &all["WorkEventBridgeLambdaPermission2"]["Properties"]["SourceArn"]["Fn::Join"][1][5];
    assert_eq!(source, &json!({ "Fn::Join": ["/", ["rule", "shop-bus", "shop-dev-work-rule-2"]] }));
    assert_eq!(all["WorkLambdaPermissionAlexaSkill1"]["Properties"]["EventSourceToken"], "amzn1.x");
}

#[test]
fn a_cloudwatch_event_is_a_rule_of_the_default_bus() {
    let all = of("[{cloudwatchEvent: {event: {source: [aws.ec2]}, inputTransformer: {inputTemplate: '<a>',
        inputPathsMap: {a: $.x}}}}]");
    assert_eq!(
        all["WorkEventsRuleCloudWatchEvent1"]["Properties"],
        json!({
            "EventPattern": { "source": ["aws.ec2"] },
            "State": "ENABLED",
            "Targets": [{
                "Arn": arn(),
                "Id": "workCloudWatchEvent",
                "InputTransformer": { "InputPathsMap": { "a": "$.x" }, "InputTemplate": "<a>" },
            }],
        })
    );
}

#[test]
fn topics_are_made_or_subscribed_to() {
    let all = of("[{sns: news}, {sns: {topicName: filtered, filterPolicy: {a: [b]}}},
        {sns: 'arn:aws:sns:eu-west-1:123456789012:far'}]");
    assert_eq!(
        all["SNSTopicNews"]["Properties"],
        json!({ "Subscription": [{ "Endpoint": arn(), "Protocol": "lambda" }], "TopicName": "news" })
    );
    assert_eq!(all["WorkSnsSubscriptionFiltered"]["Properties"]["TopicArn"], json!({ "Ref": "SNSTopicFiltered" }));
    let far = &all["WorkSnsSubscriptionFar"]["Properties"];
    assert_eq!((&far["Region"], &far["Protocol"]), (&json!("eu-west-1"), &json!("lambda")));
    assert_eq!(all["WorkLambdaPermissionFarSNS"]["Properties"]["SourceArn"], "arn:aws:sns:eu-west-1:123456789012:far");
}

#[test]
fn buckets_wait_for_the_permissions_of_their_notifications() {
    let all = of("[{s3: {bucket: my-photos, rules: [{prefix: in/}, {suffix: .jpg}]}}, {s3: {bucket: my-photos, event: 's3:ObjectRemoved:*'}},
        {s3: {bucket: there, existing: true, rules: [{prefix: a/}]}}, {s3: {bucket: there, event: 's3:ObjectRemoved:*', existing: true}}]");
    let bucket = &all["S3BucketMyphotos"];
    assert_eq!(bucket["DependsOn"], json!(["WorkLambdaPermissionMyphotosS3"]));
    assert_eq!(
        bucket["Properties"]["NotificationConfiguration"]["LambdaConfigurations"],
        json!([
            {
                "Event": "s3:ObjectCreated:*",
                "Filter": { "S3Key": { "Rules": [
                    { "Name": "prefix", "Value": "in/" }, { "Name": "suffix", "Value": ".jpg" },
                ] } },
                "Function": arn(),
            },
            { "Event": "s3:ObjectRemoved:*", "Function": arn() },
        ])
    );
    assert_eq!(
        all["WorkCustomS31"]["Properties"],
        json!({
            "BucketName": "there",
            "Functions": [{
                "BucketConfigs": [
                    { "Event": "s3:ObjectCreated:*", "Rules": [{ "Prefix": "a/" }] },
                    { "Event": "s3:ObjectRemoved:*", "Rules": [] },
                ],
                "FunctionArn": arn(),
            }],
        })
    );
    assert_eq!(all["WorkLambdaPermissionThereS3"]["Properties"]["SourceAccount"], json!({ "Ref": "AWS::AccountId" }));
}

#[test]
fn user_pools_get_all_their_triggers_at_once() {
    let all = of("[{cognitoUserPool: {pool: people, trigger: PreSignUp}},
        {cognitoUserPool: {pool: people, trigger: CustomEmailSender, kmsKeyId: 'arn:aws:kms:us-east-1:1:key/k'}}]");
    assert_eq!(
        all["CognitoUserPoolPeople"]["Properties"],
        json!({
            "LambdaConfig": {
                "CustomEmailSender": { "LambdaArn": arn(), "LambdaVersion": "V1_0" },
                "KMSKeyID": "arn:aws:kms:us-east-1:1:key/k",
                "PreSignUp": arn(),
            },
            "UserPoolName": "people",
        })
    );
    assert_eq!(
        all["WorkLambdaPermissionCognitoUserPoolPeopleTriggerSourcePreSignUp"]["Properties"]["SourceArn"],
        json!({ "Fn::GetAtt": ["CognitoUserPoolPeople", "Arn"] })
    );
}

#[test]
fn clusters_and_brokers_need_secrets_and_a_network() {
    let all = of("[{kafka: {accessConfigurations: {saslScram512Auth: ['arn:aws:secretsmanager:us-east-1:1:secret:s'],
        vpcSubnet: [subnet-1], vpcSecurityGroup: [sg-1]}, bootstrapServers: ['a:9092'], topic: to}},
        {rabbitmq: {arn: 'arn:aws:mq:us-east-1:1:broker:b:b-1', queue: q,
        basicAuthArn: 'arn:aws:secretsmanager:us-east-1:1:secret:m', virtualHost: /v}},
        {msk: {arn: 'arn:aws:kafka:us-east-1:1:cluster/clicks/id', topic: to}}]");
    assert_eq!(
        all["WorkEventSourceMappingKafkaTo"]["Properties"]["SourceAccessConfigurations"],
        json!([
            { "Type": "VPC_SUBNET", "URI": "subnet:subnet-1" },
            { "Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1" },
            { "Type": "SASL_SCRAM_512_AUTH", "URI": "arn:aws:secretsmanager:us-east-1:1:secret:s" },
        ])
    );
    assert_eq!(
        all["WorkEventSourceMappingRabbitMQQ"]["Properties"]["SourceAccessConfigurations"][1],
        json!({ "Type": "VIRTUAL_HOST", "URI": "/v" })
    );
    assert_eq!(all["WorkEventSourceMappingMSKClicksTo"]["Properties"]["Topics"], json!(["to"]));
    let failed = of("[{kafka: {accessConfigurations: {saslPlainAuth: s}, bootstrapServers: [x], topic: to,
        onFailureDestination: 'arn:aws:s3:::failed'}}]");
    let failed = granted(&failed).into_iter().find(|(actions, _)| actions[0] == "s3:PutObject");
    assert_eq!(failed.unwrap().1, json!(["arn:aws:s3:::failed", "arn:aws:s3:::failed/*"]));
    let secrets = granted(&all).into_iter().find(|(actions, _)| actions[0] == "secretsmanager:GetSecretValue");
    assert_eq!(secrets.unwrap().1.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_trigger_of_a_pool_calls_one_function() {
    let event = "[{cognitoUserPool: {pool: people, trigger: PreSignUp}}]";
    let found = events_of(&format!("{{a: {{handler: a.b, events: {event}}}, b: {{handler: a.b, events: {event}}}}}"));
    assert!(found.iter().any(|one| one.contains("`people` has a function for PreSignUp already")), "{found:?}");
}

#[test]
fn topics_whose_names_differ_in_signs_only_are_not_taken_for_one() {
    let found = events_of("{a: {handler: a.b, events: [{sns: a-b}, {sns: ab}]}}");
    assert!(found.iter().any(|one| one.contains("the topics `a-b` and `ab` differ in signs only")), "{found:?}");
    assert_eq!(events_of("{a: {handler: a.b, events: [{sns: ab}]}, b: {handler: a.b, events: [{sns: ab}]}}"), [""; 0]);
}

#[test]
fn a_load_balancer_reaches_the_function_through_a_target_group() {
    let all =
        of("[{alb: {listenerArn: 'arn:aws:elasticloadbalancing:us-east-1:1:listener/app/web/50dc/f2f7', priority: 1,
        conditions: {path: /x, header: {name: H, values: [v]}}, healthCheck: true}}]");
    assert_eq!(
        all["WorkAlbListenerRule1"]["Properties"]["Conditions"],
        json!([
            { "Field": "path-pattern", "Values": ["/x"] },
            { "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "H", "Values": ["v"] } },
        ])
    );
    let group = &all["WorkAlbTargetGroup50dc"];
    assert_eq!(group["DependsOn"], json!(["WorkLambdaPermissionRegisterTarget"]));
    assert_eq!(group["Properties"]["HealthCheckIntervalSeconds"], 35);
    assert_eq!(group["Properties"]["Name"].as_str().map(str::len), Some(32));
    assert_eq!(all["WorkLambdaPermissionAlb"]["Properties"]["SourceArn"], json!({ "Ref": "WorkAlbTargetGroup50dc" }));
}

#[test]
fn messages_and_devices_of_iot() {
    let all = of("[{iot: {sql: \"SELECT * FROM 'a'\", enabled: false}},
        {iotFleetProvisioning: {templateBody: {Parameters: {}}, provisioningRoleArn: 'arn:aws:iam::1:role/r'}}]");
    let payload = &all["WorkIotTopicRule1"]["Properties"]["TopicRulePayload"];
    assert_eq!((&payload["RuleDisabled"], &payload["Sql"]), (&json!(true), &json!("SELECT * FROM 'a'")));
    assert_eq!(all["WorkIotProvisioningTemplate"]["Properties"]["TemplateBody"], "{\"Parameters\":{}}");
}

#[test]
fn functions_at_the_edge_share_one_distribution() {
    let all = of("[{cloudFront: {eventType: viewer-request, origin: 'https://a.b/c'}},
        {cloudFront: {eventType: origin-response, origin: 'https://a.b/c'}},
        {cloudFront: {eventType: viewer-request, origin: 's3://x.s3.amazonaws.com', pathPattern: /s/*, behavior: {MinTTL: 5}}}]");
    let config = &all["CloudFrontDistribution"]["Properties"]["DistributionConfig"];
    assert_eq!(config["Comment"], "shop dev");
    assert_eq!(config["Origins"].as_array().map(Vec::len), Some(2));
    assert_eq!(config["Origins"][0]["Id"], "custom/a.b/c");
    let default = &config["DefaultCacheBehavior"];
    assert_eq!(default["LambdaFunctionAssociations"].as_array().map(Vec::len), Some(2));
    assert_eq!(default["LambdaFunctionAssociations"][0]["LambdaFunctionARN"], json!({ "Ref": "WorkLambdaVersion" }));
    assert_eq!(default["CachePolicyId"], "658327ea-f89d-4fab-a63d-7e88639e58f6");
    let other = &config["CacheBehaviors"][0];
    assert_eq!((&other["PathPattern"], &other["CachePolicyId"]), (&json!("/s/*"), &Json::Null));
    let trust = &all["IamRoleLambdaExecution"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"][1], "edgelambda.amazonaws.com");
    // Nobody needs to be let in: CloudFront runs copies of its own.
    assert!(all.get("WorkLambdaFunctionInvokePermission").is_none());
}

#[test]
fn a_target_group_of_several_rules_is_as_the_last_says() {
    let all = resources(
        "
service: shop
provider: {name: aws, runtime: python3.12}
functions:
  a:
    handler: a.b
    events:
      - alb: {listenerArn: 'arn:aws:elasticloadbalancing:us-east-1:1:listener/app/two/60dc/aaa', priority: 2, conditions: {path: /a}}
      - alb: {listenerArn: 'arn:aws:elasticloadbalancing:us-east-1:1:listener/app/two/60dc/bbb', priority: 3, conditions: {path: /b}, healthCheck: true, targetGroupName: mine}
",
    );
    let groups: Vec<&Json> = all
        .as_object()
        .unwrap()
        .values()
        .filter(|one| one["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup")
        .map(|one| &one["Properties"])
        .collect();
    assert_eq!(groups.len(), 1);
    assert_eq!((&groups[0]["HealthCheckEnabled"], &groups[0]["Name"]), (&json!(true), &json!("mine")));
}

/// serverless-pseudo-parameters makes `Fn::Sub` of texts, which still say what they said.
#[test]
fn an_arn_of_fn_sub_says_what_its_text_says() {
    let all = resources(
        "
service: shop
provider: {name: aws, runtime: python3.12}
functions:
  a:
    handler: a.b
    events:
      - sns: {'Fn::Sub': 'arn:aws:sns:${AWS::Region}:${AWS::AccountId}:orders'}
      - stream: {'Fn::Sub': 'arn:aws:kinesis:${AWS::Region}:${AWS::AccountId}:stream/clicks'}
      - stream: {'Fn::Sub': 'arn:aws:dynamodb:${AWS::Region}:${AWS::AccountId}:table/users/stream/2020-10-02T00:00:00.000'}
      - http: {path: x, method: get, authorizer: {arn: {'Fn::Sub': 'arn:aws:cognito-idp:${AWS::Region}:${AWS::AccountId}:userpool/eu_AbC'}}}
",
    );
    for logical_id in ["ASnsSubscriptionOrders", "AEventSourceMappingKinesisClicks", "AEventSourceMappingDynamodbUsers"]
    {
        assert!(all.get(logical_id).is_some(), "{logical_id}");
    }
    assert!(all.to_string().contains("cognito_user_pools"));
    let unnamed = problems(
        "service: shop
provider: {name: aws, runtime: python3.12}
functions: {a: {handler: a.b, events: [{sns: {'Fn::Sub': '${Topic}'}}]}}
",
    );
    assert!(unnamed.iter().any(|one| one.contains("the topic has no name")), "{unnamed:?}");
}

#[test]
fn what_cannot_be_is_said_with_its_place() {
    let table = [
        ("{a: {handler: x.y, events: [{sqs: {arn: 'arn:aws:sqs:r:1:q', batchSize: 11}}]}}", "needs a batching window"),
        ("{a: {handler: x.y, events: [{stream: {arn: {'Fn::ImportValue': x}}}]}}", "what kind of stream"),
        ("{a: {handler: x.y, events: [{sns: {arn: {Ref: T}}}]}}", "the topic has no name"),
        ("{a: {handler: x.y, events: [{s3: {bucket: {Ref: B}}}]}}", "cannot be made here"),
        ("{a: {handler: x.y, events: [{schedule: {rate: rate(1 day), timezone: UTC}}]}}", "for the scheduler only"),
        ("{a: {handler: x.y, events: [{eventBridge: {name: n}}]}}", "neither a `pattern` nor a `schedule`"),
        (
            "{a: {handler: x.y, events: [{cloudFront: {eventType: viewer-request, origin: 'https://a'}}, {cloudFront: {eventType: viewer-request, origin: 'https://a'}}]}}",
            "has a function already",
        ),
        ("{a: {handler: x.y, events: [{cloudwatchLog: g}, {cloudwatchLog: g}, {cloudwatchLog: g}]}}", "more than 2"),
    ];
    for (functions, want) in table {
        let messages = events_of(functions);
        assert!(
            messages.iter().any(|one| one.contains(want) && one.starts_with("functions.a.events[")),
            "{want}: {messages:?}"
        );
    }
}

#[test]
fn a_topic_that_is_described_twice_says_which_one_counts() {
    let found = |second: &str| {
        events_of(&format!(
            "{{a: {{handler: x.y, events: [{{sns: {{topicName: t, displayName: one}}}}]}}, b: {{handler: x.y, events: [{{sns: {{topicName: t{second}}}}}]}}}}"
        ))
    };
    assert_eq!((found("").len(), found(", displayName: one").len()), (0, 0));
    for (second, key) in [(", displayName: two", "displayName"), (", kmsMasterKeyId: k", "kmsMasterKeyId")] {
        let found = found(second);
        assert!(found.len() == 1 && found[0].contains(&format!("`{key}` has no effect")), "{found:?}");
    }
}

#[test]
fn every_example_of_the_documentation_compiles() {
    let page = include_str!("../../../../docs/events.md");
    let examples: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0)).collect();
    assert!(examples.len() >= 10, "{} examples", examples.len());
    for example in examples {
        assert!(!example.contains("resources:\n  Resources:"), "raw resources stop a deploy: {example}");
        let provider = if example.contains("provider:") { "" } else { "provider: {name: aws, runtime: nodejs22.x}\n" };
        let yaml = format!("service: shop\n{provider}{example}\n");
        let today = jiff::civil::date(2026, 1, 1);
        let context = Context { stage: "dev", region: "us-east-1", strict: true, today };
        let (_, found) = validate(&node(&yaml), &context);
        let errors: Vec<_> = found.iter().filter(|one| one.severity == Severity::Error).collect();
        assert_eq!(errors, Vec::<&crate::config::diagnostic::Diagnostic>::new(), "{example}");
        assert_eq!(problems(&yaml), Vec::<String>::new(), "{example}");
    }
}

#[test]
fn functions_of_cloudfront_stand_beside_those_of_lambda() {
    let yaml = "{service: shop, provider: {name: aws, runtime: nodejs22.x}, functions: {
        look: {handler: a.b, events: [{cloudFront: {eventType: origin-request, origin: 'https://a.example'}}]},
        turn: {type: cloudfront-function, handler: turn.js, description: turns,
            events: [{cloudFront: {eventType: viewer-request, origin: 'https://a.example'}}]}}}";
    let all = resources(yaml);
    assert_eq!(
        all["TurnCloudFrontFunction"],
        json!({ "Type": "AWS::CloudFront::Function", "Properties": {
            "Name": "shop-dev-turn", "AutoPublish": true,
            "FunctionConfig": { "Comment": "turns", "Runtime": "cloudfront-js-2.0" },
        } })
    );
    for absent in ["TurnLambdaFunction", "TurnLogGroup", "TurnLambdaVersion"] {
        assert!(all.get(absent).is_none(), "{absent}");
    }
    let behavior = &all["CloudFrontDistribution"]["Properties"]["DistributionConfig"]["DefaultCacheBehavior"];
    assert_eq!(
        behavior["FunctionAssociations"],
        json!([{ "EventType": "viewer-request",
            "FunctionARN": { "Fn::GetAtt": ["TurnCloudFrontFunction", "FunctionARN"] } }])
    );
    assert_eq!(behavior["LambdaFunctionAssociations"][0]["EventType"], "origin-request");
    let twice = yaml.replace("origin-request", "viewer-request");
    assert_eq!(problems(&twice).len(), 1, "one function for each step");
}

#[test]
fn a_skill_without_an_id_is_a_warning_as_in_v1() {
    let yaml = "{service: shop, provider: {name: aws}, functions: {work: {handler: a.b, events: [alexaSkill]}}}";
    let context = Context { stage: "dev", region: "us-east-1", strict: false, today: jiff::civil::date(2026, 11, 20) };
    let (service, found) = validate(&node(yaml), &context);
    assert!(found.iter().all(|one| one.severity < Severity::Error), "{found:?}");
    assert!(found.iter().any(|one| one.code == "event-without-settings"), "{found:?}");
    let compiled = super::super::compile(&service.unwrap(), &super::super::Target::default());
    let permission = &compiled.template.to_json()["resources"]["WorkLambdaPermissionAlexaSkill1"]["Properties"];
    assert_eq!(permission["Principal"], "alexa-appkit.amazon.com");
    assert!(permission.get("EventSourceToken").is_none(), "{permission}");

    let (_, found) = validate(&node(&yaml.replace("[alexaSkill]", "[{alexaSkill: {enabled: true}}]")), &context);
    assert!(found.iter().any(|one| one.message.ends_with("`appId` is missing")), "{found:?}");
}
