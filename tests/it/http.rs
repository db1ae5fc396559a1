//! Real requests: routes of every kind of API, called over HTTP as a browser or a client would.

use serde_json::{Value, json};

use crate::support::{Cloud, Project};

const HANDLER: &str = "
import json
def handler(event, context):
    return {'statusCode': 200, 'headers': {'x-made-by': 'hoist'}, 'body': json.dumps(event)}
def guard(event, context):
    said = event.get('authorizationToken') or (event.get('identitySource') or [''])[0]
    effect = 'Allow' if said == 'yes' else 'Deny'
    arn = event.get('methodArn') or event.get('routeArn')
    statement = {'Action': 'execute-api:Invoke', 'Effect': effect, 'Resource': arn}
    return {'principalId': 'x', 'policyDocument': {'Version': '2012-10-17', 'Statement': [statement]}}
";

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

const REST: &str = "
service: web
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  apiGateway:
    apiKeys: [{name: one-key, value: abcdefghijklmnopqrstuvwxyz}]
    usagePlan: {quota: {limit: 100, period: DAY}, throttle: {burstLimit: 10, rateLimit: 5}}
functions:
  api:
    handler: handler.handler
    events:
      - http: GET /hello
      - http: {method: get, path: 'orders/{id}', cors: true}
      - http: {method: post, path: secret, private: true}
      - http: {method: get, path: guarded, authorizer: {name: guard, resultTtlInSeconds: 0}}
      - http: ANY /files/{path+}
  guard:
    handler: handler.guard
";

#[test]
fn a_rest_api_answers_as_its_file_says() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let project = Project::new(REST).file("handler.py", HANDLER);
    project.settles(&cloud);
    let apis = boto.call("apigateway", "get_rest_apis", json!({}));
    let api = apis["items"][0]["id"].as_str().unwrap();
    let at = |path: &str| format!("/_aws/execute-api/{api}/dev/{path}");

    let (status, head, _) = cloud.request("GET", &at("hello"), &[]);
    assert!(status == 200 && head.contains("x-made-by: hoist"), "{status} {head}");
    let (_, body) = cloud.get(&at("orders/5"));
    assert_eq!(parsed(&body)["pathParameters"], json!({"id": "5"}));
    let (_, body) = cloud.get(&at("files/a/b.txt"));
    assert_eq!(parsed(&body)["pathParameters"], json!({"path": "a/b.txt"}));

    let preflight = [("Origin", "https://shop.example"), ("Access-Control-Request-Method", "GET")];
    let (status, head, _) = cloud.request("OPTIONS", &at("orders/5"), &preflight);
    assert_eq!(status, 200, "{head}");
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    assert!(head.contains("access-control-allow-methods: options,get"), "{head}");
    assert!(head.contains("x-api-key"), "{head}");

    assert_eq!(cloud.request("POST", &at("secret"), &[]).0, 403, "no key");
    let key = [("x-api-key", "abcdefghijklmnopqrstuvwxyz")];
    assert_eq!(cloud.request("POST", &at("secret"), &key).0, 200, "the key");

    assert_eq!(cloud.request("GET", &at("guarded"), &[]).0, 401, "nothing to judge");
    assert_eq!(cloud.request("GET", &at("guarded"), &[("Authorization", "no")]).0, 403, "denied");
    assert_eq!(cloud.request("GET", &at("guarded"), &[("Authorization", "yes")]).0, 200, "allowed");

    let changed = REST
        .replace("      - http: GET /hello\n", "      - http: GET /bye\n")
        .replace("path: secret, private: true", "path: secret")
        .replace("limit: 100", "limit: 50")
        .replace("  timeout: 10\n", "  timeout: 10\n  tracing: {apiGateway: true}\n");
    project.write("serverless.yml", &changed);
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    assert!(diff.stdout.contains("/bye") && diff.stdout.contains("/hello"), "{}", diff.stdout);
    project.settles(&cloud);
    assert_eq!(cloud.get(&at("bye")).0, 200);
    assert_ne!(cloud.get(&at("hello")).0, 200);
    assert_eq!(cloud.request("POST", &at("secret"), &[]).0, 200, "no key needed any more");
    let stage = boto.call("apigateway", "get_stage", json!({"restApiId": api, "stageName": "dev"}));
    assert_eq!(stage["tracingEnabled"], true);
    let plans = boto.call("apigateway", "get_usage_plans", json!({}));
    assert_eq!(plans["items"][0]["quota"]["limit"], 50);

    // Without any route there is no API.
    let (head, _) = REST.split_once("  apiGateway:").unwrap();
    project.write("serverless.yml", &format!("{head}functions:\n  api:\n    handler: handler.handler\n"));
    project.settles(&cloud);
    for (operation, what) in [("get_rest_apis", "APIs"), ("get_usage_plans", "plans"), ("get_api_keys", "keys")] {
        let left = boto.call("apigateway", operation, json!({}));
        assert!(left["items"].as_array().is_none_or(Vec::is_empty), "{what} are left: {left}");
    }
    assert!(
        boto.try_call("lambda", "get_policy", json!({"FunctionName": "web-dev-api"})).is_err(),
        "no permission is left"
    );
    project.on(&cloud, ["remove", "--yes"]).success();
}

