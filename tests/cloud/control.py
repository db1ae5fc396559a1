"""/_cloud/: what a test asks of the practice cloud and tells it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .settings import UnknownSetting

if TYPE_CHECKING:
    from .front import Front

Handler = Callable[["Front", Any], Awaitable[Any]]


async def _reset(front: Front, _: Any) -> Any:
    await front.reset()
    return {"reset": True}


async def _calls(front: Front, wanted: Any) -> Any:
    account = wanted.get("account")
    return {"calls": [call.shown() for call in front.record.calls if account in (None, call.access_key)]}


async def _summary(front: Front, _: Any) -> Any:
    return front.record.summary()


async def _clear(front: Front, _: Any) -> Any:
    front.record.clear()
    return {"cleared": True}


async def _settings(front: Front, _: Any) -> Any:
    return front.settings.shown()


async def _change(front: Front, wanted: Any) -> Any:
    kept = front.settings.shown()
    try:
        front.settings.change(wanted)
        # A new schedule counts from now; a change of something else must not
        # make the old one start again.
        if "weather" in wanted or any(str(name).startswith("faults") for name in wanted):
            front.faults.restart()
    except UnknownSetting:
        front.settings.change(kept)
        raise
    return front.settings.shown()


async def _add_faults(front: Front, wanted: Any) -> Any:
    front.faults.add(wanted)
    return {"added": len(wanted)}


async def _kill_at(front: Front, wanted: Any) -> Any:
    return front.traps.add("kill", wanted).shown()


async def _hold_at(front: Front, wanted: Any) -> Any:
    return front.traps.add("hold", wanted).shown()


async def _traps(front: Front, _: Any) -> Any:
    return {"traps": [trap.shown() for trap in front.traps.set_up]}


async def _release(front: Front, wanted: Any) -> Any:
    return {"released": front.traps.release((wanted or {}).get("id"))}


async def _clear_traps(front: Front, _: Any) -> Any:
    front.traps.clear()
    return {"cleared": True}


async def _health(front: Front, _: Any) -> Any:
    return {"url": front.url, "ministack": front.backend.url, "weather": front.settings.weather}


_ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "health"): _health,
    ("POST", "reset"): _reset,
    ("GET", "calls"): _calls,
    ("GET", "summary"): _summary,
    ("POST", "calls/clear"): _clear,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change,
    ("POST", "faults"): _add_faults,
    ("POST", "kill-at"): _kill_at,
    ("POST", "hold-at"): _hold_at,
    ("GET", "traps"): _traps,
    ("POST", "release"): _release,
    ("POST", "traps/clear"): _clear_traps,
}


async def answer(front: Front, request: web.BaseRequest) -> web.Response:
    name = request.rel_url.path.removeprefix("/_cloud/")
    handler = _ROUTES.get((request.method, name))
    if handler is None:
        known = ", ".join(f"{method} /_cloud/{path}" for method, path in _ROUTES)
        return web.json_response({"error": f"there is no {request.method} /_cloud/{name}: {known}"}, status=404)
    text = await request.text()
    try:
        wanted = json.loads(text) if text.strip() else dict(request.rel_url.query)
        return web.json_response(await handler(front, wanted))
    except (ValueError, TypeError, KeyError) as problem:
        return web.json_response({"error": str(problem)}, status=400)
