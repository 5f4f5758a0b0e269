"""`adopt` on a real Parlant server in this process, on which others left what nobody would make."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile import manifest
from otto_reconcile.model import Bot, Snapshot, snapshot_of
from otto_reconcile.model.from_resources import bot_of
from otto_reconcile.store.sqlite import SQLiteStore
from tests.cli.command import Done, Otto
from tests.cli.command import manifest as small
from tests.e2e.harness import Place as Hosting
from tests.evaluations.test_bills import WALK
from tests.parlant_server.fixtures import plain_http
from tests.parlant_server.in_process import ParlantThread
from tests.parlant_server.rest import Rest

PATHS = (
    "agents", "guidelines", "journeys", "terms", "tags",
    "capabilities", "canned_responses", "context-variables",
)  # fmt: skip

PLAIN = {
    "action": "", "description": "", "criticality": "medium", "composition_mode": "none",
    "enabled": True, "priority": 0, "track": True, "labels": [], "tags": [], "metadata": {},
    "tools": [],
}  # fmt: skip
"""A guideline of which nothing was said, in full."""


@dataclass
class Place:
    """A folder with the command in it, and a server of others."""

    otto: Otto
    url: str
    rest: Rest
    thread: ParlantThread

    async def run(self, *arguments: object, **options: Any) -> Done:
        return await asyncio.to_thread(self.otto, *arguments, **options)

    async def adopt(self, *arguments: object) -> Done:
        return await self.run("adopt", "--from", self.url, *arguments)

    async def diff(self, *arguments: object) -> Done:
        return await self.run("diff", "--parlant-url", self.url, *arguments)

    async def held(self) -> dict[str, Any]:
        """All that the server has, but for the mark that a daemon puts there."""
        found = {path: await self.rest.get(f"/{path}") for path in PATHS}
        found["tags"] = [t for t in found["tags"] if not t["name"].startswith("otto-")]
        return found

    def bots(self, folder: str) -> dict[str, Bot]:
        path = self.otto.folder / folder
        return {b.bot.id: b.bot for b in manifest.load([path], environ={}).bots}

    def kept(self, collection: str) -> list[Any]:
        store = SQLiteStore(self.otto.folder / ".otto" / "otto.db")
        try:
            return store.find(collection)
        finally:
            store.close()


@pytest.fixture
async def place(otto: Otto, parlant_thread: ParlantThread) -> AsyncIterator[Place]:
    url = f"http://127.0.0.1:{parlant_thread.port}"
    async with plain_http(url) as rest:
        yield Place(otto, url, rest, parlant_thread)


async def make_shop(rest: Rest) -> None:
    """A bot that can be told wholly."""
    vip = (await rest.post("/tags", name="vip"))["id"]
    await rest.post("/agents", id="shop", name="Shop", description="Sells {things}", tags=[vip])
    own = ["agent:shop"]
    await rest.post(
        "/guidelines", id="shop.order", condition="Asks for ${ORDER}", action="a\nb", tags=own
    )
    await rest.patch(
        "/guidelines/shop.order",
        enabled=False,
        labels={"upsert": ["x"]},
        metadata={"set": {"owner": "ann", "continuous": True}},
        tool_associations={"add": [{"service_name": "built-in", "tool_name": "look_up"}]},
    )
    await rest.post("/guidelines", id="Foreign_2", condition="c", tags=[*own, vip], track=False)
    await rest.post("/terms", id="t1", name="RMA", description="A number", tags=own)
    await rest.post(
        "/journeys", id="shop.j", title="Return", description="d", conditions=["c1"], tags=own
    )
    await rest.post("/context-variables", name="plan", description="p", tags=own)
    await rest.post("/capabilities", title="Track", description="d", signals=["s"], tags=own)
    await rest.post("/canned_responses", value="Hello {{std.customer.name}}", fields=[], tags=own)
    ends = {"source_guideline": "Foreign_2", "target_tag": vip}
    await rest.post("/relationships", kind="dependency", **ends)
    ends = {"source_tag": "journey:shop.j", "target_tag": vip}
    await rest.post("/relationships", kind="priority", **ends)


async def delete_slashed(thread: ParlantThread) -> None:
    """What no path of the API leads to: the server is another test's next."""
    from parlant.core.glossary import GlossaryStore, TermId
    from parlant.core.guidelines import GuidelineId, GuidelineStore
    from parlant.core.journeys import JourneyId, JourneyStore

    stores = thread.server.container
    await thread.within(stores[JourneyStore].delete_journey(JourneyId("j/1")))
    for odd in ("g/1", ""):
        await thread.within(stores[GuidelineStore].delete_guideline(GuidelineId(odd)))
    await thread.within(stores[GlossaryStore].delete_term(TermId("t/1")))


