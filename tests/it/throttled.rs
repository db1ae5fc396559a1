//! Under AWS's own quotas: nobody hears of a throttle, no bucket is overdrawn, and no time is lost.
//!
//! In the ordinary run with a service that keeps the quotas busy for some seconds. `HOIST_SLOW=1` takes 300 functions
//! (`HOIST_THROTTLED_FUNCTIONS` says another number) and a minute or two, most of it waiting for the quotas; only then
//! is the time long enough to be judged.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const ORDINARY: u32 = 30;
const LARGE: u32 = 300;
/// The policy of one role names no more queues than this by far.
const QUEUES: u32 = 100;
/// Calls a second for everything of Lambda but GetFunction and GetPolicy, after a burst of as many.
const LAMBDA: f64 = 15.0;

/// Calls of a short run that a loaded machine may bring together. Without pacing half of thirty calls come too early.
const AT_ONCE: u64 = 2;

/// Functions that are each behind a route and behind a queue.
fn config(functions: u32, account: &str) -> String {
    let mut config =
        "service: large\nprovider: {name: aws, runtime: python3.13, versionFunctions: false}\nfunctions:\n".to_owned();
    for nth in 0..functions {
        writeln!(config, "  f{nth}:\n    handler: handler.handler\n    timeout: 10\n    events:").unwrap();
        writeln!(config, "      - httpApi: GET /f{nth}").unwrap();
        writeln!(config, "      - sqs: arn:aws:sqs:us-east-1:{account}:jobs{}", nth % QUEUES).unwrap();
    }
    config
}

fn queues(boto: &Boto, functions: u32) {
    for nth in 0..functions.min(QUEUES) {
        boto.call("sqs", "create_queue", json!({"QueueName": format!("jobs{nth}")}));
    }
}

/// In so long Lambda's buckets are full again. A run cannot know what another one drew a moment before it.
const FULL_AGAIN: Duration = Duration::from_millis(1500);

/// Runs a command and holds it to the quotas; how long it took, and what was called.
fn within_the_quotas(project: &Project, cloud: &Cloud, command: &[&str]) -> (f64, Value) {
    std::thread::sleep(FULL_AGAIN);
    cloud.forget_calls();
    let began = Instant::now();
    let ran = project.on(cloud, command).success();
    let took = began.elapsed().as_secs_f64();
    let summary = cloud.control("GET", "/_cloud/summary", None);
    for (name, bucket) in summary["buckets"].as_object().unwrap() {
        // On a loaded machine a call sent in time arrives beside the next one. Of a hundred calls that is none at all;
        // of thirty, where one is three in a hundred, nothing could be told from it.
        let (calls, over) = (bucket["calls"].as_u64().unwrap_or(0), bucket["over"].as_u64().unwrap_or(0));
        assert!(over <= (calls / 100).max(AT_ONCE), "{command:?}: {name} was overdrawn: {bucket}");
    }
    let said = ran.said().to_lowercase();
    for word in ["rate exceeded", "too many requests", "throttl"] {
        assert!(!said.contains(word), "{command:?}: {said}");
    }
    (took, summary)
}

#[test]
fn a_large_service_keeps_the_quotas_and_loses_no_time() {
    let slow = std::env::var_os("HOIST_SLOW").is_some();
    let number = std::env::var("HOIST_THROTTLED_FUNCTIONS").ok().and_then(|text| text.parse::<u32>().ok());
    let functions = number.unwrap_or(if slow { LARGE } else { ORDINARY });
    let cloud = Cloud::own("aws");
    // The quotas are the floor: what the calls themselves take is made small, and IAM's time is left out.
    cloud.set(json!({"latency.scale": 0.1, "consistency.role_assumable_s": 0, "consistency.role_policy_s": 0}));
    queues(&cloud.boto_behind(), functions);
    let project = Project::new(&config(functions, &cloud.account));
    let (took, summary) = within_the_quotas(&project, &cloud, &["deploy", "--yes"]);
    // Each function takes three calls at the least: it, its permission and its mapping.
    let floor = (3.0 * f64::from(functions) - LAMBDA) / LAMBDA;
    if slow {
        assert!(took <= floor * 1.15, "{took:.1} s where the quotas allow {floor:.1}: {summary}");
    }
    let drawn = summary["buckets"]["lambda.rest"]["calls"].as_f64().unwrap();
    assert!(drawn <= 3.1 * f64::from(functions) + 10.0, "{drawn} calls of Lambda for {functions} functions: {summary}");
    let (_, summary) = within_the_quotas(&project, &cloud, &["deploy", "--yes"]);
    assert_eq!(summary["writes"], 0, "{summary}");
    within_the_quotas(&project, &cloud, &["remove", "--yes"]);
}
