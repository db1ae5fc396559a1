"""What the emulator lacks and the front has."""

from __future__ import annotations

import time

from conftest import ACCOUNT, Cloud
from test_rules import EVERYTHING, FUNCTION, INVALID, refused


def test_runtimes_are_managed(cloud: Cloud) -> None:
    aws = cloud.client("lambda")
    with refused("ResourceNotFoundException", "", 404):
        aws.get_runtime_management_config(FunctionName="hello")
    cloud.function()
    assert aws.get_runtime_management_config(FunctionName="hello")["UpdateRuntimeOn"] == "Auto"
    arn = "arn:aws:lambda:us-east-1::runtime:" + "a" * 64
    with refused(INVALID):
        aws.put_runtime_management_config(FunctionName="hello", UpdateRuntimeOn="Auto", RuntimeVersionArn=arn)
    aws.put_runtime_management_config(FunctionName="hello", UpdateRuntimeOn="Manual", RuntimeVersionArn=arn)
    live = aws.get_runtime_management_config(FunctionName="hello")
    assert (live["UpdateRuntimeOn"], live["RuntimeVersionArn"], live["FunctionArn"]) == ("Manual", arn, FUNCTION)
    aws.delete_function(FunctionName="hello")
    cloud.function(role=cloud.role("other"))
    assert "RuntimeVersionArn" not in aws.get_runtime_management_config(FunctionName="hello")


def test_provisioned_concurrency_comes_and_is_listed(cloud: Cloud) -> None:
    cloud.settings(consistency__provisioned_ms=800)
    cloud.function()
    aws = cloud.client("lambda")
    with refused(INVALID, "cannot be applied to unpublished function versions"):
        aws.put_provisioned_concurrency_config(FunctionName="hello", Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)
    aws.publish_version(FunctionName="hello")
    aws.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    assert aws.list_provisioned_concurrency_configs(FunctionName="hello")["ProvisionedConcurrencyConfigs"] == []
    made = aws.put_provisioned_concurrency_config(FunctionName="hello", Qualifier="live", ProvisionedConcurrentExecutions=2)
    assert (made["Status"], made["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    time.sleep(0.8)
    assert aws.get_provisioned_concurrency_config(FunctionName="hello", Qualifier="live")["Status"] == "READY"
    listed = aws.list_provisioned_concurrency_configs(FunctionName="hello")["ProvisionedConcurrencyConfigs"]
    assert [(c["FunctionArn"], c["RequestedProvisionedConcurrentExecutions"]) for c in listed] == [(f"{FUNCTION}:live", 2)]


def test_the_account_has_a_thousand_executions(cloud: Cloud) -> None:
    cloud.function()
    cloud.client("lambda").put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=10)
    limit = cloud.client("lambda").get_account_settings()["AccountLimit"]
    assert (limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]) == (1000, 990)


def test_mappings_and_urls_merge_and_forget(cloud: Cloud) -> None:
    cloud.function(role=cloud.role(policy=EVERYTHING))
    cloud.client("sqs").create_queue(QueueName="jobs")
    aws = cloud.client("lambda")
    uuid = aws.create_event_source_mapping(
        FunctionName="hello", EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs", ScalingConfig={"MaximumConcurrency": 5},
        FilterCriteria={"Filters": [{"Pattern": '{"a": ["b"]}'}]})["UUID"]
    assert {"FilterCriteria", "ScalingConfig"} <= aws.update_event_source_mapping(UUID=uuid, BatchSize=5).keys()
    aws.update_event_source_mapping(UUID=uuid, FilterCriteria={}, ScalingConfig={})
    assert not {"FilterCriteria", "ScalingConfig"} & aws.get_event_source_mapping(UUID=uuid).keys()
    aws.create_function_url_config(FunctionName="hello", AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    assert "Cors" in aws.update_function_url_config(FunctionName="hello", AuthType="AWS_IAM")
    assert "Cors" not in aws.update_function_url_config(FunctionName="hello", Cors={})


def test_log_groups_protect_data(cloud: Cloud) -> None:
    logs = cloud.client("logs")
    with refused("ResourceNotFoundException"):
        logs.get_data_protection_policy(logGroupIdentifier="/a")
    logs.create_log_group(logGroupName="/a")
    assert "policyDocument" not in logs.get_data_protection_policy(logGroupIdentifier="/a")
    logs.put_data_protection_policy(logGroupIdentifier="/a", policyDocument='{"Name": "p"}')
    assert logs.get_data_protection_policy(logGroupIdentifier="/a")["policyDocument"] == '{"Name": "p"}'
    assert logs.describe_log_groups()["logGroups"][0]["dataProtectionStatus"] == "ACTIVATED"
    logs.delete_data_protection_policy(logGroupIdentifier="/a")
    assert "dataProtectionStatus" not in logs.describe_log_groups()["logGroups"][0]
    assert "policyDocument" not in logs.get_data_protection_policy(logGroupIdentifier="/a")


def test_the_record_says_why(cloud: Cloud) -> None:
    with refused("ResourceNotFoundException"):
        cloud.client("lambda").get_function(FunctionName="none")
    with refused("ValidationError"):
        cloud.client("iam").create_role(RoleName="r")
    lambda_call, iam_call = cloud.get("calls")["calls"]
    assert "Function not found" in lambda_call["message"]
    assert (iam_call["error"], "assumeRolePolicyDocument" in iam_call["message"]) == ("ValidationError", True)


def test_parts_of_a_stage_go_and_the_stage_stays(cloud: Cloud) -> None:
    aws = cloud.client("apigatewayv2")
    api = aws.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    named = {"ApiId": api, "StageName": "$default"}
    aws.create_stage(**named, AutoDeploy=True, RouteSettings={"GET /a": {"ThrottlingBurstLimit": 1}, "GET /b": {"ThrottlingBurstLimit": 2}},
                     AccessLogSettings={"DestinationArn": "arn:aws:logs:us-east-1:1:log-group:a", "Format": "$context.requestId"})
    aws.delete_route_settings(**named, RouteKey="GET /a")
    with refused("NotFoundException", "", 404):
        aws.delete_route_settings(**named, RouteKey="GET /a")
    aws.delete_access_log_settings(**named)
    left = aws.get_stage(**named)
    assert list(left["RouteSettings"]) == ["GET /b"] and not left.get("AccessLogSettings")
    with refused("NotFoundException", "", 404):
        aws.delete_access_log_settings(ApiId=api, StageName="other")
