//! `AWS::Events::Rule` with its targets.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html>
//!
//! PutRule replaces everything but targets and tags. Which targets are ours stands in the rule's tag `hoist:targets`;
//! those that others hung on our rule are neither shown nor touched, and keep the rule alive.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::client::{Aws, lock};
use crate::aws::ownership::{ID, SERVICE, STAGE};
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::{Retag, changed, expect, member, members, pick, properties, tag_list, tags_of, where_allowed};
use super::names::generated;
use super::properties::{default_to, document, drop_empty, from_json, items, own_tags, tags_to_map, text, to_json};
use super::{Findable, after};

/// `AWS::Events::Rule`
pub const TYPE: &str = "AWS::Events::Rule";

/// On a rule: the ids of our targets, with spaces between them.
const TARGETS: &str = "hoist:targets";
/// Instead of ids that do not fit into a tag: every target is ours.
const ALL: &str = "all";
const LONGEST_TAG: usize = 256;
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html>
const LONGEST_NAME: usize = 64;
/// PutTargets and RemoveTargets take so many.
const ENTRIES: usize = 10;

const PROPERTIES: &[&str] =
    &["Description", "EventBusName", "EventPattern", "Name", "RoleArn", "ScheduleExpression", "State"];

const RULE_ARN: &str = "arn:${Partition}:events:${Region}:${Account}:rule/*";

/// Reads, makes, changes and deletes EventBridge rules.
pub struct Rule {
    aws: Arc<Aws>,
}

/// What a rule is called.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    /// `None`: the default bus.
    bus: Option<String>,
    rule: String,
}

impl Name {
    /// As CloudFormation's `Ref`: `rule`, or `bus|rule`.
    fn physical(&self) -> String {
        self.bus.as_ref().map_or(self.rule.clone(), |bus| format!("{bus}|{}", self.rule))
    }

    fn parse(physical: &str) -> Self {
        match physical.split_once('|') {
            Some((bus, rule)) => Self { bus: Some(bus.to_owned()), rule: rule.to_owned() },
            None => Self { bus: None, rule: physical.to_owned() },
        }
    }

    /// From `bus/name` or `name` of an ARN, where the bus of a partner has slashes of its own.
    fn of_path(path: &str) -> Self {
        match path.rsplit_once('/') {
            Some((bus, rule)) => Self { bus: Some(bus.to_owned()), rule: rule.to_owned() },
            None => Self { bus: None, rule: path.to_owned() },
        }
    }

    fn resource(&self) -> String {
        self.bus.as_ref().map_or(format!("rule/{}", self.rule), |bus| format!("rule/{bus}/{}", self.rule))
    }

    /// The members of a request that say which rule is meant; `key` is what the rule's name is called there.
    fn body(&self, key: &str) -> Json {
        let mut body = json!({ key: self.rule });
        if let Some(bus) = &self.bus {
            body["EventBusName"] = bus.as_str().into();
        }
        body
    }
}

impl Rule {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn name(&self, desired: &Desired) -> Option<Name> {
        let bus = match desired.properties.get("EventBusName") {
            Some(bus) => Some(bus.text()?.to_owned()),
            None => None,
        };
        let rule = match desired.properties.get("Name") {
            Some(name) => name.text()?.to_owned(),
            None => generated(self.aws.scope(), &desired.address.logical_id, LONGEST_NAME),
        };
        Some(Name { bus: bus.filter(|bus| bus != "default"), rule })
    }

    async fn find(&self, operation: &'static str, body: Json) -> Result<Option<Json>, Failure> {
        self.aws.look_for("events", operation, &Signed::action(operation, body)).await
    }

    async fn send(&self, operation: &'static str, body: Json, progress: &Progress) -> Result<Json, Failure> {
        self.aws.ask("events", operation, &Signed::action(operation, body), progress).await
    }

    async fn targets(&self, name: &Name) -> Result<Vec<Json>, Failure> {
        let request = Signed::action("ListTargetsByRule", name.body("Rule"));
        self.aws.pages("events", "ListTargetsByRule", request, ("NextToken", "NextToken"), "Targets").await
    }

