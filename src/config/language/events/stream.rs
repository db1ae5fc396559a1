//! `stream`: records of a DynamoDB or Kinesis stream.

use serde_json::Value;

use super::sqs::{FunctionResponseType, is_arn};
use crate::config::decode::{
    Bounded, Cf, Decode, Decoder, FreeMapping, Schemas, Short, Shorthand, alternatives, keywords, mapping_at, object,
};
use crate::config::node::Node;

object! {
    /// Records of a DynamoDB or Kinesis stream.
    pub struct Stream {
        /// The ARN of the stream.
        arn "arn": Cf,
        /// `dynamodb` or `kinesis`; needed when the ARN is a CloudFormation function.
        kind "type": Option<StreamKind>,
        /// Records in one call.
        batch_size "batchSize" = 10: Option<Bounded<1, 10000>>,
        /// Seconds that records are gathered.
        batch_window "batchWindow": Option<Bounded<0, 300>>,
        /// Where reading begins.
        starting_position "startingPosition" = "TRIM_HORIZON": Option<StartingPosition>,
        /// The time at which reading begins, in seconds, with `AT_TIMESTAMP`.
        starting_position_timestamp "startingPositionTimestamp": Option<f64>,
        /// Whether records are read.
        enabled "enabled" = true: Option<bool>,
        /// Batches of a shard at once.
        parallelization_factor "parallelizationFactor": Option<Bounded<1, 10>>,
        /// Retries of a batch; -1 is without end.
        maximum_retry_attempts "maximumRetryAttempts": Option<Bounded<-1, 10000>>,
        /// Whether a batch that failed is split.
        bisect_batch_on_function_error "bisectBatchOnFunctionError": Option<bool>,
        /// The oldest record that is processed, in seconds: -1 is without end, else 60 to 604800.
        maximum_record_age_in_seconds "maximumRecordAgeInSeconds": Option<Bounded<-1, 604800>>,
        /// `ReportBatchItemFailures`: the function names the record that failed.
        function_response_type "functionResponseType": Option<FunctionResponseType>,
        /// Seconds of a tumbling window.
        tumbling_window_in_seconds "tumblingWindowInSeconds": Option<Bounded<0, 900>>,
        /// Which records call the function.
        filter_patterns "filterPatterns": Vec<FreeMapping>,
        /// Kinesis: `true` makes a stream consumer, an ARN uses one.
        consumer "consumer": Option<Consumer>,
        /// Where batches go that failed for good.
        destinations "destinations": Option<StreamDestinations>,
    }
}

impl Short for Stream {
    const SHORT: &'static str = "an ARN";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("arn", node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        is_arn(node)
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        Cf::schema(schemas)
    }
}

keywords! {
    /// The service that a stream belongs to.
    pub enum StreamKind {
        Dynamodb = "dynamodb",
        Kinesis = "kinesis",
    }
}

keywords! {
    /// Where reading begins.
    pub enum StartingPosition {
        TrimHorizon = "TRIM_HORIZON",
        Latest = "LATEST",
        AtTimestamp = "AT_TIMESTAMP",
    }
}

alternatives! {
    /// `true` makes a stream consumer, an ARN uses one.
    pub enum Consumer {
        Managed(bool),
        Existing(Cf),
    }
}

object! {
    /// Where batches go that failed for good.
    pub struct StreamDestinations {
        /// A topic or a queue.
        on_failure "onFailure": Shorthand<StreamDestination>,
    }
}

object! {
    /// A topic or a queue.
    pub struct StreamDestination {
        /// Its ARN.
        arn "arn": Cf,
        /// `sns` or `sqs`; needed when the ARN is a CloudFormation function.
        kind "type": Option<StreamDestinationKind>,
    }
}

impl Short for StreamDestination {
    const SHORT: &'static str = "an ARN";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("arn", node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        is_arn(node)
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        Cf::schema(schemas)
    }
}

keywords! {
    /// What a failed batch goes to.
    pub enum StreamDestinationKind {
        Sns = "sns",
        Sqs = "sqs",
    }
}
