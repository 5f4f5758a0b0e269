"""Rows that went with many others are kept for as long as they are missing, and can be mended."""

from __future__ import annotations

from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.manifest import LoadedBot
from otto_reconcile.model import Bot, Guideline, Term
from otto_reconcile.model.shared import Glossary, UsedBy
from otto_reconcile.sources.importer import Imported, bring_in
from otto_reconcile.store.base import Store

NAMES = ("a", "b", "c", "d")


def filled(store: Store) -> DesiredState:
    state = DesiredState(store)
    state.put_many([(of(name), Source("cli")) for name in NAMES], actor="ann")
    return state


def of(name: str, description: str = "A bot") -> Bot:
    guideline = Guideline(id=f"{name}.greet", condition="Somebody says hello")
    return Bot(id=name, name=name.upper(), description=description, guidelines=[guideline])


def apply(state: DesiredState, bot: Bot) -> Imported:
    return bring_in(state, (LoadedBot(bot, f"{bot.id}.yaml", 1),), actor="ann")


@pytest.mark.parametrize("collection", ["guidelines", "bots"])
@pytest.mark.parametrize("description", ["A bot", "Another one"], ids=["unchanged", "changed"])
def test_the_last_one_to_be_mended_stays_as_well(
    store: Store, collection: str, description: str
) -> None:
    state = filled(store)
    before = state.read().bots["d"].bot
    store.delete(collection, {})
    assert set(state.ingest().vanished) == set(NAMES)
    for name in "abc":
        apply(state, of(name, description))
        state = DesiredState(store)  # another process
        ingested = state.ingest()
        assert ingested.events == ()
    assert ingested.vanished == ("d",)
    assert ingested.faults.keys() == {"d"}  # which is Degraded for it
    (told,) = ingested.problems
    assert told.startswith("d: lost ")
    assert "apply their manifests" in told
    assert state.read().bots["d"].bot == before
    imported = apply(state, before)
    assert imported.unchanged == ("d",)
    (warning,) = imported.warnings
    assert warning == "bot 'd': its rows were damaged or gone, and are written again"
    assert (state.ingest().problems, state.ingest().vanished) == ((), ())
    assert state.get("d").revision == 1
    store.delete(collection, {"bot_id": "d"})  # now by hand, alone
    (event,) = DesiredState(store).ingest().events
    assert event.bot_id == "d"
    assert store.find("withheld") == []


def test_what_was_kept_can_be_deleted_on_request(store: Store) -> None:
    state = filled(store)
    store.delete("bots", {})
    state.ingest()
    for name in "abc":
        apply(state, of(name))
    state.delete("d", source=Source("cli"), actor="ann")
    assert state.ingest().problems == ()
    assert state.read().bots.keys() == set("abc")
    assert store.find("withheld") == []


@pytest.mark.parametrize("value", [{"x": 1}, None, 7])
def test_a_damaged_row_is_mended_by_its_manifest(store: Store, value: Any) -> None:
    state = filled(store)
    (row,) = store.find("bots", {"bot_id": "d"})
    store.put("bots", [{**row, "name": value}])
    faults = state.ingest().faults.get("d", ())
    if faults:  # another value may be taken for a name
        assert "apply the bot's manifest" in faults[-1]
    apply(state, of("d"))
    assert state.ingest().problems == ()
    assert [one["name"] for one in store.find("bots", {"bot_id": "d"})] == ["D"]


@pytest.mark.parametrize(
    ("name", "field"), [("bots", "name"), ("guidelines", "condition"), ("guidelines", "action")]
)
@pytest.mark.parametrize("description", ["A bot", "Another one"], ids=["unchanged", "changed"])
def test_second_row_of_one_key_is_mended_by_the_manifest(
    store: Store, name: str, field: str, description: str
) -> None:
    state = filled(store)
    (row,) = store.find(name, {"bot_id": "d"})
    store.insert(name, [{**{k: v for k, v in row.items() if k != "_id"}, field: {"x": 1}}])
    assert state.ingest().faults.keys() == {"d"}
    apply(state, of("d", description))
    assert (state.ingest().faults, state.ingest().problems) == ({}, ())
    assert len(store.find(name, {"bot_id": "d"})) == 1
    assert state.get("d").revision == (1 if description == "A bot" else 2)


@pytest.mark.parametrize("damage", [{"collections": 5}, {"collections": [7]}, {}])
def test_a_damaged_note_of_what_was_kept_is_none(store: Store, damage: dict[str, Any]) -> None:
    state = filled(store)
    store.put("withheld", [{"bot_id": "d", **damage}, {"bot_id": "nobody", "collections": []}])
    assert state.ingest().problems == ()
    assert set(state.read().bots) == set(NAMES)


def test_a_bot_is_degraded_while_what_it_shares_has_no_row(store: Store) -> None:
    state = filled(store)
    for name in ("house", "yard"):
        term = Term(id="rma", name=f"RMA of {name}", description="A return")
        glossary = Glossary(id=name, terms=[term], used_by=UsedBy(bots=["a", "b"]))
        state.put(glossary, source=Source("cli"), actor="ann")
    store.delete("glossaries", {})
    ingested = state.ingest()
    assert ingested.faults.keys() == {"a", "b"}
    assert ingested.amiss == {"glossary/house", "glossary/yard"}
    assert "apply glossary/house again" in ingested.faults["a"][1]
    assert state.rewrite_rows(ingested.amiss) == ["glossary/house", "glossary/yard"]
    assert (state.ingest().problems, state.ingest().faults) == ((), {})
