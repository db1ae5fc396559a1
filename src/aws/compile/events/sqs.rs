//! `sqs`: messages of a queue.

use super::super::output::Output;
use super::super::plan::Plan;
use super::super::tree::{self, Properties};
use super::mapping;
use crate::aws::naming;
use crate::config::language::events::Trigger;
use crate::engine::value::Value;

const ACTIONS: &[&str] = &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::Sqs(sqs) => Some(&sqs.0),
        _ => None,
    });
    for event in events {
        let (function, sqs) = (event.function, event.settings);
        let scaling = sqs.maximum_concurrency.map(|count| Properties::new().with("MaximumConcurrency", count.get()));
        let batch = sqs.batch_size.map_or(10, |size| size.get());
        let window = sqs.maximum_batching_window.map(|seconds| seconds.get());
        if batch > 10 && window.unwrap_or(0) == 0 && !tree::source_name(&sqs.arn).ends_with(".fifo") {
            output.problem(
                event
                    .problem("window-needed", format!("a batch of {batch} messages needs a batching window"))
                    .help("add `maximumBatchingWindow: 1` or more seconds, or gather at most 10 messages"),
            );
        }
        let properties = mapping::properties(function, sqs.enabled)
            .with("EventSourceArn", &sqs.arn)
            .with("BatchSize", batch)
            .maybe("MaximumBatchingWindowInSeconds", window)
            .maybe("FunctionResponseTypes", sqs.function_response_type.map(|kind| vec![kind.as_str()]))
            .maybe("FilterCriteria", mapping::filters(&sqs.filter_patterns))
            .maybe("ScalingConfig", scaling);
        output.grant(function, ACTIONS, [Value::from(&sqs.arn)]);
        let logical_id = naming::mapping(function.key, "SQS", &tree::source_name(&sqs.arn));
        output.add(logical_id, mapping::resource(function, properties));
    }
}
