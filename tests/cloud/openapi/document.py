"""What both kinds of API read from an OpenAPI document in the same way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from ..answers import Refusal

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
AUTHORIZER = "x-amazon-apigateway-authorizer"

Document = dict[str, Any]


def parsed(body: Any) -> Document:
    """The document; raises the Refusal that API Gateway gives to what is none."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as problem:
        raise Refusal("BadRequestException", f"Invalid OpenAPI input: {problem}", 400) from problem
    if not isinstance(document, dict) or not ("openapi" in document or "swagger" in document):
        raise Refusal("BadRequestException", "Invalid OpenAPI input. The document is neither OpenAPI 3 nor Swagger 2.", 400)
    return document


def title(document: Document) -> str:
    name = (document.get("info") or {}).get("title")
    if not name:
        raise Refusal("BadRequestException", "Invalid OpenAPI input: info.title is missing", 400)
    return str(name)


def security_schemes(document: Document) -> dict[str, Document]:
    schemes = (document.get("components") or {}).get("securitySchemes") or document.get("securityDefinitions") or {}
    return {name: scheme for name, scheme in schemes.items() if isinstance(scheme, dict)}


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """(path, METHOD or ANY, operation), in the document's order."""
    for path, item in (document.get("paths") or {}).items():
        shared = (item or {}).get("parameters") or []
        for key, operation in (item or {}).items():
            if key in METHODS or key == ANY:
                operation = dict(operation or {})
                operation["parameters"] = [*shared, *(operation.get("parameters") or [])]
                yield path, "ANY" if key == ANY else key.upper(), operation


def method_key(method: str) -> str:
    return ANY if method == "ANY" else method.lower()


def tags(document: Document) -> dict[str, str]:
    return {
        tag["name"]: str(tag["x-amazon-apigateway-tag-value"])
        for tag in document.get("tags") or ()
        if isinstance(tag, dict) and "x-amazon-apigateway-tag-value" in tag
    }


def referred(document: Document, value: Any) -> Any:
    """What a local `$ref` points to; anything else as it is."""
    if isinstance(value, dict) and isinstance(value.get("$ref"), str) and value["$ref"].startswith("#/"):
        found: Any = document
        for part in value["$ref"][2:].split("/"):
            found = (found or {}).get(part.replace("~1", "/").replace("~0", "~"))
        if found is None:
            raise Refusal("BadRequestException", f"Invalid OpenAPI input: {value['$ref']} is not there", 400)
        return found
    return value


def without_empty(content: Document) -> Document:
    return {key: value for key, value in content.items() if value not in (None, {}, [], "")}
