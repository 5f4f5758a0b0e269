"""The port over all hosts, and plain HTTP beside it to look with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from otto_reconcile.port.bridge import Bridge
from otto_reconcile.port.releases import release_of
from otto_reconcile.port.rest import RestPort
from otto_reconcile.server.sdk_host import host_process
from tests.parlant_server.fixtures import InLoop
from tests.parlant_server.in_process import TOKEN
from tests.parlant_server.rest import Rest

INSTALLED = version("parlant")
RELEASE = release_of(INSTALLED)


def holds(kind: str, field: str) -> bool:
    """True if the Parlant that is installed here has this field: `make compat` runs others."""
    return RELEASE is not None and (kind, field) not in RELEASE.lacks


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A release that cannot be hosted is spoken to over HTTP alone, and asked for nothing else."""
    if RELEASE is None or RELEASE.hosted:
        return
    inside = [item for item in items if _is_inside(item)]
    config.hook.pytest_deselected(items=inside)
    items[:] = [item for item in items if item not in inside]


def _is_inside(item: pytest.Item) -> bool:
    """True for a test of this folder that needs Parlant in its own process."""
    callspec = getattr(item, "callspec", None)
    over_asgi = callspec is not None and callspec.params.get("host") in ("asgi", "bridge")
    fixtures: tuple[str, ...] = tuple(getattr(item, "fixturenames", ()))
    return item.path.parent == Path(__file__).parent and (over_asgi or "parlant_thread" in fixtures)


@dataclass
class Host:
    """`port` is what is tested; `rest` looks, and does harm, without it."""

    port: Any
    rest: Any


@pytest.fixture(params=["http", "asgi", "bridge"])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    if request.param == "http":
        url = request.getfixturevalue("parlant_url")
        port = RestPort.over_http(url)
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            yield Host(port, Rest(http))
        await port.close()
        return
    thread = request.getfixturevalue("parlant_thread")
    transport = httpx.ASGITransport(thread.app, raise_app_exceptions=False)
    http = httpx.AsyncClient(transport=transport, base_url="http://parlant")
    looking = InLoop(Rest(http), thread)
    await looking.clean()
    if request.param == "bridge":
        url = f"http://127.0.0.1:{thread.port}"
        port = RestPort.over_http(url, host=Bridge(url, TOKEN).process)
    else:
        host = host_process(thread.server)
        port = RestPort.over_asgi(thread.app, target="embedded:test", host=host)
    inside = InLoop(port, thread)
    yield Host(inside, looking)
    await inside.close()
