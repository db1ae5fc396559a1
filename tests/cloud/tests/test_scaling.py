"""Scalable targets and their policies, of what has something to scale."""

from __future__ import annotations

from typing import Any

from conftest import Cloud, package
from test_rules import refused

DIMENSION = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
TARGET = {"ResourceId": "function:hello:1", **DIMENSION}
POLICY = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {
    "TargetValue": 0.7, "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}}}


def provisioned(cloud: Cloud) -> Any:
    cloud.function(Code={"ZipFile": package("def handler(event, context):\n    return 1\n")}, Publish=True)
    cloud.client("lambda").put_provisioned_concurrency_config(FunctionName="hello", Qualifier="1", ProvisionedConcurrentExecutions=2)
    return cloud.client("application-autoscaling")


def test_a_target_needs_something_allocated_and_sensible_bounds(cloud: Cloud) -> None:
    scaling = provisioned(cloud)
    bounds = {"MinCapacity": 1, "MaxCapacity": 5}
    with refused("ValidationException", "No Provisioned Concurrency Config"):
        scaling.register_scalable_target(ResourceId="function:hello:2", **DIMENSION, **bounds)
    with refused("ValidationException", "required"):
        scaling.register_scalable_target(MinCapacity=1, **TARGET)
    with refused("ValidationException", "less than minimum"):
        scaling.register_scalable_target(MinCapacity=6, MaxCapacity=5, **TARGET)
    arn = scaling.register_scalable_target(Tags={"a": "b"}, **TARGET, **bounds)["ScalableTargetARN"]
    with refused("ValidationException", "first time"):
        scaling.register_scalable_target(Tags={"a": "b"}, **TARGET, **bounds)
    assert scaling.register_scalable_target(MaxCapacity=7, **TARGET)["ScalableTargetARN"] == arn
    found = scaling.describe_scalable_targets(ServiceNamespace="lambda", ResourceIds=["function:hello:1", "function:hello:9"])
    assert [(t["ResourceId"], t["MinCapacity"], t["MaxCapacity"]) for t in found["ScalableTargets"]] == [("function:hello:1", 1, 7)]
    scaling.tag_resource(ResourceARN=arn, Tags={"c": "d"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"c": "d"}


def test_policies_go_with_their_target(cloud: Cloud) -> None:
    scaling = provisioned(cloud)
    with refused("ObjectNotFoundException", "No scalable target"):
        scaling.put_scaling_policy(**TARGET, **POLICY)
    scaling.register_scalable_target(MinCapacity=1, MaxCapacity=5, **TARGET)
    scaling.put_scaling_policy(**TARGET, **POLICY)
    found = scaling.describe_scaling_policies(ServiceNamespace="lambda", ResourceId="function:hello:1")["ScalingPolicies"]
    assert [(p["PolicyName"], p["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]) for p in found] == [("p", 0.7)]
    scaling.delete_scaling_policy(PolicyName="p", **TARGET)
    with refused("ObjectNotFoundException", "No scaling policy"):
        scaling.delete_scaling_policy(PolicyName="p", **TARGET)
    scaling.put_scaling_policy(**TARGET, **POLICY)
    scaling.deregister_scalable_target(**TARGET)
    assert scaling.describe_scaling_policies(ServiceNamespace="lambda")["ScalingPolicies"] == []
    with refused("ObjectNotFoundException", "No scalable target"):
        scaling.deregister_scalable_target(**TARGET)
