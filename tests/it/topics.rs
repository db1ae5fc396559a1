//! Dead letters of a topic: the queue is somebody else's, and its policy is a document for everybody.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const LOST: &str = "
service: dead
provider: {name: aws, runtime: python3.13}
functions:
  hears:
    handler: handler.handler
    events:
      - sns: {topicName: news, redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:ACCOUNT:lost'}}
      - sns: {arn: 'arn:aws:sns:us-east-1:ACCOUNT:outside', redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:ACCOUNT:lost'}}
  too:
    handler: handler.handler
    events:
      - sns: {arn: 'arn:aws:sns:us-east-1:ACCOUNT:outside', filterPolicy: {kind: [a]}, redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:ACCOUNT:lost'}}
";

/// Who may send to a queue, by the end of the statement's source, in order.
fn senders(boto: &Boto, queue: &str) -> Vec<String> {
    let url = boto.call("sqs", "get_queue_url", json!({"QueueName": queue}))["QueueUrl"].clone();
    let got = boto.call("sqs", "get_queue_attributes", json!({"QueueUrl": url, "AttributeNames": ["Policy"]}));
    let Some(policy) = got.pointer("/Attributes/Policy").and_then(Value::as_str) else { return Vec::new() };
    let policy: Value = serde_json::from_str(policy).unwrap();
    let source = |statement: &Value| match statement.pointer("/Condition/ArnEquals/aws:SourceArn") {
        Some(topic) => {
            assert_eq!(statement["Principal"], json!({"Service": "sns.amazonaws.com"}), "{statement}");
            assert_eq!((&statement["Effect"], &statement["Action"]), (&json!("Allow"), &json!("sqs:SendMessage")));
            assert!(statement["Resource"].as_str().unwrap().ends_with(queue), "{statement}");
            topic.as_str().unwrap().rsplit(':').next().unwrap().to_owned()
        }
        None => statement["Sid"].as_str().unwrap().to_owned(),
    };
    let mut all: Vec<String> = policy["Statement"].as_array().unwrap().iter().map(source).collect();
    all.sort();
    all
}

fn queue(boto: &Boto, name: &str, policy: Option<Value>) {
    let attributes = policy.map_or(json!({}), |policy| json!({"Policy": policy.to_string()}));
    boto.call("sqs", "create_queue", json!({"QueueName": name, "Attributes": attributes}));
}

#[test]
fn a_topic_may_send_to_the_queue_as_long_as_the_file_says_so() {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    let account = cloud.account.clone();
    let foreign = json!({"Version": "2012-10-17", "Id": "theirs", "Statement": [{"Sid": "strangers", "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Action": "sqs:*", "Resource": format!("arn:aws:sqs:us-east-1:{account}:lost")}]});
    queue(&boto, "lost", Some(foreign));
    queue(&boto, "found", None);
    boto.call("sns", "create_topic", json!({"Name": "outside"}));
    let outside = format!("arn:aws:sns:us-east-1:{account}:outside");
    let config = LOST.replace("ACCOUNT", &account);
    let project = Project::new(&config);
    project.settles(&cloud);
    assert_eq!(senders(&boto, "lost"), ["news", "outside", "outside", "strangers"]);
    let redrives = || {
        let found = boto.call("sns", "list_subscriptions_by_topic", json!({"TopicArn": outside}));
        let of = |one: &Value| {
            let arn = json!({"SubscriptionArn": one["SubscriptionArn"]});
            let live = boto.call("sns", "get_subscription_attributes", arn);
            let policy: Option<Value> =
                live["Attributes"]["RedrivePolicy"].as_str().and_then(|text| serde_json::from_str(text).ok());
            policy.map(|policy| policy["deadLetterTargetArn"].as_str().unwrap().rsplit(':').next().unwrap().to_owned())
        };
        let mut all: Vec<Option<String>> = found["Subscriptions"].as_array().unwrap().iter().map(of).collect();
        all.sort();
        all
    };
    let to = |name: &str| Some(name.to_owned());
    assert_eq!(redrives(), [to("lost"), to("lost")]);

    // Somebody takes one away: that is seen and mended.
    let url = boto.call("sqs", "get_queue_url", json!({"QueueName": "lost"}))["QueueUrl"].clone();
    let sid = |key: &str, topic: &str| {
        let got = boto.call("sqs", "get_queue_attributes", json!({"QueueUrl": url, "AttributeNames": ["Policy"]}));
        let policy: Value = serde_json::from_str(got["Attributes"]["Policy"].as_str().unwrap()).unwrap();
        let of_ours = format!("hoist-dead-dev-{topic}To{key}DLQPolicy-");
        let all = policy["Statement"].as_array().unwrap().clone();
        all.iter().map(|one| one["Sid"].clone()).find(|sid| sid.as_str().unwrap().starts_with(&of_ours)).unwrap()
    };
    boto.call("sqs", "remove_permission", json!({"QueueUrl": url, "Label": sid("Too", "Outside")}));
    project.on(&cloud, ["diff", "--exit-code"]).code(2).says("OutsideToTooDLQPolicy");
    project.on(&cloud, ["deploy", "--drift", "--yes"]).success();
    assert_eq!(senders(&boto, "lost"), ["news", "outside", "outside", "strangers"]);

    // One moves to another queue, one is taken away: the subscriptions stay.
    let moved = config
        .replacen("outside', redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:", "outside', redrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:FOUND", 1)
        .replace(&format!("FOUND{account}:lost"), &format!("{account}:found"))
        .replace(&format!(", filterPolicy: {{kind: [a]}}, redrivePolicy: {{deadLetterTargetArn: 'arn:aws:sqs:us-east-1:{account}:lost'}}"), ", filterPolicy: {kind: [a]}");
    project.write("serverless.yml", &moved);
    project.settles(&cloud);
    assert_eq!(senders(&boto, "lost"), ["news", "strangers"]);
    assert_eq!(senders(&boto, "found"), ["outside"]);
    assert_eq!(redrives(), [None, to("found")]);

    // No event any more, then back, then no service: the stranger's statement stays each time.
    project.write("serverless.yml", config.split("    events:").next().unwrap());
    project.settles(&cloud);
    assert_eq!((senders(&boto, "lost"), senders(&boto, "found")), (vec!["strangers".to_owned()], vec![]));
    project.write("serverless.yml", &config);
    project.settles(&cloud);
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(senders(&boto, "lost"), ["strangers"]);
}

#[test]
fn a_run_that_was_killed_loses_no_trace_of_the_queue() {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    queue(&boto, "lost", None);
    boto.call("sns", "create_topic", json!({"Name": "outside"}));
    let config = LOST.replace("ACCOUNT", &cloud.account);
    let project = Project::new(&config);
    project.deploy(&cloud);
    // Killed when the first of the subscriptions was changed: whatever is left is found by looking.
    let bare = config.replace(
        &format!(", redrivePolicy: {{deadLetterTargetArn: 'arn:aws:sqs:us-east-1:{}:lost'}}", cloud.account),
        "",
    );
    for when in ["before", "after"] {
        for operation in ["sns.SetSubscriptionAttributes", "sqs.SetQueueAttributes", "sns.Unsubscribe"] {
            project.write("serverless.yml", &config);
            project.deploy(&cloud);
            assert_eq!(senders(&boto, "lost"), ["news", "outside", "outside"]);
            project.write("serverless.yml", &bare);
            let poised = project.poise(&cloud, ["deploy", "--yes"]);
            let trap =
                json!({"pid": poised.pid(), "call": 1, "when": when, "match": operation, "account": cloud.account});
            cloud.control("POST", "/_cloud/kill-at", Some(&trap));
            poised.go().wait_with_output().unwrap();
            cloud.control("POST", "/_cloud/traps/clear", Some(&json!({})));
            project.settles(&cloud);
            assert_eq!(senders(&boto, "lost"), [""; 0], "killed {when} {operation}");
        }
    }
}

#[test]
fn a_queue_that_is_not_there_is_named() {
    let cloud = Cloud::own("calm");
    cloud.boto().call("sns", "create_topic", json!({"Name": "outside"}));
    let project = Project::new(&LOST.replace("ACCOUNT", &cloud.account));
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("there is no queue").says(":lost");
    // It is somebody's whose: nothing was made of it.
    project.write("serverless.yml", LOST.split("    events:").next().unwrap());
    project.settles(&cloud);
    project.on(&cloud, ["remove", "--yes"]).success();
}

const FAR: &str = "
service: far
provider: {name: aws, runtime: python3.13}
functions:
  hears:
    handler: handler.handler
    events:
      - sns: {arn: 'arn:aws:sns:eu-west-1:ACCOUNT:news', topicName: news, filterPolicy: {kind: [a]}}
      - sns:
          arn: 'arn:aws:sns:us-east-1:ACCOUNT:near'
          redrivePolicy: {deadLetterTargetImport: {arn: lost-arn, url: lost-url}}
";

#[test]
fn a_topic_of_another_region_is_heard_followed_and_let_go() {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    let account = cloud.account.clone();
    let exported = json!({"Resources": {"Lost": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "lost"}}}, "Outputs": {
        "Arn": {"Value": {"Fn::GetAtt": ["Lost", "Arn"]}, "Export": {"Name": "lost-arn"}},
        "Url": {"Value": {"Ref": "Lost"}, "Export": {"Name": "lost-url"}}}});
    boto.call("cloudformation", "create_stack", json!({"StackName": "queues", "TemplateBody": exported.to_string()}));
    boto.call("sns", "create_topic", json!({"Name": "near"}));
    for name in ["news", "others"] {
        boto.call("sns@eu-west-1", "create_topic", json!({"Name": name}));
    }
    let foreign = json!({"TopicArn": format!("arn:aws:sns:eu-west-1:{account}:news"), "Protocol": "https", "Endpoint": "https://example.com/"});
    boto.call("sns@eu-west-1", "subscribe", foreign);
    let listeners = |topic: &str| -> Vec<Value> {
        let named = json!({"TopicArn": format!("arn:aws:sns:eu-west-1:{account}:{topic}")});
        let found = boto.call("sns@eu-west-1", "list_subscriptions_by_topic", named);
        let all = found["Subscriptions"].as_array().unwrap().iter();
        all.filter(|one| one["Protocol"] == "lambda").cloned().collect()
    };
    let publish = |topic: &str, text: &str| {
        boto.call(
            "sns@eu-west-1",
            "publish",
            json!({"TopicArn": format!("arn:aws:sns:eu-west-1:{account}:{topic}"), "Message": text,
                "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "a"}}}),
        );
    };
    let config = FAR.replace("ACCOUNT", &account);
    let project = Project::new(&config).file("handler.py", "def handler(event, context):\n    print(event)\n");
    project.settles(&cloud);
    let filter = |topic: &str| {
        let arn = json!({"SubscriptionArn": listeners(topic)[0]["SubscriptionArn"]});
        let live = boto.call("sns@eu-west-1", "get_subscription_attributes", arn);
        serde_json::from_str::<Value>(live["Attributes"]["FilterPolicy"].as_str().unwrap()).unwrap()
    };
    assert_eq!(filter("news"), json!({"kind": ["a"]}));
    assert_eq!(senders(&boto, "lost"), ["near"]);
    publish("news", "from far away");
    assert!(boto.hears("far-dev-hears", "from far away"));

    project.write("serverless.yml", &config.replace("kind: [a]", "kind: [a, b]"));
    project.settles(&cloud);
    assert_eq!(filter("news"), json!({"kind": ["a", "b"]}));
    project
        .write("serverless.yml", &config.replace(":news'", ":others'").replace("topicName: news", "topicName: others"));
    project.settles(&cloud);
    assert_eq!((listeners("news").len(), listeners("others").len()), (0, 1));
    publish("others", "from elsewhere");
    assert!(boto.hears("far-dev-hears", "from elsewhere"));
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(listeners("others").len(), 0);
    assert_eq!(senders(&boto, "lost"), Vec::<String>::new());
    let left = json!({"TopicArn": format!("arn:aws:sns:eu-west-1:{account}:news")});
    let left = boto.call("sns@eu-west-1", "list_subscriptions_by_topic", left);
    assert_eq!(left["Subscriptions"].as_array().unwrap().len(), 1, "what is foreign stays");
}
