//! `activemq` and `rabbitmq`: messages of a broker of Amazon MQ
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html>).

use super::super::output::Output;
use super::super::plan::{FunctionPlan, Plan};
use super::super::tree::Properties;
use super::mapping;
use crate::aws::naming;
use crate::config::decode::Cf;
use crate::config::language::events::Trigger;
use crate::engine::value::Value;

pub(super) fn compile_active(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::ActiveMq(event) => Some(event.as_ref()),
        _ => None,
    });
    for event in events {
        let (function, broker) = (event.function, event.settings);
        let properties = mapping::properties(function, broker.enabled)
            .maybe("BatchSize", broker.batch_size.map(|size| size.get()))
            .maybe("MaximumBatchingWindowInSeconds", broker.maximum_batching_window.map(|seconds| seconds.get()))
            .maybe("FilterCriteria", mapping::filters(&broker.filter_patterns))
            .with("SourceAccessConfigurations", vec![basic_auth(&broker.basic_auth_arn)]);
        add(function, "ActiveMQ", &broker.arn, &broker.queue, &broker.basic_auth_arn, properties, output);
    }
}

pub(super) fn compile_rabbit(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::RabbitMq(event) => Some(event.as_ref()),
        _ => None,
    });
    for event in events {
        let (function, broker) = (event.function, event.settings);
        let mut access = vec![basic_auth(&broker.basic_auth_arn)];
        if let Some(host) = broker.virtual_host.as_deref() {
            access.push(Properties::new().with("Type", "VIRTUAL_HOST").with("URI", host).into());
        }
        let properties = mapping::properties(function, broker.enabled)
            .maybe("BatchSize", broker.batch_size.map(|size| size.get()))
            .maybe("MaximumBatchingWindowInSeconds", broker.maximum_batching_window.map(|seconds| seconds.get()))
            .maybe("FilterCriteria", mapping::filters(&broker.filter_patterns))
            .with("SourceAccessConfigurations", access);
        add(function, "RabbitMQ", &broker.arn, &broker.queue, &broker.basic_auth_arn, properties, output);
    }
}

fn basic_auth(secret: &Cf) -> Value {
    Properties::new().with("Type", "BASIC_AUTH").with("URI", secret).into()
}

fn add(
    function: &FunctionPlan,
    kind: &str,
    broker: &Cf,
    queue: &str,
    secret: &Cf,
    properties: Properties,
    output: &mut Output,
) {
    let properties = properties.with("EventSourceArn", broker).with("Queues", vec![queue]);
    output.grant(function, mapping::SECRET_ACTIONS, [secret.into()]);
    output.grant(function, &["mq:DescribeBroker"], [broker.into()]);
    output.grant(function, mapping::NETWORK_ACTIONS, ["*".into()]);
    let queue: String = naming::plain(queue).chars().take(150).collect();
    output.add(naming::mapping(function.key, kind, &queue), mapping::resource(function, properties));
}
