//! Shifts that CodeDeploy does. hoist begins a deployment of the function's group, tells how far it has come, and says what
//! came of it.
//!
//! CodeDeploy goes on whatever becomes of hoist. Who is killed leaves a deployment that runs: the next deploy joins one that
//! leads where it wants to go, stops one of an earlier run that leads elsewhere, and lets anybody else's (CodeDeploy's own
//! way back among them) come to its end first. What a deployment of ours is for stands in its description: CodeDeploy
//! does not tell what was to be deployed.
//!
//! <https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html>

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use tokio::time::Instant;

use super::shift::{Group, Shift};
use super::traffic::Move;
use crate::aws::kinds::codedeploy::SERVICE;
use crate::aws::kinds::json::{expect, member};
use crate::aws::signed::Signed;
use crate::engine::failure::{Failure, Reason};

/// How the description begins of a deployment of ours.
const MARK: &str = "hoist: ";
/// Between two looks: at first, and at last. CodeDeploy's own steps take minutes.
pub(super) const LOOK_FIRST: Duration = Duration::from_millis(500);
const LOOK_LAST: Duration = Duration::from_secs(8);
/// How long CodeDeploy has for the way back until hoist takes it, and until somebody who wants to leave may go.
const WAY_BACK: Duration = Duration::from_secs(60);
const LEAVING: Duration = Duration::from_secs(5);
/// A deployment that runs, in the words of CodeDeploy.
pub(super) const RUNNING: [&str; 5] = ["Created", "Queued", "InProgress", "Baking", "Ready"];

/// What has become of a deployment.
#[derive(Debug)]
struct Deployment {
    id: String,
    status: String,
    description: String,
    /// Why it did not succeed.
    error: String,
    /// CodeDeploy's word for it.
    code: String,
}

impl Deployment {
    fn runs(&self) -> bool {
        RUNNING.contains(&self.status.as_str())
    }

    /// Why it ended without success.
    fn failure(&self) -> Failure {
        let Self { id, status, error, code, .. } = self;
        let how = if status == "Stopped" { "was stopped" } else { "failed" };
        let why = if error.is_empty() { "CodeDeploy does not say why" } else { error.trim_end_matches('.') };
        let code = if code.is_empty() { String::new() } else { format!(" ({code})") };
        Failure::new(Reason::Failed, format!("CodeDeploy's deployment {id} {how}: {why}{code}"))
    }
}

