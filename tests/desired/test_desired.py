"""Writing, reading, history and conflicts of the desired state, on every sort of store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, EventType, Source
from otto_reconcile.errors import Conflict, NotFound, PermanentError, StoreUnavailable
from otto_reconcile.model import Bot
from otto_reconcile.store.base import Store
from tests.support.stores import LooseStore

CLI = Source("cli")
Make = Callable[..., Bot]


def put(state: DesiredState, bot: Bot, **more: Any) -> Any:
    return state.put(bot, source=CLI, actor="ann", **more)


def test_put_is_read_back_and_putting_again_changes_nothing(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    event = put(state, make_bot())
    assert (event.revision, event.type) == (1, EventType.CREATED)
    assert put(state, make_bot()) is None
    for reader in (state, DesiredState(store)):
        wanted = reader.read().bots["desk"]
        assert (wanted.bot, wanted.revision, wanted.source) == (make_bot(), 1, CLI)
    assert len(state.history("desk")) == 1
    assert state.ingest().events == ()


def test_rows_have_the_fields_that_are_promised_and_no_others(store: Store, make_bot: Make) -> None:
    put(DesiredState(store), make_bot(guidelines=[{"id": "desk.a", "condition": "a"}]))
    assert set(store.find("bots")[0]) == {
        "bot_id", "name", "description", "composition_mode", "max_engine_iterations",
        "metadata", "created_at", "updated_at",
    }  # fmt: skip
    assert set(store.find("guidelines")[0]) == {
        "guideline_id", "bot_id", "condition", "action", "description", "criticality",
        "created_at", "updated_at",
    }  # fmt: skip
    assert set(store.find("journeys")[0]) == {
        "journey_id", "bot_id", "title", "description", "conditions", "created_at", "updated_at"
    }  # fmt: skip
    assert store.find("bots")[0]["created_at"].utcoffset() == timedelta(0)


def test_tool_mappings_follow_the_tools(store: Store, make_bot: Make) -> None:
    put(DesiredState(store), make_bot())
    rows = store.find("tool_mappings", order=[("tool_name", 1)])
    assert [row["tool_name"] for row in rows] == ["a", "s:x"]
    assert set(rows[0]) == {"bot_id", "guideline_id", "tool_name", "created_at"}


def test_a_change_rewrites_only_the_rows_that_differ(store: Store, make_bot: Make) -> None:
    times = iter(datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 9))
    state = DesiredState(store, now=lambda: next(times))
    put(state, make_bot())
    put(state, make_bot(guidelines=make_bot().guidelines[:1], description="New."))
    assert [row["guideline_id"] for row in store.find("guidelines")] == ["desk.b"]
    bot, guideline = store.find("bots")[0], store.find("guidelines")[0]
    assert (bot["created_at"].day, bot["updated_at"].day) == (1, 2)
    assert (guideline["created_at"].day, guideline["updated_at"].day) == (1, 1)


def test_a_deleted_bot_is_gone_and_continues_its_count(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    put(state, make_bot())
    state.delete("desk", source=CLI, actor="ann")
    assert state.read().bots == {}
    assert [store.find(name) for name in ("bots", "guidelines", "tool_mappings")] == [[], [], []]
    assert put(state, make_bot()).revision == 3
    assert [event.type for event in state.history("desk")] == ["created", "deleted", "created"]
    with pytest.raises(NotFound):
        state.delete("nobody", source=CLI, actor="ann")
    with pytest.raises(NotFound):
        state.get("nobody")


def test_a_put_never_resumes(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    put(state, make_bot())
    assert state.suspend("desk", True, source=CLI, actor="ann").type == "suspended"  # type: ignore[union-attr]
    assert state.suspend("desk", True, source=CLI, actor="ann") is None
    assert put(state, make_bot()) is None
    put(state, make_bot(name="Other"))
    assert state.get("desk").bot.suspended
    assert state.ingest().events == ()
    state.suspend("desk", False, source=CLI, actor="ann")
    assert not state.get("desk").bot.suspended


def test_expect_is_held(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    put(state, make_bot(), expect=0)
    with pytest.raises(Conflict, match="revision 1, not 0"):
        put(state, make_bot(name="Other"), expect=0)
    assert put(state, make_bot(name="Other"), expect=1).revision == 2
    with pytest.raises(Conflict):
        state.delete("desk", source=CLI, actor="ann", expect=1)


def test_many_at_once(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    put(state, make_bot("b0"))
    items = [(make_bot(f"b{n}"), Source("manifest", path=f"{n}.yaml")) for n in range(30)]
    events = state.put_many(items, actor="ann")
    assert [event is None for event in events] == [True] + [False] * 29
    assert len(state.read().bots) == 30
    gone = state.delete_many(["b1", "b2", "none"], source=CLI, actor="ann")
    assert [event.bot_id for event in gone] == ["b1", "b2"]
    assert len(DesiredState(store).read().bots) == 28


def test_writers_side_by_side_lose_nothing(store: Store, make_bot: Make) -> None:
    def write(writer: int) -> None:
        state = DesiredState(store)
        for n in range(5):
            put(state, make_bot(description=f"{writer} {n}"))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = DesiredState(store)
    history = state.history("desk")
    assert [event.revision for event in history] == list(range(15, 0, -1))
    assert state.get("desk").bot == history[0].bot
    state.ingest()
    assert store.find("bots")[0]["description"] == state.get("desk").bot.description


def test_marker_moves_with_every_event_whatever_the_clocks_say(
    store: Store, make_bot: Make
) -> None:
    late = DesiredState(store, now=lambda: datetime(2030, 1, 1, tzinfo=UTC))
    early = DesiredState(store, now=lambda: datetime(2020, 1, 1, tzinfo=UTC))
    markers = [late.marker()]
    for n, state in enumerate([late, early, late, early]):
        put(state, make_bot(f"b{n % 2}", description=str(n)))
        markers.append(early.marker())
    assert len(set(markers)) == 5
    assert late.marker() == markers[-1]


@pytest.mark.parametrize("damage", [{"schema": 99}, {"bot": {"id": "desk"}}, {"source": None}])
def test_a_bot_that_cannot_be_read_is_named(
    store: Store, make_bot: Make, damage: dict[str, Any]
) -> None:
    state = DesiredState(store)
    put(state, make_bot())
    put(state, make_bot("other"))
    store.swap("events", {"bot_id": "desk", "revision": 1}, damage)
    desired = DesiredState(store).read()
    assert set(desired.bots) == {"other"}
    assert set(desired.unreadable) == {"desk"}
    assert DesiredState(store).ingest().events == ()


def test_rebuild_makes_rows_and_heads_from_the_events(store: Store, make_bot: Make) -> None:
    state = DesiredState(store)
    put(state, make_bot())
    put(state, make_bot("gone"))
    state.delete("gone", source=CLI, actor="ann")
    for name in ("bots", "guidelines", "heads", "tool_mappings"):
        store.delete(name, {})
    assert DesiredState(store).read().bots["desk"].bot == make_bot()
    assert len(store.find("guidelines")) == 2
    assert state.rebuild(["desk"]) == 1
    assert state.ingest().events == ()


class Dying(LooseStore):
    """Fails for ever at the write of that number, before or after doing it: a process killed."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 10**9
        self.done_first = False

    def batch(self, writes: Any) -> None:
        self._die(lambda: super(Dying, self).batch(writes))

    def swap(self, collection: str, where: Any, changes: Any) -> bool:
        return bool(self._die(lambda: super(Dying, self).swap(collection, where, changes)))

    def _die(self, write: Callable[[], Any]) -> Any:
        self.left -= 1
        if self.left > 0:
            return write()
        if self.left == 0 and self.done_first:
            write()
        raise StoreUnavailable("killed")


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("done_first", [True, False])
@pytest.mark.parametrize("change", ["create", "update", "delete"])
def test_kill_at_any_write_leaves_the_old_or_the_new_whole(
    make_bot: Make, at: int, done_first: bool, change: str
) -> None:
    store = Dying()
    old, new = make_bot(), make_bot(description="New.", guidelines=[])
    if change != "create":
        put(DesiredState(store), old)
    store.left, store.done_first = at, done_first
    died = False
    try:
        if change == "delete":
            DesiredState(store).delete("desk", source=CLI, actor="ann")
        else:
            put(DesiredState(store), new)
    except StoreUnavailable:
        died = True
    store.left = 10**9
    committed = len(store.find("events")) == (1 if change == "create" else 2)
    assert died or committed
    state = DesiredState(store)
    wanted = state.read().bots.get("desk")
    before = None if change == "create" else old
    after = None if change == "delete" else new
    expected = after if committed else before
    assert (wanted.bot if wanted else None) == expected
    assert state.ingest().events == ()
    assert [row["description"] for row in store.find("bots")] == (
        [expected.description] if expected else []
    )
    put(state, make_bot(description="Newest."))
    assert state.get("desk").bot.description == "Newest."


@pytest.mark.parametrize("fields", [{"id": "otto"}, {"name": " OTTO "}])
def test_id_and_name_of_the_agent_of_this_tool_are_refused(
    store: Store, make_bot: Callable[..., Bot], fields: dict[str, str]
) -> None:
    with pytest.raises(PermanentError, match="agent of this tool"):
        put(DesiredState(store), make_bot().model_copy(update=fields))
    assert store.find("events") == []
