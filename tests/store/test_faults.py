"""Files that cannot be used, disks that are full, servers that stop, processes that are killed."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otto_reconcile.errors import OttoError, PermanentError, SettingsError, StoreUnavailable
from otto_reconcile.settings import Settings
from otto_reconcile.store import mongo, open_store
from otto_reconcile.store.memory import MemoryStore
from otto_reconcile.store.mongo import MongoStore
from otto_reconcile.store.sqlite import SQLiteStore
from tests.wire.server import NotRunnable, Server, own_server, skip_or_fail

pytestmark = pytest.mark.process

Open = Callable[[Path], SQLiteStore]

SWAPPER = """
import sys
from pathlib import Path
from otto_reconcile.store.sqlite import SQLiteStore
store = SQLiteStore(Path(sys.argv[1]))
print("ready", flush=True); sys.stdin.readline()
for _ in range(200):
    token = store.find("leases")[0]["token"]
    if store.swap("leases", {"target": "t", "token": token}, {"token": token + 1}):
        print(token, flush=True)
"""

WRITER = """
import sys
from pathlib import Path
from otto_reconcile.store.sqlite import SQLiteStore
store = SQLiteStore(Path(sys.argv[1]))
n = int(sys.argv[2])
while True:
    store.insert("events", [{"bot_id": "b", "revision": n}])
    print(n, flush=True)
    n += 1
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def at() -> Iterator[Callable[[Path], SQLiteStore]]:
    """Opens stores that are closed at the end."""
    with contextlib.ExitStack() as stack:

        def open_at(file: Path) -> SQLiteStore:
            store = SQLiteStore(file)
            stack.callback(store.close)
            return store

        yield open_at


def test_of_two_processes_each_generation_has_one_winner(tmp_path: Path, at: Open) -> None:
    file = tmp_path / "otto.db"
    store = at(file)
    store.insert("leases", [{"target": "t", "token": 0}])
    with start(SWAPPER, file) as one, start(SWAPPER, file) as two:
        for process in (one, two):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=60)[0].split() for process in (one, two)]
    replaced = sorted(int(word) for output in outputs for word in output)
    assert replaced == list(range(store.find("leases")[0]["token"]))
    assert all(outputs)


def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path, at: Open) -> None:
    file = tmp_path / "otto.db"
    acknowledged: list[int] = []
    for _ in range(4):
        with start(WRITER, file, (acknowledged or [0])[-1] + 2) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(20)]
            process.kill()
            lines += process.stdout.readlines()
        acknowledged += [int(line) for line in lines if line.endswith("\n")]
    found = {document["revision"] for document in at(file).find("events")}
    assert len(acknowledged) >= 80
    assert set(acknowledged) <= found


def test_the_file_and_its_directory_are_closed_to_others(tmp_path: Path, at: Open) -> None:
    store = at(tmp_path / "data" / "otto.db")
    store.insert("events", [{"bot_id": "a", "revision": 1}])
    modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in (tmp_path / "data").iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_directory_in_place_of_the_file(tmp_path: Path, at: Open) -> None:
    (tmp_path / "otto.db").mkdir()
    with pytest.raises(SettingsError, match="is a directory"):
        at(tmp_path / "otto.db")


def test_a_data_directory_that_is_a_file(tmp_path: Path, at: Open) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(SettingsError, match=r"cannot use .*otto\.db"):
        at(tmp_path / "data" / "otto.db")


FORBIDDEN = """
import os, sys
from pathlib import Path
from otto_reconcile.errors import SettingsError
from otto_reconcile.store.sqlite import SQLiteStore
if os.geteuid() == 0:
    os.setuid(65534)  # root may write everywhere
try:
    SQLiteStore(Path(sys.argv[1]))
except SettingsError as error:
    print(error, "|", error.hint)
"""


def test_no_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with start(FORBIDDEN, tmp_path / "data" / "otto.db") as process:
        output = process.communicate(timeout=60)[0]
    assert "Permission denied | name a directory" in output


