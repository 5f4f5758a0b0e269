"""A folder is at rest after a twentieth of a second here, not after almost half of one."""

from __future__ import annotations

import pytest

from otto_reconcile.sources import watching


@pytest.fixture(autouse=True)
def _soon_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "QUIET", 0.05)
    monkeypatch.setattr(watching, "RECHECK", 0.1)
