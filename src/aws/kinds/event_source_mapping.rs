//! `AWS::Lambda::EventSourceMapping`: what Lambda polls for a function.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html>
//!
//! A mapping has no name: it is found by its function and what it reads (queue, stream, cluster and topic, broker and
//! queue). All mappings of the account are listed once, page by page, whatever the number of functions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};
use tokio::sync::OnceCell;

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::retry::Look;
use crate::engine::value::Value;

use super::json::{
    Clear, Retag, changed, expect, member, merge, pick, plain_in_place, properties, retag, sort_texts, tags_of,
};
use super::properties::{at_mut, default_to, drop_empty, own_tags, required, tags_to_map, text, text_map, texts};
use super::tags::Tagged;

/// `AWS::Lambda::EventSourceMapping`
pub const TYPE: &str = "AWS::Lambda::EventSourceMapping";

const MAPPINGS: &str = "/2015-03-31/event-source-mappings/";
const TAGS: (&str, &str, &str) = ("lambda", "POST", "/2017-03-31/tags/");
/// Lambda takes a minute or two to stop the pollers of a mapping that is being deleted.
const DELETED_WITHIN: Duration = Duration::from_secs(600);

/// Every property but `Tags` and those that are called otherwise in requests.
const PROPERTIES: &[&str] = &[
    "AmazonManagedKafkaEventSourceConfig",
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "DocumentDBEventSourceConfig",
    "Enabled",
    "EventSourceArn",
    "FilterCriteria",
    "FunctionName",
    "FunctionResponseTypes",
    "LoggingConfig",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "ParallelizationFactor",
    "ProvisionedPollerConfig",
    "Queues",
    "ScalingConfig",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
    "TumblingWindowInSeconds",
];

/// What an update sends for a property that is to have no value any more: leaving it out would keep the old one.
const CLEARS: &[Clear] = &[
    ("DestinationConfig", || json!({ "OnFailure": {} })),
    ("DocumentDBEventSourceConfig", || json!({})),
    ("FilterCriteria", || json!({})),
    ("FunctionResponseTypes", || json!([])),
    ("KMSKeyArn", || json!("")),
    ("LoggingConfig", || json!({})),
    // Clusters and brokers begin with half a second, which cannot be had again: no window comes next to it.
    ("MaximumBatchingWindowInSeconds", || json!(0)),
    ("MetricsConfig", || json!({ "Metrics": [] })),
    ("ProvisionedPollerConfig", || json!({})),
    ("ScalingConfig", || json!({})),
    ("SourceAccessConfigurations", || json!([])),
    ("TumblingWindowInSeconds", || json!(0)),
];

/// What a source that Lambda reads as a stream has when nothing is said.
const STREAM_DEFAULTS: &[(&str, i64)] =
    &[("MaximumRecordAgeInSeconds", -1), ("MaximumRetryAttempts", -1), ("ParallelizationFactor", 1)];

/// Reads, makes, changes and deletes event source mappings.
pub struct EventSourceMapping {
    aws: Arc<Aws>,
    /// All of the account, as they were when the plan was made.
    listed: OnceCell<Vec<Json>>,
}

