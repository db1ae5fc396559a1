//! One change with everything that it needs known, ready to run.

use std::collections::{BTreeMap, HashMap};

use super::schedule::Node;
use crate::engine::diff::{difference, seal};
use crate::engine::evaluate::{is_known, references};
use crate::engine::failure::{Failure, Reason};
use crate::engine::guard::{Guard, LOST};
use crate::engine::kind::{Cloud, Kind, Progress};
use crate::engine::plan::{Action, FieldChange, Plan};
use crate::engine::planner::evaluated;
use crate::engine::resource::{Desired, Live, REPLACES};
use crate::engine::value::Value;

/// What a change gave.
pub(super) struct Done {
    pub live: Option<Live>,
    pub attributes: BTreeMap<String, Value>,
    /// Whether anything was written.
    pub wrote: bool,
}

pub(super) struct Step {
    what: What,
    kind: String,
}

enum What {
    Create(Desired),
    Update {
        live: Live,
        desired: Desired,
        fields: Vec<FieldChange>,
    },
    /// What was not known when the plan was made turned out to be what is live.
    Keep {
        live: Live,
        desired: Desired,
    },
    /// Of the same name: the old one has to go first.
    Exchange {
        live: Live,
        desired: Desired,
    },
    Delete(Live),
}

impl Step {
    /// What there is to do at a node, now that everything before it is done; `None` when nothing is.
    pub fn new(
        plan: &Plan,
        node: Node,
        cloud: &dyn Cloud,
        known: &HashMap<String, BTreeMap<String, Value>>,
        now_live: &BTreeMap<String, Live>,
    ) -> Result<Option<Self>, Failure> {
        let (Node::Change(position) | Node::Cleanup(position)) = node;
        let change = &plan.changes[position];
        let Some(kind) = cloud.kind(&change.address.kind) else {
            return Err(Failure::new(Reason::Bug, format!("no kind handles {}, which the plan has", change.address)));
        };
        let step = |what| Ok(Some(Self { what, kind: change.address.kind.clone() }));
        if let Node::Cleanup(_) = node {
            let new = now_live.get(&change.address.logical_id).map(|live| &live.physical_id);
            return match &change.live {
                Some(old) if new.is_some_and(|new| *new != old.physical_id) => step(What::Delete(old.clone())),
                _ => Ok(None),
            };
        }
        let (planned, live) = match (&change.desired, &change.live) {
            (None, Some(live)) => return step(What::Delete(live.clone())),
            (None, None) => return Ok(None),
            (Some(planned), live) => (planned, live),
        };
        let desired =
            evaluated(planned, Some(kind), &|logical_id, attribute| known.get(logical_id)?.get(attribute).cloned());
        if let Some((logical_id, attribute)) = references(&desired.properties).into_iter().next() {
            let message = format!("{logical_id}.{attribute}, which {} needs, is not known", change.address);
            return Err(Failure::new(Reason::Bug, message));
        }
        let Some(live) = live else { return step(What::Create(desired)) };
        let was_open = !is_known(&planned.properties);
        let is_parent = || {
            let logical_id = Some(change.address.logical_id.as_str());
            plan.changes.iter().any(|other| {
                other.is_write()
                    && other.desired.as_ref().is_some_and(|desired| desired.parent.as_deref() == logical_id)
            })
        };
        match &change.action {
            Action::Nothing | Action::Retain => Ok(None),
            Action::Create => step(What::Create(desired)),
            Action::Delete => step(What::Delete(live.clone())),
            Action::Update { fields } | Action::Adopt { fields } if !was_open => {
                step(What::Update { live: live.clone(), desired, fields: fields.clone() })
            }
            Action::Update { .. } | Action::Adopt { .. } => {
                let found = difference(&live.properties, &desired.properties, kind.traits());
                if !found.forced_by.is_empty() {
                    let message = format!("{} turned out to need a new resource", change.address);
                    return Err(Failure::new(Reason::Conflict, message).help("Run this again: the next plan says so."));
                }
                if found.fields.is_empty() && !matches!(change.action, Action::Adopt { .. }) {
                    return step(What::Keep { live: live.clone(), desired });
                }
                step(What::Update { live: live.clone(), desired, fields: found.fields })
            }
            Action::Replace { .. } => {
                if was_open && !is_parent() {
                    let found = difference(&live.properties, &desired.properties, kind.traits());
                    if found.fields.is_empty() {
                        return step(What::Keep { live: live.clone(), desired });
                    }
                    if found.forced_by.is_empty() {
                        return step(What::Update { live: live.clone(), desired, fields: found.fields });
                    }
                }
                if kind.identity(&desired).is_some_and(|name| name == live.physical_id) {
                    step(What::Exchange { live: live.clone(), desired })
                } else {
                    // Whoever looks for what an earlier attempt made must not take the old one for it.
                    let mut desired = desired;
                    desired.hints.insert(REPLACES.to_owned(), Value::String(live.physical_id.clone()));
                    step(What::Create(desired))
                }
            }
        }
    }

    /// The key that only one change at a time may write.
    pub fn writer(&self, cloud: &dyn Cloud) -> Option<String> {
        let properties = match &self.what {
            What::Create(desired) | What::Update { desired, .. } | What::Exchange { desired, .. } => {
                &desired.properties
            }
            What::Delete(live) => &live.properties,
            What::Keep { .. } => return None,
        };
        cloud.kind(&self.kind)?.writer(properties)
    }

    pub async fn run(self, cloud: &dyn Cloud, guard: Option<&dyn Guard>, progress: &Progress) -> Result<Done, Failure> {
        let Some(kind) = cloud.kind(&self.kind) else {
            return Err(Failure::new(Reason::Bug, format!("no kind handles {}, which the plan has", self.kind)));
        };
        let may_write = || match guard.map(|guard| guard.check()) {
            Some(Err(failure)) => Err(Failure { code: Some(LOST.to_owned()), ..failure }),
            _ => Ok(()),
        };
        match self.what {
            What::Keep { live, desired } => Ok(Done { wrote: false, ..done(kind, live, &desired) }),
            What::Create(desired) => {
                may_write()?;
                let live = kind.create(&desired, progress).await?;
                Ok(done(kind, live, &desired))
            }
            What::Update { live, desired, fields } => {
                may_write()?;
                let live = kind.update(&live, &desired, &fields, progress).await?;
                Ok(done(kind, live, &desired))
            }
            What::Exchange { live, desired } => {
                may_write()?;
                kind.delete(&live, progress).await?;
                may_write()?;
                let live = kind.create(&desired, progress).await?;
                Ok(done(kind, live, &desired))
            }
            What::Delete(live) => {
                may_write()?;
                kind.delete(&live, progress).await?;
                Ok(Done { live: None, attributes: BTreeMap::new(), wrote: true })
            }
        }
    }
}

/// The result in the form in which it is kept: normalised, secrets hidden, with what the kind foretells filled in.
fn done(kind: &dyn Kind, mut live: Live, desired: &Desired) -> Done {
    kind.normalise(&mut live.properties);
    seal(&mut live.properties, Some(&desired.properties), kind.traits());
    let mut attributes = kind.predict(desired);
    attributes.extend(live.attributes.clone());
    Done { live: Some(live), attributes, wrote: true }
}
