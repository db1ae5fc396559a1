"""The processes that ministack runs functions in, with what it lacks: a call during which its function is changed, or one
of that name in another account, is answered, and what a call prints is in its log however busy the machine is.
"""

from __future__ import annotations

import os
import select
import threading
import weakref
from subprocess import Popen
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

_kill_workers = lambda_runtime.kill_workers
_release_worker = lambda_runtime.release_worker
_invalidate_worker = lambda_runtime.invalidate_worker
_spawn = lambda_runtime.Worker._spawn
_drain = lambda_runtime.Worker._drain_stderr_bounded

_printed: weakref.WeakKeyDictionary[Popen[str], bytearray] = weakref.WeakKeyDictionary()
_taking = threading.Lock()


def kill_workers(workers: list[lambda_runtime.Worker | None]) -> None:
    """Ends those that serve nobody. One that begins or answers ends when it is released, as on AWS a call goes on
    with what its function was."""
    idle = [worker for worker in workers if worker is not None and worker._lock.acquire(blocking=False)]
    try:
        _kill_workers(idle)
    finally:
        for worker in idle:
            worker._lock.release()


def release_worker(worker: lambda_runtime.Worker | None) -> None:
    _release_worker(worker)
    with lambda_runtime._lock:
        kept = any(worker in pool for pool in lambda_runtime._workers.values())
    if not kept:
        kill_workers([worker])


def invalidate_worker(name: str, qualifier: str | None = None, account: str | None = None, region: str | None = None) -> None:
    """Of the caller's account and region only, also where ministack names none."""
    _invalidate_worker(name, qualifier, account or lambda_svc.get_account_id(), region or lambda_svc.get_region())


def take(process: Popen[str]) -> bool:
    """Adds what stands in the pipe to what the process printed. Whether it may print more."""
    assert process.stderr is not None
    pipe = process.stderr.fileno()
    os.set_blocking(pipe, False)
    with _taking:
        printed = _printed.setdefault(process, bytearray())
        try:
            while part := os.read(pipe, 1 << 16):
                printed += part
        except BlockingIOError:
            return True
    return False


def read_stderr(worker: Any) -> None:
    """Keeps the pipe from filling while a call takes its time."""
    process = worker._proc
    pipe = select.poll()
    pipe.register(process.stderr, select.POLLIN)
    while take(process):
        pipe.poll()


def spawn(worker: Any) -> None:
    _spawn(worker)
    worker.printing = worker._proc


def drain(worker: Any, *waits: float, **named: float) -> str:
    """What was printed since the last call. A process prints before it answers, so that nothing has to be waited for;
    ministack gives up after 50 ms of a thread that may not have had its turn, and the next call gets the lines."""
    process = getattr(worker, "printing", None)
    if process is None:
        return _drain(worker, *waits, **named)
    take(process)
    with _taking:
        printed = _printed.pop(process)
    return printed.decode(errors="replace").rstrip("\n")


lambda_runtime.kill_workers = kill_workers
lambda_svc.invalidate_worker = invalidate_worker
lambda_svc.release_worker = release_worker
lambda_runtime.Worker._read_stderr = read_stderr
lambda_runtime.Worker._spawn = spawn
lambda_runtime.Worker._drain_stderr = lambda_runtime.Worker._drain_stderr_bounded = drain
