"""Event source mappings that are Creating, Updating and Deleting for a while, and in use meanwhile."""

from __future__ import annotations

import time
from typing import Any

from ..answers import Answer, Refusal, json_answer
from ..world import Request, World, after, before, body_of, with_body


class _Mappings:
    def __init__(self) -> None:
        self.busy: dict[str, tuple[str, float]] = {}  # UUID -> state, until
        self.gone: dict[str, tuple[dict[str, Any], float]] = {}  # UUID -> its last answer, until


@before("lambda.UpdateEventSourceMapping", "lambda.DeleteEventSourceMapping", "lambda.GetEventSourceMapping")
async def in_use(world: World, request: Request) -> Answer | None:
    mappings, uuid, name = world.of(_Mappings, request), request.parameters["UUID"], request.operation.name
    deleting = mappings.gone.get(uuid)
    if deleting and time.monotonic() < deleting[1]:
        if name == "GetEventSourceMapping":
            return json_answer({**deleting[0], "State": "Deleting"})
        raise Refusal("ResourceInUseException", f"Cannot {name[:6].lower()} the event source mapping because it is in use.", 400)
    state, until = mappings.busy.get(uuid, ("", 0.0))
    if name != "GetEventSourceMapping" and time.monotonic() < until:
        raise Refusal("ResourceInUseException", f"Cannot {name[:6].lower()} the event source mapping because it is in use.", 400)
    return None


@after("lambda.CreateEventSourceMapping", "lambda.UpdateEventSourceMapping", "lambda.DeleteEventSourceMapping",
       "lambda.GetEventSourceMapping")
async def shows_its_state(world: World, request: Request, answer: Answer) -> Answer | None:
    if not answer.ok:
        return None
    content, mappings = body_of(answer), world.of(_Mappings, request)
    takes = world.settings["consistency.mapping_ms"] / 1000
    uuid, name = content.get("UUID", ""), request.operation.name
    if name == "DeleteEventSourceMapping":
        mappings.busy.pop(uuid, None)
        if takes:
            mappings.gone[uuid] = (content, time.monotonic() + takes)
        content["State"] = "Deleting"
    elif name != "GetEventSourceMapping" and takes:
        mappings.busy[uuid] = ("Creating" if name.startswith("Create") else "Updating", time.monotonic() + takes)
    state, until = mappings.busy.get(uuid, ("", 0.0))
    if time.monotonic() < until:
        content["State"] = state
    return with_body(answer, content)
