//! Who runs this: the name that stands in the lease for others to read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Variables of CI systems, with the link to the run that they give.
const RUN_URLS: &[&[&str]] = &[
    &["GITHUB_SERVER_URL", "/", "GITHUB_REPOSITORY", "/actions/runs/", "GITHUB_RUN_ID"],
    &["CI_JOB_URL"],
    &["CIRCLE_BUILD_URL"],
    &["BUILD_URL"],
    &["BUILDKITE_BUILD_URL"],
];

/// `anna@laptop (pid 4711)`
pub fn name() -> String {
    let user = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "somebody".to_owned());
    format!("{user}@{} (pid {})", host(), std::process::id())
}

/// Unique to this run.
pub fn run_id() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{}-{}-{nanos:x}", host(), std::process::id())
}

/// A link to the CI run, when this is one.
pub fn run_url() -> Option<String> {
    RUN_URLS.iter().find_map(|parts| {
        parts
            .iter()
            .map(|part| if part.starts_with('/') { Some((*part).to_owned()) } else { std::env::var(part).ok() })
            .collect::<Option<Vec<String>>>()
            .map(|parts| parts.concat())
    })
}

/// How long a lease outlives its last renewal, when `HOIST_LEASE_SECONDS` says so: tests cannot wait as long as people.
pub fn lease_length() -> Option<Duration> {
    let seconds: u64 = std::env::var("HOIST_LEASE_SECONDS").ok()?.parse().ok()?;
    (2..=3600).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// Whether the holder was a process of this very machine that has ended: nobody needs to wait for it.
pub fn is_gone(holder: &str) -> bool {
    let Some((who, pid)) = holder.rsplit_once(" (pid ") else { return false };
    let on_this_machine = who.rsplit_once('@').is_some_and(|(_, there)| there == host());
    let Some(pid) = pid.strip_suffix(')').and_then(|pid| pid.parse::<u32>().ok()) else { return false };
    // Only where processes can be looked up; elsewhere the lease runs out by itself.
    on_this_machine && std::path::Path::new("/proc/self").exists() && !is_running(pid)
}

/// A zombie has ended, though whoever started it has not looked yet.
fn is_running(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return std::path::Path::new(&format!("/proc/{pid}")).exists();
    };
    // The program's name stands in parentheses, and may hold some itself.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, Some('Z' | 'X'))
}

/// The machine's name together with what tells containers of one name apart.
fn host() -> String {
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let name = read("/proc/sys/kernel/hostname")
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "unknown".to_owned());
    // Containers share the boot id but not the pid namespace, and may share a name: its inode tells them apart.
    let namespace = std::fs::read_link("/proc/self/ns/pid")
        .ok()
        .and_then(|link| {
            let text = link.to_string_lossy().into_owned();
            text.split(['[', ']']).nth(1).map(str::to_owned)
        })
        .unwrap_or_default();
    let boot = read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let boot = boot.split('-').next().unwrap_or_default();
    if boot.is_empty() { name } else { format!("{name}-{boot}{namespace}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_process_of_this_machine_is_gone_and_this_one_is_not() {
        assert!(!is_gone(&name()));
        // No process has this number: Linux stops at 4194304.
        assert_eq!(is_gone(&format!("anna@{} (pid 4294967294)", host())), cfg!(target_os = "linux"));
        assert!(!is_gone("anna@elsewhere (pid 4294967294)"));
        assert!(!is_gone("something else"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_nobody_reaped_is_gone() {
        let mut child = std::process::Command::new("true").stdout(std::process::Stdio::piped()).spawn().unwrap();
        // Its end of the pipe closes when it ends.
        std::io::copy(child.stdout.as_mut().unwrap(), &mut std::io::sink()).unwrap();
        let holder = format!("anna@{} (pid {})", host(), child.id());
        while !is_gone(&holder) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
