//! What the engine asks of a resource type.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::address::Address;
use super::failure::Failure;
use super::plan::FieldChange;
use super::resource::{Desired, Live};
use super::value::Value;

/// How one property behaves. What a kind does not list is an ordinary property that can be changed in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trait {
    /// A change of it needs a new resource.
    Immutable,
    /// A list whose order means nothing.
    Unordered,
    /// A JSON document, as text or as a map: compared by meaning.
    Document,
    /// Never read back: compared only when something else says that it changed.
    WriteOnly,
    /// Its live value may have been a secret: never shown, only as changed.
    Sensitive,
    /// Our own mark (a fingerprint tag): applied, but no change that a person wants to see.
    Bookkeeping,
}

/// A property by its dotted path (`VpcConfig.SubnetIds`, `Tags.hoist:applied`; `*` stands for any key) and its trait.
pub type PropertyTrait = (&'static str, Trait);

/// One kind of resource. Implementations hold their own client; the engine only schedules them.
#[async_trait]
pub trait Kind: Send + Sync {
    /// `AWS::Lambda::Function`
    fn type_name(&self) -> &'static str;

    /// The properties that are not ordinary.
    fn traits(&self) -> &'static [PropertyTrait];

    /// Brings properties of either side to one form: defaults filled in, empty and absent made the same, numbers that
    /// came as text made numbers. Called on desired and on live properties alike.
    fn normalise(&self, properties: &mut Value);

    /// The differences in words that a person knows them by: what stands inside of a document may have names of its own.
    /// A field that is told so keeps the name of its property at the beginning of its path.
    fn tell(&self, live: &Value, desired: &Value, fields: Vec<FieldChange>) -> Vec<FieldChange> {
        let _ = (live, desired);
        fields
    }

    /// The desired properties in that form.
    fn normalised(&self, desired: &Desired) -> Value {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        properties
    }

    /// The name under which the resource is live, when the desired properties say it (a function's name). `None` when
    /// only AWS knows (an API's id) or when it still depends on an unknown value.
    fn identity(&self, desired: &Desired) -> Option<String>;

    /// Whether an update to the desired properties may change that attribute: it is then what [`Kind::predict`] says, and
    /// unknown until it is done where that says nothing. All others stay as they are.
    fn changes_attribute(&self, name: &str, live: &Live, desired: &Desired) -> bool {
        let _ = (name, live, desired);
        false
    }

    /// Attributes that follow from the desired properties alone, before the resource exists (an ARN made of region,
    /// account and name). Used to evaluate references during the plan.
    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value>;

    /// The live resource, or `None`. For kinds that are listed beneath a parent, see [`Kind::beneath`].
    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        match self.identity(desired) {
            Some(name) => self.find(&name, Some(desired)).await,
            None => Ok(None),
        }
    }

    /// What is live under that name, whoever made it, for a kind whose [`Kind::identity`] is all that it takes to find it.
    /// `desired` is what is wanted there, when something is.
    async fn find(&self, physical_id: &str, desired: Option<&Desired>) -> Result<Option<Live>, Failure> {
        let _ = (physical_id, desired);
        Ok(None)
    }

    /// Everything of this kind that is live beneath `parent` and is ours or was made for us.
    /// Called only where [`Kind::parent_type`] names the parent's type. For a kind that outlives its parent, the parent
    /// may be gone already: that gives what is left, and is no failure.
    /// What has no [`Live::parent`] is told by its physical id alone, whichever parent it was found beneath.
    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let _ = parent;
        Ok(Vec::new())
    }

    /// The same beneath what is to be deleted: of what is found nothing but its place and its owner counts.
    async fn left_beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        self.beneath(parent).await
    }

    /// The type of resource that this kind lives beneath.
    fn parent_type(&self) -> Option<&'static str> {
        None
    }

    /// Whether deleting the parent takes this resource with it.
    fn vanishes_with_parent(&self) -> bool {
        false
    }

    /// Whether one that stands in that resource's place goes with it: a route in somebody else's API has its place by the
    /// function that it leads to, and stays where that goes.
    fn vanishes_with(&self, parent: &Address) -> bool {
        self.vanishes_with_parent() && self.parent_type() == Some(parent.kind.as_str())
    }

    /// Whether the parent's own properties lead to it: it is then deleted before the parent changes, lest a run that ends
    /// in between lose its trace.
    fn is_found_through_parent(&self) -> bool {
        false
    }

    /// Whether nothing in the account says whose one of these is once what stands in it is gone: a run that takes it away
    /// notes it then, for the next one if it is cut off.
    fn is_told_by_notes(&self) -> bool {
        false
    }

    /// Names of what this resource makes itself: nothing of that is taken for something that left the file.
    fn makes<'l>(&self, live: &'l Live) -> Vec<&'l str> {
        let _ = live;
        Vec::new()
    }

    /// Whether a resource that left the file is kept (a published version).
    fn is_retained(&self) -> bool {
        false
    }

    /// Types whose resources must be gone before one of this kind is deleted (a role outlives its functions).
    fn deleted_after(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a reference to a resource of that type only names it, and nothing looks whether it is there. One that is
    /// new then does not wait for what it names, where the name is known beforehand.
    fn only_names(&self, type_name: &str) -> bool {
        let _ = type_name;
        false
    }

    /// Whether a new one may come to a new resource of that type as soon as that is there (see [`Progress::there`]), before
    /// it is what it will be: a permission to a function that is Pending. What comes after it still waits for both.
    fn follows_early(&self, type_name: &str) -> bool {
        let _ = type_name;
        false
    }

    /// Whether a new one lets somebody use what it stands beneath (a permission): whoever comes to use that comes after it.
    fn lets_in(&self) -> bool {
        false
    }

    /// Where there is no room beside a resource of these properties (a priority, a path): another one of this kind comes
    /// there only when this one went. Everything else goes when what may take its place is there and in use.
    fn place(&self, properties: &Value) -> Option<String> {
        let _ = properties;
        None
    }

    /// Changes with the same key never run at the same time: one writer per function, per API, per bucket.
    fn writer(&self, properties: &Value) -> Option<String> {
        let _ = properties;
        None
    }

    /// Makes the resource. `desired` has no [`Value::Later`] left. A create that may be sent twice finds what an
    /// earlier attempt made, and gives that; the hint [`super::resource::REPLACES`] names the one that it is not.
    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure>;

    /// Brings a live resource to the desired properties in place, removals included.
    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure>;

    /// Takes the resource away. What is already gone is no failure.
    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure>;

    /// The IAM actions that each step needs, with the form of the resource ARN, for `docs/permissions.md`.
    fn permissions(&self) -> &'static [Permission];
}

