//! Whatever answers in AWS's place: a clear error, in bounded time and memory.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Cloud, Project, Ran};

const CONFIG: &str =
    "service: shop\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n  hello:\n    handler: handler.handler\n";

/// A bad answer to an operation for ever: what is said about it, and how long it may take.
struct Case {
    operation: &'static str,
    fault: &'static str,
    says: &'static [&'static str],
    within: u64,
}

const fn case(operation: &'static str, fault: &'static str, says: &'static [&'static str], within: u64) -> Case {
    Case { operation, fault, says, within }
}

const CASES: &[Case] = &[
    case("sts.GetCallerIdentity", "malformed", &["sts", "cannot be read"], 40),
    case("logs.DescribeLogGroups", "malformed", &["logs", "cannot be read"], 40),
    // Carried out all the same, so the second attempt meets what the first one made.
    case("lambda.CreateFunction", "malformed", &["lambda"], 60),
    case("iam.CreateRole", "malformed", &["iam"], 60),
    case("logs.DescribeLogGroups", "truncated", &["logs"], 100),
    case("logs.DescribeLogGroups", "huge", &["logs"], 100),
    case("sts.GetCallerIdentity", "huge", &["sts"], 100),
    case("logs.DescribeLogGroups", "endless", &["logs"], 100),
    case("sts.GetCallerIdentity", "clock-skew", &["clock"], 20),
    case("lambda.CreateFunction", "clock-skew", &["clock"], 30),
    case("sts.GetCallerIdentity", "expired-token", &["expired"], 20),
    case("lambda.CreateFunction", "expired-token", &["expired"], 30),
    case("s3.GetObject", "hang", &["s3", "did not answer in time"], 100),
    case("sts.GetCallerIdentity", "hang", &["sts", "did not answer in time"], 100),
    // Only with HOIST_SLOW: it takes two minutes.
    case("logs.DescribeLogGroups", "hang", &["logs", "did not answer in time"], 200),
];

/// More than any of this may take, with the debug build's own share: the huge answer alone has 64 MB.
const MOST_MEGABYTES: u64 = 250;

/// Runs a command with its memory limited, to its end.
fn bounded(mut command: Command) -> (Ran, Duration) {
    let began = Instant::now();
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let watched = std::thread::spawn(move || {
        let mut peak = 0;
        while let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) {
            let line = status.lines().find(|line| line.starts_with("VmHWM"));
            let Some(kilobytes) = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()) else {
                break;
            };
            peak = kilobytes / 1024;
            std::thread::sleep(Duration::from_millis(50));
        }
        peak
    });
    let ran = Ran::of(child.wait_with_output().unwrap());
    let megabytes = watched.join().unwrap();
    assert!(megabytes < MOST_MEGABYTES, "{megabytes} MB: {}", ran.said());
    (ran, began.elapsed())
}

#[test]
fn bad_answers_end_in_clear_errors() {
    let cloud = Cloud::own("calm");
    let problems: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = CASES
            .iter()
            .filter(|case| case.within <= 100 || std::env::var_os("HOIST_SLOW").is_some())
            .map(|case| {
                let cloud = cloud.another();
                scope.spawn(move || {
                    let project = Project::new(CONFIG);
                    cloud.fault(case.operation, 1, case.fault, 0);
                    let (ran, took) = bounded(project.command_on(&cloud, ["deploy", "--yes"]));
                    let said = ran.stderr.to_lowercase();
                    let silent: Vec<_> = case.says.iter().filter(|text| !said.contains(**text)).collect();
                    let wrong = ran.code != 1 || !silent.is_empty() || took > Duration::from_secs(case.within);
                    let wrong = wrong || said.contains("panicked") || said.contains("hoist broke");
                    wrong.then(|| format!("{} {}: {took:?}, {}, {}", case.operation, case.fault, ran.code, ran.said()))
                })
            })
            .collect();
        runs.into_iter().filter_map(|run| run.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn a_passing_fault_is_not_even_noticed() {
    let cloud = Cloud::own("calm");
    std::thread::scope(|scope| {
        for fault in [
            "cut-before",
            "cut-after",
            "status-500",
            "empty-500",
            "status-502",
            "status-503",
            "status-500-after",
            "throttle",
            "truncated",
            "malformed",
        ] {
            let cloud = cloud.another();
            scope.spawn(move || {
                let project = Project::new(CONFIG);
                for operation in ["iam.CreateRole", "lambda.CreateFunction", "s3.PutObject", "logs.CreateLogGroup"] {
                    // An error without a code could mean anything.
                    if (operation, fault) != ("s3.PutObject", "malformed") {
                        cloud.fault(operation, 1, fault, 1);
                    }
                }
                let ran = project.on(&cloud, ["deploy", "--yes"]);
                assert_eq!(ran.code, 0, "{fault}: {}", ran.said());
                project.deploy(&cloud).says("nothing to do");
            });
        }
    });
}

fn deploy_to(address: &str) -> (Ran, Duration) {
    let project = Project::new(CONFIG);
    let mut command = project.command(["deploy", "--yes"]);
    command.env("AWS_ENDPOINT_URL", address).env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    bounded(command)
}

#[test]
fn a_name_that_does_not_resolve() {
    let (ran, took) = deploy_to("http://no-such-host.invalid:4566");
    assert!(took < Duration::from_secs(40), "{took:?}");
    ran.code(1).says("does not resolve").says("no-such-host.invalid");
}

#[test]
fn nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (ran, took) = deploy_to(&format!("http://{free}"));
    assert!(took < Duration::from_secs(30), "{took:?}");
    ran.code(1).says("cannot be reached").says("AWS_ENDPOINT_URL");
}

#[test]
fn what_answers_speaks_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        }
    });
    let (ran, took) = deploy_to(&format!("https://{address}"));
    assert!(took < Duration::from_secs(40), "{took:?}");
    ran.code(1).says("no trusted connection");
}
