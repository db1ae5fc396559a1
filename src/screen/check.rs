//! A check after a deploy, as it ends.

use std::time::Duration;

use serde_json::json;

use super::style::{CREATE, DIM, ERROR};
use super::{Screen, describe, json as machine};

/// One check.
pub struct Check<'a> {
    /// `function hello`, `GET /orders`
    pub subject: &'a str,
    pub took: Duration,
    /// Why it did not pass.
    pub failure: Option<&'a String>,
}

/// Shows it: a line for people, an object for machines.
pub fn show(screen: &Screen, check: &Check<'_>) {
    let took = describe::duration(check.took);
    match check.failure {
        None => screen.note(&format!("  {CREATE}✓{CREATE:#} {} {DIM}{took}{DIM:#}", check.subject)),
        Some(why) => screen.note(&format!("  {ERROR}✗{ERROR:#} {} {DIM}{took}{DIM:#}: {why}", check.subject)),
    }
    screen.json(&json!({
        "type": "check", "subject": check.subject, "passed": check.failure.is_none(),
        "seconds": machine::seconds(check.took), "why": check.failure,
    }));
}
