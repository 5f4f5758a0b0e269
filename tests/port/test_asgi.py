"""A caller of the Parlant in this process can be cancelled, though Parlant makes an answer of it.

Pure: an app that does to a cancellation what Parlant's middleware does.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx
import pytest

from otto_reconcile.port.connecting import InProcess
from otto_reconcile.port.rest import RestPort

Event = dict[str, Any]


class Parlantlike:
    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.cut_short = asyncio.Event()

    async def __call__(self, scope: Event, receive: Any, send: Any) -> None:
        self.reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cut_short.set()
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})


async def test_a_cancelled_caller_does_not_go_on() -> None:
    app = Parlantlike()
    port = RestPort.over_asgi(app, target="embedded:test")
    went_on = False

    async def job() -> None:
        nonlocal went_on
        with contextlib.suppress(Exception):
            await port.list_agents()
        went_on = True

    running = asyncio.create_task(job())
    await asyncio.wait_for(app.reached.wait(), 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(app.cut_short.wait(), 30)
    assert not went_on
    await port.close()


async def test_what_the_app_answers_and_what_it_raises_arrives() -> None:
    async def app(scope: Event, receive: Any, send: Any) -> None:
        if scope["path"] == "/broken":
            raise RuntimeError("in the app")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})

    async with httpx.AsyncClient(transport=InProcess(app), base_url="http://app") as client:
        assert (await client.get("/")).text == "well"
        with pytest.raises(RuntimeError, match="in the app"):
            await client.get("/broken")
