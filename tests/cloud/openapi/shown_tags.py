"""Tags of APIs, their stages and domains: the emulator keeps what TagResource and UntagResource wrote apart from what
it shows."""

from __future__ import annotations

import asyncio
from typing import Any

from ..answers import Answer
from ..world import AskFailed, Request, World, after, body_of, with_body


async def shown(world: World, request: Request, path: str, thing: dict[str, Any]) -> None:
    """Gives an API or a stage, at its path in an ARN, the tags that it has now."""
    arn = f"arn:aws:apigateway:{request.scope.region}::{path}"
    try:
        if request.operation.service == "apigateway":
            thing["tags"] = (await world.ask("apigateway", "GetTags", {"resourceArn": arn}, request)).get("tags", {})
        else:
            thing["tags"] = (await world.ask("apigatewayv2", "GetTags", {"ResourceArn": arn}, request)).get("Tags", {})
    except AskFailed:
        return


def _place(thing: dict[str, Any]) -> str | None:
    """What follows the region in its ARN; nothing for what has no tags."""
    for key, kind in (("domainName", "domainnames"), ("id", "restapis"), ("apiId", "apis")):
        if key in thing:
            return f"/{kind}/{thing[key]}"
    return None


def _things(content: dict[str, Any]) -> list[dict[str, Any]]:
    items = content.get("items", content.get("item"))
    return items if isinstance(items, list) else [content]


@after("apigateway.GetRestApi", "apigateway.GetRestApis", "apigateway.CreateRestApi", "apigateway.ImportRestApi",
       "apigateway.PutRestApi", "apigateway.UpdateRestApi", "apigateway.GetDomainName", "apigateway.GetDomainNames", "apigatewayv2.GetApi", "apigatewayv2.GetApis", "apigatewayv2.CreateApi",
       "apigatewayv2.UpdateApi", "apigatewayv2.ImportApi", "apigatewayv2.ReimportApi")
async def tags_are_shown(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    content = body_of(answer)
    places = ((_place(thing), thing) for thing in _things(content))
    await asyncio.gather(*(shown(world, request, place, thing) for place, thing in places if place is not None))
    return with_body(answer, content)


@after("apigateway.GetStage", "apigateway.GetStages", "apigateway.UpdateStage", "apigatewayv2.GetStage", "apigatewayv2.GetStages",
       "apigatewayv2.UpdateStage")
async def tags_of_stages_are_shown(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    content = body_of(answer)
    wanted = request.parameters
    api = f"/restapis/{wanted['restApiId']}" if "restApiId" in wanted else f"/apis/{wanted['ApiId']}"
    stages = [stage for stage in _things(content) if stage.get("stageName")]
    await asyncio.gather(*(shown(world, request, f"{api}/stages/{stage['stageName']}", stage) for stage in stages))
    return with_body(answer, content)


@after("apigateway.CreateStage")
async def tags_of_a_new_stage_are_kept(world: World, request: Request, answer: Answer) -> Answer | None:
    """The emulator does not write them down where TagResource does, and keeps those of an earlier stage of that name."""
    if not answer.ok:
        return None
    wanted = request.parameters
    arn = {"resourceArn": f"arn:aws:apigateway:{request.scope.region}::/restapis/{wanted['restApiId']}/stages/{wanted['stageName']}"}
    if old := (await world.ask("apigateway", "GetTags", arn, request)).get("tags"):
        await world.ask("apigateway", "UntagResource", {**arn, "tagKeys": list(old)}, request)
    if tags := wanted.get("tags"):
        await world.ask("apigateway", "TagResource", {**arn, "tags": tags}, request)
    return None


@after("apigateway.CreateDomainName")
async def tags_of_a_new_domain_are_kept(world: World, request: Request, answer: Answer) -> None:
    """The emulator shows them, but keeps them where UntagResource does not look."""
    if answer.ok and request.parameters.get("tags"):
        arn = f"arn:aws:apigateway:{request.scope.region}::/domainnames/{request.parameters['domainName']}"
        await world.ask("apigateway", "TagResource", {"resourceArn": arn, "tags": request.parameters["tags"]}, request)
