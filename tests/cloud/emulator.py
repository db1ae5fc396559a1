"""ministack with what it lacks inside: an alias with weights sends each call to one of its versions. What Lambda knows
of event source mappings is in sources.py, what becomes of the processes of functions in workers.py.

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

from ministack.services import lambda_svc  # noqa: E402

_invoking: contextvars.ContextVar[bool] = contextvars.ContextVar("invoking", default=False)
_by_qualifier = lambda_svc._effective_func_record_for_qualifier
_by_reference = lambda_svc._get_func_record_for_ref
_invoke = lambda_svc._invoke


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


def load(name: str) -> None:
    """Runs another part of this: our folder is no place to import from."""
    spec = importlib.util.spec_from_file_location(f"inside_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec and spec.loader
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


load("sources")
load("workers")
lambda_svc._effective_func_record_for_qualifier = effective_record
lambda_svc._get_func_record_for_ref = record_for_reference
lambda_svc._invoke = invoke

if __name__ == "__main__":
    from ministack.app import main

    main()
