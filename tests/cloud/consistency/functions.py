"""Functions that are Pending after their creation and InProgress after an update, and refuse whoever does not wait."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..answers import Answer, Refusal
from ..rules.functions import plain_name
from ..world import Request, World, after, before, body_of, with_body


@dataclass
class _Busy:
    pending: bool  # else an update is in progress
    until: float


class _Functions:
    def __init__(self) -> None:
        self.busy: dict[tuple[str, str], _Busy] = {}

    def now(self, region: str, name: str) -> _Busy | None:
        busy = self.busy.get((region, name))
        if busy is not None and time.monotonic() >= busy.until:
            del self.busy[region, name]
            return None
        return busy


def _busy(world: World, request: Request) -> _Busy | None:
    return world.of(_Functions, request).now(request.scope.region, plain_name(request.parameters.get("FunctionName", "")))


@before("lambda.UpdateFunctionCode", "lambda.UpdateFunctionConfiguration", "lambda.PublishVersion", "lambda.Invoke")
async def wait_for_it(world: World, request: Request) -> None:
    busy = _busy(world, request)
    if busy is None or request.parameters.get("DryRun"):
        return
    if busy.pending:
        raise Refusal("ResourceConflictException", "The operation cannot be performed at this time. The function is currently in "
                      "the following state: Pending", 409)
    if request.operation.name == "Invoke":
        return  # the version before the update goes on serving
    arn = world.arn("lambda", request.scope, f"function:{plain_name(request.parameters['FunctionName'])}")
    raise Refusal("ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for "
                  f"resource: {arn}", 409)


@after("lambda.CreateFunction", "lambda.UpdateFunctionCode", "lambda.UpdateFunctionConfiguration")
async def becomes_busy(world: World, request: Request, answer: Answer) -> None:
    if not answer.ok or request.parameters.get("DryRun"):
        return
    content = body_of(answer)
    creating = request.operation.name == "CreateFunction"
    slow = bool((content.get("VpcConfig") or {}).get("SubnetIds")) or content.get("PackageType") == "Image"
    setting = f"consistency.function_{'vpc_' if slow else ''}{'pending' if creating else 'updating'}_ms"
    takes = world.settings[setting] / 1000
    if takes > 0:
        key = (request.scope.region, plain_name(request.parameters["FunctionName"]))
        world.of(_Functions, request).busy[key] = _Busy(creating, time.monotonic() + takes)


@after("lambda.DeleteFunction")
async def is_gone(world: World, request: Request, answer: Answer) -> None:
    if answer.ok and not request.parameters.get("Qualifier"):
        world.of(_Functions, request).busy.pop((request.scope.region, plain_name(request.parameters["FunctionName"])), None)


@after("lambda.CreateFunction", "lambda.UpdateFunctionCode", "lambda.UpdateFunctionConfiguration", "lambda.GetFunction",
       "lambda.GetFunctionConfiguration")
async def shows_its_state(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    content = body_of(answer)
    configuration: dict[str, Any] = content.get("Configuration", content)
    busy = _busy(world, request)
    if busy is None:
        configuration.update(State="Active", LastUpdateStatus="Successful")
        for member in ("StateReason", "StateReasonCode", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"):
            configuration.pop(member, None)
    elif busy.pending:
        configuration.update(State="Pending", StateReason="The function is being created.", StateReasonCode="Creating")
        configuration.pop("LastUpdateStatus", None)
    else:
        configuration.update(
            State="Active", LastUpdateStatus="InProgress", LastUpdateStatusReason="The function is being created.",
            LastUpdateStatusReasonCode="Creating",
        )
    return with_body(answer, content)


@after("lambda.ListFunctions", "lambda.ListVersionsByFunction")
async def lists_show_no_state(_: World, __: Request, answer: Answer) -> Answer | None:
    """[S] Lambda API, ListFunctions: no State, no LastUpdateStatus among what it returns."""
    if not answer.ok:
        return None
    content = body_of(answer)
    for configuration in content.get("Functions", content.get("Versions", [])):
        for member in [m for m in configuration if m.startswith(("State", "LastUpdate"))]:
            del configuration[member]
    return with_body(answer, content)
