//! `alexaSkill` and `alexaSmartHome`: calls of Alexa.

use serde_json::Value;

use super::sqs::is_arn;
use crate::config::decode::{Cf, Decode, Decoder, Schemas, Short, mapping_at, object};
use crate::config::node::Node;

object! {
    /// Calls of an Alexa skill.
    pub struct AlexaSkill {
        /// The id of the skill.
        app_id "appId": Option<Cf>,
        /// Whether calls are allowed.
        enabled "enabled" = true: Option<bool>,
    }
}

impl Short for AlexaSkill {
    const SHORT: &'static str = "the id of a skill";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("appId", node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        is_arn(node)
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        Cf::schema(schemas)
    }
}

object! {
    /// Calls of an Alexa smart home skill.
    pub struct AlexaSmartHome {
        /// The id of the skill.
        app_id "appId": Cf,
        /// Whether calls are allowed.
        enabled "enabled" = true: Option<bool>,
    }
}

impl Short for AlexaSmartHome {
    const SHORT: &'static str = "the id of a skill";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("appId", node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        is_arn(node)
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        Cf::schema(schemas)
    }
}
