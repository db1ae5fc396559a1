"""ministack as a child: started in a process group of its own and ended with all of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from yarl import URL

START_TIMEOUT = 30.0  # seconds; 0.6 to 1.3 s on an idle machine, far more on a shared one


EMULATOR = str(Path(__file__).with_name("emulator.py"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Backend:
    """The emulator behind the front, and the one connection pool to it."""

    def __init__(self, account: str, region: str, auth: bool, log: str | None, port: int = 0) -> None:
        self.account = account
        self.region = region
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.auth = auth
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._scratch = tempfile.mkdtemp(prefix="hoist-cloud-")
        self.http: aiohttp.ClientSession

    async def start(self) -> None:
        # A clean environment: ministack hands its own to the functions it
        # runs, and a developer's real AWS credentials must not reach them.
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": self._scratch,
            "TMPDIR": self._scratch,
            "LANG": "C.UTF-8",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_ACCOUNT_ID": self.account,
            "MINISTACK_REGION": self.region,
            "AUTH": "true" if self.auth else "false",
            "LOG_LEVEL": "INFO" if self._log else "ERROR",
            # Listeners that nobody here needs, on ports that others may use.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        output = open(self._log, "ab") if self._log else subprocess.DEVNULL
        self._child = subprocess.Popen(
            [sys.executable, EMULATOR],
            env=environment,
            cwd=self._scratch,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        self._guard = self._start_guard(self._child.pid)
        # Shorter than hypercorn's five seconds, so that no request is sent on
        # a connection that is just being closed.
        connector = aiohttp.TCPConnector(limit=256, keepalive_timeout=2.5)
        self.http = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        await self._wait_until_ready()

    def _start_guard(self, group: int) -> subprocess.Popen[bytes]:
        """A shell that ends the group when we are gone, however we went.

        It waits on a pipe whose other end only we hold (`kill -s`: dash takes `-KILL --` amiss), so that not even SIGKILL leaves
        functions running: provided.* bootstraps outlive ministack's own SIGTERM.
        """
        return subprocess.Popen(
            ["/bin/sh", "-c", 'read -r never; kill -s KILL -- "-$1"; rm -rf "$2"', "guard", str(group), self._scratch],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    async def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            if self._child is None or self._child.poll() is not None:
                raise SystemExit("ministack ended while starting; --log FILE shows why")
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
                async with self.http.get(self.url + "/_ministack/health", timeout=aiohttp.ClientTimeout(total=2)) as answer:
                    if answer.status == 200:
                        return
            if time.monotonic() > deadline:
                raise SystemExit(f"ministack was not ready after {START_TIMEOUT:.0f} s")
            await asyncio.sleep(0.05)

    async def reset(self) -> None:
        async with self.http.post(self.url + "/_ministack/reset") as answer:
            answer.raise_for_status()
            await answer.read()

    def target(self, raw_path: str) -> URL:
        """The URL of a path exactly as it came: percent-encoding is part of what was signed."""
        return URL(self.url + raw_path, encoded=True)

    async def stop(self) -> None:
        if hasattr(self, "http"):
            await self.http.close()
        child, guard = self._child, self._guard
        if child is not None:
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.to_thread(child.wait), 1.0)
            self._signal_group(signal.SIGKILL)
            await asyncio.to_thread(child.wait)
        if guard is not None:
            guard.kill()
            guard.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _signal_group(self, number: signal.Signals) -> None:
        assert self._child is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)
