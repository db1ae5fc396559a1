//! APIs, and routes in APIs of somebody else: whatever call a run is killed at, the next run ends where one that was not
//! killed would have.

use serde_json::{Value, json};

use crate::crash::{DEPLOY, Scene, at_every_call};
use crate::support::Boto;

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
fn a_first_deploy_into_shared_http_and_websocket_apis_killed_at_any_call_is_finished_by_the_next() {
    at_every_call(&Scene { config: SHARED_V2, given: shared_v2_apis, ..DEPLOY });
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
