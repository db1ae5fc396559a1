//! After the function: where results of asynchronous calls go.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const TRIES: &str = "import json
def handler(event, context):
    print('heard', json.dumps(event))
    if event.get('fail'):
        raise Exception('as asked')
    return {'said': event.get('say')}
";

const CONFIG: &str = "
service: after
provider: {name: aws, runtime: python3.13}
functions:
  tries:
    handler: handler.handler
    maximumRetryAttempts: 0
    maximumEventAge: 60
    destinations:
      onSuccess: next
      onFailure: arn:aws:sqs:us-east-1:123456789012:failed
    recursiveLoop: Allow
  next:
    handler: handler.handler
";

/// The body of the next message in a queue, if one comes.
fn received(boto: &Boto, queue: &Value) -> Option<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        let got = boto.call("sqs", "receive_message", json!({"QueueUrl": queue, "WaitTimeSeconds": 1}));
        if let Some(message) = got["Messages"].get(0) {
            return message["Body"].as_str().map(str::to_owned);
        }
    }
    None
}

#[test]
fn results_go_on_to_an_alias_that_is_made_in_the_same_deploy() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"consistency.version_pending_ms": 1500}));
    let boto = cloud.boto();
    let project = Project::new(
        "
service: after
provider: {name: aws, runtime: python3.13}
functions:
  tries: {handler: handler.handler, destinations: {onSuccess: next}}
  next: {handler: handler.handler, snapStart: true}
",
    )
    .file("handler.py", TRIES);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    let named = json!({"FunctionName": "after-dev-tries", "Qualifier": "$LATEST"});
    let settings = boto.call("lambda", "get_function_event_invoke_config", named);
    let success = settings["DestinationConfig"]["OnSuccess"]["Destination"].as_str().unwrap().to_owned();
    assert!(success.ends_with(":after-dev-next:snapstart"), "{success}");
}

#[test]
fn results_go_on_and_settings_and_settings_are_taken_away() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let queue = boto.call("sqs", "create_queue", json!({"QueueName": "failed"}))["QueueUrl"].clone();
    let project = Project::new(CONFIG).file("handler.py", TRIES);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
    let call = |payload: Value| {
        let call =
            json!({"FunctionName": "after-dev-tries", "InvocationType": "Event", "Payload": payload.to_string()});
        boto.call("lambda", "invoke", call);
    };
    call(json!({"fail": "badly"}));
    let body = received(&boto, &queue).expect("the queue hears of it");
    assert!(body.contains("badly"), "{body}");
    let named = json!({"FunctionName": "after-dev-tries", "Qualifier": "$LATEST"});
    let settings = || boto.try_call("lambda", "get_function_event_invoke_config", named.clone());
    // The emulator calls no destination of a success: here counts what is set.
    let success = settings().unwrap()["DestinationConfig"]["OnSuccess"]["Destination"].clone();
    assert!(success.as_str().is_some_and(|arn| arn.ends_with(":after-dev-next")), "{success}");
    assert_eq!(
        (&settings().unwrap()["MaximumRetryAttempts"], &settings().unwrap()["MaximumEventAgeInSeconds"]),
        (&json!(0), &json!(60))
    );

    let recursion = || {
        let named = json!({"FunctionName": "after-dev-tries"});
        boto.call("lambda", "get_function_recursion_config", named)["RecursiveLoop"].clone()
    };
    assert_eq!(recursion(), "Allow");

    // To a topic and a bus instead, with other limits.
    boto.call("sns", "create_topic", json!({"Name": "good"}));
    let (topic, bus) =
        ("arn:aws:sns:us-east-1:123456789012:good", "arn:aws:events:us-east-1:123456789012:event-bus/default");
    let moved = CONFIG
        .replace("onSuccess: next", &format!("onSuccess: {topic}"))
        .replace("onFailure: arn:aws:sqs:us-east-1:123456789012:failed", &format!("onFailure: {bus}"))
        .replace("maximumRetryAttempts: 0", "maximumRetryAttempts: 2")
        .replace("maximumEventAge: 60", "maximumEventAge: 90")
        .replace("recursiveLoop: Allow", "recursiveLoop: Terminate");
    project.write("serverless.yml", &moved);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    let live = settings().unwrap();
    let of = |kind: &str| live["DestinationConfig"][kind]["Destination"].clone();
    assert_eq!((of("OnSuccess"), of("OnFailure")), (json!(topic), json!(bus)));
    assert_eq!((&live["MaximumRetryAttempts"], &live["MaximumEventAgeInSeconds"]), (&json!(2), &json!(90)));
    assert_eq!(recursion(), "Terminate");
    project.write("serverless.yml", CONFIG);
    project.deploy(&cloud);
    assert_eq!(recursion(), "Allow");

    // One of them is taken away, then all.
    project.write(
        "serverless.yml",
        &CONFIG.replace("      onSuccess: next\n", "").replace("    maximumEventAge: 60\n", ""),
    );
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    assert!(settings().unwrap()["DestinationConfig"]["OnSuccess"]["Destination"].is_null(), "{:?}", settings());
    let bare = CONFIG.lines().filter(|line| {
        !["maximum", "destinations", "onSuccess", "onFailure", "recursive"].iter().any(|key| line.contains(key))
    });
    project.write("serverless.yml", &bare.collect::<Vec<_>>().join("\n"));
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    assert!(settings().is_err_and(|error| error.starts_with("ResourceNotFound")));
    assert_eq!(recursion(), "Terminate");
    project.on(&cloud, ["remove", "--yes"]).success();
}
