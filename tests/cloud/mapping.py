"""Mapping templates: what stands between a REST API's method and a function that is not called as a proxy.

The emulator hands such a function the event of a proxy and its answer to the client. API Gateway makes the event of
the request with one template and the answer of the result with another, and chooses the status by what went wrong.
[S] apigateway/latest/developerguide/api-gateway-mapping-template-reference, .../api-gateway-integration-settings

Methods with an authorizer, a key or a validator are left to the emulator, which looks at all of these first.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import airspeed
from multidict import CIMultiDictProxy

from .answers import Answer
from .operations import Scope
from .rules.functions import plain_name
from .world import World

JSON = "application/json"

# Velocity leaves backslashes in its texts alone: "\\\\'" is a pattern for a backslash and a quote.
for _literal in (airspeed.StringLiteral, airspeed.InterpolatedStringLiteral):
    _literal.ESCAPED_CHAR = re.compile(r"(?!)")


class Values(dict[str, Any]):
    """A mapping as Velocity sees one, with Java's methods; what it lacks is empty, at any depth."""

    _METHODS = ("keySet", "get", "isEmpty", "size", "containsKey", "entrySet", "values")

    def __missing__(self, name: str) -> Any:
        if name in self._METHODS:
            raise KeyError(name)
        return Values()

    def __str__(self) -> str:
        return "{" + ", ".join(f"{name}={value}" for name, value in self.items()) + "}" if self else ""

    def keySet(self) -> list[str]:
        return list(self)

    def isEmpty(self) -> bool:
        return not self

    def size(self) -> int:
        return len(self)

    def containsKey(self, name: str) -> bool:
        return name in self


def _velocity(value: Any) -> Any:
    if isinstance(value, dict):
        return Values({name: _velocity(one) for name, one in value.items()})
    return [_velocity(one) for one in value] if isinstance(value, list) else value


class Input:
    """`$input`: a body, and the parameters of a request."""

    def __init__(self, body: str, parameters: dict[str, dict[str, str]]) -> None:
        self.body = body
        self._parameters = {kind: Values(values) for kind, values in parameters.items()}

    def path(self, path: str) -> Any:
        try:
            value = json.loads(self.body)
        except ValueError:
            return self.body
        for step in re.findall(r"[^.\[\]'\"$]+", path):
            try:
                value = value[int(step)] if isinstance(value, list) else value[step]
            except (KeyError, IndexError, TypeError, ValueError):
                return ""
        return _velocity(value)

    def json(self, path: str) -> str:
        value = self.path(path)
        return json.dumps(value, separators=(",", ":")) if self.body else "{}"

    def params(self, name: str | None = None) -> Any:
        if name is None:
            return Values(self._parameters)
        for kind in ("path", "querystring", "header"):
            if name in self._parameters.get(kind, {}):
                return self._parameters[kind][name]
        return ""


