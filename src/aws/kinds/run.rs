//! What the kinds learnt or did in this run and tell each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use serde_json::Value as Json;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::aws::client::lock;
use crate::engine::notes::Note;

use crate::aws::archive::Keeping;

use super::gate::Gate;
use super::log_group::LogGroups;
use super::policy::Statements;
use super::tags::Tagged;

/// Megabytes of zips that are in memory at the same time.
const UPLOAD_MEMORY: usize = 56;

/// A list of API Gateway's, filled in by whoever asks first.
type Listed = Arc<OnceCell<Arc<Vec<Json>>>>;

/// Shared by all kinds of one connection.
#[derive(Debug)]
pub struct Run {
    gates: Mutex<BTreeMap<String, Arc<Gate>>>,
    published: Mutex<BTreeMap<String, Published>>,
    adding: Mutex<BTreeMap<String, Adding>>,
    uploads: Semaphore,
    /// Copies of code that go into the deployment bucket.
    pub(in crate::aws) keeping: Keeping,
    /// Resource policies by the function's name.
    pub(super) policies: Mutex<BTreeMap<String, Statements>>,
    /// What GetFunction said of each function, for all who ask while a plan is made.
    functions: Mutex<BTreeMap<String, Arc<OnceCell<Option<GetFunctionOutput>>>>>,
    /// Names of each function's aliases, for all who ask while a plan is made.
    aliases: Mutex<BTreeMap<String, Arc<OnceCell<Vec<String>>>>>,
    /// The REST APIs of the account, for all who ask while a plan is made.
    rest_apis: Mutex<Listed>,
    /// Its HTTP and WebSocket APIs.
    v2_apis: Mutex<Listed>,
    /// Resources and methods by the API, for all who ask while a plan is made.
    rest_routes: Mutex<BTreeMap<String, Listed>>,
    /// Stages by the API of any kind, for all who ask while a plan is made.
    stages: Mutex<BTreeMap<String, Listed>>,
    /// Physical ids of the rules that were looked at while a plan is made: what a function's policy names is mostly among
    /// them.
    pub(super) rules: Mutex<BTreeSet<String>>,
    /// What the tagging API knows of this service.
    pub(super) tagged: tokio::sync::Mutex<Option<Arc<Tagged>>>,
    /// The log groups of this service's functions.
    pub(super) log_groups: tokio::sync::Mutex<Option<Arc<LogGroups>>>,
    /// What deploys made a moment ago; `None` where nobody could note it.
    noted: Mutex<Option<Vec<Note>>>,
    /// Whether the deployment bucket was looked for and is not there.
    bucket_is_missing: AtomicBool,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            gates: Mutex::default(),
            published: Mutex::default(),
            adding: Mutex::default(),
            uploads: Semaphore::new(UPLOAD_MEMORY),
            keeping: Keeping::default(),
            policies: Mutex::default(),
            functions: Mutex::default(),
            aliases: Mutex::default(),
            rest_apis: Mutex::default(),
            v2_apis: Mutex::default(),
            rest_routes: Mutex::default(),
            stages: Mutex::default(),
            rules: Mutex::default(),
            tagged: tokio::sync::Mutex::default(),
            log_groups: tokio::sync::Mutex::default(),
            noted: Mutex::default(),
            bucket_is_missing: AtomicBool::default(),
        }
    }
}

/// A version that a function's own create or update published in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// `3`
    pub version: String,
    /// The digest of its code.
    pub code: Option<String>,
    /// The digest of its configuration.
    pub config: Option<String>,
}

/// Permissions of one function that are being added at this moment.
#[derive(Clone, Copy, Debug, Default)]
struct Adding {
    now: u32,
    /// Some of them at the same time: AWS may have lost one.
    crowded: bool,
}

impl Run {
    /// Where functions wait for a role that changed in this run.
    pub fn gate(&self, role: &str) -> Arc<Gate> {
        Arc::clone(lock(&self.gates).entry(role.to_owned()).or_default())
    }

    /// Where the answer about a function is, once somebody asked.
    pub fn function(&self, name: &str) -> Arc<OnceCell<Option<GetFunctionOutput>>> {
        Arc::clone(lock(&self.functions).entry(name.to_owned()).or_default())
    }

    /// Where the names of a function's aliases are, once somebody asked.
    pub fn aliases(&self, function: &str) -> Arc<OnceCell<Vec<String>>> {
        Arc::clone(lock(&self.aliases).entry(function.to_owned()).or_default())
    }

    /// Where the REST APIs of the account are, once somebody asked.
    pub fn rest_apis(&self) -> Listed {
        Arc::clone(&lock(&self.rest_apis))
    }

    /// Where its HTTP and WebSocket APIs are, once somebody asked.
    pub fn v2_apis(&self) -> Listed {
        Arc::clone(&lock(&self.v2_apis))
    }

