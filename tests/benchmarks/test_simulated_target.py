"""The reconciler meets the same world on a simulated Parlant as on a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from otto_reconcile.desired import Source
from otto_reconcile.loop import Loop
from otto_reconcile.model import Bot, snapshot_of
from otto_reconcile.observed import observe
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.memory import MemoryStore
from tests.parlant_server.rest import Rest
from tests.reconcile.fakes import FastClock, Silent

BOTS = ("first-desk", "second-desk")
SLOWLY = 0.1
"""How fast time goes for the loop: nothing renews its right to act, which so lasts two minutes."""


def bot(bot_id: str) -> Bot:
    guidelines = [
        {
            "id": f"{bot_id}.g{n}",
            "condition": f"The customer of {bot_id} asks for {n}",
            "action": f"Answer {n}" if n else None,
            "criticality": "high" if n == 1 else None,
            "labels": ["orders", f"l{n}"],
            "tags": ["vip"] if n == 2 else [],
            "metadata": {"owner": "retail"} if n == 3 else {},
            "enabled": n != 4,
        }
        for n in range(5)
    ]
    return Bot.from_document(
        {
            "id": bot_id,
            "name": bot_id.title(),
            "description": f"Answers for {bot_id}",
            "composition_mode": "fluid",
            "tags": ["vip"],
            "guidelines": guidelines,
            "journeys": [
                {
                    "id": f"{bot_id}.j{n}",
                    "title": f"Journey {n}",
                    "description": f"Find matter {n} of {bot_id}",
                    "conditions": [f"{bot_id} begins {n}", f"{bot_id} goes on with {n}"],
                }
                for n in range(2)
            ],
            "terms": [
                {"id": f"{bot_id}.t0", "name": "RMA", "description": "A number"},
                {"id": f"{bot_id}.t1", "name": "B", "description": "C", "synonyms": ["d"]},
            ],
            "canned_responses": [{"id": f"{bot_id}.hello", "value": "Hello", "signals": ["hi"]}],
            "variables": [{"name": "plan", "values": {"default": "basic", "tag:vip": [1]}}],
            "relationships": [
                {
                    "kind": "priority",
                    "source": f"guideline:{bot_id}.g0",
                    "target": f"guideline:{bot_id}.g1",
                }
            ],
        }
    )


@dataclass
class World:
    """A target with a loop on it; `rest` does harm, and `story` is what came of all of it."""

    rest: Rest
    port: RestPort
    loop: Loop
    stores: Stores
    story: list[dict[str, Any]] = field(default_factory=list)
    told: int = 0

    async def look(self, moment: str) -> None:
        """Looks at all bots, and tells what was done, and what is there then."""
        results = [await self.loop.reconcile_now(bot_id) for bot_id in BOTS]
        records = self.stores.audit.find()[::-1]
        new, self.told = records[self.told :], len(records)
        self.story.append(
            {
                "moment": moment,
                "errors": [r.error for r in results],
                "actions": sorted(
                    (r.operation, r.kind, r.key, r.cause, str(r.outcome), _plain(r.changes))
                    for r in new
                ),
                "observed": [await self._observed(bot_id) for bot_id in BOTS],
                "agents": sorted(one.key for one in await self.port.list_agents()),
            }
        )

    async def _observed(self, bot_id: str) -> list[Any]:
        wanted = snapshot_of(bot(bot_id))
        seen = await observe(self.port, bot_id, wanted, wanted)
        return [(str(ref), _plain(resource.spec)) for ref, resource in sorted(seen.items())]


def _plain(value: Any) -> str:
    """As a text. Parlant gives the conditions of a journey in an order of its own."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return str(
            {k: sorted(v) if k == "conditions" else _plain(v) for k, v in sorted(value.items())}
        )
    if isinstance(value, list | tuple):
        return str([_plain(item) for item in value])
    return str(value)


@asynccontextmanager
async def world(url: str) -> AsyncIterator[World]:
    stores, clock = Stores.over(MemoryStore()), FastClock(SLOWLY)
    wanted = [(bot(bot_id), Source(kind="cli")) for bot_id in BOTS]
    stores.desired.put_many(wanted, actor="tests")
    port, reporter = RestPort.over_http(url), Reporter(StatusBoard(None), clock, Silent())
    session = TargetSession(port, stores, reporter, clock, holder="tests")
    async with AsyncExitStack() as closing:
        closing.push_async_callback(port.close)
        http = await closing.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60))
        yield World(Rest(http), port, Loop(session, prune_unmanaged=True), stores)


async def story(url: str) -> list[dict[str, Any]]:
    async with world(url) as target:
        first, second = BOTS
        await target.loop.restore()
        await target.look("restored")
        await target.look("looked at again")
        await target.rest.delete(f"/guidelines/{first}.g0")
        await target.rest.patch(f"/terms/{first}.t1", description="Another", synonyms=["x"])
        foreign = {"id": "foreign", "condition": "Always", "tags": [f"agent:{first}"]}
        await target.rest.post("/guidelines", **foreign)
        await target.look("healed")
        await target.rest.delete(f"/journeys/{first}.j0")
        [condition] = [
            one
            for one in await target.rest.get("/guidelines", tag_id=f"journey:{first}.j1")
            if "begins" in one["condition"]
        ]
        await target.rest.patch(f"/guidelines/{condition['id']}", condition="Another")
        await target.rest.patch(f"/guidelines/{first}.g2", tags={"remove": [f"agent:{first}"]})
        [variable] = await target.rest.get("/context-variables", tag_id=f"agent:{first}")
        await target.rest.put(f"/context-variables/{variable['id']}/DEFAULT", data="other")
        [response] = await target.rest.get("/canned_responses", tags=f"agent:{first}")
        await target.rest.delete(f"/canned_responses/{response['id']}")
        for relationship in await target.rest.get("/relationships", indirect="false"):
            await target.rest.delete(f"/relationships/{relationship['id']}")
        await target.look("healed more")
        await target.rest.delete(f"/agents/{second}")
        await target.rest.patch(f"/agents/{first}", name="Renamed")
        await target.look("back")
        await target.look("looked at in the end")
        return target.story


async def test_simulated_target_is_reconciled_as_parlant(
    parlant_url: str, simulated_urls: Sequence[str]
) -> None:
    real, simulated = await story(parlant_url), await story(simulated_urls[0])
    for one, other in zip(real, simulated, strict=True):
        assert other == one
    done = {told["moment"]: len(told["actions"]) for told in real}
    assert done["looked at again"] == done["looked at in the end"] == 0
    assert done["restored"] > 20
    assert min(done[moment] for moment in ("healed", "healed more", "back")) >= 2
    assert [told["errors"] for told in real] == [[None, None]] * len(real)
    assert real[0]["observed"] == real[-1]["observed"]


async def test_simulated_targets_of_one_process_are_apart(simulated_urls: Sequence[str]) -> None:
    await story(simulated_urls[1])
    async with httpx.AsyncClient(base_url=simulated_urls[2]) as http:
        assert await Rest(http).get("/agents") == []
