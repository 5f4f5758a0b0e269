"""A turn that is given up in the middle of a tool: its work is finished, and told later."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import parlant.sdk as p
import pytest

from otto_reconcile.desired import Source
from otto_reconcile.model import Bot
from otto_reconcile.otto import tools
from otto_reconcile.otto.responses import Reply, reply
from tests.otto.maker import opened
from tests.otto.shop import pasted
from tests.parlant_server.rest import Rest


@pytest.fixture(autouse=True)
def in_a_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tools are called here as from a chat."""
    monkeypatch.setattr(tools, "_check_caller", lambda context: None)


def context(session: str = "s1") -> p.ToolContext:
    return p.ToolContext(agent_id="otto", session_id=session, customer_id="c1")


async def test_work_after_a_given_up_turn_comes_with_the_next_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tools, "_turn", lambda context: "1")
    begun, go = asyncio.Event(), asyncio.Event()

    async def create(*_: Any) -> Reply:
        begun.set()
        await go.wait()
        return reply(True, "The bot Slow is live.")

    async def listed(page: int, owner: str) -> Reply:
        return reply(True, f"Page {page}.")

    made = tools.make(
        SimpleNamespace(create=create, catalogue=SimpleNamespace(list=listed))  # type: ignore[arg-type]
    )
    turn = asyncio.ensure_future(made["create_parlant_bot"].function(context(), "draft-000000"))
    await begun.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    go.set()
    await asyncio.sleep(0)

    look = made["list_parlant_bots"].function
    assert "meanwhile" not in (await look(context("another"))).data
    assert (await look(context())).data["meanwhile"] == ["The bot Slow is live."]
    assert "meanwhile" not in (await look(context())).data


async def test_a_second_yes_gets_the_answer_of_the_first(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    async with opened(parlant_url, tmp_path) as shop:
        shown = await shop.service.validate(pasted("Twice"), "", "s", "1")
        yes = [shop.service.create(shown["draft"], "s", turn) for turn in ("2", "3")]
        for answer in await asyncio.gather(*yes):
            assert answer["message"] == "The bot Twice is live."
        again = await shop.service.create(shown["draft"], "another", "3")
        assert not again["ok"]
        (event,) = shop.stores.desired.history("twice")
        assert event.source.session == "s"
        grave = await shop.service.validate('{"tone": ["grave"]}', "twice", "s", "4")
        yes = [shop.service.update("twice", grave["draft"], "s", turn) for turn in ("5", "6")]
        for answer in await asyncio.gather(*yes):
            assert answer["message"] == "Twice is changed."
        assert len(shop.stores.desired.history("twice")) == 2


async def test_many_bots_are_listed_page_by_page(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    async with opened(parlant_url, tmp_path) as shop:
        bots = [Bot(id=f"bot-{n:03}", name=f"Bot {n} {'é' * 80}") for n in range(120)]
        for bot in bots:
            shop.stores.desired.put(bot, source=Source("test"), actor="test")
        found: list[str] = []
        first = await shop.service.catalogue.list()
        for page in range(1, first["pages"] + 1):
            answer = await shop.service.catalogue.list(page)
            assert "cut" not in answer
            found += [entry["bot_id"] for entry in answer["bots"]]
        assert found == [bot.id for bot in bots]
        assert (await shop.service.catalogue.list(9))["ok"] is False
