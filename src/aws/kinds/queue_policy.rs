//! `AWS::SQS::QueuePolicy`: the statement that lets a topic send to a queue what it could not deliver.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queuepolicy.html>
//!
//! The queue is usually somebody else's, and its policy is one document for everybody: it is read, our statement is put in
//! or taken out, and it is written again. A statement of ours is known by its id, `hoist-<service>-<stage>-<LogicalId>-<digest
//! of the statement>`. It lives beneath the subscription, whose redrive policy leads to the queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_types::region::Region;
use serde_json::{Value as Json, json};

use crate::aws::client::{Aws, lock};
use crate::aws::naming;
use crate::aws::partition::Partition;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::fingerprint::short_digest;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::{member, members};
use super::properties::{from_json, holds_later, items, parsed_document, text, to_json};
use super::{Findable, subscription};

/// `AWS::SQS::QueuePolicy`
pub const TYPE: &str = "AWS::SQS::QueuePolicy";

/// How often a policy that somebody else wrote over is written again.
const MOST_TRIES: u32 = 4;

const QUEUES: &str = "arn:${Partition}:sqs:*:${Account}:*";

/// Reads, makes, changes and deletes our statements in the policies of queues.
pub struct QueuePolicy {
    aws: Arc<Aws>,
    queues: Mutex<BTreeMap<String, Arc<Queue>>>,
}

/// What this run wrote into the policy of one queue, by statement id; `None` for what it took out. SQS may show an old
/// policy for a minute: what was read is no proof of what is there.
type Queue = tokio::sync::Mutex<BTreeMap<String, Option<Json>>>;

impl QueuePolicy {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws, queues: Mutex::default() }
    }

    /// What the ids of our statements begin with.
    fn prefix(&self) -> String {
        format!("hoist-{}", self.aws.scope().prefix())
    }

    /// The id of the statement that a resource stands for. `None` while a part of it is not known.
    fn statement_id(&self, desired: &Desired) -> Option<String> {
        let statement = items(&desired.properties, &["PolicyDocument", "Statement"]).first()?;
        if holds_later(statement) {
            return None;
        }
        let digest = short_digest(&to_json(statement).to_string(), 4);
        Some(format!("{}{}-{digest}", self.prefix(), desired.address.logical_id))
    }

    /// The logical id within a statement id of ours.
    fn logical_id<'a>(&self, sid: &'a str) -> Option<&'a str> {
        let (logical_id, _) = sid.strip_prefix(&self.prefix())?.rsplit_once('-')?;
        // Of a service whose name only begins like ours there is more.
        (!logical_id.contains('-')).then_some(logical_id)
    }

    /// The settings of a call that goes to the queue's own region.
    fn there(&self, queue: &str) -> aws_sdk_sqs::config::Builder {
        let region = part(queue, 3).map_or_else(|| self.aws.region().to_owned(), str::to_owned);
        aws_sdk_sqs::config::Builder::new().region(Region::new(region))
    }

    /// The policy of a queue, empty when it has none; `None` when there is no such queue.
    async fn policy(&self, queue: &str) -> Result<Option<Json>, Failure> {
        let answer = self
            .aws
            .call("sqs", "GetQueueAttributes")
            .find(|| {
                let request = self.aws.sqs().get_queue_attributes().queue_url(url(queue));
                let request = request.attribute_names(QueueAttributeName::Policy).customize();
                request.config_override(self.there(queue)).send()
            })
            .await?;
        let Some(answer) = answer else { return Ok(None) };
        let policy = answer.attributes().and_then(|all| all.get(&QueueAttributeName::Policy));
        match policy.map(String::as_str).filter(|policy| !policy.is_empty()) {
            None => Ok(Some(json!({}))),
            Some(policy) => serde_json::from_str(policy).map(Some).map_err(|error| {
                Failure::new(Reason::Server, format!("the policy of the queue {queue} is not JSON: {error}"))
            }),
        }
    }

    async fn write(&self, queue: &str, policy: &Json, progress: &Progress) -> Result<(), Failure> {
        // An empty text takes the policy away.
        let text = if statements(policy).is_empty() { String::new() } else { policy.to_string() };
        self.aws
            .call("sqs", "SetQueueAttributes")
            .progress(progress)
            .send(|| {
                let request = self.aws.sqs().set_queue_attributes().queue_url(url(queue));
                let request = request.attributes(QueueAttributeName::Policy, text.as_str()).customize();
                request.config_override(self.there(queue)).send()
            })
            .await
            .map(drop)
    }

    /// Puts a statement into a queue's policy, or takes it out; all others stay as they are.
    async fn set(&self, queue: &str, sid: &str, statement: Option<Json>, progress: &Progress) -> Result<(), Failure> {
        let ours = Arc::clone(lock(&self.queues).entry(queue.to_owned()).or_default());
        let mut ours = ours.lock().await;
        let is_wanted = statement.is_some();
        ours.insert(sid.to_owned(), statement);
        for _ in 0..MOST_TRIES {
            let Some(before) = self.policy(queue).await? else {
                if !is_wanted {
                    return Ok(());
                }
                return Err(Failure::new(Reason::NotFound, format!("there is no queue {queue}"))
                    .help("make it first: the topic sends there what it could not deliver"));
            };
            let after = with(&before, &ours);
            if after == before {
                return Ok(());
            }
            self.write(queue, &after, progress).await?;
            // The last writer wins: whoever wrote between our read and our write must not lose, and neither must we.
            let now = self.policy(queue).await?.unwrap_or_default();
            if ids(&now) == ids(&after) || ids(&now) == ids(&before) {
                return Ok(());
            }
            progress.say("somebody else changed the queue's policy meanwhile");
        }
        Err(Failure::new(Reason::Conflict, format!("somebody else keeps changing the policy of the queue {queue}"))
            .help("run the same command again"))
    }

    async fn apply(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let sid = desired.named(self.statement_id(desired))?;
        let queue = desired.named(queue_of(&wanted))?;
        let statement = items(&wanted, &["PolicyDocument", "Statement"]).first().map(to_json);
        let statement = statement.map(|mut statement| {
            statement["Sid"] = sid.as_str().into();
            statement
        });
        self.set(&queue, &sid, statement, progress).await?;
        Ok(Live::made(desired, attributes(&sid), format!("{queue}|{sid}"), wanted))
    }
}

