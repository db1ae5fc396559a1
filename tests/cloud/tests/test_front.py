"""Passing through, recording, killing and holding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from conftest import HERE, Cloud, start


def test_every_call_is_recorded_with_its_operation(cloud: Cloud) -> None:
    cloud.client("iam").list_roles()
    cloud.client("sqs").create_queue(QueueName="jobs")
    cloud.client("s3").create_bucket(Bucket="things")
    cloud.client("s3").put_object(Bucket="things", Key="a/b c+d", Body=b"x" * 3_000_000)
    cloud.client("apigatewayv2").get_apis()
    cloud.client("apigateway").get_rest_apis()
    cloud.client("lambda").list_functions()
    cloud.client("logs").describe_log_groups()
    cloud.client("events").list_rules()
    cloud.client("scheduler").list_schedules()
    cloud.client("cloudformation").list_stacks()
    cloud.client("sts").get_caller_identity()
    cloud.client("sns").create_topic(Name="news")
    cloud.client("resourcegroupstaggingapi").get_resources()
    calls = cloud.get("calls")["calls"]
    assert [f"{call['service']}.{call['operation']}" for call in calls] == [
        "iam.ListRoles", "sqs.CreateQueue", "s3.CreateBucket", "s3.PutObject", "apigatewayv2.GetApis", "apigateway.GetRestApis",
        "lambda.ListFunctions", "logs.DescribeLogGroups", "events.ListRules", "scheduler.ListSchedules",
        "cloudformation.ListStacks", "sts.GetCallerIdentity", "sns.CreateTopic", "resourcegroupstaggingapi.GetResources",
    ]
    assert all(call["status"] == 200 for call in calls)
    assert calls[3]["params"] == {"Bucket": "things", "Key": "a/b c+d"}
    assert cloud.get("calls?account=test")["calls"] == calls
    assert cloud.get("calls?account=222222222222")["calls"] == []
    summary = cloud.get("summary")
    assert (summary["calls"], summary["reads"], summary["writes"]) == (14, 10, 4)
    cloud.post("calls/clear")
    assert cloud.get("summary")["calls"] == 0


def test_s3_objects_go_through_whole(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="things")
    body = bytes(range(256)) * 20_000
    s3.put_object(Bucket="things", Key="blob", Body=body)
    assert s3.get_object(Bucket="things", Key="blob")["Body"].read() == body
    assert s3.head_object(Bucket="things", Key="blob")["ContentLength"] == len(body)
    with pytest.raises(ClientError) as refused:
        s3.head_object(Bucket="things", Key="nothing")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    # The lease of a deployment: taken once, by a conditional write.
    s3.put_object(Bucket="things", Key="lease", Body=b"a", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket="things", Key="lease", Body=b"b", IfNoneMatch="*")
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"


def test_a_reset_empties_the_account(cloud: Cloud) -> None:
    cloud.role()
    cloud.post("reset")
    assert cloud.client("iam").list_roles()["Roles"] == []
    assert cloud.get("summary")["calls"] == 1


def client_process(cloud: Cloud, count: int) -> subprocess.Popen[bytes]:
    """A client that makes `count` queues, one after the other."""
    script = (
        "import boto3, sys\n"
        "from botocore.config import Config\n"
        f"sqs = boto3.client('sqs', endpoint_url={cloud.url!r}, region_name='us-east-1', aws_access_key_id='a',"
        " aws_secret_access_key='b', config=Config(retries={'total_max_attempts': 1}))\n"
        "sys.stdin.readline()\n"
        f"for n in range({count}): sqs.create_queue(QueueName=f'q{{n}}')\n"
    )
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)


@pytest.mark.parametrize(("when", "left"), [("before", 2), ("after", 3)])
def test_a_client_is_killed_at_its_third_call(cloud: Cloud, when: str, left: int) -> None:
    client = client_process(cloud, 5)
    cloud.post("kill-at", {"call": 3, "pid": client.pid, "when": when})
    assert client.stdin is not None
    client.stdin.write(b"\n")
    client.stdin.close()
    assert client.wait(timeout=20) == -9
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == left
    assert cloud.get("calls")["calls"][2]["fault"] == f"killed-{when}"


def test_only_a_client_can_be_killed(cloud: Cloud) -> None:
    for pid in (None, 0, -1, 1, True, "7", cloud.ready["pid"]):
        with pytest.raises(urllib.error.HTTPError) as refused:
            cloud.post("kill-at", {"call": 1, "pid": pid})
        assert refused.value.code == 400


@pytest.mark.parametrize(("when", "made"), [("before", False), ("after", True)])
def test_a_call_is_held_until_released(cloud: Cloud, when: str, made: bool) -> None:
    trap = cloud.post("hold-at", {"call": 1, "match": "sqs.CreateQueue", "when": when})
    worker = threading.Thread(target=lambda: cloud.client("sqs").create_queue(QueueName="late"))
    worker.start()
    while not cloud.get("traps")["traps"][0]["caught"]:
        time.sleep(0.01)
    assert bool(cloud.client("sqs").list_queues().get("QueueUrls")) == made
    assert worker.is_alive()
    assert cloud.post("release", {"id": trap["id"]}) == {"released": 1}
    worker.join(10)
    assert not worker.is_alive()
    assert cloud.client("sqs").list_queues()["QueueUrls"]


def test_a_trap_can_be_set_for_one_path(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="deployments")
    trap = cloud.post("hold-at", {"match": "s3.PutObject", "path": "*/leases/*"})
    s3.put_object(Bucket="deployments", Key="history/1.json", Body=b"1")
    assert not cloud.get("traps")["traps"][0]["caught"]
    worker = threading.Thread(target=lambda: s3.put_object(Bucket="deployments", Key="leases/shop.json", Body=b"1"))
    worker.start()
    while not cloud.get("traps")["traps"][0]["caught"]:
        time.sleep(0.01)
    assert cloud.post("release", {"id": trap["id"]}) == {"released": 1}
    worker.join(10)
    assert not worker.is_alive()


def test_unknown_settings_are_refused(cloud: Cloud) -> None:
    for wrong in ({"latency.speed": 1}, {"weather": "hail"}, {"quotas.enabled": 3}, {"faults.schedule": [{"fault": "frogs"}]}):
        with pytest.raises(urllib.error.HTTPError) as refused:
            cloud.post("settings", wrong)
        assert refused.value.code == 400
    assert cloud.get("settings")["faults.schedule"] == []


def processes_in_group(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if int(stat[2]) == group and stat[0] != "Z":
                found.append(int(entry.name))
    return found


def child_group(pid: int) -> int:
    """The process group of the emulator (emulator.py): its session leader is a child of the front."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(") ")[2].split()
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat[1]) == pid and b"emulator.py" in line:
                return int(stat[2])
    raise AssertionError("the emulator is not a child of the front")


