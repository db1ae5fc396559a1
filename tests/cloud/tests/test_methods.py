"""REST APIs method by method."""

from __future__ import annotations

from conftest import Cloud
from test_rules import refused


def test_a_method_is_there_once_keeps_its_namespace_and_goes_with_what_it_is_beneath(cloud: Cloud) -> None:
    aws = cloud.client("apigateway")
    api = aws.create_rest_api(name="shared")
    top = aws.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="a")["id"]
    deep = aws.create_resource(restApiId=api["id"], parentId=top, pathPart="b")["id"]
    place = {"restApiId": api["id"], "resourceId": deep, "httpMethod": "GET"}
    aws.put_method(**place, authorizationType="NONE")
    with refused("ConflictException", "already exists"):
        aws.put_method(**place, authorizationType="NONE")
    made = aws.put_integration(**place, type="MOCK", cacheNamespace="mine")
    live = aws.get_resources(restApiId=api["id"], embed=["methods"])["items"]
    method = next(one for one in live if one["path"] == "/a/b")["resourceMethods"]["GET"]
    assert made["cacheNamespace"] == method["methodIntegration"]["cacheNamespace"] == "mine"
    aws.delete_resource(restApiId=api["id"], resourceId=top)
    assert [one["path"] for one in aws.get_resources(restApiId=api["id"])["items"]] == ["/"]
