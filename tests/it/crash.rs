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
struct Scene {
    /// Deployed first, undisturbed.
    first: Option<&'static str>,
    config: &'static str,
    /// Whether that is deployed as well, with other code, before the command.
    deployed: bool,
    /// `FIRST` stands for the id of the first deployment.
    command: &'static [&'static str],
    /// What the command says when there is nothing left for it to do.
    nothing: &'static str,
    /// A function and its alias that answer all the time, whatever was killed.
    answers: Option<(&'static str, &'static str)>,
    /// What is there before anything is deployed, and whatever happens.
    given: fn(&Boto, &str),
    /// What is live in an account.
    look: fn(&Boto, &str) -> Value,
}

const DEPLOY: Scene = Scene {
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
fn at_every_call(scene: &Scene) {
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

const APIS: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  apiGateway: {apiKeys: [shop-key], usagePlan: {quota: {limit: 100, period: DAY}}}
  httpApi: {cors: true}
functions:
  guard: {handler: handler.handler}
  hello:
    handler: handler.handler
    events:
      - http: {path: orders, method: get, cors: true, private: true}
      - http: {path: 'orders/{id}', method: put, authorizer: {name: guard, type: request, identitySource: method.request.header.X}}
      - httpApi: GET /orders
      - httpApi: POST /orders
      - websocket: $connect
      - websocket: {route: chat, routeResponseSelectionExpression: $default}
";

/// Routes, an authorizer and a limit go, others come, and settings change.
const APIS_CHANGED: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  apiGateway: {apiKeys: [shop-key, other-key], usagePlan: {throttle: {burstLimit: 5, rateLimit: 2}}}
  httpApi: {cors: {allowedOrigins: ['https://shop.example']}}
functions:
  guard: {handler: handler.handler}
  hello:
    handler: handler.handler
    events:
      - http: {path: orders, method: get, private: true}
      - http: {path: baskets, method: post}
      - httpApi: {path: /orders, method: get, authorizer: {type: aws_iam}}
      - httpApi: GET /baskets
      - websocket: $connect
      - websocket: $disconnect
      - websocket: chat
";

#[test]
fn a_first_deploy_of_apis_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { config: APIS, ..DEPLOY });
}

#[test]
fn a_change_of_apis_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(APIS), config: APIS_CHANGED, ..DEPLOY });
}

#[test]
fn a_removal_of_apis_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(APIS), config: APIS, command: &["remove", "--yes"], ..DEPLOY });
}

const SHARED: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  apiGateway: {restApiId: '${ssm:/shared/api}', restApiRootResourceId: '${ssm:/shared/root}'}
functions:
  hello:
    handler: handler.handler
    events:
      - http: GET /orders
      - http: {path: 'orders/{id}', method: put, cors: true}
";

const SHARED_CHANGED: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  apiGateway: {restApiId: '${ssm:/shared/api}', restApiRootResourceId: '${ssm:/shared/root}'}
functions:
  hello:
    handler: handler.handler
    events:
      - http: {path: orders, method: get, private: true}
      - http: POST /orders/new/basket
";

/// An API of somebody else, with a route and a stage.
fn shared_api(boto: &Boto, account: &str) {
    let ask = |operation: &str, parameters: Value| boto.call_in(account, "apigateway", operation, parameters);
    let api = ask("create_rest_api", json!({"name": "shared"}))["id"].clone();
    let root = ask("get_resources", json!({"restApiId": api}))["items"][0]["id"].clone();
    let theirs =
        ask("create_resource", json!({"restApiId": api, "parentId": root, "pathPart": "theirs"}))["id"].clone();
    let method = json!({"restApiId": api, "resourceId": theirs, "httpMethod": "GET"});
    let with = |key: &str, value: &str| {
        let mut parameters = method.clone();
        parameters[key] = value.into();
        parameters
    };
    ask("put_method", with("authorizationType", "NONE"));
    ask("put_integration", with("type", "MOCK"));
    ask("create_deployment", json!({"restApiId": api, "stageName": "dev"}));
    for (name, value) in [("/shared/api", &api), ("/shared/root", &root)] {
        boto.call_in(account, "ssm", "put_parameter", json!({"Name": name, "Type": "String", "Value": value}));
    }
}

#[test]
fn a_first_deploy_into_a_shared_api_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { config: SHARED, given: shared_api, ..DEPLOY });
}

#[test]
fn a_change_in_a_shared_api_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(SHARED), config: SHARED_CHANGED, given: shared_api, ..DEPLOY });
}

