//! What a CloudFront Function can have, which is little:
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-functions.html>.

use super::Checked;
use crate::config::diagnostic::Diagnostic;
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
/// Runtimes of CloudFront Functions.
const RUNTIMES: &[&str] = &["cloudfront-js-2.0", "cloudfront-js-1.0"];

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
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
                    let viewer = [CloudFrontStep::ViewerRequest, CloudFrontStep::ViewerResponse];
                    if !viewer.contains(&step.event_type) {
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
