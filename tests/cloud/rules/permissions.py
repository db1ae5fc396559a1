"""Functions' resource policies: AddPermission, RemovePermission, GetPolicy."""

from __future__ import annotations

import json
import time
from typing import Any

from ..answers import Answer, Refusal
from ..policies import statements
from ..world import AskFailed, Request, World, after, before, body_of, with_body
from .functions import plain_name

POLICY_LIMIT = 20_480  # [S] lambda/latest/dg/gettingstarted-limits: 20 KB


async def policy_of(world: World, request: Request, function: str, qualifier: str | None = None) -> tuple[dict[str, Any], str]:
    """The statements in force and their revision. Raises AskFailed where there is no function."""
    named = {"FunctionName": function, **({"Qualifier": qualifier} if qualifier else {})}
    got = await world.ask("lambda", "GetPolicy", named, request)
    return json.loads(got["Policy"]), got.get("RevisionId", "")


class _Added:
    """When each statement was added, for whoever sees it later than Lambda does."""

    def __init__(self) -> None:
        self.at: dict[tuple[str, str, str], float] = {}  # region, function, statement


@after("lambda.AddPermission")
async def note_statement(world: World, request: Request, answer: Answer) -> None:
    if answer.ok:
        wanted = request.parameters
        world.of(_Added, request).at[request.scope.region, plain_name(wanted["FunctionName"]), wanted["StatementId"]] = time.monotonic()


async def policy_seen_by_others(world: World, request: Request, function: str, qualifier: str | None = None) -> dict[str, Any]:
    """The policy as other services see it: without what is younger than `consistency.permission_s`."""
    policy, _ = await policy_of(world, request, function, qualifier)
    added, lag = world.of(_Added, request).at, world.settings["consistency.permission_s"]
    old = [
        s for s in statements(policy)
        if time.monotonic() - added.get((request.scope.region, plain_name(function), str(s.get("Sid"))), float("-inf")) >= lag
    ]
    return {**policy, "Statement": old}


@before("lambda.AddPermission", "lambda.RemovePermission")
async def policy_may_change(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    wanted = request.parameters
    try:
        policy, revision = await policy_of(world, request, wanted["FunctionName"], wanted.get("Qualifier"))
    except AskFailed as problem:
        if request.operation.name == "RemovePermission":
            raise Refusal("ResourceNotFoundException", problem.message or "No policy is associated with the given resource.", 404) from problem
        return  # no function: the emulator says so
    if wanted.get("RevisionId") and wanted["RevisionId"] != revision:
        raise Refusal("PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId. Call the "
                      "GetPolicy API to retrieve the latest RevisionId", 412)
    ids = [s.get("Sid") for s in statements(policy)]
    if request.operation.name == "RemovePermission":
        if wanted["StatementId"] not in ids:
            raise Refusal("ResourceNotFoundException", f"Statement {wanted['StatementId']} is not found in resource policy.", 404)
        return
    if wanted["StatementId"] in ids:
        raise Refusal("ResourceConflictException", f"The statement id ({wanted['StatementId']}) provided already exists. Please "
                      "provide a new statement id, or remove the existing statement.", 409)
    size = len(json.dumps(policy, separators=(",", ":"))) + len(json.dumps(wanted, separators=(",", ":"))) + 120
    if size > POLICY_LIMIT:
        raise Refusal("PolicyLengthExceededException", f"The final policy size ({size}) is bigger than the limit ({POLICY_LIMIT}).", 400)


@after("lambda.GetPolicy")
async def no_policy_is_not_found(world: World, request: Request, answer: Answer) -> Answer | None:
    """The emulator answers with an empty policy, and mixes the qualifiers' statements into the function's own."""
    if not answer.ok:
        return None
    content = body_of(answer)
    policy = json.loads(content["Policy"])
    qualifier = request.parameters.get("Qualifier")
    own = []
    for statement in statements(policy):
        tail = str(statement.get("Resource", "")).split(":function:")[-1].split(":")[1:]
        if (tail[0] if tail else None) == qualifier:
            own.append(statement)
    if not own:
        raise Refusal("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    content["Policy"] = json.dumps({**policy, "Statement": own}, separators=(",", ":"))
    return with_body(answer, content)
