//! `AWS::CloudFront::Function`: a few lines of JavaScript that CloudFront itself runs.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudfront-function.html>
//!
//! What is written goes to the stage DEVELOPMENT, is tried with a request there, and is published when it stood the test.
//! `FunctionCode` is the digest of the source, `{"Sha256": ..}`; the hint `Artifact` says where the source is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::super::Findable;
use super::super::json::{changed, expect, member, tag_list};
use super::super::properties::{default_to, drop_empty, from_json, own_tags, required, tags_to_map, text, to_json};
use super::{SERVICE, distribution, path, retag, tags, texts, words};

/// `AWS::CloudFront::Function`
pub const TYPE: &str = "AWS::CloudFront::Function";
/// The runtime of new functions.
const RUNTIME: &str = "cloudfront-js-2.0";

const FUNCTION_ARN: &str = "arn:${Partition}:cloudfront::${Account}:function/*";

/// A request as CloudFront gives it to a function.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html>
fn sample() -> Json {
    let empty = json!({});
    json!({
        "version": "1.0",
        "context": { "eventType": "viewer-request", "distributionDomainName": "d111111abcdef8.cloudfront.net",
            "distributionId": "EDFDVBD6EXAMPLE", "requestId": "test" },
        "viewer": { "ip": "198.51.100.11" },
        "request": { "method": "GET", "uri": "/", "querystring": empty, "cookies": empty,
            "headers": { "host": { "value": "www.example.com" } } },
        "response": { "statusCode": 200, "statusDescription": "OK", "headers": empty, "cookies": empty },
    })
}

/// Reads, makes, changes and deletes CloudFront Functions.
pub struct Function {
    aws: Arc<Aws>,
}

/// The digest of a source, as packaging gives it: in base64.
fn digest(source: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(source))
}

fn place(name: &str, more: &str) -> String {
    path(&format!("function/{}{more}", segment(name)))
}

impl Function {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn attributes(&self, name: &str) -> BTreeMap<String, Value> {
        let Some(account) = self.aws.known_account() else { return BTreeMap::new() };
        let arn = format!("arn:{}:cloudfront::{account}:function/{name}", self.aws.partition().name);
        ["Ref", "FunctionARN"].into_iter().map(|key| (key.to_owned(), Value::string(arn.as_str()))).collect()
    }

    async fn described(&self, name: &str) -> Result<Option<Json>, Failure> {
        let request = Signed::rest("GET", place(name, "/describe")).query("Stage", "DEVELOPMENT");
        self.aws.look_for(SERVICE, "DescribeFunction", &request).await
    }

    /// The source that serves traffic; none before the first time that it was published.
    async fn published(&self, name: &str) -> Result<Option<String>, Failure> {
        let request = Signed::rest("GET", place(name, "")).query("Stage", "LIVE");
        let answer = self.aws.look_for(SERVICE, "GetFunction", &request).await?;
        Ok(answer.and_then(|answer| answer.as_str().map(str::to_owned)))
    }

    /// The members that CreateFunction and UpdateFunction share.
    fn content(desired: &Desired, wanted: &Value) -> Result<Json, Failure> {
        let artifact = desired.hints.get("Artifact").and_then(Value::text).unwrap_or_default();
        let source = std::fs::read(Path::new(artifact)).map_err(|error| {
            Failure::new(Reason::Invalid, format!("{artifact} cannot be read: {error}"))
                .help("it is the source of the function: the path is its `handler`")
        })?;
        let mut config = wanted.get("FunctionConfig").map(to_json).unwrap_or_default();
        // Required, though it may be empty.
        config["Comment"] = member(&config, "Comment").unwrap_or_default().into();
        Ok(json!({ "FunctionConfig": words::to_api(&config), "FunctionCode": STANDARD.encode(source) }))
    }

    /// Tries what is in DEVELOPMENT, and publishes it when it stood the test. `tag` is its `ETag`.
    async fn test_and_publish(&self, name: &str, tag: &str, progress: &Progress) -> Result<(), Failure> {
        let event = STANDARD.encode(sample().to_string());
        let request = Signed::rest("POST", place(name, "/test"))
            .header("if-match", tag)
            .body(json!({ "TestFunctionRequest": { "Stage": "DEVELOPMENT", "EventObject": event } }));
        let answer = self.aws.ask(SERVICE, "TestFunction", &request, progress).await?;
        let result = answer.get("TestResult").unwrap_or(&answer);
        if let Some(error) = member(result, "FunctionErrorMessage") {
            return Err(Failure::new(Reason::Invalid, format!("{name} failed its test and is not published: {error}"))
                .help("it was called with a plain GET of /; what served traffic before still does"));
        }
        let request = Signed::rest("POST", place(name, "/publish")).header("if-match", tag);
        self.aws.ask(SERVICE, "PublishFunction", &request, progress).await.map(drop)
    }
}

#[async_trait]
impl Findable for Function {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        let (start, name) = arn.split_once(":function/")?;
        start.contains(":cloudfront:").then(|| name.to_owned())
    }
}

