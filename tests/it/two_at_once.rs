//! Two deploys of one stage: one waits or gives up with the holder named, and never do both write.

use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Cloud, Project, Ran, signal};

const CONFIG: &str = "
service: shop
provider: {name: aws, runtime: python3.13, environment: {MODE: plain}}
functions:
  hello:
    handler: handler.handler
  other:
    handler: handler.handler
";

fn end(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

/// What this account was asked to write, leases left out.
fn writes(cloud: &Cloud) -> Vec<String> {
    let calls = cloud.own_calls();
    let writes = calls.iter().filter(|call| call["reads"] == false && call["service"] != "s3");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    writes.map(|call| format!("{}.{}", text(&call["service"]), text(&call["operation"]))).collect()
}

#[test]
fn who_does_not_wait_hears_who_holds_it_and_writes_nothing() {
    let cloud = Cloud::shared().another();
    let project = Project::new(CONFIG);
    let held = cloud.hold("iam.CreateRole", "before");
    let first = project.start(&cloud, ["deploy", "--yes"]);
    held.caught();
    let before = writes(&cloud);
    let second = project.on(&cloud, ["deploy", "--yes", "--lock-timeout", "0s"]).code(1);
    assert!(second.stderr.contains(&format!("(pid {})", first.id())), "{}", second.stderr);
    assert!(second.stderr.contains("--lock-timeout"), "{}", second.stderr);
    let removal = project.on(&cloud, ["remove", "--yes", "--lock-timeout", "0s"]);
    assert!(removal.code == 1 || removal.said().contains("nothing to do"), "{}", removal.said());
    // Log groups and the like that the first makes meanwhile are its own.
    let after = writes(&cloud);
    assert!(after.iter().all(|write| !write.contains("Delete")), "{after:?}");
    assert_eq!(after.iter().filter(|write| *write == "iam.CreateRole").count(), 1, "{before:?} {after:?}");
    held.release();
    end(first).success();
}

#[test]
fn who_waits_goes_on_from_what_the_other_did() {
    let cloud = Cloud::shared().another();
    let (ours, theirs) = (Project::new(CONFIG), Project::new(&CONFIG.replace("plain", "loud")));
    let held = cloud.hold("lambda.CreateFunction", "before");
    let first = ours.start(&cloud, ["deploy", "--yes"]);
    held.caught();
    let waiting = theirs.start(&cloud, ["deploy", "--yes", "--lock-timeout", "60s"]);
    let before = writes(&cloud).len();
    // Long enough to do something wrong in.
    std::thread::sleep(Duration::from_secs(3));
    let meanwhile = writes(&cloud).split_off(before);
    assert!(meanwhile.iter().all(|write| write != "iam.CreateRole"), "{meanwhile:?}");
    held.release();
    end(first).success();
    let waited = end(waiting).success();
    assert!(waited.stderr.contains("waiting for"), "{}", waited.stderr);
    let made = writes(&cloud);
    for once in ["iam.CreateRole", "iam.PutRolePolicy"] {
        assert_eq!(made.iter().filter(|write| *write == once).count(), 1, "{made:?}");
    }
    assert_eq!(made.iter().filter(|write| *write == "lambda.CreateFunction").count(), 2, "{made:?}");
    let live = cloud.boto().function("shop-dev-hello").unwrap();
    assert_eq!(live["Configuration"]["Environment"]["Variables"]["MODE"], "loud", "the later one counts");
}

#[test]
fn a_paused_deploy_that_lost_its_lease_stops_before_its_next_write() {
    let cloud = Cloud::shared().another();
    let project = Project::new(CONFIG);
    let mut command = project.command_on(&cloud, ["deploy", "--yes"]);
    command.env("HOIST_LEASE_SECONDS", "3");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    // Held after it was carried out: what is under way when a process is paused cannot be called back.
    let held = cloud.hold("iam.CreateRole", "after");
    let paused = command.spawn().unwrap();
    held.caught();
    signal(paused.id(), "STOP");
    // Its process is there, so its lease is waited for.
    let other = project.on(&cloud, ["deploy", "--yes", "--lock-timeout", "60s"]).success();
    assert!(other.stderr.contains("waiting for"), "{}", other.stderr);
    let before = writes(&cloud);
    held.release();
    signal(paused.id(), "CONT");
    let ended = end(paused).code(1);
    assert!(ended.stderr.contains("the lease on this stage was lost"), "{}", ended.stderr);
    assert_eq!(writes(&cloud), before, "{}", ended.stderr);
    project.deploy(&cloud).says("nothing to do");
}
