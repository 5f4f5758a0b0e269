"""Becomes and stays the one daemon that acts on a target: its lease in the store, its mark there.

Nothing here raises for a store or target that is away: it is reported.
"""

from __future__ import annotations

import asyncio
import contextlib

from otto_reconcile.errors import OttoError, StoreUnavailable
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.leader import TTL
from otto_reconcile.reconcile.reporter import LEADING, UNAVAILABLE, WAITING
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.store_reader import StoreReader

ONE_OF_ITS_OWN = "stop one, remove `instance` in its data directory, and start it again"
TAKEN_OVER = f"then this one takes over after {TTL:.0f} seconds of silence"
RESIGNING = 2.0
"""Seconds that taking our mark from the target may take."""


class Leadership:
    """One target's. A target that is known already under another URL takes that one's name."""

    def __init__(self, session: TargetSession, reader: StoreReader) -> None:
        self._session, self._reader = session, reader
        self._port, self._reporter = session.port, session.reporter
        self._met = False  # whether the server was asked who managed it before
        self._managing_turn = asyncio.Lock()

    async def lead(self) -> None:
        """Takes or renews the lease."""
        leader, stores = self._session.leader, self._session.stores
        led = leader.leading
        try:
            other = await leader.renew()
            if leader.leading and not led:
                await asyncio.to_thread(stores.audit.close_open, self._port.target)
        except StoreUnavailable as error:
            self._reporter.store(error, LEADING)
            return
        self._reporter.store(None, LEADING)
        self._reporter.board.status.led_by = leader.owner
        if other is not None and other == leader.owner:
            self._reporter.acts_no_more()
            self._reporter.target(WAITING, f"{other} has this one")
        elif other is not None:
            self._reporter.acts_no_more()
            told = f"{other} leads this target, or did so until it ended: {TAKEN_OVER}"
            if self._port.target.startswith("embedded:"):  # nobody else is in this process
                told += (
                    f"; if that is a daemon with a copy of this data directory: {ONE_OF_ITS_OWN}"
                )
            self._reporter.target(WAITING, told)

    async def manage(self) -> None:
        """Recognises the server that answers, and becomes or stays the one that manages it."""
        async with self._managing_turn:
            await self._manage()

    async def _manage(self) -> None:
        leader = self._session.leader
        try:
            if not self._port.inside:
                await self._recognise()
            self._reporter.store(None, "recognising")
            if not leader.leading:
                await self._session.managing.watch()
                self._reporter.rivals(())
                return
            await self._renew_mark()
        except StoreUnavailable as error:
            self._reporter.store(error, "recognising")
        except OttoError as error:
            if leader.leading:
                self._reporter.target(UNAVAILABLE, error.message)

    async def _renew_mark(self) -> None:
        """Becomes or stays the one that manages the server, and tells who else wants to."""
        managing = self._session.managing
        other = await managing.renew()
        self._reporter.rivals(managing.rivals)
        if other is not None:
            self._reporter.target(WAITING, other)

    async def _recognise(self) -> None:
        """The same server behind another URL is the same target."""
        session = self._session
        if not self._met:
            session.remembered.managed_before = await epoch.is_strange(self._port, session.stores)
            self._met = True
        if (target := await epoch.identity(self._port, session.stores)) == self._port.target:
            return
        self._reporter.say("the server is known already", as_target=target, url=self._port.target)
        await session.leader.move(target)
        self._port.identify(target)
        session.cache.forget()
        self._reporter.board.status.target_id = target
        await self.lead()
        await self._reader.read()

    async def mark_anew(self) -> None:
        """Sets our mark on a server that began anew and has lost it. At the next beat it would be
        set too, but in the middle of the restore, and what was under way would be stopped."""
        if self._port.inside:
            return
        async with self._managing_turn:
            if self._session.leader.leading:
                await self._renew_mark()

    async def resign(self) -> None:
        """Lets others manage the target at once. Never raises."""
        with contextlib.suppress(OttoError, TimeoutError):
            async with asyncio.timeout(RESIGNING), self._managing_turn:
                await self._session.managing.resign()
        await self._session.leader.resign()
