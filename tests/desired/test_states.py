"""States of journeys in rows: written whole, read from other programs, refused with the reason."""

from __future__ import annotations

from typing import Any

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.model import Bot
from otto_reconcile.store.base import Store

CLI = Source("cli")
STATES: list[dict[str, Any]] = [
    {
        "id": "ask",
        "chat": "Ask",
        "next": [{"to": "look", "when": "said"}, {"to": "end", "when": "x"}],
    },
    {"id": "look", "tools": ["slots"], "instruction": "Look", "next": [{"to": "offer"}]},
    {"id": "offer", "chat": "Offer", "metadata": {"a": [1]}, "next": []},
]


def bot(states: list[dict[str, Any]]) -> Bot:
    journey = {"id": "a.j", "title": "T", "description": "d", "conditions": ["c"]}
    other = {**journey, "id": "a.k", "states": None}
    journeys = [{**journey, "states": states}, other]
    return Bot.from_document({"id": "a", "name": "A", "journeys": journeys})


def test_states_are_rows_and_come_back(store: Store) -> None:
    state = DesiredState(store)
    state.put(bot(STATES), source=CLI, actor="ann")
    rows = {row["journey_id"]: row for row in store.find("journeys")}
    assert rows["a.j"]["states"] == STATES
    assert "states" not in rows["a.k"]
    assert state.ingest().events == ()
    changed = [*STATES[:2], {**STATES[2], "chat": "Offer kindly"}]
    store.put("journeys", [{**rows["a.j"], "states": changed}])
    assert len(state.ingest().events) == 1
    assert state.get("a").bot == bot(changed)


def test_a_row_that_breaks_a_rule_leaves_its_journey_as_it_was(store: Store) -> None:
    state = DesiredState(store)
    state.put(bot(STATES), source=CLI, actor="ann")
    (row,) = store.find("journeys", {"journey_id": "a.j"})
    for states, said in [
        ("ask", "states is not a list"),
        ([{"id": "a", "say": "x"}], "say"),
        ([{**STATES[1], "next": [{"to": "x"}]}], "state 0: this journey has no state `x`"),
    ]:
        store.put("journeys", [{**row, "states": states}])
        problems = state.ingest().problems
        assert len(problems) == 1
        assert said in problems[0]
        assert "it stays as it was" in problems[0]
        assert state.get("a").bot == bot(STATES)
