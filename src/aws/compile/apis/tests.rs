//! Routes of every kind, compared with what the framework makes of them.

use serde_json::{Value as Json, json};

use super::super::tests::{compiled, problems, resources};
use crate::config::decode::sample;
use crate::config::diagnostic::Severity;
use crate::config::language::decode_service;
use crate::config::language::events::{Event, Trigger};

/// A service with a function `work` that has these events, and further settings of the provider.
fn service(provider: &str, events: &str) -> String {
    format!(
        "{{service: shop, provider: {{name: aws, {provider}}}, functions: {{work: {{handler: a.b, events: {events}}},
        guard: {{handler: a.c}}}}}}"
    )
}

fn rest(provider: &str, events: &str) -> Json {
    resources(&service(provider, events))
}

/// The integration, security and so on of one method of the REST API's document.
fn operation<'a>(all: &'a Json, path: &str, verb: &str) -> &'a Json {
    &all["ApiGatewayRestApi"]["Properties"]["Body"]["paths"][path][verb]
}

fn uri(function: &str, ending: &str) -> Json {
    json!({ "Fn::Join": ["", [
        "arn:", { "Ref": "AWS::Partition" }, ":apigateway:", { "Ref": "AWS::Region" },
        ":lambda:path/2015-03-31/functions/", { "Fn::GetAtt": [function, "Arn"] }, ending,
    ]] })
}

#[test]
fn a_rest_api_is_one_document_with_a_deployment_and_a_stage() {
    let all = rest("tags: {team: x}", "[{http: 'GET /orders/{id}'}, {http: {path: /, method: any}}]");
    let api = &all["ApiGatewayRestApi"]["Properties"];
    assert_eq!(api["Name"], "dev-shop");
    assert_eq!(api["EndpointConfiguration"], json!({ "Types": ["EDGE"] }));
    assert_eq!(api["Policy"], "");
    assert_eq!(
        operation(&all, "/orders/{id}", "get"),
        &json!({
            "parameters": [{ "in": "path", "name": "id", "required": true, "schema": { "type": "string" } }],
            "responses": { "200": { "description": "200 response" } },
            "x-amazon-apigateway-integration": {
                "httpMethod": "POST",
                "type": "aws_proxy",
                "uri": uri("WorkLambdaFunction", "/invocations"),
            },
        })
    );
    assert!(operation(&all, "/", "x-amazon-apigateway-any-method").is_object());
    let stage = &all["ApiGatewayStage"]["Properties"];
    assert_eq!(
        (&stage["DeploymentId"], &stage["StageName"]),
        (&json!({ "Ref": "ApiGatewayDeployment" }), &json!("dev"))
    );
    let permission = &all["WorkLambdaPermissionApiGateway"]["Properties"];
    assert_eq!(permission["SourceArn"]["Fn::Join"][1][8], "/*/*");
}

#[test]
fn cors_of_all_routes_of_a_path_is_one_preflight() {
    let all = rest(
        "",
        "[{http: {path: x, method: get, cors: true}}, {http: {path: x, method: post, cors: {origins: ['https://a.b', 'https://*.c'],
        allowCredentials: true, maxAge: 5}}}]",
    );
    let preflight = &operation(&all, "/x", "options")["x-amazon-apigateway-integration"];
    assert_eq!(preflight["type"], "mock");
    assert_eq!(preflight["requestTemplates"], json!({ "application/json": "{statusCode:200}" }));
    let response = &preflight["responses"]["default"];
    let header = |name: &str| response["responseParameters"][format!("method.response.header.{name}")].clone();
    assert_eq!(header("Access-Control-Allow-Methods"), "'OPTIONS,POST,GET'");
    assert_eq!(header("Access-Control-Allow-Origin"), "'https://a.b'");
    assert_eq!(header("Access-Control-Allow-Credentials"), "'true'");
    assert_eq!(header("Access-Control-Max-Age"), "'5'");
    let template = response["responseTemplates"]["application/json"].as_str().unwrap();
    assert!(
        template.contains("$origin.matches(\"https://a[.]b\") || $origin.matches(\"https://.+[.]c\")"),
        "{template}"
    );
    let declared = &operation(&all, "/x", "options")["responses"]["200"]["headers"];
    assert_eq!(declared["Access-Control-Max-Age"], json!({ "schema": { "type": "string" } }));
    assert_eq!(operation(&rest("", "[{http: GET /x}]"), "/x", "options"), &Json::Null);
}

