//! `AWS::Lambda::Alias`, with its provisioned concurrency.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-alias.html>
//!
//! An alias carries no tags: ours is told by its description. Its provisioned concurrency is waited for, and what Lambda
//! says when it fails is passed on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::retry::Look;
use crate::engine::value::Value;

use super::json::{changed, expect, member};
use super::properties::{at_mut, drop_empty, from_json, integer, number_in_place, required, text, text_in_place};
use super::version::function_name;
use super::{Findable, function};

/// `AWS::Lambda::Alias`
pub const TYPE: &str = "AWS::Lambda::Alias";

/// The description of an alias that the file does not describe.
const MARK: &str = "made by hoist";
/// Lambda allocates some hundreds of environments a minute.
const READY_WITHIN: Duration = Duration::from_secs(900);
const FUNCTION_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";

/// Reads, makes, changes and deletes aliases.
pub struct Alias {
    aws: Arc<Aws>,
}

impl Alias {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn get(&self, function: &str, name: &str) -> Result<Option<Json>, Failure> {
        self.aws.look_for("lambda", "GetAlias", &Signed::rest("GET", path(function, name))).await
    }

    async fn provisioned(&self, function: &str, name: &str) -> Result<Option<i64>, Failure> {
        let request = Signed::rest("GET", provisioned_path(function)).query("Qualifier", name);
        let answer = self.aws.look_for("lambda", "GetProvisionedConcurrencyConfig", &request).await?;
        let requested = |answer: &Json| answer.get("RequestedProvisionedConcurrentExecutions").and_then(Json::as_i64);
        Ok(answer.as_ref().and_then(requested))
    }

    async fn live(&self, function: &str, answer: &Json, address: Option<&Address>) -> Result<Live, Failure> {
        let name = expect(answer, "Name", "lambda.GetAlias")?;
        let arn = expect(answer, "AliasArn", "lambda.GetAlias")?;
        let mut map = decode(function, answer);
        if let Some(requested) = self.provisioned(function, &name).await? {
            map.insert("ProvisionedConcurrencyConfig".to_owned(), provisioned_property(requested));
        }
        let is_ours = address.is_some() || member(answer, "Description") == Some(MARK);
        Ok(Live {
            address: address.cloned().unwrap_or_else(|| Address::new(TYPE, format!("{function}:{name}"))),
            physical_id: format!("{function}:{name}"),
            properties: Value::Map(map),
            attributes: attributes(&arn),
            ownership: if is_ours { Ownership::Ours } else { Ownership::Unmarked },
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn provision(
        &self,
        function: &str,
        name: &str,
        properties: &Value,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let request = Signed::rest("PUT", provisioned_path(function)).query("Qualifier", name);
        let path = ["ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions"];
        let Some(count) = integer(properties, &path) else {
            let request = Signed::rest("DELETE", provisioned_path(function)).query("Qualifier", name);
            let call = self.aws.call("lambda", "DeleteProvisionedConcurrencyConfig").progress(progress);
            return call.find(|| self.aws.signed("lambda", request.clone())).await.map(drop);
        };
        let request = request.body(json!({ "ProvisionedConcurrentExecutions": count }));
        self.aws.ask("lambda", "PutProvisionedConcurrencyConfig", &request, progress).await?;
        self.await_provisioned(function, name, progress).await
    }

    async fn await_provisioned(&self, function: &str, name: &str, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("GET", provisioned_path(function)).query("Qualifier", name);
        let failed = self
            .aws
            .call("lambda", "GetProvisionedConcurrencyConfig")
            .progress(progress)
            .wait(
                READY_WITHIN,
                || self.aws.signed("lambda", request.clone()),
                |answer: Json| match member(&answer, "Status") {
                    Some("IN_PROGRESS") => Look::NotYet("provisioned concurrency"),
                    Some("FAILED") => {
                        Look::Ready(Some(member(&answer, "StatusReason").unwrap_or("no reason given").to_owned()))
                    }
                    _ => Look::Ready(None),
                },
            )
            .await?;
        match failed {
            Some(reason) => {
                let text = format!("Lambda could not provide the concurrency of {function}:{name}: {reason}");
                Err(Failure::new(Reason::Failed, self.aws.mask(&text)))
            }
            None => Ok(()),
        }
    }
}

fn path(function: &str, name: &str) -> String {
    format!("/2015-03-31/functions/{}/aliases/{}", segment(function), segment(name))
}

fn provisioned_path(function: &str) -> String {
    format!("/2019-09-30/functions/{}/provisioned-concurrency", segment(function))
}

fn provisioned_property(count: i64) -> Value {
    let count = Value::Number(count.into());
    Value::Map(BTreeMap::from([("ProvisionedConcurrentExecutions".to_owned(), count)]))
}

fn attributes(arn: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(arn)), ("AliasArn".to_owned(), Value::string(arn))])
}