/// An IAM action that a kind needs, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    pub step: Step,
    /// `lambda:CreateFunction`
    pub action: &'static str,
    /// `arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*`, or `*`
    pub resource: &'static str,
}

/// When a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Read,
    Create,
    Update,
    Delete,
}

/// What a running change has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// What it waits for (`waiting for IAM`): replaced by the next one.
    Waiting(String),
    /// A step of it that was taken and that a person wants to have read: stays.
    Step(String),
    /// What should go stays, and why. That is no failure.
    Kept(String),
    /// What the change makes is there by now, though the change is not done. Nobody reads that.
    There,
}

/// How a running change says what it is waiting for, and which steps it took.
#[derive(Clone)]
pub struct Progress {
    say: std::sync::Arc<dyn Fn(Word) + Send + Sync>,
    begun: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Progress {
    pub fn new(say: impl Fn(Word) + Send + Sync + 'static) -> Self {
        Self { say: std::sync::Arc::new(say), begun: std::sync::Arc::default() }
    }

    /// Notes that the change sent a call: from then on it is under way, and a stop lets it end.
    pub fn begin(&self) {
        self.begun.store(true, std::sync::atomic::Ordering::Release);
    }

    /// Whether it sent one.
    pub fn has_begun(&self) -> bool {
        self.begun.load(std::sync::atomic::Ordering::Acquire)
    }

    /// For calls that belong to no change and show nothing: no stop keeps them from being sent.
    pub fn silent() -> Self {
        let silent = Self::new(|_| {});
        silent.begin();
        silent
    }

    /// Tells what the change is waiting for; shown beside its line while it runs.
    pub fn say(&self, what: impl Into<String>) {
        (self.say)(Word::Waiting(what.into()));
    }

    /// Tells a step that was taken; shown as a line of its own.
    pub fn step(&self, what: impl Into<String>) {
        (self.say)(Word::Step(what.into()));
    }

    /// Tells that what the change makes is there, though it is not yet what it will be: see [`Kind::follows_early`].
    pub fn there(&self) {
        (self.say)(Word::There);
    }

    /// Tells that what should go stays, and why: `there are objects in it`. That is no failure, and a line of its own.
    pub fn kept(&self, why: impl Into<String>) {
        (self.say)(Word::Kept(why.into()));
    }
}

/// What one provider brings: its kinds, and how to find what it owns beyond what the file names.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// The kind of that type name, when this provider handles it.
    fn kind(&self, type_name: &str) -> Option<&dyn Kind>;

    /// Every kind, in registry order.
    fn kinds(&self) -> Vec<&dyn Kind>;

    /// Top-level resources that carry this service's and stage's marks, by tag and by name, each confirmed with its
    /// own service. `desired` are the ones that the plan reads anyway: those need not be given.
    async fn owned(&self, desired: &[Desired]) -> Result<Vec<Live>, Failure>;
}