#[test]
fn every_kind_of_authorizer_becomes_a_security_scheme() {
    let pool = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/p";
    let all = rest(
        "apiGateway: {apiKeys: [one]}",
        &format!(
            "[{{http: {{path: a, method: get, authorizer: guard, private: true}}}},
            {{http: {{path: b, method: get, authorizer: {{name: people, arn: '{pool}', scopes: [read]}}}}}},
            {{http: {{path: c, method: get, authorizer: aws_iam}}}},
            {{http: {{path: d, method: get, authorizer: {{arn: 'arn:aws:lambda:us-east-1:1:function:x-dev-check', type: request,
              resultTtlInSeconds: 0, identitySource: method.request.querystring.t}}}}}}]"
        ),
    );
    let security = |path: &str| operation(&all, path, "get")["security"].clone();
    assert_eq!(security("/a"), json!([{ "api_key": [], "guard": [] }]));
    assert_eq!(security("/b"), json!([{ "people": ["read"] }]));
    assert_eq!(security("/c"), json!([{ "sigv4": [] }]));
    assert_eq!(security("/d"), json!([{ "check": [] }]));
    let schemes = &all["ApiGatewayRestApi"]["Properties"]["Body"]["components"]["securitySchemes"];
    assert_eq!(
        schemes["guard"],
        json!({
            "in": "header",
            "name": "Authorization",
            "type": "apiKey",
            "x-amazon-apigateway-authorizer": {
                "authorizerResultTtlInSeconds": 300,
                "authorizerUri": uri("GuardLambdaFunction", "/invocations"),
                "type": "token",
            },
            "x-amazon-apigateway-authtype": "custom",
        })
    );
    assert_eq!(schemes["people"]["x-amazon-apigateway-authorizer"]["providerARNs"], json!([pool]));
    let request = &schemes["check"]["x-amazon-apigateway-authorizer"];
    assert_eq!(
        (&request["type"], &request["authorizerResultTtlInSeconds"], &request["identitySource"]),
        (&json!("request"), &json!(0), &json!("method.request.querystring.t"))
    );
    assert_eq!(schemes["sigv4"]["x-amazon-apigateway-authtype"], "awsSigv4");
    assert!(all["GuardLambdaPermissionApiGateway"].is_object());
    assert!(all["CheckLambdaPermissionApiGateway"].is_object());
    assert_eq!(all["PeopleLambdaPermissionApiGateway"], Json::Null);
}

