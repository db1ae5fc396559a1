"""With --auth: what the emulator's own checks of a caller's policies leave out.

It does not know iam:PassRole, and what the front answers by itself never reaches it. Conditions are taken as met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .answers import Refusal
from .policies import allows, document
from .rules.functions import plain_name
from .world import AskFailed, Request, World

# Operations that hand a role to a service, and where the role stands.
PASSED: dict[str, Callable[[dict[str, Any]], Iterator[str | None]]] = {
    "lambda.CreateFunction": lambda p: iter([p.get("Role")]),
    "lambda.UpdateFunctionConfiguration": lambda p: iter([p.get("Role")]),
    "scheduler.CreateSchedule": lambda p: iter([(p.get("Target") or {}).get("RoleArn")]),
    "scheduler.UpdateSchedule": lambda p: iter([(p.get("Target") or {}).get("RoleArn")]),
    "events.PutTargets": lambda p: (target.get("RoleArn") for target in p.get("Targets") or ()),
    "logs.PutSubscriptionFilter": lambda p: iter([p.get("roleArn")]),
    "cloudformation.CreateStack": lambda p: iter([p.get("RoleARN")]),
    "cloudformation.UpdateStack": lambda p: iter([p.get("RoleARN")]),
}

# What the front does in the emulator's stead: action and resource. The part
# in braces is a parameter. [S] Service Authorization Reference
_GATEWAY = "arn:aws:apigateway:{region}::"
ANSWERED: dict[str, tuple[str, str]] = {
    "apigateway.ImportRestApi": ("apigateway:POST", _GATEWAY + "/restapis"),
    "apigateway.PutRestApi": ("apigateway:PUT", _GATEWAY + "/restapis/{restApiId}"),
    "apigateway.UpdateRestApi": ("apigateway:PATCH", _GATEWAY + "/restapis/{restApiId}"),
    "apigateway.GetExport": ("apigateway:GET", _GATEWAY + "/restapis/{restApiId}/stages/{stageName}/exports/{exportType}"),
    "apigatewayv2.ImportApi": ("apigateway:PUT", _GATEWAY + "/apis"),
    "apigatewayv2.ReimportApi": ("apigateway:PUT", _GATEWAY + "/apis/{ApiId}"),
    "apigatewayv2.ExportApi": ("apigateway:GET", _GATEWAY + "/apis/{ApiId}/exports/{Specification}"),
    "resourcegroupstaggingapi.GetResources": ("tag:GetResources", "*"),
    "lambda.UpdateFunctionEventInvokeConfig": ("lambda:UpdateFunctionEventInvokeConfig", "arn:aws:lambda:{region}:{account}:function:{function}"),
    "lambda.UpdateFunctionCode": ("lambda:UpdateFunctionCode", "arn:aws:lambda:{region}:{account}:function:{function}"),
}


async def check_caller(world: World, request: Request) -> None:
    """Raises the Refusal that the caller gets. Callers without a user (the account itself) may do everything."""
    name = request.operation.full_name
    needed: list[tuple[str, str]] = []
    if name in ANSWERED:
        action, resource = ANSWERED[name]
        values = {
            **{key: str(value) for key, value in request.parameters.items()}, "region": request.scope.region,
            "account": world.backend.account, "function": plain_name(str(request.parameters.get("FunctionName", ""))),
        }
        needed.append((action, resource.format_map(values)))
    if name in PASSED:
        needed += [("iam:PassRole", role) for role in PASSED[name](request.parameters) if role]
    if not needed:
        return
    user = await _user(world, request)
    if user is None:
        return
    policies = await _policies(world, request, user)
    for action, resource in needed:
        if not allows(policies, action, resource):
            raise Refusal(
                "AccessDeniedException",
                f"User: arn:aws:iam::{world.backend.account}:user/{user} is not authorized to perform: {action} on resource: "
                f"{resource} because no identity-based policy allows the {action} action", 403,
            )


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
