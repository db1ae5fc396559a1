//! `AWS::Lambda::Alias`, with its provisioned concurrency.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-alias.html>
//!
//! An alias carries no tags: ours is told by its description. It never points to a version that is not active: that is
//! waited for, then the new version is warmed, then traffic moves (in steps, where the hint [`shift::HINT`] says so), and
//! the old version's environments are released last. Whatever fails leaves the traffic where it was.

mod capacity;
mod shape;
mod turn;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value as Json;

use crate::aws::client::Aws;
use crate::aws::release::shift::{self, Shift};
use crate::aws::release::traffic::Move;
use crate::aws::signed::{Signed, segment};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use self::capacity::Allocation;
use self::shape::{CAPACITY, COUNT, LEFT_ON, Mark, SCALED, body, capacity_property, live, normalise, routes};
use self::turn::{Turn, allocated};
use super::json::{changed, expect, member};
use super::properties::{integer, required, text, texts};
use super::scaling::target;
use super::version::{activate, function_name};
use super::{Findable, event_invoke_config, function, url};

/// `AWS::Lambda::Alias`
pub const TYPE: &str = "AWS::Lambda::Alias";

/// Properties that are not about more than where the traffic goes.
const MOVED: [&str; 3] = ["FunctionVersion", "RoutingConfig", CAPACITY];

const FUNCTION_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";

/// Pauses until what was released is free to be given to another version.
const ROOM_AFTER: &[Duration] =
    &[Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

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

    /// Every alias of a function, as Lambda tells it.
    async fn list(&self, function: &str) -> Result<Vec<Json>, Failure> {
        let request = Signed::rest("GET", format!("/2015-03-31/functions/{}/aliases", segment(function)));
        self.aws.pages("lambda", "ListAliases", request, ("NextMarker", "Marker"), "Aliases").await
    }

    /// The aliases of a function that are live, with what is allocated to the versions behind them.
    async fn found(&self, function: &str) -> Result<Vec<Live>, Failure> {
        let answers = self.list(function).await?;
        if answers.is_empty() {
            return Ok(Vec::new());
        }
        let allocations = capacity::all(&self.aws, function).await?;
        let routed: BTreeSet<String> = answers.iter().flat_map(routes).collect();
        let named: BTreeSet<&str> = answers.iter().filter_map(|answer| member(answer, "Name")).collect();
        let is_left = |one: &&Allocation| {
            let qualifier = one.qualifier.as_str();
            !routed.contains(qualifier) && !named.contains(qualifier)
        };
        let mut left: Vec<&str> = allocations.iter().filter(is_left).map(|one| one.qualifier.as_str()).collect();
        let mut found = Vec::new();
        for answer in &answers {
            let mut live = live(function, answer)?;
            let mark = member(answer, "Description").and_then(Mark::read);
            let count = self.count(function, answer, mark, &allocations).await?;
            let left = if mark.is_some() { std::mem::take(&mut left) } else { Vec::new() };
            if let Value::Map(map) = &mut live.properties
                && (count.is_some() || !left.is_empty())
            {
                map.insert(CAPACITY.to_owned(), capacity_property(count, mark.is_some_and(|mark| mark.scaled), &left));
            }
            found.push(live);
        }
        Ok(found)
    }

    /// How many environments an alias has. Where Application Auto Scaling changes the number, it is the one that was
    /// asked for last: what somebody scaled is not fought.
    async fn count(
        &self,
        function: &str,
        answer: &Json,
        mark: Option<Mark>,
        allocations: &[Allocation],
    ) -> Result<Option<i64>, Failure> {
        let Some(name) = member(answer, "Name") else { return Ok(None) };
        let version = member(answer, "FunctionVersion").unwrap_or_default();
        let Some(requested) = allocated(allocations, name, version) else { return Ok(None) };
        match mark.and_then(|mark| mark.count).filter(|noted| *noted != requested) {
            Some(noted) if capacity::is_scaled(&self.aws, function, &[name, version]).await? => Ok(Some(noted)),
            _ => Ok(Some(requested)),
        }
    }

    /// Makes a version ready for traffic: active, and with its environments, if it is to have any. `has` is how many it
    /// was given already, by a deploy that may have been cut off while it waited for them.
    async fn prepare(
        &self,
        function: &str,
        version: &str,
        (count, has): (Option<i64>, Option<i64>),
        progress: &Progress,
    ) -> Result<(), Failure> {
        activate(&self.aws, function, version, progress).await?;
        let Some(count) = count else { return Ok(()) };
        if has != Some(count) {
            capacity::allocate(&self.aws, function, version, count, progress).await?;
        }
        capacity::ready(&self.aws, function, version, progress).await
    }

    /// The same where reserved concurrency has no room for two versions: the one that has the traffic gives up its
    /// environments first, and answers cold until the other is ready. It gets them back when that fails.
    async fn prepare_instead(
        &self,
        function: &str,
        name: &str,
        turn: &Turn,
        progress: &Progress,
    ) -> Result<(), Failure> {
        progress.say("reserved concurrency has no room for two versions: the old one gives way");
        let had = [name, turn.from.as_str()].map(|qualifier| (qualifier, turn.has(qualifier)));
        for (qualifier, _) in had.iter().filter(|(_, count)| count.is_some()) {
            capacity::release(&self.aws, function, qualifier, progress).await?;
        }
        let mut prepared = self.prepare(function, &turn.to, (turn.count, None), progress).await;
        for pause in ROOM_AFTER {
            if !prepared.as_ref().is_err_and(capacity::has_no_room) || !self.aws.retry().rest(*pause).await {
                break;
            }
            prepared = self.prepare(function, &turn.to, (turn.count, None), progress).await;
        }
        if prepared.is_err() {
            self.give_up(function, &turn.to, progress).await;
            for (qualifier, count) in had {
                if let Some(count) = count {
                    let _ = capacity::allocate(&self.aws, function, qualifier, count, progress).await;
                }
            }
        }
        prepared
    }

    /// Takes environments away, but not those of a version that another alias sends traffic to.
    async fn release_idle(
        &self,
        function: &str,
        name: &str,
        mut idle: BTreeSet<String>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        if idle.is_empty() {
            return Ok(());
        }
        for other in self.list(function).await?.iter().filter(|alias| member(alias, "Name") != Some(name)) {
            for version in routes(other) {
                idle.remove(&version);
            }
        }
        for qualifier in &idle {
            capacity::release(&self.aws, function, qualifier, progress).await?;
        }
        Ok(())
    }

    /// Gives up the environments of a version that will not have the traffic. What cannot be released is found by the
    /// next deploy.
    async fn give_up(&self, function: &str, version: &str, progress: &Progress) {
        let _ = capacity::release(&self.aws, function, version, progress).await;
    }
}

