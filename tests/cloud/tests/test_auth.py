"""--auth: callers may do what their policies say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from conftest import TRUST, Cloud, package, start
from test_openapi import http_document
from test_rules import refused


@pytest.fixture
def guarded() -> Iterator[Cloud]:
    cloud = start("--auth")
    yield cloud
    assert cloud.process.stdin is not None
    cloud.process.stdin.close()
    cloud.process.wait(timeout=20)


def test_passing_roles_and_importing_need_permission(guarded: Cloud) -> None:
    iam = guarded.client("iam")
    iam.create_user(UserName="deployer")
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]

    def allow(*actions: str) -> None:
        iam.put_user_policy(UserName="deployer", PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}))

    def client(service: str) -> Any:
        return boto3.client(service, endpoint_url=guarded.url, region_name="us-east-1", aws_access_key_id=key["AccessKeyId"],
                            aws_secret_access_key=key["SecretAccessKey"], config=Config(retries={"total_max_attempts": 1}))

    wanted = {"FunctionName": "hello", "Role": role, "Runtime": "python3.12", "Handler": "app.handler", "Code": {"ZipFile": package()}}
    allow("lambda:*")
    with refused("AccessDeniedException", f"is not authorized to perform: iam:PassRole on resource: {role}", 403):
        client("lambda").create_function(**wanted)
    with refused("AccessDeniedException", "apigateway:PUT"):
        client("apigatewayv2").import_api(Body=json.dumps(http_document()))
    with refused("AccessDeniedException", "tag:GetResources"):
        client("resourcegroupstaggingapi").get_resources()
    with refused("AccessDenied"):
        client("sqs").list_queues()
    allow("lambda:*", "iam:PassRole", "apigateway:*", "tag:GetResources")
    client("lambda").create_function(**wanted)
    client("apigatewayv2").import_api(Body=json.dumps(http_document()))
    client("resourcegroupstaggingapi").get_resources()
