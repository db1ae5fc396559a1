//! Which versions say the commit that they were published from.
//!
//! A version is published in the call that brings its code, which has no room for a description. Saying the commit takes a
//! call of its own, and calls of Lambda's control plane are few. Where an alias stands before the function, versions are
//! what a person looks at, and it is made always; otherwise only while it costs nobody any time.

use std::collections::BTreeSet;

use crate::aws::kinds::version::COMMIT;
use crate::aws::kinds::{alias, function, version};
use crate::engine::plan::{Action, Change, Plan};

/// So many calls go to Lambda in a second (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const A_SECOND: usize = 15;

/// The hint of a function that publishes a version along with its code.
const PUBLISH: &str = "Publish";

/// Has versions published by a call of their own where they are to say their commit.
pub fn describe(plan: &mut Plan) {
    let describes = |change: &&Change| {
        let desired = change.desired.as_ref().filter(|_| matches!(change.action, Action::Create));
        change.address.kind == version::TYPE && desired.is_some_and(|desired| desired.hints.contains_key(COMMIT))
    };
    let parents = |changes: &mut dyn Iterator<Item = &Change>| -> BTreeSet<String> {
        changes.filter_map(|change| change.desired.as_ref()?.parent.clone()).collect()
    };
    let described = parents(&mut plan.changes.iter().filter(describes));
    let before = parents(&mut plan.changes.iter().filter(|change| change.address.kind == alias::TYPE));
    let all = described.len() <= A_SECOND;
    for change in plan.changes.iter_mut().filter(|change| change.address.kind == function::TYPE) {
        let id = &change.address.logical_id;
        if described.contains(id)
            && (all || before.contains(id))
            && let Some(desired) = &mut change.desired
        {
            desired.hints.remove(PUBLISH);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::address::Address;
    use crate::engine::resource::Desired;
    use crate::engine::value::Value;

    fn change(kind: &str, id: &str, parent: Option<&str>, hint: Option<(&str, Value)>) -> Change {
        let address = Address::new(kind, id);
        let desired = Desired {
            address: address.clone(),
            properties: Value::Null,
            depends_on: vec![],
            parent: parent.map(str::to_owned),
            fingerprint: None,
            hints: hint.map(|(key, value)| (key.to_owned(), value)).into_iter().collect::<BTreeMap<_, _>>(),
        };
        let (why, live) = (String::new(), None);
        Change { address, action: Action::Create, why, assumed: false, desired: Some(desired), live }
    }

    /// Which functions publish along with their code.
    fn publishing(count: usize, commit: bool) -> Vec<String> {
        let mut plan = Plan::default();
        for number in 0..count {
            let id = format!("F{number}");
            plan.changes.push(change(function::TYPE, &id, None, Some((PUBLISH, Value::Bool(true)))));
            let hint = commit.then(|| (COMMIT, Value::string("abc1234")));
            plan.changes.push(change(version::TYPE, &format!("V{number}"), Some(&id), hint));
        }
        plan.changes.push(change(alias::TYPE, "A", Some("F0"), None));
        describe(&mut plan);
        let publishes = |change: &&Change| change.desired.as_ref().unwrap().hints.contains_key(PUBLISH);
        plan.changes.iter().filter(publishes).map(|change| change.address.logical_id.clone()).collect()
    }

    #[test]
    fn a_commit_is_worth_a_call_while_there_are_calls_to_spare() {
        assert_eq!(publishing(15, true), Vec::<String>::new());
        assert_eq!(publishing(15, false).len(), 15);
        // Behind an alias it is worth one anyway.
        assert_eq!(publishing(16, true), (1..16).map(|number| format!("F{number}")).collect::<Vec<_>>());
    }
}
