//! Application Auto Scaling, as far as it scales what is provisioned of functions.
//! <https://docs.aws.amazon.com/autoscaling/application/userguide/services-that-can-integrate-lambda.html>

pub mod policy;
pub mod scheduled;
pub mod target;

use serde_json::{Map, Value as Json};

use crate::aws::client::Aws;
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;

/// As quotas, retries and signatures know it.
const SERVICE: &str = "application-autoscaling";
/// The namespace of Lambda's scalable targets.
pub const NAMESPACE: &str = "lambda";
/// What is scaled of a function.
pub const DIMENSION: &str = "lambda:function:ProvisionedConcurrency";
/// Lambda's own metric: the average share of the environments that are busy.
pub const PREDEFINED: &str = "LambdaProvisionedConcurrencyUtilization";

/// A body that names a target and says more about it.
fn about(resource: &str, more: Json) -> Json {
    let mut body = Map::new();
    body.insert("ServiceNamespace".to_owned(), NAMESPACE.into());
    body.insert("ResourceId".to_owned(), resource.into());
    body.insert("ScalableDimension".to_owned(), DIMENSION.into());
    if let Json::Object(more) = more {
        body.extend(more);
    }
    Json::Object(body)
}

async fn send(aws: &Aws, operation: &'static str, body: Json, progress: &Progress) -> Result<Json, Failure> {
    aws.ask(SERVICE, operation, &Signed::action(operation, body), progress).await
}

/// Sends what takes something away; what is not there is no failure.
async fn take_away(aws: &Aws, operation: &'static str, body: Json, progress: &Progress) -> Result<(), Failure> {
    let request = Signed::action(operation, body);
    let call = aws.call(SERVICE, operation).progress(progress);
    call.find(|| aws.signed(SERVICE, request.clone())).await.map(drop)
}
