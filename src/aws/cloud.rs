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

    /// What may be ours by its tags, by its name or by the last deploys' notes: kind and physical id. Nothing of it is
    /// confirmed.
    async fn candidates(&self) -> Result<BTreeSet<(usize, String)>, Failure> {
        let (tagged, named) = tokio::try_join!(self.aws.tagged(), self.named())?;
        let by_tag = tagged.keys().flat_map(|arn| {
            self.kinds
                .iter()
                .enumerate()
                .filter_map(move |(position, kind)| Some((position, kind.physical_id_of(arn)?)))
        });
        let noted = self.aws.run.noted();
        let by_note = noted.into_iter().filter_map(|(kind, id)| Some((*self.by_type.get(kind.as_str())?, id)));
        Ok(by_tag.chain(named).chain(by_note).collect())
    }

    async fn named(&self) -> Result<Vec<(usize, String)>, Failure> {
        let mut tasks = JoinSet::new();
        for (position, kind) in self.kinds.iter().enumerate() {
            let kind = Arc::clone(kind);
            tasks.spawn(async move { (position, kind.by_name().await) });
        }
        let mut all = Vec::new();
        while let Some(done) = tasks.join_next().await {
            let (position, names) = done.map_err(|error| broken(&error))?;
            all.extend(
                names?
                    .into_iter()
                    .map(|(type_name, id)| (self.by_type.get(type_name).copied().unwrap_or(position), id)),
            );
        }
        Ok(all)
    }
}

fn broken(error: &tokio::task::JoinError) -> Failure {
    let reason = if error.is_cancelled() { Reason::Cancelled } else { Reason::Bug };
    Failure::new(reason, "looking for what is ours ended without a result")
}

#[async_trait]
impl Cloud for AwsCloud {
    fn kind(&self, type_name: &str) -> Option<&dyn Kind> {
        let position = *self.by_type.get(type_name)?;
        let kind: &dyn Kind = self.kinds.get(position)?.as_ref();
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
        let wanted: BTreeSet<(usize, String)> = desired
            .iter()
            .filter_map(|desired| {
                let position = *self.by_type.get(desired.address.kind.as_str())?;
                Some((position, self.kinds.get(position)?.identity(desired)?))
            })
            .collect();
        let mut tasks = JoinSet::new();
        for (position, id) in self.candidates().await?.difference(&wanted) {
            let Some(kind) = self.kinds.get(*position).map(Arc::clone) else { continue };
            let id = id.clone();
            // The tagging API lists what is gone: only the service itself knows.
            tasks.spawn(async move { kind.confirm(&id).await });
        }
        let mut found = Vec::new();
        while let Some(done) = tasks.join_next().await {
            found.extend(done.map_err(|error| broken(&error))??);
        }
        found.sort_by(|one, other| (&one.address, &one.physical_id).cmp(&(&other.address, &other.physical_id)));
        Ok(found)
    }
}
