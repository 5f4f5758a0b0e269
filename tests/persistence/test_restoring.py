"""Restoring once, in the body of a real server that is left before it serves."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import httpx
import pytest
from bson import ObjectId
from fastapi import FastAPI

from otto_reconcile.desired import Source
from otto_reconcile.errors import SettingsError, StoreUnavailable
from otto_reconcile.model import Bot, Guideline, Journey, Relationship, Term
from otto_reconcile.persistence import (
    DomainPersistence,
    attach,
    persist_bot_creation,
    rehydrate_bots_from_persistence,
)
from otto_reconcile.persistence.arguments import target_of
from otto_reconcile.store.memory import MemoryStore
from tests.parlant_server.tools import look_up
from tests.persistence.conftest import Body, Fill, MongoClient

NOON = datetime(2025, 3, 4, 12, 0)  # without a zone, as many programs write

FOREIGN: dict[str, list[dict[str, Any]]] = {
    "bots": [
        {
            "bot_id": "0f3kx92",
            "name": "Hexon",
            "description": "Tracks orders.",
            "composition_mode": "FLUID",
            "max_engine_iterations": 4,
            "metadata": {"team": "shop"},
            "created_at": NOON,
            "updated_at": NOON,
        },
        {"bot_id": "agent-123", "name": "Plain", "composition_mode": "canned_strict"},
        {"bot_id": "bare"},
        {"bot_id": "agent-7", "name": "Loud", "composition_mode": "Strict-Canned"},
        {"bot_id": "otto", "name": "The maker"},
        {"bot_id": "agent-666", "name": "OTTO"},
        {"bot_id": "broken", "name": "Broken", "composition_mode": "shouting"},
        {"bot_id": "no/path", "name": "Unaddressable"},
    ],
    "guidelines": [
        {
            "guideline_id": "Xy12",
            "bot_id": "0f3kx92",
            "condition": "They ask where it is",
            "action": "Ask for the number",
            "criticality": "HIGH",
            "created_at": NOON,
        },
        {
            "guideline_id": "g.2",
            "bot_id": "0f3kx92",
            "condition": "They chat",
            "criticality": "Low",
        },
        {"guideline_id": "g-3", "bot_id": "agent-123", "condition": "They greet"},
        {"guideline_id": "g-4", "bot_id": "agent-123", "condition": " "},
        {"guideline_id": "g-5", "bot_id": "otto", "condition": "They want a bot"},
    ],
    "journeys": [
        {
            "journey_id": "j_1",
            "bot_id": "0f3kx92",
            "title": "Return",
            "description": "Take it back.",
            "conditions": ["They send it back", "It is broken"],
        },
        {"journey_id": "j_2", "bot_id": "agent-123", "title": "Bare"},
    ],
    "tool_mappings": [{"bot_id": "0f3kx92", "guideline_id": "Xy12", "tool_name": "look_up"}],
}
ERRORS = ("broken", "no/path", "g-4")


async def get(http: httpx.AsyncClient, path: str, **params: str) -> Any:
    answer = await http.get(path, params=params)
    assert answer.is_success, answer.text
    return answer.json()


async def parts(http: httpx.AsyncClient, kind: str, bot_id: str) -> dict[str, Any]:
    return {part["id"]: part for part in await get(http, f"/{kind}", tag_id=f"agent:{bot_id}")}


async def test_database_of_another_program_is_restored_whole(fill: Fill, body: Body) -> None:
    persistence = fill(FOREIGN)
    async with body() as (server, http):
        done = await rehydrate_bots_from_persistence(server, persistence, tools=[look_up])
        agents = {agent["id"]: agent for agent in await get(http, "/agents")}
        hexon = await parts(http, "guidelines", "0f3kx92")
        plain = await parts(http, "guidelines", "agent-123")
        (journey,) = (await parts(http, "journeys", "0f3kx92")).values()
        conditions = await get(http, "/guidelines", tag_id="journey:j_1")
        shown = await get(http, "/guidelines/Xy12")
        everywhere = [g for g in await get(http, "/guidelines") if not g["tags"]]
    assert sorted(agents) == ["0f3kx92", "agent-123", "agent-7", "bare"]
    assert {key: agent["composition_mode"] for key, agent in agents.items()} == {
        "0f3kx92": "canned_fluid",
        "agent-123": "strict_canned",
        "agent-7": "strict_canned",
        "bare": "canned_fluid",
    }
    assert agents["0f3kx92"]["max_engine_iterations"] == 4
    assert agents["bare"]["name"] == "bare"
    assert {key: g["criticality"] for key, g in hexon.items()} == {"Xy12": "high", "g.2": "low"}
    assert list(plain) == ["g-3"]
    assert (journey["id"], journey["title"]) == ("j_1", "Return")
    assert {g["condition"] for g in conditions} == {"They send it back", "It is broken"}
    assert [t["tool_id"]["tool_name"] for t in shown["tool_associations"]] == ["look_up"]
    assert everywhere == []  # a guideline without a tag would speak to every agent
    assert done["enabled"] is True
    assert done["bots_restored"] == 4
    assert done["guidelines_restored"] == 3
    assert done["journeys_restored"] == 2
    assert done["id_mapping"] == {key: key for key in agents}
    assert len(done["errors"]) == len(ERRORS)
    assert all(any(name in error for error in done["errors"]) for name in ERRORS)
    assert done["message"] == "restored 4 bots with 3 guidelines and 2 journeys; 3 errors"


async def test_ids_that_are_no_texts_are_restored_as_their_texts(
    mongodb: str, database: str, body: Body
) -> None:
    key = ObjectId()
    with MongoClient(mongodb) as client:
        client[database]["bots"].insert_one({"bot_id": key, "name": "Odd"})
        rows = [{"guideline_id": 7, "bot_id": key, "condition": "They ask"}]
        client[database]["guidelines"].insert_many(rows)
    persistence = DomainPersistence(mongodb, database)
    async with body() as (server, http):
        done = await rehydrate_bots_from_persistence(server, persistence)
        found = await parts(http, "guidelines", str(key))
    assert done["id_mapping"] == {str(key): str(key)}
    assert list(found) == ["7"]
    assert [row["guideline_id"] for row in await persistence.list_guidelines(str(key))] == ["7"]
    await persistence.close()


RICH = Bot(
    id="desk",
    name="Desk",
    description="Helps.",
    composition_mode="fluid",
    message_output_mode="stream",
    max_engine_iterations=2,
    tags=["shop"],
    guidelines=[
        Guideline(
            id="desk.all",
            condition="They ask",
            action="Answer",
            description="Why",
            criticality="low",
            composition_mode="strict",
            enabled=False,
            priority=3,
            track=False,
            labels=["b", "a"],
            tags=["shop"],
            metadata={"continuous": True, "own": 1},
            tools=["look_up"],
        ),
        Guideline(id="desk.plain", condition="They chat"),
    ],
    journeys=[
        Journey(
            id="desk.way",
            title="Way",
            description="Go.",
            conditions=["One", "Two"],
            labels=["l"],
            priority=2,
            composition_mode="composited",
            tags=["shop"],
        )
    ],
    terms=[
        Term(id="desk.rma", name="RMA", description="No.", synonyms=["ret", "back"], tags=["shop"])
    ],
    relationships=[
        Relationship(kind="priority", source="guideline:desk.all", target="guideline:desk.plain"),
        Relationship(kind="dependency", source="guideline:desk.plain", target="tag:shop"),
    ],
)  # fmt: skip


async def test_every_field_is_restored(body: Body) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    persistence.stores.desired.put(RICH, source=Source("test"), actor="test")
    async with body() as (server, http):
        done = await rehydrate_bots_from_persistence(server, persistence, tools=[look_up])
        (tag,) = [t["id"] for t in await get(http, "/tags") if t["name"] == "shop"]
        (agent,) = await get(http, "/agents")
        guidelines = await parts(http, "guidelines", "desk")
        journeys = await parts(http, "journeys", "desk")
        (term,) = await get(http, "/terms", tag_id="agent:desk")
        shown = await get(http, "/guidelines/desk.all")
        bonds = await get(http, "/relationships", indirect="false")
        again = await rehydrate_bots_from_persistence(server, persistence, tools=[look_up])
        assert await parts(http, "guidelines", "desk") == guidelines
    assert done["errors"] == []
    assert (agent["message_output_mode"], agent["max_engine_iterations"]) == ("stream", 2)
    assert agent["tags"] == [tag]
    full = guidelines["desk.all"]
    assert full["enabled"] is False
    assert full["track"] is False
    assert (full["priority"], sorted(full["labels"])) == (3, ["a", "b"])
    assert (full["criticality"], full["description"]) == ("low", "Why")
    assert full["composition_mode"] == "strict_canned"
    assert full["metadata"] == {"continuous": True, "own": 1}
    assert sorted(full["tags"]) == sorted(["agent:desk", tag])
    assert [t["tool_id"]["tool_name"] for t in shown["tool_associations"]] == ["look_up"]
    assert guidelines["desk.plain"]["enabled"] is True
    way = journeys["desk.way"]
    assert (way["priority"], way["labels"]) == (2, ["l"])
    assert way["composition_mode"] == "composited_canned"
    assert sorted(way["tags"]) == sorted(["agent:desk", tag])
    assert len(way["conditions"]) == 2
    assert (term["id"], sorted(term["synonyms"])) == ("desk.rma", ["back", "ret"])
    assert sorted(term["tags"]) == sorted(["agent:desk", tag])
    assert sorted(bond["kind"] for bond in bonds) == ["dependency", "priority"]
    assert (again["errors"], again["bots_restored"]) == ([], 1)


async def test_otto_is_left_to_the_program(body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    with monkeypatch.context() as earlier:  # versions that did not refuse it
        earlier.setattr("otto_reconcile.desired.is_reserved", lambda *names: False)
        for id_, name in (("Otto", "Maker"), ("b-1", " otto"), ("b-2", "B")):
            bot = Bot(id=id_, name=name)
            persistence.stores.desired.put(bot, source=Source("test"), actor="test")
    async with body() as (server, http):
        done = await rehydrate_bots_from_persistence(server, persistence)
        assert [agent["id"] for agent in await get(http, "/agents")] == ["b-2"]
    assert (done["errors"], done["id_mapping"]) == ([], {"b-2": "b-2"})


async def test_every_call_is_on_record(body: Body) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    persistence.stores.desired.put(RICH, source=Source("test"), actor="test")
    async with body() as (server, _):
        await rehydrate_bots_from_persistence(server, persistence, tools=[look_up])
        target = target_of(server)
    records = persistence.stores.audit.find(target=target)
    assert {(r.operation, r.outcome) for r in records} == {("create", "succeeded")}
    made = persistence.stores.applied.load(target)["desk"].resources
    assert {(r.kind, r.key) for r in records} == set(made)
    assert len(records) == 8


async def test_unknown_tool_is_an_error_and_stops_nothing(body: Body) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    await persist_bot_creation(
        persistence,
        "b-1",
        "One",
        guidelines=[
            {"id": "g-1", "condition": "They ask", "action": "Tell", "tools": ["elsewhere:find"]},
            {"id": "g-2", "condition": "They chat"},
        ],
    )
    await persist_bot_creation(
        persistence, "b-2", "Two", guidelines=[{"id": "g", "condition": "C"}]
    )
    async with body() as (server, http):
        done = await rehydrate_bots_from_persistence(server, persistence)
        assert sorted(await parts(http, "guidelines", "b-1")) == ["g-1", "g-2"]
        assert list(await parts(http, "guidelines", "b-2")) == ["g"]
    (error,) = done["errors"]
    assert "b-1" in error
    assert "g-1" in error
    assert (done["bots_restored"], done["guidelines_restored"]) == (2, 2)


async def test_what_parlant_is_about_to_judge_is_left_to_it(body: Body) -> None:
    """A guideline of the program's own, under an id that is wanted otherwise."""
    persistence = DomainPersistence.over(MemoryStore())
    guidelines = [{"id": "g-1", "condition": "They ask"}, {"id": "g-2", "condition": "They chat"}]
    await persist_bot_creation(persistence, "b-1", "Wanted", guidelines=guidelines)
    async with body() as (server, http):
        agent = await server.create_agent("Own", "Made by the program", id="b-1")
        await agent.create_guideline("They complain", id="g-1")
        done = await rehydrate_bots_from_persistence(server, persistence)
        found = await parts(http, "guidelines", "b-1")
        (listed,) = await get(http, "/agents")
    assert {key: g["condition"] for key, g in found.items()} == {
        "g-1": "They complain",
        "g-2": "They chat",
    }
    assert listed["name"] == "Wanted"
    (error,) = done["errors"]
    assert "once the server serves" in error


