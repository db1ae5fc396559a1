"""With --auth: whether a caller's policies allow a call.

Of the services in actions.py the front judges itself and hands the call on as the account's own; of the others the emulator
judges, but for iam:PassRole, which it does not know. Conditions are taken as met.
"""

from __future__ import annotations

from typing import Any

from . import actions
from .answers import Refusal
from .policies import allows, document
from .world import AskFailed, Request, World


_CODES = {"iam": "AccessDenied", "sns": "AuthorizationError"}


async def check_caller(world: World, request: Request) -> bool:
    """Raises the Refusal that the caller gets. Callers without a user (the account itself) may do everything. Whether the call
    was judged here, and need not be judged again."""
    user = await _user(world, request)
    if user is None:
        return False
    account = world.backend.account
    needed = actions.needed(request, account)
    policies = await _policies(world, request, user)
    for action, resource in actions.passed(request) if needed is None else needed:
        # What is about everything is only allowed where everything is.
        if not allows(policies, action, "everything" if resource == "*" else resource):
            code = _CODES.get(request.operation.service, "AccessDeniedException")
            raise Refusal(
                code, f"User: arn:aws:iam::{account}:user/{user} is not authorized to perform: {action} on resource: {resource} "
                f"because no identity-based policy allows the {action} action", 403,
            )
    return needed is not None


async def _user(world: World, request: Request) -> str | None:
    if not request.scope.access_key.startswith("AKIA"):
        return None
    try:
        return (await world.ask("iam", "GetAccessKeyLastUsed", {"AccessKeyId": request.scope.access_key})).get("UserName")
    except AskFailed:
        return None


async def _policies(world: World, request: Request, user: str) -> list[dict[str, Any]]:
    found = []
    for name in (await world.ask("iam", "ListUserPolicies", {"UserName": user})).get("PolicyNames", []):
        found.append(document((await world.ask("iam", "GetUserPolicy", {"UserName": user, "PolicyName": name}))["PolicyDocument"]))
    for entry in (await world.ask("iam", "ListAttachedUserPolicies", {"UserName": user})).get("AttachedPolicies", []):
        policy = (await world.ask("iam", "GetPolicy", {"PolicyArn": entry["PolicyArn"]}))["Policy"]
        version = {"PolicyArn": entry["PolicyArn"], "VersionId": policy["DefaultVersionId"]}
        found.append(document((await world.ask("iam", "GetPolicyVersion", version))["PolicyVersion"]["Document"]))
    return found
