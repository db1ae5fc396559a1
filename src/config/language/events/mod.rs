//! What can call a function: one file per kind of event, one line each in the registry below.

pub mod alb;
pub mod alexa;
pub mod cloud_front;
pub mod cloudwatch_log;
pub mod cognito;
pub mod event_bridge;
pub mod http;
pub mod http_api;
pub mod iot;
pub mod kafka;
pub mod mq;
pub mod s3;
pub mod schedule;
pub mod sns;
pub mod sqs;
pub mod stream;
pub mod websocket;

use serde_json::{Value, json};

use super::super::decode::{Decode, Decoder, Schemas, Shorthand};
use super::super::node::{Data, Node, Place};

/// Declares the registry of events: the enum, its decoder and its schema.
macro_rules! events {
    ($( $(#[doc = $doc:literal])* $variant:ident $key:literal : $ty:ty ),* $(,)?) => {
        /// What calls a function.
        #[derive(Clone, Debug)]
        pub enum Trigger {
            $( $(#[doc = $doc])* $variant(Box<$ty>) ),*
        }

        impl Trigger {
            /// The keys of all events, as they are written.
            pub const KINDS: &'static [&'static str] = &[$($key),*];

            /// The event's key: `http`, `sqs`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => $key ),*
                }
            }

            fn decode(kind: &str, node: &Node, cx: &mut Decoder) -> Option<Option<Self>> {
                match kind {
                    $( $key => Some(cx.within($key, |cx| <$ty>::decode(node, cx)).map(|event| Self::$variant(Box::new(event)))), )*
                    _ => None,
                }
            }

            fn schemas(schemas: &mut Schemas) -> Vec<(&'static str, String, Value)> {
                vec![$( ($key, crate::config::decode::prose(&[$($doc),*]), <$ty>::schema(schemas)) ),*]
            }
        }
    };
}

events! {
    /// A route of the REST API.
    Http "http": Shorthand<http::Http>,
    /// A route of the HTTP API.
    HttpApi "httpApi": Shorthand<http_api::HttpApiRoute>,
    /// A route of the WebSocket API.
    Websocket "websocket": Shorthand<websocket::Websocket>,
    /// Calls by the clock.
    Schedule "schedule": Shorthand<schedule::Schedule>,
    /// Events of an EventBridge bus.
    EventBridge "eventBridge": event_bridge::EventBridge,
    /// Events of the default bus.
    CloudwatchEvent "cloudwatchEvent": event_bridge::CloudwatchEvent,
    /// Messages of a queue.
    Sqs "sqs": Shorthand<sqs::Sqs>,
    /// Records of a DynamoDB or Kinesis stream.
    Stream "stream": Shorthand<stream::Stream>,
    /// Messages of a topic.
    Sns "sns": Shorthand<sns::Sns>,
    /// Changes in a bucket.
    S3 "s3": Shorthand<s3::S3>,
    /// A step of signing up or signing in.
    CognitoUserPool "cognitoUserPool": cognito::CognitoUserPool,
    /// Records of a log group.
    CloudwatchLog "cloudwatchLog": Shorthand<cloudwatch_log::CloudwatchLog>,
    /// Requests that a load balancer passes on.
    Alb "alb": alb::Alb,
    /// Calls of an Alexa skill.
    AlexaSkill "alexaSkill": Shorthand<alexa::AlexaSkill>,
    /// Calls of an Alexa smart home skill.
    AlexaSmartHome "alexaSmartHome": Shorthand<alexa::AlexaSmartHome>,
    /// Messages of AWS IoT.
    Iot "iot": iot::Iot,
    /// New devices of AWS IoT.
    IotFleetProvisioning "iotFleetProvisioning": iot::IotFleetProvisioning,
    /// A step of a request through CloudFront.
    CloudFront "cloudFront": cloud_front::CloudFrontEvent,
    /// Records of a topic of a Kafka cluster of your own.
    Kafka "kafka": kafka::Kafka,
    /// Records of a topic of Amazon MSK.
    Msk "msk": kafka::Msk,
    /// Messages of an ActiveMQ broker.
    ActiveMq "activemq": mq::ActiveMq,
    /// Messages of a RabbitMQ broker.
    RabbitMq "rabbitmq": mq::RabbitMq,
}

/// One entry of a function's `events`.
#[derive(Clone, Debug)]
pub struct Event {
    pub trigger: Trigger,
    /// Position in the function's `events`, as written; some generated names count by it.
    pub index: usize,
    /// Where the event stands.
    pub place: Place,
}

impl Decode for Event {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let kinds = Trigger::KINDS;
        if let Data::String(kind) = &node.data
            && kinds.contains(&kind.as_str())
        {
            let diagnostic = cx
                .error(
                    "event-without-settings",
                    node,
                    format!("`{kind}` has no settings, so nothing calls the function"),
                )
                .help(format!("write `{kind}:` with its settings, see `hoist schema`"));
            cx.report(diagnostic);
            return None;
        }
        let map = cx.mapping(node, Self::expects)?;
        let mut found = None;
        for (kind, entry) in map {
            match Trigger::decode(kind, &entry.value, cx) {
                Some(trigger) => found = trigger.or(found),
                None => cx.unknown_key(kind, &Node::new(Data::Null, entry.key_place), kinds),
            }
        }
        Some(Self { trigger: found?, index: cx.index(), place: node.place })
    }

    fn fits(node: &Node) -> bool {
        matches!(node.data, Data::Map(_))
    }

    fn expects() -> String {
        "an event (`http`, `sqs`, `schedule`, …)".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.named("Event", |schemas| {
            let mut properties = serde_json::Map::new();
            for (key, doc, schema) in Trigger::schemas(schemas) {
                properties.insert(
                    key.to_owned(),
                    json!({"description": doc, "anyOf": [schema, {"$ref": "#/definitions/Variable"}]}),
                );
            }
            json!({"type": "object", "properties": properties, "additionalProperties": false,
                "minProperties": 1, "maxProperties": 1})
        })
    }
}
