"""CloudFront: functions that may stand at the edge, changes that take their time, and replicas that stay behind."""

from __future__ import annotations

import re
import time
from typing import Any

from ..answers import Answer, Refusal
from ..world import AskFailed, Request, World, after, before
from .functions import INVALID, plain_name
from .roles import assumable

_ARN = re.compile(r"arn:aws:lambda:us-east-1:\d{12}:function:[\w-]+:\d+")
BAD = "InvalidLambdaFunctionAssociation"
# [S] AmazonCloudFront/latest/DeveloperGuide/lambda-at-edge-function-restrictions
VIEWER_TIMEOUT, VIEWER_MEMORY, ORIGIN_TIMEOUT = 5, 128, 30


class Edge:
    def __init__(self) -> None:
        self.spreading: dict[str, float] = {}  # distribution -> InProgress until
        self.at_edge: dict[str, set[str]] = {}  # distribution -> names of functions
        self.replicas: dict[str, float] = {}  # function -> kept until


def _behaviors(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [config["DefaultCacheBehavior"], *((config.get("CacheBehaviors") or {}).get("Items") or [])]


def _config(request: Request) -> dict[str, Any]:
    wanted = request.parameters
    return wanted.get("DistributionConfig") or wanted["DistributionConfigWithTags"]["DistributionConfig"]


def _lambdas(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for behavior in _behaviors(config) for one in ((behavior.get("LambdaFunctionAssociations") or {}).get("Items") or [])]


@before("cloudfront.CreateDistributionWithTags", "cloudfront.CreateDistribution", "cloudfront.UpdateDistribution")
async def functions_suit(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    config = _config(request)
    for association in _lambdas(config):
        await _function_suits(world, request, association)
    names = [f"{one['EventType']} {index}" for index, behavior in enumerate(_behaviors(config))
             for kind in ("LambdaFunctionAssociations", "FunctionAssociations") for one in ((behavior.get(kind) or {}).get("Items") or [])]
    if len(names) != len(set(names)):
        raise Refusal(BAD, "The parameter LambdaFunctionAssociations contains two functions for one event type.", 400)
    for behavior in _behaviors(config):
        for one in (behavior.get("FunctionAssociations") or {}).get("Items") or []:
            if not one["EventType"].startswith("viewer-"):
                raise Refusal("InvalidFunctionAssociation", "CloudFront Functions stand at viewer-request and viewer-response only.", 400)
            try:
                await world.ask("cloudfront", "DescribeFunction", {"Name": one["FunctionARN"].split("/")[-1], "Stage": "LIVE"}, request)
            except AskFailed as problem:
                raise Refusal("InvalidFunctionAssociation", f"The function {one['FunctionARN']} is not in the LIVE stage.", 400) from problem


async def _function_suits(world: World, request: Request, association: dict[str, Any]) -> None:
    arn, kind = association["LambdaFunctionARN"], association["EventType"]
    if not _ARN.fullmatch(arn):
        raise Refusal(BAD, f"The function ARN must reference a specific function version in us-east-1. ARN: {arn}", 400)
    name, version = plain_name(arn), arn.rpartition(":")[2]
    try:
        function = await world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": name, "Qualifier": version}, request)
    except AskFailed as problem:
        raise Refusal(BAD, f"The function does not exist or is not accessible. Function: {arn}", 400) from problem
    if (function.get("Environment") or {}).get("Variables"):
        raise Refusal(BAD, f"The function cannot have environment variables. Function: {arn}", 400)
    if function.get("Layers") or (function.get("VpcConfig") or {}).get("SubnetIds") or function.get("DeadLetterConfig"):
        raise Refusal(BAD, f"The function cannot have layers, a VPC or a dead letter queue. Function: {arn}", 400)
    viewer = kind.startswith("viewer-")
    if function["Timeout"] > (VIEWER_TIMEOUT if viewer else ORIGIN_TIMEOUT):
        raise Refusal(BAD, f"The function timeout is larger than the maximum allowed for functions that are triggered by a "
                      f"CloudFront event: {function['Timeout']}. Function: {arn}", 400)
    if viewer and function["MemorySize"] > VIEWER_MEMORY:
        raise Refusal(BAD, f"The function memory size is larger than the maximum allowed for functions that are triggered by a "
                      f"CloudFront event: {function['MemorySize']}. Function: {arn}", 400)
    if not await assumable(world, request, function["Role"], "edgelambda.amazonaws.com"):
        raise Refusal(BAD, "The function execution role must be assumable with edgelambda.amazonaws.com as well as "
                      f"lambda.amazonaws.com principals. Update the IAM role and try again. Role: {function['Role']}", 400)


@after("cloudfront.CreateDistributionWithTags", "cloudfront.CreateDistribution", "cloudfront.UpdateDistribution", "cloudfront.GetDistribution")
async def takes_its_time(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    edge, found = world.of(Edge), re.search(rb"<Id>(\w+)</Id>", answer.body)
    if found is None:
        return None
    name = found[1].decode()
    if not request.operation.reads:
        edge.spreading[name] = time.monotonic() + world.settings["consistency.distribution_ms"] / 1000
        before_, now = edge.at_edge.get(name, set()), {plain_name(one["LambdaFunctionARN"]) for one in _lambdas(_config(request))}
        edge.at_edge[name] = now
        for function in now:
            edge.replicas[function] = float("inf")
        for function in before_ - now:
            edge.replicas[function] = time.monotonic() + world.settings["consistency.replicas_s"]
    if time.monotonic() < edge.spreading.get(name, 0.0):
        return Answer(answer.status, answer.headers, answer.body.replace(b"<Status>Deployed</Status>", b"<Status>InProgress</Status>"))
    return None


@before("cloudfront.DeleteDistribution")
async def is_off_everywhere(world: World, request: Request) -> None:
    if time.monotonic() < world.of(Edge).spreading.get(request.parameters["Id"], 0.0):
        raise Refusal("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.", 409)


@after("cloudfront.DeleteDistribution")
async def replicas_stay(world: World, request: Request, answer: Answer) -> None:
    edge = world.of(Edge)
    if answer.ok:
        for function in edge.at_edge.pop(request.parameters["Id"], set()):
            edge.replicas[function] = time.monotonic() + world.settings["consistency.replicas_s"]


@before("lambda.DeleteFunction")
async def not_while_replicated(world: World, request: Request) -> None:
    name = plain_name(request.parameters["FunctionName"])
    if world.settings["constraints.rules"] and time.monotonic() < world.of(Edge).replicas.get(name, 0.0):
        arn = world.arn("lambda", request.scope, f"function:{name}:1")
        raise Refusal(INVALID, f"Lambda was unable to delete {arn} because it is a replicated function. Please see our documentation "
                      "for Deleting Lambda@Edge Functions and Replicas.", 400)
