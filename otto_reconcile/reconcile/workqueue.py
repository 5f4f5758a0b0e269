"""The queue of bots to look at: one entry a bot, when it is due, and how often it failed.

What is looked at only to be sure is in `rounds`: nothing here ever waits behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from otto_reconcile.model import Ref
from otto_reconcile.runtime.backoff import LOOK, Backoff
from otto_reconcile.runtime.clock import Clock

URGENT, ROUTINE = 0, 1


@dataclass(slots=True)
class Item:
    """A bot to look at, at `due` (monotonic seconds) or later; the reasons are for the log.

    `parts` are those that may have changed on the target, None for the whole bot. The parts in
    `recreate` are to be made again, though nothing differs. Of those that are due, a lower `wave`
    goes first.
    """

    bot_id: str
    due: float
    priority: int
    run_id: str
    reasons: set[str] = field(default_factory=set)
    recreate: frozenset[Ref] = frozenset()
    answers: list[asyncio.Future[None]] = field(default_factory=list)
    wave: int = 0
    parts: frozenset[Ref] | None = None

    def done(self) -> None:
        """The look is over, or there will be none: nobody waits for it any longer."""
        for answer in self.answers:
            if not answer.done():
                answer.set_result(None)


class WorkQueue:
    """Not thread-safe: all calls come from the loop's own thread."""

    def __init__(self, clock: Clock, backoff: Backoff = LOOK) -> None:
        self._clock = clock
        self._backoff = backoff
        self._items: dict[str, Item] = {}
        self._failures: dict[str, int] = {}
        self._waves: dict[str, int] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def add(
        self,
        bot_id: str,
        reason: str,
        *,
        run_id: str,
        priority: int = URGENT,
        after: float = 0.0,
        wave: int | None = None,
        parts: frozenset[Ref] | None = None,
    ) -> None:
        """Asks for a look after so many seconds; the soonest and most urgent request wins.

        A routine request does not cut short the back-off of a bot that cannot be looked at. `wave`
        is the bot's; None is the one that was said last. A look at the whole bot has its `parts`
        in it, and several requests have all of theirs.
        """
        if wave is not None:
            self._waves[bot_id] = wave
        due = self._clock.monotonic() + after
        item = self._items.get(bot_id)
        if item is None:
            self._items[bot_id] = Item(bot_id, due, priority, run_id, {reason}, parts=parts)
        else:
            item.reasons.add(reason)
            item.parts = None if item.parts is None or parts is None else item.parts | parts
            if priority == URGENT or not self._failures.get(bot_id):
                item.due = min(item.due, due)
            if priority < item.priority:
                item.priority, item.run_id = priority, run_id
        self._items[bot_id].wave = self._waves.get(bot_id, 0)
        self._wake.set()

    def ask(
        self, bot_id: str, reason: str, *, run_id: str, recreate: frozenset[Ref]
    ) -> asyncio.Future[None]:
        """Asks for an urgent look that makes these parts again; done when it is over."""
        self.add(bot_id, reason, run_id=run_id)
        item, answer = self._items[bot_id], asyncio.get_running_loop().create_future()
        item.recreate |= recreate
        item.answers.append(answer)
        return answer

    def pop(self) -> Item | None:
        """The most urgent item that is due, or None."""
        now = self._clock.monotonic()
        due = [item for item in self._items.values() if item.due <= now]
        if not due:
            return None
        item = min(due, key=lambda i: (i.priority, i.wave, i.due, i.bot_id))
        return self._items.pop(item.bot_id)

    async def wait(self, most: float) -> None:
        """Returns when an item may be due, after `most` seconds at the latest."""
        self._wake.clear()
        dues = [item.due for item in self._items.values()]
        until_due = min(dues, default=float("inf")) - self._clock.monotonic()
        if until_due > 0:
            await self._clock.wait(self._wake, min(most, until_due))

    def drop(self, bot_ids: Iterable[str]) -> None:
        """Forgets what was asked for these bots up to now."""
        for bot_id in bot_ids:
            if (item := self._items.pop(bot_id, None)) is not None:
                item.done()

    def failed(self, bot_id: str, *, run_id: str, least: float = 0.0) -> tuple[int, float]:
        """Asks for another try later; gives the failures in a row and the seconds to wait."""
        self._failures[bot_id] = failures = self._failures.get(bot_id, 0) + 1
        delay = max(self._backoff.delay(failures), least)
        self.add(bot_id, "retry", run_id=run_id, priority=ROUTINE, after=delay)
        return failures, delay

    def succeeded(self, bot_id: str) -> None:
        self._failures.pop(bot_id, None)

    def failures(self, bot_id: str) -> int:
        return self._failures.get(bot_id, 0)
