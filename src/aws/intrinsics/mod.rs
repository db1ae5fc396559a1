//! From a `Template` to what the engine compares: intrinsics evaluated as far as they can be, ownership tags added,
//! what lives beneath what, and a fingerprint of everything beneath a function.
//!
//! The functions and what they take:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>.

mod conditions;
mod dynamic;
mod evaluator;
mod expand;
mod lookup;
mod ownership;
mod stacks;

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::kinds::left_of_a_function;
use crate::config::diagnostic::Diagnostic;
use crate::engine::address::Address;
use crate::engine::fingerprint::fingerprint;
use crate::engine::resource::{Desired, DesiredState};
use crate::engine::value::Value;

use self::evaluator::Evaluator;
use super::template::Template;

pub use self::dynamic::{Dynamic, SecretVersion};
pub use self::lookup::Lookup;
pub use self::ownership::{APPLIED, Owner, tag_form};

/// What must be known of the account before a template can be evaluated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// `aws`, `aws-cn`, `aws-us-gov`: see [`super::naming::partition`].
    pub partition: String,
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
    /// `amazonaws.com`: see [`super::naming::url_suffix`].
    pub url_suffix: String,
    /// Name of the stack of the raw resources.
    pub stack_name: String,
    /// Marks and tags for everything that can carry them.
    pub owner: Owner,
    /// What was asked of the account because an earlier evaluation needed it.
    pub found: BTreeMap<Lookup, Value>,
    /// What was asked for and has no value, with the reason as a clause: `is not in this account and region`.
    pub absent: BTreeMap<Lookup, String>,
}

/// What came of evaluating a template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Whole only where nothing is missing and nothing went wrong.
    pub desired: DesiredState,
    /// What must be looked up in the account first: put the answers into [`Context::found`] and [`Context::absent`], and
    /// evaluate again.
    pub needs: BTreeSet<Lookup>,
    /// While anything is needed, some of these may only follow from what is not known yet.
    pub problems: Vec<Diagnostic>,
}

/// Evaluates a template for one account.
pub fn evaluate(template: &Template, context: &Context) -> Evaluation {
    let expanded = expand::expand(template);
    let template = expanded.as_ref();
    let mut evaluator = Evaluator::new(template, context);
    let wanted: Vec<&String> = template
        .resources
        .iter()
        .filter(|(logical_id, resource)| {
            resource.condition.as_ref().is_none_or(|name| {
                evaluator.within(&["resources", logical_id, "Condition"], |evaluator| evaluator.condition(name))
            })
        })
        .map(|(logical_id, _)| logical_id)
        .collect();
    evaluator.keep_only(&wanted);
    let stack_tags = context.owner.stack_tags.iter().filter_map(|(key, tag)| {
        let value = evaluator.within(&["provider", "stackTags", key], |evaluator| evaluator.value(tag))?;
        Some((key.clone(), value))
    });
    let owner = Owner { stack_tags: stack_tags.collect(), ..context.owner.clone() };
    let mut resources = Vec::with_capacity(wanted.len());
    for (logical_id, resource) in &template.resources {
        if !evaluator.is_ours(logical_id)
            || resource
                .parent
                .as_ref()
                .is_some_and(|parent| template.resources.contains_key(parent) && !evaluator.is_ours(parent))
        {
            continue;
        }
        let mut properties = evaluator
            .within(&["resources", logical_id, "Properties"], |evaluator| evaluator.value(&resource.properties))
            .unwrap_or_else(|| Value::Map(BTreeMap::new()));
        ownership::mark(&mut properties, &resource.kind, logical_id, &owner);
        let mut hint = |(name, hint): (&String, &Value)| {
            let value = evaluator.within(&["resources", logical_id, name], |evaluator| evaluator.value(hint));
            Some((name.clone(), value?))
        };
        let hints = resource.hints.iter().filter_map(&mut hint).collect();
        let depends_on = resource.depends_on.iter().filter_map(|id| evaluator.made_by(id)).collect();
        resources.push(Desired {
            address: Address::new(resource.kind.clone(), logical_id.clone()),
            properties,
            depends_on,
            parent: resource.parent.clone(),
            fingerprint: None,
            hints,
        });
    }
    resources.extend(stacks::desired(&mut evaluator, &owner));
    stamp(&mut resources);
    let (needs, problems) = evaluator.finish();
    Evaluation { desired: DesiredState { resources }, needs, problems }
}

/// Gives every function the digest of what is desired beneath it, at any depth, as its fingerprint and as a tag. Versions do
/// not count: they follow from the function itself, and stay when they are no longer desired.
fn stamp(resources: &mut [Desired]) {
    let parents: BTreeMap<&str, &str> = resources
        .iter()
        .filter_map(|resource| Some((resource.address.logical_id.as_str(), resource.parent.as_deref()?)))
        .collect();
    let mut children: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (position, resource) in resources.iter().enumerate() {
        if resource.address.kind == "AWS::Lambda::Version" {
            continue;
        }
        let mut above = resource.parent.as_deref();
        // Nothing lives deeper than there are resources, unless it lives in a circle.
        for _ in 0..resources.len() {
            let Some(parent) = above else { break };
            children.entry(parent.to_owned()).or_default().push(position);
            above = parents.get(parent).copied();
        }
    }
    let fingerprints: Vec<Option<String>> = resources
        .iter()
        .map(|resource| {
            (resource.address.kind == "AWS::Lambda::Function").then(|| {
                let beneath = children.get(&resource.address.logical_id).map(Vec::as_slice).unwrap_or_default();
                let beneath = beneath.iter().filter_map(|position| resources.get(*position));
                fingerprint(beneath, left_of_a_function)
            })
        })
        .collect();
    for (resource, fingerprint) in resources.iter_mut().zip(fingerprints) {
        if let Some(fingerprint) = fingerprint {
            ownership::set_tag(&mut resource.properties, &resource.address.kind, APPLIED, &fingerprint);
            resource.fingerprint = Some(fingerprint);
        }
    }
}

#[cfg(test)]
mod tests;
