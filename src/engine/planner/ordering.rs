//! Which change must be done before which.
//!
//! What is made or changed comes after what it refers to, in the order that the file gives, and after what lets it do what
//! it will do. What is deleted comes after everything else, lest something is missing in between, or for good when a change
//! fails; among themselves, deletions come after those of what pointed at them: that can only be seen in what is live.

use std::collections::{BTreeSet, HashMap};

use super::wanted::{needs, only_names};
use crate::engine::evaluate::references;
use crate::engine::graph::Graph;
use crate::engine::kind::Cloud;
use crate::engine::plan::{Action, Change};
use crate::engine::resource::{Desired, Live};
use crate::engine::value::Value;

/// A name shorter than this says too little to be searched for inside of longer texts.
const TELLING: usize = 16;

/// For each change, the positions of those that must be done before it.
pub(super) fn order(wanted: &[Desired], changes: &[Change], cloud: &dyn Cloud) -> Vec<Vec<usize>> {
    let mut graph = Graph::new(changes.len());
    let active: Vec<usize> = (0..changes.len()).filter(|&position| changes[position].is_write()).collect();
    order_wanted(wanted, changes, &active, cloud, &mut graph);
    order_openings(wanted, changes, &active, cloud, &mut graph);
    let deleted: Vec<usize> =
        active.iter().copied().filter(|&position| matches!(changes[position].action, Action::Delete)).collect();
    if !deleted.is_empty() {
        order_beneath(changes, &active, &deleted, cloud, &mut graph);
        order_mentions(changes, &active, &deleted, &mut graph);
        order_types(changes, &active, &deleted, cloud, &mut graph);
        order_last(changes, &active, &deleted, cloud, &mut graph);
    }
    graph.into_predecessors()
}

/// References, `DependsOn` and parents of what is wanted, as the file says them: a change's own properties have what is
/// known filled in already. The changes begin with those of the wanted resources, in the same order.
fn order_wanted(wanted: &[Desired], changes: &[Change], active: &[usize], cloud: &dyn Cloud, graph: &mut Graph) {
    let positions: HashMap<&str, usize> = active
        .iter()
        .filter_map(|&position| Some((wanted.get(position)?.address.logical_id.as_str(), position)))
        .collect();
    let mut by_name = Vec::new();
    for &position in active {
        for name in wanted.get(position).map(needs).unwrap_or_default() {
            let Some(&earlier) = positions.get(name.as_str()) else { continue };
            if !only_names(&wanted[position], &wanted[earlier], cloud) {
                graph.add(earlier, position);
            } else if !is_known_by_name(&changes[position], &wanted[earlier]) {
                by_name.push((earlier, position));
            }
        }
    }
    for (earlier, position) in by_name {
        graph.add_unless_circular(earlier, position);
    }
}

/// Whether a new resource names another one by a name that is known already. One that is live waits all the same:
/// somebody may be using it, and would be led to what is not there yet.
fn is_known_by_name(change: &Change, other: &Desired) -> bool {
    let name = other.address.logical_id.as_str();
    let is_named = |properties: &Value| references(properties).iter().any(|(logical_id, _)| logical_id == name);
    matches!(change.action, Action::Create)
        && !change.desired.as_ref().is_none_or(|desired| is_named(&desired.properties))
}

/// Something new that lets others in.
struct Opening {
    position: usize,
    /// To what.
    to: BTreeSet<String>,
    /// Whom it names; where it names nobody, anybody.
    named: BTreeSet<String>,
}