async def make_trouble(rest: Rest) -> None:
    """All that a bot of ours cannot have, beside the shop."""
    for key, name in (("a/b", "Slashed"), ("otto", "Otto"), ("second", "Shop"), ("o2", " OTTO ")):
        await rest.post("/agents", id=key, name=name, composition_mode="strict_canned")
    gone = (await rest.post("/tags", name="gone"))["id"]
    both = ["agent:shop", "agent:second"]
    await rest.post("/guidelines", id="everybody", condition="for all")
    await rest.post("/guidelines", id="shared", condition="for two", tags=both)
    await rest.post("/guidelines", id="tagged", condition="g", tags=["agent:shop", gone])
    await rest.post("/guidelines", id="x y", condition="spaced", tags=["agent:second"])
    await rest.post("/guidelines", id="torn", condition="torn", tags=["agent:second"])
    await rest.post("/guidelines", id="lost", condition="lost", tags=["agent:second"])
    await rest.post(
        "/relationships", kind="priority", source_guideline="shop.order", target_guideline="shared"
    )
    await rest.post(
        "/relationships", kind="priority", source_guideline="torn", target_guideline="lost"
    )
    await rest.delete("/guidelines/lost")  # its relationship stays, and hides all others
    await rest.delete(f"/tags/{gone}")


async def make_tour(server: Any) -> None:
    """A journey with states, which only the process that hosts Parlant can make."""
    import parlant.sdk as p

    agent = await server.create_agent(name="Guide", description="", id="guide")
    journey = await agent.create_journey(
        title="Tour", description="d", conditions=["Wants a tour"], id="guide.tour"
    )
    first = await journey.initial_state.transition_to(chat_state="Ask which museum")
    await first.target.transition_to(state=p.END_JOURNEY, condition="Has enough")


async def drop_what_rest_cannot(server: Any, agent_id: str) -> None:
    from parlant.core.agents import AgentId, AgentStore

    await server.container[AgentStore].delete_agent(AgentId(agent_id))


@pytest.fixture
async def troubled(place: Place) -> AsyncIterator[Place]:
    await make_shop(place.rest)
    await make_trouble(place.rest)
    await place.thread.within(make_tour(place.thread.server))
    urgent = {"id": "guide.urgent", "condition": "u", "tags": ["agent:guide"]}
    await place.rest.post("/guidelines", **urgent)
    ends = {"source_guideline": "guide.urgent", "target_tag": "journey:guide.tour"}
    await place.rest.post("/relationships", kind="dependency", **ends)
    yield place
    await place.thread.within(drop_what_rest_cannot(place.thread.server, "a/b"))


async def test_a_server_becomes_manifests_and_what_does_not_is_named(troubled: Place) -> None:
    place = troubled
    before = await place.held()
    done = await place.adopt("--output", "bots/")
    assert done.code == 2, done.err
    assert await place.held() == before
    bots = place.bots("bots")
    assert sorted(bots) == ["guide", "second", "shop"]
    shop = bots["shop"].to_document()
    assert shop["composition_mode"] == "core_fluid"
    assert shop["tags"] == ["vip"]
    assert shop["guidelines"] == [
        {**PLAIN, "id": "Foreign_2", "condition": "c", "track": False, "tags": ["vip"]},
        {
            **PLAIN,
            "id": "shop.order",
            "condition": "Asks for ${ORDER}",
            "action": "a\nb",
            "enabled": False,
            "labels": ["x"],
            "metadata": {"owner": "ann"},
            "tools": ["look_up"],
        },
    ]
    assert [(r["source"], r["target"]) for r in shop["relationships"]] == [
        ("guideline:Foreign_2", "tag:vip"),
        ("journey:shop.j", "tag:vip"),
    ]
    assert [response["value"] for response in shop["canned_responses"]] == [
        "Hello {{std.customer.name}}"
    ]
    assert [variable["name"] for variable in shop["variables"]] == ["plan"]
    assert [capability["signals"] for capability in shop["capabilities"]] == [["s"]]
    assert bots["second"].composition_mode == "strict"
    assert [g.id for g in bots["second"].guidelines] == ["torn"]
    assert (bots["guide"].journeys, bots["guide"].guidelines) == ([], [])
    guide = (place.otto.folder / "bots" / "guide.yaml").read_text()
    for said in ("journey guide.tour: its states", "Ask which museum", "Has enough"):
        assert said in guide
    bound = "priority:guideline:shop.order->guideline:shared"
    scope = "dependency:guideline:guide.urgent->journey:guide.tour"
    wrote, *lines = done.err.splitlines()
    assert wrote == "3 files written"
    told = sorted(line.removeprefix("left out: ") for line in lines)
    assert [re.sub(r": its .*|the tag \S+", "", line) for line in told] == [
        "agent a/b",
        "agent o2: this name is Otto's",
        "guide: guideline guide.urgent: it is only for journey guide.tour, which is in no manifest",
        "guide: journey guide.tour",
        f"guide: relationship {scope}: journey guide.tour is in no manifest",
        "guide: tools of guideline guide.urgent",
        "guideline everybody: it is for all agents",
        "second: guideline shared: it belongs to agent shop too",
        "second: guideline x y",
        "second: relationships of guideline:torn: something bound to it is gone",
        "second: tools of guideline torn",
        "shop: guideline shared: it belongs to agent second too",
        "shop: guideline tagged:  is gone",
        f"shop: relationship {bound}: guideline shared is in no manifest",
    ]