fn decode(function: &str, answer: &Json) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::from([("FunctionName".to_owned(), Value::string(function))]);
    for key in ["Description", "FunctionVersion", "Name"] {
        map.extend(member(answer, key).map(|text| (key.to_owned(), Value::string(text))));
    }
    // `{"2": 0.1}` there, `[{FunctionVersion, FunctionWeight}]` here.
    if let Some(Json::Object(weights)) = answer.pointer("/RoutingConfig/AdditionalVersionWeights") {
        let weights = weights.iter().map(|(version, weight)| {
            let weight = [
                ("FunctionVersion".to_owned(), Value::string(version.as_str())),
                ("FunctionWeight".to_owned(), from_json(weight.clone())),
            ];
            Value::Map(weight.into_iter().collect())
        });
        let routing = BTreeMap::from([("AdditionalVersionWeights".to_owned(), Value::List(weights.collect()))]);
        map.insert("RoutingConfig".to_owned(), Value::Map(routing));
    }
    normalise(&mut map);
    map
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    if let Some(Value::String(name)) = properties.get_mut("FunctionName") {
        *name = function_name(name).to_owned();
    }
    if let Some(version) = properties.get_mut("FunctionVersion") {
        text_in_place(version);
    }
    if let Some(count) = at_mut(properties, &["ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions"]) {
        number_in_place(count);
        if *count == Value::Number(0.into()) {
            properties.remove("ProvisionedConcurrencyConfig");
        }
    }
    if properties.get("Description").and_then(Value::text) == Some(MARK) {
        properties.remove("Description");
    }
    drop_empty(properties, &[]);
}

/// The body of CreateAlias and UpdateAlias. Routing that was taken away is sent as none: leaving it out would keep it.
fn body(properties: &Value) -> Map<String, Json> {
    let mut body = Map::new();
    body.insert("FunctionVersion".to_owned(), text(properties, &["FunctionVersion"]).unwrap_or_default().into());
    let description = text(properties, &["Description"]).unwrap_or_else(|| MARK.to_owned());
    body.insert("Description".to_owned(), description.into());
    let weights: Map<String, Json> =
        super::properties::items(properties, &["RoutingConfig", "AdditionalVersionWeights"])
            .iter()
            .filter_map(|one| {
                let weight = super::properties::to_json(one.get("FunctionWeight")?);
                Some((text(one, &["FunctionVersion"])?, weight))
            })
            .collect();
    body.insert("RoutingConfig".to_owned(), json!({ "AdditionalVersionWeights": weights }));
    body
}

/// Function and name.
fn place(properties: &Value) -> Option<(String, String)> {
    let part = |key: &str| properties.get(key)?.text();
    Some((function_name(part("FunctionName")?).to_owned(), part("Name")?.to_owned()))
}

impl Findable for Alias {}

