//! Deployments of CodeDeploy whose group is about to go: they are stopped before anything else is done.
//!
//! Otherwise CodeDeploy would move an alias that hoist moves now, or one that is being deleted, and nobody could tell any
//! more what it is doing. Traffic stays where it is: an alias that stays goes on from its weights.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::code_deploy::{LOOK_FIRST, RUNNING};
use crate::aws::client::Aws;
use crate::aws::kinds::codedeploy::{SERVICE, application, deployment_group};
use crate::aws::kinds::json::member;
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;
use crate::engine::plan::{Action, Plan};

/// How long the end of a deployment is waited for. CodeDeploy takes a moment to stop one.
const WITHIN: Duration = Duration::from_secs(30);
const TOKEN: (&str, &str) = ("nextToken", "nextToken");

/// Stops what runs in the deployment groups that a plan deletes, and gives the ids of what it stopped.
///
/// # Errors
/// As every call. The groups are deleted all the same: what goes on then is for the caller to say.
pub async fn stop(aws: &Aws, plan: &Plan) -> Result<Vec<String>, Failure> {
    let mut stopped = Vec::new();
    for (application, name) in leaving(aws, plan).await? {
        let body =
            json!({ "applicationName": application, "deploymentGroupName": name, "includeOnlyStatuses": RUNNING });
        let request = Signed::action("ListDeployments", body);
        let found = aws.pages(SERVICE, "ListDeployments", request, TOKEN, "deployments").await?;
        for id in found.iter().filter_map(Json::as_str) {
            if stop_one(aws, id).await? {
                stopped.push(id.to_owned());
            }
        }
    }
    let until = Instant::now() + WITHIN;
    for id in &stopped {
        while runs(aws, id).await? && Instant::now() < until && aws.retry().rest(LOOK_FIRST).await {}
    }
    Ok(stopped)
}

/// The groups that go, each with its application. Those of an application that goes are not in the plan: they vanish with it.
async fn leaving(aws: &Aws, plan: &Plan) -> Result<Vec<(String, String)>, Failure> {
    let mut groups = Vec::new();
    for change in plan.changes.iter().filter(|change| matches!(change.action, Action::Delete | Action::Replace { .. }))
    {
        let Some(live) = &change.live else { continue };
        if change.address.kind == deployment_group::TYPE {
            groups.extend(live.physical_id.split_once('/').map(|(of, name)| (of.to_owned(), name.to_owned())));
        } else if change.address.kind == application::TYPE {
            let of = live.physical_id.as_str();
            let request = Signed::action("ListDeploymentGroups", json!({ "applicationName": of }));
            let names = aws.pages(SERVICE, "ListDeploymentGroups", request, TOKEN, "deploymentGroups").await?;
            groups.extend(names.iter().filter_map(Json::as_str).map(|name| (of.to_owned(), name.to_owned())));
        }
    }
    groups.sort_unstable();
    groups.dedup();
    Ok(groups)
}

/// Whether it was still to be stopped.
async fn stop_one(aws: &Aws, id: &str) -> Result<bool, Failure> {
    let request = Signed::action("StopDeployment", json!({ "deploymentId": id, "autoRollbackEnabled": false }));
    match aws.ask(SERVICE, "StopDeployment", &request, &Progress::silent()).await {
        Err(failure) if failure.code.as_deref() == Some("DeploymentAlreadyCompletedException") => Ok(false),
        other => other.map(|_| true),
    }
}

async fn runs(aws: &Aws, id: &str) -> Result<bool, Failure> {
    let request = Signed::action("GetDeployment", json!({ "deploymentId": id }));
    let answer = aws.ask(SERVICE, "GetDeployment", &request, &Progress::silent()).await?;
    let status = answer.get("deploymentInfo").and_then(|info| member(info, "status"));
    Ok(status.is_some_and(|status| RUNNING.contains(&status)))
}
