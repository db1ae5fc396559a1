//! The server's side: what is there, which calls it answers and how it fails.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Map, Value as Json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::failure::Reason;
use crate::engine::retry::{CallError, Fate};

/// How long a new role is refused.
const PROPAGATION: Duration = Duration::from_secs(5);

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 500, not carried out.
    Server,
    /// Not carried out, no answer.
    CutBefore,
    /// Carried out, no answer.
    CutAfter,
    Throttled,
    /// Refused for good.
    Denied,
    /// The process dies before the call was carried out.
    KillBefore,
    /// The process dies after the call was carried out.
    KillAfter,
    /// A bug in the kind.
    Panic,
}

/// Whose a thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Service { service: String, stage: String, id: String },
    Stack(String),
    Nobody,
}

/// One live resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    pub kind: &'static str,
    pub physical_id: String,
    /// Physical id of the parent.
    pub parent: Option<String>,
    pub properties: Map<String, Json>,
    pub owner: Owner,
    pub born: Instant,
}

impl Thing {
    /// Ours or anybody's, with no id.
    pub fn foreign(kind: &'static str, physical_id: &str, owner: Owner) -> Self {
        let properties = Map::from_iter([("Name".to_owned(), Json::from(physical_id))]);
        Self { kind, physical_id: physical_id.to_owned(), parent: None, properties, owner, born: Instant::now() }
    }

    pub fn arn(&self) -> String {
        format!("arn:mem:{}:{}", self.kind, self.physical_id)
    }
}

#[derive(Default)]
struct Inner {
    things: Vec<Thing>,
    next_id: u64,
    calls: u64,
    writes: u64,
    faults: BTreeMap<u64, Fault>,
    most_at_once: usize,
    at_once: usize,
    quota: Option<Quota>,
    refused: u64,
    at_work: BTreeMap<String, usize>,
    overlaps: Vec<String>,
}

/// The server's own token bucket, on its own clock.
struct Quota {
    per_second: f64,
    burst: f64,
    tokens: f64,
    last: Instant,
}

impl Quota {
    fn admits(&mut self) -> bool {
        let now = Instant::now();
        let passed = now.duration_since(self.last).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.last = now;
        let admitted = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(admitted));
        admitted
    }
}

#[derive(Default)]
pub struct World {
    inner: Mutex<Inner>,
    /// The process that runs now was killed.
    killed: Mutex<CancellationToken>,
}

impl World {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn put(&self, thing: Thing) {
        self.lock().things.push(thing);
    }

    /// Somebody deletes one of ours by hand, or changes it.
    pub fn tamper(&self, which: usize, delete: bool) {
        let mut inner = self.lock();
        let ours = |thing: &Thing| matches!(&thing.owner, Owner::Service { service, .. } if service == super::SERVICE);
        let places: Vec<usize> = (0..inner.things.len()).filter(|&place| ours(&inner.things[place])).collect();
        let Some(&place) = places.get(which % places.len().max(1)) else { return };
        let thing = inner.things[place].clone();
        if delete {
            inner.things.retain(|other| {
                let vanishes = matches!(other.kind, "Mem::Permission" | "Mem::Version" | "Mem::Alias")
                    && thing.kind == "Mem::Function"
                    && other.parent.as_deref() == Some(&thing.physical_id);
                *other != thing && !vanishes
            });
        } else {
            inner.things[place].properties.insert("Tampered".to_owned(), Json::from("by hand"));
        }
    }

    pub fn things(&self) -> Vec<Thing> {
        self.lock().things.clone()
    }

    pub fn ours(&self) -> Vec<Thing> {
        let ours = |thing: &Thing| matches!(&thing.owner, Owner::Service { service, .. } if service == super::SERVICE);
        self.things().into_iter().filter(ours).collect()
    }

    /// What happens to the calls from now on, by their number counted from 1.
    pub fn weather(&self, faults: BTreeMap<u64, Fault>) -> CancellationToken {
        let mut inner = self.lock();
        inner.calls = 0;
        inner.writes = 0;
        inner.faults = faults;
        inner.at_work.clear();
        let token = CancellationToken::new();
        *self.killed.lock().unwrap() = token.clone();
        token
    }

    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// From now on, calls beyond a quota are refused.
    pub fn limit(&self, per_second: f64, burst: f64) {
        self.lock().quota = Some(Quota { per_second, burst, tokens: burst, last: Instant::now() });
    }

