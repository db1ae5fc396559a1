//! Settings of events that must or must not stand together.

use std::collections::HashMap;

use super::{Checked, known};
use crate::config::decode::{Cf, Places, describe, intrinsic, nearest};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::http::{AuthorizerKind, Http};
use crate::config::language::events::schedule::{Schedule, ScheduleMethod};
use crate::config::language::events::sqs::Sqs;
use crate::config::language::events::stream::Stream;
use crate::config::language::events::{Event, Trigger};
use crate::config::node::{Data, Node, Place};

/// What one event says wrong: the key beneath it, the place, the problem, what to do.
struct Finding {
    code: &'static str,
    key: &'static str,
    place: Place,
    problem: String,
    help: &'static str,
}

/// What was found about one event.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, code: &'static str, key: &'static str, place: Place, problem: &str, help: &'static str) {
        self.0.push(Finding { code, key, place, problem: problem.to_owned(), help });
    }

    fn missing(&mut self, place: Place, problem: &str, help: &'static str) {
        self.add("missing-key", "", place, problem, help);
    }
}

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut priorities: HashMap<(String, i64), Place> = HashMap::new();
    for one in &checked.functions {
        for event in &one.function.events {
            let mut findings = Findings::default();
            inspect(event, &mut findings);
            let base = format!("functions.{}.events[{}].{}", one.key, event.index, event.trigger.kind());
            for found in findings.0 {
                let path = if found.key.is_empty() { base.clone() } else { format!("{base}.{}", found.key) };
                let mut diagnostic =
                    Diagnostic::error(found.code, format!("{path}: {}", found.problem)).path(path).at(found.place);
                if !found.help.is_empty() {
                    diagnostic = diagnostic.help(found.help);
                }
                diagnostics.push(diagnostic);
            }
            authorizers(checked, event, &base, diagnostics);
            if let Trigger::Alb(alb) = &event.trigger
                && let Some(listener) = known(&alb.listener_arn)
                && let Some(first) =
                    priorities.insert((listener.to_owned(), alb.priority.get()), alb.place_of("priority"))
            {
                let path = format!("{base}.priority");
                diagnostics.push(
                    Diagnostic::error(
                        "duplicate-priority",
                        format!("{path}: {} is the priority of another rule of the same listener", alb.priority.get()),
                    )
                    .path(path)
                    .at(alb.place_of("priority"))
                    .related("the other", first),
                );
            }
        }
    }
}

fn inspect(event: &Event, found: &mut Findings) {
    match &event.trigger {
        Trigger::Schedule(event) => schedule(event, found),
        Trigger::EventBridge(event) => {
            if event.pattern.is_none() && event.schedule.is_none() {
                found.missing(
                    event.place,
                    "neither `pattern` nor `schedule` is there",
                    "say which events call the function",
                );
            }
            if event.schedule.is_some() && event.event_bus.as_ref().is_some_and(is_own_bus) {
                let help = "take `eventBus` away, or `schedule`";
                found.add(
                    "conflict",
                    "schedule",
                    event.place_of("schedule"),
                    "only the default bus has schedules",
                    help,
                );
            }
            pattern("pattern", event.pattern.as_deref(), found);
            one_input(&event.places, found);
        }
        Trigger::CloudwatchEvent(event) => {
            pattern("event", Some(&event.event), found);
            one_input(&event.places, found);
        }
        Trigger::Sns(event) => {
            if event.arn.is_none() && event.topic_name.is_none() {
                found.missing(event.place, "neither `arn` nor `topicName` is there", "name the topic");
            }
            pattern("filterPolicy", event.filter_policy.as_deref(), found);
            // <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>
            let arn = event.arn.as_ref().and_then(known).map(|arn| ("arn", arn));
            let name = event.topic_name.as_ref().map(|name| ("topicName", name.as_str()));
            if let Some((key, _)) = arn.or(name).filter(|(_, topic)| topic.ends_with(".fifo")) {
                let problem = "a FIFO topic does not call functions";
                let help = "subscribe a FIFO queue to it, and give the function that one: `sqs`";
                found.add("conflict", key, event.place_of(key), problem, help);
            }
        }
        Trigger::Sqs(event) => sqs(event, found),
        Trigger::Stream(event) => stream(event, found),
        Trigger::Http(event) => http(event, found),
        // `- alexaSkill` by itself is what v1 had, and said by the decoder: there event and settings stand in one place.
        Trigger::AlexaSkill(skill) if skill.app_id.is_none() && skill.place != event.place => {
            found.missing(skill.place, "`appId` is missing", "give the id of the skill: `amzn1.ask.skill.…`");
        }
        Trigger::Kafka(event) if event.bootstrap_servers.is_empty() => {
            found.missing(event.place, "`bootstrapServers` is missing", "give the addresses of the cluster");
        }
        Trigger::Iot(event) if event.sql.trim().is_empty() => {
            found.add(
                "missing-key",
                "sql",
                event.place_of("sql"),
                "it is empty",
                "select something: `SELECT * FROM 'topic'`",
            );
        }
        Trigger::CloudFront(event) if event.origin.is_none() => {
            found.missing(event.place, "`origin` is missing", "say where CloudFront gets what it serves");
        }
        _ => {}
    }
}

