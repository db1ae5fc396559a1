//! Crash-only: whatever call a run is killed at, the next run ends where one that was not killed would have.
//!
//! Killed after every write and before the first call: before any other, the account is what the last write made of it.
//! With `HOIST_EVERY_CALL=1` before and after every call.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, Ran, difference};

const CONFIG: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  logRetentionInDays: 7
  environment: {MODE: plain}
functions:
  hello:
    handler: handler.handler
    url: true
    reservedConcurrency: 5
    events: [{schedule: rate(1 hour)}]
";

/// Changes code, settings and triggers of what stays; `hello` goes, `other` comes.
const CHANGED: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  logRetentionInDays: 14
  environment: {MODE: loud}
functions:
  stays:
    handler: handler.handler
    memorySize: 512
    events: [{schedule: rate(2 hours)}]
  other:
    handler: handler.handler
";

const BEFORE_THE_CHANGE: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  logRetentionInDays: 7
  environment: {MODE: plain}
functions:
  hello:
    handler: handler.handler
  stays:
    handler: handler.handler
    url: true
    reservedConcurrency: 5
    events: [{schedule: rate(1 hour)}]
";

/// What is run, in an account of its own each time.
pub struct Scene {
    /// Deployed first, undisturbed.
    pub first: Option<&'static str>,
    pub config: &'static str,
    /// Whether that is deployed as well, with other code, before the command.
    pub deployed: bool,
    /// `FIRST` stands for the id of the first deployment.
    pub command: &'static [&'static str],
    /// What the command says when there is nothing left for it to do.
    pub nothing: &'static str,
    /// A function and its alias that answer all the time, whatever was killed.
    pub answers: Option<(&'static str, &'static str)>,
    /// What is there before anything is deployed, and whatever happens.
    pub given: fn(&Boto, &str),
    /// What is live in an account.
    pub look: fn(&Boto, &str) -> Value,
}

pub const DEPLOY: Scene = Scene {
    first: None,
    config: "",
    deployed: false,
    command: &["deploy", "--yes"],
    nothing: "nothing to do",
    answers: None,
    given: |_, _| {},
    look: Boto::state,
};

impl Scene {
    fn set_up(&self, cloud: &Cloud, boto: &Boto) -> Project {
        (self.given)(boto, &cloud.account);
        let project = Project::new(self.first.unwrap_or(self.config));
        if self.first.is_some() {
            project.deploy(cloud);
            project.write("serverless.yml", self.config);
        }
        if self.deployed {
            project.write("handler.py", "def handler(event, context):\n    return 'another'\n");
            project.deploy(cloud);
        }
        project
    }

    /// The command with what was not known beforehand.
    fn command(&self, project: &Project, cloud: &Cloud) -> Vec<String> {
        let first = || {
            let known = project.on(cloud, ["history", "--json"]).success().json();
            let mut records = known.into_iter().filter(|line| line["type"] == "deployment");
            records.next_back().unwrap()["id"].as_str().unwrap().to_owned()
        };
        self.command.iter().map(|word| if *word == "FIRST" { first() } else { (*word).to_owned() }).collect()
    }

    /// Runs it undisturbed: what it calls, and what is live then.
    fn undisturbed(&self, cloud: &Cloud, boto: &Boto) -> (Vec<Value>, Value) {
        let cloud = cloud.another();
        let project = self.set_up(&cloud, boto);
        let command = self.command(&project, &cloud);
        let before = cloud.own_calls().len();
        project.on(&cloud, &command).success();
        let calls = cloud.own_calls().split_off(before);
        (calls, (self.look)(boto, &cloud.account))
    }

