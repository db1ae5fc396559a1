"""One practice cloud for all tests, reset before each."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

HERE = Path(__file__).resolve().parent.parent
ACCOUNT = "123456789012"
TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})


class Cloud:
    """The running cloud and its control API."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.url: str = ready["url"]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/_cloud/{path}", timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, content: Any = None) -> Any:
        body = json.dumps(content or {}).encode()
        request = urllib.request.Request(f"{self.url}/_cloud/{path}", body, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def settings(self, **changes: Any) -> Any:
        return self.post("settings", {name.replace("__", "."): value for name, value in changes.items()})

    def client(self, service: str, region: str = "us-east-1", key: str = "test", **config: Any) -> Any:
        # Retries off: a test sees what the front says. Validation off: it is
        # the front's constraints that are tested, not botocore's own.
        return boto3.client(
            service, endpoint_url=self.url, region_name=region, aws_access_key_id=key, aws_secret_access_key="test",
            config=Config(**{"retries": {"total_max_attempts": 1}, "parameter_validation": False, "read_timeout": 20, **config}),
        )

    def role(self, name: str = "role", trust: str = TRUST, policy: dict[str, Any] | None = None) -> str:
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        if policy is not None:
            iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        return arn

    def function(self, name: str = "hello", role: str | None = None, **more: Any) -> dict[str, Any]:
        wanted = {
            "FunctionName": name, "Role": role or self.role(f"{name}-role"), "Runtime": "python3.12", "Handler": "app.handler",
            "Code": {"ZipFile": package()}, **more,
        }
        return self.client("lambda").create_function(**wanted)


def package(source: str = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", source)
    return out.getvalue()


def start(*flags: str, stdin: Any = subprocess.PIPE) -> Cloud:
    process = subprocess.Popen(
        [sys.executable, "-m", "cloud", "--until-stdin-closes", *flags], stdin=stdin, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )
    assert process.stdout is not None
    return Cloud(process, json.loads(process.stdout.readline()))


@pytest.fixture(scope="session")
def running() -> Iterator[Cloud]:
    cloud = start()
    yield cloud
    assert cloud.process.stdin is not None
    cloud.process.stdin.close()
    cloud.process.wait(timeout=20)


@pytest.fixture
def cloud(running: Cloud) -> Cloud:
    running.post("settings", {"weather": "calm"})
    running.post("reset")
    return running
