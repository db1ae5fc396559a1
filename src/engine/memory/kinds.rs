//! Our side: kinds that read and write the world through the retry loop, as the real ones do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};
use tokio_util::sync::CancellationToken;

use super::world::{Owner, Server, Thing, World};
use crate::engine::address::Address;
use crate::engine::diff::from_json;
use crate::engine::failure::Failure;
use crate::engine::kind::{Cloud, Kind, Permission, Progress, PropertyTrait, Trait};
use crate::engine::limits::{Bucket, Limiter};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership, REPLACES};
use crate::engine::retry::{Call, CallError, Class, Retry, Rule, Table};
use crate::engine::value::Value;

pub const SERVICE: &str = "shop";
pub const STAGE: &str = "dev";
/// Part of every secret of a test.
pub const SECRET: &str = "hunter2";

const YOUNG: Duration = Duration::from_secs(60);
/// How long a new function takes to be what it will be.
const SETTLES: Duration = Duration::from_millis(400);
const BUCKETS: &[&str] = &["mem"];
const RULES: [Rule; 2] = [
    Rule::new("*", "*", "Invalid", Class::Propagating).message("cannot be assumed").waiting_for("IAM"),
    Rule::new("*", "*", "Throttling", Class::Throttled),
];

struct Facts {
    type_name: &'static str,
    /// The property that is the name; `None` where the server gives an id.
    name: Option<&'static str>,
    parent: Option<&'static str>,
    vanishes: bool,
    retained: bool,
    deleted_after: &'static [&'static str],
    traits: &'static [PropertyTrait],
}

const FACTS: [Facts; 9] = [
    Facts {
        traits: &[("Policy", Trait::Document), ("Name", Trait::Immutable)],
        deleted_after: &["Mem::Function"],
        ..named("Mem::Role")
    },
    named("Mem::Queue"),
    Facts {
        traits: &[
            ("Type", Trait::Immutable),
            ("Layers", Trait::Unordered),
            ("Tags.applied", Trait::Bookkeeping),
            ("Secrets.*", Trait::Sensitive),
            ("Code", Trait::WriteOnly),
        ],
        ..named("Mem::Function")
    },
    Facts { deleted_after: &["Mem::Function"], ..named("Mem::Log") },
    Facts {
        parent: Some("Mem::Function"),
        vanishes: true,
        name: Some("Sid"),
        traits: &[("Action", Trait::Immutable)],
        ..named("Mem::Permission")
    },
    Facts {
        parent: Some("Mem::Function"),
        name: None,
        traits: &[("Source", Trait::Immutable)],
        ..named("Mem::Mapping")
    },
    Facts { parent: Some("Mem::Function"), vanishes: true, retained: true, name: None, ..named("Mem::Version") },
    Facts { parent: Some("Mem::Function"), vanishes: true, ..named("Mem::Alias") },
    Facts { name: None, traits: &[("Protocol", Trait::Immutable)], ..named("Mem::Api") },
];

const fn named(type_name: &'static str) -> Facts {
    Facts {
        type_name,
        name: Some("Name"),
        parent: None,
        vanishes: false,
        retained: false,
        deleted_after: &[],
        traits: &[],
    }
}

pub struct MemoryCloud {
    pub world: Arc<World>,
    pub retry: Retry,
    kinds: Vec<MemoryKind>,
}

impl MemoryCloud {
    pub fn new(world: Arc<World>, stop: CancellationToken) -> Self {
        let limiter = Arc::new(Limiter::new([Bucket { name: "mem", per_second: 50.0, burst: 50.0 }]));
        let retry = Retry::new(Arc::new(Table::new(RULES)), limiter, stop, 1);
        let kinds =
            FACTS.iter().map(|facts| MemoryKind { facts, world: Arc::clone(&world), retry: retry.clone() }).collect();
        Self { world, retry, kinds }
    }
}

#[async_trait]
impl Cloud for MemoryCloud {
    fn kind(&self, type_name: &str) -> Option<&dyn Kind> {
        self.kinds.iter().find(|kind| kind.facts.type_name == type_name).map(|kind| kind as &dyn Kind)
    }

    fn kinds(&self) -> Vec<&dyn Kind> {
        self.kinds.iter().map(|kind| kind as &dyn Kind).collect()
    }

    async fn owned(&self, _desired: &[Desired]) -> Result<Vec<Live>, Failure> {
        let list = |server: &mut Server<'_>| {
            Ok(server.list(|thing| {
                let marked = matches!(&thing.owner, Owner::Service { service, stage, .. } if service == SERVICE && stage == STAGE);
                thing.parent.is_none() && marked
            }))
        };
        let call = Call::new(BUCKETS);
        let found = self.retry.run(call, &Progress::silent(), |_| self.world.call("ListOwned", false, list)).await?;
        Ok(found.iter().map(|thing| live(thing, None)).collect())
    }
}

