//! Random worlds: whatever is live, whatever the file says and whatever fails, the same holds.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::process::{Account, End, on_paused_clock};
use super::service::{Service, any_service};
use crate::engine::lease::look;
use crate::engine::memory::{Fault, Owner, Thing};
use crate::engine::resource::DesiredState;

/// How many worlds an ordinary run draws; `HOIST_WORLDS` says otherwise.
const WORLDS: u32 = 200;

#[derive(Clone, Debug)]
struct Life {
    first: Service,
    second: Service,
    weather: Vec<(u64, Fault)>,
    more_weather: Vec<(u64, Fault)>,
    kill: Option<(u64, bool)>,
    /// What is changed or deleted by hand.
    tampering: Vec<(usize, bool)>,
}

fn any_life() -> impl Strategy<Value = Life> {
    let passing =
        prop_oneof![Just(Fault::Server), Just(Fault::CutBefore), Just(Fault::CutAfter), Just(Fault::Throttled)];
    let harsh = prop_oneof![
        4 => passing.clone(),
        1 => Just(Fault::Denied),
        1 => Just(Fault::Panic),
    ];
    (
        any_service(),
        (any_service(), any::<bool>()),
        prop::collection::vec((1..80u64, passing), 0..12),
        prop::collection::vec((1..80u64, harsh), 0..6),
        prop::option::of((1..100u64, any::<bool>())),
        prop::collection::vec((0..40usize, any::<bool>()), 0..3),
    )
        .prop_map(|(first, (second, same_beneath), weather, more_weather, kill, tampering)| Life {
            second: if same_beneath { second.with_children_of(&first) } else { second },
            first,
            weather,
            more_weather,
            kill,
            tampering,
        })
}

fn fails(message: String) -> TestCaseError {
    TestCaseError::fail(message)
}

async fn live(life: &Life) -> Result<(), TestCaseError> {
    let account = Account::new();
    let foreign = foreigners();
    foreign.iter().for_each(|thing| account.world.put(thing.clone()));
    let checked = |end: &End, service: &Service, when: &str| {
        let things = account.world.things();
        if let Some(lost) = foreign.iter().find(|thing| !things.contains(thing)) {
            return Err(fails(format!("{when}: {} is not as it was", lost.physical_id)));
        }
        if let Some(key) = account.world.overlaps().first() {
            return Err(fails(format!("{when}: two writers of {key}")));
        }
        if end.is_complete() {
            service.check(&account.world).map_err(|error| fails(format!("{when}: {error}; {end:?}")))?;
        }
        Ok(())
    };

    // What passes does not reach the user.
    let first = life.first.desired();
    let end = account.deploy_in(&first, life.weather.iter().copied().collect()).await;
    prop_assert!(end.is_complete(), "first deploy: {:?}", end);
    checked(&end, &life.first, "first deploy")?;
    let end = account.deploy(&first).await;
    prop_assert!(end.wrote_nothing() && account.world.writes() == 0, "second deploy of the same: {:?}", end);

    // Whatever becomes of a run, the next ones come to where they should.
    let second = life.second.desired();
    let mut weather: BTreeMap<u64, Fault> = life.more_weather.iter().copied().collect();
    if let Some((call, before)) = life.kill {
        weather.insert(call, if before { Fault::KillBefore } else { Fault::KillAfter });
    }
    let end = account.deploy_in(&second, weather).await;
    checked(&end, &life.second, "changed in bad weather")?;
    let end = account.deploy(&second).await;
    prop_assert!(end.is_complete(), "changed: {:?}", end);
    checked(&end, &life.second, "changed")?;
    let end = account.deploy(&second).await;
    prop_assert!(end.wrote_nothing(), "changed, then again: {:?}", end);

    // What somebody did by hand is found and put right.
    life.tampering.iter().for_each(|(which, delete)| account.world.tamper(*which, *delete));
    *account.drift.lock().unwrap() = true;
    let end = account.deploy(&second).await;
    prop_assert!(end.is_complete(), "tampered: {:?}", end);
    checked(&end, &life.second, "tampered")?;
    let end = account.deploy(&second).await;
    prop_assert!(end.wrote_nothing(), "tampered, then again: {:?}", end);
    *account.drift.lock().unwrap() = false;

    let weather: BTreeMap<u64, Fault> = life.more_weather.iter().map(|(call, fault)| (call / 2 + 1, *fault)).collect();
    let nothing = DesiredState::default();
    account.deploy_in(&nothing, weather).await;
    let end = account.deploy(&nothing).await;
    prop_assert!(end.is_complete(), "removed: {:?}", end);
    prop_assert_eq!(account.world.ours(), Vec::new());
    checked(&end, &Service::default(), "removed")?;
    // Released, or expired a lease's length later.
    tokio::time::sleep(Duration::from_secs(31)).await;
    let seen = look(account.store.as_ref()).await.map_err(|failure| fails(failure.message))?;
    prop_assert!(seen.holder().is_none(), "{}", account.store.text());
    Ok(())
}

fn foreigners() -> Vec<Thing> {
    let other = |stage: &str| Owner::Service { service: "bank".into(), stage: stage.into(), id: "F0".into() };
    vec![
        Thing::foreign("Mem::Function", "bank-f0", other("dev")),
        Thing::foreign("Mem::Queue", "loose", Owner::Nobody),
        Thing::foreign("Mem::Api", "id-of-a-stack", Owner::Stack("their-stack".into())),
        // By hand, beneath one of ours.
        Thing { parent: Some("f0-0".into()), ..Thing::foreign("Mem::Mapping", "handmade", Owner::Nobody) },
        Thing { parent: Some("bank-f0".into()), ..Thing::foreign("Mem::Mapping", "their-mapping", other("dev")) },
    ]
}

#[test]
fn whatever_happens_the_same_holds() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = number("HOIST_WORLDS").and_then(|worlds| u32::try_from(worlds).ok()).unwrap_or(WORLDS);
    let seed = number("HOIST_SEED").unwrap_or_else(|| u64::from(std::process::id()) ^ clock());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let result = runner.run(&any_life(), |life| on_paused_clock(live(&life)));
    if let Err(error) = result {
        panic!("HOIST_SEED={seed} HOIST_WORLDS={cases} shows it again\n{error}");
    }
}

fn clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
