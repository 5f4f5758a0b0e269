"""A Parlant server in this process, in a thread with its own loop, like the embedded host.

It has a bridge with TOKEN. Its app can be called over ASGI before it serves: `before_serving` runs
in the body of the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
TOKEN = "the-token-of-the-bridge"


class ParlantThread:
    """`start()`, then `run(coroutine)` in the server's loop. The process ends it at last."""

    def __init__(self, before_serving: Callable[[Any], Awaitable[None]] | None = None) -> None:
        self.app: Any = None
        self.server: Any = None
        self.port = 0
        self.server: Any = None
        self._before = before_serving
        self._loop = asyncio.new_event_loop()
        self._serving = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self.error: BaseException | None = None

    def start(self, timeout: float = 90.0) -> None:
        threading.Thread(target=self._main, name="parlant", daemon=True).start()
        if not self._serving.wait(timeout) or self.error is not None:
            raise RuntimeError("the Parlant server in this process did not start") from self.error

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 60.0) -> T:
        """Runs it in the server's loop, from another thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    async def within(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs it in the server's loop, from a coroutine of another loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._serve())
        with contextlib.suppress(BaseException):
            self._loop.run_until_complete(self._task)
        self._serving.set()

    async def _serve(self) -> None:
        from otto_reconcile.bridge import bridge
        from tests.parlant_server.serving import free_port, make_server
        from tests.parlant_server.tools import enable

        async def keep(app: Any) -> None:
            self.app = app

        try:
            self.port = free_port()
            configure = bridge(TOKEN, also=keep, hold=0.0)
            async with make_server(self.port, configure) as server:
                self.server = server
                self.server = server
                await enable(server)
                if self._before is not None:
                    await self._before(self.app)
                self._loop.create_task(self._announce(server))
        except BaseException as error:
            self.error = error
            raise

    async def _announce(self, server: Any) -> None:
        await server.ready.wait()
        self._serving.set()