impl Move<'_> {
    /// Has a deployment group move everything, at its own pace, and waits until it has. `weighted` says whether the alias
    /// had weights when it was read.
    ///
    /// # Errors
    /// Why the deployment failed or was stopped. All traffic is on the old version again then, or the failure says who
    /// brings it there. A call that fails leaves the deployment to CodeDeploy, and the next deploy joins it.
    pub async fn by_code_deploy(&self, shift: &Shift, group: &Group, weighted: bool) -> Result<(), Failure> {
        let joined = self.settle(group, weighted).await?;
        let (version, weights) = self.routing().await?;
        if joined.is_none() && version == self.to && weights.is_empty() {
            return Ok(());
        }
        let id = match joined {
            Some(id) => {
                self.progress.step(format!("goes on with CodeDeploy's deployment {id}, which was there already"));
                id
            }
            None => {
                if !weights.is_empty() {
                    // CodeDeploy begins with one version only.
                    self.route(None).await?;
                }
                let id = self.begin(shift, group, &version).await?;
                self.progress.step(format!("CodeDeploy shifts the traffic to version {}: deployment {id}", self.to));
                id
            }
        };
        let ended = match self.watch_deployment(&id).await? {
            Some(ended) => ended,
            None => return Err(self.leave(&id).await),
        };
        if ended.status == "Succeeded" {
            self.progress.step(format!("all traffic goes to version {}", self.to));
            return Ok(());
        }
        let mut failure = ended.failure();
        if ended.code == "HOOK_EXECUTION_FAILURE" {
            let hooks: Vec<&str> = [&shift.before, &shift.after].into_iter().flatten().map(String::as_str).collect();
            failure = failure.help(format!("`hoist logs` of {} says more.", hooks.join(" or ")));
        }
        if self.is_back(WAY_BACK).await {
            return Err(self.told_back(failure));
        }
        Err(self.back(failure).await)
    }

    /// Brings to an end what runs in a group already, but for a deployment that leads where this one is to go: that is
    /// given.
    ///
    /// # Errors
    /// As every call; `Cancelled` when the user does not want to wait for the end.
    pub async fn settle(&self, group: &Group, weighted: bool) -> Result<Option<String>, Failure> {
        let mut joined = None;
        for id in self.running(group).await? {
            let found = self.deployment(&id).await?;
            if !found.runs() {
                continue;
            }
            if found.description == self.described() {
                joined = Some(id);
                continue;
            }
            if found.description.starts_with(MARK) {
                self.progress.step(format!("stops CodeDeploy's deployment {id}, which an earlier run began"));
                self.stop(&id).await?;
            } else {
                self.progress.step(format!("waits for CodeDeploy's deployment {id}"));
            }
            if self.watch_deployment(&id).await?.is_none() {
                // What brings traffic back, or is somebody else's, goes on.
                let text = format!("stopped while CodeDeploy's deployment {id} was waited for");
                return Err(Failure::new(Reason::Cancelled, text));
            }
            if weighted {
                self.is_back(WAY_BACK).await;
            }
        }
        Ok(joined)
    }

    /// What a deployment of ours is for.
    fn described(&self) -> String {
        format!("{MARK}{}:{} to version {}", self.function, self.alias, self.to)
    }

    /// Ids of what runs in a group. Nothing where it is new.
    async fn running(&self, group: &Group) -> Result<Vec<String>, Failure> {
        let body = json!({
            "applicationName": group.application, "deploymentGroupName": group.name, "includeOnlyStatuses": RUNNING,
        });
        let request = Signed::action("ListDeployments", body);
        let token = ("nextToken", "nextToken");
        let found = self.aws.pages(SERVICE, "ListDeployments", request, token, "deployments").await?;
        Ok(found.iter().filter_map(Json::as_str).map(str::to_owned).collect())
    }

    async fn begin(&self, shift: &Shift, group: &Group, from: &str) -> Result<String, Failure> {
        let description = self.described();
        let content = self.content(shift, from);
        let body = json!({
            "applicationName": group.application, "deploymentGroupName": group.name, "description": description,
            "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": content } },
        });
        let request = Signed::action("CreateDeployment", body);
        let find = || async {
            for id in self.running(group).await? {
                if self.deployment(&id).await?.description == description {
                    return Ok(Some(json!({ "deploymentId": id })));
                }
            }
            Ok(None)
        };
        let call = self.aws.call(SERVICE, "CreateDeployment").progress(self.progress).fresh(true);
        let answer = call.create(find, || self.aws.signed(SERVICE, request.clone())).await?;
        expect(&answer, "deploymentId", "codedeploy.CreateDeployment")
    }

    /// What is to be done, in the words of an AppSpec file.
    /// <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>
    fn content(&self, shift: &Shift, from: &str) -> String {
        let function = json!({ "Type": "AWS::Lambda::Function", "Properties": {
            "Name": self.function, "Alias": self.alias, "CurrentVersion": from, "TargetVersion": self.to,
        } });
        let mut content = json!({ "version": 0.0, "Resources": [{ "function": function }] });
        let hooks = [("BeforeAllowTraffic", &shift.before), ("AfterAllowTraffic", &shift.after)];
        let hooks: Vec<Json> = hooks
            .into_iter()
            .filter_map(|(moment, hook)| Some(Map::from_iter([(moment.to_owned(), hook.as_deref()?.into())]).into()))
            .collect();
        if !hooks.is_empty() {
            content["Hooks"] = hooks.into();
        }
        content.to_string()
    }

    async fn deployment(&self, id: &str) -> Result<Deployment, Failure> {
        let request = Signed::action("GetDeployment", json!({ "deploymentId": id }));
        let answer = self.aws.ask(SERVICE, "GetDeployment", &request, self.progress).await?;
        let info = answer.get("deploymentInfo").unwrap_or(&Json::Null);
        let error = info.get("errorInformation").unwrap_or(&Json::Null);
        let text = |answer: &Json, key: &str| member(answer, key).unwrap_or_default().to_owned();
        Ok(Deployment {
            id: id.to_owned(),
            status: expect(info, "status", "codedeploy.GetDeployment")?,
            description: text(info, "description"),
            error: self.aws.mask(&text(error, "message")),
            code: text(error, "code"),
        })
    }

    /// Looks at a deployment until it ends, and tells how the traffic moves. `None` when the user wants to leave before.
    async fn watch_deployment(&self, id: &str) -> Result<Option<Deployment>, Failure> {
        let mut pause = LOOK_FIRST;
        let mut told = String::new();
        loop {
            let found = self.deployment(id).await?;
            if !found.runs() {
                return Ok(Some(found));
            }
            let (_, weights) = self.routing().await?;
            if let Some(weight) = weights.get(self.to).and_then(Json::as_f64) {
                let now = format!("{} % of the traffic goes to version {}", (weight * 100.0).round(), self.to);
                if now != told {
                    self.progress.step(now.as_str());
                    told = now;
                }
            }
            self.progress.say(format!("waiting for CodeDeploy's deployment {id}"));
            if !self.aws.retry().rest(pause).await {
                return Ok(None);
            }
            pause = pause.mul_f64(1.3).min(LOOK_LAST);
        }
    }

    /// Stops a deployment for somebody who wants to leave, and waits for the way back as long as they can be asked to.
    async fn leave(&self, id: &str) -> Failure {
        let failure = Failure::new(Reason::Cancelled, "stopped before all traffic had moved");
        let text = match self.stop(id).await {
            Err(other) => format!("CodeDeploy's deployment {id} goes on: it could not be stopped: {}", other.message),
            Ok(()) if self.is_back(LEAVING).await => return self.told_back(failure),
            Ok(()) => format!("CodeDeploy is bringing all traffic back to version {} (deployment {id})", self.from),
        };
        self.progress.step(text.as_str());
        failure.help(format!("{text}."))
    }

    /// Stops a deployment and has CodeDeploy bring back what it moved. One that has ended meanwhile is no failure.
    async fn stop(&self, id: &str) -> Result<(), Failure> {
        let request = Signed::action("StopDeployment", json!({ "deploymentId": id, "autoRollbackEnabled": true }));
        match self.aws.ask(SERVICE, "StopDeployment", &request, self.progress).await {
            Err(failure) if failure.code.as_deref() == Some("DeploymentAlreadyCompletedException") => Ok(()),
            other => other.map(drop),
        }
    }

    /// Whether all traffic comes back to the old version within a time.
    async fn is_back(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        loop {
            if let Ok((version, weights)) = self.routing().await
                && version == self.from
                && weights.is_empty()
            {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            // Not cut short by Ctrl-C: that is what it is for.
            tokio::time::sleep(LOOK_FIRST).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::aws::client::Aws;
    use crate::aws::fake::{Asked, Fake, Told};
    use crate::config::language::pace::Pace;
    use crate::engine::kind::Progress;

    fn group() -> Group {
        Group { application: "app".into(), name: "group".into() }
    }

    async fn moved(aws: &Aws) -> Result<(), Failure> {
        let shift = Shift {
            pace: Pace::AllAtOnce,
            before: Some("before".into()),
            after: None,
            alarms: vec![],
            group: Some(group()),
        };
        let progress = Progress::silent();
        let end = Map::new();
        let one = Move { aws, function: "f", alias: "live", from: "1", to: "2", end, progress: &progress };
        one.by_code_deploy(&shift, &group(), false).await
    }

    fn deployment(status: &str, more: &Json) -> Told {
        let mut info = json!({ "status": status });
        for (key, value) in more.as_object().unwrap() {
            info[key] = value.clone();
        }
        Told::ok(json!({ "deploymentInfo": info }))
    }

    fn alias(version: &str, weights: &Json) -> Told {
        Told::ok(json!({ "FunctionVersion": version, "RoutingConfig": { "AdditionalVersionWeights": weights } }))
    }

    fn actions(asked: &[Asked]) -> Vec<String> {
        let name = |one: &Asked| if one.action.is_empty() { one.method.clone() } else { one.action.clone() };
        asked.iter().map(name).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_deployment_is_begun_from_what_is_live_and_watched() {
        let looks = AtomicUsize::new(0);
        let (aws, fake) = Fake::connect(move |asked| match asked.action.as_str() {
            "ListDeployments" => Told::ok(json!({ "deployments": [] })),
            "CreateDeployment" => Told::ok(json!({ "deploymentId": "d-1" })),
            "GetDeployment" if looks.fetch_add(1, Ordering::SeqCst) < 2 => deployment("InProgress", &json!({})),
            "GetDeployment" => deployment("Succeeded", &json!({})),
            _ => alias("1", &json!({})),
        });
        moved(&aws).await.unwrap();
        let begun = fake.asked().into_iter().find(|one| one.action == "CreateDeployment").unwrap().json();
        assert_eq!(begun["description"], "hoist: f:live to version 2");
        let content = begun.pointer("/revision/appSpecContent/content").and_then(Json::as_str).unwrap();
        let content: Json = serde_json::from_str(content).unwrap();
        let properties = json!({ "Name": "f", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2" });
        assert_eq!(
            content,
            json!({ "version": 0.0,
                "Resources": [{ "function": { "Type": "AWS::Lambda::Function", "Properties": properties } }],
                "Hooks": [{ "BeforeAllowTraffic": "before" }] })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_an_earlier_run_is_joined_or_stopped_and_others_are_waited_for() {
        for (description, stopped, begun) in [
            ("hoist: f:live to version 2", false, false),
            ("hoist: f:live to version 3", true, true),
            ("somebody else's", false, true),
        ] {
            let looks = AtomicUsize::new(0);
            let (aws, fake) = Fake::connect(move |asked| match asked.action.as_str() {
                "ListDeployments" => Told::ok(json!({ "deployments": ["d-0"] })),
                "CreateDeployment" => Told::ok(json!({ "deploymentId": "d-1" })),
                "GetDeployment" if asked.json()["deploymentId"] == "d-1" => deployment("Succeeded", &json!({})),
                "GetDeployment" if looks.fetch_add(1, Ordering::SeqCst) < 2 => {
                    deployment("InProgress", &json!({ "description": description }))
                }
                "GetDeployment" => deployment("Succeeded", &json!({ "description": description })),
                "StopDeployment" => Told::ok(json!({ "status": "Pending" })),
                _ => alias("1", &json!({})),
            });
            moved(&aws).await.unwrap();
            let asked = actions(&fake.asked());
            let has = |name: &str| asked.iter().any(|one| one == name);
            assert_eq!((has("StopDeployment"), has("CreateDeployment")), (stopped, begun), "{description}: {asked:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn why_it_failed_is_said_and_the_way_back_is_taken_where_code_deploy_does_not() {
        for brings_back in [true, false] {
            let (aws, fake) = Fake::connect(move |asked| match asked.action.as_str() {
                "ListDeployments" => Told::ok(json!({ "deployments": [] })),
                "CreateDeployment" => Told::ok(json!({ "deploymentId": "d-1" })),
                "GetDeployment" => deployment(
                    "Failed",
                    &json!({ "errorInformation": { "code": "HOOK_EXECUTION_FAILURE", "message": "The hook failed." } }),
                ),
                _ if brings_back => alias("1", &json!({})),
                _ if asked.method == "PUT" => Told::ok("{}"),
                _ => alias("1", &json!({ "2": 0.1 })),
            });
            let failure = moved(&aws).await.unwrap_err();
            assert_eq!(failure.message, "CodeDeploy's deployment d-1 failed: The hook failed (HOOK_EXECUTION_FAILURE)");
            assert_eq!(failure.help, ["`hoist logs` of before says more.", "All traffic is back on version 1."]);
            let puts = actions(&fake.asked()).iter().filter(|action| *action == "PUT").count();
            // Once before it begins, as CodeDeploy begins with one version, and once for the way back.
            assert_eq!(puts, if brings_back { 0 } else { 2 });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_has_it_stopped_and_waits_for_a_moment_only() {
        let stop = CancellationToken::new();
        let (aws, fake) = Fake::connect_until(stop.clone(), |asked| match asked.action.as_str() {
            "ListDeployments" => Told::ok(json!({ "deployments": [] })),
            "CreateDeployment" => Told::ok(json!({ "deploymentId": "d-1" })),
            "GetDeployment" => deployment("InProgress", &json!({})),
            "StopDeployment" => Told::ok(json!({ "status": "Pending" })),
            _ if asked.method == "PUT" => Told::ok("{}"),
            _ => alias("1", &json!({ "2": 0.1 })),
        });
        let pressed = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            stop.cancel();
        };
        let began = Instant::now();
        let (moved, ()) = tokio::join!(moved(&aws), pressed);
        let failure = moved.unwrap_err();
        assert_eq!(failure.reason, Reason::Cancelled);
        assert_eq!(failure.help, ["CodeDeploy is bringing all traffic back to version 1 (deployment d-1)."]);
        assert!(began.elapsed() < Duration::from_secs(67), "{:?}", began.elapsed());
        let asked = fake.asked();
        let stopped = asked.iter().find(|one| one.action == "StopDeployment").unwrap().json();
        assert_eq!(stopped, json!({ "deploymentId": "d-1", "autoRollbackEnabled": true }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_somebody_elses_goes_on_when_the_user_does_not_wait_for_it() {
        let stop = CancellationToken::new();
        let (aws, fake) = Fake::connect_until(stop.clone(), |asked| match asked.action.as_str() {
            "ListDeployments" => Told::ok(json!({ "deployments": ["d-0"] })),
            "GetDeployment" => deployment("InProgress", &json!({ "description": "somebody else's" })),
            _ => alias("1", &json!({})),
        });
        let pressed = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            stop.cancel();
        };
        let (moved, ()) = tokio::join!(moved(&aws), pressed);
        assert_eq!(moved.unwrap_err().reason, Reason::Cancelled);
        let asked = actions(&fake.asked());
        assert!(asked.iter().all(|one| one != "StopDeployment" && one != "CreateDeployment"), "{asked:?}");
    }
}