async def test_parts_with_unaddressable_ids_keep_nothing_from_adoption(
    place: Place,
) -> None:
    await make_shop(place.rest)
    own = {"tags": ["agent:shop"]}
    for odd in ("g/1", ""):
        await place.rest.post("/guidelines", id=odd, condition=f"c{odd}", action="a", **own)
    await place.rest.post("/terms", id="t/1", name="n", description="d", **own)
    await place.rest.post(
        "/journeys", id="j/1", title="t", description="d", conditions=["c"], **own
    )
    try:
        done = await place.adopt("shop", "--output", "bots/")
    finally:
        await delete_slashed(place.thread)
    assert "1 file written" in done.err
    for kind in ("guideline g/1", "guideline :", "term t/1", "journey j/1"):
        assert f"left out: shop: {kind}" in done.err
    (bot,) = place.bots("bots").values()
    assert {guideline.id for guideline in bot.guidelines} == {"shop.order", "Foreign_2"}


async def test_managed_bots_do_not_differ_and_drift_has_its_cause(place: Place) -> None:
    await make_shop(place.rest)
    before = await place.held()
    done = await place.adopt("--manage", "--output", "bots/")
    assert (done.code, done.err) == (0, "1 file written\n"), done
    assert done.out.splitlines()[-1].split() == ["shop", "adopted", "2", "1", "1", "0"]
    (event,) = place.kept("events")
    assert event["source"] == {"kind": "adoption", "note": place.url}
    same = await place.diff()
    assert (same.code, same.out) == (0, "no difference\n"), same
    assert (await place.diff("-f", "bots/")).code == 0
    again = await place.adopt("--manage", "--output", "bots/", "-o", "json")
    kept = "managed already: shop; `otto-reconcile export` writes their manifests"
    assert (again.code, again.err.splitlines()) == (0, ["0 files written", kept])
    assert again.json()["bots"] == [{"bot": "shop", "result": "managed"}]
    assert len(place.kept("events")) == 1
    assert await place.held() == before
    await place.rest.delete("/guidelines/shop.order")
    await place.rest.patch("/terms/t1", description="Something else")
    drifted = await place.diff()
    assert drifted.out.splitlines()[0] == "shop (Drifted)"
    assert drifted.out.splitlines()[-1] == "1 to create, 1 to change"


async def make_bound(rest: Rest) -> None:
    """What belongs to a journey alone, or to it and the agent, and a name that no bot can have."""
    only = ["journey:shop.j"]
    await rest.post("/canned_responses", value="In the journey", fields=[], tags=only)
    both = ["agent:shop", *only]
    await rest.post("/guidelines", id="watched", condition="An observation", tags=both)
    await rest.patch("/journeys/shop.j", conditions={"add": ["watched"]})
    await rest.post("/guidelines", id="scoped", condition="Only there")
    ends = {"source_guideline": "scoped", "target_tag": "journey:shop.j"}
    await rest.post("/relationships", kind="dependency", **ends)
    await rest.post("/context-variables", name="spaced ", description="", tags=["agent:shop"])


async def test_journey_only_parts_are_named_with_bot_and_reason(
    place: Place,
) -> None:
    await make_shop(place.rest)
    await make_bound(place.rest)
    done = await place.adopt("shop", "--output", "bots/")
    assert done.code == 2
    told = [line.removeprefix("left out: shop: ") for line in done.err.splitlines()[1:]]
    scope = "dependency:guideline:scoped->journey:shop.j"
    assert [re.sub(r"response \S+:", "response:", line) for line in told] == [
        "canned response: it is only for journey shop.j",
        "guideline scoped: it is only for journey shop.j, and has no agent's tag",
        "guideline watched: it is a condition of journey shop.j too",
        f"relationship {scope}: guideline scoped is in no manifest",
    ]
    shop = place.otto.folder / "bots" / "shop.yaml"
    assert "guideline watched: it is a condition" in shop.read_text()
    assert "otto_reconcile" not in shop.read_text()
    assert 'name: "spaced "' in shop.read_text()  # as it is, and so it is found again


