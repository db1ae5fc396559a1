"""Every call that came, for the tests to ask about afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any

from .operations import Operation
from .parameters import Parameters
from .quotas import floor

# Members that tell a reader which thing a call was about.
_TELLING = (
    "FunctionName", "RoleName", "PolicyName", "PolicyArn", "Bucket", "Key", "QueueName", "QueueUrl", "TopicArn", "Name",
    "Rule", "EventBusName", "GroupName", "logGroupName", "logGroupNamePrefix", "restApiId", "ApiId", "apiId", "stageName",
    "StageName", "StackName", "StatementId", "Qualifier", "UUID", "EventSourceArn", "ResourceArn", "resourceArn", "Resource",
    "ResourceARN", "LayerName", "SecretId", "TableName", "StreamName", "UserPoolId", "name", "SubscriptionArn", "Protocol",
    "filterName", "PaginationToken", "NextToken", "Marker", "DryRun", "Publish", "path", "resourceId", "httpMethod",
    "mode", "RouteKey", "AliasName", "Action",
)


@dataclass
class Call:
    seq: int
    time: float  # seconds since the epoch, when it arrived
    service: str
    operation: str
    reads: bool
    region: str
    access_key: str
    params: dict[str, Any] = field(default_factory=dict)
    status: int | None = None  # None: no answer was sent (yet)
    error: str | None = None
    message: str | None = None
    latency_ms: float | None = None
    fault: str | None = None
    by_front: bool = False  # answered without the emulator
    overdrawn: list[str] = field(default_factory=list)  # buckets that had nothing left
    started: float = field(default_factory=monotonic, repr=False)

    def shown(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "started"}


class Record:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._next = 1
        self.drawn: Counter[str] = Counter()
        self.overdrawn: Counter[str] = Counter()

    def begin(self, operation: Operation, region: str, access_key: str) -> Call:
        call = Call(self._next, time(), operation.service, operation.name, operation.reads, region, access_key)
        self._next += 1
        self.calls.append(call)
        return call

    def clear(self) -> None:
        self.calls.clear()
        self._next = 1
        self.drawn.clear()
        self.overdrawn.clear()

    def summary(self) -> dict[str, Any]:
        by_operation: dict[str, dict[str, Any]] = {}
        for call in self.calls:
            row = by_operation.setdefault(
                f"{call.service}.{call.operation}",
                {"calls": 0, "errors": 0, "throttled": 0, "faults": 0, "total_ms": 0.0},
            )
            row["calls"] += 1
            row["errors"] += bool(call.error) or (call.status or 0) >= 400
            row["throttled"] += call.fault == "throttled"
            row["faults"] += call.fault not in (None, "throttled")
            row["total_ms"] = round(row["total_ms"] + (call.latency_ms or 0.0), 1)
        times = [call.time for call in self.calls]
        return {
            "calls": len(self.calls),
            "reads": sum(call.reads for call in self.calls),
            "writes": sum(not call.reads for call in self.calls),
            "throttled": sum(call.fault == "throttled" for call in self.calls),
            "faults": sum(call.fault not in (None, "throttled") for call in self.calls),
            "first": min(times, default=None),
            "last": max(times, default=None),
            "operations": dict(sorted(by_operation.items())),
            "buckets": {
                name: {
                    "calls": count,
                    "over": self.overdrawn[name],
                    "share": round(self.overdrawn[name] / count, 5),
                    "floor_s": round(floor(name, count), 2),
                }
                for name, count in sorted(self.drawn.items())
            },
        }


def telling(parameters: Parameters) -> dict[str, Any]:
    return {
        name: parameters[name]
        for name in _TELLING
        if isinstance(parameters.get(name), str | int | bool) and len(str(parameters[name])) <= 300
    }
