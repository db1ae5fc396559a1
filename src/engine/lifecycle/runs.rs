//! Lives that are worth a name.

use std::collections::BTreeMap;
use std::time::Duration;

use super::process::{Account, End, on_paused_clock};
use super::service::{Env, Function, Service};
use crate::engine::apply::{ApplyOptions, Outcome};
use crate::engine::event::Event;
use crate::engine::failure::Reason;
use crate::engine::guard::is_lost;
use crate::engine::memory::Fault;
use crate::engine::plan::{Action, Plan};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;

/// Two functions with everything that there is.
fn before() -> Service {
    let first = Function {
        memory: Some(256),
        env: BTreeMap::from([(0, Env::Plain(1)), (1, Env::QueueUrl(0)), (2, Env::ApiRef(0))]),
        secrets: BTreeMap::from([(0, 1)]),
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

/// The same with something created, updated, replaced both ways, taken away and deleted.
fn after() -> Service {
    let mut service = before();
    let first = service.functions.get_mut(&0).unwrap();
    *first = Function {
        image: true,
        env: BTreeMap::from([(1, Env::QueueUrl(1))]),
        secrets: BTreeMap::new(),
        layers: vec![],
        permissions: BTreeMap::from([(1, 0), (2, 0)]),
        mapping: Some(1),
        ..first.clone()
    };
    service.functions.remove(&1);
    service.functions.insert(2, Function { mapping: Some(2), ..Function::default() });
    service.queues.remove(&0);
    service.apis.insert(0, true);
    service.policy = 2;
    service.closed()
}

fn many(functions: u8) -> Service {
    let one = Function { permissions: BTreeMap::from([(0, 0)]), log: true, ..Function::default() };
    Service { functions: (0..functions).map(|number| (number, one.clone())).collect(), ..Service::default() }.closed()
}

fn actions(plan: &Plan) -> Vec<String> {
    let word = |action: &Action| match action {
        Action::Create => "create",
        Action::Update { .. } => "update",
        Action::Replace { .. } => "replace",
        Action::Delete => "delete",
        Action::Adopt { .. } => "adopt",
        Action::Retain => "retain",
        Action::Nothing => "keep",
    };
    plan.changes.iter().map(|change| format!("{} {}", word(&change.action), change.address.logical_id)).collect()
}

#[test]
fn a_service_is_deployed_changed_and_removed() {
    on_paused_clock(async {
        let account = Account::new();
        assert!(account.deploy(&before().desired()).await.is_complete());
        assert_eq!(before().check(&account.world), Ok(()));
        let End::Ran(plan, Some(applied)) = account.deploy(&after().desired()).await else {
            panic!("nothing was done")
        };
        assert!(applied.is_complete());
        assert_eq!(after().check(&account.world), Ok(()));
        assert_eq!(
            actions(&plan),
            [
                "replace F0",
                "create F0Permission1",
                "create F0Permission2",
                "replace F0Mapping",
                "create F0Version",
                "create F0Alias",
                "keep F0Log",
                "create F2",
                "create F2Mapping",
                "update Role",
                "keep Q1",
                "create Q2",
                "replace A0",
                "delete F1",
                "delete F1Log",
                "delete Q0",
            ]
        );
        assert!(account.deploy(&DesiredState::default()).await.is_complete());
        assert_eq!(account.world.ours(), []);
    });
}

/// For every k: killed at the k-th call, then run again, it ends as if it had not been killed; a third run does nothing.
fn survives_a_kill_at_every_call(from: &Service, to: &Service) {
    for fault in [Fault::KillBefore, Fault::KillAfter] {
        for call in 1.. {
            let killed = on_paused_clock(async {
                let account = Account::new();
                assert!(account.deploy(&from.desired()).await.is_complete());
                let end = account.deploy_in(&to.desired(), BTreeMap::from([(call, fault)])).await;
                if let End::Ran(..) = end {
                    return false;
                }
                let end = account.deploy(&to.desired()).await;
                assert!(end.is_complete(), "{fault:?} at {call}: {end:?}");
                assert_eq!(to.check(&account.world), Ok(()), "{fault:?} at {call}");
                let end = account.deploy(&to.desired()).await;
                assert!(end.wrote_nothing(), "{fault:?} at {call}, third run: {end:?}");
                true
            });
            if !killed {
                // That run had fewer calls.
                assert!(call > 10, "only {call} calls");
                break;
            }
        }
    }
}

#[test]
fn a_first_deploy_survives_a_kill_at_every_call() {
    survives_a_kill_at_every_call(&Service::default(), &before());
}

#[test]
fn a_change_survives_a_kill_at_every_call() {
    survives_a_kill_at_every_call(&before(), &after());
}

#[test]
fn a_removal_survives_a_kill_at_every_call() {
    survives_a_kill_at_every_call(&before(), &Service::default());
}

#[test]
fn a_settled_service_is_read_by_its_fingerprints() {
    on_paused_clock(async {
        let (account, service) = (Account::new(), many(20));
        account.deploy(&service.desired()).await;
        let End::Ran(plan, None) = account.deploy(&service.desired()).await else { panic!("something was done") };
        // Lease, owned, API, role, 20 functions and their log groups; no permissions.
        assert_eq!(account.world.calls(), 44);
        assert_eq!(account.world.writes(), 0);
        assert_eq!(plan.changes.iter().filter(|change| change.assumed).count(), 20);
    });
}

#[test]
fn a_settled_service_is_removed_without_a_look_beneath_what_takes_all_along() {
    on_paused_clock(async {
        let calls = async |service: &Service| {
            let account = Account::new();
            account.deploy(&service.desired()).await;
            assert!(account.deploy(&Service::default().desired()).await.is_complete());
            assert_eq!(Service::default().check(&account.world), Ok(()));
            account.world.calls()
        };
        let alone = many(20);
        let mut mapped = alone.clone();
        mapped.functions.values_mut().for_each(|function| function.mapping = Some(0));
        // A look beneath each function, the deletion of the mapping found there, and of the queue that they share.
        assert_eq!(calls(&mapped.closed()).await, calls(&alone).await + 20 + 20 + 1);
    });
}

#[test]
fn after_a_failure_fingerprints_are_not_trusted() {
    on_paused_clock(async {
        let (account, service) = (Account::new(), many(3));
        let denied: BTreeMap<u64, Fault> = BTreeMap::from([(28, Fault::Denied)]);
        let end = account.deploy_in(&service.desired(), denied).await;
        assert!(!end.is_complete(), "{end:?}");
        assert!(account.deploy(&service.desired()).await.is_complete());
        assert_eq!(service.check(&account.world), Ok(()));
    });
}

#[test]
fn only_the_root_cause_is_reported_and_the_rest_is_done() {
    on_paused_clock(async {
        let account = Account::new();
        let service = before();
        // The plan takes 8 calls and the lease one; the first writes are of the most urgent.
        let mut found = false;
        for call in 9..30 {
            let account = Account::new();
            let end = account.deploy_in(&service.desired(), BTreeMap::from([(call, Fault::Denied)])).await;
            let End::Ran(plan, Some(applied)) = end else { continue };
            let failures: Vec<_> = applied.failures(&plan).collect();
            if failures.len() != 1 || failures[0].0.logical_id != "F0" {
                continue;
            }
            found = true;
            assert_eq!(failures[0].1.reason, Reason::Denied);
            let of = |id: &str| {
                let at = plan.changes.iter().position(|change| change.address.logical_id == id).unwrap();
                &applied.outcomes[at]
            };
            for child in ["F0Permission0", "F0Mapping", "F0Version"] {
                assert!(matches!(of(child), Outcome::Skipped { cause } if cause.logical_id == "F0"), "{:?}", of(child));
            }
            for other in ["F1", "F1Permission0", "Q0", "A0", "Role"] {
                assert_eq!(of(other), &Outcome::Done, "{other}");
            }
            assert!(!applied.stopped && !applied.is_complete());
        }
        assert!(found);
        drop(account);
    });
}

#[test]
fn a_panic_is_the_failure_of_one_change() {
    on_paused_clock(async {
        let account = Account::new();
        let end = account.deploy_in(&many(3).desired(), BTreeMap::from([(14, Fault::Panic)])).await;
        let End::Ran(plan, Some(applied)) = &end else { panic!("{end:?}") };
        let failures: Vec<_> = applied.failures(plan).collect();
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].1.reason, Reason::Bug);
        assert!(applied.outcomes.contains(&Outcome::Done));
    });
}

