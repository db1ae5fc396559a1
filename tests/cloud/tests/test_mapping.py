"""Mapping templates, called over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from conftest import Cloud, package

SOURCE = """
def handler(event, context):
    if event.get("fail"):
        raise Exception(event["fail"])
    return event
"""


class Api:
    """A REST API with one method that leads to a function."""

    def __init__(self, cloud: Cloud, integration: dict[str, Any], responses: dict[str, dict[str, Any]]) -> None:
        self.cloud = cloud
        aws = cloud.client("apigateway")
        arn = cloud.function(Code={"ZipFile": package(SOURCE)})["FunctionArn"]
        cloud.client("lambda").add_permission(
            FunctionName="hello", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
        )
        api = aws.create_rest_api(name="mapped")
        self.id = api["id"]
        top = aws.create_resource(restApiId=self.id, parentId=api["rootResourceId"], pathPart="items")["id"]
        leaf = aws.create_resource(restApiId=self.id, parentId=top, pathPart="{id}")["id"]
        place = {"restApiId": self.id, "resourceId": leaf, "httpMethod": "POST"}
        aws.put_method(**place, authorizationType="NONE")
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        aws.put_integration(**place, type="AWS", integrationHttpMethod="POST", uri=uri, **integration)
        for status, response in responses.items():
            aws.put_method_response(**place, statusCode=status)
            aws.put_integration_response(**place, statusCode=status, **response)
        aws.create_deployment(restApiId=self.id, stageName="dev")

    def post(self, path: str, body: str, **headers: str) -> tuple[int, dict[str, str], str]:
        url = f"{self.cloud.url}/_aws/execute-api/{self.id}/dev/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json", **named}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, dict(answer.headers), answer.read().decode()
        except urllib.error.HTTPError as problem:
            return problem.code, dict(problem.headers), problem.read().decode()


def test_the_event_is_made_of_the_request_and_the_answer_of_the_result(cloud: Cloud) -> None:
    template = (
        '{"id": "$input.params(\'id\')", "page": "$input.params().querystring.get(\'page\')", "body": $input.json(\'$.inner\'),'
        ' "verb": "$context.httpMethod", "who": "$context.authorizer.claims.sub"}'
    )
    api = Api(cloud, {"requestTemplates": {"application/json": template}}, {"200": {
        "responseTemplates": {"application/json": '#set($root = $input.path(\'$\')){"found": "$root.id"}'},
        "responseParameters": {"method.response.header.X-Body": "integration.response.body.body.a", "method.response.header.X-Fixed": "'one'"},
    }, "201": {"selectionPattern": "never"}})
    status, headers, body = api.post("items/7?page=2", '{"inner": {"a": 1}}')
    assert (status, json.loads(body), headers["X-Body"], headers["X-Fixed"]) == (200, {"found": "7"}, "1", "one")


def test_what_is_not_there_is_empty_and_no_text_breaks_out_of_its_quotes(cloud: Cloud) -> None:
    template = (
        '{"who": "$context.authorizer.claims.sub", "none": "$input.params(\'none\')", "map": {#foreach($name in $context.authorizer.keySet())'
        '"$name": 1#end}, "text": "$util.escapeJavaScript($input.params(\'q\')).replaceAll("\\\\\'", "\'")"}'
    )
    api = Api(cloud, {"requestTemplates": {"application/json": template}}, {"200": {}})
    _, _, body = api.post("items/7?q=a%22b%27c%5Cd", "{}")
    assert json.loads(body) == {"who": "", "none": "", "map": {}, "text": "a\"b'c\\d"}


def test_an_error_chooses_the_status_by_its_whole_text(cloud: Cloud) -> None:
    api = Api(cloud, {"requestTemplates": {"application/json": "$input.json('$')"}}, {
        "200": {}, "404": {
            "selectionPattern": r"[\s\S]*\[404\][\s\S]*",
            "responseTemplates": {"application/json": '{"said": $input.json(\'$.errorMessage\')}'},
        },
    })
    assert api.post("items/7", '{"fail": "[404] no such thing"}')[0::2] == (404, '{"said": "[404] no such thing"}')
    status, _, body = api.post("items/7", '{"fail": "404"}')
    assert status == 200 and json.loads(body)["errorMessage"] == "404"
    assert api.post("items/7", '{"a": 1}')[0::2] == (200, '{"a": 1}')


def test_a_content_type_without_a_template_passes_or_does_not(cloud: Cloud) -> None:
    api = Api(cloud, {"requestTemplates": {"application/json": "{}"}, "passthroughBehavior": "NEVER"}, {"200": {}})
    assert api.post("items/7", "<a/>", Content_Type="text/xml")[0] == 415
    assert api.post("items/7", '{"a": 1}')[0::2] == (200, "{}")
