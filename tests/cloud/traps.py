"""Calls at which a client is killed, or which are held back until released."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .world import Request

# After a kill the kernel still has to close the dead client's connections;
# what arrives meanwhile was never meant to be carried out.
SETTLE = 0.1


@dataclass
class Trap:
    id: int
    kind: str  # "kill" or "hold"
    when: str  # "before" or "after" the call is carried out
    call: int  # the how-manieth matching call from now on
    match: str
    path: str  # of the request, with its query: an object's key, where the operation is not enough
    pid: int | None
    account: str | None = None  # only calls with this access key count
    seen: int = 0
    seq: int | None = None  # the call that it caught
    released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id, "kind": self.kind, "when": self.when, "call": self.call, "match": self.match, "path": self.path, "pid": self.pid,
            "account": self.account, "caught": self.seq is not None, "seq": self.seq, "released": self.released.is_set(),
        }


class Traps:
    def __init__(self) -> None:
        self.set_up: list[Trap] = []
        self._next = 1
        self._settled_at = 0.0

    def add(self, kind: str, wanted: dict[str, Any]) -> Trap:
        when = wanted.get("when", "before")
        if when not in ("before", "after"):
            raise ValueError("when is before or after")
        pid = wanted.get("pid")
        # Zero and below mean whole groups to kill(2), and one is init.
        if kind == "kill" and (not isinstance(pid, int) or isinstance(pid, bool) or pid <= 1 or pid == os.getpid()):
            raise ValueError("kill-at needs the pid of the client")
        match, path = wanted.get("match", "*"), wanted.get("path", "*")
        trap = Trap(self._next, kind, when, int(wanted.get("call", 1)), match, path, pid, wanted.get("account"))
        self._next += 1
        self.set_up.append(trap)
        return trap

    def clear(self) -> None:
        for trap in self.set_up:
            trap.released.set()
        self.set_up.clear()

    def release(self, wanted: int | None) -> int:
        due = [t for t in self.set_up if t.kind == "hold" and wanted in (None, t.id) and not t.released.is_set()]
        for trap in due:
            trap.released.set()
        return len(due)

    def arrived(self, request: Request, access_key: str) -> list[Trap]:
        """Counts the call; the traps that it walks into."""
        name = request.operation.full_name
        caught = []
        for trap in self.set_up:
            if trap.account not in (None, access_key):
                continue
            is_meant = fnmatchcase(name, trap.match) and fnmatchcase(request.raw_path, trap.path)
            if trap.seq is None and not trap.released.is_set() and is_meant:
                trap.seen += 1
                if trap.seen == trap.call:
                    trap.seq = request.call.seq
                    caught.append(trap)
        return caught

    def kill(self, trap: Trap) -> None:
        assert trap.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(trap.pid, signal.SIGKILL)
        self._settled_at = asyncio.get_running_loop().time() + SETTLE

    async def settled(self) -> None:
        wait = self._settled_at - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
