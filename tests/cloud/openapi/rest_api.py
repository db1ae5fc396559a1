"""The operations of REST APIs that the emulator lacks or gets wrong."""

from __future__ import annotations

from ..answers import Answer, Refusal
from ..world import AskFailed, Proceed, Request, World, around
from .document import Document, parsed, title
from .rest_builder import Builder
from .rest_export import export_of


async def _shown(world: World, request: Request, api: str, status: int) -> Answer:
    answer = await world.ask_raw("apigateway", "GetRestApi", {"restApiId": api}, request)
    return Answer(status, answer.headers, answer.body)


@around("apigateway.ImportRestApi")
async def import_rest_api(world: World, request: Request, _: Proceed) -> Answer:
    document = parsed(request.parameters.get("body"))
    made = await world.ask("apigateway", "CreateRestApi", {"name": title(document)}, request)
    try:
        await Builder(world, request, made["id"], document).build()
    except Refusal:
        await world.ask("apigateway", "DeleteRestApi", {"restApiId": made["id"]}, request)
        raise
    return await _shown(world, request, made["id"], 201)


@around("apigateway.PutRestApi")
async def put_rest_api(world: World, request: Request, _: Proceed) -> Answer:
    api = request.parameters["restApiId"]
    document = parsed(request.parameters.get("body"))
    try:
        await world.ask("apigateway", "GetRestApi", {"restApiId": api}, request)
    except AskFailed as problem:
        raise Refusal("NotFoundException", "Invalid API identifier specified " + f"{world.backend.account}:{api}", 404) from problem
    if request.parameters.get("mode", "merge") == "merge":
        # Merging keeps what is there: the new document over the old one.
        document = _merged(await export_of(world, request, api), document)
    await Builder(world, request, api, document).build()
    return await _shown(world, request, api, 200)


def _merged(old: Document, new: Document) -> Document:
    out = dict(old)
    for key, value in new.items():
        out[key] = _merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


@around("apigateway.UpdateRestApi")
async def update_rest_api(world: World, request: Request, proceed: Proceed) -> Answer:
    """The emulator takes `/binaryMediaTypes/image~1png` for a path into a map; on AWS it is an entry of a list."""
    patches = request.parameters.get("patchOperations") or []
    listed = [p for p in patches if str(p.get("path", "")).startswith("/binaryMediaTypes/")]
    if not listed:
        return await proceed()
    api = request.parameters["restApiId"]
    builder = Builder(world, request, api, {})
    types = list((await builder.ask("GetRestApi")).get("binaryMediaTypes") or [])
    for patch in listed:
        media = patch["path"].split("/", 2)[2].replace("~1", "/").replace("~0", "~")
        if patch.get("op") in ("add", "replace"):
            new = patch.get("value") or media
            types = [t for t in types if t != media] + [new]
        elif media in types:
            types.remove(media)
    rest = [p for p in patches if p not in listed]
    await builder.ask("UpdateRestApi", patchOperations=[*rest, {"op": "replace", "path": "/binaryMediaTypes", "value": types}])
    return await _shown(world, request, api, 200)
