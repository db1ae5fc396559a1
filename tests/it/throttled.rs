//! Under AWS's own quotas: nobody hears of a throttle, no bucket is overdrawn, and no time is lost.
//!
//! Takes a minute and more, most of it waiting for the quotas: only with `HOIST_SLOW=1`. `HOIST_THROTTLED_FUNCTIONS`
//! says how many functions, 300 by default.

use std::fmt::Write;
use std::time::Instant;

use serde_json::json;

use crate::support::{Cloud, Project};

#[test]
fn a_large_service_keeps_the_quotas_and_loses_no_time() {
    if std::env::var_os("HOIST_SLOW").is_none() {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let functions = number("HOIST_THROTTLED_FUNCTIONS").unwrap_or(300);
    let cloud = Cloud::own("aws");
    // The quotas are the floor: what the calls themselves take is made small, and IAM's time is left out.
    cloud.set(json!({"latency.scale": 0.1, "consistency.role_assumable_s": 0, "consistency.role_policy_s": 0}));
    let mut config =
        "service: large\nprovider: {name: aws, runtime: python3.13, versionFunctions: false}\nfunctions:\n".to_owned();
    for nth in 0..functions {
        writeln!(config, "  f{nth}:\n    handler: handler.handler\n    timeout: 10").unwrap();
        writeln!(config, "    events: [{{httpApi: GET /f{nth}}}]").unwrap();
    }
    let project = Project::new(&config);
    cloud.forget_calls();
    let began = Instant::now();
    let ran = project.deploy(&cloud);
    let took = began.elapsed().as_secs_f64();
    let summary = cloud.control("GET", "/_cloud/summary", None);
    let buckets = summary["buckets"].as_object().unwrap();
    for (name, bucket) in buckets {
        let share = bucket["share"].as_f64().unwrap_or(0.0);
        assert!(share <= 0.01, "{name} was overdrawn: {bucket}");
    }
    assert!(!ran.stderr.to_lowercase().contains("rate exceeded"), "{}", ran.stderr);
    // Everything of Lambda but GetFunction shares 15 calls a second, after a burst of as many.
    let drawn = buckets["lambda.rest"]["calls"].as_f64().unwrap();
    let floor = ((drawn - 15.0) / 15.0).max(1.0);
    assert!(took <= floor * 1.15 + 3.0, "{took:.1} s where the quotas allow {floor:.1}: {summary}");
    cloud.forget_calls();
    project.deploy(&cloud).says("nothing to do");
}
