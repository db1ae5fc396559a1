"""Which operation of which service a request is, by its signature's scope and botocore's models."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

import botocore.session
from botocore.model import OperationModel, ServiceModel

# The scope's service name to botocore's, where they differ.
_MODEL_OF_SCOPE = {
    "tagging": "resourcegroupstaggingapi",
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "email": "sesv2",
    "elasticloadbalancing": "elbv2",
    "kafka": "kafka",
    "cloudcontrolapi": "cloudcontrol",
    "aoss": "opensearchserverless",
    "es": "opensearch",
    "elasticfilesystem": "efs",
}

# Signed, but the data plane of something deployed: not an operation of AWS.
DATA_PLANE_SCOPES = frozenset({"execute-api", "appsync", "iotdevicegateway", "bedrock"})

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")

_READ_PREFIXES = (
    "Get", "List", "Describe", "Head", "Lookup", "Search", "Filter", "BatchGet", "Query", "Scan", "Validate",
    "Estimate", "Test", "Simulate", "Export", "Receive", "Detect", "Select", "Preview", "Check",
)


@dataclass(frozen=True)
class Scope:
    """What the signature says about the caller."""

    access_key: str
    region: str
    service: str


@dataclass(frozen=True)
class Operation:
    service: str  # botocore's name of the service
    name: str
    model: OperationModel | None  # None where the model does not know the request
    uri: dict[str, str]  # labels of the URI, still percent-encoded

    @property
    def reads(self) -> bool:
        return self.name.startswith(_READ_PREFIXES)

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.name}"


def scope_of(authorization: str | None, query: str) -> Scope | None:
    match = _SCOPE.search(authorization) if authorization else None
    if match:
        return Scope(*match.groups())
    if "X-Amz-Credential=" in query:
        parts = dict(parse_qsl(query)).get("X-Amz-Credential", "").split("/")
        if len(parts) == 5:
            return Scope(parts[0], parts[2], parts[3])
    return None


_SESSION = botocore.session.Session()


@functools.cache
def service_model(service: str) -> ServiceModel | None:
    """botocore's model, loaded when first asked for (5 to 30 ms each), or None."""
    try:
        return _SESSION.get_service_model(service)
    except Exception:  # botocore raises several kinds for a service that it does not have
        return None


@dataclass(frozen=True)
class _Route:
    pattern: re.Pattern[str]
    literals: int
    query: tuple[tuple[str, str | None], ...]
    required_query: frozenset[str]
    required_headers: frozenset[str]
    deprecated: bool
    name: str


def _pattern_of(path: str) -> tuple[re.Pattern[str], int]:
    out: list[str] = []
    literals = 0
    for piece in re.split(r"(\{[^}]+\})", path):
        if piece.startswith("{"):
            label = piece[1:-1]
            greedy = label.endswith("+")
            # Group names must be identifiers, URI labels need not be.
            group = re.sub(r"\W", "_", label.rstrip("+"))
            out.append(f"(?P<{group}>{'.+' if greedy else '[^/]+'})")
        else:
            out.append(re.escape(piece))
            literals += len(piece)
    return re.compile("".join(out).rstrip("/") + "/?$"), literals


@functools.cache
def _routes(service: str) -> dict[str, list[_Route]]:
    model = service_model(service)
    routes: dict[str, list[_Route]] = {}
    if model is None:
        return routes
    for name in model.operation_names:
        operation = model.operation_model(name)
        method = operation.http.get("method", "POST")
        path, _, query = operation.http.get("requestUri", "/").partition("?")
        pattern, literals = _pattern_of(path)
        wanted = tuple(
            (item.partition("=")[0], item.partition("=")[2] or None) for item in query.split("&") if item
        )
        required_query: set[str] = set()
        required_headers: set[str] = set()
        shape = operation.input_shape
        for member in shape.required_members if shape else ():
            place = shape.members[member].serialization
            if place.get("location") == "querystring":
                required_query.add(place["name"])
            elif place.get("location") == "header":
                required_headers.add(place["name"].lower())
        routes.setdefault(method, []).append(
            _Route(pattern, literals, wanted, frozenset(required_query), frozenset(required_headers), operation.deprecated, name)
        )
    for candidates in routes.values():
        # The most particular first: fixed text, then query keys, then headers.
        # S3 has two names for some requests, of which one is deprecated.
        candidates.sort(
            key=lambda r: (-r.literals, -len(r.query), -len(r.required_query) - len(r.required_headers), r.deprecated, r.name)
        )
    return routes


def _by_rest(service: str, method: str, raw_path: str, query: str, headers: frozenset[str]) -> Operation | None:
    given = dict(parse_qsl(query, keep_blank_values=True))
    model = service_model(service)
    assert model is not None
    fallback: Operation | None = None
    for route in _routes(service).get(method, ()):
        match = route.pattern.match(raw_path)
        if not match:
            continue
        if any(key not in given or (value is not None and given[key] != value) for key, value in route.query):
            continue
        operation = Operation(service, route.name, model.operation_model(route.name), match.groupdict())
        if route.required_query <= given.keys() and route.required_headers <= headers:
            return operation
        # Something required is missing; the constraints will say so, unless
        # an operation with the same path fits better.
        fallback = fallback or operation
    return fallback


def identify(
    scope: Scope, method: str, raw_path: str, query: str, headers: frozenset[str], target: str | None, body: bytes
) -> Operation:
    """The operation; `model` is None and the name a guess where no model fits."""
    service = _MODEL_OF_SCOPE.get(scope.service, scope.service)
    if service == "apigateway" and raw_path.startswith("/v2/"):
        service = "apigatewayv2"
    if service == "dynamodb" and target and target.startswith("DynamoDBStreams"):
        service = "dynamodbstreams"
    model = service_model(service)
    if model is None:
        return Operation(service, (target or f"{method} {raw_path}").rpartition(".")[2], None, {})
    name: str | None = None
    if target:
        name = target.rpartition(".")[2]
    elif model.protocol in ("query", "ec2"):
        name = _action(body) or _action(query.encode())
    elif raw_path.startswith("/service/") and "/operation/" in raw_path:  # rpc-v2-cbor
        name = raw_path.rpartition("/")[2]
    if name is not None:
        known = name in model.operation_names
        return Operation(service, name, model.operation_model(name) if known else None, {})
    found = _by_rest(service, method, raw_path, query, headers)
    return found or Operation(service, f"{method} {raw_path}", None, {})


def _action(form: bytes) -> str | None:
    match = re.search(rb"(?:^|&)Action=([A-Za-z0-9]+)", form)
    return match.group(1).decode() if match else None
