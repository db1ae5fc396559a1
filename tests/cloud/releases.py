"""Versions that are Pending for a while, and provisioned concurrency that fails."""

from __future__ import annotations

import time

from .absent import provisioned
from .answers import Answer, Refusal
from .rules.functions import INVALID, plain_name
from .world import AskFailed, Request, World, after, before, body_of, with_body


class _Releases:
    def __init__(self) -> None:
        self.pending: dict[tuple[str, str, str], float] = {}  # region, function, version -> until


def _key(request: Request, version: str) -> tuple[str, str, str]:
    return request.scope.region, plain_name(request.parameters.get("FunctionName", "")), version


@after("lambda.CreateFunction", "lambda.UpdateFunctionCode", "lambda.PublishVersion")
async def a_version_takes_time(world: World, request: Request, answer: Answer) -> Answer | None:
    takes = world.settings["consistency.version_pending_ms"] / 1000
    content = body_of(answer) if answer.ok else {}
    version = content.get("Version", "$LATEST")
    if not takes or version == "$LATEST":
        return None
    until = world.of(_Releases).pending.setdefault(_key(request, version), time.monotonic() + takes)
    if request.operation.name == "PublishVersion" and time.monotonic() < until:
        content.update(State="Pending", StateReason="The function is being created.", StateReasonCode="Creating")
        return with_body(answer, content)
    return None


async def _versions_behind(world: World, request: Request, qualifier: str) -> list[str]:
    if qualifier.isdigit():
        return [qualifier]
    try:
        alias = await world.ask("lambda", "GetAlias", {"FunctionName": request.parameters["FunctionName"], "Name": qualifier}, request)
    except AskFailed:
        return []
    return [alias["FunctionVersion"], *((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})]


@after("lambda.GetFunction", "lambda.GetFunctionConfiguration")
async def a_version_shows_its_state(world: World, request: Request, answer: Answer) -> Answer | None:
    version = request.parameters.get("Qualifier") or ""
    if not answer.ok or time.monotonic() >= world.of(_Releases).pending.get(_key(request, version), 0.0):
        return None
    content = body_of(answer)
    content.get("Configuration", content).update(State="Pending", StateReason="The function is being created.", StateReasonCode="Creating")
    return with_body(answer, content)


@before("lambda.Invoke")
async def a_pending_version_serves_nothing(world: World, request: Request) -> None:
    """What H20 looks like: an alias that moved too early answers with errors."""
    pending = world.of(_Releases).pending
    qualifier = request.parameters.get("Qualifier")
    if not qualifier or not pending:
        return
    for version in await _versions_behind(world, request, qualifier):
        if time.monotonic() < pending.get(_key(request, version), 0.0):
            raise Refusal("ResourceConflictException", "The operation cannot be performed at this time. The function is currently in "
                          "the following state: Pending", 409)


@before("lambda.UpdateAlias")
async def weights_or_provisioned(world: World, request: Request) -> None:
    """Where the allocation is on the alias itself. On its versions it goes with weights."""
    wanted = request.parameters
    if not world.settings["constraints.rules"] or not (wanted.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
        return
    try:
        await world.ask("lambda", "GetProvisionedConcurrencyConfig", {"FunctionName": wanted["FunctionName"], "Qualifier": wanted["Name"]}, request)
    except AskFailed:
        return
    raise Refusal(INVALID, "Invalid alias configuration for Provisioned Concurrency", 400)


@before("lambda.PutProvisionedConcurrencyConfig")
async def within_the_reservation(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    named = {"FunctionName": request.parameters["FunctionName"]}
    got = await world.ask("lambda", "GetFunctionConcurrency", named, request)
    reserved = got.get("ReservedConcurrentExecutions")
    if reserved is None:
        return
    qualifier = request.parameters["Qualifier"]
    others = sum(
        one.get("RequestedProvisionedConcurrentExecutions", 0)
        for one in await provisioned(world, request)
        if one["FunctionArn"].rpartition(":")[2] != qualifier
    )
    # Every allocation of the function counts, also that of the version before (Bike4Mind/bike4mind#563).
    if others + request.parameters["ProvisionedConcurrentExecutions"] > reserved:
        raise Refusal(INVALID, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function", 400)


@after("lambda.GetProvisionedConcurrencyConfig")
async def it_may_fail(world: World, request: Request, answer: Answer) -> Answer | None:
    content = body_of(answer)
    if not answer.ok or not world.settings["consistency.provisioned_fails"] or content.get("Status") == "IN_PROGRESS":
        return None
    content.update(
        Status="FAILED", StatusReason="FUNCTION_ERROR_INIT_FAILURE", AvailableProvisionedConcurrentExecutions=0,
        AllocatedProvisionedConcurrentExecutions=0,
    )
    return with_body(answer, content)
