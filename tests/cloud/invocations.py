"""Who may invoke a function, and what it is given: APIs and function URLs need a statement in its policy, which the
emulator never looks for, and REST APIs may map what goes in and out (see mapping).

A deploy that forgets the permission works on the emulator and answers 500 or 403 on AWS. SNS, EventBridge and the
other services that invoke from inside the emulator cannot be stopped from here.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from multidict import CIMultiDictProxy

from . import mapping
from .answers import Answer
from .openapi import rest_export
from .openapi.document import ANY
from .operations import Scope
from .policies import admits, statements
from .rules.functions import plain_name
from .world import AskFailed, Request, World, after, body_of

_URL_ID = re.compile(r"(?:lambda-url/|https?://)([a-z0-9]+)(?:\.lambda-url|/|$)")
_FORBIDDEN = (b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
              b'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}')


class _Known:
    def __init__(self) -> None:
        self.urls: dict[str, tuple[str, str, str | None]] = {}  # id -> region, function, qualifier
        self.admitted: set[tuple[str, ...]] = set()
        self.unmapped: set[tuple[str, ...]] = set()
        self.as_of = -1  # the count of writes that both were found at

    def current(self, world: World) -> _Known:
        # Permissions and routes change by writes alone, so between two of them
        # what was found stays so.
        if self.as_of != world.writes:
            self.admitted.clear()
            self.unmapped.clear()
            self.as_of = world.writes
        return self


@after("lambda.CreateFunctionUrlConfig", "lambda.GetFunctionUrlConfig", "lambda.UpdateFunctionUrlConfig", "lambda.ListFunctionUrlConfigs")
async def note_urls(world: World, request: Request, answer: Answer) -> None:
    if not answer.ok:
        return
    content = body_of(answer)
    for config in content.get("FunctionUrlConfigs", [content]):
        found = _URL_ID.search(config.get("FunctionUrl", ""))
        if found:
            tail = config["FunctionArn"].split(":function:")[-1].split(":")
            world.of(_Known).urls[found[1]] = (request.scope.region, tail[0], tail[1] if len(tail) > 1 else None)


async def refused(world: World, method: str, raw_path: str) -> Answer | None:
    """What the data plane answers to a request that may not invoke its function; None where it may."""
    if not world.settings["constraints.invocations"]:
        return None
    known = world.of(_Known).current(world)
    parts = raw_path.lstrip("/").split("/")
    if len(parts) < 3 or (method, raw_path) in known.admitted:
        return None
    try:
        if parts[1] == "lambda-url":
            answer = await _url_refused(world, parts[2])
        elif parts[1] == "execute-api":
            answer = await _api_refused(world, method, parts[2], parts[3:])
        else:
            return None
    except AskFailed:
        return None  # the emulator says what is missing
    if answer is None:
        known.admitted.add((method, raw_path))
    return answer


async def mapped(
    world: World, method: str, raw_path: str, query: str, headers: CIMultiDictProxy[str], body: bytes
) -> Answer | None:
    """What a method answers that is no proxy to its function; None where the emulator can answer by itself."""
    known = world.of(_Known).current(world)
    parts = raw_path.lstrip("/").split("/")
    if len(parts) < 4 or parts[1] != "execute-api" or (method, raw_path) in known.unmapped:
        return None
    scope = _scope(world)
    path = [part for part in parts[4:] if part]
    try:
        found = await _rest_method(world, scope, parts[2], method, path)
        if found is not None and mapping.is_mapped(found[2]):
            stage = await world.ask("apigateway", "GetStage", {"restApiId": parts[2], "stageName": parts[3]}, scope)
            return await mapping.answer(world, scope, found[1], found[2], method, path, query, headers, body, stage)
    except AskFailed:
        pass  # no REST API, or no such stage
    known.unmapped.add((method, raw_path))
    return None


async def _policy(world: World, scope: Scope, function: str, qualifier: str | None) -> dict[str, Any]:
    try:
        got = await world.ask("lambda", "GetPolicy", {"FunctionName": function, **({"Qualifier": qualifier} if qualifier else {})}, scope)
    except AskFailed:
        return {}
    return dict(json.loads(got["Policy"]))


def _scope(world: World, region: str | None = None) -> Scope:
    return Scope(world.backend.account, region or world.backend.region, "lambda")


async def _url_refused(world: World, url: str) -> Answer | None:
    if url not in world.of(_Known).urls:
        return None
    region, function, qualifier = world.of(_Known).urls[url]
    scope = _scope(world, region)
    named = {"FunctionName": function, **({"Qualifier": qualifier} if qualifier else {})}
    config = await world.ask("lambda", "GetFunctionUrlConfig", named, scope)
    if config.get("AuthType") != "NONE":
        return None  # the caller's own policies count, which the emulator checks under --auth
    policy = await _policy(world, scope, function, qualifier)
    public = {
        action for statement in statements(policy)
        if statement.get("Effect") == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"})
        for action in ([statement["Action"]] if isinstance(statement.get("Action"), str) else statement.get("Action") or [])
    }
    # [S] lambda/latest/dg/urls-auth: "Starting in October 2025, new function
    # URLs will require both lambda:InvokeFunctionUrl and lambda:InvokeFunction permissions."
    if public >= {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} or "lambda:*" in public:
        return None
    return Answer(403, {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"}, _FORBIDDEN)


async def _api_refused(world: World, method: str, api: str, path: list[str]) -> Answer | None:
    scope = _scope(world)
    try:
        found = await _http_route(world, scope, api, method, path)
        message = b'{"message":"Internal Server Error"}'
    except AskFailed:
        found = await _rest_route(world, scope, api, method, path)
        message = b'{"message": "Internal server error"}'
    if found is None:
        return None
    uri, stage, source_method, source_path = found
    if not await _deployed(world, scope, api, stage, method, source_path):
        return Answer(403, {"Content-Type": "application/json", "x-amzn-ErrorType": "MissingAuthenticationTokenException"},
                      b'{"message":"Missing Authentication Token"}')
    if ":function:" not in uri:
        return None
    arn = uri.split("/functions/")[-1].removesuffix("/invocations")
    tail = arn.split(":function:")[-1].split(":")
    policy = await _policy(world, scope, plain_name(arn), tail[1] if len(tail) > 1 else None)
    source = world.arn("execute-api", scope, f"{api}/{stage}/{source_method}{source_path}")
    if admits(policy, "apigateway.amazonaws.com", "lambda:InvokeFunction", source, world.backend.account):
        return None
    return Answer(500, {"Content-Type": "application/json"}, message)


async def _deployed(world: World, scope: Scope, api: str, stage: str, method: str, path: str) -> bool:
    """Whether a REST API's method was there when its stage was last deployed; what is not known counts as yes.

    The emulator serves edits at once; API Gateway serves a stage's deployment. Methods that a deployment has are
    served as they are now, even so.
    """
    try:
        deployment = (await world.ask("apigateway", "GetStage", {"restApiId": api, "stageName": stage}, scope))["deploymentId"]
    except (AskFailed, KeyError):
        return True
    document = rest_export.deployed_document(world, api, deployment)
    if document is None:
        return True
    item = document["paths"].get(path, {})
    return ANY in item or method.lower() in item


def _fit(template: str, path: list[str]) -> tuple[int, ...] | None:
    """How well a path fits a template, greater is better; None where it does not."""
    wanted = [part for part in template.split("/") if part]
    score: list[int] = []
    for number, part in enumerate(wanted):
        if part.startswith("{") and part.endswith("+}"):
            return (*score, 0) if len(path) > number else None
        if number >= len(path):
            return None
        if part.startswith("{"):
            score.append(1)
        elif part == path[number]:
            score.append(2)
        else:
            return None
    return tuple(score) if len(wanted) == len(path) else None


Leads = TypeVar("Leads")
Found = tuple[str, str, str, str]  # integration URI, stage, method and path of the source ARN


def _best(candidates: list[tuple[str, str, Leads]], method: str, path: list[str]) -> tuple[str, str, Leads] | None:
    """Of (method, template, where it leads) the one that serves the request."""
    fitting = [
        ((fit, kind == method), (kind, template, leads)) for kind, template, leads in candidates
        if kind in (method, "ANY") and (fit := _fit(template, path)) is not None
    ]
    return max(fitting, key=lambda entry: entry[0])[1] if fitting else None


async def _http_route(world: World, scope: Scope, api: str, method: str, path: list[str]) -> Found | None:
    stages = {s["StageName"] for s in (await world.ask("apigatewayv2", "GetStages", {"ApiId": api}, scope)).get("Items", [])}
    stage = path[0] if path and path[0] in stages else "$default"
    rest = [part for part in (path[1:] if path and path[0] == stage else path) if part]
    routes = (await world.ask("apigatewayv2", "GetRoutes", {"ApiId": api}, scope)).get("Items", [])
    integrations = (await world.ask("apigatewayv2", "GetIntegrations", {"ApiId": api}, scope)).get("Items", [])
    uris = {f"integrations/{i['IntegrationId']}": i.get("IntegrationUri") or "" for i in integrations}
    candidates = []
    for route in routes:
        kind, _, template = route["RouteKey"].partition(" ")
        candidates.append((kind, template, uris.get(route.get("Target", ""), "")))
    best = _best(candidates, method, rest)
    if best is None:
        fallback = next((uri for kind, _, uri in candidates if kind == "$default"), None)
        return (fallback, stage, "$default", "") if fallback else None
    kind, template, uri = best
    return uri, stage, "*" if kind == "ANY" else kind, template


async def _rest_method(world: World, scope: Scope, api: str, method: str, path: list[str]) -> tuple[str, str, dict[str, Any]] | None:
    """The method that serves a request: its verb, its resource's path, and itself."""
    page = await world.ask("apigateway", "GetResources", {"restApiId": api, "limit": 500, "embed": ["methods"]}, scope)
    candidates = [
        (kind, resource["path"], live) for resource in page.get("items", []) for kind, live in (resource.get("resourceMethods") or {}).items()
    ]
    return _best(candidates, method, path)


async def _rest_route(world: World, scope: Scope, api: str, method: str, path: list[str]) -> Found | None:
    best = await _rest_method(world, scope, api, method, [part for part in path[1:] if part])
    if best is None or not path:
        return None
    # The ARN names the method of the request, and the resource, not the path.
    return (best[2].get("methodIntegration") or {}).get("uri") or "", path[0], method, best[1]
