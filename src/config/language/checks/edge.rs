//! What functions at the edge can have. Of CloudFront itself, little:
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-functions.html>. Of Lambda, less than
//! elsewhere: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html>.

use super::{Checked, function_error};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::effective::{EDGE_MEMORY_SIZE, EDGE_TIMEOUT};
use crate::config::language::events::Trigger;
use crate::config::language::events::cloud_front::CloudFrontStep;

/// Keys of a function that CloudFront has no use for.
const OF_LAMBDA: &[&str] = &[
    "image",
    "memorySize",
    "timeout",
    "architecture",
    "environment",
    "secrets",
    "tags",
    "layers",
    "vpc",
    "role",
    "package",
    "url",
    "iamRoleStatements",
    "iam",
    "onError",
    "destinations",
    "reservedConcurrency",
    "provisionedConcurrency",
];
/// Where CloudFront Functions can stand, and those of Lambda have their tightest limits.
const VIEWER: [CloudFrontStep; 2] = [CloudFrontStep::ViewerRequest, CloudFrontStep::ViewerResponse];
/// Runtimes of CloudFront Functions.
const RUNTIMES: &[&str] = &["cloudfront-js-2.0", "cloudfront-js-1.0"];

/// The longest that a function between cache and origin may run, in seconds.
const ORIGIN_TIMEOUT: i64 = 30;
/// The most memory that it may have, in MB.
const ORIGIN_MEMORY_SIZE: i64 = 10_240;

/// Functions of Lambda at the edge.
fn lambda(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for one in &checked.functions {
        let steps = || {
            one.function.events.iter().filter_map(|event| match &event.trigger {
                Trigger::CloudFront(step) => Some(step.event_type),
                _ => None,
            })
        };
        if steps().next().is_none() {
            continue;
        }
        let viewer = steps().any(|step| VIEWER.contains(&step));
        let (step, memory_size, timeout) = match viewer {
            true => ("between viewer and cache", EDGE_MEMORY_SIZE, EDGE_TIMEOUT),
            false => ("between cache and origin", ORIGIN_MEMORY_SIZE, ORIGIN_TIMEOUT),
        };
        let function = one.function;
        let mut wrong = |code: &'static str, key: &str, problem: String, help: &str| {
            diagnostics.push(function_error(code, one, key, function.place_of(key), problem).help(help));
        };
        if one.memory_size() > memory_size {
            let problem = format!("{} MB are more than the {memory_size} of a function {step}", one.memory_size());
            wrong("out-of-range", "memorySize", problem, "lower it, or take it out");
        }
        if one.timeout() > timeout {
            let problem = format!("{} s are more than the {timeout} of a function {step}", one.timeout());
            wrong("out-of-range", "timeout", problem, "lower it, or take it out");
        }
        let layers = function.layers.as_ref().is_some_and(|layers| !layers.is_empty());
        for (key, given) in [("layers", layers), ("onError", function.on_error.is_some())] {
            if given {
                let help = "take it out, or use a function of its own for the `cloudFront` event";
                wrong("conflict", key, "CloudFront takes no function that has this".to_owned(), help);
            }
        }
    }
}

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    lambda(checked, diagnostics);
    for (key, function) in checked.service.edge_functions() {
        let mut wrong = |code: &'static str, at: &str, place, problem: &str, help: &str| {
            let path = if at.is_empty() { format!("functions.{key}") } else { format!("functions.{key}.{at}") };
            diagnostics.push(Diagnostic::error(code, format!("{path}: {problem}")).path(path).at(place).help(help));
        };
        match function.handler.as_deref() {
            None => {
                let place = checked.service.functions.key_place(key).unwrap_or(function.place);
                wrong("missing-key", "", place, "`handler` is missing", "name the file: `handler: src/rewrite.js`");
            }
            Some(handler) if !handler.ends_with(".js") => {
                let place = function.place_of("handler");
                let help = "CloudFront calls the function `handler` of the file: write its path, `src/rewrite.js`";
                wrong("bad-format", "handler", place, "a CloudFront Function is named by its file", help);
            }
            Some(_) => {}
        }
        if let Some(runtime) = &function.runtime
            && !RUNTIMES.contains(&runtime.as_str())
        {
            let place = function.place_of("runtime");
            let help = "take it out, or write `cloudfront-js-2.0`";
            wrong("runtime-unknown", "runtime", place, "CloudFront does not have this runtime", help);
        }
        for name in OF_LAMBDA {
            if let Some(place) = function.places.get(name) {
                let help = "take it out, or make it a function of Lambda by taking `type` out";
                wrong("conflict", name, place, "a CloudFront Function does not have this", help);
            }
        }
        for event in &function.events {
            let at = format!("events[{}].{}", event.index, event.trigger.kind());
            match &event.trigger {
                Trigger::CloudFront(step) => {
                    if step.origin.is_none() {
                        let help = "say where CloudFront gets what it serves";
                        wrong("missing-key", &at, event.place, "`origin` is missing", help);
                    }
                    if !VIEWER.contains(&step.event_type) {
                        let place = step.place_of("eventType");
                        let help = "use `viewer-request` or `viewer-response`, or a function of Lambda";
                        wrong("conflict", &at, place, "CloudFront Functions stand between viewer and cache only", help);
                    }
                }
                _ => {
                    let help = "a CloudFront Function has `cloudFront` events only";
                    wrong("conflict", &at, event.place, "nothing but CloudFront can call it", help);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn functions_at_the_edge_of_lambda_are_small() {
        let of = |settings: &str, step: &str| {
            in_functions(&format!(
                "  f: {{handler: a.b{settings}, events: [{{cloudFront: {{eventType: {step}, origin: 'https://a'}}}}]}}\n"
            ))
        };
        assert_eq!(of("", "viewer-request"), "");
        assert_eq!(of(", memorySize: 512, timeout: 30", "origin-request"), "");
        let large = ", memorySize: 512, timeout: 30, onError: 'arn:aws:sns:us-east-1:123456789012:t'";
        insta::assert_snapshot!(of(large, "viewer-response"), @r"
        4:33 error[out-of-range] functions.f.memorySize: 512 MB are more than the 128 of a function between viewer and cache
        4:47 error[out-of-range] functions.f.timeout: 30 s are more than the 5 of a function between viewer and cache
        4:60 error[conflict] functions.f.onError: CloudFront takes no function that has this
        ");
        assert!(of(", timeout: 31", "origin-response").contains("31 s are more than the 30"));
    }
}