class Util:
    """`$util`."""

    def escapeJavaScript(self, text: Any) -> str:
        # Java's StringEscapeUtils escapes single quotes, too, which JSON does not know.
        return json.dumps(str(text))[1:-1].replace("'", "\\'").replace("/", "\\/")

    def urlDecode(self, text: str) -> str:
        return unquote(text.replace("+", " "))

    def urlEncode(self, text: str) -> str:
        return quote(text, safe="*-._").replace("%20", "+")

    def base64Encode(self, text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def base64Decode(self, text: str) -> str:
        return base64.b64decode(text).decode()

    def parseJson(self, text: str) -> Any:
        return _velocity(json.loads(text))


def rendered(template: str, **names: Any) -> str:
    return str(airspeed.Template(template).merge({"util": Util(), **names}))


def _failed(message: str = "Internal server error", status: int = 500) -> Answer:
    return Answer(status, {"Content-Type": JSON}, json.dumps({"message": message}).encode())


def _template_for(content_type: str, templates: dict[str, str]) -> str | None:
    return next((text for kind, text in templates.items() if kind.split(";")[0].strip().lower() == content_type), None)


def _path_parameters(template: str, path: list[str]) -> dict[str, str]:
    found = {}
    for number, part in enumerate(part for part in template.split("/") if part):
        if part.endswith("+}"):
            found[part[1:-2]] = "/".join(path[number:])
        elif part.startswith("{"):
            found[part[1:-1]] = unquote(path[number])
    return found


def is_mapped(method: dict[str, Any]) -> bool:
    """Whether a method is answered here: a function that is not called as a proxy, and nothing to look at before."""
    integration = method.get("methodIntegration") or {}
    guarded = method.get("authorizationType", "NONE") != "NONE" or method.get("apiKeyRequired") or method.get("requestValidatorId")
    return integration.get("type") == "AWS" and ":function:" in (integration.get("uri") or "") and not guarded


async def answer(
    world: World, scope: Scope, place: str, method: dict[str, Any], verb: str, path: list[str], query: str,
    headers: CIMultiDictProxy[str], body: bytes, stage: dict[str, Any],
) -> Answer:
    """What the method answers. `place` is the resource's path, `path` what was asked for beneath the stage."""
    integration = method["methodIntegration"]
    parameters = {
        "path": _path_parameters(place, path), "querystring": dict(parse_qsl(query, keep_blank_values=True)), "header": dict(headers),
    }
    content_type = headers.get("Content-Type", JSON).split(";")[0].strip().lower()
    templates = integration.get("requestTemplates") or {}
    template = _template_for(content_type, templates)
    behaviour = integration.get("passthroughBehavior", "WHEN_NO_MATCH")
    if template is None and (behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and templates)):
        return _failed("Unsupported Media Type", 415)
    names = {
        "context": Values(
            httpMethod=verb, resourcePath=place, stage=stage.get("stageName", ""), requestId=str(uuid.uuid4()),
            identity=Values(sourceIp="127.0.0.1", userAgent=headers.get("User-Agent", "")),
        ),
        "stageVariables": Values(stage.get("variables") or {}),
    }
    text = body.decode("utf-8", "replace")
    try:
        event = text if template is None else rendered(template, input=Input(text, parameters), **names)
        json.loads(event or "{}")
    except (airspeed.TemplateError, ValueError):
        return _failed()
    mapped = integration.get("requestParameters") or {}
    later = mapped.get("integration.request.header.X-Amz-Invocation-Type") == "'Event'"
    arn = integration["uri"].split("/functions/")[-1].removesuffix("/invocations")
    tail = arn.split(":function:")[-1].split(":")
    invocation = {
        "FunctionName": plain_name(arn), "InvocationType": "Event" if later else "RequestResponse", "Payload": event.encode(),
        **({"Qualifier": tail[1]} if len(tail) > 1 else {}),
    }
    result = await world.ask_raw("lambda", "Invoke", invocation, scope)
    if not result.ok:
        return _failed()
    return _answered(integration, result, names)


def _answered(integration: dict[str, Any], result: Answer, names: dict[str, Any]) -> Answer:
    text = result.body.decode("utf-8", "replace")
    wrong = ""
    if "X-Amz-Function-Error" in result.headers:
        wrong = str(json.loads(text).get("errorMessage", ""))
    responses = list((integration.get("integrationResponses") or {}).values())
    # What went wrong chooses, as a whole; what nothing is said of goes to the answer without a pattern.
    chosen = next((r for r in responses if wrong and r.get("selectionPattern") and re.fullmatch(r["selectionPattern"], wrong)), None)
    chosen = chosen or next((r for r in responses if not r.get("selectionPattern")), None)
    if chosen is None:
        return _failed()
    template = next(iter((chosen.get("responseTemplates") or {}).items()), None)
    headers = {"Content-Type": template[0] if template else JSON}
    for name, source in (chosen.get("responseParameters") or {}).items():
        if not name.startswith("method.response.header."):
            continue
        value: Any = source.strip("'")
        if source.startswith("integration.response.header."):
            value = result.headers.get(source.removeprefix("integration.response.header."), "")
        elif source.startswith("integration.response.body"):
            value = Input(text, {}).path(source.removeprefix("integration.response.body"))
        headers[name.removeprefix("method.response.header.")] = str(value)
    try:
        said = rendered(template[1], input=Input(text, {}), **names) if template and template[1] else text
    except airspeed.TemplateError:
        return _failed()
    return Answer(int(chosen["statusCode"]), headers, said.encode())
