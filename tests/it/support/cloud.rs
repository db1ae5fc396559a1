//! The practice cloud as a child process that ends with the test, also when the test panics or is killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Boto;

/// A running practice cloud and one account in it.
pub struct Cloud {
    server: ServerHandle,
    /// Twelve digits; also the access key, which is how the emulator tells accounts apart.
    pub account: String,
}

#[derive(Clone)]
enum ServerHandle {
    Shared(&'static Server),
    Own(Arc<Server>),
}

struct Server {
    url: String,
    /// The emulator itself.
    behind: String,
    child: Mutex<Child>,
    // Held open: the cloud ends itself when it closes, however this process ends.
    _stdin: ChildStdin,
}

static SHARED: OnceLock<Server> = OnceLock::new();
static ACCOUNTS: AtomicU32 = AtomicU32::new(1);

impl Cloud {
    /// An account of its own in the cloud that all tests share: calm weather, constraints checked.
    pub fn shared() -> Self {
        Self::account_in(ServerHandle::Shared(SHARED.get_or_init(|| Server::start("calm"))))
    }

    /// A cloud for one test alone, for those that change the weather or count calls.
    pub fn own(weather: &str) -> Self {
        Self::account_in(ServerHandle::Own(Arc::new(Server::start(weather))))
    }

    /// A cloud for one test alone, in the account to which requests without a signature go: only its APIs answer.
    pub fn with_apis() -> Self {
        Self { account: "123456789012".to_owned(), ..Self::own("calm") }
    }

    /// A cloud for one test alone in which keys made with CreateAccessKey may do what their user's policies say. The
    /// account itself may do everything.
    pub fn guarded() -> Self {
        let server = Server::start_with("calm", &["--auth"]);
        Self { account: "123456789012".to_owned(), ..Self::account_in(ServerHandle::Own(Arc::new(server))) }
    }

    /// Another, empty account in the same cloud.
    pub fn another(&self) -> Self {
        Self::account_in(self.server.clone())
    }

    fn account_in(server: ServerHandle) -> Self {
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        Self { server, account: format!("{:012}", 100_000_000_000_u64 + u64::from(number)) }
    }

    fn server(&self) -> &Server {
        match &self.server {
            ServerHandle::Shared(server) => server,
            ServerHandle::Own(server) => server,
        }
    }

    pub fn url(&self) -> &str {
        &self.server().url
    }

    /// An independent client for this account.
    pub fn boto(&self) -> Boto {
        Boto::new(self.url(), &self.account)
    }

    /// The same behind the weather's back: for tests that look more often than they do anything.
    pub fn boto_behind(&self) -> Boto {
        Boto::new(&self.server().behind, &self.account)
    }

    /// A request to the cloud's own control interface: `control("GET", "/_cloud/summary", None)`.
    pub fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, text) = http(self.url(), method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Forgets the calls that were recorded so far.
    pub fn forget_calls(&self) {
        self.control("POST", "/_cloud/calls/clear", Some(&json!({})));
    }

    /// Every call since the last reset or clear.
    pub fn calls(&self) -> Vec<Value> {
        self.control("GET", "/_cloud/calls", None)["calls"].as_array().unwrap().clone()
    }

    /// The calls of this account.
    pub fn own_calls(&self) -> Vec<Value> {
        self.control("GET", &format!("/_cloud/calls?account={}", self.account), None)["calls"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The lease of a service's stage `dev`: its state, and whether its last holder did everything. `None` where nobody
    /// deployed yet. Asked behind the weather: no fault is used up by it.
    pub fn lease(&self, service: &str) -> Option<(String, bool)> {
        let bucket = format!("hoist-{}-us-east-1", self.account);
        let object = json!({"Bucket": bucket, "Key": format!("leases/{service}/dev.json")});
        let found = self.boto_behind().try_call("s3", "get_object", object).ok()?;
        let record: Value = serde_json::from_str(found["Body"].as_str()?).ok()?;
        Some((record["state"].as_str()?.to_owned(), record["settled"] == true))
    }

    /// Changes settings: `set(json!({"latency.scale": 0.1}))`.
    pub fn set(&self, settings: Value) {
        self.control("POST", "/_cloud/settings", Some(&settings));
    }

    /// SIGKILLs a process at this account's `call`th call from now, `"before"` or `"after"` it was carried out.
    pub fn kill_at(&self, pid: u32, call: usize, when: &str) {
        let trap = json!({"pid": pid, "call": call, "when": when, "account": self.account});
        self.control("POST", "/_cloud/kill-at", Some(&trap));
    }

    /// From now on this account's `nth` call that matches meets a fault, so many times; 0 for ever.
    pub fn fault(&self, operation: &str, nth: usize, fault: &str, times: usize) {
        let entry = json!([{"match": operation, "nth": nth, "fault": fault, "times": times, "account": self.account}]);
        self.control("POST", "/_cloud/faults", Some(&entry));
    }

    /// Holds this account's next call of an operation (`lambda.CreateFunction`, globs allowed) until it is released.
    pub fn hold(&self, operation: &str, when: &str) -> Held<'_> {
        self.hold_at(operation, "*", when)
    }

    /// The same for calls of that path only: an object's key.
    pub fn hold_at(&self, operation: &str, path: &str, when: &str) -> Held<'_> {
        let trap = json!({"match": operation, "path": path, "when": when, "account": self.account});
        Held { cloud: self, id: self.control("POST", "/_cloud/hold-at", Some(&trap))["id"].clone() }
    }

    /// GET on a path or full URL of the cloud: a deployed route, a function URL.
    pub fn get(&self, path: &str) -> (u16, String) {
        http(self.url(), "GET", path.strip_prefix(self.url()).unwrap_or(path), None)
    }

    /// POST of a JSON body.
    pub fn post(&self, path: &str, body: &str) -> (u16, String) {
        let (status, _, body) = exchange(self.url(), "POST", path, "", body);
        (status, body)
    }

    /// The same with a method and headers: status, the head of the answer in lower case, body.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
        self.send(method, path, headers, "")
    }

