//! Settings of events that must or must not stand together.

use std::collections::HashMap;

use super::{Checked, known};
use crate::config::decode::nearest;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::schedule::ScheduleMethod;
use crate::config::language::events::{Event, Trigger};
use crate::config::node::{Data, Place};

/// What one event says wrong: the key beneath it, the place, the problem, what to do.
struct Finding {
    code: &'static str,
    key: &'static str,
    place: Place,
    problem: String,
    help: &'static str,
}

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut priorities: HashMap<(String, i64), Place> = HashMap::new();
    for one in &checked.functions {
        for event in &one.function.events {
            let mut findings = Vec::new();
            inspect(event, &mut findings);
            let base = format!("functions.{}.events[{}].{}", one.key, event.index, event.trigger.kind());
            for found in findings {
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

fn inspect(event: &Event, findings: &mut Vec<Finding>) {
    let mut find = |code, key, place, problem: &str, help| {
        findings.push(Finding { code, key, place, problem: problem.to_owned(), help });
    };
    match &event.trigger {
        Trigger::Schedule(schedule) => {
            if schedule.rate.is_empty() {
                find(
                    "missing-key",
                    "",
                    schedule.place,
                    "`rate` is missing",
                    "write `rate(5 minutes)` or `cron(0 12 * * ? *)`",
                );
            }
            if schedule.name.is_some() && schedule.rate.len() > 1 {
                let place = schedule.place_of("name");
                find(
                    "name-for-several",
                    "name",
                    place,
                    "one name cannot stand for several rates",
                    "take the name away, or write one event for each rate",
                );
            }
            let scheduler = schedule.method == Some(ScheduleMethod::Scheduler);
            for (key, given) in [
                ("timezone", schedule.timezone.is_some()),
                ("roleArn", schedule.role_arn.is_some()),
                ("groupName", schedule.group_name.is_some()),
            ] {
                if given && !scheduler {
                    find(
                        "needs-scheduler",
                        key,
                        schedule.place_of(key),
                        "only the scheduler has this",
                        "add `method: scheduler`",
                    );
                }
            }
            if scheduler {
                for key in ["inputPath", "inputTransformer"] {
                    if schedule.places.get(key).is_some() {
                        find(
                            "needs-event-bus",
                            key,
                            schedule.place_of(key),
                            "the scheduler does not have this",
                            "use `input`, or `method: eventBus`",
                        );
                    }
                }
            }
            one_input(&schedule.places, &mut find);
        }
        Trigger::EventBridge(bridge) => {
            if bridge.pattern.is_none() && bridge.schedule.is_none() {
                find(
                    "missing-key",
                    "",
                    bridge.place,
                    "neither `pattern` nor `schedule` is there",
                    "say which events call the function",
                );
            }
            one_input(&bridge.places, &mut find);
        }
        Trigger::CloudwatchEvent(rule) => one_input(&rule.places, &mut find),
        Trigger::Sqs(sqs) => {
            let batch = sqs.batch_size.map_or(10, |size| size.get());
            let window = sqs.maximum_batching_window.map_or(0, |seconds| seconds.get());
            if batch > 10 && window == 0 {
                find(
                    "needs-batching-window",
                    "batchSize",
                    sqs.place_of("batchSize"),
                    "more than 10 messages need a batching window",
                    "add `maximumBatchingWindow: 1`",
                );
            }
            if let Some(arn) = known(&sqs.arn).filter(|arn| !arn.starts_with("arn:")) {
                let problem = format!("`{arn}` is not an ARN");
                find(
                    "bad-format",
                    "arn",
                    sqs.arn.place(),
                    &problem,
                    "write `arn:aws:sqs:<region>:<account>:<queue>` or `!GetAtt Queue.Arn`",
                );
            }
        }
        Trigger::Stream(stream) => {
            if stream.kind.is_none() {
                match known(&stream.arn) {
                    None if matches!(stream.arn.node().data, Data::Map(_)) => {
                        find(
                            "missing-key",
                            "",
                            stream.place,
                            "`type` is missing",
                            "say `dynamodb` or `kinesis`: a CloudFormation function does not show it",
                        );
                    }
                    Some(arn) if !arn.contains(":dynamodb:") && !arn.contains(":kinesis:") => {
                        find("bad-format", "arn", stream.arn.place(), "the ARN is of neither DynamoDB nor Kinesis", "");
                    }
                    _ => {}
                }
            }
            if let Some(age) = stream.maximum_record_age_in_seconds.map(|age| age.get())
                && (0..60).contains(&age)
            {
                let problem = format!("{age} is below the minimum of 60");
                find(
                    "out-of-range",
                    "maximumRecordAgeInSeconds",
                    stream.place_of("maximumRecordAgeInSeconds"),
                    &problem,
                    "-1 is without end",
                );
            }
        }
        Trigger::Sns(sns) if sns.arn.is_none() && sns.topic_name.is_none() => {
            find("missing-key", "", sns.place, "neither `arn` nor `topicName` is there", "name the topic");
        }
        Trigger::Http(http) => {
            if http.connection_type.is_some() && http.connection_id.is_none() {
                find("missing-key", "", http.place, "`connectionId` is missing", "name the VPC link");
            }
            if let Some(authorizer) = &http.authorizer
                && authorizer.name.is_none()
                && authorizer.arn.is_none()
                && authorizer.authorizer_id.is_none()
                && authorizer.kind != Some(crate::config::language::events::http::AuthorizerKind::AwsIam)
            {
                find(
                    "missing-key",
                    "authorizer",
                    authorizer.place,
                    "none of `name`, `arn` and `authorizerId` is there",
                    "name a function of the service, or give an ARN",
                );
            }
        }
        Trigger::AlexaSkill(skill) if skill.app_id.is_none() => {
            find("missing-key", "", skill.place, "`appId` is missing", "give the id of the skill: `amzn1.ask.skill.…`");
        }
        Trigger::Kafka(kafka) if kafka.bootstrap_servers.is_empty() => {
            find("missing-key", "", kafka.place, "`bootstrapServers` is missing", "give the addresses of the cluster");
        }
        Trigger::CloudFront(front) if front.origin.is_none() => {
            find("missing-key", "", front.place, "`origin` is missing", "say where CloudFront gets what it serves");
        }
        _ => {}
    }
}

/// At most one of the three ways to say what a function gets.
fn one_input(
    places: &crate::config::decode::Places,
    find: &mut impl FnMut(&'static str, &'static str, Place, &str, &'static str),
) {
    let given: Vec<(&'static str, Place)> = ["input", "inputPath", "inputTransformer"]
        .into_iter()
        .filter_map(|key| places.get(key).map(|place| (key, place)))
        .collect();
    if let [(first, _), (second, place), ..] = given.as_slice() {
        let problem = format!("does not go with `{first}`");
        find("several-inputs", second, *place, &problem, "say in one way what the function gets");
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
