"""ministack with what it lacks inside: an alias with weights sends each call to one of its versions, and a call during
which its function is changed, or one of that name in another account, is answered. What Lambda knows of event source
mappings is in sources.py.

Run by backend.py in place of `python -m ministack`. From outside this could not be mended: function URLs, APIs and
topics invoke from within.
"""

from __future__ import annotations

import contextvars
import importlib.util
import random
import sys
from pathlib import Path
from typing import Any

# Our own folder must not lend its names to ministack.
sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

from ministack.core import lambda_runtime  # noqa: E402
from ministack.services import lambda_svc  # noqa: E402

_invoking: contextvars.ContextVar[bool] = contextvars.ContextVar("invoking", default=False)
_by_qualifier = lambda_svc._effective_func_record_for_qualifier
_by_reference = lambda_svc._get_func_record_for_ref
_invoke = lambda_svc._invoke
_kill_workers = lambda_runtime.kill_workers
_release_worker = lambda_runtime.release_worker
_invalidate_worker = lambda_runtime.invalidate_worker


def drawn(function: dict[str, Any] | None, qualifier: str | None) -> str | None:
    """The version that serves the next call of an alias with weights; any other qualifier as it is."""
    alias = (function or {}).get("aliases", {}).get(qualifier)
    weights: dict[str, float] = ((alias or {}).get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    point = random.random()
    for version, weight in weights.items():
        if point < weight:
            return version
        point -= weight
    return alias["FunctionVersion"] if weights and alias else qualifier


def effective_record(function: dict[str, Any] | None, qualifier: str | None) -> Any:
    return _by_qualifier(function, drawn(function, qualifier) if _invoking.get() else qualifier)


def record_for_reference(reference: str) -> Any:
    token = _invoking.set(True)
    try:
        return _by_reference(reference)
    finally:
        _invoking.reset(token)


async def invoke(name: str, event: Any, headers: Any, path_qualifier: str | None = None, query_params: Any = None) -> Any:
    given = path_qualifier or lambda_svc._qp_first(query_params or {}, "Qualifier") or None
    return await _invoke(name, event, headers, drawn(lambda_svc._functions.get(name), given), query_params)


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


def load(name: str) -> None:
    """Runs another part of this: our folder is no place to import from."""
    spec = importlib.util.spec_from_file_location(f"inside_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec and spec.loader
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


load("sources")
lambda_runtime.kill_workers = kill_workers
lambda_svc.invalidate_worker = invalidate_worker
lambda_svc.release_worker = release_worker
lambda_svc._effective_func_record_for_qualifier = effective_record
lambda_svc._get_func_record_for_ref = record_for_reference
lambda_svc._invoke = invoke

if __name__ == "__main__":
    from ministack.app import main

    main()
