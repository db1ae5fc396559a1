"""A REST API as a document again, in the way that API Gateway writes it, and as it was when it was deployed."""

from __future__ import annotations

import asyncio
import json

from ..answers import Answer, Refusal
from ..world import AskFailed, Proceed, Request, World, after, around
from .document import AUTHORIZER, INTEGRATION, Document, method_key, without_empty
from .rest_builder import (
    BINARY,
    COMPRESSION,
    GATEWAY_RESPONSES,
    KEY_SOURCE,
    OWN_MODELS,
    POLICY,
    VALIDATOR,
    VALIDATORS,
    Builder,
    Built,
)


async def export_of(world: World, request: Request, api: str) -> Document:
    """The API as an OpenAPI 3 document with all extensions, in the way that API Gateway writes it."""
    builder = Builder(world, request, api, {})
    about, resources, authorizers, validators, models, gateway = await asyncio.gather(
        builder.ask("GetRestApi"), builder.everything("GetResources", embed=["methods"]), builder.everything("GetAuthorizers"),
        builder.everything("GetRequestValidators"), builder.everything("GetModels"), builder.ask("GetGatewayResponses"),
    )
    authorizer_of = {authorizer["id"]: authorizer for authorizer in authorizers}
    validator_of = {validator["id"]: validator["name"] for validator in validators}
    schemes: dict[str, Document] = {}
    paths: dict[str, Document] = {}
    for resource in sorted(resources, key=lambda r: r["path"]):
        for method, live in sorted((resource.get("resourceMethods") or {}).items()):
            item = paths.setdefault(resource["path"], {})
            item[method_key(method)] = _operation_of(live, authorizer_of, validator_of, schemes)
    for authorizer in authorizers:
        schemes[authorizer["name"]] = _scheme_of(authorizer)
    document: Document = {
        "openapi": "3.0.1",
        "info": without_empty({"title": about["name"], "description": about.get("description"), "version": about.get("version") or "1.0"}),
        "paths": paths,
        "components": without_empty({
            "schemas": {m["name"]: json.loads(m.get("schema") or "{}") for m in models if m["name"] not in OWN_MODELS},
            "securitySchemes": schemes,
        }),
        GATEWAY_RESPONSES: {
            r["responseType"]: without_empty({key: r.get(key) for key in ("statusCode", "responseParameters", "responseTemplates")})
            for r in gateway.get("items", []) if not r.get("defaultResponse", True)
        },
        VALIDATORS: {
            v["name"]: {key: v.get(key, False) for key in ("validateRequestParameters", "validateRequestBody")} for v in validators
        },
        BINARY: about.get("binaryMediaTypes"),
        COMPRESSION: about.get("minimumCompressionSize"),
        POLICY: about.get("policy"),
    }
    if about.get("apiKeySource", "HEADER") != "HEADER":
        document[KEY_SOURCE] = about["apiKeySource"]
    kept = {"openapi", "info", "paths", "components"}
    return {key: value for key, value in document.items() if key in kept or value not in (None, {}, [], "")}


def _operation_of(live: Document, authorizers: dict[str, Document], validators: dict[str, str], schemes: dict[str, Document]) -> Document:
    operation: Document = {}
    if live.get("operationName"):
        operation["operationId"] = live["operationName"]
    parameters = []
    for name, required in sorted((live.get("requestParameters") or {}).items()):
        _, _, place, plain = name.split(".", 3)
        entry: Document = {"name": plain, "in": "query" if place == "querystring" else place}
        if required or place == "path":
            entry["required"] = True
        parameters.append({**entry, "schema": {"type": "string"}})
    if parameters:
        operation["parameters"] = parameters
    bodies = {media: {"schema": {"$ref": f"#/components/schemas/{model}"}} for media, model in (live.get("requestModels") or {}).items()}
    if bodies:
        operation["requestBody"] = {"content": bodies, "required": True}
    responses: Document = {}
    for code, response in sorted((live.get("methodResponses") or {}).items()):
        headers = {name.rpartition(".")[2]: {"schema": {"type": "string"}} for name in sorted(response.get("responseParameters") or {})}
        content = {media: {"schema": {"$ref": f"#/components/schemas/{model}"}} for media, model in (response.get("responseModels") or {}).items()}
        responses[code] = {"description": f"{code} response", **({"headers": headers} if headers else {}), "content": content}
    if responses:
        operation["responses"] = responses
    security = _requirement_of(live, authorizers, schemes)
    if security:
        operation["security"] = [security]
    if validators.get(live.get("requestValidatorId") or ""):
        operation[VALIDATOR] = validators[live["requestValidatorId"]]
    if live.get("methodIntegration"):
        operation[INTEGRATION] = _integration_of(live["methodIntegration"])
    return operation


def _requirement_of(live: Document, authorizers: dict[str, Document], schemes: dict[str, Document]) -> Document:
    requirement: Document = {}
    authorizer = authorizers.get(live.get("authorizerId") or "")
    if authorizer:
        requirement[authorizer["name"]] = list(live.get("authorizationScopes") or [])
    elif live.get("authorizationType") == "AWS_IAM":
        requirement["sigv4"] = []
        schemes["sigv4"] = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
    if live.get("apiKeyRequired"):
        requirement["api_key"] = []
        schemes["api_key"] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
    return requirement