struct MemoryKind {
    facts: &'static Facts,
    world: Arc<World>,
    retry: Retry,
}

impl MemoryKind {
    async fn run<T>(
        &self,
        operation: &'static str,
        write: bool,
        progress: &Progress,
        effect: impl Fn(&mut Server<'_>) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        let call = Call::new(BUCKETS).fresh(self.retry.fresh.contains("role"));
        self.retry.run(call, progress, |_| self.world.call(operation, write, &effect)).await
    }

    fn owner(&self, desired: &Desired) -> Owner {
        Owner::Service { service: SERVICE.into(), stage: STAGE.into(), id: desired.address.logical_id.clone() }
    }

    fn id(&self, desired: &Desired) -> Option<String> {
        if self.facts.type_name == "Mem::Version" {
            let function = desired.properties.get("FunctionName")?.text()?;
            let Value::Number(memory) = desired.properties.get("Memory")? else { return None };
            return Some(format!("{function}@{memory}"));
        }
        desired.properties.get(self.facts.name?)?.text().map(str::to_owned)
    }

    /// Physical id of the parent, which the properties name.
    fn parent_of(&self, properties: &Value) -> Option<String> {
        self.facts.parent?;
        properties.get("FunctionName")?.text().map(str::to_owned)
    }

    /// What an earlier attempt, or an earlier run, made.
    fn find(&self, server: &Server<'_>, desired: &Desired) -> Option<Thing> {
        let parent = self.parent_of(&desired.properties);
        match self.id(desired) {
            Some(name) => server.get(self.facts.type_name, &name, parent.as_deref()),
            None => server
                .list(|thing| thing.kind == self.facts.type_name && thing.owner == self.owner(desired))
                .into_iter()
                .filter(|thing| desired.hints.get(REPLACES).and_then(Value::text) != Some(thing.physical_id.as_str()))
                .rfind(|thing| thing.parent == parent),
        }
    }
}

#[async_trait]
impl Kind for MemoryKind {
    fn type_name(&self) -> &'static str {
        self.facts.type_name
    }

    fn only_names(&self, type_name: &str) -> bool {
        match self.facts.type_name {
            "Mem::Api" => type_name == "Mem::Function",
            "Mem::Permission" => !["Mem::Function", "Mem::Alias"].contains(&type_name),
            _ => false,
        }
    }

    fn follows_early(&self, type_name: &str) -> bool {
        self.facts.type_name == "Mem::Permission" && type_name == "Mem::Function"
    }

    fn lets_in(&self) -> bool {
        self.facts.type_name == "Mem::Permission"
    }

    fn place(&self, properties: &Value) -> Option<String> {
        let name = properties.get("FunctionName").filter(|_| self.facts.type_name == "Mem::Mapping")?;
        name.text().map(str::to_owned)
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        self.facts.traits
    }

    fn normalise(&self, properties: &mut Value) {
        let Value::Map(map) = properties else { return };
        map.retain(|_, value| !matches!(value, Value::Map(inner) if inner.is_empty()));
        if self.facts.type_name == "Mem::Function" {
            map.entry("Memory".to_owned()).or_insert_with(|| Value::Number(1024.into()));
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        self.id(desired)
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let mut known = BTreeMap::new();
        // A version's number is given by the cloud.
        if self.facts.type_name == "Mem::Version" {
            return known;
        }
        if let Some(name) = self.id(desired) {
            known.insert("Arn".to_owned(), Value::String(format!("arn:mem:{}:{name}", self.facts.type_name)));
            known.insert("Ref".to_owned(), Value::String(name));
        }
        if let ("Mem::Function", Some(memory)) = (self.facts.type_name, desired.properties.get("Memory")) {
            known.insert("Memory".to_owned(), memory.clone());
        }
        known
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let thing = self.run("Get", false, &Progress::silent(), |server| Ok(self.find(server, desired))).await?;
        // The last run may have made it a moment ago.
        if thing.as_ref().is_some_and(|thing| thing.kind == "Mem::Role" && thing.born.elapsed() < YOUNG) {
            self.retry.fresh.note("role");
        }
        Ok(thing.map(|thing| live(&thing, Some(desired))))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let list = |server: &mut Server<'_>| {
            Ok(server.list(|thing| {
                thing.kind == self.facts.type_name
                    && thing.parent.as_deref() == Some(parent.physical_id.as_str())
                    && matches!(&thing.owner, Owner::Service { service, .. } if service == SERVICE)
            }))
        };
        let things = self.run("List", false, &Progress::silent(), list).await?;
        Ok(things
            .iter()
            .map(|thing| Live { parent: Some(parent.address.logical_id.clone()), ..live(thing, None) })
            .collect())
    }

