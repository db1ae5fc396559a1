//! What stands behind a route, and what stands before it: every integration called for real, requests that are checked,
//! preflights, stages; what an API costs in calls; files that are refused.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project, python};

const HANDLER: &str = "
import json
def handler(event, context):
    return {'statusCode': 200, 'headers': {'x-made-by': 'hoist'}, 'body': json.dumps(event)}
def plain(event, context):
    return {'seen': event}
def later(event, context):
    print('later: ' + event['body']['id'])
def fails(event, context):
    raise Exception(event['query'].get('why', event['method']))
";

fn project(config: &str) -> Project {
    Project::new(config).file("handler.py", HANDLER)
}

#[track_caller]
fn settles(project: &Project, cloud: &Cloud) {
    project.deploy(cloud);
    project.on(cloud, ["diff", "--exit-code"]).success().says("nothing to do");
}

fn rest_api(boto: &Boto) -> Value {
    boto.call("apigateway", "get_rest_apis", json!({}))["items"][0].clone()
}

/// A web server that answers everything with one document, until the test ends.
fn backend() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let body = r#"{"backend": true}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    format!("http://{address}/x")
}

const MANY: &str = "
service: many
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  endpointType: REGIONAL
  logs: {restApi: {level: ERROR}}
  tracing: {apiGateway: true}
  tags: {team: shop}
  apiGateway:
    metrics: true
    binaryMediaTypes: ['image/*']
    minimumCompressionSize: 1024
    resourcePolicy:
      - {Effect: Allow, Principal: '*', Action: 'execute-api:Invoke', Resource: 'execute-api:/*/*/*'}
