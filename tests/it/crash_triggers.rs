//! Triggers: whatever call a run is killed at, the next run ends where one that was not killed would have.

use serde_json::json;

use crate::crash::{DEPLOY, Scene, at_every_call};
use crate::support::Boto;

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
