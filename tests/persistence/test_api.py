"""The programs' face of what is wanted: what it writes, what it reads, and how it fails."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.model import Term
from otto_reconcile.persistence import (
    DomainPersistence,
    get_persistence,
    initialize_persistence,
    persist_bot_creation,
    shutdown_persistence,
)
from otto_reconcile.persistence.writes import KIND
from otto_reconcile.store.memory import MemoryStore
from tests.persistence.conftest import MongoClient

DEAD = "mongodb://somebody:pa55word@127.0.0.1:9/?serverSelectionTimeoutMS=200"


async def filled(persistence: DomainPersistence) -> None:
    assert await persistence.persist_bot(
        "agent-1", "Hexon", "Tracks orders.", "FLUID", 4, {"team": "shop"}
    )
    assert await persistence.persist_guideline(
        "g-1", "agent-1", "They ask where it is", "Ask for the number", "As it is", "HIGH"
    )
    assert await persistence.persist_journey(
        "j-1", "agent-1", "Return", "Find it, take it back.", ["They send it back", "It is broken"]
    )
    assert await persistence.persist_tool_mapping("agent-1", "g-1", "find_order")


def dateless(document: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in document.items() if k not in ("created_at", "updated_at")}


async def test_what_was_persisted_is_listed(persistence: DomainPersistence) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await filled(persistence)
    (bot,) = await persistence.list_bots()
    assert dateless(bot) == {
        "bot_id": "agent-1",
        "name": "Hexon",
        "description": "Tracks orders.",
        "composition_mode": "fluid",
        "max_engine_iterations": 4,
        "metadata": {"team": "shop"},
    }
    assert before < bot["created_at"] <= bot["updated_at"] <= datetime.now(UTC)
    (guideline,) = await persistence.list_guidelines("agent-1")
    assert dateless(guideline) == {
        "guideline_id": "g-1",
        "bot_id": "agent-1",
        "condition": "They ask where it is",
        "action": "Ask for the number",
        "description": "As it is",
        "criticality": "high",
    }
    (journey,) = await persistence.list_journeys("agent-1")
    assert dateless(journey) == {
        "journey_id": "j-1",
        "bot_id": "agent-1",
        "title": "Return",
        "description": "Find it, take it back.",
        "conditions": ["They send it back", "It is broken"],
    }
    (mapping,) = await persistence.list_tool_mappings("agent-1")
    assert dateless(mapping) == {
        "bot_id": "agent-1",
        "guideline_id": "g-1",
        "tool_name": "find_order",
    }
    assert mapping.keys() >= {"created_at"}
    assert await persistence.get_bot("agent-1") == bot
    assert await persistence.get_bot("nobody") is None
    assert await persistence.list_guidelines("nobody") == []


async def test_each_write_is_an_event_and_the_same_again_is_none(
    persistence: DomainPersistence,
) -> None:
    await filled(persistence)
    history = persistence.stores.desired.history("agent-1")
    assert [event.revision for event in history] == [4, 3, 2, 1]
    assert {event.source.kind for event in history} == {KIND}
    await filled(persistence)
    assert persistence.stores.desired.history("agent-1") == history


async def test_the_rows_are_those_that_other_programs_read(mongodb: str, database: str) -> None:
    persistence = DomainPersistence(mongodb, database)
    await filled(persistence)
    await persistence.close()
    with MongoClient(mongodb) as client:
        (row,) = client[database]["guidelines"].find({"bot_id": "agent-1"})
        assert row["criticality"] == "high"
        assert row["guideline_id"] == "g-1"
        assert client[database]["bots"].count_documents({}) == 1


async def test_writing_a_bot_again_keeps_what_the_call_cannot_say(
    persistence: DomainPersistence,
) -> None:
    await filled(persistence)
    desired = persistence.stores.desired
    wanted = desired.get("agent-1")
    term = Term(id="t-1", name="RMA", description="A number")
    richer = wanted.bot.model_copy(update={"terms": [term], "message_output_mode": "block"})
    desired.put(richer, source=wanted.source, actor="test")
    assert await persistence.persist_bot("agent-1", "Hexon II", None, "Strict-Canned")
    bot = desired.get("agent-1").bot
    assert (bot.name, bot.composition_mode, bot.description) == ("Hexon II", "strict", None)
    assert bot.terms == [term]
    assert bot.message_output_mode == "block"
    assert [guideline.id for guideline in bot.guidelines] == ["g-1"]
    assert bot.guidelines[0].tools == ["find_order"]


async def test_deleting_a_bot_takes_all_of_it(persistence: DomainPersistence) -> None:
    await filled(persistence)
    assert await persistence.persist_bot("agent-2", "Other")
    assert await persistence.delete_bot("agent-1")
    assert [bot["bot_id"] for bot in await persistence.list_bots()] == ["agent-2"]
    store = persistence.stores.store
    for name in ("bots", "guidelines", "journeys", "tool_mappings"):
        assert store.find(name, {"bot_id": "agent-1"}) == []
    assert not await persistence.delete_bot("agent-1")
    assert "agent-1" in str(persistence.problem)


async def test_many_writes_to_one_bot_at_once_all_count(persistence: DomainPersistence) -> None:
    assert await persistence.persist_bot("agent-1", "Hexon")
    writes = (persistence.persist_guideline(f"g-{n}", "agent-1", f"Case {n}") for n in range(25))
    assert all(await asyncio.gather(*writes))
    listed = await persistence.list_guidelines("agent-1")
    assert sorted(row["guideline_id"] for row in listed) == sorted(f"g-{n}" for n in range(25))


async def test_writers_that_know_nothing_of_each_other_lose_nothing(
    persistence: DomainPersistence,
) -> None:
    store = persistence.stores.store
    writers = [DomainPersistence.over(store) for _ in range(3)]
    assert await persistence.persist_bot("agent-1", "Hexon")
    writes = (
        writer.persist_guideline(f"g-{number}-{n}", "agent-1", f"Case {number} {n}")
        for n in range(6)
        for number, writer in enumerate(writers)
    )
    assert all(await asyncio.gather(*writes))
    assert len(await persistence.list_guidelines("agent-1")) == 18
    assert len(persistence.stores.desired.history("agent-1")) == 19


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda p: p.persist_bot("otto", "Somebody"), "Otto's id and name are its own"),
        (lambda p: p.persist_bot("agent-9", " OTTO "), "Otto's id and name are its own"),
        (lambda p: p.persist_bot("a/b", "Name"), "cannot be addressed"),
        (lambda p: p.persist_bot("", "Name"), "it has no bot_id"),
        (lambda p: p.persist_bot("b", "Name", None, "loud"), "none of fluid, composited, strict"),
        (lambda p: p.persist_bot("b", "Name", None, None, 0), "max_engine_iterations"),
        (lambda p: p.persist_guideline("g", "nobody", "Case"), "no bot 'nobody': persist it first"),
        (lambda p: p.persist_guideline("g", "agent-1", " "), "it has no condition"),
        (lambda p: p.persist_guideline("g", "agent-1", "C", criticality="dire"), "criticality"),
        (lambda p: p.persist_guideline("g-1", "agent-2", "Case"), "'g-1' is that of bot 'agent-1'"),
        (lambda p: p.persist_journey("j", "agent-1", "", "D"), "it has no title"),
        (lambda p: p.persist_tool_mapping("agent-1", "g-7", "t"), "no guideline 'g-7'"),
        (lambda p: p.persist_tool_mapping("agent-1", "g-1", ""), "tool_name"),
    ],
)
async def test_what_cannot_be_wanted_is_refused_with_a_reason(
    write: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    await filled(persistence)
    await persistence.persist_bot("agent-2", "Other")
    before = persistence.stores.desired.read()
    with caplog.at_level(logging.WARNING, "otto_reconcile.persistence"):
        assert await write(persistence) is False
    assert said in str(persistence.problem)
    assert said in caplog.text
    assert persistence.stores.desired.read() == before


async def test_disabled_answers_without_a_database() -> None:
    for nothing in (None, "", "  "):
        persistence = DomainPersistence(nothing)
        assert persistence.enabled is False
        ok, message = await persistence.connect()
        assert (ok, "disabled" in message) == (False, True)
        assert await persistence.persist_bot("b", "B") is False
        assert await persistence.persist_guideline("g", "b", "c") is False
        assert await persistence.persist_journey("j", "b", "t") is False
        assert await persistence.persist_tool_mapping("b", "g", "t") is False
        assert await persistence.delete_bot("b") is False
        assert await persist_bot_creation(persistence, "b", "B") is False
        assert await persistence.list_bots() == []
        assert await persistence.list_guidelines("b") == []
        assert await persistence.list_journeys("b") == []
        assert await persistence.list_tool_mappings("b") == []
        assert await persistence.get_bot("b") is None
        await persistence.close()


async def test_a_server_that_is_away_is_told_apart_from_an_empty_one() -> None:
    persistence = DomainPersistence(DEAD)
    assert persistence.enabled is True
    ok, message = await persistence.connect()
    assert not ok
    assert "127.0.0.1:9" in message
    assert "otto_domain" in message
    assert await persistence.persist_bot("b", "B") is False
    assert await persist_bot_creation(persistence, "b", "B") is False
    for read in (persistence.list_bots(), persistence.list_guidelines("b")):
        with pytest.raises(StoreUnavailable):
            await read
    await persistence.close()


@pytest.mark.parametrize(
    "uri",
    [
        DEAD,
        "mongodb://somebody:pa55word@",
        "mongodb://somebody:pa55word@host:port/",
        "mongodb://some:body:pa55word@host/",
        "mongodb://somebody:pa55word@host:99999/",
        "mongodb://somebody:pa55word@host/?authMechanism=no",
        "mongodb://somebody:pa55word@host/?tlsCAFile=/nowhere",
        "mongodb+srv://somebody:pa55word@127.0.0.1/",
        "mongodb+srv://somebody:pa55word@nowhere.invalid/",
        "http://somebody:pa55word@host/",
        "somebody:pa55word@host",
        "mongodb://somebody:pa55word@[::1",
        "mongodb://somebody:x/pa55word@host/",
        "mongodb://somebody:x?pa55word@host/",
        "mongodb://somebody:x#pa55word@host/",
        "mongodb://somebody:x@pa55word@host/",
        "mongodb://somebody:x://pa55word@host/",
    ],
)
async def test_no_uri_makes_connecting_raise_or_tell_the_password(
    uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    persistence = DomainPersistence(uri)
    ok, message = await persistence.connect()
    assert not ok
    assert await persistence.persist_bot("b", "B") is False
    assert message
    for said in (message, str(persistence.problem), caplog.text, repr(persistence)):
        assert "pa55word" not in said
    await persistence.close()


async def test_connecting_says_where_without_credentials(mongodb: str, database: str) -> None:
    host = mongodb.removeprefix("mongodb://")
    ok, message = await initialize_persistence(f"{mongodb}/?appName=pa55word", database)
    assert (ok, message) == (True, f"connected to MongoDB mongodb://{host}/ database {database}")
    assert get_persistence().enabled
    assert await get_persistence().persist_bot("b", "B")
    await shutdown_persistence()
    assert not get_persistence().enabled
    assert await initialize_persistence(None) == (
        False,
        "persistence is disabled: no MongoDB URI was given",
    )
    await shutdown_persistence()


async def test_a_made_bot_is_mirrored_whole_in_one_revision(
    persistence: DomainPersistence,
) -> None:
    done = await persist_bot_creation(
        persistence,
        "0f3kx92",
        "Hexon",
        "Tracks orders.",
        "COMPOSITED",
        5,
        [
            {"guideline_id": "g-1", "condition": "They ask", "action": "Tell", "tools": ["find"]},
            {"id": "g-2", "condition": "They chat", "criticality": "LOW"},
        ],
        [{"id": "j-1", "title": "Return", "description": "", "conditions": "They return it"}],
        {"made": "by a chat"},
        terms=[{"id": "t-1", "name": "RMA", "description": "A number"}],
        relationships=[{"kind": "priority", "source": "g-1", "target": "g-2"}],
        session="s-1",
    )
    assert done
    (event,) = persistence.stores.desired.history("0f3kx92")
    assert event.source.session == "s-1"
    bot = event.bot
    assert bot is not None
    assert bot.composition_mode == "composited"
    assert [(g.id, g.criticality, g.tools) for g in bot.guidelines] == [
        ("g-1", None, ["find"]),
        ("g-2", "low", None),
    ]
    assert bot.journeys[0].conditions == ["They return it"]
    assert bot.terms[0].id == "t-1"
    assert bot.relationships[0].source == "guideline:g-1"
    assert bot.annotations == {"made": "by a chat"}
    assert [row["guideline_id"] for row in await persistence.list_guidelines("0f3kx92")] == [
        "g-1",
        "g-2",
    ]


async def test_a_broken_part_is_left_out_and_the_rest_is_mirrored() -> None:
    persistence = DomainPersistence.over(MemoryStore())
    guidelines = [{"id": "g-1", "condition": ""}, {"id": "g-2", "condition": "They ask"}]
    assert not await persist_bot_creation(persistence, "b", "B", guidelines=guidelines)
    assert "g-1" in str(persistence.problem)
    assert [row["guideline_id"] for row in await persistence.list_guidelines("b")] == ["g-2"]
    guidelines = [
        {"id": "g-2", "condition": "They leave", "tools": ["wave"]},
        {"id": "g-3", "condition": "They come"},
    ]
    bonds = [{"kind": "priority", "source": "g-2", "target": "g-3"}]
    assert not await persist_bot_creation(
        persistence, "c", "C", guidelines=guidelines, relationships=bonds
    )
    assert "'g-2' is that of bot 'b'" in str(persistence.problem)
    assert [row["guideline_id"] for row in await persistence.list_guidelines("c")] == ["g-3"]
    assert await persistence.list_tool_mappings("c") == []
    assert persistence.stores.desired.get("c").bot.relationships == []
    assert [row["condition"] for row in await persistence.list_guidelines("b")] == ["They ask"]


@pytest.mark.parametrize(
    "arguments",
    [("otto", "Otto"), ("", "B"), (None, "B"), ("b", "B", None, None, "many"), ("b", "B" * 101)],
)
async def test_a_bot_that_cannot_be_mirrored_is_no_exception(arguments: tuple[Any, ...]) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    assert await persist_bot_creation(persistence, *arguments) is False
    assert persistence.stores.desired.read().bots == {}


async def test_a_part_without_an_id_gets_the_same_one_each_time() -> None:
    persistence = DomainPersistence.over(MemoryStore())
    for _ in range(2):
        parts = [
            {"condition": "They ask where it is", "action": action}
            for action in ("Ask for the number", "Be kind", "Be kind")
        ]
        assert await persist_bot_creation(persistence, "b", "B", guidelines=parts)
    (event,) = persistence.stores.desired.history("b")
    assert event.bot is not None
    first, second = event.bot.guidelines
    assert first.id.startswith("b.they-ask-where-it-is-")
    assert {first.action, second.action} == {"Ask for the number", "Be kind"}


def test_importing_the_library_imports_no_parlant_and_no_driver() -> None:
    code = (
        "import sys, otto_reconcile.persistence; "
        "print([m for m in ('parlant', 'pymongo', 'bson', 'deepdiff') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_environment_names_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50"
    monkeypatch.setenv("MONGODB_DATABASE_NAME", "shop")
    for arguments, database in (((uri,), "shop"), ((uri, "other"), "other")):
        await initialize_persistence(*arguments)
        assert get_persistence().stores.store.label.endswith(f"database {database}")
    monkeypatch.delenv("MONGODB_DATABASE_NAME")
    await initialize_persistence(uri)
    assert get_persistence().stores.store.label.endswith("database otto_domain")
    await shutdown_persistence()
