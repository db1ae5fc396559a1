"""The page about the practice cloud says what is so."""

from __future__ import annotations

from cloud.control import _ROUTES
from cloud.faults import FAULTS
from cloud.settings import settings_table
from conftest import HERE

PAGE = (HERE.parent.parent / "docs" / "practice-cloud.md").read_text()


def test_the_table_of_settings_is_the_one_in_force() -> None:
    # tests/cloud/start.sh --settings-table prints what belongs there.
    assert settings_table() in PAGE


def test_every_endpoint_and_fault_is_described() -> None:
    missing = [f"{method} {path}" for method, path in _ROUTES if f"`{method} {path}`" not in PAGE]
    missing += [fault for fault in FAULTS if f"`{fault}`" not in PAGE]
    assert not missing
