//! One file for each kind of resource: its properties, how it is read, made, changed and deleted.

pub mod alias;
pub mod api_account;
pub mod api_key;
pub mod balancer;
pub mod bucket;
pub mod cloudfront;
pub mod codedeploy;
pub mod domains;
pub mod event_bus;
pub mod event_invoke_config;
pub mod event_source_mapping;
pub mod function;
pub mod gate;
pub mod iot;
pub(in crate::aws) mod json;
pub mod layer;
pub mod log_group;
mod names;
mod openapi;
mod patch;
pub mod permission;
mod policy;
mod properties;
pub mod queue_policy;
pub mod rest_api;
pub mod rest_deployment;
pub mod rest_routes;
pub mod rest_stage;
pub mod role;
pub mod rule;
pub mod run;
pub mod scaling;
pub mod schedule;
pub mod stack;
pub mod stream_consumer;
pub mod subscription;
pub mod subscription_filter;
pub mod tags;
pub mod topic;
pub mod url;
pub mod usage_plan;
pub mod user_pool;
pub mod v2;
pub mod version;

#[cfg(test)]
#[path = "tests.rs"]
mod against_a_fake;

use std::sync::Arc;

use async_trait::async_trait;

use crate::engine::failure::Failure;
use crate::engine::fingerprint::Left;
use crate::engine::kind::Kind;
use crate::engine::resource::{Desired, Live};
use crate::engine::value::Value;

use super::client::Aws;

/// How resources of a kind are found when no file names them any more. What lives beneath another resource is found
/// there and needs none of it.
#[async_trait]
pub trait Findable: Kind {
    /// The physical id in an ARN of this kind; `None` for an ARN of any other.
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        let _ = arn;
        None
    }

    /// Types and physical ids of what may be ours by its name, for what the tagging API misses.
    ///
    /// # Errors
    /// As every call.
    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(Vec::new())
    }

    /// What is live under that physical id, asked of its own service.
    ///
    /// # Errors
    /// As every call.
    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        self.find(physical_id, None).await
    }
}

/// Every kind there is: the registry.
pub fn all(aws: &Arc<Aws>) -> Vec<Arc<dyn Findable>> {
    vec![
        Arc::new(alias::Alias::new(Arc::clone(aws))),
        Arc::new(api_account::ApiAccount::new(Arc::clone(aws))),
        Arc::new(api_key::ApiKey::new(Arc::clone(aws))),
        Arc::new(balancer::listener_rule::ListenerRule::new(Arc::clone(aws))),
        Arc::new(balancer::target_group::TargetGroup::new(Arc::clone(aws))),
        Arc::new(bucket::Bucket::new(Arc::clone(aws))),
        Arc::new(bucket::existing::ExistingBucket::new(Arc::clone(aws))),
        Arc::new(cloudfront::cache_policy::CachePolicy::new(Arc::clone(aws))),
        Arc::new(cloudfront::distribution::Distribution::new(Arc::clone(aws))),
        Arc::new(cloudfront::function::Function::new(Arc::clone(aws))),
        Arc::new(codedeploy::application::Application::new(Arc::clone(aws))),
        Arc::new(codedeploy::deployment_group::DeploymentGroup::new(Arc::clone(aws))),
        Arc::new(domains::domain_name::DomainName::new(Arc::clone(aws))),
        Arc::new(domains::mapping::Mapping::new(Arc::clone(aws), &domains::mapping::API)),
        Arc::new(domains::mapping::Mapping::new(Arc::clone(aws), &domains::mapping::BASE_PATH)),
        Arc::new(domains::record_set::RecordSet::new(Arc::clone(aws))),
        Arc::new(event_bus::EventBus::new(Arc::clone(aws))),
        Arc::new(event_invoke_config::EventInvokeConfig::new(Arc::clone(aws))),
        Arc::new(event_source_mapping::EventSourceMapping::new(Arc::clone(aws))),
        Arc::new(function::Function::new(Arc::clone(aws))),
        Arc::new(iot::provisioning_template::ProvisioningTemplate::new(Arc::clone(aws))),
        Arc::new(iot::topic_rule::TopicRule::new(Arc::clone(aws))),
        Arc::new(layer::LayerVersion::new(Arc::clone(aws))),
        Arc::new(layer::LayerVersionPermission::new(Arc::clone(aws))),
        Arc::new(log_group::LogGroup::new(Arc::clone(aws))),
        Arc::new(permission::Permission::new(Arc::clone(aws))),
        Arc::new(queue_policy::QueuePolicy::new(Arc::clone(aws))),
        Arc::new(rest_api::RestApi::new(Arc::clone(aws))),
        Arc::new(rest_deployment::Deployment::new(Arc::clone(aws))),
        Arc::new(rest_routes::part::Part::new(Arc::clone(aws), &rest_routes::part::AUTHORIZER)),
        Arc::new(rest_routes::part::Part::new(Arc::clone(aws), &rest_routes::part::MODEL)),
        Arc::new(rest_routes::part::Part::new(Arc::clone(aws), &rest_routes::part::VALIDATOR)),
        Arc::new(rest_routes::method::Method::new(Arc::clone(aws))),
        Arc::new(rest_routes::resource::Resource::new(Arc::clone(aws))),
        Arc::new(rest_stage::Stage::new(Arc::clone(aws))),
        Arc::new(role::Role::new(Arc::clone(aws))),
        Arc::new(rule::Rule::new(Arc::clone(aws))),
        Arc::new(scaling::policy::ScalingPolicy::new(Arc::clone(aws))),
        Arc::new(scaling::target::ScalableTarget::new(Arc::clone(aws))),
        Arc::new(schedule::Schedule::new(Arc::clone(aws))),
        Arc::new(stack::Stack::new(Arc::clone(aws))),
        Arc::new(stream_consumer::StreamConsumer::new(Arc::clone(aws))),
        Arc::new(subscription::Subscription::new(Arc::clone(aws))),
        Arc::new(subscription_filter::SubscriptionFilter::new(Arc::clone(aws))),
        Arc::new(topic::Topic::new(Arc::clone(aws))),
        Arc::new(url::Url::new(Arc::clone(aws))),
        Arc::new(usage_plan::UsagePlan::new(Arc::clone(aws))),
        Arc::new(usage_plan::UsagePlanKey::new(Arc::clone(aws))),
        Arc::new(user_pool::UserPool::new(Arc::clone(aws))),
        Arc::new(user_pool::triggers::UserPoolTriggers::new(Arc::clone(aws))),
        Arc::new(v2::api::Api::new(Arc::clone(aws))),
        Arc::new(v2::part::Part::new(Arc::clone(aws), &v2::part::AUTHORIZER)),
        Arc::new(v2::part::Part::new(Arc::clone(aws), &v2::part::DEPLOYMENT)),
        Arc::new(v2::part::Part::new(Arc::clone(aws), &v2::part::INTEGRATION)),
        Arc::new(v2::part::Part::new(Arc::clone(aws), &v2::part::ROUTE)),
        Arc::new(v2::part::Part::new(Arc::clone(aws), &v2::part::ROUTE_RESPONSE)),
        Arc::new(v2::stage::Stage::new(Arc::clone(aws))),
        Arc::new(version::Version::new(Arc::clone(aws))),
    ]
}

