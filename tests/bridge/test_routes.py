"""The routes of the bridge over ASGI, before an app that stands for Parlant's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from otto_reconcile.bridge import bridge, installing
from otto_reconcile.bridge.feed import Feed
from otto_reconcile.bridge.keeping import Keeper
from otto_reconcile.errors import SettingsError, TargetRefused, TargetUnavailable
from otto_reconcile.model import State, make
from otto_reconcile.model.journey_graph import identity
from otto_reconcile.port.bridge import PATH, AnotherLife, Bridge, run_token
from otto_reconcile.port.host_process import End, HostProcess, Place
from otto_reconcile.reconcile.admission import Subject
from otto_reconcile.reconcile.target_changes import Touched
from otto_reconcile.server.change_hook import CHANGE_HEADER

TOKEN = "a-token-of-sixteen-and-more"
SAID = ["the bots are being restored: 1 of 2 bots", 3.0]
JOURNEY = make("journey", "desk.j", "desk", {"title": "J", "states": [{"chat": "Hi", "id": "a"}]})
GUIDELINE = SimpleNamespace(id="g", action="Answer", tags=["agent:desk"])
RELATION = SimpleNamespace(
    id="r", kind="dependency_any", group="x", source_guideline=GUIDELINE, source_tag=None,
    source_tool=None, target_guideline=None, target_tool=SimpleNamespace(name="t"),
    target_tag=SimpleNamespace(id="t1", name="case", any_of=True),
)  # fmt: skip


class Sdk:
    """What a host process does, noted."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.error: Exception | None = None
        self.born = "2026-01-01"

    async def canned(self, **values: Any) -> str:
        return str(self._note(values) or "c1")

    async def journey(self, *given: Any) -> None:
        self._note(given)

    async def make(self, *given: Any) -> str:
        return str(self._note(given) or "r1")

    async def delete(self, key: str) -> None:
        self._note(key)

    async def special(self) -> bool:
        return True

    async def all(self) -> list[Any]:
        return [RELATION]

    def _note(self, what: Any) -> None:
        if self.error is not None:
            raise self.error
        self.done.append(what)


class Hosted:
    """`now` is the time of `keepers`, of which there is one."""

    def __init__(self, app: FastAPI, sdk: Sdk, now: list[float], keepers: list[Keeper]) -> None:
        self.app, self.sdk, self.now, self.keepers = app, sdk, now, keepers
        self.bridge = self.with_token(TOKEN)

    def with_token(self, token: str) -> Bridge:
        made = Bridge("http://127.0.0.1:9", token)
        made.http._transport = httpx.ASGITransport(self.app)
        made.http._mounts = {}
        return made

    async def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://parlant") as client:
            return await client.request(method, path, **how)


@pytest.fixture
async def hosted(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hosted]:
    sdk, app = Sdk(), FastAPI()
    process = HostProcess(sdk.canned, sdk.journey, sdk)  # type: ignore[arg-type]

    async def birth_of(server: Any, key: str) -> str | None:
        return sdk.born if key == JOURNEY.key else None

    async def bound_to(server: Any, ends: set[str]) -> list[str]:
        return sorted(ends)

    monkeypatch.setattr(installing, "current_server", lambda: object())
    monkeypatch.setattr(installing, "host_process", lambda server: process)
    monkeypatch.setattr(installing, "birth_of", birth_of)
    monkeypatch.setattr(installing, "bound_to", bound_to)
    now, keepers = [0.0], list[Keeper]()

    def keeper(hold: float) -> Keeper:
        keepers.append(Keeper(hold, lambda: now[0]))
        return keepers[0]

    monkeypatch.setattr(installing, "Keeper", keeper)

    async def also(given: FastAPI) -> None:
        given.add_api_route("/sessions", lambda: {"id": "s"}, methods=["POST"])
        given.add_api_route("/guidelines/{key}", lambda key: {}, methods=["GET", "DELETE"])

    await bridge(TOKEN, also=also, hold=60.0)(app)
    made = Hosted(app, sdk, now, keepers)
    yield made
    await made.bridge.http.aclose()


ROUTES = [
    ("GET", "/"), ("GET", "/changes"), ("POST", "/journeys"), ("GET", "/journeys"),
    ("POST", "/canned-responses"), ("GET", "/relationships"), ("POST", "/relationships"),
    ("DELETE", "/relationships/r"), ("GET", "/relationships/special"), ("PUT", "/admission"),
    ("POST", "/admission/admitted"), ("POST", "/admission/finished"), ("GET", "/no-such-thing"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("sent", ["", "Bearer ", f"Bearer {TOKEN}x", TOKEN, f"bearer {TOKEN}"])
async def test_without_the_token_nothing_is_served(
    hosted: Hosted, method: str, path: str, sent: str
) -> None:
    headers = {"Authorization": sent, "X-Own": "hush"} if sent else {}
    answer = await hosted.ask(method, f"{PATH}{path}", headers=headers, json={})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "the token of the bridge is needed"}
    assert answer.headers["www-authenticate"] == "Bearer"
    assert hosted.sdk.done == []


NO_TOKENS = [
    "", "short", "fifteen-letters", "with blanks in its middle", "not-ascii-but-long-\xe9",
    "a-line\nand-another-line",
]  # fmt: skip


@pytest.mark.parametrize("token", NO_TOKENS)
def test_what_can_be_no_token_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SettingsError) as refused:
        bridge(token)
    assert not token or token not in str(refused.value)


