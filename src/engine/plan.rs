//! What would be done, and why.

use super::address::Address;
use super::event::Verb;
use super::resource::{Desired, Live};
use super::value::Value;

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// `Environment.Variables.MODE`, `VpcConfig.SubnetIds`
    pub path: String,
    /// `None`: the field is set for the first time.
    pub before: Option<Value>,
    /// `None`: the field is taken away.
    pub after: Option<Value>,
    /// Neither side may be shown.
    pub sensitive: bool,
    /// Our own mark: applied, not shown.
    pub bookkeeping: bool,
    /// The change as a clause for people, where path and values would tell them little: `GET /orders: scopes added`.
    pub told: Option<String>,
}

/// What happens to a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Create,
    /// In place.
    Update {
        fields: Vec<FieldChange>,
    },
    /// A new one takes its place; `forced_by` are the fields that cannot be changed.
    Replace {
        fields: Vec<FieldChange>,
        forced_by: Vec<String>,
    },
    Delete,
    /// An unmarked resource becomes ours, with these fields changed.
    Adopt {
        fields: Vec<FieldChange>,
    },
    /// Left the file but is kept.
    Retain,
    Nothing,
}

/// What happens to one resource, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub address: Address,
    pub action: Action,
    /// One clause for people: `not in the account yet`, `no longer in the file`, `PackageType cannot be changed`.
    pub why: String,
    /// Taken from the parent's fingerprint: not read.
    pub assumed: bool,
    pub desired: Option<Desired>,
    pub live: Option<Live>,
}

/// Every change of a deploy and what must come before what. What `diff` prints is what `deploy` does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// For each change, the positions of the changes that must be done before it.
    pub after: Vec<Vec<usize>>,
}

impl Plan {
    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        !self.changes.iter().any(Change::is_write)
    }
}

impl Action {
    /// What is done, without its fields; `None` when nothing is.
    pub fn verb(&self) -> Option<Verb> {
        match self {
            Action::Create => Some(Verb::Create),
            Action::Update { .. } => Some(Verb::Update),
            Action::Replace { .. } => Some(Verb::Replace),
            Action::Delete => Some(Verb::Delete),
            Action::Adopt { .. } => Some(Verb::Adopt),
            Action::Retain | Action::Nothing => None,
        }
    }

    /// The fields that differ, where there are any.
    pub fn fields(&self) -> &[FieldChange] {
        match self {
            Action::Update { fields } | Action::Replace { fields, .. } | Action::Adopt { fields } => fields,
            Action::Create | Action::Delete | Action::Retain | Action::Nothing => &[],
        }
    }
}

impl Change {
    /// Whether it writes anything.
    pub fn is_write(&self) -> bool {
        self.action.verb().is_some()
    }

    /// Whether a person wants to see it: it writes more than our own marks, or keeps what left the file.
    pub fn is_visible(&self) -> bool {
        match &self.action {
            Action::Nothing => false,
            Action::Update { fields } => fields.iter().any(|field| !field.bookkeeping),
            _ => true,
        }
    }

    /// Whether something that is live is lost by it.
    pub fn is_destructive(&self) -> bool {
        matches!(self.action, Action::Delete | Action::Replace { .. })
    }
}
