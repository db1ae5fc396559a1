//! Decides what happens to each resource, and why.

use std::collections::{HashMap, HashSet};

use super::PlanOptions;
use super::reading::Found;
use super::wanted::{Attributes, Wanted};
use crate::engine::diff::{Difference, difference, seal};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Cloud, Kind};
use crate::engine::plan::{Action, Change, FieldChange};
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// What is known of the attributes of each resource once its change is done; `None` before that is decided.
type Known = Vec<Option<Attributes>>;

/// An attribute as it will be. Of what is decided later, as of another one in a circle, what its kind foretells.
fn of(known: &Known, wanted: &Wanted<'_>, logical_id: &str, attribute: &str) -> Option<Value> {
    let position = wanted.position(logical_id)?;
    known[position].as_ref().unwrap_or(&wanted.predicted[position]).get(attribute).cloned()
}

/// One change for each wanted resource, in the order of the file, then one for each orphan.
pub(super) fn decide(
    wanted: &Wanted<'_>,
    cloud: &dyn Cloud,
    found: Found,
    options: PlanOptions,
) -> Result<Vec<Change>, Vec<Failure>> {
    let count = wanted.resources.len();
    let Found { mut live, assumed, orphans } = found;
    let mut known: Known = vec![None; count];
    let mut changes: Vec<Option<Change>> = vec![None; count];
    let mut failures = Vec::new();
    let mut names: HashMap<(String, Option<usize>, String), usize> = HashMap::new();

    for &position in &wanted.order {
        let desired =
            wanted.evaluated(position, cloud, &|logical_id, attribute| of(&known, wanted, logical_id, attribute));
        let Some(kind) = cloud.kind(&desired.address.kind) else { continue };
        if let Some(name) = kind.identity(&desired) {
            let place = (desired.address.kind.clone(), wanted.parent[position], name);
            if let Some(&other) = names.get(&place) {
                failures.push(twice(&desired, wanted.resources[other].address.to_string(), &place.2));
            }
            names.insert(place, position);
        }
        let parent = wanted.parent[position].and_then(|parent| changes[parent].as_ref());
        let is_live = live[position].take().filter(|_| !goes_with(parent, kind));
        let decision = if assumed[position] && follows(wanted, cloud, &known, position, parent, &desired) {
            let why = parent.map_or_else(String::new, |parent| format!("{} changes", parent.address.logical_id));
            Ok(Decision { action: Action::Create, why })
        } else if assumed[position] {
            Ok(Decision { action: Action::Nothing, why: "taken from the fingerprint of its parent".to_owned() })
        } else {
            decide_one(&desired, is_live.as_ref(), parent, kind, options)
        };
        match decision {
            Ok(Decision { action, why }) => {
                known[position] = Some(attributes(&action, is_live.as_ref(), &desired, kind));
                let live = is_live.map(|live| sealed(live, Some(&desired), kind));
                let address = desired.address.clone();
                let assumed = assumed[position] && matches!(action, Action::Nothing);
                changes[position] = Some(Change { address, action, why, assumed, desired: Some(desired), live });
            }
            Err(failure) => failures.push(failure),
        }
    }
    if !failures.is_empty() {
        return Err(failures);
    }
    let mut all: Vec<Change> = changes.into_iter().flatten().collect();
    let left = all_orphans(orphans, &all, wanted, cloud);
    all.extend(left);
    Ok(all)
}

/// Whether a resource that was not read is made anew all the same, because what it is follows from its parent, which
/// changes: a version of a function. The old one is kept, so nothing needs to be known of it.
fn follows(
    wanted: &Wanted<'_>,
    cloud: &dyn Cloud,
    known: &Known,
    position: usize,
    parent: Option<&Change>,
    desired: &Desired,
) -> bool {
    let (Some(kind), Some(parent)) = (cloud.kind(&desired.address.kind), parent) else { return false };
    let Some(live) = parent.live.as_ref().filter(|_| kind.is_retained()) else { return false };
    let before = wanted.evaluated(position, cloud, &|logical_id, attribute| {
        if logical_id == parent.address.logical_id {
            live.attributes.get(attribute).cloned()
        } else {
            of(known, wanted, logical_id, attribute)
        }
    });
    kind.identity(&before) != kind.identity(desired)
}

struct Decision {
    action: Action,
    why: String,
}

fn decide_one(
    desired: &Desired,
    live: Option<&Live>,
    parent: Option<&Change>,
    kind: &dyn Kind,
    options: PlanOptions,
) -> Result<Decision, Failure> {
    let Some(live) = live else {
        let why = match parent {
            Some(parent) if matches!(parent.action, Action::Replace { .. }) => {
                format!("{} is replaced", parent.address.logical_id)
            }
            _ => "not in the account yet".to_owned(),
        };
        return Ok(Decision { action: Action::Create, why });
    };
    let Difference { fields, forced_by } = difference(&live.properties, &desired.properties, kind.traits());
    let fields = kind.tell(&live.properties, &desired.properties, fields);
    match &live.ownership {
        Ownership::Ours if fields.is_empty() => {
            Ok(Decision { action: Action::Nothing, why: "as the file says".to_owned() })
        }
        Ownership::Ours if forced_by.is_empty() => {
            let why = differing(&fields);
            Ok(Decision { action: Action::Update { fields }, why })
        }
        Ownership::Ours => {
            let why = format!("{} cannot be changed", listed(&forced_by));
            Ok(Decision { action: Action::Replace { fields, forced_by }, why })
        }
        Ownership::Unmarked if !options.adopt => {
            Err(not_ours(desired, live, "is there already and is not marked as ours")
                .help("Rename it in the file, or take it over with --adopt."))
        }
        Ownership::Unmarked if forced_by.is_empty() => {
            Ok(Decision { action: Action::Adopt { fields }, why: "there already without an owner".to_owned() })
        }
        Ownership::Unmarked => {
            let what = format!("cannot be taken over, because {} cannot be changed", listed(&forced_by));
            Err(not_ours(desired, live, &what).help("Make the file say what is live, or rename it in the file."))
        }
        Ownership::OtherService { service, stage } => {
            Err(not_ours(desired, live, &format!("belongs to service {service}, stage {stage}"))
                .help("Rename it in the file, or remove it from the other service first."))
        }
        Ownership::Stack { name } => Err(not_ours(
            desired,
            live,
            &format!("belongs to the CloudFormation stack {name}"),
        )
        .help(format!(
            "Take it out of {name} first (DeletionPolicy: Retain keeps it alive), then run this again with --adopt."
        ))
        .help("Or rename it in the file.")),
    }
}

