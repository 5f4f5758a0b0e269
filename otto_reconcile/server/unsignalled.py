"""Uvicorn without its hands on the process: for servers that run beside others in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn

_TICK = 1.0
"""Seconds between two looks at the time, for the header `date`."""


class Unsignalled(uvicorn.Server):
    """Leaves the process's signals to the caller, and wakes once a second, not ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._ending = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        return self._ending.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._ending.set()
        else:
            self._ending.clear()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _TICK)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
