"""Rows with any value in any field: they are said in words, and hold nothing else up."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import PermanentError
from otto_reconcile.model import Bot
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.records.rows.decoding import bot_from, by_bot
from otto_reconcile.records.rows.projections import rows_of
from otto_reconcile.records.rows.values import NotUnderstood, number
from otto_reconcile.store.base import Store, Write
from otto_reconcile.store.sqlite import SQLiteStore
from tests.manifest.bots import bots
from tests.support.damage import DOCUMENTS, VALUES, damage
from tests.support.examples import examples
from tests.support.stores import LooseStore

CLI = Source("cli")
Make = Callable[..., Bot]

ROWS: dict[str, dict[str, Any]] = {
    "bots": {
        "bot_id": "desk", "name": "Desk", "description": "Helps.", "composition_mode": "fluid",
        "max_engine_iterations": 3, "message_output_mode": "block", "tags": ["x"],
        "metadata": {"labels": {"a": "b"}},
    },
    "guidelines": {
        "bot_id": "desk", "guideline_id": "desk.b", "condition": "c", "action": "a",
        "description": "d", "criticality": "high", "composition_mode": "strict",
        "enabled": True, "priority": 1, "track": True, "labels": ["l"], "tags": ["x"],
        "metadata": {"k": 1}, "tools": ["t"], "canned_responses": ["desk.c"],
    },
    "journeys": {
        "bot_id": "desk", "journey_id": "desk.j", "title": "J", "description": "d",
        "conditions": ["c"], "labels": ["l"], "priority": 1, "composition_mode": "fluid",
        "tags": ["x"],
    },
    "terms": {
        "bot_id": "desk", "term_id": "desk.t", "name": "N", "description": "d",
        "synonyms": ["s"], "tags": ["x"],
    },
    "canned_responses": {
        "bot_id": "desk", "canned_response_id": "desk.c", "value": "v", "signals": ["s"],
        "fields": [{"name": "n", "description": "d", "examples": ["e"]}],
        "field_dependencies": ["f"], "tags": ["x"], "metadata": {"k": 1},
    },
    "variables": {
        "bot_id": "desk", "name": "plan", "description": "d", "tool": "t", "tags": ["x"],
        "freshness_rules": "@daily", "values": {"default": 1, "tag:x": {"y": [2]}},
    },
    "capabilities": {
        "bot_id": "desk", "title": "T", "description": "d", "signals": ["s"], "tags": ["x"],
    },
    "customers": {
        "bot_id": "desk", "customer_id": "anna", "name": "Anna", "metadata": {"k": "v"},
        "tags": ["x"],
    },
    "tool_mappings": {"bot_id": "desk", "guideline_id": "desk.b", "tool_name": "t"},
    "relationships": {
        "bot_id": "desk", "kind": "priority", "source": "guideline:desk.a",
        "target": "guideline:desk.b",
    },
}  # fmt: skip
FIELDS = [
    (name, field)
    for name, row in ROWS.items()
    for field in (*row, "created_at", "updated_at", "of_others")
]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**63, 2**80) | st.floats()
    | st.text(max_size=5) | st.datetimes() | st.sampled_from(["Otto", "desk", "desk.b"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["$date", "$plain", "$in", "a", ""]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@settings(max_examples=examples(400), deadline=None)
@given(field=st.sampled_from(FIELDS), value=ODD, known=st.booleans(), other=st.booleans())
def test_absorbing_takes_any_value_in_any_field(
    field: tuple[str, str], value: Any, known: bool, other: bool
) -> None:
    """Of a bot that is known or new, in its own row or in one more with the same key."""
    store = LooseStore()
    state = DesiredState(store)
    _fill(store, state, known)
    name, changed = field
    odd = {**ROWS[name], changed: value}
    if other:
        store.insert(name, [odd])
    else:
        where = {"bot_id": "desk"}
        store.delete(name, where)
        store.insert(name, [odd])
    state.ingest()
    assert state.get("other").bot.name == "other"
    for bot_id in ("desk", "other"):
        state.put(Bot(id=bot_id, name="New"), source=CLI, actor="ann")
        assert state.get(bot_id).bot.name == "New"
    state.ingest()
    state.rebuild()
    state.ingest()


def _fill(store: Store, state: DesiredState, known: bool) -> None:
    for name, row in ROWS.items():
        store.insert(name, [row])
    store.insert("bots", [{"bot_id": f"other{n or ''}", "name": "other"} for n in range(3)])
    if known:
        assert state.ingest().problems == ()


@pytest.mark.parametrize("when", [{"$date": "2026-01-01T00:00:00Z"}, ["2026"], 7, True])
def test_a_time_of_any_sort_is_no_obstacle(store: Store, make_bot: Make, when: Any) -> None:
    state = DesiredState(store)
    state.put(make_bot(), source=CLI, actor="ann")
    changes = {"name": "By Hand", "updated_at": when, "created_at": when}
    store.swap("bots", {"bot_id": "desk"}, changes)
    assert state.ingest().problems == ()
    assert state.get("desk").bot.name == "By Hand"


def test_a_tool_that_is_a_list_is_said_and_the_bot_can_be_put(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    state.put(make_bot(), source=CLI, actor="ann")
    odd = {"bot_id": "desk", "guideline_id": "desk.b", "tool_name": ["x", {"y": 1}]}
    store.insert("tool_mappings", [odd])
    ingested = state.ingest()
    assert ingested.events == ()
    assert "tool_name is not a text; it stays as it was" in ingested.problems[0]
    state.put(make_bot(name="New"), source=CLI, actor="ann")
    state.ingest()
    assert state.get("desk").bot == make_bot(name="New")
    assert odd in store.find("tool_mappings")


def test_a_row_of_several_bots_is_nobodys(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    store.insert("terms", [{"bot_id": ["desk", "x"], "term_id": "t", "name": "n"}])
    state.put(make_bot(), source=CLI, actor="ann")
    state.put(make_bot(name="New"), source=CLI, actor="ann")
    assert state.get("desk").bot.name == "New"
    assert "it has no bot_id" in state.ingest().problems[0]


def test_what_is_nested_too_deeply_for_a_revision_is_said(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    state.put(make_bot(), source=CLI, actor="ann")
    store.swap("bots", {"bot_id": "desk"}, {"metadata": deep(95)})
    assert "levels deep; it stays as it was" in state.ingest().problems[0]
    assert state.get("desk").bot == make_bot()
    store.swap("bots", {"bot_id": "desk"}, {"metadata": deep(85)})
    assert state.ingest().problems == ()
    assert state.get("desk").bot.annotations == deep(85)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("guidelines", "condition"),
        ("journeys", "title"),
        ("terms", "name"),
        ("canned_responses", "value"),
        ("variables", "name"),
        ("capabilities", "title"),
        ("customers", "name"),
    ],
)
def test_text_of_white_space_is_reported_and_its_row_left_out(name: str, field: str) -> None:
    rows, _ = by_bot({"bots": [ROWS["bots"]], name: [{**ROWS[name], field: " \u3000"}]})
    bot, problems = bot_from("desk", rows["desk"], None)
    assert bot is not None
    assert getattr(bot, name) == []
    assert f"{name} row" in problems[0]
    assert "it was left out" in problems[0]


@pytest.mark.parametrize(
    "states", [[{"id": "a", "chat": " "}], [{"id": "a", "chat": "A", "next": [
        {"to": "end", "when": " "}]}]],
)  # fmt: skip
def test_a_state_of_white_space_alone_is_said(states: list[Any]) -> None:
    rows, _ = by_bot({"bots": [ROWS["bots"]], "journeys": [{**ROWS["journeys"], "states": states}]})
    bot, problems = bot_from("desk", rows["desk"], None)
    assert bot is not None
    assert bot.journeys == []
    assert "nothing but white space; it was left out" in problems[0]


def test_a_bot_whose_name_is_white_space_alone_stays_as_it_was(
    store: Store, make_bot: Make
) -> None:
    state = DesiredState(store)
    state.put(make_bot(), source=CLI, actor="ann")
    store.swap("bots", {"bot_id": "desk"}, {"name": " "})
    assert "nothing but white space; it stays as it was" in state.ingest().problems[0]
    assert state.get("desk").bot == make_bot()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (5, 5), (5.0, 5), ("5", 5), (" -5 ", -5), (2**53 + 1, 2**53 + 1),
        (str(2**53 + 1), 2**53 + 1),
        ("+5", None), ("1_000", None), ("\u0663", None), ("5.0", None), (5.5, None), (True, None),
        ("", None), (2**63, None), (float("nan"), None), (float("inf"), None),
    ],
)  # fmt: skip
def test_a_whole_number_is_taken_as_it_is_written(written: Any, meant: int | None) -> None:
    if meant is None:
        with pytest.raises(NotUnderstood):
            number({"priority": written}, "priority")
    else:
        assert number({"priority": written}, "priority") == meant


def test_a_number_that_no_store_holds_is_said() -> None:
    rows, _ = by_bot({"bots": [{**ROWS["bots"], "max_engine_iterations": 1e300}]})
    bot, problems = bot_from("desk", rows["desk"], None)
    assert bot is None
    assert "max_engine_iterations '1e+300' is not a whole number of 64 bits" in problems[0]


class Small(LooseStore):
    """Holds no revision of a bot whose name is Large, as MongoDB holds none above 16 MiB."""

    def batch(self, writes: Sequence[Write]) -> None:
        for write in writes:
            for document in write.documents:
                if write.collection == "events" and document["bot"]["name"] == "Large":
                    raise PermanentError("cannot be stored: it is too large")
        super().batch(writes)


def test_bot_that_cannot_be_stored_blocks_no_other() -> None:
    store = Small()
    state = DesiredState(store)
    store.insert("bots", [{"bot_id": f"b{n}", "name": f"B{n}"} for n in range(3)])
    store.insert("bots", [{"bot_id": "big", "name": "Large"}])
    for expected in (["b0", "b1", "b2"], []):
        ingested = state.ingest()
        assert [event.bot_id for event in ingested.events] == expected
        assert ingested.problems == (
            "rows of bot 'big': cannot be stored: it is too large; they were left out",
        )
    store.swap("bots", {"bot_id": "big"}, {"name": "Smaller"})
    assert [event.bot_id for event in state.ingest().events] == ["big"]


def _write_text(file: Path, document: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO bots (document) VALUES (?)", (document,))
    connection.close()


@pytest.mark.parametrize("document", ["[1]", '"text"', "null", '{"$plain": 5}'])
def test_json_that_is_no_row_is_said(tmp_path: Path, document: str) -> None:
    store = SQLiteStore(tmp_path / "otto.db")
    state = DesiredState(store)
    state.put(Bot(id="desk", name="Desk"), source=CLI, actor="ann")
    _write_text(tmp_path / "otto.db", document)
    assert "a row of bots was left out: it has no bot_id" in state.ingest().problems[0]
    assert set(state.read().bots) == {"desk"}
    store.close()


def test_json_that_python_cannot_take_is_one_row_that_is_said(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "otto.db")
    number = "1" * 5000
    _write_text(tmp_path / "otto.db", f'{{"bot_id": "desk", "name": "Desk", "x": {number}}}')
    _write_text(tmp_path / "otto.db", '{"bot_id": "other", "name": "Other"}')
    state = DesiredState(store)
    (problem,) = state.ingest().problems
    assert "bots row 'desk': its JSON cannot be read" in problem
    assert set(state.read().bots) == {"other"}
    state.put(Bot(id="desk", name="Desk"), source=CLI, actor="ann")
    assert state.ingest().problems == ()
    assert store.find("bots", {"bot_id": "desk"})[0]["name"] == "Desk"
    store.close()


GLOSSARY: dict[str, Any] = {
    "glossary_id": "house", "terms": [{"id": "rma", "name": "RMA", "description": "d"}],
    "used_by": {"bots": ["desk"]}, "labels": {}, "canned_responses": [],
}  # fmt: skip
SHARED = {**ROWS, "glossaries": GLOSSARY}


NUMBERS = ("a negative number", "a number of 63 bits", "a fraction", "an endless number")
RENAMED = {("bots", "bot_id", what) for what in (*NUMBERS, "a number of 401 digits", "no date")}
"""Damage that makes another bot of it."""


def damages() -> list[tuple[str, str | None, str]]:
    """What once stopped all bots, and a sample of the rest."""
    fields = [(name, field) for name, row in SHARED.items() for field in (*row, "updated_at")]
    every = [
        *((name, field, what) for name, field in fields for what in VALUES),
        *((name, None, what) for name in SHARED for what in DOCUMENTS),
    ]
    once = ("metadata", "used_by", "labels", "terms", "canned_responses")
    early = ((n, f, "before the calendar") for n, f in fields if f in once)
    some = random.Random(2).sample(every, examples(160))
    return sorted({*early, *some}, key=repr)


@pytest.mark.parametrize(("name", "field", "what"), damages())
def test_a_damaged_row_concerns_its_bot_alone(
    tmp_path: Path, name: str, field: str | None, what: str
) -> None:
    store = SQLiteStore(tmp_path / "otto.db")
    for collection, row in SHARED.items():
        store.insert(collection, [row])
    state = DesiredState(store)
    state.ingest()
    before = state.read()
    damage(tmp_path / "otto.db", name, field, what)
    store.insert("bots", [{"bot_id": "other", "name": "Other"}])
    for again in (state, DesiredState(store)):
        again.ingest()
        assert "other" in again.effective(again.read()).bots
    assert state.read().unreadable == {}
    if (name, field, what) not in RENAMED:
        assert state.read().bots.keys() >= before.bots.keys()
    state.put(Bot(id="desk", name="New"), source=CLI, actor="ann")
    assert state.get("desk").bot.name == "New"
    store.close()


def test_an_endless_number_is_no_name_and_no_id(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "otto.db")
    _write_text(tmp_path / "otto.db", '{"bot_id": "desk", "name": 1e999}')
    _write_text(tmp_path / "otto.db", '{"bot_id": 1e999, "name": "Shop"}')
    _write_text(tmp_path / "otto.db", '{"bot_id": "other", "name": "Other"}')
    problems = "\n".join(DesiredState(store).ingest().problems)
    assert "name is inf, which is no text" in problems
    assert "bot_id is inf, which is no id" in problems
    assert set(DesiredState(store).read().bots) == {"other"}
    store.close()


@settings(max_examples=examples(150), deadline=None)
@given(bots("desk"))
def test_rows_say_all_of_a_bot_to_who_has_nothing_else(bot: Bot) -> None:
    rows = rows_of(bot)
    read, problems = bot_from("desk", rows, None)
    assert problems == []
    assert read is not None
    assert declared(read) == declared(bot)


def declared(bot: Bot) -> dict[str, set[str]]:
    """The fields of each part that are declared; texts may come back tidied."""
    return {
        f"{name} {part.id}": {key for key, value in part if value is not None}
        for name, group in GROUPS.items()
        for part in group.of(bot)
        if group.identity is not None
    }
