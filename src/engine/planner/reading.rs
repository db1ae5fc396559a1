//! Reads what is live: first what stands by itself, then what stands beneath it, only where it is needed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::PlanOptions;
use super::wanted::Wanted;
use crate::engine::address::Address;
use crate::engine::diff::difference;
use crate::engine::evaluate::{holds_secret, is_known, references};
use crate::engine::failure::{Failure, Reason};
use crate::engine::fingerprint::types_left;
use crate::engine::kind::{Cloud, Kind};
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// What is live.
pub(super) struct Found {
    /// For each wanted resource.
    pub live: Vec<Option<Live>>,
    /// For each wanted resource, whether it was not read but taken from a fingerprint.
    pub assumed: Vec<bool>,
    /// What is ours and not wanted.
    pub orphans: Vec<Live>,
}

pub(super) async fn read(
    wanted: &Wanted<'_>,
    cloud: &Arc<dyn Cloud>,
    options: PlanOptions,
) -> Result<Found, Vec<Failure>> {
    let count = wanted.resources.len();
    let found = Found { live: vec![None; count], assumed: vec![false; count], orphans: Vec::new() };
    let mut reader = Reader {
        wanted,
        cloud,
        options,
        turns: Arc::new(Semaphore::new(options.parallel.max(1))),
        found,
        failures: Vec::new(),
    };
    let owned = reader.start_owned();
    reader.read_top().await;
    // The lists of what is ours take their time.
    reader.read_beneath_wanted().await;
    let orphans = reader.sort_out(owned).await;
    reader.read_beneath(orphans).await;
    if reader.failures.is_empty() { Ok(reader.found) } else { Err(reader.failures) }
}

struct Reader<'a, 'b> {
    wanted: &'a Wanted<'b>,
    cloud: &'a Arc<dyn Cloud>,
    options: PlanOptions,
    turns: Arc<Semaphore>,
    found: Found,
    failures: Vec<Failure>,
}

#[derive(Default)]
struct Foreseen {
    /// Which resource waits for an attribute of which other.
    open: Vec<(usize, usize)>,
    replaced: HashSet<usize>,
    /// What refers to an attribute that will be another one.
    moving: HashSet<usize>,
}

/// A live resource beneath which to look.
struct Parent {
    live: Live,
    /// The wanted resource that it is; `None` for an orphan.
    position: Option<usize>,
    /// It is not there, but something may be left of it: not everything dies with its parent.
    absent: bool,
}

impl Parent {
    fn wanted(position: usize, live: Live) -> Self {
        Self { live, position: Some(position), absent: false }
    }

    fn orphan(live: Live) -> Self {
        Self { live, position: None, absent: false }
    }
}

impl Reader<'_, '_> {
    /// What is known of an attribute while reading: what its kind foretells, or what was read.
    fn lookup(&self, logical_id: &str, attribute: &str) -> Option<Value> {
        let position = self.wanted.position(logical_id)?;
        self.wanted.predicted[position]
            .get(attribute)
            .or_else(|| self.found.live[position].as_ref()?.attributes.get(attribute))
            .cloned()
    }

    fn evaluated(&self, position: usize) -> Desired {
        self.wanted.evaluated(position, self.cloud.as_ref(), &|id, attribute| self.lookup(id, attribute))
    }

    fn start_owned(&self) -> JoinSet<Result<Vec<Live>, Failure>> {
        let desired: Vec<Desired> = (0..self.wanted.resources.len()).map(|position| self.evaluated(position)).collect();
        let cloud = Arc::clone(self.cloud);
        let mut task = JoinSet::new();
        task.spawn(async move { cloud.owned(&desired).await });
        task
    }

    /// Reads the resources that stand by themselves.
    async fn read_top(&mut self) {
        let alone = (0..self.wanted.resources.len()).filter(|&position| self.wanted.parent[position].is_none());
        self.read_in_turn(alone.collect()).await;
    }