/// Whether what is live is lost because its parent is made anew.
fn goes_with(parent: Option<&Change>, kind: &dyn Kind) -> bool {
    parent.is_some_and(|parent| {
        kind.vanishes_with(&parent.address) && matches!(parent.action, Action::Create | Action::Replace { .. })
    })
}

/// What is known of a resource's attributes once its change is done.
fn attributes(action: &Action, live: Option<&Live>, desired: &Desired, kind: &dyn Kind) -> Attributes {
    let predicted = kind.predict(desired);
    let mut known = live.map(|live| live.attributes.clone()).unwrap_or_default();
    match action {
        Action::Create | Action::Replace { .. } => predicted,
        // What is changed becomes what the kind foretells; what is not changed is as it is.
        Action::Update { .. } | Action::Adopt { .. } => {
            known.retain(|name, _| !live.is_some_and(|live| kind.changes_attribute(name, live, desired)));
            known.extend(predicted);
            known
        }
        Action::Nothing | Action::Retain | Action::Delete => {
            let mut all = predicted;
            all.extend(known);
            all
        }
    }
}

fn all_orphans(orphans: Vec<Live>, wanted_changes: &[Change], wanted: &Wanted<'_>, cloud: &dyn Cloud) -> Vec<Change> {
    let lives = wanted_changes.iter().filter_map(|change| change.live.as_ref()).chain(&orphans);
    let made: HashSet<String> = lives
        .filter_map(|live| Some((cloud.kind(&live.address.kind)?, live)))
        .flat_map(|(kind, live)| kind.makes(live))
        .map(str::to_owned)
        .collect();
    let mut all: Vec<Change> = orphans
        .into_iter()
        .filter_map(|live| {
            let kind = cloud.kind(&live.address.kind)?;
            // It may be called by its place and its name.
            let names = [&live.physical_id, &live.address.logical_id];
            if names.iter().flat_map(|name| name.split([':', '/', '|'])).any(|part| made.contains(part)) {
                return None;
            }
            let parent = live.parent.as_deref().and_then(|parent| wanted.position(parent));
            let vanishes = parent.is_some_and(|parent| {
                let parent = &wanted_changes[parent];
                matches!(parent.action, Action::Replace { .. }) && goes_with(Some(parent), kind)
            });
            if vanishes {
                return None;
            }
            let (action, why) = if kind.is_retained() {
                (Action::Retain, "no longer in the file, kept")
            } else if wanted.position(&live.address.logical_id).is_some() {
                (Action::Delete, "another one takes its place")
            } else {
                (Action::Delete, "no longer in the file")
            };
            let live = sealed(live, None, kind);
            let address = live.address.clone();
            Some(Change { address, action, why: why.to_owned(), assumed: false, desired: None, live: Some(live) })
        })
        .collect();
    all.sort_by(|one, other| (&one.address, physical_id(one)).cmp(&(&other.address, physical_id(other))));
    all
}

fn physical_id(change: &Change) -> Option<&str> {
    change.live.as_ref().map(|live| live.physical_id.as_str())
}

fn sealed(mut live: Live, desired: Option<&Desired>, kind: &dyn Kind) -> Live {
    seal(&mut live.properties, desired.map(|desired| &desired.properties), kind.traits());
    live
}

fn differing(fields: &[FieldChange]) -> String {
    let mut visible: Vec<String> =
        fields.iter().filter(|field| !field.bookkeeping).map(|field| field.path.clone()).collect();
    visible.dedup();
    match visible.len() {
        0 => "only our own mark differs".to_owned(),
        1 => format!("{} differs", listed(&visible)),
        _ => format!("{} differ", listed(&visible)),
    }
}

/// `A`, `A and B`, `A, B and 3 more`.
fn listed(paths: &[String]) -> String {
    match paths {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, other, third] => format!("{one}, {other} and {third}"),
        [one, other, rest @ ..] => format!("{one}, {other} and {} more", rest.len()),
    }
}

fn not_ours(desired: &Desired, live: &Live, what: &str) -> Failure {
    Failure::new(Reason::NotOurs, format!("{} ({}) {what}", desired.address, live.physical_id))
}

fn twice(desired: &Desired, other: String, name: &str) -> Failure {
    Failure::new(Reason::Invalid, format!("{} and {other} are both called {name}", desired.address))
        .help("Give one of them another name.")
}
