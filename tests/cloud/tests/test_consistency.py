"""What AWS needs a while for."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from conftest import ACCOUNT, TRUST, Cloud, package
from test_rules import EVERYTHING, FUNCTION, INVALID, refused


def test_a_new_role_cannot_be_assumed_yet(cloud: Cloud) -> None:
    cloud.settings(consistency__role_assumable_s=1.5)
    role = cloud.role()
    with refused(INVALID, "The role defined for the function cannot be assumed by Lambda."):
        cloud.function(role=role)
    time.sleep(1.5)
    cloud.function(role=role)


def test_a_new_policy_does_not_count_yet(cloud: Cloud) -> None:
    cloud.settings(consistency__role_policy_s=2)
    role = cloud.role(policy=EVERYTHING)
    cloud.function(role=role)
    cloud.client("sqs").create_queue(QueueName="jobs")
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
    with refused(INVALID, "does not have permissions to call ReceiveMessage on SQS"):
        cloud.client("lambda").create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)
    time.sleep(2)
    cloud.client("lambda").create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)


def test_whoever_does_not_wait_is_refused(cloud: Cloud) -> None:
    cloud.settings(consistency__function_pending_ms=1200, consistency__function_updating_ms=1200)
    aws = cloud.client("lambda")
    assert cloud.function()["State"] == "Pending"
    with refused("ResourceConflictException", "The function is currently in the following state: Pending", 409):
        aws.update_function_code(FunctionName="hello", ZipFile=package())
    live = aws.get_function(FunctionName="hello")["Configuration"]
    assert (live["State"], live["StateReasonCode"], live.get("LastUpdateStatus")) == ("Pending", "Creating", None)
    time.sleep(1.2)
    live = aws.get_function(FunctionName="hello")["Configuration"]
    assert (live["State"], live["LastUpdateStatus"]) == ("Active", "Successful")
    assert aws.update_function_configuration(FunctionName="hello", Timeout=5)["LastUpdateStatus"] == "InProgress"
    with refused("ResourceConflictException", f"An update is in progress for resource: {FUNCTION}", 409):
        aws.publish_version(FunctionName="hello")
    assert aws.get_function_configuration(FunctionName="hello")["LastUpdateStatus"] == "InProgress"
    assert json.load(aws.invoke(FunctionName="hello")["Payload"])["body"] == "hello"
    time.sleep(1.2)
    aws.publish_version(FunctionName="hello")
    assert all("State" not in function for function in aws.list_functions()["Functions"])


def test_permissions_in_parallel_are_lost(cloud: Cloud) -> None:
    cloud.function()
    cloud.settings(consistency__lose_parallel_permissions=True, consistency__permission_window_ms=500)
    aws = cloud.client("lambda", max_pool_connections=5)

    def add(number: int) -> int:
        return aws.add_permission(FunctionName="hello", StatementId=f"s{number}", Action="lambda:InvokeFunction",
                                  Principal="events.amazonaws.com")["ResponseMetadata"]["HTTPStatusCode"]

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(add, range(5))) == [201] * 5
    assert len(json.loads(aws.get_policy(FunctionName="hello")["Policy"])["Statement"]) == 1
    for number in range(5, 8):
        add(number)
    assert len(json.loads(aws.get_policy(FunctionName="hello")["Policy"])["Statement"]) == 4


def test_an_api_has_one_writer_at_a_time(cloud: Cloud) -> None:
    gateway = cloud.client("apigatewayv2", max_pool_connections=2)
    api = gateway.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    cloud.settings(consistency__conflicts=True, consistency__conflict_window_ms=500)
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(gateway.create_route, ApiId=api, RouteKey=f"GET /{n}") for n in range(2)]
        failed = [future.exception() for future in made if future.exception()]
    assert len(failed) == 1 and "due to concurrent modification. Please try again later." in str(failed[0])
    gateway.create_route(ApiId=api, RouteKey="GET /later")


def test_a_queue_name_rests_after_its_deletion(cloud: Cloud) -> None:
    cloud.settings(consistency__sqs_name_s=1)
    sqs = cloud.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName="jobs")["QueueUrl"])
    with refused("AWS.SimpleQueueService.QueueDeletedRecently", "You must wait 60 seconds after deleting a queue"):
        sqs.create_queue(QueueName="jobs")
    time.sleep(1)
    sqs.create_queue(QueueName="jobs")


def test_late_logs_make_a_log_group_again(cloud: Cloud) -> None:
    cloud.settings(consistency__late_logs_s=2)
    cloud.function()
    cloud.client("lambda").invoke(FunctionName="hello")
    logs = cloud.client("logs")
    groups = [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]]
    if "/aws/lambda/hello" not in groups:
        logs.create_log_group(logGroupName="/aws/lambda/hello")
    logs.delete_log_group(logGroupName="/aws/lambda/hello")
    assert logs.describe_log_groups()["logGroups"] == []
    time.sleep(1.5)
    assert [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]] == ["/aws/lambda/hello"]


def test_mappings_are_in_use_for_a_while(cloud: Cloud) -> None:
    cloud.settings(consistency__mapping_ms=1000)
    cloud.function(role=cloud.role(policy=EVERYTHING))
    cloud.client("sqs").create_queue(QueueName="jobs")
    aws = cloud.client("lambda")
    made = aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs")
    assert made["State"] == "Creating"
    with refused("ResourceInUseException", "Cannot update the event source mapping because it is in use."):
        aws.update_event_source_mapping(UUID=made["UUID"], BatchSize=5)
    time.sleep(1)
    assert aws.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled"
    aws.delete_event_source_mapping(UUID=made["UUID"])
    assert aws.get_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    time.sleep(1)
    with refused("ResourceNotFoundException"):
        aws.get_event_source_mapping(UUID=made["UUID"])


def test_what_was_just_made_is_not_found_yet(cloud: Cloud) -> None:
    role = cloud.role("old")
    cloud.settings(consistency__newborn_ms=1000)
    cloud.function(role=role)
    permission = {"FunctionName": "hello", "StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    with refused("ResourceNotFoundException", f"Function not found: {FUNCTION}", 404):
        cloud.client("lambda").add_permission(**permission)
    cloud.role("new")
    with refused("NoSuchEntity", "The role with name new cannot be found.", 404):
        cloud.client("iam").get_role(RoleName="new")
    cloud.client("s3").create_bucket(Bucket="things")
    with refused("NoSuchBucket"):
        cloud.client("s3").put_bucket_tagging(Bucket="things", Tagging={"TagSet": []})
    time.sleep(1)
    cloud.client("lambda").add_permission(**permission)
    cloud.client("iam").get_role(RoleName="new")


def test_s3_sees_a_new_permission_later(cloud: Cloud) -> None:
    cloud.function()
    cloud.client("s3").create_bucket(Bucket="photos")
    cloud.settings(consistency__permission_s=1)
    cloud.client("lambda").add_permission(FunctionName="hello", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
    wanted = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"]}]}
    with refused("InvalidArgument", "Unable to validate the following destination configurations"):
        cloud.client("s3").put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration=wanted)
    time.sleep(1)
    cloud.client("s3").put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration=wanted)


def tag_everything(cloud: Cloud) -> set[str]:
    tags, pairs = {"hoist:service": "shop"}, [{"Key": "hoist:service", "Value": "shop"}]
    cloud.client("iam").create_role(RoleName="tagged", AssumeRolePolicyDocument=TRUST, Tags=pairs)
    cloud.function(Tags=tags)
    cloud.client("sqs").create_queue(QueueName="jobs", tags=tags)
    cloud.client("sns").create_topic(Name="news", Tags=pairs)
    cloud.client("events").put_rule(Name="daily", ScheduleExpression="rate(1 day)", Tags=pairs)
    cloud.client("logs").create_log_group(logGroupName="/aws/lambda/hello", tags=tags)
    cloud.client("scheduler").create_schedule_group(Name="group", Tags=pairs)
    rest = cloud.client("apigateway").create_rest_api(name="a", tags=tags)["id"]
    http = cloud.client("apigatewayv2").create_api(Name="a", ProtocolType="HTTP", Tags=tags)["ApiId"]
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="things")
    s3.put_bucket_tagging(Bucket="things", Tagging={"TagSet": pairs})
    cloud.client("sqs").create_queue(QueueName="other", tags={"hoist:service": "else"})
    here = f"us-east-1:{ACCOUNT}"
    return {
        f"arn:aws:lambda:{here}:function:hello", f"arn:aws:sqs:{here}:jobs", f"arn:aws:sns:{here}:news",
        f"arn:aws:events:{here}:rule/daily", f"arn:aws:logs:{here}:log-group:/aws/lambda/hello",
        f"arn:aws:scheduler:{here}:schedule-group/group", f"arn:aws:apigateway:us-east-1::/restapis/{rest}",
        f"arn:aws:apigateway:us-east-1::/apis/{http}", "arn:aws:s3:::things",
    }


def found(cloud: Cloud, **wanted: Any) -> set[str]:
    pages = cloud.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(
        TagFilters=[{"Key": "hoist:service", "Values": ["shop"]}], **wanted)
    return {entry["ResourceARN"] for page in pages for entry in page["ResourceTagMappingList"]}


def test_the_tagging_api_knows_everything_but_roles(cloud: Cloud) -> None:
    tagged = tag_everything(cloud)
    assert found(cloud) == tagged
    assert found(cloud, ResourcesPerPage=2) == tagged
    assert len(cloud.client("resourcegroupstaggingapi").get_resources(ResourcesPerPage=2)["ResourceTagMappingList"]) == 2
    assert found(cloud, ResourceTypeFilters=["lambda:function", "logs"]) == {arn for arn in tagged if ":lambda:" in arn or ":logs:" in arn}


def test_the_tagging_api_lags_behind(cloud: Cloud) -> None:
    cloud.client("sqs").create_queue(QueueName="old", tags={"hoist:service": "shop"})
    cloud.settings(consistency__tagging_s=2)
    sqs = cloud.client("sqs")
    sqs.create_queue(QueueName="new", tags={"hoist:service": "shop"})
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="old")["QueueUrl"])
    assert {arn.rpartition(":")[2] for arn in found(cloud)} == {"old"}
    time.sleep(3)
    assert {arn.rpartition(":")[2] for arn in found(cloud)} == {"new"}


def test_each_account_has_a_clock_of_its_own(cloud: Cloud) -> None:
    there = "100000000001"
    role = cloud.client("iam", key=there).create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    cloud.settings(consistency__role_assumable_s=1)
    time.sleep(1)
    cloud.role()  # of the same name, and new
    cloud.client("lambda", key=there).create_function(
        FunctionName="f", Role=role, Runtime="python3.12", Handler="app.handler", Code={"ZipFile": package()})


def test_each_account_has_quotas_of_its_own(cloud: Cloud) -> None:
    cloud.settings(quotas__enabled=True, quotas__buckets={"lambda.rest": {"rate": 0.001, "burst": 1}})
    mine, other = (cloud.client("lambda", key=key) for key in ("test", "100000000001"))
    mine.list_functions()
    with refused("TooManyRequestsException", "Rate exceeded", 429):
        mine.list_functions()
    other.list_functions()
