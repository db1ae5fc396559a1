//! `deploy.verify`: what is called and fetched when a deploy is done, to see whether it works.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use super::connection::Connection;
use super::function;
use super::prepare::Read;
use crate::aws::endpoints::{self, Where};
use crate::aws::invoke::{Invocation, Manner};
use crate::aws::partition::Partition;
use crate::aws::web::Get;
use crate::config::json;
use crate::config::language::hoist::Verify;
use crate::engine::failure::{Failure, Reason};
use crate::engine::resource::Live;
use crate::engine::stop::Stop;
use crate::screen::Screen;
use crate::screen::check::{self, Check};

/// How long a check may take that does not say.
const TIMEOUT: Duration = Duration::from_secs(30);
/// An API that was deployed a moment ago does not answer everywhere yet: it is asked again after so long, then more.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// So much of an answer is shown that was not the expected one.
const SHOWN: usize = 200;

/// Whether a file asks for checks.
pub fn has_checks(read: &Read) -> bool {
    read.service.deploy.as_ref().is_some_and(|deploy| !deploy.verify.is_empty())
}

/// Makes all checks of a file at the same time, shows each, and gives what did not pass.
pub async fn run(connection: &Connection, screen: &Screen, read: &Read, live: &[Live], stop: &Stop) -> Vec<Failure> {
    let Some(deploy) = &read.service.deploy else { return Vec::new() };
    let checks = deploy.verify.iter().map(|one| async {
        let one = &one.0;
        let began = Instant::now();
        let within = one.timeout.as_ref().map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.0.unsigned_abs()));
        let subject = subject(one);
        let work = async {
            match (&one.function, &one.url) {
                (Some(key), _) => {
                    let called = tokio::time::timeout(within, called(connection, read, one, key, live)).await;
                    called.unwrap_or_else(|_| Err(no_answer(within)))
                }
                (None, Some(url)) => fetched(connection, read, one, url, live, within).await,
                (None, None) => Ok(()),
            }
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = stop.asked() => Err("stopped before it was answered".to_owned()),
        };
        let outcome = outcome.map_err(|why| connection.aws.mask(&why));
        check::show(screen, &Check { subject: &subject, took: began.elapsed(), failure: outcome.as_ref().err() });
        outcome.err().map(|why| Failure::new(Reason::Failed, format!("check {subject}: {why}")))
    });
    crate::config::variables::remote::all(checks.map(|check| Box::pin(check) as _).collect())
        .await
        .into_iter()
        .flatten()
        .collect()
}

/// `function hello`, `GET /orders`. What follows a question mark may be a token.
fn subject(one: &Verify) -> String {
    match (&one.function, &one.url) {
        (Some(key), _) => format!("function {key}"),
        (None, url) => {
            let url = url.as_deref().unwrap_or_default();
            let method = one.method.as_deref().unwrap_or("GET");
            format!("{method} {}", url.split('?').next().unwrap_or_default())
        }
    }
}

/// Calls a function once: it may do anything.
async fn called(connection: &Connection, read: &Read, one: &Verify, key: &str, live: &[Live]) -> Result<(), String> {
    let name = function::named(read, key).map_err(|_| format!("there is no function {key} in the file"))?;
    let payload = one.payload.as_ref().map_or_else(|| "{}".to_owned(), |node| clear(node).to_string());
    let id = live.iter().find(|one| one.physical_id == name).map(|one| one.address.logical_id.as_str());
    // Where an alias stands before the function, it is what gets the traffic.
    let alias = live.iter().find(|one| one.address.kind == "AWS::Lambda::Alias" && one.parent.as_deref() == id);
    let alias = alias.and_then(|alias| alias.properties.get("Name")?.text().map(str::to_owned));
    let invocation = Invocation {
        function: name,
        qualifier: alias,
        payload: payload.into_bytes(),
        manner: Manner::RequestResponse,
        log: false,
    };
    let answer = connection.aws.invoke(&invocation).await.map_err(|failure| failure.message)?;
    let text = String::from_utf8_lossy(&answer.payload).into_owned();
    if let Some(error) = &answer.function_error {
        return Err(format!("it failed ({error}): {}", excerpt(&text)));
    }
    let body: Json = serde_json::from_str(&text).unwrap_or_default();
    let status = body.get("statusCode").and_then(Json::as_i64);
    match one.status.as_ref().map(|status| status.0) {
        Some(expected) if status != Some(expected) => {
            let found = status.map_or_else(|| "no statusCode".to_owned(), |status| status.to_string());
            return Err(format!("it answered {found} where {expected} was expected: {}", excerpt(&text)));
        }
        _ => {}
    }
    content(one, &text)
}

