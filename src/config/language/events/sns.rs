//! `sns`: messages of a topic.

use serde_json::Value;

use super::sqs::is_arn;
use crate::config::decode::{Cf, Decode, Decoder, FreeMapping, Schemas, Short, mapping_at, object, text};
use crate::config::node::Node;

text! {
    /// The name of a topic.
    pub struct TopicName: "a topic name (letters, digits, `-` and `_`)", pattern "^[\\w-]+(\\.fifo)?$", max 256
}

object! {
    /// Messages of a topic: one that the service makes (`topicName`), or one that is there (`arn`).
    pub struct Sns {
        /// The ARN of a topic that is there.
        arn "arn": Option<Cf>,
        /// The name of a topic that is made, or of the one that `arn` gives.
        topic_name "topicName": Option<TopicName>,
        /// The name that receivers of mail and text messages see.
        display_name "displayName": Option<String>,
        /// Which messages call the function.
        filter_policy "filterPolicy": Option<FreeMapping>,
        /// Whether the filter is for attributes or for the body.
        filter_policy_scope "filterPolicyScope": Option<String>,
        /// Where messages go that could not be delivered.
        redrive_policy "redrivePolicy": Option<RedrivePolicy>,
        /// The KMS key of the topic (v4).
        kms_master_key_id "kmsMasterKeyId": Option<Cf>,
    }
}

impl Short for Sns {
    const SHORT: &'static str = "a topic's name or ARN";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        let key = match node.as_str() {
            Some(text) if !text.starts_with("arn:") => "topicName",
            _ => "arn",
        };
        Some(mapping_at(node, [(key, node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        is_arn(node)
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        Cf::schema(schemas)
    }
}

object! {
    /// Where messages go that could not be delivered: one of the three.
    pub struct RedrivePolicy {
        /// The ARN of a queue.
        dead_letter_target_arn "deadLetterTargetArn": Option<Cf>,
        /// The logical id of a queue in `resources`.
        dead_letter_target_ref "deadLetterTargetRef": Option<String>,
        /// A queue of another stack.
        dead_letter_target_import "deadLetterTargetImport": Option<RedriveImport>,
    }
}

object! {
    /// A queue of another stack, by the names of its exports.
    pub struct RedriveImport {
        /// The export with the ARN.
        arn "arn": String,
        /// The export with the URL.
        url "url": String,
    }
}