#[async_trait]
impl Kind for Function {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("Name", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        let Value::Map(map) = properties else { return };
        tags_to_map(map);
        if let Some(Value::Map(config)) = map.get_mut("FunctionConfig") {
            config.values_mut().for_each(texts);
            default_to(config, "Runtime", Value::string(RUNTIME));
        }
        drop_empty(map, &[]);
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        text(&desired.properties, &["Name"])
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        self.identity(desired).map(|name| self.attributes(&name)).unwrap_or_default()
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let logical_id = desired.map(|desired| desired.address.logical_id.as_str());
        let Some(found) = self.described(name).await? else { return Ok(None) };
        self.aws.account().await?;
        let attributes = self.attributes(name);
        let arn = text(&Value::Map(attributes.clone()), &["Ref"]).unwrap_or_default();
        let (tags, source) = tokio::try_join!(tags(&self.aws, &arn), self.published(name))?;
        let config = found.get("FunctionConfig").map(words::to_cfn).unwrap_or_default();
        let mut properties = Value::Map(BTreeMap::from([
            ("Name".to_owned(), Value::string(name)),
            ("AutoPublish".to_owned(), Value::Bool(true)),
            ("FunctionConfig".to_owned(), from_json(config)),
            ("Tags".to_owned(), own_tags(&tags)),
        ]));
        if let (Value::Map(map), Some(source)) = (&mut properties, source) {
            let code = BTreeMap::from([("Sha256".to_owned(), Value::String(digest(source.as_bytes())))]);
            map.insert("FunctionCode".to_owned(), Value::Map(code));
        }
        self.normalise(&mut properties);
        Ok(Some(Live {
            address: Address::new(TYPE, logical_id.or(tags.get(ID).map(String::as_str)).unwrap_or(name)),
            physical_id: name.to_owned(),
            properties,
            attributes,
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = required(&wanted, "Name")?;
        let mut content = Self::content(desired, &wanted)?;
        content["Name"] = name.as_str().into();
        content["Tags"] = json!({ "Items": { "Tag": tag_list(&wanted) } });
        let request = Signed::rest("POST", path("function")).body(json!({ "CreateFunctionRequest": content }));
        let made = self
            .aws
            .call(SERVICE, "CreateFunction")
            .progress(progress)
            .create(
                || async {
                    let found = self.find(&name, None).await?.filter(|live| live.ownership == Ownership::Ours);
                    if found.is_some() { self.described(&name).await } else { Ok(None) }
                },
                || self.aws.signed(SERVICE, request.clone()),
            )
            .await?;
        let tag = expect(&made, "ETag", "cloudfront.CreateFunction")?;
        self.test_and_publish(&name, &tag, progress).await?;
        Ok(Live::made(desired, self.attributes(&name), name, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = live.physical_id.as_str();
        let changed = changed(fields);
        if changed.contains("FunctionCode") || changed.contains("FunctionConfig") {
            let Some(found) = self.described(name).await? else {
                return Err(Failure::new(Reason::NotFound, format!("the function {name} is gone")));
            };
            let tag = expect(&found, "ETag", "cloudfront.DescribeFunction")?;
            let content = Self::content(desired, &wanted)?;
            let request = Signed::rest("PUT", place(name, ""))
                .header("if-match", tag)
                .body(json!({ "UpdateFunctionRequest": content }));
            self.aws.ask(SERVICE, "UpdateFunction", &request, progress).await?;
            // The answer has its tag under a name of its own, `ETtag`.
            let written = self.described(name).await?.unwrap_or_default();
            let tag = expect(&written, "ETag", "cloudfront.DescribeFunction")?;
            self.test_and_publish(name, &tag, progress).await?;
        }
        let arn = text(&Value::Map(live.attributes.clone()), &["Ref"]).unwrap_or_default();
        retag(&self.aws, &arn, &live.properties, &wanted, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let name = live.physical_id.as_str();
        let Some(found) = self.described(name).await? else { return Ok(()) };
        let tag = expect(&found, "ETag", "cloudfront.DescribeFunction")?;
        let request = Signed::rest("DELETE", place(name, "")).header("if-match", tag);
        let call = self.aws.call(SERVICE, "DeleteFunction").progress(progress);
        call.find(|| self.aws.signed(SERVICE, request.clone())).await.map(drop)
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[distribution::TYPE]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: FUNCTION_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "cloudfront:DescribeFunction"),
            needs(Step::Read, "cloudfront:GetFunction"),
            needs(Step::Read, "cloudfront:ListTagsForResource"),
            needs(Step::Create, "cloudfront:CreateFunction"),
            needs(Step::Create, "cloudfront:TagResource"),
            needs(Step::Create, "cloudfront:TestFunction"),
            needs(Step::Create, "cloudfront:PublishFunction"),
            needs(Step::Update, "cloudfront:UpdateFunction"),
            needs(Step::Update, "cloudfront:TestFunction"),
            needs(Step::Update, "cloudfront:PublishFunction"),
            needs(Step::Update, "cloudfront:TagResource"),
            needs(Step::Update, "cloudfront:UntagResource"),
            needs(Step::Delete, "cloudfront:DeleteFunction"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_source() {
        assert_eq!(digest(b"abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }
}