/// Types beneath a function that go with it: what a removal need not look for.
pub const GONE_WITH_A_FUNCTION: &[&str] =
    &[alias::TYPE, event_invoke_config::TYPE, permission::TYPE, url::TYPE, version::TYPE];

/// Services whose permissions lead to what stands beside a function, in documents that are everybody's.
const LEADING_ON: &[&str] = &["s3.amazonaws.com", "cognito-idp.amazonaws.com"];

/// Types that are found beneath a function by lists of their own, and not through the function's policy.
const LISTED_BY_THEMSELVES: &[&str] = &[event_source_mapping::TYPE];

/// What is there of something wanted beneath a function when the function is gone, or is found through it.
pub fn left_of_a_function(child: &Desired) -> Left {
    let kind = child.address.kind.as_str();
    let principal = child.properties.get("Principal").and_then(Value::text);
    if LISTED_BY_THEMSELVES.contains(&kind) {
        Left::Itself
    } else if GONE_WITH_A_FUNCTION.contains(&kind) && !principal.is_some_and(|who| LEADING_ON.contains(&who)) {
        Left::Nothing
    } else {
        Left::Unsaid
    }
}

/// What follows `marker` in an ARN: its name, when the ARN is of that service and resource type.
fn after<'a>(arn: &'a str, service: &str, marker: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    (parts.next() == Some("arn") && parts.nth(1) == Some(service)).then_some(())?;
    parts.nth(2)?.strip_prefix(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_give_names_to_their_own_kind_only() {
        let function = "arn:aws:lambda:eu-west-1:123456789012:function:shop-dev-a";
        assert_eq!(after(function, "lambda", "function:"), Some("shop-dev-a"));
        assert_eq!(after(function, "logs", "log-group:"), None);
        assert_eq!(after("arn:aws:lambda:eu-west-1:123456789012:layer:a", "lambda", "function:"), None);
        assert_eq!(after("arn:aws:iam::123456789012:role/path/r", "iam", "role/"), Some("path/r"));
        assert_eq!(after("nonsense", "iam", "role/"), None);
    }
}
