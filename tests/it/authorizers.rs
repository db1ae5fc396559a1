//! Who may call a route: tokens of a user pool, JWTs, scopes, signatures, functions that decide; function URLs.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const HANDLER: &str = "
import json
def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps(event)}
def guard(event, context):
    asked = event.get('queryStringParameters') or {}
    effect = 'Allow' if asked.get('t') == 'yes' else 'Deny'
    statement = {'Action': 'execute-api:Invoke', 'Effect': effect, 'Resource': event['methodArn']}
    return {'principalId': 'x', 'policyDocument': {'Version': '2012-10-17', 'Statement': [statement]}}
";

const CONFIG: &str = "
service: people
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  endpointType: PRIVATE
  vpcEndpointIds: [vpce-0123456789abcdef0]
  logs: {httpApi: true, websocket: {level: ERROR}}
  httpApi:
    disableDefaultEndpoint: true
    metrics: true
    cors: {allowedOrigins: ['https://a.example'], allowedHeaders: [X-One], allowedMethods: [GET], allowCredentials: true, maxAge: 60, exposedResponseHeaders: [X-Two]}
    authorizers:
      people: {type: jwt, identitySource: $request.header.Authorization, issuerUrl: 'ISSUER', audience: ['CLIENT']}
functions:
  api:
    handler: handler.handler
    url: {authorizer: aws_iam, invokeMode: RESPONSE_STREAM, cors: {allowedOrigins: ['https://a.example'], allowCredentials: true, maxAge: 5}}
    events:
      - http: {method: get, path: mine, authorizer: {name: pool, arn: 'POOL'}}
      - http: {method: get, path: scoped, authorizer: {name: pool, arn: 'POOL', scopes: [aws.cognito.signin.user.admin]}}
      - http: {method: get, path: signed, authorizer: aws_iam}
      - http: {method: get, path: asked, authorizer: {name: guard, type: request, identitySource: method.request.querystring.t, resultTtlInSeconds: 0}}
      - httpApi: {method: get, path: /mine, authorizer: {name: people}}
      - httpApi: {method: get, path: /scoped, authorizer: {name: people, scopes: [aws.cognito.signin.user.admin]}}
      - httpApi: {method: get, path: /signed, authorizer: {type: aws_iam}}
      - httpApi: '*'
      - websocket: {route: $connect, authorizer: {name: guard, identitySource: ['route.request.querystring.t']}}
      - websocket: {route: chat, routeResponseSelectionExpression: $default}
  open:
    handler: handler.handler
    url: true
    httpApi: {payload: '1.0'}
    events:
      - httpApi: GET /old
  guard:
    handler: handler.guard
";

/// A user pool with one user, and what signing in gave: pool, its ARN, client, id token, access token.
fn signed_in(boto: &Boto) -> [String; 5] {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ask = |operation: &str, parameters: Value| boto.call("cognito-idp", operation, parameters);
    let pool = ask("create_user_pool", json!({"PoolName": "people"}))["UserPool"].clone();
    let id = text(&pool["Id"]);
    let flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
    let client =
        ask("create_user_pool_client", json!({"UserPoolId": id, "ClientName": "web", "ExplicitAuthFlows": flows}));
    let client = text(&client["UserPoolClient"]["ClientId"]);
    ask("admin_create_user", json!({"UserPoolId": id, "Username": "ann", "MessageAction": "SUPPRESS"}));
    let password = json!({"UserPoolId": id, "Username": "ann", "Password": "Passw0rd!x", "Permanent": true});
    ask("admin_set_user_password", password);
    let signing_in = json!({
        "ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": "ann", "PASSWORD": "Passw0rd!x"},
    });
    let tokens = ask("initiate_auth", signing_in)["AuthenticationResult"].clone();
    [id, text(&pool["Arn"]), client, text(&tokens["IdToken"]), text(&tokens["AccessToken"])]
}

