"""Otto's tools as Parlant sees them: what goes wrong in one is an answer, never an exception."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import parlant.sdk as p
import pytest

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.otto import tools
from otto_reconcile.otto.prompts import RULES
from tests.otto.maker import Away, opened
from tests.otto.shop import pasted, spec
from tests.parlant_server.rest import Rest


@pytest.fixture(autouse=True)
def in_a_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tools are called here as from a chat."""
    monkeypatch.setattr(tools, "_check_caller", lambda context: None)


class Broken:
    """Part of a service in which everything fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*args: Any) -> None:
            raise self._error

        return fail


def context() -> p.ToolContext:
    return p.ToolContext(agent_id="otto", session_id="s1", customer_id="c1")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StoreUnavailable("the outbox cannot be written"), "the outbox cannot be written"),
        (KeyError("secret-detail"), "the log of this server says what"),
    ],
)
async def test_a_fault_is_data(
    error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = SimpleNamespace(catalogue=Broken(error))
    entry = tools.make(broken)["show_parlant_bot"]  # type: ignore[arg-type]
    with caplog.at_level(logging.CRITICAL, "otto_reconcile.otto"):
        result = await entry.function(context(), "any")
    assert result.data["ok"] is False
    assert said in result.data["message"]
    assert "secret-detail" not in json.dumps(result.data)


def test_every_rule_names_a_tool_that_there_is() -> None:
    made = tools.make(SimpleNamespace(catalogue=Broken(KeyError())))  # type: ignore[arg-type]
    assert {rule.tool for rule in RULES if rule.tool} == made.keys()
    for entry in made.values():
        assert entry.tool.description
        assert not set("{}") & set(entry.tool.description)


async def test_a_bot_too_big_to_tell_is_made_and_told_in_part(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    guidelines = [
        {"key": f"g{n}", "condition": f"The customer says {n} {'é' * 300}", "action": "Nod"}
        for n in range(40)
    ]
    async with opened(parlant_url, tmp_path) as shop:
        made = await shop.make(pasted("Big", guidelines=guidelines, relationships=[]))
        asked = await shop.service.delete("big", "", "s1", "turn 1")
    assert made["ok"]
    assert made["live"]
    for answer in (made, asked):
        assert len(json.dumps(answer)) < 16_000
    assert asked["cut"]


async def test_while_parlant_is_away_the_wish_is_kept_and_told(tmp_path: Path) -> None:
    async with opened("http://127.0.0.1:9", tmp_path) as shop:
        answer = await shop.make(spec("Patient"))
        assert answer["ok"]
        assert answer["live"] is False
        assert answer["saved"] is True
        assert "is not live yet" in answer["message"]
        assert answer["not_possible"]
        assert "patient" in shop.stores.desired.read().bots


async def test_with_store_and_outbox_away_nothing_is_done(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    async with opened(parlant_url, tmp_path / "missing", Away()) as shop:
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            await shop.make(pasted("Nowhere"))
        assert [agent.ref.key for agent in await shop.port.list_agents()] == []


async def test_what_was_shown_is_made_by_its_draft_and_nothing_else_is(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    async with opened(parlant_url, tmp_path) as shop:
        first = await shop.service.validate(pasted("Early"), "", "s", "1")
        shown = await shop.service.validate(pasted("Drafted"), "", "s", "2")
        for draft in (first["draft"], "draft-000000"):
            refused = await shop.service.create(draft, "s", "3")
            assert refused["problems"][0]["problem"].startswith(f"{draft} is not what was shown")
        assert (await shop.service.create(shown["draft"], "other", "3"))["ok"] is False
        early = await shop.service.create(shown["draft"], "s", "2")
        assert early["problem"] == "unconfirmed"
        assert early["draft"] == shown["draft"]
        assert shop.stores.desired.read().bots == {}
        made = await shop.service.create(f'"{shown["draft"]}"', "s", "3")
        assert made["ok"]
        assert made["live"]
        assert list(shop.stores.desired.read().bots) == ["drafted"]


async def test_draft_is_shown_again_if_its_bot_changed_meanwhile(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    async with opened(parlant_url, tmp_path) as shop:
        await shop.make(pasted("Moved"))
        grave = json.dumps({"tone": ["grave"]})
        shown = await shop.service.validate(grave, "moved", "s", "1")
        quick = json.dumps({"personality": ["quick"]})
        other = await shop.service.validate(quick, "moved", "t", "1")
        assert (await shop.service.update("moved", other["draft"], "t", "2"))["ok"]
        again = await shop.service.update("moved", shown["draft"], "s", "2")
        assert again["problem"] == "unconfirmed"
        assert again["changes"] == ['tone: ["friendly"] becomes ["grave"]']
        assert (await shop.service.update("moved", again["draft"], "s", "3"))["ok"]
        description = shop.stores.desired.get("moved").bot.description or ""
        assert "Tone: grave" in description
        assert "Personality: quick" in description