    /// Reads resources one by one. One whose name waits for another's attributes is read after it.
    async fn read_in_turn(&mut self, mut waiting: Vec<usize>) {
        while !waiting.is_empty() {
            let mut ready = Vec::new();
            let mut rest = Vec::new();
            for &position in &waiting {
                let desired = self.evaluated(position);
                let named =
                    self.cloud.kind(&desired.address.kind).is_some_and(|kind| kind.identity(&desired).is_some());
                if named || is_known(&desired.properties) { &mut ready } else { &mut rest }.push((position, desired));
            }
            if ready.is_empty() {
                // What they wait for is not there: each is looked for as far as it is known.
                std::mem::swap(&mut ready, &mut rest);
            }
            waiting = rest.into_iter().map(|(position, _)| position).collect();
            self.read_each(ready).await;
        }
    }

    /// A crowd of one type is read in one round of calls, and keeps its quota busy. What there is little of mostly takes
    /// several rounds, and goes first.
    async fn read_each(&mut self, mut resources: Vec<(usize, Desired)>) {
        let mut crowds: HashMap<String, usize> = HashMap::new();
        for (_, desired) in &resources {
            *crowds.entry(desired.address.kind.clone()).or_default() += 1;
        }
        resources.sort_by_key(|(_, desired)| crowds.get(&desired.address.kind).copied());
        let mut tasks = JoinSet::new();
        for (position, desired) in resources {
            let (cloud, turns) = (Arc::clone(self.cloud), Arc::clone(&self.turns));
            tasks.spawn(async move {
                let _turn = turns.acquire_owned().await;
                let live = match cloud.kind(&desired.address.kind) {
                    Some(kind) => kind.read(&desired).await.map_err(|failure| about(&desired.address, failure)),
                    None => Ok(None),
                };
                (position, live)
            });
        }
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok((position, Ok(live))) => self.found.live[position] = live.map(|live| self.in_one_form(live)),
                Ok((_, Err(failure))) => self.failures.push(failure),
                Err(error) => self.failures.push(broken(&error)),
            }
        }
    }

    /// Takes what is ours and not wanted out of everything that carries our marks.
    async fn sort_out(&mut self, mut task: JoinSet<Result<Vec<Live>, Failure>>) -> Vec<Parent> {
        let owned = match task.join_next().await {
            Some(Ok(Ok(owned))) => owned,
            Some(Ok(Err(failure))) => {
                self.failures.push(failure);
                Vec::new()
            }
            Some(Err(error)) => {
                self.failures.push(broken(&error));
                Vec::new()
            }
            None => Vec::new(),
        };
        let mut orphans = Vec::new();
        let found = self.found.live.iter().flatten().chain(&self.found.orphans);
        let mut seen: HashSet<(String, String)> = found.map(place).collect();
        let later = self.wanted_later();
        for live in owned {
            let Some(kind) = self.cloud.kind(&live.address.kind) else { continue };
            // What lives beneath another is found there.
            let beneath_wanted = kind.parent_type().is_some()
                && live.parent.as_deref().is_some_and(|parent| self.wanted.position(parent).is_some());
            let is_wanted = beneath_wanted
                || later.contains(&(live.address.kind.clone(), live.physical_id.clone()))
                || later.contains(&(live.address.kind.clone(), live.address.logical_id.clone()));
            if live.ownership == Ownership::Ours && !is_wanted && seen.insert(place(&live)) {
                let live = self.in_one_form(live);
                orphans.push(Parent::orphan(live.clone()));
                self.found.orphans.push(live);
            }
        }
        orphans
    }

    /// Names of what is wanted beneath others: it was not read yet, or will not be, and is no orphan all the same.
    fn wanted_later(&self) -> HashSet<(String, String)> {
        let mut later = HashSet::new();
        for position in (0..self.wanted.resources.len()).filter(|&position| self.wanted.parent[position].is_some()) {
            let address = &self.wanted.resources[position].address;
            let identity = self.cloud.kind(&address.kind).and_then(|kind| kind.identity(&self.evaluated(position)));
            later.insert((address.kind.clone(), identity.unwrap_or_else(|| address.logical_id.clone())));
        }
        later
    }

    /// What stands beneath what is wanted.
    async fn read_beneath_wanted(&mut self) {
        let mut parents: Vec<Parent> = Vec::new();
        for (position, live) in self.found.live.iter().enumerate() {
            if let Some(live) = live
                && self.is_to_be_managed(live)
            {
                parents.push(Parent::wanted(position, live.clone()));
            }
        }
        parents.extend((0..self.wanted.resources.len()).filter_map(|position| self.absent(position)));
        self.read_beneath(parents).await;
        let orphaned = (0..self.wanted.resources.len())
            .filter(|&child| self.wanted.parent[child].is_some_and(|parent| self.found.live[parent].is_none()))
            .filter(|&child| !self.is_listed(child))
            .collect();
        self.read_in_turn(orphaned).await;
    }

    /// Level by level: what stands beneath these.
    async fn read_beneath(&mut self, mut parents: Vec<Parent>) {
        while !parents.is_empty() {
            parents = self.read_level(parents).await;
        }
    }

    /// A wanted resource that is not live, as it would be, when children of it are wanted.
    fn absent(&self, position: usize) -> Option<Parent> {
        if self.found.live[position].is_some() || self.wanted.children[position].is_empty() {
            return None;
        }
        let desired = self.evaluated(position);
        let physical_id = self.cloud.kind(&desired.address.kind)?.identity(&desired)?;
        let live = Live {
            address: desired.address,
            physical_id,
            properties: desired.properties,
            attributes: self.wanted.predicted[position].clone(),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: desired.parent,
        };
        Some(Parent { live, position: Some(position), absent: true })
    }

    /// Whether a wanted resource is found by listing beneath its parent.
    fn is_listed(&self, child: usize) -> bool {
        let parent_type = self.wanted.parent[child].map(|parent| self.wanted.resources[parent].address.kind.as_str());
        let kind = self.cloud.kind(&self.wanted.resources[child].address.kind);
        parent_type.is_some() && kind.and_then(|kind| kind.parent_type()) == parent_type
    }

    fn is_to_be_managed(&self, live: &Live) -> bool {
        match live.ownership {
            Ownership::Ours => true,
            Ownership::Unmarked => self.options.adopt,
            Ownership::OtherService { .. } | Ownership::Stack { .. } => false,
        }
    }

    async fn read_level(&mut self, parents: Vec<Parent>) -> Vec<Parent> {
        let foreseen = if self.options.trust_fingerprints { self.foresee() } else { Foreseen::default() };
        let mut tasks = JoinSet::new();
        for (number, parent) in parents.iter().enumerate() {
            if let Some(position) = parent.position
                && !parent.absent
                && self.can_be_assumed(position, &parent.live, &foreseen)
            {
                self.assume_beneath(position);
                continue;
            }
            for type_name in self.kinds_beneath(parent) {
                let (cloud, turns, live) = (Arc::clone(self.cloud), Arc::clone(&self.turns), parent.live.clone());
                let is_wanted = parent.position.is_some();
                tasks.spawn(async move {
                    let _turn = turns.acquire_owned().await;
                    let found = match cloud.kind(type_name) {
                        Some(kind) if is_wanted => kind.beneath(&live).await,
                        Some(kind) => kind.left_beneath(&live).await,
                        None => Ok(Vec::new()),
                    };
                    (number, type_name, found.map_err(|failure| about(&live.address, failure)))
                });
            }
        }
        let mut results = Vec::new();
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok((number, type_name, Ok(found))) => results.push((number, type_name, found)),
                Ok((_, _, Err(failure))) => self.failures.push(failure),
                Err(error) => self.failures.push(broken(&error)),
            }
        }
        // Answers come in any order; the plan does not.
        results.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
        let is_empty = results.is_empty();
        // A name may hold what is only known when another kind was matched: the number of a version.
        let (named, open): (Vec<_>, Vec<_>) =
            results.into_iter().partition(|(number, type_name, _)| self.are_named(&parents[*number], type_name));
        let results = named.into_iter().chain(open);
        let mut next = Vec::new();
        // Where everything was taken from fingerprints there is nothing to compare it with.
        let later = if is_empty { HashSet::new() } else { self.wanted_later() };
        for (number, type_name, found) in results {
            self.match_children(&parents[number], type_name, found, &later, &mut next);
        }
        self.read_unlisted(&parents, &mut next).await;
        next
    }

    /// Types to look for beneath a parent. What vanishes with an orphan need not be known.
    fn kinds_beneath(&self, parent: &Parent) -> Vec<&'static str> {
        let retained = self.cloud.kind(&parent.live.address.kind).is_some_and(|kind| kind.is_retained());
        let left = self.types_left(&parent.live);
        let may_be_left = |kind: &&dyn Kind| left.as_ref().is_none_or(|types| types.contains(&kind.type_name()));
        self.cloud
            .kinds()
            .into_iter()
            .filter(|kind| kind.parent_type() == Some(parent.live.address.kind.as_str()))
            .filter(|kind| match parent.position {
                None => !retained && !kind.vanishes_with_parent() && may_be_left(kind),
                Some(_) if !parent.absent => true,
                Some(position) => !kind.vanishes_with_parent() && !self.children(position, kind.type_name()).is_empty(),
            })
            .map(|kind| kind.type_name())
            .collect()
    }

    /// Whether the names of all wanted resources of a type beneath a parent are known by now.
    fn are_named(&self, parent: &Parent, type_name: &str) -> bool {
        let (Some(position), Some(kind)) = (parent.position, self.cloud.kind(type_name)) else { return true };
        self.children(position, type_name).iter().all(|&child| kind.identity(&self.evaluated(child)).is_some())
    }

    fn match_children(
        &mut self,
        parent: &Parent,
        type_name: &str,
        found: Vec<Live>,
        later: &HashSet<(String, String)>,
        next: &mut Vec<Parent>,
    ) {
        let mut found: Vec<Live> = found.into_iter().map(|live| self.in_one_form(live)).collect();
        found.sort_by(|one, other| one.physical_id.cmp(&other.physical_id));
        let Some(kind) = self.cloud.kind(type_name) else { return };
        if let Some(parent) = parent.position {
            let children = self.children(parent, type_name);
            let identities: Vec<Option<String>> =
                children.iter().map(|&position| kind.identity(&self.evaluated(position))).collect();
            for (&position, identity) in children.iter().zip(&identities) {
                let logical_id = &self.wanted.resources[position].address.logical_id;
                let at = found.iter().position(|live| match identity {
                    Some(identity) => live.physical_id == *identity,
                    None => live.address.logical_id == *logical_id,
                });
                if let Some(at) = at {
                    let live = found.remove(at);
                    next.push(Parent::wanted(position, live.clone()));
                    self.found.live[position] = Some(live);
                }
            }
        }
        // What is wanted without being said to live here was read by its name already.
        let mut seen: HashSet<(String, String)> =
            self.found.live.iter().flatten().chain(&self.found.orphans).map(place).collect();
        for live in found.into_iter().filter(|live| live.ownership == Ownership::Ours) {
            // What is told by its place alone may be wanted beneath another one.
            if live.parent.is_none() && later.contains(&(live.address.kind.clone(), live.physical_id.clone())) {
                continue;
            }
            if seen.insert(place(&live)) {
                next.push(Parent::orphan(live.clone()));
                self.found.orphans.push(live);
            }
        }
    }

    /// Children of a type that is not listed beneath their parent are read one by one.
    async fn read_unlisted(&mut self, parents: &[Parent], next: &mut Vec<Parent>) {
        let mut unlisted = Vec::new();
        for position in parents.iter().filter(|parent| !parent.absent).filter_map(|parent| parent.position) {
            let children = self.wanted.children[position].iter().copied();
            unlisted.extend(children.filter(|&child| !self.is_listed(child) && !self.found.assumed[child]));
        }
        self.read_in_turn(unlisted.clone()).await;
        for position in unlisted {
            if let Some(live) = self.found.live[position].clone() {
                self.found.orphans.retain(|orphan| place(orphan) != place(&live));
                next.push(Parent::wanted(position, live));
            }
        }
    }

    fn children(&self, parent: usize, type_name: &str) -> Vec<usize> {
        let children = self.wanted.children[parent].iter().copied();
        children.filter(|&position| self.wanted.resources[position].address.kind == type_name).collect()
    }

    /// Whether everything beneath a live resource is as its fingerprint says, and nobody needs to know more of it.
    fn can_be_assumed(&self, top: usize, live: &Live, foreseen: &Foreseen) -> bool {
        let fingerprint = &self.wanted.resources[top].fingerprint;
        if !self.options.trust_fingerprints || live.fingerprint != *fingerprint {
            return false;
        }
        // Neither having one says that there is, and was, nothing beneath: unless something is to be, or it stands beneath
        // another whose fingerprint was not believed; then it is of a kind that never has one.
        if fingerprint.is_none() && (!self.wanted.children[top].is_empty() || self.wanted.parent[top].is_some()) {
            return false;
        }
        if live.ownership != Ownership::Ours {
            return false;
        }
        // A fingerprint says nothing about secrets.
        if self.wanted.beneath(top).iter().any(|&child| holds_secret(&self.wanted.resources[child].properties)) {
            return false;
        }
        // A new resource in its place has nothing beneath it.
        if foreseen.replaced.contains(&top) {
            return false;
        }
        // What follows from its parent is made anew without being read, because the old one is kept; anything else has to
        // be known to be moved.
        let is_kept = |child: usize| {
            self.cloud.kind(&self.wanted.resources[child].address.kind).is_some_and(|kind| kind.is_retained())
        };
        if self.wanted.beneath(top).iter().any(|&child| foreseen.moving.contains(&child) && !is_kept(child)) {
            return false;
        }
        foreseen.open.iter().all(|(position, needed)| {
            // Among themselves they may know what is not known here; between them and the rest nothing may be open.
            self.wanted.is_beneath(*position, top) == self.wanted.is_beneath(*needed, top)
        })
    }

    /// The types of what stays when something goes, as its fingerprint says. `None` where it need not be right.
    fn types_left<'l>(&self, live: &'l Live) -> Option<Vec<&'l str>> {
        types_left(live.fingerprint.as_deref().filter(|_| self.options.trust_fingerprints)?)
    }

    /// What the plan will come to, as far as is known by now. What will be replaced has other attributes afterwards.
    fn foresee(&self) -> Foreseen {
        let mut known = self.wanted.predicted.clone();
        let mut foreseen = Foreseen::default();
        for &position in &self.wanted.order {
            let desired = self.wanted.evaluated(position, self.cloud.as_ref(), &|logical_id, attribute| {
                known[self.wanted.position(logical_id)?].get(attribute).cloned()
            });
            let needed = references(&desired.properties);
            foreseen.open.extend(needed.iter().filter_map(|(id, _)| Some((position, self.wanted.position(id)?))));
            let moves = references(&self.wanted.resources[position].properties).iter().any(|(id, attribute)| {
                let Some(target) = self.wanted.position(id) else { return false };
                let now = self.found.live[target].as_ref().and_then(|live| live.attributes.get(attribute));
                let then = known[target].get(attribute);
                // One that is to be made may have another name than the one that what is live refers to.
                let is_new = self.wanted.parent[target].is_none() && self.found.live[target].is_none();
                is_new
                    || foreseen.moving.contains(&target) && then.is_none()
                    || now.is_some() && then.is_some() && now != then
            });
            if moves {
                foreseen.moving.insert(position);
            }
            let Some(kind) = self.cloud.kind(&desired.address.kind) else { continue };
            known[position] = kind.predict(&desired);
            let Some(live) = &self.found.live[position] else { continue };
            let found = difference(&live.properties, &desired.properties, kind.traits());
            if found.forced_by.is_empty() {
                let mut attributes = live.attributes.clone();
                if !found.fields.is_empty() {
                    attributes.retain(|name, _| !kind.changes_attribute(name, live, &desired));
                }
                attributes.append(&mut known[position]);
                known[position] = attributes;
            } else {
                foreseen.replaced.insert(position);
            }
        }
        foreseen
    }

    fn assume_beneath(&mut self, top: usize) {
        for position in self.wanted.beneath(top) {
            self.found.assumed[position] = true;
        }
    }

    fn in_one_form(&self, mut live: Live) -> Live {
        if let Some(kind) = self.cloud.kind(&live.address.kind) {
            kind.normalise(&mut live.properties);
        }
        live
    }
}

/// Where a live resource is: nothing else is at the same place.
fn place(live: &Live) -> (String, String) {
    let parent = live.parent.as_deref().unwrap_or_default();
    (live.address.kind.clone(), format!("{parent}\0{}", live.physical_id))
}

/// A failure that says which resource it is about.
fn about(address: &Address, mut failure: Failure) -> Failure {
    if !failure.message.contains(&address.logical_id) {
        failure.message = format!("{address}: {}", failure.message);
    }
    failure
}

fn broken(error: &tokio::task::JoinError) -> Failure {
    let reason = if error.is_cancelled() { Reason::Cancelled } else { Reason::Bug };
    Failure::new(reason, "reading ended without a result")
}
