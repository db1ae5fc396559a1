"""Addresses of what was deployed: the emulator names hosts that lead nowhere from here, the front puts its own in their place."""

from __future__ import annotations

import re
from typing import Any

from .answers import Answer
from .world import Request, World, after, body_of, with_body

_FUNCTION_URL = re.compile(r"https?://([a-z0-9]+)\.lambda-url\.[^/]+/?")


def _rewritten(world: World, content: Any) -> None:
    """Changes FunctionUrl and apiEndpoint in place, in a thing or a list of things."""
    if isinstance(content.get("FunctionUrl"), str):
        content["FunctionUrl"] = _FUNCTION_URL.sub(lambda m: f"{world.url}/_aws/lambda-url/{m[1]}/", content["FunctionUrl"])
    if "apiEndpoint" in content and content.get("apiId"):
        # A stage's name follows, or nothing for $default: the emulator tells them apart.
        scheme = "ws" if content.get("protocolType") == "WEBSOCKET" else "http"
        content["apiEndpoint"] = f"{scheme}{world.url.removeprefix('http')}/_aws/execute-api/{content['apiId']}"
    for key in ("FunctionUrlConfigs", "items"):
        for item in content.get(key) or ():
            _rewritten(world, item)


@after("lambda.CreateFunctionUrlConfig", "lambda.GetFunctionUrlConfig", "lambda.UpdateFunctionUrlConfig", "lambda.ListFunctionUrlConfigs",
       "apigatewayv2.CreateApi", "apigatewayv2.GetApi", "apigatewayv2.GetApis", "apigatewayv2.UpdateApi", "apigatewayv2.ImportApi",
       "apigatewayv2.ReimportApi")
async def addresses_lead_here(world: World, _: Request, answer: Answer) -> Answer | None:
    if not answer.ok or not world.settings["urls.rewrite"]:
        return None
    content = body_of(answer)
    _rewritten(world, content)
    return with_body(answer, content)