fn path(function: &str, name: &str) -> String {
    format!("/2015-03-31/functions/{}/aliases/{}", segment(function), segment(name))
}

/// An alarm that turned out to have no name.
fn unwatched(version: &str) -> Failure {
    let message = "an alarm of `deploymentSettings` has no name: nobody would watch the shift";
    Failure::new(Reason::Invalid, message).help(format!("All traffic stays on version {version}."))
}

fn attributes(arn: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(arn)), ("AliasArn".to_owned(), Value::string(arn))])
}

/// Says of every alias whose environments a scalable target changes that they are scaled. One that the file describes
/// has no place for it.
pub fn pin(resources: &mut [Desired]) {
    let targets = resources.iter().filter(|one| one.address.kind == target::TYPE);
    let scaled: BTreeSet<String> = targets.filter_map(|one| one.parent.clone()).collect();
    for alias in resources.iter_mut().filter(|one| one.address.kind == TYPE) {
        if let Value::Map(properties) = &mut alias.properties
            && alias.parent.as_ref().is_some_and(|parent| scaled.contains(parent))
            && !properties.contains_key("Description")
            && let Some(Value::Map(capacity)) = properties.get_mut(CAPACITY)
        {
            capacity.insert(SCALED[1].to_owned(), Value::Bool(true));
        }
    }
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
        let found = self.found(&function).await?.into_iter();
        let mut named = found.filter(|live| live.physical_id == format!("{function}:{name}"));
        Ok(named.next().map(|live| Live { address: desired.address.clone(), ownership: Ownership::Ours, ..live }))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let found = self.found(&parent.physical_id).await?;
        let beneath = |live| Live { parent: Some(parent.address.logical_id.clone()), ..live };
        Ok(found.into_iter().map(beneath).collect())
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
        let wanted = self.normalised(desired);
        let function = function_name(&required(&wanted, "FunctionName")?).to_owned();
        let name = required(&wanted, "Name")?;
        let version = required(&wanted, "FunctionVersion")?;
        let count = integer(&wanted, &COUNT).map(i64::from);
        if let Err(failure) = self.prepare(&function, &version, (count, None), progress).await {
            if count.is_some() {
                self.give_up(&function, &version, progress).await;
            }
            return Err(failure);
        }
        let mut body = body(&wanted);
        body.insert("Name".to_owned(), name.as_str().into());
        let request = Signed::rest("POST", format!("/2015-03-31/functions/{}/aliases", segment(&function)))
            .body(Json::Object(body));
        let call = self.aws.call("lambda", "CreateAlias").progress(progress).fresh(true);
        let answer = call.create(|| self.get(&function, &name), || self.aws.signed("lambda", request.clone())).await?;
        let arn = expect(&answer, "AliasArn", "lambda.CreateAlias")?;
        Ok(Live::made(desired, attributes(&arn), format!("{function}:{name}"), wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let Some((function, name)) = live.physical_id.split_once(':') else { return Ok(live.clone()) };
        let has_capacity = [&live.properties, &wanted].iter().any(|side| side.get(CAPACITY).is_some());
        let allocations = if has_capacity { capacity::all(&self.aws, function).await? } else { Vec::new() };
        let turn = Turn::new(live, &wanted, name, allocations)?;

        // First the new version: active, warm. What it has on the alias itself counts while the alias stays.
        let stands = !turn.moves() && allocated(&turn.allocations, name, &turn.to) == turn.count;
        if !stands {
            if turn.count.is_some() && !turn.moves() && turn.has(name).is_some() {
                // A version has one allocation, its own or its alias'.
                capacity::release(&self.aws, function, name, progress).await?;
            }
            let environments = (turn.count, turn.has(&turn.to));
            let mut prepared = self.prepare(function, &turn.to, environments, progress).await;
            if prepared.as_ref().is_err_and(capacity::has_no_room) && turn.moves() {
                prepared = self.prepare_instead(function, name, &turn, progress).await;
            }
            if let Err(failure) = prepared {
                if turn.moves() && turn.share == 0 && turn.count.is_some() {
                    self.give_up(function, &turn.to, progress).await;
                }
                return Err(failure.help(format!("All traffic stays on version {}.", turn.from)));
            }
        }

        // Then the traffic.
        let marks = [&wanted, &live.properties].map(Mark::of);
        let changes = changed(fields).iter().any(|key| *key != CAPACITY) || marks[0] != marks[1];
        if changes || live.ownership != Ownership::Ours {
            if turn.moves() && turn.has(name).is_some() {
                capacity::release(&self.aws, function, name, progress).await?;
            }
            let way = Move {
                aws: &self.aws,
                function,
                alias: name,
                from: &turn.from,
                to: &turn.to,
                end: body(&wanted),
                progress,
            };
            let hint = desired.hints.get(shift::HINT);
            // Nothing can be shifted to or from what is not published.
            let shifted = hint.filter(|_| turn.moves() && turn.from.parse::<u64>().is_ok());
            let shift = shifted.map(|hint| Shift::of(hint).ok_or_else(|| unwatched(&turn.from))).transpose()?;
            let more = changed(fields).iter().any(|key| !MOVED.contains(key))
                || marks[0] != marks[1]
                || live.ownership != Ownership::Ours;
            let moved = way::take(&way, &turn, shift.as_ref(), hint, more).await;
            if let Err(failure) = moved {
                if shift.is_some() && turn.count.is_some() {
                    self.give_up(function, &turn.to, progress).await;
                }
                return Err(failure);
            }
        }

        // Last what has no traffic any more.
        let mut idle: BTreeSet<String> = texts(&live.properties, &LEFT_ON).into_iter().collect();
        if turn.count.is_none() {
            idle.extend([name.to_owned(), turn.to.clone()]);
        }
        if turn.moves() {
            idle.insert(turn.from.clone());
        }
        idle.retain(|qualifier| turn.has(qualifier).is_some() && !(turn.count.is_some() && *qualifier == turn.to));
        self.release_idle(function, name, idle, progress).await?;
        Ok(Live { address: desired.address.clone(), properties: wanted, ownership: Ownership::Ours, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((function, name)) = live.physical_id.split_once(':') else { return Ok(()) };
        if live.properties.get(CAPACITY).is_some() {
            // While the alias is there, an interrupted run finds what is left.
            let mut qualifiers = texts(&live.properties, &LEFT_ON);
            qualifiers.extend(text(&live.properties, &["FunctionVersion"]));
            qualifiers.push(name.to_owned());
            self.release_idle(function, name, qualifiers.into_iter().collect(), progress).await?;
        }
        let request = Signed::rest("DELETE", path(function, name));
        let call = self.aws.call("lambda", "DeleteAlias").progress(progress);
        call.find(|| self.aws.signed("lambda", request.clone())).await.map(drop)
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        // Who scales what is released might allocate it again; and of what is gone nothing can be taken away any more.
        &[target::TYPE, event_invoke_config::TYPE, url::TYPE]
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: FUNCTION_ARN }
        }
        const fn of_all(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: "*" }
        }
        // What CodeDeploy shifts: it looks whether the caller may see the configuration and bring a revision.
        const fn of_code_deploy(action: &'static str, resource: &'static str) -> Permission {
            Permission { step: Step::Update, action, resource }
        }
        const GROUP: &str = "arn:${Partition}:codedeploy:${Region}:${Account}:deploymentgroup:${Service}-${Stage}-*";
        const APPLICATION: &str = "arn:${Partition}:codedeploy:${Region}:${Account}:application:${Service}-${Stage}-*";
        const PACE: &str = "arn:${Partition}:codedeploy:${Region}:${Account}:deploymentconfig:CodeDeployDefault.*";
        const ALL: &[Permission] = &[
            of_code_deploy("codedeploy:CreateDeployment", GROUP),
            of_code_deploy("codedeploy:GetDeployment", GROUP),
            of_code_deploy("codedeploy:ListDeployments", GROUP),
            of_code_deploy("codedeploy:StopDeployment", GROUP),
            of_code_deploy("codedeploy:GetDeploymentConfig", PACE),
            of_code_deploy("codedeploy:GetApplicationRevision", APPLICATION),
            of_code_deploy("codedeploy:RegisterApplicationRevision", APPLICATION),
            needs(Step::Read, "lambda:ListAliases"),
            needs(Step::Read, "lambda:GetAlias"),
            needs(Step::Read, "lambda:ListProvisionedConcurrencyConfigs"),
            of_all(Step::Read, "application-autoscaling:DescribeScalableTargets"),
            needs(Step::Create, "lambda:GetFunction"),
            needs(Step::Create, "lambda:CreateAlias"),
            needs(Step::Create, "lambda:PutProvisionedConcurrencyConfig"),
            needs(Step::Create, "lambda:GetProvisionedConcurrencyConfig"),
            needs(Step::Create, "lambda:DeleteProvisionedConcurrencyConfig"),
            needs(Step::Update, "lambda:GetFunction"),
            needs(Step::Update, "lambda:GetAlias"),
            needs(Step::Update, "lambda:UpdateAlias"),
            needs(Step::Update, "lambda:PutProvisionedConcurrencyConfig"),
            needs(Step::Update, "lambda:GetProvisionedConcurrencyConfig"),
            needs(Step::Update, "lambda:DeleteProvisionedConcurrencyConfig"),
            needs(Step::Update, "lambda:InvokeFunction"),
            of_all(Step::Update, "cloudwatch:DescribeAlarms"),
            needs(Step::Delete, "lambda:DeleteAlias"),
            needs(Step::Delete, "lambda:DeleteProvisionedConcurrencyConfig"),
        ];
        ALL
    }
}
