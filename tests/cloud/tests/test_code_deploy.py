"""Deployments of CodeDeploy: they move an alias, ask hooks, watch alarms, and come back."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from conftest import ACCOUNT, Cloud, package
from test_rules import refused

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
EVENTS = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
GROUP = f"arn:aws:codedeploy:us-east-1:{ACCOUNT}:deploymentgroup:app/group"
PLACE = {"applicationName": "app", "deploymentGroupName": "group"}
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"


class Deploys:
    """A function with two versions, an alias at the first one, and a group that moves it."""

    def __init__(self, cloud: Cloud, configuration: str = "CodeDeployDefault.LambdaAllAtOnce", **more: Any) -> None:
        self.cloud, self.client, self.functions = cloud, cloud.client("codedeploy"), cloud.client("lambda")
        cloud.function(Code={"ZipFile": package("def handler(event, context):\n    return 1\n")}, Publish=True)
        self.functions.update_function_code(
            FunctionName="hello", ZipFile=package("def handler(event, context):\n    return 2\n"), Publish=True)
        self.functions.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
        self.client.create_application(applicationName="app", computePlatform="Lambda", tags=[{"Key": "a", "Value": "b"}])
        self.client.create_deployment_group(
            **PLACE, serviceRoleArn=cloud.role("deployer", TRUST), deploymentConfigName=configuration,
            deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            autoRollbackConfiguration={"enabled": True, "events": EVENTS}, **more)

    def begin(self, current: str = "1", **hooks: str) -> str:
        properties = {"Name": "hello", "Alias": "live", "CurrentVersion": current, "TargetVersion": "2"}
        content = {"version": 0.0, "Resources": [{"f": {"Type": "AWS::Lambda::Function", "Properties": properties}}],
                   "Hooks": [{moment: name} for moment, name in hooks.items()]}
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(content)}}
        return str(self.client.create_deployment(**PLACE, revision=revision, description="why")["deploymentId"])

    def info(self, deployment: str) -> dict[str, Any]:
        return dict(self.client.get_deployment(deploymentId=deployment)["deploymentInfo"])

    def ended(self, deployment: str) -> dict[str, Any]:
        """With the way back, which is another deployment."""
        until = time.monotonic() + 15
        while self.client.list_deployments(**PLACE, includeOnlyStatuses=["Created", "InProgress"])["deployments"]:
            assert time.monotonic() < until
            time.sleep(0.1)
        return self.info(deployment)

    def routing(self) -> tuple[str, dict[str, float]]:
        alias = self.functions.get_alias(FunctionName="hello", Name="live")
        return alias["FunctionVersion"], (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}

    def reaches(self, wanted: tuple[str, dict[str, float]]) -> None:
        until = time.monotonic() + 15
        while self.routing() != wanted:
            assert time.monotonic() < until, self.routing()
            time.sleep(0.05)


def test_applications_and_groups_are_kept_with_their_tags(cloud: Cloud) -> None:
    client, role = cloud.client("codedeploy"), cloud.role("deployer", TRUST)
    with refused("ApplicationDoesNotExistException", "app"):
        client.get_application(applicationName="app")
    client.create_application(applicationName="app", computePlatform="Lambda", tags=[{"Key": "a", "Value": "b"}])
    with refused("ApplicationAlreadyExistsException", "app"):
        client.create_application(applicationName="app", computePlatform="Lambda")
    assert client.get_application(applicationName="app")["application"]["computePlatform"] == "Lambda"
    with refused("InvalidRoleException", "permissions required to assume"):
        client.create_deployment_group(**PLACE, serviceRoleArn=cloud.role("other"))
    with refused("DeploymentConfigDoesNotExistException", "Fast"):
        client.create_deployment_group(**PLACE, serviceRoleArn=role, deploymentConfigName="Fast")
    trigger = {"triggerName": "t", "triggerEvents": ["DeploymentStart"], "triggerTargetArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:none"}
    with refused("InvalidTriggerConfigException", "none"):
        client.create_deployment_group(**PLACE, serviceRoleArn=role, triggerConfigurations=[trigger])
    client.create_deployment_group(**PLACE, serviceRoleArn=role, deploymentConfigName=CANARY, tags=[{"Key": "c", "Value": "d"}])
    client.update_deployment_group(applicationName="app", currentDeploymentGroupName="group", alarmConfiguration={
        "enabled": True, "alarms": [{"name": "errors"}]})
    found = client.batch_get_deployment_groups(applicationName="app", deploymentGroupNames=["group"])["deploymentGroupsInfo"][0]
    assert (found["deploymentConfigName"], found["alarmConfiguration"]["alarms"]) == (CANARY, [{"name": "errors"}])
    client.tag_resource(ResourceArn=GROUP, Tags=[{"Key": "e", "Value": "f"}])
    client.untag_resource(ResourceArn=GROUP, TagKeys=["c"])
    assert client.list_tags_for_resource(ResourceArn=GROUP)["Tags"] == [{"Key": "e", "Value": "f"}]
    listed = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "e"}])["ResourceTagMappingList"]
    assert [entry["ResourceARN"] for entry in listed] == [GROUP]
    client.delete_application(applicationName="app")
    with refused("ApplicationDoesNotExistException", "app"):
        client.list_deployment_groups(applicationName="app")
    with refused("DeploymentGroupDoesNotExistException", "deploymentgroup"):
        client.list_tags_for_resource(ResourceArn=GROUP)


def test_a_deployment_moves_the_weights_and_then_everything(cloud: Cloud) -> None:
    deploys = Deploys(cloud, CANARY)
    one = deploys.begin()
    deploys.reaches(("1", {"2": 0.1}))
    with refused("DeploymentLimitExceededException", "already has an active"):
        deploys.begin()
    assert deploys.client.list_deployments(**PLACE, includeOnlyStatuses=["InProgress"])["deployments"] == [one]
    found = deploys.ended(one)
    assert (found["status"], found["description"], found["creator"]) == ("Succeeded", "why", "user")
    assert "content" not in found["revision"]["appSpecContent"]
    assert deploys.routing() == ("2", {})
    # The alias is not where it says.
    found = deploys.ended(deploys.begin("1"))
    assert (found["status"], found["errorInformation"]["code"]) == ("Failed", "INVALID_LAMBDA_CONFIGURATION")


@pytest.mark.parametrize("back", [True, False])
def test_who_stops_it_says_whether_traffic_comes_back(cloud: Cloud, back: bool) -> None:
    deploys = Deploys(cloud, CANARY)
    one = deploys.begin()
    deploys.reaches(("1", {"2": 0.1}))
    deploys.client.stop_deployment(deploymentId=one, autoRollbackEnabled=back)
    found = deploys.ended(one)
    assert (found["status"], found["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert deploys.routing() == ("1", {} if back else {"2": 0.1})
    assert ("rollbackInfo" in deploys.info(one)) is back
    with refused("DeploymentAlreadyCompletedException", one):
        deploys.client.stop_deployment(deploymentId=one)


def test_an_alarm_brings_it_back(cloud: Cloud) -> None:
    deploys = Deploys(cloud, CANARY, alarmConfiguration={"enabled": True, "alarms": [{"name": "errors"}]})
    watch = cloud.client("cloudwatch")
    watch.put_metric_alarm(AlarmName="errors", MetricName="Errors", Namespace="AWS/Lambda", Period=60, EvaluationPeriods=1, Threshold=1,
                           ComparisonOperator="GreaterThanThreshold", Statistic="Sum")
    watch.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="-")
    one = deploys.begin()
    deploys.reaches(("1", {"2": 0.1}))
    watch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="-")
    found = deploys.ended(one)
    assert (found["status"], found["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    deploys.reaches(("1", {}))


HOOK = """
import boto3, os
def handler(event, context):
    client = boto3.client("codedeploy", endpoint_url=os.environ["CLOUD"], region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    client.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"], lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"], status=os.environ["SAYS"])
