//! `AWS::Lambda::Function`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html>
//!
//! All that GetFunction tells is read with that one call: it has a quota of its own, a hundred a second. Code is
//! `{"Sha256": <base64 of the zip's digest>}` with the zip's path in the hint `Artifact`, or `{"ImageUri": ..}`.

mod code;
mod request;
mod settings;
mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, LastUpdateStatus, State};

use crate::aws::client::{Aws, incomplete};
use crate::aws::ownership::{APPLIED, ID};
use crate::aws::pages::Pages;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::retry::Look;
use crate::engine::value::Value;

use self::code::{Code, read};
use self::request::Steps;
use super::properties::{required, sorted, text};
use super::rest_routes::BY_WAY_OF_FUNCTIONS;
use super::run::Published;
use super::tags::TagChange;
use super::{Findable, after};

pub use self::shape::{code_digest, config_digest, configuration, normalise};

/// `AWS::Lambda::Function`
pub const TYPE: &str = "AWS::Lambda::Function";

/// Functions in a VPC take minutes to become active.
const SETTLES_WITHIN: Duration = Duration::from_secs(600);

const FUNCTION_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";

const fn needs(step: Step, action: &'static str) -> Permission {
    Permission { step, action, resource: FUNCTION_ARN }
}

/// Reads, makes, changes and deletes functions.
pub struct Function {
    aws: Arc<Aws>,
}

impl Function {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// Whether the function was made in this run: a corner of Lambda may not know it yet.
    fn is_fresh(&self, name: &str) -> bool {
        self.aws.retry().fresh.contains(name)
    }

    async fn get(&self, name: &str) -> Result<Option<GetFunctionOutput>, Failure> {
        self.aws
            .call("lambda", "GetFunction")
            .find(|| self.aws.lambda().get_function().function_name(name).send())
            .await
    }

    /// The answer about a function that is read for a plan, whoever asks first.
    pub async fn shared(aws: &Aws, name: &str) -> Result<Option<GetFunctionOutput>, Failure> {
        let cell = aws.run.function(name);
        let answer = cell
            .get_or_try_init(|| async {
                aws.call("lambda", "GetFunction").find(|| aws.lambda().get_function().function_name(name).send()).await
            })
            .await?;
        Ok(answer.clone())
    }

    /// Names of a function's aliases: each has a policy and a URL of its own.
    pub async fn aliases(aws: &Aws, function: &str) -> Result<Vec<String>, Failure> {
        let cell = aws.run.aliases(function);
        let names = cell
            .get_or_try_init(|| async {
                let mut names = Vec::new();
                let mut pages = Pages::new("ListAliases");
                let mut marker = None;
                loop {
                    let page = aws
                        .call("lambda", "ListAliases")
                        .find(|| aws.lambda().list_aliases().function_name(function).set_marker(marker.clone()).send())
                        .await?;
                    let Some(page) = page else { return Ok(names) };
                    names.extend(page.aliases().iter().filter_map(|alias| alias.name().map(str::to_owned)));
                    marker = pages.next(page.next_marker())?;
                    if marker.is_none() {
                        return Ok::<_, Failure>(names);
                    }
                }
            })
            .await?;
        Ok(names.clone())
    }

