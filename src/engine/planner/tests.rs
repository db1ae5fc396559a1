//! Plans on the cloud in memory.

use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{PlanOptions, plan};
use crate::engine::address::Address;
use crate::engine::diff::from_json;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Cloud;
use crate::engine::memory::{Fault, MemoryCloud, Owner, SERVICE, Thing, World};
use crate::engine::plan::{Action, Plan};
use crate::engine::resource::{Desired, DesiredState};
use crate::engine::value::Value;

fn wanted(kind: &str, id: &str, properties: serde_json::Value) -> Desired {
    Desired {
        address: Address::new(kind, id),
        properties: from_json(properties),
        depends_on: Vec::new(),
        parent: None,
        fingerprint: None,
        hints: [].into(),
    }
}

fn beneath(parent: &str, mut child: Desired) -> Desired {
    child.parent = Some(parent.to_owned());
    with(child, "FunctionName", Value::attribute(parent, "Ref"))
}

fn with(mut resource: Desired, key: &str, value: Value) -> Desired {
    if let Value::Map(map) = &mut resource.properties {
        map.insert(key.to_owned(), value);
    }
    resource
}

fn ours(kind: &'static str, id: &str, name: &str, parent: Option<&str>, properties: serde_json::Value) -> Thing {
    let owner = Owner::Service { service: SERVICE.into(), stage: "dev".into(), id: id.into() };
    let serde_json::Value::Object(properties) = properties else { panic!("no map") };
    Thing { parent: parent.map(str::to_owned), properties, ..Thing::foreign(kind, name, owner) }
}

async fn planned(things: Vec<Thing>, resources: Vec<Desired>, options: PlanOptions) -> Result<Plan, Vec<Failure>> {
    let world = Arc::new(World::default());
    things.into_iter().for_each(|thing| world.put(thing));
    let cloud: Arc<dyn Cloud> = Arc::new(MemoryCloud::new(Arc::clone(&world), CancellationToken::new()));
    let plan = plan(&DesiredState { resources }, &cloud, options).await;
    assert_eq!(world.writes(), 0);
    plan
}

fn change<'a>(plan: &'a Plan, id: &str) -> &'a crate::engine::plan::Change {
    plan.changes.iter().find(|change| change.address.logical_id == id).unwrap()
}

/// Whether one change is done before another, directly or not.
fn precedes(plan: &Plan, earlier: &str, later: &str) -> bool {
    let at = |id: &str| plan.changes.iter().position(|change| change.address.logical_id == id).unwrap();
    crate::engine::graph::Graph::from_predecessors(&plan.after).reaches(at(earlier), at(later))
}

