"""Rows that other programs write straight into the collections become what is wanted."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, EventType, Source
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.model import Bot, Guideline
from otto_reconcile.records import ingest
from otto_reconcile.store.base import Filter, Store, Write
from otto_reconcile.store.mongo import MongoStore
from otto_reconcile.store.sqlite import SQLiteStore
from tests.support.stores import LooseStore

CLI = Source("cli")
Make = Callable[..., Bot]


def row(bot_id: str, **more: Any) -> dict[str, Any]:
    return {"bot_id": bot_id, "name": bot_id, **more}


def filled(store: Store, make_bot: Make, count: int) -> DesiredState:
    state = DesiredState(store)
    state.put_many([(make_bot(f"b{n}"), CLI) for n in range(count)], actor="ann")
    return state


def test_a_database_that_another_program_filled_is_taken_whole(store: Store) -> None:
    store.insert("bots", [row(f"agent-{n}", composition_mode="FLUID") for n in range(20)])
    store.insert(
        "guidelines",
        [
            {"guideline_id": f"g{n}", "bot_id": f"agent-{n}", "condition": "c", "action": "a",
             "criticality": "HIGH", "created_at": datetime(2024, 1, 1)}
            for n in range(20)
        ],
    )  # fmt: skip
    store.insert(
        "journeys",
        [{"journey_id": "j", "bot_id": "agent-0", "title": "T", "conditions": "only one"}],
    )
    store.insert(
        "tool_mappings", [{"bot_id": "agent-0", "guideline_id": "g0", "tool_name": "look_up"}]
    )
    before = {name: store.find(name) for name in ("bots", "guidelines", "journeys")}
    state = DesiredState(store)
    ingested = state.ingest()
    assert (ingested.bots_ingested, ingested.problems) == (20, ())
    bot = state.read().bots["agent-0"].bot
    assert bot.composition_mode == "fluid"
    assert bot.guidelines[0].criticality == "high"
    assert bot.guidelines[0].tools == ["look_up"]
    assert bot.journeys[0].conditions == ["only one"]
    assert state.get("agent-0").source.kind == "rows"
    assert {name: store.find(name) for name in before} == before
    assert state.ingest().events == ()
    assert DesiredState(store).ingest().events == ()


def test_contents_are_taken_from_rows_that_others_wrote(store: Store) -> None:
    store.insert("bots", [row("desk")])
    greeting = {"canned_response_id": "hi", "bot_id": "desk", "value": "Hi", "signals": "hello"}
    values = {"default": "basic", "customer:an.na": 7, "tag:x": None}
    store.insert("canned_responses", [{**greeting, "fields": [{"name": "n", "examples": []}]}])
    store.insert("variables", [row("desk", name="plan", values=values, tool="")])
    store.insert("capabilities", [row("desk", title="Lend", description="A phone")])
    store.insert("customers", [row("desk", customer_id=12, name="Anna", tags=["vip"])])
    before = {n: store.find(n) for n in ("canned_responses", "variables", "customers")}
    state = DesiredState(store)
    assert state.ingest().problems == ()
    bot = state.get("desk").bot
    assert (bot.canned_responses[0].signals, bot.canned_responses[0].id) == (["hello"], "hi")
    assert bot.variables[0].values == {"default": "basic", "customer:an.na": 7}
    assert (bot.capabilities[0].title, bot.customers[0].id) == ("Lend", "12")
    assert {name: store.find(name) for name in before} == before
    store.insert("capabilities", [row("desk", title="Lend a bike", description=[])])
    store.delete("variables", {"name": "plan"})
    assert [problem.split(" of bot")[0] for problem in state.ingest().problems] == [
        "capabilities row 'Lend a bike'"
    ]
    assert state.get("desk").bot.variables == []


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        ("FLUID", "fluid"), ("Fluid", "fluid"), ("canned_fluid", "fluid"),
        ("canned_composited", "composited"), ("composited", "composited"),
        ("COMPOSITED", "composited"), ("composited_canned", "composited"),
        ("strict_canned", "strict"), ("STRICT", "strict"), (None, None),
    ],
)  # fmt: skip
def test_spellings_of_modes(given: str | None, mode: str | None) -> None:
    store = LooseStore()
    store.insert("bots", [row("a", composition_mode=given)])
    state = DesiredState(store)
    assert state.ingest().problems == ()
    assert state.get("a").bot.composition_mode == mode


def test_edits_by_hand_are_recorded_and_left_as_they_are(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 3)
    store.swap("bots", {"bot_id": "b0"}, {"name": "By Hand", "composition_mode": "STRICT"})
    store.delete("guidelines", {"guideline_id": "b1.b"})
    store.delete("tool_mappings", {"bot_id": "b2"})
    events = state.ingest().events
    assert [(event.bot_id, event.revision) for event in events] == [("b0", 2), ("b1", 2), ("b2", 2)]
    assert (state.get("b0").bot.name, state.get("b0").bot.composition_mode) == ("By Hand", "strict")
    assert [g.id for g in state.get("b1").bot.guidelines] == ["b1.a"]
    assert state.get("b2").bot.guidelines[0].tools == []
    assert store.find("bots", {"bot_id": "b0"})[0]["composition_mode"] == "STRICT"
    assert state.ingest().events == ()


def test_foreign_row_survives_a_put_before_it_is_ingested(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    new = {"guideline_id": "b0.new", "bot_id": "b0", "condition": "n", "origin": "crm"}
    store.insert("guidelines", [new])
    state.put(make_bot("b0", name="Other"), source=CLI, actor="ann")
    state.ingest()
    assert [g.id for g in state.get("b0").bot.guidelines] == ["b0.b", "b0.a", "b0.new"]
    assert state.get("b0").bot.name == "Other"
    changed = state.get("b0").bot.model_copy(update={"guidelines": []})
    state.put(changed, source=CLI, actor="ann")
    assert store.find("guidelines") == []


def test_fields_of_others_are_kept(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    store.swap("bots", {"bot_id": "b0"}, {"crm_id": 7})
    assert state.ingest().events == ()
    state.put(make_bot("b0", name="Other"), source=CLI, actor="ann")
    assert store.find("bots")[0]["crm_id"] == 7
    assert store.find("bots")[0]["name"] == "Other"


def test_foreign_metadata_survives(store: Store) -> None:
    metadata = {"owner": "x", "labels": ["not", "a", "map"], "deep": {"a": [1, None, {"b": 2.5}]}}
    store.insert("bots", [row("a", metadata=metadata)])
    state = DesiredState(store)
    state.ingest()
    bot = state.get("a").bot
    assert bot.annotations == metadata
    state.put(bot.model_copy(update={"name": "Other"}), source=CLI, actor="ann")
    assert store.find("bots")[0]["metadata"] == metadata
    assert state.ingest().events == ()


PROBLEMS: list[tuple[str, dict[str, Any], str]] = [
    ("bots", {"name": "x"}, "it has no bot_id"),
    ("bots", row("a/b"), "cannot be addressed"),
    ("bots", row("otto"), "Otto"),
    ("bots", row("x", name="Otto"), "Otto"),
    ("bots", row("x", composition_mode="loud"), "'loud'"),
    ("bots", row("x", metadata="text"), "metadata is not an object"),
    ("guidelines", {"guideline_id": "g", "bot_id": "ok"}, "it has no condition"),
    ("guidelines", {"guideline_id": "g/h", "bot_id": "ok", "condition": "c"}, "'g/h'"),
    ("guidelines", {"guideline_id": "g", "bot_id": "nobody", "condition": "c"}, "no row in bots"),
    ("guidelines", {"guideline_id": "g", "bot_id": "ok", "condition": "c", "criticality": "x"},
     "criticality"),
    ("journeys", {"journey_id": "j", "bot_id": "ok", "conditions": ["c"]}, "it has no title"),
    ("terms", {"term_id": "t", "bot_id": "ok", "name": "n"}, "it has no description"),
    ("relationships", {"bot_id": "ok", "kind": "love", "source": "agent:a", "target": "agent:b"},
     "kind"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bad", "said"), PROBLEMS)
def test_a_bad_row_is_reported_and_holds_up_nothing(
    name: str, bad: dict[str, Any], said: str
) -> None:
    store = LooseStore()
    store.insert("bots", [row("ok")])
    store.insert("guidelines", [{"guideline_id": "fine", "bot_id": "ok", "condition": "c"}])
    store.insert(name, [bad])
    state = DesiredState(store)
    for _ in range(2):
        problems = state.ingest().problems
        assert len(problems) == 1
        assert said in problems[0]
    assert set(state.read().bots) == {"ok"}
    assert [g.id for g in state.get("ok").bot.guidelines] == ["fine"]


def test_a_part_that_became_unreadable_stays_as_it_was(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    store.swap("guidelines", {"guideline_id": "b0.b"}, {"condition": None})
    ingested = state.ingest()
    assert ingested.events == ()
    assert "stays as it was" in ingested.problems[0]
    assert state.get("b0").bot == make_bot("b0")


def test_duplicates_crash_nothing(store: Store) -> None:
    store.insert(
        "bots", [row("a", name="one"), row("a", name="two", updated_at=datetime(2026, 1, 1))]
    )
    state = DesiredState(store)
    assert "different rows" in state.ingest().problems[0]
    assert state.get("a").bot.name == "two"
    state.put(Bot(id="a", name="three"), source=CLI, actor="ann")
    state.ingest()
    assert "a" in state.read().bots


def test_one_bot_deleted_by_hand_is_deleted(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 3)
    store.delete("bots", {"bot_id": "b1"})
    events = state.ingest().events
    assert [(event.bot_id, event.type) for event in events] == [("b1", EventType.DELETED)]
    assert set(state.read().bots) == {"b0", "b2"}
    assert store.find("guidelines", {"bot_id": "b1"}) == []
    assert state.ingest().problems == ()


@pytest.mark.parametrize("name", ["bots", "guidelines", "journeys"])
def test_a_dropped_collection_deletes_nothing(store: Store, make_bot: Make, name: str) -> None:
    state = filled(store, make_bot, 5)
    store.delete(name, {})
    ingested = state.ingest()
    assert ingested.events == ()
    assert ingested.vanished == ("b0", "b1", "b2", "b3", "b4")
    assert len(ingested.problems) == 1
    assert state.get("b3").bot == make_bot("b3")
    assert state.rebuild() == 5
    assert state.ingest().vanished == ()


ALL = ("bots", "guidelines", "journeys", "tool_mappings", "terms", "relationships")


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("names", [("bots",), ALL])
def test_the_last_bots_are_never_taken_for_deleted(
    store: Store, make_bot: Make, count: int, names: tuple[str, ...]
) -> None:
    state = filled(store, make_bot, count)
    for name in names:
        store.delete(name, {})
    bot_ids = tuple(f"b{n}" for n in range(count))
    for _ in range(2):
        ingested = state.ingest()
        assert (ingested.events, ingested.vanished) == ((), bot_ids)
        assert "otto-reconcile delete b0" in ingested.problems[0]
    assert tuple(state.read().bots) == bot_ids
    state.delete_many(bot_ids, source=CLI, actor="ann")
    assert state.ingest().vanished == ()
    assert state.read().bots == {}


def test_bots_deleted_by_hand_one_by_one_stop_at_the_last(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 3)
    gone = []
    for n in range(3):
        store.delete("bots", {"bot_id": f"b{n}"})
        gone += [event.bot_id for event in state.ingest().events]
    assert gone == ["b0", "b1"]
    assert set(state.read().bots) == {"b2"}


def test_unreadable_bot_is_no_reason_to_delete_the_other(store: Store, make_bot: Make) -> None:
    filled(store, make_bot, 2)
    store.swap("events", {"bot_id": "b0"}, {"schema": 99})
    store.delete("bots", {})
    state = DesiredState(store)
    ingested = state.ingest()
    assert (ingested.events, ingested.vanished) == ((), ("b1",))


def test_parts_of_the_only_bot_that_went_all_at_once_stay(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    store.delete("guidelines", {})
    ingested = state.ingest()
    assert (ingested.events, ingested.vanished) == ((), ("b0",))
    assert state.get("b0").bot == make_bot("b0")


def test_the_last_part_of_all_is_deleted_by_hand_as_any_other(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 1)
    for key in ("b0.a", "b0.b"):
        store.delete("guidelines", {"guideline_id": key})
        assert len(state.ingest().events) == 1
    assert state.get("b0").bot.guidelines == []


def test_loss_of_most_bot_rows_keeps_the_parts_of_the_others(store: Store, make_bot: Make) -> None:
    state = filled(store, make_bot, 5)
    store.delete("guidelines", {})
    for n in range(1, 5):
        store.delete("bots", {"bot_id": f"b{n}"})
    ingested = state.ingest()
    assert ingested.events == ()
    assert ingested.vanished == ("b0", "b1", "b2", "b3", "b4")
    assert state.get("b0").bot == make_bot("b0")


class Interrupted(LooseStore):
    """Runs `between` once, right after a collection was read: another process at work."""

    name, between = "", staticmethod(lambda: None)

    def find(self, collection: str, *args: Any, **options: Any) -> list[dict[str, Any]]:
        found = super().find(collection, *args, **options)
        if collection == self.name:
            self.name, between = "", self.between
            between()
        return found


@pytest.mark.parametrize("name", ["bots", "guidelines", "tool_mappings", "relationships"])
@pytest.mark.parametrize("change", ["create", "update", "delete"])
def test_a_writer_in_between_is_not_taken_for_a_wish(
    make_bot: Make, name: str, change: str
) -> None:
    store = Interrupted()
    writer = DesiredState(store)
    if change != "create":
        writer.put(make_bot(), source=CLI, actor="ann")
    daemon = DesiredState(store)

    def write() -> None:
        if change == "delete":
            writer.delete("desk", source=CLI, actor="ann")
        else:
            writer.put(make_bot(guidelines=[], name="N"), source=CLI, actor="ann")

    store.between, store.name = write, name  # type: ignore[assignment]
    assert daemon.ingest().events == ()
    assert daemon.ingest().events == ()
    assert all(event.source == CLI for event in daemon.history("desk"))


class Overtaken(LooseStore):
    """The first batch of rows of the thread `slow` is held until `before` is done."""

    def __init__(self) -> None:
        super().__init__()
        self.slow: threading.Thread | None = None
        self.before: Callable[[], None] = lambda: None
        self.held_at = 0
        self.arrived, self.let_go = threading.Event(), threading.Event()

    def batch(self, writes: Sequence[Write]) -> None:
        if threading.current_thread() is self.slow and writes:
            self.slow = None
            self.before()
        super().batch(writes)

    def swap(self, collection: str, where: Filter, changes: Mapping[str, Any]) -> bool:
        if changes.get("revision") == self.held_at and self.held_at and not self.arrived.is_set():
            self.arrived.set()
            assert self.let_go.wait(20)
        return super().swap(collection, where, changes)


@pytest.mark.parametrize("last", [3, 4, 5])
def test_overtaken_finisher_leaves_no_rows_of_an_old_revision(make_bot: Make, last: int) -> None:
    """The writer is held between its rows of the revision `last` and the moving of the head."""
    store = Overtaken()
    writer, daemon = DesiredState(store), DesiredState(store)

    def want(number: int) -> None:
        parts = [Guideline(id=f"desk.{number}", condition="c", tools=["t"])]
        bot = make_bot(name=f"Desk {number}", guidelines=parts, relationships=[])
        writer.put(bot, source=CLI, actor="ann")

    def write_on() -> None:
        for number in range(3, last + 1):
            want(number)

    thread = threading.Thread(target=write_on)

    def overtake() -> None:
        thread.start()
        assert store.arrived.wait(20)

    want(1)
    killed_after_the_event(store, lambda: want(2))
    store.slow, store.before, store.held_at = threading.current_thread(), overtake, last
    assert daemon.ingest().events == ()
    store.let_go.set()
    thread.join(20)
    assert daemon.ingest().events == ()
    assert [event.revision for event in daemon.history("desk")] == list(range(last, 0, -1))
    assert [row["guideline_id"] for row in store.find("guidelines")] == [f"desk.{last}"]
    assert store.find("bots")[0]["name"] == f"Desk {last}"


def killed_after_the_event(store: LooseStore, put: Callable[[], None]) -> None:
    def batch(writes: Sequence[Write]) -> None:
        if writes[0].collection != "events":
            raise StoreUnavailable("killed")
        LooseStore.batch(store, writes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "batch", batch)
        with pytest.raises(StoreUnavailable):
            put()


@pytest.mark.parametrize("name", ["bots", "guidelines"])
@pytest.mark.parametrize("later", [2, 6])
def test_single_earlier_row_counts_only_after_a_minute(
    make_bot: Make, name: str, later: int
) -> None:
    """What is seen while another process, overtaken, has not mended its rows yet."""
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    store = LooseStore()
    state = DesiredState(store, now=lambda: clock[0])
    for number in range(1, later + 1):
        parts = [Guideline(id=f"desk.{number}", condition="c")]
        bot = make_bot(name=f"Desk {number}", guidelines=parts, relationships=[])
        state.put(bot, source=CLI, actor="ann")
        clock[0] += timedelta(seconds=1)
        if number == 1:
            old = store.find(name)
    store.put(name, old)
    assert state.ingest().events == ()
    clock[0] += timedelta(seconds=60)
    assert len(state.ingest().events) == 1


PUTTER = """
import sys
from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.model import Bot, Guideline
from otto_reconcile.records import ingest
from otto_reconcile.settings import Settings
from otto_reconcile.store import open_store
from pathlib import Path
uri = sys.argv[2] or None
settings = Settings(data_dir=Path(sys.argv[1]), mongodb_uri=uri, database=sys.argv[3])
state = DesiredState(open_store(settings))
for n in range(40):
    parts = [Guideline(id=f"desk.{n}-{i}", condition=f"c{n}", tools=["t"]) for i in range(n % 4)]
    bot = Bot(id="desk", name=f"Desk {n}", guidelines=parts)
    state.put(bot, source=Source("cli"), actor="ann")
