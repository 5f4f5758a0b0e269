"""Says again what still holds: after five minutes, then in growing distances, at most a day.

A fault that lasts is said once when it begins; whoever reads the log later would not know of it.
For `reporter`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

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