    /// The rule of that name with the targets that are ours: by its own tag, or by the ids that `desired` has.
    async fn look(&self, name: &Name, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        lock(&self.aws.run.rules).insert(name.physical());
        let Some(rule) = self.find("DescribeRule", name.body("Name")).await? else { return Ok(None) };
        let arn = expect(&rule, "Arn", "events.DescribeRule")?;
        let tags = async {
            let answer = self.find("ListTagsForResource", json!({ "ResourceARN": arn })).await?;
            Ok::<_, Failure>(tags_of(answer.as_ref().and_then(|answer| answer.get("Tags"))))
        };
        let (targets, tags) = tokio::try_join!(self.targets(name), tags)?;
        let wanted = desired.map(|desired| target_ids(&desired.properties)).unwrap_or_default();
        let ours = |id: &str| {
            wanted.contains(id)
                || tags.get(TARGETS).is_some_and(|ids| ids == ALL || ids.split(' ').any(|ours| ours == id))
        };
        let targets: Vec<Value> =
            targets.into_iter().filter(|target| member(target, "Id").is_some_and(ours)).map(from_json).collect();
        let mut map = properties(&rule, PROPERTIES);
        map.insert("Targets".to_owned(), Value::List(targets));
        normalise(&mut map);
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        let made_up = logical_id.map(|id| generated(self.aws.scope(), id, LONGEST_NAME));
        let named = desired.is_some_and(|desired| desired.properties.get("Name").is_some());
        if made_up.as_ref() == Some(&name.rule) && !named {
            map.remove("Name");
        }
        let mut shown = tags.clone();
        shown.remove(TARGETS);
        map.insert("Tags".to_owned(), own_tags(&shown));
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.unwrap_or(&name.rule)),
            physical_id: name.physical(),
            properties: Value::Map(map),
            attributes: BTreeMap::from([
                ("Arn".to_owned(), Value::string(arn)),
                ("Ref".to_owned(), Value::string(name.physical())),
            ]),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn put_targets(&self, name: &Name, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        let targets: Vec<Json> = items(properties, &["Targets"]).iter().map(request_target).collect();
        for some in targets.chunks(ENTRIES) {
            let mut body = name.body("Rule");
            body["Targets"] = some.into();
            refused_entries(&self.send("PutTargets", body, progress).await?, "events.PutTargets")?;
        }
        Ok(())
    }

    async fn remove_targets(&self, name: &Name, ids: &[String], progress: &Progress) -> Result<(), Failure> {
        for some in ids.chunks(ENTRIES) {
            let mut body = name.body("Rule");
            body["Ids"] = some.into();
            let request = Signed::action("RemoveTargets", body);
            let call = self.aws.call("events", "RemoveTargets").progress(progress);
            if let Some(answer) = call.find(|| self.aws.signed("events", request.clone())).await? {
                refused_entries(&answer, "events.RemoveTargets")?;
            }
        }
        Ok(())
    }

    async fn set_tags(&self, arn: &str, tags: Json, progress: &Progress) -> Result<(), Failure> {
        self.send("TagResource", json!({ "ResourceARN": arn, "Tags": tags }), progress).await.map(drop)
    }

    async fn remove_tags<T: Into<Json>>(
        &self,
        arn: &str,
        keys: impl IntoIterator<Item = T>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let keys: Vec<Json> = keys.into_iter().map(Into::into).collect();
        self.send("UntagResource", json!({ "ResourceARN": arn, "TagKeys": keys }), progress).await.map(drop)
    }
}

/// The tag that says which targets are ours.
fn targets_tag(properties: &Value) -> Json {
    let ids = target_ids(properties).into_iter().collect::<Vec<_>>().join(" ");
    json!({ "Key": TARGETS, "Value": if ids.len() > LONGEST_TAG { ALL } else { ids.as_str() } })
}

fn target_ids(properties: &Value) -> BTreeSet<String> {
    items(properties, &["Targets"]).iter().filter_map(|target| text(target, &["Id"])).collect()
}

/// A target as PutTargets takes it: its input is a text.
fn request_target(target: &Value) -> Json {
    let mut json = to_json(target);
    if let Some(input) = target.get("Input") {
        json["Input"] = document(input).into();
    }
    json
}

/// The body of PutRule.
fn request_rule(name: &Name, properties: &Value) -> Json {
    let mut body = pick(properties, PROPERTIES);
    body.remove("EventBusName");
    body.insert("Name".to_owned(), name.rule.as_str().into());
    // The only member that could be kept by leaving it out.
    body.entry("Description").or_insert_with(|| "".into());
    if let Some(bus) = &name.bus {
        body.insert("EventBusName".to_owned(), bus.as_str().into());
    }
    if let Some(pattern) = properties.get("EventPattern") {
        body.insert("EventPattern".to_owned(), document(pattern).into());
    }
    Json::Object(body)
}

