"""The HTTP front: takes a call, lets the weather and the rules have their say, passes it on, records it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from . import (  # noqa: F401  (all but control register their hooks)
    absent, addresses, code_deploy, consistency, consumers, control, deployments, edge_functions, invocations, openapi, pools, releases,
    rules, scaling,
)
from .answers import Answer, Refusal, dialect, error
from .backend import Backend
from .callers import check_caller
from .calls import Call, Record, telling
from .constraints import check
from .damage import Cut, damaged
from .faults import AFTER as FAULTS_AFTER
from .faults import Faults
from .latency import Latency
from .operations import DATA_PLANE_SCOPES, identify, scope_of
from .parameters import Unreadable, parameters_of
from .quotas import Quotas, throttled
from .settings import Settings
from .traps import Trap, Traps
from .world import AFTER, AROUND, BEFORE, Proceed, Request, World, body_of

log = logging.getLogger("cloud")

LARGEST_REQUEST = 400 << 20  # S3 takes more, a deployment package does not

# Headers that belong to one connection and not to the message.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "expect", "te", "trailer", "proxy-connection", "content-length"}
)


class Front:
    def __init__(self, backend: Backend, settings: Settings) -> None:
        self.backend = backend
        self.settings = settings
        self.world = World(backend, settings)
        self.record = Record()
        self.quotas = Quotas()
        self.faults = Faults(settings)
        self.traps = Traps()
        self.latency = Latency(settings["faults.seed"])
        self.url = ""
        self._runner: web.ServerRunner | None = None

    async def listen(self, port: int) -> None:
        def request_of(message, payload, protocol, writer, task):  # type: ignore[no-untyped-def]
            return web.BaseRequest(
                message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=LARGEST_REQUEST
            )

        server = web.Server(self._answer, request_factory=request_of, access_log=None, keepalive_timeout=120)
        self._runner = web.ServerRunner(server)
        await self._runner.setup()
        # Never anything but loopback: what stands behind runs whatever is uploaded.
        site = web.TCPSite(self._runner, "127.0.0.1", port, shutdown_timeout=0.2, backlog=1024)
        await site.start()
        self.url = self.world.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        self.traps.clear()
        if self._runner is not None:
            await self._runner.cleanup()

    async def reset(self) -> None:
        """Everything as after the start, but for the settings."""
        self.traps.clear()
        await self.backend.reset()
        self.world.forget()
        self.record.clear()
        self.quotas.clear()
        self.faults.restart()
        self.latency = Latency(self.settings["faults.seed"])

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path = request.rel_url.raw_path
        if raw_path.startswith("/_cloud/"):
            return await control.answer(self, request)
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        query = request.rel_url.raw_query_string
        scope = scope_of(request.headers.get("Authorization"), query)
        deployed = raw_path.startswith(("/_aws/", "/_ministack/")) or (scope and scope.service in DATA_PLANE_SCOPES)
        if scope is None or deployed:
            return await self._passed_through(request)
        arrived = time.monotonic()
        body = await request.read()
        operation = identify(
            scope, request.method, raw_path, query, frozenset(name.lower() for name in request.headers),
            request.headers.get("X-Amz-Target"), body,
        )
        call = self.record.begin(operation, scope.region, scope.access_key)
        wanted = Request(operation, scope, request.method, raw_path, query, request.headers, body, {}, call)
        try:
            answer = await self._with_weather(request, wanted, arrived)
        except Cut as cut:
            call.latency_ms = round((time.monotonic() - arrived) * 1000, 1)
            return await cut.carry_out(request)
        except aiohttp.ClientError as problem:
            call.fault, call.status = "emulator-gone", 502
            log.error("%s: the emulator does not answer: %s", operation.full_name, problem)
            return web.Response(status=502, text=f"practice cloud: the emulator does not answer: {problem}")
        except Exception as problem:
            # Said so that nobody takes it for AWS's behaviour or for weather.
            call.fault, call.status = "front-bug", 500
            log.exception("a bug of the practice cloud in %s", operation.full_name)
            return web.Response(status=500, text=f"practice cloud: a bug in the front: {problem!r}")
        call.status = answer.status
        call.latency_ms = round((time.monotonic() - arrived) * 1000, 1)
        if not answer.ok:
            call.error, call.message = _why(answer)
        return _response(answer, request.method)

    async def _with_weather(self, client: web.BaseRequest, request: Request, arrived: float) -> Answer:
        await self.traps.settled()
        if client.transport is None or client.transport.is_closing():
            # The client was killed before this call came to be looked at.
            request.call.fault = "client-gone"
            raise Cut("gone")
        caught = self.traps.arrived(request, request.scope.access_key)
        await self._spring(caught, "before", request.call)
        fault = self.faults.next_for(request.operation, request.scope.access_key)
        takes = self.latency.seconds(request.operation, self.settings)
        answer = await self._judged(request, fault)
        if answer is None:
            # A call is carried out somewhere within its time; a client that
            # dies meanwhile must not be able to tell when.
            await asyncio.sleep(takes * 0.4)
            answer = await self._carried_out(request)
        elif takes:
            await asyncio.sleep(min(takes, 0.06))
        await self._spring(caught, "after", request.call)
        rest = takes - (time.monotonic() - arrived)
        if rest > 0 and not request.call.by_front:
            await asyncio.sleep(rest)
        if fault in FAULTS_AFTER:
            request.call.fault = fault
            return await damaged(fault, answer, request, self.settings)
        return answer

    async def _judged(self, request: Request, fault: str | None) -> Answer | None:
        """The answer of whoever refuses the call before it reaches the service, or None."""
        call, operation = request.call, request.operation
        request.call.by_front = True
        if fault is not None and fault not in FAULTS_AFTER:
            call.fault = fault
            if fault == "throttle":
                return error(operation, throttled(operation))
            return await damaged(fault, None, request, self.settings)
        if self.settings["quotas.measure"] or self.settings["quotas.enabled"]:
            account = self.world.account(request)
            drawn, empty = self.quotas.draw(operation, account, request.scope.region, self.settings["quotas.buckets"])
            self.record.drawn.update(drawn)
            self.record.overdrawn.update(empty)
            call.overdrawn = empty
            if empty and self.settings["quotas.enabled"]:
                call.fault = "throttled"
                return error(operation, throttled(operation))
        try:
            headers = {name.lower(): value for name, value in request.headers.items()}
            try:
                request.parameters = parameters_of(operation, request.query, headers, request.body)
            except Unreadable as problem:
                raise Refusal(dialect(operation.service).unreadable, f"The request could not be read: {problem}", 400) from problem
            call.params = telling(request.parameters)
            if self.settings["constraints.model"]:
                check(operation, request.parameters)
            if self.backend.auth and await check_caller(self.world, request):
                self.world.hand_on_as_account(request)
            for hook in BEFORE.get(operation.full_name, ()):
                answer = await hook(self.world, request)
                if answer is not None:
                    return answer
        except Refusal as refusal:
            return error(operation, refusal)
        request.call.by_front = False
        return None

    async def _carried_out(self, request: Request) -> Answer:
        writes = not request.operation.reads
        if writes:
            await consistency.tagging.before_write(self.world, request.scope)
        answer = await self._hooked(request)
        self.world.writes += writes
        if writes and answer.ok:
            consistency.tagging.after_write(self.world, request.scope)
        return answer

    async def _hooked(self, request: Request) -> Answer:
        async def emulator() -> Answer:
            return await self._forwarded(request)

        proceed: Proceed = emulator
        for hook in reversed(AROUND.get(request.operation.full_name, ())):
            proceed = _bound(hook, self.world, request, proceed)
        try:
            answer = await proceed()
            for listener in AFTER.get(request.operation.full_name, ()):
                answer = await listener(self.world, request, answer) or answer
        except Refusal as refusal:
            request.call.by_front = True
            return error(request.operation, refusal)
        return answer

    async def _forwarded(self, request: Request) -> Answer:
        path = request.raw_path + (f"?{request.query}" if request.query else "")
        async with self.backend.http.request(
            request.method, self.backend.target(path), headers=_onward(request.headers), data=request.body or None,
            allow_redirects=False,
        ) as got:
            return Answer(got.status, _kept(got.headers), self._addressed(request, await got.read()))

    def _addressed(self, request: Request, body: bytes) -> bytes:
        """Queue URLs, code locations and the like with the front's address in place of the emulator's.

        Objects of S3 stay as they are: their length and digest are known to others.
        """
        if request.operation.service == "s3" or not self.settings["urls.rewrite"]:
            return body
        return body.replace(self.backend.url.encode(), self.url.encode())

    async def _spring(self, caught: list[Trap], when: str, call: Call) -> None:
        for trap in caught:
            if trap.when != when:
                continue
            if trap.kind == "kill":
                self.traps.kill(trap)
                call.fault = f"killed-{when}"
                raise Cut("gone")
            await trap.released.wait()

    async def _passed_through(self, request: web.BaseRequest) -> web.StreamResponse:
        """The data plane: deployed APIs, function URLs, the emulator's own pages. Streamed, unrecorded."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._bridged(request)
        body = await request.read()
        if request.rel_url.raw_path.startswith("/_aws/"):
            method, path = request.method, request.rel_url.raw_path
            answer = await invocations.refused(self.world, method, path) or await invocations.mapped(
                self.world, method, path, request.rel_url.raw_query_string, request.headers, body
            )
            if answer is not None:
                return _response(answer, method)
        async with self.backend.http.request(
            request.method, self.backend.target(str(request.rel_url)), headers=_onward(request.headers), data=body or None,
            allow_redirects=False,
        ) as got:
            response = web.StreamResponse(status=got.status, reason=got.reason, headers=_kept(got.headers))
            if "Content-Length" in got.headers:
                response.headers["Content-Length"] = got.headers["Content-Length"]
            # Who asked may be gone by now.
            with contextlib.suppress(ConnectionResetError):
                await response.prepare(request)
                async for chunk in got.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response

    async def _bridged(self, request: web.BaseRequest) -> web.StreamResponse:
        """A WebSocket API's connection, message by message."""
        offered = [p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if p.strip()]
        headers = {k: v for k, v in _onward(request.headers).items() if not k.lower().startswith("sec-websocket")}
        try:
            there = await self.backend.http.ws_connect(
                self.backend.target(str(request.rel_url)), headers=headers, protocols=offered
            )
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status, text=refused.message)
        here = web.WebSocketResponse(protocols=offered)
        await here.prepare(request)

        async def copy(source, sink) -> None:  # type: ignore[no-untyped-def]
            async for message in source:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await sink.send_str(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await sink.send_bytes(message.data)
            await sink.close()

        await asyncio.gather(copy(here, there), copy(there, here), return_exceptions=True)
        return here


def _bound(
    hook: Callable[[World, Request, Proceed], Awaitable[Answer]], world: World, request: Request, proceed: Proceed
) -> Proceed:
    async def run() -> Answer:
        return await hook(world, request, proceed)
    return run


def _onward(headers: aiohttp.typedefs.LooseHeaders) -> CIMultiDict[str]:
    """The client's headers for the emulator. Host stays what was signed."""
    onward: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():  # type: ignore[union-attr]
        if name.lower() not in _HOP_BY_HOP:
            onward.add(name, value)
    return onward


def _kept(headers: aiohttp.typedefs.LooseHeaders) -> CIMultiDict[str]:
    kept = _onward(headers)
    if "Content-Length" in headers:
        kept["X-Cloud-Length"] = headers["Content-Length"]  # type: ignore[index]
    return kept


def _response(answer: Answer, method: str) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict(answer.headers)
    length = headers.pop("X-Cloud-Length", None)
    if method == "HEAD":
        # The length of a body that is not sent is the answer to a HEAD.
        response = web.Response(status=answer.status, headers=headers)
        if length is not None:
            response.headers["Content-Length"] = length
        return response
    return web.Response(status=answer.status, headers=headers, body=answer.body)


def _why(answer: Answer) -> tuple[str | None, str | None]:
    """Code and message of an error, in any protocol."""
    code = answer.headers.get("x-amzn-ErrorType")
    if answer.body.lstrip()[:1] == b"<":
        found = {tag: re.search(rb"<%s>(.*?)</%s>" % (tag, tag), answer.body, re.DOTALL) for tag in (b"Code", b"Message")}
        texts = [match[1].decode("utf-8", "replace") if match else None for match in found.values()]
        return texts[0] or code, texts[1]
    content = body_of(answer)
    if not isinstance(content, dict):
        return code, None
    kind = code or content.get("__type") or content.get("code")
    message = content.get("message") or content.get("Message")
    return (str(kind).rpartition("#")[2].partition(":")[0] if kind else None), (str(message)[:500] if message else None)
