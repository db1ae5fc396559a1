"""Consumers of Kinesis streams: their tags, the time that they take, and mappings that read through them.

The emulator knows consumers, but neither tags nor a mapping of one: for it, the mapping reads the stream itself.
"""

from __future__ import annotations

import time
from typing import Any

from .answers import Answer, Refusal, json_answer
from .operations import Scope
from .rules.functions import INVALID
from .rules.roles import may
from .world import AskFailed, Proceed, Request, World, after, around, before, body_of, with_body

# [S] lambda/latest/dg/services-kinesis-create: what the role may do on the stream, and on its consumer
_ON_STREAM = ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStreamSummary", "kinesis:ListShards")
_ON_CONSUMER = ("kinesis:SubscribeToShard",)


class Consumers:
    def __init__(self) -> None:
        self.tags: dict[str, dict[str, str]] = {}  # ARN of the consumer
        self.busy: dict[str, float] = {}  # ARN of the consumer -> CREATING until
        self.gone: dict[tuple[str, str], tuple[dict[str, Any], float]] = {}  # stream and name -> last seen, DELETING until
        self.readers: dict[str, str] = {}  # UUID of the mapping -> ARN of the consumer


def is_consumer(arn: str) -> bool:
    return ":kinesis:" in arn and "/consumer/" in arn


async def tagged(world: World, scope: Scope) -> dict[str, dict[str, str]]:
    place = f":{scope.region}:{world.account(scope)}:"
    return {arn: tags for arn, tags in world.of(Consumers).tags.items() if place in arn}


async def _there(world: World, request: Request, arn: str) -> None:
    try:
        await world.ask("kinesis", "DescribeStreamConsumer", {"ConsumerARN": arn}, request)
    except AskFailed as problem:
        raise Refusal("ResourceNotFoundException", f"Consumer {arn} not found.") from problem


@around("kinesis.TagResource", "kinesis.UntagResource", "kinesis.ListTagsForResource")
async def tags(world: World, request: Request, proceed: Proceed) -> Answer:
    arn = request.parameters["ResourceARN"]
    if not is_consumer(arn):
        return await proceed()
    await _there(world, request, arn)
    kept = world.of(Consumers).tags.setdefault(arn, {})
    if request.operation.name == "ListTagsForResource":
        return json_answer({"Tags": [{"Key": key, "Value": value} for key, value in sorted(kept.items())]})
    kept.update(request.parameters.get("Tags") or {})
    for key in request.parameters.get("TagKeys") or []:
        kept.pop(key, None)
    return Answer(200, {"Content-Type": "application/x-amz-json-1.1"}, b"")


@before("kinesis.RegisterStreamConsumer", "kinesis.DescribeStreamConsumer")
async def on_its_way_out(world: World, request: Request) -> Answer | None:
    wanted = request.parameters
    seen, until = world.of(Consumers).gone.get((wanted.get("StreamARN", ""), wanted.get("ConsumerName", "")), ({}, 0.0))
    if time.monotonic() >= until:
        return None
    if request.operation.name == "RegisterStreamConsumer":
        raise Refusal("ResourceInUseException", f"Consumer {seen['ConsumerName']} is not in the ACTIVE state.")
    return json_answer({"ConsumerDescription": {**seen, "ConsumerStatus": "DELETING"}})