/// EventBridge answers 200 and lists what it did not do.
fn refused_entries(answer: &Json, operation: &str) -> Result<(), Failure> {
    let texts: Vec<String> = members(answer, "FailedEntries")
        .iter()
        .map(|entry| {
            let text = member(entry, "ErrorMessage").or(member(entry, "ErrorCode")).unwrap_or("no reason given");
            format!("target {}: {text}", member(entry, "TargetId").unwrap_or("?"))
        })
        .collect();
    if texts.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::new(Reason::Invalid, format!("EventBridge refused {}", texts.join("; ")));
    failure.operation = Some(operation.to_owned());
    Err(failure)
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(Value::String(bus)) = properties.get_mut("EventBusName")
        && let Some((_, name)) = bus.split_once(":event-bus/")
    {
        *bus = name.to_owned();
    }
    if properties.get("EventBusName").and_then(Value::text) == Some("default") {
        properties.remove("EventBusName");
    }
    if let Some(Value::List(targets)) = properties.get_mut("Targets") {
        for target in targets {
            if let Value::Map(target) = target {
                drop_empty(target, &[]);
            }
        }
    }
    drop_empty(properties, &["EventPattern"]);
    default_to(properties, "State", Value::string("ENABLED"));
}

#[async_trait]
impl Findable for Rule {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "events", "rule/").map(|path| Name::of_path(path).physical())
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let request = Signed::action("ListRules", json!({ "NamePrefix": self.aws.scope().prefix() }));
        let rules = self.aws.pages("events", "ListRules", request, ("NextToken", "NextToken"), "Rules").await;
        let rules = where_allowed(rules)?;
        Ok(rules.iter().filter_map(|rule| Some((TYPE, member(rule, "Name")?.to_owned()))).collect())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        self.look(&Name::parse(physical_id), None).await
    }
}

