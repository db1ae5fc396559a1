"""Aliases with weights, versions that take their time, provisioned concurrency."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from conftest import Cloud, package
from test_rules import INVALID, refused

WHICH = "def handler(event, context):\n    return {'version': %d}\n"


def two_versions(cloud: Cloud) -> Any:
    cloud.function(Code={"ZipFile": package(WHICH % 1)}, Publish=True)
    functions = cloud.client("lambda")
    functions.update_function_code(FunctionName="hello", ZipFile=package(WHICH % 2), Publish=True)
    functions.create_alias(FunctionName="hello", Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    return functions


def test_each_call_of_a_weighted_alias_is_drawn(cloud: Cloud) -> None:
    functions = two_versions(cloud)
    drawn: Counter[tuple[int, str]] = Counter()
    for _ in range(200):
        answer = functions.invoke(FunctionName="hello", Qualifier="live")
        drawn[json.load(answer["Payload"])["version"], answer["ExecutedVersion"]] += 1
    assert set(drawn) == {(1, "1"), (2, "2")}
    # Four standard deviations of 200 draws at 0.3 are 26.
    assert 34 <= drawn[2, "2"] <= 86, drawn
    assert functions.get_function(FunctionName="hello", Qualifier="live")["Configuration"]["Version"] == "1"
    functions.update_alias(FunctionName="hello", Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}})
    assert {functions.invoke(FunctionName="hello", Qualifier="live")["ExecutedVersion"] for _ in range(20)} == {"2"}


def test_weights_and_an_allocation_on_the_alias_exclude_each_other(cloud: Cloud) -> None:
    functions = two_versions(cloud)
    put = {"FunctionName": "hello", "ProvisionedConcurrentExecutions": 2}
    with refused(INVALID, "Alias with weights"):
        functions.put_provisioned_concurrency_config(Qualifier="live", **put)
    functions.put_provisioned_concurrency_config(Qualifier="2", **put)
    functions.update_alias(FunctionName="hello", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    functions.put_provisioned_concurrency_config(Qualifier="live", **put)
    with refused(INVALID, "Invalid alias configuration"):
        functions.update_alias(FunctionName="hello", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})


def test_provisioned_concurrency_may_fail_and_stays_within_the_reservation(cloud: Cloud) -> None:
    functions = two_versions(cloud)
    functions.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=3)
    put = {"FunctionName": "hello", "Qualifier": "2"}
    with refused(INVALID, "should not be greater than the reservedConcurrentExecution"):
        functions.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=4, **put)
    other = {"FunctionName": "hello", "Qualifier": "1"}
    functions.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=1, **other)
    with refused(INVALID, "should not be greater than the reservedConcurrentExecution"):
        functions.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=3, **put)
    functions.delete_provisioned_concurrency_config(**other)
    cloud.settings(consistency__provisioned_fails=True)
    functions.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=3, **put)
    got = functions.get_provisioned_concurrency_config(**put)
    assert (got["Status"], got["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    listed = functions.list_provisioned_concurrency_configs(FunctionName="hello")["ProvisionedConcurrencyConfigs"]
    assert [config["FunctionArn"].rpartition(":")[2] for config in listed] == ["2"]


def test_an_alias_on_a_pending_version_does_not_answer(cloud: Cloud) -> None:
    functions = two_versions(cloud)
    cloud.settings(consistency__version_pending_ms=400)
    functions.update_function_code(FunctionName="hello", ZipFile=package(WHICH % 3), Publish=True)
    assert functions.get_function(FunctionName="hello", Qualifier="3")["Configuration"]["State"] == "Pending"
    functions.update_alias(FunctionName="hello", Name="live", FunctionVersion="3", RoutingConfig={"AdditionalVersionWeights": {}})
    with refused("ResourceConflictException", "Pending", 409):
        functions.invoke(FunctionName="hello", Qualifier="live")
    time.sleep(0.5)
    assert functions.get_function(FunctionName="hello", Qualifier="3")["Configuration"]["State"] == "Active"
    assert functions.invoke(FunctionName="hello", Qualifier="live")["ExecutedVersion"] == "3"
