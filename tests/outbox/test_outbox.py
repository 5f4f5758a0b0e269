"""The outbox of writes that wait for the store: what is in it survives, and is written once."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.desired import Source
from otto_reconcile.errors import SettingsError, StoreUnavailable
from otto_reconcile.model import Bot
from otto_reconcile.outbox import FILE, UNSAVED, Kept, Outbox, Pending
from otto_reconcile.outbox import table as table_module
from otto_reconcile.outbox.table import EntryTable
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.audit import Record
from otto_reconcile.runtime.data_dir import JOURNAL_FILE
from otto_reconcile.store.memory import MemoryStore
from tests.otto.maker import Away

AWAY = Stores.over(Away())  # type: ignore[arg-type]


@pytest.fixture
def stores() -> Stores:
    return Stores.over(MemoryStore())


def a_bot(name: str = "Clerk", **fields: Any) -> Bot:
    return Bot(id=name.lower(), name=name, **fields)


def pending(bot: Bot, expect: int | None = 0, session: str = "s1") -> Pending:
    return Pending(bot.id, bot, expect, Source("otto", session=session), "otto", now())


def now() -> datetime:
    return datetime.now(UTC)


def ids(folder: Path) -> list[str]:
    return [entry_id for entry_id, _ in EntryTable(folder / FILE).rows()]


def names(stores: Stores, bot_id: str) -> list[str]:
    events = stores.desired.history(bot_id)[::-1]
    return [event.bot.name if event.bot is not None else "" for event in events]


def test_a_store_that_answers_has_it_at_once(stores: Stores, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    assert outbox.put(pending(a_bot()), stores.desired) == Kept(saved=True)
    assert not outbox.waiting
    assert ids(tmp_path) == []
    assert names(stores, "clerk") == ["Clerk"]


def test_nothing_of_what_is_saved_stays_in_the_file(stores: Stores, tmp_path: Path) -> None:
    secret = "no-longer-needed"
    outbox = Outbox(tmp_path)
    outbox.put(pending(a_bot(description=secret)), None)
    assert secret.encode() in (tmp_path / FILE).read_bytes()
    outbox.drain(stores.desired, stores.audit)
    assert secret.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_write_that_fails_as_nobody_foresaw_waits_as_any_other(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(type(stores.desired), "put", lambda *args, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            outbox.put(pending(a_bot()), stores.desired)
    assert outbox.waiting
    assert outbox.drain(stores.desired, stores.audit).saved == ("clerk",)
    assert names(stores, "clerk") == ["Clerk"]


def test_write_that_keeps_failing_is_set_aside(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path)
    put = type(stores.desired).put

    def fails(desired: Any, bot: Bot, **options: Any) -> Any:
        return 1 / 0 if bot.id == "odd" else put(desired, bot, **options)

    for name in ("Odd", "Clerk"):
        outbox.put(pending(a_bot(name)), None)
    with monkeypatch.context() as patch:
        patch.setattr(type(stores.desired), "put", fails)
        drained = outbox.drain(stores.desired, stores.audit)
    assert drained.saved == ("clerk",)
    assert "ZeroDivisionError" in drained.problems[0]
    assert not outbox.waiting
    (kept,) = (tmp_path / UNSAVED).iterdir()
    assert json.loads(kept.read_text())["bot"]["name"] == "Odd"


def test_entry_the_store_did_not_take_is_in_the_next_process(
    stores: Stores, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path)
    assert outbox.put(pending(a_bot(description='"{}" \n é')), AWAY.desired) == Kept(saved=False)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    outbox = Outbox(tmp_path)
    with pytest.raises(StoreUnavailable):
        outbox.drain(AWAY.desired, AWAY.audit)
    assert outbox.waiting
    assert outbox.drain(stores.desired, stores.audit).saved == ("clerk",)
    assert not Outbox(tmp_path).waiting
    assert stores.desired.get("clerk").bot.description == '"{}" \n é'


def test_draining_again_after_a_crash_writes_nothing_twice(stores: Stores, tmp_path: Path) -> None:
    """The file as it is when the process dies after the store's write, before the crossing out."""
    outbox = Outbox(tmp_path)
    outbox.put(pending(a_bot()), AWAY.desired)
    text = (tmp_path / FILE).read_bytes()
    outbox.drain(stores.desired, stores.audit)
    stores.desired.put(a_bot(name="Clerk", description="newer"), source=Source("cli"), actor="me")
    (tmp_path / FILE).write_bytes(text)
    drained = Outbox(tmp_path).drain(stores.desired, stores.audit)
    assert drained.problems == ()
    assert names(stores, "clerk") == ["Clerk", "Clerk"]
    assert stores.desired.get("clerk").bot.description == "newer"


