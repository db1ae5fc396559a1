//! Under the policies of docs/permissions.md: each command is allowed all that it needs, and what it is not allowed it
//! does not do.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, Ran, difference};

const PAGE: &str = include_str!("../../docs/permissions.md");

/// Something of each kind that the emulator knows how to guard.
const CONFIG: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  logRetentionInDays: 7
  timeout: 20
  tags: {team: a}
  apiGateway: {apiKeys: [partner], usagePlan: {quota: {limit: 100, period: DAY}}}
layers:
  shared: {path: shared}
functions:
  web:
    handler: handler.handler
    url: true
    reservedConcurrency: 3
    layers: [{Ref: SharedLambdaLayer}]
    events:
      - httpApi: GET /web
      - http: {path: web, method: get, private: true}
      - websocket: $connect
  worker:
    handler: handler.handler
    maximumRetryAttempts: 1
    events:
      - schedule: rate(1 hour)
      - schedule: {rate: [rate(2 hours)], method: scheduler}
      - sns: shop-dev-orders
      - sns: {topicName: shop-dev-parcels, filterPolicy: {kind: [small]}}
      - sqs: arn:aws:sqs:us-east-1:123456789012:jobs
      - s3: shop-dev-uploads
      - s3: {bucket: theirs, existing: true}
      - eventBridge: {eventBus: shop-dev-deliveries, pattern: {source: [van]}}
      - cloudwatchLog: /their/group
  warm:
    handler: handler.handler
    provisionedConcurrency: 1
    concurrencyAutoscaling: true
  shifted:
    handler: handler.handler
    deploymentSettings: {type: Canary10Percent5Minutes, alias: live, triggerConfigurations: []}
resources: {Resources: {Says: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref WebLambdaFunction}}}}
";

/// Everything that can be changed in place is; the second function's triggers go.
const CHANGED: &str = "
service: shop
provider:
  name: aws
  runtime: python3.13
  logRetentionInDays: 14
  timeout: 25
  tags: {team: b, cost: c}
  apiGateway: {apiKeys: [partner], usagePlan: {quota: {limit: 200, period: DAY}}}
functions:
  web:
    handler: handler.handler
    url: {cors: true}
    memorySize: 512
    events:
      - httpApi: GET /other
      - http: {path: other, method: get, private: true}
      - websocket: $connect
      - schedule: rate(3 hours)
  worker:
    handler: handler.handler
    maximumRetryAttempts: 2
    events:
      - sqs: {arn: 'arn:aws:sqs:us-east-1:123456789012:jobs', batchSize: 5}
      - s3: shop-dev-uploads
  warm:
    handler: handler.handler
    provisionedConcurrency: 1
    concurrencyAutoscaling: {maximum: 3, usage: 0.5}
  shifted:
    handler: handler.handler
    deploymentSettings: {type: AllAtOnce, alias: live, triggerConfigurations: []}
resources: {Resources: {Says: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref WorkerLambdaFunction}}}}
";

/// The policy of a command as the page prints it, for the test's service.
fn policy(command: &str) -> String {
    let (_, rest) = PAGE.split_once(&format!("\n## hoist {command}\n\n```json\n")).unwrap();
    let (policy, _) = rest.split_once("\n```").unwrap();
    let values = [
        ("${Partition}", "aws"),
        ("${Region}", "us-east-1"),
        ("${Account}", "123456789012"),
        ("${Service}", "shop"),
        ("${Stage}", "dev"),
    ];
    values.iter().fold(policy.to_owned(), |policy, (name, value)| policy.replace(name, value))
}

/// Somebody who may do what the page says that a command needs.
struct User {
    key: String,
    secret: String,
}

impl User {
    fn who_may(boto: &Boto, command: &str) -> Self {
        let name = format!("who-may-{command}");
        boto.call("iam", "create_user", json!({"UserName": name}));
        let document = policy(command);
        boto.call("iam", "put_user_policy", json!({"UserName": name, "PolicyName": "p", "PolicyDocument": document}));
        let made = boto.call("iam", "create_access_key", json!({"UserName": name}));
        let text = |key: &str| made["AccessKey"][key].as_str().unwrap().to_owned();
        Self { key: text("AccessKeyId"), secret: text("SecretAccessKey") }
    }

    fn runs(&self, project: &Project, cloud: &Cloud, args: &[&str]) -> Ran {
        let mut command = project.command_on(cloud, args);
        command.env("AWS_ACCESS_KEY_ID", &self.key).env("AWS_SECRET_ACCESS_KEY", &self.secret);
        Ran::of(command.output().unwrap())
    }
}

fn what_others_have(boto: &Boto) {
    boto.call("sqs", "create_queue", json!({"QueueName": "jobs"}));
    boto.call("s3", "create_bucket", json!({"Bucket": "theirs"}));
    boto.call("logs", "create_log_group", json!({"logGroupName": "/their/group"}));
}

/// What is live, without the users of this test and what they may.
fn live(boto: &Boto, cloud: &Cloud) -> Value {
    boto.state(&cloud.account)
}

#[test]
fn every_command_runs_under_the_policy_that_the_page_prints_for_it() {
    let cloud = Cloud::guarded();
    let boto = cloud.boto();
    what_others_have(&boto);
    let before = live(&boto, &cloud);
    let may = |command: &str| User::who_may(&boto, command);
    let (deploy, diff, info) = (may("deploy"), may("diff"), may("info"));
    let (invoke, logs, remove) = (may("invoke"), may("logs"), may("remove"));
    let project = Project::new(CONFIG).file("shared/python/shared.py", "WORD = 'shared'\n");

    deploy.runs(&project, &cloud, &["deploy", "--yes"]).success();
    diff.runs(&project, &cloud, &["diff", "--exit-code"]).success();
    info.runs(&project, &cloud, &["info"]).success().says("shop-dev-web");
    invoke.runs(&project, &cloud, &["invoke", "-f", "worker", "-d", "{\"a\": 1}"]).success();
    logs.runs(&project, &cloud, &["logs", "-f", "worker"]).success();

    project.write("serverless.yml", CHANGED);
    project.write("handler.py", "def handler(event, context):\n    return 'changed'\n");
    diff.runs(&project, &cloud, &["diff", "--exit-code"]).code(2);
    deploy.runs(&project, &cloud, &["deploy", "--yes"]).success();
    deploy.runs(&project, &cloud, &["deploy", "--yes"]).success().says("nothing to do");
    diff.runs(&project, &cloud, &["diff", "--exit-code"]).success();

    remove.runs(&project, &cloud, &["remove", "--yes"]).success();
    let after = live(&boto, &cloud);
    assert_eq!(before, after, "{}", difference(&before, &after, ""));
    remove.runs(&project, &cloud, &["remove", "--yes"]).success().says("nothing to do");
}

#[test]
fn who_may_only_look_changes_nothing_and_hears_what_is_missing() {
    let cloud = Cloud::guarded();
    let boto = cloud.boto();
    let project = Project::new(
        "service: shop\nprovider: {name: aws, runtime: python3.13}\nfunctions: {web: {handler: handler.handler}}\n",
    );
    let looks = User::who_may(&boto, "diff");
    let before = live(&boto, &cloud);
    let refused = looks.runs(&project, &cloud, &["deploy", "--yes"]).code(1);
    assert!(refused.stderr.contains("s3:") && refused.stderr.contains("not authorized"), "{}", refused.stderr);
    assert_eq!(before, live(&boto, &cloud));
}
