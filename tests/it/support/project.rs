//! A service on disk, and the binary run in it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::Cloud;

/// A service directory that goes away with the test.
pub struct Project {
    directory: TempDir,
}

/// A process that waits for the word.
pub struct Poised {
    child: Child,
}

impl Poised {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go.
    pub fn go(mut self) -> Child {
        self.child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        self.child
    }
}

/// What a run of the binary left behind.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A Python handler that says what it was asked, for tests that need any function.
pub const HANDLER: &str = "def handler(event, context):\n    print('called')\n    return {'echo': event}\n";

impl Project {
    /// A project with this `serverless.yml` and `handler.py`.
    pub fn new(config: &str) -> Self {
        Self { directory: tempfile::tempdir().unwrap() }.file("serverless.yml", config).file("handler.py", HANDLER)
    }

    /// A project with no file at all.
    pub fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file, making its folders.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes a file, and gives the project back.
    pub fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    /// The binary in this directory with an environment of its own: no credentials, no home, no colour.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hoist"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path().join(".home"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }

    /// The same, with the account and address of a cloud.
    pub fn command_on<S: AsRef<OsStr>>(&self, cloud: &Cloud, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.command(args);
        command
            .env("AWS_ENDPOINT_URL", cloud.url())
            .env("AWS_ACCESS_KEY_ID", &cloud.account)
            .env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }

    /// Runs without a cloud, to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs on a cloud, to its end.
    pub fn on<S: AsRef<OsStr>>(&self, cloud: &Cloud, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command_on(cloud, args).output().unwrap())
    }

    /// Deploys and expects it to work.
    pub fn deploy(&self, cloud: &Cloud) -> Ran {
        self.on(cloud, ["deploy", "--yes"]).success()
    }

    /// Deploys, and expects that there is nothing left to do.
    #[track_caller]
    pub fn settles(&self, cloud: &Cloud) {
        self.deploy(cloud);
        self.deploy(cloud).says("nothing to do");
        self.on(cloud, ["diff", "--exit-code"]).success().says("nothing to do");
    }

    /// Starts on a cloud and does not wait.
    pub fn start<S: AsRef<OsStr>>(&self, cloud: &Cloud, args: impl IntoIterator<Item = S>) -> Child {
        self.command_on(cloud, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Ready to run on a cloud: its process id is known before it makes its first call.
    pub fn poise<S: AsRef<OsStr>>(&self, cloud: &Cloud, args: impl IntoIterator<Item = S>) -> Poised {
        self.poise_with(cloud, args, "")
    }

    /// The same with a line to read.
    pub fn poise_with<S: AsRef<OsStr>>(&self, cloud: &Cloud, args: impl IntoIterator<Item = S>, input: &str) -> Poised {
        let wanted = self.command_on(cloud, args);
        // A shell keeps its process id when it becomes another program.
        let child = Command::new("sh")
            .args(["-c", "read go && exec \"$0\" \"$@\" <<END\n$INPUT\nEND"])
            .arg(wanted.get_program())
            .args(wanted.get_args())
            .current_dir(self.path())
            .env_clear()
            .envs(wanted.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("INPUT", input)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Poised { child }
    }

    /// `.hoist/resources.json` of the last `package` or `deploy`.
    pub fn resources(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path().join(".hoist/resources.json")).unwrap()).unwrap()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Both streams, for a look at everything that was said.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.said().contains(text), "{text:?} is not in\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON lines.
    pub fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Sends a signal by name: `INT`, `STOP`.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "kill -{name} {pid}");
}