functions:
  api:
    handler: handler.handler
    events:
      - http: {method: get, path: page, request: {parameters: {querystrings: {q: true}}}}
      - http: {method: post, path: orders, request: {schemas: {application/json: {type: object, required: [id], properties: {id: {type: integer}}}}}}
      - http: {method: get, path: two, cors: {origins: ['https://a.example', 'https://b.example'], headers: [X-One], allowCredentials: true, maxAge: 60, cacheControl: 'max-age=5'}}
      - http:
          method: get
          path: mock
          integration: mock
          request: {template: {application/json: '{\"statusCode\": 200}'}}
          response: {headers: {X-Fixed: \"'1'\"}, template: '{\"mocked\": true}', statusCodes: {200: {pattern: ''}}}
      - http: {method: get, path: through, integration: http-proxy, request: {uri: 'BACKEND'}}
      - http: {method: get, path: linked, integration: http-proxy, connectionType: vpc-link, connectionId: abc123, request: {uri: 'BACKEND'}}
      - http: {method: get, path: mapped, integration: http, request: {uri: 'BACKEND'}, response: {statusCodes: {200: {pattern: ''}}}}
  plain:
    handler: handler.plain
    events:
      - http: {method: get, path: plain, integration: lambda}
      - http: {method: get, path: older, integration: aws}
  later:
    handler: handler.later
    events:
      - http: {method: post, path: later, async: true}
";

#[test]
fn every_integration_answers_and_requests_are_checked() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let project = project(&MANY.replace("BACKEND", &backend()));
    settles(&project, &cloud);
    let api = rest_api(&boto);
    let id = api["id"].as_str().unwrap();
    let at = |path: &str| format!("/_aws/execute-api/{id}/dev/{path}");

    let (status, body) = cloud.get(&at("page"));
    assert!(status == 400 && body.contains("Missing required request parameters: [q]"), "{status} {body}");
    assert_eq!(cloud.get(&at("page?q=1")).0, 200);
    for (body, expected) in [("{}", 400), (r#"{"id": "x"}"#, 400), (r#"{"id": 1}"#, 200)] {
        assert_eq!(cloud.post(&at("orders"), body).0, expected, "{body}");
    }
    let (status, head, body) = cloud.request("GET", &at("mock"), &[]);
    assert!(status == 200 && head.contains("x-fixed: 1") && body.contains("mocked"), "{status} {head} {body}");
    for path in ["through", "linked", "mapped"] {
        let (status, body) = cloud.get(&at(path));
        assert!(status == 200 && body.contains("backend"), "{path}: {status} {body}");
    }
    for path in ["plain", "older"] {
        let (status, body) = cloud.get(&at(path));
        assert!(status == 200 && body.contains("seen"), "{path}: {status} {body}");
    }
    // Who does not wait for the function gets nothing of it.
    assert_eq!(cloud.post(&at("later"), r#"{"id": "seven"}"#), (200, String::new()));
    assert!(boto.hears("many-dev-later", "later: seven"));
    let preflight = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")];
    let (status, head, _) = cloud.request("OPTIONS", &at("two"), &preflight);
    assert_eq!(status, 200, "{head}");
    for header in [
        "access-control-allow-origin: https://a.example",
        "access-control-allow-methods: options,get",
        "access-control-allow-headers: x-one",
        "access-control-allow-credentials: true",
        "access-control-max-age: 60",
        "cache-control: max-age=5",
    ] {
        assert!(head.contains(header), "{header} is not in\n{head}");
    }

    assert_eq!(api["endpointConfiguration"]["types"], json!(["REGIONAL"]));
    assert_eq!((&api["binaryMediaTypes"], &api["minimumCompressionSize"]), (&json!(["image/*"]), &json!(1024)));
    assert!(api["policy"].as_str().unwrap().contains("execute-api:Invoke"), "{}", api["policy"]);
    let stage = boto.call("apigateway", "get_stage", json!({"restApiId": id, "stageName": "dev"}));
    assert_eq!((&stage["tracingEnabled"], &stage["tags"]["team"]), (&json!(true), &json!("shop")));
    let settings = &stage["methodSettings"]["*/*"];
    assert_eq!((&settings["loggingLevel"], &settings["metricsEnabled"]), (&json!("ERROR"), &json!(true)));
    let group = stage["accessLogSettings"]["destinationArn"].as_str().unwrap();
    assert!(group.ends_with("log-group:/aws/api-gateway/many-dev"), "{group}");
    let account = boto.call("apigateway", "get_account", json!({}));
    let role = boto.call("iam", "get_role", json!({"RoleName": "serverlessApiGatewayCloudWatchRole"}))["Role"].clone();
    assert_eq!(account["cloudwatchRoleArn"], role["Arn"], "an account that had none");
    let methods = boto.call("apigateway", "get_resources", json!({"restApiId": id, "embed": ["methods"]}));
    let of = |path: &str, verb: &str| {
        let all = methods["items"].as_array().unwrap();
        let place = all.iter().find(|resource| resource["path"] == path).unwrap();
        place["resourceMethods"][verb]["methodIntegration"].clone()
    };
    assert_eq!(
        of("/later", "POST")["requestParameters"]["integration.request.header.X-Amz-Invocation-Type"],
        "'Event'"
    );
    assert_eq!(of("/linked", "GET")["connectionType"], "VPC_LINK");
    // The emulator does not keep the id of the link.
    project.run(["package"]).success();
    let document = &project.resources()["resources"]["ApiGatewayRestApi"]["Properties"]["Body"];
    let linked = &document["paths"]["/linked"]["get"]["x-amazon-apigateway-integration"];
    assert_eq!(linked["connectionId"], "abc123");

    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(boto.call("apigateway", "get_rest_apis", json!({}))["items"], json!([]));
}

const MAPPED: &str = "
service: mapped
provider: {name: aws, runtime: python3.13, timeout: 10}
functions:
  plain:
    handler: handler.plain
    events:
      - http: {method: any, path: 'plain/{id}', integration: lambda}
      - http:
          method: post
          path: own
          integration: lambda
          request:
            passThrough: NEVER
            template:
              application/json: '{\"only\": $input.json(\"$.inner\"), \"page\": \"$input.params(''page'')\"}'
              text/xml: '{\"xml\": \"$util.escapeJavaScript($input.body)\"}'
          response:
            headers: {X-Page: integration.response.body.seen.page, X-Fixed: \"'1'\"}
            template: '{\"said\": $input.json(\"$.seen\")}'
  fails:
    handler: handler.fails
    events:
      - http: {method: get, path: fails, integration: lambda}
      - http:
          method: get
          path: own-fails
          integration: lambda
          response:
            statusCodes:
              200: {pattern: ''}
              409: {pattern: '.*taken.*', template: '{\"sorry\": \"$input.path(''$.errorMessage'')\"}', headers: {Retry-After: \"'5'\"}}
";

#[test]
fn requests_and_answers_of_functions_that_are_no_proxies_go_through_templates() {
    let cloud = Cloud::with_apis();
    let project = project(MAPPED);
    settles(&project, &cloud);
    let id = rest_api(&cloud.boto())["id"].as_str().unwrap().to_owned();
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let (status, head, body) = cloud.send(method, &format!("/_aws/execute-api/{id}/dev/{path}"), headers, body);
        let value: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        (status, head, value)
    };

    // The event that the framework documents.
    let tricky = "plain/7?q=it%27s%20%22so%22&empty=";
    let (status, _, answer) = send("PUT", tricky, &[("X-One", "a\\b")], r#"{"deep": [1, {"a": "it's"}]}"#);
    let event = &answer["seen"];
    assert_eq!((status, &event["body"]), (200, &json!({"deep": [1, {"a": "it's"}]})), "{answer}");
    assert_eq!(event["query"], json!({"q": "it's \"so\"", "empty": ""}));
    assert_eq!(
        (&event["path"], &event["method"], &event["stage"]),
        (&json!({"id": "7"}), &json!("PUT"), &json!("dev"))
    );
    assert_eq!((&event["headers"]["X-One"], &event["requestPath"]), (&json!("a\\b"), &json!("/plain/{id}")));
    assert_eq!((&event["cognitoPoolClaims"], &event["principalId"]), (&json!({"sub": ""}), &json!("")));
    assert!(event["identity"]["sourceIp"].is_string() && event["enhancedAuthContext"] == json!({}), "{event}");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let (_, _, answer) = send("POST", "plain/7", &form, "name=A%26B+%22C%22&empty=&last=it%27s");
    assert_eq!(answer["seen"]["body"], json!({"name": "A&B \"C\"", "empty": "", "last": "it's"}));
    assert_eq!(send("POST", "plain/7", &[("Content-Type", "text/csv")], "a,b").0, 415);

    // Templates of one's own.
    let (status, head, answer) = send("POST", "own?page=2", &[], r#"{"inner": {"a": 1}}"#);
    assert_eq!((status, answer), (200, json!({"said": {"only": {"a": 1}, "page": "2"}})));
    assert!(head.contains("x-page: 2") && head.contains("x-fixed: 1"), "{head}");
    let (_, _, answer) = send("POST", "own", &[("Content-Type", "text/xml")], "<a b=\"c\"/>");
    assert_eq!(answer, json!({"said": {"xml": "<a b=\"c\"/>"}}));
    assert_eq!(send("POST", "own", &form, "a=b").2["said"]["xml"], Value::Null);

    // What a function's error says chooses the status.
    for (why, status) in [("[404] gone", 404), ("it broke: [500]", 500), ("404", 200), ("[422]%0Aof two lines", 422)] {
        let (answered, _, answer) = send("GET", &format!("fails?why={}", why.replace(' ', "%20")), &[], "");
        assert_eq!(answered, status, "{why}: {answer}");
    }
    let (status, head, answer) = send("GET", "own-fails?why=name%20taken%20already", &[], "");
    assert_eq!((status, answer), (409, json!({"sorry": "name taken already"})));
    assert!(head.contains("retry-after: 5"), "{head}");
    let (status, _, answer) = send("GET", "own-fails?why=something%20else", &[], "");
    assert_eq!((status, &answer["errorMessage"]), (200, &json!("something else")));
    project.on(&cloud, ["remove", "--yes"]).success();
}

#[test]
fn the_difference_is_said_by_route() {
    let cloud = Cloud::shared();
    let before = "
service: diffs
provider: {name: aws, runtime: python3.13}
functions:
  api:
    handler: handler.handler
    events:
      - http: {method: get, path: 'orders/{id}'}
      - http: {method: post, path: orders}
      - http: {method: get, path: mine, authorizer: {name: pool, arn: 'arn:aws:cognito-idp:us-east-1:1:userpool/p', scopes: [a]}}
      - http: {method: get, path: slow}
      - http: GET /other
      - http: GET /old
      - httpApi: GET /light
  guard: {handler: handler.plain}
";
    let project = project(before);
    settles(&project, &cloud);
    let schema = "request: {schemas: {application/json: {type: object}}}";
    let after = before
        .replace("path: 'orders/{id}'", "path: 'orders/{id}', authorizer: guard, cors: true")
        .replace("path: orders}", &format!("path: orders, private: true, {schema}}}"))
        .replace("scopes: [a]", "scopes: [a, b]")
        .replace("path: slow", "path: slow, timeoutInMillis: 5000")
        .replace("GET /old", "GET /new")
        .replace("httpApi: GET /light", "httpApi: {method: get, path: /light, authorizer: {type: aws_iam}}");
    project.write("serverless.yml", &after);
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    for said in [
        "GET /orders/{id}: authorizer added (guard)",
        "/orders/{id}: CORS added",
        "POST /orders: API key required",
        "POST /orders: validator added",
        "POST /orders: schema added",
        "GET /mine: scopes changed (a → a, b)",
        "GET /slow: integration changed (timeoutInMillis)",
        "GET /new: added",
        "GET /old: removed",
        "GET /light: authorizer added (AWS_IAM)",
    ] {
        assert!(diff.stdout.contains(&format!("    {said}\n")), "{said} is not in\n{}", diff.stdout);
    }
    for silent in ["/other", "authorizer pool", "x-amazon", "model Empty"] {
        assert!(!diff.stdout.contains(silent), "{silent} did not change:\n{}", diff.stdout);
    }
    project.deploy(&cloud);
    project.write("serverless.yml", before);
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    for said in [
        "GET /orders/{id}: authorizer removed (guard)",
        "/orders/{id}: CORS removed",
        "POST /orders: API key no longer required",
        "POST /orders: validator removed",
        "GET /mine: scopes changed (a, b → a)",
        "GET /light: authorizer removed (AWS_IAM)",
    ] {
        assert!(diff.stdout.contains(&format!("    {said}\n")), "{said} is not in\n{}", diff.stdout);
    }
}

const GUARDED: &str = "
service: guarded
provider: {name: aws, runtime: python3.13, timeout: 10}
functions:
  api:
    handler: handler.handler
    events:
      - http: {method: get, path: a, authorizer: aws_iam}
      - httpApi: {method: get, path: /b, authorizer: {type: aws_iam}}
";

#[test]
fn a_guard_that_somebody_took_away_is_missed() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let project = project(GUARDED);
    project.deploy(&cloud);
    settles(&project, &cloud);
    let id = rest_api(&boto)["id"].clone();
    let resources = boto.call("apigateway", "get_resources", json!({"restApiId": id}));
    let place = resources["items"].as_array().unwrap().iter().find(|one| one["path"] == "/a").unwrap()["id"].clone();
    let method = json!({"restApiId": id, "resourceId": place, "httpMethod": "GET"});
    let mut open = method.clone();
    open["patchOperations"] = json!([{"op": "replace", "path": "/authorizationType", "value": "NONE"}]);
    boto.call("apigateway", "update_method", open);
    boto.call("apigateway", "create_deployment", json!({"restApiId": id, "stageName": "dev"}));
    let http = boto.call("apigatewayv2", "get_apis", json!({}))["Items"][0]["ApiId"].clone();
    let route = || boto.call("apigatewayv2", "get_routes", json!({"ApiId": http}))["Items"][0].clone();
    let named = json!({"ApiId": http, "RouteId": route()["RouteId"], "AuthorizationType": "NONE"});
    boto.call("apigatewayv2", "update_route", named);

    let differs = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    differs.says("GET /a").says("GET /b");
    project.deploy(&cloud);
    settles(&project, &cloud);
    assert_eq!(boto.call("apigateway", "get_method", method)["authorizationType"], "AWS_IAM");
    assert_eq!(route()["AuthorizationType"], "AWS_IAM");
    project.on(&cloud, ["remove", "--yes"]).success();
}

#[test]
fn a_hundred_routes_go_up_in_four_writes_and_unchanged_in_none() {
    let cloud = Cloud::own("calm");
    let mut config = "service: wide\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n".to_owned();
    for number in 0..100 {
        config.push_str(&format!(
            "  f{number}: {{handler: handler.handler, events: [{{http: 'GET /r{number}/{{id}}'}}]}}\n"
        ));
    }
    let project = project(&config);
    let writes = || {
        let calls = cloud.own_calls();
        let of_apis = calls.iter().filter(|call| call["service"] == "apigateway" && call["reads"] == false);
        of_apis.map(|call| call["operation"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    project.deploy(&cloud);
    let made = writes();
    assert!((1..=4).contains(&made.len()), "{made:?}");
    cloud.forget_calls();
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(writes(), Vec::<String>::new());
    let calls = cloud.own_calls();
    let reads = calls.iter().filter(|call| call["reads"] == true).count();
    // 115 for the functions, and what an API takes: list, document, stages, a page of tags.
    assert!(reads <= 119, "{reads} reads");
    assert_eq!(calls.len(), reads, "nothing to do and something written");
}

#[test]
fn a_deployment_that_fails_leaves_the_stage_as_it_was() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let before = "
service: kept
provider: {name: aws, runtime: python3.13, timeout: 10}
functions:
  api: {handler: handler.handler, events: [{http: GET /old}]}
";
    let project = project(before);
    settles(&project, &cloud);
    let id = rest_api(&boto)["id"].as_str().unwrap().to_owned();
    let is_there = |path: &str| cloud.get(&format!("/_aws/execute-api/{id}/dev/{path}")).0 == 200;
    let stage =
        || boto.call("apigateway", "get_stage", json!({"restApiId": id, "stageName": "dev"}))["deploymentId"].clone();
    let mut ran = stage();
    for (operation, path) in [("apigateway.PutRestApi", "new"), ("apigateway.CreateDeployment", "newer")] {
        let after = before.replace("{http: GET /old}", &format!("{{http: GET /old}}, {{http: GET /{path}}}"));
        project.write("serverless.yml", &after);
        cloud.fault(operation, 1, "expired-token", 1);
        project.on(&cloud, ["deploy", "--yes"]).code(1);
        assert_eq!(stage(), ran, "{operation}");
        assert!(is_there("old") && !is_there(path), "{operation}");
        settles(&project, &cloud);
        assert!(is_there("old") && is_there(path), "{operation}");
        assert_ne!(stage(), ran, "{operation}");
        ran = stage();
    }
    // What was put and not deployed does not come along with the next deployment.
    let settled = before.replace("{http: GET /old}", "{http: GET /old}, {http: GET /newer}");
    project.write("serverless.yml", &settled.replace("GET /newer}", "GET /newer}, {http: GET /never}"));
    cloud.fault("apigateway.CreateDeployment", 1, "expired-token", 1);
    project.on(&cloud, ["deploy", "--yes"]).code(1);
    let binary = settled.replace("timeout: 10}", "timeout: 10, apiGateway: {binaryMediaTypes: ['image/*']}}");
    project.write("serverless.yml", &binary);
    settles(&project, &cloud);
    assert_ne!(stage(), ran);
    assert!(is_there("newer") && !is_there("never"));
}

#[test]
fn routes_that_cannot_be_are_refused_before_the_first_call() {
    let cloud = Cloud::own("calm");
    let three_hundred: String = (0..301).map(|number| format!("      - http: GET /r{number}\n")).collect();
    let schema = |value: &str| {
        format!("      - http: {{method: post, path: a, request: {{schemas: {{application/json: {value}}}}}}}\n")
    };
    let cases: &[(&str, &str)] = &[
        ("      - http: GET /a\n      - http: get /a\n", "`GET /a` is the route of functions.api.events[0].http too"),
        ("      - http: 'GET /a/{x}'\n      - http: 'GET /a/{y}/b'\n", "the same place with two names"),
        ("      - http: {method: get, path: a, authorizer: nobody}\n", "`nobody` is not a function of this service"),
        (
            "      - http: {method: get, path: a, authorizer: {name: api, scopes: [read]}}\n",
            "scopes are for user pools only",
        ),
        (
            "      - http: {method: get, path: a, authorizer: {type: aws_iam, scopes: [read]}}\n",
            "`aws_iam` knows neither scopes nor claims",
        ),
        ("      - http: '*'\n", "a REST API has no path `*`"),
        ("      - http: {method: get, path: '*'}\n", "write `ANY /{proxy+}` for every path"),
        ("      - http: {method: get, path: a, timeoutInMillis: 900001}\n", "may take 29000 ms at the most"),
        (&three_hundred, "the routes need 301 resources"),
        (&schema("'${file(none.json)}'"), "none.json"),
        (&schema("5"), "is not a JSON Schema"),
        (
            "      - httpApi: GET /a\n      - httpApi: GET /a\n",
            "`GET /a` is the route of functions.api.events[0].httpApi too",
        ),
        (
            "      - httpApi: {method: get, path: /a, authorizer: {name: nobody}}\n",
            "`nobody` is not in `provider.httpApi.authorizers`",
        ),
        (
            "      - websocket: chat\n      - websocket: chat\n",
            "`chat` is the route of functions.api.events[0].websocket too",
        ),
    ];
    for (events, text) in cases {
        let head = "service: wrong\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n  api:\n";
        let project = project(&format!("{head}    handler: handler.handler\n    events:\n{events}"));
        let ran = project.on(&cloud, ["deploy", "--yes"]).code(1);
        assert!(ran.stderr.contains(text), "{text:?} is not in\n{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let writes: Vec<Value> = cloud.own_calls().into_iter().filter(|call| call["reads"] == false).collect();
    assert_eq!(writes, Vec::<Value>::new());
}

const DOCUMENTS: &str = "
service: documents
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  apiGateway: {apiKeys: [one], request: {schemas: {order: {schema: {type: object}}}}}
  httpApi: {cors: true, authorizers: {jwt: {type: jwt, identitySource: $request.header.Authorization, issuerUrl: 'https://i', audience: [a]}}}
functions:
  api:
    handler: handler.handler
    events:
      - http: {method: get, path: 'a/{id}', cors: true, authorizer: guard, request: {parameters: {querystrings: {q: true}, headers: {H: false}}}}
      - http: {method: post, path: b, private: true, request: {schemas: {application/json: order}}}
      - http: {method: get, path: c, authorizer: aws_iam}
      - http: {method: get, path: d, authorizer: {name: pool, arn: 'arn:aws:cognito-idp:us-east-1:1:userpool/p', scopes: [s]}}
      - http: {method: get, path: e, integration: lambda}
      - http: 'ANY /f/{proxy+}'
      - httpApi: 'GET /a/{id}'
      - httpApi: {method: post, path: /b, authorizer: {name: jwt, scopes: [s]}}
      - httpApi: {method: get, path: /c, authorizer: {type: aws_iam}}
      - httpApi: '*'
  guard: {handler: handler.plain}
";

#[test]
fn documents_are_valid_openapi_and_another_importer_takes_them() {
    let project = project(DOCUMENTS);
    project.run(["package"]).success();
    let script = include_str!("support/openapi.py");
    let mut judge = Command::new(python())
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    judge.stdin.take().unwrap().write_all(project.resources().to_string().as_bytes()).unwrap();
    let said = judge.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let routes: Vec<String> = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        routes,
        ["GET /a/{id}", "GET /c", "GET /d", "GET /e", "POST /b", "X-AMAZON-APIGATEWAY-ANY-METHOD /f/{proxy+}"]
    );
}