/// One part of an ARN.
fn part(arn: &str, number: usize) -> Option<&str> {
    arn.split(':').nth(number).filter(|part| !part.is_empty())
}

/// `https://sqs.eu-west-1.amazonaws.com/123456789012/failed`
fn url(queue: &str) -> String {
    let of = |number: usize| part(queue, number).unwrap_or_default();
    format!("https://sqs.{}.{}/{}/{}", of(3), Partition::of(of(3)).dns_suffix, of(4), of(5))
}

/// The queue that a statement is about.
fn queue_of(properties: &Value) -> Option<String> {
    text(items(properties, &["PolicyDocument", "Statement"]).first()?, &["Resource"])
}

fn attributes(sid: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Id".to_owned(), Value::string(sid)), ("Ref".to_owned(), Value::string(sid))])
}

fn statements(policy: &Json) -> &[Json] {
    match policy.get("Statement") {
        Some(one @ Json::Object(_)) => std::slice::from_ref(one),
        _ => members(policy, "Statement"),
    }
}

/// The ids of all statements, for a comparison that survives SQS's own spelling.
fn ids(policy: &Json) -> Vec<&str> {
    let mut ids: Vec<&str> =
        statements(policy).iter().map(|statement| member(statement, "Sid").unwrap_or_default()).collect();
    ids.sort_unstable();
    ids
}

/// The policy with these statements put in or taken out; what is there already stays where it is.
fn with(policy: &Json, ours: &BTreeMap<String, Option<Json>>) -> Json {
    let mut left = ours.clone();
    let mut all = Vec::new();
    for statement in statements(policy) {
        match left.remove(member(statement, "Sid").unwrap_or_default()) {
            None => all.push(statement.clone()),
            Some(wanted) => all.extend(wanted),
        }
    }
    all.extend(left.into_values().flatten());
    if all == statements(policy) {
        return policy.clone();
    }
    let mut after = policy.clone();
    after["Statement"] = all.into();
    if after.get("Version").is_none() {
        after["Version"] = "2012-10-17".into();
    }
    after
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    // The statement says which queue it is about.
    properties.remove("Queues");
    if let Some(Value::String(document)) = properties.get("PolicyDocument") {
        let parsed = parsed_document(document);
        properties.insert("PolicyDocument".to_owned(), parsed);
    }
    let Some(Value::Map(document)) = properties.get_mut("PolicyDocument") else { return };
    // The document is everybody's.
    document.retain(|key, _| key == "Statement");
    if let Some(Value::List(statements)) = document.get_mut("Statement") {
        for statement in statements {
            if let Value::Map(statement) = statement {
                statement.remove("Sid");
            }
        }
    }
}

