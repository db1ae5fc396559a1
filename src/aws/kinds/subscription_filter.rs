//! `AWS::Logs::SubscriptionFilter`: what of a log group is sent to a function.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-subscriptionfilter.html>
//!
//! A log group has room for two, whoever made them. Lives beneath the function that it sends to, and is found through
//! the permissions that the function gives to log groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::Findable;
use super::json::member;
use super::names::generated;
use super::properties::{boolean_in_place, default_to, drop_empty, from_json, text, to_json};

/// `AWS::Logs::SubscriptionFilter`
pub const TYPE: &str = "AWS::Logs::SubscriptionFilter";

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html>
const LONGEST_NAME: usize = 512;

/// Properties and what the API calls them.
const PROPERTIES: &[(&str, &str)] = &[
    ("ApplyOnTransformedLogs", "applyOnTransformedLogs"),
    ("DestinationArn", "destinationArn"),
    ("Distribution", "distribution"),
    ("EmitSystemFields", "emitSystemFields"),
    ("FieldSelectionCriteria", "fieldSelectionCriteria"),
    ("FilterName", "filterName"),
    ("FilterPattern", "filterPattern"),
    ("LogGroupName", "logGroupName"),
    ("RoleArn", "roleArn"),
];

const LOG_GROUP_ARN: &str = "arn:${Partition}:logs:${Region}:${Account}:log-group:*";

/// Reads, makes, changes and deletes subscription filters.
pub struct SubscriptionFilter {
    aws: Arc<Aws>,
}

impl SubscriptionFilter {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// Log group and filter.
    fn name(&self, desired: &Desired) -> Option<(String, String)> {
        let group = desired.properties.get("LogGroupName")?.text()?.to_owned();
        let filter = match desired.properties.get("FilterName") {
            Some(name) => name.text()?.to_owned(),
            None => generated(self.aws.scope(), &desired.address.logical_id, LONGEST_NAME),
        };
        Some((group, filter))
    }

    /// Filters of a log group, or of all whose names begin as a permission's pattern (`/aws/ecs/*`) says.
    async fn of_groups(&self, pattern: &str) -> Result<Vec<Json>, Failure> {
        let Some((prefix, _)) = pattern.split_once('*') else { return self.of_group(pattern).await };
        let wanted = if prefix.is_empty() { json!({}) } else { json!({ "logGroupNamePrefix": prefix }) };
        let request = Signed::action("DescribeLogGroups", wanted);
        let groups =
            self.aws.pages("logs", "DescribeLogGroups", request, ("nextToken", "nextToken"), "logGroups").await?;
        let mut filters = Vec::new();
        for group in groups.iter().filter_map(|group| member(group, "logGroupName")) {
            filters.extend(self.of_group(group).await?);
        }
        Ok(filters)
    }

    async fn of_group(&self, group: &str) -> Result<Vec<Json>, Failure> {
        let request = Signed::action("DescribeSubscriptionFilters", json!({ "logGroupName": group }));
        let token = ("nextToken", "nextToken");
        self.aws.pages("logs", "DescribeSubscriptionFilters", request, token, "subscriptionFilters").await
    }

