//! Ctrl-C, SIGTERM and a closed terminal in every phase: it ends in time, says where it stands, and gives the lease back.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Cloud, Project, Ran, python, signal};

const CONFIG: &str = "
service: shop
provider: {name: aws, runtime: python3.13, logRetentionInDays: 7}
functions:
  hello:
    handler: handler.handler
    url: true
";

const SIGNALS: [&str; 3] = ["INT", "TERM", "HUP"];

/// CI systems kill after 10 s.
const IN_TIME: Duration = Duration::from_secs(8);

/// Signals a process and waits for its end, which has to come in time.
fn interrupt(child: Child, name: &str) -> Ran {
    signal(child.id(), name);
    ended_in_time(child)
}

fn ended_in_time(child: Child) -> Ran {
    let began = Instant::now();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert!(began.elapsed() < IN_TIME, "took {:?}: {}", began.elapsed(), ran.said());
    ran
}

/// The next deploy goes on at once, and the one after it finds nothing to do.
fn next_one_finishes(project: &Project, cloud: &Cloud) {
    let began = Instant::now();
    project.deploy(cloud);
    assert!(began.elapsed() < Duration::from_secs(25), "it waited for the lease");
    project.deploy(cloud).says("nothing to do");
}

#[test]
fn while_it_reads_nothing_was_changed() {
    for name in SIGNALS {
        for phase in ["sts.GetCallerIdentity", "s3.GetObject", "logs.DescribeLogGroups"] {
            let cloud = Cloud::shared().another();
            let project = Project::new(CONFIG);
            let held = cloud.hold(phase, "before");
            let child = project.start(&cloud, ["deploy", "--yes"]);
            held.caught();
            let ran = interrupt(child, name).code(130);
            assert!(ran.stderr.contains("before anything was changed"), "{phase}: {}", ran.stderr);
            drop(held);
            assert!(cloud.own_calls().iter().all(|call| call["reads"] == true), "{phase}");
            assert_eq!(cloud.lease("shop"), None);
        }
    }
}

#[test]
fn while_it_applies_it_says_what_was_done_and_gives_the_lease_back() {
    for name in SIGNALS {
        let cloud = Cloud::shared().another();
        let project = Project::new(CONFIG);
        let held = cloud.hold("lambda.CreateFunction", "before");
        let child = project.start(&cloud, ["deploy", "--yes"]);
        held.caught();
        signal(child.id(), name);
        // What is under way is finished, and nothing after it is started.
        std::thread::sleep(Duration::from_millis(300));
        held.release();
        let ran = ended_in_time(child).code(130);
        assert!(ran.stderr.contains("not finished"), "{}", ran.stderr);
        assert!(ran.stderr.contains("done") && ran.stderr.contains("not started"), "{}", ran.stderr);
        assert!(cloud.boto().function("shop-dev-hello").is_some());
        assert!(cloud.own_calls().iter().all(|call| call["operation"] != "CreateFunctionUrlConfig"));
        assert_eq!(cloud.lease("shop"), Some(("free".into(), false)));
        next_one_finishes(&project, &cloud);
    }
}

#[test]
fn a_call_that_does_not_end_is_let_go() {
    let cloud = Cloud::shared().another();
    let project = Project::new(CONFIG);
    let held = cloud.hold("lambda.CreateFunction", "before");
    let child = project.start(&cloud, ["deploy", "--yes"]);
    held.caught();
    let ran = interrupt(child, "TERM").code(130);
    assert!(ran.stderr.contains("not finished"), "{}", ran.stderr);
    assert_eq!(cloud.lease("shop"), Some(("free".into(), false)));
    drop(held);
    next_one_finishes(&project, &cloud);
}

#[test]
fn a_second_signal_stops_at_once() {
    let cloud = Cloud::shared().another();
    let project = Project::new(CONFIG);
    let held = cloud.hold("lambda.CreateFunction", "before");
    let child = project.start(&cloud, ["deploy", "--yes"]);
    held.caught();
    signal(child.id(), "INT");
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    let ran = interrupt(child, "INT").code(130);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(ran.stderr.contains("stopped at once"), "{}", ran.stderr);
    drop(held);
    // Its process is gone, so its lease is not waited for.
    next_one_finishes(&project, &cloud);
}

#[test]
fn while_it_waits_for_iam() {
    let cloud = Cloud::own("calm");
    cloud.set(json!({"consistency.role_assumable_s": 30}));
    let project = Project::new(CONFIG);
    let child = project.start(&cloud, ["deploy", "--yes"]);
    let refused =
        || cloud.own_calls().iter().any(|call| call["operation"] == "CreateFunction" && call["status"] == 400);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !refused() {
        assert!(Instant::now() < deadline, "IAM was not waited for");
        std::thread::sleep(Duration::from_millis(50));
    }
    let ran = interrupt(child, "INT").code(130);
    assert!(ran.stderr.contains("not finished"), "{}", ran.stderr);
    assert_eq!(cloud.lease("shop"), Some(("free".into(), false)));
    cloud.set(json!({"consistency.role_assumable_s": 0}));
    next_one_finishes(&project, &cloud);
}

