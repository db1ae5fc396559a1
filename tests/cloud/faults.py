"""Which calls go wrong, and how: by a schedule, and by chance from a seed.

A schedule is a list of `{"match": "lambda.CreateFunction", "nth": 1, "fault": "cut-after", "times": 1}`.
`match` is a glob over service.operation (default: every call), `nth` counts the calls that match from the moment
the schedule was set (default 1), `times` says how many from there on meet it (default 1, 0 for all). With `account`
only calls with that access key count.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .operations import Operation
from .settings import Settings, UnknownSetting

# What happens before the call is carried out, so that it never is.
BEFORE = {
    "cut-before": "the connection is cut, the call is not carried out",
    "status-500": "500 InternalFailure, not carried out",
    "empty-500": "500 with an empty body, not carried out (cdkd #2026: seen from SQS)",
    "status-502": "502 with HTML, not carried out",
    "status-503": "503 ServiceUnavailable, not carried out",
    "throttle": "the service's throttling error, whatever the buckets say",
    "expired-token": "403 ExpiredTokenException",
    "clock-skew": "403 as for a request signed with a wrong clock",
}
# What happens to the answer of a call that was carried out.
AFTER = {
    "cut-after": "carried out, then the connection is cut without an answer",
    "status-500-after": "carried out, then answered with 500",
    "slow": "answered after faults.slow_ms more",
    "truncated": "half of the body, then the connection is cut",
    "malformed": "200 with a body that is neither JSON nor XML",
    "huge": "200 with faults.huge_bytes of body",
    "endless": "a list that always has a next page",
    "hang": "never answered; the connection stays open for ten minutes",
}
FAULTS = {**BEFORE, **AFTER}


@dataclass
class _Planned:
    match: str
    nth: int
    fault: str
    times: int
    account: str | None
    seen: int = 0


class Faults:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.restart()

    def restart(self) -> None:
        """Reads the schedule and the seed again. Raises UnknownSetting."""
        self._random = random.Random(self._settings["faults.seed"])
        self._planned: dict[str | None, list[_Planned]] = {}  # by account, None for every
        self.add(self._settings["faults.schedule"])

    def add(self, entries: list[dict[str, Any]]) -> None:
        """Adds to the schedule; what counts already goes on. Raises UnknownSetting."""
        for plan in [_planned(entry) for entry in entries]:
            self._planned.setdefault(plan.account, []).append(plan)

    def next_for(self, operation: Operation, access_key: str = "") -> str | None:
        chosen: str | None = None
        for plan in (*self._planned.get(None, ()), *self._planned.get(access_key, ())):
            if fnmatchcase(operation.full_name, plan.match):
                plan.seen += 1
                due = plan.seen >= plan.nth and (plan.times == 0 or plan.seen < plan.nth + plan.times)
                if due and chosen is None:
                    chosen = plan.fault
        if chosen:
            return chosen
        rate = self._settings["faults.rate"]
        services = self._settings["faults.services"]
        if not rate or (services and operation.service not in services):
            return None
        # Two draws for every call, used or not: the next call's luck must not
        # depend on this one's.
        luck, choice = self._random.random(), self._random.random()
        kinds = self._settings["faults.kinds"]
        return kinds[int(choice * len(kinds))] if kinds and luck < rate else None


def _planned(entry: dict[str, Any]) -> _Planned:
    match = entry.get("match", "*")
    if isinstance(match, dict):
        match = f"{match.get('service', '*')}.{match.get('operation', '*')}"
    fault = entry.get("fault")
    if fault not in FAULTS:
        raise UnknownSetting(f"there is no fault {fault!r}: one of {', '.join(FAULTS)}")
    return _Planned(match, int(entry.get("nth", 1)), fault, int(entry.get("times", 1)), entry.get("account"))
