"""A REST API made from a document: resources, methods and the rest, one call each, only where something changed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ..answers import Answer, Refusal
from ..world import AskFailed, Request, World, after
from .document import AUTHORIZER, INTEGRATION, Document, operations, referred, security_schemes, tags, title, without_empty

VALIDATORS = "x-amazon-apigateway-request-validators"
VALIDATOR = "x-amazon-apigateway-request-validator"
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
BINARY = "x-amazon-apigateway-binary-media-types"
KEY_SOURCE = "x-amazon-apigateway-api-key-source"
COMPRESSION = "x-amazon-apigateway-minimum-compression-size"
POLICY = "x-amazon-apigateway-policy"
ENDPOINTS = "x-amazon-apigateway-endpoint-configuration"

# Made by API Gateway in every new API; an import that does not name them keeps them.
OWN_MODELS = frozenset({"Empty", "Error"})


class Built:
    """What was last made of each method, so that a new document touches only what it changes."""

    def __init__(self) -> None:
        self.methods: dict[tuple[str, str, str], str] = {}  # api, path, method -> fingerprint
        self.exports: dict[tuple[str, str], Document] = {}  # api, deployment -> document


@after("apigateway.PutMethod", "apigateway.UpdateMethod", "apigateway.DeleteMethod", "apigateway.PutIntegration",
       "apigateway.UpdateIntegration", "apigateway.DeleteIntegration", "apigateway.UpdateAuthorizer")
async def somebody_changed_a_method(world: World, request: Request, answer: Answer) -> None:
    """An import replaces what others did in between."""
    built, api = world.of(Built).methods, request.parameters["restApiId"]
    for key in [key for key in built if key[0] == api]:
        del built[key]


class Builder:
    def __init__(self, world: World, request: Request, api: str, document: Document) -> None:
        self.world, self.request, self.api, self.document = world, request, api, document
        self.authorizers: dict[str, str] = {}  # name -> id
        self.validators: dict[str, str] = {}

    async def ask(self, operation: str, /, **parameters: Any) -> dict[str, Any]:
        try:
            return await self.world.ask("apigateway", operation, {"restApiId": self.api, **parameters}, self.request)
        except AskFailed as problem:
            raise Refusal(problem.code, problem.message, problem.status) from problem

    async def everything(self, operation: str, /, **parameters: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        position: dict[str, str] = {}
        while True:
            page = await self.ask(operation, limit=500, **parameters, **position)
            items += page.get("items", [])
            if not page.get("position"):
                return items
            position = {"position": page["position"]}

    async def build(self) -> None:
        await self._settings()
        # Methods name what comes first here; what nothing names any more goes last.
        await asyncio.gather(self._models(), self._validators(), self._authorizers(), self._gateway_responses())
        await self._methods()
        await self._clean_up()

    async def _settings(self) -> None:
        document = self.document
        values: dict[str, Any] = {
            "name": title(document),
            "description": (document.get("info") or {}).get("description", ""),
            "version": str((document.get("info") or {}).get("version", "")),
            "binaryMediaTypes": document.get(BINARY) or [],
            "apiKeySource": document.get(KEY_SOURCE, "HEADER"),
            "minimumCompressionSize": document.get(COMPRESSION),
        }
        policy = document.get(POLICY)
        values["policy"] = json.dumps(policy) if isinstance(policy, dict) else policy
        endpoints = dict(document.get(ENDPOINTS) or {})
        disabled = endpoints.pop("disableExecuteApiEndpoint", None)
        if disabled is not None:
            values["disableExecuteApiEndpoint"] = bool(disabled)
        # The emulator takes any value in a patch, so whole lists go up as they are.
        patches = [{"op": "replace", "path": f"/{key}", "value": value} for key, value in values.items() if value is not None]
        patches += [{"op": "remove", "path": f"/{key}"} for key, value in values.items() if value is None]
        types = self.request.parameters.get("parameters", {}).get("endpointConfigurationTypes")
        if types:
            patches.append({"op": "replace", "path": "/endpointConfiguration/types", "value": types.split(",")})
        for member, name in (("vpcEndpointIds", "vpcEndpointIds"), ("types", "types")):
            if endpoints.get(member):
                patches.append({"op": "replace", "path": f"/endpointConfiguration/{name}", "value": endpoints[member]})
        await self.ask("UpdateRestApi", patchOperations=patches)
        wanted = tags(document)
        if wanted:
            arn = f"arn:aws:apigateway:{self.request.scope.region}::/restapis/{self.api}"
            await self.world.ask("apigateway", "TagResource", {"resourceArn": arn, "tags": wanted}, self.request)

    def _schemas(self) -> dict[str, Any]:
        return (self.document.get("components") or {}).get("schemas") or self.document.get("definitions") or {}

    async def _models(self) -> None:
        live = {model["name"]: model for model in await self.everything("GetModels")}
        for name, schema in self._schemas().items():
            text = json.dumps(schema)
            if name in live and live[name].get("schema") == text:
                continue
            if name in live:
                await self.ask("DeleteModel", modelName=name)
            await self.ask("CreateModel", name=name, contentType="application/json", schema=text)

    async def _validators(self) -> None:
        live = {validator["name"]: validator for validator in await self.everything("GetRequestValidators")}
        for name, wanted in (self.document.get(VALIDATORS) or {}).items():
            settings = {
                "validateRequestBody": bool(wanted.get("validateRequestBody")),
                "validateRequestParameters": bool(wanted.get("validateRequestParameters")),
            }
            if name in live and all(live[name].get(key, False) == value for key, value in settings.items()):
                self.validators[name] = live[name]["id"]
                continue
            if name in live:
                await self.ask("DeleteRequestValidator", requestValidatorId=live[name]["id"])
            self.validators[name] = (await self.ask("CreateRequestValidator", name=name, **settings))["id"]

    async def _authorizers(self) -> None:
        live = {authorizer["name"]: authorizer for authorizer in await self.everything("GetAuthorizers")}
        for name, scheme in security_schemes(self.document).items():
            if AUTHORIZER not in scheme:
                continue
            wanted = _authorizer(name, scheme)
            if name in live and all(live[name].get(key) == value for key, value in wanted.items()):
                self.authorizers[name] = live[name]["id"]
                continue
            if name in live:
                await self.ask("DeleteAuthorizer", authorizerId=live[name]["id"])
            self.authorizers[name] = (await self.ask("CreateAuthorizer", **wanted))["id"]

    async def _gateway_responses(self) -> None:
        wanted = self.document.get(GATEWAY_RESPONSES) or {}
        for response in (await self.ask("GetGatewayResponses")).get("items", []):
            if not response.get("defaultResponse", True) and response["responseType"] not in wanted:
                await self.ask("DeleteGatewayResponse", responseType=response["responseType"])
        for kind, response in wanted.items():
            settings = without_empty({
                "statusCode": str(response["statusCode"]) if response.get("statusCode") is not None else None,
                "responseParameters": response.get("responseParameters"),
                "responseTemplates": response.get("responseTemplates"),
            })
            await self.ask("PutGatewayResponse", responseType=kind, **settings)

    async def _methods(self) -> None:
        live = await self.everything("GetResources", embed=["methods"])
        ids = {resource["path"]: resource["id"] for resource in live}
        wanted = {(path, method): _method(self.document, path, method, operation) for path, method, operation in operations(self.document)}
        for path in sorted({path for path, _ in wanted}, key=lambda p: (p.count("/"), p)):
            await self._resource(path, ids)
        built = self.world.of(Built).methods
        there = {
            (resource["path"], method) for resource in live for method in (resource.get("resourceMethods") or {})
        }
        work = []
        for (path, method), definition in wanted.items():
            fingerprint = json.dumps([definition, self.authorizers, self.validators], sort_keys=True)
            if (path, method) in there and built.get((self.api, path, method)) == fingerprint:
                continue
            built[self.api, path, method] = fingerprint
            work.append(self._put_method(ids[path], method, definition))
        await asyncio.gather(*work)
        for path, method in there - wanted.keys():
            built.pop((self.api, path, method), None)
            await self.ask("DeleteMethod", resourceId=ids[path], httpMethod=method)
        # A resource is needed by itself or by one beneath it.
        needed = {"/"} | {prefix for path, _ in wanted for prefix in _prefixes(path)}
        for path in sorted(ids.keys() - needed, key=lambda p: -p.count("/")):
            await self.ask("DeleteResource", resourceId=ids[path])

    async def _resource(self, path: str, ids: dict[str, str]) -> None:
        parent = "/"
        for prefix in _prefixes(path):
            if prefix not in ids:
                made = await self.ask("CreateResource", parentId=ids[parent], pathPart=prefix.rpartition("/")[2])
                ids[prefix] = made["id"]
            parent = prefix

    async def _put_method(self, resource: str, method: str, definition: Document) -> None:
        place = {"resourceId": resource, "httpMethod": method}
        settings = dict(definition["method"])
        authorizer, validator = settings.pop("authorizer"), settings.pop("validator")
        if authorizer:
            if authorizer not in self.authorizers:
                raise Refusal("BadRequestException", f"Unable to find authorizer {authorizer} for method {method}", 400)
            settings["authorizerId"] = self.authorizers[authorizer]
        if validator:
            if validator not in self.validators:
                raise Refusal("BadRequestException", f"Invalid request validator specified: {validator}", 400)
            settings["requestValidatorId"] = self.validators[validator]
        await self.ask("PutMethod", **place, **settings)
        for code, response in definition["responses"].items():
            await self.ask("PutMethodResponse", **place, statusCode=code, **response)
        if definition["integration"]:
            await self.ask("PutIntegration", **place, **definition["integration"])
        for response in definition["integrationResponses"]:
            await self.ask("PutIntegrationResponse", **place, **response)

    async def _clean_up(self) -> None:
        schemes = {name for name, scheme in security_schemes(self.document).items() if AUTHORIZER in scheme}
        for authorizer in await self.everything("GetAuthorizers"):
            if authorizer["name"] not in schemes:
                await self.ask("DeleteAuthorizer", authorizerId=authorizer["id"])
        for validator in await self.everything("GetRequestValidators"):
            if validator["name"] not in (self.document.get(VALIDATORS) or {}):
                await self.ask("DeleteRequestValidator", requestValidatorId=validator["id"])
        for model in await self.everything("GetModels"):
            if model["name"] not in self._schemas() and model["name"] not in OWN_MODELS:
                await self.ask("DeleteModel", modelName=model["name"])


def _prefixes(path: str) -> list[str]:
    """`/a/b` gives `/a` and `/a/b`; the root gives nothing."""
    parts = [part for part in path.split("/") if part]
    return ["/" + "/".join(parts[: n + 1]) for n in range(len(parts))]


def _authorizer(name: str, scheme: Document) -> Document:
    extension = scheme[AUTHORIZER]
    kind = str(extension.get("type", "token")).upper()
    place = "querystring" if scheme.get("in") == "query" else "header"
    wanted: Document = {"name": name, "type": kind, "authType": scheme.get("x-amazon-apigateway-authtype")}
    wanted["identitySource"] = extension.get("identitySource") or f"method.request.{place}.{scheme.get('name', 'Authorization')}"
    if kind == "COGNITO_USER_POOLS":
        wanted["providerARNs"] = extension.get("providerARNs")
    for key in ("authorizerUri", "authorizerCredentials", "identityValidationExpression"):
        wanted[key] = extension.get(key)
    if extension.get("authorizerResultTtlInSeconds") is not None:
        wanted["authorizerResultTtlInSeconds"] = int(extension["authorizerResultTtlInSeconds"])
    return without_empty(wanted)


def _security(document: Document, operation: Document) -> tuple[str, str | None, bool, list[str]]:
    """authorizationType, name of the authorizer, whether a key is needed, scopes."""
    schemes = security_schemes(document)
    kind, authorizer, key, scopes = "NONE", None, False, []
    requirements = operation.get("security", document.get("security")) or []
    for requirement in requirements:
        for name, wanted in requirement.items():
            scheme = schemes.get(name, {})
            auth = str(scheme.get("x-amazon-apigateway-authtype", "")).lower()
            if AUTHORIZER in scheme:
                authorizer = name
                cognito = str(scheme[AUTHORIZER].get("type", "")).upper() == "COGNITO_USER_POOLS"
                kind = "COGNITO_USER_POOLS" if cognito else "CUSTOM"
                scopes = list(wanted or [])
            elif auth == "awssigv4":
                kind = "AWS_IAM"
            elif str(scheme.get("name", "")).lower() == "x-api-key" or name == "api_key":
                key = True
    if str((operation.get("x-amazon-apigateway-auth") or {}).get("type", "")).upper() in ("AWS_IAM", "NONE"):
        kind = operation["x-amazon-apigateway-auth"]["type"].upper()
    return kind, authorizer, key, scopes


_PLACES = {"query": "querystring", "header": "header", "path": "path"}


def _method(document: Document, path: str, method: str, operation: Document) -> Document:
    kind, authorizer, key, scopes = _security(document, operation)
    parameters: dict[str, bool] = {}
    models: dict[str, str] = {}
    for parameter in operation["parameters"]:
        parameter = referred(document, parameter)
        if parameter.get("in") in _PLACES:
            parameters[f"method.request.{_PLACES[parameter['in']]}.{parameter['name']}"] = bool(parameter.get("required"))
        elif parameter.get("in") == "body":
            models["application/json"] = _model_name(parameter.get("schema"))
    for media, content in (referred(document, operation.get("requestBody") or {}).get("content") or {}).items():
        if (content or {}).get("schema"):
            models[media] = _model_name(content["schema"])
    settings = without_empty({
        "authorizationType": kind, "authorizationScopes": scopes, "operationName": operation.get("operationId"),
        "requestParameters": parameters, "requestModels": models,
    })
    settings.update(apiKeyRequired=key, authorizer=authorizer, validator=operation.get(VALIDATOR, document.get(VALIDATOR)))
    integration = referred(document, operation.get(INTEGRATION) or {})
    return {
        "method": settings,
        "responses": {str(code): _response(referred(document, r or {})) for code, r in (operation.get("responses") or {}).items() if str(code).isdigit()},
        "integration": _integration(integration, path, method),
        "integrationResponses": [_integration_response(pattern, r) for pattern, r in (integration.get("responses") or {}).items()],
    }


def _model_name(schema: Any) -> str:
    reference = (schema or {}).get("$ref", "") if isinstance(schema, dict) else ""
    return reference.rpartition("/")[2] or "Empty"


def _response(response: Document) -> Document:
    models = {
        media: _model_name(content["schema"])
        for media, content in (response.get("content") or {}).items() if (content or {}).get("schema")
    }
    return without_empty({
        "responseParameters": {f"method.response.header.{name}": False for name in response.get("headers") or {}},
        "responseModels": models,
    })


def _integration(integration: Document, path: str, method: str) -> Document | None:
    if not integration:
        return None
    kind = str(integration.get("type", "")).upper()
    if kind not in ("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK"):
        raise Refusal("BadRequestException", f"Errors found during import:\n\tUnable to put integration on '{method}' for resource at "
                      f"path '{path}': Enumeration value for Integration type must be non-empty", 400)
    return without_empty({
        "type": kind,
        "integrationHttpMethod": integration.get("httpMethod"),
        "uri": integration.get("uri"),
        "credentials": integration.get("credentials"),
        "connectionType": integration.get("connectionType"),
        "connectionId": integration.get("connectionId"),
        "requestParameters": integration.get("requestParameters"),
        "requestTemplates": integration.get("requestTemplates"),
        "passthroughBehavior": str(integration.get("passthroughBehavior", "when_no_match")).upper(),
        "contentHandling": integration.get("contentHandling"),
        "timeoutInMillis": integration.get("timeoutInMillis"),
        "cacheNamespace": integration.get("cacheNamespace"),
        "cacheKeyParameters": integration.get("cacheKeyParameters"),
        "tlsConfig": integration.get("tlsConfig"),
    })


def _integration_response(pattern: str, response: Document) -> Document:
    return without_empty({
        "statusCode": str(response.get("statusCode", "200")),
        "selectionPattern": None if pattern == "default" else pattern,
        "responseParameters": response.get("responseParameters"),
        "responseTemplates": response.get("responseTemplates"),
        "contentHandling": response.get("contentHandling"),
    })
