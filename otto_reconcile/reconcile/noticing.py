"""Takes the changes that others make on a target, and has the bots looked at that they concern."""

from __future__ import annotations

import asyncio

from otto_reconcile.model import kinds
from otto_reconcile.reconcile.controller import Controller
from otto_reconcile.reconcile.scanning import Scanning
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.target_changes import TargetChanges
from otto_reconcile.reconcile.workqueue import ROUTINE

REACHING = frozenset(kind.name for kind in kinds() if kind.reaches)


class Noticing:
    def __init__(
        self,
        changes: TargetChanges,
        session: TargetSession,
        controller: Controller,
        scanning: Scanning,
        scan_again: asyncio.Event,
    ) -> None:
        self._changes, self._session = changes, session
        self._controller, self._scanning, self._scan_again = controller, scanning, scan_again

    async def take(self) -> None:
        """Waits for one change, and deals with it."""
        touched = await self._changes.get()
        owner = touched.bot_id or self._session.cache.owner_of(touched.kind, touched.id)
        if owner is not None or touched.kind != "customer":  # most customers are not ours
            self.stirred(owner, touched.kind)

    def stirred(self, bot_id: str | None, kind: str = "") -> None:
        """Something changed on the target: of this bot, or of nobody knows whom.

        Of a tool service no bot is the only one: what waits for its tools is tried again.
        """
        shared = kind == "tool_service"
        if shared:
            self._controller.release()
        if bot_id is not None:
            self._session.ask_for([bot_id], "noticed")
        if bot_id is None and kind in REACHING:
            self._scanning.soon()
            self._scan_again.set()
        if bot_id is None or shared:
            self._session.enqueue(self._session.cache.bot_ids, "noticed", ROUTINE)
