//! Records of deployments, kept as objects of the deployment bucket.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::engine::failure::{Failure, Reason};
use crate::engine::history::{HistoryStore, Record, id_at, time_of};

use super::bucket::If;
use super::client::Aws;
use super::ownership::Scope;

/// So many seconds after 1970 keys begin to be too short. It is the year 2286.
const LAST_SECOND: i64 = 9_999_999_999;
/// The lease keeps runs of a stage apart: more than a few can only begin in one second when clocks are wrong.
const MOST_AT_ONCE: usize = 5;

/// How the keys of a stage's records begin.
pub fn prefix(scope: &Scope) -> String {
    format!("history/{}/{}/", scope.service, scope.stage)
}

/// The id in the key of a record: `history/shop/dev/7123456789-20261127-172904.json`.
fn id_in(key: &str) -> Option<&str> {
    key.rsplit('/').next()?.split_once('-')?.1.strip_suffix(".json")
}

/// The records of one service and stage.
#[derive(Clone)]
pub struct S3History {
    aws: Arc<Aws>,
}

impl S3History {
    /// Those of the connection's service and stage.
    pub fn new(aws: &Arc<Aws>) -> Self {
        Self { aws: Arc::clone(aws) }
    }

    fn prefix(&self) -> String {
        prefix(self.aws.scope())
    }

    /// S3 lists in the order of keys only: the seconds that are left come first, so that the newest is listed first.
    fn key(&self, id: &str) -> Option<String> {
        Some(format!("{}{:010}-{id}.json", self.prefix(), LAST_SECOND - time_of(id)?))
    }

    /// Whether it was written: the condition held.
    async fn write(&self, record: &Record, condition: If<'_>) -> Result<bool, Failure> {
        let bug = |what: String| Failure::new(Reason::Bug, format!("a record that cannot be written: {what}"));
        let key = self.key(&record.id).ok_or_else(|| bug(record.id.clone()))?;
        let body = serde_json::to_vec(record).map_err(|error| bug(error.to_string()))?;
        Ok(self.aws.bucket().write(&key, &body, condition).await?.is_some())
    }

    async fn at(&self, key: &str) -> Result<Option<Record>, Failure> {
        let Some(found) = self.aws.bucket().read(key).await? else { return Ok(None) };
        serde_json::from_slice(&found.body).map(Some).map_err(|error| {
            Failure::new(Reason::Invalid, format!("the record {key} cannot be read: {error}"))
                .help("A newer version of hoist may have written it: update hoist.")
        })
    }
}

#[async_trait]
impl HistoryStore for S3History {
    async fn begin(&self, record: &Record) -> Result<String, Failure> {
        let mut record = record.clone();
        // Clocks differ, and runs may be shorter than a second: whoever comes later is listed later all the same.
        let newest = self.aws.bucket().keys(&self.prefix(), 1).await?;
        let newest = newest.first().and_then(|key| time_of(id_in(key)?)).unwrap_or(0);
        record.id = id_at(record.began.max(newest + 1));
        for _ in 0..MOST_AT_ONCE {
            if self.write(&record, If::Absent).await? {
                return Ok(record.id);
            }
            // Its own, when the answer was lost the first time.
            if self.read(&record.id).await?.is_some_and(|there| there.run == record.run) {
                return Ok(record.id);
            }
            record.id = id_at(time_of(&record.id).unwrap_or(record.began) + 1);
        }
        Err(Failure::new(Reason::Conflict, format!("there are records of many other runs at {}", record.id)))
    }

    async fn end(&self, record: &Record) -> Result<(), Failure> {
        self.write(record, If::Any).await.map(drop)
    }

    async fn newest(&self, most: usize) -> Result<Vec<Record>, Failure> {
        let keys = self.aws.bucket().keys(&self.prefix(), most).await?;
        let mut tasks = JoinSet::new();
        for (place, key) in keys.into_iter().enumerate() {
            let history = self.clone();
            tasks.spawn(async move { (place, history.at(&key).await) });
        }
        let mut found = Vec::new();
        while let Some(done) = tasks.join_next().await {
            let (place, record) =
                done.map_err(|_| Failure::new(Reason::Bug, "reading the history ended without a result"))?;
            found.extend(record?.map(|record| (place, record)));
        }
        found.sort_by_key(|(place, _)| *place);
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }

    async fn read(&self, id: &str) -> Result<Option<Record>, Failure> {
        match self.key(id) {
            Some(key) => self.at(&key).await,
            None => Ok(None),
        }
    }
}
