"""Quotas, latency and faults."""

from __future__ import annotations

import contextlib
import time
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from conftest import Cloud
from test_rules import refused


def test_the_sixteenth_call_in_a_second_is_throttled(cloud: Cloud) -> None:
    # The rate is lowered, so that a slow machine cannot let the bucket fill up again.
    cloud.settings(quotas__enabled=True, quotas__buckets={"lambda.rest": {"rate": 0.5}})
    aws = cloud.client("lambda")
    for _ in range(15):
        aws.list_functions()
    with refused("TooManyRequestsException", "Rate exceeded", 429):
        for _ in range(5):
            aws.list_layers()
    with pytest.raises(ClientError):
        aws.get_function(FunctionName="none")  # a bucket of its own: not found, not throttled
    summary = cloud.get("summary")
    assert summary["throttled"] == 1
    assert summary["buckets"]["lambda.rest"]["over"] == 1
    assert summary["buckets"]["lambda.GetFunction"] == {"calls": 1, "over": 0, "share": 0.0, "floor_s": 0.0}
    # Twenty calls, a burst of fifteen, fifteen a second: as published, whatever the setting.
    assert summary["buckets"]["lambda.rest"]["floor_s"] == round((summary["buckets"]["lambda.rest"]["calls"] - 15) / 15, 2)
    time.sleep(2)
    aws.list_functions()


@pytest.mark.parametrize(("service", "operation", "bucket", "calls", "code", "status"), [
    ("apigateway", "get_rest_apis", "apigateway.all", 41, "TooManyRequestsException", 429),
    ("apigatewayv2", "get_apis", "apigateway.all", 41, "TooManyRequestsException", 429),
    ("logs", "describe_log_groups", "logs.DescribeLogGroups", 11, "ThrottlingException", 400),
    ("events", "list_rules", "events.all", 51, "ThrottlingException", 400),
    ("iam", "list_roles", "iam.reads", 101, "Throttling", 400),
    ("cloudformation", "list_stacks", "cloudformation.all", 21, "Throttling", 400),
    ("resourcegroupstaggingapi", "get_resources", "tagging.GetResources", 16, "ThrottledException", 400),
])
def test_each_service_throttles_in_its_own_words(
    cloud: Cloud, service: str, operation: str, bucket: str, calls: int, code: str, status: int
) -> None:
    cloud.settings(quotas__enabled=True, quotas__buckets={bucket: {"rate": 0.001}})
    client = cloud.client(service)
    with refused(code, "", status):
        for _ in range(calls):
            getattr(client, operation)()
    assert len(cloud.get("calls")["calls"]) == calls


def test_a_bucket_can_be_changed_and_only_counted(cloud: Cloud) -> None:
    cloud.settings(quotas__buckets={"lambda.rest": {"rate": 0.001, "burst": 1}})
    aws = cloud.client("lambda")
    for _ in range(4):
        aws.list_functions()
    assert cloud.get("summary")["buckets"]["lambda.rest"] == {"calls": 4, "over": 3, "share": 0.75, "floor_s": 0.0}


def test_calls_take_their_time(cloud: Cloud) -> None:
    cloud.settings(latency__enabled=True, latency__jitter=0.0, latency__table={"sqs.ListQueues": 300})
    sqs = cloud.client("sqs")
    for call, least in ((sqs.list_queues, 0.3), (cloud.client("iam").list_roles, 0.06)):
        started = time.monotonic()
        call()
        assert least <= time.monotonic() - started < least + 1.5
    assert 300 <= cloud.get("calls")["calls"][0]["latency_ms"]


def plan(fault: str, **more: Any) -> dict[str, Any]:
    return {"match": "sqs.CreateQueue", "fault": fault, **more}


def queues(cloud: Cloud) -> list[str]:
    return [url.rpartition("/")[2] for url in cloud.client("sqs").list_queues().get("QueueUrls", [])]


@pytest.mark.parametrize(("fault", "made"), [
    ("cut-before", False), ("cut-after", True), ("truncated", True), ("status-500", False), ("empty-500", False),
    ("status-502", False), ("status-503", False), ("status-500-after", True), ("throttle", False),
    ("expired-token", False), ("clock-skew", False),
])
def test_a_planned_fault_meets_one_call(cloud: Cloud, fault: str, made: bool) -> None:
    cloud.settings(faults__schedule=[plan(fault, nth=2)])
    sqs = cloud.client("sqs")
    sqs.create_queue(QueueName="first")
    with pytest.raises((ClientError, HTTPClientError, ConnectionClosedError, ResponseParserError)):
        sqs.create_queue(QueueName="second")
    sqs.create_queue(QueueName="third")
    assert ("second" in queues(cloud)) == made
    assert cloud.get("calls")["calls"][1]["fault"] == fault
    assert cloud.get("summary")["faults"] == 1


def test_a_malformed_answer_is_neither_json_nor_xml(cloud: Cloud) -> None:
    cloud.settings(faults__schedule=[plan("malformed")])
    assert "QueueUrl" not in cloud.client("sqs").create_queue(QueueName="made")
    assert queues(cloud) == ["made"]


def test_slow_huge_and_endless(cloud: Cloud) -> None:
    cloud.settings(faults__slow_ms=300, faults__huge_bytes=3_000_000, faults__schedule=[
        plan("slow"), {"match": "lambda.ListFunctions", "fault": "endless", "times": 3}, {"match": "iam.ListRoles", "fault": "endless"},
        {"match": "events.ListRules", "fault": "huge"}, {"match": "sns.ListTopics", "fault": "hang"}])
    started = time.monotonic()
    cloud.client("sqs").create_queue(QueueName="slow")
    assert time.monotonic() - started >= 0.3
    assert cloud.client("lambda").list_functions()["NextMarker"]
    assert cloud.client("iam").list_roles()["IsTruncated"]
    cloud.client("events").list_rules()
    with pytest.raises(ReadTimeoutError):
        cloud.client("sns", read_timeout=0.3).list_topics()


def test_a_seed_brings_the_same_faults_again(cloud: Cloud) -> None:
    def drawn(seed: int) -> list[str | None]:
        cloud.settings(faults__rate=0.5, faults__kinds=["status-500", "status-503"], faults__seed=seed)
        cloud.post("calls/clear")
        for _ in range(20):
            with contextlib.suppress(ClientError):
                cloud.client("sqs").list_queues()
        return [call["fault"] for call in cloud.get("calls")["calls"]]

    first = drawn(7)
    assert drawn(7) == first
    assert drawn(8) != first
    assert {None, "status-500", "status-503"} == set(first)


def test_the_weathers_differ(cloud: Cloud) -> None:
    assert cloud.post("settings", {"weather": "aws"})["quotas.enabled"]
    assert cloud.post("settings", {"weather": "storm"})["faults.rate"] > 0
    calm = cloud.post("settings", {"weather": "calm"})
    assert not calm["latency.enabled"] and calm["consistency.role_assumable_s"] == 0
    with urllib.request.urlopen(f"{cloud.url}/_ministack/health") as answer:
        assert answer.status == 200