#[async_trait]
impl Kind for Rule {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("Name", Trait::Immutable),
            ("EventBusName", Trait::Immutable),
            ("EventPattern", Trait::Document),
            ("Targets", Trait::Unordered),
            ("Targets.*.Input", Trait::Document),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        self.name(desired).map(|name| name.physical())
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let Some(name) = self.name(desired) else { return BTreeMap::new() };
        let mut attributes = BTreeMap::from([("Ref".to_owned(), Value::string(name.physical()))]);
        if let Some(arn) = self.aws.arn("events", &name.resource()) {
            attributes.insert("Arn".to_owned(), Value::String(arn));
        }
        attributes
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        match self.name(desired) {
            Some(name) => self.look(&name, Some(desired)).await,
            None => Ok(None),
        }
    }

    /// The rules that a function may be invoked from because we allowed it. They are told by their names, whichever
    /// function they were found beneath.
    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let mut found = Vec::new();
        for source in self.aws.invoked_from(&parent.physical_id, "events.amazonaws.com").await? {
            let Some(path) = after(&source, "events", "rule/") else { continue };
            let name = Name::of_path(path);
            if !lock(&self.aws.run.rules).contains(&name.physical()) {
                found.extend(self.look(&name, None).await?);
            }
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(super::function::TYPE)
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut desired = desired.clone();
        self.normalise(&mut desired.properties);
        let properties = &desired.properties;
        let name = desired.named(self.name(&desired))?;
        let mut body = request_rule(&name, properties);
        let mut tags = tag_list(properties);
        if let Json::Array(tags) = &mut tags {
            tags.push(targets_tag(properties));
        }
        body["Tags"] = tags.clone();
        let answer = self.send("PutRule", body, progress).await?;
        let arn = expect(&answer, "RuleArn", "events.PutRule")?;
        self.put_targets(&name, properties, progress).await?;
        let mut attributes = self.predict(&desired);
        attributes.insert("Arn".to_owned(), Value::string(arn));
        Ok(Live {
            address: desired.address,
            physical_id: name.physical(),
            properties: desired.properties,
            attributes,
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: desired.parent,
        })
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let mut desired = desired.clone();
        self.normalise(&mut desired.properties);
        let properties = &desired.properties;
        let name = Name::parse(&live.physical_id);
        let changed = changed(fields);
        let arn = text(&Value::Map(live.attributes.clone()), &["Arn"]).unwrap_or_default();
        if changed.iter().any(|key| PROPERTIES.contains(key)) {
            self.send("PutRule", request_rule(&name, properties), progress).await?;
        }
        let mut retagging = Retag::between(&live.properties, properties);
        retagging.remove.remove(TARGETS);
        let mut tags: Vec<Json> =
            retagging.set.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let (before, after) = (target_ids(&live.properties), target_ids(properties));
        if before != after || changed.contains("Tags") {
            tags.push(targets_tag(properties));
        }
        if changed.contains("Targets") {
            // Marked before they are there: a run that is cut off in between leaves nothing without an owner.
            if !tags.is_empty() {
                self.set_tags(&arn, std::mem::take(&mut tags).into(), progress).await?;
            }
            let left: Vec<String> = before.difference(&after).cloned().collect();
            self.put_targets(&name, properties, progress).await?;
            self.remove_targets(&name, &left, progress).await?;
        }
        if !tags.is_empty() {
            self.set_tags(&arn, tags.into(), progress).await?;
        }
        if !retagging.remove.is_empty() {
            self.remove_tags(&arn, retagging.remove, progress).await?;
        }
        Ok(Live { properties: desired.properties, ownership: Ownership::Ours, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let name = Name::parse(&live.physical_id);
        let ours: Vec<String> = target_ids(&live.properties).into_iter().collect();
        self.remove_targets(&name, &ours, progress).await?;
        if !self.targets(&name).await?.is_empty() {
            progress.kept("others have targets on this rule");
            let arn = text(&Value::Map(live.attributes.clone()), &["Arn"]).unwrap_or_default();
            return self.remove_tags(&arn, [SERVICE, STAGE, ID, TARGETS], progress).await;
        }
        let request = Signed::action("DeleteRule", name.body("Name"));
        let call = self.aws.call("events", "DeleteRule").progress(progress);
        call.find(|| self.aws.signed("events", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: RULE_ARN }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "events:ListRules", resource: "*" },
            needs(Step::Read, "events:DescribeRule"),
            needs(Step::Read, "events:ListTargetsByRule"),
            needs(Step::Read, "events:ListTagsForResource"),
            needs(Step::Create, "events:PutRule"),
            needs(Step::Create, "events:PutTargets"),
            needs(Step::Create, "events:TagResource"),
            needs(Step::Update, "events:PutRule"),
            needs(Step::Update, "events:PutTargets"),
            needs(Step::Update, "events:RemoveTargets"),
            needs(Step::Update, "events:TagResource"),
            needs(Step::Update, "events:UntagResource"),
            needs(Step::Delete, "events:RemoveTargets"),
            needs(Step::Delete, "events:DeleteRule"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    fn normal(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn names_are_those_of_cloudformation() {
        let on_bus = Name { bus: Some("orders".to_owned()), rule: "r".to_owned() };
        let plain = Name { bus: None, rule: "r".to_owned() };
        for name in [&on_bus, &plain] {
            assert_eq!(Name::parse(&name.physical()), *name);
            assert_eq!(Name::of_path(name.resource().strip_prefix("rule/").unwrap()), *name);
        }
        assert_eq!(on_bus.body("Rule"), json!({ "Rule": "r", "EventBusName": "orders" }));
        assert_eq!(plain.body("Name"), json!({ "Name": "r" }));
    }

    #[test]
    fn patterns_and_inputs_are_sent_as_text() {
        let properties = normal(json!({
            "EventPattern": { "source": ["shop"] }, "EventBusName": "arn:aws:events:eu-central-1:1:event-bus/orders",
            "Targets": [{ "Id": "t", "Arn": "a", "Input": { "a": 1 }, "InputPath": "" }],
        }));
        let name = Name { bus: Some("orders".to_owned()), rule: "r".to_owned() };
        assert_eq!(
            request_rule(&name, &properties),
            json!({ "EventPattern": "{\"source\":[\"shop\"]}", "EventBusName": "orders", "Name": "r", "State": "ENABLED",
                "Description": "" })
        );
        let target = &items(&properties, &["Targets"])[0];
        assert_eq!(request_target(target), json!({ "Id": "t", "Arn": "a", "Input": "{\"a\":1}" }));
    }

    #[test]
    fn the_default_bus_needs_no_name() {
        let file = normal(json!({ "ScheduleExpression": "rate(1 minute)", "EventBusName": "default" }));
        let live = normal(json!({ "ScheduleExpression": "rate(1 minute)", "State": "ENABLED", "Description": "" }));
        assert_eq!(file, live);
    }

    #[test]
    fn a_tag_names_our_targets_as_long_as_they_fit() {
        let few = tree_of(json!({ "Targets": [{ "Id": "b" }, { "Id": "a" }] }));
        assert_eq!(targets_tag(&few), json!({ "Key": TARGETS, "Value": "a b" }));
        let many: Vec<Json> = (0..5).map(|number| json!({ "Id": format!("{number}{}", "x".repeat(60)) })).collect();
        assert_eq!(targets_tag(&tree_of(json!({ "Targets": many })))["Value"], json!(ALL));
    }

    #[test]
    fn a_refused_target_is_a_failure() {
        let answer =
            json!({ "FailedEntryCount": 1, "FailedEntries": [{ "TargetId": "t", "ErrorMessage": "no such bus" }] });
        let failure = refused_entries(&answer, "events.PutTargets").unwrap_err();
        assert_eq!(failure.message, "EventBridge refused target t: no such bus");
        assert!(refused_entries(&json!({ "FailedEntryCount": 0, "FailedEntries": [] }), "x").is_ok());
    }
}
