//! Notifications of one bucket: S3 takes no two whose events, prefixes and suffixes overlap, whichever function they call.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>

use super::{Checked, known};
use crate::config::decode::nearest;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::Trigger;
use crate::config::language::events::s3::{S3, S3Rule};
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
            wrong(checked, &s3.0, &path, diagnostics);
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

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
const EVENTS: &[&str] = &[
    "IntelligentTiering",
    "LifecycleExpiration",
    "LifecycleTransition",
    "ObjectAcl",
    "ObjectCreated",
    "ObjectRemoved",
    "ObjectRestore",
    "ObjectTagging",
    "ReducedRedundancyLostObject",
    "Replication",
    "TestEvent",
];

/// What S3 takes in no bucket.
fn wrong(checked: &Checked<'_>, s3: &S3, path: &str, diagnostics: &mut Vec<Diagnostic>) {
    let mut add = |code, key: &str, problem: String, help: String| {
        let path = format!("{path}.{key}");
        let diagnostic = Diagnostic::error(code, format!("{path}: {problem}")).path(path);
        diagnostics.push(diagnostic.at(s3.place_of(key)).help(help));
    };
    let several = |of: fn(&S3Rule) -> bool| s3.rules.iter().filter(|rule| of(rule)).count() > 1;
    for (key, twice) in
        [("prefix", several(|rule| rule.prefix.is_some())), ("suffix", several(|rule| rule.suffix.is_some()))]
    {
        if twice {
            let problem = format!("a notification has one {key}");
            add("conflict", "rules", problem, format!("write one event for each {key}"));
        }
    }
    if let Some(event) = s3.event.as_ref().map(|event| event.as_str()).filter(|event| !event.contains("${")) {
        let family = event.split(':').nth(1).unwrap_or_default();
        if !EVENTS.contains(&family) {
            let near = nearest(family, EVENTS.iter().copied());
            let help = near.map_or_else(
                || format!("there are {}", EVENTS.join(", ")),
                |near| format!("did you mean `s3:{near}:*`?"),
            );
            add("unknown-value", "event", format!("S3 has no event `{event}`"), help);
        }
    }
    // The oldest buckets have names that no new one may have.
    let named = known(&s3.bucket).filter(|bucket| !checked.service.provider.s3.contains_key(*bucket));
    if let Some(bucket) = named.filter(|_| s3.existing != Some(true)) {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let inside = |byte: u8| fits(byte) || byte == b'.' || byte == b'-';
        let bytes = bucket.as_bytes();
        let ends = [bytes.first(), bytes.last()].iter().all(|end| end.is_some_and(|end| fits(*end)));
        if !(3..=63).contains(&bytes.len()) || !ends || !bytes.iter().all(|byte| inside(*byte)) {
            let problem = format!("`{bucket}` is no name of a bucket");
            add("bad-format", "bucket", problem, "write 3 to 63 small letters, digits, dots and hyphens".to_owned());
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
    fn what_s3_takes_in_no_bucket_is_refused() {
        insta::assert_snapshot!(
            in_functions(
                "  a: {handler: a.b, events: [{s3: {bucket: xxx, rules: [{prefix: a}, {prefix: b}]}}, {s3: {bucket: Upper, event: 's3:ObjectCreate:*'}}]}\n"
            ),
            @r"
        4:56 error[conflict] functions.a.events[0].s3.rules: a notification has one prefix
        4:114 error[unknown-value] functions.a.events[1].s3.event: S3 has no event `s3:ObjectCreate:*`
        4:100 error[bad-format] functions.a.events[1].s3.bucket: `Upper` is no name of a bucket
        "
        );
    }

    #[test]
    fn notifications_that_overlap_are_found() {
        let of = |one: &str, other: &str| {
            in_functions(&format!(
                "  a: {{handler: a.b, events: [{{s3: {{{one}}}}}]}}\n  b: {{handler: a.b, events: [{{s3: {{{other}}}}}]}}\n"
            ))
        };
        let overlapping = [
            ("bucket: xxx", "bucket: xxx, existing: true"),
            ("bucket: xxx, rules: [{prefix: in/}]", "bucket: xxx, event: 's3:ObjectCreated:Put'"),
            ("bucket: xxx, rules: [{prefix: in/}, {suffix: .jpg}]", "bucket: xxx, rules: [{prefix: in/a/}]"),
        ];
        for (one, other) in overlapping {
            let found = of(one, other);
            assert!(
                found.contains("error[overlapping-notifications] functions.b.events[0].s3"),
                "{one} | {other}: {found}"
            );
        }
        let apart = [
            ("bucket: xxx", "bucket: yyy"),
            ("bucket: xxx", "bucket: xxx, event: 's3:ObjectRemoved:*'"),
            ("bucket: xxx, rules: [{prefix: in/}]", "bucket: xxx, rules: [{prefix: out/}]"),
            ("bucket: xxx, rules: [{prefix: in/}, {suffix: .jpg}]", "bucket: xxx, rules: [{suffix: .png}]"),
            ("bucket: '${ssm:/x}'", "bucket: '${ssm:/x}'"),
        ];
        for (one, other) in apart {
            assert_eq!(of(one, other), "", "{one} | {other}");
        }
        // The same twice in one function is one.
        assert_eq!(in_functions("  a: {handler: a.b, events: [{s3: xxx}, {s3: xxx}]}\n"), "");
    }
}
