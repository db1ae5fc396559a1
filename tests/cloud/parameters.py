"""A request's parameters, as its service model names them, read by the model's protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, Shape, StructureShape

from .operations import Operation

Parameters = dict[str, Any]


class Unreadable(ValueError):
    """The body is not what the protocol asks for."""


def readable(operation: Operation) -> bool:
    """Whether the service speaks a protocol that is read here. CloudWatch speaks CBOR, and passes unread."""
    return operation.model is not None and operation.model.service_model.protocol in ("json", "query", "ec2", "rest-json", "rest-xml")


def parameters_of(operation: Operation, query: str, headers: Mapping[str, str], body: bytes) -> Parameters:
    """The parameters; scalars from query, headers and XML are typed by the model.

    Blobs stay what they were on the wire: they can be 50 MB, and no constraint looks into them.
    """
    model = operation.model
    if model is None or model.input_shape is None:
        return {}
    protocol = model.service_model.protocol
    if not readable(operation):
        return {}
    if protocol == "json":
        parsed: Parameters = _json_body(model.input_shape, body)
        return parsed
    if protocol in ("query", "ec2"):
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        form.update(parse_qsl(query, keep_blank_values=True))
        return _from_form(model.input_shape, form, "") or {}
    return _from_rest(operation, query, headers, body)


def _json_body(shape: Shape, body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        parsed = json.loads(body)
    except ValueError as problem:
        raise Unreadable(str(problem)) from problem
    return _from_json(shape, parsed)


def _from_json(shape: Shape, value: Any) -> Any:
    """Renames members from their names on the wire; what does not fit the shape is left for the constraints."""
    if value is None:
        return None
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        out = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            if value.get(wire) is not None:
                out[name] = _from_json(member, value[wire])
            elif value.get(name) is not None:
                out[name] = _from_json(member, value[name])
        return out
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_from_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _from_json(shape.value, item) for key, item in value.items()}
    return value


def _scalar(shape: Shape, text: str | None) -> Any:
    text = text or ""
    try:
        if shape.type_name in ("integer", "long"):
            return int(text)
        if shape.type_name in ("float", "double"):
            return float(text)
    except ValueError:
        return text
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _from_form(shape: Shape, form: Mapping[str, str], prefix: str) -> Any:
    if isinstance(shape, StructureShape):
        out = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            value = _from_form(member, form, f"{prefix}.{wire}" if prefix else wire)
            if value is not None:
                out[name] = value
        return out or None
    if isinstance(shape, ListShape):
        flat = shape.serialization.get("flattened")
        inner = shape.member.serialization.get("name", "member")
        base = prefix if flat else f"{prefix}.{inner}"
        if flat and inner != "member":
            base = f"{prefix.rpartition('.')[0]}.{inner}".lstrip(".")
        items: list[Any] = []
        while True:
            value = _from_form(shape.member, form, f"{base}.{len(items) + 1}")
            if value is None:
                break
            items.append(value)
        # An empty list is sent as the bare name.
        return items or ([] if form.get(prefix) == "" else None)
    if isinstance(shape, MapShape):
        flat = shape.serialization.get("flattened")
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        base = prefix if flat else f"{prefix}.entry"
        pairs: dict[str, Any] = {}
        while (key := form.get(f"{base}.{len(pairs) + 1}.{key_name}")) is not None:
            pairs[key] = _from_form(shape.value, form, f"{base}.{len(pairs) + 1}.{value_name}")
        return pairs or None
    text = form.get(prefix)
    return None if text is None else _scalar(shape, text)


def _from_rest(operation: Operation, query: str, headers: Mapping[str, str], body: bytes) -> Parameters:
    assert operation.model is not None
    shape = operation.model.input_shape
    pairs = parse_qsl(query, keep_blank_values=True)
    given: dict[str, list[str]] = {}
    for key, value in pairs:
        given.setdefault(key, []).append(value)
    out: Parameters = {}
    payload = shape.serialization.get("payload")
    in_body: dict[str, Shape] = {}
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        if place == "uri":
            label = "".join(c if c.isalnum() or c == "_" else "_" for c in wire)
            if label in operation.uri:
                out[name] = _scalar(member, unquote(operation.uri[label]))
        elif place == "querystring":
            if isinstance(member, MapShape):
                # What no other member claims belongs to the map.
                out[name] = {key: values[0] for key, values in given.items()}
            elif wire in given:
                values = given[wire]
                out[name] = (
                    [_scalar(member.member, v) for v in values] if isinstance(member, ListShape) else _scalar(member, values[0])
                )
        elif place == "header":
            if wire.lower() in headers:
                out[name] = _scalar(member, headers[wire.lower()])
        elif place == "headers":
            start = wire.lower()
            out[name] = {key[len(start):]: value for key, value in headers.items() if key.startswith(start)}
        else:
            in_body[name] = member
    rest_json = operation.model.service_model.protocol == "rest-json"
    if payload:
        member = shape.members[payload]
        if not body:
            return out
        if isinstance(member, StructureShape):
            out[payload] = _json_body(member, body) if rest_json else _xml_body(member, body)
        else:
            out[payload] = body
        return out
    if in_body and body:
        parsed = _json_body(shape, body) if rest_json else _xml_body(shape, body)
        if isinstance(parsed, dict):
            out.update({name: value for name, value in parsed.items() if name in in_body})
    return out


def _xml_body(shape: Shape, body: bytes) -> Any:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as problem:
        raise Unreadable(str(problem)) from problem
    return _from_xml(shape, root)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _from_xml(shape: Shape, element: ElementTree.Element) -> Any:
    if isinstance(shape, StructureShape):
        out: dict[str, Any] = {}
        children: dict[str, list[ElementTree.Element]] = {}
        for child in element:
            children.setdefault(_local(child), []).append(child)
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            if member.serialization.get("xmlAttribute"):
                for key, value in element.attrib.items():
                    if key.rpartition("}")[2] == wire.rpartition(":")[2]:
                        out[name] = value
                continue
            if isinstance(member, ListShape) and member.serialization.get("flattened"):
                found = children.get(wire) or children.get(member.member.serialization.get("name", wire))
                if found:
                    out[name] = [_from_xml(member.member, child) for child in found]
            elif wire in children:
                out[name] = _from_xml(member, children[wire][0])
        return out
    if isinstance(shape, ListShape):
        return [_from_xml(shape.member, child) for child in element]
    if isinstance(shape, MapShape):
        return {_local(child): child.text for child in element}
    return _scalar(shape, element.text)
