"""EventBridge, Scheduler, CloudWatch Logs and SNS: what they refuse beyond their models."""

from __future__ import annotations

import re

from ..answers import Refusal
from ..policies import admits
from ..world import AskFailed, Request, World, before
from .functions import plain_name
from .permissions import policy_seen_by_others
from .roles import assumable

# [S] eventbridge/latest/userguide/eb-scheduled-rule-pattern: one is singular, more are plural
_RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)")
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")
_AT = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
PATTERN_LIMIT = 2048  # [S] eb-quota
TARGETS_PER_RULE = 5  # [S] eb-quota
SUBSCRIPTIONS_PER_GROUP = 2  # [S] cloudwatch_limits_cwl


@before("events.PutRule")
async def rule_is_right(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    schedule, pattern = request.parameters.get("ScheduleExpression"), request.parameters.get("EventPattern")
    if not schedule and not pattern:
        raise Refusal("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if schedule and not (_RATE.fullmatch(schedule) or _CRON.fullmatch(schedule)):
        raise Refusal("ValidationException", "Parameter ScheduleExpression is not valid.")
    if schedule and request.parameters.get("EventBusName", "default") not in ("default",) and "event-bus/default" not in request.parameters["EventBusName"]:
        raise Refusal("ValidationException", "ScheduleExpression is supported only on the default event bus.")
    if pattern and len(pattern) > PATTERN_LIMIT:
        raise Refusal("ValidationException", f"1 validation error detected: Value at 'eventPattern' failed to satisfy constraint: "
                      f"Member must have length less than or equal to {PATTERN_LIMIT}")


@before("events.DeleteRule")
async def rule_has_no_targets(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    named = {"Rule": request.parameters["Name"]}
    if request.parameters.get("EventBusName"):
        named["EventBusName"] = request.parameters["EventBusName"]
    try:
        targets = (await world.ask("events", "ListTargetsByRule", named, request)).get("Targets")
    except AskFailed:
        return
    if targets:
        raise Refusal("ValidationException", "Rule can't be deleted since it has targets.")


@before("events.PutTargets")
async def targets_fit(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    wanted = request.parameters
    named = {key: wanted[key] for key in ("Rule", "EventBusName") if wanted.get(key)}
    try:
        live = (await world.ask("events", "ListTargetsByRule", named, request)).get("Targets", [])
    except AskFailed:
        return
    if len({t["Id"] for t in live} | {t.get("Id") for t in wanted["Targets"]}) > TARGETS_PER_RULE:
        raise Refusal("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


@before("scheduler.CreateSchedule", "scheduler.UpdateSchedule")
async def schedule_is_right(world: World, request: Request) -> None:
    wanted = request.parameters
    if world.settings["constraints.rules"]:
        expression = wanted["ScheduleExpression"]
        if not (_RATE.fullmatch(expression) or _CRON.fullmatch(expression) or _AT.fullmatch(expression)):
            raise Refusal("ValidationException", f"Invalid Schedule Expression {expression}.")
    if not await assumable(world, request, wanted["Target"]["RoleArn"], "scheduler.amazonaws.com"):
        raise Refusal("ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")


@before("logs.PutSubscriptionFilter")
async def destination_lets_logs_in(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    wanted = request.parameters
    destination: str = wanted["destinationArn"]
    try:
        live = await world.ask("logs", "DescribeSubscriptionFilters", {"logGroupName": wanted["logGroupName"]}, request)
    except AskFailed:
        return
    others = [f for f in live.get("subscriptionFilters", []) if f["filterName"] != wanted["filterName"]]
    if len(others) >= SUBSCRIPTIONS_PER_GROUP:
        raise Refusal("LimitExceededException", "Resource limit exceeded.")
    if ":lambda:" not in destination:
        return
    source = world.arn("logs", request.scope, f"log-group:{wanted['logGroupName']}:*")
    tail = destination.split(":function:")[-1].split(":")
    try:
        policy = await policy_seen_by_others(world, request, plain_name(destination), tail[1] if len(tail) > 1 else None)
    except AskFailed:
        policy = {}
    service = f"logs.{request.scope.region}.amazonaws.com"
    if not any(admits(policy, name, "lambda:InvokeFunction", source, world.account(request)) for name in (service, "logs.amazonaws.com")):
        raise Refusal("InvalidParameterException", "Could not execute the lambda function. Make sure you have given CloudWatch "
                      "Logs permission to execute your function.")


@before("sns.CreateTopic")
async def topic_is_the_same(world: World, request: Request) -> None:
    """CreateTopic may be repeated, but only with what the topic has."""
    if not world.settings["constraints.rules"]:
        return
    arn = world.arn("sns", request.scope, request.parameters["Name"])
    try:
        live = (await world.ask("sns", "GetTopicAttributes", {"TopicArn": arn}, request))["Attributes"]
        tags = (await world.ask("sns", "ListTagsForResource", {"ResourceArn": arn}, request)).get("Tags", [])
    except AskFailed:
        return
    for name, value in (request.parameters.get("Attributes") or {}).items():
        if name != "Policy" and live.get(name, "") != value:
            raise Refusal("InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes", 400)
    wanted = request.parameters.get("Tags")
    if wanted and {t["Key"]: t["Value"] for t in wanted} != {t["Key"]: t["Value"] for t in tags}:
        raise Refusal("InvalidParameter", "Invalid parameter: Tags Reason: Topic already exists with different tags", 400)
