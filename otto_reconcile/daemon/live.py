"""The time in which a loop runs: sources are followed, SIGHUP heard, the first look summed up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from otto_reconcile.daemon.assembly import Assembly
from otto_reconcile.daemon.first_import import FirstImport
from otto_reconcile.reconcile.summary import looked_at, summary
from otto_reconcile.sources.branch import Branch
from otto_reconcile.sources.folder import Folder


class Runs(Protocol):
    """The loop of one target, or those of several."""

    def poke(self, reason: str) -> None:
        """Asks for a look at everything."""
        ...

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set."""
        ...


Say = Callable[[str], None]
Advance = Callable[[int, int, int | None], None]
"""Takes how many are done, of how many, and the seconds to go where they are known."""
Bar = Callable[[str], contextlib.AbstractContextManager[Advance]]
"""Opens a progress bar with a title."""

_LOOK = 0.2
WORTH_A_BAR = 20
"""Bots from which on a restore has a progress bar."""
FIRST_LOOKS = 10.0
"""Seconds that the summary waits for the first look at every bot."""


class Live:
    """`started` is the monotonic time at which the process did; `say` gets the summary.

    `bar` shows on a terminal how far a restore is.
    """

    def __init__(
        self, assembly: Assembly, say: Say, started: float, bar: Bar | None = None
    ) -> None:
        self._bar = bar
        self._settings, self._reporter = assembly.settings, assembly.reporter
        self._clock, self._jobs, self._sources = assembly.clock, assembly.jobs, assembly.sources
        self._woken = assembly.woken
        self._outbox, self._say, self._started = assembly.outbox, say, started
        self._summed = False
        self._hung_up = asyncio.Event()

    async def run(
        self,
        loop: Runs,
        stopping: asyncio.Event,
        url: str,
        first: FirstImport | None = None,
    ) -> None:
        """Until `stopping` is set. What is imported `first` is imported with the port open."""
        self._reporter.board.status.url = url
        self._reporter.publish()
        self._reporter.ready(url)
        if first is not None:
            await until(stopping, first.before())
        self._hung_up.clear()  # whatever was asked for before: all is looked at now
        hearing = asyncio.create_task(self._hear(loop), name="hangup")
        importing = asyncio.create_task(self._import(first), name="importing")
        following = {
            asyncio.create_task(self._follow(one, importing, stopping)) for one in self._sources
        }
        summing = None
        showing = asyncio.create_task(self._jobs.attempt("progress", self._show_progress()))
        if not self._summed:
            self._summed = True
            summed = self._jobs.attempt("summary", self._sum_up(url, importing))
            summing = asyncio.create_task(summed, name="summary")
        try:
            await loop.run(stopping)
        finally:
            hearing.cancel()
            showing.cancel()
            importing.cancel()
            if summing is not None:
                summing.cancel()
            if following:
                await asyncio.wait(following, timeout=1.0)
            for task in following:
                task.cancel()

    async def _import(self, first: FirstImport | None) -> None:
        """The first import, if that is still to be done. Never raises."""
        if first is not None:
            await self._jobs.attempt("importing", first.beside())

    async def _follow(
        self, source: Folder | Branch, importing: asyncio.Task[None], stopping: asyncio.Event
    ) -> None:
        await asyncio.wait({importing})
        await source.follow(stopping)

    def on_hangup(self) -> None:
        self._reporter.say("SIGHUP: looking at everything")
        self._hung_up.set()

    async def _hear(self, loop: Runs) -> None:
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            loop.poke("SIGHUP")
            for woken in self._woken:
                woken.set()

    async def _show_progress(self) -> None:
        """Until the first restore is over, if it takes long enough for somebody to watch it."""
        while not (restore := self._reporter.board.status.restore):
            await self._clock.sleep(_LOOK)
        if self._bar is None or restore.get("of", 0) < WORTH_A_BAR:
            return
        with self._bar("restoring bots") as advance:
            while (restore := self._reporter.board.status.restore) and "done" in restore:
                advance(restore["done"], restore["of"], restore["seconds_left"])
                await self._clock.sleep(_LOOK)

    async def _sum_up(self, url: str, importing: asyncio.Task[None]) -> None:
        """Says once what there is, as soon as all is imported and looked at."""
        deadline = self._clock.monotonic() + FIRST_LOOKS
        status = self._reporter.board.status
        while self._clock.monotonic() < deadline and not (importing.done() and looked_at(status)):
            await self._clock.sleep(0.05)
        took = time.monotonic() - self._started
        elsewhere = self._settings.is_elsewhere
        answers = elsewhere or status.model.get("state") == "Connected"
        unsaved = len(self._outbox.pending)
        self._say(summary(status, url, took, answers=answers, unsaved=unsaved))


async def until(over: asyncio.Event, work: Coroutine[Any, Any, Any]) -> None:
    """Awaits the work, or leaves it when `over` is set."""
    task, stop = asyncio.create_task(work), asyncio.create_task(over.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        stop.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=1.0)
