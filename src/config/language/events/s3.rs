//! `s3`: changes in a bucket.

use serde_json::Value;

use super::sqs::is_arn;
use crate::config::decode::{Cf, Decode, Decoder, Schemas, Short, mapping_at, object, text};
use crate::config::node::Node;

text! {
    /// The kind of a change.
    pub struct S3EventName: "an event of S3 such as `s3:ObjectCreated:*`", pattern "^s3:.+$"
}

object! {
    /// Changes in a bucket.
    pub struct S3 {
        /// The bucket: its name, a key of `provider.s3`, or a CloudFormation function.
        bucket "bucket": Cf,
        /// Which changes.
        event "event" = "s3:ObjectCreated:*": Option<S3EventName>,
        /// Which objects.
        rules "rules": Vec<S3Rule>,
        /// Whether the bucket is there already and only its notifications are changed.
        existing "existing" = false: Option<bool>,
    }
    ignored {
        "forceDeploy": "hoist reads the notifications of the bucket in every deploy"
    }
}

impl Short for S3 {
    const SHORT: &'static str = "the name of a bucket";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("bucket", node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        is_arn(node)
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        Cf::schema(schemas)
    }
}

object! {
    /// Which objects: what their keys begin or end with.
    pub struct S3Rule {
        /// What the key begins with.
        prefix "prefix": Option<Cf>,
        /// What the key ends with.
        suffix "suffix": Option<Cf>,
    }
}
