"""Judges the OpenAPI documents of a package: by a validator, and by moto's importer, which is nobody's we know."""

import json
import sys

import boto3
import moto
from openapi_spec_validator import validate


def plain(tree):
    """Without intrinsics: they stand in extensions only, where any text will do."""
    if isinstance(tree, dict):
        if len(tree) == 1 and next(iter(tree)).startswith(("Ref", "Fn::")):
            return "arn:aws:x"
        return {key: plain(value) for key, value in tree.items()}
    return [plain(value) for value in tree] if isinstance(tree, list) else tree


def imported(document):
    """Paths and methods as moto took them. It needs a description, and breaks on mock integrations."""
    document["info"]["description"] = "x"
    for path, methods in document["paths"].items():
        kept = {name: one for name, one in methods.items() if one["x-amazon-apigateway-integration"]["type"] != "mock"}
        document["paths"][path] = kept
    with moto.mock_aws():
        client = boto3.client("apigateway", "us-east-1", aws_access_key_id="t", aws_secret_access_key="t")
        api = client.import_rest_api(body=json.dumps(document).encode(), failOnWarnings=True)
        resources = client.get_resources(restApiId=api["id"], limit=500)["items"]
    return sorted(f"{verb} {one['path']}" for one in resources for verb in one.get("resourceMethods", {}))


resources = json.load(sys.stdin)["resources"]
for api in ("ApiGatewayRestApi", "HttpApi"):
    validate(plain(resources[api]["Properties"]["Body"]))
print(json.dumps(imported(plain(resources["ApiGatewayRestApi"]["Properties"]["Body"]))))
