//! A run that makes something else than the last one holds its lease while it still reads, and gives it back whatever
//! comes of that.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Cloud, Project, Ran, signal};

const CONFIG: &str = "
service: shop
provider: {name: aws, runtime: python3.13, environment: {MODE: plain}}
functions:
  hello:
    handler: handler.handler
";

const FREE: (&str, bool) = ("free", true);

/// An account in which the service was deployed, and then its file was changed.
fn changed() -> (Cloud, Project) {
    let cloud = Cloud::shared().another();
    let project = Project::new(CONFIG);
    project.deploy(&cloud);
    cloud.forget_calls();
    project.write("serverless.yml", &CONFIG.replace("plain", "loud"));
    (cloud, project)
}

fn lease(cloud: &Cloud) -> (String, bool) {
    cloud.lease("shop").unwrap()
}

fn until_it_is_held(cloud: &Cloud) {
    let began = Instant::now();
    while lease(cloud).0 != "held" {
        assert!(began.elapsed() < Duration::from_secs(10), "it is not held while it reads");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_free(cloud: &Cloud) {
    assert_eq!(lease(cloud), (FREE.0.into(), FREE.1));
}

fn is_of_the_lease(call: &Value) -> bool {
    call["params"]["Key"].as_str().is_some_and(|key| key.starts_with("leases/"))
}

/// What was written, the lease itself left out.
fn writes(cloud: &Cloud) -> Vec<Value> {
    cloud.own_calls().into_iter().filter(|call| call["reads"] == false && !is_of_the_lease(call)).collect()
}

#[test]
fn while_it_reads_nobody_else_begins_and_it_goes_on_without_taking_it_again() {
    let (cloud, project) = changed();
    let held = cloud.hold("lambda.GetFunction", "before");
    let first = project.start(&cloud, ["deploy"]);
    held.caught();
    until_it_is_held(&cloud);
    let second = project.on(&cloud, ["deploy", "--lock-timeout", "0s"]).code(1);
    assert!(second.stderr.contains(&format!("(pid {})", first.id())), "{}", second.stderr);
    assert_eq!(writes(&cloud), Vec::<Value>::new());
    held.release();
    Ran::of(first.wait_with_output().unwrap()).success();
    is_free(&cloud);
    // Taken and given back.
    let calls = cloud.own_calls();
    let leases = calls.iter().filter(|call| call["reads"] == false && is_of_the_lease(call));
    assert_eq!(leases.count(), 2);
    cloud.forget_calls();
    project.deploy(&cloud).says("nothing to do");
    assert!(cloud.own_calls().iter().all(|call| call["reads"] == true), "whoever has nothing to do takes no lease");
}

#[test]
fn a_stop_while_it_reads_gives_it_back() {
    let (cloud, project) = changed();
    let held = cloud.hold("lambda.GetFunction", "before");
    let child = project.start(&cloud, ["deploy"]);
    held.caught();
    until_it_is_held(&cloud);
    signal(child.id(), "INT");
    let ran = Ran::of(child.wait_with_output().unwrap()).code(130);
    drop(held);
    assert!(ran.stderr.contains("before anything was changed"), "{}", ran.stderr);
    is_free(&cloud);
    assert_eq!(writes(&cloud), Vec::<Value>::new());
}

#[test]
fn what_is_refused_gives_it_back() {
    let (cloud, project) = changed();
    let boto = cloud.boto();
    boto.call("sns", "create_topic", json!({"Name": "orders"}));
    project.write("serverless.yml", &format!("{CONFIG}    events: [sns: orders]\n"));
    cloud.forget_calls();
    let ran = project.on(&cloud, ["deploy"]).code(1);
    assert!(ran.stderr.contains("--adopt"), "{}", ran.stderr);
    is_free(&cloud);
    assert_eq!(writes(&cloud), Vec::<Value>::new());
    // Nobody can be asked here whether a function may be deleted.
    project.write("serverless.yml", &CONFIG.replace("hello", "hallo"));
    cloud.forget_calls();
    let ran = project.on(&cloud, ["deploy"]).code(1);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    is_free(&cloud);
    assert_eq!(writes(&cloud), Vec::<Value>::new());
}