#[async_trait]
impl Kind for Alias {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("FunctionName", Trait::Immutable),
            ("Name", Trait::Immutable),
            ("RoutingConfig.AdditionalVersionWeights", Trait::Unordered),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        place(&desired.properties).map(|(function, name)| format!("{function}:{name}"))
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let name = self.identity(desired).and_then(|name| self.aws.arn("lambda", &format!("function:{name}")));
        name.map(|arn| attributes(&arn)).unwrap_or_default()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some((function, name)) = place(&desired.properties) else { return Ok(None) };
        match self.get(&function, &name).await? {
            Some(answer) => self.live(&function, &answer, Some(&desired.address)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let function = parent.physical_id.as_str();
        let request = Signed::rest("GET", format!("/2015-03-31/functions/{}/aliases", segment(function)));
        let all = self.aws.pages("lambda", "ListAliases", request, ("NextMarker", "Marker"), "Aliases").await?;
        let mut found = Vec::new();
        for answer in &all {
            let live = self.live(function, answer, None).await?;
            found.push(Live { parent: Some(parent.address.logical_id.clone()), ..live });
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(function::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["FunctionName"]).map(|name| format!("lambda {}", function_name(&name)))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut wanted = desired.properties.clone();
        self.normalise(&mut wanted);
        let function = function_name(&required(&wanted, "FunctionName")?).to_owned();
        let name = required(&wanted, "Name")?;
        let mut body = body(&wanted);
        body.insert("Name".to_owned(), name.as_str().into());
        let request = Signed::rest("POST", format!("/2015-03-31/functions/{}/aliases", segment(&function)))
            .body(Json::Object(body));
        let call = self.aws.call("lambda", "CreateAlias").progress(progress).fresh(true);
        let answer = call.create(|| self.get(&function, &name), || self.aws.signed("lambda", request.clone())).await?;
        let arn = expect(&answer, "AliasArn", "lambda.CreateAlias")?;
        if wanted.get("ProvisionedConcurrencyConfig").is_some() {
            self.provision(&function, &name, &wanted, progress).await?;
        }
        Ok(Live {
            address: desired.address.clone(),
            physical_id: format!("{function}:{name}"),
            properties: wanted,
            attributes: attributes(&arn),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: desired.parent.clone(),
        })
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let mut wanted = desired.properties.clone();
        self.normalise(&mut wanted);
        let Some((function, name)) = live.physical_id.split_once(':') else { return Ok(live.clone()) };
        let changed = changed(fields);
        let moves = changed.iter().any(|key| *key != "ProvisionedConcurrencyConfig");
        // Weights and provisioned concurrency exclude each other: what goes, goes first.
        let takes_away = wanted.get("ProvisionedConcurrencyConfig").is_none();
        if changed.contains("ProvisionedConcurrencyConfig") && takes_away {
            self.provision(function, name, &wanted, progress).await?;
        }
        if moves || live.ownership != Ownership::Ours {
            let request = Signed::rest("PUT", path(function, name)).body(Json::Object(body(&wanted)));
            self.aws.ask("lambda", "UpdateAlias", &request, progress).await?;
        }
        if changed.contains("ProvisionedConcurrencyConfig") && !takes_away {
            self.provision(function, name, &wanted, progress).await?;
        } else if moves && !takes_away {
            // It moves to the new version along with the alias.
            self.await_provisioned(function, name, progress).await?;
        }
        Ok(Live { address: desired.address.clone(), properties: wanted, ownership: Ownership::Ours, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((function, name)) = live.physical_id.split_once(':') else { return Ok(()) };
        let request = Signed::rest("DELETE", path(function, name));
        let call = self.aws.call("lambda", "DeleteAlias").progress(progress);
        call.find(|| self.aws.signed("lambda", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: FUNCTION_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "lambda:ListAliases"),
            needs(Step::Read, "lambda:GetAlias"),
            needs(Step::Read, "lambda:GetProvisionedConcurrencyConfig"),
            needs(Step::Create, "lambda:CreateAlias"),
            needs(Step::Create, "lambda:PutProvisionedConcurrencyConfig"),
            needs(Step::Update, "lambda:UpdateAlias"),
            needs(Step::Update, "lambda:PutProvisionedConcurrencyConfig"),
            needs(Step::Update, "lambda:DeleteProvisionedConcurrencyConfig"),
            needs(Step::Delete, "lambda:DeleteAlias"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    #[test]
    fn an_alias_without_a_description_carries_ours() {
        let plain = tree_of(json!({ "FunctionName": "f", "Name": "live", "FunctionVersion": "3" }));
        assert_eq!(
            Json::Object(body(&plain)),
            json!({ "FunctionVersion": "3", "Description": MARK, "RoutingConfig": { "AdditionalVersionWeights": {} } })
        );
        let answer = json!({ "Name": "live", "FunctionVersion": "3", "Description": MARK, "AliasArn": "a" });
        assert_eq!(Value::Map(decode("f", &answer)), plain);
    }

    #[test]
    fn weights_are_a_map_in_requests_and_a_list_in_files() {
        let answer = json!({ "Name": "live", "FunctionVersion": "3",
            "RoutingConfig": { "AdditionalVersionWeights": { "2": 0.1 } } });
        let live = Value::Map(decode("f", &answer));
        assert_eq!(body(&live)["RoutingConfig"], json!({ "AdditionalVersionWeights": { "2": 0.1 } }));
        let Value::Map(mut none) = tree_of(json!({
            "FunctionVersion": 3, "ProvisionedConcurrencyConfig": { "ProvisionedConcurrentExecutions": "0" },
        })) else {
            panic!("a map")
        };
        normalise(&mut none);
        assert_eq!(Value::Map(none), tree_of(json!({ "FunctionVersion": "3" })));
    }
}
