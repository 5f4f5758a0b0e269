"""What the log has been told already: each thing once, and again while it holds.

A fault that lasts is said when it begins, after five minutes, then in growing distances, at most a
day: whoever reads the log later would not know of it. For `reporter`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from otto_reconcile.model import Ref
from otto_reconcile.planning.plan import Operation, Outcome, Result
from otto_reconcile.runtime.clock import Clock

FIRST = 300.0
LONGEST = 86400.0
"""Seconds between two reminders: the first, and the most that doubling comes to."""


@dataclass(slots=True)
class _Told:
    what: object
    since: float
    last: float
    distance: float


class Reminders:
    """What is told, by a key of the caller's; another `what` under the same key begins anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[Hashable, _Told] = {}

    def due(self, key: Hashable, what: object) -> float | None:
        """0 if this is new, the seconds for which it holds if it is time to say so; else None."""
        now = self._clock.monotonic()
        told = self._told.get(key)
        if told is None or told.what != what:
            self._told[key] = _Told(what, now, now, FIRST)
            return 0.0
        if now - told.last < told.distance:
            return None
        told.last, told.distance = now, min(LONGEST, told.distance * 2)
        return now - told.since

    def over(self, key: Hashable) -> bool:
        """It holds no longer. True if it was told."""
        return self._told.pop(key, None) is not None


def span(seconds: float) -> str:
    """How long, in words: `7 min`, `3 h`, `2 d`."""
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} d"


Said = tuple[Operation, Result, str | None]


class Repeats:
    """What failed of each bot, and how, when it was last tried.

    A bot that cannot converge is tried again and again, and says and records the same each time.
    """

    def __init__(self) -> None:
        self._last: dict[str, dict[Ref, Said]] = {}

    def has(self, outcome: Outcome) -> bool:
        """True if the same action failed in the same way, or was not tried, the last time too."""
        action = outcome.action
        return self._last.get(action.bot_id, {}).get(action.ref) == _said(outcome)

    def settle(self, bot_id: str, outcomes: Iterable[Outcome]) -> None:
        """This is the last time now; of what needs something that waits, it is the one before."""
        done = {o.action.ref: o for o in outcomes}
        failed = {ref: _said(o) for ref, o in done.items() if o.result is not Result.SUCCEEDED}
        if failed:
            before = self._last.get(bot_id, {}).items()
            self._last[bot_id] = {ref: said for ref, said in before if ref not in done} | failed
        else:
            self._last.pop(bot_id, None)


def _said(outcome: Outcome) -> Said:
    return outcome.action.operation, outcome.result, outcome.error
