//! Moving an alias from one version to the next: step by step, watched, and back when something is wrong.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use tokio::time::Instant;

use super::alarms;
use super::hooks::{self, Moment, Subject};
use super::shift::Shift;
use crate::aws::client::Aws;
use crate::aws::kinds::json::expect;
use crate::aws::signed::{Signed, segment};
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::Progress;

/// Between two looks at the alarms. They themselves change once in 10 s at best.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the way back is tried, whatever the answer: nobody else takes it.
const WAY_BACK: u32 = 3;

/// An alias about to move.
pub struct Move<'a> {
    pub aws: &'a Aws,
    pub function: &'a str,
    pub alias: &'a str,
    /// The version that has the traffic.
    pub from: &'a str,
    /// The version that gets it.
    pub to: &'a str,
    /// The body of the UpdateAlias that ends the move.
    pub end: Map<String, Json>,
    pub progress: &'a Progress,
}

impl Move<'_> {
    /// Moves everything in one step.
    ///
    /// # Errors
    /// As every call.
    pub async fn at_once(&self) -> Result<(), Failure> {
        self.update(Json::Object(self.end.clone())).await
    }

    /// Moves step by step. `share` is the percentage that the new version has already: a shift that was cut off goes on
    /// there. `others` says whether the alias has weights of a third version.
    ///
    /// # Errors
    /// What turned it back: an alarm, a hook, a call, a stop. All traffic is on the old version again then, or the
    /// failure says that it is not.
    pub async fn shift(&self, shift: &Shift, share: u8, others: bool) -> Result<(), Failure> {
        if others {
            self.route(None).await?;
        }
        if share == 0 {
            self.may_begin(shift).await?;
        }
        match self.take_steps(shift, share).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.back(failure).await),
        }
    }

    /// Nothing moves while an alarm rings or the first hook says no.
    async fn may_begin(&self, shift: &Shift) -> Result<(), Failure> {
        let stays = || format!("Nothing moved: all traffic stays on version {}.", self.from);
        self.watched(shift).await.map_err(|failure| failure.help(stays()))?;
        if let Some(hook) = &shift.before {
            self.progress.say(format!("waiting for {hook}"));
            self.call(hook, Moment::Before).await.map_err(|failure| failure.help(stays()))?;
        }
        Ok(())
    }

    async fn take_steps(&self, shift: &Shift, share: u8) -> Result<(), Failure> {
        for stage in shift.pace.stages_from(share) {
            self.may_go_on()?;
            self.route(Some(stage.percent)).await?;
            let time = shown(stage.wait);
            self.progress.step(format!("{} % of the traffic goes to version {} for {time}", stage.percent, self.to));
            self.watch(shift, stage.wait).await?;
        }
        self.may_go_on()?;
        self.at_once().await?;
        self.progress.step(format!("all traffic goes to version {}", self.to));
        self.watched(shift).await?;
        if let Some(hook) = &shift.after {
            self.progress.say(format!("waiting for {hook}"));
            self.call(hook, Moment::After).await?;
        }
        Ok(())
    }

    /// Calls a hook, and listens to it no longer than the user does: it may take a quarter of an hour, and the way back
    /// has to be taken before CI loses patience.
    async fn call(&self, hook: &str, moment: Moment) -> Result<(), Failure> {
        tokio::select! {
            biased;
            heard = hooks::call(self.aws, hook, moment, self.subject()) => heard,
            () = self.aws.retry().stopped() => Err(Failure::new(
                Reason::Cancelled,
                format!("stopped before the {} {hook} had answered", moment.key()),
            )),
        }
    }

    /// Looks at the alarms for so long.
    async fn watch(&self, shift: &Shift, wait: Duration) -> Result<(), Failure> {
        let until = Instant::now() + wait;
        loop {
            self.watched(shift).await?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.progress.say(format!("{} of it left", shown(left)));
            if !self.aws.retry().rest(left.min(LOOK_EVERY)).await {
                return self.may_go_on();
            }
        }
    }

    async fn watched(&self, shift: &Shift) -> Result<(), Failure> {
        let ringing = tokio::select! {
            biased;
            ringing = alarms::ringing(self.aws, &shift.alarms) => ringing?,
            () = self.aws.retry().stopped() => return self.may_go_on(),
        };
        match ringing {
            Some(alarm) => {
                let text = format!("the alarm {} rings: {}", alarm.name, alarm.reason);
                Err(Failure::new(Reason::Failed, self.aws.mask(&text)))
            }
            None => Ok(()),
        }
    }

    fn may_go_on(&self) -> Result<(), Failure> {
        if self.aws.retry().is_stopped() {
            return Err(Failure::new(Reason::Cancelled, "stopped before all traffic had moved"));
        }
        Ok(())
    }

    /// Says that all traffic is back: as a step, and in the failure.
    pub(super) fn told_back(&self, failure: Failure) -> Failure {
        self.progress.step(format!("all traffic is back on version {}: {}", self.from, failure.message));
        failure.help(format!("All traffic is back on version {}.", self.from))
    }

    /// Brings all traffic back, and says so in the failure.
    pub(super) async fn back(&self, failure: Failure) -> Failure {
        let mut problem = String::new();
        for _ in 0..WAY_BACK {
            match self.route(None).await {
                Ok(()) => return self.told_back(failure),
                Err(other) => problem = other.message,
            }
        }
        failure.help(format!("Traffic could not be brought back to version {}: {problem}", self.from)).help(
            "The alias answers with both versions meanwhile; the next deploy reads its weights and goes on from there.",
        )
    }

    /// The old version with so much of the new one.
    pub(super) async fn route(&self, percent: Option<u8>) -> Result<(), Failure> {
        let weights: Map<String, Json> =
            percent.map(|percent| (self.to.to_owned(), json!(f64::from(percent) / 100.0))).into_iter().collect();
        let routing = json!({ "AdditionalVersionWeights": weights });
        self.update(json!({ "FunctionVersion": self.from, "RoutingConfig": routing })).await
    }

    /// The version that the alias has now, and the weights of others.
    pub(super) async fn routing(&self) -> Result<(String, Map<String, Json>), Failure> {
        let request = Signed::rest("GET", self.path());
        let answer = self.aws.ask("lambda", "GetAlias", &request, self.progress).await?;
        let weights = answer.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Json::as_object);
        Ok((expect(&answer, "FunctionVersion", "lambda.GetAlias")?, weights.cloned().unwrap_or_default()))
    }

    fn path(&self) -> String {
        format!("/2015-03-31/functions/{}/aliases/{}", segment(self.function), segment(self.alias))
    }

    async fn update(&self, body: Json) -> Result<(), Failure> {
        let request = Signed::rest("PUT", self.path()).body(body);
        self.aws.ask("lambda", "UpdateAlias", &request, self.progress).await.map(drop)
    }

    fn subject(&self) -> Subject<'_> {
        Subject { function: self.function, alias: self.alias, from: self.from, to: self.to }
    }
}