def test_a_file_of_something_else(tmp_path: Path, at: Open) -> None:
    (tmp_path / "otto.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreUnavailable, match="is not a store"):
        at(tmp_path / "otto.db")
    assert (tmp_path / "otto.db").read_bytes().startswith(b"this is no database")


def test_a_damaged_file(tmp_path: Path, at: Open) -> None:
    file = tmp_path / "otto.db"
    store = at(file)
    store.insert("events", [{"bot_id": "a", "revision": n, "t": "x" * 500} for n in range(500)])
    store.close()
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="damaged"):
        at(file).find("events")


def test_a_file_of_an_older_release_gets_its_tables(tmp_path: Path, at: Open) -> None:
    store = at(tmp_path / "a.db")
    store.insert("events", [{"bot_id": "b", "revision": 1}])
    store.close()
    for name in ("folders", "evaluations"):  # of the same version, before there were these
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            connection.execute(f"DROP TABLE {name}")
        older = at(tmp_path / "a.db")
        assert older.find(name) == []
        assert [event["revision"] for event in older.find("events")] == [1]
        older.close()


def test_a_file_of_a_newer_version(tmp_path: Path, at: Open) -> None:
    at(tmp_path / "otto.db").close()
    with sqlite3.connect(tmp_path / "otto.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SettingsError, match="newer otto-reconcile"):
        at(tmp_path / "otto.db")


def test_a_file_that_was_taken_away_is_not_written_any_more(tmp_path: Path, at: Open) -> None:
    store = at(tmp_path / "otto.db")
    store.insert("events", [{"bot_id": "a", "revision": 1}])
    for file in tmp_path.iterdir():
        file.unlink()
    store.insert("events", [{"bot_id": "b", "revision": 1}])
    assert [d["bot_id"] for d in at(tmp_path / "otto.db").find("events")] == ["b"]


def _a_directory(folder: Path) -> None:
    (folder / "otto.db").mkdir()


def _no_directory(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("a file where the directory was")


def _a_newer_file(folder: Path) -> None:
    with sqlite3.connect(folder / "otto.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("harm", [_a_directory, _no_directory, _a_newer_file])
def test_a_place_that_goes_bad_after_it_was_opened_is_an_outage(
    tmp_path: Path, at: Open, harm: Callable[[Path], None]
) -> None:
    folder = tmp_path / "data"
    store = at(folder / "otto.db")
    store.insert("events", [{"bot_id": "a", "revision": 1}])
    for file in folder.iterdir():
        file.rename(tmp_path / file.name)
    harm(folder)
    changes = store.changes(threading.Event())
    assert changes is not None
    for asked in (lambda: store.find("events"), store.ping, lambda: next(changes)):
        with pytest.raises(StoreUnavailable) as raised:
            asked()
        assert str(folder) in str(raised.value)
    with pytest.raises(SettingsError):
        at(folder / "otto.db")
    _clear(folder)
    folder.mkdir()
    for file in tmp_path.glob("otto.db*"):
        file.rename(folder / file.name)
    assert [d["bot_id"] for d in store.find("events")] == ["a"]


def _clear(folder: Path) -> None:
    shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


FULL = """
import resource, signal, sys
from pathlib import Path
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.store.sqlite import SQLiteStore
store = SQLiteStore(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
written = 0
try:
    while True:
        document = {"bot_id": "b", "revision": written, "text": "x" * 20000}
        store.insert("events", [document])
        written += 1
except StoreUnavailable as error:
    print("said", error, "|", error.hint)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert len(store.find("events")) == written, "something was lost"
store.insert("events", [{"bot_id": "after", "revision": 1}])
print("recovered", written)
"""


def test_a_full_disk_is_said_and_survived(tmp_path: Path, at: Open) -> None:
    with start(FULL, tmp_path / "otto.db") as process:
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    assert "said the store" in output
    assert "recovered" in output
    assert len(at(tmp_path / "otto.db").find("events")) >= 2


@pytest.mark.parametrize("ended_by", ["close", "event"])
def test_changes_of_another_process_are_noticed(tmp_path: Path, at: Open, ended_by: str) -> None:
    store, over = at(tmp_path / "otto.db"), threading.Event()
    changes = store.changes(over)
    assert changes is not None
    noticed: list[None] = []

    def watch() -> None:
        for change in changes:
            noticed.append(change)

    thread = threading.Thread(target=watch)
    thread.start()
    other = at(tmp_path / "otto.db")
    revisions = iter(range(1, 10_000))

    def write_until_noticed() -> bool:
        other.insert("events", [{"bot_id": "a", "revision": next(revisions)}])
        return bool(noticed)

    until(write_until_noticed)
    store.close() if ended_by == "close" else over.set()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert noticed


def test_what_cannot_be_stored_is_said(tmp_path: Path, at: Open) -> None:
    with pytest.raises(PermanentError, match="cannot be stored"):
        at(tmp_path / "otto.db").insert("events", [{"bot_id": "a", "x": object()}])


@pytest.fixture
def server() -> Iterator[Server]:
    try:
        with own_server() as running:
            yield running
    except NotRunnable as error:
        skip_or_fail(error)


def test_a_server_that_stops_and_comes_back(server: Server) -> None:
    store = MongoStore(f"{server.uri}/?socketTimeoutMS=3000", "otto_test_restart")
    store.insert("events", [{"bot_id": "a", "revision": 1}])
    server.stop()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        store.find("events")
    with pytest.raises(StoreUnavailable):
        store.put("bots", [{"bot_id": "a"}])
    server.start()
    until(lambda: _answers(store))
    store.put("bots", [{"bot_id": "a"}])
    assert store.find("bots") == [{"bot_id": "a"}]
    store.close()


def _answers(store: MongoStore) -> bool:
    try:
        store.ping()
    except StoreUnavailable:
        return False
    return True


def test_a_server_that_is_down_at_start(tmp_path: Path, at: Open) -> None:
    uri = "mongodb://otto:s3cret@127.0.0.1:1/?serverSelectionTimeoutMS=300"
    store = open_store(Settings(data_dir=tmp_path, mongodb_uri=uri))
    with pytest.raises(StoreUnavailable) as raised:
        store.find("bots")
    store.close()
    assert "s3cret" not in f"{raised.value} {raised.value.hint} {store.label}"
    assert "127.0.0.1:1" in str(raised.value)


def test_a_server_that_is_away_is_not_looked_for_by_every_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A start makes twenty calls, and each would wait for seconds."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        uri = f"mongodb://127.0.0.1:{nobody.getsockname()[1]}/?serverSelectionTimeoutMS=200"
        store, asked = MongoStore(uri, "x"), Counter[str]()
        remote = MongoStore._remote
        monkeypatch.setattr(
            MongoStore, "_remote", lambda self, name: asked.update([name]) or remote(self, name)
        )
        monkeypatch.setattr(mongo, "_PAUSE", 3600.0)
        said = set()
        for _ in range(20):
            with pytest.raises(StoreUnavailable) as caught:
                store.insert("bots", [{"bot_id": "a"}])
            said.add(caught.value.message)
        assert asked == {"bots": 1}
        assert len(said) == 1
        assert "does not answer" in said.pop()
        monkeypatch.setattr(store, "_ask_again", 0.0)
        with pytest.raises(StoreUnavailable):
            store.insert("bots", [{"bot_id": "a"}])
        assert asked == {"bots": 2}
        store.close()


@pytest.mark.parametrize("uri", ["mongodb://u:s3cret@h:notaport/", "mongodb://u:s3cr:et@@h/"])
def test_a_uri_that_cannot_be_used(uri: str) -> None:
    with pytest.raises(OttoError) as raised:
        MongoStore(uri, "otto_test_restart").ping()
    assert "s3cr" not in str(raised.value)


def test_open_store_chooses(tmp_path: Path, at: Open) -> None:
    named = Settings(data_dir=tmp_path, mongodb_uri="mongodb://h:1/")
    sorts = []
    for settings in (
        Settings(data_dir=tmp_path / "unused", ephemeral=True),
        Settings(data_dir=tmp_path / "new"),
        named,
    ):
        store = open_store(settings)
        sorts.append(type(store))
        store.close()
    assert sorts == [MemoryStore, SQLiteStore, MongoStore]
    assert [file.name for file in tmp_path.rglob("*.db")] == ["otto.db"]
