"""A store that lost what it had: noticed by what the data directory and the target know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import SettingsError
from otto_reconcile.model import Ref, Term
from otto_reconcile.model.shared import Glossary, UsedBy
from otto_reconcile.reconcile.remembered import Remembered
from otto_reconcile.reconcile.status import Sync
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.events import SCHEMA, refuse_newer
from otto_reconcile.runtime.data_dir import MANAGED_FILE
from otto_reconcile.store.memory import MemoryStore
from otto_reconcile.store.sqlite import SQLiteStore
from tests.reconcile.fakes import Setting, bot

CLI = Source("cli")


def filled(store: SQLiteStore, *names: str) -> DesiredState:
    state = DesiredState(store)
    state.put_many([(bot(name), CLI) for name in names], actor="ann")
    return state


def test_bots_of_which_another_store_has_no_record_are_lost(tmp_path: Path) -> None:
    state = filled(one := SQLiteStore(tmp_path / "one.db"), "a", "b", "c")
    assert Remembered(tmp_path, one).look(state.read()) is None
    state.delete("c", source=CLI, actor="ann")
    assert Remembered(tmp_path, one).look(state.read()) is None  # deleted is not lost
    other = filled(two := SQLiteStore(tmp_path / "two.db"), "b")
    for _ in range(2):
        told = Remembered(tmp_path, two).look(other.read())
        assert told is not None
        assert "has no record of a, which" in told
        assert "one.db" in told
        assert "`otto-reconcile adopt a --manage`" in told
        assert told.endswith("otto-reconcile delete a")
    other.delete("a", source=CLI, actor="ann", unseen=True)
    assert Remembered(tmp_path, two).look(other.read()) is None
    one.close(), two.close()


def test_what_is_shared_is_missed_too(tmp_path: Path) -> None:
    state = filled(one := SQLiteStore(tmp_path / "one.db"), "a")
    state.put(Glossary(id="words", used_by=UsedBy(all=True)), source=CLI, actor="ann")
    assert Remembered(tmp_path, one).look(state.read()) is None
    other = filled(two := SQLiteStore(tmp_path / "two.db"), "a")
    told = Remembered(tmp_path, two).look(other.read()) or ""
    assert "has no record of glossary/words, which" in told
    assert "adopt" not in told
    other.delete("glossary/words", source=CLI, actor="ann", unseen=True)
    assert Remembered(tmp_path, two).look(other.read()) is None
    one.close(), two.close()


def test_bots_written_anew_have_another_past(tmp_path: Path) -> None:
    state = filled(one := SQLiteStore(tmp_path / "one.db"), "a", "b", "c")
    state.suspend("b", True, source=CLI, actor="ann")
    state.delete("c", source=CLI, actor="ann")
    filled(one, "c", "d")
    daemon = Remembered(tmp_path, one)
    assert daemon.look(state.read()) is None
    assert daemon.warnings == ()
    later = Remembered(tmp_path, one)
    state.suspend("b", False, source=CLI, actor="ann")
    assert later.look(state.read()) is None
    assert later.warnings == ()  # it went on from what was seen
    other = filled(two := SQLiteStore(tmp_path / "two.db"), "a", "b", "c", "d")
    after = Remembered(tmp_path, two)
    assert after.look(other.read()) is None
    (warning,) = after.warnings
    assert "another past of a, b, c, d than" in warning
    assert after.look(other.read()) is None
    assert after.warnings == (warning,)  # as long as the process lives
    again = Remembered(tmp_path, two)
    assert again.look(other.read()) is None
    assert again.warnings == ()
    one.close(), two.close()


def test_the_memory_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    state = filled(store := SQLiteStore(tmp_path / "otto.db"), "a")
    (tmp_path / MANAGED_FILE).write_text(json.dumps({"bots": {"a": store.label, "b": "elsewhere"}}))
    daemon = Remembered(tmp_path, store)
    assert "no record of b, " in (daemon.look(state.read()) or "")
    assert daemon.warnings == ()
    store.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"bots": 7}', "\\x00"])
def test_a_damaged_memory_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / MANAGED_FILE).write_text(text)
    store = SQLiteStore(tmp_path / "otto.db")
    assert Remembered(tmp_path, store).look(DesiredState(store).read()) is None
    store.close()


async def test_a_store_emptied_while_the_daemon_runs_is_told_once() -> None:
    setting = Setting()
    setting.want(bot("desk"), bot("depot"))
    await setting.loop.restore()
    for name in ("bots", "guidelines", "events", "heads", "applied", "epochs"):
        setting.stores.store.delete(name, {})
    for _ in range(2):
        await setting.loop._reader.read()
    assert "has no record of depot, desk" in (setting.reporter.board.status.lost or "")
    assert [event for event, _ in setting.heard.warnings].count("the store has lost bots") == 1
    assert setting.agents() == {"desk", "depot"}
    setting.want(bot("desk"), bot("depot"))
    await setting.loop._reader.read()
    assert setting.reporter.board.status.lost is None
    assert "another past of depot, desk" in " ".join(setting.reporter.board.status.warnings)


@pytest.mark.parametrize("kept", ["guidelines", "nothing"])
async def test_of_a_bot_that_the_store_lost_nothing_is_deleted(kept: str) -> None:
    """What was applied of it says that it was here, and nothing says that it was to go."""
    setting = Setting()
    names = ("desk", "depot", "shop", "yard", "mill")
    setting.want(*map(bot, names))
    await setting.loop.restore()
    for name in {"bots", "guidelines", "events", "heads"} - {kept}:
        setting.stores.store.delete(name, {"bot_id": "desk"})
    await setting.loop._reader.read()
    result = await setting.loop.reconcile_now("desk")
    assert result.planned is not None
    assert not result.planned.plan.acting
    assert setting.agents() == set(names)
    assert Ref("guideline", "desk.greet") in setting.port.held
    status = setting.reporter.board.status
    assert "has no record of desk" in (status.lost or "")
    assert status.bots["desk"].sync is Sync.OUT_OF_SYNC
    assert "no record that it was to go" in (status.bots["desk"].message or "")
    source = Source(kind="cli")
    setting.stores.desired.delete("desk", source=source, actor="tests", unseen=True)
    await setting.loop._reader.read()
    await setting.loop.reconcile_now("desk")
    assert setting.agents() == set(names) - {"desk"}


async def test_shared_document_that_the_store_lost_deletes_nothing() -> None:
    setting = Setting()
    setting.want(bot("desk"), bot("depot"))
    term = Term(id="rma", name="RMA", description="A return")
    house = Glossary(id="house", terms=[term], used_by=UsedBy(bots=["desk"]))
    source = Source(kind="cli")
    setting.stores.desired.put(house, source=source, actor="tests")
    await setting.loop.restore()
    terms = [ref for ref in setting.port.held if ref.kind == "term"]
    assert len(terms) == 1
    setting.stores.store.delete("glossaries", {"glossary_id": "house"})
    for name in ("events", "heads"):
        assert setting.stores.store.find(name, {"bot_id": "glossary/house"})
        setting.stores.store.delete(name, {"bot_id": "glossary/house"})
    await setting.loop._reader.read()
    await setting.loop.reconcile_now("desk")
    assert [ref for ref in setting.port.held if ref.kind == "term"] == terms
    assert "has lost" in (setting.reporter.board.status.bots["desk"].message or "")
    setting.stores.desired.delete("depot", source=source, actor="tests")  # that is asked for
    await setting.loop._reader.read()
    await setting.loop.reconcile_now("depot")
    assert setting.agents() == {"desk"}
    setting.stores.desired.put(house, source=source, actor="tests")
    await setting.loop._reader.read()
    await setting.loop.reconcile_now("desk")
    assert setting.reporter.board.status.bots["desk"].sync is Sync.SYNCED


async def test_an_empty_store_at_a_target_with_a_mark_is_told() -> None:
    first = Setting()
    first.want(bot("desk"))
    await first.loop.restore()
    await first.loop._leadership.resign()
    second = Setting()
    second.port.held, second.port.canaries = first.port.held, first.port.canaries
    await second.loop.restore()
    assert "managed with another store" in (second.reporter.board.status.lost or "")
    assert second.agents() == {"desk"}
    second.want(bot("desk"))
    await second.loop._reader.read()
    assert second.reporter.board.status.lost is None


def test_a_database_of_a_newer_version_is_refused() -> None:
    class Remote(MemoryStore):
        atomic = False
        label = "MongoDB"

    store = Remote()
    refuse_newer(store)
    Stores.over(store).desired.put(bot("desk"), source=CLI, actor="ann")
    refuse_newer(store)
    store.insert("events", [{"event_id": "x", "bot_id": "b", "revision": 1, "schema": SCHEMA + 1}])
    with pytest.raises(SettingsError, match="newer otto-reconcile"):
        refuse_newer(store)
