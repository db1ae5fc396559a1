//! What AWS would refuse half-way is asked about before anything is changed. Only a plan that needs the answer asks.

use serde_json::Value as Json;

use super::alarms;
use super::shift::{self, HINT};
use crate::aws::client::Aws;
use crate::aws::kinds::{alias, function};
use crate::aws::signed::Signed;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress;
use crate::engine::plan::{Change, Plan};
use crate::engine::value::Value;

/// So much of the account's concurrency stays for functions without a reservation.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
const UNRESERVED: i64 = 100;

/// Looks for what stands in the way of a plan.
///
/// # Errors
/// Everything that does: reservations that the account has no room for, alarms that do not exist.
pub async fn check(aws: &Aws, plan: &Plan) -> Result<(), Vec<Failure>> {
    let mut problems = Vec::new();
    problems.extend(reservations(aws, plan).await.err());
    problems.extend(missing_alarms(aws, plan).await.unwrap_or_else(|failure| vec![failure]));
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// How much more a change reserves than is reserved now, and whether it reserves more at all.
fn more(change: &Change) -> i64 {
    let reserved = |properties: Option<&Value>| match properties?.get("ReservedConcurrentExecutions")? {
        Value::Number(number) => number.as_i64(),
        _ => None,
    };
    let after = reserved(change.desired.as_ref().map(|desired| &desired.properties));
    let before = reserved(change.live.as_ref().map(|live| &live.properties));
    after.unwrap_or(0) - before.unwrap_or(0)
}

async fn reservations(aws: &Aws, plan: &Plan) -> Result<(), Failure> {
    let functions = plan.changes.iter().filter(|change| change.address.kind == function::TYPE && change.is_write());
    let changes: Vec<(&Change, i64)> = functions.map(|change| (change, more(change))).collect();
    let total: i64 = changes.iter().map(|(_, more)| more).sum();
    let raised: Vec<&str> =
        changes.iter().filter(|(_, more)| *more > 0).map(|(change, _)| change.address.logical_id.as_str()).collect();
    // Functions without a reservation need no answer, and most services have none.
    if raised.is_empty() || total <= 0 {
        return Ok(());
    }
    let request = Signed::rest("GET", "/2016-08-19/account-settings/");
    let settings = aws.ask("lambda", "GetAccountSettings", &request, &Progress::silent()).await?;
    let free = settings.pointer("/AccountLimit/UnreservedConcurrentExecutions").and_then(Json::as_i64);
    let Some(free) = free.filter(|free| free - total < UNRESERVED) else { return Ok(()) };
    let message = format!(
        "`reservedConcurrency` of {} takes {total} more out of the {free} that the account has unreserved, and Lambda keeps \
         {UNRESERVED} of them",
        raised.join(", ")
    );
    Err(Failure::new(Reason::Quota, message).help(format!(
        "Reserve at most {} more, or raise the account's concurrency in Service Quotas.",
        (free - UNRESERVED).max(0)
    )))
}

async fn missing_alarms(aws: &Aws, plan: &Plan) -> Result<Vec<Failure>, Failure> {
    let aliases = plan.changes.iter().filter(|change| change.address.kind == alias::TYPE && change.is_write());
    let hints = aliases.filter_map(|change| change.desired.as_ref()?.hints.get(HINT));
    // What is not known yet is an alarm that this very deploy makes.
    let mut names: Vec<String> = hints.flat_map(shift::alarms).filter_map(Value::text).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    let found = alarms::look(aws, &names).await?;
    names.retain(|name| found.iter().all(|alarm| alarm.name != *name));
    let missing = |name: String| {
        Failure::new(Reason::NotFound, format!("the alarm {name} of `deploymentSettings` does not exist"))
            .help("Create it first, or take it out of `alarms`: a shift that nobody watches is not what was asked for.")
    };
    Ok(names.into_iter().map(missing).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::aws::fake::{Fake, Told};
    use crate::config::language::pace::Pace;
    use crate::engine::address::Address;
    use crate::engine::plan::Action;
    use crate::engine::resource::Desired;

    fn made(kind: &str, properties: Value, hints: BTreeMap<String, Value>) -> Plan {
        let address = Address::new(kind, "One");
        let desired = Desired {
            address: address.clone(),
            properties,
            depends_on: vec![],
            parent: None,
            fingerprint: None,
            hints,
        };
        let change = Change {
            address,
            action: Action::Create,
            why: String::new(),
            assumed: false,
            desired: Some(desired),
            live: None,
        };
        Plan { changes: vec![change], after: vec![vec![]] }
    }

    fn reserving(count: i64) -> Plan {
        let count = Value::Number(count.into());
        let properties = Value::Map(BTreeMap::from([("ReservedConcurrentExecutions".to_owned(), count)]));
        made(function::TYPE, properties, BTreeMap::new())
    }

    #[tokio::test]
    async fn a_hundred_stay_unreserved() {
        let (aws, fake) = Fake::connect(|_| {
            Told::ok(json!({ "AccountLimit": { "ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 150 } }))
        });
        assert_eq!(check(&aws, &reserving(0)).await, Ok(()));
        assert!(fake.asked().is_empty(), "stopping a function needs no room");
        assert_eq!(check(&aws, &reserving(50)).await, Ok(()));
        let problems = check(&aws, &reserving(51)).await.unwrap_err();
        assert!(problems[0].message.contains("takes 51 more out of the 150"), "{}", problems[0].message);
        assert!(problems[0].help[0].contains("at most 50 more"), "{:?}", problems[0].help);
    }

    #[tokio::test]
    async fn an_alarm_that_does_not_exist_is_found_before_the_shift() {
        let (aws, _) = Fake::connect(|_| Told::ok(json!({ "MetricAlarms": [{ "AlarmName": "there" }] })));
        let alarms = vec![Value::string("there"), Value::string("gone"), Value::attribute("Alarm", "Ref")];
        let hint = shift::hint(Pace::AllAtOnce, None, None, alarms);
        let plan = made(alias::TYPE, Value::Map(BTreeMap::new()), BTreeMap::from([(HINT.to_owned(), hint)]));
        let problems = check(&aws, &plan).await.unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].message.contains("the alarm gone"), "{}", problems[0].message);
    }
}
