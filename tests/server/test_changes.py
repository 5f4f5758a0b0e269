"""Changes that others make through Parlant's API are noticed; our own and customers' are not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from otto_reconcile.model import kinds as registered
from otto_reconcile.reconcile.target_changes import TargetChanges, Touched
from otto_reconcile.server.change_hook import BODY_LIMIT, ChangeHook
from tests.server.running import Running

Call = tuple[str, str, dict[str, Any]]
JOURNEY = {"title": "Return", "description": "Send it back.", "conditions": ["Wants to"]}


def test_foreign_changes_of_a_real_server_come_with_their_bot(offline: Running) -> None:
    def expect(kind: str, key: str, bot: str | None) -> None:
        offline.wait_for("touched", 10, kind=kind, id=key, bot_id=bot)

    with offline.client() as client:
        client.post("/agents", json={"id": "desk", "name": "Desk"}).raise_for_status()
        expect("agent", "desk", "desk")
        rule = {"id": "desk.a", "condition": "A", "action": "B", "tags": ["agent:desk"]}
        client.post("/guidelines", json=rule).raise_for_status()
        expect("guideline", "desk.a", "desk")
        client.patch("/guidelines/desk.a", json={"action": "C"}).raise_for_status()
        tag_gone = {"tags": {"remove": ["agent:desk"]}}
        client.patch("/guidelines/desk.a", json=tag_gone).raise_for_status()
        client.delete("/guidelines/desk.a").raise_for_status()
        expect("guideline", "desk.a", None)
        made = client.post("/journeys", json={**JOURNEY, "tags": ["agent:desk"]}).json()
        expect("journey", made["id"], "desk")
        term = {"name": "RMA", "description": "A number", "tags": ["agent:desk"]}
        term_id = client.post("/terms", json=term).raise_for_status().json()["id"]
        expect("term", term_id, "desk")
        tagged = {"tags": ["agent:desk"]}
        canned = client.post("/canned_responses", json={"value": "Hi", "fields": [], **tagged})
        expect("canned_response", canned.raise_for_status().json()["id"], "desk")
        variable = client.post("/context-variables", json={"name": "plan", **tagged}).json()["id"]
        expect("variable", variable, "desk")
        client.put(f"/context-variables/{variable}/DEFAULT", json={"data": 1}).raise_for_status()
        expect("variable", variable, None)
        client.delete("/agents/desk").raise_for_status()
        tag_id = client.post("/tags", json={"name": "vip"}).raise_for_status().json()["id"]
        expect("tag", tag_id, None)
    guideline = [s for s in offline.said if s["event"] == "touched" and s["id"] == "desk.a"]
    assert [said["bot_id"] for said in guideline] == ["desk", "desk", "desk", None]


def foreign_to_us(customer: str) -> list[Call]:
    """Changes that have nothing to do with a bot; some cannot be told from others that have."""
    return [
        ("PATCH", f"/customers/{customer}", {"name": "Ann B."}),
        ("POST", "/canned_responses", {"value": "Hello", "fields": []}),
        ("POST", "/capabilities", {"title": "Returns", "description": "d", "signals": ["back"]}),
    ]


def test_own_calls_refused_calls_and_chats_are_not_reported(offline: Running) -> None:
    own = offline.wait_for("ready")["headers"]
    with offline.client() as client:
        client.post("/agents", json={"id": "own", "name": "Own"}, headers=own).raise_for_status()
        assert client.post("/agents", json={"id": "nameless"}).status_code == 422
        customer = client.post("/customers", json={"name": "Ann"}).raise_for_status().json()["id"]
        client.post("/sessions", json={"agent_id": "own"}).raise_for_status()
        for method, path, body in foreign_to_us(customer):
            client.request(method, path, json=body).raise_for_status()
        variable = client.post("/context-variables", json={"name": "plan"}).json()["id"]
        value = client.put(f"/context-variables/{variable}/{customer}", json={"data": "gold"})
        value.raise_for_status()
        wrong = dict.fromkeys(own, "guessed")
        client.post("/agents", json={"id": "end", "name": "End"}, headers=wrong).raise_for_status()
    offline.wait_for("touched", 10, id="end")
    reported = {said["id"] for said in offline.said if said["event"] == "touched"}
    assert not reported & {"own", "nameless"}
    kinds = {said["kind"] for said in offline.said if said["event"] == "touched"}
    assert kinds <= {kind.name for kind in registered()}


def taken(changes: TargetChanges) -> list[Touched]:
    return [changes.get_nowait() for _ in range(changes.qsize())]


def call(
    hook: ChangeHook, method: str, path: str, chunks: list[bytes], *, headers: Any = ()
) -> tuple[list[bytes], list[Any]]:
    """What the app behind the hook reads, and the headers that it sees."""
    read: list[bytes] = []
    seen: list[Any] = []
    waiting = list(chunks)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])
        more = True
        while more:
            message = await receive()
            read.append(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive() -> Any:
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        return None

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}

    async def go() -> None:
        await hook.middleware(app)(scope, receive, send)

    asyncio.run(go())
    return read, seen


def test_a_body_of_any_length_reaches_parlant_as_it_was() -> None:
    changes: TargetChanges = asyncio.Queue()
    hook = ChangeHook(changes)
    head = b'{"tags": ["agent:a"], "condition": "'
    chunks = [head, b"x" * BODY_LIMIT, b'"}']
    assert call(hook, "POST", "/guidelines", chunks)[0] == chunks
    assert taken(changes) == [Touched("guideline", "", None)]


def test_change_that_cannot_be_told_does_not_break_the_request() -> None:
    full: TargetChanges = asyncio.Queue(1)
    full.put_nowait(Touched("agent", "b", "b"))
    assert call(ChangeHook(full), "DELETE", "/agents/a", [b""])[0] == [b""]
    assert taken(full) == [Touched("agent", "b", "b")]


def test_our_header_never_reaches_parlant() -> None:
    hook = ChangeHook(None)
    headers = [(k.encode(), v.encode()) for k, v in hook.headers.items()]
    assert call(hook, "PATCH", "/agents/a", [b"{}"], headers=[*headers, (b"a", b"b")])[1] == [
        (b"a", b"b")
    ]


@pytest.mark.parametrize("body", [b"", b"\xff", b"[1]", b'{"tags": 3}', b'{"tags": [null, "x"]}'])
def test_odd_bodies_name_no_bot(body: bytes) -> None:
    changes: TargetChanges = asyncio.Queue()
    call(ChangeHook(changes), "PUT", "/terms/t", [body])
    assert taken(changes) == [Touched("term", "t", None)]


@pytest.mark.parametrize("path", ["/sessions/s", "/context-variables/v/c", "/customers", "/x"])
def test_what_no_bot_has_is_not_reported(path: str) -> None:
    changes: TargetChanges = asyncio.Queue()
    call(ChangeHook(changes), "PUT", path, [b'{"tags": ["agent:a"]}'])
    assert taken(changes) == []
