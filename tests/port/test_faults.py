"""What becomes of Parlant's failures: which error, what it says, and what it never says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from otto_reconcile.errors import SettingsError, TargetRefused, TargetUnavailable
from otto_reconcile.model import Bot, Resource, make, snapshot_of
from otto_reconcile.port.base import Port
from otto_reconcile.port.rest import RestPort
from tests.parlant_server.proxy import FaultyProxy
from tests.parlant_server.rest import Rest

SECRET = "s3cr3t-token"
HEADERS = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
async def proxy(parlant_rest: Rest, parlant_url: str) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy(parlant_url) as proxy:
        yield proxy


@pytest.fixture
async def port(proxy: FaultyProxy) -> AsyncIterator[RestPort]:
    port = RestPort.over_http(proxy.url, HEADERS, timeout=5)
    yield port
    await port.close()


def agent() -> Resource:
    return next(iter(snapshot_of(Bot(id="a", name="A")).values()))


def answering(response: httpx.Response) -> RestPort:
    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError("not reached")

    port = RestPort.over_asgi(app, target="elsewhere", headers=HEADERS)
    port._wire.http._transport = httpx.MockTransport(lambda request: response)
    return port


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_server_errors_are_temporary(proxy: FaultyProxy, port: RestPort, status: int) -> None:
    proxy.answer(status, body="<html>oops</html>")
    with pytest.raises(TargetUnavailable, match=str(status)):
        await port.list_agents()
    proxy.heal()
    assert await port.list_agents() == []


@pytest.mark.parametrize(("said", "delay"), [("7", 7.0), ("soon", 1.0)])
async def test_too_many_calls_are_temporary_with_the_delay_asked_for(
    proxy: FaultyProxy, port: RestPort, said: str, delay: float
) -> None:
    proxy.answer(429, {"retry-after": said, "content-type": "application/json"}, "{}")
    with pytest.raises(TargetUnavailable) as caught:
        await port.create(agent())
    assert caught.value.delay == delay


async def test_a_refused_connection_is_temporary(proxy: FaultyProxy, port: RestPort) -> None:
    proxy.refuse()
    with pytest.raises(TargetUnavailable, match="cannot be reached"):
        await port.health()
    proxy.heal()
    assert (await port.health()).version is not None


async def test_nobody_there_is_temporary(proxy: FaultyProxy) -> None:
    url = proxy.url
    await proxy.__aexit__(None, None, None)
    port = RestPort.over_http(url)
    with pytest.raises(TargetUnavailable, match="cannot be reached"):
        await port.list_agents()
    await port.close()


async def test_a_hanging_server_is_temporary(proxy: FaultyProxy) -> None:
    port = RestPort.over_http(proxy.url, timeout=0.3)
    proxy.hang()
    with pytest.raises(TargetUnavailable, match=r"did not answer within 0.3 s"):
        await port.list_agents()
    await port.close()


async def test_a_hanging_app_in_this_process_is_temporary_too() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        await asyncio.Event().wait()

    port = RestPort.over_asgi(app, target="embedded:x", timeout=0.2)
    with pytest.raises(TargetUnavailable, match="did not answer"):
        await port.health()
    await port.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_permanent_and_tell_no_body(
    proxy: FaultyProxy, port: RestPort, status: int
) -> None:
    body = json.dumps({"detail": f"HEADERS: authorization: Bearer {SECRET}"})
    proxy.answer(status, {"content-type": "application/json"}, body)
    with pytest.raises(TargetRefused) as caught:
        await port.create(agent())
    assert caught.value.status == status
    assert "HEADERS" not in str(caught.value)
    assert SECRET not in f"{caught.value!r} {caught.value.hint}"


async def test_no_message_repeats_a_secret_that_an_answer_echoes() -> None:
    port = answering(httpx.Response(422, json={"detail": f"bad header {SECRET}"}))
    with pytest.raises(TargetRefused) as caught:
        await port.list_agents()
    assert SECRET not in str(caught.value)


async def test_credentials_in_the_address_are_in_no_message(proxy: FaultyProxy) -> None:
    port = RestPort.over_http(proxy.url.replace("//", f"//ann:{SECRET}@"))
    assert port.target == proxy.url
    proxy.refuse()
    with pytest.raises(TargetUnavailable) as caught:
        await port.list_agents()
    assert SECRET not in str(caught.value)
    await port.close()


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<html>hello</html>", headers={"content-type": "text/html"}),
        httpx.Response(200, json={"hello": "world"}),
        httpx.Response(200, json=["hello"]),
        httpx.Response(200, json=None),
        httpx.Response(200, text="{", headers={"content-type": "application/json"}),
        httpx.Response(307, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(404, json={"detail": "Not Found"}),
        httpx.Response(404, text="no"),
    ],
    ids=["html", "object", "strings", "null", "broken", "redirect", "router-404", "text-404"],
)
async def test_another_server_is_told_apart(response: httpx.Response) -> None:
    for call in ("list_agents", "health"):
        port = answering(response)
        with pytest.raises(TargetRefused) as caught:
            await getattr(port, call)()
        assert "Parlant" in str(caught.value)
    with pytest.raises(TargetRefused):  # and its 404 is no proof that something is gone
        await answering(response).delete(make("term", "t", "b", {}))


async def test_another_version_is_refused_by_name() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/openapi.json":
            return httpx.Response(200, json={"info": {"title": "Parlant API", "version": "4.0.1"}})
        return httpx.Response(200, json={"checks": {"event_loop": {"latency_ms": 2.5}}})

    port = answering(httpx.Response(500))
    port._wire.http._transport = httpx.MockTransport(answers)
    with pytest.raises(TargetRefused, match=r"Parlant 4\.0\.1"):
        await port.health()


async def test_a_version_that_is_kept_secret_is_none() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/openapi.json":
            return httpx.Response(500, text="Internal Server Error")
        return httpx.Response(200, json={"checks": {"event_loop": {"latency_ms": 2.5}}})

    port = answering(httpx.Response(500))
    port._wire.http._transport = httpx.MockTransport(answers)
    health = await port.health()
    assert health.version is None
    assert health.latency == pytest.approx(0.0025)


async def test_a_refusal_says_which_field(port: RestPort) -> None:
    nameless = make("agent", "a", "a", {"name": "x" * 101})
    with pytest.raises(TargetRefused, match="name") as caught:
        await port.create(nameless)
    assert caught.value.status == 422


async def test_half_a_character_is_refused_clearly(port: RestPort) -> None:
    with pytest.raises(TargetRefused, match="half a character"):
        await port.create(make("agent", "a", "a", {"name": "A", "description": "\ud83d"}))


async def test_a_creation_whose_answer_was_lost_is_done_once(
    proxy: FaultyProxy, port: RestPort, parlant_rest: Rest
) -> None:
    document = {
        "id": "lost",
        "name": "Lost",
        "tags": ["seen"],
        "guidelines": [{"id": "lost.g", "condition": "c", "enabled": False, "tools": ["weigh"]}],
        "journeys": [
            {"id": "lost.j", "title": "t", "description": "d", "conditions": ["c1", "c2"]}
        ],
        "terms": [{"id": "lost.t", "name": "n", "description": "d"}],
        "relationships": [
            {"kind": "dependency", "source": "guideline:lost.g", "target": "tag:seen"}
        ],
    }
    for resource in snapshot_of(Bot.from_document(document)).values():
        proxy.cut_after(0)
        with pytest.raises(TargetUnavailable):
            await port.create(resource, fresh=True)
        proxy.heal()
        await port.create(resource)
    guidelines = await parlant_rest.get("/guidelines")
    assert len(guidelines) == 3
    assert all(guideline["tags"] for guideline in guidelines)
    held = await parlant_rest.get("/guidelines/lost.g")
    assert held["guideline"]["enabled"] is False
    assert len(held["tool_associations"]) == 1
    assert len(await parlant_rest.get("/relationships", indirect=False)) == 1


@pytest.mark.parametrize("url", ["ftp://host", "host:8800", "http://", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        RestPort.over_http(url)


def test_rest_port_is_a_port(port: RestPort) -> None:
    accepted: Port = port
    assert accepted.target.startswith("http://127.0.0.1:")