    /// Kills it at a call, runs it again, and once more: what is live then.
    fn killed_at(&self, cloud: &Cloud, boto: &Boto, call: usize, when: &str) -> Result<Value, String> {
        let cloud = cloud.another();
        let project = self.set_up(&cloud, boto);
        let command = self.command(&project, &cloud);
        let poised = project.poise(&cloud, &command);
        cloud.kill_at(poised.pid(), call, when);
        let killed = Ran::of(poised.go().wait_with_output().unwrap());
        if let Some((function, alias)) = self.answers {
            let call = json!({"FunctionName": function, "Qualifier": alias});
            for _ in 0..3 {
                let answer = boto.call_in(&cloud.account, "lambda", "invoke", call.clone());
                if answer["StatusCode"] != 200 || answer.get("FunctionError").is_some() {
                    return Err(format!("the alias does not answer: {answer}"));
                }
            }
        }
        let began = Instant::now();
        let again = project.on(&cloud, &command);
        let took = began.elapsed();
        if again.code != 0 {
            return Err(format!("the second run ended with {}: {}", again.code, again.said()));
        }
        // Killed processes of this machine are known to be gone: nobody waits for their lease.
        if took > Duration::from_secs(25) {
            return Err(format!("the second run took {took:?}: {}", again.said()));
        }
        let third = project.on(&cloud, &command);
        if third.code != 0 || !third.said().contains(self.nothing) {
            return Err(format!("the third run still did something: {}\nthe second: {}", third.said(), again.said()));
        }
        // With parallel calls a run may take fewer than the one that was counted.
        if killed.code != -1 && killed.code != 0 {
            return Err(format!("the first run ended by itself: {}", killed.said()));
        }
        Ok((self.look)(boto, &cloud.account))
    }
}

/// Kills a scene at each of its calls.
pub fn at_every_call(scene: &Scene) {
    let cloud = Cloud::shared();
    let boto = cloud.boto();
    let (calls, wanted) = scene.undisturbed(&cloud, &boto);
    let all = std::env::var_os("HOIST_EVERY_CALL").is_some();
    let reads = |nth: usize| calls.get(nth).is_none_or(|call| call["reads"] == true);
    let moments: Vec<(usize, &str)> = (0..calls.len())
        .flat_map(|nth| {
            let before = all || nth == 0;
            let after = all || !reads(nth);
            [before.then_some((nth + 1, "before")), after.then_some((nth + 1, "after"))]
        })
        .flatten()
        .collect();
    let open = Mutex::new(moments.iter());
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let boto = cloud.boto();
                loop {
                    let Some(&(call, when)) = open.lock().unwrap().next() else { return };
                    let name = &calls[call - 1]["operation"];
                    match scene.killed_at(&cloud, &boto, call, when) {
                        Ok(found) if found == wanted => {}
                        Ok(found) => {
                            let difference = difference(&wanted, &found, "");
                            problems.lock().unwrap().push(format!("{when} call {call} ({name}): {difference}"));
                        }
                        Err(problem) => {
                            problems.lock().unwrap().push(format!("{when} call {call} ({name}): {problem}"));
                        }
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{} of {} moments:\n{}", problems.len(), moments.len(), problems.join("\n"));
}

#[test]
fn a_first_deploy_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: None, config: CONFIG, ..DEPLOY });
}

#[test]
fn a_change_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(BEFORE_THE_CHANGE), config: CHANGED, ..DEPLOY });
}

#[test]
fn a_removal_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(CONFIG), config: CONFIG, command: &["remove", "--yes"], ..DEPLOY });
}

const BEFORE_THE_SHIFT: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    memorySize: 256
    provisionedConcurrency: 2
    concurrencyAutoscaling: true
    deploymentSettings: {type: Linear40PercentEvery1Second}
";

const SHIFTED: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    memorySize: 512
    provisionedConcurrency: 2
    concurrencyAutoscaling: true
    deploymentSettings: {type: Linear40PercentEvery1Second}
";

/// The alias answers all the time, and the next deploy takes the shift to its end.
#[test]
fn a_shift_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene {
        first: Some(BEFORE_THE_SHIFT),
        config: SHIFTED,
        answers: Some(("shop-dev-hello", "provisioned")),
        ..DEPLOY
    });
}

const BEFORE_THE_CANARY: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello: {handler: handler.handler, memorySize: 256, deploymentSettings: {type: Canary20Percent1Second}}
";

const AFTER_THE_CANARY: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello: {handler: handler.handler, memorySize: 512, deploymentSettings: {type: Canary20Percent1Second}}
";

#[test]
fn a_canary_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene {
        first: Some(BEFORE_THE_CANARY),
        config: AFTER_THE_CANARY,
        answers: Some(("shop-dev-hello", "live")),
        ..DEPLOY
    });
}

