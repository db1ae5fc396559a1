//! The way back from a run that failed: what it did is undone, in reverse order, from what was live before it.
//!
//! The result is a plan like any other, so that it is carried out, told and guarded by the same code. It touches what
//! the run touched and nothing else. What pointed last at something new turns back first, which is where traffic goes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::address::Address;
use super::apply::{Applied, Outcome};
use super::diff::{difference, seal};
use super::failure::Failure;
use super::kind::{Cloud, Kind};
use super::plan::{Action, Change, Plan};
use super::resource::{Desired, Live, Ownership};

/// How a run is undone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Back {
    pub plan: Plan,
    /// What cannot be put back as it was, and why, one clause each.
    pub stays: Vec<(Address, String)>,
}

/// The plan that undoes what a run did. Reads what became of changes that failed or were let go.
///
/// # Errors
/// What those reads failed with.
pub async fn back(plan: &Plan, applied: &Applied, cloud: &Arc<dyn Cloud>) -> Result<Back, Vec<Failure>> {
    let mut way = Way { plan, applied, cloud, undone: HashMap::new(), stays: Vec::new() };
    let mut failures = Vec::new();
    for position in 0..plan.changes.len() {
        if let Err(failure) = way.undo(position).await {
            failures.push(failure);
        }
    }
    if !failures.is_empty() {
        return Err(failures);
    }
    way.leave_what_goes_with_its_parent();
    Ok(way.finish())
}

struct Way<'a> {
    plan: &'a Plan,
    applied: &'a Applied,
    cloud: &'a Arc<dyn Cloud>,
    /// By the position of what is undone.
    undone: HashMap<usize, Change>,
    stays: Vec<(Address, String)>,
}

