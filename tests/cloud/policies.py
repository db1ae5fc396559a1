"""A small reading of IAM policies: enough to say whether a role may do something at all.

Conditions are taken as met. The question here is the one that Lambda and EventBridge Scheduler ask before they
accept a role, which is about actions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def document(text: Any) -> dict[str, Any]:
    """A policy as IAM gives it back: percent-encoded JSON, or decoded already."""
    if isinstance(text, dict):
        return text
    try:
        parsed = json.loads(text if str(text).lstrip().startswith("{") else unquote(str(text)))
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return [s for s in listed(policy.get("Statement")) if isinstance(s, dict)]


def _matches(patterns: Any, value: str, fold: bool = False) -> bool:
    if fold:
        value = value.lower()
    return any(fnmatchcase(value, str(p).lower() if fold else str(p)) for p in listed(patterns))


def trusts(trust_policy: dict[str, Any], service: str) -> bool:
    for statement in statements(trust_policy):
        principal = statement.get("Principal")
        named = principal == "*" or (
            isinstance(principal, dict) and (service in listed(principal.get("Service")) or "*" in listed(principal.get("AWS")))
        )
        if named and statement.get("Effect") == "Allow" and _matches(statement.get("Action"), "sts:AssumeRole", fold=True):
            return True
    return False


def allows(policies: Iterable[dict[str, Any]], action: str, resource: str) -> bool:
    """Whether identity policies allow it: one Allow, no Deny."""
    allowed = False
    for policy in policies:
        for statement in statements(policy):
            covers = _matches(statement["Action"], action, fold=True) if "Action" in statement else not _matches(statement.get("NotAction"), action, fold=True)
            if "Resource" in statement:
                # A pattern as resource ("*" asked for) is a question about
                # the action alone.
                covers = covers and (resource == "*" or _matches(statement["Resource"], resource))
            elif "NotResource" in statement:
                covers = covers and not _matches(statement["NotResource"], resource)
            if covers and statement.get("Effect") == "Deny" and resource != "*":
                return False
            allowed = allowed or (covers and statement.get("Effect") == "Allow")
    return allowed


def admits(policy: dict[str, Any], service: str, action: str, source_arn: str, source_account: str) -> bool:
    """Whether a resource policy lets a service in on behalf of this source."""
    for statement in statements(policy):
        principal = statement.get("Principal")
        named = principal == "*" or (isinstance(principal, dict) and (
            service in listed(principal.get("Service")) or "*" in listed(principal.get("AWS"))))
        if not named or statement.get("Effect") != "Allow" or not _matches(statement.get("Action"), action, fold=True):
            continue
        wanted: dict[str, list[Any]] = {}
        for clause in (statement.get("Condition") or {}).values():
            for key, value in clause.items():
                wanted.setdefault(key.lower(), []).extend(listed(value))
        if "aws:sourcearn" in wanted and not _matches(wanted["aws:sourcearn"], source_arn):
            continue
        if "aws:sourceaccount" in wanted and source_account not in wanted["aws:sourceaccount"]:
            continue
        return True
    return False
