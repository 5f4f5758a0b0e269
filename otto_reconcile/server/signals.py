"""Runs a coroutine until it ends or SIGINT or SIGTERM asks it to; the command `run` uses it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

from otto_reconcile.errors import TargetUnavailable

SIGNALS = (signal.SIGINT, signal.SIGTERM)

GRACE = 4.5
"""Seconds from the first signal to the end of the process, at most."""

_log = logging.getLogger("otto_reconcile.server")


def run_until_signalled(
    main: Callable[[asyncio.Event], Coroutine[Any, Any, int]], *, grace: float = GRACE
) -> int:
    """Runs `main(stopping)` as `asyncio.run` does and gives back its exit code.

    SIGINT and SIGTERM set `stopping`, also where the parent left SIGINT ignored, and `main` ends
    in its own time. Work that refuses to be cancelled cannot hold the process up: `grace` seconds
    after the first signal the process is ended with the code of `main` if there is one, else 1.
    The handlers that were there before come back. Call it in the main thread.
    Raises TargetUnavailable if a library wanted to end the process.
    """
    ending = _Ending(grace)
    # Before the loop starts, so that asyncio leaves SIGINT alone.
    before = {number: signal.signal(number, ending.on_signal) for number in SIGNALS}
    try:
        return asyncio.run(ending.guard(main))
    except SystemExit as error:
        message = f"a part of Parlant wanted to end the process (code {error.code})"
        raise TargetUnavailable(message, hint="see parlant.log in the data directory") from error
    finally:
        ending.done.set()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Ending:
    """The way from the first signal to the end: on time, or forced by a thread."""

    def __init__(self, grace: float) -> None:
        self.done = threading.Event()
        self._grace = grace
        self._code: int | None = None
        self._watch: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    async def guard(self, main: Callable[[asyncio.Event], Coroutine[Any, Any, int]]) -> int:
        stopping = self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._watch is not None:
            stopping.set()
        self._code = await main(stopping)
        return self._code

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._watch is None:
            self._watch = threading.Thread(target=self._force, name="ending", daemon=True)
            self._watch.start()
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    def _force(self) -> None:
        if not self.done.wait(self._grace):
            _log.warning(
                "ended after %.1f s with work still under way: %s", self._grace, self._under_way()
            )
            logging.shutdown()
            os._exit(1 if self._code is None else self._code)

    def _under_way(self) -> str:
        """The names of the tasks that go on, for whoever has to find out why."""
        names: set[str] = set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # they change while they are counted
                names = {task.get_name() for task in asyncio.all_tasks(self._loop)}
        return ", ".join(sorted(names)) or "unknown"
