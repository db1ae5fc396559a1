"""Tags of APIs and domains: the emulator keeps what TagResource wrote apart from what GetApi and its kin show."""

from __future__ import annotations

import asyncio
from typing import Any

from ..answers import Answer
from ..world import AskFailed, Request, World, after, body_of, with_body


_IDS = ("id", "apiId", "domainName")


async def _fill(world: World, request: Request, thing: dict[str, Any]) -> None:
    region = request.scope.region
    try:
        if request.operation.service == "apigateway":
            place = f"domainnames/{thing['domainName']}" if "domainName" in thing else f"restapis/{thing['id']}"
            arn = f"arn:aws:apigateway:{region}::/{place}"
            thing["tags"] = (await world.ask("apigateway", "GetTags", {"resourceArn": arn}, request)).get("tags", {})
        else:
            arn = f"arn:aws:apigateway:{region}::/apis/{thing['apiId']}"
            thing["tags"] = (await world.ask("apigatewayv2", "GetTags", {"ResourceArn": arn}, request)).get("Tags", {})
    except AskFailed:
        return


@after("apigateway.GetRestApi", "apigateway.GetRestApis", "apigateway.CreateRestApi", "apigateway.ImportRestApi",
       "apigateway.PutRestApi", "apigateway.UpdateRestApi", "apigateway.GetDomainName", "apigateway.GetDomainNames", "apigatewayv2.GetApi", "apigatewayv2.GetApis", "apigatewayv2.CreateApi",
       "apigatewayv2.UpdateApi", "apigatewayv2.ImportApi", "apigatewayv2.ReimportApi")
async def tags_are_shown(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    content = body_of(answer)
    items = content.get("items", content.get("item"))
    things = items if isinstance(items, list) else [content]
    await asyncio.gather(*(_fill(world, request, thing) for thing in things if any(map(thing.get, _IDS))))
    return with_body(answer, content)


@after("apigateway.CreateDomainName")
async def tags_of_a_new_domain_are_kept(world: World, request: Request, answer: Answer) -> None:
    """The emulator shows them, but keeps them where UntagResource does not look."""
    if answer.ok and request.parameters.get("tags"):
        arn = f"arn:aws:apigateway:{request.scope.region}::/domainnames/{request.parameters['domainName']}"
        await world.ask("apigateway", "TagResource", {"resourceArn": arn, "tags": request.parameters["tags"]}, request)
