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

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::decode::{Decode, Decoder, Schemas, Shorthand, mapping_at};
use super::super::node::{Data, Entry, Node, Place};

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
        if node.as_str() == Some("alexaSkill") {
            // As v1 had it.
            let diagnostic = cx
                .warning(
                    "event-without-settings",
                    node,
                    "`alexaSkill` without a skill: any skill may call the function",
                )
                .help("write `alexaSkill: amzn1.ask.skill.…` with the id of the skill");
            cx.report(diagnostic);
            return Self::decode(&mapping_at(node, [("alexaSkill", mapping_at(node, []))]), cx);
        }
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
        if let Some(indented) = indent(node, map, cx) {
            return Self::decode(&indented, cx);
        }
        let mut found: Option<Trigger> = None;
        for (kind, entry) in map {
            match Trigger::decode(kind, &entry.value, cx) {
                Some(trigger) => {
                    if let (Some(first), Some(_)) = (&found, &trigger) {
                        let at_key = Node::new(Data::Null, entry.key_place);
                        let diagnostic = cx
                            .error(
                                "several-events",
                                &at_key,
                                format!("`{kind}` stands in the item of `{}`", first.kind()),
                            )
                            .help("begin each event with a `-` of its own");
                        cx.report(diagnostic);
                    }
                    found = found.or(trigger);
                }
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

/// The event as it was meant, when its settings are not indented beneath it (`- http:` with `path:` right below):
/// that is said once instead of each setting being an unknown key.
fn indent(node: &Node, map: &IndexMap<String, Entry>, cx: &mut Decoder) -> Option<Node> {
    let (kind, event) = map.first()?;
    let settings: IndexMap<String, Entry> =
        map.iter().skip(1).map(|(key, entry)| (key.clone(), entry.clone())).collect();
    let is_event = |key: &str| Trigger::KINDS.contains(&key);
    if !is_event(kind)
        || !matches!(event.value.data, Data::Null)
        || settings.is_empty()
        || settings.keys().any(|key| is_event(key))
    {
        return None;
    }
    let names: Vec<String> = settings.keys().map(|key| format!("`{key}`")).collect();
    let place = settings.first().map_or(node.place, |(_, entry)| entry.key_place);
    let diagnostic = cx
        .error(
            "wrong-indentation",
            &Node::new(Data::Null, place),
            format!("{} must be indented beneath `{kind}`", names.join(", ")),
        )
        .help("indent them by four spaces from the `-`: two of its own, and two more");
    cx.report(diagnostic);
    let value = Node { data: Data::Map(settings), ..event.value.clone() };
    let entry = Entry { key_place: event.key_place, value };
    Some(Node { data: Data::Map([(kind.clone(), entry)].into_iter().collect()), ..node.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::super::decode::sample;
    use super::super::decode_service;

    #[test]
    fn slips_in_the_list_of_events_are_named() {
        let (service, found) = decode_service(&sample::node(
            "service: shop
provider: aws
functions:
  f:
    handler: a.b
    events:
      - http:
        path: /a
        mehtod: get
        method: get
      - sqs: arn:aws:sqs:eu-west-1:1:q
        sns: topic
",
        ));
        insta::assert_snapshot!(sample::summary(&found), @r"
        8:9 error[wrong-indentation] functions.f.events[0]: `path`, `mehtod`, `method` must be indented beneath `http`
        9:9 error[unknown-key] functions.f.events[0].http.mehtod: unknown key
        12:9 error[several-events] functions.f.events[1]: `sns` stands in the item of `sqs`
        ");
        let service = service.expect("a service");
        assert_eq!(service.functions["f"].events.len(), 2);
    }
}
