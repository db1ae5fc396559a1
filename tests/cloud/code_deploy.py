"""CodeDeploy for functions: applications, groups and tags are remembered. What they do is in deployments.py."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .answers import Answer, Refusal, json_answer
from .operations import Scope
from .rules.roles import assumable
from .world import AskFailed, Proceed, Request, World, around

# [S] codedeploy/latest/userguide/deployment-configurations: what is predefined for functions, by percent and minutes
CONFIGURATIONS: dict[str, tuple[int, int]] = {
    "CodeDeployDefault.LambdaAllAtOnce": (100, 0),
    **{f"CodeDeployDefault.LambdaCanary10Percent{minutes}Minutes": (10, minutes) for minutes in (5, 10, 15, 30)},
    "CodeDeployDefault.LambdaLinear10PercentEvery1Minute": (10, 1),
    **{f"CodeDeployDefault.LambdaLinear10PercentEvery{minutes}Minutes": (10, minutes) for minutes in (2, 3, 10)},
}
_Place = tuple[str, str]  # region, name of the application


class CodeDeploy:
    def __init__(self) -> None:
        self.applications: dict[_Place, dict[str, Any]] = {}
        self.groups: dict[_Place, dict[str, dict[str, Any]]] = {}
        self.tags: dict[str, dict[str, str]] = {}  # of an ARN


def application_of(kept: CodeDeploy, request: Request) -> _Place:
    place = request.scope.region, request.parameters.get("applicationName") or ""
    if not place[1]:
        raise Refusal("ApplicationNameRequiredException", "The application name is required.", 400)
    if place not in kept.applications:
        raise Refusal("ApplicationDoesNotExistException", f"No application found for name: {place[1]}", 400)
    return place


def group_of(kept: CodeDeploy, request: Request, member: str = "deploymentGroupName") -> dict[str, Any]:
    place, name = application_of(kept, request), request.parameters.get(member) or ""
    if not name:
        raise Refusal("DeploymentGroupNameRequiredException", "The deployment group name is required.", 400)
    if name not in kept.groups[place]:
        raise Refusal("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}", 400)
    return kept.groups[place][name]


def arn_of(world: World, near: Request | Scope, rest: str) -> str:
    return world.arn("codedeploy", near.scope if isinstance(near, Request) else near, rest)


def _pairs(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags or ()}


def page(request: Request, member: str, found: list[Any], **more: Any) -> Answer:
    start = int(request.parameters.get("nextToken") or 0)
    token = {"nextToken": str(start + 100)} if start + 100 < len(found) else {}
    return json_answer({**more, member: found[start:start + 100], **token})


async def tagged(world: World, scope: Scope) -> dict[str, dict[str, str]]:
    return {arn: tags for arn, tags in world.of(CodeDeploy, scope).tags.items() if f":{scope.region}:" in arn}


@around("codedeploy.CreateApplication")
async def create_application(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, wanted = world.of(CodeDeploy, request), request.parameters
    place = request.scope.region, wanted["applicationName"]
    if place in kept.applications:
        raise Refusal("ApplicationAlreadyExistsException", f"Application already exists: {place[1]}", 400)
    kept.applications[place] = {
        "applicationId": str(uuid.uuid4()), "applicationName": place[1], "createTime": time.time(), "linkedToGitHub": False,
        "computePlatform": wanted.get("computePlatform") or "Server",
    }
    kept.groups[place] = {}
    kept.tags[arn_of(world, request, f"application:{place[1]}")] = _pairs(wanted.get("tags"))
    return json_answer({"applicationId": kept.applications[place]["applicationId"]})


@around("codedeploy.GetApplication")
async def get_application(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept = world.of(CodeDeploy, request)
    return json_answer({"application": kept.applications[application_of(kept, request)]})


@around("codedeploy.ListApplications")
async def list_applications(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept = world.of(CodeDeploy, request)
    return page(request, "applications", [name for region, name in kept.applications if region == request.scope.region])


@around("codedeploy.DeleteApplication")
async def delete_application(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept = world.of(CodeDeploy, request)
    place = request.scope.region, request.parameters["applicationName"]
    kept.applications.pop(place, None)
    for name in kept.groups.pop(place, {}):
        kept.tags.pop(arn_of(world, request, f"deploymentgroup:{place[1]}/{name}"), None)
    kept.tags.pop(arn_of(world, request, f"application:{place[1]}"), None)
    return json_answer({})


async def _check_group(world: World, request: Request, application: dict[str, Any]) -> None:
    wanted = request.parameters
    configuration = wanted.get("deploymentConfigName")
    if configuration is not None and configuration not in CONFIGURATIONS:
        raise Refusal("DeploymentConfigDoesNotExistException", f"No Deployment Configuration found for name: {configuration}", 400)
    style = wanted.get("deploymentStyle")
    if application["computePlatform"] == "Lambda" and style is not None and style != {
            "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}:
        raise Refusal("InvalidDeploymentStyleException", "For Lambda deployment group, deployment type can be BLUE_GREEN with traffic "
                      "control only.", 400)
    names = [trigger.get("triggerName") for trigger in wanted.get("triggerConfigurations") or ()]
    if len(names) != len(set(names)):
        raise Refusal("InvalidTriggerConfigException", "Trigger names have to differ.", 400)
    for trigger in wanted.get("triggerConfigurations") or ():
        try:
            await world.ask("sns", "GetTopicAttributes", {"TopicArn": trigger.get("triggerTargetArn", "")}, request)
        except AskFailed as problem:
            raise Refusal("InvalidTriggerConfigException", f"Topic ARN {trigger.get('triggerTargetArn')} is not valid", 400) from problem
    role = wanted.get("serviceRoleArn")
    if role is not None and world.settings["constraints.rules"] and not await assumable(world, request, role, "codedeploy.amazonaws.com"):
        raise Refusal("InvalidRoleException", f"AWS CodeDeploy does not have the permissions required to assume the role {role}.", 400)


_OF_GROUP = (
    "deploymentConfigName", "serviceRoleArn", "triggerConfigurations", "alarmConfiguration", "autoRollbackConfiguration", "deploymentStyle",
)


@around("codedeploy.CreateDeploymentGroup")
async def create_group(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, wanted = world.of(CodeDeploy, request), request.parameters
    place, name = application_of(kept, request), wanted["deploymentGroupName"]
    if name in kept.groups[place]:
        raise Refusal("DeploymentGroupAlreadyExistsException", f"Deployment group name already exists: {name}", 400)
    if not wanted.get("serviceRoleArn"):
        raise Refusal("RoleRequiredException", "The role ARN is required.", 400)
    await _check_group(world, request, kept.applications[place])
    kept.groups[place][name] = {
        "applicationName": place[1], "deploymentGroupId": str(uuid.uuid4()), "deploymentGroupName": name,
        "computePlatform": kept.applications[place]["computePlatform"], "triggerConfigurations": [],
        "deploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce",
        "alarmConfiguration": {"enabled": False, "ignorePollAlarmFailure": False, "alarms": []},
        "autoRollbackConfiguration": {"enabled": False, "events": []}, "outdatedInstancesStrategy": "UPDATE",
        **{key: wanted[key] for key in _OF_GROUP if wanted.get(key) is not None},
    }
    kept.tags[arn_of(world, request, f"deploymentgroup:{place[1]}/{name}")] = _pairs(wanted.get("tags"))
    return json_answer({"deploymentGroupId": kept.groups[place][name]["deploymentGroupId"]})


@around("codedeploy.UpdateDeploymentGroup")
async def update_group(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, wanted = world.of(CodeDeploy, request), request.parameters
    group = group_of(kept, request, "currentDeploymentGroupName")
    await _check_group(world, request, kept.applications[application_of(kept, request)])
    group.update({key: wanted[key] for key in _OF_GROUP if wanted.get(key) is not None})
    return json_answer({"hooksNotCleanedUp": []})


@around("codedeploy.GetDeploymentGroup")
async def get_group(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    return json_answer({"deploymentGroupInfo": group_of(world.of(CodeDeploy, request), request)})


@around("codedeploy.ListDeploymentGroups")
async def list_groups(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept = world.of(CodeDeploy, request)
    place = application_of(kept, request)
    return page(request, "deploymentGroups", list(kept.groups[place]), applicationName=place[1])


@around("codedeploy.BatchGetDeploymentGroups")
async def get_groups(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, names = world.of(CodeDeploy, request), request.parameters["deploymentGroupNames"]
    if len(names) > 100:
        raise Refusal("BatchLimitExceededException", "The maximum number of names is 100.", 400)
    groups = kept.groups[application_of(kept, request)]
    return json_answer({"deploymentGroupsInfo": [groups.get(name, {}) for name in names]})


@around("codedeploy.DeleteDeploymentGroup")
async def delete_group(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, name = world.of(CodeDeploy, request), request.parameters["deploymentGroupName"]
    place = request.scope.region, request.parameters["applicationName"]
    kept.groups.get(place, {}).pop(name, None)
    kept.tags.pop(arn_of(world, request, f"deploymentgroup:{place[1]}/{name}"), None)
    return json_answer({"hooksNotCleanedUp": []})


@around("codedeploy.TagResource", "codedeploy.UntagResource", "codedeploy.ListTagsForResource")
async def tags(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    wanted = request.parameters
    found = world.of(CodeDeploy, request).tags.get(wanted["ResourceArn"])
    if found is None:
        kind = "DeploymentGroup" if ":deploymentgroup:" in wanted["ResourceArn"] else "Application"
        raise Refusal(f"{kind}DoesNotExistException", f"No resource found for {wanted['ResourceArn']}", 400)
    if request.operation.name == "ListTagsForResource":
        return json_answer({"Tags": [{"Key": key, "Value": value} for key, value in sorted(found.items())]})
    found.update(_pairs(wanted.get("Tags")))
    for key in wanted.get("TagKeys") or ():
        found.pop(key, None)
    return json_answer({})