    /// Where the resources and methods of a REST API are, once somebody asked.
    pub fn rest_routes(&self, api: &str) -> Listed {
        Arc::clone(lock(&self.rest_routes).entry(api.to_owned()).or_default())
    }

    /// Where the stages of an API are, once somebody asked.
    pub fn stages(&self, api: &str) -> Listed {
        Arc::clone(lock(&self.stages).entry(api.to_owned()).or_default())
    }

    /// What deploys made a moment ago, to be looked for beside what is tagged. `None` when that is not known.
    pub fn expect(&self, notes: Option<&[Note]>) {
        *lock(&self.noted) = notes.map(<[Note]>::to_vec);
    }

    /// Types and physical ids of what deploys made a moment ago, as far as ids were known before.
    pub fn noted(&self) -> Vec<(String, String)> {
        let noted = lock(&self.noted);
        let named = noted.iter().flatten().filter(|note| !note.id.is_empty());
        named.map(|note| (note.kind.clone(), note.id.clone())).collect()
    }

    /// Whether a deploy of a moment ago was about to make that.
    pub fn was_noted(&self, type_name: &str, id: &str) -> bool {
        lock(&self.noted).iter().flatten().any(|note| note.kind == type_name && note.id == id)
    }

    /// Whether the tagging API may not know yet of one of this type: one was made a moment ago, or nobody can say.
    pub fn may_be_untold(&self, type_name: &str) -> bool {
        lock(&self.noted).as_ref().is_none_or(|noted| noted.iter().any(|note| note.kind == type_name))
    }

    /// Notes whether there is a deployment bucket.
    pub fn bucket_is_missing(&self, missing: bool) {
        self.bucket_is_missing.store(missing, Ordering::Release);
    }

    /// Whether it is known that there is none: what is to be written would only be refused.
    pub fn is_bucket_missing(&self) -> bool {
        self.bucket_is_missing.load(Ordering::Acquire)
    }

    /// Forgets what was read: somebody else may have written since.
    pub async fn forget_reads(&self) {
        lock(&self.functions).clear();
        lock(&self.aliases).clear();
        lock(&self.policies).clear();
        *lock(&self.rest_apis) = Arc::default();
        *lock(&self.v2_apis) = Arc::default();
        lock(&self.rest_routes).clear();
        lock(&self.stages).clear();
        lock(&self.rules).clear();
        *self.tagged.lock().await = None;
        *self.log_groups.lock().await = None;
    }

    /// Notes what a function published.
    pub fn publish(&self, function: &str, published: Published) {
        lock(&self.published).insert(function.to_owned(), published);
    }

    /// What a function published in this run.
    pub fn published(&self, function: &str) -> Option<Published> {
        lock(&self.published).get(function).cloned()
    }

    /// Room for a zip of so many bytes in memory.
    pub async fn room_for(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        let megabytes = usize::try_from(bytes >> 20).unwrap_or(UPLOAD_MEMORY).clamp(1, UPLOAD_MEMORY);
        // It is never closed.
        self.uploads.acquire_many(u32::try_from(megabytes).unwrap_or(1)).await.ok()
    }

    /// A permission is being added to a function.
    pub fn begin_adding(&self, function: &str) {
        let mut all = lock(&self.adding);
        let adding = all.entry(function.to_owned()).or_default();
        adding.now += 1;
        adding.crowded |= adding.now > 1;
    }

    /// It was added; whether others were on their way at the same time.
    pub fn done_adding(&self, function: &str) -> bool {
        let mut all = lock(&self.adding);
        let Some(adding) = all.get_mut(function) else { return false };
        let crowded = adding.crowded;
        adding.now = adding.now.saturating_sub(1);
        if adding.now == 0 {
            all.remove(function);
        }
        crowded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_or_unknown_may_be_untold() {
        let run = Run::default();
        assert!(run.may_be_untold("AWS::ApiGateway::RestApi"), "nobody noted anything");
        let note = |kind: &str, id: &str| Note { kind: kind.into(), id: id.into(), at: 1 };
        run.expect(Some(&[note("AWS::ApiGatewayV2::Api", ""), note("AWS::SNS::Topic", "orders")]));
        assert!(run.may_be_untold("AWS::ApiGatewayV2::Api"));
        assert!(!run.may_be_untold("AWS::ApiGateway::RestApi"));
        assert_eq!(run.noted(), [("AWS::SNS::Topic".to_owned(), "orders".to_owned())]);
        run.expect(None);
        assert!(run.may_be_untold("AWS::ApiGateway::RestApi"));
    }

    #[test]
    fn only_permissions_that_overlapped_are_suspect() {
        let run = Run::default();
        run.begin_adding("f");
        assert!(!run.done_adding("f"));
        run.begin_adding("f");
        run.begin_adding("f");
        assert!(run.done_adding("f"));
        assert!(run.done_adding("f"));
        run.begin_adding("f");
        assert!(!run.done_adding("f"));
    }
}
