//! A failure of one call or change, for people.

use super::describe;
use super::style::{DIM, ERROR, HINT};
use crate::engine::address::Address;
use crate::engine::failure::Failure;

/// The sentence, what AWS said, and what to do; under the resource's name when it was a change that failed.
pub fn text(failure: &Failure, address: Option<&Address>) -> String {
    let mut text = match address {
        Some(address) => format!(
            "{ERROR}error{ERROR:#}: {} {}: {}",
            describe::noun(&address.kind),
            address.logical_id,
            failure.message
        ),
        None => format!("{ERROR}error{ERROR:#}: {}", failure.message),
    };
    let mut facts = Vec::new();
    facts.extend(failure.operation.clone());
    facts.extend(failure.code.clone());
    if failure.attempts > 1 {
        facts.push(format!("tried {} times in {}", failure.attempts, describe::duration(failure.elapsed)));
    }
    facts.extend(failure.request_id.as_ref().map(|id| format!("request {id}")));
    if !facts.is_empty() {
        text.push_str(&format!("\n  {DIM}{}{DIM:#}", facts.join(" · ")));
    }
    for help in &failure.help {
        text.push_str(&format!("\n  {HINT}help{HINT:#}: {help}"));
    }
    text
}
