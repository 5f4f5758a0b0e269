"""The public API: the names that are promised, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import otto_reconcile

NAMES = [
    "Action", "Attachment", "Bot", "Change", "Conflict", "DesiredState", "Guarded", "InvalidInput",
    "NotFound", "Operation", "OttoError", "PermanentError", "Plan", "Policy", "Port", "Problem",
    "Ref", "Resource", "RestPort", "Settings", "SettingsError", "Snapshot", "Source", "Store",
    "StoreUnavailable", "TargetRefused", "TargetUnavailable", "TemporaryError", "attach",
    "dump_manifests", "load_manifests", "observe", "open_store", "plan", "snapshot_of",
]  # fmt: skip
"""Frozen: programs import these. A name may be added, but none removed or renamed."""
ROOT = Path(__file__).parents[2]


def test_the_exported_names_are_those_that_were_promised() -> None:
    assert sorted(otto_reconcile.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(otto_reconcile))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there_and_has_a_text(name: str) -> None:
    assert getattr(otto_reconcile, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'bots'"):
        _ = otto_reconcile.bots


def test_importing_the_package_imports_nothing_else_of_it() -> None:
    code = (
        "import otto_reconcile, sys;"
        "print(sorted(m for m in sys.modules if m.startswith('otto_reconcile.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
