"""The SQLite file alone: what other programs do to its tables."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.store.sqlite import SQLiteStore


@pytest.mark.parametrize("dropped", ["TABLE clock", "TABLE actions", "INDEX events_key"])
def test_what_somebody_dropped_is_made_anew(tmp_path: Path, dropped: str) -> None:
    store = SQLiteStore(tmp_path / "otto.db")
    store.put("events", [{"bot_id": "a", "revision": 1}])
    with sqlite3.connect(tmp_path / "otto.db") as connection:
        connection.execute(f"DROP {dropped}")
    connection.close()
    for number in (2, 3):
        with suppress(StoreUnavailable):  # it is noticed by the first operation that needs it
            store.put("events", [{"bot_id": "a", "revision": number}])
            store.put("actions", [{"action_id": str(number)}])
    store.put("events", [{"bot_id": "a", "revision": 3}])
    assert [one["revision"] for one in store.find("events")][-1] == 3
    assert store.find("actions", {"action_id": "3"})
    store.close()
