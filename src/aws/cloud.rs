//! AWS as the engine sees it: the registry of kinds, and everything that carries this service's marks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Cloud, Kind};
use crate::engine::resource::{Desired, Live};

use super::client::Aws;
use super::kinds::{Findable, all};

/// One account and region, as a provider of the engine.
pub struct AwsCloud {
    aws: Arc<Aws>,
    kinds: Vec<Arc<dyn Findable>>,
    by_type: BTreeMap<&'static str, usize>,
    /// Whether what left the file is looked for.
    looks_for_orphans: bool,
}

impl AwsCloud {
    /// All kinds of hoist on one connection.
    pub fn new(aws: &Arc<Aws>) -> Self {
        let kinds = all(aws);
        let by_type = kinds.iter().enumerate().map(|(position, kind)| (kind.type_name(), position)).collect();
        Self { aws: Arc::clone(aws), kinds, by_type, looks_for_orphans: true }
    }

    /// The same, but what is ours and not wanted stays: for what only a command of its own may take away.
    #[must_use]
    pub fn keeping_orphans(self) -> Self {
        Self { looks_for_orphans: false, ..self }
    }

    pub fn aws(&self) -> &Arc<Aws> {
        &self.aws
    }

    /// Asks everywhere for what may be ours, by its tags and by its name, and gives each answer as it comes. Nothing of it
    /// is confirmed.
    fn listing(&self) -> JoinSet<Result<Vec<Candidate>, Failure>> {
        let mut lists = JoinSet::new();
        let (aws, kinds) = (Arc::clone(&self.aws), self.kinds.clone());
        lists.spawn(async move {
            let tagged = aws.tagged().await?;
            let of = |arn: &String| {
                let ids = kinds.iter().filter_map(|kind| Some((kind.type_name(), kind.physical_id_of(arn)?)));
                ids.collect::<Vec<_>>()
            };
            Ok(tagged.keys().flat_map(of).collect())
        });
        for kind in self.kinds.iter().map(Arc::clone) {
            lists.spawn(async move { kind.by_name().await });
        }
        lists
    }

    /// What the last deploys noted.
    fn noted(&self) -> Vec<Candidate> {
        let noted = self.aws.run.noted().into_iter();
        noted.filter_map(|(kind, id)| Some((*self.by_type.get_key_value(kind.as_str())?.0, id))).collect()
    }

    fn findable(&self, type_name: &str) -> Option<&Arc<dyn Findable>> {
        self.kinds.get(*self.by_type.get(type_name)?)
    }
}

/// A type and a physical id.
type Candidate = (&'static str, String);

fn broken(error: &tokio::task::JoinError) -> Failure {
    let reason = if error.is_cancelled() { Reason::Cancelled } else { Reason::Bug };
    Failure::new(reason, "looking for what is ours ended without a result")
}

#[async_trait]
impl Cloud for AwsCloud {
    fn kind(&self, type_name: &str) -> Option<&dyn Kind> {
        let kind: &dyn Kind = self.findable(type_name)?.as_ref();
        Some(kind)
    }

    fn kinds(&self) -> Vec<&dyn Kind> {
        self.kinds.iter().map(|kind| -> &dyn Kind { kind.as_ref() }).collect()
    }

    async fn owned(&self, desired: &[Desired]) -> Result<Vec<Live>, Failure> {
        if !self.looks_for_orphans {
            return Ok(Vec::new());
        }
        // Names of what is ours have the account in them.
        self.aws.account().await?;
        let mut known: BTreeSet<Candidate> = desired
            .iter()
            .filter_map(|desired| {
                let kind = self.findable(&desired.address.kind)?;
                Some((kind.type_name(), kind.identity(desired)?))
            })
            .collect();
        let mut lists = self.listing();
        let mut confirming = JoinSet::new();
        let mut candidates = self.noted();
        loop {
            for (type_name, id) in candidates {
                let Some(kind) = self.findable(type_name).map(Arc::clone) else { continue };
                // The tagging API lists what is gone: only the service itself knows.
                if known.insert((type_name, id.clone())) {
                    confirming.spawn(async move { kind.confirm(&id).await });
                }
            }
            candidates = match lists.join_next().await {
                Some(listed) => listed.map_err(|error| broken(&error))??,
                None => break,
            };
        }
        let mut found = Vec::new();
        while let Some(done) = confirming.join_next().await {
            found.extend(done.map_err(|error| broken(&error))??);
        }
        found.sort_by(|one, other| (&one.address, &one.physical_id).cmp(&(&other.address, &other.physical_id)));
        Ok(found)
    }
}