/// Whoever comes to use something comes after what lets it in: nobody stands before a closed door in between.
fn order_openings(wanted: &[Desired], changes: &[Change], active: &[usize], cloud: &dyn Cloud, graph: &mut Graph) {
    let kind_of = |position: usize| cloud.kind(&changes[position].address.kind);
    let types: HashMap<&str, &str> =
        wanted.iter().map(|one| (one.address.logical_id.as_str(), one.address.kind.as_str())).collect();
    let opening = |position: usize| {
        let kind = kind_of(position).filter(|kind| kind.lets_in())?;
        let resource = wanted.get(position).filter(|_| matches!(changes[position].action, Action::Create))?;
        let names_only = |name: &String| types.get(name.as_str()).is_none_or(|type_name| kind.only_names(type_name));
        let (named, to) = needs(resource).into_iter().partition(names_only);
        Some(Opening { position, to, named })
    };
    let openings: Vec<Opening> = active.iter().filter_map(|&position| opening(position)).collect();
    if openings.is_empty() {
        return;
    }
    let mut by_target: HashMap<&str, Vec<&Opening>> = HashMap::new();
    for opening in &openings {
        opening.to.iter().for_each(|name| by_target.entry(name).or_default().push(opening));
    }
    let users: Vec<(usize, BTreeSet<String>)> = active
        .iter()
        .filter(|&&position| !kind_of(position).is_some_and(|kind| kind.lets_in()))
        .filter_map(|&position| Some((position, needs(wanted.get(position)?))))
        .collect();
    // What is live leads callers to what it uses.
    let is_live = |position: usize| changes[position].live.is_some();
    let in_use: BTreeSet<&String> =
        users.iter().filter(|(position, _)| is_live(*position)).flat_map(|(_, needs)| needs).collect();
    for (position, needs) in &users {
        let logical_id = &changes[*position].address.logical_id;
        let concerns = |opening: &Opening| match opening.named.is_empty() {
            true => is_live(*position) || in_use.contains(logical_id),
            false => opening.named.contains(logical_id) || !opening.named.is_disjoint(needs),
        };
        let before: BTreeSet<usize> = needs
            .iter()
            .filter_map(|name| by_target.get(name.as_str()))
            .flatten()
            .filter(|opening| concerns(opening))
            .map(|opening| opening.position)
            .collect();
        for opening in before {
            graph.add_unless_circular(opening, *position);
        }
    }
}

/// What lives beneath another is deleted before it, and before it changes where only its properties lead there.
fn order_beneath(changes: &[Change], active: &[usize], deleted: &[usize], cloud: &dyn Cloud, graph: &mut Graph) {
    for &child in deleted {
        let Some(live) = &changes[child].live else { continue };
        let Some(kind) = cloud.kind(&live.address.kind) else { continue };
        let (Some(parent_type), Some(name)) = (kind.parent_type(), live.parent.as_deref()) else { continue };
        for &parent in active {
            let change = &changes[parent];
            // Found beneath what was itself found beneath another, it knows the name that its parent was found by.
            let is_called = change.address.logical_id == name
                || change.live.as_ref().is_some_and(|live| live.address.logical_id == name);
            let is_parent = change.address.kind == parent_type && is_called;
            if is_parent && (change.is_destructive() || kind.is_found_through_parent()) {
                graph.add_unless_circular(child, parent);
            }
        }
    }
}

/// What is live and mentions a resource is changed, or deleted, before that resource is deleted.
fn order_mentions(changes: &[Change], active: &[usize], deleted: &[usize], graph: &mut Graph) {
    let mut exact: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut telling: Vec<(&str, usize)> = Vec::new();
    for &position in deleted {
        for name in changes[position].live.iter().flat_map(names) {
            exact.entry(name).or_default().push(position);
            if name.len() >= TELLING && name.contains(':') {
                telling.push((name, position));
            }
        }
    }
    for &position in active {
        let Some(live) = &changes[position].live else { continue };
        let mut mentioned = Vec::new();
        for_each_text(&live.properties, &mut |text| {
            mentioned.extend(exact.get(text).into_iter().flatten());
            // A document mentions others inside of its texts.
            if text.len() > TELLING && text.contains(':') {
                mentioned.extend(telling.iter().filter(|(name, _)| text.contains(name)).map(|(_, position)| position));
            }
        });
        mentioned.sort_unstable();
        mentioned.dedup();
        for later in mentioned {
            graph.add_unless_circular(position, later);
        }
    }
}

