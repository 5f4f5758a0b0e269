"""A Parlant whose model is away stores a journey by half: it is taken away again, and soon."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from otto_reconcile.diff import plan
from otto_reconcile.errors import TargetUnavailable
from otto_reconcile.model import Bot, Resource, Snapshot, snapshot_of
from otto_reconcile.port.rest import RestPort
from otto_reconcile.server.offline_nlp import OfflineEmbedder
from tests.parlant_server.fixtures import InLoop
from tests.parlant_server.in_process import ParlantThread
from tests.parlant_server.rest import Rest
from tests.port.conftest import Host

MOST_POSTS = 2


class Embedder:
    """The embedder of the server in this process; for texts with `text` it fails `left` times.

    `text` is another for each test: Parlant keeps what it has embedded.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        self.left, self.text = 0, text
        embed = OfflineEmbedder.embed

        async def failing(embedder: Any, texts: list[str], hints: Any = None) -> Any:
            if self.left and any(self.text in text for text in texts):
                self.left -= 1
                raise RuntimeError("the model is away")
            return await embed(embedder, texts, hints or {})

        monkeypatch.setattr(OfflineEmbedder, "embed", failing)


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Embedder:
    return Embedder(monkeypatch, f"Description of {request.node.name} {uuid.uuid4()}")


@pytest.fixture
def posts() -> Counter[str]:
    """Calls of the port by method and path."""
    return Counter()


@pytest.fixture
async def inside(parlant_thread: ParlantThread, posts: Counter[str]) -> AsyncIterator[Host]:
    transport = httpx.ASGITransport(parlant_thread.app, raise_app_exceptions=False)
    looking = InLoop(
        Rest(httpx.AsyncClient(transport=transport, base_url="http://parlant")), parlant_thread
    )
    await looking.clean()

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        posts[f"{scope['method']} {scope['path']}"] += 1
        await parlant_thread.app(scope, receive, send)

    port = InLoop(RestPort.over_asgi(counted, target="embedded:test"), parlant_thread)
    yield Host(port, looking)
    await port.close()


async def journey(host: Host, description: str, conditions: list[str]) -> Resource:
    document = {
        "id": "desk",
        "name": "Desk",
        "journeys": [
            {"id": "desk.j", "title": "t", "description": description, "conditions": conditions}
        ],
    }
    agent, wanted = snapshot_of(Bot.from_document(document)).values()
    await host.port.create(agent)
    return wanted


async def differs(host: Host, wanted: Resource) -> bool:
    known = Snapshot([wanted])
    found = (await host.port.observe("desk", known, unmanaged=False)).snapshot
    return bool(plan(known, found, known).actions)


@pytest.mark.parametrize("conditions", [["one", "two"], []], ids=["conditions", "none"])
@pytest.mark.parametrize("fresh", [True, False])
async def test_model_that_is_away_leaves_nothing_and_little_is_tried(
    inside: Host, embedder: Embedder, posts: Counter[str], conditions: list[str], fresh: bool
) -> None:
    wanted = await journey(inside, embedder.text, conditions)
    embedder.left = 10**6
    with pytest.raises(TargetUnavailable, match="500"):
        await inside.port.create(wanted, fresh=fresh)
    assert posts["POST /journeys"] <= MOST_POSTS
    assert await inside.rest.get("/journeys") == []
    assert await inside.rest.get("/guidelines", tag_id="journey:desk.j") == []
    assert [g for g in await inside.rest.get("/guidelines") if not g["tags"]] == []
    embedder.left = 0
    await inside.port.create(wanted)
    assert not await differs(inside, wanted)


@pytest.mark.parametrize("conditions", [["one", "two"], []], ids=["conditions", "none"])
async def test_a_model_that_comes_back_at_once_gets_a_whole_journey(
    inside: Host, embedder: Embedder, posts: Counter[str], conditions: list[str]
) -> None:
    wanted = await journey(inside, embedder.text, conditions)
    embedder.left = 1
    await inside.port.create(wanted)
    assert posts["POST /journeys"] == MOST_POSTS
    assert not await differs(inside, wanted)
    assert [g for g in await inside.rest.get("/guidelines") if not g["tags"]] == []


async def test_journey_replaced_without_the_model_leaves_nothing(
    inside: Host, embedder: Embedder, posts: Counter[str]
) -> None:
    await inside.rest.post("/journeys", id="desk.j", title="o", description="o", conditions=["o"])
    wanted = await journey(inside, embedder.text, ["one", "two"])
    embedder.left = 10**6
    with pytest.raises(TargetUnavailable, match="500"):
        await inside.port.create(wanted)
    assert posts["POST /journeys"] <= MOST_POSTS
    assert await inside.rest.get("/journeys") == []
    assert [g for g in await inside.rest.get("/guidelines") if not g["tags"]] == []
