"""The constraints that botocore's models carry: required members, ranges, lengths, patterns, enums."""

from __future__ import annotations

import functools
import re
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from .answers import Refusal, dialect
from .operations import Operation
from .parameters import Parameters, readable

_MOST_REPORTED = 10

# Members whose model says less or more than the service does. None: not
# checked here, because a rule of ours or the emulator says it better.
_UNCHECKED: frozenset[tuple[str, str]] = frozenset({
    # The rules answer with Lambda's own wording, and for today's limits.
    ("lambda", "Runtime"),
    # Any string is carried to the service, which answers for itself.
    ("s3", "ContentMD5"),
    ("s3", "Body"),
    ("lambda", "ZipFile"),
    ("lambda", "Payload"),
})


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    # The models' patterns are Java's. What Python does not know is left out:
    # rather too little is checked than something right refused.
    translated = pattern.replace(r"\p{Alnum}", "a-zA-Z0-9").replace(r"\p{L}", r"^\W\d_").replace(r"\p{Z}", r"\s")
    if r"\p{" in translated or "&&" in translated:
        return None
    try:
        return re.compile(translated)
    except re.error:
        return None


class _Check:
    def __init__(self, service: str) -> None:
        self.service = service
        self.problems: list[str] = []

    def fail(self, value: Any, path: str, must: str) -> None:
        shown = "null" if value is None else f"'{value}'"
        self.problems.append(f"Value {shown} at '{path}' failed to satisfy constraint: Member must {must}")

    def visit(self, shape: Shape, value: Any, path: str) -> None:
        if isinstance(shape, StructureShape):
            if not isinstance(value, dict):
                self.fail(value, path, "be a structure")
                return
            for name in shape.required_members:
                if value.get(name) is None:
                    self.fail(None, _join(path, name), "not be null")
            for name, inner in value.items():
                member = shape.members.get(name)
                if member is not None and inner is not None and (self.service, name) not in _UNCHECKED:
                    self.visit(member, inner, _join(path, name))
            return
        if isinstance(shape, ListShape):
            if not isinstance(value, list):
                self.fail(value, path, "be a list")
                return
            self.length(shape, value, len(value), path)
            for number, inner in enumerate(value, 1):
                if inner is not None:
                    self.visit(shape.member, inner, f"{path}.{number}.member")
            return
        if isinstance(shape, MapShape):
            if not isinstance(value, dict):
                self.fail(value, path, "be a map")
                return
            self.length(shape, value, len(value), path)
            for key, inner in value.items():
                self.visit(shape.key, key, f"{path}.key")
                if inner is not None:
                    self.visit(shape.value, inner, f"{path}.{key}.member")
            return
        self.scalar(shape, value, path)

    def length(self, shape: Shape, value: Any, size: int, path: str) -> None:
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and size < least:
            self.fail(value, path, f"have length greater than or equal to {least}")
        if most is not None and size > most:
            self.fail(value, path, f"have length less than or equal to {most}")

    def scalar(self, shape: Shape, value: Any, path: str) -> None:
        kind = shape.type_name
        if kind in ("integer", "long", "float", "double"):
            if isinstance(value, bool) or not isinstance(value, int | float):
                self.fail(value, path, "be a number")
                return
            least, most = shape.metadata.get("min"), shape.metadata.get("max")
            if least is not None and value < least:
                self.fail(value, path, f"have value greater than or equal to {least}")
            if most is not None and value > most:
                self.fail(value, path, f"have value less than or equal to {most}")
        elif kind == "boolean":
            if not isinstance(value, bool):
                self.fail(value, path, "be a boolean")
        elif kind == "string":
            if not isinstance(value, str):
                # A member that carries JSON may come as what it stands for.
                if not shape.serialization.get("jsonvalue"):
                    self.fail(value, path, "be a string")
                return
            self.length(shape, value, len(value), path)
            allowed = getattr(shape, "enum", None)
            if allowed and value not in allowed:
                self.fail(value, path, f"satisfy enum value set: [{', '.join(allowed)}]")
            pattern = shape.metadata.get("pattern")
            compiled = _compiled(pattern) if pattern else None
            if compiled is not None and not compiled.fullmatch(value):
                self.fail(value, path, f"satisfy regular expression pattern: {pattern}")


def _join(path: str, name: str) -> str:
    lowered = name[:1].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def check(operation: Operation, parameters: Parameters) -> None:
    """Raises the Refusal that AWS gives to what breaks the model's constraints."""
    model = operation.model
    if model is None or model.input_shape is None or not readable(operation):
        return
    found = _Check(operation.service)
    found.visit(model.input_shape, parameters, "")
    if not found.problems:
        return
    shown = found.problems[:_MOST_REPORTED]
    count = len(found.problems)
    errors = "validation error" if count == 1 else "validation errors"
    raise Refusal(dialect(operation.service).invalid, f"{count} {errors} detected: {'; '.join(shown)}")