const HTTP: &str = "
service: light
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  httpApi:
    cors: true
    authorizers:
      judge: {type: request, functionName: guard, identitySource: $request.header.Authorization, resultTtlInSeconds: 0}
functions:
  api:
    handler: handler.handler
    url: {cors: true}
    events:
      - httpApi: 'GET /items/{id}'
      - httpApi: {method: post, path: /items, authorizer: {name: judge}}
      - websocket: $connect
      - websocket: $default
  guard:
    handler: handler.guard
";

#[test]
fn an_http_api_a_websocket_api_and_a_url_answer_as_their_file_says() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let project = Project::new(HTTP).file("handler.py", HANDLER);
    let summary = project.deploy(&cloud).stdout;
    project.settles(&cloud);
    // `info` lists what the summary of the deploy did.
    let info = project.on(&cloud, ["info"]).success().stdout;
    let addresses: Vec<&str> = summary.lines().filter(|line| line.contains("://")).collect();
    assert!(addresses.iter().all(|line| info.contains(line)), "{addresses:?} are not in\n{info}");
    for address in ["/items/{id}", "/items", "wss://", "lambda-url"] {
        assert!(addresses.iter().any(|line| line.contains(address)), "{address} is not in\n{summary}");
    }
    let apis = boto.call("apigatewayv2", "get_apis", json!({}))["Items"].as_array().unwrap().clone();
    let of = |protocol: &str| {
        let api = apis.iter().find(|api| api["ProtocolType"] == protocol).unwrap();
        api["ApiId"].as_str().unwrap().to_owned()
    };
    let (http, socket) = (of("HTTP"), of("WEBSOCKET"));
    let at = |path: &str| format!("/_aws/execute-api/{http}/$default/{path}");

    let (status, head, body) = cloud.request("GET", &at("items/7"), &[("Origin", "https://shop.example")]);
    assert!(status == 200 && head.contains("x-made-by: hoist"), "{status} {head}");
    assert!(head.contains("access-control-allow-origin"), "{head}");
    let event = parsed(&body);
    assert_eq!((&event["version"], &event["pathParameters"]["id"]), (&json!("2.0"), &json!("7")));
    let preflight = [("Origin", "https://shop.example"), ("Access-Control-Request-Method", "POST")];
    let (status, head, _) = cloud.request("OPTIONS", &at("items"), &preflight);
    assert!((200..300).contains(&status) && head.contains("access-control-allow-methods"), "{status} {head}");
    assert!([401, 403].contains(&cloud.request("POST", &at("items"), &[]).0), "nothing to judge");
    assert_eq!(cloud.request("POST", &at("items"), &[("Authorization", "no")]).0, 403, "denied");
    assert_eq!(cloud.request("POST", &at("items"), &[("Authorization", "yes")]).0, 200, "allowed");

    let url = boto.call("lambda", "get_function_url_config", json!({"FunctionName": "light-dev-api"}));
    let url = url["FunctionUrl"].as_str().unwrap();
    let (status, head, _) = cloud.request("GET", url, &[("Origin", "https://shop.example")]);
    assert!(status == 200 && head.contains("access-control-allow-origin"), "{status} {head}");

    let routes = |api: &str| {
        let found = boto.call("apigatewayv2", "get_routes", json!({"ApiId": api}));
        let mut keys: Vec<String> = found["Items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|route| route["RouteKey"].as_str().unwrap().to_owned())
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(routes(&socket), ["$connect", "$default"]);
    let say = || cloud.talk(&format!("/_aws/execute-api/{socket}/dev"), r#"{"action": "chat"}"#);
    assert!(say().contains(r#""routeKey": "$default""#), "{}", say());

    let changed = HTTP
        .replace("'GET /items/{id}'", "'GET /things/{id}'")
        .replace("path: /items, authorizer: {name: judge}", "path: /items")
        .replace("websocket: $default", "websocket: chat");
    project.write("serverless.yml", &changed);
    project.on(&cloud, ["diff", "--exit-code"]).code(2);
    project.settles(&cloud);
    assert_eq!(cloud.get(&at("things/7")).0, 200);
    assert_eq!(cloud.get(&at("items/7")).0, 404);
    assert_eq!(cloud.request("POST", &at("items"), &[]).0, 200, "no authorizer any more");
    assert_eq!(routes(&socket), ["$connect", "chat"]);
    assert!(say().contains(r#""routeKey": "chat""#), "{}", say());

    let (head, _) = HTTP.split_once("  httpApi:").unwrap();
    project.write("serverless.yml", &format!("{head}functions:\n  api:\n    handler: handler.handler\n"));
    project.settles(&cloud);
    let left = boto.call("apigatewayv2", "get_apis", json!({}));
    assert_eq!(left["Items"], json!([]));
    assert!(boto.try_call("lambda", "get_function_url_config", json!({"FunctionName": "light-dev-api"})).is_err());
    assert!(boto.try_call("lambda", "get_policy", json!({"FunctionName": "light-dev-api"})).is_err());
    project.on(&cloud, ["remove", "--yes"]).success();
}

const STREAM: &str = "
service: streams
provider: {name: aws, runtime: python3.13, timeout: 10}
functions:
  api: {handler: handler.handler, url: {invokeMode: RESPONSE_STREAM, cors: {allowedOrigins: ['https://a.example']}}}
";

/// What a streaming function sends: status and headers, eight zero bytes, and then what it has to say.
const STREAMING: &str = r#"
def handler(event, context):
    return '{"statusCode": 201, "headers": {"x-part": "head"}}' + chr(0) * 8 + 'one,two'
"#;

#[test]
fn a_streamed_url_answers_with_what_the_function_streams() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let project = Project::new(STREAM).file("handler.py", STREAMING);
    project.settles(&cloud);
    let config = || boto.call("lambda", "get_function_url_config", json!({"FunctionName": "streams-dev-api"}));
    assert_eq!(config()["InvokeMode"], "RESPONSE_STREAM");
    let url = config()["FunctionUrl"].as_str().unwrap().to_owned();
    let (status, head, body) = cloud.request("GET", &url, &[("Origin", "https://a.example")]);
    assert_eq!((status, body.as_str()), (201, "one,two"), "{head}");
    assert!(head.contains("x-part: head"), "{head}");
    assert!(head.contains("access-control-allow-origin: https://a.example"), "{head}");

    // The same function behind a URL that waits for the whole answer.
    project.write("serverless.yml", &STREAM.replace("invokeMode: RESPONSE_STREAM, ", ""));
    project.settles(&cloud);
    assert_eq!((config()["InvokeMode"].as_str(), config()["FunctionUrl"].as_str()), (Some("BUFFERED"), Some(&*url)));
    let (status, head, body) = cloud.request("GET", &url, &[]);
    assert!(status == 200 && !head.contains("x-part") && body.contains("statusCode"), "{status} {head} {body}");
}

const ANSWERS: &str = "
service: answers
provider: {name: aws, runtime: python3.13, timeout: 10}
functions:
  api:
    handler: handler.handler
    events:
      - http: {method: get, path: guarded, authorizer: {name: guard, resultTtlInSeconds: 0}}
      - http: {method: get, path: signed, authorizer: aws_iam}
  guard: {handler: handler.guard}
resources:
  Resources:
    Refused:
      Type: AWS::ApiGateway::GatewayResponse
      Properties:
        RestApiId: {Ref: ApiGatewayRestApi}
        ResponseType: DEFAULT_4XX
        ResponseParameters:
          gatewayresponse.header.Access-Control-Allow-Origin: \"'https://shop.example'\"
    Denied:
      Type: AWS::ApiGateway::GatewayResponse
      Properties:
        RestApiId: {Ref: ApiGatewayRestApi}
        ResponseType: ACCESS_DENIED
        StatusCode: 404
        ResponseTemplates: {application/json: '{\"nothing\": \"here\"}'}
";

#[test]
fn answers_of_the_gateway_itself_are_those_of_the_file() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let project = Project::new(ANSWERS).file("handler.py", HANDLER);
    project.settles(&cloud);
    let apis = boto.call("apigateway", "get_rest_apis", json!({}));
    let api = apis["items"][0]["id"].as_str().unwrap();
    let ask = |path: &str, token: Option<&str>| {
        let headers: Vec<(&str, &str)> = token.map(|token| ("Authorization", token)).into_iter().collect();
        cloud.request("GET", &format!("/_aws/execute-api/{api}/dev/{path}"), &headers)
    };
    let allowed = "access-control-allow-origin: https://shop.example";
    for (path, expected) in [("nowhere", 403), ("guarded", 401), ("signed", 403)] {
        let (status, head, _) = ask(path, None);
        assert!(status == expected && head.contains(allowed), "{path}: {status} {head}");
    }
    let (status, head, body) = ask("guarded", Some("no"));
    assert_eq!((status, body.as_str()), (404, r#"{"nothing": "here"}"#), "{head}");
    assert_eq!(ask("guarded", Some("yes")).0, 200);

    let (before, _) = ANSWERS.split_once("    Denied:").unwrap();
    project.write("serverless.yml", before);
    project.settles(&cloud);
    let (status, head, _) = ask("guarded", Some("no"));
    assert!(status == 403 && head.contains(allowed), "{status} {head}");
}

const PLANS: &str = "
service: plans
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  apiGateway:
    apiKeys:
      - free: [{name: one, value: aaaaaaaaaaaaaaaaaaaaaaaa}]
      - paid: [{name: two, value: bbbbbbbbbbbbbbbbbbbbbbbb}, {name: three, value: cccccccccccccccccccccccc}]
    usagePlan:
      - free: {quota: {limit: 5, period: DAY}}
      - paid: {throttle: {burstLimit: 20, rateLimit: 10}}
functions:
  api:
    handler: handler.handler
    events:
      - http: {method: get, path: mine, private: true, authorizer: {name: guard, resultTtlInSeconds: 0}}
      - http: {method: get, path: yours, private: true, authorizer: {name: guard, resultTtlInSeconds: 0}}
  guard: {handler: handler.guard}
";

#[test]
fn every_plan_has_its_keys_and_routes_share_an_authorizer() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let project = Project::new(PLANS).file("handler.py", HANDLER);
    project.settles(&cloud);
    let api = boto.call("apigateway", "get_rest_apis", json!({}))["items"][0]["id"].as_str().unwrap().to_owned();
    let plans = || {
        let found = boto.call("apigateway", "get_usage_plans", json!({}));
        let mut all: Vec<(String, Vec<String>)> = found["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|plan| {
                let keys = boto.call("apigateway", "get_usage_plan_keys", json!({"usagePlanId": plan["id"]}));
                let mut names: Vec<String> = keys["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|key| key["name"].as_str().unwrap().to_owned())
                    .collect();
                names.sort();
                (plan["name"].as_str().unwrap().to_owned(), names)
            })
            .collect();
        all.sort();
        all
    };
    let named = |name: &str, keys: &[&str]| (name.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect());
    assert_eq!(plans(), [named("plans-free-dev", &["one"]), named("plans-paid-dev", &["three", "two"])]);
    let authorizers = boto.call("apigateway", "get_authorizers", json!({"restApiId": api}));
    assert_eq!(authorizers["items"].as_array().unwrap().len(), 1);
    let ask = |path: &str, key: Option<&str>, token: &str| {
        let headers: Vec<(&str, &str)> =
            key.map(|key| ("x-api-key", key)).into_iter().chain([("Authorization", token)]).collect();
        cloud.request("GET", &format!("/_aws/execute-api/{api}/dev/{path}"), &headers).0
    };
    for path in ["mine", "yours"] {
        for key in ["aaaaaaaaaaaaaaaaaaaaaaaa", "cccccccccccccccccccccccc"] {
            assert_eq!((ask(path, Some(key), "yes"), ask(path, Some(key), "no")), (200, 403), "{path} {key}");
        }
        assert_eq!(ask(path, None, "yes"), 403, "{path} without a key");
    }
    let info = project.on(&cloud, ["info"]).success();
    for path in ["mine", "yours"] {
        let address = format!("https://{api}.execute-api.us-east-1.amazonaws.com/dev/{path}");
        assert!(info.said().contains(&address), "{address} is not in\n{}", info.said());
    }
    let fewer = PLANS
        .replace(", {name: three, value: cccccccccccccccccccccccc}", "")
        .replace("      - free: [{name: one, value: aaaaaaaaaaaaaaaaaaaaaaaa}]\n", "")
        .replace("      - free: {quota: {limit: 5, period: DAY}}\n", "");
    project.write("serverless.yml", &fewer);
    project.settles(&cloud);
    assert_eq!(plans(), [named("plans-paid-dev", &["two"])]);
    assert_eq!(ask("mine", Some("cccccccccccccccccccccccc"), "yes"), 403, "the key is gone");
    assert_eq!(ask("mine", Some("bbbbbbbbbbbbbbbbbbbbbbbb"), "yes"), 200);
}

const KNOWN: &str = "
service: web
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  environment:
    REST: !Sub 'https://${ApiGatewayRestApi}.execute-api.${AWS::Region}.amazonaws.com/dev'
    HTTP: !GetAtt HttpApi.ApiEndpoint
    SOCKET: !Ref WebsocketsApi
  iam:
    role: {statements: [{Effect: Allow, Action: 'execute-api:*', Resource: !Sub 'arn:aws:execute-api:*:*:${ApiGatewayRestApi}/*'}]}
functions:
  api: {handler: handler.handler, events: [{http: GET /rest}, {httpApi: GET /http}, {websocket: $connect}]}
";

/// The API leads to the function, and the function knows the API's address.
#[test]
fn a_function_may_know_the_address_of_the_api_that_leads_to_it() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let project = Project::new(KNOWN).file("handler.py", HANDLER);
    project.settles(&cloud);
    let rest = boto.call("apigateway", "get_rest_apis", json!({}))["items"][0]["id"].as_str().unwrap().to_owned();
    let knows = |function: &str| {
        let variables = boto.function(function).unwrap()["Configuration"]["Environment"]["Variables"].clone();
        assert_eq!(variables["REST"], format!("https://{rest}.execute-api.us-east-1.amazonaws.com/dev"));
        let apis = boto.call("apigatewayv2", "get_apis", json!({}));
        let apis = apis["Items"].as_array().unwrap();
        let of = |protocol: &str| apis.iter().find(|api| api["ProtocolType"] == protocol).unwrap();
        assert_eq!(variables["HTTP"], of("HTTP")["ApiEndpoint"]);
        assert_eq!(variables["SOCKET"], of("WEBSOCKET")["ApiId"]);
    };
    knows("web-dev-api");
    assert_eq!(cloud.get(&format!("/_aws/execute-api/{rest}/dev/rest")).0, 200);

    let more = "  more: {handler: handler.handler, events: [{http: GET /more}, {httpApi: GET /more}]}\n";
    project.write("serverless.yml", &format!("{}{more}", KNOWN.replace("timeout: 10", "timeout: 12")));
    project.settles(&cloud);
    knows("web-dev-more");
    assert_eq!(cloud.get(&format!("/_aws/execute-api/{rest}/dev/more")).0, 200);

    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function("web-dev-api").is_none() && boto.function("web-dev-more").is_none());
}