async def test_bot_wanted_otherwise_is_a_conflict_and_nothing_is_done(
    place: Place,
) -> None:
    await make_shop(place.rest)
    await place.rest.post("/agents", id="desk", name="Theirs")
    await place.run("apply", "-f", "-", stdin=small())
    events = place.kept("events")
    done = await place.adopt("--manage", "--output", "bots/")
    assert done.code == 1
    assert "wanted otherwise than it is on the server: desk" in done.err
    assert "hint: " in done.err
    assert place.kept("events") == events
    assert place.kept("applied") == []
    assert not Path(place.otto.folder, "bots").exists()
    one = await place.adopt("shop", "--manage")
    assert one.code == 0, one.err
    assert [applied["bot_id"] for applied in place.kept("applied")] == ["shop"]


async def test_without_a_place_the_manifests_go_to_standard_output(place: Place) -> None:
    nobody = await place.adopt()
    assert nobody.code == 1
    assert "there is no agent that could be adopted" in nobody.err
    await make_shop(place.rest)
    done = await place.adopt("shop")
    assert done.code == 0, done.err
    assert not (place.otto.folder / ".otto").exists()
    place.otto.write("bots/shop.yaml", done.out)
    assert sorted(place.bots("bots")) == ["shop"]
    missing = await place.adopt("Shop")
    assert (missing.code, missing.out) == (1, "")
    assert "there is no agent 'Shop'" in missing.err
    assert "hint: did you mean `shop`?" in missing.err


async def test_server_that_cannot_show_itself_is_an_error_with_a_hint(place: Place) -> None:
    server = place.thread.server
    await place.thread.within(server.create_agent(id="long", name="n" * 101, description=""))
    try:
        done = await place.adopt("--manage")
    finally:
        await place.thread.within(drop_what_rest_cannot(server, "long"))
    assert done.code == 1
    assert "error: Parlant failed at GET /agents (500)\nhint: something there" in done.err
    assert place.kept("events") == []


def test_bot_that_a_daemon_keeps_already_is_adopted_whole(tmp_path: Path) -> None:
    ours = Hosting(tmp_path)
    ours.write("walk.yaml", WALK)
    with ours.forked("--port", "0") as daemon:
        daemon.wait_synced("walk")
        for options in ((), ("--manage",), ("--output", "bots/")):
            done = ours.command("adopt", *options)
            assert done.returncode == 0, done.stderr
            assert "left out" not in done.stderr
            assert "managed already: walk; `otto-reconcile export` writes" in done.stderr
        assert not (tmp_path / "bots").exists()
        daemon.call("POST", "/guidelines", {"id": "x", "condition": "x", "tags": ["agent:walk"]})
        done = ours.command("adopt")
        assert done.returncode == 2
        told = "left out: walk: guideline x: it is unmanaged, and the bot is managed already"
        assert told in done.stderr


def test_what_a_bot_expands_to_gathers_to_that_bot_again() -> None:
    """Every kind that a bot may have on a server of others, with the tools' service."""
    bot = Bot.from_document(
        {
            "id": "b",
            "name": "B",
            "composition_mode": "strict",
            "tags": ["vip"],
            "guidelines": [
                {"id": "b.g", "condition": "c", "tools": ["sky:weather"], "priority": 2}
            ],
            "journeys": [{"id": "j", "title": "t", "description": "", "conditions": []}],
            "terms": [{"id": "b.t", "name": "n", "description": "d", "synonyms": ["s"]}],
            "relationships": [
                {"kind": "overlap", "source": "guideline:b.g", "target": "tool:sky:weather"}
            ],
            "variables": [{"name": "v", "tool": "sky:weather", "values": {"default": 1}}],
            "capabilities": [{"title": "c", "description": "d"}],
            "tool_services": [{"name": "sky", "kind": "mcp", "url": "http://sky:80"}],
        }
    )
    whole = snapshot_of(bot)
    parts = Snapshot(resource for resource in whole.values() if resource.kind != "tag")
    again = bot_of("b", parts)
    gathered = snapshot_of(again)
    for ref, resource in whole.items():
        assert resource.spec.items() <= gathered[ref].spec.items()
    parts = Snapshot(resource for resource in gathered.values() if resource.kind != "tag")
    assert bot_of("b", parts).digest() == again.digest()
