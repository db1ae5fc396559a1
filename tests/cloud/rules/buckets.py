"""Bucket notifications: destinations that exist and let S3 in, rules that do not overlap."""

from __future__ import annotations

import itertools
from typing import Any

from ..answers import Refusal
from ..policies import admits, document
from ..world import AskFailed, Request, World, before
from .functions import plain_name
from .permissions import policy_seen_by_others

_UNABLE = "Unable to validate the following destination configurations"


@before("s3.PutBucketNotificationConfiguration")
async def destinations_let_s3_in(world: World, request: Request) -> None:
    wanted = request.parameters
    if not world.settings["constraints.rules"] or request.headers.get("x-amz-skip-destination-validation") == "true":
        return
    configuration = wanted.get("NotificationConfiguration") or {}
    _no_overlap(configuration)
    source = f"arn:aws:s3:::{wanted['Bucket']}"
    for entry in configuration.get("LambdaFunctionConfigurations") or ():
        await _checked(await _function_admits(world, request, entry["LambdaFunctionArn"], source))
    for entry in configuration.get("QueueConfigurations") or ():
        await _checked(await _queue_admits(world, request, entry["QueueArn"], source))
    for entry in configuration.get("TopicConfigurations") or ():
        await _checked(await _topic_admits(world, request, entry["TopicArn"], source))


async def _checked(admitted: bool) -> None:
    if not admitted:
        raise Refusal("InvalidArgument", _UNABLE, 400)


async def _function_admits(world: World, request: Request, arn: str, source: str) -> bool:
    tail = arn.split(":function:")[-1].split(":")
    try:
        policy = await policy_seen_by_others(world, request, plain_name(arn), tail[1] if len(tail) > 1 else None)
    except AskFailed:
        return False
    return admits(policy, "s3.amazonaws.com", "lambda:InvokeFunction", source, world.account(request))


async def _queue_admits(world: World, request: Request, arn: str, source: str) -> bool:
    try:
        url = (await world.ask("sqs", "GetQueueUrl", {"QueueName": arn.rpartition(":")[2]}, request))["QueueUrl"]
        got = await world.ask("sqs", "GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["Policy"]}, request)
    except AskFailed:
        return False
    return admits(document(got.get("Attributes", {}).get("Policy", "")), "s3.amazonaws.com", "sqs:SendMessage", source, world.account(request))


async def _topic_admits(world: World, request: Request, arn: str, source: str) -> bool:
    try:
        got = await world.ask("sns", "GetTopicAttributes", {"TopicArn": arn}, request)
    except AskFailed:
        return False
    return admits(document(got["Attributes"].get("Policy", "")), "s3.amazonaws.com", "sns:Publish", source, world.account(request))


def _filter(entry: dict[str, Any]) -> tuple[str, str]:
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
    values = {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in rules}
    return values.get("prefix", ""), values.get("suffix", "")


def _share(one: str, other: str) -> bool:
    """Whether an event may be both, e.g. s3:ObjectCreated:* and s3:ObjectCreated:Put."""
    short, long = sorted((one, other), key=len)
    return one == other or (short.endswith("*") and long.startswith(short[:-1])) or (long.endswith("*") and short.startswith(long[:-1]))


def _no_overlap(configuration: dict[str, Any]) -> None:
    entries = [
        entry for kind in ("LambdaFunctionConfigurations", "QueueConfigurations", "TopicConfigurations")
        for entry in configuration.get(kind) or ()
    ]
    ids = [entry["Id"] for entry in entries if entry.get("Id")]
    if len(set(ids)) < len(ids):
        raise Refusal("InvalidArgument", "Same ID used for multiple configurations. Configuration IDs must be unique.", 400)
    for one, other in itertools.combinations(entries, 2):
        (prefix, suffix), (prefix2, suffix2) = _filter(one), _filter(other)
        prefixes = prefix.startswith(prefix2) or prefix2.startswith(prefix)
        suffixes = suffix.endswith(suffix2) or suffix2.endswith(suffix)
        events = any(_share(a, b) for a in one.get("Events") or () for b in other.get("Events") or ())
        if prefixes and suffixes and events:
            raise Refusal("InvalidArgument", "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules "
                          "if the prefixes are overlapping for the same event type.", 400)