#[test]
fn while_it_waits_for_another_deploy() {
    let cloud = Cloud::shared().another();
    let project = Project::new(CONFIG);
    let held = cloud.hold("iam.CreateRole", "before");
    let first = project.start(&cloud, ["deploy", "--yes"]);
    held.caught();
    let mut waiting = project.start(&cloud, ["deploy", "--yes", "--lock-timeout", "60s"]);
    let mut said = String::new();
    let stderr = waiting.stderr.as_mut().unwrap();
    while !said.contains("waiting for") {
        let mut byte = [0];
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{said}");
        said.push(char::from(byte[0]));
    }
    interrupt(waiting, "INT").code(130).says("before anything was changed");
    held.release();
    Ran::of(first.wait_with_output().unwrap()).success();
    assert_eq!(cloud.lease("shop"), Some(("free".into(), true)), "the holder's lease was left alone");
}

#[test]
fn while_the_lease_is_taken() {
    for (name, when) in [("INT", "before"), ("TERM", "after"), ("HUP", "before")] {
        let cloud = Cloud::shared().another();
        let project = Project::new(CONFIG);
        let held = cloud.hold("s3.PutObject", when);
        let child = project.start(&cloud, ["deploy", "--yes"]);
        held.caught();
        let ran = interrupt(child, name).code(130);
        assert!(ran.stderr.contains("before anything was changed"), "{}", ran.stderr);
        // What was on its way arrives now: a lease of somebody who is gone.
        held.release();
        assert!(cloud.own_calls().iter().all(|call| call["reads"] == true || call["service"] == "s3"), "{name}");
        next_one_finishes(&project, &cloud);
    }
}

#[test]
fn while_the_lease_is_given_back() {
    for name in SIGNALS {
        let cloud = Cloud::shared().another();
        let project = Project::new(CONFIG);
        let last = cloud.hold("lambda.CreateFunctionUrlConfig", "before");
        let child = project.start(&cloud, ["deploy", "--yes"]);
        last.caught();
        let held = cloud.hold_at("s3.PutObject", "*/leases/*", "before");
        last.release();
        held.caught();
        let ran = interrupt(child, name);
        assert!(ran.stderr.contains("the lease expires by itself"), "{name}: {}", ran.stderr);
        held.release();
        next_one_finishes(&project, &cloud);
    }
}

#[test]
fn while_it_removes() {
    for name in SIGNALS {
        let cloud = Cloud::shared().another();
        let project = Project::new(CONFIG);
        project.deploy(&cloud);
        let held = cloud.hold("lambda.DeleteFunction", "before");
        let child = project.start(&cloud, ["remove", "--yes"]);
        held.caught();
        signal(child.id(), name);
        std::thread::sleep(Duration::from_millis(300));
        held.release();
        let ran = ended_in_time(child).code(130);
        assert!(ran.stderr.contains("not finished"), "{}", ran.stderr);
        assert!(cloud.own_calls().iter().all(|call| call["operation"] != "DeleteRole"), "it waits for the function");
        assert_eq!(cloud.lease("shop"), Some(("free".into(), false)));
        project.on(&cloud, ["remove", "--yes"]).success();
        project.on(&cloud, ["remove", "--yes"]).success().says("nothing to do");
    }
}

/// Runs a command on a terminal of its own and does to it what standard input says: `wait TEXT`, `type TEXT`, `signal
/// NAME`, `close`. Then prints its exit code and what the terminal showed.
const TERMINAL: &str = r#"
import os, pty, select, signal, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ)
shown = b""
def read(until, seconds):
    global shown
    end = time.monotonic() + seconds
    while time.monotonic() < end and (until is None or until not in shown):
        if fd is None or not select.select([fd], [], [], 0.1)[0]:
            if fd is None: return
            continue
        try:
            got = os.read(fd, 65536)
        except OSError:
            return
        if not got: return
        shown += got
for line in sys.stdin:
    what, _, text = line.rstrip("\n").partition(" ")
    if what == "wait": read(text.encode(), 60)
    if what == "type": os.write(fd, text.encode().decode("unicode_escape").encode())
    if what == "signal": os.kill(pid, getattr(signal, "SIG" + text))
    if what == "close":
        os.close(fd)
        fd = None
began = time.monotonic()
read(None, 12) if fd is not None else None
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), round(time.monotonic() - began, 1))
print(shown.decode("utf-8", "replace"))
"#;

#[test]
fn at_the_prompt_every_way_out_means_no() {
    let cloud = Cloud::shared().another();
    let project = Project::new(&format!("{CONFIG}  other:\n    handler: handler.handler\n"));
    project.deploy(&cloud);
    project.write("serverless.yml", CONFIG);
    // 3 is Ctrl-C as a key.
    for (way, code) in [
        ("signal INT", 130),
        ("signal TERM", 130),
        ("signal HUP", 130),
        ("type \\x03", 130),
        ("close", 130),
        ("type n\\n", 130),
    ] {
        let wanted = project.command_on(&cloud, ["deploy"]);
        let mut child = Command::new(python())
            .args(["-c", TERMINAL])
            .arg(wanted.get_program())
            .args(wanted.get_args())
            .current_dir(project.path())
            .env_clear()
            .envs(wanted.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("wait [y/N]\n{way}\n").as_bytes()).unwrap();
        let shown = Ran::of(child.wait_with_output().unwrap()).success().stdout;
        let (head, rest) = shown.split_once('\n').unwrap();
        let (ended, took) = head.split_once(' ').unwrap();
        assert!(rest.contains("[y/N]"), "{way}: {shown}");
        assert_eq!(ended, code.to_string(), "{way}: {shown}");
        assert!(took.parse::<f64>().unwrap() < 8.0, "{way}: {shown}");
        assert!(cloud.boto().function("shop-dev-other").is_some(), "{way}");
    }
    project.deploy(&cloud);
    assert!(cloud.boto().function("shop-dev-other").is_none());
}
