"""Values that say the same in other words: they settle at once, and nothing differs for ever."""

from __future__ import annotations

from typing import Any

import pytest

from otto_reconcile.diff import plan
from otto_reconcile.plan import Operation
from otto_reconcile.resources import Bot, Resource, Snapshot, make, snapshot_of
from tests.port.conftest import Host
from tests.port.test_contract import converge, put, seen

BLANK = ["", "  \n\t\n"]


def agent(**values: Any) -> Resource:
    return make("agent", "order-desk", "order-desk", {"name": "A", **values})


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
