//! The lease's store, in memory: its calls are calls of the world, and fail and kill as those do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::World;
use crate::engine::failure::{Failure, Reason};
use crate::engine::lease::{Condition, LeaseStore, Stored, Written};

#[derive(Default)]
pub struct MemoryStore {
    world: Arc<World>,
    object: Mutex<Option<(Vec<u8>, u64, Instant)>>,
    /// Whether it tells how old its object is.
    pub tells_age: bool,
    /// Whether it can be reached.
    pub cut_off: Mutex<bool>,
}

impl MemoryStore {
    pub fn new(world: Arc<World>) -> Self {
        Self { world, tells_age: true, ..Self::default() }
    }

    pub fn text(&self) -> String {
        self.object
            .lock()
            .unwrap()
            .as_ref()
            .map(|(body, ..)| String::from_utf8_lossy(body).into_owned())
            .unwrap_or_default()
    }

    fn reach(&self) -> Result<(), Failure> {
        if *self.cut_off.lock().unwrap() { Err(Failure::new(Reason::Unreachable, "no route")) } else { Ok(()) }
    }
}

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn get(&self) -> Result<Option<Stored>, Failure> {
        self.reach()?;
        let mut tries = 0;
        loop {
            let call = self.world.call("GetLease", false, |_| {
                Ok(self.object.lock().unwrap().as_ref().map(|(body, etag, written)| Stored {
                    body: body.clone(),
                    etag: etag.to_string(),
                    age: self.tells_age.then(|| Duration::from_secs(written.elapsed().as_secs())),
                }))
            });
            match call.await {
                Ok(stored) => return Ok(stored),
                Err(_) if tries < 5 => tries += 1,
                Err(error) => return Err(Failure::new(error.reason, error.message)),
            }
        }
    }

    async fn put(&self, body: Vec<u8>, condition: Condition) -> Result<Written, Failure> {
        self.reach()?;
        let call = self.world.call("PutLease", true, |_| {
            let mut object = self.object.lock().unwrap();
            let etag = object.as_ref().map(|(_, etag, _)| *etag);
            let holds = match condition {
                Condition::IfNoneMatch => etag.is_none(),
                Condition::IfMatch(wanted) => etag.is_some_and(|etag| etag.to_string() == wanted),
            };
            if !holds {
                return Ok(Written::Conflict);
            }
            let next = etag.unwrap_or(0) + 1;
            *object = Some((body, next, Instant::now()));
            Ok(Written::Etag(next.to_string()))
        });
        call.await.map_err(|error| Failure::new(error.reason, error.message))
    }
}
