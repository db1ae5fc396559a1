"""The tagging API: complete where the emulator's is not, paged as AWS does it, and behind the times.

What lags is made of snapshots: of everything that bears tags, taken before the first write and soon after later
ones. An answer shows the newest snapshot that is old enough, so it lists what is gone and misses what is new.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from .. import code_deploy, consumers
from ..answers import Answer, Refusal, json_answer
from ..operations import Scope
from ..rules import balancers
from ..world import AskFailed, Request, World, around

Tagged = dict[str, dict[str, str]]  # ARN -> tags
Collector = Callable[[World, Scope], Awaitable[Tagged]]


async def _pages(
    world: World, scope: Scope, service: str, operation: str, items: str, sent: str, got: str, **parameters: Any
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, Any] = {}
    while True:
        page = await world.ask(service, operation, {**parameters, **token}, scope)
        found += page.get(items, [])
        if not page.get(got):
            return found
        token = {sent: page[got]}


def _pairs(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag.get("Key", tag.get("key", "")): tag.get("Value", tag.get("value", "")) for tag in tags or ()}


async def _known_to_the_emulator(world: World, scope: Scope) -> Tagged:
    found = await _pages(world, scope, "resourcegroupstaggingapi", "GetResources", "ResourceTagMappingList", "PaginationToken",
                         "PaginationToken", ResourcesPerPage=100)
    # [S] resourcegroupstagging/latest/APIReference/supported-services: "The
    # GetResources operation does not currently support IAM users and roles."
    return {
        entry["ResourceARN"]: _pairs(entry["Tags"]) for entry in found
        if not (":iam:" in entry["ResourceARN"] and (":role/" in entry["ResourceARN"] or ":user/" in entry["ResourceARN"]))
    }


async def _rest_apis(world: World, scope: Scope) -> Tagged:
    start = f"arn:aws:apigateway:{scope.region}::/restapis/"
    found: Tagged = {}
    for api in await _pages(world, scope, "apigateway", "GetRestApis", "items", "position", "position", limit=500):
        found[start + api["id"]] = (await world.ask("apigateway", "GetTags", {"resourceArn": start + api["id"]}, scope)).get("tags", {})
        for stage in (await world.ask("apigateway", "GetStages", {"restApiId": api["id"]}, scope)).get("item", []):
            arn = f"{start}{api['id']}/stages/{stage['stageName']}"
            found[arn] = (await world.ask("apigateway", "GetTags", {"resourceArn": arn}, scope)).get("tags", {})
    return found


async def _http_apis(world: World, scope: Scope) -> Tagged:
    start = f"arn:aws:apigateway:{scope.region}::/apis/"
    found: Tagged = {}
    for api in await _pages(world, scope, "apigatewayv2", "GetApis", "Items", "NextToken", "NextToken", MaxResults="500"):
        found[start + api["ApiId"]] = (await world.ask("apigatewayv2", "GetTags", {"ResourceArn": start + api["ApiId"]}, scope)).get("Tags", {})
        for stage in (await world.ask("apigatewayv2", "GetStages", {"ApiId": api["ApiId"]}, scope)).get("Items", []):
            arn = f"{start}{api['ApiId']}/stages/{stage['StageName']}"
            found[arn] = (await world.ask("apigatewayv2", "GetTags", {"ResourceArn": arn}, scope)).get("Tags", {})
    return found


async def _log_groups(world: World, scope: Scope) -> Tagged:
    groups = await _pages(world, scope, "logs", "DescribeLogGroups", "logGroups", "nextToken", "nextToken", limit=50)
    arns = [world.arn("logs", scope, f"log-group:{group['logGroupName']}") for group in groups]
    answers = await asyncio.gather(*(world.ask("logs", "ListTagsForResource", {"resourceArn": arn}, scope) for arn in arns))
    return {arn: answer.get("tags", {}) for arn, answer in zip(arns, answers, strict=True)}


async def _event_source_mappings(world: World, scope: Scope) -> Tagged:
    mappings = await _pages(world, scope, "lambda", "ListEventSourceMappings", "EventSourceMappings", "Marker", "NextMarker", MaxItems=100)
    found: Tagged = {}
    for mapping in mappings:
        arn = world.arn("lambda", scope, f"event-source-mapping:{mapping['UUID']}")
        try:
            found[arn] = (await world.ask("lambda", "ListTags", {"Resource": arn}, scope)).get("Tags", {})
        except AskFailed:
            continue
    return found


async def _state_machines(world: World, scope: Scope) -> Tagged:
    found: Tagged = {}
    for machine in await _pages(world, scope, "stepfunctions", "ListStateMachines", "stateMachines", "nextToken", "nextToken"):
        arn = machine["stateMachineArn"]
        found[arn] = _pairs((await world.ask("stepfunctions", "ListTagsForResource", {"resourceArn": arn}, scope)).get("tags"))
    return found


async def _secrets(world: World, scope: Scope) -> Tagged:
    secrets = await _pages(world, scope, "secretsmanager", "ListSecrets", "SecretList", "NextToken", "NextToken")
    return {secret["ARN"]: _pairs(secret.get("Tags")) for secret in secrets}


async def _streams(world: World, scope: Scope) -> Tagged:
    found: Tagged = {}
    for name in (await world.ask("kinesis", "ListStreams", {}, scope)).get("StreamNames", []):
        tags = (await world.ask("kinesis", "ListTagsForStream", {"StreamName": name}, scope)).get("Tags")
        found[world.arn("kinesis", scope, f"stream/{name}")] = _pairs(tags)
    return found


async def _of_iot(world: World, scope: Scope) -> Tagged:
    rules = (await world.ask("iot", "ListTopicRules", {}, scope)).get("rules", [])
    templates = (await world.ask("iot", "ListProvisioningTemplates", {}, scope)).get("templates", [])
    arns = [rule["ruleArn"] for rule in rules] + [template["templateArn"] for template in templates]
    answers = await asyncio.gather(*(world.ask("iot", "ListTagsForResource", {"resourceArn": arn}, scope) for arn in arns))
    return {arn: _pairs(answer.get("tags")) for arn, answer in zip(arns, answers, strict=True)}


async def _stacks(world: World, scope: Scope) -> Tagged:
    stacks = await _pages(world, scope, "cloudformation", "DescribeStacks", "Stacks", "NextToken", "NextToken")
    return {s["StackId"]: _pairs(s.get("Tags")) for s in stacks if s["StackStatus"] != "DELETE_COMPLETE"}


COLLECTORS: tuple[Collector, ...] = (
    _known_to_the_emulator, _rest_apis, _http_apis, _log_groups, _event_source_mappings, _state_machines, _secrets, _streams, _stacks,
    _of_iot, consumers.tagged, balancers.tagged, code_deploy.tagged,
)


async def _everything(world: World, scope: Scope) -> Tagged:
    async def collected(collector: Collector) -> Tagged:
        try:
            return await collector(world, scope)
        except (AskFailed, aiohttp.ClientConnectionError):
            return {}  # deleted while we looked
        except RuntimeError:
            if not world.backend.http.closed:
                raise
            return {}  # the whole cloud was ended

    found: Tagged = {}
    for part in await asyncio.gather(*(collected(collector) for collector in COLLECTORS)):
        found.update(part)
    return {arn: tags for arn, tags in found.items() if tags}


class _History:
    def __init__(self) -> None:
        self.snapshots: dict[str, list[tuple[float, Tagged]]] = {}  # region -> oldest first
        self.due: dict[str, asyncio.Task[None]] = {}


async def before_write(world: World, scope: Scope) -> None:
    """Called for every write before it is carried out."""
    if world.settings["consistency.tagging_s"] <= 0:
        return
    history = world.of(_History, scope)
    if scope.region not in history.snapshots:
        history.snapshots[scope.region] = [(float("-inf"), {})]
        history.snapshots[scope.region] = [(float("-inf"), await _everything(world, scope))]


def after_write(world: World, scope: Scope) -> None:
    """Called for every write after it was carried out."""
    lag = world.settings["consistency.tagging_s"]
    history = world.of(_History, scope)
    if lag <= 0 or scope.region in history.due:
        return

    async def look() -> None:
        # A quarter of the lag: the picture need not be exact, and a deploy
        # of hundreds of calls must not pay for hundreds of pictures.
        await asyncio.sleep(min(lag / 4, 5))
        history.due.pop(scope.region, None)
        if world.of(_History, scope) is history:  # not after a reset
            taken = time.monotonic()
            kept = history.snapshots.setdefault(scope.region, [])
            kept.append((taken, await _everything(world, scope)))

    history.due[scope.region] = asyncio.create_task(look())


async def _visible(world: World, scope: Scope) -> Tagged:
    lag = world.settings["consistency.tagging_s"]
    snapshots = world.of(_History, scope).snapshots.get(scope.region)
    if lag <= 0 or not snapshots:
        return await _everything(world, scope)
    latest = time.monotonic() - lag
    while len(snapshots) > 1 and snapshots[1][0] <= latest:
        snapshots.pop(0)
    return snapshots[0][1]


def _of_type(arn: str, wanted: str) -> bool:
    """`lambda` or `lambda:function`, as in ResourceTypeFilters."""
    service, _, kind = wanted.partition(":")
    parts = arn.split(":", 5)
    if parts[2] != service:
        return False
    rest = parts[5].lstrip("/")
    return not kind or rest == kind or rest.startswith((kind + "/", kind + ":")) or (service in ("s3", "sqs", "sns"))


def _fits(tags: dict[str, str], filters: list[dict[str, Any]]) -> bool:
    return all(f.get("Key") in tags and (not f.get("Values") or tags[f["Key"]] in f["Values"]) for f in filters)


@around("resourcegroupstaggingapi.GetResources")
async def get_resources(world: World, request: Request, _: Any) -> Answer:
    wanted = request.parameters
    size = wanted.get("ResourcesPerPage") or 50
    start = 0
    if wanted.get("PaginationToken"):
        try:
            start = int(base64.b64decode(wanted["PaginationToken"], validate=True))
        except ValueError as problem:
            raise Refusal("PaginationTokenExpiredException", "A PaginationToken is valid for a maximum of 15 minutes.", 400) from problem
    visible = await _visible(world, request.scope)
    types, arns, filters = wanted.get("ResourceTypeFilters") or [], wanted.get("ResourceARNList"), wanted.get("TagFilters") or []
    found = sorted(
        arn for arn, tags in visible.items()
        if _fits(tags, filters) and (not types or any(_of_type(arn, t) for t in types)) and (not arns or arn in arns)
    )
    page = found[start:start + size]
    more = start + size < len(found)
    return json_answer({
        # Empty at the end, and not absent: whoever pages "while there is a
        # token" must look at its text.
        "PaginationToken": base64.b64encode(str(start + size).encode()).decode() if more else "",
        "ResourceTagMappingList": [
            {"ResourceARN": arn, "Tags": [{"Key": k, "Value": v} for k, v in sorted(visible[arn].items())]} for arn in page
        ],
    })
