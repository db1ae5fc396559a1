"""Which actions on which resources a call needs, for --auth: the services that a deploy writes to.

[S] Service Authorization Reference, one page a service. The emulator's own reading takes an operation for its neighbour (every
write of a function's concurrency is PutFunctionConcurrency) and knows no resource of CreateFunction, API Gateway and Scheduler, so
that policies which name their resources could not be tried. Services that are not here are left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from .code_deploy import CONFIGURATIONS
from .deployments import GROUPS
from .rules.functions import plain_name
from .world import Request

Needs = list[tuple[str, str]]

# Operations whose action has another name.
_NAMED_OTHERWISE = {
    "lambda.Invoke": "lambda:InvokeFunction",
    "lambda.InvokeAsync": "lambda:InvokeFunction",
    "lambda.InvokeWithResponseStream": "lambda:InvokeFunction",
    "lambda.GetLayerVersionByArn": "lambda:GetLayerVersion",
    "resourcegroupstaggingapi.GetResources": "tag:GetResources",
    "resourcegroupstaggingapi.TagResources": "tag:TagResources",
    "resourcegroupstaggingapi.UntagResources": "tag:UntagResources",
}

# Operations that name something and are about all of it.
_ABOUT_ALL = {
    "lambda.CreateEventSourceMapping", "lambda.ListEventSourceMappings", "lambda.ListFunctions", "lambda.ListLayers", "events.ListRules",
    "events.ListEventBuses", "logs.DescribeLogGroups", "sns.ListTopics", "sns.ListSubscriptions", "scheduler.ListSchedules",
    "cognito-idp.ListUserPools", "iot.ListTopicRules", "iam.ListRoles",
}


def _lambda(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    if p.get("Resource"):
        return str(p["Resource"])
    if p.get("LayerName"):
        version = f":{p['VersionNumber']}" if p.get("VersionNumber") else ""
        return about(f"layer:{p['LayerName']}{version}")
    if p.get("UUID"):
        return about(f"event-source-mapping:{p['UUID']}")
    return about(f"function:{plain_name(str(p['FunctionName']))}") if p.get("FunctionName") else "*"


def _iam(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    for member, kind in (("RoleName", "role"), ("UserName", "user")):
        if p.get(member):
            return about(f"{kind}/{p[member]}")
    return str(p.get("PolicyArn", "*"))


def _logs(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    if p.get("resourceArn"):
        return str(p["resourceArn"])
    name = p.get("logGroupName") or p.get("logGroupIdentifier")
    return str(name) if str(name).startswith("arn:") else about(f"log-group:{name}") if name else "*"


def _events(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    if p.get("ResourceARN"):
        return str(p["ResourceARN"])
    if name.endswith("EventBus"):
        return about(f"event-bus/{str(p.get('Name') or 'default').rpartition('/')[2]}")
    bus = str(p.get("EventBusName") or "default").rpartition("/")[2]
    rule = p.get("Rule") or p.get("Name")
    return about(f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}") if rule else about(f"event-bus/{bus}")


def _sns(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    found = p.get("TopicArn") or p.get("ResourceArn") or p.get("SubscriptionArn")
    return str(found) if found else about(str(p["Name"])) if p.get("Name") else "*"


def _scheduler(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    return str(p["ResourceArn"]) if p.get("ResourceArn") else about(f"schedule/{p.get('GroupName', 'default')}/{p.get('Name', '')}")


def _iot(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    return str(p["resourceArn"]) if p.get("resourceArn") else about(f"rule/{p['ruleName']}") if p.get("ruleName") else "*"


def _cognito(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    return about(f"userpool/{p['UserPoolId']}") if p.get("UserPoolId") else "*"


def _scaling(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    return "*" if name.startswith("Describe") else str(p.get("ResourceARN") or about(f"scalable-target/{p['ResourceId']}"))


def _code_deploy(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    if p.get("ResourceArn"):
        return str(p["ResourceArn"])
    if p.get("deploymentId"):
        return about(f"deploymentgroup:{GROUPS.get(str(p['deploymentId']), '')}")
    groups = p.get("deploymentGroupNames") or [p.get("deploymentGroupName") or p.get("currentDeploymentGroupName")]
    return about(f"deploymentgroup:{p['applicationName']}/{groups[0]}" if groups[0] else f"application:{p['applicationName']}")


def _stacks(about: Callable[[str], str], p: dict[str, Any], name: str) -> str:
    found = str(p.get("StackName") or "")
    return found if found.startswith("arn:") else about(f"stack/{found}/id") if found else "*"


_RESOURCES: dict[str, Callable[[Callable[[str], str], dict[str, Any], str], str]] = {
    "lambda": _lambda, "iam": _iam, "logs": _logs, "events": _events, "sns": _sns, "scheduler": _scheduler, "iot": _iot,
    "cognito-idp": _cognito, "codedeploy": _code_deploy, "application-autoscaling": _scaling, "resourcegroupstaggingapi": lambda _, __, ___: "*",
    "cloudformation": _stacks,
}

# What is made with tags needs the right to tag as well: the member that holds them.
_TAGGED = {
    "lambda.CreateFunction": "Tags", "lambda.CreateEventSourceMapping": "Tags", "logs.CreateLogGroup": "tags", "iam.CreateRole": "Tags",
    "events.PutRule": "Tags", "events.CreateEventBus": "Tags", "sns.CreateTopic": "Tags", "iot.CreateTopicRule": "tags",
    "application-autoscaling.RegisterScalableTarget": "Tags", "codedeploy.CreateApplication": "tags",
    "codedeploy.CreateDeploymentGroup": "tags", "cloudformation.CreateStack": "Tags", "cloudformation.UpdateStack": "Tags",
}

# Operations that hand a role to a service, and where the role stands.
_PASSED: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "lambda.CreateFunction": lambda p: [p.get("Role")],
    "lambda.UpdateFunctionConfiguration": lambda p: [p.get("Role")],
    "codedeploy.CreateDeploymentGroup": lambda p: [p.get("serviceRoleArn")],
    "codedeploy.UpdateDeploymentGroup": lambda p: [p.get("serviceRoleArn")],
    "scheduler.CreateSchedule": lambda p: [(p.get("Target") or {}).get("RoleArn")],
    "scheduler.UpdateSchedule": lambda p: [(p.get("Target") or {}).get("RoleArn")],
    "events.PutTargets": lambda p: [target.get("RoleArn") for target in p.get("Targets") or ()],
    "logs.PutSubscriptionFilter": lambda p: [p.get("roleArn")],
    "cloudformation.CreateStack": lambda p: [p.get("RoleARN")],
    "cloudformation.UpdateStack": lambda p: [p.get("RoleARN")],
}


def needed(request: Request, account: str) -> Needs | None:
    """Actions and resources. None where the emulator is to judge."""
    operation, parameters = request.operation, request.parameters
    service, name = operation.service, operation.full_name
    if service in ("apigateway", "apigatewayv2"):
        # The verb on the path; both kinds of API share the namespace.
        path = unquote(request.raw_path.split("?")[0]).removeprefix("/v2")
        return [(f"apigateway:{request.method}", f"arn:aws:apigateway:{request.scope.region}::{path}")]
    if service not in _RESOURCES:
        return None
    region = "" if service == "iam" else request.scope.region

    def about(rest: str) -> str:
        return f"arn:aws:{service}:{region}:{account}:{rest}"

    resource = "*" if name in _ABOUT_ALL else _RESOURCES[service](about, parameters, operation.name)
    needs = [(_NAMED_OTHERWISE.get(name, f"{service}:{operation.name}"), resource), *passed(request)]
    if parameters.get(_TAGGED.get(name, "")):
        needs.append((f"{service}:{'TagRole' if service == 'iam' else 'TagResource'}", resource))
    if name == "codedeploy.CreateDeployment":
        # Of whichever configuration the group has.
        configuration = next(iter(CONFIGURATIONS))
        needs.append(("codedeploy:GetDeploymentConfig", about(f"deploymentconfig:{configuration}")))
        needs.append(("codedeploy:RegisterApplicationRevision", about(f"application:{parameters['applicationName']}")))
    if name in ("lambda.CreateFunction", "lambda.UpdateFunctionConfiguration"):
        needs += [("lambda:GetLayerVersion", layer) for layer in parameters.get("Layers") or ()]
    return needs


def passed(request: Request) -> Needs:
    """The roles that a call hands over, where everything else is for the emulator to judge."""
    roles = _PASSED.get(request.operation.full_name, lambda _: [])(request.parameters)
    return [("iam:PassRole", str(role)) for role in roles if role]
