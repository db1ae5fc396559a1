//! Which commit is deployed, as git says of the service's directory. Only words of our own go to git, and no shell.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::engine::history::Commit;

/// Looking for changed files takes long in a large repository; a record can do without.
const PATIENCE: Duration = Duration::from_secs(2);

/// Variables in which CI systems say the commit where git is not installed.
const NAMED: &[&str] = &["GITHUB_SHA", "CI_COMMIT_SHA", "CIRCLE_SHA1", "GIT_COMMIT", "BUILDKITE_COMMIT"];

/// The commit that is checked out; `None` where nobody says.
pub async fn of(directory: &Path) -> Option<Commit> {
    match ask(directory, &["rev-parse", "HEAD"]).await.filter(|id| is_id(id)) {
        Some(id) => {
            // Options come before the command: what a repository's own settings would run is not run.
            let status = ask(directory, &["status", "--porcelain", "--untracked-files=no"]);
            let (branch, status) = tokio::join!(ask(directory, &["rev-parse", "--abbrev-ref", "HEAD"]), status);
            let branch = branch.filter(|branch| !branch.is_empty() && branch != "HEAD");
            Some(Commit { id, branch, dirty: status.is_some_and(|status| !status.is_empty()) })
        }
        None => {
            let id = NAMED.iter().find_map(|name| std::env::var(name).ok()).filter(|id| is_id(id))?;
            Some(Commit { id, branch: None, dirty: false })
        }
    }
}

/// The short name of the commit that is checked out; `None` outside of a repository, and where git is not there.
pub async fn short(directory: &Path) -> Option<String> {
    ask(directory, &["rev-parse", "--short", "HEAD"]).await.filter(|id| !id.is_empty())
}

fn is_id(text: &str) -> bool {
    (40..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn ask(directory: &Path, question: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.args(["--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
    git.args(question).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    let said = tokio::time::timeout(PATIENCE, git.output()).await.ok()?.ok()?;
    said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn git(directory: &Path, words: &[&str]) {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(words).current_dir(directory);
        assert!(git.output().await.unwrap().status.success(), "{words:?}");
    }

    #[tokio::test]
    async fn the_commit_is_known_with_what_it_does_not_have() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        git(path, &["init", "-q", "-b", "main"]).await;
        std::fs::write(path.join("a"), "1").unwrap();
        git(path, &["add", "a"]).await;
        git(path, &["commit", "-q", "-m", "one"]).await;
        let clean = of(path).await.unwrap();
        assert_eq!((clean.branch.as_deref(), clean.dirty, clean.id.len()), (Some("main"), false, 40));
        std::fs::write(path.join("a"), "2").unwrap();
        assert_eq!(of(path).await, Some(Commit { dirty: true, ..clean }));
    }
}