#[test]
fn the_first_signal_finishes_what_is_under_way() {
    on_paused_clock(async {
        let (account, stop, service) = (Account::new(), Stop::new(), many(20));
        let signal = async {
            tokio::time::sleep(Duration::from_millis(6_500)).await;
            stop.signal();
        };
        let options = ApplyOptions { parallel: 4, ..ApplyOptions::default() };
        let desired = service.desired();
        let (end, ()) = tokio::join!(account.run(&desired, BTreeMap::new(), &stop, options), signal);
        let End::Ran(plan, Some(applied)) = &end else { panic!("{end:?}") };
        assert!(applied.stopped && !applied.is_complete());
        assert!(applied.outcomes.contains(&Outcome::Done) && applied.outcomes.contains(&Outcome::Interrupted));
        assert_eq!(applied.failures(plan).count(), 0);
        let events = account.events.lock().unwrap().clone();
        assert!(events.iter().any(|event| matches!(event, Event::Interrupted { .. })));
        assert!(account.store.text().contains("\"free\""));
        assert!(account.deploy(&desired).await.is_complete());
        assert_eq!(service.check(&account.world), Ok(()));
    });
}

#[test]
fn what_does_not_end_after_a_signal_is_let_go() {
    on_paused_clock(async {
        let (account, stop, service) = (Account::new(), Stop::new(), many(5));
        let began = tokio::time::Instant::now();
        let signals = async {
            tokio::time::sleep(Duration::from_millis(3_000)).await;
            stop.signal();
            stop.signal();
        };
        let desired = service.desired();
        let (end, ()) = tokio::join!(account.run(&desired, BTreeMap::new(), &stop, ApplyOptions::default()), signals);
        let End::Ran(_, Some(applied)) = &end else { panic!("{end:?}") };
        assert!(applied.stopped);
        assert!(began.elapsed() < Duration::from_millis(4_000), "{:?}", began.elapsed());
        assert!(account.deploy(&desired).await.is_complete());
        assert_eq!(service.check(&account.world), Ok(()));
    });
}

