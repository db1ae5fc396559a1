//! Runs that fail for good and are undone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value as Json};

use super::process::{Account, End, on_paused_clock};
use super::service::{Env, Function, Service};
use crate::engine::apply::{Applied, ApplyOptions, apply};
use crate::engine::event::Event;
use crate::engine::kind::Cloud;
use crate::engine::memory::{Fault, MemoryCloud, Owner, World};
use crate::engine::plan::Plan;
use crate::engine::revert::{Back, back};
use crate::engine::stop::Stop;

fn before() -> Service {
    let first = Function {
        memory: Some(256),
        env: BTreeMap::from([(0, Env::Plain(1)), (1, Env::QueueUrl(0))]),
        secrets: BTreeMap::from([(0, 1), (1, 1)]),
        layers: vec![1, 2],
        permissions: BTreeMap::from([(0, 0), (1, 1)]),
        mapping: Some(0),
        version: true,
        alias: true,
        log: true,
        ..Function::default()
    };
    let second = Function { permissions: BTreeMap::from([(0, 0)]), log: true, ..Function::default() };
    let functions = BTreeMap::from([(0, first), (1, second)]);
    Service { functions, queues: BTreeMap::from([(0, 0), (1, 0)]), apis: BTreeMap::from([(0, false)]), policy: 1 }
}

/// Something of everything changed, made and deleted; nothing replaced that has children.
fn after() -> Service {
    let mut service = before();
    let first = service.functions.get_mut(&0).unwrap();
    *first = Function {
        memory: Some(512),
        env: BTreeMap::from([(1, Env::QueueUrl(2)), (2, Env::Plain(2))]),
        secrets: BTreeMap::from([(0, 2)]),
        layers: vec![],
        permissions: BTreeMap::from([(1, 0), (2, 0)]),
        log: false,
        ..first.clone()
    };
    service.functions.insert(2, Function { mapping: Some(2), version: true, alias: true, ..Function::default() });
    service.queues.remove(&1);
    service.queues.insert(0, 9);
    service.policy = 2;
    service.closed()
}

/// Type, physical id, parent, properties and logical id.
type Seen = (&'static str, String, Option<String>, Map<String, Json>, String);

/// What is live, apart from versions: those are kept.
fn state(world: &World) -> Vec<Seen> {
    let mut things: Vec<_> = world
        .ours()
        .into_iter()
        .filter(|thing| thing.kind != "Mem::Version")
        .map(|thing| {
            let mut properties = thing.properties;
            properties.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
            properties.sort_keys();
            properties.values_mut().for_each(Json::sort_all_objects);
            let owner = match thing.owner {
                Owner::Service { id, .. } => id,
                other => format!("{other:?}"),
            };
            (thing.kind, thing.physical_id, thing.parent, properties, owner)
        })
        .collect();
    things.sort_by(|one, other| (one.0, &one.1, &one.2).cmp(&(other.0, &other.1, &other.2)));
    things
}

/// Undoes a run as `hoist deploy --rollback-on-failure` does; gives the events in their order.
async fn undo(account: &Account, plan: &Plan, applied: &Applied) -> (Back, Applied, Vec<Event>) {
    account.world.weather(BTreeMap::new());
    let stop = Stop::new();
    let cloud: Arc<dyn Cloud> = Arc::new(MemoryCloud::new(Arc::clone(&account.world), stop.token()));
    let back = back(plan, applied, &cloud).await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&told);
    let options =
        ApplyOptions { events: Arc::new(move |event| events.lock().unwrap().push(event)), ..ApplyOptions::default() };
    let undone = apply(&back.plan, &cloud, &stop, &options).await;
    let told = told.lock().unwrap().clone();
    (back, undone, told)
}