const BEFORE_CODE_DEPLOY: &str = "
service: shop
plugins: [serverless-plugin-canary-deployments]
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    memorySize: 256
    deploymentSettings: {type: Canary10Percent5Minutes, alias: live, triggerConfigurations: []}
";

const SHIFTED_BY_CODE_DEPLOY: &str = "
service: shop
plugins: [serverless-plugin-canary-deployments]
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    memorySize: 512
    deploymentSettings: {type: Canary10Percent5Minutes, alias: live, triggerConfigurations: []}
";

/// CodeDeploy goes on meanwhile: the next deploy finds it at work, at its end, or not begun.
#[test]
fn a_shift_of_code_deploy_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene {
        first: Some(BEFORE_CODE_DEPLOY),
        config: SHIFTED_BY_CODE_DEPLOY,
        answers: Some(("shop-dev-hello", "live")),
        ..DEPLOY
    });
}

const SMALL: &str = "
service: shop
provider: {name: aws, runtime: python3.13, logRetentionInDays: 7}
functions:
  hello:
    handler: handler.handler
    url: true
";

const SMALL_CHANGED: &str = "
service: shop
provider: {name: aws, runtime: python3.13, logRetentionInDays: 7}
functions:
  hello:
    handler: handler.handler
    memorySize: 512
    events: [{schedule: rate(1 hour)}]
";

#[test]
fn a_rollback_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene {
        first: Some(SMALL),
        config: SMALL_CHANGED,
        deployed: true,
        command: &["rollback", "FIRST", "--yes"],
        ..DEPLOY
    });
}

#[test]
fn a_rollback_of_one_function_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene {
        first: Some(SMALL),
        config: SMALL,
        deployed: true,
        command: &["rollback", "function", "-f", "hello", "--version", "1"],
        ..DEPLOY
    });
}

/// A secret is set with one call, or two where it was there: kept is the old value or the new one, and never none.
#[test]
fn a_secret_that_was_killed_at_any_call_is_set_or_removed_by_the_next() {
    let cloud = Cloud::shared();
    let set = |project: &Project, cloud: &Cloud, value: &str| {
        let poised = project.poise_with(cloud, ["secrets", "set", "TOKEN"], value);
        Ran::of(poised.go().wait_with_output().unwrap())
    };
    let value = |boto: &Boto, cloud: &Cloud| {
        let asked = json!({"Names": ["/shop/dev/TOKEN"], "WithDecryption": true});
        let found = boto.call_in(&cloud.account, "ssm", "get_parameters", asked);
        found["Parameters"][0]["Value"].as_str().map(str::to_owned)
    };
    let boto = cloud.boto();
    for (before, command) in [(None, "set"), (Some("old"), "set"), (Some("old"), "remove")] {
        let mut call = 0;
        loop {
            call += 1;
            let mut reached = false;
            for when in ["before", "after"] {
                let cloud = cloud.another();
                let project = Project::new(SMALL);
                if let Some(before) = before {
                    set(&project, &cloud, before).success();
                }
                let args: &[&str] = if command == "set" {
                    &["secrets", "set", "TOKEN"]
                } else {
                    &["secrets", "remove", "TOKEN", "--yes"]
                };
                let poised = project.poise_with(&cloud, args, "new");
                cloud.kill_at(poised.pid(), call, when);
                let killed = Ran::of(poised.go().wait_with_output().unwrap());
                reached |= killed.code == -1;
                let kept = value(&boto, &cloud);
                let (new, name) = (Some("new".to_owned()), format!("{command} {before:?} {when} call {call}"));
                if command == "set" {
                    assert!(kept.as_deref() == before || kept == new, "{name}: {kept:?}");
                    set(&project, &cloud, "new").success();
                    assert_eq!(value(&boto, &cloud), new, "{name}");
                } else {
                    let again = project.on(&cloud, args);
                    assert!(again.code == 0 || again.said().contains("there is no secret"), "{name}: {}", again.said());
                    assert_eq!(value(&boto, &cloud), None, "{name}");
                }
            }
            if !reached {
                break;
            }
        }
        assert!(call > 1, "{command} was never killed");
    }
}
