"""Bots that another program renamed in the rows: the former id goes, whatever the guard says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otto_reconcile.desired import DesiredState, EventType
from otto_reconcile.projections import COLLECTION_NAMES
from otto_reconcile.resources import Bot
from otto_reconcile.store.base import Store
from tests.desired.test_absorb import CLI, filled, row

Make = Callable[..., Bot]
OTHERS = tuple(name for name in COLLECTION_NAMES if name != "bots")


def rename_bot(store: Store, before: str, after: str) -> None:
    """The first write of the other program: the bot's own row."""
    (its,) = store.find("bots", {"bot_id": before})
    metadata = {**(its.get("metadata") or {}), "previous_bot_id": before}
    store.swap("bots", {"bot_id": before}, {"bot_id": after, "metadata": metadata})


def rename_parts(store: Store, before: str, after: str) -> None:
    for name in OTHERS:
        while store.swap(name, {"bot_id": before}, {"bot_id": after}):
            pass


def rename(store: Store, before: str, after: str) -> None:
    rename_bot(store, before, after)
    rename_parts(store, before, after)


def told(state: DesiredState) -> list[tuple[str, EventType, Any]]:
    events = state.absorb().events
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
    absorbed = state.absorb()
    assert (absorbed.events, absorbed.problems, absorbed.vanished) == ((), (), ())


def test_the_only_bot_is_renamed(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    rename(store, "b0", "agent")
    assert [event.bot_id for event in state.absorb().events] == ["agent", "b0"]
    assert sorted(state.read().bots) == ["agent"]


def test_nothing_is_lost_between_two_writes_of_a_rename(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 3)
    rename_bot(store, "b1", "agent")
    absorbed = state.absorb()
    assert [event.bot_id for event in absorbed.events] == ["agent"]
    (problem,) = [line for line in absorbed.problems if "renamed" in line]
    assert problem.startswith("bot 'b1' was renamed to 'agent' in bots, and ")
    assert "2 of guidelines" in problem
    assert "otto-reconcile delete b1" in problem
    assert ids(state, "b1") == ["b1.a", "b1.b"]
    rename_parts(store, "b1", "agent")
    assert [event.bot_id for event in state.absorb().events] == ["agent", "b1"]
    assert sorted(state.read().bots) == ["agent", "b0", "b2"]
    assert ids(state, "agent") == ["b1.a", "b1.b"]
    assert state.absorb().problems == ()


def test_renamed_bots_do_not_count_as_lost_ones(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 20)
    for n in range(10):
        rename(store, f"b{n}", f"agent-{n}")
    state.absorb()
    store.delete("bots", {"bot_id": "b15"})
    assert [event.bot_id for event in state.absorb().events] == ["b15"]


def test_what_is_lost_beside_a_rename_is_still_guarded(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 5)
    rename(store, "b0", "agent")
    for n in range(1, 5):
        store.delete("bots", {"bot_id": f"b{n}"})
    absorbed = state.absorb()
    assert absorbed.vanished == ("b1", "b2", "b3", "b4")
    assert sorted(state.read().bots) == ["agent", "b1", "b2", "b3", "b4"]


def test_a_former_id_renames_only_what_is_gone(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 2)
    for former in ("b0", "copy", "nobody", 7, None):
        store.put("bots", [row("copy", metadata={"previous_bot_id": former})])
        state.absorb()
        assert sorted(state.read().bots) == ["b0", "b1", "copy"]
    assert ids(state, "b0") == ["b0.a", "b0.b"]


def test_a_row_that_is_not_understood_renames_nothing(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    rename(store, "b0", "odd")
    store.swap("bots", {"bot_id": "odd"}, {"name": {"of": "no use"}})
    absorbed = state.absorb()
    assert (absorbed.events, absorbed.vanished) == ((), ("b0",))


def test_a_renamed_bot_that_comes_back_is_a_bot_of_its_own(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 2)
    rename(store, "b0", "agent")
    state.absorb()
    state.put(Bot(id="b0", name="Anew"), source=CLI, actor="ann")
    assert told(state) == []
    assert sorted(state.read().bots) == ["agent", "b0", "b1"]


def test_a_chain_of_renames_ends_at_the_last_id(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 2)
    for before, after in (("b0", "one"), ("one", "two")):
        rename(store, before, after)
        state.absorb()
    assert sorted(state.read().bots) == ["b1", "two"]
    assert ids(state, "two") == ["b0.a", "b0.b"]
