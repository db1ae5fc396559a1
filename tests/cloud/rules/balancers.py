"""Elastic Load Balancing: places that are taken, groups in use, functions that do not let a load balancer in."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from ..answers import Answer, Refusal
from ..operations import Scope
from ..policies import admits
from ..world import AskFailed, Request, World, after, before
from .functions import plain_name
from .permissions import policy_seen_by_others


NAMESPACE = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"


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


class _Kept:
    def __init__(self) -> None:
        self.rules: dict[str, dict[str, Any]] = {}  # ARN -> Conditions and Actions as they were sent


def _element(name: str, value: Any) -> ElementTree.Element:
    """A value as the query protocol shows it: lists of members, maps of entries."""
    element = ElementTree.Element(f"{{{NAMESPACE}}}{name}")
    if name == "AuthenticationRequestExtraParams":
        for key, text in value.items():
            element.append(_element("entry", {"key": key, "value": text}))
    elif isinstance(value, dict):
        element.extend(_element(key, one) for key, one in value.items() if key != "ClientSecret")
    elif isinstance(value, list):
        element.extend(_element("member", one) for one in value)
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)
    return element


@after("elbv2.CreateRule", "elbv2.ModifyRule", "elbv2.DescribeRules")
async def nothing_is_lost(world: World, request: Request, answer: Answer) -> Answer | None:
    """The emulator forgets what it does not act upon: conditions on queries and addresses, users who sign in."""
    if not answer.ok:
        return None
    root, kept = ElementTree.fromstring(answer.body), world.of(_Kept).rules
    for rule in root.iter(f"{{{NAMESPACE}}}member"):
        arn = rule.findtext(f"{{{NAMESPACE}}}RuleArn")
        if arn is None:
            continue
        if request.operation.name != "DescribeRules":
            sent = {key: request.parameters[key] for key in ("Conditions", "Actions") if request.parameters.get(key)}
            kept[arn] = {**kept.get(arn, {}), **sent}
        for key, value in kept.get(arn, {}).items():
            old = rule.find(f"{{{NAMESPACE}}}{key}")
            if old is not None:
                rule.remove(old)
            rule.append(_element(key, value))
    ElementTree.register_namespace("", NAMESPACE)
    return Answer(answer.status, answer.headers, ElementTree.tostring(root, xml_declaration=True, encoding="utf-8"))
