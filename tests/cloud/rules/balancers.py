"""Elastic Load Balancing: places that are taken, groups in use, functions that do not let a load balancer in."""

from __future__ import annotations

from ..answers import Refusal
from ..operations import Scope
from ..policies import admits
from ..world import AskFailed, Request, World, before
from .functions import plain_name
from .permissions import policy_seen_by_others


async def _rules(world: World, request: Request | Scope, listener: str) -> list[dict[str, object]]:
    return list((await world.ask("elbv2", "DescribeRules", {"ListenerArn": listener}, request)).get("Rules", []))


@before("elbv2.DescribeTargetGroups")
async def names_that_are_not_there(world: World, request: Request) -> None:
    """The emulator finds nothing and says nothing."""
    names = request.parameters.get("Names")
    if names and not (await world.ask("elbv2", "DescribeTargetGroups", {"Names": names}, request)).get("TargetGroups"):
        raise Refusal("TargetGroupNotFound", "One or more target groups not found", 400)


@before("elbv2.CreateRule")
async def place_is_free(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    wanted = request.parameters
    try:
        taken = await _rules(world, request, wanted["ListenerArn"])
    except AskFailed:
        return
    if any(str(rule["Priority"]) == str(wanted["Priority"]) for rule in taken):
        raise Refusal("PriorityInUse", f"Priority '{wanted['Priority']}' is currently in use", 400)


@before("elbv2.DeleteTargetGroup")
async def group_is_idle(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    arn = request.parameters["TargetGroupArn"]
    for rule in await _all_rules(world, request):
        if any(action.get("TargetGroupArn") == arn for action in rule.get("Actions", [])):
            raise Refusal("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule", 400)


@before("elbv2.RegisterTargets")
async def function_lets_it_in(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    group = request.parameters["TargetGroupArn"]
    for target in request.parameters["Targets"]:
        if ":lambda:" not in target["Id"]:
            continue
        tail = target["Id"].split(":function:")[-1].split(":")
        try:
            policy = await policy_seen_by_others(world, request, plain_name(target["Id"]), tail[1] if len(tail) > 1 else None)
        except AskFailed:
            policy = {}
        if not admits(policy, "elasticloadbalancing.amazonaws.com", "lambda:InvokeFunction", group, world.account(request)):
            raise Refusal("AccessDenied", f"elasticloadbalancing principal does not have permission to invoke {target['Id']} from "
                          f"target group {group}", 403)


async def _all_rules(world: World, near: Request | Scope) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for balancer in (await world.ask("elbv2", "DescribeLoadBalancers", {}, near)).get("LoadBalancers", []):
        listeners = await world.ask("elbv2", "DescribeListeners", {"LoadBalancerArn": balancer["LoadBalancerArn"]}, near)
        for listener in listeners.get("Listeners", []):
            found += await _rules(world, near, listener["ListenerArn"])
    return found


async def tagged(world: World, scope: Scope) -> dict[str, dict[str, str]]:
    """Tags of target groups and rules, by ARN."""
    groups = (await world.ask("elbv2", "DescribeTargetGroups", {}, scope)).get("TargetGroups", [])
    arns = [group["TargetGroupArn"] for group in groups] + [str(rule["RuleArn"]) for rule in await _all_rules(world, scope)]
    found = {}
    for arn in arns:
        described = (await world.ask("elbv2", "DescribeTags", {"ResourceArns": [arn]}, scope)).get("TagDescriptions", [])
        found[arn] = {tag["Key"]: tag["Value"] for one in described for tag in one.get("Tags", [])}
    return found