def test_several_writes_of_a_bot_keep_their_order(stores: Stores, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(pending(a_bot()), AWAY.desired)
    changed = a_bot().model_copy(update={"name": "Changed"})
    # The store is back already, but the first is not in it yet.
    assert outbox.put(pending(changed, None), stores.desired) == Kept(saved=False)
    gone = Pending("clerk", None, None, Source("otto", session="s1"), "otto", now())
    outbox.put(gone, stores.desired)
    assert names(stores, "clerk") == []
    assert outbox.drain(stores.desired, stores.audit).saved == ("clerk",)
    assert names(stores, "clerk") == ["Clerk", "Changed", ""]


def test_entry_that_cannot_be_read_is_counted_and_stays(stores: Stores, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(pending(a_bot("First")), AWAY.desired)
    deep, number = "[" * 200_000, {**pending(a_bot()).to_document(), "id": 7}
    odd = {"odd": b"\xff{not json}", "newer": '{"do": "dance"}', "deep": deep}
    EntryTable(tmp_path / FILE).add([*odd.items(), ("number", json.dumps(number))])
    outbox.put(pending(a_bot("Second")), AWAY.desired)
    outbox = Outbox(tmp_path)
    assert outbox.damaged == 4
    assert outbox.drain(stores.desired, stores.audit).saved == ("first", "second")
    assert ids(tmp_path) == ["odd", "newer", "deep", "number"]


@pytest.mark.parametrize("length", [0, 7, 1000, 4096, 9000])
def test_file_cut_anywhere_stops_nothing(stores: Stores, tmp_path: Path, length: int) -> None:
    Outbox(tmp_path).put(pending(a_bot(description="x" * 9000)), AWAY.desired)
    whole = (tmp_path / FILE).read_bytes()
    assert len(whole) > length
    (tmp_path / FILE).write_bytes(whole[:length])
    (tmp_path / FILE).chmod(0o644)
    if length:
        (tmp_path / f"{FILE}-journal").write_bytes(b"left by a process that was killed")
    outbox = Outbox(tmp_path)
    assert outbox.put(pending(a_bot()), stores.desired).saved
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / f"{FILE}-journal").exists()
    kept = [path.read_bytes() for path in (tmp_path / UNSAVED).glob("*.db")]
    assert kept == ([whole[:length]] if length else [])
    assert [f"{FILE[:6]}-" in said for said in Outbox(tmp_path).unsaved()] == [True] * len(kept)


def test_file_damaged_while_in_use_is_begun_anew(stores: Stores, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(pending(a_bot("First")), None)
    (tmp_path / FILE).write_bytes(b"garbage" * 1000)
    outbox.put(pending(a_bot("Second")), None)
    assert len(outbox.unsaved()) == 1
    again = Outbox(tmp_path)
    assert again.drain(stores.desired, stores.audit).saved == ("first", "second")
    assert ids(tmp_path) == []


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", ["copy2", "replace"])
def test_process_that_dies_while_it_begins_anew_loses_nothing(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    outbox = Outbox(tmp_path)
    for number in range(100):
        outbox.put(pending(a_bot(f"b{number:03}")), None)
    spoil_index(tmp_path / FILE)

    def dies(*args: Any, **options: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*((shutil, at) if at == "copy2" else (Path, at)), dies)
        with pytest.raises(Killed):
            Outbox(tmp_path)
    again = Outbox(tmp_path)
    assert not list(tmp_path.glob("*.new*"))
    assert len(again.pending) == 100
    assert len(again.drain(stores.desired, stores.audit).saved) == 100
    assert ids(tmp_path) == []


def test_what_follows_a_write_under_way_waits_for_it(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, put = Outbox(tmp_path), type(stores.desired).put

    def slow(desired: Any, bot: Bot, **options: Any) -> Any:
        if bot.name == "Clerk":  # meanwhile the customer goes on, and the loop drains
            outbox.put(pending(a_bot().model_copy(update={"name": "Changed"}), None), desired)
            assert outbox.drain(desired, stores.audit).saved == ()
        return put(desired, bot, **options)

    monkeypatch.setattr(type(stores.desired), "put", slow)
    assert outbox.put(pending(a_bot()), stores.desired) == Kept(saved=True)
    assert outbox.drain(stores.desired, stores.audit).saved == ("clerk",)
    assert names(stores, "clerk") == ["Clerk", "Changed"]


def spoil_index(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        where = "SELECT rootpage FROM sqlite_master WHERE type = 'index'"
        root = connection.execute(where).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with file.open("r+b") as opened:
        opened.seek((root - 1) * size)
        opened.write(b"\x00" * size)


def test_what_is_read_of_a_file_with_a_damaged_index_is_saved(
    stores: Stores, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path)
    for number in range(100):
        outbox.put(pending(a_bot(f"b{number:03}")), None)
    spoil_index(tmp_path / FILE)
    outbox = Outbox(tmp_path)
    assert len(outbox.unsaved()) == 1
    assert len(outbox.drain(stores.desired, stores.audit).saved) == 100
    assert ids(tmp_path) == []
    assert not Outbox(tmp_path).waiting


def test_file_that_another_process_holds_keeps_nobody_waiting(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "_BUSY", 0.5)
    outbox = Outbox(tmp_path)
    waiting = pending(a_bot("First"))
    outbox.put(waiting, AWAY.desired)
    with closing(sqlite3.connect(tmp_path / FILE)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(1) as pool:
            noting = pool.submit(outbox.put, pending(a_bot("Second")), stores.desired)
            while not outbox._filing.locked():
                assert not noting.done()
            assert outbox.pending == (waiting,)  # while that one waits for the file
            assert not noting.done()
            with pytest.raises(StoreUnavailable, match="another process"):
                noting.result()
        # What is saved is saved, though it cannot be taken out of the file yet.
        assert outbox.drain(stores.desired, stores.audit).saved == ("first",)
        assert not outbox.waiting
    assert ids(tmp_path) == [waiting.entry_id]
    assert outbox.put(pending(a_bot("Third")), stores.desired).saved
    assert ids(tmp_path) == []


@pytest.mark.parametrize("table", ["", "CREATE TABLE entries (name TEXT)"])
def test_file_with_another_table_stops_nothing(stores: Stores, tmp_path: Path, table: str) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version = 1")
        connection.execute(table)
    outbox = Outbox(tmp_path)
    assert outbox.put(pending(a_bot()), stores.desired).saved
    assert len(outbox.unsaved()) == bool(table)


def test_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SettingsError, match="newer otto-reconcile"):
        Outbox(tmp_path)


def test_file_that_somebody_removed_is_made_again(stores: Stores, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(pending(a_bot("First")), AWAY.desired)
    (tmp_path / FILE).unlink()
    outbox.put(pending(a_bot("Second")), AWAY.desired)
    assert [p.bot_id for p in Outbox(tmp_path).pending] == ["first", "second"]
    assert outbox.drain(stores.desired, stores.audit).saved == ("first", "second")
    assert ids(tmp_path) == []


class TestLegacy:
    """The file of lines that versions until 2026-11 kept."""

    def line(self, entry: Pending) -> bytes:
        return json.dumps(entry.to_document()).encode() + b"\n"

    def test_its_entries_are_moved_and_the_file_is_gone(
        self, stores: Stores, tmp_path: Path
    ) -> None:
        first, second, done = (pending(a_bot(name)) for name in ("First", "Second", "Done"))
        crossed = json.dumps({"do": "done", "id": done.entry_id}).encode() + b"\n"
        lines = self.line(first) + self.line(done) + b"\xff{no json}\n" + self.line(second)
        (tmp_path / JOURNAL_FILE).write_bytes(lines + crossed + self.line(first)[:50])
        outbox = Outbox(tmp_path)
        assert outbox.damaged == 1
        assert not (tmp_path / JOURNAL_FILE).exists()
        assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
        again = Outbox(tmp_path)
        assert again.damaged == 1
        assert again.drain(stores.desired, stores.audit).saved == ("first", "second")

    @pytest.mark.parametrize("line", ["[" * 200_000, '{"id": 7, "do": "write"}', "null", "[]"])
    def test_line_that_is_no_entry_is_kept_and_counted(self, tmp_path: Path, line: str) -> None:
        good = self.line(pending(a_bot()))
        for encoded in (line.encode(), line.encode("utf-16")):
            (tmp_path / JOURNAL_FILE).write_bytes(encoded + b"\n\xef\xbb\xbf" + good)
            outbox = Outbox(tmp_path)
            assert outbox.damaged >= 1
            assert "clerk" in [p.bot_id for p in outbox.pending]

    def test_process_that_died_before_the_file_was_gone_does_it_again(
        self, stores: Stores, tmp_path: Path
    ) -> None:
        data = self.line(pending(a_bot("First"))) + b"torn\n"
        for _ in range(2):
            (tmp_path / JOURNAL_FILE).write_bytes(data)
            outbox = Outbox(tmp_path)
            assert ([p.bot_id for p in outbox.pending], outbox.damaged) == (["first"], 1)

    @pytest.mark.parametrize("length", range(0, 400, 37))
    def test_file_cut_anywhere_opens(self, tmp_path: Path, length: int) -> None:
        whole = self.line(pending(a_bot()))
        (tmp_path / JOURNAL_FILE).write_bytes(whole[:length])
        expected = ["clerk"] if length >= len(whole) else []
        assert [p.bot_id for p in Outbox(tmp_path).pending] == expected

    def test_nothing_is_lost_where_the_table_cannot_be_written(self, tmp_path: Path) -> None:
        data = self.line(pending(a_bot()))
        (tmp_path / JOURNAL_FILE).write_bytes(data)
        (tmp_path / FILE).mkdir()
        with pytest.raises(StoreUnavailable):
            Outbox(tmp_path)
        (tmp_path / FILE).rmdir()
        assert (tmp_path / JOURNAL_FILE).read_bytes() == data


def test_a_name_that_was_taken_meanwhile_is_not_overwritten(stores: Stores, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(pending(a_bot(description="Otto's")), AWAY.desired)
    outbox.put(pending(a_bot(description="Otto's second"), None), AWAY.desired)
    theirs = a_bot(description="a manifest's")
    stores.desired.put(theirs, source=Source("manifest", path="clerk.yaml"), actor="me")
    drained = outbox.drain(stores.desired, stores.audit)
    assert drained.saved == ()
    assert len(drained.problems) == 2
    assert "from clerk.yaml" in drained.problems[0]
    assert stores.desired.get("clerk").bot == theirs
    kept = [json.loads(path.read_text()) for path in (tmp_path / UNSAVED).iterdir()]
    texts = {document["bot"]["description"] for document in kept}
    assert texts == {"Otto's", "Otto's second"}
    assert str(tmp_path / UNSAVED) in drained.problems[0]
    assert not outbox.waiting


def test_the_name_of_a_deleted_bot_is_free(stores: Stores) -> None:
    outbox = Outbox(None)
    outbox.put(pending(a_bot()), stores.desired)
    stores.desired.delete("clerk", source=Source("cli"), actor="me")
    assert outbox.put(pending(a_bot(), 0, "s2"), stores.desired) == Kept(saved=True)
    assert names(stores, "clerk") == ["Clerk", "", "Clerk"]


def test_audit_records_wait_too(stores: Stores, tmp_path: Path) -> None:
    change = {"field": "action", "before": None, "after": "Greet"}
    record = Record(
        "a1", "r1", "target", "clerk", "guideline", "clerk.greet", "create", "PendingChange",
        (change,), 0, now().replace(microsecond=0), 0.25, "succeeded", None,
    )  # fmt: skip
    Outbox(tmp_path).note([record])
    outbox = Outbox(tmp_path)
    assert outbox.waiting
    outbox.drain(stores.desired, stores.audit)
    assert stores.audit.find() == [record]
    assert not Outbox(tmp_path).waiting


def test_unwritable_folder_is_refused_before_anything_happens(
    stores: Stores, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path / "missing")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        outbox.put(pending(a_bot()), stores.desired)
    assert stores.desired.read().bots == {}
    assert not outbox.waiting


def test_same_change_twice_with_another_between_is_all_done(stores: Stores, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    gone = Pending("clerk", None, None, Source("otto", session="s1"), "otto", now())
    for wish in (pending(a_bot()), gone, pending(a_bot(), expect=None)):
        outbox.put(wish, AWAY.desired)
    drained = Outbox(tmp_path).drain(stores.desired, stores.audit)
    assert not drained.problems
    assert names(stores, "clerk") == ["Clerk", "", "Clerk"]


FULL = """
import resource, sys
from pathlib import Path
from otto_reconcile.outbox import Outbox
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.memory import MemoryStore
from tests.outbox.test_outbox import a_bot, pending

folder, stores = Path(sys.argv[1]), Stores.over(MemoryStore())
outbox = Outbox(folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))  # as a disk that is full
try:
    outbox.put(pending(a_bot("Late")), stores.desired)
except StoreUnavailable as error:
    print(error.message.partition(": ")[2])
print(*outbox.drain(stores.desired, stores.audit).saved, outbox.waiting)
"""


@pytest.mark.process
def test_what_waits_is_saved_though_the_disk_is_full(stores: Stores, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for name in ("First", "Second"):
        outbox.put(pending(a_bot(name)), None)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    refused, saved = done.stdout.splitlines()
    assert refused
    assert saved == "first second False"
    # What could not be removed is saved once more by the next process, and is there once.
    assert Outbox(tmp_path).drain(stores.desired, stores.audit).saved == ("first", "second")
    assert ids(tmp_path) == []


@pytest.mark.process
def test_empty_file_is_read_on_a_disk_that_is_full(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    text = FULL.partition("try:")[0].replace("outbox = Outbox(folder)", "")
    code = f"{text}\nprint(Outbox(folder).pending)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("()\n", "")
