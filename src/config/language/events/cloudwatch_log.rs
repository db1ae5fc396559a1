//! `cloudwatchLog`: records of a log group.

use crate::config::decode::{Decoder, Short, mapping_at, object, text};
use crate::config::node::Node;

text! {
    /// The name of a log group.
    pub struct SubscribedLogGroup: "the name of a log group", pattern "^[/#A-Za-z0-9-_.]+$"
}

object! {
    /// Records of a log group.
    pub struct CloudwatchLog {
        /// The log group.
        log_group "logGroup": SubscribedLogGroup,
        /// Which records. Default: all.
        filter "filter": Option<String>,
    }
}

impl Short for CloudwatchLog {
    const SHORT: &'static str = "the name of a log group";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("logGroup", node.clone())]))
    }
}
