"""Bots that another program renamed in the rows: the former id goes, whatever the guard says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, EventType, Source
from otto_reconcile.model import Bot, Guideline
from otto_reconcile.records.rows.projections import COLLECTION_NAMES
from otto_reconcile.store.base import Store
from otto_reconcile.store.memory import MemoryStore
from tests.desired.test_absorb import CLI, Interrupted, filled, row

Make = Callable[..., Bot]
OTHERS = tuple(name for name in COLLECTION_NAMES if name != "bots")


def rename_bot(store: Store, before: str, after: str) -> None:
    """The first write of the other program: the bot's own row."""
    (its,) = store.find("bots", {"bot_id": before})
    metadata = {**(its.get("metadata") or {}), "previous_bot_id": before}
    store.swap("bots", {"bot_id": before}, {"bot_id": after, "metadata": metadata})


def rename_parts(store: Store, before: str, after: str, names: Sequence[str] = OTHERS) -> None:
    for name in names:
        while store.swap(name, {"bot_id": before}, {"bot_id": after}):
            pass


def rename(store: Store, before: str, after: str) -> None:
    rename_bot(store, before, after)
    rename_parts(store, before, after)


def told(state: DesiredState) -> list[tuple[str, EventType, Any]]:
    events = state.ingest().events
    return sorted((event.bot_id, event.type, event.source.note) for event in events)


def ids(state: DesiredState, bot_id: str) -> list[str]:
    return sorted(guideline.id for guideline in state.get(bot_id).bot.guidelines)


def test_all_renamed_at_once_are_renamed(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 4)
    for n in range(4):
        rename(store, f"b{n}", f"agent-{n}")
    assert told(state) == [
        *((f"agent-{n}", EventType.CREATED, f"renamed from b{n}") for n in range(4)),
        *((f"b{n}", EventType.DELETED, f"renamed to agent-{n}") for n in range(4)),
    ]
    assert sorted(state.read().bots) == [f"agent-{n}" for n in range(4)]
    assert ids(state, "agent-2") == ["b2.a", "b2.b"]
    assert store.find("guidelines", {"bot_id": "agent-2"}) != []
    ingested = state.ingest()
    assert (ingested.events, ingested.problems, ingested.vanished) == ((), (), ())


