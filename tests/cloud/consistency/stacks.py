"""CloudFormation's own time: stacks that are IN_PROGRESS for as long as AWS would need for them.

The emulator makes a stack at once; here its state is held back. The time is

    fixed + the longest chain of resources that wait for each other + a share for each resource,

with the seconds of each type from a table. All of it is assumed, and fitted to what was measured of whole
deploys: one function with an HTTP API 65-108 s, ten functions with eight kinds of event 143-166 s, a hundred
functions with a hundred routes 127-153 s, a code change 23-59 s (two stack operations in a first deploy, one in
the others).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from xml.etree import ElementTree

import yaml

from ..answers import Answer, Refusal
from ..world import AskFailed, Proceed, Request, World, after, around

FIXED = 8.0  # start, clean-up and the caller's polling
SHARE = 0.12  # seconds per resource: its API calls, throttled as everybody's

# Seconds until CloudFormation calls a resource complete; what is not here takes OTHER.
SECONDS: dict[str, float] = {
    "AWS::IAM::Role": 18.0,
    "AWS::Lambda::Function": 8.0,
    "AWS::Lambda::Version": 4.0,
    "AWS::Lambda::Alias": 3.0,
    "AWS::Lambda::Permission": 6.0,
    "AWS::Lambda::EventSourceMapping": 20.0,
    "AWS::Lambda::LayerVersion": 8.0,
    "AWS::Logs::LogGroup": 4.0,
    "AWS::Logs::SubscriptionFilter": 4.0,
    "AWS::S3::Bucket": 22.0,
    "AWS::S3::BucketPolicy": 3.0,
    "AWS::SQS::Queue": 20.0,
    "AWS::SNS::Topic": 12.0,
    "AWS::SNS::Subscription": 4.0,
    "AWS::DynamoDB::Table": 32.0,
    "AWS::Events::Rule": 60.0,
    "AWS::Scheduler::Schedule": 5.0,
    "AWS::Kinesis::Stream": 35.0,
    "AWS::ApiGateway::Deployment": 3.0,
    "AWS::ApiGatewayV2::Api": 4.0,
    "AWS::ApiGatewayV2::Stage": 3.0,
    "AWS::CloudFront::Distribution": 240.0,
    "AWS::Cognito::UserPool": 6.0,
    "Custom::S3": 25.0,
}
OTHER = 3.0


@dataclass
class _Busy:
    state: str  # CREATE, UPDATE, DELETE
    until: float
    last_seen: Answer | None = None  # of a stack under deletion


class _Stacks:
    def __init__(self) -> None:
        self.busy: dict[tuple[str, str], _Busy] = {}
        # When each operation on a stack began and ends, as events tell the time.
        self.spans: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def now(self, region: str, name: str) -> _Busy | None:
        busy = self.busy.get((region, name))
        if busy is not None and time.monotonic() >= busy.until:
            del self.busy[region, name]
            return None
        return busy


def _told(seconds: float) -> str:
    """A moment, in seconds since 1970, as the emulator's events have it."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stack_name(text: str) -> str:
    """A name, or the name inside a stack's or change set's id."""
    return text.split(":stack/")[-1].split("/")[0] if ":stack/" in text else text


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's short forms."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {"Ref" if tag == "Ref" else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