fn is_own_bus(bus: &Cf) -> bool {
    known(bus).is_some_and(|bus| bus != "default" && !bus.ends_with(":event-bus/default"))
}

/// What an event is compared with is a list, wherever in the event it stands.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html>
fn pattern(key: &'static str, pattern: Option<&Node>, found: &mut Findings) {
    let Some(alone) = pattern.and_then(alone) else { return };
    let problem = format!("{} stands without a list around it", describe(alone));
    found.add("wrong-type", key, alone.place, &problem, "write `[..]` around what the event is compared with");
}

/// The first value of a pattern that is no list.
fn alone(node: &Node) -> Option<&Node> {
    match &node.data {
        Data::Map(_) if intrinsic(node).is_some() => None,
        Data::Map(map) => map.values().find_map(|entry| alone(&entry.value)),
        Data::List(_) | Data::Deferred(_) => None,
        _ => Some(node),
    }
}

fn schedule(event: &Schedule, found: &mut Findings) {
    if event.rate.is_empty() {
        found.missing(event.place, "`rate` is missing", "write `rate(5 minutes)` or `cron(0 12 * * ? *)`");
    }
    if event.name.is_some() && event.rate.len() > 1 {
        let help = "take the name away, or write one event for each rate";
        found.add("name-for-several", "name", event.place_of("name"), "one name cannot stand for several rates", help);
    }
    let scheduler = event.method == Some(ScheduleMethod::Scheduler);
    let (of_scheduler, of_bus) = (["timezone", "roleArn", "groupName"], ["inputPath", "inputTransformer"]);
    for key in of_scheduler.into_iter().filter(|key| !scheduler && event.places.get(key).is_some()) {
        let help = "add `method: scheduler`";
        found.add("needs-scheduler", key, event.place_of(key), "only the scheduler has this", help);
    }
    for key in of_bus.into_iter().filter(|key| scheduler && event.places.get(key).is_some()) {
        let help = "use `input`, or `method: eventBus`";
        found.add("needs-event-bus", key, event.place_of(key), "the scheduler does not have this", help);
    }
    one_input(&event.places, found);
}

fn sqs(event: &Sqs, found: &mut Findings) {
    let batch = event.batch_size.map_or(10, |size| size.get());
    let window = event.maximum_batching_window.map_or(0, |seconds| seconds.get());
    if batch > 10 && window == 0 {
        let (place, help) = (event.place_of("batchSize"), "add `maximumBatchingWindow: 1`");
        found.add("needs-batching-window", "batchSize", place, "more than 10 messages need a batching window", help);
    }
    if window > 0 && known(&event.arn).is_some_and(|arn| arn.ends_with(".fifo")) {
        let key = "maximumBatchingWindow";
        found.add("conflict", key, event.place_of(key), "a FIFO queue has no batching window", "take it away");
    }
    for filter in &event.filter_patterns {
        pattern("filterPatterns", Some(filter), found);
    }
    if let Some(arn) = known(&event.arn).filter(|arn| !arn.starts_with("arn:")) {
        let help = "write `arn:aws:sqs:<region>:<account>:<queue>` or `!GetAtt Queue.Arn`";
        found.add("bad-format", "arn", event.arn.place(), &format!("`{arn}` is not an ARN"), help);
    }
}