/// What a kind says must be gone before one of its own is deleted. Where names tell which of them belong together, only
/// those wait for each other.
fn order_types(changes: &[Change], active: &[usize], deleted: &[usize], cloud: &dyn Cloud, graph: &mut Graph) {
    let mut by_type: HashMap<&str, Vec<usize>> = HashMap::new();
    for &position in deleted {
        by_type.entry(changes[position].address.kind.as_str()).or_default().push(position);
    }
    for &position in active {
        if matches!(changes[position].action, Action::Replace { .. }) {
            by_type.entry(changes[position].address.kind.as_str()).or_default().push(position);
        }
    }
    for &later in deleted {
        let Some(live) = &changes[later].live else { continue };
        let Some(kind) = cloud.kind(&live.address.kind) else { continue };
        for type_name in kind.deleted_after() {
            let candidates = by_type.get(type_name).map_or(&[][..], Vec::as_slice);
            let related: Vec<usize> = candidates
                .iter()
                .copied()
                .filter(|&earlier| {
                    graph.before(later).contains(&earlier)
                        || changes[earlier]
                            .live
                            .as_ref()
                            .is_some_and(|other| live.physical_id.contains(&other.physical_id))
                })
                .collect();
            let earlier = if related.is_empty() { candidates.to_vec() } else { related };
            for earlier in earlier {
                graph.add_unless_circular(earlier, later);
            }
        }
    }
}

/// What goes, goes last, but for what has to make room for another of its kind.
fn order_last(changes: &[Change], active: &[usize], deleted: &[usize], cloud: &dyn Cloud, graph: &mut Graph) {
    let is_deleted = |position: usize| matches!(changes[position].action, Action::Delete);
    // What none of the others waits for: everything else comes before one of these.
    let last: Vec<usize> = active
        .iter()
        .copied()
        .filter(|&position| !is_deleted(position))
        .filter(|&position| graph.after(position).iter().all(|&next| is_deleted(next)))
        .collect();
    let place = |position: usize, properties: &Value| {
        let type_name = changes[position].address.kind.as_str();
        Some((type_name, cloud.kind(type_name)?.place(properties)?))
    };
    let mut coming: HashMap<(&str, String), Vec<usize>> = HashMap::new();
    for &position in active.iter().filter(|&&position| matches!(changes[position].action, Action::Create)) {
        let desired = changes[position].desired.as_ref();
        if let Some(place) = desired.and_then(|desired| place(position, &desired.properties)) {
            coming.entry(place).or_default().push(position);
        }
    }
    let mut going = Vec::new();
    for &earlier in deleted {
        let live = changes[earlier].live.as_ref();
        match live.and_then(|live| coming.get(&place(earlier, &live.properties)?)) {
            Some(comers) => {
                for &later in comers {
                    graph.add_unless_circular(earlier, later);
                }
            }
            None => going.push(earlier),
        }
    }
    // Mostly nothing but deletions comes after a deletion, and no circle can close.
    let leads_back: Vec<bool> =
        going.iter().map(|&position| graph.reachable(position).iter().any(|&next| !is_deleted(next))).collect();
    for (&later, leads_back) in going.iter().zip(leads_back) {
        for &earlier in &last {
            if leads_back {
                graph.add_unless_circular(earlier, later);
            } else {
                graph.add(earlier, later);
            }
        }
    }
}

/// What others may call a live resource.
fn names(live: &Live) -> impl Iterator<Item = &str> {
    let attributes = live.attributes.values().filter_map(|value| match value {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    });
    std::iter::once(live.physical_id.as_str()).chain(attributes).filter(|name| !name.is_empty())
}

fn for_each_text<'a>(value: &'a Value, seen: &mut impl FnMut(&'a str)) {
    match value {
        Value::List(items) => items.iter().for_each(|item| for_each_text(item, seen)),
        Value::Map(map) => map.values().for_each(|item| for_each_text(item, seen)),
        // Secrets too: they are only compared.
        other => other.text().into_iter().for_each(seen),
    }
}