    /// How many calls were refused for their rate since the beginning.
    pub fn refused(&self) -> u64 {
        self.lock().refused
    }

    pub fn most_at_once(&self) -> usize {
        self.lock().most_at_once
    }

    /// Writers of one key that were at work at the same time.
    pub fn overlaps(&self) -> Vec<String> {
        self.lock().overlaps.clone()
    }

    pub fn begin_writing(&self, key: &str) {
        let mut inner = self.lock();
        let count = inner.at_work.entry(key.to_owned()).or_default();
        *count += 1;
        if *count > 1 {
            inner.overlaps.push(key.to_owned());
        }
    }

    pub fn end_writing(&self, key: &str) {
        if let Some(count) = self.lock().at_work.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }

    /// One call: takes time, and is carried out unless a fault says otherwise.
    pub async fn call<T>(
        &self,
        operation: &'static str,
        write: bool,
        effect: impl FnOnce(&mut Server<'_>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (number, fault) = {
            let mut inner = self.lock();
            inner.calls += 1;
            inner.writes += u64::from(write);
            inner.at_once += 1;
            inner.most_at_once = inner.most_at_once.max(inner.at_once);
            let number = inner.calls;
            (number, inner.faults.get(&number).copied())
        };
        // Different for each call, so that answers overtake each other; the same in each run.
        tokio::time::sleep(Duration::from_millis(20 + number.wrapping_mul(7919) % 180)).await;
        let admitted = {
            let mut inner = self.lock();
            inner.at_once = inner.at_once.saturating_sub(1);
            let admitted = inner.quota.as_mut().is_none_or(Quota::admits);
            inner.refused += u64::from(!admitted);
            admitted
        };
        let fault = if admitted { fault } else { Some(Fault::Throttled) };
        let error = |fate, text: &str| CallError::new("mem", operation, fate, text);
        match fault {
            None => self.carry_out(effect),
            Some(Fault::Server) => Err(error(Fate::Answered(500), "internal error")),
            Some(Fault::CutBefore) => Err(error(Fate::Unknown, "connection reset")),
            Some(Fault::CutAfter) => {
                let _ = self.carry_out(effect);
                Err(error(Fate::Unknown, "connection reset"))
            }
            Some(Fault::Throttled) => Err(error(Fate::Answered(400), "Rate exceeded").code("Throttling")),
            Some(Fault::Denied) => Err(error(Fate::Answered(403), "not allowed").code("AccessDenied")),
            Some(Fault::KillBefore) => self.die().await,
            Some(Fault::KillAfter) => {
                let _ = self.carry_out(effect);
                self.die().await
            }
            // Only kinds run in tasks of their own.
            Some(Fault::Panic) if operation.ends_with("Lease") => Err(error(Fate::NotSent, "no route")),
            Some(Fault::Panic) => panic!("a kind panicked with {}", super::kinds::SECRET),
        }
    }

    fn carry_out<T>(&self, effect: impl FnOnce(&mut Server<'_>) -> Result<T, CallError>) -> Result<T, CallError> {
        effect(&mut Server { inner: &mut self.lock() })
    }

    /// Whoever runs the process drops it now.
    async fn die<T>(&self) -> Result<T, CallError> {
        self.killed.lock().unwrap().cancel();
        std::future::pending().await
    }
}

/// What a call may do.
pub struct Server<'a> {
    inner: &'a mut Inner,
}

fn refuse(code: &str, message: impl Into<String>) -> CallError {
    CallError::new("mem", "write", Fate::Answered(400), message).code(code)
}

