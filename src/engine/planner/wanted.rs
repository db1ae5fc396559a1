//! What the file wants, checked and brought into an order in which it can be evaluated.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::engine::address::Address;
use crate::engine::evaluate::{evaluate, references};
use crate::engine::failure::{Failure, Reason};
use crate::engine::graph::Graph;
use crate::engine::kind::{Cloud, Kind};
use crate::engine::resource::{Desired, DesiredState};
use crate::engine::value::Value;

/// Attributes of one resource by name.
pub(super) type Attributes = BTreeMap<String, Value>;

pub(super) struct Wanted<'a> {
    pub resources: &'a [Desired],
    /// Positions of the resources, each after what it refers to and what it lives beneath.
    pub order: Vec<usize>,
    /// What each resource's kind foretells of its attributes.
    pub predicted: Vec<Attributes>,
    /// For each resource, the position of its parent.
    pub parent: Vec<Option<usize>>,
    /// For each resource, the positions of those that live directly beneath it.
    pub children: Vec<Vec<usize>>,
    positions: HashMap<&'a str, usize>,
}

impl<'a> Wanted<'a> {
    pub fn new(state: &'a DesiredState, cloud: &dyn Cloud) -> Result<Self, Vec<Failure>> {
        let resources = state.resources.as_slice();
        let mut failures = Vec::new();
        let mut positions = HashMap::new();
        for (position, resource) in resources.iter().enumerate() {
            if positions.insert(resource.address.logical_id.as_str(), position).is_some() {
                failures.push(invalid(format!("{} is there twice", resource.address)));
            }
            if cloud.kind(&resource.address.kind).is_none() {
                failures.push(unknown_type(&resource.address));
            }
        }
        let mut graph = Graph::new(resources.len());
        let mut parent = vec![None; resources.len()];
        let mut by_name = Vec::new();
        for (position, resource) in resources.iter().enumerate() {
            for name in needs(resource) {
                match positions.get(name.as_str()) {
                    Some(&earlier) if earlier == position => {
                        failures.push(invalid(format!("{} refers to itself", resource.address)));
                    }
                    Some(&earlier) if only_names(resource, &resources[earlier], cloud) => {
                        by_name.push((earlier, position));
                    }
                    Some(&earlier) => graph.add(earlier, position),
                    None => failures.push(
                        invalid(format!("{} refers to {name}, which is not there", resource.address))
                            .help(format!("Define {name}, or take the reference away.")),
                    ),
                }
            }
            parent[position] = resource.parent.as_deref().and_then(|name| positions.get(name).copied());
        }
        // Two may know each other, where one of them only needs the other's name.
        let mut is_circular = false;
        for (earlier, position) in by_name {
            is_circular |= !graph.add_unless_circular(earlier, position);
        }
        let order = match graph.order() {
            Ok(order) => order,
            Err(mut circle) => {
                // From whoever refers to whom it refers to.
                circle.reverse();
                circle.rotate_right(1);
                let mut names: Vec<&str> =
                    circle.iter().map(|&position| resources[position].address.logical_id.as_str()).collect();
                names.extend(names.first().copied());
                failures.push(
                    invalid(format!("resources refer to each other in a circle: {}", names.join(" → ")))
                        .help("Take one of these references away."),
                );
                Vec::new()
            }
        };
        if !failures.is_empty() {
            return Err(failures);
        }
        let mut children = vec![Vec::new(); resources.len()];
        for (position, parent) in parent.iter().enumerate() {
            if let Some(parent) = *parent {
                children[parent].push(position);
            }
        }
        let predicted = vec![Attributes::new(); resources.len()];
        let mut wanted = Self { resources, order, predicted, parent, children, positions };
        // In a circle, one is asked before the other has a name.
        for _ in 0..=usize::from(is_circular) {
            for &position in &wanted.order.clone() {
                let resource = wanted.evaluated(position, cloud, &|id, attribute| wanted.prediction(id, attribute));
                if let Some(kind) = cloud.kind(&resource.address.kind) {
                    wanted.predicted[position] = kind.predict(&resource);
                }
            }
        }
        Ok(wanted)
    }

    /// A resource with its properties evaluated as far as `lookup` knows, and in the kind's own form.
    pub fn evaluated(
        &self,
        position: usize,
        cloud: &dyn Cloud,
        lookup: &dyn Fn(&str, &str) -> Option<Value>,
    ) -> Desired {
        evaluated(&self.resources[position], cloud.kind(&self.resources[position].address.kind), lookup)
    }

    pub fn position(&self, logical_id: &str) -> Option<usize> {
        self.positions.get(logical_id).copied()
    }

    pub fn prediction(&self, logical_id: &str, attribute: &str) -> Option<Value> {
        self.predicted[self.position(logical_id)?].get(attribute).cloned()
    }

    /// Whether a resource stands somewhere beneath another.
    pub fn is_beneath(&self, position: usize, top: usize) -> bool {
        let mut at = self.parent[position];
        while let Some(here) = at {
            if here == top {
                return true;
            }
            at = self.parent[here];
        }
        false
    }

    /// Everything that stands somewhere beneath a resource.
    pub fn beneath(&self, top: usize) -> Vec<usize> {
        let mut found = self.children[top].clone();
        let mut next = 0;
        while next < found.len() {
            found.extend(&self.children[found[next]]);
            next += 1;
        }
        found
    }
}

/// A resource with its properties and hints evaluated as far as `lookup` knows, and in the kind's own form.
pub(in crate::engine) fn evaluated(
    resource: &Desired,
    kind: Option<&dyn Kind>,
    lookup: &dyn Fn(&str, &str) -> Option<Value>,
) -> Desired {
    let mut properties = evaluate(&resource.properties, lookup);
    if let Some(kind) = kind {
        kind.normalise(&mut properties);
    }
    let hints = resource.hints.iter().map(|(name, hint)| (name.clone(), evaluate(hint, lookup))).collect();
    Desired { properties, hints, ..resource.clone() }
}

/// Whether nobody looks if the other one is there, as far as the resource says itself.
pub(super) fn only_names(resource: &Desired, other: &Desired, cloud: &dyn Cloud) -> bool {
    let name = other.address.logical_id.as_str();
    let mentions = |value: &Value| references(value).iter().any(|(logical_id, _)| logical_id == name);
    cloud.kind(&resource.address.kind).is_some_and(|kind| kind.only_names(&other.address.kind))
        && resource.parent.as_deref() != Some(name)
        && !resource.depends_on.iter().any(|id| id == name)
        && !resource.hints.values().any(mentions)
}

/// Logical ids of everything that must be there before a resource.
pub(super) fn needs(resource: &Desired) -> BTreeSet<String> {
    let mut needs: BTreeSet<String> =
        references(&resource.properties).into_iter().map(|(logical_id, _)| logical_id).collect();
    for hint in resource.hints.values() {
        needs.extend(references(hint).into_iter().map(|(logical_id, _)| logical_id));
    }
    needs.extend(resource.depends_on.iter().cloned());
    needs.extend(resource.parent.clone());
    needs
}

/// Nothing makes that type: found before anything is changed.
fn unknown_type(address: &Address) -> Failure {
    let Address { kind, logical_id } = address;
    invalid(format!("hoist cannot make resources of the type {kind} yet ({logical_id}); nothing was changed")).help(
        format!(
            "Take what asks for {logical_id} out of the file, or make it elsewhere and name it here by its ARN. \
             `hoist package` writes what each line of the file becomes to .hoist/resources.json."
        ),
    )
}

fn invalid(message: String) -> Failure {
    Failure::new(Reason::Invalid, message)
}
