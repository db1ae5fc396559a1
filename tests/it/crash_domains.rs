//! Custom domains: whatever call a run is killed at, the next run ends where one that was not killed would have.

use crate::crash::{DEPLOY, Scene, at_every_call};
use crate::domains::prepared;
use crate::support::Boto;

// API Gateway makes one domain in 30 s: no scene has two.

const BY_HAND: &str = "
service: named
provider:
  name: aws
  runtime: python3.13
  domain: {name: api.example.com, basePath: v1, endpointType: regional}
functions:
  hello: {handler: handler.handler, events: [{http: GET /hello}]}
";

const OF_AN_HTTP_API: &str = "
service: named
provider:
  name: aws
  runtime: python3.13
  domain: {name: http.example.com, apiType: http, autoDomain: true}
functions:
  hello: {handler: handler.handler, events: [{httpApi: GET /hello}]}
";

const BY_ITSELF: &str = "
service: named
provider:
  name: aws
  runtime: python3.13
  domain: {name: api.example.com, basePath: v1, endpointType: regional, autoDomain: true}
functions:
  hello: {handler: handler.handler, events: [{http: GET /hello}]}
";

/// It leads to the same from elsewhere.
const CHANGED: &str = "
service: named
provider:
  name: aws
  runtime: python3.13
  domain: {name: api.example.com, basePath: v2, endpointType: regional, autoDomain: true}
functions:
  hello: {handler: handler.handler, events: [{http: GET /hello}]}
";

/// Nothing is mapped to the domain any more.
const WITHOUT: &str = "
service: named
provider: {name: aws, runtime: python3.13}
functions:
  hello: {handler: handler.handler, events: [{http: GET /hello}]}
";

fn a_zone(boto: &Boto, account: &str) {
    prepared(boto, account);
}

const NAMED: Scene = Scene { given: a_zone, ..DEPLOY };

#[test]
fn the_making_of_a_domain_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { config: BY_HAND, command: &["domain", "create", "--yes"], ..NAMED });
}

#[test]
fn a_first_deploy_with_a_domain_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { config: OF_AN_HTTP_API, ..NAMED });
}

#[test]
fn a_change_of_a_domain_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(BY_ITSELF), config: CHANGED, ..NAMED });
}

#[test]
fn a_removal_with_a_domain_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { first: Some(BY_ITSELF), config: BY_ITSELF, command: &["remove", "--yes"], ..NAMED });
}

#[test]
fn the_deletion_of_a_domain_killed_at_any_call_is_finished_by_the_next() {
    let command = &["domain", "delete", "--yes"];
    at_every_call(&Scene { first: Some(BY_ITSELF), config: WITHOUT, deployed: true, command, ..NAMED });
}