impl Way<'_> {
    async fn undo(&mut self, position: usize) -> Result<(), Failure> {
        let change = &self.plan.changes[position];
        let ran = self.applied.timings[position].is_some();
        let (true, true, Some(kind)) = (change.is_write(), ran, self.cloud.kind(&change.address.kind)) else {
            return Ok(());
        };
        let now = match &self.applied.outcomes[position] {
            Outcome::Done => self.made(change).cloned(),
            // What became of it nobody knows.
            Outcome::Failed(_) | Outcome::Interrupted => match self.made(change) {
                Some(made) if matches!(change.action, Action::Replace { .. }) => Some(made.clone()),
                _ => self.found(change, kind).await?,
            },
            Outcome::Unchanged | Outcome::Skipped { .. } => return Ok(()),
        };
        let undone = match (&change.live, now) {
            (None, None) => None,
            (None, Some(now)) if kind.is_retained() || now.ownership != Ownership::Ours => None,
            (None, Some(now)) => Some(taken_away(change, now)),
            (Some(old), None) => {
                self.stays_without_children(&change.address, "was deleted");
                Some(Change {
                    action: Action::Create,
                    why: "was deleted by this run".to_owned(),
                    ..self.restored(change, old, None)
                })
            }
            (Some(old), Some(now)) => self.turned_back(change, old, now, kind),
        };
        self.undone.extend(undone.map(|undone| (position, undone)));
        Ok(())
    }

    /// What the run made of a resource, as far as it was told. Of what was to be replaced that is only the new one.
    fn made(&self, change: &Change) -> Option<&Live> {
        change.desired.as_ref().and_then(|_| self.applied.live.get(&change.address.logical_id))
    }

    /// What is there now of a resource whose change did not end well.
    async fn found(&self, change: &Change, kind: &dyn Kind) -> Result<Option<Live>, Failure> {
        let wanted = match (&change.live, &change.desired) {
            (Some(old), _) => desired_as(change, old),
            (None, Some(desired)) => desired.clone(),
            (None, None) => return Ok(None),
        };
        let mut live = if kind.parent_type().is_some() {
            let parent = wanted.parent.as_deref().and_then(|parent| self.parent(parent));
            let Some(parent) = parent else { return Ok(None) };
            let (name, old) = (kind.identity(&wanted), change.live.as_ref().map(|old| &old.physical_id));
            kind.beneath(&parent).await?.into_iter().find(|live| {
                old == Some(&live.physical_id)
                    || name.as_ref() == Some(&live.physical_id)
                    || live.address.logical_id == change.address.logical_id
            })
        } else {
            kind.read(&wanted).await?
        };
        if let Some(live) = &mut live {
            kind.normalise(&mut live.properties);
            seal(&mut live.properties, Some(&wanted.properties), kind.traits());
        }
        Ok(live)
    }

    fn parent(&self, logical_id: &str) -> Option<Live> {
        self.applied.live.get(logical_id).cloned().or_else(|| {
            let parents = self.plan.changes.iter().filter(|change| change.address.logical_id == logical_id);
            parents.filter_map(|change| change.live.clone()).next()
        })
    }

    /// From what is there now to what was there before.
    fn turned_back(&mut self, change: &Change, old: &Live, now: Live, kind: &dyn Kind) -> Option<Change> {
        if old.physical_id != now.physical_id {
            // The old one goes last: where it did not yet, it only takes the new one away.
            if self.applied.left_over.contains(&change.address) || kind.is_retained() {
                return (!kind.is_retained()).then(|| taken_away(change, now));
            }
            self.stays_without_children(&change.address, "was replaced");
        }
        let found = difference(&now.properties, &old.properties, kind.traits());
        let action = if old.physical_id != now.physical_id || !found.forced_by.is_empty() {
            self.stays_without_children(&change.address, "was replaced");
            Action::Replace { fields: found.fields, forced_by: found.forced_by }
        } else if found.fields.is_empty() {
            return None;
        } else {
            Action::Update { fields: found.fields }
        };
        Some(Change { action, why: "was changed by this run".to_owned(), ..self.restored(change, old, Some(now)) })
    }

    fn restored(&self, change: &Change, old: &Live, now: Option<Live>) -> Change {
        Change {
            address: change.address.clone(),
            action: Action::Nothing,
            why: String::new(),
            assumed: false,
            desired: Some(desired_as(change, old)),
            live: now,
        }
    }

    /// Says that what lived beneath a resource is not known, where something may have.
    fn stays_without_children(&mut self, address: &Address, what: &str) {
        let mut kinds = self.cloud.kinds().into_iter();
        let has_children = kinds.any(|kind| kind.parent_type() == Some(address.kind.as_str()));
        if has_children && !self.stays.iter().any(|(stays, _)| stays == address) {
            self.stays.push((address.clone(), format!("{what}: what lived beneath it has to be deployed again")));
        }
    }

    /// A child that vanishes with its parent needs no change of its own where the parent goes or is made anew.
    fn leave_what_goes_with_its_parent(&mut self) {
        let going: BTreeMap<String, Address> = self
            .undone
            .values()
            .filter(|undone| matches!(undone.action, Action::Delete | Action::Replace { .. } | Action::Create))
            .map(|undone| (undone.address.logical_id.clone(), undone.address.clone()))
            .collect();
        let cloud = self.cloud;
        let plan = self.plan;
        self.undone.retain(|position, undone| {
            let parent = plan.changes[*position].desired.as_ref().and_then(|desired| desired.parent.as_ref());
            let parent = parent.and_then(|parent| going.get(parent));
            let vanishes = |parent| cloud.kind(&undone.address.kind).is_some_and(|kind| kind.vanishes_with(parent));
            !parent.is_some_and(vanishes)
        });
    }

    /// What came later is undone earlier.
    fn finish(self) -> Back {
        let Self { plan, undone, stays, .. } = self;
        let mut later: Vec<Vec<usize>> = vec![Vec::new(); plan.changes.len()];
        for (position, before) in plan.after.iter().enumerate() {
            for &earlier in before {
                later[earlier].push(position);
            }
        }
        let mut positions: Vec<usize> = undone.keys().copied().collect();
        positions.sort_unstable_by(|one, other| other.cmp(one));
        let place: HashMap<usize, usize> =
            positions.iter().enumerate().map(|(place, &position)| (position, place)).collect();
        let after = positions
            .iter()
            .map(|&position| {
                // Through what needs no undoing to the next that does.
                let mut first = BTreeSet::new();
                let mut seen = BTreeSet::new();
                let mut stack = later[position].clone();
                while let Some(next) = stack.pop() {
                    if !seen.insert(next) {
                        continue;
                    }
                    match place.get(&next) {
                        Some(&place) => drop(first.insert(place)),
                        None => stack.extend(&later[next]),
                    }
                }
                first.into_iter().collect()
            })
            .collect();
        let mut undone = undone;
        let changes = positions.iter().filter_map(|position| undone.remove(position)).collect();
        Back { plan: Plan { changes, after }, stays }
    }
}

/// What was live, as something to want.
fn desired_as(change: &Change, old: &Live) -> Desired {
    let planned = change.desired.as_ref();
    Desired {
        address: change.address.clone(),
        properties: old.properties.clone(),
        depends_on: Vec::new(),
        parent: old.parent.clone().or_else(|| planned.and_then(|planned| planned.parent.clone())),
        fingerprint: old.fingerprint.clone(),
        hints: Default::default(),
    }
}

fn taken_away(change: &Change, now: Live) -> Change {
    Change {
        address: change.address.clone(),
        action: Action::Delete,
        why: "was made by this run".to_owned(),
        assumed: false,
        desired: None,
        live: Some(now),
    }
}
