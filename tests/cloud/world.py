"""What all rules share: the emulator, the settings, and a place for what each of them remembers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
import botocore.parsers
import botocore.serialize
from botocore.model import ServiceModel
from multidict import CIMultiDict, CIMultiDictProxy

from .answers import Answer
from .backend import Backend
from .calls import Call
from .operations import Operation, Scope, service_model
from .parameters import Parameters
from .settings import Settings

State = TypeVar("State")


@dataclass
class Request:
    """One call of a client, on its way."""

    operation: Operation
    scope: Scope
    method: str
    raw_path: str
    query: str
    headers: CIMultiDictProxy[str]
    body: bytes
    parameters: Parameters
    call: Call


_OF_THE_CONNECTION = frozenset({"connection", "content-length", "transfer-encoding", "date", "server"})


class AskFailed(Exception):
    """The emulator refused a question of our own."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def _protocol(model: ServiceModel) -> str:
    """JSON where a service speaks it beside others: the emulator's CBOR cannot be read."""
    return "json" if "json" in model.metadata.get("protocols", ()) else str(model.protocol)


def _as_account(account: str, region: str, service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"


class World:
    def __init__(self, backend: Backend, settings: Settings) -> None:
        self.backend = backend
        self.settings = settings
        self.url = ""
        self.writes = 0  # how many were carried out, so that what was read before can be told to be stale
        self._states: dict[tuple[type, str], Any] = {}

    def of(self, kind: type[State], near: Request | Scope | None = None) -> State:
        """What a rule remembers about the account of a call, or about all of them: one object of each kind, made on first
        use, gone at a reset."""
        key = kind, self.account(near) if near else ""
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = kind()
        return state

    def forget(self) -> None:
        self._states.clear()

    def account(self, near: Request | Scope | None) -> str:
        """Whose resources a call is about. A twelve-digit key is the emulator's name for an account."""
        scope = near.scope if isinstance(near, Request) else near
        return scope.access_key if scope and scope.access_key.isdigit() else self.backend.account

    def arn(self, service: str, scope: Scope, rest: str) -> str:
        return f"arn:aws:{service}:{scope.region}:{self.account(scope)}:{rest}"

    def hand_on_as_account(self, request: Request) -> None:
        """A caller that was judged here need not be judged by the emulator, which would judge less exactly."""
        headers = CIMultiDict(request.headers)
        headers["Authorization"] = _as_account(self.account(request), request.scope.region, request.scope.service)
        headers.pop("X-Amz-Security-Token", None)
        request.headers = CIMultiDictProxy(headers)

    async def ask_raw(self, service: str, name: str, parameters: Parameters, near: Request | Scope | None = None) -> Answer:
        """Calls the emulator itself, unrecorded and without weather: its answer as it came, errors too."""
        model = service_model(service)
        assert model is not None
        operation = model.operation_model(name)
        serializer = botocore.serialize.create_serializer(_protocol(model), include_validation=False)
        wire = serializer.serialize_to_request(dict(parameters), operation)
        scope = near.scope if isinstance(near, Request) else near
        region = scope.region if scope else self.backend.region
        # The emulator asks for no valid signature from an account's name.
        account = self.account(scope)
        headers = dict(wire["headers"])
        headers["Authorization"] = _as_account(account, region, model.signing_name)
        body = wire["body"]
        if isinstance(body, dict):
            body = urlencode(body)
        query = wire["query_string"]
        path = wire["url_path"]
        if query:
            text = query if isinstance(query, str) else urlencode(query, doseq=True)
            path += ("&" if "?" in path else "?") + text
        data = body.encode() if isinstance(body, str) else body
        target = self.backend.target(path)
        for last in (False, True):
            try:
                async with self.backend.http.request(wire["method"], target, headers=headers, data=data) as got:
                    kept = CIMultiDict((k, v) for k, v in got.headers.items() if k.lower() not in _OF_THE_CONNECTION)
                    return Answer(got.status, kept, await got.read())
            except aiohttp.ServerDisconnectedError:
                # The emulator closed a connection that had been idle, in the same moment.
                if last:
                    raise
        raise AssertionError

    async def ask(self, service: str, name: str, parameters: Parameters, near: Request | Scope | None = None) -> dict[str, Any]:
        """The same, parsed. Raises AskFailed."""
        answer = await self.ask_raw(service, name, parameters, near)
        model = service_model(service)
        assert model is not None
        parser = botocore.parsers.create_parser(_protocol(model))
        response = {"headers": answer.headers, "status_code": answer.status, "body": answer.body}
        try:
            parsed: dict[str, Any] = parser.parse(response, model.operation_model(name).output_shape)
        except Exception as problem:
            raise AskFailed("Unreadable", f"{service}.{name}: {problem}", answer.status) from problem
        if answer.status >= 300:
            error = parsed.get("Error") or {}
            raise AskFailed(error.get("Code", str(answer.status)), error.get("Message", ""), answer.status)
        parsed.pop("ResponseMetadata", None)
        return parsed


# Hooks: what stands between a client's call and the emulator.
Before = Callable[[World, Request], Awaitable[Answer | None]]
After = Callable[[World, Request, Answer], Awaitable[Answer | None]]
Proceed = Callable[[], Awaitable[Answer]]
Around = Callable[[World, Request, Proceed], Awaitable[Answer]]

BEFORE: dict[str, list[Before]] = {}
AFTER: dict[str, list[After]] = {}
AROUND: dict[str, list[Around]] = {}


def before(*operations: str) -> Callable[[Before], Before]:
    """Runs before the call is carried out: raises Refusal, answers in the emulator's stead, or lets it pass (None)."""
    def register(hook: Before) -> Before:
        for operation in operations:
            BEFORE.setdefault(operation, []).append(hook)
        return hook
    return register


def after(*operations: str) -> Callable[[After], After]:
    """Runs on the emulator's answer, errors included; returns another one or None."""
    def register(hook: After) -> After:
        for operation in operations:
            AFTER.setdefault(operation, []).append(hook)
        return hook
    return register


def around(*operations: str) -> Callable[[Around], Around]:
    """Runs about the carrying out, e.g. to serialise it or to carry out something else."""
    def register(hook: Around) -> Around:
        for operation in operations:
            AROUND.setdefault(operation, []).append(hook)
        return hook
    return register


def body_of(answer: Answer) -> Any:
    """The JSON of an answer, {} where it has none."""
    try:
        return json.loads(answer.body) if answer.body else {}
    except ValueError:
        return {}


def with_body(answer: Answer, content: Any) -> Answer:
    return Answer(answer.status, answer.headers, json.dumps(content).encode())
