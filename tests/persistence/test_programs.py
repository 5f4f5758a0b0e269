"""The programs of docs/persistence.md as they stand, on a real MongoDB server, restarted."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.persistence import DomainPersistence
from tests.persistence.conftest import MongoClient
from tests.persistence.program import Program, documented, until
from tests.wire.server import NotRunnable, own_server, skip_or_fail

pytestmark = pytest.mark.timeout(300)

ATTACHED, MIRRORING = documented()

BY_HAND = """
    desk = await server.create_agent(
        "Order Desk", "Tracks orders.", p.CompositionMode.COMPOSITED, max_engine_iterations=5, id=ID
    )
    await desk.create_guideline(
        "The customer asks where an order is", "Look it up", f"{ID}-where", tools=[find_order]
    )
    await desk.create_guideline("The customer is angry", "Stay calm", f"{ID}-off")
    conditions = ["The customer sends it back", "It is broken"]
    await desk.create_journey("Return", "Take it back.", conditions, f"{ID}-return")
"""
"""What `fill` puts into the database, made with the SDK."""

QUESTIONS = 4
"""What a model is asked about of it: two guidelines, two conditions."""
NODES = ["CustomerDependentActionSchema"]
"""What Parlant asks about a journey without states, and what we know without asking."""


def by_hand(bot_id: str) -> str:
    """The attached program, with the bot made by itself in place of a database."""
    made = BY_HAND.replace("ID", repr(bot_id)).replace(f"{{{bot_id!r}}}", bot_id)
    indented = "".join(f"    {line}\n" if line else "" for line in made.splitlines())
    mark = "        attachment = await attach"
    assert mark in ATTACHED
    return ATTACHED.replace(mark, f"{indented}{mark}")


def test_stored_bots_are_judged_as_those_made_by_hand(
    mongodb: str, database: Any, tmp_path: Path
) -> None:
    places = [tmp_path / name for name in ("hand", "stored")]
    for place in places:
        place.mkdir()
    with Program(places[0], by_hand("agent-1")) as program:
        made, asked = program.guidelines("agent-1"), Counter(program.asked)
        journey = program.http.get("/journeys/agent-1-return/mermaid").text
    assert asked["GuidelineContinuousPropositionSchema"] == 1 + 2 + 2  # 2 are conditions
    fill(database, "agent-1")
    wanted = {key: g["metadata"] for key, g in made.items()}
    assert all(wanted.values())
    with Program(places[1], ATTACHED, MONGODB_URI=mongodb) as program:
        until("judged", lambda: metadata(program, "agent-1") == wanted)
        until("all is saved", lambda: database["evaluations"].count_documents({}) == QUESTIONS)
        assert program.http.get("/journeys/agent-1-return/mermaid").text == journey
        assert Counter(program.asked) == asked - Counter(NODES)


def metadata(program: Program, bot_id: str) -> dict[str, Any]:
    return {key: g["metadata"] for key, g in program.guidelines(bot_id).items()}


@pytest.fixture
def database(mongodb: str) -> Iterator[Any]:
    """The database of the programs, `otto_domain`, through pymongo."""
    with MongoClient(mongodb) as client:
        client.drop_database("otto_domain")
        yield client["otto_domain"]
        client.drop_database("otto_domain")


def fill(database: Any, bot_id: str) -> None:
    """As another program would, with what it thinks right."""
    database["bots"].insert_one(
        {
            "bot_id": bot_id,
            "name": "Order Desk",
            "description": "Tracks orders.",
            "composition_mode": "CompositionMode.COMPOSITED",
            "max_engine_iterations": 5,
        }
    )
    database["guidelines"].insert_many(
        [
            {
                "guideline_id": f"{bot_id}-where",
                "bot_id": bot_id,
                "condition": "The customer asks where an order is",
                "action": "Look it up",
                "criticality": "HIGH",
            },
            {
                "guideline_id": f"{bot_id}-off",
                "bot_id": bot_id,
                "condition": "The customer is angry",
                "action": "Stay calm",
                "enabled": False,
            },
        ]
    )
    database["journeys"].insert_one(
        {
            "journey_id": f"{bot_id}-return",
            "bot_id": bot_id,
            "title": "Return",
            "description": "Take it back.",
            "conditions": ["The customer sends it back", "It is broken"],
        }
    )
    database["tool_mappings"].insert_one(
        {"bot_id": bot_id, "guideline_id": f"{bot_id}-where", "tool_name": "find_order"}
    )


async def test_attached_bots_are_restored_healed_and_kept(
    mongodb: str, database: Any, tmp_path: Path
) -> None:
    bot_id = f"agent-{uuid.uuid4().hex[:7]}"
    fill(database, bot_id)
    with Program(tmp_path, ATTACHED, MONGODB_URI=mongodb) as program:
        agents = program.agents()
        assert agents[bot_id]["composition_mode"] == "composited_canned"
        assert agents[bot_id]["max_engine_iterations"] == 5
        assert "greeter" in agents
        guidelines = program.guidelines(bot_id)
        assert {key: g["enabled"] for key, g in guidelines.items()} == {
            f"{bot_id}-where": True,
            f"{bot_id}-off": False,
        }
        assert guidelines[f"{bot_id}-where"]["criticality"] == "high"
        shown = program.get(f"/guidelines/{bot_id}-where")
        assert [t["tool_id"]["tool_name"] for t in shown["tool_associations"]] == ["find_order"]
        (journey,) = program.journeys(bot_id).values()
        assert journey["id"] == f"{bot_id}-return"
        assert len(journey["conditions"]) == 2
        heal(program, bot_id)
        await follow(program, mongodb, bot_id)
        before = snapshot(program, bot_id)
        until("all is saved", lambda: database["evaluations"].count_documents({}) == QUESTIONS)
    with Program(tmp_path, ATTACHED, MONGODB_URI=mongodb) as program:
        assert snapshot(program, bot_id) == before
        assert program.asked == []
        assert "greeter" in program.agents()


def heal(program: Program, bot_id: str) -> None:
    """What somebody changes or deletes in Parlant comes back, well before the interval."""
    key = f"{bot_id}-where"
    program.http.patch(f"/guidelines/{key}", json={"action": "Do nothing"}).raise_for_status()
    until("the action is healed", lambda: program.guidelines(bot_id)[key]["action"] == "Look it up")
    program.http.delete(f"/journeys/{bot_id}-return").raise_for_status()
    until("the journey is back", lambda: f"{bot_id}-return" in program.journeys(bot_id))


async def follow(program: Program, mongodb: str, bot_id: str) -> None:
    """What another process wants is done in Parlant."""
    persistence = DomainPersistence(mongodb)
    assert await persistence.persist_bot(bot_id, "Order Desk II", "Tracks.", "COMPOSITED")
    await persistence.close()
    until("the new name", lambda: program.agents()[bot_id]["name"] == "Order Desk II")


def snapshot(program: Program, bot_id: str) -> dict[str, Any]:
    """The bot as plain REST shows it, without what Parlant's own evaluation adds."""
    agent = program.agents()[bot_id]
    guidelines = program.guidelines(bot_id)
    for guideline in guidelines.values():
        guideline.pop("metadata")
    journeys = {
        key: (j["title"], j["description"], len(j["conditions"]))
        for key, j in program.journeys(bot_id).items()
    }
    fields = ("id", "name", "description", "composition_mode", "max_engine_iterations")
    return {
        "agent": {name: agent[name] for name in fields},
        "guidelines": guidelines,
        "journeys": journeys,
    }