#[test]
fn integrations_that_are_no_proxy_have_templates_and_answers() {
    let all = rest(
        "",
        "[{http: {path: a, method: get, integration: lambda, request: {parameters: {querystrings: {q: true}, headers: {H: false}}}}},
        {http: {path: b, method: post, async: true}},
        {http: {path: c, method: get, integration: http, request: {uri: 'https://x.y', method: post},
          response: {headers: {X: \"'1'\"}, statusCodes: {'201': {pattern: ''}, '404': {pattern: '404', template: {text/plain: no}}}}}},
        {http: {path: d, method: get, integration: mock, request: {template: {application/json: '{statusCode: 200}'}},
          response: {statusCodes: {'200': {pattern: ''}}}}}]",
    );
    let of = |path: &str, verb: &str| operation(&all, path, verb)["x-amazon-apigateway-integration"].clone();
    let lambda = of("/a", "get");
    assert_eq!((&lambda["type"], &lambda["passthroughBehavior"]), (&json!("aws"), &json!("never")));
    assert_eq!(lambda["responses"].as_object().map(|all| all.len()), Some(9));
    assert_eq!(lambda["responses"]["default"]["statusCode"], "200");
    assert_eq!(lambda["requestParameters"]["integration.request.querystring.q"], "method.request.querystring.q");
    assert!(
        lambda["requestTemplates"]["application/json"].as_str().unwrap().contains("\"cognitoPoolClaims\": {\"sub\"")
    );
    assert_eq!(
        operation(&all, "/a", "get")["parameters"],
        json!([
            { "in": "query", "name": "q", "required": true, "schema": { "type": "string" } },
            { "in": "header", "name": "H", "required": false, "schema": { "type": "string" } },
        ])
    );
    assert_eq!(
        operation(&all, "/a", "get")["x-amazon-apigateway-request-validator"],
        "shop-dev | Validate request body and querystring parameters"
    );
    assert_eq!(of("/b", "post")["requestParameters"]["integration.request.header.X-Amz-Invocation-Type"], "'Event'");
    let http = of("/c", "get");
    assert_eq!(
        (&http["type"], &http["httpMethod"], &http["uri"]),
        (&json!("http"), &json!("POST"), &json!("https://x.y"))
    );
    assert_eq!(
        http["responses"]["404"],
        json!({
            "responseParameters": { "method.response.header.X": "'1'" },
            "responseTemplates": { "text/plain": "no" },
            "statusCode": "404",
        })
    );
    assert_eq!(of("/d", "get")["requestTemplates"]["application/json"], "{statusCode: 200}");
}

#[test]
fn one_answer_is_for_all_other_results() {
    let answers = |codes: &str| {
        let all = rest(
            "",
            &format!("[{{http: {{path: a, method: get, integration: lambda, response: {{statusCodes: {codes}}}}}}}]"),
        );
        let responses = operation(&all, "/a", "get")["x-amazon-apigateway-integration"]["responses"].clone();
        let codes = responses.as_object().unwrap().iter().map(|(key, one)| format!("{key} {}", one["statusCode"]));
        codes.collect::<Vec<_>>().join(", ")
    };
    // The one without a pattern, whatever its code; for success where there is none.
    assert_eq!(answers("{'201': {template: done}, '404': {pattern: gone}}"), "default \"201\", gone \"404\"");
    assert_eq!(answers("{'200': {template: done}}"), "default \"200\"");
    assert_eq!(answers("{'404': {pattern: gone}}"), "default \"200\", gone \"404\"");
}

#[test]
fn answers_that_hide_one_another_are_told() {
    let found = |codes: &str| {
        problems(&service(
            "",
            &format!("[{{http: {{path: a, method: get, integration: lambda, response: {{statusCodes: {codes}}}}}}}]"),
        ))
    };
    assert_eq!(
        found("{'200': {pattern: ''}, '201': {template: done}}"),
        ["functions.work.events[0].http: the answers `200` and `201` have no `pattern`, so only `201` is given"]
    );
    assert_eq!(found("{'200': {pattern: ''}, '404': {pattern: gone}, '410': {pattern: gone}}").len(), 1);
}

#[test]
fn schemas_become_models_of_the_document() {
    let all = rest(
        "apiGateway: {request: {schemas: {order: {name: Order, description: One order, schema: {$schema: x, type: object}}}}}",
        "[{http: {path: a, method: post, request: {schemas: {application/json: order}}}},
        {http: {path: b, method: post, request: {schemas: {application/json: {type: array}}}}},
        {http: {path: c, method: post, request: {schemas: {application/json: {name: C, description: d, schema: {type: array}}}}}}]",
    );
    let body = &all["ApiGatewayRestApi"]["Properties"]["Body"];
    assert_eq!(
        body["components"]["schemas"],
        json!({
            "ApiGatewayMethodBPostApplicationJsonModel": { "type": "array" },
            "C": { "description": "d", "type": "array" },
            "Order": { "description": "One order", "type": "object" },
        })
    );
    assert_eq!(
        operation(&all, "/a", "post")["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/Order"
    );
}

/// In a model by itself `#` is the schema; in a document it is the document.
#[test]
fn what_a_schema_defines_stands_beside_it() {
    let all = rest(
        "",
        "[{http: {path: a, method: post, request: {schemas: {application/json: {name: Tree, schema: {
            type: object, properties: {left: {$ref: '#'}, leaf: {$ref: '#/definitions/leaf'}, size: {$ref: '#/properties/leaf'}, $ref: {type: string}},
            definitions: {leaf: {type: array, items: {$ref: '#/definitions/big-one'}}, big-one: {type: string}}}}}}}}]",
    );
    assert_eq!(
        all["ApiGatewayRestApi"]["Properties"]["Body"]["components"]["schemas"],
        json!({
            "Tree": { "type": "object", "properties": {
                "left": { "$ref": "#/components/schemas/Tree" },
                "leaf": { "$ref": "#/components/schemas/TreeLeaf" },
                "size": { "$ref": "#/components/schemas/Tree/properties/leaf" },
                "$ref": { "type": "string" },
            } },
            "TreeLeaf": { "type": "array", "items": { "$ref": "#/components/schemas/TreeBigone" } },
            "TreeBigone": { "type": "string" },
        })
    );
}

