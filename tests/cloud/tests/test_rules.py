"""The rules that the models lack."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, TRUST, Cloud, package

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:hello"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class refused:  # noqa: N801 (reads as pytest.raises does)
    """`with refused("Code", "a part of the message", 409):`"""

    def __init__(self, code: str, message: str = "", status: int | None = None) -> None:
        self.code, self.message, self.status = code, message, status

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        assert isinstance(error, ClientError), f"not refused with {self.code}: {error!r}"
        assert error.response["Error"]["Code"] == self.code, str(error)
        assert self.message in error.response["Error"]["Message"], str(error)
        if self.status is not None:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == self.status
        return True


INVALID = "InvalidParameterValueException"


@pytest.mark.parametrize(("wrong", "code", "message"), [
    ({"MemorySize": 20_000}, INVALID, "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"),
    ({"Timeout": 901}, "ValidationException", "Value '901' at 'timeout' failed to satisfy constraint"),
    ({"Runtime": "cobol85"}, INVALID, "Value cobol85 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set"),
    ({"Runtime": "nodejs12.x"}, INVALID, "The runtime parameter of nodejs12.x is no longer supported"),
    ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, INVALID, "Reserved keys used in this request: AWS_REGION"),
    ({"Environment": {"Variables": {"LONG": "x" * 4096}}}, INVALID, "exceeded the 4KB limit. String measured: {\"LONG\":"),
    ({"Layers": [f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:l{n}:1" for n in range(6)]}, INVALID, "more than 5 layers"),
    ({"Layers": [f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:none:1"]}, INVALID, "does not exist"),
    ({"Role": f"arn:aws:iam::{ACCOUNT}:role/none"}, INVALID, "The role defined for the function cannot be assumed by Lambda."),
    ({"Code": {"S3Bucket": "none", "S3Key": "k"}}, INVALID, "S3 Error Code: NoSuchBucket"),
    ({"Code": {"ZipFile": b"no zip"}}, INVALID, "Could not unzip uploaded file"),
    ({"Handler": None}, INVALID, "Runtime and Handler are mandatory"),
    ({"DeadLetterConfig": {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}}, INVALID, "permissions to call SendMessage on SQS"),
    ({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, INVALID, "permissions to call CreateNetworkInterface on EC2"),
])
def test_functions_that_lambda_would_refuse(cloud: Cloud, wrong: dict[str, Any], code: str, message: str) -> None:
    wanted = {"Role": cloud.role(), **wrong}
    with refused(code, message):
        cloud.function(**{key: value for key, value in wanted.items() if value is not None}) if "Handler" not in wrong else (
            cloud.client("lambda").create_function(FunctionName="hello", Role=wanted["Role"], Runtime="python3.12", Code={"ZipFile": package()}))
    assert cloud.client("lambda").list_functions()["Functions"] == []


def test_a_role_must_trust_lambda(cloud: Cloud) -> None:
    role = cloud.role(trust=TRUST.replace("lambda.", "sqs."))
    with refused(INVALID, "cannot be assumed by Lambda"):
        cloud.function(role=role)


def test_a_missing_object_is_named(cloud: Cloud) -> None:
    cloud.client("s3").create_bucket(Bucket="code")
    with refused(INVALID, "NoSuchKey"):
        cloud.function(Code={"S3Bucket": "code", "S3Key": "none.zip"})
    cloud.client("s3").put_object(Bucket="code", Key="a.zip", Body=package())
    cloud.function(role=cloud.role("other"), Code={"S3Bucket": "code", "S3Key": "a.zip"})


def test_a_dry_run_replaces_nothing(cloud: Cloud) -> None:
    before = cloud.function()["CodeSha256"]
    aws = cloud.client("lambda")
    other = package("def handler(e, c): return 2\n")
    tried = aws.update_function_code(FunctionName="hello", ZipFile=other, DryRun=True)
    assert tried["CodeSha256"] != before
    assert aws.get_function(FunctionName="hello")["Configuration"]["CodeSha256"] == before
    assert aws.update_function_code(FunctionName="hello", ZipFile=other)["CodeSha256"] == tried["CodeSha256"]


def test_updates_merge_and_clearing_is_explicit(cloud: Cloud) -> None:
    cloud.function(role=cloud.role(policy=EVERYTHING), Environment={"Variables": {"NAME": "b", "OTHER": "c"}}, Description="first")
    aws = cloud.client("lambda")
    aws.update_function_configuration(FunctionName="hello", Timeout=9)
    live = aws.get_function_configuration(FunctionName="hello")
    assert (live["Environment"]["Variables"]["NAME"], live["Description"], live["Timeout"]) == ("b", "first", 9)
    full = {
        "DeadLetterConfig": {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}, "KMSKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/a",
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "FileSystemConfigs": [{"Arn": f"arn:aws:elasticfilesystem:us-east-1:{ACCOUNT}:access-point/fsap-{'1' * 17}", "LocalMountPath": "/mnt/a"}],
    }
    aws.update_function_configuration(FunctionName="hello", **full)
    live = aws.update_function_configuration(FunctionName="hello", Timeout=10)
    assert all(member in live for member in full)
    aws.update_function_configuration(
        FunctionName="hello", Environment={"Variables": {}}, Layers=[], VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
        DeadLetterConfig={"TargetArn": ""}, KMSKeyArn="", FileSystemConfigs=[], Description="",
    )
    live = aws.get_function_configuration(FunctionName="hello")
    assert not {"Environment", "Layers", "DeadLetterConfig", "KMSKeyArn", "FileSystemConfigs"} & live.keys()
    assert live["VpcConfig"]["SubnetIds"] == [] and live["Description"] == ""


def test_statement_ids_are_unique_and_policies_end(cloud: Cloud) -> None:
    cloud.function()
    aws = cloud.client("lambda")
    with refused("ResourceNotFoundException", "The resource you requested does not exist.", 404):
        aws.get_policy(FunctionName="hello")
    one = {"FunctionName": "hello", "StatementId": "one", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    aws.add_permission(**one)
    with refused("ResourceConflictException", "The statement id (one) provided already exists. Please provide a new statement id", 409):
        aws.add_permission(**one)
    with refused("PreconditionFailedException", "RevisionId", 412):
        aws.add_permission(**{**one, "StatementId": "two", "RevisionId": "12345678-1234-1234-1234-123456789012"})
    with refused("ResourceNotFoundException", "Statement two is not found in resource policy.", 404):
        aws.remove_permission(FunctionName="hello", StatementId="two")
    aws.remove_permission(FunctionName="hello", StatementId="one")
    with refused("ResourceNotFoundException", "", 404):
        aws.get_policy(FunctionName="hello")


def test_a_policy_has_20_kilobytes(cloud: Cloud) -> None:
    cloud.function()
    aws = cloud.client("lambda")
    with refused("PolicyLengthExceededException", "bigger than the limit (20480)"):
        for number in range(200):
            aws.add_permission(
                FunctionName="hello", StatementId=f"{number:0100}", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
                SourceArn=f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{number:064}",
            )


def test_policies_of_aliases_are_their_own(cloud: Cloud) -> None:
    cloud.function()
    aws = cloud.client("lambda")
    version = aws.publish_version(FunctionName="hello")["Version"]
    aws.create_alias(FunctionName="hello", Name="live", FunctionVersion=version)
    aws.add_permission(FunctionName="hello", Qualifier="live", StatementId="a", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
    with refused("ResourceNotFoundException", "", 404):
        aws.get_policy(FunctionName="hello")
    assert '"a"' in aws.get_policy(FunctionName="hello", Qualifier="live")["Policy"]


def test_aliases_need_their_version(cloud: Cloud) -> None:
    cloud.function()
    with refused("ResourceNotFoundException", f"Function not found: {FUNCTION}:9", 404):
        cloud.client("lambda").create_alias(FunctionName="hello", Name="live", FunctionVersion="9")


def test_a_name_is_taken_once(cloud: Cloud) -> None:
    role = cloud.role()
    cloud.function(role=role)
    with refused("ResourceConflictException", "Function already exist: hello", 409):
        cloud.function(role=role)


def test_concurrency_is_left_for_the_others(cloud: Cloud) -> None:
    cloud.function()
    aws = cloud.client("lambda")
    aws.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=900)
    with refused(INVALID, "below its minimum value of [100]"):
        aws.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=901)


def test_invoke_configs_update_by_merging(cloud: Cloud) -> None:
    cloud.function()
    aws = cloud.client("lambda")
    with refused("ResourceNotFoundException", "", 404):
        aws.update_function_event_invoke_config(FunctionName="hello", MaximumRetryAttempts=1)
    aws.put_function_event_invoke_config(FunctionName="hello", MaximumRetryAttempts=1, MaximumEventAgeInSeconds=100)
    got = aws.update_function_event_invoke_config(FunctionName="hello", MaximumRetryAttempts=0)
    assert (got["MaximumRetryAttempts"], got["MaximumEventAgeInSeconds"]) == (0, 100)


def test_mappings_need_source_permission_and_no_double(cloud: Cloud) -> None:
    role = cloud.role()
    cloud.function(role=role, Timeout=30)
    aws = cloud.client("lambda")
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
    with refused(INVALID, "AWS.SimpleQueueService.NonExistentQueue"):
        aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "29"})["QueueUrl"]
    with refused(INVALID, "Queue visibility timeout: 29 seconds is less than Function timeout: 30 seconds"):
        aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    with refused(INVALID, "The provided execution role does not have permissions to call ReceiveMessage on SQS"):
        aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)
    cloud.client("iam").put_role_policy(RoleName="role", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], "Resource": arn}}))
    made = aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)
    with refused("ResourceConflictException", f"existing mapping with UUID {made['UUID']}", 409):
        aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)
    with refused(INVALID, "Stream not found"):
        aws.create_event_source_mapping(
            FunctionName="hello", EventSourceArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/none", StartingPosition="LATEST")


def test_streams_need_permission(cloud: Cloud) -> None:
    role = cloud.role()
    cloud.function(role=role)
    cloud.client("kinesis").create_stream(StreamName="s", ShardCount=1)
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
    aws = cloud.client("lambda")
    with refused("ValidationException", "startingPosition"):
        aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)
    with refused(INVALID, "Cannot access stream"):
        aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=arn, StartingPosition="LATEST")
    cloud.client("iam").attach_role_policy(RoleName="role", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaKinesisExecutionRole")
    cloud.client("iam").put_role_policy(RoleName="role", PolicyName="p", PolicyDocument=json.dumps(EVERYTHING))
    aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=arn, StartingPosition="LATEST")


def notification(events: str = "s3:ObjectCreated:*", prefix: str = "") -> dict[str, Any]:
    return {"LambdaFunctionArn": FUNCTION, "Events": [events],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}}


def test_bucket_notifications_need_permission(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="photos")

    def put(*entries: dict[str, Any]) -> None:
        s3.put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration={"LambdaFunctionConfigurations": list(entries)})

    with refused("InvalidArgument", "Unable to validate the following destination configurations", 400):
        put(notification())
    cloud.function()
    with refused("InvalidArgument", "Unable to validate the following destination configurations", 400):
        put(notification())
    cloud.client("lambda").add_permission(
        FunctionName="hello", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::photos", SourceAccount=ACCOUNT)
    put(notification())
    put(notification(prefix="a/"), notification(prefix="b/"))
    with refused("InvalidArgument", "overlapping"):
        put(notification(prefix="a/"), notification("s3:ObjectCreated:Put", prefix="a/b"))


def test_roles_have_limits_and_an_order_of_deletion(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    cloud.role()
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "a" * 6000}]})
    iam.put_role_policy(RoleName="role", PolicyName="one", PolicyDocument=policy)
    iam.put_role_policy(RoleName="role", PolicyName="one", PolicyDocument=policy)
    with refused("LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role role", 409):
        iam.put_role_policy(RoleName="role", PolicyName="two", PolicyDocument=policy)
    with refused("DeleteConflict", "", 409):
        iam.delete_role(RoleName="role")
    with refused("NoSuchEntity", "does not exist or is not attachable", 404):
        iam.attach_role_policy(RoleName="role", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none")


def test_rules_go_after_their_targets(cloud: Cloud) -> None:
    events = cloud.client("events")
    for wrong in ("rate(1 days)", "rate(5 minute)", "rate(0 minutes)", "cron(* * * *)", "every day"):
        with refused("ValidationException", "Parameter ScheduleExpression is not valid."):
            events.put_rule(Name="daily", ScheduleExpression=wrong)
    events.put_rule(Name="daily", ScheduleExpression="rate(1 day)")
    events.put_targets(Rule="daily", Targets=[{"Id": "1", "Arn": FUNCTION}])
    with refused("ValidationException", "Rule can't be deleted since it has targets."):
        events.delete_rule(Name="daily")
    with refused("LimitExceededException"):
        events.put_targets(Rule="daily", Targets=[{"Id": str(n), "Arn": FUNCTION} for n in range(2, 7)])
    events.remove_targets(Rule="daily", Ids=["1"])
    events.delete_rule(Name="daily")


def test_schedules_need_their_role(cloud: Cloud) -> None:
    scheduler = cloud.client("scheduler")
    wanted = {"Name": "s", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    with refused("ValidationException", "must allow AWS EventBridge Scheduler to assume the role"):
        scheduler.create_schedule(**wanted, Target={"Arn": FUNCTION, "RoleArn": cloud.role()})
    role = cloud.role("scheduler", TRUST.replace("lambda.", "scheduler."))
    scheduler.create_schedule(**wanted, Target={"Arn": FUNCTION, "RoleArn": role})


def test_log_subscriptions_need_permission(cloud: Cloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/a")
    cloud.function()

    def put(name: str) -> None:
        logs.put_subscription_filter(logGroupName="/a", filterName=name, filterPattern="", destinationArn=FUNCTION)

    with refused("InvalidParameterException", "Could not execute the lambda function."):
        put("one")
    cloud.client("lambda").add_permission(
        FunctionName="hello", StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com",
        SourceArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/a:*")
    put("one")
    put("two")
    with refused("LimitExceededException", "Resource limit exceeded."):
        put("three")


def test_topics_are_made_again_only_as_they_are(cloud: Cloud) -> None:
    sns = cloud.client("sns")
    sns.create_topic(Name="news", Attributes={"DisplayName": "a"}, Tags=[{"Key": "k", "Value": "v"}])
    sns.create_topic(Name="news", Attributes={"DisplayName": "a"}, Tags=[{"Key": "k", "Value": "v"}])
    with refused("InvalidParameter", "different attributes"):
        sns.create_topic(Name="news", Attributes={"DisplayName": "b"})
    with refused("InvalidParameter", "different tags"):
        sns.create_topic(Name="news", Tags=[{"Key": "k", "Value": "w"}])


def test_an_empty_package_is_refused(cloud: Cloud) -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with refused(INVALID, "Uploaded file must be a non-empty zip"):
        cloud.function(Code={"ZipFile": empty.getvalue()})
