"""Deployments of CodeDeploy: they move the weights of an alias, call hooks and wait for their answers, watch alarms, and take the
way back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import string
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import yaml

from .answers import Answer, Refusal, json_answer
from .code_deploy import CONFIGURATIONS, CodeDeploy, arn_of, group_of, page
from .rules.roles import may
from .world import AskFailed, Proceed, Request, World, around

RUNNING = ("Created", "Queued", "InProgress", "Baking", "Ready")
HOOK_TIME = 3600  # seconds until a hook has to have answered [S] codedeploy/latest/userguide/reference-appspec-file-structure-hooks
LOOK_EVERY = 0.2
GROUPS: dict[str, str] = {}  # id of a deployment -> its application and group


@dataclass
class Deployment:
    info: dict[str, Any]
    region: str
    spec: dict[str, Any]
    task: asyncio.Task[None] | None = None
    stop: bool | None = None  # whether somebody stopped it, and wants the way back
    hooks: dict[str, dict[str, Any]] = field(default_factory=dict)  # by execution id: function, status

    @property
    def runs(self) -> bool:
        return self.info["status"] in RUNNING


class Deployments:
    def __init__(self) -> None:
        self.all: dict[str, Deployment] = {}  # by id


class _Ended(Exception):
    """A deployment that does not succeed."""

    def __init__(self, status: str, code: str, message: str, event: str) -> None:
        super().__init__(message)
        self.status, self.code, self.event = status, code, event


def _spec(revision: dict[str, Any] | None) -> tuple[dict[str, Any], str]:
    """What an AppSpec says of its one function, with its hooks, and its digest."""
    content = ((revision or {}).get("appSpecContent") or (revision or {}).get("string") or {}).get("content")
    if not content:
        raise Refusal("RevisionRequiredException", "The revision is required, and did not have any content.", 400)
    try:
        spec = yaml.safe_load(content)
        (resource,) = spec["Resources"]
        (described,) = resource.values()
        if described["Type"] != "AWS::Lambda::Function" or float(spec["version"]) != 0.0:
            raise ValueError(f"{described['Type']} in version {spec['version']}")
        found = {key: str(described["Properties"][key]) for key in ("Name", "Alias", "CurrentVersion", "TargetVersion")}
        found["Hooks"] = {moment: hook for entry in spec.get("Hooks") or () for moment, hook in entry.items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as problem:
        raise Refusal("InvalidRevisionException", f"The AppSpec file cannot be read: {problem}", 400) from problem
    return found, hashlib.sha256(content.encode()).hexdigest()


def _new(kept: Deployments, region: str, group: dict[str, Any], spec: dict[str, Any], **more: Any) -> Deployment:
    deployment_id = "d-" + "".join(random.choices(string.ascii_uppercase + string.digits, k=9))
    info = {
        "applicationName": group["applicationName"], "deploymentGroupName": group["deploymentGroupName"], "deploymentId": deployment_id,
        "deploymentConfigName": group["deploymentConfigName"], "status": "Created", "createTime": time.time(), "creator": "user",
        "computePlatform": "Lambda", "deploymentStyle": group.get("deploymentStyle"),
        "autoRollbackConfiguration": group["autoRollbackConfiguration"], **more,
    }
    GROUPS[deployment_id] = f"{info['applicationName']}/{info['deploymentGroupName']}"
    kept.all[deployment_id] = found = Deployment(info, region, spec)
    return found


@around("codedeploy.CreateDeployment")
async def create_deployment(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, wanted = world.of(Deployments, request), request.parameters
    group = group_of(world.of(CodeDeploy, request), request)
    spec, digest = _spec(wanted.get("revision"))
    for other in kept.all.values():
        if other.runs and other.region == request.scope.region and all(
                other.info[key] == group[key] for key in ("applicationName", "deploymentGroupName")):
            raise Refusal("DeploymentLimitExceededException", f"The Deployment Group '{group['deploymentGroupName']}' already has an "
                          f"active Deployment '{other.info['deploymentId']}'", 400)
    made = _new(kept, request.scope.region, group, spec, description=wanted.get("description") or "",
                revision={"revisionType": "AppSpecContent", "appSpecContent": {"sha256": digest}})
    made.task = asyncio.create_task(_Course(world, request, kept, group, made).run())
    return json_answer({"deploymentId": made.info["deploymentId"]})


def _deployment(world: World, request: Request) -> Deployment:
    found = world.of(Deployments, request).all.get(request.parameters.get("deploymentId") or "")
    if found is None:
        raise Refusal("DeploymentDoesNotExistException", f"The deployment {request.parameters.get('deploymentId')} could not be found", 400)
    return found


@around("codedeploy.GetDeployment")
async def get_deployment(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    return json_answer({"deploymentInfo": _deployment(world, request).info})


@around("codedeploy.ListDeployments")
async def list_deployments(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    kept, wanted = world.of(Deployments, request), request.parameters
    if wanted.get("deploymentGroupName"):
        group_of(world.of(CodeDeploy, request), request)
    statuses = wanted.get("includeOnlyStatuses") or None
    found = [
        one.info["deploymentId"] for one in reversed(kept.all.values())
        if one.region == request.scope.region and (statuses is None or one.info["status"] in statuses)
        and all(wanted.get(key) in (None, one.info[key]) for key in ("applicationName", "deploymentGroupName"))
    ]
    return page(request, "deployments", found)


@around("codedeploy.StopDeployment")
async def stop_deployment(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    found = _deployment(world, request)
    if not found.runs:
        raise Refusal("DeploymentAlreadyCompletedException", f"Deployment {found.info['deploymentId']} is already in terminal state", 400)
    wants = request.parameters.get("autoRollbackEnabled")
    found.stop = _rolls_back(found.info, "DEPLOYMENT_STOP_ON_REQUEST") if wants is None else bool(wants)
    return json_answer({"status": "Pending", "statusMessage": "Stopping deployment."})


@around("codedeploy.PutLifecycleEventHookExecutionStatus")
async def hook_answers(world: World, request: Request, _: Proceed) -> Answer:
    request.call.by_front = True
    found, wanted = _deployment(world, request), request.parameters
    execution = wanted.get("lifecycleEventHookExecutionId") or ""
    hook = found.hooks.get(execution)
    if hook is None:
        raise Refusal("InvalidLifecycleEventHookExecutionIdException", "The lifecycle event hook execution id is invalid.", 400)
    if wanted.get("status") not in ("Succeeded", "Failed"):
        raise Refusal("InvalidLifecycleEventHookExecutionStatusException", "The status has to be Succeeded or Failed.", 400)
    if hook["status"] is not None:
        raise Refusal("LifecycleEventAlreadyCompletedException", "The lifecycle event is completed already.", 400)
    group = arn_of(world, request, f"deploymentgroup:{found.info['applicationName']}/{found.info['deploymentGroupName']}")
    action = "codedeploy:PutLifecycleEventHookExecutionStatus"
    if not await may(world, request, hook["role"], (action,), group):
        raise Refusal("AccessDeniedException", f"{hook['role']} is not authorized to perform: {action} on resource: {group}", 400)
    hook["status"] = wanted["status"]
    return json_answer({"lifecycleEventHookExecutionId": execution})


def _rolls_back(info: dict[str, Any], event: str) -> bool:
    rollback = info.get("autoRollbackConfiguration") or {}
    return bool(rollback.get("enabled")) and event in (rollback.get("events") or ())


class _Course:
    """The way of one deployment from its beginning to its end."""

    def __init__(self, world: World, request: Request, kept: Deployments, group: dict[str, Any], one: Deployment) -> None:
        self.world, self.request, self.kept, self.one = world, request, kept, one
        watched = group["alarmConfiguration"]
        self.alarms = [alarm["name"] for alarm in watched.get("alarms") or ()] if watched.get("enabled") else []
        self.group = dict(group)
        self.scale: float = world.settings["codedeploy.scale"]

    async def run(self) -> None:
        info = self.one.info
        info.update(status="InProgress", startTime=time.time())
        try:
            await self._to_its_end(info)
        except AskFailed as problem:
            info.update(status="Failed", errorInformation={"code": "INVALID_LAMBDA_CONFIGURATION", "message": problem.message})
        except (aiohttp.ClientError, RuntimeError):
            info["status"] = "Failed"  # the whole cloud was ended
        info["completeTime"] = time.time()

    async def _to_its_end(self, info: dict[str, Any]) -> None:
        try:
            await self._move()
            info["status"] = "Succeeded"
        except _Ended as end:
            info.update(status=end.status, errorInformation={"code": end.code, "message": str(end)})
            if self.one.stop if self.one.stop is not None else _rolls_back(info, end.event):
                await self._roll_back()

    async def _ask(self, operation: str, **more: Any) -> dict[str, Any]:
        if self.world.of(Deployments, self.request) is not self.kept:
            raise AskFailed("Reset", "the account was emptied", 400)
        return await self.world.ask("lambda", operation, {"FunctionName": self.one.spec["Name"], **more}, self.request)

    async def _route(self, version: str, weights: dict[str, float] | None = None) -> None:
        routing = {"AdditionalVersionWeights": weights or {}}
        await self._ask("UpdateAlias", Name=self.one.spec["Alias"], FunctionVersion=version, RoutingConfig=routing)

    async def _move(self) -> None:
        spec = self.one.spec
        try:
            alias = await self._ask("GetAlias", Name=spec["Alias"])
        except AskFailed as problem:
            raise _Ended("Failed", "INVALID_LAMBDA_FUNCTION", problem.message, "DEPLOYMENT_FAILURE") from problem
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
        if alias["FunctionVersion"] != spec["CurrentVersion"] or weights:
            raise _Ended("Failed", "INVALID_LAMBDA_CONFIGURATION", f"The Lambda function's alias is at version {alias['FunctionVersion']} "
                         f"with the weights {weights or {}}, not at version {spec['CurrentVersion']}.", "DEPLOYMENT_FAILURE")
        await self._watched()
        await self._hook("BeforeAllowTraffic")
        percent, minutes = CONFIGURATIONS[self.group["deploymentConfigName"]]
        shares = range(percent, 100, percent) if "Linear" in self.group["deploymentConfigName"] else range(percent, min(100, percent + 1))
        for share in shares:
            await self._route(spec["CurrentVersion"], {spec["TargetVersion"]: share / 100})
            until = time.monotonic() + minutes * 60 * self.scale
            while time.monotonic() < until:
                await self._watched()
                await asyncio.sleep(min(LOOK_EVERY, max(0.0, until - time.monotonic())))
        await self._watched()
        await self._route(spec["TargetVersion"])
        await self._hook("AfterAllowTraffic")
        await self._watched()

    async def _watched(self) -> None:
        if self.one.stop is not None:
            raise _Ended("Stopped", "MANUAL_STOP", "The deployment was stopped by a user.", "DEPLOYMENT_STOP_ON_REQUEST")
        if self.alarms:
            found = await self.world.ask("cloudwatch", "DescribeAlarms", {"AlarmNames": self.alarms}, self.request)
            ringing = [alarm["AlarmName"] for alarm in found.get("MetricAlarms", []) if alarm["StateValue"] == "ALARM"]
            if ringing:
                raise _Ended("Stopped", "ALARM_ACTIVE", f"Alarms were activated, and the deployment was stopped: {', '.join(ringing)}",
                             "DEPLOYMENT_STOP_ON_ALARM")

    async def _hook(self, moment: str) -> None:
        function = self.one.spec["Hooks"].get(moment)
        if function is None:
            return
        failed = f"The {moment} lifecycle event hook {function}"
        execution = f"eyJ-{uuid.uuid4().hex}"
        event = {"DeploymentId": self.one.info["deploymentId"], "LifecycleEventHookExecutionId": execution}
        try:
            found = await self.world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": function}, self.request)
            self.one.hooks[execution] = hook = {"status": None, "role": found["Role"]}
            called = {"FunctionName": function, "InvocationType": "Event", "Payload": json.dumps(event)}
            await self.world.ask("lambda", "Invoke", called, self.request)
        except AskFailed as problem:
            said = f"{failed} could not be called: {problem.message}"
            raise _Ended("Failed", "HOOK_EXECUTION_FAILURE", said, "DEPLOYMENT_FAILURE") from problem
        until = time.monotonic() + HOOK_TIME * self.scale
        while hook["status"] is None:
            if time.monotonic() >= until:
                raise _Ended("Failed", "TIMEOUT", f"{failed} has not answered within an hour.", "DEPLOYMENT_FAILURE")
            await self._watched()
            await asyncio.sleep(LOOK_EVERY)
        if hook["status"] == "Failed":
            raise _Ended("Failed", "HOOK_EXECUTION_FAILURE", f"{failed} reported that it failed.", "DEPLOYMENT_FAILURE")

    async def _roll_back(self) -> None:
        """By a deployment of its own, which comes at once."""
        first = self.one.info["deploymentId"]
        back = _new(self.kept, self.one.region, self.group, self.one.spec, creator="codeDeployRollback", description="",
                    rollbackInfo={"rollbackTriggeringDeploymentId": first})
        back.info["status"] = "InProgress"
        self.one.info["rollbackInfo"] = {"rollbackDeploymentId": back.info["deploymentId"]}
        await asyncio.sleep(LOOK_EVERY)
        try:
            await self._route(self.one.spec["CurrentVersion"])
            back.info["status"] = "Succeeded"
        except AskFailed as problem:
            back.info.update(status="Failed", errorInformation={"code": "INVALID_LAMBDA_CONFIGURATION", "message": problem.message})
        back.info["completeTime"] = time.time()