#[test]
fn a_proxy_of_another_server_passes_the_method_on() {
    let one = |integration: &str| {
        let events = format!(
            "[{{http: {{path: a, method: any, integration: {integration}, request: {{uri: 'https://x', method: post}}}}}}]"
        );
        let compiled = compiled(&service("", &events));
        let template = compiled.template.to_json();
        let operation = operation(&template["resources"], "/a", "x-amazon-apigateway-any-method");
        let method = operation["x-amazon-apigateway-integration"]["httpMethod"].clone();
        (method, compiled.problems.into_iter().map(|one| one.code).collect::<Vec<_>>())
    };
    assert_eq!(one("http-proxy"), (json!("ANY"), vec!["ignored-key"]));
    assert_eq!(one("http").0, "POST");
}

#[test]
fn a_quota_without_a_period_or_a_limit_is_none() {
    for (quota, missing) in [("{limit: 5}", "period"), ("{period: DAY}", "limit")] {
        let plan = format!("apiGateway: {{apiKeys: [a], usagePlan: {{quota: {quota}}}}}");
        let found = compiled(&service(&plan, "[{http: GET /a}]")).problems;
        let messages: Vec<&str> = found.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, [format!("the quota of a usage plan needs its `{missing}`")]);
    }
}

#[test]
fn keys_belong_to_plans_and_are_secret() {
    let compiled = compiled(&service(
        "apiGateway: {apiKeys: [{free: [a, {name: b, value: abcdefghijklmnopqrstuvwxyz}]}, {paid: [c]}], usagePlan: [{free: {quota: {limit: 5, period: DAY}}}, {paid: {throttle: {burstLimit: 2, rateLimit: 0.5}}}]}",
        "[{http: GET /a}]",
    ));
    assert_eq!(compiled.problems, []);
    let all = &compiled.template.to_json()["resources"];
    assert_eq!(all["ApiGatewayUsagePlanFree"]["Properties"]["UsagePlanName"], "shop-free-dev");
    assert_eq!(all["ApiGatewayUsagePlanFree"]["Properties"]["Quota"], json!({ "Limit": 5, "Period": "DAY" }));
    assert_eq!(all["ApiGatewayUsagePlanPaid"]["Properties"]["Throttle"], json!({ "BurstLimit": 2, "RateLimit": 0.5 }));
    assert_eq!(
        all["ApiGatewayUsagePlanKeyFree2"]["Properties"],
        json!({
            "KeyId": { "Ref": "ApiGatewayApiKeyFree2" },
            "KeyType": "API_KEY",
            "UsagePlanId": { "Ref": "ApiGatewayUsagePlanFree" },
        })
    );
    assert!(!all.to_string().contains("abcdefghijklmnopqrstuvwxyz"));
    assert_eq!(all["ApiGatewayApiKeyPaid1"]["Properties"]["Name"], "c");
}

#[test]
fn stages_log_trace_and_measure() {
    let all = rest(
        "tracing: {apiGateway: true}, apiGateway: {metrics: true}, logs: {restApi: {level: ERROR, fullExecutionData: false}}, logRetentionInDays: 7",
        "[{http: GET /a}]",
    );
    let stage = &all["ApiGatewayStage"]["Properties"];
    assert_eq!(stage["TracingEnabled"], true);
    assert_eq!(
        stage["MethodSettings"],
        json!([{
            "DataTraceEnabled": false, "HttpMethod": "*", "LoggingLevel": "ERROR", "MetricsEnabled": true, "ResourcePath": "/*",
        }])
    );
    assert_eq!(
        all["ApiGatewayLogGroup"]["Properties"],
        json!({ "LogGroupName": "/aws/api-gateway/shop-dev", "RetentionInDays": 7 })
    );
    let account = "CustomApiGatewayAccountCloudWatchRole";
    assert_eq!(all[account]["Properties"], json!({}), "any role that is set does");
    assert!(all["ApiGatewayStage"]["DependsOn"].as_array().unwrap().contains(&json!(account)));
    let logs = |role: &str| rest(&format!("logs: {{restApi: {{{role}}}}}"), "[{http: GET /a}]");
    assert_eq!(logs("role: r")[account]["Properties"], json!({ "CloudWatchRoleArn": "r" }));
    let left_alone = logs("roleManagedExternally: true");
    assert_eq!(left_alone.get(account), None);
    assert!(!left_alone["ApiGatewayStage"].to_string().contains(account));
}