async def test_a_journey_of_the_programs_own_leaves_no_orphan(body: Body) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    journeys = [{"id": "j-1", "title": "Way", "description": "", "conditions": ["Case"]}]
    await persist_bot_creation(persistence, "b-1", "One", journeys=journeys)
    async with body() as (server, http):
        other = await server.create_agent("Other", "Made by the program", id="b-0")
        await other.create_journey("Way", "", ["Case"], id="j-1")
        done = await rehydrate_bots_from_persistence(server, persistence)
        assert [g for g in await get(http, "/guidelines") if not g["tags"]] == []
        (journey,) = await get(http, "/journeys")
        assert journey["tags"] == ["agent:b-0"]
    (error,) = done["errors"]
    assert "once the server serves" in error


async def test_without_judging_the_bots_are_the_same(body: Body) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    persistence.stores.desired.put(RICH, source=Source("test"), actor="test")
    seen = []
    for evaluate in (True, False):
        async with body() as (server, http):
            agent = await server.create_agent("Holder", "Has the tool", id="holder")
            await agent.create_guideline("Never", tools=[look_up], id="held")
            done = await rehydrate_bots_from_persistence(
                server, persistence, evaluate=evaluate, tools=[look_up]
            )
            assert done["errors"] == []
            guidelines = await parts(http, "guidelines", "desk")
            for guideline in guidelines.values():
                guideline["tags"] = len(guideline["tags"])  # ids of tags are Parlant's
            seen.append(guidelines)
    assert seen[0] == seen[1]


