//! `AWS::Lambda::EventInvokeConfig`: what happens with asynchronous invocations of a function.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventinvokeconfig.html>
//!
//! Put replaces all of it, so what was taken away is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use crate::aws::client::Aws;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::{member, pick, plain_in_place, properties};
use super::properties::{default_to, drop_empty, text};
use super::version::function_name;
use super::{Findable, function};

/// `AWS::Lambda::EventInvokeConfig`
pub const TYPE: &str = "AWS::Lambda::EventInvokeConfig";

const LATEST: &str = "$LATEST";
const SETTINGS: &[&str] = &["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"];
const FUNCTION_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";

/// Reads, makes, changes and deletes settings of asynchronous invocations.
pub struct EventInvokeConfig {
    aws: Arc<Aws>,
}

impl EventInvokeConfig {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn live(&self, answer: &Json, function: &str, address: Option<&Address>) -> Live {
        let arn = member(answer, "FunctionArn").unwrap_or_default();
        let qualifier = arn.split(":function:").nth(1).and_then(|name| name.split_once(':')).map_or(LATEST, |(_, q)| q);
        let mut map = properties(answer, SETTINGS);
        map.insert("FunctionName".to_owned(), Value::string(function));
        map.insert("Qualifier".to_owned(), Value::string(qualifier));
        normalise(&mut map);
        let logical_id = format!("{function}:{qualifier}");
        Live {
            address: address.cloned().unwrap_or_else(|| Address::new(TYPE, logical_id.as_str())),
            physical_id: logical_id,
            properties: Value::Map(map),
            attributes: BTreeMap::new(),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    async fn put(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let (function, qualifier) = place(&wanted)
            .ok_or_else(|| Failure::new(Reason::Invalid, format!("{} has no function", desired.address)))?;
        let request = Signed::rest("PUT", path(&function))
            .query("Qualifier", qualifier.as_str())
            .body(Json::Object(body(&wanted)));
        self.aws.ask("lambda", "PutFunctionEventInvokeConfig", &request, progress).await?;
        Ok(Live::made(desired, BTreeMap::new(), format!("{function}:{qualifier}"), wanted))
    }
}

fn path(function: &str) -> String {
    format!("/2019-09-25/functions/{}/event-invoke-config", segment(function))
}

fn body(properties: &Value) -> Map<String, Json> {
    pick(properties, SETTINGS)
}

/// Function and qualifier.
fn place(properties: &Value) -> Option<(String, String)> {
    let function = function_name(properties.get("FunctionName")?.text()?).to_owned();
    let qualifier = match properties.get("Qualifier") {
        Some(qualifier) => qualifier.text()?.to_owned(),
        None => LATEST.to_owned(),
    };
    Some((function, qualifier))
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    plain_in_place(properties, &["MaximumEventAgeInSeconds", "MaximumRetryAttempts"], &[]);
    if let Some(Value::String(name)) = properties.get_mut("FunctionName") {
        *name = function_name(name).to_owned();
    }
    // What Lambda does when nothing is said: six hours, two more attempts.
    for (key, default) in [("MaximumEventAgeInSeconds", 21_600), ("MaximumRetryAttempts", 2)] {
        if properties.get(key) == Some(&Value::Number(default.into())) {
            properties.remove(key);
        }
    }
    drop_empty(properties, &[]);
    default_to(properties, "Qualifier", Value::string(LATEST));
}

impl Findable for EventInvokeConfig {}

#[async_trait]
impl Kind for EventInvokeConfig {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("FunctionName", Trait::Immutable), ("Qualifier", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        place(&desired.properties).map(|(function, qualifier)| format!("{function}:{qualifier}"))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some((function, qualifier)) = place(&desired.properties) else { return Ok(None) };
        let request = Signed::rest("GET", path(&function)).query("Qualifier", qualifier);
        let answer = self.aws.look_for("lambda", "GetFunctionEventInvokeConfig", &request).await?;
        Ok(answer.map(|answer| self.live(&answer, &function, Some(&desired.address))))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let function = parent.physical_id.as_str();
        let request = Signed::rest("GET", format!("{}/list", path(function)));
        let token = ("NextMarker", "Marker");
        let operation = "ListFunctionEventInvokeConfigs";
        let all = self.aws.pages("lambda", operation, request, token, "FunctionEventInvokeConfigs").await?;
        let parent = &parent.address.logical_id;
        Ok(all
            .iter()
            .map(|answer| Live { parent: Some(parent.clone()), ..self.live(answer, function, None) })
            .collect())
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
        let Some((function, qualifier)) = live.physical_id.split_once(':') else { return Ok(()) };
        let request = Signed::rest("DELETE", path(function)).query("Qualifier", qualifier);
        let call = self.aws.call("lambda", "DeleteFunctionEventInvokeConfig").progress(progress);
        call.find(|| self.aws.signed("lambda", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: FUNCTION_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "lambda:ListFunctionEventInvokeConfigs"),
            needs(Step::Read, "lambda:GetFunctionEventInvokeConfig"),
            needs(Step::Create, "lambda:PutFunctionEventInvokeConfig"),
            needs(Step::Update, "lambda:PutFunctionEventInvokeConfig"),
            needs(Step::Delete, "lambda:DeleteFunctionEventInvokeConfig"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_function_is_named_in_many_ways() {
        let Value::Map(mut map) = tree_of(json!({
            "FunctionName": "arn:aws:lambda:eu-central-1:1:function:f", "MaximumRetryAttempts": "0",
            "DestinationConfig": { "OnFailure": {}, "OnSuccess": { "Destination": "q" } },
        })) else {
            panic!("a map")
        };
        normalise(&mut map);
        let properties = Value::Map(map);
        assert_eq!(place(&properties), Some(("f".to_owned(), LATEST.to_owned())));
        assert_eq!(
            Json::Object(body(&properties)),
            json!({ "DestinationConfig": { "OnSuccess": { "Destination": "q" } }, "MaximumRetryAttempts": 0 })
        );
    }
}
