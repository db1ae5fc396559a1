//! Provisioned concurrency, allocated on versions.
//! <https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html>
//!
//! On an alias, an allocation follows the alias only after it moved, and the new version meets its first calls cold. So
//! the new version is given its own first, and the alias moves when that is ready. What the framework left on an alias
//! is understood, and moved to the version with the next move of the alias.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::kinds::json::{member, where_allowed};
use crate::aws::kinds::version::qualifier;
use crate::aws::signed::{Signed, segment};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress;
use crate::engine::retry::Look;

/// Lambda allocates some hundreds of environments a minute.
const READY_WITHIN: Duration = Duration::from_secs(900);

/// What is allocated to a version or an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// `3`, or an alias' name.
    pub qualifier: String,
    pub requested: i64,
}

fn path(function: &str) -> String {
    format!("/2019-09-30/functions/{}/provisioned-concurrency", segment(function))
}

/// Everything that is allocated to a function.
///
/// # Errors
/// As every call.
pub async fn all(aws: &Aws, function: &str) -> Result<Vec<Allocation>, Failure> {
    let request = Signed::rest("GET", path(function)).query("List", "ALL");
    let items = "ProvisionedConcurrencyConfigs";
    let found =
        aws.pages("lambda", "ListProvisionedConcurrencyConfigs", request, ("NextMarker", "Marker"), items).await?;
    let allocation = |answer: &Json| {
        let qualifier = qualifier(member(answer, "FunctionArn")?)?.to_owned();
        let requested = answer.get("RequestedProvisionedConcurrentExecutions")?.as_i64()?;
        Some(Allocation { qualifier, requested })
    };
    Ok(found.iter().filter_map(allocation).collect())
}

/// Whether Application Auto Scaling changes what is allocated to one of these. Who may not ask is told no.
///
/// # Errors
/// As every call.
pub async fn is_scaled(aws: &Aws, function: &str, qualifiers: &[&str]) -> Result<bool, Failure> {
    let ids: Vec<String> = qualifiers.iter().map(|qualifier| format!("function:{function}:{qualifier}")).collect();
    let body = json!({ "ServiceNamespace": "lambda", "ResourceIds": ids });
    let request = Signed::action("DescribeScalableTargets", body);
    let service = "application-autoscaling";
    let found =
        aws.pages(service, "DescribeScalableTargets", request, ("NextToken", "NextToken"), "ScalableTargets").await;
    Ok(!where_allowed(found)?.is_empty())
}

/// Asks for so many environments of a version.
///
/// # Errors
/// As every call.
pub async fn allocate(
    aws: &Aws,
    function: &str,
    version: &str,
    count: i64,
    progress: &Progress,
) -> Result<(), Failure> {
    let request = Signed::rest("PUT", path(function)).query("Qualifier", version);
    let put = request.body(json!({ "ProvisionedConcurrentExecutions": count }));
    aws.ask("lambda", "PutProvisionedConcurrencyConfig", &put, progress).await.map(drop)
}

/// Whether a version cannot have environments because others of the function have all that its reserved concurrency
/// allows.
pub fn has_no_room(failure: &Failure) -> bool {
    failure.message.contains("reservedConcurrentExecution")
}

/// Waits until every environment that was asked for is there.
///
/// # Errors
/// As every call; `Failed` with what Lambda says, the reason in its words and what to do.
pub async fn ready(aws: &Aws, function: &str, version: &str, progress: &Progress) -> Result<(), Failure> {
    let request = Signed::rest("GET", path(function)).query("Qualifier", version);
    let failed = aws
        .call("lambda", "GetProvisionedConcurrencyConfig")
        .progress(progress)
        .wait(
            READY_WITHIN,
            || aws.signed("lambda", request.clone()),
            |answer: Json| match member(&answer, "Status") {
                Some("IN_PROGRESS") => Look::NotYet("provisioned concurrency"),
                Some("FAILED") => {
                    Look::Ready(Some(member(&answer, "StatusReason").unwrap_or("no reason given").to_owned()))
                }
                _ => Look::Ready(None),
            },
        )
        .await?;
    let Some(reason) = failed else { return Ok(()) };
    let text = format!("version {version} of {function} could not be warmed: {reason}");
    let failure = Failure::new(Reason::Failed, aws.mask(&text));
    Err(if reason.contains("INIT_FAILURE") {
        failure.help("The code fails while it starts: its log says where (`hoist logs`).")
    } else {
        failure.help(
            "While a version is warmed, it and the one before it are both allocated: the account must have room for twice \
             the number.",
        )
    })
}

/// Takes an allocation away; one that is not there is no failure.
///
/// # Errors
/// As every call.
pub async fn release(aws: &Aws, function: &str, qualifier: &str, progress: &Progress) -> Result<(), Failure> {
    let request = Signed::rest("DELETE", path(function)).query("Qualifier", qualifier);
    let call = aws.call("lambda", "DeleteProvisionedConcurrencyConfig").progress(progress);
    call.find(|| aws.signed("lambda", request.clone())).await.map(drop)
}
