"""HTTP and WebSocket APIs route by route."""

from __future__ import annotations

from conftest import Cloud
from test_rules import refused


def test_a_route_is_there_once_and_holds_on_to_its_integration(cloud: Cloud) -> None:
    aws = cloud.client("apigatewayv2")
    api = aws.create_api(Name="shared", ProtocolType="HTTP")["ApiId"]
    integration = aws.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="https://example.com",
        PayloadFormatVersion="1.0",
    )["IntegrationId"]
    route = aws.create_route(ApiId=api, RouteKey="GET /a", Target=f"integrations/{integration}")["RouteId"]
    with refused("ConflictException", "Route with key GET /a already exists", 409):
        aws.create_route(ApiId=api, RouteKey="GET /a")
    aws.create_route(ApiId=api, RouteKey="POST /a")
    with refused("ConflictException", "referenced by Route", 409):
        aws.delete_integration(ApiId=api, IntegrationId=integration)
    aws.delete_route(ApiId=api, RouteId=route)
    aws.delete_integration(ApiId=api, IntegrationId=integration)