#[test]
fn only_who_may_gets_through() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let [pool, arn, client, id_token, access_token] = signed_in(&boto);
    let config = CONFIG
        .replace("ISSUER", &format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}"))
        .replace("CLIENT", &client)
        .replace("POOL", &arn);
    let project = Project::new(&config).file("handler.py", HANDLER);
    project.deploy(&cloud);
    project.on(&cloud, ["diff", "--exit-code"]).success().says("nothing to do");

    let rest = boto.call("apigateway", "get_rest_apis", json!({}))["items"][0].clone();
    assert_eq!(
        rest["endpointConfiguration"],
        json!({"types": ["PRIVATE"], "vpcEndpointIds": ["vpce-0123456789abcdef0"]})
    );
    let apis = boto.call("apigatewayv2", "get_apis", json!({}))["Items"].as_array().unwrap().clone();
    let of = |protocol: &str| apis.iter().find(|api| api["ProtocolType"] == protocol).unwrap().clone();
    let (http, socket) = (of("HTTP"), of("WEBSOCKET"));
    assert_eq!(http["DisableExecuteApiEndpoint"], true);
    let on_rest = |path: &str| format!("/_aws/execute-api/{}/dev/{path}", rest["id"].as_str().unwrap());
    let on_http = |path: &str| format!("/_aws/execute-api/{}/$default/{path}", http["ApiId"].as_str().unwrap());
    let status = |path: String, token: Option<&str>| {
        let headers: Vec<(&str, &str)> = token.map(|token| ("Authorization", token)).into_iter().collect();
        cloud.request("GET", &path, &headers).0
    };

    for (path, token, expected) in [
        ("mine", None, 401),
        ("mine", Some("nonsense"), 401),
        ("mine", Some(id_token.as_str()), 200),
        ("scoped", Some(id_token.as_str()), 401),
        ("scoped", Some(access_token.as_str()), 200),
        ("signed", None, 403),
        ("asked?t=no", None, 403),
        ("asked?t=yes", None, 200),
    ] {
        assert_eq!(status(on_rest(path), token), expected, "REST {path}");
    }
    let bearer = [&id_token, &access_token].map(|token| format!("Bearer {token}"));
    for (path, token, expected) in [
        ("mine", None, 401),
        ("mine", Some("Bearer nonsense"), 401),
        ("mine", Some(bearer[0].as_str()), 200),
        ("scoped", Some(bearer[0].as_str()), 403),
        ("scoped", Some(bearer[1].as_str()), 200),
        ("signed", None, 403),
        ("old", None, 200),
        ("any/thing", None, 200),
    ] {
        assert_eq!(status(on_http(path), token), expected, "HTTP {path}");
    }
    let integrations = boto.call("apigatewayv2", "get_integrations", json!({"ApiId": http["ApiId"]}));
    let integrations = integrations["Items"].as_array().unwrap();
    let payload = |function: &str| {
        let ends = format!("function:people-dev-{function}/invocations");
        let found = integrations.iter().find(|one| one["IntegrationUri"].as_str().unwrap().ends_with(&ends));
        found.unwrap()["PayloadFormatVersion"].clone()
    };
    assert_eq!((payload("api"), payload("open")), (json!("2.0"), json!("1.0")));

    let preflight = |origin: &str| {
        let headers = [("Origin", origin), ("Access-Control-Request-Method", "GET")];
        cloud.request("OPTIONS", &on_http("mine"), &headers).1
    };
    let head = preflight("https://a.example");
    for header in [
        "access-control-allow-origin: https://a.example",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: get",
        "access-control-allow-headers: x-one",
        "access-control-max-age: 60",
    ] {
        assert!(head.contains(header), "{header} is not in\n{head}");
    }
    assert!(!preflight("https://evil.example").contains("access-control-allow-origin"));
    let stages = boto.call("apigatewayv2", "get_stages", json!({"ApiId": http["ApiId"]}));
    let stage = &stages["Items"][0];
    assert_eq!(stage["DefaultRouteSettings"]["DetailedMetricsEnabled"], true);
    let group = stage["AccessLogSettings"]["DestinationArn"].as_str().unwrap();
    assert!(group.ends_with("log-group:/aws/http-api/people-dev"), "{group}");

    let routes = boto.call("apigatewayv2", "get_routes", json!({"ApiId": socket["ApiId"]}));
    let routes = routes["Items"].as_array().unwrap();
    let route = |key: &str| routes.iter().find(|route| route["RouteKey"] == key).unwrap();
    assert_eq!(route("$connect")["AuthorizationType"], "CUSTOM");
    assert_eq!(route("chat")["RouteResponseSelectionExpression"], "$default");
    let socket = format!("/_aws/execute-api/{}/dev", socket["ApiId"].as_str().unwrap());
    let upgrade =
        [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "MDAwMDAwMDAwMDAwMDAwMA==")];
    let refused = cloud.request("GET", &format!("{socket}?t=no"), &upgrade).0;
    assert_ne!(refused, 101, "the authorizer denies");
    assert!(cloud.talk(&format!("{socket}?t=yes"), r#"{"action": "chat"}"#).contains(r#""routeKey": "chat""#));
    let policy = boto.call(
        "iam",
        "get_role_policy",
        json!({"RoleName": "people-dev-us-east-1-lambdaRole", "PolicyName": "people-dev-lambda"}),
    );
    assert!(policy["PolicyDocument"].to_string().contains("execute-api:ManageConnections"), "{policy}");

    let url = |name: &str| {
        boto.call("lambda", "get_function_url_config", json!({"FunctionName": format!("people-dev-{name}")}))
    };
    let guarded = url("api");
    assert_eq!((&guarded["AuthType"], &guarded["InvokeMode"]), (&json!("AWS_IAM"), &json!("RESPONSE_STREAM")));
    assert_eq!((&guarded["Cors"]["AllowCredentials"], &guarded["Cors"]["MaxAge"]), (&json!(true), &json!(5)));
    assert_eq!(cloud.get(guarded["FunctionUrl"].as_str().unwrap()).0, 403, "without a signature");
    assert_eq!(cloud.get(url("open")["FunctionUrl"].as_str().unwrap()).0, 200);
    let policy = boto.call("lambda", "get_policy", json!({"FunctionName": "people-dev-open"}));
    let policy = policy["Policy"].as_str().unwrap();
    assert!(policy.contains("lambda:InvokeFunctionUrl") && policy.contains("lambda:InvokedViaFunctionUrl"), "{policy}");
}