    /// The same with a body, of JSON where no header says otherwise.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
        let path = path.strip_prefix(self.url()).unwrap_or(path);
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        exchange(self.url(), method, path, &headers, body)
    }
}

impl Cloud {
    /// Opens a WebSocket, says one short text and gives what comes back first.
    pub fn talk(&self, path: &str, text: &str) -> String {
        let host = self.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13";
        let key = "Sec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==";
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n{key}\r\n\r\n").unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        // A whole text in one frame, masked with zeros.
        assert!(text.len() < 126);
        let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        stream.write_all(&frame).unwrap();
        let mut start = [0; 2];
        stream.read_exact(&mut start).unwrap();
        let length = match start[1] {
            126 => {
                let mut long = [0; 2];
                stream.read_exact(&mut long).unwrap();
                usize::from(u16::from_be_bytes(long))
            }
            short => usize::from(short),
        };
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A call that waits, or will.
pub struct Held<'a> {
    cloud: &'a Cloud,
    id: Value,
}

impl Held<'_> {
    /// Waits until a call was caught.
    pub fn caught(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let is_caught = || {
            let traps = self.cloud.control("GET", "/_cloud/traps", None);
            let traps = traps["traps"].as_array().unwrap().clone();
            traps.iter().any(|trap| trap["id"] == self.id && trap["caught"] == true)
        };
        while !is_caught() {
            assert!(Instant::now() < deadline, "no call came to be held");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets it go.
    pub fn release(&self) {
        self.cloud.control("POST", "/_cloud/release", Some(&json!({"id": self.id})));
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.release();
        }
    }
}

impl Server {
    fn start(weather: &str) -> Self {
        Self::start_with(weather, &[])
    }

    fn start_with(weather: &str, flags: &[&str]) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut child = Command::new(python())
            .args(["-m", "cloud", "--weather", weather, "--until-stdin-closes"])
            .args(flags)
            .current_dir(&tests)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("the practice cloud does not start ({error}); run `make setup` first"));
        let stdin = child.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the practice cloud said {line:?} instead of its address ({error})"));
        let text = |key: &str| ready[key].as_str().unwrap().to_owned();
        Self { url: text("url"), behind: text("ministack"), child: Mutex::new(child), _stdin: stdin }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The cloud ends its emulator's process group on SIGTERM; the standard library only knows SIGKILL.
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let _ = child.wait();
    }
}

/// The Python with boto3 and the emulator, as `make setup` installs it.
pub fn python() -> PathBuf {
    match std::env::var_os("HOIST_PYTHON") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cloud/.venv/bin/python"),
    }
}

/// One HTTP/1.1 exchange on loopback.
fn http(base: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let (status, _, body) = exchange(base, method, path, "", &body);
    (status, body)
}

/// Status, the head in lower case, body.
fn exchange(base: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, String) {
    let host = base.strip_prefix("http://").unwrap();
    let json = match headers.to_ascii_lowercase().contains("content-type:") {
        true => "",
        false => "Content-Type: application/json\r\n",
    };
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{json}{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let head = head.to_ascii_lowercase();
    let chunked = head.contains("transfer-encoding: chunked");
    (status, head, if chunked { unchunk(body) } else { body.to_owned() })
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || rest.len() < size {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
