"""Places what has come to a target whole, and lets go of what is there no more: of one target."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.fleet.shared import Known, Part, SharedWanted
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.session import TargetSession

AGAIN = 2.0
"""Seconds until the next try, where the store was away."""
PAUSE = 0.5
"""Seconds between two looks for bots that may leave where they were."""
ASK = 10.0
"""Seconds until a bot that was to be seen is asked for again."""


class Placing:
    """An `Extension` of the target's loop, for its part of what is wanted.

    `url` gives where the target is reached; `moved` takes the targets that a bot has left.
    """

    name = "placing"

    def __init__(
        self,
        shared: SharedWanted,
        part: Part,
        url: Callable[[], str],
        moved: Callable[[frozenset[str]], None],
        session: TargetSession,
    ) -> None:
        self._shared, self._url = shared, url
        self._target, self._session, self._moved = part.target, session, moved
        session.preparing = self._claim
        self._came: set[str] = set()
        self._left: set[str] = set()
        self._asked: dict[str, float] = {}  # bots that are to be seen once more, and since when
        self._seen: set[str] = set()
        self._woken = asyncio.Event()

    def after_look(self, result: BotResult, *, recreated: bool) -> None:
        """A bot that comes from elsewhere has to be there in all its parts before it counts."""
        bot_id, planned = result.bot_id, result.planned
        if planned is None:
            return
        if planned.wanted is None:
            if not self._session.cache.knows(bot_id):
                self._left.add(bot_id)
                self._woken.set()
            return
        if bot_id in self._asked and result.in_place:
            self._seen.add(bot_id)
            self._woken.set()
        if not self._shared.is_awaited(bot_id, self._target):
            return
        new = bot_id not in self._shared.placed
        if result.in_place or (new and result.tried):
            self._came.add(bot_id)
            self._woken.set()

    async def run(self, went_well: Callable[[], None]) -> None:
        """Places what comes, and tries again where the store was away."""
        while True:
            await self._session.clock.wait(self._woken, PAUSE)
            self._woken.clear()
            try:
                await self._place()
                await self._confirm()
            except StoreUnavailable as error:
                self._session.reporter.store(error, self.name)
                await self._session.clock.sleep(AGAIN)
                self._woken.set()
            else:
                self._session.reporter.store(None, self.name)
                went_well()

    async def _claim(self) -> None:
        """The bots that were on this server before placements were recorded are placed here."""
        server = self._session.port.target
        known = Known(self._target, server, self._url())
        applied = await asyncio.to_thread(self._session.stores.applied.load, server)
        await asyncio.to_thread(self._shared.claim, list(applied), known)

    async def _place(self) -> None:
        """What fails stays for the next time; so does everything while another daemon acts here."""
        if not self._session.leading:
            return
        came, left = frozenset(self._came), frozenset(self._left)
        if came:
            placed = await asyncio.to_thread(self._shared.place, came, self._target)
            for bot_id, before in sorted(placed.came.items()):
                self._session.reporter.say("a bot has moved here", bot=bot_id, before=before)
            self._moved(frozenset({*placed.came.values(), *placed.others.values()}))
            self._came -= came
            if placed.others:  # they are wanted here no more
                self._moved(frozenset({self._target}))
        if left:
            await asyncio.to_thread(self._shared.forget, left, self._target)
            self._left -= left

    async def _confirm(self) -> None:
        """A bot leaves where it was only once a look has found it here, after it was placed."""
        now = self._session.clock.monotonic()
        kept = frozenset(self._shared.kept(self._target)) if self._session.leading else frozenset()
        if seen := self._seen & kept:
            self._moved(await asyncio.to_thread(self._shared.confirm, seen, self._target))
        self._seen.clear()
        self._asked = {b: at for b, at in self._asked.items() if b in kept - seen}
        if again := [b for b in kept - seen if now - self._asked.get(b, -ASK) >= ASK]:
            self._asked |= dict.fromkeys(again, now)
            self._session.ask_for(again, "moved")

    async def begin_epoch(self) -> None:
        """Nothing is to be done for it."""

    async def before_serving(self) -> None:
        """Nothing is to be done for it."""

    def wake(self) -> None:
        self._woken.set()
