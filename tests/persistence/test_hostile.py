"""What the library's functions promise when they are given what no program should give."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from otto_reconcile.errors import SettingsError, StoreUnavailable
from otto_reconcile.persistence import (
    DomainPersistence,
    attach,
    get_persistence,
    initialize_persistence,
    persist_bot_creation,
    rehydrate_bots_from_persistence,
    shutdown_persistence,
)
from otto_reconcile.store.memory import MemoryStore
from tests.e2e.harness import wait_for

HALF = "\ud800"  # half of a pair, as a program that cuts texts makes it
HUGE = "x" * 17_000_000
NOWHERE = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100"


create: Any = persist_bot_creation
rehydrate: Any = rehydrate_bots_from_persistence
attached: Any = attach


class Tool:
    """As far as it is looked at before use, what `@p.tool` makes."""

    tool = SimpleNamespace(name="find")


class Nasty:
    """Even its text is an error."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def failing() -> Any:
    yield "one"
    raise RuntimeError("no more")


WRITES: list[tuple[Callable[[Any], Awaitable[bool]], str]] = [
    (lambda p: p.persist_bot(None, None), "it has no bot_id"),
    (lambda p: p.persist_bot(Nasty(), "B"), "internal error"),
    (lambda p: p.persist_bot(HALF, "B"), "cannot be addressed"),
    (lambda p: p.persist_bot("n", HALF), "name"),
    (lambda p: p.persist_bot("n", "B", HALF), "/description: half a character"),
    (lambda p: p.persist_bot("n", "B", HUGE), "17 MB"),
    (lambda p: p.persist_bot("n", "B", []), "description is not a text"),
    (lambda p: p.persist_bot("n", "B", None, None, 2**70), "64 bits"),
    (lambda p: p.persist_bot("n", "B", metadata="x"), "metadata is not an object"),
    (lambda p: p.persist_bot("n", "B", metadata=[1]), "metadata is not an object"),
    (lambda p: p.persist_bot("n", "B", metadata={"a": [HALF]}), "/annotations/a/0: half"),
    (lambda p: p.persist_bot("n", "B", metadata={HALF: 1}), "/annotations: half"),
    (lambda p: p.persist_guideline(None, None, None), "it has no bot_id"),
    (lambda p: p.persist_guideline(None, "b", "C"), "it has no guideline_id"),
    (lambda p: p.persist_guideline("n", "b", ["C"]), "condition is not a text"),
    (lambda p: p.persist_guideline("n", "b", "C", HALF), "/guidelines/1/action: half"),
    (lambda p: p.persist_journey(None, None, None), "it has no bot_id"),
    (lambda p: p.persist_journey("n", "b", "T", "", 7), "conditions is not a list of texts"),
    (lambda p: p.persist_journey("n", "b", "T", "", {"a": 1}), "conditions is not a list of texts"),
    (lambda p: p.persist_journey("n", "b", "T", "", [1]), "conditions is not a list of texts"),
    (lambda p: p.persist_journey("n", "b", "T", "", failing()), "internal error"),
    (lambda p: p.persist_tool_mapping(None, None, None), "it has no bot_id"),
    (lambda p: p.persist_tool_mapping("b", "g", None), "it has no tool_name"),
    (lambda p: p.persist_tool_mapping("b", "g", ["t"]), "tool_name is not a text"),
    (lambda p: p.delete_bot(None), "it has no bot_id"),
    (lambda p: p.delete_bot(HALF), "cannot be addressed"),
    (lambda p: create(p, None, None), "it has no agent_id"),
    (lambda p: create(p, "n", "N", metadata="x"), "metadata is not an object"),
]  # fmt: skip


async def test_write_that_cannot_be_recorded_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    assert await persistence.persist_bot("b", "B")
    assert await persistence.persist_guideline("g", "b", "C")
    before = persistence.stores.desired.read()
    for place, (write, said) in enumerate(WRITES):
        caplog.clear()
        assert await write(persistence) is False, place
        assert said in str(persistence.problem), place
        assert "not recorded" in caplog.text, place
    assert persistence.stores.desired.read() == before


