//! `hoist deploy`

use std::time::Duration;

use clap::Args;

use super::change::{Errand, change};
use super::cli::Global;
use super::connection::{Connection, remote};
use super::interrupt::{interruptible, stoppable};
use super::manner::Manner;
use super::prepare::{Purpose, Read, prepare, read};
use super::recording::Entry;
use super::{CommandError, Exit, desired, domain, stand};
use crate::aws::release::before;
use crate::config::language::hoist::OnFailure;
use crate::config::language::pace::{self, Pace};
use crate::config::record;
use crate::engine::history::{Artifacts, What};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Deploy {
    /// Agree to deletions and replacements without being asked
    #[arg(short, long)]
    yes: bool,
    /// Take over functions, roles and log groups of the same name that nobody has marked
    #[arg(long)]
    adopt: bool,
    /// Read everything that is live, also where fingerprints say that nothing changed
    #[arg(long)]
    drift: bool,
    /// When something fails, put back what this run did [default: what `deploy.onFailure` says, else no]
    #[arg(long)]
    rollback_on_failure: bool,
    #[command(flatten)]
    canary: Canary,
    #[command(flatten)]
    lock: Lock,
}

/// Moving traffic in steps, whatever the file says.
#[derive(Args, Clone, Copy, Debug)]
struct Canary {
    /// Give new versions only so much of the traffic at first: 10 for 10 %. Functions without an alias get one, `live`
    #[arg(long, value_name = "PERCENT", value_parser = pace::percentage)]
    canary: Option<u8>,
    /// For how long [default: 5m]
    #[arg(long, value_name = "TIME", requires = "canary", value_parser = bake)]
    bake: Option<Duration>,
}

impl Canary {
    fn pace(self) -> Option<Pace> {
        Some(Pace::Canary { percent: self.canary?, bake: self.bake.unwrap_or(BAKE) })
    }
}

/// How long a canary is watched when nobody says so.
const BAKE: Duration = Duration::from_secs(300);

/// Waiting for others.
#[derive(Args, Clone, Copy, Debug)]
pub struct Lock {
    /// How long to wait for another deploy of this stage: 30s, 10m
    #[arg(long, value_name = "TIME", default_value = "40s", value_parser = duration)]
    pub lock_timeout: Duration,
}

impl Deploy {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        interruptible(&stop, self.deploy(global, screen, &stop)).await
    }

    async fn deploy(self, global: &Global, screen: &Screen, stop: &Stop) -> Result<Exit, CommandError> {
        let pace = self.canary.pace();
        let Ready { read, connection, wanted, artifacts } =
            stoppable(stop, ready(global, screen, pace, stop)).await??;
        let in_file = read.service.deploy.as_ref().and_then(|deploy| deploy.on_failure);
        let manner = Manner {
            yes: self.yes,
            adopt: self.adopt,
            drift: self.drift,
            lock_timeout: self.lock.lock_timeout,
            show: false,
            put_back: self.rollback_on_failure || in_file == Some(OnFailure::Rollback),
            done: "deployed",
            keep: read.service.kept_versions(),
            records: Some(read.service.kept_records()),
        };
        match domain::ready(global, screen, &read, &connection, manner, stop).await? {
            Exit::Done => {}
            exit => return Ok(exit),
        }
        let entry = Entry {
            what: What::Deploy,
            back_to: None,
            configuration: Some(record::configuration(&read.root)),
            artifacts,
            directory: read.directory.clone(),
        };
        if pace.is_some() {
            let first = before::aliases_first(&connection.aws, connection.cloud.as_ref(), &wanted);
            if let Some(first) = stoppable(stop, first).await?? {
                screen.note("first, callers go through an alias of what is live: then there is something to shift");
                let errand = Errand { desired: &first, entry: None, checked: None };
                let changed =
                    change(&connection, screen, errand, Manner { keep: None, records: None, ..manner }, stop).await?;
                if changed.exit != Exit::Done {
                    return Ok(changed.exit);
                }
            }
        }
        let errand = Errand { desired: &wanted, entry: Some(entry), checked: Some(&read) };
        let changed = change(&connection, screen, errand, manner, stop).await?;
        if changed.exit == Exit::Done
            && let Some(applied) = &changed.applied
        {
            let live = stand::live(&connection, &changed.plan, applied).await;
            stand::show(screen, &read, live.iter());
        }
        Ok(changed.exit)
    }
}

/// A service that is ready to be deployed.
struct Ready {
    read: Read,
    connection: Connection,
    wanted: DesiredState,
    /// Digests of its code.
    artifacts: Artifacts,
}

/// The file read, packaged, connected and compiled.
async fn ready(global: &Global, screen: &Screen, pace: Option<Pace>, stop: &Stop) -> Result<Ready, CommandError> {
    let mut read = read(global, screen, Purpose::Deploy, Some(&remote(global, stop))).await?;
    read.target.pace = pace;
    let (connection, prepared) = tokio::join!(
        Connection::open(global, &read, stop),
        prepare(&read, screen, Purpose::Deploy, None, stop.token())
    );
    let prepared = prepared?;
    let connection = connection?;
    stand::head(screen, &read.place(), &connection);
    let wanted = desired::of(&read, &prepared, &connection).await?;
    Ok(Ready { artifacts: prepared.artifacts(), read, connection, wanted })
}

/// `90`, `90s`, `10m`, `1h`
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "expected a time such as 30s or 10m".to_owned())?;
    let factor = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        unit => return Err(format!("{unit} is not a unit of time: use s, m or h")),
    };
    number.checked_mul(factor).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

/// A time that a canary is watched: a second to a day.
fn bake(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() || time > Duration::from_secs(86_400) {
        return Err("expected a time from 1s to 24h".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for wrong in ["", "m", "3d", "-1s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
