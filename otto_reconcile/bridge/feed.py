"""Numbers what happens on a Parlant, and gives what came after a number."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from otto_reconcile.reconcile.target_changes import Touched

KEPT = 10_000
"""Entries that are kept; an answer about older ones reports that some are lost."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A request waits for this bot."""

    bot_id: str


class Feed:
    """Looks like a queue to `server.change_hook`. Used from one event loop only."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[tuple[int, Touched | Demand]] = deque()
        self._kept, self._dropped = kept, 0
        self.last = 0
        """The number of what happened last."""
        self._used: dict[str, int] = {}
        self._news = asyncio.Event()

    def put_nowait(self, touched: Touched) -> None:
        """Somebody else changed something."""
        self._add(touched)

    def demand(self, bot_id: str) -> None:
        """A request waits for this bot."""
        self._add(Demand(bot_id))

    def use(self, bot_id: str) -> None:
        """A customer writes to this bot. Nobody is woken for that."""
        self.last += 1
        self._used[bot_id] = self.last

    def wake(self) -> None:
        """Has those who wait look at once."""
        self._news.set()
        self._news = asyncio.Event()

    def _add(self, entry: Touched | Demand) -> None:
        self.last += 1
        self._entries.append((self.last, entry))
        while len(self._entries) > self._kept:
            self._dropped = self._entries.popleft()[0]
        self.wake()

    async def wait(self, number: int, seconds: float) -> None:
        """Until something comes after that number, or somebody is woken; so long at most."""
        if self._is_behind(number) or self._dropped > number:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def _is_behind(self, number: int) -> bool:
        return number > self.last or bool(self._entries and self._entries[-1][0] > number)

    def after(self, number: int) -> dict[str, Any]:
        """What came after that number, fit for JSON; see `port.bridge.News`."""
        entries = [entry for at, entry in self._entries if at > number]
        touched = [one for one in entries if isinstance(one, Touched)]
        return {
            "last": self.last,
            "lost": self._dropped > number or number > self.last,
            "touched": [(one.kind, one.id, one.bot_id, one.ends) for one in touched],
            "demands": _each_once(entries, lambda one: one.bot_id),
            "used": [bot_id for bot_id, at in self._used.items() if at > number],
        }


def _each_once(entries: list[Touched | Demand], name: Callable[[Demand], str]) -> list[str]:
    return [*dict.fromkeys(name(one) for one in entries if isinstance(one, Demand))]
