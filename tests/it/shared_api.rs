//! Routes in a REST API that somebody else made: added, changed and taken away, and nothing else in it is touched.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const HANDLER: &str = "
import json
def handler(event, context):
    return {'statusCode': 200, 'headers': {'x-made-by': context.function_name}, 'body': json.dumps(event)}
def guard(event, context):
    effect = 'Allow' if event.get('authorizationToken') == 'yes' else 'Deny'
    statement = {'Action': 'execute-api:Invoke', 'Effect': effect, 'Resource': event['methodArn']}
    return {'principalId': 'x', 'policyDocument': {'Version': '2012-10-17', 'Statement': [statement]}}
";

/// An API that is there: `GET /theirs`, an empty `/users` for others to use, and a stage.
struct Shared {
    boto: Boto,
    id: String,
    root: String,
    users: String,
}

impl Shared {
    fn new(cloud: &Cloud) -> Self {
        let boto = cloud.boto();
        let ask = |operation: &str, parameters: Value| boto.call("apigateway", operation, parameters);
        let text = |answer: &Value, key: &str| answer[key].as_str().unwrap().to_owned();
        let api = ask("create_rest_api", json!({"name": "shared", "tags": {"team": "platform"}}));
        let (id, root) = (text(&api, "id"), text(&api, "rootResourceId"));
        let resource = |part: &str| {
            text(&ask("create_resource", json!({"restApiId": id, "parentId": root, "pathPart": part})), "id")
        };
        let (theirs, users) = (resource("theirs"), resource("users"));
        let place = |more: Value| {
            let mut all = json!({"restApiId": id, "resourceId": theirs, "httpMethod": "GET"});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        ask("put_method", place(json!({"authorizationType": "NONE"})));
        let template = json!({"application/json": "{\"statusCode\": 200}"});
        ask("put_integration", place(json!({"type": "MOCK", "requestTemplates": template})));
        ask("put_method_response", place(json!({"statusCode": "200"})));
        let template = json!({"application/json": "theirs"});
        ask("put_integration_response", place(json!({"statusCode": "200", "responseTemplates": template})));
        ask("create_deployment", json!({"restApiId": id, "stageName": "dev"}));
        Self { boto, id, root, users }
    }

    /// A service that adds its routes to the API.
    fn service(&self, name: &str, functions: &str) -> String {
        let (id, root, users) = (&self.id, &self.root, &self.users);
        format!(
            "
service: {name}
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  apiGateway: {{restApiId: '{id}', restApiRootResourceId: '{root}', restApiResources: {{/users: '{users}'}}}}
functions:
{functions}"
        )
    }

    fn project(&self, name: &str, functions: &str) -> Project {
        Project::new(&self.service(name, functions)).file("handler.py", HANDLER)
    }

    /// Paths with their methods; one that has none is a path alone.
    fn routes(&self) -> Vec<String> {
        let found = self.boto.call("apigateway", "get_resources", json!({"restApiId": self.id, "embed": ["methods"]}));
        let mut all: Vec<String> = found["items"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|resource| {
                let path = resource["path"].as_str().unwrap();
                let methods = resource["resourceMethods"].as_object().filter(|methods| !methods.is_empty());
                methods.map_or_else(
                    || vec![path.to_owned()],
                    |methods| methods.keys().map(|method| format!("{path} {method}")).collect(),
                )
            })
            .collect();
        all.sort();
        all
    }

    /// The id of a path.
    fn resource(&self, path: &str) -> String {
        let found = self.boto.call("apigateway", "get_resources", json!({"restApiId": self.id}));
        let found = found["items"].as_array().unwrap().iter().find(|one| one["path"] == path).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    fn authorizers(&self) -> Vec<String> {
        let found = self.boto.call("apigateway", "get_authorizers", json!({"restApiId": self.id}));
        let names = found["items"].as_array().into_iter().flatten();
        names.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    fn ask(&self, cloud: &Cloud, method: &str, path: &str, token: Option<&str>) -> (u16, String) {
        let headers: Vec<(&str, &str)> = token.map(|token| ("Authorization", token)).into_iter().collect();
        let (status, head, _) = cloud.request(method, &format!("/_aws/execute-api/{}/dev/{path}", self.id), &headers);
        (status, head)
    }

    #[track_caller]
    fn answers(&self, cloud: &Cloud, path: &str, function: &str) {
        let (status, head) = self.ask(cloud, "GET", path, Some("yes"));
        assert!(status == 200 && head.contains(&format!("x-made-by: {function}")), "{path}: {status} {head}");
    }
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

const SHOP: &str = "
  api:
    handler: handler.handler
    events:
      - http: GET /users/{id}
      - http: {method: get, path: orders/new, cors: true, authorizer: {name: guard, resultTtlInSeconds: 0}}
      - http: {method: get, path: kept, authorizer: {type: CUSTOM, authorizerId: 'THEIRS'}}
      - http: {method: get, path: fixed, integration: mock, request: {template: {application/json: '{\"statusCode\": 200}'}}, response: {headers: {X-Fixed: \"'1'\"}, statusCodes: {200: {pattern: ''}}}}
  other: {handler: handler.handler, events: [{http: GET /other}]}
  guard: {handler: handler.guard}
";

#[test]
fn routes_come_to_an_api_that_is_there_and_leave_it() {
    let cloud = Cloud::with_apis();
    let shared = Shared::new(&cloud);
    let boto = &shared.boto;
    let theirs = boto.call(
        "apigateway",
        "create_authorizer",
        json!({"restApiId": shared.id, "name": "platform", "type": "REQUEST", "authorizerUri": "x", "authorizerResultTtlInSeconds": 0}),
    );
    let before = shared.routes();
    let shop = SHOP.replace("THEIRS", theirs["id"].as_str().unwrap());
    let project = shared.project("shop", &shop);
    let first = project.deploy(&cloud);
    assert!(
        first.said().contains(&format!("https://{}.execute-api.us-east-1.amazonaws.com/dev/users/{{id}}", shared.id)),
        "{}",
        first.said()
    );
    project.settles(&cloud);
    shared.answers(&cloud, "users/5", "shop-dev-api");
    shared.answers(&cloud, "orders/new", "shop-dev-api");
    shared.answers(&cloud, "other", "shop-dev-other");
    assert_eq!(shared.ask(&cloud, "GET", "theirs", None).0, 200);
    assert_eq!(shared.ask(&cloud, "GET", "orders/new", None).0, 401);
    assert_eq!(shared.ask(&cloud, "GET", "orders/new", Some("no")).0, 403);
    let (status, head) = shared.ask(&cloud, "OPTIONS", "orders/new", None);
    assert!(status == 200 && head.contains("access-control-allow-methods: options,get"), "{status} {head}");
    assert!(shared.ask(&cloud, "GET", "fixed", None).1.contains("x-fixed: 1"));
    let resources = boto.call("apigateway", "get_resources", json!({"restApiId": shared.id, "embed": ["methods"]}));
    let kept = resources["items"].as_array().unwrap().iter().find(|one| one["path"] == "/kept").unwrap();
    assert_eq!(kept["resourceMethods"]["GET"]["authorizerId"], theirs["id"]);
    assert_eq!(shared.authorizers(), ["platform", "guard"]);

    // Another service in the same API and on the same stage.
    let news = shared.project("news", "  api: {handler: handler.handler, events: [{http: GET /news}]}\n");
    news.settles(&cloud);
    project.deploy(&cloud).says("nothing to do");
    shared.answers(&cloud, "news", "news-dev-api");

    // A route leaves, one moves to another function, one becomes slower.
    let changed = shop
        .replace("      - http: GET /users/{id}\n", "")
        .replace(
            "events: [{http: GET /other}]",
            "events: [{http: 'GET /users/{id}'}, {http: {method: get, path: other, timeoutInMillis: 5000}}]",
        )
        .replace(
            "path: orders/new, cors: true, authorizer: {name: guard, resultTtlInSeconds: 0}",
            "path: orders/newer",
        );
    project.write("serverless.yml", &shared.service("shop", &changed));
    let diff = project.on(&cloud, ["diff", "--exit-code"]).code(2);
    assert!(diff.stdout.contains("- API authorizer GuardApiGatewayAuthorizer"), "{}", diff.stdout);
    assert!(diff.stdout.contains("    Integration.TimeoutInMillis: (none) → 5000"), "{}", diff.stdout);
    project.settles(&cloud);
    shared.answers(&cloud, "users/5", "shop-dev-other");
    shared.answers(&cloud, "orders/newer", "shop-dev-api");
    assert_ne!(shared.ask(&cloud, "GET", "orders/new", Some("yes")).0, 200);
    shared.answers(&cloud, "news", "news-dev-api");
    assert_eq!(shared.authorizers(), ["platform"]);

    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(shared.routes(), ["/", "/news GET", "/theirs GET", "/users"]);
    assert_eq!(shared.ask(&cloud, "GET", "theirs", None).0, 200);
    assert_ne!(shared.ask(&cloud, "GET", "other", None).0, 200, "the stage does not know it any more");
    shared.answers(&cloud, "news", "news-dev-api");
    news.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(shared.routes(), before);
    assert_eq!(shared.ask(&cloud, "GET", "theirs", None).0, 200);
    let api = boto.call("apigateway", "get_rest_api", json!({"restApiId": shared.id}));
    assert_eq!((&api["name"], &api["tags"]), (&json!("shared"), &json!({"team": "platform"})));
    assert_eq!(boto.call("lambda", "list_functions", json!({}))["Functions"], json!([]));
}

#[test]
fn what_others_have_in_the_api_is_refused_before_anything_is_made() {
    let cloud = Cloud::with_apis();
    let shared = Shared::new(&cloud);
    let before = shared.routes();
    let theirs = shared.resource("/theirs");
    let function = |path: &str| format!("  api: {{handler: handler.handler, events: [{{http: GET {path}}}]}}\n");
    let beneath = shared.project("wrong", &function("/theirs/more"));
    let refused = beneath.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(
        refused.stderr.contains("the resource /theirs already") && refused.stderr.contains(&theirs),
        "{}",
        refused.stderr
    );
    let config =
        shared.service("wrong", &function("/theirs")).replace("/users: ", &format!("/theirs: '{theirs}', /users: "));
    beneath.write("serverless.yml", &config);
    let refused = beneath.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(refused.stderr.contains("has GET /theirs already, and it is somebody else's"), "{}", refused.stderr);
    assert_eq!(shared.routes(), before);
    assert_eq!(shared.boto.call("lambda", "list_functions", json!({}))["Functions"], json!([]));
    // A path beneath theirs may well be ours.
    let config = shared
        .service("wrong", &function("/theirs/more"))
        .replace("/users: ", &format!("/theirs: '{theirs}', /users: "));
    beneath.write("serverless.yml", &config);
    beneath.settles(&cloud);
    shared.answers(&cloud, "theirs/more", "wrong-dev-api");
    // Somebody adds a route beneath ours: our path stays for it.
    let more = shared.resource("/theirs/more");
    let ask = |operation: &str, parameters: Value| shared.boto.call("apigateway", operation, parameters);
    let extra =
        ask("create_resource", json!({"restApiId": shared.id, "parentId": more, "pathPart": "extra"}))["id"].clone();
    let place = json!({"restApiId": shared.id, "resourceId": extra, "httpMethod": "GET", "authorizationType": "NONE"});
    ask("put_method", place.clone());
    let mut mock = place;
    mock["type"] = "MOCK".into();
    mock.as_object_mut().unwrap().remove("authorizationType");
    ask("put_integration", mock);
    beneath.on(&cloud, ["remove", "--yes"]).success().says("there are routes of others in it");
    let with_theirs = [before.as_slice(), &["/theirs/more".to_owned(), "/theirs/more/extra GET".to_owned()]].concat();
    assert_eq!(shared.routes(), sorted(with_theirs));
}

#[test]
fn a_deploy_that_fails_on_the_way_leaves_the_stage_and_the_next_one_finishes() {
    let cloud = Cloud::with_apis();
    let shared = Shared::new(&cloud);
    let one = "  api: {handler: handler.handler, events: [{http: GET /a}]}\n";
    let two =
        "  api: {handler: handler.handler, events: [{http: GET /a}, {http: {method: get, path: b/c, cors: true}}]}\n";
    let project = shared.project("torn", one);
    project.settles(&cloud);
    for operation in ["CreateResource", "PutMethod", "PutIntegration", "PutIntegrationResponse", "CreateDeployment"] {
        project.write("serverless.yml", &shared.service("torn", two));
        cloud.fault(&format!("apigateway.{operation}"), 1, "expired-token", 1);
        project.on(&cloud, ["deploy", "--yes"]).code(1);
        shared.answers(&cloud, "a", "torn-dev-api");
        assert_ne!(shared.ask(&cloud, "GET", "b/c", None).0, 200, "{operation}");
        project.settles(&cloud);
        shared.answers(&cloud, "b/c", "torn-dev-api");
        project.write("serverless.yml", &shared.service("torn", one));
        project.settles(&cloud);
        assert_eq!(shared.routes(), ["/", "/a GET", "/theirs GET", "/users"], "{operation}");
        assert_ne!(shared.ask(&cloud, "GET", "b/c", None).0, 200, "{operation}");
    }
}

#[test]
fn routes_come_to_an_http_api_that_is_there_and_leave_it() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let ask = |operation: &str, parameters: Value| boto.call("apigatewayv2", operation, parameters);
    let api = ask("create_api", json!({"Name": "shared", "ProtocolType": "HTTP"}))["ApiId"].clone();
    ask("create_stage", json!({"ApiId": api, "StageName": "$default", "AutoDeploy": true}));
    let backend = json!({
        "ApiId": api, "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "GET", "PayloadFormatVersion": "1.0",
        "IntegrationUri": "http://127.0.0.1:9/",
    });
    let backend = ask("create_integration", backend)["IntegrationId"].clone();
    let target = format!("integrations/{}", backend.as_str().unwrap());
    ask("create_route", json!({"ApiId": api, "RouteKey": "GET /theirs", "Target": target}));
    let state = || {
        let list = |operation: &str, key: &str| {
            let found = ask(operation, json!({"ApiId": api}));
            let found = found["Items"].as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned());
            let mut all: Vec<String> = found.collect();
            all.sort();
            all
        };
        (list("get_routes", "RouteKey"), list("get_integrations", "IntegrationUri").len())
    };
    let before = state();
    let id = api.as_str().unwrap();
    let config = |routes: &[&str]| {
        let events: String = routes.iter().map(|route| format!("      - httpApi: '{route}'\n")).collect();
        let provider = format!("{{name: aws, runtime: python3.13, timeout: 10, httpApi: {{id: '{id}'}}}}");
        let functions = format!("  api:\n    handler: handler.handler\n    events:\n{events}");
        format!("service: light\nprovider: {provider}\nfunctions:\n{functions}")
    };
    let project = Project::new(&config(&["GET /theirs"])).file("handler.py", HANDLER);
    let refused = project.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(refused.stderr.contains("the route GET /theirs already, and it is somebody else's"), "{}", refused.stderr);
    assert_eq!(state(), before);
    project.write("serverless.yml", &config(&["GET /a", "GET /b"]));
    project.settles(&cloud);
    let status = |path: &str| cloud.get(&format!("/_aws/execute-api/{id}/$default/{path}")).0;
    assert_eq!((status("a"), status("b")), (200, 200));
    let address = format!("https://{id}.execute-api.us-east-1.amazonaws.com/b");
    project.on(&cloud, ["info"]).success().says(&address);
    let verified = format!("{}deploy: {{verify: [{{url: '/b?x=1', timeout: 1}}]}}\n", config(&["GET /a", "GET /b"]));
    project.write("serverless.yml", &verified);
    project.on(&cloud, ["deploy", "--yes"]).success().says("nothing to do");
    project.write("handler.py", &HANDLER.replace("def handler", "VERSION = 2\ndef handler"));
    project.on(&cloud, ["deploy", "--yes"]).code(1).says(&address);
    project.write("serverless.yml", &config(&["GET /a"]));
    project.settles(&cloud);
    assert_eq!(state(), (vec!["GET /a".to_owned(), "GET /theirs".to_owned()], 2));
    // The route moves to another function, and stays where its function is made in vain.
    project.write("serverless.yml", &config(&["GET /a"]).replace("  api:", "  other:"));
    project.settles(&cloud);
    assert_eq!((status("a"), state()), (200, (vec!["GET /a".to_owned(), "GET /theirs".to_owned()], 2)));
    let more = "  more: {handler: handler.handler, events: [httpApi: GET /c]}\n  fails: {handler: handler.handler, events: [sns: news]}\n";
    project.write("serverless.yml", &format!("{}{more}", config(&["GET /a"]).replace("  api:", "  other:")));
    cloud.fault("sns.CreateTopic", 1, "expired-token", 1);
    project.on(&cloud, ["deploy", "--yes", "--rollback-on-failure"]).code(1).says("put back: ");
    assert_eq!(state(), (vec!["GET /a".to_owned(), "GET /theirs".to_owned()], 2), "what was begun is gone");
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(state(), before);
}

#[test]
fn routes_come_to_a_websocket_api_that_is_there_and_leave_it() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let ask = |operation: &str, parameters: Value| boto.call("apigatewayv2", operation, parameters);
    let made =
        json!({"Name": "shared", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"});
    let api = ask("create_api", made)["ApiId"].clone();
    let backend = json!({"ApiId": api, "IntegrationType": "MOCK"});
    let backend = ask("create_integration", backend)["IntegrationId"].clone();
    let target = format!("integrations/{}", backend.as_str().unwrap());
    ask("create_route", json!({"ApiId": api, "RouteKey": "theirs", "Target": target}));
    ask("create_stage", json!({"ApiId": api, "StageName": "dev", "AutoDeploy": true}));
    let state = || {
        let list = |operation: &str, key: &str| {
            let found = ask(operation, json!({"ApiId": api}));
            let text = |one: &Value| one[key].as_str().unwrap_or_default().to_owned();
            let mut all: Vec<String> = found["Items"].as_array().unwrap().iter().map(text).collect();
            all.sort();
            all
        };
        let integrations = list("get_integrations", "IntegrationUri").len();
        (list("get_routes", "RouteKey"), integrations, list("get_authorizers", "Name"))
    };
    let before = state();
    let id = api.as_str().unwrap();
    let config = |api: &[&str], other: &[&str]| {
        let events =
            |routes: &[&str]| routes.iter().map(|route| format!("      - websocket: {route}\n")).collect::<String>();
        format!(
            "service: live\nprovider: {{name: aws, runtime: python3.13, timeout: 10, apiGateway: {{websocketApiId: '{id}'}}}}\nfunctions:\n  \
             api:\n    handler: handler.handler\n    events:\n{}  other:\n    handler: handler.handler\n    events:\n{}  \
             guard: {{handler: handler.guard}}\n",
            events(api),
            events(other)
        )
    };
    let guarded = "{route: $connect, authorizer: {name: guard}}";
    let project = Project::new(&config(&["theirs"], &["more"])).file("handler.py", HANDLER);
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("the route theirs already, and it is somebody else's");
    assert_eq!(state().0, before.0);
    project.write("serverless.yml", &config(&[guarded, "chat"], &["more"]));
    project.settles(&cloud);
    assert_eq!(
        state(),
        (vec!["$connect".into(), "chat".into(), "more".into(), "theirs".into()], 3, vec!["guard".into()])
    );
    let address = format!("wss://{id}.execute-api.us-east-1.amazonaws.com/dev");
    project.on(&cloud, ["info"]).success().says(&address);
    // Only this API may call them.
    for name in ["live-dev-api", "live-dev-other", "live-dev-guard"] {
        let policy = boto.call("lambda", "get_policy", json!({"FunctionName": name}));
        assert!(
            policy["Policy"].as_str().unwrap().contains(&format!("execute-api:us-east-1:123456789012:{id}/*")),
            "{policy}"
        );
    }
    // Some leave, and then all that one function and the authorizer had.
    project.write("serverless.yml", &config(&[guarded], &["more"]));
    project.settles(&cloud);
    assert_eq!(state().0, ["$connect", "more", "theirs"]);
    project.write("serverless.yml", &config(&["$connect"], &["more"]));
    project.settles(&cloud);
    assert_eq!(state(), (vec!["$connect".into(), "more".into(), "theirs".into()], 3, vec![]));
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(state(), before);
}

/// What a route needs beyond itself, and what a run that was killed may leave.
#[test]
fn schemas_checks_and_a_path_that_was_cut_off_in_an_api_that_is_there() {
    let cloud = Cloud::with_apis();
    let shared = Shared::new(&cloud);
    let before = shared.routes();
    let one = "  api: {handler: handler.handler, events: [{http: GET /a}]}\n";
    let schema = "{type: object, required: [name], properties: {name: {type: string}}}";
    let checked = format!(
        "  api: {{handler: handler.handler, events: [{{http: GET /a}}, {{http: {{method: post, path: a, request: {{schemas: {{application/json: {schema}}}}}}}}}]}}\n"
    );
    let project = shared.project("more", one);
    project.settles(&cloud);
    // A schema is a model and a validator of ours beside those of others.
    let ask = |operation: &str| cloud.boto().call("apigateway", operation, json!({"restApiId": shared.id}));
    let names = |operation: &str| {
        let found = ask(operation);
        let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
        found["items"].as_array().into_iter().flatten().map(name).collect::<Vec<_>>()
    };
    let others = json!({"restApiId": shared.id, "name": "Theirs", "contentType": "application/json", "schema": "{}"});
    cloud.boto().call("apigateway", "create_model", others);
    cloud.boto().call("apigateway", "create_request_validator", json!({"restApiId": shared.id, "name": "theirs"}));
    let (models, validators) = (names("get_models"), names("get_request_validators"));
    project.write("serverless.yml", &shared.service("more", &checked));
    project.settles(&cloud);
    let at = format!("/_aws/execute-api/{}/dev/a", shared.id);
    let codes = || [r#"{"name": "x"}"#, r#"{"age": 1}"#, "{}"].map(|body| cloud.post(&at, body).0);
    assert_eq!(codes(), [200, 400, 400]);
    assert_eq!(
        (names("get_models").len(), names("get_request_validators").len()),
        (models.len() + 1, validators.len() + 1)
    );
    // Another schema is what the stage checks with from then on.
    project.write("serverless.yml", &shared.service("more", &checked.replace("required: [name]", "required: [age]")));
    project.settles(&cloud);
    assert_eq!(codes(), [400, 200, 400]);
    assert_eq!(names("get_models").len(), models.len() + 1);
    project.write("serverless.yml", &shared.service("more", one));
    project.settles(&cloud);
    assert_eq!((names("get_models"), names("get_request_validators")), (models, validators));

    // Killed between the path and its method: the path is there, empty and without a mark.
    let two = "  api: {handler: handler.handler, events: [{http: GET /a}, {http: GET /b/c}]}\n";
    project.write("serverless.yml", &shared.service("more", two));
    let held = cloud.hold("apigateway.PutMethod", "before");
    let mut running = project.start(&cloud, ["deploy", "--yes"]);
    held.caught();
    running.kill().unwrap();
    running.wait().unwrap();
    held.release();
    project.settles(&cloud);
    shared.answers(&cloud, "b/c", "more-dev-api");
    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(shared.routes(), before);

    // A check after the deploy finds the address of the path, which nothing answers at here.
    let verified = format!("{}deploy: {{verify: [{{url: /a, timeout: 1}}]}}\n", shared.service("more", one));
    project.write("serverless.yml", &verified);
    let address = format!("https://{}.execute-api.us-east-1.amazonaws.com/dev/a", shared.id);
    project.on(&cloud, ["deploy", "--yes"]).code(1).says(&address);
}