impl Findable for QueuePolicy {}

#[async_trait]
impl Kind for QueuePolicy {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("PolicyDocument", Trait::Document)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        Some(format!("{}|{}", queue_of(&desired.properties)?, self.statement_id(desired)?))
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        self.statement_id(desired).map(|sid| attributes(&sid)).unwrap_or_default()
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let redrive = text(&parent.properties, &["RedrivePolicy", "deadLetterTargetArn"]);
        let (Some(queue), Some(topic)) = (redrive, text(&parent.properties, &["TopicArn"])) else {
            return Ok(Vec::new());
        };
        let policy = match self.policy(&queue).await {
            Ok(policy) => policy.unwrap_or_default(),
            // A queue that we may not look at has no statement that we could have made.
            Err(failure) if failure.reason == Reason::Denied => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        // Other functions of this service may hear the same topic and have the same queue.
        let ending = parent.parent.as_deref().and_then(naming::key_of_lambda).map(naming::redrive_ending);
        let live = |statement: &Json| {
            let sid = member(statement, "Sid")?;
            let logical_id = self.logical_id(sid)?;
            let source = statement.pointer("/Condition/ArnEquals/aws:SourceArn").and_then(Json::as_str);
            let is_here = source == Some(topic.as_str())
                && ending.as_ref().is_none_or(|ending| logical_id.ends_with(ending.as_str()));
            if !is_here {
                return None;
            }
            let document = from_json(json!({ "Statement": [statement] }));
            let mut properties = BTreeMap::from([("PolicyDocument".to_owned(), document)]);
            normalise(&mut properties);
            Some(Live {
                address: Address::new(TYPE, logical_id),
                physical_id: format!("{queue}|{sid}"),
                properties: Value::Map(properties),
                attributes: attributes(sid),
                ownership: Ownership::Ours,
                fingerprint: None,
                revision: None,
                parent: Some(parent.address.logical_id.clone()),
            })
        };
        Ok(statements(&policy).iter().filter_map(live).collect())
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(subscription::TYPE)
    }

    fn is_found_through_parent(&self) -> bool {
        true
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        self.apply(desired, progress).await
    }

    async fn update(
        &self,
        _: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.apply(desired, progress).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((queue, sid)) = live.physical_id.split_once('|') else { return Ok(()) };
        self.set(queue, sid, None, progress).await
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: QUEUES }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "sqs:GetQueueAttributes"),
            needs(Step::Create, "sqs:SetQueueAttributes"),
            needs(Step::Update, "sqs:SetQueueAttributes"),
            needs(Step::Delete, "sqs:SetQueueAttributes"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:lost";

    #[test]
    fn only_our_statements_are_put_in_and_taken_out() {
        let theirs = json!({ "Sid": "theirs", "Effect": "Deny" });
        let nameless = json!({ "Effect": "Allow", "Action": "sqs:*" });
        let before = json!({ "Version": "2008-10-17", "Id": "p", "Statement": [theirs, nameless] });
        let ours = json!({ "Sid": "hoist-shop-dev-A-1", "Effect": "Allow" });
        let put = BTreeMap::from([("hoist-shop-dev-A-1".to_owned(), Some(ours.clone()))]);
        let after = with(&before, &put);
        assert_eq!(after, json!({ "Version": "2008-10-17", "Id": "p", "Statement": [theirs, nameless, ours] }));
        assert_eq!(with(&after, &put), after);
        let take = BTreeMap::from([("hoist-shop-dev-A-1".to_owned(), None)]);
        assert_eq!(with(&after, &take), before);
        // A policy with a single statement that stands by itself, and none at all.
        let single = json!({ "Statement": theirs });
        assert_eq!(with(&single, &take), single);
        assert_eq!(with(&json!({}), &put), json!({ "Version": "2012-10-17", "Statement": [ours] }));
        assert!(statements(&with(&with(&json!({}), &put), &take)).is_empty());
    }

    #[test]
    fn a_queue_is_asked_where_it_is() {
        assert_eq!(url(QUEUE), "https://sqs.eu-west-1.amazonaws.com/123456789012/lost");
        let china = "arn:aws-cn:sqs:cn-north-1:123456789012:lost";
        assert_eq!(url(china), "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/lost");
    }
}
