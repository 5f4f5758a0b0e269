"""A bot that another program renamed in the rows, with its parts on a real Parlant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.status import Health, Sync
from tests.reconcile.fakes import Setting
from tests.reconcile.test_loop import running, until
from tests.reconcile.test_owners import PARTS, rows, status
from tests.reconcile.test_renamed import rename


@pytest.fixture
async def on_parlant(parlant_url: str) -> AsyncIterator[Setting]:
    """A loop on the shared Parlant, with a bot that another program wrote."""
    setting = Setting(interval=0.1)
    setting.port = RestPort.over_http(parlant_url)  # type: ignore[assignment]
    setting.loop = setting.another()
    for collection in PARTS:
        rows(setting, collection, "alpha")
    yield setting
    await setting.port.close()


async def test_guidelines_of_a_renamed_bot_survive_on_parlant(
    on_parlant: Setting,
    parlant_url: str,
) -> None:
    """The one guideline is there at every moment, and so is an agent that has it."""
    setting, seen = on_parlant, list[list[str]]()

    def tags(one: dict[str, Any]) -> list[str]:
        return [tag for tag in one["tags"] if tag.startswith("agent:")]

    async with httpx.AsyncClient(base_url=parlant_url, timeout=30) as http:

        async def read(path: str) -> Any:
            answer = await http.get(path)
            assert answer.status_code == 200, (path, answer.text)
            return answer.json()

        async def agents() -> set[str]:
            return {f"agent:{agent['id']}" for agent in await read("/agents")}

        async def watch() -> None:
            before = await agents()
            while "agent:alpha" in before:
                seen.append(tags((await read("/guidelines/greet"))["guideline"]))
                after = await agents()
                assert set(seen[-1]) <= before | after
                before = after

        await setting.loop.restore()
        assert tags((await read("/guidelines/greet"))["guideline"]) == ["agent:alpha"]
        async with running(setting):
            rename(setting.stores.store, "alpha", "beta")
            async with asyncio.timeout(60):
                await watch()
            await until(lambda: status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY))
            await until(lambda: set(setting.reporter.board.status.bots) == {"beta"})
        assert tags((await read("/guidelines/greet"))["guideline"]) == ["agent:beta"]
        assert tags(await read("/journeys/greet")) == ["agent:beta"]
        assert tags(await read("/terms/greet")) == ["agent:beta"]
        canned = [one for one in await read("/canned_responses") if one["value"] == "by alpha"]
        assert [tags(one) for one in canned] == [["agent:beta"]]
        # Parlant adds the new tag before it removes the old one, so both are seen for a moment.
        # None would be a guideline that applies to every bot.
        assert {frozenset(each) for each in seen} <= {
            frozenset({"agent:alpha"}),
            frozenset({"agent:alpha", "agent:beta"}),
            frozenset({"agent:beta"}),
        }
