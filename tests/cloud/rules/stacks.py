"""Stacks keep what the emulator forgets: who hears of their events, and the alarms that turn a change back.

[S] AWSCloudFormation/latest/APIReference/API_UpdateStack: what is left out of an update stays as it was.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from ..answers import Answer
from ..consistency.stacks import stack_name
from ..world import Proceed, Request, World, after, around

_KEPT = ("NotificationARNs", "RollbackConfiguration")


class _Settings:
    def __init__(self) -> None:
        self.of: dict[tuple[str, str], dict[str, Any]] = {}


@around("cloudformation.CreateStack", "cloudformation.UpdateStack")
async def keeps(world: World, request: Request, proceed: Proceed) -> Answer:
    answer = await proceed()
    name = stack_name(request.parameters["StackName"])
    settings, place = world.of(_Settings, request).of, (request.scope.region, name)
    known = settings.get(place, {}) if request.operation.name == "UpdateStack" else {}
    now = {**known, **{key: request.parameters[key] for key in _KEPT if key in request.parameters}}
    if answer.ok:
        settings[place] = now
    elif known != now and b"No updates are to be performed" in answer.body:
        # Assumed: a change of these alone is an update.
        settings[place] = now
        if policy := request.parameters.get("StackPolicyBody"):
            await world.ask("cloudformation", "SetStackPolicy", {"StackName": name, "StackPolicyBody": policy}, request)
        stacks = await world.ask("cloudformation", "DescribeStacks", {"StackName": name}, request)
        stack = stacks["Stacks"][0]["StackId"]
        body = f"<UpdateStackResponse><UpdateStackResult><StackId>{stack}</StackId></UpdateStackResult></UpdateStackResponse>"
        return Answer(200, answer.headers, body.encode())
    return answer


def _add(parent: ElementTree.Element, space: str, name: str, value: Any) -> None:
    element = ElementTree.SubElement(parent, f"{space}{name}")
    if isinstance(value, dict):
        for key, inner in value.items():
            _add(element, space, key, inner)
    elif isinstance(value, list):
        for inner in value:
            _add(element, space, "member", inner)
    else:
        element.text = str(value)


@after("cloudformation.DescribeStacks")
async def shows(world: World, request: Request, answer: Answer) -> Answer | None:
    settings = world.of(_Settings, request).of
    if not answer.ok or not any(settings.values()):
        return None
    root = ElementTree.fromstring(answer.body)
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    for stack in root.findall(f".//{space}Stacks/{space}member"):
        for key, value in settings.get((request.scope.region, stack.findtext(f"{space}StackName") or ""), {}).items():
            _add(stack, space, key, value)
    ElementTree.register_namespace("", space.strip("{}"))
    return Answer(answer.status, answer.headers, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