print("done")
"""


@pytest.mark.process
@pytest.mark.parametrize("sort", ["sqlite", "wire"])
def test_a_daemon_that_absorbs_does_not_fight_a_writing_command(
    sort: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = request.getfixturevalue("wire_uri") if sort == "wire" else ""
    database = f"otto_test_{uuid.uuid4().hex[:12]}"
    store: Store = MongoStore(uri, database) if uri else SQLiteStore(tmp_path / "otto.db")
    state = DesiredState(store)
    rounds = 0
    command = [sys.executable, "-c", PUTTER, str(tmp_path), uri, database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            assert state.ingest().events == ()
            rounds += 1
        assert process.stdout is not None
        assert process.stdout.read() == "done\n"
    assert rounds > 3
    assert state.ingest().events == ()
    assert [event.revision for event in state.history("desk")] == list(range(40, 0, -1))
    assert state.get("desk").bot.name == "Desk 39"
    store.close()


def test_rows_in_another_spelling_are_read_once(
    store: Store, make_bot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = DesiredState(store)
    state.put(make_bot(composition_mode="strict"), source=CLI, actor="ann")
    store.swap("bots", {"bot_id": "desk"}, {"composition_mode": "CANNED_STRICT"})
    assert state.ingest().events == ()
    assert state.get("desk").revision == 1

    def never(*arguments: object) -> None:
        raise AssertionError("rows that say what they said are not read again")

    monkeypatch.setattr(ingest, "declaration_from", never)
    ingested = DesiredState(store).ingest()
    assert (ingested.events, ingested.problems) == ((), ())
    DesiredState(store).put(make_bot(name="New"), source=CLI, actor="ann")
    assert DesiredState(store).ingest().events == ()


def test_change_that_could_not_be_recorded_is_found_again(
    store: Store, make_bot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store went away between the look at the rows and the event."""
    state = filled(store, make_bot, 3)
    assert state.ingest().events == ()
    store.swap("bots", {"bot_id": "b1"}, {"name": "Renamed"})

    def away(writes: Sequence[Write]) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "batch", away)
        with pytest.raises(StoreUnavailable):
            state.ingest()
    (event,) = state.ingest().events
    assert (event.bot_id, state.get("b1").bot.name) == ("b1", "Renamed")
