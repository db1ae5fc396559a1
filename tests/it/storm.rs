//! Random worlds: a service, a change to it and a schedule of faults, all drawn from a seed.
//!
//! `HOIST_CLOUD_WORLDS` says how many, `HOIST_CLOUD_SEED` which is the first: the ordinary run sails through the same
//! worlds every time, the nightly one through new ones. A failure prints the command that shows it
//! again: a world depends on its own seed alone, and the order in which parallel calls arrive.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, Ran, difference};

/// In the ordinary run.
const WORLDS: u64 = 200;
/// Worlds at a time: they wait more than they work.
const AT_ONCE: usize = 10;
const SECRET: &str = "marker-of-the-secret-5kq";
/// What a deploy has to survive without anybody noticing.
const FAULTS: [&str; 9] = [
    "cut-before",
    "cut-after",
    "status-500",
    "empty-500",
    "status-502",
    "status-503",
    "status-500-after",
    "throttle",
    "truncated",
];

/// splitmix64
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// A serverless.yml. Two drawn after another differ in a few lines, or in everything.
fn service(name: &str, draw: &mut Draw) -> String {
    let mut text = format!("service: {name}\nprovider:\n  name: aws\n  runtime: python3.13\n");
    let line = |text: &mut String, indent: usize, what: &str| writeln!(text, "{:indent$}{what}", "").unwrap();
    let some = |draw: &mut Draw, text: &mut String, indent: usize, lines: &[&str]| {
        if draw.one_in(2) {
            writeln!(text, "{:indent$}{}", "", draw.of(lines)).unwrap();
        }
    };
    some(draw, &mut text, 2, &["logRetentionInDays: 7", "logRetentionInDays: 30"]);
    some(draw, &mut text, 2, &["memorySize: 256", "memorySize: 512"]);
    some(draw, &mut text, 2, &["timeout: 3", "timeout: 20"]);
    some(draw, &mut text, 2, &["versionFunctions: false", "tracing: {lambda: true}", "tags: {team: a}"]);
    line(&mut text, 2, "environment:");
    line(&mut text, 4, "PASSWORD: ${ssm:/storm/password}");
    some(draw, &mut text, 4, &["MODE: plain", "MODE: loud"]);
    let has_raw = draw.one_in(3);
    if has_raw {
        line(&mut text, 4, "QUEUE: !Ref Raw");
    }
    line(&mut text, 0, "functions:");
    let names: Vec<&str> = ["one", "two", "three"].into_iter().filter(|_| !draw.one_in(3)).collect();
    for name in if names.is_empty() { vec!["one"] } else { names } {
        line(&mut text, 2, &format!("{name}:"));
        line(&mut text, 4, "handler: handler.handler");
        some(draw, &mut text, 4, &["url: true", "url: {cors: true}", "url: {authorizer: aws_iam}"]);
        some(draw, &mut text, 4, &["memorySize: 1024", "timeout: 9", "description: drawn", "reservedConcurrency: 3"]);
        some(draw, &mut text, 4, &["environment: {OWN: a}", "environment: {OWN: b, MORE: c}", "tags: {own: tag}"]);
        some(draw, &mut text, 4, &["architecture: arm64", "ephemeralStorageSize: 1024"]);
        let mut events = BTreeSet::new();
        for _ in 0..draw.below(3) {
            events.insert(draw.of(&[
                "schedule: rate(1 hour)",
                "schedule: {rate: rate(2 hours), enabled: false}",
                "sns: storm-topic",
                "eventBridge: {pattern: {source: [storm]}}",
                "httpApi: GET /NAME",
                "http: {path: NAME, method: get}",
            ]));
        }
        if !events.is_empty() {
            line(&mut text, 4, "events:");
        }
        for event in events {
            line(&mut text, 6, &format!("- {}", event.replace("NAME", name)));
        }
    }
    if has_raw {
        line(&mut text, 0, "resources:");
        line(&mut text, 2, "Resources:");
        let seconds = draw.of(&[30, 60]);
        line(
            &mut text,
            4,
            &format!(
                "Raw: {{Type: AWS::SQS::Queue, Properties: {{QueueName: {name}-raw, VisibilityTimeout: {seconds}}}}}"
            ),
        );
        some(
            draw,
            &mut text,
            4,
            &[
                "More: {Type: AWS::SNS::Topic}",
                "Late: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt IamRoleLambdaExecution.Arn}}",
            ],
        );
    }
    text
}

/// What somebody else has in the account, in the way.
fn foreign(name: &str, boto: &Boto, cloud: &Cloud) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let account = cloud.account.as_str();
    let make = |service, operation, parameters| boto.call_in(account, service, operation, parameters);
    make(
        "iam",
        "create_role",
        json!({"RoleName": format!("{name}-dev-foreign"), "AssumeRolePolicyDocument": trust.to_string()}),
    );
    make("logs", "create_log_group", json!({"logGroupName": format!("/aws/lambda/{name}-dev-foreign")}));
    make("sns", "create_topic", json!({"Name": "storm-foreign", "Tags": [{"Key": "hoist:service", "Value": "other"}]}));
    make("events", "put_rule", json!({"Name": format!("{name}-dev-foreign"), "ScheduleExpression": "rate(1 day)"}));
    make("ssm", "put_parameter", json!({"Name": "/storm/password", "Type": "SecureString", "Value": SECRET}));
}

