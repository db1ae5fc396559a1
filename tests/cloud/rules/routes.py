"""Routes of HTTP and WebSocket APIs one by one: what the emulator takes without a word."""

from __future__ import annotations

from ..answers import Refusal
from ..world import Request, World, before


@before("apigatewayv2.CreateRoute")
async def a_route_is_there_once(world: World, request: Request) -> None:
    key = request.parameters["RouteKey"]
    routes = await world.ask("apigatewayv2", "GetRoutes", {"ApiId": request.parameters["ApiId"]}, request)
    if any(route["RouteKey"] == key for route in routes["Items"]):
        raise Refusal("ConflictException", f"Route with key {key} already exists for this API", 409)


@before("apigatewayv2.DeleteIntegration")
async def a_route_holds_on_to_its_integration(world: World, request: Request) -> None:
    integration = request.parameters["IntegrationId"]
    routes = await world.ask("apigatewayv2", "GetRoutes", {"ApiId": request.parameters["ApiId"]}, request)
    for route in routes["Items"]:
        if route.get("Target") == f"integrations/{integration}":
            message = f"Cannot delete Integration '{integration}' because it is referenced by Route '{route['RouteId']}'"
            raise Refusal("ConflictException", message, 409)
