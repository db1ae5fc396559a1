//! `stream`: records of a DynamoDB or Kinesis stream, the latter also through a consumer of its own.

use super::super::output::Output;
use super::super::plan::{Plan, Triggered};
use super::super::tree::{self, Properties};
use super::mapping;
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::language::events::Trigger;
use crate::config::language::events::stream::{Consumer, StartingPosition, Stream, StreamDestinationKind, StreamKind};
use crate::engine::value::Value;

const DYNAMODB: &[&str] =
    &["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"];
// Lambda refuses a mapping without `ListShards`, which the framework leaves out.
const KINESIS: &[&str] = &[
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:DescribeStream",
    "kinesis:ListShards",
    "kinesis:ListStreams",
];
const KINESIS_WITH_CONSUMER: &[&str] =
    &["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStreamSummary", "kinesis:ListShards"];

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::Stream(stream) => Some(&stream.0),
        _ => None,
    });
    for event in events {
        compile_one(plan, &event, output);
    }
}

fn compile_one(plan: &Plan, event: &Triggered<Stream>, output: &mut Output) {
    let (function, stream) = (event.function, event.settings);
    let arn: Value = (&stream.arn).into();
    let Some(kind) = stream.kind.or_else(|| kind(stream)) else {
        output.problem(
            event
                .problem("missing-key", "the ARN does not say what kind of stream it is")
                .help("add `type: dynamodb` or `type: kinesis`"),
        );
        return;
    };
    let name = tree::source_name(&stream.arn);
    // A DynamoDB stream is named by its table: `table/<name>/stream/<time>`.
    let in_arn = stream.arn.written_arn().and_then(|text| Some(text.split('/').nth(1)?.to_owned()));
    let name = in_arn.filter(|part| !part.contains("${")).unwrap_or(name);
    let position = stream.starting_position.unwrap_or(StartingPosition::TrimHorizon);
    if position == StartingPosition::AtTimestamp && stream.places.get(mapping::TIMESTAMP).is_none() {
        output.problem(
            event
                .problem("missing-key", "`startingPosition: AT_TIMESTAMP` needs a time")
                .help("add `startingPositionTimestamp`, in seconds since 1970"),
        );
    }
    let mut source = arn.clone();
    let mut after = None;
    match (&stream.consumer, kind) {
        (_, StreamKind::Dynamodb) => output.grant(function, DYNAMODB, [arn.clone()]),
        (None | Some(Consumer::Managed(false)), StreamKind::Kinesis) => output.grant(function, KINESIS, [arn.clone()]),
        (Some(consumer), StreamKind::Kinesis) => {
            output.grant(function, KINESIS_WITH_CONSUMER, [arn.clone()]);
            source = match consumer {
                Consumer::Existing(existing) => existing.into(),
                Consumer::Managed(_) => {
                    let consumer_id = consumer_of(plan, event, &name, &arn, output);
                    after = Some(consumer_id.clone());
                    tree::reference(consumer_id)
                }
            };
            output.grant(function, &["kinesis:SubscribeToShard"], [source.clone()]);
        }
    }
    let failures = stream.destinations.as_ref().map(|destinations| {
        let target = &destinations.on_failure;
        let is_topic = match target.kind {
            Some(kind) => kind == StreamDestinationKind::Sns,
            None => target.arn.written_arn().is_some_and(|arn| arn.contains(":sns:")),
        };
        let actions: &'static [&'static str] =
            if is_topic { &["sns:Publish"] } else { &["sqs:ListQueues", "sqs:SendMessage"] };
        output.grant(function, actions, [Value::from(&target.arn)]);
        Properties::new().with("OnFailure", Properties::new().with("Destination", &target.arn))
    });
    let properties = mapping::properties(function, stream.enabled)
        .with("EventSourceArn", source)
        .with("BatchSize", stream.batch_size.map_or(10, |size| size.get()))
        .with("StartingPosition", position.as_str())
        .maybe("StartingPositionTimestamp", stream.starting_position_timestamp.map(tree::decimal))
        .maybe("ParallelizationFactor", stream.parallelization_factor.map(|count| count.get()))
        .maybe("MaximumBatchingWindowInSeconds", stream.batch_window.map(|seconds| seconds.get()))
        .maybe("MaximumRetryAttempts", stream.maximum_retry_attempts.map(|count| count.get()))
        .maybe("BisectBatchOnFunctionError", stream.bisect_batch_on_function_error)
        .maybe("FunctionResponseTypes", stream.function_response_type.map(|kind| vec![kind.as_str()]))
        .maybe("MaximumRecordAgeInSeconds", stream.maximum_record_age_in_seconds.map(|age| age.get()))
        .maybe("TumblingWindowInSeconds", stream.tumbling_window_in_seconds.map(|seconds| seconds.get()))
        .maybe("DestinationConfig", failures)
        .maybe("FilterCriteria", mapping::filters(&stream.filter_patterns));
    let ending = match kind {
        StreamKind::Dynamodb => "Dynamodb",
        StreamKind::Kinesis => "Kinesis",
    };
    let logical_id = naming::mapping(function.key, ending, &name);
    output.add(logical_id, mapping::resource(function, properties).after(after));
}

/// The kind that a plain ARN names. What only an account knows is taken for the one that is used most.
fn kind(stream: &Stream) -> Option<StreamKind> {
    match stream.arn.written_arn()?.split(':').nth(2) {
        Some("dynamodb") => Some(StreamKind::Dynamodb),
        Some("kinesis") => Some(StreamKind::Kinesis),
        _ => stream.arn.is_deferred().then_some(StreamKind::Dynamodb),
    }
}

/// A consumer of the function's own, for records pushed with a throughput of their own.
fn consumer_of(plan: &Plan, event: &Triggered<Stream>, stream: &str, arn: &Value, output: &mut Output) -> String {
    let key = event.function.key;
    let service_specific =
        plan.service.provider.kinesis.as_ref().is_some_and(|kinesis| kinesis.consumer_naming_mode.is_some());
    let names = &plan.names;
    let name = if service_specific {
        format!("{key}{stream}{}{}Consumer", names.service, names.stage)
    } else {
        format!("{key}{stream}Consumer")
    };
    let properties = Properties::new().with("StreamARN", arn.clone()).with("ConsumerName", name.as_str());
    let logical_id = naming::of_function(&name, "StreamConsumer");
    output.add_once(
        naming::alphanumeric(&logical_id),
        TemplateResource::new("AWS::Kinesis::StreamConsumer", properties.into()),
    );
    naming::alphanumeric(&logical_id)
}
