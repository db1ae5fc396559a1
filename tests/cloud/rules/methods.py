"""REST APIs method by method: what the emulator takes without a word, or forgets."""

from __future__ import annotations

from typing import Any

from ..answers import Answer, Refusal
from ..openapi.rest_builder import Builder
from ..world import AskFailed, Proceed, Request, World, after, around, before, body_of, with_body


def _place(request: Request) -> dict[str, Any]:
    return {key: request.parameters[key] for key in ("restApiId", "resourceId", "httpMethod")}


@before("apigateway.PutMethod")
async def a_method_is_there_once(world: World, request: Request) -> None:
    try:
        await world.ask("apigateway", "GetMethod", _place(request), request)
    except AskFailed:
        return
    raise Refusal("ConflictException", "Method already exists for this resource", 409)


@after("apigateway.PutIntegration")
async def the_cache_namespace_is_kept(world: World, request: Request, answer: Answer) -> Answer | None:
    """The emulator always says the resource's id, which is only the default."""
    namespace = request.parameters.get("cacheNamespace")
    if not answer.ok or not namespace:
        return None
    patch = [{"op": "replace", "path": "/cacheNamespace", "value": namespace}]
    await world.ask("apigateway", "UpdateIntegration", {**_place(request), "patchOperations": patch}, request)
    return with_body(answer, {**body_of(answer), "cacheNamespace": namespace})


@around("apigateway.DeleteResource")
async def everything_beneath_goes_along(world: World, request: Request, proceed: Proceed) -> Answer:
    builder = Builder(world, request, request.parameters["restApiId"], {})
    doomed = {request.parameters["resourceId"]}
    resources = sorted(await builder.everything("GetResources"), key=lambda resource: str(resource["path"]).count("/"))
    for resource in resources:
        if resource.get("parentId") in doomed:
            doomed.add(resource["id"])
            await builder.ask("DeleteResource", resourceId=resource["id"])
    return await proceed()