def resources_of(template: Any) -> dict[str, dict[str, Any]]:
    if isinstance(template, str):
        try:
            template = json.loads(template) if template.lstrip().startswith("{") else yaml.load(template, _Loader)  # noqa: S506
        except (ValueError, yaml.YAMLError):
            return {}
    resources = (template or {}).get("Resources") if isinstance(template, dict) else None
    return {name: resource for name, resource in (resources or {}).items() if isinstance(resource, dict)}


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref" and isinstance(inner, str):
                yield inner
            elif key == "Fn::GetAtt":
                yield inner[0] if isinstance(inner, list) else str(inner).partition(".")[0]
            elif key == "Fn::Sub":
                text = inner[0] if isinstance(inner, list) else str(inner)
                yield from (found.partition(".")[0] for found in re.findall(r"\$\{([^!}][^}]*)\}", text))
                if isinstance(inner, list):
                    yield from _named(inner[1:])
            else:
                yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def seconds_for(old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> float:
    """How long a stack takes from one set of resources to another."""
    touched = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    chains: dict[str, float] = {}

    def chain(name: str, above: frozenset[str]) -> float:
        if name in chains:
            return chains[name]
        resource = new.get(name, old.get(name, {}))
        after_these = set(_named(resource.get("Properties")))
        depends = resource.get("DependsOn") or []
        after_these |= set([depends] if isinstance(depends, str) else depends)
        longest = max((chain(n, above | {name}) for n in after_these if n in new and n not in above and n != name), default=0.0)
        own = SECONDS.get(resource.get("Type", ""), OTHER) if name in touched else 0.0
        chains[name] = own + longest
        return chains[name]

    return FIXED + max((chain(name, frozenset()) for name in touched), default=0.0) + SHARE * len(touched)


async def _template(world: World, request: Request, name: str) -> dict[str, dict[str, Any]]:
    try:
        return resources_of((await world.ask("cloudformation", "GetTemplate", {"StackName": name}, request)).get("TemplateBody"))
    except AskFailed:
        return {}


@around("cloudformation.CreateStack", "cloudformation.UpdateStack", "cloudformation.ExecuteChangeSet", "cloudformation.DeleteStack")
async def takes_its_time(world: World, request: Request, proceed: Proceed) -> Answer:
    wanted, operation = request.parameters, request.operation.name
    name = stack_name(wanted.get("StackName") or wanted.get("ChangeSetName", ""))
    stacks = world.of(_Stacks, request)
    busy = stacks.now(request.scope.region, name)
    if busy is not None and operation == "CreateStack":
        raise Refusal("AlreadyExistsException", f"Stack [{name}] already exists", 400)
    if busy is not None and operation != "DeleteStack":
        raise Refusal("ValidationError", f"Stack:{world.arn('cloudformation', request.scope, f'stack/{name}')} is in "
                      f"{busy.state}_IN_PROGRESS state and can not be updated.", 400)
    if not world.settings["cloudformation.enabled"]:
        return await proceed()
    old = await _template(world, request, name)
    last_seen = None
    if operation == "DeleteStack":
        if busy is not None and busy.state == "DELETE":
            return await proceed()
        last_seen = await world.ask_raw("cloudformation", "DescribeStacks", {"StackName": name}, request)
    began = time.time()
    answer = await proceed()
    if not answer.ok:
        return answer
    if operation == "DeleteStack":
        if last_seen is None or not last_seen.ok:
            return answer
        state, seconds = "DELETE", seconds_for(old, {})
    else:
        new = await _template(world, request, name)
        state, seconds = ("UPDATE" if old and operation != "CreateStack" else "CREATE"), seconds_for(old, new)
    seconds *= world.settings["cloudformation.scale"]
    key = (request.scope.region, name)
    stacks.busy[key] = _Busy(state, time.monotonic() + seconds, last_seen)
    stacks.spans.setdefault(key, []).append((_told(began), _told(time.time() + seconds)))
    return answer


@around("cloudformation.DescribeStacks")
async def shows_what_is_being_deleted(world: World, request: Request, proceed: Proceed) -> Answer:
    name = request.parameters.get("StackName")
    busy = world.of(_Stacks, request).now(request.scope.region, stack_name(name)) if name else None
    if busy is not None and busy.state == "DELETE" and busy.last_seen is not None:
        # Said here: by the time that the answer passes the next rule, the deletion may be over.
        body = re.sub(rb"<StackStatus>\w+</StackStatus>", b"<StackStatus>DELETE_IN_PROGRESS</StackStatus>", busy.last_seen.body)
        return Answer(200, dict(busy.last_seen.headers), body)
    return await proceed()


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((child for child in element if _local(child) == name), None)


def _text(element: ElementTree.Element, name: str) -> str:
    child = _child(element, name)
    return (child.text or "") if child is not None else ""


@after("cloudformation.DescribeStacks", "cloudformation.ListStacks", "cloudformation.DescribeStackEvents")
async def shows_its_progress(world: World, request: Request, answer: Answer) -> Answer | None:
    stacks, region = world.of(_Stacks, request), request.scope.region
    if not answer.ok or not stacks.spans:
        return None
    root = ElementTree.fromstring(answer.body)
    for holder in list(root.iter()):
        for element in list(holder):
            name = _text(element, "StackName")
            busy = stacks.now(region, name) if name else None
            status = _child(element, "StackStatus")
            if busy is not None and status is not None:
                status.text = _in_progress(status.text or "", busy.state)
            ended = _text(element, "ResourceStatus").endswith(("_COMPLETE", "_FAILED"))
            if ended and _text(element, "ResourceType") == "AWS::CloudFormation::Stack":
                at = _child(element, "Timestamp")
                ends = _end_of(stacks.spans.get((region, name), []), at)
                if ends is not None and ends > _told(time.time()):
                    holder.remove(element)
                elif ends is not None and at is not None:
                    # Whoever follows the events asks for those after the last that it saw.
                    at.text = ends
    ElementTree.register_namespace("", root.tag[1:].partition("}")[0] if root.tag.startswith("{") else "")
    return Answer(answer.status, answer.headers, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _end_of(spans: list[tuple[str, str]], at: ElementTree.Element | None) -> str | None:
    """When the operation ends that was under way at a time."""
    text = (at.text if at is not None else None) or ""
    return next((ends for began, ends in reversed(spans) if began <= text), None)


def _in_progress(status: str, state: str) -> str:
    if state == "DELETE":
        return "DELETE_IN_PROGRESS"
    # What will have gone wrong is being rolled back meanwhile.
    return re.sub(r"_(COMPLETE|FAILED)$", "_IN_PROGRESS", status) if not status.endswith("_IN_PROGRESS") else status
