"""HTTP APIs: a document made into routes, integrations and authorizers, and read back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import yaml

from ..answers import Answer, Refusal
from ..world import AskFailed, Proceed, Request, World, around
from .document import (
    ANY,
    AUTHORIZER,
    INTEGRATION,
    Document,
    method_key,
    operations,
    parsed,
    referred,
    security_schemes,
    tags,
    title,
    without_empty,
)

CORS = "x-amazon-apigateway-cors"
ENDPOINTS = "x-amazon-apigateway-endpoint-configuration"
VERSION = "x-amazon-apigateway-importexport-version"
DEFAULT_PATH = "/$default"


class _Unkept:
    """What the emulator drops of an integration and API Gateway shows."""

    def __init__(self) -> None:
        self.integrations: dict[tuple[str, str], Document] = {}


# Members of an integration: the extension's name and the API's.
_INTEGRATION_MEMBERS = (
    ("type", "IntegrationType"), ("httpMethod", "IntegrationMethod"), ("uri", "IntegrationUri"),
    ("payloadFormatVersion", "PayloadFormatVersion"), ("connectionType", "ConnectionType"), ("connectionId", "ConnectionId"),
    ("credentials", "CredentialsArn"), ("timeoutInMillis", "TimeoutInMillis"), ("requestParameters", "RequestParameters"),
    ("responseParameters", "ResponseParameters"), ("subtype", "IntegrationSubtype"), ("description", "Description"),
    ("tlsConfig", "TlsConfig"),
)
_CORS_MEMBERS = (
    ("allowOrigins", "AllowOrigins"), ("allowMethods", "AllowMethods"), ("allowHeaders", "AllowHeaders"),
    ("exposeHeaders", "ExposeHeaders"), ("maxAge", "MaxAge"), ("allowCredentials", "AllowCredentials"),
)


class _Builder:
    def __init__(self, world: World, request: Request, api: str, document: Document) -> None:
        self.world, self.request, self.api, self.document = world, request, api, document
        self.authorizers: dict[str, Document] = {}

    async def ask(self, operation: str, /, **parameters: Any) -> dict[str, Any]:
        try:
            return await self.world.ask("apigatewayv2", operation, {"ApiId": self.api, **parameters}, self.request)
        except AskFailed as problem:
            raise Refusal(problem.code, problem.message, problem.status) from problem

    async def build(self, creating: bool) -> None:
        await self._settings()
        await self._authorizers()
        await self._routes()
        await self._clean_up()
        if creating:
            wanted = tags(self.document)
            if wanted:
                arn = f"arn:aws:apigateway:{self.request.scope.region}::/apis/{self.api}"
                await self.world.ask("apigatewayv2", "TagResource", {"ResourceArn": arn, "Tags": wanted}, self.request)

    async def _settings(self) -> None:
        info = self.document.get("info") or {}
        settings: Document = {
            "Name": title(self.document), "Description": info.get("description", ""), "Version": str(info.get("version", "")),
            "DisableExecuteApiEndpoint": bool((self.document.get(ENDPOINTS) or {}).get("disableExecuteApiEndpoint", False)),
        }
        cors = self.document.get(CORS)
        if cors:
            settings["CorsConfiguration"] = _cors(cors)
        else:
            await self.ask("DeleteCorsConfiguration")
        await self.ask("UpdateApi", **settings)

    async def _authorizers(self) -> None:
        live = {a["Name"]: a for a in (await self.ask("GetAuthorizers")).get("Items", [])}
        for name, scheme in security_schemes(self.document).items():
            if AUTHORIZER not in scheme:
                continue
            wanted = _authorizer(name, scheme)
            if name in live:
                kept = live[name]["AuthorizerId"]
                await self.ask("UpdateAuthorizer", AuthorizerId=kept, **wanted)
            else:
                kept = (await self.ask("CreateAuthorizer", **wanted))["AuthorizerId"]
            self.authorizers[name] = {"id": kept, "type": wanted["AuthorizerType"]}

    async def _routes(self) -> None:
        live = {route["RouteKey"]: route for route in (await self.ask("GetRoutes", MaxResults="1000")).get("Items", [])}
        integrations = {i["IntegrationId"]: i for i in (await self.ask("GetIntegrations", MaxResults="1000")).get("Items", [])}
        wanted = {_route_key(path, method, op): op for path, method, op in operations(self.document)}
        shared: dict[str, asyncio.Task[str]] = {}
        await asyncio.gather(*(self._route(key, op, live.get(key), integrations, shared) for key, op in wanted.items()))
        for key in live.keys() - wanted.keys():
            await self.ask("DeleteRoute", RouteId=live[key]["RouteId"])

    async def _route(
        self, key: str, operation: Document, live: Document | None, integrations: dict[str, Document], shared: dict[str, asyncio.Task[str]]
    ) -> None:
        settings: Document = {"RouteKey": key, "OperationName": operation.get("operationId", ""), **self._security(operation)}
        integration = operation.get(INTEGRATION)
        if integration:
            kept = str((live or {}).get("Target", "")).rpartition("/")[2]
            reference = integration.get("$ref") if isinstance(integration, dict) else None
            if reference:
                # One integration for all routes that point to it. The task is
                # there before anybody waits, so that it is made once.
                if reference not in shared:
                    shared[reference] = asyncio.create_task(self._integration(referred(self.document, integration), integrations.get(kept)))
                target = await shared[reference]
            else:
                target = await self._integration(integration, integrations.get(kept))
            settings["Target"] = f"integrations/{target}"
        if live is None:
            await self.ask("CreateRoute", **settings)
        else:
            await self.ask("UpdateRoute", RouteId=live["RouteId"], **settings)

    async def _integration(self, wanted: Document, live: Document | None) -> str:
        settings = _integration(wanted)
        if live is not None:
            kept: str = live["IntegrationId"]
            # An import replaces: what is left out goes.
            cleared: Document = {name: {} for name in ("RequestParameters", "ResponseParameters") if live.get(name) and name not in settings}
            await self.ask("UpdateIntegration", IntegrationId=kept, **settings, **cleared)
        else:
            kept = (await self.ask("CreateIntegration", **settings))["IntegrationId"]
        self.world.of(_Unkept).integrations[self.api, kept] = settings
        return kept

    def _security(self, operation: Document) -> Document:
        schemes = security_schemes(self.document)
        for requirement in operation.get("security", self.document.get("security")) or []:
            for name, scopes in requirement.items():
                scheme = schemes.get(name, {})
                if name in self.authorizers:
                    jwt = self.authorizers[name]["type"] == "JWT"
                    return {
                        "AuthorizationType": "JWT" if jwt else "CUSTOM", "AuthorizerId": self.authorizers[name]["id"],
                        "AuthorizationScopes": list(scopes or []) if jwt else [],
                    }
                if str(scheme.get("x-amazon-apigateway-authtype", "")).lower() == "awssigv4":
                    return {"AuthorizationType": "AWS_IAM", "AuthorizerId": "", "AuthorizationScopes": []}
                raise Refusal("BadRequestException", f"Invalid OpenAPI input: security scheme {name} has no authorizer", 400)
        return {"AuthorizationType": "NONE", "AuthorizerId": "", "AuthorizationScopes": []}

    async def _clean_up(self) -> None:
        routes = (await self.ask("GetRoutes", MaxResults="1000")).get("Items", [])
        used = {str(route.get("Target", "")).rpartition("/")[2] for route in routes}
        for integration in (await self.ask("GetIntegrations", MaxResults="1000")).get("Items", []):
            if integration["IntegrationId"] not in used:
                await self.ask("DeleteIntegration", IntegrationId=integration["IntegrationId"])
        for authorizer in (await self.ask("GetAuthorizers")).get("Items", []):
            if authorizer["Name"] not in self.authorizers:
                await self.ask("DeleteAuthorizer", AuthorizerId=authorizer["AuthorizerId"])


def _route_key(path: str, method: str, operation: Document) -> str:
    if path == DEFAULT_PATH or operation.get("isDefaultRoute"):
        return "$default"
    return f"{method} {path}"


def _cors(cors: Document) -> Document:
    lists = {"AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders"}
    return {
        member: ([cors[name]] if isinstance(cors[name], str) and member in lists else cors[name])
        for name, member in _CORS_MEMBERS if cors.get(name) is not None
    }


def _authorizer(name: str, scheme: Document) -> Document:
    extension = scheme[AUTHORIZER]
    jwt = str(extension.get("type", "jwt")).lower() == "jwt"
    source = extension.get("identitySource") or "$request.header.Authorization"
    sources = source if isinstance(source, list) else [s.strip() for s in str(source).split(",")]
    wanted: Document = {"Name": name, "AuthorizerType": "JWT" if jwt else "REQUEST", "IdentitySource": sources}
    if jwt:
        configuration = extension.get("jwtConfiguration") or {}
        if not configuration.get("issuer"):
            raise Refusal("BadRequestException", f"Invalid OpenAPI input: authorizer {name} has no issuer", 400)
        wanted["JwtConfiguration"] = without_empty({"Issuer": configuration["issuer"], "Audience": configuration.get("audience")})
        return wanted
    wanted["AuthorizerUri"] = extension.get("authorizerUri")
    wanted["AuthorizerPayloadFormatVersion"] = str(extension.get("authorizerPayloadFormatVersion", "2.0"))
    wanted["AuthorizerCredentialsArn"] = extension.get("authorizerCredentials")
    wanted = without_empty(wanted)
    wanted["EnableSimpleResponses"] = bool(extension.get("enableSimpleResponses", False))
    if extension.get("authorizerResultTtlInSeconds") is not None:
        wanted["AuthorizerResultTtlInSeconds"] = int(extension["authorizerResultTtlInSeconds"])
    return wanted


def _integration(wanted: Document) -> Document:
    settings: Document = {}
    for name, member in _INTEGRATION_MEMBERS:
        if wanted.get(name) not in (None, {}, ""):
            settings[member] = wanted[name]
    kind = str(settings.get("IntegrationType", "")).upper()
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise Refusal("BadRequestException", f"Invalid OpenAPI input: integration type {wanted.get('type')} is not one of HTTP APIs", 400)
    settings["IntegrationType"] = kind
    if "PayloadFormatVersion" in settings:
        settings["PayloadFormatVersion"] = str(settings["PayloadFormatVersion"])
    elif kind == "AWS_PROXY" and not settings.get("IntegrationSubtype"):
        raise Refusal("BadRequestException", "Invalid OpenAPI input: payloadFormatVersion is a required parameter for integration of type AWS_PROXY", 400)
    if "ResponseParameters" in settings:
        settings["ResponseParameters"] = {str(k): v for k, v in settings["ResponseParameters"].items()}
    return settings


async def _shown(world: World, request: Request, api: str) -> Answer:
    answer = await world.ask_raw("apigatewayv2", "GetApi", {"ApiId": api}, request)
    return Answer(201, answer.headers, answer.body)


@around("apigatewayv2.ImportApi")
async def import_api(world: World, request: Request, _: Proceed) -> Answer:
    document = parsed(request.parameters.get("Body"))
    made = await world.ask("apigatewayv2", "CreateApi", {"Name": title(document), "ProtocolType": "HTTP"}, request)
    try:
        await _Builder(world, request, made["ApiId"], document).build(creating=True)
    except Refusal:
        await world.ask("apigatewayv2", "DeleteApi", {"ApiId": made["ApiId"]}, request)
        raise
    return await _shown(world, request, made["ApiId"])


@around("apigatewayv2.ReimportApi")
async def reimport_api(world: World, request: Request, _: Proceed) -> Answer:
    api = request.parameters["ApiId"]
    document = parsed(request.parameters.get("Body"))
    try:
        await world.ask("apigatewayv2", "GetApi", {"ApiId": api}, request)
    except AskFailed as problem:
        raise Refusal("NotFoundException", f"Invalid API identifier specified {world.backend.account}:{api}", 404) from problem
    await _Builder(world, request, api, document).build(creating=False)
    return await _shown(world, request, api)


@around("apigatewayv2.ExportApi")
async def export_api(world: World, request: Request, _: Proceed) -> Answer:
    wanted = request.parameters
    builder = _Builder(world, request, wanted["ApiId"], {})
    about, routes, integrations, authorizers = await asyncio.gather(
        builder.ask("GetApi"), builder.ask("GetRoutes", MaxResults="1000"), builder.ask("GetIntegrations", MaxResults="1000"),
        builder.ask("GetAuthorizers"),
    )
    extended = wanted.get("IncludeExtensions", True)
    integration_of = {
        i["IntegrationId"]: {**i, **world.of(_Unkept).integrations.get((wanted["ApiId"], i["IntegrationId"]), {})}
        for i in integrations.get("Items", [])
    }
    authorizer_of = {a["AuthorizerId"]: a for a in authorizers.get("Items", [])}
    schemes: dict[str, Document] = {}
    paths: dict[str, Document] = {}
    for route in sorted(routes.get("Items", []), key=lambda r: r["RouteKey"]):
        method, _, path = route["RouteKey"].partition(" ")
        operation = _operation_of(route, integration_of, authorizer_of, schemes, extended)
        if route["RouteKey"] == "$default":
            paths.setdefault(DEFAULT_PATH, {})[ANY] = {"isDefaultRoute": True, **operation}
        else:
            paths.setdefault(path, {})[method_key(method)] = operation
    stage = wanted.get("StageName")
    url = f"https://{wanted['ApiId']}.execute-api.{request.scope.region}.amazonaws.com"
    named = stage and stage != "$default"
    document: Document = {
        "openapi": "3.0.1",
        "info": without_empty({"title": about["Name"], "description": about.get("Description"), "version": about.get("Version") or "1.0"}),
        "servers": [{"url": f"{url}/{{basePath}}", "variables": {"basePath": {"default": stage if named else ""}}}],
        "paths": paths,
        "components": without_empty({"securitySchemes": schemes}),
    }
    if about.get("Tags"):
        document["tags"] = [{"name": key, "x-amazon-apigateway-tag-value": value} for key, value in sorted(about["Tags"].items())]
    if extended:
        cors = about.get("CorsConfiguration")
        if cors:
            document[CORS] = {name: cors[member] for name, member in _CORS_MEMBERS if cors.get(member) is not None}
        if about.get("DisableExecuteApiEndpoint"):
            document[ENDPOINTS] = {"disableExecuteApiEndpoint": True}
        document[VERSION] = "1.0"
    if wanted.get("OutputType") == "YAML":
        return Answer(200, {"Content-Type": "application/yaml"}, yaml.safe_dump(document, sort_keys=False).encode())
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(document, indent=2).encode())


def _operation_of(
    route: Document, integrations: dict[str, Document], authorizers: dict[str, Document], schemes: dict[str, Document], extended: bool
) -> Document:
    operation: Document = {}
    if route.get("OperationName"):
        operation["operationId"] = route["OperationName"]
    operation["responses"] = {"default": {"description": f"Default response for {route['RouteKey']}"}}
    parameters = [part[1:-1].rstrip("+") for part in route["RouteKey"].split("/") if part.startswith("{")]
    if parameters:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in parameters
        ]
    authorizer = authorizers.get(route.get("AuthorizerId") or "")
    if authorizer:
        operation["security"] = [{authorizer["Name"]: list(route.get("AuthorizationScopes") or [])}]
        schemes[authorizer["Name"]] = _scheme_of(authorizer, extended)
    elif route.get("AuthorizationType") == "AWS_IAM":
        operation["security"] = [{"sigv4Reference": []}]
        schemes["sigv4Reference"] = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
    integration = integrations.get(str(route.get("Target", "")).rpartition("/")[2])
    if integration and extended:
        shown = {name: integration[member] for name, member in _INTEGRATION_MEMBERS if integration.get(member) not in (None, "", {})}
        shown["type"] = str(shown.get("type", "")).lower()
        if shown.get("timeoutInMillis") == 30_000:
            del shown["timeoutInMillis"]  # the default
        operation[INTEGRATION] = shown
    return operation


def _scheme_of(authorizer: Document, extended: bool) -> Document:
    jwt = authorizer["AuthorizerType"] == "JWT"
    sources = authorizer.get("IdentitySource") or ["$request.header.Authorization"]
    scheme: Document = {"type": "oauth2"} if jwt else {"type": "apiKey", "name": sources[0].rpartition(".")[2], "in": "header"}
    if not extended:
        return scheme
    if jwt:
        configuration = authorizer.get("JwtConfiguration") or {}
        scheme[AUTHORIZER] = {
            "identitySource": sources[0],
            "jwtConfiguration": without_empty({"audience": configuration.get("Audience"), "issuer": configuration.get("Issuer")}),
            "type": "jwt",
        }
        return scheme
    scheme[AUTHORIZER] = {
        **without_empty({
            "identitySource": ", ".join(sources), "authorizerUri": authorizer.get("AuthorizerUri"),
            "authorizerPayloadFormatVersion": authorizer.get("AuthorizerPayloadFormatVersion"),
            "authorizerCredentials": authorizer.get("AuthorizerCredentialsArn"),
        }),
        "authorizerResultTtlInSeconds": authorizer.get("AuthorizerResultTtlInSeconds", 300),
        "enableSimpleResponses": authorizer.get("EnableSimpleResponses", False),
        "type": "request",
    }
    return scheme
