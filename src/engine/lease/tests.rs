use super::*;
use crate::engine::guard::is_lost;
use crate::engine::memory::{Fault, MemoryStore, World};

fn store() -> (Arc<World>, Arc<MemoryStore>, Arc<dyn LeaseStore>) {
    let world = Arc::new(World::default());
    let memory = Arc::new(MemoryStore::new(Arc::clone(&world)));
    (world, Arc::clone(&memory), memory)
}

fn options(id: &str, wait: u64) -> LeaseOptions {
    let wait_until = Instant::now() + Duration::from_secs(wait);
    LeaseOptions { wait_until, ..LeaseOptions::new(id, format!("{id}@host")) }
}

async fn take(store: &Arc<dyn LeaseStore>, id: &str) -> Lease {
    let seen = look(store.as_ref()).await.unwrap();
    match acquire(store, &seen, &options(id, 0), &Progress::silent()).await.unwrap() {
        Acquired::Held(lease) => lease,
        Acquired::Moved(seen) => panic!("moved: {seen:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_settled_release_lets_the_next_one_trust() {
    let (_, _, store) = store();
    assert!(!look(store.as_ref()).await.unwrap().is_settled());
    let lease = take(&store, "one").await;
    assert!(look(store.as_ref()).await.unwrap().was_cut_off());
    let guard = lease.guard();
    lease.release(true).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(guard.check(), Ok(()), "what comes after a release is not stopped");
    assert!(look(store.as_ref()).await.unwrap().is_settled());
    let lease = take(&store, "two").await;
    assert_eq!(lease.serial().await, 2);
    lease.release(false).await.unwrap();
    let seen = look(store.as_ref()).await.unwrap();
    assert!(!seen.is_settled() && !seen.was_cut_off() && seen.holder().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_no_longer_right_does_not_get_the_lease() {
    let (_, _, store) = store();
    let seen = look(store.as_ref()).await.unwrap();
    take(&store, "other").await.release(true).await.unwrap();
    let acquired = acquire(&store, &seen, &options("late", 0), &Progress::silent()).await.unwrap();
    assert!(matches!(acquired, Acquired::Moved(now) if now.is_settled()));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_hears_who_holds_it() {
    let (_, _, store) = store();
    let _held = take(&store, "anna").await;
    let seen = look(store.as_ref()).await.unwrap();
    let refused = acquire(&store, &seen, &options("ben", 0), &Progress::silent()).await.err().unwrap();
    assert_eq!(refused.reason, Reason::Conflict);
    assert_eq!(refused.message, "anna@host is deploying this stage");
}

#[tokio::test(start_paused = true)]
async fn who_waits_plans_again_when_it_is_free() {
    let (_, _, store) = store();
    let lease = take(&store, "anna").await;
    let seen = look(store.as_ref()).await.unwrap();
    let began = Instant::now();
    let release = async {
        tokio::time::sleep(Duration::from_secs(120)).await;
        lease.release(true).await
    };
    let options = options("ben", 600);
    let silent = Progress::silent();
    let (acquired, released) = tokio::join!(acquire(&store, &seen, &options, &silent), release);
    released.unwrap();
    // The holder renewed it all the time: it was not taken over.
    assert!(began.elapsed() >= Duration::from_secs(120));
    assert!(matches!(acquired.unwrap(), Acquired::Moved(now) if now.is_settled()));
}

#[tokio::test(start_paused = true)]
async fn a_dead_holder_is_taken_over_after_a_lease_length() {
    for tells_age in [true, false] {
        let world = Arc::new(World::default());
        let mut memory = MemoryStore::new(Arc::clone(&world));
        memory.tells_age = tells_age;
        let store: Arc<dyn LeaseStore> = Arc::new(memory);
        drop(take(&store, "dead").await);
        let began = Instant::now();
        let seen = look(store.as_ref()).await.unwrap();
        let moved = acquire(&store, &seen, &options("next", 600), &Progress::silent()).await.unwrap();
        let Acquired::Moved(seen) = moved else { panic!("took it from under a holder") };
        assert!(seen.holder().is_none() && seen.was_cut_off() && !seen.is_settled());
        assert!(began.elapsed() > Duration::from_secs(28) && began.elapsed() < Duration::from_secs(35));
        let held = acquire(&store, &seen, &options("next", 0), &Progress::silent()).await.unwrap();
        assert!(matches!(held, Acquired::Held(_)), "age told: {tells_age}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_holder_knows_that_it_lost_before_anybody_may_take_it() {
    let (_, memory, store) = store();
    let lease = take(&store, "one").await;
    let guard = lease.guard();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(guard.check(), Ok(()));
    *memory.cut_off.lock().unwrap() = true;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(is_lost(&guard.check().unwrap_err()));
    *memory.cut_off.lock().unwrap() = false;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(guard.check().is_err(), "once lost, it stays lost");
    assert!(lease.release(true).await.is_err());
    assert!(!look(store.as_ref()).await.unwrap().is_settled());
}

#[tokio::test(start_paused = true)]
async fn a_taken_over_holder_learns_it_at_its_next_renewal() {
    let (_, memory, store) = store();
    let lease = take(&store, "one").await;
    let stored = memory.get().await.unwrap().unwrap();
    let mut record: Record = serde_json::from_slice(&stored.body).unwrap();
    record.id = "thief".into();
    memory.put(body(&record).unwrap(), Condition::IfMatch(stored.etag)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(lease.guard().check().is_err());
}

#[tokio::test(start_paused = true)]
async fn lost_answers_are_no_lost_lease() {
    let (world, _, store) = store();
    // Taking it, then every second renewal.
    let cut: std::collections::BTreeMap<u64, Fault> = (2..200).step_by(3).map(|call| (call, Fault::CutAfter)).collect();
    world.weather(cut);
    let lease = take(&store, "one").await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(lease.guard().check(), Ok(()));
    lease.release(true).await.unwrap();
    assert!(look(store.as_ref()).await.unwrap().is_settled());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_makes_something_else_need_not_wait_for_its_plan() {
    let (_, _, store) = store();
    let wants = |what: &str| LeaseOptions { desired: Some(what.into()), ..options("one", 0) };
    let seen = || async { look(store.as_ref()).await.unwrap() };
    assert!(!seen().await.is_behind(&wants("a")), "who deploys first may be refused before a bucket is made");
    let Ok(Acquired::Held(lease)) = acquire(&store, &seen().await, &wants("a"), &Progress::silent()).await else {
        panic!("nobody else wanted it")
    };
    assert!(!seen().await.is_behind(&wants("b")), "somebody holds it");
    lease.release(true).await.unwrap();
    assert!(seen().await.is_behind(&wants("b")));
    assert!(!seen().await.is_behind(&wants("a")), "there may be nothing to do");
    assert!(!seen().await.is_behind(&options("one", 0)), "nobody knows");
    // One of before there were digests.
    take(&store, "old").await.release(true).await.unwrap();
    assert!(!seen().await.is_behind(&wants("b")));
}

#[tokio::test(start_paused = true)]
async fn what_is_made_is_noted_as_soon_as_it_is_known() {
    let (world, _, store) = store();
    let noted = || async { look(store.as_ref()).await.unwrap().notes().unwrap_or_default().len() };
    let mut lease = take(&store, "one").await;
    let calls = world.calls();
    lease.note(Notes::default()).await.unwrap();
    assert_eq!(world.calls(), calls, "nobody has to know of an update beforehand");
    // The answer is lost.
    world.weather([(1, Fault::CutAfter)].into());
    lease.note(Notes::making("Mem::Queue", "jobs")).await.unwrap();
    assert_eq!(noted().await, 1);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(noted().await, 1, "renewals keep it");
    assert_eq!(lease.guard().check(), Ok(()));
    lease.release(true).await.unwrap();
    assert_eq!(noted().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_the_future_is_refused() {
    let (_, memory, store) = store();
    memory.put(b"{\"format\": 2}".to_vec(), Condition::IfNoneMatch).await.unwrap();
    let failure = look(store.as_ref()).await.unwrap_err();
    assert!(failure.message.starts_with("the lease cannot be read"));
}
