"""The SQLite file alone: what other programs do to its tables."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.store import sqlite
from otto_reconcile.store.collections import COLLECTIONS
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


@pytest.mark.parametrize("name", sorted(c.name for c in COLLECTIONS.values() if c.own))
@pytest.mark.parametrize("opened", [True, False], ids=["running", "stopped"])
def test_a_key_that_two_records_have_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, opened: bool
) -> None:
    """The first stays, and the other is kept beside: nothing is thrown away."""
    key = {field: 1 if field == "revision" else "a" for field in COLLECTIONS[name].keys}
    store = SQLiteStore(tmp_path / "otto.db")
    store.put(name, [{**key, "is": "first"}])
    if not opened:
        store.close()
    with sqlite3.connect(tmp_path / "otto.db") as connection:
        connection.execute(f"DROP INDEX {name}_key")
        again = json.dumps({**key, "is": "second"})
        connection.execute(f"INSERT INTO {name} (document) VALUES (?)", [again])
    connection.close()
    if not opened:
        store = SQLiteStore(tmp_path / "otto.db")
    for _ in range(2):
        with suppress(StoreUnavailable):  # it is noticed by the first operation that needs it
            store.put(name, [{**key, "is": "third"}])
    store.put(name, [{**key, "is": "last"}])
    assert [one["is"] for one in store.find(name)] == ["last"]
    store.close()
    with sqlite3.connect(tmp_path / "otto.db") as connection:
        aside = connection.execute("SELECT collection, document FROM set_aside").fetchall()
    connection.close()
    assert [(of, json.loads(document)["is"]) for of, document in aside] == [(name, "second")]
    assert "set_aside" in caplog.text


def elsewhere(file: Path, *statements: str) -> list[str]:
    """What another process does to the file: it opens it, asks, and closes it."""
    code = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for statement in sys.argv[2:]:\n"
        "    print(connection.execute(statement).fetchall())\n"
        "connection.close()\n"
    )
    command = [sys.executable, "-c", code, str(file), *statements]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.process
def test_write_after_a_new_connection_is_there_for_others(tmp_path: Path) -> None:
    """To open and close the file beside SQLite would drop its locks on it (POSIX)."""
    file, until = tmp_path / "otto.db", threading.Event()
    store = SQLiteStore(file)
    store.put("bots", [{"bot_id": "first"}])
    changes = store.changes(until)
    assert changes is not None
    following = threading.Thread(target=lambda: list(changes))
    following.start()
    try:
        elsewhere(file, "DROP TABLE evaluations")
        for _ in range(2):
            with suppress(StoreUnavailable):
                store.find("evaluations")
        elsewhere(file, "SELECT count(*) FROM bots")
        SQLiteStore(file).close()  # another one in this process drops no lock either
        elsewhere(file, "SELECT count(*) FROM bots")
        for number in range(5):
            store.put("bots", [{"bot_id": f"bot-{number}"}])
        assert elsewhere(file, "SELECT count(*) FROM bots") == ["[(6,)]"]
        assert file.with_name("otto.db-wal").exists()
    finally:
        until.set()
        following.join(10)
        store.close()
    again = SQLiteStore(file)
    assert len(again.find("bots")) == 6
    again.close()


@pytest.mark.process
def test_a_file_that_is_cut_off_is_noticed_by_who_has_it_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that were read once are kept in memory, and would hide it for ever."""
    file = tmp_path / "otto.db"
    store = SQLiteStore(file)
    store.put("bots", [{"bot_id": f"b{n}", "text": "x" * 2000} for n in range(100)])
    elsewhere(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert len(store.find("bots")) == 100
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
    monkeypatch.setattr(sqlite, "_FRESH", 0.0)
    with pytest.raises(StoreUnavailable, match="the file is damaged"):
        store.find("bots")
    store.close()
