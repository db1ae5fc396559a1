//! `hoist logs -f NAME [--tail]`

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::cli::Global;
use super::connection::{Connection, remote};
use super::deploy::duration;
use super::function::named;
use super::interrupt::Interrupts;
use super::prepare::{Purpose, read};
use super::{CommandError, Exit};
use crate::aws::log_events::{LogEvent, LogReader, POLL};
use crate::engine::stop::Stop;
use crate::screen::Screen;
use crate::screen::style::DIM;

#[derive(Args, Debug)]
pub struct Logs {
    /// The function's key in the file
    #[arg(short, long, value_name = "NAME")]
    function: String,
    /// Go on showing what is written, until Ctrl-C
    #[arg(short, long)]
    tail: bool,
    /// From when on: 30s, 10m, 2h, or a time such as 2026-11-20T08:00:00Z [default: 10m, with --tail 10s]
    #[arg(long, value_name = "TIME", value_parser = start)]
    start_time: Option<Start>,
    /// Only what fits a filter pattern of CloudWatch Logs
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Ago(Duration),
    At(i64),
}

impl Logs {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        let read = read(global, screen, Purpose::Look, Some(&remote(global, &stop))).await?;
        let name = named(&read, &self.function)?;
        let connection = Connection::open(global, &read, &stop).await?;
        let default = Duration::from_secs(if self.tail { 10 } else { 600 });
        let since = match self.start_time.unwrap_or(Start::Ago(default)) {
            Start::At(time) => time,
            Start::Ago(ago) => now() - i64::try_from(ago.as_millis()).unwrap_or(i64::MAX),
        };
        let group = format!("/aws/lambda/{name}");
        let mut reader = LogReader::new(&connection.aws, group.as_str(), since, self.filter);
        if !self.tail {
            let count = reader.read(|event| show(screen, &event)).await?;
            if count == 0 {
                screen.note(&format!("nothing in {group} since {}", time(since)));
            }
            return Ok(Exit::Done);
        }
        let mut interrupts = Interrupts::listen()
            .map_err(|error| CommandError::plain(format!("signals cannot be handled: {error}"), [""; 0]))?;
        loop {
            let round = async {
                reader.read(|event| show(screen, &event)).await?;
                tokio::time::sleep(POLL).await;
                Ok::<(), CommandError>(())
            };
            tokio::select! {
                done = round => done?,
                // Ending a tail is how it is meant to end.
                _ = interrupts.next() => return Ok(Exit::Done),
            }
        }
    }
}

fn show(screen: &Screen, event: &LogEvent) {
    screen.result(&format!("{DIM}{}{DIM:#} {}", time(event.time), event.message));
    screen.json(&json!({"type": "log", "time": time(event.time), "message": event.message, "stream": event.stream}));
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// `2026-11-20T08:00:00.123Z`
fn time(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds).map_or_else(|_| milliseconds.to_string(), |at| format!("{at:.3}"))
}

fn start(text: &str) -> Result<Start, String> {
    if let Ok(ago) = duration(text) {
        return Ok(Start::Ago(ago));
    }
    let at: Timestamp = text
        .parse()
        .or_else(|_| {
            let date = text.parse::<jiff::civil::DateTime>()?;
            date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp())
        })
        .map_err(|_| "expected 30s, 10m, 2h, or a time such as 2026-11-20T08:00:00Z".to_owned())?;
    Ok(Start::At(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_while_ago_or_a_time() {
        assert_eq!(start("30m"), Ok(Start::Ago(Duration::from_secs(1800))));
        assert_eq!(start("1970-01-01T00:00:01Z"), Ok(Start::At(1000)));
        assert_eq!(start("1970-01-02"), Ok(Start::At(86_400_000)));
        assert!(start("yesterday").is_err());
    }

    #[test]
    fn times_are_shown_to_the_millisecond() {
        assert_eq!(time(1_000), "1970-01-01T00:00:01.000Z");
    }
}
