"""The token buckets of AWS's control planes, and the throttling error that each service really sends.

[S] published by AWS, as collected in "AWS control plane: quotas, latencies and hazards" (2026), section 2.
Bursts that AWS does not publish are one second's worth and count as assumed; so does every row that says so.
Everything can be changed at run time by the setting `quotas.buckets`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .answers import Refusal
from .operations import Operation


@dataclass(frozen=True)
class Bucket:
    name: str
    rate: float  # tokens a second
    burst: float  # the most that it holds
    takes: Callable[[Operation], bool]
    source: str


def _named(service: str, *names: str) -> Callable[[Operation], bool]:
    wanted = frozenset(names)
    return lambda operation: operation.service == service and operation.name in wanted


def _all_but(service: str, *names: str) -> Callable[[Operation], bool]:
    unwanted = frozenset(names)
    return lambda operation: operation.service == service and operation.name not in unwanted


def _gateway(*names: str) -> Callable[[Operation], bool]:
    wanted = frozenset(names)
    return lambda operation: operation.service == "apigateway" and operation.name in wanted


def _iam(reads: bool) -> Callable[[Operation], bool]:
    return lambda operation: operation.service == "iam" and operation.reads == reads


_LAMBDA = "lambda/latest/dg/gettingstarted-limits"
_GATEWAY = "apigateway/latest/developerguide/limits"
_LOGS = "AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl"

BUCKETS: tuple[Bucket, ...] = (
    Bucket("lambda.GetFunction", 100, 100, _named("lambda", "GetFunction"), _LAMBDA),
    Bucket("lambda.GetPolicy", 15, 15, _named("lambda", "GetPolicy"), _LAMBDA),
    Bucket("lambda.rest", 15, 15,
           _all_but("lambda", "GetFunction", "GetPolicy", "Invoke", "InvokeAsync", "InvokeWithResponseStream"), _LAMBDA),
    Bucket("apigateway.all", 10, 40, lambda operation: operation.service in ("apigateway", "apigatewayv2"), _GATEWAY),
    # Regional: hoist makes regional APIs. Edge-optimised ones have a tenth of it.
    Bucket("apigateway.CreateRestApi", 1 / 3, 1, _gateway("CreateRestApi", "ImportRestApi"), _GATEWAY),
    Bucket("apigateway.DeleteRestApi", 1 / 30, 1, _gateway("DeleteRestApi"), _GATEWAY),
    Bucket("apigateway.PutRestApi", 1, 1, _gateway("PutRestApi"), _GATEWAY),
    Bucket("apigateway.CreateDeployment", 1 / 5, 1, _gateway("CreateDeployment"), _GATEWAY),
    Bucket("apigateway.CreateResource", 5, 5, _gateway("CreateResource"), _GATEWAY),
    Bucket("apigateway.DeleteResource", 5, 5, _gateway("DeleteResource"), _GATEWAY),
    Bucket("apigateway.CreateApiKey", 5, 5, _gateway("CreateApiKey"), _GATEWAY),
    Bucket("apigateway.DeleteApiKey", 5, 5, _gateway("DeleteApiKey"), _GATEWAY),
    Bucket("apigateway.GetResources", 2.5, 5, _gateway("GetResources"), _GATEWAY),
    Bucket("apigateway.CreateDomainName", 1 / 30, 1, _gateway("CreateDomainName"), _GATEWAY),
    Bucket("apigateway.UpdateDomainName", 1 / 30, 1, _gateway("UpdateDomainName"), _GATEWAY),
    Bucket("apigateway.DeleteDomainName", 1 / 30, 1, _gateway("DeleteDomainName"), _GATEWAY),
    Bucket("apigateway.UpdateUsagePlan", 1 / 20, 1, _gateway("UpdateUsagePlan"), _GATEWAY),
    Bucket("apigateway.UpdateAccount", 1 / 20, 1, _gateway("UpdateAccount"), _GATEWAY),
    Bucket("apigateway.ImportDocumentationParts", 1 / 30, 1, _gateway("ImportDocumentationParts"), _GATEWAY),
    Bucket("apigatewayv2.CreateVpcLink", 1 / 15, 1, _named("apigatewayv2", "CreateVpcLink"), _GATEWAY),
    Bucket("apigatewayv2.DeleteVpcLink", 1 / 30, 1, _named("apigatewayv2", "DeleteVpcLink"), _GATEWAY),
    Bucket("logs.CreateLogGroup", 10, 10, _named("logs", "CreateLogGroup"), _LOGS),
    Bucket("logs.DeleteLogGroup", 10, 10, _named("logs", "DeleteLogGroup"), _LOGS),
    Bucket("logs.DescribeLogGroups", 10, 10, _named("logs", "DescribeLogGroups"), _LOGS),
    Bucket("logs.PutRetentionPolicy", 5, 5, _named("logs", "PutRetentionPolicy"), _LOGS),
    Bucket("logs.DeleteRetentionPolicy", 5, 5, _named("logs", "DeleteRetentionPolicy"), _LOGS),
    Bucket("logs.TagResource", 5, 5, _named("logs", "TagResource"), _LOGS),
    Bucket("logs.ListTagsForResource", 5, 5, _named("logs", "ListTagsForResource"), _LOGS),
    Bucket("logs.PutSubscriptionFilter", 5, 5, _named("logs", "PutSubscriptionFilter"), _LOGS),
    Bucket("logs.PutMetricFilter", 5, 5, _named("logs", "PutMetricFilter"), _LOGS),
    Bucket("logs.AssociateKmsKey", 5, 5, _named("logs", "AssociateKmsKey"), _LOGS),
    Bucket("logs.FilterLogEvents", 25, 25, _named("logs", "FilterLogEvents"), _LOGS + " (us-east-1)"),
    Bucket("logs.GetLogEvents", 25, 25, _named("logs", "GetLogEvents"), _LOGS),
    Bucket("logs.DescribeLogStreams", 25, 25, _named("logs", "DescribeLogStreams"), _LOGS),
    Bucket("logs.CreateLogStream", 50, 50, _named("logs", "CreateLogStream"), _LOGS),
    Bucket("logs.StartQuery", 10, 10, _named("logs", "StartQuery"), _LOGS),
    Bucket("logs.StartLiveTail", 5, 5, _named("logs", "StartLiveTail"), _LOGS),
    Bucket("events.all", 50, 50, _all_but("events", "PutEvents"), "awsdocs/amazon-eventbridge-user-guide eb-quota"),
    Bucket("iam.reads", 50, 100, _iam(True), "assumed: IAM publishes no rates"),
    Bucket("iam.writes", 15, 30, _iam(False), "assumed: IAM publishes no rates"),
    Bucket("sns.Subscribe", 100, 100, _named("sns", "Subscribe"), "assumed, general/latest/gr/sns not checked"),
    Bucket("cloudformation.all", 10, 20, lambda operation: operation.service == "cloudformation", "assumed"),
    Bucket("scheduler.all", 50, 50, lambda operation: operation.service == "scheduler", "assumed"),
    Bucket("tagging.GetResources", 15, 15, _named("resourcegroupstaggingapi", "GetResources"), "assumed"),
    Bucket("ssm.all", 40, 40, lambda operation: operation.service == "ssm", "assumed"),
)

_BY_NAME = {bucket.name: bucket for bucket in BUCKETS}


def floor(name: str, calls: int) -> float:
    """The least time, in seconds, in which that many calls fit into a bucket that was full at the start."""
    bucket = _BY_NAME[name]
    return max(0.0, (calls - bucket.burst) / bucket.rate)


# What a throttled caller hears: code, status, message, further members.
# [S] the services' "Common Errors" pages; IAM's from AWS re:Post
# iam-sts-throttling-error; API Gateway's from aws/aws-sdk-js#1014.
_ERRORS: dict[str, tuple[str, int, str]] = {
    "lambda": ("TooManyRequestsException", 429, "Rate exceeded"),
    "apigateway": ("TooManyRequestsException", 429, "Too Many Requests"),
    "apigatewayv2": ("TooManyRequestsException", 429, "Too Many Requests"),
    "logs": ("ThrottlingException", 400, "Rate exceeded"),
    "events": ("ThrottlingException", 400, "Rate exceeded"),
    "iam": ("Throttling", 400, "Rate exceeded"),
    "sts": ("Throttling", 400, "Rate exceeded"),
    "sns": ("Throttling", 400, "Rate exceeded"),
    "sqs": ("RequestThrottled", 403, "Request is throttled."),
    "cloudformation": ("Throttling", 400, "Rate exceeded"),
    "scheduler": ("ThrottlingException", 429, "Rate exceeded"),
    "resourcegroupstaggingapi": ("ThrottledException", 400, "Rate exceeded"),
    "cognito-idp": ("TooManyRequestsException", 400, "Rate exceeded"),
    "kinesis": ("LimitExceededException", 400, "Rate exceeded for stream control operations."),
    "s3": ("SlowDown", 503, "Please reduce your request rate."),
}


def throttled(operation: Operation) -> Refusal:
    code, status, message = _ERRORS.get(operation.service, ("ThrottlingException", 400, "Rate exceeded"))
    members: dict[str, Any] = {}
    if operation.service == "lambda":
        members = {"Reason": "CallerRateLimitExceeded"}
    elif operation.service == "apigateway":
        # The only service here whose model carries it, and which sends it.
        members = {"headers": {"Retry-After": "1"}}
    return Refusal(code, message, status, **members)


class Quotas:
    """The levels of all buckets, by account, and by region where the service is regional."""

    def __init__(self) -> None:
        self._levels: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._buckets_of: dict[str, tuple[Bucket, ...]] = {}

    def clear(self) -> None:
        self._levels.clear()

    def draw(self, operation: Operation, account: str, region: str, changes: dict[str, Any]) -> tuple[list[str], list[str]]:
        """The buckets that this call draws from, and those of them that had nothing left.

        A call that finds one bucket empty takes nothing from the others.
        """
        buckets = self._buckets_of.get(operation.full_name)
        if buckets is None:
            buckets = tuple(bucket for bucket in BUCKETS if bucket.takes(operation))
            self._buckets_of[operation.full_name] = buckets
        now = time.monotonic()
        levels: list[tuple[tuple[str, str, str], float]] = []
        empty: list[str] = []
        for bucket in buckets:
            if bucket.name in changes:
                bucket = replace(bucket, **changes[bucket.name])
            key = (bucket.name, account, "" if operation.service == "iam" else region)
            level, since = self._levels.get(key, (bucket.burst, now))
            level = min(bucket.burst, level + (now - since) * bucket.rate)
            self._levels[key] = (level, now)
            levels.append((key, level))
            # A hair under a whole token is the clock's rounding, not a caller's haste.
            if level < 1 - 1e-6:
                empty.append(bucket.name)
        if not empty:
            for key, level in levels:
                self._levels[key] = (level - 1, now)
        return [bucket.name for bucket in buckets], empty