async def test_none_means_nothing_is_said_and_any_iterable_is_a_list() -> None:
    persistence: Any = DomainPersistence.over(MemoryStore())
    nothing = None
    assert await create(
        persistence, "b", "B", guidelines=nothing, journeys=nothing, metadata=nothing,
        terms=nothing, relationships=nothing,
    )  # fmt: skip
    assert await persistence.persist_journey("j", "b", "T", nothing, nothing)
    assert await persistence.persist_journey("k", "b", "T", "", (one for one in ("x", "y")))
    assert [row["conditions"] for row in await persistence.list_journeys("b")] == [[], ["x", "y"]]
    tools = {"id": "g", "condition": "C", "tools": ("b", "a"), 7: "unknown"}
    assert await create(persistence, "c", "C", guidelines=iter([tools]))
    mappings = await persistence.list_tool_mappings("c")
    assert [row["tool_name"] for row in mappings] == ["a", "b"]


@pytest.mark.parametrize("given", [[7, None, "abc"], "abc", {"id": "g"}, 7])
@pytest.mark.parametrize("group", ["guidelines", "journeys", "terms", "relationships"])
async def test_parts_that_are_none_are_left_out_of_the_mirrored_bot(group: str, given: Any) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    good = {
        "guidelines": [{"id": "g-1", "condition": "C"}],
        "journeys": [{"id": "j", "title": "T"}],
    }
    parts: dict[str, Any] = {**good, group: given}
    assert not await create(persistence, "n", "N", **parts)
    assert f"{group} of bot 'n'" in str(persistence.problem)
    bot = persistence.stores.desired.get("n").bot
    assert len(bot.guidelines) == (group != "guidelines")
    assert len(bot.journeys) == (group != "journeys")


async def test_an_id_that_is_none_is_nobodys() -> None:
    persistence: Any = DomainPersistence.over(MemoryStore())
    assert await persistence.persist_bot("b", "B")
    assert await persistence.persist_guideline("g", "b", "C")
    no_id: Any
    for no_id in (None, "", HALF, "a/b", [], {}, "None"):
        assert await persistence.get_bot(no_id) is None
        assert await persistence.list_guidelines(no_id) == []
        assert await persistence.list_journeys(no_id) == []
        assert await persistence.list_tool_mappings(no_id) == []


async def test_disabled_says_why_in_problem_and_once_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await shutdown_persistence()
    assert not await create(get_persistence(), "b", "B", guidelines=7)
    assert not await get_persistence().persist_bot("b", "B")
    assert not await get_persistence().persist_journey("j", "b", "T")
    assert "disabled: no MongoDB URI" in str(get_persistence().problem)
    assert caplog.text.count("disabled") == 1


async def test_what_is_no_persistence_is_an_answer_and_no_exception(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server: Any = object()
    memory = DomainPersistence.over(MemoryStore())
    for wrong in (None, 7, "mongodb://127.0.0.1:9"):
        assert await create(wrong, "b", "B") is False
        assert "persistence: give a DomainPersistence" in caplog.text
        restored = await rehydrate(server, wrong)
        assert (restored["enabled"], restored["bots_restored"]) == (False, 0)
        assert "persistence: give a DomainPersistence" in restored["errors"][0]
        assert "1 error" in restored["message"]
    for no_server in (None, "x", server):
        restored = await rehydrate(no_server, memory)
        assert restored["enabled"]
        assert "server: give the p.Server" in restored["errors"][0]
        with pytest.raises(SettingsError, match=r"server: give the p\.Server"):
            await attached(no_server, persistence=memory)
    with pytest.raises(SettingsError, match="persistence: give"):
        await attached(server, persistence="x")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tools": 7}, "tools: "),
        ({"tools": [7]}, "tools: "),
        ({"tools": [Tool(), Tool()]}, "tools: two are named 'find'"),
        ({"headers": "x"}, "headers: "),
        ({"headers": {"a": 1}}, "headers: "),
        ({"target": 7}, "target: "),
        ({"target": ""}, "target: "),
    ],
)
async def test_wrong_arguments_are_named(wrong: dict[str, Any], said: str) -> None:
    class Server:
        port, container = 1, None

    server: Any = Server()
    memory = DomainPersistence.over(MemoryStore())
    restored = await rehydrate(server, memory, **wrong)
    assert restored["errors"][0].startswith(said)
    with pytest.raises(SettingsError, match=said):
        await attached(server, persistence=memory, **wrong)
    for interval in (0, -1, "x", float("nan"), None):
        with pytest.raises(SettingsError, match="interval: "):
            await attached(server, persistence=memory, interval=interval)
    for evaluate in (7, "now", None):
        with pytest.raises(SettingsError, match="evaluate: "):
            await attached(server, persistence=memory, evaluate=evaluate)
        restored = await rehydrate(server, memory, evaluate=evaluate)
        assert restored["errors"][0].startswith("evaluate: ")