"""


@pytest.mark.parametrize("says,status,alias", [("Succeeded", "Succeeded", "2"), ("Failed", "Failed", "1")])
def test_hooks_are_asked_and_may_say_no(cloud: Cloud, says: str, status: str, alias: str) -> None:
    deploys = Deploys(cloud)
    allowed = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "codedeploy:PutLifecycleEventHookExecutionStatus", "Resource": GROUP}]}
    cloud.function("check", cloud.role("check-role", policy=allowed), Code={"ZipFile": package(HOOK)}, Timeout=20,
                   Environment={"Variables": {"CLOUD": cloud.url, "SAYS": says}})
    found = deploys.ended(deploys.begin(AfterAllowTraffic="check"))
    assert found["status"] == status
    deploys.reaches((alias, {}))
    if status == "Failed":
        assert found["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"


def test_a_hook_needs_to_be_allowed_to_answer_and_to_be_there(cloud: Cloud) -> None:
    deploys = Deploys(cloud)
    cloud.settings(codedeploy__scale=0.001)
    cloud.function("check", Code={"ZipFile": package(HOOK)}, Timeout=20, Environment={"Variables": {"CLOUD": cloud.url, "SAYS": "Succeeded"}})
    found = deploys.ended(deploys.begin(BeforeAllowTraffic="check"))
    assert (found["status"], found["errorInformation"]["code"]) == ("Failed", "TIMEOUT")
    found = deploys.ended(deploys.begin(BeforeAllowTraffic="nobody"))
    assert (found["status"], found["errorInformation"]["code"]) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert deploys.routing() == ("1", {})
