"""Operations that the emulator lacks or shows wrongly, and that a deploy reads or writes: small ones, kept here."""

from __future__ import annotations

import time
from typing import Any

from .answers import Answer, Refusal, json_answer
from .rules.functions import ACCOUNT_CONCURRENCY, INVALID, plain_name
from .world import AskFailed, Proceed, Request, World, after, around, before, body_of, with_body


class _Kept:
    def __init__(self) -> None:
        self.runtimes: dict[tuple[str, str, str], dict[str, Any]] = {}  # region, function, qualifier
        self.protections: dict[tuple[str, str], dict[str, Any]] = {}  # region, log group
        self.provisioning: dict[tuple[str, str, str], float] = {}  # region, function, qualifier -> until


async def _function(world: World, request: Request, qualifier: str | None = None) -> dict[str, Any]:
    named = {"FunctionName": request.parameters["FunctionName"], **({"Qualifier": qualifier} if qualifier else {})}
    try:
        return await world.ask("lambda", "GetFunctionConfiguration", named, request)
    except AskFailed as problem:
        raise Refusal("ResourceNotFoundException", problem.message, 404) from problem


def _key(request: Request) -> tuple[str, str, str]:
    return request.scope.region, plain_name(request.parameters["FunctionName"]), request.parameters.get("Qualifier") or "$LATEST"


@around("lambda.PutRuntimeManagementConfig", "lambda.GetRuntimeManagementConfig")
async def runtime_management(world: World, request: Request, _: Proceed) -> Answer:
    function = await _function(world, request, request.parameters.get("Qualifier"))
    kept = world.of(_Kept, request).runtimes
    if request.operation.name.startswith("Put"):
        wanted = request.parameters
        manual = wanted["UpdateRuntimeOn"] == "Manual"
        if manual != bool(wanted.get("RuntimeVersionArn")):
            raise Refusal(INVALID, "RuntimeVersionArn must be given with UpdateRuntimeOn Manual, and only then.", 400)
        kept[_key(request)] = {key: wanted[key] for key in ("UpdateRuntimeOn", "RuntimeVersionArn") if wanted.get(key)}
    return json_answer({"UpdateRuntimeOn": "Auto", **kept.get(_key(request), {}), "FunctionArn": function["FunctionArn"]})


@after("lambda.DeleteFunction")
async def goes_with_its_function(world: World, request: Request, answer: Answer) -> None:
    if answer.ok and not request.parameters.get("Qualifier"):
        kept, name = world.of(_Kept, request), (request.scope.region, plain_name(request.parameters["FunctionName"]))
        kept.runtimes = {key: value for key, value in kept.runtimes.items() if key[:2] != name}


