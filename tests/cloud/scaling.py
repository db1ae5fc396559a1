"""Application Auto Scaling: targets, policies and scheduled actions are remembered, and nobody is scaled."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .answers import Answer, Refusal, json_answer
from .world import AskFailed, Proceed, Request, World, around

# [S] autoscaling/application/APIReference, the errors of each operation.
_INVALID = "ValidationException"
_GONE = "ObjectNotFoundException"

_Key = tuple[str, str, str]  # region, resource, dimension


class _Scaling:
    def __init__(self) -> None:
        self.targets: dict[_Key, dict[str, Any]] = {}
        self.policies: dict[tuple[_Key, str], dict[str, Any]] = {}
        self.actions: dict[tuple[_Key, str], dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}  # of an ARN


def _stamp(value: Any) -> Any:
    """A time as it is told: in seconds."""
    return value.timestamp() if hasattr(value, "timestamp") else value


def _key(request: Request) -> _Key:
    return request.scope.region, request.parameters.get("ResourceId", ""), request.parameters.get("ScalableDimension", "")


def _no_target(request: Request) -> Refusal:
    p = request.parameters
    return Refusal(_GONE, f"No scalable target registered for service namespace: {p['ServiceNamespace']}, resource ID: {p['ResourceId']}, "
                   f"scalable dimension: {p['ScalableDimension']}", 400)


def _page(request: Request, member: str, found: list[dict[str, Any]]) -> Answer:
    start, size = int(request.parameters.get("NextToken") or 0), min(request.parameters.get("MaxResults") or 50, 50)
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return json_answer({member: found[start:start + size], **more})


async def _provisioned(world: World, request: Request) -> None:
    """What is scaled has to have something allocated."""
    kind, _, rest = request.parameters["ResourceId"].partition(":")
    name, _, qualifier = rest.partition(":")
    if kind != "function" or not qualifier or qualifier == "$LATEST":
        raise Refusal(_INVALID, "Unsupported service namespace, resource type or scalable dimension", 400)
    try:
        await world.ask("lambda", "GetProvisionedConcurrencyConfig", {"FunctionName": name, "Qualifier": qualifier}, request)
    except AskFailed as problem:
        raise Refusal(_INVALID, f"No Provisioned Concurrency Config found for this function: {problem.message}", 400) from problem


@around("application-autoscaling.RegisterScalableTarget")
async def register(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, wanted, key = world.of(_Scaling, request), request.parameters, _key(request)
    new = key not in kept.targets
    if new and not {"MinCapacity", "MaxCapacity"} <= set(wanted):
        raise Refusal(_INVALID, "MinCapacity and MaxCapacity are required for a new scalable target", 400)
    if wanted.get("Tags") and not new:
        raise Refusal(_INVALID, "Tags can only be specified when a scalable target is registered for the first time", 400)
    if world.settings["constraints.rules"]:
        await _provisioned(world, request)
    target = {**kept.targets.get(key, {}), **{k: v for k, v in wanted.items() if k != "Tags"}}
    if target["MinCapacity"] > target["MaxCapacity"]:
        raise Refusal(_INVALID, "Maximum capacity cannot be less than minimum capacity", 400)
    if new:
        target["ScalableTargetARN"] = world.arn("application-autoscaling", request.scope, f"scalable-target/{uuid.uuid4().hex}")
        target["CreationTime"] = time.time()
        kept.tags[target["ScalableTargetARN"]] = dict(wanted.get("Tags") or {})
    kept.targets[key] = target
    return json_answer({"ScalableTargetARN": target["ScalableTargetARN"]})


@around("application-autoscaling.DescribeScalableTargets")
async def targets(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    ids = request.parameters.get("ResourceIds")
    found = world.of(_Scaling, request).targets.items()
    return _page(request, "ScalableTargets", [
        target for (region, resource, _d), target in found if region == request.scope.region and (not ids or resource in ids)
    ])


@around("application-autoscaling.DeregisterScalableTarget")
async def deregister(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, key = world.of(_Scaling, request), _key(request)
    target = kept.targets.pop(key, None)
    if target is None:
        raise _no_target(request)
    kept.tags.pop(target["ScalableTargetARN"], None)
    kept.policies = {place: policy for place, policy in kept.policies.items() if place[0] != key}
    kept.actions = {place: action for place, action in kept.actions.items() if place[0] != key}
    return json_answer({})


@around("application-autoscaling.PutScalingPolicy")
async def put_policy(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, wanted, key = world.of(_Scaling, request), request.parameters, _key(request)
    if key not in kept.targets:
        raise _no_target(request)
    place = (key, wanted["PolicyName"])
    arn = world.arn("autoscaling", request.scope, f"scalingPolicy:{uuid.uuid4()}:resource/lambda/{wanted['ResourceId']}:policyName/{place[1]}")
    born = kept.policies.get(place, {"PolicyARN": arn, "CreationTime": time.time()})
    kept.policies[place] = {**wanted, "PolicyARN": born["PolicyARN"], "CreationTime": born["CreationTime"]}
    return json_answer({"PolicyARN": born["PolicyARN"], "Alarms": []})


@around("application-autoscaling.DescribeScalingPolicies")
async def policies(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    resource = request.parameters.get("ResourceId")
    found = world.of(_Scaling, request).policies.items()
    return _page(request, "ScalingPolicies", [
        policy for (key, _name), policy in found if key[0] == request.scope.region and resource in (None, key[1])
    ])


@around("application-autoscaling.DeleteScalingPolicy")
async def delete_policy(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    if world.of(_Scaling, request).policies.pop((_key(request), request.parameters["PolicyName"]), None) is None:
        raise Refusal(_GONE, f"No scaling policy found for service namespace: {request.parameters['ServiceNamespace']}", 400)
    return json_answer({})


@around("application-autoscaling.PutScheduledAction")
async def put_action(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, wanted, key = world.of(_Scaling, request), request.parameters, _key(request)
    if key not in kept.targets:
        raise _no_target(request)
    place = (key, wanted["ScheduledActionName"])
    before = kept.actions.get(place, {})
    if not before and not wanted.get("Schedule"):
        raise Refusal(_INVALID, "Schedule is required for a new scheduled action", 400)
    arn = world.arn("autoscaling", request.scope, f"scheduledAction:{uuid.uuid4()}:resource/lambda/{wanted['ResourceId']}:scheduledActionName/{place[1]}")
    # What is not said stays, but for the times. [S] API_PutScheduledAction
    stays = {name: value for name, value in before.items() if name not in ("StartTime", "EndTime")}
    times = {name: _stamp(wanted[name]) for name in ("StartTime", "EndTime") if wanted.get(name) is not None}
    kept.actions[place] = {"ScheduledActionARN": arn, "CreationTime": time.time(), **stays, **wanted, **times}
    return json_answer({})


@around("application-autoscaling.DescribeScheduledActions")
async def actions(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    resource = request.parameters.get("ResourceId")
    found = world.of(_Scaling, request).actions.items()
    return _page(request, "ScheduledActions", [
        action for (key, _name), action in found if key[0] == request.scope.region and resource in (None, key[1])
    ])


@around("application-autoscaling.DeleteScheduledAction")
async def delete_action(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    if world.of(_Scaling, request).actions.pop((_key(request), request.parameters["ScheduledActionName"]), None) is None:
        raise Refusal(_GONE, f"No scheduled action found for service namespace: {request.parameters['ServiceNamespace']}", 400)
    return json_answer({})


@around("application-autoscaling.TagResource", "application-autoscaling.UntagResource", "application-autoscaling.ListTagsForResource")
async def tags(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    wanted = request.parameters
    found = world.of(_Scaling, request).tags.get(wanted["ResourceARN"])
    if found is None:
        raise Refusal("ResourceNotFoundException", f"The resource doesn't exist: {wanted['ResourceARN']}", 400)
    if request.operation.name == "ListTagsForResource":
        return json_answer({"Tags": found})
    found.update(wanted.get("Tags") or {})
    for name in wanted.get("TagKeys") or ():
        found.pop(name, None)
    return json_answer({})