def test_the_only_bot_is_renamed(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    rename(store, "b0", "agent")
    assert [event.bot_id for event in state.ingest().events] == ["agent", "b0"]
    assert sorted(state.read().bots) == ["agent"]


def test_nothing_is_lost_between_two_writes_of_a_rename(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 3)
    rename_bot(store, "b1", "agent")
    ingested = state.ingest()
    assert ingested.events == ()
    (problem,) = ingested.problems
    assert problem.startswith("bot 'b1' was renamed to 'agent' in bots, and ")
    assert "2 of guidelines" in problem
    assert "otto-reconcile delete b1" in problem
    assert ids(state, "b1") == ["b1.a", "b1.b"]
    rename_parts(store, "b1", "agent")
    assert [event.bot_id for event in state.ingest().events] == ["agent", "b1"]
    assert sorted(state.read().bots) == ["agent", "b0", "b2"]
    assert ids(state, "agent") == ["b1.a", "b1.b"]
    assert state.ingest().problems == ()


def test_a_rename_whose_writer_has_left_is_finished(store: Store, make_bot: Make) -> None:
    """As by a program that knows of guidelines, journeys and tools alone."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    state = DesiredState(store, now=lambda: now[0])
    state.put_many([(make_bot(f"b{n}"), CLI) for n in range(2)], actor="ann")
    rename_bot(store, "b1", "agent")
    rename_parts(store, "b1", "agent", ("guidelines", "journeys", "tool_mappings"))
    for seconds in (0, 9, -3600, 9):  # the clock goes back once
        now[0] += timedelta(seconds=seconds)
        assert state.ingest().events == ()
    store.swap("bots", {"bot_id": "agent"}, {"description": "Helps you."})
    now[0] += timedelta(seconds=9)
    assert state.ingest().events == ()
    now[0] += timedelta(seconds=10)
    assert [event.bot_id for event in state.ingest().events] == ["agent", "b1"]
    assert state.get("agent").bot == _as_rows_say(make_bot("b1"), "agent", "Helps you.")
    assert all(store.find(name, {"bot_id": "b1"}) == [] for name in COLLECTION_NAMES)
    ingested = state.ingest()
    assert (ingested.events, ingested.problems) == ((), ())


def _as_rows_say(bot: Bot, bot_id: str, description: str) -> Bot:
    annotations = {**bot.annotations, "previous_bot_id": bot.id}
    changes = {"id": bot_id, "annotations": annotations, "description": description}
    return bot.model_copy(update=changes)


def test_renamed_bots_do_not_count_as_lost_ones(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 20)
    for n in range(10):
        rename(store, f"b{n}", f"agent-{n}")
    state.ingest()
    store.delete("bots", {"bot_id": "b15"})
    assert [event.bot_id for event in state.ingest().events] == ["b15"]


def test_what_is_lost_beside_a_rename_is_still_guarded(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 5)
    rename(store, "b0", "agent")
    for n in range(1, 5):
        store.delete("bots", {"bot_id": f"b{n}"})
    ingested = state.ingest()
    assert ingested.vanished == ("b1", "b2", "b3", "b4")
    assert sorted(state.read().bots) == ["agent", "b1", "b2", "b3", "b4"]


def test_a_former_id_renames_only_what_is_gone(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 2)
    for former in ("b0", "copy", "nobody", 7, None):
        store.put("bots", [row("copy", metadata={"previous_bot_id": former})])
        state.ingest()
        assert sorted(state.read().bots) == ["b0", "b1", "copy"]
    assert ids(state, "b0") == ["b0.a", "b0.b"]


def test_a_row_that_is_not_understood_renames_nothing(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    rename(store, "b0", "odd")
    store.swap("bots", {"bot_id": "odd"}, {"name": {"of": "no use"}})
    ingested = state.ingest()
    assert (ingested.events, ingested.vanished) == ((), ("b0",))


def test_a_renamed_bot_that_comes_back_is_a_bot_of_its_own(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 2)
    rename(store, "b0", "agent")
    state.ingest()
    state.put(Bot(id="b0", name="Anew"), source=CLI, actor="ann")
    assert told(state) == []
    assert sorted(state.read().bots) == ["agent", "b0", "b1"]


def test_a_chain_of_renames_ends_at_the_last_id(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 2)
    for before, after in (("b0", "one"), ("one", "two")):
        rename(store, before, after)
        state.ingest()
    assert sorted(state.read().bots) == ["b1", "two"]
    assert ids(state, "two") == ["b0.a", "b0.b"]


ROWS = "rows"


def plain(store: Store, *bot_ids: str, **metadata: Any) -> DesiredState:
    """Bots as another program writes them, with a guideline each, taken."""
    for bot_id in bot_ids:
        store.insert("bots", [row(bot_id, metadata=metadata)])
        store.insert("guidelines", [row(bot_id, guideline_id=f"{bot_id}.g", condition="c")])
    state = DesiredState(store)
    state.ingest()
    return state


def bots(state: DesiredState) -> list[str]:
    return sorted(state.read().bots)


def test_a_former_id_that_is_stale_renames_nothing() -> None:
    """`b` was `a` long ago; another bot has got that id since, and its row is deleted by hand."""
    store = MemoryStore()
    state = plain(store, "a", "c", "d")
    rename(store, "a", "b")
    assert told(state) == [
        ("a", EventType.DELETED, "renamed to b"),
        ("b", EventType.CREATED, "renamed from a"),
    ]
    store.insert("bots", [row("a")])
    store.insert("guidelines", [row("a", guideline_id="new", condition="c")])
    state.ingest()
    store.delete("bots", {"bot_id": "a"})
    for one in (state, DesiredState(store)):
        one.ingest()
    assert [(e.type, e.source.note) for e in state.history("a", 1)] == [(EventType.DELETED, None)]
    assert (bots(state), ids(state, "b")) == (["b", "c", "d"], ["a.g"])
    assert store.find("guidelines", {"guideline_id": "new"}) == []


def test_a_former_id_without_a_part_of_it_renames_nothing() -> None:
    """Bots dropped with all their parts, and others made that name them: the guard is asked."""
    store = MemoryStore()
    state = plain(store, "a", "b", "c")
    for name in ("bots", "guidelines"):
        store.delete(name, {})
    for n, former in enumerate(("a", "b", "c")):
        store.insert("bots", [row(f"new-{n}", metadata={"previous_bot_id": former})])
    ingested = state.ingest()
    assert ingested.vanished == ("a", "b", "c")
    assert bots(state) == ["a", "b", "c", "new-0", "new-1", "new-2"]


def test_bots_that_are_renamed_without_their_parts_stay() -> None:
    store = MemoryStore()
    state = DesiredState(store)
    for n in range(3):
        parts = [Guideline(id=f"b{n}.g", condition="c")]
        terms = [{"term_id": f"b{n}.t", "name": "n", "description": "d", "bot_id": f"b{n}"}]
        state.put(Bot(id=f"b{n}", name="B", guidelines=parts), source=Source(ROWS), actor="x")
        store.put("bots", [row(f"b{n}")])
        store.put("guidelines", [row(f"b{n}", guideline_id=f"b{n}.g", condition="c")])
        store.put("terms", terms)
    state.ingest()
    for n in range(3):
        rename(store, f"b{n}", f"agent-{n}")
    store.delete("terms", {})
    ingested = state.ingest()
    assert ingested.events == ()
    assert "3 of 3 bots have lost all their terms at once" in ingested.problems[0]
    assert bots(state) == ["b0", "b1", "b2"]


@pytest.mark.parametrize("parts", ["nobody", "both"])
def test_two_bots_with_one_former_id_are_told(parts: str) -> None:
    store = MemoryStore()
    state = plain(store, "a", "z")
    rename_bot(store, "a", "b")
    store.insert("bots", [row("c", metadata={"previous_bot_id": "a"})])
    if parts == "both":
        store.insert("terms", [row("a", term_id="a.t", name="n", description="d")])
        rename_parts(store, "a", "b")
        store.insert("guidelines", [row("c", guideline_id="a.g", condition="c")])
    for one in (state, state, DesiredState(store)):
        ingested = one.ingest()
        assert ingested.vanished == ()
        assert set(ingested.faults) == {"a", "b", "c"}
        (fault,) = ingested.faults["b"]
        assert fault in ingested.problems
        assert "the rows of 'b' and 'c' say that its id is theirs now" in fault
        assert ids(state, "a") == ["a.g"]
    assert bots(state) == ["a", "b", "c", "z"]
    store.delete("bots", {"bot_id": "c"})
    store.delete("guidelines", {"bot_id": "c"})
    if parts == "both":
        assert told(state)[0] == ("a", EventType.DELETED, "renamed to b")
        assert bots(state) == ["b", "z"]


def test_of_two_bots_with_one_former_id_the_parts_tell() -> None:
    store = MemoryStore()
    state = plain(store, "a", "z")
    rename(store, "a", "c")
    store.insert("bots", [row("b", metadata={"previous_bot_id": "a"})])
    ingested = state.ingest()
    assert ingested.faults == {}
    assert [(e.bot_id, e.source.note) for e in ingested.events] == [
        ("b", None),
        ("c", "renamed from a"),
        ("a", "renamed to c"),
    ]
    assert (bots(state), ids(state, "c")) == (["b", "c", "z"], ["a.g"])


DECLARED = [Source("manifest", path="desk.yaml"), Source("specification"), Source("otto")]


@pytest.mark.parametrize("source", DECLARED, ids=lambda source: str(source.kind))
@pytest.mark.parametrize("later", ["", "suspended", "edited"])
def test_a_bot_that_is_declared_is_not_taken(source: Source, later: str, make_bot: Make) -> None:
    store = MemoryStore()
    state = DesiredState(store)
    state.put_many([(make_bot("a"), source), (make_bot("z"), CLI)], actor="ann")
    if later == "suspended":
        state.suspend("a", True, source=CLI, actor="ann")
    elif later == "edited":
        store.swap("bots", {"bot_id": "a"}, {"name": "By hand"})
        state.ingest()
    rename(store, "a", "b")
    for one in (state, state, DesiredState(store)):
        ingested = one.ingest()
        assert set(ingested.faults) == {"a", "b"}
        (fault,) = ingested.faults["a"]
        assert f"'a' is declared by {source.path or source.kind}" in fault
        assert "otto-reconcile delete a" in fault
    assert (bots(state), ids(state, "a")) == (["a", "b", "z"], ["a.a", "a.b"])
    state.delete("a", source=CLI, actor="ann")
    ingested = state.ingest()
    assert (ingested.events, ingested.faults) == ((), {})
    assert (bots(state), ids(state, "b")) == (["b", "z"], ["a.a", "a.b"])


def test_a_bot_that_is_declared_takes_no_other(make_bot: Make) -> None:
    store = MemoryStore()
    state = plain(store, "a", "z")
    source = Source("manifest", path="desk.yaml")
    state.put(Bot(id="m", name="M"), source=source, actor="ann")
    store.swap("bots", {"bot_id": "m"}, {"metadata": {"previous_bot_id": "a"}})
    store.delete("bots", {"bot_id": "a"})
    rename_parts(store, "a", "m")
    ingested = state.ingest()
    assert set(ingested.faults) == {"a", "m"}
    assert "'m' is declared by desk.yaml" in ingested.faults["a"][0]
    assert ids(state, "a") == ["a.g"]


def test_a_chain_whose_middle_nobody_saw_ends_at_the_last_id() -> None:
    store = MemoryStore()
    state = plain(store, "a", "z")
    rename(store, "a", "b")
    rename(store, "b", "c")
    assert told(state) == [
        ("a", EventType.DELETED, "renamed to c"),
        ("c", EventType.CREATED, "renamed from a"),
    ]
    rename(store, "z", "y")
    rename(store, "y", "x")
    store.insert("guidelines", [row("z", guideline_id="z.g", condition="c")])  # not all came along
    store.delete("guidelines", {"bot_id": "x"})
    ingested = state.ingest()
    assert [event.source.note for event in ingested.events if event.bot_id == "x"] == [None]


def test_bots_that_name_each_other_or_themselves_stay() -> None:
    store = MemoryStore()
    state = plain(store, "a", "b", "c")
    for bot_id, former in (("a", "b"), ("b", "a"), ("c", "c")):
        store.swap("bots", {"bot_id": bot_id}, {"metadata": {"previous_bot_id": former}})
    for _ in range(2):
        assert state.ingest().problems == ()
    assert bots(state) == ["a", "b", "c"]
    rename(store, "a", "b2")  # names `a` from now on, as `b` does
    assert told(state)[-1] == ("b2", EventType.CREATED, "renamed from a")
    assert bots(state) == ["b", "b2", "c"]


def test_two_bots_that_swap_their_ids_are_edited() -> None:
    store = MemoryStore()
    state = plain(store, "a", "b")
    rename(store, "a", "tmp")
    rename(store, "b", "a")
    rename(store, "tmp", "b")
    assert [event.type for event in state.ingest().events] == [EventType.UPDATED] * 2
    assert (ids(state, "a"), ids(state, "b")) == (["b.g"], ["a.g"])


def test_a_renamed_bot_stays_suspended(make_bot: Make) -> None:
    store = MemoryStore()
    state = filled(store, make_bot, 2)
    state.suspend("b0", True, source=CLI, actor="ann")
    rename(store, "b0", "agent")
    state.ingest()
    agent = state.get("agent").bot
    assert (agent.suspended, [part.id for part in agent.guidelines]) == (True, ["b0.b", "b0.a"])


def test_a_bot_that_is_known_by_its_new_id_is_the_renamed_one() -> None:
    """As of an earlier version, which kept both."""
    store = MemoryStore()
    state = plain(store, "a")
    rename(store, "a", "b")
    store.swap("bots", {"bot_id": "b"}, {"metadata": {}})
    assert state.ingest().vanished == ("a",)
    assert bots(state) == ["a", "b"]
    state = DesiredState(store)
    store.swap("bots", {"bot_id": "b"}, {"metadata": {"previous_bot_id": "a"}})
    assert told(state) == [
        ("a", EventType.DELETED, "renamed to b"),
        ("b", EventType.UPDATED, "renamed from a"),
    ]


@pytest.mark.parametrize("name", ["bots", "guidelines", "journeys", "tool_services"])
def test_a_rename_in_the_middle_of_a_look_is_for_the_next(name: str, make_bot: Make) -> None:
    store = Interrupted()
    state = filled(store, make_bot, 2)
    store.between, store.name = lambda: rename(store, "b0", "agent"), name  # type: ignore[assignment]
    assert state.ingest().events == ()
    assert [event.bot_id for event in state.ingest().events] == ["agent", "b0"]
    assert ids(state, "agent") == ["b0.a", "b0.b"]
