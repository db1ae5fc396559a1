"""When the practice cloud ends: on a signal, with its parent, or with its standard input."""

from __future__ import annotations

import asyncio
import os
import signal
import sys


def ended(until_stdin_closes: bool) -> asyncio.Future[None]:
    """A future that is done when the cloud is to end. Call it before anything is started."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[None] = loop.create_future()

    def finish() -> None:
        if not end.done():
            end.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, finish)

    # A parent that was SIGKILLed cannot tell us, but we are then given to
    # another one. Asked for twice a second: PR_SET_PDEATHSIG would fire when
    # the *thread* that started us ends, which in a test harness is too early.
    parent = os.getppid()

    def watch_parent() -> None:
        if os.getppid() != parent:
            finish()
        else:
            loop.call_later(0.5, watch_parent)

    watch_parent()

    if until_stdin_closes:
        descriptor = sys.stdin.fileno()

        def readable() -> None:
            if not os.read(descriptor, 65536):
                loop.remove_reader(descriptor)
                finish()

        try:
            loop.add_reader(descriptor, readable)
        except PermissionError:
            # A regular file or /dev/null cannot be polled: it is at its end already.
            finish()
    return end