#[tokio::test(start_paused = true)]
async fn what_is_made_comes_after_what_it_needs() {
    let resources = vec![
        beneath("F", with(wanted("Mem::Mapping", "M", json!({})), "Source", Value::attribute("Q", "Arn"))),
        with(wanted("Mem::Function", "F", json!({"Name": "f"})), "Role", Value::attribute("R", "Arn")),
        wanted("Mem::Role", "R", json!({"Name": "r"})),
        wanted("Mem::Queue", "Q", json!({"Name": "q"})),
        Desired { depends_on: vec!["F".into()], ..wanted("Mem::Queue", "Late", json!({"Name": "late"})) },
    ];
    let plan = planned(vec![], resources, PlanOptions::default()).await.unwrap();
    for (earlier, later) in [("R", "F"), ("F", "M"), ("Q", "M"), ("F", "Late")] {
        assert!(precedes(&plan, earlier, later) && !precedes(&plan, later, earlier), "{earlier} {later}");
    }
    assert!(!precedes(&plan, "R", "Q"));
    assert!(
        plan.changes.iter().all(|change| change.action == Action::Create && change.why == "not in the account yet")
    );
    // Foretold, so it is no "known after apply".
    let role = change(&plan, "F").desired.as_ref().unwrap().properties.get("Role").unwrap().clone();
    assert_eq!(role, Value::string("arn:mem:Mem::Role:r"));
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_goes_after_everything_that_points_at_it() {
    let things = vec![
        ours("Mem::Role", "R", "r", None, json!({"Name": "r"})),
        ours("Mem::Log", "L", "/log/f", None, json!({"Name": "/log/f"})),
        ours("Mem::Queue", "Q", "q", None, json!({"Name": "q"})),
        ours("Mem::Function", "F", "f", None, json!({"Name": "f", "Role": "arn:mem:Mem::Role:r"})),
        ours("Mem::Mapping", "M", "id-1", Some("f"), json!({"FunctionName": "f", "Source": "arn:mem:Mem::Queue:q"})),
        ours("Mem::Permission", "P", "p", Some("f"), json!({"FunctionName": "f", "Sid": "p"})),
        ours("Mem::Version", "V", "id-2", Some("f"), json!({"FunctionName": "f"})),
    ];
    let plan = planned(things, vec![], PlanOptions::default()).await.unwrap();
    let ids: Vec<&str> = plan.changes.iter().map(|change| change.address.logical_id.as_str()).collect();
    // The permission and the version vanish with their function.
    assert_eq!(ids, ["F", "L", "M", "Q", "R"]);
    assert!(plan.changes.iter().all(|change| change.action == Action::Delete && change.why == "no longer in the file"));
    for (earlier, later) in [("M", "F"), ("F", "R"), ("F", "L"), ("M", "Q")] {
        assert!(precedes(&plan, earlier, later) && !precedes(&plan, later, earlier), "{earlier} {later}");
    }
    assert!(!precedes(&plan, "F", "Q"));
}

#[tokio::test(start_paused = true)]
async fn what_a_fingerprint_says_to_be_left_is_looked_for_and_no_more() {
    let trust = PlanOptions { trust_fingerprints: true, ..PlanOptions::default() };
    let cases = [
        ("7-", trust, false),
        ("7-Mem::Mapping", trust, true),
        ("7", trust, true),
        ("7-", PlanOptions::default(), true),
    ];
    for (fingerprint, options, found) in cases {
        let things = vec![
            ours("Mem::Function", "F", "f", None, json!({"Name": "f", "Tags": {"applied": fingerprint}})),
            ours("Mem::Mapping", "M", "id-1", Some("f"), json!({"FunctionName": "f"})),
        ];
        let plan = planned(things, vec![], options).await.unwrap();
        assert_eq!(plan.changes.iter().any(|change| change.address.logical_id == "M"), found, "{fingerprint}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_orphan_goes_after_the_update_of_what_still_points_at_it() {
    let things = vec![
        ours("Mem::Role", "Old", "old", None, json!({"Name": "old"})),
        ours("Mem::Role", "New", "new", None, json!({"Name": "new"})),
        ours("Mem::Queue", "Q", "q", None, json!({"Name": "q"})),
        ours(
            "Mem::Function",
            "F",
            "f",
            None,
            json!({"Name": "f", "Memory": 1024, "Role": "arn:mem:Mem::Role:old", "Secrets": {"QUEUE": "https://queues/q"}}),
        ),
    ];
    let resources = vec![
        with(wanted("Mem::Function", "F", json!({"Name": "f"})), "Role", Value::attribute("New", "Arn")),
        wanted("Mem::Role", "New", json!({"Name": "new"})),
    ];
    let plan = planned(things, resources, PlanOptions::default()).await.unwrap();
    assert!(matches!(change(&plan, "F").action, Action::Update { .. }));
    assert_eq!(change(&plan, "F").why, "Role and Secrets.QUEUE differ");
    assert_eq!(change(&plan, "New").action, Action::Nothing);
    assert!(precedes(&plan, "F", "Old") && precedes(&plan, "F", "Q"));
}

#[tokio::test(start_paused = true)]
async fn what_a_replaced_parent_takes_with_it_is_made_again() {
    let things = vec![
        ours("Mem::Role", "R", "r", None, json!({"Name": "r"})),
        ours("Mem::Function", "F", "f", None, json!({"Name": "f", "Type": "Zip", "Role": "arn:mem:Mem::Role:r"})),
        ours("Mem::Permission", "P", "p", Some("f"), json!({"FunctionName": "f", "Sid": "p"})),
        ours("Mem::Permission", "Gone", "gone", Some("f"), json!({"FunctionName": "f", "Sid": "gone"})),
        ours("Mem::Mapping", "M", "id-1", Some("f"), json!({"FunctionName": "f"})),
        ours("Mem::Mapping", "GoneM", "id-2", Some("f"), json!({"FunctionName": "f"})),
    ];
    let resources = vec![
        wanted("Mem::Role", "R", json!({"Name": "r"})),
        wanted("Mem::Function", "F", json!({"Name": "f", "Type": "Image", "Role": "arn:mem:Mem::Role:r"})),
        beneath("F", wanted("Mem::Permission", "P", json!({"Sid": "p"}))),
        beneath("F", wanted("Mem::Mapping", "M", json!({}))),
    ];
    let plan = planned(things, resources, PlanOptions::default()).await.unwrap();
    assert_eq!(change(&plan, "F").why, "Type cannot be changed");
    assert!(matches!(&change(&plan, "F").action, Action::Replace { forced_by, .. } if forced_by == &["Type"]));
    assert_eq!(change(&plan, "P").action, Action::Create);
    assert_eq!(change(&plan, "P").why, "F is replaced");
    // It outlives its function.
    assert_eq!(change(&plan, "M").action, Action::Nothing);
    assert_eq!(change(&plan, "GoneM").action, Action::Delete);
    assert!(!plan.changes.iter().any(|change| change.address.logical_id == "Gone"));
    assert!(precedes(&plan, "GoneM", "F") && precedes(&plan, "F", "P"));
}

#[tokio::test(start_paused = true)]
async fn what_left_the_file_but_is_kept_is_said() {
    let things = vec![
        ours("Mem::Function", "F", "f", None, json!({"Name": "f", "Memory": 1024})),
        ours("Mem::Version", "V1", "id-1", Some("f"), json!({"FunctionName": "f"})),
    ];
    let resources = vec![wanted("Mem::Function", "F", json!({"Name": "f"}))];
    let plan = planned(things, resources, PlanOptions::default()).await.unwrap();
    assert_eq!((change(&plan, "V1").action.clone(), plan.is_empty()), (Action::Retain, true));
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_not_ours_is_refused_at_once() {
    let bank = Owner::Service { service: "bank".into(), stage: "prod".into(), id: "X".into() };
    let things = vec![
        Thing::foreign("Mem::Queue", "a", bank),
        Thing::foreign("Mem::Queue", "b", Owner::Stack("old-stack".into())),
        Thing::foreign("Mem::Queue", "c", Owner::Nobody),
    ];
    let queues =
        || ["a", "b", "c"].map(|name| wanted("Mem::Queue", &name.to_uppercase(), json!({"Name": name}))).into();
    let failures = planned(things.clone(), queues(), PlanOptions::default()).await.unwrap_err();
    let messages: Vec<&str> = failures.iter().map(|failure| failure.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "Mem::Queue A (a) belongs to service bank, stage prod",
            "Mem::Queue B (b) belongs to the CloudFormation stack old-stack",
            "Mem::Queue C (c) is there already and is not marked as ours",
        ]
    );
    assert!(failures.iter().all(|failure| failure.reason == Reason::NotOurs && !failure.help.is_empty()));
    // Adopting takes what is nobody's, never what is somebody's.
    let adopt = PlanOptions { adopt: true, ..PlanOptions::default() };
    assert_eq!(planned(things, queues(), adopt).await.unwrap_err().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_nobodys_can_be_adopted() {
    let adopt = PlanOptions { adopt: true, ..PlanOptions::default() };
    let loose = || Thing {
        properties: ours("Mem::Queue", "", "", None, json!({"Name": "q", "Delay": 1})).properties,
        ..Thing::foreign("Mem::Queue", "q", Owner::Nobody)
    };
    let queue = wanted("Mem::Queue", "Q", json!({"Name": "q", "Delay": 2}));
    let plan = planned(vec![loose()], vec![queue], adopt).await.unwrap();
    assert!(matches!(&change(&plan, "Q").action, Action::Adopt { fields } if fields[0].path == "Delay"));
    let function = wanted("Mem::Function", "F", json!({"Name": "f", "Type": "Image"}));
    let zip = Thing {
        properties: ours("Mem::Function", "", "", None, json!({"Name": "f", "Type": "Zip"})).properties,
        ..Thing::foreign("Mem::Function", "f", Owner::Nobody)
    };
    let failures = planned(vec![zip], vec![function], adopt).await.unwrap_err();
    assert!(failures[0].message.ends_with("cannot be taken over, because Type cannot be changed"), "{failures:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_file_is_said_before_anything_is_read() {
    let resources = vec![
        with(wanted("Mem::Queue", "A", json!({"Name": "a"})), "X", Value::attribute("B", "Arn")),
        with(wanted("Mem::Queue", "B", json!({"Name": "b"})), "X", Value::attribute("C", "Arn")),
        with(wanted("Mem::Queue", "C", json!({"Name": "c"})), "X", Value::attribute("A", "Arn")),
        with(wanted("Mem::Queue", "D", json!({"Name": "d"})), "X", Value::attribute("Nobody", "Arn")),
        with(wanted("Mem::Queue", "E", json!({"Name": "e"})), "X", Value::attribute("E", "Arn")),
        wanted("Mem::Stranger", "S", json!({})),
        wanted("Mem::Queue", "D", json!({"Name": "d2"})),
    ];
    let failures = planned(vec![], resources, PlanOptions::default()).await.unwrap_err();
    let messages: Vec<&str> = failures.iter().map(|failure| failure.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "hoist cannot make resources of the type Mem::Stranger yet (S); nothing was changed",
            "Mem::Queue D is there twice",
            "Mem::Queue D refers to Nobody, which is not there",
            "Mem::Queue E refers to itself",
            "resources refer to each other in a circle: A → B → C → A",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn two_may_know_each_other_where_one_needs_only_a_name() {
    let function = |memory: u32| {
        let function = wanted("Mem::Function", "F", json!({"Name": "f", "Memory": memory}));
        with(with(function, "Role", Value::attribute("R", "Arn")), "Api", Value::attribute("A", "Ref"))
    };
    let resources = |memory: u32, path: &str| {
        vec![
            function(memory),
            with(wanted("Mem::Api", "A", json!({"Path": path})), "Leads", Value::attribute("F", "Arn")),
            // Its policy may name the API too.
            with(wanted("Mem::Role", "R", json!({"Name": "r"})), "Allows", Value::attribute("A", "Ref")),
        ]
    };
    let made = planned(vec![], resources(1, "/"), PlanOptions::default()).await.unwrap();
    assert!(precedes(&made, "A", "R") && precedes(&made, "R", "F") && !precedes(&made, "F", "A"));
    let leads = change(&made, "A").desired.as_ref().unwrap().properties.get("Leads").unwrap().clone();
    assert_eq!(leads, Value::string("arn:mem:Mem::Function:f"), "foretold, though it comes later");

    let things = vec![
        ours("Mem::Role", "R", "r", None, json!({"Name": "r", "Allows": "id-1"})),
        ours("Mem::Api", "A", "id-1", None, json!({"Path": "/", "Leads": "arn:mem:Mem::Function:f"})),
        ours(
            "Mem::Function",
            "F",
            "f",
            None,
            json!({"Name": "f", "Memory": 1, "Role": "arn:mem:Mem::Role:r", "Api": "id-1"}),
        ),
    ];
    let nothing = planned(things.clone(), resources(1, "/"), PlanOptions::default()).await.unwrap();
    assert!(nothing.changes.iter().all(|change| change.action == Action::Nothing), "{nothing:?}");
    let both = planned(things, resources(2, "/more"), PlanOptions::default()).await.unwrap();
    assert_eq!(both.changes.iter().filter(|change| change.is_write()).count(), 2);
    assert!(precedes(&both, "A", "F"), "it is the function that needs more than a name");
}

#[tokio::test(start_paused = true)]
async fn two_of_one_name_are_refused() {
    let queue = |id| wanted("Mem::Queue", id, json!({"Name": "same"}));
    let failures = planned(vec![], vec![queue("A"), queue("B")], PlanOptions::default()).await.unwrap_err();
    assert_eq!(failures[0].message, "Mem::Queue B and Mem::Queue A are both called same");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_nothing_but_our_own_mark_is_written_and_not_shown() {
    let things =
        vec![ours("Mem::Function", "F", "f", None, json!({"Name": "f", "Memory": 1024, "Tags": {"applied": "1"}}))];
    let resources = vec![wanted("Mem::Function", "F", json!({"Name": "f", "Tags": {"applied": "2"}}))];
    let plan = planned(things, resources, PlanOptions::default()).await.unwrap();
    let change = change(&plan, "F");
    assert!(change.is_write() && !change.is_visible() && !plan.is_empty());
    assert_eq!(change.why, "only our own mark differs");
}

#[tokio::test(start_paused = true)]
async fn what_only_names_another_does_not_wait_for_it_when_both_are_new() {
    let function = || wanted("Mem::Function", "F", json!({"Name": "f"}));
    let api = || with(wanted("Mem::Api", "A", json!({"Protocol": "HTTP"})), "Target", Value::attribute("F", "Arn"));
    let plan = planned(vec![], vec![function(), api()], PlanOptions::default()).await.unwrap();
    assert!(!precedes(&plan, "F", "A") && !precedes(&plan, "A", "F"));
    // Said in the file, it waits.
    let told = Desired { depends_on: vec!["F".into()], ..api() };
    let plan = planned(vec![], vec![function(), told], PlanOptions::default()).await.unwrap();
    assert!(precedes(&plan, "F", "A"));
    // Nobody who uses a live one is led to what is not there yet.
    let live = || ours("Mem::Api", "A", "id-1", None, json!({"Protocol": "HTTP"}));
    let plan = planned(vec![live()], vec![function(), api()], PlanOptions::default()).await.unwrap();
    assert!(precedes(&plan, "F", "A"));
}

#[tokio::test(start_paused = true)]
async fn a_fingerprint_is_not_trusted_where_more_has_to_be_known() {
    let trust = PlanOptions { trust_fingerprints: true, ..PlanOptions::default() };
    let things = || {
        vec![
            ours("Mem::Role", "R", "r", None, json!({"Name": "r"})),
            ours(
                "Mem::Function",
                "F",
                "f",
                None,
                json!({"Name": "f", "Memory": 1024, "Role": "r", "Tags": {"applied": "1"}}),
            ),
            ours("Mem::Mapping", "M", "id-1", Some("f"), json!({"FunctionName": "f"})),
        ]
    };
    let function = |fingerprint: &str| Desired {
        fingerprint: Some(fingerprint.to_owned()),
        ..wanted("Mem::Function", "F", json!({"Name": "f", "Role": "r", "Tags": {"applied": fingerprint}}))
    };
    let mapping = || beneath("F", wanted("Mem::Mapping", "M", json!({})));
    let assumed = async |resources: Vec<Desired>, options| {
        let plan = planned(things(), resources, options).await.unwrap();
        change(&plan, "M").assumed
    };
    assert!(assumed(vec![function("1"), mapping()], trust).await);
    assert!(!assumed(vec![function("1"), mapping()], PlanOptions::default()).await);
    assert!(!assumed(vec![function("2"), mapping()], trust).await);
    // Somebody else needs the id that the cloud gave to it.
    let reader = with(wanted("Mem::Queue", "Q", json!({"Name": "q"})), "Of", Value::attribute("M", "Ref"));
    assert!(!assumed(vec![function("1"), mapping(), reader], trust).await);
    // It needs what is not there yet.
    let api = wanted("Mem::Api", "A", json!({}));
    let needy = with(mapping(), "Api", Value::attribute("A", "Ref"));
    assert!(!assumed(vec![function("1"), needy, api], trust).await);
    let secret = with(mapping(), "Key", Value::Secret(crate::engine::value::Secret::new("x")));
    assert!(!assumed(vec![function("1"), secret], trust).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_beneath_another_is_no_orphan_though_it_is_listed_among_ours() {
    let things = || {
        vec![
            ours("Mem::Function", "F", "f", None, json!({"Name": "f", "Memory": 1024, "Tags": {"applied": "1"}})),
            ours("Mem::Queue", "Q", "q", None, json!({"Name": "q"})),
            ours("Mem::Queue", "Old", "old", None, json!({"Name": "old"})),
        ]
    };
    let function = Desired {
        fingerprint: Some("1".to_owned()),
        ..wanted("Mem::Function", "F", json!({"Name": "f", "Tags": {"applied": "1"}}))
    };
    // A queue does not list beneath functions, and still counts to this one's fingerprint.
    let queue = Desired { parent: Some("F".to_owned()), ..wanted("Mem::Queue", "Q", json!({"Name": "q"})) };
    for trust_fingerprints in [true, false] {
        let options = PlanOptions { trust_fingerprints, ..PlanOptions::default() };
        let plan = planned(things(), vec![function.clone(), queue.clone()], options).await.unwrap();
        let actions: Vec<_> = plan.changes.iter().map(|change| (&*change.address.logical_id, &change.action)).collect();
        assert_eq!(actions, [("F", &Action::Nothing), ("Q", &Action::Nothing), ("Old", &Action::Delete)]);
        assert_eq!(change(&plan, "Q").assumed, trust_fingerprints);
    }
}

#[tokio::test(start_paused = true)]
async fn beneath_what_never_has_a_fingerprint_everything_is_read() {
    let things = vec![
        ours("Mem::Function", "F", "f", None, json!({"Name": "f"})),
        ours("Mem::Permission", "P", "p", Some("f"), json!({"FunctionName": "f", "Sid": "p"})),
    ];
    let resources = vec![
        wanted("Mem::Function", "F", json!({"Name": "f"})),
        beneath("F", wanted("Mem::Permission", "New", json!({"Sid": "new"}))),
    ];
    let options = PlanOptions { trust_fingerprints: true, ..PlanOptions::default() };
    let plan = planned(things, resources, options).await.unwrap();
    assert_eq!(change(&plan, "New").action, Action::Create);
    assert_eq!(change(&plan, "P").action, Action::Delete);
}

#[tokio::test(start_paused = true)]
async fn what_goes_goes_last_but_for_what_makes_room() {
    let things = vec![
        ours("Mem::Function", "F", "f", None, json!({"Name": "f", "Memory": 1024})),
        ours("Mem::Permission", "P", "p", Some("f"), json!({"FunctionName": "f", "Sid": "p"})),
        ours("Mem::Mapping", "M", "id-1", Some("f"), json!({"FunctionName": "f", "Source": "a"})),
        ours("Mem::Queue", "Old", "old", None, json!({"Name": "old"})),
    ];
    let resources = vec![
        wanted("Mem::Function", "F", json!({"Name": "f", "Memory": 1024})),
        beneath("F", wanted("Mem::Alias", "A", json!({"Name": "a"}))),
        with(
            beneath("F", wanted("Mem::Permission", "New", json!({"Sid": "new"}))),
            "Alias",
            Value::attribute("A", "Ref"),
        ),
        beneath("F", wanted("Mem::Mapping", "Other", json!({"Source": "b"}))),
        wanted("Mem::Queue", "Q", json!({"Name": "q"})),
    ];
    let plan = planned(things, resources, PlanOptions::default()).await.unwrap();
    for gone in ["P", "Old"] {
        for made in ["A", "New", "Other", "Q"] {
            assert!(precedes(&plan, made, gone), "{made} {gone}");
        }
    }
    assert!(precedes(&plan, "M", "Other") && !precedes(&plan, "Q", "M"));
}

#[tokio::test(start_paused = true)]
async fn who_uses_something_else_is_let_in_first() {
    let things = vec![
        ours("Mem::Function", "F", "f", None, json!({"Name": "f", "Memory": 1024})),
        ours("Mem::Queue", "Calls", "calls", None, json!({"Name": "calls", "To": "f"})),
    ];
    let alias = || beneath("F", wanted("Mem::Alias", "A", json!({"Name": "a"})));
    let permission = || {
        let named =
            with(wanted("Mem::Permission", "P", json!({"Sid": "p"})), "Source", Value::attribute("Calls", "Arn"));
        with(beneath("F", named), "Alias", Value::attribute("A", "Ref"))
    };
    let caller = with(wanted("Mem::Queue", "Calls", json!({"Name": "calls"})), "To", Value::attribute("A", "Ref"));
    let resources =
        vec![wanted("Mem::Function", "F", json!({"Name": "f", "Memory": 1024})), alias(), permission(), caller];
    let plan = planned(things, resources, PlanOptions::default()).await.unwrap();
    assert!(precedes(&plan, "A", "P") && precedes(&plan, "P", "Calls"));
}

#[tokio::test(start_paused = true)]
async fn what_stands_alone_is_read_before_a_crowd() {
    let mut resources: Vec<Desired> = (0..80)
        .map(|number| wanted("Mem::Queue", &format!("Q{number}"), json!({"Name": format!("q{number}")})))
        .collect();
    resources.push(wanted("Mem::Role", "TheRole", json!({"Name": "r"})));
    let world = Arc::new(World::default());
    // The list of what is ours is asked for at the same time.
    world.weather((1..=4).map(|number| (number, Fault::Denied)).collect());
    let cloud: Arc<dyn Cloud> = Arc::new(MemoryCloud::new(Arc::clone(&world), CancellationToken::new()));
    let failures = plan(&DesiredState { resources }, &cloud, PlanOptions::default()).await.unwrap_err();
    assert!(failures.iter().any(|failure| failure.message.contains("TheRole")), "{failures:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_listed_beneath_its_parent_is_read_after_what_its_name_comes_from() {
    let things = vec![
        ours("Mem::Function", "F", "f", None, json!({"Name": "f"})),
        ours("Mem::Api", "A", "api-7", None, json!({})),
        // Found by its name alone.
        ours("Mem::Queue", "Before", "api-7", None, json!({"Name": "api-7"})),
    ];
    let beneath_f = |desired: Desired| Desired { parent: Some("F".into()), ..desired };
    let resources = vec![
        wanted("Mem::Function", "F", json!({"Name": "f"})),
        beneath_f(with(wanted("Mem::Queue", "Q", json!({})), "Name", Value::attribute("A", "Ref"))),
        beneath_f(wanted("Mem::Api", "A", json!({}))),
    ];
    let plan = planned(things, resources, PlanOptions::default()).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
}
