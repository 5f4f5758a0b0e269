"""Tool services on a real Parlant, and tools that are not there (yet), over HTTP and over ASGI."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.diff import plan
from otto_reconcile.errors import Incomplete, TargetUnavailable
from otto_reconcile.model import Bot, Ref, Snapshot, snapshot_of
from otto_reconcile.planning.redaction import shown
from tests.parlant_server.fixtures import InLoop
from tests.parlant_server.tool_server import McpServer, ToolServer
from tests.port.conftest import RELEASE, Host
from tests.port.test_contract import converge, put, seen

BOT = "order-desk"
RULE, JOURNEY = f"{BOT}.rule", f"{BOT}.return"


@pytest.fixture
async def tools() -> AsyncIterator[ToolServer]:
    async with ToolServer() as server:
        yield server


def wanted(*tools: str, services: list[Any] | None = None, **more: Any) -> Snapshot:
    rule = {"id": RULE, "condition": "It is asked for", "action": "Look", "tools": list(tools)}
    document = {"id": BOT, "name": "Order Desk", "guidelines": [rule], **more}
    return snapshot_of(Bot.from_document({**document, "tool_services": services or []}))


def description(path: Path) -> str:
    """An OpenAPI description of an API with nothing in it."""
    path.write_text(
        json.dumps({"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": {}})
    )
    return str(path)


async def eventually(attempt: Callable[[], Awaitable[Any]], seconds: float = 30) -> None:
    """Until the service has opened its port."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            await attempt()
            return
        except TargetUnavailable:
            if time.monotonic() > deadline:
                raise


async def attached(host: Host) -> list[str]:
    held = (await host.rest.get(f"/guidelines/{RULE}"))["tool_associations"]
    return sorted(":".join(tool["tool_id"].values()) for tool in held)


async def unsettled(host: Host, want: Snapshot, last: Snapshot | None = None) -> list[str]:
    found = plan(want, await seen(host, want), last if last is not None else want)
    return [f"{action.operation} {action.ref}" for action in found.acting]


@pytest.mark.filterwarnings("ignore:OpenAPI tool services")
async def test_a_service_is_made_changed_and_deleted_by_name(
    host: Host, tools: ToolServer, tmp_path: Path
) -> None:
    described = {"name": "crm", "kind": "openapi", "url": "http://127.0.0.1:1"}
    first = wanted(services=[{**described, "source": description(tmp_path / "1.json")}])
    await put(host, first)
    assert await unsettled(host, first) == []
    moved = wanted(services=[{**described, "source": description(tmp_path / "2.json")}])
    assert await converge(host, moved, first) == ["update tool_service/crm"]
    sdk = wanted("crm:stock", services=[{"name": "crm", "kind": "sdk", "url": tools.url}])
    assert await converge(host, sdk, moved) == [
        "update tool_service/crm",
        f"update guideline/{RULE}",
    ]
    listed = {s["name"]: (s["kind"], s["url"]) for s in await host.rest.get("/services")}
    assert listed["crm"] == ("sdk", tools.url)
    assert await attached(host) == ["crm:stock"]
    found = await seen(host, sdk)
    for _ in range(2):
        await host.port.delete(found[Ref("tool_service", "crm")])
    assert {s["name"] for s in await host.rest.get("/services")} == {"built-in"}


@pytest.mark.filterwarnings("ignore:OpenAPI tool services")
async def test_unreachable_service_is_temporary_and_named(host: Host) -> None:
    service = {"name": "far", "kind": "openapi", "url": "http://h", "source": "http://127.0.0.1:1"}
    with pytest.raises(TargetUnavailable, match="'far'"):
        await put(host, wanted(services=[service]))
    assert not await host.rest.exists("/services/far")


async def test_a_tool_of_an_mcp_service_is_attached(host: Host) -> None:
    async with McpServer() as server:
        services = [{"name": "sky", "kind": "mcp", "url": f"{server.url}/mcp"}]
        want = wanted("sky:weather", services=services)
        await eventually(lambda: put(host, want))
        assert await attached(host) == ["sky:weather"]
        assert await unsettled(host, want) == []
        await host.port.delete((await seen(host, want))[Ref("tool_service", "sky")])


