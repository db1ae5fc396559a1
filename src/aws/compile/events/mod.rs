//! What calls functions: one file per kind of event, one line each in the registry below.

mod alb;
mod alexa;
mod cloud_front;
mod cloudwatch_log;
mod cognito;
mod event_bridge;
mod input;
mod iot;
mod kafka;
mod mapping;
mod mq;
mod s3;
mod schedule;
mod sns;
mod sqs;
mod stream;

use super::apis;
use super::output::Output;
use super::plan::Plan;

/// One kind of event: its key in the file, and what makes resources of it.
struct EventSource {
    key: &'static str,
    compile: fn(&Plan, &mut Output),
}

/// Every kind of event that is compiled here; the routes of APIs are in [`super::apis`].
const SOURCES: &[EventSource] = &[
    EventSource { key: "schedule", compile: schedule::compile },
    EventSource { key: "s3", compile: s3::compile },
    EventSource { key: "sns", compile: sns::compile },
    EventSource { key: "stream", compile: stream::compile },
    EventSource { key: "kafka", compile: kafka::compile_kafka },
    EventSource { key: "activemq", compile: mq::compile_active },
    EventSource { key: "rabbitmq", compile: mq::compile_rabbit },
    EventSource { key: "msk", compile: kafka::compile_msk },
    EventSource { key: "alb", compile: alb::compile },
    EventSource { key: "alexaSkill", compile: alexa::compile_skill },
    EventSource { key: "alexaSmartHome", compile: alexa::compile_smart_home },
    EventSource { key: "iot", compile: iot::compile_rule },
    EventSource { key: "iotFleetProvisioning", compile: iot::compile_fleet },
    EventSource { key: "cloudwatchEvent", compile: event_bridge::compile_cloudwatch },
    EventSource { key: "cloudwatchLog", compile: cloudwatch_log::compile },
    EventSource { key: "cognitoUserPool", compile: cognito::compile },
    EventSource { key: "eventBridge", compile: event_bridge::compile },
    EventSource { key: "sqs", compile: sqs::compile },
    EventSource { key: "cloudFront", compile: cloud_front::compile },
];

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    for source in SOURCES {
        (source.compile)(plan, output);
    }
    // Nothing is left out in silence.
    let unknown = plan.events(|trigger| {
        let key = trigger.kind();
        let known = SOURCES.iter().any(|source| source.key == key) || apis::knows(key);
        (!known).then_some(trigger)
    });
    for event in unknown {
        let key = event.settings.kind();
        output.problem(
            event
                .problem("not-supported", format!("hoist cannot deploy `{key}` events yet"))
                .help("take the event out"),
        );
    }
}

#[cfg(test)]
mod tests;