    /// The live function of that name, read for a plan. `desired` says which settings beyond GetFunction must be read.
    pub async fn find(&self, name: &str, logical_id: Option<&str>, desired: &Value) -> Result<Option<Live>, Failure> {
        match Self::shared(&self.aws, name).await? {
            Some(answer) => self.live(&answer, logical_id, desired).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same, as it is at this moment.
    async fn find_now(&self, name: &str, desired: &Value) -> Result<Option<Live>, Failure> {
        match self.get(name).await? {
            Some(answer) => self.live(&answer, None, desired).await.map(Some),
            None => Ok(None),
        }
    }

    async fn live(
        &self,
        answer: &GetFunctionOutput,
        logical_id: Option<&str>,
        desired: &Value,
    ) -> Result<Live, Failure> {
        let configuration = answer.configuration().ok_or_else(|| incomplete("lambda.GetFunction", "configuration"))?;
        let name = configuration.function_name().ok_or_else(|| incomplete("lambda.GetFunction", "function name"))?;
        let tags = sorted(answer.tags());
        let [runtime, recursion] = shape::extras_to_read(tags.get(shape::EXTRA).map(String::as_str), desired);
        let extra = [
            if runtime { self.runtime_management(name).await? } else { None },
            if recursion { self.recursion(name).await? } else { None },
        ];
        let properties = shape::live(answer, extra);
        let arn = configuration.function_arn().unwrap_or_default();
        let mut attributes =
            BTreeMap::from([("Arn".to_owned(), Value::string(arn)), ("Ref".to_owned(), Value::string(name))]);
        attributes.extend(digests(&properties));
        // A change that is still running gives the function another revision when it ends.
        let settled = configuration.last_update_status() != Some(&LastUpdateStatus::InProgress)
            && configuration.state() != Some(&State::Pending);
        Ok(Live {
            address: Address::new(TYPE, logical_id.or(tags.get(ID).map(String::as_str)).unwrap_or(name)),
            physical_id: name.to_owned(),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: tags.get(APPLIED).cloned(),
            revision: configuration.revision_id().filter(|_| settled).map(str::to_owned),
            parent: None,
            properties,
            attributes,
        })
    }

    /// Waits until the last change of a function has ended.
    async fn settle(&self, name: &str, progress: &Progress) -> Result<GetFunctionOutput, Failure> {
        let answer = self
            .aws
            .call("lambda", "GetFunction")
            .progress(progress)
            .fresh(self.is_fresh(name))
            .wait(
                SETTLES_WITHIN,
                || self.aws.lambda().get_function().function_name(name).send(),
                |answer| if is_settled(&answer) { Look::Ready(answer) } else { Look::NotYet("the function to settle") },
            )
            .await?;
        match answer.configuration().and_then(failed_state) {
            Some(reason) => {
                let text = self.aws.mask(&format!("Lambda could not bring {name} up: {reason}"));
                Err(Failure::new(Reason::Failed, text))
            }
            None => Ok(answer),
        }
    }

    /// UpdateFunctionCode, with publishing. It replaces the code whole, so there is nothing of others to lose in it.
    async fn update_code(&self, name: &str, desired: &Desired, progress: &Progress) -> Result<(), Failure> {
        let code = self.code(desired).await?;
        let _room = self.room(&code).await;
        let zip = read(&code).await?;
        let publish = publishes(desired);
        let architectures: Vec<_> = super::properties::texts(&desired.properties, &["Architectures"])
            .iter()
            .map(|name| aws_sdk_lambda::types::Architecture::from(name.as_str()))
            .collect();
        let answer = self
            .aws
            .call("lambda", "UpdateFunctionCode")
            .progress(progress)
            .fresh(self.is_fresh(name))
            .send(|| {
                let request = self
                    .aws
                    .lambda_patient()
                    .update_function_code()
                    .function_name(name)
                    .publish(publish)
                    .set_architectures((!architectures.is_empty()).then(|| architectures.clone()));
                match &code {
                    Code::Zip { .. } => request.set_zip_file(zip.clone().map(Blob::new)),
                    Code::Stored { bucket, key } => request.s3_bucket(bucket).s3_key(key),
                    Code::Image(uri) => request.image_uri(uri),
                }
                .send()
            })
            .await?;
        self.note_published(name, desired, answer.version().filter(|_| publish));
        self.keep(&code, desired).await;
        Ok(())
    }

    /// UpdateFunctionConfiguration, only if nobody else changed the function since it was read.
    async fn update_configuration(
        &self,
        swap: &Swap<'_>,
        steps: &Steps,
        mut revision: Option<String>,
    ) -> Result<(), Failure> {
        let properties = &swap.desired.properties;
        let request = self.aws.lambda().update_function_configuration().function_name(swap.name);
        let request =
            steps.configuration.iter().try_fold(request, |request, key| request::update(request, key, properties))?;
        let fresh = text(properties, &["Role"]).is_some_and(|role| self.aws.retry().fresh.contains(&role));
        loop {
            let sent = self
                .aws
                .call("lambda", "UpdateFunctionConfiguration")
                .progress(swap.progress)
                .fresh(fresh)
                .send(|| request.clone().set_revision_id(revision.clone()).send())
                .await;
            match sent {
                Ok(_) => return Ok(()),
                Err(failure) if failure.code.as_deref() == Some("PreconditionFailedException") => {
                    match self.since(swap, steps, failure).await? {
                        Since::Applied => return Ok(()),
                        Since::Unchanged(now) if now != revision => revision = now,
                        Since::Unchanged(_) => revision = None,
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// What happened to a function since the revision that a write expected. A permission, a tag and the end of an
    /// update give it another revision as well, and so does our own write whose answer was lost.
    async fn since(&self, swap: &Swap<'_>, steps: &Steps, failure: Failure) -> Result<Since, Failure> {
        let settled = self.settle(swap.name, swap.progress).await?;
        let now = self.live(&settled, None, &Value::Null).await?;
        let state = |properties: &Value| (config_digest(properties), code_digest(properties));
        if state(&now.properties) == state(&swap.live.properties) {
            Ok(Since::Unchanged(now.revision))
        } else if state(&now.properties) == state(&swap.written(steps)) {
            Ok(Since::Applied)
        } else {
            Err(failure)
        }
    }

    fn note_published(&self, name: &str, desired: &Desired, version: Option<&str>) {
        let Some(version) = version.filter(|version| *version != "$LATEST") else { return };
        let published = Published {
            version: version.to_owned(),
            code: code_digest(&desired.properties),
            config: config_digest(&desired.properties),
        };
        self.aws.run.publish(name, published);
    }

    /// CreateFunction; what an earlier attempt made counts as made.
    async fn send_create(&self, desired: &Desired, name: &str, role: &str, progress: &Progress) -> Result<(), Failure> {
        let code = self.code(desired).await?;
        let request = request::create(self.aws.lambda_patient().create_function(), &desired.properties)?;
        let fresh = self.aws.retry().fresh.contains(role);
        let gate = self.aws.run.gate(role);
        let turn = if fresh { gate.enter().await } else { None };
        let _room = self.room(&code).await;
        let zip = read(&code).await?;
        let answer = self
            .aws
            .call("lambda", "CreateFunction")
            .progress(progress)
            .fresh(fresh)
            .send(|| {
                let code = match &code {
                    Code::Zip { .. } => FunctionCode::builder().set_zip_file(zip.clone().map(Blob::new)),
                    Code::Stored { bucket, key } => FunctionCode::builder().s3_bucket(bucket).s3_key(key),
                    Code::Image(uri) => FunctionCode::builder().image_uri(uri),
                };
                gate.watch(request.clone().code(code.build()).publish(publishes(desired)).send())
            })
            .await;
        match answer {
            Ok(answer) => {
                gate.open();
                drop(turn);
                self.keep(&code, desired).await;
                self.note_published(name, desired, answer.version().filter(|_| publishes(desired)));
                Ok(())
            }
            // Its name is unique, so a second attempt meets what the first one made.
            Err(failure) if failure.code.as_deref() == Some("ResourceConflictException") => {
                let found = self.find_now(name, &desired.properties).await?;
                if found.is_some_and(|found| is_the_same(&found, desired)) { Ok(()) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
        }
    }
}

/// A write to a function that was read before.
struct Swap<'a> {
    name: &'a str,
    live: &'a Live,
    desired: &'a Desired,
    progress: &'a Progress,
}

impl Swap<'_> {
    /// What the function is once its configuration is written, and before its code is: the architecture goes with that.
    fn written(&self, steps: &Steps) -> Value {
        let mut written = self.live.properties.clone();
        if let Value::Map(map) = &mut written {
            for key in &steps.configuration {
                match self.desired.properties.get(key) {
                    Some(value) => map.insert(key.clone(), value.clone()),
                    None => map.remove(key),
                };
            }
        }
        written
    }
}

/// What happened between a read and a write that expected its revision.
enum Since {
    /// Nothing that matters; the revision now.
    Unchanged(Option<String>),
    /// The write itself.
    Applied,
}

/// Whether a live function is what a create of this run would have made.
fn is_the_same(found: &Live, desired: &Desired) -> bool {
    found.ownership == Ownership::Ours
        && code_digest(&found.properties) == code_digest(&desired.properties)
        && config_digest(&found.properties) == config_digest(&desired.properties)
}

fn publishes(desired: &Desired) -> bool {
    desired.hints.get("Publish") == Some(&Value::Bool(true))
}

fn is_settled(answer: &GetFunctionOutput) -> bool {
    let Some(configuration) = answer.configuration() else { return false };
    // Without a status an update is still to begin (SnapStart); an emulator without states has no pending ones.
    let updated = match configuration.last_update_status() {
        Some(status) => *status != LastUpdateStatus::InProgress,
        None => configuration.state().is_none(),
    };
    updated && configuration.state() != Some(&State::Pending)
}

/// Why the function's last change failed, if it did.
fn failed_state(configuration: &aws_sdk_lambda::types::FunctionConfiguration) -> Option<String> {
    if configuration.state() == Some(&State::Failed) {
        return Some(configuration.state_reason().unwrap_or("no reason given").to_owned());
    }
    (configuration.last_update_status() == Some(&LastUpdateStatus::Failed))
        .then(|| configuration.last_update_status_reason().unwrap_or("no reason given").to_owned())
}

/// What a function's properties say of a version of it: attributes that `AWS::Lambda::Version` refers to.
fn digests(properties: &Value) -> BTreeMap<String, Value> {
    [("CodeSha256", code_digest(properties)), ("ConfigSha256", config_digest(properties))]
        .into_iter()
        .filter_map(|(key, digest)| Some((key.to_owned(), Value::String(digest?))))
        .collect()
}

#[async_trait]
impl Kind for Function {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("FunctionName", Trait::Immutable),
            ("PackageType", Trait::Immutable),
            ("TenancyConfig", Trait::Immutable),
            ("VpcConfig.SubnetIds", Trait::Unordered),
            ("VpcConfig.SecurityGroupIds", Trait::Unordered),
            ("Environment.Variables.*", Trait::Sensitive),
            ("Tags.hoist:applied", Trait::Bookkeeping),
            ("Tags.hoist:extra", Trait::Bookkeeping),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        desired.properties.get("FunctionName")?.text().map(str::to_owned)
    }

    /// What a version would hold is another thing while a layer, say, is not made yet.
    fn changes_attribute(&self, name: &str, _: &Live, _: &Desired) -> bool {
        ["CodeSha256", "ConfigSha256"].contains(&name)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let mut attributes = digests(&desired.properties);
        if let Some(name) = self.identity(desired) {
            if let Some(arn) = self.aws.arn("lambda", &format!("function:{name}")) {
                attributes.insert("Arn".to_owned(), Value::String(arn));
            }
            attributes.insert("Ref".to_owned(), Value::String(name));
        }
        attributes
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(name) = self.identity(desired) else { return Ok(None) };
        self.find(&name, Some(&desired.address.logical_id), &desired.properties).await
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["FunctionName"]).map(|name| format!("lambda {name}"))
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &BY_WAY_OF_FUNCTIONS
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut desired = desired.clone();
        self.normalise(&mut desired.properties);
        self.aws.keep_secret(&desired.properties);
        let properties = &desired.properties;
        let name = required(properties, "FunctionName")?;
        let role = required(properties, "Role")?;
        self.send_create(&desired, &name, &role, progress).await?;
        // What refers to the function may meet a corner of Lambda that does not know it yet.
        self.aws.retry().fresh.note(&name);
        progress.there();
        let has = |key: &str| properties.get(key).is_some();
        let (settled, ..) = tokio::try_join!(self.settle(&name, progress), async {
            if has("ReservedConcurrentExecutions") {
                self.set_concurrency(&name, properties, progress).await?;
            }
            if has("RuntimeManagementConfig") {
                self.set_runtime_management(&name, properties, progress).await?;
            }
            if has("RecursiveLoop") {
                self.set_recursion(&name, properties, progress).await?;
            }
            Ok(())
        })?;
        let mut live = self.live(&settled, Some(&desired.address.logical_id), &Value::Null).await?;
        // Read before they were set, or not at all.
        if let (Value::Map(live), Value::Map(wanted)) = (&mut live.properties, properties) {
            for key in ["ReservedConcurrentExecutions", "RuntimeManagementConfig", "RecursiveLoop"] {
                if let Some(value) = wanted.get(key) {
                    live.insert(key.to_owned(), value.clone());
                }
            }
        }
        Ok(live)
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let mut desired = desired.clone();
        self.normalise(&mut desired.properties);
        self.aws.keep_secret(&desired.properties);
        let properties = &desired.properties;
        let name = live.physical_id.as_str();
        let steps = Steps::of(fields);
        if !steps.configuration.is_empty() {
            let swap = Swap { name, live, desired: &desired, progress };
            self.update_configuration(&swap, &steps, live.revision.clone()).await?;
            self.settle(name, progress).await?;
        }
        if steps.code {
            self.update_code(name, &desired, progress).await?;
        }
        if steps.concurrency {
            self.set_concurrency(name, properties, progress).await?;
        }
        if steps.runtime_management {
            self.set_runtime_management(name, properties, progress).await?;
        }
        if steps.recursion {
            self.set_recursion(name, properties, progress).await?;
        }
        let arn = live.attributes.get("Arn").and_then(Value::text).unwrap_or(name);
        self.set_tags(arn, &TagChange::of(fields, properties), progress).await?;
        let settled = self.settle(name, progress).await?;
        self.live(&settled, Some(&desired.address.logical_id), properties).await
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let name = live.physical_id.as_str();
        let deleted = self
            .aws
            .call("lambda", "DeleteFunction")
            .progress(progress)
            .find(|| self.aws.lambda().delete_function().function_name(name).send())
            .await;
        match deleted {
            // Nobody can hurry CloudFront: the next run finds the function by its tags, and takes it away.
            Err(failure) if failure.message.contains("replicated function") => {
                progress.kept("CloudFront has replicas of it for some hours, run this again then");
                Ok(())
            }
            other => other.map(drop),
        }
    }

    fn permissions(&self) -> &'static [Permission] {
        const ALL: &[Permission] = &[
            needs(Step::Read, "lambda:GetFunction"),
            needs(Step::Read, "lambda:GetRuntimeManagementConfig"),
            needs(Step::Read, "lambda:GetFunctionRecursionConfig"),
            needs(Step::Create, "lambda:CreateFunction"),
            needs(Step::Create, "lambda:PublishVersion"),
            needs(Step::Create, "lambda:TagResource"),
            needs(Step::Create, "lambda:PutFunctionConcurrency"),
            Permission { step: Step::Create, action: "lambda:GetAccountSettings", resource: "*" },
            needs(Step::Create, "lambda:PutRuntimeManagementConfig"),
            needs(Step::Create, "lambda:PutFunctionRecursionConfig"),
            Permission {
                step: Step::Create,
                action: "iam:PassRole",
                resource: "arn:${Partition}:iam::${Account}:role/${Service}-${Stage}-*",
            },
            needs(Step::Update, "lambda:UpdateFunctionConfiguration"),
            needs(Step::Update, "lambda:UpdateFunctionCode"),
            needs(Step::Update, "lambda:PublishVersion"),
            needs(Step::Update, "lambda:PutFunctionConcurrency"),
            needs(Step::Update, "lambda:DeleteFunctionConcurrency"),
            needs(Step::Update, "lambda:PutRuntimeManagementConfig"),
            needs(Step::Update, "lambda:PutFunctionRecursionConfig"),
            needs(Step::Update, "lambda:TagResource"),
            needs(Step::Update, "lambda:UntagResource"),
            needs(Step::Delete, "lambda:DeleteFunction"),
        ];
        ALL
    }
}
#[async_trait]
impl Findable for Function {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        let name = after(arn, "lambda", "function:")?;
        // A version or an alias is not a function of its own.
        (!name.contains(':')).then(|| name.to_owned())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        self.find(physical_id, None, &Value::Null).await
    }
}