#[test]
fn two_at_once_wait_for_each_other() {
    on_paused_clock(async {
        let account = Account::new();
        let (one, other) = (before(), after());
        let (wanted, wanted_too) = (one.desired(), other.desired());
        let (first, second) = tokio::join!(account.deploy(&wanted), account.deploy(&wanted_too));
        assert!(first.is_complete() && second.is_complete(), "{first:?} {second:?}");
        // Whoever came last won, whole.
        assert!(one.check(&account.world).is_ok() || other.check(&account.world).is_ok());
        assert_eq!(account.world.overlaps(), Vec::<String>::new());
    });
}

#[test]
fn whoever_lost_the_lease_writes_nothing_more() {
    on_paused_clock(async {
        let (account, stop, service) = (Account::new(), Stop::new(), many(180));
        let desired = service.desired();
        let cut = async {
            tokio::time::sleep(Duration::from_secs(12)).await;
            *account.store.cut_off.lock().unwrap() = true;
            // The lease lasts for 30 s after its last renewal; one after another takes longer.
            tokio::time::sleep(Duration::from_secs(31)).await;
            account.world.writes()
        };
        let options = ApplyOptions { parallel: 1, ..ApplyOptions::default() };
        let (end, writes) = tokio::join!(account.run(&desired, BTreeMap::new(), &stop, options), cut);
        let End::Ran(plan, Some(applied)) = &end else { panic!("{end:?}") };
        assert!(applied.stopped);
        let lost = applied.failures(plan).filter(|(_, failure)| is_lost(failure)).count();
        assert_eq!((lost, applied.failures(plan).count()), (1, 1));
        assert_eq!(account.world.writes(), writes, "wrote after the lease was lost");
        *account.store.cut_off.lock().unwrap() = false;
        assert!(account.deploy(&desired).await.is_complete());
        assert_eq!(service.check(&account.world), Ok(()));
    });
}

