//! Notifications of one bucket: S3 takes no two whose events, prefixes and suffixes overlap, whichever function they call.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>

use super::{Checked, known};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::Trigger;
use crate::config::language::events::s3::S3;
use crate::config::node::Place;

/// A notification as far as the file says it.
struct Notification<'a> {
    bucket: &'a str,
    event: &'a str,
    prefix: &'a str,
    suffix: &'a str,
    function: &'a str,
    path: String,
    place: Place,
}

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut all: Vec<Notification> = Vec::new();
    for one in &checked.functions {
        for event in &one.function.events {
            let Trigger::S3(s3) = &event.trigger else { continue };
            let path = format!("functions.{}.events[{}].s3", one.key, event.index);
            let Some(new) = notification(&s3.0, one.key, path, event.place) else { continue };
            // The same twice is once.
            let is_same = |old: &Notification| {
                (old.function, old.event, old.prefix, old.suffix) == (new.function, new.event, new.prefix, new.suffix)
            };
            if let Some(old) = all.iter().find(|old| overlap(old, &new) && !is_same(old)) {
                let message = format!(
                    "{}: {} of `{}` overlaps with a notification of `{}`",
                    new.path, new.event, new.bucket, old.function
                );
                diagnostics.push(
                    Diagnostic::error("overlapping-notifications", message)
                        .path(new.path.clone())
                        .at(new.place)
                        .related("the other", old.place)
                        .help("S3 takes no two for the same objects: give them prefixes, or suffixes, that exclude each other")
                        .help("or let one function hear of them, and pass on what it hears"),
                );
            }
            all.push(new);
        }
    }
}

/// `None` where a part of it is known in an account only, or is wrong by itself.
fn notification<'a>(s3: &'a S3, function: &'a str, path: String, place: Place) -> Option<Notification<'a>> {
    let (mut prefix, mut suffix) = ("", "");
    for rule in &s3.rules {
        for (value, kept) in [(&rule.prefix, &mut prefix), (&rule.suffix, &mut suffix)] {
            if let Some(value) = value {
                *kept = known(value)?;
            }
        }
    }
    let event = s3.event.as_ref().map_or("s3:ObjectCreated:*", |event| event.as_str());
    Some(Notification { bucket: known(&s3.bucket)?, event, prefix, suffix, function, path, place })
}

fn overlap(one: &Notification, other: &Notification) -> bool {
    one.bucket == other.bucket
        && (covers(one.event, other.event) || covers(other.event, one.event))
        && (one.prefix.starts_with(other.prefix) || other.prefix.starts_with(one.prefix))
        && (one.suffix.ends_with(other.suffix) || other.suffix.ends_with(one.suffix))
}

/// `s3:ObjectCreated:*` is `s3:ObjectCreated:Put`, and all others that are made.
fn covers(event: &str, other: &str) -> bool {
    event == other || event.strip_suffix('*').is_some_and(|beginning| other.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn notifications_that_overlap_are_found() {
        let of = |one: &str, other: &str| {
            in_functions(&format!(
                "  a: {{handler: a.b, events: [{{s3: {{{one}}}}}]}}\n  b: {{handler: a.b, events: [{{s3: {{{other}}}}}]}}\n"
            ))
        };
        let overlapping = [
            ("bucket: x", "bucket: x, existing: true"),
            ("bucket: x, rules: [{prefix: in/}]", "bucket: x, event: 's3:ObjectCreated:Put'"),
            ("bucket: x, rules: [{prefix: in/}, {suffix: .jpg}]", "bucket: x, rules: [{prefix: in/a/}]"),
        ];
        for (one, other) in overlapping {
            let found = of(one, other);
            assert!(
                found.contains("error[overlapping-notifications] functions.b.events[0].s3"),
                "{one} | {other}: {found}"
            );
        }
        let apart = [
            ("bucket: x", "bucket: y"),
            ("bucket: x", "bucket: x, event: 's3:ObjectRemoved:*'"),
            ("bucket: x, rules: [{prefix: in/}]", "bucket: x, rules: [{prefix: out/}]"),
            ("bucket: x, rules: [{prefix: in/}, {suffix: .jpg}]", "bucket: x, rules: [{suffix: .png}]"),
            ("bucket: '${ssm:/x}'", "bucket: '${ssm:/x}'"),
        ];
        for (one, other) in apart {
            assert_eq!(of(one, other), "", "{one} | {other}");
        }
        // The same twice in one function is one.
        assert_eq!(in_functions("  a: {handler: a.b, events: [{s3: x}, {s3: x}]}\n"), "");
    }
}
