//! The user's own JavaScript and TypeScript, run by the user's own node: configurations and `${file(x.js)}`.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::remote::RemoteError;

const BOOTSTRAP: &str = include_str!("bootstrap.js");

/// How long a script may take. It may well ask other systems, but it is not to hang a deploy.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a script asks while it runs.
pub(crate) enum Question {
    /// `resolveVariable('self:custom.x')`.
    Variable(String),
    /// `resolveConfigurationProperty(['custom', 'x'])`.
    Property(Vec<String>),
}

/// Answers what a script asks.
pub(crate) trait Answers {
    /// The value, or why there is none.
    fn answer(&mut self, question: Question) -> impl Future<Output = Result<Value, String>> + Send;
}

/// For scripts that are the configuration itself: there is nothing to ask about yet.
pub(crate) struct Nothing;

impl Answers for Nothing {
    async fn answer(&mut self, _: Question) -> Result<Value, String> {
        Err(String::from("the configuration is not read yet"))
    }
}

/// Which script, and what it sees.
pub(crate) struct Script<'a> {
    pub file: &'a Path,
    /// What of its export is wanted.
    pub address: Option<&'a str>,
    pub directory: &'a Path,
    pub options: &'a BTreeMap<String, String>,
    pub env: &'a BTreeMap<String, String>,
}

/// Runs a script and gives what it exports, or returns, as JSON.
pub(crate) async fn run(script: &Script<'_>, answers: &mut impl Answers) -> Result<Value, RemoteError> {
    match tokio::time::timeout(PATIENCE, converse(script, answers)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(failure(format!("it did not finish within {} s", PATIENCE.as_secs()), None)),
    }
}

fn failure(message: String, help: Option<&str>) -> RemoteError {
    RemoteError { message, help: help.map(str::to_owned) }
}

async fn converse(script: &Script<'_>, answers: &mut impl Answers) -> Result<Value, RemoteError> {
    let mut child = Command::new("node")
        .args(["--input-type=commonjs", "-e", BOOTSTRAP])
        .current_dir(script.directory)
        .env_clear()
        .envs(script.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => failure(
                String::from("there is no `node` to run it"),
                Some("install Node.js (18 or newer) or put it on the PATH, or write the file in YAML"),
            ),
            _ => failure(format!("`node` cannot be started: {error}"), None),
        })?;
    let (Some(mut input), Some(output), Some(mut errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failure(String::from("`node` cannot be spoken to"), None));
    };
    // Read all along, so that a script that prints much is not stopped by a full pipe.
    let errors = tokio::spawn(async move {
        let mut text = Vec::new();
        let mut piece = vec![0; 8192];
        while let Ok(read @ 1..) = errors.read(&mut piece).await {
            text.extend_from_slice(&piece[..read]);
            let excess = text.len().saturating_sub(64 << 10);
            text.drain(..excess);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let mark = format!("\u{1}hoist {:p} ", &raw const child);
    let start = json!({"start": {
        "mark": mark, "file": script.file, "address": script.address, "options": script.options,
    }});
    // A write fails when node has ended already; why shows in what it said.
    let _ = input.write_all(format!("{start}\n").as_bytes()).await;
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some(message) = line.strip_prefix(&mark).and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
            continue;
        };
        if let Some(id) = message.get("ask") {
            let reply = match answers.answer(question(&message)).await {
                Ok(value) => json!({"answer": id, "value": value}),
                Err(error) => json!({"answer": id, "error": error}),
            };
            let _ = input.write_all(format!("{reply}\n").as_bytes()).await;
        } else if let Some(error) = message.get("error") {
            return Err(thrown(error.as_str().unwrap_or("an error without a text"), &message));
        } else if let Some(value) = message.get("value") {
            return Ok(value.clone());
        }
    }
    drop(input);
    let said = errors.await.unwrap_or_default();
    let last = said.lines().rfind(|line| line.contains("Error")).or_else(|| said.lines().last());
    Err(match last {
        Some(last) => failure(format!("node ended without a result: {}", last.trim()), None),
        None => failure(
            String::from("node ended without a result: a promise was never resolved, or the script ended the process"),
            None,
        ),
    })
}

fn thrown(error: &str, message: &Value) -> RemoteError {
    if message.get("code").and_then(Value::as_str) == Some("NO_TYPESCRIPT") {
        let help = "add tsx to the project (`npm install --save-dev tsx`), or use Node.js 22.18 or newer";
        return failure(error.to_owned(), Some(help));
    }
    let at = message.get("line").and_then(Value::as_u64).map_or_else(String::new, |line| format!(" (line {line})"));
    let missing = error.contains("Cannot find module") || error.contains("Cannot find package");
    let help = missing.then_some("install the project's packages first (`npm install`); for TypeScript that imports without extensions or by aliases, tsx must be among them");
    let first = error.lines().next().unwrap_or_default();
    failure(format!("{first}{at}"), help)
}

fn question(message: &Value) -> Question {
    if let Some(text) = message.get("variable").and_then(Value::as_str) {
        return Question::Variable(text.to_owned());
    }
    let keys = message.get("property").and_then(Value::as_array);
    Question::Property(keys.into_iter().flatten().filter_map(|key| key.as_str().map(str::to_owned)).collect())
}