@before("lambda.PutProvisionedConcurrencyConfig")
async def provisioned_for_something_published(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    qualifier = request.parameters["Qualifier"]
    if qualifier == "$LATEST":
        raise Refusal(INVALID, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.", 400)
    await _function(world, request, qualifier)
    if not qualifier.isdigit():
        alias = await world.ask("lambda", "GetAlias", {"FunctionName": request.parameters["FunctionName"], "Name": qualifier}, request)
        if (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
            raise Refusal(INVALID, "Alias with weights can not be used with Provisioned Concurrency", 400)


@after("lambda.PutProvisionedConcurrencyConfig", "lambda.GetProvisionedConcurrencyConfig")
async def provisioning_takes_time(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    until = world.of(_Kept, request).provisioning
    takes = world.settings["consistency.provisioned_ms"] / 1000
    if request.operation.name.startswith("Put") and takes:
        until[_key(request)] = time.monotonic() + takes
    if time.monotonic() >= until.get(_key(request), 0.0):
        return None
    content = body_of(answer)
    content.update(Status="IN_PROGRESS", AvailableProvisionedConcurrentExecutions=0, AllocatedProvisionedConcurrentExecutions=0)
    return with_body(answer, content)


async def provisioned(world: World, request: Request) -> list[dict[str, Any]]:
    """What is allocated to the versions and aliases of the request's function."""
    named = {"FunctionName": request.parameters["FunctionName"]}
    versions = (await world.ask("lambda", "ListVersionsByFunction", named, request)).get("Versions", [])
    aliases = (await world.ask("lambda", "ListAliases", named, request)).get("Aliases", [])
    # The emulator lists some versions with the ARN of their function: the qualifier is what tells them apart.
    plain = world.arn("lambda", request.scope, f"function:{plain_name(request.parameters['FunctionName'])}")
    qualified = [(v["Version"], f"{plain}:{v['Version']}") for v in versions if v["Version"] != "$LATEST"]
    qualified += [(a["Name"], a["AliasArn"]) for a in aliases]
    found = []
    for qualifier, arn in qualified:
        try:
            config = await world.ask("lambda", "GetProvisionedConcurrencyConfig", {**named, "Qualifier": qualifier}, request)
        except AskFailed:
            continue
        found.append({"FunctionArn": arn, **config})
    return found


@around("lambda.ListProvisionedConcurrencyConfigs")
async def provisioned_configs(world: World, request: Request, _: Proceed) -> Answer:
    await _function(world, request)
    return json_answer({"ProvisionedConcurrencyConfigs": await provisioned(world, request)})


@after("lambda.GetAccountSettings")
async def the_usual_account(world: World, request: Request, answer: Answer) -> Answer | None:
    """The emulator derives the account's concurrency from the machine it runs on."""
    if not answer.ok:
        return None
    content, reserved = body_of(answer), 0
    marker: dict[str, str] = {}
    while True:
        page = await world.ask("lambda", "ListFunctions", {"MaxItems": 50, **marker}, request)
        for function in page.get("Functions", []):
            got = await world.ask("lambda", "GetFunctionConcurrency", {"FunctionName": function["FunctionName"]}, request)
            reserved += got.get("ReservedConcurrentExecutions") or 0
        if not page.get("NextMarker"):
            break
        marker = {"Marker": page["NextMarker"]}
    content["AccountLimit"].update(ConcurrentExecutions=ACCOUNT_CONCURRENCY, UnreservedConcurrentExecutions=ACCOUNT_CONCURRENCY - reserved)
    return with_body(answer, content)


@after("lambda.CreateEventSourceMapping", "lambda.UpdateEventSourceMapping", "lambda.GetEventSourceMapping",
       "lambda.ListEventSourceMappings", "lambda.CreateFunctionUrlConfig", "lambda.UpdateFunctionUrlConfig", "lambda.GetFunctionUrlConfig")
async def what_was_cleared_is_absent(_: World, __: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    content = body_of(answer)
    for item in content.get("EventSourceMappings", [content]):
        for member in ("FilterCriteria", "ScalingConfig", "Cors"):
            if member in item and not any((item[member] or {}).values()):
                del item[member]
    return with_body(answer, content)


@around("logs.PutDataProtectionPolicy", "logs.GetDataProtectionPolicy", "logs.DeleteDataProtectionPolicy")
async def data_protection(world: World, request: Request, _: Proceed) -> Answer:
    name = request.parameters["logGroupIdentifier"].split(":log-group:")[-1].removesuffix(":*")
    groups = (await world.ask("logs", "DescribeLogGroups", {"logGroupNamePrefix": name}, request)).get("logGroups", [])
    if all(group["logGroupName"] != name for group in groups):
        raise Refusal("ResourceNotFoundException", "The specified log group does not exist.", 400)
    kept, key = world.of(_Kept, request).protections, (request.scope.region, name)
    if request.operation.name.startswith("Delete"):
        kept.pop(key, None)
        return Answer(200, {"Content-Type": "application/x-amz-json-1.1"}, b"")
    if request.operation.name.startswith("Put"):
        kept[key] = {"policyDocument": request.parameters["policyDocument"], "lastUpdatedTime": int(time.time() * 1000)}
    return json_answer({"logGroupIdentifier": name, **kept.get(key, {})})


@after("logs.DescribeLogGroups")
async def says_who_is_protected(world: World, request: Request, answer: Answer) -> Answer | None:
    """[A] LogGroup.dataProtectionStatus: the emulator never shows it."""
    kept = world.of(_Kept, request).protections
    if not answer.ok or not kept:
        return None
    content = body_of(answer)
    for group in content.get("logGroups", []):
        if (request.scope.region, group["logGroupName"]) in kept:
            group["dataProtectionStatus"] = "ACTIVATED"
    return with_body(answer, content)


@after("logs.DeleteLogGroup")
async def goes_with_its_group(world: World, request: Request, answer: Answer) -> None:
    if answer.ok:
        world.of(_Kept, request).protections.pop((request.scope.region, request.parameters["logGroupName"]), None)


@around("apigatewayv2.DeleteRouteSettings", "apigatewayv2.DeleteAccessLogSettings")
async def parts_of_a_stage(world: World, request: Request, _: Proceed) -> Answer:
    """The emulator takes the path of a stage's part for that of the stage, and deletes it."""
    named = {key: request.parameters[key] for key in ("ApiId", "StageName")}
    try:
        stage = await world.ask("apigatewayv2", "GetStage", named, request)
    except AskFailed as problem:
        raise Refusal("NotFoundException", problem.message, 404) from problem
    if request.operation.name == "DeleteAccessLogSettings":
        await world.ask("apigatewayv2", "UpdateStage", {**named, "AccessLogSettings": {}}, request)
        return Answer(204, {}, b"")
    settings = dict(stage.get("RouteSettings") or {})
    if settings.pop(request.parameters["RouteKey"], None) is None:
        raise Refusal("NotFoundException", f"No settings of the route {request.parameters['RouteKey']}", 404)
    await world.ask("apigatewayv2", "UpdateStage", {**named, "RouteSettings": settings}, request)
    return Answer(204, {}, b"")