    fn live(&self, answer: &Json, address: Address, named: bool) -> Live {
        let mut map = decode(answer);
        let name = member(answer, "filterName").unwrap_or_default();
        let physical_id = format!("{}|{name}", member(answer, "logGroupName").unwrap_or_default());
        if !named && name == generated(self.aws.scope(), &address.logical_id, LONGEST_NAME) {
            map.remove("FilterName");
        }
        Live {
            attributes: BTreeMap::from([("Ref".to_owned(), Value::string(name))]),
            address,
            physical_id,
            properties: Value::Map(map),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    async fn put(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (group, filter) = self
            .name(desired)
            .ok_or_else(|| Failure::new(Reason::Invalid, format!("{} has no log group", desired.address)))?;
        let mut body = encode(&wanted);
        body.insert("filterName".to_owned(), filter.as_str().into());
        let request = Signed::action("PutSubscriptionFilter", Json::Object(body));
        let sent = self
            .aws
            .call("logs", "PutSubscriptionFilter")
            .progress(progress)
            // The permission was added a moment ago.
            .fresh(true)
            .send(|| self.aws.signed("logs", request.clone()))
            .await;
        if let Err(failure) = sent {
            if failure.code.as_deref() != Some("LimitExceededException") {
                return Err(failure);
            }
            let others: Vec<String> = self
                .of_group(&group)
                .await?
                .iter()
                .filter_map(|other| {
                    Some(format!("{} → {}", member(other, "filterName")?, member(other, "destinationArn")?))
                })
                .collect();
            return Err(failure.help(format!("{group} has room for two filters, and has these: {}", others.join(", "))));
        }
        Ok(Live::made(
            desired,
            BTreeMap::from([("Ref".to_owned(), Value::string(filter.as_str()))]),
            format!("{group}|{filter}"),
            wanted,
        ))
    }
}

fn decode(answer: &Json) -> BTreeMap<String, Value> {
    let mut map: BTreeMap<String, Value> = PROPERTIES
        .iter()
        .filter_map(|(key, name)| Some(((*key).to_owned(), from_json(answer.get(*name)?.clone()))))
        .collect();
    normalise(&mut map);
    map
}

fn encode(properties: &Value) -> Map<String, Json> {
    PROPERTIES.iter().filter_map(|(key, name)| Some(((*name).to_owned(), to_json(properties.get(key)?)))).collect()
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    if let Some(value) = properties.get_mut("ApplyOnTransformedLogs") {
        boolean_in_place(value);
    }
    // An empty pattern lets everything through, and is required.
    default_to(properties, "FilterPattern", Value::string(""));
    let pattern = properties.remove("FilterPattern");
    drop_empty(properties, &[]);
    properties.extend(pattern.map(|pattern| ("FilterPattern".to_owned(), pattern)));
    if properties.get("ApplyOnTransformedLogs") == Some(&Value::Bool(false)) {
        properties.remove("ApplyOnTransformedLogs");
    }
    if properties.get("Distribution").and_then(Value::text) == Some("ByLogStream") {
        properties.remove("Distribution");
    }
}

impl Findable for SubscriptionFilter {}

#[async_trait]
impl Kind for SubscriptionFilter {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("LogGroupName", Trait::Immutable), ("FilterName", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        self.name(desired).map(|(group, filter)| format!("{group}|{filter}"))
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        self.name(desired)
            .map(|(_, filter)| BTreeMap::from([("Ref".to_owned(), Value::String(filter))]))
            .unwrap_or_default()
    }

    /// A log group takes two.
    fn place(&self, properties: &Value) -> Option<String> {
        text(properties, &["LogGroupName"])
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some((group, filter)) = self.name(desired) else { return Ok(None) };
        let named = desired.properties.get("FilterName").is_some();
        let all = self.of_group(&group).await?;
        let found = all.iter().find(|answer| member(answer, "filterName") == Some(filter.as_str()));
        Ok(found.map(|answer| self.live(answer, desired.address.clone(), named)))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let Some(function) = parent.attributes.get("Arn").and_then(Value::text) else { return Ok(Vec::new()) };
        let prefix = self.aws.scope().prefix();
        let mut found = Vec::new();
        for source in self.aws.invoked_from(&parent.physical_id, "logs.amazonaws.com").await? {
            let Some(group) = source.split_once(":log-group:").map(|(_, group)| group.trim_end_matches(":*")) else {
                continue;
            };
            for answer in self.of_groups(group).await? {
                let destination = member(&answer, "destinationArn").unwrap_or_default();
                if !destination.strip_prefix(function).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')) {
                    continue;
                }
                let name = member(&answer, "filterName").unwrap_or_default();
                let address = Address::new(TYPE, name.strip_prefix(&prefix).unwrap_or(name));
                let mut live = self.live(&answer, address, false);
                live.parent = Some(parent.address.logical_id.clone());
                found.push(live);
            }
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(super::function::TYPE)
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        // Two writes of one log group at the same time are refused.
        text(properties, &["LogGroupName"]).map(|group| format!("logs {group}"))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        self.put(desired, progress).await
    }

    async fn update(
        &self,
        _: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        self.put(desired, progress).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((group, filter)) = live.physical_id.split_once('|') else { return Ok(()) };
        let request =
            Signed::action("DeleteSubscriptionFilter", json!({ "logGroupName": group, "filterName": filter }));
        let call = self.aws.call("logs", "DeleteSubscriptionFilter").progress(progress);
        call.find(|| self.aws.signed("logs", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: LOG_GROUP_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "logs:DescribeSubscriptionFilters"),
            needs(Step::Create, "logs:PutSubscriptionFilter"),
            needs(Step::Update, "logs:PutSubscriptionFilter"),
            needs(Step::Delete, "logs:DeleteSubscriptionFilter"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    fn normal(json: Json) -> BTreeMap<String, Value> {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        map
    }

    #[test]
    fn what_logs_answer_is_what_the_file_says() {
        let live = decode(&json!({
            "filterName": "n", "logGroupName": "/a", "filterPattern": "", "destinationArn": "f",
            "distribution": "ByLogStream", "applyOnTransformedLogs": false, "creationTime": 1,
        }));
        assert_eq!(live, normal(json!({ "FilterName": "n", "LogGroupName": "/a", "DestinationArn": "f" })));
    }

    #[test]
    fn an_empty_pattern_is_sent() {
        let body = encode(&Value::Map(normal(json!({ "LogGroupName": "/a", "DestinationArn": "f" }))));
        assert_eq!(Json::Object(body), json!({ "destinationArn": "f", "filterPattern": "", "logGroupName": "/a" }));
    }
}