@pytest.mark.skipif(
    RELEASE is not None and not RELEASE.hosted,
    reason="a Parlant 3.2 cannot delete a service that is dead: all tests after it would have it",
)
async def test_the_tools_of_services_that_died_are_named(host: Host, tools: ToolServer) -> None:
    """Whether one of kind mcp is dead can be told only where Parlant is in this process."""
    named = ["crm:later", "crm:stock", "sky:weather", "sky:rain"]
    async with McpServer() as server:
        services = [
            {"name": "crm", "kind": "sdk", "url": tools.url},
            {"name": "sky", "kind": "mcp", "url": server.url},
        ]
        want = wanted("crm:stock", "sky:weather", services=services)
        await eventually(lambda: put(host, want))
        assert await host.port.lacking(named) == {"crm:later": "crm:later", "sky:rain": "sky:rain"}
    await tools.stop()
    await host.port.host_tools(None)
    lacking = await host.port.lacking(named)
    beside = isinstance(host.port, InLoop) and host.port.inner.inside
    assert list(lacking) == (sorted(named) if beside else ["crm:later", "crm:stock"])
    assert all("does not answer" in why for why in lacking.values())


async def test_a_tool_that_is_not_there_yet_holds_up_nothing_else(
    host: Host, tools: ToolServer
) -> None:
    services = [{"name": "crm", "kind": "sdk", "url": tools.url}]
    want = wanted("look_up", "crm:later", services=services)
    with pytest.raises(Incomplete, match="crm:later"):
        await put(host, want)
    assert await attached(host) == ["built-in:look_up"]
    assert await unsettled(host, want) == [f"update guideline/{RULE}"]
    tools.offers["later"] = tools.late
    await host.port.host_tools(None)
    assert await converge(host, want) == [f"update guideline/{RULE}"]
    assert await attached(host) == ["built-in:look_up", "crm:later"]
    assert await unsettled(host, want) == []
    del tools.offers["later"]
    await host.port.host_tools(None)
    with pytest.raises(Incomplete, match="crm:later"):
        await converge(host, want)
    await tools.stop()
    await host.port.host_tools(None)
    with pytest.raises(Incomplete, match="'crm' does not answer"):
        await converge(host, want)
    assert await attached(host) == ["built-in:look_up", "crm:later"]


async def test_guideline_parlant_cannot_show_gets_its_tool_later(
    host: Host, tools: ToolServer
) -> None:
    services = [{"name": "crm", "kind": "sdk", "url": tools.url}]
    journey = {"id": JOURNEY, "title": "Return", "description": "", "conditions": ["A return"]}
    ends = {"source": f"guideline:{RULE}", "target": f"journey:{JOURNEY}"}
    more = {"journeys": [journey], "relationships": [{"kind": "dependency", **ends}]}
    before = wanted("look_up", services=services, **more)
    await put(host, before)
    want = wanted("crm:later", services=services, **more)
    with pytest.raises(Incomplete, match="crm:later"):
        await converge(host, want, before)
    assert await unsettled(host, want, before) == [f"update guideline/{RULE}"]
    tools.offers["later"] = tools.late
    await host.port.host_tools(None)
    assert await converge(host, want, before) == [f"update guideline/{RULE}"]
    assert await unsettled(host, want) == []
    for relationship in await host.rest.get("/relationships", indirect=False):
        await host.rest.delete(f"/relationships/{relationship['id']}")
    assert await attached(host) == ["crm:later"]


async def test_a_bare_name_is_a_local_tool_where_there_is_one(
    host: Host, tools: ToolServer
) -> None:
    want = wanted("stock", "look_up")
    await host.port.host_tools(tools.url, tools.offers)
    await put(host, want)
    assert await attached(host) == ["built-in:look_up", "local:stock"]
    assert await unsettled(host, want) == []
    await host.rest.delete("/services/local")  # as a new life of Parlant would have lost it
    await host.port.host_tools(tools.url, tools.offers)
    assert await unsettled(host, want) == []
    assert "local" in {service["name"] for service in await host.rest.get("/services")}
    assert await converge(host, wanted("look_up"), want) == [f"update guideline/{RULE}"]
    assert await attached(host) == ["built-in:look_up"]


def test_credentials_in_an_address_are_never_shown() -> None:
    service = {"name": "crm", "kind": "sdk", "url": "http://me:hush@127.0.0.1:1/"}
    (action,) = (
        a for a in plan(wanted(services=[service]), Snapshot(), Snapshot()).acting
        if a.ref.kind == "tool_service"
    )  # fmt: skip
    told = {change.field: shown(change)[1] for change in action.changes}
    assert told == {"kind": "sdk", "url": "(masked)"}
