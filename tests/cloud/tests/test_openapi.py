"""OpenAPI in, real HTTP answers, OpenAPI out."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from conftest import ACCOUNT, Cloud, package
from test_rules import refused

ECHO = """
import json
def handler(event, context):
    return {'statusCode': 200, 'headers': {'x-made-by': 'echo'}, 'body': json.dumps({
        'path': event.get('rawPath') or event.get('path'), 'parameters': event.get('pathParameters'),
        'key': event.get('routeKey') or event.get('resource')})}
"""
AUTHORIZE = """
def handler(event, context):
    allow = 'Allow' if event.get('authorizationToken') == 'sesame' else 'Deny'
    return {'principalId': 'me', 'policyDocument': {'Version': '2012-10-17', 'Statement': [
        {'Action': 'execute-api:Invoke', 'Effect': allow, 'Resource': event['methodArn']}]}}
"""


def uri(name: str) -> str:
    return ("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
            f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}/invocations")


@pytest.fixture
def functions(cloud: Cloud) -> Cloud:
    role = cloud.role()
    cloud.function("echo", role, Code={"ZipFile": package(ECHO)})
    cloud.function("guard", role, Code={"ZipFile": package(AUTHORIZE)})
    for name in ("echo", "guard"):
        cloud.client("lambda").add_permission(FunctionName=name, StatementId="api", Action="lambda:InvokeFunction",
                                              Principal="apigateway.amazonaws.com")
    return cloud


def call(cloud: Cloud, path: str, method: str = "GET", **headers: str) -> tuple[int, str, Any]:
    request = urllib.request.Request(
        f"{cloud.url}/_aws/execute-api/{path}".replace("execute-api/../", ""), method=method, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


LAMBDA = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": uri("echo")}}
PREFLIGHT = {
    "responses": {"204": {"description": "", "headers": {name: {"schema": {"type": "string"}} for name in
                                                           ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods")}}},
    "x-amazon-apigateway-integration": {
        "type": "mock", "requestTemplates": {"application/json": '{"statusCode": 204}'},
        "responses": {"default": {"statusCode": "204", "responseParameters": {
            "method.response.header.Access-Control-Allow-Origin": "'*'",
            "method.response.header.Access-Control-Allow-Methods": "'GET,OPTIONS'"}}},
    },
}


def rest_document(**paths: Any) -> dict[str, Any]:
    return {
        "openapi": "3.0.1", "info": {"title": "shop-dev", "version": "1", "description": "a shop"},
        "paths": {
            "/": {"get": LAMBDA},
            "/things": {"get": LAMBDA, "options": PREFLIGHT, "post": {
                **LAMBDA, "x-amazon-apigateway-request-validator": "body",
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}},
            "/things/{id}": {"get": {**LAMBDA, "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}},
            "/any/{proxy+}": {"x-amazon-apigateway-any-method": LAMBDA},
            "/secret": {"get": {**LAMBDA, "security": [{"guard": []}]}},
            "/keyed": {"get": {**LAMBDA, "security": [{"api_key": []}]}},
            **paths,
        },
        "components": {
            "schemas": {"Thing": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
            "securitySchemes": {
                "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
                "guard": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom",
                          "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": uri("guard"), "authorizerResultTtlInSeconds": 0}},
            },
        },
        "x-amazon-apigateway-request-validators": {"body": {"validateRequestBody": True, "validateRequestParameters": False}},
        "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"responseParameters": {
            "gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}}},
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-api-key-source": "HEADER",
    }


def test_a_rest_api_goes_up_answers_and_comes_back(functions: Cloud) -> None:
    cloud, gateway = functions, functions.client("apigateway")
    made = gateway.import_rest_api(body=json.dumps(rest_document()).encode(), parameters={"endpointConfigurationTypes": "REGIONAL"})
    api = made["id"]
    assert (made["name"], made["binaryMediaTypes"], made["endpointConfiguration"]["types"]) == ("shop-dev", ["image/png"], ["REGIONAL"])
    gateway.create_deployment(restApiId=api, stageName="dev")
    status, body, headers = call(cloud, f"{api}/dev/things/7")
    assert status == 200 and json.loads(body)["parameters"] == {"id": "7"} and headers["x-made-by"] == "echo"
    assert json.loads(call(cloud, f"{api}/dev/")[1])["key"] == "/"
    assert json.loads(call(cloud, f"{api}/dev/any/a/b", "PUT")[1])["parameters"] == {"proxy": "a/b"}
    status, _, headers = call(cloud, f"{api}/dev/things", "OPTIONS")
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert call(cloud, f"{api}/dev/secret")[0] == 401
    assert call(cloud, f"{api}/dev/secret", Authorization="wrong")[0] == 403
    assert call(cloud, f"{api}/dev/secret", Authorization="sesame")[0] == 200
    assert call(cloud, f"{api}/dev/keyed")[0] == 403
    assert call(cloud, f"{api}/dev/things", "POST")[0] == 400
    export = json.loads(gateway.get_export(
        restApiId=api, stageName="dev", exportType="oas30", parameters={"extensions": "apigateway"}, accepts="application/json")["body"].read())
    assert export["paths"].keys() == rest_document()["paths"].keys()
    integration = export["paths"]["/things"]["get"]["x-amazon-apigateway-integration"]
    assert integration == {"type": "aws_proxy", "httpMethod": "POST", "uri": uri("echo"), "passthroughBehavior": "when_no_match"}
    assert export["paths"]["/secret"]["get"]["security"] == [{"guard": []}]
    assert export["paths"]["/things"]["post"]["x-amazon-apigateway-request-validator"] == "body"
    assert export["components"]["schemas"] == rest_document()["components"]["schemas"]
    assert export["components"]["securitySchemes"]["guard"]["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] == 0
    assert export["x-amazon-apigateway-binary-media-types"] == ["image/png"]
    assert "DEFAULT_4XX" in export["x-amazon-apigateway-gateway-responses"]
    # What was exported goes up again and changes nothing.
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(export).encode())
    gateway.create_deployment(restApiId=api, stageName="dev")
    again = json.loads(gateway.get_export(
        restApiId=api, stageName="dev", exportType="oas30", parameters={"extensions": "apigateway"})["body"].read())
    assert again == export


def test_overwriting_removes_what_left_the_document(functions: Cloud) -> None:
    cloud, gateway = functions, functions.client("apigateway")
    api = gateway.import_rest_api(body=json.dumps(rest_document()).encode())["id"]
    ids = {r["path"]: r["id"] for r in gateway.get_resources(restApiId=api)["items"]}
    smaller = {"openapi": "3.0.1", "info": {"title": "shop-prod", "version": "2"}, "paths": {"/things": {"get": LAMBDA}, "/new/deep": {"get": LAMBDA}}}
    assert gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(smaller).encode())["name"] == "shop-prod"
    live = {r["path"]: r for r in gateway.get_resources(restApiId=api, embed=["methods"])["items"]}
    assert live.keys() == {"/", "/things", "/new", "/new/deep"}
    assert live["/things"]["id"] == ids["/things"] and list(live["/things"]["resourceMethods"]) == ["GET"]
    assert gateway.get_authorizers(restApiId=api)["items"] == []
    assert gateway.get_request_validators(restApiId=api)["items"] == []
    assert [m["name"] for m in gateway.get_models(restApiId=api)["items"] if m["name"] not in ("Empty", "Error")] == []
    gateway.create_deployment(restApiId=api, stageName="dev")
    assert call(cloud, f"{api}/dev/new/deep")[0] == 200
    more = {**smaller, "paths": {**smaller["paths"], "/newer": {"get": LAMBDA}}}
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(more).encode())
    status, body, _ = call(cloud, f"{api}/dev/newer")
    assert (status, json.loads(body)["message"]) == (403, "Missing Authentication Token")
    gateway.create_deployment(restApiId=api, stageName="dev")
    assert call(cloud, f"{api}/dev/newer")[0] == 200
    assert call(cloud, f"{api}/dev/things", "POST")[0] in (403, 404)


def test_wrong_rest_documents_leave_nothing(cloud: Cloud) -> None:
    gateway = cloud.client("apigateway")
    for wrong in (b"no document", b"{}", b'{"openapi": "3.0.1", "info": {}, "paths": {}}',
                  json.dumps({"openapi": "3.0.1", "info": {"title": "a", "version": "1"},
                              "paths": {"/": {"get": {"x-amazon-apigateway-integration": {"type": "telepathy"}}}}}).encode()):
        with refused("BadRequestException", "", 400):
            gateway.import_rest_api(body=wrong)
    assert gateway.get_rest_apis()["items"] == []
    with refused("NotFoundException", "Invalid API identifier specified", 404):
        gateway.put_rest_api(restApiId="none", mode="overwrite", body=json.dumps(rest_document()).encode())
    empty = gateway.create_rest_api(name="empty")["id"]
    with refused("BadRequestException", "The REST API doesn't contain any methods"):
        gateway.create_deployment(restApiId=empty, stageName="dev")


def test_binary_media_types_are_a_list(cloud: Cloud) -> None:
    gateway = cloud.client("apigateway")
    api = gateway.create_rest_api(name="a")["id"]
    gateway.update_rest_api(restApiId=api, patchOperations=[{"op": "add", "path": "/binaryMediaTypes/image~1png"},
                                                            {"op": "add", "path": "/binaryMediaTypes/*~1*"}])
    got = gateway.update_rest_api(restApiId=api, patchOperations=[{"op": "remove", "path": "/binaryMediaTypes/image~1png"},
                                                                  {"op": "replace", "path": "/description", "value": "d"}])
    assert (got["binaryMediaTypes"], got["description"]) == (["*/*"], "d")


HTTP_LAMBDA = {"x-amazon-apigateway-integration": {
    "type": "aws_proxy", "httpMethod": "POST", "uri": uri("echo"), "payloadFormatVersion": "2.0", "connectionType": "INTERNET"}}


def http_document(**paths: Any) -> dict[str, Any]:
    return {
        "openapi": "3.0.1", "info": {"title": "shop-dev", "version": "1"},
        "tags": [{"name": "hoist:service", "x-amazon-apigateway-tag-value": "shop"}],
        "paths": {
            "/things": {"get": HTTP_LAMBDA, "post": {"x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/echo"}}},
            "/things/{id}": {"get": {"x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/echo"}}},
            "/any/{proxy+}": {"x-amazon-apigateway-any-method": HTTP_LAMBDA},
            "/$default": {"x-amazon-apigateway-any-method": {**HTTP_LAMBDA, "isDefaultRoute": True}},
            "/secret": {"get": {**HTTP_LAMBDA, "security": [{"jwt": ["read"]}]}},
            **paths,
        },
        "components": {
            "x-amazon-apigateway-integrations": {"echo": HTTP_LAMBDA["x-amazon-apigateway-integration"]},
            "securitySchemes": {"jwt": {"type": "oauth2", "x-amazon-apigateway-authorizer": {
                "type": "jwt", "identitySource": "$request.header.Authorization",
                "jwtConfiguration": {"issuer": "https://example.com/", "audience": ["me"]}}}},
        },
        "x-amazon-apigateway-cors": {"allowOrigins": ["*"], "allowMethods": ["GET", "POST"], "maxAge": 60},
    }


def test_an_http_api_goes_up_answers_and_comes_back(functions: Cloud) -> None:
    cloud, gateway = functions, functions.client("apigatewayv2")
    made = gateway.import_api(Body=json.dumps(http_document()))
    api = made["ApiId"]
    assert made["CorsConfiguration"] == {"AllowOrigins": ["*"], "AllowMethods": ["GET", "POST"], "MaxAge": 60}
    assert gateway.get_api(ApiId=api)["Tags"] == {"hoist:service": "shop"}
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    assert json.loads(call(cloud, f"{api}/things/7")[1])["parameters"] == {"id": "7"}
    assert json.loads(call(cloud, f"{api}/$default/things")[1])["key"] == "GET /things"
    assert json.loads(call(cloud, f"{api}/nowhere")[1])["key"] == "$default"
    assert call(cloud, f"{api}/secret")[0] == 401
    assert len(gateway.get_integrations(ApiId=api)["Items"]) == 5
    export = json.loads(gateway.export_api(ApiId=api, Specification="OAS30", OutputType="JSON")["body"].read())
    assert export["paths"].keys() == http_document()["paths"].keys()
    assert export["paths"]["/things"]["get"]["x-amazon-apigateway-integration"] == HTTP_LAMBDA["x-amazon-apigateway-integration"]
    assert export["paths"]["/secret"]["get"]["security"] == [{"jwt": ["read"]}]
    assert export["x-amazon-apigateway-cors"] == http_document()["x-amazon-apigateway-cors"]
    gateway.reimport_api(ApiId=api, Body=json.dumps(export))
    assert json.loads(gateway.export_api(ApiId=api, Specification="OAS30", OutputType="JSON")["body"].read()) == export
    # Reached by what GetApi says, whatever the port.
    endpoint = gateway.get_api(ApiId=api)["ApiEndpoint"]
    with urllib.request.urlopen(endpoint + "/things") as answer:
        assert answer.status == 200


def test_reimporting_removes_what_left_the_document(functions: Cloud) -> None:
    _cloud, gateway = functions, functions.client("apigatewayv2")
    api = gateway.import_api(Body=json.dumps(http_document()))["ApiId"]
    routes = {r["RouteKey"]: r["RouteId"] for r in gateway.get_routes(ApiId=api)["Items"]}
    smaller = {"openapi": "3.0.1", "info": {"title": "shop-dev", "version": "1"}, "paths": {"/things": {"get": HTTP_LAMBDA}}}
    made = gateway.reimport_api(ApiId=api, Body=json.dumps(smaller))
    assert "CorsConfiguration" not in made
    live = gateway.get_routes(ApiId=api)["Items"]
    assert [(r["RouteKey"], r["RouteId"]) for r in live] == [("GET /things", routes["GET /things"])]
    assert len(gateway.get_integrations(ApiId=api)["Items"]) == 1
    assert gateway.get_authorizers(ApiId=api)["Items"] == []
    with refused("NotFoundException", "", 404):
        gateway.reimport_api(ApiId="none", Body=json.dumps(smaller))


def test_function_urls_lead_through_the_front_and_need_permission(cloud: Cloud) -> None:
    cloud.function()
    aws = cloud.client("lambda")
    url = aws.create_function_url_config(FunctionName="hello", AuthType="NONE")["FunctionUrl"]
    assert url.startswith(cloud.url)
    assert aws.get_function_url_config(FunctionName="hello")["FunctionUrl"] == url
    path = url.removeprefix(f"{cloud.url}/_aws/")
    one = {"FunctionName": "hello", "Principal": "*"}
    assert call(cloud, f"../{path}")[0] == 403
    aws.add_permission(**one, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    assert call(cloud, f"../{path}")[0] == 403
    aws.add_permission(**one, StatementId="invoke", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"hello"


def test_stages_show_the_tags_that_they_have_now(cloud: Cloud) -> None:
    rest, http = cloud.client("apigateway"), cloud.client("apigatewayv2")
    api = rest.create_rest_api(name="shop")["id"]
    root = rest.get_resources(restApiId=api)["items"][0]["id"]
    rest.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    rest.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    deployment = rest.create_deployment(restApiId=api)["id"]
    stage, arn = {"restApiId": api, "stageName": "dev"}, f"arn:aws:apigateway:us-east-1::/restapis/{api}/stages/dev"
    rest.create_stage(**stage, deploymentId=deployment, tags={"a": "1", "b": "1"})
    rest.tag_resource(resourceArn=arn, tags={"a": "2"})
    rest.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert rest.get_stage(**stage)["tags"] == rest.get_stages(restApiId=api)["item"][0]["tags"] == {"a": "2"}
    rest.delete_stage(**stage)
    rest.create_stage(**stage, deploymentId=deployment)
    assert not rest.get_stage(**stage).get("tags"), "those of the stage before"
    api = http.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
    arn = f"arn:aws:apigateway:us-east-1::/apis/{api}/stages/dev"
    http.create_stage(ApiId=api, StageName="dev", Tags={"a": "1", "b": "1"})
    http.untag_resource(ResourceArn=arn, TagKeys=["b"])
    assert http.get_stage(ApiId=api, StageName="dev")["Tags"] == http.get_stages(ApiId=api)["Items"][0]["Tags"] == {"a": "1"}
    tagged = cloud.client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]
    assert {"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "1"}]} in tagged


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_apis_need_permission(cloud: Cloud, kind: str) -> None:
    cloud.function("echo", Code={"ZipFile": package(ECHO)})
    if kind == "rest":
        gateway = cloud.client("apigateway")
        api = gateway.import_rest_api(body=json.dumps(rest_document()).encode())["id"]
        gateway.create_deployment(restApiId=api, stageName="dev")
    else:
        v2 = cloud.client("apigatewayv2")
        api = v2.import_api(Body=json.dumps(http_document()))["ApiId"]
        v2.create_stage(ApiId=api, StageName="dev", AutoDeploy=True)
    assert call(cloud, f"{api}/dev/things/7")[0] == 500

    def allow(name: str, source: str) -> None:
        cloud.client("lambda").add_permission(
            FunctionName="echo", StatementId=name, Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api}/{source}")

    allow("other", "*/GET/other")
    assert call(cloud, f"{api}/dev/things/7")[0] == 500
    allow("things", "*/GET/things/*")
    assert call(cloud, f"{api}/dev/things/7")[0] == 200
    assert call(cloud, f"{api}/dev/things")[0] == 500
    allow("all", "*/*")
    assert call(cloud, f"{api}/dev/things")[0] == 200
    assert call(cloud, f"{api}/dev/any/a/b", "DELETE")[0] == 200


def test_domains_show_the_tags_that_were_added(cloud: Cloud) -> None:
    gateway = cloud.client("apigateway")
    gateway.create_domain_name(domainName="api.example.com", regionalCertificateArn="arn:aws:acm:us-east-1:1:certificate/c",
                               endpointConfiguration={"types": ["REGIONAL"]}, tags={"a": "1"})
    arn = "arn:aws:apigateway:us-east-1::/domainnames/api.example.com"
    gateway.tag_resource(resourceArn=arn, tags={"b": "2"})
    assert gateway.get_domain_names()["items"][0]["tags"] == {"a": "1", "b": "2"}
    gateway.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert gateway.get_domain_name(domainName="api.example.com")["tags"] == {"b": "2"}
