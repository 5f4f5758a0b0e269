"""One record that cannot be read: that bot alone is out, and can be written again or deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import PermanentError
from otto_reconcile.manifest import LoadedBot
from otto_reconcile.model import Bot, Term
from otto_reconcile.model.shared import Glossary, UsedBy
from otto_reconcile.reconcile.reading import read
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.applied import Applied, AppliedSets, Epoch
from otto_reconcile.records.audit import Audit, Record
from otto_reconcile.records.events import NEWER, now_utc
from otto_reconcile.sources.importer import bring_in
from otto_reconcile.store.base import Store
from otto_reconcile.store.sqlite import SQLiteStore

CLI = Source("cli")
Make = Callable[..., Bot]


def forked(count: int) -> dict[str, Any]:
    """A bot with a journey that has two ways to the power of `count` once it is written out."""
    ways = [[{"when": when, "to": f"f{n}"} for when in "ab"] for n in range(count + 1)]
    states = [
        {"id": "s", "chat": "Hello", "next": ways[0]},
        *({"id": f"f{n}", "next": ways[n + 1]} for n in range(count)),
        {"id": f"f{count}", "chat": "Bye"},
    ]
    journey = {"id": "j", "title": "J", "description": "d", "conditions": ["c"], "states": states}
    return {"id": "b1", "name": "B", "journeys": [journey]}


DAMAGE: dict[str, tuple[str, dict[str, Any]]] = {
    "a journey without end": ("events", {"bot": forked(40)}),
    "no bot": ("events", {"bot": 5}),
    "a bot of another form": ("events", {"bot": {"id": "b1", "name": []}}),
    "another bot": ("events", {"bot": {"id": "b2", "name": "B"}}),
    "no time": ("events", {"time": "noon"}),
    "no source": ("events", {"source": None}),
    "no such type": ("events", {"type": "dreamt"}),
    "no event id": ("events", {"event_id": None}),
}
HEADS: dict[str, dict[str, Any]] = {
    "revision": {"revision": "two"},
    "event": {"event_id": None},
    "deleted": {"deleted": "no"},
    "pending": {"pending": "soon"},
    "rows": {"rows": 5},
}


def filled(store: Store, make_bot: Make) -> DesiredState:
    state = DesiredState(store)
    state.put_many([(make_bot(f"b{n}"), CLI) for n in range(4)], actor="ann")
    return state


def only_b1_is_out(state: DesiredState) -> None:
    desired = state.read()
    assert (set(desired.bots), set(desired.unreadable)) == ({"b0", "b2", "b3"}, {"b1"})


@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_a_damaged_event_blocks_no_other_bot(store: Store, make_bot: Make, what: str) -> None:
    filled(store, make_bot)
    collection, changes = DAMAGE[what]
    store.swap(collection, {"bot_id": "b1"}, changes)
    state = DesiredState(store)
    only_b1_is_out(state)
    assert "damaged" in state.read().unreadable["b1"]
    store.swap("bots", {"bot_id": "b2"}, {"name": "By hand"})
    ingested = state.ingest()
    assert ([event.bot_id for event in ingested.events], ingested.problems) == (["b2"], ())
    assert len(state.history("b0")) == 1
    assert state.history("b1") == []
    assert state.rebuild() == 3
    assert state.marker()
    loaded = tuple(LoadedBot(make_bot(f"b{n}", name="New"), "f.yaml", 1) for n in range(4))
    assert bring_in(state, loaded, actor="ann").created == ("b1",)
    assert state.get("b1").bot.name == "New"
    assert [event.revision for event in state.history("b1")] == [2]
    assert state.ingest().events == ()


@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_a_damaged_bot_can_be_deleted(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot)
    store.swap("events", {"bot_id": "b1"}, {"bot": 5})
    DesiredState(store).delete("b1", source=CLI, actor="ann")
    desired = state.read()
    assert (set(desired.bots), desired.unreadable) == ({"b0", "b2", "b3"}, {})
    assert store.find("guidelines", {"bot_id": "b1"}) == []


@pytest.mark.parametrize("what", HEADS)
@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_a_damaged_head_is_made_again(store: Store, make_bot: Make, what: str) -> None:
    filled(store, make_bot)
    store.swap("heads", {"bot_id": "b1"}, HEADS[what])
    state = DesiredState(store)
    assert set(state.read().bots) == {"b0", "b1", "b2", "b3"}
    assert state.ingest().events == ()
    state.put(make_bot("b1", name="New"), source=CLI, actor="ann")
    assert state.get("b1").revision == 2


@pytest.mark.parametrize("left", [{"bot_id": "b1"}, None])
@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_a_head_that_is_empty_or_gone_is_made_again(
    store: Store, make_bot: Make, left: dict[str, Any] | None
) -> None:
    filled(store, make_bot).put(make_bot("b1", name="Newer"), source=CLI, actor="ann")
    store.delete("heads", {"bot_id": "b1"})
    store.insert("heads", [left] if left else [])
    state = DesiredState(store)
    assert set(state.read().bots) == {"b0", "b1", "b2", "b3"}
    assert state.get("b1").bot.name == "Newer"
    assert state.ingest().events == ()
    state.put(make_bot("b1", name="Newest"), source=CLI, actor="ann")
    assert [event.revision for event in state.history("b1")] == [3, 2, 1]


def test_head_and_event_damaged_at_once_leave_a_bot_that_is_out(
    store: Store, make_bot: Make
) -> None:
    filled(store, make_bot)
    store.swap("heads", {"bot_id": "b1"}, {"revision": "two"})
    store.swap("events", {"bot_id": "b1"}, {"bot": 5})
    store.insert("heads", [{"bot_id": 5, "revision": []}])
    state = DesiredState(store)
    only_b1_is_out(state)
    state.put(make_bot("b1"), source=CLI, actor="ann")
    assert state.get("b1").bot == make_bot("b1")


def test_what_a_newer_version_wrote_is_not_written_over(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot)
    store.swap("events", {"bot_id": "b1"}, {"schema": 99})
    state = DesiredState(store)
    assert state.read().unreadable == {"b1": NEWER}
    with pytest.raises(PermanentError, match="newer"):
        state.put(make_bot("b1", name="Old"), source=CLI, actor="ann")
    loaded = tuple(LoadedBot(make_bot(f"b{n}", name="Old"), "f.yaml", 1) for n in (0, 1))
    imported = bring_in(state, loaded, actor="ann")
    assert (imported.updated, imported.withheld) == (("b0",), ("b1",))
    assert "bot 'b1' stays as it is" in imported.warnings[0]


def test_a_row_of_json_that_cannot_be_taken_is_one_bot(tmp_path: Path, make_bot: Make) -> None:
    store = SQLiteStore(tmp_path / "otto.db")
    filled(store, make_bot)
    import sqlite3

    long = "1" * 5000
    with sqlite3.connect(tmp_path / "otto.db") as connection:
        for name in ("events", "heads"):
            connection.execute(
                f"UPDATE {name} SET document = substr(document, 1, length(document) - 1)"
                f" || ', \"x\": {long}}}' WHERE json_extract(document, '$.bot_id') = 'b1'"
            )
    connection.close()
    state = DesiredState(store)
    only_b1_is_out(state)
    state.put(make_bot("b1"), source=CLI, actor="ann")
    assert state.get("b1").bot == make_bot("b1")
    store.close()


def test_a_reference_that_was_written_before_is_one_bot(store: Store, make_bot: Make) -> None:
    """By an earlier version, which did not refuse it; in MongoDB it comes back as another type."""
    from bson.dbref import DBRef

    filled(store, make_bot)
    (event,) = store.find("events", {"bot_id": "b1"})
    event["bot"]["annotations"] = {"link": {"$ref": "a", "$id": "b"}}
    state = DesiredState(_Reading(store, "events", event, DBRef("a", "b")))
    only_b1_is_out(state)
    assert "$ref" in state.read().unreadable["b1"] or "DBRef" in state.read().unreadable["b1"]


class _Reading:
    """The store, but one event is found with this value in its annotations."""

    def __init__(self, store: Store, name: str, event: dict[str, Any], value: Any) -> None:
        self._store, self._name, self._event, self._value = store, name, event, value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def find(self, collection: str, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
        found = self._store.find(collection, *arguments, **options)
        for document in found if collection == self._name else ():
            if document.get("event_id") == self._event["event_id"] and "bot" in document:
                document["bot"]["annotations"] = {"link": self._value}
        return found


UNFIT: dict[str, Any] = {
    "reference": {"$ref": "a", "$id": "b"}, "time": datetime(2026, 1, 1, tzinfo=UTC),
    "bytes": b"x", "number": 2**64, "nan": float("nan"), "half": "\ud800", "key": {1: 2},
}  # fmt: skip


@pytest.mark.parametrize("what", UNFIT)
@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_unfit_values_are_refused_for_one_bot(store: Store, make_bot: Make, what: str) -> None:
    state = filled(store, make_bot)
    bad = make_bot("b1", annotations={"link": UNFIT[what]})
    with pytest.raises(PermanentError, match="bot 'b1': annotations/link"):
        state.put(bad, source=CLI, actor="ann")
    with pytest.raises(PermanentError, match="bot 'b1': annotations/link"):
        state.put_many([(make_bot("b0", name="New"), CLI), (bad, CLI)], actor="ann")
    assert [one.revision for one in state.read().bots.values()] == [1, 1, 1, 1]


def test_a_reference_in_a_row_is_said(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot)
    store.swap("bots", {"bot_id": "b1"}, {"metadata": {"link": {"$ref": "a", "$id": "b"}}})
    store.swap("bots", {"bot_id": "b2"}, {"name": "By hand"})
    ingested = state.ingest()
    assert [event.bot_id for event in ingested.events] == ["b2"]
    assert len(ingested.problems) == 1
    assert "b1" in ingested.problems[0]
    assert "reference" in ingested.problems[0]


def test_a_damaged_glossary_leaves_bots_what_they_had(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot)
    words = Glossary(
        id="words", used_by=UsedBy(all=True), terms=[Term(id="x", name="X", description="d")]
    )
    state.put(words, source=CLI, actor="ann")
    changed = words.model_copy(update={"annotations": {"n": 1}})
    state.put(changed, source=CLI, actor="ann")
    store.swap("events", {"bot_id": "glossary/words", "revision": 2}, {"shared": {"kind": "No"}})
    state = DesiredState(store)
    desired = state.read()
    assert set(desired.unreadable_shared) == {"glossary/words"}
    bots = state.effective(desired).bots
    assert {bot_id: [t.id for t in one.bot.terms][-1] for bot_id, one in bots.items()} == {
        bot_id: f"{bot_id}.x" for bot_id in ("b0", "b1", "b2", "b3")
    }
    state.put(words, source=CLI, actor="ann")
    assert state.read().unreadable_shared == {}


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_damaged_records_beside_bots_are_passed_over(store: Store, make_bot: Make) -> None:
    filled(store, make_bot)
    stores = Stores.over(store)
    sets, audit = AppliedSets(store), Audit(store)
    sets.save("t", [Applied("b0", 1, "e"), Applied("b1", 1, "e")])
    sets.begin_epoch("t", Epoch("one", now_utc()))
    for changes in ({"revision": "x"}, {"epoch": 5}, {"resources": "[" * 5000}, {"claims": 5}):
        store.swap("applied", {"bot_id": "b1"}, changes)
        assert set(sets.load("t")) == {"b0"}
        sets.save("t", [Applied("b1", 1, "e")])
    store.insert("applied", [{"target": "t", "bot_id": 5}, {"target": "t"}])
    store.swap("epochs", {"target": "t"}, {"started": "noon"})
    world = read(stores, "t")
    assert (world.epoch, set(world.applied)) == (None, {"b0", "b1"})
    assert sets.bot_ids() == {"b0", "b1"}
    good = Record("a1", "r", "t", "b0", "agent", "b0", "create", "x", (), 1, now_utc())
    audit.intend([good])
    store.insert("actions", [{"action_id": "a2", "target": "t"}, {"action_id": 3, "target": "t"}])
    for field in ("duration", "revision", "error"):
        audit.conclude([replace(good, action_id=field, outcome="failed")])
        store.swap("actions", {"action_id": field}, {field: ["x"]})
    assert audit.find() == [good]
    assert audit.close_open("t") == 2


def test_what_a_target_says_is_on_record_whatever_it_is(store: Store) -> None:
    audit = Audit(store)
    odd = {
        "ref": {"$ref": "a", "$id": "b"}, "half": "\ud800", "a\0b": 1, "deep": [[[[["x"]]]]],
    }  # fmt: skip
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    for number, value in enumerate((odd, deep, "x" * 17 * 1024 * 1024)):
        change = {"field": "metadata", "before": value, "after": None}
        record = Record(
            f"a{number}", "r", "t", "b0", "agent", "b\ud800", "update", "x", (change,), 1,
            now_utc(), error="half \ud800",
        )  # fmt: skip
        audit.conclude([record])
    found = audit.find()
    assert [len(record.changes) for record in found] == [1, 1, 1]
    assert found[0].error == "half \\ud800"


@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_what_is_damaged_after_it_was_read_is_noticed(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    state.put_many([(make_bot(f"b{n:02}"), CLI) for n in range(50)], actor="ann")
    before = state.read()
    store.swap("events", {"bot_id": "b33"}, {"bot": None})
    for _ in range(3):
        after = state.read()
    assert set(after.unreadable) == {"b33"}
    assert all(after.bots[name] is before.bots[name] for name in after.bots)
    with pytest.raises(PermanentError) as raised:
        state.get("b33")
    assert "delete b33" in str(raised.value.hint)


@pytest.mark.parametrize(
    "changes",
    [
        {"deleted": True},
        {"revision": 7},
        {"revision": 0},
        {"revision": -1},
        {"revision": 0, "event_id": ""},
        {"event_id": "x"},
    ],
)
@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_a_head_that_contradicts_its_event_is_made_again(
    store: Store, make_bot: Make, changes: dict[str, Any]
) -> None:
    state = filled(store, make_bot)
    state.read()
    store.swap("heads", {"bot_id": "b1"}, changes)
    for one in (state, DesiredState(store)):
        assert one.read().bots.keys() == {"b0", "b1", "b2", "b3"}
    state.put(make_bot("b1", name="New"), source=CLI, actor="ann")
    assert [event.revision for event in state.history("b1")] == [2, 1]


@pytest.mark.parametrize("store", ["memory", "loose", "sqlite"], indirect=True)
def test_event_deleted_against_its_head_deletes_nothing(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot)
    store.swap("events", {"bot_id": "b1"}, {"type": "deleted", "bot": None})
    for one in (state, DesiredState(store)):
        only_b1_is_out(one)
