"""Everything at once: whatever the weather does, the front itself must not be what fails."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError
from conftest import TRUST, Cloud, package
from test_openapi import http_document, rest_document
from test_stacks import service


def test_a_storm_breaks_calls_and_not_the_cloud(cloud: Cloud) -> None:
    cloud.settings(weather="storm")
    cloud.settings(**{"faults__rate": 0.15, "faults__slow_ms": 50, "quotas__buckets": {
        name: {"rate": 1000, "burst": 1000} for name in ("lambda.rest", "apigateway.all", "iam.writes", "logs.CreateLogGroup")}})
    aws, iam, logs = cloud.client("lambda"), cloud.client("iam"), cloud.client("logs")
    sqs, s3, sns, events = cloud.client("sqs"), cloud.client("s3"), cloud.client("sns"), cloud.client("events")
    rest, http, cfn = cloud.client("apigateway"), cloud.client("apigatewayv2"), cloud.client("cloudformation")
    code = {"ZipFile": package()}
    apis: list[str] = []

    def name(chance: random.Random) -> str:
        return f"thing-{chance.randrange(4)}"

    def imported(_: random.Random) -> None:
        apis.append(http.import_api(Body=json.dumps(http_document()))["ApiId"])

    steps: list[Any] = [
        lambda c: iam.create_role(RoleName=name(c), AssumeRolePolicyDocument=TRUST),
        lambda c: iam.put_role_policy(RoleName=name(c), PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})),
        lambda c: iam.delete_role(RoleName=name(c)),
        lambda c: aws.create_function(FunctionName=name(c), Role=f"arn:aws:iam::123456789012:role/{name(c)}", Runtime="python3.12",
                                      Handler="app.handler", Code=code, Tags={"a": "b"}),
        lambda c: aws.update_function_code(FunctionName=name(c), **code),
        lambda c: aws.update_function_configuration(FunctionName=name(c), Timeout=c.randrange(0, 1000)),
        lambda c: aws.get_function(FunctionName=name(c)),
        lambda c: aws.delete_function(FunctionName=name(c)),
        lambda c: aws.add_permission(FunctionName=name(c), StatementId=name(c), Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"),
        lambda c: aws.get_policy(FunctionName=name(c)),
        lambda c: aws.create_event_source_mapping(FunctionName=name(c), EventSourceArn=f"arn:aws:sqs:us-east-1:123456789012:{name(c)}"),
        lambda c: sqs.create_queue(QueueName=name(c)),
        lambda c: sqs.delete_queue(QueueUrl=f"{cloud.url}/123456789012/{name(c)}"),
        lambda c: sns.create_topic(Name=name(c), Attributes={"DisplayName": name(c)}),
        lambda c: events.put_rule(Name=name(c), ScheduleExpression="rate(1 day)"),
        lambda c: events.delete_rule(Name=name(c)),
        lambda c: logs.create_log_group(logGroupName=name(c), tags={"a": "b"}),
        lambda c: logs.delete_log_group(logGroupName=name(c)),
        lambda c: s3.create_bucket(Bucket=name(c)),
        lambda c: s3.put_object(Bucket=name(c), Key=name(c), Body=b"x" * 1000, IfNoneMatch="*"),
        lambda c: s3.list_objects_v2(Bucket=name(c)),
        lambda c: s3.put_bucket_notification_configuration(Bucket=name(c), NotificationConfiguration={"LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{name(c)}", "Events": ["s3:ObjectCreated:*"]}]}),
        lambda c: rest.import_rest_api(body=json.dumps(rest_document()).encode()),
        imported,
        lambda c: http.reimport_api(ApiId=c.choice(apis or ["none"]), Body=json.dumps(http_document())),
        lambda c: http.delete_api(ApiId=c.choice(apis or ["none"])),
        lambda c: cfn.create_stack(StackName=name(c), TemplateBody=json.dumps({"Resources": service(1, http=False)})),
        lambda c: cfn.describe_stacks(StackName=name(c)),
        lambda c: cfn.delete_stack(StackName=name(c)),
        lambda c: cloud.client("resourcegroupstaggingapi").get_resources(),
    ]

    def walk(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            try:
                chance.choice(steps)(chance)
            except (ClientError, HTTPClientError, ResponseParserError, BotoCoreError):
                continue

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(walk, range(6)))
    calls = cloud.get("calls")["calls"]
    assert [call for call in calls if call["fault"] in ("front-bug", "emulator-gone")] == []
    assert len(calls) >= 240 and cloud.get("summary")["faults"] > 10