#[test]
fn routes_of_an_api_that_is_there_are_added_one_by_one() {
    let all = rest(
        "apiGateway: {restApiId: 1234567890, restApiRootResourceId: root, restApiResources: {/users: u1}}",
        "[{http: 'GET /users/{id}'}, {http: {path: orders/new, method: post, authorizer: guard}}]",
    );
    assert_eq!(all["ApiGatewayRestApi"], Json::Null);
    assert_eq!(
        all["ApiGatewayResourceUsersIdVar"]["Properties"],
        json!({ "ParentId": "u1", "PathPart": "{id}", "RestApiId": "1234567890" })
    );
    assert_eq!(
        all["ApiGatewayResourceOrdersNew"]["Properties"]["ParentId"],
        json!({ "Ref": "ApiGatewayResourceOrders" })
    );
    let method = &all["ApiGatewayMethodOrdersNewPost"]["Properties"];
    assert_eq!(method["AuthorizerId"], json!({ "Ref": "GuardApiGatewayAuthorizer" }));
    assert_eq!(method["Integration"]["Type"], "AWS_PROXY");
    assert_eq!(method["RestApiId"], "1234567890", "an id of digits is a text all the same");
    // How many parts of its path are the service's own, and which route it is.
    let mark = |id: &str| all[id]["Properties"]["Integration"]["CacheNamespace"].as_str().unwrap().to_owned();
    assert!(mark("ApiGatewayMethodOrdersNewPost").ends_with("-2-ApiGatewayMethodOrdersNewPost"));
    assert!(mark("ApiGatewayMethodUsersIdVarGet").ends_with("-1-ApiGatewayMethodUsersIdVarGet"));
    let authorizer = &all["GuardApiGatewayAuthorizer"]["Properties"]["AuthType"];
    assert!(authorizer.as_str().unwrap().starts_with("hoist-shop-dev-"), "{authorizer}");
}