    fn parent_type(&self) -> Option<&'static str> {
        self.facts.parent
    }

    fn vanishes_with_parent(&self) -> bool {
        self.facts.vanishes
    }

    fn is_retained(&self) -> bool {
        self.facts.retained
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        self.facts.deleted_after
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        match self.facts.type_name {
            "Mem::Function" => properties.get("Name")?.text().map(str::to_owned),
            _ => self.parent_of(properties),
        }
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let writing = self.writing(&desired.properties);
        if self.facts.type_name == "Mem::Role" {
            self.retry.fresh.note("role");
        }
        let (name, parent) = (self.id(desired), self.parent_of(&desired.properties));
        let properties = object(&desired.properties);
        let silent = Progress::silent();
        let found = self
            .retry
            .create(
                Call::new(BUCKETS).check_first().fresh(self.retry.fresh.contains("role")),
                progress,
                || self.run("Find", false, &silent, |server| Ok(self.find(server, desired))),
                |_| {
                    self.world.call("Create", true, |server| {
                        let owner = self.owner(desired);
                        server.create(self.facts.type_name, name.clone(), parent.clone(), properties.clone(), owner)
                    })
                },
            )
            .await?;
        if self.facts.type_name == "Mem::Function" {
            drop(writing);
            progress.there();
            tokio::time::sleep(SETTLES).await;
        }
        Ok(live(&found, Some(desired)))
    }

    async fn update(
        &self,
        is: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let _writing = self.writing(&desired.properties);
        let mut patch = Map::new();
        for field in fields {
            let path: Vec<&str> = field.path.split('.').collect();
            let value = field.after.as_ref().and_then(|_| desired.properties.at(&path)).map_or(Json::Null, json);
            set(&mut patch, &path, value);
        }
        let parent = self.parent_of(&desired.properties);
        let thing = self
            .run("Update", true, progress, |server| {
                let owner = Some(self.owner(desired));
                server.patch(self.facts.type_name, &is.physical_id, parent.as_deref(), &patch, owner)
            })
            .await?;
        Ok(live(&thing, Some(desired)))
    }

    async fn delete(&self, is: &Live, progress: &Progress) -> Result<(), Failure> {
        let _writing = self.writing(&is.properties);
        let parent = self.parent_of(&is.properties);
        self.run("Delete", true, progress, |server| {
            server.remove(self.facts.type_name, &is.physical_id, parent.as_deref())
        })
        .await
    }

    fn permissions(&self) -> &'static [Permission] {
        &[]
    }
}

impl MemoryKind {
    fn writing(&self, properties: &Value) -> Option<Writing> {
        let key = self.writer(properties)?;
        self.world.begin_writing(&key);
        Some(Writing { world: Arc::clone(&self.world), key })
    }
}

struct Writing {
    world: Arc<World>,
    key: String,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.world.end_writing(&self.key);
    }
}

fn live(thing: &Thing, desired: Option<&Desired>) -> Live {
    let (logical_id, ownership) = match &thing.owner {
        Owner::Service { service, stage, id } if service == SERVICE && stage == STAGE => (id.clone(), Ownership::Ours),
        Owner::Service { service, stage, .. } => {
            (thing.physical_id.clone(), Ownership::OtherService { service: service.clone(), stage: stage.clone() })
        }
        Owner::Stack(name) => (thing.physical_id.clone(), Ownership::Stack { name: name.clone() }),
        Owner::Nobody => (thing.physical_id.clone(), Ownership::Unmarked),
    };
    let logical_id = desired.map_or(logical_id, |desired| desired.address.logical_id.clone());
    let mut attributes = BTreeMap::from([
        ("Arn".to_owned(), Value::String(thing.arn())),
        ("Ref".to_owned(), Value::String(thing.physical_id.clone())),
    ]);
    if thing.kind == "Mem::Queue" {
        attributes.insert("Url".to_owned(), Value::String(format!("https://queues/{}", thing.physical_id)));
    }
    if thing.kind == "Mem::Function" {
        let memory = thing.properties.get("Memory").cloned().unwrap_or(Json::from(1024));
        attributes.insert("Memory".to_owned(), from_json(memory));
    }
    let applied = thing.properties.get("Tags").and_then(|tags| tags.get("applied")).and_then(Json::as_str);
    Live {
        address: Address::new(thing.kind, logical_id),
        physical_id: thing.physical_id.clone(),
        properties: from_json(Json::Object(thing.properties.clone())),
        attributes,
        ownership,
        fingerprint: applied.map(str::to_owned),
        revision: None,
        parent: desired.and_then(|desired| desired.parent.clone()),
    }
}

/// What the server is sent; secrets in the clear.
fn json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Later(_) => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(number) => Json::Number(number.clone()),
        Value::String(text) => Json::from(text.as_str()),
        Value::Secret(secret) => Json::from(secret.reveal()),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.clone(), json(value))).collect()),
    }
}

pub fn object(value: &Value) -> Map<String, Json> {
    match json(value) {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

fn set(patch: &mut Map<String, Json>, path: &[&str], value: Json) {
    match path {
        [] => {}
        [last] => {
            patch.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = patch.entry(*first).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}
