//! What a function has written: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::client::Aws;
use crate::engine::failure::{Failure, Reason};

/// FilterLogEvents has 5 calls a second in some regions, shared by everybody in the account: one a second is polite.
pub const POLL: Duration = Duration::from_secs(1);
/// CloudWatch may show an event some seconds after one that was written later; so far back is looked again.
const LATE: i64 = 10_000;

/// One line, or one JSON document, that a function wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Milliseconds since 1970.
    pub time: i64,
    pub message: String,
    /// The stream, one for each environment of the function.
    pub stream: String,
}

/// Reads a log group from a time on, and can go on where it stopped.
pub struct LogReader<'a> {
    aws: &'a Aws,
    group: String,
    pattern: Option<String>,
    /// Milliseconds since 1970, from which on is read.
    since: i64,
    /// Events that were given already, by id, with their time.
    given: BTreeMap<i64, HashSet<String>>,
}

impl<'a> LogReader<'a> {
    /// `pattern` is a filter pattern of CloudWatch Logs.
    pub fn new(aws: &'a Aws, group: impl Into<String>, since: i64, pattern: Option<String>) -> Self {
        Self { aws, group: group.into(), pattern, since, given: BTreeMap::new() }
    }

    /// Everything new since the last call, oldest first; page by page, each handed to `show` at once so that a long
    /// history is not held in memory. Gives how many there were.
    ///
    /// # Errors
    /// Whatever a call can meet. A log group that is not there yet has no events.
    pub async fn read(&mut self, mut show: impl FnMut(LogEvent)) -> Result<usize, Failure> {
        let mut token: Option<String> = None;
        let mut count = 0;
        let mut latest = self.since;
        let mut alike: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let page = self
                .aws
                .call("logs", "FilterLogEvents")
                .find(|| {
                    self.aws
                        .logs()
                        .filter_log_events()
                        .log_group_name(&self.group)
                        .start_time(self.since)
                        .set_filter_pattern(self.pattern.clone())
                        .set_next_token(token.clone())
                        .send()
                })
                .await?;
            let Some(page) = page else { return Ok(0) };
            for event in page.events() {
                let time = event.timestamp().unwrap_or_default();
                // An event without an id is told from its like by which of them it is.
                let id = event.event_id().map_or_else(
                    || {
                        let (stream, message) = (event.log_stream_name(), event.message());
                        let same = format!("{time} {} {}", stream.unwrap_or_default(), message.unwrap_or_default());
                        let before = alike.entry(same.clone()).or_default();
                        *before += 1;
                        format!("{same} {before}")
                    },
                    str::to_owned,
                );
                latest = latest.max(time);
                if self.given.entry(time).or_default().insert(id) {
                    count += 1;
                    show(LogEvent {
                        time,
                        message: event.message().unwrap_or_default().trim_end_matches('\n').to_owned(),
                        stream: event.log_stream_name().unwrap_or_default().to_owned(),
                    });
                }
            }
            let next = page.next_token().map(str::to_owned);
            if next.is_some() && next == token {
                return Err(Failure::new(Reason::Server, "the log gives the same page again and again"));
            }
            token = next;
            if token.is_none() {
                break;
            }
        }
        // What can no longer come need not be remembered.
        self.since = self.since.max(latest - LATE);
        self.given = self.given.split_off(&self.since);
        Ok(count)
    }
}