#[test]
fn a_removal_from_a_shared_api_killed_at_any_call_is_finished_by_the_next() {
    let command = &["remove", "--yes"];
    at_every_call(&Scene { first: Some(SHARED), config: SHARED, command, given: shared_api, ..DEPLOY });
}

const SHARED_V2: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  httpApi: {id: '${ssm:/shared/http}'}
  apiGateway: {websocketApiId: '${ssm:/shared/websocket}'}
functions:
  guard: {handler: handler.handler}
  hello:
    handler: handler.handler
    events:
      - httpApi: GET /orders
      - httpApi: POST /orders
      - websocket: {route: $connect, authorizer: guard}
      - websocket: {route: chat, routeResponseSelectionExpression: $default}
";

const SHARED_V2_CHANGED: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  httpApi: {id: '${ssm:/shared/http}'}
  apiGateway: {websocketApiId: '${ssm:/shared/websocket}'}
functions:
  other:
    handler: handler.handler
    events:
      - httpApi: GET /orders
      - websocket: news
";

/// An HTTP API and a WebSocket API of somebody else, each with a stage.
fn shared_v2_apis(boto: &Boto, account: &str) {
    let ask = |operation: &str, parameters: Value| boto.call_in(account, "apigatewayv2", operation, parameters);
    for (kind, protocol, selection) in
        [("http", "HTTP", "$request.method $request.path"), ("websocket", "WEBSOCKET", "$request.body.action")]
    {
        let wanted = json!({"Name": kind, "ProtocolType": protocol, "RouteSelectionExpression": selection});
        let api = ask("create_api", wanted)["ApiId"].clone();
        ask("create_stage", json!({"ApiId": api, "StageName": "live", "AutoDeploy": true}));
        let parameter = json!({"Name": format!("/shared/{kind}"), "Type": "String", "Value": api});
        boto.call_in(account, "ssm", "put_parameter", parameter);
    }
}

#[test]
fn a_change_in_shared_http_and_websocket_apis_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(SHARED_V2), config: SHARED_V2_CHANGED, given: shared_v2_apis, ..DEPLOY });
}

#[test]
fn a_removal_from_shared_http_and_websocket_apis_killed_at_any_call_is_finished_by_the_next() {
    let command = &["remove", "--yes"];
    at_every_call(&Scene { first: Some(SHARED_V2), config: SHARED_V2, command, given: shared_v2_apis, ..DEPLOY });
}

const EVENTS: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    events:
      - sqs: 'arn:aws:sqs:us-east-1:${aws:accountId}:jobs'
      - sns: shop-news
      - s3: shop-photos-${aws:accountId}
      - s3: {bucket: 'given-${aws:accountId}', existing: true}
      - eventBridge: {eventBus: shop-bus, pattern: {source: [a]}}
      - schedule: {rate: rate(2 hours), method: scheduler}
      - cloudwatchLog: /given
      - iot: {sql: \"SELECT * FROM 'one'\"}
      - cognitoUserPool: {pool: shop, trigger: PreSignUp}
";

const EVENTS_CHANGED: &str = "
service: shop
provider: {name: aws, runtime: python3.13}
functions:
  hello:
    handler: handler.handler
    events:
      - sqs: {arn: 'arn:aws:sqs:us-east-1:${aws:accountId}:jobs', batchSize: 5, filterPatterns: [{a: [b]}]}
      - sns: {topicName: shop-news, filterPolicy: {a: [b]}}
      - sns: shop-more
      - s3: {bucket: 'given-${aws:accountId}', existing: true, rules: [{prefix: in/}]}
      - eventBridge: {pattern: {source: [b]}}
      - schedule: {rate: rate(3 hours), method: scheduler}
      - iot: {sql: \"SELECT * FROM 'two'\"}
      - cognitoUserPool: {pool: shop, trigger: PostConfirmation}
";

/// What the triggers come from: a queue, a bucket and a log group of others.
fn sources(boto: &Boto, account: &str) {
    boto.call_in(account, "sqs", "create_queue", json!({"QueueName": "jobs"}));
    boto.call_in(account, "s3", "create_bucket", json!({"Bucket": format!("given-{account}")}));
    boto.call_in(account, "logs", "create_log_group", json!({"logGroupName": "/given"}));
}

const OF_EVENTS: Scene = Scene { given: sources, look: Boto::triggers_in, ..DEPLOY };

#[test]
fn a_first_deploy_of_triggers_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { config: EVENTS, ..OF_EVENTS });
}

#[test]
fn a_change_of_triggers_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(EVENTS), config: EVENTS_CHANGED, ..OF_EVENTS });
}

#[test]
fn a_removal_of_triggers_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(EVENTS), config: EVENTS, command: &["remove", "--yes"], ..OF_EVENTS });
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
