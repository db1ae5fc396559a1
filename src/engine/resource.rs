//! A resource as the file wants it, and as it is live.

use std::collections::BTreeMap;

use super::address::Address;
use super::failure::{Failure, Reason};
use super::value::Value;

/// A resource as the file wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    pub address: Address,
    /// A map in CloudFormation's property names, ownership tags included, intrinsics evaluated as far as they can be.
    pub properties: Value,
    /// Logical ids of what must exist first, beyond what the properties mention.
    pub depends_on: Vec<String>,
    /// Logical id of the resource that this one lives beneath (a permission beneath its function): it is found by
    /// listing beneath its parent, and is not read at all where the parent's fingerprint says nothing changed.
    pub parent: Option<String>,
    /// Digest of everything desired beneath this resource, written into the resource itself (a function's
    /// `hoist:applied` tag). `None` for what has nothing beneath it.
    pub fingerprint: Option<String>,
    /// What a kind needs to know and nobody diffs: the path of an artifact, whether to publish a version.
    pub hints: BTreeMap<String, Value>,
}

impl Desired {
    /// The name that it has, for what needs one now.
    ///
    /// # Errors
    /// `Invalid` when it has none, or depends on something unknown.
    pub fn named<T>(&self, name: Option<T>) -> Result<T, Failure> {
        name.ok_or_else(|| Failure::new(Reason::Invalid, format!("{} has no name", self.address)))
    }
}

/// The hint that names the physical id of the old resource while a new one takes its place: [`super::kind::Kind::create`]
/// must not find that one.
pub const REPLACES: &str = "replaces";

/// Everything that a file wants, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DesiredState {
    pub resources: Vec<Desired>,
}

/// A resource as it is live.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    pub address: Address,
    /// What AWS calls it: the name, ARN or id that its calls take. Matches [`super::kind::Kind::identity`].
    pub physical_id: String,
    /// A map in the same vocabulary as the desired properties, normalised by the same code.
    pub properties: Value,
    /// What other resources may refer to: `Arn`, `Ref`, ids.
    pub attributes: BTreeMap<String, Value>,
    pub ownership: Ownership,
    /// The fingerprint found in the resource, of what was last applied beneath it.
    pub fingerprint: Option<String>,
    /// A token that changes with every change (`RevisionId`), for writes that can compare and swap.
    pub revision: Option<String>,
    /// Logical id of the parent, for what was found beneath another resource.
    pub parent: Option<String>,
}

impl Live {
    /// What was just made as it was wanted: `properties` are the normalised ones.
    pub fn made(
        desired: &Desired,
        attributes: BTreeMap<String, Value>,
        physical_id: impl Into<String>,
        properties: Value,
    ) -> Self {
        Self {
            address: desired.address.clone(),
            physical_id: physical_id.into(),
            properties,
            attributes,
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: desired.parent.clone(),
        }
    }

    /// The same after it was brought to these properties.
    #[must_use]
    pub fn now(&self, properties: Value) -> Self {
        Self { properties, ownership: Ownership::Ours, ..self.clone() }
    }
}

/// Whose a live resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It carries this service's and stage's tags, or a name of ours beneath a resource that does.
    Ours,
    /// It carries another service's or stage's hoist tags.
    OtherService { service: String, stage: String },
    /// It belongs to a CloudFormation stack.
    Stack { name: String },
    /// It carries no mark at all.
    Unmarked,
}
