//! Old versions of functions and layers are deleted at the end of a deploy that made new ones.
//!
//! Only what got a new version in this run is looked at: two reads each. What an alias sends traffic to stays, however
//! old it is, and so does the newest version, which the next deploy compares with.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::aws::client::Aws;
use crate::aws::kinds::json::member;
use crate::aws::kinds::{layer, version};
use crate::aws::signed::{Signed, segment};
use crate::config::language::releases::Kept;
use crate::engine::apply::{Applied, Outcome};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress;
use crate::engine::plan::{Action, Plan};
use crate::engine::value::Value;

/// At most so many deletions a deploy: five seconds of Lambda's quota. The rest is left to the next one.
const AT_MOST: usize = 75;

/// What was pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Functions and layers with the versions that are gone: `shop-dev-hello:3`.
    pub deleted: Vec<String>,
    /// How many are left to the next deploy.
    pub left: usize,
}

/// What got a new version in a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Function(String),
    Layer(String),
}

impl Owner {
    fn name(&self) -> &str {
        match self {
            Self::Function(name) | Self::Layer(name) => name,
        }
    }
}

/// Prunes what got a new version. Stops between two calls when it is asked to.
///
/// # Errors
/// The first call that failed; what was deleted before stays so, and the next deploy goes on.
pub async fn prune(
    aws: &Aws,
    keep: Kept,
    plan: &Plan,
    applied: &Applied,
    progress: &Progress,
) -> Result<Pruned, Failure> {
    let mut pruned = Pruned::default();
    for owner in renewed(plan, applied) {
        if matches!(owner, Owner::Layer(_)) && !keep.layers {
            continue;
        }
        let old = old_versions(aws, &owner, keep.number).await?;
        for version in old {
            if pruned.deleted.len() >= AT_MOST || aws.retry().is_stopped() {
                pruned.left += 1;
            } else if delete(aws, &owner, version, progress).await? {
                pruned.deleted.push(format!("{}:{version}", owner.name()));
            }
        }
    }
    Ok(pruned)
}

/// Functions and layers that got a version in this run.
fn renewed(plan: &Plan, applied: &Applied) -> BTreeSet<Owner> {
    let done = plan.changes.iter().zip(&applied.outcomes).filter(|(change, outcome)| {
        **outcome == Outcome::Done && matches!(change.action, Action::Create | Action::Replace { .. })
    });
    done.filter_map(|(change, _)| {
        let properties = &applied.live.get(&change.address.logical_id)?.properties;
        let name = |key: &str| properties.get(key).and_then(Value::text).map(str::to_owned);
        match change.address.kind.as_str() {
            version::TYPE => name("FunctionName").map(Owner::Function),
            layer::TYPE => name("LayerName").map(Owner::Layer),
            _ => None,
        }
    })
    .collect()
}

/// Versions beyond the newest so many that nothing points to, the oldest first.
async fn old_versions(aws: &Aws, owner: &Owner, keep: usize) -> Result<Vec<u64>, Failure> {
    let mut versions: Vec<u64> = Vec::new();
    let mut used: BTreeSet<u64> = BTreeSet::new();
    match owner {
        Owner::Function(name) => {
            let path = format!("/2015-03-31/functions/{}", segment(name));
            let request = Signed::rest("GET", format!("{path}/versions"));
            let marks = ("NextMarker", "Marker");
            let all = aws.pages("lambda", "ListVersionsByFunction", request, marks, "Versions").await?;
            versions.extend(all.iter().filter_map(|version| member(version, "Version")?.parse::<u64>().ok()));
            let request = Signed::rest("GET", format!("{path}/aliases"));
            let aliases = aws.pages("lambda", "ListAliases", request, marks, "Aliases").await?;
            used.extend(aliases.iter().flat_map(routed));
        }
        Owner::Layer(name) => {
            let request = Signed::rest("GET", format!("/2018-10-31/layers/{}/versions", segment(name)));
            let all =
                aws.pages("lambda", "ListLayerVersions", request, ("NextMarker", "Marker"), "LayerVersions").await?;
            versions.extend(all.iter().filter_map(|version| version.get("Version")?.as_u64()));
        }
    }
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let mut old: Vec<u64> = versions.into_iter().skip(keep.max(1)).filter(|version| !used.contains(version)).collect();
    old.reverse();
    Ok(old)
}

/// Versions that an alias sends traffic to, those of a running shift included.
fn routed(alias: &Json) -> Vec<u64> {
    let weights = alias.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Json::as_object);
    let others = weights.into_iter().flatten().map(|(version, _)| version.as_str());
    member(alias, "FunctionVersion").into_iter().chain(others).filter_map(|version| version.parse().ok()).collect()
}

/// Whether it is gone. What is in use after all (an alias that came meanwhile, a replica at the edge) stays.
async fn delete(aws: &Aws, owner: &Owner, version: u64, progress: &Progress) -> Result<bool, Failure> {
    let name = segment(owner.name());
    let (operation, request) = match owner {
        Owner::Function(_) => {
            let path = format!("/2015-03-31/functions/{name}");
            ("DeleteFunction", Signed::rest("DELETE", path).query("Qualifier", version.to_string()))
        }
        Owner::Layer(_) => {
            ("DeleteLayerVersion", Signed::rest("DELETE", format!("/2018-10-31/layers/{name}/versions/{version}")))
        }
    };
    let call = aws.call("lambda", operation).progress(progress);
    match call.find(|| aws.signed("lambda", request.clone())).await {
        Ok(_) => Ok(true),
        Err(failure) if matches!(failure.reason, Reason::Conflict | Reason::Invalid) => Ok(false),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::fake::{Fake, Told};

    #[tokio::test]
    async fn what_an_alias_or_a_shift_points_to_stays() {
        let (aws, _) = Fake::connect(|asked| {
            if asked.path.contains("/aliases") {
                let weights = json!({ "AdditionalVersionWeights": { "3": 0.1 } });
                return Told::ok(
                    json!({ "Aliases": [{ "Name": "live", "FunctionVersion": "1", "RoutingConfig": weights }] }),
                );
            }
            let versions = ["$LATEST", "1", "2", "3", "4", "10", "9"].map(|version| json!({ "Version": version }));
            Told::ok(json!({ "Versions": versions }))
        });
        let owner = Owner::Function("f".into());
        assert_eq!(old_versions(&aws, &owner, 2).await.unwrap(), [2, 4]);
        assert_eq!(old_versions(&aws, &owner, 0).await.unwrap(), [2, 4, 9]);
    }

    #[tokio::test]
    async fn layers_have_no_aliases() {
        let (aws, _) = Fake::connect(|_| {
            Told::ok(json!({ "LayerVersions": [{ "Version": 3 }, { "Version": 2 }, { "Version": 1 }] }))
        });
        assert_eq!(old_versions(&aws, &Owner::Layer("l".into()), 1).await.unwrap(), [1, 2]);
    }
}
