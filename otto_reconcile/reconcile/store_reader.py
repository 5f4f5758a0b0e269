"""Reads from the store all that a target's loop goes by, and reports what came of it."""

from __future__ import annotations

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.reconcile.cache import CacheUpdate
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.workqueue import URGENT


class StoreReader:
    """One target's. A store that is away is reported, never raised."""

    def __init__(self, session: TargetSession, reconciler: Reconciler) -> None:
        self._session, self._reconciler = session, reconciler
        self._reporter = session.reporter

    async def read(self, *, whole: bool = True, calm: bool = False) -> bool:
        """Reads all that is kept, and queues what is wanted otherwise than before.

        Without `whole` only what has moved, where the store can tell what that is; `calm` as for
        the cache.
        """
        session, outage = self._session, self._session.outage
        begun = outage.begin_reading() if outage is not None else None
        try:
            await self._reconciler.flush()
            await session.prepare()
            leader = session.leader
            update = await session.cache.read(
                ingest=leader.leading, token=leader.token, whole=whole, calm=calm
            )
        except StoreUnavailable as error:
            self._reporter.store(error)
            return False
        if outage is not None:
            outage.end_reading(begun)
        back = self._reporter.store(None)
        self._report(update)
        if back:
            session.enqueue(session.settled, "the store is back", URGENT)
        session.enqueue(update.changed, "desired", URGENT)
        return True

    def _report(self, update: CacheUpdate) -> None:
        self._reporter.lost(update.lost)
        self._reporter.world(self._session.cache.current, update.warnings, update.moved)
        for bot_id, note in update.renamed.items():
            self._reporter.say("another program has renamed a bot", bot=bot_id, note=note)
