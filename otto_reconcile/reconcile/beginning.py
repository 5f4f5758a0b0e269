"""How a loop begins: it leads, reads what is wanted, and puts all back if the target is new."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from otto_reconcile.errors import OttoError
from otto_reconcile.reconcile.leadership import Leadership
from otto_reconcile.reconcile.prober import Prober
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.store_reader import StoreReader


class Beginning:
    """One target's."""

    def __init__(
        self, session: TargetSession, leadership: Leadership, reader: StoreReader, prober: Prober
    ) -> None:
        self._session, self._leadership = session, leadership
        self._reader, self._prober = reader, prober

    async def begin(self, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """Goes on with `then` once all is restored. A store that is away is no error."""
        await self._leadership.lead()
        await self._leadership.manage()
        await self.save_late()
        if not await self._reader.read():
            await self._without_store()
        elif self._session.leading:
            await self._prober.probe()
            self._session.reporter.publish()
            if then is not None:
                await then()

    async def save_late(self) -> bool:
        """Saves what waits for the store; True if nothing waits any more."""
        outage = self._session.outage
        return outage is None or not outage.waiting or await outage.save()

    async def _without_store(self) -> None:
        """What the outbox has is put back; other bots that were managed here are waited for."""
        session = self._session
        missing = set(session.remembered.bot_ids)
        with suppress(OttoError):
            await session.admission.meet()
        if session.outage is not None:
            missing -= await session.outage.put_back(session.cache.world)
        session.admission.expect(missing)
        session.admission.finish()
