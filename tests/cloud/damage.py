"""Faults made real: cut connections, broken bodies, answers of proxies on the way."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from .answers import Answer, Refusal, error
from .operations import Operation
from .settings import Settings
from .world import Request, body_of

HANG = 600.0  # seconds; longer than any client that keeps its promises waits


class Cut(Exception):
    """The client gets no answer, or a part of one."""

    def __init__(self, how: str, answer: Answer | None = None) -> None:
        super().__init__(how)
        self.how = how
        self.answer = answer

    async def carry_out(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        if self.answer is not None and transport is not None:
            body = self.answer.body
            response = web.StreamResponse(status=self.answer.status)
            for name, value in self.answer.headers.items():
                if name.lower() != "x-cloud-length":
                    response.headers[name] = value
            response.content_length = max(len(body), 2)
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
            # Let the half body out before the connection goes.
            await asyncio.sleep(0.02)
        if transport is not None:
            transport.abort()
        return web.Response(status=500)


async def damaged(fault: str, answer: Answer | None, request: Request, settings: Settings) -> Answer:
    """The answer under this fault. Raises Cut where there is none."""
    operation = request.operation
    if fault in ("cut-before", "cut-after"):
        raise Cut(fault)
    if fault in ("status-500", "status-500-after"):
        return error(operation, Refusal(_internal(operation), "We encountered an internal error. Please try again.", 500))
    if fault == "empty-500":
        return Answer(500, {}, b"")
    if fault == "status-502":
        return Answer(502, {"Content-Type": "text/html"}, b"<html><body><h1>502 Bad Gateway</h1></body></html>")
    if fault == "status-503":
        code = "SlowDown" if operation.service == "s3" else "ServiceUnavailable"
        return error(operation, Refusal(code, "Service is unable to handle request.", 503))
    if fault == "expired-token":
        return error(operation, Refusal(*_expired(operation)))
    if fault == "clock-skew":
        code = "RequestTimeTooSkewed" if operation.service == "s3" else "SignatureDoesNotMatch"
        return error(operation, Refusal(code, "Signature expired: 20200101T000000Z is now earlier than 20200101T001500Z", 403))
    if fault == "hang":
        await asyncio.sleep(HANG)
        raise Cut(fault)
    assert answer is not None
    if fault == "slow":
        await asyncio.sleep(settings["faults.slow_ms"] / 1000)
        return answer
    if fault == "truncated":
        raise Cut(fault, answer)
    if fault == "malformed":
        return Answer(answer.status, answer.headers, b'{"<unclosed>: [')
    if fault == "huge":
        return Answer(answer.status, answer.headers, _padded(answer.body, settings["faults.huge_bytes"]))
    if fault == "endless":
        return _endless(answer, operation)
    raise AssertionError(fault)


def _internal(operation: Operation) -> str:
    return {"lambda": "ServiceException", "s3": "InternalError", "iam": "ServiceFailure"}.get(operation.service, "InternalFailure")


def _expired(operation: Operation) -> tuple[str, str, int]:
    code = "ExpiredToken" if operation.service in ("s3", "iam", "sts", "cloudformation", "sns") else "ExpiredTokenException"
    return code, "The security token included in the request is expired", 403 if operation.service != "s3" else 400


def _padded(body: bytes, size: int) -> bytes:
    """Still valid: the padding is white space after the body, where JSON and XML allow it."""
    return body + b" " * max(0, size - len(body))


# How a list says that there is more, by what its answer calls it.
_TOKENS = ("NextMarker", "NextToken", "nextToken", "PaginationToken", "position", "Marker", "NextPageMarker")


def _endless(answer: Answer, operation: Operation) -> Answer:
    shape = operation.model.output_shape if operation.model else None
    if shape is None or not answer.ok:
        return answer
    protocol = operation.model.service_model.protocol  # type: ignore[union-attr]
    if protocol in ("query", "rest-xml"):
        text = answer.body.decode("utf-8", "replace")
        text = text.replace("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated><Marker>more</Marker>"
                            "<NextContinuationToken>more</NextContinuationToken>")
        return Answer(answer.status, answer.headers, text.encode())
    content = body_of(answer)
    for token in _TOKENS:
        if token in shape.members:
            content[shape.members[token].serialization.get("name", token)] = "more"
    return Answer(answer.status, answer.headers, json.dumps(content).encode())
