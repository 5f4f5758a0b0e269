"""What the loops of several targets, or that of a shard, share: readings, and other daemons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial

from otto_reconcile.daemon.assembly import Assembly, OneOfSeveral
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.fleet.assignment import Assignment
from otto_reconcile.fleet.placing import Placing
from otto_reconcile.fleet.shared import SharedWanted
from otto_reconcile.fleet.sharing import Sharing
from otto_reconcile.reconcile import change_feed
from otto_reconcile.reconcile.last_used import LastUsed
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.records.presence import Peer, Presence
from otto_reconcile.runtime.backoff import CONNECTION
from otto_reconcile.settings import TargetSettings

SHARE = 0.05
"""The part of the time that may be spent on reading everything to be sure."""


class Spreading:
    """Reads the store for all `targets`, and tells each when it has to read its part.

    `holder` is what this daemon is called in its leases, `predecessors` are surely dead ones.
    `leads` is True while it acts anywhere.
    """

    def __init__(
        self,
        assembly: Assembly,
        targets: Sequence[TargetSettings],
        holder: str,
        predecessors: Collection[str],
        leads: Callable[[], bool],
    ) -> None:
        self._assembly, self._leads = assembly, leads
        self._reporter, self._clock, self._jobs = assembly.reporter, assembly.clock, assembly.jobs
        self._stores, self._interval = assembly.stores, assembly.settings.interval
        self._events = {target.name: asyncio.Event() for target in targets}
        self.urls: dict[str, str] = {}
        """Where each target is reached, once that is known: for routers."""
        assignment = Assignment(targets)
        self.shared = SharedWanted(self._stores, assignment)
        me = Peer(holder, assignment.digest, frozenset(self._events))
        self.sharing = Sharing(
            Presence(self._stores.store, me, predecessors), me, self._clock, self.read_all
        )
        self._moved, self._whole = asyncio.Event(), True

    def one_of(
        self,
        name: str,
        reporter: Reporter,
        last_used: LastUsed,
        owner: Callable[[], str | None] | None = None,
    ) -> OneOfSeveral:
        """What the loop of one of the targets needs."""
        part = self.shared.part(name)
        placing = partial(Placing, self.shared, part, partial(self._url, name), self.look_at)
        return OneOfSeveral(reporter, part, owner, last_used, placing, self._events[name])

    def _url(self, name: str) -> str:
        return self.urls.get(name, "")

    def look_at(self, targets: frozenset[str]) -> None:
        """Their loops read what is wanted of them anew."""
        for name in targets & self._events.keys():
            self._events[name].set()

    def read_all(self) -> None:
        """Everything is read anew soon."""
        self._whole = True
        self._moved.set()

    async def begin(self) -> None:
        """Knows the other daemons, and what is wanted, before the first target is taken."""
        try:
            await self.sharing.beat()
        except StoreUnavailable as error:
            self._reporter.store(error, "sharing")
        await self._refresh()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Begins, and goes on meanwhile; then lets other daemons have the targets."""
        await self._jobs.attempt("reading", self.begin())
        jobs = {
            "sharing": self._share,
            "reading": self._read,
            "sweeping all": self._sweep,
        }
        async with change_feed.following(self._stores, self._moved, self._jobs):
            kept = [
                asyncio.create_task(self._jobs.keep(name, job), name=name)
                for name, job in jobs.items()
            ]
            try:
                yield
            finally:
                for task in kept:
                    task.cancel()
                await self.sharing.leave()

    async def _share(self) -> None:
        while True:
            try:
                await self.sharing.keep(lambda: self._went_well("sharing"))
            except StoreUnavailable as error:
                self._reporter.store(error, "sharing")
                await self._clock.sleep(CONNECTION.delay(1))

    def _went_well(self, job: str) -> None:
        self._reporter.store(None, job)
        self._jobs.succeeded(job)

    async def _refresh(self) -> bool:
        """Reads what is wanted, and has the targets look at what moved; False without a store."""
        whole, self._whole = self._whole, False
        try:
            targets = await asyncio.to_thread(
                self.shared.refresh,
                ingest=self._leads(),
                whole=whole,
                settled=self.sharing.agreed,
            )
        except StoreUnavailable as error:
            self._whole = True
            self._reporter.store(error)
            self.look_at(frozenset(self._events))
            return False
        back = self._reporter.store(None)
        self.look_at(frozenset(self._events) if back else targets)
        return True

    async def _read(self) -> None:
        failures = 0
        while True:
            if failures:
                await self._clock.sleep(CONNECTION.delay(failures))
            else:
                await self._moved.wait()
            self._moved.clear()
            failures = 0 if await self._refresh() else failures + 1
            self._jobs.succeeded("reading")

    async def _sweep(self) -> None:
        """Rows that others wrote, and placements by other daemons, are found so."""
        while True:
            started = self._clock.monotonic()
            self._whole = True
            await self._refresh()
            self._jobs.succeeded("sweeping all")
            took = self._clock.monotonic() - started
            await self._clock.sleep(max(self._interval, took / SHARE))
