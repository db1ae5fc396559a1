"""Calls in parallel to one thing: permissions that are lost, APIs and buckets that refuse the second writer."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from ..answers import Answer, Refusal, json_answer
from ..operations import service_model
from ..rules.functions import plain_name
from ..world import Proceed, Request, World, around


class _Crowds:
    """How many calls are under way, by what they are about."""

    def __init__(self) -> None:
        self.inside: Counter[tuple[str, ...]] = Counter()


@around("lambda.AddPermission")
async def only_one_permission_stays(world: World, request: Request, proceed: Proceed) -> Answer:
    """Of permissions added in parallel the first stays; the others are acknowledged and lost.

    Terraform serialises them per function for this: "bug in the API (reported and acknowledged by AWS) which
    causes some permissions to be ignored when API calls are sent in parallel".
    """
    if not world.settings["consistency.lose_parallel_permissions"]:
        return await proceed()
    inside = world.of(_Crowds, request).inside
    key = ("permission", request.scope.region, plain_name(request.parameters["FunctionName"]))
    lost = inside[key] > 0
    inside[key] += 1
    try:
        answer = _acknowledged(world, request) if lost else await proceed()
        if lost:
            request.call.fault = "permission-lost"
        await asyncio.sleep(world.settings["consistency.permission_window_ms"] / 1000)
        return answer
    finally:
        inside[key] -= 1


def _acknowledged(world: World, request: Request) -> Answer:
    wanted = request.parameters
    principal = wanted["Principal"]
    statement: dict[str, Any] = {
        "Sid": wanted["StatementId"],
        "Effect": "Allow",
        "Principal": {"Service" if principal.endswith(".amazonaws.com") else "AWS": principal},
        "Action": wanted["Action"],
        "Resource": world.arn("lambda", request.scope, f"function:{plain_name(wanted['FunctionName'])}"),
    }
    if wanted.get("SourceArn"):
        statement["Condition"] = {"ArnLike": {"AWS:SourceArn": wanted["SourceArn"]}}
    return json_answer({"Statement": json.dumps(statement, separators=(",", ":"))}, 201)


def _gateway_writes() -> list[str]:
    """Every operation that changes something inside one API."""
    names = []
    for service, member in (("apigateway", "restApiId"), ("apigatewayv2", "ApiId")):
        model = service_model(service)
        assert model is not None
        for name in model.operation_names:
            operation = model.operation_model(name)
            reads = operation.http.get("method") == "GET"
            if not reads and operation.input_shape is not None and member in operation.input_shape.members:
                names.append(f"{service}.{name}")
    return names


@around(*_gateway_writes())
async def one_writer_per_api(world: World, request: Request, proceed: Proceed) -> Answer:
    """[S] apigatewayv2/service_package.go of Terraform, and cdkd #1607: the message."""
    api = request.parameters.get("restApiId") or request.parameters.get("ApiId")
    return await _alone(
        world, ("api", request.scope.region, str(api)), proceed,
        Refusal("ConflictException", "Unable to complete operation due to concurrent modification. Please try again later.", 409),
    )


@around("s3.PutBucketNotificationConfiguration", "s3.PutBucketPolicy", "s3.PutBucketTagging", "s3.CreateBucket", "s3.DeleteBucket")
async def one_writer_per_bucket(world: World, request: Request, proceed: Proceed) -> Answer:
    return await _alone(
        world, ("bucket", request.parameters["Bucket"]), proceed,
        Refusal("OperationAborted", "A conflicting conditional operation is currently in progress against this resource. "
                "Please try again.", 409),
    )


async def _alone(world: World, key: tuple[str, ...], proceed: Proceed, refusal: Refusal) -> Answer:
    if not world.settings["consistency.conflicts"]:
        return await proceed()
    inside = world.of(_Crowds).inside
    if inside[key]:
        raise refusal
    inside[key] += 1
    try:
        answer = await proceed()
        await asyncio.sleep(world.settings["consistency.conflict_window_ms"] / 1000)
        return answer
    finally:
        inside[key] -= 1
