//! A look from outside: boto3 in a process of its own, asked one call at a time. It takes a second to begin and knows
//! nothing of who asks, so that it serves one test after the other.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cloud::python;

/// What both of the others use.
const LOOK: &str = r#"
import sys, re, json, base64, datetime, functools, boto3, botocore
from botocore.config import Config
session = boto3.session.Session(aws_access_key_id="nobody", aws_secret_access_key="test")
credentials = session.get_credentials()
# Clients are dear to make: all of them sign with, and go to, what stands here at the time.
cloud = "http://nowhere"
def go_there(request, **_):
    request.url = request.url.replace("http://nowhere", cloud, 1)
session.events.register("before-send", go_there)
@functools.cache
def made(service):
    service, _, region = service.partition("@")
    return session.client(service, region_name=region or None, endpoint_url="http://nowhere", config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}))
def client_of(account, service):
    credentials.access_key = account
    return made(service)
def plain(x):
    if isinstance(x, (bytes, bytearray)): return base64.b64encode(x).decode()
    if isinstance(x, datetime.datetime): return x.isoformat()
    if hasattr(x, "read"): return x.read().decode("utf-8", "replace")
    return str(x)
"#;

/// Gathers everything that is live, for `Boto::state`.
const STATE: &str = include_str!("state.py");

/// Gathers everything that calls functions, for `Boto::triggers`.
const TRIGGERS: &str = include_str!("triggers.py");

/// Reads a line of JSON `{cloud, account, service, operation, parameters}`, answers a line of JSON `{ok}` or `{error, message}`.
const ANSWERS: &str = r#"
for line in sys.stdin:
    q = json.loads(line)
    cloud = q["cloud"]
    client = functools.partial(client_of, q["account"])
    try:
        if q["service"] in ("state", "triggers"):
            told = json.dumps({"ok": {"state": state, "triggers": triggers}[q["service"]](client)}, default=plain).replace(q["account"], "ACCOUNT")
            # Statement ids end in a digest, which the account's number goes into.
            print(re.sub(r'"(hoist-[\w-]+)-[0-9a-f]{8}"', r'"\1"', told), flush=True)
            continue
        p = q["parameters"]
        for k in ("ZipFile", "Payload", "Body"):  # also inside Code and Content
            for d in (p, *(p[m] for m in ("Code", "Content") if isinstance(p.get(m), dict))):
                if isinstance(d.get(k), dict) and "base64" in d[k]: d[k] = base64.b64decode(d[k]["base64"])
        r = getattr(client(q["service"]), q["operation"])(**p)
        r.pop("ResponseMetadata", None)
        print(json.dumps({"ok": r}, default=plain), flush=True)
    except botocore.exceptions.ClientError as e:
        print(json.dumps({"error": e.response["Error"]["Code"], "message": e.response["Error"].get("Message", "")}), flush=True)
    except Exception as e:
        print(json.dumps({"error": type(e).__name__, "message": str(e)}), flush=True)
"#;

/// Those that nobody asks at the moment. They end with this process, as their standard input does.
static IDLE: Mutex<Vec<Process>> = Mutex::new(Vec::new());

struct Process {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(python())
            .args(["-c", &format!("{LOOK}\n{STATE}\n{TRIGGERS}\n{ANSWERS}")])
            .env_remove("AWS_ENDPOINT_URL")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (asks, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, asks, answers }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.asks, "{question}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// boto3 against one account, or several.
pub struct Boto {
    url: String,
    account: String,
    process: RefCell<Option<Process>>,
}

impl Boto {
    pub fn new(url: &str, account: &str) -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let process = RefCell::new(Some(idle.unwrap_or_else(Process::start)));
        Self { url: url.to_owned(), account: account.to_owned(), process }
    }

    /// Everything that is live in an account, without what is random: equal for accounts in which the same is live.
    pub fn state(&self, account: &str) -> Value {
        self.ask(account, "state", "", json!({})).unwrap_or_else(|error| panic!("state of {account}: {error}"))
    }

    /// Everything that calls functions in this account, and what lets it.
    pub fn triggers(&self) -> Value {
        self.triggers_in(&self.account)
    }

    /// The same in another account.
    pub fn triggers_in(&self, account: &str) -> Value {
        self.ask(account, "triggers", "", json!({})).unwrap_or_else(|error| panic!("triggers of {account}: {error}"))
    }

    /// `try_call("lambda", "get_function", json!({"FunctionName": ..}))`: the answer, or the error code. `sns@eu-west-1` asks
    /// another region.
    pub fn try_call(&self, service: &str, operation: &str, parameters: Value) -> Result<Value, String> {
        self.ask(&self.account, service, operation, parameters)
    }

    fn ask(&self, account: &str, service: &str, operation: &str, parameters: Value) -> Result<Value, String> {
        let question = json!({
            "cloud": self.url, "account": account, "service": service, "operation": operation, "parameters": parameters,
        });
        // One that does not answer is not given back.
        let mut process = self.process.take().unwrap();
        let mut answer = process.ask(&question);
        self.process.replace(Some(process));
        match answer.get("error") {
            None => Ok(answer["ok"].take()),
            Some(code) => {
                Err(format!("{}: {}", code.as_str().unwrap_or("?"), answer["message"].as_str().unwrap_or("")))
            }
        }
    }

    /// The answer of a call that must succeed.
    pub fn call(&self, service: &str, operation: &str, parameters: Value) -> Value {
        self.try_call(service, operation, parameters).unwrap_or_else(|error| panic!("{service} {operation}: {error}"))
    }

    /// The same in another account.
    pub fn call_in(&self, account: &str, service: &str, operation: &str, parameters: Value) -> Value {
        let answer = self.ask(account, service, operation, parameters);
        answer.unwrap_or_else(|error| panic!("{service} {operation} in {account}: {error}"))
    }

    /// Waits until a line of a function's log contains a text; whether one came.
    pub fn hears(&self, function: &str, text: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.heard(function, text) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        true
    }

    /// Whether a line of a function's log contains a text by now.
    pub fn heard(&self, function: &str, text: &str) -> bool {
        let group = format!("/aws/lambda/{function}");
        let found = self.try_call("logs", "filter_log_events", json!({"logGroupName": group})).unwrap_or_default();
        let mut events = found["events"].as_array().into_iter().flatten();
        events.any(|event| event["message"].as_str().is_some_and(|line| line.contains(text)))
    }

    /// The live configuration of a function, or `None`.
    pub fn function(&self, name: &str) -> Option<Value> {
        match self.try_call("lambda", "get_function", json!({"FunctionName": name})) {
            Ok(found) => Some(found),
            Err(error) if error.starts_with("ResourceNotFound") => None,
            Err(error) => panic!("get_function {name}: {error}"),
        }
    }
}

impl Drop for Boto {
    fn drop(&mut self) {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).extend(self.process.take());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where two states differ, a line each.
pub fn difference(wanted: &Value, found: &Value, path: &str) -> String {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let keys: std::collections::BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
            let differ = keys.into_iter().filter(|key| wanted.get(*key) != found.get(*key));
            differ
                .map(|key| {
                    let (wanted, found) =
                        (wanted.get(key).unwrap_or(&Value::Null), found.get(key).unwrap_or(&Value::Null));
                    difference(wanted, found, &format!("{path}.{key}"))
                })
                .collect()
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let differ = wanted.iter().zip(found).enumerate().filter(|(_, (wanted, found))| wanted != found);
            differ.map(|(nth, (wanted, found))| difference(wanted, found, &format!("{path}[{nth}]"))).collect()
        }
        _ => format!("\n  {path}: {found} instead of {wanted}"),
    }
}
