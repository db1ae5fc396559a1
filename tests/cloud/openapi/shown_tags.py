"""Tags of APIs: the emulator keeps what TagResource wrote apart from what GetApi and GetRestApi show."""

from __future__ import annotations

import asyncio
from typing import Any

from ..answers import Answer
from ..world import AskFailed, Request, World, after, body_of, with_body


async def _fill(world: World, request: Request, thing: dict[str, Any]) -> None:
    region = request.scope.region
    try:
        if request.operation.service == "apigateway":
            arn = f"arn:aws:apigateway:{region}::/restapis/{thing['id']}"
            thing["tags"] = (await world.ask("apigateway", "GetTags", {"resourceArn": arn}, request)).get("tags", {})
        else:
            arn = f"arn:aws:apigateway:{region}::/apis/{thing['apiId']}"
            thing["tags"] = (await world.ask("apigatewayv2", "GetTags", {"ResourceArn": arn}, request)).get("Tags", {})
    except AskFailed:
        return


@after("apigateway.GetRestApi", "apigateway.GetRestApis", "apigateway.CreateRestApi", "apigateway.ImportRestApi",
       "apigateway.PutRestApi", "apigateway.UpdateRestApi", "apigatewayv2.GetApi", "apigatewayv2.GetApis", "apigatewayv2.CreateApi",
       "apigatewayv2.UpdateApi", "apigatewayv2.ImportApi", "apigatewayv2.ReimportApi")
async def tags_are_shown(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    content = body_of(answer)
    items = content.get("items", content.get("item"))
    things = items if isinstance(items, list) else [content]
    await asyncio.gather(*(_fill(world, request, thing) for thing in things if thing.get("id") or thing.get("apiId")))
    return with_body(answer, content)