/// `45 s`, `5 min`, `1 h 30 min`
fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil();
    let (minutes, hours) = ((seconds / 60.0).ceil(), (seconds / 3600.0).floor());
    if seconds < 120.0 {
        format!("{seconds} s")
    } else if minutes < 120.0 {
        format!("{minutes} min")
    } else {
        format!("{hours} h {} min", ((seconds - hours * 3600.0) / 60.0).ceil())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::aws::fake::{Asked, Fake, Told};
    use crate::config::language::pace::Pace;

    static ALARMS_SEEN: AtomicUsize = AtomicUsize::new(0);

    fn shift(pace: &str, alarms: &[&str]) -> Shift {
        let alarms = alarms.iter().map(ToString::to_string).collect();
        Shift { pace: Pace::parse(pace).unwrap(), before: None, after: None, alarms, group: None }
    }

    async fn moved(aws: &Aws, shift: &Shift, share: u8) -> Result<(), Failure> {
        let end = json!({ "FunctionVersion": "2", "RoutingConfig": { "AdditionalVersionWeights": {} } });
        let Json::Object(end) = end else { panic!("an object") };
        let progress = Progress::silent();
        let one = Move { aws, function: "f", alias: "live", from: "1", to: "2", end, progress: &progress };
        one.shift(shift, share, false).await
    }

    /// `1+2:0.5`: the version of each UpdateAlias, with the weight of the other.
    fn routes(asked: &[Asked]) -> Vec<String> {
        let updates = asked.iter().filter(|one| one.path.contains("/aliases/"));
        updates
            .map(|one| {
                let body = one.json();
                let version = body["FunctionVersion"].as_str().unwrap().to_owned();
                match body.pointer("/RoutingConfig/AdditionalVersionWeights/2") {
                    Some(weight) => format!("{version}+2:{weight}"),
                    None => version,
                }
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn traffic_moves_in_steps_and_a_cut_off_shift_goes_on() {
        let (aws, fake) = Fake::connect(|_| Told::ok("{}"));
        moved(&aws, &shift("Linear30PercentEvery1Minute", &[]), 0).await.unwrap();
        assert_eq!(routes(&fake.asked()), ["1+2:0.3", "1+2:0.6", "1+2:0.9", "2"]);
        let (aws, fake) = Fake::connect(|_| Told::ok("{}"));
        moved(&aws, &shift("Linear30PercentEvery1Minute", &[]), 60).await.unwrap();
        assert_eq!(routes(&fake.asked()), ["1+2:0.6", "1+2:0.9", "2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_brings_it_back() {
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&looks);
        let (aws, fake) = Fake::connect(move |asked| {
            if asked.action != "DescribeAlarms" {
                return Told::ok("{}");
            }
            let rings = counted.fetch_add(1, Ordering::SeqCst) >= 3;
            let state = if rings { "ALARM" } else { "OK" };
            Told::ok(
                json!({ "MetricAlarms": [{ "AlarmName": "errors", "StateValue": state, "StateReason": "5 of 5" }] }),
            )
        });
        let failure = moved(&aws, &shift("Canary10Percent1Minute", &["errors"]), 0).await.unwrap_err();
        assert_eq!(failure.message, "the alarm errors rings: 5 of 5");
        assert_eq!(failure.help, ["All traffic is back on version 1."]);
        assert_eq!(routes(&fake.asked()), ["1+2:0.1", "1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_it_gets_the_traffic_back_whatever_it_waits_for() {
        let hooked = Shift { after: Some("after".into()), ..shift("AllAtOnce", &[]) };
        for (shift, waits_for) in [
            (shift("Canary10Percent10Minutes", &[]), "nothing"),
            (shift("Canary10Percent10Minutes", &["errors"]), "DescribeAlarms"),
            (hooked, "/after/"),
        ] {
            let stop = CancellationToken::new();
            let (aws, fake) = Fake::connect_until(stop.clone(), move |asked| {
                let silent = asked.action == waits_for || asked.path.contains(waits_for);
                // Nothing moves before the alarms were looked at once.
                if silent && !(waits_for == "DescribeAlarms" && ALARMS_SEEN.fetch_add(1, Ordering::SeqCst) == 0) {
                    Told::never()
                } else {
                    Told::ok("{}")
                }
            });
            let pressed = async {
                tokio::time::sleep(Duration::from_secs(60)).await;
                stop.cancel();
            };
            let began = Instant::now();
            let (moved, ()) = tokio::join!(moved(&aws, &shift, 0), pressed);
            assert_eq!(moved.unwrap_err().reason, Reason::Cancelled, "{waits_for}");
            assert!(began.elapsed() < Duration::from_secs(61), "{waits_for}");
            assert_eq!(routes(&fake.asked()).last().map(String::as_str), Some("1"), "{waits_for}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_while_an_alarm_rings() {
        let (aws, fake) =
            Fake::connect(|_| Told::ok(json!({ "MetricAlarms": [{ "AlarmName": "errors", "StateValue": "ALARM" }] })));
        let failure = moved(&aws, &shift("AllAtOnce", &["errors"]), 0).await.unwrap_err();
        assert_eq!(failure.help, ["Nothing moved: all traffic stays on version 1."]);
        assert!(routes(&fake.asked()).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn hooks_are_called_before_and_after_and_may_say_no() {
        let (aws, fake) = Fake::connect(|asked| match asked.path.as_str() {
            path if path.contains("/after/") => Told::ok(json!({ "status": "Failed", "reason": "not good" })),
            _ => Told::ok("{}"),
        });
        let hooked = Shift { before: Some("before".into()), after: Some("after".into()), ..shift("AllAtOnce", &[]) };
        let failure = moved(&aws, &hooked, 0).await.unwrap_err();
        assert!(failure.message.contains("after says no to version 2 of f: not good"), "{}", failure.message);
        let paths: Vec<String> = fake.asked().iter().map(|one| one.path.clone()).collect();
        assert!(paths[0].contains("/before/") && paths[2].contains("/after/"), "{paths:?}");
        assert_eq!(routes(&fake.asked()), ["2", "1"]);
        let event: Json = fake.asked()[0].json();
        assert_eq!((&event["CurrentVersion"], &event["TargetVersion"]), (&json!("1"), &json!("2")));
    }

    #[test]
    fn times_are_short() {
        let times = [0.4, 45.0, 300.0, 5_400.0, 9_000.0].map(Duration::from_secs_f64);
        assert_eq!(times.map(shown), ["1 s", "45 s", "5 min", "90 min", "2 h 30 min"]);
    }
}