impl EventSourceMapping {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, listed: OnceCell::new() }
    }

    async fn list(&self, function: Option<&str>) -> Result<Vec<Json>, Failure> {
        let mut request = Signed::rest("GET", MAPPINGS).query("MaxItems", "100");
        if let Some(function) = function {
            request = request.query("FunctionName", function);
        }
        let token = ("NextMarker", "Marker");
        self.aws.pages("lambda", "ListEventSourceMappings", request, token, "EventSourceMappings").await
    }

    /// The mapping of a function and a source, as it is at this moment.
    async fn look(&self, function: &str, identity: &str) -> Result<Option<Json>, Failure> {
        let (function, _) = split_function(function);
        let all = self.list(Some(&function)).await?;
        Ok(all.into_iter().find(|answer| source_identity(&decode(answer)).as_deref() == Some(identity)))
    }

    /// The mappings of a function. Tags are read of those that are not `known`.
    async fn of_function(&self, function: &Live, known: &Tagged) -> Result<Vec<Live>, Failure> {
        let all = self.listed.get_or_try_init(|| self.list(None)).await?;
        let mut found = Vec::new();
        for answer in all {
            let (name, _) = split_function(member(answer, "FunctionArn").unwrap_or_default());
            if name != function.physical_id || member(answer, "State") == Some("Deleting") {
                continue;
            }
            let arn = member(answer, "EventSourceMappingArn");
            let tags = match arn.map(|arn| (arn, known.get(arn))) {
                Some((_, Some(tags))) => tags.clone(),
                Some((arn, None)) => self.tags(arn).await?,
                None => BTreeMap::new(),
            };
            found.push(self.live(answer, &tags, Some(function))?);
        }
        Ok(found)
    }

    async fn tags(&self, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
        let request = Signed::rest("GET", format!("{}{}", TAGS.2, segment(arn)));
        let answer = self.aws.call("lambda", "ListTags").find(|| self.aws.signed("lambda", request.clone())).await?;
        Ok(tags_of(answer.as_ref().and_then(|answer| answer.get("Tags"))))
    }

    /// A live mapping. Mappings made before they could carry tags are ours when their function is.
    fn live(&self, answer: &Json, tags: &BTreeMap<String, String>, parent: Option<&Live>) -> Result<Live, Failure> {
        let uuid = expect(answer, "UUID", "lambda.GetEventSourceMapping")?;
        let mut properties = decode(answer);
        let physical_id = source_identity(&properties).unwrap_or_else(|| uuid.clone());
        let ownership = match self.aws.scope().ownership(tags) {
            Ownership::Unmarked if parent.is_some_and(|parent| parent.ownership == Ownership::Ours) => Ownership::Ours,
            other => other,
        };
        if let Value::Map(map) = &mut properties {
            map.insert("Tags".to_owned(), own_tags(tags));
        }
        let arn = member(answer, "EventSourceMappingArn").unwrap_or(&uuid);
        Ok(Live {
            address: Address::new(TYPE, tags.get(ID).map_or(physical_id.as_str(), String::as_str)),
            attributes: BTreeMap::from([
                ("Ref".to_owned(), Value::string(uuid.as_str())),
                ("Id".to_owned(), Value::string(uuid.as_str())),
                ("EventSourceMappingArn".to_owned(), Value::string(arn)),
            ]),
            physical_id,
            ownership,
            fingerprint: None,
            revision: None,
            parent: parent.map(|parent| parent.address.logical_id.clone()),
            properties,
        })
    }

    /// Waits until a mapping that is being deleted is gone: the same function and source cannot be mapped before.
    async fn await_deletion(&self, uuid: &str, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("GET", format!("{MAPPINGS}{}", segment(uuid)));
        let gone = self
            .aws
            .call("lambda", "GetEventSourceMapping")
            .progress(progress)
            .wait(
                DELETED_WITHIN,
                || self.aws.signed("lambda", request.clone()),
                |answer: Json| match member(&answer, "State") {
                    Some("Deleting") => Look::NotYet("the old mapping to end"),
                    _ => Look::Ready(()),
                },
            )
            .await;
        match gone {
            Err(failure) if failure.reason == Reason::NotFound => Ok(()),
            other => other,
        }
    }
}

/// `hello` and `live` of `hello:live` or of the ARN of either. `$LATEST` is no qualifier of its own.
fn split_function(name: &str) -> (String, Option<String>) {
    let short = match name.rfind(":function:") {
        Some(at) => &name[at + ":function:".len()..],
        None => name,
    };
    match short.split_once(':') {
        Some((function, "$LATEST")) => (function.to_owned(), None),
        Some((function, qualifier)) => (function.to_owned(), Some(qualifier.to_owned())),
        None => (short.to_owned(), None),
    }
}

/// What a mapping reads, and for which function: what makes it the same mapping. `None` while either is not known.
fn source_identity(properties: &Value) -> Option<String> {
    let (function, _) = split_function(properties.get("FunctionName")?.text()?);
    let source = match properties.get("EventSourceArn") {
        Some(arn) => arn.text()?.to_owned(),
        None => {
            let mut servers = texts(properties, &["SelfManagedEventSource", "Endpoints", "KafkaBootstrapServers"]);
            servers.sort_unstable();
            (!servers.is_empty()).then(|| servers.join(","))?
        }
    };
    let inner: Vec<String> = ["Topics", "Queues"].iter().flat_map(|key| texts(properties, &[key])).collect();
    Some([function, source].into_iter().chain(inner).collect::<Vec<_>>().join("|"))
}

