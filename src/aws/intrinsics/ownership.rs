//! The tags that say whose a resource is, and where each type keeps its tags.

use std::collections::BTreeMap;

use crate::engine::value::Value;

/// The tag that carries a fingerprint of what was last applied beneath a resource.
pub const APPLIED: &str = "hoist:applied";

/// Whose resources these are, and what the configuration adds to every one of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owner {
    pub service: String,
    pub stage: String,
    /// `provider.stackTags`: CloudFormation puts a stack's tags on everything that it makes.
    pub stack_tags: BTreeMap<String, Value>,
}

/// How a type's tags are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagForm {
    /// `[{"Key": .., "Value": ..}]`
    List,
    /// `{"key": "value"}`
    Map,
}

/// Types that can be tagged, with the property that holds their tags and its form.
const TAGGABLE: &[(&str, &str, TagForm)] = &[
    ("AWS::ApiGateway::ApiKey", "Tags", TagForm::List),
    ("AWS::ApiGateway::DomainName", "Tags", TagForm::List),
    ("AWS::ApiGateway::RestApi", "Tags", TagForm::List),
    ("AWS::ApiGateway::Stage", "Tags", TagForm::List),
    ("AWS::ApiGateway::UsagePlan", "Tags", TagForm::List),
    ("AWS::ApiGatewayV2::Api", "Tags", TagForm::Map),
    ("AWS::ApiGatewayV2::Stage", "Tags", TagForm::Map),
    ("AWS::ApplicationAutoScaling::ScalableTarget", "Tags", TagForm::Map),
    ("AWS::CloudFront::Distribution", "Tags", TagForm::List),
    ("AWS::CloudFront::Function", "Tags", TagForm::List),
    ("AWS::CodeDeploy::Application", "Tags", TagForm::List),
    ("AWS::CodeDeploy::DeploymentGroup", "Tags", TagForm::List),
    ("AWS::Cognito::UserPool", "UserPoolTags", TagForm::Map),
    ("AWS::ECR::Repository", "Tags", TagForm::List),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "Tags", TagForm::List),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Tags", TagForm::List),
    ("AWS::Events::EventBus", "Tags", TagForm::List),
    ("AWS::Events::Rule", "Tags", TagForm::List),
    ("AWS::IAM::Role", "Tags", TagForm::List),
    ("AWS::IoT::ProvisioningTemplate", "Tags", TagForm::List),
    ("AWS::IoT::TopicRule", "Tags", TagForm::List),
    ("AWS::Kinesis::StreamConsumer", "Tags", TagForm::List),
    ("AWS::Lambda::EventSourceMapping", "Tags", TagForm::List),
    ("AWS::Lambda::Function", "Tags", TagForm::List),
    ("AWS::Logs::LogGroup", "Tags", TagForm::List),
    ("AWS::S3::Bucket", "Tags", TagForm::List),
    ("AWS::SNS::Topic", "Tags", TagForm::List),
    ("AWS::SQS::Queue", "Tags", TagForm::List),
];

/// The property that holds a type's tags, and its form; `None` for what cannot be tagged.
pub fn tag_form(kind: &str) -> Option<(&'static str, TagForm)> {
    TAGGABLE.iter().find(|(name, ..)| *name == kind).map(|(_, property, form)| (*property, *form))
}

/// Adds the marks of ownership and the configuration's tags. A resource's own tags win over `stackTags`; the marks
/// win over both.
pub fn mark(properties: &mut Value, kind: &str, logical_id: &str, owner: &Owner) {
    if tag_form(kind).is_none() {
        return;
    }
    let own = tags(properties, kind);
    let mut all = BTreeMap::from([("STAGE".to_owned(), Value::string(&owner.stage))]);
    all.extend(owner.stack_tags.clone());
    all.extend(own);
    for (key, value) in
        [("hoist:service", owner.service.as_str()), ("hoist:stage", &owner.stage), ("hoist:id", logical_id)]
    {
        all.insert(key.to_owned(), Value::string(value));
    }
    set_tags(properties, kind, all);
}

/// Sets one tag.
pub fn set_tag(properties: &mut Value, kind: &str, key: &str, value: &str) {
    let mut all = tags(properties, kind);
    all.insert(key.to_owned(), Value::string(value));
    set_tags(properties, kind, all);
}

fn tags(properties: &Value, kind: &str) -> BTreeMap<String, Value> {
    let Some((property, _)) = tag_form(kind) else { return BTreeMap::new() };
    match properties.get(property) {
        Some(Value::Map(map)) => map.clone(),
        Some(Value::List(items)) => items
            .iter()
            .filter_map(|item| Some((item.get("Key")?.text()?.to_owned(), item.get("Value")?.clone())))
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn set_tags(properties: &mut Value, kind: &str, all: BTreeMap<String, Value>) {
    let (Some((property, form)), Value::Map(map)) = (tag_form(kind), properties) else { return };
    let value = match form {
        TagForm::Map => Value::Map(all),
        TagForm::List => Value::List(
            all.into_iter()
                .map(|(key, value)| {
                    Value::Map(BTreeMap::from([("Key".to_owned(), Value::String(key)), ("Value".to_owned(), value)]))
                })
                .collect(),
        ),
    };
    map.insert(property.to_owned(), value);
}