#[test]
fn raw_gateway_responses_and_authorizers_become_a_part_of_the_document() {
    let yaml = format!(
        "{}\n",
        service(
            "apiGateway: {}",
            "[{http: {path: a, method: get, authorizer: {type: COGNITO_USER_POOLS, authorizerId: {Ref: Pool}}}}]"
        )
        .trim_end_matches('}')
            .to_owned()
            + "}}, resources: {Resources: {
                Pool: {Type: 'AWS::ApiGateway::Authorizer', Properties: {RestApiId: {Ref: ApiGatewayRestApi}, Name: p, Type: COGNITO_USER_POOLS,
                  IdentitySource: method.request.header.Token, ProviderARNs: ['arn:pool']}},
                Denied: {Type: 'AWS::ApiGateway::GatewayResponse', Properties: {RestApiId: {Ref: ApiGatewayRestApi}, ResponseType: DEFAULT_4XX,
                  ResponseParameters: {gatewayresponse.header.Access-Control-Allow-Origin: \"'*'\"}}}}}}"
    );
    let compiled = compiled(&yaml);
    assert_eq!(compiled.problems, []);
    let json = compiled.template.to_json();
    let body = &json["resources"]["ApiGatewayRestApi"]["Properties"]["Body"];
    assert_eq!(body["paths"]["/a"]["get"]["security"], json!([{ "Pool": [] }]));
    assert_eq!(body["components"]["securitySchemes"]["Pool"]["name"], "Token");
    assert_eq!(
        body["x-amazon-apigateway-gateway-responses"]["DEFAULT_4XX"]["responseParameters"],
        json!({ "gatewayresponse.header.Access-Control-Allow-Origin": "'*'" })
    );
    assert_eq!(json["stacks"], json!({}));
}

#[test]
fn an_http_api_is_one_document_with_an_integration_per_function() {
    let all = rest(
        "httpApi: {cors: true, authorizers: {jwt: {identitySource: $request.header.Authorization, issuerUrl: 'https://i', audience: [a]},
        own: {type: request, functionName: guard, enableSimpleResponses: true}}}, logs: {httpApi: true}",
        "[{httpApi: 'GET /a/{id}'}, {httpApi: '*'}, {httpApi: {path: /b, method: post, authorizer: {name: jwt, scopes: [s]}}},
        {httpApi: {path: /c, method: get, authorizer: {type: aws_iam}}}, {httpApi: {path: /d, method: get, authorizer: {name: own}}}]",
    );
    let api = &all["HttpApi"]["Properties"];
    assert_eq!((&api["Name"], &api["ProtocolType"]), (&json!("dev-shop"), &json!("HTTP")));
    assert_eq!(
        api["CorsConfiguration"]["AllowMethods"],
        json!(["OPTIONS", "GET", "POST", "PUT", "PATCH", "HEAD", "DELETE"])
    );
    let body = &api["Body"];
    let integration = &body["components"]["x-amazon-apigateway-integrations"]["Work"];
    assert_eq!(
        (&integration["payloadFormatVersion"], &integration["timeoutInMillis"], &integration["uri"]),
        (&json!("2.0"), &json!(30000), &uri("WorkLambdaFunction", "/invocations"))
    );
    assert_eq!(
        body["paths"]["/a/{id}"]["get"]["x-amazon-apigateway-integration"]["$ref"],
        "#/components/x-amazon-apigateway-integrations/Work"
    );
    assert_eq!(body["paths"]["/$default"]["x-amazon-apigateway-any-method"]["isDefaultRoute"], true);
    assert_eq!(body["paths"]["/b"]["post"]["security"], json!([{ "jwt": ["s"] }]));
    assert_eq!(body["paths"]["/c"]["get"]["security"], json!([{ "sigv4": [] }]));
    let schemes = &body["components"]["securitySchemes"];
    assert_eq!(
        schemes["jwt"]["x-amazon-apigateway-authorizer"],
        json!({
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": { "audience": ["a"], "issuer": "https://i" },
            "type": "jwt",
        })
    );
    assert_eq!(schemes["own"]["x-amazon-apigateway-authorizer"]["authorizerPayloadFormatVersion"], "2.0");
    assert!(all["OwnLambdaAuthorizerPermissionHttpApi"].is_object());
    let stage = &all["HttpApiStage"];
    assert_eq!(
        stage["Properties"]["AccessLogSettings"]["DestinationArn"],
        json!({ "Fn::GetAtt": ["HttpApiLogGroup", "Arn"] })
    );
    assert_eq!(all["HttpApiLogGroup"]["Properties"]["LogGroupName"], "/aws/http-api/shop-dev");
    assert_eq!(all["WorkLambdaPermissionHttpApi"]["Properties"]["SourceArn"]["Fn::Join"][1][8], "/*");
}

#[test]
fn an_authorizer_of_an_http_api_is_called_by_its_name() {
    let jwt = "identitySource: $request.header.Authorization, issuerUrl: 'https://i', audience: [a]";
    let all = rest(
        &format!("httpApi: {{authorizers: {{users: {{name: people, {jwt}}}}}}}"),
        "[{httpApi: {path: /b, method: post, authorizer: {name: users}}}]",
    );
    let body = &all["HttpApi"]["Properties"]["Body"];
    assert_eq!(body["paths"]["/b"]["post"]["security"], json!([{ "people": [] }]));
    assert_eq!(body["components"]["securitySchemes"]["people"]["x-amazon-apigateway-authorizer"]["type"], "jwt");

    let found = problems(&service(
        &format!("httpApi: {{authorizers: {{users: {{name: people, {jwt}}}, people: {{{jwt}}}}}}}"),
        "[{httpApi: {path: /b, method: post, authorizer: {name: users}}}]",
    ));
    assert_eq!(found, ["provider.httpApi.authorizers.people: another authorizer is called `people` too"]);
}

#[test]
fn routes_of_an_http_api_that_is_there_are_added_one_by_one() {
    let all = rest("httpApi: {id: abc}", "[{httpApi: 'GET /a/{id}'}, {httpApi: '*'}]");
    assert_eq!(all["HttpApi"], Json::Null);
    assert_eq!(all["HttpApiRouteGetAIdVar"]["Properties"]["RouteKey"], "GET /a/{id}");
    assert_eq!(all["HttpApiRouteDefault"]["Properties"]["RouteKey"], "$default");
    assert_eq!(all["HttpApiIntegrationWork"]["Properties"]["ApiId"], "abc");
}

