"""How long to wait after the n-th failure in a row: Argo CD's figures, with Flux's jitter."""

from __future__ import annotations

import random
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