def test_a_mirrored_bot_is_back_after_a_kill(mongodb: str, database: Any, tmp_path: Path) -> None:
    with Program(tmp_path, MIRRORING, MONGODB_URI=mongodb) as program:
        assert "saved" in program.output.split()
        (bot_id,) = program.agents()
        before = snapshot(program, bot_id)
        assert [row["bot_id"] for row in database["bots"].find()] == [bot_id]
        program.kill()
    with Program(tmp_path, MIRRORING, MONGODB_URI=mongodb) as program:
        assert "restored 1 bot with 1 guideline and 1 journey" in program.output
        assert list(program.agents()) == [bot_id]
        assert snapshot(program, bot_id) == before
        assert [g["criticality"] for g in before["guidelines"].values()] == ["high"]


def test_without_a_database_the_program_serves_what_is_its_own(tmp_path: Path) -> None:
    with Program(tmp_path, ATTACHED) as program:
        assert list(program.agents()) == ["greeter"]


def test_bots_come_when_the_database_does(tmp_path: Path) -> None:
    try:
        with own_server() as server:
            server.stop()
            with Program(tmp_path, ATTACHED, MONGODB_URI=server.uri) as program:
                assert list(program.agents()) == ["greeter"]
                server.start()
                with MongoClient(server.uri) as client:
                    fill(client["otto_domain"], "agent-1")
                until("the bot comes", lambda: "agent-1" in program.agents(), 60)
                until("all of it", lambda: len(program.guidelines("agent-1")) == 2)
                assert server.uri.removeprefix("mongodb://") in program.output
    except NotRunnable as error:
        skip_or_fail(error)