/// One world, from its seed. What does not hold is the error.
fn sail(cloud: &Cloud, boto: &Boto, seed: u64) -> Result<(), String> {
    let mut draw = Draw(seed);
    // Does not disturb what the world is drawn from.
    let mut looks = Draw(!seed);
    let cloud = cloud.another();
    let name = format!("storm{}", seed % 100_000);
    foreign(&name, boto, &cloud);
    let untouched = boto.state(&cloud.account);
    let first = service(&name, &mut draw);
    let second = service(&name, &mut draw);
    let project = Project::new(&first);
    for (what, config) in [("first", Some(&first)), ("changed", Some(&second)), ("removed", None)] {
        if let Some(config) = config {
            project.write("serverless.yml", config);
            if draw.one_in(2) {
                project.write("handler.py", &format!("def handler(e, c):\n    return {}\n", draw.below(1000)));
            }
        }
        let command: &[&str] = if config.is_some() { &["deploy", "--yes"] } else { &["remove", "--yes"] };
        let mut story = String::new();
        for _ in 0..draw.below(5) {
            let (nth, fault) = (draw.below(40) + 1, draw.of(&FAULTS));
            write!(story, "{fault} at {nth}; ").unwrap();
            cloud.fault("*", usize::try_from(nth).unwrap(), fault, 1);
        }
        let ran = told(&project, &cloud, command)?;
        let fails = |problem: &str| {
            let config = config.unwrap_or(&second);
            Err(format!("{what}: {problem} ({story})\n{}\n{config}\nbefore:\n{first}", ran.said()))
        };
        if ran.code != 0 {
            return fails(&format!("it ended with {}", ran.code));
        }
        let live = boto.state(&cloud.account);
        if let Some(problem) = damage(&untouched, &live).or_else(|| doubled(&live)) {
            return fails(&problem);
        }
        if config.is_none() && live != untouched {
            return fails(&format!("something is left: {}", difference(&untouched, &live, "")));
        }
        if cloud.lease(&name).is_none_or(|(state, _)| state != "free") {
            return fails("the lease is not free");
        }
        // The second plan is empty: the one that reads everything, or the one that trusts the marks of the first.
        let again = match (config, looks.one_in(2)) {
            (Some(_), true) => told(&project, &cloud, &["diff", "--exit-code"])?,
            // Nothing is left, as was seen: now and then hoist is to see that too.
            (None, true) => return Ok(()),
            (_, false) => told(&project, &cloud, command)?,
        };
        if again.code != 0 || !again.said().contains("nothing to do") {
            let now = project.on(&cloud, ["diff"]).stdout;
            return fails(&format!("the second plan is not empty: {}\n{now}\nthe first run said:", again.said()));
        }
    }
    Ok(())
}

/// Runs it and looks for the secret in whatever it said and wrote.
fn told(project: &Project, cloud: &Cloud, command: &[&str]) -> Result<Ran, String> {
    let ran = project.on(cloud, command);
    let written = std::fs::read_to_string(project.path().join(".hoist/resources.json")).unwrap_or_default();
    if ran.said().contains(SECRET) || written.contains(SECRET) {
        return Err(format!("the secret was told: {}", ran.said()));
    }
    Ok(ran)
}

/// Whether everything that was there before is as it was.
fn damage(before: &Value, now: &Value) -> Option<String> {
    let kinds = before.as_object().unwrap();
    kinds.iter().find_map(|(kind, things)| {
        let things = things.as_object()?;
        let (name, _) = things.iter().find(|(name, thing)| now[kind].get(name.as_str()) != Some(thing))?;
        Some(format!("{kind} {name}, which is not ours, is now {}", now[kind][name.as_str()]))
    })
}

/// What has no name of its own must not be there twice.
fn doubled(live: &Value) -> Option<String> {
    let twice = |list: &Value, what: &str| {
        let list = list.as_array()?;
        let found = list.iter().enumerate().find(|(nth, one)| list[..*nth].contains(one))?;
        Some(format!("{what} is there twice: {}", found.1))
    };
    let topics = live["topics"].as_object().unwrap().values().find_map(|topic| twice(&topic["to"], "a subscription"));
    topics.or_else(|| twice(&live["mappings"], "a mapping")).or_else(|| twice(&live["named"], "an API"))
}

#[test]
fn random_worlds_keep_every_promise() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let worlds = number("HOIST_CLOUD_WORLDS").unwrap_or(WORLDS);
    let first = number("HOIST_CLOUD_SEED").unwrap_or(1);
    let cloud = Cloud::own("storm");
    // Faults come from the worlds' own seeds; delays are short, so that there is time for many worlds.
    cloud.set(json!({
        "faults.rate": 0.0, "latency.scale": 0.02, "quotas.enabled": false, "consistency.tagging_s": 12,
        "consistency.role_assumable_s": 0.7, "consistency.role_policy_s": 0.5,
    }));
    let (next, problems) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(usize::try_from(worlds).unwrap()) {
            scope.spawn(|| {
                let boto = cloud.boto_behind();
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= worlds {
                        return;
                    }
                    let seed = first.wrapping_add(nth);
                    if let Err(problem) = sail(&cloud, &boto, seed) {
                        let again = format!("HOIST_CLOUD_SEED={seed} HOIST_CLOUD_WORLDS=1 cargo test --test it storm");
                        let mut problems = problems.lock().unwrap_or_else(PoisonError::into_inner);
                        problems.push(format!("{again}\n{problem}"));
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{} of {worlds} worlds:\n\n{}", problems.len(), problems.join("\n\n"));
}