/// Fetches an address until it answers as expected, or the time is over.
async fn fetched(
    connection: &Connection,
    read: &Read,
    one: &Verify,
    url: &str,
    live: &[Live],
    within: Duration,
) -> Result<(), String> {
    let url = match url.starts_with('/') {
        true => base(read, live, url).ok_or("the service has no API that answers a path")?,
        false => url.to_owned(),
    };
    let get = Get {
        url: &url,
        method: one.method.as_deref().unwrap_or("GET"),
        headers: one.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        within,
    };
    let expected = one.status.as_ref().map_or(200, |status| status.0);
    let until = Instant::now() + within;
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    loop {
        // What was answered before says more than that the time was up during another try.
        let Ok(fetched) = tokio::time::timeout_at(until, connection.aws.fetch(&get)).await else {
            return Err(last.unwrap_or_else(|| no_answer(within)));
        };
        let outcome = match fetched {
            // The URL may end in a token.
            Err(failure) => Err(failure.message.replace(&url, url.split('?').next().unwrap_or_default())),
            Ok(got) => {
                let text = String::from_utf8_lossy(&got.body).into_owned();
                if i64::from(got.status) == expected {
                    content(one, &text)
                } else {
                    Err(format!("it answered {} where {expected} was expected: {}", got.status, excerpt(&text)))
                }
            }
        };
        if outcome.is_ok() || Instant::now() + pause >= until {
            return outcome;
        }
        last = outcome.err();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn no_answer(within: Duration) -> String {
    format!("no answer within {} s", within.as_secs())
}

/// The address of a path: of the API that has a route for it, else of the only one there is.
fn base(read: &Read, live: &[Live], path: &str) -> Option<String> {
    let place =
        Where { region: &read.target.region, partition: Partition::of(&read.target.region), stage: &read.target.stage };
    endpoints::address(&read.service, place, live.iter(), path)
}

/// Whether an answer holds what is expected of it.
fn content(one: &Verify, text: &str) -> Result<(), String> {
    if let Some(part) = one.contains.as_ref().filter(|part| !text.contains(part.as_str())) {
        return Err(format!("the answer does not contain {part:?}: {}", excerpt(text)));
    }
    let Some(expected) = &one.expect else { return Ok(()) };
    let found: Json = serde_json::from_str(text).map_err(|_| format!("the answer is no JSON: {}", excerpt(text)))?;
    match missing(&clear(expected), &found, "") {
        None => Ok(()),
        Some(path) => Err(format!("the answer differs at {path}: {}", excerpt(text))),
    }
}

/// The first path at which a value is not what is expected. More than is expected may be there.
fn missing(expected: &Json, found: &Json, path: &str) -> Option<String> {
    let here = || if path.is_empty() { "its top".to_owned() } else { path.trim_start_matches('.').to_owned() };
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => expected
            .iter()
            .find_map(|(key, value)| missing(value, found.get(key).unwrap_or(&Json::Null), &format!("{path}.{key}"))),
        (Json::Array(expected), Json::Array(found)) if expected.len() == found.len() => {
            let mut pairs = expected.iter().zip(found).enumerate();
            pairs.find_map(|(index, (expected, found))| missing(expected, found, &format!("{path}.{index}")))
        }
        (Json::Number(expected), Json::Number(found)) => (expected.as_f64() != found.as_f64()).then(here),
        _ => (expected != found).then(here),
    }
}

/// A value of the file as it is sent and compared.
fn clear(node: &crate::config::node::Node) -> Json {
    json::in_the_clear(node)
}

fn excerpt(text: &str) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    crate::screen::describe::cut(line.trim(), SHOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_may_say_more_than_is_expected_but_nothing_else() {
        let found = json!({"ok": true, "items": [{"id": 1, "name": "a"}], "count": 1.0});
        for right in [json!({}), json!({"ok": true}), json!({"items": [{"id": 1}]}), json!({"count": 1})] {
            assert_eq!(missing(&right, &found, ""), None, "{right}");
        }
        let wrong = [
            (json!({"ok": false}), "ok"),
            (json!({"items": []}), "items"),
            (json!({"items": [{"id": 2}]}), "items.0.id"),
            (json!({"none": 1}), "none"),
            (json!([]), "its top"),
        ];
        for (expected, path) in wrong {
            assert_eq!(missing(&expected, &found, "").as_deref(), Some(path), "{expected}");
        }
    }
}
