//! A function with many events costs no more writes than it has things to write, and an unchanged one none.

use serde_json::{Value, json};

use crate::support::{Cloud, Project};

/// Twenty events of five kinds.
fn config() -> String {
    let each = |count: usize, event: fn(usize) -> String| (0..count).map(event).collect::<String>();
    let events = [
        each(5, |n| format!("      - sns: topic-{n}\n")),
        each(5, |n| format!("      - eventBridge: {{pattern: {{source: [shop.{n}]}}}}\n")),
        each(5, |n| format!("      - schedule: rate({} hours)\n", n + 2)),
        each(3, |n| format!("      - sqs: arn:aws:sqs:us-east-1:ACCOUNT:queue-{n}\n")),
        each(2, |n| format!("      - cloudwatchLog: /outside/{n}\n")),
    ];
    format!(
        "service: many\nprovider: {{name: aws, runtime: python3.13}}\nfunctions:\n  hears:\n    handler: handler.handler\n    events:\n{}",
        events.concat()
    )
}

/// How many calls it takes to make one of these and no more.
fn calls_for(kind: &str) -> usize {
    match kind {
        // A rule and its target, a role and its policy, a topic and its subscription.
        "AWS::Events::Rule" | "AWS::IAM::Role" | "AWS::SNS::Topic" => 2,
        // Published with the function.
        "AWS::Lambda::Version" => 0,
        _ => 1,
    }
}

/// What the account was asked to write; the lease and its bucket are hoist's own business.
fn writes(cloud: &Cloud) -> Vec<String> {
    let is_write = |call: &&Value| call["reads"] == false && call["service"] != "s3";
    let name = |call: &Value| format!("{}.{}", call["service"].as_str().unwrap(), call["operation"].as_str().unwrap());
    cloud.own_calls().iter().filter(is_write).map(name).collect()
}

#[test]
fn twenty_events_cost_what_they_are_and_then_nothing() {
    let cloud = Cloud::own("calm");
    let boto = cloud.boto();
    for n in 0..3 {
        boto.call("sqs", "create_queue", json!({"QueueName": format!("queue-{n}")}));
    }
    for n in 0..2 {
        boto.call("logs", "create_log_group", json!({"logGroupName": format!("/outside/{n}")}));
    }
    let text = config().replace("ACCOUNT", &cloud.account);
    let project = Project::new(&text);
    cloud.forget_calls();
    project.deploy(&cloud);
    let sent = writes(&cloud);
    project.on(&cloud, ["package"]).success();
    let resources = project.resources();
    let made = resources["resources"].as_object().unwrap();
    let needed: usize = made.values().map(|one| calls_for(one["Type"].as_str().unwrap())).sum();
    assert!(needed > 40, "{needed}");
    assert!(sent.len() <= needed, "{} writes for {needed}: {sent:?}", sent.len());

    cloud.forget_calls();
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(writes(&cloud), Vec::<String>::new());

    // One event more: its rule with a target, the permission, and the mark on the function.
    project.write("serverless.yml", &format!("{text}      - eventBridge: {{pattern: {{source: [shop.more]}}}}\n"));
    cloud.forget_calls();
    project.deploy(&cloud);
    let mut sent = writes(&cloud);
    sent.sort();
    assert_eq!(sent, ["events.PutRule", "events.PutTargets", "lambda.AddPermission", "lambda.TagResource"]);
}
