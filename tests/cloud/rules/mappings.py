"""Event source mappings: sources that exist, roles that may read them, no doubles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..answers import Refusal
from ..world import AskFailed, Request, World, before
from .functions import INVALID, plain_name
from .roles import may


@dataclass(frozen=True)
class Source:
    """What Lambda asks of the role for one kind of source, and how it says no."""

    actions: tuple[str, ...]
    refusal: str  # {arn} is the source's


_STREAM = "Cannot access stream {arn}. Please ensure the role can perform the %s Actions on your stream in IAM."
SOURCES: dict[str, Source] = {
    "sqs": Source(("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
                  "The provided execution role does not have permissions to call ReceiveMessage on SQS"),
    "kinesis": Source(("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream", "kinesis:ListShards",
                       "kinesis:ListStreams"),
                      _STREAM % "GetRecords, GetShardIterator, DescribeStream, ListShards, and ListStreams"),
    "dynamodb": Source(("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"),
                       _STREAM % "GetRecords, GetShardIterator, DescribeStream, and ListStreams"),
}


async def _queue_settings(world: World, request: Request, arn: str) -> dict[str, Any]:
    name = arn.rpartition(":")[2]
    try:
        url = (await world.ask("sqs", "GetQueueUrl", {"QueueName": name}, request))["QueueUrl"]
        got = await world.ask("sqs", "GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["All"]}, request)
    except AskFailed as problem:
        raise Refusal(INVALID, "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
                      "SQS Error Message: The specified queue does not exist for this wsdl version.") from problem
    return dict(got.get("Attributes", {}))


async def _stream_exists(world: World, request: Request, arn: str, service: str) -> None:
    try:
        if service == "kinesis":
            await world.ask("kinesis", "DescribeStreamSummary", {"StreamARN": arn}, request)
        else:
            await world.ask("dynamodbstreams", "DescribeStream", {"StreamArn": arn}, request)
    except AskFailed as problem:
        raise Refusal(INVALID, f"Stream not found: {arn}") from problem


async def _function(world: World, request: Request) -> dict[str, Any]:
    name = request.parameters["FunctionName"]
    try:
        return await world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": name}, request)
    except AskFailed as problem:
        raise Refusal("ResourceNotFoundException", f"Function not found: {name}", 404) from problem


@before("lambda.CreateEventSourceMapping")
async def mapping_is_right(world: World, request: Request) -> None:
    wanted = request.parameters
    arn: str = wanted.get("EventSourceArn", "")
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    source = SOURCES.get(service)
    if source is None or "/consumer/" in arn:
        return  # consumers.py judges those
    function = await _function(world, request)
    if world.settings["constraints.rules"]:
        if service == "sqs":
            await _queue_suits(world, request, function, await _queue_settings(world, request, arn))
        else:
            if not wanted.get("StartingPosition"):
                raise Refusal("ValidationException", "1 validation error detected: Value null at 'startingPosition' failed to "
                              "satisfy constraint: Member must not be null.")
            await _stream_exists(world, request, arn, service)
        await _not_there_yet(world, request, arn)
    if not await may(world, request, function["Role"], source.actions, arn):
        raise Refusal(INVALID, source.refusal.format(arn=arn))


async def _queue_suits(world: World, request: Request, function: dict[str, Any], queue: dict[str, Any]) -> None:
    wanted = request.parameters
    visible, timeout = int(queue.get("VisibilityTimeout", 30)), function.get("Timeout", 3)
    if visible < timeout:
        raise Refusal(INVALID, f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds")
    window = wanted.get("MaximumBatchingWindowInSeconds") or 0
    fifo = wanted["EventSourceArn"].endswith(".fifo")
    if fifo and window:
        raise Refusal(INVALID, "Batching window is not supported for FIFO queues")
    size = wanted.get("BatchSize") or 10
    if size > 10 and fifo:
        raise Refusal(INVALID, "Maximum batch size for FIFO queues is 10")
    if size > 10 and not window:
        raise Refusal(INVALID, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")


async def _not_there_yet(world: World, request: Request, arn: str) -> None:
    name = plain_name(request.parameters["FunctionName"])
    there = await world.ask("lambda", "ListEventSourceMappings", {"EventSourceArn": arn}, request)
    for mapping in there.get("EventSourceMappings", []):
        # One qualifier of a function may read what another reads too.
        same = mapping["FunctionArn"].split(":function:")[-1] == request.parameters["FunctionName"].split(":function:")[-1]
        if same and plain_name(mapping["FunctionArn"]) == name:
            raise Refusal("ResourceConflictException", f'The event source arn (" {arn} ") and function (" {name} ") provided mapping '
                          f"already exists. Please update or delete the existing mapping with UUID {mapping['UUID']}", 409)