def test_it_ends_with_its_parent() -> None:
    script = (
        "import subprocess, sys, os\n"
        "p = subprocess.Popen([sys.executable, '-m', 'cloud'], stdout=subprocess.PIPE, text=True)\n"
        "print(p.stdout.readline(), end='', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)})
    assert parent.stdout is not None
    group = child_group(json.loads(parent.stdout.readline())["pid"])
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while processes_in_group(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_in_group(group) == []


def test_calls_sent_with_the_killed_one_are_not_carried_out(cloud: Cloud) -> None:
    script = (
        "import boto3, sys, threading\n"
        "from botocore.config import Config\n"
        f"sqs = boto3.client('sqs', endpoint_url={cloud.url!r}, region_name='us-east-1', aws_access_key_id='a',"
        " aws_secret_access_key='b', config=Config(retries={'total_max_attempts': 1}, max_pool_connections=30))\n"
        "sys.stdin.readline()\n"
        "for n in range(30): threading.Thread(target=lambda n=n: sqs.create_queue(QueueName=f'q{n}')).start()\n"
    )
    client = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    cloud.post("kill-at", {"call": 5, "pid": client.pid, "when": "before"})
    assert client.stdin is not None
    client.stdin.write(b"\n")
    client.stdin.close()
    assert client.wait(timeout=20) == -9
    time.sleep(0.5)
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 4


@pytest.mark.parametrize("how", ["stdin", "SIGTERM", "SIGKILL"])
def test_nothing_outlives_the_cloud(how: str) -> None:
    cloud = start()
    group = child_group(cloud.ready["pid"])
    assert processes_in_group(group)
    if how == "stdin":
        assert cloud.process.stdin is not None
        cloud.process.stdin.close()
    elif how == "SIGTERM":
        cloud.process.terminate()
    else:
        cloud.process.kill()
    cloud.process.wait(timeout=20)
    deadline = time.monotonic() + 5
    while processes_in_group(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_in_group(group) == []