fn is_queue(properties: &BTreeMap<String, Value>) -> bool {
    service(properties) == Some("sqs")
}

/// `sqs`, `kinesis`, `dynamodb`, `kafka`, `mq`, `rds` from the source's ARN.
fn service(properties: &BTreeMap<String, Value>) -> Option<&str> {
    properties.get("EventSourceArn")?.text()?.split(':').nth(2)
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    let numbers = [
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "ParallelizationFactor",
        "StartingPositionTimestamp",
        "TumblingWindowInSeconds",
    ];
    plain_in_place(properties, &numbers, &["Enabled", "BisectBatchOnFunctionError"]);
    if let Some(key) = properties.remove("KMSKeyArn") {
        properties.insert("KmsKeyArn".to_owned(), key);
    }
    if let Some(Value::String(name)) = properties.get_mut("FunctionName") {
        let (function, qualifier) = split_function(name);
        *name = qualifier.map_or(function.clone(), |qualifier| format!("{function}:{qualifier}"));
    }
    if let Some(topics) = at_mut(properties, &["Topics"]) {
        sort_texts(topics);
    }
    drop_empty(properties, &[]);
    default_to(properties, "Enabled", Value::Bool(true));
    // A source that is not known yet has no defaults that could be told.
    let source = service(properties).map(str::to_owned);
    let number = |number: i64| Value::Number(number.into());
    if source.is_some() || properties.contains_key("SelfManagedEventSource") {
        default_to(properties, "BatchSize", number(if is_queue(properties) { 10 } else { 100 }));
    }
    if matches!(source.as_deref(), Some("sqs" | "kinesis" | "dynamodb")) {
        default_to(properties, "MaximumBatchingWindowInSeconds", number(0));
    }
    if matches!(source.as_deref(), Some("kinesis" | "dynamodb")) {
        for (key, value) in STREAM_DEFAULTS {
            default_to(properties, key, number(*value));
        }
        default_to(properties, "BisectBatchOnFunctionError", Value::Bool(false));
        default_to(properties, "TumblingWindowInSeconds", number(0));
    } else if is_queue(properties) {
        // Lambda answers with these for queues too, where they mean nothing.
        for key in STREAM_DEFAULTS.iter().map(|(key, _)| *key).chain(["TumblingWindowInSeconds", "StartingPosition"]) {
            properties.remove(key);
        }
        properties.remove("BisectBatchOnFunctionError");
    } else if properties.get("MaximumBatchingWindowInSeconds") == Some(&number(0)) {
        properties.remove("MaximumBatchingWindowInSeconds");
    }
    // What Lambda makes up for Kafka when it is not given.
    for key in ["AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"] {
        let generated = properties
            .get(key)
            .and_then(|config| config.get("ConsumerGroupId"))
            .and_then(Value::text)
            .is_some_and(is_uuid);
        if generated && let Some(Value::Map(config)) = properties.get_mut(key) {
            config.remove("ConsumerGroupId");
        }
    }
    drop_empty(properties, &[]);
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The properties of a live mapping, normalised, without tags.
fn decode(answer: &Json) -> Value {
    let mut map = properties(answer, PROPERTIES);
    if let Some(arn) = member(answer, "FunctionArn") {
        map.insert("FunctionName".to_owned(), Value::string(arn));
    }
    if let Some(key) = member(answer, "KMSKeyArn") {
        map.insert("KmsKeyArn".to_owned(), Value::string(key));
    }
    if let Some(servers) = answer.pointer("/SelfManagedEventSource/Endpoints/KAFKA_BOOTSTRAP_SERVERS") {
        let mut servers = super::properties::from_json(servers.clone());
        sort_texts(&mut servers);
        let endpoints = BTreeMap::from([("KafkaBootstrapServers".to_owned(), servers)]);
        let source = BTreeMap::from([("Endpoints".to_owned(), Value::Map(endpoints))]);
        map.insert("SelfManagedEventSource".to_owned(), Value::Map(source));
    }
    let enabled = !matches!(member(answer, "State"), Some("Disabled" | "Disabling"));
    map.insert("Enabled".to_owned(), Value::Bool(enabled));
    normalise(&mut map);
    Value::Map(map)
}

/// The body of CreateEventSourceMapping.
fn creation(properties: &Value) -> Map<String, Json> {
    let mut body = pick(properties, PROPERTIES);
    if let Some(key) = text(properties, &["KmsKeyArn"]) {
        body.insert("KMSKeyArn".to_owned(), key.into());
    }
    let servers = texts(properties, &["SelfManagedEventSource", "Endpoints", "KafkaBootstrapServers"]);
    if !servers.is_empty() {
        let source = json!({ "Endpoints": { "KAFKA_BOOTSTRAP_SERVERS": servers } });
        body.insert("SelfManagedEventSource".to_owned(), source);
    }
    let tags = text_map(properties, &["Tags"]);
    if !tags.is_empty() {
        body.insert("Tags".to_owned(), json!(tags));
    }
    body
}

/// The body of UpdateEventSourceMapping: what changed, with what was taken away cleared.
fn update(properties: &Value, fields: &[FieldChange]) -> Map<String, Json> {
    let mut changed = changed(fields);
    changed.remove("Tags");
    let mut body = merge(properties, &changed, CLEARS);
    if changed.contains("KmsKeyArn") {
        body.remove("KmsKeyArn");
        body.insert("KMSKeyArn".to_owned(), text(properties, &["KmsKeyArn"]).unwrap_or_default().into());
    }
    body
}

impl super::Findable for EventSourceMapping {}

#[async_trait]
impl Kind for EventSourceMapping {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            // The consumer group stays what it was.
            ("AmazonManagedKafkaEventSourceConfig", Trait::Immutable),
            ("EventSourceArn", Trait::Immutable),
            ("Queues", Trait::Immutable),
            ("SelfManagedEventSource", Trait::Immutable),
            ("SelfManagedKafkaEventSourceConfig", Trait::Immutable),
            ("StartingPosition", Trait::Immutable),
            ("StartingPositionTimestamp", Trait::Immutable),
            ("Topics", Trait::Immutable),
            ("FilterCriteria.Filters", Trait::Unordered),
            ("FilterCriteria.Filters.*.Pattern", Trait::Document),
            ("FunctionResponseTypes", Trait::Unordered),
            ("SourceAccessConfigurations", Trait::Unordered),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            if let Some(servers) = at_mut(map, &["SelfManagedEventSource", "Endpoints", "KafkaBootstrapServers"]) {
                sort_texts(servers);
            }
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        source_identity(&desired.properties)
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    /// A function has one mapping for a source, read with a consumer of its own or without.
    fn place(&self, properties: &Value) -> Option<String> {
        let source = source_identity(properties)?;
        Some(source.split_once("/consumer/").map_or(source.as_str(), |(stream, _)| stream).to_owned())
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let (Some(function), Some(identity)) =
            (text(&desired.properties, &["FunctionName"]), source_identity(&desired.properties))
        else {
            return Ok(None);
        };
        let Some(answer) = self.look(&function, &identity).await? else { return Ok(None) };
        if member(&answer, "State") == Some("Deleting") {
            return Ok(None);
        }
        let tags = match member(&answer, "EventSourceMappingArn") {
            Some(arn) => self.tags(arn).await?,
            None => BTreeMap::new(),
        };
        let mut live = self.live(&answer, &tags, None)?;
        live.address = desired.address.clone();
        Ok(Some(live))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        self.of_function(parent, &Tagged::new()).await
    }

    /// One call for each mapping, of a quota that its deletion needs too, is saved where the list of tags has it as ours.
    async fn left_beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        self.of_function(parent, self.aws.tagged().await?.as_ref()).await
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(super::function::TYPE)
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let function = required(&wanted, "FunctionName")?;
        let identity = source_identity(&wanted)
            .ok_or_else(|| Failure::new(Reason::Invalid, format!("{} has no event source", desired.address)))?;
        // A function that this run made has no mappings yet, unless one of its name had: looking would cost each of hundreds
        // of mappings a call of the quota that it is made from.
        let mut looks = !self.aws.retry().fresh.is_noted(&split_function(&function).0);
        let body = Json::Object(creation(&wanted));
        let answer = loop {
            // A mapping that is on its way out stands in the way of its successor; one that is there is an earlier attempt's.
            let found = if looks { self.look(&function, &identity).await? } else { None };
            if let Some(found) = found {
                if member(&found, "State") != Some("Deleting") {
                    let mut live = self.live(&found, &BTreeMap::new(), None)?;
                    live.address = desired.address.clone();
                    let everything: Vec<FieldChange> = difference(&live.properties, &wanted);
                    return self.update(&live, desired, &everything, progress).await;
                }
                self.await_deletion(&expect(&found, "UUID", "lambda.ListEventSourceMappings")?, progress).await?;
            }
            let sent = self
                .aws
                .call("lambda", "CreateEventSourceMapping")
                .progress(progress)
                .fresh(self.aws.retry().fresh.any())
                .create(
                    || self.look(&function, &identity),
                    || self.aws.signed("lambda", Signed::rest("POST", MAPPINGS).body(body.clone())),
                )
                .await;
            match sent {
                Err(failure) if !looks && failure.code.as_deref() == Some("ResourceConflictException") => looks = true,
                sent => break sent?,
            }
        };
        let mut live = self.live(&answer, &text_map(&wanted, &["Tags"]), None)?;
        live.address = desired.address.clone();
        live.ownership = Ownership::Ours;
        Ok(live)
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let uuid = text(&Value::Map(live.attributes.clone()), &["Id"]).unwrap_or_else(|| live.physical_id.clone());
        let body = update(&wanted, fields);
        if !body.is_empty() {
            let request = Signed::rest("PUT", format!("{MAPPINGS}{}", segment(&uuid))).body(Json::Object(body));
            self.aws
                .call("lambda", "UpdateEventSourceMapping")
                .progress(progress)
                .fresh(self.aws.retry().fresh.any())
                .send(|| self.aws.signed("lambda", request.clone()))
                .await?;
        }
        let retagging = Retag::between(&live.properties, &wanted);
        if let Some(arn) = live.attributes.get("EventSourceMappingArn").and_then(Value::text) {
            retag(&self.aws, TAGS, ("Tags", "tagKeys"), arn, &retagging, progress).await?;
        }
        let mut live = live.clone();
        live.properties = wanted;
        live.ownership = Ownership::Ours;
        Ok(live)
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let uuid = text(&Value::Map(live.attributes.clone()), &["Id"]).unwrap_or_else(|| live.physical_id.clone());
        let request = Signed::rest("DELETE", format!("{MAPPINGS}{}", segment(&uuid)));
        self.aws
            .call("lambda", "DeleteEventSourceMapping")
            .progress(progress)
            .find(|| self.aws.signed("lambda", request.clone()))
            .await?;
        Ok(())
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn any(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: "*" }
        }
        const ALL: &[Permission] = &[
            any(Step::Read, "lambda:ListEventSourceMappings"),
            any(Step::Read, "lambda:GetEventSourceMapping"),
            any(Step::Read, "lambda:ListTags"),
            any(Step::Create, "lambda:CreateEventSourceMapping"),
            any(Step::Create, "lambda:TagResource"),
            any(Step::Update, "lambda:UpdateEventSourceMapping"),
            any(Step::Update, "lambda:TagResource"),
            any(Step::Update, "lambda:UntagResource"),
            any(Step::Delete, "lambda:DeleteEventSourceMapping"),
        ];
        ALL
    }
}