def _integration_of(live: Document) -> Document:
    responses = {
        response.get("selectionPattern") or "default": without_empty({
            "statusCode": response.get("statusCode"), "responseParameters": response.get("responseParameters"),
            "responseTemplates": response.get("responseTemplates"), "contentHandling": response.get("contentHandling"),
        })
        for _, response in sorted((live.get("integrationResponses") or {}).items())
    }
    kind = str(live.get("type", "")).lower()
    connection = live.get("connectionType")
    return without_empty({
        # A mock has neither, whatever the emulator fills in.
        "httpMethod": live.get("httpMethod") if kind != "mock" else None,
        "uri": live.get("uri"),
        "connectionType": connection if connection != "INTERNET" else None,
        "connectionId": live.get("connectionId"),
        "credentials": live.get("credentials"),
        "responses": responses,
        "requestParameters": live.get("requestParameters"),
        "requestTemplates": live.get("requestTemplates"),
        "passthroughBehavior": str(live.get("passthroughBehavior", "WHEN_NO_MATCH")).lower(),
        "cacheKeyParameters": live.get("cacheKeyParameters"),
        "contentHandling": live.get("contentHandling"),
        # 29 s is the default, and left out by API Gateway.
        "timeoutInMillis": live.get("timeoutInMillis") if live.get("timeoutInMillis") != 29_000 else None,
        "type": kind,
    })


def _scheme_of(authorizer: Document) -> Document:
    source = authorizer.get("identitySource") or ""
    kind = authorizer.get("type", "TOKEN")
    simple = source.startswith("method.request.header.") and "," not in source
    extension = without_empty({
        "identitySource": source if kind == "REQUEST" else None,
        "authorizerUri": authorizer.get("authorizerUri"),
        "authorizerCredentials": authorizer.get("authorizerCredentials"),
        "identityValidationExpression": authorizer.get("identityValidationExpression"),
        "providerARNs": authorizer.get("providerARNs"),
    })
    # Zero switches caching off, so it is a value like any other.
    if authorizer.get("authorizerResultTtlInSeconds") is not None:
        extension["authorizerResultTtlInSeconds"] = authorizer["authorizerResultTtlInSeconds"]
    return {
        "type": "apiKey",
        "name": source.rpartition(".")[2] if simple else "Unused",
        "in": "header",
        "x-amazon-apigateway-authtype": authorizer.get("authType") or ("cognito_user_pools" if kind == "COGNITO_USER_POOLS" else "custom"),
        AUTHORIZER: {**extension, "type": kind.lower()},
    }


@after("apigateway.CreateDeployment")
async def remember_what_was_deployed(world: World, request: Request, answer: Answer) -> None:
    """An export shows what a stage serves, which is what was there when it was deployed."""
    if answer.ok:
        api = request.parameters["restApiId"]
        deployment = json.loads(answer.body)["id"]
        world.of(Built).exports[api, deployment] = await export_of(world, request, api)


def deployed_document(world: World, api: str, deployment: str) -> Document | None:
    """What a deployment serves, or None where it was made behind the front's back."""
    return world.of(Built).exports.get((api, deployment))


@around("apigateway.CreateDeployment")
async def something_to_deploy(world: World, request: Request, proceed: Proceed) -> Answer:
    if world.settings["constraints.rules"]:
        builder = Builder(world, request, request.parameters["restApiId"], {})
        methods = [
            live for resource in await builder.everything("GetResources", embed=["methods"])
            for live in (resource.get("resourceMethods") or {}).values()
        ]
        if not methods:
            raise Refusal("BadRequestException", "The REST API doesn't contain any methods", 400)
        if any(not live.get("methodIntegration") for live in methods):
            raise Refusal("BadRequestException", "No integration defined for method", 400)
    return await proceed()


@around("apigateway.GetExport")
async def get_export(world: World, request: Request, proceed: Proceed) -> Answer:
    wanted = request.parameters
    if wanted.get("exportType") != "oas30" or "yaml" in str(wanted.get("accepts", "")):
        return await proceed()  # the emulator's own, less exact
    api = wanted["restApiId"]
    try:
        stage = await world.ask("apigateway", "GetStage", {"restApiId": api, "stageName": wanted["stageName"]}, request)
    except AskFailed as problem:
        raise Refusal("NotFoundException", "Invalid stage identifier specified", 404) from problem
    stored = world.of(Built).exports.get((api, stage.get("deploymentId", "")))
    document: Document = json.loads(json.dumps(stored or await export_of(world, request, api)))
    host = f"https://{api}.execute-api.{request.scope.region}.amazonaws.com/{{basePath}}"
    document["servers"] = [{"url": host, "variables": {"basePath": {"default": f"/{wanted['stageName']}"}}}]
    extensions = str((wanted.get("parameters") or {}).get("extensions", ""))
    if "apigateway" not in extensions:
        _without_extensions(document, "integrations" in extensions, "authorizers" in extensions)
    name = f'attachment; filename="{api}-{wanted["stageName"]}.json"'
    return Answer(200, {"Content-Type": "application/json", "Content-Disposition": name}, json.dumps(document, indent=2).encode())


def _without_extensions(document: Document, integrations: bool, authorizers: bool) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            for key in [k for k in operation if k.startswith("x-amazon-") and not (k == INTEGRATION and integrations)]:
                del operation[key]
    for scheme in (document["components"].get("securitySchemes") or {}).values():
        if not authorizers:
            scheme.pop(AUTHORIZER, None)
    for key in [k for k in document if k.startswith("x-amazon-")]:
        del document[key]