impl Server<'_> {
    pub fn get(&self, kind: &str, physical_id: &str, parent: Option<&str>) -> Option<Thing> {
        let fits = |thing: &&Thing| {
            thing.kind == kind
                && thing.physical_id == physical_id
                && (parent.is_none() || thing.parent.as_deref() == parent)
        };
        self.inner.things.iter().find(fits).cloned()
    }

    pub fn list(&self, fits: impl Fn(&Thing) -> bool) -> Vec<Thing> {
        self.inner.things.iter().filter(|thing| fits(thing)).cloned().collect()
    }

    /// `name` is `None` where the server gives the id.
    pub fn create(
        &mut self,
        kind: &'static str,
        name: Option<String>,
        parent: Option<String>,
        properties: Map<String, Json>,
        owner: Owner,
    ) -> Result<Thing, CallError> {
        if let Some(name) = &name
            && self.get(kind, name, parent.as_deref()).is_some()
        {
            return Err(refuse("AlreadyExists", format!("{kind} {name} already exists")).reason(Reason::Conflict));
        }
        self.check_references(kind, parent.as_deref(), &properties)?;
        self.inner.next_id += 1;
        let physical_id = name.unwrap_or_else(|| format!("id-{:08}", self.inner.next_id));
        let thing = Thing { kind, physical_id, parent, properties, owner, born: Instant::now() };
        self.inner.things.push(thing.clone());
        Ok(thing)
    }

    /// What is not mentioned stays; `null` takes away.
    pub fn patch(
        &mut self,
        kind: &'static str,
        physical_id: &str,
        parent: Option<&str>,
        patch: &Map<String, Json>,
        owner: Option<Owner>,
    ) -> Result<Thing, CallError> {
        let Some(mut thing) = self.get(kind, physical_id, parent) else {
            return Err(refuse("NotFound", "gone").reason(Reason::NotFound));
        };
        merge(&mut thing.properties, patch);
        if let Some(owner) = owner {
            thing.owner = owner;
        }
        self.check_references(kind, thing.parent.as_deref(), &thing.properties)?;
        let place =
            |other: &&mut Thing| other.kind == kind && other.physical_id == physical_id && other.parent == thing.parent;
        if let Some(there) = self.inner.things.iter_mut().find(place) {
            *there = thing.clone();
        }
        Ok(thing)
    }

    pub fn remove(&mut self, kind: &'static str, physical_id: &str, parent: Option<&str>) -> Result<(), CallError> {
        let Some(thing) = self.get(kind, physical_id, parent) else { return Ok(()) };
        let arn = thing.arn();
        let used = |text: &str, other: &Thing| other.properties.get(text).and_then(Json::as_str) == Some(arn.as_str());
        for other in &self.inner.things {
            let in_the_way = match kind {
                "Mem::Role" => used("Role", other),
                "Mem::Queue" => used("Source", other),
                _ => false,
            };
            if in_the_way {
                return Err(refuse("InUse", format!("{physical_id} is used by {}", other.physical_id)));
            }
        }
        self.inner.things.retain(|other| {
            let same = other.kind == kind && other.physical_id == physical_id && other.parent == thing.parent;
            let vanishes = kind == "Mem::Function"
                && matches!(other.kind, "Mem::Permission" | "Mem::Version" | "Mem::Alias")
                && other.parent.as_deref() == Some(physical_id);
            !same && !vanishes
        });
        Ok(())
    }

    fn check_references(
        &self,
        kind: &str,
        parent: Option<&str>,
        properties: &Map<String, Json>,
    ) -> Result<(), CallError> {
        let text = |key: &str| properties.get(key).and_then(Json::as_str).unwrap_or_default();
        let find = |arn: &str| self.inner.things.iter().find(|thing| thing.arn() == arn);
        if let Some(parent) = parent
            && !self.inner.things.iter().any(|thing| thing.kind == "Mem::Function" && thing.physical_id == parent)
        {
            return Err(refuse("NoParent", format!("{parent} does not exist")));
        }
        match kind {
            "Mem::Function" => match find(text("Role")) {
                None => Err(refuse("Invalid", "the role does not exist")),
                Some(role) if role.born.elapsed() < PROPAGATION => Err(refuse("Invalid", "The role cannot be assumed"))
                    .map_err(|error| error.reason(Reason::Propagating)),
                Some(_) => Ok(()),
            },
            "Mem::Mapping" if find(text("Source")).is_none() => Err(refuse("Invalid", "the source does not exist")),
            _ => Ok(()),
        }
    }
}

/// As the real ones merge.
fn merge(there: &mut Map<String, Json>, patch: &Map<String, Json>) {
    for (key, value) in patch {
        match (there.get_mut(key), value) {
            (_, Json::Null) => {
                there.remove(key);
            }
            (Some(Json::Object(inner)), Json::Object(patch)) => merge(inner, patch),
            _ => {
                there.insert(key.clone(), value.clone());
            }
        }
    }
}
