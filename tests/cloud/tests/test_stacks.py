"""CloudFormation's time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cloud.consistency.stacks import resources_of, seconds_for
from conftest import Cloud
from test_rules import refused


def service(functions: int, http: bool) -> dict[str, dict[str, Any]]:
    """What the Serverless Framework makes of a service, in broad strokes."""
    out: dict[str, dict[str, Any]] = {"Role": {"Type": "AWS::IAM::Role"}}
    if http:
        out |= {"Api": {"Type": "AWS::ApiGatewayV2::Api"},
                "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"ApiId": {"Ref": "Api"}}}}
    for n in range(functions):
        name = f"F{n}"
        out |= {
            f"{name}Log": {"Type": "AWS::Logs::LogGroup"},
            name: {"Type": "AWS::Lambda::Function", "DependsOn": [f"{name}Log"], "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
            f"{name}Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": name}}},
        }
        if http:
            out |= {
                f"{name}Permission": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Fn::GetAtt": [name, "Arn"]}}},
                f"{name}Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {"ApiId": {"Ref": "Api"},
                                       "IntegrationUri": {"Fn::GetAtt": [name, "Arn"]}}},
                f"{name}Route": {"Type": "AWS::ApiGatewayV2::Route", "DependsOn": f"{name}Integration"},
            }
    return out


BUCKET = {"Bucket": {"Type": "AWS::S3::Bucket"}, "BucketPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}}}}


@pytest.mark.parametrize(("functions", "least", "most"), [(1, 65, 108), (100, 127, 153)])
def test_first_deploys_take_what_was_measured(functions: int, least: float, most: float) -> None:
    # A first deploy is two stack operations: the bucket, then the service.
    seconds = seconds_for({}, BUCKET) + seconds_for(BUCKET, BUCKET | service(functions, http=True))
    assert least <= seconds <= most


def test_short_forms_are_understood() -> None:
    made = resources_of("Resources:\n  A:\n    Type: T\n    Properties:\n      B: !GetAtt C.Arn\n      D: !Sub '${E}-x'\n      F: !Ref G\n")
    assert made["A"]["Properties"] == {"B": {"Fn::GetAtt": "C.Arn"}, "D": {"Fn::Sub": "${E}-x"}, "F": {"Ref": "G"}}


def test_a_stack_is_in_progress_for_its_time(cloud: Cloud) -> None:
    cloud.settings(cloudformation__enabled=True, cloudformation__scale=0.05)  # 28 s become 1.4 s
    cfn = cloud.client("cloudformation")
    template = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Url": {"Value": {"Ref": "Q"}}}})
    cfn.create_stack(StackName="extra", TemplateBody=template)

    def status() -> str:
        return cfn.describe_stacks(StackName="extra")["Stacks"][0]["StackStatus"]

    assert status() == "CREATE_IN_PROGRESS"

    def events(of_the_stack: bool) -> list[dict[str, Any]]:
        all_of_them = cfn.describe_stack_events(StackName="extra")["StackEvents"]
        return [e for e in all_of_them if (e["ResourceType"] == "AWS::CloudFormation::Stack") == of_the_stack]

    def ended(status: str) -> list[Any]:
        return [e["Timestamp"] for e in events(of_the_stack=True) if e["ResourceStatus"] == status]

    assert not ended("CREATE_COMPLETE")
    # SAM CLI asks for what came after the last event that it saw.
    seen = max(e["Timestamp"] for e in events(of_the_stack=False))
    with refused("AlreadyExistsException", "Stack [extra] already exists"):
        cfn.create_stack(StackName="extra", TemplateBody=template)
    with refused("ValidationError", "is in CREATE_IN_PROGRESS state and can not be updated."):
        cfn.update_stack(StackName="extra", TemplateBody=template.replace('"Q"', '"R"'))
    time.sleep(1.6)
    assert status() == "CREATE_COMPLETE"
    assert cfn.describe_stacks(StackName="extra")["Stacks"][0]["Outputs"]
    created = ended("CREATE_COMPLETE")
    assert (created[0] - seen).total_seconds() > 1
    with refused("ValidationError", "No updates are to be performed"):
        cfn.update_stack(StackName="extra", TemplateBody=template)
    cfn.update_stack(StackName="extra", TemplateBody=template.replace('"Q"', '"R"'))
    assert status() == "UPDATE_IN_PROGRESS"
    assert not ended("UPDATE_COMPLETE")
    time.sleep(1.8)
    assert status() == "UPDATE_COMPLETE"
    assert ended("UPDATE_COMPLETE")[0] > created[0] == ended("CREATE_COMPLETE")[0]
    cfn.delete_stack(StackName="extra")
    assert status() == "DELETE_IN_PROGRESS"
    time.sleep(1.6)
    with refused("ValidationError", "does not exist"):
        status()


def test_who_hears_of_a_stack_stays_until_an_update_says_otherwise(cloud: Cloud) -> None:
    cfn = cloud.client("cloudformation")
    topic = cloud.client("sns").create_topic(Name="heard")["TopicArn"]
    template = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})

    def shown() -> tuple[Any, Any]:
        stack = cfn.describe_stacks(StackName="extra")["Stacks"][0]
        return stack.get("NotificationARNs"), stack.get("RollbackConfiguration")

    cfn.create_stack(StackName="extra", TemplateBody=template, NotificationARNs=[topic])
    assert shown() == ([topic], None)
    alarms = {"RollbackTriggers": [{"Arn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a", "Type": "AWS::CloudWatch::Alarm"}],
              "MonitoringTimeInMinutes": 5}
    cfn.update_stack(StackName="extra", TemplateBody=template.replace('"Q"', '"R"'), RollbackConfiguration=alarms)
    assert shown() == ([topic], alarms)
    cfn.update_stack(StackName="extra", TemplateBody=template, NotificationARNs=[])
    assert shown()[0] == []
    cfn.update_stack(StackName="extra", TemplateBody=template, NotificationARNs=[topic])
    assert shown()[0] == [topic]
    with refused("ValidationError", "No updates are to be performed."):
        cfn.update_stack(StackName="extra", TemplateBody=template, NotificationARNs=[topic])