#[test]
fn a_websocket_api_is_made_route_by_route() {
    let all = rest(
        "logs: {websocket: true}",
        "[{websocket: {route: $connect, authorizer: guard}}, {websocket: {route: $default, routeResponseSelectionExpression: $default}}]",
    );
    assert_eq!(
        all["WebsocketsApi"]["Properties"],
        json!({
            "Description": "Serverless Websockets",
            "Name": "dev-shop-websockets",
            "ProtocolType": "WEBSOCKET",
            "RouteSelectionExpression": "$request.body.action",
        })
    );
    assert_eq!(
        all["SconnectWebsocketsRoute"]["Properties"],
        json!({
            "ApiId": { "Ref": "WebsocketsApi" },
            "AuthorizationType": "CUSTOM",
            "AuthorizerId": { "Ref": "GuardWebsocketsAuthorizer" },
            "RouteKey": "$connect",
            "Target": { "Fn::Join": ["/", ["integrations", { "Ref": "WorkWebsocketsIntegration" }]] },
        })
    );
    assert_eq!(
        all["SdefaultWebsocketsRouteResponse"]["Properties"]["RouteId"],
        json!({ "Ref": "SdefaultWebsocketsRoute" })
    );
    let deployment = all
        .as_object()
        .unwrap()
        .keys()
        .find(|id| id.starts_with("WebsocketsDeployment") && *id != "WebsocketsDeploymentStage");
    assert_eq!(all["WebsocketsDeploymentStage"]["Properties"]["DeploymentId"], json!({ "Ref": deployment.unwrap() }));
    assert_eq!(
        all[deployment.unwrap()]["DependsOn"],
        json!(["SconnectWebsocketsRoute", "SdefaultWebsocketsRouteResponse", "SdefaultWebsocketsRoute"])
    );
    let policy = all["IamRoleLambdaExecution"]["Properties"]["Policies"][0]["PolicyDocument"].to_string();
    assert!(policy.contains("execute-api:ManageConnections"));
    assert_eq!(all["WebsocketsLogGroup"]["Properties"]["LogGroupName"], "/aws/websocket/shop-dev");
    let stage = all["WebsocketsDeploymentStage"]["DependsOn"].as_array().unwrap();
    assert!(stage.contains(&json!("CustomApiGatewayAccountCloudWatchRole")));
}

#[test]
fn only_who_is_called_over_a_websocket_answers_over_it_with_a_role_of_its_own() {
    let all = resources(
        "{service: shop, provider: {name: aws}, functions: {
            a: {handler: a.b, iamRoleStatements: [], events: [{websocket: $default}]}, b: {handler: a.b, iamRoleStatements: []}}}",
    );
    let may = |role: &str| all[role].to_string().contains("execute-api:ManageConnections");
    assert_eq!((may("AIamRoleLambdaExecution"), may("BIamRoleLambdaExecution")), (true, false));
}

#[test]
fn what_cannot_be_is_said_before_the_first_call() {
    let table = [
        ("", "[{http: GET /a}, {http: {path: a, method: get}}]", "the route `GET /a` is there already"),
        ("", "[{http: 'GET /a/{x}'}, {http: 'GET /a/{y}/b'}]", "are the same place with two names"),
        ("", "[{http: {path: a, method: get, authorizer: nobody}}]", "there is no function `nobody`"),
        (
            "",
            "[{http: {path: a, method: get, authorizer: {name: guard, scopes: [s]}}}]",
            "scopes are for user pools only",
        ),
        (
            "",
            "[{http: {path: a, method: get, authorizer: {name: guard, identitySource: method.request.querystring.t}}}]",
            "reads one header, and cannot read `method.request.querystring.t`",
        ),
        ("", "[{http: {path: a, method: get, timeoutInMillis: 30000}}]", "may take 29000 ms at the most"),
        ("", "[{http: {path: a, method: get, integration: http}}]", "needs an address"),
        (
            "",
            "[{http: {path: a, method: post, request: {schemas: {application/json: missing.json}}}}]",
            "is not a JSON Schema",
        ),
        (
            "",
            "[{http: {path: a, method: post, request: {schemas: {application/json: {type: 5}}}}}]",
            "is not a JSON Schema",
        ),
        (
            "",
            "[{http: {path: a, method: post, request: {schemas: {application/json: {type: object, properties: {a: {type: strnig}}}}}}}]",
            "is not a JSON Schema",
        ),
        (
            "",
            "[{http: {path: a, method: post, request: {schemas: {application/json: {typ: object, propertis: {}}}}}}]",
            "is not a JSON Schema",
        ),
        ("apiGateway: {apiKeys: [{value: short}]}", "[{http: GET /a}]", "20 to 128 characters"),
        ("", "[{websocket: {route: chat, authorizer: work}}]", "the route `chat` cannot have an authorizer"),
        ("vpcEndpointIds: [vpce-1]", "[{http: GET /a}]", "only private APIs have VPC endpoints"),
        ("apiGateway: {restApiId: x}", "[{http: GET /a}]", "needs `restApiRootResourceId`"),
        ("apiGateway: {apiKeys: [{free: [a]}]}", "[{http: GET /a}]", "there is no usage plan `free`"),
        ("", "[{httpApi: 'GET /a'}, {httpApi: 'get /a'}]", "the route `GET /a` is there already"),
        ("", "[{httpApi: {path: /a, method: get, authorizer: nobody}}]", "there is no authorizer `nobody`"),
        ("httpApi: {authorizers: {a: {type: request}}}", "[{httpApi: 'GET /a'}]", "needs a function"),
        ("", "[{websocket: $connect}, {websocket: $connect}]", "the route `$connect` is there already"),
    ];
    for (provider, events, want) in table {
        let messages = problems(&service(provider, events));
        assert!(messages.iter().any(|one| one.contains(want)), "{want}: {messages:?}");
    }
}