async def test_a_server_that_asks_for_a_token_gets_it_and_nobody_else(
    body: Body, caplog: pytest.LogCaptureFixture
) -> None:
    def guarded(app: Any) -> Any:
        async def guard(scope: Any, receive: Any, send: Any) -> None:
            if (b"authorization", b"Bearer token-1") in scope.get("headers", []):
                await app(scope, receive, send)
                return
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": json.dumps(str(scope)).encode()})

        return guard

    persistence = DomainPersistence.over(MemoryStore())
    persistence.stores.desired.put(RICH, source=Source("test"), actor="test")
    headers = {"Authorization": "Bearer token-1"}
    async with body() as (server, http):
        server.container[FastAPI].add_middleware(guarded)
        agent = await server.create_agent("Holder", "Has the tool", id="holder")
        await agent.create_guideline("Never", tools=[look_up], id="held")
        for wrong in (None, {"Authorization": "Bearer token-2"}):
            refused = await rehydrate_bots_from_persistence(server, persistence, headers=wrong)
            assert refused["bots_restored"] == 0
            assert "does not allow" in refused["errors"][0]
        done = await rehydrate_bots_from_persistence(server, persistence, headers=headers)
        http.headers.update(headers)
        assert "desk.all" in await parts(http, "guidelines", "desk")
    assert done["errors"] == []
    assert "token-" not in f"{caplog.text} {refused}"