fn stream(event: &Stream, found: &mut Findings) {
    for filter in &event.filter_patterns {
        pattern("filterPatterns", Some(filter), found);
    }
    if event.kind.is_none() {
        match event.arn.written_arn().filter(|_| !event.arn.is_deferred()).as_deref() {
            None if matches!(event.arn.node().data, Data::Map(_)) => found.missing(
                event.place,
                "`type` is missing",
                "say `dynamodb` or `kinesis`: a CloudFormation function does not show it",
            ),
            Some(arn) if !arn.contains(":dynamodb:") && !arn.contains(":kinesis:") => {
                found.add("bad-format", "arn", event.arn.place(), "the ARN is of neither DynamoDB nor Kinesis", "");
            }
            _ => {}
        }
    }
    let key = "maximumRecordAgeInSeconds";
    if let Some(age) = event.maximum_record_age_in_seconds.map(|age| age.get()).filter(|age| (0..60).contains(age)) {
        let problem = format!("{age} is below the minimum of 60");
        found.add("out-of-range", key, event.place_of(key), &problem, "-1 is without end");
    }
}

fn http(event: &Http, found: &mut Findings) {
    if event.connection_type.is_some() && event.connection_id.is_none() {
        found.missing(event.place, "`connectionId` is missing", "name the VPC link");
    }
    if let Some(authorizer) = &event.authorizer
        && authorizer.name.is_none()
        && authorizer.arn.is_none()
        && authorizer.authorizer_id.is_none()
        && authorizer.kind != Some(AuthorizerKind::AwsIam)
    {
        let problem = "none of `name`, `arn` and `authorizerId` is there";
        let help = "name a function of the service, or give an ARN";
        found.add("missing-key", "authorizer", authorizer.place, problem, help);
    }
}

