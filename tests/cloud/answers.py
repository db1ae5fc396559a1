"""Answers that the front gives by itself: errors in the shape of each protocol, and plain JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from .operations import Operation


@dataclass
class Answer:
    status: int
    headers: MutableMapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status < 400


class Refusal(Exception):
    """What AWS would refuse, as its error code and message."""

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members  # further members of the error's shape, and "headers"


@dataclass(frozen=True)
class _Dialect:
    """How one service names what every service has."""

    invalid: str = "ValidationException"  # a constraint of the model is broken
    unreadable: str = "SerializationException"
    status: int = 400


# What a service calls a broken constraint. [S] each service's API reference,
# "Common Errors"; those not listed say ValidationException.
_DIALECTS: dict[str, _Dialect] = {
    "iam": _Dialect("ValidationError", "MalformedInput"),
    "sts": _Dialect("ValidationError", "MalformedInput"),
    "cloudformation": _Dialect("ValidationError", "MalformedInput"),
    "sns": _Dialect("InvalidParameter", "MalformedInput"),
    "sqs": _Dialect("InvalidParameterValue", "MalformedInput"),
    "logs": _Dialect("InvalidParameterException"),
    "apigateway": _Dialect("BadRequestException", "BadRequestException"),
    "apigatewayv2": _Dialect("BadRequestException", "BadRequestException"),
    "s3": _Dialect("InvalidArgument", "MalformedXML"),
    "lambda": _Dialect("ValidationException", "InvalidRequestContentException"),
    "cognito-idp": _Dialect("InvalidParameterException"),
    "resourcegroupstaggingapi": _Dialect("InvalidParameterException"),
    "ecr": _Dialect("InvalidParameterException"),
    "iot": _Dialect("InvalidRequestException"),
    "stepfunctions": _Dialect("ValidationException"),
}


# SQS's codes of the time when it spoke XML, which its SDKs still report.
_QUERY_CODES = {
    "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
}


def dialect(service: str) -> _Dialect:
    return _DIALECTS.get(service, _Dialect())


def new_request_id() -> str:
    return str(uuid.uuid4())


def error(operation: Operation, refusal: Refusal) -> Answer:
    """The refusal as this service and protocol put it on the wire."""
    model = operation.model
    service_model = model.service_model if model else None
    shape = service_model.shape_for_error_code(refusal.code) if service_model else None
    status = refusal.status
    if status is None and shape is not None:
        status = shape.metadata.get("error", {}).get("httpStatusCode")
    status = status or dialect(operation.service).status
    protocol = service_model.protocol if service_model else "json"
    request_id = new_request_id()
    members = dict(refusal.members)
    extra: dict[str, str] = members.pop("headers", {})
    if protocol == "rest-xml" and operation.service == "s3":
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
            + "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in members.items())
            + f"<RequestId>{request_id}</RequestId><HostId>practice-cloud</HostId></Error>"
        ).encode()
        return Answer(status, {"Content-Type": "application/xml", "x-amz-request-id": request_id, **extra}, body)
    if protocol in ("query", "rest-xml", "ec2"):
        namespace = (service_model.metadata.get("xmlNamespace") or "") if service_model else ""
        sender = "Sender" if status < 500 else "Receiver"
        body = (
            f'<ErrorResponse xmlns="{escape(str(namespace))}"><Error><Type>{sender}</Type>'
            f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        ).encode()
        return Answer(status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id, **extra}, body)
    message_member = "message"
    content: dict[str, Any] = {}
    if shape is not None:
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            if name.lower() == "message":
                message_member = wire
            elif name == "Type":
                content[wire] = "User" if status < 500 else "Service"
            elif name in members:
                content[wire] = members[name]
    content[message_member] = refusal.message
    headers = {"x-amzn-RequestId": request_id, "x-amzn-ErrorType": refusal.code, **extra}
    if protocol == "json":
        version = service_model.metadata.get("jsonVersion", "1.0") if service_model else "1.0"
        prefix = "com.amazonaws.sqs#" if operation.service == "sqs" else ""
        content = {"__type": prefix + refusal.code, **content}
        headers["Content-Type"] = f"application/x-amz-json-{version}"
        if service_model and "awsQueryCompatible" in service_model.metadata:
            headers["x-amzn-query-error"] = f"{_QUERY_CODES.get(refusal.code, refusal.code)};Sender"
    else:
        headers["Content-Type"] = "application/json"
    return Answer(status, headers, json.dumps(content).encode())


def json_answer(content: Any, status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(content).encode())
