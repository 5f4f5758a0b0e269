"""Keeps self-healing from turning into a fight: heal at once, but not forever at that pace."""

from __future__ import annotations

from collections import deque

from otto_reconcile.runtime.backoff import HEAL, Backoff

FREE = 10
WINDOW = 60.0


class HealLimiter:
    """Counts the heals of each bot: `FREE` of them in `WINDOW` seconds cost no wait."""

    def __init__(self, backoff: Backoff = HEAL) -> None:
        self._backoff = backoff
        self._heals: dict[str, deque[float]] = {}

    def healed(self, bot_id: str, now: float) -> None:
        self._recent(bot_id, now).append(now)

    def wait(self, bot_id: str, now: float) -> float:
        """Seconds until the next heal of this bot may be made; mostly 0."""
        heals = self._recent(bot_id, now)
        if len(heals) < FREE:
            return 0.0
        delay = self._backoff.delay(len(heals) - FREE + 1)
        return max(0.0, heals[-1] + delay - now)

    def _recent(self, bot_id: str, now: float) -> deque[float]:
        heals = self._heals.setdefault(bot_id, deque(maxlen=FREE + 10))
        longest = WINDOW if len(heals) <= FREE else self._backoff.most
        while heals and heals[0] < now - longest:
            heals.popleft()
        return heals