#[test]
fn a_rest_api_has_room_for_three_hundred_parts_of_paths() {
    let routes = |count: usize, of: fn(usize) -> String| {
        let events: Vec<String> = (0..count).map(|index| format!("{{http: '{}'}}", of(index))).collect();
        problems(&service("", &format!("[{}]", events.join(", "))))
    };
    assert_eq!(routes(300, |index| format!("GET /a{index}")), Vec::<String>::new());
    assert!(routes(301, |index| format!("GET /a{index}"))[0].contains("need 301 resources"));
    assert!(routes(150, |index| format!("GET /a{index}/b/c"))[0].contains("need 450 resources"));
    let several = |index: usize| format!("{} /a{}", ["GET", "POST", "PUT", "PATCH", "DELETE"][index % 5], index / 5);
    assert_eq!(routes(350, several), Vec::<String>::new(), "methods are no resources");
}

/// The framework refuses claims of a proxy where the ARN is written out, and only there.
#[test]
fn claims_of_a_proxy_are_refused_where_the_pool_is_written_out() {
    let with = |arn: &str| {
        let yaml = format!(
            "service: shop\nprovider: {{name: aws, runtime: python3.12}}\nfunctions: {{a: {{handler: a.b, events: [{{http: {{path: x, method: get, authorizer: {{name: pool, type: COGNITO_USER_POOLS, arn: {arn}, claims: [email]}}}}}}]}}}}\n"
        );
        compiled(&yaml).problems.into_iter().map(|one| (one.code, one.severity)).collect::<Vec<_>>()
    };
    assert_eq!(with("'arn:aws:cognito-idp:eu-west-1:1:userpool/a'"), [("conflict", Severity::Error)]);
    assert_eq!(with("{'Fn::ImportValue': pool}"), [("conflict", Severity::Warning)]);
}

#[test]
fn an_empty_authorizer_is_none_and_said() {
    let yaml = "service: shop
provider: {name: aws, runtime: python3.12}
functions:
  a:
    handler: a.b
    events:
      - http: {path: x, method: get, authorizer: ''}
      - httpApi: {path: /x, method: get, authorizer: ''}
      - websocket: {route: $connect, authorizer: ''}
";
    let (service, found) = decode_service(&sample::node(yaml));
    let service = service.expect("a service");
    let is_open = |event: &Event| match &event.trigger {
        Trigger::Http(http) => http.authorizer.is_none(),
        Trigger::HttpApi(route) => route.authorizer.is_none(),
        Trigger::Websocket(route) => route.authorizer.is_none(),
        _ => false,
    };
    assert!(service.functions["a"].events.iter().all(is_open));
    assert_eq!(
        sample::summary(&found),
        "7:50 warning[empty-value] functions.a.events[0].http.authorizer: is empty: the route is open to everybody
8:54 warning[empty-value] functions.a.events[1].httpApi.authorizer: is empty: the route is open to everybody
9:50 warning[empty-value] functions.a.events[2].websocket.authorizer: is empty: everybody may connect"
    );
}