async def test_nothing_raises_without_a_database(
    body: Body,
) -> None:
    class Away(MemoryStore):
        def find(self, *args: Any, **options: Any) -> Any:
            raise StoreUnavailable("the store is away")

    async with body() as (server, http):
        off = await rehydrate_bots_from_persistence(server, DomainPersistence(None))
        away = await rehydrate_bots_from_persistence(server, DomainPersistence.over(Away()))
        wrong = await rehydrate_bots_from_persistence(None, DomainPersistence.over(MemoryStore()))  # type: ignore[arg-type]
        assert await get(http, "/agents") == []
    nothing = {"bots_restored": 0, "guidelines_restored": 0, "journeys_restored": 0}
    for done in (off, away, wrong):
        assert nothing.items() <= done.items()
        assert done["id_mapping"] == {}
    assert (off["enabled"], off["errors"]) == (False, [])
    assert (away["enabled"], away["errors"]) == (True, ["the store is away"])
    assert len(wrong["errors"]) == 1


async def test_attaching_late_or_without_a_database_is_no_error(
    body: Body, caplog: pytest.LogCaptureFixture
) -> None:
    persistence = DomainPersistence.over(MemoryStore())
    await persist_bot_creation(persistence, "b-1", "One")
    async with body() as (server, http):
        assert await get(http, "/agents") == []  # from here on no hook can be put in
        first = await rehydrate_bots_from_persistence(server, persistence, evaluate="off")
        attachment = await attach(server, persistence=persistence)
        assert [agent["id"] for agent in await get(http, "/agents")] == ["b-1"]
        assert "noticed by looks in turn only" in caplog.text
        with pytest.raises(SettingsError, match="server: a loop is attached to it already"):
            await attach(server, persistence=persistence)
        again = await rehydrate_bots_from_persistence(server, persistence)
        assert first["bots_restored"] == again["bots_restored"] == 1
        life = persistence.stores.applied.epoch(target_of(server))
        assert life is not None
        tags = [tag["name"] for tag in await get(http, "/tags")]
        assert [tag for tag in tags if not tag.startswith("otto-manager-")] == [life.name]
        assert "canary" not in caplog.text  # nobody has deleted it
        await attachment.stop()
        anew = await attach(server, persistence=persistence)
        await anew.stop()
        nothing = await attach(server)
        assert nothing.enabled is False
        await nothing.stop()
    assert len(await persistence.list_bots()) == 1  # what was given stays open
