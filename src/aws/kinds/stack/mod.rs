//! `AWS::CloudFormation::Stack`: the raw `resources:` of a file, which CloudFormation makes as they are.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
//!
//! The template is a property like any other (`TemplateBody`, as a tree), so that a diff says what changes in it, and a
//! stack whose template is the same is left alone. It says itself whose it is: our usual tags would go on to everything
//! in it, and what a stack makes is not ours to look after.

mod names;
mod replacement;
mod state;
mod tell;
mod template;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use crate::aws::bucket::If;
use crate::aws::client::Aws;
use crate::aws::ownership::{RESOURCES, Scope};
use crate::aws::signed::{Signed, each};
use crate::aws::stacks::{is_absent, outputs};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::retry::Look;
use crate::engine::value::Value;

use self::state::State;
use super::json::{expect, member, pick, tag_list, tags_of};
use super::properties::{
    as_text, at_mut, document, drop_empty, from_json, number_in_place, own_tags, put, required, tags_to_map, text_map,
    to_json,
};
use super::{Findable, after};

pub use self::replacement::losses;
pub use self::template::{LEADING_HERE, OUTPUTS, output};

/// `AWS::CloudFormation::Stack`
pub const TYPE: &str = "AWS::CloudFormation::Stack";

/// A larger template goes through the deployment bucket; one of more than [`LARGEST_TEMPLATE`] is refused.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const LARGEST_BODY: usize = 51_200;
const LARGEST_TEMPLATE: usize = 1_000_000;
/// Nobody waits longer for a stack: databases and distributions take up to an hour.
const WITHIN: Duration = Duration::from_secs(3 * 3600);
/// What people acknowledge who write such a template.
const CAPABILITIES: &[&str] = &["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];

const STACK_ARN: &str = "arn:${Partition}:cloudformation:${Region}:${Account}:stack/${Service}-${Stage}*";

/// Reads, makes, changes and deletes stacks.
pub struct Stack {
    aws: Arc<Aws>,
}

impl Stack {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn send(&self, operation: &'static str, body: Json, progress: &Progress) -> Result<Json, Failure> {
        let request = Signed::action(operation, body);
        let call = self.aws.call("cloudformation", operation).progress(progress);
        call.send(|| self.aws.signed("cloudformation", request.clone())).await
    }

    /// The template as it was handed in.
    async fn template(&self, name: &str) -> Result<Value, Failure> {
        let body = json!({ "StackName": name, "TemplateStage": "Original" });
        let answer = self.send("GetTemplate", body, &Progress::silent()).await?;
        let text = member(&answer, "TemplateBody").unwrap_or_default();
        // Somebody may have handed in YAML: that is not what we would.
        Ok(serde_json::from_str(text).map_or_else(|_| Value::string(text), from_json))
    }

    /// As [`Kind::find`]; a stack in which others have resources is refused when it is wanted.
    async fn live(&self, stack: &Json, desired: Option<&Desired>) -> Result<Live, Failure> {
        let name = expect(stack, "StackName", "cloudformation.DescribeStacks")?;
        let tags = tags_of(stack.get("Tags"));
        let state = State::of(stack);
        let ownership = ownership(self.aws.scope(), &tags);
        let mut map = BTreeMap::from([
            ("StackName".to_owned(), Value::string(name.as_str())),
            ("Tags".to_owned(), own_tags(&tags)),
        ]);
        if !matches!(ownership, Ownership::OtherService { .. }) {
            map.insert("TemplateBody".to_owned(), self.template(&name).await?);
        }
        if let (Ownership::Unmarked, Some(desired)) = (&ownership, desired) {
            template::refuse_what_others_have(&name, map.get("TemplateBody"), desired)?;
        }
        let parameters = template::parameters(stack, map.get("TemplateBody"), desired);
        put(&mut map, "Parameters", parameters);
        put(&mut map, "StackStatus", (!state.is_settled()).then(|| Value::string(state.name())));
        put(&mut map, "NotificationARNs", stack.get("NotificationARNs").cloned().map(from_json));
        put(&mut map, "RollbackConfiguration", stack.get("RollbackConfiguration").cloned().map(from_json));
        if desired.is_some_and(|desired| desired.properties.get("StackPolicyBody").is_some()) {
            let answer = self.send("GetStackPolicy", json!({ "StackName": name }), &Progress::silent()).await?;
            put(&mut map, "StackPolicyBody", member(&answer, "StackPolicyBody").map(Value::string));
        }
        normalise(&mut map);
        Ok(Live {
            address: Address::new(TYPE, desired.map_or(name.as_str(), |desired| &desired.address.logical_id)),
            physical_id: name,
            properties: Value::Map(map),
            attributes: attributes(stack),
            ownership,
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    /// Hands the template in, through the deployment bucket where it is too large for a request.
    async fn hand_in(&self, operation: &'static str, wanted: &Value, progress: &Progress) -> Result<Json, Failure> {
        let name = required(wanted, "StackName")?;
        let parameters = text_map(wanted, &["Parameters"]);
        let parameters: Json =
            parameters.iter().map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": value })).collect();
        let mut body = json!({
            "StackName": name, "Capabilities": CAPABILITIES, "Parameters": parameters, "Tags": tag_list(wanted),
            "NotificationARNs": wanted.get("NotificationARNs").map_or_else(|| json!([]), to_json),
        });
        // What an update leaves out stays as it was.
        body["RollbackConfiguration"] = json!({ "RollbackTriggers": [], "MonitoringTimeInMinutes": 0 });
        if let Some(alarms) = wanted.get("RollbackConfiguration") {
            for (key, value) in pick(alarms, &["RollbackTriggers", "MonitoringTimeInMinutes"]) {
                body["RollbackConfiguration"][key] = value;
            }
        }
        if let Some(stays) = wanted.get("DisableRollback") {
            body["DisableRollback"] = to_json(stays);
        }
        if let Some(policy) = wanted.get("StackPolicyBody") {
            body["StackPolicyBody"] = document(policy).into();
        }
        let text = wanted.get("TemplateBody").map(to_json).unwrap_or_default().to_string();
        if text.len() > LARGEST_TEMPLATE {
            let message =
                format!("the template of the stack {name} has {} bytes, more than CloudFormation takes", text.len());
            return Err(Failure::new(Reason::Invalid, message).help("Split `resources:` into several services."));
        }
        let key = format!("templates/{name}.json");
        let is_large = text.len() > LARGEST_BODY;
        if is_large {
            self.aws.bucket().write(&key, text.as_bytes(), If::Any).await?;
            body["TemplateURL"] = self.url(&key).await?.into();
        } else {
            body["TemplateBody"] = text.into();
        }
        let answer = self.send(operation, body, progress).await;
        if is_large {
            // It was read when it was handed in. What is left of it is written over by the next one.
            let _ = self.aws.bucket().delete(&key, None).await;
        }
        answer
    }

    async fn url(&self, key: &str) -> Result<String, Failure> {
        let bucket = self.aws.bucket().name().await?;
        Ok(match self.aws.endpoint() {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{}.{}/{key}", self.aws.region(), self.aws.partition().dns_suffix),
        })
    }

    /// Looks at a stack until its state is one of these. `None`: it is not there any more.
    async fn settled(
        &self,
        id: &str,
        is_enough: fn(&State) -> bool,
        progress: &Progress,
    ) -> Result<Option<(State, Json)>, Failure> {
        let request = Signed::action("DescribeStacks", json!({ "StackName": id }));
        let call = self.aws.call("cloudformation", "DescribeStacks").progress(progress);
        let look = |answer: Json| match each(&answer, "Stacks").first() {
            Some(stack) if !is_enough(&State::of(stack)) => Look::NotYet("CloudFormation"),
            stack => Look::Ready(stack.cloned()),
        };
        match call.wait(WITHIN, || self.aws.signed("cloudformation", request.clone()), look).await {
            Ok(stack) => Ok(stack.map(|stack| (State::of(&stack), stack))),
            Err(failure) if is_absent(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// What was handed in is in force, or why not.
    async fn outcome(&self, id: &str, desired: &Desired, wanted: Value, progress: &Progress) -> Result<Live, Failure> {
        let Some((state, stack)) = self.settled(id, State::is_decided, progress).await? else {
            return Err(Failure::new(
                Reason::NotFound,
                format!("the stack {} was deleted meanwhile", state::name_in(id)),
            ));
        };
        if !state.is_settled() || state.is_rolled_back() {
            return Err(self.failed(id, &state).await);
        }
        // Roles among what it made count a while later.
        let outputs = attributes(&stack);
        for text in outputs.values().filter_map(Value::text).filter(|text| text.contains(":role/")) {
            self.aws.retry().fresh.note(text);
        }
        Ok(Live::made(desired, outputs, required(&wanted, "StackName")?, wanted))
    }

    /// Why the last change of a stack did not succeed: what failed first. The rest was called off because of it.
    async fn failed(&self, id: &str, state: &State) -> Failure {
        let events = self.events(id).await.unwrap_or_default();
        let mut why = state::first_failure(&events);
        // What CloudFormation found out before it began has a list of its own.
        if why.as_ref().is_some_and(|why| why.contains("DescribeEvents")) {
            let found = self.send("DescribeEvents", json!({ "StackName": id }), &Progress::silent()).await;
            let found = found.ok().and_then(|answer| state::first_found(each(&answer, "OperationEvents")));
            why = found.or(why);
        }
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let name = state::name_in(id);
        let text = self.aws.mask(&format!("the stack {name} is in {}{why}", state.name()));
        let failure = Failure::new(Reason::Failed, text);
        match state.way_out() {
            Some(way_out) => failure.help(way_out.replace("{name}", name)),
            None => failure,
        }
    }

    /// The events of a stack, the newest first, back to the beginning of its last change.
    async fn events(&self, id: &str) -> Result<Vec<Json>, Failure> {
        let mut all: Vec<Json> = Vec::new();
        let mut token = Json::Null;
        loop {
            let body = json!({ "StackName": id, "NextToken": token });
            let answer = self.send("DescribeStackEvents", body, &Progress::silent()).await?;
            for event in each(&answer, "StackEvents") {
                all.push(event.clone());
                if state::is_beginning(event) {
                    return Ok(all);
                }
            }
            match answer.get("NextToken").filter(|next| next.is_string()) {
                Some(next) if *next != token => token = next.clone(),
                _ => return Ok(all),
            }
        }
    }

    /// Does what is no update to CloudFormation when nothing else changes, and says what it does not take.
    async fn left_out(&self, live: &Live, wanted: &Value, progress: &Progress) -> Result<(), Failure> {
        if let Some(policy) = wanted.get("StackPolicyBody") {
            let body = json!({ "StackName": live.physical_id, "StackPolicyBody": document(policy) });
            self.send("SetStackPolicy", body, progress).await?;
        }
        let of = |side: &Value| side.at(&["TemplateBody", "Resources"]).cloned();
        if live.properties.get("StackStatus").is_none() && of(&live.properties) != of(wanted) {
            progress.kept("to CloudFormation this alone is no change: it counts with the next one of a resource");
        }
        Ok(())
    }

    async fn take_away(&self, name: &str, progress: &Progress) -> Result<(), Failure> {
        let Some(stack) = self.aws.stack(name).await? else { return Ok(()) };
        let id = expect(&stack, "StackId", "cloudformation.DescribeStacks")?;
        if !State::of(&stack).can_be_deleted() {
            self.settled(&id, State::is_quiet, progress).await?;
        }
        self.send("DeleteStack", json!({ "StackName": id }), progress).await?;
        match self.settled(&id, State::is_quiet, progress).await? {
            Some((state, _)) if !state.is_gone() => Err(self.failed(&id, &state).await),
            _ => Ok(()),
        }
    }
}

/// Another change is still under way.
fn is_busy(failure: &Failure) -> bool {
    failure.code.as_deref() == Some("ValidationError") && failure.message.contains("_IN_PROGRESS state")
}

/// Nothing to do is an error to CloudFormation.
fn is_same(failure: &Failure) -> bool {
    failure.code.as_deref() == Some("ValidationError") && failure.message.contains("No updates are to be performed")
}

/// What a stack says of its service: not the tags that say what is ours to look after.
pub fn mark(scope_service: &str, stage: &str) -> String {
    format!("{scope_service}/{stage}")
}

fn ownership(scope: &Scope, tags: &BTreeMap<String, String>) -> Ownership {
    match tags.get(RESOURCES) {
        Some(owner) if *owner == mark(&scope.service, &scope.stage) => Ownership::Ours,
        Some(owner) => {
            let (service, stage) = owner.rsplit_once('/').unwrap_or((owner, ""));
            Ownership::OtherService { service: service.to_owned(), stage: stage.to_owned() }
        }
        None => Ownership::Unmarked,
    }
}

fn attributes(stack: &Json) -> BTreeMap<String, Value> {
    let outputs = outputs(stack).into_iter().map(|(name, value)| (format!("{OUTPUTS}{name}"), Value::String(value)));
    let id = member(stack, "StackId").map(|id| ("Ref".to_owned(), Value::string(id)));
    outputs.chain(id).collect()
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    if let Some(minutes) = at_mut(properties, &["RollbackConfiguration", "MonitoringTimeInMinutes"]) {
        number_in_place(minutes);
        if *minutes == Value::from(0) {
            *minutes = Value::Null;
        }
    }
    drop_empty(properties, &["TemplateBody"]);
}

#[async_trait]
impl Findable for Stack {
    /// By a tag of their own: the marks that everything else has would go on to what is in them.
    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let scope = self.aws.scope();
        let request = Signed::action(
            "GetResources",
            json!({
                "ResourceTypeFilters": ["cloudformation:stack"],
                "TagFilters": [{ "Key": RESOURCES, "Values": [mark(&scope.service, &scope.stage)] }],
            }),
        );
        let token = ("PaginationToken", "PaginationToken");
        let found = self.aws.pages("tagging", "GetResources", request, token, "ResourceTagMappingList").await?;
        let names = found.iter().filter_map(|entry| after(member(entry, "ResourceARN")?, "cloudformation", "stack/"));
        Ok(names.map(|name| (TYPE, name.split('/').next().unwrap_or(name).to_owned())).collect())
    }
}

#[async_trait]
impl Kind for Stack {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("StackName", Trait::Immutable),
            ("DisableRollback", Trait::WriteOnly),
            // A change of these alone is none to CloudFormation.
            ("TemplateBody.Description", Trait::WriteOnly),
            ("TemplateBody.Metadata", Trait::WriteOnly),
            ("StackPolicyBody", Trait::Document),
            ("NotificationARNs", Trait::Unordered),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn tell(&self, live: &Value, desired: &Value, fields: Vec<FieldChange>) -> Vec<FieldChange> {
        tell::tell(live, desired, fields)
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        desired.properties.get("StackName")?.text().map(str::to_owned)
    }

    /// Outputs of what has a name of its own: ARNs and names follow from that.
    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let partition = self.aws.partition().name;
        let arn = |service: &str, rest: &str| match service {
            "s3" => Some(format!("arn:{partition}:s3:::{rest}")),
            _ => self.aws.arn(service, rest),
        };
        names::outputs(&desired.properties, &arn)
    }

    fn makes<'l>(&self, live: &'l Live) -> Vec<&'l str> {
        template::leading_here(&live.properties)
            .filter_map(|logical_id| live.attributes.get(&format!("{OUTPUTS}{}", output(logical_id, "Ref")))?.text())
            .collect()
    }

    fn changes_attribute(&self, name: &str, live: &Live, desired: &Desired) -> bool {
        template::changes_output(name, &live.properties, &desired.properties)
    }

    async fn find(&self, name: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        match self.aws.stack(name).await? {
            Some(stack) => self.live(&stack, desired).await.map(Some),
            None => Ok(None),
        }
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        self.aws.keep_secret(&wanted);
        let name = required(&wanted, "StackName")?;
        let id = match self.hand_in("CreateStack", &wanted, progress).await {
            Ok(answer) => expect(&answer, "StackId", "cloudformation.CreateStack")?,
            // An earlier attempt, whose answer was lost.
            Err(failure) if failure.code.as_deref() == Some("AlreadyExistsException") => {
                let found = self.aws.stack(&name).await?;
                let ours = |stack: &Json| ownership(self.aws.scope(), &tags_of(stack.get("Tags"))) == Ownership::Ours;
                match found.filter(|stack| ours(stack)) {
                    Some(stack) => expect(&stack, "StackId", "cloudformation.DescribeStacks")?,
                    None => return Err(failure),
                }
            }
            Err(failure) => return Err(failure),
        };
        self.outcome(&id, desired, wanted, progress).await
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let name = live.physical_id.as_str();
        let wanted = self.normalised(desired);
        self.aws.keep_secret(&wanted);
        loop {
            let Some((state, stack)) = self.settled(name, State::is_quiet, progress).await? else {
                return self.create(desired, progress).await;
            };
            if state.is_undone() {
                // Nothing of it came into being.
                self.take_away(name, progress).await?;
                return self.create(desired, progress).await;
            }
            let id = expect(&stack, "StackId", "cloudformation.DescribeStacks")?;
            if !state.can_be_updated() {
                return Err(self.failed(&id, &state).await);
            }
            match self.hand_in("UpdateStack", &wanted, progress).await {
                Ok(_) => return self.outcome(&id, desired, wanted, progress).await,
                // An earlier attempt, whose answer was lost.
                Err(failure) if is_busy(&failure) => {}
                Err(failure) if is_same(&failure) => {
                    self.left_out(live, &wanted, progress).await?;
                    return Ok(Live::made(desired, attributes(&stack), name, wanted));
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        self.take_away(&live.physical_id, progress).await
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: STACK_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "cloudformation:DescribeStacks"),
            needs(Step::Read, "cloudformation:GetTemplate"),
            needs(Step::Read, "cloudformation:GetStackPolicy"),
            needs(Step::Create, "cloudformation:CreateStack"),
            needs(Step::Create, "cloudformation:DescribeStackEvents"),
            needs(Step::Create, "cloudformation:DescribeEvents"),
            needs(Step::Create, "cloudformation:SetStackPolicy"),
            needs(Step::Create, "cloudformation:TagResource"),
            needs(Step::Update, "cloudformation:UpdateStack"),
            needs(Step::Update, "cloudformation:DescribeStackEvents"),
            needs(Step::Update, "cloudformation:DescribeEvents"),
            needs(Step::Update, "cloudformation:SetStackPolicy"),
            needs(Step::Update, "cloudformation:TagResource"),
            needs(Step::Update, "cloudformation:UntagResource"),
            needs(Step::Delete, "cloudformation:DeleteStack"),
            needs(Step::Delete, "cloudformation:DescribeStackEvents"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests;
