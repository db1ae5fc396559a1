"""Roles: what IAM refuses, who may assume them and what they may do, and how long a change takes to count.

Propagation belongs to the same answers ("cannot be assumed by Lambda" is what both a wrong trust policy and a
young one get), so it is here and not under consistency/.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from typing import Any

from ..answers import Answer, Refusal
from ..policies import allows, document, trusts
from ..world import AskFailed, Request, World, after, before

INLINE_LIMIT = 10_240  # characters without white space, over all inline policies of a role [S: IAM quotas]
MANAGED_LIMIT = 10  # managed policies per role, the default [S: IAM quotas]
TRUST_LIMIT = 2_048  # characters, the default [S: IAM quotas]


class _Clock:
    """When trust and permissions of each role last changed."""

    def __init__(self) -> None:
        self.trusted: dict[str, float] = {}
        self.permitted: dict[str, float] = {}


def _young(changed: float | None, seconds: float) -> bool:
    return changed is not None and time.monotonic() - changed < seconds


@after("iam.CreateRole", "iam.UpdateAssumeRolePolicy")
async def note_trust(world: World, request: Request, answer: Answer) -> None:
    if answer.ok:
        world.of(_Clock, request).trusted[request.parameters["RoleName"]] = time.monotonic()


@after("iam.PutRolePolicy", "iam.AttachRolePolicy")
async def note_permissions(world: World, request: Request, answer: Answer) -> None:
    if answer.ok:
        world.of(_Clock, request).permitted[request.parameters["RoleName"]] = time.monotonic()


@after("iam.DeleteRole")
async def forget_role(world: World, request: Request, answer: Answer) -> None:
    if answer.ok:
        clock = world.of(_Clock, request)
        clock.trusted.pop(request.parameters["RoleName"], None)
        clock.permitted.pop(request.parameters["RoleName"], None)


@before("apigateway.UpdateAccount")
async def logs_can_be_written(world: World, request: Request) -> None:
    """The role that API Gateway logs with. Which policy it looks for is assumed: the managed one, or the actions."""
    if not world.settings["constraints.rules"]:
        return
    for patch in request.parameters.get("patchOperations", []):
        arn = patch.get("value") or ""
        if patch.get("path") != "/cloudwatchRoleArn" or not arn:
            continue
        trusted = await assumable(world, request, arn, "apigateway.amazonaws.com")
        if not trusted or not (await _has_managed(world, request, arn) or await may(world, request, arn, ["logs:PutLogEvents"])):
            raise Refusal("BadRequestException", "The role ARN does not have required permissions configured. Please grant trust "
                          "permission for API Gateway and add the required role policy.", 400)


async def _has_managed(world: World, request: Request, arn: str) -> bool:
    attached = await world.ask("iam", "ListAttachedRolePolicies", {"RoleName": role_name(arn)}, request)
    return any(one["PolicyArn"].endswith("/AmazonAPIGatewayPushToCloudWatchLogs") for one in attached.get("AttachedPolicies", []))


def role_name(arn: str) -> str:
    return arn.rpartition("/")[2]


async def assumable(world: World, request: Request, arn: str, service: str) -> bool:
    name = role_name(arn)
    if _young(world.of(_Clock, request).trusted.get(name), world.settings["consistency.role_assumable_s"]):
        return False
    if not world.settings["constraints.rules"]:
        return True
    try:
        role = (await world.ask("iam", "GetRole", {"RoleName": name}, request))["Role"]
    except AskFailed:
        return False
    return role["Arn"] == arn and trusts(document(role["AssumeRolePolicyDocument"]), service)


async def policies_of(world: World, request: Request, name: str) -> list[dict[str, Any]]:
    """All that the role's policies say, inline and managed."""
    found: list[dict[str, Any]] = []
    inline = await world.ask("iam", "ListRolePolicies", {"RoleName": name}, request)
    for policy in inline.get("PolicyNames", []):
        got = await world.ask("iam", "GetRolePolicy", {"RoleName": name, "PolicyName": policy}, request)
        found.append(document(got["PolicyDocument"]))
    attached = await world.ask("iam", "ListAttachedRolePolicies", {"RoleName": name}, request)
    for entry in attached.get("AttachedPolicies", []):
        try:
            policy = (await world.ask("iam", "GetPolicy", {"PolicyArn": entry["PolicyArn"]}, request))["Policy"]
            version = await world.ask(
                "iam", "GetPolicyVersion", {"PolicyArn": entry["PolicyArn"], "VersionId": policy["DefaultVersionId"]}, request
            )
        except AskFailed:
            continue
        found.append(document(version["PolicyVersion"]["Document"]))
    return found


async def may(world: World, request: Request, arn: str, actions: Iterable[str], resource: str = "*") -> bool:
    """Whether the role's policies, as far as they count by now, allow all the actions."""
    name = role_name(arn)
    if _young(world.of(_Clock, request).permitted.get(name), world.settings["consistency.role_policy_s"]):
        return False
    if not world.settings["constraints.rules"]:
        return True
    try:
        policies = await policies_of(world, request, name)
    except AskFailed:
        return False
    return all(allows(policies, action, resource) for action in actions)


def _length(text: str) -> int:
    return len(re.sub(r"\s", "", text))


@before("iam.PutRolePolicy")
async def inline_policies_fit(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    name, policy = request.parameters["RoleName"], request.parameters["PolicyName"]
    size = _length(request.parameters["PolicyDocument"])
    try:
        for other in (await world.ask("iam", "ListRolePolicies", {"RoleName": name}, request)).get("PolicyNames", []):
            if other != policy:
                got = await world.ask("iam", "GetRolePolicy", {"RoleName": name, "PolicyName": other}, request)
                text = got["PolicyDocument"]
                size += _length(text if isinstance(text, str) else json.dumps(text))
    except AskFailed:
        return  # no such role: IAM itself says so
    if size > INLINE_LIMIT:
        raise Refusal("LimitExceeded", f"Maximum policy size of {INLINE_LIMIT} bytes exceeded for role {name}", 409)


@before("iam.CreateRole", "iam.UpdateAssumeRolePolicy")
async def trust_fits(world: World, request: Request) -> None:
    text = request.parameters.get("AssumeRolePolicyDocument") or request.parameters.get("PolicyDocument") or ""
    if world.settings["constraints.rules"] and _length(text) > TRUST_LIMIT:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST_LIMIT}", 409)


@before("iam.AttachRolePolicy")
async def managed_policy_exists(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    arn, name = request.parameters["PolicyArn"], request.parameters["RoleName"]
    # The emulator knows a few of AWS's own policies only; theirs are taken on trust.
    if ":iam::aws:policy/" not in arn:
        try:
            await world.ask("iam", "GetPolicy", {"PolicyArn": arn}, request)
        except AskFailed as problem:
            raise Refusal("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404) from problem
    try:
        attached = (await world.ask("iam", "ListAttachedRolePolicies", {"RoleName": name}, request)).get("AttachedPolicies", [])
    except AskFailed:
        return
    if len(attached) >= MANAGED_LIMIT and all(entry["PolicyArn"] != arn for entry in attached):
        raise Refusal("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {MANAGED_LIMIT}", 409)
