//! Before the first shift of a function that has no alias yet, everything that calls it has to go through one.
//!
//! Code that is put into a function whose callers use it directly is live at once. So a first deploy leaves the function
//! as it is and puts an alias before it, on the version that is live; the second one has something to shift.

use std::collections::BTreeSet;

use super::shift::HINT;
use crate::aws::client::Aws;
use crate::aws::kinds::{alias, function};
use crate::engine::failure::Failure;
use crate::engine::kind::Cloud;
use crate::engine::resource::{Desired, DesiredState};
use crate::engine::value::Value;

/// What is to be deployed first: the same, but with functions as they are live where their alias is new. `None` when no
/// function needs it: each is new itself, or has its alias.
///
/// # Errors
/// As every call.
pub async fn aliases_first(
    aws: &Aws,
    cloud: &dyn Cloud,
    desired: &DesiredState,
) -> Result<Option<DesiredState>, Failure> {
    let Some(kind) = cloud.kind(function::TYPE) else { return Ok(None) };
    let shifting: BTreeSet<&str> = desired
        .resources
        .iter()
        .filter(|one| one.address.kind == alias::TYPE && one.hints.contains_key(HINT))
        .filter_map(|one| one.parent.as_deref())
        .collect();
    let mut first = desired.clone();
    let mut any = false;
    for one in first.resources.iter_mut().filter(|one| one.address.kind == function::TYPE) {
        if !shifting.contains(one.address.logical_id.as_str()) {
            continue;
        }
        let Some(live) = kind.read(one).await? else { continue };
        let names = function::Function::aliases(aws, &live.physical_id).await?;
        if alias_of(desired, one).is_some_and(|name| !names.contains(&name)) {
            one.properties = live.properties;
            one.hints.remove("Publish");
            any = true;
        }
    }
    Ok(any.then_some(first))
}

/// The name of the alias that a function is to have.
fn alias_of(desired: &DesiredState, function: &Desired) -> Option<String> {
    let mut aliases = desired.resources.iter().filter(|one| {
        one.address.kind == alias::TYPE && one.parent.as_deref() == Some(function.address.logical_id.as_str())
    });
    aliases.next()?.properties.get("Name").and_then(Value::text).map(str::to_owned)
}
