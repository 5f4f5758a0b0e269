"""A faulty proxy that runs beside a test that blocks: in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.parlant_server.proxy import FaultyProxy


@contextmanager
def proxied(upstream: str) -> Iterator[FaultyProxy]:
    """Its fault methods only set flags, and so may be called from the test's thread."""
    proxy = FaultyProxy(upstream)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def live() -> None:
        async with proxy:
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),), name="proxy")
    thread.start()
    try:
        assert ready.wait(30)
        yield proxy
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()
