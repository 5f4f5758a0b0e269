"""No call changes a Parlant server once whoever makes it may no longer act."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from otto_reconcile.model import make
from otto_reconcile.planning.plan import Action, Cause, Operation, Plan, Result
from otto_reconcile.port.host_process import End
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.executor import apply
from otto_reconcile.runtime.fencing import LeaseLost, fenced
from otto_reconcile.server.sdk_relationships import Relating
from tests.parlant_server.proxy import FaultyProxy


class Touched:
    """The server of Parlant's own process: whatever is asked of it came through the fence."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the fence let {name} through")

    def __getitem__(self, name: object) -> Any:
        raise AssertionError(f"the fence let {name} through")

    @property
    def container(self) -> Touched:
        return self


async def test_relationships_made_inside_ask_before_each_call() -> None:
    relating = Relating(cast("Any", Touched()))
    end = End("guideline", "g")
    with fenced(lambda: False):
        with pytest.raises(LeaseLost):
            await relating.make("dependency_any", end, end, None)
        with pytest.raises(LeaseLost):
            await relating.delete("r")


async def test_a_lease_lost_between_the_calls_of_a_replacement_ends_it(parlant_url: str) -> None:
    async with FaultyProxy(parlant_url) as proxy:
        port = RestPort.over_http(proxy.url)
        agent = make("agent", "fenced", "fenced", {"name": "Fenced"})
        journey = make(
            "journey",
            "fenced.way",
            "fenced",
            {"title": "A way", "description": "d", "conditions": ["c"], "tags": []},
        )
        for resource in (agent, journey):
            await port.create(resource)
        wanted = replace(journey, spec={**journey.spec, "title": "Another way"})
        action = Action(
            Operation.REPLACE, journey.ref, "fenced", Cause.PENDING_CHANGE,
            desired=wanted, observed=journey,
        )  # fmt: skip
        proxy.seen.clear()

        def leading() -> bool:
            """Until the deletion has passed."""
            return all(method != "DELETE" for method, _, _ in proxy.seen)

        (outcome,) = await apply(Plan((action,)), port, leading=leading)
        assert outcome.result is Result.FAILED
        assert outcome.temporary
        assert "the lease of this target has run out" in (outcome.error or "")
        changes = [method for method, _, _ in proxy.seen if method != "GET"]
        assert changes == ["DELETE"]
        with fenced(lambda: False):
            await port.list_agents()  # to look is allowed
            with pytest.raises(LeaseLost):
                await port.delete(agent)
        await port.delete(agent)
        await port.close()