def test_only_the_configure_api_of_a_server_takes_it() -> None:
    with pytest.raises(SettingsError, match="configure_api"):
        asyncio.run(bridge(TOKEN)(FastAPI()))


async def test_one_app_has_one_bridge(hosted: Hosted) -> None:
    with pytest.raises(SettingsError, match="already"):
        await bridge(TOKEN)(hosted.app)


async def test_the_three_parts_arrive_as_they_were_sent(hosted: Hosted) -> None:
    process = hosted.bridge.process
    assert process.journey
    assert process.canned
    assert process.relations
    assert process.recall
    places, metadata = {"t": Place("svc", "t")}, {"a": {"x": 1}}
    assert await process.recall("desk.j") is None
    await process.journey(JOURNEY, places, metadata)
    assert hosted.sdk.done.pop() == (JOURNEY, places, metadata)
    node = f"journey_node:{identity('desk.j', State.model_validate(JOURNEY.spec['states'][0]))}"
    assert await process.recall("desk.j") == (JOURNEY.spec["states"], [node])
    hosted.sdk.born = "2026-01-02"
    assert await process.recall("desk.j") is None
    values: dict[str, Any] = {"value": "Hi", "tags": ["a"], "signals": [], "metadata": {"m": "1"}}
    assert await process.canned(**values, field_dependencies=[]) == "c1"
    assert hosted.sdk.done.pop() == {**values, "field_dependencies": []}
    ends = End("guideline", "g"), End("tag_any", "t")
    assert await process.relations.make("dependency", *ends, None) == "r1"
    assert hosted.sdk.done.pop() == ("dependency", *ends, None)
    await process.relations.delete("r:1/x")
    assert await process.relations.special()
    assert await process.relations.all() == [RELATION]


async def test_what_the_sdk_says_is_told(hosted: Hosted) -> None:
    process = hosted.bridge.process
    assert process.journey
    assert process.relations
    hosted.sdk.error = RuntimeError("no such\n agent")
    with pytest.raises(TargetRefused, match=r"^no such agent$") as refused:
        await process.journey(JOURNEY, {}, {})
    assert refused.value.status == 422
    hosted.sdk.error = ValueError("a ring")
    with pytest.raises(ValueError, match="a ring"):
        await process.relations.make("priority", End("guideline", "g"), End("tool", "t"), None)


