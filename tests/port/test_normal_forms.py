"""Values that say the same in other words: they settle at once, and nothing differs for ever."""

from __future__ import annotations

from typing import Any

import pytest

from otto_reconcile.diff import plan
from otto_reconcile.model import Bot, Resource, Snapshot, make, snapshot_of
from otto_reconcile.planning.plan import Operation
from tests.port.conftest import Host
from tests.port.test_contract import converge, put, seen

BLANK = [""]


def agent(**values: Any) -> Resource:
    return make("agent", "order-desk", "order-desk", {"name": "A", **values})


def rule(*tools: str) -> dict[str, Any]:
    return {"id": "order-desk.g", "condition": "c", "action": "a", "tools": list(tools)}


@pytest.mark.parametrize("blank", BLANK)
def test_a_blank_description_is_none_on_both_sides(blank: str) -> None:
    written, bare = Snapshot([agent(description=blank)]), Snapshot([agent()])
    for wanted in (written, bare):
        for found in (written, bare):
            for applied in (written, bare):
                assert not plan(wanted, found, applied).actions


@pytest.mark.parametrize("cleared", [{}, {"description": ""}])
def test_to_clear_a_description_is_to_replace_the_agent(cleared: dict[str, Any]) -> None:
    before = Snapshot([agent(description="Old")])
    (action,) = plan(Snapshot([agent(**cleared)]), before, before).actions
    assert action.operation is Operation.REPLACE


@pytest.mark.parametrize("blank", BLANK)
async def test_a_blank_description_settles_on_parlant(host: Host, blank: str) -> None:
    wanted = snapshot_of(Bot(id="order-desk", name="A", description=blank))
    await put(host, wanted)
    assert not plan(wanted, await seen(host, wanted), wanted).actions
    await host.rest.patch("/agents/order-desk", description="Theirs")
    assert await converge(host, wanted) == ["replace agent/order-desk"]
    assert not (await host.rest.get("/agents/order-desk"))["description"]
    assert not plan(wanted, await seen(host, wanted), wanted).actions


async def test_a_tool_with_the_name_of_its_service_settles_too(host: Host) -> None:
    document = {"id": "order-desk", "name": "A", "guidelines": [rule("built-in:look_up")]}
    wanted = snapshot_of(Bot.from_document(document))
    await put(host, wanted)
    assert not plan(wanted, await seen(host, wanted), wanted).actions
    both = {**document, "guidelines": [rule("built-in:look_up", "look_up", "built-in:weigh")]}
    changed = snapshot_of(Bot.from_document(both))
    assert await converge(host, changed, wanted) == ["update guideline/order-desk.g"]
    held = (await host.rest.get("/guidelines/order-desk.g"))["tool_associations"]
    assert sorted(t["tool_id"]["tool_name"] for t in held) == ["look_up", "weigh"]
    assert not plan(changed, await seen(host, changed), changed).actions
