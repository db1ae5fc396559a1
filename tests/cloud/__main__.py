"""`python3 -m cloud`: starts ministack and the front, prints one JSON line, runs until told to end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable

from .backend import START_TIMEOUT, Backend
from .front import Front
from .lifetime import ended
from .settings import WEATHERS, Settings, settings_table
from .warm import first_list, warm_up


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cloud", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port of the front on 127.0.0.1 (default: a free one)")
    parser.add_argument("--backend-port", type=int, default=0, help="port of ministack (default: a free one)")
    parser.add_argument("--weather", choices=WEATHERS, default="calm")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help="one setting; may be repeated")
    parser.add_argument("--account", default="123456789012")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--auth", action="store_true", help="keys of users may do what their policies say")
    parser.add_argument("--log", metavar="FILE", help="ministack's own output (default: thrown away)")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input is closed")
    parser.add_argument("--settings-table", action="store_true", help="print the settings as Markdown and exit")
    return parser.parse_args(argv)


def parsed_setting(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


async def soon(start: Awaitable[None]) -> None:
    """Whoever waits for the first line must not wait for ever."""
    try:
        await asyncio.wait_for(start, START_TIMEOUT)
    except asyncio.TimeoutError:
        raise SystemExit(f"the emulator did not answer within {START_TIMEOUT:.0f} s of its start") from None


async def run(args: argparse.Namespace) -> None:
    settings = Settings(args.weather)
    settings.change(dict(parsed_setting(text) for text in args.set))
    end = ended(args.until_stdin_closes)
    backend = Backend(account=args.account, region=args.region, auth=args.auth, log=args.log, port=args.backend_port)
    try:
        await backend.start()
        front = Front(backend, settings)
        if settings["latency.enabled"]:
            # Where time is measured, the loading of modules must not be.
            await soon(warm_up(front.world))
        await front.listen(args.port)
        if settings["latency.enabled"]:
            await soon(asyncio.to_thread(first_list, front.url))
            front.record.clear()
        ready = {
            "url": front.url,
            "ministack": backend.url,
            "pid": os.getpid(),
            "account": args.account,
            "region": args.region,
        }
        print(json.dumps(ready), flush=True)
        await end
        await front.close()
    finally:
        await backend.stop()


def main() -> None:
    args = arguments(sys.argv[1:])
    if args.settings_table:
        print(settings_table())
        return
    asyncio.run(run(args))


main()
