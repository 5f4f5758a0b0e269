"""Watches whether the target is there and which life it lives, and puts all back in a new one.

Nothing here raises for a store or target that is away: it is reported.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from otto_reconcile.errors import OttoError, StoreUnavailable
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.controller import Controller
from otto_reconcile.reconcile.extension import Extension
from otto_reconcile.reconcile.leadership import Leadership
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.reporter import CONNECTED, UNAVAILABLE
from otto_reconcile.reconcile.restore import Restore
from otto_reconcile.reconcile.scanning import Scanning
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.reconcile.workqueue import URGENT

INSIDE = 10.0
"""Seconds between two looks at a target in this process, which begins no new life unseen."""


class Prober:
    """One target's."""

    def __init__(
        self,
        session: TargetSession,
        reconciler: Reconciler,
        leadership: Leadership,
        controller: Controller,
        scanning: Scanning,
        extensions: Sequence[Extension] = (),
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._session, self._reconciler, self._leadership = session, reconciler, leadership
        self._controller, self._scanning, self._extensions = controller, scanning, extensions
        self._port, self._stores = session.port, session.stores
        self._reporter, self._clock = session.reporter, session.clock
        self._busy = busy
        self._note: str | None = None
        self._probed = float("-inf")

    @property
    def due(self) -> bool:
        """False while it is known enough: the target is in this process, and was there just now."""
        recent = self._clock.monotonic() - self._probed < INSIDE
        return not (recent and self._port.inside and self._reporter.target_up)

    async def probe(self) -> bool:
        """Asks whether the target is there and lives the life that we know; restores it if not."""
        up = self._reporter.target_up
        self._probed = self._clock.monotonic()
        try:
            await self._session.admission.meet()
            async with self._session.turn:
                world = self._session.cache.current
                found = await epoch.ensure(self._port, self._stores, world, self._clock)
                self._session.cache.current.epoch = world.epoch
                if found.life is epoch.EpochChange.NEW:
                    self._scanning.begin_epoch()
                    for extension in self._extensions:
                        await extension.begin_epoch()
                    await self._leadership.mark_anew()
            restored = await self._put_back(found)
        except StoreUnavailable as error:
            self._reporter.store(error, "probing")
            return False
        except OttoError as error:
            self._reporter.target(UNAVAILABLE, error.message)
            return False
        self._reporter.store(None, "probing")
        if restored and not self._reporter.target_up:
            return False  # it went away again
        if found.life is epoch.EpochChange.CANARY_LOST:
            self._reporter.warn(
                "the canary tag is gone and all agents are there: somebody deleted it, or a "
                "program that makes them itself was restarted; it is set again"
            )
        if found.life is epoch.EpochChange.NEW or not up:
            self._note = await self._noted()
        if self._session.leading:  # another may have taken over while this was under way
            self._reporter.target(CONNECTED, self._note)
        self._reporter.epoch(world.epoch)
        if found.life is epoch.EpochChange.CANARY_LOST or (
            found.life is epoch.EpochChange.SAME and not up
        ):
            self._session.enqueue(self._session.cache.bot_ids, "target is back", URGENT)
        return True

    async def _put_back(self, found: epoch.Found) -> bool:
        """What is not there in this life of the target; True if anything was to be put back."""
        admission = self._session.admission
        if found.life is epoch.EpochChange.NEW:
            await self._restore(found.present)
            return True
        if admission.known:
            return False
        left = _unrestored(self._session.cache.current) if admission.resumes else frozenset()
        if not left:
            admission.expect()
            return False
        await self._restore(left, left)  # whoever began it has ended in the middle
        return True

    async def _restore(self, present: frozenset[str], among: frozenset[str] | None = None) -> None:
        self._controller.release()
        run_id, conclude = uuid.uuid4().hex[:8], self._controller.conclude
        parts = self._session, self._reconciler, conclude, run_id, present, self._busy
        await Restore(*parts, among).run()

    async def _noted(self) -> str | None:
        """What had to be assumed of the target, for a person to know."""
        try:
            return (await self._port.health()).note
        except OttoError:
            return None


def _unrestored(world: TargetState) -> frozenset[str]:
    """The bots that are wanted and were not put on the target in this life of it."""
    bots = world.desired.bots
    return frozenset(b for b in bots if b not in world.applied or world.restarted(b))