DEEP = pytest.param(b"[" * 100_000, id="deep")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{\xff", b'{"key": 1}', DEEP])
@pytest.mark.parametrize("path", ["/journeys", "/canned-responses", "/relationships",
                                  "/admission/admitted"])  # fmt: skip
async def test_what_means_nothing_is_refused(hosted: Hosted, path: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await hosted.ask("POST", f"{PATH}{path}", content=body, headers=headers)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


async def test_a_wait_without_end_is_no_hold_up(hosted: Hosted) -> None:
    epoch = (await hosted.bridge.hello()).epoch
    said = {"epoch": epoch, "bots": ["desk"], "owners": [], "hold_up": ["why", float("inf")]}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = json.dumps(said)
    answer = await hosted.ask("PUT", f"{PATH}/admission", content=body, headers=headers)
    assert (answer.status_code, "`hold_up`" in answer.json()["detail"]) == (422, True)


async def test_another_token_and_no_bridge_are_told(hosted: Hosted) -> None:
    with pytest.raises(TargetRefused, match="does not take this token"):
        await hosted.with_token("another-token-altogether").hello()
    hosted.app = FastAPI()
    with pytest.raises(TargetUnavailable, match="there is no bridge"):
        await hosted.with_token(TOKEN).hello()


async def test_our_own_calls_are_known_in_each_life(hosted: Hosted) -> None:
    given: dict[str, str] = {}
    hosted.bridge.mark = given.update
    hello = await hosted.bridge.hello()
    assert given == {CHANGE_HEADER: run_token(TOKEN)}
    await say(hosted, hello.epoch, "PUT", "/admission", bots=[], owners=[])
    await hosted.ask("DELETE", "/guidelines/a", headers=given)
    assert (await hosted.bridge.news(0, 0.0)).touched == []
    await hosted.ask("DELETE", "/guidelines/a")
    assert (await hosted.bridge.news(0, 0.0)).touched == [("guideline", "a", None, ())]


async def say(hosted: Hosted, epoch: str, method: str, path: str, **more: Any) -> None:
    await hosted.bridge.tell(method, path, {"epoch": epoch, "hold_up": SAID, **more})


async def test_requests_wait_for_their_bot_and_tell_of_it(hosted: Hosted) -> None:
    epoch = (await hosted.bridge.hello()).epoch
    owners = [["guideline", "desk.a", "desk"]]
    await say(hosted, epoch, "PUT", "/admission", bots=["desk", "shop"], owners=owners)
    asking = asyncio.create_task(hosted.ask("POST", "/sessions", json={"agent_id": "desk"}))
    news = await hosted.bridge.news(0, 10.0)
    news = news if news.demands else await hosted.bridge.news(news.last, 10.0)
    assert news.demands == ["desk"]
    assert news.busy > 0
    part = asyncio.create_task(hosted.ask("GET", "/guidelines/desk.a"))
    await asyncio.sleep(0.05)
    assert not asking.done()
    assert not part.done()
    await say(hosted, epoch, "POST", "/admission/admitted", bots=["desk"])
    assert (await asking).status_code == (await part).status_code == 200
    used = await hosted.bridge.news(news.last, 0.0)
    assert used.used == ["desk"]
    assert (await hosted.bridge.news(used.last, 0.0)).used == []


async def test_what_is_meant_for_another_life_is_refused(hosted: Hosted) -> None:
    for path in ("/admission/admitted", "/admission/finished"):
        with pytest.raises(AnotherLife):
            await say(hosted, "0123", "POST", path, bots=[])


def test_old_entries_go_and_that_is_told() -> None:
    feed = Feed(kept=3)
    for number in range(5):
        feed.put_nowait(Touched("guideline", str(number), None))
    assert [one[1] for one in feed.after(2)["touched"]] == ["2", "3", "4"]
    assert not feed.after(2)["lost"]
    assert feed.after(1)["lost"]
    assert feed.after(9)["lost"]
    assert feed.after(5) == {"last": 5, "lost": False, "touched": [], "demands": [], "used": []}


async def test_news_wake_who_waits_and_old_ones_at_once() -> None:
    feed = Feed()
    waiting = asyncio.create_task(feed.wait(0, 30.0))
    await asyncio.sleep(0)
    feed.demand("desk")
    feed.demand("desk")
    await asyncio.wait_for(waiting, 1.0)
    await asyncio.wait_for(feed.wait(1, 30.0), 1.0)
    assert feed.after(0)["demands"] == ["desk"]
    await feed.wait(2, 0.01)


async def test_nobody_waits_for_ever_for_a_daemon_that_is_away() -> None:
    now = [0.0]
    keeper = Keeper(60.0, lambda: now[0])
    keeper.begin(["own"])
    assert await keeper.admission.wait([Subject("own")], 0.0)
    assert not await keeper.admission.wait([Subject("desk")], 0.0)
    now[0] = 61.0
    keeper.let_pass()
    assert await keeper.admission.wait([Subject("desk")], 0.0)
    keeper.hear()
    keeper.expect(["desk"], {}, ("why", 1.0))
    assert not await keeper.admission.wait([Subject("desk")], 0.0)
    assert keeper.hold_up(None) == ("why", 1.0)
    now[0] = 130.0
    keeper.let_pass()
    assert "was not heard of for 69 s" in keeper.hold_up(None)[0]
    assert await keeper.admission.wait([Subject()], 0.0)
    assert not await keeper.admission.wait([Subject("desk")], 0.0)


async def test_a_daemon_at_work_on_one_large_bot_is_heard(hosted: Hosted) -> None:
    (keeper,) = hosted.keepers
    epoch = (await hosted.bridge.hello()).epoch
    await say(hosted, epoch, "PUT", "/admission", bots=["desk"], owners=[])

    async def goes_on(seconds: float) -> bool:
        hosted.now[0] += seconds
        keeper.let_pass()
        return not keeper.admission.over

    def make(what: Any) -> None:
        hosted.now[0] += 300.0
        keeper.let_pass()
        assert not keeper.admission.over
        assert keeper.hold_up(None) == tuple(SAID)

    run = {CHANGE_HEADER: run_token(TOKEN)}
    for _ in range(3):
        await hosted.ask("DELETE", "/guidelines/x", headers=run)
        assert await goes_on(40.0)
    hosted.sdk._note = make  # type: ignore[method-assign]
    await hosted.bridge.process.journey(JOURNEY, {}, {})  # type: ignore[misc]
    assert await goes_on(40.0)
    await hosted.ask("GET", "/guidelines/x", headers=run)  # one that only looks restores nothing
    await hosted.ask("DELETE", "/guidelines/x")
    assert not await goes_on(40.0)