#[test]
fn a_permission_comes_to_a_function_that_is_there_and_everything_else_waits_for_it() {
    on_paused_clock(async {
        let (account, mut service) = (Account::new(), many(1));
        let one = service.functions.get_mut(&0).unwrap();
        (one.version, one.mapping) = (true, Some(0));
        let end = account.deploy(&service.closed().desired()).await;
        let End::Ran(plan, Some(applied)) = &end else { panic!("{end:?}") };
        assert!(end.is_complete(), "{end:?}");
        let timing = |id: &str| {
            let at = plan.changes.iter().position(|change| change.address.logical_id == id).unwrap();
            applied.timings[at].unwrap()
        };
        let (function, permission) = (timing("F0"), timing("F0Permission0"));
        let settled = function.began + function.took;
        assert!(permission.began > function.began && permission.began + permission.took < settled, "{applied:?}");
        for waits in ["F0Version", "F0Mapping"] {
            assert!(timing(waits).began >= settled, "{waits}: {applied:?}");
        }
    });
}

#[test]
fn changes_run_in_parallel_and_the_longest_path_first() {
    on_paused_clock(async {
        let account = Account::new();
        let end = account.deploy(&many(30).desired()).await;
        let End::Ran(plan, Some(applied)) = &end else { panic!("{end:?}") };
        assert!(account.world.most_at_once() > 20, "{}", account.world.most_at_once());
        let began = |id: &str| {
            let at = plan.changes.iter().position(|change| change.address.logical_id == id).unwrap();
            applied.timings[at].unwrap().began
        };
        assert_eq!(began("Role"), Duration::ZERO);
        assert_eq!(began("A0"), Duration::ZERO);
        assert!(began("F0") > began("Role") && began("F0Permission0") > began("F0"));
        // 5 s for the role, then everything at once.
        assert!(applied.took < Duration::from_secs(9), "{:?}", applied.took);
    });
}

#[test]
fn under_real_quotas_nothing_fails_and_little_time_is_lost() {
    on_paused_clock(async {
        let (account, mut service) = (Account::new(), many(250));
        account.world.limit(50.0, 50.0);
        let end = account.deploy(&service.desired()).await;
        assert!(end.is_complete(), "{end:?}");
        let first = account.world.calls();
        assert!(account.world.refused() * 100 <= first, "{} of {first}", account.world.refused());

        tokio::time::sleep(Duration::from_secs(60)).await;
        service.functions.values_mut().for_each(|function| function.memory = Some(512));
        let began = tokio::time::Instant::now();
        assert!(account.deploy(&service.desired()).await.is_complete());
        let calls = account.world.calls();
        assert!(account.world.refused() * 100 <= first + calls, "{} of {calls}", account.world.refused());
        // The lease's calls are the store's, not the cloud's, and are few.
        let floor = (calls as f64 - 50.0) / 50.0;
        let took = began.elapsed().as_secs_f64();
        assert!(took < floor * 1.15, "{took} s where {calls} calls need {floor} s");
    });
}

#[test]
fn what_follows_from_a_changed_parent_follows_it_though_the_fingerprint_is_the_same() {
    for (alias, expected) in [
        // Nothing beneath is read: the new version is all that there is to know.
        (false, ["update F0", "create F0Version"].as_slice()),
        // What points at the version has to be known to be moved.
        (true, &["update F0", "create F0Version", "update F0Alias", "retain F0Version"]),
    ] {
        on_paused_clock(async {
            let (account, mut service) = (Account::new(), before());
            service.functions.get_mut(&0).unwrap().alias = alias;
            account.deploy(&service.desired()).await;
            service.functions.get_mut(&0).unwrap().memory = Some(512);
            let End::Ran(plan, Some(applied)) = account.deploy(&service.desired()).await else {
                panic!("nothing done")
            };
            assert!(applied.is_complete());
            assert_eq!(service.check(&account.world), Ok(()));
            let changed: Vec<String> =
                actions(&plan).into_iter().filter(|action| !action.starts_with("keep")).collect();
            assert_eq!(changed, expected);
            let mapping = plan.changes.iter().find(|change| change.address.logical_id == "F0Mapping").unwrap();
            assert_eq!(mapping.assumed, !alias);
        });
    }
}
