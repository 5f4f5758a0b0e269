"""Wants a bot for Otto (outbox, then store), and brings it to Parlant by the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import OttoError, StoreUnavailable
from otto_reconcile.loop import Loop
from otto_reconcile.model import Bot
from otto_reconcile.otto.confirmation import creation
from otto_reconcile.otto.queries import Known
from otto_reconcile.outbox import Kept, Outbox, Pending
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.records.events import now_utc

ACTOR = "otto (chat)"


class Writer:
    def __init__(
        self,
        loop: Loop,
        desired: DesiredState,
        outbox: Outbox,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._loop, self._desired, self._outbox, self._now = loop, desired, outbox, now

    async def keep(
        self, bot_id: str, bot: Bot | None, revision: int, source: Source, known: Known
    ) -> Kept:
        """A store that has just not answered is not waited for once more."""
        follows = any(pending.bot_id == bot_id for pending in self._outbox.pending)
        expect = None if follows else revision
        pending = Pending(bot_id, bot, expect, source, ACTOR, self._now())
        desired = None if known.doubt else self._desired
        return await asyncio.to_thread(self._outbox.put, pending, desired)

    async def bring(self, bot_id: str, bot: Bot | None, source: Source, kept: Kept) -> BotResult:
        """Parlant after what is wanted; what does not work now is the loop's to try again."""
        try:
            if kept.saved:
                return await self._loop.reconcile_now(bot_id)
        except StoreUnavailable:
            pass  # it went away after it had taken it
        pending = Pending(bot_id, bot, None, source, ACTOR, self._now())
        try:
            return await self._loop.carry_out(bot_id, pending.wanted)
        except OttoError as error:
            return BotResult(bot_id, error=error)

    def kept_already(self, bot: Bot, known: Known, source: Source) -> Kept | None:
        """Where this chat has had exactly this kept: the customer wrote on before hearing of it."""
        wanted = known.bots.get(bot.id)
        if wanted is None or replace(wanted.source, note=None) != source:
            return None
        if creation(wanted.bot) != creation(bot):
            return None
        waits = any(pending.bot_id == bot.id for pending in self._outbox.pending)
        return Kept(saved=not waits)
