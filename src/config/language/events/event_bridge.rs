//! `eventBridge` and `cloudwatchEvent`: events of a bus that match a pattern.

use indexmap::IndexMap;

use super::schedule::{Rate, RuleDescription, RuleName};
use crate::config::decode::{Bounded, Cf, FreeMapping, object};
use crate::config::node::Node;

object! {
    /// Events of a bus that match a pattern, or calls by the clock.
    pub struct EventBridge {
        /// The bus: a name (made when it is not `default`), an ARN, or a CloudFormation function.
        event_bus "eventBus" = "default": Option<Cf>,
        /// When calls are made.
        schedule "schedule": Option<Rate>,
        /// Which events call the function.
        pattern "pattern": Option<FreeMapping>,
        /// The name of the rule. Default: `<function>-rule-<n>`.
        name "name": Option<RuleName>,
        /// What it is for.
        description "description": Option<RuleDescription>,
        /// Whether calls are made.
        enabled "enabled" = true: Option<bool>,
        /// What the function gets instead of the event.
        input "input": Option<Node>,
        /// The part of the event that the function gets.
        input_path "inputPath": Option<String>,
        /// How the event is changed.
        input_transformer "inputTransformer": Option<InputTransformer>,
        /// How often and how long a call is tried again.
        retry_policy "retryPolicy": Option<RetryPolicy>,
        /// The queue for events that could not be delivered.
        dead_letter_queue_arn "deadLetterQueueArn": Option<Cf>,
    }
}

object! {
    /// How an event is changed.
    pub struct InputTransformer {
        /// Values of the event by name.
        input_paths_map "inputPathsMap": IndexMap<String, String>,
        /// What the function gets, with `<name>` for the values.
        input_template "inputTemplate": String,
    }
}

object! {
    /// How often and how long a call is tried again.
    pub struct RetryPolicy {
        /// Seconds that an event is tried.
        maximum_event_age "maximumEventAge": Option<Bounded<60, 86400>>,
        /// How often it is tried again.
        maximum_retry_attempts "maximumRetryAttempts": Option<Bounded<0, 185>>,
    }
}

object! {
    /// Events of the default bus that match a pattern.
    pub struct CloudwatchEvent {
        /// Which events call the function.
        event "event": FreeMapping,
        /// What the function gets: a text, or a mapping that becomes JSON.
        input "input": Option<Node>,
        /// The part of the event that the function gets.
        input_path "inputPath": Option<String>,
        /// How the event is changed.
        input_transformer "inputTransformer": Option<InputTransformer>,
        /// The name of the rule.
        name "name": Option<RuleName>,
        /// What it is for.
        description "description": Option<RuleDescription>,
        /// Whether calls are made.
        enabled "enabled" = true: Option<bool>,
    }
}