@after("kinesis.RegisterStreamConsumer", "kinesis.DescribeStreamConsumer")
async def comes_into_being(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    consumers, content = world.of(Consumers), body_of(answer)
    shown = content.get("Consumer") or content.get("ConsumerDescription") or {}
    arn = shown.get("ConsumerARN", "")
    if request.operation.name == "RegisterStreamConsumer":
        consumers.tags[arn] = dict(request.parameters.get("Tags") or {})
        consumers.busy[arn] = time.monotonic() + world.settings["consistency.consumer_ms"] / 1000
    if time.monotonic() < consumers.busy.get(arn, 0.0):
        shown["ConsumerStatus"] = "CREATING"
    return with_body(answer, content)


@around("kinesis.DeregisterStreamConsumer")
async def goes(world: World, request: Request, proceed: Proceed) -> Answer:
    wanted = {key: request.parameters[key] for key in ("StreamARN", "ConsumerName", "ConsumerARN") if request.parameters.get(key)}
    try:
        seen = (await world.ask("kinesis", "DescribeStreamConsumer", wanted, request))["ConsumerDescription"]
    except AskFailed:
        return await proceed()
    answer = await proceed()
    if answer.ok:
        consumers = world.of(Consumers)
        consumers.tags.pop(seen["ConsumerARN"], None)
        seen["ConsumerCreationTimestamp"] = seen["ConsumerCreationTimestamp"].timestamp()
        until = time.monotonic() + world.settings["consistency.consumer_ms"] / 1000
        consumers.gone[seen["StreamARN"], seen["ConsumerName"]] = (seen, until)
    return answer


@around("lambda.CreateEventSourceMapping")
async def read_through(world: World, request: Request, proceed: Proceed) -> Answer:
    arn = request.parameters.get("EventSourceArn") or ""
    if not is_consumer(arn):
        return await proceed()
    stream = arn.split("/consumer/")[0]
    try:
        seen = await world.ask("kinesis", "DescribeStreamConsumer", {"ConsumerARN": arn}, request)
        function = await world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": request.parameters["FunctionName"]}, request)
    except AskFailed as problem:
        raise Refusal(INVALID, f"Stream consumer not found: {arn}") from problem
    if time.monotonic() < world.of(Consumers).busy.get(seen["ConsumerDescription"]["ConsumerARN"], 0.0):
        raise Refusal(INVALID, f"Stream consumer {arn} is not active.")
    for actions, resource in ((_ON_STREAM, stream), (_ON_CONSUMER, arn)):
        if not await may(world, request, function["Role"], actions, resource):
            names = ", ".join(action.split(":")[1] for action in actions)
            raise Refusal(INVALID, f"Cannot access stream {resource}. Please ensure the role can perform the {names} Actions on your "
                          "stream in IAM.")
    answer = await world.ask_raw("lambda", "CreateEventSourceMapping", {**request.parameters, "EventSourceArn": stream}, request)
    if answer.ok:
        world.of(Consumers).readers[body_of(answer)["UUID"]] = arn
    return answer


@around("lambda.ListEventSourceMappings")
async def listed_by_consumer(world: World, request: Request, proceed: Proceed) -> Answer:
    arn = request.parameters.get("EventSourceArn") or ""
    if not is_consumer(arn):
        return await proceed()
    answer = await world.ask_raw("lambda", "ListEventSourceMappings", {**request.parameters, "EventSourceArn": arn.split("/consumer/")[0]}, request)
    if not answer.ok:
        return answer
    content, readers = body_of(answer), world.of(Consumers).readers
    content["EventSourceMappings"] = [one for one in content["EventSourceMappings"] if readers.get(one["UUID"]) == arn]
    return with_body(answer, content)


@after("lambda.CreateEventSourceMapping", "lambda.UpdateEventSourceMapping", "lambda.DeleteEventSourceMapping",
       "lambda.GetEventSourceMapping", "lambda.ListEventSourceMappings")
async def shown_with_its_consumer(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    readers, content = world.of(Consumers).readers, body_of(answer)
    of_streams = request.operation.name == "ListEventSourceMappings" and ":kinesis:" in (request.parameters.get("EventSourceArn") or "")
    for mapping in content.get("EventSourceMappings", [content]):
        if mapping.get("UUID") in readers:
            mapping["EventSourceArn"] = readers[mapping["UUID"]]
    if of_streams and not is_consumer(request.parameters["EventSourceArn"]):
        content["EventSourceMappings"] = [one for one in content["EventSourceMappings"] if not is_consumer(one["EventSourceArn"])]
    return with_body(answer, content)