/// What an earlier attempt's mapping lacks of the desired properties.
fn difference(live: &Value, wanted: &Value) -> Vec<FieldChange> {
    crate::engine::diff::difference(live, wanted, &[]).fields
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-central-1:1:orders";
    const STREAM: &str = "arn:aws:dynamodb:eu-central-1:1:table/t/stream/2020";

    fn normal(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    fn field(path: &str) -> FieldChange {
        FieldChange {
            path: path.to_owned(),
            before: None,
            after: None,
            sensitive: false,
            bookkeeping: false,
            told: None,
        }
    }

    #[test]
    fn what_lambda_answers_for_a_plain_queue_is_what_the_file_says() {
        let live = decode(&json!({
            "UUID": "u", "StartingPosition": null, "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0,
            "EventSourceArn": QUEUE, "FunctionArn": "arn:aws:lambda:eu-central-1:1:function:shop-dev-f",
            "State": "Enabled", "StateTransitionReason": "USER_INITIATED", "FunctionResponseTypes": [],
        }));
        assert_eq!(live, normal(json!({ "EventSourceArn": QUEUE, "FunctionName": "shop-dev-f", "Enabled": "true" })));
    }

    #[test]
    fn what_lambda_answers_for_a_stream_is_what_the_file_says() {
        let live = decode(&json!({
            "UUID": "u", "StartingPosition": "TRIM_HORIZON", "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0,
            "ParallelizationFactor": 1, "EventSourceArn": STREAM, "State": "Creating",
            "FunctionArn": "arn:aws:lambda:eu-central-1:1:function:f:live", "DestinationConfig": { "OnFailure": {} },
            "MaximumRecordAgeInSeconds": -1, "BisectBatchOnFunctionError": false, "MaximumRetryAttempts": -1,
            "TumblingWindowInSeconds": 0, "FunctionResponseTypes": [],
        }));
        let file = json!({
            "EventSourceArn": STREAM, "BatchSize": "10", "StartingPosition": "TRIM_HORIZON",
            "FunctionName": "arn:aws:lambda:eu-central-1:1:function:f:live",
        });
        assert_eq!(live, normal(file));
    }

    #[test]
    fn a_mapping_is_the_same_by_function_and_source() {
        let identity = |json| source_identity(&normal(json));
        assert_eq!(identity(json!({ "FunctionName": "f:live", "EventSourceArn": QUEUE })), Some(format!("f|{QUEUE}")));
        let kafka = |servers: Json| {
            let source = json!({ "Endpoints": { "KafkaBootstrapServers": servers } });
            identity(json!({ "FunctionName": "f", "SelfManagedEventSource": source, "Topics": ["t"] }))
        };
        assert_eq!(kafka(json!(["b:1", "a:1"])), Some("f|a:1,b:1|t".to_owned()));
        assert_eq!(kafka(json!(["a:1", "b:1"])), kafka(json!(["b:1", "a:1"])));
        assert_eq!(identity(json!({ "FunctionName": "f" })), None);
    }

    #[test]
    fn every_property_that_can_be_changed_can_be_cleared() {
        let desired = normal(json!({ "FunctionName": "f", "EventSourceArn": STREAM }));
        let immutable = [
            "AmazonManagedKafkaEventSourceConfig",
            "EventSourceArn",
            "FunctionName",
            "Queues",
            "SelfManagedKafkaEventSourceConfig",
            "StartingPosition",
            "StartingPositionTimestamp",
            "Topics",
        ];
        for key in PROPERTIES.iter().filter(|key| !immutable.contains(key)) {
            let body = update(&desired, &[field(key)]);
            assert!(body.contains_key(*key), "{key} stays as it was");
        }
        assert_eq!(update(&desired, &[field("KmsKeyArn")]).get("KMSKeyArn"), Some(&json!("")));
        let filters = update(&desired, &[field("FilterCriteria.Filters"), field("Tags.team")]);
        assert_eq!(Json::Object(filters), json!({ "FilterCriteria": {} }));
    }

    #[test]
    fn a_self_managed_cluster_is_asked_for_in_lambdas_words() {
        let source = json!({ "Endpoints": { "KafkaBootstrapServers": ["a:9092"] } });
        let body = creation(&normal(json!({
            "FunctionName": "f", "SelfManagedEventSource": source, "Topics": ["t"], "KmsKeyArn": "k",
            "StartingPosition": "LATEST", "Tags": [{ "Key": "team", "Value": "a" }],
        })));
        assert_eq!(
            Json::Object(body),
            json!({
                "BatchSize": 100, "Enabled": true, "FunctionName": "f", "KMSKeyArn": "k", "StartingPosition": "LATEST",
                "SelfManagedEventSource": { "Endpoints": { "KAFKA_BOOTSTRAP_SERVERS": ["a:9092"] } },
                "Tags": { "team": "a" }, "Topics": ["t"],
            })
        );
    }

    #[test]
    fn a_consumer_group_that_lambda_made_up_is_no_difference() {
        let group = |id: &str| json!({ "ConsumerGroupId": id });
        let live = |id: &str| {
            normal(json!({ "FunctionName": "f", "Topics": ["t"], "AmazonManagedKafkaEventSourceConfig": group(id) }))
        };
        assert!(live("9c2e4f1a-0000-4000-8000-0123456789ab").get("AmazonManagedKafkaEventSourceConfig").is_none());
        assert!(live("mine").get("AmazonManagedKafkaEventSourceConfig").is_some());
    }
}
