"""The gate before a server that is being restored: who waits, and what is answered to whom."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from otto_reconcile.reconcile.admission import Admission
from otto_reconcile.server.change_hook import ChangeHook
from otto_reconcile.server.restore_gate import RestoreGate

OWNERS = {("guideline", "desk.a"): "desk", ("journey", "desk.j"): "desk"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was sent; a new conversation gets an id."""
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = json.dumps({"id": "s1", "path": scope["path"], "sent": b"".join(chunks).decode()})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})


async def kept(session: str) -> str | None:
    """Whose conversations outlived the program: `of-desk` is one with the bot desk."""
    return session.removeprefix("of-") if session.startswith("of-") else None


class Gated:
    def __init__(self, admission: Admission) -> None:
        self.used: list[str] = []
        gate = RestoreGate(
            admission, lambda bots: (f"{bots}", 7.2), self.used.append, limit=0.0, agent_of=kept
        )
        self.hook = ChangeHook(asyncio.Queue())
        app = self.hook.middleware(gate.middleware(echo))
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        self.client = httpx.AsyncClient(transport=transport, base_url="http://parlant")

    async def ask(self, method: str, path: str, body: Any = None, own: bool = False) -> Any:
        headers = self.hook.headers if own else {}
        async with self.client as client:
            return await client.request(method, path, json=body, headers=headers)


def restoring() -> Gated:
    admission = Admission({"otto"})
    admission.expect(["desk", "shop"], owners=OWNERS)
    admission.admit("shop")
    return Gated(admission)


WAITS = [
    ("POST", "/sessions", {"agent_id": "desk"}),
    ("POST", "/sessions", {"agent_id": "desk", "metadata": {"long": "x" * (1 << 20)}}),
    ("PATCH", "/sessions/s1", {"agent_id": "desk"}),
    ("POST", "/sessions/of-desk/events", {"message": "hi"}),
    ("GET", "/agents/desk", None),
    ("PATCH", "/agents/desk", {"name": "x"}),
    ("POST", "/agents", {"id": "desk", "name": "x"}),
    ("GET", "/agents", None),
    ("GET", "/guidelines", None),
    ("GET", "/guidelines?tag_id=agent:desk", None),
    ("GET", "/guidelines/desk.a", None),
    ("GET", "/journeys/desk.j/mermaid", None),
    ("GET", "/guidelines/nobody-knows", None),
    ("POST", "/guidelines", {"condition": "x", "tags": ["agent:desk"]}),
    ("PATCH", "/guidelines/shop.a", {"tags": {"add": ["agent:desk"]}}),
    ("DELETE", "/context-variables", None),
    ("GET", "/relationships", None),
    ("POST", "/relationships", {"source_guideline": "desk.a", "target_guideline": "x"}),
]
PASSES = [
    ("POST", "/sessions", {"agent_id": "shop"}),
    ("POST", "/sessions", {"agent_id": "otto"}),
    ("POST", "/sessions", {"agent_id": "stranger"}),
    ("POST", "/sessions", "no object"),
    ("GET", "/sessions", None),
    ("POST", "/sessions/s1/events", {"message": "hi"}),
    ("POST", "/sessions/of-shop/events", {"message": "hi"}),
    ("PATCH", "/sessions/s1", {"agent_id": "shop"}),
    ("PATCH", "/sessions/of-desk", {"title": "x"}),
    ("GET", "/sessions/of-desk/events", None),
    ("POST", "/journeys", {"conditions": ["They pay"], "tags": ["agent:stranger"]}),
    ("GET", "/agents/shop", None),
    ("GET", "/guidelines?tag_id=agent:shop", None),
    ("POST", "/guidelines", {"condition": "x", "tags": ["agent:shop"]}),
    ("POST", "/agents", {"id": "new", "name": "x"}),
    ("POST", "/customers", {"name": "Ann"}),
    ("GET", "/tags", None),
    ("GET", "/healthz", None),
    ("GET", "/chat/", None),
    ("OPTIONS", "/agents", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WAITS)
async def test_what_is_about_a_bot_that_is_not_back_waits(
    method: str, path: str, body: Any
) -> None:
    answer = await restoring().ask(method, path, body)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {"detail"}


@pytest.mark.parametrize(("method", "path", "body"), PASSES)
async def test_what_is_about_none_or_another_passes_whole(
    method: str, path: str, body: Any
) -> None:
    answer = await restoring().ask(method, path, body)
    assert answer.status_code == 200
    sent = answer.json()["sent"]
    assert (json.loads(sent) if sent else None) == body


@pytest.mark.parametrize(("method", "path", "body"), WAITS)
async def test_our_own_calls_pass(method: str, path: str, body: Any) -> None:
    answer = await restoring().ask(method, path, body, own=True)
    assert answer.status_code == 200


async def test_before_anything_is_known_only_what_is_ready_passes() -> None:
    assert (await Gated(Admission({"otto"})).ask("GET", "/agents/x")).status_code == 503
    otto = {"agent_id": "otto"}
    assert (await Gated(Admission({"otto"})).ask("POST", "/sessions", otto)).status_code == 200


@pytest.mark.parametrize("path", ["/sessions", "/guidelines"])
async def test_nesting_too_deep_is_left_to_parlant(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = b"[" * 100_000
    async with restoring().client as client:
        answer = await client.post(path, content=body)
    assert (answer.status_code, answer.json()["sent"]) == (200, body.decode())
    assert not caplog.records


async def test_a_conversation_that_moves_is_anothers() -> None:
    admission = Admission()
    admission.expect()
    gated = Gated(admission)
    async with gated.client as client:
        await client.post("/sessions", json={"agent_id": "desk"})
        await client.patch("/sessions/s1", json={"agent_id": "shop"})
        await client.post("/sessions/s1/events", json={"message": "hi"})
    assert gated.used == ["desk", "shop", "shop"]


async def test_once_all_are_back_nothing_waits_and_use_is_noted() -> None:
    admission = Admission()
    admission.expect()
    gated = Gated(admission)
    async with gated.client as client:
        for path, body in (
            ("/sessions", {"agent_id": "desk"}),
            ("/sessions/s1/events", {"message": "hi"}),
            ("/sessions/unknown/events", {"message": "hi"}),
            ("/guidelines", {"condition": "x"}),
        ):
            assert (await client.post(path, json=body)).json()["sent"] == json.dumps(
                body, separators=(",", ":")
            )
    assert gated.used == ["desk", "desk"]
