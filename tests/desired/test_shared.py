"""Documents that bots share: wanted, kept and absorbed as bots are, on every sort of store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, EventType, Source
from otto_reconcile.errors import Conflict, NotFound, StoreUnavailable
from otto_reconcile.model import Bot, Guideline, Masked, Term
from otto_reconcile.model.bot import CannedResponse, ToolService
from otto_reconcile.model.shared import Glossary, SharedToolService, compose
from otto_reconcile.store.base import Store
from tests.desired.test_desired import Dying
from tests.support.stores import LooseStore

CLI = Source("cli")
Make = Callable[..., Bot]
RMA = Term(id="rma", name="RMA", description="A number.")


def glossary(glossary_id: str = "words", **more: Any) -> Glossary:
    fields: dict[str, Any] = {"used_by": {"labels": {"team": "retail"}}, "terms": [RMA]}
    return Glossary(id=glossary_id, **{**fields, **more})


def service(url: str = "http://tools:8080") -> SharedToolService:
    return SharedToolService(id="s", service=ToolService(name="s", kind="sdk", url=url))


def put(state: DesiredState, declaration: Any, **more: Any) -> Any:
    return state.put(declaration, source=CLI, actor="ann", **more)


def terms(state: DesiredState, bot_id: str = "desk") -> list[str]:
    return [term.id for term in state.effective(state.read()).bots[bot_id].bot.terms]


@pytest.mark.parametrize("make", [glossary, lambda **more: service().model_copy(update=more)])
def test_rows_of_what_bots_share_say_all_of_it(store: Store, make: Callable[..., Any]) -> None:
    state, first = DesiredState(store), make(labels={"team": "red"}, annotations={"by": "ann"})
    put(state, first)
    put(state, make(labels={"team": "blue"}, annotations={"by": "bob"}))
    name = "glossaries" if isinstance(first, Glossary) else "tool_services"
    (row,) = store.find(name)
    assert (row["labels"], row["annotations"]) == ({"team": "blue"}, {"by": "bob"})
    assert state.ingest().events == ()
    store.swap(name, {"labels": {"team": "blue"}}, {"labels": {"team": "green"}})
    (event,) = state.ingest().events
    assert event.declaration is not None
    assert event.declaration.labels == {"team": "green"}
    assert event.declaration.annotations == {"by": "bob"}


# Weaving.


def test_a_bot_gets_what_it_shares_under_ids_of_its_own(make_bot: Make) -> None:
    says = Guideline(id="greet", condition="Hello", tools=["s:x"], canned_responses=["hi"])
    shared = glossary(
        guidelines=[says],
        canned_responses=[CannedResponse(id="hi", value="Hi!")],
        masked={"terms/rma/description": Masked(template="${TOKEN}", variables=["TOKEN"])},
    )
    bare = make_bot(guidelines=[], relationships=[], canned_responses=[])
    bot = compose(bare, [shared, service()])
    assert [term.id for term in bot.terms] == ["desk.t", "desk.rma"]
    assert bot.guidelines == [
        says.model_copy(update={"id": "desk.greet", "canned_responses": ["desk.hi"]})
    ]
    assert [one.id for one in bot.canned_responses] == ["desk.hi"]
    assert [one.url for one in bot.tool_services] == ["http://tools:8080"]
    assert list(bot.masked) == ["terms/desk.rma/description"]
    assert compose(bot, [shared, service()]) is bot


def test_what_a_bot_has_itself_goes_before(make_bot: Make) -> None:
    own = Term(id="desk.rma", name="RMA", description="Ours.")
    masked = {"terms/rma/description": Masked(template="${TOKEN}", variables=["TOKEN"])}
    bot = make_bot(terms=[own], tool_services=[service("http://own").service])
    assert compose(bot, [glossary(masked=masked), service()]) is bot


@pytest.mark.parametrize(
    ("used_by", "used"),
    [
        ({"all": True}, True), ({"bots": ["desk"]}, True), ({"bots": ["other"]}, False),
        ({"labels": {"team": "retail"}}, True), ({"labels": {"team": "it"}}, False),
        ({"labels": {"team": "retail", "more": "x"}}, False),
        ({"bots": ["other"], "labels": {"team": "retail"}}, True),
    ],
)  # fmt: skip
def test_who_uses_a_glossary(make_bot: Make, used_by: dict[str, Any], used: bool) -> None:
    bot = compose(make_bot(terms=[]), [glossary(used_by=used_by)])
    assert [term.id for term in bot.terms] == (["desk.rma"] if used else [])


def test_of_two_with_one_id_the_first_is_taken(make_bot: Make) -> None:
    other = RMA.model_copy(update={"description": "Another."})
    library = [glossary("b"), glossary("a", terms=[other])]
    for order in (library, library[::-1]):
        assert compose(make_bot(terms=[]), order).terms[0].description == "Another."


# Wanting.


def test_it_has_revisions_of_its_own_and_is_in_the_bots_at_once(
    store: Store, make_bot: Make
) -> None:
    state = DesiredState(store)
    events = state.put_many([(make_bot(), CLI), (glossary(), CLI), (service(), CLI)], actor="ann")
    assert [event and event.bot_id for event in events] == [
        "desk", "glossary/words", "toolservice/s",
    ]  # fmt: skip
    assert put(state, glossary()) is None
    assert put(state, glossary(labels={"by": "us"}), expect=1).revision == 2
    with pytest.raises(Conflict, match="'glossary/words' is at revision 2, not 1"):
        put(state, glossary(), expect=1)
    for reader in (state, DesiredState(store)):
        found = reader.read()
        assert found.bots["desk"].bot == make_bot()
        assert list(found.shared) == ["glossary/words", "toolservice/s"]
        assert reader.get_shared("toolservice/s").document == service()
        composed = reader.effective(found).bots["desk"]
        assert (composed.bot, composed.revision) == (
            compose(make_bot(), [glossary(), service()]),
            1,
        )
        assert reader.effective(reader.read()).bots["desk"] is composed
    assert state.ingest().events == ()
    state.delete("glossary/words", source=CLI, actor="ann")
    assert terms(state) == ["desk.t"]
    assert store.find("glossaries") == []
    with pytest.raises(NotFound):
        state.get_shared("glossary/words")
    assert put(state, glossary()).revision == 4
    kinds = [event.type for event in state.history("glossary/words")]
    assert kinds == ["created", "deleted", "updated", "created"]


def test_rows_and_heads_come_back_from_the_events(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    state.put_many([(make_bot(), CLI), (glossary(), CLI), (service(), CLI)], actor="ann")
    for name in ("glossaries", "tool_services", "heads"):
        store.delete(name, {})
    state = DesiredState(store)
    assert terms(state) == ["desk.t", "desk.rma"]
    assert [row["name"] for row in store.find("tool_services")] == ["s"]
    assert set(store.find("glossaries")[0]) == {
        "glossary_id", "labels", "annotations", "used_by", "guidelines", "terms",
        "canned_responses", "created_at", "updated_at",
    }  # fmt: skip
    assert state.ingest().events == ()


def test_one_that_cannot_be_read_holds_the_bots_as_they_are(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    state.put_many([(make_bot(), CLI), (glossary(), CLI)], actor="ann")
    store.swap("events", {"bot_id": "glossary/words", "revision": 1}, {"schema": 99})
    state = DesiredState(store)
    assert state.ingest().events == ()
    assert set(state.read().bots) == {"desk"}
    effective = state.effective(state.read())
    assert effective.bots == {}
    assert "'glossary/words': it was written by a newer" in effective.unreadable["desk"]


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("done_first", [True, False])
@pytest.mark.parametrize("change", ["create", "update", "delete"])
def test_kill_at_any_write_leaves_the_old_or_the_new_whole(
    at: int, done_first: bool, change: str
) -> None:
    store = Dying()
    old, new = glossary(), glossary(terms=[])
    if change != "create":
        put(DesiredState(store), old)
    store.left, store.done_first = at, done_first
    died = False
    try:
        if change == "delete":
            DesiredState(store).delete(old.stream, source=CLI, actor="ann")
        else:
            put(DesiredState(store), new)
    except StoreUnavailable:
        died = True
    store.left = 10**9
    committed = len(store.find("events")) == (1 if change == "create" else 2)
    assert died or committed
    state = DesiredState(store)
    before = None if change == "create" else old
    expected = (None if change == "delete" else new) if committed else before
    found = state.read().shared.get(old.stream)
    assert (found.document if found else None) == expected
    assert state.ingest().events == ()
    rows = [len(row["terms"]) for row in store.find("glossaries")]
    assert rows == ([len(expected.terms)] if expected else [])


def test_writers_side_by_side_lose_nothing(store: Store) -> None:
    def write(writer: int) -> None:
        state = DesiredState(store)
        for n in range(4):
            put(state, glossary(labels={"by": f"{writer} {n}"}))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = DesiredState(store)
    history = state.history("glossary/words")
    assert [event.revision for event in history] == list(range(12, 0, -1))
    assert state.get_shared("glossary/words").document == history[0].declaration
    state.ingest()
    assert store.find("glossaries")[0]["labels"] == history[0].declaration.labels


# Rows that others write.


def test_rows_that_others_write_are_wanted(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    put(state, make_bot())
    words = [{"id": "rma", "name": "RMA", "description": "d"}]
    row = {"glossary_id": "words", "used_by": {"all": True}, "crm": 7, "terms": words}
    store.insert("glossaries", [row])
    store.insert("tool_services", [{"name": "s", "kind": "sdk", "url": "http://tools"}])
    ingested = state.ingest()
    assert ingested.problems == ()
    names = [event.bot_id for event in ingested.events]
    assert names == ["glossary/words", "toolservice/s"]
    assert terms(state) == ["desk.t", "desk.rma"]
    assert ingested.events[0].source.kind == "rows"
    assert state.ingest().events == ()
    store.swap("glossaries", {"glossary_id": "words"}, {"terms": []})
    assert [event.type for event in state.ingest().events] == [EventType.UPDATED]
    assert terms(state) == ["desk.t"]
    put(state, glossary())
    assert store.find("glossaries")[0]["crm"] == 7
    assert len(store.find("tool_services")) == 1


def test_row_that_is_not_understood_is_reported_and_stays(store: Store) -> None:
    state = DesiredState(store)
    put(state, glossary())
    store.swap("glossaries", {"glossary_id": "words"}, {"used_by": "everybody"})
    store.insert("tool_services", [{"name": "t", "kind": "sdk", "url": "nowhere"}])
    for reader in (state, DesiredState(store)):
        ingested = reader.ingest()
        assert ingested.events == ()
        assert [problem.partition(":")[0] for problem in ingested.problems] == [
            "glossaries row 'words'", "tool_services row 't'",
        ]  # fmt: skip
    assert state.get_shared("glossary/words").document == glossary()


def test_one_that_goes_by_hand_goes_and_all_at_once_stay(store: Store) -> None:
    state = DesiredState(store)
    state.put_many([(glossary(str(n)), CLI) for n in range(3)], actor="ann")
    store.delete("glossaries", {"glossary_id": "1"})
    events = state.ingest().events
    assert [(event.bot_id, event.type) for event in events] == [("glossary/1", EventType.DELETED)]
    store.delete("glossaries", {})
    ingested = state.ingest()
    assert (ingested.events, ingested.vanished) == ((), ("glossary/0", "glossary/2"))
    assert "otto-reconcile delete glossary/0 glossary/2" in ingested.problems[0]
    assert state.rebuild() == 3
    assert state.ingest().vanished == ()


def test_a_secret_stays_masked_where_a_row_changes_elsewhere(store: Store) -> None:
    state = DesiredState(store)
    masked = {"terms/rma/description": Masked(template="${TOKEN}", variables=["TOKEN"])}
    put(state, glossary(masked=masked))
    assert state.ingest().events == ()
    store.swap("glossaries", {"glossary_id": "words"}, {"labels": {"a": "b"}})
    assert len(state.ingest().events) == 1
    assert state.get_shared("glossary/words").document.masked == masked


def test_an_earlier_row_is_a_wish_only_after_a_minute() -> None:
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    store = LooseStore()
    state = DesiredState(store, now=lambda: clock[0])
    put(state, glossary(labels={"n": "0"}))
    old = store.find("glossaries")
    for number in (1, 2):
        clock[0] += timedelta(seconds=1)
        put(state, glossary(labels={"n": str(number)}))
    store.put("glossaries", old)
    assert state.ingest().events == ()
    clock[0] += timedelta(seconds=60)
    assert len(state.ingest().events) == 1
