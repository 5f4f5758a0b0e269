"""How long to wait after the n-th failure in a row: Argo CD's figures, with Flux's jitter.

What heals at once is not to become a fight with whoever changes it: from the tenth heal in a minute
on, a heal waits too.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: `first`, then `factor` times as long each time, at most `most`; with jitter."""

    first: float = 2.0
    factor: float = 3.0
    most: float = 300.0
    jitter: float = 0.05
    rng: random.Random = field(default_factory=random.Random, repr=False)

    def delay(self, failures: int) -> float:
        """For `failures` >= 1 in a row; never below zero."""
        exponent = min(max(failures, 1) - 1, 20)
        base = min(self.most, self.first * self.factor**exponent)
        return base * (1 + self.rng.uniform(-self.jitter, self.jitter))


LOOK = Backoff()
"""For a bot that cannot be looked at."""
RETRY = Backoff()
"""For an action that failed, while the rest of its bot goes on."""
HEAL = Backoff()
"""For a bot that somebody keeps changing."""
CONNECTION = Backoff(most=30.0)
"""For a target or store that does not answer: asking again is cheap, and people wait for it."""


FREE, WINDOW = 10, 60.0
"""So many heals of a bot in so many seconds cost no wait."""


class HealLimiter:
    """Counts the heals of each bot. `now` is in monotonic seconds."""

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