/// At most one of the three ways to say what a function gets.
fn one_input(places: &Places, found: &mut Findings) {
    let given: Vec<(&'static str, Place)> = ["input", "inputPath", "inputTransformer"]
        .into_iter()
        .filter_map(|key| places.get(key).map(|place| (key, place)))
        .collect();
    if let [(first, _), (second, place), ..] = given.as_slice() {
        let problem = format!("does not go with `{first}`");
        found.add("several-inputs", second, *place, &problem, "say in one way what the function gets");
    }
}

/// Authorizers that are named must be there.
fn authorizers(checked: &Checked<'_>, event: &Event, base: &str, diagnostics: &mut Vec<Diagnostic>) {
    let functions = || checked.service.functions.keys().map(String::as_str).collect::<Vec<_>>();
    let (name, place, known_names, what): (&str, Place, Vec<&str>, &str) = match &event.trigger {
        Trigger::Http(http) => {
            let Some(authorizer) =
                http.authorizer.as_ref().filter(|found| found.arn.is_none() && found.authorizer_id.is_none())
            else {
                return;
            };
            let Some(name) = authorizer.name.as_deref() else { return };
            (name, authorizer.place_of("name"), functions(), "a function of this service")
        }
        Trigger::HttpApi(route) => {
            let Some(authorizer) = route.authorizer.as_ref().filter(|found| found.id.is_none()) else { return };
            let Some(name) = authorizer.name.as_deref() else { return };
            let names: Vec<&str> = checked
                .service
                .provider
                .http_api
                .iter()
                .flat_map(|api| api.authorizers.keys().map(String::as_str))
                .collect();
            (name, authorizer.place_of("name"), names, "in `provider.httpApi.authorizers`")
        }
        Trigger::Websocket(websocket) => {
            let Some(authorizer) = websocket.authorizer.as_ref().filter(|found| found.arn.is_none()) else { return };
            let Some(name) = authorizer.name.as_deref() else { return };
            (name, authorizer.place_of("name"), functions(), "a function of this service")
        }
        Trigger::Alb(alb) => {
            let names: Vec<&str> = checked
                .service
                .provider
                .alb
                .iter()
                .flat_map(|alb| alb.authorizers.keys().map(String::as_str))
                .collect();
            let Some(name) = alb.authorizer.iter().find(|name| !names.contains(&name.as_str())) else { return };
            (name, alb.place_of("authorizer"), names, "in `provider.alb.authorizers`")
        }
        _ => return,
    };
    if known_names.contains(&name) || name.contains("${") {
        return;
    }
    let path = format!("{base}.authorizer");
    let diagnostic = Diagnostic::error("unknown-authorizer", format!("{path}: `{name}` is not {what}"));
    let diagnostic = diagnostic.path(path).at(place);
    diagnostics.push(match nearest(name, known_names) {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
        None => diagnostic,
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    fn events(events: &str) -> String {
        in_functions(&format!("  f:\n    handler: a.b\n    events:\n{events}"))
    }

    #[test]
    fn settings_that_do_not_go_together() {
        insta::assert_snapshot!(
            events(
                "      - schedule: {rate: [rate(1 day), rate(2 days)], name: x, timezone: Europe/Berlin}\n      - eventBridge: {eventBus: default}\n      - sqs: {arn: 'arn:aws:sqs:eu-west-1:1:q', batchSize: 100}\n      - stream: !GetAtt T.StreamArn\n      - cloudwatchEvent: {event: {source: [a]}, input: x, inputPath: $.a}\n"
            ),
            @r"
        7:61 error[name-for-several] functions.f.events[0].schedule.name: one name cannot stand for several rates
        7:74 error[needs-scheduler] functions.f.events[0].schedule.timezone: only the scheduler has this
        8:22 error[missing-key] functions.f.events[1].eventBridge: neither `pattern` nor `schedule` is there
        9:60 error[needs-batching-window] functions.f.events[2].sqs.batchSize: more than 10 messages need a batching window
        10:17 error[missing-key] functions.f.events[3].stream: `type` is missing
        11:70 error[several-inputs] functions.f.events[4].cloudwatchEvent.inputPath: does not go with `input`
        "
        );
    }

    #[test]
    fn what_a_source_would_refuse_is_refused_here() {
        insta::assert_snapshot!(
            events(
                "      - eventBridge: {eventBus: own, schedule: rate(1 hour)}\n      - eventBridge: {pattern: {source: x, detail: {a: [b], c: 1}}}\n      - cloudwatchEvent: {event: {source: [a], $or: [{a: [b]}]}}\n      - sqs: {arn: 'arn:aws:sqs:eu-west-1:1:q.fifo', maximumBatchingWindow: 5, filterPatterns: [{body: {a: 1}}]}\n      - sns: {topicName: t, filterPolicy: {a: b}}\n      - sns: {topicName: u, filterPolicy: {a: !Ref B}}\n      - sns: orders.fifo\n      - sns: 'arn:aws:sns:eu-west-1:1:o.fifo'\n      - iot: {sql: ''}\n"
            ),
            @r"
        7:48 error[conflict] functions.f.events[0].eventBridge.schedule: only the default bus has schedules
        8:41 error[wrong-type] functions.f.events[1].eventBridge.pattern: the string `x` stands without a list around it
        10:77 error[conflict] functions.f.events[3].sqs.maximumBatchingWindow: a FIFO queue has no batching window
        10:108 error[wrong-type] functions.f.events[3].sqs.filterPatterns: the number 1 stands without a list around it
        11:47 error[wrong-type] functions.f.events[4].sns.filterPolicy: the string `b` stands without a list around it
        13:14 error[conflict] functions.f.events[6].sns.topicName: a FIFO topic does not call functions
        14:14 error[conflict] functions.f.events[7].sns.arn: a FIFO topic does not call functions
        15:20 error[missing-key] functions.f.events[8].iot.sql: it is empty
        "
        );
    }

    #[test]
    fn authorizers_that_are_named_must_be_there() {
        insta::assert_snapshot!(
            events("      - http: {path: a, method: get, authorizer: g}\n      - httpApi: {path: /a, method: get, authorizer: users}\n      - http: {path: b, method: get, authorizer: f}\n"),
            @r"
        7:50 error[unknown-authorizer] functions.f.events[0].http.authorizer: `g` is not a function of this service
        8:54 error[unknown-authorizer] functions.f.events[1].httpApi.authorizer: `users` is not in `provider.httpApi.authorizers`
        "
        );
    }
}