/// For every k: when the k-th call is refused for good, all is as it was afterwards, and the change can be made again.
fn is_undone_whichever_call_fails(fault: Fault) {
    let mut failed = 0;
    for call in 1.. {
        let ended = on_paused_clock(async {
            let account = Account::new();
            assert!(account.deploy(&before().desired()).await.is_complete());
            let was = state(&account.world);
            let end = account.deploy_in(&after().desired(), BTreeMap::from([(call, fault)])).await;
            let End::Ran(plan, Some(applied)) = &end else { return false };
            if applied.is_complete() {
                return account.world.calls() < call;
            }
            failed += 1;
            let (back, undone, _) = undo(&account, plan, applied).await;
            assert!(undone.is_complete(), "{fault:?} at {call}: {undone:?}");
            assert_eq!(back.stays, [], "{fault:?} at {call}");
            pretty(&state(&account.world), &was, call);
            let again = account.deploy(&before().desired()).await;
            assert!(again.is_complete(), "{fault:?} at {call}: {again:?}");
            assert_eq!(before().check(&account.world), Ok(()), "{fault:?} at {call}");
            assert!(account.deploy(&after().desired()).await.is_complete());
            assert_eq!(after().check(&account.world), Ok(()), "{fault:?} at {call}");
            false
        });
        if ended {
            break;
        }
    }
    assert!(failed > 15, "only {failed} runs failed");
}

fn pretty<T: std::fmt::Debug + PartialEq>(is: &[T], was: &[T], call: u64) {
    let lines = |all: &[T]| all.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join("\n");
    assert!(is == was, "at {call}, it is\n{}\nand was\n{}", lines(is), lines(was));
}

#[test]
fn a_change_that_is_refused_anywhere_is_undone() {
    is_undone_whichever_call_fails(Fault::Denied);
}

#[test]
fn a_change_that_breaks_anywhere_is_undone() {
    is_undone_whichever_call_fails(Fault::Panic);
}

#[test]
fn a_first_deploy_that_fails_leaves_nothing() {
    on_paused_clock(async {
        for call in 10..40 {
            let account = Account::new();
            let end = account.deploy_in(&before().desired(), BTreeMap::from([(call, Fault::Denied)])).await;
            let End::Ran(plan, Some(applied)) = &end else { continue };
            if applied.is_complete() {
                continue;
            }
            let (_, undone, _) = undo(&account, plan, applied).await;
            assert!(undone.is_complete(), "at {call}: {undone:?}");
            assert_eq!(state(&account.world), [], "at {call}");
        }
    });
}

#[test]
fn traffic_turns_back_first() {
    on_paused_clock(async {
        let account = Account::new();
        account.deploy(&before().desired()).await;
        let End::Ran(plan, Some(applied)) = account.deploy(&after().desired()).await else {
            panic!("nothing was done")
        };
        assert!(applied.is_complete());
        let (_, undone, told) = undo(&account, &plan, &applied).await;
        assert!(undone.is_complete(), "{undone:?}");
        let at = |id: &str| {
            let is = |event: &Event| matches!(event, Event::Done { address, .. } if address.logical_id == id);
            told.iter().position(is).unwrap_or_else(|| panic!("{id} is not in {told:?}"))
        };
        // The alias points at a version of the function, which has the role, which was made before them.
        assert!(at("F0Alias") < at("F0") && at("F0") < at("Role"));
        // What is there again comes before what points at it again.
        assert!(at("F2Mapping") < at("Q2") && at("F0") < at("Q2"));
        assert_eq!(before().check(&account.world), Ok(()));
    });
}

#[test]
fn what_cannot_be_put_back_is_named() {
    on_paused_clock(async {
        let account = Account::new();
        account.deploy(&before().desired()).await;
        let mut smaller = before();
        smaller.functions.remove(&1);
        let End::Ran(plan, Some(applied)) = account.deploy(&smaller.desired()).await else {
            panic!("nothing was done")
        };
        let (back, undone, _) = undo(&account, &plan, &applied).await;
        assert!(undone.is_complete(), "{undone:?}");
        let stays: Vec<&str> = back.stays.iter().map(|(address, _)| address.logical_id.as_str()).collect();
        assert_eq!(stays, ["F1"], "its permission went with it");
        // As after any run that did not end well.
        *account.drift.lock().unwrap() = true;
        assert!(account.deploy(&before().desired()).await.is_complete());
        assert_eq!(before().check(&account.world), Ok(()));
    });
}
