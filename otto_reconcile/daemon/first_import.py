"""The first import of all sources in one life of a target: before its loop runs, or beside it.

Where the store knows bots already, customers wait for these and not for the import: they come back
as they were when the store was last written, and what the sources say otherwise is a change like
any other. What the import changes before a bot is back, that bot comes back with.

Where the store knows none, or has something of the outbox to take first, the import comes first:
before it, nobody knows which bots customers are to wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from otto_reconcile.daemon.assembly import Assembly
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.records.heads import any_wanted

WITHIN = 10.0
"""Seconds after which the import begins, whatever the loop knows by then."""
_LOOK = 0.02


class FirstImport:
    """`known` says whether it is known which bots are to come back; `over` is set at the end.

    With `always_before` nothing runs beside the import: where bots are spread first.
    """

    def __init__(
        self, assembly: Assembly, known: Callable[[], bool], *, always_before: bool = False
    ) -> None:
        self._assembly, self._known, self._always = assembly, known, always_before
        self._clock, self.over = assembly.clock, asyncio.Event()

    async def before(self) -> None:
        """Imports now, if that has to come before the loop."""
        first = self._always or self._assembly.outbox.pending
        if first or not await asyncio.to_thread(self._store_has_bots):
            await self._assembly.import_all()
            self.over.set()

    async def beside(self) -> None:
        """Imports if that is still to be done, once it holds up no customer of a known bot."""
        deadline = self._clock.monotonic() + WITHIN
        while not (self.over.is_set() or self._known() or self._clock.monotonic() > deadline):
            await self._clock.sleep(_LOOK)
        if not self.over.is_set():
            await self._assembly.import_all()
            self.over.set()

    def _store_has_bots(self) -> bool:
        try:
            return any_wanted(self._assembly.stores.store)
        except StoreUnavailable:  # the import will say so
            return False
