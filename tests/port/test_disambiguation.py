"""Disambiguation of journeys on a real Parlant: bound to each condition, seen as one."""

from __future__ import annotations

from typing import Any

from otto_reconcile.diff import plan
from otto_reconcile.model import Bot, Ref, Snapshot, snapshot_of
from tests.port.conftest import Host
from tests.port.test_contract import converge, put, seen

BOT = "order-desk"
KEY = f"disambiguation:guideline:{BOT}.unclear->journey:{BOT}.return"


def wanted(*conditions: str) -> Snapshot:
    journey = {"id": f"{BOT}.return", "title": "Return", "description": ""}
    ends = {"source": f"guideline:{BOT}.unclear", "target": f"journey:{BOT}.return"}
    document: dict[str, Any] = {
        "id": BOT,
        "name": "Order Desk",
        "guidelines": [{"id": f"{BOT}.unclear", "condition": "It is not clear what is wanted"}],
        "journeys": [{**journey, "conditions": list(conditions)}],
        "relationships": [{"kind": "disambiguation", **ends}],
    }
    return snapshot_of(Bot.from_document(document))


async def bound(host: Host) -> list[str]:
    """The conditions that the guideline asks about: what Parlant's engine looks for."""
    listed = await host.rest.get("/relationships", indirect=False)
    assert {(r["kind"], r["target_tag"]) for r in listed} <= {("disambiguation", None)}
    return sorted(r["target_guideline"]["condition"] for r in listed)


async def test_a_guideline_asks_about_every_condition_of_a_journey(host: Host) -> None:
    first = wanted("It is broken", "It does not fit")
    await put(host, first)
    assert await bound(host) == ["It does not fit", "It is broken"]
    assert not plan(first, await seen(host, first), first).actions
    one = (await host.rest.get("/relationships", indirect=False))[0]
    await host.rest.delete(f"/relationships/{one['id']}")
    assert await converge(host, first) == [f"create relationship/{KEY}"]
    more = wanted("It is broken", "It does not fit", "It came late")
    await converge(host, more, first)
    await converge(host, more)
    assert not plan(more, await seen(host, more), more).actions
    assert await bound(host) == ["It came late", "It does not fit", "It is broken"]
    await host.rest.delete(f"/journeys/{BOT}.return")  # leaves what is bound to its conditions
    await converge(host, more)
    assert await bound(host) == ["It came late", "It does not fit", "It is broken"]
    found = await seen(host, more)
    for _ in range(2):
        await host.port.delete(found[Ref("relationship", KEY)])
    assert await bound(host) == []