@pytest.mark.parametrize(
    ("uri", "database"),
    [
        (7, "d"), (b"mongodb://127.0.0.1:9", "d"), (HALF, "d"), ("mongodb://" + HALF, "d"),
        (NOWHERE, 7), (NOWHERE, ""), (NOWHERE, HALF), (NOWHERE, "x" * 64),
        (NOWHERE, "a b/$"),
    ],
)  # fmt: skip
async def test_a_database_that_cannot_be_is_a_sentence(uri: Any, database: Any) -> None:
    ok, message = await initialize_persistence(uri, database)
    assert (ok, "mongodb_uri or database_name: " in message) == (False, True)
    assert get_persistence().enabled
    assert await get_persistence().persist_bot("b", "B") is False
    with pytest.raises(SettingsError):
        await get_persistence().list_bots()
    await shutdown_persistence()


async def test_a_persistence_that_was_closed_is_away(mongodb: str, database: str) -> None:
    persistence = DomainPersistence(mongodb, database)
    assert await persistence.persist_bot("b", "B")
    assert not await persistence.persist_bot("h", "H", HUGE)
    assert "17 MB" in str(persistence.problem)  # and not that the server is away
    await persistence.close()
    await persistence.close()
    assert await persistence.persist_bot("c", "C") is False
    assert "was closed" in str(persistence.problem)
    assert await persistence.connect() == (False, persistence.problem)
    for read in (persistence.list_bots(), persistence.get_bot("b")):
        with pytest.raises(StoreUnavailable):
            await read
    unused = DomainPersistence(mongodb, database)
    await unused.close()
    assert await unused.persist_bot("c", "C") is False
    assert "was closed" in str(unused.problem)
    assert await unused.connect() == (False, unused.problem)
    for closed in (persistence, unused):
        with pytest.raises(SettingsError, match="persistence: it was closed"):
            await attached(SimpleNamespace(port=1, container=None), persistence=closed)


async def test_initializing_at_once_leaves_one_open(mongodb: str, database: str) -> None:
    def clients() -> int:
        return sum("pymongo_kill_cursors" in thread.name for thread in threading.enumerate())

    before = clients()
    done = await asyncio.gather(*(initialize_persistence(mongodb, database) for _ in range(3)))
    assert [ok for ok, _ in done] == [True] * 3
    assert await get_persistence().persist_bot("b", "B")
    await shutdown_persistence()
    await asyncio.to_thread(wait_for, "the others are closed", lambda: clients() <= before)


async def test_waiting_writes_find_out_once_that_the_database_is_away() -> None:
    class Slow(MemoryStore):
        asked = 0

        def find(self, *args: Any, **options: Any) -> Any:
            self.asked += 1
            time.sleep(0.3)  # as a driver does before it gives up
            raise StoreUnavailable("the store is away")

    store = Slow()
    persistence = DomainPersistence.over(store)
    done = await asyncio.gather(*(persistence.persist_bot(f"b-{n}", "B") for n in range(5)))
    assert done == [False] * 5
    assert store.asked < 5
    asked = store.asked
    assert await persistence.persist_bot("b", "B") is False
    assert store.asked > asked  # who comes later asks anew
