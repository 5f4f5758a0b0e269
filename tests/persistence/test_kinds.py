"""All that manifests can say comes back in a program's own server, by either call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from otto_reconcile import manifest
from otto_reconcile.desired import Source
from otto_reconcile.persistence import DomainPersistence, attach, rehydrate_bots_from_persistence
from otto_reconcile.store.memory import MemoryStore
from tests.parlant_server.tools import look_up
from tests.persistence.conftest import Body

TEXT = """\
apiVersion: otto/v1
kind: Glossary
metadata: {id: words}
spec:
  used_by: {labels: {team: shop}}
  terms: [{name: RMA, description: The number of a return.}]
  canned_responses: [{id: sold-out, value: "We are sold out of {{item}}."}]
  guidelines:
    - {id: stock, condition: They ask what is there, action: Say it, canned_responses: [sold-out]}
---
apiVersion: otto/v1
kind: Bot
metadata: {id: desk, labels: {team: shop}}
spec:
  name: Desk
  customers: [{id: ada, name: Ada, tags: [vip]}]
  variables:
    - {name: plan, values: {default: basic, "tag:vip": gold}}
    - {name: order, tool: look_up}
  capabilities: [{title: Returns, description: Takes things back.}]
  canned_responses: [{id: hello, value: Welcome}, {id: which, value: Which number is it?}]
  journeys:
    - id: return
      title: Return
      description: Takes it back.
      conditions: [They send it back]
      states:
        - {chat: Ask for the number, canned_responses: [which]}
        - {tool: look_up}
        - {chat: Tell the address}
"""


@pytest.fixture
def persistence(tmp_path: Path) -> DomainPersistence:
    file = tmp_path / "shop.yaml"
    file.write_text(TEXT, encoding="utf-8")
    made = DomainPersistence.over(MemoryStore())
    for loaded in manifest.load([file], environ={}).declarations:
        made.stores.desired.put(loaded.declaration, source=Source("test"), actor="test")
    return made


async def listed(http: httpx.AsyncClient, path: str, name: str) -> dict[str, Any]:
    answer = (await http.get(path)).raise_for_status()
    return {item[name]: item for item in answer.json()}


async def check(http: httpx.AsyncClient) -> None:
    """All of the bot but its journey, and nothing else."""
    assert list(await listed(http, "/agents", "id")) == ["desk"]
    assert list(await listed(http, "/terms", "name")) == ["RMA"]
    assert list(await listed(http, "/capabilities", "title")) == ["Returns"]
    ada = (await listed(http, "/customers", "id"))["ada"]
    (vip,) = ada["tags"]
    assert vip in await listed(http, "/tags", "id")
    variables = await listed(http, "/context-variables", "name")
    assert variables["order"]["tool_id"]["tool_name"] == "look_up"
    shown = (await http.get(f"/context-variables/{variables['plan']['id']}")).json()
    assert {key: value["data"] for key, value in shown["key_value_pairs"].items()} == {
        "DEFAULT": "basic",
        f"tag:{vip}": "gold",
    }
    canned = await listed(http, "/canned_responses", "value")
    assert "agent:desk" in canned["Welcome"]["tags"]
    (stock,) = [g for g in (await listed(http, "/guidelines", "action")).values() if g["action"]]
    assert f"guideline:{stock['id']}" in canned["We are sold out of {{item}}."]["tags"]
    assert any(tag.startswith("journey_node:") for tag in canned["Which number is it?"]["tags"])
    assert len(canned) == 3


async def test_restored_once(persistence: DomainPersistence, body: Body) -> None:
    async with body() as (server, http):
        done = await rehydrate_bots_from_persistence(server, persistence, tools=[look_up])
        assert done["errors"] == []
        await check(http)
        assert list(await listed(http, "/journeys", "id")) == ["desk.return"]
        chart = await http.get("/journeys/desk.return/mermaid")
        assert "Ask for the number" in chart.text
        assert "Tell the address" in chart.text


async def test_attached(persistence: DomainPersistence, body: Body) -> None:
    async with body() as (server, http):
        attachment = await attach(server, persistence=persistence, tools=[look_up], evaluate=False)
        await check(http)
        waiting = attachment.status.bots["desk"]
        assert "made when the server begins to serve" in str(waiting.message)
        assert attachment.status.evaluations["mode"] == "off"
        await attachment.stop()
