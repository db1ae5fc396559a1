//! `sqs`: messages of a queue.

use serde_json::Value;

use crate::config::decode::{
    Bounded, Cf, Decode, Decoder, FreeMapping, Schemas, Short, intrinsic, keywords, mapping_at, object,
};
use crate::config::node::{Data, Node};

object! {
    /// Messages of a queue.
    pub struct Sqs {
        /// The ARN of the queue.
        arn "arn": Cf,
        /// Messages in one call; more than 10 needs a batching window.
        batch_size "batchSize" = 10: Option<Bounded<1, 10000>>,
        /// Whether messages are read.
        enabled "enabled" = true: Option<bool>,
        /// Seconds that messages are gathered.
        maximum_batching_window "maximumBatchingWindow": Option<Bounded<0, 300>>,
        /// `ReportBatchItemFailures`: the function names the messages that failed.
        function_response_type "functionResponseType": Option<FunctionResponseType>,
        /// Which messages call the function.
        filter_patterns "filterPatterns": Vec<FreeMapping>,
        /// Calls at once.
        maximum_concurrency "maximumConcurrency": Option<Bounded<2, 1000>>,
    }
}

/// The short form of events that are an ARN.
pub(super) fn is_arn(node: &Node) -> bool {
    matches!(node.data, Data::String(_) | Data::Deferred(_)) || intrinsic(node).is_some()
}

impl Short for Sqs {
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
    /// What the function's result means for a batch.
    pub enum FunctionResponseType {
        ReportBatchItemFailures = "ReportBatchItemFailures",
    }
}
